//! The segments of a journal, in order: what reading needs.

use super::disk::{Disk, DiskFile, read_full};
use super::error::{Damage, StoreError};
use super::event::Position;
use super::schema::JOURNAL_FORMAT;
use super::seal::Sealer;
use super::segment::{
    FRAME, HEADER, Header, HeaderError, Place, Slot, chain as chain_hash, genesis, open_frame,
    parse_slot,
};
use crate::units::DeviceId;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// Which journal this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The epoch.
    pub epoch: u32,
    /// Drawn at enrolment.
    pub id: [u8; 16],
    /// The handheld, padded with zeros.
    pub device: [u8; 16],
}

impl Life {
    /// The life of a handheld's journal.
    pub fn new(epoch: u32, id: [u8; 16], device: &DeviceId) -> Self {
        let mut padded = [0; 16];
        let name = device.as_str().as_bytes();
        let size = name.len().min(padded.len());
        padded[..size].copy_from_slice(&name[..size]);
        Self { epoch, id, device: padded }
    }

    /// The hash before its first record.
    pub fn genesis(&self) -> [u8; 32] {
        genesis(self.epoch, &self.id, &self.device)
    }
}

/// A record and where it stands in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub at: Position,
    /// Chain hash before it; zeros where that is not known.
    pub prev: [u8; 32],
    /// Its body.
    pub body: Vec<u8>,
}

/// A frame and the records in it; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its offset in its segment.
    pub offset: u64,
    /// The byte behind it.
    pub end: u64,
    /// Its records, in order.
    pub entries: Vec<Entry>,
}

impl Frame {
    /// The last record's position.
    pub fn head(&self) -> Option<Position> {
        self.entries.last().map(|entry| entry.at)
    }

    /// A record of it.
    pub fn entry(self, seq: u64) -> Option<Entry> {
        self.entries.into_iter().find(|entry| entry.at.seq == seq)
    }
}

/// A segment that is open.
#[derive(Debug)]
pub struct Segment {
    /// Its file name.
    pub name: String,
    /// What its header says.
    pub header: Header,
    /// Chain hash of the record before its first.
    pub prev_hash: [u8; 32],
    /// The file.
    pub file: Box<dyn DiskFile>,
}

/// The segments of one journal. Readers share it with the one writer, which only ever adds.
#[derive(Debug)]
pub struct Chain {
    /// Where it lies.
    pub disk: Arc<dyn Disk>,
    /// Its folder.
    pub dir: PathBuf,
    /// Which journal.
    pub life: Life,
    /// Opens what is in it.
    pub seal: Arc<Sealer>,
    /// Size of new segments.
    pub segment_bytes: u64,
    segments: RwLock<Vec<Arc<Segment>>>,
}

impl Chain {
    /// A journal without segments yet.
    pub fn empty(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        life: Life,
        seal: Arc<Sealer>,
        segment_bytes: u64,
    ) -> Self {
        Self { disk, dir, life, seal, segment_bytes, segments: RwLock::default() }
    }

    /// Opens the segments of a journal and checks their headers. Damage does not stop it: what
    /// comes before is open, the rest is left alone.
    ///
    /// # Errors
    /// [`StoreError::Newer`]; [`StoreError::Failed`] if the folder cannot be read.
    pub fn open(&self) -> Result<Option<Damage>, StoreError> {
        let failed = |e: io::Error| StoreError::Failed(format!("journal: {e}"));
        let mut next_seq = 1;
        for name in self.disk.list(&self.dir).map_err(failed)? {
            if name.ends_with(".tmp") {
                // A segment that was never finished; nothing in it was acknowledged.
                let _ = self.disk.remove(&self.dir.join(&name));
                continue;
            }
            if !name.ends_with(".mkj") {
                continue;
            }
            let damage = |what: &str| Damage {
                file: name.clone(),
                offset: 0,
                after_seq: 0,
                what: what.into(),
            };
            let segment = match self.open_segment(&name) {
                Ok(segment) => segment,
                Err(OpenError::Newer(found)) => {
                    return Err(StoreError::Newer { file: name, found, known: JOURNAL_FORMAT });
                }
                Err(OpenError::Bad(what)) => return Ok(Some(damage(&what))),
            };
            let header = &segment.header;
            let first = self.last().is_none();
            if first && (header.first_seq != 1 || segment.prev_hash != self.life.genesis()) {
                return Ok(Some(damage("the journal does not begin at its beginning")));
            }
            if !first && header.first_seq < next_seq {
                return Ok(Some(damage("segments overlap")));
            }
            next_seq = header.first_seq + 1;
            let length = segment.file.size().map_err(failed)?;
            let wrong_size = length != header.size || header.size < HEADER + FRAME;
            self.push(segment);
            if wrong_size {
                return Ok(Some(damage("the file does not have the size its header gives")));
            }
        }
        if self.last().is_none() {
            return Ok(Some(Damage {
                file: "journal".into(),
                offset: 0,
                after_seq: 0,
                what: "no segment is there".into(),
            }));
        }
        Ok(None)
    }

    fn open_segment(&self, name: &str) -> Result<Segment, OpenError> {
        let bad = |e: io::Error| OpenError::Bad(format!("cannot be read: {e}"));
        let file = self.disk.open(&self.dir.join(name)).map_err(bad)?;
        let mut bytes = [0; HEADER as usize];
        let got = read_full(&*file, &mut bytes, 0).map_err(bad)?;
        let header = match Header::decode(&bytes[..got]) {
            Ok(header) => header,
            Err(HeaderError::Newer(found)) => return Err(OpenError::Newer(found)),
            Err(HeaderError::Bad(what)) => return Err(OpenError::Bad(what.to_owned())),
        };
        if header.epoch != self.life.epoch || header.life != self.life.id {
            return Err(OpenError::Bad("a segment of another journal".to_owned()));
        }
        let prev_hash = header.prev_hash(&self.seal);
        let prev_hash = prev_hash.ok_or_else(|| OpenError::Bad("its seal is broken".to_owned()))?;
        Ok(Segment { name: name.to_owned(), header, prev_hash, file })
    }

    /// The segment at a place in the order.
    pub fn segment(&self, index: usize) -> Option<Arc<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    /// The segment that is written to.
    pub fn last(&self) -> Option<Arc<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the next segment.
    pub fn push(&self, segment: Segment) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(segment));
    }

    /// Which segment holds a record, if any could.
    pub fn find(&self, seq: u64) -> Option<usize> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.partition_point(|s| s.header.first_seq <= seq).checked_sub(1)
    }

    /// Opens a frame that was found at an offset and gives its first record this number. With the
    /// hash before it every link is checked, without it all but the first.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open_frame(
        &self,
        seq: u64,
        sealed: &[u8],
        offset: u64,
        prev: Option<[u8; 32]>,
    ) -> Result<Frame, &'static str> {
        let epoch = self.life.epoch;
        let place = Place { life: &self.life.id, epoch, seq };
        let records = open_frame(&self.seal, place, sealed).ok_or("its seal is broken")?;
        let (mut entries, mut before, mut next) = (Vec::with_capacity(records.len()), prev, seq);
        for (body, hash) in records {
            if before.is_some_and(|before| chain_hash(&before, &body) != hash) {
                return Err("the hash chain is broken");
            }
            let at = Position { epoch, seq: next, hash };
            entries.push(Entry { at, prev: before.unwrap_or_default(), body });
            before = Some(hash);
            next += 1;
        }
        Ok(Frame { offset, end: offset + 16 + sealed.len() as u64, entries })
    }

    /// Reads the frame at a known offset that holds a record. Checks its checksum, its seal and the
    /// links inside it. `None` if no such frame is there.
    pub fn read(&self, seq: u64, offset: u64) -> Option<Frame> {
        let segment = self.segment(self.find(seq)?)?;
        let room = segment.header.size.checked_sub(offset)?;
        // Most frames fit the first read.
        let mut bytes = vec![0; 1024.min(usize::try_from(room).ok()?)];
        loop {
            let got = read_full(&*segment.file, &mut bytes, offset).ok()?;
            match parse_slot(&bytes[..got], room) {
                Slot::Frame { seq: first, sealed } => {
                    let frame = self.open_frame(first, sealed, offset, None).ok()?;
                    let holds = first <= seq && frame.head().is_some_and(|head| seq <= head.seq);
                    return holds.then_some(frame);
                }
                Slot::Short(need) if need > bytes.len() => bytes.resize(need, 0),
                _ => return None,
            }
        }
    }
}

enum OpenError {
    Bad(String),
    Newer(u32),
}

//! The journal: append, force to disk, only then say so.
//!
//! Nothing here knows what a record means. A record is acknowledged when [`Journal::append`]
//! returns; from then on it is read back or its loss is noticed. A failed flush is final for the
//! process: what the disk holds then is found out by opening again (`reference/store.md`).

use super::chain::{Chain, Segment};
use super::disk::{Disk, is_full};
use super::error::StoreError;
use super::event::Position;
use super::schema::TAIL_RESERVE;
use super::segment::{
    FRAME, HEADER, Header, MAX_FRAME, Place, RECORD, encode_frame, file_name, frame_size,
};
use std::io;
use std::sync::Arc;

/// Where the next frame goes.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// The last record, or sequence number 0 and the genesis.
    pub head: Position,
    /// Offset of the next frame in the last segment.
    pub offset: u64,
}

/// A group of records that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The position of each.
    pub at: Vec<Position>,
    /// The last of them.
    pub head: Position,
    /// Offset of their frame in its segment.
    pub offset: u64,
    /// The byte behind it.
    pub end: u64,
}

/// The writing end. There is one, behind the store's lock.
#[derive(Debug)]
pub struct Journal {
    chain: Arc<Chain>,
    tail: Tail,
    /// Bytes behind the tail up to here may hold the remains of a write that failed.
    dirty_to: u64,
    /// Why nothing may be written any more.
    failed: Option<String>,
}

impl Journal {
    /// Takes over the end of a journal that was checked.
    pub fn new(chain: Arc<Chain>, tail: Tail) -> Self {
        Self { chain, tail, dirty_to: 0, failed: None }
    }

    /// The last record.
    pub fn head(&self) -> Position {
        self.tail.head
    }

    /// Why writing stopped for good, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Stops writing for good.
    pub fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
    }

    /// Appends a group of records as one frame and forces it to disk: all of them are there after
    /// a power cut, or none. `keep` bytes of the segment stay free behind it (for the outcomes of
    /// open intents); a new segment is begun when they would not.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]: nothing was recorded and it may be tried again.
    /// [`StoreError::Failed`]: nothing is acknowledged, and nothing will be in this process.
    pub fn append(&mut self, bodies: &[Vec<u8>], keep: u64) -> Result<Appended, StoreError> {
        self.check()?;
        let need = frame_size(bodies);
        if self.room() < need.saturating_add(keep) {
            self.rotate()?;
            if self.room() < need {
                return Err(StoreError::TooBig {
                    what: "record",
                    size: bodies.iter().map(Vec::len).sum(),
                    limit: usize::try_from(self.room().saturating_sub(FRAME + RECORD)).unwrap_or(0),
                });
            }
        }
        self.write(bodies)
    }

    /// How long a frame may be that is appended next, with `keep` bytes free behind it: what is
    /// left of the segment, or, if that is hardly anything, what a new one will take.
    pub fn frame_room(&self, keep: u64) -> u64 {
        const HARDLY: u64 = 8 * 1024;
        let new = self.chain.segment_bytes.saturating_sub(HEADER + TAIL_RESERVE);
        let left = self.room();
        let room = if left.saturating_sub(keep) < HARDLY { new } else { left };
        room.saturating_sub(keep).min(MAX_FRAME)
    }

    /// Records that a torn tail was cut, over its remains; the end of the segment is kept for this.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_cut(&mut self, body: Vec<u8>, torn: u64) -> Result<Appended, StoreError> {
        self.check()?;
        self.dirty_to = self.tail.offset + torn;
        self.write(&[body])
    }

    /// Makes sure that `bytes` can be appended later without taking more disk, now or never.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.check()?;
        if self.room() < bytes { self.rotate() } else { Ok(()) }
    }

    fn check(&self) -> Result<(), StoreError> {
        match &self.failed {
            Some(why) => Err(StoreError::Failed(why.clone())),
            None => Ok(()),
        }
    }

    /// Bytes an ordinary record may take in the last segment.
    fn room(&self) -> u64 {
        let size = self.chain.last().map_or(0, |s| s.header.size);
        size.saturating_sub(TAIL_RESERVE).saturating_sub(self.tail.offset)
    }

    fn write(&mut self, bodies: &[Vec<u8>]) -> Result<Appended, StoreError> {
        let Some(segment) = self.chain.last() else {
            return Err(StoreError::Failed("the journal has no segment".to_owned()));
        };
        let offset = self.tail.offset;
        let before = self.tail.head;
        let life = &self.chain.life;
        let place = Place { life: &life.id, epoch: life.epoch, seq: before.seq + 1 };
        let framed = encode_frame(&self.chain.seal, place, &before.hash, bodies);
        let (mut bytes, hashes) = framed?;
        let end = offset + bytes.len() as u64;
        // Remains of a failed write must not stand behind this frame as if they belonged there.
        if self.dirty_to > end {
            bytes.resize(usize::try_from(self.dirty_to - offset).unwrap_or(bytes.len()), 0);
        }
        if let Err(e) = segment.file.write_at(&bytes, offset) {
            self.dirty_to = self.dirty_to.max(offset + bytes.len() as u64);
            return Err(self.write_failed(&e));
        }
        if let Err(e) = segment.file.sync() {
            return Err(self.failed_for_good("flush", &e));
        }
        self.dirty_to = 0;
        let position = |(seq, hash)| Position { epoch: before.epoch, seq, hash };
        let at: Vec<Position> = (before.seq + 1..).zip(hashes).map(position).collect();
        let head = at.last().copied().unwrap_or(before);
        self.tail = Tail { head, offset: end };
        Ok(Appended { at, head, offset, end })
    }

    fn write_failed(&mut self, error: &io::Error) -> StoreError {
        if is_full(error) { StoreError::DiskFull } else { self.failed_for_good("write", error) }
    }

    fn failed_for_good(&mut self, what: &str, error: &io::Error) -> StoreError {
        let why = format!("{what}: {error}");
        self.fail(why.clone());
        StoreError::Failed(why)
    }

    /// Begins a new segment.
    fn rotate(&mut self) -> Result<(), StoreError> {
        if let (Some(segment), true) = (self.chain.last(), self.dirty_to > self.tail.offset) {
            let zeros = vec![0; usize::try_from(self.dirty_to - self.tail.offset).unwrap_or(0)];
            if let Err(e) = segment.file.write_at(&zeros, self.tail.offset) {
                return Err(self.write_failed(&e));
            }
            if let Err(e) = segment.file.sync() {
                return Err(self.failed_for_good("flush", &e));
            }
        }
        match new_segment(&self.chain, self.tail.head) {
            Ok(segment) => {
                self.chain.push(segment);
                self.dirty_to = 0;
                self.tail.offset = HEADER;
                Ok(())
            }
            Err(e) if is_full(&e) => Err(StoreError::DiskFull),
            Err(e) => Err(self.failed_for_good("new segment", &e)),
        }
    }
}

/// Makes the segment that follows `head`: temporary file, zeros, header, flush, rename, flush
/// folder.
///
/// # Errors
/// Whatever the system says. `StorageFull` only if no trace of the segment is left.
pub fn new_segment(chain: &Chain, head: Position) -> io::Result<Segment> {
    const TEMP: &str = "segment.tmp";
    let disk: &dyn Disk = &*chain.disk;
    let life = &chain.life;
    let (epoch, first) = (life.epoch, head.seq + 1);
    let header = Header::new(&chain.seal, epoch, first, life.id, chain.segment_bytes, &head.hash)?;
    let name = file_name(header.epoch, header.first_seq);
    let temp = chain.dir.join(TEMP);
    let made = (|| {
        let file = disk.create(&temp)?;
        file.allocate(header.size)?;
        file.write_at(&header.encode(), 0)?;
        file.sync()?;
        disk.rename(&temp, &chain.dir.join(&name))?;
        Ok(file)
    })();
    let file = match made {
        Ok(file) => file,
        Err(e) => {
            let _ = disk.remove(&temp);
            return Err(e);
        }
    };
    // The name exists now, durable or not: "full" would invite a second attempt over it.
    disk.sync_dir(&chain.dir).map_err(|e| io::Error::other(e.to_string()))?;
    Ok(Segment { name, header, prev_hash: head.hash, file })
}

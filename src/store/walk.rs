//! Reading a journal from a place onwards, frame by frame, checking every link.

use super::chain::{Chain, Frame, Segment};
use super::disk::read_full;
use super::error::Damage;
use super::event::Position;
use super::segment::{HEADER, MAX_FRAME, Rest, Slot, inspect_rest, parse_slot};
use std::sync::Arc;

/// How much is read at once.
const BLOCK: usize = 256 * 1024;
/// How far behind the end a quick look goes: any torn frame, and what a lost block could hide.
const QUICK_LOOK: u64 = 2 * MAX_FRAME;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A frame with its records.
    Frame(Frame),
    /// The end; the next frame goes to this offset of the last segment.
    End(u64),
    /// The end, with the remains of a torn frame: offset and number of bytes.
    Torn(u64, u64),
}

/// Reads on from a place.
pub struct Walker<'a> {
    chain: &'a Chain,
    index: usize,
    segment: Option<Arc<Segment>>,
    offset: u64,
    head: Position,
    block: Vec<u8>,
    block_at: u64,
    thorough: bool,
}

impl<'a> Walker<'a> {
    /// From the first record. `thorough` looks at every byte behind the end as well.
    pub fn from_start(chain: &'a Chain, thorough: bool) -> Self {
        let head = Position { epoch: chain.life.epoch, seq: 0, hash: chain.life.genesis() };
        Self::new(chain, 0, HEADER, head, thorough)
    }

    /// From behind a frame: `head` is its last record, `offset` the byte behind it in its segment.
    pub fn after(chain: &'a Chain, head: Position, offset: u64) -> Self {
        Self::new(chain, chain.find(head.seq).unwrap_or(0), offset, head, false)
    }

    /// From the first record of the segment a record is in.
    pub fn from_segment_of(chain: &'a Chain, seq: u64) -> Self {
        let index = chain.find(seq).unwrap_or(0);
        let Some(segment) = chain.segment(index) else { return Self::from_start(chain, false) };
        let head = Position {
            epoch: chain.life.epoch,
            seq: segment.header.first_seq - 1,
            hash: segment.prev_hash,
        };
        Self::new(chain, index, HEADER, head, false)
    }

    fn new(chain: &'a Chain, index: usize, offset: u64, head: Position, thorough: bool) -> Self {
        let segment = chain.segment(index);
        Self { chain, index, segment, offset, head, block: Vec::new(), block_at: 0, thorough }
    }

    /// The last good record so far.
    pub fn head(&self) -> Position {
        self.head
    }

    fn damage(&self, offset: u64, what: impl Into<String>) -> Damage {
        let file = self.segment.as_ref().map_or("journal", |s| &s.name).to_owned();
        Damage { file, offset, after_seq: self.head.seq, what: what.into() }
    }

    /// The next frame, or how the journal ends.
    ///
    /// # Errors
    /// [`Damage`]: what follows cannot be right, and it is not a torn end either.
    pub fn step(&mut self) -> Result<Next, Damage> {
        loop {
            let Some(segment) = self.segment.clone() else {
                return Err(self.damage(0, "no segment is there"));
            };
            let room = segment.header.size.saturating_sub(self.offset);
            let mut need = 16;
            loop {
                self.fill(&segment, need)?;
                let from = usize::try_from(self.offset - self.block_at).unwrap_or(usize::MAX);
                let bytes = self.block.get(from..).unwrap_or_default();
                match parse_slot(bytes, room) {
                    Slot::Short(more) if more > bytes.len() && more != need => need = more,
                    Slot::Short(_) => {
                        return Err(self.damage(self.offset, "the file is cut short"));
                    }
                    Slot::Frame { seq, sealed } => {
                        let (offset, head) = (self.offset, self.head);
                        let frame = if seq == head.seq + 1 {
                            self.chain.open_frame(seq, sealed, offset, Some(head.hash))
                        } else {
                            Err("an entry out of order")
                        };
                        let frame = frame.map_err(|what| self.damage(offset, what))?;
                        self.offset = frame.end;
                        self.head = frame.head().unwrap_or(head);
                        return Ok(Next::Frame(frame));
                    }
                    Slot::Zero => match self.leave(&segment, "bytes behind the end")? {
                        Some(next) => return Ok(next),
                        None => break,
                    },
                    Slot::Broken(what) => match self.leave(&segment, what)? {
                        Some(next) => return Ok(next),
                        None => break,
                    },
                }
            }
        }
    }

    /// Makes sure the block holds `need` bytes from the offset on, if the file has them.
    fn fill(&mut self, segment: &Segment, need: usize) -> Result<(), Damage> {
        let have = (self.block_at + self.block.len() as u64).saturating_sub(self.offset);
        if self.offset >= self.block_at && have >= need as u64 {
            return Ok(());
        }
        let left = usize::try_from(segment.header.size.saturating_sub(self.offset));
        let wanted = BLOCK.max(need).min(left.unwrap_or(BLOCK));
        let mut block = std::mem::take(&mut self.block);
        if block.len() < wanted {
            // All of it is read over; zeros of the system's cost nothing.
            block = vec![0; wanted];
        }
        block.truncate(wanted);
        let got = read_full(&*segment.file, &mut block, self.offset)
            .map_err(|e| self.damage(self.offset, format!("cannot be read: {e}")))?;
        block.truncate(got);
        self.block = block;
        self.block_at = self.offset;
        Ok(())
    }

    /// Where no frame begins: the end of the journal, of the segment, or damage.
    /// `None`: reading goes on in the next segment.
    fn leave(&mut self, segment: &Segment, what: &str) -> Result<Option<Next>, Damage> {
        let size = segment.header.size;
        let is_last = self.index + 1 >= self.chain.len();
        let until =
            if is_last && !self.thorough { size.min(self.offset + QUICK_LOOK) } else { size };
        let rest = inspect_rest(&*segment.file, self.offset, until)
            .map_err(|e| self.damage(self.offset, format!("cannot be read: {e}")))?;
        match rest {
            Rest::Clean if is_last => Ok(Some(Next::End(self.offset))),
            Rest::Torn(bytes) if is_last => Ok(Some(Next::Torn(self.offset, bytes))),
            Rest::Damage(at, why) => Err(self.damage(at, why)),
            Rest::Torn(_) => Err(self.damage(self.offset, what)),
            Rest::Clean => {
                let next = self.chain.segment(self.index + 1);
                let follows = next.as_ref().is_some_and(|n| {
                    n.header.first_seq == self.head.seq + 1 && n.prev_hash == self.head.hash
                });
                if !follows {
                    return Err(
                        self.damage(self.offset, "records are missing before the next file")
                    );
                }
                self.index += 1;
                self.segment = next;
                self.offset = HEADER;
                self.block.clear();
                Ok(None)
            }
        }
    }
}

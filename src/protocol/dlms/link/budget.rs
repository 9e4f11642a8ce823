//! How long an answer may go on: in bytes, and in frames for the bytes it brings.

/// Longest message: what the AARQ allows the meter.
pub const MESSAGE_MAX: usize = 64 * 1024;
/// Frames a message may take whatever they bring.
const FREE: usize = 64;
/// Bytes every further frame must bring on average.
const FAIR: usize = 32;

/// Counts frames, or blocks.
#[derive(Debug, Clone)]
pub struct Budget {
    most: usize,
    frames: usize,
}

impl Budget {
    /// For an answer of so many bytes at most.
    pub fn new(most: usize) -> Self {
        Self { most, frames: 0 }
    }

    /// One more frame; `bytes` have come altogether. `false`: this does not end.
    pub fn take(&mut self, bytes: usize) -> bool {
        self.frames += 1;
        bytes <= self.most && self.frames <= FREE + bytes / FAIR
    }
}

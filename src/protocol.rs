//! Meter protocols as pure code: bytes in, bytes out, time passed in.
//!
//! Nothing here reads a clock, a file or a random source, and nothing panics on any input. A
//! [`Dialogue`] is the vocabulary between a protocol and the one loop that joins it to a line
//! (`jobs/drive.rs`). Two kinds of failure stay apart: the line's belong to `transport`, the
//! meter's refusals to the dialogue's own output.

pub mod dlt645;

use std::time::Duration;

/// A moment on a link's own clock: time since the link was opened. Real links count real time,
/// simulated ones count virtual time.
pub type Tick = Duration;

/// What a dialogue wants next.
#[derive(Debug)]
pub enum Step<T> {
    /// Put these bytes on the line, now.
    Send(Vec<u8>),
    /// Keep the line quiet and throw away what still arrives, until this moment: a late answer must
    /// not be taken for the answer to the next question.
    Quarantine(Tick),
    /// Wait for bytes until this moment, then step again.
    Wait(Tick),
    /// Finished.
    Done(T),
}

/// A conversation with a meter, without any input or output of its own.
///
/// The driver calls `step`; for `Send` it sends and calls [`Dialogue::sent`]; for `Wait` it feeds
/// what arrives, each time calling `step` again; for `Quarantine` it discards input.
pub trait Dialogue {
    /// What comes out in the end, refusals by the meter included.
    type Output;

    /// What to do now.
    fn step(&mut self, now: Tick) -> Step<Self::Output>;

    /// The bytes of the last `Send` have left; the last stop bit is over at `end` at the latest.
    fn sent(&mut self, end: Tick);

    /// Bytes that arrived. `now` is the arrival of the last of them.
    fn feed(&mut self, bytes: &[u8], now: Tick);
}

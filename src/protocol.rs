//! Meter protocols as pure code: bytes in, bytes out, time passed in.
//!
//! Nothing here reads a clock, a file or a random source, and nothing panics on any input. A
//! [`Dialogue`] is the vocabulary between a protocol and the one loop that joins it to a line
//! (`jobs/drive.rs`). Two kinds of failure stay apart: the line's belong to `transport`, the
//! meter's refusals to the dialogue's own output.
//!
//! | module | protocol |
//! |---|---|
//! | [`dlt645`] | DL/T 645-2007 and -1997: electricity meters of China |
//! | [`modbus`] | Modbus RTU and TCP: Acrel and many others |
//! | [`iec62056`] | IEC 62056-21 modes A, B, C: optical heads |
//! | [`dlms`] | DLMS/COSEM over HDLC, mode E |
//! | [`cjt188`] | CJ/T 188: water, heat, gas |
//! | [`dlt698`] | DL/T 698.45: State Grid's newer meters, read only |
//! | [`mbus`] | wired M-Bus: heat and water of Europe, read only |
//!
//! Shared: [`exchange`] (one question, one answer, asked again with care), [`value`] (exact
//! numbers), [`form`] (how values lie in registers), [`explained`] (frames in words).

pub mod cjt188;
pub mod dlms;
pub mod dlt645;
pub mod dlt698;
pub mod exchange;
pub mod explained;
pub mod form;
pub mod framing;
pub mod iec62056;
pub mod mbus;
pub mod modbus;
mod scan;
pub mod value;

pub use framing::{Framing, Parity};

use std::time::Duration;

/// A moment on a link's own clock: time since the link was opened. Real links count real time,
/// simulated ones count virtual time.
pub type Tick = Duration;

/// What a dialogue wants next.
#[derive(Debug)]
pub enum Step<T> {
    /// Put these bytes on the line, now.
    Send(Vec<u8>),
    /// Change speed and characters of the line, now: what was sent before has left. The answer is
    /// [`Dialogue::tuned`].
    Tune(Framing),
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
/// The driver calls `step`; for `Send` it sends and calls [`Dialogue::sent`]; for `Tune` it changes
/// the line and calls [`Dialogue::tuned`]; for `Wait` it feeds what arrives, each time calling
/// `step` again; for `Quarantine` it discards input.
pub trait Dialogue {
    /// What comes out in the end, refusals by the meter included.
    type Output;

    /// What to do now.
    fn step(&mut self, now: Tick) -> Step<Self::Output>;

    /// The bytes of the last `Send` have left; the last stop bit is over at `end` at the latest.
    fn sent(&mut self, end: Tick);

    /// The line was asked to change its characters. `changed` is false where that is set elsewhere
    /// (a device server, a Bluetooth head): the line is as it was.
    fn tuned(&mut self, changed: bool) {
        let _ = changed;
    }

    /// Bytes that arrived. `now` is the arrival of the last of them.
    fn feed(&mut self, bytes: &[u8], now: Tick);
}

/// Passes a step on, with its result changed.
pub(crate) fn map_done<T, U>(step: Step<T>, change: impl FnOnce(T) -> U) -> Step<U> {
    match step {
        Step::Send(bytes) => Step::Send(bytes),
        Step::Tune(framing) => Step::Tune(framing),
        Step::Quarantine(until) => Step::Quarantine(until),
        Step::Wait(until) => Step::Wait(until),
        Step::Done(result) => Step::Done(change(result)),
    }
}

//! A bus of simulated meters as pure state: what a line was told, what it answers, and when. Every
//! family's simulator implements it; only `sim/serve.rs` puts one behind a transport.

use std::time::Duration;

/// Everything that hangs on one line. Time is the caller's: `at` only ever grows.
pub trait Bus: Send {
    /// Bytes that arrived on the line, the last of them at `at`. Answers come out of `next`.
    fn hear(&mut self, bytes: &[u8], at: Duration);

    /// The next message to send, and when it starts; `None` when there is nothing (more) to say.
    fn next(&mut self) -> Option<(Duration, Vec<u8>)>;

    /// Speed the line must have for this bus to understand it, in baud; `None`: any.
    fn speed(&self) -> Option<u32>;
}

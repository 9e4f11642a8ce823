//! The one place where a dialogue meets a link.
//!
//! A [`Dialogue`] says what it wants next; this loop does it, on the link's own clock, and looks at
//! the cancel flag at least every [`SLICE`]. Whatever passes is shown to a sink, for the live trace
//! and the digest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::open;
use crate::protocol::{Dialogue, Step, Tick};
use crate::transport::{Link, LinkError};

/// Set it to stop an errand; it is looked at every [`SLICE`].
pub type Cancel = Arc<AtomicBool>;

/// The longest wait on a link without a look at the cancel flag.
pub const SLICE: Duration = Duration::from_millis(50);

/// More steps than any dialogue needs, a line that babbles for minutes included.
const MAX_STEPS: u32 = 10_000_000;

/// One piece of traffic.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    /// When, on the link's clock.
    pub at: Tick,
    /// `true` from the meter, `false` to it.
    pub received: bool,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Why a dialogue did not come to its end. The meter's own refusals are in its output instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The cancel flag was set.
    #[error("cancelled")]
    Cancelled,
    /// The line failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The dialogue never ended: a bug in it.
    #[error("the dialogue did not end")]
    Endless,
}

/// Runs a dialogue over a link until it is done.
///
/// # Errors
/// [`DriveError`]; bytes sent before it may have reached the meter.
pub fn run<D: Dialogue>(
    dialogue: &mut D,
    link: &mut dyn Link,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Wire<'_>),
) -> Result<D::Output, DriveError> {
    let mut buffer = [0u8; 512];
    for _ in 0..MAX_STEPS {
        if cancel.load(Ordering::Relaxed) {
            return Err(DriveError::Cancelled);
        }
        let now = link.now();
        let (until, listen) = match dialogue.step(now) {
            Step::Done(output) => return Ok(output),
            Step::Send(bytes) => {
                sink(Wire { at: now, received: false, bytes: &bytes });
                dialogue.sent(link.send(&bytes)?);
                continue;
            }
            Step::Tune(framing) => {
                dialogue.tuned(link.tune(&open::framing(framing))?);
                continue;
            }
            Step::Wait(until) => (until, true),
            Step::Quarantine(until) => (until, false),
        };
        let count = link.recv(&mut buffer, until.min(now + SLICE))?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else { continue };
        let at = link.now();
        sink(Wire { at, received: true, bytes });
        if listen {
            dialogue.feed(bytes, at);
        }
    }
    Err(DriveError::Endless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Timing;

    /// A link that answers every send with the same bytes, 30 ms a piece.
    struct Parrot(Duration, Vec<Vec<u8>>);

    impl Link for Parrot {
        fn now(&self) -> Duration {
            self.0
        }
        fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
            self.1.extend(bytes.chunks(2).map(<[u8]>::to_vec));
            Ok(self.0)
        }
        fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
            assert!(deadline <= self.0 + SLICE, "waits past a look at the cancel flag");
            if self.1.is_empty() {
                self.0 = self.0.max(deadline);
                return Ok(0);
            }
            self.0 += Duration::from_millis(30);
            let piece = self.1.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
        fn timing(&self) -> Timing {
            Timing { character: Duration::ZERO, slack: Duration::ZERO }
        }
    }

    /// Plays a script and notes what it was told.
    struct Script(Vec<Step<()>>, Vec<u8>);

    impl Dialogue for Script {
        type Output = Vec<u8>;
        fn step(&mut self, now: Tick) -> Step<Vec<u8>> {
            match self.0.first() {
                None | Some(Step::Done(())) => Step::Done(std::mem::take(&mut self.1)),
                Some(Step::Wait(until) | Step::Quarantine(until)) if now >= *until => {
                    self.0.remove(0);
                    self.step(now)
                }
                Some(Step::Wait(until)) => Step::Wait(*until),
                Some(Step::Tune(framing)) => Step::Tune(*framing),
                Some(Step::Quarantine(until)) => Step::Quarantine(*until),
                Some(Step::Send(_)) => match self.0.remove(0) {
                    Step::Send(bytes) => Step::Send(bytes),
                    _ => unreachable!("just matched"),
                },
            }
        }
        fn sent(&mut self, _end: Tick) {}
        fn feed(&mut self, bytes: &[u8], _now: Tick) {
            self.1.extend_from_slice(bytes);
        }
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn quarantined_bytes_are_discarded_but_traced() {
        let mut trace = Vec::new();
        let script = vec![
            Step::Send(vec![1, 2, 3, 4]),
            Step::Quarantine(MS(200)),
            Step::Send(vec![5, 6]),
            Step::Wait(MS(300)),
        ];
        let mut link = Parrot(Duration::ZERO, Vec::new());
        let output = run(
            &mut Script(script, Vec::new()),
            &mut link,
            &Cancel::default(),
            &mut |wire: Wire<'_>| trace.push((wire.received, wire.bytes.to_vec())),
        );
        assert_eq!(output, Ok(vec![5, 6]));
        let received: Vec<u8> =
            trace.iter().filter(|(r, _)| *r).flat_map(|(_, b)| b.clone()).collect();
        assert_eq!(received, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn cancel_is_seen_within_a_slice() {
        let cancel = Cancel::default();
        let flag = cancel.clone();
        let mut link = Parrot(Duration::ZERO, Vec::new());
        let script = vec![Step::Send(vec![9, 9]), Step::Wait(MS(60_000))];
        let output =
            run(&mut Script(script, Vec::new()), &mut link, &cancel, &mut |wire: Wire<'_>| {
                if wire.received {
                    flag.store(true, Ordering::Relaxed);
                }
            });
        assert_eq!(output, Err(DriveError::Cancelled));
        assert!(link.now() <= MS(30) + SLICE);
    }
}

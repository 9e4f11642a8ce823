//! Two ends in memory, in real time: a line for tests of things that own a [`Link`] and a thread.
//!
//! Bytes arrive at once and whole. For time, noise and meters see [`super::VirtualLink`].

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::{LineSettings, Link, LinkError, Timing};

/// Messages under way at most; a writer whose peer never reads gets an error, not a deadlock.
const MESSAGES_MAX: usize = 1024;

/// One end of a pipe.
#[derive(Debug)]
pub struct PipeLink {
    opened: Instant,
    out: SyncSender<Vec<u8>>,
    inbox: Receiver<Vec<u8>>,
    rest: VecDeque<u8>,
}

/// Two ends joined to each other.
pub fn pair() -> (PipeLink, PipeLink) {
    let (left_out, right_in) = sync_channel(MESSAGES_MAX);
    let (right_out, left_in) = sync_channel(MESSAGES_MAX);
    let end = |out, inbox| PipeLink { opened: Instant::now(), out, inbox, rest: VecDeque::new() };
    (end(left_out, left_in), end(right_out, right_in))
}

impl Link for PipeLink {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        match self.out.try_send(bytes.to_vec()) {
            Ok(()) => Ok(self.now()),
            Err(TrySendError::Disconnected(_)) => Err(LinkError::Gone),
            Err(TrySendError::Full(_)) => {
                Err(LinkError::Io("the other end of the pipe does not read".to_owned()))
            }
        }
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        while self.rest.is_empty() {
            match self.inbox.recv_timeout(deadline.saturating_sub(self.now())) {
                Ok(bytes) => self.rest.extend(bytes),
                Err(RecvTimeoutError::Timeout) => return Ok(0),
                Err(RecvTimeoutError::Disconnected) => return Err(LinkError::Gone),
            }
        }
        let count = buffer.len().min(self.rest.len());
        for (slot, byte) in buffer.iter_mut().zip(self.rest.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }

    fn timing(&self) -> Timing {
        // A pipe takes no time; the slack is what a busy machine needs to wake a thread.
        let character = LineSettings::even(115_200).character();
        Timing { character, slack: Duration::from_millis(300) }
    }

    /// A pipe has no speed: both ends understand each other at any.
    fn tune(&mut self, _: &LineSettings) -> Result<bool, LinkError> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_pipe_carries_bytes_and_notices_the_other_end_leave() {
        let (mut left, mut right) = pair();
        left.send(&[1, 2, 3, 4, 5]).unwrap();
        let mut buffer = [0; 3];
        let deadline = right.now() + 5000 * MS;
        assert_eq!(right.recv(&mut buffer, deadline).unwrap(), 3);
        assert_eq!(right.recv(&mut buffer, deadline).unwrap(), 2);
        assert_eq!(right.recv(&mut buffer, Duration::ZERO).unwrap(), 0);
        left.send(&[7]).unwrap();
        drop(left);
        assert_eq!(right.recv(&mut buffer, deadline).unwrap(), 1, "what was sent still arrives");
        assert_eq!(right.recv(&mut buffer, deadline), Err(LinkError::Gone));
        assert_eq!(right.send(&[1]), Err(LinkError::Gone));
    }
}

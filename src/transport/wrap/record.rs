//! Writes down what passes on a line, as text, to become a fixture; `recording` has the format.
//!
//! Bytes that arrive one by one are written as one burst until the direction changes or the line
//! pauses, for [`GAP_MAX`] or two characters: when it is played the pause must be there again. A
//! burst is handed to the writer whole, so a crash loses the last at most.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use super::Direction;
use super::recording::moment;
use crate::transport::echo::Habit;
use crate::transport::{LineSettings, Link, LinkError, Timing};

/// A longer pause starts a new line of received bytes; an FTDI chip itself makes 16 ms.
const GAP_MAX: Duration = Duration::from_millis(20);

/// Bytes on one line at most.
const BURST_MAX: usize = 1024;

/// Says which bytes of a message are secret. What bytes mean is not known here.
pub type Secrets = fn(&[u8]) -> Vec<Range<usize>>;

/// Writes down everything that passes. A writer that fails ends the recording, not the line.
#[derive(Debug)]
pub struct Recorded<L, W: Write> {
    link: L,
    pen: Pen<W>,
}

/// What was received and not yet written, and where to. Dropping it writes the rest.
#[derive(Debug)]
struct Pen<W: Write> {
    /// `None` once given back.
    out: Option<W>,
    secrets: Option<Secrets>,
    burst: Vec<u8>,
    began: Duration,
    last: Duration,
    failed: Option<std::io::Error>,
}

impl<L: Link, W: Write + Send> Recorded<L, W> {
    /// Starts a recording into `out`.
    pub fn new(link: L, mut out: W) -> Recorded<L, W> {
        let failed = writeln!(out, "{}", super::recording::TITLE).err();
        Recorded { link, pen: Pen::new(out, None, failed) }
    }

    /// Goes on in `out`, which has its title already; what `secrets` names is not written.
    pub fn onto(link: L, out: W, secrets: Secrets) -> Recorded<L, W> {
        Recorded { link, pen: Pen::new(out, Some(secrets), None) }
    }

    /// Ends the recording and gives link and writer back.
    ///
    /// # Errors
    /// The first error the writer gave.
    pub fn finish(self) -> std::io::Result<(L, W)> {
        let Recorded { link, mut pen } = self;
        pen.flush();
        match (pen.failed.take(), pen.out.take()) {
            (None, Some(mut out)) => {
                out.flush()?;
                Ok((link, out))
            }
            (failed, _) => Err(failed.unwrap_or_else(|| std::io::ErrorKind::Other.into())),
        }
    }
}

impl<W: Write> Pen<W> {
    fn new(out: W, secrets: Option<Secrets>, failed: Option<std::io::Error>) -> Pen<W> {
        let (began, last) = (Duration::ZERO, Duration::ZERO);
        Pen { out: Some(out), secrets, burst: Vec::new(), began, last, failed }
    }

    /// Takes received bytes, or the news that none came.
    fn hear(&mut self, bytes: &[u8], now: Duration, character: Duration) {
        let full = self.burst.len() + bytes.len() > BURST_MAX;
        let gap = GAP_MAX.max(2 * character);
        if !self.burst.is_empty() && (full || now.saturating_sub(self.last) > gap) {
            self.flush();
        }
        if !bytes.is_empty() {
            if self.burst.is_empty() {
                self.began = now;
            }
            self.last = now;
            self.burst.extend_from_slice(bytes);
        }
    }

    /// Writes what was received and not yet written.
    fn flush(&mut self) {
        let burst = std::mem::take(&mut self.burst);
        if !burst.is_empty() {
            let span = self.last.saturating_sub(self.began);
            self.write(Direction::Received, (self.began, span), &burst);
        }
    }

    fn write(&mut self, direction: Direction, when: (Duration, Duration), bytes: &[u8]) {
        let sign = if direction == Direction::Sent { '>' } else { '<' };
        let hidden = self.secrets.map(|secrets| secrets(bytes)).unwrap_or_default();
        let mut line = format!("{} {sign}", moment(when));
        for (place, byte) in bytes.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = match hidden.iter().any(|range| range.contains(&place)) {
                true => write!(line, " **"),
                false => write!(line, " {byte:02X}"),
            };
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        if let (None, Some(out)) = (&self.failed, &mut self.out) {
            self.failed = out.write_all(format!("{line}\n").as_bytes()).err();
        }
    }
}

impl<W: Write> Drop for Pen<W> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<L: Link, W: Write + Send> Link for Recorded<L, W> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let at = self.link.now();
        let end = self.link.send(bytes)?;
        self.pen.flush();
        self.pen.write(Direction::Sent, (at, Duration::ZERO), bytes);
        Ok(end)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let count = self.link.recv(buffer, deadline)?;
        let (now, character) = (self.link.now(), self.link.timing().character);
        self.pen.hear(buffer.get(..count).unwrap_or_default(), now, character);
        Ok(count)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        let tuned = self.link.tune(settings)?;
        self.pen.flush();
        let at = moment((self.link.now(), Duration::ZERO));
        match tuned {
            true => self.pen.line(&format!("{at} = {settings}")),
            false => self.pen.line(&format!("{at} = fixed")),
        }
        Ok(tuned)
    }

    fn echo(&self) -> Habit {
        self.link.echo()
    }
}

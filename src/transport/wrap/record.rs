//! A recording of a line as text, one burst a line, to become a fixture:
//!
//! ```text
//! # meterkit recording
//! @0 > 68 AA AA AA AA AA AA 68 13 00 DF 16
//! @187 < 68 01 00 00 00 00 00 68 93 06 34 33 33 33 33 33 FE 16
//! ```
//!
//! `@` milliseconds on the link's clock, `>` sent, `<` received. Empty lines and lines that start
//! with `#` are comments. Bytes that arrive one by one are written as one burst until the direction
//! changes or nothing came for [`GAP_MAX`].

use std::io::Write;
use std::time::Duration;

use super::Direction;
use crate::transport::{Link, LinkError, Timing};

/// A pause this long starts a new line of received bytes.
const GAP_MAX: Duration = Duration::from_millis(100);

/// Bytes on one line at most.
const BURST_MAX: usize = 1024;

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which way.
    pub direction: Direction,
    /// When the first byte was handed over, in whole milliseconds.
    pub at: Duration,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Writes down everything that passes. A writer that fails ends the recording, not the line.
#[derive(Debug)]
pub struct Recorded<L, W: Write> {
    link: L,
    out: W,
    burst: Vec<u8>,
    began: Duration,
    last: Duration,
    failed: Option<std::io::Error>,
}

impl<L: Link, W: Write + Send> Recorded<L, W> {
    /// Starts a recording into `out`.
    pub fn new(link: L, mut out: W) -> Recorded<L, W> {
        let failed = writeln!(out, "# meterkit recording").err();
        let (began, last) = (Duration::ZERO, Duration::ZERO);
        Recorded { link, out, burst: Vec::new(), began, last, failed }
    }

    /// Ends the recording and gives link and writer back.
    ///
    /// # Errors
    /// The first error the writer gave.
    pub fn finish(mut self) -> std::io::Result<(L, W)> {
        self.flush();
        match self.failed {
            Some(error) => Err(error),
            None => {
                self.out.flush()?;
                Ok((self.link, self.out))
            }
        }
    }

    /// Writes what was received and not yet written.
    fn flush(&mut self) {
        let burst = std::mem::take(&mut self.burst);
        if !burst.is_empty() {
            self.write(Direction::Received, self.began, &burst);
        }
    }

    fn write(&mut self, direction: Direction, at: Duration, bytes: &[u8]) {
        if self.failed.is_none() {
            let sign = if direction == Direction::Sent { '>' } else { '<' };
            let mut line = format!("@{} {sign}", at.as_millis());
            for byte in bytes {
                line.push_str(&format!(" {byte:02X}"));
            }
            line.push('\n');
            self.failed = self.out.write_all(line.as_bytes()).err();
        }
    }
}

impl<L: Link, W: Write + Send> Link for Recorded<L, W> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let at = self.link.now();
        let end = self.link.send(bytes)?;
        self.flush();
        self.write(Direction::Sent, at, bytes);
        Ok(end)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let count = self.link.recv(buffer, deadline)?;
        let now = self.link.now();
        let full = self.burst.len() + count > BURST_MAX;
        if !self.burst.is_empty() && (full || now.saturating_sub(self.last) > GAP_MAX) {
            self.flush();
        }
        if count > 0 {
            if self.burst.is_empty() {
                self.began = now;
            }
            self.last = now;
            self.burst.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }
}

/// Reads a recording.
///
/// # Errors
/// The number of the first line (from 1) that is none.
pub fn parse_recording(text: &str) -> Result<Vec<Entry>, usize> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            entries.push(entry(line).ok_or(index + 1)?);
        }
    }
    Ok(entries)
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let at = Duration::from_millis(words.next()?.strip_prefix('@')?.parse().ok()?);
    let direction = match words.next()? {
        ">" => Direction::Sent,
        "<" => Direction::Received,
        _ => return None,
    };
    let byte = |word: &str| {
        let hex = word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
        if hex { u8::from_str_radix(word, 16).ok() } else { None }
    };
    let bytes = words.map(byte).collect::<Option<Vec<u8>>>()?;
    (!bytes.is_empty()).then_some(Entry { direction, at, bytes })
}

//! A line on record: everything that passes goes into a file, and the file can be played back to
//! the driver later, without the meter.
//!
//! Passwords travel in the clear on these lines. They are not written, nor the checksum that would
//! tell their sum; whatever looks like the head of a message with a password is treated as one,
//! broken or cut short as it may be: rather a byte too many than one too few.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::failure::fail;
use super::views::Failure;
use super::{Clock, SystemClock};
use crate::protocol::Tick;
use crate::report::Code;
use crate::transport::wrap::{
    LENGTH_MAX, Recorded, Recording, Replay, TITLE, Tape, parse_recordings,
};
use crate::transport::{Endpoint, LineSettings, Link};
use crate::units::UnixSeconds;

/// Bytes of a recording that is played, at most: two full files.
const PLAYED_MAX: u64 = 2 * LENGTH_MAX;

/// Characters of a line's name in that of its file, at most.
const NAME_MAX: usize = 80;

/// Bytes of a DL/T 645 password.
const DLT645_PASSWORD: usize = 3;

/// What a meter may add to an answer where the recording does not say.
const SLACK_MS: u64 = 300;

/// What the header of a recording says.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The profile in use.
    pub profile: &'a str,
    /// How the line was opened.
    pub settings: &'a LineSettings,
    /// Where the line is; only its kind is written.
    pub endpoint: &'a str,
}

/// The file of one of several lines: they talk at the same time, so each has its own. The usual
/// port keeps the name asked for, every other line puts its own behind it: `night.rec`,
/// `night.ttyUSB1.rec`, `night.tcp___10.0.0.7_4001.rec`.
pub fn file_of(file: &Path, port: Option<&str>, usual: Option<&str>) -> PathBuf {
    let port = port.map(str::trim).unwrap_or_default();
    if port.is_empty() || usual.map(str::trim) == Some(port) {
        return file.to_owned();
    }
    let name = port.strip_prefix("/dev/").unwrap_or(port);
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let name: String = name.chars().map(safe).take(NAME_MAX).collect();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let end =
        file.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    file.with_file_name(format!("{stem}.{name}{end}"))
}

/// Records everything on `link` at the end of `file`.
///
/// # Errors
/// [`Code::File`] when the file cannot be written.
pub fn record(
    link: Box<dyn Link>,
    file: &Path,
    about: &About<'_>,
) -> Result<Box<dyn Link>, Failure> {
    let tape = Tape::open(file, &header(link.as_ref(), about), LENGTH_MAX)
        .map_err(|error| fail(Code::File, format!("{}: {error}", file.display())))?;
    Ok(Box::new(Recorded::onto(link, tape, secrets)))
}

fn header(link: &dyn Link, About { profile, settings, endpoint }: &About<'_>) -> String {
    let opened = SystemTime::now().checked_sub(link.now());
    let opened = opened.and_then(|time| jiff::Timestamp::try_from(time).ok()).unwrap_or_default();
    let kind = Endpoint::parse(endpoint).map_or("other", |endpoint| endpoint.kind());
    let slack = link.timing().slack.as_millis();
    format!(
        "{TITLE}\n# profile: {profile}\n# settings: {settings}\n# line: {kind}\n\
         # opened: {opened:.3}\n# slack-ms: {slack}\n# secret: bytes written as ** are left out\n"
    )
}

/// Which part of a file is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    /// The first line.
    pub from: Option<usize>,
    /// The last line.
    pub to: Option<usize>,
}

/// Reads the conversation of a file that is to be played: the last one in it, or the one that
/// `part` begins in.
///
/// # Errors
/// [`Code::File`] when it cannot be read, [`Code::TraceUnreadable`] with the line that is none of a
/// recording.
pub fn load(file: &Path, part: Part) -> Result<Recording, Failure> {
    let name = file.display();
    let unread = |error: &dyn std::fmt::Display| fail(Code::File, format!("{name}: {error}"));
    let length = std::fs::metadata(file).map_err(|error| unread(&error))?.len();
    if length > PLAYED_MAX {
        return Err(unread(&format!("{length} > {PLAYED_MAX} B")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| unread(&error))?;
    let all = parse_recordings(&text)
        .map_err(|line| fail(Code::TraceUnreadable, format!("{name}: line {line}")))?;
    let last = |recording: &Recording| recording.entries.last().map_or(0, |entry| entry.line);
    let chosen = match part.from {
        Some(from) => all.into_iter().find(|recording| last(recording) >= from),
        None => all.into_iter().rfind(|recording| !recording.entries.is_empty()),
    };
    let mut recording = chosen.unwrap_or_default();
    let (from, to) = (part.from.unwrap_or(0), part.to.unwrap_or(usize::MAX));
    recording.entries.retain(|entry| (from..=to).contains(&entry.line));
    if recording.entries.is_empty() {
        return Err(fail(Code::TraceUnreadable, format!("{name}: line {}", from.max(1))));
    }
    Ok(recording)
}

/// A recording ready to be played, and the time it was then.
///
/// # Errors
/// [`Code::TraceUnreadable`] for an answer with bytes that were not written.
pub fn play(
    recording: Recording,
    otherwise: LineSettings,
    zone: SystemClock,
) -> Result<(Replay, ThenClock), Failure> {
    let settings = recording.about("settings").and_then(|text| LineSettings::parse(text).ok());
    let slack = recording.about("slack-ms").and_then(|text| text.parse().ok()).unwrap_or(SLACK_MS);
    let opened: Option<jiff::Timestamp> =
        recording.about("opened").and_then(|text| text.parse().ok());
    let opened_ms = opened.map_or(0, jiff::Timestamp::as_millisecond);
    let settings = settings.unwrap_or(otherwise);
    let replay = Replay::new(recording.entries, settings, Duration::from_millis(slack))
        .map_err(|line| fail(Code::TraceUnreadable, format!("line {line}: **")))?;
    Ok((replay, ThenClock { opened_ms, zone }))
}

/// What keeps a played recording from being what the driver did, if anything.
pub fn difference(replay: &Replay) -> Option<Failure> {
    let told = replay.difference().map(ToString::to_string);
    let left = || replay.unasked().map(|line| format!("line {line}: recorded, not sent now"));
    told.or_else(left).map(|detail| fail(Code::TraceUnreadable, detail))
}

/// The clock of the day a recording was made.
#[derive(Debug)]
pub struct ThenClock {
    opened_ms: i64,
    zone: SystemClock,
}

impl Clock for ThenClock {
    fn now(&self, tick: Tick) -> UnixSeconds {
        let since = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX);
        UnixSeconds(self.opened_ms.saturating_add(since).div_euclid(1000))
    }

    fn boot_ms(&self, tick: Tick) -> u64 {
        u64::try_from(tick.as_millis()).unwrap_or(u64::MAX)
    }

    fn offset_s(&self, at: UnixSeconds) -> i64 {
        self.zone.offset_s(at)
    }
}

/// Where in a message passwords are, with the checksums that depend on them.
pub fn secrets(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    for at in 0..bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let found = dlt645(rest).into_iter().chain(iec62056(rest)).chain(dlms(rest));
        all.extend(found.map(|range| {
            let end = range.end.min(rest.len());
            at + range.start.min(end)..at + end
        }));
    }
    all.retain(|range: &Range<usize>| !range.is_empty());
    all
}

/// A DL/T 645 command with a password, its echo or its answer (`reference/dlt645.md` 2.1, 2.2); the
/// level in front of the password is written.
fn dlt645(bytes: &[u8]) -> Vec<Range<usize>> {
    let [0x68, _, _, _, _, _, _, 0x68, control, length, ..] = bytes else { return Vec::new() };
    let places: &[usize] = match control {
        // 2007: write (identifier, level, password); change password, whose answer repeats it.
        0x14 => &[5],
        0x18 => &[5, 9],
        0x98 => &[1],
        // 2007: clear demand, meter, events; relay.
        0x19..=0x1C => &[1],
        // 1997: write; clear demand; change password with its answer.
        0x04 => &[3],
        0x10 | 0x8F => &[1],
        0x0F => &[1, 5],
        _ => return Vec::new(),
    };
    let sum = 10 + usize::from(*length);
    let mut found: Vec<Range<usize>> =
        places.iter().map(|place| 10 + place..10 + place + DLT645_PASSWORD).collect();
    found.push(sum..sum + 1);
    found
}

/// An IEC 62056-21 password (`SOH P1 STX (...) ETX BCC`), with or without the parity bit in its
/// characters.
fn iec62056(bytes: &[u8]) -> Vec<Range<usize>> {
    let plain = |at: usize| bytes.get(at).map(|byte| byte & 0x7F);
    if plain(0) != Some(0x01) || plain(1) != Some(b'P') || !matches!(plain(2), Some(b'1' | b'2')) {
        return Vec::new();
    }
    // From the bracket to the block check; a message cut short has no end.
    let end = (3..bytes.len()).find(|at| plain(*at) == Some(0x03));
    let end = end.map_or(bytes.len(), |etx| etx + 2);
    let close = end.saturating_sub(3).max(5);
    vec![5..close, end.saturating_sub(1).max(close)..end]
}

/// The password of a DLMS association: `AC len 80 len ...` inside an AARQ (60H) in an HDLC frame,
/// and the frame's check that depends on it.
fn dlms(bytes: &[u8]) -> Vec<Range<usize>> {
    let [0xE6, 0xE6, 0x00, 0x60, ..] = bytes else { return Vec::new() };
    let tag = |window: &[u8]| matches!(window, [0xAC, outer, 0x80, inner] if outer - 2 == *inner);
    let Some(place) = bytes.windows(4).position(|w| w.get(1) >= Some(&2) && tag(w)) else {
        return Vec::new();
    };
    let length = bytes.get(place + 3).map_or(0, |length| usize::from(*length));
    let end = bytes.iter().rposition(|byte| *byte == 0x7E).unwrap_or(bytes.len());
    vec![place + 4..place + 4 + length, end.saturating_sub(2)..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dlt645::frame::{Address, Frame};

    fn written(bytes: &[u8]) -> Vec<u8> {
        let hidden = secrets(bytes);
        let kept = |place: &usize| !hidden.iter().any(|range| range.contains(place));
        (0..bytes.len()).filter(kept).map(|place| bytes[place]).collect()
    }

    /// Whether three bytes of the password, as sent, are still there.
    fn leaks(bytes: &[u8], secret: &[u8]) -> bool {
        written(bytes).windows(secret.len()).any(|window| window == secret)
    }

    #[test]
    fn no_password_is_written() {
        let secret = [0x21, 0x43, 0x65];
        let biased = secret.map(|byte: u8| byte.wrapping_add(0x33));
        for (control, before) in [
            (0x14, &[1, 1, 0, 4, 2][..]),
            (0x18, &[1, 1, 0, 4, 2]),
            (0x98, &[2]),
            (0x1C, &[2]),
            (0x04, &[0x10, 0xC0, 2]),
            (0x8F, &[2]),
        ] {
            let data = [before, &secret[..], &[1, 2, 3, 4, 0x1A]].concat();
            let frame = Frame::new(Address([0x47, 0, 0, 0, 0, 0]), control, data).encode(4);
            let sum = frame[frame.len() - 2];
            assert!(!leaks(&frame, &biased), "{control:02X}");
            assert_eq!(written(&frame).len(), frame.len() - if control == 0x18 { 7 } else { 4 });
            assert_ne!(written(&frame).iter().rev().nth(1), Some(&sum), "the sum tells of it");
            // Cut short, and with something in front.
            assert!(!leaks(&frame[..frame.len() - 4], &biased));
            assert!(!leaks(&[&[0xFE, 0x68][..], &frame].concat(), &biased));
        }
        let iec = b"\x01P1\x02(12345678)\x03\x5e";
        assert_eq!(written(iec), b"\x01P1\x02()\x03".to_vec());
        let even: Vec<u8> =
            iec.iter().map(|b| b | if b.count_ones() % 2 == 1 { 0x80 } else { 0 }).collect();
        assert_eq!(written(&even).len(), 7);
        assert!(!leaks(b"\x01P1\x02(1234", b"1234"));
        let mut lls = vec![0x7E, 0xA0, 0x2B, 0x10, 0xE6, 0xE6, 0x00, 0x60, 0x1D, 0x8B, 0x01, 0xAC];
        lls.extend([0x0A, 0x80, 0x08]);
        lls.extend(b"87654321");
        lls.extend([0xBE, 0x02, 0x04, 0x00, 0xAB, 0xCD, 0x7E]);
        assert!(!leaks(&lls, b"8765") && !leaks(&lls, &[0xAB, 0xCD]));
        assert_eq!(written(&lls).len(), lls.len() - 10);
    }

    #[test]
    fn what_carries_no_password_is_written_whole() {
        for control in [0x11, 0x91, 0x03, 0x83, 0x08, 0x94] {
            let frame = Frame::new(Address([0x47, 0, 0, 0, 0, 0]), control, vec![1, 1, 0, 4, 2, 3]);
            assert_eq!(written(&frame.encode(4)), frame.encode(4));
        }
        for bytes in [&b"\x01R1\x021.8.0()\x03\x10"[..], b"/?!\r\n", &[0xE6, 0xE6, 0, 0x60, 1]] {
            assert_eq!(written(bytes), bytes);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_have_their_secrets_inside(bytes: Vec<u8>) {
            for range in secrets(&bytes) {
                proptest::prop_assert!(range.start < range.end && range.end <= bytes.len());
            }
        }
    }
}

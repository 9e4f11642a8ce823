//! The text of a recording:
//!
//! ```text
//! # meterkit recording
//! # profile: iec-generic
//! @0 > 68 AA AA AA AA AA AA 68 13 00 DF 16
//! @187.250+78 < 68 01 00 00 00 00 00 68 93 06 34 33 33 33 33 33 FE 16
//! @400 = 9600-7E1
//! ```
//!
//! `@` milliseconds on the link's clock (whether a byte came just before or just after the program
//! gave up waiting is a matter of microseconds), `+` until the last byte of the line, `>` sent, `<`
//! received, `=` the line was tuned (or `fixed`: it could not be). `**` is a byte that was not
//! written because it is secret. Lines that start with `#` are comments; those at the top of the
//! form `key: value` say what was recorded. The title begins another conversation, for a file may
//! hold several.

use std::time::Duration;

use crate::transport::LineSettings;

/// The first line of every recording.
pub const TITLE: &str = "# meterkit recording";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// From us to the meter; `None` is a secret byte.
    Sent(Vec<Option<u8>>),
    /// From the line to us.
    Received(Vec<Option<u8>>),
    /// The line was tuned; `None` when it could not be.
    Tuned(Option<LineSettings>),
}

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the file, from 1.
    pub line: usize,
    /// When: for bytes when the first was handed over, in microseconds.
    pub at: Duration,
    /// How much later the last byte was.
    pub span: Duration,
    /// What.
    pub event: Event,
}

/// One conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded, by key.
    pub about: Vec<(String, String)>,
    /// What passed.
    pub entries: Vec<Entry>,
}

impl Recording {
    /// What the header says under this key.
    pub fn about(&self, key: &str) -> Option<&str> {
        self.about.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Reads the conversations of a file. A last line without its end is what a crash leaves, and is
/// passed over when it cannot be read.
///
/// # Errors
/// The number of the first line (from 1) that cannot be read.
pub fn parse_recordings(text: &str) -> Result<Vec<Recording>, usize> {
    let mut all: Vec<Recording> = Vec::new();
    let count = text.lines().count();
    for (index, line) in text.lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        if line == TITLE || (all.is_empty() && !line.is_empty()) {
            all.push(Recording::default());
        }
        let Some(recording) = all.last_mut() else { continue };
        if let Some(comment) = line.strip_prefix('#') {
            if let (true, Some((key, value))) = (recording.entries.is_empty(), fact(comment)) {
                recording.about.push((key.to_owned(), value.to_owned()));
            }
        } else if !line.is_empty() {
            match entry(line, number) {
                Some(entry) => recording.entries.push(entry),
                None if number == count && !text.ends_with('\n') => {}
                None => return Err(number),
            }
        }
    }
    Ok(all)
}

/// A comment of the form `key: value`.
fn fact(comment: &str) -> Option<(&str, &str)> {
    let (key, value) = comment.trim().split_once(':')?;
    let word = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    word.then_some((key, value.trim()))
}

fn entry(line: &str, number: usize) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let (at, span) = read_moment(words.next()?)?;
    let event = match words.next()? {
        ">" => Event::Sent(bytes(words)?),
        "<" => Event::Received(bytes(words)?),
        "=" => {
            let text = words.next()?;
            let settings = LineSettings::parse(text).ok();
            if words.next().is_some() || (settings.is_none() && text != "fixed") {
                return None;
            }
            Event::Tuned(settings)
        }
        _ => return None,
    };
    Some(Entry { line: number, at, span, event })
}

/// A moment and what it took, as they are written: `@187`, `@187.250+78`.
pub(super) fn moment((at, span): (Duration, Duration)) -> String {
    let span = if span.is_zero() { String::new() } else { format!("+{}", millis(span)) };
    format!("@{}{span}", millis(at))
}

/// Milliseconds, with three decimals where there are some.
fn millis(time: Duration) -> String {
    match time.subsec_micros() % 1000 {
        0 => time.as_millis().to_string(),
        micros => format!("{}.{micros:03}", time.as_millis()),
    }
}

fn read_moment(text: &str) -> Option<(Duration, Duration)> {
    let text = text.strip_prefix('@')?;
    let (at, span) = text.split_once('+').unwrap_or((text, "0"));
    Some((read_millis(at)?, read_millis(span)?))
}

fn read_millis(text: &str) -> Option<Duration> {
    let (millis, micros) = match text.split_once('.') {
        Some((millis, micros)) if micros.len() == 3 => (millis, micros.parse::<u16>().ok()?),
        Some(_) => return None,
        None => (text, 0),
    };
    let millis: u32 = millis.parse().ok()?;
    Some(Duration::from_millis(millis.into()) + Duration::from_micros(micros.into()))
}

fn bytes<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<Option<u8>>> {
    let byte = |word: &str| {
        let hex = word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
        match word {
            "**" => Some(None),
            _ if hex => u8::from_str_radix(word, 16).ok().map(Some),
            _ => None,
        }
    };
    let bytes: Vec<Option<u8>> = words.map(byte).collect::<Option<_>>()?;
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_and_their_headers_are_told_apart() {
        let text = "@1 > 68 **\n# meterkit recording\n# profile: tms\n# a note\n\n@5 = 9600-7E1\n\
                    # later: no fact\n@6 = fixed\n@7.250+12 < 0a 0b\n";
        let all = parse_recordings(text).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].entries[0].event, Event::Sent(vec![Some(0x68), None]));
        assert_eq!((all[1].about("profile"), all[1].about("later")), (Some("tms"), None));
        let events: Vec<&Event> = all[1].entries.iter().map(|entry| &entry.event).collect();
        let fast = LineSettings { data_bits: 7, ..LineSettings::even(9600) };
        let heard = Event::Received(vec![Some(10), Some(11)]);
        assert_eq!(events, [&Event::Tuned(Some(fast)), &Event::Tuned(None), &heard]);
        let last = &all[1].entries[2];
        assert_eq!((last.line, last.at.as_micros(), last.span.as_millis()), (9, 7250, 12));
        assert_eq!(moment((last.at, last.span)), "@7.250+12");
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (bad, number) in [
            ("@1 > 0\n", 1),
            ("# x\n\n@1 = 00\n", 3),
            ("@1 >\n", 1),
            ("> 00\n", 1),
            ("@1 = fixed 00\n", 1),
            ("@1 > *\n", 1),
            ("@x > 00\n", 1),
            ("@1+ > 00\n", 1),
            ("@1.5 > 00\n", 1),
            ("@99999999999 > 00\n", 1),
        ] {
            assert_eq!(parse_recordings(bad), Err(number), "{bad:?}");
        }
        // A crash in the middle of a line: the rest is good.
        let torn = parse_recordings("@1 > 00\n@2 < 0").unwrap();
        assert_eq!(torn[0].entries.len(), 1);
        assert_eq!(parse_recordings("@1 > 00\n@2 < 0\n"), Err(2));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = parse_recordings(&text);
        }
    }
}

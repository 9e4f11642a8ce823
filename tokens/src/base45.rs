//! Base45 (RFC 9285) and the text form of a token in a QR code: `MK1:` and Base45.
//!
//! Base45 fits a QR code's alphanumeric mode, and survives scanners that type what they read. The
//! decoder takes exactly what the encoder writes: no white space, no lower case, no second
//! spelling.

use crate::error::QrError;

/// What stands in front of every token text.
pub const PREFIX: &str = "MK1:";
/// What stands in front of a part of one: `MK1-2/3:` and the second third of the text.
pub const PART: &str = "MK1-";
/// Most parts of a text: one digit each.
pub const MAX_PARTS: usize = 9;
/// Largest document that travels as text; a status with every key pinned is half of it.
const MAX_DOCUMENT: usize = 4096;

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The text of a QR code.
pub fn qr_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(2) * 3);
    text.push_str(PREFIX);
    encode_into(bytes, &mut text);
    text
}

/// The bytes in a scanned text; a line end after it (a scanner's Enter key) is ignored.
///
/// # Errors
/// See [`QrError`].
pub fn from_qr_text(text: &str) -> Result<Vec<u8>, QrError> {
    let text = text.trim_end_matches(['\r', '\n']).strip_prefix(PREFIX).ok_or(QrError::Prefix)?;
    // Three characters carry two bytes; nothing longer is worth decoding.
    if text.len() > MAX_DOCUMENT.div_ceil(2) * 3 {
        return Err(QrError::Size);
    }
    decode(text)
}

/// Cuts a text into as few parts as hold at most so many characters each, for screens that cannot
/// show all of it in one code; the text itself if it fits, nothing if nine parts do not do.
pub fn qr_parts(text: &str, most: usize) -> Vec<String> {
    if text.len() <= most {
        return vec![text.to_owned()];
    }
    let room = most.saturating_sub(PART.len() + "1/2:".len()).max(1);
    let count = text.len().div_ceil(room);
    if count > MAX_PARTS {
        return vec![];
    }
    // Of one size, so that every code is equally easy to scan.
    let parts = text.as_bytes().chunks(text.len().div_ceil(count)).enumerate();
    let part = |(at, part): (usize, &[u8])| {
        format!("{PART}{}/{count}:{}", at + 1, String::from_utf8_lossy(part))
    };
    parts.map(part).collect()
}

/// Which part of how many a text is, and the piece it carries; `None` for a whole text.
pub fn qr_part(text: &str) -> Option<(usize, usize, &str)> {
    let rest = text.trim_end_matches(['\r', '\n']).strip_prefix(PART)?;
    let (numbers, piece) = rest.split_once(':')?;
    let (at, of) = numbers.split_once('/')?;
    let (at, of) = (at.parse().ok()?, of.parse().ok()?);
    ((1..=of).contains(&at) && (2..=MAX_PARTS).contains(&of)).then_some((at, of, piece))
}

/// Puts parts together, scanned in any order and any number of times.
///
/// # Errors
/// [`QrError::Missing`] names the first that is not there; parts of another count are not counted.
/// Parts of two texts with as many parts each are noticed by the signature.
pub fn join_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<String, QrError> {
    let mut pieces: Vec<Option<&str>> = vec![];
    for (at, of, piece) in parts.into_iter().filter_map(qr_part) {
        if pieces.is_empty() {
            pieces.resize(of, None);
        }
        if pieces.len() == of {
            pieces[at - 1] = Some(piece);
        }
    }
    let missing = pieces.iter().position(Option::is_none);
    match missing {
        Some(at) => Err(QrError::Missing { at: at + 1, of: pieces.len() }),
        None if pieces.is_empty() => Err(QrError::Prefix),
        None => Ok(pieces.into_iter().flatten().collect()),
    }
}

/// Base45 of any bytes.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    encode_into(bytes, &mut text);
    text
}

fn encode_into(bytes: &[u8], text: &mut String) {
    for chunk in bytes.chunks(2) {
        let mut n = chunk.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        // Two bytes make three digits, one byte makes two, lowest first.
        for _ in 0..=chunk.len() {
            text.push(char::from(ALPHABET[n % 45]));
            n /= 45;
        }
    }
}

/// The bytes of a Base45 text.
///
/// # Errors
/// A length of 3n+1, a character outside the alphabet, or a group above its largest value.
pub fn decode(text: &str) -> Result<Vec<u8>, QrError> {
    if text.len() % 3 == 1 {
        return Err(QrError::Length);
    }
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for (group, chunk) in text.as_bytes().chunks(3).enumerate() {
        let mut n = 0u32;
        for (offset, c) in chunk.iter().enumerate().rev() {
            n = n * 45 + digit(*c).ok_or(QrError::Alphabet { at: group * 3 + offset })?;
        }
        let overflow = QrError::Overflow { at: group * 3 };
        match chunk.len() {
            3 => bytes.extend(u16::try_from(n).map_err(|_| overflow)?.to_be_bytes()),
            _ => bytes.push(u8::try_from(n).map_err(|_| overflow)?),
        }
    }
    Ok(bytes)
}

fn digit(c: u8) -> Option<u32> {
    Some(match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        b'A'..=b'Z' => u32::from(c - b'A') + 10,
        b' ' => 36,
        b'$' => 37,
        b'%' => 38,
        b'*' => 39,
        b'+' => 40,
        b'-' => 41,
        b'.' => 42,
        b'/' => 43,
        b':' => 44,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_part_says_which_of_how_many() {
        assert_eq!(qr_part("MK1-2/3:AB C\r\n"), Some((2, 3, "AB C")));
        for none in ["MK1:AB", "MK1-0/2:A", "MK1-3/2:A", "MK1-1/1:A", "MK1-1/10:A", "MK1-/2:A"] {
            assert_eq!(qr_part(none), None, "{none}");
        }
        let missing = join_parts(["MK1-1/3:A", "MK1-3/3:C"]);
        assert_eq!(missing, Err(QrError::Missing { at: 2, of: 3 }));
        assert_eq!(join_parts([]), Err(QrError::Prefix));
        assert!(qr_parts(&"A".repeat(1000), 20).is_empty(), "more than nine parts");
    }

    proptest! {
        /// Any order, any repetition: the text comes back, each part within its size.
        #[test]
        fn parts_make_the_text_again(
            bytes in proptest::collection::vec(any::<u8>(), 1..500),
            most in 100usize..400,
            turn in 0usize..9,
        ) {
            let text = qr_text(&bytes);
            let parts = qr_parts(&text, most);
            prop_assert!(parts.iter().all(|part| part.len() <= most));
            if parts.len() == 1 {
                prop_assert_eq!(&parts[0], &text);
            } else {
                let turned = parts.iter().cycle().skip(turn).take(parts.len() * 2);
                prop_assert_eq!(join_parts(turned.map(String::as_str)), Ok(text));
            }
        }
    }
}

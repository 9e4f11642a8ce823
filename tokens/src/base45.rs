//! Base45 (RFC 9285) and the text form of a token in a QR code: `MK1:` and Base45.
//!
//! Base45 fits a QR code's alphanumeric mode, and survives scanners that type what they read. The
//! decoder takes exactly what the encoder writes: no white space, no lower case, no second
//! spelling.

use crate::claims::DocType;
use crate::error::QrError;

/// What stands in front of every token text.
pub const PREFIX: &str = "MK1:";

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
    // Three characters carry two bytes; nothing longer than a token is worth decoding.
    if text.len() > DocType::Recharge.limits().bytes.div_ceil(2) * 3 {
        return Err(QrError::Size);
    }
    decode(text)
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

//! The scan that runs before any decoder: one value, one byte string.
//!
//! Accepts exactly the core deterministic encoding of RFC 8949 4.2.1, narrowed: definite lengths,
//! shortest heads, map keys strictly increasing bytewise, tags only from the caller's list, no
//! floats, no `undefined`, no simple values but false, true and null, valid UTF-8, bounded depth
//! and size, nothing left over. Stock decoders are lenient in all of these
//! (`docs/token-format.md`), so they only ever see what passed here. Nothing is allocated, and the
//! recursion is bounded by [`MAX_DEPTH`].

use crate::error::CborError;

/// No caller may ask for deeper nesting than this (each array, map and tag is one level).
pub const MAX_DEPTH: usize = 16;

/// How much input a decoder may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest input in bytes.
    pub bytes: usize,
    /// Deepest nesting of arrays, maps and tags; more than [`MAX_DEPTH`] means [`MAX_DEPTH`].
    pub depth: usize,
}

/// Checks that `bytes` are exactly one item in deterministic form; tags must be in `tags`.
///
/// # Errors
/// The first broken rule with its offset.
pub fn scan(bytes: &[u8], limits: Limits, tags: &[u64]) -> Result<(), CborError> {
    if bytes.len() > limits.bytes {
        return Err(CborError::Size { len: bytes.len(), max: limits.bytes });
    }
    let max = limits.depth.min(MAX_DEPTH);
    let end = Scan { bytes, tags, max }.item(0, 0)?;
    if end < bytes.len() { Err(CborError::Trailing { at: end }) } else { Ok(()) }
}

/// A head: major type, argument, offset of what follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) major: u8,
    pub(crate) arg: u64,
    pub(crate) next: usize,
}

/// Reads one head of major type 0..=6 in its shortest form.
pub(crate) fn head(bytes: &[u8], at: usize) -> Result<Head, CborError> {
    let first = *bytes.get(at).ok_or(CborError::Truncated { at })?;
    let (major, info) = (first >> 5, first & 0x1f);
    let width = match info {
        0..=23 => return Ok(Head { major, arg: u64::from(info), next: at + 1 }),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        31 if (2..=5).contains(&major) => return Err(CborError::Indefinite { at }),
        _ => return Err(CborError::Reserved { at }),
    };
    let next = at + 1 + width;
    let raw = bytes.get(at + 1..next).ok_or(CborError::Truncated { at })?;
    let arg = raw.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    // The smallest argument that needs this width.
    let least = match width {
        1 => 24,
        2 => 1 << 8,
        4 => 1 << 16,
        _ => 1 << 32,
    };
    if arg < least { Err(CborError::LongHead { at }) } else { Ok(Head { major, arg, next }) }
}

/// Writes a head in its shortest form.
pub(crate) fn put_head(out: &mut Vec<u8>, major: u8, arg: u64) {
    let major = major << 5;
    let raw = arg.to_be_bytes();
    let (info, from) = match arg {
        0..=23 => {
            out.push(major | raw[7]);
            return;
        }
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(major | info);
    out.extend_from_slice(&raw[from..]);
}

/// Writes a byte string.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, 2, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

struct Scan<'a> {
    bytes: &'a [u8],
    tags: &'a [u64],
    max: usize,
}

impl Scan<'_> {
    /// Scans the item at `at`, `depth` levels down; returns the offset after it.
    fn item(&self, at: usize, depth: usize) -> Result<usize, CborError> {
        if self.bytes.get(at).is_some_and(|first| first >> 5 == 7) {
            return self.simple(at);
        }
        let Head { major, arg, next } = head(self.bytes, at)?;
        match major {
            0 | 1 => Ok(next),
            2 => self.string(at, next, arg).map(|(end, _)| end),
            3 => {
                let (end, text) = self.string(at, next, arg)?;
                std::str::from_utf8(text).map_err(|_| CborError::Utf8 { at })?;
                Ok(end)
            }
            _ if depth >= self.max => Err(CborError::Depth { at, max: self.max }),
            4 => {
                let mut next = next;
                for _ in 0..arg {
                    next = self.item(next, depth + 1)?;
                }
                Ok(next)
            }
            5 => self.map(next, arg, depth + 1),
            _ if self.tags.contains(&arg) => self.item(next, depth + 1),
            _ => Err(CborError::Tag { at, tag: arg }),
        }
    }

    /// The content of a string; `at` is its head, for the error.
    fn string(&self, at: usize, from: usize, len: u64) -> Result<(usize, &[u8]), CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::Truncated { at })?;
        let end = from.checked_add(len).ok_or(CborError::Truncated { at })?;
        let content = self.bytes.get(from..end).ok_or(CborError::Truncated { at })?;
        Ok((end, content))
    }

    fn map(&self, from: usize, pairs: u64, depth: usize) -> Result<usize, CborError> {
        let mut next = from;
        let mut last: &[u8] = &[];
        for _ in 0..pairs {
            let at = next;
            let value = self.item(at, depth)?;
            // In range: `item` read these bytes.
            let key = &self.bytes[at..value];
            match last.cmp(key) {
                std::cmp::Ordering::Less => last = key,
                std::cmp::Ordering::Equal => return Err(CborError::KeyTwice { at }),
                std::cmp::Ordering::Greater => return Err(CborError::KeyOrder { at }),
            }
            next = self.item(value, depth)?;
        }
        Ok(next)
    }

    fn simple(&self, at: usize) -> Result<usize, CborError> {
        match self.bytes.get(at).ok_or(CborError::Truncated { at })? & 0x1f {
            20..=22 => Ok(at + 1),
            23 => Err(CborError::Undefined { at }),
            25..=27 => Err(CborError::Float { at }),
            28..=30 => Err(CborError::Reserved { at }),
            31 => Err(CborError::Indefinite { at }),
            _ => Err(CborError::Simple { at }),
        }
    }
}

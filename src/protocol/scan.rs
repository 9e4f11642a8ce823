//! Finds frames in a string of bytes and gets into step again after whatever is wrong.
//!
//! A family says what begins at a byte ([`Look`]); this walks over the bytes. A fault claims the
//! bytes its header announced: inside them good frames are still found, but no second fault is
//! told.

/// What begins at a byte.
pub(in crate::protocol) enum Look<T> {
    /// A whole good frame of so many bytes.
    Frame(T, usize),
    /// What may become a frame; so many bytes are missing, 0 while its length is not known.
    Short(usize),
    /// A frame of so many bytes with something wrong.
    Bad(Fault, usize),
    /// No frame.
    No,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its stable name, `bad_cs` for one.
    pub name: &'static str,
    /// The check as it should be and as it was sent, as a number of one or two bytes.
    pub check: Option<[u16; 2]>,
}

impl Fault {
    pub(in crate::protocol) fn new(name: &'static str) -> Self {
        Self { name, check: None }
    }

    pub(in crate::protocol) fn check(name: &'static str, computed: u16, printed: u16) -> Self {
        Self { name, check: Some([computed, printed]) }
    }
}

/// Bytes that end before the frame does.
pub(in crate::protocol) const TRUNCATED: &str = "truncated";

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// Wake-up bytes right before it.
    pub preamble: usize,
    /// Where it begins.
    pub at: usize,
    /// The frame, or what is wrong here.
    pub what: Result<T, Fault>,
    /// For the bytes at the end that are no whole frame: how many are missing, 0 while its length
    /// is not known.
    pub missing: Option<usize>,
}

impl<T> Found<T> {
    /// How many characters a listener should wait for where a frame has begun; `longest` while its
    /// length is not known.
    pub(in crate::protocol) fn begun(&self, longest: usize) -> Option<usize> {
        self.missing.map(|missing| if missing == 0 { longest } else { missing })
    }
}

/// Everything in `bytes`, in order. `wake` bytes may stand before a frame and are no fault; other
/// bytes that belong to nothing are one fault `stray` a run.
pub(in crate::protocol) fn all<T>(
    bytes: &[u8],
    wake: Option<u8>,
    stray: &'static str,
    look: impl Fn(&[u8]) -> Look<T>,
) -> Vec<Found<T>> {
    let mut found = Vec::new();
    // Bytes before this belong to a fault that was told.
    let mut muted = 0;
    let (mut at, mut preamble, mut in_stray) = (0, 0, false);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (what, missing, claim) = match look(rest) {
            Look::Frame(frame, len) => {
                found.push(Found { preamble, at, what: Ok(frame), missing: None });
                at += len.max(1);
                (preamble, in_stray, muted) = (0, false, at);
                continue;
            }
            Look::No if wake == rest.first().copied() => {
                at += 1;
                preamble += 1;
                continue;
            }
            Look::Short(missing) => (Fault::new(TRUNCATED), Some(missing), rest.len()),
            Look::Bad(fault, len) => (fault, None, len),
            Look::No => (Fault::new(stray), None, 0),
        };
        let told = at < muted || (claim == 0 && in_stray);
        // An unfinished frame is kept even inside another fault: a listener waits for it.
        if !told || missing.is_some() {
            let known = at < muted;
            if !known {
                muted = at + claim;
            }
            found.push(Found { preamble, at, what: Err(what), missing });
        }
        in_stray = true;
        preamble = 0;
        at += 1;
    }
    found
}

/// As [`all`], for people: unfinished frames inside another fault are left out, and bytes that are
/// nothing but wake-up bytes are told as `stray`.
pub(in crate::protocol) fn told<T>(
    bytes: &[u8],
    wake: Option<u8>,
    stray: &'static str,
    look: impl Fn(&[u8]) -> Look<T>,
) -> Vec<Found<T>> {
    let mut unfinished = false;
    let mut found = all(bytes, wake, stray, look);
    found.retain(|found| {
        let again = found.missing.is_some() && unfinished;
        unfinished |= found.missing.is_some();
        !again
    });
    if found.is_empty() && !bytes.is_empty() {
        let what = Err(Fault::new(stray));
        found.push(Found { preamble: bytes.len(), at: bytes.len(), what, missing: None });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A n ... n` bytes and `B` at the end.
    fn look(bytes: &[u8]) -> Look<usize> {
        match bytes {
            [b'A'] => Look::Short(2),
            [b'A', n, rest @ ..] => {
                let n = usize::from(n - b'0');
                match rest.get(n) {
                    Some(b'B') => Look::Frame(n, n + 3),
                    Some(_) => Look::Bad(Fault::new("bad"), n + 3),
                    None => Look::Short(n + 1 - rest.len()),
                }
            }
            _ => Look::No,
        }
    }

    fn names(bytes: &str) -> Vec<String> {
        let name = |found: Found<usize>| match found.what {
            Ok(n) => format!("{}+{n}", found.preamble),
            Err(fault) => format!("{}+{}", found.preamble, fault.name),
        };
        told(bytes.as_bytes(), Some(b'.'), "stray", look).into_iter().map(name).collect()
    }

    #[test]
    fn frames_are_found_behind_anything() {
        for (bytes, told) in [
            ("..A1xB", vec!["2+1"]),
            ("xxA0BxxA0B", vec!["0+stray", "0+0", "0+stray", "0+0"]),
            ("A3xxxxA0B", vec!["0+bad", "0+0"]),
            ("A5A1xBxxx", vec!["0+bad", "0+1", "0+stray"]),
            ("A9A1xB", vec!["0+truncated", "0+1"]),
            ("A9A8A7", vec!["0+truncated"]),
            ("...", vec!["3+stray"]),
            ("", vec![]),
        ] {
            assert_eq!(names(bytes), told, "{bytes}");
        }
    }
}

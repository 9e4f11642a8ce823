//! Who a request says it is from, before anything of it was checked.

/// The name in front of a request, as long as nobody checked it: for counting requests. Reads a few
/// bytes of the head only.
pub fn claimed_name(body: &[u8]) -> Option<&[u8]> {
    // An array of three or four, and in it a byte string of at most 23, or of at most 255.
    let (rest, length) = match body {
        [0x83 | 0x84, head @ 0x40..=0x57, rest @ ..] => (rest, usize::from(head - 0x40)),
        [0x83 | 0x84, 0x58, length, rest @ ..] => (rest, usize::from(*length)),
        _ => return None,
    };
    rest.get(..length)
}

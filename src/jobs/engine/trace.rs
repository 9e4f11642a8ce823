//! The live trace: pieces of traffic put together into frames, each with one line of what it means.
//!
//! Passwords of meters travel in the clear on the line. They are masked here, before anything is
//! shown, worded or logged.

use crate::jobs::Wire;
use crate::jobs::views::WireView;
use crate::protocol::dlt645::explain::one_line;
use crate::protocol::dlt645::frame::Decoder;

/// Received bytes kept for a frame that does not end.
const MAX_PENDING: usize = 512;
/// What stands in the place of each byte of a password.
const MASK: u8 = 0xEE;
/// Bytes of a password.
const PASSWORD: usize = 3;
/// What is added to every byte of data on the line.
const BIAS: u8 = 0x33;

/// Collects received bytes into frames.
#[derive(Default)]
pub(super) struct Trace {
    pending: Vec<u8>,
    since_ms: u64,
    decoder: Option<Decoder>,
}

impl Trace {
    /// Takes a piece of traffic; `show` gets whole messages.
    pub(super) fn see(&mut self, piece: Wire<'_>, show: &mut dyn FnMut(WireView)) {
        let at_ms = u64::try_from(piece.at.as_millis()).unwrap_or(u64::MAX);
        if !piece.received {
            self.flush(show);
            show(view(at_ms, false, piece.bytes.to_vec()));
            return;
        }
        if self.pending.is_empty() {
            self.since_ms = at_ms;
        }
        self.pending.extend_from_slice(piece.bytes);
        let decoder = self.decoder.get_or_insert_default();
        decoder.push(piece.bytes);
        let whole = std::iter::from_fn(|| decoder.find_next()).any(|found| found.frame.is_ok());
        if whole || self.pending.len() > MAX_PENDING {
            self.flush(show);
        }
    }

    /// Shows what is left, whole or not.
    pub(super) fn flush(&mut self, show: &mut dyn FnMut(WireView)) {
        self.decoder = None;
        if !self.pending.is_empty() {
            show(view(self.since_ms, true, std::mem::take(&mut self.pending)));
        }
    }
}

fn view(at_ms: u64, received: bool, mut bytes: Vec<u8>) -> WireView {
    mask(&mut bytes);
    WireView { at_ms, received, meaning: one_line(&bytes), bytes }
}

/// Masks the password in every DL/T 645 command that carries one, and in its echo or answer.
///
/// Whatever looks like the head of such a frame is treated as one, broken or cut short as it may
/// be: rather a byte too many masked than one too few. A checksum that held is made to hold again,
/// so that it does not tell the sum of what was masked.
fn mask(bytes: &mut [u8]) {
    for at in 0..bytes.len() {
        let Some([0x68, _, _, _, _, _, _, 0x68, control, len, rest @ ..]) = bytes.get_mut(at..)
        else {
            continue;
        };
        let (control, len) = (*control, usize::from(*len));
        let (data, end) = rest.split_at_mut(len.min(rest.len()));
        let mut difference = 0u8;
        for start in passwords(control) {
            for byte in data.iter_mut().skip(*start).take(PASSWORD) {
                let masked = MASK.wrapping_add(BIAS);
                difference = difference.wrapping_add(masked.wrapping_sub(*byte));
                *byte = masked;
            }
        }
        if let Some(sum) = end.first_mut() {
            *sum = sum.wrapping_add(difference);
        }
    }
}

/// Where in the data of a frame a password begins (`reference/dlt645.md` 2.1, 2.2). The level in
/// front of it stays.
fn passwords(control: u8) -> &'static [usize] {
    match control {
        // 2007: write; identifier, level, password.
        0x14 => &[5],
        // 2007: change password; the answer repeats the new one.
        0x18 => &[5, 9],
        0x98 => &[1],
        // 2007: clear demand, meter, events; relay.
        0x19..=0x1C => &[1],
        // 1997: write; clear demand; change password with its answer.
        0x04 => &[3],
        0x10 | 0x8F => &[1],
        0x0F => &[1, 5],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dlt645::frame::{Address, Frame};
    use std::time::Duration;

    const SECRET: [u8; 3] = [0x21, 0x43, 0x65];

    fn seen(pieces: &[(bool, &[u8])]) -> Vec<WireView> {
        let (mut trace, mut views) = (Trace::default(), Vec::new());
        for (received, bytes) in pieces {
            let piece = Wire { at: Duration::ZERO, received: *received, bytes };
            trace.see(piece, &mut |view| views.push(view));
        }
        trace.flush(&mut |view| views.push(view));
        views
    }

    /// Whether the password is in the bytes, with or without the bias, or in the words.
    fn leaks(view: &WireView) -> bool {
        let biased = SECRET.map(|byte| byte.wrapping_add(0x33));
        let shows = |secret: &[u8; 3]| view.bytes.windows(3).any(|three| three == secret);
        let said = ["214365", "654321"].iter().any(|text| view.meaning.contains(text));
        shows(&SECRET) || shows(&biased) || said
    }

    fn frame(control: u8, before: &[u8], again: bool) -> Vec<u8> {
        let mut data = before.to_vec();
        data.extend(SECRET);
        if again {
            data.push(0x02);
            data.extend(SECRET);
        }
        data.extend([0x01, 0x02, 0x03, 0x04, 0x1A, 0x00]);
        Frame::new(Address([0x47, 0, 0, 0, 0, 0]), control, data).encode(4)
    }

    #[test]
    fn no_password_is_ever_shown() {
        let write = [0x01, 0x01, 0x00, 0x04, 0x02];
        let commands = [
            frame(0x14, &write, false),
            frame(0x18, &write, true),
            frame(0x98, &[0x02], false),
            frame(0x19, &[0x02], false),
            frame(0x1A, &[0x02], false),
            frame(0x1B, &[0x02], false),
            frame(0x1C, &[0x02], false),
            frame(0x04, &[0x10, 0xC0, 0x02], false),
            frame(0x10, &[0x02], false),
            frame(0x0F, &[0x02], true),
            frame(0x8F, &[0x02], false),
        ];
        for bytes in &commands {
            // As sent, as an echo, in two pieces, cut short, with a byte gone wrong behind it.
            let (half, rest) = bytes.split_at(9);
            let mut torn = bytes.clone();
            let last = torn.len() - 3;
            torn[last] ^= 0x40;
            let ways: [&[(bool, &[u8])]; 5] = [
                &[(false, bytes)],
                &[(true, bytes)],
                &[(true, half), (true, rest)],
                &[(true, &bytes[..bytes.len() - 4])],
                &[(false, &torn)],
            ];
            for way in ways {
                let views = seen(way);
                assert!(!views.is_empty());
                for view in &views {
                    assert!(!leaks(view), "{:02X?}: {view:?}", bytes);
                }
            }
            let shown = seen(&[(false, bytes)]);
            let mut decoder = Decoder::new();
            decoder.push(&shown[0].bytes);
            let found = decoder.find_next().unwrap().frame.expect("the checksum holds");
            assert_eq!(found.data.len(), bytes.len() - 16, "nothing else is lost");
        }
    }

    #[test]
    fn what_carries_no_password_is_shown_as_it_is() {
        for control in [0x11, 0x91, 0x03, 0x83, 0x08, 0x94] {
            let bytes = frame(control, &[0x01, 0x01, 0x00, 0x04, 0x02], false);
            assert_eq!(seen(&[(false, &bytes)])[0].bytes, bytes);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_shown(bytes: Vec<u8>) {
            let mut masked = bytes.clone();
            mask(&mut masked);
            proptest::prop_assert_eq!(masked.len(), bytes.len());
        }
    }
}

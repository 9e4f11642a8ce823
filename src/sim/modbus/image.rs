//! How values lie in registers, on the meter's side: written by itself, not with the driver's
//! decoder.

use std::collections::BTreeMap;

use crate::protocol::form::Form;
use crate::sim::bcd;
use crate::sim::shown::Shown;

/// Registers of both tables, by function and address.
pub(super) type Image = BTreeMap<(u8, u16), u16>;

/// Puts a value into the image. `words`: registers it takes where the form does not say.
pub(super) fn put(
    image: &mut Image,
    at: (u8, u16),
    form: Form,
    words: u16,
    decimals: u8,
    shown: &Shown,
) {
    let (function, first) = at;
    let count = usize::from(form.words().unwrap_or(words)).min(125);
    let number = shown.scaled(decimals);
    if matches!(form, Form::High | Form::Low) {
        // Half a register: the other half belongs to something else.
        let low = number.to_le_bytes()[0];
        let word = image.entry((function, first)).or_default();
        let [old_high, old_low] = word.to_be_bytes();
        let halves = if form == Form::High { [low, old_low] } else { [old_high, low] };
        *word = u16::from_be_bytes(halves);
        return;
    }
    let bytes = shown.bytes(form, count * 2, decimals);
    for (offset, pair) in bytes.chunks_exact(2).take(count).enumerate() {
        let Some(register) = u16::try_from(offset).ok().and_then(|o| first.checked_add(o)) else {
            return;
        };
        image.insert((function, register), u16::from_be_bytes([pair[0], pair[1]]));
    }
}

/// The number a recharge block carries in this form, and the rest of the block.
pub(super) fn take(form: Form, words: &[u16]) -> Option<(i64, &[u16])> {
    let count = usize::from(form.words().unwrap_or(3));
    let (own, rest) = words.split_at_checked(count)?;
    let number = match (form, own) {
        (Form::U16, [a]) => i64::from(*a),
        (Form::I16, [a]) => i64::from(a.cast_signed()),
        (Form::U32, [a, b]) | (Form::U32Swapped, [b, a]) => i64::from(*a) << 16 | i64::from(*b),
        (Form::I32, [a, b]) | (Form::I32Swapped, [b, a]) => {
            i64::from((u32::from(*a) << 16 | u32::from(*b)).cast_signed())
        }
        (Form::Bcd | Form::BcdLow, digits) => {
            let mut bytes: Vec<u8> = digits.iter().flat_map(|word| word.to_be_bytes()).collect();
            if form == Form::Bcd {
                bytes.reverse();
            }
            i64::try_from(bcd::decode(&bytes)?).ok()?
        }
        _ => return None,
    };
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::civil::Civil;

    #[test]
    fn values_lie_as_the_reference_says() {
        let mut image = Image::new();
        let mut show = |form, words, decimals, shown: Shown| {
            put(&mut image, (3, 10), form, words, decimals, &shown);
            (10..18).map_while(|at| image.remove(&(3, at))).collect::<Vec<u16>>()
        };
        let money = |value| Shown::Number(value, 2);
        assert_eq!(show(Form::U32, 0, 2, money(1_234_567)), [0x0012, 0xD687]);
        assert_eq!(show(Form::I32, 0, 2, money(-1050)), [0xFFFF, 0xFBE6]);
        assert_eq!(show(Form::U32Swapped, 0, 2, money(1_234_567)), [0xD687, 0x0012]);
        assert_eq!(show(Form::U16, 0, 1, Shown::Number(220_150, 3)), [2201]);
        assert_eq!(show(Form::U32, 0, 3, money(12)), [0, 120]);
        let digits = Shown::Digits([0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
        assert_eq!(show(Form::Bcd, 3, 0, digits.clone()), [0x1122, 0x3344, 0x5566]);
        assert_eq!(show(Form::BcdLow, 3, 0, digits), [0x6655, 0x4433, 0x2211]);
        assert_eq!(show(Form::Hex, 2, 0, Shown::Number(0x80, 0)), [0, 0x80]);
        assert_eq!(show(Form::Ascii, 2, 0, Shown::Text("AB")), [0x4142, 0]);
        let civil = Civil::new((21, 7, 7), (18, 40, 2)).unwrap();
        let clock = show(Form::ClockSmhwdmy, 0, 0, Shown::Clock(civil));
        assert_eq!(clock, [0x0240, 0x1803, 0x0707, 0x0021]);
        assert_eq!(show(Form::High, 0, 0, Shown::Number(2, 0)), [0x0200]);
    }

    #[test]
    fn blocks_come_apart() {
        assert_eq!(take(Form::U32, &[1, 2, 3]), Some((0x1_0002, &[3][..])));
        assert_eq!(take(Form::U32Swapped, &[1, 2]), Some((0x2_0001, &[][..])));
        assert_eq!(take(Form::I32, &[0xFFFF, 0xFFFF]), Some((-1, &[][..])));
        let account = take(Form::Bcd, &[0x1122, 0x3344, 0x5566, 7]);
        assert_eq!(account, Some((112_233_445_566, &[7][..])));
        assert_eq!(
            take(Form::BcdLow, &[0x6655, 0x4433, 0x2211]).map(|a| a.0),
            Some(112_233_445_566)
        );
        assert_eq!(take(Form::U32, &[1]), None);
        assert_eq!(take(Form::Bcd, &[0xFFFF, 0, 0]), None);
    }
}

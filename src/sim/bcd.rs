//! Packed decimal digits, low byte first, as meters keep almost every number.

/// One byte of two digits from 0 to 99; larger values lose their upper digits.
pub(super) fn byte(value: u8) -> u8 {
    let value = value % 100;
    ((value / 10) << 4) | (value % 10)
}

/// The number in one byte of two digits.
pub(super) fn plain(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    (high <= 9 && low <= 9).then_some(high * 10 + low)
}

/// `len` bytes of digits, low byte first. Digits beyond them are lost, as in a register that is
/// full.
pub(super) fn encode(mut value: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|_| {
            let two = (value % 100) as u8; // below 100
            value /= 100;
            byte(two)
        })
        .collect()
}

/// Like [`encode`], with the highest bit as sign (DL/T 645-2007, power, current, temperature).
pub(super) fn encode_signed(value: i64, len: usize) -> Vec<u8> {
    let mut bytes = encode(value.unsigned_abs(), len);
    if let Some(top) = bytes.last_mut() {
        *top = *top & 0x7F | if value < 0 { 0x80 } else { 0 };
    }
    bytes
}

/// Reads up to nine bytes of digits, low byte first.
pub(super) fn decode(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > 9 {
        return None;
    }
    bytes.iter().rev().try_fold(0, |sum, digits| Some(sum * 100 + u64::from(plain(*digits)?)))
}

/// Whether every nibble is a decimal digit.
pub(super) fn is_decimal(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| plain(*byte).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back() {
        for value in [0, 7, 99, 100, 123_456, 99_999_999] {
            assert_eq!(decode(&encode(value, 4)), Some(value));
        }
        assert_eq!(encode(123_456_789, 4), [0x89, 0x67, 0x45, 0x23]);
        assert_eq!(encode_signed(-12_345, 3), [0x45, 0x23, 0x81]);
        assert_eq!(decode(&[0x1A]), None);
        assert_eq!(decode(&[0; 10]), None);
    }
}

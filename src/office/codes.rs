//! Codes a person reads out or types: Crockford's base 32, in groups of four.
//!
//! A recovery code has a check character, so that a slip of the hand costs no try: the sum of
//! (character x a^position) over GF(32) is zero. The handheld's side is `store/vault/code.rs`,
//! which the office must not use; a test holds the two together.

use super::error::OfficeError;
use secrecy::SecretString;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of 128 bits.
const RECOVERY: usize = 26;
/// Characters of an activation code: 60 bits.
const ACTIVATION: usize = 12;

/// A new activation code.
pub(super) fn activation() -> Result<SecretString, OfficeError> {
    let random = Zeroizing::new(super::keys::random()?);
    let digits = random.iter().take(ACTIVATION).map(|byte| byte & 31);
    let digits = Zeroizing::new(digits.collect::<Vec<u8>>());
    Ok(SecretString::from(grouped(&digits).as_str()))
}

/// A recovery secret as a person reads it out.
pub fn recovery_text(secret: &[u8; 16]) -> Zeroizing<String> {
    let number = u128::from_be_bytes(*secret);
    let digit = |at: usize| (number >> (5 * (RECOVERY - 1 - at)) & 31) as u8;
    let mut digits = Zeroizing::new((0..RECOVERY).map(digit).collect::<Vec<u8>>());
    let sum = digits.iter().rev().fold(0, |sum, digit| times_a(sum) ^ digit);
    // a^31 = 1, so dividing by a^26 is multiplying by a^5.
    digits.push((RECOVERY..31).fold(sum, |value, _| times_a(value)));
    grouped(&digits)
}

/// Times `a`, the root of x^5 + x^2 + 1.
fn times_a(v: u8) -> u8 {
    let doubled = v << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

fn grouped(digits: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(digits.len() * 2));
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(digit & 31)]));
    }
    text
}

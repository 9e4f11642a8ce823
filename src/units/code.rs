//! Codes the office reads out and a person types: Crockford's base 32 in groups of four.
//!
//! A recovery code has a check character: 128 bits make 26 characters; the 27th makes the sum of
//! (character x a^position) over GF(32) zero. Every single wrong character and every two that
//! changed places, anywhere, break it: the powers of `a` differ for all 31 positions. Case does not
//! matter; O reads as 0, I and L as 1.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA: usize = 26;
const ALL: usize = DATA + 1;
/// Characters of an activation code: 60 bits.
const ACTIVATION: usize = 12;

/// An activation code of these random bytes, as a person reads it out.
pub fn activation_text(random: &[u8; 32]) -> Zeroizing<String> {
    grouped(&random[..ACTIVATION])
}

/// A recovery secret as a person reads it out.
pub fn recovery_text(secret: &[u8; 16]) -> Zeroizing<String> {
    let number = u128::from_be_bytes(*secret);
    let mut digits = Zeroizing::new([0u8; ALL]);
    for (at, digit) in digits.iter_mut().take(DATA).enumerate() {
        *digit = (number >> (5 * (DATA - 1 - at)) & 31) as u8;
    }
    let rest = sum(&digits[..DATA]);
    digits[DATA] = over_power(rest, DATA);
    grouped(&*digits)
}

/// Digits as characters, of each the low five bits.
fn grouped(digits: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(digits.len() + digits.len() / 4));
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(digit & 31)]));
    }
    text
}

/// The recovery secret a person typed; `None` if it is no code or was mistyped.
pub fn read_recovery(text: &SecretString) -> Option<Zeroizing<[u8; 16]>> {
    let mut digits = Zeroizing::new([0u8; ALL]);
    let mut count = 0;
    let letters = text.expose_secret().chars().filter(|c| !c.is_whitespace() && *c != '-');
    for letter in letters {
        *digits.get_mut(count)? = value(letter)?;
        count += 1;
    }
    if count != ALL || sum(&*digits) != 0 || digits[0] > 7 {
        return None;
    }
    let number = digits[..DATA].iter().fold(0u128, |sum, digit| sum << 5 | u128::from(*digit));
    Some(Zeroizing::new(number.to_be_bytes()))
}

fn value(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = ALPHABET.iter().position(|known| char::from(*known) == letter)?;
    u8::try_from(at).ok()
}

/// Times `a`, the root of x^5 + x^2 + 1.
fn times_a(v: u8) -> u8 {
    let doubled = v << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

fn over_power(v: u8, power: usize) -> u8 {
    // a^31 = 1, so dividing by a^n is multiplying by a^(31 - n).
    (0..31 - power).fold(v, |v, _| times_a(v))
}

/// Sum of digit x a^position.
fn sum(digits: &[u8]) -> u8 {
    digits.iter().rev().fold(0, |sum, digit| times_a(sum) ^ digit)
}

#[cfg(test)]
mod tests {
    use super::{ALPHABET, activation_text, read_recovery, recovery_text};
    use secrecy::SecretString;

    fn read(text: &str) -> Option<[u8; 16]> {
        read_recovery(&SecretString::from(text)).map(|secret| *secret)
    }

    fn secrets() -> Vec<[u8; 16]> {
        let mut all = vec![[0; 16], [255; 16], core::array::from_fn(|i| i as u8 * 17)];
        all.extend((1..8u8).map(|n| core::array::from_fn(|i| n.wrapping_mul(37 + i as u8) ^ n)));
        all
    }

    /// What an office printed once must open a handheld of any later version.
    #[test]
    fn the_spelling_is_frozen() {
        let secret: [u8; 16] = core::array::from_fn(|i| i as u8 * 17);
        assert_eq!(recovery_text(&secret).as_str(), "0024-H36H-2NCS-VRH6-DAQF-6DVV-QZX");
        let random: [u8; 32] = core::array::from_fn(|i| 250 - i as u8 * 7);
        assert_eq!(activation_text(&random).as_str(), "TKC5-YQG9-2VMD");
    }

    #[test]
    fn codes_are_read_back_however_they_are_typed() {
        for secret in secrets() {
            let text = recovery_text(&secret);
            assert_eq!(text.len(), 33, "{}", *text);
            assert_eq!(read(&text), Some(secret));
            assert_eq!(read(&text.to_lowercase()), Some(secret));
            assert_eq!(read(&text.replace('-', "")), Some(secret));
            assert_eq!(read(&text.replace('-', " ")), Some(secret));
            assert_eq!(read(&text.replace('0', "o").replace('1', "l")), Some(secret));
            assert_eq!(read(&text.replace('0', "O").replace('1', "i")), Some(secret));
        }
    }

    #[test]
    fn a_wrong_character_or_two_that_changed_places_are_noticed() {
        for secret in secrets() {
            let text: Vec<u8> = recovery_text(&secret).bytes().filter(|b| *b != b'-').collect();
            let typed = |bytes: &[u8]| core::str::from_utf8(bytes).ok().and_then(read);
            for at in 0..text.len() {
                for letter in ALPHABET.iter().filter(|l| **l != text[at]) {
                    let mut wrong = text.clone();
                    wrong[at] = *letter;
                    assert_eq!(typed(&wrong), None);
                }
                for other in (0..at).filter(|other| text[*other] != text[at]) {
                    let mut swapped = text.clone();
                    swapped.swap(at, other);
                    assert_eq!(typed(&swapped), None);
                }
                let mut short = text.clone();
                short.remove(at);
                assert_eq!(typed(&short), None);
                let mut long = text.clone();
                long.insert(at, b'7');
                assert_eq!(typed(&long), None);
            }
        }
        for text in ["", "U", "*", "0000-0000", "\u{7535}"] {
            assert_eq!(read(text), None);
        }
    }
}

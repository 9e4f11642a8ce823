//! What a PIN must be. The rest of its strength is the device secret and the counted tries.

use crate::units::OperatorId;
use secrecy::{ExposeSecret, SecretString};

/// Fewest characters of anybody's PIN.
pub const SHORTEST: usize = 6;
/// Fewest characters of a PIN with a supervisor's rights behind it.
pub const SHORTEST_STRICT: usize = 8;
/// Most characters.
pub const LONGEST: usize = 64;

/// Why a new PIN may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer characters than this.
    #[error("at least {0} characters")]
    Short(usize),
    /// More characters than this.
    #[error("at most {0} characters")]
    Long(usize),
    /// One character again and again.
    #[error("one character repeated")]
    Repeated,
    /// Each character follows the one before: 123456, 654321, 890123, abcdef.
    #[error("a run of characters in order")]
    Run,
    /// The operator's own id.
    #[error("the same as the operator's id")]
    OwnName,
}

/// Checks a new PIN.
///
/// # Errors
/// The first rule it breaks.
pub fn check(operator: &OperatorId, pin: &SecretString, strict: bool) -> Result<(), Weak> {
    let pin = pin.expose_secret();
    let size = pin.chars().count();
    let shortest = if strict { SHORTEST_STRICT } else { SHORTEST };
    if size < shortest {
        return Err(Weak::Short(shortest));
    }
    if size > LONGEST {
        return Err(Weak::Long(LONGEST));
    }
    let all = |rule: fn(char, char) -> bool| {
        pin.chars().zip(pin.chars().skip(1)).all(|(one, next)| rule(one, next))
    };
    if all(|one, next| one == next) {
        return Err(Weak::Repeated);
    }
    if all(follows) || all(|one, next| follows(next, one)) {
        return Err(Weak::Run);
    }
    if pin.eq_ignore_ascii_case(operator.as_str()) {
        return Err(Weak::OwnName);
    }
    Ok(())
}

/// Whether a character is the one after another; 0 comes after 9.
fn follows(one: char, next: char) -> bool {
    (one == '9' && next == '0') || u32::from(one) + 1 == u32::from(next)
}

#[cfg(test)]
mod tests {
    use super::{Weak, check};
    use crate::units::OperatorId;
    use secrecy::SecretString;

    fn rule(pin: &str, strict: bool) -> Result<(), Weak> {
        let Ok(operator) = "20260815".parse::<OperatorId>() else { return Err(Weak::OwnName) };
        check(&operator, &SecretString::from(pin), strict)
    }

    #[test]
    fn weak_pins_are_named_and_others_taken() {
        for pin in ["", "1", "80421", "\u{7535}\u{8868}"] {
            assert_eq!(rule(pin, false), Err(Weak::Short(6)), "{pin}");
        }
        assert_eq!(rule("8042197", true), Err(Weak::Short(8)));
        assert_eq!(rule(&"80".repeat(33), false), Err(Weak::Long(64)));
        for pin in ["000000", "11111111111", "aaaaaa"] {
            assert_eq!(rule(pin, false), Err(Weak::Repeated), "{pin}");
        }
        for pin in ["123456", "654321", "890123", "109876", "abcdef", "3456789012"] {
            assert_eq!(rule(pin, false), Err(Weak::Run), "{pin}");
        }
        assert_eq!(rule("20260815", true), Err(Weak::OwnName));
        for pin in ["804219", "112233", "123457", "112345", "\u{7535}\u{8868}804219"] {
            assert_eq!(rule(pin, false), Ok(()), "{pin}");
        }
        assert_eq!(rule("80421973", true), Ok(()));
        assert_eq!(rule(&"80".repeat(32), true), Ok(()));
    }
}

//! What authorises a write or a command at a meter: level, password, operator code.
//!
//! The level is the profile's, the password the operator's secret: it is typed or comes from a
//! file, is held in memory for one command or one log-in, and stands in no journal, log or trace.

use std::path::Path;

use zeroize::Zeroizing;

use super::failure::fail;
use super::views::Failure;
use crate::profile::{Profile, Protocol};
use crate::protocol::dlt645::dialogue::{Access, PasswordOrder};
use crate::report::Code;

/// Digits of a DL/T 645 password.
const DIGITS: usize = 6;

/// A meter password as typed: six digits.
#[derive(Clone, PartialEq, Eq)]
pub struct MeterPassword(Zeroizing<[u8; 3]>);

impl std::fmt::Debug for MeterPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MeterPassword(..)")
    }
}

impl MeterPassword {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`Code::PasswordMissing`]: not six digits. The text itself is not told.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim().as_bytes();
        if text.len() != DIGITS || !text.iter().all(u8::is_ascii_digit) {
            return Err(fail(Code::PasswordMissing, format!("{DIGITS} x 0-9")));
        }
        let mut bcd = Zeroizing::new([0; 3]);
        for (byte, pair) in bcd.iter_mut().zip(text.chunks(2)) {
            *byte = pair.iter().fold(0, |byte, digit| byte << 4 | (digit - b'0'));
        }
        Ok(Self(bcd))
    }

    /// The first line of a file.
    ///
    /// # Errors
    /// [`Code::File`]; [`Code::PasswordMissing`].
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let unread =
            |error: std::io::Error| fail(Code::File, format!("{}: {error}", path.display()));
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unread)?);
        Self::parse(text.lines().next().unwrap_or_default())
    }
}

/// What a write or command to a meter of this kind carries. `operator` is kept by meters in their
/// event records: the digits of the operator's id, or zeros.
///
/// # Errors
/// [`Code::PasswordMissing`] where none was given; [`Code::ModuleMissing`] where a security module
/// would have to authorise it; [`Code::ItemUnknown`] for protocols without such commands.
pub fn access(
    profile: &Profile,
    password: Option<&MeterPassword>,
    operator: &str,
) -> Result<Access, Failure> {
    if profile.protocol != Protocol::Dlt645_2007 && profile.protocol != Protocol::Dlt645_1997 {
        return Err(fail(Code::ItemUnknown, profile.id.clone()));
    }
    if profile.password_level >= 98 {
        return Err(fail(Code::ModuleMissing, profile.id.clone()));
    }
    let password = password.ok_or_else(|| fail(Code::PasswordMissing, profile.id.clone()))?;
    let (level, order) = (profile.password_level, PasswordOrder::default());
    Ok(Access { level, password: *password.0, operator: operator_code(operator), order })
}

/// Whether parameters of this kind are written by 14H, as bundles, settings, templates and ratios
/// do it.
///
/// # Errors
/// [`Code::NotPublished`] with what no document says.
pub fn parameters(profile: &Profile) -> Result<(), Failure> {
    match &profile.unwritable {
        Some(why) => Err(fail(Code::NotPublished, format!("{}: [parameters] {why}", profile.id))),
        None => Ok(()),
    }
}

/// The last eight digits in an operator's id, as a code of four BCD bytes.
fn operator_code(operator: &str) -> [u8; 4] {
    let digits = operator.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0');
    let number = digits.fold(0u32, |number, digit| number << 4 | u32::from(digit));
    number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_six_digits_and_never_shown() {
        let password = MeterPassword::parse(" 123456\n").unwrap();
        assert_eq!(*password.0, [0x12, 0x34, 0x56]);
        assert!(!format!("{password:?}").contains("12"));
        for text in ["", "12345", "1234567", "12345a", "+12345"] {
            let failure = MeterPassword::parse(text).unwrap_err();
            assert_eq!(failure.code, Code::PasswordMissing, "{text}");
            assert!(text.is_empty() || !failure.detail.contains(text), "{text}");
        }
    }

    #[test]
    fn an_operator_code_is_the_end_of_the_digits() {
        assert_eq!(operator_code("ann"), [0; 4]);
        assert_eq!(operator_code("op-0042"), [0, 0, 0, 0x42]);
        assert_eq!(operator_code("1234567890"), [0x34, 0x56, 0x78, 0x90]);
    }
}

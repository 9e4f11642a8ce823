//! Kinds of Bluetooth LE heads that a user adds to the ones built in: rows of a table, as text.
//!
//! ```text
//! Yard head  FFF0  FFF2  FFF1
//! Other      0000ABCD-1111-2222-3333-444455556666  ...-write  ...-notify
//! ```
//!
//! A name, the service, the characteristic we write, the one that notifies; the last two may be the
//! same. Kept apart from `ble`, so that a configuration is read alike in a build without Bluetooth.

use super::LinkError;

/// The Bluetooth base: a 16-bit number is put into its first part (Bluetooth Core, Vol 3 B 2.5.1).
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5F9B_34FB;

/// One kind of head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    /// What the user calls it.
    pub name: String,
    /// The service.
    pub service: u128,
    /// The characteristic we write.
    pub write: u128,
    /// The characteristic that notifies.
    pub notify: u128,
}

impl HeadRow {
    /// Reads a row.
    ///
    /// # Errors
    /// [`LinkError::Address`] that says what a row looks like.
    pub fn parse(text: &str) -> Result<HeadRow, LinkError> {
        let wrong = || {
            LinkError::Address(format!(
                "{text:?}: a head is NAME SERVICE WRITE NOTIFY (FFE0 or UUID)"
            ))
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let [name @ .., service, write, notify] = words.as_slice() else { return Err(wrong()) };
        if name.is_empty() {
            return Err(wrong());
        }
        let number = |word: &str| uuid(word).ok_or_else(wrong);
        Ok(HeadRow {
            name: name.join(" "),
            service: number(service)?,
            write: number(write)?,
            notify: number(notify)?,
        })
    }
}

/// A 16-bit number, or a whole UUID in its five groups.
fn uuid(word: &str) -> Option<u128> {
    if !word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return None;
    }
    if word.len() == 4 {
        return Some((u128::from_str_radix(word, 16).ok()? << 96) | BASE);
    }
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let digits: String = word.chars().filter(|c| *c != '-').collect();
    (groups == [8, 4, 4, 4, 12]).then(|| u128::from_str_radix(&digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_or_explained() {
        let row =
            HeadRow::parse("Yard head  fff0 FFF2 0000fff1-0000-1000-8000-00805f9b34fb").unwrap();
        assert_eq!(row.name, "Yard head");
        assert_eq!(row.service, 0x0000_FFF0_0000_1000_8000_0080_5F9B_34FB);
        assert_eq!(row.notify, 0x0000_FFF1_0000_1000_8000_0080_5F9B_34FB);
        for text in [
            "",
            "FFF0 FFF2 FFF1",
            "x FFF0 FFF2",
            "x FFF0 FFF2 FFFG",
            "x FFF0 FFF2 +FF1",
            "x FFF0 FFF2 0000fff100001000800000805f9b34fb",
        ] {
            let why = HeadRow::parse(text).unwrap_err().to_string();
            assert!(why.contains("NAME SERVICE"), "{why}");
        }
    }
}

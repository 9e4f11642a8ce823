//! A template of parameters: rows of an item and its value, as a file.
//!
//! ```text
//! # overload: 10 kW for 5 s
//! 04090B01 = 100000
//! 04090B02 = 05
//! ```
//!
//! Values are written with the high digits first, as people read them, and go low byte first onto
//! the wire. Items that can carry money or an identity have no place in a template.

use std::path::Path;

use sha2::Digest;

use crate::jobs::failure::{self, fail};
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask};
use crate::profile::bundle::carries_money;
use crate::protocol::dlt645::dialogue::{Access, ExchangeError, Write};
use crate::protocol::dlt645::frame::Address;
use crate::report::Code;
use crate::units::MeterNo;

/// Most rows of a template: what one entry of the journal holds with room to spare.
pub const ROWS_MAX: usize = 40;
/// Longest file that is read, bytes.
const FILE_MAX: u64 = 16 * 1024;
/// Address and number: who a meter is. What can carry money is a bundle's rule.
const IDENTITY: [u32; 2] = [0x0400_0401, 0x0400_0402];

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Identifier.
    pub di: u32,
    /// Value as it goes onto the wire.
    pub bytes: Vec<u8>,
}

/// Reads a template file.
///
/// # Errors
/// [`Code::File`]; as [`parse`].
pub fn of_file(path: &Path) -> Result<Vec<Row>, Failure> {
    use std::io::Read;
    let unread = |error: std::io::Error| fail(Code::File, format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(FILE_MAX).read_to_string(&mut text).map_err(unread)?;
    parse(&text)
}

/// Reads rows, a line or a `;` apart.
///
/// # Errors
/// [`Code::FieldOdd`] with the line that is wrong; [`Code::TokenKind`] for an item that can carry
/// money or an identity: those need a token.
pub fn parse(text: &str) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.split(['\n', ';']) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let odd = || fail(Code::FieldOdd, format!("template: {line}"));
        let (di, value) = line.split_once('=').ok_or_else(odd)?;
        let di = di.trim();
        let number = u32::from_str_radix(di, 16).ok().filter(|_| di.len() == 8).ok_or_else(odd)?;
        let bytes = digits(value.trim()).ok_or_else(odd)?;
        // Money by the one rule that bundles have, makers' own blocks included.
        let money = number >> 24 != 0x04 || carries_money(number);
        if money || IDENTITY.contains(&number) {
            return Err(fail(Code::TokenKind, line.to_owned()));
        }
        if rows.iter().any(|row| row.di == number) {
            return Err(odd());
        }
        rows.push(Row { di: number, bytes });
    }
    if rows.len() > ROWS_MAX {
        Err(fail(Code::FieldOdd, format!("template: > {ROWS_MAX}")))
    } else {
        Ok(rows)
    }
}

/// Pairs of hexadecimal digits, the high ones first, as wire bytes.
fn digits(text: &str) -> Option<Vec<u8>> {
    let whole = !text.is_empty() && text.len().is_multiple_of(2) && text.len() <= 200;
    if !whole || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2).rev();
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The rows as one text, to be read by [`parse`] again.
pub fn text(rows: &[Row]) -> String {
    let one = |row: &Row| {
        let value: String = row.bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect();
        format!("{:08X}={value}", row.di)
    };
    rows.iter().map(one).collect::<Vec<_>>().join(";")
}

/// The rows that differ from what the meter has.
///
/// # Errors
/// Line failures.
pub fn differing(line: &mut Line<'_>, meter: MeterNo, rows: &[Row]) -> Result<Vec<Row>, Failure> {
    let items: Vec<u32> = rows.iter().map(|row| row.di).collect();
    let answers = ask::read(line, meter, &items, items.len())?;
    let differs = |row: &&Row| {
        let given = answers.given();
        !given.iter().any(|(di, data)| *di == row.di && *data == row.bytes)
    };
    Ok(rows.iter().filter(differs).cloned().collect())
}

/// Writes rows, each once; hands back what the meter refused. Whether they arrived is read back by
/// the caller: an answer is no evidence.
///
/// # Errors
/// The adapter's.
pub fn write(
    line: &mut Line<'_>,
    meter: MeterNo,
    rows: &[Row],
    access: &Access,
) -> Result<Vec<(u32, Failure)>, Failure> {
    let mut refused = Vec::new();
    for row in rows {
        let (to, timing) = (Address::meter(meter), ask::timing(line));
        let write = Write::new(to, row.di, access, &row.bytes, timing);
        let mut write = write.map_err(|error| fail(Code::TokenKind, error.to_string()))?;
        let said = ask::run(line, &mut write, &mut sha2::Sha256::new());
        let said = said.map_err(|error| failure::drive(&error))?;
        line.doubtful |= said.is_err();
        if let Err(error @ ExchangeError::Refused(_)) = &said {
            refused.push((row.di, failure::exchange(error)));
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_as_it_is_written_and_carries_no_money() {
        let rows = parse("# c\n04090B01 = 100000 # 10 kW\n\n04090B02=05").unwrap();
        assert_eq!(rows[0], Row { di: 0x0409_0B01, bytes: vec![0, 0, 0x10] });
        assert_eq!(parse(&text(&rows)).unwrap(), rows);
        for (wrong, code) in [
            ("04090B01", Code::FieldOdd),
            ("4090B01 = 10", Code::FieldOdd),
            ("04090B01 = 1", Code::FieldOdd),
            ("04090B01 = xx", Code::FieldOdd),
            ("04090B01=10;04090B01=10", Code::FieldOdd),
            ("04001006 = 00001000", Code::TokenKind),
            ("070102FF = 00", Code::TokenKind),
            ("0400040E = 000000000001", Code::TokenKind),
            // A maker's own block, which may hold a preset amount.
            ("0440AAA0 = 00", Code::TokenKind),
            ("04500001 = 00", Code::TokenKind),
        ] {
            assert_eq!(parse(wrong).unwrap_err().code, code, "{wrong}");
        }
    }
}

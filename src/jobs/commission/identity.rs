//! Which meter it is: its number against the label, its address, its CT ratio, its account.

use sha2::Digest;

use super::steps::{Came, Here, Notes, of, with};
use crate::jobs::address::BusAddress;
use crate::jobs::errand::{Answer, Values};
use crate::jobs::failure::{self, fail};
use crate::jobs::lines::Stop;
use crate::jobs::views::Failure;
use crate::jobs::{Line, access, ask, read};
use crate::profile::Protocol;
use crate::protocol::dlt645::dialogue::{FindAddress, Write, WriteAddress};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::dlt645::words::STATUS_3_REMOTE_NOT_OPENED;
use crate::protocol::value::{read_bcd, write_bcd};
use crate::report::Code;
use crate::units::MeterNo;

/// Communication address, meter number, asset code, CT ratio, status word 3, customer number
/// (`reference/dlt645.md` 3.3).
const DI_ADDRESS: u32 = 0x0400_0401;
const DI_NUMBER: u32 = 0x0400_0402;
const DI_ASSET: u32 = 0x0400_0403;
const DI_RATIO: u32 = 0x0400_0306;
const DI_STATUS_3: u32 = 0x0400_0503;
const DI_CUSTOMER: u32 = 0x0400_040E;

/// Largest CT ratio that is taken: 50,000 A on 5 A.
pub const RATIO_MAX: i64 = 10_000;

/// Checks a scanned or typed code by itself: digits, and in codes of thirteen digits the last as
/// check digit (EAN-13). Longer asset codes are compared with the meter's own instead.
///
/// # Errors
/// [`Code::BarcodeOther`].
pub fn check_digit(code: &str) -> Result<(), Failure> {
    let digits: Option<Vec<u32>> = code.chars().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| !digits.is_empty()) else {
        // Letters occur in asset codes; there is nothing to compute.
        return Ok(());
    };
    if digits.len() == 13 {
        let weighted = digits.iter().zip([1, 3].iter().cycle()).map(|(digit, by)| digit * by);
        if !weighted.sum::<u32>().is_multiple_of(10) {
            return Err(fail(Code::BarcodeOther, format!("{code}: check digit")));
        }
    }
    Ok(())
}

/// Whether a scanned code names this meter: its number, its number with a check digit, or its asset
/// code.
fn names(code: &str, meter: MeterNo, asset: &str) -> bool {
    let digits = meter.to_string();
    let bare = |text: &str| text.trim_start_matches('0').to_owned();
    let by_number = code.len() <= 12 && bare(code) == bare(&digits);
    let with_check = code.len() == 13 && code.starts_with(&digits);
    by_number || with_check || !asset.is_empty() && code == asset
}

/// Finds the meter and compares its own number with what was typed and scanned.
///
/// # Errors
/// Line failures; [`Code::MeterOther`], [`Code::BarcodeOther`].
pub fn find(line: &mut Line<'_>, meter: MeterNo, values: &Values) -> Result<Notes, Failure> {
    let code = values.get("barcode").unwrap_or_default();
    if line.profile.protocol != Protocol::Dlt645_2007 {
        // What else has a number of its own, the card shows by name; the bus address is by the
        // area list.
        let (card, _) = read::read_at(line, meter, &crate::units::BusPlace::default())?;
        let own = card.others.iter().find(|(name, _)| name == "number");
        let own = own.map(|(_, value)| value.clone()).unwrap_or_default();
        if !code.is_empty() && !names(code, meter, &own) {
            return Err(fail(Code::BarcodeOther, format!("{code} / {own}")));
        }
        return Ok(with(&[("number", &own), ("address", &meter.to_string())]));
    }
    let at = match heard(line, meter) {
        Err(failure) if failure.code == Code::MeterSilent && values.switch("set-address") => {
            alone(line)?
        }
        heard => heard.map(|()| meter)?,
    };
    let answers = ask::read(line, at, &[DI_NUMBER, DI_ASSET], 1)?;
    let own: Option<[u8; 6]> = answers.data(DI_NUMBER).and_then(|data| data.try_into().ok());
    let own = own.and_then(MeterNo::from_wire).unwrap_or(at);
    if own != meter {
        return Err(fail(Code::MeterOther, format!("{own} / {meter}")));
    }
    let asset = answers.data(DI_ASSET).map(text).unwrap_or_default();
    if !code.is_empty() && !names(code, own, &asset) {
        return Err(fail(Code::BarcodeOther, format!("{code} / {own}")));
    }
    let scanned = if code.is_empty() { "" } else { "yes" };
    Ok(with(&[
        ("number", &own.to_string()),
        ("address", &at.to_string()),
        ("asset", &asset),
        ("scanned", scanned),
    ]))
}

/// Whether a meter answers at its number, with that address.
fn heard(line: &mut Line<'_>, meter: MeterNo) -> Result<(), Failure> {
    let answers = ask::read(line, meter, &[DI_ADDRESS], 1)?;
    let own: Option<[u8; 6]> = answers.data(DI_ADDRESS).and_then(|data| data.try_into().ok());
    match own.and_then(MeterNo::from_wire) {
        Some(own) if own != meter => Err(fail(Code::MeterOther, format!("{own} / {meter}"))),
        _ => Ok(()),
    }
}

/// The address of the only meter on the line.
fn alone(line: &mut Line<'_>) -> Result<MeterNo, Failure> {
    let mut dialogue = FindAddress::new(ask::timing(line), ask::retry(line));
    let said = ask::run(line, &mut dialogue, &mut sha2::Sha256::new());
    let said = said.map_err(|error| failure::drive(&error))?;
    line.doubtful = said.is_err();
    said.map_err(|error| failure::exchange(&error))
}

/// A text field: last character first on the wire, filled with spaces or zeros.
fn text(data: &[u8]) -> String {
    let printable = data.iter().rev().copied().filter(|byte| (0x20..0x7F).contains(byte));
    printable.map(char::from).collect::<String>().trim().to_owned()
}

/// Gives the meter its address: it is the only one on the line, and its button is pressed. Read
/// back at the new one.
///
/// # Errors
/// Line failures.
pub fn address(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    let there = here.on(|line, stop| heard(line, stop.meter));
    match there {
        Ok(()) => {
            let done = if of(notes, "address").is_empty() { "same" } else { "address" };
            return Ok(Came::Done(with(&[(done, &here.meter.to_string())])));
        }
        Err(failure) if failure.code != Code::MeterSilent => return Err(failure),
        Err(_) => {}
    }
    if answer.is_none() {
        return Ok(Came::Wait("comm-button", Notes::new()));
    }
    here.on(|line, stop| {
        let old = alone(line)?;
        here.begun(line, with(&[("address", &old.to_string())]))?;
        let mut dialogue = WriteAddress::new(stop.meter, ask::timing(line));
        let said = ask::run(line, &mut dialogue, &mut sha2::Sha256::new());
        line.doubtful |= !matches!(said, Ok(Ok(_)));
        // Whatever was answered: it is there now or it is not.
        heard(line, stop.meter)?;
        Ok(Came::Done(with(&[("address", &stop.meter.to_string()), ("was", &old.to_string())])))
    })
}

/// The CT ratio: two people enter it, one after the other, and only what agrees is written.
///
/// # Errors
/// Line failures; no password.
pub fn ratio(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    let wanted = here.values.number("ct")?.unwrap_or(1);
    let second = answer.and_then(Answer::text).unwrap_or_default().to_owned();
    if second.is_empty() && of(notes, "agreed").is_empty() {
        return Ok(Came::Wait("comm-ct-second", Notes::new()));
    }
    if !second.is_empty() && second.parse() != Ok(wanted) {
        return Err(fail(Code::FieldOdd, format!("comm-ct-second: {second} / {wanted}")));
    }
    let bytes = write_bcd(wanted, 3).ok_or_else(|| fail(Code::FieldOdd, "ct"))?;
    here.on(|line, stop| {
        if line.profile.protocol != Protocol::Dlt645_2007 {
            return Err(fail(Code::ItemUnknown, format!("CT {}", line.profile.id)));
        }
        access::parameters(line.profile)?;
        let before = ask::read(line, stop.meter, &[DI_RATIO], 1)?;
        let was = before.data(DI_RATIO).and_then(|data| read_bcd(data, false)).unwrap_or(0);
        if was != wanted {
            let access = here.site.access(line.profile)?;
            here.begun(line, with(&[("agreed", "yes"), ("was", &was.to_string())]))?;
            let (to, timing) = (Address::meter(stop.meter), ask::timing(line));
            let write = Write::new(to, DI_RATIO, &access, &bytes, timing);
            let mut write = write.map_err(|error| fail(Code::Internal, error.to_string()))?;
            let said = ask::run(line, &mut write, &mut sha2::Sha256::new());
            line.doubtful |= !matches!(said, Ok(Ok(_)));
        }
        let after = ask::read(line, stop.meter, &[DI_RATIO], 1)?;
        let now = after.data(DI_RATIO).and_then(|data| read_bcd(data, false));
        let notes = with(&[("ratio", &wanted.to_string()), ("was", &was.to_string())]);
        Ok(match now == Some(wanted) {
            true => Came::Done(notes),
            false => Came::Failed(fail(Code::MeterRefused, format!("{DI_RATIO:08X}")), notes),
        })
    })
}

/// Whether the account is open in the meter. Opening takes a token and is an errand of its own.
///
/// # Errors
/// [`Code::AccountNotOpen`]; line failures.
pub fn account(line: &mut Line<'_>, stop: &Stop) -> Result<Notes, Failure> {
    if line.profile.money.is_none() {
        return Ok(with(&[("account", "no-account")]));
    }
    let BusAddress::Dlt645(no) = BusAddress::of(line.profile, &stop.place, stop.meter)? else {
        return Ok(with(&[("account", "no-account")]));
    };
    let answers = ask::read(line, no, &[DI_STATUS_3, DI_CUSTOMER], 2)?;
    let word = answers.data(DI_STATUS_3).and_then(|data| data.try_into().ok());
    let word = word.map(u16::from_le_bytes);
    let customer = answers
        .data(DI_CUSTOMER)
        .map(|data| data.iter().rev().map(|byte| format!("{byte:02X}")).collect::<String>());
    match word {
        Some(word) if word & STATUS_3_REMOTE_NOT_OPENED == 0 => {
            Ok(with(&[("account", &customer.unwrap_or_default())]))
        }
        Some(_) => Err(fail(Code::AccountNotOpen, stop.meter.to_string())),
        None => Err(fail(Code::MeterRefused, format!("{DI_STATUS_3:08X}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanned_code_names_one_meter() {
        let meter: MeterNo = "000000000047".parse().unwrap();
        assert!(names("47", meter, "") && names("000000000047", meter, ""));
        assert!(!names("48", meter, "") && names("0000000000471", meter, "X1"));
        assert!(names("X1", meter, "X1") && !names("X2", meter, "X1"));
        assert!(check_digit("4006381333931").is_ok());
        assert!(check_digit("4006381333932").is_err());
        assert!(check_digit("AB12").is_ok());
    }
}

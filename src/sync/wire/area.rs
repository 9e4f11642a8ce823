//! The area list: which meters this handheld may meet, in signed pages.
//!
//! An area has a version; while it is unchanged a PULL carries nothing of it. When it changed, the
//! office names the hash of every page and the handheld asks only for those it lacks. A page is
//! one signed document over its lines alone, so an unchanged page keeps its bytes.

use super::fields::{self, Reader, map, shape};
use super::{MAX_PAGE_LINES, VERSION, VERSION_KEY, WireError};
use crate::units::{AccountNo, CreditUnit, MeterNo};
use meterkit_tokens::cbor::Value;

/// Most pages in an area: 100,000 meters need 250 (`reference/field-work.md` 4b).
pub const MAX_PAGES: usize = 1000;
/// Longest customer name, location or profile name, in bytes.
const MAX_TEXT: usize = 200;
/// Longest area name, in bytes.
pub const MAX_AREA_NAME: usize = 16;

/// An area's version and the hash of each of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Goes up with every change.
    pub version: u64,
    /// SHA-256 of each page document, in order.
    pub pages: Vec<[u8; 32]>,
}

impl Area {
    pub(super) fn value(&self) -> Value {
        map([(1, fields::seq(self.version)), (2, fields::array_list(&self.pages))])
    }

    pub(super) fn read(mut r: Reader) -> Result<Self, WireError> {
        let area = Self { version: r.u64(1)?, pages: r.arrays(2, MAX_PAGES, "area pages")? };
        r.finish()?;
        Ok(area)
    }
}

/// One meter on an area page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterLine {
    /// Its address.
    pub meter: MeterNo,
    /// Its account: the epoch.
    pub account: AccountNo,
    /// What the account is kept in.
    pub unit: CreditUnit,
    /// Whose it is.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// How to talk to it.
    pub profile: String,
    /// The area it belongs to, for operators who may work in some areas only; "" for none. At most
    /// [`MAX_AREA_NAME`] bytes.
    pub area: String,
}

impl MeterLine {
    fn value(&self) -> Value {
        let unit = match self.unit {
            CreditUnit::Yuan => 0,
            CreditUnit::Kwh => 1,
        };
        map([
            (1, Value::Bytes(self.meter.bcd().to_vec())),
            (2, Value::Bytes(self.account.bcd().to_vec())),
            (3, Value::Int(unit)),
            (4, Value::Text(self.customer.clone())),
            (5, Value::Text(self.location.clone())),
            (6, Value::Text(self.profile.clone())),
            (7, Value::Text(self.area.clone())),
        ])
    }

    fn read(value: Value) -> Result<Self, WireError> {
        let mut r = Reader::of(value)?;
        let (meter, account) = (r.meter(1)?, r.account(2)?);
        let unit = match r.int(3)? {
            0 => CreditUnit::Yuan,
            1 => CreditUnit::Kwh,
            _ => return Err(shape("unit")),
        };
        let mut text = |key, most| {
            let text = r.text(key)?;
            if text.len() > most { Err(WireError::Limit("area text")) } else { Ok(text) }
        };
        let (customer, location) = (text(4, MAX_TEXT)?, text(5, MAX_TEXT)?);
        let (profile, area) = (text(6, MAX_TEXT)?, text(7, MAX_AREA_NAME)?);
        r.finish()?;
        Ok(Self { meter, account, unit, customer, location, profile, area })
    }
}

/// One page: the payload of an area document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its meters, by number.
    pub lines: Vec<MeterLine>,
}

impl Page {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        let lines = self.lines.iter().map(MeterLine::value).collect();
        map([(VERSION_KEY, Value::Int(VERSION)), (2, Value::Array(lines))])
    }

    /// Reads a payload whose signature was checked.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        let lines = r.list(2, MAX_PAGE_LINES, "area lines")?;
        r.finish()?;
        Ok(Self { lines: lines.into_iter().map(MeterLine::read).collect::<Result<_, _>>()? })
    }
}

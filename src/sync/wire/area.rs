//! The area list: which meters this handheld may meet, in signed pages.
//!
//! An area has a version; while it is unchanged a PULL carries nothing of it. When it changed, the
//! office names the hash of every page and the handheld asks only for those it lacks. A page is
//! one signed document over its lines alone, so an unchanged page keeps its bytes.

use super::fields::{self, Reader, map, shape};
use super::{MAX_PAGE_LINES, VERSION, VERSION_KEY, WireError};
use crate::units::{AccountNo, BusPlace, CreditUnit, MeterNo};
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
    /// Where it hangs on its bus.
    pub place: BusPlace,
}

impl MeterLine {
    fn value(&self) -> Value {
        let unit = match self.unit {
            CreditUnit::Yuan => 0,
            CreditUnit::Kwh => 1,
        };
        Value::map_of([
            (1, Some(Value::Bytes(self.meter.bcd().to_vec()))),
            (2, Some(Value::Bytes(self.account.bcd().to_vec()))),
            (3, Some(Value::Int(unit))),
            (4, Some(Value::Text(self.customer.clone()))),
            (5, Some(Value::Text(self.location.clone()))),
            (6, Some(Value::Text(self.profile.clone()))),
            (7, Some(Value::Text(self.area.clone()))),
            (8, place_value(&self.place)),
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
        let place = r.opt_map(8)?.map(read_place).transpose()?.unwrap_or_default();
        r.finish()?;
        Ok(Self { meter, account, unit, customer, location, profile, area, place })
    }
}

/// A place: 1 line, 2 box, 3 user, 4 address; `None` where nothing is known of it, so that
/// pages of meters without places keep their bytes, and older handhelds read them.
fn place_value(place: &BusPlace) -> Option<Value> {
    let known = *place != BusPlace::default();
    known.then(|| {
        map([
            (1, Value::Text(place.line.clone())),
            (2, Value::Text(place.terminal.clone())),
            (3, Value::Int(place.user.into())),
            (4, Value::Text(place.address.clone())),
        ])
    })
}

fn read_place(mut r: Reader) -> Result<BusPlace, WireError> {
    let mut text = |key| {
        let text = r.text(key)?;
        if text.len() > MAX_TEXT { Err(WireError::Limit("area text")) } else { Ok(text) }
    };
    let (line, terminal, address) = (text(1)?, text(2)?, text(4)?);
    let user = u8::try_from(r.int(3)?).map_err(|_| shape("user"))?;
    r.finish()?;
    Ok(BusPlace { line, terminal, user, address })
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

//! CJ/T 188: one answer holds everything.

use sha2::Sha256;

use super::{Found, by_form, own_unit, place, retry, run, timing, trouble};
use crate::jobs::Line;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::profile::{Item, Place};
use crate::protocol::cjt188::ask::{Habits, Item as Asked, Read, Serials};
use crate::protocol::cjt188::frame::Address;
use crate::protocol::exchange::Reply;
use crate::report::Code;

/// Reads the items of one meter. How it likes its frames is found out anew each time: it costs a
/// second question only where the first order is not the meter's.
pub(super) fn read(
    line: &mut Line<'_>,
    address: Address,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let names = items.iter().map(|item| {
        place(item, |at| match at {
            Place::Cjt188(name) => Some(name.as_str()),
            _ => None,
        })
    });
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let (timing, retry) = (timing(line), retry(line));
    let serials = Serials::from(super::number(line));
    super::settle(line)?;
    let no_serial = line.profile.manners.no_serial;
    let habits = Habits { no_serial, ..Habits::default() };
    let mut read = Read::new(address, Asked::Current, habits, timing, retry, &serials);
    let told = match run(line, &mut read, digest)?.map_err(|error| trouble(&error, &address))? {
        Reply::Data(told) => told,
        Reply::Refused(why) => return Err(fail(Code::MeterRefused, format!("{address}: {why}"))),
    };
    let found = items.iter().zip(names).map(|(item, name)| {
        let raw = told.reading.raw(name).unwrap_or_default().to_vec();
        if item.form.is_some() && !raw.is_empty() {
            return Some(by_form(item, raw));
        }
        let (value, unit) = told.reading.value(name)?;
        Some(own_unit(item, value, unit, raw))
    });
    Ok(found.collect())
}

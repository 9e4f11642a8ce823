//! M-Bus: everything a meter sends, the items by the number of their record.

use sha2::Sha256;

use super::{Found, own_unit, place, retry, run, timing, trouble};
use crate::jobs::Line;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::profile::{Item, Place};
use crate::protocol::exchange::Reply;
use crate::protocol::mbus::ask::Read;
use crate::protocol::mbus::frame::Address;
use crate::report::Code;

/// Reads the items of one meter.
pub(super) fn read(
    line: &mut Line<'_>,
    address: Address,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let numbers = items.iter().map(|item| {
        place(item, |at| match at {
            Place::Record(number) => Some(*number),
            _ => None,
        })
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    super::settle(line)?;
    let mut read = Read::new(address, timing(line), retry(line));
    let reading = match run(line, &mut read, digest)?.map_err(|error| trouble(&error, &address))? {
        Reply::Data(reading) => reading,
        Reply::Refused(why) => return Err(fail(Code::MeterRefused, format!("{address}: {why}"))),
    };
    let found = items.iter().zip(numbers).map(|(item, number)| {
        let record = reading.record(number)?;
        Some(own_unit(item, record.value.clone(), &record.unit, Vec::new()))
    });
    Ok(found.collect())
}

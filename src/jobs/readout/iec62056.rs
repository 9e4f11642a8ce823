//! IEC 62056-21: the whole table, the items by their addresses in it.

use sha2::Sha256;

use super::{Found, own_unit, place, retry, run, timing, trouble};
use crate::jobs::views::Failure;
use crate::jobs::{Line, failure, open};
use crate::profile::{Item, Manners, Place};
use crate::protocol::iec62056::ask::{Readout, Setup};
use crate::protocol::iec62056::frame::Address;

/// Reads the items of the meter in front of the head, or of one on a line of several; and the lines
/// of its table that came damaged. The line is left at the speed of the sign-on.
pub(super) fn read(
    line: &mut Line<'_>,
    address: &Address,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<(Found, Vec<String>), Failure> {
    let addresses = items.iter().map(|item| {
        place(item, |at| match at {
            Place::Iec(address) => Some(address.as_str()),
            _ => None,
        })
    });
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let start = line.profile.line.framing.baud;
    let Manners { wake, head_follows, .. } = line.profile.manners;
    let setup = Setup { address: address.clone(), start, wake, head_follows, ..Setup::default() };
    super::settle(line)?;
    let mut readout = Readout::new(setup, timing(line), retry(line));
    let ended = run(line, &mut readout, digest);
    // `false`: set elsewhere, then it never changed.
    let back = line.link.tune(&open::settings(line.profile));
    let table = ended?.map_err(|error| trouble(&error, address))?;
    back.map_err(|error| failure::link(&error, ""))?;
    let found = items.iter().zip(addresses).map(|(item, address)| {
        let set = table.find(address)?;
        let unit = set.unit.as_deref().unwrap_or_default();
        Some(own_unit(item, set.value(), unit, set.value.clone().into_bytes()))
    });
    Ok((found.collect(), table.damaged))
}

//! DL/T 698.45: attributes, a few in one question.

use sha2::Sha256;

use super::{Found, Pass, Passes, own_unit, place, retry, run, timing, trouble};
use crate::jobs::Line;
use crate::jobs::views::Failure;
use crate::profile::{Item, Place};
use crate::protocol::dlt698::ask::{self, Numbers};
use crate::protocol::dlt698::frame::Address;
use crate::protocol::exchange::Reply;

/// Reads the items of one meter.
pub(super) fn read(
    line: &mut Line<'_>,
    address: &Address,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let oads = items.iter().map(|item| {
        place(item, |at| match at {
            Place::Oad(oad) => Some(*oad),
            _ => None,
        })
    });
    let oads = oads.collect::<Result<Vec<u32>, _>>()?;
    let (timing, retry) = (timing(line), retry(line));
    let numbers = Numbers::from(super::number(line));
    let mut found: Found = vec![None; items.len()];
    // Those still to be asked for; after trouble without those that may have caused it.
    let mut left = oads.clone();
    let mut passes = Passes::default();
    while !left.is_empty() {
        super::settle(line)?;
        let mut series = ask::read(address, &left, timing, retry, &numbers);
        let ended = run(line, &mut series, digest)?;
        let mut heard = false;
        for reply in series.so_far() {
            let Reply::Data(answer) = reply else { continue };
            heard = true;
            for got in &answer.results {
                left.retain(|oad| *oad != got.oad);
                let Ok(data) = &got.what else { continue };
                let places = items.iter().zip(&oads).zip(&mut found);
                for ((item, _), slot) in places.filter(|((_, oad), _)| **oad == got.oad) {
                    *slot = Some(own_unit(item, data.value(item.decimals), "", Vec::new()));
                }
            }
        }
        let Err(error) = ended else { break };
        match passes.after(&error, heard || found.iter().any(Option::is_some)) {
            Pass::One => drop(left.drain(..1)),
            Pass::Rest => left.clear(),
            Pass::Fail => return Err(trouble(&error, address)),
        }
    }
    Ok(found)
}

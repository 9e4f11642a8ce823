//! DL/T 645: one identifier an item.

use sha2::{Digest, Sha256};

use super::{Found, Got, by_form};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask};
use crate::profile::{Item, Place, Protocol};
use crate::protocol::dlt645::dialogue::Reply;
use crate::protocol::dlt645::items;
use crate::report::Code;
use crate::units::MeterNo;

/// Reads the items of one meter.
pub(super) fn read(
    line: &mut Line<'_>,
    meter: MeterNo,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let di = |item: &Item| match item.at {
        Place::Di(di) => Ok(di),
        _ => Err(fail(Code::ItemUnknown, item.name.clone())),
    };
    let dis = items.iter().map(di).collect::<Result<Vec<u32>, _>>()?;
    let answers = ask::read(line, meter, &dis, usize::from(!dis.is_empty()))?;
    digest.update(answers.digest);
    let old = line.profile.protocol == Protocol::Dlt645_1997;
    let found = items.iter().zip(answers.replies).map(|(item, (di, reply))| match reply {
        Some(Reply::Data(raw)) => Some(value(item, di, old, raw)),
        _ => None,
    });
    Ok(found.collect())
}

/// A value by the profile's form, else by the protocol's own tables: the first of a block.
fn value(item: &Item, di: u32, old: bool, raw: Vec<u8>) -> Got {
    if item.form.is_some() {
        return by_form(item, raw);
    }
    let decoded = match u16::try_from(di) {
        Ok(di) if old => items::decode_1997(di, &raw),
        _ => items::decode(di, &raw),
    };
    match decoded.into_iter().next() {
        Some(first) => {
            let unit = if item.unit.is_empty() { first.unit } else { item.unit.as_str() };
            Got { name: item.name.clone(), value: first.value, unit: unit.to_owned(), raw }
        }
        None => by_form(item, raw),
    }
}

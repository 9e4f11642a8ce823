//! DLMS/COSEM: one association, one attribute an item.

use secrecy::ExposeSecret;
use sha2::Sha256;

use super::{Found, own_unit, place, retry, timing, trouble};
use crate::jobs::failure::{self, fail};
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, open};
use crate::profile::{Item, Place};
use crate::protocol::dlms::{self, Address, Attribute, Auth, Entry, LinkTrouble, ModeE};
use crate::report::Code;

/// A line that begins at this speed has an optical head on it: HDLC is reached by the sign-on.
const SIGN_ON: u32 = 300;

/// Reads the items of one meter, as the public client or as its address says; with the meter's
/// password where there is one.
pub(super) fn read(
    line: &mut Line<'_>,
    address: Address,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let attributes = items.iter().map(|item| {
        place(item, |at| match at {
            Place::Cosem { class, obis, attribute } => {
                Some(Attribute::new(*class, *obis, *attribute))
            }
            _ => None,
        })
    });
    let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
    let optical = line.profile.line.framing.baud == SIGN_ON;
    let entry = if optical { Entry::ModeE(ModeE::default()) } else { Entry::Direct };
    super::settle(line)?;
    let (timing, retry) = (timing(line), retry(line));
    let auth = line
        .secret
        .map_or(Auth::None, |secret| Auth::Password(secret.expose_secret().as_bytes().to_vec()));
    let mut session = dlms::read(address, auth, &attributes, timing, retry, entry);
    let ended = ask::run(line, &mut session, digest).map_err(|error| failure::drive(&error))?;
    line.doubtful = ended.failure.is_some();
    if optical {
        // `false`: set elsewhere, then it never changed.
        let back = line.link.tune(&open::settings(line.profile));
        back.map_err(|error| failure::link(&error, ""))?;
    }
    let readings = dlms::readings(&attributes, &ended);
    if let (true, Some(why)) = (readings.is_empty(), &ended.failure) {
        return Err(refused(why, address));
    }
    let mut found: Found = items
        .iter()
        .zip(readings)
        .map(|(item, reading)| {
            let reading = reading.ok()?;
            Some(own_unit(item, reading.value, &reading.unit, Vec::new()))
        })
        .collect();
    found.resize(items.len(), None);
    Ok(found)
}

fn refused(why: &dlms::Failure, address: Address) -> Failure {
    match why {
        dlms::Failure::SignOn(error) => trouble(error, &address),
        dlms::Failure::NoModeE(_) | dlms::Failure::Association(_) | dlms::Failure::TooLong => {
            fail(Code::MeterRefused, format!("{address}: {why}"))
        }
        dlms::Failure::Link(LinkTrouble::Line(error)) => trouble(error, &address),
        dlms::Failure::Link(_) => fail(Code::MeterGarbled, format!("{address}: {why}")),
    }
}

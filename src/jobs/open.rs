//! Opening a store and a line, and whom this handheld trusts; every error as a code.

use std::path::Path;

use meterkit_tokens::Keyring;

use super::failure::{self, fail};
use super::views::Failure;
use crate::profile::{self, Profile};
use crate::report::Code;
use crate::store::{Opened, Store};
use crate::transport::{self, Endpoint, LineSettings, Link, Parity};
use crate::units::{DeviceId, MeterNo};

/// Who this handheld is and whom it trusts.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Whose handheld it is.
    pub tenant: String,
    /// Its name.
    pub device: DeviceId,
    /// The keys of the office.
    pub keys: Keyring,
}

/// Opens the store in `dir`.
///
/// # Errors
/// Codes of the store area.
pub fn store(dir: &Path) -> Result<(Store, Opened), Failure> {
    Store::open(dir).map_err(|error| failure::store(&error))
}

/// Who this handheld is and the keys it trusts: the newest keyset it has.
///
/// # Errors
/// A keyset in the store that does not verify: somebody changed the store.
pub fn trust(store: &Store) -> Result<Trust, Failure> {
    let (keys, _version) = crate::sync::client::keyring(store)
        .map_err(|error| fail(Code::TokenKey, error.to_string()))?;
    let identity = store.identity();
    Ok(Trust { tenant: identity.tenant.clone(), device: identity.device.clone(), keys })
}

/// The profile to use for a meter: the area list's, else the one asked for, else the generic one.
///
/// # Errors
/// [`Code::Config`] for a name nobody knows.
pub fn profile(store: &Store, meter: MeterNo, otherwise: Option<&str>) -> Result<Profile, Failure> {
    let listed = store.meter(meter).map(|row| row.profile).filter(|name| !name.is_empty());
    let name = listed.as_deref().or(otherwise).unwrap_or(profile::DEFAULT);
    Profile::built_in(name).map_err(|error| failure::profile(&error))
}

/// The line settings a profile asks for.
pub fn settings(profile: &Profile) -> LineSettings {
    let line = profile.line;
    LineSettings {
        baud: line.baud,
        parity: match line.parity {
            profile::Parity::None => Parity::None,
            profile::Parity::Even => Parity::Even,
            profile::Parity::Odd => Parity::Odd,
        },
        data_bits: line.data_bits,
        stop_bits: line.stop_bits,
    }
}

/// Opens the line written as `endpoint`.
///
/// # Errors
/// Codes of the port area; [`Code::PortNotChosen`] for none.
pub fn line(endpoint: Option<&str>, settings: &LineSettings) -> Result<Box<dyn Link>, Failure> {
    let Some(text) = endpoint.filter(|text| !text.trim().is_empty()) else {
        return Err(fail(Code::PortNotChosen, ""));
    };
    let place = Endpoint::parse(text).map_err(|error| failure::link(&error, text))?;
    transport::open(&place, settings).map_err(|error| failure::link(&error, text))
}

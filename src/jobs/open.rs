//! Opening a line, and the profile of a meter; every error as a code.

use super::failure::{self, fail};
use super::views::Failure;
use crate::profile::{self, Profile};
use crate::protocol::{self, Framing};
use crate::report::Code;
use crate::store::Store;
use crate::transport::{self, Endpoint, LineSettings, Link, Parity};
use crate::units::MeterNo;

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
    framing(profile.line.framing)
}

/// Characters of a line in the transport's words.
pub fn framing(framing: Framing) -> LineSettings {
    LineSettings {
        baud: framing.baud,
        parity: match framing.parity {
            protocol::Parity::None => Parity::None,
            protocol::Parity::Even => Parity::Even,
            protocol::Parity::Odd => Parity::Odd,
        },
        data_bits: framing.data_bits,
        stop_bits: framing.stop_bits,
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

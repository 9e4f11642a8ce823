//! Many meters on one bus, described by a TOML file; and their state as text, to survive a restart.
//!
//! ```toml
//! seed = 7
//! start = "2026-11-20T08:00:00"      # the simulation's first moment
//!
//! [defaults]                          # any field of MeterSetup
//! balance = "50.00"
//!
//! [generate]                          # optional: meters with consecutive numbers
//! count = 31
//! first = "000000000101"
//! first_account = "330100000101"      # optional: accounts, consecutive too
//!
//! [[meter]]                           # one more, or changes to a generated one
//! no = "000000000131"
//! dead = true
//!
//! [[meter]]
//! no = "000000000132"
//! profile = "dlt645-1997"             # its edition; of 1997 its rows, level and speed, too
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::Reply;
use super::civil::Civil;
use super::meter::Meter;
use super::noise;
use super::purse::AuditError;
use super::setup::{MeterSetup, Port, as_optional_text, as_text};
use super::v1997::ProfileRow;
use crate::profile::{Profile, ProfileError, Protocol};
use crate::protocol::Framing;
use crate::protocol::dlt645::frame::Frame;
use crate::units::{AccountNo, MeterNo};

/// Most meters one fleet can have.
pub const FLEET_MAX: usize = 10_000;
/// The first moment of a simulation that names none.
pub const DEFAULT_START: &str = "2026-11-20T08:00:00";
/// Version of the state text.
const STATE_VERSION: u32 = 1;

/// What is wrong with a fleet file or a state file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// Not TOML, or a field that is unknown or of the wrong kind.
    #[error("{0}")]
    File(String),
    /// A meter without a number.
    #[error("meter {0} of the file has no number (no = \"...\")")]
    NoNumber(usize),
    /// Two meters under one number.
    #[error("two meters have the number {0}")]
    Twice(MeterNo),
    /// More than [`FLEET_MAX`], or numbers beyond twelve digits.
    #[error("a fleet has at most {FLEET_MAX} meters with numbers of twelve digits")]
    TooMany,
    /// A state file of another version of the program.
    #[error("the state file has version {0}, this program reads {STATE_VERSION}")]
    Version(u32),
}

/// Meters on one bus.
#[derive(Debug, Clone)]
pub struct Fleet {
    meters: Vec<Meter>,
    port: Option<Port>,
    framing: Option<Framing>,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    start: Option<Civil>,
    #[serde(default)]
    defaults: toml::Table,
    generate: Option<Generate>,
    #[serde(default)]
    meter: Vec<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    count: usize,
    #[serde(with = "as_text")]
    first: MeterNo,
    #[serde(default, with = "as_optional_text")]
    first_account: Option<AccountNo>,
}

#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    meters: Vec<Meter>,
}

impl Fleet {
    /// A fleet of these meters.
    pub fn new(meters: Vec<Meter>) -> Self {
        Self { meters, port: None, framing: None }
    }

    /// Reads a fleet file; a simulation without a start time begins at [`DEFAULT_START`].
    ///
    /// # Errors
    /// [`FleetError`], with the line where TOML says so.
    pub fn from_toml(text: &str) -> Result<Self, FleetError> {
        let start = DEFAULT_START.parse().map_err(|e| FleetError::File(format!("{e}")))?;
        Self::from_toml_at(text, start)
    }

    /// Reads a fleet file; `start` is the first moment if the file names none.
    ///
    /// # Errors
    /// [`FleetError`], with the line where TOML says so.
    pub fn from_toml_at(text: &str, start: Civil) -> Result<Self, FleetError> {
        Self::from_toml_with(text, start, &|name| Profile::built_in(name).ok())
    }

    /// The same with profiles other than the built-in ones. A meter of 1997 has the identifiers of
    /// its profile, takes writes by its password level, and leaves the works at its speed; of a
    /// profile of 2007 only the edition counts: what such a meter holds is in its tables.
    ///
    /// # Errors
    /// [`FleetError`], with the line where TOML says so.
    pub fn from_toml_with(
        text: &str,
        start: Civil,
        profile: &dyn Fn(&str) -> Option<Profile>,
    ) -> Result<Self, FleetError> {
        let wrong = |error: toml::de::Error| FleetError::File(error.to_string());
        let file: File = toml::from_str(text).map_err(wrong)?;
        let start = file.start.unwrap_or(start);
        let defaults = with_edition(&file.defaults, profile)?;
        let mut tables: Vec<(MeterNo, toml::Table)> = Vec::new();
        if let Some(generate) = &file.generate {
            tables = generate.tables(&defaults)?;
        }
        let mut named = std::collections::BTreeSet::new();
        for (at, own) in file.meter.iter().enumerate() {
            let no = own.get("no").and_then(|no| no.as_str()).and_then(|no| no.parse().ok());
            let no: MeterNo = no.ok_or(FleetError::NoNumber(at + 1))?;
            let own = &with_edition(own, profile)?;
            if !named.insert(no) {
                return Err(FleetError::Twice(no));
            }
            match tables.iter_mut().find(|(known, _)| *known == no) {
                Some((_, table)) => overlay(table, own),
                None => {
                    let mut table = defaults.clone();
                    overlay(&mut table, own);
                    tables.push((no, table));
                }
            }
        }
        if tables.len() > FLEET_MAX {
            return Err(FleetError::TooMany);
        }
        let mut framing = None;
        let meters = tables.into_iter().map(|(no, mut table)| {
            let model = by_profile(&mut table, profile);
            let mut setup: MeterSetup = table.try_into().map_err(|error: toml::de::Error| {
                FleetError::File(format!("meter {no}: {error}"))
            })?;
            if let Some(model) = model {
                setup.rows = Some(ProfileRow::all(&model));
                framing.get_or_insert(Framing { baud: setup.baud, ..model.line.framing });
            }
            Ok(Meter::with_history(setup, start, seed_of(file.seed, no)))
        });
        let meters = meters.collect::<Result<_, _>>()?;
        Ok(Self { framing, ..Self::new(meters) })
    }

    /// Which port the line ends at, for all meters, whatever their setups say.
    pub fn set_port(&mut self, port: Port) {
        self.port = Some(port);
    }

    /// How the profile of the first meter of 1997 that has one sets the line. Not kept in a state.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// All meters, in the file's order.
    pub fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// All meters, to change them.
    pub fn meters_mut(&mut self) -> &mut [Meter] {
        &mut self.meters
    }

    /// The meter under this number now.
    pub fn meter(&self, no: MeterNo) -> Option<&Meter> {
        self.meters.iter().find(|meter| meter.number() == no)
    }

    /// The meter under this number now, to change it.
    pub fn meter_mut(&mut self, no: MeterNo) -> Option<&mut Meter> {
        self.meters.iter_mut().find(|meter| meter.number() == no)
    }

    /// Everything the bus answers to one frame. More than one answer means they collide.
    pub fn hear(&mut self, frame: &Frame, now: Duration) -> Vec<Reply> {
        let port = self.port;
        let on = |meter: &mut Meter| match port {
            Some(port) => meter.hear_on(port, frame, now),
            None => meter.hear(frame, now),
        };
        self.meters.iter_mut().filter_map(on).collect()
    }

    /// Catches every meter up with the simulation's time.
    pub fn advance(&mut self, now: Duration) {
        self.meters.iter_mut().for_each(|meter| meter.advance(now));
    }

    /// Holds every purse against its ledger.
    ///
    /// # Errors
    /// The first meter whose sums do not meet.
    pub fn audit(&self) -> Result<(), (MeterNo, AuditError)> {
        self.meters.iter().try_for_each(|meter| meter.audit().map_err(|e| (meter.number(), e)))
    }

    /// The whole state as text.
    ///
    /// # Errors
    /// [`FleetError::File`] if it cannot be written, which would be a fault of this program.
    pub fn to_state(&self) -> Result<String, FleetError> {
        let state = State { version: STATE_VERSION, meters: self.meters.clone() };
        serde_json::to_string(&state).map_err(|e| FleetError::File(e.to_string()))
    }

    /// Reads a state back. Time begins at zero again; clocks and uptimes go on where they stopped.
    ///
    /// # Errors
    /// [`FleetError`] for anything that is no state of this version.
    pub fn from_state(text: &str) -> Result<Self, FleetError> {
        let state: State =
            serde_json::from_str(text).map_err(|e| FleetError::File(e.to_string()))?;
        if state.version != STATE_VERSION {
            return Err(FleetError::Version(state.version));
        }
        let mut fleet = Self::new(state.meters);
        fleet.meters.iter_mut().for_each(Meter::wake);
        Ok(fleet)
    }
}

impl Generate {
    fn tables(&self, defaults: &toml::Table) -> Result<Vec<(MeterNo, toml::Table)>, FleetError> {
        if self.count > FLEET_MAX {
            return Err(FleetError::TooMany);
        }
        let one = |nth: usize| {
            let no: MeterNo = number_after(&self.first.to_string(), nth)?;
            let mut table = defaults.clone();
            table.insert("no".to_owned(), no.to_string().into());
            if let Some(account) = self.first_account {
                let account: AccountNo = number_after(&account.to_string(), nth)?;
                table.insert("account".to_owned(), account.to_string().into());
            }
            Some((no, table))
        };
        (0..self.count).map(|nth| one(nth).ok_or(FleetError::TooMany)).collect()
    }
}

fn number_after<T: std::str::FromStr>(first: &str, nth: usize) -> Option<T> {
    let first: u64 = first.parse().ok()?;
    first.checked_add(nth as u64)?.to_string().parse().ok()
}

/// A table that names a profile, with that profile's edition; it may not name another.
fn with_edition(
    own: &toml::Table,
    profile: &dyn Fn(&str) -> Option<Profile>,
) -> Result<toml::Table, FleetError> {
    let mut own = own.clone();
    let Some(name) = own.get("profile") else { return Ok(own) };
    let name = name.as_str().unwrap_or_default();
    let unknown = || FleetError::File(ProfileError::Unknown(name.to_owned()).to_string());
    let edition = match profile(name).ok_or_else(unknown)?.protocol {
        Protocol::Dlt645_2007 => "2007",
        Protocol::Dlt645_1997 => "1997",
        _ => return Err(FleetError::File(format!("{name}: meters of another protocol here"))),
    };
    if own.get("edition").is_some_and(|own| own.as_str() != Some(edition)) {
        return Err(FleetError::File(format!("{name} is a profile of edition {edition}")));
    }
    own.insert("edition".to_owned(), edition.into());
    Ok(own)
}

/// Takes the profile's name out of a meter's table and puts in what it says of a meter of 1997,
/// where the file does not say otherwise; the profile, if it is one.
fn by_profile(
    table: &mut toml::Table,
    profile: &dyn Fn(&str) -> Option<Profile>,
) -> Option<Profile> {
    let name = table.remove("profile")?;
    let old = |profile: &Profile| profile.protocol == Protocol::Dlt645_1997;
    let profile = profile(name.as_str()?).filter(old)?;
    let level = toml::Value::from(i64::from(profile.password_level));
    table.entry("levels").or_insert_with(|| vec![level].into());
    table.entry("baud").or_insert_with(|| i64::from(profile.line.framing.baud).into());
    Some(profile)
}

/// Every meter has a chance of its own, whatever its neighbours do.
fn seed_of(seed: u64, no: MeterNo) -> u64 {
    let number = no.bcd().iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    noise::still(seed, number, 4, u64::MAX)
}

/// Puts `over` on top of `base`; tables in it are merged, everything else replaced.
fn overlay(base: &mut toml::Table, over: &toml::Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => overlay(inner, value),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

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
//! profile = "dlt645-1997"             # the edition of a profile
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::Reply;
use super::civil::Civil;
use super::meter::Meter;
use super::noise;
use super::purse::AuditError;
use super::setup::{MeterSetup, Port, as_optional_text, as_text};
use crate::profile::{Profile, ProfileError, Protocol};
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
        Self { meters, port: None }
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

    /// The same with profiles other than the built-in ones. Of a profile only the edition counts
    /// here: what a DL/T 645 meter holds is in the tables of its edition.
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
        let mut tables: Vec<(MeterNo, toml::Table)> = Vec::new();
        if let Some(generate) = &file.generate {
            tables = generate.tables(&file.defaults)?;
        }
        let mut named = std::collections::BTreeSet::new();
        for (at, own) in file.meter.iter().enumerate() {
            let no = own.get("no").and_then(|no| no.as_str()).and_then(|no| no.parse().ok());
            let no: MeterNo = no.ok_or(FleetError::NoNumber(at + 1))?;
            let own = &by_profile(own, profile)?;
            if !named.insert(no) {
                return Err(FleetError::Twice(no));
            }
            match tables.iter_mut().find(|(known, _)| *known == no) {
                Some((_, table)) => overlay(table, own),
                None => {
                    let mut table = file.defaults.clone();
                    overlay(&mut table, own);
                    tables.push((no, table));
                }
            }
        }
        if tables.len() > FLEET_MAX {
            return Err(FleetError::TooMany);
        }
        let meters = tables.into_iter().map(|(no, table)| {
            let setup: MeterSetup = table.try_into().map_err(|error: toml::de::Error| {
                FleetError::File(format!("meter {no}: {error}"))
            })?;
            Ok(Meter::new(setup, start, seed_of(file.seed, no)))
        });
        Ok(Self::new(meters.collect::<Result<_, _>>()?))
    }

    /// Which port the line ends at, for all meters, whatever their setups say.
    pub fn set_port(&mut self, port: Port) {
        self.port = Some(port);
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

/// A meter that names its profile instead of its edition: the two do not contradict each other in
/// one file.
fn by_profile(
    own: &toml::Table,
    profile: &dyn Fn(&str) -> Option<Profile>,
) -> Result<toml::Table, FleetError> {
    let mut own = own.clone();
    let Some(name) = own.remove("profile") else { return Ok(own) };
    let name = name.as_str().unwrap_or_default();
    let unknown = || FleetError::File(ProfileError::Unknown(name.to_owned()).to_string());
    let edition = match profile(name).ok_or_else(unknown)?.protocol {
        Protocol::Dlt645_2007 => "2007",
        Protocol::Dlt645_1997 => "1997",
        _ => return Err(FleetError::File(format!("{name}: meters of another protocol here"))),
    };
    own.entry("edition").or_insert_with(|| edition.into());
    Ok(own)
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

//! A line of CJ/T 188 meters from a TOML file.
//!
//! ```toml
//! start = "2026-11-20T08:00:00"       # the simulation's first moment
//! seed = 7                            # of values that no row gives
//!
//! [[meter]]
//! address = "10:00000051327643"       # kind and number
//! profile = "cjt188-water"
//! di = "low-first"                    # or "high-first", "either"; optional, as all below
//! units_before = false
//! litres = false
//! refuses = false
//! battery_low = false
//! dead = false
//! delay_ms = 50
//! digits = { volume = 17047 }         # without the point
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Cjt188Bus, Cjt188Meter, Cjt188Setup, DiHabit};
use crate::profile::Profile;
use crate::protocol::cjt188::frame::{Address, AddressError};
use crate::sim::civil::Civil;
use crate::sim::fleet::DEFAULT_START;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cjt188FileError {
    /// Not TOML, or a field that is unknown or of the wrong kind.
    #[error("{0}")]
    File(String),
    /// No profile has this name.
    #[error("no profile named {0:?}")]
    Profile(String),
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Two meters at one address.
    #[error("two meters have the address {0}")]
    Twice(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    start: Option<Civil>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    meter: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    address: String,
    profile: String,
    #[serde(default)]
    di: Di,
    #[serde(default)]
    units_before: bool,
    #[serde(default)]
    own_serial: bool,
    #[serde(default)]
    litres: bool,
    #[serde(default)]
    refuses: bool,
    #[serde(default)]
    battery_low: bool,
    #[serde(default)]
    dead: bool,
    delay_ms: Option<u64>,
    #[serde(default)]
    digits: BTreeMap<String, u32>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Di {
    #[default]
    LowFirst,
    HighFirst,
    Either,
}

impl Cjt188Bus {
    /// Reads a file; `profile` finds a profile by its name.
    ///
    /// # Errors
    /// [`Cjt188FileError`], with the line where TOML says so.
    pub fn from_toml(
        text: &str,
        profile: impl Fn(&str) -> Option<Profile>,
    ) -> Result<Self, Cjt188FileError> {
        let wrong = |error: String| Cjt188FileError::File(error);
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let start = match file.start {
            Some(start) => start,
            None => DEFAULT_START.parse().map_err(|error| wrong(format!("{error}")))?,
        };
        let mut meters: Vec<Cjt188Meter> = Vec::new();
        for row in file.meter {
            let address = Address::parse(&row.address)?;
            if meters.iter().any(|meter| meter.address() == address) {
                return Err(Cjt188FileError::Twice(address.to_string()));
            }
            let found = profile(&row.profile);
            let found = found.ok_or(Cjt188FileError::Profile(row.profile.clone()))?;
            meters.push(Cjt188Meter::new(row.setup(address, start, file.seed).showing(&found)));
        }
        Ok(Self::new(meters))
    }
}

impl Row {
    fn setup(self, address: Address, start: Civil, seed: u64) -> Cjt188Setup {
        let standard = Cjt188Setup::new(address, start);
        Cjt188Setup {
            di: match self.di {
                Di::LowFirst => DiHabit::LowFirst,
                Di::HighFirst => DiHabit::HighFirst,
                Di::Either => DiHabit::Either,
            },
            refuses: self.refuses,
            units_before: self.units_before,
            own_serial: self.own_serial,
            litres: self.litres,
            digits: self.digits,
            battery_low: self.battery_low,
            dead: self.dead,
            delay: self.delay_ms.map_or(standard.delay, Duration::from_millis),
            seed,
            ..standard
        }
    }
}

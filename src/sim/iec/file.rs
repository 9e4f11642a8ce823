//! A line of simulated IEC 62056-21 meters from a TOML file.
//!
//! ```toml
//! start = "2026-11-20T08:00:00"       # the simulation's first moment
//!
//! [[meter]]
//! no = "000000000047"
//! profile = "iec-generic"
//! address = "47"                      # optional, as all below; the number itself if left out
//! ident = "MTK5meterkit-1"            # maker, speed, and its own words
//! energy = "1234.56"
//! load_w = 800
//! delay_ms = 200
//! password = "00000000"               # of level 1
//! ```

use std::time::Duration;

use serde::Deserialize;

use super::{IecBus, IecMeter, IecSetup};
use crate::profile::Profile;
use crate::sim::civil::Civil;
use crate::sim::fleet::DEFAULT_START;
use crate::sim::setup::{Amount, as_text};
use crate::units::MeterNo;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IecFileError {
    /// Not TOML, or a field that is unknown or of the wrong kind.
    #[error("{0}")]
    File(String),
    /// No profile has this name.
    #[error("no profile named {0:?}")]
    Profile(String),
    /// Not an identification: three letters, a character for the speed, up to 16 others.
    #[error("not an identification: {0:?}")]
    Ident(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    start: Option<Civil>,
    #[serde(default)]
    meter: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(with = "as_text")]
    no: MeterNo,
    profile: String,
    address: Option<String>,
    ident: Option<String>,
    baud: Option<u32>,
    #[serde(default)]
    energy: Amount,
    load_w: Option<u32>,
    delay_ms: Option<u64>,
    password: Option<String>,
}

/// Where the profiles come from.
type Find<'a> = &'a dyn Fn(&str) -> Option<Profile>;

impl IecBus {
    /// Reads a file; `profile` knows the profiles it names.
    ///
    /// # Errors
    /// [`IecFileError`], with the line where TOML says so.
    pub fn from_toml(text: &str, profile: Find<'_>) -> Result<Self, IecFileError> {
        let wrong = |error: toml::de::Error| IecFileError::File(error.to_string());
        let file: File = toml::from_str(text).map_err(wrong)?;
        let start = match file.start {
            Some(start) => start,
            None => DEFAULT_START.parse().map_err(|e| IecFileError::File(format!("{e}")))?,
        };
        let mut meters = Vec::new();
        for row in file.meter {
            let found = profile(&row.profile);
            let profile = found.ok_or_else(|| IecFileError::Profile(row.profile.clone()))?;
            meters.push(IecMeter::new(row.setup()?, &profile, start));
        }
        Ok(Self::new(meters))
    }
}

impl Row {
    fn setup(self) -> Result<IecSetup, IecFileError> {
        let usual = IecSetup::new(self.no);
        let ident = match self.ident {
            Some(text) => {
                IecSetup::identification(&text).ok_or_else(|| IecFileError::Ident(text.clone()))?
            }
            None => usual.ident.clone(),
        };
        Ok(IecSetup {
            address: self.address.unwrap_or_else(|| usual.address.clone()),
            reaction: self.delay_ms.map_or_else(
                || Duration::from_millis(u64::from(ident.reaction_ms())),
                Duration::from_millis,
            ),
            ident,
            start: self.baud.unwrap_or(usual.start),
            energy: self.energy.0,
            load_w: self.load_w.unwrap_or(usual.load_w),
            passwords: [self.password, None],
            ..usual
        })
    }
}

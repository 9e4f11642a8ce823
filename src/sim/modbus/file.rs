//! A line of Modbus meters from a TOML file.
//!
//! ```toml
//! framing = "rtu"                     # or "tcp"
//! start = "2026-11-20T08:00:00"       # the simulation's first moment
//!
//! [[meter]]
//! unit = 47
//! no = "000000000047"
//! profile = "dtsy1352"
//! account = "112233445566"            # optional
//! balance = "50.00"                   # optional, as all below
//! count = 3
//! energy = "1234.56"
//! load_w = 800
//!
//! [[box]]                             # one box of many users, numbered as its profile says
//! first = 1                           # the box's first unit
//! no = "000000000101"                 # the first user's number; the others follow
//! three_phase = 2
//! single_phase = 6
//! profile_three = "adf400l-3p"
//! profile_single = "adf400l-1p"
//! account = "330100000101"            # optional: consecutive too
//! ```

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{ModbusBus, ModbusFraming, ModbusMeter, ModbusSetup};
use crate::profile::Profile;
use crate::sim::civil::Civil;
use crate::sim::fleet::DEFAULT_START;
use crate::sim::setup::{Amount, as_optional_text, as_text};
use crate::units::{AccountNo, MeterNo};

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModbusFileError {
    /// Not TOML, or a field that is unknown or of the wrong kind.
    #[error("{0}")]
    File(String),
    /// No profile has this name.
    #[error("no profile named {0:?}")]
    Profile(String),
    /// The profile says nothing about boxes of many users.
    #[error("profile {0:?} has no [terminal]")]
    NotABox(String),
    /// Units or numbers beyond what there is.
    #[error("the box at unit {0} does not fit under unit 247")]
    TooMany(u8),
    /// Two meters under one unit id.
    #[error("two meters have the unit {0}")]
    Twice(u8),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    framing: Framing,
    start: Option<Civil>,
    #[serde(default)]
    meter: Vec<MeterRow>,
    #[serde(default, rename = "box")]
    boxes: Vec<BoxRow>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Framing {
    #[default]
    Rtu,
    Tcp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeterRow {
    unit: u8,
    #[serde(with = "as_text")]
    no: MeterNo,
    profile: String,
    #[serde(default, with = "as_optional_text")]
    account: Option<AccountNo>,
    #[serde(default)]
    balance: Amount,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    energy: Amount,
    load_w: Option<u32>,
    delay_ms: Option<u64>,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    dead: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoxRow {
    first: u8,
    #[serde(with = "as_text")]
    no: MeterNo,
    #[serde(default)]
    three_phase: u8,
    #[serde(default)]
    single_phase: u8,
    profile_three: String,
    profile_single: String,
    #[serde(default, with = "as_optional_text")]
    account: Option<AccountNo>,
    #[serde(default)]
    balance: Amount,
    #[serde(default)]
    count: u32,
}

/// Where the profiles come from.
type Find<'a> = &'a dyn Fn(&str) -> Option<Profile>;

impl ModbusBus {
    /// Reads a file; `profile` knows the profiles it names.
    ///
    /// # Errors
    /// [`ModbusFileError`], with the line where TOML says so.
    pub fn from_toml(text: &str, profile: Find<'_>) -> Result<Self, ModbusFileError> {
        let wrong = |error: toml::de::Error| ModbusFileError::File(error.to_string());
        let file: File = toml::from_str(text).map_err(wrong)?;
        let start = match file.start {
            Some(start) => start,
            None => DEFAULT_START.parse().map_err(|e| ModbusFileError::File(format!("{e}")))?,
        };
        let find = |name: &str| {
            profile(name).map(Arc::new).ok_or_else(|| ModbusFileError::Profile(name.to_owned()))
        };
        let mut meters = Vec::new();
        for row in &file.meter {
            meters.push(ModbusMeter::new(row.setup(), find(&row.profile)?, start));
        }
        for row in &file.boxes {
            let (three, single) = (find(&row.profile_three)?, find(&row.profile_single)?);
            meters.extend(row.meters(&three, &single, start)?);
        }
        let mut units: Vec<u8> = meters.iter().map(ModbusMeter::unit).collect();
        units.sort_unstable();
        if let Some([unit, _]) = units.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(ModbusFileError::Twice(*unit));
        }
        let framing = match file.framing {
            Framing::Rtu => ModbusFraming::Rtu,
            Framing::Tcp => ModbusFraming::Tcp,
        };
        Ok(Self::new(framing, meters))
    }
}

impl MeterRow {
    fn setup(&self) -> ModbusSetup {
        let usual = ModbusSetup::new(self.unit, self.no);
        ModbusSetup {
            account: self.account,
            balance: self.balance.0,
            count: self.count,
            energy: self.energy.0,
            load_w: self.load_w.unwrap_or(usual.load_w),
            delay: self.delay_ms.map_or(usual.delay, Duration::from_millis),
            strict: self.strict,
            dead: self.dead,
            seed: u64::from(self.unit),
            ..usual
        }
    }
}

impl BoxRow {
    /// Three-phase users first, then single-phase ones; the box's first unit shows how many.
    fn meters(
        &self,
        three: &Arc<Profile>,
        single: &Arc<Profile>,
        start: Civil,
    ) -> Result<Vec<ModbusMeter>, ModbusFileError> {
        let terminal = three.terminal.or(single.terminal);
        let terminal = terminal.ok_or_else(|| ModbusFileError::NotABox(three.id.clone()))?;
        let too_many = || ModbusFileError::TooMany(self.first);
        let wide = usize::from(self.three_phase) * usize::from(terminal.wide);
        let taken = wide + usize::from(self.single_phase);
        if taken > usize::from(terminal.step) || usize::from(self.first) + taken > 248 {
            return Err(too_many());
        }
        let users = usize::from(self.three_phase) + usize::from(self.single_phase);
        let mut meters = Vec::with_capacity(users);
        let mut unit = self.first;
        for user in 0..users {
            let phases = user < usize::from(self.three_phase);
            let profile = if phases { three } else { single };
            let mut setup = ModbusSetup::new(unit, after(self.no, user).ok_or_else(too_many)?);
            if let Some(account) = self.account {
                setup.account = Some(after(account, user).ok_or_else(too_many)?);
            }
            (setup.balance, setup.count) = (self.balance.0, self.count);
            setup.seed = u64::from(unit);
            meters.push(ModbusMeter::new(setup, Arc::clone(profile), start));
            unit = unit.saturating_add(if phases { terminal.wide } else { 1 });
        }
        if let Some(first) = meters.first_mut() {
            first.fix(terminal.three_phase, u16::from(self.three_phase));
            first.fix(terminal.single_phase, u16::from(self.single_phase));
        }
        Ok(meters)
    }
}

/// The number so many after this one.
fn after<T: std::fmt::Display + std::str::FromStr>(first: T, user: usize) -> Option<T> {
    let first: u64 = first.to_string().parse().ok()?;
    first.checked_add(u64::try_from(user).ok()?)?.to_string().parse().ok()
}

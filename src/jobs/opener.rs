//! Opens lines by what their adapters *are*: `/dev/ttyUSB0`, pulled out while open, comes back as
//! `/dev/ttyUSB1`, and the next errand on `/dev/ttyUSB0` just works.
//!
//! | asked for | is |
//! |---|---|
//! | a name used in this run, or chosen | the adapter it meant then, wherever it is now |
//! | a name of an earlier run | the adapter that answered under it (`lines.toml`) |
//! | any other name | what has it now, unless this run uses that under another name |
//! | nothing | the line used last that could be used now |
//!
//! A line is written down only when a meter has answered on it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::failure::{self, fail};
use super::ports::{self, Memory, SYSFS};
use super::views::{Failure, PortTrouble, PortView};
use super::{Cancel, open};
use crate::report::Code;
use crate::transport::discover::{self, Identity, PortInfo};
use crate::transport::{Endpoint, HeadRow, LineSettings, Link, Options};

/// How long an adapter that has just come back may take until its file is there and may be opened:
/// udev works on it after the kernel has shown it.
const SETTLES: Duration = Duration::from_secs(2);

/// How often to look meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// What a device name means in this run.
#[derive(Debug, Clone)]
struct Meant {
    identity: Identity,
    /// Whether it was open in this run.
    opened: bool,
}

/// Opens lines, and remembers them.
#[derive(Debug)]
pub struct Opener {
    config: PathBuf,
    heads: Vec<HeadRow>,
    sysfs: PathBuf,
    dev: PathBuf,
    meant: Mutex<HashMap<String, Meant>>,
}

impl Opener {
    /// With the memory beside the configuration file, and the user's own kinds of Bluetooth heads.
    pub fn new(config: &Path, heads: Vec<HeadRow>) -> Self {
        let (sysfs, dev) = (PathBuf::from(SYSFS), PathBuf::from("/dev"));
        Self { config: config.to_owned(), heads, sysfs, dev, meant: Mutex::default() }
    }

    /// The same with adapters looked for elsewhere than in `/sys` and `/dev`.
    #[must_use]
    pub fn looking_at(self, sysfs: &Path, dev: &Path) -> Self {
        Self { sysfs: sysfs.to_owned(), dev: dev.to_owned(), ..self }
    }

    /// The user's own kinds of Bluetooth heads.
    pub fn heads(&self) -> &[HeadRow] {
        &self.heads
    }

    /// The adapters there are.
    pub fn ports(&self) -> Vec<PortInfo> {
        discover::ports_in(&self.sysfs, &self.dev)
    }

    /// The device servers and heads used before, for the list.
    pub fn saved(&self) -> Vec<PortView> {
        Memory::beside(&self.config).saved()
    }

    /// The line used last that could be used now.
    pub fn last(&self) -> Option<String> {
        self.named(None, &self.ports())
    }

    /// How a line is called now: for the mark in the list of adapters.
    pub fn now(&self, endpoint: &str) -> String {
        self.today(endpoint, &self.ports()).unwrap_or_else(|_| endpoint.to_owned())
    }

    /// Somebody has named this port just now: what has the name is meant, whatever had it before.
    pub fn choose(&self, endpoint: &str) {
        let Some(device) = device(endpoint) else { return };
        let ports = self.ports();
        let mut meant = self.meant();
        match ports.iter().find(|port| port.path == device) {
            Some(port) => meant.insert(device, Meant { identity: port.identity(), opened: false }),
            None => meant.remove(&device),
        };
    }

    /// Opens a line; the one used last where none is named. `cancel` stops waiting for a device
    /// server that calls, and for a Bluetooth head.
    ///
    /// # Errors
    /// Codes of the port area; [`Code::PortNotChosen`] where none is named and none was used.
    pub fn open(
        &self,
        endpoint: Option<&str>,
        settings: &LineSettings,
        cancel: &Cancel,
    ) -> Result<Box<dyn Link>, Failure> {
        let options =
            Options { heads: self.heads.clone(), cancel: Arc::clone(cancel), ..Options::default() };
        let named = self.named(endpoint, &self.ports());
        let known = named.as_deref().and_then(device);
        let opened = |device: &String| self.meant().get(device).is_some_and(|meant| meant.opened);
        let comes_back = known.as_ref().is_some_and(opened);
        let begun = Instant::now();
        loop {
            let ports = self.ports();
            let today = named.as_deref().map(|text| self.today(text, &ports)).transpose()?;
            match open::line_with(today.as_deref(), settings, &options) {
                Ok(link) => {
                    let now = today.as_deref().and_then(device);
                    if let (Some(name), Some(now)) = (known, now)
                        && let Some(port) = ports.iter().find(|port| port.path == now)
                    {
                        let meant = Meant { identity: port.identity(), opened: true };
                        self.meant().insert(name, meant);
                    }
                    return Ok(link);
                }
                Err(Failure { code: Code::PortMissing | Code::PortDenied, .. })
                    if comes_back
                        && self.is_listed(today.as_deref(), &ports)
                        && begun.elapsed() < SETTLES
                        && !cancel.load(Ordering::Relaxed) =>
                {
                    std::thread::sleep(PAUSE);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Looks whether a line could be opened, without opening it: for an adapter, whether it is
    /// there and may be used; for others, only whether the address makes sense.
    ///
    /// # Errors
    /// Codes of the port area; the detail of [`Code::PortDenied`] ends with the command that helps.
    pub fn check(&self, endpoint: &str) -> Result<(), Failure> {
        Endpoint::parse(endpoint).map_err(|error| failure::link(&error, endpoint))?;
        let Some(device) = device(&self.today(endpoint, &self.ports())?) else { return Ok(()) };
        let access = discover::access(Path::new(&device));
        match ports::trouble(&access) {
            None => Ok(()),
            Some((PortTrouble::NoNode, _)) => Err(fail(Code::PortMissing, device)),
            Some((_, fix)) => Err(fail(Code::PortDenied, format!("{device}: {fix}"))),
        }
    }

    /// Remembers a line on which a meter has answered, as the one used last.
    pub fn answered(&self, endpoint: Option<&str>, profile: &str, settings: &LineSettings) {
        let ports = self.ports();
        let Some(text) = self.named(endpoint, &ports) else { return };
        let today = self.today(&text, &ports).ok().and_then(|today| device(&today));
        let port = ports.iter().find(|port| Some(&port.path) == today.as_ref());
        // Workers of several lines, one file.
        let _one = self.meant();
        let mut memory = Memory::beside(&self.config);
        let settings = settings.to_string();
        // A convenience: the meter was read all the same.
        if let Err(failure) = memory.remember_as(&text, (profile, &settings), port) {
            tracing::warn!(detail = failure.detail, "line not remembered");
        }
    }

    /// The line asked for, or the one used last.
    fn named(&self, endpoint: Option<&str>, ports: &[PortInfo]) -> Option<String> {
        let named = endpoint.map(str::trim).filter(|text| !text.is_empty());
        let last = || Some(Memory::beside(&self.config).last(ports)?.endpoint.clone());
        named.map(str::to_owned).or_else(last)
    }

    /// How that line is to be written today.
    fn today(&self, text: &str, ports: &[PortInfo]) -> Result<String, Failure> {
        let (Ok(place), Some(name)) = (Endpoint::parse(text), device(text)) else {
            return Ok(text.to_owned());
        };
        let meant = self.meant();
        let own = meant.get(&name).map(|meant| &meant.identity);
        if let Some(port) = own.and_then(|identity| discover::find(ports, identity)) {
            return Ok(place.at_device(&port.path).to_string());
        }
        let today = match own {
            Some(_) => text.to_owned(),
            None => Memory::beside(&self.config).today(text, ports),
        };
        // Another adapter of ours that has got the name: its meters are others.
        let now = device(&today);
        let there = ports.iter().find(|port| Some(&port.path) == now.as_ref());
        let identity = there.map(PortInfo::identity);
        let of_another = |(other, meant): (&String, &Meant)| {
            *other != name && identity.as_ref() == Some(&meant.identity)
        };
        if meant.iter().any(of_another) {
            let own = own.map_or_else(String::new, |own| format!(" ({own})"));
            return Err(fail(Code::PortMissing, format!("{text}{own}")));
        }
        Ok(today)
    }

    fn is_listed(&self, today: Option<&str>, ports: &[PortInfo]) -> bool {
        let device = today.and_then(device);
        device.is_some_and(|device| ports.iter().any(|port| port.path == device))
    }

    /// A panicked thread leaves whole entries.
    fn meant(&self) -> MutexGuard<'_, HashMap<String, Meant>> {
        self.meant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The device name in an endpoint, for serial ports only.
fn device(endpoint: &str) -> Option<String> {
    Some(Endpoint::parse(endpoint).ok()?.device()?.to_owned())
}

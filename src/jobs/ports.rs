//! The lines there are, for a list: adapters of this machine, the device servers and heads that
//! were used before, and Bluetooth heads in reach when asked for.
//!
//! What was used last is remembered by what the adapter *is*, in a small file: pulled out while
//! open, `/dev/ttyUSB0` comes back as `/dev/ttyUSB1`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::failure::{self, fail};
use super::views::{Failure, PortTrouble, PortView};
use crate::report::Code;
use crate::transport::discover::{self, Access, Identity, PortInfo};
use crate::transport::{Endpoint, HeadRow};

/// Where the kernel tells about ports.
pub const SYSFS: &str = "/sys";

/// Lines remembered at most; the one not used for longest is forgotten.
const REMEMBERED_MAX: usize = 32;

/// An adapter that was there for less was taken away by a program, not by a hand.
const GRABBED_MAX: Duration = Duration::from_secs(10);

/// How long such an adapter stays in the list, with what to do.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// After a longer pause nobody knows how long an adapter has been there already.
const LOOKS_APART: Duration = Duration::from_secs(5);

/// Chips that brltty takes for Braille displays (transport.md 5), and what mends it.
const BRAILLE: &[(u16, u16)] = &[(0x1a86, 0x7523), (0x10c4, 0xea60)];
const BRAILLE_FIX: &str = "sudo apt remove brltty";

/// The rules for udev: adapters are for whoever is logged in, and nothing for `ModemManager`.
pub const RULES: &str = include_str!("../../docs/60-meterkit.rules");
const RULES_FIX: &str = "meterkit ports rules | sudo tee /etc/udev/rules.d/60-meterkit.rules";

/// Makes the device files that udev has not made.
const NODE_FIX: &str = "sudo udevadm trigger";

/// The adapters of this machine.
pub fn list() -> Vec<PortView> {
    list_at(Path::new(SYSFS))
}

/// The adapters a sysfs tree tells of.
pub fn list_at(sysfs: &Path) -> Vec<PortView> {
    discover::ports(sysfs).into_iter().map(view).collect()
}

/// What keeps a port from being opened, and the command that mends it.
pub fn trouble(access: &Access) -> Option<(PortTrouble, String)> {
    match access {
        Access::Ok => None,
        Access::Denied { group: Some(group) } => {
            Some((PortTrouble::Denied, format!("sudo gpasswd -a $USER {group}")))
        }
        Access::Denied { group: None } => Some((PortTrouble::Denied, RULES_FIX.to_owned())),
        Access::NoNode => Some((PortTrouble::NoNode, NODE_FIX.to_owned())),
    }
}

fn view(port: PortInfo) -> PortView {
    let (trouble, fix) = trouble(&port.access).unzip();
    let known = port.known.map(str::to_owned);
    PortView {
        endpoint: port.path,
        name: known.or(port.product).unwrap_or_default(),
        identity: port.serial.or(port.usb_path).unwrap_or_default(),
        held: port.held_ms.map(|ms| (ms, RULES_FIX.to_owned())),
        trouble,
        fix,
    }
}

/// Looks at the adapters again and again, and notices those that something takes away.
#[derive(Debug, Default)]
pub struct Watch {
    /// Since when each adapter is there; the first look finds them old.
    there: BTreeMap<String, (Option<Instant>, PortInfo)>,
    gone: Vec<(Instant, PortView)>,
    looked: Option<Instant>,
}

impl Watch {
    /// The adapters that are there now, and those that came and went a moment ago.
    pub fn look_at(&mut self, ports: Vec<PortInfo>, now: Instant) -> Vec<PortView> {
        let key = |port: &PortInfo| port.identity().to_string();
        let new: Vec<String> = ports.iter().map(key).collect();
        let left: Vec<String> =
            self.there.keys().filter(|known| !new.contains(known)).cloned().collect();
        for name in left {
            let Some((since, port)) = self.there.remove(&name) else { continue };
            let short = since.is_some_and(|since| now.duration_since(since) < GRABBED_MAX);
            if short && port.vid.is_some() {
                let braille = BRAILLE.iter().any(|chip| (Some(chip.0), Some(chip.1)) == usb(&port));
                let (trouble, fix) = match braille {
                    true => (PortTrouble::Braille, BRAILLE_FIX),
                    false => (PortTrouble::Grabbed, RULES_FIX),
                };
                let (trouble, fix) = (Some(trouble), Some(fix.to_owned()));
                self.gone.push((now, PortView { trouble, fix, ..view(port) }));
            }
        }
        let recent = |looked: &Instant| now.duration_since(*looked) < LOOKS_APART;
        let since = self.looked.filter(recent).map(|_| now);
        for port in &ports {
            self.there.entry(key(port)).or_insert_with(|| (since, port.clone()));
        }
        self.looked = Some(now);
        let back = |gone: &PortView| ports.iter().any(|port| port.path == gone.endpoint);
        self.gone.retain(|(when, gone)| now.duration_since(*when) < TOLD_FOR && !back(gone));
        let mut rows: Vec<PortView> = ports.into_iter().map(view).collect();
        rows.extend(self.gone.iter().map(|(_, gone)| gone.clone()));
        rows
    }
}

fn usb(port: &PortInfo) -> (Option<u16>, Option<u16>) {
    (port.vid, port.pid)
}

/// A line that was used, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// As it was typed.
    pub endpoint: String,
    /// What finds the adapter again; the endpoint itself for anything that is no adapter.
    pub identity: String,
    /// What it calls itself.
    pub name: String,
    /// The profile last used on it.
    pub profile: String,
    /// The settings last used on it, `2400-8E1`.
    pub settings: String,
}

impl Used {
    /// Whether it was asked for by this name, whatever its head needs.
    fn means(&self, place: &Endpoint) -> bool {
        Endpoint::parse(&self.endpoint).is_ok_and(|own| match (own.device(), place.device()) {
            (Some(own), Some(other)) => own == other,
            _ => own == *place,
        })
    }

    /// The adapter, among those there are.
    fn port<'a>(&self, ports: &'a [PortInfo]) -> Option<&'a PortInfo> {
        let identity: Identity = self.identity.parse().ok()?;
        discover::find(ports, &identity)
    }
}

/// The file of lines that were used, the last one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    file: PathBuf,
    used: Vec<Used>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    line: Vec<Used>,
}

impl Memory {
    /// The memory beside the configuration file. One that cannot be read is an empty one: it is a
    /// convenience, and written anew at the next use.
    pub fn beside(config: &Path) -> Memory {
        let file = config.with_file_name("lines.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let stored: Stored = toml::from_str(&text).unwrap_or_default();
        let mut used = stored.line;
        used.retain(|one| Endpoint::parse(&one.endpoint).is_ok());
        used.truncate(REMEMBERED_MAX);
        Memory { file, used }
    }

    /// Remembers a line as the last one used, by the name it has now.
    ///
    /// # Errors
    /// [`Code::PortAddress`] for what is no line; [`Code::Config`] when the file cannot be written.
    pub fn remember(
        &mut self,
        endpoint: &str,
        used_with: (&str, &str),
        ports: &[PortInfo],
    ) -> Result<(), Failure> {
        let place = Endpoint::parse(endpoint).map_err(|error| failure::link(&error, endpoint))?;
        let port = ports.iter().find(|port| place.device() == Some(port.path.as_str()));
        self.remember_as(endpoint, used_with, port)
    }

    /// [`Memory::remember`] for an adapter that may have another name now than the one by which it
    /// is asked for: the configuration and the area list go on using that one.
    ///
    /// # Errors
    /// As there.
    pub fn remember_as(
        &mut self,
        endpoint: &str,
        (profile, settings): (&str, &str),
        port: Option<&PortInfo>,
    ) -> Result<(), Failure> {
        let place = Endpoint::parse(endpoint).map_err(|error| failure::link(&error, endpoint))?;
        let identity = port.map_or_else(|| place.to_string(), |port| port.identity().to_string());
        let name = port.and_then(|port| port.known.map(str::to_owned).or(port.product.clone()));
        // A name means one adapter; an adapter may be asked for by several names.
        let before = self.used.iter().position(|one| one.means(&place));
        let before = before.map(|at| self.used.remove(at));
        let mut one = before.filter(|one| one.identity == identity).unwrap_or_default();
        (one.endpoint, one.identity) = (place.to_string(), identity);
        one.name = name.unwrap_or(one.name);
        for (kept, new) in [(&mut one.profile, profile), (&mut one.settings, settings)] {
            if !new.is_empty() {
                new.clone_into(kept);
            }
        }
        self.used.insert(0, one);
        self.used.truncate(REMEMBERED_MAX);
        self.write()
            .map_err(|error| fail(Code::Config, format!("{}: {error}", self.file.display())))
    }

    fn write(&self) -> Result<(), Box<dyn std::error::Error>> {
        let text = toml::to_string(&Stored { line: self.used.clone() })?;
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = self.file.with_extension("toml.new");
        std::fs::write(&new, text)?;
        Ok(std::fs::rename(new, &self.file)?)
    }

    /// What was used, the last first.
    pub fn used(&self) -> &[Used] {
        &self.used
    }

    /// The line used last that could be used now, as it was asked for then. Another adapter that
    /// has got the name of the one remembered is not it.
    pub fn last(&self, ports: &[PortInfo]) -> Option<&Used> {
        self.used.iter().find(|one| {
            let place = Endpoint::parse(&one.endpoint);
            place.is_ok_and(|place| place.device().is_none() || one.port(ports).is_some())
        })
    }

    /// Where the adapter once known as `endpoint` is now; `endpoint` itself when it was never seen,
    /// is not there, or is no adapter.
    pub fn today(&self, endpoint: &str, ports: &[PortInfo]) -> String {
        let Ok(place) = Endpoint::parse(endpoint) else { return endpoint.to_owned() };
        let port = self.port(&place, ports);
        port.map_or(endpoint.to_owned(), |port| place.at_device(&port.path).to_string())
    }

    /// The adapter once known by this name, among those there are.
    fn port<'a>(&self, place: &Endpoint, ports: &'a [PortInfo]) -> Option<&'a PortInfo> {
        place.device()?;
        self.used.iter().find(|one| one.means(place))?.port(ports)
    }

    /// The device servers and heads used before, for the list.
    pub fn saved(&self) -> Vec<PortView> {
        let row = |one: &Used| {
            let place = Endpoint::parse(&one.endpoint).ok().filter(|e| e.device().is_none())?;
            let name = if one.name.is_empty() { place.kind() } else { &one.name };
            let identity = [one.profile.as_str(), one.settings.as_str()].join(" ");
            Some(PortView {
                endpoint: one.endpoint.clone(),
                name: name.to_owned(),
                identity: identity.trim().to_owned(),
                trouble: None,
                fix: None,
                held: None,
            })
        };
        self.used.iter().filter_map(row).collect()
    }
}

/// Bluetooth heads in reach; takes `time`.
///
/// # Errors
/// Codes of the port area; [`Code::LinkFailed`] in a build without Bluetooth.
#[cfg(feature = "ble")]
pub fn scan(time: Duration, heads: &[HeadRow]) -> Result<Vec<PortView>, Failure> {
    let found = crate::transport::ble::scan(time, heads);
    let found = found.map_err(|error| failure::link(&error, "ble"))?;
    let row = |one: crate::transport::ble::Found| PortView {
        endpoint: format!("ble:{}", one.address),
        name: one.name.or(one.kind.clone()).unwrap_or_default(),
        identity: [one.kind, one.rssi.map(|rssi| format!("{rssi} dBm"))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        trouble: None,
        fix: None,
        held: None,
    };
    Ok(found.into_iter().map(row).collect())
}

/// Bluetooth heads in reach; takes `time`.
///
/// # Errors
/// [`Code::LinkFailed`]: this build has no Bluetooth.
#[cfg(not(feature = "ble"))]
pub fn scan(_: Duration, _: &[HeadRow]) -> Result<Vec<PortView>, Failure> {
    Err(fail(Code::LinkFailed, "ble: this build has no Bluetooth (feature `ble`)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(path: &str, chip: (u16, u16), serial: Option<&str>, socket: &str) -> PortInfo {
        PortInfo {
            path: path.to_owned(),
            product: Some("USB Serial".to_owned()),
            manufacturer: None,
            serial: serial.map(str::to_owned),
            vid: Some(chip.0),
            pid: Some(chip.1),
            usb_path: Some(socket.to_owned()),
            interface: Some(0),
            access: Access::Ok,
            known: None,
            held_ms: None,
        }
    }

    const FTDI: (u16, u16) = (0x0403, 0x6001);
    const CH340: (u16, u16) = (0x1a86, 0x7523);

    #[test]
    fn a_remembered_adapter_is_found_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("new/config.toml");
        let mut memory = Memory::beside(&config);
        let ftdi = |path: &str| adapter(path, FTDI, Some("A50285BI"), "1-2");
        let ch340 = |path: &str, socket: &str| adapter(path, CH340, None, socket);
        let then = [ftdi("/dev/ttyUSB0"), ch340("/dev/ttyUSB1", "1-3")];
        memory.remember("tcp://10.0.0.7:4001", ("tms", "9600-8N1"), &then).unwrap();
        memory.remember("/dev/ttyUSB1?rts=0", ("", ""), &then).unwrap();
        memory.remember("/dev/ttyUSB0", ("dlt645-2007-c", "2400-8E1"), &then).unwrap();
        memory.remember("/dev/ttyUSB0", ("", "1200-8E1"), &then).unwrap();
        let memory = Memory::beside(&config);
        let used: Vec<&str> = memory.used().iter().map(|one| one.endpoint.as_str()).collect();
        let head = "/dev/ttyUSB1?dtr=1&rts=0&settle_ms=0";
        assert_eq!(used, ["/dev/ttyUSB0", head, "tcp://10.0.0.7:4001"]);
        // Both came back the other way round, the one without a serial number in its socket.
        let now = [ch340("/dev/ttyUSB0", "1-3"), ftdi("/dev/ttyUSB1")];
        assert_eq!(memory.today("/dev/ttyUSB0", &now), "/dev/ttyUSB1");
        assert_eq!(memory.today(head, &now), "/dev/ttyUSB0?dtr=1&rts=0&settle_ms=0");
        assert_eq!(memory.today("/dev/ttyS7", &now), "/dev/ttyS7");
        let last = memory.last(&now).unwrap();
        assert_eq!((last.endpoint.as_str(), last.settings.as_str()), ("/dev/ttyUSB0", "1200-8E1"));
        assert_eq!(memory.today(&last.endpoint, &now), "/dev/ttyUSB1");
        assert_eq!(last.profile, "dlt645-2007-c", "kept where nothing newer was said");
        // In another socket the nameless one is not known; nothing but the server is left.
        let moved = [ch340("/dev/ttyUSB0", "1-4")];
        assert_eq!(memory.last(&moved).unwrap().endpoint, "tcp://10.0.0.7:4001");
        let saved = memory.saved();
        assert_eq!(saved.len(), 1);
        assert_eq!((saved[0].name.as_str(), saved[0].identity.as_str()), ("tcp", "tms 9600-8N1"));
    }

    #[test]
    fn a_broken_memory_is_an_empty_one_and_a_full_one_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(folder.path().join("lines.toml"), "[[line]\nendpoint = 3").unwrap();
        let mut memory = Memory::beside(&config);
        assert_eq!(memory.used(), []);
        assert_eq!(memory.remember("tty", ("", ""), &[]).unwrap_err().code, Code::PortAddress);
        for port in 1..=40 {
            memory.remember(&format!("udp://h:{port}"), ("", ""), &[]).unwrap();
        }
        let memory = Memory::beside(&config);
        assert_eq!(memory.used().len(), REMEMBERED_MAX);
        assert_eq!(memory.used()[0].endpoint, "udp://h:40");
    }

    #[test]
    fn an_adapter_that_vanishes_at_once_says_who_may_have_it() {
        let mut watch = Watch::default();
        let (start, s) = (Instant::now(), Duration::from_secs(1));
        let ch340 = adapter("/dev/ttyUSB0", CH340, None, "1-3");
        let ftdi = adapter("/dev/ttyUSB1", FTDI, Some("A"), "1-2");
        // There from the beginning: pulled out by a hand, whenever that is.
        assert_eq!(watch.look_at(vec![ftdi.clone()], start).len(), 1);
        assert_eq!(watch.look_at(vec![], start + s), []);
        // Plugged in, and gone two seconds later.
        watch.look_at(vec![ch340.clone(), ftdi.clone()], start + 2 * s);
        let rows = watch.look_at(vec![], start + 4 * s);
        let told: Vec<_> = rows.iter().map(|row| row.fix.as_deref().unwrap()).collect();
        assert_eq!(told, [RULES_FIX, BRAILLE_FIX]);
        let why: Vec<_> = rows.iter().map(|row| row.trouble.unwrap()).collect();
        assert_eq!(why, [PortTrouble::Grabbed, PortTrouble::Braille]);
        // It comes back: the remark goes. The other one's goes with time.
        let rows = watch.look_at(vec![ch340.clone()], start + 5 * s);
        assert_eq!(rows.iter().filter(|row| row.fix.is_some()).count(), 1);
        assert_eq!(watch.look_at(vec![ch340.clone()], start + 90 * s).len(), 1);
        assert_eq!(watch.look_at(vec![], start + 91 * s), [], "long enough to have been a hand");
        // Nobody looked for a while: it may have been there all the time.
        watch.look_at(vec![ftdi.clone()], start + 120 * s);
        assert_eq!(watch.look_at(vec![], start + 121 * s), []);
    }
}

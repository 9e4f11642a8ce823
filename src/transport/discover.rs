//! Which serial ports there are, what is behind them, and whether we may open them.
//!
//! Read from sysfs by ourselves: no libudev, the root is passed in, so a made-up tree tests it. A
//! port that cannot be opened is still listed, with what to do about it. Nothing is opened and
//! nothing is sent.
//!
//! ```text
//! class/tty/ttyUSB0/device -> ../../../devices/pci0/usb1/1-2/1-2:1.0/ttyUSB0
//!                                                   |    `- bInterfaceNumber
//!                                                   `- idVendor idProduct serial product
//! ```

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access as Mode;

use super::latency;

/// Ports looked at, at most.
const PORTS_MAX: usize = 512;

/// Folders climbed from a port to its USB device at most.
const CLIMB_MAX: usize = 12;

/// A sysfs attribute longer than this is cut.
const ATTRIBUTE_MAX: usize = 256;

/// Known chips of serial adapters: USB vendor, product, name. From the module alias tables of
/// Debian's 6.1 kernel (transport.md 5); the three CH34x ACM ids are from WCH's own list.
pub const ADAPTERS: &[(u16, u16, &str)] = &[
    (0x0403, 0x6001, "FTDI FT232"),
    (0x0403, 0x6010, "FTDI FT2232"),
    (0x0403, 0x6011, "FTDI FT4232"),
    (0x0403, 0x6014, "FTDI FT232H"),
    (0x0403, 0x6015, "FTDI FT-X"),
    (0x1a86, 0x7523, "CH340"),
    (0x1a86, 0x5523, "CH341"),
    (0x1a86, 0x7522, "CH340K"),
    (0x4348, 0x5523, "CH341"),
    (0x9986, 0x7523, "CH340"),
    (0x1a86, 0x55d2, "CH342"),
    (0x1a86, 0x55d3, "CH343"),
    (0x1a86, 0x55d4, "CH9102"),
    (0x10c4, 0xea60, "CP210x"),
    (0x10c4, 0xea61, "CP210x"),
    (0x10c4, 0xea63, "CP210x"),
    (0x067b, 0x2303, "PL2303"),
    (0x067b, 0x2304, "PL2303"),
    (0x067b, 0x23a3, "PL2303GC"),
    (0x067b, 0x23b3, "PL2303GB"),
    (0x067b, 0x23c3, "PL2303GT"),
    (0x067b, 0x23d3, "PL2303GL"),
    (0x067b, 0x23e3, "PL2303GE"),
    (0x067b, 0x23f3, "PL2303GS"),
];

/// Who is in which group.
const GROUPS: &str = "/etc/group";

/// Whether this process may open a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// For reading and writing.
    Ok,
    /// Not for this user.
    Denied {
        /// The group whose members may; `None` where there is none, or only that of root.
        group: Option<String>,
    },
    /// The kernel knows the port, but `/dev` has no such file (a container, or udev is slow).
    NoNode,
}

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// What to open.
    pub path: String,
    /// What the adapter calls itself.
    pub product: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its serial number; CH340 chips have none.
    pub serial: Option<String>,
    /// USB vendor.
    pub vid: Option<u16>,
    /// USB product.
    pub pid: Option<u16>,
    /// Where it is plugged in, such as `1-2.4`.
    pub usb_path: Option<String>,
    /// Which of several ports of one adapter.
    pub interface: Option<u8>,
    /// Whether we may open it.
    pub access: Access,
    /// The chip, if it is one of [`ADAPTERS`].
    pub known: Option<&'static str>,
    /// How long it will hold received bytes back, milliseconds, where that can be made short and
    /// we may not.
    pub held_ms: Option<u64>,
}

/// What finds an adapter again after it was pulled out: it may come back by another device name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Adapters with a serial number of their own, wherever they are plugged in.
    Serial {
        /// USB vendor.
        vid: u16,
        /// USB product.
        pid: u16,
        /// Serial number.
        serial: String,
        /// Which of its ports.
        interface: Option<u8>,
    },
    /// Adapters without: the same kind in the same socket.
    Socket {
        /// USB vendor.
        vid: u16,
        /// USB product.
        pid: u16,
        /// Where it is plugged in.
        usb_path: String,
        /// Which of its ports.
        interface: Option<u8>,
    },
    /// No USB at all: the device name is all there is.
    Path(String),
}

impl std::fmt::Display for Identity {
    /// As a list and a small file keep it: `usb:0403:6001:A50285BI`, `usb:1a86:7523@1-2.4`, with
    /// `/1` behind it for the second port of an adapter, or the device name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let interface = match self {
            Identity::Serial { vid, pid, serial, interface } => {
                write!(f, "usb:{vid:04x}:{pid:04x}:{serial}")?;
                interface
            }
            Identity::Socket { vid, pid, usb_path, interface } => {
                write!(f, "usb:{vid:04x}:{pid:04x}@{usb_path}")?;
                interface
            }
            Identity::Path(path) => return f.write_str(path),
        };
        interface.map_or(Ok(()), |number| write!(f, "/{number}"))
    }
}

impl std::str::FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Identity, ()> {
        let Some(rest) = text.strip_prefix("usb:") else {
            return if text.is_empty() { Err(()) } else { Ok(Identity::Path(text.to_owned())) };
        };
        let tail = rest.rsplit_once('/');
        let (rest, interface) = match tail.map(|(rest, number)| (rest, number.parse().ok())) {
            Some((head, Some(number))) => (head, Some(number)),
            // A serial number may have a slash of its own.
            _ => (rest, None),
        };
        let hex = |text: Option<&str>| u16::from_str_radix(text.ok_or(())?, 16).map_err(|_| ());
        let (vid, pid) = (hex(rest.get(..4))?, hex(rest.get(5..9))?);
        match (rest.get(4..5), rest.get(9..10), rest.get(10..)) {
            (Some(":"), Some(":"), Some(serial)) if !serial.is_empty() => {
                Ok(Identity::Serial { vid, pid, serial: serial.to_owned(), interface })
            }
            (Some(":"), Some("@"), Some(path)) if !path.is_empty() => {
                Ok(Identity::Socket { vid, pid, usb_path: path.to_owned(), interface })
            }
            _ => Err(()),
        }
    }
}

impl PortInfo {
    /// What finds this port again.
    pub fn identity(&self) -> Identity {
        let interface = self.interface;
        match (self.vid, self.pid, &self.serial, &self.usb_path) {
            (Some(vid), Some(pid), Some(serial), _) => {
                Identity::Serial { vid, pid, serial: serial.clone(), interface }
            }
            (Some(vid), Some(pid), None, Some(usb_path)) => {
                Identity::Socket { vid, pid, usb_path: usb_path.clone(), interface }
            }
            _ => Identity::Path(self.path.clone()),
        }
    }
}

/// The port with this identity among `ports`. `None` also when two claim it: clones of one adapter
/// with the same serial number cannot be told apart, and guessing may reach another meter.
pub fn find<'a>(ports: &'a [PortInfo], identity: &Identity) -> Option<&'a PortInfo> {
    let mut fitting = ports.iter().filter(|port| port.identity() == *identity);
    let found = fitting.next();
    if fitting.next().is_some() { None } else { found }
}

/// The serial ports below `sysfs_root` (`/sys`), their files in `/dev`; best guesses first.
pub fn ports(sysfs_root: &Path) -> Vec<PortInfo> {
    ports_in(sysfs_root, Path::new("/dev"))
}

/// [`ports`] with another place for device files.
pub fn ports_in(sysfs_root: &Path, dev_root: &Path) -> Vec<PortInfo> {
    let Ok(entries) = fs::read_dir(sysfs_root.join("class/tty")) else { return Vec::new() };
    let mut found: Vec<PortInfo> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| port(&entry.path(), sysfs_root, dev_root))
        .take(PORTS_MAX)
        .collect();
    found.sort_by_cached_key(|port| {
        let (letters, number) = natural(&port.path);
        (Reverse(port.known.is_some()), Reverse(port.vid.is_some()), letters, number)
    });
    found
}

/// One entry of `class/tty`, if a line could be behind it.
fn port(class: &Path, sysfs_root: &Path, dev_root: &Path) -> Option<PortInfo> {
    let name = class.file_name()?.to_str()?;
    let device = fs::canonicalize(class.join("device")).ok();
    // Consoles and ptys have no device; Bluetooth serial ports may have none while not connected.
    if device.is_none() && !name.starts_with("rfcomm") {
        return None;
    }
    // The kernel makes some ttyS lines ready for hardware that is not there: type 0, unknown UART.
    if attribute(class, "type").is_some_and(|kind| kind == "0") {
        return None;
    }
    let usb = device.as_deref().and_then(usb_device);
    let of_usb = |key: &str| attribute(usb.as_deref()?, key);
    let hex = |key: &str| u16::from_str_radix(&of_usb(key)?, 16).ok();
    let (vid, pid) = (hex("idVendor"), hex("idProduct"));
    let path = dev_root.join(name).to_string_lossy().into_owned();
    Some(PortInfo {
        held_ms: latency::stays(sysfs_root, Path::new(&path)),
        access: access(Path::new(&path)),
        product: of_usb("product"),
        manufacturer: of_usb("manufacturer"),
        serial: of_usb("serial"),
        usb_path: usb.as_ref().and_then(|usb| Some(usb.file_name()?.to_str()?.to_owned())),
        interface: device.as_deref().and_then(interface),
        known: ADAPTERS.iter().find(|(v, p, _)| (Some(*v), Some(*p)) == (vid, pid)).map(|a| a.2),
        vid,
        pid,
        path,
    })
}

/// The USB device a port belongs to: the nearest folder above with a vendor.
fn usb_device(device: &Path) -> Option<PathBuf> {
    let mut above = device.ancestors().take(CLIMB_MAX);
    above.find(|folder| folder.join("idVendor").is_file()).map(Path::to_path_buf)
}

/// Which interface of the USB device a port is.
fn interface(device: &Path) -> Option<u8> {
    let number = device.ancestors().take(CLIMB_MAX).find_map(|f| attribute(f, "bInterfaceNumber"));
    u8::from_str_radix(&number?, 16).ok()
}

/// The text of a sysfs attribute; `None` when it is missing, empty or unreadable.
fn attribute(folder: &Path, key: &str) -> Option<String> {
    let text = fs::read(folder.join(key)).ok()?;
    let text = String::from_utf8_lossy(text.get(..ATTRIBUTE_MAX).unwrap_or(&text)).into_owned();
    // What a device says of itself goes to a screen: no control characters.
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether this process may open a device file.
pub fn access(path: &Path) -> Access {
    match rustix::fs::access(path, Mode::READ_OK | Mode::WRITE_OK) {
        Ok(()) => Access::Ok,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Access::NoNode,
        Err(_) => {
            let stat = fs::metadata(path).ok();
            let groups = fs::read_to_string(GROUPS).unwrap_or_default();
            Access::Denied { group: stat.and_then(|stat| group(&stat, &groups)) }
        }
    }
}

/// The group that opens a file, by what it is called here: `dialout` on one system, `uucp` on
/// another. Nobody is to be made a member of root's.
fn group(stat: &fs::Metadata, groups: &str) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    (stat.mode() & 0o060 == 0o060).then(|| named_group(stat.gid(), groups))?
}

fn named_group(gid: u32, groups: &str) -> Option<String> {
    let of = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next(), fields.next()?);
        (number.parse() == Ok(gid) && !name.is_empty()).then(|| name.to_owned())
    };
    groups.lines().find_map(of).filter(|_| gid != 0)
}

/// Splits a name into letters and its last number, so that ttyUSB10 comes after ttyUSB9.
fn natural(path: &str) -> (String, u64) {
    let letters = path.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = path.get(letters.len()..).unwrap_or_default().parse().unwrap_or(0);
    (letters.to_owned(), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a file below `root` with its folders.
    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tty(root: &Path, name: &str, device: Option<&str>) {
        let class = root.join("class/tty").join(name);
        fs::create_dir_all(&class).unwrap();
        if let Some(device) = device {
            let target = root.join("devices").join(device);
            fs::create_dir_all(&target).unwrap();
            std::os::unix::fs::symlink(target, class.join("device")).unwrap();
        }
    }

    #[test]
    fn ports_are_found_described_and_found_again() {
        let (sys, dev) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = sys.path();
        let usb = |socket: &str, vid: &str, pid: &str| {
            put(root, &format!("devices/usb1/{socket}/idVendor"), vid);
            put(root, &format!("devices/usb1/{socket}/idProduct"), pid);
            put(root, &format!("devices/usb1/{socket}/{socket}:1.0/bInterfaceNumber"), "00\n");
        };
        usb("1-1", "1a86\n", "7523\n");
        put(root, "devices/usb1/1-1/product", "USB Serial\n");
        usb("1-2", "0403\n", "6001\n");
        put(root, "devices/usb1/1-2/serial", "A50285BI\n");
        put(root, "devices/usb1/1-2/product", "FT232R\u{1b}[31m USB UART\n");
        put(root, "devices/usb1/1-2/manufacturer", "FTDI\n");
        usb("1-3", "dead", "beef");
        tty(root, "ttyUSB10", Some("usb1/1-1/1-1:1.0/ttyUSB10"));
        tty(root, "ttyUSB9", Some("usb1/1-2/1-2:1.0/ttyUSB9"));
        tty(root, "ttyACM0", Some("usb1/1-3/1-3:1.0"));
        tty(root, "ttyS0", Some("platform/serial8250:0.0"));
        put(root, "class/tty/ttyS0/type", "4\n");
        tty(root, "ttyS1", Some("platform/serial8250:0.1"));
        put(root, "class/tty/ttyS1/type", "0\n");
        tty(root, "tty0", None);
        tty(root, "rfcomm0", None);
        for name in ["ttyUSB9", "ttyACM0", "ttyS0"] {
            put(dev.path(), name, "");
        }
        let ports = ports_in(root, dev.path());
        let names: Vec<_> = ports.iter().map(|p| p.path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["ttyUSB9", "ttyUSB10", "ttyACM0", "rfcomm0", "ttyS0"]);
        let ftdi = &ports[0];
        assert_eq!((ftdi.vid, ftdi.pid, ftdi.interface), (Some(0x0403), Some(0x6001), Some(0)));
        assert_eq!(ftdi.known, Some("FTDI FT232"));
        assert_eq!(ftdi.serial.as_deref(), Some("A50285BI"));
        assert_eq!(ftdi.product.as_deref(), Some("FT232R[31m USB UART"), "no escape codes");
        assert_eq!(ftdi.usb_path.as_deref(), Some("1-2"));
        assert_eq!(ftdi.access, Access::Ok);
        assert_eq!((ports[1].known, &ports[1].access), (Some("CH340"), &Access::NoNode));
        assert_eq!((ports[2].known, ports[2].vid), (None, Some(0xDEAD)));

        // Pulled out and back in: another name; the one with a serial number in another socket.
        let (ftdi, ch340) = (ports[0].identity(), ports[1].identity());
        fs::remove_dir_all(root.join("class/tty")).unwrap();
        tty(root, "ttyUSB3", Some("usb1/1-1/1-1:1.0/ttyUSB3"));
        usb("1-7", "0403", "6001");
        put(root, "devices/usb1/1-7/serial", "A50285BI");
        tty(root, "ttyUSB0", Some("usb1/1-7/1-7:1.0/ttyUSB0"));
        let ports = ports_in(root, dev.path());
        assert!(find(&ports, &ftdi).unwrap().path.ends_with("ttyUSB0"));
        assert!(find(&ports, &ch340).unwrap().path.ends_with("ttyUSB3"));
        // A clone with the same serial number: no guessing.
        tty(root, "ttyUSB5", Some("usb1/1-2/1-2:1.0/ttyUSB5"));
        let ports = ports_in(root, dev.path());
        assert_eq!(find(&ports, &ftdi), None);
    }

    #[test]
    fn the_group_that_opens_a_port_is_named_as_it_is_called_here() {
        let groups = "root:x:0:\nbroken\n:x:7:\nuucp:x:14:\ndialout:x:20:li\n";
        let named = |gid| named_group(gid, groups);
        assert_eq!((named(20), named(14)), (Some("dialout".to_owned()), Some("uucp".to_owned())));
        assert_eq!([named(0), named(7), named(99)], [None, None, None]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tty");
        fs::write(&file, "").unwrap();
        for (mode, opens) in [(0o660, true), (0o640, false), (0o600, false)] {
            use std::os::unix::fs::{MetadataExt, PermissionsExt};
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let stat = fs::metadata(&file).unwrap();
            let groups = format!("own:x:{}:", stat.gid());
            let expected = (opens && stat.gid() != 0).then(|| "own".to_owned());
            assert_eq!(group(&stat, &groups), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_machine_without_sysfs_has_no_ports() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(ports(empty.path()), []);
    }
}

//! Where a line is, as a person types it.
//!
//! | form | line |
//! |---|---|
//! | `/dev/ttyUSB0`, `/dev/serial/by-id/...`, `COM3` | serial port, optical head, pty |
//! | `/dev/ttyUSB0?dtr=1&rts=0&settle_ms=300` | the same, with what its head needs |
//! | `tcp://host:port` | raw socket of a serial device server |
//! | `tcp-listen://:port`, `tcp-listen://:port?peer=host` | a device server that dials us |
//! | `udp://host:port` | a device server in UDP mode |
//! | `rfc2217://host:port` | a device server whose line we set (Telnet with RFC 2217) |
//! | `ble:AA:BB:CC:DD:EE:FF` | Bluetooth LE head; names change, addresses do not |

use std::fmt;
use std::time::Duration;

use super::LinkError;

/// The longest text taken for an endpoint; a path or host name beyond it is a mistake.
const TEXT_MAX: usize = 1024;

/// What is accepted, for the error.
const ACCEPTED: &str = "use /dev/NAME, COMn, tcp://HOST:PORT, tcp-listen://:PORT, \
                        udp://HOST:PORT, rfc2217://HOST:PORT or ble:AA:BB:CC:DD:EE:FF";

/// The longest time a head is given to wake up after it got its power.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// The modem lines of a serial port, which feed optical heads and isolated adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModemLines {
    /// Data terminal ready.
    pub dtr: bool,
    /// Request to send.
    pub rts: bool,
    /// How long to wait after setting them, before the first byte.
    pub settle: Duration,
}

impl Default for ModemLines {
    /// Both raised, no waiting.
    fn default() -> Self {
        ModemLines { dtr: true, rts: true, settle: Duration::ZERO }
    }
}

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A serial port by its device name.
    Serial(String),
    /// A serial port whose head wants its modem lines set otherwise, or time to wake up.
    Powered {
        /// Device name.
        path: String,
        /// What the head needs.
        lines: ModemLines,
    },
    /// A raw TCP socket.
    Tcp {
        /// Host name or address; an IPv6 address without its brackets.
        host: String,
        /// Port, never 0.
        port: u16,
    },
    /// A TCP port of ours that a device server dials.
    Listen {
        /// The address of ours to listen at; empty for all.
        host: String,
        /// Port, never 0.
        port: u16,
        /// The only host let in; any when `None`.
        peer: Option<String>,
    },
    /// UDP datagrams to and from one host.
    Udp {
        /// As for TCP.
        host: String,
        /// Port, never 0.
        port: u16,
    },
    /// Telnet with the serial port option of RFC 2217.
    Rfc2217 {
        /// As for TCP.
        host: String,
        /// Port, never 0.
        port: u16,
    },
    /// A Bluetooth LE head: its address in capitals.
    Ble(String),
}

impl Endpoint {
    /// Reads an endpoint.
    ///
    /// # Errors
    /// [`LinkError::Address`] that says what is accepted.
    pub fn parse(text: &str) -> Result<Endpoint, LinkError> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
            return Err(LinkError::Address(format!("empty or unreadable; {ACCEPTED}")));
        }
        let refuse = |why: &str| LinkError::Address(format!("{text:?}: {why}; {ACCEPTED}"));
        let no_host = || refuse("a host and a port are needed");
        if let Some(rest) = strip_scheme(text, "tcp://") {
            let (host, port) = host_port(rest).ok_or_else(no_host)?;
            return Ok(Endpoint::Tcp { host, port });
        }
        if let Some(rest) = strip_scheme(text, "udp://") {
            let (host, port) = host_port(rest).ok_or_else(no_host)?;
            return Ok(Endpoint::Udp { host, port });
        }
        if let Some(rest) = strip_scheme(text, "rfc2217://") {
            let (host, port) = host_port(rest).ok_or_else(no_host)?;
            return Ok(Endpoint::Rfc2217 { host, port });
        }
        if let Some(rest) = strip_scheme(text, "tcp-listen://") {
            return listen(rest).ok_or_else(|| refuse("a port is needed; ?peer=HOST is possible"));
        }
        if let Some(rest) = strip_scheme(text, "ble:") {
            return ble(rest).ok_or_else(|| refuse("not a Bluetooth address"));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if !is_device(path) {
            return Err(LinkError::Address(format!("{text:?}: {ACCEPTED}")));
        }
        if query.is_empty() {
            return Ok(Endpoint::Serial(path.to_owned()));
        }
        let lines = modem_lines(query).ok_or_else(|| {
            LinkError::Address(format!("{text:?}: after the ? dtr=0|1, rts=0|1, settle_ms=0..5000"))
        })?;
        Ok(Endpoint::Powered { path: path.to_owned(), lines })
    }

    /// The device name, for serial ports only.
    pub fn device(&self) -> Option<&str> {
        match self {
            Endpoint::Serial(path) | Endpoint::Powered { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The same line behind another device name: an adapter that came back as `ttyUSB1`.
    #[must_use]
    pub fn at_device(&self, path: &str) -> Endpoint {
        match self {
            Endpoint::Serial(_) => Endpoint::Serial(path.to_owned()),
            Endpoint::Powered { lines, .. } => {
                Endpoint::Powered { path: path.to_owned(), lines: *lines }
            }
            other => other.clone(),
        }
    }

    /// Its kind in one word, for recordings and lists.
    pub fn kind(&self) -> &'static str {
        match self {
            Endpoint::Serial(_) | Endpoint::Powered { .. } => "serial",
            Endpoint::Tcp { .. } => "tcp",
            Endpoint::Listen { .. } => "tcp-listen",
            Endpoint::Udp { .. } => "udp",
            Endpoint::Rfc2217 { .. } => "rfc2217",
            Endpoint::Ble(_) => "ble",
        }
    }
}

impl std::str::FromStr for Endpoint {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Endpoint, LinkError> {
        Endpoint::parse(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Serial(path) => f.write_str(path),
            Endpoint::Powered { path, lines: ModemLines { dtr, rts, settle } } => {
                let (dtr, rts) = (u8::from(*dtr), u8::from(*rts));
                write!(f, "{path}?dtr={dtr}&rts={rts}&settle_ms={}", settle.as_millis())
            }
            Endpoint::Tcp { host, port } => write!(f, "tcp://{}:{port}", bracketed(host)),
            Endpoint::Udp { host, port } => write!(f, "udp://{}:{port}", bracketed(host)),
            Endpoint::Rfc2217 { host, port } => write!(f, "rfc2217://{}:{port}", bracketed(host)),
            Endpoint::Listen { host, port, peer } => {
                write!(f, "tcp-listen://{}:{port}", bracketed(host))?;
                peer.as_ref().map_or(Ok(()), |peer| write!(f, "?peer={peer}"))
            }
            Endpoint::Ble(address) => write!(f, "ble:{address}"),
        }
    }
}

/// An IPv6 address in its brackets, anything else as it is.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The rest after a scheme, whatever its case.
fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let head = text.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

/// A path from the root, or a Windows port name.
fn is_device(text: &str) -> bool {
    let com = text.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("COM"));
    let number = text.get(3..).unwrap_or("");
    let port = com && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    port || (text.starts_with('/') && !text.ends_with('/'))
}

/// Host and port, the host perhaps in brackets.
fn host_port(rest: &str) -> Option<(String, u16)> {
    any_host_port(rest).filter(|(host, _)| !host.is_empty())
}

fn any_host_port(rest: &str) -> Option<(String, u16)> {
    let (host, port) = rest.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|inner| inner.contains(':'))?,
        None => Some(host).filter(|host| !host.contains([':', ']']))?,
    };
    if host.contains(|c| not_in_host(c) || c == '[') || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((host.to_owned(), port))
}

fn not_in_host(c: char) -> bool {
    c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#' | '&' | '=')
}

fn listen(rest: &str) -> Option<Endpoint> {
    let (place, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let (host, port) = any_host_port(place)?;
    let Some(query) = query else { return Some(Endpoint::Listen { host, port, peer: None }) };
    let peer = query.strip_prefix("peer=")?;
    let sound = !peer.is_empty() && !peer.contains(not_in_host);
    sound.then(|| Endpoint::Listen { host, port, peer: Some(peer.to_owned()) })
}

fn modem_lines(query: &str) -> Option<ModemLines> {
    let mut lines = ModemLines::default();
    for part in query.split('&') {
        let (key, value) = part.split_once('=')?;
        let number: u32 = value.parse().ok()?;
        match (key, number) {
            ("dtr", 0 | 1) => lines.dtr = number == 1,
            ("rts", 0 | 1) => lines.rts = number == 1,
            ("settle_ms", _) => lines.settle = Duration::from_millis(number.into()),
            _ => return None,
        }
    }
    Some(lines).filter(|lines| lines.settle <= SETTLE_MAX)
}

fn ble(rest: &str) -> Option<Endpoint> {
    let octets: Vec<&str> = rest.split(':').collect();
    let hex = |octet: &&str| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit());
    (octets.len() == 6 && octets.iter().all(hex)).then(|| Endpoint::Ble(rest.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        let cases = [
            ("/dev/ttyUSB0", "/dev/ttyUSB0"),
            ("/dev/serial/by-id/usb-FTDI-if00", "/dev/serial/by-id/usb-FTDI-if00"),
            ("COM3", "COM3"),
            (" tcp://10.0.0.7:4001 ", "tcp://10.0.0.7:4001"),
            ("TCP://server.local:23", "tcp://server.local:23"),
            ("tcp://[fe80::1]:4001", "tcp://[fe80::1]:4001"),
            ("tcp-listen://:4001", "tcp-listen://:4001"),
            ("TCP-Listen://10.0.0.1:4001?peer=dh604", "tcp-listen://10.0.0.1:4001?peer=dh604"),
            ("tcp-listen://[::1]:23?peer=::1", "tcp-listen://[::1]:23?peer=::1"),
            ("udp://10.0.0.7:4001", "udp://10.0.0.7:4001"),
            ("rfc2217://[fe80::1]:2217", "rfc2217://[fe80::1]:2217"),
            ("/dev/ttyUSB0?rts=0", "/dev/ttyUSB0?dtr=1&rts=0&settle_ms=0"),
            ("COM3?settle_ms=300&dtr=0", "COM3?dtr=0&rts=1&settle_ms=300"),
            ("ble:aa:bb:cc:00:11:22", "ble:AA:BB:CC:00:11:22"),
        ];
        for (text, written) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.to_string(), written);
            assert_eq!(Endpoint::parse(written).unwrap(), endpoint);
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_accepted() {
        let cases = [
            "",
            "  ",
            "ttyUSB0",
            "COM",
            "COMx",
            "/",
            "/dev/",
            "/dev/tty\nUSB0",
            "udp://host",
            "udp://:1",
            "http://host:80",
            "rfc2217://host",
            "tcp-listen://",
            "tcp-listen://4001",
            "tcp-listen://:0",
            "tcp-listen://:1?peer=",
            "tcp-listen://:1?pear=x",
            "tcp-listen://:1?peer=a&b",
            "tcp://host:1?peer=x",
            "tcp://host",
            "tcp://host:",
            "tcp://host:0",
            "tcp://host:65536",
            "tcp://host:+80",
            "tcp://:4001",
            "tcp://fe80::1:4001",
            "tcp://[host]:4001",
            "tcp://user@host:4001",
            "tcp://host/path:4001",
            "ble:",
            "ble:Probe 7",
            "ble:aa:bb:cc:00:11",
            "ble:aa:bb:cc:00:11:2g",
        ];
        for text in cases {
            match Endpoint::parse(text) {
                Err(LinkError::Address(why)) => assert!(why.contains(ACCEPTED), "{text}: {why}"),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn what_a_head_needs_is_checked() {
        for query in ["dtr", "dtr=2", "dtr=x", "settle_ms=5001", "baud=300", "dtr=1&&rts=1"] {
            match Endpoint::parse(&format!("/dev/ttyUSB0?{query}")) {
                Err(LinkError::Address(why)) => assert!(why.contains("settle_ms"), "{why}"),
                other => panic!("{query:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn an_adapter_that_comes_back_by_another_name_keeps_its_lines() {
        let head = Endpoint::parse("/dev/ttyUSB0?rts=0").unwrap().at_device("/dev/ttyUSB1");
        assert_eq!(head.to_string(), "/dev/ttyUSB1?dtr=1&rts=0&settle_ms=0");
        assert_eq!((head.device(), head.kind()), (Some("/dev/ttyUSB1"), "serial"));
    }
}

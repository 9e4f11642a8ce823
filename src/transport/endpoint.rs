//! Where a line is, as a person types it.
//!
//! | form | line |
//! |---|---|
//! | `/dev/ttyUSB0`, `/dev/serial/by-id/...`, `COM3` | serial port, optical head, pty |
//! | `tcp://host:port` | raw socket of a serial device server |
//! | `ble:AA:BB:CC:DD:EE:FF` | Bluetooth LE head; names change, addresses do not |

use std::fmt;

use super::LinkError;

/// The longest text taken for an endpoint; a path or host name beyond it is a mistake.
const TEXT_MAX: usize = 1024;

/// What is accepted, for the error.
const ACCEPTED: &str = "use /dev/NAME, COMn, tcp://HOST:PORT or ble:AA:BB:CC:DD:EE:FF";

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A serial port by its device name.
    Serial(String),
    /// A raw TCP socket.
    Tcp {
        /// Host name or address; an IPv6 address without its brackets.
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
        if let Some(rest) = strip_scheme(text, "tcp://") {
            return tcp(rest).ok_or_else(|| {
                LinkError::Address(format!("{text:?}: a host and a port are needed; {ACCEPTED}"))
            });
        }
        if let Some(rest) = strip_scheme(text, "ble:") {
            return ble(rest).ok_or_else(|| {
                LinkError::Address(format!("{text:?}: not a Bluetooth address; {ACCEPTED}"))
            });
        }
        if is_device(text) {
            return Ok(Endpoint::Serial(text.to_owned()));
        }
        Err(LinkError::Address(format!("{text:?}: {ACCEPTED}")))
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
            Endpoint::Tcp { host, port } if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Endpoint::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Endpoint::Ble(address) => write!(f, "ble:{address}"),
        }
    }
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

fn tcp(rest: &str) -> Option<Endpoint> {
    let (host, port) = rest.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|inner| inner.contains(':'))?,
        None => Some(host).filter(|host| !host.contains([':', ']']))?,
    };
    let bad = |c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#' | '[');
    if host.is_empty() || host.contains(bad) || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Endpoint::Tcp { host: host.to_owned(), port })
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
            "udp://host:1",
            "http://host:80",
            "rfc2217://host:1",
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
}

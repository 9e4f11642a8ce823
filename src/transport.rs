//! Lines to meters: anything that carries bytes both ways.
//!
//! A [`Link`] has one owner, blocks, and tells its own time; protocol code takes time from
//! [`Link::now`] and nowhere else, which lets whole streets be tested in virtual time. Nothing here
//! interprets a byte.
//!
//! | module | what |
//! |---|---|
//! | `serial`, `ble` (features) | real lines, by [`open`] |
//! | [`tcp`], [`listen`], [`udp`], [`rfc2217`] | serial device servers, by [`open`] |
//! | [`pipe`] | two ends in memory, in real time |
//! | [`line`](mod@line) | the pure model of a wire: time, parity, collisions, seeded faults |
//! | [`bus`], [`virtual_link`] | a simulated [`Station`] at the far end, in virtual time |
//! | [`pty`], [`tcp::serve`], [`Server`] | the same behind a real terminal or socket, paced |
//! | [`wrap`] | trace, record, fault and pace around any link |
//! | [`echo`] | learns whether an adapter hears itself, and takes that out |
//! | [`discover`] | which serial ports there are, and may we open them |

#[cfg(feature = "ble")]
pub mod ble;
pub mod bus;
mod dial;
pub mod discover;
pub mod echo;
mod endpoint;
mod heads;
#[cfg_attr(not(feature = "serial"), allow(dead_code))]
mod latency;
pub mod line;
pub mod listen;
pub mod lock;
pub mod pipe;
pub mod pty;
mod random;
pub mod rfc2217;
#[cfg(feature = "serial")]
pub mod serial;
pub mod server;
mod settings;
pub mod tcp;
mod telnet;
pub mod udp;
pub mod virtual_link;
pub mod wrap;

pub use bus::{Bus, Station};
pub use endpoint::{Endpoint, ModemLines};
pub use heads::HeadRow;
pub use line::{Faults, Line};
pub use random::Random;
pub use server::Server;
pub use settings::{LineSettings, Parity};
pub use virtual_link::VirtualLink;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A line to meters.
pub trait Link: Send {
    /// Time since this link was opened, on its own clock.
    fn now(&self) -> Duration;

    /// Hands bytes to the line and returns when the last one will have left, without waiting.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when the adapter or peer is away, [`LinkError::Io`] otherwise.
    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError>;

    /// Waits for bytes until `deadline`; returns how many arrived, 0 when the deadline passed.
    /// An echo this link has learned to expect is already taken out.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when the adapter or peer is away, [`LinkError::Io`] otherwise.
    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError>;

    /// How long `bytes` characters take on this line, and what to allow on top.
    fn timing(&self) -> Timing;

    /// Changes speed and characters of the open line, without closing it; what was sent before is
    /// let out first. `false` where they are set elsewhere (a device server, a Bluetooth head):
    /// nothing was changed.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when the adapter or peer is away, [`LinkError::Io`] when it cannot be
    /// set as asked.
    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        let _ = settings;
        Ok(false)
    }

    /// What has been learned about this line's echo; the copies themselves are taken out already.
    fn echo(&self) -> echo::Habit {
        echo::Habit::Unknown
    }
}

/// How fast a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Time of one character, start and stop bits included.
    pub character: Duration,
    /// What the path adds to an answer at most: USB latency, network, radio.
    pub slack: Duration,
}

impl Timing {
    /// Wire time of `count` characters.
    pub fn wire(&self, count: usize) -> Duration {
        self.character * u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// What can be wrong with a line. The operator's words for each are in `text/errors.rs`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no such port or host.
    #[error("no such port: {0}")]
    Missing(String),
    /// Somebody else has it open.
    #[error("port is in use: {0}")]
    Busy(String),
    /// The operating system does not let this user open it.
    #[error("not permitted to open {0}")]
    Denied(String),
    /// It was there and is not any more: unplugged, closed, out of range.
    #[error("the adapter or its peer is gone")]
    Gone,
    /// The waiting for it was stopped.
    #[error("stopped waiting for {0}")]
    Cancelled(String),
    /// The address of the port does not make sense.
    #[error("not a port address: {0}")]
    Address(String),
    /// Anything else, with what was being done.
    #[error("{0}")]
    Io(String),
}

/// What opening may need besides the place.
#[derive(Debug, Clone)]
pub struct Options {
    /// Kinds of Bluetooth heads the user has added.
    pub heads: Vec<HeadRow>,
    /// How long to wait for a device server that dials us.
    pub wait: Duration,
    /// Set it to stop that waiting, the calling of a device server, and the looking for a Bluetooth
    /// head.
    pub cancel: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        let (heads, cancel) = (Vec::new(), Arc::default());
        Options { heads, wait: Duration::from_secs(30), cancel }
    }
}

/// Opens the line behind `endpoint`. The settings of a raw socket or a Bluetooth line cannot be set
/// from here; they only say how long characters take at the far end.
///
/// # Errors
/// Every kind of [`LinkError`]; [`LinkError::Io`] when this build has no such kind of line.
pub fn open(endpoint: &Endpoint, settings: &LineSettings) -> Result<Box<dyn Link>, LinkError> {
    open_with(endpoint, settings, &Options::default())
}

/// [`open`] with options.
///
/// # Errors
/// As there.
pub fn open_with(
    endpoint: &Endpoint,
    settings: &LineSettings,
    options: &Options,
) -> Result<Box<dyn Link>, LinkError> {
    let lock = |host: &str, port: &u16| lock::LineLock::take(&format!("{host}:{port}"));
    Ok(match endpoint {
        Endpoint::Serial(path) => open_serial(path, settings, &ModemLines::default())?,
        Endpoint::Powered { path, lines } => open_serial(path, settings, lines)?,
        Endpoint::Tcp { host, port } => {
            let lock = lock(host, port)?;
            let at = (host.as_str(), *port);
            lock::locked(tcp::TcpLink::connect_until(at, settings, &options.cancel)?, lock)
        }
        Endpoint::Udp { host, port } => {
            let lock = lock(host, port)?;
            let at = (host.as_str(), *port);
            lock::locked(udp::UdpLink::connect_until(at, settings, &options.cancel)?, lock)
        }
        Endpoint::Rfc2217 { host, port } => {
            let lock = lock(host, port)?;
            let at = (host.as_str(), *port);
            let link = rfc2217::Rfc2217Link::connect_until(at, settings, &options.cancel)?;
            lock::locked(link, lock)
        }
        // The port itself can be had once only.
        Endpoint::Listen { host, port, peer } => {
            let place = (host.as_str(), *port, peer.as_deref());
            Box::new(listen::ListenLink::accept(place, settings, options.wait, &options.cancel)?)
        }
        Endpoint::Ble(address) => open_ble(address, settings, options)?,
    })
}

#[cfg(feature = "serial")]
fn open_serial(
    path: &str,
    settings: &LineSettings,
    lines: &ModemLines,
) -> Result<Box<dyn Link>, LinkError> {
    Ok(Box::new(serial::SerialLink::open_with(path, settings, lines)?))
}

#[cfg(not(feature = "serial"))]
fn open_serial(path: &str, _: &LineSettings, _: &ModemLines) -> Result<Box<dyn Link>, LinkError> {
    Err(LinkError::Io(format!("{path}: this build has no serial ports (feature `serial`)")))
}

#[cfg(feature = "ble")]
fn open_ble(
    address: &str,
    settings: &LineSettings,
    Options { heads, cancel, .. }: &Options,
) -> Result<Box<dyn Link>, LinkError> {
    let lock = lock::LineLock::take(&format!("ble:{address}"))?;
    let patience = ble::Patience::default();
    let link = ble::BleLink::connect_until(address, settings, patience, heads, cancel)?;
    Ok(lock::locked(link, lock))
}

#[cfg(not(feature = "ble"))]
fn open_ble(address: &str, _: &LineSettings, _: &Options) -> Result<Box<dyn Link>, LinkError> {
    Err(LinkError::Io(format!("ble:{address}: this build has no Bluetooth (feature `ble`)")))
}

impl<L: Link + ?Sized> Link for Box<L> {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        (**self).send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        (**self).recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        (**self).timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        (**self).tune(settings)
    }

    fn echo(&self) -> echo::Habit {
        (**self).echo()
    }
}

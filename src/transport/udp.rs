//! UDP to a serial device server: what was sent and what comes are datagrams of any split.
//!
//! The socket is joined to one peer, so the kernel drops datagrams of everybody else. A datagram
//! can be lost without a word; that is a time limit for the protocol above. A host where nobody
//! listens says so, and is [`LinkError::Missing`] then.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::echo::{Echo, Habit, Raw};
use super::tcp::{SLACK, timespec};
use super::{Endpoint, LineSettings, Link, LinkError, Timing, dial};

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_536;

/// The longest message sent as one datagram: more would be cut up on the way, and device servers
/// with small buffers lose the rest.
const SEND_MAX: usize = 1024;

/// A UDP line to one device server.
#[derive(Debug)]
pub struct UdpLink {
    raw: UdpRaw,
    echo: Echo,
    settings: LineSettings,
    free: Duration,
}

#[derive(Debug)]
struct UdpRaw {
    socket: UdpSocket,
    opened: Instant,
    place: String,
    /// The rest of the last datagram.
    rest: VecDeque<u8>,
    buffer: Box<[u8]>,
}

impl UdpLink {
    /// Makes a socket that talks to `host`:`port` only. Whether anybody is there shows at the first
    /// use.
    ///
    /// # Errors
    /// [`LinkError::Missing`] when there is no such host; [`LinkError::Denied`], [`LinkError::Io`].
    pub fn connect(host: &str, port: u16, settings: &LineSettings) -> Result<UdpLink, LinkError> {
        Self::connect_until((host, port), settings, &dial::NEVER)
    }

    /// [`UdpLink::connect`] that stops looking for the host when `cancel` is set.
    ///
    /// # Errors
    /// As there; [`LinkError::Cancelled`].
    pub fn connect_until(
        (host, port): (&str, u16),
        settings: &LineSettings,
        cancel: &AtomicBool,
    ) -> Result<UdpLink, LinkError> {
        let place = Endpoint::Udp { host: host.to_owned(), port }.to_string();
        let missing = |why: &dyn std::fmt::Display| LinkError::Missing(format!("{place} ({why})"));
        let addresses = dial::addresses((host, port), &place, cancel)?;
        let peer = addresses.first().copied().ok_or_else(|| missing(&"the name has no address"))?;
        let ours: SocketAddr = match peer {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0; 16], 0).into(),
        };
        let made = UdpSocket::bind(ours).and_then(|socket| {
            socket.connect(peer)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = made.map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => LinkError::Denied(place.clone()),
            _ => missing(&error),
        })?;
        let buffer = vec![0; DATAGRAM_MAX].into_boxed_slice();
        let raw = UdpRaw { socket, opened: Instant::now(), place, rest: VecDeque::new(), buffer };
        Ok(UdpLink { raw, echo: Echo::default(), settings: *settings, free: Duration::ZERO })
    }
}

impl Link for UdpLink {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if bytes.len() > SEND_MAX {
            return Err(LinkError::Io(format!("message of {} bytes is too long", bytes.len())));
        }
        let start = self.raw.now().max(self.free);
        match self.raw.socket.send(bytes) {
            // No room in the system's buffer: lost on the way, like any datagram.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(self.raw.failed(&error)),
        }
        self.free = start + self.settings.wire(bytes.len());
        self.echo.sent(bytes, self.raw.now(), self.free + SLACK);
        Ok(self.free)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.echo.recv(&mut self.raw, buffer, deadline)
    }

    fn timing(&self) -> Timing {
        Timing { character: self.settings.character(), slack: SLACK }
    }

    fn echo(&self) -> Habit {
        self.echo.habit()
    }
}

impl Raw for UdpRaw {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        while self.rest.is_empty() {
            let left = until.saturating_sub(self.now());
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) if !left.is_zero() => continue,
                Err(rustix::io::Errno::INTR) => return Ok(0),
                Err(error) => return Err(LinkError::Io(format!("{}: {error}", self.place))),
            }
            match self.socket.recv(&mut self.buffer) {
                Ok(count) => self.rest.extend(self.buffer.iter().take(count)),
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(self.failed(&error)),
            }
            // Empty datagrams for ever must not hold us beyond the deadline.
            if self.rest.is_empty() && self.now() >= until {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.rest.len());
        for (slot, byte) in buffer.iter_mut().zip(self.rest.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }
}

impl UdpRaw {
    fn failed(&self, error: &std::io::Error) -> LinkError {
        let place = &self.place;
        match error.kind() {
            ErrorKind::ConnectionRefused => {
                LinkError::Missing(format!("{place} (nobody listens there)"))
            }
            ErrorKind::NetworkDown | ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
                LinkError::Gone
            }
            _ => LinkError::Io(format!("{place}: {error}")),
        }
    }
}

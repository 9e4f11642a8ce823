//! Raw TCP to a serial device server, and the same served for a simulated station.
//!
//! The server's line settings cannot be set over a raw socket; the ones given here only say how
//! long characters take at the far end. There is no gap framing over a network: bytes may come
//! singly, or the first one and 43 ms later the rest (Nagle meets delayed ACK).
//!
//! A server that allows one client says `Port already in use` and hangs up (ser2net); that text in
//! front of anything else becomes [`LinkError::Busy`]. No meter protocol starts with a `P`.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;

use super::bus::{Bus, Station};
use super::echo::{Echo, Habit, Raw};
use super::pty::SLICE;
use super::{LineSettings, Link, LinkError, Timing, dial};

/// How long the peer may take to accept a message.
const WRITE_TIME_MAX: Duration = Duration::from_secs(2);

/// What the network may add to an answer (transport.md 4).
pub(super) const SLACK: Duration = Duration::from_millis(500);

/// Silence after which the peer is asked whether it is still there, how often again, and how many
/// times: a peer that lost its power is seen after half a minute (transport.md 4).
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 4);

/// What ser2net tells a second client before it hangs up.
const BUSY: &[u8] = b"Port already in use";

/// A connection to a serial device server.
#[derive(Debug)]
pub struct TcpLink {
    raw: TcpRaw,
    echo: Echo,
    settings: LineSettings,
    free: Duration,
}

#[derive(Debug)]
pub(super) struct TcpRaw {
    stream: TcpStream,
    opened: Instant,
    place: String,
    greeting: Greeting,
}

/// Whether the peer's first bytes can still become the busy text.
#[derive(Debug)]
enum Greeting {
    /// So many bytes of it have come.
    Maybe(usize),
    /// They did not; bytes held until then, still to be handed on.
    Other(VecDeque<u8>),
}

impl TcpLink {
    /// Connects to `host`:`port`.
    ///
    /// # Errors
    /// [`LinkError::Missing`] when there is no such host or nobody answers or listens there;
    /// [`LinkError::Denied`]; [`LinkError::Io`]. A busy server shows at the first use.
    pub fn connect(host: &str, port: u16, settings: &LineSettings) -> Result<TcpLink, LinkError> {
        Self::connect_until((host, port), settings, &dial::NEVER)
    }

    /// [`TcpLink::connect`] that stops when `cancel` is set.
    ///
    /// # Errors
    /// As there; [`LinkError::Cancelled`].
    pub fn connect_until(
        (host, port): (&str, u16),
        settings: &LineSettings,
        cancel: &AtomicBool,
    ) -> Result<TcpLink, LinkError> {
        let place = super::Endpoint::Tcp { host: host.to_owned(), port }.to_string();
        Ok(TcpLink {
            raw: TcpRaw::connect((host, port), place, cancel)?,
            echo: Echo::default(),
            settings: *settings,
            free: Duration::ZERO,
        })
    }
}

impl TcpRaw {
    /// Connects; `place` is how errors name it.
    pub(super) fn connect(
        at: (&str, u16),
        place: String,
        cancel: &AtomicBool,
    ) -> Result<TcpRaw, LinkError> {
        let stream = dial::tcp(at, &place, cancel)?;
        TcpRaw::over(stream, place, Instant::now(), true)
    }

    /// Takes a connection over, its time counted from `opened`. Only a peer that we called can say
    /// that its port is in use.
    pub(super) fn over(
        stream: TcpStream,
        place: String,
        opened: Instant,
        called: bool,
    ) -> Result<TcpRaw, LinkError> {
        let io = |error: std::io::Error| LinkError::Io(format!("{place}: {error}"));
        stream.set_nonblocking(true).map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let (idle, again, count) = KEEPALIVE;
        sockopt::set_socket_keepalive(&stream, true)
            .and_then(|()| sockopt::set_tcp_keepidle(&stream, idle))
            .and_then(|()| sockopt::set_tcp_keepintvl(&stream, again))
            .and_then(|()| sockopt::set_tcp_keepcnt(&stream, count))
            .map_err(|error| io(error.into()))?;
        let greeting = if called { Greeting::Maybe(0) } else { Greeting::Other(VecDeque::new()) };
        Ok(TcpRaw { stream, opened, place, greeting })
    }

    /// How errors name this line.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The connection, to wait for it together with others.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Hands over everything or fails: a peer that takes a byte now and then is given up.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let limit = self.now() + WRITE_TIME_MAX;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(self.hung_up()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = limit.saturating_sub(self.now());
                    if left.is_zero() {
                        let place = &self.place;
                        return Err(LinkError::Io(format!("{place}: the peer takes no bytes")));
                    }
                    let mut fds = [PollFd::new(&self.stream, PollFlags::OUT)];
                    // Whatever woke us, the write tells.
                    let _ = poll(&mut fds, Some(&timespec(left)));
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }
}

impl Link for TcpLink {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let start = self.raw.now().max(self.free);
        self.raw.write(bytes)?;
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

impl Raw for TcpRaw {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        loop {
            if let Greeting::Other(held) = &mut self.greeting
                && !held.is_empty()
            {
                let count = buffer.len().min(held.len());
                for (slot, byte) in buffer.iter_mut().zip(held.drain(..count)) {
                    *slot = byte;
                }
                return Ok(count);
            }
            let left = until.saturating_sub(self.now());
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) if !left.is_zero() => continue,
                Err(rustix::io::Errno::INTR) => return Ok(0),
                Err(error) => return Err(LinkError::Io(format!("{}: {error}", self.place))),
            }
            match self.stream.read(buffer) {
                Ok(0) => return Err(self.hung_up()),
                Ok(count) => match self.greet(buffer.get(..count).unwrap_or_default()) {
                    Some(count) => return Ok(count),
                    None => continue,
                },
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }
}

impl TcpRaw {
    /// Looks for the busy text in the first bytes. `Some` when the bytes are the caller's as they
    /// are, `None` when they are held.
    fn greet(&mut self, bytes: &[u8]) -> Option<usize> {
        let Greeting::Maybe(seen) = self.greeting else { return Some(bytes.len()) };
        let rest = BUSY.get(seen..).unwrap_or_default();
        let common = rest.len().min(bytes.len());
        if rest[..common] == bytes[..common] {
            // After the whole text anything may follow: a line end, and the hang-up.
            self.greeting = Greeting::Maybe(seen + common);
            return None;
        }
        let mut held: VecDeque<u8> = BUSY.iter().take(seen).copied().collect();
        held.extend(bytes);
        self.greeting = Greeting::Other(held);
        None
    }

    fn hung_up(&self) -> LinkError {
        match self.greeting {
            Greeting::Maybe(seen) if seen == BUSY.len() => LinkError::Busy(self.place.clone()),
            _ => LinkError::Gone,
        }
    }

    fn failed(&mut self, error: &std::io::Error) -> LinkError {
        match error.kind() {
            ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected => {
                // The busy text may be waiting to be read behind the failed write.
                let mut text = [0; 64];
                if let Ok(count) = self.stream.read(&mut text) {
                    self.greet(text.get(..count).unwrap_or_default());
                }
                self.hung_up()
            }
            _ => LinkError::Io(format!("{}: {error}", self.place)),
        }
    }
}

/// Serves `bus` to one client after another until `stop`. A second client at the same time is told
/// that the port is in use, as a device server does. A client that leaves changes nothing at the
/// station.
///
/// # Errors
/// [`LinkError::Io`] when the listener fails.
pub fn serve<S: Station>(
    listener: &TcpListener,
    bus: &mut Bus<S>,
    stop: &AtomicBool,
) -> Result<(), LinkError> {
    let io = |error: std::io::Error| LinkError::Io(format!("listener: {error}"));
    listener.set_nonblocking(true).map_err(io)?;
    // A bus that was served before goes on where it was.
    let (epoch, before) = (Instant::now(), bus.clock());
    let now = || before + epoch.elapsed();
    let mut client: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let mut ready = Vec::new();
        while let Some((_, byte)) = bus.step(now()) {
            ready.push(byte);
        }
        if let Some(stream) = &mut client
            && !ready.is_empty()
            && stream.write_all(&ready).is_err()
        {
            client = None;
        }
        let wait = bus.next_at().map_or(SLICE, |at| at.saturating_sub(now()).min(SLICE));
        match what_happened(listener, client.as_ref(), wait) {
            Happened::Nothing => {}
            Happened::Knock => match listener.accept() {
                Ok((stream, _)) => admit(stream, &mut client),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(io(error)),
            },
            Happened::Bytes => {
                let mut chunk = [0; 512];
                match client.as_mut().map(|stream| stream.read(&mut chunk)) {
                    Some(Ok(count)) if count > 0 => {
                        bus.send(chunk.get(..count).unwrap_or_default(), now());
                    }
                    Some(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                    _ => client = None,
                }
            }
        }
    }
    Ok(())
}

enum Happened {
    Nothing,
    Knock,
    Bytes,
}

fn what_happened(listener: &TcpListener, client: Option<&TcpStream>, wait: Duration) -> Happened {
    let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
    fds.extend(client.map(|stream| PollFd::new(stream, PollFlags::IN)));
    if poll(&mut fds, Some(&timespec(wait))).is_err() {
        return Happened::Nothing;
    }
    if fds.get(1).is_some_and(|fd| !fd.revents().is_empty()) {
        return Happened::Bytes;
    }
    if fds.first().is_some_and(|fd| !fd.revents().is_empty()) {
        return Happened::Knock;
    }
    Happened::Nothing
}

/// Takes a new client in, or tells it that there is one already.
fn admit(mut stream: TcpStream, client: &mut Option<TcpStream>) {
    let set = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_nodelay(true))
        .and_then(|()| stream.set_write_timeout(Some(WRITE_TIME_MAX)));
    if client.is_some() {
        // Whether it hears that or not, it is not served.
        let _ = stream.write_all(b"Port already in use\r\n");
    } else if set.is_ok() {
        *client = Some(stream);
    }
}

/// A time for `poll`; one too long for it is cut to what it can take.
pub(super) fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

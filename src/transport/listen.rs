//! A device server in client mode: it dials us, we listen.
//!
//! The first caller that may is the line. When it goes the link says so once and takes the next one
//! that calls, so that a server that lost its power or its network comes back by itself. A second
//! call from the same host means that the server has forgotten the first: the newer one counts.
//! Everybody else is hung up on.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::echo::{Echo, Habit, Raw};
use super::tcp::{SLACK, TcpRaw, timespec};
use super::{Endpoint, LineSettings, Link, LinkError, Timing, dial};

/// How often waiting looks at the cancel flag.
const SLICE: Duration = Duration::from_millis(50);

/// Callers looked at in one go; a flood of strangers must not hold the line up.
const CALLERS_MAX: usize = 32;

/// A line to a device server that called us.
#[derive(Debug)]
pub struct ListenLink {
    raw: ListenRaw,
    echo: Echo,
    settings: LineSettings,
    free: Duration,
}

#[derive(Debug)]
struct ListenRaw {
    listener: TcpListener,
    place: String,
    opened: Instant,
    /// Who may call; everybody when empty.
    allowed: Vec<IpAddr>,
    caller: Option<(IpAddr, TcpRaw)>,
    /// How many callers were let in.
    calls: u64,
}

impl ListenLink {
    /// Listens at `host`:`port` (all our addresses when `host` is empty) and waits for a caller.
    ///
    /// # Errors
    /// [`LinkError::Busy`] or [`LinkError::Denied`] when the port cannot be had;
    /// [`LinkError::Missing`] when nobody calls within `wait`; [`LinkError::Cancelled`].
    pub fn accept(
        (host, port, peer): (&str, u16, Option<&str>),
        settings: &LineSettings,
        wait: Duration,
        cancel: &AtomicBool,
    ) -> Result<ListenLink, LinkError> {
        let mut raw = ListenRaw::bind(host, port, peer, cancel)?;
        let wait_end = raw.opened + wait;
        while !raw.renew()? {
            let left = wait_end.saturating_duration_since(Instant::now());
            let place = &raw.place;
            if cancel.load(Ordering::Relaxed) {
                return Err(LinkError::Cancelled(place.clone()));
            }
            if left.is_zero() {
                let seconds = wait.as_secs();
                let text = format!("{place} (no device server has called in {seconds} s)");
                return Err(LinkError::Missing(text));
            }
            let mut fds = [PollFd::new(&raw.listener, PollFlags::IN)];
            // Whatever woke us, the next look tells.
            let _ = poll(&mut fds, Some(&timespec(left.min(SLICE))));
        }
        Ok(ListenLink { raw, echo: Echo::default(), settings: *settings, free: Duration::ZERO })
    }

    /// Who has called.
    pub fn caller(&self) -> Option<IpAddr> {
        self.raw.caller.as_ref().map(|(host, _)| *host)
    }
}

impl ListenRaw {
    fn bind(
        host: &str,
        port: u16,
        peer: Option<&str>,
        cancel: &AtomicBool,
    ) -> Result<ListenRaw, LinkError> {
        let peer_name = peer.map(str::to_owned);
        let place = Endpoint::Listen { host: host.to_owned(), port, peer: peer_name }.to_string();
        let wrong = |error: std::io::Error| match error.kind() {
            ErrorKind::AddrInUse => LinkError::Busy(place.clone()),
            ErrorKind::PermissionDenied => LinkError::Denied(place.clone()),
            ErrorKind::AddrNotAvailable => LinkError::Missing(format!("{place} ({error})")),
            _ => LinkError::Io(format!("{place}: {error}")),
        };
        // All addresses: both families in one socket where the system has the newer one.
        let listener = match host {
            "" => TcpListener::bind(("::", port)).or_else(|error| match error.kind() {
                ErrorKind::AddrInUse | ErrorKind::PermissionDenied => Err(error),
                _ => TcpListener::bind(("0.0.0.0", port)),
            }),
            host => TcpListener::bind((host, port)),
        };
        let listener = listener.map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let allowed = match peer {
            None => Vec::new(),
            Some(peer) => {
                let found = dial::addresses((peer, 0), &place, cancel)?;
                found.into_iter().map(|address| address.ip().to_canonical()).collect()
            }
        };
        Ok(ListenRaw { listener, place, opened: Instant::now(), allowed, caller: None, calls: 0 })
    }

    /// Takes in who is calling; whether there is a line now.
    fn renew(&mut self) -> Result<bool, LinkError> {
        for _ in 0..CALLERS_MAX {
            match self.listener.accept() {
                Ok((stream, from)) => self.admit(stream, from.ip().to_canonical()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // A caller that hung up before it was let in.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => return Err(LinkError::Io(format!("{}: {error}", self.place))),
            }
        }
        Ok(self.caller.is_some())
    }

    fn admit(&mut self, stream: TcpStream, from: IpAddr) {
        let allowed = self.allowed.is_empty() || self.allowed.contains(&from);
        let ours = self.caller.as_ref().is_none_or(|(host, _)| *host == from);
        if allowed && ours {
            // One that cannot be set up is as good as one that did not call.
            if let Ok(raw) = TcpRaw::over(stream, self.place.clone(), self.opened, false) {
                self.caller = Some((from, raw));
                self.calls += 1;
            }
        }
    }

    /// Runs something on the caller's connection, and lets go of it when it is gone.
    fn with_caller<T>(
        &mut self,
        work: impl FnOnce(&mut TcpRaw) -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let Some((_, raw)) = &mut self.caller else { return Err(LinkError::Gone) };
        let result = work(raw);
        if result.is_err() {
            self.caller = None;
        }
        result
    }
}

impl Link for ListenLink {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        // Nothing is under way now, so a newer call can be taken without a word.
        self.raw.renew()?;
        let start = self.raw.now().max(self.free);
        self.raw.with_caller(|raw| raw.write(bytes))?;
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

impl Raw for ListenRaw {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        if self.caller.is_none() && !self.renew()? {
            return Err(LinkError::Gone);
        }
        loop {
            let Some((_, raw)) = &self.caller else { return Err(LinkError::Gone) };
            let left = until.saturating_sub(self.now());
            let mut fds = [
                PollFd::new(raw.stream(), PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
            ];
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) => return Ok(0),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(LinkError::Io(format!("{}: {error}", self.place))),
            }
            let [stream, knock] = fds.map(|fd| !fd.revents().is_empty());
            if stream {
                let count = self.with_caller(|raw| raw.read(buffer, Duration::ZERO))?;
                if count > 0 {
                    return Ok(count);
                }
            } else if knock {
                let before = self.calls;
                self.renew()?;
                if self.calls != before {
                    // The answer waited for will not come over the new one.
                    return Err(LinkError::Gone);
                }
            }
            if self.now() >= until {
                return Ok(0);
            }
        }
    }
}

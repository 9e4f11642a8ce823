//! Calling a host in a way that can be stopped: neither the name server nor a host that says
//! nothing may hold an operator up.
//!
//! A name is looked up in a thread of its own, because the system's call for it cannot be stopped;
//! one that was given up ends by itself, at the name server's own time limit.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

use super::LinkError;
use super::tcp::timespec;

/// How long one address may take to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(4);

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// How often waiting looks at the cancel flag.
const SLICE: Duration = Duration::from_millis(50);

/// For whoever cannot stop: nobody sets it.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

/// Connects to the first address of `host` that lets us; `place` is how errors name it.
///
/// # Errors
/// [`LinkError::Missing`] when there is no such host or nobody answers or listens there;
/// [`LinkError::Denied`]; [`LinkError::Cancelled`].
pub(super) fn tcp(
    (host, port): (&str, u16),
    place: &str,
    cancel: &AtomicBool,
) -> Result<TcpStream, LinkError> {
    let mut last = missing(place, &"the name has no address");
    for address in addresses((host, port), place, cancel)? {
        match call(&address, cancel) {
            Ok(Some(stream)) => return Ok(stream),
            Ok(None) => return Err(LinkError::Cancelled(place.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                last = LinkError::Denied(place.to_owned());
            }
            Err(error) => last = missing(place, &error),
        }
    }
    Err(last)
}

/// The addresses of a host.
///
/// # Errors
/// [`LinkError::Missing`]; [`LinkError::Cancelled`].
pub(super) fn addresses(
    (host, port): (&str, u16),
    place: &str,
    cancel: &AtomicBool,
) -> Result<Vec<SocketAddr>, LinkError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, found) = mpsc::sync_channel(1);
    let name = host.to_owned();
    std::thread::spawn(move || {
        let looked = (name.as_str(), port).to_socket_addrs();
        let looked = looked.map(|all| all.take(ADDRESSES_MAX).collect::<Vec<_>>());
        // Whoever asked may have stopped waiting.
        let _ = tell.send(looked);
    });
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(LinkError::Cancelled(place.to_owned()));
        }
        match found.recv_timeout(SLICE) {
            Ok(looked) => return looked.map_err(|error| missing(place, &error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(missing(place, &"the name could not be looked up"));
            }
        }
    }
}

fn missing(place: &str, why: &dyn std::fmt::Display) -> LinkError {
    LinkError::Missing(format!("{place} ({why})"))
}

/// Connects; `None` when it was stopped.
fn call(address: &SocketAddr, cancel: &AtomicBool) -> io::Result<Option<TcpStream>> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, address) {
        // Interrupted, it goes on in the background as well.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let end = Instant::now() + CONNECT_TIME_MAX;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let left = end.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&socket, PollFlags::OUT)];
        match poll(&mut fds, Some(&timespec(left.min(SLICE)))) {
            Ok(0) | Err(Errno::INTR) if left.is_zero() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => {
                sockopt::socket_error(&socket)??;
                return Ok(Some(TcpStream::from(socket)));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

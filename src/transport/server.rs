//! A simulated station on a thread of its own, behind a pty or a TCP port.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::bus::{Bus, Station};
use super::pty::{self, Follow, Pty};
use super::{Endpoint, LinkError, tcp};

/// What a serving thread leaves behind.
type Served<S> = (Bus<S>, Result<(), LinkError>);

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server<S> {
    endpoint: Endpoint,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Served<S>>>,
}

impl<S: Station + 'static> Server<S> {
    /// Serves `bus` behind a new pty.
    ///
    /// # Errors
    /// [`LinkError::Io`] when the system gives no pty or no thread.
    pub fn on_pty(bus: Bus<S>, follow: Follow) -> Result<Server<S>, LinkError> {
        let pty = Pty::open()?;
        let endpoint = Endpoint::Serial(pty.path().to_owned());
        Server::start(endpoint, bus, move |bus, stop| pty::serve(&pty, bus, follow, stop))
    }

    /// Serves `bus` on a TCP port; port 0 lets the system choose one.
    ///
    /// # Errors
    /// [`LinkError::Busy`] or [`LinkError::Denied`] when the port cannot be had.
    pub fn on_tcp(bus: Bus<S>, address: SocketAddr) -> Result<Server<S>, LinkError> {
        let place = |text: &dyn std::fmt::Display| format!("{address}: {text}");
        let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => LinkError::Busy(place(&error)),
            std::io::ErrorKind::PermissionDenied => LinkError::Denied(place(&error)),
            _ => LinkError::Io(place(&error)),
        })?;
        let real = listener.local_addr().map_err(|error| LinkError::Io(place(&error)))?;
        let endpoint = Endpoint::Tcp { host: real.ip().to_string(), port: real.port() };
        Server::start(endpoint, bus, move |bus, stop| tcp::serve(&listener, bus, stop))
    }

    fn start(
        endpoint: Endpoint,
        mut bus: Bus<S>,
        serve: impl FnOnce(&mut Bus<S>, &AtomicBool) -> Result<(), LinkError> + Send + 'static,
    ) -> Result<Server<S>, LinkError> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("station".to_owned())
            .spawn(move || {
                let result = serve(&mut bus, &flag);
                (bus, result)
            })
            .map_err(|error| LinkError::Io(format!("thread: {error}")))?;
        Ok(Server { endpoint, stop, thread: Some(thread) })
    }

    /// Where a tool finds it.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Stops it and gives the bus back.
    ///
    /// # Errors
    /// What ended the serving early; [`LinkError::Gone`] when the station panicked.
    pub fn stop(mut self) -> Result<Bus<S>, LinkError> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok((bus, result))) => result.map(|()| bus),
            _ => Err(LinkError::Gone),
        }
    }
}

impl<S> Drop for Server<S> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the station has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

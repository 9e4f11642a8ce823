//! The office in a thread of its own, for callers that block: the command line, the demo, tests.

use super::tls::ServerTls;
use super::{Office, OfficeError, http};
use rustls::ServerConfig;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Threads of the runtime: the database has threads of its own.
const WORKERS: usize = 2;
/// How long running requests may take to finish when serving stops.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// An office and the runtime it works in.
pub struct Local {
    runtime: Runtime,
    office: Office,
    serving: Option<Serving>,
}

struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Local {
    /// Makes or opens an office: whatever `open` does with it.
    ///
    /// # Errors
    /// As `open`; no runtime could be made.
    pub fn start<F>(open: impl FnOnce() -> F) -> Result<Self, OfficeError>
    where
        F: Future<Output = Result<Office, OfficeError>>,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(|error| OfficeError::File("runtime".to_owned(), error))?;
        let office = runtime.block_on(async { open().await })?;
        Ok(Self { runtime, office, serving: None })
    }

    /// Opens the office in a folder.
    ///
    /// # Errors
    /// As [`Office::open`].
    pub fn open(dir: &Path) -> Result<Self, OfficeError> {
        Self::start(|| Office::open(dir))
    }

    /// The office.
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// Waits for something the office does.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Begins to serve plain HTTP at an address of this machine (`127.0.0.1:0` for any port); gives
    /// the address in use. Serving already, it keeps to that.
    ///
    /// # Errors
    /// The address cannot be had, or others can reach it.
    pub fn serve(&mut self, listen: &str) -> io::Result<SocketAddr> {
        self.serve_over(listen, None)
    }

    /// The same with TLS, at any address.
    ///
    /// # Errors
    /// The address cannot be had; key and certificate do not belong together.
    pub fn serve_tls(&mut self, listen: &str, tls: &ServerTls) -> io::Result<SocketAddr> {
        let config = tls.config().map_err(io::Error::other)?;
        self.serve_over(listen, Some(config))
    }

    fn serve_over(
        &mut self,
        listen: &str,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<SocketAddr> {
        if let Some(serving) = &self.serving {
            return Ok(serving.address);
        }
        let listener = self.runtime.block_on(TcpListener::bind(listen))?;
        let address = listener.local_addr()?;
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(http::needs_tls());
        }
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // Sent, or the sender is gone: both mean stop.
            let _ = stopped.await;
        };
        let office = self.office.clone();
        let task = self.runtime.spawn(http::serve(listener, office, tls, shutdown));
        self.serving = Some(Serving { address, stop, task });
        Ok(address)
    }

    /// Where it serves, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.serving.as_ref().map(|serving| serving.address)
    }

    /// One request in the same process, without a socket: what `sync::Post` needs.
    ///
    /// # Errors
    /// As [`Office::answer`].
    pub fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, OfficeError> {
        self.wait(self.office.answer(path, body))
    }

    /// Stops serving; running requests finish, unless they take too long.
    pub fn stop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.stop.send(());
            let task = &mut serving.task;
            let waited = async { tokio::time::timeout(STOP_WAIT, task).await };
            if self.runtime.block_on(waited).is_err() {
                serving.task.abort();
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.stop();
        self.runtime.block_on(self.office.close());
    }
}

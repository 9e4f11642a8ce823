//! Letting connections in: so many at once, TLS where it is wanted, and nobody who shakes hands
//! slowly keeps others waiting.

use super::watch::{Phase, Watched};
use crate::office::Office;
use crate::office::metrics::Metrics;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Connections open at once; one more is closed at once.
pub(super) const CONNECTIONS: usize = 256;
/// Handshakes under way at once; one more is closed at once.
const HANDSHAKES: usize = 64;
/// How long a handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

type Io = Watched<Stream>;

/// A listener whose connections are ready to be read.
pub(super) struct Doors {
    address: SocketAddr,
    ready: mpsc::Receiver<(Io, SocketAddr)>,
    task: JoinHandle<()>,
}

impl Doors {
    /// Opens the doors. Without TLS only to this machine.
    ///
    /// # Errors
    /// Plain HTTP was asked for on an address that others can reach.
    pub(super) fn open(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        office: &Office,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(super::needs_tls());
        }
        let counts = Arc::clone(&office.metrics);
        let (send, ready) = mpsc::channel(CONNECTIONS);
        let task = tokio::spawn(let_in(listener, tls.map(TlsAcceptor::from), send, counts));
        Ok(Self { address, ready, task })
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts for ever.
async fn let_in(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    send: mpsc::Sender<(Io, SocketAddr)>,
    counts: Arc<Metrics>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let hands = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            counts.rejected("connections");
            continue;
        };
        let Some(tls) = tls.clone() else {
            let io = Watched::new(Stream::Plain(stream), place);
            if send.send((io, peer)).await.is_err() {
                return;
            }
            continue;
        };
        let Ok(hand) = Arc::clone(&hands).try_acquire_owned() else {
            counts.rejected("handshakes");
            continue;
        };
        tokio::spawn(shake(tls, stream, peer, (place, hand), send.clone()));
    }
}

/// One handshake; whoever fails or dawdles is dropped without a word.
async fn shake(
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    (place, hand): (OwnedSemaphorePermit, OwnedSemaphorePermit),
    send: mpsc::Sender<(Io, SocketAddr)>,
) {
    let shaken = tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await;
    drop(hand);
    match shaken {
        Ok(Ok(stream)) => {
            let io = Watched::new(Stream::Tls(Box::new(stream)), place);
            // Nobody there any more: the server stops.
            let _ = send.send((io, peer)).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

impl Listener for Doors {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The accepting task is gone; there will be no more connections.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    pub address: SocketAddr,
    pub phase: Phase,
}

impl Connected<IncomingStream<'_, Doors>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        Self { address: *stream.remote_addr(), phase: stream.io().phase() }
    }
}

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tls::ServerTls;
    use super::*;
    use crate::units::UnixSeconds;
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;

    async fn doors() -> Doors {
        let tls = ServerTls::make(&["127.0.0.1".to_owned()], UnixSeconds(1_795_000_000)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (send, ready) = mpsc::channel(CONNECTIONS);
        let address = listener.local_addr().unwrap();
        let tls = TlsAcceptor::from(tls.config().unwrap());
        let task = tokio::spawn(let_in(listener, Some(tls), send, Arc::default()));
        Doors { address, ready, task }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_shake_hands_is_let_go() {
        let doors = doors().await;
        let mut silent = TcpStream::connect(doors.address).await.unwrap();
        let start = Instant::now();
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(start.elapsed().as_secs(), HANDSHAKE_TIME.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_under_way_are_bounded_and_given_back() {
        let doors = doors().await;
        let mut held = Vec::new();
        for _ in 0..HANDSHAKES {
            held.push(TcpStream::connect(doors.address).await.unwrap());
        }
        let start = Instant::now();
        let mut more = TcpStream::connect(doors.address).await.unwrap();
        assert_eq!(more.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(start.elapsed() < HANDSHAKE_TIME, "one more is closed at once");
        for mut stream in held {
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        }
        let start = Instant::now();
        let mut next = TcpStream::connect(doors.address).await.unwrap();
        assert_eq!(next.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(start.elapsed() >= HANDSHAKE_TIME, "it had its time again");
    }
}

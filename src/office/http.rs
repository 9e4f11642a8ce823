//! The server: bytes in, bytes out, with limits. All meaning is in `answer`.
//!
//! Everything that comes in is bounded before it is looked at: connections and handshakes
//! (`listen`), the head of a request (`watch`), its body and its time (`guard`), and how often one
//! address and one handheld may ask (`rate`). What is served stands in one table (`table`), what
//! whoever is turned away is told in another (`problem`).

mod guard;
mod handle;
mod listen;
pub mod problem;
mod rate;
mod table;
mod watch;

pub use table::{Door, OPERATIONS, Operation};

use super::Office;
use axum::middleware::from_fn_with_state;
use listen::{Doors, Peer};
use rate::{Buckets, Pace};
use rustls::ServerConfig;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch as told};

/// Requests worked on at once; one more is told to come back.
const CONCURRENT: usize = 64;
/// When whoever found no free slot is told to come back.
const BUSY_PAUSE: Duration = Duration::ZERO;
/// Longest a request may take, its body included.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Longest that stopping may take: what was begun has its time, and a little for its answer.
pub const STOP_TIME: Duration = Duration::from_secs(35);
/// Most header fields in a request; the kit sends six.
const MAX_HEADERS: usize = 32;
/// How often one handheld may ask, from one address: a large exchange at once, then steadily. The
/// address is part of the name because the name is only a claim so far: somebody elsewhere cannot
/// use up what is another's.
const HANDHELD: Pace = Pace { burst: 300, per_second: 10 };
/// How often one address may ask: many handhelds may share it.
const ADDRESS: Pace = Pace { burst: 1200, per_second: 40 };
/// Handhelds, and addresses, remembered for this; a few hundred bytes each at most.
const REMEMBERED: usize = 10_000;

#[derive(Clone)]
struct Desk {
    office: Office,
    slots: Arc<Semaphore>,
    rates: Arc<Mutex<Rates>>,
    names: Arc<guard::Names>,
    /// Held by all that is worked on; nothing is ever sent.
    working: mpsc::Sender<Infallible>,
}

/// Who asked how often lately.
struct Rates {
    addresses: Buckets<IpAddr>,
    handhelds: Buckets<(Vec<u8>, IpAddr)>,
}

impl Rates {
    fn new() -> Self {
        let addresses = Buckets::new(ADDRESS, REMEMBERED);
        Self { addresses, handhelds: Buckets::new(HANDHELD, REMEMBERED) }
    }
}

/// Where an office serves.
pub struct Place {
    /// For handhelds.
    pub listener: TcpListener,
    /// With TLS; without it this machine only.
    pub tls: Option<Arc<ServerConfig>>,
    /// For who watches; this machine only.
    pub watch: Option<TcpListener>,
}

/// Serves until `shutdown` is done, then lets running requests finish. Without `tls` it serves
/// this machine only.
///
/// # Errors
/// The listener failed, or has an address others can reach and no TLS.
pub async fn serve(
    listener: TcpListener,
    office: Office,
    tls: Option<Arc<ServerConfig>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_at(Place { listener, tls, watch: None }, office, shutdown).await
}

/// The same at a place with a door for who watches. When it returns, nothing of what was begun
/// still works, unless [`STOP_TIME`] was not enough.
///
/// # Errors
/// As [`serve`].
pub async fn serve_at(
    place: Place,
    office: Office,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let handhelds = Doors::open(place.listener, place.tls, &office)?;
    let watch = place.watch.map(|listener| Doors::open(listener, None, &office)).transpose()?;
    let (working, mut idle) = mpsc::channel(1);
    let desk = Desk {
        office,
        slots: Arc::new(Semaphore::new(CONCURRENT)),
        rates: Arc::new(Mutex::new(Rates::new())),
        names: guard::Names::new(),
        working,
    };
    let (stop, stopped) = told::channel(());
    let teller = tokio::spawn(async move {
        shutdown.await;
        // Whoever waits for a change hears that there will be none.
        drop(stop);
    });
    let handhelds = behind(handhelds, Door::Handhelds, desk.clone(), stopped.clone());
    // Who watches can do so beside any crowd of handhelds.
    let watching = Desk {
        slots: Arc::new(Semaphore::new(CONCURRENT)),
        rates: Arc::new(Mutex::new(Rates::new())),
        ..desk
    };
    let watch = async {
        match watch {
            Some(doors) => behind(doors, Door::Watch, watching, stopped.clone()).await,
            None => Ok(()),
        }
    };
    let serving = async {
        let (handhelds, watch) = tokio::join!(handhelds, watch);
        // What callers hung up on is still worked on.
        while idle.recv().await.is_some() {}
        handhelds.and(watch)
    };
    let late = async {
        told_of(stopped.clone()).await;
        tokio::time::sleep(STOP_TIME).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = late => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    };
    teller.abort();
    served
}

/// Ends when serving is to end.
async fn told_of(mut stopped: told::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// Serves behind one door.
async fn behind(
    doors: Doors,
    door: Door,
    desk: Desk,
    stopped: told::Receiver<()>,
) -> io::Result<()> {
    let note = from_fn_with_state((desk.clone(), door), guard::note);
    let router = table::router(door).layer(note).with_state(desk);
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(doors, service).with_graceful_shutdown(told_of(stopped)).await
}

/// Why plain HTTP is not served to others: names, places and amounts would lie open on the line.
pub(super) fn needs_tls() -> io::Error {
    let why = "without TLS the office serves this machine only";
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Who counts as one address: a customer of an IPv6 network has a whole /64 to choose from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Desk {
    fn rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::Seeds;
    use crate::units::UnixSeconds;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    /// An office in memory, served; then the clock stands still until everybody waits.
    async fn served(shutdown: impl Future<Output = ()> + Send + 'static) -> std::net::SocketAddr {
        let tell = Arc::new(|| UnixSeconds(1_795_000_000));
        let office = Office::in_memory("t", Seeds::of([1; 32]), tell).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, office, None, shutdown));
        tokio::time::pause();
        address
    }

    const HALF: &[u8] = b"POST /v1/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";

    #[tokio::test]
    async fn a_body_that_does_not_come_has_its_time() {
        let address = served(std::future::pending()).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        let start = Instant::now();
        slow.write_all(HALF).await.unwrap();
        let mut text = String::new();
        // It hangs up besides: what comes now would be taken for the next request.
        slow.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(text.contains("content-type: application/problem+json\r\n"), "{text}");
        assert!(text.contains("x-request-id: ") && text.contains("\"code\":\"slow\""), "{text}");
        assert!(start.elapsed() >= REQUEST_TIME && start.elapsed() < REQUEST_TIME * 2);
    }

    /// Whoever does not send the rest of his body keeps nobody from stopping for ever.
    #[tokio::test]
    async fn stopping_has_its_time() {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let address = served(async { drop(stopped.await) }).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(HALF).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let start = Instant::now();
        stop.send(()).unwrap();
        let mut text = String::new();
        slow.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(start.elapsed() < STOP_TIME);
        assert!(TcpStream::connect(address).await.is_err(), "the door is shut");
    }
}

//! The server: bytes in, bytes out, with limits. All meaning is in `answer`.
//!
//! Everything that comes in is bounded before it is looked at: connections and handshakes
//! (`listen`), the head of a request (`watch`), its body and its time (here), and how often one
//! address and one handheld may ask (`rate`).

mod listen;
mod rate;
mod watch;

use super::{Office, OfficeError};
use crate::sync::wire::{self, MAX_BODY, path};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use listen::{Doors, Peer};
use rate::{Buckets, Pace};
use rustls::ServerConfig;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Requests worked on at once; one more is told to come back.
const CONCURRENT: usize = 64;
/// Longest a request may take, its body included.
const REQUEST_TIME: Duration = Duration::from_secs(30);
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
) -> std::io::Result<()> {
    let doors = Doors::open(listener, tls)?;
    let slots = Arc::new(Semaphore::new(CONCURRENT));
    let desk = Desk { office, slots, rates: Arc::new(Mutex::new(Rates::new())) };
    let ask = post(answer);
    let router = Router::new()
        .route(path::HEALTH, get(health))
        .route(path::ENROL, ask.clone())
        .route(path::KEYS, ask.clone())
        .route(path::HELLO, ask.clone())
        .route(path::PACK, ask.clone())
        .route(path::PULL, ask.clone())
        .route(path::BYE, ask)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), within_limits))
        .with_state(desk);
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(doors, service).with_graceful_shutdown(shutdown).await
}

/// Why plain HTTP is not served to others: names, places and amounts would lie open on the line.
pub(super) fn needs_tls() -> std::io::Error {
    let why = "without TLS the office serves this machine only";
    std::io::Error::new(std::io::ErrorKind::InvalidInput, why)
}

/// Gives a request a slot and its time, the reading of its body included.
async fn within_limits(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let _busy = peer.phase.busy();
    if request.headers().len() > MAX_HEADERS {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    let from = network(peer.address.ip());
    let allowed = desk.rates().addresses.take(&from, Instant::now());
    if let Err(wait) = allowed {
        return come_back(wait);
    }
    let Ok(_slot) = desk.slots.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let answer = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
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

fn come_back(wait: Duration) -> Response {
    let seconds = wait.as_secs().saturating_add(1).to_string();
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response()
}

impl Desk {
    fn rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn health() -> &'static str {
    "ok\n"
}

async fn answer(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    body: Bytes,
) -> Response {
    if let Some(name) = wire::claimed_name(&body) {
        let name = (name.to_vec(), network(peer.address.ip()));
        let allowed = desk.rates().handhelds.take(&name, Instant::now());
        if let Err(wait) = allowed {
            return come_back(wait);
        }
    }
    let (office, path) = (desk.office, uri.path().to_owned());
    // A task of its own: a caller that hangs up drops this future, and what was begun is better
    // finished than rolled back, since it will be asked for again.
    let work = tokio::spawn(async move { office.answer(&path, &body).await });
    let Ok(answer) = work.await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match answer {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Err(OfficeError::Wire(error)) => {
            (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(code = error.code(), %error, path = uri.path(), "request failed");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

//! In front of every operation: limits before anything is looked at, and behind it one line in the
//! log and one count for each request.

use super::handle::Claimed;
use super::listen::Peer;
use super::table::{self, Door};
use super::{BUSY_PAUSE, Desk, MAX_HEADERS, REQUEST_TIME, network, problem};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Header that names a request, in its answer and in the log.
const REQUEST_ID: &str = "x-request-id";

/// Names of requests: a random number of this process, and a count.
#[derive(Debug)]
pub(super) struct Names {
    process: u32,
    next: AtomicU64,
}

impl Names {
    pub(super) fn new() -> Arc<Self> {
        // Without random numbers the names of two processes may be the same; nothing rests on it.
        let random = crate::office::keys::random().unwrap_or_default();
        let process = u32::from_le_bytes([random[0], random[1], random[2], random[3]]);
        Arc::new(Self { process, next: AtomicU64::new(1) })
    }

    fn next(&self) -> String {
        format!("{:08x}-{}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Takes a request in, counts it, and says in the log what became of it: never what was in it.
pub(super) async fn note(
    State((desk, door)): State<(Desk, Door)>,
    connect: ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let _in_flight = desk.office.metrics.begin();
    let name = desk.names.next();
    let operation = table::find(door, request.uri().path());
    // A path or a method of one's own making goes into no log and no count.
    let path = operation.map_or("other", |operation| operation.path);
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let mut response = within_limits(&desk, door, connect, request, next).await;
    if let Ok(value) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), began.elapsed());
    desk.office.metrics.answered(path, status, took);
    let code = response.extensions().get::<problem::Code>().map(|code| code.0);
    if let Some(code) = code {
        desk.office.metrics.rejected(code);
    }
    let device = response.extensions().get::<Claimed>().map_or("", |claimed| claimed.0.as_str());
    let (code, ms) = (code.unwrap_or(""), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    tracing::info!(request = name, method, path, status, ms, device, code, "request");
    response
}

/// Gives a request a slot and its time, the reading of its body included.
async fn within_limits(
    desk: &Desk,
    door: Door,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let _busy = peer.phase.busy();
    if request.headers().len() > MAX_HEADERS {
        return problem::HEAD.answer();
    }
    let from = network(peer.address.ip());
    let allowed = desk.rates().addresses.take(&from, Instant::now());
    if let Err(wait) = allowed {
        return problem::TOO_OFTEN.after(wait);
    }
    let operation = table::find(door, request.uri().path());
    let posted = *request.method() == Method::POST;
    if posted && operation.is_some_and(|o| o.takes_body()) && !is_cbor(request.headers()) {
        return problem::MEDIA_TYPE.answer();
    }
    let Ok(_slot) = desk.slots.try_acquire() else {
        return problem::BUSY.after(BUSY_PAUSE);
    };
    let answer = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    answer.unwrap_or_else(|_| problem::SLOW.answer())
}

/// Whether a body is CBOR as it is; one that does not say is taken for it.
fn is_cbor(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    let cbor = kind.is_none_or(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/cbor"));
    let encoding = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    cbor && encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case(b"identity"))
}

//! The server: bytes in, bytes out, with limits. All meaning is in `answer`.

use super::{Office, OfficeError};
use crate::sync::wire::{MAX_BODY, path};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Requests worked on at once; one more is told to come back.
const CONCURRENT: usize = 64;
/// Longest a request may take, its body included.
const REQUEST_TIME: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Desk {
    office: Office,
    slots: Arc<Semaphore>,
}

/// Serves until `shutdown` is done, then lets running requests finish.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    office: Office,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let desk = Desk { office, slots: Arc::new(Semaphore::new(CONCURRENT)) };
    let ask = post(answer);
    let router = Router::new()
        .route(path::HEALTH, get(health))
        .route(path::ENROL, ask.clone())
        .route(path::HELLO, ask.clone())
        .route(path::PACK, ask.clone())
        .route(path::PULL, ask.clone())
        .route(path::BYE, ask)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), within_limits))
        .with_state(desk);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// Gives a request a slot and its time, the reading of its body included.
async fn within_limits(
    State(desk): State<Desk>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Result<Response, StatusCode> {
    let Ok(_slot) = desk.slots.try_acquire() else {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    };
    let answer = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    answer.map_err(|_| StatusCode::REQUEST_TIMEOUT)
}

async fn health() -> &'static str {
    "ok\n"
}

async fn answer(State(desk): State<Desk>, uri: Uri, body: Bytes) -> Response {
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

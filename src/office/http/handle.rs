//! What is done for a request that was let in.

use super::listen::Peer;
use super::{Desk, network, problem};
use crate::office::{OfficeError, metrics};
use crate::sync::wire;
use crate::units::DeviceId;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::time::Instant;

/// What the API is; also for those who read it with a program.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Whom a request says it is from. Nothing has been checked about it.
#[derive(Debug, Clone)]
pub(super) struct Claimed(pub DeviceId);

pub(super) async fn health() -> &'static str {
    "ok\n"
}

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// Whether handhelds should be sent here. What is wrong stands in the log: it may name files.
pub(super) async fn ready(State(desk): State<Desk>) -> Response {
    match desk.office.ready().await {
        Ok(()) => {
            let body = "{\"ready\":true}\n";
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => {
            tracing::error!(code = error.code(), %error, "not ready");
            problem::NOT_READY.because(error.code())
        }
    }
}

pub(super) async fn metrics(State(desk): State<Desk>) -> Response {
    let text = desk.office.metrics_text().await;
    ([(header::CONTENT_TYPE, metrics::TEXT)], text).into_response()
}

/// A question of a handheld.
pub(super) async fn ask(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return problem::TOO_LONG.answer();
        }
        Err(_) => return problem::BODY.answer(),
    };
    let name = wire::claimed_name(&body);
    let claimed = name.and_then(|name| std::str::from_utf8(name).ok()?.parse().ok()).map(Claimed);
    let mut response = match name {
        Some(name) => {
            let name = (name.to_vec(), network(peer.address.ip()));
            let allowed = desk.rates().handhelds.take(&name, Instant::now());
            match allowed {
                Ok(()) => answer(desk, uri, body).await,
                Err(wait) => problem::TOO_OFTEN.after(wait),
            }
        }
        None => answer(desk, uri, body).await,
    };
    if let Some(claimed) = claimed {
        response.extensions_mut().insert(claimed);
    }
    response
}

async fn answer(desk: Desk, uri: Uri, body: Bytes) -> Response {
    let Desk { office, working, .. } = desk;
    let path = uri.path().to_owned();
    // A task of its own: a caller that hangs up drops this future, and what was begun is better
    // finished than rolled back, since it will be asked for again. Whoever stops the server waits
    // for it.
    let work = tokio::spawn(async move {
        let _working = working;
        office.answer(&path, &body).await
    });
    match work.await {
        Ok(Ok(answer)) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Ok(Err(OfficeError::Wire(error))) => problem::MESSAGE.because(&error.to_string()),
        Ok(Err(error)) => {
            tracing::error!(code = error.code(), %error, path = uri.path(), "request failed");
            problem::FAILED.answer()
        }
        Err(error) => {
            tracing::error!(%error, path = uri.path(), "a request crashed");
            problem::CRASHED.answer()
        }
    }
}

//! What whoever was turned away is told: a stable code, a sentence, and what to do about it, as
//! RFC 9457 has it. A refusal of a handheld is none of these: it is a signed answer.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// Media type of a problem.
pub const TYPE: &str = "application/problem+json";

/// One reason to turn somebody away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Stable.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What it is.
    title: &'static str,
    /// What to do.
    todo: &'static str,
}

macro_rules! problems {
    ($($name:ident = $status:literal $code:literal $title:literal $todo:literal;)+) => {
        $(pub(super) const $name: Problem =
            Problem { code: $code, status: $status, title: $title, todo: $todo };)+
        /// Every problem there is.
        pub const ALL: &[Problem] = &[$($name),+];
    };
}

problems! {
    MESSAGE = 400 "message" "The body is no message of this version."
        "Send what docs/sync.md describes; an older or newer program may be the cause.";
    BODY = 400 "body" "The body ended early or was not framed as its head says."
        "Send it again whole.";
    NO_OPERATION = 404 "no-operation" "There is no such operation here."
        "Look it up in the OpenAPI document.";
    METHOD = 405 "method" "The operation has another method."
        "Use the method named in Allow.";
    SLOW = 408 "slow" "The request took too long."
        "Send it again over a better line; smaller packs are allowed.";
    TOO_LONG = 413 "too-long" "The body is longer than any message."
        "Send smaller packs.";
    MEDIA_TYPE = 415 "media-type" "The body is not what this operation takes."
        "Send application/cbor without any content encoding.";
    TOO_OFTEN = 429 "too-often" "This address or handheld asks too often."
        "Come back after the seconds in Retry-After.";
    HEAD = 431 "head" "The request has too many header fields."
        "Send fewer than 33; the handheld sends six.";
    CRASHED = 500 "crashed" "A fault in the office's program."
        "Send it again; tell the office the time and x-request-id.";
    BUSY = 503 "busy" "The office works on as much as it can."
        "Come back after the seconds in Retry-After.";
    FAILED = 503 "failed" "The office cannot reach its database, or its keys were changed."
        "Nothing was taken in. Come back later; the office's log says what is wrong.";
    NOT_READY = 503 "not-ready" "The office cannot do its work now."
        "Send it no handhelds; the office's log says what is wrong.";
}

/// The code of a problem, beside its answer: for the log and the counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub &'static str);

impl Problem {
    /// The answer.
    pub(super) fn answer(&self) -> Response {
        self.with(None)
    }

    /// The answer that names a cause. It must not hold a secret.
    pub(super) fn because(&self, cause: &str) -> Response {
        self.with(Some(cause))
    }

    /// The answer that says when to come back.
    pub(super) fn after(&self, wait: Duration) -> Response {
        let mut response = self.answer();
        let seconds = wait.as_secs().saturating_add(1);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }

    fn with(&self, cause: Option<&str>) -> Response {
        let Self { code, status, title, todo } = self;
        let mut body = json!({ "code": code, "status": status, "title": title, "detail": todo });
        if let Some(cause) = cause {
            body["cause"] = json!(cause);
        }
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, TYPE)];
        let mut response = (status, kind, format!("{body}\n")).into_response();
        response.extensions_mut().insert(Code(code));
        response
    }
}

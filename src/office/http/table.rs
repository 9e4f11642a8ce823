//! The one table of what is served. The router is built from it and from nothing else, and
//! `docs/openapi.json` must say the same (`tests/it/office/api`).

use super::{Desk, handle, problem};
use crate::sync::wire::{MAX_BODY, path};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};

/// Who is served where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Handhelds, and whoever looks whether the server is up.
    Handhelds,
    /// Who watches the office: on this machine only.
    Watch,
}

/// What is done for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Ask,
    Health,
    Ready,
    Document,
    Metrics,
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path; nothing in it varies.
    pub path: &'static str,
    /// Where.
    pub door: Door,
    work: Work,
}

impl Operation {
    const fn post(path: &'static str) -> Self {
        Self { method: "POST", path, door: Door::Handhelds, work: Work::Ask }
    }

    const fn get(door: Door, path: &'static str, work: Work) -> Self {
        Self { method: "GET", path, door, work }
    }

    /// Whether it takes a body.
    pub fn takes_body(&self) -> bool {
        self.work == Work::Ask
    }

    fn served(&self) -> MethodRouter<Desk> {
        match self.work {
            Work::Ask => post(handle::ask),
            Work::Health => get(handle::health),
            Work::Ready => get(handle::ready),
            Work::Document => get(handle::document),
            Work::Metrics => get(handle::metrics),
        }
    }
}

/// Everything there is.
pub const OPERATIONS: &[Operation] = &[
    Operation::post(path::ENROL),
    Operation::post(path::KEYS),
    Operation::post(path::HELLO),
    Operation::post(path::PACK),
    Operation::post(path::PULL),
    Operation::post(path::BYE),
    Operation::get(Door::Handhelds, path::HEALTH, Work::Health),
    Operation::get(Door::Handhelds, "/v1/openapi.json", Work::Document),
    Operation::get(Door::Watch, "/health", Work::Health),
    Operation::get(Door::Watch, "/ready", Work::Ready),
    Operation::get(Door::Watch, "/metrics", Work::Metrics),
];

/// The operation at a path behind a door.
pub(super) fn find(door: Door, path: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.door == door && operation.path == path)
}

/// The router of a door, without its guard.
pub(super) fn router(door: Door) -> Router<Desk> {
    let operations = OPERATIONS.iter().filter(|operation| operation.door == door);
    let router = operations
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.served()));
    router
        .fallback(async || problem::NO_OPERATION.answer())
        .method_not_allowed_fallback(async || problem::METHOD.answer())
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

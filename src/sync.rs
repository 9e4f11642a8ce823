//! Exchange with the office: signed tokens down, signed journal packs up, signed receipts back.
//!
//! `HELLO -> NEED -> PACK* -> RECEIPT -> PULL -> BYE`, resumable at any point and idempotent: every
//! step can be repeated or left out without changing the result (`docs/sync.md`).
//!
//! | module | what |
//! |---|---|
//! | [`wire`] | the messages, versioned; the only part the office shares |
//! | [`plan`] | which entries to send in which packs; pure |
//! | [`client`] | the handheld's side of one exchange |
//! | [`checkpoint`] | the shift checkpoint |
//! | [`media`] | the same over a USB stick or a shared folder |
//! | [`rounds`] | what a round of the office must be to be taken in, and to be begun |
//! | [`post`] | one request and its answer over HTTP, or in process |
//! | [`mod@enrol`] | how a new handheld becomes known to its office |
//! | [`error`] | why an exchange ended early |
//!
//! Nothing unsigned is believed. Whatever an office or somebody in its place answers, the journal
//! keeps what it has, and nothing is deleted.

pub mod checkpoint;
pub mod client;
pub mod enrol;
pub mod error;
pub mod media;
pub mod plan;
pub mod post;
pub mod rounds;
pub mod wire;

pub use client::{Progress, Session, SyncReport, authority, sync_now};
pub use enrol::{Enrolling, enrol, enrol_over, make_way};
pub use error::{Lie, SyncError, Untrusted};
pub use media::{Carried, carry};
pub use post::{Http, Post, Timeouts, Trust};

//! Wired M-Bus (EN 13757-2 and -3): heat and water meters of Europe. Read only.
//!
//! `frame` builds and finds frames, `telegram` reads what a meter sends (records are taken apart by
//! the crate `m-bus-parser`), `ask` holds questions and the reading of one meter, `explain` frames
//! in words. An M-Bus is no RS-485: it needs a level converter. See `docs/protocols/mbus.md`.

pub mod ask;
pub mod explain;
mod fixed;
pub mod frame;
mod measure;
pub mod telegram;

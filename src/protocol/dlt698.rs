//! DL/T 698.45: State Grid's object-oriented meters and terminals. Read only.
//!
//! `frame` builds and finds frames, `data` the values of its A-XDR, `apdu` what travels in a frame,
//! `ask` the questions, `explain` frames in words. There is no way to build a write here: nearly
//! all of them need the meter's security module. Sources and limits: `docs/protocols/dlt698.md`.

pub mod apdu;
pub mod ask;
pub mod data;
pub mod explain;
pub mod frame;
mod reader;

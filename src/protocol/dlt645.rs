//! DL/T 645-2007, and of DL/T 645-1997 what `decode` needs.
//!
//! `frame` finds frames in a stream of bytes and builds them; `items` and `words` are the tables of
//! the standard and of the firmware it was checked against; `dialogue` holds conversations;
//! `curve` knows load records and freezes;
//! `explain` puts frames into words. Sources and traps: `docs/protocols/dlt645.md`.

pub mod curve;
pub mod dialogue;
pub mod explain;
pub mod frame;
pub mod items;
pub mod words;

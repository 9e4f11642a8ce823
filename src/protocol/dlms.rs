//! DLMS/COSEM over HDLC, plain text, logical names; directly or after an optical head's sign-on.
//!
//! `frame` and `address` are the HDLC of IEC 62056-46 (frame type 3), `data`, `apdu` and `acse`
//! what travels in it, `link` keeps the sequence numbers, `session` is a whole conversation, `ask`
//! single questions for a survey, `explain` frames in words. Sources, traps and limits:
//! `docs/protocols/dlms.md`.

mod acse;
mod address;
mod apdu;
pub mod ask;
mod data;
mod entry;
pub mod explain;
pub mod frame;
mod link;
mod measure;
mod names;
mod object;
mod read;
mod reader;
mod requests;
pub mod session;
mod turn;
mod wording;

pub use acse::{Association, Auth};
pub use address::{Address, AddressError, Server};
pub use apdu::Got;
pub use data::Data;
pub use entry::ModeE;
pub use link::LinkTrouble;
pub use measure::{Measure, ScalerUnit};
pub use object::{Attribute, Obis, ObisError};
pub use read::{Reading, read, readings};
pub use session::{Answer, Ended, Entry, Failure, Request, Session};

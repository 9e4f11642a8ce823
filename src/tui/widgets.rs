//! The few building blocks of every screen: rows of meaningful text, a paged list, fields to type
//! into, seen and unseen.
//!
//! They know nothing of meters. Everything is measured in cells.

mod facts;
mod field;
mod form;
mod moves;
mod pager;
pub mod phasor;
mod row;
mod secret;

pub use facts::{NAME_CELLS, fact, long_fact, mark, say};
pub use field::Field;
pub use form::{Form, Input, next_letter};
pub use moves::{moved, picked};
pub use pager::{PAGE, Pager, Turn};
pub use row::{Row, wrapped};
pub use secret::SecretField;

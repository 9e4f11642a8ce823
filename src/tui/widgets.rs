//! The few building blocks of every screen: rows of meaningful text, a paged list, fields to type
//! into, seen and unseen.
//!
//! They know nothing of meters. Everything is measured in cells.

mod field;
mod form;
mod pager;
pub mod phasor;
mod row;
mod secret;

pub use field::Field;
pub use form::{Form, Input, next_letter};
pub use pager::{PAGE, Pager, Turn};
pub use row::{Row, wrapped};
pub use secret::SecretField;

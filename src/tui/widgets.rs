//! The few building blocks of every screen: rows of meaningful text, a paged list, a typing field.
//!
//! They know nothing of meters. Everything is measured in cells.

mod field;
mod pager;
mod row;

pub use field::Field;
pub use pager::{PAGE, Pager, Turn};
pub use row::{Row, wrapped};

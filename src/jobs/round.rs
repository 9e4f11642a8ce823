//! Rounds (placeholder header).
pub mod list;
pub mod table;

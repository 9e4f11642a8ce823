//! Tables out of files that people bring, and into files for them: XLSX, and CSV as spreadsheet
//! programs write and read it, and what a list of meters to be read says. The handheld and the
//! office both do; no word in it is ours.

pub mod list;
pub mod read;
pub mod write;

use crate::report::Code;

/// Why a table could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TableError {
    /// The stable code: [`Code::File`], or [`Code::Internal`] for what no sheet can hold.
    pub code: Code,
    /// What it concerns.
    pub detail: String,
}

fn fail(code: Code, detail: impl Into<String>) -> TableError {
    TableError { code, detail: detail.into() }
}

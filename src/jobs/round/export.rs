//! The table of a round, written by itself whenever the round comes to a stop: what `round export`
//! writes when it is asked to.
//!
//! The words in it are the caller's (`Tables`), as is the moment: behind the round's own work, from
//! the journal alone. So a table that could not be written is written by carrying the round on.

use std::path::Path;

use crate::jobs::errand::{self, Errand, Row, Sheet, Sign, Values};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{Stamp, Store};
use crate::table::write::{self as book, Page};
use crate::units::{ErrandKind, StepState, WorkId};

/// The field with the file, and the step that says what became of it.
pub const EXPORT: &str = "round-export";

/// Makes the tables of a round in somebody's language: all of them for a workbook (`true`), only
/// what goes under one head for CSV.
pub type Tables<'a> = &'a dyn Fn(&Store, WorkId, bool) -> Result<Vec<Page>, Failure>;

/// Whether a file is a workbook, by its ending.
pub fn is_book(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx"))
}

/// The file as it is found again from any folder.
///
/// # Errors
/// [`Code::File`]: this folder is no more.
pub fn place(file: &str) -> Result<String, Failure> {
    let whole = std::path::absolute(file);
    let whole = whole.map_err(|error| fail(Code::File, format!("{file}: {error}")))?;
    Ok(whole.display().to_string())
}

/// Writes the table of a round that wants one, and puts what became of it into its sheet. Sheets of
/// other errands, and rounds that want no table, stay as they are.
///
/// # Errors
/// Store failures. A file that cannot be written is in the sheet and its exit status.
pub fn write(
    store: &Store,
    stamp: &Stamp,
    sheet: Sheet,
    tables: Tables<'_>,
) -> Result<Sheet, Failure> {
    let Some(work) = sheet.work.filter(|_| sheet.kind == ErrandKind::Round) else {
        return Ok(sheet);
    };
    let values = errand::wanted(store, work, ErrandKind::Round)?;
    let Some(file) = values.get(EXPORT).map(Path::new) else { return Ok(sheet) };
    if !is_written(store, work) {
        let made = tables(store, work, is_book(file)).and_then(|pages| {
            book::save(file, &pages, values.switch("round-bom"))?;
            Ok(pages.iter().map(|page| page.rows.len()).sum::<usize>())
        });
        let (state, notes) = match made {
            Ok(rows) => (StepState::Done, vec![("rows".to_owned(), rows.to_string())]),
            Err(failure) => (StepState::Failed, super::report::failure_notes(&failure, None)),
        };
        let id = (work, ErrandKind::Round);
        errand::step(store, stamp, id, None, (EXPORT, state), notes)?;
    }
    let now = super::Round.sheet(store, work)?;
    let failed = now.rows.iter().find(|row| row.name == EXPORT).and_then(|row| row.failure.clone());
    let exit = failed.map(|failure| failure.code).or(sheet.exit);
    Ok(Sheet { rows: now.rows, exit, ..sheet })
}

/// Whether the table was written after the round's last word.
fn is_written(store: &Store, work: WorkId) -> bool {
    let end = store.errand(work).filter(|row| row.step.state != StepState::Begun);
    let table = store.step(work, None, EXPORT);
    let table = table.filter(|row| row.step.state == StepState::Done);
    matches!((end, table), (Some(end), Some(table)) if table.seq > end.seq)
}

/// How the table stands.
pub(super) fn row(store: &Store, work: WorkId, values: &Values) -> Option<Row> {
    let file = values.get(EXPORT)?;
    let step = store.step(work, None, EXPORT);
    let sign = step.as_ref().map_or(Sign::Todo, |row| Sign::of(row.step.state));
    let row = Row::new(sign, EXPORT, file);
    let failure = step.and_then(|step| super::report::failure_in(&step.step.notes));
    Some(match failure {
        Some(failure) => row.because(failure),
        None => row,
    })
}

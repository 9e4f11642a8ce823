//! Sheets to files: XLSX for people, CSV for everything else. The words are the caller's.

use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::jobs::failure::fail;
use crate::jobs::views::{Book, Failure, Sheet, SheetCell};
use crate::report::Code;

/// Narrowest and widest column, characters.
const WIDTH: (usize, usize) = (8, 60);

/// The bytes of a workbook.
///
/// # Errors
/// [`Code::Internal`] for sheets a workbook cannot hold (names too long or alike).
pub fn xlsx(book: &Book) -> Result<Vec<u8>, Failure> {
    write(book).map_err(|error| fail(Code::Internal, error.to_string()))
}

fn write(book: &Book) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    for sheet in &book.sheets {
        let page = workbook.add_worksheet();
        page.set_name(&sheet.name)?;
        for (column, head) in (0_u16..).zip(&sheet.head) {
            page.write_string_with_format(0, column, head, &bold)?;
            page.set_column_width(column, width(sheet, usize::from(column)))?;
        }
        for (row, cells) in (1_u32..).zip(&sheet.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                match cell {
                    SheetCell::Text(text) => page.write_string(row, column, text)?,
                    SheetCell::Number(number) => page.write_number(row, column, *number)?,
                    SheetCell::Empty => continue,
                };
            }
        }
        page.set_freeze_panes(1, 0)?;
    }
    workbook.save_to_buffer()
}

/// A width that shows most cells; a Chinese character takes two.
fn width(sheet: &Sheet, column: usize) -> f64 {
    let cells = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let head = sheet.head.get(column).map_or(0, |head| cells(head));
    let rows = sheet.rows.iter().filter_map(|row| match row.get(column)? {
        SheetCell::Text(text) => Some(cells(text)),
        _ => None,
    });
    let widest = rows.max().unwrap_or(0).max(head) + 2;
    u32::try_from(widest.clamp(WIDTH.0, WIDTH.1)).map_or(8.0, f64::from)
}

/// One sheet as CSV (RFC 4180), with the byte order mark that makes spreadsheets read Chinese.
pub fn csv(sheet: &Sheet) -> String {
    let mut text = String::from("\u{FEFF}");
    let head: Vec<SheetCell> = sheet.head.iter().cloned().map(SheetCell::Text).collect();
    for row in std::iter::once(&head).chain(&sheet.rows) {
        let cells: Vec<String> = row.iter().map(field).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn field(cell: &SheetCell) -> String {
    match cell {
        SheetCell::Text(text) if text.contains(['"', ',', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        SheetCell::Text(text) => text.clone(),
        SheetCell::Number(number) => number.to_string(),
        SheetCell::Empty => String::new(),
    }
}

/// Writes a workbook as `FOLDER/NAME.xlsx`, under a name nobody has yet.
///
/// # Errors
/// [`Code::File`].
pub fn save(folder: &Path, book: &Book) -> Result<PathBuf, Failure> {
    let unwritten = |path: &Path, error: std::io::Error| {
        fail(Code::File, format!("{}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, error))?;
    let names = std::iter::once(format!("{}.xlsx", book.name))
        .chain((2..1000).map(|n| format!("{}-{n}.xlsx", book.name)));
    for name in names {
        let path = folder.join(name);
        if !path.exists() {
            put(&path, book)?;
            return Ok(path);
        }
    }
    Err(fail(Code::File, folder.display().to_string()))
}

/// Writes a workbook to this file.
///
/// # Errors
/// [`Code::File`].
pub fn put(path: &Path, book: &Book) -> Result<(), Failure> {
    let bytes = xlsx(book)?;
    std::fs::write(path, bytes)
        .map_err(|error| fail(Code::File, format!("{}: {error}", path.display())))
}

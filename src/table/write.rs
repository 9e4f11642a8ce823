//! Tables with figures to files: XLSX with number formats and a frozen header, CSV with a guard
//! against formulas. The words are the caller's.

use std::path::Path;

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{TableError, fail};
use crate::report::Code;

/// Narrowest and widest column, characters.
const WIDTH: (usize, usize) = (8, 50);
/// Longest name of a sheet, characters.
const NAME_MAX: usize = 31;
/// Figures with more digits than a spreadsheet keeps are written as text.
const EXACT: i64 = 999_999_999_999_999;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, from wherever: a meter, a list, a person.
    Text(String),
    /// A figure in its last decimal, and how many decimals it has.
    Figure(i64, u8),
    /// Nothing.
    Empty,
}

impl Cell {
    /// A figure that may be missing.
    pub fn figure(value: Option<i64>, decimals: u8) -> Self {
        value.map_or(Self::Empty, |value| Self::Figure(value, decimals))
    }
}

/// A sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name.
    pub name: String,
    /// Column names.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A figure as decimal text.
fn decimal(value: i64, decimals: u8) -> String {
    let places = usize::from(decimals);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// The bytes of a workbook.
///
/// # Errors
/// [`Code::Internal`] for more rows or columns than a sheet can hold.
pub fn xlsx(pages: &[Page]) -> Result<Vec<u8>, TableError> {
    write(pages).map_err(|error| fail(Code::Internal, error.to_string()))
}

fn write(pages: &[Page]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    let mut names: Vec<String> = Vec::new();
    for page in pages {
        let name = sheet_name(&page.name, &names);
        let sheet = book.add_worksheet();
        sheet.set_name(&name)?;
        names.push(name.to_lowercase());
        for (column, head) in (0_u16..).zip(&page.head) {
            sheet.write_string_with_format(0, column, head, &bold)?;
            sheet.set_column_width(column, width(page, usize::from(column)))?;
        }
        for (row, cells) in (1_u32..).zip(&page.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                put(sheet, row, column, cell)?;
            }
        }
        sheet.set_freeze_panes(1, 0)?;
        let last = u16::try_from(page.head.len()).unwrap_or(1).saturating_sub(1);
        let rows = u32::try_from(page.rows.len()).unwrap_or(0);
        sheet.autofilter(0, 0, rows, last)?;
    }
    book.save_to_buffer()
}

/// A string cell is never a formula, whatever it begins with.
fn put(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string(row, column, text).map(drop),
        Cell::Figure(value, decimals) if value.abs() <= EXACT => {
            let places = "0".repeat(usize::from(*decimals));
            let form = if places.is_empty() { "0".to_owned() } else { format!("0.{places}") };
            // Exact: at most fifteen digits.
            let number = decimal(*value, *decimals).parse::<f64>().unwrap_or_default();
            let form = Format::new().set_num_format(form);
            sheet.write_number_with_format(row, column, number, &form).map(drop)
        }
        Cell::Figure(value, decimals) => {
            sheet.write_string(row, column, decimal(*value, *decimals)).map(drop)
        }
        Cell::Empty => Ok(()),
    }
}

/// A name a sheet can have that no other one has: ports are paths and addresses.
fn sheet_name(name: &str, taken: &[String]) -> String {
    let odd = ['[', ']', ':', '*', '?', '/', '\\', '\''];
    let plain: String = name.chars().map(|c| if odd.contains(&c) { '_' } else { c }).collect();
    let plain = if plain.trim().is_empty() { "-".to_owned() } else { plain };
    let cut = |room: usize| plain.chars().take(room).collect::<String>();
    let free = |name: &String| !taken.contains(&name.to_lowercase());
    let names = std::iter::once(cut(NAME_MAX))
        .chain((2..).map(|nth| format!("{}~{nth}", cut(NAME_MAX - 5))));
    names.into_iter().find(free).unwrap_or_default()
}

/// A width that shows most cells; a Chinese character takes two.
fn width(page: &Page, column: usize) -> f64 {
    let cells = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let head = page.head.get(column).map_or(0, |head| cells(head));
    let rows = page.rows.iter().filter_map(|row| match row.get(column)? {
        Cell::Text(text) => Some(cells(text)),
        Cell::Figure(value, decimals) => Some(decimal(*value, *decimals).len()),
        Cell::Empty => None,
    });
    let widest = rows.max().unwrap_or(0).max(head) + 2;
    u32::try_from(widest.clamp(WIDTH.0, WIDTH.1)).map_or(8.0, f64::from)
}

/// Sheets as one CSV text (RFC 4180): the column names once, then the rows of all sheets, which
/// must have the same columns. `mark`: with the byte order mark by which Chinese Excel knows UTF-8.
pub fn csv(pages: &[Page], mark: bool) -> String {
    let mut text = String::from(if mark { "\u{FEFF}" } else { "" });
    let head = pages.first().map(|page| page.head.as_slice()).unwrap_or_default();
    let head: Vec<Cell> = head.iter().cloned().map(Cell::Text).collect();
    let rows = pages.iter().flat_map(|page| &page.rows);
    for row in std::iter::once(&head).chain(rows) {
        let fields: Vec<String> = row.iter().map(field).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => {
            let begins = text.trim_start_matches([' ', '\u{a0}', '\u{3000}', '"']);
            let wide = ['\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
            let formula = begins.starts_with(['=', '+', '-', '@', '|', '%', '\t', '\r', '\n'])
                || begins.starts_with(wide);
            let dash = text == "-";
            let guarded = if formula && !dash { format!("'{text}") } else { text.clone() };
            if guarded.contains(['"', ',', '\r', '\n', '\t', ';']) {
                format!("\"{}\"", guarded.replace('"', "\"\""))
            } else {
                guarded
            }
        }
        Cell::Figure(value, decimals) => decimal(*value, *decimals),
        Cell::Empty => String::new(),
    }
}

/// Writes pages to a file: a workbook by its ending `.xlsx`, else CSV. Written beside it first, so
/// that an old file is whole until the new one is.
///
/// # Errors
/// [`Code::File`]; those of [`xlsx`].
pub fn save(path: &Path, pages: &[Page], mark: bool) -> Result<(), TableError> {
    let is_book = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx"));
    let bytes = if is_book { xlsx(pages)? } else { csv(pages, mark).into_bytes() };
    let unwritten =
        |error: std::io::Error| fail(Code::File, format!("{}: {error}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes).map_err(unwritten)?;
    std::fs::rename(&part, path).map_err(unwritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: Vec<Vec<Cell>>) -> Page {
        Page { name: "one".into(), head: vec!["a".into(), "b".into()], rows }
    }

    #[test]
    fn no_text_becomes_a_formula() {
        let guarded = |text: &str| field(&Cell::Text(text.into()));
        for text in ["=1+1", "+1", "-1+1", "@SUM(A1)", " =1", "\u{ff1d}1", "|x", "%0"] {
            assert!(guarded(text).starts_with('\''), "{text}");
        }
        assert_eq!(guarded("\t=1"), "\"'\t=1\"");
        assert_eq!(guarded("=A1,\"x\""), "\"'=A1,\"\"x\"\"\"");
        assert_eq!(guarded("A-1"), "A-1");
        assert_eq!(guarded("-"), "-");
        assert_eq!(field(&Cell::Figure(-1_234, 2)), "-12.34", "a figure is a figure");
    }

    #[test]
    fn the_mark_is_there_when_it_is_wanted() {
        let pages = [page(vec![vec![Cell::Text("x".into()), Cell::Figure(5, 2)]])];
        assert_eq!(csv(&pages, false), "a,b\r\nx,0.05\r\n");
        assert_eq!(csv(&pages, true), "\u{FEFF}a,b\r\nx,0.05\r\n");
        assert_eq!(csv(&[], false), "\r\n");
    }

    #[test]
    fn sheets_have_names_they_can_have() {
        let long = "tcp://192.168.100.200:4001/and/more";
        let first = sheet_name(long, &[]);
        assert_eq!(first, "tcp___192.168.100.200_4001_and_");
        let second = sheet_name(long, &[first.to_lowercase()]);
        assert_eq!(second, "tcp___192.168.100.200_4001~2");
        assert_eq!(sheet_name("", &[]), "-");
    }

    #[test]
    fn a_workbook_keeps_figures_and_texts_apart() {
        use calamine::{Data, Reader, Xlsx};
        let rows = vec![vec![Cell::Text("=1+1".into()), Cell::Figure(123_456, 2)]];
        let bytes = xlsx(&[page(rows), page(Vec::new())]).unwrap();
        let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
        assert_eq!(book.sheet_names(), ["one", "one~2"]);
        let range = book.worksheet_range("one").unwrap();
        assert_eq!(range.get_value((1, 0)), Some(&Data::String("=1+1".into())));
        assert_eq!(range.get_value((1, 1)), Some(&Data::Float(1234.56)));
    }
}

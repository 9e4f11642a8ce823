//! A table out of a file that a spreadsheet program made: XLSX, or CSV in whatever encoding and
//! with whatever separator it was saved.

use std::io::Cursor;

use calamine::{DataRef, Reader, Xlsx};

use super::{TableError, fail};
use crate::report::Code;

/// Largest file that is read, bytes.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// Most rows and columns looked at.
pub const MAX_ROWS: usize = 20_000;
const MAX_COLUMNS: usize = 64;
/// Longest cell, characters; what is longer is cut, and then no valid value.
const MAX_CELL: usize = 512;
/// A ZIP archive, which an XLSX file is.
const ZIP: &[u8] = b"PK\x03\x04";

/// A row with its number in the file, from 1, and its cells without outer blanks.
pub type TableRow = (usize, Vec<String>);

/// The rows of a file that are not empty.
///
/// # Errors
/// [`Code::File`]: it is too large, no text in an encoding that is known, or a broken workbook.
pub fn rows(bytes: &[u8]) -> Result<Vec<TableRow>, TableError> {
    if bytes.len() > MAX_FILE {
        return Err(fail(Code::File, format!("{} > {MAX_FILE} bytes", bytes.len())));
    }
    let mut rows = match bytes.starts_with(ZIP) {
        true => sheet(bytes)?,
        false => csv(&text(bytes)?),
    };
    for (_, cells) in &mut rows {
        cells.iter_mut().for_each(|cell| *cell = cell.trim().chars().take(MAX_CELL).collect());
    }
    rows.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    if rows.len() > MAX_ROWS {
        return Err(fail(Code::File, format!("{} > {MAX_ROWS} rows", rows.len())));
    }
    Ok(rows)
}

/// The first sheet of a workbook that has a row. Cells are taken one by one: a sheet that says it
/// is larger than it is costs nothing.
fn sheet(bytes: &[u8]) -> Result<Vec<TableRow>, TableError> {
    let broken = |error: calamine::XlsxError| fail(Code::File, error.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    for name in book.sheet_names() {
        let mut rows: Vec<TableRow> = Vec::new();
        let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            let (number, column) = (row as usize + 1, column as usize);
            let value = shown(cell.get_value());
            if value.trim().is_empty() || column >= MAX_COLUMNS {
                continue;
            }
            if rows.last().is_none_or(|(last, _)| *last != number) {
                rows.push((number, Vec::new()));
            }
            if let Some((_, cells)) = rows.last_mut() {
                cells.resize(cells.len().max(column + 1), String::new());
                if let Some(place) = cells.get_mut(column) {
                    *place = value;
                }
            }
            if rows.len() > MAX_ROWS {
                return Err(fail(Code::File, format!("> {MAX_ROWS} rows")));
            }
        }
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

/// A cell as text. A number keeps its digits as long as a spreadsheet keeps them (15 of them).
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.replace('T', " "),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// The text of a file: by its byte order mark, else UTF-8, else GB18030, in which spreadsheets save
/// CSV on Chinese Windows.
fn text(bytes: &[u8]) -> Result<String, TableError> {
    let unread = |name: &str| fail(Code::File, name.to_owned());
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        let text = encoding.decode_without_bom_handling_and_without_replacement(rest);
        return text.map(|text| text.into_owned()).ok_or_else(|| unread(encoding.name()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let text = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(|text| text.into_owned()).ok_or_else(|| unread("UTF-8, GB18030"))
}

/// A cell that is being read. Whether it is blank so far is remembered and not looked for: a quote
/// asks for it, and a file may be nothing but quotes behind blanks.
#[derive(Default)]
struct Open {
    text: String,
    written: bool,
}

impl Open {
    fn push(&mut self, c: char) {
        self.written = self.written || !blank(c);
        self.text.push(c);
    }

    fn clear(&mut self) {
        self.text.clear();
        self.written = false;
    }

    /// What was read; empty again afterwards.
    fn close(&mut self) -> String {
        self.written = false;
        std::mem::take(&mut self.text)
    }
}

fn blank(c: char) -> bool {
    #[cfg(test)]
    tests::LOOKS.with(|looks| looks.set(looks.get() + 1));
    c.is_whitespace()
}

/// The rows of a CSV text (RFC 4180), whose separator is the one of comma, semicolon and tab that
/// is most frequent outside quotes in its first lines.
fn csv(text: &str) -> Vec<TableRow> {
    let separator = separator(text);
    let mut rows: Vec<TableRow> = Vec::new();
    let (mut cells, mut cell, mut quoted) = (Vec::new(), Open::default(), false);
    let (mut line, mut begun) = (1, 1);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                cell.push('"');
                rest.next();
            }
            '"' if quoted => quoted = false,
            '"' if !cell.written => {
                cell.clear();
                quoted = true;
            }
            '\n' if !quoted => {
                cells.push(cell.close());
                rows.push((begun, std::mem::take(&mut cells)));
                line += 1;
                begun = line;
            }
            '\r' if !quoted => {}
            c if c == separator && !quoted && cells.len() < MAX_COLUMNS => {
                cells.push(cell.close());
            }
            c => {
                line += usize::from(c == '\n');
                cell.push(c);
            }
        }
    }
    cells.push(cell.text);
    rows.push((begun, cells));
    rows
}

fn separator(text: &str) -> char {
    let mut counts = [(',', 0), (';', 0), ('\t', 0)];
    let mut quoted = false;
    for c in text.chars().take(4_096) {
        quoted ^= c == '"';
        for (own, count) in &mut counts {
            *count += usize::from(c == *own && !quoted);
        }
    }
    let [mut best, rest @ ..] = counts;
    for other in rest {
        if other.1 > best.1 {
            best = other;
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Characters looked at to see whether they are blank.
        pub(super) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    fn cells(bytes: &[u8]) -> Vec<TableRow> {
        rows(bytes).unwrap()
    }

    fn row(number: usize, cells: &[&str]) -> TableRow {
        (number, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn quotes_separators_and_line_ends() {
        let comma = b"a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n3,4";
        assert_eq!(
            cells(comma),
            [row(1, &["a", "b"]), row(2, &["1", "x, \"y\"\nz"]), row(5, &["3", "4"])]
        );
        assert_eq!(cells(b"a;b\n1,5;2\n"), [row(1, &["a", "b"]), row(2, &["1,5", "2"])]);
        assert_eq!(cells(b"a\tb\n1\t2"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
        assert_eq!(cells(b""), []);
    }

    /// A quote behind blanks, behind text and behind blanks behind text; what is read is what was
    /// always read.
    #[test]
    fn each_character_is_looked_at_once_however_many_quotes_there_are() {
        for (begin, then, quote) in
            [(" ", "x", "\""), (" ", "", "\"\""), ("x", " ", "\""), ("", "", "\" \"")]
        {
            let text = [&begin.repeat(2_000), then, &quote.repeat(2_000)].concat();
            LOOKS.set(0);
            assert_eq!(csv(&text).len(), 1);
            let looks = LOOKS.get();
            assert!(looks <= text.chars().count(), "{begin:?} {then:?} {quote:?}: {looks} looks");
        }
        assert_eq!(cells(b"  \"a\" ,x\"y\" \""), [row(1, &["a", "x\"y\" \""])]);
    }

    #[test]
    fn encodings_of_spreadsheets() {
        let word = "\u{8868}\u{53f7}";
        let expected = [row(1, &[word]), row(2, &["47"])];
        let plain = format!("{word}\n47\n");
        assert_eq!(cells(plain.as_bytes()), expected);
        assert_eq!(cells(format!("\u{feff}{plain}").as_bytes()), expected);
        assert_eq!(cells(&encoding_rs::GB18030.encode(&plain).0), expected);
        let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(cells(&[&[0xFF, 0xFE][..], &wide].concat()), expected);
        assert_eq!(rows(&[0x80, 0xFF, 0xFF, 0x0A]).unwrap_err().code, Code::File);
    }

    #[test]
    fn a_broken_workbook_is_told() {
        assert_eq!(rows(b"PK\x03\x04 and nothing").unwrap_err().code, Code::File);
        assert_eq!(rows(&vec![b'1'; MAX_FILE + 1]).unwrap_err().code, Code::File);
        let many = "1\n".repeat(MAX_ROWS + 1);
        assert_eq!(rows(many.as_bytes()).unwrap_err().code, Code::File);
    }
}

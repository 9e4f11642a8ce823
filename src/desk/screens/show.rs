//! Pages in words: figures as text, parts as rows, failures with what to do next.

use crate::desk::page::{Cell, Column, Fact, Failure, Line, Page, Part, Table};
use crate::desk::shared::Shared;
use crate::text::conflict;
use crate::text::desk::{errors, words};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Row, long_fact, say, wrapped};
use crate::tui::{when, wrap};

/// A figure as text.
pub fn cell(shared: &Shared, cell: &Cell) -> String {
    let lang = shared.lang;
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Word(name) => words::or_name(lang, name).to_owned(),
        Cell::Credit(credit) => lang.credit(*credit),
        Cell::Number(number) => number.to_string(),
        Cell::At(at) => when::minute(&shared.zone, *at),
        Cell::Age(at) => shared.age(*at),
        Cell::Step(before) => lang.count_step(*before, before.saturating_add(1)),
        Cell::Class(code) => conflict::class(code).get(lang).to_owned(),
        Cell::Why(says) => match conflict::why(says) {
            Some(words) => words.get(lang).to_owned(),
            None => says.clone(),
        },
        Cell::Code(code) => errors::words(code).title.get(lang).to_owned(),
        Cell::Unknown => "-".to_owned(),
    }
}

/// A named figure, wrapped behind its name.
pub fn fact(shared: &Shared, fact: &Fact, width: usize) -> Vec<Row> {
    let name = words::or_name(shared.lang, fact.name);
    long_fact(name, fact.meaning, &cell(shared, &fact.cell), width)
}

/// The columns of a line in so many cells.
fn columns(shared: &Shared, row: Row, line: &Line, columns: &[Column], width: usize) -> Row {
    let fixed: usize = columns.iter().map(|column| column.cells).sum();
    let gaps = columns.len();
    let rest = width.saturating_sub(row.width() + fixed + gaps);
    let strong = |at| if at == 0 { Meaning::Strong } else { Meaning::Plain };
    let pairs = line.cells.iter().zip(columns).enumerate();
    pairs.fold(row, |row, (at, (one, column))| {
        let text = cell(shared, one);
        let cells = if column.cells == 0 { rest } else { column.cells };
        let row = row.and(Meaning::Plain, " ");
        match column.right {
            true => row.number(strong(at), &text, cells),
            false => row.column(strong(at), &text, cells),
        }
    })
}

/// A row of a list that can be selected: mark, digit, sign, columns.
pub fn line(shared: &Shared, table: &Table, at: usize, selected: bool, width: usize) -> Row {
    let Some(line) = table.lines.get(at) else { return Row::blank() };
    let digit = if at < 10 { ((at + 1) % 10).to_string() } else { " ".to_owned() };
    let head = Row::plain(if selected { ">" } else { " " })
        .and(Meaning::Faint, digit)
        .and(line.sign.1, line.sign.0.to_string());
    columns(shared, head, line, table.columns, width)
}

/// A table as a part of a text.
fn rows(shared: &Shared, table: &Table, width: usize) -> Vec<Row> {
    let heading = words::or_name(shared.lang, table.name);
    let mut rows = vec![Row::of(Meaning::Strong, heading)];
    if table.lines.is_empty() {
        rows.push(Row::of(Meaning::Faint, shared.lang.desk_none()).indented());
    }
    for one in &table.lines {
        let head = Row::of(one.sign.1, one.sign.0.to_string());
        rows.push(columns(shared, head, one, table.columns, width));
        // What stands in a column is not said again.
        for more in one.facts.iter().filter(|more| !one.cells.contains(&more.cell)) {
            let name = words::or_name(shared.lang, more.name);
            let text = format!("{name}: {}", cell(shared, &more.cell));
            rows.extend(wrapped(more.meaning, &text, width - 2).map(|row| row.indented()));
        }
    }
    rows
}

/// A part as rows.
pub fn part(shared: &Shared, part: &Part, width: usize) -> Vec<Row> {
    match part {
        Part::Facts(facts) => facts.iter().flat_map(|one| fact(shared, one, width)).collect(),
        Part::Head(name) => {
            vec![Row::blank(), Row::of(Meaning::Strong, words::or_name(shared.lang, name))]
        }
        Part::Say(meaning, name) => say(*meaning, words::or_name(shared.lang, name), width),
        Part::Tell(meaning, name, figure) => {
            let text = words::or_name(shared.lang, name).replace('%', &cell(shared, figure));
            say(*meaning, &text, width)
        }
        Part::Table(table) => {
            let mut all = vec![Row::blank()];
            all.extend(rows(shared, table, width));
            all
        }
    }
}

/// All parts of a page, as a text.
pub fn text(shared: &Shared, page: &Page, width: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = page.parts.iter().flat_map(|one| part(shared, one, width)).collect();
    if page.more {
        rows.push(Row::of(Meaning::Alarm, shared.lang.desk_more()));
    }
    rows
}

/// A failure: what happened, in the office's words, and what to do now.
pub fn failure(shared: &Shared, failure: &Failure, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let told = errors::words(failure.code);
    let mut rows = say(Meaning::Fault, &format!("X {}", told.title.get(lang)), width);
    if !failure.detail.is_empty() {
        rows.extend(say(Meaning::Faint, &failure.detail, width));
    }
    rows.push(Row::blank());
    rows.push(Row::of(Meaning::Strong, lang.sheet_next()));
    rows.extend(say(Meaning::Plain, told.next.get(lang), width));
    rows
}

/// The command line that does the same, under a rule of its own.
pub fn command(shared: &Shared, line: &str, width: usize) -> Vec<Row> {
    let mut rows = vec![Row::blank(), Row::of(Meaning::Faint, shared.lang.desk_command())];
    let text = shared.command(line);
    rows.extend(wrapped(Meaning::Faint, &text, width.saturating_sub(1)).map(Row::indented));
    rows
}

/// The command line in one row, for the head of a list.
pub fn short_command(shared: &Shared, line: &str, width: usize) -> Row {
    let text = format!("$ {}", shared.command(line));
    Row::of(Meaning::Faint, wrap::truncate(&text, width))
}

/// A page, a failure, or that nothing is known yet.
pub fn answer(shared: &Shared, answer: Option<&Result<Page, Failure>>, width: usize) -> Vec<Row> {
    match answer {
        None if shared.gone => say(Meaning::Fault, shared.lang.desk_worker_gone(), width),
        None => vec![Row::of(Meaning::Faint, shared.lang.waiting())],
        Some(Ok(page)) => text(shared, page, width),
        Some(Err(why)) => failure(shared, why, width),
    }
}

/// A text to be scrolled, under a title.
pub fn scrolled(title: String, list: Vec<Row>, top: usize) -> View {
    View { title, list, top, ..View::default() }
}

//! Explained frames of every other family as JSON and as a table.
//!
//! Text stays text: exact decimals never become JSON numbers.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use crate::protocol::explained::{Datum, Explained};

/// Columns of the table.
const WIDTH: usize = 80;
/// Columns before a field's value.
const INDENT: usize = 26;

/// As JSON: the fields, and `error` or not.
pub(super) fn json(explained: &Explained) -> Json {
    let mut object = Map::new();
    if let Some(fault) = explained.fault {
        object.insert("error".to_owned(), json!(fault));
    }
    for (name, datum) in &explained.fields {
        object.insert(name.clone(), value(datum));
    }
    if !object.contains_key("meaning") {
        object.insert("meaning".to_owned(), json!(explained.meaning));
    }
    Json::Object(object)
}

fn value(datum: &Datum) -> Json {
    match datum {
        Datum::Null => Json::Null,
        Datum::Bool(yes) => json!(yes),
        Datum::Int(number) => json!(number),
        Datum::Text(text) => json!(text),
        Datum::List(items) => items.iter().map(value).collect(),
        Datum::Map(fields) => {
            Json::Object(fields.iter().map(|(name, datum)| (name.clone(), value(datum))).collect())
        }
    }
}

/// As a table for people.
pub(super) fn table(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let mark = match explained.fault {
        Some(fault) => format!("bad    {fault}: "),
        None => String::new(),
    };
    for line in wrapped(&format!("{mark}{}", explained.meaning), WIDTH) {
        writeln!(out, "{line}")?;
    }
    for (name, datum) in &explained.fields {
        match datum {
            Datum::List(items) if items.iter().any(|item| matches!(item, Datum::Map(_))) => {
                for (number, item) in items.iter().enumerate() {
                    line(&format!("{name} {number}"), &said(item), out)?;
                }
            }
            _ => line(name, &said(datum), out)?,
        }
    }
    Ok(())
}

fn line(name: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut label = format!("       {name}");
    for piece in wrapped(text, WIDTH - INDENT) {
        writeln!(out, "{label:<25} {piece}")?;
        label.clear();
    }
    Ok(())
}

/// A value on one line.
fn said(datum: &Datum) -> String {
    match datum {
        Datum::Null => "--".to_owned(),
        Datum::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Datum::Int(number) => number.to_string(),
        Datum::Text(text) => text.clone(),
        Datum::List(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        Datum::Map(fields) => {
            let one = |(name, datum): &(String, Datum)| format!("{name} {}", said(datum));
            fields.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Lines of at most `width` characters; control characters of a recording are not let through to
/// the terminal.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let visible = |c: char| if c.is_control() { '.' } else { c };
    let letters: Vec<char> = text.chars().map(visible).collect();
    if letters.is_empty() {
        return vec![String::new()];
    }
    letters.chunks(width).map(|line| line.iter().collect()).collect()
}

//! What is allowed in a profile and still doubtful: names without words, two items at one place,
//! registers read twice, rows that are written without being sure.

use std::ops::Range;

use super::fault::What;
use super::raw::Notes;
use super::{Item, KNOWN_ITEMS, Place, Protocol};
use crate::protocol::dlt645::items;
use crate::protocol::form::Form;

/// An item with its place in the file.
#[derive(Debug)]
pub(super) struct Placed {
    pub at: usize,
    pub path: String,
    pub item: Item,
}

/// Looks at every item and at every two of them.
pub(super) fn items(notes: &mut Notes, protocol: Protocol, list: &[Placed]) {
    for (nth, Placed { at, path, item }) in list.iter().enumerate() {
        let name_key = format!("{path}.name");
        let place_key = format!("{path}.at");
        if let Some(first) = list[..nth].iter().find(|other| other.item.name == item.name) {
            let first = notes.line(first.at);
            notes.add(*at, &name_key, &item.name, What::Twice { first });
        }
        if !KNOWN_ITEMS.contains(&item.name.as_str()) {
            notes.add(*at, &name_key, &item.name, What::UnknownName);
        }
        let place = item.at.text(protocol);
        if !in_tables(protocol, item) {
            notes.add(*at, &place_key, &place, What::NotInTables);
        }
        for other in &list[..nth] {
            let with = other.item.name.clone();
            match clash(item, &other.item) {
                Clash::None => {}
                Clash::Same => notes.add(*at, &place_key, &place, What::SamePlace { with }),
                Clash::Overlap => notes.add(*at, &place_key, &place, What::Overlap { with }),
            }
        }
    }
}

/// Whether the protocol's tables can read the item, or the row says how.
fn in_tables(protocol: Protocol, item: &Item) -> bool {
    let known = match (protocol, &item.at) {
        (Protocol::Dlt645_2007, Place::Di(di)) => items::find(*di).is_some(),
        (Protocol::Dlt645_1997, Place::Di(di)) => {
            u16::try_from(*di).is_ok_and(|di| items::find_1997(di).is_some())
        }
        _ => true,
    };
    known || item.form.is_some()
}

enum Clash {
    None,
    Same,
    Overlap,
}

fn clash(one: &Item, other: &Item) -> Clash {
    let halves = |form: Option<Form>| matches!(form, Some(Form::High | Form::Low));
    match (registers(one), registers(other)) {
        (Some((function, own)), Some((their_function, theirs))) if function == their_function => {
            // The two halves of a word are two values.
            if own == theirs && halves(one.form) && halves(other.form) && one.form != other.form {
                Clash::None
            } else if own == theirs {
                Clash::Same
            } else if own.start < theirs.end && theirs.start < own.end {
                Clash::Overlap
            } else {
                Clash::None
            }
        }
        _ if one.at == other.at => Clash::Same,
        _ => Clash::None,
    }
}

/// Function and registers of a Modbus item.
fn registers(item: &Item) -> Option<(u8, Range<u32>)> {
    let Place::Register { function, address } = item.at else { return None };
    let words = item.form.and_then(Form::words).or(item.len.map(|len| len.div_ceil(2)));
    let start = u32::from(address);
    Some((function, start..start + u32::from(words.unwrap_or(1))))
}

/// What is written needs a maker's manual or two sources behind it.
pub(super) fn written(notes: &mut Notes, at: usize, path: &str, confidence: char) {
    if confidence > 'B' {
        notes.add(at, path, "", What::Unsure { confidence });
    }
}

/// A model that could have an account and says nothing about it.
pub(super) fn no_money(notes: &mut Notes, protocol: Option<Protocol>) {
    if protocol.is_some_and(|p| p == Protocol::Dlt645_2007 || p.is_modbus()) {
        notes.add_to_file("money", What::NoMoney);
    }
}

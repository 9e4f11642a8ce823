//! From the text of a profile to the profile, noting everything that is wrong on the way.

use std::time::Duration;

use toml::de::DeTable;

use super::fault::{ProfileFault, What};
use super::place;
use super::raw::{Need, Notes, Table};
use super::{
    Class, Item, Line, MAX_FILE, Patience, Place, Profile, Protocol, StatusBit, Terminal, lint,
    manners, money, relay,
};
use crate::protocol::Framing;
use crate::protocol::form::Form;

/// Longest identifier, bytes; also of items.
const NAME_MAX: usize = 32;
const NAME: &str = "1 to 32 of a-z, 0-9 and '-'";
const SURE: &str = "A, B, C or D";
/// Until the first byte of an answer to a recharge, where the file does not say, ms: security
/// modules take 2 to 6 s.
const MONEY_MS: u64 = 6000;
/// Longest time a file may name, ms.
const LONGEST_MS: i64 = 60_000;

/// Reads a profile and tells everything that is wrong or doubtful about it.
pub(super) fn read(text: &str) -> (Option<Profile>, Vec<ProfileFault>) {
    let mut notes = Notes::new(text);
    if text.len() > MAX_FILE {
        return (None, vec![ProfileFault::default()]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        notes.add(at, "", "", What::Syntax(error.message().to_owned()));
    }
    let profile = whole(&mut notes, Table::new("", 0, table.get_ref()));
    if !errors.is_empty() {
        // What is missing may only be hidden behind the mistake; what the parser made up in its
        // place stands nowhere, so at the very beginning, where no section is.
        notes.all.retain(|fault| match fault.what {
            What::Missing { .. } => false,
            What::Wrong { .. } => fault.line > 1 || !fault.key.contains('.'),
            _ => true,
        });
    }
    let profile = profile.filter(|_| !notes.faulty());
    notes.all.sort_by_key(|fault| fault.line);
    (profile, notes.all)
}

/// Whether a file says that it takes the place of the built-in profile of its id.
pub(super) fn says_replaces(text: &str) -> bool {
    let (table, _) = DeTable::parse_recoverable(text);
    table.get_ref().get("replaces").is_some_and(|value| value.get_ref().is_str())
}

/// What every row has if it does not say otherwise.
pub(super) struct Defaults {
    pub source: String,
    pub confidence: char,
}

/// What a table says of where it comes from and how sure it is; else what the file says.
pub(super) fn defaults(notes: &mut Notes, table: &mut Table<'_>, file: &Defaults) -> Defaults {
    let source = table.text(notes, "source", Need::May, "where the fact comes from", words);
    let confidence = table.text(notes, "confidence", Need::May, SURE, sure);
    Defaults {
        source: source.unwrap_or_else(|| file.source.clone()),
        confidence: confidence.unwrap_or(file.confidence),
    }
}

/// The keys above the first section.
struct Head {
    id: Option<String>,
    name: Option<String>,
    protocol: Option<Protocol>,
    class: Option<Class>,
    source: Option<String>,
    confidence: Option<char>,
}

fn head(notes: &mut Notes, top: &mut Table<'_>) -> Head {
    let id = top.text(notes, "id", Need::Must, NAME, name);
    let person = top.text(notes, "name", Need::Must, "a name", words);
    let protocol = top.word(notes, "protocol", Need::Must);
    let given = top.word(notes, "class", Need::May);
    let class = if top.has("class") { given } else { Some(Class::C) };
    let source = top.text(notes, "source", Need::Must, "where the facts come from", words);
    let confidence = top.text(notes, "confidence", Need::Must, SURE, sure);
    let replaces = top.text(notes, "replaces", Need::May, "the id of this profile", name);
    if replaces.is_some() && replaces != id {
        top.wrong(notes, "replaces", "the id of this profile");
    }
    Head { id, name: person, protocol, class, source, confidence }
}

fn whole(notes: &mut Notes, mut top: Table<'_>) -> Option<Profile> {
    let head = head(notes, &mut top);
    let protocol = head.protocol;
    let line = top.table(notes, "line", Need::Must).and_then(|table| line(notes, table));
    let timing = top.table(notes, "timing", Need::Must).and_then(|table| timing(notes, table));
    let level = match top.table(notes, "password", Need::May) {
        Some(table) => password(notes, table),
        None => Some(0),
    };
    let defaults = Defaults {
        source: head.source.clone().unwrap_or_default(),
        confidence: head.confidence.unwrap_or('D'),
    };
    let items = items(notes, &mut top, protocol, &defaults);
    let status = statuses(notes, &mut top, &items);
    let manners = manners::read(notes, &mut top, protocol);
    let relay = relay::read(notes, &mut top, protocol);
    let unwritable = relay::parameters(notes, &mut top, protocol);
    let terminal = top.table(notes, "terminal", Need::May);
    let terminal = terminal.and_then(|table| terminal_of(notes, table, protocol));
    let money = match top.table(notes, "money", Need::May) {
        Some(table) => money::read(notes, table, protocol, &defaults),
        None => {
            lint::no_money(notes, protocol);
            money::Read::default()
        }
    };
    top.finish(notes);
    Some(Profile {
        id: head.id?,
        name: head.name?,
        protocol: protocol?,
        class: head.class?,
        source: head.source?,
        confidence: head.confidence?,
        line: line?,
        timing: timing?,
        password_level: level?,
        manners,
        relay,
        unwritable,
        terminal,
        items,
        status,
        money: money.rules,
        money_lacks: money.lacks,
    })
}

/// Every item, the inherited ones too.
fn items(
    notes: &mut Notes,
    top: &mut Table<'_>,
    protocol: Option<Protocol>,
    defaults: &Defaults,
) -> Vec<Item> {
    // What depends on the protocol is looked at with any, so that every mistake is told at once.
    let speaks = protocol.unwrap_or(Protocol::ModbusRtu);
    let mut own = Vec::new();
    for table in top.tables(notes, "item") {
        let (at, path) = (table.at, table.path.clone());
        if let Some(item) = item(notes, table, speaks, protocol.is_some(), defaults) {
            own.push(lint::Placed { at, path, item });
        }
    }
    if let Some(protocol) = protocol {
        lint::items(notes, protocol, &own);
    }
    let from = top.text(notes, "items_of", Need::May, "a built-in profile's id", name);
    let inherited = from.and_then(|id| inherit(notes, top, &id, protocol));
    merged(inherited.unwrap_or_default(), &own)
}

/// The items of the built-in profile named in `items_of`.
fn inherit(
    notes: &mut Notes,
    top: &Table<'_>,
    id: &str,
    protocol: Option<Protocol>,
) -> Option<Vec<Item>> {
    let alike = |theirs: Protocol| match protocol {
        Some(own) => own == theirs || own.is_modbus() && theirs.is_modbus(),
        None => true,
    };
    let found = Profile::built_in(id).ok().filter(|profile| alike(profile.protocol));
    if found.is_none() {
        top.wrong(notes, "items_of", "the id of a built-in profile of the same protocol");
    }
    found.map(|profile| profile.items)
}

/// Inherited items, each replaced by the own one of its name; then the other own ones.
fn merged(inherited: Vec<Item>, own: &[lint::Placed]) -> Vec<Item> {
    let mut items = inherited;
    for lint::Placed { item, .. } in own {
        match items.iter_mut().find(|known| known.name == item.name) {
            Some(known) => *known = item.clone(),
            None => items.push(item.clone()),
        }
    }
    items
}

/// An identifier: of a profile, an item, a status bit.
pub(super) fn name(text: &str) -> Option<String> {
    let like = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(like);
    good.then(|| text.to_owned())
}

fn words(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn sure(text: &str) -> Option<char> {
    match text.as_bytes() {
        [letter @ b'A'..=b'D'] => Some(char::from(*letter)),
        _ => None,
    }
}

fn line(notes: &mut Notes, mut table: Table<'_>) -> Option<Line> {
    let baud = table.number(notes, "baud", Need::Must, 300..=115_200, "");
    let parity = table.word(notes, "parity", Need::Must);
    let data_bits = table.number(notes, "data_bits", Need::Must, 7..=8, "");
    let stop_bits = table.number(notes, "stop_bits", Need::Must, 1..=2, "");
    let preamble = match table.has("preamble") {
        true => table.number(notes, "preamble", Need::Must, 0..=16, ""),
        false => {
            table.known("preamble");
            Some(0)
        }
    };
    table.finish(notes);
    let framing =
        Framing { baud: baud?, data_bits: data_bits?, parity: parity?, stop_bits: stop_bits? };
    Some(Line { framing, preamble: preamble? })
}

fn timing(notes: &mut Notes, mut table: Table<'_>) -> Option<Patience> {
    let mut ms = |table: &mut Table<'_>, key, low: i64, otherwise: Option<u64>| {
        let need = if otherwise.is_some() { Need::May } else { Need::Must };
        let there = table.has(key);
        let read: Option<u64> = table.number(notes, key, need, low..=LONGEST_MS, " ms");
        if there { read } else { read.or(otherwise) }.map(Duration::from_millis)
    };
    let answer = ms(&mut table, "answer_ms", 1, None);
    let gap = ms(&mut table, "gap_ms", 1, None);
    let money = ms(&mut table, "money_ms", 1, Some(MONEY_MS));
    let silence = ms(&mut table, "silence_ms", 0, Some(0));
    let tries = table.number(notes, "tries", Need::Must, 1..=10, "");
    table.finish(notes);
    Some(Patience { answer: answer?, gap: gap?, money: money?, silence: silence?, tries: tries? })
}

fn password(notes: &mut Notes, mut table: Table<'_>) -> Option<u8> {
    let level = table.number(notes, "level", Need::Must, 0..=9, "");
    table.finish(notes);
    level
}

fn item(
    notes: &mut Notes,
    mut table: Table<'_>,
    protocol: Protocol,
    protocol_known: bool,
    defaults: &Defaults,
) -> Option<Item> {
    let called = table.text(notes, "name", Need::Must, NAME, name);
    let at = if protocol_known {
        let expected = protocol.place_expected();
        table.text(notes, "at", Need::Must, expected, |text| Place::parse(protocol, text))
    } else {
        table.known("at");
        None
    };
    let need = if protocol_known && protocol.is_modbus() { Need::Must } else { Need::May };
    let form: Option<Form> = table.word(notes, "form", need);
    let len: Option<u16> = table.number(notes, "len", Need::May, 1..=250, " bytes");
    let fixed = form.and_then(Form::words).map(|words| words * 2);
    let modbus = need == Need::Must;
    match (form, len, fixed) {
        (Some(_), None, None) if modbus => {
            let expected = "the bytes it takes: this form does not say".to_owned();
            notes.add(table.at, &table.path_of("len"), "", What::Missing { expected });
        }
        (_, Some(len), Some(fixed)) if len != fixed => {
            table.wrong(notes, "len", &format!("{fixed}, or nothing: the form says"));
        }
        (_, Some(len), _) if modbus && len % 2 == 1 => {
            table.wrong(notes, "len", "whole registers, an even number of bytes");
        }
        _ => {}
    }
    let decimals = match table.has("decimals") {
        true => table.number(notes, "decimals", Need::Must, 0..=9, ""),
        false => {
            table.known("decimals");
            Some(0)
        }
    };
    let unit = table.text(notes, "unit", Need::May, "a unit", |text| Some(text.to_owned()));
    let Defaults { source, confidence } = self::defaults(notes, &mut table, defaults);
    table.finish(notes);
    Some(Item {
        name: called?,
        at: at?,
        form,
        len,
        decimals: decimals?,
        unit: unit.unwrap_or_default(),
        source,
        confidence,
    })
}

fn statuses(notes: &mut Notes, top: &mut Table<'_>, items: &[Item]) -> Vec<StatusBit> {
    let mut bits: Vec<(usize, StatusBit)> = Vec::new();
    for mut table in top.tables(notes, "status") {
        let item = table.text(notes, "item", Need::Must, "the name of an item", name);
        let bit: Option<u8> = table.number(notes, "bit", Need::Must, 0..=31, "");
        let called = table.text(notes, "name", Need::Must, NAME, name);
        if let Some(item) = &item
            && !items.iter().any(|known| known.name == *item)
        {
            let at = table.at("item");
            notes.add(at, &table.path_of("item"), item, What::NoSuchItem);
        }
        let at = table.at;
        let path = table.path_of("bit");
        table.finish(notes);
        let (Some(item), Some(bit), Some(name)) = (item, bit, called) else { continue };
        if let Some((first, _)) = bits.iter().find(|(_, b)| b.item == item && b.bit == bit) {
            let first = notes.line(*first);
            notes.add(at, &path, &bit.to_string(), What::Twice { first });
        }
        bits.push((at, StatusBit { item, bit, name }));
    }
    bits.into_iter().map(|(_, bit)| bit).collect()
}

fn terminal_of(
    notes: &mut Notes,
    mut table: Table<'_>,
    protocol: Option<Protocol>,
) -> Option<Terminal> {
    if let Some(protocol) = protocol.filter(|protocol| !protocol.is_modbus()) {
        notes.add(table.at, &table.path, "", What::NotHere { protocol: protocol.name() });
        return None;
    }
    let step: Option<u8> = table.number(notes, "step", Need::Must, 1..=247, "");
    let wide: Option<u8> = table.number(notes, "wide", Need::Must, 1..=36, "");
    let boxes: Option<u8> = table.number(notes, "boxes", Need::Must, 1..=247, "");
    let expected = "a register, 4 hexadecimal digits";
    let three = table.text(notes, "three_phase", Need::Must, expected, place::register);
    let single = table.text(notes, "single_phase", Need::Must, expected, place::register);
    // Modbus has addresses 1 to 247; a box begins every `step`.
    let last = |boxes: u8, step: u8| (u32::from(boxes) - 1) * u32::from(step) + 1;
    if let (Some(step), Some(boxes)) = (step, boxes)
        && last(boxes, step) > 247
    {
        table.wrong(notes, "boxes", "boxes whose first address is 247 at most");
    }
    table.finish(notes);
    Some(Terminal {
        step: step?,
        wide: wide?,
        boxes: boxes?,
        three_phase: three?,
        single_phase: single?,
    })
}

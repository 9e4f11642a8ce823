//! Rounds the office makes: those there are, how far each is, a new one, one withdrawn.

use super::super::act::Act;
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::super::query::Query;
use crate::office::command::read_list_file;
use crate::office::{
    NewRound, Office, OfficeError, PlaceState, RoundOf, RoundPlace, RoundSheet, RoundState,
};
use crate::tui::theme::Meaning;
use crate::units::{Credit, CreditUnit, TokenId, UnixSeconds};

/// Rounds shown.
const SHOWN: usize = 100;

/// Name, read of how many, state.
const ROUNDS: &[Column] = &[left(0), right(9), left(9)];
/// Meter, customer, state.
const PLACES: &[Column] = &[left(12), left(0), left(9)];

fn late(sheet: &RoundSheet, now: UnixSeconds) -> bool {
    let open = !matches!(sheet.state, RoundState::Ended | RoundState::Withdrawn);
    open && sheet.info.due.is_some_and(|due| due <= now)
}

fn facts(sheet: &RoundSheet, now: UnixSeconds) -> Vec<Fact> {
    let (info, n) = (&sheet.info, |state| Cell::Number(sheet.count(state)));
    let due = info.due.map_or(Cell::Unknown, Cell::At);
    let warn = |count: u64| if count > 0 { Meaning::Alarm } else { Meaning::Plain };
    let mut facts = vec![
        Fact::new("round", Cell::text(&info.name)).strong(),
        Fact::new("state", Cell::word(format!("round-{}", sheet.state.name()))).strong(),
        Fact::new("device", Cell::text(&info.device)),
        Fact::new("due", due).meant(warn(u64::from(late(sheet, now)))),
        Fact::new("meters", Cell::Number(info.meters)),
        Fact::new("read-n", n(PlaceState::Read)),
        Fact::new("typed-n", n(PlaceState::Typed)).meant(warn(sheet.count(PlaceState::Typed))),
        Fact::new("missing-n", n(PlaceState::Missing)),
        Fact::new("odd-n", Cell::Number(sheet.odd())).meant(warn(sheet.odd())),
        Fact::new("issued", Cell::At(info.issued)).meant(Meaning::Faint),
        Fact::new("valid-until", Cell::At(info.expires)).meant(Meaning::Faint),
    ];
    if info.withdrawn && sheet.begun.is_some() {
        facts.insert(2, Fact::new("withdrawn-late", Cell::word("yes")).meant(Meaning::Alarm));
    }
    facts
}

/// Those there are, the newest first.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    let now = office.now();
    let sheets = office.round_sheets(SHOWN).await?;
    let lines = sheets.iter().map(|sheet| Line {
        key: sheet.info.id.to_string(),
        sign: match (late(sheet, now), sheet.odd() > 0) {
            (true, _) => ('!', Meaning::Alarm),
            (_, true) => ('?', Meaning::Alarm),
            _ if sheet.state == RoundState::Ended => ('+', Meaning::Good),
            _ => (' ', Meaning::Plain),
        },
        cells: vec![
            Cell::text(&sheet.info.name),
            Cell::text(format!("{}/{}", sheet.count(PlaceState::Read), sheet.info.meters)),
            Cell::word(format!("round-{}", sheet.state.name())),
        ],
        facts: facts(sheet, now),
        leads: Some(Query::Round(sheet.info.id)),
    });
    let table = Table { name: "rounds", columns: ROUNDS, lines: lines.collect() };
    let more = sheets.len() >= SHOWN;
    Ok(Page { more, ..Page::of(vec![Part::Table(table)]) })
}

fn place(place: &RoundPlace) -> Line {
    let kwh = |value| Cell::Credit(Credit { value, unit: CreditUnit::Kwh });
    let mut facts = vec![Fact::new("meter", Cell::text(place.line.meter)).strong()];
    facts.extend(place.energy.map(|energy| Fact::new("energy", kwh(energy)).strong()));
    facts.extend(place.line.energy.map(|energy| Fact::new("energy-last", kwh(energy))));
    facts.extend(place.at.map(|at| Fact::new("read-at", Cell::At(at))));
    facts.push(Fact::new("location", Cell::text(&place.line.location)));
    for odd in &place.odd {
        let says = format!("{}: {} -> {}", odd.kind, odd.was, odd.is);
        facts.insert(1, Fact::new("odd-one", Cell::text(says)).meant(Meaning::Alarm));
    }
    if !place.why.is_empty() {
        facts.push(Fact::new("note", Cell::text(&place.why)));
    }
    if !place.by.is_empty() {
        facts.push(Fact::new("operator", Cell::text(&place.by)));
    }
    Line {
        key: place.line.meter.to_string(),
        sign: match place.state {
            _ if !place.odd.is_empty() => ('!', Meaning::Alarm),
            PlaceState::Read => ('+', Meaning::Good),
            PlaceState::Typed => ('?', Meaning::Alarm),
            PlaceState::Missing => (' ', Meaning::Plain),
        },
        cells: vec![
            Cell::text(place.line.meter),
            Cell::text(&place.line.customer),
            Cell::word(format!("place-{}", place.state.name())),
        ],
        facts,
        leads: None,
    }
}

/// One with its meters; those with something odd in front, then the missing ones.
pub async fn card(office: &Office, id: TokenId) -> Result<Page, OfficeError> {
    let sheet = office.round(id).await?;
    let mut parts = vec![Part::Facts(facts(&sheet, office.now()))];
    if !sheet.note.is_empty() {
        parts.push(Part::Facts(vec![Fact::new("reader-note", Cell::text(&sheet.note))]));
    }
    let mut places: Vec<&RoundPlace> = sheet.places.iter().collect();
    places.sort_by_key(|place| (place.odd.is_empty(), place.state == PlaceState::Read));
    for place in places.iter().filter(|place| !place.odd.is_empty() || !place.why.is_empty()) {
        let mut says: Vec<String> = place
            .odd
            .iter()
            .map(|odd| format!("{}: {} -> {}", odd.kind, odd.was, odd.is))
            .collect();
        says.extend(Some(place.why.clone()).filter(|why| !why.is_empty()));
        parts.push(Part::Facts(vec![
            Fact::new("meter", Cell::text(place.line.meter)).strong(),
            Fact::new("odd-one", Cell::text(says.join("; "))).meant(Meaning::Alarm),
        ]));
    }
    let lines = places.into_iter().map(place).collect();
    parts.push(Part::Table(Table { name: "meters", columns: PLACES, lines }));
    Ok(Page::of(parts))
}

fn wanted(act: &Act) -> Result<NewRound, OfficeError> {
    let Act::NewRound { name, device, area, file, due, note, days } = act else {
        return Err(OfficeError::Usage(act.name().to_owned()));
    };
    let of = match (file, area) {
        (Some(file), _) => RoundOf::File(read_list_file(file)?),
        (None, Some(area)) => RoundOf::Area(area.clone()),
        (None, None) => RoundOf::All,
    };
    let (device, name, note) = (device.clone(), name.clone(), note.clone());
    Ok(NewRound { device, name, note, of, due: due.clone(), days: *days })
}

/// What making or withdrawing one means.
pub async fn check(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    if let Act::WithdrawRound { round } = act {
        let sheet = office.round(*round).await?;
        let says = if sheet.begun.is_some() { "say-round-goes-on" } else { "say-withdraws" };
        let refused = sheet.info.withdrawn;
        let parts =
            vec![Part::Say(Meaning::Strong, says), Part::Facts(facts(&sheet, office.now()))];
        return Ok(Page { refused, ..Page::of(parts) });
    }
    let round = office.plan_round(&wanted(act)?).await?;
    let known = round.lines.iter().filter(|line| line.energy.is_some()).count();
    Ok(Page::of(vec![
        Part::Say(Meaning::Strong, "say-makes-round"),
        Part::Facts(vec![
            Fact::new("round", Cell::text(&round.name)).strong(),
            Fact::new("device", Cell::text(&round.device)).strong(),
            Fact::new("meters", Cell::Number(round.lines.len() as u64)).strong(),
            Fact::new("with-last", Cell::Number(known as u64)),
            Fact::new("due", round.due.map_or(Cell::Unknown, Cell::At)),
            Fact::new("valid-until", Cell::At(round.expires)),
            Fact::new("reader-note", Cell::known(Some(&round.note).filter(|n| !n.is_empty()))),
        ]),
    ]))
}

/// Makes one, or withdraws it.
pub async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    let id = match act {
        Act::WithdrawRound { round } => {
            office.withdraw_round(*round).await?;
            *round
        }
        _ => office.new_round(&wanted(act)?).await?.0.id,
    };
    let sheet = office.round(id).await?;
    Ok(Page::of(vec![
        Part::Facts(facts(&sheet, office.now())),
        Part::Say(Meaning::Plain, "say-device-hears"),
    ]))
}

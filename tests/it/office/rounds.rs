//! Rounds the office makes, from the list to the table that comes back: on the handheld with its
//! own store and job, at simulated meters.

mod kept;

use std::sync::atomic::Ordering;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::errand::{self, Answer, Errand, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::round::given::{self, OFFICE, Stands};
use meterkit::jobs::round::{Round, type_in};
use meterkit::jobs::tokens::import_bytes;
use meterkit::jobs::views::Failure;
use meterkit::jobs::{Cancel, Desk as Work, Moment, Session, check};
use meterkit::office::tables::{Table, for_file};
use meterkit::office::{
    NewMeter, NewRound, OfficeError, PlaceState, RoundInfo, RoundOf, RoundSheet, RoundState,
};
use meterkit::profile::Profiles;
use meterkit::report::Code;
use meterkit::sim::Fleet;
use meterkit::sim::serve::FleetStation;
use meterkit::store::{Event, RoundTaken, Step};
use meterkit::sync::wire::MAX_ROUND_METERS;
use meterkit::table::write::Cell;
use meterkit::transport::{Faults, Line as Wires, LineSettings, Link, VirtualLink};
use meterkit::units::{Energy, ErrandKind, StepState, TokenId, UnixSeconds, WorkId};

use super::desk::{Desk, Handheld, METER, NOW, account, device, meter, operator};

const DAY: i64 = 86_400;

fn new(name: &str, of: RoundOf) -> NewRound {
    NewRound {
        device: device("hh-1"),
        name: name.to_owned(),
        note: "keys at the porter".to_owned(),
        of,
        due: None,
        days: 30,
    }
}

fn make(desk: &Desk, new: &NewRound) -> Result<RoundInfo, OfficeError> {
    desk.local.wait(desk.office().new_round(new)).map(|(info, _)| info)
}

fn sheet(desk: &Desk, id: TokenId) -> RoundSheet {
    desk.local.wait(desk.office().round(id)).unwrap()
}

/// Two meters more, in two areas.
fn street(desk: &Desk) {
    for (no, area) in [("48", "north"), ("49", "south")] {
        let mut new = NewMeter::new(meter(no), account(), &format!("Li {no}"), "B2 1204");
        new.line.area = area.to_owned();
        new.line.place.line = "tcp://10.0.0.7:4001".to_owned();
        desk.local.wait(desk.office().add_meters(&[new])).unwrap();
    }
}

/// What a meter of the simulator shows.
fn fleet() -> String {
    let one = |no: &str, energy: &str| {
        format!("[[meter]]\nno = \"{no}\"\naccount = \"{no}\"\nenergy = \"{energy}\"\ncount = 3\n")
    };
    format!("seed = 4\n{}{}", one(METER, "1234.56"), one("48", "10.00"))
}

/// Works with a handheld of the desk, standing before the simulated meters.
fn at<T>(handheld: &Handheld, work: impl FnOnce(&Site<'_>) -> T) -> T {
    let now = UnixSeconds(handheld.clock.load(Ordering::Relaxed));
    let session =
        Session::begin(&handheld.store, operator("li"), 0, Moment { at: now, boot_ms: 0 });
    let accepted = meterkit::jobs::proven::Accepted::default();
    let desk = Work {
        store: &handheld.store,
        session: &session,
        max_life_s: check::MAX_LIFE_S,
        accepted: &accepted,
    };
    let open = |_: Option<&str>, _: &LineSettings| -> Result<Box<dyn Link>, Failure> {
        let station = FleetStation::new(Fleet::from_toml(&fleet()).unwrap());
        let wires = Wires::new(LineSettings::default(), Faults::NONE);
        Ok(Box::new(VirtualLink::new(station, wires)))
    };
    let (clock, cancel) = (TickClock { base: now, offset_s: 0 }, Cancel::default());
    let crew = Crew { open: &open, settings: None, clock: &clock, cancel: &cancel, secret: None };
    let profiles = Profiles::built_in();
    work(&Site {
        desk: &desk,
        crew: &crew,
        profiles: &profiles,
        wished: None,
        chosen: Some("a"),
        forced: None,
        password: None,
    })
}

fn begin(handheld: &Handheld, name: &str) -> Result<WorkId, Failure> {
    let values = Values::default().with(OFFICE, name).with("round-pause", "0");
    at(handheld, |site| Round.begin(site, &values))
}

fn stands(handheld: &Handheld) -> Vec<(String, Stands)> {
    let now = UnixSeconds(handheld.clock.load(Ordering::Relaxed));
    let rows = given::all(&handheld.store, now);
    rows.into_iter().map(|(row, stands)| (row.taken.name, stands)).collect()
}

/// An exchange brings no round, and none that the handheld had to refuse.
fn not_sent(desk: &Desk, handheld: &Handheld) {
    let done = handheld.sync(&desk.post()).unwrap();
    assert_eq!((done.rounds, done.refused), (0, Vec::new()));
}

fn code<T>(result: Result<T, Failure>) -> Option<Code> {
    result.err().map(|failure| failure.code)
}

/// From the list to the table: read, typed by hand, missing, and what is odd.
#[test]
fn a_round_goes_out_is_read_and_comes_back() {
    let desk = Desk::new();
    street(&desk);
    let handheld = desk.handheld("hh-1");
    let made = make(&desk, &new("November", RoundOf::All)).unwrap();
    assert_eq!((made.meters, sheet(&desk, made.id).state), (3, RoundState::Waiting));
    assert_eq!(handheld.sync(&desk.post()).unwrap().rounds, 1);
    assert_eq!(stands(&handheld), [("November".to_owned(), Stands::Waits)]);
    let offers =
        at(&handheld, |site| errand::offers(site.desk.store, site.desk.session, site.moment()));
    assert!(offers.iter().any(|offer| offer.kind == ErrandKind::Round), "{offers:?}");
    let again = handheld.sync(&desk.post()).unwrap();
    assert_eq!((again.rounds, again.known), (0, 0), "its journal shows it: it is not sent again");
    assert_eq!(sheet(&desk, made.id).state, RoundState::Taken);
    let work = begin(&handheld, "November").unwrap();
    assert_eq!(stands(&handheld), [("November".to_owned(), Stands::Begun(work))]);
    assert_eq!(code(begin(&handheld, "November")), Some(Code::RoundBegun), "once");
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    let typed = (meter("49"), Energy(7_700));
    type_in(&handheld.store, &handheld.stamp(), work, typed, "locked").unwrap();
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, made.id);
    // All three stand: two answered, one was typed, and so it has ended or waits for a word.
    let states: Vec<_> = told.places.iter().map(|place| place.state).collect();
    let line = |no: &str| told.places.iter().find(|place| place.line.meter == meter(no)).unwrap();
    assert_eq!(states.iter().filter(|state| **state == PlaceState::Read).count(), 2, "{told:?}");
    assert_eq!(line(METER).energy, Some(123_456));
    assert_eq!((line("49").state, line("49").energy), (PlaceState::Typed, Some(7_700)));
    assert_eq!((line("49").why.as_str(), line("49").by.as_str()), ("locked", "li"));
    assert!(told.begun.is_some());
    at(&handheld, |site| {
        Round.advance(site, work, &Answer::Text("round-finish".into()), &mut |_| {})
    })
    .unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(sheet(&desk, made.id).state, RoundState::Ended);
    // The table has the figures, and the next list what is known now: no typed figure.
    let pages = for_file(&Table::Round(&told), std::path::Path::new("x.csv"));
    let row = pages[0].rows.iter().find(|row| row[0] == Cell::Text(meter("49").to_string()));
    assert_eq!(row.unwrap()[4], Cell::Text("typed".into()));
    let next = desk.local.wait(desk.office().plan_round(&new("December", RoundOf::All))).unwrap();
    let known: Vec<_> = next.lines.iter().map(|line| (line.meter, line.energy)).collect();
    assert!(known.contains(&(meter(METER), Some(123_456))), "{known:?}");
    assert!(known.contains(&(meter("49"), None)), "what was typed is no reading: {known:?}");
    assert!(desk.open_classes().is_empty());
}

/// What is less than the office had it is an anomaly on the handheld, and comes back as one.
#[test]
fn what_is_odd_by_the_office_s_figures_comes_back() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let table = format!("meter,last reading,last date\n{METER},2000.00,2026-10-31\n");
    let made = make(&desk, &new("audit", RoundOf::File(table.into_bytes()))).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let work = begin(&handheld, "audit").unwrap();
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, made.id);
    assert_eq!((told.state, told.odd()), (RoundState::Ended, 1), "{told:?}");
    let odd = told.places[0].odd.iter().find(|odd| odd.kind == "register-backwards").unwrap();
    assert!(odd.was.contains("2000.00") && odd.is.contains("1234.56"), "{odd:?}");
}

#[test]
fn a_withdrawn_round_is_not_begun_and_a_begun_one_goes_on() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let withdraw = |id| desk.local.wait(desk.office().withdraw_round(id));
    let never = make(&desk, &new("never", RoundOf::All)).unwrap();
    withdraw(never.id).unwrap();
    assert_eq!(withdraw(never.id).unwrap_err().code(), "usage", "once");
    not_sent(&desk, &handheld);
    assert_eq!(sheet(&desk, never.id).state, RoundState::Withdrawn);
    let [here, begun] =
        ["here", "begun"].map(|name| make(&desk, &new(name, RoundOf::All)).unwrap());
    assert_eq!(handheld.sync(&desk.post()).unwrap().rounds, 2);
    let work = begin(&handheld, "begun").unwrap();
    withdraw(here.id).unwrap();
    withdraw(begun.id).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(code(begin(&handheld, "here")), Some(Code::RoundOver));
    assert!(stands(&handheld).contains(&("here".to_owned(), Stands::Withdrawn)));
    let end = at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    assert!(end.done, "{end:?}");
    assert!(end.rows.iter().any(|row| row.name == "round-withdrawn-since"), "it is said");
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, begun.id);
    assert_eq!((told.state, told.info.withdrawn), (RoundState::Ended, true));
}

#[test]
fn a_round_whose_time_is_over_is_neither_sent_nor_begun() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let short = |name: &str| NewRound { days: 1, ..new(name, RoundOf::All) };
    make(&desk, &short("here")).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let late = make(&desk, &short("late")).unwrap();
    desk.clock.fetch_add(DAY, Ordering::Relaxed);
    not_sent(&desk, &handheld);
    assert_eq!(stands(&handheld), [("here".to_owned(), Stands::Over)]);
    assert_eq!(sheet(&desk, late.id).state, RoundState::Over);
    assert_eq!(code(begin(&handheld, "here")), Some(Code::RoundOver));
    assert_eq!(code(begin(&handheld, "nobody made it")), Some(Code::RoundUnknown));
}

/// A handheld that was enrolled again has none of the rounds of its earlier life.
#[test]
fn a_round_is_for_one_life_of_a_journal() {
    let desk = Desk::new();
    let old = desk.handheld("hh-1");
    let made = make(&desk, &new("old", RoundOf::All)).unwrap();
    let document = old.sync(&desk.post()).map(|_| old.store.round(made.id).unwrap()).unwrap();
    let document = old.store.round_document(&document.taken.digest).unwrap();
    // And one that lies at the office.
    make(&desk, &new("not taken", RoundOf::All)).unwrap();
    let mut offer = meterkit::office::Offer::new(&device("hh-1"), "http://127.0.0.1:1");
    offer.again = true;
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    let again = desk.enrol(&meterkit::sync::Enrolling::read(&offered.file).unwrap());
    not_sent(&desk, &again);
    let done = import_bytes(&again.store, &again.stamp(), &document);
    assert_eq!(done.refused[0].code, Code::RoundBad, "{:?}", done.refused);
    make(&desk, &new("new", RoundOf::All)).unwrap();
    assert_eq!(again.sync(&desk.post()).unwrap().rounds, 1);
}

#[test]
fn a_list_that_cannot_be_read_is_told_row_by_row_and_nothing_is_made() {
    let desk = Desk::new();
    desk.handheld("hh-1");
    street(&desk);
    let why = |new: &NewRound| make(&desk, new).map_err(|error| (error.code(), error.to_string()));
    let file = |text: &str| new("x", RoundOf::File(text.as_bytes().to_vec()));
    let (code, says) = why(&file("meter,last\n47x,1\n48,-5\n48,1\n48,2\n")).unwrap_err();
    assert_eq!(code, "usage");
    for told in ["row 2: row-meter 47x", "row 3: row-energy -5", "row 5: row-twice"] {
        assert!(says.contains(told), "{told}: {says}");
    }
    assert_eq!(why(&file("meter\n99\n")).unwrap_err().0, "no-meter");
    assert!(why(&file("name\nLi\n")).unwrap_err().1.contains("column of meters"));
    let area = |area: &str| new("x", RoundOf::Area(area.to_owned()));
    assert!(why(&area("west")).unwrap_err().1.contains("no meter"));
    assert_eq!(why(&area("north")).unwrap().meters, 1);
    let usual = || new("x", RoundOf::Meters(vec![meter("48"), meter("48")]));
    assert_eq!(why(&usual()).unwrap().meters, 1, "a meter once");
    for (days, due) in [(0, None), (91, None), (3, Some("2026-01-01")), (3, Some("soon"))] {
        let odd = NewRound { days, due: due.map(str::to_owned), ..usual() };
        assert_eq!(why(&odd).unwrap_err().0, "usage", "{days} {due:?}");
    }
    let far = NewRound { due: Some("2099-01-01".into()), ..usual() };
    assert!(why(&far).unwrap_err().1.contains("--days"));
    assert_eq!(why(&NewRound { name: " ".into(), ..usual() }).unwrap_err().0, "usage");
    assert_eq!(why(&NewRound { note: "x".repeat(401), ..usual() }).unwrap_err().0, "usage");
    let none = NewRound { device: device("hh-9"), ..usual() };
    assert_eq!(why(&none).unwrap_err().0, "no-device");
    let many = (0..=MAX_ROUND_METERS).map(|n| (1_000 + n).to_string().parse().unwrap());
    let many = new("x", RoundOf::Meters(many.collect()));
    assert!(why(&many).unwrap_err().1.contains("several rounds"));
    let list = desk.local.wait(desk.office().rounds()).unwrap();
    assert_eq!(list.len(), 2, "what was refused was not made");
}

/// A day is over at its end where the office is.
#[test]
fn a_round_is_due_at_the_end_of_a_day_of_the_office() {
    let desk = Desk::new();
    desk.handheld("hh-1");
    desk.local.wait(desk.office().set_zone("Asia/Shanghai")).unwrap();
    let day = jiff::Timestamp::from_second(NOW + 5 * DAY).unwrap().strftime("%Y-%m-%d").to_string();
    let due = |due: &str| {
        let new = NewRound { due: Some(due.to_owned()), ..new("x", RoundOf::All) };
        let made = make(&desk, &new).unwrap().due.unwrap();
        jiff::Timestamp::from_second(made.0).unwrap().to_string()
    };
    assert_eq!(due(&day), format!("{day}T16:00:00Z"));
    assert_eq!(due(&format!("{day} 17:30")), format!("{day}T09:30:00Z"));
}

/// A round nobody made is called for; one that comes twice is taken once.
#[test]
fn a_round_we_never_made_calls_a_person() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.append(Event::RoundTaken(RoundTaken {
        id: TokenId([9; 16]),
        name: "forged".into(),
        digest: [1; 32],
        due: None,
        expires: UnixSeconds(NOW + DAY),
        meters: 1,
    }));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C1"]);
    assert_eq!(code(begin(&handheld, "forged")), Some(Code::RoundBad), "there is no such list");
}

/// The power fails between the two entries that begin a round: it is begun again, and the office
/// follows that one.
#[test]
fn a_round_that_was_torn_at_its_beginning_is_begun_again() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let made = make(&desk, &new("torn", RoundOf::All)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    handheld.append(Event::Step(Step {
        errand: WorkId([7; 16]),
        kind: ErrandKind::Round,
        meter: None,
        name: Step::WHOLE.to_owned(),
        state: StepState::Begun,
        notes: vec![(OFFICE.to_owned(), made.id.to_string())],
    }));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(stands(&handheld), [("torn".to_owned(), Stands::Waits)]);
    let work = begin(&handheld, "torn").unwrap();
    assert_eq!(stands(&handheld), [("torn".to_owned(), Stands::Begun(work))]);
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, made.id);
    assert_eq!((told.state, told.count(PlaceState::Read)), (RoundState::Ended, 1), "{told:?}");
}

/// The same by command: a dry run makes nothing, a table goes to a file.
#[test]
fn the_commands_make_show_and_withdraw_a_round() {
    let place = super::cli::Place::new();
    place.good(&["init", "--tenant", "tiandi"]);
    place.good(&["meter", "add", "47", "--account", "1", "--customer", "Li", "--location", "B2"]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    let new = ["round", "new", "--device", "hh-1", "--name", "May", "--all"];
    let plan = place.good(&[&new[..], &["--dry-run"]].concat());
    assert_eq!(
        (plan["made"].as_bool(), plan["places"][0]["customer"].as_str()),
        (Some(false), Some("Li"))
    );
    assert_eq!(place.good(&["round", "list"])["rounds"].as_array().map(Vec::len), Some(0));
    let file = place.path("may.rd");
    let made = place.good(&[&new[..], &["--out", &file]].concat());
    assert!(std::fs::metadata(&file).unwrap().len() > 100);
    let id = made["round"].as_str().unwrap();
    let csv = place.path("may.csv");
    let shown = place.good(&["round", "show", id, "--out", &csv]);
    assert_eq!((shown["state"].as_str(), shown["missing"].as_u64()), (Some("waiting"), Some(1)));
    assert!(std::fs::read_to_string(&csv).unwrap().contains("missing"));
    assert_eq!(place.good(&["round", "withdraw", id])["state"].as_str(), Some("withdrawn"));
    let (json, code) = place.run(&["round", "withdraw", id]);
    assert_eq!((code, json["error"].as_str()), (2, Some("usage")), "{json}");
    let (_, code) = place.run(&["round", "new", "--device", "hh-1", "--name", "x"]);
    assert_eq!(code, 2, "which meters");
    // And an account, closed with what was paid back.
    let close = ["meter", "close", "47", "--reason", "moved out"];
    let done = place.good(&close);
    assert_eq!((done["before"].as_bool(), done["paid"].as_str()), (Some(false), Some("0.00")));
    assert_eq!(place.good(&close)["before"].as_bool(), Some(true));
    let (json, code) = place.run(&["round", "new", "--device", "hh-1", "--name", "x", "--all"]);
    assert_eq!((code, json["error"].as_str()), (2, Some("usage")), "no meter is left: {json}");
}

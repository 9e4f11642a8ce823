//! Relay commands and settings at simulated meters: what the journal, the sheet and the meter say
//! must be the same, and nothing is sent twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::clock::TickClock;
use meterkit::jobs::control::Control;
use meterkit::jobs::errand::{
    Answer, Ask, Errand, FieldKind, Sheet, Sign, Site, Values, all, choice,
};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::proven::Accepted;
use meterkit::jobs::{Cancel, Desk, Failure, Session, ask, check};
use meterkit::profile::Profiles;
use meterkit::report::Code;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fault, Fleet};
use meterkit::store::{AreaMeter, AreaPage, Event, Store};
use meterkit::text::Lang;
use meterkit::text::work::{self, hints};
use meterkit::transport::{
    Faults, Line as Wires, LineSettings, Link, LinkError, Timing, VirtualLink,
};
use meterkit::units::{BusPlace, Mark, MeterNo, StepState, WorkId};

use super::stories::site;

/// A virtual line that is opened again and again.
#[derive(Clone)]
struct Shared(Arc<Mutex<VirtualLink<FleetStation>>>);

impl Link for Shared {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.0.lock().unwrap().send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.0.lock().unwrap().recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.0.lock().unwrap().timing()
    }
}

struct Yard {
    story: site::Site,
    link: Shared,
    fleet: SharedFleet,
    cancel: Cancel,
}

const TWO: &str = r#"
seed = 1
[[meter]]
no = "000000000047"
account = "112233445566"
balance = "50.00"
count = 3
[[meter]]
no = "000000000048"
account = "112233445567"
balance = "50.00"
count = 3
"#;

impl Yard {
    fn new(faults: Faults) -> Self {
        let wires = || Wires::new(LineSettings::default(), faults.clone());
        let station = FleetStation::new(Fleet::from_toml(TWO).unwrap());
        let fleet = station.fleet();
        let link = Shared(Arc::new(Mutex::new(VirtualLink::new(station, wires()))));
        let story = site::Site::new(Fleet::from_toml(TWO).unwrap(), wires());
        Self { story, link, fleet, cancel: Cancel::default() }
    }

    fn on<T>(&self, work: impl FnOnce(&Site<'_>) -> T) -> T {
        self.with(Some("000000"), work)
    }

    fn with<T>(&self, password: Option<&str>, work: impl FnOnce(&Site<'_>) -> T) -> T {
        self.as_kind((None, &Accepted::default()), password, work)
    }

    /// The meters taken for another model, whose unproven rows somebody accepted.
    fn of<T>(&self, profile: &str, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let accepted = Accepted::new(&[], &[profile.to_owned()]);
        self.as_kind((Some(profile), &accepted), Some("000000"), work)
    }

    fn as_kind<T>(
        &self,
        (wished, accepted): (Option<&str>, &Accepted),
        password: Option<&str>,
        work: impl FnOnce(&Site<'_>) -> T,
    ) -> T {
        let (store, session): (&Store, &Session) = (&self.story.store, &self.story.session);
        let desk = Desk { store, session, max_life_s: check::MAX_LIFE_S, accepted };
        let link = self.link.clone();
        let open = move |_: Option<&str>, _: &LineSettings| -> Result<Box<dyn Link>, Failure> {
            Ok(Box::new(link.clone()))
        };
        let clock: TickClock = self.story.clock;
        let crew =
            Crew { open: &open, settings: None, clock: &clock, cancel: &self.cancel, secret: None };
        let password = password.map(|text| MeterPassword::parse(text).unwrap());
        let profiles = Profiles::built_in();
        work(&Site {
            desk: &desk,
            crew: &crew,
            profiles: &profiles,
            wished,
            chosen: Some("line"),
            forced: None,
            password: password.as_ref(),
        })
    }

    fn begin(&self, values: &Values) -> Result<WorkId, Failure> {
        self.on(|site| Control.begin(site, values))
    }

    /// Carries on, saying yes to everything.
    fn carry_on(&self, work: WorkId) -> Sheet {
        let mut answer = Answer::None;
        for _ in 0..10 {
            let sheet = self.on(|site| Control.advance(site, work, &answer, &mut |_| {})).unwrap();
            match sheet.ask {
                Ask::Go(_) => answer = Answer::Yes,
                _ => return sheet,
            }
        }
        panic!("asks without end");
    }

    fn run(&self, command: &str, change: impl FnOnce(Values) -> Values) -> Sheet {
        let values = Values::default().with("command", command).with("meters", "47 48");
        self.carry_on(self.begin(&change(values)).unwrap())
    }

    fn closed(&self) -> [bool; 2] {
        let fleet = self.fleet.lock().unwrap();
        [0, 1].map(|at: usize| fleet.meters()[at].is_closed())
    }

    fn arm(&self, at: usize, fault: Fault) {
        assert!(self.fleet.lock().unwrap().meters_mut()[at].arm(fault));
    }

    fn marks(&self) -> Vec<(Mark, MeterNo, String)> {
        let marks = self.story.store.marks();
        marks.into_iter().map(|row| (row.mark, row.meter, row.note)).collect()
    }
}

fn acts(sheet: &Sheet) -> Vec<(Sign, String, Option<Code>)> {
    let rows = sheet.rows.iter().filter(|row| row.meter.is_some());
    rows.map(|row| (row.sign, row.value.clone(), row.failure.as_ref().map(|f| f.code))).collect()
}

fn why(values: Values) -> Values {
    values.with("reason", "leak in the cellar")
}

/// A whole box, area or line is chosen by its name: on a keypad nobody types a hundred numbers.
/// What is written down are the numbers.
#[test]
fn meters_are_chosen_by_numbers_and_by_names_of_the_list() {
    let yard = Yard::new(Faults::NONE);
    let listed = [(47, "B7", "east"), (48, "", "east"), (49, "", "west"), (12, "", "")];
    let meters = listed.map(|(no, terminal, area)| AreaMeter {
        no: no.to_string().parse().unwrap(),
        account: None,
        customer: String::new(),
        location: String::new(),
        profile: String::new(),
        area: area.to_owned(),
        place: BusPlace {
            terminal: terminal.to_owned(),
            line: "/dev/tty1".to_owned(),
            ..BusPlace::default()
        },
    });
    let page = AreaPage { signed: vec![1], meters: meters.to_vec() };
    yard.story.store.install_area(1, &[page]).unwrap();
    let named = |text: &str| {
        let values = Values::default().with("meters", text);
        let found = choice::meters(&yard.story.store, &values, "meters");
        found.map(|all| all.iter().map(|no| no.to_string()[10..].to_owned()).collect::<Vec<_>>())
    };
    for (text, numbers) in [
        ("47", vec!["47"]),
        ("B7", vec!["47"]),
        ("b7 48", vec!["47", "48"]),
        ("EAST", vec!["47", "48"]),
        ("west, 47;east", vec!["49", "47", "48"]),
        ("ALL", vec!["47", "48", "49", "12"]),
        ("/dev/tty1", vec!["47", "48", "49", "12"]),
        // A number is a meter, listed or not.
        ("12 50", vec!["12", "50"]),
    ] {
        assert_eq!(named(text).unwrap(), numbers, "{text}");
    }
    for text in ["south", "47 12x", "B"] {
        let failure = named(text).unwrap_err();
        assert_eq!(failure.code, Code::FieldOdd, "{text}");
        assert!(failure.detail.starts_with("meters: "), "{}", failure.detail);
    }
    let east = Values::default().with("command", "keep-power-on").with("meters", "EAST");
    let plan = yard.on(|site| Control.plan(site, &why(east.clone()))).unwrap();
    let both: Vec<_> = ["47", "48"].map(|no| no.parse().unwrap()).to_vec();
    assert_eq!(plan.rows.iter().filter_map(|row| row.meter).collect::<Vec<_>>(), both);
    let work = yard.begin(&why(east)).unwrap();
    let begun = yard.story.store.errand(work).unwrap();
    let wanted = Values::of_notes(&begun.step.notes);
    assert_eq!(wanted.get("meters"), Some("000000000047 000000000048"), "not a name");
    yard.carry_on(work);
    assert_eq!(yard.marks().len(), 2);
}

#[test]
fn a_trip_asks_first_and_is_seen_in_the_meter() {
    let yard = Yard::new(Faults::NONE);
    let values = why(Values::default().with("command", "trip").with("meters", "47 48"));
    let plan = yard.on(|site| Control.plan(site, &values)).unwrap();
    assert_eq!(acts(&plan), vec![(Sign::Todo, "relay-closed".to_owned(), None); 2]);
    assert_eq!(yard.story.store.errands(), [], "a plan leaves nothing behind");
    let work = yard.begin(&values).unwrap();
    let mut asked = Vec::new();
    let mut answer = Answer::None;
    let sheet = loop {
        assert_eq!(yard.closed(), [true; 2], "nothing is sent before the checklist is done");
        let sheet = yard.on(|site| Control.advance(site, work, &answer, &mut |_| {})).unwrap();
        let Ask::Go(check) = sheet.ask else { break sheet };
        asked.push(check);
        answer = Answer::Yes;
    };
    assert_eq!(asked, ["check-right-meters", "check-people-told", "check-no-danger-off"]);
    assert_eq!(acts(&sheet), vec![(Sign::Good, "relay-open".to_owned(), None); 2]);
    assert!(sheet.done && sheet.exit.is_none());
    assert_eq!(yard.closed(), [false; 2]);
    let tripped: Vec<Mark> = yard.marks().iter().map(|(mark, ..)| *mark).collect();
    assert_eq!(tripped, [Mark::Tripped; 2]);
    let sheet = yard.run("close", |values| values);
    assert_eq!(acts(&sheet), vec![(Sign::Good, "relay-closed".to_owned(), None); 2]);
    assert_eq!((yard.closed(), yard.marks().len()), ([true; 2], 0));
}

#[test]
fn keep_power_needs_a_reason_and_is_listed_until_it_is_undone() {
    let yard = Yard::new(Faults::NONE);
    let values = Values::default().with("command", "keep-power-on").with("meters", "47");
    let refused = yard.begin(&values).unwrap_err();
    let told = (refused.code, refused.detail.as_str());
    assert_eq!(told, (Code::FieldOdd, "keep-power-on.reason"));
    yard.run("keep-power-on", why);
    let kept = yard.marks();
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[0].0, kept[0].2.as_str()), (Mark::KeepPower, "leak in the cellar"));
    let sheet = yard.run("trip", why);
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    for (sign, value, code) in acts(&sheet) {
        assert_eq!(
            (sign, value.as_str(), code),
            (Sign::Bad, "relay-kept", Some(Code::MeterRefused))
        );
    }
    assert_eq!(yard.closed(), [true; 2], "keep-power blocks a trip");
    yard.run("restore-prepaid", |values| values);
    assert_eq!(yard.marks(), []);
    // Whoever else put a meter there: the journal says that it is out of it.
    let ended = || {
        let all = yard.story.store.events(0, 10_000).into_iter();
        let off =
            |event: &Event| matches!(event, Event::Marked { mark: Mark::KeepPower, on: false, .. });
        all.filter(|entry| off(&entry.event)).count()
    };
    assert_eq!(ended(), 2);
    yard.run("restore-prepaid", |values| values);
    assert_eq!(ended(), 4, "without a mark here, too");
}

/// No document says how this maker's parameters are written: nothing is sent, with that reason.
#[test]
fn settings_of_a_maker_who_publishes_nothing_are_refused() {
    for profile in ["tms", "ko", "ko-2018", "tw-gateway"] {
        let yard = Yard::new(Faults::NONE);
        let values = Values::default()
            .with("command", "settings")
            .with("meters", "47")
            .with("alarm-1", "33.00");
        let plan = yard.of(profile, |site| Control.plan(site, &values)).unwrap();
        let told = plan.rows.iter().find_map(|row| row.failure.clone()).unwrap();
        assert_eq!(told.code, Code::NotPublished, "{profile}");
        assert!(told.detail.contains("[parameters]"), "{told:?}");
        let number: MeterNo = "47".parse().unwrap();
        let kept = |yard: &Yard| {
            let fleet = yard.fleet.lock().unwrap();
            fleet.meter(number).unwrap().parameters(&[0x0400_1001])
        };
        let before = kept(&yard);
        let sheet = yard.of(profile, |site| {
            let work = Control.begin(site, &values)?;
            Control.advance(site, work, &Answer::None, &mut |_| {})
        });
        let sheet = sheet.unwrap();
        let told = sheet.rows.iter().find_map(|row| row.failure.clone()).unwrap();
        assert_eq!((told.code, kept(&yard)), (Code::NotPublished, before), "{profile}");
        // Trying again would change nothing: it has come to its end.
        assert!(sheet.done && sheet.exit == Some(Code::WorkPartial), "{sheet:?}");
    }
}

#[test]
fn all_six_batch_commands_are_on_one_form() {
    let choices = Control.fields().iter().find_map(|field| match field.kind {
        FieldKind::Choice(choices) if field.key == "command" => Some(choices),
        _ => None,
    });
    let six = [
        "price-download",
        "settings",
        "keep-power-on",
        "restore-prepaid",
        "trip",
        "reading-export",
    ];
    for command in six {
        assert!(choices.unwrap().contains(&command), "{command}");
    }
    // Each says which field it cannot do without.
    let yard = Yard::new(Faults::NONE);
    for (command, field) in [
        ("price-download", "bundle"),
        ("reading-export", "round-export"),
        ("settings", "settings.alarm-1"),
        ("trip", "trip.reason"),
        ("nonsense", "command: nonsense"),
    ] {
        let values = Values::default().with("command", command).with("meters", "47");
        for refused in [
            yard.begin(&values).unwrap_err(),
            yard.on(|site| Control.plan(site, &values)).unwrap_err(),
        ] {
            assert_eq!((refused.code, refused.detail.as_str()), (Code::FieldOdd, field));
        }
    }
}

#[test]
fn every_field_of_every_errand_has_a_name_and_a_sentence() {
    for errand in all() {
        for field in errand.fields() {
            for lang in [Lang::En, Lang::Zh] {
                let name = work::word(lang, field.key);
                assert!(name.is_some(), "{:?} {}", errand.kind(), field.key);
                let said = hints::field(lang, field.key);
                assert!(said.contains(name.unwrap()), "{said}");
                let choices = match field.kind {
                    FieldKind::Choice(choices) => choices,
                    _ => &[],
                };
                assert!(choices.iter().all(|choice| work::word(lang, choice).is_some()));
            }
        }
    }
}

#[test]
fn a_lost_answer_is_settled_by_looking_and_nothing_is_sent_twice() {
    let yard = Yard::new(Faults::NONE);
    yard.arm(0, Fault::LostAck);
    let sheet = yard.run("trip", why);
    assert_eq!(acts(&sheet)[0], (Sign::Good, "relay-open".to_owned(), None));
    // How often it tripped, by the meter's own record (1D000001).
    let meter: MeterNo = "47".parse().unwrap();
    let count =
        yard.on(|site| site.on(meter, |line, stop| ask::read(line, stop.meter, &[0x1D00_0001], 1)));
    assert_eq!(count.unwrap().data(0x1D00_0001), Some(&[1, 0, 0][..]));
}

#[test]
fn what_was_begun_and_never_ended_is_looked_at_and_not_repeated() {
    let yard = Yard::new(Faults::NONE);
    let values = why(Values::default().with("command", "trip").with("meters", "47 48"));
    let work = yard.begin(&values).unwrap();
    // As if the program had ended between the entry and the frame (47), and behind the frame (48).
    for check in ["check-right-meters", "check-people-told", "check-no-danger-off"] {
        let id = (work, Control.kind());
        yard.on(|site| site.step(id, None, check, StepState::Done, Vec::new())).unwrap();
    }
    for meter in ["47", "48"] {
        let id = (work, Control.kind());
        let meter: MeterNo = meter.parse().unwrap();
        let begun = StepState::Begun;
        yard.on(|site| site.step(id, Some(meter), "control-act", begun, Vec::new())).unwrap();
    }
    let other = yard.begin(&why(Values::default().with("command", "trip").with("meters", "48")));
    yard.carry_on(other.unwrap());
    assert_eq!(yard.closed(), [true, false]);
    let sheet = yard.carry_on(work);
    let got = acts(&sheet);
    assert_eq!((got[0].0, got[1].0), (Sign::Unknown, Sign::Good), "{got:?}");
    assert_eq!(yard.closed(), [true, false], "the command is not sent again");
    assert!(sheet.done && sheet.exit == Some(Code::WorkPartial));
    let again = yard.carry_on(work);
    assert_eq!(acts(&again), got);
}

#[test]
fn a_silent_meter_stops_nobody_and_is_tried_again_when_it_is_carried_on() {
    let yard = Yard::new(Faults::NONE);
    for _ in 0..3 {
        yard.arm(0, Fault::NoReply);
    }
    let values = why(Values::default().with("command", "trip").with("meters", "47 48"));
    let work = yard.begin(&values).unwrap();
    let sheet = yard.carry_on(work);
    assert_eq!(acts(&sheet)[0].2, Some(Code::MeterSilent));
    assert_eq!((yard.closed(), sheet.done), ([true, false], false));
    let mut sheet = sheet;
    for _ in 0..5 {
        if sheet.done {
            break;
        }
        sheet = yard.carry_on(work);
    }
    assert_eq!((yard.closed(), sheet.done, sheet.exit), ([false; 2], true, None));
}

#[test]
fn a_wrong_or_missing_password_is_said_and_nothing_moves() {
    let yard = Yard::new(Faults::NONE);
    let values = Values::default().with("command", "settings").with("meters", "47");
    let values = values.with("alarm-1", "12.5");
    let work = yard.begin(&values).unwrap();
    let sheet = yard.with(None, |site| Control.advance(site, work, &Answer::None, &mut |_| {}));
    assert_eq!(acts(&sheet.unwrap())[0].2, Some(Code::PasswordMissing));
    let work = yard.begin(&values).unwrap();
    let sheet =
        yard.with(Some("123456"), |site| Control.advance(site, work, &Answer::None, &mut |_| {}));
    assert_eq!(acts(&sheet.unwrap())[0].2, Some(Code::MeterRefused));
}

#[test]
fn settings_are_written_where_they_differ_and_read_back() {
    let yard = Yard::new(Faults::NONE);
    let fill = |values: Values| {
        values.with("alarm-1", "12.5").with("alarm-2", "3").with("overload-w", "4400")
    };
    let sheet = yard.run("settings", fill);
    assert_eq!(acts(&sheet), vec![(Sign::Good, "settings-same".to_owned(), None); 2]);
    let values = fill(Values::default().with("command", "settings").with("meters", "47 48"));
    let plan = yard.on(|site| Control.plan(site, &values)).unwrap();
    assert_eq!(acts(&plan), vec![(Sign::Good, "settings-same".to_owned(), None); 2]);
    let entries = yard.story.store.events(1, 1_000);
    let begun = |event: &Event| {
        matches!(event, Event::Step(step)
            if step.name == "control-act" && step.state == StepState::Begun)
    };
    assert_eq!(entries.iter().filter(|entry| begun(&entry.event)).count(), 2);
}

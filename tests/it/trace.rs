//! Recordings of lines: what is written, that it plays back to the same reading, and that a driver
//! that asks otherwise is shown where.

use std::path::{Path, PathBuf};
use std::time::Duration;

use meterkit::jobs::views::{Failure, QuickRead};
use meterkit::jobs::{Cancel, Clock, Line, SystemClock, open, read, trace};
use meterkit::profile::Profile;
use meterkit::report::Code;
use meterkit::sim::Fleet;
use meterkit::sim::serve::FleetStation;
use meterkit::transport::wrap::{Event, Replay, parse_recordings};
use meterkit::transport::{self, Bus, Faults, LineSettings, Link, LinkError, VirtualLink};
use meterkit::units::{BusPlace, MeterNo};

const FLEET: &str = r#"
start = "2026-11-20T08:00:00"
[[meter]]
no = "000000000047"
account = "112233445566"
balance = "50.00"
count = 3
energy = "1234.56"
load_w = 0
"#;

fn station() -> FleetStation {
    FleetStation::new(Fleet::from_toml(FLEET).unwrap())
}

fn profile() -> Profile {
    Profile::built_in(meterkit::profile::DEFAULT).unwrap()
}

fn zone() -> SystemClock {
    SystemClock::new(Some("Asia/Shanghai")).unwrap()
}

fn card(link: &mut dyn Link, clock: &dyn Clock, meter: &str) -> Result<QuickRead, Failure> {
    let mut line = Line {
        link,
        profile: &profile(),
        clock,
        cancel: &Cancel::default(),
        wire: &mut |_| {},
        progress: &mut |_, _, _| {},
        doubtful: false,
        secret: None,
    };
    let meter: MeterNo = meter.parse().unwrap();
    read::read_at(&mut line, meter, &BusPlace::default()).map(|(card, _)| card)
}

/// A card without what depends on the second it was read in.
fn timeless(mut card: QuickRead) -> QuickRead {
    (card.took_ms, card.drift_s) = (0, card.drift_s.map(|_| 0));
    card.read_at = meterkit::units::UnixSeconds(0);
    card
}

/// A file with the recording of one reading, and its card.
fn recorded(folder: &Path, link: Box<dyn Link>, endpoint: &str) -> (PathBuf, QuickRead) {
    let file = folder.join("line.rec");
    let settings = open::settings(&profile());
    let about = trace::About { profile: &profile().id, settings: &settings, endpoint };
    let mut link = trace::record(link, &file, &about).unwrap();
    let card = card(link.as_mut(), &zone(), "47").unwrap();
    (file, card)
}

fn virtual_line(faults: Faults) -> Box<dyn Link> {
    let line = transport::Line::new(open::settings(&profile()), faults);
    Box::new(VirtualLink::over(Bus::paced(line, station())))
}

fn played(file: &Path, part: trace::Part) -> Result<(Replay, trace::ThenClock), Failure> {
    trace::play(trace::load(file, part)?, LineSettings::default(), zone())
}

#[cfg(feature = "serial")]
#[test]
fn a_reading_over_a_pty_plays_back_to_the_same_card() {
    use meterkit::transport::pty::Follow;
    let line = transport::Line::new(open::settings(&profile()), Faults::NONE);
    let server = transport::Server::on_pty(Bus::paced(line, station()), Follow::Baud).unwrap();
    let endpoint = server.endpoint().to_string();
    let link = open::line(Some(&endpoint), &open::settings(&profile())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, then) = recorded(folder.path(), link, &endpoint);
    let text = std::fs::read_to_string(&file).unwrap();
    for fact in ["# line: serial\n", "# settings: 2400-8E1\n", "# profile: ", "# opened: 20"] {
        assert!(text.contains(fact), "{fact}: {text}");
    }
    assert!(!text.contains("/dev/"), "where it was is nobody's business: {text}");
    let (mut replay, clock) = played(&file, trace::Part::default()).unwrap();
    let now = card(&mut replay, &clock, "47").unwrap();
    assert_eq!(trace::difference(&replay), None);
    assert_eq!(timeless(now.clone()), timeless(then.clone()));
    let apart = now.drift_s.unwrap() - then.drift_s.unwrap();
    assert!(apart.abs() <= 2, "the clock of that day, not of this: {apart} s");
}

#[test]
fn a_bad_line_plays_back_with_its_retries() {
    for seed in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults { echo: 0, ..Faults::every_family(seed) };
        let file = folder.path().join("line.rec");
        let settings = open::settings(&profile());
        let about = trace::About { profile: "x", settings: &settings, endpoint: "?" };
        let mut link = trace::record(virtual_line(faults), &file, &about).unwrap();
        let Ok(then) = card(link.as_mut(), &zone(), "47") else { continue };
        drop(link);
        let (mut replay, clock) = played(&file, trace::Part::default()).unwrap();
        let now = card(&mut replay, &clock, "47");
        let told = trace::difference(&replay);
        assert_eq!(now.map(timeless), Ok(timeless(then)), "seed {seed}: {told:?}");
        assert_eq!(told, None, "seed {seed}");
    }
}

#[test]
fn a_driver_that_asks_otherwise_is_shown_where() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = recorded(folder.path(), virtual_line(Faults::NONE), "/dev/ttyUSB0");
    // Another meter: the first byte of the address in the first question.
    let (mut replay, clock) = played(&file, trace::Part::default()).unwrap();
    card(&mut replay, &clock, "48").unwrap_err();
    let told = trace::difference(&replay).unwrap();
    assert_eq!(told.code, Code::TraceUnreadable);
    assert!(told.detail.contains("recorded 47 "), "{told:?}");
    assert!(told.detail.contains("sent 48 "), "{told:?}");
    // The line keeps saying so.
    assert!(matches!(replay.send(&[1]), Err(LinkError::Io(_))));
    // A driver that asks less: the recording has more.
    let text = std::fs::read_to_string(&file).unwrap();
    let sent: Vec<usize> = parse_recordings(&text).unwrap()[0]
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::Sent(_)))
        .map(|entry| entry.line)
        .collect();
    let more = format!("{text}@99999 > 68 16\n");
    std::fs::write(&file, &more).unwrap();
    let (mut replay, clock) = played(&file, trace::Part::default()).unwrap();
    card(&mut replay, &clock, "47").unwrap();
    assert!(trace::difference(&replay).unwrap().detail.contains("not sent now"));
    // One that asks more: the recording ends.
    let part = trace::Part { from: None, to: Some(sent[3] - 1) };
    let (mut replay, clock) = played(&file, part).unwrap();
    let _ = card(&mut replay, &clock, "47");
    let told = trace::difference(&replay).unwrap().detail;
    assert!(told.contains(&format!("line {}", sent[3])) && told.contains("nothing more"), "{told}");
}

#[test]
fn a_file_that_is_no_recording_is_refused_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.rec");
    let cases = [
        ("", "line 1"),
        ("# meterkit recording\n", "line 1"),
        ("# meterkit recording\n@1 > 68\nhello\n", "line 3"),
        ("@1 > 68\n@2 < ** 16\n", "line 2"),
        ("\u{7f}ELF", ""),
    ];
    for (text, words) in cases {
        std::fs::write(&file, text).unwrap();
        let told = played(&file, trace::Part::default()).map(|_| ()).unwrap_err();
        assert_eq!(told.code, Code::TraceUnreadable, "{text:?}: {told:?}");
        assert!(told.detail.contains(words), "{text:?}: {told:?}");
    }
    let told = played(&folder.path().join("none"), trace::Part::default()).map(|_| ()).unwrap_err();
    assert_eq!(told.code, Code::File);
}

#[test]
fn the_last_conversation_of_a_file_is_played_or_the_one_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (file, first) = recorded(folder.path(), virtual_line(Faults::NONE), "/dev/ttyUSB0");
    let lines = std::fs::read_to_string(&file).unwrap().lines().count();
    recorded(folder.path(), virtual_line(Faults::NONE), "/dev/ttyUSB0");
    for part in [trace::Part::default(), trace::Part { from: Some(1), to: Some(lines) }] {
        let (mut replay, clock) = played(&file, part).unwrap();
        assert_eq!(timeless(card(&mut replay, &clock, "47").unwrap()), timeless(first.clone()));
        assert_eq!(trace::difference(&replay), None);
    }
}

#[test]
fn tuning_is_recorded_and_played() {
    let settings = LineSettings::even(300);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line.rec");
    let line = transport::Line::new(settings, Faults::NONE);
    let link: Box<dyn Link> = Box::new(VirtualLink::over(Bus::paced(line, station())));
    let about = trace::About { profile: "x", settings: &settings, endpoint: "tcp://h:1" };
    let mut link = trace::record(link, &file, &about).unwrap();
    link.send(&[1, 2]).unwrap();
    assert_eq!(link.tune(&LineSettings::plain(9600)), Ok(true));
    link.send(&[3]).unwrap();
    drop(link);
    let play = || played(&file, trace::Part::default()).unwrap().0;
    let mut replay = play();
    replay.send(&[1, 2]).unwrap();
    assert_eq!(replay.tune(&LineSettings::plain(9600)), Ok(true));
    assert_eq!(replay.timing().character, LineSettings::plain(9600).character());
    replay.send(&[3]).unwrap();
    assert_eq!(trace::difference(&replay), None);
    let mut replay = play();
    replay.send(&[1, 2]).unwrap();
    assert!(replay.tune(&LineSettings::plain(4800)).is_err());
    assert!(trace::difference(&replay).unwrap().detail.contains("a change to 9600-8N1"));
    let mut replay = play();
    replay.send(&[1, 2]).unwrap();
    assert!(replay.send(&[3]).is_err(), "not at the old speed");
    assert!(replay.recv(&mut [0; 4], Duration::from_secs(1)).is_err());
}

/// Lines talk at the same time: each has a file of its own, and each plays back.
#[test]
fn several_lines_are_recorded_side_by_side() {
    use meterkit::jobs::lines::{Crew, Stop, read_all, routes};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("night.rec");
    let settings = open::settings(&profile());
    let meter: MeterNo = "47".parse().unwrap();
    let stop = |line: &str| Stop {
        meter,
        profile: profile(),
        place: BusPlace { line: line.to_owned(), ..BusPlace::default() },
    };
    let ports = ["/dev/ttyUSB0", "/dev/ttyUSB1", "tcp://10.0.0.7:4001", "tcp://10.0.0.7:4002"];
    let opened = |port: Option<&str>, settings: &LineSettings| {
        let own = trace::file_of(&file, port, Some(ports[0]));
        let endpoint = port.unwrap();
        let about = trace::About { profile: &profile().id, settings, endpoint };
        trace::record(virtual_line(Faults::NONE), &own, &about)
    };
    let clock = zone();
    let crew = Crew {
        open: &opened,
        settings: Some(settings),
        clock: &clock,
        cancel: &Cancel::default(),
        secret: None,
    };
    let routes = routes(ports.map(stop).to_vec(), None, None);
    let summary = read_all(&crew, &routes, &mut |_| {});
    assert_eq!((summary.read, summary.first), (4, None));
    let names = [
        "night.rec",
        "night.ttyUSB1.rec",
        "night.tcp___10.0.0.7_4001.rec",
        "night.tcp___10.0.0.7_4002.rec",
    ];
    let mut found: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut expected = names.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(found, expected);
    for name in names {
        let (mut replay, clock) =
            played(&folder.path().join(name), trace::Part::default()).unwrap();
        card(&mut replay, &clock, "47").unwrap();
        assert_eq!(trace::difference(&replay), None, "{name}");
    }
    // Without an end, and a line that is not named.
    assert_eq!(trace::file_of(Path::new("x"), Some("COM3"), None), Path::new("x.COM3"));
    assert_eq!(trace::file_of(&file, None, None), file);
}

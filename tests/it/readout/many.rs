//! Many meters at once: one that fails, a port that fails, a cancel.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::failure::fail;
use meterkit::jobs::lines::{self, Crew, Ended, Stop};
use meterkit::jobs::{Cancel, Failure};
use meterkit::report::Code;
use meterkit::transport::{LineSettings, Link};
use meterkit::units::{BusPlace, UnixSeconds};

use super::cost::{self, Case};

const CLOCK: TickClock = TickClock { base: UnixSeconds(0), offset_s: 0 };

fn stop(nth: u8, line: &str) -> Stop {
    Stop {
        meter: cost::meter(nth),
        profile: cost::profile(Case::Block, 9600),
        place: BusPlace { line: line.to_owned(), ..BusPlace::default() },
    }
}

type Opened = Result<Box<dyn Link>, Failure>;

fn run(
    stops: Vec<Stop>,
    open: &(dyn Fn(Option<&str>, &LineSettings) -> Opened + Sync),
    cancel: &Cancel,
    each: &mut dyn FnMut(Ended),
) -> lines::Summary {
    let routes = lines::routes(stops, Some("usual"), None);
    let crew = Crew { open, settings: None, clock: &CLOCK, cancel, secret: None };
    lines::read_all(&crew, &routes, each)
}

fn whole(_: Option<&str>, _: &LineSettings) -> Opened {
    Ok(cost::link(Case::Block, &cost::profile(Case::Block, 9600)).0)
}

#[test]
fn one_that_is_not_there_stops_nobody() {
    let mut ended = Vec::new();
    // 33 is on no line.
    let stops = vec![stop(33, ""), stop(1, ""), stop(2, "b"), stop(33, "b"), stop(3, "b")];
    let summary = run(stops, &whole, &Cancel::default(), &mut |one| {
        ended.push((one.meter.to_string(), one.port, one.result.map(|_| ()).map_err(|e| e.code)));
    });
    assert_eq!((summary.read, summary.silent, summary.failed), (3, 2, 0), "{summary:?}");
    assert_eq!(summary.first, Some(Code::MeterSilent));
    let on = |port: &str| {
        let mine = ended.iter().filter(|(_, own, _)| own.as_deref() == Some(port));
        mine.map(|(meter, _, result)| (meter[10..].to_owned(), *result)).collect::<Vec<_>>()
    };
    let silent = Err(Code::MeterSilent);
    assert_eq!(on("usual"), [("33".into(), silent), ("01".into(), Ok(()))]);
    assert_eq!(on("b"), [("02".into(), Ok(())), ("33".into(), silent), ("03".into(), Ok(()))]);
}

#[test]
fn a_port_that_does_not_open_is_not_tried_for_every_meter() {
    let tries = Mutex::new(0);
    let open = |port: Option<&str>, settings: &LineSettings| {
        if port == Some("dead") {
            *tries.lock().unwrap() += 1;
            return Err(fail(Code::PortMissing, "dead"));
        }
        whole(port, settings)
    };
    let stops = (1..=9).flat_map(|nth| [stop(nth, "dead"), stop(nth, "good")]).collect();
    let summary = run(stops, &open, &Cancel::default(), &mut |_| {});
    assert_eq!((summary.read, summary.failed), (9, 9), "{summary:?}");
    assert_eq!(*tries.lock().unwrap(), 2);
    assert_eq!(summary.first, Some(Code::PortMissing));
}

#[test]
fn one_cancel_ends_all_lines() {
    let cancel = Cancel::default();
    let stops = (1..=32).flat_map(|nth| [stop(nth, "a"), stop(nth, "b")]).collect();
    let mut seen = 0;
    let flag = cancel.clone();
    let summary = run(stops, &whole, &cancel, &mut |_| {
        seen += 1;
        flag.store(true, Ordering::Relaxed);
    });
    assert_eq!(seen, 64, "every meter is told of");
    assert_eq!(summary.read + summary.failed, 64, "{summary:?}");
    assert!(summary.first == Some(Code::Cancelled) || summary.read == 64, "{summary:?}");
}

#[test]
fn a_port_that_kills_its_worker_leaves_the_others() {
    let open = |port: Option<&str>, settings: &LineSettings| {
        assert_ne!(port, Some("mad"), "a driver that panics");
        whole(port, settings)
    };
    let stops = (1..=4).flat_map(|nth| [stop(nth, "mad"), stop(nth, "good")]).collect();
    let mut told = 0;
    let summary = run(stops, &open, &Cancel::default(), &mut |_| told += 1);
    assert_eq!((summary.read, summary.failed, told), (4, 4, 8), "{summary:?}");
    assert_eq!(summary.first, Some(Code::Internal));
}

#[test]
fn the_port_is_the_one_asked_for_else_the_lists_else_the_usual_one() {
    let place = |line: &str| BusPlace { line: line.to_owned(), ..BusPlace::default() };
    let port = |line, usual, forced| lines::port(&place(line), usual, forced);
    assert_eq!(port("a", Some("b"), Some("c")).as_deref(), Some("c"));
    assert_eq!(port("a", Some("b"), None).as_deref(), Some("a"));
    assert_eq!(port("", Some("b"), None).as_deref(), Some("b"));
    assert_eq!(port("", None, None), None);
}

//! The order of a survey, stopping it, going on, and never writing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bus::{MS, Modbus, Street, line, meters_645, random_numbers};
use super::{addresses, only, resumed, run};
use meterkit::jobs::survey::{self, Saved, Site, book, plan};
use meterkit::jobs::views::{
    Book, Gap, Sheet, SheetCell, SurveyEnd, SurveyPlan, SurveyProgress, SurveyProtocol,
};
use meterkit::jobs::{Cancel, Wire};
use meterkit::protocol::dlt645::frame::Decoder;
use meterkit::protocol::modbus::frame::open_rtu;
use meterkit::transport::LineSettings;

const LINE: LineSettings = LineSettings::plain(9600);

#[test]
fn everything_is_looked_for_in_likely_order() {
    let all = SurveyPlan::default();
    let steps: Vec<String> = plan::steps(&all)
        .iter()
        .map(|step| format!("{} {}", step.protocol.as_str(), step.settings))
        .collect();
    let dlt645: Vec<&str> = steps.iter().filter_map(|s| s.strip_prefix("dlt645 ")).collect();
    assert_eq!(dlt645, ["2400-8E1", "1200-8E1", "9600-8E1", "9600-8N1", "4800-8E1"]);
    let modbus: Vec<&str> = steps.iter().filter_map(|s| s.strip_prefix("modbus-rtu ")).collect();
    assert_eq!(&modbus[..2], ["9600-8N1", "9600-8E1"]);
    assert_eq!(steps.last().unwrap(), "iec62056-21 300-7E1");
    let one = only(SurveyProtocol::Cjt188, LineSettings::even(1200));
    assert_eq!(plan::steps(&one).len(), 1, "a speed that is not usual is tried when asked for");
    let more = plan::steps(&SurveyPlan { all: true, ..all });
    assert!(more.len() > steps.len());
}

#[test]
fn the_meters_settings_are_found_by_themselves() {
    let far = LineSettings::even(1200);
    let street = meters_645(&random_numbers(9, 3), 1, 40 * MS);
    let mut link = super::bus::wired(
        street,
        LineSettings::default(),
        far,
        Duration::ZERO,
        meterkit::transport::Faults::NONE,
    );
    let found = run(&mut link, LineSettings::default(), &SurveyPlan::default());
    assert_eq!(found.view.meters.len(), 3);
    assert!(found.view.meters.iter().all(|meter| meter.line == "1200-8E1"));
    assert_eq!(found.view.end, SurveyEnd::Enough);
    assert!(found.view.not_searched.iter().any(|gap| gap.why == Gap::FoundEnough));
}

#[test]
fn nothing_that_changes_a_meter_is_ever_sent() {
    let street = meters_645(&random_numbers(4, 5), 1, 60 * MS);
    for (mut link, settings) in [
        (line(street, LineSettings::default()), LineSettings::default()),
        (line(Street { modbus: vec![Modbus::new(9, 30 * MS)], ..Street::default() }, LINE), LINE),
    ] {
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let cancel = Cancel::default();
        let mut wire = |piece: Wire<'_>| {
            if !piece.received {
                sent.push(piece.bytes.to_vec());
            }
        };
        let site = Site {
            link: &mut link,
            opened: settings,
            terminals: &[],
            cancel: &cancel,
            wire: &mut wire,
        };
        let plan = SurveyPlan { all: true, ..SurveyPlan::default() };
        survey::run(site, &plan, &mut |_| {}, None).unwrap();
        assert!(sent.len() > 1000, "{}", sent.len());
        for bytes in &sent {
            let mut decoder = Decoder::new();
            decoder.push(bytes);
            let dlt645 = decoder.next().and_then(Result::ok).map(|frame| frame.control);
            let modbus = open_rtu(bytes).map(|(_, pdu)| pdu[0]);
            let cjt188 = bytes.get(13).copied().filter(|_| bytes[4] == 0x68 && bytes.len() == 20);
            let good = matches!(dlt645, Some(0x01 | 0x11 | 0x13))
                || matches!(modbus, Some(0x03 | 0x07))
                || cjt188 == Some(0x03)
                || bytes == b"/?!\r\n"
                // DL/T 698.45: GetRequest.
                || bytes.len() == 29 && bytes[18] == 0x05 && bytes[19] == 0x01;
            assert!(good, "{bytes:02X?}");
        }
    }
}

#[test]
fn progress_counts_down() {
    let mut told: Vec<SurveyProgress> = Vec::new();
    let mut link = line(Street::default(), LINE);
    let cancel = Cancel::default();
    let site =
        Site { link: &mut link, opened: LINE, terminals: &[], cancel: &cancel, wire: &mut |_| {} };
    let plan = only(SurveyProtocol::Modbus, LINE);
    survey::run(site, &plan, &mut |p| told.push(p.clone()), None).unwrap();
    assert!(told.len() > 400);
    assert!(told.windows(2).all(|pair| pair[1].left_s <= pair[0].left_s), "only down");
    assert!(told[0].left_s >= 7 && told[0].left_s <= 9, "{:?}", told[0]);
    assert_eq!(told.last().unwrap().left_s, 0);
}

/// Stopped at any moment, what was found stays; resumed until it is whole, everything is found
/// that one run finds.
#[test]
fn stopped_anywhere_it_goes_on_from_there() {
    let numbers = random_numbers(2, 12);
    let units = [3, 90, 91, 200];
    let cases: [(SurveyPlan, LineSettings); 2] = [
        (only(SurveyProtocol::Dlt645, LineSettings::default()), LineSettings::default()),
        (only(SurveyProtocol::Modbus, LINE), LINE),
    ];
    for (plan, settings) in cases {
        let street = || Street {
            modbus: units.map(|unit| Modbus::new(unit, 30 * MS)).to_vec(),
            ..meters_645(&numbers, 2, 60 * MS)
        };
        let whole = run(&mut line(street(), settings), settings, &plan);
        for every in [40, 77] {
            let mut saved: Option<Saved> = None;
            let mut parts = 0;
            let ended = loop {
                let mut link = line(street(), settings);
                let cancel = Cancel::default();
                let stop = cancel.clone();
                let mut frames = 0;
                let mut wire = |piece: Wire<'_>| {
                    frames += u32::from(!piece.received);
                    if frames > every {
                        stop.store(true, Ordering::Relaxed);
                    }
                };
                let site = Site {
                    link: &mut link,
                    opened: settings,
                    terminals: &[],
                    cancel: &cancel,
                    wire: &mut wire,
                };
                let part = survey::run(site, &plan, &mut |_| {}, saved.take()).unwrap();
                parts += 1;
                assert!(parts < 200, "it never ends");
                if part.view.end != SurveyEnd::Stopped {
                    break part;
                }
                // Through the file and back.
                let text = part.saved.to_text().unwrap();
                let back = Saved::from_text(&text).unwrap();
                assert_eq!(back, part.saved);
                saved = Some(back);
            };
            assert!(parts > 1, "{parts}");
            assert_eq!(addresses(&ended.view), addresses(&whole.view));
        }
    }
}

#[test]
fn an_unplugged_adapter_ends_it_with_what_was_found() {
    let mut link = line(Street { modbus: vec![Modbus::new(1, 5 * MS)], ..Street::default() }, LINE);
    let plan = only(SurveyProtocol::Modbus, LINE);
    let first = run(&mut link, LINE, &plan);
    assert_eq!(first.view.end, SurveyEnd::Enough);
    link.unplug();
    let broken = run(&mut link, LINE, &plan);
    assert!(matches!(broken.view.end, SurveyEnd::Broken(_)), "{:?}", broken.view.end);
    link.plug();
    let again = resumed(&mut link, LINE, &plan, Some(broken.saved));
    assert_eq!(addresses(&again.view), ["1"]);
}

#[test]
fn a_file_that_is_no_survey_is_refused() {
    for text in ["", "{}", "[1]", "{\"version\": 1}"] {
        assert!(Saved::from_text(text).is_err(), "{text}");
    }
    let saved = Saved::new(&SurveyPlan::default(), "2400-8E1".to_owned());
    let newer = saved.to_text().unwrap().replace("\"version\": 1", "\"version\": 2");
    assert!(Saved::from_text(&newer).unwrap_err().detail.contains("version 2"));
}

#[test]
fn a_book_is_read_back_by_another_library() {
    use calamine::Reader;
    let cells = |n: f64| vec![SheetCell::Text("000000000042".into()), SheetCell::Number(n)];
    let sheet = Sheet {
        name: "Meters".into(),
        head: vec!["Address".into(), "ms".into()],
        rows: vec![cells(20.5), cells(30.0), vec![SheetCell::Empty]],
    };
    let book = Book { name: "survey".into(), sheets: vec![sheet.clone()] };
    let folder = tempfile::tempdir().unwrap();
    let first = book::save(folder.path(), &book).unwrap();
    let second = book::save(folder.path(), &book).unwrap();
    assert_ne!(first, second, "an older one is not overwritten");
    let mut back: calamine::Xlsx<_> = calamine::open_workbook(&first).unwrap();
    let range = back.worksheet_range("Meters").unwrap();
    assert_eq!(range.get_value((0, 0)).unwrap().to_string(), "Address");
    assert_eq!(range.get_value((1, 0)).unwrap().to_string(), "000000000042");
    assert_eq!(range.get_value((1, 1)).unwrap().to_string(), "20.5");
    let quoted = Sheet { head: vec!["a,b".into(), "say \"no\"".into()], ..sheet };
    let text = book::csv(&quoted);
    assert!(text.starts_with("\u{FEFF}\"a,b\",\"say \"\"no\"\"\"\r\n000000000042,20.5\r\n"));
}

/// Bytes without end, noise after everything, a byte a second: the survey ends, and says so.
#[test]
fn a_hostile_line_cannot_hold_it() {
    use super::bus::chatter;
    let babble: Vec<u8> = (0..=255).collect();
    for (bytes, every, most) in [
        (babble.as_slice(), 267 * MS, 400),
        (&[0x68, 0x01, 0xFE, 0x55][..], 40 * MS, 400),
        (&[0x42][..], Duration::from_secs(1), 900),
    ] {
        let plan = only(SurveyProtocol::Modbus, LINE);
        let mut link = line(Street::default(), LINE);
        chatter(&mut link, bytes, MS, every, Duration::from_secs(12));
        let found = run(&mut link, LINE, &plan);
        let took = Duration::from_millis(found.view.took_ms);
        assert!(took < Duration::from_secs(most), "{took:?}");
        assert!(found.view.meters.is_empty());
    }
}

#[test]
fn a_bad_line_loses_no_meter() {
    use super::bus::wired;
    use meterkit::transport::Faults;
    let numbers = random_numbers(8, 16);
    let units = [1, 2, 50, 51, 120, 246];
    for seed in 1..=6 {
        let faults = Faults {
            seed,
            lost: Faults::PERCENT,
            corrupted: Faults::PERCENT / 20,
            noise: Faults::PERCENT / 50,
            ..Faults::NONE
        };
        let even = LineSettings::default();
        let street = meters_645(&numbers, 3, 60 * MS);
        let mut link = wired(street, even, even, Duration::ZERO, faults.clone());
        let found = run(&mut link, even, &only(SurveyProtocol::Dlt645, even));
        assert_eq!(found.view.meters.len(), 16, "seed {seed}");
        let modbus = units.map(|unit| Modbus::new(unit, 15 * MS)).to_vec();
        let street = Street { modbus, ..Street::default() };
        let mut link = wired(street, LINE, LINE, Duration::ZERO, faults);
        let found = run(&mut link, LINE, &only(SurveyProtocol::Modbus, LINE));
        assert_eq!(addresses(&found.view), ["1", "2", "50", "51", "120", "246"], "seed {seed}");
    }
}

/// The questions are those of the reference, byte for byte (`vectors/other.jsonl`, 698-addr-req and
/// cj-addr-water; the latter has other wake-up bytes and serial).
#[test]
fn the_questions_to_everybody_are_the_references() {
    use meterkit::jobs::survey::spot;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let addr = "6817004345aaaaaaaaaaaa005b4f05012540010200000a9216";
    assert_eq!(hex(&spot::dlt698_address()[4..]), addr);
    let water = "6810aaaaaaaaaaaaaa0303810a00af16";
    assert_eq!(hex(&spot::cjt188_address(0x10)[4..]), water);
    let answer: Vec<u8> = (0..70)
        .step_by(2)
        .map(|at| {
            let text = "682100c305330920390000004a55850125400102000109060000392009330000b2d816";
            u8::from_str_radix(&text[at..at + 2], 16).unwrap()
        })
        .collect();
    let found = spot::spot(&answer, &|_| false);
    assert_eq!(found.spots.len(), 1, "{found:?}");
    assert_eq!(found.spots[0].address, "000039200933");
}

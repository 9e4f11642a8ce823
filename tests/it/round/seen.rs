//! What a plain reading leaves behind beside itself: the balance that lists show, and the alarm of
//! a meter that was swapped out.

use std::time::Duration;

use meterkit::jobs::errand::{Sheet, Sign, Values};
use meterkit::jobs::meters;
use meterkit::jobs::swap::back;
use meterkit::jobs::views::{SurveyMeter, SurveyProtocol};
use meterkit::report::Code;
use meterkit::store::{Event, Reading, Shown, Stamp};
use meterkit::units::{Credit, CreditUnit, Evidence, Mark, MeterNo, PurchaseCount, UnixSeconds};

use super::yard::{Yard, no};

fn yard() -> Yard {
    let meter = |no: u32| {
        format!("[[meter]]\nno = \"{no}\"\naccount = \"{no}\"\nbalance = \"50.00\"\ncount = 3\n")
    };
    Yard::new(&[("a", format!("seed = 4\n{}{}", meter(47), meter(48)))])
}

fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(1), boot_ms: 0, operator: "test".into() }
}

fn yuan(value: i64) -> Credit {
    Credit { value, unit: CreditUnit::Yuan }
}

#[test]
fn a_plain_reading_shows_its_balance_in_the_lists_and_is_no_evidence() {
    let mut yard = yard();
    let row = |yard: &Yard| meters::row(yard.store(), UnixSeconds(0), no(47)).unwrap();
    assert_eq!(row(&yard).balance, None);
    yard.round("47");
    let first = yard.store().meter(no(47)).unwrap();
    let seen = first.seen.unwrap();
    assert_eq!(seen.shown, Shown { balance: yuan(5_000), overdraft: 0, count: PurchaseCount(3) });
    assert_eq!(first.last, None, "decisions about money see nothing of it");
    assert_eq!(row(&yard).balance, Some((yuan(5_000), seen.read_at)));
    // Also when the index is built anew from the journal.
    yard.restart();
    assert_eq!(yard.store().meter(no(47)).unwrap().seen, Some(seen));
    // The newer one counts, with its own age.
    yard.pass("a", Duration::from_secs(3_600));
    yard.round("47");
    let second = yard.store().meter(no(47)).unwrap();
    assert!(second.seen.unwrap().read_at.0 >= seen.read_at.0 + 3_600);
    assert_eq!(second.last, None);
    // Evidence behind it is shown as well, and is what money goes by.
    let proved = Evidence {
        meter: no(47),
        account: None,
        count: PurchaseCount(9),
        balance: yuan(700),
        overdraft: 0,
        last_purchase: None,
        energy: None,
        meter_clock: None,
        relay: None,
        read_at: UnixSeconds(second.seen.unwrap().read_at.0 + 1),
        frames_digest: [0; 32],
    };
    let reading = Reading {
        meter: no(47),
        items: Vec::new(),
        profile: String::new(),
        values: Vec::new(),
        evidence: Some(proved.clone()),
        shown: None,
        read_at: proved.read_at,
        took_ms: 0,
        frames_digest: [0; 32],
    };
    yard.store().append(&stamp(), Event::Reading(reading)).unwrap();
    let third = yard.store().meter(no(47)).unwrap();
    assert_eq!(
        (third.last.as_ref(), row(&yard).balance),
        (Some(&proved), Some((yuan(700), proved.read_at)))
    );
    // And a plain reading behind that takes nothing away from it.
    yard.round("47");
    let fourth = yard.store().meter(no(47)).unwrap();
    assert_eq!(fourth.last, Some(proved), "the evidence stays what it was");
    assert_ne!(fourth.seen.unwrap().shown.balance, yuan(700));
}

fn swapped_out(yard: &Yard, meter: MeterNo) {
    let note = "000000000099 1".to_owned();
    let event = Event::Marked { meter, mark: Mark::SwappedOut, on: true, note };
    yard.store().append(&stamp(), event).unwrap();
}

fn alarms(yard: &Yard) -> usize {
    let events = yard.store().events(1, 10_000);
    let codes = events.iter().filter_map(|entry| match &entry.event {
        Event::Refused { code, .. } => Some(code.as_str()),
        _ => None,
    });
    codes.filter(|code| *code == Code::SwappedBack.as_str()).count()
}

fn told(sheet: &Sheet) -> Vec<(MeterNo, Sign, Code)> {
    let rows = sheet.rows.iter().filter(|row| row.name == "swapped-out");
    rows.map(|row| (row.meter.unwrap(), row.sign, row.failure.as_ref().unwrap().code)).collect()
}

#[test]
fn a_round_tells_of_a_meter_that_was_swapped_out() {
    let history = "history_days = 3\ncurve_min = 60\n";
    let meter = |no: u32| format!("[[meter]]\nno = \"{no}\"\naccount = \"{no}\"\n{history}");
    let mut yard = Yard::new(&[("a", format!("seed = 4\n{}{}", meter(47), meter(48)))]);
    swapped_out(&yard, no(48));
    let sheet = yard.round("47 48");
    assert!(sheet.done);
    assert_eq!(told(&sheet), [(no(48), Sign::Bad, Code::SwappedBack)]);
    assert_eq!(alarms(&yard), 1, "in the journal, for the office");
    yard.restart();
    // A curve is an answer, too.
    let form = Values::default().with("meters", "47 48").with("round-what", "round-curve");
    let form = form.with("round-from", "2026-11-19").with("round-to", "2026-11-19");
    let work = yard.begin(&form);
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done, "{sheet:?}");
    assert_eq!(told(&sheet), [(no(48), Sign::Bad, Code::SwappedBack)]);
    assert_eq!(alarms(&yard), 2);
}

#[test]
fn a_survey_tells_of_it_once_however_often_it_is_found() {
    let yard = yard();
    swapped_out(&yard, no(48));
    let found = |protocol, address: &str| SurveyMeter {
        protocol,
        address: address.to_owned(),
        line: "2400-8E1".to_owned(),
        turnaround_us: None,
        answers: 1,
        doubled: 0,
    };
    let meters = [
        found(SurveyProtocol::Dlt645, "000000000047"),
        found(SurveyProtocol::Dlt645, "000000000048"),
        found(SurveyProtocol::Dlt698, "000000000048"),
        // An address on a bus is not a meter's number.
        found(SurveyProtocol::Modbus, "48"),
    ];
    let told = back::surveyed(yard.store(), &stamp(), &meters);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].code, Code::SwappedBack);
    assert_eq!(told[0].detail, "000000000048 > 000000000099");
    assert_eq!(alarms(&yard), 1);
    assert!(back::surveyed(yard.store(), &stamp(), &meters[3..]).is_empty());
}

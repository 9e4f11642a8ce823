//! What a thing to look at rests on is linked with it: entries, readings, receipts, tokens.

use super::desk::{COUNT, Desk, METER, NOW, evidence, meter};
use meterkit::office::ReviewRow;
use meterkit::store::{Event, Reading};
use meterkit::sync::checkpoint::head;
use meterkit::units::{Decision, Evidence, UnixSeconds};

const AMOUNT: i64 = 10_000;

fn reading(seen: Evidence) -> Event {
    Event::Reading(Reading {
        meter: seen.meter,
        items: vec![],
        profile: String::new(),
        values: vec![],
        read_at: seen.read_at,
        evidence: Some(seen),
        shown: None,
        took_ms: 1,
        frames_digest: [7; 32],
    })
}

fn open(desk: &Desk) -> Vec<ReviewRow> {
    desk.local.wait(desk.office().reviews(false)).unwrap()
}

#[test]
fn a_disputed_token_has_its_intent_its_outcome_and_its_read_back() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, AMOUNT).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(token);
    let intent = head(&handheld.store).unwrap().seq;
    handheld.outcome(token, Decision::TornWrite);
    let outcome = head(&handheld.store).unwrap().seq;
    handheld.sync(&desk.post()).unwrap();
    let rows = open(&desk);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = desk.local.wait(desk.office().review(&rows[0].id)).unwrap();
    assert_eq!(row, rows[0]);
    let rests = &row.rests;
    let seqs: Vec<u64> = rests.entries.iter().map(|entry| entry.seq).collect();
    assert!(seqs.contains(&intent) && seqs.contains(&outcome), "{rests:?}");
    assert_eq!(rests.tokens, [token.to_string()]);
    // The receipt named is the one its handheld was given for these entries.
    let named = &rests.receipts[0];
    assert_eq!((rests.receipts.len(), named.device.as_str()), (1, "hh-1"));
    let given = desk.local.wait(desk.office().devices()).unwrap()[0].receipts;
    assert_eq!(named.number, given, "the newest pack's");
    let read = &rests.readings[0];
    assert_eq!((read.source.as_str(), read.meter.as_str()), ("journal", METER));
    assert_eq!((read.count, read.balance, read.read_at), (COUNT + 1, Some(0), NOW));
    assert_eq!((row.epoch, row.device.as_str()), (1, "hh-1"));
}

/// A reading that is behind: beside it stands what was known before.
#[test]
fn a_reading_stands_beside_what_was_known() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let mut seen = evidence(meter(METER), COUNT - 1, 70, None);
    seen.read_at = UnixSeconds(NOW + 60);
    handheld.append(reading(seen));
    handheld.sync(&desk.post()).unwrap();
    let rows = open(&desk);
    assert_eq!(rows[0].class, "C5");
    let of = |source: &str| {
        let found = rows[0].rests.readings.iter().find(|read| read.source == source);
        found.map(|read| (read.count, read.balance))
    };
    assert_eq!(of("journal"), Some((COUNT - 1, Some(70))));
    assert_eq!(of("office"), Some((COUNT, Some(0))), "{:?}", rows[0].rests);
    // A count that is ahead: known is what was known before it.
    let mut ahead = evidence(meter(METER), COUNT + 9, 90, None);
    ahead.read_at = UnixSeconds(NOW + 120);
    handheld.append(reading(ahead));
    handheld.sync(&desk.post()).unwrap();
    let rows = open(&desk);
    let row = rows.iter().find(|row| row.class == "C4").unwrap();
    let counts: Vec<u32> = row.rests.readings.iter().map(|read| read.count).collect();
    assert_eq!(counts, [COUNT + 9, COUNT]);
}

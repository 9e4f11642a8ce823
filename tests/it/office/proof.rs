//! A token in doubt, and what proves that it was not used.

use super::desk::{COUNT, Desk, Handheld, METER, NOW, device, evidence, figure, meter};
use meterkit::office::{MeterShows, OfficeError, Unused, Verdict};
use meterkit::store::{Event, Reading, Withdrawal};
use meterkit::units::{Decision, PurchaseCount, TokenId, UnixSeconds};
use std::sync::atomic::Ordering;

const AMOUNT: i64 = 10_000;
const DAY: i64 = 86_400;

fn proof(desk: &Desk, token: TokenId) -> Option<Unused> {
    desk.local.wait(desk.office().proof_unused(token)).unwrap()
}

fn settle(
    desk: &Desk,
    token: TokenId,
    shows: Option<(u32, Option<i64>)>,
) -> Result<(), OfficeError> {
    let shows = shows.map(|(count, record)| MeterShows { count: PurchaseCount(count), record });
    let settled = desk.office().settle_proved(token, Verdict::NotBooked, ("looked", shows));
    desk.local.wait(settled).map(drop)
}

/// A token that a handheld has and that was taken back, and so is in doubt.
fn in_doubt() -> (Desk, Handheld, TokenId) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, AMOUNT).id;
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().revoke_token(token)).unwrap();
    assert_eq!(figure(&desk.report(), "suspect"), 1);
    (desk, handheld, token)
}

fn wait(desk: &Desk, seconds: i64) {
    desk.clock.fetch_add(seconds, Ordering::Relaxed);
}

#[test]
fn time_alone_proves_nothing() {
    let (desk, _handheld, token) = in_doubt();
    wait(&desk, 60 * DAY);
    assert_eq!(proof(&desk, token), None);
    assert_eq!(settle(&desk, token, None).unwrap_err().code(), "no-proof");
    assert_eq!(figure(&desk.report(), "in-transit"), AMOUNT);
}

#[test]
fn a_journal_past_its_life_without_an_intent_proves_it() {
    let (desk, handheld, token) = in_doubt();
    wait(&desk, 3 * DAY + 3600);
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + 3 * DAY + 3600) });
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(proof(&desk, token), None, "an hour after its life, and not a second less");
    wait(&desk, 1);
    handheld.sync(&desk.post()).unwrap();
    // The anchor of that exchange goes up with the next one.
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + 3 * DAY + 3601) });
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(proof(&desk, token), Some(Unused::Journal));
    settle(&desk, token, None).unwrap();
    assert_eq!(figure(&desk.report(), "voided"), 1);
    let again = desk.issue_to("hh-1", METER, AMOUNT);
    assert_eq!(again.count_before, PurchaseCount(COUNT));
}

/// The same journal with an intent in it proves nothing, however old it is; nor does that of a
/// handheld that is stopped.
#[test]
fn a_journal_with_an_intent_proves_nothing() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, AMOUNT).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token, Decision::Unreachable);
    wait(&desk, 30 * DAY);
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + 30 * DAY) });
    handheld.sync(&desk.post()).unwrap();
    assert_eq!((proof(&desk, token), figure(&desk.report(), "suspect")), (None, 1));
    let (desk, handheld, token) = in_doubt();
    wait(&desk, 30 * DAY);
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + 30 * DAY) });
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    let known = proof(&desk, token);
    assert!(matches!(known, None | Some(Unused::Withdrawn)), "{known:?}");
}

#[test]
fn a_token_that_left_the_cache_unsent_is_proved_unused() {
    let (desk, handheld, token) = in_doubt();
    let reason = Withdrawal::Superseded;
    handheld.append(Event::TokenWithdrawn { id: token, reason, receipt: 1 });
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(proof(&desk, token), Some(Unused::Withdrawn));
    settle(&desk, token, None).unwrap();
    assert_eq!(figure(&desk.report(), "in-transit"), 0);
}

#[test]
fn a_meter_read_after_its_life_at_the_same_count_proves_it() {
    let (desk, _one, token) = in_doubt();
    let two = desk.handheld("hh-2");
    wait(&desk, 4 * DAY);
    let mut seen = evidence(meter(METER), COUNT, 0, None);
    seen.read_at = UnixSeconds(NOW + 4 * DAY);
    two.append(Event::Reading(Reading {
        meter: meter(METER),
        items: vec![],
        profile: String::new(),
        values: vec![],
        evidence: Some(seen),
        shown: None,
        read_at: UnixSeconds(NOW + 4 * DAY),
        took_ms: 1,
        frames_digest: [7; 32],
    }));
    two.sync(&desk.post()).unwrap();
    assert_eq!(proof(&desk, token), Some(Unused::ReadBack));
    settle(&desk, token, None).unwrap();
}

#[test]
fn a_person_who_read_the_meter_must_say_what_proves_it() {
    let cases = [
        (Some((COUNT, None)), true),
        (Some((COUNT + 1, None)), false),
        (Some((COUNT + 1, Some(AMOUNT))), false),
        (Some((COUNT + 1, Some(AMOUNT - 1))), true),
        (Some((COUNT - 1, Some(1))), false),
        (None, false),
    ];
    for (shows, good) in cases {
        let (desk, _handheld, token) = in_doubt();
        let settled = settle(&desk, token, shows);
        assert_eq!(settled.is_ok(), good, "{shows:?}");
        let reviews = figure(&desk.report(), "in-transit");
        assert_eq!(reviews, if good { 0 } else { AMOUNT }, "{shows:?}");
    }
}

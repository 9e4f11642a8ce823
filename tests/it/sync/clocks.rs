//! A handheld's clock that was turned, and money that moved meanwhile.

use crate::office::desk::{Desk, METER, NOW, figure};
use meterkit::store::{Bounds, Event, Stamp};
use meterkit::units::{Decision, TokenId, UnixSeconds};
use std::sync::atomic::Ordering;

use crate::office::desk::{COUNT, Handheld, evidence, judgement};

const AMOUNT: i64 = 10_000;

/// The whole recharge, as a clock tells it that says `at`.
fn recharge(handheld: &Handheld, token: TokenId, at: i64) {
    let stamp = Stamp { at: UnixSeconds(at), boot_ms: 2000, operator: "li".to_owned() };
    let facts = handheld.store.token(token).unwrap().facts;
    let before = evidence(facts.meter, COUNT, 0, None);
    handheld.store.intent(&stamp, facts.intent(), before, &Bounds::NONE).unwrap();
    let said = judgement(Decision::Confirmed, facts.meter, COUNT, facts.credit.value);
    handheld.store.outcome(&stamp, token, said).unwrap();
}

/// The classes called for when the clock said so much more than it was; the money is booked.
fn called_for(off: i64) -> Vec<String> {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    desk.clock.fetch_add(3600, Ordering::Relaxed);
    recharge(&handheld, issued.id, NOW + 3600 + off);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT, "what is in the meter is booked");
    desk.open_classes()
}

#[test]
fn money_under_a_clock_that_was_turned_goes_to_a_person() {
    for fine in [0, -3600, 800, -3600 - 800] {
        assert_eq!(called_for(fine), [""; 0], "{fine} s off");
    }
    for turned in [1000, 86_400, -3600 - 1000, -86_400] {
        assert_eq!(called_for(turned), ["C9"], "{turned} s off");
    }
}

/// A clock that was put back does not make a token young again: the office's own word, which
/// stands in the journal before, says that its time was over.
#[test]
fn a_clock_that_was_put_back_saves_no_expired_token() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    desk.clock.fetch_add(4 * 86_400, Ordering::Relaxed);
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + 4 * 86_400) });
    recharge(&handheld, issued.id, NOW + 60);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C3", "C9"]);
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
    let why = desk.local.wait(desk.office().reviews(false)).unwrap();
    let why = &why.iter().find(|row| row.class == "C9").unwrap().why;
    assert!(why.contains("it said 2026-09-21T") && why.contains("between 2026-09-25T"), "{why}");
}

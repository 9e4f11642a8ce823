//! The leave: what is checked before it is signed, what it reserves, how it ends.

use std::sync::atomic::Ordering;

use meterkit::office::{NewSwap, Order, SwapIssued, SwapState};
use meterkit::units::{Decision, PurchaseCount};

use crate::office::desk::{COUNT, Desk, METER, NOW, TENANT, account, device, figure, meter};

const NEW: &str = "000000000048";
const DAY: i64 = 86_400;

fn leave() -> NewSwap {
    NewSwap {
        most: Some(10_000),
        provisional: 3_000,
        ..NewSwap::new(meter(METER), meter(NEW), device("hh-1"))
    }
}

fn issue(desk: &Desk, new: &NewSwap) -> Result<SwapIssued, &'static str> {
    let issued = desk.local.wait(desk.office().issue_swap(new));
    issued.map_err(|error| error.code())
}

#[test]
fn what_is_not_right_is_not_signed() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let before = desk.report();
    let wrong = [
        (NewSwap { new: meter(METER), ..leave() }, "usage"),
        (NewSwap { old: meter("99"), ..leave() }, "no-meter"),
        (NewSwap { device: device("hh-9"), ..leave() }, "no-device"),
        (NewSwap { days: 0, ..leave() }, "days"),
        (NewSwap { days: 8, ..leave() }, "days"),
        (NewSwap { most: None, ..leave() }, "usage"),
        (NewSwap { most: Some(-1), ..leave() }, "amount"),
        (NewSwap { most: Some(10_000_001), ..leave() }, "amount"),
        (NewSwap { provisional: 10_000_001, ..leave() }, "amount"),
        (NewSwap { arrears: -1, ..leave() }, "amount"),
        (NewSwap { count: Some(PurchaseCount(u32::MAX)), ..leave() }, "count-end"),
    ];
    for (new, code) in wrong {
        assert_eq!(issue(&desk, &new).unwrap_err(), code, "{new:?}");
    }
    // A meter in use, and one for which a token is out.
    desk.add_meter(NEW);
    let other = NewSwap { account: "77".parse().ok(), ..leave() };
    assert_eq!(issue(&desk, &other).unwrap_err(), "meter-other");
    assert_eq!(desk.report(), before, "a refusal changes nothing");
    let token = desk.issue_to("hh-1", METER, 100);
    assert_eq!(issue(&desk, &leave()).unwrap_err(), "tokens-out");
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    assert_eq!(issue(&desk, &leave()).unwrap_err(), "quarantined");
}

#[test]
fn it_says_what_is_known_and_reserves_both_meters() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    // The balance of the last reading is what may be carried over if nothing else is said.
    let token = desk.issue_to("hh-1", METER, 4_321);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    let issued = issue(&desk, &NewSwap { most: None, ..leave() }).unwrap();
    let facts = &issued.facts;
    assert_eq!((facts.most, facts.count, facts.seq), (4_321, PurchaseCount(0), 1));
    assert_eq!((facts.old_account, facts.account), (account(), account()));
    let ring = {
        let (roots, keysets) = (desk.office().roots(), desk.office().keysets());
        let first = meterkit_tokens::Root::verify(&roots[0], TENANT, None).unwrap();
        let first = first.hash().unwrap();
        let keyset = keysets.last().unwrap();
        meterkit_tokens::Authority::build(TENANT, first, &roots, keyset).unwrap().keyring()
    };
    let document = meterkit_tokens::SwapToken::verify(&issued.bytes, TENANT, &ring).unwrap();
    assert_eq!((document.most, document.expires), (4_321, NOW + 3 * DAY));
    assert_eq!(document.device, "hh-1");
    // Neither meter gets anything until it has ended; the limits know what may be advanced.
    for no in [METER, NEW] {
        let order = Order { meter: meter(no), amount: 1, device: device("hh-1"), days: 1 };
        let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
        assert_eq!(error.code(), "swap-open", "{no}");
    }
    assert_eq!(issue(&desk, &leave()).unwrap_err(), "swap-open");
    let back = NewSwap { old: meter(METER), new: meter("49"), ..leave() };
    assert_eq!(issue(&desk, &back).unwrap_err(), "swap-open");
    let devices = desk.local.wait(desk.office().devices()).unwrap();
    assert_eq!(devices[0].carried.yuan, 3_000, "what may be advanced is out with the handheld");
    assert_eq!(figure(&desk.report(), "in-transit"), 0);
}

#[test]
fn it_is_delivered_once_and_withdrawn_with_a_word() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = issue(&desk, &leave()).unwrap();
    let id = issued.facts.id;
    let first = handheld.sync(&desk.post()).unwrap();
    assert_eq!((first.tokens, first.refused.len()), (1, 0));
    let row = handheld.store.swap(id).unwrap();
    assert_eq!((row.facts, &row.bytes), (issued.facts, &issued.bytes));
    let state = || desk.local.wait(desk.office().swap(id)).unwrap().state;
    assert_eq!(state(), SwapState::Delivered);
    let second = handheld.sync(&desk.post()).unwrap();
    assert_eq!((second.tokens, second.known), (0, 0), "a leave that is there is not sent again");
    desk.local.wait(desk.office().withdraw_swap(id)).unwrap();
    assert_eq!(state(), SwapState::Voided);
    let again = desk.local.wait(desk.office().withdraw_swap(id)).unwrap_err();
    assert_eq!(again.code(), "swap-stands");
    handheld.sync(&desk.post()).unwrap();
    let row = handheld.store.swap(id).unwrap();
    assert!(row.withdrawn && row.revoked, "{row:?}");
    assert_eq!(handheld.sync(&desk.post()).unwrap().withdrawn, 0, "told once");
    assert_eq!(desk.open_classes(), [""; 0]);
    // Both meters are free again, and the numbers go on.
    let token = desk.issue_to("hh-1", METER, 100);
    assert_eq!(token.count_before, PurchaseCount(COUNT));
}

/// One that was carried by hand before the exchange: known already, and delivered all the same.
#[test]
fn by_file_or_qr_and_by_exchange_it_is_the_same_leave() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = issue(&desk, &leave()).unwrap();
    let code = meterkit_tokens::RechargeToken::qr_text(&issued.bytes);
    let stamp = handheld.stamp();
    let done = meterkit::jobs::tokens::import_bytes(&handheld.store, &stamp, code.as_bytes());
    assert_eq!((done.taken.as_slice(), done.refused.len()), (&[issued.facts.id][..], 0));
    handheld.sync(&desk.post()).unwrap();
    let info = desk.local.wait(desk.office().swap(issued.facts.id)).unwrap();
    assert_eq!(info.state, SwapState::Delivered);
    assert_eq!(handheld.sync(&desk.post()).unwrap().tokens, 0);
}

#[test]
fn tokens_and_leaves_come_in_one_row_with_nothing_lost_between_pages() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    for no in 100..230 {
        let (old, new) = (no.to_string(), (no + 1_000).to_string());
        desk.add_meter(&old);
        if no % 3 == 0 {
            let new = NewSwap {
                provisional: 0,
                most: Some(1),
                ..NewSwap::new(meter(&old), meter(&new), device("hh-1"))
            };
            issue(&desk, &new).unwrap();
        } else {
            desk.issue_to("hh-1", &old, 1);
        }
    }
    let report = handheld.sync(&desk.post()).unwrap();
    assert_eq!((report.tokens, report.refused.len()), (130, 0));
    assert_eq!(handheld.store.swaps().len(), 43);
    assert_eq!(desk.report().swaps[1], ("delivered", 43));
}

#[test]
fn expired_is_not_void_until_another_takes_its_place() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    let first = issue(&desk, &leave()).unwrap().facts.id;
    desk.clock.fetch_add(3 * DAY + 60, Ordering::Relaxed);
    assert_eq!(issue(&desk, &leave()).unwrap_err(), "swap-open", "a clock may be behind ours");
    desk.clock.fetch_add(3_600, Ordering::Relaxed);
    let second = issue(&desk, &leave()).unwrap();
    assert_eq!(second.facts.seq, 2, "numbers are not used twice");
    let swap = |id| desk.local.wait(desk.office().swap(id)).unwrap();
    assert_eq!(swap(first).state, SwapState::Voided);
    assert_eq!(swap(second.facts.id).state, SwapState::Reserved);
}

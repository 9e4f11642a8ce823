//! While a restored office waits for a journal, nothing that decides on money is done: what it
//! would decide on may be known to the handheld that has not come yet.

use super::restored::{OTHER, Yard, day, restore};
use crate::office::desk::{COUNT, METER, device, meter};
use meterkit::office::{
    CloseMeter, Deed, Fencing, MeterShows, NewOnline, NewSwap, OfficeError, OnlineShown, Order,
    SwapMove, SwapTo, Verdict,
};
use meterkit::units::{Act, PurchaseCount, TokenId};

/// What is not known here; every act has to be refused before it is even looked for.
const UNKNOWN: TokenId = TokenId([7; 16]);

/// Every act of the office that decides on money, and what it says.
fn acts(yard: &Yard, out: TokenId) -> Vec<(&'static str, Result<(), OfficeError>)> {
    let (local, office) = (&yard.local, yard.office());
    let order = |no: &str| Order { meter: meter(no), amount: 1, device: device("hh-1"), days: 3 };
    let new = NewOnline { meter: meter(METER), amount: 10, count: PurchaseCount(COUNT) };
    let shown = OnlineShown { count: PurchaseCount(COUNT), record: None, balance: None };
    let leave = NewSwap::new(meter(METER), meter("49"), device("hh-1"));
    let moved = SwapMove { variance: false, to: SwapTo::Customer, amount: 1 };
    let shows = MeterShows { count: PurchaseCount(COUNT), record: None };
    let refund = Deed::of(Act::Refund);
    let settled = ("a test says so", Some(shows));
    let why = "a test says so";
    let (reason, receipt) = (why.to_owned(), String::new());
    let close = CloseMeter { meter: meter(OTHER), reason, paid: Some(0), receipt };
    vec![
        ("a recharge", local.wait(office.issue(&order(METER))).map(drop)),
        ("a refund", local.wait(office.issue_for(&order(OTHER), refund)).map(drop)),
        ("the same step again", local.wait(office.reissue(out, 3)).map(drop)),
        ("an account closed", local.wait(office.close_meter_would(&close)).map(drop)),
        ("a swap", local.wait(office.issue_swap(&leave)).map(drop)),
        ("the end of a swap", local.wait(office.close_swap(UNKNOWN, true, why)).map(drop)),
        ("what a swap left", local.wait(office.settle_swap(UNKNOWN, moved, why)).map(drop)),
        ("a recharge from here", local.wait(office.begin_online(&new)).map(drop)),
        ("its end", local.wait(office.end_online(UNKNOWN, &shown)).map(drop)),
        ("one that was made", local.wait(office.record_online(&new, &shown)).map(drop)),
        (
            "a token in doubt",
            local.wait(office.settle_proved(out, Verdict::NotBooked, settled)).map(drop),
        ),
    ]
}

#[test]
fn nothing_is_decided_on_money_while_a_journal_is_waited_for() {
    let day = day();
    let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
    let out = day.replaced[0].id;
    let before = second.report();
    for (act, said) in acts(&second, out) {
        let refused = said.expect_err(act);
        assert!(matches!(refused, OfficeError::Restored(3)), "{act}: {refused}");
    }
    // A handheld can be called lost at any time, and what it has stays with it.
    let how = Fencing { to: Some(device("hh-1")), days: 3 };
    let fenced = second.local.wait(second.office().fence(&device("hh-2"), &how)).unwrap();
    let left: Vec<_> = fenced.left.iter().map(|(token, code, _)| (*token, *code)).collect();
    assert_eq!((left, fenced.reissued.len()), (vec![(out, "restored")], 0));
    let after = second.report();
    assert_eq!((after.balances, after.postings), (before.balances, before.postings));
    // It was the waiting alone that kept them: nobody waits, and each says what it says else.
    for name in ["hh-1", "hh-2", "*"] {
        second.accept(name);
    }
    for (act, said) in acts(&second, out) {
        let restored = matches!(said, Err(OfficeError::Restored(_)));
        assert!(!restored, "{act}: nobody is waited for any more");
    }
    let fenced = second.local.wait(second.office().fence(&device("hh-2"), &how)).unwrap();
    assert!(fenced.left.iter().all(|(_, code, _)| *code != "restored"), "{:?}", fenced.left);
    second.report();
}

//! Accounts the office closes: once, when nothing is out, and never more paid back than the meter
//! proved.

use meterkit::office::{
    CloseMeter, ClosedMeter, NewMeter, OfficeError, Order, Period, SalesAsk, SalesBy, Verdict,
};
use meterkit::store::{Event, Step};
use meterkit::units::{Decision, ErrandKind, StepState, TokenId, WorkId};

use super::desk::{Desk, Handheld, METER, account, device, figure, meter};

fn close(paid: Option<i64>, receipt: &str) -> CloseMeter {
    let reason = "moved out".to_owned();
    CloseMeter { meter: meter(METER), reason, paid, receipt: receipt.to_owned() }
}

fn closed(desk: &Desk, close: &CloseMeter) -> Result<ClosedMeter, OfficeError> {
    desk.local.wait(desk.office().close_meter(close))
}

fn code<T: std::fmt::Debug>(result: Result<T, OfficeError>) -> &'static str {
    result.unwrap_err().code()
}

/// A desk with a handheld that has booked 100.00, and whose journal closed the account.
fn ended() -> (Desk, Handheld, TokenId) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, 10_000).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token, Decision::Confirmed);
    handheld.append(Event::Step(Step {
        errand: WorkId([9; 16]),
        kind: ErrandKind::Account,
        meter: Some(meter(METER)),
        name: "closing-reading".to_owned(),
        state: StepState::Done,
        notes: vec![("to-refund".to_owned(), "100.00 CNY".to_owned())],
    }));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C8"]);
    (desk, handheld, token)
}

fn places(desk: &Desk) -> [i64; 4] {
    let report = desk.report();
    ["customer", "in-transit", "meter-held", "revenue"].map(|place| figure(&report, place))
}

#[test]
fn a_closed_account_is_off_the_list_and_its_balance_is_paid_back_once() {
    let (desk, handheld, _) = ended();
    let would = desk.local.wait(desk.office().close_meter_would(&close(Some(10_000), "R-1")));
    assert_eq!(would.unwrap().paid.value, 10_000);
    assert_eq!(desk.open_classes(), ["C8"], "nothing was done");
    assert_eq!(code(closed(&desk, &close(None, ""))), "paid-unsaid", "100.00 nobody spoke of");
    assert_eq!(code(closed(&desk, &close(Some(10_001), "R-1"))), "paid-over", "more than it held");
    assert_eq!(code(closed(&desk, &close(Some(100), ""))), "paid-receipt", "no receipt");
    let no_reason = CloseMeter { reason: " ".into(), ..close(Some(0), "") };
    assert_eq!(code(closed(&desk, &no_reason)), "usage");
    let done = closed(&desk, &close(Some(10_000), "R-1")).unwrap();
    assert_eq!((done.before, done.balance.value, done.paid.value), (false, 10_000, 10_000));
    // What was paid for is the customer's again until a shift says that it was income.
    assert_eq!(places(&desk), [-10_000, 0, 0, 10_000]);
    assert!(desk.open_classes().is_empty(), "the call is answered");
    assert!(closed(&desk, &close(Some(10_000), "R-1")).unwrap().before, "the same does nothing");
    assert!(closed(&desk, &close(Some(10_000), " R-1 ")).unwrap().before, "typed with blanks");
    assert_eq!(code(closed(&desk, &close(Some(9_000), "R-2"))), "meter-closed");
    assert_eq!(code(closed(&desk, &close(None, ""))), "meter-closed");
    assert_eq!(places(&desk), [-10_000, 0, 0, 10_000]);
    let order = Order { meter: meter(METER), amount: 100, device: device("hh-1"), days: 3 };
    assert_eq!(code(desk.local.wait(desk.office().issue(&order))), "meter-closed");
    handheld.sync(&desk.post()).unwrap();
    let listed = handheld.store.meter(meter(METER)).map(|row| row.customer).unwrap_or_default();
    assert_eq!(listed, "", "off the list of the handheld");
    let ask = SalesAsk { period: Period::Year, by: SalesBy::Device, from: None, to: None };
    let sales = desk.local.wait(desk.office().sales(&ask)).unwrap();
    assert_eq!(sales.iter().map(|row| row.sum.refunded).sum::<i64>(), 10_000, "{sales:?}");
}

#[test]
fn nothing_is_closed_while_a_token_may_still_be_used() {
    let (desk, handheld, _) = ended();
    let out = desk.issue_to("hh-1", METER, 500).id;
    let error = closed(&desk, &close(Some(10_000), "R-1")).unwrap_err();
    assert_eq!(error.code(), "tokens-out");
    assert!(error.to_string().contains("settle"), "what to do next: {error}");
    let revoke = || desk.local.wait(desk.office().revoke_tokens_of(meter(METER))).unwrap();
    assert_eq!((revoke(), revoke()), (vec![out], vec![out]));
    assert_eq!(code(closed(&desk, &close(Some(10_000), "R-1"))), "tokens-out", "not known yet");
    handheld.sync(&desk.post()).unwrap();
    desk.settle(out, Verdict::NotBooked, "never sent").unwrap();
    closed(&desk, &close(Some(10_000), "R-1")).unwrap();
    assert_eq!(revoke(), []);
    desk.report();
}

/// A handheld that used its token all the same, and tells of it when the account is closed.
#[test]
fn a_token_used_late_calls_a_person_and_posts_nothing() {
    let (desk, handheld, _) = ended();
    let out = desk.issue_to("hh-1", METER, 500).id;
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().revoke_tokens_of(meter(METER))).unwrap();
    desk.settle(out, Verdict::NotBooked, "the meter was read").unwrap();
    closed(&desk, &close(Some(10_000), "R-1")).unwrap();
    let before = places(&desk);
    handheld.recharge(out, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(places(&desk), before, "no money moves by itself");
    assert!(!desk.open_classes().is_empty(), "a person is told");
}

#[test]
fn two_desks_at_once_close_an_account_once() {
    let (desk, _handheld, _) = ended();
    let (one, two) = (close(Some(10_000), "R-1"), close(Some(10_000), "R-2"));
    let office = desk.office();
    let (a, b) =
        desk.local.wait(async { tokio::join!(office.close_meter(&one), office.close_meter(&two)) });
    let codes: Vec<_> =
        [a, b].into_iter().map(|done| done.map_err(|error| error.code()).err()).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 1, "{codes:?}");
    assert!(codes.contains(&Some("meter-closed")), "{codes:?}");
    assert_eq!(places(&desk), [-10_000, 0, 0, 10_000]);
}

#[test]
fn a_receipt_is_booked_for_one_meter_and_a_meter_is_listed_again_with_another_account() {
    let (desk, _handheld, _) = ended();
    closed(&desk, &close(Some(10_000), "R-1")).unwrap();
    let mut other = NewMeter::new(meter("48"), account(), "Li", "B2");
    other.balance = 500;
    desk.local.wait(desk.office().add_meters(&[other])).unwrap();
    let second = CloseMeter { meter: meter("48"), ..close(Some(500), "R-1") };
    assert!(closed(&desk, &second).unwrap_err().to_string().contains("R-1"));
    let none = CloseMeter { meter: meter("48"), ..close(Some(0), "") };
    closed(&desk, &none).unwrap();
    let again = |no: &str, number: &str| {
        let new = NewMeter::new(meter(no), number.parse().unwrap(), "Wang", "B2");
        desk.local.wait(desk.office().add_meters(&[new]))
    };
    assert_eq!(code(again(METER, &account().to_string())), "meter-closed", "never that account");
    again(METER, "777").unwrap();
    let line = desk.local.wait(desk.office().meter_sheet(meter(METER))).unwrap().found;
    assert_eq!((line.closed, line.line.customer.as_str()), (None, "Wang"));
    // Its count goes on where the meter stands.
    let issued = desk.issue_to("hh-1", METER, 100);
    assert_eq!(issued.count_before.0, super::desk::COUNT + 1);
    assert_eq!(code(closed(&desk, &close(Some(10_000), "R-1"))), "tokens-out");
    desk.report();
}

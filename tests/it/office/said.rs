//! What a handheld said at its shift's end, against what the office has when the shift is closed.

use super::desk::{Desk, Handheld, METER, NOW, device, operator};
use meterkit::office::{Held, Next, Shift, ShiftOf, ShiftSaid};
use meterkit::store::Event;
use meterkit::sync::checkpoint::{head, sign};
use meterkit::sync::wire::Checkpoint;
use meterkit::units::{CreditUnit, Decision, Role, TokenId, UnixSeconds};

const AMOUNT: i64 = 10_000;

/// A handheld that signs what its shift came to, as it says.
fn says(handheld: &Handheld, applied: i64, out: i64) -> Vec<u8> {
    let what = Checkpoint {
        device: handheld.store.identity().device.clone(),
        at: head(&handheld.store).unwrap(),
        time: UnixSeconds(NOW + 10),
        operator: operator("li"),
        since: UnixSeconds(NOW),
        counts: [1, 0, 0],
        applied: [applied, 0],
        out: [out, 0],
    };
    sign(&handheld.store, &handheld.key(), &what).unwrap()
}

/// An operator is at work; one of two tokens was used.
fn at_work() -> (Desk, Handheld, [TokenId; 2]) {
    let desk = Desk::new();
    desk.hire("li", Role::Recharge);
    let handheld = desk.handheld("hh-1");
    desk.add_meter("48");
    let tokens = [METER, "48"].map(|no| desk.issue_to("hh-1", no, AMOUNT).id);
    handheld.sync(&desk.post()).unwrap();
    handheld.append(Event::LoggedIn {
        operator: operator("li"),
        grant: TokenId([0; 16]),
        role: Role::Recharge,
        failures: 0,
    });
    handheld.recharge(tokens[0], Decision::Confirmed);
    (desk, handheld, tokens)
}

fn shift(desk: &Desk) -> Shift {
    desk.local.wait(desk.office().shift_now(&ShiftOf::Device(device("hh-1")))).unwrap()
}

fn said(desk: &Desk) -> ShiftSaid {
    let mut said = shift(desk).said;
    assert_eq!(said.len(), 1, "{said:#?}");
    said.remove(0)
}

/// Said, here, what it carries, what is out here: fen.
fn figures(said: &ShiftSaid) -> (i64, i64, Option<(i64, i64)>) {
    assert_eq!(said.sums.len(), 1, "{said:?}");
    let sum = &said.sums[0];
    assert_eq!(sum.unit, CreditUnit::Yuan);
    (sum.said, sum.here, sum.out)
}

#[test]
fn what_is_right_is_said_to_be_the_same() {
    let (desk, handheld, _) = at_work();
    says(&handheld, AMOUNT, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    let said = said(&desk);
    assert_eq!(figures(&said), (AMOUNT, AMOUNT, Some((AMOUNT, AMOUNT))));
    assert_eq!((said.next(), said.tokens.len(), said.held), (Next::Nothing, 0, Held::Extends));
    // Closed, it says the same; of an operator's shift, too.
    let of = ShiftOf::Device(device("hh-1"));
    let closed = desk.local.wait(desk.office().close_shift(&of)).unwrap();
    assert_eq!(closed.said, std::slice::from_ref(&said));
    let list = desk.local.wait(desk.office().shifts(Some(&of))).unwrap();
    assert_eq!(list[0].said, std::slice::from_ref(&said));
    let of = ShiftOf::Operator(operator("li"));
    assert_eq!(desk.local.wait(desk.office().shift_now(&of)).unwrap().said, [said]);
}

/// The handheld believes a credit the office cannot book: named to the fen, with its token, and
/// gone once a person has settled it.
#[test]
fn a_credit_that_is_not_booked_is_named() {
    let (desk, handheld, tokens) = at_work();
    // The second: its read-back has another amount in the purchase record.
    handheld.intent(tokens[1]);
    let facts = handheld.store.token(tokens[1]).unwrap().facts;
    let mut judged =
        super::desk::judgement(Decision::Confirmed, facts.meter, facts.count_before.0, AMOUNT);
    judged.after.as_mut().unwrap().last_purchase.as_mut().unwrap().amount = AMOUNT - 1;
    handheld.store.outcome(&handheld.stamp(), tokens[1], judged).unwrap();
    says(&handheld, 2 * AMOUNT, 0);
    handheld.sync(&desk.post()).unwrap();
    let told = said(&desk);
    assert_eq!(figures(&told), (2 * AMOUNT, AMOUNT, Some((0, AMOUNT))));
    assert_eq!((told.sums[0].off(), told.sums[0].out_off()), (AMOUNT, -AMOUNT));
    assert_eq!((told.next(), &told.tokens[..]), (Next::Settle, &tokens[1..]));
    let verdict = meterkit::office::Verdict::Booked;
    desk.settle(tokens[1], verdict, "read on site").unwrap();
    let told = said(&desk);
    assert_eq!((told.next(), told.tokens.len()), (Next::Nothing, 0), "{told:#?}");
}

/// A sum that is not that of its entries, and that no token explains.
#[test]
fn a_sum_nothing_explains_goes_to_a_supervisor() {
    let (desk, handheld, _) = at_work();
    says(&handheld, AMOUNT + 1, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    let said = said(&desk);
    assert_eq!((said.sums[0].off(), said.next()), (1, Next::Ask));
}

/// What is signed for and not here is waited for; what went on afterwards is of another moment.
#[test]
fn a_checkpoint_ahead_of_the_journal_waits() {
    let (desk, handheld, tokens) = at_work();
    let document = says(&handheld, AMOUNT, AMOUNT);
    desk.local.wait(desk.office().take_checkpoint(&document)).unwrap();
    let told = said(&desk);
    assert_eq!((told.next(), told.held), (Next::Wait, Held::Waiting));
    assert_eq!(figures(&told), (AMOUNT, 0, None));
    handheld.recharge(tokens[1], Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    let told = said(&desk);
    assert_eq!(figures(&told), (AMOUNT, AMOUNT, None), "the second act is not of that shift");
    assert_eq!(told.next(), Next::Nothing);
}

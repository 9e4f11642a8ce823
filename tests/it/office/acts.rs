//! Tokens of every act in the office's books: where the money is, which step is taken, what the
//! list says.

use meterkit::office::{Deed, Issued, OfficeError, Order, Verdict};
use meterkit::store::{Bounds, Event, Step};
use meterkit::sync::wire::EntryOutcome;
use meterkit::text::conflict;
use meterkit::units::{
    AccountNo, Act, Decision, ErrandKind, Evidence, Judgement, PurchaseCount, StepState, TokenId,
    WorkId,
};

use super::desk::{
    ACCOUNT, COUNT, Desk, Handheld, METER, account, device, evidence, figure, meter,
};

fn issue(desk: &Desk, deed: Deed, amount: i64) -> Result<Issued, OfficeError> {
    let order = Order { meter: meter(METER), amount, device: device("hh-1"), days: 3 };
    desk.local.wait(desk.office().issue_for(&order, deed))
}

/// The handheld gets the token, uses it, and the read-back shows this.
fn used(desk: &Desk, handheld: &Handheld, token: TokenId, after: Evidence) {
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(token);
    let judgement =
        Judgement { decision: Decision::Confirmed, after: Some(after), refusal_word: None };
    handheld.store.outcome(&handheld.stamp(), token, judgement).unwrap();
    handheld.sync(&desk.post()).unwrap();
}

/// Customer, in transit, in the meter; the ledger is sound at any time.
fn places(desk: &Desk) -> [i64; 3] {
    let report = desk.report();
    ["customer", "in-transit", "meter-held"].map(|place| figure(&report, place))
}

/// A desk with a handheld that has booked 100.00.
fn booked() -> (Desk, Handheld, TokenId) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, 10_000).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(places(&desk), [-10_000, 0, 10_000]);
    (desk, handheld, token)
}

#[test]
fn an_account_closed_in_the_field_calls_a_person_with_what_is_to_be_paid_back() {
    let (desk, handheld, _) = booked();
    let notes = [
        ("account", ACCOUNT),
        ("energy", "2000.01 kWh"),
        ("count", "6"),
        ("balance", "100.00 CNY"),
        ("to-refund", "100.00 CNY"),
    ];
    let closing = |name: &str, state| {
        handheld.append(Event::Step(Step {
            errand: WorkId([9; 16]),
            kind: ErrandKind::Account,
            meter: Some(meter(METER)),
            name: name.to_owned(),
            state,
            notes: notes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }));
        handheld.sync(&desk.post()).unwrap()
    };
    // What is only begun, and what no closing is, calls nobody.
    closing("closing-reading", StepState::Begun);
    closing("account-money", StepState::Done);
    assert_eq!(desk.open_classes(), [""; 0]);
    let told = closing("closing-reading", StepState::Done);
    let why = "an account was closed in the field, its balance is to be paid back";
    let said: Vec<_> = told.outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    assert!(said.contains(&EntryOutcome::Review(format!("C8 {why}"))), "{said:?}");
    let open = desk.local.wait(desk.office().reviews(false)).unwrap();
    let [review] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!((review.meter.as_deref(), review.token.as_deref()), (Some(METER), None));
    assert_eq!(review.why, format!("{why}: 100.00 CNY / {ACCOUNT} / 2000.01 kWh / n=6"));
    assert!(conflict::why(&review.why).is_some());
    // No money moves by itself; he gives it back with a refund, and the entry is put away.
    assert_eq!(places(&desk), [-10_000, 0, 10_000]);
    desk.local.wait(desk.office().close_review(&review.id, "refund issued")).unwrap();
    let refund = issue(&desk, Deed::of(Act::Refund), 10_000).unwrap();
    used(&desk, &handheld, refund.id, shows(COUNT + 1, 0));
    assert_eq!((places(&desk), desk.open_classes()), ([0, 0, 0], Vec::new()));
}

fn shows(count: u32, balance: i64) -> Evidence {
    evidence(meter(METER), count, balance, None)
}

#[test]
fn a_refund_moves_money_when_the_meter_shows_it_and_takes_no_step() {
    let (desk, handheld, _) = booked();
    let refund = issue(&desk, Deed::of(Act::Refund), 4_000).unwrap();
    assert_eq!((refund.act, refund.count_before), (Act::Refund, PurchaseCount(COUNT + 1)));
    assert_eq!(places(&desk), [-10_000, 0, 10_000], "nothing is in transit with a debit");
    // The next purchase does not wait for it.
    let next = desk.issue_to("hh-1", METER, 500);
    assert_eq!(next.count_before, PurchaseCount(COUNT + 1));
    used(&desk, &handheld, refund.id, shows(COUNT + 1, 6_000));
    assert_eq!(places(&desk), [-6_500, 500, 6_000]);
    assert_eq!(desk.open_classes(), [""; 0]);
    // A step in between speaks against it.
    let second = issue(&desk, Deed::of(Act::Refund), 1_000).unwrap();
    assert_eq!(second.count_before, PurchaseCount(COUNT + 2), "behind what is out");
}

#[test]
fn a_debit_the_line_doubled_is_named_to_the_fen() {
    let (desk, handheld, _) = booked();
    let refund = issue(&desk, Deed::of(Act::Refund), 4_000).unwrap().id;
    handheld.sync(&desk.post()).unwrap();
    let facts = handheld.store.token(refund).unwrap().facts.intent();
    let before = shows(COUNT + 1, 10_000);
    handheld.store.intent(&handheld.stamp(), facts, before, &Bounds::NONE).unwrap();
    let after = Some(shows(COUNT + 1, 2_000));
    let judgement = Judgement { decision: Decision::TornWrite, after, refusal_word: None };
    handheld.store.outcome(&handheld.stamp(), refund, judgement).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let open = desk.local.wait(desk.office().reviews(false)).unwrap();
    let why: Vec<&str> = open.iter().map(|row| row.why.as_str()).collect();
    assert_eq!(
        why,
        ["the balance did not fall by the amount: it fell by 80.00 CNY where 40.00 CNY was to go \
          out, 40.00 CNY too much"]
    );
    // Nothing is booked before a person settles it.
    assert_eq!(places(&desk), [-10_000, 0, 10_000]);
    // Booked: the customer's 40.00, and as much again in the variance: the meter holds 20.00.
    let variance = || figure(&desk.report(), "variance");
    let settle = |verdict| desk.settle(refund, verdict, "read on site");
    settle(Verdict::Booked).unwrap();
    assert_eq!((places(&desk), variance()), ([-6_000, 0, 2_000], 4_000));
    assert_eq!(settle(Verdict::Booked).unwrap_err().code(), "not-in-dispute");
    assert_eq!(variance(), 4_000, "and not a second time");
    // The same outcome again, in a pack or as a late reading, posts nothing by itself.
    handheld.sync(&desk.post()).unwrap();
    assert_eq!((places(&desk), variance()), ([-6_000, 0, 2_000], 4_000));
}

/// What was booked by mistake is taken back whole, the variance with it, and can be booked again.
#[test]
fn a_doubled_debit_that_is_unbooked_takes_its_excess_back() {
    let (desk, handheld, _) = booked();
    let refund = issue(&desk, Deed::of(Act::Refund), 4_000).unwrap().id;
    handheld.sync(&desk.post()).unwrap();
    let facts = handheld.store.token(refund).unwrap().facts.intent();
    handheld
        .store
        .intent(&handheld.stamp(), facts, shows(COUNT + 1, 10_000), &Bounds::NONE)
        .unwrap();
    let torn = |balance| Judgement {
        decision: Decision::TornWrite,
        after: Some(shows(COUNT + 1, balance)),
        refusal_word: None,
    };
    handheld.store.outcome(&handheld.stamp(), refund, torn(1_999)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let variance = || figure(&desk.report(), "variance");
    let settle = |verdict| desk.settle(refund, verdict, "read on site");
    settle(Verdict::Booked).unwrap();
    assert_eq!((places(&desk), variance()), ([-6_000, 0, 1_999], 4_001));
    // Before it hears of that, the handheld reads the meter again, and puts it before a person.
    handheld.store.outcome(&handheld.stamp(), refund, torn(10_000)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C10"]);
    settle(Verdict::NotBooked).unwrap();
    assert_eq!((places(&desk), variance()), ([-10_000, 0, 10_000], 0));
}

/// A debit that took out what it should, settled by a person for another reason: no variance.
#[test]
fn a_debit_that_is_right_to_the_fen_has_no_excess() {
    let (desk, handheld, _) = booked();
    let refund = issue(&desk, Deed::of(Act::Refund), 4_000).unwrap().id;
    handheld.sync(&desk.post()).unwrap();
    let facts = handheld.store.token(refund).unwrap().facts.intent();
    handheld
        .store
        .intent(&handheld.stamp(), facts, shows(COUNT + 1, 10_000), &Bounds::NONE)
        .unwrap();
    let after = Some(shows(COUNT + 1, 6_000));
    let odd = Judgement { decision: Decision::Contradiction, after, refusal_word: None };
    handheld.store.outcome(&handheld.stamp(), refund, odd).unwrap();
    handheld.sync(&desk.post()).unwrap();
    desk.settle(refund, Verdict::Booked, "read on site").unwrap();
    assert_eq!((places(&desk), figure(&desk.report(), "variance")), ([-6_000, 0, 6_000], 0));
}

#[test]
fn a_reversal_undoes_one_recharge_of_the_meter_once() {
    let (desk, handheld, token) = booked();
    let undo = |undoes| Deed { undoes: Some(undoes), ..Deed::of(Act::Reversal) };
    let code = |made: Result<Issued, OfficeError>| made.unwrap_err().code();
    assert_eq!(code(issue(&desk, undo(token), 9_999)), "not-undone");
    assert_eq!(code(issue(&desk, undo(TokenId([9; 16])), 10_000)), "no-token");
    assert_eq!(code(issue(&desk, Deed::of(Act::Reversal), 10_000)), "usage");
    assert_eq!(code(issue(&desk, Deed { undoes: Some(token), ..Deed::RECHARGE }, 1)), "usage");
    let out = desk.issue_to("hh-1", METER, 700).id;
    assert_eq!(code(issue(&desk, undo(out), 700)), "not-undone");
    let reversal = issue(&desk, undo(token), 10_000).unwrap();
    assert_eq!(code(issue(&desk, undo(token), 10_000)), "not-undone");
    assert_eq!(code(issue(&desk, undo(reversal.id), 10_000)), "not-undone");
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(out, Decision::Confirmed);
    used(&desk, &handheld, reversal.id, shows(COUNT + 2, 700));
    assert_eq!(places(&desk), [-700, 0, 700]);
}

#[test]
fn an_opening_posts_nothing_and_sets_the_account_on_the_list() {
    let (desk, handheld, _) = booked();
    let new: AccountNo = "000000777777".parse().unwrap();
    let deed = Deed { account: Some(new), ..Deed::of(Act::Open) };
    let opening = issue(&desk, deed, 0).unwrap();
    assert_eq!(opening.count_before, PurchaseCount(COUNT + 1), "the count goes on");
    let postings = desk.report().postings;
    let line = || desk.local.wait(desk.office().meter(meter(METER))).unwrap().account;
    assert_eq!(line(), account());
    // Closed, as the meter shows it before; then ours.
    let after = Evidence { account: Some(new), ..shows(COUNT + 1, 0) };
    used(&desk, &handheld, opening.id, after);
    assert_eq!((line(), desk.report().postings), (new, postings));
    assert_eq!(desk.open_classes(), [""; 0]);
    let next = desk.issue_to("hh-1", METER, 300);
    assert_eq!(next.count_before, PurchaseCount(COUNT + 1));
    let amount = issue(&desk, Deed::RECHARGE, 0).unwrap_err().code();
    assert_eq!(amount, "amount", "only an account is opened without money");
}

//! The office from outside: the ledger's rules, whatever a handheld says.

#![cfg(feature = "office")]

mod acts;
mod api;
mod cli;
mod closing;
mod custody;
pub mod desk;
mod drafts;
mod formats;
mod grounds;
mod lists;
mod lives;
mod load;
mod lost;
mod online;
mod people;
mod places;
mod postgres;
mod proof;
mod rounds;
mod said;
mod shifts;
mod status;
pub mod swaps;

use desk::{COUNT, Desk, METER, NOW, account, device, evidence, figure, judgement, meter};
use meterkit::office::model::{Class, Move, TokenRow, TokenState};
use meterkit::office::reconcile::{Claim, Known, Setting, judge, observe};
use meterkit::office::{Order, Verdict};
use meterkit::sync::wire::EntryOutcome;
use meterkit::units::{
    Credit, CreditUnit, Decision, IntentFacts, PurchaseCount, TokenId, UnixSeconds,
};
use std::sync::atomic::Ordering;

const AMOUNT: i64 = 10_000;

fn token(state: TokenState) -> TokenRow {
    TokenRow {
        id: TokenId([9; 16]),
        meter: meter(METER),
        account: account(),
        count_before: PurchaseCount(COUNT),
        credit: Credit { value: AMOUNT, unit: CreditUnit::Yuan },
        device: device("hh-1"),
        order: [1; 8],
        expires: UnixSeconds(NOW + 100),
        intent_seen: true,
        revoked: false,
        state,
        act: meterkit::units::Act::Recharge,
        undoes: None,
        leg: None,
    }
}

fn setting(token: TokenRow) -> Setting {
    let token = Some(token);
    Setting { token, own_device: true, step_taken_by: None, park: None, at: UnixSeconds(NOW) }
}

/// (state, decision) -> (state after, movement, class of the review).
type Row = (TokenState, Decision, Option<TokenState>, Option<Move>, Option<Class>);

/// Every reason a person is called for has words in both languages, and no words are left over.
#[test]
fn every_reason_of_the_ledger_has_words_in_both_languages() {
    let files = [
        "reconcile",
        "entry",
        "closing",
        "online",
        "overdue",
        "checkpoint",
        "apply",
        "answer",
        "media",
        "parallel",
    ];
    let sources: String = files
        .iter()
        .map(|file| {
            let root = env!("CARGO_MANIFEST_DIR");
            let text = std::fs::read_to_string(format!("{root}/src/office/{file}.rs")).unwrap();
            text.split("#[cfg(test)]").next().unwrap().to_owned()
        })
        .collect();
    let forks = "two journals of one handheld, shown by ";
    for words in meterkit::text::conflict::LEDGER {
        let said = match words.en.strip_prefix(forks) {
            Some(by) => format!("\"{by}\""),
            None => words.en.to_owned(),
        };
        assert!(sources.contains(&said), "nobody says {:?}", words.en);
        assert!(!words.zh.is_empty() && words.zh != words.en);
    }
    // What the rules say of a token or a reading, as it stands in the code.
    let rules = [
        "Class::C1, \"",
        "Class::C3, \"",
        "Class::C4, \"",
        "Class::C5, \"",
        "Class::C8, \"",
        "Class::C10, \"",
    ];
    for rule in rules {
        for (at, _) in sources.match_indices(rule) {
            let says = sources[at + rule.len()..].split('"').next().unwrap();
            assert!(meterkit::text::conflict::why(says).is_some(), "no words for {says:?}");
        }
    }
}

/// The whole table of what an outcome does, row by row.
#[test]
fn outcomes_do_what_the_table_says() {
    use Decision as D;
    use TokenState as S;
    let mut rows: Vec<Row> = Vec::new();
    for live in [S::Reserved, S::Delivered, S::Suspect] {
        rows.extend([
            (live, D::Confirmed, Some(S::Applied), Some(Move::Apply), None),
            (live, D::ConfirmedWeak, Some(S::Applied), Some(Move::Apply), Some(Class::C10)),
            (live, D::NotApplied, Some(S::Delivered), None, None),
            (live, D::Raced, Some(S::Disputed), None, Some(Class::C4)),
            (live, D::TornWrite, Some(S::Disputed), None, Some(Class::C10)),
            (live, D::Reset, Some(S::Disputed), None, Some(Class::C5)),
            (live, D::Contradiction, Some(S::Disputed), None, Some(Class::C10)),
            (live, D::Unreachable, Some(S::Suspect), None, None),
        ]);
    }
    for (decision, class) in [
        (D::Confirmed, Some(Class::C10)),
        (D::NotApplied, Some(Class::C10)),
        (D::Raced, Some(Class::C4)),
        (D::Unreachable, None),
        (D::TornWrite, None),
    ] {
        rows.push((S::Disputed, decision, None, None, class));
    }
    for (decision, class) in [
        (D::Confirmed, None),
        (D::Unreachable, None),
        (D::NotApplied, Some(Class::C5)),
        (D::Raced, Some(Class::C5)),
        (D::Reset, Some(Class::C5)),
        (D::TornWrite, Some(Class::C10)),
    ] {
        rows.push((S::Applied, decision, None, None, class));
    }
    for (decision, class) in [
        (D::Confirmed, Some(Class::C4)),
        (D::ConfirmedWeak, Some(Class::C4)),
        (D::NotApplied, None),
        (D::Raced, None),
        (D::Contradiction, Some(Class::C10)),
    ] {
        rows.push((S::Voided, decision, None, None, class));
    }
    for (state, decision, after, movement, class) in rows {
        let said = judgement(decision, meter(METER), COUNT, AMOUNT);
        let verdict = judge(&setting(token(state)), Claim::Outcome(&said));
        let what = format!("{state:?} {decision:?}: {verdict:?}");
        assert_eq!(verdict.state, after, "{what}");
        assert_eq!(verdict.movement, movement, "{what}");
        assert_eq!(verdict.review.map(|(class, _)| class), class, "{what}");
        assert_eq!(matches!(verdict.outcome, EntryOutcome::Review(_)), class.is_some(), "{what}");
    }
}

/// "Accepted" is the handheld's word; each of these takes one piece of its proof away.
#[test]
fn accepted_needs_every_piece_of_its_proof() {
    let good = judgement(Decision::Confirmed, meter(METER), COUNT, AMOUNT);
    let broken = |change: &dyn Fn(&mut Setting, &mut meterkit::units::Judgement)| {
        let (mut setting, mut said) = (setting(token(TokenState::Suspect)), good.clone());
        change(&mut setting, &mut said);
        judge(&setting, Claim::Outcome(&said))
    };
    type Change = &'static dyn Fn(&mut Setting, &mut meterkit::units::Judgement);
    let cases: [(&str, Change, Class); 8] = [
        ("no intent", &|s, _| s.token.as_mut().unwrap().intent_seen = false, Class::C10),
        ("no read-back", &|_, j| j.after = None, Class::C10),
        ("other meter", &|_, j| j.after.as_mut().unwrap().meter = meter("48"), Class::C10),
        ("other account", &|_, j| j.after.as_mut().unwrap().account = None, Class::C10),
        ("count still", &|_, j| j.after.as_mut().unwrap().count.0 = COUNT, Class::C10),
        (
            "other amount",
            &|_, j| {
                let record = j.after.as_mut().unwrap().last_purchase.as_mut().unwrap();
                record.amount += 1;
            },
            Class::C10,
        ),
        ("step taken", &|s, _| s.step_taken_by = Some(TokenId([8; 16])), Class::C4),
        ("other handheld", &|s, _| s.own_device = false, Class::C1),
    ];
    for (name, change, class) in cases {
        let verdict = broken(change);
        assert_eq!(verdict.movement, None, "{name}: no money may move");
        assert_eq!(verdict.review.map(|(class, _)| class), Some(class), "{name}");
    }
    let mut unknown = setting(token(TokenState::Suspect));
    unknown.token = None;
    assert_eq!(judge(&unknown, Claim::Outcome(&good)).review.unwrap().0, Class::C4);
    let late = broken(&|s, _| s.at = UnixSeconds(NOW + 101));
    assert_eq!(late.movement, Some(Move::Apply), "expired is not void: the meter has it");
    assert_eq!(late.review.unwrap().0, Class::C3);
}

#[test]
fn raced_frees_the_money_only_when_the_winner_is_known() {
    let said = judgement(Decision::Raced, meter(METER), COUNT, AMOUNT);
    let mut known = setting(token(TokenState::Suspect));
    known.step_taken_by = Some(TokenId([8; 16]));
    let verdict = judge(&known, Claim::Outcome(&said));
    assert_eq!(verdict.movement, Some(Move::Return));
    assert_eq!(verdict.state, Some(TokenState::Voided));
    let mut unproved = said.clone();
    unproved.after.as_mut().unwrap().count.0 = COUNT;
    let verdict = judge(&known, Claim::Outcome(&unproved));
    assert_eq!(verdict.movement, None, "the count did not move: nothing is proved");
}

#[test]
fn an_intent_must_be_the_tokens() {
    let row = token(TokenState::Delivered);
    let facts = IntentFacts {
        act: meterkit::units::Act::Recharge,
        token: row.id,
        meter: row.meter,
        account: row.account,
        count_before: row.count_before,
        credit: row.credit,
        order: row.order,
    };
    let verdict = judge(&setting(row.clone()), Claim::Intent(Some(&facts)));
    assert_eq!((verdict.state, verdict.review), (Some(TokenState::Suspect), None));
    let more = IntentFacts { credit: row.credit.with(AMOUNT + 1), ..facts };
    let verdict = judge(&setting(row), Claim::Intent(Some(&more)));
    assert_eq!(verdict.state, Some(TokenState::Disputed));
}

#[test]
fn readings_are_compared_with_what_is_known() {
    let known = Known {
        account: account(),
        count: PurchaseCount(5),
        seen: UnixSeconds(NOW),
        count_if_all_used: PurchaseCount(7),
        opening: None,
    };
    let cases =
        [(5, true, None), (7, true, None), (8, true, Some(Class::C4)), (4, false, Some(Class::C5))];
    for (count, update, class) in cases {
        let seen = observe(&known, &evidence(meter(METER), count, 0, None));
        assert_eq!(seen.update, update, "count {count}");
        assert_eq!(seen.review.map(|(class, _)| class), class, "count {count}");
    }
    let mut other = evidence(meter(METER), 5, 0, None);
    other.account = "9".parse().ok();
    assert_eq!(observe(&known, &other).review.unwrap().0, Class::C8);
    let mut older = evidence(meter(METER), 4, 0, None);
    older.read_at = UnixSeconds(NOW - 1);
    assert_eq!(observe(&known, &older), Default::default(), "an old reading is no news");
}

#[test]
fn steps_are_reserved_one_by_one_and_for_one_handheld() {
    let desk = Desk::new();
    let (_one, _two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    for step in 0..3 {
        assert_eq!(desk.issue_to("hh-1", METER, AMOUNT).count_before.0, COUNT + step);
    }
    let report = desk.report();
    assert_eq!((figure(&report, "reserved"), figure(&report, "in-transit")), (3, 3 * AMOUNT));
    assert_eq!(figure(&report, "customer"), -3 * AMOUNT);
    let order = |device_name: &str, amount, days| Order {
        meter: meter(METER),
        amount,
        device: device(device_name),
        days,
    };
    let cases = [
        (order("hh-2", AMOUNT, 3), "chain-elsewhere"),
        (order("hh-3", AMOUNT, 3), "no-device"),
        (Order { meter: meter("99"), ..order("hh-1", AMOUNT, 3) }, "no-meter"),
        (order("hh-1", 0, 3), "amount"),
        (order("hh-1", -1, 3), "amount"),
        (order("hh-1", 10_000_001, 3), "amount"),
        (order("hh-1", AMOUNT, 0), "days"),
        (order("hh-1", AMOUNT, 8), "days"),
    ];
    for (order, code) in cases {
        let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
        assert_eq!(error.code(), code, "{order:?}");
    }
    assert_eq!(desk.report(), report, "a refusal changes nothing");
}

#[test]
fn a_wrong_count_can_be_put_right_but_not_under_a_token() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    let set = |count, reason| {
        desk.local.wait(desk.office().set_count(meter(METER), PurchaseCount(count), reason))
    };
    assert_eq!(set(9, "").unwrap_err().code(), "usage");
    set(9, "read on site").unwrap();
    assert_eq!(desk.issue_to("hh-1", METER, AMOUNT).count_before.0, 9);
    assert_eq!(set(3, "read on site").unwrap_err().code(), "usage", "a token is out");
    assert!(desk.open_classes().is_empty());
    let all = desk.local.wait(desk.office().reviews(true)).unwrap();
    assert_eq!(all[0].settled.as_ref().unwrap().1, "read on site", "who asks finds out why");
}

#[test]
fn units_are_never_added_up() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    let mut other = meterkit::office::NewMeter::new(meter("48"), account(), "Li Si", "B2 1204");
    other.line.unit = CreditUnit::Kwh;
    desk.local.wait(desk.office().add_meters(&[other])).unwrap();
    desk.issue_to("hh-1", METER, 100);
    desk.issue_to("hh-1", "48", 7);
    let report = desk.report();
    assert_eq!(report.balances.len(), 4, "two places in each of two units: {report:?}");
}

#[test]
fn a_token_in_the_field_cannot_be_voided_by_wish() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    let settle = |verdict, reason: &str| desk.settle(issued.id, verdict, reason);
    assert_eq!(settle(Verdict::NotBooked, "wish").unwrap_err().code(), "not-in-dispute");
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(settle(Verdict::NotBooked, "wish").unwrap_err().code(), "not-in-dispute");
    handheld.recharge(issued.id, Decision::TornWrite);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "disputed"), 1);
    assert_eq!(desk.open_classes(), ["C10"]);
    assert_eq!(settle(Verdict::Booked, " ").unwrap_err().code(), "usage");
    let order = Order { meter: meter(METER), amount: AMOUNT, device: device("hh-1"), days: 3 };
    let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
    assert_eq!(error.code(), "disputed", "no new step on a disputed one");
    settle(Verdict::NotBooked, "balance read on site").unwrap();
    let report = desk.report();
    assert_eq!((figure(&report, "voided"), figure(&report, "in-transit")), (1, 0));
    assert!(desk.open_classes().is_empty());
    // The handheld hears of it, its meter is free again, and it is told once.
    assert_eq!(handheld.sync(&desk.post()).unwrap().settled, 1);
    assert_eq!(handheld.store.open_intents(), []);
    assert_eq!(handheld.sync(&desk.post()).unwrap().settled, 0);
}

#[test]
fn a_voided_token_that_was_accepted_after_all_is_found_and_booked_late() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(issued.id, Decision::Unreachable);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "suspect"), 1);
    desk.settle(issued.id, Verdict::NotBooked, "guess").unwrap();
    handheld.outcome(issued.id, Decision::Confirmed);
    let report = handheld.sync(&desk.post()).unwrap();
    assert_eq!(report.review(), 1, "{:?}", report.outcomes);
    assert_eq!(figure(&desk.report(), "meter-held"), 0, "no second posting by itself");
    desk.settle(issued.id, Verdict::Booked, "read on site").unwrap();
    let report = desk.report();
    assert_eq!((figure(&report, "meter-held"), figure(&report, "customer")), (AMOUNT, -AMOUNT));
    // Both movements of the correction are in the books, and neither can be booked again.
    let again = desk.settle(issued.id, Verdict::NotBooked, "x");
    assert_eq!(again.unwrap_err().code(), "not-in-dispute");
}

/// Two tokens for one step, both said to be accepted: one posting, the other to a person, and not
/// even he can book the second.
#[test]
fn one_step_is_booked_once() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let first = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(first.id, Decision::Unreachable);
    handheld.sync(&desk.post()).unwrap();
    desk.settle(first.id, Verdict::NotBooked, "read").unwrap();
    let second = desk.issue_to("hh-1", METER, AMOUNT);
    assert_eq!(second.count_before, first.count_before, "the step is free again");
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(second.id, Decision::Confirmed);
    let said = judgement(Decision::Confirmed, meter(METER), COUNT, AMOUNT);
    handheld.store.late_outcome(&handheld.stamp(), first.id, said).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let report = desk.report();
    assert_eq!((figure(&report, "applied"), figure(&report, "meter-held")), (1, AMOUNT));
    assert_eq!(desk.open_classes(), ["C4"]);
    let error = desk.settle(first.id, Verdict::Booked, "x");
    assert_eq!(error.unwrap_err().code(), "step-taken");
    assert_eq!(desk.report(), report);
}

#[test]
fn an_expired_unsent_token_is_replaced_at_the_same_step() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    let reissue = || desk.local.wait(desk.office().reissue(issued.id, 3));
    assert_eq!(reissue().unwrap_err().code(), "not-replaceable", "its time is not over");
    desk.clock.fetch_add(4 * 86_400, Ordering::Relaxed);
    let second = reissue().unwrap();
    assert_eq!(second.count_before, issued.count_before);
    let report = desk.report();
    assert_eq!((figure(&report, "voided"), figure(&report, "in-transit")), (1, AMOUNT));
    let sync = handheld.sync(&desk.post()).unwrap();
    assert_eq!((sync.tokens, sync.withdrawn), (1, 1));
    assert_eq!(handheld.sync(&desk.post()).unwrap().withdrawn, 0, "told once");
    handheld.recharge(second.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
    assert_eq!(reissue().unwrap_err().code(), "not-replaceable");
}

#[test]
fn a_lost_handheld_is_stopped_and_its_tokens_stay_in_doubt() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    let error = handheld.sync(&desk.post()).unwrap_err();
    assert_eq!(error.code(), "office-refused");
    assert_eq!(figure(&desk.report(), "suspect"), 1);
    desk.settle(issued.id, Verdict::NotBooked, "read").unwrap();
    let _second = desk.handheld("hh-2");
    assert_eq!(desk.issue_to("hh-2", METER, AMOUNT).count_before, issued.count_before);
}

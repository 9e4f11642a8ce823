//! Each act of a token once: what it does to the meter, what it is refused for, and that a debit
//! leaves once and is believed late.

use std::time::Duration;

use meterkit::jobs::recharge::QUIET_S;
use meterkit::jobs::views::FinishedView;
use meterkit::jobs::Failure;
use meterkit::profile::Profile;
use meterkit::protocol::dlt645::dialogue::Access;
use meterkit::protocol::dlt645::frame::Decoder;
use meterkit::report::Code;
use meterkit::sim::{Fault, MeterSetup};
use meterkit::store::{StoreError, TokenState};
use meterkit::units::{Act, Decision, TokenId};
use meterkit_tokens::Kind;

use super::{ACCESS, account, no, order, reversal, site, site_with};
use crate::stories::site::{Order, Site};

/// What the meter holds, its count, and how many credits and debits it really took.
fn truth(site: &Site) -> (i64, u32, usize, usize) {
    let fleet = site.fleet.lock().unwrap();
    let meter = fleet.meter(no()).unwrap();
    let net = meter.balance().value - meter.overdraft();
    (net, meter.count(), meter.bookings().len(), meter.refunds().len())
}

fn done(site: &mut Site, order: &Order) -> Result<FinishedView, Failure> {
    let token = site.issue(order);
    carry_out(site, token, |_| {})
}

fn carry_out(
    site: &mut Site,
    token: TokenId,
    between: impl FnOnce(&mut Site),
) -> Result<FinishedView, Failure> {
    site.carry_out(token, Some(&ACCESS), between)
}

fn code(result: Result<FinishedView, Failure>) -> Code {
    result.unwrap_err().code
}

/// Frames that take credit out, as they left.
fn debits(site: &Site) -> usize {
    let mut decoder = Decoder::new();
    for (received, bytes) in site.trace.as_ref().unwrap() {
        if !received {
            decoder.push(bytes);
        }
    }
    let mut count = 0;
    while let Some(frame) = decoder.next() {
        count += usize::from(frame.control == 0x14 && frame.di() == Some(0x0400_1006));
    }
    count
}

fn arm(site: &Site, fault: Fault) {
    site.fleet.lock().unwrap().meter_mut(no()).unwrap().arm(fault);
}

#[test]
fn a_refund_takes_out_what_it_says_and_no_step() {
    let mut site = site();
    let finished = done(&mut site, &order(Kind::Refund, 6, 4_000)).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
    assert_eq!(truth(&site), (6_000, 6, 0, 1));
    // The rest of it: a meter can be emptied.
    let finished = done(&mut site, &order(Kind::Refund, 6, 6_000)).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
    assert_eq!(truth(&site), (0, 6, 0, 2));
}

#[test]
fn a_reversal_undoes_one_recharge_once() {
    let mut site = site();
    let bought = site.issue(&order(Kind::Recharge, 6, 5_000));
    let early = site.issue(&reversal(6, 5_000, bought));
    assert_eq!(code(carry_out(&mut site, early, |_| {})), Code::TokenUndoes, "not in the meter yet");
    assert_eq!(carry_out(&mut site, bought, |_| {}).unwrap().decision, Decision::Confirmed);
    let other = reversal(7, 4_999, bought);
    assert_eq!(code(done(&mut site, &other)), Code::TokenUndoes, "another amount");
    let twin = site.issue(&reversal(7, 5_000, bought));
    let finished = done(&mut site, &reversal(7, 5_000, bought)).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
    assert_eq!(truth(&site), (10_000, 7, 1, 1));
    assert_eq!(code(carry_out(&mut site, twin, |_| {})), Code::TokenUndoes, "undone already");
    // A debit cannot be undone.
    let out = site.issue(&order(Kind::Refund, 7, 2_000));
    carry_out(&mut site, out, |_| {}).unwrap();
    assert_eq!(code(done(&mut site, &reversal(7, 2_000, out))), Code::TokenUndoes);
    // What this handheld never carried is the office's word.
    let finished = done(&mut site, &reversal(7, 3_000, TokenId([9; 16]))).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
}

#[test]
fn an_opening_sets_the_customer_number_and_may_bring_a_first_credit() {
    let empty = || site_with(MeterSetup { load_w: 0, ..MeterSetup::new(no()) });
    let mut site = empty();
    let finished = done(&mut site, &order(Kind::Open, 0, 0)).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
    assert_eq!(truth(&site), (0, 0, 0, 0));
    assert_eq!(site.fleet.lock().unwrap().meter(no()).unwrap().account(), Some(account()));
    let finished = done(&mut site, &order(Kind::Recharge, 0, 5_000)).unwrap();
    assert_eq!((finished.decision, truth(&site)), (Decision::Confirmed, (5_000, 1, 1, 0)));

    let mut site = empty();
    let finished = done(&mut site, &order(Kind::Open, 0, 5_000)).unwrap();
    assert_eq!((finished.decision, truth(&site)), (Decision::Confirmed, (5_000, 1, 1, 0)));
    let again = order(Kind::Open, 0, 5_000);
    assert_eq!(code(done(&mut site, &again)), Code::CountAhead, "its step is taken");
}

#[test]
fn what_an_act_is_refused_for() {
    let mut site = site();
    assert_eq!(code(done(&mut site, &order(Kind::Refund, 6, 10_001))), Code::BalanceShort);
    assert_eq!(code(done(&mut site, &order(Kind::Refund, 5, 100))), Code::CountAhead);
    assert_eq!(code(done(&mut site, &order(Kind::Refund, 6, 3))), Code::DebitHidden);
    let stranger = Order { account: "1".parse().unwrap(), ..order(Kind::Open, 6, 0) };
    assert_eq!(code(done(&mut site, &stranger)), Code::AccountOther);
    // The screens and the command for recharging take credits only.
    let out = site.issue(&order(Kind::Refund, 6, 1_000));
    assert_eq!(site.preflight(out).unwrap_err().code, Code::TokenKind);
    assert_eq!(truth(&site), (10_000, 6, 0, 0));

    site.profile = Profile::built_in("ko").unwrap();
    assert_eq!(code(carry_out(&mut site, out, |_| {})), Code::ActUnknown);
    site.profile = Profile::built_in("dlt645-2007-c").unwrap();
    let refused = site.carry_out(out, None, |_| {});
    assert_eq!(code(refused), Code::PasswordMissing);
    // One wrong password: refused by the meter, read back, said; the token stays good.
    let wrong = Access { password: [0x12, 0x34, 0x56], ..ACCESS };
    let finished = site.carry_out(out, Some(&wrong), |_| {}).unwrap();
    assert_eq!((finished.decision, finished.refusal), (Decision::NotApplied, Some(4)));
    let finished = carry_out(&mut site, out, |_| {}).unwrap();
    assert_eq!(finished.decision, Decision::Confirmed);
    assert_eq!(truth(&site), (9_000, 6, 0, 1));
}

#[test]
fn a_debit_nobody_answered_is_sent_once_and_believed_late() {
    let mut site = site();
    site.trace = Some(Vec::new());
    let out = site.issue(&order(Kind::Refund, 6, 4_000));
    let finished = carry_out(&mut site, out, |site| arm(site, Fault::NoReply)).unwrap();
    // The meter shows nothing of it, and a copy may still be under way.
    assert_eq!(finished.decision, Decision::Unreachable);
    assert_eq!(site.store.token(out).unwrap().state, TokenState::Intent);
    assert_eq!(site.resolve(no()).unwrap().decision, Decision::Unreachable);
    // Nor does the store hand out another frame.
    let read = site.store.open_intent(no()).unwrap().before;
    let again = site.store.resend(&site.stamp(), out, read).unwrap_err();
    assert!(matches!(again, StoreError::NotThisWay(_)), "{again}");
    site.restart();
    assert_eq!(site.resolve(no()).unwrap().decision, Decision::Unreachable);
    site.pass(Duration::from_secs(QUIET_S as u64));
    assert_eq!(site.resolve(no()).unwrap().decision, Decision::NotApplied);
    assert_eq!(debits(&site), 1);
    // Now it may be begun again, with a new intent.
    assert_eq!(carry_out(&mut site, out, |_| {}).unwrap().decision, Decision::Confirmed);
    assert_eq!((debits(&site), truth(&site)), (2, (6_000, 6, 0, 1)));
    assert_eq!(code(carry_out(&mut site, out, |_| {})), Code::TokenUsed);
}

#[test]
fn a_debit_that_was_obeyed_in_silence_is_found() {
    for fault in [Fault::LostAck, Fault::RebootAfter(Duration::from_secs(4)), Fault::Garbled] {
        let mut site = site();
        site.trace = Some(Vec::new());
        let out = site.issue(&order(Kind::Refund, 6, 4_000));
        let finished = carry_out(&mut site, out, |site| arm(site, fault)).unwrap();
        assert_eq!(finished.decision, Decision::Confirmed, "{fault:?}");
        assert_eq!((debits(&site), truth(&site)), (1, (6_000, 6, 0, 1)), "{fault:?}");
    }
    // Down for longer than any read-back, and then found.
    let mut site = site();
    let out = site.issue(&order(Kind::Refund, 6, 4_000));
    let down = Fault::RebootAfter(Duration::from_secs(900));
    let finished = carry_out(&mut site, out, |site| arm(site, down)).unwrap();
    assert_eq!(finished.decision, Decision::Unreachable);
    assert_eq!(code(done(&mut site, &order(Kind::Refund, 6, 1_000))), Code::IntentOpen);
    site.pass(Duration::from_secs(900));
    assert_eq!(site.resolve(no()).unwrap().decision, Decision::Confirmed);
}

#[test]
fn no_act_but_a_credit_is_the_rechargers() {
    for act in Act::ALL {
        let credit = meterkit::jobs::recharge::CREDITS.contains(act);
        assert!(!credit || !act.is_debit() && *act != Act::Open, "{act:?}");
    }
}

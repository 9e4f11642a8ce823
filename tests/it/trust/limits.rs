//! What may happen before the office hears of it: soft limits warn, hard limits refuse, receipts
//! make room.

use std::time::Duration;

use meterkit::report::Code;
use meterkit::units::Decision;
use meterkit_tokens::Caps;

use super::{
    HOUR, acknowledge, leave_open, recharge, shown, site, still_reads_and_resolves, token, trust,
    use_token,
};
use crate::stories::site::Site;

/// Limits of the handheld.
fn device(site: &mut Site, caps: Caps) {
    site.take_status(|status| {
        status.caps = caps;
    });
}

#[test]
fn the_number_warns_and_then_refuses() {
    let mut site = site();
    device(&mut site, Caps { acts: [2, 3], ..Caps::MOST });
    let id = token(&mut site, 1, 100);
    let view = shown(&mut site, id);
    assert_eq!((view.warnings.as_slice(), view.device.0.acts), (&[][..], 1));
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
    let id = token(&mut site, 1, 100);
    let warning = shown(&mut site, id).warnings.remove(0);
    assert_eq!((warning.code, warning.detail.as_str()), (Code::LimitNear, "hh-007: 2 / 3"));
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
    assert_eq!(recharge(&mut site, 2, 100), Ok(Decision::Confirmed), "the hard one is reached");
    leave_no_doubt(&mut site, Code::LimitActs, "hh-007: 4 / 3");
    let used = trust(&site).device;
    assert_eq!((used.0.acts, used.1.acts.hard), (3, 3));
    acknowledge(&mut site, 1);
    assert_eq!(trust(&site).device.0.acts, 0);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed));
}

/// The next recharge is refused with this, twice the same.
fn leave_no_doubt(site: &mut Site, code: Code, detail: &str) {
    let id = token(site, 3, 100);
    for _ in 0..2 {
        let failure = use_token(site, id).unwrap_err();
        assert_eq!((failure.code, failure.detail.as_str()), (code, detail));
    }
}

#[test]
fn the_sum_may_be_reached_to_the_fen_and_not_passed() {
    let mut site = site();
    device(&mut site, Caps { yuan: [5_000, 10_000], ..Caps::MOST });
    assert_eq!(recharge(&mut site, 1, 10_001), Err(Code::LimitYuan));
    assert_eq!(recharge(&mut site, 1, 9_900), Ok(Decision::Confirmed));
    assert_eq!(recharge(&mut site, 1, 101), Err(Code::LimitYuan));
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    leave_no_doubt(&mut site, Code::LimitYuan, "hh-007: 101.00 CNY / 100.00 CNY");
}

#[test]
fn what_was_sent_counts_whatever_became_of_it() {
    let mut site = site();
    device(&mut site, Caps { acts: [1, 2], ..Caps::MOST });
    leave_open(&mut site, 2);
    assert_eq!(trust(&site).device.0.acts, 1);
    still_reads_and_resolves(&mut site, 2);
    assert_eq!(trust(&site).device.0.acts, 1, "finding out costs nothing");
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    leave_open_is_refused(&mut site);
}

fn leave_open_is_refused(site: &mut Site) {
    let id = token(site, 1, 100);
    assert_eq!(use_token(site, id).unwrap_err().code, Code::LimitActs);
}

#[test]
fn the_oldest_grows_too_old() {
    let mut site = site();
    device(&mut site, Caps { age_s: [HOUR, 2 * HOUR], ..Caps::MOST });
    site.pass(Duration::from_secs(86_400 / 2));
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed), "nothing done, nothing old");
    site.pass(Duration::from_secs(3_500));
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    site.pass(Duration::from_secs(3_600));
    let reasons = trust(&site).reasons;
    assert_eq!(reasons[0].code, Code::LimitNear);
    site.pass(Duration::from_secs(600));
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::LimitAge));
    acknowledge(&mut site, 1);
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
}

#[test]
fn an_operator_has_limits_of_his_own() {
    let mut site = site();
    device(&mut site, Caps { acts: [4, 4], ..Caps::MOST });
    site.take_grant(|grant| grant.caps = Caps { acts: [1, 1], ..Caps::MOST });
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    leave_no_doubt(&mut site, Code::LimitActs, "test: 2 / 1");
    // Another operator has room, as far as the handheld has.
    let stamp = site.stamp();
    let grant = site.office.grant("li", |_| {});
    site.store.append(&stamp, crate::stories::site::grant_taken(grant)).unwrap();
    let other = "li".parse().unwrap();
    site.session = meterkit::jobs::Session::begin(&site.store, other, 0, super::moment(&site));
    for _ in 0..3 {
        assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    }
    leave_no_doubt(&mut site, Code::LimitActs, "hh-007: 5 / 4");
    let (device, operator) = (trust(&site).device.0.acts, trust(&site).operator.0.acts);
    assert_eq!((device, operator), (4, 3));
}

#[test]
fn what_happened_between_look_and_act_counts() {
    use meterkit::jobs::recharge::Checked;
    let mut site = site();
    device(&mut site, Caps { acts: [1, 1], ..Caps::MOST });
    let (first, second) = (token(&mut site, 1, 100), token(&mut site, 2, 100));
    let Checked::Ready(looked) = site.preflight(first).unwrap() else { panic!() };
    assert_eq!(use_token(&mut site, second).unwrap().decision, Decision::Confirmed);
    let failure = site.commit(&looked, "0001").unwrap_err();
    assert_eq!(failure.code, Code::LimitActs);
}

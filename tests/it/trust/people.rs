//! Role, area, grant and override, and what the office takes back.

use std::time::Duration;

use meterkit::jobs::views::TokenStateView;
use meterkit::jobs::{errand, tokens};
use meterkit::report::Code;
use meterkit::store::{Event, TokenState};
use meterkit::units::{Decision, Role, TokenId, Verb, Verbs};

use super::{HOUR, leave_open, meter, recharge, site, still_reads_and_resolves, token, use_token};
use crate::stories::site::{OPERATOR, Order, Site};
use meterkit_tokens::Kind;

#[test]
fn a_role_reaches_so_far_and_no_further() {
    let mut site = site();
    leave_open(&mut site, 2);
    for (role, granted, reaches) in [
        (Role::Recharge, Verb::ALL, true),
        (Role::Finance, Verb::ALL, true),
        (Role::Field, Verb::ALL, true),
        (Role::Supervisor, Verb::ALL, true),
        (Role::Installer, Verb::ALL, false),
        (Role::Auditor, Verb::ALL, false),
        (Role::Supervisor, &[Verb::Read, Verb::Import], false),
    ] {
        site.take_grant(|grant| {
            grant.role = role.number();
            grant.verbs = Verbs::of(granted).bits();
        });
        let expected = if reaches { Ok(Decision::Confirmed) } else { Err(Code::RoleForbids) };
        assert_eq!(recharge(&mut site, 1, 100), expected, "{role:?} {granted:?}");
    }
    still_reads_and_resolves(&mut site, 2);
}

#[test]
fn an_auditor_imports_nothing() {
    let mut site = site();
    let source = "MK1:".to_owned();
    let code = |site: &Site| {
        tokens::import(&site.store, &site.session, &site.stamp(), &source)
            .map(|done| done.refused[0].code)
            .map_err(|failure| failure.code)
    };
    assert_eq!(code(&site), Ok(Code::TokenMalformed));
    site.take_grant(|grant| grant.role = Role::Auditor.number());
    assert_eq!(code(&site), Err(Code::RoleForbids));
}

#[test]
fn a_meter_outside_the_area_is_refused_with_the_reason() {
    let mut site = site();
    site.take_grant(|grant| grant.areas = vec!["east".to_owned()]);
    let id = token(&mut site, 1, 100);
    let failure = use_token(&mut site, id).unwrap_err();
    assert_eq!((failure.code, failure.detail.as_str()), (Code::AreaForbids, "000000000001: -"));
    // A meter named itself is within reach, its neighbour is not.
    site.take_grant(|grant| {
        grant.areas = vec!["east".to_owned()];
        grant.meters = vec![meter(1).bcd()];
    });
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
    assert_eq!(recharge(&mut site, 2, 100), Err(Code::AreaForbids));
}

fn far(site: &mut Site) {
    site.take_grant(|grant| grant.areas = vec!["east".to_owned()]);
}

fn take(site: &Site, bytes: &[u8]) {
    let done = tokens::import_bytes(&site.store, &site.stamp(), bytes);
    assert_eq!(done.refused, []);
}

/// The kinds of the last entries, newest last.
fn last(site: &Site, count: u64) -> Vec<&'static str> {
    let from = site.store.summary().head.seq + 1 - count;
    let kind = |event: &Event| match event {
        Event::OverrideUsed { .. } => "override",
        Event::Intent { .. } => "intent",
        Event::Outcome { .. } => "outcome",
        Event::Refused { .. } => "refused",
        _ => "other",
    };
    site.store.events(from, count as usize).iter().map(|entry| kind(&entry.event)).collect()
}

#[test]
fn an_override_serves_one_act_and_only_where_it_is_needed() {
    let mut site = site();
    let now = site.now().0;
    take(&site, &site.office.over_ride(1, meter(1), now, |_| {}));
    // Nobody needs it yet.
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    assert_eq!(last(&site, 3), ["other", "intent", "outcome"]);
    far(&mut site);
    assert_eq!(recharge(&mut site, 2, 100), Err(Code::AreaForbids), "another meter");
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    assert_eq!(last(&site, 3), ["override", "intent", "outcome"]);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::AreaForbids), "once and only once");
    site.restart();
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::AreaForbids), "not after a restart either");
    // The same document again is known, not new.
    let again = site.office.over_ride(1, meter(1), now, |_| {});
    let done = tokens::import_bytes(&site.store, &site.stamp(), &again);
    assert_eq!((done.taken.len(), done.known), (0, vec![TokenId([1; 16])]));
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::AreaForbids));
}

#[test]
fn an_override_that_does_not_fit_opens_nothing() {
    let mut site = site();
    far(&mut site);
    let now = site.now().0;
    let office = &site.office;
    let misfits = [
        office.over_ride(1, meter(1), now, |leave| leave.operator = "other".to_owned()),
        office.over_ride(2, meter(1), now, |leave| {
            leave.verbs = Verbs::of(&[Verb::Refund]).bits();
        }),
        office.over_ride(3, meter(1), now, |leave| {
            (leave.not_before, leave.expires) = (now + HOUR, now + 2 * HOUR);
        }),
        office.over_ride(4, meter(1), now, |leave| leave.expires = now + 600),
    ];
    misfits.iter().for_each(|bytes| take(&site, bytes));
    let other = office.over_ride(5, meter(1), now, |leave| leave.device = "hh-9".to_owned());
    let done = tokens::import_bytes(&site.store, &site.stamp(), &other);
    assert_eq!(done.refused[0].code, Code::TokenDevice);
    site.pass(Duration::from_secs(700));
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::AreaForbids));
    // Against a grant that does not count no override helps.
    let bytes = site.office.over_ride(6, meter(1), site.now().0, |_| {});
    take(&site, &bytes);
    let grant = grant_id(&site.store.grant(&OPERATOR.parse().unwrap()));
    site.take_status(|status| status.revoked = vec![grant]);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::GrantRevoked));
}

fn grant_id(row: &Option<meterkit::store::GrantRow>) -> [u8; 16] {
    row.as_ref().unwrap().id.0
}

#[test]
fn a_revoked_override_opens_nothing() {
    let mut site = site();
    far(&mut site);
    let bytes = site.office.over_ride(9, meter(1), site.now().0, |_| {});
    take(&site, &bytes);
    site.take_status(|status| status.revoked = vec![[9; 16]]);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::AreaForbids));
}

#[test]
fn a_crash_behind_an_override_costs_the_override_and_no_money() {
    let mut site = site();
    far(&mut site);
    let bytes = site.office.over_ride(7, meter(1), site.now().0, |_| {});
    take(&site, &bytes);
    let id = token(&mut site, 1, 100);
    // The power goes between the two entries.
    let event = Event::OverrideUsed { id: TokenId([7; 16]), verb: Verb::Recharge, meter: meter(1) };
    site.store.append(&site.stamp(), event).unwrap();
    site.restart();
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::AreaForbids);
    assert_eq!(site.store.token(id).unwrap().state, TokenState::Cached);
    assert!(!site.store.token(id).unwrap().sent);
    let bytes = site.office.over_ride(8, meter(1), site.now().0, |_| {});
    take(&site, &bytes);
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
}

#[test]
fn an_expired_grant_reads_only() {
    let mut site = site();
    let now = site.now().0;
    site.take_grant(|grant| grant.expires = now + HOUR);
    leave_open(&mut site, 2);
    assert!(site.session.view().verbs.has(Verb::Recharge));
    site.pass(Duration::from_secs(3_600));
    // In the running session, and after a new log-in.
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::ShiftOver));
    site.log_in();
    let view = site.session.view();
    assert_eq!(view.verbs.list().collect::<Vec<_>>(), [Verb::Read]);
    assert_eq!(view.grant.map(|failure| failure.code), Some(Code::GrantExpired));
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::GrantExpired));
    still_reads_and_resolves(&mut site, 2);
}

#[test]
fn a_grant_that_begins_later_does_not_count_yet() {
    let mut site = site();
    let now = site.now().0;
    site.take_grant(|grant| grant.not_before = now + HOUR);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::GrantNotYet));
}

#[test]
fn what_the_office_revokes_ends_at_once() {
    let mut site = site();
    leave_open(&mut site, 2);
    let (one, two) = (token(&mut site, 1, 100), token(&mut site, 1, 200));
    site.take_status(|status| status.revoked = vec![one.0]);
    assert_eq!(use_token(&mut site, one).unwrap_err().code, Code::TokenRevoked);
    let row = site.store.token(one).unwrap();
    assert_eq!(tokens::view(&row, site.now()).state, TokenStateView::Withdrawn);
    assert_eq!(tokens::choose(&site.store, meter(1), site.now()), Ok(two));
    // The grant of whoever is logged in.
    let grant = grant_id(&site.store.grant(&OPERATOR.parse().unwrap()));
    site.take_status(|status| {
        status.revoked = vec![one.0, grant];
    });
    assert_eq!(use_token(&mut site, two).unwrap_err().code, Code::GrantRevoked);
    still_reads_and_resolves(&mut site, 2);
}

#[test]
fn a_token_revoked_before_it_came_is_not_taken() {
    let mut site = site();
    let (id, bytes) = {
        let order = crate::stories::site::Order::new(meter(1), super::account(1), 6, 100);
        site.sign(&order)
    };
    site.take_status(|status| status.revoked = vec![id.0]);
    let done = tokens::import_bytes(&site.store, &site.stamp(), &bytes);
    assert_eq!(done.refused.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::TokenRevoked]);
    assert!(site.store.token(id).is_none());
}

/// Errands that wait here and whose begin would be refused for role or area are not offered.
#[test]
fn what_role_or_area_forbid_is_not_offered() {
    use meterkit::units::ErrandKind::{Account, Commission};
    let mut site = site();
    let open = Order::new(meter(1), "112233445566".parse().unwrap(), 0, 3_000);
    let open = Order { kind: Kind::Open, ..open };
    site.issue(&open);
    let offered = |site: &Site| {
        let all = errand::offers(&site.store, &site.session, site.moment());
        all.into_iter().map(|offer| offer.kind).collect::<Vec<_>>()
    };
    for (role, expected) in [
        (Role::Supervisor, &[Account, Commission][..]),
        (Role::Installer, &[Account, Commission]),
        (Role::Finance, &[Account]),
        (Role::Field, &[]),
        (Role::Recharge, &[]),
        (Role::Auditor, &[]),
    ] {
        site.take_grant(|grant| grant.role = role.number());
        assert_eq!(offered(&site), expected, "{role:?}");
    }
    // A supervisor far away, until the office lets him do one of the two there.
    far(&mut site);
    assert_eq!(offered(&site), []);
    let leave = site.office.over_ride(1, meter(1), site.now().0, |leave| {
        leave.verbs = Verbs::of(&[Verb::Commission]).bits();
    });
    take(&site, &leave);
    assert_eq!(offered(&site), [Commission]);
}

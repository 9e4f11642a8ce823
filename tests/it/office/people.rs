//! Operators: grants, codes, overrides, revocation; areas of meters.

use super::desk::{Desk, Handheld, METER, NOW, TENANT, device, meter, operator, stamp};
use meterkit::office::{NewMeter, NewOperator, NewOverride, Offer};
use meterkit::store::{Event, Stamp, records};
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::wire::{Pack, chain};
use meterkit::units::{Cap, Caps, MeterNo, Role, TokenId, Verb, Verbs};
use meterkit_tokens::{Authority, Grant, Override, Root, activation};
use secrecy::ExposeSecret;

fn ring(desk: &Desk) -> meterkit_tokens::Keyring {
    let (roots, keysets) = (desk.office().roots(), desk.office().keysets());
    let first = Root::verify(&roots[0], TENANT, None).unwrap().hash().unwrap();
    Authority::build(TENANT, first, &roots, keysets.last().unwrap()).unwrap().keyring()
}

fn with_operators(desk: &Desk, names: &[&str]) -> (Handheld, Vec<Grant>) {
    let operators = names.iter().map(|name| operator(name)).collect();
    let offer = Offer { operators, ..Offer::new(&device("hh-1"), "http://127.0.0.1:1") };
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    let enrolling = Enrolling::read(&offered.file).unwrap();
    let grants = enrolling.grants().to_vec();
    (desk.enrol(&enrolling), grants)
}

#[test]
fn a_grant_says_what_the_operator_was_entered_for() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    let mut new = NewOperator::new(operator("wang"), "Wang Wei", Role::Field);
    new.areas = vec!["north".to_owned(), "yard-2".to_owned()];
    new.meters = vec![meter(METER)];
    // More than the role: the grant does not reach further.
    new.verbs = Verbs::of(&[Verb::Read, Verb::Recharge, Verb::Refund]);
    desk.local.wait(desk.office().add_operator(&new)).unwrap();
    let granted = desk.grant("wang", "hh-1");
    let grant = Grant::verify(&granted.bytes, TENANT, &ring(&desk)).unwrap();
    assert_eq!((grant.operator.as_str(), grant.device.as_str()), ("wang", "hh-1"));
    assert_eq!(grant.verbs, Verbs::of(&[Verb::Read, Verb::Recharge]).bits());
    assert_eq!((grant.areas.len(), grant.meters.as_slice()), (2, &[meter(METER).bcd()][..]));
    assert_eq!(grant.expires, NOW + 90 * 86_400);
    // The code opens this grant and no other, and is in none of them.
    let code = granted.code.expose_secret();
    assert_eq!((code.len(), code.matches('-').count()), (14, 2), "{code}");
    assert_eq!(activation(&grant.id, code), grant.activation);
    assert_eq!(activation(&grant.id, &code.to_lowercase().replace('-', "")), grant.activation);
    assert_ne!(activation(&[0; 16], code), grant.activation);
    let again = desk.grant("wang", "hh-1");
    assert_ne!(again.code.expose_secret(), code);
    let later = Grant::verify(&again.bytes, TENANT, &ring(&desk)).unwrap();
    assert!(later.issued > grant.issued, "of two grants the later one counts");
}

/// More acts than a grant can say (`meterkit_tokens::Caps::MOST`).
const ABOVE: Cap = Cap { soft: 1, hard: 1_000_001 };

#[test]
fn what_no_grant_can_say_is_not_entered() {
    let desk = Desk::new();
    let good = NewOperator::new(operator("wang"), "Wang Wei", Role::Field);
    let bad = [
        NewOperator { name: String::new(), ..good.clone() },
        NewOperator { caps: Caps { acts: ABOVE, ..good.caps }, ..good.clone() },
        NewOperator { days: 401, ..good.clone() },
        NewOperator { days: 0, ..good.clone() },
        NewOperator { shift_s: 60, ..good.clone() },
        NewOperator { areas: vec!["a,b".to_owned()], ..good.clone() },
        NewOperator { areas: vec!["a b".to_owned()], ..good.clone() },
        NewOperator { areas: vec!["an area with a long name".to_owned()], ..good.clone() },
    ];
    for new in bad {
        let added = desk.local.wait(desk.office().add_operator(&new));
        assert_eq!(added.unwrap_err().code(), "usage", "{new:?}");
    }
    let none = desk.local.wait(desk.office().grant(&operator("wang"), &device("hh-1")));
    assert_eq!(none.unwrap_err().code(), "no-device");
    let _handheld = desk.handheld("hh-1");
    let none = desk.local.wait(desk.office().grant(&operator("wang"), &device("hh-1")));
    assert_eq!(none.unwrap_err().code(), "no-operator");
}

/// Handed out until the journal shows it, then not again; only the newest.
#[test]
fn a_grant_is_pulled_until_the_journal_shows_it() {
    let desk = Desk::new();
    desk.hire("li", Role::Supervisor);
    desk.hire("wang", Role::Recharge);
    let (handheld, grants) = with_operators(&desk, &["li"]);
    assert_eq!(grants.len(), 1);
    let first = handheld.sync(&desk.post()).unwrap();
    assert_eq!(first.grants, 0, "the enrolment file brought it");
    desk.grant("wang", "hh-1");
    let newest = desk.grant("wang", "hh-1");
    assert_eq!(handheld.sync(&desk.post()).unwrap().grants, 1);
    let (_, row) =
        handheld.store.grants().into_iter().find(|(id, _)| *id == operator("wang")).unwrap();
    assert_eq!(row.id, newest.id);
    let third = handheld.sync(&desk.post()).unwrap();
    assert_eq!((third.grants, third.refused.len()), (0, 0));
    let info = desk.local.wait(desk.office().operators()).unwrap();
    let wang = info.iter().find(|info| info.entry.id == operator("wang")).unwrap();
    assert_eq!(wang.grants, [("hh-1".to_owned(), true)]);
}

#[test]
fn a_revoked_operator_loses_everything_everywhere() {
    let desk = Desk::new();
    desk.hire("li", Role::Supervisor);
    desk.hire("wang", Role::Recharge);
    let (handheld, _) = with_operators(&desk, &["li", "wang"]);
    handheld.sync(&desk.post()).unwrap();
    let before = handheld.store.grant(&operator("wang")).unwrap();
    assert!(!before.revoked);
    assert_eq!(desk.local.wait(desk.office().revoke_operator(&operator("wang"))).unwrap(), 1);
    assert_eq!(handheld.sync(&desk.post()).unwrap().revoked, 1);
    assert!(handheld.store.grant(&operator("wang")).unwrap().revoked);
    assert!(!handheld.store.grant(&operator("li")).unwrap().revoked);
    let again = desk.local.wait(desk.office().grant(&operator("wang"), &device("hh-1")));
    assert_eq!(again.unwrap_err().code(), "no-operator");
    let twice = desk.local.wait(desk.office().revoke_operator(&operator("wang")));
    assert_eq!(twice.unwrap_err().code(), "no-operator");
}

fn leave(by: &str) -> NewOverride {
    NewOverride {
        device: device("hh-1"),
        operator: operator("wang"),
        meter: meter(METER),
        verb: Verb::Control,
        hours: 2,
        by: operator(by),
        reason: "burst pipe".to_owned(),
    }
}

#[test]
fn an_override_is_for_one_act_by_a_supervisor_for_another() {
    let desk = Desk::new();
    for (name, role) in
        [("li", Role::Supervisor), ("wang", Role::Recharge), ("chen", Role::Finance)]
    {
        desk.hire(name, role);
    }
    let (handheld, _) = with_operators(&desk, &["li", "wang"]);
    handheld.sync(&desk.post()).unwrap();
    let give = |new: &NewOverride| desk.local.wait(desk.office().over_ride(new));
    let bad = [
        (leave("chen"), "usage"),
        (leave("zhao"), "no-operator"),
        (NewOverride { operator: operator("li"), ..leave("li") }, "usage"),
        (NewOverride { hours: 25, ..leave("li") }, "usage"),
        (NewOverride { reason: " ".to_owned(), ..leave("li") }, "usage"),
        (NewOverride { meter: meter("99"), ..leave("li") }, "no-meter"),
        (NewOverride { device: device("hh-9"), ..leave("li") }, "no-device"),
    ];
    for (new, code) in bad {
        assert_eq!(give(&new).unwrap_err().code(), code, "{new:?}");
    }
    let given = give(&leave("li")).unwrap();
    let read = Override::verify(&given.bytes, TENANT, &ring(&desk)).unwrap();
    assert_eq!((read.by.as_str(), read.reason.as_str()), ("li", "burst pipe"));
    assert_eq!(read.expires, NOW + 2 * 3_600);
    assert_eq!(handheld.sync(&desk.post()).unwrap().overrides, 1);
    assert_eq!(handheld.sync(&desk.post()).unwrap().overrides, 0, "handed out once");
    // Used in time and by him: nothing to look at.
    use_it(&handheld, given.id, "wang", meter(METER));
    handheld.sync(&desk.post()).unwrap();
    assert!(desk.open_classes().is_empty());
}

fn use_it(handheld: &Handheld, id: TokenId, name: &str, no: MeterNo) {
    let mut stamp = handheld.stamp();
    stamp.operator = name.to_owned();
    let event = Event::OverrideUsed { id, verb: Verb::Control, meter: no };
    handheld.store.append(&stamp, event).unwrap();
}

/// Whatever a handheld's own rules let through, the office sees: here, a journal nobody's rules
/// have looked at.
#[test]
fn an_override_used_wrongly_is_looked_at() {
    let desk = Desk::new();
    desk.hire("li", Role::Supervisor);
    desk.hire("wang", Role::Recharge);
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    enrolling.introduce([5; 32], &stamp(NOW), &desk.post()).unwrap();
    let give = || desk.local.wait(desk.office().over_ride(&leave("li"))).unwrap().id;
    let used = |id| Event::OverrideUsed { id, verb: Verb::Control, meter: meter(METER) };
    let [good, other, elsewhere, late] = [give(), give(), give(), give()];
    let far = Event::OverrideUsed { id: elsewhere, verb: Verb::Control, meter: meter("48") };
    let cases = [
        ("wang", NOW, used(good), None),
        ("wang", NOW, used(good), Some("an override was used twice")),
        ("li", NOW, used(other), Some("an override was used by another, or on another meter")),
        ("wang", NOW, far, Some("an override was used by another, or on another meter")),
        ("wang", NOW + 7_200, used(late), Some("an override was used after its time")),
        ("wang", NOW, used(TokenId([3; 16])), Some("an override we never gave was used")),
    ];
    let mut before = [42; 32];
    for (at, (name, time, event, why)) in cases.into_iter().enumerate() {
        let seq = at as u64 + 1;
        let stamp = Stamp { operator: name.to_owned(), ..stamp(time) };
        let body = records::encode_body(seq, &stamp, &event);
        let hash = chain(&before, &body);
        let pack = Pack::of(1, seq, before, hash, &[&body]).unwrap();
        desk.local.wait(desk.office().apply_pack(&device("hh-1"), &pack, b"signed")).unwrap();
        before = hash;
        let rows = desk.local.wait(desk.office().reviews(false)).unwrap();
        let found = rows.iter().find(|row| row.seq == seq).map(|row| row.why.as_str());
        assert_eq!(found, why, "entry {seq}");
    }
}

#[test]
fn a_meter_has_an_area_and_its_handhelds_know() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let new = NewMeter::from_csv("48,9,Li Si,B2 1204,yuan,5,0,north").unwrap();
    desk.local.wait(desk.office().add_meters(&[new])).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(handheld.store.meter(meter("48")).unwrap().area, "north");
    assert_eq!(handheld.store.meter(meter(METER)).unwrap().area, "");
    assert_eq!(desk.local.wait(desk.office().meter(meter("48"))).unwrap().area, "north");
    let bad = NewMeter::from_csv("49,9,Li Si,B2 1204,yuan,5,0,a name that is too long").unwrap();
    let added = desk.local.wait(desk.office().add_meters(&[bad]));
    assert_eq!(added.unwrap_err().code(), "usage");
}

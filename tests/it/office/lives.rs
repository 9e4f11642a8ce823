//! Lives of a handheld: enrolled again, forks of two that carry one name, recovery codes.

use super::desk::{Desk, METER, NOW, device, figure, operator, stamp, store_key};
use meterkit::office::{Offer, Verdict};
use meterkit::sync::SyncError;
use meterkit::sync::enrol::{Enrolling, make_way};
use meterkit::sync::wire::Refusal;
use meterkit::units::{Decision, Role, recovery_text};

fn again(desk: &Desk) -> Offer {
    desk.hire("li", Role::Supervisor);
    let operators = vec![operator("li")];
    Offer { operators, again: true, ..Offer::new(&device("hh-1"), "http://127.0.0.1:1") }
}

#[test]
fn a_restored_handheld_gets_a_new_life_and_the_old_one_is_closed() {
    let desk = Desk::new();
    let old = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 100);
    old.sync(&desk.post()).unwrap();
    let plain = Offer { again: false, ..again(&desk) };
    let refused = desk.local.wait(desk.office().offer(&plain)).map(drop).unwrap_err();
    assert_eq!(refused.code(), "device-enrolled");
    let offered = desk.local.wait(desk.office().offer(&again(&desk))).unwrap();
    assert_eq!(offered.epoch, 2);
    // The old life ends at what was acknowledged; what it carried may have been used.
    assert_eq!(figure(&desk.report(), "suspect"), 1);
    assert_eq!(old.sync(&desk.post()).unwrap_err(), SyncError::Refused(Refusal::UnknownDevice));
    let enrolling = Enrolling::read(&offered.file).unwrap();
    let new = desk.enrol(&enrolling);
    assert_eq!(new.store.identity().epoch, 2);
    let refused = old.sync(&desk.post()).unwrap_err();
    assert_eq!(refused, SyncError::Refused(Refusal::Signature), "another key now");
    let report = new.sync(&desk.post()).unwrap();
    assert_eq!((report.tokens, report.grants), (0, 0), "nothing of the old life comes again");
    new.sync(&desk.post()).unwrap();
    let rows = desk.local.wait(desk.office().devices()).unwrap();
    assert_eq!((rows[0].epoch, rows[0].status.as_str()), (2, "enrolled"));
    // The money is with the customer again once somebody has read the meter.
    desk.settle(issued.id, Verdict::NotBooked, "read").unwrap();
    assert_eq!(desk.issue_to("hh-1", METER, 100).count_before, issued.count_before);
    assert_eq!(new.sync(&desk.post()).unwrap().tokens, 1);
}

#[test]
fn a_second_offer_of_a_new_life_is_of_the_same_life() {
    let desk = Desk::new();
    let _old = desk.handheld("hh-1");
    let first = desk.local.wait(desk.office().offer(&again(&desk))).unwrap();
    let second = desk.local.wait(desk.office().offer(&again(&desk))).unwrap();
    assert_eq!((first.epoch, second.epoch), (2, 2));
    let (first, second) =
        (Enrolling::read(&first.file).unwrap(), Enrolling::read(&second.file).unwrap());
    assert_eq!(first.file.recovery, second.file.recovery);
    let stale = first.introduce([5; 32], &stamp(NOW), &desk.post());
    assert!(stale.is_err(), "the earlier file is worthless");
    // The old store is moved aside, whole.
    let old = desk.enrol(&second);
    let (dir, store) = (old.dir, old.store);
    drop(store);
    let third = desk.local.wait(desk.office().offer(&again(&desk))).unwrap();
    assert_eq!(third.epoch, 3);
    let aside = make_way(dir.path(), &Enrolling::read(&third.file).unwrap(), Some(2)).unwrap();
    assert!(meterkit::store::Store::open(&aside.unwrap(), &store_key()).is_ok());
}

#[test]
fn a_quarantined_handheld_comes_back_in_a_new_life_alone() {
    let desk = Desk::new();
    let old = desk.handheld("hh-1");
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    assert_eq!(old.sync(&desk.post()).unwrap_err(), SyncError::Refused(Refusal::Quarantined));
    let offered = desk.local.wait(desk.office().offer(&again(&desk))).unwrap();
    let new = desk.enrol(&Enrolling::read(&offered.file).unwrap());
    new.sync(&desk.post()).unwrap();
}

/// A copy of the whole store works on; both sides of the contradiction are listed.
#[test]
fn forks_are_listed_with_both_sides() {
    let desk = Desk::new();
    let one = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 100);
    one.sync(&desk.post()).unwrap();
    one.sync(&desk.post()).unwrap();
    let two = one.copy();
    one.recharge(issued.id, Decision::Confirmed);
    two.recharge(issued.id, Decision::Unreachable);
    one.sync(&desk.post()).unwrap();
    assert!(two.sync(&desk.post()).is_err());
    let forks = desk.local.wait(desk.office().forks(&device("hh-1"))).unwrap();
    assert!(forks.len() >= 2, "{forks:?}");
    let (first, second) = (&forks[0], &forks[1]);
    assert_eq!((first.epoch, first.seq), (second.epoch, second.seq));
    assert_eq!((first.first, second.first), (true, false));
    assert_ne!(first.hash, second.hash);
    let rows = desk.local.wait(desk.office().devices()).unwrap();
    assert_eq!((rows[0].status.as_str(), rows[0].forks > 0), ("quarantined", true));
    assert_eq!(desk.open_classes(), ["C1"]);
    let none = desk.local.wait(desk.office().forks(&device("hh-9")));
    assert_eq!(none.unwrap_err().code(), "no-device");
}

#[test]
fn recovery_codes_are_those_of_the_file_and_given_out_once() {
    let desk = Desk::new();
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    let in_file: Vec<String> =
        enrolling.file.recovery.iter().map(|secret| recovery_text(secret).to_string()).collect();
    for (at, expected) in in_file.iter().enumerate() {
        let (left, code) = desk.local.wait(desk.office().recovery_code(&device("hh-1"))).unwrap();
        assert_eq!((code.as_str(), left), (expected.as_str(), 3 - at as u32));
    }
    let none = desk.local.wait(desk.office().recovery_code(&device("hh-1"))).unwrap_err();
    assert_eq!(none.code(), "no-recovery");
    let other = desk.offer("hh-2", "http://127.0.0.1:1");
    assert_ne!(other.file.recovery, enrolling.file.recovery);
}

//! Status documents and limits: versions, digests, what is refused and what is flagged.

use super::desk::{Desk, METER, NOW, TENANT, device, meter, operator};
use meterkit::office::{Offer, PolicyChange};
use meterkit::store::{DocKind, Event};
use meterkit::sync::wire::{self, Ask, Hello, Reply, Request};
use meterkit::sync::{Post, enrol::Enrolling};
use meterkit::units::{Cap, Decision, Role, TokenId, UnixSeconds};
use meterkit_tokens::{Authority, DeviceKey, Status};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

fn authority(desk: &Desk) -> Authority {
    let (roots, keysets) = (desk.office().roots(), desk.office().keysets());
    let first = meterkit_tokens::Root::verify(&roots[0], TENANT, None).unwrap().hash().unwrap();
    Authority::build(TENANT, first, &roots, keysets.last().unwrap()).unwrap()
}

fn read(desk: &Desk, bytes: &[u8]) -> Status {
    Status::verify(bytes, TENANT, "hh-1", &authority(desk).keyring()).unwrap()
}

fn status(desk: &Desk) -> Status {
    read(desk, &desk.local.wait(desk.office().status(&device("hh-1"))).unwrap())
}

fn limit(desk: &Desk, change: PolicyChange) {
    desk.local.wait(desk.office().set_policy(Some(&device("hh-1")), &change)).unwrap();
}

/// A clock that was set back, for whatever reason, gives no version that is not newer.
#[test]
fn versions_go_up_whatever_the_clock_does() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    let mut last = 0;
    for step in [0, 0, 3_600, -7_200, 0, 1, -80_000, 200_000] {
        desk.clock.fetch_add(step, Ordering::Relaxed);
        let status = status(&desk);
        assert!(status.version > last, "after {step}: {} then {}", last, status.version);
        assert_eq!(status.issued, desk.clock.load(Ordering::Relaxed));
        last = status.version;
    }
}

#[test]
fn a_status_says_what_the_office_knows() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    assert_eq!(status(&desk).leases, <[u8; 32]>::from(Sha256::digest([])));
    desk.add_meter("48");
    let mut ids: Vec<[u8; 16]> =
        [METER, "48"].map(|no| desk.issue_to("hh-1", no, 100).id.0).to_vec();
    ids.sort();
    handheld.sync(&desk.post()).unwrap();
    let now = status(&desk);
    assert_eq!(now.leases, <[u8; 32]>::from(Sha256::digest(ids.concat())));
    let acked = handheld.store.summary().acked.unwrap();
    assert_eq!((now.acked_seq, now.acked_hash), (acked.seq, acked.hash));
    assert_eq!((now.root, now.keyset, now.epoch), (1, 1, 1));
    assert_eq!(now.expires - now.issued, 2 * 86_400);
    assert!(now.pins.is_empty() && now.revoked.is_empty());
    // It came with the exchange, and the store keeps it.
    let (version, bytes) = handheld.store.document(DocKind::Status).unwrap().unwrap();
    assert_eq!(read(&desk, &bytes).version, version);
    assert!(version < now.version);
}

/// NEED and BYE both bring a status.
#[test]
fn every_exchange_begins_and_ends_with_one() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let head = handheld.store.summary().head;
    let head = wire::Position { epoch: head.epoch, seq: head.seq, hash: head.hash };
    for ask in [Ask::Hello(Hello { head, receipt: 0, checkpoint: None }), Ask::Bye { receipt: 0 }] {
        let (path, kind) = (ask.path(), ask.document());
        let request = Request { device: device("hh-1"), nonce: [9; 16], at: UnixSeconds(NOW), ask };
        let key: DeviceKey = handheld.key();
        let signed = key.sign(kind, TENANT, request.payload()).unwrap();
        let body = wire::join(&[b"hh-1", &[9; 16], &signed]);
        let answer = desk.post().post(path, &body).unwrap();
        let [signed, body] = wire::split(&answer).unwrap();
        let ring = authority(&desk).keyring();
        let kind = meterkit_tokens::DocType::Answer;
        let verified = meterkit_tokens::verify(&signed, kind, TENANT, &ring, None).unwrap();
        let status = match wire::Answer::read(verified.payload, &body).unwrap().reply {
            Reply::Need(need) => need.status,
            Reply::Bye { status } => status,
            other => panic!("{other:?}"),
        };
        read(&desk, &status.unwrap());
    }
}

#[test]
fn revoked_tokens_are_named_until_their_end_and_stay_in_doubt() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 100);
    handheld.sync(&desk.post()).unwrap();
    assert!(handheld.store.token(issued.id).unwrap().state.usable());
    desk.local.wait(desk.office().revoke_token(issued.id)).unwrap();
    assert_eq!(status(&desk).revoked, [issued.id.0]);
    assert_eq!(super::desk::figure(&desk.report(), "suspect"), 1, "never void without proof");
    assert_eq!(super::desk::figure(&desk.report(), "in-transit"), 100);
    assert_eq!(handheld.sync(&desk.post()).unwrap().revoked, 1);
    assert!(!handheld.store.token(issued.id).unwrap().state.usable());
    // Replaced at the same step, for the same handheld.
    let new = desk.local.wait(desk.office().reissue(issued.id, 3)).unwrap();
    assert_eq!((new.count_before, new.credit), (issued.count_before, issued.credit));
    assert_eq!(super::desk::figure(&desk.report(), "in-transit"), 100);
    handheld.sync(&desk.post()).unwrap();
    assert!(handheld.store.token(new.id).unwrap().state.usable());
    desk.clock.fetch_add(8 * 86_400, Ordering::Relaxed);
    assert!(status(&desk).revoked.is_empty(), "what has ended need not be named");
    let gone = desk.local.wait(desk.office().revoke_token(TokenId([1; 16])));
    assert_eq!(gone.unwrap_err().code(), "no-token");
    let voided = desk.local.wait(desk.office().revoke_token(issued.id));
    assert_eq!(voided.unwrap_err().code(), "not-replaceable");
}

/// One that was sent may be in the meter: it is not replaced by wish.
#[test]
fn a_revoked_token_that_was_sent_is_not_replaced() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 100);
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(issued.id);
    handheld.sync(&desk.post()).unwrap();
    desk.local.wait(desk.office().revoke_token(issued.id)).unwrap();
    let again = desk.local.wait(desk.office().reissue(issued.id, 3));
    assert_eq!(again.unwrap_err().code(), "not-replaceable");
}

#[test]
fn a_handheld_carries_no_more_than_its_limit() {
    let desk = Desk::new();
    let _handheld = desk.handheld("hh-1");
    desk.add_meter("48");
    desk.add_meter("49");
    let yuan = Some(Cap { soft: 200, hard: 300 });
    limit(&desk, PolicyChange { yuan, ..PolicyChange::default() });
    assert!(!desk.issue_to("hh-1", METER, 150).near_limit);
    assert!(desk.issue_to("hh-1", "48", 150).near_limit, "the hard limit may be reached");
    let order =
        meterkit::office::Order { meter: meter("49"), amount: 1, device: device("hh-1"), days: 3 };
    let before = desk.report();
    let refused = desk.local.wait(desk.office().issue(&order)).unwrap_err();
    assert_eq!(refused.code(), "over-limit", "{refused}");
    assert_eq!(desk.report(), before);
    // Another handheld goes by the usual limits; kWh are another limit.
    let _other = desk.handheld("hh-2");
    desk.issue_to("hh-2", "49", 1_000);
    let bad = [
        PolicyChange { acts: Some(Cap { soft: 2, hard: 1 }), ..PolicyChange::default() },
        PolicyChange { life_s: Some(73 * 3_600), ..PolicyChange::default() },
        PolicyChange { idle_s: Some(0), ..PolicyChange::default() },
    ];
    for change in bad {
        let set = desk.local.wait(desk.office().set_policy(None, &change));
        assert_eq!(set.unwrap_err().code(), "usage", "{change:?}");
    }
}

/// Limits that no status can say are refused when they are set: written down, they would break
/// every exchange of every handheld.
#[test]
fn limits_that_cannot_be_signed_are_refused_at_once() {
    use meterkit_tokens::Caps as Signed;
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let most = |[_, hard]: [i64; 2]| Some(Cap { soft: 1, hard });
    let above = |[_, hard]: [i64; 2]| Some(Cap { soft: 1, hard: hard + 1 });
    let none = PolicyChange::default();
    let (signed, set) =
        (Signed::MOST, |change| desk.local.wait(desk.office().set_policy(None, &change)));
    let (acts, yuan) = (above(signed.acts), above(signed.yuan));
    let (kwh, age_s) = (above(signed.kwh), above(signed.age_s));
    let cases = [
        ("acts", PolicyChange { acts, ..none }),
        ("yuan", PolicyChange { yuan, ..none }),
        ("kwh", PolicyChange { kwh, ..none }),
        ("age", PolicyChange { age_s, ..none }),
    ];
    for (name, change) in cases {
        let error = set(change).unwrap_err();
        assert_eq!(error.code(), "usage");
        let says = error.to_string();
        assert!(says.contains(name) && says.contains("at most"), "{says}");
    }
    // The highest of all can be signed, and the handheld takes it.
    let (acts, yuan) = (most(signed.acts), most(signed.yuan));
    let (kwh, age_s) = (most(signed.kwh), most(signed.age_s));
    set(PolicyChange { acts, yuan, kwh, age_s, ..none }).unwrap();
    handheld.sync(&desk.post()).unwrap();
}

/// A handheld that does not keep its limits: what it did is a fact, and a person hears of it.
#[test]
fn an_act_beyond_the_limits_is_booked_and_flagged() {
    let desk = Desk::new();
    desk.hire("li", Role::Recharge);
    let offer =
        Offer { operators: vec![operator("li")], ..Offer::new(&device("hh-1"), "http://x") };
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    let handheld = desk.enrol(&Enrolling::read(&offered.file).unwrap());
    let numbers: Vec<String> = (60..65).map(|no| no.to_string()).collect();
    numbers.iter().for_each(|no| desk.add_meter(no));
    let tokens: Vec<TokenId> = numbers.iter().map(|no| desk.issue_to("hh-1", no, 100).id).collect();
    handheld.sync(&desk.post()).unwrap();
    // Two acts in all, from the next status on; the store here is told of no bounds at all.
    let acts = Some(Cap { soft: 1, hard: 2 });
    limit(&desk, PolicyChange { acts, ..PolicyChange::default() });
    handheld.recharge(tokens[0], Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert!(desk.open_classes().is_empty(), "within the limits it knew of: {:?}", reviews(&desk));
    for token in &tokens[1..4] {
        handheld.recharge(*token, Decision::Confirmed);
    }
    let report = handheld.sync(&desk.post()).unwrap();
    assert_eq!(report.review(), 1, "the third act since the receipt: {:?}", report.outcomes);
    assert_eq!(desk.open_classes(), ["C3"]);
    assert!(reviews(&desk)[0].contains("number of acts"), "{:?}", reviews(&desk));
    assert_eq!(super::desk::figure(&desk.report(), "meter-held"), 400, "a fact is a fact");
    // The receipt was taken in: the next act begins anew.
    handheld.recharge(tokens[4], Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C3"]);
}

fn reviews(desk: &Desk) -> Vec<String> {
    let rows = desk.local.wait(desk.office().reviews(false)).unwrap();
    rows.into_iter().map(|row| row.why).collect()
}

#[test]
fn an_operators_own_limit_is_checked_too() {
    let desk = Desk::new();
    let mut li = meterkit::office::NewOperator::new(operator("li"), "Li", Role::Recharge);
    li.caps.yuan = Cap { soft: 100, hard: 150 };
    desk.local.wait(desk.office().add_operator(&li)).unwrap();
    let offer =
        Offer { operators: vec![operator("li")], ..Offer::new(&device("hh-1"), "http://x") };
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    let handheld = desk.enrol(&Enrolling::read(&offered.file).unwrap());
    desk.add_meter("48");
    let tokens = [METER, "48"].map(|no| desk.issue_to("hh-1", no, 100).id);
    handheld.sync(&desk.post()).unwrap();
    tokens.into_iter().for_each(|token| handheld.recharge(token, Decision::Confirmed));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(reviews(&desk), ["beyond the operator's limit in yuan"]);
}

/// The program that writes the journal, and the age of what is out, are in the list.
#[test]
fn the_list_of_handhelds_shows_what_is_exposed() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    desk.issue_to("hh-1", METER, 100);
    desk.clock.fetch_add(600, Ordering::Relaxed);
    handheld.append(Event::Software { version: "meterkit 9".to_owned(), digest: [1; 32] });
    handheld.sync(&desk.post()).unwrap();
    let rows = desk.local.wait(desk.office().devices()).unwrap();
    let row = &rows[0];
    assert_eq!((row.carried.tokens, row.carried.yuan, row.carried.kwh), (1, 100, 0));
    assert_eq!(row.carried.oldest, Some(UnixSeconds(NOW)));
    assert_eq!(row.last_seen, Some(UnixSeconds(NOW + 600)));
    assert_eq!((row.software.as_str(), row.epoch, row.forks), ("meterkit 9", 1, 0));
}

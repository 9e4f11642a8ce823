//! Packs in any order, any number of times, cut anywhere: one ledger.

use crate::office::desk::{Desk, METER, NOW, TENANT, account, device, evidence, judgement, stamp};
use crate::support::postgres::cases;
use meterkit::office::{Applied, Issued, LedgerReport};
use meterkit::store::{Event, TokenFacts, records};
use meterkit::sync::wire::{self, EntryOutcome, Pack, Receipt, Refusal, chain};
use meterkit::units::{Decision, IntentFacts, UnixSeconds};
use meterkit_tokens::{DocType, Issuer, KeyRecord, Keyring, verify};
use proptest::prelude::*;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

/// A journal made of plain records, as a handheld's disk would hold them.
#[derive(Clone, Default)]
pub struct Paper {
    pub bodies: Vec<Vec<u8>>,
    pub hashes: Vec<[u8; 32]>,
}

impl Paper {
    pub fn write(&mut self, event: &Event) {
        let body = records::encode_body(self.bodies.len() as u64 + 1, &stamp(NOW), event);
        let before = self.hashes.last().copied().unwrap_or([42; 32]);
        self.hashes.push(chain(&before, &body));
        self.bodies.push(body);
    }

    /// Entries `first..=last`, counted from 1.
    pub fn pack(&self, first: usize, last: usize) -> Pack {
        let bodies: Vec<&[u8]> = self.bodies[first - 1..last].iter().map(Vec::as_slice).collect();
        let before = if first == 1 { [42; 32] } else { self.hashes[first - 2] };
        Pack::of(1, first as u64, before, self.hashes[last - 1], &bodies).unwrap()
    }

    pub fn len(&self) -> usize {
        self.bodies.len()
    }
}

fn facts(issued: &Issued) -> TokenFacts {
    TokenFacts {
        act: meterkit::units::Act::Recharge,
        id: issued.id,
        meter: issued.meter,
        account: account(),
        count_before: issued.count_before,
        credit: issued.credit,
        seq: 1,
        order: order_of(issued),
        not_before: UnixSeconds(NOW),
        issued: UnixSeconds(NOW),
        expires: issued.expires,
        caps: 0,
        max_balance: None,
    }
}

fn order_of(issued: &Issued) -> [u8; 8] {
    let ring = Keyring::from(vec![KeyRecord {
        key: Issuer::from_seed([2; 32]).public(),
        not_before: 0,
        not_after: 1 << 40,
        types: vec![DocType::Recharge],
        max_amount: None,
    }]);
    meterkit_tokens::RechargeToken::verify(&issued.bytes, TENANT, &ring).unwrap().order
}

/// A day: every token imported, used, and ended in its own way.
fn day(tokens: &[Issued], decisions: &[Decision]) -> Paper {
    let mut paper = Paper::default();
    for issued in tokens {
        paper.write(&Event::TokenImported { token: facts(issued), bytes: issued.bytes.clone() });
    }
    for (issued, decision) in tokens.iter().zip(decisions) {
        let facts: IntentFacts = facts(issued).intent();
        let before = evidence(issued.meter, issued.count_before.0, 0, None);
        paper.write(&Event::Intent { facts, before });
        paper.write(&Event::TimeAnchor { server: UnixSeconds(NOW) });
        let judgement =
            judgement(*decision, issued.meter, issued.count_before.0, issued.credit.value);
        let (token, meter) = (issued.id, issued.meter);
        paper.write(&Event::Outcome { token, meter, judgement });
    }
    paper
}

/// An office with three meters and one token for each, and a handheld without a store.
fn street() -> (Desk, Vec<Issued>) {
    let desk = Desk::new();
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    enrolling.introduce([5; 32], &stamp(NOW), &desk.post()).unwrap();
    let tokens = [METER, "48", "49"].map(|no| {
        if no != METER {
            desk.add_meter(no);
        }
        desk.issue_to("hh-1", no, 100)
    });
    (desk, tokens.into())
}

fn apply(desk: &Desk, pack: &Pack) -> Applied {
    desk.local.wait(desk.office().apply_pack(&device("hh-1"), pack, b"signed")).unwrap()
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let one = prop_oneof![
        4 => Just(Decision::Confirmed),
        1 => Just(Decision::ConfirmedWeak),
        1 => Just(Decision::NotApplied),
        1 => Just(Decision::Raced),
        1 => Just(Decision::TornWrite),
        1 => Just(Decision::Reset),
        1 => Just(Decision::Contradiction),
        1 => Just(Decision::Unreachable),
    ];
    proptest::collection::vec(one, 3)
}

fn result(desk: &Desk) -> (LedgerReport, Vec<String>) {
    (desk.report(), desk.open_classes())
}

/// The desk's time is part of no figure in the report, but of the tokens: offices made alike are.
fn whole_day_at_once(decisions: &[Decision]) -> (LedgerReport, Vec<String>) {
    let (desk, tokens) = street();
    let paper = day(&tokens, decisions);
    assert!(matches!(apply(&desk, &paper.pack(1, paper.len())), Applied::Receipt(_)));
    result(&desk)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    /// Any packs, overlapping, repeated, out of order; then what is missing. The ledger is that of
    /// the whole day sent at once, and it sums to zero after every single pack.
    #[test]
    fn any_order_gives_one_ledger(
        decisions in decisions(),
        deliveries in proptest::collection::vec((1usize..=12, 0usize..6), 0..20),
    ) {
        let (desk, tokens) = street();
        let paper = day(&tokens, &decisions);
        let mut acked = 0;
        for (first, more) in deliveries {
            let last = (first + more).min(paper.len());
            match apply(&desk, &paper.pack(first, last)) {
                Applied::Receipt(_) => {
                    prop_assert!(first <= acked + 1, "no receipt over a gap");
                    acked = acked.max(last);
                }
                Applied::Need(need) => {
                    prop_assert!(first > acked + 1);
                    prop_assert_eq!(need.seq, acked as u64);
                }
                Applied::Refused(refusal) => prop_assert!(false, "refused: {refusal:?}"),
            }
            desk.report();
        }
        if acked < paper.len() {
            apply(&desk, &paper.pack(acked + 1, paper.len()));
        }
        prop_assert_eq!(result(&desk), whole_day_at_once(&decisions));
    }

}

fn envelope() -> wire::Envelope {
    wire::Envelope {
        tenant: TENANT.to_owned(),
        root_hash: [0; 32],
        roots: vec![],
        keyset: vec![],
        document: vec![],
    }
}

/// The name that requests are counted by is the one the office will check.
#[test]
fn the_claimed_name_is_the_name_in_front() {
    for length in [1, 16, 23, 24, 200] {
        let name = vec![b'n'; length];
        let request = wire::join(&[&name, &[0; 16], b"document"]);
        assert_eq!(wire::claimed_name(&request), Some(name.as_slice()));
        assert_eq!(wire::claimed_name(&request[..length]), None, "cut short");
    }
    assert_eq!(wire::claimed_name(&wire::KeysAsk { root: 1 }.encode()), None);
}

proptest! {
    /// No bytes make a message reader panic, and what it accepts it writes again.
    #[test]
    fn readers_take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = wire::split::<2>(&bytes);
        let _ = wire::claimed_name(&bytes);
        let _ = wire::Envelope::read(&bytes);
        let _ = wire::Keys::read(&bytes);
        let _ = wire::KeysAsk::read(&bytes);
        let _ = wire::read_entry(&bytes);
        let limits = meterkit_tokens::cbor::Limits { bytes: 600, depth: 8 };
        if let Ok(value) = meterkit_tokens::cbor::decode(&bytes, limits) {
            let _ = wire::Request::read(value.clone());
            let _ = wire::Answer::read(value.clone(), &bytes);
            let _ = wire::Enrolment::read(value.clone(), &envelope());
            let _ = wire::Page::read(value.clone());
            let _ = Receipt::read(value);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(32), ..ProptestConfig::default() })]

    /// One damaged byte in a pack's payload: refused, or the same records.
    #[test]
    fn a_damaged_pack_changes_nothing(at in 0usize..2000, bit in 0u8..8) {
        let (desk, tokens) = street();
        let paper = day(&tokens, &[Decision::Confirmed; 3]);
        let request = wire::Request {
            device: device("hh-1"),
            nonce: [0; 16],
            at: UnixSeconds(NOW),
            ask: wire::Ask::Pack(paper.pack(1, paper.len())),
        };
        let mut bytes = meterkit_tokens::cbor::encode(&request.payload());
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let limits = meterkit_tokens::cbor::Limits { bytes: 1 << 17, depth: 8 };
        let Ok(value) = meterkit_tokens::cbor::decode(&bytes, limits) else { return Ok(()) };
        let Ok(wire::Request { ask: wire::Ask::Pack(pack), .. }) = wire::Request::read(value)
        else {
            return Ok(());
        };
        let before = desk.report();
        match apply(&desk, &pack) {
            Applied::Receipt(_) => prop_assert_eq!(pack.bodies().unwrap(), paper.bodies),
            _ => prop_assert_eq!(desk.report(), before),
        }
    }
}

#[test]
fn a_receipt_is_the_same_bytes_for_the_same_pack() {
    let (desk, tokens) = street();
    let paper = day(&tokens, &[Decision::Confirmed; 3]);
    let first = apply(&desk, &paper.pack(1, 5));
    desk.clock.fetch_add(100, Ordering::Relaxed);
    assert_eq!(apply(&desk, &paper.pack(1, 5)), first);
    // Overlapping: the known ones are named duplicates, and nothing is booked for them.
    let Applied::Receipt(bytes) = apply(&desk, &paper.pack(3, paper.len())) else { panic!() };
    let ring = Keyring::from(vec![KeyRecord {
        key: Issuer::from_seed([3; 32]).public(),
        not_before: 0,
        not_after: 1 << 40,
        types: vec![DocType::Receipt],
        max_amount: None,
    }]);
    let payload = verify(&bytes, DocType::Receipt, TENANT, &ring, None).unwrap().payload;
    let receipt = Receipt::read(payload).unwrap();
    assert_eq!((receipt.number, receipt.acked.seq), (2, paper.len() as u64));
    let of = |wanted: EntryOutcome| receipt.outcomes().filter(|(_, o)| **o == wanted).count();
    assert_eq!((of(EntryOutcome::Duplicate), of(EntryOutcome::Applied)), (3, 5));
}

#[test]
fn two_journals_under_one_name_are_both_kept_and_stopped() {
    let (desk, tokens) = street();
    let paper = day(&tokens, &[Decision::Confirmed; 3]);
    apply(&desk, &paper.pack(1, 8));
    let before = desk.report();
    let mut other = Paper { bodies: paper.bodies[..5].into(), hashes: paper.hashes[..5].into() };
    other.write(&Event::TimeAnchor { server: UnixSeconds(1) });
    for pack in [other.pack(4, 6), paper.pack(9, 12)] {
        assert_eq!(apply(&desk, &pack), Applied::Refused(Refusal::Quarantined));
    }
    let after = desk.report();
    assert_eq!((&after.balances, after.postings), (&before.balances, before.postings));
    assert_eq!(desk.open_classes(), ["C1"]);
}

#[test]
fn a_pack_that_contradicts_itself_is_malformed_and_proves_nothing() {
    let (desk, tokens) = street();
    let paper = day(&tokens, &[Decision::Confirmed; 3]);
    let mut pack = paper.pack(1, 4);
    pack.hash = [0; 32];
    assert_eq!(apply(&desk, &pack), Applied::Refused(Refusal::Malformed));
    let mut pack = paper.pack(1, 4);
    pack.epoch = 2;
    assert_eq!(apply(&desk, &pack), Applied::Refused(Refusal::Epoch));
    assert!(matches!(apply(&desk, &paper.pack(1, 4)), Applied::Receipt(_)));
}

#[test]
fn an_entry_from_the_future_parks_itself_and_no_other() {
    let (desk, tokens) = street();
    let mut paper = Paper::default();
    // A body no version before this one could have written, in the middle of a day.
    let unknown = meterkit_tokens::cbor::encode(&meterkit_tokens::cbor::Value::Map(vec![(
        0,
        meterkit_tokens::cbor::Value::Int(99),
    )]));
    paper.hashes.push(chain(&[42; 32], &unknown));
    paper.bodies.push(unknown);
    let rest = day(&tokens, &[Decision::Confirmed; 3]);
    for body in &rest.bodies {
        paper.write(&records::decode_body(body).unwrap().event);
    }
    apply(&desk, &paper.pack(1, paper.len()));
    let report = desk.report();
    assert_eq!(crate::office::desk::figure(&report, "applied"), 3);
    assert_eq!(desk.open_classes(), ["C8"]);
}

/// The office dies between any two steps of taking in a pack: everything of it is there or nothing,
/// and sending it again ends in the same ledger.
#[test]
fn an_office_that_dies_half_way_has_all_or_nothing() {
    let expected = whole_day_at_once(&[Decision::Confirmed; 3]);
    let mut died = 0;
    for steps in 0.. {
        let (desk, tokens) = street();
        let paper = day(&tokens, &[Decision::Confirmed; 3]);
        let pack = paper.pack(1, paper.len());
        let before = desk.report();
        let done = desk.local.wait(async {
            let name = device("hh-1");
            let mut work = pin!(desk.office().apply_pack(&name, &pack, b"signed"));
            let mut polls = 0;
            // Dropped after so many polls: what was not committed is rolled back.
            std::future::poll_fn(move |context| {
                if polls == steps {
                    return Poll::Ready(false);
                }
                polls += 1;
                work.as_mut().poll(context).map(|result| result.is_ok())
            })
            .await
        });
        let now = desk.report();
        assert!(now == before || now == expected.0, "after {steps} steps: {now:?}");
        assert!(matches!(apply(&desk, &pack), Applied::Receipt(_)));
        assert_eq!(result(&desk), expected, "after dying at step {steps}");
        if done {
            break;
        }
        died += 1;
    }
    // A pack takes some twenty statements, whatever it holds, and several of them may be answered
    // within one poll.
    assert!(died > 5, "it was stopped at many places, {died}");
}

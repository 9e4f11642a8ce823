//! Every kind of entry and row reads back as it was written, and no bytes make a reader panic.

use super::{RecordError, decode_body, encode_body, rows};
use crate::store::bundles::BundleTaken;
use crate::store::event::{
    Acceptance, DocKind, Event, LogOut, Position, Reading, ShiftSummary, Shown, Stamp, Step,
    TokenFacts, Withdrawal,
};
use crate::store::rounds::RoundTaken;
use crate::store::rows::{AreaMeter, GrantRow, OpenIntent, OverrideRow, TokenRow, TokenState};
use crate::store::schema::{JOURNAL_FORMAT, MAX_REVOKED, OUTCOME_RESERVE, TAIL_RESERVE};
use crate::store::segment::{FRAME, RECORD};
use crate::store::state::{Doc, State, Sum};
use crate::units::{
    AccountNo, Act, BusPlace, Credit, CreditUnit, Decision, Energy, ErrandKind, Evidence, Exposure,
    IntentFacts, Judgement, Mark, MeterNo, OperatorId, PurchaseCount, PurchaseRecord, RelayState,
    Role, StepState, TokenId, UnixSeconds, Verb, WorkId,
};
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};
use proptest::option::of;
use proptest::prelude::*;

fn twelve() -> impl Strategy<Value = String> {
    (0u64..1_000_000_000_000).prop_map(|n| n.to_string())
}

fn meter() -> impl Strategy<Value = MeterNo> {
    twelve().prop_map(|text| text.parse().unwrap())
}

fn account() -> impl Strategy<Value = AccountNo> {
    twelve().prop_map(|text| text.parse().unwrap())
}

fn token() -> impl Strategy<Value = TokenId> {
    any::<[u8; 16]>().prop_map(TokenId)
}

fn time() -> impl Strategy<Value = UnixSeconds> {
    any::<i64>().prop_map(UnixSeconds)
}

/// Counters the store keeps stay below 2^63.
fn number() -> impl Strategy<Value = u64> {
    0..=i64::MAX as u64
}

fn credit() -> impl Strategy<Value = Credit> {
    (any::<i64>(), prop_oneof![Just(CreditUnit::Yuan), Just(CreditUnit::Kwh)])
        .prop_map(|(value, unit)| Credit { value, unit })
}

prop_compose! {
    fn purchase()(
        count: u32,
        amount: i64,
        balances in any::<Option<[i64; 2]>>(),
    ) -> PurchaseRecord {
        PurchaseRecord { count: PurchaseCount(count), amount, balances }
    }
}

prop_compose! {
    fn evidence()(
        meter in meter(),
        account in of(account()),
        count: u32,
        balance in credit(),
        overdraft: i64,
        last_purchase in of(purchase()),
        energy in of(any::<i64>().prop_map(Energy)),
        meter_clock in of(time()),
        relay in of(prop_oneof![Just(RelayState::Open), Just(RelayState::Closed)]),
        read_at in time(),
        frames_digest: [u8; 32],
    ) -> Evidence {
        let count = PurchaseCount(count);
        Evidence {
            meter, account, count, balance, overdraft, last_purchase, energy, meter_clock, relay,
            read_at, frames_digest,
        }
    }
}

prop_compose! {
    fn judgement()(
        decision in prop::sample::select(vec![
            Decision::Confirmed, Decision::ConfirmedWeak, Decision::NotApplied, Decision::Raced,
            Decision::TornWrite, Decision::Reset, Decision::Contradiction, Decision::Unreachable,
        ]),
        after in of(evidence()),
        refusal_word in of(any::<u16>()),
    ) -> Judgement {
        Judgement { decision, after, refusal_word }
    }
}

prop_compose! {
    fn facts()(
        id in token(),
        meter in meter(),
        account in account(),
        count: u32,
        credit in credit(),
        seq in number(),
        order: [u8; 8],
        not_before in time(),
        issued in time(),
        expires in time(),
        caps: u32,
        max_balance: Option<i64>,
        act in prop::sample::select(Act::ALL),
    ) -> TokenFacts {
        let count_before = PurchaseCount(count);
        TokenFacts {
            act,
            id, meter, account, count_before, credit, seq, order, not_before, issued,
            expires, caps, max_balance,
        }
    }
}

fn intent() -> impl Strategy<Value = IntentFacts> {
    facts().prop_map(|facts| facts.intent())
}

prop_compose! {
    fn position()(epoch: u32, seq in number(), hash: [u8; 32]) -> Position {
        Position { epoch, seq, hash }
    }
}

fn raw_item() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

prop_compose! {
    fn shown()(balance in credit(), overdraft: i64, count: u32) -> Shown {
        Shown { balance, overdraft, count: PurchaseCount(count) }
    }
}

prop_compose! {
    fn reading()(
        meter in meter(),
        items in prop::collection::vec((any::<u32>(), raw_item()), 0..9),
        evidence in of(evidence()),
        read_at in time(),
        took_ms in number(),
        frames_digest: [u8; 32],
        profile in "[a-z0-9-]{0,12}",
        values in prop::collection::vec(("[a-z-]{1,9}", "[ -~]{0,12}"), 0..5),
        shown in of(shown()),
    ) -> Reading {
        Reading { meter, items, evidence, read_at, took_ms, frames_digest, profile, values, shown }
    }
}

fn operator() -> impl Strategy<Value = OperatorId> {
    "[a-z0-9-]{1,16}".prop_map(|text| text.parse().unwrap())
}

fn signed() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

fn kind() -> impl Strategy<Value = DocKind> {
    prop::sample::select(DocKind::ALL.to_vec())
}

prop_compose! {
    fn shift()(counts: [u32; 4], yuan: i64, kwh: i64) -> ShiftSummary {
        let [reads, accepted, refused, unknown] = counts;
        ShiftSummary { reads, accepted, refused, unknown, yuan, kwh }
    }
}

/// Entries about people and trust.
fn people() -> impl Strategy<Value = Event> {
    let role = prop::sample::select(Role::ALL.to_vec());
    let verb = prop::sample::select(Verb::ALL.to_vec());
    let why =
        prop::sample::select(vec![LogOut::Asked, LogOut::Idle, LogOut::ShiftEnd, LogOut::Ended]);
    prop_oneof![
        (operator(), token(), role, any::<u32>()).prop_map(|(operator, grant, role, failures)| {
            Event::LoggedIn { operator, grant, role, failures }
        }),
        (operator(), why, shift()).prop_map(|(operator, why, shift)| Event::LoggedOut {
            operator,
            why,
            shift
        }),
        (operator(), ".{0,30}").prop_map(|(operator, how)| Event::PinSet { operator, how }),
        (token(), operator(), time(), time(), signed()).prop_map(
            |(id, operator, issued, expires, bytes)| {
                Event::GrantTaken { id, operator, issued, expires, bytes }
            }
        ),
        (token(), operator(), meter(), time(), signed()).prop_map(
            |(id, operator, meter, expires, bytes)| {
                Event::OverrideTaken { id, operator, meter, expires, bytes }
            }
        ),
        (token(), verb, meter()).prop_map(|(id, verb, meter)| Event::OverrideUsed {
            id,
            verb,
            meter
        }),
        (kind(), number(), any::<[u8; 32]>())
            .prop_map(|(kind, version, digest)| Event::DocumentTaken { kind, version, digest }),
        (prop::collection::vec(token(), 0..9), number())
            .prop_map(|(ids, status)| Event::Revoked { ids, status }),
        (".{0,30}", any::<[u8; 32]>())
            .prop_map(|(version, digest)| Event::Software { version, digest }),
        unproven(),
    ]
}

fn unproven() -> impl Strategy<Value = Event> {
    let verb = prop::sample::select(Verb::ALL.to_vec());
    let sure = prop::sample::select(vec!['A', 'B', 'C', 'D']);
    let by = prop::sample::select(vec![Acceptance::Configured, Acceptance::Asked]);
    (meter(), verb, "[a-z0-9-]{1,32}", sure, by).prop_map(
        |(meter, verb, profile, confidence, by)| Event::UnprovenAccepted {
            meter,
            verb,
            profile,
            confidence,
            by,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![money(), people(), errand()]
}

fn errand() -> impl Strategy<Value = Event> {
    let notes = prop::collection::vec(("[a-z]{0,9}", ".{0,20}"), 0..5);
    let kind = prop::sample::select(ErrandKind::ALL);
    let state = prop::sample::select(StepState::ALL);
    let mark = prop::sample::select(Mark::ALL);
    prop_oneof![
        (any::<[u8; 16]>(), kind, of(meter()), "[a-z ]{1,64}", state, notes).prop_map(
            |(work, kind, meter, name, state, notes)| {
                Event::Step(Step { errand: WorkId(work), kind, meter, name, state, notes })
            }
        ),
        (token(), ".{0,30}", any::<u32>(), any::<[u8; 32]>(), time(), signed()).prop_map(
            |(id, name, version, digest, expires, bytes)| {
                Event::BundleTaken(BundleTaken { id, name, version, digest, expires, bytes })
            }
        ),
        (token(), ".{0,30}", any::<[u8; 32]>(), prop::option::of(time()), time(), any::<u32>())
            .prop_map(|(id, name, digest, due, expires, meters)| {
                Event::RoundTaken(RoundTaken { id, name, digest, due, expires, meters })
            }),
        (meter(), mark, any::<bool>(), ".{0,30}")
            .prop_map(|(meter, mark, on, note)| { Event::Marked { meter, mark, on, note } }),
    ]
}

fn money() -> impl Strategy<Value = Event> {
    let reasons = [Withdrawal::Voided, Withdrawal::Settled, Withdrawal::Superseded];
    let reason = prop_oneof![
        3 => prop::sample::select(reasons.to_vec()),
        1 => time().prop_map(Withdrawal::Recharged),
    ];
    prop_oneof![
        ("[a-z]{1,9}", "[a-z0-9-]{1,16}", ".{0,30}").prop_map(|(tenant, device, office)| {
            Event::Enrolled { tenant, device: device.parse().unwrap(), office }
        }),
        (facts(), prop::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(token, bytes)| Event::TokenImported { token, bytes }),
        (token(), reason, number()).prop_map(|(id, reason, receipt)| Event::TokenWithdrawn {
            id,
            reason,
            receipt
        }),
        reading().prop_map(Event::Reading),
        (of(token()), meter(), ".{0,30}", of(evidence())).prop_map(
            |(token, meter, code, evidence)| Event::Refused { token, meter, code, evidence }
        ),
        (intent(), evidence()).prop_map(|(facts, before)| Event::Intent { facts, before }),
        (token(), evidence()).prop_map(|(token, after_read)| Event::Resend { token, after_read }),
        (token(), meter(), judgement()).prop_map(|(token, meter, judgement)| Event::Outcome {
            token,
            meter,
            judgement
        }),
        time().prop_map(|server| Event::TimeAnchor { server }),
        (number(), position()).prop_map(|(number, acked)| Event::ReceiptStored { number, acked }),
        (token(), meter(), number(), any::<bool>()).prop_map(|(token, meter, by, booked)| {
            Event::Resolved { token, meter, by, booked }
        }),
        (".{0,30}", number(), number()).prop_map(|(file, offset, bytes)| Event::TailCut {
            file,
            offset,
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn entries_read_back(
        event in event(),
        seq in number(),
        at in time(),
        boot_ms in number(),
        operator in "[a-z\u{4E00}-\u{4E10}]{0,16}",
    ) {
        let stamp = Stamp { at, boot_ms, operator };
        let bytes = encode_body(seq, &stamp, &event);
        let body = decode_body(&bytes).unwrap();
        prop_assert_eq!((body.seq, &body.stamp, &body.event), (seq, &stamp, &event));
    }

    #[test]
    fn rows_read_back(
        facts in facts(),
        state in prop::sample::select(vec![
            TokenState::Cached, TokenState::Intent, TokenState::Accepted, TokenState::NotApplied,
            TokenState::Raced, TokenState::Disputed, TokenState::Withdrawn,
        ]),
        flags: [bool; 4],
        at in time(),
        seq in number(),
        before in evidence(),
        last_judgement in of(judgement()),
        sends: u32,
        acked in of((number(), position())),
        anchor in of((time(), time(), number())),
        head in position(),
        sum in (number(), any::<u64>()),
        who in operator(),
        docs in prop::collection::btree_map(kind(), (number(), any::<[u8; 32]>()), 0..3),
        software in of((".{0,30}", any::<[u8; 32]>())),
    ) {
        let row = TokenRow {
            facts, state, bytes: vec![1; 40], imported_at: at, sent: flags[0],
            withdrawn: flags[1], revoked: flags[3], recharged: flags[2].then_some(at),
            last_seq: seq,
        };
        prop_assert_eq!(rows::decode_token(&rows::encode_token(&row)), Ok(row));
        let open = OpenIntent {
            facts: facts.intent(), before, sends, last_judgement, seq, at, disputed: flags[2],
        };
        prop_assert_eq!(rows::decode_open(&rows::encode_open(&open)), Ok(open));
        let exposure = Exposure { acts: sends, yuan: at.0, kwh: at.0, oldest: Some(at) };
        let doc = |(kind, (version, digest))| (kind, Doc { version, digest });
        let mut state = State {
            acked, anchor, last_sync: Some(at), meters: seq, tokens_live: seq, area_version: seq,
            start: seq, stamps: at, issued: at, software, docs: docs.into_iter().map(doc).collect(),
            exposed: [(who.to_string(), exposure)].into(), ..State::empty([3; 16], head, seq)
        };
        state.sums[1] = Sum { rows: sum.0, digest: sum.1 };
        prop_assert_eq!(State::decode(&state.encode()), Ok(state));
        prop_assert_eq!(rows::decode_note(&rows::encode_note(seq, &head)), Ok((seq, head)));
        let exposed =
            rows::Exposed { operator: who.to_string(), credit: facts.credit, at: facts.expires };
        prop_assert_eq!(rows::decode_exposed(&rows::encode_exposed(&exposed)), Ok(exposed));
        let (id, expires) = (facts.id, facts.expires);
        let grant = GrantRow { id, issued: at, expires, bytes: vec![2; 40], revoked: false };
        let read = rows::decode_grant(&rows::encode_grant(&who, &grant));
        prop_assert_eq!(read, Ok((who.clone(), grant)));
        let row = OverrideRow { id, expires, bytes: vec![3; 40], used: flags[0], revoked: false };
        let of = rows::OverrideFor { operator: who, meter: facts.meter, row };
        prop_assert_eq!(rows::decode_override(&rows::encode_override(&of)), Ok(of));
        let meter = AreaMeter {
            no: facts.meter, account: Some(facts.account), customer: "a".into(),
            location: String::new(), profile: "p".into(), area: "n".into(),
            place: BusPlace::default(),
        };
        let plain = encode(&rows::area_meter(&meter));
        prop_assert_eq!(rows::decode_meter(&plain), Ok(meter.clone()));
        let place = BusPlace {
            line: "tcp://10.0.0.7:4001".into(),
            terminal: if flags[0] { "A".into() } else { String::new() },
            user: u8::from(flags[1]) * 36,
            address: "37".into(),
        };
        let meter = AreaMeter { place, ..meter };
        let placed = encode(&rows::area_meter(&meter));
        prop_assert!(placed.len() > plain.len());
        prop_assert_eq!(rows::decode_meter(&placed), Ok(meter));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_body(&bytes);
        let _ = rows::decode_token(&bytes);
        let _ = rows::decode_open(&bytes);
        let _ = rows::decode_meter(&bytes);
        let _ = rows::decode_note(&bytes);
        let _ = rows::decode_exposed(&bytes);
        let _ = rows::decode_grant(&bytes);
        let _ = rows::decode_override(&bytes);
        let _ = State::decode(&bytes);
    }

    /// Near misses reach deeper than noise: one byte of a good entry is another.
    #[test]
    fn a_changed_byte_is_another_entry_or_none(
        event in event(), place: prop::sample::Index, change in 1u8..,
    ) {
        let stamp = Stamp { at: UnixSeconds(1), boot_ms: 2, operator: "x".into() };
        let mut bytes = encode_body(7, &stamp, &event);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        if let Ok(body) = decode_body(&bytes) {
            // What is accepted is canonical: it has this one encoding.
            prop_assert_eq!(encode_body(body.seq, &body.stamp, &body.event), bytes);
        }
    }
}

/// Takes a good body apart, lets `change` at its fields, and gives what the reader says.
fn with_fields(change: impl FnOnce(&mut Vec<(i64, Value)>)) -> RecordError {
    let stamp = Stamp { at: UnixSeconds(1), boot_ms: 2, operator: "x".into() };
    let bytes = encode_body(7, &stamp, &Event::TimeAnchor { server: UnixSeconds(5) });
    let value = decode(&bytes, Limits { bytes: 999, depth: 4 }).unwrap();
    let mut fields = Fields::of(value).unwrap();
    let mut map: Vec<(i64, Value)> = (0..7).map(|k| (k, fields.value(k).unwrap())).collect();
    change(&mut map);
    decode_body(&encode(&Value::Map(map))).unwrap_err()
}

#[test]
fn what_is_not_understood_is_an_error() {
    let newer = i64::from(JOURNAL_FORMAT) + 1;
    let format = with_fields(|map| map[0].1 = Value::Int(newer));
    assert_eq!(format, RecordError::Format(newer));
    let kind = with_fields(|map| map[5].1 = Value::Int(99));
    assert_eq!(kind, RecordError::Kind(99));
    let operator = with_fields(|map| map[4].1 = Value::Text("x".repeat(65)));
    assert_eq!(operator, RecordError::Value("operator"));
    let more = with_fields(|map| map.push((7, Value::Null)));
    assert!(matches!(more, RecordError::Cbor(_)), "{more}");
    let less = with_fields(|map| drop(map.remove(3)));
    assert!(matches!(less, RecordError::Cbor(_)), "{less}");
    let inner = with_fields(|map| {
        map[6].1 = Value::Map(vec![(1, Value::Int(5)), (2, Value::Int(6))]);
    });
    assert!(matches!(inner, RecordError::Cbor(_)), "{inner}");
}

/// The longest evidence there is: every field there, every number of full length.
fn longest() -> Evidence {
    let most = PurchaseRecord {
        count: PurchaseCount(u32::MAX),
        amount: i64::MIN,
        balances: Some([i64::MIN; 2]),
    };
    Evidence {
        meter: "999999999999".parse().unwrap(),
        account: "999999999999".parse().ok(),
        count: PurchaseCount(u32::MAX),
        balance: Credit { value: i64::MIN, unit: CreditUnit::Kwh },
        overdraft: i64::MIN,
        last_purchase: Some(most),
        energy: Some(Energy(i64::MIN)),
        meter_clock: Some(UnixSeconds(i64::MIN)),
        relay: Some(RelayState::Open),
        read_at: UnixSeconds(i64::MIN),
        frames_digest: [0xFF; 32],
    }
}

#[test]
fn what_is_kept_for_outcomes_and_cut_tails_is_enough() {
    let stamp = Stamp {
        at: UnixSeconds(i64::MIN),
        boot_ms: i64::MAX as u64,
        operator: "x".repeat(crate::store::schema::MAX_OPERATOR),
    };
    let after = Some(longest());
    let judgement = Judgement { decision: Decision::Reset, after, refusal_word: Some(u16::MAX) };
    let (token, meter) = (TokenId([0xFF; 16]), longest().meter);
    let size = |stamp: &Stamp, event: &Event| {
        encode_body(i64::MAX as u64, stamp, event).len() as u64 + FRAME + RECORD
    };
    assert!(size(&stamp, &Event::Outcome { token, meter, judgement }) <= OUTCOME_RESERVE);
    let most = i64::MAX as u64;
    let file = crate::store::segment::file_name(u32::MAX, most);
    let cut = Event::TailCut { file, offset: most, bytes: most };
    assert!(size(&Stamp { operator: String::new(), ..stamp }, &cut) <= TAIL_RESERVE);
}

#[test]
fn a_full_list_of_revocations_is_read_and_a_longer_one_is_not() {
    let stamp = Stamp { at: UnixSeconds(1), boot_ms: 2, operator: "x".into() };
    let of = |count| Event::Revoked { ids: vec![TokenId([7; 16]); count], status: 3 };
    let full = encode_body(7, &stamp, &of(MAX_REVOKED));
    assert!(full.len() <= crate::store::schema::MAX_BODY);
    assert_eq!(decode_body(&full).map(|body| body.event), Ok(of(MAX_REVOKED)));
    let longer = decode_body(&encode_body(7, &stamp, &of(MAX_REVOKED + 1)));
    assert_eq!(longer, Err(RecordError::Value("ids")));
}

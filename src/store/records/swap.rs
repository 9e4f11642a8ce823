//! Entries of swaps, and the row they leave.

use super::{RecordError, parts};
use crate::store::event::{Event, SwapFacts, SwapFixed};
use crate::store::schema::{MAX_INDEX_VALUE, MAX_TOKEN};
use crate::store::swap::SwapRow;
use crate::units::{PurchaseCount, SwapLeg, UnixSeconds};
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

type Result<T> = std::result::Result<T, RecordError>;

/// Number of the entry that takes the office's leave in.
pub const TAKEN: i64 = 24;
/// Number of the entry that fixes a leg.
pub const FIXED: i64 = 25;

const LIMITS: Limits = Limits { bytes: MAX_INDEX_VALUE, depth: 4 };

/// The kind and fields of an entry of a swap; kind 0, which nothing reads, for any other.
pub fn to_value(event: &Event) -> (i64, Vec<(i64, Value)>) {
    match event {
        Event::SwapTaken { swap, bytes } => {
            (TAKEN, vec![(1, facts(swap)), (2, Value::Bytes(bytes.clone()))])
        }
        Event::SwapFixed(fixed) => (FIXED, fixed_fields(fixed)),
        _ => (0, Vec::new()),
    }
}

/// Reads an entry of a swap.
///
/// # Errors
/// An unknown kind, an unknown or missing field, a value out of range.
pub fn from_fields(kind: i64, f: &mut Fields) -> Result<Event> {
    match kind {
        TAKEN => {
            let swap = take_facts(f.map(1)?)?;
            Ok(Event::SwapTaken { swap, bytes: parts::take_blob(f, 2, MAX_TOKEN, "swap")? })
        }
        FIXED => Ok(Event::SwapFixed(take_fixed(f)?)),
        other => Err(RecordError::Kind(other)),
    }
}

/// A leave: 1 identity, 2 new meter, 3 its account, 4 its count, 5 old meter, 6 its account, 7
/// unit, 8 most carried, 9 most provisional, 10 most arrears, 11 running number, 12 not before, 13
/// signed, 14 expires.
fn facts(f: &SwapFacts) -> Value {
    Value::Map(vec![
        (1, parts::token(f.id)),
        (2, parts::meter(f.meter)),
        (3, parts::account(f.account)),
        (4, Value::from(f.count.0)),
        (5, parts::meter(f.old)),
        (6, parts::account(f.old_account)),
        (7, parts::unit(f.unit)),
        (8, Value::Int(f.most)),
        (9, Value::Int(f.provisional)),
        (10, Value::Int(f.arrears)),
        (11, parts::number(f.seq)),
        (12, Value::Int(f.not_before.0)),
        (13, Value::Int(f.issued.0)),
        (14, Value::Int(f.expires.0)),
    ])
}

fn take_facts(mut f: Fields) -> Result<SwapFacts> {
    let facts = SwapFacts {
        id: parts::take_token(&mut f, 1)?,
        meter: parts::take_meter(&mut f, 2)?,
        account: parts::take_account(&mut f, 3)?,
        count: PurchaseCount(f.number(4)?),
        old: parts::take_meter(&mut f, 5)?,
        old_account: parts::take_account(&mut f, 6)?,
        unit: parts::take_unit(&mut f, 7)?,
        most: f.int(8)?,
        provisional: f.int(9)?,
        arrears: f.int(10)?,
        seq: f.number(11)?,
        not_before: UnixSeconds(f.int(12)?),
        issued: UnixSeconds(f.int(13)?),
        expires: UnixSeconds(f.int(14)?),
    };
    f.finish()?;
    Ok(facts)
}

/// A leg: 1 swap, 2 leg, 3 attempt, 4 amount, 5 count before, 6 meter, 7 the reading it rests on.
fn fixed_fields(fixed: &SwapFixed) -> Vec<(i64, Value)> {
    let mut fields = vec![
        (1, parts::token(fixed.swap)),
        (2, Value::Int(i64::from(fixed.leg.number()))),
        (3, Value::from(fixed.attempt)),
        (4, Value::Int(fixed.amount)),
        (5, Value::from(fixed.count.0)),
        (6, parts::meter(fixed.meter)),
    ];
    fields.extend(fixed.rests_on.as_ref().map(|seen| (7, parts::evidence(seen))));
    fields
}

fn take_fixed(f: &mut Fields) -> Result<SwapFixed> {
    Ok(SwapFixed {
        swap: parts::take_token(f, 1)?,
        leg: SwapLeg::from_number(f.int(2)?).ok_or(RecordError::Value("leg"))?,
        attempt: f.number(3)?,
        amount: f.int(4)?,
        count: PurchaseCount(f.number(5)?),
        meter: parts::take_meter(f, 6)?,
        rests_on: parts::take_opt_evidence(f, 7)?,
    })
}

/// A swap's row: 1 leave, 2 document, 3 taken at, 4 withdrawn, 5 revoked, 6 how often the leg out
/// was fixed, 7 whether the opening was, 8 which credit was, 9 last entry.
pub fn encode_swap(row: &SwapRow) -> Vec<u8> {
    encode(&Value::map_of([
        (1, Some(facts(&row.facts))),
        (2, Some(Value::Bytes(row.bytes.clone()))),
        (3, Some(Value::Int(row.taken_at.0))),
        (4, Some(Value::Bool(row.withdrawn))),
        (5, Some(Value::Bool(row.revoked))),
        (6, Some(Value::from(row.outs))),
        (7, Some(Value::Bool(row.opened))),
        (8, row.credited.map(|leg| Value::Int(i64::from(leg.number())))),
        (9, Some(parts::number(row.last_seq))),
    ]))
}

/// Reads a swap's row.
///
/// # Errors
/// Anything this version did not write.
pub fn decode_swap(bytes: &[u8]) -> Result<SwapRow> {
    let mut f = Fields::of(decode(bytes, LIMITS)?)?;
    let leg = |number| SwapLeg::from_number(number).ok_or(RecordError::Value("leg"));
    let row = SwapRow {
        facts: take_facts(f.map(1)?)?,
        bytes: f.bytes(2)?,
        taken_at: UnixSeconds(f.int(3)?),
        withdrawn: f.bool(4)?,
        revoked: f.bool(5)?,
        outs: f.number(6)?,
        opened: f.bool(7)?,
        credited: f.opt_int(8)?.map(leg).transpose()?,
        last_seq: f.number(9)?,
    };
    f.finish()?;
    Ok(row)
}

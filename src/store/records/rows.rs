//! Rows of the index and the small files, to and from CBOR.

use super::{RecordError, parts};
use crate::store::event::Position;
use crate::store::rows::{AreaMeter, OpenIntent, TokenRow, TokenState};
use crate::store::schema::{MAX_INDEX_VALUE, MAX_METER_TEXT};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

type Result<T> = std::result::Result<T, RecordError>;

const LIMITS: Limits = Limits { bytes: MAX_INDEX_VALUE, depth: 8 };

fn fields(bytes: &[u8]) -> Result<Fields> {
    Ok(Fields::of(decode(bytes, LIMITS)?)?)
}

const STATES: [(i64, TokenState); 7] = [
    (1, TokenState::Cached),
    (2, TokenState::Intent),
    (3, TokenState::Accepted),
    (4, TokenState::NotApplied),
    (5, TokenState::Raced),
    (6, TokenState::Disputed),
    (7, TokenState::Withdrawn),
];

/// A token: 1 facts, 2 state, 3 document, 4 imported at, 5 sent, 6 withdrawn, 7 last entry.
pub fn encode_token(row: &TokenRow) -> Vec<u8> {
    let code = STATES.iter().find(|(_, s)| *s == row.state).map_or(0, |(code, _)| *code);
    encode(&Value::Map(vec![
        (1, parts::token_facts(&row.facts)),
        (2, Value::Int(code)),
        (3, Value::Bytes(row.bytes.clone())),
        (4, Value::Int(row.imported_at.0)),
        (5, Value::Bool(row.sent)),
        (6, Value::Bool(row.withdrawn)),
        (7, parts::number(row.last_seq)),
    ]))
}

/// Reads a token.
pub fn decode_token(bytes: &[u8]) -> Result<TokenRow> {
    let mut f = fields(bytes)?;
    let code = f.int(2)?;
    let state = STATES.iter().find(|(known, _)| *known == code);
    let row = TokenRow {
        facts: parts::take_token_facts(f.map(1)?)?,
        state: state.ok_or(RecordError::Value("state"))?.1,
        bytes: f.bytes(3)?,
        imported_at: UnixSeconds(f.int(4)?),
        sent: f.bool(5)?,
        withdrawn: f.bool(6)?,
        last_seq: f.number(7)?,
    };
    f.finish()?;
    Ok(row)
}

/// An open intent: 1 facts, 2 before, 3 sends, 4 last judgement, 5 entry, 6 at, 7 disputed.
pub fn encode_open(row: &OpenIntent) -> Vec<u8> {
    encode(&Value::map_of([
        (1, Some(parts::intent_facts(&row.facts))),
        (2, Some(parts::evidence(&row.before))),
        (3, Some(Value::from(row.sends))),
        (4, row.last_judgement.as_ref().map(parts::judgement)),
        (5, Some(parts::number(row.seq))),
        (6, Some(Value::Int(row.at.0))),
        (7, Some(Value::Bool(row.disputed))),
    ]))
}

/// Reads an open intent.
pub fn decode_open(bytes: &[u8]) -> Result<OpenIntent> {
    let mut f = fields(bytes)?;
    let row = OpenIntent {
        facts: parts::take_intent_facts(f.map(1)?)?,
        before: parts::take_evidence(f.map(2)?)?,
        sends: f.number(3)?,
        last_judgement: f.opt_map(4)?.map(parts::take_judgement).transpose()?,
        seq: f.number(5)?,
        at: UnixSeconds(f.int(6)?),
        disputed: f.bool(7)?,
    };
    f.finish()?;
    Ok(row)
}

/// A meter of the area: 1 number, 2 account, 3 customer, 4 location, 5 profile.
pub fn area_meter(meter: &AreaMeter) -> Value {
    Value::map_of([
        (1, Some(parts::meter(meter.no))),
        (2, meter.account.map(parts::account)),
        (3, Some(Value::Text(meter.customer.clone()))),
        (4, Some(Value::Text(meter.location.clone()))),
        (5, Some(Value::Text(meter.profile.clone()))),
    ])
}

/// Reads a meter of the area.
pub fn take_area_meter(mut f: Fields) -> Result<AreaMeter> {
    let meter = AreaMeter {
        no: parts::take_meter(&mut f, 1)?,
        account: parts::take_opt_account(&mut f, 2)?,
        customer: parts::take_text(&mut f, 3, MAX_METER_TEXT, "customer")?,
        location: parts::take_text(&mut f, 4, MAX_METER_TEXT, "location")?,
        profile: parts::take_text(&mut f, 5, MAX_METER_TEXT, "profile")?,
    };
    f.finish()?;
    Ok(meter)
}

/// Reads a meter's row.
pub fn decode_meter(bytes: &[u8]) -> Result<AreaMeter> {
    take_area_meter(fields(bytes)?)
}

/// What the office acknowledged, kept beside the journal: 1 receipt, 2 position.
pub fn encode_acked(number: u64, acked: &Position) -> Vec<u8> {
    encode(&Value::Map(vec![(1, parts::number(number)), (2, parts::position(acked))]))
}

/// Reads what the office acknowledged.
pub fn decode_acked(bytes: &[u8]) -> Result<(u64, Position)> {
    let mut f = fields(bytes)?;
    let found = (f.number(1)?, parts::take_position(f.map(2)?)?);
    f.finish()?;
    Ok(found)
}

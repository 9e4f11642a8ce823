//! Rows of the index and the small files, to and from CBOR.

use super::{RecordError, parts};
use crate::store::event::Position;
use crate::store::rows::{AreaMeter, GrantRow, OpenIntent, OverrideRow, TokenRow, TokenState};
use crate::store::schema::{MAX_GRANT, MAX_INDEX_VALUE, MAX_METER_TEXT, MAX_OPERATOR, MAX_TOKEN};
use crate::units::{Credit, MeterNo, OperatorId, UnixSeconds};
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

/// A token: 1 facts, 2 state, 3 document, 4 imported at, 5 sent, 6 withdrawn, 7 last entry,
/// 8 revoked, 9 when the office recharged the meter itself.
pub fn encode_token(row: &TokenRow) -> Vec<u8> {
    let code = STATES.iter().find(|(_, s)| *s == row.state).map_or(0, |(code, _)| *code);
    encode(&Value::map_of([
        (1, Some(parts::token_facts(&row.facts))),
        (2, Some(Value::Int(code))),
        (3, Some(Value::Bytes(row.bytes.clone()))),
        (4, Some(Value::Int(row.imported_at.0))),
        (5, Some(Value::Bool(row.sent))),
        (6, Some(Value::Bool(row.withdrawn))),
        (7, Some(parts::number(row.last_seq))),
        (8, Some(Value::Bool(row.revoked))),
        (9, row.recharged.map(|at| Value::Int(at.0))),
    ]))
}

/// A time that may be missing.
fn int_time(value: Value) -> Result<UnixSeconds> {
    match value {
        Value::Int(at) => Ok(UnixSeconds(at)),
        _ => Err(RecordError::Value("time")),
    }
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
        revoked: f.bool(8)?,
        recharged: f.opt_value(9).map(int_time).transpose()?,
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

/// A money act the office has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// Who did it.
    pub operator: String,
    /// What it credits.
    pub credit: Credit,
    /// When it was begun.
    pub at: UnixSeconds,
}

/// An unacknowledged act: 1 operator, 2 credit, 3 unit, 4 at.
pub fn encode_exposed(row: &Exposed) -> Vec<u8> {
    encode(&Value::Map(vec![
        (1, Value::Text(row.operator.clone())),
        (2, Value::Int(row.credit.value)),
        (3, parts::unit(row.credit.unit)),
        (4, Value::Int(row.at.0)),
    ]))
}

/// Reads an unacknowledged act.
pub fn decode_exposed(bytes: &[u8]) -> Result<Exposed> {
    let mut f = fields(bytes)?;
    let row = Exposed {
        operator: parts::take_text(&mut f, 1, MAX_OPERATOR, "operator")?,
        credit: Credit { value: f.int(2)?, unit: parts::take_unit(&mut f, 3)? },
        at: UnixSeconds(f.int(4)?),
    };
    f.finish()?;
    Ok(row)
}

/// A grant: 1 operator, 2 identity, 3 issued, 4 expires, 5 document. Whether it is revoked is in a
/// row of its own, which may be there before the grant is.
pub fn encode_grant(operator: &OperatorId, row: &GrantRow) -> Vec<u8> {
    encode(&Value::Map(vec![
        (1, Value::from(operator.as_str())),
        (2, parts::token(row.id)),
        (3, Value::Int(row.issued.0)),
        (4, Value::Int(row.expires.0)),
        (5, Value::Bytes(row.bytes.clone())),
    ]))
}

/// Reads a grant, as not revoked.
pub fn decode_grant(bytes: &[u8]) -> Result<(OperatorId, GrantRow)> {
    let mut f = fields(bytes)?;
    let operator = parts::take_operator(&mut f, 1)?;
    let row = GrantRow {
        id: parts::take_token(&mut f, 2)?,
        issued: UnixSeconds(f.int(3)?),
        expires: UnixSeconds(f.int(4)?),
        bytes: parts::take_blob(&mut f, 5, MAX_GRANT, "grant")?,
        revoked: false,
    };
    f.finish()?;
    Ok((operator, row))
}

/// An override with whom and which meter it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideFor {
    /// Who may use it.
    pub operator: OperatorId,
    /// On which meter.
    pub meter: MeterNo,
    /// The rest.
    pub row: OverrideRow,
}

/// An override: 1 operator, 2 meter, 3 identity, 4 expires, 5 document, 6 used.
pub fn encode_override(of: &OverrideFor) -> Vec<u8> {
    encode(&Value::Map(vec![
        (1, Value::from(of.operator.as_str())),
        (2, parts::meter(of.meter)),
        (3, parts::token(of.row.id)),
        (4, Value::Int(of.row.expires.0)),
        (5, Value::Bytes(of.row.bytes.clone())),
        (6, Value::Bool(of.row.used)),
    ]))
}

/// Reads an override, as not revoked.
pub fn decode_override(bytes: &[u8]) -> Result<OverrideFor> {
    let mut f = fields(bytes)?;
    let found = OverrideFor {
        operator: parts::take_operator(&mut f, 1)?,
        meter: parts::take_meter(&mut f, 2)?,
        row: OverrideRow {
            id: parts::take_token(&mut f, 3)?,
            expires: UnixSeconds(f.int(4)?),
            bytes: parts::take_blob(&mut f, 5, MAX_TOKEN, "override")?,
            used: f.bool(6)?,
            revoked: false,
        },
    };
    f.finish()?;
    Ok(found)
}

/// A meter of the area: 1 number, 2 account, 3 customer, 4 location, 5 profile, 6 area, 7 place on
/// the bus, where anything of it is known.
pub fn area_meter(meter: &AreaMeter) -> Value {
    Value::map_of([
        (1, Some(parts::meter(meter.no))),
        (2, meter.account.map(parts::account)),
        (3, Some(Value::Text(meter.customer.clone()))),
        (4, Some(Value::Text(meter.location.clone()))),
        (5, Some(Value::Text(meter.profile.clone()))),
        (6, Some(Value::Text(meter.area.clone()))),
        (7, parts::bus_place(&meter.place)),
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
        area: parts::take_text(&mut f, 6, MAX_METER_TEXT, "area")?,
        place: parts::take_bus_place(&mut f, 7)?,
    };
    f.finish()?;
    Ok(meter)
}

/// Reads a meter's row.
pub fn decode_meter(bytes: &[u8]) -> Result<AreaMeter> {
    take_area_meter(fields(bytes)?)
}

/// A note beside the journal: 1 number of the receipt, or of our last entry, 2 position at the
/// office.
pub fn encode_note(number: u64, at: &Position) -> Vec<u8> {
    encode(&Value::Map(vec![(1, parts::number(number)), (2, parts::position(at))]))
}

/// Reads a note.
pub fn decode_note(bytes: &[u8]) -> Result<(u64, Position)> {
    let mut f = fields(bytes)?;
    let found = (f.number(1)?, parts::take_position(f.map(2)?)?);
    f.finish()?;
    Ok(found)
}

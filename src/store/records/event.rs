//! Every kind of journal entry, to and from its CBOR map.

use super::{RecordError, bundle, errand, parts, people, round, swap};
use crate::store::event::{Event, Reading, Withdrawal};
use crate::store::schema::{MAX_READING_ITEMS, MAX_TEXT, MAX_TOKEN};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{Fields, Value};

type Result<T> = std::result::Result<T, RecordError>;

const ENROLLED: i64 = 1;
const TOKEN_IMPORTED: i64 = 2;
const TOKEN_WITHDRAWN: i64 = 3;
const READING: i64 = 4;
const REFUSED: i64 = 5;
const INTENT: i64 = 6;
const RESEND: i64 = 7;
const OUTCOME: i64 = 8;
const TIME_ANCHOR: i64 = 9;
const RECEIPT_STORED: i64 = 10;
const RESOLVED: i64 = 11;
const TAIL_CUT: i64 = 12;

/// An entry's kind and its own map.
pub fn to_value(event: &Event) -> (i64, Value) {
    let (kind, fields) = match event {
        Event::Enrolled { tenant, device, office } => {
            let device = Value::from(device.as_str());
            (ENROLLED, vec![(1, text(tenant)), (2, device), (3, text(office))])
        }
        Event::TokenImported { token, bytes } => {
            let bytes = Value::Bytes(bytes.clone());
            (TOKEN_IMPORTED, vec![(1, parts::token_facts(token)), (2, bytes)])
        }
        Event::TokenWithdrawn { id, reason, receipt } => {
            let recharged = match reason {
                Withdrawal::Recharged(at) => Some((4, Value::Int(at.0))),
                _ => None,
            };
            let reason = Value::Int(withdrawal_code(*reason));
            let fields = [(1, parts::token(*id)), (2, reason), (3, parts::number(*receipt))];
            (TOKEN_WITHDRAWN, fields.into_iter().chain(recharged).collect())
        }
        Event::Reading(reading) => return (READING, reading_value(reading)),
        Event::Refused { token, meter, code, evidence } => {
            let fields = Value::map_of([
                (1, token.map(parts::token)),
                (2, Some(parts::meter(*meter))),
                (3, Some(text(code))),
                (4, evidence.as_ref().map(parts::evidence)),
            ]);
            return (REFUSED, fields);
        }
        Event::Intent { facts, before } => {
            (INTENT, vec![(1, parts::intent_facts(facts)), (2, parts::evidence(before))])
        }
        Event::Resend { token, after_read } => {
            (RESEND, vec![(1, parts::token(*token)), (2, parts::evidence(after_read))])
        }
        Event::Outcome { token, meter, judgement } => {
            let judgement = parts::judgement(judgement);
            (OUTCOME, vec![(1, parts::token(*token)), (2, parts::meter(*meter)), (3, judgement)])
        }
        Event::TimeAnchor { server } => (TIME_ANCHOR, vec![(1, Value::Int(server.0))]),
        Event::ReceiptStored { number, acked } => {
            (RECEIPT_STORED, vec![(1, parts::number(*number)), (2, parts::position(acked))])
        }
        Event::Resolved { token, meter, by, booked } => {
            let (token, meter) = (parts::token(*token), parts::meter(*meter));
            let (by, booked) = (parts::number(*by), Value::Bool(*booked));
            (RESOLVED, vec![(1, token), (2, meter), (3, by), (4, booked)])
        }
        Event::TailCut { file, offset, bytes } => {
            let (offset, bytes) = (parts::number(*offset), parts::number(*bytes));
            (TAIL_CUT, vec![(1, text(file)), (2, offset), (3, bytes)])
        }
        Event::Step(_) | Event::Marked { .. } => errand::to_value(event),
        Event::BundleTaken(taken) => (bundle::BUNDLE_TAKEN, bundle::fields(taken)),
        Event::RoundTaken(taken) => (round::ROUND_TAKEN, round::fields(taken)),
        Event::SwapTaken { .. } | Event::SwapFixed(_) => swap::to_value(event),
        Event::LoggedIn { .. }
        | Event::LoggedOut { .. }
        | Event::PinSet { .. }
        | Event::GrantTaken { .. }
        | Event::OverrideTaken { .. }
        | Event::OverrideUsed { .. }
        | Event::DocumentTaken { .. }
        | Event::Revoked { .. }
        | Event::Software { .. }
        | Event::UnprovenAccepted { .. } => people::to_value(event),
    };
    (kind, Value::Map(fields))
}

fn text(text: &str) -> Value {
    Value::from(text)
}

/// Reads an entry of a kind from its map.
///
/// # Errors
/// An unknown kind, an unknown or missing field, a value out of range.
pub fn from_fields(kind: i64, mut f: Fields) -> Result<Event> {
    let event = match kind {
        ENROLLED => Event::Enrolled {
            tenant: parts::take_text(&mut f, 1, MAX_TEXT, "tenant")?,
            device: f.text(2)?.parse().map_err(|_| RecordError::Value("device"))?,
            office: parts::take_text(&mut f, 3, MAX_TEXT, "office")?,
        },
        TOKEN_IMPORTED => {
            let token = parts::take_token_facts(f.map(1)?)?;
            Event::TokenImported { token, bytes: parts::take_blob(&mut f, 2, MAX_TOKEN, "token")? }
        }
        TOKEN_WITHDRAWN => Event::TokenWithdrawn {
            id: parts::take_token(&mut f, 1)?,
            reason: take_withdrawal(&mut f)?,
            receipt: f.number(3)?,
        },
        READING => Event::Reading(take_reading(&mut f)?),
        REFUSED => Event::Refused {
            token: f.opt_array_bytes(1)?.map(crate::units::TokenId),
            meter: parts::take_meter(&mut f, 2)?,
            code: parts::take_text(&mut f, 3, MAX_TEXT, "code")?,
            evidence: parts::take_opt_evidence(&mut f, 4)?,
        },
        INTENT => Event::Intent {
            facts: parts::take_intent_facts(f.map(1)?)?,
            before: parts::take_evidence(f.map(2)?)?,
        },
        RESEND => Event::Resend {
            token: parts::take_token(&mut f, 1)?,
            after_read: parts::take_evidence(f.map(2)?)?,
        },
        OUTCOME => Event::Outcome {
            token: parts::take_token(&mut f, 1)?,
            meter: parts::take_meter(&mut f, 2)?,
            judgement: parts::take_judgement(f.map(3)?)?,
        },
        TIME_ANCHOR => Event::TimeAnchor { server: UnixSeconds(f.int(1)?) },
        RECEIPT_STORED => {
            Event::ReceiptStored { number: f.number(1)?, acked: parts::take_position(f.map(2)?)? }
        }
        RESOLVED => Event::Resolved {
            token: parts::take_token(&mut f, 1)?,
            meter: parts::take_meter(&mut f, 2)?,
            by: f.number(3)?,
            booked: f.bool(4)?,
        },
        TAIL_CUT => Event::TailCut {
            file: parts::take_text(&mut f, 1, MAX_TEXT, "file")?,
            offset: f.number(2)?,
            bytes: f.number(3)?,
        },
        bundle::BUNDLE_TAKEN => Event::BundleTaken(bundle::take(&mut f)?),
        round::ROUND_TAKEN => Event::RoundTaken(round::take(&mut f)?),
        errand::STEP | errand::MARKED => errand::from_fields(kind, &mut f)?,
        swap::TAKEN | swap::FIXED => swap::from_fields(kind, &mut f)?,
        other => people::from_fields(other, &mut f)?,
    };
    f.finish()?;
    Ok(event)
}

fn withdrawal_code(reason: Withdrawal) -> i64 {
    match reason {
        Withdrawal::Voided => 1,
        Withdrawal::Settled => 2,
        Withdrawal::Superseded => 3,
        Withdrawal::Recharged(_) => 4,
    }
}

/// 2 why; 4 when, for a meter the office recharged itself.
fn take_withdrawal(f: &mut Fields) -> Result<Withdrawal> {
    match f.int(2)? {
        1 => Ok(Withdrawal::Voided),
        2 => Ok(Withdrawal::Settled),
        3 => Ok(Withdrawal::Superseded),
        4 => Ok(Withdrawal::Recharged(UnixSeconds(f.int(4)?))),
        _ => Err(RecordError::Value("withdrawal")),
    }
}

/// A reading: 1 meter, 2 items as pairs in one array, 3 evidence, 4 read at, 5 milliseconds it
/// took, 6 digest of the frames, 7 profile, 8 names and values as pairs in one array, 9 what it
/// showed of the account; 7 to 9 are left out where empty, as in entries written before they were
/// there.
fn reading_value(reading: &Reading) -> Value {
    let mut items = Vec::with_capacity(reading.items.len() * 2);
    for (di, raw) in &reading.items {
        items.push(Value::from(*di));
        items.push(Value::Bytes(raw.clone()));
    }
    let pairs = reading.values.iter().flat_map(|(name, value)| [name, value]);
    let pairs: Vec<Value> = pairs.map(|text| Value::Text(text.clone())).collect();
    Value::map_of([
        (1, Some(parts::meter(reading.meter))),
        (2, Some(Value::Array(items))),
        (3, reading.evidence.as_ref().map(parts::evidence)),
        (4, Some(Value::Int(reading.read_at.0))),
        (5, Some(parts::number(reading.took_ms))),
        (6, Some(Value::bytes(reading.frames_digest))),
        (7, Some(Value::Text(reading.profile.clone())).filter(|_| !reading.profile.is_empty())),
        (8, Some(Value::Array(pairs)).filter(|_| !reading.values.is_empty())),
        (9, reading.shown.as_ref().map(parts::shown)),
    ])
}

fn take_values(f: &mut Fields) -> Result<Vec<(String, String)>> {
    let list = f.opt_array(8)?.unwrap_or_default();
    if list.len() % 2 != 0 || list.len() / 2 > MAX_READING_ITEMS {
        return Err(RecordError::Value("values"));
    }
    let mut values = Vec::with_capacity(list.len() / 2);
    let mut list = list.into_iter();
    while let (Some(name), Some(value)) = (list.next(), list.next()) {
        let (Value::Text(name), Value::Text(value)) = (name, value) else {
            return Err(RecordError::Value("values"));
        };
        values.push((name, value));
    }
    Ok(values)
}

fn take_reading(f: &mut Fields) -> Result<Reading> {
    let list = f.array(2)?;
    if list.len() % 2 != 0 || list.len() / 2 > MAX_READING_ITEMS {
        return Err(RecordError::Value("items"));
    }
    let mut items = Vec::with_capacity(list.len() / 2);
    let mut list = list.into_iter();
    while let (Some(di), Some(raw)) = (list.next(), list.next()) {
        let (Value::Int(di), Value::Bytes(raw)) = (di, raw) else {
            return Err(RecordError::Value("items"));
        };
        items.push((u32::try_from(di).map_err(|_| RecordError::Value("items"))?, raw));
    }
    let shown = f.opt_map(9)?.map(parts::take_shown).transpose()?;
    Ok(Reading {
        shown,
        meter: parts::take_meter(f, 1)?,
        items,
        evidence: parts::take_opt_evidence(f, 3)?,
        read_at: UnixSeconds(f.int(4)?),
        took_ms: f.number(5)?,
        frames_digest: f.array_bytes(6)?,
        profile: f.opt_text(7)?.unwrap_or_default(),
        values: take_values(f)?,
    })
}

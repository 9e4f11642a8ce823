//! Entries about people and trust: log-ins, grants, overrides, documents, revocations.

use super::{RecordError, parts};
use crate::store::event::{Acceptance, DocKind, Event, LogOut, ShiftSummary};
use crate::store::schema::{MAX_GRANT, MAX_REVOKED, MAX_TEXT, MAX_TOKEN};
use crate::units::{OperatorId, Role, TokenId, UnixSeconds, Verb};
use meterkit_tokens::cbor::{Fields, Value};

type Result<T> = std::result::Result<T, RecordError>;

const LOGGED_IN: i64 = 13;
const LOGGED_OUT: i64 = 14;
const PIN_SET: i64 = 15;
const GRANT_TAKEN: i64 = 16;
const OVERRIDE_TAKEN: i64 = 17;
const OVERRIDE_USED: i64 = 18;
const DOCUMENT_TAKEN: i64 = 19;
const REVOKED: i64 = 20;
const SOFTWARE: i64 = 21;
const UNPROVEN: i64 = 27;

/// The letters of how sure a row is, surest first.
const SURE: &str = "ABCD";

fn operator(id: &OperatorId) -> Value {
    Value::from(id.as_str())
}

/// The kind and fields of an entry about people or trust; kind 0, which nothing reads, for any
/// other.
pub fn to_value(event: &Event) -> (i64, Vec<(i64, Value)>) {
    match event {
        Event::LoggedIn { operator: who, grant, role, failures } => {
            let role = Value::Int(i64::from(role.number()));
            let failures = Value::from(*failures);
            (
                LOGGED_IN,
                vec![(1, operator(who)), (2, parts::token(*grant)), (3, role), (4, failures)],
            )
        }
        Event::LoggedOut { operator: who, why, shift } => {
            let why = Value::Int(log_out_code(*why));
            (LOGGED_OUT, vec![(1, operator(who)), (2, why), (3, shift_value(shift))])
        }
        Event::PinSet { operator: who, how } => {
            (PIN_SET, vec![(1, operator(who)), (2, Value::from(how.as_str()))])
        }
        Event::GrantTaken { id, operator: who, issued, expires, bytes } => {
            let (issued, expires) = (Value::Int(issued.0), Value::Int(expires.0));
            let (id, bytes) = (parts::token(*id), Value::Bytes(bytes.clone()));
            (GRANT_TAKEN, vec![(1, id), (2, operator(who)), (3, issued), (4, expires), (5, bytes)])
        }
        Event::OverrideTaken { id, operator: who, meter, expires, bytes } => {
            let (meter, expires) = (parts::meter(*meter), Value::Int(expires.0));
            let (id, bytes) = (parts::token(*id), Value::Bytes(bytes.clone()));
            (
                OVERRIDE_TAKEN,
                vec![(1, id), (2, operator(who)), (3, meter), (4, expires), (5, bytes)],
            )
        }
        Event::OverrideUsed { id, verb, meter } => {
            let verb = Value::Int(i64::from(verb.number()));
            (OVERRIDE_USED, vec![(1, parts::token(*id)), (2, verb), (3, parts::meter(*meter))])
        }
        Event::DocumentTaken { kind, version, digest } => {
            let kind = Value::Int(document_code(*kind));
            (
                DOCUMENT_TAKEN,
                vec![(1, kind), (2, parts::number(*version)), (3, Value::bytes(digest))],
            )
        }
        Event::Revoked { ids, status } => {
            let ids = Value::Array(ids.iter().map(|id| parts::token(*id)).collect());
            (REVOKED, vec![(1, ids), (2, parts::number(*status))])
        }
        Event::Software { version, digest } => {
            (SOFTWARE, vec![(1, Value::from(version.as_str())), (2, Value::bytes(digest))])
        }
        Event::UnprovenAccepted { meter, verb, profile, confidence, by } => {
            let verb = Value::Int(i64::from(verb.number()));
            let (profile, sure) = (Value::from(profile.as_str()), Value::Int(sure(*confidence)));
            let by = Value::Int(acceptance_code(*by));
            (UNPROVEN, vec![(1, parts::meter(*meter)), (2, verb), (3, profile), (4, sure), (5, by)])
        }
        _ => (0, Vec::new()),
    }
}

/// Reads an entry about people or trust.
///
/// # Errors
/// An unknown kind, an unknown or missing field, a value out of range.
pub fn from_fields(kind: i64, f: &mut Fields) -> Result<Event> {
    Ok(match kind {
        LOGGED_IN => Event::LoggedIn {
            operator: parts::take_operator(f, 1)?,
            grant: parts::take_token(f, 2)?,
            role: Role::from_number(f.int(3)?).ok_or(RecordError::Value("role"))?,
            failures: f.number(4)?,
        },
        LOGGED_OUT => Event::LoggedOut {
            operator: parts::take_operator(f, 1)?,
            why: log_out_from(f.int(2)?)?,
            shift: take_shift(f.map(3)?)?,
        },
        PIN_SET => Event::PinSet {
            operator: parts::take_operator(f, 1)?,
            how: parts::take_text(f, 2, MAX_TEXT, "how")?,
        },
        GRANT_TAKEN => Event::GrantTaken {
            id: parts::take_token(f, 1)?,
            operator: parts::take_operator(f, 2)?,
            issued: UnixSeconds(f.int(3)?),
            expires: UnixSeconds(f.int(4)?),
            bytes: parts::take_blob(f, 5, MAX_GRANT, "grant")?,
        },
        OVERRIDE_TAKEN => Event::OverrideTaken {
            id: parts::take_token(f, 1)?,
            operator: parts::take_operator(f, 2)?,
            meter: parts::take_meter(f, 3)?,
            expires: UnixSeconds(f.int(4)?),
            bytes: parts::take_blob(f, 5, MAX_TOKEN, "override")?,
        },
        OVERRIDE_USED => Event::OverrideUsed {
            id: parts::take_token(f, 1)?,
            verb: Verb::from_number(f.int(2)?).ok_or(RecordError::Value("verb"))?,
            meter: parts::take_meter(f, 3)?,
        },
        DOCUMENT_TAKEN => Event::DocumentTaken {
            kind: document_from(f.int(1)?)?,
            version: f.number(2)?,
            digest: f.array_bytes(3)?,
        },
        REVOKED => Event::Revoked { ids: take_ids(f.array(1)?)?, status: f.number(2)? },
        SOFTWARE => Event::Software {
            version: parts::take_text(f, 1, MAX_TEXT, "version")?,
            digest: f.array_bytes(2)?,
        },
        UNPROVEN => Event::UnprovenAccepted {
            meter: parts::take_meter(f, 1)?,
            verb: Verb::from_number(f.int(2)?).ok_or(RecordError::Value("verb"))?,
            profile: parts::take_text(f, 3, MAX_TEXT, "profile")?,
            confidence: sure_from(f.int(4)?)?,
            by: acceptance_from(f.int(5)?)?,
        },
        other => return Err(RecordError::Kind(other)),
    })
}

fn take_ids(list: Vec<Value>) -> Result<Vec<TokenId>> {
    if list.len() > MAX_REVOKED {
        return Err(RecordError::Value("ids"));
    }
    let id = |value| match value {
        Value::Bytes(bytes) => bytes.try_into().ok().map(TokenId),
        _ => None,
    };
    list.into_iter().map(|value| id(value).ok_or(RecordError::Value("ids"))).collect()
}

fn log_out_code(why: LogOut) -> i64 {
    match why {
        LogOut::Asked => 1,
        LogOut::Idle => 2,
        LogOut::ShiftEnd => 3,
        LogOut::Ended => 4,
    }
}

fn log_out_from(code: i64) -> Result<LogOut> {
    match code {
        1 => Ok(LogOut::Asked),
        2 => Ok(LogOut::Idle),
        3 => Ok(LogOut::ShiftEnd),
        4 => Ok(LogOut::Ended),
        _ => Err(RecordError::Value("log-out")),
    }
}

/// How sure a row is, by number: 1 A .. 4 D; 0 for what is no such letter.
fn sure(confidence: char) -> i64 {
    SURE.chars()
        .position(|letter| letter == confidence)
        .map_or(0, |at| i64::try_from(at).unwrap_or(0) + 1)
}

fn sure_from(number: i64) -> Result<char> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    at.and_then(|at| SURE.chars().nth(at)).ok_or(RecordError::Value("confidence"))
}

fn acceptance_code(by: Acceptance) -> i64 {
    match by {
        Acceptance::Configured => 1,
        Acceptance::Asked => 2,
    }
}

fn acceptance_from(code: i64) -> Result<Acceptance> {
    match code {
        1 => Ok(Acceptance::Configured),
        2 => Ok(Acceptance::Asked),
        _ => Err(RecordError::Value("acceptance")),
    }
}

/// Number of a kind of document on disk.
pub fn document_code(kind: DocKind) -> i64 {
    match kind {
        DocKind::Root => 1,
        DocKind::Keyset => 2,
        DocKind::Status => 3,
    }
}

/// The kind of document of a number.
///
/// # Errors
/// [`RecordError::Value`].
pub fn document_from(code: i64) -> Result<DocKind> {
    match code {
        1 => Ok(DocKind::Root),
        2 => Ok(DocKind::Keyset),
        3 => Ok(DocKind::Status),
        _ => Err(RecordError::Value("document")),
    }
}

/// A shift: 1 reads, 2 accepted, 3 refused, 4 unknown, 5 fen, 6 hundredths of kWh.
fn shift_value(shift: &ShiftSummary) -> Value {
    Value::Map(vec![
        (1, Value::from(shift.reads)),
        (2, Value::from(shift.accepted)),
        (3, Value::from(shift.refused)),
        (4, Value::from(shift.unknown)),
        (5, Value::Int(shift.yuan)),
        (6, Value::Int(shift.kwh)),
    ])
}

fn take_shift(mut f: Fields) -> Result<ShiftSummary> {
    let shift = ShiftSummary {
        reads: f.number(1)?,
        accepted: f.number(2)?,
        refused: f.number(3)?,
        unknown: f.number(4)?,
        yuan: f.int(5)?,
        kwh: f.int(6)?,
    };
    f.finish()?;
    Ok(shift)
}

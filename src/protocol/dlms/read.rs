//! Reading attributes, registers with their point and unit: what an errand asks for.

use super::acse::Auth;
use super::address::Address;
use super::data::Data;
use super::measure::{Measure, ScalerUnit};
use super::object::Attribute;
use super::session::{Answer, Ended, Entry, Request, Session};
use crate::protocol::exchange::{Refusal, Reply, Retry, Timing};
use crate::protocol::value::{Value, hex};

/// One attribute as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it says; a register's value with its point.
    pub value: Value,
    /// A register's unit; empty for anything else.
    pub unit: String,
}

/// Where the point and unit of an attribute are kept: of the value of a register (3) or extended
/// register (4), and of the two values of a demand register (5).
fn scaler(at: &Attribute) -> Option<Attribute> {
    let index = match (at.class, at.index) {
        (3 | 4, 2) => 3,
        (5, 2 | 3) => 4,
        _ => return None,
    };
    Some(Attribute { index, ..*at })
}

/// Reads `items`, and the scaler and unit of those that have one. [`readings`] puts the answers
/// together.
pub fn read(
    address: Address,
    auth: Auth,
    items: &[Attribute],
    timing: Timing,
    retry: Retry,
    entry: Entry,
) -> Session {
    let asked = items.iter().flat_map(|at| [Some(*at), scaler(at)]).flatten();
    Session::new(address, auth, asked.map(Request::Get).collect(), timing, retry, entry)
}

/// What [`read`] brought, in the order of `items`; fewer after a failure. A register whose scaler
/// cannot be read has no exact value: it is [`Value::Invalid`], or refused as its scaler was.
pub fn readings(items: &[Attribute], ended: &Ended) -> Vec<Result<Reading, Refusal>> {
    let mut replies = ended.replies.iter();
    let mut all = Vec::new();
    for at in items {
        let Some(value) = replies.next() else { break };
        let scale = match scaler(at) {
            None => None,
            Some(_) => match replies.next() {
                None => break,
                scale => scale,
            },
        };
        all.push(reading(value, scale));
    }
    all
}

fn reading(value: &Reply<Answer>, scale: Option<&Reply<Answer>>) -> Result<Reading, Refusal> {
    let plain = |value| Reading { value, unit: String::new() };
    let data = match value {
        Reply::Refused(refusal) => return Err(*refusal),
        Reply::Data(Answer::Value(data)) => data,
        Reply::Data(Answer::Opaque(_, bytes)) => return Ok(plain(Value::Invalid(hex(bytes)))),
        Reply::Data(Answer::List(_) | Answer::Done(_)) => return Ok(plain(Value::Missing)),
    };
    match scale {
        None => Ok(plain(data.value())),
        // No value is no value, whatever its unit.
        Some(_) if *data == Data::Null => Ok(plain(Value::Missing)),
        Some(Reply::Refused(refusal)) => Err(*refusal),
        Some(Reply::Data(Answer::Value(scale))) => Ok(scaled(data, scale)),
        Some(Reply::Data(_)) => Ok(plain(invalid(data))),
    }
}

fn scaled(data: &Data, scale: &Data) -> Reading {
    match (data, Measure::new(data, scale), ScalerUnit::read(scale)) {
        (_, Some(Measure { number, unit }), _) => Reading { value: Value::Number(number), unit },
        // A float is shown, never counted with.
        (Data::Float32(_) | Data::Float64(_), _, Some(unit)) if unit.scaler == 0 => {
            Reading { value: data.value(), unit: unit.sign() }
        }
        _ => Reading { value: invalid(data), unit: String::new() },
    }
}

fn invalid(data: &Data) -> Value {
    let mut wire = Vec::new();
    data.encode(&mut wire);
    Value::Invalid(hex(&wire))
}

//! The shift checkpoint: one place of a handheld's journal, signed by the handheld, with what the
//! shift came to. Short enough for a QR code (`reference/field-work.md` 3b).
//!
//! Whoever holds one can prove that the journal was at least that long, and with which content: a
//! journal that does not extend it is another one.

use super::fields::{self, Reader, map, shape};
use super::{Position, VERSION, VERSION_KEY, WireError};
use crate::units::{Credit, CreditUnit, DeviceId, OperatorId, UnixSeconds};
use meterkit_tokens::cbor::Value;

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose journal.
    pub device: DeviceId,
    /// The place, with the chain hash there. The log-out, if there was one, is in it.
    pub at: Position,
    /// The handheld's time.
    pub time: UnixSeconds,
    /// Whose shift.
    pub operator: OperatorId,
    /// When it began, by the handheld's clock.
    pub since: UnixSeconds,
    /// Acts that were accepted, refused, and whose outcome is not known.
    pub counts: [u32; 3],
    /// What the shift credited, by read-back; hundredths of yuan and of kWh.
    pub applied: [i64; 2],
    /// What is still out with the handheld: tokens not used, and acts without a known outcome;
    /// hundredths of yuan and of kWh.
    pub out: [i64; 2],
}

const UNITS: [CreditUnit; 2] = [CreditUnit::Yuan, CreditUnit::Kwh];

fn sums(values: [i64; 2]) -> Value {
    let sums = UNITS.into_iter().zip(values).filter(|(_, value)| *value != 0);
    Value::Array(sums.map(|(unit, value)| fields::credit(Credit { value, unit })).collect())
}

fn read_sums(r: &mut Reader, key: i64) -> Result<[i64; 2], WireError> {
    let mut sums = [0; 2];
    for value in r.list(key, UNITS.len(), "sums")? {
        let credit = fields::read_credit(value)?;
        let at = usize::from(credit.unit == CreditUnit::Kwh);
        if sums[at] != 0 || credit.value == 0 {
            return Err(shape("a sum that is there twice, or of nothing"));
        }
        sums[at] = credit.value;
    }
    Ok(sums)
}

impl Checkpoint {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        let counts = self.counts.iter().map(|count| Value::Int(i64::from(*count))).collect();
        map([
            (VERSION_KEY, Value::Int(VERSION)),
            (2, Value::Text(self.device.to_string())),
            (3, self.at.value()),
            (4, Value::Int(self.time.0)),
            (5, Value::Text(self.operator.as_str().to_owned())),
            (6, Value::Int(self.since.0)),
            (7, Value::Array(counts)),
            (8, sums(self.applied)),
            (9, sums(self.out)),
        ])
    }

    /// Reads a payload whose signature was checked.
    ///
    /// # Errors
    /// [`WireError`]: it is none, or of a journal without an entry.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        let (device, at) = (r.device(2)?, Position::read(r.map(3)?)?);
        let (time, since) = (UnixSeconds(r.int(4)?), UnixSeconds(r.int(6)?));
        let operator = r.text(5)?.parse().map_err(|_| shape("operator"))?;
        let counts = r.list(7, 3, "counts")?.into_iter().map(|value| match value {
            Value::Int(count) => u32::try_from(count).map_err(|_| shape("count")),
            _ => Err(shape("count")),
        });
        let counts: Vec<u32> = counts.collect::<Result<_, _>>()?;
        let counts = counts.try_into().map_err(|_| shape("three counts"))?;
        let (applied, out) = (read_sums(&mut r, 8)?, read_sums(&mut r, 9)?);
        r.finish()?;
        if at.seq == 0 {
            return Err(shape("a checkpoint of nothing"));
        }
        Ok(Self { device, at, time, operator, since, counts, applied, out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Checkpoint {
        Checkpoint {
            device: "hh-1".parse().unwrap(),
            at: Position { epoch: 2, seq: 812, hash: [9; 32] },
            time: UnixSeconds(1_790_000_000),
            operator: "li".parse().unwrap(),
            since: UnixSeconds(1_789_970_000),
            counts: [17, 1, 2],
            applied: [345_600, 0],
            out: [10_000, 70],
        }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let checkpoint = some();
        assert_eq!(Checkpoint::read(checkpoint.payload()), Ok(checkpoint));
        let mut nothing = some();
        nothing.at.seq = 0;
        assert!(Checkpoint::read(nothing.payload()).is_err());
        let Value::Map(fields) = some().payload() else { panic!("a map") };
        for left_out in 0..fields.len() {
            let mut fields = fields.clone();
            fields.remove(left_out);
            assert!(Checkpoint::read(Value::Map(fields)).is_err(), "without field {left_out}");
        }
        let odd = |at: usize, value: Value| {
            let mut fields = fields.clone();
            fields[at].1 = value;
            Checkpoint::read(Value::Map(fields))
        };
        let credit = |unit| fields::credit(Credit { value: 1, unit });
        let twice = Value::Array(vec![credit(CreditUnit::Yuan), credit(CreditUnit::Yuan)]);
        assert!(odd(7, twice).is_err());
        assert!(odd(6, Value::Array(vec![Value::Int(1); 4])).is_err());
        assert!(odd(6, Value::Array(vec![Value::Int(-1); 3])).is_err());
    }
}

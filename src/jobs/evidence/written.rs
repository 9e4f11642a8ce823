//! What a meter itself wrote down of debits.
//!
//! A debit takes no step of the purchase count. But it is a write (14H on 04001006), a write
//! carries four free bytes, the operator code, and the meter keeps these in its programming records
//! (`reference/dlt645.md` 2.1, 3.7). Our debits carry the end of their token's identity there
//! ([`TokenId::tail`]). So the meter can say whose debit arrived, and how often, where the balance
//! says only how much is gone: after the store was put back from a copy, when another handheld
//! debits the same meter, when the line delivers a frame twice.
//!
//! That a meter records a refund at all is documented for no maker. So a record that is there
//! proves a debit; one that is not there proves nothing, unless the meter recorded another one.

use sha2::{Digest, Sha256};

use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, check, civil};
use crate::protocol::dlt645::dialogue::DI_REFUND;
use crate::units::{MeterNo, TokenId, UnixSeconds};

/// Programming records: 03300001 is the newest, 0330000A the oldest.
const RECORDS: u32 = 0x0330_0000;
const KEPT: u32 = 10;
/// Time ss mm hh DD MM YY; operator code; ten identifiers, low byte first.
const TIME: usize = 6;
const OPERATOR: usize = 4;
/// Records older than any token can be are not read, seconds: a token's longest life and a day for
/// meters' clocks.
const OLDEST_S: i64 = check::MAX_LIFE_S + 86_400;

/// Debits by a meter's own records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// How often one of the tokens asked about is there.
    pub own: u32,
    /// Debits of anything else.
    pub others: u32,
}

/// Reads what the meter wrote down of these tokens' debits; `None` where it keeps no such records.
///
/// # Errors
/// Line failures; a cancel.
pub fn written(
    line: &mut Line<'_>,
    meter: MeterNo,
    tokens: &[TokenId],
    digest: &mut Sha256,
) -> Result<Option<Written>, Failure> {
    let mut written = Written::default();
    let mut newest: Option<UnixSeconds> = None;
    for nth in 1..=KEPT {
        // The first may be passed over in silence: that is how a meter without them may answer.
        let answers = ask::read(line, meter, &[RECORDS + nth], usize::from(nth > 1))?;
        digest.update(answers.digest);
        let Some(record) = answers.data(RECORDS + nth) else {
            return Ok(Some(written).filter(|_| nth > 1));
        };
        let Some((at, operator, items)) = parts(record) else { break };
        let age = newest.get_or_insert(at).0.saturating_sub(at.0);
        if age > OLDEST_S {
            break;
        }
        let debits = u32::try_from(items.filter(|di| *di == DI_REFUND).count()).unwrap_or(0);
        match tokens.iter().any(|token| token.tail() == operator) {
            true => written.own = written.own.saturating_add(debits),
            false => written.others = written.others.saturating_add(debits),
        }
    }
    Ok(Some(written))
}

/// Time, operator code and identifiers of a record; `None` for one that was never written.
fn parts(record: &[u8]) -> Option<(UnixSeconds, [u8; OPERATOR], impl Iterator<Item = u32>)> {
    let (time, rest) = record.split_first_chunk::<TIME>()?;
    let (operator, items) = rest.split_first_chunk::<OPERATOR>()?;
    let at = civil::of_wire(*time).and_then(civil::seconds)?;
    let items = items.chunks_exact(4).filter_map(|di| di.try_into().ok()).map(u32::from_le_bytes);
    Some((at, *operator, items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart_and_an_empty_one_is_none() {
        let mut record = vec![0x05, 0x04, 0x03, 0x21, 0x11, 0x26, 1, 2, 3, 4];
        record.extend(DI_REFUND.to_le_bytes());
        record.resize(50, 0xFF);
        let (at, operator, items) = parts(&record).unwrap();
        assert_eq!((at, operator), (UnixSeconds(1_795_230_245), [1, 2, 3, 4]));
        assert_eq!(items.filter(|di| *di == DI_REFUND).count(), 1);
        assert!(parts(&[0; 50]).is_none(), "month 0");
        assert!(parts(&record[..9]).is_none());
    }
}

//! Asking a meter for items over a line that may be bad, and telling apart what was refused from
//! what was never heard.
//!
//! A refused item is an answer. An item the meter stays silent on may be one its port does not
//! serve before authentication (`reference/dlt645.md` 6.6): optional ones are passed over, a few
//! times.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::drive::{self, DriveError};
use super::views::Failure;
use super::{Line, Wire, failure};
use crate::profile::Protocol;
use crate::protocol::Dialogue;
use crate::protocol::dlt645::dialogue::{ExchangeError, ReadItems, Reply, Retry, Timing};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::dlt645::words::Edition;
use crate::units::MeterNo;

/// Optional items passed over in silence before the meter counts as silent: at 2400 baud three
/// tries of one item take about 4 s.
pub const MAX_SILENT: usize = 2;

/// What a meter said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Each item asked for; `None` where nothing was heard.
    pub replies: Vec<(u32, Option<Reply>)>,
    /// SHA-256 over the raw bytes, both directions, in order.
    pub digest: [u8; 32],
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Answers {
    /// The bytes of an item, if it was given and is not "missing" (all FF).
    pub fn data(&self, di: u32) -> Option<&[u8]> {
        self.replies.iter().find_map(|(item, reply)| match reply {
            Some(Reply::Data(data)) if *item == di && data.iter().any(|b| *b != 0xFF) => {
                Some(data.as_slice())
            }
            _ => None,
        })
    }

    /// Adds what was asked afterwards.
    pub fn join(&mut self, more: Answers) {
        self.replies.extend(more.replies);
        let mut digest = Sha256::new();
        digest.update(self.digest);
        digest.update(more.digest);
        self.digest = digest.finalize().into();
        self.took += more.took;
    }

    /// Whether the meter refused the item.
    pub fn refused(&self, di: u32) -> bool {
        self.replies
            .iter()
            .any(|(item, reply)| *item == di && matches!(reply, Some(Reply::Refused(_))))
    }

    /// The items that were given, with their bytes.
    pub fn given(&self) -> Vec<(u32, Vec<u8>)> {
        let given = |(di, reply): &(u32, Option<Reply>)| match reply {
            Some(Reply::Data(data)) => Some((*di, data.clone())),
            _ => None,
        };
        self.replies.iter().filter_map(given).collect()
    }
}

/// The times of this line with this kind of meter.
pub fn timing(line: &Line<'_>) -> Timing {
    let (link, patience) = (line.link.timing(), line.profile.timing);
    let mut timing = Timing::new(link.character, link.slack);
    timing.turnaround = patience.answer;
    timing.secure_turnaround = patience.money;
    timing.gap = patience.gap;
    timing.preamble = usize::from(line.profile.line.preamble);
    timing
}

/// How often a read is asked again.
pub fn retry(line: &Line<'_>) -> Retry {
    Retry { reads: line.profile.timing.tries.saturating_sub(1) }
}

/// Which edition of DL/T 645 the meter speaks.
fn edition(line: &Line<'_>) -> Edition {
    match line.profile.protocol {
        Protocol::Dlt645_1997 => Edition::V1997,
        _ => Edition::V2007,
    }
}

/// Runs a dialogue on the errand's line; every byte goes into `digest` too.
///
/// # Errors
/// [`DriveError`]; the line is doubtful then.
pub fn run<D: Dialogue>(
    line: &mut Line<'_>,
    dialogue: &mut D,
    digest: &mut Sha256,
) -> Result<D::Output, DriveError> {
    let doubtful = std::mem::replace(&mut line.doubtful, true);
    let Line { link, cancel, wire, .. } = line;
    let ended = drive::run(dialogue, &mut **link, cancel, &mut |piece: Wire<'_>| {
        digest.update(piece.bytes);
        wire(piece);
    });
    if ended.is_ok() {
        line.doubtful = doubtful;
    }
    ended
}

/// Reads `items` of one meter, the first `required` of which must be answered (a refusal is an
/// answer).
///
/// # Errors
/// Line and meter failures of a required item; a cancel.
pub fn read(
    line: &mut Line<'_>,
    meter: MeterNo,
    items: &[u32],
    required: usize,
) -> Result<Answers, Failure> {
    let (timing, retry) = (timing(line), retry(line));
    let begun = line.link.now();
    let mut digest = Sha256::new();
    let mut replies: Vec<(u32, Option<Reply>)> = Vec::with_capacity(items.len());
    let mut silent = 0;
    while let Some(rest) = items.get(replies.len()..).filter(|rest| !rest.is_empty()) {
        let (address, edition) = (Address::meter(meter), edition(line));
        let mut dialogue = ReadItems::of(edition, address, rest.to_vec(), timing, retry);
        if line.doubtful {
            dialogue = dialogue.after_trouble();
        }
        let ended = run(line, &mut dialogue, &mut digest).map_err(|e| failure::drive(&e))?;
        line.doubtful = ended.is_err();
        let Err(error) = ended else {
            replies.extend(heard(&dialogue));
            continue;
        };
        replies.extend(heard(&dialogue));
        silent += 1;
        if replies.len() < required || error != ExchangeError::Silent && silent > MAX_SILENT {
            return Err(named(&error, meter));
        }
        let passed = if silent > MAX_SILENT { usize::MAX } else { 1 };
        let left = items.get(replies.len()..).unwrap_or_default();
        replies.extend(left.iter().take(passed).map(|di| (*di, None)));
    }
    let took = line.link.now().saturating_sub(begun);
    Ok(Answers { replies, digest: digest.finalize().into(), took })
}

/// What a conversation brought so far.
fn heard(dialogue: &ReadItems) -> impl Iterator<Item = (u32, Option<Reply>)> + '_ {
    dialogue.so_far().iter().cloned().map(|(di, reply)| (di, Some(reply)))
}

/// An exchange's failure, with the meter in its detail.
pub fn named(error: &ExchangeError, meter: MeterNo) -> Failure {
    let failure = failure::exchange(error);
    let detail = match failure.detail.as_str() {
        "" => meter.to_string(),
        detail => format!("{meter}: {detail}"),
    };
    Failure { detail, ..failure }
}

//! The office's countersignatures: receipts and statuses pin a prefix of a journal by its hash.

use super::authority::Trust;
use super::files::{self, Raw};
use super::finding::{Findings, Reason};
use super::parallel;
use crate::sync::wire::{Position, Receipt};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::{DocType, Status};
use std::collections::{BTreeMap, HashMap};

/// One countersignature.
#[derive(Debug, Clone)]
struct Mark {
    name: String,
    device: DeviceId,
    /// The receipt's number; none for a status.
    number: Option<u64>,
    at: UnixSeconds,
    acked: Position,
}

/// Every countersignature of a set.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    marks: Vec<Mark>,
}

/// Those of one journal.
#[derive(Debug, Clone, Default)]
pub struct Receipted<'a> {
    marks: Vec<&'a Mark>,
    places: HashMap<u64, [u8; 32]>,
}

impl Receipts {
    /// Reads `receipts/DEVICE/` and `status/`.
    pub fn read(
        trust: &Trust,
        folders: &[(String, Vec<Raw>)],
        statuses: &[Raw],
        threads: usize,
        found: &mut Findings,
    ) -> Self {
        let docs: Vec<_> = folders
            .iter()
            .flat_map(|(folder, files)| files.iter().map(move |raw| (folder.as_str(), raw)))
            .flat_map(|(folder, raw)| files::documents(raw).into_iter().map(move |d| (folder, d)))
            .collect();
        let opened = parallel(&docs, threads, |(folder, doc)| receipt(trust, folder, doc));
        let mut marks: Vec<Mark> = Vec::with_capacity(docs.len());
        for ((_, doc), mark) in docs.iter().zip(opened) {
            match mark {
                Ok(mark) => marks.push(mark),
                Err(why) => found.add(Reason::ReceiptBad, &doc.name, why),
            }
        }
        let mut receipts = Self { marks };
        receipts.numbers(found);
        for doc in statuses.iter().flat_map(files::documents) {
            match status(trust, &doc) {
                Ok(mark) => receipts.marks.push(mark),
                Err(why) => found.add(Reason::ReceiptBad, doc.name, why),
            }
        }
        receipts
    }

    /// A number is given once, and none is left out.
    fn numbers(&mut self, found: &mut Findings) {
        let place = |mark: &Mark| (mark.device.to_string(), mark.acked.epoch, mark.number);
        self.marks.sort_by_cached_key(place);
        for pair in self.marks.windows(2) {
            let [one, next] = pair else { continue };
            let (Some(number), Some(following)) = (one.number, next.number) else { continue };
            if (&one.device, one.acked.epoch) != (&next.device, next.acked.epoch) {
                continue;
            }
            let place = format!("{}-{} {following}", next.device, next.acked.epoch);
            if following == number && one.acked != next.acked {
                found.add(Reason::ReceiptTwice, place, &next.name);
            } else if following > number + 1 {
                found.add(Reason::ReceiptGap, place, format!("{}..{following}", number + 1));
            }
        }
    }

    /// Those of one journal.
    pub fn of(&self, device: &DeviceId, epoch: u32) -> Receipted<'_> {
        let of = |mark: &&Mark| mark.device == *device && mark.acked.epoch == epoch;
        let marks: Vec<&Mark> = self.marks.iter().filter(of).collect();
        let places = marks.iter().map(|mark| (mark.acked.seq, mark.acked.hash)).collect();
        Receipted { marks, places }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// When the office countersigned each prefix of a journal: last entry and time, in order.
    pub fn times(&self) -> BTreeMap<(String, u32), Vec<(u64, UnixSeconds)>> {
        let mut times: BTreeMap<(String, u32), Vec<(u64, UnixSeconds)>> = BTreeMap::new();
        for mark in self.marks.iter().filter(|mark| mark.number.is_some()) {
            let whose = (mark.device.to_string(), mark.acked.epoch);
            times.entry(whose).or_default().push((mark.acked.seq, mark.at));
        }
        times.values_mut().for_each(|list| list.sort_unstable());
        times
    }
}

impl Receipted<'_> {
    /// Whether the office countersigned exactly this entry.
    pub fn covers(&self, seq: u64, hash: &[u8; 32]) -> bool {
        self.places.get(&seq) == Some(hash)
    }

    /// Compares with the chain as it was put together. Gives how far it is countersigned.
    pub fn check(
        &self,
        chain: &[(u64, [u8; 32])],
        device: &DeviceId,
        epoch: u32,
        found: &mut Findings,
    ) -> u64 {
        let last = chain.last().map_or(0, |(seq, _)| *seq);
        let mut covered = 0;
        for mark in self.marks.iter().filter(|mark| mark.acked.seq > 0) {
            let acked = &mark.acked;
            if acked.seq > last {
                let place = format!("{device}-{epoch}#{last}");
                found.add(Reason::CutShort, place, format!("{} {}", mark.name, acked.seq));
            }
            // Where entries are missing there is nothing to compare; the gap was told.
            let Ok(at) = chain.binary_search_by_key(&acked.seq, |(seq, _)| *seq) else { continue };
            if chain[at].1 == acked.hash {
                covered = acked.seq.max(covered);
            } else {
                let place = format!("{device}-{epoch}#{}", acked.seq);
                found.add(Reason::Checkpoint, place, &mark.name);
            }
        }
        if covered < last {
            let place = format!("{device}-{epoch}#{}", covered + 1);
            found.add(Reason::NotCovered, place, format!("{} entries", last - covered));
        }
        covered
    }
}

fn receipt(trust: &Trust, folder: &str, doc: &files::Doc<'_>) -> Result<Mark, String> {
    // A payload that is no receipt has no time; it is refused right after.
    let time = |opened: &meterkit_tokens::Verified| {
        Receipt::read(opened.payload.clone()).map_or(i64::MIN, |receipt| receipt.at.0)
    };
    let opened = trust.document(doc.bytes, DocType::Receipt, time);
    let opened = opened.map_err(|error| super::why(&error))?;
    let receipt = Receipt::read(opened.payload).map_err(|error| error.to_string())?;
    if receipt.device.as_str() != folder {
        return Err(format!("of {}", receipt.device));
    }
    Ok(Mark {
        name: doc.name.clone(),
        device: receipt.device,
        number: Some(receipt.number),
        at: receipt.at,
        acked: receipt.acked,
    })
}

/// `status/DEVICE.st` or `status/DEVICE-....st`: whom a status is for is what it says itself.
fn status(trust: &Trust, doc: &files::Doc<'_>) -> Result<Mark, String> {
    let device = claimed_device(doc.bytes).ok_or_else(|| "no status".to_owned())?;
    let status = Status::verify(doc.bytes, &trust.tenant, device.as_str(), trust.ring());
    let status = status.map_err(|error| super::why(&error))?;
    let (epoch, seq, hash) = (status.epoch, status.acked_seq, status.acked_hash);
    Ok(Mark {
        name: doc.name.clone(),
        device,
        number: None,
        at: UnixSeconds(status.issued),
        acked: Position { epoch, seq, hash },
    })
}

fn claimed_device(document: &[u8]) -> Option<DeviceId> {
    files::claimed_text(document, 3)?.parse().ok()
}

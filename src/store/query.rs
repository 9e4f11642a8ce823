//! Answers from the index, and entries from the journal.
//!
//! Pure reading over an [`Index`] and a [`Chain`]; the store's handle adds what happens when the
//! index fails (it is built again, once).

use super::Damage;
use super::area::fold;
use super::chain::Chain;
use super::event::{Event, Position, RawRecord, Recorded, Shown};
use super::filed;
use super::index::{Index, Tree, id_key, key, span};
use super::kv::{IndexError, Pair};
use super::records::{decode_body, rows};
use super::rows::{AreaMeter, GrantRow, MeterRow, OpenIntent, OverrideRow, Seen, TokenRow};
use super::runs;
use super::schema::MAX_ROWS;
use super::walk::{Next, Walker};
use crate::units::{BusPlace, Evidence, MeterNo, OperatorId, TokenId};
use std::collections::BTreeSet;
use std::ops::Bound;

type Result<T> = std::result::Result<T, IndexError>;

/// Meter numbers have this many digits.
const DIGITS: usize = 12;

/// A page of tokens by id.
///
/// # Errors
/// [`IndexError`].
pub fn tokens(index: &Index, after: Option<TokenId>, limit: usize) -> Result<Vec<TokenRow>> {
    let pairs = index.scan(
        span(&key(Tree::Token, &[]), after.map(|id| id_key(Tree::Token, id))),
        limit.min(MAX_ROWS),
        false,
    )?;
    pairs.iter().map(|(_, row)| Ok(rows::decode_token(row)?)).collect()
}

/// A meter's tokens, oldest step first.
///
/// # Errors
/// [`IndexError`].
pub fn tokens_for(index: &Index, meter: MeterNo) -> Result<Vec<TokenRow>> {
    let ids = index.get(&index.meter_key(Tree::TokenByMeter, meter))?.unwrap_or_default();
    let (ids, _) = ids.as_chunks::<16>();
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        let row = index.token(TokenId(*id))?;
        out.push(row.ok_or_else(|| IndexError("a token of a meter is missing".into()))?);
    }
    let step = |row: &TokenRow| (row.facts.account.bcd(), row.facts.count_before, row.facts.id);
    out.sort_by_key(step);
    Ok(out)
}

/// All open recharges, by meter.
///
/// # Errors
/// [`IndexError`].
pub fn open_intents(index: &Index) -> Result<Vec<OpenIntent>> {
    let pairs = index.scan(span(&key(Tree::Open, &[]), None), MAX_ROWS, false)?;
    let read = |(_, row): &Pair| Ok(rows::decode_open(row)?);
    let mut out: Vec<OpenIntent> = pairs.iter().map(read).collect::<Result<_>>()?;
    out.sort_by_key(|open| open.facts.meter);
    Ok(out)
}

/// An operator's newest grant.
///
/// # Errors
/// [`IndexError`].
pub fn grant(index: &Index, operator: &OperatorId) -> Result<Option<GrantRow>> {
    let Some(row) = index.get(&index.operator_key(operator))? else { return Ok(None) };
    let (_, mut row) = rows::decode_grant(&row)?;
    row.revoked = index.is_revoked(row.id)?;
    Ok(Some(row))
}

/// The newest grant of every operator, by operator.
///
/// # Errors
/// [`IndexError`].
pub fn grants(index: &Index) -> Result<Vec<(OperatorId, GrantRow)>> {
    let mut out = Vec::new();
    index.each(&key(Tree::Grant, &[]), |_, row| {
        let (operator, mut row) = rows::decode_grant(row)?;
        row.revoked = index.is_revoked(row.id)?;
        out.push((operator, row));
        Ok::<_, IndexError>(())
    })?;
    out.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(out)
}

/// An operator's overrides for a meter, by identity.
///
/// # Errors
/// [`IndexError`].
pub fn overrides(index: &Index, operator: &OperatorId, meter: MeterNo) -> Result<Vec<OverrideRow>> {
    let keys = index.keys(span(&index.override_prefix(operator, meter), None), MAX_ROWS)?;
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        let id = key.last_chunk::<16>().map(|id| TokenId(*id));
        let row = id.map(|id| index.over_ride(id)).transpose()?.flatten();
        let found = row.ok_or_else(|| IndexError("an override is missing".into()))?;
        out.push(found.row);
    }
    Ok(out)
}

/// Entries of a meter looked at for the newest that holds evidence.
const LOOK_BACK: usize = 64;

/// A meter's last evidence, and its balance as last seen.
type Known = (Option<Evidence>, Option<Seen>);

/// What meters are looked up in: the index, the area list in force, the journal.
#[derive(Clone, Copy)]
pub struct Area<'a> {
    /// The index.
    pub index: &'a Index,
    /// The version of the list.
    pub version: u64,
    /// The journal.
    pub chain: &'a Chain,
}

impl Area<'_> {
    /// A meter, if the list or the journal knows it.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn meter(&self, no: MeterNo) -> Result<Option<MeterRow>> {
        let bcd = no.bcd();
        let row = self.run(Tree::Meter, Bound::Included(&bcd), 1, |k| k == bcd)?.pop();
        let listed = row.map(|(_, row)| rows::decode_meter(&row)).transpose()?;
        let known = self.last(no)?;
        if listed.is_none() && known.0.is_none() {
            return Ok(None);
        }
        Ok(Some(self.row(no, listed, known)))
    }

    fn row(&self, no: MeterNo, listed: Option<AreaMeter>, (last, seen): Known) -> MeterRow {
        let is_listed = listed.is_some();
        let listed = listed.unwrap_or_else(|| AreaMeter {
            no,
            account: None,
            customer: String::new(),
            location: String::new(),
            profile: String::new(),
            area: String::new(),
            place: BusPlace::default(),
        });
        MeterRow {
            no,
            account: listed.account,
            customer: listed.customer,
            location: listed.location,
            profile: listed.profile,
            area: listed.area,
            place: listed.place,
            listed: is_listed,
            last,
            seen,
        }
    }

    /// The newest evidence of a meter in the journal, and the balance seen last, by that or by a
    /// plain reading after it.
    fn last(&self, no: MeterNo) -> Result<Known> {
        let prefix = self.index.meter_key(Tree::EventByMeter, no);
        let entries = self.index.scan(span(&prefix, None), LOOK_BACK, true)?;
        let mut seen = None;
        for (key, place) in entries {
            match place.last() {
                Some(&filed::BALANCE) if seen.is_none() => {
                    if let Event::Reading(reading) = entry(self.chain, &key, &place)?.event {
                        let read_at = reading.read_at;
                        seen = reading.shown.map(|shown| Seen { shown, read_at });
                    }
                }
                Some(&filed::EVIDENCE) => {
                    let event = entry(self.chain, &key, &place)?.event;
                    // An entry is filed under the meter it is about; what it read is checked too.
                    let last = event.evidence().filter(|e| e.meter == no).cloned();
                    let proved = last.as_ref().map(|last| Seen {
                        shown: Shown {
                            balance: last.balance,
                            overdraft: last.overdraft,
                            count: last.count,
                        },
                        read_at: last.read_at,
                    });
                    return Ok((last, seen.or(proved)));
                }
                _ => {}
            }
        }
        Ok((None, seen))
    }

    fn run(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        limit: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Pair>> {
        runs::scan(self.index, tree, self.version, from, limit.min(MAX_ROWS), wanted)
    }

    /// A page of the area list by number.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn meters(&self, after: Option<MeterNo>, limit: usize) -> Result<Vec<MeterRow>> {
        let after = after.map(MeterNo::bcd);
        let from = after.as_ref().map_or(Bound::Unbounded, |bcd| Bound::Excluded(&bcd[..]));
        let rows = self.run(Tree::Meter, from, limit, |_| true)?;
        rows.iter()
            .map(|(_, row)| {
                let meter = rows::decode_meter(row)?;
                Ok(self.row(meter.no, Some(meter.clone()), self.last(meter.no)?))
            })
            .collect()
    }

    /// Meters whose number ends or begins with the text, or whose customer or location begins with
    /// it.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn find(&self, text: &str, limit: usize) -> Result<Vec<MeterRow>> {
        let text = fold(text);
        let limit = limit.min(MAX_ROWS);
        if text.is_empty() {
            return self.meters(None, limit);
        }
        let mut found: Vec<MeterNo> = Vec::new();
        if text.len() <= DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
            let end: Vec<u8> = text.bytes().rev().collect();
            let ends = |k: &[u8]| k.starts_with(&end);
            for (key, _) in self.run(Tree::MeterEnd, Bound::Included(&end), limit, ends)? {
                let digits: String = key.iter().rev().map(|b| char::from(*b)).collect();
                found.extend(digits.parse::<MeterNo>());
            }
            let (first, last) = number_span(&text);
            let begins = |k: &[u8]| k <= &last[..];
            for (key, _) in self.run(Tree::Meter, Bound::Included(&first), limit, begins)? {
                found.push(meter_at_end(&key)?);
            }
        }
        for tree in [Tree::Customer, Tree::Location] {
            let begins = |k: &[u8]| k.starts_with(text.as_bytes());
            for (key, _) in self.run(tree, Bound::Included(text.as_bytes()), limit, begins)? {
                found.push(meter_at_end(&key)?);
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|no| seen.insert(*no));
        found.truncate(limit);
        found.into_iter().filter_map(|no| self.meter(no).transpose()).collect()
    }
}

fn meter_at_end(key: &[u8]) -> Result<MeterNo> {
    let no = key.last_chunk::<6>().and_then(|bcd| MeterNo::from_bcd(*bcd));
    no.ok_or_else(|| IndexError("a key without a meter".into()))
}

/// The first and the last number that begins with these digits.
fn number_span(digits: &str) -> ([u8; 6], [u8; 6]) {
    let bound = |fill: char| {
        let full: String = digits.chars().chain(std::iter::repeat(fill)).take(DIGITS).collect();
        full.parse::<MeterNo>().map(MeterNo::bcd).unwrap_or_default()
    };
    (bound('0'), bound('9'))
}

/// Reads the entry a key of [`Tree::EventByMeter`] points at.
fn entry(chain: &Chain, key: &[u8], place: &[u8]) -> Result<Recorded> {
    let seq = key.last_chunk::<8>().map(|seq| u64::from_be_bytes(*seq)).unwrap_or_default();
    let offset = place.first_chunk::<4>().map(|at| u64::from(u32::from_be_bytes(*at)));
    let record = offset.and_then(|at| chain.read(seq, at)).and_then(|frame| frame.entry(seq));
    let body = record.as_ref().and_then(|record| decode_body(&record.body).ok());
    // The index points beside the journal, or the journal is damaged there: both are found out by
    // building the index again.
    let (Some(record), Some(body)) = (record, body.filter(|body| body.seq == seq)) else {
        return Err(IndexError(format!("entry {seq} is not where the index says")));
    };
    Ok(Recorded { seq, stamp: body.stamp, event: body.event, hash: record.at.hash })
}

/// A meter's entries in the journal.
///
/// # Errors
/// [`IndexError`].
pub fn events_for(
    index: &Index,
    chain: &Chain,
    meter: MeterNo,
    newest_first: bool,
    limit: usize,
) -> Result<Vec<Recorded>> {
    let prefix = index.meter_key(Tree::EventByMeter, meter);
    let pairs = index.scan(span(&prefix, None), limit.min(MAX_ROWS), newest_first)?;
    pairs.iter().map(|(key, place)| entry(chain, key, place)).collect()
}

/// Calls `take` for every record from `from` up to the head until it says stop.
///
/// # Errors
/// [`Damage`] met on the way; what came before was taken.
pub fn walk(
    index: &Index,
    chain: &Chain,
    head: Position,
    from: u64,
    mut take: impl FnMut(RawRecord) -> bool,
) -> std::result::Result<(), Damage> {
    let from = from.max(1);
    if from > head.seq {
        return Ok(());
    }
    let mut walker = start(index, chain, from);
    while walker.head().seq < head.seq {
        let Next::Frame(frame) = walker.step()? else { break };
        for entry in frame.entries {
            let seq = entry.at.seq;
            if seq < from || seq > head.seq {
                continue;
            }
            let (body, prev_hash, hash) = (entry.body, entry.prev, entry.at.hash);
            if !take(RawRecord { seq, body, prev_hash, hash }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A walker that meets `from` soon: from behind the nearest frame whose place the index knows.
pub fn start<'a>(index: &Index, chain: &'a Chain, from: u64) -> Walker<'a> {
    let mut before = from.saturating_sub(1);
    while let Ok(Some((seq, offset))) = index.offset_before(before) {
        let Some(frame) = chain.read(seq, offset) else { break };
        match frame.head() {
            Some(head) if head.seq < from => return Walker::after(chain, head, frame.end),
            // The entry is inside this frame: its links are checked from the one before.
            _ => before = seq.saturating_sub(1),
        }
    }
    Walker::from_segment_of(chain, from)
}

//! The index: rows by key over a [`Kv`], each with its own checksum.
//!
//! Nothing in it is truth. Every row ends in a CRC-32C over key and value, so that a flipped bit in
//! sled's files is an error and not an answer; the rows that decide about money are also summed
//! into a digest that travels with the position, so that a row sled lost is noticed too.

use super::kv::{Batch, IndexError, Kv, Span};
use super::records::{RecordError, rows};
use super::rows::{OpenIntent, TokenRow};
use super::schema::MAX_INDEX_VALUE;
use super::state::State;
use crate::units::{AccountNo, MeterNo, PurchaseCount, TokenId};
use sha2::{Digest, Sha256};
use std::ops::Bound;

/// The parts of the index; the first byte of a key. All share one sled tree, so that one batch
/// changes all of them or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tree {
    /// One row: [`State`].
    Meta = b'M',
    /// Token by id.
    Token = b'T',
    /// (meter, account, count, id), empty value.
    TokenByMeter = b'U',
    /// Open recharge by meter.
    Open = b'I',
    /// (meter, sequence number): offset of the record, and 1 if it holds evidence.
    EventByMeter = b'E',
    /// Offset of every [`OFFSET_EVERY`]th record in its segment, by sequence number.
    Offset = b'A',
    /// A run: meters of the area by number.
    Meter = b'N',
    /// A run: the number's digits, last one first, for searching by the last digits.
    MeterEnd = b'R',
    /// A run: (folded customer, 0, meter).
    Customer = b'C',
    /// A run: (folded location, 0, meter).
    Location = b'L',
}

/// Only every so many records have their offset kept: the others are found by reading on.
pub const OFFSET_EVERY: u64 = 32;

/// A key: the tree's byte and the parts.
pub fn key(tree: Tree, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![tree as u8];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The key of the one state row.
pub fn state_key() -> Vec<u8> {
    key(Tree::Meta, &[b"state"])
}

/// The key of a token.
pub fn token_key(id: TokenId) -> Vec<u8> {
    key(Tree::Token, &[&id.0])
}

/// The key that finds a token by its meter; ordered by step.
pub fn token_by_meter_key(
    meter: MeterNo,
    account: AccountNo,
    count: PurchaseCount,
    id: TokenId,
) -> Vec<u8> {
    let parts: [&[u8]; 4] = [&meter.bcd(), &account.bcd(), &count.0.to_be_bytes(), &id.0];
    key(Tree::TokenByMeter, &parts)
}

/// The key of something kept by meter.
pub fn meter_key(tree: Tree, meter: MeterNo) -> Vec<u8> {
    key(tree, &[&meter.bcd()])
}

/// The key that finds an entry by its meter.
pub fn event_key(meter: MeterNo, seq: u64) -> Vec<u8> {
    key(Tree::EventByMeter, &[&meter.bcd(), &seq.to_be_bytes()])
}

/// The key of a record's offset.
pub fn offset_key(seq: u64) -> Vec<u8> {
    key(Tree::Offset, &[&seq.to_be_bytes()])
}

/// All keys that begin with `prefix`, those up to `after` left out.
pub fn span(prefix: &[u8], after: Option<Vec<u8>>) -> Span {
    let from = after.map_or_else(|| Bound::Included(prefix.to_vec()), Bound::Excluded);
    // The end is the prefix counted up; a tree's byte is never 255, so there is always one.
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    (from, Bound::Excluded(end))
}

/// Puts the checksum behind a value.
pub fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), value);
    let mut out = Vec::with_capacity(value.len() + 4);
    out.extend_from_slice(value);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

/// Checks and takes off the checksum.
///
/// # Errors
/// [`IndexError`] if it is wrong.
pub fn unseal(key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>> {
    let bad = || IndexError(format!("row {:02x?} does not match its checksum", &key.get(..1)));
    let at = sealed.len().checked_sub(4).ok_or_else(bad)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &sealed[..at]);
    if crc.to_be_bytes() != sealed[at..] {
        return Err(bad());
    }
    sealed.truncate(at);
    Ok(sealed)
}

/// What a row adds to its tree's digest.
pub fn row_digest(key: &[u8], value: &[u8]) -> u64 {
    let hash = Sha256::new().chain_update((key.len() as u64).to_be_bytes());
    let hash: [u8; 32] = hash.chain_update(key).chain_update(value).finalize().into();
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

impl From<RecordError> for IndexError {
    fn from(e: RecordError) -> Self {
        Self(format!("a row cannot be read: {e}"))
    }
}

type Result<T> = std::result::Result<T, IndexError>;

/// The index over some engine.
pub struct Index {
    kv: Box<dyn Kv>,
}

impl Index {
    /// Over an engine.
    pub fn new(kv: Box<dyn Kv>) -> Self {
        Self { kv }
    }

    /// The value of a key, its checksum checked.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.kv.get(key)?.map(|value| unseal(key, value)).transpose()
    }

    /// Pairs of a span, their checksums checked.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn scan(&self, span: Span, limit: usize, backwards: bool) -> Result<Vec<super::kv::Pair>> {
        let pairs = self.kv.scan(span, limit, backwards)?;
        pairs.into_iter().map(|(k, v)| unseal(&k, v).map(|v| (k, v))).collect()
    }

    /// Commits sealed changes.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn commit(&self, batch: &Batch) -> Result<()> {
        if let Some(large) = batch.values().flatten().find(|v| v.len() > MAX_INDEX_VALUE) {
            return Err(IndexError(format!("a row of {} bytes", large.len())));
        }
        self.kv.commit(batch)
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn flush(&self) -> Result<()> {
        self.kv.flush()
    }

    /// The state row.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn state(&self) -> Result<Option<State>> {
        Ok(self.get(&state_key())?.map(|v| State::decode(&v)).transpose()?)
    }

    /// A token.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn token(&self, id: TokenId) -> Result<Option<TokenRow>> {
        Ok(self.get(&token_key(id))?.map(|v| rows::decode_token(&v)).transpose()?)
    }

    /// A meter's open recharge.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn open_intent(&self, meter: MeterNo) -> Result<Option<OpenIntent>> {
        let row = self.get(&meter_key(Tree::Open, meter))?;
        Ok(row.map(|v| rows::decode_open(&v)).transpose()?)
    }

    /// A record at or before an entry whose place is known: its sequence number and offset.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn offset_before(&self, seq: u64) -> Result<Option<(u64, u64)>> {
        let span = (Bound::Included(offset_key(0)), Bound::Included(offset_key(seq)));
        let Some((key, row)) = self.scan(span, 1, true)?.pop() else { return Ok(None) };
        let odd = || IndexError("an offset of odd size".into());
        let seq = key.last_chunk::<8>().map(|seq| u64::from_be_bytes(*seq)).ok_or_else(odd)?;
        let offset = row.try_into().map_err(|_| odd())?;
        Ok(Some((seq, u64::from(u32::from_be_bytes(offset)))))
    }

    /// Adds up the rows that decide about money and compares with what the state says they are.
    ///
    /// # Errors
    /// [`IndexError`] when a row is missing, extra or not the newest.
    pub fn check_money_rows(&self, state: &State) -> Result<()> {
        let sum = |tree: Tree| -> Result<(u64, u64)> {
            let (mut digest, mut count, mut after) = (0u64, 0u64, None);
            loop {
                let page = self.scan(span(&key(tree, &[]), after), PAGE, false)?;
                let Some((last, _)) = page.last() else { return Ok((digest, count)) };
                after = Some(last.clone());
                for (k, v) in &page {
                    digest = digest.wrapping_add(row_digest(k, v));
                    count += 1;
                }
            }
        };
        let tokens = sum(Tree::Token)?;
        let open = sum(Tree::Open)?;
        if tokens != (state.token_digest, state.tokens)
            || open != (state.open_digest, state.open_intents)
        {
            return Err(IndexError("rows are missing or stale".into()));
        }
        Ok(())
    }
}

/// Rows looked at in one go.
const PAGE: usize = 1_000;

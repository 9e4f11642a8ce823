//! The index: sealed rows by key over a [`Kv`].
//!
//! Nothing in it is truth. Every row is sealed and bound to its key, so that a flipped bit in
//! sled's files is an error and not an answer; rows that decide about money and rights are summed
//! into a digest that travels with the position, so that a row sled lost is noticed too. Keys carry
//! nothing a finder could use: identities of tokens and sequence numbers are clear, meters and
//! operators are blinded, lists are numbered ([`super::runs`]).

use super::bundles::BundleRow;
use super::kv::{Batch, IndexError, Kv, MemoryKv, Pair, Span};
use super::records::{RecordError, bundle, round, rows};
use super::rounds::RoundRow;
use super::rows::{OpenIntent, TokenRow};
use super::runs::Directories;
use super::schema::MAX_INDEX_VALUE;
use super::seal::{Part, SEALING, Sealer};
use super::state::{State, Sum};
use crate::units::{Mark, MeterNo, OperatorId, TokenId, WorkId};
use sha2::{Digest, Sha256};
use std::ops::Bound;
use std::sync::Arc;

/// The parts of the index; the first byte of a key. All share one sled tree, so that one batch
/// changes all of them or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tree {
    /// One row: [`State`].
    Meta = b'M',
    /// Token by id.
    Token = b'T',
    /// Ids of a blinded meter's tokens, in the order they came: one row for what is always read
    /// together.
    TokenByMeter = b'U',
    /// Open recharge by blinded meter.
    Open = b'I',
    /// Unacknowledged money act by sequence number.
    Exposed = b'X',
    /// Newest grant by blinded operator.
    Grant = b'G',
    /// Override by id.
    Override = b'Q',
    /// (blinded operator and meter, id), empty value.
    OverrideFor = b'O',
    /// Revoked identity; version of the status that said so.
    Revoked = b'V',
    /// Swap by id.
    Swap = b'W',
    /// A step of an errand: (errand, blinded meter and name).
    Step = b'S',
    /// The step that is an errand itself, by errand.
    Errand = b'D',
    /// Bundle by id.
    Bundle = b'B',
    /// Round of the office by id.
    Round = b'P',
    /// What is remembered of a meter: (blinded meter, number of the mark).
    Mark = b'K',
    /// (blinded meter, sequence number): offset of the frame, and 1 if the entry holds evidence.
    /// Not of tokens taken in, which are [`Tree::TokenByMeter`]'s.
    EventByMeter = b'E',
    /// Offset of about every [`OFFSET_EVERY`]th entry's frame, by the frame's first number.
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

impl Tree {
    /// The parts that decide about money and rights, in the order of the state's sums.
    pub const SUMMED: [Self; 7] = [
        Self::Token,
        Self::Open,
        Self::Exposed,
        Self::Grant,
        Self::Override,
        Self::Revoked,
        Self::Swap,
    ];

    /// Those that decide about rights: few rows, looked at whenever the index is opened.
    pub const RIGHTS: [Self; 3] = [Self::Grant, Self::Override, Self::Revoked];

    /// Where in the state's sums a part is.
    pub fn summed(self) -> Option<usize> {
        Self::SUMMED.iter().position(|tree| *tree == self)
    }
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

/// The key of what is kept by a signed document's identity: tokens, overrides, revocations.
pub fn id_key(tree: Tree, id: TokenId) -> Vec<u8> {
    key(tree, &[&id.0])
}

/// The key of what is kept by sequence number: offsets, unacknowledged acts.
pub fn seq_key(tree: Tree, seq: u64) -> Vec<u8> {
    key(tree, &[&seq.to_be_bytes()])
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
    seal: Arc<Sealer>,
    /// Whether values are sealed; in memory they are not.
    sealed: bool,
    /// First keys of the runs' packs, as far as they were asked for.
    pub(super) directories: Directories,
}

impl Index {
    /// An index that is kept on disk.
    pub fn on_disk(kv: Box<dyn Kv>, seal: Arc<Sealer>) -> Self {
        Self { kv, seal, sealed: true, directories: Directories::default() }
    }

    /// An empty index in memory.
    pub fn in_memory(seal: Arc<Sealer>) -> Self {
        let kv = Box::new(MemoryKv::default());
        Self { kv, seal, sealed: false, directories: Directories::default() }
    }

    /// The key of something kept by meter; the beginning of the key where there is more of it.
    pub fn meter_key(&self, tree: Tree, meter: MeterNo) -> Vec<u8> {
        key(tree, &[&self.seal.blind(b'm', &[&meter.bcd()])])
    }

    /// The key of an operator's grant.
    pub fn operator_key(&self, operator: &OperatorId) -> Vec<u8> {
        key(Tree::Grant, &[&self.seal.blind(b'o', &[operator.as_str().as_bytes()])])
    }

    /// The beginning of the keys of an operator's overrides for a meter.
    pub fn override_prefix(&self, operator: &OperatorId, meter: MeterNo) -> Vec<u8> {
        let parts: [&[u8]; 2] = [operator.as_str().as_bytes(), &meter.bcd()];
        key(Tree::OverrideFor, &[&self.seal.blind(b'x', &parts)])
    }

    /// The key of a step of an errand.
    pub fn step_key(&self, errand: WorkId, meter: Option<MeterNo>, name: &str) -> Vec<u8> {
        let bcd = meter.map(MeterNo::bcd);
        let meter: &[u8] = bcd.as_ref().map_or(&[], |bcd| bcd);
        let blind = self.seal.blind(b's', &[meter, name.as_bytes()]);
        key(Tree::Step, &[&errand.0, &blind])
    }

    /// The key of what is remembered of a meter.
    pub fn mark_key(&self, meter: MeterNo, mark: Mark) -> Vec<u8> {
        let mut key = self.meter_key(Tree::Mark, meter);
        key.push(mark.number());
        key
    }

    /// Whether something is remembered of a meter.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn marked(&self, meter: MeterNo, mark: Mark) -> Result<bool> {
        Ok(self.get(&self.mark_key(meter, mark))?.is_some())
    }

    fn open(&self, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>> {
        if !self.sealed {
            return Ok(value);
        }
        let opened = self.seal.open(Part::Index, key, &value);
        opened.ok_or_else(|| IndexError(format!("row {:02x?} does not open", &key.get(..1))))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.kv.get(key)?.map(|value| self.open(key, value)).transpose()
    }

    /// Pairs of a span, opened.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn scan(&self, span: Span, limit: usize, backwards: bool) -> Result<Vec<Pair>> {
        let pairs = self.kv.scan(span, limit, backwards)?;
        pairs.into_iter().map(|(k, v)| self.open(&k, v).map(|v| (k, v))).collect()
    }

    /// Keys of a span, without opening what is under them.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn keys(&self, span: Span, limit: usize) -> Result<Vec<Vec<u8>>> {
        Ok(self.kv.scan(span, limit, false)?.into_iter().map(|(k, _)| k).collect())
    }

    /// All rows of a part of the index, a page at a time.
    ///
    /// # Errors
    /// [`IndexError`], and those of `take`.
    pub fn each<E: From<IndexError>>(
        &self,
        prefix: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut after = None;
        loop {
            let page = self.scan(span(prefix, after), PAGE, false)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            page.iter().try_for_each(|(k, v)| take(k, v))?;
        }
    }

    /// Seals changes and commits them.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn commit(&self, batch: Batch) -> Result<()> {
        let long = |v: &&Vec<u8>| v.len() + SEALING > MAX_INDEX_VALUE;
        if let Some(large) = batch.values().flatten().find(long) {
            return Err(IndexError(format!("a row of {} bytes", large.len())));
        }
        if !self.sealed {
            return self.kv.commit(&batch);
        }
        let seal = |(key, value): (Vec<u8>, Option<Vec<u8>>)| -> Result<_> {
            let sealed = value.map(|value| self.seal.seal(Part::Index, &key, &value)).transpose();
            Ok((key, sealed.map_err(|e| IndexError(e.to_string()))?))
        };
        self.kv.commit(&batch.into_iter().map(seal).collect::<Result<Batch>>()?)
    }

    /// Commits changes together with the state that reflects them. In memory no state row is kept:
    /// an index in memory is built by whoever holds the state.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn commit_with(&self, mut batch: Batch, state: &State) -> Result<()> {
        if self.sealed {
            batch.insert(state_key(), Some(state.encode()));
        }
        self.commit(batch)
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
        let row = self.get(&id_key(Tree::Token, id))?;
        Ok(row.map(|v| rows::decode_token(&v)).transpose()?)
    }

    /// A meter's open recharge.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn open_intent(&self, meter: MeterNo) -> Result<Option<OpenIntent>> {
        let row = self.get(&self.meter_key(Tree::Open, meter))?;
        Ok(row.map(|v| rows::decode_open(&v)).transpose()?)
    }

    /// Whether an identity was revoked.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn is_revoked(&self, id: TokenId) -> Result<bool> {
        Ok(self.get(&id_key(Tree::Revoked, id))?.is_some())
    }

    /// An override, whether it was revoked included.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn over_ride(&self, id: TokenId) -> Result<Option<rows::OverrideFor>> {
        let Some(row) = self.get(&id_key(Tree::Override, id))? else { return Ok(None) };
        let mut found = rows::decode_override(&row)?;
        found.row.revoked = self.is_revoked(id)?;
        Ok(Some(found))
    }

    /// A bundle, whether it was revoked included.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn bundle(&self, id: TokenId) -> Result<Option<BundleRow>> {
        let Some(row) = self.get(&id_key(Tree::Bundle, id))? else { return Ok(None) };
        let mut found = bundle::decode_row(&row)?;
        found.revoked = self.is_revoked(id)?;
        Ok(Some(found))
    }

    /// A round of the office, whether it was withdrawn included.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn round(&self, id: TokenId) -> Result<Option<RoundRow>> {
        let Some(row) = self.get(&id_key(Tree::Round, id))? else { return Ok(None) };
        let mut found = round::decode_row(&row)?;
        found.revoked = self.is_revoked(id)?;
        Ok(Some(found))
    }

    /// A frame at or before an entry whose place is known: its first number and its offset.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn offset_before(&self, seq: u64) -> Result<Option<(u64, u64)>> {
        let key = |seq| seq_key(Tree::Offset, seq);
        let span = (Bound::Included(key(0)), Bound::Included(key(seq)));
        let Some((key, row)) = self.scan(span, 1, true)?.pop() else { return Ok(None) };
        let odd = || IndexError("an offset of odd size".into());
        let seq = key.last_chunk::<8>().map(|seq| u64::from_be_bytes(*seq)).ok_or_else(odd)?;
        let offset = row.try_into().map_err(|_| odd())?;
        Ok(Some((seq, u64::from(u32::from_be_bytes(offset)))))
    }

    /// Adds up the rows of some parts and compares with what the state says.
    ///
    /// # Errors
    /// [`IndexError`] when a row is missing, extra or not the newest.
    pub fn check_rows(&self, state: &State, trees: &[Tree]) -> Result<()> {
        for tree in trees {
            let (tree, known) = (*tree, state.sum(*tree));
            let mut found = Sum::default();
            self.each(&key(tree, &[]), |k, v| {
                found.digest = found.digest.wrapping_add(row_digest(k, v));
                found.rows += 1;
                Ok::<_, IndexError>(())
            })?;
            if found != known {
                return Err(IndexError("rows are missing or stale".into()));
            }
        }
        Ok(())
    }

    /// Checks the rows that decide about money.
    ///
    /// # Errors
    /// As [`Index::check_rows`].
    pub fn check_money_rows(&self, state: &State) -> Result<()> {
        self.check_rows(state, &Tree::SUMMED)?;
        let mut exposed = std::collections::BTreeMap::new();
        super::project::add_exposed(self, 0, &mut exposed)?;
        if exposed != state.exposed {
            return Err(IndexError("the exposure does not add up".into()));
        }
        Ok(())
    }
}

/// Rows looked at in one go.
const PAGE: usize = 1_000;

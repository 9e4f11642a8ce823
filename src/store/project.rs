//! What an entry changes in the index: the one place that turns history into state.
//!
//! Used after every append and for every replay, so that a state reached by working is the state
//! reached by reading the journal again. Nothing is refused here: an entry that is in the journal
//! has happened (`rules` decides before it is written).

use super::event::{Event, Position, Stamp, Step, SwapFacts, SwapFixed, TokenFacts, Withdrawal};
use super::filed;
use super::index::{Index, OFFSET_EVERY, Tree, id_key, key, row_digest, seq_key};
use super::kv::{Batch, IndexError};
use super::records::rows::{self, Exposed, OverrideFor};
use super::records::swap::{decode_swap, encode_swap};
use super::records::{bundle, errand, round};
use super::rows::{GrantRow, MarkRow, OpenIntent, OverrideRow, StepRow, TokenRow, TokenState};
use super::state::{Doc, State};
use super::swap::SwapRow;
use crate::units::{
    Decision, Evidence, Exposure, IntentFacts, Judgement, MeterNo, OperatorId, SwapLeg, TokenId,
};
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, IndexError>;

/// Where a frame was written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// The number of its first entry.
    pub first: u64,
    /// The position of its last.
    pub head: Position,
    /// Its offset in its segment.
    pub offset: u64,
    /// The byte behind it.
    pub end: u64,
}

/// The changes the entries of one frame make, collected.
struct Changes<'a> {
    index: &'a Index,
    state: State,
    batch: Batch,
    /// The entry that is being applied.
    seq: u64,
}

/// What the entries of a frame change: the rows, and the state they belong to
/// ([`Index::commit_with`]).
///
/// # Errors
/// [`IndexError`] when the index could not be read.
pub fn project(
    index: &Index,
    state: &State,
    written: Written,
    entries: &[(Stamp, Event)],
) -> Result<(Batch, State)> {
    let state = state.clone();
    let mut changes = Changes { index, state, batch: Batch::new(), seq: written.first };
    // Offsets fit 32 bits: a segment is a few megabytes.
    let offset = u32::try_from(written.offset).unwrap_or(u32::MAX).to_be_bytes();
    if (written.first..=written.head.seq).any(|seq| seq % OFFSET_EVERY == 1) {
        changes.batch.insert(seq_key(Tree::Offset, written.first), Some(offset.to_vec()));
    }
    for (stamp, event) in entries {
        changes.event(stamp, event)?;
        if !matches!(event, Event::TailCut { .. } | Event::TimeAnchor { .. }) {
            // A cut tail is stamped before anybody could look at the clock.
            changes.state.stamps = changes.state.stamps.max(stamp.at);
        }
        // A token taken in is found by its meter already.
        let filed = !matches!(event, Event::TokenImported { .. });
        if let Some(meter) = event.meter().filter(|_| filed) {
            let mut place = offset.to_vec();
            place.push(filed::holds(event));
            let mut key = index.meter_key(Tree::EventByMeter, meter);
            key.extend_from_slice(&changes.seq.to_be_bytes());
            changes.batch.insert(key, Some(place));
        }
        changes.seq += 1;
    }
    changes.state.head = written.head;
    changes.state.start = written.offset;
    changes.state.offset = written.end;
    Ok((changes.batch, changes.state))
}

/// Adds up the unacknowledged acts behind a sequence number, by operator.
///
/// # Errors
/// [`IndexError`].
pub fn add_exposed(index: &Index, acked: u64, sums: &mut BTreeMap<String, Exposure>) -> Result<()> {
    index.each(&key(Tree::Exposed, &[]), |k, row| {
        let seq = k.last_chunk::<8>().map(|seq| u64::from_be_bytes(*seq)).unwrap_or_default();
        if seq > acked {
            let row = rows::decode_exposed(row)?;
            let sum = sums.entry(row.operator).or_default();
            *sum = sum.plus(row.credit, row.at);
        }
        Ok(())
    })
}

impl Changes<'_> {
    /// A row as the entries before this one left it.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.batch.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.index.get(key),
        }
    }

    fn token(&self, id: TokenId) -> Result<Option<TokenRow>> {
        let row = self.get(&id_key(Tree::Token, id))?;
        Ok(row.map(|v| rows::decode_token(&v)).transpose()?)
    }

    fn open_intent(&self, meter: MeterNo) -> Result<Option<OpenIntent>> {
        let row = self.get(&self.index.meter_key(Tree::Open, meter))?;
        Ok(row.map(|v| rows::decode_open(&v)).transpose()?)
    }

    /// Sets or removes a row that is summed.
    fn set(&mut self, tree: Tree, key: Vec<u8>, new: Option<Vec<u8>>) -> Result<()> {
        let old = self.get(&key)?;
        self.change(tree, key, old, new);
        Ok(())
    }

    /// The same where the row that is there is at hand.
    fn change(&mut self, tree: Tree, key: Vec<u8>, old: Option<Vec<u8>>, new: Option<Vec<u8>>) {
        if let Some(at) = tree.summed() {
            let sum = &mut self.state.sums[at];
            if let Some(old) = old {
                sum.digest = sum.digest.wrapping_sub(row_digest(&key, &old));
                sum.rows = sum.rows.saturating_sub(1);
            }
            if let Some(new) = &new {
                sum.digest = sum.digest.wrapping_add(row_digest(&key, new));
                sum.rows += 1;
            }
        }
        self.batch.insert(key, new);
    }

    fn event(&mut self, stamp: &Stamp, event: &Event) -> Result<()> {
        match event {
            Event::TokenImported { token, bytes } => self.imported(stamp, token, bytes),
            Event::TokenWithdrawn { id, reason, .. } => {
                self.taken_back(*id, (withdraw, false))?;
                match *reason {
                    Withdrawal::Recharged(at) => {
                        self.change_token(*id, |row| row.recharged = Some(at))
                    }
                    _ => Ok(()),
                }
            }
            Event::SwapTaken { swap, bytes } => self.swap_taken(stamp, swap, bytes),
            Event::SwapFixed(fixed) => self.swap_fixed(stamp, fixed),
            Event::Intent { facts, before } => self.intent(stamp, facts, before),
            Event::Resend { token, .. } => self.change_open(*token, |open| open.sends += 1),
            Event::Outcome { token, meter, judgement } => self.outcome(*token, *meter, judgement),
            Event::Resolved { token, meter, booked, .. } => self.resolved(*token, *meter, *booked),
            Event::TimeAnchor { server } => {
                self.state.anchor = Some((*server, stamp.at, stamp.boot_ms));
                // What our own clock said before is forgotten: the office knows better.
                self.state.stamps = *server;
                Ok(())
            }
            Event::ReceiptStored { number, acked } => self.acknowledged(stamp, *number, *acked),
            Event::GrantTaken { id, operator, issued, expires, bytes } => {
                let row = GrantRow {
                    id: *id,
                    issued: *issued,
                    expires: *expires,
                    bytes: bytes.clone(),
                    revoked: false,
                };
                self.granted(operator, &row)
            }
            Event::OverrideTaken { id, operator, meter, expires, bytes } => {
                let (operator, meter) = (operator.clone(), *meter);
                let (expires, bytes) = (*expires, bytes.clone());
                let row = OverrideRow { id: *id, expires, bytes, used: false, revoked: false };
                self.override_taken(&OverrideFor { operator, meter, row })
            }
            Event::OverrideUsed { id, .. } => self.override_used(*id),
            Event::DocumentTaken { kind, version, digest } => {
                self.state.docs.insert(*kind, Doc { version: *version, digest: *digest });
                Ok(())
            }
            Event::Revoked { ids, status } => {
                ids.iter().try_for_each(|id| self.revoked(*id, *status))
            }
            Event::Software { version, digest } => {
                self.state.software = Some((version.clone(), *digest));
                Ok(())
            }
            Event::Step(step) => self.step(stamp, step),
            Event::BundleTaken(taken) => {
                let row = bundle::row_of(taken, stamp.at, self.seq);
                self.batch.insert(id_key(Tree::Bundle, taken.id), Some(row));
                Ok(())
            }
            Event::RoundTaken(taken) => {
                let row = round::row_of(taken, stamp.at, self.seq);
                self.batch.insert(id_key(Tree::Round, taken.id), Some(row));
                Ok(())
            }
            Event::Marked { meter, mark, on, note } => {
                let row = on.then(|| MarkRow {
                    meter: *meter,
                    mark: *mark,
                    note: note.clone(),
                    since: stamp.at,
                    operator: stamp.operator.clone(),
                    seq: self.seq,
                });
                let key = self.index.mark_key(*meter, *mark);
                self.batch.insert(key, row.as_ref().map(errand::encode_mark));
                Ok(())
            }
            Event::Enrolled { .. }
            | Event::Reading(_)
            | Event::Refused { .. }
            | Event::LoggedIn { .. }
            | Event::LoggedOut { .. }
            | Event::PinSet { .. }
            | Event::UnprovenAccepted { .. }
            | Event::TailCut { .. } => Ok(()),
        }
    }

    fn intent(&mut self, stamp: &Stamp, facts: &IntentFacts, before: &Evidence) -> Result<()> {
        let open = OpenIntent {
            facts: *facts,
            before: before.clone(),
            sends: 1,
            last_judgement: None,
            seq: self.seq,
            at: stamp.at,
            disputed: false,
        };
        self.set_open(facts.meter, Some(&open))?;
        self.change_token(facts.token, |row| {
            row.state = TokenState::Intent;
            row.sent = true;
        })?;
        let operator = stamp.operator.clone();
        let sum = self.state.exposed.entry(operator.clone()).or_default();
        *sum = sum.plus(facts.credit, stamp.at);
        let row = Exposed { operator, credit: facts.credit, at: stamp.at };
        let key = seq_key(Tree::Exposed, self.seq);
        self.set(Tree::Exposed, key, Some(rows::encode_exposed(&row)))
    }

    /// The newest entry of a step is its row; when it began is kept.
    fn step(&mut self, stamp: &Stamp, step: &Step) -> Result<()> {
        let key = if step.name == Step::WHOLE && step.meter.is_none() {
            key(Tree::Errand, &[&step.errand.0])
        } else {
            self.index.step_key(step.errand, step.meter, &step.name)
        };
        let before = self.get(&key)?.map(|row| errand::decode_step(&row)).transpose()?;
        let row = StepRow {
            step: step.clone(),
            at: stamp.at,
            operator: stamp.operator.clone(),
            seq: self.seq,
            begun: before.map_or(stamp.at, |row| row.begun),
        };
        self.batch.insert(key, Some(errand::encode_step(&row)));
        Ok(())
    }

    /// What the office has is no exposure any more. An entry of this kind has a frame to itself:
    /// rows are looked for in the index alone.
    fn acknowledged(&mut self, stamp: &Stamp, number: u64, acked: Position) -> Result<()> {
        self.state.acked = Some((number, acked));
        self.state.last_sync = Some(stamp.at);
        let mut over = Vec::new();
        self.index.each(&key(Tree::Exposed, &[]), |k, _| {
            if k <= seq_key(Tree::Exposed, acked.seq).as_slice() {
                over.push(k.to_vec());
            }
            Ok::<_, IndexError>(())
        })?;
        for key in over {
            self.set(Tree::Exposed, key, None)?;
        }
        self.state.exposed.clear();
        add_exposed(self.index, acked.seq, &mut self.state.exposed)
    }

    fn granted(&mut self, operator: &OperatorId, row: &GrantRow) -> Result<()> {
        self.state.issued = self.state.issued.max(row.issued);
        let key = self.index.operator_key(operator);
        self.set(Tree::Grant, key, Some(rows::encode_grant(operator, row)))
    }

    fn override_taken(&mut self, of: &OverrideFor) -> Result<()> {
        let mut by_meter = self.index.override_prefix(&of.operator, of.meter);
        by_meter.extend_from_slice(&of.row.id.0);
        self.batch.insert(by_meter, Some(Vec::new()));
        let key = id_key(Tree::Override, of.row.id);
        self.set(Tree::Override, key, Some(rows::encode_override(of)))
    }

    fn override_used(&mut self, id: TokenId) -> Result<()> {
        let key = id_key(Tree::Override, id);
        let Some(row) = self.get(&key)? else { return Ok(()) };
        let mut of = rows::decode_override(&row)?;
        of.row.used = true;
        self.set(Tree::Override, key, Some(rows::encode_override(&of)))
    }

    fn revoked(&mut self, id: TokenId, status: u64) -> Result<()> {
        let key = id_key(Tree::Revoked, id);
        if self.get(&key)?.is_some() {
            return Ok(());
        }
        self.set(Tree::Revoked, key, Some(status.to_be_bytes().to_vec()))?;
        self.taken_back(id, (revoke, true))
    }

    /// A token, or a swap with the tokens it was fixed into.
    fn taken_back(&mut self, id: TokenId, (how, for_ever): (Take, bool)) -> Result<()> {
        let Some(mut row) = self.swap(id)? else { return self.change_token(id, how) };
        for leg in row.tokens() {
            self.change_token(leg, how)?;
        }
        row.withdrawn = true;
        row.revoked |= for_ever;
        self.set_swap(&mut row)
    }

    fn swap(&self, id: TokenId) -> Result<Option<SwapRow>> {
        let row = self.get(&id_key(Tree::Swap, id))?;
        Ok(row.map(|row| decode_swap(&row)).transpose()?)
    }

    fn set_swap(&mut self, row: &mut SwapRow) -> Result<()> {
        row.last_seq = self.seq;
        self.set(Tree::Swap, id_key(Tree::Swap, row.facts.id), Some(encode_swap(row)))
    }

    fn swap_taken(&mut self, stamp: &Stamp, facts: &SwapFacts, bytes: &[u8]) -> Result<()> {
        self.state.issued = self.state.issued.max(facts.issued);
        let revoked = self.get(&id_key(Tree::Revoked, facts.id))?.is_some();
        self.set_swap(&mut SwapRow {
            facts: *facts,
            bytes: bytes.to_vec(),
            taken_at: stamp.at,
            withdrawn: revoked,
            revoked,
            outs: 0,
            opened: false,
            credited: None,
            last_seq: self.seq,
        })
    }

    /// The leg is a token from here on. An attempt that it replaces, and a debit that a provisional
    /// credit makes impossible, are never sent again.
    fn swap_fixed(&mut self, stamp: &Stamp, fixed: &SwapFixed) -> Result<()> {
        let Some(mut row) = self.swap(fixed.swap)? else { return Ok(()) };
        if let Some(out) = row.out()
            && matches!(fixed.leg, SwapLeg::Out | SwapLeg::Provisional)
        {
            self.change_token(out, withdraw)?;
        }
        match fixed.leg {
            SwapLeg::Out => row.outs = fixed.attempt,
            SwapLeg::Open => row.opened = true,
            SwapLeg::In | SwapLeg::Provisional => row.credited = Some(fixed.leg),
        }
        self.set_swap(&mut row)?;
        self.imported(stamp, &row.facts.leg(fixed), &row.bytes)
    }

    fn imported(&mut self, stamp: &Stamp, token: &TokenFacts, bytes: &[u8]) -> Result<()> {
        if self.get(&id_key(Tree::Token, token.id))?.is_some() {
            return Ok(());
        }
        let by_meter = self.index.meter_key(Tree::TokenByMeter, token.meter);
        let mut ids = self.get(&by_meter)?.unwrap_or_default();
        ids.extend_from_slice(&token.id.0);
        self.batch.insert(by_meter, Some(ids));
        self.state.issued = self.state.issued.max(token.issued);
        let mut row = TokenRow {
            facts: *token,
            state: TokenState::Cached,
            bytes: bytes.to_vec(),
            imported_at: stamp.at,
            sent: false,
            withdrawn: false,
            revoked: false,
            recharged: None,
            last_seq: self.seq,
        };
        let any = Tree::Revoked.summed().is_some_and(|at| self.state.sums[at].rows > 0);
        if any && self.get(&id_key(Tree::Revoked, token.id))?.is_some() {
            revoke(&mut row);
        }
        self.set_token(None, &row);
        Ok(())
    }

    /// An outcome closes the recharge if it decides it. A disputed one only the office may settle:
    /// what is read later is kept as evidence and changes nothing. An outcome for a token without
    /// an open recharge is a late one: a frame that arrived after it was read back as not applied.
    fn outcome(&mut self, token: TokenId, meter: MeterNo, judgement: &Judgement) -> Result<()> {
        let open = self.open_intent(meter)?.filter(|open| open.facts.token == token);
        let Some(mut open) = open else {
            if !judgement.decision.keeps_intent_open() {
                self.change_token(token, |row| row.state = row.closed_by(judgement.decision))?;
            }
            return Ok(());
        };
        let decision = judgement.decision;
        open.last_judgement = Some(judgement.clone());
        if open.disputed || decision.keeps_intent_open() {
            open.disputed |= decision != Decision::Unreachable;
            let disputed = open.disputed;
            self.set_open(meter, Some(&open))?;
            return self.change_token(token, |row| {
                row.state = if disputed { TokenState::Disputed } else { TokenState::Intent };
            });
        }
        self.set_open(meter, None)?;
        self.change_token(token, |row| row.state = row.closed_by(decision))
    }

    fn resolved(&mut self, token: TokenId, meter: MeterNo, booked: bool) -> Result<()> {
        let open = self.open_intent(meter)?;
        if open.is_some_and(|open| open.facts.token == token) {
            self.set_open(meter, None)?;
        }
        self.change_token(token, |row| {
            // Accepted is proved by a read-back of the meter: it stays, whatever anybody says.
            if row.state != TokenState::Accepted {
                row.state = if booked { TokenState::Accepted } else { TokenState::Withdrawn };
            }
        })
    }

    fn change_open(&mut self, token: TokenId, change: impl FnOnce(&mut OpenIntent)) -> Result<()> {
        let Some(row) = self.token(token)? else { return Ok(()) };
        let meter = row.facts.meter;
        let Some(mut open) = self.open_intent(meter)? else { return Ok(()) };
        if open.facts.token == token {
            change(&mut open);
            self.set_open(meter, Some(&open))?;
        }
        Ok(())
    }

    fn change_token(&mut self, id: TokenId, change: impl FnOnce(&mut TokenRow)) -> Result<()> {
        let Some(old) = self.get(&id_key(Tree::Token, id))? else { return Ok(()) };
        let before = rows::decode_token(&old)?;
        let mut new = before.clone();
        change(&mut new);
        new.last_seq = self.seq;
        self.set_token(Some((before, old)), &new);
        Ok(())
    }

    /// Puts a token's row in place of the one before, which is given with its bytes.
    fn set_token(&mut self, old: Option<(TokenRow, Vec<u8>)>, new: &TokenRow) {
        let live = |row: &TokenRow| u64::from(row.state.usable());
        let before = old.as_ref().map_or(0, |(row, _)| live(row));
        self.state.tokens_live = self.state.tokens_live.saturating_sub(before) + live(new);
        let (key, row) = (id_key(Tree::Token, new.facts.id), rows::encode_token(new));
        self.change(Tree::Token, key, old.map(|(_, bytes)| bytes), Some(row));
    }

    fn set_open(&mut self, meter: MeterNo, new: Option<&OpenIntent>) -> Result<()> {
        let key = self.index.meter_key(Tree::Open, meter);
        self.set(Tree::Open, key, new.map(rows::encode_open))
    }
}

/// How a token is taken back.
type Take = fn(&mut TokenRow);

/// The office took a token back; an open recharge is finished first.
fn withdraw(row: &mut TokenRow) {
    row.withdrawn = true;
    if row.state.usable() {
        row.state = TokenState::Withdrawn;
    }
}

/// The office revoked a token: withdrawn, and it is told apart.
fn revoke(row: &mut TokenRow) {
    row.revoked = true;
    withdraw(row);
}

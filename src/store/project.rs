//! What an entry changes in the index: the one place that turns history into state.
//!
//! Used after every append and for every replay, so that a state reached by working is the state
//! reached by reading the journal again. Nothing is refused here: an entry that is in the journal
//! has happened (`rules` decides before it is written).

use super::event::{Event, Position, Stamp, TokenFacts};
use super::index::{
    Index, OFFSET_EVERY, Tree, event_key, meter_key, offset_key, row_digest, seal, state_key,
    token_by_meter_key, token_key,
};
use super::kv::{Batch, IndexError};
use super::records::rows;
use super::rows::{OpenIntent, TokenRow, TokenState};
use super::state::State;
use crate::units::{Decision, IntentFacts, Judgement, MeterNo, TokenId};

type Result<T> = std::result::Result<T, IndexError>;

/// Where an entry was written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Its position.
    pub at: Position,
    /// Its offset in its segment.
    pub offset: u64,
    /// The byte behind it.
    pub end: u64,
}

/// The changes one entry makes, collected.
struct Changes<'a> {
    index: &'a Index,
    state: State,
    batch: Batch,
    seq: u64,
}

/// What an entry changes: the batch for the index (state row included) and the new state.
///
/// # Errors
/// [`IndexError`] when the index could not be read.
pub fn project(
    index: &Index,
    state: &State,
    written: Written,
    stamp: &Stamp,
    event: &Event,
) -> Result<(Batch, State)> {
    let mut changes =
        Changes { index, state: state.clone(), batch: Batch::new(), seq: written.at.seq };
    changes.state.head = written.at;
    changes.state.offset = written.end;
    changes.event(stamp, event)?;
    changes.state.start = written.offset;
    // Offsets fit 32 bits: a segment is a few megabytes.
    let offset = u32::try_from(written.offset).unwrap_or(u32::MAX).to_be_bytes();
    if written.at.seq % OFFSET_EVERY == 1 {
        changes.put(offset_key(written.at.seq), &offset);
    }
    if let Some(meter) = event.meter() {
        let mut place = offset.to_vec();
        place.push(u8::from(event.evidence().is_some()));
        changes.put(event_key(meter, written.at.seq), &place);
    }
    let row = changes.state.encode();
    changes.put(state_key(), &row);
    Ok((changes.batch, changes.state))
}

impl Changes<'_> {
    fn put(&mut self, key: Vec<u8>, value: &[u8]) {
        let sealed = seal(&key, value);
        self.batch.insert(key, Some(sealed));
    }

    fn event(&mut self, stamp: &Stamp, event: &Event) -> Result<()> {
        match event {
            Event::TokenImported { token, bytes } => self.imported(stamp, token, bytes),
            Event::TokenWithdrawn { id, .. } => self.withdrawn(*id),
            Event::Intent { facts, before } => {
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
                })
            }
            Event::Resend { token, .. } => self.change_open(*token, |open| open.sends += 1),
            Event::Outcome { token, meter, judgement } => self.outcome(*token, *meter, judgement),
            Event::Resolved { token, meter, booked, .. } => self.resolved(*token, *meter, *booked),
            Event::TimeAnchor { server } => {
                self.state.anchor = Some((*server, stamp.at, stamp.boot_ms));
                Ok(())
            }
            Event::ReceiptStored { number, acked } => {
                self.state.acked = Some((*number, *acked));
                self.state.last_sync = Some(stamp.at);
                Ok(())
            }
            Event::Enrolled { .. }
            | Event::Reading(_)
            | Event::Refused { .. }
            | Event::TailCut { .. } => Ok(()),
        }
    }

    fn imported(&mut self, stamp: &Stamp, token: &TokenFacts, bytes: &[u8]) -> Result<()> {
        if self.index.token(token.id)?.is_some() {
            return Ok(());
        }
        let key = token_by_meter_key(token.meter, token.account, token.count_before, token.id);
        self.put(key, &[]);
        self.state.tokens += 1;
        self.set_token(
            None,
            TokenRow {
                facts: *token,
                state: TokenState::Cached,
                bytes: bytes.to_vec(),
                imported_at: stamp.at,
                sent: false,
                withdrawn: false,
                last_seq: self.seq,
            },
        )
    }

    fn withdrawn(&mut self, id: TokenId) -> Result<()> {
        self.change_token(id, |row| {
            row.withdrawn = true;
            if row.state.usable() {
                row.state = TokenState::Withdrawn;
            }
        })
    }

    /// An outcome closes the recharge if it decides it. A disputed one only the office may settle:
    /// what is read later is kept as evidence and changes nothing. An outcome for a token without
    /// an open recharge is a late one: a frame that arrived after it was read back as not applied.
    fn outcome(&mut self, token: TokenId, meter: MeterNo, judgement: &Judgement) -> Result<()> {
        let open = self.index.open_intent(meter)?.filter(|open| open.facts.token == token);
        let Some(mut open) = open else {
            if !judgement.decision.keeps_intent_open() {
                self.change_token(token, |row| row.state = closed_state(row, judgement.decision))?;
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
        self.change_token(token, |row| row.state = closed_state(row, decision))
    }

    fn resolved(&mut self, token: TokenId, meter: MeterNo, booked: bool) -> Result<()> {
        let open = self.index.open_intent(meter)?;
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
        let Some(row) = self.index.token(token)? else { return Ok(()) };
        let meter = row.facts.meter;
        let Some(mut open) = self.index.open_intent(meter)? else { return Ok(()) };
        if open.facts.token == token {
            change(&mut open);
            self.set_open(meter, Some(&open))?;
        }
        Ok(())
    }

    fn change_token(&mut self, id: TokenId, change: impl FnOnce(&mut TokenRow)) -> Result<()> {
        let Some(old) = self.index.token(id)? else { return Ok(()) };
        let mut new = old.clone();
        change(&mut new);
        new.last_seq = self.seq;
        self.set_token(Some(&old), new)
    }

    fn set_token(&mut self, old: Option<&TokenRow>, new: TokenRow) -> Result<()> {
        let key = token_key(new.facts.id);
        if let Some(old) = old {
            let before = row_digest(&key, &rows::encode_token(old));
            self.state.token_digest = self.state.token_digest.wrapping_sub(before);
            self.state.tokens_live -= u64::from(old.state.usable()).min(self.state.tokens_live);
        }
        let row = rows::encode_token(&new);
        self.state.token_digest = self.state.token_digest.wrapping_add(row_digest(&key, &row));
        self.state.tokens_live += u64::from(new.state.usable());
        self.put(key, &row);
        Ok(())
    }

    fn set_open(&mut self, meter: MeterNo, new: Option<&OpenIntent>) -> Result<()> {
        let key = meter_key(Tree::Open, meter);
        if let Some(old) = self.index.get(&key)? {
            self.state.open_digest = self.state.open_digest.wrapping_sub(row_digest(&key, &old));
            self.state.open_intents = self.state.open_intents.saturating_sub(1);
        }
        match new {
            Some(new) => {
                let row = rows::encode_open(new);
                self.state.open_digest =
                    self.state.open_digest.wrapping_add(row_digest(&key, &row));
                self.state.open_intents += 1;
                self.put(key, &row);
            }
            None => {
                self.batch.insert(key, None);
            }
        }
        Ok(())
    }
}

/// Where a token stands when its recharge is closed.
fn closed_state(row: &TokenRow, decision: Decision) -> TokenState {
    match decision {
        Decision::Confirmed | Decision::ConfirmedWeak => TokenState::Accepted,
        _ if row.state == TokenState::Accepted => TokenState::Accepted,
        Decision::Raced => TokenState::Raced,
        _ if row.withdrawn => TokenState::Withdrawn,
        _ => TokenState::NotApplied,
    }
}

/// Facts of an intent that differ from the token's, by name.
pub fn facts_differ(facts: &IntentFacts, token: &TokenFacts) -> Option<&'static str> {
    let want = token.intent();
    let checks = [
        (facts.meter == want.meter, "meter"),
        (facts.account == want.account, "account"),
        (facts.count_before == want.count_before, "count"),
        (facts.credit == want.credit, "credit"),
        (facts.order == want.order, "order"),
    ];
    checks.iter().find(|(same, _)| !same).map(|(_, name)| *name)
}

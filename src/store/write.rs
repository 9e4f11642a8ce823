//! The writing half of the store's handle: check, append, force to disk, reflect in the index.

use super::event::{Event, Position, Stamp};
use super::index::Index;
use super::journal::Appended;
use super::project::{Written, project};
use super::records::encode_body;
use super::rows::{AreaPage, Bounds, Verified};
use super::rules::{check, check_late, check_limits, check_sizes};
use super::schema::{MAX_BODY, OUTCOME_RESERVE};
use super::state::State;
use super::{Damage, Inner, Store, StoreError, Why, Writer, area, open, rebuild, snapshots};
use crate::units::{Evidence, IntentFacts, IntentProof, Judgement, TokenId};
use std::sync::{Arc, PoisonError};

impl Store {
    /// Whether money may move now.
    ///
    /// # Errors
    /// [`Why`] not.
    pub fn money_allowed(&self) -> Result<(), Why> {
        self.inner.money_allowed()
    }

    /// Records an event; it is on disk when this returns.
    ///
    /// # Errors
    /// The refusals of the event's kind; [`StoreError::NotThisWay`] for enrolment, intents,
    /// resends, documents and cuts; [`StoreError::MoneyStopped`] while the journal is read-only;
    /// [`StoreError::DiskFull`], [`StoreError::Failed`].
    pub fn append(&self, stamp: &Stamp, event: Event) -> Result<Position, StoreError> {
        match event {
            Event::Enrolled { .. } => Err(StoreError::NotThisWay("enrolled")),
            Event::Intent { .. } => Err(StoreError::NotThisWay("intent")),
            Event::Resend { .. } => Err(StoreError::NotThisWay("resend")),
            Event::TailCut { .. } => Err(StoreError::NotThisWay("cut")),
            Event::DocumentTaken { .. } => Err(StoreError::NotThisWay("document")),
            Event::Outcome { token, judgement, .. } => self.outcome(stamp, token, judgement),
            Event::ReceiptStored { number, acked } => self.receipt(stamp, number, acked),
            event => {
                let mut writer = self.inner.writer();
                let rule = |index: &Index| check(index, stamp, &event);
                self.inner.record(&mut writer, stamp, &event, Room::Ordinary, rule)
            }
        }
    }

    /// Writes down that a recharge is about to be sent, and gives the permission to send it. Room
    /// for its outcome is kept from here on. The limits are compared with what is open towards the
    /// office in the moment of writing, this act included.
    ///
    /// # Errors
    /// Everything that speaks against it, see `rules`; [`StoreError::OverLimit`];
    /// [`StoreError::MoneyStopped`], [`StoreError::DiskFull`], [`StoreError::Failed`]. Then nothing
    /// may be sent.
    pub fn intent(
        &self,
        stamp: &Stamp,
        facts: IntentFacts,
        before: Evidence,
        bounds: &Bounds,
    ) -> Result<IntentProof, StoreError> {
        let mut writer = self.inner.writer();
        self.inner.money_gate(&mut writer)?;
        let state = self.inner.state();
        let event = Event::Intent { facts, before };
        let rule = |index: &Index| {
            check(index, stamp, &event)?;
            check_limits(&state, stamp, facts.credit, bounds)
        };
        let at = self.inner.record(&mut writer, stamp, &event, Room::Intent, rule)?;
        Ok(IntentProof::from_journal(facts, at.seq))
    }

    /// Writes down that the frame of an open recharge is about to be sent once more, after a
    /// read-back showed that it was not applied.
    ///
    /// # Errors
    /// As [`Store::intent`]; [`StoreError::TooManySends`], [`StoreError::Disputed`],
    /// [`StoreError::Evidence`].
    pub fn resend(
        &self,
        stamp: &Stamp,
        token: TokenId,
        after_read: Evidence,
    ) -> Result<IntentProof, StoreError> {
        let mut writer = self.inner.writer();
        self.inner.money_gate(&mut writer)?;
        let event = Event::Resend { token, after_read };
        let rule = |index: &Index| check(index, stamp, &event);
        let at = self.inner.record(&mut writer, stamp, &event, Room::Ordinary, rule)?;
        let facts = self.inner.ask_locked(&mut writer, |index| Ok(index.token(token)?))?;
        let facts = facts.ok_or(StoreError::UnknownToken(token))?.facts.intent();
        Ok(IntentProof::from_journal(facts, at.seq))
    }

    /// Writes down what became of an open recharge.
    ///
    /// # Errors
    /// [`StoreError::NoOpenIntent`], [`StoreError::Evidence`], and those of [`Store::append`].
    pub fn outcome(
        &self,
        stamp: &Stamp,
        token: TokenId,
        judgement: Judgement,
    ) -> Result<Position, StoreError> {
        let mut writer = self.inner.writer();
        let row = self.inner.ask_locked(&mut writer, |index| Ok(index.token(token)?))?;
        let meter = row.ok_or(StoreError::UnknownToken(token))?.facts.meter;
        // Trying again and again to reach a meter must not use up the room of a real outcome.
        let settles = judgement.decision != crate::units::Decision::Unreachable;
        let room = if settles { Room::Outcome } else { Room::Ordinary };
        let event = Event::Outcome { token, meter, judgement };
        let rule = |index: &Index| check(index, stamp, &event);
        self.inner.record(&mut writer, stamp, &event, room, rule)
    }

    /// Writes down that a recharge that was read back as not applied is in the meter after all: its
    /// frame arrived late.
    ///
    /// # Errors
    /// [`StoreError::NoOpenIntent`] if it was never sent, [`StoreError::TokenUsed`],
    /// [`StoreError::OpenIntent`], [`StoreError::Evidence`], and those of [`Store::append`].
    pub fn late_outcome(
        &self,
        stamp: &Stamp,
        token: TokenId,
        judgement: Judgement,
    ) -> Result<Position, StoreError> {
        let mut writer = self.inner.writer();
        let rule = |index: &Index| check_late(index, token, &judgement);
        let meter = self.inner.ask_locked(&mut writer, rule)?.facts.meter;
        let event = Event::Outcome { token, meter, judgement: judgement.clone() };
        self.inner.record(&mut writer, stamp, &event, Room::Ordinary, |_| Ok(()))
    }

    /// Stores a receipt whose signature was checked: it must acknowledge a prefix of this journal.
    fn receipt(&self, stamp: &Stamp, number: u64, acked: Position) -> Result<Position, StoreError> {
        let inner = &self.inner;
        let mut writer = inner.writer();
        let state = inner.state();
        let bad = |what| StoreError::ReceiptMismatch { number, what };
        if acked.epoch != inner.chain.life.epoch {
            return Err(bad("epoch"));
        }
        if acked.seq > state.head.seq {
            return Err(bad("beyond the head"));
        }
        if open::hash_at(&inner.index(), &inner.chain, state.head, acked.seq) != Some(acked.hash) {
            return Err(bad("hash"));
        }
        if state.acked.is_some_and(|(newest, at)| number <= newest || acked.seq < at.seq) {
            return Err(StoreError::ReceiptOld(number));
        }
        let event = Event::ReceiptStored { number, acked };
        let at = inner.record(&mut writer, stamp, &event, Room::Ordinary, |_| Ok(()))?;
        // A second witness outside the journal; the journal itself is already safe.
        let _ = snapshots::put_acked(&inner.files, number, &acked);
        Ok(at)
    }
}

/// What an entry may use of the room kept for outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing.
    Ordinary,
    /// Nothing, and keep room for one more outcome behind it.
    Intent,
    /// The room of one outcome.
    Outcome,
}

/// The body of an entry, if it is not too long.
pub(super) fn body(seq: u64, stamp: &Stamp, event: &Event) -> Result<Vec<u8>, StoreError> {
    let body = encode_body(seq, stamp, event);
    if body.len() > MAX_BODY {
        let (what, size) = ("entry", body.len());
        return Err(StoreError::TooBig { what, size, limit: MAX_BODY });
    }
    Ok(body)
}

impl Inner {
    /// Records an event if the rule lets it.
    pub(super) fn record(
        &self,
        writer: &mut Writer,
        stamp: &Stamp,
        event: &Event,
        room: Room,
        rule: impl Fn(&Index) -> Result<(), StoreError>,
    ) -> Result<Position, StoreError> {
        self.may_record()?;
        check_sizes(stamp, event)?;
        self.ask_locked(writer, rule)?;
        let body = body(writer.journal.head().seq + 1, stamp, event)?;
        let keep = self.kept_room(room);
        let appended = self.write(writer, &[body], keep, &[(stamp.clone(), event.clone())])?;
        Ok(appended.head)
    }

    /// Whether anything may be recorded at all.
    pub(super) fn may_record(&self) -> Result<(), StoreError> {
        match self.stopped() {
            Some(why @ (Why::Damaged(_) | Why::RolledBack { .. })) => {
                Err(StoreError::MoneyStopped(why))
            }
            _ => Ok(()),
        }
    }

    /// Bytes that must stay free behind an entry for the outcomes of open recharges.
    pub(super) fn kept_room(&self, room: Room) -> u64 {
        let open = self.state().open_intents();
        let outcomes = match room {
            Room::Ordinary => open,
            Room::Intent => open.saturating_add(1),
            Room::Outcome => open.saturating_sub(1),
        };
        // More open recharges than half a segment can settle is no working state any more.
        let most = self.options.segment_bytes / 2;
        outcomes.saturating_mul(OUTCOME_RESERVE).min(most)
    }

    /// Appends checked entries as one frame and brings the index up to them.
    pub(super) fn write(
        &self,
        writer: &mut Writer,
        bodies: &[Vec<u8>],
        keep: u64,
        entries: &[(Stamp, Event)],
    ) -> Result<Appended, StoreError> {
        let first = writer.journal.head().seq + 1;
        let written = writer.journal.append(bodies, keep);
        if let Err(StoreError::Failed(why)) = &written {
            self.stop(Why::WriteFailed(why.clone()));
        }
        let appended = written?;
        let Appended { head, offset, end, .. } = appended;
        self.reflect(writer, Written { first, head, offset, end }, entries);
        Ok(appended)
    }

    /// Brings the index up to entries that are on disk. A failing index never fails the entries.
    fn reflect(&self, writer: &mut Writer, written: Written, entries: &[(Stamp, Event)]) {
        let index = self.index();
        let done = project(&index, &self.state(), written, entries)
            .and_then(|(batch, state)| index.commit_with(batch, &state).map(|()| state));
        match done {
            Ok(state) => self.set_state(state),
            Err(_) => {
                drop(index);
                self.heal(writer);
            }
        }
    }

    fn set_state(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Stops money. A reason gives way only to a graver one.
    pub(super) fn stop(&self, why: Why) {
        let grave = |why: &Why| match why {
            Why::Damaged(_) | Why::RolledBack { .. } => 3,
            Why::WriteFailed(_) => 2,
            Why::NoIndex(_) | Why::SpaceShort { .. } => 1,
        };
        let mut stopped = self.stopped.write().unwrap_or_else(PoisonError::into_inner);
        if stopped.as_ref().is_none_or(|old| grave(old) < grave(&why)) {
            *stopped = Some(why);
        }
    }

    /// Asks the index with the writing lock held; if it fails it is built again and asked once
    /// more.
    pub(super) fn ask_locked<T>(
        &self,
        writer: &mut Writer,
        question: impl Fn(&Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match question(&self.index()) {
            Err(StoreError::Index(_)) => {
                self.heal(writer);
                question(&self.index())
            }
            answer => answer,
        }
    }

    /// Builds the index again from the journal and the snapshots.
    pub(super) fn heal(&self, writer: &mut Writer) {
        if matches!(self.stopped(), Some(Why::Damaged(_))) {
            // It cannot be built from a damaged journal; trying at every question would be slow.
            return;
        }
        let head = writer.journal.head();
        match rebuild::rebuild(&self.chain, &self.files, self.options.index, head.seq) {
            Ok((index, state, _, why)) => {
                *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
                self.set_state(state);
                if let Some(why) = why {
                    self.stop(why);
                }
            }
            Err(damage) => self.stop(Why::Damaged(damage)),
        }
    }

    /// Why money may not move, as far as can be said without reading everything.
    pub(super) fn money_allowed(&self) -> Result<(), Why> {
        if let Some(why) = self.stopped() {
            return Err(why);
        }
        // A disk that does not tell is taken to have room; the append finds out.
        let free = self.options.disk.free(&self.chain.dir).unwrap_or(u64::MAX);
        let needed = self.options.segment_bytes;
        if free < needed { Err(Why::SpaceShort { free, needed }) } else { Ok(()) }
    }

    /// Before money moves: nothing speaks against it, and once per process the whole journal and
    /// the rows that decide about money were checked.
    fn money_gate(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let refuse = |why| match why {
            Why::SpaceShort { .. } => StoreError::DiskFull,
            why => StoreError::MoneyStopped(why),
        };
        self.money_allowed().map_err(refuse)?;
        if writer.checked {
            return Ok(());
        }
        let sound = self.verify(writer);
        sound.map_err(|damage| StoreError::MoneyStopped(Why::Damaged(damage)))?;
        self.ask_locked(writer, |index| Ok(index.check_money_rows(&self.state())?))?;
        writer.checked = true;
        self.money_allowed().map_err(refuse)
    }

    /// Checks the journal up to its head.
    pub(super) fn verify(&self, writer: &Writer) -> Result<Verified, Damage> {
        if let Some(Why::Damaged(damage)) = self.stopped() {
            return Err(damage);
        }
        let head = writer.journal.head();
        let checked = rebuild::check_chain(&self.chain, head.seq).and_then(|found| {
            if found == head {
                return Ok(Verified { records: head.seq, head });
            }
            let file = self.chain.last().map_or_else(String::new, |s| s.name.clone());
            let what = "the last entry is not the one that was written".to_owned();
            Err(Damage { file, offset: 0, after_seq: found.seq.saturating_sub(1), what })
        });
        if let Err(damage) = &checked {
            self.stop(Why::Damaged(damage.clone()));
        }
        checked
    }

    /// Pages, manifest and index are written without holding up the journal; only the change of
    /// the state waits for its turn.
    pub(super) fn install_area(&self, version: u64, pages: &[AreaPage]) -> Result<(), StoreError> {
        let _one_list_at_a_time = self.area.lock().unwrap_or_else(PoisonError::into_inner);
        let list = area::write(&self.files, version, pages)?;
        let state = self.state();
        let in_force = state.area_version;
        if in_force == version {
            if state.meters != list.meters {
                // A page could not be read when the index was built; now it can.
                self.heal(&mut self.writer());
            }
            return Ok(());
        }
        let index = self.index();
        let prepared = rebuild::prepare_area(&index, in_force, &self.files);
        let mut writer = self.writer();
        let mut state = self.state();
        let done = prepared.and_then(|list| rebuild::enforce_area(&index, &mut state, list));
        // An index that was built again meanwhile has the new list already, or is built again now.
        if done.is_ok() && Arc::ptr_eq(&index, &self.index()) {
            self.set_state(state);
            drop(writer);
            // What is left of the old list is in nobody's way, and goes with the next one.
            let _ = area::sweep(&index, version);
        } else {
            drop(index);
            self.heal(&mut writer);
        }
        Ok(())
    }
}

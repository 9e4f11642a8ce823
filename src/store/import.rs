//! Taking tokens in: one, or many in one go.

use super::event::{Event, Stamp, TokenFacts};
use super::index::Index;
use super::rows::Imported;
use super::rules::{check, check_sizes};
use super::schema::MAX_GROUP;
use super::segment::{FRAME, RECORD};
use super::write::{Room, body};
use super::{Store, StoreError, Writer};
use crate::units::TokenId;

impl Store {
    /// Takes a verified token in, or finds that it is there already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], and those of [`Store::append`].
    pub fn import(
        &self,
        stamp: &Stamp,
        token: TokenFacts,
        bytes: Vec<u8>,
    ) -> Result<Imported, StoreError> {
        match self.append(stamp, Event::TokenImported { token, bytes }) {
            Ok(at) => Ok(Imported::New(at)),
            Err(StoreError::Known(id)) => Ok(Imported::Known(id)),
            Err(e) => Err(e),
        }
    }

    /// Takes verified tokens in, in their order, forcing the disk once for up to
    /// [`MAX_GROUP`] of them: each group is there whole after a power cut, or not at all. What is
    /// wrong with one does not keep the others out; a disk that fails or is full does. One answer
    /// for each.
    pub fn import_all(
        &self,
        stamp: &Stamp,
        tokens: Vec<(TokenFacts, Vec<u8>)>,
    ) -> Vec<Result<Imported, StoreError>> {
        let mut writer = self.inner.writer();
        let mut group = Group::new(self, &writer);
        let mut out = Vec::with_capacity(tokens.len());
        let mut failed = Ok(());
        for (token, bytes) in tokens {
            let event = Event::TokenImported { token, bytes };
            let answer =
                failed.clone().and_then(|()| self.takes(&mut writer, stamp, &event, &group));
            if answer == Err(StoreError::Known(token.id)) {
                group.repeats.push(out.len());
                out.push(Ok(Imported::Known(token.id)));
                continue;
            }
            let mut next = answer.and_then(|()| body(group.next(), stamp, &event));
            if matches!(&next, Ok(bytes) if !group.fits(bytes)) {
                failed = group.write(self, &mut writer, &mut out);
                group = Group::new(self, &writer);
                next = failed.clone().and_then(|()| body(group.next(), stamp, &event));
            }
            match next {
                Ok(bytes) => {
                    group.push(out.len(), bytes, stamp.clone(), event);
                    // The true answer comes when its group is written.
                    out.push(Ok(Imported::Known(token.id)));
                }
                Err(e) => out.push(Err(e)),
            }
        }
        // What failed here is in the answers.
        let _ = group.write(self, &mut writer, &mut out);
        out
    }

    /// Whether a token may be taken in, after what the journal and the group hold.
    fn takes(
        &self,
        writer: &mut Writer,
        stamp: &Stamp,
        event: &Event,
        group: &Group,
    ) -> Result<(), StoreError> {
        self.inner.may_record()?;
        check_sizes(stamp, event)?;
        if let Some(id) = event.token()
            && let Some(before) = group.event(id)
        {
            let known = StoreError::Known(id);
            return Err(if before == event { known } else { StoreError::Conflict(id) });
        }
        self.inner.ask_locked(writer, |index: &Index| check(index, stamp, event))
    }
}

/// Entries that will be written as one frame.
struct Group {
    first: u64,
    /// Bytes the frame may still take.
    room: u64,
    keep: u64,
    bodies: Vec<Vec<u8>>,
    entries: Vec<(Stamp, Event)>,
    /// Where the answer of each goes.
    places: Vec<usize>,
    /// Where the answers are for tokens that were there already, some of them only in this group.
    repeats: Vec<usize>,
}

impl Group {
    fn new(store: &Store, writer: &Writer) -> Self {
        let keep = store.inner.kept_room(Room::Ordinary);
        Self {
            first: writer.journal.head().seq + 1,
            room: writer.journal.frame_room(keep).saturating_sub(FRAME),
            keep,
            bodies: Vec::new(),
            entries: Vec::new(),
            places: Vec::new(),
            repeats: Vec::new(),
        }
    }

    /// The number of the next entry.
    fn next(&self) -> u64 {
        self.first + self.bodies.len() as u64
    }

    /// An entry of it about a token.
    fn event(&self, id: TokenId) -> Option<&Event> {
        self.entries.iter().map(|(_, event)| event).find(|event| event.token() == Some(id))
    }

    /// Whether one more entry fits; the first always does, or the journal says that it is too big.
    fn fits(&self, body: &[u8]) -> bool {
        let size = body.len() as u64 + RECORD;
        self.bodies.is_empty() || (self.bodies.len() < MAX_GROUP && size <= self.room)
    }

    fn push(&mut self, place: usize, body: Vec<u8>, stamp: Stamp, event: Event) {
        self.room = self.room.saturating_sub(body.len() as u64 + RECORD);
        self.bodies.push(body);
        self.entries.push((stamp, event));
        self.places.push(place);
    }

    /// Writes it and fills in the answers.
    fn write(
        self,
        store: &Store,
        writer: &mut Writer,
        out: &mut [Result<Imported, StoreError>],
    ) -> Result<(), StoreError> {
        if self.bodies.is_empty() {
            return Ok(());
        }
        let written = store.inner.write(writer, &self.bodies, self.keep, &self.entries);
        let taken = |nth: usize| match &written {
            Ok(done) => Ok(Imported::New(done.at.get(nth).copied().unwrap_or(done.head))),
            Err(e) => Err(e.clone()),
        };
        for (nth, place) in self.places.iter().enumerate() {
            out[*place] = taken(nth);
        }
        if let Err(e) = &written {
            self.repeats.iter().for_each(|place| out[*place] = Err(e.clone()));
        }
        written.map(drop)
    }
}

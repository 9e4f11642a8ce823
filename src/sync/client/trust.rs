//! What the office says about trust: the status, grants, overrides, revocations. Verified, never
//! older than before, and on disk before anything is done because of it.

use super::keys::lie;
use super::{Run, position};
use crate::store::event::DocKind;
use crate::store::{self, Event, StoreError};
use crate::sync::error::SyncError;
use crate::sync::plan::{self, Misfit};
use crate::sync::wire::{Position, Pulled, Refusal};
use crate::units::{MeterNo, OperatorId, TokenId, UnixSeconds};
use meterkit_tokens::{Grant, Override, Status, TokenError};

/// How far a status' version may be ahead of the time it was signed at. The office makes versions
/// from its clock, in milliseconds.
const VERSION_AHEAD_S: i64 = 86_400;
/// How far the clocks of one office may be apart.
const OFFICE_SKEW_S: i64 = 60;

/// Which document is left out, as far as it says, and why.
type LeftOut = (Option<TokenId>, &'static str);

impl Run<'_> {
    /// Takes in a status document that came with an answer of this time.
    pub(super) fn take_status(
        &mut self,
        document: &[u8],
        office: UnixSeconds,
    ) -> Result<(), SyncError> {
        let identity = self.store().identity();
        let (tenant, device) = (&identity.tenant, identity.device.as_str());
        let status = Status::verify(document, tenant, device, &self.keys)
            .and_then(|status| check_version(&status).map(|()| status))
            .and_then(|status| status.check_now(at(&status, office)).map(|()| status))
            .map_err(|why| lie(DocKind::Status, why))?;
        let held = self.held()?;
        let older =
            |have, offered| (offered < have).then_some(TokenError::Version { have, offered });
        let back = older(held.chain.root.version, status.root)
            .or_else(|| older(held.keyset.version, status.keyset));
        if let Some(why) = back {
            return Err(lie(DocKind::Status, why));
        }
        self.check_acked(&status)?;
        // What must not be used any more first: a cut between the two leaves too little, not too
        // much.
        let ids: Vec<TokenId> = status.revoked.iter().copied().map(TokenId).collect();
        match self.store().revoke(&(self.session.stamp)(), status.version, &ids) {
            Ok(0) => {}
            Ok(new) => {
                self.report.revoked = self.report.revoked.saturating_add(count(new));
                self.grown = true;
            }
            Err(error) => self.report.not_recorded = Some(error),
        }
        self.keep(DocKind::Status, status.version, document)?;
        self.report.status = Some(status.version);
        self.named = Some((status.root, status.keyset));
        Ok(())
    }

    /// What the status says the office holds of our journal must be our journal.
    fn check_acked(&self, status: &Status) -> Result<(), SyncError> {
        let head = position(self.store().summary().head);
        let (epoch, seq, hash) = (status.epoch, status.acked_seq, status.acked_hash);
        let before = self.store().summary().acked.map(|acked| acked.seq);
        self.check_position(&head, before, &Position { epoch, seq, hash })
    }

    /// Compares a position the office names with our journal. One beyond our head is believed, as
    /// far as it speaks against us: this journal may be an old copy, and money stops for good.
    pub(super) fn check_position(
        &self,
        head: &Position,
        before: Option<u64>,
        acked: &Position,
    ) -> Result<(), SyncError> {
        let checked = plan::check(head, before, acked, |seq| self.hash_at(seq));
        if let Err(Misfit::Beyond { .. }) = checked {
            self.rolled_back(head, acked);
        }
        Ok(checked?)
    }

    /// The office refuses; that our journal is an old copy is remembered.
    pub(super) fn refused(&self, refusal: Refusal) -> SyncError {
        if refusal == Refusal::RolledBack {
            let head = position(self.store().summary().head);
            // It does not say how much it has: more than we.
            let seq = head.seq.saturating_add(1);
            self.rolled_back(&head, &Position { seq, hash: [0; 32], ..head });
        }
        SyncError::Refused(refusal)
    }

    fn rolled_back(&self, head: &Position, known: &Position) {
        let known = store::Position { epoch: known.epoch, seq: known.seq, hash: known.hash };
        // If the note cannot be written, money is stopped for this process all the same, and the
        // next exchange notes it again.
        if let Err(error) = self.store().rolled_back(head.seq, known) {
            tracing::error!(%error, "a journal that was rolled back could not be noted");
        }
    }

    /// Takes in what a PULL brings for people. What does not hold is named and left out.
    pub(super) fn take_people(&mut self, pulled: &Pulled) -> Result<(), SyncError> {
        for document in &pulled.grants {
            self.take_grant(document)?;
        }
        for document in &pulled.overrides {
            self.take_override(document)?;
        }
        Ok(())
    }

    fn take_grant(&mut self, document: &[u8]) -> Result<(), SyncError> {
        let (id, event) = match self.read_grant(document) {
            Ok(read) => read,
            Err(why) => {
                self.left_out(why.0, why.1);
                return Ok(());
            }
        };
        let known = self.store().grants().into_iter().any(|(_, row)| row.id == id);
        if !known && self.took(id, event)? {
            self.report.grants += 1;
        }
        Ok(())
    }

    fn read_grant(&self, document: &[u8]) -> Result<(TokenId, Event), LeftOut> {
        let identity = self.store().identity();
        let grant = Grant::verify(document, &identity.tenant, &self.keys)
            .map_err(|error| (None, error.code()))?;
        let id = TokenId(grant.id);
        if grant.device != identity.device.as_str() {
            return Err((Some(id), "device"));
        }
        let event = grant_taken(&grant, document).ok_or((Some(id), "operator"))?;
        Ok((id, event))
    }

    fn take_override(&mut self, document: &[u8]) -> Result<(), SyncError> {
        let (over, operator, meter) = match self.read_override(document) {
            Ok(read) => read,
            Err(why) => {
                self.left_out(why.0, why.1);
                return Ok(());
            }
        };
        let id = TokenId(over.id);
        let known = self.store().overrides(&operator, meter).into_iter().any(|row| row.id == id);
        let (expires, bytes) = (UnixSeconds(over.expires), document.to_vec());
        let event = Event::OverrideTaken { id, operator, meter, expires, bytes };
        if !known && self.took(id, event)? {
            self.report.overrides += 1;
        }
        Ok(())
    }

    fn read_override(&self, document: &[u8]) -> Result<(Override, OperatorId, MeterNo), LeftOut> {
        let identity = self.store().identity();
        let over = Override::verify(document, &identity.tenant, &self.keys)
            .map_err(|error| (None, error.code()))?;
        let id = Some(TokenId(over.id));
        if over.device != identity.device.as_str() {
            return Err((id, "device"));
        }
        let operator = over.operator.parse().map_err(|_| (id, "operator"))?;
        let meter = MeterNo::from_bcd(over.meter).ok_or((id, "meter"))?;
        Ok((over, operator, meter))
    }

    /// Records a grant or an override; `false` when the store has a reason not to.
    fn took(&mut self, id: TokenId, event: Event) -> Result<bool, SyncError> {
        match self.store().append(&(self.session.stamp)(), event) {
            Ok(_) => {
                self.grown = true;
                Ok(true)
            }
            Err(StoreError::Known(_)) => Ok(false),
            Err(error @ (StoreError::OlderGrant(_) | StoreError::Conflict(_))) => {
                self.left_out(Some(id), error.code());
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn left_out(&mut self, id: Option<TokenId>, why: &str) {
        self.report.refused.push((id, why.to_owned()));
    }

    /// After everything was pulled: keys the status names and nobody brought. Somebody holds them
    /// back, and with them what they revoke.
    pub(super) fn note_withheld(&mut self) -> Result<(), SyncError> {
        let held = self.held()?;
        let (root, keyset) = self.named.unwrap_or((0, 0));
        let missing = [
            (DocKind::Root, root > held.chain.root.version),
            (DocKind::Keyset, keyset > held.keyset.version),
        ];
        self.report.withheld = missing.into_iter().filter(|row| row.1).map(|row| row.0).collect();
        Ok(())
    }
}

/// The journal entry for a verified grant; `None` for an operator's name this version cannot use.
pub(in crate::sync) fn grant_taken(grant: &Grant, document: &[u8]) -> Option<Event> {
    Some(Event::GrantTaken {
        id: TokenId(grant.id),
        operator: grant.operator.parse().ok()?,
        issued: UnixSeconds(grant.issued),
        expires: UnixSeconds(grant.expires),
        bytes: document.to_vec(),
    })
}

/// Whoever stole a status key could give out one status with the highest version there is, and no
/// honest one would ever be newer. With versions tied to the time of signing, and that to the
/// key's own time, the harm ends with the key.
fn check_version(status: &Status) -> Result<(), TokenError> {
    let latest = status.issued.saturating_add(VERSION_AHEAD_S).saturating_mul(1000);
    match i64::try_from(status.version) {
        Ok(version) if version <= latest => Ok(()),
        _ => Err(TokenError::Claim("version")),
    }
}

/// The office's time to judge a status by. An answer and the status in it are not made in the same
/// moment, nor always on the same machine.
fn at(status: &Status, office: UnixSeconds) -> i64 {
    office.0.max(status.issued.min(office.0.saturating_add(OFFICE_SKEW_S)))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

//! PULL: taking in what the office has for this handheld.
//!
//! Every token is checked strictly before it is imported, every area page against the hash
//! announced for it, keys from the pinned root on. Tokens that do not hold are reported and left
//! out; they do not stop the others.

use super::{Progress, Run};
use crate::store::{Event, Imported, StoreError, TokenFacts, TokenState, Withdrawal};
use crate::sync::error::{Lie, SyncError};
use crate::sync::wire::{Area, Ask, Pull, Pulled, Refusal, Reply, Settled, Withdrawn, digest};
use crate::units::TokenId;
use meterkit_tokens::RechargeToken;

/// Most PULLs in one exchange: at 100 tokens each, ten times the largest cache planned for.
const MAX_PULLS: u32 = 1000;
/// How often the area may change under our hands before we leave it for the next exchange.
const MAX_AREA_TRIES: u32 = 3;

impl Run<'_> {
    /// Pulls until the office has nothing more.
    pub(super) fn pull(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), SyncError> {
        let mut after = None;
        let mut area_tries = 0;
        for _ in 0..MAX_PULLS {
            let area = self.store().summary().area_version;
            let held = self.held()?;
            let (keyset, root) = (held.keyset.version, held.chain.root.version);
            let pull = Pull { area, keyset, root, after };
            let pulled = match self.ask(Ask::Pull(pull))?.reply {
                Reply::Pulled(pulled) => pulled,
                other => return Err(self.unexpected(other)),
            };
            self.report.still_out.clone_from(&pulled.still_out);
            let roots_wait = self.take_keys(&pulled)?;
            self.take_people(&pulled)?;
            let last = self.take_tokens(&pulled)?;
            progress(Progress::Tokens(self.report.tokens));
            self.take_decisions(&pulled.withdrawn, &pulled.settled)?;
            let mut again = pulled.more || roots_wait;
            if let Some(area) = pulled.area.filter(|_| area_tries < MAX_AREA_TRIES) {
                area_tries += 1;
                again |= !self.take_area(&area, progress)?;
            }
            if !again {
                return self.note_withheld();
            }
            // "More", but nothing that would bring us further: never ask in circles.
            if pulled.more && (last.is_none() || last == after) {
                return Err(Lie::Kind.into());
            }
            after = last.or(after);
        }
        Err(Lie::Kind.into())
    }

    /// Imports tokens, all of an answer together; gives the id of the last one that could be read.
    pub(super) fn take_tokens(&mut self, pulled: &Pulled) -> Result<Option<TokenId>, SyncError> {
        let (mut last, mut good) = (None, Vec::with_capacity(pulled.tokens.len()));
        for document in &pulled.tokens {
            let identity = self.store().identity();
            let token = match RechargeToken::verify(document, &identity.tenant, &self.keys) {
                Ok(token) => token,
                Err(error) => {
                    self.left_out(None, error.code());
                    continue;
                }
            };
            let id = TokenId(token.id);
            last = Some(id);
            if token.device != identity.device.as_str() {
                self.left_out(Some(id), "device");
                continue;
            }
            match TokenFacts::of(&token) {
                Some(facts) => good.push((facts, document.clone())),
                None => self.left_out(Some(id), "kind"),
            }
        }
        let ids: Vec<TokenId> = good.iter().map(|(facts, _)| facts.id).collect();
        let done = self.store().import_all(&(self.session.stamp)(), good);
        for (id, done) in ids.into_iter().zip(done) {
            match done {
                Ok(Imported::New(_)) => {
                    self.report.tokens += 1;
                    self.grown = true;
                }
                Ok(Imported::Known(_)) | Err(StoreError::Known(_)) => self.report.known += 1,
                Err(error @ StoreError::Conflict(_)) => self.left_out(Some(id), error.code()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(last)
    }

    /// Records what the office decided about tokens we hold. The office repeats a decision until
    /// our journal shows it, so each is looked up before it is recorded.
    pub(super) fn take_decisions(
        &mut self,
        withdrawn: &[Withdrawn],
        settled: &[Settled],
    ) -> Result<(), SyncError> {
        for one in withdrawn {
            let Some(row) = self.store().token(one.token).filter(|row| !row.withdrawn) else {
                continue;
            };
            if !row.state.usable() && row.state != TokenState::Intent {
                continue;
            }
            let reason = if one.voided { Withdrawal::Voided } else { Withdrawal::Superseded };
            let receipt = self.receipt;
            self.record(Event::TokenWithdrawn { id: one.token, reason, receipt })?;
            self.report.withdrawn += 1;
        }
        for one in settled {
            let open = self.store().open_intent(one.meter);
            let row = self.store().token(one.token);
            if open.is_some_and(|open| open.facts.token == one.token) {
                let Settled { token, meter, booked, number } = *one;
                self.record(Event::Resolved { token, meter, by: number, booked })?;
                self.report.settled += 1;
            } else if row.is_some_and(|row| row.state.usable() && !row.withdrawn) {
                let (id, receipt) = (one.token, one.number);
                let reason = Withdrawal::Settled;
                self.record(Event::TokenWithdrawn { id, reason, receipt })?;
                self.report.withdrawn += 1;
            }
        }
        Ok(())
    }

    fn record(&mut self, event: Event) -> Result<(), SyncError> {
        self.store().append(&(self.session.stamp)(), event)?;
        self.grown = true;
        Ok(())
    }

    /// Fetches every page of an area and installs it whole; `false` when it changed meanwhile.
    fn take_area(
        &mut self,
        area: &Area,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<bool, SyncError> {
        let mut pages = Vec::with_capacity(area.pages.len());
        for (at, hash) in area.pages.iter().enumerate() {
            progress(Progress::Area(at, area.pages.len()));
            let page = u32::try_from(at).map_err(|_| Lie::Page(at))?;
            let signed = match self.ask(Ask::Page { version: area.version, page })?.reply {
                Reply::Page(document) => document,
                Reply::Refused(Refusal::Stale) => return Ok(false),
                other => return Err(self.unexpected(other)),
            };
            if digest(&signed) != *hash {
                return Err(Lie::Page(at).into());
            }
            pages.push(self.read_page(signed)?);
        }
        let meters: usize = pages.iter().map(|page| page.meters.len()).sum();
        self.store().install_area(area.version, &pages)?;
        self.report.meters = Some(meters as u64);
        Ok(true)
    }
}

//! PULL: taking in what the office has for this handheld.
//!
//! Every token is checked strictly before it is imported, every area page against the hash
//! announced for it, keys from the pinned root on. Tokens that do not hold are reported and left
//! out; they do not stop the others.

use super::{Progress, Run};
use crate::store::{Event, Imported, StoreError, SwapFacts, TokenFacts, TokenState, Withdrawal};
use crate::sync::error::{Lie, SyncError};
use crate::sync::wire::{Area, Ask, Pull, Pulled, Refusal, Reply, Settled, Withdrawn, digest};
use crate::units::TokenId;
use meterkit_tokens::{DocType, RechargeToken, SwapToken, document_type};
use std::collections::HashMap;

/// Most PULLs in one exchange: at 100 tokens each, ten times the largest cache planned for.
const MAX_PULLS: u32 = 1000;
/// How often the area may change under our hands before we leave it for the next exchange.
const MAX_AREA_TRIES: u32 = 3;

/// How the names of kept pages begin.
const PAGE: &str = "page-";

/// What a page is kept under: as much of its hash as fits; the whole one is checked.
fn page_name(hash: &[u8; 32]) -> String {
    let digits: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{PAGE}{digits}")
}

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
            if !self.light {
                self.take_bundles(&pulled.bundles, &mut |run, wanted| run.fetch(wanted))?;
                self.take_rounds(&pulled.rounds, &mut |run, wanted| run.fetch(wanted))?;
                self.drop_part();
            }
            let mut again = pulled.more || roots_wait;
            let wanted = !self.light && area_tries < MAX_AREA_TRIES;
            if let Some(area) = pulled.area.filter(|_| wanted) {
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

    /// Imports tokens, all of an answer together, and the leaves for swaps among them; gives the id
    /// of the last one that could be read.
    pub(super) fn take_tokens(&mut self, pulled: &Pulled) -> Result<Option<TokenId>, SyncError> {
        let (mut last, mut good) = (None, Vec::with_capacity(pulled.tokens.len()));
        for document in &pulled.tokens {
            if document_type(document) == Ok(DocType::Swap) {
                last = self.take_swap(document)?.or(last);
                continue;
            }
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
            self.imported(id, done)?;
        }
        Ok(last)
    }

    /// Imports the leave for a swap; gives its id if it could be read.
    fn take_swap(&mut self, document: &[u8]) -> Result<Option<TokenId>, SyncError> {
        let identity = self.store().identity();
        let leave = match SwapToken::verify(document, &identity.tenant, &self.keys) {
            Ok(leave) => leave,
            Err(error) => {
                self.left_out(None, error.code());
                return Ok(None);
            }
        };
        let id = TokenId(leave.id);
        if leave.device != identity.device.as_str() {
            self.left_out(Some(id), "device");
            return Ok(Some(id));
        }
        let Some(swap) = SwapFacts::of(&leave) else {
            self.left_out(Some(id), "kind");
            return Ok(Some(id));
        };
        let event = Event::SwapTaken { swap, bytes: document.to_vec() };
        let done = self.store().append(&(self.session.stamp)(), event);
        self.imported(id, done.map(Imported::New))?;
        Ok(Some(id))
    }

    /// Counts what was taken in; what contradicts the journal is left out, and a store that fails
    /// ends the exchange.
    fn imported(
        &mut self,
        id: TokenId,
        done: Result<Imported, StoreError>,
    ) -> Result<(), SyncError> {
        match done {
            Ok(Imported::New(_)) => {
                self.report.tokens += 1;
                self.grown = true;
            }
            Ok(Imported::Known(_)) | Err(StoreError::Known(_)) => self.report.known += 1,
            Err(error @ StoreError::Conflict(_)) => self.left_out(Some(id), error.code()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Records what the office decided about tokens we hold. The office repeats a decision until
    /// our journal shows it, so each is looked up before it is recorded.
    pub(super) fn take_decisions(
        &mut self,
        withdrawn: &[Withdrawn],
        settled: &[Settled],
    ) -> Result<(), SyncError> {
        for one in withdrawn {
            if let Some(swap) = self.store().swap(one.token) {
                if !swap.withdrawn {
                    self.withdraw(one)?;
                }
                continue;
            }
            let Some(row) = self.store().token(one.token) else { continue };
            // A status may have revoked it before: why it did stands only here.
            if one.recharged.is_some() && row.recharged.is_none() {
                self.withdraw(one)?;
                continue;
            }
            if row.withdrawn {
                continue;
            }
            if !row.state.usable() && row.state != TokenState::Intent {
                continue;
            }
            self.withdraw(one)?;
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

    /// Records that the office took something back.
    fn withdraw(&mut self, one: &Withdrawn) -> Result<(), SyncError> {
        let reason = match (one.recharged, one.voided) {
            (Some(at), _) => Withdrawal::Recharged(at),
            (None, true) => Withdrawal::Voided,
            (None, false) => Withdrawal::Superseded,
        };
        let receipt = self.receipt;
        self.record(Event::TokenWithdrawn { id: one.token, reason, receipt })?;
        self.report.withdrawn += 1;
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
        let mut held = self.held_pages();
        for (at, hash) in area.pages.iter().enumerate() {
            progress(Progress::Area(at, area.pages.len()));
            if let Some(signed) = held.remove(hash).or_else(|| self.kept_page(hash)) {
                // It was ours before: only a key that ended since could speak against it.
                if let Ok(page) = self.read_page(signed) {
                    pages.push(page);
                    continue;
                }
            }
            let page = u32::try_from(at).map_err(|_| Lie::Page(at))?;
            let signed = match self.ask(Ask::Page { version: area.version, page })?.reply {
                Reply::Page(document) => document,
                Reply::Refused(Refusal::Stale) => return Ok(false),
                other => return Err(self.unexpected(other)),
            };
            if digest(&signed) != *hash {
                return Err(Lie::Page(at).into());
            }
            self.report.pages += 1;
            let page = self.read_page(signed)?;
            self.keep_page(hash, &page.signed)?;
            pages.push(page);
        }
        let meters: usize = pages.iter().map(|page| page.meters.len()).sum();
        self.store().install_area(area.version, &pages)?;
        self.report.meters = Some(meters as u64);
        // Those of lists that were never fetched whole, too: nobody asks for them any more.
        self.store().drop_snapshots(PAGE);
        Ok(true)
    }

    /// The pages of the list in force, by their hashes: what did not change is not asked for.
    fn held_pages(&self) -> HashMap<[u8; 32], Vec<u8>> {
        let pages = (0..).map_while(|number| self.store().area_page(number));
        pages.map(|page| (digest(&page.signed), page.signed)).collect()
    }

    /// A page of a list that was not fetched whole before the line broke.
    fn kept_page(&self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        self.store().snapshot(&page_name(hash)).filter(|signed| digest(signed) == *hash)
    }

    /// Keeps a page until its list is whole.
    fn keep_page(&self, hash: &[u8; 32], signed: &[u8]) -> Result<(), SyncError> {
        Ok(self.store().put_snapshot(&page_name(hash), signed)?)
    }
}

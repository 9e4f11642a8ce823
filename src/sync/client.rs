//! The handheld's side of one exchange: blocking, cancelled between requests, resumable anywhere.
//!
//! The journal is one chain and packs are contiguous, so entries about money leave in the order in
//! which they happened, before everything that came after them; nothing needs a priority. Only
//! what is signed by a key of the office's keyset, answers this very request and fits our own
//! journal is believed; the first thing that does not ends the exchange, and nothing of it is kept.

mod budget;
mod bundles;
mod keys;
mod media;
mod report;
mod rounds;
mod take;
mod trust;

use super::checkpoint;
use super::error::{Lie, SyncError};
use super::plan::{self, Limits, Misfit, PACK_BYTES};
use super::post::{Http, Post, Timeouts, Trust};
use super::wire::{self, Answer, Ask, Hello, Need, Pack, Position, Receipt, Reply, Request};
use crate::store::event::DocKind;
use crate::store::{self, Event, RawRecord, Stamp, Store, StoreError};
use crate::units::UnixSeconds;
use budget::Budget;
use keys::Held;
use meterkit_tokens::{DeviceKey, DocType, Keyring, Status, TokenError, verify};
use std::cmp::max;
use std::sync::atomic::{AtomicBool, Ordering};

pub use keys::{authority, roots};
pub use media::{Letter, take_receipt};
pub use report::{Progress, SyncReport};
pub(in crate::sync) use trust::grant_taken;

/// How often one exchange may be told to start elsewhere before that is called a lie.
const MAX_REPLANS: u32 = 4;

/// Everything one exchange needs.
pub struct Session<'a> {
    /// The handheld's store.
    pub store: &'a Store,
    /// Its key.
    pub key: &'a DeviceKey,
    /// The way to the office.
    pub post: &'a dyn Post,
    /// Time and operator of what is recorded.
    pub stamp: &'a dyn Fn() -> Stamp,
    /// Set from elsewhere to stop; looked at before every request.
    pub cancel: &'a AtomicBool,
}

/// One exchange over HTTP with usual timeouts, and as [`Session::run_within`] where a budget of
/// bytes is given; `spent` as [`Session::run_counted`] gives it. `floor` is the handheld's trusted
/// time: server certificates are judged by the later of it and the stamp's.
///
/// # Errors
/// See [`SyncError`]. What was acknowledged before the error stays so; trying again is safe.
pub fn sync_now(
    store: &Store,
    key: &DeviceKey,
    floor: UnixSeconds,
    stamp: &dyn Fn() -> Stamp,
    (cancel, budget, spent): (&AtomicBool, Option<u64>, &mut u64),
    progress: &mut dyn FnMut(Progress),
) -> Result<SyncReport, SyncError> {
    let trust = trust(store, max(stamp().at, floor));
    let post = Http::new(&store.identity().office_url, &trust, Timeouts::default())?;
    let session = Session { store, key, post: &post, stamp, cancel };
    session.run_counted((budget, spent), progress)
}

/// What the office's server must show now: the authority of the enrolment, and the keys the newest
/// status pins, or the enrolment if no status has any.
pub fn trust(store: &Store, now: UnixSeconds) -> Trust {
    let identity = store.identity();
    let newest = authority(store).ok().zip(store.document(DocKind::Status).ok().flatten());
    let newest = newest.and_then(|(authority, (_, bytes))| {
        let (tenant, device) = (&identity.tenant, identity.device.as_str());
        Status::verify(&bytes, tenant, device, &authority.keyring()).ok()
    });
    let pins = newest.map(|status| status.pins).filter(|pins| !pins.is_empty());
    Trust { ca: identity.ca.clone(), pins: pins.unwrap_or_else(|| identity.pins.clone()), now }
}

/// The state of one running exchange.
struct Run<'a> {
    session: &'a Session<'a>,
    keys: Keyring,
    /// Where the keys come from; `None` while what the store holds does not fit together.
    held: Option<Held>,
    /// Root and keyset version by the newest status of this exchange.
    named: Option<(u64, u64)>,
    report: SyncReport,
    /// Number of the newest receipt stored or seen.
    receipt: u64,
    /// Whether something other than bookkeeping was recorded since the packs were sent.
    grown: bool,
    /// What may be sent and received.
    budget: Budget,
    /// Whether area and bundles wait for another PULL.
    light: bool,
}

impl<'a> Run<'a> {
    fn store(&self) -> &'a Store {
        self.session.store
    }
}

impl Session<'_> {
    /// Runs the exchange.
    ///
    /// # Errors
    /// See [`SyncError`]. What was acknowledged before the error stays so; trying again is safe.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<SyncReport, SyncError> {
        self.run_counted((None, &mut 0), progress)
    }

    /// The same over a link on which at most `bytes` may go up and down; at least what HELLO and
    /// BYE need. Money and swaps go first, up and down, then other entries, then lists and bundles.
    /// When it is spent the exchange ends ([`SyncReport::cut_short`]); one answer may go beyond it.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_within(
        &self,
        bytes: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport, SyncError> {
        self.run_counted((Some(bytes), &mut 0), progress)
    }

    /// The same with or without a budget. `spent` is what went up and down, also when the exchange
    /// broke: the request that was not answered is counted, its answer is not, since nobody knows
    /// how much of it came. Nothing is, where nobody was reached at all.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_counted(
        &self,
        (budget, spent): (Option<u64>, &mut u64),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport, SyncError> {
        let mut run = self.begin();
        run.budget = Budget::of(budget.map(|bytes| bytes.max(budget::LEAST)));
        let mut ended = run.exchange(progress);
        if matches!(ended, Err(SyncError::Budget)) {
            run.report.cut_short = true;
            ended = run.bye(progress);
        }
        let reached = run.budget.answered() || !matches!(ended, Err(SyncError::Unreachable(_)));
        *spent = if reached { run.budget.spent() } else { 0 };
        ended?;
        run.report.bytes = *spent;
        Ok(run.report)
    }

    fn begin(&self) -> Run<'_> {
        let held = Held::of(self.store).ok();
        Run {
            session: self,
            keys: held.as_ref().map_or_else(Keyring::default, |held| held.keyset.keyring()),
            held,
            named: None,
            report: SyncReport::default(),
            receipt: self.store.summary().receipt.unwrap_or(0),
            grown: false,
            budget: Budget::default(),
            light: false,
        }
    }

    fn check_cancel(&self) -> Result<(), SyncError> {
        if self.cancel.load(Ordering::Relaxed) { Err(SyncError::Cancelled) } else { Ok(()) }
    }
}

impl Run<'_> {
    fn exchange(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), SyncError> {
        progress(Progress::Hello);
        let need = self.first_hello()?;
        let from = need.acked.seq + 1;
        let from = if self.budget.is_set() { self.money_first(from, progress)? } else { from };
        let from = self.send(from, None, progress)?;
        self.pull(progress)?;
        if self.grown {
            self.send(from, None, progress)?;
        }
        self.bye(progress)
    }

    /// On a link with a budget: entries up to the last one about money, then tokens and decisions
    /// from the office. Gives the next entry to send.
    fn money_first(
        &mut self,
        from: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, SyncError> {
        let from = match budget::last_money(self.store(), from) {
            Some(last) => self.send(from, Some(last), progress)?,
            None => from,
        };
        // What is left is little: one PULL for everything, behind it.
        if self.store().summary().head.seq < from + budget::BOOKKEEPING {
            return Ok(from);
        }
        self.light = true;
        let pulled = self.pull(progress);
        self.light = false;
        match pulled {
            // What cannot come down now may still leave room for what goes up.
            Err(SyncError::Budget) => Ok(from),
            done => done.map(|()| from),
        }
    }

    fn bye(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), SyncError> {
        let answer = self.ask(Ask::Bye { receipt: self.receipt })?;
        match answer.reply {
            Reply::Bye { status: Some(document) } => self.take_status(&document, answer.at)?,
            Reply::Bye { status: None } => {}
            other => return Err(self.unexpected(other)),
        }
        progress(Progress::Bye);
        Ok(())
    }

    /// HELLO; and if nothing here can check the answer because the office's keys changed while we
    /// were away, or ours are lost, once more with the new ones.
    fn first_hello(&mut self) -> Result<Need, SyncError> {
        if self.held.is_none() {
            self.renew_keys()?;
        }
        let error = match self.hello() {
            Err(error) if is_of_unknown_key(&error) => error,
            done => return done,
        };
        let have = self.held()?.keyset.version;
        match self.renew_keys() {
            Ok(()) if self.held()?.keyset.version > have => self.hello(),
            // No newer keys: it was a lie, or the office has nothing better.
            _ => Err(error),
        }
    }

    /// HELLO: learns what the office has, takes its time, and the receipts we missed.
    fn hello(&mut self) -> Result<Need, SyncError> {
        let head = position(self.store().summary().head);
        let checkpoint = checkpoint::waiting(self.store(), self.session.key);
        let hello = Hello { head, receipt: self.receipt, checkpoint };
        let answer = self.ask(Ask::Hello(hello))?;
        let need = match answer.reply {
            Reply::Need(need) => need,
            other => return Err(self.unexpected(other)),
        };
        let before = self.store().summary().acked.map(|acked| acked.seq);
        match self.check_position(&head, before, &need.acked) {
            Err(SyncError::Lies(Lie::Misfit(misfit))) => {
                return Err(self.show_ours(before.unwrap_or(0), head.seq, misfit));
            }
            checked => checked?,
        }
        for document in &need.receipts {
            let receipt = self.read_receipt(document)?;
            self.keep_receipt(&receipt);
        }
        if let Some(document) = &need.status {
            self.take_status(document, answer.at)?;
        }
        self.report.clock_s = answer.at.0.saturating_sub((self.session.stamp)().at.0);
        self.note(Event::TimeAnchor { server: answer.at });
        Ok(need)
    }

    /// The office says it has entries of ours that we never wrote. Either somebody lies to us, or
    /// there are two of us: an honest office must see our entries to find that out, and it gets
    /// nothing by seeing them that is not for it. One pack, whatever the answer.
    fn show_ours(&self, acked: u64, head: u64, misfit: Misfit) -> SyncError {
        if let Misfit::Hash { .. } = misfit
            && let Ok(Some(pack)) = self.next_pack(acked + 1, head)
            && let Ok(answer) = self.ask(Ask::Pack(pack))
            && let Reply::Refused(refusal) = answer.reply
        {
            return self.refused(refusal);
        }
        misfit.into()
    }

    /// Sends everything from `from` to `until`, or to the present head; gives the next to send.
    fn send(
        &mut self,
        mut from: u64,
        until: Option<u64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, SyncError> {
        let until = until.unwrap_or_else(|| self.store().summary().head.seq);
        let (start, mut replans) = (from, 0);
        while from <= until {
            // An office that was restored wants earlier entries than it first said.
            progress(Progress::Packs(from.saturating_sub(start), until + 1 - start));
            let Some(pack) = self.next_pack(from, until)? else { break };
            let last = pack.last();
            match self.ask(Ask::Pack(pack))?.reply {
                Reply::Receipt(document) => {
                    let receipt = self.read_receipt(&document)?;
                    if (receipt.first, receipt.last) != (from, last) {
                        return Err(Lie::Receipt("it is about another pack").into());
                    }
                    if receipt.acked.seq < last {
                        return Err(Lie::Receipt("it does not cover the pack").into());
                    }
                    self.keep_receipt(&receipt);
                    self.report.packs += 1;
                    self.report.sent += last + 1 - from;
                    let outcomes = receipt.outcomes().map(|(seq, outcome)| (seq, outcome.clone()));
                    self.report.outcomes.extend(outcomes);
                    from = last + 1;
                }
                Reply::Need(need) if replans < MAX_REPLANS => {
                    let head = position(self.store().summary().head);
                    self.check_position(&head, None, &need.acked)?;
                    from = need.acked.seq + 1;
                    replans += 1;
                }
                other => return Err(self.unexpected(other)),
            }
        }
        self.grown = false;
        progress(Progress::Packs(until + 1 - start, until + 1 - start));
        Ok(from)
    }

    /// The pack that begins with entry `from`; `None` when there is no such entry any more.
    fn next_pack(&self, from: u64, until: u64) -> Result<Option<Pack>, SyncError> {
        let most = self.budget.pack_bytes(PACK_BYTES);
        let mut records = self.store().raw_events(from, most);
        records.retain(|record| record.seq <= until);
        let sizes: Vec<usize> = records.iter().map(|record| record.body.len()).collect();
        let limits = Limits { bytes: most, ..Limits::default() };
        let Some(range) = plan::cut(&sizes, limits).into_iter().next() else {
            return Ok(None);
        };
        let records: &[RawRecord] = &records[range];
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(None);
        };
        let bodies: Vec<&[u8]> = records.iter().map(|record| record.body.as_slice()).collect();
        let epoch = self.store().summary().head.epoch;
        let pack = Pack::of(epoch, first.seq, first.prev_hash, last.hash, &bodies);
        let pack = pack.filter(|pack| pack.first == from);
        pack.map(Some).ok_or_else(|| SyncError::Internal(format!("no pack from entry {from}")))
    }

    /// Checks a receipt document: signature, handheld, our own chain.
    fn read_receipt(&self, document: &[u8]) -> Result<Receipt, SyncError> {
        let payload = self.office_document(document, DocType::Receipt)?;
        let receipt = Receipt::read(payload)?;
        self.key_in_force(document, DocType::Receipt, receipt.at)?;
        if receipt.device != self.store().identity().device {
            return Err(Lie::OtherDevice.into());
        }
        let head = position(self.store().summary().head);
        self.check_position(&head, None, &receipt.acked)?;
        if receipt.acked.seq < receipt.last {
            return Err(Lie::Receipt("it acknowledges less than it answers").into());
        }
        Ok(receipt)
    }

    /// Records a receipt, unless a newer one is there.
    fn keep_receipt(&mut self, receipt: &Receipt) {
        if receipt.number > self.receipt {
            self.receipt = receipt.number;
            let acked = receipt.acked;
            let acked = store::Position { epoch: acked.epoch, seq: acked.seq, hash: acked.hash };
            self.note(Event::ReceiptStored { number: receipt.number, acked });
        }
    }

    /// Records bookkeeping. A store that takes no more entries does not stop the exchange: what is
    /// in it still has to reach the office.
    fn note(&mut self, event: Event) {
        match self.store().append(&(self.session.stamp)(), event) {
            Ok(_) | Err(StoreError::ReceiptOld(_)) => {}
            Err(error) => self.report.not_recorded = Some(error),
        }
    }

    /// One request and its answer, checked.
    fn ask(&self, ask: Ask) -> Result<Answer, SyncError> {
        self.session.check_cancel()?;
        let path = ask.path();
        let (nonce, body) = self.request(&ask)?;
        self.budget.allow(&ask, body.len())?;
        // Before it goes: it has gone, whether it is answered or not.
        self.budget.count(body.len());
        let answer = self.session.post.post(path, &body)?;
        self.budget.count_answer(answer.len());
        let answer = self.read_answer(&answer)?;
        if answer.nonce != nonce {
            return Err(Lie::Nonce.into());
        }
        Ok(answer)
    }

    /// A signed request, and the nonce its answer must repeat.
    fn request(&self, ask: &Ask) -> Result<([u8; 16], Vec<u8>), SyncError> {
        let identity = self.store().identity();
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| SyncError::Internal(error.to_string()))?;
        let document = ask.document();
        let at = (self.session.stamp)().at;
        let (device, ask) = (identity.device.clone(), ask.clone());
        let request = Request { device, nonce, at, ask };
        let signed = self
            .session
            .key
            .sign(document, &identity.tenant, request.payload())
            .map_err(|error| SyncError::Internal(error.to_string()))?;
        Ok((nonce, wire::join(&[identity.device.as_str().as_bytes(), &nonce, &signed])))
    }

    /// An answer for this handheld, signed while its key might; its nonce is the caller's to check.
    fn read_answer(&self, bytes: &[u8]) -> Result<Answer, SyncError> {
        let [signed, body] = wire::split(bytes)?;
        let payload = self.office_document(&signed, DocType::Answer)?;
        let answer = Answer::read(payload, &body)?;
        self.key_in_force(&signed, DocType::Answer, answer.at)?;
        if answer.device != self.store().identity().device {
            return Err(Lie::OtherDevice.into());
        }
        Ok(answer)
    }

    /// The payload of a document one of the office's keys signed.
    fn office_document(
        &self,
        bytes: &[u8],
        kind: DocType,
    ) -> Result<meterkit_tokens::cbor::Value, SyncError> {
        let tenant = &self.store().identity().tenant;
        let verified = verify(bytes, kind, tenant, &self.keys, None);
        Ok(verified.map_err(Lie::Signature)?.payload)
    }

    /// The time inside a document was a time at which its key might sign.
    fn key_in_force(&self, bytes: &[u8], kind: DocType, at: UnixSeconds) -> Result<(), SyncError> {
        let tenant = &self.store().identity().tenant;
        match verify(bytes, kind, tenant, &self.keys, Some(at.0)) {
            Ok(_) => Ok(()),
            Err(_) => Err(Lie::KeyTime.into()),
        }
    }

    /// A reply that is not the one to the question: a refusal, or a lie.
    fn unexpected(&self, reply: Reply) -> SyncError {
        match reply {
            Reply::Refused(refusal) => self.refused(refusal),
            _ => Lie::Kind.into(),
        }
    }

    /// The chain hash of one of our entries.
    fn hash_at(&self, seq: u64) -> Option<[u8; 32]> {
        let records = self.store().raw_events(seq, 1);
        records.first().filter(|record| record.seq == seq).map(|record| record.hash)
    }
}

fn position(at: store::Position) -> Position {
    Position { epoch: at.epoch, seq: at.seq, hash: at.hash }
}

/// Whether an answer failed for its key alone: one we do not know, or know as ended or revoked.
fn is_of_unknown_key(error: &SyncError) -> bool {
    let SyncError::Lies(lie) = error else { return false };
    match lie {
        Lie::KeyTime => true,
        Lie::Signature(why) | Lie::Document { why, .. } => matches!(
            why,
            TokenError::Kid(_)
                | TokenError::KeyTyp(_)
                | TokenError::KeyExpired(_)
                | TokenError::KeyRevoked(_)
        ),
        _ => false,
    }
}

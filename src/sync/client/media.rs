//! The exchange over a medium: letters for the office, parcels from it. No answer comes while we
//! wait, so nothing here may depend on one: a letter holds whatever the office has not
//! acknowledged, a parcel is judged by our own journal and by what is newer here.

use super::keys::Held;
use super::{Progress, Run, Session, SyncReport, position};
use crate::store::event::DocKind;
use crate::store::{AreaMeter, AreaPage, Stamp, Store};
use crate::sync::checkpoint;
use crate::sync::error::{Lie, SyncError};
use crate::sync::wire::media::{DOWN, MAX_PARCEL, UP, letter, letter_name};
use crate::sync::wire::{
    Answer, Area, Ask, Contents, Keys, KeysAsk, MAX_ROOTS, Need, Page, Parcel, Reply, Visit,
    digest, path,
};
use meterkit_tokens::{DeviceKey, DocType, PublicKey, sealed};
use std::cmp::max;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Takes in a receipt that came alone, as a file or a QR code; gives the last entry the office
/// holds. Without a pack to compare with it says how far the office is, and nothing else.
///
/// # Errors
/// As for a receipt of an exchange: [`SyncError::Lies`] if it is not the office's, not for this
/// handheld, or does not fit our journal.
pub fn take_receipt(
    store: &Store,
    key: &DeviceKey,
    stamp: &dyn Fn() -> Stamp,
    document: &[u8],
) -> Result<u64, SyncError> {
    let nobody = |_: &str, _: &[u8]| Err(SyncError::Cancelled);
    let session = Session { store, key, post: &nobody, stamp, cancel: &AtomicBool::new(false) };
    let mut run = session.begin();
    let receipt = run.read_receipt(document)?;
    run.keep_receipt(&receipt);
    match run.report.not_recorded {
        Some(error) => Err(error.into()),
        None => Ok(receipt.acked.seq),
    }
}

/// A sealed file for the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its name on the medium.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// How many journal entries it carries.
    pub entries: u64,
}

impl Session<'_> {
    /// Writes letters with everything the office has not acknowledged, oldest first; one letter at
    /// least, so that it knows where we stand. For an office that was put back, with everything
    /// from the entry it asked for ([`SyncReport::again`]): what it acknowledged it has forgotten.
    ///
    /// # Errors
    /// [`SyncError::Keys`] without a key to seal to; [`SyncError::Cancelled`]; what `write` says.
    pub fn letters(
        &self,
        again: Option<(u64, [u8; 16])>,
        write: &mut dyn FnMut(Letter) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        let run = self.begin();
        let held = run.held()?;
        let to = self.office_key(held)?;
        let (device, summary) = (&self.store.identity().device, self.store.summary());
        let (epoch, until) = (summary.head.epoch, summary.head.seq);
        let visit = Visit {
            head: position(summary.head),
            receipt: run.receipt,
            area: summary.area_version,
            root: held.chain.root.version,
            checkpoint: checkpoint::waiting(self.store, self.key),
            again: again.map(|(_, repeated)| repeated),
        };
        let (_, visit) = run.request(&Ask::Visit(visit))?;
        let from = summary.acked.filter(|at| at.epoch == epoch).map_or(0, |at| at.seq) + 1;
        let mut from = again.map_or(from, |(wanted, _)| wanted.min(from));
        let mut written = false;
        while let Some(pack) = run.next_pack(from, until).transpose().filter(|_| from <= until) {
            self.check_cancel()?;
            let pack = pack?;
            let (first, last) = (pack.first, pack.last());
            let (_, pack) = run.request(&Ask::Pack(pack))?;
            let bytes = seal(&to, &letter(&[visit.clone(), pack]))?;
            let name = letter_name(device, epoch, first, last);
            write(Letter { name, bytes, entries: last + 1 - first })?;
            (from, written) = (last + 1, true);
        }
        if !written {
            let bytes = seal(&to, &letter(&[visit]))?;
            write(Letter { name: letter_name(device, epoch, 0, until), bytes, entries: 0 })?;
        }
        Ok(())
    }

    /// The key letters are sealed to: the one the office signs its answers with now. A clock that
    /// is off must not stop them, the office keeps its earlier keys.
    fn office_key(&self, held: &Held) -> Result<PublicKey, SyncError> {
        let now = max((self.stamp)().at.0, held.keyset.issued);
        let mut keys: Vec<_> = held.keyset.keys.iter().collect();
        keys.retain(|record| {
            let revoked = held.keyset.revoked.iter().any(|(kid, _)| *kid == record.key.kid());
            !revoked && record.types.contains(&DocType::Answer)
        });
        keys.sort_by_key(|record| record.not_before);
        let begun = keys.iter().rfind(|record| record.not_before <= now);
        let none = SyncError::Keys(meterkit_tokens::TokenError::Claim("keys"));
        begun.or(keys.first()).map(|record| record.key).ok_or(none)
    }

    /// Takes in a parcel; `None` for one that is older than what is here.
    ///
    /// # Errors
    /// [`SyncError::Lies`] for one that is damaged, for another handheld, not the office's, or does
    /// not fit our journal; [`SyncError::Refused`] if it is the office's refusal. Nothing of it is
    /// kept that was not proved.
    pub fn take_parcel(
        &self,
        file: &[u8],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<SyncReport>, SyncError> {
        self.check_cancel()?;
        if file.len() > MAX_PARCEL {
            return Err(Lie::TooLong.into());
        }
        let opened = self.key.open(DOWN, file).map_err(Lie::Sealed)?;
        let parcel = Parcel::read(&opened)?;
        // Whoever asks for keys gets those of the parcel; nobody else answers anything.
        let keys = |path: &str, body: &[u8]| match path {
            path::KEYS => keys_after(&parcel, KeysAsk::read(body)?.root),
            _ => Err(SyncError::Internal("a parcel answers no questions".to_owned())),
        };
        let session = Session { post: &keys, ..*self };
        let mut run = session.begin();
        Ok(run.unpack(&parcel, progress)?.then_some(run.report))
    }
}

/// The parcel's keys for somebody who holds this root.
fn keys_after(parcel: &Parcel, root: u64) -> Result<Vec<u8>, SyncError> {
    let mut keys = Keys::read(&parcel.keys)?;
    let known = usize::try_from(root.saturating_sub(parcel.root)).unwrap_or(usize::MAX);
    keys.roots.drain(..known.min(keys.roots.len()));
    // The last of them was cut off, if at all, where a parcel ends: there is no more to ask for.
    keys.roots.truncate(MAX_ROOTS - 1);
    Ok(keys.encode())
}

impl Run<'_> {
    /// Takes in a parcel; `false` for an older one.
    fn unpack(
        &mut self,
        parcel: &Parcel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<bool, SyncError> {
        let head = self.with_its_keys(|run| run.read_answer(&parcel.head))?;
        let contents = match head.reply {
            Reply::Parcel(contents) => contents,
            other => return Err(self.unexpected(other)),
        };
        // The same one again is taken again: the last time may have been cut off half-way.
        let have = self.store().document(DocKind::Status).ok().flatten();
        if have.is_some_and(|(version, _)| contents.version < version) {
            return Ok(false);
        }
        let digests: Vec<_> = parcel.parts.iter().map(|part| digest(part)).collect();
        if digests != contents.parts {
            return Err(Lie::Kind.into());
        }
        if parcel.keys != self.own_keys()? {
            self.renew_keys()?;
        }
        let ours = position(self.store().summary().head);
        if let Some(again) = contents.again {
            // It says openly that it has less than it had. Nothing is taken from it and nothing
            // here changes; whatever it says, it gets letters that it could have had before.
            self.check_position(&ours, None, &contents.acked)?;
            self.report.again = Some((contents.acked.seq + 1, again));
            return if contents.parts.is_empty() { Ok(true) } else { Err(Lie::Kind.into()) };
        }
        let before = self.store().summary().acked.map(|acked| acked.seq);
        self.check_position(&ours, before, &contents.acked)?;
        self.take_parts(parcel, &contents, &head.nonce, progress)?;
        self.note_withheld()?;
        progress(Progress::Bye);
        Ok(true)
    }

    /// Runs something that needs the office's keys; again with the parcel's where ours are too old.
    fn with_its_keys(
        &mut self,
        read: impl Fn(&Self) -> Result<Answer, SyncError>,
    ) -> Result<Answer, SyncError> {
        match read(self) {
            Err(error) if super::is_of_unknown_key(&error) || self.held.is_none() => {
                self.renew_keys()?;
                read(self)
            }
            done => done,
        }
    }

    /// What a parcel's keys look like if they are no newer than ours.
    fn own_keys(&self) -> Result<Vec<u8>, SyncError> {
        let held = self.held()?;
        Ok(Keys { roots: vec![], keyset: held.document().to_vec() }.encode())
    }

    fn take_parts(
        &mut self,
        parcel: &Parcel,
        contents: &Contents,
        nonce: &[u8; 16],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SyncError> {
        let (mut area, mut pages) = (None, Vec::new());
        let (mut bundles, mut rounds, mut files) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut newest = None;
        for (at, part) in parcel.parts.iter().enumerate() {
            progress(Progress::Area(at, parcel.parts.len()));
            let answer = self.read_answer(part)?;
            if answer.nonce != *nonce {
                return Err(Lie::Nonce.into());
            }
            match answer.reply {
                Reply::Need(Need { acked, status: Some(status), .. })
                    if acked == contents.acked =>
                {
                    self.take_status(&status, answer.at)?;
                }
                Reply::Receipt(document) => {
                    let receipt = self.read_receipt(&document)?;
                    if receipt.number > self.receipt {
                        let each = receipt.outcomes().map(|(seq, what)| (seq, what.clone()));
                        self.report.outcomes.extend(each);
                        newest = Some(receipt);
                    }
                }
                Reply::Pulled(pulled) => {
                    self.report.still_out.clone_from(&pulled.still_out);
                    self.take_people(&pulled)?;
                    self.take_tokens(&pulled)?;
                    progress(Progress::Tokens(self.report.tokens));
                    self.take_decisions(&pulled.withdrawn, &pulled.settled)?;
                    area = pulled.area.or(area);
                    bundles.extend(pulled.bundles);
                    rounds.extend(pulled.rounds);
                }
                Reply::Page(document) => pages.push(document),
                Reply::File(part) => drop(files.insert(digest(&part.bytes), part.bytes)),
                _ => return Err(Lie::Kind.into()),
            }
        }
        // Each covers those before it.
        if let Some(receipt) = newest {
            self.keep_receipt(&receipt);
        }
        self.take_bundles(&bundles, &mut |_, wanted| Ok(files.get(wanted).cloned()))?;
        self.take_rounds(&rounds, &mut |_, wanted| Ok(files.get(wanted).cloned()))?;
        match area {
            Some(area) if area.version != self.store().summary().area_version => {
                self.install(&area, pages)
            }
            _ => Ok(()),
        }
    }

    /// Installs an area whose pages are all here.
    fn install(&mut self, area: &Area, signed: Vec<Vec<u8>>) -> Result<(), SyncError> {
        let announced: Vec<_> = signed.iter().map(|page| digest(page)).collect();
        if let Some(at) = (0..area.pages.len()).find(|at| announced.get(*at) != area.pages.get(*at))
        {
            return Err(Lie::Page(at).into());
        }
        let pages = signed.into_iter().map(|signed| self.read_page(signed));
        let pages = pages.collect::<Result<Vec<_>, SyncError>>()?;
        let meters: usize = pages.iter().map(|page| page.meters.len()).sum();
        self.store().install_area(area.version, &pages)?;
        self.report.meters = Some(meters as u64);
        Ok(())
    }

    /// The meters of a signed page.
    pub(super) fn read_page(&self, signed: Vec<u8>) -> Result<AreaPage, SyncError> {
        let lines = Page::read(self.office_document(&signed, DocType::Area)?)?.lines;
        let meters = lines.into_iter().map(|line| AreaMeter {
            no: line.meter,
            account: Some(line.account),
            customer: line.customer,
            location: line.location,
            profile: line.profile,
            area: line.area,
            place: line.place,
        });
        Ok(AreaPage { signed, meters: meters.collect() })
    }
}

fn seal(to: &PublicKey, content: &[u8]) -> Result<Vec<u8>, SyncError> {
    let mut drawn = [0; 32];
    getrandom::fill(&mut drawn).map_err(|error| SyncError::Internal(error.to_string()))?;
    sealed::seal(to, UP, content, drawn).map_err(|error| SyncError::Internal(error.to_string()))
}

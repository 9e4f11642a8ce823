//! The exchange over a medium: letters in, parcels out (`docs/sync.md`). What is in a letter is
//! what would come over the line, and goes the same way: the pack first, then the visit. A letter
//! may be old, come twice, or come after a newer one; none of that is held against a handheld.

use super::answer::{fork_in_head, standing};
use super::apply::Applied;
use super::backup::rewound;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::model::TokenState;
use super::{Ask as AskKey, Office};
use crate::sync::wire::media::{
    DOWN, MAX_LETTER, MAX_PARCEL_RECEIPTS, UP, parcel_name, parcel_of, read_letter,
};
use crate::sync::wire::medium::{Medium, Way};
use crate::sync::wire::{
    self, Answer, Ask, Contents, EntryOutcome, FilePart, Need, Parcel, Position, Pull, Receipt,
    Refusal, Reply, Visit, digest, path,
};
use crate::units::{DeviceId, TokenId};
use meterkit_tokens::{DocType, PublicKey, sealed};
use std::collections::BTreeMap;
use std::path::Path;

/// What a parcel carries of tokens at most, in steps of [`wire::MAX_TOKENS`].
const MAX_PULLS: usize = 100;

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letter {
    /// Taken in.
    Taken,
    /// Entries before those in it are missing: from this one on they are wanted.
    Gap(u64),
    /// The office refuses.
    Refused(Refusal),
    /// It could not be read, and why.
    Unread(String),
}

/// What one visit to a medium did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaReport {
    /// Letters by name.
    pub letters: Vec<(String, Letter)>,
    /// For whom a parcel was written: the handheld, its tokens, and how far its journal is here.
    pub parcels: Vec<(DeviceId, usize, u64)>,
}

/// What a parcel says.
struct News {
    version: u64,
    acked: Position,
    replies: Vec<Reply>,
    /// What its handheld's letters are to repeat.
    again: Option<[u8; 16]>,
}

/// A letter that was opened and whose signatures were checked.
struct Opened {
    device: DeviceId,
    visit: Visit,
    /// The visit as its handheld signed it.
    signed: Vec<u8>,
    pack: Option<(wire::Pack, Vec<u8>)>,
}

impl Office {
    /// Takes in every letter on a medium and writes a parcel for each handheld that left one, and
    /// for each of `also`. Safe to repeat and to cut off at any point.
    ///
    /// # Errors
    /// [`OfficeError::File`] if the medium cannot be read or written; [`OfficeError::NoDevice`];
    /// the database failed. What was taken in before stays.
    pub async fn media(&self, dir: &Path, also: &[DeviceId]) -> Result<MediaReport, OfficeError> {
        let failed = |error| OfficeError::File(dir.display().to_string(), error);
        let medium = Medium::at(dir).map_err(failed)?;
        let (mut report, mut visits) = (MediaReport::default(), BTreeMap::new());
        visits.extend(also.iter().map(|device| (device.clone(), None)));
        let mut letters = Vec::new();
        for name in medium.list(Way::ToOffice).map_err(failed)? {
            match medium.read(Way::ToOffice, &name, MAX_LETTER) {
                Ok(file) => match self.open_letter(&file).await? {
                    Ok(opened) => letters.push((name, opened)),
                    Err(why) => report.letters.push((name, why)),
                },
                Err(error) => report.letters.push((name, Letter::Unread(error.to_string()))),
            }
        }
        // Names sort 10 before 9; entries do not. Oldest first, or every later one were a gap.
        letters.sort_by_key(|(_, letter)| {
            let first = letter.pack.as_ref().map_or(u64::MAX, |(pack, _)| pack.first);
            (letter.device.clone(), letter.visit.head.epoch, first)
        });
        for (name, letter) in letters {
            let (device, visit) = (letter.device.clone(), letter.visit.clone());
            report.letters.push((name, self.take_letter(letter).await?));
            let newest = visits.entry(device).or_insert(None);
            let newer = |old: &Visit| (old.head.epoch, old.head.seq, old.receipt);
            if newest.as_ref().is_none_or(|old| newer(old) <= newer(&visit)) {
                *newest = Some(visit);
            }
        }
        for (device, visit) in visits {
            let Some((version, bytes, tokens, acked)) = self.parcel(&device, visit).await? else {
                continue;
            };
            let name = parcel_name(&device, version);
            medium.write(Way::ToDevice, &name, &bytes).map_err(failed)?;
            // This one says all an older one could.
            for old in medium.list(Way::ToDevice).map_err(failed)? {
                if parcel_of(&old, &device).is_some_and(|old| old < version) {
                    medium.remove(Way::ToDevice, &old).map_err(failed)?;
                }
            }
            report.parcels.push((device, tokens, acked));
        }
        Ok(report)
    }

    /// Unlocks the keys the letters on a medium are sealed to, as far as they are this office's.
    ///
    /// # Errors
    /// [`OfficeError::File`]; as `ask`.
    pub fn unlock_for_media(&self, dir: &Path, ask: &AskKey<'_>) -> Result<(), OfficeError> {
        let failed = |error| OfficeError::File(dir.display().to_string(), error);
        let medium = Medium::at(dir).map_err(failed)?;
        for name in medium.list(Way::ToOffice).map_err(failed)? {
            // What cannot be read is named when it is taken in.
            let file = medium.read(Way::ToOffice, &name, MAX_LETTER).unwrap_or_default();
            if let Some(kid) = sealed::sealed_to(&file) {
                self.keys_mut().unlock_named(kid, ask)?;
            }
        }
        Ok(())
    }

    /// The signed document of a token that is out.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`]; [`OfficeError::Usage`] for one whose life has ended.
    pub async fn token_document(&self, token: TokenId) -> Result<Vec<u8>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        // A leg of a swap is no document of its own.
        let row = ledger::token(&mut conn, token).await?.filter(|row| row.leg.is_none());
        let row = row.ok_or(OfficeError::NoToken(token))?;
        if !matches!(row.state, TokenState::Reserved | TokenState::Delivered) {
            return Err(OfficeError::Usage(format!("{token} is {}", row.state.name())));
        }
        let row = query("SELECT bytes FROM token WHERE id = $1").bind(token.to_string());
        Ok(row.fetch_one(&mut conn).await?.try_get("bytes")?)
    }

    /// A receipt that says how far a handheld's journal is here and nothing else: short enough for
    /// a QR code. It has the number of the newest receipt, because it replaces it.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`], [`OfficeError::Quarantined`], [`OfficeError::Usage`] for a
    /// handheld that sent nothing yet, or whose journal is not here since the office was restored.
    pub async fn receipt_alone(&self, device: &DeviceId) -> Result<Vec<u8>, OfficeError> {
        let row = {
            let mut conn = self.ledger.read().await?;
            let row = ledger::device(&mut conn, device).await?;
            let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
            if rewound::waits_for(&mut conn, device).await? {
                let why =
                    format!("this office was restored: {device} must bring its journal first");
                return Err(OfficeError::Usage(why));
            }
            row
        };
        if row.status == "quarantined" {
            return Err(OfficeError::Quarantined(device.clone()));
        }
        if row.head_seq == 0 {
            return Err(OfficeError::Usage(format!("{device} has sent nothing yet")));
        }
        let receipt = Receipt {
            device: row.device,
            number: row.receipts,
            first: row.head_seq,
            last: row.head_seq,
            acked: Position { epoch: row.epoch, seq: row.head_seq, hash: row.head_hash },
            at: self.now(),
            runs: Receipt::runs_of([EntryOutcome::Noted]),
        };
        self.keys().answer(DocType::Receipt, receipt.payload(), receipt.at.0)
    }

    /// Opens a letter and checks who wrote it.
    async fn open_letter(&self, file: &[u8]) -> Result<Result<Opened, Letter>, OfficeError> {
        let unread = |why: &dyn std::fmt::Display| Ok(Err(Letter::Unread(why.to_string())));
        let opened = match self.keys().open_sealed(UP, file) {
            Ok(Ok(opened)) => opened,
            Ok(Err(why)) => return unread(&why),
            Err(locked) => return unread(&locked),
        };
        let (visit, pack) = match read_letter(&opened) {
            Ok(parts) => parts,
            Err(why) => return unread(&why),
        };
        let (device, (visit, signed)) = match self.read_request(path::MEDIA, &visit).await {
            Ok((device, _, Ok(Ask::Visit(visit)), signed)) => (device, (visit, signed)),
            Ok((.., Err(refusal), _)) => return Ok(Err(Letter::Refused(refusal))),
            Ok(_) => return Ok(Err(Letter::Refused(Refusal::Malformed))),
            Err(OfficeError::Wire(why)) => return unread(&why),
            Err(error) => return Err(error),
        };
        let Some(pack) = pack else { return Ok(Ok(Opened { device, visit, signed, pack: None })) };
        match self.read_request(path::PACK, &pack).await {
            Ok((whose, _, Ok(Ask::Pack(pack)), document)) if whose == device => {
                Ok(Ok(Opened { device, visit, signed, pack: Some((pack, document)) }))
            }
            Ok((.., Err(refusal), _)) => Ok(Err(Letter::Refused(refusal))),
            Ok(_) => Ok(Err(Letter::Refused(Refusal::Malformed))),
            Err(OfficeError::Wire(why)) => unread(&why),
            Err(error) => Err(error),
        }
    }

    async fn take_letter(&self, letter: Opened) -> Result<Letter, OfficeError> {
        let Opened { device, visit, signed, pack } = letter;
        // Before its pack: what an office that was put back forgot is entered from that.
        transact!(self.ledger, |tx| match ledger::device(&mut tx, &device).await? {
            Some(row) => rewound::noticed(&mut tx, &row, visit.receipt, self.now()).await,
            None => Ok(()),
        })?;
        let mut became = Letter::Taken;
        if let Some((pack, document)) = pack {
            became = match self.take_pack(&device, &pack, &document).await? {
                Applied::Receipt(_) => Letter::Taken,
                Applied::Need(acked) => Letter::Gap(acked.seq + 1),
                Applied::Refused(refusal) => return Ok(Letter::Refused(refusal)),
            };
        }
        let gap = matches!(became, Letter::Gap(_));
        let visited = (&visit, gap.then_some(signed.as_slice()));
        let seen = transact!(self.ledger, |tx| self.visit(&mut tx, &device, visited).await)?;
        Ok(seen.map_or(became, Letter::Refused))
    }

    /// What a visit says of the handheld. A head behind ours is an old letter, nothing worse; one
    /// that is not in its journal shows two journals. With the signed visit of a letter whose
    /// entries wait for others, it is remembered that they exist.
    async fn visit(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        (visit, waits): (&Visit, Option<&[u8]>),
    ) -> Result<Option<Refusal>, OfficeError> {
        let row = match standing(conn, device).await? {
            Ok(row) => row,
            Err(refusal) => return Ok(Some(refusal)),
        };
        if visit.head.epoch != row.epoch {
            return Ok(Some(Refusal::Epoch));
        }
        if fork_in_head(conn, &row, &visit.head, "its letter", self.now()).await? {
            return Ok(Some(Refusal::Quarantined));
        }
        if self.checkpoint_forks(conn, visit.checkpoint.as_deref()).await? {
            return Ok(Some(Refusal::Quarantined));
        }
        if let Some(signed) = waits
            && self.letter_waits(conn, device, (visit, signed)).await?
        {
            return Ok(Some(Refusal::Quarantined));
        }
        self.note_receipt(conn, device, visit.receipt).await?;
        rewound::wrote(conn, &row, visit, self.now()).await?;
        Ok(None)
    }

    /// A parcel: its version, its bytes, how many tokens are in it, how far the journal is here.
    /// `None` for a handheld that has no key yet.
    async fn parcel(
        &self,
        device: &DeviceId,
        visit: Option<Visit>,
    ) -> Result<Option<(u64, Vec<u8>, usize, u64)>, OfficeError> {
        let row = {
            let mut conn = self.ledger.read().await?;
            let row = ledger::device(&mut conn, device).await?;
            row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?
        };
        let key = row.key.clone().and_then(|key| key.try_into().ok());
        let Some(key) = key.and_then(|key| PublicKey::from_bytes(key).ok()) else {
            return Ok(None);
        };
        let visit = visit.filter(|visit| visit.head.epoch == row.epoch);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&super::keys::random()?[..16]);
        let at = self.now();
        let sign = |reply| self.sign(Answer { device: device.clone(), nonce, at, reply });
        let found =
            transact!(self.ledger, |tx| self.all_news(&mut tx, device, visit.as_ref()).await)?;
        let News { version, acked, replies, again } = match found {
            Ok(found) => found,
            Err(refusal) => {
                let parcel = self.wrap(1, sign(Reply::Refused(refusal))?, vec![]);
                // Beyond every version given, so that it is looked at.
                let version = row.status_given + 1;
                return Ok(Some((version, seal(&key, &parcel)?, 0, row.head_seq)));
            }
        };
        let tokens = replies.iter().map(|reply| match reply {
            Reply::Pulled(pulled) => pulled.tokens.len(),
            _ => 0,
        });
        let tokens = tokens.sum();
        let parts = replies.into_iter().map(sign).collect::<Result<Vec<_>, _>>()?;
        let digests = parts.iter().map(|part| digest(part)).collect();
        let head = sign(Reply::Parcel(Contents { version, acked, parts: digests, again }))?;
        let parcel = self.wrap(visit.map_or(1, |visit| visit.root), head, parts);
        Ok(Some((version, seal(&key, &parcel)?, tokens, acked.seq)))
    }

    fn wrap(&self, root: u64, head: Vec<u8>, parts: Vec<Vec<u8>>) -> Vec<u8> {
        let keys = self.public_keys(wire::KeysAsk { root }).encode();
        Parcel { root, keys, head, parts }.encode()
    }

    /// All that is new for a handheld, as it would be said online; the status first. While this
    /// office waits for its journal since it was put back: that, and nothing else.
    async fn all_news(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        visit: Option<&Visit>,
    ) -> Result<Result<News, Refusal>, OfficeError> {
        let row = match standing(conn, device).await? {
            Ok(row) => row,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let acked = Position { epoch: row.epoch, seq: row.head_seq, hash: row.head_hash };
        if let Some((version, again)) = rewound::wanted(conn, &row).await? {
            return Ok(Ok(News { version, acked, replies: vec![], again: Some(again) }));
        }
        let status = self.status_in(conn, &row).await?;
        let version = version_given(conn, &row).await?;
        let mut replies = vec![Reply::Need(Need { acked, receipts: vec![], status: Some(status) })];
        let since = visit.map_or(0, |visit| visit.receipt);
        let receipts =
            super::answer::newest_receipts(conn, &row, since, MAX_PARCEL_RECEIPTS).await?;
        replies.extend(receipts.into_iter().map(Reply::Receipt));
        let keyset = self.keys().keyset().version;
        let root = u64::try_from(self.keys().roots().len()).unwrap_or(u64::MAX);
        let mut pull =
            Pull { area: visit.map_or(0, |visit| visit.area), keyset, root, after: None };
        let mut area = None;
        for _ in 0..MAX_PULLS {
            let (mut pulled, last) = self.news(conn, &row, &pull).await?;
            area = area.or_else(|| pulled.area.clone());
            let more = std::mem::take(&mut pulled.more);
            replies.push(Reply::Pulled(pulled));
            if !more {
                break;
            }
            // The list of meters is announced once.
            pull.area = area.as_ref().map_or(pull.area, |area| area.version);
            pull.after = last;
        }
        let mut files = super::bundle::files(conn, device, self.now().0).await?;
        files.extend(super::round::files(conn, (device, row.epoch), self.now().0).await?);
        for bytes in files {
            let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            replies.push(Reply::File(FilePart { total, bytes }));
        }
        if area.is_some() {
            replies.extend(self.area_pages(conn).await?.into_iter().map(Reply::Page));
        }
        Ok(Ok(News { version, acked, replies, again: None }))
    }
}

async fn version_given(conn: &mut Conn, row: &DeviceRow) -> Result<u64, OfficeError> {
    Ok(ledger::device(conn, &row.device).await?.map_or(0, |row| row.status_given))
}

fn seal(to: &PublicKey, parcel: &[u8]) -> Result<Vec<u8>, OfficeError> {
    let sealed = sealed::seal(to, DOWN, parcel, super::keys::random()?);
    sealed.map_err(|_| OfficeError::Stored("key"))
}

//! Checks 3 and 7: every handheld's journal, put together again from its packs.
//!
//! A pack is taken when the handheld's key signed it; the chain is computed again from the records.
//! Of two packs that say different things of one place the one the office countersigned is the
//! journal, the other a fork: both are signed by the handheld, so one key wrote two journals.

use super::files::{self, Raw};
use super::finding::{Findings, Reason};
use super::parallel;
use super::receipts::{Receipted, Receipts};
use crate::store::TokenFacts;
use crate::sync::wire::{Ask, Entry, Event, Pack, Request, chain, read_entry};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::{DocType, Keyring, PublicKey};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Most entries of all journals together.
pub const MAX_ENTRIES: usize = 2_000_000;
/// Most unpacked bytes of all journals together: a small pack can unpack to a large one.
const MAX_UNPACKED: usize = 2 << 30;

/// One journal: one life of one handheld's.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Whose.
    pub device: DeviceId,
    /// Which life.
    pub epoch: u32,
    /// The entries, by sequence number.
    pub entries: Vec<Entry>,
    /// The chain hash of each.
    pub hashes: Vec<[u8; 32]>,
    /// Signed documents it holds: in which entry, and the bytes.
    pub documents: Vec<(u64, Vec<u8>)>,
    /// How many packs.
    pub packs: usize,
    /// How far the office countersigned it.
    pub covered: u64,
}

impl Journal {
    /// How a finding names an entry.
    pub fn place(&self, seq: u64) -> String {
        format!("{}-{}#{seq}", self.device, self.epoch)
    }

    /// The tokens it took in.
    pub fn imports(&self) -> impl Iterator<Item = (u64, &TokenFacts)> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::TokenImported { token, .. } => Some((entry.seq, token)),
            _ => None,
        })
    }

    /// The chain hash at a place.
    pub fn hash_at(&self, seq: u64) -> Option<&[u8; 32]> {
        let at = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        self.hashes.get(at)
    }

    /// The last sequence number.
    pub fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }
}

/// A pack taken apart.
struct Piece {
    name: String,
    first: u64,
    before: [u8; 32],
    hashes: Vec<[u8; 32]>,
    entries: Vec<Entry>,
    documents: Vec<(u64, Vec<u8>)>,
    bytes: usize,
}

impl Piece {
    fn last(&self) -> u64 {
        self.first + self.hashes.len() as u64 - 1
    }

    /// The chain hash it says stands at a place: inside it, or right before it.
    fn hash_at(&self, seq: u64) -> Option<&[u8; 32]> {
        if seq.checked_add(1) == Some(self.first) {
            return Some(&self.before);
        }
        self.hashes.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }
}

/// Keys of the handhelds, by name and journal life.
pub type DeviceKeys = BTreeMap<(String, u32), PublicKey>;

/// Reads `devices/DEVICE-EPOCH.key`: 64 hex digits each.
pub fn device_keys(files: &[Raw], found: &mut Findings) -> DeviceKeys {
    let mut keys = DeviceKeys::new();
    for raw in files {
        let name = raw.name.rsplit('/').next().unwrap_or_default();
        let key = name.strip_suffix(".key").and_then(split_name).and_then(|whose| {
            let text = std::str::from_utf8(&raw.bytes).ok()?;
            let key = PublicKey::from_bytes(super::unhex(text.trim())?).ok()?;
            Some((whose, key))
        });
        match key {
            Some(((device, epoch), key)) => drop(keys.insert((device.to_string(), epoch), key)),
            None => found.add(Reason::KeyMissing, &raw.name, ""),
        }
    }
    keys
}

/// `hh-007-2` is life 2 of the journal of `hh-007`.
fn split_name(name: &str) -> Option<(DeviceId, u32)> {
    let (device, epoch) = name.rsplit_once('-')?;
    Some((device.parse().ok()?, epoch.parse().ok()?))
}

/// What all journals need.
pub struct Source<'a> {
    /// The deployment.
    pub tenant: &'a str,
    /// The handhelds' keys.
    pub keys: &'a DeviceKeys,
    /// Receipts and statuses, by handheld.
    pub receipts: &'a Receipts,
    /// How many packs are opened at once.
    pub threads: usize,
}

/// Puts every journal together. `Err` names the folder at which a set grew over its limit.
pub fn read(
    source: &Source<'_>,
    folders: &[(String, Vec<Raw>)],
    found: &mut Findings,
) -> Result<Vec<Journal>, String> {
    let (mut journals, mut entries, mut unpacked) = (Vec::new(), 0, 0);
    for (folder, files) in folders {
        let Some((device, epoch)) = split_name(folder) else {
            found.add(Reason::PackOther, format!("journals/{folder}"), "");
            continue;
        };
        let Some(key) = source.keys.get(&(device.to_string(), epoch)) else {
            found.add(Reason::KeyMissing, format!("journals/{folder}"), "");
            continue;
        };
        let ring = Keyring::device(*key);
        let docs: Vec<_> = files.iter().flat_map(files::documents).collect();
        let mut pieces: Vec<Piece> = Vec::new();
        // A part at a time, so that the limits hold before everything is unpacked.
        for part in docs.chunks(64 * source.threads.max(1)) {
            let opened = parallel(part, source.threads, |doc| {
                open(doc, source.tenant, &ring, &device, epoch)
            });
            for piece in opened {
                match piece {
                    Ok((piece, mut own)) => {
                        entries += piece.entries.len();
                        unpacked += piece.bytes;
                        found.extend(std::mem::take(&mut own));
                        pieces.push(piece);
                    }
                    Err((reason, name, why)) => found.add(reason, name, why),
                }
            }
            if entries > MAX_ENTRIES || unpacked > MAX_UNPACKED {
                return Err(format!("journals/{folder}"));
            }
        }
        let receipted = source.receipts.of(&device, epoch);
        let journal = Joining::new(device, epoch, pieces, &receipted, found).join(source.tenant);
        journals.push(journal);
    }
    Ok(journals)
}

type Refused = (Reason, String, String);

/// Opens one pack: signature, form, chain, entries.
fn open(
    doc: &files::Doc<'_>,
    tenant: &str,
    ring: &Keyring,
    device: &DeviceId,
    epoch: u32,
) -> Result<(Piece, Findings), Refused> {
    let bad = |why: String| (Reason::PackBad, doc.name.clone(), why);
    let opened = meterkit_tokens::verify(doc.bytes, DocType::Pack, tenant, ring, None)
        .map_err(|error| bad(super::why(&error)))?;
    let request = Request::read(opened.payload).map_err(|error| bad(error.to_string()))?;
    let Ask::Pack(pack) = request.ask else { return Err(bad("no pack".to_owned())) };
    if request.device != *device || pack.epoch != epoch {
        let whose = format!("{}-{}", request.device, pack.epoch);
        return Err((Reason::PackOther, doc.name.clone(), whose));
    }
    let bodies = pack.bodies().map_err(|error| bad(error.to_string()))?;
    let mut found = Findings::default();
    let piece = piece(doc.name.clone(), &pack, &bodies, &mut found);
    if piece.hashes.last() != Some(&pack.hash) {
        return Err((Reason::ChainBroken, doc.name.clone(), "its own last hash".to_owned()));
    }
    Ok((piece, found))
}

fn piece(name: String, pack: &Pack, bodies: &[Vec<u8>], found: &mut Findings) -> Piece {
    let (before, bytes) = (pack.before, bodies.iter().map(Vec::len).sum());
    let count = bodies.len();
    let mut piece = Piece {
        name,
        first: pack.first,
        before,
        hashes: Vec::with_capacity(count),
        entries: Vec::with_capacity(count),
        documents: Vec::new(),
        bytes,
    };
    let mut hash = before;
    for (seq, body) in (pack.first..).zip(bodies) {
        hash = chain(&hash, body);
        piece.hashes.push(hash);
        match read_entry(body) {
            Ok(mut entry) if entry.seq == seq => {
                if let Some(bytes) = take_document(&mut entry.event) {
                    piece.documents.push((seq, bytes));
                }
                piece.entries.push(entry);
            }
            Ok(entry) => {
                found.add(Reason::EntryBad, format!("{}/{seq}", piece.name), entry.seq);
            }
            Err(error) => {
                found.add(Reason::EntryBad, format!("{}/{seq}", piece.name), error);
            }
        }
    }
    piece
}

/// Takes the bulky parts out of an entry; what is left of a year fits into memory.
fn take_document(event: &mut Event) -> Option<Vec<u8>> {
    match event {
        Event::TokenImported { bytes, .. }
        | Event::SwapTaken { bytes, .. }
        | Event::GrantTaken { bytes, .. }
        | Event::OverrideTaken { bytes, .. } => Some(std::mem::take(bytes)),
        Event::BundleTaken(taken) => Some(std::mem::take(&mut taken.bytes)),
        Event::Reading(reading) => {
            reading.items = Vec::new();
            None
        }
        _ => None,
    }
}

/// Puts one journal together.
struct Joining<'a> {
    device: DeviceId,
    epoch: u32,
    pieces: Vec<Piece>,
    receipted: &'a Receipted<'a>,
    found: &'a mut Findings,
}

impl<'a> Joining<'a> {
    fn new(
        device: DeviceId,
        epoch: u32,
        mut pieces: Vec<Piece>,
        receipted: &'a Receipted<'a>,
        found: &'a mut Findings,
    ) -> Self {
        pieces.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
        Self { device, epoch, pieces, receipted, found }
    }

    fn place(&self, seq: u64) -> String {
        format!("{}-{}#{seq}", self.device, self.epoch)
    }

    fn join(mut self, tenant: &str) -> Journal {
        let mut journal = Journal {
            device: self.device.clone(),
            epoch: self.epoch,
            entries: Vec::new(),
            hashes: Vec::new(),
            documents: Vec::new(),
            packs: self.pieces.len(),
            covered: 0,
        };
        // Chain hashes by place; an entry that cannot be read has one too.
        let mut chain: Vec<(u64, [u8; 32])> = Vec::new();
        let mut left = VecDeque::from(std::mem::take(&mut self.pieces));
        let mut forks: Vec<Piece> = Vec::new();
        while let Some(piece) = self.next(&chain, &left).and_then(|at| left.remove(at)) {
            let head = chain.last().copied();
            let wanted = head.map_or(1, |(seq, _)| seq + 1);
            // What was chosen over lies behind the head now; so the list stays short.
            while left.front().is_some_and(|piece| piece.last() < wanted) {
                forks.extend(left.pop_front());
            }
            if piece.last() < wanted || other_story(head, &piece, &forks) {
                forks.push(piece);
                continue;
            }
            self.seam(head, &piece, wanted);
            let fresh = |seq: &u64| *seq >= wanted;
            let places = (piece.first..).zip(piece.hashes);
            chain.extend(places.filter(|(seq, _)| fresh(seq)));
            journal.entries.extend(piece.entries.into_iter().filter(|e| fresh(&e.seq)));
            journal.documents.extend(piece.documents.into_iter().filter(|(seq, _)| fresh(seq)));
        }
        let readable: HashSet<u64> = journal.entries.iter().map(|entry| entry.seq).collect();
        self.compare(&chain, &forks);
        self.start(&journal, tenant);
        journal.covered = self.receipted.check(&chain, &self.device, self.epoch, self.found);
        journal.hashes =
            chain.into_iter().filter(|(seq, _)| readable.contains(seq)).map(|c| c.1).collect();
        journal
    }

    /// The pack to go on with. One that continues the chain before one that does not; of two that
    /// do, the one the office countersigned; then the longer one.
    fn next(&self, chain: &[(u64, [u8; 32])], left: &VecDeque<Piece>) -> Option<usize> {
        let head = chain.last().copied();
        let wanted = head.map_or(1, |(seq, _)| seq + 1);
        let rank = |piece: &Piece| {
            let continues = match head {
                None => piece.first == 1,
                Some((seq, hash)) => piece.hash_at(seq) == Some(&hash),
            };
            let mut fresh = (piece.first..).zip(&piece.hashes).filter(|(seq, _)| *seq >= wanted);
            let covered = fresh.any(|(seq, hash)| self.receipted.covers(seq, hash));
            (!continues, std::cmp::Reverse((covered, piece.last())))
        };
        // Sorted by their first entry: what begins after the wanted one begins nothing better.
        let near = left.iter().take_while(|piece| piece.first <= wanted).enumerate();
        let best = near.min_by_key(|(_, piece)| rank(piece)).map(|(at, _)| at);
        best.or((!left.is_empty()).then_some(0))
    }

    /// Says how a pack does not fit behind the head.
    fn seam(&mut self, head: Option<(u64, [u8; 32])>, piece: &Piece, wanted: u64) {
        if piece.first > wanted {
            let missing = format!("{wanted}..{}", piece.first - 1);
            self.found.add(Reason::ChainGap, self.place(wanted), missing);
        } else if let Some((seq, hash)) = head
            && piece.hash_at(seq) != Some(&hash)
        {
            self.found.add(Reason::ChainBroken, self.place(seq), &piece.name);
        }
    }

    /// Packs that lie behind the head: the same again, or another story.
    fn compare(&mut self, chain: &[(u64, [u8; 32])], forks: &[Piece]) {
        for piece in forks {
            let other = (piece.first..).zip(&piece.hashes).find(|(seq, hash)| {
                let at = chain.binary_search_by_key(seq, |(seq, _)| *seq);
                at.is_ok_and(|at| chain[at].1 != **hash)
            });
            if let Some((seq, _)) = other {
                self.found.add(Reason::Fork, self.place(seq), &piece.name);
            } else if piece.last() > chain.last().map_or(0, |(seq, _)| *seq) {
                self.found.add(Reason::Fork, self.place(piece.first), &piece.name);
            }
        }
    }

    /// The first entry enrols this handheld with this deployment.
    fn start(&mut self, journal: &Journal, tenant: &str) {
        let good = journal.entries.first().is_some_and(|first| {
            matches!(&first.event, Event::Enrolled { tenant: whose, device, .. }
                if first.seq == 1 && whose == tenant && *device == self.device)
        });
        // A gap at the start is told as a gap.
        let gap = journal.entries.first().is_some_and(|first| first.seq > 1);
        if !good && !gap {
            self.found.add(Reason::StartBad, self.place(1), "");
        }
        for entry in &journal.entries {
            if let Event::TailCut { bytes, .. } = &entry.event {
                self.found.add(Reason::TailCut, self.place(entry.seq), format!("{bytes} bytes"));
            }
        }
    }
}

/// A pack that has another entry where the chain is already known, or continues one that has: it
/// belongs to a fork, not to this journal.
fn other_story(head: Option<(u64, [u8; 32])>, piece: &Piece, forks: &[Piece]) -> bool {
    let Some((seq, hash)) = head else { return false };
    let differs = piece.hash_at(seq).is_some_and(|other| *other != hash);
    let begins_here = piece.first == seq + 1;
    differs && (!begins_here || forks.iter().any(|fork| fork.hash_at(seq) == Some(&piece.before)))
}

/// From when until when a journal tells, by the handheld's clock.
pub fn period(journals: &[Journal]) -> Option<(UnixSeconds, UnixSeconds)> {
    let times = || journals.iter().flat_map(|journal| &journal.entries).map(|entry| entry.at);
    Some((times().min()?, times().max()?))
}

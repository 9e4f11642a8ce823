//! Opening: find the end of the journal, compare it with everything that remembers it, bring the
//! index up to it.
//!
//! The fast path reads the segment headers, checks that the record the index stands at is in the
//! journal with the same hash, and replays what follows. Everything slower is for damage.

use super::area;
use super::chain::{Chain, Life};
use super::disk::{Disk, DiskLock, RealDisk, read_all, read_full};
use super::error::{Damage, StoreError, Why};
use super::event::{Event, Position, Stamp};
use super::files::Files;
use super::identity::{self, Identity};
use super::index::{Index, Tree};
use super::journal::{Appended, Journal, Tail, new_segment};
use super::kv::SledKv;
use super::project::{Written, project};
use super::rebuild::{Apply, Found, apply, apply_area, build, damage, empty, nothing, rebuild};
use super::records::encode_body;
use super::rows::{Cut, Opened};
use super::schema::{SEGMENT_BYTES, STALE_LIMIT};
use super::seal::{Sealer, StoreKey, random};
use super::segment::{HEADER, Header, MAX_FRAME, Rest, Slot, inspect_rest, parse_slot};
use super::snapshots;
use super::state::State;
use super::walk::{Next, Walker};
use crate::units::UnixSeconds;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The journal's folder.
pub const JOURNAL: &str = "journal";
/// The index's folder.
pub const INDEX: &str = "index";
const LOCK: &str = "lock";

/// Which engine keeps the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// Sled, in the store's folder.
    Sled,
    /// Memory: built at every opening. For tests, and for a disk that cannot hold an index.
    Memory,
}

/// What a store stands on.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// The index's engine.
    pub index: IndexKind,
    /// Size of new journal segments, bytes.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { disk: Arc::new(RealDisk), index: IndexKind::Sled, segment_bytes: SEGMENT_BYTES }
    }
}

/// An opened store, before it becomes a handle.
pub(super) struct Parts {
    pub identity: Identity,
    pub files: Files,
    pub chain: Arc<Chain>,
    pub journal: Journal,
    pub index: Index,
    pub state: State,
    pub stopped: Option<Why>,
    pub opened: Opened,
    pub lock: DiskLock,
}

fn io(what: &str) -> impl Fn(std::io::Error) -> StoreError + '_ {
    move |e| StoreError::of_io(what, &e)
}

fn lock(options: &Options, dir: &Path) -> Result<DiskLock, StoreError> {
    let path = dir.join(LOCK);
    options.disk.lock(&path).map_err(io(LOCK))?.ok_or_else(|| {
        let text = read_all(&*options.disk, &path, 32).unwrap_or_default();
        StoreError::Locked { pid: String::from_utf8_lossy(&text).trim().parse().ok() }
    })
}

/// Enrols: the journal with its first entry, then the identity, whose presence makes it an
/// enrolment.
pub(super) fn create(
    dir: &Path,
    identity: &Identity,
    stamp: &Stamp,
    key: &StoreKey,
    options: &Options,
) -> Result<(), StoreError> {
    let disk = &*options.disk;
    let snapshots = dir.join(snapshots::FOLDER);
    let folders =
        [dir.to_owned(), dir.join(JOURNAL), snapshots.clone(), snapshots.join(area::FOLDER)];
    for folder in folders {
        disk.make_dir(&folder).map_err(io("folder"))?;
    }
    let _lock = lock(options, dir)?;
    // Readable or not, with this key or another: it is somebody's.
    if identity::exists(disk, dir) {
        return Err(StoreError::AlreadyEnrolled(dir.display().to_string()));
    }
    clear_unfinished(options, dir)?;
    let seal = Arc::new(Sealer::new(key));
    let life = Life::new(identity.epoch, random()?, &identity.device);
    let folder = dir.join(JOURNAL);
    let bytes = options.segment_bytes;
    let chain = Chain::empty(options.disk.clone(), folder, life, seal.clone(), bytes);
    let head = Position { epoch: life.epoch, seq: 0, hash: life.genesis() };
    chain.push(new_segment(&chain, head).map_err(io("journal"))?);
    let mut journal = Journal::new(Arc::new(chain), Tail { head, offset: HEADER });
    let first = Event::Enrolled {
        tenant: identity.tenant.clone(),
        device: identity.device.clone(),
        office: identity.office_url.clone(),
    };
    super::rules::check_sizes(stamp, &first)?;
    journal.append(&[encode_body(1, stamp, &first)], 0)?;
    disk.sync_dir(&snapshots).map_err(io("folder"))?;
    disk.sync_dir(dir).map_err(io("folder"))?;
    identity::save(&options.disk, dir, &seal, identity, &life)
}

/// What an enrolment that was cut short left behind holds one entry at most; anything more is
/// somebody's journal without its identity, and is not touched. It may have been sealed with
/// another key, so frames are only counted.
fn clear_unfinished(options: &Options, dir: &Path) -> Result<(), StoreError> {
    let disk = &*options.disk;
    let folder = dir.join(JOURNAL);
    let segments: Vec<String> = disk
        .list(&folder)
        .map_err(io("journal"))?
        .into_iter()
        .filter(|n| n.ends_with(".mkj"))
        .collect();
    for name in &segments {
        let path = folder.join(name);
        let begun = only_begun(options, &path).map_err(io(name))?;
        if segments.len() > 1 || !begun {
            let what = "a journal without an identity".to_owned();
            let file = format!("{JOURNAL}/{name}");
            return Err(StoreError::Damaged(Damage { file, offset: 0, after_seq: 0, what }));
        }
        disk.remove(&path).map_err(io(name))?;
    }
    Ok(())
}

/// Whether a segment holds one frame or less, and nothing but the remains of a torn one behind it.
fn only_begun(options: &Options, path: &Path) -> std::io::Result<bool> {
    let file = options.disk.open(path)?;
    let mut head = [0; HEADER as usize];
    read_full(&*file, &mut head, 0)?;
    let Ok(header) = Header::decode(&head) else { return Ok(false) };
    let (mut at, mut frames) = (HEADER, 0);
    loop {
        let room = header.size.saturating_sub(at);
        let mut block = vec![0; usize::try_from(room.min(MAX_FRAME)).unwrap_or(0)];
        let got = read_full(&*file, &mut block, at)?;
        let Slot::Frame { sealed, .. } = parse_slot(&block[..got], room) else { break };
        at += 16 + sealed.len() as u64;
        frames += 1;
    }
    Ok(frames <= 1 && !matches!(inspect_rest(&*file, at, header.size)?, Rest::Damage(..)))
}

/// Opens a store.
pub(super) fn open(dir: &Path, key: &StoreKey, options: &Options) -> Result<Parts, StoreError> {
    let seal = Arc::new(Sealer::new(key));
    // Looked at before the lock so that a folder that is no store gets no lock file, and so that
    // with another key nothing is touched at all.
    identity::load(&options.disk, dir, &seal)?.0.wipe();
    let lock = lock(options, dir)?;
    let (identity, life) = identity::load(&options.disk, dir, &seal)?;
    let files = Files::new(options.disk.clone(), dir.to_owned(), seal.clone(), life.id);
    let (disk, folder) = (options.disk.clone(), dir.join(JOURNAL));
    let chain = Arc::new(Chain::empty(disk, folder, life, seal, options.segment_bytes));
    let damage = chain.open()?;
    let mut opened = Opened::default();
    let opening = Opening { files: &files, kind: options.index, chain: &chain };
    let (index, state, found, stopped) = match damage {
        Some(damage) => opening.read_only(Why::Damaged(damage)),
        None => opening.normally(&mut opened),
    };
    let journal = Journal::new(chain.clone(), Tail { head: found.head, offset: found.offset });
    let mut parts = Parts { identity, files, chain, journal, index, state, stopped, opened, lock };
    if let (Some(torn), None) = (found.torn, &parts.stopped) {
        parts.cut(torn, &found);
    }
    parts.opened.read_only = parts.stopped.clone();
    Ok(parts)
}

impl Parts {
    /// Cuts a torn tail off by recording that it was there.
    fn cut(&mut self, torn: u64, found: &Found) {
        let Some(segment) = self.chain.last() else { return };
        let cut = Cut { file: segment.name.clone(), offset: found.offset, bytes: torn };
        let event = Event::TailCut { file: cut.file.clone(), offset: cut.offset, bytes: torn };
        // The store has no clock of its own; nobody else is there to give the time yet.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let at = UnixSeconds(i64::try_from(now).unwrap_or(i64::MAX));
        let stamp = Stamp { at, boot_ms: 0, operator: String::new() };
        let body = encode_body(self.journal.head().seq + 1, &stamp, &event);
        self.opened.cut = Some(cut);
        match self.journal.append_cut(body, torn) {
            Ok(Appended { head, offset, end, .. }) => {
                let written = Written { first: head.seq, head, offset, end };
                let done = project(&self.index, &self.state, written, &[(stamp, event)]).and_then(
                    |(batch, state)| self.index.commit_with(batch, &state).map(|()| state),
                );
                // An index that fails here is behind by one entry; the first use builds it again.
                if let Ok(state) = done {
                    self.state = state;
                }
            }
            Err(e) => {
                self.journal.fail(e.to_string());
                self.stopped = Some(Why::WriteFailed(e.to_string()));
            }
        }
    }
}

struct Opening<'a> {
    files: &'a Files,
    kind: IndexKind,
    chain: &'a Chain,
}

type Result4 = (Index, State, Found, Option<Why>);

impl Opening<'_> {
    /// The journal cannot be trusted: read what is good into memory, leave every file as it is.
    fn read_only(&self, why: Why) -> Result4 {
        let memory = Index::in_memory(self.chain.seal.clone());
        let built = build(&memory, self.chain, self.files, u64::MAX);
        let (state, found) = built.unwrap_or_else(|_| (empty(self.chain), nothing(self.chain)));
        (memory, state, found, Some(why))
    }

    fn normally(&self, opened: &mut Opened) -> Result4 {
        let (index, no_index) = self.engine();
        let state = match index.state() {
            Ok(Some(state)) if state.life == self.chain.life.id => Ok(state),
            Ok(Some(_)) => Err("of another journal".to_owned()),
            Ok(None) => Err("missing".to_owned()),
            Err(e) => Err(e.0),
        };
        let followed = match state {
            Ok(state) => match self.follow(&index, state, opened) {
                Follow::Done(state, found) => Ok((index, state, found)),
                Follow::Stop(why) => {
                    drop(index);
                    return self.read_only(why);
                }
                Follow::Rebuild(reason) => Err((index, reason)),
            },
            Err(reason) => Err((index, reason)),
        };
        let (index, mut state, found, no_index) = match followed {
            Ok((index, state, found)) => (index, state, found, no_index),
            Err((index, reason)) => {
                drop(index);
                // Memory is always empty at first; that is not worth a word.
                if self.kind == IndexKind::Sled {
                    opened.rebuilt = Some(reason);
                }
                match rebuild(self.chain, self.files, self.kind, u64::MAX) {
                    Ok((index, state, found, why)) => (index, state, found, why),
                    Err(damage) => return self.read_only(Why::Damaged(damage)),
                }
            }
        };
        if let Some(why) = self.witnesses(&index, &found) {
            drop(index);
            return self.read_only(why);
        }
        let listed = area::manifest(self.files);
        if listed.map_or(0, |m| m.version) != state.area_version {
            // Behind an interrupted installation. A failure shows again at the first query.
            let _ = apply_area(&index, &mut state, self.files);
        }
        (index, state, found, no_index)
    }

    /// The index's engine, made anew if it cannot be opened; memory in the last resort.
    fn engine(&self) -> (Index, Option<Why>) {
        let seal = self.chain.seal.clone();
        if self.kind == IndexKind::Memory {
            return (Index::in_memory(seal), None);
        }
        let path = self.files.folder(INDEX);
        let opened = SledKv::open(&path).or_else(|_| {
            let _ = std::fs::remove_dir_all(&path);
            SledKv::open(&path)
        });
        match opened {
            Ok(kv) => (Index::on_disk(Box::new(kv), seal), None),
            Err(e) => (Index::in_memory(seal), Some(Why::NoIndex(e.0))),
        }
    }

    /// Replays what the journal has beyond the index.
    fn follow(&self, index: &Index, mut state: State, opened: &mut Opened) -> Follow {
        if state.head.seq == 0 {
            return Follow::Rebuild("empty".to_owned());
        }
        let stands = self.chain.read(state.head.seq, state.start);
        if stands.and_then(|frame| frame.head()) != Some(state.head) {
            return self.lost(&state);
        }
        if let Err(e) = index.check_rows(&state, &Tree::RIGHTS) {
            return Follow::Rebuild(e.0);
        }
        let mut walker = Walker::after(self.chain, state.head, state.offset);
        loop {
            match walker.step() {
                Ok(Next::Frame(frame)) => {
                    if opened.replayed >= STALE_LIMIT {
                        return Follow::Rebuild("far behind".to_owned());
                    }
                    match apply(index, &state, &frame) {
                        Ok(next) => state = next,
                        Err(Apply::Index(e)) => return Follow::Rebuild(e.0),
                        Err(Apply::Record(what)) => {
                            return Follow::Stop(Why::Damaged(damage(self.chain, &frame, what)));
                        }
                    }
                    opened.replayed += frame.entries.len() as u64;
                }
                Ok(Next::End(offset)) => {
                    return Follow::Done(state, Found { head: walker.head(), offset, torn: None });
                }
                Ok(Next::Torn(offset, bytes)) => {
                    let found = Found { head: walker.head(), offset, torn: Some(bytes) };
                    return Follow::Done(state, found);
                }
                Err(damage) => return Follow::Stop(Why::Damaged(damage)),
            }
        }
    }

    /// The record the index stands at is not in the journal: the journal is damaged, or older than
    /// the index, or another one grew in its place. Never a reason to build the index again.
    fn lost(&self, state: &State) -> Follow {
        let mut walker = Walker::from_start(self.chain, true);
        loop {
            match walker.step() {
                Ok(Next::Frame(frame)) if frame.entries.iter().any(|e| e.at == state.head) => {
                    // It is there after all: the index's idea of where was wrong.
                    return Follow::Rebuild("its position is elsewhere".to_owned());
                }
                Ok(Next::Frame(_)) => {}
                Ok(Next::End(_) | Next::Torn(..)) => {
                    let (have, known) = (walker.head().seq, state.head.seq);
                    return Follow::Stop(Why::RolledBack { have, known, witness: "index" });
                }
                Err(damage) => return Follow::Stop(Why::Damaged(damage)),
            }
        }
    }

    /// What the office acknowledged must be in the journal, whatever happened to the index; and it
    /// must never have said that it has seen more.
    fn witnesses(&self, index: &Index, found: &Found) -> Option<Why> {
        if let Some(note) = snapshots::rolled_back(self.files) {
            let (have, known) = note.map_or((found.head.seq, 0), |(have, at)| (have, at.seq));
            return Some(Why::RolledBack { have, known, witness: "office" });
        }
        let (_, acked) = snapshots::acked(self.files)?;
        let stop = Why::RolledBack { have: found.head.seq, known: acked.seq, witness: "receipt" };
        if acked.epoch != self.chain.life.epoch || acked.seq == 0 {
            return None;
        }
        if acked.seq > found.head.seq {
            return Some(stop);
        }
        let hash = hash_at(index, self.chain, found.head, acked.seq)?;
        (hash != acked.hash).then_some(stop)
    }
}

enum Follow {
    Done(State, Found),
    Rebuild(String),
    Stop(Why),
}

/// The chain hash of an entry; `None` if it cannot be read.
pub(super) fn hash_at(index: &Index, chain: &Chain, head: Position, seq: u64) -> Option<[u8; 32]> {
    if seq == head.seq {
        return Some(head.hash);
    }
    if seq == 0 {
        return Some(chain.life.genesis());
    }
    let mut walker = super::query::start(index, chain, seq);
    loop {
        let Ok(Next::Frame(frame)) = walker.step() else { return None };
        if frame.head()?.seq >= seq {
            return frame.entry(seq).map(|entry| entry.at.hash);
        }
    }
}

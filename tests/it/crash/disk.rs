//! A disk in memory that remembers what was forced, so that the power can be cut at any step.
//!
//! Every change is a step. What was written but not forced may survive a cut in any part, in units
//! of a sector, in any order; names that were not forced with their folder survive as some prefix
//! of the changes (file systems journal names in order, contents not).

use meterkit::store::disk::{Disk, DiskFile, DiskLock};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Power cuts tear writes at this size: smaller than any disk's, so that short records tear too.
const SECTOR: usize = 64;

/// What goes wrong, and at which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// From this step on nothing works: the power is gone.
    Cut(u64),
    /// So many steps, from this one on, find the disk full.
    Full { from: u64, steps: u64 },
    /// This step fails as worn-out disks do.
    Worn(u64),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    live: Vec<u8>,
    forced: Vec<u8>,
    /// Changes since the last flush: offset and bytes.
    pending: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Name {
    Set(PathBuf, usize),
    Gone(PathBuf),
    Moved(PathBuf, PathBuf),
}

impl Name {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => drop(names.insert(path.clone(), *inode)),
            Self::Gone(path) => drop(names.remove(path)),
            Self::Moved(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Set(path, _) | Self::Gone(path) | Self::Moved(path, _) => path.parent(),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    forced_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Name>,
    steps: u64,
    fault: Option<Fault>,
    free: Option<u64>,
}

/// The disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

/// A small generator: the same seed gives the same cut.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Uniform enough below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Plans a fault, or none.
    pub fn plan(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// What `free` answers.
    pub fn set_free(&self, free: Option<u64>) {
        self.state().free = free;
    }

    /// The files there are, with their contents.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(p, i)| (p.clone(), state.inodes[*i].live.clone())).collect()
    }

    /// The disk as the next start finds it after a power cut: what was forced, and whatever `dice`
    /// leaves of the rest. Faults are over.
    pub fn after_cut(&self, dice: &mut Dice) -> Self {
        let old = self.state();
        let mut names = old.forced_names.clone();
        let kept = dice.below(old.pending_names.len() as u64 + 1) as usize;
        old.pending_names[..kept].iter().for_each(|name| name.apply(&mut names));
        // Files are large and mostly empty: nothing is copied that the next start does not find.
        let mut inodes = Vec::with_capacity(old.inodes.len());
        for inode in &old.inodes {
            let mode = dice.below(4);
            let mut forced = inode.forced.clone();
            for (offset, bytes) in &inode.pending {
                for (part, sector) in bytes.chunks(SECTOR).enumerate() {
                    let survives = match mode {
                        0 => false,
                        1 => true,
                        _ => dice.below(2) == 0,
                    };
                    if survives {
                        put(&mut forced, offset + (part * SECTOR) as u64, sector);
                    }
                }
            }
            inodes.push(Inode { live: forced.clone(), forced, pending: Vec::new() });
        }
        let state = State { inodes, forced_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }
}

fn put(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (from, to) = (offset as usize, offset as usize + bytes.len());
    if file.len() < from {
        file.resize(from, 0);
    }
    let (over, behind) = bytes.split_at(bytes.len().min(file.len() - from));
    file[from..to - behind.len()].copy_from_slice(over);
    file.extend_from_slice(behind);
}

impl State {
    /// Counts a step; whether it fails.
    fn step(&mut self) -> Result<(), io::Error> {
        let at = self.steps;
        self.steps += 1;
        match self.fault {
            Some(Fault::Cut(from)) if at >= from => Err(io::Error::other("power cut")),
            Some(Fault::Full { from, steps }) if (from..from + steps).contains(&at) => {
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::Worn(step)) if step == at => Err(io::Error::other("worn out")),
            _ => Ok(()),
        }
    }

    fn dead(&self) -> bool {
        matches!(self.fault, Some(Fault::Cut(from)) if self.steps > from)
    }

    fn rename_step(&mut self, name: Name) -> io::Result<()> {
        let was_dead = self.dead();
        let result = self.step();
        // The step at which the power goes may or may not have reached the disk.
        if result.is_ok() || (!was_dead && self.dead()) {
            name.apply(&mut self.names);
            self.pending_names.push(name);
        }
        result
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let live = &state.inodes[self.inode].live;
        let from = (offset as usize).min(live.len());
        let size = buffer.len().min(live.len() - from);
        buffer[..size].copy_from_slice(&live[from..from + size]);
        Ok(size)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let was_dead = state.dead();
        let result = state.step();
        let written = match &result {
            Ok(()) => bytes.len(),
            Err(_) if was_dead => 0,
            Err(_) if state.dead() => bytes.len(),
            // A write that fails may have got half way.
            Err(_) => bytes.len() / 2,
        };
        let inode = &mut state.inodes[self.inode];
        put(&mut inode.live, offset, &bytes[..written]);
        inode.pending.push((offset, bytes[..written].to_vec()));
        result
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step()?;
        let inode = &mut state.inodes[self.inode];
        for (offset, bytes) in inode.pending.drain(..) {
            put(&mut inode.forced, offset, &bytes);
        }
        debug_assert_eq!(inode.forced.len(), inode.live.len());
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].live.len() as u64)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.write_at(&vec![0; bytes as usize], 0)
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.inodes.push(Inode::default());
        let inode = state.inodes.len() - 1;
        state.rename_step(Name::Set(path.to_owned(), inode))?;
        Ok(Box::new(SimFile { disk: self.clone(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = *self.state().names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().rename_step(Name::Moved(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().rename_step(Name::Gone(path.to_owned()))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        // Names are journaled in order: forcing one folder forces everything before it too.
        if let Some(last) = state.pending_names.iter().rposition(|n| n.folder() == Some(path)) {
            let done: Vec<Name> = state.pending_names.drain(..=last).collect();
            done.iter().for_each(|name| name.apply(&mut state.forced_names));
        }
        Ok(())
    }

    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|name| name.parent() == Some(path));
        let name = |p: &PathBuf| p.file_name().and_then(|n| n.to_str()).map(str::to_owned);
        Ok(inside.filter_map(name).collect())
    }

    fn lock(&self, _: &Path) -> io::Result<Option<DiskLock>> {
        Ok(Some(Box::new(())))
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(self.state().free.unwrap_or(1 << 40))
    }
}

//! Wrong PINs, counted where no restart and no clock can make them unhappen.
//!
//! The count is two files of one size, `vault/tries` and `tries` beside the vault's folder. Each
//! holds two copies with a generation and a tag under the device secret; the older copy is written
//! over in place and forced, which works on a full disk and survives a power cut. The newest copy
//! of all four counts, so that a file that was deleted, cut short or put back changes nothing. If
//! none can be read, every log-in has one try left and the longest wait before it.

use super::boot::Boot;
use super::error::VaultError;
use super::wrap::{Secret, tag, tag_fits};
use crate::store::disk::{Disk, read_all, replace};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Wrong PINs until a log-in is locked.
pub const LOCK_AFTER: u32 = 10;
/// What a log-in starts with when the count was lost.
const LOST: u8 = LOCK_AFTER as u8 - 1;
/// Wrong PINs of all operators, without a right one between them, from which on every try waits,
/// and how long, seconds: one PIN tried on many operators is a guess too.
const SPRAY: [(u16, u64); 2] = [(40, 300), (20, 60)];
/// The file's name, in both folders.
pub const FILE: &str = "tries";
/// Rows in a copy: every slot there can be, and as many names nobody has.
pub(super) const ROWS: usize = 128;

const COPY: usize = 8 * 1024;
const TAG: usize = 32;
const MAGIC: &[u8; 4] = b"MKT1";
const HEAD: usize = 64;
const ROW: usize = 48;
const ROW_USED: usize = 16 + 16 + 8 + 1;

/// Seconds before the next try, after so many wrong ones.
pub(super) fn wait_after(failures: u8) -> u64 {
    match failures {
        0..=2 => 0,
        3 => 30,
        4 => 60,
        5 => 5 * 60,
        6 => 15 * 60,
        _ => 60 * 60,
    }
}

/// A moment in the life of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mark {
    boot: [u8; 16],
    ms: u64,
}

impl Mark {
    fn now(boot: &dyn Boot) -> Self {
        Self { boot: boot.id(), ms: boot.ms() }
    }

    /// Seconds left of a wait that began here. After a restart all of it begins anew, with the
    /// machine's own clock at zero.
    fn left(self, wait_s: u64, boot: &dyn Boot) -> u64 {
        let now = boot.ms();
        let passed = if boot.id() == self.boot { now.saturating_sub(self.ms) } else { now };
        (wait_s * 1_000).saturating_sub(passed).div_ceil(1_000)
    }
}

/// One log-in's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    id: [u8; 16],
    failures: u8,
    since: Mark,
}

/// The whole count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Table {
    generation: u64,
    /// The count was lost once: who has no row starts with [`LOST`].
    lost: bool,
    /// Wrong PINs of all operators since the last right one.
    spray: u16,
    since: Mark,
    /// Longest untouched first.
    rows: Vec<Row>,
}

/// Where the count is kept.
pub(super) struct Tries {
    disk: Arc<dyn Disk>,
    folders: [PathBuf; 2],
    key: Secret,
}

/// Whose count: the slots that exist, and whether this one is locked for good after too many.
pub(super) struct Door<'a> {
    pub id: [u8; 16],
    pub slots: &'a [[u8; 16]],
    pub locks: bool,
}

/// How one log-in stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub failures: u8,
    pub wait_s: u64,
}

impl Tries {
    pub(super) fn new(disk: Arc<dyn Disk>, store: &Path, vault: &Path, key: Secret) -> Self {
        Self { disk, folders: [vault.to_owned(), store.to_owned()], key }
    }

    /// Writes a try down as a wrong one, before it is looked at. Returns the wrong ones before it.
    pub(super) fn begin(&self, door: &Door<'_>, boot: &dyn Boot) -> Result<u8, VaultError> {
        let mut table = self.table(boot, door.slots)?;
        let standing = table.standing(door, boot);
        if door.locks && u32::from(standing.failures) >= LOCK_AFTER {
            return Err(VaultError::LockedOut);
        }
        if standing.wait_s > 0 {
            return Err(VaultError::Wait { seconds: standing.wait_s });
        }
        let now = Mark::now(boot);
        if door.locks {
            table.spray = table.spray.saturating_add(1);
            table.since = now;
        }
        let failures = standing.failures.saturating_add(1);
        table.put(Row { id: door.id, failures, since: now }, door.slots);
        self.save(&mut table)?;
        Ok(standing.failures)
    }

    /// Forgets a log-in's wrong PINs: the right one was given, or somebody freed it.
    pub(super) fn clear(&self, door: &Door<'_>, boot: &dyn Boot) -> Result<(), VaultError> {
        let mut table = self.table(boot, door.slots)?;
        (table.spray, table.lost) = (0, false);
        table.put(Row { id: door.id, failures: 0, since: Mark::now(boot) }, door.slots);
        self.save(&mut table)
    }

    /// How a log-in stands now.
    pub(super) fn standing(
        &self,
        door: &Door<'_>,
        boot: &dyn Boot,
    ) -> Result<Standing, VaultError> {
        let table = match self.newest()? {
            Some(table) => table,
            None => Table::lost(boot, door.slots),
        };
        Ok(table.standing(door, boot))
    }

    /// The count, or, where it was lost, the strictest there is, kept from now on.
    fn table(&self, boot: &dyn Boot, slots: &[[u8; 16]]) -> Result<Table, VaultError> {
        if let Some(table) = self.newest()? {
            return Ok(table);
        }
        let mut table = Table::lost(boot, slots);
        self.save(&mut table)?;
        Ok(table)
    }

    fn newest(&self) -> Result<Option<Table>, VaultError> {
        let mut newest: Option<Table> = None;
        for folder in &self.folders {
            for table in self.copies(folder)?.into_iter().flatten() {
                if newest.as_ref().is_none_or(|best| best.generation < table.generation) {
                    newest = Some(table);
                }
            }
        }
        Ok(newest)
    }

    /// Both copies of one file, those that can be read. A file that cannot be read is as one that
    /// is not there: the other one stands in for it, and if that is gone too, nobody gains by it.
    fn copies(&self, folder: &Path) -> Result<[Option<Table>; 2], VaultError> {
        let Ok(bytes) = read_all(&*self.disk, &folder.join(FILE), 2 * COPY) else {
            return Ok([None, None]);
        };
        let copy = |at: usize| match bytes.get(at * COPY..(at + 1) * COPY) {
            Some(copy) => self.parse(copy),
            None => Ok(None),
        };
        Ok([copy(0)?, copy(1)?])
    }

    fn save(&self, table: &mut Table) -> Result<(), VaultError> {
        table.generation = table.generation.saturating_add(1);
        for folder in &self.folders {
            self.write(folder, table)?;
        }
        Ok(())
    }

    /// Writes over the older copy of one file, or makes the file anew if it is not what it must be.
    fn write(&self, folder: &Path, table: &Table) -> Result<(), VaultError> {
        let failed = |e: std::io::Error| VaultError::of_io(FILE, &e);
        let file = self.disk.open(&folder.join(FILE));
        let whole = |file: &dyn crate::store::disk::DiskFile| {
            file.size().is_ok_and(|size| size == 2 * COPY as u64)
        };
        match file {
            Ok(file) if whole(&*file) => {
                let [first, second] = self.copies(folder)?;
                let age = |copy: &Option<Table>| copy.as_ref().map_or(0, |t| t.generation);
                let at = if age(&first) <= age(&second) { 0 } else { COPY as u64 };
                file.write_at(&self.copy_of(table)?, at).map_err(failed)?;
                file.sync().map_err(failed)
            }
            _ => replace(&*self.disk, folder, FILE, &self.file_of(table)?).map_err(failed),
        }
    }

    fn file_of(&self, table: &Table) -> Result<Vec<u8>, VaultError> {
        let mut bytes = self.copy_of(table)?;
        bytes.resize(2 * COPY, 0);
        Ok(bytes)
    }

    fn copy_of(&self, table: &Table) -> Result<Vec<u8>, VaultError> {
        let mut out = table.encode();
        let tag = tag(&self.key, &[&out])?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    fn parse(&self, copy: &[u8]) -> Result<Option<Table>, VaultError> {
        let (body, found) = copy.split_at(COPY - TAG);
        Ok(if tag_fits(&self.key, &[body], found)? { Table::decode(body) } else { None })
    }
}

impl Table {
    fn lost(boot: &dyn Boot, slots: &[[u8; 16]]) -> Self {
        let since = Mark::now(boot);
        let row = |id: &[u8; 16]| Row { id: *id, failures: LOST, since };
        let rows = slots.iter().map(row).collect();
        Self { generation: 0, lost: true, spray: 0, since, rows }
    }

    fn standing(&self, door: &Door<'_>, boot: &dyn Boot) -> Standing {
        let (failures, since) = match self.rows.iter().find(|row| row.id == door.id) {
            Some(row) => (row.failures, row.since),
            // A slot is never made without a row: if it has none, an old file was put back.
            None if self.lost || door.slots.contains(&door.id) => (LOST, self.since),
            None => (0, self.since),
        };
        let mut wait_s = since.left(wait_after(failures), boot);
        let spray = SPRAY.iter().find(|(from, _)| self.spray >= *from);
        if let Some((_, wait)) = spray.filter(|_| door.locks) {
            wait_s = wait_s.max(self.since.left(*wait, boot));
        }
        Standing { failures, wait_s }
    }

    fn put(&mut self, row: Row, slots: &[[u8; 16]]) {
        self.rows.retain(|old| old.id != row.id);
        // Names nobody has make room for each other, never a slot for a name.
        while self.rows.len() >= ROWS {
            let spare = self.rows.iter().position(|old| !slots.contains(&old.id));
            self.rows.remove(spare.unwrap_or(0));
        }
        self.rows.push(row);
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COPY);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.push(u8::from(self.lost));
        out.extend_from_slice(&self.spray.to_be_bytes());
        out.extend_from_slice(&self.since.boot);
        out.extend_from_slice(&self.since.ms.to_be_bytes());
        out.push(u8::try_from(self.rows.len()).unwrap_or(0));
        out.resize(HEAD, 0);
        for row in &self.rows {
            out.extend_from_slice(&row.id);
            out.extend_from_slice(&row.since.boot);
            out.extend_from_slice(&row.since.ms.to_be_bytes());
            out.push(row.failures);
            out.resize(out.len() + ROW - ROW_USED, 0);
        }
        out.resize(COPY - TAG, 0);
        out
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let mut at = body.strip_prefix(MAGIC)?;
        let generation = u64::from_be_bytes(take(&mut at)?);
        let [lost] = take(&mut at)?;
        let spray = u16::from_be_bytes(take(&mut at)?);
        let since = Mark { boot: take(&mut at)?, ms: u64::from_be_bytes(take(&mut at)?) };
        let [count] = take(&mut at)?;
        let rows = body.get(HEAD..)?.chunks_exact(ROW).take(count.into()).map(|mut at| {
            let id = take(&mut at)?;
            let since = Mark { boot: take(&mut at)?, ms: u64::from_be_bytes(take(&mut at)?) };
            let [failures] = take(&mut at)?;
            Some(Row { id, failures, since })
        });
        let rows = rows.collect::<Option<Vec<Row>>>()?;
        Some(Self { generation, lost: lost != 0, spray, since, rows })
    }
}

fn take<const N: usize>(at: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = at.split_first_chunk::<N>()?;
    *at = rest;
    Some(*head)
}

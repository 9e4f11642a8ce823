//! Backup and restore (`docs/api.md`, "Backup").
//!
//! A backup is the whole ledger as of one moment, taken while the office serves, with the sealed
//! files of the keys' folder or expressly without them. It knows nothing of the database it came
//! out of: it is restored into a file or into PostgreSQL.
//!
//! A restored office has forgotten what happened after its backup, and its handhelds have not.
//! `rewound` is what it does about that.

mod again;
mod file;
mod recover;
pub(super) mod rewound;
mod tables;

use super::cell::Cell;
use super::error::OfficeError;
use super::keys::{make_dir, write_private};
use super::ledger::{self, Ledger, transact};
use super::schema::{self, FORMAT};
use super::{DATABASE, KEYS, Office, URL, system_clock};
use crate::units::UnixSeconds;
use file::{Kind, Reader, Writer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tables::{Content, Table};

pub use again::{Again, ToDo};
pub use rewound::Waiting;

/// Version of the manifest.
const VERSION: u64 = 1;
/// Longest file of the keys' folder: sealed keys, roots and keysets are a few KB.
const MAX_KEY_FILE: u64 = 1024 * 1024;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Whose office.
    pub tenant: String,
    /// As of when.
    pub made: UnixSeconds,
    /// The program that made it.
    pub program: String,
    /// Version of the tables.
    pub ledger: String,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// What all postings of each unit and place sum to, hundredths.
    pub sums: BTreeMap<(String, String), i64>,
    /// What all rows add up to, in any order (64 digits).
    pub content: String,
    /// Files of the keys' folder in it.
    pub keys: u64,
}

/// Where a restored office has its keys from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysFrom {
    /// The backup.
    Backup,
    /// A folder that outlived the office.
    Folder(PathBuf),
}

impl Manifest {
    fn json(&self) -> Value {
        let sums = self.sums.iter().map(
            |((unit, place), amount)| json!({ "unit": unit, "place": place, "amount": amount }),
        );
        json!({
            "version": VERSION, "tenant": self.tenant, "made": self.made.0,
            "program": self.program, "ledger": self.ledger, "rows": self.rows,
            "sums": sums.collect::<Vec<_>>(), "content": self.content, "keys": self.keys,
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        if json["version"] != VERSION {
            return None;
        }
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let rows = json["rows"].as_object()?.iter();
        let sums = json["sums"].as_array()?.iter().map(|sum| {
            let place = (sum["unit"].as_str()?.to_owned(), sum["place"].as_str()?.to_owned());
            Some((place, sum["amount"].as_i64()?))
        });
        Some(Self {
            tenant: text("tenant")?,
            made: UnixSeconds(json["made"].as_i64()?),
            program: text("program")?,
            ledger: text("ledger")?,
            rows: rows.map(|(name, n)| Some((name.clone(), n.as_u64()?))).collect::<Option<_>>()?,
            sums: sums.collect::<Option<_>>()?,
            content: text("content")?,
            keys: json["keys"].as_u64()?,
        })
    }

    /// Rows altogether.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// Counts what goes into a backup, or comes out of one.
struct Tally {
    rows: BTreeMap<String, u64>,
    sums: BTreeMap<(String, String), i64>,
    content: Content,
}

impl Tally {
    fn new() -> Self {
        let rows = tables::all().iter().map(|table| (table.name.to_owned(), 0)).collect();
        Self { rows, sums: BTreeMap::new(), content: Content::default() }
    }

    fn add(&mut self, table: &Table, row: &[Cell], bytes: &[u8]) {
        *self.rows.entry(table.name.to_owned()).or_default() += 1;
        self.content.add(table.name, bytes);
        let text = |name: &str| {
            let at = table.columns.iter().position(|column| column.0 == name)?;
            row.get(at)?.clone().text()
        };
        if table.name == "posting"
            && let (Some(unit), Some(place)) = (text("unit"), text("place"))
        {
            let at = table.columns.iter().position(|column| column.0 == "amount");
            let amount = at.and_then(|at| row.get(at)?.clone().int()).unwrap_or(0);
            let sum = self.sums.entry((unit, place)).or_default();
            *sum = sum.wrapping_add(amount);
        }
    }
}

impl Office {
    /// Writes a backup: everything as of one moment, while others work. `keys` is the keys' folder
    /// to take along; its secrets are sealed there and stay so.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] when the file exists; a file or the database failed. Nothing is left
    /// of a backup that failed.
    pub async fn backup(&self, file: &Path, keys: Option<&Path>) -> Result<Manifest, OfficeError> {
        let (tenant, made) = (self.tenant(), self.now());
        let mut out = Writer::create(file)?;
        let mut conn = self.ledger.snapshot().await?;
        let mut tally = Tally::new();
        for table in tables::all() {
            let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            out.part(Kind::Table, format!("{},{}", table.name, columns.join(",")).as_bytes())?;
            let write = |row: &[Cell]| {
                let bytes = tables::encode(row);
                tally.add(&table, row, &bytes);
                out.part(Kind::Row, &bytes)
            };
            table.each(&mut conn, write).await?;
        }
        drop(conn);
        let mut kept = 0;
        for (name, bytes) in keys.map(key_files).transpose()?.unwrap_or_default() {
            out.part(Kind::Key, &[name.as_bytes(), &[0], &bytes].concat())?;
            kept += 1;
        }
        let Tally { rows, sums, content } = tally;
        let program = concat!("meterkit-office ", env!("CARGO_PKG_VERSION")).to_owned();
        let (ledger, content) = (FORMAT.to_owned(), content.text());
        let manifest = Manifest { tenant, made, program, ledger, rows, sums, content, keys: kept };
        out.part(Kind::Manifest, manifest.json().to_string().as_bytes())?;
        out.finish()?;
        Ok(manifest)
    }

    /// What all rows of the ledger add up to, in any order: to compare two ledgers by.
    ///
    /// # Errors
    /// The database failed.
    pub async fn content(&self) -> Result<String, OfficeError> {
        let mut conn = self.ledger.snapshot().await?;
        Ok(Content::of(&mut conn).await?.text())
    }

    /// Makes an office out of a backup, in a new folder and, with a URL, in an empty database of
    /// PostgreSQL. The backup is checked whole before anything is made, and the new ledger against
    /// it before it is kept. Issuing is fenced from then on: see `docs/api.md`.
    ///
    /// # Errors
    /// [`OfficeError::AlreadyInitialised`]: nothing is ever restored over an office;
    /// [`OfficeError::BackupFile`], [`OfficeError::Usage`] for a backup without keys and no folder
    /// of keys, [`OfficeError::KeysOlder`]; a file or the database failed.
    pub async fn restore(
        dir: &Path,
        database: Option<&str>,
        file: &Path,
        from: &KeysFrom,
    ) -> Result<Manifest, OfficeError> {
        let manifest = examine(file)?;
        Self::place(dir)?;
        let now = system_clock()();
        if now < manifest.made {
            let why = "the clock of this machine is behind the backup: set it first";
            return Err(OfficeError::Usage(why.to_owned()));
        }
        // Beside its place, and renamed at the end: an office is there whole or not at all.
        let draft = draft_of(dir)?;
        let made = async {
            make_dir(&draft.join(KEYS))?;
            put_keys(&draft.join(KEYS), file, from)?;
            let ledger = match database {
                Some(url) => {
                    write_private(&draft.join(URL), format!("{url}\n").as_bytes())?;
                    Ledger::connect(url).await?
                }
                None => Ledger::open(&draft.join(DATABASE), true).await?,
            };
            if ledger.holds_office().await? {
                return Err(OfficeError::AlreadyInitialised("the database".to_owned()));
            }
            let loaded = load(&ledger, file, &manifest, now).await;
            ledger.close().await;
            loaded
        };
        let placed = match made.await {
            Ok(()) => match std::fs::rename(&draft, dir) {
                Ok(()) => return Ok(manifest),
                Err(error) => OfficeError::File(dir.display().to_string(), error),
            },
            Err(error) => error,
        };
        let _ = std::fs::remove_dir_all(&draft);
        Err(placed)
    }
}

/// Reads a backup from end to end and compares it with what it says of itself.
///
/// # Errors
/// [`OfficeError::BackupFile`] says what does not hold; the file cannot be read.
pub fn examine(path: &Path) -> Result<Manifest, OfficeError> {
    let mut tally = Tally::new();
    let mut keys = 0;
    let mut manifest = None;
    let mut reader = Reader::open(path)?;
    let end = walk(&mut reader, |part| {
        match part {
            Part::Row(table, row, bytes) => tally.add(table, &row, bytes),
            Part::Key(..) => keys += 1,
            Part::Manifest(found) => manifest = Some(found),
        }
        Ok(())
    });
    end?;
    let manifest = manifest.ok_or_else(|| reader.bad("it has no manifest"))?;
    let said = (&manifest.rows, &manifest.sums, &manifest.content, manifest.keys);
    if said != (&tally.rows, &tally.sums, &tally.content.text(), keys) {
        return Err(reader.bad("it does not hold what it says of itself"));
    }
    let mut units: BTreeMap<&str, i64> = BTreeMap::new();
    for ((unit, _), amount) in &manifest.sums {
        let sum = units.entry(unit).or_default();
        *sum = sum.wrapping_add(*amount);
    }
    if units.values().any(|sum| *sum != 0) {
        return Err(reader.bad("its postings do not sum to zero"));
    }
    Ok(manifest)
}

/// A part that was understood.
enum Part<'a> {
    Row(&'a Table, Vec<Cell>, &'a [u8]),
    Key(&'a str, &'a [u8]),
    Manifest(Manifest),
}

/// Goes through the parts in order.
fn walk(
    reader: &mut Reader,
    mut found: impl FnMut(Part<'_>) -> Result<(), OfficeError>,
) -> Result<(), OfficeError> {
    let tables = tables::all();
    let (mut now, mut ended) = (None, false);
    while let Some((kind, bytes)) = reader.part()? {
        if ended {
            return Err(reader.bad("something stands behind its manifest"));
        }
        match kind {
            Kind::Table => {
                let name = |table: &&Table| {
                    let columns = table.columns.iter().map(|(name, _)| *name);
                    let names: Vec<&str> = std::iter::once(table.name).chain(columns).collect();
                    names.join(",").as_bytes() == bytes
                };
                let table = tables.iter().find(name);
                now = Some(table.ok_or_else(|| reader.bad("its tables are not this version's"))?);
            }
            Kind::Row => {
                let row = tables::decode(&bytes);
                match (now, row) {
                    (Some(table), Some(row)) if table.fits(&row) => {
                        found(Part::Row(table, row, &bytes))?;
                    }
                    _ => return Err(reader.bad("a row that is none")),
                }
            }
            Kind::Key => {
                let (name, bytes) = key_part(&bytes).ok_or_else(|| reader.bad("a key file"))?;
                found(Part::Key(name, bytes))?;
            }
            Kind::Manifest => {
                let manifest = Manifest::read(&bytes).ok_or_else(|| reader.bad("its manifest"))?;
                if manifest.ledger != FORMAT {
                    let found = manifest.ledger;
                    return Err(OfficeError::Format { found, known: FORMAT });
                }
                ended = true;
                found(Part::Manifest(manifest))?;
            }
        }
    }
    Ok(())
}

/// Name and bytes of a key file; a name that leads elsewhere is none.
fn key_part(part: &[u8]) -> Option<(&str, &[u8])> {
    let at = part.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(&part[..at]).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(plain);
    good.then_some((name, &part[at + 1..]))
}

/// The files of a keys' folder, by name. Secrets in them are sealed.
fn key_files(dir: &Path) -> Result<Vec<(String, Vec<u8>)>, OfficeError> {
    let failed = |error| OfficeError::File(dir.display().to_string(), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let meta = entry.metadata().map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A draft is what a ceremony that was cut off left behind.
        if meta.is_file() && meta.len() <= MAX_KEY_FILE && !name.ends_with(".tmp") {
            files.push((name, super::keys::read(&entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

/// Puts the keys into a new folder.
fn put_keys(dir: &Path, file: &Path, from: &KeysFrom) -> Result<(), OfficeError> {
    if let KeysFrom::Folder(folder) = from {
        for (name, bytes) in key_files(folder)? {
            write_private(&dir.join(name), &bytes)?;
        }
        return Ok(());
    }
    let mut kept = 0;
    walk(&mut Reader::open(file)?, |part| match part {
        Part::Key(name, bytes) => {
            kept += 1;
            write_private(&dir.join(name), bytes)
        }
        _ => Ok(()),
    })?;
    if kept == 0 {
        let why = "this backup was made without keys: name the folder that has them with --keys";
        return Err(OfficeError::Usage(why.to_owned()));
    }
    Ok(())
}

/// A folder of our own beside the place of the new office.
fn draft_of(dir: &Path) -> Result<PathBuf, OfficeError> {
    let random = super::keys::random()?;
    let mut name = dir.as_os_str().to_owned();
    name.push(format!(".restoring-{:02x}{:02x}{:02x}", random[0], random[1], random[2]));
    let draft = PathBuf::from(name);
    make_dir(&draft)?;
    // An empty folder may stand in the new office's place; anything else may not.
    if dir.exists() {
        let failed = |error| OfficeError::File(dir.display().to_string(), error);
        std::fs::remove_dir(dir).map_err(failed)?;
    }
    Ok(draft)
}

/// Fills an empty database: all of it in one transaction, compared with the backup at its end.
async fn load(
    ledger: &Ledger,
    file: &Path,
    manifest: &Manifest,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    transact!(ledger, |tx| fill(&mut tx, file, manifest, now).await)
}

async fn fill(
    conn: &mut ledger::Conn,
    file: &Path,
    manifest: &Manifest,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    schema::make_tables(conn).await?;
    let mut reader = Reader::open(file)?;
    let tables = tables::all();
    let (mut table, mut rows): (Option<&Table>, Vec<Vec<Cell>>) = (None, Vec::new());
    while let Some((kind, bytes)) = reader.part()? {
        if kind == Kind::Row {
            rows.push(tables::decode(&bytes).ok_or_else(|| reader.bad("a row that is none"))?);
        }
        if (kind != Kind::Row || rows.len() >= Table::at_once())
            && let Some(table) = table
        {
            table.insert(conn, std::mem::take(&mut rows)).await?;
        }
        if kind == Kind::Table {
            let name = bytes.split(|byte| *byte == b',').next().unwrap_or_default();
            table = tables.iter().find(|table| table.name.as_bytes() == name);
        }
    }
    if Content::of(conn).await?.text() != manifest.content {
        return Err(reader.bad("the database does not hold what was written into it"));
    }
    rewound::begin(conn, now).await
}

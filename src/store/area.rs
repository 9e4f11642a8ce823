//! The area list: which meters there are, whose, and where.
//!
//! It arrives in pages. Pages of a new version are written beside those of the old; a small
//! manifest, replaced whole, makes them the list; then the index follows in batches. A crash
//! anywhere leaves the old list or the new one, and the next opening finishes the index.

use super::disk::Disk;
use super::error::StoreError;
use super::files::Files;
use super::index::{Index, Tree};
use super::kv::{IndexError, Pair};
use super::records::rows;
use super::rows::{AreaMeter, AreaPage};
use super::runs;
use super::schema::{AREA_FORMAT, MAX_METER_TEXT, MAX_PAGE_METERS, MAX_PAGES, MAX_SNAPSHOT};
use crate::units::MeterNo;
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};
use std::collections::HashSet;
use std::path::Path;

/// The folder inside the snapshots.
pub const FOLDER: &str = "area";
/// The folder inside the store.
const PATH: &str = "snapshots/area";
const MANIFEST: &str = "manifest";

/// Which list is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// Its version.
    pub version: u64,
    /// How many pages it has.
    pub pages: u32,
    /// How many meters.
    pub meters: u64,
}

fn page_name(version: u64, page: u32) -> String {
    format!("{version:012}-{page:04}")
}

/// Refuses what the index or a page could not hold.
fn check(pages: &[AreaPage]) -> Result<u64, StoreError> {
    if pages.len() > MAX_PAGES {
        return Err(StoreError::Area(format!("{} pages", pages.len())));
    }
    let mut seen = HashSet::new();
    for page in pages {
        if page.meters.len() > MAX_PAGE_METERS {
            return Err(StoreError::Area(format!("{} meters on a page", page.meters.len())));
        }
        for meter in &page.meters {
            let long = |text: &String| text.len() > MAX_METER_TEXT;
            let texts = [&meter.customer, &meter.location, &meter.profile, &meter.area];
            if texts.into_iter().any(long) {
                return Err(StoreError::Area(format!("a text of meter {} is too long", meter.no)));
            }
            if !seen.insert(meter.no) {
                return Err(StoreError::Area(format!("meter {} is there twice", meter.no)));
            }
        }
    }
    Ok(seen.len() as u64)
}

/// Writes pages and manifest. Pages that are already there with the same contents are left alone,
/// so that an interrupted installation goes on where it stopped.
///
/// # Errors
/// [`StoreError::Area`] for a list that cannot be taken; [`StoreError::DiskFull`],
/// [`StoreError::Failed`]: the old list is still in force.
pub fn write(files: &Files, version: u64, pages: &[AreaPage]) -> Result<Manifest, StoreError> {
    let meters = check(pages)?;
    // A version names one list for ever; the pages in force are not to be written over.
    let in_force = manifest(files).filter(|list| list.version == version);
    if in_force.is_some_and(|list| list.pages as usize != pages.len()) {
        return Err(StoreError::Area(format!("version {version} is in force with other pages")));
    }
    let failed = |e: std::io::Error| StoreError::of_io("area", &e);
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    for (number, page) in (0u32..).zip(pages) {
        let name = page_name(version, number);
        let rows = page.meters.iter().map(rows::area_meter).collect();
        let value = Value::Map(vec![
            (0, Value::Int(AREA_FORMAT)),
            (1, Value::Array(rows)),
            (2, Value::Bytes(page.signed.clone())),
        ]);
        let bytes = encode(&value);
        if bytes.len() > MAX_SNAPSHOT {
            return Err(StoreError::Area(format!("page {number} has {} bytes", bytes.len())));
        }
        if files.get(PATH, &name, MAX_SNAPSHOT).is_ok_and(|old| old == bytes) {
            continue;
        }
        // A page that rotted on the disk may be mended by the same list.
        if in_force.is_some() && self::page(files, version, number).is_some() {
            return Err(StoreError::Area(format!("version {version} is in force, and differs")));
        }
        files.put(PATH, &name, &bytes).map_err(failed)?;
    }
    let list = Manifest { version, pages: count, meters };
    if in_force.is_some() {
        return Ok(list);
    }
    let value = Value::Map(vec![
        (0, Value::Int(AREA_FORMAT)),
        (1, super::records::parts::number(version)),
        (2, Value::from(count)),
        (3, super::records::parts::number(meters)),
    ]);
    files.put(PATH, MANIFEST, &encode(&value)).map_err(failed)?;
    remove_others(files.disk(), &files.folder(PATH), version);
    Ok(list)
}

/// Pages of other versions are of no use any more. Failing to remove one costs only space.
fn remove_others(disk: &dyn Disk, folder: &Path, version: u64) {
    let keep = format!("{version:012}-");
    for name in disk.list(folder).unwrap_or_default() {
        if name != MANIFEST && !name.starts_with(&keep) {
            let _ = disk.remove(&folder.join(name));
        }
    }
}

/// The list in force, if there is one that can be read.
pub fn manifest(files: &Files) -> Option<Manifest> {
    let bytes = files.get(PATH, MANIFEST, MAX_SNAPSHOT).ok()?;
    let mut f = Fields::of(decode(&bytes, Limits { bytes: 256, depth: 2 }).ok()?).ok()?;
    (f.int(0).ok()? == AREA_FORMAT).then_some(())?;
    let found = Manifest {
        version: f.number(1).ok()?,
        pages: f.number(2).ok()?,
        meters: f.number(3).ok()?,
    };
    f.finish().ok()?;
    Some(found)
}

/// A page's signed document and meters; `None` if it cannot be read.
pub fn page(files: &Files, version: u64, number: u32) -> Option<AreaPage> {
    let bytes = files.get(PATH, &page_name(version, number), MAX_SNAPSHOT).ok()?;
    let limits = Limits { bytes: MAX_SNAPSHOT, depth: 4 };
    let mut f = Fields::of(decode(&bytes, limits).ok()?).ok()?;
    (f.int(0).ok()? == AREA_FORMAT).then_some(())?;
    let take = |value| rows::take_area_meter(Fields::of(value).ok()?).ok();
    let meters = f.array(1).ok()?.into_iter().map(take).collect::<Option<Vec<_>>>()?;
    let signed = f.bytes(2).ok()?;
    f.finish().ok()?;
    Some(AreaPage { signed, meters })
}

/// Puts a list's meters into the index, beside those of other versions.
///
/// # Errors
/// [`IndexError`].
pub fn index_meters(index: &Index, version: u64, meters: &[AreaMeter]) -> Result<(), IndexError> {
    let text = |of: &str, no: MeterNo| [fold(of).as_bytes(), &[0], &no.bcd()].concat();
    let run = |tree: Tree, row: &dyn Fn(&AreaMeter) -> Pair| {
        let mut rows: Vec<Pair> = meters.iter().map(row).collect();
        rows.sort_unstable();
        runs::write(index, tree, version, &rows)
    };
    run(Tree::Meter, &|m| (m.no.bcd().to_vec(), encode(&rows::area_meter(m))))?;
    run(Tree::MeterEnd, &|m| (reversed(m.no), Vec::new()))?;
    run(Tree::Customer, &|m| (text(&m.customer, m.no), Vec::new()))?;
    run(Tree::Location, &|m| (text(&m.location, m.no), Vec::new()))
}

/// Removes the meters of other versions from the index.
///
/// # Errors
/// [`IndexError`].
pub fn sweep(index: &Index, version: u64) -> Result<(), IndexError> {
    [Tree::Meter, Tree::MeterEnd, Tree::Customer, Tree::Location]
        .into_iter()
        .try_for_each(|tree| runs::remove_others(index, tree, version))
}

/// A text as it is searched: lower case, no outer blanks.
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The digits of a meter number, last one first.
pub fn reversed(no: MeterNo) -> Vec<u8> {
    no.to_string().into_bytes().into_iter().rev().collect()
}

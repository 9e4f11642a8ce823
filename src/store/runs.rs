//! Sorted lists that never change, packed: many short rows in one value of the index.
//!
//! A list of 100,000 meters with three ways to search it is 400,000 rows; as rows of sled they
//! would make the index ten times as large and opening slow. Packed a few kilobytes at a time they
//! are a few thousand. A run's keys begin with its version, so that a new list is written beside
//! the old one and takes its place when the state row says so.
//!
//! Packs are numbered: their keys tell nobody what is in them. A directory, sealed like every row,
//! holds the first key of each; it is read when the run is first searched, and kept in memory.

use super::index::{Index, Tree, key, span};
use super::kv::{Batch, IndexError, Pair};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

type Result<T> = std::result::Result<T, IndexError>;

/// A pack is closed when it is this long, bytes.
const PACK: usize = 4 * 1024;
/// A row of the directory is closed when it is this long, bytes.
const DIRECTORY: usize = 32 * 1024;
/// Packs written in one batch.
const PACKS: usize = 64;

/// Rows of the directory, and packs: the byte behind the version.
const KIND_DIRECTORY: u8 = 0;
const KIND_PACK: u8 = 1;

/// First keys of a run's packs.
type Directory = Arc<Vec<Vec<u8>>>;

/// The directories that were read.
#[derive(Default)]
pub struct Directories(RwLock<BTreeMap<(Tree, u64), Directory>>);

impl Directories {
    fn get(&self, tree: Tree, version: u64) -> Option<Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&(tree, version)).cloned()
    }

    fn put(&self, tree: Tree, version: u64, directory: Directory) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert((tree, version), directory);
    }

    /// Forgets those of a tree, all but one version's.
    fn keep(&self, tree: Tree, version: u64) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, v), _| *of != tree || *v == version);
    }
}

fn run_key(tree: Tree, version: u64, kind: u8, number: u32) -> Vec<u8> {
    key(tree, &[&version.to_be_bytes(), &[kind], &number.to_be_bytes()])
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    // Keys and rows of a run are short: area texts are at most 256 bytes.
    out.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(part);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let (part, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    Some(part)
}

fn unpack(pack: &[u8]) -> Result<Vec<Pair>> {
    let (mut rest, mut out) = (pack, Vec::new());
    while !rest.is_empty() {
        let pair = take(&mut rest).zip(take(&mut rest));
        let (k, v) = pair.ok_or_else(|| IndexError("a pack is cut short".into()))?;
        out.push((k.to_vec(), v.to_vec()));
    }
    Ok(out)
}

/// Writes a run. `rows` are sorted by key, each key there once.
///
/// # Errors
/// [`IndexError`].
pub fn write(index: &Index, tree: Tree, version: u64, rows: &[Pair]) -> Result<()> {
    let mut batch = Batch::new();
    let (mut pack, mut firsts) = (Vec::with_capacity(PACK + 1_024), Vec::new());
    for (at, (k, v)) in rows.iter().enumerate() {
        if pack.is_empty() {
            firsts.push(k.clone());
        }
        put(&mut pack, k);
        put(&mut pack, v);
        let last = at + 1 == rows.len();
        if pack.len() >= PACK || last {
            let number = u32::try_from(firsts.len() - 1).unwrap_or(u32::MAX);
            batch
                .insert(run_key(tree, version, KIND_PACK, number), Some(std::mem::take(&mut pack)));
            if batch.len() >= PACKS || last {
                index.commit(std::mem::take(&mut batch))?;
            }
        }
    }
    let (mut number, mut row) = (0, Vec::new());
    for (at, first) in firsts.iter().enumerate() {
        put(&mut row, first);
        if row.len() >= DIRECTORY || at + 1 == firsts.len() {
            batch.insert(
                run_key(tree, version, KIND_DIRECTORY, number),
                Some(std::mem::take(&mut row)),
            );
            number += 1;
        }
    }
    index.commit(batch)?;
    index.directories.put(tree, version, Arc::new(firsts));
    Ok(())
}

/// Removes the runs of every version but one.
///
/// # Errors
/// [`IndexError`].
pub fn remove_others(index: &Index, tree: Tree, keep: u64) -> Result<()> {
    index.directories.keep(tree, keep);
    let mut after = None;
    loop {
        let page = index.keys(span(&key(tree, &[]), after), PACKS)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let kept = key(tree, &[&keep.to_be_bytes()]);
        let batch: Batch =
            page.into_iter().filter(|k| !k.starts_with(&kept)).map(|k| (k, None)).collect();
        if !batch.is_empty() {
            index.commit(batch)?;
        }
    }
}

/// First keys of a run's packs; none for a run that is not there.
fn directory(index: &Index, tree: Tree, version: u64) -> Result<Directory> {
    if let Some(known) = index.directories.get(tree, version) {
        return Ok(known);
    }
    let mut firsts = Vec::new();
    index.each(&key(tree, &[&version.to_be_bytes(), &[KIND_DIRECTORY]]), |_, row| {
        let mut rest = row;
        while !rest.is_empty() {
            let first = take(&mut rest).ok_or_else(|| IndexError("a directory is cut".into()))?;
            firsts.push(first.to_vec());
        }
        Ok::<_, IndexError>(())
    })?;
    let found = Arc::new(firsts);
    index.directories.put(tree, version, found.clone());
    Ok(found)
}

/// Rows of a run from `from` on while `wanted` says so, at most `limit`.
///
/// # Errors
/// [`IndexError`].
pub fn scan(
    index: &Index,
    tree: Tree,
    version: u64,
    from: Bound<&[u8]>,
    limit: usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Pair>> {
    let firsts = directory(index, tree, version)?;
    let begin = match from {
        // The first row wanted may be inside the pack that begins before it.
        Bound::Included(start) | Bound::Excluded(start) => {
            firsts.partition_point(|first| first.as_slice() <= start).saturating_sub(1)
        }
        Bound::Unbounded => 0,
    };
    let mut out = Vec::new();
    for number in begin..firsts.len() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let pack = index.get(&run_key(tree, version, KIND_PACK, number))?;
        let pack = pack.ok_or_else(|| IndexError("a pack is missing".into()))?;
        for (k, v) in unpack(&pack)? {
            let begun = match from {
                Bound::Included(from) => k.as_slice() >= from,
                Bound::Excluded(from) => k.as_slice() > from,
                Bound::Unbounded => true,
            };
            if !begun {
                continue;
            }
            if out.len() >= limit || !wanted(&k) {
                return Ok(out);
            }
            out.push((k, v));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seal::{Sealer, StoreKey};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_run_answers_as_a_map_does(
            rows in proptest::collection::btree_map(
                proptest::collection::vec(0u8..3, 0..6),
                proptest::collection::vec(any::<u8>(), 0..900),
                0..40,
            ),
            from in proptest::collection::vec(0u8..3, 0..6),
            excluded in any::<bool>(),
            limit in 0usize..20,
        ) {
            let seal = Arc::new(Sealer::new(&StoreKey::from_bytes([1; 32])));
            let kv = Box::new(crate::store::kv::MemoryKv::default());
            let index = Index::on_disk(kv, seal);
            let list: Vec<Pair> = rows.clone().into_iter().collect();
            write(&index, Tree::Meter, 6, &[(vec![1], vec![])]).unwrap();
            write(&index, Tree::Meter, 7, &list).unwrap();
            write(&index, Tree::Meter, 8, &[(vec![0], vec![])]).unwrap();
            let bound = |key| if excluded { Bound::Excluded(key) } else { Bound::Included(key) };
            let got = scan(&index, Tree::Meter, 7, bound(&from[..]), limit, |_| true).unwrap();
            let want: Vec<Pair> = rows
                .range::<[u8], _>((bound(&from[..]), Bound::Unbounded))
                .take(limit)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            prop_assert_eq!(got, want.clone());
            // As the next start finds it.
            index.directories.keep(Tree::Meter, 0);
            let got = scan(&index, Tree::Meter, 7, bound(&from[..]), limit, |_| true).unwrap();
            prop_assert_eq!(got, want);
            remove_others(&index, Tree::Meter, 7).unwrap();
            let all = scan(&index, Tree::Meter, 7, Bound::Unbounded, 1_000, |_| true).unwrap();
            prop_assert_eq!(all.into_iter().collect::<BTreeMap<_, _>>(), rows);
            let gone = scan(&index, Tree::Meter, 6, Bound::Unbounded, 9, |_| true).unwrap();
            prop_assert!(gone.is_empty());
        }
    }

    #[test]
    fn no_bytes_of_a_pack_panic() {
        for size in 0..40 {
            let _ = unpack(&vec![0xFF; size]);
            let _ = unpack(&vec![0; size]);
        }
        assert!(unpack(&[0, 1, 7]).is_err());
    }
}

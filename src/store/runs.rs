//! Sorted lists that never change, packed: many short rows in one value of the index.
//!
//! A list of 100,000 meters with three ways to search it is 400,000 rows; as rows of sled they
//! would make the index ten times as large and opening slow. Packed a few kilobytes at a time they
//! are a few thousand. A run's keys begin with its version, so that a new list is written beside
//! the old one and takes its place when the state row says so.

use super::index::{Index, Tree, key, seal, span};
use super::kv::{Batch, IndexError, Pair};
use std::ops::Bound;

type Result<T> = std::result::Result<T, IndexError>;

/// A pack is closed when it is this long, bytes.
const PACK: usize = 4 * 1024;
/// Packs written in one batch.
const PACKS: usize = 64;
/// Packs read in one go.
const READ: usize = 4;

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
    let (mut first, mut pack) = (None, Vec::with_capacity(PACK + 1_024));
    for (at, (k, v)) in rows.iter().enumerate() {
        first.get_or_insert(k);
        put(&mut pack, k);
        put(&mut pack, v);
        let last = at + 1 == rows.len();
        if pack.len() >= PACK || last {
            let name = key(tree, &[&version.to_be_bytes(), first.take().map_or(&[], |k| k)]);
            let sealed = seal(&name, &pack);
            batch.insert(name, Some(sealed));
            pack.clear();
            if batch.len() >= PACKS || last {
                index.commit(&std::mem::take(&mut batch))?;
            }
        }
    }
    Ok(())
}

/// Removes the runs of every version but one.
///
/// # Errors
/// [`IndexError`].
pub fn remove_others(index: &Index, tree: Tree, keep: u64) -> Result<()> {
    let mut after = None;
    loop {
        let page = index.scan(span(&key(tree, &[]), after), PACKS, false)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let kept = key(tree, &[&keep.to_be_bytes()]);
        let others = page.into_iter().filter(|(k, _)| !k.starts_with(&kept));
        let batch: Batch = others.map(|(k, _)| (k, None)).collect();
        if !batch.is_empty() {
            index.commit(&batch)?;
        }
    }
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
    let prefix = key(tree, &[&version.to_be_bytes()]);
    let (Bound::Included(start) | Bound::Excluded(start)) = from else {
        return collect(index, &prefix, Bound::Included(prefix.clone()), from, limit, wanted);
    };
    // The first row wanted may be inside the pack that begins before it.
    let name = [prefix.as_slice(), start].concat();
    let before = (Bound::Included(prefix.clone()), Bound::Included(name));
    let pack = index.scan(before, 1, true)?.pop().map(|(k, _)| k);
    let first = Bound::Included(pack.unwrap_or_else(|| prefix.clone()));
    collect(index, &prefix, first, from, limit, wanted)
}

fn collect(
    index: &Index,
    prefix: &[u8],
    mut first: Bound<Vec<u8>>,
    from: Bound<&[u8]>,
    limit: usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Pair>> {
    let mut out = Vec::new();
    let (_, end) = span(prefix, None);
    loop {
        let packs = index.scan((first, end.clone()), READ, false)?;
        let Some((last, _)) = packs.last() else { return Ok(out) };
        first = Bound::Excluded(last.clone());
        for (_, pack) in &packs {
            for (k, v) in unpack(pack)? {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kv::MemoryKv;
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
            let index = Index::new(Box::new(MemoryKv::default()));
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

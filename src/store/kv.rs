//! The narrow trait under the index, and its two makers: sled, and memory for when sled cannot be.
//!
//! One ordered map of bytes with atomic batches is all the index needs, so that the engine can be
//! replaced without touching anything else. Every call into sled is caught: it is known to panic on
//! damaged files (`reference/store.md`), and a panic means no more than "build the index again".

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// The index failed: it is to be built again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IndexError(pub String);

/// A key and a value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Changes that become visible together: `None` removes.
pub type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A part of the key space, both ends as in [`BTreeMap::range`].
pub type Span = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// An ordered map with atomic batches.
pub trait Kv: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`IndexError`] when the engine failed.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError>;
    /// Up to `limit` pairs of a span, from its start or from its end.
    ///
    /// # Errors
    /// [`IndexError`] when the engine failed.
    fn scan(&self, span: Span, limit: usize, backwards: bool) -> Result<Vec<Pair>, IndexError>;
    /// Makes all changes or none.
    ///
    /// # Errors
    /// [`IndexError`] when the engine failed; then nothing is known.
    fn commit(&self, batch: &Batch) -> Result<(), IndexError>;
    /// Hands everything to the operating system. Durability is not asked for, and not given.
    ///
    /// # Errors
    /// [`IndexError`] when the engine failed.
    fn flush(&self) -> Result<(), IndexError>;
}

/// The map in memory.
#[derive(Debug, Default)]
pub struct MemoryKv(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Kv for MemoryKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, span: Span, limit: usize, backwards: bool) -> Result<Vec<Pair>, IndexError> {
        if is_empty(&span) {
            return Ok(Vec::new());
        }
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pair = |(k, v): (&Vec<u8>, &Vec<u8>)| (k.clone(), v.clone());
        let range = map.range(span);
        Ok(if backwards {
            range.rev().take(limit).map(pair).collect()
        } else {
            range.take(limit).map(pair).collect()
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), IndexError> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

/// `BTreeMap::range` panics on a span that ends before it begins.
fn is_empty(span: &Span) -> bool {
    match (&span.0, &span.1) {
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            a > b || (a == b && !matches!(span, (Bound::Included(_), Bound::Included(_))))
        }
        _ => false,
    }
}

/// The map in sled.
pub struct SledKv(sled::Db);

/// Cache sled may hold, bytes: a handheld's working set is a few pages.
const CACHE: u64 = 8 * 1024 * 1024;
/// How often sled writes in the background, milliseconds.
const FLUSH_MS: u64 = 1_000;
/// How often opening is tried while an earlier handle of this process lets go of the lock.
const LOCK_TRIES: u32 = 40;
/// Pause between those tries.
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Calls into sled; a panic there is an error here.
fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(IndexError(e.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(IndexError(format!("panicked: {}", text.unwrap_or("no message"))))
        }
    }
}

impl SledKv {
    /// Opens or makes the index in a folder.
    ///
    /// # Errors
    /// [`IndexError`] when sled cannot open it, for whatever reason.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let opened = guarded(|| {
                sled::Config::new()
                    .path(dir)
                    .cache_capacity(CACHE)
                    .flush_every_ms(Some(FLUSH_MS))
                    .open()
            });
            match opened {
                Ok(db) => return Ok(Self(db)),
                Err(e) if tries < LOCK_TRIES && e.0.contains("could not acquire lock") => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(e) => return Err(e),
            }
        }
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        guarded(|| Ok(self.0.get(key)?.map(|v| v.to_vec())))
    }

    fn scan(&self, span: Span, limit: usize, backwards: bool) -> Result<Vec<Pair>, IndexError> {
        if is_empty(&span) {
            return Ok(Vec::new());
        }
        guarded(|| {
            let pair = |item: sled::Result<(sled::IVec, sled::IVec)>| {
                item.map(|(k, v)| (k.to_vec(), v.to_vec()))
            };
            let range = self.0.range::<Vec<u8>, _>(span);
            if backwards {
                range.rev().take(limit).map(pair).collect()
            } else {
                range.take(limit).map(pair).collect()
            }
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), IndexError> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => changes.insert(key.as_slice(), value.as_slice()),
                None => changes.remove(key.as_slice()),
            }
        }
        guarded(|| self.0.apply_batch(changes))
    }

    fn flush(&self) -> Result<(), IndexError> {
        guarded(|| self.0.flush().map(|_| ()))
    }
}

impl Drop for SledKv {
    fn drop(&mut self) {
        // Sled flushes when its last handle goes; a panic in there must not become an abort.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span() -> impl Strategy<Value = Span> {
        let bound = || {
            prop_oneof![
                Just(Bound::Unbounded),
                proptest::collection::vec(0u8..4, 0..3).prop_map(Bound::Included),
                proptest::collection::vec(0u8..4, 0..3).prop_map(Bound::Excluded),
            ]
        };
        (bound(), bound())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn memory_and_sled_agree(
            batches in proptest::collection::vec(
                proptest::collection::btree_map(
                    proptest::collection::vec(0u8..4, 1..3),
                    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)),
                    0..6,
                ),
                0..6,
            ),
            spans in proptest::collection::vec((span(), 0usize..5, any::<bool>()), 8),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let (sled, memory) = (SledKv::open(dir.path()).unwrap(), MemoryKv::default());
            for batch in &batches {
                sled.commit(batch).unwrap();
                memory.commit(batch).unwrap();
                for key in batch.keys() {
                    prop_assert_eq!(sled.get(key).unwrap(), memory.get(key).unwrap());
                }
            }
            for (span, limit, backwards) in spans {
                let a = sled.scan(span.clone(), limit, backwards).unwrap();
                prop_assert_eq!(a, memory.scan(span, limit, backwards).unwrap());
            }
        }
    }
}

//! Which program writes: its version and the digest of its file, journaled when they change.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::store::{Event, Stamp, Store};

/// Bytes read at once.
const PIECE: usize = 1 << 18;

/// A digest that is being made.
pub(super) type Pending = Option<JoinHandle<Option<[u8; 32]>>>;

/// Begins to digest this program's file, beside other work; once in a process.
pub(super) fn digest() -> Pending {
    let thread = std::thread::Builder::new().name("digest".to_owned());
    thread.spawn(|| *OWN.get_or_init(own)).ok()
}

static OWN: OnceLock<Option<[u8; 32]>> = OnceLock::new();

fn own() -> Option<[u8; 32]> {
    let mut file = File::open(std::env::current_exe().ok()?).ok()?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(digest.finalize().into()),
            count => digest.update(piece.get(..count)?),
        }
    }
}

/// Journals the program if the last one recorded was another.
pub(super) fn note(store: &Store, stamp: &Stamp, pending: Pending) {
    // A file that cannot be read, as on a system that hides it, is a program without a digest.
    let digest = pending.and_then(|thread| thread.join().ok()).flatten().unwrap_or_default();
    let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
    if store.software().as_ref() == Some(&(version.clone(), digest)) {
        return;
    }
    if let Err(error) = store.append(stamp, Event::Software { version, digest }) {
        tracing::warn!(%error, "the program is not journaled");
    }
}

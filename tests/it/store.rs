//! The store from outside: the discipline around money, damage, a lost index, the frozen format.
//!
//! Power cuts and full disks are in `crash`; here everything runs on the real file system with
//! sled.

mod area;
mod damage;
mod discipline;
mod frozen;
pub mod make;
mod sealed;
mod swaps;
mod trust;

use make::{identity, key, stamp};
use meterkit::store::{Opened, Options, Store};
use std::path::Path;
use std::time::Duration;

/// Small, so that a short journal has several segments.
pub const SEGMENT: u64 = 8 * 1024;

const PAUSE: Duration = Duration::from_millis(25);

fn options() -> Options {
    Options { segment_bytes: SEGMENT, ..Options::default() }
}

/// Enrols a handheld in a folder.
pub fn create(dir: &Path) -> Store {
    Store::create_with(dir, identity(), &stamp(1), &key(), options()).unwrap()
}

pub fn open(dir: &Path) -> (Store, Opened) {
    Store::open_with(dir, &key(), options()).unwrap()
}

/// Opens what must be in order.
pub fn open_sound(dir: &Path) -> Store {
    let (store, opened) = open(dir);
    assert_eq!(opened, Opened::default());
    store
}

/// The index of a closed store, as its own library opens it. Sled gives up its lock a moment after
/// it was dropped, so a held lock is asked again; one that stays held ends the test.
pub fn index(dir: &Path) -> sled::Db {
    let held = |e: &sled::Error| e.to_string().contains("could not acquire lock");
    let mut tries = 0..400;
    loop {
        match sled::open(dir.join("index")) {
            Err(e) if held(&e) && tries.next().is_some() => std::thread::sleep(PAUSE),
            opened => return opened.unwrap(),
        }
    }
}

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
mod trust;

use make::{identity, key, stamp};
use meterkit::store::{Opened, Options, Store};
use std::path::Path;

/// Small, so that a short journal has several segments.
pub const SEGMENT: u64 = 8 * 1024;

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

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

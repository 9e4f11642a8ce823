//! A full disk: at every step, and for good.

use super::super::store::make::{key, stamp};
use super::disk::{Fault, SimDisk};
use super::{Act, DIR, SEGMENT, act, check, check_reads, day, enrolled, open, run};
use meterkit::store::disk::{Disk, DiskFile, DiskLock};
use meterkit::store::{Event, IndexKind, Options, Position, Recorded, Store, StoreError, Why};
use meterkit::units::{Decision, UnixSeconds};
use std::path::Path;
use std::sync::Arc;

#[test]
fn full_disk_at_every_step() {
    let whole = enrolled();
    let from = whole.steps();
    let (store, _) = open(&whole).unwrap();
    run(&store);
    let mut refused = 0;
    for step in from..whole.steps() {
        let disk = enrolled();
        let (mut store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Full { from: step, steps: 2 }));
        let (mut acked, mut done) = (Vec::new(), Vec::new());
        for next in day() {
            let mut tries = 0;
            let positions = loop {
                match act(&store, next) {
                    Ok(positions) => break positions,
                    Err(StoreError::DiskFull) => refused += 1,
                    // A flush that failed is final: money stays stopped until the next start.
                    Err(StoreError::Failed(_)) => {
                        assert!(matches!(store.money_allowed(), Err(Why::WriteFailed(_))));
                        check_reads(&store, &acked);
                        drop(store);
                        store = open(&disk).unwrap().0;
                        // The entry may have reached the disk; then it is not done twice.
                        if store.summary().events > acked.len() as u64 + 1 {
                            let new = acked.len() as u64 + 2;
                            let at = |e: &Recorded| Position { epoch: 1, seq: e.seq, hash: e.hash };
                            break store.events(new, 9).iter().map(at).collect();
                        }
                    }
                    Err(e) => panic!("step {step}: {next:?}: {e}"),
                }
                check_reads(&store, &acked);
                tries += 1;
                assert!(tries < 6, "step {step}: {next:?} never works again");
            };
            acked.extend(positions);
            done.push(next);
        }
        let what = format!("full at step {step}");
        check(&store, &acked, &done, None, &what);
        drop(store);
        let (store, opened) = open(&disk).unwrap();
        assert_eq!((opened.cut, opened.read_only), (None, None), "{what}");
        check(&store, &acked, &done, None, &what);
    }
    assert!(refused > 50, "only {refused} refusals");
}

#[test]
fn little_space_refuses_money_and_keeps_room_for_outcomes() {
    let disk = enrolled();
    let (store, _) = open(&disk).unwrap();
    for n in 1..=3 {
        act(&store, Act::Import(n)).unwrap();
    }
    act(&store, Act::Intent(1)).unwrap();
    act(&store, Act::Intent(2)).unwrap();
    // From here on the disk gives not one more segment.
    disk.set_free(Some(SEGMENT - 1));
    let stopped = store.money_allowed();
    assert_eq!(stopped, Err(Why::SpaceShort { free: SEGMENT - 1, needed: SEGMENT }));
    assert_eq!(act(&store, Act::Intent(3)), Err(StoreError::DiskFull));
    let mut readings = 0;
    loop {
        // A new segment cannot be made; what is allocated can still be written.
        disk.plan(None);
        let room_left = {
            let files = disk.files();
            let mut segments =
                files.iter().filter(|(p, _)| p.extension().is_some_and(|e| e == "mkj"));
            segments
                .next_back()
                .map(|(_, bytes)| bytes.iter().rev().take_while(|b| **b == 0).count())
        };
        if room_left.is_some_and(|room| room < 3_700) {
            break;
        }
        act(&store, Act::Read(1)).unwrap();
        readings += 1;
        assert!(readings < 100);
    }
    // Every new segment fails from now on; writing into this one works.
    disk.plan(Some(Fault::Full { from: u64::MAX, steps: 0 }));
    let full = FullForNew(disk.clone());
    drop(store);
    let (store, _) = Store::open_with(
        Path::new(DIR),
        &key(),
        Options { disk: Arc::new(full), index: IndexKind::Memory, segment_bytes: SEGMENT },
    )
    .unwrap();
    // Small entries, so that the last free byte outside the kept room is used.
    let anchor = || Event::TimeAnchor { server: UnixSeconds(1) };
    let error = loop {
        match store.append(&stamp(1_000), anchor()) {
            Ok(_) => {}
            Err(e) => break e,
        }
    };
    assert_eq!(error, StoreError::DiskFull);
    let kept = act(&store, Act::Outcome(1, Decision::Confirmed));
    assert!(kept.is_ok(), "{kept:?}: room for the outcome was kept");
    let kept = act(&store, Act::Outcome(2, Decision::Raced));
    assert!(kept.is_ok(), "{kept:?}: room for the outcome was kept");
    assert_eq!(store.summary().open_intents, 0);
}

/// A disk on which no new file can be made.
#[derive(Debug)]
struct FullForNew(SimDisk);

impl Disk for FullForNew {
    fn create(&self, _: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        self.0.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.0.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
        self.0.sync_dir(path)
    }
    fn make_dir(&self, path: &Path) -> std::io::Result<()> {
        self.0.make_dir(path)
    }
    fn list(&self, path: &Path) -> std::io::Result<Vec<String>> {
        self.0.list(path)
    }
    fn lock(&self, path: &Path) -> std::io::Result<Option<DiskLock>> {
        self.0.lock(path)
    }
    fn free(&self, path: &Path) -> std::io::Result<u64> {
        self.0.free(path)
    }
}

//! The other way: parcels and codes, in any order, any number of times, spoiled or whole. The
//! handheld ends where the newest of them puts it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use meterkit::office::Verdict;
use meterkit::store::{Bounds, IndexKind, Options, Store};
use meterkit::sync::wire::media::{FOLDER, TO_DEVICE};
use meterkit::sync::{Session, SyncError, carry};
use meterkit::units::Decision;
use meterkit_tokens::{DeviceKey, qr_text};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tempfile::TempDir;

use super::ledger::quick_folder;
use crate::crash::disk::{Dice, SimDisk};
use crate::office::desk::{Desk, METER, NOW, device, evidence, judgement, stamp, store_key};

const SEED: [u8; 32] = [5; 32];
const STORE: &str = "/store";
/// Orders tried in the ordinary suite; no database is asked.
const USUAL: u32 = 150;

/// What an office gives away.
#[derive(Clone)]
enum Gift {
    /// The only parcel on a stick.
    Parcel(Vec<u8>),
    /// What a scanner types: a token or a receipt.
    Code(String),
}

struct Pocket {
    morning: SimDisk,
    gifts: Vec<Gift>,
    stick: TempDir,
}

fn options(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), index: IndexKind::Memory, segment_bytes: 16 * 1024 }
}

fn open(disk: &SimDisk) -> Store {
    Store::open_with(Path::new(STORE), &store_key(), options(disk)).unwrap().0
}

/// The handheld meets a stick; what is on it afterwards.
fn visit(store: &Store, stick: &Path) -> Result<(), SyncError> {
    let (key, cancel) = (DeviceKey::generate(SEED), AtomicBool::new(false));
    let (clock, nobody) =
        (|| stamp(NOW), |_: &str, _: &[u8]| Err(SyncError::Unreachable(String::new())));
    let session = Session { store, key: &key, post: &nobody, stamp: &clock, cancel: &cancel };
    carry(&session, stick, &mut |_| {}).map(drop)
}

/// The office meets it; the parcel it leaves.
fn office(desk: &Desk, stick: &Path) -> Gift {
    desk.local.wait(desk.office().media(stick, &[device("hh-1")])).unwrap();
    let folder = stick.join(FOLDER).join(TO_DEVICE);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "a newer parcel replaces the older");
    Gift::Parcel(fs::read(&files[0]).unwrap())
}

/// Which gift is taken, and what happens to it on the way: cut at a place, and a byte there.
type Step = (usize, Option<(usize, Option<u8>)>);

impl Pocket {
    /// A handheld with a recharge the office has not heard of; then, at the office, one thing after
    /// the other, with a parcel after each.
    fn new() -> Self {
        let (desk, stick, disk) = (Desk::new(), quick_folder(), SimDisk::default());
        let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
        let identity = enrolling.introduce(SEED, &stamp(NOW), &desk.post()).unwrap();
        let made = (Path::new(STORE), identity, stamp(NOW));
        let store =
            Store::create_with(made.0, made.1, &made.2, &store_key(), options(&disk)).unwrap();
        (48..51).for_each(|no| desk.add_meter(&no.to_string()));
        let give = |no: &str| desk.issue_to("hh-1", no, 100).id;
        let (used, doubted, revoked) = (give(METER), give("48"), give("49"));
        let mut gifts = vec![office(&desk, stick.path())];
        visit(&store, stick.path()).unwrap();
        for (token, decision) in [(used, Decision::Confirmed), (doubted, Decision::TornWrite)] {
            let facts = store.token(token).unwrap().facts;
            let before = evidence(facts.meter, facts.count_before.0, 0, None);
            store.intent(&stamp(NOW), facts.intent(), before, &Bounds::NONE).unwrap();
            let judged = judgement(decision, facts.meter, facts.count_before.0, 100);
            store.outcome(&stamp(NOW), token, judged).unwrap();
        }
        visit(&store, stick.path()).unwrap();
        drop(store);
        let morning = disk.after_cut(&mut Dice::new(1));
        let code = |desk: &Desk| {
            let receipt = desk.local.wait(desk.office().receipt_alone(&device("hh-1"))).unwrap();
            Gift::Code(qr_text(&receipt))
        };
        gifts.push(office(&desk, stick.path()));
        gifts.push(code(&desk));
        desk.settle(doubted, Verdict::Booked, "seen").unwrap();
        gifts.push(office(&desk, stick.path()));
        desk.local.wait(desk.office().revoke_token(revoked)).unwrap();
        gifts.push(office(&desk, stick.path()));
        desk.settle(revoked, Verdict::NotBooked, "seen").unwrap();
        gifts.push(office(&desk, stick.path()));
        let scanned = give("50");
        let token = desk.local.wait(desk.office().token_document(scanned)).unwrap();
        gifts.push(Gift::Code(qr_text(&token)));
        gifts.push(office(&desk, stick.path()));
        desk.add_meter("51");
        gifts.push(code(&desk));
        gifts.push(office(&desk, stick.path()));
        Self { morning, gifts, stick }
    }

    fn take(&self, store: &Store, gift: &Gift, damage: Option<(usize, Option<u8>)>) {
        let spoiled = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if let Some((place, bit)) = damage {
                let place = bytes.len() * place / 1000;
                match bit {
                    Some(bit) => bytes[place] ^= 1 << bit,
                    None => bytes.truncate(place),
                }
            }
            bytes
        };
        match gift {
            Gift::Parcel(bytes) => {
                let folder = self.stick.path().join(FOLDER);
                let _ = fs::remove_dir_all(&folder);
                fs::create_dir_all(folder.join(TO_DEVICE)).unwrap();
                // Its name says nothing anybody relies on: each claims to be the newest.
                let file = folder.join(TO_DEVICE).join("hh-1-99999999999999.mkr");
                fs::write(file, spoiled(bytes)).unwrap();
                // A parcel that says our journal is not what the office knows is told so; there is
                // none here.
                visit(store, self.stick.path()).unwrap();
            }
            Gift::Code(text) => {
                let typed = spoiled(text.as_bytes());
                drop(meterkit::jobs::tokens::import_bytes(store, &stamp(NOW), &typed));
            }
        }
    }

    /// Where the handheld stands: every token, the list, how far it is acknowledged.
    fn says(&self, store: &Store) -> Result<Vec<String>, TestCaseError> {
        prop_assert!(store.verify().is_ok());
        let mut says: Vec<String> = Vec::new();
        for row in store.tokens(None, 100) {
            says.push(format!("{} {:?}", row.facts.id, row.state));
        }
        let summary = store.summary();
        says.push(format!("{:?} {:?}", summary.acked, summary.area_version));
        says.push(format!("{} open", summary.open_intents));
        Ok(says)
    }

    fn try_out(&self, steps: &[Step]) -> Result<(), TestCaseError> {
        let disk = self.morning.after_cut(&mut Dice::new(1));
        let store = open(&disk);
        for (at, damage) in steps {
            self.take(&store, &self.gifts[at % self.gifts.len()], *damage);
            // It may be switched off at any time.
        }
        drop(store);
        let store = open(&disk);
        self.take(&store, &self.gifts[self.gifts.len() - 1], None);
        let says = self.says(&store)?;
        let whole = self.morning.after_cut(&mut Dice::new(1));
        let other = open(&whole);
        self.take(&other, &self.gifts[self.gifts.len() - 1], None);
        prop_assert_eq!(says, self.says(&other)?);
        Ok(())
    }
}

#[test]
fn parcels_and_codes_in_any_order_leave_the_handheld_where_the_newest_puts_it() {
    let pocket = Pocket::new();
    let said = std::env::var("METERKIT_MIX_CASES").ok().and_then(|said| said.parse().ok());
    let config = ProptestConfig {
        cases: said.unwrap_or(USUAL),
        failure_persistence: None,
        ..Default::default()
    };
    let bit = prop_oneof![1 => Just(None), 1 => (0..8_u8).prop_map(Some)];
    let damage = prop_oneof![3 => Just(None), 1 => (0..1000_usize, bit).prop_map(Some)];
    let steps = proptest::collection::vec((0..100_usize, damage), 0..16);
    if let Err(why) = TestRunner::new(config).run(&steps, |steps| pocket.try_out(&steps)) {
        panic!("{why}");
    }
}

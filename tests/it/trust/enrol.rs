//! Enrolment as an errand: vault, office, store, in that order, and resumable anywhere.

#[allow(dead_code, reason = "the exchanges' fake office; only its enrolment is needed here")]
use std::cell::Cell;
use std::path::{Path, PathBuf};

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::enrol::{Enrol, enrol_over, read};
use meterkit::jobs::session::{self, LogIn};
use meterkit::jobs::views::Failure;
use meterkit::report::Code;
use meterkit::store::vault::{Cost, SecretPlace, Vault};
use meterkit::store::{Event, Store};
use meterkit::sync::{Enrolling, SyncError};
use meterkit::units::{UnixSeconds, Verb};
use secrecy::SecretString;

use crate::sync::fake::{Fake, NOW};

const PIN: &str = "864209";
const CLOCK: TickClock = TickClock { base: UnixSeconds(NOW), offset_s: 0 };

struct Home {
    folder: tempfile::TempDir,
    place: SecretPlace,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = SecretPlace::File(folder.path().join("secret"));
        Self { folder, place }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Enrols as somebody; the office's answer is lost where `lost` says so.
    fn enrol(
        &self,
        fake: &Fake,
        file: &Enrolling,
        (operator, pin): (&str, &str),
        lost: bool,
    ) -> Result<Store, Failure> {
        let post = |path: &str, body: &[u8]| {
            let answer = fake.answer(path, body);
            if lost { Err(SyncError::Timeout) } else { answer }
        };
        let ask = Enrol {
            dir: &self.dir(),
            place: &self.place,
            cost: Cost::TEST,
            file,
            operator: &operator.parse().unwrap(),
            pin: &SecretString::from(pin),
            clock: &CLOCK,
        };
        enrol_over(&ask, &post).map(|(store, session)| {
            assert_eq!(session.operator().as_str(), operator);
            store
        })
    }

    fn log_in(&self, pin: &str) -> Result<(), Code> {
        let done = session::log_in(&LogIn {
            dir: &self.dir(),
            place: &self.place,
            operator: &"anna".parse().unwrap(),
            pin: &SecretString::from(pin),
            clock: &CLOCK,
        });
        done.map(|(_, _, session)| assert!(session.view().verbs.has(Verb::Read)))
            .map_err(|denied| denied.failure.code)
    }
}

fn file(fake: &Fake) -> Enrolling {
    read(&fake.file(|_| {})).unwrap()
}

fn code<T>(done: Result<T, Failure>) -> Option<Code> {
    done.err().map(|failure| failure.code)
}

#[test]
fn whoever_enrols_can_log_in() {
    let (home, fake) = (Home::new(), Fake::new());
    let store = home.enrol(&fake, &file(&fake), ("anna", PIN), false).unwrap();
    let kinds: Vec<_> = store
        .events(1, 20)
        .into_iter()
        .map(|entry| match entry.event {
            Event::Enrolled { .. } => "enrolled",
            Event::DocumentTaken { .. } => "status",
            Event::GrantTaken { .. } => "grant",
            Event::PinSet { .. } => "pin",
            Event::LoggedIn { .. } => "in",
            Event::Software { .. } => "software",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["enrolled", "status", "grant", "pin", "in", "software"]);
    drop(store);
    assert_eq!(Vault::open(&home.dir(), &home.place).unwrap().recovery_left(), Ok(4));
    assert_eq!(home.log_in("975318"), Err(Code::PinWrong));
    assert_eq!(home.log_in(PIN), Ok(()));
    let again = home.enrol(&fake, &file(&fake), ("anna", PIN), false);
    assert_eq!(code(again), Some(Code::AlreadyEnrolled));
    assert_eq!(home.log_in(PIN), Ok(()), "nothing was touched");
}

#[test]
fn nothing_is_made_for_nobody() {
    let (home, fake) = (Home::new(), Fake::new());
    let file = file(&fake);
    assert_eq!(code(home.enrol(&fake, &file, ("bert", PIN), false)), Some(Code::NoGrant));
    assert_eq!(code(home.enrol(&fake, &file, ("anna", "123456"), false)), Some(Code::PinWeak));
    assert!(!Vault::exists(&home.dir()) && fake.device_key.borrow().is_none());
    assert!(home.enrol(&fake, &file, ("anna", PIN), false).is_ok());
    let bytes = fake.file(|_| {});
    assert_eq!(code(read(&bytes[1..])), Some(Code::File));
}

#[test]
fn a_lost_answer_is_taken_up_with_the_same_pin_and_key() {
    let (home, fake) = (Home::new(), Fake::new());
    let file = file(&fake);
    let lost = home.enrol(&fake, &file, ("anna", PIN), true);
    assert_eq!(code(lost), Some(Code::OfficeTimeout));
    let key = fake.device_key.borrow().unwrap().bytes();
    let other = home.enrol(&fake, &file, ("anna", "975318"), false);
    assert_eq!(code(other), Some(Code::PinWrong), "the PIN was chosen the first time");
    home.enrol(&fake, &file, ("anna", PIN), false).unwrap();
    assert_eq!(fake.device_key.borrow().unwrap().bytes(), key, "one handheld, one key");
    assert_eq!(home.log_in(PIN), Ok(()));
}

#[test]
fn a_new_life_leaves_the_old_one_whole_beside_it() {
    let (home, fake) = (Home::new(), Fake::new());
    let store = home.enrol(&fake, &file(&fake), ("anna", PIN), false).unwrap();
    let head = store.summary().head;
    drop(store);
    fake.epoch.set(2);
    let tries = Cell::new(0);
    // Cut short once on the way.
    for lost in [true, false] {
        tries.set(tries.get() + 1);
        let done = home.enrol(&fake, &file(&fake), ("anna", "975318"), lost);
        assert_eq!(done.is_err(), lost, "{:?}", code(done));
    }
    assert_eq!(home.log_in("975318"), Ok(()));
    let old: &Path = &home.folder.path().join("store.epoch-1");
    let vault = Vault::open(old, &home.place).or_else(|_| {
        // Its secret is wherever its own enrolment put it.
        Vault::open(old, &SecretPlace::Auto)
    });
    let boot = meterkit::store::vault::SystemBoot;
    let pin = SecretString::from(PIN);
    let key = vault.unwrap().unlock(&"anna".parse().unwrap(), &pin, &boot).unwrap().key;
    let (store, _) = Store::open(old, &key).unwrap();
    assert_eq!((store.identity().epoch, store.summary().head), (1, head));
}

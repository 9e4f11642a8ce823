//! An office is put back to its backup, its handhelds are not: nothing is lost, nothing is booked
//! twice, no step is issued twice, no number is given twice.

use crate::office::desk::{
    ACCOUNT, COUNT, Handheld, METER, TENANT, device, figure, meter, store_key,
};
use crate::support::{now, postgres, stamp};
use meterkit::office::local::Local;
use meterkit::office::{
    Cost, Issued, KeysFrom, LedgerReport, NewMeter, Offer, Office, OfficeError, Order, Purpose,
    Setup,
};
use meterkit::sync::{Enrolling, Post, SyncError, enrol_over, wire};
use meterkit::units::{Decision, PurchaseCount};
use secrecy::SecretString;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

pub const OTHER: &str = "000000000048";
const PASSPHRASE: &str = "a passphrase for the yard";

fn ask(_: &str, _: bool) -> Result<SecretString, OfficeError> {
    Ok(SecretString::from(PASSPHRASE))
}

/// An office in a folder, with everything unlocked.
pub struct Yard {
    pub local: Local,
    folder: PathBuf,
}

pub fn open(folder: &Path) -> Yard {
    let local = Local::start(|| async {
        let office = Office::open(folder).await?;
        let all = [Purpose::Issuer, Purpose::Status, Purpose::People, Purpose::Recovery];
        office.unlock(&all, &ask)?;
        Ok(office)
    });
    Yard { local: local.unwrap(), folder: folder.to_owned() }
}

pub fn found(folder: &Path) -> Yard {
    let setup = Setup { cost: Cost::TEST, ..Setup::usual(TENANT) };
    let url = postgres::fresh();
    let local = Local::start(|| Office::init_on(folder, url.as_deref(), &setup, &ask)).unwrap();
    for no in [METER, OTHER] {
        let mut new = NewMeter::new(meter(no), ACCOUNT.parse().unwrap(), "Zhang San", "B2 1203");
        new.count = PurchaseCount(COUNT);
        local.wait(local.office().add_meters(&[new])).unwrap();
    }
    Yard { local, folder: folder.to_owned() }
}

impl Yard {
    pub fn office(&self) -> &Office {
        self.local.office()
    }

    pub fn post(&self) -> impl Post {
        |path: &str, body: &[u8]| {
            let answer = self.local.answer(path, body);
            answer.map_err(|error| SyncError::Unreachable(error.to_string()))
        }
    }

    pub fn handheld(&self, name: &str) -> Handheld {
        let offer = Offer::new(&device(name), "http://127.0.0.1:1");
        let file = self.local.wait(self.office().offer(&offer)).unwrap().file;
        let (dir, enrolling) = (tempfile::tempdir().unwrap(), Enrolling::read(&file).unwrap());
        let post = self.post();
        let store = enrol_over(dir.path(), &store_key(), &enrolling, &stamp(), &post).unwrap();
        Handheld { store, clock: Arc::new(AtomicI64::new(now())), dir }
    }

    pub fn try_issue(&self, name: &str, no: &str, amount: i64) -> Result<Issued, OfficeError> {
        let order = Order { meter: meter(no), amount, device: device(name), days: 3 };
        self.local.wait(self.office().issue(&order))
    }

    pub fn issue(&self, name: &str, no: &str, amount: i64) -> Issued {
        self.try_issue(name, no, amount).unwrap()
    }

    pub fn report(&self) -> LedgerReport {
        let report = self.local.wait(self.office().report()).unwrap();
        assert!(report.sound(), "the ledger must be sound at any time: {report:?}");
        report
    }

    /// Makes a backup, and an office out of it in another folder.
    pub fn backup(&self, file: &Path) {
        let keys = self.folder.join("keys");
        self.local.wait(self.office().backup(file, Some(&keys))).unwrap();
    }

    pub fn waiting(&self) -> Vec<String> {
        let rows = self.local.wait(self.office().waited_for()).unwrap();
        rows.into_iter().filter(|row| row.holds()).map(|row| row.device).collect()
    }

    pub fn accept(&self, name: &str) {
        self.local.wait(self.office().accept_unheard(name, "a test says so")).unwrap();
    }

    fn receipts(&self, name: &str) -> u64 {
        let rows = self.local.wait(self.office().devices()).unwrap();
        rows.iter().find(|row| row.device == device(name)).unwrap().receipts
    }
}

pub fn restore(file: &Path, folder: &Path) -> Yard {
    let url = postgres::fresh();
    let restored = Local::start(|| async {
        Office::restore(folder, url.as_deref(), file, &KeysFrom::Backup).await?;
        Office::open(folder).await
    });
    drop(restored.unwrap());
    open(folder)
}

/// Two handhelds with a morning's work, a backup at noon, and an afternoon.
pub struct Day {
    pub dir: tempfile::TempDir,
    pub first: Yard,
    pub one: Handheld,
    pub two: Handheld,
    /// Issued in the afternoon, used and told.
    pub used: Issued,
    /// Issued in the afternoon, taken, not used.
    pub held: Issued,
    /// Issued in the morning, replaced in the afternoon.
    pub replaced: [Issued; 2],
}

pub fn day() -> Day {
    let dir = tempfile::tempdir().unwrap();
    let first = found(&dir.path().join("office"));
    let (one, two) = (first.handheld("hh-1"), first.handheld("hh-2"));
    let morning = first.issue("hh-1", METER, 100);
    let old = first.issue("hh-2", OTHER, 70);
    one.sync(&first.post()).unwrap();
    two.sync(&first.post()).unwrap();
    one.recharge(morning.id, Decision::Confirmed);
    one.sync(&first.post()).unwrap();
    first.backup(&dir.path().join("noon.mkb"));
    let used = first.issue("hh-1", METER, 200);
    let held = first.issue("hh-1", METER, 300);
    one.sync(&first.post()).unwrap();
    one.recharge(used.id, Decision::Confirmed);
    one.sync(&first.post()).unwrap();
    first.local.wait(first.office().revoke_token(old.id)).unwrap();
    let new = first.local.wait(first.office().reissue(old.id, 3)).unwrap();
    two.sync(&first.post()).unwrap();
    // One more exchange, so that both journals show what they were told.
    one.sync(&first.post()).unwrap();
    two.sync(&first.post()).unwrap();
    Day { dir, first, one, two, used, held, replaced: [old, new] }
}

/// Places, tokens by state, postings.
pub type Sums = (Vec<(String, i64)>, Vec<(&'static str, u64)>, u64);

/// What a report says of money, whatever was counted on the way.
pub fn money(report: &LedgerReport) -> Sums {
    let places = report.balances.iter().map(|b| (b.place.clone(), b.amount)).collect();
    (places, report.tokens.clone(), report.postings)
}

/// The whole story. At its end the restored office says of all money what the lost one said.
#[test]
fn a_restored_office_learns_from_its_handhelds_what_it_forgot() {
    let day = day();
    let lost = day.first.report();
    assert_eq!((figure(&lost, "meter-held"), figure(&lost, "in-transit")), (300, 370));
    let given = [day.first.receipts("hh-1"), day.first.receipts("hh-2")];
    let area = day.one.store.summary().area_version;
    let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
    drop(day.first);
    let noon = second.report();
    assert_eq!((figure(&noon, "meter-held"), figure(&noon, "in-transit")), (100, 70));
    // The very step that is in the meter already, and one that a handheld carries: neither is
    // issued a second time.
    for amount in [200, 300] {
        let refused = second.try_issue("hh-1", METER, amount).unwrap_err();
        assert!(matches!(refused, OfficeError::Restored(3)), "{refused}");
    }
    let refused = second.local.wait(second.office().reissue(day.replaced[0].id, 3)).unwrap_err();
    assert!(matches!(refused, OfficeError::Restored(3)), "{refused}");
    assert_eq!(second.waiting(), ["*", "hh-1", "hh-2"]);

    let report = day.one.sync(&second.post()).unwrap();
    assert_eq!(report.review(), 0, "{:?}", report.outcomes);
    assert!(report.sent > 5, "from where the backup ends");
    assert_eq!(second.waiting(), ["*", "hh-2"]);
    let one = second.report();
    assert_eq!((figure(&one, "meter-held"), figure(&one, "in-transit")), (300, 370));
    assert!(second.receipts("hh-1") > given[0] + 1000, "no number is given twice");
    assert_ne!(day.one.store.summary().area_version, area, "nor a version of the area");
    day.two.sync(&second.post()).unwrap();
    assert_eq!(second.waiting(), ["*"]);
    assert!(second.receipts("hh-2") > given[1] + 1000);
    assert_eq!(money(&second.report()), money(&lost), "to the last posting");

    assert!(matches!(second.try_issue("hh-1", METER, 1).unwrap_err(), OfficeError::Restored(1)));
    second.accept("*");
    let next = second.issue("hh-1", METER, 400);
    let after = [day.used.count_before, day.held.count_before].map(|count| count.0);
    assert_eq!((after, next.count_before.0), ([COUNT + 1, COUNT + 2], COUNT + 3));
    for handheld in [&day.one, &day.two] {
        handheld.sync(&second.post()).unwrap();
    }
    day.one.recharge(day.held.id, Decision::Confirmed);
    day.one.recharge(next.id, Decision::Confirmed);
    day.two.recharge(day.replaced[1].id, Decision::Confirmed);
    for handheld in [&day.one, &day.two] {
        assert_eq!(handheld.sync(&second.post()).unwrap().review(), 0);
        assert_eq!(handheld.sync(&second.post()).unwrap().packs, 1, "an ordinary exchange again");
        assert!(handheld.store.verify().is_ok());
    }
    let end = second.report();
    assert_eq!((figure(&end, "meter-held"), figure(&end, "in-transit")), (1070, 0));
    assert_eq!(end.reviews, 0);
}

/// Every request of the exchange that mends it is lost once, and every answer: the same end.
#[test]
fn what_mends_a_restored_office_may_be_cut_anywhere() {
    for lose_answer in [false, true] {
        let day = day();
        let lost = day.first.report();
        let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
        let mut cuts = 0;
        for handheld in [&day.one, &day.two] {
            for nth in 0.. {
                let (count, post) = (Cell::new(0), second.post());
                let flaky = |path: &str, body: &[u8]| {
                    count.set(count.get() + 1);
                    let hit = count.get() == nth + 1;
                    if hit && !lose_answer {
                        return Err(SyncError::Timeout);
                    }
                    let answer = post.post(path, body)?;
                    if hit { Err(SyncError::Timeout) } else { Ok(answer) }
                };
                match handheld.sync(&flaky) {
                    Err(error) => assert_eq!(error, SyncError::Timeout),
                    Ok(_) => break,
                }
                second.report();
                cuts += 1;
            }
        }
        assert!(cuts >= 8, "{cuts}");
        assert_eq!(second.waiting(), ["*"]);
        assert_eq!(money(&second.report()), money(&lost));
        assert!(day.one.store.verify().is_ok() && day.two.store.verify().is_ok());
    }
}

/// A handheld that breaks off and says BYE before its journal is here again is told nothing of how
/// far it is, which it would have to take for a lie, and is still waited for.
#[test]
fn whoever_says_bye_too_early_is_still_waited_for() {
    let day = day();
    let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
    let post = second.post();
    let only_hello = |path: &str, body: &[u8]| match path {
        "/v1/pack" => Err(SyncError::Timeout),
        path => post.post(path, body),
    };
    assert_eq!(day.one.sync(&only_hello).unwrap_err(), SyncError::Timeout);
    let (device, nonce) = (device("hh-1"), [4; 16]);
    let ask = wire::Ask::Bye { receipt: 0 };
    let (kind, at) = (ask.document(), meterkit::units::UnixSeconds(now()));
    let request = wire::Request { device, nonce, at, ask };
    let signed = day.one.key().sign(kind, TENANT, request.payload()).unwrap();
    let bye = wire::join(&[b"hh-1", &nonce, &signed]);
    let [_, body] = wire::split(&post.post("/v1/bye", &bye).unwrap()).unwrap();
    let none = wire::Reply::Bye { status: None };
    let expected = wire::Answer { device: request.device, nonce, at, reply: none };
    assert_eq!(body, expected.parts().1);
    assert_eq!(second.waiting(), ["*", "hh-1", "hh-2"]);
    day.one.sync(&post).unwrap();
    assert_eq!(second.waiting(), ["*", "hh-2"]);
}

/// A disk is copied back and nobody says `restore`: the first handheld that was told more shows it.
#[test]
fn an_office_put_back_without_a_word_finds_out() {
    if postgres::fresh().is_some() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("office");
    let first = found(&folder);
    let one = first.handheld("hh-1");
    one.sync(&first.post()).unwrap();
    drop(first);
    let copy = std::fs::read(folder.join("office.db")).unwrap();
    let first = open(&folder);
    let used = first.issue("hh-1", METER, 200);
    one.sync(&first.post()).unwrap();
    one.recharge(used.id, Decision::Confirmed);
    one.sync(&first.post()).unwrap();
    let lost = first.report();
    drop(first);
    for name in ["office.db-wal", "office.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::write(folder.join("office.db"), copy).unwrap();
    let second = open(&folder);
    assert!(second.waiting().is_empty(), "it cannot know yet");
    one.sync(&second.post()).unwrap();
    assert_eq!(second.waiting(), ["*"], "this one was heard at once");
    assert!(matches!(second.try_issue("hh-1", METER, 1).unwrap_err(), OfficeError::Restored(1)));
    assert_eq!(money(&second.report()), money(&lost));
}

/// A handheld that never comes back is accepted by a person, with a reason; should it come after
/// all, its journal is taken in like any other.
#[test]
fn whoever_does_not_come_is_accepted_by_a_person_and_may_come_later() {
    let day = day();
    let lost = day.first.report();
    let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
    day.one.sync(&second.post()).unwrap();
    let office = second.office();
    for (name, reason) in [("hh-2", " "), ("hh-9", "gone"), ("hh-1", "heard already")] {
        let refused = second.local.wait(office.accept_unheard(name, reason)).unwrap_err();
        assert_eq!(refused.code(), "usage", "{name}");
    }
    second.accept("hh-2");
    second.accept("*");
    second.issue("hh-1", METER, 1);
    day.two.sync(&second.post()).unwrap();
    let report = second.report();
    assert_eq!(figure(&report, "in-transit"), figure(&lost, "in-transit") + 1);
    assert_eq!(second.waiting(), [""; 0]);
}

/// A forged import, or one of another office, brings no money into a restored ledger.
#[test]
fn only_what_this_office_signed_is_entered_again() {
    let day = day();
    let second = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"));
    let before = second.report();
    let other = found(&day.dir.path().join("other"));
    other.handheld("hh-1");
    let forged = other.issue("hh-1", METER, 999);
    let token = meterkit::store::TokenFacts {
        id: forged.id,
        meter: forged.meter,
        account: ACCOUNT.parse().unwrap(),
        count_before: forged.count_before,
        credit: forged.credit,
        act: forged.act,
        seq: 7,
        order: [0; 8],
        not_before: meterkit::units::UnixSeconds(now()),
        issued: meterkit::units::UnixSeconds(now()),
        expires: forged.expires,
        caps: 0,
        max_balance: None,
    };
    day.two.append(meterkit::store::Event::TokenImported { token, bytes: forged.bytes });
    let report = day.two.sync(&second.post()).unwrap();
    assert_eq!(report.review(), 1, "unknown: {:?}", report.outcomes);
    let after = second.report();
    assert_eq!(after.balances, before.balances, "nothing came of it");
    assert_eq!(figure(&after, "voided"), 1, "while the token that was replaced at noon is known");
}

//! Sticks and shared folders: any order, any number of times, any courier, cut anywhere; nothing
//! readable, nobody else's, one ledger.

use crate::office::desk::{Desk, Handheld, METER, SEEDS, device, figure};
use crate::support::folders::copy;
use crate::support::postgres::cases;
use meterkit::office::{Letter, MediaReport, Offer};
use meterkit::store::Event;
use meterkit::sync::wire::media::{DOWN, FOLDER, Parcel, TO_DEVICE, TO_OFFICE, UP};
use meterkit::sync::{Carried, Session, SyncError, carry};
use meterkit::text::qr;
use meterkit::units::Decision;
use meterkit_tokens::{DeviceKey, Issuer, qr_parts, qr_text, sealed};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const AMOUNT: i64 = 10_000;

fn stick() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub fn visit(handheld: &Handheld, dir: &Path) -> Result<Carried, SyncError> {
    let (key, stamp, cancel) = (handheld.key(), || handheld.stamp(), AtomicBool::new(false));
    let nobody = |_: &str, _: &[u8]| Err(SyncError::Unreachable("no line".to_owned()));
    let store = &handheld.store;
    let session = Session { store, key: &key, post: &nobody, stamp: &stamp, cancel: &cancel };
    carry(&session, dir, &mut |_| {})
}

fn office(desk: &Desk, dir: &Path) -> MediaReport {
    let report = desk.local.wait(desk.office().media(dir, &[])).unwrap();
    desk.report();
    report
}

/// The files that go one way, whole paths.
fn files(dir: &Path, way: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir.join(FOLDER).join(way)) else { return vec![] };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_recharge_goes_there_and_back_on_a_stick() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    let out = visit(&handheld, stick.path()).unwrap();
    assert_eq!((out.letters, out.taken.is_none(), out.unread.len()), (1, true, 0));
    assert!(out.entries > 0);
    let report = office(&desk, stick.path());
    assert!(report.letters.iter().all(|(_, letter)| *letter == Letter::Taken), "{report:?}");
    assert_eq!(report.parcels[0].1, 1, "one token for it");
    let back = visit(&handheld, stick.path()).unwrap();
    let taken = back.taken.unwrap();
    assert_eq!((taken.tokens, taken.meters, back.unread.len()), (1, Some(1), 0));
    assert!(taken.status.is_some());
    let row = handheld.store.meter(crate::office::desk::meter(METER)).unwrap();
    assert_eq!(row.customer, "Zhang San");
    handheld.recharge(issued.id, Decision::Confirmed);
    visit(&handheld, stick.path()).unwrap();
    office(&desk, stick.path());
    let report = desk.report();
    assert_eq!((figure(&report, "applied"), figure(&report, "meter-held")), (1, AMOUNT));
    let last = visit(&handheld, stick.path()).unwrap();
    assert_eq!(last.taken.unwrap().tokens, 0, "what was delivered does not come again");
    assert!(handheld.store.summary().unsynced <= 2, "but the bookkeeping of the receipt");
    let left = files(stick.path(), TO_OFFICE);
    assert_eq!(left.len(), 1, "what the office has was cleared away: {left:?}");
    assert_eq!(files(stick.path(), TO_DEVICE).len(), 1, "a newer parcel replaces the older");
    assert!(desk.open_classes().is_empty());
}

#[test]
fn a_finder_reads_nothing_and_can_do_nothing() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    let other = desk.handheld("hh-2");
    desk.issue_to("hh-1", METER, AMOUNT);
    visit(&handheld, stick.path()).unwrap();
    office(&desk, stick.path());
    let all = [files(stick.path(), TO_OFFICE), files(stick.path(), TO_DEVICE)].concat();
    assert_eq!(all.len(), 2);
    let meter_bcd = crate::office::desk::meter(METER).bcd();
    for file in &all {
        let bytes = fs::read(file).unwrap();
        let secrets = [&b"Zhang San"[..], b"B2 1203", METER.as_bytes(), b"tiandi", &meter_bcd];
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "{} shows {secret:?}", file.display());
        }
    }
    // Another handheld under this one's name reads nothing either.
    let parcel = fs::read(&all[1]).unwrap();
    let stolen = all[1].with_file_name("hh-2-99999999999999.mkr");
    fs::write(&stolen, &parcel).unwrap();
    let out = visit(&other, stick.path()).unwrap();
    assert_eq!(out.unread.len(), 1);
    assert_eq!(out.unread[0].1.code(), "office-lies", "{:?}", out.unread);
    assert_eq!(other.store.summary().tokens, 0);
}

/// Whoever knows a handheld's public key can seal to it, but not sign.
#[test]
fn a_forged_parcel_and_a_forged_letter_change_nothing() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    visit(&handheld, stick.path()).unwrap();
    office(&desk, stick.path());
    let path = files(stick.path(), TO_DEVICE).remove(0);
    let good = fs::read(&path).unwrap();
    let parcel = Parcel::read(&handheld.key().open(DOWN, &good).unwrap()).unwrap();
    let seal = |parcel: &Parcel| {
        sealed::seal(&handheld.key().public(), DOWN, &parcel.encode(), [9; 32]).unwrap()
    };
    let liar = Issuer::from_seed([66; 32]);
    let payload = meterkit_tokens::cbor::Value::Map(vec![]);
    let forged = liar.sign(meterkit_tokens::DocType::Answer, "tiandi", payload).unwrap();
    let forged = meterkit::sync::wire::join(&[&forged, b""]);
    let without_last = parcel.parts[..parcel.parts.len() - 1].to_vec();
    let mut swapped = parcel.parts.clone();
    swapped.swap(0, 1);
    let cases = [
        ("another head", Parcel { head: forged.clone(), ..parcel.clone() }),
        ("a part left out", Parcel { parts: without_last, ..parcel.clone() }),
        ("parts in another order", Parcel { parts: swapped, ..parcel.clone() }),
        ("another part", Parcel { parts: vec![forged; parcel.parts.len()], ..parcel.clone() }),
        ("keys that prove nothing", Parcel { keys: vec![1], ..parcel.clone() }),
    ];
    let before = handheld.store.summary();
    for (name, bad) in cases {
        fs::write(&path, seal(&bad)).unwrap();
        let out = visit(&handheld, stick.path()).unwrap();
        assert_eq!((out.taken.is_none(), out.unread.len()), (true, 1), "{name}");
        assert_eq!(handheld.store.summary().head, before.head, "{name}: nothing was written down");
    }
    fs::write(&path, &good).unwrap();
    assert!(visit(&handheld, stick.path()).unwrap().taken.is_some(), "the real one is good");
    // A letter under the handheld's name by somebody else.
    let status_key = Issuer::from_seed(SEEDS[2]).public();
    let letter = files(stick.path(), TO_OFFICE).remove(0);
    let garbage = sealed::seal(&status_key, UP, &[0x81, 0x41, 0], [8; 32]).unwrap();
    fs::write(&letter, garbage).unwrap();
    let report = office(&desk, stick.path());
    assert!(matches!(report.letters[0].1, Letter::Unread(_)), "{report:?}");
}

#[test]
fn a_clone_is_found_by_its_letter_and_a_restored_copy_by_its_parcel() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let (old, told) = (handheld.copy(), handheld.copy());
    desk.issue_to("hh-1", METER, AMOUNT);
    visit(&handheld, stick.path()).unwrap();
    office(&desk, stick.path());
    visit(&handheld, stick.path()).unwrap();
    // Its letter reaches the office only on the way the copy's parcel is on.
    office(&desk, stick.path());
    let out = visit(&told, stick.path()).unwrap();
    assert_eq!(out.unread.len(), 1, "{out:?}");
    let stopped = told.store.append(&told.stamp(), Event::TimeAnchor { server: told.stamp().at });
    assert_eq!(
        stopped.unwrap_err().code(),
        "journal-rolled-back",
        "money stops for good on the copy"
    );
    assert!(desk.open_classes().is_empty(), "an old letter alone is held against nobody");
    // The copy lives on and writes letters of its own: now there are two journals.
    for _ in 0..20 {
        old.append(Event::TimeAnchor { server: old.stamp().at });
    }
    let second = self::stick();
    visit(&old, second.path()).unwrap();
    office(&desk, second.path());
    assert_eq!(desk.open_classes(), ["C1"]);
}

#[test]
fn what_was_read_before_and_what_is_old_is_told_from_what_is_new() {
    let (desk, first, second) = (Desk::new(), stick(), stick());
    let handheld = desk.handheld("hh-1");
    visit(&handheld, first.path()).unwrap();
    office(&desk, first.path());
    // Another stick overtakes the first.
    desk.issue_to("hh-1", METER, AMOUNT);
    visit(&handheld, second.path()).unwrap();
    office(&desk, second.path());
    assert_eq!(visit(&handheld, second.path()).unwrap().taken.unwrap().tokens, 1);
    let late = visit(&handheld, first.path()).unwrap();
    assert_eq!((late.taken, late.unread), (None, vec![]), "an old parcel is no news and no lie");
    let again = visit(&handheld, second.path()).unwrap();
    assert_eq!(again.taken.unwrap().tokens, 0, "the same parcel again changes nothing");
    // The first stick's letter is old too, and its new one continues.
    let report = office(&desk, first.path());
    assert!(report.letters.iter().all(|(_, letter)| *letter == Letter::Taken), "{report:?}");
    assert!(desk.open_classes().is_empty());
}

#[test]
fn a_new_office_key_reaches_a_handheld_by_stick_alone() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    visit(&handheld, stick.path()).unwrap();
    let no_passphrase: &meterkit::office::Ask<'_> =
        &|key, _| Err(meterkit::office::OfficeError::NoPassphrase(key.to_owned()));
    desk.local.wait(desk.office().rotate_keys(no_passphrase)).unwrap();
    // Its letter is sealed to the old key, which the office still has.
    let report = office(&desk, stick.path());
    assert_eq!(report.letters[0].1, Letter::Taken, "{report:?}");
    desk.issue_to("hh-1", METER, AMOUNT);
    office(&desk, stick.path());
    let out = visit(&handheld, stick.path()).unwrap();
    assert_eq!(out.unread, vec![]);
    assert_eq!(out.taken.unwrap().tokens, 1);
    office(&desk, stick.path());
}

#[test]
fn a_medium_that_is_not_there_or_breaks_off_loses_nothing() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    let gone = visit(&handheld, &stick.path().join("not-mounted")).unwrap_err();
    assert_eq!(gone.code(), "medium");
    assert!(!stick.path().join("not-mounted").exists(), "a mount point is never made");
    let missing = desk.local.wait(desk.office().media(&stick.path().join("x"), &[])).unwrap_err();
    assert_eq!(missing.code(), "file");
    // Enough for several letters; the second cannot be written.
    for _ in 0..1200 {
        handheld.append(Event::TimeAnchor { server: handheld.stamp().at });
    }
    let names = {
        let rehearsal = self::stick();
        visit(&handheld, rehearsal.path()).unwrap();
        files(rehearsal.path(), TO_OFFICE)
    };
    assert!(names.len() >= 3, "{names:?}");
    let block = |file: &Path| {
        let name = format!("{}.tmp", file.file_name().unwrap().to_str().unwrap());
        stick.path().join(FOLDER).join(TO_OFFICE).join(name)
    };
    let blocked = block(&names[1]);
    fs::create_dir_all(&blocked).unwrap();
    assert_eq!(visit(&handheld, stick.path()).unwrap_err().code(), "medium");
    fs::remove_dir(&blocked).unwrap();
    office(&desk, stick.path());
    let done = visit(&handheld, stick.path()).unwrap();
    assert!(done.taken.is_some());
    office(&desk, stick.path());
    visit(&handheld, stick.path()).unwrap();
    assert!(handheld.store.summary().unsynced <= 4, "{:?}", handheld.store.summary());
}

#[test]
fn letters_with_a_gap_wait_and_say_what_is_missing() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    for _ in 0..1200 {
        handheld.append(Event::TimeAnchor { server: handheld.stamp().at });
    }
    visit(&handheld, stick.path()).unwrap();
    let letters = files(stick.path(), TO_OFFICE);
    let lost = letters.iter().find(|path| path.to_str().unwrap().contains("-1-1-")).unwrap();
    fs::remove_file(lost).unwrap();
    let report = office(&desk, stick.path());
    assert!(report.letters.iter().all(|(_, letter)| *letter == Letter::Gap(1)), "{report:?}");
    visit(&handheld, stick.path()).unwrap();
    let report = office(&desk, stick.path());
    assert!(report.letters.iter().all(|(_, letter)| *letter == Letter::Taken), "{report:?}");
}

#[test]
fn an_office_writes_for_a_handheld_that_left_nothing() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    desk.issue_to("hh-1", METER, AMOUNT);
    let report = desk.local.wait(desk.office().media(stick.path(), &[device("hh-1")])).unwrap();
    assert_eq!((report.letters.len(), report.parcels.len()), (0, 1));
    assert_eq!(visit(&handheld, stick.path()).unwrap().taken.unwrap().tokens, 1);
    let unknown = desk.local.wait(desk.office().media(stick.path(), &[device("hh-9")]));
    assert_eq!(unknown.unwrap_err().code(), "no-device");
    // Offered, not yet enrolled: there is no key to seal to.
    desk.local
        .wait(desk.office().offer(&Offer::new(&device("hh-8"), "http://127.0.0.1:1")))
        .unwrap();
    let none = desk.local.wait(desk.office().media(stick.path(), &[device("hh-8")])).unwrap();
    assert!(none.parcels.iter().all(|(whose, ..)| *whose == device("hh-1")), "{none:?}");
}

#[test]
fn a_quarantined_handheld_is_told_so() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    visit(&handheld, stick.path()).unwrap();
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    let report = office(&desk, stick.path());
    assert!(matches!(report.letters[0].1, Letter::Refused(_)));
    let out = visit(&handheld, stick.path()).unwrap();
    assert_eq!(out.unread.len(), 1);
    assert_eq!(out.unread[0].1.code(), "office-refused");
}

/// What may happen, in any order.
#[derive(Debug, Clone)]
enum Act {
    Carry(usize, usize),
    Office(usize),
    Online(usize),
    Copy(usize, usize),
    Lose(usize, usize),
    Spoil(usize, usize),
    Recharge(usize),
    Tick,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2usize, 0..2usize).prop_map(|(who, stick)| Act::Carry(who, stick)),
        4 => (0..2usize).prop_map(Act::Office),
        2 => (0..2usize).prop_map(Act::Online),
        2 => (0..2usize).prop_map(|from| Act::Copy(from, 1 - from)),
        1 => (0..2usize, 0..8usize).prop_map(|(stick, nth)| Act::Lose(stick, nth)),
        1 => (0..2usize, 0..8usize).prop_map(|(stick, nth)| Act::Spoil(stick, nth)),
        3 => (0..2usize).prop_map(Act::Recharge),
        1 => Just(Act::Tick),
    ]
}

const METERS: [&str; 2] = [METER, "000000000048"];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    /// Two handhelds, two sticks, a line now and then: whatever is carried where, lost, spoiled or
    /// copied, in the end every recharge is in the ledger once and all sums are zero.
    #[test]
    fn any_courier_any_order_one_ledger(acts in proptest::collection::vec(act(), 1..40)) {
        let desk = Desk::new();
        desk.add_meter(METERS[1]);
        let handhelds = [desk.handheld("hh-1"), desk.handheld("hh-2")];
        let sticks = [stick(), stick()];
        let mut done = [0i64; 2];
        for (who, no) in ["hh-1", "hh-2"].into_iter().zip(METERS) {
            (0..4).for_each(|_| drop(desk.issue_to(who, no, AMOUNT)));
        }
        for act in acts {
            match act {
                Act::Carry(who, nth) => drop(visit(&handhelds[who], sticks[nth].path()).unwrap()),
                Act::Office(stick) => drop(office(&desk, sticks[stick].path())),
                Act::Online(who) => drop(handhelds[who].sync(&desk.post()).unwrap()),
                Act::Copy(from, to) => copy(sticks[from].path(), sticks[to].path()),
                Act::Lose(stick, nth) => {
                    if let Some(file) = nth_file(sticks[stick].path(), nth) {
                        fs::remove_file(file).unwrap();
                    }
                }
                Act::Spoil(stick, nth) => {
                    if let Some(file) = nth_file(sticks[stick].path(), nth) {
                        let bytes = fs::read(&file).unwrap();
                        fs::write(&file, &bytes[..bytes.len() * 2 / 3]).unwrap();
                    }
                }
                Act::Recharge(who) => {
                    let store = &handhelds[who].store;
                    let rows = store.tokens_for(crate::office::desk::meter(METERS[who]));
                    let next = rows.iter().filter(|row| row.state.usable());
                    if let Some(row) = next.min_by_key(|row| row.facts.count_before) {
                        handhelds[who].recharge(row.facts.id, Decision::Confirmed);
                        done[who] += AMOUNT;
                    }
                }
                Act::Tick => drop(desk.clock.fetch_add(60, Ordering::Relaxed)),
            }
            desk.report();
        }
        for handheld in &handhelds {
            handheld.sync(&desk.post()).unwrap();
            prop_assert!(handheld.store.verify().is_ok());
        }
        let report = desk.report();
        prop_assert_eq!(figure(&report, "meter-held"), done[0] + done[1]);
        prop_assert_eq!(figure(&report, "applied") * AMOUNT, done[0] + done[1]);
        prop_assert!(desk.open_classes().is_empty(), "{:?}", desk.open_classes());
    }
}

fn nth_file(dir: &Path, nth: usize) -> Option<PathBuf> {
    let all = [files(dir, TO_OFFICE), files(dir, TO_DEVICE)].concat();
    if all.is_empty() { None } else { Some(all[nth % all.len()].clone()) }
}

/// A key of another handheld signs a letter for this one: the signature does not hold.
#[test]
fn a_letter_is_only_its_own_handhelds() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    desk.handheld("hh-2");
    let (stamp, cancel) = (|| handheld.stamp(), AtomicBool::new(false));
    let nobody = |_: &str, _: &[u8]| Err(SyncError::Unreachable(String::new()));
    let wrong = DeviceKey::generate([200; 32]);
    let store = &handheld.store;
    let session = Session { store, key: &wrong, post: &nobody, stamp: &stamp, cancel: &cancel };
    carry(&session, stick.path(), &mut |_| {}).unwrap();
    let report = office(&desk, stick.path());
    let refused = |letter: &Letter| matches!(letter, Letter::Refused(r) if r.name() == "signature");
    assert!(report.letters.iter().all(|(_, letter)| refused(letter)), "{report:?}");
    assert!(report.parcels.is_empty(), "and nothing is written for whoever it was");
}

/// An office that is reached by telephone and a screen: a token in two codes, a receipt in one.
#[test]
fn a_token_and_a_receipt_are_scanned() {
    let (desk, stick) = (Desk::new(), stick());
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    let import = |text: &str| {
        let (store, stamp) = (&handheld.store, handheld.stamp());
        meterkit::jobs::tokens::import_bytes(store, &stamp, text.as_bytes())
    };
    let document = desk.local.wait(desk.office().token_document(issued.id)).unwrap();
    let parts = qr_parts(&qr_text(&document), qr::room(80, 23));
    assert_eq!(parts.len(), 2, "two codes on the usual terminal");
    assert!(parts.iter().all(|part| qr::lines(part).is_some_and(|code| code.len() <= 23)));
    assert_eq!(import(&parts[0]).refused.len(), 1, "half a token is none");
    let both = format!("{}\n{}\n", parts[1], parts[0]);
    assert_eq!(import(&both).taken, [issued.id]);
    handheld.recharge(issued.id, Decision::Confirmed);
    let nothing = desk.local.wait(desk.office().receipt_alone(&device("hh-1"))).unwrap_err();
    assert_eq!(nothing.code(), "usage", "nothing has come yet");
    visit(&handheld, stick.path()).unwrap();
    office(&desk, stick.path());
    let waiting = handheld.store.summary().unsynced;
    let receipt = desk.local.wait(desk.office().receipt_alone(&device("hh-1"))).unwrap();
    let text = qr_text(&receipt);
    assert!(text.len() <= qr::room(100, 31), "{} characters", text.len());
    let done = import(&text);
    assert_eq!(done.refused, vec![]);
    let summary = handheld.store.summary();
    assert!(summary.unsynced < waiting && summary.unsynced <= 1, "{summary:?}");
    let head = summary.head;
    assert!(import(&text).refused.is_empty(), "scanned twice");
    assert_eq!(handheld.store.summary().head, head, "and written down once");
    let other = desk.handheld("hh-2");
    let wrong = meterkit::jobs::tokens::import_bytes(&other.store, &other.stamp(), text.as_bytes());
    assert_eq!(wrong.refused[0].code.as_str(), "MK-OFFICE-03", "another handheld's receipt");
    // A later stick brings the rest.
    office(&desk, stick.path());
    assert!(visit(&handheld, stick.path()).unwrap().taken.is_some());
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
}

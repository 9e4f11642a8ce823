//! Backup and restore by command: from a living office, into either database, and never a changed
//! file or a living office written over.

use super::raw::Server;
use crate::office::cli::Place;
use crate::office::desk::{ACCOUNT, METER, store_key};
use crate::support::{postgres, stamp};
use meterkit::sync::enrol;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// An office with a meter, a handheld and a token that is out.
fn office(database: Option<&str>) -> Place {
    let place = Place::new();
    drop(place.found(database));
    let add =
        ["meter", "add", METER, "--account", ACCOUNT, "--customer", "Zhang", "--location", "B"];
    place.good(&add);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    let server = Server::start(&place, 0, &[]);
    let (url, file) = (format!("http://{}", server.handhelds), place.path("hh.mke"));
    place.good(&["enrol", "hh-1", "--operator", "li", "--url", &url, "--out", &file]);
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path(), &store_key(), &std::fs::read(&file).unwrap(), &stamp()).unwrap();
    place.good(&["issue", "--meter", METER, "--amount", "25", "--device", "hh-1"]);
    // While it serves.
    place.good(&["backup", &place.path("a.mkb")]);
    place
}

fn at<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("{name}: {json}"))
}

#[test]
fn a_backup_is_restored_into_a_new_folder_and_nowhere_else() {
    let place = office(None);
    let file = place.path("a.mkb");
    let (json, code) = place.run(&["backup", &file]);
    assert_eq!((code, at(&json, "error")), (2, "usage"), "never written over: {json}");
    let checked = place.good(&["restore", &file, "--check"]);
    assert_eq!(
        (checked["rows"]["token"].as_u64(), checked["rows"]["device"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(checked["sums"].as_array().unwrap().len(), 2, "{checked}");
    let (json, code) = place.run(&["restore", &file]);
    assert_eq!((code, at(&json, "error")), (6, "already-initialised"), "{json}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let other = Place::new();
    let restored = other.good(&["restore", &file]);
    assert_eq!(at(&restored, "content"), at(&checked, "content"));
    assert_eq!(other.good(&["ledger"]), place.good(&["ledger"]));
    assert_eq!(other.good(&["keys", "check"])["good"], true);
    let issue = ["issue", "--meter", METER, "--amount", "1", "--device", "hh-1"];
    let (json, code) = other.run(&issue);
    assert_eq!((code, at(&json, "error")), (1, "restored"), "{json}");
    let (json, code) = other.run(&["restored", "list"]);
    assert_eq!((code, json["waiting"].as_u64()), (1, Some(2)), "{json}");
    for device in ["hh-1", "*"] {
        other.run(&["restored", "accept", device, "--reason", "lost with the office"]);
    }
    other.good(&["restored", "list"]);
    other.good(&issue);
    // A backup of a restored office is one like any other; restored, all are waited for again.
    other.good(&["backup", &other.path("b.mkb")]);
    let third = Place::new();
    third.good(&["restore", &other.path("b.mkb")]);
    assert_eq!(third.run(&["restored", "list"]).0["waiting"].as_u64(), Some(2));
    let left: Vec<_> = std::fs::read_dir(third.office().parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 2, "the office, the passphrase, no draft: {left:?}");
}

#[test]
fn a_changed_backup_is_refused_whole() {
    let place = office(None);
    let good = std::fs::read(place.path("a.mkb")).unwrap();
    let other = Place::new();
    let mut bad = vec![Vec::new(), b"MKBACKUP1\n".to_vec(), good[..good.len() - 1].to_vec()];
    bad.push([&good[..], b"x"].concat());
    for at in [0, 9, 10, 41, 42, good.len() / 2, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        bad.push(changed);
    }
    for bytes in bad {
        std::fs::write(other.path("bad.mkb"), &bytes).unwrap();
        let (json, code) = other.run(&["restore", &other.path("bad.mkb")]);
        assert_eq!((code, at(&json, "error")), (6, "backup-file"), "{json}");
        assert!(!other.office().exists());
    }
}

#[test]
fn without_keys_it_needs_those_that_are_left() {
    let place = office(None);
    let file = place.path("b.mkb");
    assert_eq!(place.good(&["backup", &file, "--without-keys"])["keys"], 0);
    let other = Place::new();
    let (json, code) = other.run(&["restore", &file]);
    assert_eq!((code, at(&json, "error")), (2, "usage"), "{json}");
    assert!(!other.office().exists());
    let keys = place.office().join("keys").display().to_string();
    other.good(&["restore", &file, "--keys", &keys]);
    assert_eq!(other.good(&["keys", "check"])["good"], true);
    // Keys of another office do not open it.
    let third = Place::founded();
    let keys = third.office().join("keys").display().to_string();
    let fourth = Place::new();
    fourth.good(&["restore", &file, "--keys", &keys]);
    assert_eq!(at(&fourth.run(&["ledger"]).0, "error"), "keys-older");
}

/// Out of a file into PostgreSQL, out of that into a file: every row is the same.
#[test]
fn a_backup_moves_between_the_databases() {
    let Some(url) = postgres::fresh() else { return };
    let place = office(None);
    let first = place.good(&["restore", &place.path("a.mkb"), "--check"]);
    let other = Place::new();
    let restored = other.good(&["--database", &url, "restore", &place.path("a.mkb")]);
    assert_eq!(at(&restored, "content"), at(&first, "content"));
    assert!(!other.office().join("office.db").exists());
    assert_eq!(other.good(&["ledger"]), place.good(&["ledger"]));
    let (json, _) = Place::new().run(&["--database", &url, "restore", &place.path("a.mkb")]);
    assert_eq!(at(&json, "error"), "already-initialised", "{json}");
    let back = other.good(&["backup", &other.path("b.mkb")]);
    let third = Place::new();
    let again = third.good(&["restore", &other.path("b.mkb")]);
    assert_eq!(at(&again, "content"), at(&back, "content"));
    assert_eq!(third.good(&["ledger"]), place.good(&["ledger"]));
    // One that lives on PostgreSQL from the start.
    let Some(url) = postgres::fresh() else { return };
    let place = office(Some(&url));
    let fourth = Place::new();
    fourth.good(&["restore", &place.path("a.mkb")]);
    assert_eq!(fourth.good(&["ledger"]), place.good(&["ledger"]));
}

/// Both are killed at moments nobody chose: half a backup never has its name, half an office is
/// never in its place, and the next try does it.
#[test]
fn a_backup_and_a_restore_may_be_killed_at_any_moment() {
    let place = office(None);
    let whole = place.good(&["restore", &place.path("a.mkb"), "--check"]);
    let run = |place: &Place, args: &[&str], after: Duration| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit-office"));
        command.arg("--data").arg(place.office()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(after);
        let _ = child.kill();
        child.wait().unwrap().success()
    };
    let (mut killed, mut done) = (0, 0);
    // Longer each time, until it is done before it is killed.
    for turn in 0.. {
        let (after, file) = (Duration::from_millis(2 * turn), place.path(&format!("{turn}.mkb")));
        let other = Place::new();
        let backed_up = run(&place, &["backup", &file], after);
        assert_eq!(Path::new(&file).exists(), backed_up || examined(&other, &file));
        let restored = run(&other, &["restore", &place.path("a.mkb")], after);
        if other.office().exists() {
            let ledger = other.good(&["ledger"]);
            assert_eq!(ledger["postings"], whole["rows"]["posting"]);
        } else {
            assert!(!restored);
            other.good(&["restore", &place.path("a.mkb")]);
        }
        killed += u32::from(!restored) + u32::from(!backed_up);
        done += u32::from(restored && backed_up);
        if done > 2 {
            break;
        }
    }
    assert!(killed > 4, "{killed} were killed");
}

/// Whether there is a whole backup of that name.
fn examined(place: &Place, file: &str) -> bool {
    Path::new(file).exists() && place.run(&["restore", file, "--check"]).1 == 0
}

//! The power goes, the disk fills up or wears out, at every single step of everything the vault
//! does: somebody can always get in who could before, and no try is lost.

use super::make::{LI, PIN, Site, TestBoot, WANG, operator, pin};
use crate::crash::disk::{Dice, Fault, SimDisk};
use meterkit::store::seal::StoreKey;
use meterkit::store::vault::{LOCK_AFTER, VaultError};
use meterkit::units::recovery_text;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

const NEW: &str = "573920";
const CODE: [u8; 16] = [0x77; 16];

fn site(disk: &SimDisk) -> Site {
    Site::on(Path::new("/home"), Arc::new(disk.clone()))
}

fn code() -> SecretString {
    SecretString::from(recovery_text(&CODE).as_str())
}

/// What is done while the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    First,
    Second,
    Again,
    Change,
    Remove,
    AddCode,
    Recover,
    Right,
    Wrong,
}

const ACTS: [Act; 9] = [
    Act::First,
    Act::Second,
    Act::Again,
    Act::Change,
    Act::Remove,
    Act::AddCode,
    Act::Recover,
    Act::Right,
    Act::Wrong,
];

/// A disk as it is before an act, everything forced: empty, or with Li, two wrong tries and a code.
fn before(act: Act) -> (SimDisk, Option<StoreKey>) {
    let disk = SimDisk::default();
    if act == Act::First {
        return (disk, None);
    }
    let (site, boot) = (site(&disk), TestBoot::new(1));
    let key = site.with_li();
    if act != Act::AddCode {
        site.open().add_recovery(&key, &[CODE]).unwrap();
    }
    for _ in 0..2 {
        assert!(site.try_pin(LI, "000001", &boot).is_err());
    }
    (disk, Some(key))
}

fn perform(site: &Site, key: Option<&StoreKey>, act: Act) -> Result<(), VaultError> {
    let (li, boot) = (operator(LI), TestBoot::new(1));
    let Some(key) = key else {
        let (vault, key) = site.try_create()?;
        return vault.set_pin(&key, &li, &pin(PIN), false);
    };
    let vault = site.try_open()?;
    match act {
        Act::First => Ok(()),
        Act::Second => vault.set_pin(key, &operator(WANG), &pin("73190582"), true),
        Act::Again => vault.set_pin(key, &li, &pin(NEW), false),
        Act::Change => vault.change_pin(&li, &pin(PIN), &pin(NEW), false, &boot),
        Act::Remove => vault.remove(key, &li),
        Act::AddCode => vault.add_recovery(key, &[CODE]),
        Act::Recover => vault.recover(&code(), &boot).map(drop),
        Act::Right => vault.unlock(&li, &pin(PIN), &boot).map(drop),
        Act::Wrong => vault.unlock(&li, &pin("000001"), &boot).map(drop),
    }
}

/// After a fault: either the old or the new state, and `done` (the act said it was) means the new.
fn check(site: &Site, act: Act, done: &Result<(), VaultError>, what: &str) {
    let boot = TestBoot::new(9);
    boot.pass(1_000_000);
    let opens = |who: &str, text: &str| site.open().unlock(&operator(who), &pin(text), &boot);
    if act == Act::First {
        match site.try_open() {
            Err(VaultError::NotThere(_)) => assert!(done.is_err(), "{what}"),
            vault => {
                vault.unwrap();
                opens(LI, PIN).unwrap();
            }
        }
        return;
    }
    let left = site.open().left(&operator(LI)).unwrap();
    let failed = LOCK_AFTER - left;
    match act {
        Act::Change if done.is_ok() => assert_eq!(failed, 0, "{what}"),
        // The right one may stay counted as one that was wrong.
        Act::Right if done.is_ok() => assert!([0, 3].contains(&failed), "{what}: {failed}"),
        Act::Right | Act::Change => assert!([0, 2, 3].contains(&failed), "{what}: {failed}"),
        Act::Wrong if matches!(done, Err(VaultError::Wrong { .. })) => {
            assert_eq!(failed, 3, "{what}: it was looked at");
        }
        Act::Wrong => assert!([2, 3].contains(&failed), "{what}: {failed}"),
        Act::Again => assert!([0, 2].contains(&failed), "{what}: {failed}"),
        _ => assert_eq!(failed, 2, "{what}"),
    }
    let (old, new) = (opens(LI, PIN).is_ok(), opens(LI, NEW).is_ok());
    match act {
        Act::Again | Act::Change => {
            assert!(old != new, "{what}: one of the two PINs, {old} {new}");
            assert!(new || done.is_err(), "{what}");
        }
        Act::Remove => assert!(!old || done.is_err(), "{what}"),
        _ => assert!(old && !new, "{what}"),
    }
    if act == Act::Second {
        assert!(opens(WANG, "73190582").is_ok() || done.is_err(), "{what}");
    }
    boot.pass(1_000_000);
    let recovers = site.open().recover(&code(), &boot).is_ok();
    match act {
        Act::AddCode => assert!(recovers || done.is_err(), "{what}"),
        Act::Recover => assert!(!recovers || done.is_err(), "{what}: used twice"),
        _ => assert!(recovers, "{what}"),
    }
}

fn steps(act: Act) -> u64 {
    let (disk, key) = before(act);
    let from = disk.steps();
    let _ = perform(&site(&disk), key.as_ref(), act);
    disk.steps() - from
}

#[test]
fn a_power_cut_at_any_step_leaves_the_old_state_or_the_new_one() {
    for act in ACTS {
        let steps = steps(act);
        assert!(steps > 1, "{act:?}");
        for step in 0..=steps {
            for seed in 0..6 {
                let (disk, key) = before(act);
                disk.plan(Some(Fault::Cut(disk.steps() + step)));
                let done = perform(&site(&disk), key.as_ref(), act);
                let after = disk.after_cut(&mut Dice::new(seed * 7_919 + step));
                let what = format!("{act:?}, cut at {step} of {steps}, seed {seed}: {done:?}");
                check(&site(&after), act, &done, &what);
            }
        }
    }
}

#[test]
fn a_step_that_fails_leaves_the_old_state_or_the_new_one() {
    for act in ACTS {
        for step in 0..steps(act) {
            for full in [false, true] {
                let (disk, key) = before(act);
                let from = disk.steps() + step;
                let full_from_now_on = Fault::Full { from, steps: u64::MAX / 2 };
                disk.plan(Some(if full { full_from_now_on } else { Fault::Worn(from) }));
                let done = perform(&site(&disk), key.as_ref(), act);
                disk.plan(None);
                let what = format!("{act:?}, step {step} fails (full: {full}): {done:?}");
                check(&site(&disk), act, &done, &what);
            }
        }
    }
}

/// The power is cut again and again right after the try was written down: ten times is all.
#[test]
fn cutting_the_power_before_the_count_can_be_cleared_gains_nothing() {
    let boot = TestBoot::new(1);
    for cut in 0..steps(Act::Right) {
        let (mut disk, _) = before(Act::Right);
        let mut looked_at = 0;
        for round in 0..60 {
            boot.restart();
            boot.pass(1_000_000);
            disk.plan(Some(Fault::Cut(disk.steps() + cut)));
            let answer = site(&disk).try_pin(LI, "000001", &boot);
            let looked = matches!(answer, Err(VaultError::Wrong { .. } | VaultError::LockedOut));
            looked_at += u32::from(looked);
            disk = disk.after_cut(&mut Dice::new(round * 31 + cut));
        }
        let left = site(&disk).open().left(&operator(LI)).unwrap();
        // Every PIN that was looked at was counted; after the tenth none is looked at any more.
        assert!(looked_at == 0 || left == 0, "cut at {cut}: {looked_at} looked at, {left} left");
    }
}

/// A full disk stops nobody from logging in, and nobody's tries from being counted.
#[test]
fn on_a_full_disk_pins_are_tried_and_counted() {
    let (disk, _) = before(Act::Right);
    let (site, boot) = (site(&disk), TestBoot::new(1));
    assert!(matches!(site.try_pin(LI, "000001", &boot), Err(VaultError::Wrong { left: 7, .. })));
    let before = disk.files();
    boot.pass(100);
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(3));
    let after = disk.files();
    let sizes = |files: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&before), sizes(&after), "no file is made and none grows");
}

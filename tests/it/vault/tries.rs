//! Wrong PINs: ten and no more, whatever is done to the program, the machine or the files.

use super::make::{LI, PIN, Site, TestBoot, WANG, operator, pin};
use meterkit::store::disk::{Disk, DiskFile, DiskLock, RealDisk};
use meterkit::store::vault::{LOCK_AFTER, SecretPlace, SystemBoot, Vault, VaultError};
use meterkit::units::recovery_text;
use secrecy::SecretString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// Longest wait there is, seconds.
const LONGEST: u64 = 3_600;

fn files(site: &Site) -> [PathBuf; 2] {
    [site.dir.join("vault/tries"), site.dir.join("tries")]
}

/// Tries wrong PINs until the log-in is locked, waiting whatever must be waited; how many it took.
/// `between` is what the thief does before each.
fn wrong_until_locked(
    site: &Site,
    who: &str,
    boot: &TestBoot,
    mut between: impl FnMut(u32),
) -> u32 {
    for tried in 0..100 {
        between(tried);
        let mut answer = site.try_pin(who, "000001", boot);
        if let Err(VaultError::Wait { seconds }) = answer {
            boot.pass(seconds - 1);
            let early = site.try_pin(who, PIN, boot);
            assert_eq!(early, Err(VaultError::Wait { seconds: 1 }), "the right one waits too");
            boot.pass(1);
            answer = site.try_pin(who, "000001", boot);
        }
        match answer {
            Err(VaultError::LockedOut) => return tried + 1,
            Err(VaultError::Wrong { left, .. }) => assert!(left > 0 && left < LOCK_AFTER),
            other => panic!("{other:?}"),
        }
    }
    panic!("never locked");
}

fn locked(site: &Site, boot: &TestBoot) {
    boot.pass(1_000_000);
    for text in [PIN, "000001"] {
        assert_eq!(site.try_pin(LI, text, boot), Err(VaultError::LockedOut));
    }
    boot.restart();
    boot.pass(1_000_000);
    assert_eq!(site.try_pin(LI, PIN, boot), Err(VaultError::LockedOut));
    assert_eq!(site.open().left(&operator(LI)), Ok(0));
    assert!(site.open().locked(&operator(LI)).unwrap());
}

#[test]
fn ten_wrong_pins_lock_and_only_a_supervisor_or_a_code_frees() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    let code = [0x3c; 16];
    site.open().add_recovery(&key, &[code]).unwrap();
    site.open().set_pin(&key, &operator(WANG), &pin("73190582"), true).unwrap();
    assert_eq!(wrong_until_locked(&site, LI, &boot, |_| {}), LOCK_AFTER);
    locked(&site, &boot);
    let new = pin("573920");
    let change = site.open().change_pin(&operator(LI), &pin(PIN), &new, false, &boot);
    assert_eq!(change, Err(VaultError::LockedOut));
    // Wang is not hindered, and with Wang's key Li is free again.
    let wang = site.open().unlock(&operator(WANG), &pin("73190582"), &boot).unwrap();
    site.open().free(&wang.key, &operator(LI)).unwrap();
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
    // Locked again; a recovery code gives the key, and a new PIN frees the log-in.
    assert_eq!(wrong_until_locked(&site, LI, &boot, |_| {}), LOCK_AFTER);
    let code = SecretString::from(recovery_text(&code).as_str());
    let key = site.open().recover(&code, &boot).unwrap();
    assert_eq!(site.try_pin(LI, PIN, &boot), Err(VaultError::LockedOut));
    site.open().set_pin(&key, &operator(LI), &new, false).unwrap();
    assert_eq!(site.try_pin(LI, "573920", &boot), Ok(0));
}

#[test]
fn waits_grow_run_on_the_machines_clock_and_begin_anew_after_a_restart() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    site.with_li();
    boot.pass(5_000);
    let waits = [0, 0, 30, 60, 300, 900, 3_600, 3_600, 3_600];
    for (at, wait_s) in waits.into_iter().enumerate() {
        let left = LOCK_AFTER - 1 - at as u32;
        let answer = site.try_pin(LI, "000001", &boot);
        assert_eq!(answer, Err(VaultError::Wrong { left, wait_s }));
        assert_eq!(site.open().wait(&operator(LI), &boot), Ok(wait_s));
        if wait_s > 0 {
            boot.pass(wait_s - 1);
            assert_eq!(site.try_pin(LI, PIN, &boot), Err(VaultError::Wait { seconds: 1 }));
            // The battery was taken out in the last second: all of it again.
            boot.restart();
            for _ in 0..3 {
                let again = site.try_pin(LI, PIN, &boot);
                assert_eq!(again, Err(VaultError::Wait { seconds: wait_s }));
            }
            boot.pass(wait_s);
        }
    }
    // The tenth one may still be the right one, and then it is told how many were not.
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(9));
    assert_eq!(site.open().left(&operator(LI)), Ok(LOCK_AFTER));
    let again = site.try_pin(LI, "000001", &boot);
    assert_eq!(again, Err(VaultError::Wrong { left: 9, wait_s: 0 }));
}

#[test]
fn a_restart_of_the_machine_before_every_try_gains_nothing() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    site.with_li();
    let taken = wrong_until_locked(&site, LI, &boot, |_| boot.restart());
    assert_eq!(taken, LOCK_AFTER);
    locked(&site, &boot);
}

#[test]
fn one_file_deleted_cut_short_broken_or_put_back_before_every_try_gains_nothing() {
    type Harm = fn(&PathBuf, &[u8], u32);
    let delete: Harm = |path, _, _| std::fs::remove_file(path).unwrap();
    let empty: Harm = |path, _, _| std::fs::write(path, []).unwrap();
    let half: Harm = |path, first, _| {
        let bytes = std::fs::read(path).unwrap_or(first.to_vec());
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let broken: Harm = |path, _, n| {
        let mut bytes = std::fs::read(path).unwrap();
        for at in (n as usize % 97..bytes.len()).step_by(97) {
            bytes[at] ^= 0x55;
        }
        std::fs::write(path, bytes).unwrap();
    };
    let put_back: Harm = |path, first, _| std::fs::write(path, first).unwrap();
    let long: Harm = |path, first, _| std::fs::write(path, first.repeat(9)).unwrap();
    for (name, harm) in [
        ("deleted", delete),
        ("emptied", empty),
        ("halved", half),
        ("broken", broken),
        ("put back", put_back),
        ("too long", long),
    ] {
        for which in 0..3 {
            let (site, boot) = (Site::real(), TestBoot::new(1));
            site.with_li();
            let first = files(&site).map(|path| std::fs::read(path).unwrap());
            let taken = wrong_until_locked(&site, LI, &boot, |n| {
                // One, the other, or each in turn.
                let which = if which == 2 { n as usize % 2 } else { which };
                harm(&files(&site)[which], &first[which], n);
                boot.restart();
            });
            assert_eq!(taken, LOCK_AFTER, "{name}, file {which}");
            locked(&site, &boot);
        }
    }
}

#[test]
fn a_lost_count_leaves_one_try_after_the_longest_wait() {
    for harm in ["deleted", "broken"] {
        let (site, boot) = (Site::real(), TestBoot::new(1));
        let key = site.with_li();
        boot.pass(77_000);
        for path in files(&site) {
            match harm {
                "deleted" => std::fs::remove_file(path).unwrap(),
                _ => std::fs::write(path, vec![0xa5; 16 * 1024]).unwrap(),
            }
        }
        assert_eq!(site.open().left(&operator(LI)), Ok(1), "{harm}");
        assert_eq!(site.open().left(&operator("nobody")), Ok(1), "{harm}");
        let now = site.try_pin(LI, PIN, &boot);
        assert_eq!(now, Err(VaultError::Wait { seconds: LONGEST }), "{harm}");
        boot.pass(LONGEST);
        assert_eq!(site.try_pin(LI, "000001", &boot), Err(VaultError::LockedOut), "{harm}");
        locked(&site, &boot);
        // Losing it again unlocks nothing for longer than that one try.
        files(&site).iter().for_each(|path| std::fs::remove_file(path).unwrap());
        let now = site.try_pin(LI, PIN, &boot);
        assert_eq!(now, Err(VaultError::Wait { seconds: LONGEST }), "{harm}");
        site.open().free(&key, &operator(LI)).unwrap();
        assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0), "{harm}");
    }
}

#[test]
fn the_count_of_another_vault_or_of_before_the_slot_is_no_count() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    let before = files(&site).map(|path| std::fs::read(path).unwrap());
    site.open().set_pin(&key, &operator(WANG), &pin("73190582"), true).unwrap();
    for (path, bytes) in files(&site).iter().zip(&before) {
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(site.open().left(&operator(WANG)), Ok(1), "a slot without a count");
    // Another vault with the same device secret.
    let other = Site::real();
    std::fs::copy(site.home.join("device-secret"), other.home.join("device-secret")).unwrap();
    other.with_li();
    for (path, from) in files(&site).iter().zip(files(&other)) {
        std::fs::copy(from, path).unwrap();
    }
    let now = site.try_pin(LI, PIN, &boot);
    assert_eq!(now, Err(VaultError::Wait { seconds: LONGEST }));
}

#[test]
fn names_nobody_has_cannot_be_told_from_wrong_pins() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    site.with_li();
    let mut answers = [Vec::new(), Vec::new()];
    for (who, answers) in [LI, "nobody"].into_iter().zip(&mut answers) {
        for _ in 0..14 {
            let vault = site.open();
            answers.push((
                site.try_pin(who, "000001", &boot),
                vault.left(&operator(who)),
                vault.locked(&operator(who)),
                vault.wait(&operator(who), &boot),
            ));
            boot.pass(LONGEST);
        }
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn one_pin_on_many_names_is_slowed_down_and_pushes_no_count_out() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    site.with_li();
    assert!(site.try_pin(LI, "000001", &boot).is_err());
    let mut waited = 0;
    for n in 0..200 {
        let who = format!("guess-{n}");
        if let Err(VaultError::Wait { seconds }) = site.try_pin(&who, PIN, &boot) {
            waited += seconds;
            boot.pass(seconds);
            let now = site.try_pin(&who, PIN, &boot);
            assert!(matches!(now, Err(VaultError::Wrong { left: 9, .. })), "{now:?}");
        }
    }
    assert!(waited > 160 * 300, "{waited} s");
    assert_eq!(site.open().left(&operator(LI)), Ok(9));
    boot.pass(300);
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(1));
    assert!(matches!(site.try_pin("guess-0", PIN, &boot), Err(VaultError::Wrong { .. })));
}

/// A disk that is slow to open files: whoever reads and then writes can be overtaken.
#[derive(Debug)]
struct SlowDisk(RealDisk);

impl Disk for SlowDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.0.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        std::thread::sleep(Duration::from_millis(2));
        self.0.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.0.make_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        self.0.lock(path)
    }
    fn free(&self, path: &Path) -> io::Result<u64> {
        self.0.free(path)
    }
}

#[test]
fn many_at_once_get_no_more_tries_than_one() {
    for _ in 0..3 {
        let mut site = Site::real();
        site.with_li();
        site.ground.disk = Arc::new(SlowDisk(RealDisk));
        let start = Barrier::new(16);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let (dir, ground, start) = (&site.dir, &site.ground, &start);
            let one = || {
                let vault = Vault::open_on(dir, &SecretPlace::Auto, ground.clone()).unwrap();
                start.wait();
                vault.unlock(&operator(LI), &pin("000001"), &SystemBoot).map(drop)
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let wrong = answers.iter().filter(|a| matches!(a, Err(VaultError::Wrong { .. }))).count();
        assert_eq!(wrong, 3, "{answers:?}");
        assert_eq!(site.open().left(&operator(LI)), Ok(7));
    }
}

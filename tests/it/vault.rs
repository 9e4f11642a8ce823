//! Custody of the store's key: PINs, recovery codes, the device secret, and thieves.

mod cuts;
#[cfg(all(feature = "keystore", target_os = "linux"))]
mod keystore;
mod make;
mod tpm;
mod tries;

use make::{FakeTpm, LI, PIN, Site, TestBoot, TestMachine, WANG, device, fits, operator, pin};
use meterkit::store::vault::{Cost, SecretKind, SecretPlace, SystemBoot, Vault, VaultError, Weak};
use meterkit::units::recovery_text;
use secrecy::SecretString;
use std::time::Instant;

fn text_of(code: &[u8; 16]) -> SecretString {
    SecretString::from(recovery_text(code).as_str())
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_operator_opens_with_the_own_pin_and_gets_the_same_key() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let (vault, key) = site.try_create().unwrap();
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    vault.set_pin(&key, &operator(WANG), &pin("73190582"), true).unwrap();
    drop(vault);

    let vault = site.open();
    assert_eq!((vault.device(), vault.kind()), ("hh-007", SecretKind::File));
    assert_eq!(Vault::device_of(&site.dir).unwrap(), "hh-007");
    for (who, text) in [(LI, PIN), (WANG, "73190582")] {
        let unlocked = vault.unlock(&operator(who), &pin(text), &boot).unwrap();
        assert!(fits(&vault, &unlocked.key));
    }
    assert!(site.try_pin(LI, "73190582", &boot).is_err());
    assert!(site.try_pin(WANG, PIN, &boot).is_err());
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(1), "the wrong one before is told");
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));

    vault.remove(&key, &operator(WANG)).unwrap();
    assert!(!vault.has(&operator(WANG)).unwrap() && vault.has(&operator(LI)).unwrap());
    assert!(matches!(site.try_pin(WANG, "73190582", &boot), Err(VaultError::Wrong { .. })));
}

#[test]
fn a_changed_pin_wraps_the_same_key_and_the_old_one_is_dead() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    let vault = site.open();
    let change =
        |old: &str, new: &str| vault.change_pin(&operator(LI), &pin(old), &pin(new), false, &boot);
    assert_eq!(change(PIN, "111111"), Err(VaultError::WeakPin(Weak::Repeated)));
    assert_eq!(vault.left(&operator(LI)), Ok(10), "a weak new PIN costs no try");
    assert!(matches!(change("000001", "573920"), Err(VaultError::Wrong { left: 9, .. })));
    change(PIN, "573920").unwrap();
    assert!(site.try_pin(LI, PIN, &boot).is_err());
    let unlocked = vault.unlock(&operator(LI), &pin("573920"), &boot).unwrap();
    assert!(fits(&vault, &unlocked.key) && fits(&vault, &key));
}

#[test]
fn only_the_vaults_own_key_changes_it() {
    let (site, other) = (Site::real(), Site::real());
    let (_key, foreign) = (site.with_li(), other.with_li());
    let (vault, who) = (site.open(), operator(LI));
    let before = site.kept();
    assert_eq!(vault.set_pin(&foreign, &who, &pin("573920"), false), Err(VaultError::OtherKey));
    assert_eq!(vault.remove(&foreign, &who), Err(VaultError::OtherKey));
    assert_eq!(vault.free(&foreign, &who), Err(VaultError::OtherKey));
    assert_eq!(vault.add_recovery(&foreign, &[[1; 16]]), Err(VaultError::OtherKey));
    assert_eq!(site.kept(), before);
}

#[test]
fn no_vault_is_on_disk_before_something_opens_it() {
    let site = Site::real();
    let (vault, key) = site.try_create().unwrap();
    assert!(!Vault::exists(&site.dir));
    assert!(matches!(site.try_open(), Err(VaultError::NotThere(_))));
    let weak = vault.set_pin(&key, &operator(LI), &pin("123456"), false);
    assert_eq!(weak, Err(VaultError::WeakPin(Weak::Run)));
    assert!(!Vault::exists(&site.dir));
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    assert!(Vault::exists(&site.dir));
}

#[test]
fn an_unfinished_enrolment_is_replaced_and_a_finished_one_never() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    site.with_li();
    // The program stopped before the store was made; the enrolment is repeated.
    let (vault, key) = site.try_create().unwrap();
    vault.set_pin(&key, &operator(WANG), &pin("73190582"), true).unwrap();
    assert!(site.open().has(&operator(WANG)).unwrap());
    assert!(!site.open().has(&operator(LI)).unwrap());
    assert_eq!(site.try_pin(WANG, "73190582", &boot), Ok(0));
    // Two at once: the one that comes second does not take the first one's vault away.
    let (late, late_key) = site.try_create().unwrap();
    let (first, first_key) = site.try_create().unwrap();
    first.set_pin(&first_key, &operator(LI), &pin(PIN), false).unwrap();
    let refused = late.set_pin(&late_key, &operator(LI), &pin(PIN), false);
    assert!(matches!(refused, Err(VaultError::There(_))), "{refused:?}");
    // With an identity beside it the vault is in use.
    std::fs::write(site.dir.join("identity"), b"sealed").unwrap();
    assert!(matches!(site.try_create(), Err(VaultError::There(_))));
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
}

#[test]
fn the_files_name_the_handheld_and_nothing_else() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let (vault, key) = site.try_create().unwrap();
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    vault.set_pin(&key, &operator(WANG), &pin("73190582"), true).unwrap();
    let code: [u8; 16] = *b"a recovery code!";
    vault.add_recovery(&key, &[code]).unwrap();
    let _ = site.try_pin("zhang-9", "314159", &boot);
    let forbidden: [&[u8]; 9] = [
        LI.as_bytes(),
        WANG.as_bytes(),
        b"zhang-9",
        PIN.as_bytes(),
        b"73190582",
        b"314159",
        &code,
        text_of_bytes(&code),
        b"4711",
    ];
    for (path, bytes) in site.files() {
        for part in forbidden {
            assert!(!holds(&bytes, part), "{} holds {part:02x?}", path.display());
        }
    }
    let slots = std::fs::read(site.dir.join("vault/slots")).unwrap();
    assert!(holds(&slots, b"hh-007"), "a finder must be able to return it");
    assert!(!format!("{vault:?} {key:?}").contains("secret"));
    #[cfg(unix)]
    for (path, _) in site.files() {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

fn text_of_bytes(code: &[u8; 16]) -> &'static [u8] {
    recovery_text(code).to_string().leak().as_bytes()
}

#[test]
fn a_copied_home_opens_nothing_and_stays_as_it_is() {
    let (mut site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    site.open().add_recovery(&key, &[[7; 16]]).unwrap();
    let before = site.files();
    // Everything was copied, but the machine is another one, or has no id, or has a TPM.
    let others = [
        TestMachine { id: Some(vec![b'b'; 32]), tpm: None },
        TestMachine { id: None, tpm: None },
        TestMachine { id: Some(vec![b'b'; 32]), tpm: Some(FakeTpm::new(3)) },
    ];
    for machine in others {
        site.machine(machine);
        for _ in 0..20 {
            assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))));
        }
    }
    // The right machine, but the secret was left behind, or is another one.
    site.machine(TestMachine { id: Some(vec![b'a'; 32]), tpm: None });
    assert_eq!(site.files(), before, "nothing was counted or changed");
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
    let file = site.home.join("device-secret");
    let secret = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))));
    let other = Site::real();
    other.with_li();
    std::fs::copy(other.home.join("device-secret"), &file).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))));
    for at in 0..secret.len() {
        let mut wrong = secret.clone();
        wrong[at] ^= 1;
        std::fs::write(&file, &wrong).unwrap();
        assert!(matches!(site.try_open(), Err(VaultError::Damaged(_))), "byte {at}");
    }
    std::fs::write(&file, &secret).unwrap();
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
}

#[test]
fn the_secret_lies_where_it_was_put_and_is_looked_for_nowhere_else() {
    let (mut site, boot) = (Site::real(), TestBoot::new(1));
    let card = site.home.join("card/secret");
    let place = SecretPlace::File(card.clone());
    let make = |site: &Site, place: &SecretPlace| {
        let ground = site.ground.clone();
        let (vault, key) =
            Vault::create_on(&site.dir, &device(), place, Cost::TEST, ground).unwrap();
        vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
        vault.kind()
    };
    let open =
        |site: &Site, place: &SecretPlace| Vault::open_on(&site.dir, place, site.ground.clone());
    // On a card: without the card nothing opens.
    assert_eq!(make(&site, &place), SecretKind::File);
    assert!(!site.home.join("device-secret").exists());
    open(&site, &place).unwrap().unlock(&operator(LI), &pin(PIN), &boot).unwrap();
    assert!(matches!(open(&site, &SecretPlace::Auto), Err(VaultError::NoSecret(_))));
    assert!(matches!(open(&site, &SecretPlace::Tpm), Err(VaultError::NoSecret(_))));
    // Moved: the new place is named, and it opens.
    let moved = site.home.join("usb-stick");
    std::fs::rename(&card, &moved).unwrap();
    assert!(matches!(open(&site, &place), Err(VaultError::NoSecret(_))));
    let moved = SecretPlace::File(moved);
    open(&site, &moved).unwrap().unlock(&operator(LI), &pin(PIN), &boot).unwrap();
    // A TPM is taken where there is one, and then nothing else will do.
    let a = Some(vec![b'a'; 32]);
    site.machine(TestMachine { id: a.clone(), tpm: Some(FakeTpm::new(5)) });
    assert_eq!(make(&site, &SecretPlace::Auto), SecretKind::Tpm);
    open(&site, &SecretPlace::Auto).unwrap().unlock(&operator(LI), &pin(PIN), &boot).unwrap();
    assert!(matches!(open(&site, &moved), Err(VaultError::NoSecret(_))));
    site.machine(TestMachine { id: a.clone(), tpm: Some(FakeTpm::new(6)) });
    assert!(matches!(open(&site, &SecretPlace::Auto), Err(VaultError::NoSecret(_))));
    site.machine(TestMachine { id: a, tpm: None });
    assert!(matches!(open(&site, &SecretPlace::Auto), Err(VaultError::NoSecret(_))));
    let asked = Vault::create_on(
        &site.home.join("another"),
        &device(),
        &SecretPlace::Tpm,
        Cost::TEST,
        site.ground.clone(),
    );
    assert!(matches!(asked, Err(VaultError::NoSecret(_))), "asked for a TPM, none is there");
}

#[test]
fn a_recovery_code_works_once() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    let (one, two) = ([0x5a; 16], [0xc3; 16]);
    assert_eq!(site.open().recover(&text_of(&one), &boot).err(), Some(VaultError::NoRecovery));
    site.open().add_recovery(&key, &[one, two]).unwrap();
    assert_eq!(site.open().recovery_left(), Ok(2));
    let got = site.open().recover(&text_of(&one), &boot).unwrap();
    assert!(fits(&site.open(), &got));
    assert_eq!(site.open().recovery_left(), Ok(1));
    for wait_s in [0, 0, 30] {
        let again = site.open().recover(&text_of(&one), &boot);
        assert_eq!(again.err(), Some(VaultError::WrongCode { wait_s }));
    }
    let early = site.open().recover(&text_of(&two), &boot);
    assert_eq!(early.err(), Some(VaultError::Wait { seconds: 30 }));
    let typo = site.open().recover(&pin("7777-7777"), &boot);
    assert_eq!(typo.err(), Some(VaultError::BadCode));
    boot.pass(30);
    assert!(site.open().recover(&text_of(&two), &boot).is_ok());
    assert_eq!(site.open().recover(&text_of(&two), &boot).err(), Some(VaultError::NoRecovery));
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0), "PINs are another matter");
}

#[test]
fn a_changed_slots_file_opens_nothing() {
    let (site, boot) = (Site::real(), TestBoot::new(1));
    let key = site.with_li();
    site.open().add_recovery(&key, &[[9; 16]]).unwrap();
    let file = site.dir.join("vault/slots");
    let good = std::fs::read(&file).unwrap();
    let body = good.len() - 4;
    for at in 0..good.len() {
        for (flip, mend) in [(1u8, false), (0x80, false), (1, true), (0xff, true)] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            if mend {
                let check = crc32c::crc32c(&bad[..body]).to_be_bytes();
                bad[body..].copy_from_slice(&check);
            }
            if bad == good {
                continue;
            }
            std::fs::write(&file, &bad).unwrap();
            let opened = site.try_open();
            let told = matches!(
                opened,
                Err(VaultError::Damaged(_) | VaultError::NoSecret(_) | VaultError::Newer { .. })
            );
            assert!(told, "byte {at}: {opened:?}");
        }
    }
    for size in 0..good.len() {
        std::fs::write(&file, &good[..size]).unwrap();
        assert!(matches!(site.try_open(), Err(VaultError::Damaged(_))), "{size} bytes");
    }
    std::fs::write(&file, vec![0; 1 << 20]).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::Damaged(_))));
    std::fs::write(&file, &good).unwrap();
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
}

#[test]
fn the_vault_has_room_for_a_crew_and_says_when_it_is_full() {
    let site = Site::real();
    let (vault, key) = site.try_create().unwrap();
    for n in 0..48 {
        vault.set_pin(&key, &operator(&format!("op-{n}")), &pin(PIN), false).unwrap();
    }
    let one_more = vault.set_pin(&key, &operator("op-48"), &pin(PIN), false);
    assert_eq!(one_more, Err(VaultError::Full(48)));
    vault.set_pin(&key, &operator("op-7"), &pin("573920"), false).unwrap();
    let codes: Vec<[u8; 16]> = (0..17).map(|n| [n; 16]).collect();
    assert_eq!(vault.add_recovery(&key, &codes), Err(VaultError::Full(16)));
    assert_eq!(vault.recovery_left(), Ok(0));
    vault.add_recovery(&key, &codes[1..]).unwrap();
    assert_eq!(site.open().recovery_left(), Ok(16));
}

#[test]
fn the_shipped_cost_opens() {
    let site = Site::real();
    let ground = site.ground.clone();
    let (vault, key) =
        Vault::create_on(&site.dir, &device(), &SecretPlace::Auto, Cost::FIELD, ground).unwrap();
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    for (who, text, opens) in [(LI, PIN, true), (LI, "000001", false), ("nobody", PIN, false)] {
        let from = Instant::now();
        let opened = site.try_pin(who, text, &SystemBoot);
        println!("{who} {text}: {:?}", from.elapsed());
        assert_eq!(opened.is_ok(), opens);
    }
}

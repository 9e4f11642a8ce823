//! Key ceremonies with real files: who must sign, what stays valid, what a thief finds.

use super::desk::TENANT;
use crate::support::folders::copy;
use meterkit::office::{
    Ask, Cost, NewMeter, NewOperator, Offer, Office, OfficeError, Order, Purpose, RootChange,
    Setup, new_root_key, read_draft, read_sealed, sign_draft,
};
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::wire::{self, Keys, KeysAsk};
use meterkit::units::{Role, UnixSeconds};
use meterkit_tokens::{Authority, KeyId, RechargeToken, Root};
use secrecy::SecretString;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Every key of the tests has its name in its passphrase, so that none opens another's.
pub(super) fn ask(key: &str, _: bool) -> Result<SecretString, OfficeError> {
    Ok(SecretString::from(format!("passphrase of {key}")))
}

pub(super) fn asked() -> &'static Ask<'static> {
    &ask
}

pub(super) struct Site {
    dir: tempfile::TempDir,
    pub(super) office: Office,
    clock: Arc<AtomicI64>,
}

fn setup() -> Setup {
    Setup { cost: Cost::TEST, ..Setup::usual(TENANT) }
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(setup())
    }

    fn with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let office = block(Office::init(&dir.path().join("office"), &setup, asked())).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let clock = Arc::new(AtomicI64::new(now as i64));
        let site = Self { office: ticking(office, &clock), dir, clock };
        let mut new = NewMeter::new("47".parse().unwrap(), "123".parse().unwrap(), "Zhang", "B2");
        new.count.0 = 5;
        block(site.office.add_meters(&[new])).unwrap();
        let li = NewOperator::new("li".parse().unwrap(), "Li", Role::Supervisor);
        block(site.office.add_operator(&li)).unwrap();
        block(site.office.offer(&offer("hh-1"))).unwrap();
        site
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.dir.path().join("office/keys")
    }

    pub(super) fn key(&self, name: &str) -> PathBuf {
        self.keys().join(format!("{name}.key"))
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub(super) fn open(&self) -> Result<Office, OfficeError> {
        let opened = block(Office::open(&self.dir.path().join("office")))?;
        Ok(ticking(opened, &self.clock))
    }

    fn issue(&self) -> meterkit::office::Issued {
        let (meter, device) = ("47".parse().unwrap(), "hh-1".parse().unwrap());
        block(self.office.issue(&Order { meter, amount: 100, device, days: 3 })).unwrap()
    }

    /// The draft with these holders' signatures.
    fn signed(&self, draft: &[u8], names: &[&str]) -> Vec<u8> {
        names.iter().fold(draft.to_vec(), |draft, name| {
            let key = read_sealed(&self.key(name)).unwrap();
            sign_draft(&draft, &key, &ask(name, false).unwrap()).unwrap()
        })
    }
}

fn ticking(office: Office, clock: &Arc<AtomicI64>) -> Office {
    let clock = Arc::clone(clock);
    office.with_clock(Arc::new(move || UnixSeconds(clock.load(Ordering::Relaxed))))
}

fn offer(name: &str) -> Offer {
    let operators = vec!["li".parse().unwrap()];
    Offer { operators, ..Offer::new(&name.parse().unwrap(), "https://127.0.0.1:1") }
}

pub(super) fn authority(office: &Office) -> Authority {
    let (roots, keysets) = (office.roots(), office.keysets());
    let first = Root::verify(&roots[0], TENANT, None).unwrap().hash().unwrap();
    Authority::build(TENANT, first, &roots, keysets.last().unwrap()).unwrap()
}

pub(super) fn kid(office: &Office, name: &str) -> KeyId {
    let kid = office.key(name).unwrap().kid;
    let byte = |at: usize| u8::from_str_radix(&kid[2 * at..2 * at + 2], 16).unwrap();
    KeyId(std::array::from_fn(byte))
}

#[test]
fn daily_work_needs_no_root_key_and_a_new_process_only_what_it_uses() {
    let site = Site::new();
    for name in ["root-1", "root-2", "root-3"] {
        fs::remove_file(site.key(name)).unwrap();
    }
    let office = site.open().unwrap();
    let order = Order {
        meter: "47".parse().unwrap(),
        amount: 100,
        device: "hh-1".parse().unwrap(),
        days: 3,
    };
    assert_eq!(block(office.issue(&order)).unwrap_err().code(), "locked");
    office.unlock(&[Purpose::Issuer], asked()).unwrap();
    let issued = block(office.issue(&order)).unwrap();
    RechargeToken::verify(&issued.bytes, TENANT, &authority(&office).keyring()).unwrap();
    // What issues cannot answer handhelds, and what answers them cannot issue.
    let status = block(office.status(&"hh-1".parse().unwrap()));
    assert_eq!(status.unwrap_err().code(), "locked");
    let server = site.open().unwrap();
    server.unlock(&[Purpose::Status, Purpose::Tls], asked()).unwrap();
    assert!(server.server_tls().unwrap().unwrap().config().is_ok());
    assert!(block(server.status(&"hh-1".parse().unwrap())).is_ok());
    assert_eq!(block(server.issue(&order)).unwrap_err().code(), "locked");
    assert_eq!(block(server.offer(&offer("hh-2"))).map(drop).unwrap_err().code(), "locked");
    let root = server.unlock(&[Purpose::Root], asked()).unwrap_err();
    assert_eq!(root.code(), "no-key");
    let elsewhere = office.key_list().into_iter().filter(|key| key.state == "elsewhere");
    assert_eq!(elsewhere.count(), 3);
    assert!(server.check_chain().faults.is_empty());
}

#[test]
fn root_keys_go_where_they_are_told() {
    let away = tempfile::tempdir().unwrap();
    let root_dir = away.path().join("stick");
    let site = Site::with(Setup { root_dir: Some(root_dir.clone()), ..setup() });
    assert!(!site.key("root-1").exists());
    let key = read_sealed(&root_dir.join("root-3.key")).unwrap();
    assert_eq!((key.name.as_str(), key.purpose.as_str()), ("root-3", "root"));
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let site = Site::new();
    let office = site.open().unwrap();
    let wrong: &Ask<'_> = &|_, _| Ok(SecretString::from("passphrase of nothing"));
    for (purpose, name) in Purpose::ALL {
        let error = office.unlock(&[purpose], wrong).unwrap_err();
        assert_eq!(error.code(), "wrong-passphrase", "{name}");
    }
    // Each key has its own: one that is known opens no other.
    let issuers: &Ask<'_> = &|_, _| ask("issuer-1", false);
    office.unlock(&[Purpose::Issuer], issuers).unwrap();
    assert!(office.unlock(&[Purpose::Status], issuers).is_err());
    let new: &Ask<'_> = &|key, new| {
        let word = if new { "another passphrase" } else { return ask(key, false) };
        Ok(SecretString::from(word))
    };
    office.change_passphrase("status-1", new).unwrap();
    let reopened = site.open().unwrap();
    assert!(reopened.unlock(&[Purpose::Status], asked()).is_err());
    let later: &Ask<'_> = &|_, _| Ok(SecretString::from("another passphrase"));
    reopened.unlock(&[Purpose::Status], later).unwrap();
    let short: &Ask<'_> = &|key, new| {
        if new { Ok(SecretString::from("short")) } else { ask(key, false) }
    };
    assert_eq!(office.change_passphrase("people-1", short).unwrap_err().code(), "weak-passphrase");
}

/// Every file of the office, read byte by byte: no secret stands in any of them.
#[test]
fn no_seed_is_in_any_file() {
    let known = new_root_key("root-9", &ask("root-9", true).unwrap(), Cost::TEST).unwrap();
    assert!(!known.encode().windows(4).any(|w| w == b"pass"));
    let site = Site::new();
    site.issue();
    let secrets = seeds_of(&site);
    assert_eq!(secrets.len(), 11, "every key file was opened");
    let mut seen = 0;
    let mut folders = vec![site.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The database's own temporary files come and go.
            let Ok(bytes) = fs::read(&path) else { continue };
            for (name, secret) in &secrets {
                let part = &secret[..16.min(secret.len())];
                // The front of a PKCS #8 key is the same for all: look for its middle.
                let part = if secret.len() == 32 { part } else { &secret[40..56] };
                let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
                let clear = bytes.windows(16).any(|window| window == part);
                let spelled = bytes.windows(32).any(|window| window == hex.as_bytes());
                assert!(!clear && !spelled, "{name} in {}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 12, "database, keys, documents: {seen}");
    #[cfg(unix)]
    for file in fs::read_dir(site.keys()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "for its owner alone");
    }
}

/// Name and secret of every key file.
fn seeds_of(site: &Site) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(site.keys()).unwrap().map(|file| file.unwrap().path());
    let keys = files.filter(|path| path.extension().is_some_and(|ext| ext == "key"));
    keys.map(|path| {
        let key = read_sealed(&path).unwrap();
        let secret = key.open(&ask(&key.name, false).unwrap()).unwrap();
        (key.name.clone(), secret.to_vec())
    })
    .collect()
}

#[test]
fn one_of_three_cannot_change_the_root_and_two_can() {
    let site = Site::new();
    let before = site.office.key_versions();
    let fourth = new_root_key("root-4", &ask("root-4", true).unwrap(), Cost::TEST).unwrap();
    let change = RootChange {
        add: vec![fourth.public],
        remove: vec![kid(&site.office, "root-3")],
        ..RootChange::default()
    };
    let draft = site.office.draft_root(&change, asked()).unwrap();
    let (root, signatures) = read_draft(&draft).unwrap();
    assert_eq!((root.version, root.keys.len(), signatures), (2, 3, 0));
    let adopt = |draft: &[u8]| block(site.office.adopt_root(draft, asked()));
    let mut refused: Vec<(&str, Vec<u8>)> = vec![
        ("nobody", draft.clone()),
        ("one", site.signed(&draft, &["root-1"])),
        ("one, twice", site.signed(&draft, &["root-1", "root-1"])),
        ("one and the one who leaves", site.signed(&draft, &["root-1", "root-3"])),
    ];
    let new_alone = {
        let signed = site.signed(&draft, &["root-1"]);
        sign_draft(&signed, &fourth, &ask("root-4", false).unwrap()).unwrap()
    };
    refused.push(("one of the old with the new", new_alone));
    for (who, draft) in refused {
        assert!(adopt(&draft).is_err(), "{who} must not be enough");
        assert_eq!(site.office.key_versions(), before);
    }
    // Other keys of the office do not count, whatever they sign.
    let keyset = read_sealed(&site.key("keyset-1")).unwrap();
    let signed = sign_draft(&draft, &keyset, &ask("keyset-1", false).unwrap());
    assert_eq!(signed.unwrap_err().code(), "no-key");
    adopt(&site.signed(&draft, &["root-1", "root-2"])).unwrap();
    assert_eq!(site.office.key_versions(), (2, 1));
    let reopened = site.open().unwrap();
    assert_eq!(reopened.key_versions(), (2, 1), "kept, the chain included");
    assert_eq!((reopened.roots().len(), reopened.fingerprint()), (2, site.office.fingerprint()));
    assert!(reopened.check_chain().faults.is_empty());
    // The same draft again is no next root; and versions never go down.
    assert!(adopt(&site.signed(&draft, &["root-1", "root-2"])).is_err());
    fs::remove_file(site.keys().join("root.2.rk")).unwrap();
    assert_eq!(site.open().map(drop).unwrap_err().code(), "keys-older");
}

#[test]
fn a_new_keyset_key_takes_over_with_a_new_root() {
    let site = Site::new();
    let old = authority(&site.office);
    let change = RootChange { new_keyset_key: true, ..RootChange::default() };
    let draft = site.office.draft_root(&change, asked()).unwrap();
    block(site.office.adopt_root(&site.signed(&draft, &["root-2", "root-3"]), asked())).unwrap();
    assert_eq!(site.office.key_versions(), (2, 2), "the keyset was signed anew");
    let new = authority(&site.office);
    assert_ne!(new.root.keyset_keys, old.root.keyset_keys);
    assert_eq!(new.keyset.keys, old.keyset.keys);
    assert_eq!(site.open().unwrap().key_versions(), (2, 2));
    assert!(site.office.check_chain().faults.is_empty());
    // A handheld with the old keys gets all of it without a signature.
    let ask = KeysAsk { root: 1 }.encode();
    let keys = Keys::read(&block(site.office.answer(wire::path::KEYS, &ask)).unwrap()).unwrap();
    assert_eq!(keys.roots, site.office.roots()[1..]);
    let roots = [site.office.roots()[0].clone(), keys.roots[0].clone()];
    Authority::build(TENANT, old.first, &roots, &keys.keyset).unwrap();
}

/// Cut off between keyset and root, the old keys stay in force, and the ceremony can be done again.
#[test]
fn a_ceremony_that_was_cut_off_changes_nothing() {
    let site = Site::new();
    let change = RootChange { new_keyset_key: true, ..RootChange::default() };
    let draft = site.office.draft_root(&change, asked()).unwrap();
    let signed = site.signed(&draft, &["root-1", "root-2"]);
    let cut = tempfile::tempdir().unwrap();
    copy(&site.dir.path().join("office"), cut.path());
    block(site.office.adopt_root(&signed, asked())).unwrap();
    // The keyset was written, the root was not.
    let written = fs::read(site.keys().join("keyset.2.ks")).unwrap();
    fs::write(cut.path().join("keys/keyset.2.ks"), written).unwrap();
    let office = block(Office::open(cut.path())).unwrap();
    assert_eq!(office.key_versions(), (1, 1));
    block(office.adopt_root(&signed, asked())).unwrap();
    assert_eq!(office.key_versions(), (2, 3), "a version that was written is not used again");
    let again = block(Office::open(cut.path())).unwrap();
    assert_eq!(again.key_versions(), (2, 3));
}

#[test]
fn rotation_keeps_what_the_old_keys_signed() {
    let site = Site::new();
    let token = site.issue();
    let first = authority(&site.office);
    site.clock.fetch_add(60 * 86_400, Ordering::Relaxed);
    block(site.office.rotate_keys(asked())).unwrap();
    let second = authority(&site.office);
    assert_eq!((second.keyset.version, second.keyset.keys.len()), (2, 6));
    // Three weeks away, and the token of the last day, are covered.
    for record in &first.keyset.keys {
        let kept = second.keyset.keys.iter().find(|r| r.key == record.key).unwrap();
        assert_eq!(kept.not_after, record.not_after, "until its own end");
        assert!(kept.not_after >= site.now() + 28 * 86_400);
    }
    RechargeToken::verify(&token.bytes, TENANT, &second.keyring()).unwrap();
    assert_ne!(kid(&site.office, "issuer-1"), kid(&site.office, "issuer-2"));
    assert_eq!(site.office.key("issuer-1").unwrap().state, "overlap");
    assert_eq!(site.office.key("issuer-2").unwrap().state, "in-use");
    // The new key signs; whoever has only the old keyset fetches the new one first.
    let meter = NewMeter::new("48".parse().unwrap(), "123".parse().unwrap(), "Li", "B3");
    block(site.office.add_meters(&[meter])).unwrap();
    let order = Order {
        meter: "48".parse().unwrap(),
        amount: 100,
        device: "hh-1".parse().unwrap(),
        days: 3,
    };
    let new = block(site.office.issue(&order)).unwrap();
    RechargeToken::verify(&new.bytes, TENANT, &second.keyring()).unwrap();
    let old_only = RechargeToken::verify(&new.bytes, TENANT, &first.keyring()).unwrap_err();
    assert_eq!(old_only.code(), "kid");
    // At their end the old ones are named no more.
    site.clock.fetch_add(61 * 86_400, Ordering::Relaxed);
    block(site.office.renew_keys(asked())).unwrap();
    assert_eq!(authority(&site.office).keyset.keys.len(), 3);
}

#[test]
fn a_keyset_that_ends_soon_is_renewed_or_cried_about() {
    let site = Site::new();
    assert!(!block(site.office.renew_if_due(asked())).unwrap(), "nothing is due");
    site.clock.fetch_add(61 * 86_400, Ordering::Relaxed);
    let office = site.open().unwrap();
    let nobody: &Ask<'_> = &|key, _| Err(OfficeError::NoPassphrase(key.to_owned()));
    assert_eq!(block(office.renew_if_due(nobody)).unwrap_err().code(), "no-passphrase");
    assert!(office.key_warnings().iter().any(|line| line.contains("keyset ends in 2")));
    assert!(block(office.renew_if_due(asked())).unwrap());
    assert!(!office.key_warnings().iter().any(|line| line.contains("keyset ends")));
    assert_eq!(office.key_versions(), (1, 2));
    // A server that still runs with the old keys stops instead of contradicting the new ones.
    site.office.unlock(&[Purpose::Status], asked()).unwrap();
    let stale = block(site.office.status(&"hh-1".parse().unwrap()));
    assert_eq!(stale.unwrap_err().code(), "keys-changed");
}

/// The issuer key was stolen: what it signed since is dead, and every customer keeps his step.
#[test]
fn revoking_the_issuer_replaces_its_tokens_at_their_steps() {
    let site = Site::new();
    let early = site.issue();
    site.clock.fetch_add(3_600, Ordering::Relaxed);
    let cut = site.now();
    let late = site.issue();
    let stolen = kid(&site.office, "issuer-1");
    let done = block(site.office.revoke_key(stolen, cut, "laptop lost", asked())).unwrap();
    assert_eq!(done.purpose, Purpose::Issuer);
    let replaced: Vec<_> = done.replaced.iter().map(|(old, _)| *old).collect();
    assert_eq!((replaced.as_slice(), done.in_doubt.len()), (&[late.id][..], 0));
    let new = &done.replaced[0].1;
    assert_eq!((new.count_before, new.credit), (late.count_before, late.credit));
    let ring = authority(&site.office).keyring();
    RechargeToken::verify(&early.bytes, TENANT, &ring).unwrap();
    let dead = RechargeToken::verify(&late.bytes, TENANT, &ring).unwrap_err();
    assert_eq!(dead.code(), "key-revoked");
    RechargeToken::verify(&new.bytes, TENANT, &ring).unwrap();
    let report = block(site.office.report()).unwrap();
    assert!(report.sound());
    let all = block(site.office.reviews(true)).unwrap();
    assert!(
        all.iter().any(|row| row.settled.as_ref().is_some_and(|(_, why)| why == "laptop lost"))
    );
    // It stays dead with the next keyset, and after a restart.
    block(site.office.renew_keys(asked())).unwrap();
    let ring = authority(&site.open().unwrap()).keyring();
    assert!(RechargeToken::verify(&late.bytes, TENANT, &ring).is_err());
    let unknown = block(site.office.revoke_key(KeyId([9; 8]), cut, "", asked()));
    assert_eq!(unknown.unwrap_err().code(), "no-key");
}

#[test]
fn revoking_the_people_key_names_the_grants_that_died() {
    let site = Site::new();
    let stolen = kid(&site.office, "people-1");
    let done = block(site.office.revoke_key(stolen, 0, "lost", asked())).unwrap();
    assert_eq!(done.purpose, Purpose::People);
    assert_eq!(done.grants, [("li".parse().unwrap(), "hh-1".to_owned())]);
    block(site.office.grant(&"li".parse().unwrap(), &"hh-1".parse().unwrap())).unwrap();
    let done =
        block(site.office.revoke_key(kid(&site.office, "status-1"), 0, "", asked())).unwrap();
    assert_eq!((done.purpose, done.replaced.len()), (Purpose::Status, 0));
    assert!(block(site.office.status(&"hh-1".parse().unwrap())).is_ok(), "with the new key");
}

#[test]
fn enrolment_files_name_authority_and_pins() {
    let site = Site::new();
    let offered = block(site.office.offer(&offer("hh-2"))).unwrap();
    let enrolling = Enrolling::read(&offered.file).unwrap();
    assert_eq!(enrolling.fingerprint(), site.office.fingerprint());
    site.office.unlock(&[Purpose::Tls], asked()).unwrap();
    let tls = site.office.server_tls().unwrap().unwrap();
    assert_eq!((&enrolling.file.ca, enrolling.file.pins.as_slice()), (&tls.ca_der, &tls.pins[..]));
    // After a change of keys the key handhelds know as the next one serves.
    block(site.office.renew_tls(&[], true, asked())).unwrap();
    let changed = site.office.server_tls().unwrap().unwrap();
    assert_eq!(changed.pins[0], tls.pins[1]);
    assert!(changed.config().is_ok());
    let reopened = site.open().unwrap();
    reopened.unlock(&[Purpose::Tls], asked()).unwrap();
    assert_eq!(reopened.server_tls().unwrap().unwrap().pins, changed.pins);
    // Without TLS there is nothing to pin.
    let plain = Offer { url: "http://127.0.0.1:1".to_owned(), ..offer("hh-3") };
    let offered = block(site.office.offer(&plain)).unwrap();
    let enrolling = Enrolling::read(&offered.file).unwrap();
    assert!(enrolling.file.ca.is_empty() && enrolling.file.pins.is_empty());
}

#[test]
fn the_office_survives_being_closed_and_is_made_once() {
    let site = Site::new();
    let dir = site.dir.path().join("office");
    let twice = block(Office::init(&dir, &setup(), asked())).map(drop).unwrap_err();
    assert_eq!(twice.code(), "already-initialised");
    let office = site.open().unwrap();
    assert_eq!((office.tenant(), office.fingerprint()), (TENANT.into(), site.office.fingerprint()));
    assert!(block(office.report()).unwrap().sound());
    let none = block(Office::open(&dir.join("none"))).map(drop).unwrap_err();
    assert_eq!(none.code(), "not-initialised");
    // The keys of another office are not this one's.
    let other = Site::new();
    fs::remove_dir_all(site.keys()).unwrap();
    copy(&other.keys(), &site.keys());
    assert_eq!(site.open().map(drop).unwrap_err().code(), "keys-older");
}

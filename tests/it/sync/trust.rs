//! Status, keys, grants, overrides and revocations against an office, or somebody with its keys,
//! that replays, withholds, mixes and forges.

use super::fake::{DAY, Fake, NOW, enrolled, issuer, keyset, root, root_file, store_key, sync};
use meterkit::store::{DocKind, Store, Why};
use meterkit::sync::plan::Misfit;
use meterkit::sync::wire::{self, Refusal, Reply};
use meterkit::sync::{Lie, SyncError, SyncReport, authority};
use meterkit::units::TokenId;
use meterkit_tokens::{Status, TokenError};
use std::cell::Cell;

struct World {
    fake: Fake,
    store: Store,
    dir: tempfile::TempDir,
}

fn world() -> World {
    let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
    let store = enrolled(&fake, dir.path());
    World { fake, store, dir }
}

impl World {
    fn sync(&self) -> Result<SyncReport, SyncError> {
        sync(&self.fake, &self.store)
    }

    fn status(&self) -> u64 {
        self.store.document(DocKind::Status).unwrap().unwrap().0
    }

    fn versions(&self) -> (u64, u64) {
        let authority = authority(&self.store).unwrap();
        (authority.root.version, authority.keyset.version)
    }

    fn reopened(self) -> Self {
        let Self { fake, store, dir } = self;
        drop(store);
        let (store, _) = Store::open(dir.path(), &store_key()).unwrap();
        Self { fake, store, dir }
    }

    /// What is said about a document that does not hold; nothing of it may be kept.
    fn document_lie(&self) -> (DocKind, TokenError) {
        let before = (self.status(), self.versions());
        match self.sync() {
            Err(SyncError::Lies(Lie::Document { kind, why })) => {
                assert_eq!((self.status(), self.versions()), before);
                (kind, why)
            }
            other => panic!("not called a lie: {other:?}"),
        }
    }
}

fn twist_status(fake: &Fake, twist: impl Fn(&mut Status) + 'static) {
    *fake.status.borrow_mut() = Box::new(twist);
}

#[test]
fn an_honest_exchange_brings_a_status_at_its_begin_and_its_end() {
    let world = world();
    let first = world.status();
    let report = world.sync().unwrap();
    assert_eq!(report.status, Some(world.status()));
    assert_eq!(world.status(), first + 2);
    assert!(report.withheld.is_empty() && report.not_recorded.is_none());
    let (_, bytes) = world.store.document(DocKind::Status).unwrap().unwrap();
    let ring = authority(&world.store).unwrap().keyring();
    let status = Status::verify(&bytes, "test", "hh-1", &ring).unwrap();
    let acked = world.store.summary().acked.unwrap();
    assert_eq!(status.acked_seq, acked.seq, "the last one covers what this exchange sent");
    let world = world.reopened();
    assert_eq!(world.status(), first + 2);
}

#[test]
fn an_old_status_played_again() {
    let world = world();
    world.sync().unwrap();
    let have = world.status();
    twist_status(&world.fake, |status| status.version = 2);
    let older = TokenError::Version { have, offered: 2 };
    assert_eq!(world.document_lie(), (DocKind::Status, older));
    // The same version with other words is as bad.
    twist_status(&world.fake, move |status| status.version = have);
    let same = TokenError::Version { have, offered: have };
    assert_eq!(world.document_lie(), (DocKind::Status, same));
    let world = world.reopened();
    assert_eq!(world.document_lie().0, DocKind::Status, "remembered over a restart");
}

#[test]
fn a_status_for_another_handheld_or_another_time() {
    let world = world();
    twist_status(&world.fake, |status| status.device = "hh-2".to_owned());
    assert_eq!(world.document_lie().0, DocKind::Status);
    for (days, why) in [(-10, TokenError::Expired), (10, TokenError::NotYet)] {
        twist_status(&world.fake, move |status| {
            status.issued += days * DAY;
            status.not_before += days * DAY;
            status.expires += days * DAY;
        });
        assert_eq!(world.document_lie(), (DocKind::Status, why), "by the office's own time");
    }
}

#[test]
fn a_status_of_a_stranger_or_of_a_key_that_may_not() {
    for signer in [77, 4, 6, 1] {
        let world = world();
        let forged = {
            let (_, bytes) = world.store.document(DocKind::Status).unwrap().unwrap();
            let ring = authority(&world.store).unwrap().keyring();
            let mut status = Status::verify(&bytes, "test", "hh-1", &ring).unwrap();
            status.version += 100;
            issuer(signer).status(&status).unwrap()
        };
        *world.fake.reply.borrow_mut() = Box::new(move |reply| {
            if let Reply::Need(need) = reply {
                need.status = Some(forged.clone());
            }
        });
        assert_eq!(world.document_lie().0, DocKind::Status, "key {signer}");
    }
}

/// One status with the highest version there is would shut out every honest one after it.
#[test]
fn a_status_version_far_ahead_of_its_time() {
    let world = world();
    for version in [u64::MAX >> 1, u64::try_from(NOW + 2 * DAY).unwrap() * 1000] {
        twist_status(&world.fake, move |status| status.version = version);
        assert_eq!(world.document_lie(), (DocKind::Status, TokenError::Claim("version")));
    }
    twist_status(&world.fake, |status| status.version = u64::try_from(NOW).unwrap() * 1000);
    assert!(world.sync().is_err(), "the second status of the exchange is the first again");
    assert_eq!(world.status(), u64::try_from(NOW).unwrap() * 1000);
}

#[test]
fn a_status_that_names_older_keys_than_ours() {
    let world = world();
    world.fake.rotate_keyset(5, 4);
    world.sync().unwrap();
    assert_eq!(world.versions(), (1, 2));
    twist_status(&world.fake, |status| status.keyset = 1);
    let older = TokenError::Version { have: 2, offered: 1 };
    assert_eq!(world.document_lie(), (DocKind::Status, older));
}

#[test]
fn a_keyset_that_went_back() {
    let world = world();
    let old = world.fake.keyset.borrow().1.clone();
    world.fake.rotate_keyset(5, 4);
    world.sync().unwrap();
    *world.fake.pulled.borrow_mut() = Box::new(move |pulled| pulled.keyset = Some(old.clone()));
    assert!(matches!(
        world.sync(),
        Err(SyncError::Lies(Lie::Document {
            kind: DocKind::Keyset,
            why: TokenError::Version { have: 2, offered: 1 }
        }))
    ));
    assert_eq!(world.versions(), (1, 2));
    let world = world.reopened();
    assert_eq!(world.versions(), (1, 2));
}

#[test]
fn a_keyset_that_is_withheld_is_named_and_the_exchange_goes_on() {
    let world = world();
    world.fake.rotate_keyset(5, 4);
    *world.fake.pulled.borrow_mut() = Box::new(|pulled| pulled.keyset = None);
    let report = world.sync().unwrap();
    assert_eq!(report.withheld, [DocKind::Keyset]);
    assert!(report.sent > 0, "syncing is never blocked");
    *world.fake.pulled.borrow_mut() = Box::new(|_| {});
    assert!(world.sync().unwrap().withheld.is_empty());
    assert_eq!(world.versions(), (1, 2));
}

#[test]
fn a_root_that_is_withheld_is_named() {
    let world = world();
    world.fake.rotate_root([1, 2, 7], 4, &[1, 2]);
    *world.fake.pulled.borrow_mut() = Box::new(|pulled| pulled.roots.clear());
    assert_eq!(world.sync().unwrap().withheld, [DocKind::Root]);
}

#[test]
fn a_status_that_acknowledges_what_is_not_ours() {
    type Case = (fn(&mut Status), &'static str);
    let cases: [Case; 3] = [
        (|status| status.acked_hash[0] ^= 1, "Hash"),
        (|status| status.epoch = 2, "Epoch"),
        (|status| status.acked_seq = 0, "Less"),
    ];
    for (twist, name) in cases {
        let world = world();
        world.sync().unwrap();
        let before = world.status();
        twist_status(&world.fake, twist);
        let Err(SyncError::Lies(Lie::Misfit(misfit))) = world.sync() else { panic!("{name}") };
        assert!(format!("{misfit:?}").starts_with(name), "{misfit:?}");
        assert_eq!(world.status(), before);
        assert_eq!(world.store.money_allowed(), Ok(()), "{name}: a lie is no proof against us");
    }
}

#[test]
fn an_acknowledged_position_beyond_our_head_stops_money_for_good() {
    let world = world();
    world.sync().unwrap();
    twist_status(&world.fake, |status| status.acked_seq += 500);
    let error = world.sync().unwrap_err();
    assert!(matches!(error, SyncError::Lies(Lie::Misfit(Misfit::Beyond { .. }))), "{error}");
    let world = world.reopened();
    assert!(matches!(world.store.money_allowed(), Err(Why::RolledBack { .. })));
}

#[test]
fn an_office_that_says_rolled_back_stops_money_for_good() {
    let world = world();
    *world.fake.reply.borrow_mut() = Box::new(|reply| *reply = Reply::Refused(Refusal::RolledBack));
    assert_eq!(world.sync().unwrap_err(), SyncError::Refused(Refusal::RolledBack));
    let world = world.reopened();
    assert!(matches!(world.store.money_allowed(), Err(Why::RolledBack { .. })));
}

#[test]
fn what_is_revoked_is_written_down_once() {
    let world = world();
    twist_status(&world.fake, |status| status.revoked = vec![[1; 16], [200; 16]]);
    assert_eq!(world.sync().unwrap().revoked, 2);
    assert_eq!(world.sync().unwrap().revoked, 0, "known by now");
    let world = world.reopened();
    assert!(world.store.revoked(TokenId([1; 16])) && !world.store.revoked(TokenId([2; 16])));
    let anna = "anna".parse().unwrap();
    assert!(world.store.grant(&anna).unwrap().revoked, "the grant of the enrolment");
}

#[test]
fn grants_are_taken_once_and_only_ours() {
    let world = world();
    let ours = world.fake.grant(2, |_| {});
    let mut altered = ours.clone();
    altered[120] ^= 1;
    let others = world.fake.grant(3, |grant| grant.device = "hh-2".to_owned());
    let forged = {
        world.fake.key.set(6);
        let forged = world.fake.grant(4, |_| {});
        world.fake.key.set(5);
        forged
    };
    let pulled = vec![altered, others, forged, ours];
    *world.fake.pulled.borrow_mut() = Box::new(move |p| p.grants.clone_from(&pulled));
    let report = world.sync().unwrap();
    assert_eq!((report.grants, report.refused.len()), (1, 3), "{:?}", report.refused);
    assert_eq!(report.refused[1], (Some(TokenId([3; 16])), "device".to_owned()));
    let anna = "anna".parse().unwrap();
    assert_eq!(world.store.grant(&anna).unwrap().id, TokenId([2; 16]));
    assert_eq!(world.sync().unwrap().grants, 0, "known by now");
    // An older grant never takes the place of a newer one.
    let old = world.fake.grant(1, |grant| grant.id = [9; 16]);
    *world.fake.pulled.borrow_mut() = Box::new(move |p| p.grants = vec![old.clone()]);
    assert_eq!(world.sync().unwrap().grants, 0);
    assert_eq!(world.store.grant(&anna).unwrap().id, TokenId([2; 16]));
}

#[test]
fn overrides_are_taken_once_and_only_ours() {
    let world = world();
    let ours = world.fake.over(2, |_| {});
    let others = world.fake.over(3, |over| over.device = "hh-2".to_owned());
    *world.fake.pulled.borrow_mut() =
        Box::new(move |p| p.overrides = vec![others.clone(), ours.clone()]);
    let report = world.sync().unwrap();
    assert_eq!((report.overrides, report.refused.len()), (1, 1));
    assert_eq!(world.sync().unwrap().overrides, 0);
    let (anna, meter) = ("anna".parse().unwrap(), "47".parse().unwrap());
    let rows = world.store.overrides(&anna, meter);
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [TokenId([2; 16])]);
}

/// Two roots change while the handheld is away; each step keeps two of the old keys.
#[test]
fn two_roots_and_a_keyset_in_one_pull() {
    let world = world();
    world.fake.rotate_root([2, 3, 11], 4, &[2, 3]);
    world.fake.rotate_root([3, 11, 12], 14, &[3, 2, 11]);
    world.fake.rotate_keyset(5, 14);
    let report = world.sync().unwrap();
    assert!(report.withheld.is_empty());
    assert_eq!(world.versions(), (3, 2));
    let world = world.reopened();
    assert_eq!(world.versions(), (3, 2));
    assert!(world.sync().is_ok());
}

#[test]
fn more_roots_than_one_pull_holds() {
    let world = world();
    for _ in 0..9 {
        world.fake.rotate_root([1, 2, 3], 4, &[1, 3]);
    }
    world.sync().unwrap();
    assert_eq!(world.versions(), (10, 1));
}

#[test]
fn roots_that_are_not_the_successors_of_ours() {
    let next = root(2, [2, 3, 11], 4);
    let cases = [
        ("one of the old keys only", vec![root_file(&next, &[2, 11])]),
        ("one new key only", vec![root_file(&next, &[1, 2])]),
        ("strangers", vec![root_file(&root(2, [21, 22, 23], 24), &[21, 22, 23])]),
        ("a version left out", vec![root_file(&root(3, [1, 2, 3], 4), &[1, 2])]),
        ("the first again", vec![root_file(&root(1, [1, 2, 3], 4), &[1, 2])]),
        ("nonsense", vec![vec![0x80]]),
    ];
    for (name, roots) in cases {
        let world = world();
        *world.fake.pulled.borrow_mut() = Box::new(move |p| p.roots.clone_from(&roots));
        let error = world.sync().unwrap_err();
        let SyncError::Lies(Lie::Document { kind, .. }) = error else { panic!("{name}: {error}") };
        assert_eq!(kind, DocKind::Root, "{name}");
        assert_eq!(world.versions(), (1, 1), "{name}");
    }
}

/// The new root takes the keyset key away; without a keyset of the new key nothing is taken.
#[test]
fn a_root_that_leaves_us_without_a_keyset() {
    let world = world();
    world.fake.rotate_root([1, 2, 3], 14, &[1, 2]);
    let error = world.sync().unwrap_err();
    assert!(
        matches!(error, SyncError::Lies(Lie::Document { kind: DocKind::Keyset, .. })),
        "{error}"
    );
    assert_eq!(world.versions(), (1, 1), "the old keys still fit together");
}

#[test]
fn keys_that_changed_while_we_were_away_are_fetched_and_prove_themselves() {
    let world = world();
    world.fake.rotate_root([1, 2, 3], 14, &[1, 2]);
    world.fake.rotate_keyset(15, 14);
    world.fake.key.set(15);
    world.sync().unwrap();
    assert_eq!(world.versions(), (2, 2));
    // Somebody who cannot show a successor of our keys gets nowhere.
    let (_, forged) = keyset(9, 77, 76);
    world.fake.key.set(77);
    *world.fake.keys.borrow_mut() = Box::new(move |keys| keys.keyset.clone_from(&forged));
    let error = world.sync().unwrap_err();
    assert!(matches!(error, SyncError::Lies(Lie::Signature(TokenError::Kid(_)))), "{error}");
    assert_eq!(world.versions(), (2, 2));
}

#[test]
fn a_lost_keyset_is_fetched_again() {
    let world = world();
    world.fake.rotate_keyset(5, 4);
    world.sync().unwrap();
    let World { fake, store, dir } = world;
    drop(store);
    let snapshots = std::fs::read_dir(dir.path().join("snapshots")).unwrap();
    snapshots.for_each(|entry| {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::remove_file(path).unwrap();
        }
    });
    let (store, _) = Store::open(dir.path(), &store_key()).unwrap();
    let world = World { fake, store, dir };
    assert!(authority(&world.store).is_err(), "a lost document is not replaced by an older one");
    // An older keyset is not taken for it either.
    let (_, old) = keyset(1, 5, 4);
    *world.fake.keys.borrow_mut() = Box::new(move |keys| keys.keyset.clone_from(&old));
    assert!(world.sync().is_err());
    *world.fake.keys.borrow_mut() = Box::new(|_| {});
    world.sync().unwrap();
    assert_eq!(world.versions(), (1, 2));
}

/// The power goes between any two of the exchange's requests while everything rotates.
#[test]
fn cut_off_anywhere_while_keys_rotate() {
    for cut in 0..6 {
        let world = world();
        world.fake.rotate_root([1, 2, 3], 14, &[1, 2]);
        world.fake.rotate_keyset(5, 14);
        let asked = Cell::new(0);
        let post = |path: &str, body: &[u8]| {
            asked.set(asked.get() + 1);
            if asked.get() > cut { Err(SyncError::Timeout) } else { world.fake.answer(path, body) }
        };
        let key = meterkit_tokens::DeviceKey::generate(world.store.identity().device_seed);
        let cancel = std::sync::atomic::AtomicBool::new(false);
        let session = meterkit::sync::Session {
            store: &world.store,
            key: &key,
            post: &post,
            stamp: &super::fake::stamp,
            cancel: &cancel,
        };
        let _ = session.run(&mut |_| {});
        let world = world.reopened();
        let now = world.versions();
        assert!(now == (1, 1) || now == (2, 2), "cut {cut}: {now:?}");
        world.sync().unwrap();
        assert_eq!(world.versions(), (2, 2), "cut {cut}");
    }
}

#[test]
fn lists_over_their_limits_are_refused_whole() {
    let world = world();
    let grant = world.fake.grant(2, |_| {});
    let many = vec![grant; wire::MAX_GRANTS + 1];
    *world.fake.pulled.borrow_mut() = Box::new(move |p| p.grants.clone_from(&many));
    let error = world.sync().unwrap_err();
    assert_eq!(error, SyncError::Lies(Lie::Shape(wire::WireError::Limit("grants"))));
}

//! The chain of authority: roots by threshold, their rotation, the keyset, the pin.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod make;

use make::*;
use meterkit_tokens::cbor::{self, Value};
use meterkit_tokens::keyset::MAX_KEYS;
use meterkit_tokens::root::{FILE, MAX_ROOT_KEYS};
use meterkit_tokens::*;

fn reason(found: Result<Root, TokenError>) -> &'static str {
    found.map_or_else(|e| e.reason(), |_| "good")
}

/// The documents of a root file as they are given, whatever their order.
fn file(docs: &[Vec<u8>]) -> Vec<u8> {
    cbor::encode(&Value::Array(docs.iter().map(Value::bytes).collect()))
}

/// Every choice of signers out of four for the first root, by its three keys, two needed.
#[test]
fn the_first_root_needs_two_of_its_three_keys() {
    let root = root1();
    for choice in 1u8..16 {
        let keys: Vec<u8> = (0..4).filter(|at| choice & 1 << at != 0).collect();
        let own = keys.iter().filter(|at| **at < 3).count();
        let want = match (keys.contains(&3), own) {
            (true, _) => "kid",
            (false, 2..) => "good",
            (false, _) => "root-threshold",
        };
        assert_eq!(reason(Root::verify(&signed(&root, &keys), TENANT, None)), want, "{keys:?}");
    }
}

/// Every choice of signers out of five for the second root: two of its own and two of the old.
#[test]
fn a_rotation_needs_the_old_keys_and_the_new() {
    let (old, new) = (root1(), root2());
    let mut good = 0;
    for choice in 1u8..32 {
        let keys: Vec<u8> = (0..5).filter(|at| choice & 1 << at != 0).collect();
        let by = |range: std::ops::RangeInclusive<u8>| {
            keys.iter().filter(|at| range.contains(at)).count()
        };
        let want = match (keys.contains(&4), by(1..=3) >= 2, by(0..=2) >= 2) {
            (true, _, _) => "kid",
            (false, false, _) => "root-threshold",
            (false, true, false) => "root-predecessor",
            (false, true, true) => "good",
        };
        let found = reason(Root::verify(&signed(&new, &keys), TENANT, Some(&old)));
        assert_eq!(found, want, "{keys:?}");
        good += usize::from(found == "good");
    }
    assert_eq!(good, 6);
}

#[test]
fn a_key_counts_once() {
    let root = root1();
    let one = root_key(0).root(&root).unwrap();
    let two = root_key(1).root(&root).unwrap();
    for (docs, want) in [
        (vec![one.clone(), one.clone()], "root-twice"),
        (vec![one.clone(), one.clone(), two.clone()], "root-twice"),
        (vec![one.clone(), two.clone(), one.clone()], "root-twice"),
    ] {
        assert_eq!(reason(Root::verify(&file(&docs), TENANT, None)), want);
        assert_eq!(reason(Root::verify(&Root::join(&docs), TENANT, None)), want);
    }
    // One key in both roots counts for each, once.
    let file = signed(&root2(), &[1, 2]);
    assert_eq!(Root::verify(&file, TENANT, Some(&root1())), Ok(root2()));
    let alone = signed(&root2(), &[1]);
    assert_eq!(reason(Root::verify(&alone, TENANT, Some(&root1()))), "root-threshold");
}

#[test]
fn a_file_has_one_order_and_one_root() {
    let root = root1();
    let docs: Vec<_> = (0..3).map(|at| root_key(at).root(&root).unwrap()).collect();
    let sorted = Root::join(&docs);
    let mut good = 0;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let docs = order.map(|at: usize| docs[at].clone());
        assert_eq!(Root::join(&docs), sorted, "join puts them in order");
        let found = reason(Root::verify(&file(&docs), TENANT, None));
        good += usize::from(found == "good");
        assert!(["good", "root-order"].contains(&found), "{found}");
    }
    assert_eq!(good, 1);
    assert_eq!(Root::documents(&sorted).unwrap().len(), 3);
    // Another root, also well signed, among them.
    let other = Root { threshold: 1, ..root.clone() };
    for at in 0..3u8 {
        let mut docs = docs.clone();
        docs[usize::from(at)] = root_key(at).root(&other).unwrap();
        assert_eq!(reason(Root::verify(&Root::join(&docs), TENANT, None)), "root-mixed");
    }
}

/// Versions go up by one: no rollback, no repetition, no step left out.
#[test]
fn root_versions_go_up_by_one() {
    let keys = [0, 1, 2, 3];
    let after = |version: u64, previous: Option<&Root>| {
        let keys = if previous.is_some() { &keys[..] } else { &keys[..2] };
        let base = if previous.is_some() { root2() } else { root1() };
        let root = Root { version, ..base };
        reason(Root::verify(&signed(&root, keys), TENANT, previous))
    };
    let five = Root { version: 5, ..root1() };
    for (version, previous, want) in [
        (1, None, "good"),
        (2, None, "root-version"),
        (i64::MAX as u64, None, "root-version"),
        (1, Some(&five), "root-version"),
        (4, Some(&five), "root-version"),
        (5, Some(&five), "root-version"),
        (6, Some(&five), "good"),
        (7, Some(&five), "root-version"),
        (105, Some(&five), "root-version"),
    ] {
        assert_eq!(after(version, previous), want, "{version} after {previous:?}");
    }
    let last = Root { version: u64::MAX, ..root1() };
    assert_eq!(after(1, Some(&last)), "root-version", "nothing comes after the last");
}

/// The pin decides which first root it is; later ones hang on it one by one.
#[test]
fn a_chain_is_checked_from_the_pin_to_the_keyset() {
    let pin = root1().hash().unwrap();
    let third = Root { version: 3, ..root2() };
    let roots = [signed(&root1(), &[0, 1]), signed(&root2(), &[1, 2]), signed(&third, &[1, 3])];
    let keyset = keyset_key(1).keyset(&keyset()).unwrap();
    let build = |pin, roots: &[Vec<u8>]| {
        Authority::build(TENANT, pin, roots, &keyset)
            .map_or_else(|e| e.reason(), |authority| authority.root.tenant.leak())
    };
    for (roots, want) in [
        (&roots[..], TENANT),
        (&roots[..2], TENANT),
        (&roots[..1], TENANT),
        (&[], "root-file"),
        (&roots[1..], "root-version"),
        (&[roots[0].clone(), roots[2].clone()], "root-version"),
        (&[roots[0].clone(), roots[0].clone()], "root-version"),
    ] {
        assert_eq!(build(pin, roots), want);
    }
    let mut wrong = pin;
    wrong[31] ^= 1;
    assert_eq!(build(wrong, &roots), "root-pin");
    // Somebody else's root, complete in itself.
    let theirs = Root { keys: (4..7).map(|at| root_key(at).public()).collect(), ..root1() };
    assert_eq!(build(pin, &[signed(&theirs, &[4, 5])]), "root-pin");
    assert_eq!(build(theirs.hash().unwrap(), &[signed(&theirs, &[4, 5])]), TENANT);
    // The signatures are not part of the hash.
    assert_eq!(build(pin, &[signed(&root1(), &[0, 1, 2])]), TENANT);
}

/// A root that was followed may be expired; the last one and the keyset must be in force.
#[test]
fn only_the_last_root_must_be_in_force() {
    let first = Root { expires: NOW + DAY, ..root1() };
    let second = root2();
    let pin = first.hash().unwrap();
    let roots = [signed(&first, &[0, 1]), signed(&second, &[1, 2])];
    let keyset = Keyset { issued: NOW, not_before: NOW, expires: second.expires - DAY, ..keyset() };
    let keyset = keyset_key(1).keyset(&keyset).unwrap();
    let authority = Authority::build(TENANT, pin, &roots, &keyset).unwrap();
    let begin = second.not_before;
    assert_eq!(first.check_now(begin), Err(TokenError::Expired));
    assert_eq!(authority.check_now(begin), Ok(()));
    assert_eq!(authority.check_now(begin - 1), Err(TokenError::NotYet));
    let ended = second.expires - DAY;
    assert_eq!(authority.check_now(ended), Err(TokenError::Expired), "the keyset");
    assert_eq!(authority.root.check_now(ended), Ok(()));
    assert_eq!(authority.root.check_now(ended + DAY), Err(TokenError::Expired));
}

/// A keyset key, an office key or a handheld's key makes no root, whatever its ring says.
#[test]
fn roots_are_signed_by_root_keys_only() {
    let root = root1();
    for key in [keyset_key(0), issuer()] {
        let docs = [root_key(0).root(&root).unwrap(), key.root(&root).unwrap()];
        let found = Root::verify(&Root::join(&docs), TENANT, None);
        assert_eq!(found, Err(TokenError::Kid(key.kid())));
        let found = key.sign(DocType::Root, TENANT, root.payload().unwrap());
        assert_eq!(found, Err(TokenError::Signer(DocType::Root)), "not by the general way");
    }
    let found = Root::verify(&signed(&root, &[0, 1]), "other", None);
    assert_eq!(found, Err(TokenError::Tenant));
}

#[test]
fn root_rules_hold_when_signing() {
    type Change = fn(&mut Root);
    let rows: [(Change, &str); 11] = [
        (|r| r.version = 0, "version"),
        (|r| r.version = u64::MAX, "version"),
        (|r| r.keys.clear(), "keys"),
        (|r| r.keys.push(r.keys[0]), "keys"),
        (|r| r.threshold = 0, "threshold"),
        (|r| r.threshold = 4, "threshold"),
        (|r| r.keyset_keys.clear(), "keyset-keys"),
        (|r| r.keyset_keys.push(r.keyset_keys[0]), "keyset-keys"),
        (|r| r.keyset_keys[0] = r.keys[0], "keyset-keys"),
        (|r| r.expires = r.not_before, "window"),
        (|r| r.tenant = String::new(), "iss"),
    ];
    for (change, want) in rows {
        let mut root = root1();
        change(&mut root);
        assert_eq!(root_key(0).root(&root).unwrap_err().reason(), want);
        assert_eq!(root.hash().unwrap_err().reason(), want);
    }
    let many = |n: u8| Root {
        keys: (0..n).map(|at| root_key(at).public()).collect(),
        keyset_keys: (0..4).map(|at| keyset_key(at).public()).collect(),
        threshold: n,
        ..root1()
    };
    let most = many(8);
    let all: Vec<u8> = (0..8).collect();
    let file = signed(&most, &all);
    assert_eq!(Root::verify(&file, TENANT, None), Ok(most.clone()));
    assert_eq!(reason(Root::verify(&signed(&most, &all[1..]), TENANT, None)), "root-threshold");
    assert!(file.len() * 2 < FILE.bytes, "{} bytes, and as many of the root before", file.len());
    assert_eq!(root_key(0).root(&many(9)).unwrap_err().reason(), "keys");
    assert_eq!(MAX_ROOT_KEYS, 8);
    let found = Root::verify(&vec![0x81; FILE.bytes + 1], TENANT, None).unwrap_err();
    assert_eq!(found.code(), "size");
}

/// From the pinned hash to a token.
#[test]
fn a_keyset_leads_from_the_root_to_a_token() {
    let key = keyset_key(0);
    let bytes = key.keyset(&keyset()).unwrap();
    let roots = [signed(&root1(), &[0, 2])];
    let pin = root1().hash().unwrap();
    let authority = Authority::build(TENANT, pin, &roots, &bytes).unwrap();
    assert_eq!((&authority.root, &authority.keyset), (&root1(), &keyset()));
    assert_eq!(authority.first, pin);
    let ring = authority.keyring();
    let token = issuer().recharge(&golden()).unwrap();
    assert_eq!(RechargeToken::verify(&token, TENANT, &ring), Ok(golden()));
    let dear = issuer().recharge(&RechargeToken { amount: 20001, ..golden() }).unwrap();
    let found = RechargeToken::verify(&dear, TENANT, &ring);
    assert_eq!(found, Err(TokenError::KeyAmount(issuer().kid())));
    let other = Issuer::from_seed([7; 32]);
    let empty = cbor::Value::Map(vec![]);
    let receipt = other.sign(DocType::Receipt, TENANT, empty).unwrap();
    let at = |at| verify(&receipt, DocType::Receipt, TENANT, &ring, Some(at)).map(drop);
    assert_eq!((at(1499), at(1500)), (Ok(()), Err(TokenError::KeyRevoked(other.kid()))));

    let read = Keyset::verify(&bytes, TENANT, &root1()).unwrap();
    assert_eq!(Keyset::verify(&bytes, "other", &root1()), Err(TokenError::Tenant));
    assert_eq!(read.check_now(999), Err(TokenError::NotYet));
    assert_eq!(read.check_now(1999), Ok(()));
    assert_eq!(read.check_now(2000), Err(TokenError::Expired));
    assert_eq!(read.check_follows(4), Ok(()));
    assert_eq!(read.check_follows(5), Err(TokenError::Version { have: 5, offered: 4 }));
}

/// A keyset is signed by a keyset key of the newest root: not by a root key, not by an office key,
/// not by a key that only the old root named.
#[test]
fn only_a_keyset_key_of_this_root_signs_a_keyset() {
    let made = |key: &Issuer| key.keyset(&keyset()).unwrap();
    for key in [root_key(0), issuer(), keyset_key(2)] {
        let found = Keyset::verify(&made(&key), TENANT, &root1());
        assert_eq!(found, Err(TokenError::Kid(key.kid())));
    }
    for (key, root, good) in [(0, root1(), true), (1, root1(), true), (1, root2(), true)] {
        assert_eq!(Keyset::verify(&made(&keyset_key(key)), TENANT, &root).is_ok(), good);
    }
    let old = keyset_key(0);
    let found = Keyset::verify(&made(&old), TENANT, &root2());
    assert_eq!(found, Err(TokenError::Kid(old.kid())), "the second root no longer names it");
    let found = old.sign(DocType::Keyset, TENANT, keyset().payload().unwrap());
    assert_eq!(found, Err(TokenError::Signer(DocType::Keyset)), "not by the general way");
    // A key above may not be an office key as well.
    for key in [root_key(1), keyset_key(0), keyset_key(1)] {
        let mut keyset = keyset();
        keyset.keys[1].key = key.public();
        keyset.revoked.clear();
        let bytes = keyset_key(0).keyset(&keyset).unwrap();
        let found = Keyset::verify(&bytes, TENANT, &root1()).unwrap_err();
        assert_eq!(found.reason(), "keys-above");
    }
}

#[test]
fn keyset_rules_hold_when_signing() {
    type Change = fn(&mut Keyset);
    let rows: [(Change, &str); 9] = [
        (|k| k.keys.push(k.keys[0].clone()), "keys"),
        (|k| k.revoked.push(k.revoked[0]), "revoked"),
        (|k| k.keys[0].types.push(DocType::Root), "types"),
        (|k| k.keys[0].types.push(DocType::Keyset), "types"),
        (|k| k.keys[0].types.push(DocType::Pack), "types"),
        (|k| k.keys[0].not_after = k.keys[0].not_before, "key-validity"),
        (|k| k.expires = k.not_before, "window"),
        (|k| k.tenant = String::new(), "iss"),
        (|k| k.version = u64::MAX, "version"),
    ];
    for (change, want) in rows {
        let mut keyset = keyset();
        change(&mut keyset);
        assert_eq!(issuer().keyset(&keyset).unwrap_err().reason(), want);
    }
    let seed = |i: usize| Issuer::from_seed([i as u8; 32]).public();
    let most = |n: usize| Keyset {
        keys: (0..n).map(|i| KeyRecord { key: seed(i), ..record(&[DocType::Recharge]) }).collect(),
        ..keyset()
    };
    assert!(issuer().keyset(&most(MAX_KEYS)).unwrap().len() < DocType::Keyset.limits().bytes);
    assert_eq!(issuer().keyset(&most(MAX_KEYS + 1)).unwrap_err().reason(), "keys");
}

/// A newer office may grant types this version does not know.
#[test]
fn unknown_types_in_a_keyset_are_left_out() {
    let bytes = cbor::encode(&keyset().payload().unwrap());
    let limits = DocType::Keyset.limits();
    let newer = String::from_utf8_lossy(&bytes).matches("bst").count();
    assert_eq!(newer, 1, "the fixture has exactly one status type to replace");
    let at = bytes.windows(3).position(|w| w == b"bst").unwrap();
    let mut changed = bytes.clone();
    changed[at + 1..at + 3].copy_from_slice(b"zz");
    let read = Keyset::from_payload(cbor::decode(&changed, limits).unwrap()).unwrap();
    assert_eq!(read.keys[0].types, [DocType::Recharge]);
}

//! Who signs leaves for swaps, and the command line around them.

use std::fs;

use meterkit::office::{NewSwap, Office, Purpose, SwapState, read_sealed};
use meterkit_tokens::{DocType, Issuer, SwapToken};

use crate::office::cli::Place;
use crate::office::custody::{Site, ask, asked, authority, block, kid};
use crate::office::desk::TENANT;

fn leave() -> NewSwap {
    let (old, new) = ("47".parse().unwrap(), "48".parse().unwrap());
    NewSwap { most: Some(100), ..NewSwap::new(old, new, "hh-1".parse().unwrap()) }
}

/// An office whose newest keyset was made before there were swaps.
fn old_office() -> (Site, Office) {
    let site = Site::new();
    let sealed = read_sealed(&site.key("keyset-1")).unwrap();
    let secret = sealed.open(&ask("keyset-1", false).unwrap()).unwrap().to_vec();
    let mut keyset = authority(&site.office).keyset.clone();
    keyset.version += 1;
    for record in keyset.keys.iter_mut().filter(|r| r.types.contains(&DocType::Swap)) {
        record.types = vec![DocType::Recharge];
    }
    let signer = Issuer::from_seed(secret.try_into().unwrap());
    let document = signer.keyset(&keyset).unwrap();
    fs::write(site.keys().join("keyset.2.ks"), document).unwrap();
    let office = site.open().unwrap();
    office.unlock(&[Purpose::Issuer], asked()).unwrap();
    (site, office)
}

#[test]
fn a_keyset_from_before_says_what_to_do_and_does_the_rest() {
    let (_site, office) = old_office();
    let refused = block(office.issue_swap(&leave())).unwrap_err();
    assert_eq!(refused.code(), "keyset-old");
    assert!(refused.to_string().contains("keys keyset renew"), "{refused}");
    block(office.renew_keys(asked())).unwrap();
    let issued = block(office.issue_swap(&leave())).unwrap();
    SwapToken::verify(&issued.bytes, TENANT, &authority(&office).keyring()).unwrap();
}

#[test]
fn a_key_of_a_keyset_from_before_is_cut_off_like_any() {
    let (_site, office) = old_office();
    let stolen = kid(&office, "issuer-1");
    let done = block(office.revoke_key(stolen, 0, "lost", asked())).unwrap();
    assert_eq!(done.purpose, Purpose::Issuer);
    block(office.issue_swap(&leave())).unwrap();
}

#[test]
fn what_a_stolen_key_allowed_is_taken_back() {
    let site = Site::new();
    let issued = block(site.office.issue_swap(&leave())).unwrap();
    let id = issued.facts.id;
    let stolen = kid(&site.office, "issuer-1");
    let before = site.now() - 1;
    let done = block(site.office.revoke_key(stolen, before, "lost", asked())).unwrap();
    assert_eq!(done.in_doubt, [id], "named for a person");
    assert_eq!(block(site.office.swap(id)).unwrap().state, SwapState::Voided);
    let ring = authority(&site.office).keyring();
    assert_eq!(SwapToken::verify(&issued.bytes, TENANT, &ring).unwrap_err().code(), "key-revoked");
    // The meters are free for another one, under the new key.
    let second = block(site.office.issue_swap(&leave())).unwrap();
    SwapToken::verify(&second.bytes, TENANT, &ring).unwrap();
}

#[test]
fn the_commands_of_a_swap() {
    let place = Place::founded();
    let (csv, file) = (place.path("meters.csv"), place.path("swap.mkt"));
    fs::write(&csv, "47,123456,\"Zhang, San\",B2 1203,yuan,5,80.00,north\n").unwrap();
    place.good(&["meter", "import", &csv]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    let issue = ["swap", "issue", "--old", "47", "--new", "48", "--device", "hh-1"];
    let more = ["--provisional", "20", "--arrears", "5.50", "--out", &file];
    let issued = place.good(&[&issue[..], &more].concat());
    let shown = |key: &str| issued[key].as_str().unwrap_or_default().to_owned();
    assert_eq!((shown("most"), shown("provisional")), ("80.00".into(), "20.00".into()));
    assert_eq!((shown("arrears"), shown("account")), ("5.50".into(), shown("old_account")));
    let document = fs::read(&file).unwrap();
    assert_eq!(meterkit_tokens::document_type(&document).unwrap(), DocType::Swap);
    assert!(shown("code").starts_with("MK1:"));
    let list = place.good(&["swap", "list"]);
    assert_eq!(list["swaps"][0]["state"], "reserved", "{list}");
    let id = shown("swap");
    let closed = place.run(&["swap", "close", &id, "--reason", "x"]);
    assert_eq!((closed.1, &closed.0["error"]), (1, &"swap-stands".into()));
    let withdrawn = place.good(&["swap", "withdraw", &id]);
    assert_eq!(withdrawn["swaps"][0]["state"], "voided");
    assert_eq!(place.good(&["swap", "list"])["swaps"], serde_json::json!([]));
    assert_eq!(place.good(&["swap", "list", "--all"])["swaps"][0]["swap"], id);
    let settle = ["swap", "settle", &id, "--amount", "1", "--to", "customer", "--reason", "x"];
    assert_eq!(place.run(&settle).1, 1, "there is nothing");
    let ledger = place.good(&["ledger"]);
    assert_eq!((&ledger["swaps"]["voided"], &ledger["sum_zero"]), (&1.into(), &true.into()));
}

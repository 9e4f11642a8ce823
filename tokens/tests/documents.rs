//! Status, grant and override: their rules when signing, and who may use them when. And of every
//! type of document: no altered byte is accepted.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod make;

use make::*;
use meterkit_tokens::caps::{MAX_ACTS, MAX_AGE_S, MAX_SUM};
use meterkit_tokens::status::{MAX_PINS, MAX_REVOKED};
use meterkit_tokens::*;

fn office() -> Keyring {
    ring_for(&office_types())
}

#[test]
fn status_rules_hold_when_signing() {
    type Change = fn(&mut Status);
    let rows: [(Change, &str); 18] = [
        (|s| s.tenant = String::new(), "iss"),
        (|s| s.device = "*".into(), "aud"),
        (|s| s.expires += 1, "life"),
        (|s| s.issued -= 1, "life"),
        (|s| s.expires = s.not_before, "window"),
        (|s| s.version = 0, "version"),
        (|s| s.version = u64::MAX, "version"),
        (|s| s.root = 0, "root"),
        (|s| s.keyset = u64::MAX, "keyset"),
        (|s| s.acked_seq = u64::MAX, "acked"),
        (|s| s.revoked.push(s.revoked[0]), "revoked"),
        (|s| s.revoked = (0..=MAX_REVOKED as u128).map(u128::to_be_bytes).collect(), "revoked"),
        (|s| s.pins.push(s.pins[0]), "pins"),
        (|s| s.pins = (0..=MAX_PINS as u8).map(|n| [n; 32]).collect(), "pins"),
        (|s| s.grace_s = -1, "grace"),
        (|s| s.grace_s = 31 * DAY + 1, "grace"),
        (|s| s.idle_s = 0, "idle"),
        (|s| s.idle_s = DAY + 1, "idle"),
    ];
    for (change, want) in rows {
        let mut status = status();
        change(&mut status);
        assert_eq!(issuer().status(&status).unwrap_err().reason(), want);
    }
}

#[test]
fn limits_are_in_order_and_in_range() {
    type Pick = fn(&mut Caps) -> &mut [i64; 2];
    let picks: [(Pick, i64); 4] = [
        (|c| &mut c.acts, MAX_ACTS),
        (|c| &mut c.yuan, MAX_SUM),
        (|c| &mut c.kwh, MAX_SUM),
        (|c| &mut c.age_s, MAX_AGE_S),
    ];
    for (pick, most) in picks {
        for (pair, good) in [
            ([0, 0], true),
            ([most, most], true),
            ([0, most], true),
            ([1, 0], false),
            ([-1, 0], false),
            ([0, most + 1], false),
            ([0, i64::MAX], false),
            ([i64::MIN, i64::MAX], false),
        ] {
            let mut status = status();
            *pick(&mut status.caps) = pair;
            let mut grant = grant();
            grant.caps = status.caps;
            let want = if good { Ok(()) } else { Err("limits") };
            let found = issuer().status(&status).map(drop).map_err(|e| e.reason());
            assert_eq!(found, want, "{pair:?}");
            assert_eq!(issuer().grant(&grant).map(drop).map_err(|e| e.reason()), want);
        }
    }
    assert!(issuer().status(&Status { caps: Caps::MOST, ..status() }).is_ok());
}

#[test]
fn a_status_is_for_one_handheld_and_never_older() {
    let status = status();
    let bytes = issuer().status(&status).unwrap();
    assert_eq!(Status::verify(&bytes, TENANT, DEVICE, &office()), Ok(status.clone()));
    for device in ["hh-0008", "HH-0007", "", "*"] {
        let found = Status::verify(&bytes, TENANT, device, &office());
        assert_eq!(found, Err(TokenError::Device), "{device}");
    }
    assert_eq!(status.check_now(NOW - 1), Err(TokenError::NotYet));
    assert_eq!(status.check_now(NOW), Ok(()));
    assert_eq!(status.check_now(NOW + 3 * DAY - 1), Ok(()));
    assert_eq!(status.check_now(NOW + 3 * DAY), Err(TokenError::Expired));
    assert_eq!(status.check_follows(11), Ok(()));
    assert_eq!(status.check_follows(12), Ok(()));
    assert_eq!(status.check_follows(13), Err(TokenError::Version { have: 13, offered: 12 }));
}

#[test]
fn grant_rules_hold_when_signing() {
    type Change = fn(&mut Grant);
    let rows: [(Change, &str); 17] = [
        (|g| g.operator = "Zhang".into(), "sub"),
        (|g| g.operator = "1".repeat(17), "sub"),
        (|g| g.device = "a b".into(), "aud"),
        (|g| g.expires = g.issued + 400 * DAY + 1, "life"),
        (|g| g.name = String::new(), "name"),
        (|g| g.name = "x".repeat(33), "name"),
        (|g| g.name = "\u{202e}x".into(), "name"),
        (|g| g.role = 0, "role"),
        (|g| g.role = 7, "role"),
        (|g| g.verbs = 0, "verbs"),
        (|g| g.verbs = 1 << 10, "verbs"),
        (|g| g.areas = vec!["\u{5357}".repeat(6)], "areas"),
        (|g| g.areas = vec!["a".into(); 2], "areas"),
        (|g| g.meters = vec![[0xff; 6]], "meters"),
        (|g| g.meters = vec![METER; 2], "meters"),
        (|g| g.shift_s = 899, "shift"),
        (|g| g.shift_s = DAY + 1, "shift"),
    ];
    for (change, want) in rows {
        let mut grant = grant();
        change(&mut grant);
        assert_eq!(issuer().grant(&grant).unwrap_err().reason(), want);
    }
    for shift_s in [900, DAY] {
        let grant = Grant { shift_s, expires: NOW + 400 * DAY, areas: vec![], ..grant() };
        let bytes = issuer().grant(&grant).unwrap();
        assert_eq!(Grant::verify(&bytes, TENANT, &office()), Ok(grant));
    }
}

#[test]
fn a_grant_is_for_one_handheld_and_its_time() {
    let grant = grant();
    for (device, now, want) in [
        (DEVICE, NOW, Ok(())),
        (DEVICE, NOW + 365 * DAY - 1, Ok(())),
        (DEVICE, NOW - 1, Err("not-yet")),
        (DEVICE, NOW + 365 * DAY, Err("expired")),
        ("hh-0008", NOW, Err("device")),
        ("", NOW, Err("device")),
    ] {
        assert_eq!(grant.check_use(device, now).map_err(|e| e.code()), want, "{device} {now}");
    }
}

#[test]
fn an_activation_code_is_read_as_people_write_it() {
    let id = [4; 16];
    let hash = activation(&id, "0123456789AB");
    for code in
        ["0123-4567-89AB", "0123 4567 89ab", "OI23456789AB", "ol23456789ab", "0l23-456789Ab"]
    {
        assert_eq!(activation(&id, code), hash, "{code}");
    }
    for code in ["", "0123456789AC", "0123456789A", "0123456789ABC", "0123456789B8"] {
        assert_ne!(activation(&id, code), hash, "{code}");
    }
    assert_ne!(activation(&[5; 16], "0123456789AB"), hash, "of another grant");
}

#[test]
fn override_rules_hold_when_signing() {
    type Change = fn(&mut Override);
    let rows: [(Change, &str); 12] = [
        (|o| o.meter = [0xff; 6], "sub"),
        (|o| o.device = "*".into(), "aud"),
        (|o| o.operator = "10 42".into(), "operator"),
        (|o| o.operator = String::new(), "operator"),
        (|o| o.by = String::new(), "by"),
        (|o| o.by = "9".repeat(17), "by"),
        (|o| o.verbs = 0, "verbs"),
        (|o| o.verbs = u32::MAX, "verbs"),
        (|o| o.reason = String::new(), "reason"),
        (|o| o.reason = "x".repeat(81), "reason"),
        (|o| o.reason = "a\u{1b}[2J".into(), "reason"),
        (|o| o.expires += 1, "life"),
    ];
    for (change, want) in rows {
        let mut over = over();
        change(&mut over);
        assert_eq!(issuer().over_ride(&over).unwrap_err().reason(), want);
    }
}

#[test]
fn bundle_rules_hold_when_signing() {
    type Change = fn(&mut BundleToken);
    let rows: [(Change, &str); 11] = [
        (|b| b.device = "*".into(), "aud"),
        (|b| b.name = String::new(), "name"),
        (|b| b.name = "a\u{202e}b".into(), "name"),
        (|b| b.version = 0, "version"),
        (|b| b.expires = b.issued + 90 * DAY + 1, "life"),
        (|b| b.target = bundle::Target::default(), "target"),
        (|b| b.target.meters = vec![METER, METER], "meters"),
        (|b| b.target.meters = vec![[0xff; 6]], "meters"),
        (|b| b.target.area = Some(String::new()), "area"),
        (|b| b.target.profile = Some("x".repeat(65)), "profile"),
        (
            |b| {
                b.target.meters = (0..=400).map(|n| [0, 0, 0, n as u8, (n >> 8) as u8, 0]).collect()
            },
            "meters",
        ),
    ];
    for (change, want) in rows {
        let mut bundle = bundle();
        change(&mut bundle);
        assert_eq!(issuer().bundle(&bundle).unwrap_err().reason(), want);
    }
}

#[test]
fn a_bundle_is_for_one_handheld_and_its_days() {
    let good = bundle();
    let bytes = issuer().bundle(&good).unwrap();
    let ring = ring_for(&office_types());
    assert_eq!(BundleToken::verify(&bytes, TENANT, &ring), Ok(good.clone()));
    for (device, now, want) in [
        (DEVICE, NOW, Ok(())),
        (DEVICE, NOW - 1, Err("not-yet")),
        (DEVICE, NOW + 30 * DAY, Err("expired")),
        ("hh-0008", NOW, Err("device")),
    ] {
        assert_eq!(good.check_use(device, now).map_err(|e| e.code()), want);
    }
    // The largest that can be signed fits its limit.
    let bcd = |n: u16| u8::try_from(((n / 10 % 10) << 4) | (n % 10)).unwrap();
    let mut most = bundle();
    most.target.meters = (0..400).map(|n| [0, 0, 0, 0, bcd(n / 100), bcd(n)]).collect();
    most.target.area = Some("x".repeat(64));
    let bytes = issuer().bundle(&most).unwrap();
    assert_eq!(BundleToken::verify(&bytes, TENANT, &ring), Ok(most));
    // An empty list of meters would be a second way to write that any will do.
    let mut payload = bundle().payload().unwrap();
    let cbor::Value::Map(claims) = &mut payload else { panic!() };
    let Some((_, cbor::Value::Map(private))) = claims.last_mut() else { panic!() };
    private.retain(|(key, _)| *key != 5);
    private.push((5, cbor::Value::Array(Vec::new())));
    assert_eq!(BundleToken::from_payload(payload), Err(TokenError::Claim("meters")));
}

#[test]
fn an_override_is_for_one_person_one_meter_one_day() {
    let over = over();
    let other = [0x99; 6];
    for (device, operator, meter, now, want) in [
        (DEVICE, "1042", METER, NOW, Ok(())),
        (DEVICE, "1042", METER, NOW + DAY - 1, Ok(())),
        (DEVICE, "1042", METER, NOW + DAY, Err("expired")),
        (DEVICE, "1042", METER, NOW - 1, Err("not-yet")),
        (DEVICE, "1042", other, NOW, Err("meter")),
        (DEVICE, "1043", METER, NOW, Err("operator")),
        (DEVICE, "9001", METER, NOW, Err("operator")),
        ("hh-0008", "1042", METER, NOW, Err("device")),
    ] {
        let found = over.check_use(device, operator, meter, now).map_err(|e| e.code());
        assert_eq!(found, want, "{device} {operator} {now}");
    }
}

#[test]
fn swap_rules_hold_when_signing() {
    type Change = fn(&mut SwapToken);
    let rows: [(Change, &str); 16] = [
        (|s| s.tenant = String::new(), "iss"),
        (|s| s.meter = [0xff; 6], "sub"),
        (|s| s.device = "*".into(), "aud"),
        (|s| s.old = s.meter, "old"),
        (|s| s.old[0] = 0x0a, "old"),
        (|s| s.old_account[0] = 0xa0, "epoch"),
        (|s| s.account[5] = 0x0f, "epoch"),
        (|s| s.count = u32::MAX, "count"),
        (|s| s.most = -1, "amount"),
        (|s| s.most = 1 << 31, "amount"),
        (|s| s.provisional = -1, "amount"),
        (|s| s.provisional = 1 << 31, "amount"),
        (|s| s.arrears = 1 << 31, "amount"),
        (|s| s.seq = 1 << 63, "seq"),
        (|s| s.expires = s.not_before, "window"),
        (|s| s.issued = s.expires, "window"),
    ];
    for (change, want) in rows {
        let mut swap = swap();
        change(&mut swap);
        assert_eq!(issuer().swap(&swap).unwrap_err().reason(), want);
    }
}

#[test]
fn a_swap_keeps_to_its_handheld_its_time_and_its_key() {
    let swap = swap();
    for (device, now, life, want) in [
        (DEVICE, NOW, DAY, Ok(())),
        (DEVICE, NOW + DAY - 1, DAY, Ok(())),
        (DEVICE, NOW + DAY, DAY, Err("expired")),
        (DEVICE, NOW - 1, DAY, Err("not-yet")),
        (DEVICE, NOW, DAY - 1, Err("life")),
        ("hh-0008", NOW, DAY, Err("device")),
    ] {
        let found = swap.check_use(device, now, life).map_err(|e| e.code());
        assert_eq!(found, want, "{device} {now} {life}");
    }
    let bytes = issuer().swap(&swap).unwrap();
    for (most, want) in [(500_000, None), (499_999, Some("key-amount"))] {
        let record = KeyRecord { max_amount: Some(most), ..record(&office_types()) };
        let found = SwapToken::verify(&bytes, TENANT, &vec![record].into());
        assert_eq!(found.err().map(|e| e.code()), want, "{most}");
    }
    let record = KeyRecord { not_after: NOW + DAY - 1, ..record(&office_types()) };
    let found = SwapToken::verify(&bytes, TENANT, &vec![record].into());
    assert_eq!(found.unwrap_err().code(), "key-expired");
}

/// Times are checked against the key that signed: a status and an override die with it, a grant
/// only must have been signed in its time.
#[test]
fn documents_keep_to_the_time_of_their_key() {
    let status = issuer().status(&status()).unwrap();
    let grant = issuer().grant(&grant()).unwrap();
    let over = issuer().over_ride(&over()).unwrap();
    let ends = NOW + 12 * 3600;
    for (from, to, revoked, want) in [
        (NOW, NOW + 3 * DAY, None, [None; 3]),
        (NOW, NOW + 3 * DAY - 1, None, [Some("key-expired"), None, None]),
        (NOW, ends, None, [Some("key-expired"), None, Some("key-expired")]),
        (NOW + 1, NOW + 9 * DAY, None, [Some("key-expired"); 3]),
        (NOW - DAY, NOW - 1, None, [Some("key-expired"); 3]),
        (NOW, NOW + 3 * DAY, Some(NOW), [Some("key-revoked"); 3]),
        (NOW, NOW + 3 * DAY, Some(NOW + 1), [None; 3]),
    ] {
        let mut record = record(&office_types());
        (record.not_before, record.not_after) = (from, to);
        let mut ring: Keyring = vec![record].into();
        if let Some(cut) = revoked {
            ring.revoke(issuer().kid(), cut);
        }
        let found = [
            Status::verify(&status, TENANT, DEVICE, &ring).err().map(|e| e.code()),
            Grant::verify(&grant, TENANT, &ring).err().map(|e| e.code()),
            Override::verify(&over, TENANT, &ring).err().map(|e| e.code()),
        ];
        assert_eq!(found, want, "{from} to {to}, {revoked:?}");
    }
}

#[test]
fn a_key_signs_only_the_types_it_was_granted() {
    let leave = issuer().over_ride(&over()).unwrap();
    let grant = issuer().grant(&grant()).unwrap();
    let ring = ring_for(&[DocType::Recharge, DocType::Status, DocType::Override]);
    assert!(Override::verify(&leave, TENANT, &ring).is_ok());
    let found = Grant::verify(&grant, TENANT, &ring);
    assert_eq!(found, Err(TokenError::KeyTyp(issuer().kid())));
}

/// One text form for all: what it holds, the document says.
#[test]
fn a_scanned_text_tells_what_it_holds() {
    for (bytes, doc) in [
        (issuer().recharge(&golden()).unwrap(), DocType::Recharge),
        (issuer().over_ride(&over()).unwrap(), DocType::Override),
        (issuer().swap(&swap()).unwrap(), DocType::Swap),
        (issuer().grant(&grant()).unwrap(), DocType::Grant),
        (issuer().bundle(&bundle()).unwrap(), DocType::Bundle),
        (issuer().status(&status()).unwrap(), DocType::Status),
    ] {
        let read = from_qr_text(&qr_text(&bytes)).unwrap();
        assert_eq!(document_type(&read), Ok(doc));
        assert_eq!(read, bytes);
    }
}

/// The law: every byte of every signed document flipped, truncated and extended in turn is
/// never accepted. In a root file that holds more signatures than it needs, too.
#[test]
fn no_altered_byte_of_any_document_is_accepted() {
    for (name, bytes, check) in every_document(&[0, 1, 2], &[0, 1, 2, 3]) {
        assert_eq!(check(&bytes), Ok(()), "{name}");
        for at in 0..bytes.len() {
            let edited = |change: &dyn Fn(&mut Vec<u8>)| {
                let mut edited = bytes.clone();
                change(&mut edited);
                edited
            };
            for bit in 0..8 {
                let flipped = edited(&|b| b[at] ^= 1 << bit);
                assert!(check(&flipped).is_err(), "{name}: bit {bit} of byte {at}");
            }
            for with in [0x00, 0xff, !bytes[at]] {
                let set = edited(&|b| b[at] = with);
                assert!(set == bytes || check(&set).is_err(), "{name}: byte {at} set to {with}");
            }
            assert!(check(&bytes[..at]).is_err(), "{name}: cut to {at}");
            assert!(check(&bytes[at..]).is_err() || at == 0, "{name}: cut from {at}");
            let doubled = edited(&|b| b.insert(at, b[at]));
            assert!(check(&doubled).is_err(), "{name}: byte {at} doubled");
            let removed = edited(&|b| b.splice(at..=at, []).for_each(drop));
            assert!(check(&removed).is_err(), "{name}: byte {at} removed");
        }
        for with in 0..=255u8 {
            let mut longer = bytes.clone();
            longer.push(with);
            assert_eq!(check(&longer).unwrap_err().reason(), "trailing", "{name}: {with:#x}");
        }
        assert!(check(&[&bytes[..], &bytes[..]].concat()).is_err(), "{name}: twice");
    }
}

/// No document passes for another, and none for another tenant.
#[test]
fn no_document_passes_for_another() {
    let all = every_document(&[0, 1], &[1, 2]);
    for (name, _, check) in &all {
        for (other, bytes, _) in &all {
            assert_eq!(check(bytes).is_ok(), name == other, "{other} as {name}");
        }
    }
}

//! Defects of roots, keysets, tokens, packs and receipts.

use super::estate::{Plan, joined, pack, raw};
use super::make::{Handheld, Meter, START, grant, key, keyset, token};
use super::more::{Case, at, before_log_out, filed, idle, packs, signed};
use meterkit::jobs::audit::Reason;
use meterkit::jobs::audit::files::documents;
use meterkit::store::records::encode_body;
use meterkit::store::{DocKind, Event, Stamp};
use meterkit::sync::wire::{Position, chain};
use meterkit::units::UnixSeconds;

/// What the office signed.
pub const AUTHORITY: &[Case] = &[
    (
        "another first root",
        || {
            filed(|_, files| {
                let mut other = Plan::clean(1, 1, 1);
                other.office.roots[0].0.issued += 1;
                files.roots[0] = other.files().roots.remove(0);
            })
        },
        &[Reason::RootHash],
    ),
    ("no first root", || filed(|_, f| drop(f.roots.remove(0))), &[Reason::RootMissing]),
    (
        "two second roots",
        || {
            filed(|_, files| {
                let mut other = Plan::clean(1, 1, 1);
                other.office.roots[1].0.expires += 1;
                files.roots.push(other.files().roots.remove(1));
            })
        },
        &[Reason::RootTwice],
    ),
    ("no keyset", || filed(|_, f| f.keysets.clear()), &[Reason::KeysetMissing]),
    (
        "a keyset of nobody",
        || signed(|plan| plan.office.keysets.push((keyset(3, &[20]), key(11)))),
        &[Reason::KeysetBad],
    ),
    (
        "two keysets of a version",
        || signed(|plan| plan.office.keysets.push((keyset(2, &[20]), key(10)))),
        &[Reason::KeysetTwice],
    ),
    (
        "a younger version signed earlier",
        || signed(|plan| plan.office.keysets[1].0.issued -= 10),
        &[Reason::KeysetOrder],
    ),
    (
        "a handheld took in an older keyset",
        || {
            signed(|plan| {
                for version in [2, 1] {
                    let (kind, digest) = (DocKind::Keyset, [0; 32]);
                    let taken = Event::DocumentTaken { kind, version, digest };
                    before_log_out(&mut plan.handhelds[0], |own, now| own.add(now, "", taken));
                }
            })
        },
        &[Reason::VersionBack],
    ),
    (
        "more than the key may grant",
        || {
            filed(|_, files| {
                let big = token(&Meter::new(55), 0, 1, "hh-001", 1_000_001, START);
                files.tokens.push(raw("tokens/big.rt".into(), key(20).recharge(&big).unwrap()));
            })
        },
        &[Reason::TokenBad],
    ),
    (
        "a byte behind a token",
        || {
            filed(|_, files| {
                let good = token(&Meter::new(55), 0, 1, "hh-001", 1_000, START);
                let mut bytes = key(20).recharge(&good).unwrap();
                bytes.push(0);
                files.tokens.push(raw("tokens/long.rt".into(), bytes));
            })
        },
        &[Reason::TokenBad],
    ),
    (
        "one identity, two tokens",
        || {
            filed(|plan, files| {
                let mut twin = plan.tokens[0].clone();
                twin.amount += 1;
                files.tokens.push(raw("tokens/twin.rt".into(), key(20).recharge(&twin).unwrap()));
            })
        },
        &[Reason::TokenTwin],
    ),
    (
        "a journal misquotes a token",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                let at = at(own, |event| matches!(event, Event::TokenImported { .. }));
                let Event::TokenImported { token, .. } = &mut own.entries[at].2 else { panic!() };
                token.expires.0 += 86_400;
            })
        },
        &[Reason::TokenFacts],
    ),
    (
        "a token of the other handheld",
        || {
            signed(|plan| {
                let other =
                    plan.tokens.iter().find(|token| token.device == "hh-002").unwrap().clone();
                let issuer = key(20);
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &other, &issuer);
                });
            })
        },
        &[Reason::TokenDevice],
    ),
    (
        "a receipt among the tokens",
        || {
            filed(|_, files| {
                let receipt = documents(&files.receipts[0].1[0])[0].bytes.to_vec();
                files.tokens.push(raw("tokens/x.rt".into(), receipt));
            })
        },
        &[Reason::TokenOther],
    ),
];

/// What handhelds signed, and what the office countersigned.
pub const JOURNALS: &[Case] = &[
    (
        "no key for a journal",
        || {
            let mut files = idle().files();
            files.devices.pop();
            (idle(), files)
        },
        &[Reason::KeyMissing],
    ),
    (
        "a flipped byte in a pack",
        || {
            packs(|_, packs| {
                let middle = packs[2].len() / 2;
                packs[2][middle] ^= 1;
            })
        },
        &[Reason::PackBad],
    ),
    (
        "a pack of another life",
        || {
            packs(|own, packs| {
                let mut other = Handheld::new(3, &grant(3), Vec::new());
                (other.epoch, other.entries) = (2, own.entries.clone());
                let bodies = other.bodies();
                let hash = chain(&[9; 32], &bodies[0]);
                packs.push(pack(&other, 1, [9; 32], hash, &bodies[..1]));
            })
        },
        &[Reason::PackOther],
    ),
    ("a pack is missing", || packs(|_, packs| drop(packs.remove(1))), &[Reason::ChainGap]),
    (
        "an entry with another number",
        || {
            packs(|own, packs| {
                let mut bodies = own.bodies();
                let (at, boot_ms, operator) = (UnixSeconds(START + 999), 1, String::new());
                let event = Event::TimeAnchor { server: at };
                bodies[119] = encode_body(500, &Stamp { at, boot_ms, operator }, &event);
                let hash = |from, part: &[Vec<u8>]| part.iter().fold(from, |h, b| chain(&h, b));
                let before = hash([9; 32], &bodies[..100]);
                packs[2] = pack(own, 101, before, hash(before, &bodies[100..]), &bodies[100..]);
            })
        },
        &[Reason::EntryBad],
    ),
    (
        "enrolled under another name",
        || {
            signed(|plan| {
                let Event::Enrolled { device, .. } = &mut plan.handhelds[0].entries[0].2 else {
                    panic!()
                };
                *device = "hh-777".parse().unwrap();
            })
        },
        &[Reason::StartBad],
    ),
    (
        "an altered receipt",
        || {
            filed(|_, files| {
                let bytes = &mut files.receipts[0].1[0].bytes;
                let end = bytes.len() - 1;
                bytes[end] ^= 1;
            })
        },
        &[Reason::ReceiptBad],
    ),
    (
        "the office countersigned something else",
        || {
            filed(|plan, files| {
                let acked = Position { epoch: 1, seq: 5, hash: [7; 32] };
                let other = plan.receipt("hh-001", 2, (1, 5), acked, START + 5);
                files.receipts[0].1.push(raw("receipts/hh-001/9.rc".into(), other));
            })
        },
        &[Reason::Checkpoint],
    ),
    (
        "the end of a journal is cut off",
        || {
            let plan = idle();
            let mut files = plan.files();
            let file = &mut files.journals[2].1[0];
            let packs: Vec<Vec<u8>> =
                documents(file).iter().take(2).map(|doc| doc.bytes.to_vec()).collect();
            file.bytes = joined(&packs);
            (plan, files)
        },
        &[Reason::CutShort],
    ),
    (
        "two receipts of a number",
        || {
            filed(|plan, files| {
                let hash =
                    plan.handhelds[0].bodies()[..5].iter().fold([9; 32], |h, b| chain(&h, b));
                let acked = Position { epoch: 1, seq: 5, hash };
                let other = plan.receipt("hh-001", 1, (1, 5), acked, START + 5);
                files.receipts[0].1.push(raw("receipts/hh-001/9.rc".into(), other));
            })
        },
        &[Reason::ReceiptTwice],
    ),
];

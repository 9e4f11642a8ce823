//! Somebody in the office's place: altered, forged, replayed and contradictory answers, some of
//! them signed with the office's own keys. None of them changes anything on the handheld.

use crate::office::desk::{Desk, Handheld, METER, NOW, SEEDS, TENANT, device};
use meterkit::store::DocKind;
use meterkit::sync::plan::Misfit;
use meterkit::sync::wire::{
    self, Answer, Area, Need, Position, Pulled, Receipt, Reply, Request, digest,
};
use meterkit::sync::{Lie, Post, SyncError};
use meterkit::units::UnixSeconds;
use meterkit_tokens::{DocType, Issuer, KeyRecord, Keyring, verify};
use std::cell::RefCell;

/// A liar between handheld and office who holds the office's status key, or thinks he does.
struct Liar<'a> {
    desk: &'a Desk,
    handheld: &'a Handheld,
    seed: [u8; 32],
}

impl Liar<'_> {
    fn request(&self, path: &str, body: &[u8]) -> Request {
        let [_, _, document] = wire::split(body).unwrap();
        let ring = Keyring::device(self.handheld.key().public());
        let kind = if path == wire::path::PACK { DocType::Pack } else { DocType::Request };
        let payload = verify(&document, kind, TENANT, &ring, None).unwrap().payload;
        Request::read(payload).unwrap()
    }

    fn sign(&self, answer: &Answer) -> Vec<u8> {
        let (payload, body) = answer.parts();
        let key = Issuer::from_seed(self.seed);
        wire::join(&[&key.sign(DocType::Answer, TENANT, payload).unwrap(), &body])
    }

    fn honest(&self, path: &str, body: &[u8]) -> Answer {
        let bytes = self.desk.local.answer(path, body).unwrap();
        let [document, body] = wire::split(&bytes).unwrap();
        let payload = verify(&document, DocType::Answer, TENANT, &office_ring(), None).unwrap();
        Answer::read(payload.payload, &body).unwrap()
    }
}

fn office_ring() -> Keyring {
    let key = |seed| KeyRecord {
        key: Issuer::from_seed(seed).public(),
        not_before: 0,
        not_after: 1 << 40,
        types: vec![DocType::Answer, DocType::Receipt, DocType::Area],
        max_amount: None,
    };
    Keyring::from(vec![key(SEEDS[2])])
}

/// Syncs against a liar that changes every answer with `twist`.
fn against(
    desk: &Desk,
    handheld: &Handheld,
    seed: [u8; 32],
    twist: impl Fn(&Request, &mut Answer),
) -> Result<(), SyncError> {
    let liar = Liar { desk, handheld, seed };
    let post = |path: &str, body: &[u8]| {
        if path == wire::path::KEYS {
            return desk.post().post(path, body);
        }
        let request = liar.request(path, body);
        let mut answer = liar.honest(path, body);
        twist(&request, &mut answer);
        Ok(liar.sign(&answer))
    };
    handheld.sync(&post).map(drop)
}

fn receipt_of(document: &[u8]) -> Receipt {
    let verified = verify(document, DocType::Receipt, TENANT, &office_ring(), None).unwrap();
    Receipt::read(verified.payload).unwrap()
}

fn signed(receipt: &Receipt) -> Vec<u8> {
    Issuer::from_seed(SEEDS[2]).sign(DocType::Receipt, TENANT, receipt.payload()).unwrap()
}

/// A handheld that has synced once, with something new in its journal.
fn ready() -> (Desk, Handheld) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    (desk, handheld)
}

#[test]
fn forged_envelopes() {
    let (desk, handheld) = ready();
    let acked = handheld.store.summary().acked;
    let lie =
        |seed, twist: &dyn Fn(&Request, &mut Answer)| match against(&desk, &handheld, seed, twist)
            .unwrap_err()
        {
            SyncError::Lies(lie) => lie,
            other => panic!("not called a lie: {other}"),
        };
    let stranger = lie([77; 32], &|_, _| {});
    assert!(matches!(stranger, Lie::Signature(_)), "{stranger}");
    // The root and issuer keys are in the right hands, but may not sign answers.
    for seed in [SEEDS[0], SEEDS[1]] {
        assert!(matches!(lie(seed, &|_, _| {}), Lie::Signature(_)));
    }
    assert_eq!(lie(SEEDS[2], &|_, answer| answer.device = device("hh-2")), Lie::OtherDevice);
    assert_eq!(lie(SEEDS[2], &|_, answer| answer.nonce[0] ^= 1), Lie::Nonce);
    assert_eq!(lie(SEEDS[2], &|_, answer| answer.reply = Reply::Bye { status: None }), Lie::Kind);
    let century = |_: &Request, answer: &mut Answer| answer.at = UnixSeconds(NOW + 4_000_000_000);
    assert_eq!(lie(SEEDS[2], &century), Lie::KeyTime);
    assert_eq!(handheld.store.summary().acked, acked, "nothing was believed");
}

#[test]
fn an_old_answer_played_again() {
    let (desk, handheld) = ready();
    let post = desk.post();
    let tape = RefCell::new(Vec::new());
    let recorder = |path: &str, body: &[u8]| {
        let answer = post.post(path, body)?;
        tape.borrow_mut().push(answer.clone());
        Ok(answer)
    };
    handheld.sync(&recorder).unwrap();
    for old in tape.into_inner() {
        let replay = |_: &str, _: &[u8]| Ok(old.clone());
        assert_eq!(handheld.sync(&replay).unwrap_err(), SyncError::Lies(Lie::Nonce));
    }
}

#[test]
fn every_altered_byte_is_noticed() {
    let (desk, handheld) = ready();
    let post = desk.post();
    for path_hit in [wire::path::HELLO, wire::path::PACK, wire::path::PULL] {
        for part in 0..40 {
            let twist = |path: &str, body: &[u8]| {
                let mut answer = post.post(path, body)?;
                if path == path_hit {
                    let at = part * answer.len() / 40;
                    answer[at] ^= 0x10;
                }
                Ok(answer)
            };
            let error = handheld.sync(&twist).unwrap_err();
            assert_eq!(error.code(), "office-lies", "{path_hit} part {part}: {error}");
        }
        for part in 0..20 {
            let cut = |path: &str, body: &[u8]| {
                let mut answer = post.post(path, body)?;
                if path == path_hit {
                    answer.truncate(part * answer.len() / 20);
                }
                Ok(answer)
            };
            assert_eq!(handheld.sync(&cut).unwrap_err().code(), "office-lies");
        }
    }
    assert!(handheld.sync(&post).is_ok());
    desk.report();
}

#[test]
fn a_need_that_does_not_fit_our_journal() {
    let (desk, handheld) = ready();
    let acked = handheld.store.summary().acked.unwrap();
    let head = handheld.store.summary().head;
    let cases = [
        (Position { epoch: 1, seq: acked.seq, hash: [1; 32] }, "Hash"),
        (Position { epoch: 2, seq: acked.seq, hash: acked.hash }, "Epoch"),
        (Position { epoch: 1, seq: 0, hash: [0; 32] }, "Less"),
        // Last, because it is believed as far as it speaks against us: money stops.
        (Position { epoch: 1, seq: head.seq + 5, hash: [1; 32] }, "Beyond"),
    ];
    for (position, name) in cases {
        let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
            if matches!(answer.reply, Reply::Need(_)) {
                answer.reply =
                    Reply::Need(Need { acked: position, receipts: vec![], status: None });
            }
        });
        let Err(SyncError::Lies(Lie::Misfit(misfit))) = error else { panic!("{name}: {error:?}") };
        let found = match misfit {
            Misfit::Beyond { .. } => "Beyond",
            Misfit::Hash { .. } => "Hash",
            Misfit::Epoch { .. } => "Epoch",
            Misfit::Less { .. } => "Less",
        };
        assert_eq!(found, name);
        assert_eq!(handheld.store.summary().acked, Some(acked), "{name}");
    }
}

#[test]
fn receipts_that_do_not_fit() {
    type Twist = fn(&mut Receipt);
    let cases: [(&str, Twist); 7] = [
        ("another handheld's", |r| r.device = device("hh-2")),
        ("another hash", |r| r.acked.hash[0] ^= 1),
        ("beyond our head", |r| r.acked.seq += 50),
        ("another epoch", |r| r.acked.epoch = 7),
        ("less than the pack", |r| r.acked = Position { epoch: 1, seq: 0, hash: [0; 32] }),
        ("a longer pack than sent", |r| {
            r.first -= 1;
            r.runs[0].count += 1;
        }),
        ("signed after its key's end", |r| r.at = UnixSeconds(NOW + 4_000_000_000)),
    ];
    for (name, twist) in cases {
        let (desk, handheld) = ready();
        let before = handheld.store.summary();
        let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
            if let Reply::Receipt(document) = &mut answer.reply {
                let mut receipt = receipt_of(document);
                twist(&mut receipt);
                *document = signed(&receipt);
            }
        });
        assert_eq!(error.unwrap_err().code(), "office-lies", "{name}");
        let after = handheld.store.summary();
        assert_eq!((after.acked, after.receipt), (before.acked, before.receipt), "{name}");
    }
}

#[test]
fn an_old_receipt_for_a_new_pack() {
    let (desk, handheld) = ready();
    let tape = RefCell::new(None);
    against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Receipt(document) = &answer.reply {
            tape.borrow_mut().get_or_insert(document.clone());
        }
    })
    .unwrap();
    let old = tape.into_inner().unwrap();
    let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Receipt(document) = &mut answer.reply {
            document.clone_from(&old);
        }
    });
    assert!(matches!(error, Err(SyncError::Lies(Lie::Receipt(_)))), "{error:?}");
}

#[test]
fn an_office_that_asks_in_circles_is_left() {
    let (desk, handheld) = ready();
    let error = against(&desk, &handheld, SEEDS[2], |request, answer| {
        if matches!(request.ask, wire::Ask::Pack(_)) {
            let acked = handheld.store.summary().acked.unwrap();
            let acked = Position { epoch: acked.epoch, seq: acked.seq, hash: acked.hash };
            answer.reply = Reply::Need(Need { acked, receipts: vec![], status: None });
        }
    });
    assert_eq!(error.unwrap_err(), SyncError::Lies(Lie::Kind));
    let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Pulled(pulled) = &mut answer.reply {
            pulled.more = true;
        }
    });
    assert_eq!(error.unwrap_err(), SyncError::Lies(Lie::Kind));
}

#[test]
fn tokens_that_do_not_hold_are_left_out_and_named() {
    let (desk, handheld) = ready();
    desk.add_meter("48");
    let other = desk.handheld("hh-2");
    let good = desk.issue_to("hh-1", METER, 100);
    let foreign = desk.issue_to("hh-2", "48", 100);
    let report = RefCell::new(None);
    let liar = Liar { desk: &desk, handheld: &handheld, seed: SEEDS[2] };
    let post = |path: &str, body: &[u8]| {
        let mut answer = liar.honest(path, body);
        if let Reply::Pulled(Pulled { tokens, .. }) = &mut answer.reply {
            let mut altered = good.bytes.clone();
            altered[100] ^= 1;
            let mut long = good.bytes.clone();
            long.push(0);
            tokens.splice(0..0, [vec![], altered, long, foreign.bytes.clone()]);
        }
        Ok(liar.sign(&answer))
    };
    report.replace(Some(handheld.sync(&post).unwrap()));
    let report = report.into_inner().unwrap();
    let codes: Vec<_> = report.refused.iter().map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes, ["canonical", "signature", "canonical", "device"]);
    assert_eq!((report.tokens, handheld.store.summary().tokens), (1, 1));
    assert!(handheld.store.token(good.id).is_some());
    drop(other);
}

#[test]
fn altered_areas_and_older_keysets() {
    let (desk, handheld) = ready();
    let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Pulled(pulled) = &mut answer.reply {
            let page = wire::Page { lines: vec![] };
            let page = Issuer::from_seed([9; 32]).sign(DocType::Area, TENANT, page.payload());
            pulled.area = Some(Area { version: 99, pages: vec![digest(&page.unwrap())] });
        }
    });
    // The page of version 99 does not exist: the true office says "stale", three times.
    assert!(error.is_ok(), "{error:?}");
    assert_eq!(handheld.store.summary().meters, 1, "the old list is still there");
    let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Pulled(pulled) = &mut answer.reply {
            let version = pulled.area.as_ref().map_or(2, |area| area.version);
            pulled.area = Some(Area { version, pages: vec![[0; 32]] });
        }
    });
    assert_eq!(error.unwrap_err(), SyncError::Lies(Lie::Page(0)));
    let error = against(&desk, &handheld, SEEDS[2], |_, answer| {
        if let Reply::Pulled(pulled) = &mut answer.reply {
            pulled.keyset = Some(handheld.store.identity().keyset[..50].to_vec());
        }
    });
    let kind = DocKind::Keyset;
    let lie = |lie: &Lie| matches!(lie, Lie::Document { kind: of, .. } if *of == kind);
    assert!(matches!(&error, Err(SyncError::Lies(l)) if lie(l)), "{error:?}");
}

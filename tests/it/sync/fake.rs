//! An office of a few lines that holds all the keys, and can be told to lie with them.

use meterkit::store::{Stamp, Store, StoreKey};
use meterkit::sync::wire::{
    self, Answer, Ask, Enrolment, Keys, KeysAsk, Need, Position, Pull, Pulled, Receipt, Reply,
    Request,
};
use meterkit::sync::{Enrolling, Session, SyncError, SyncReport, enrol_over};
use meterkit::units::{DeviceId, UnixSeconds};
use meterkit_tokens::{
    Caps, DeviceKey, DocType, Grant, Issuer, KeyRecord, Keyring, Keyset, Override, PublicKey, Root,
    Status, verify,
};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub const TENANT: &str = "test";
pub const NOW: i64 = 1_795_000_000;
pub const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

type Twist<T> = RefCell<Box<dyn Fn(&mut T)>>;

fn honest<T>() -> Twist<T> {
    RefCell::new(Box::new(|_| {}))
}

pub fn issuer(seed: u8) -> Issuer {
    Issuer::from_seed([seed; 32])
}

/// The office. Its keys: roots 1 to 3 (2 of 3), keyset 4, everything else 5, tokens 6.
pub struct Fake {
    pub now: Cell<i64>,
    /// The key that signs answers and documents for handhelds.
    pub key: Cell<u8>,
    pub roots: RefCell<Vec<Vec<u8>>>,
    pub root: RefCell<Root>,
    pub keyset: RefCell<(Keyset, Vec<u8>)>,
    pub epoch: Cell<u32>,
    pub device_key: RefCell<Option<PublicKey>>,
    acked: RefCell<Position>,
    receipts: Cell<u64>,
    versions: Cell<u64>,
    /// What is done to a status before it is signed.
    pub status: Twist<Status>,
    /// What is done to an answer to PULL before it is sent.
    pub pulled: Twist<Pulled>,
    /// What is done to a reply before it is signed.
    pub reply: Twist<Reply>,
    /// What is done to an answer to KEYS.
    pub keys: Twist<Keys>,
}

pub fn root(version: u64, keys: [u8; 3], keyset_key: u8) -> Root {
    Root {
        tenant: TENANT.to_owned(),
        version,
        issued: NOW - DAY,
        not_before: NOW - DAY,
        expires: NOW + 2 * YEAR - 2 * DAY,
        keys: keys.map(|seed| issuer(seed).public()).to_vec(),
        threshold: 2,
        keyset_keys: vec![issuer(keyset_key).public()],
    }
}

/// A root file signed by these keys.
pub fn root_file(root: &Root, signers: &[u8]) -> Vec<u8> {
    let docs: Vec<_> = signers.iter().map(|seed| issuer(*seed).root(root).unwrap()).collect();
    Root::join(&docs)
}

/// A keyset in which `key` may sign what the office says and 6 tokens.
pub fn keyset(version: u64, key: u8, signer: u8) -> (Keyset, Vec<u8>) {
    let record = |seed, types| KeyRecord {
        key: issuer(seed).public(),
        not_before: NOW - 30 * DAY,
        not_after: NOW + 120 * DAY,
        types,
        max_amount: None,
    };
    let words = vec![
        DocType::Answer,
        DocType::Status,
        DocType::Receipt,
        DocType::Area,
        DocType::Round,
        DocType::Enrolment,
        DocType::Grant,
        DocType::Override,
    ];
    let keyset = Keyset {
        tenant: TENANT.to_owned(),
        version,
        issued: NOW,
        not_before: NOW,
        expires: NOW + 80 * DAY,
        keys: vec![record(key, words), record(6, vec![DocType::Recharge])],
        revoked: vec![],
    };
    let document = issuer(signer).keyset(&keyset).unwrap();
    (keyset, document)
}

pub fn no_caps() -> Caps {
    Caps { acts: [0, 10], yuan: [0, 1000], kwh: [0, 1000], age_s: [0, DAY] }
}

impl Fake {
    pub fn new() -> Self {
        let first = root(1, [1, 2, 3], 4);
        Self {
            now: Cell::new(NOW),
            key: Cell::new(5),
            roots: RefCell::new(vec![root_file(&first, &[1, 2])]),
            root: RefCell::new(first),
            keyset: RefCell::new(keyset(1, 5, 4)),
            epoch: Cell::new(1),
            device_key: RefCell::new(None),
            acked: RefCell::new(Position { epoch: 1, seq: 0, hash: [0; 32] }),
            receipts: Cell::new(0),
            versions: Cell::new(1),
            status: honest(),
            pulled: honest(),
            reply: honest(),
            keys: honest(),
        }
    }

    pub fn status(&self) -> Vec<u8> {
        let now = self.now.get();
        let acked = *self.acked.borrow();
        self.versions.set(self.versions.get() + 1);
        let mut status = Status {
            tenant: TENANT.to_owned(),
            device: "hh-1".to_owned(),
            issued: now,
            not_before: now,
            expires: now + 3 * DAY,
            version: self.versions.get(),
            root: self.root.borrow().version,
            keyset: self.keyset.borrow().0.version,
            epoch: self.epoch.get(),
            acked_seq: acked.seq,
            acked_hash: acked.hash,
            leases: [0; 32],
            caps: no_caps(),
            revoked: vec![],
            grace_s: DAY,
            idle_s: 600,
            pins: vec![],
        };
        (self.status.borrow())(&mut status);
        issuer(self.key.get()).status(&status).unwrap()
    }

    pub fn grant(&self, id: u8, twist: impl Fn(&mut Grant)) -> Vec<u8> {
        let mut grant = Grant {
            tenant: TENANT.to_owned(),
            operator: "anna".to_owned(),
            device: "hh-1".to_owned(),
            issued: NOW + i64::from(id),
            not_before: NOW,
            expires: NOW + 30 * DAY,
            id: [id; 16],
            name: "Anna".to_owned(),
            role: 1,
            verbs: 3,
            areas: vec![],
            meters: vec![],
            caps: no_caps(),
            shift_s: 36_000,
            activation: [9; 32],
        };
        twist(&mut grant);
        issuer(self.key.get()).grant(&grant).unwrap()
    }

    pub fn over(&self, id: u8, twist: impl Fn(&mut Override)) -> Vec<u8> {
        let mut over = Override {
            tenant: TENANT.to_owned(),
            operator: "anna".to_owned(),
            device: "hh-1".to_owned(),
            meter: [0, 0, 0, 0, 0, 0x47],
            verbs: 2,
            issued: NOW,
            not_before: NOW,
            expires: NOW + 3600,
            id: [id; 16],
            by: "boss".to_owned(),
            reason: "because".to_owned(),
        };
        twist(&mut over);
        issuer(self.key.get()).over_ride(&over).unwrap()
    }

    pub fn file(&self, twist: impl Fn(&mut Enrolment)) -> Vec<u8> {
        self.acked.borrow_mut().epoch = self.epoch.get();
        let mut enrolment = Enrolment {
            tenant: TENANT.to_owned(),
            device: device(),
            url: "http://127.0.0.1:1".to_owned(),
            root_hash: root(1, [1, 2, 3], 4).hash().unwrap(),
            roots: self.roots.borrow().clone(),
            keyset: self.keyset.borrow().1.clone(),
            secret: [7; 32],
            expires: UnixSeconds(NOW + 14 * DAY),
            ca: vec![],
            pins: vec![],
            recovery: vec![[1; 16], [2; 16], [3; 16], [4; 16]],
            grants: vec![self.grant(1, |_| {})],
            status: self.status(),
            epoch: self.epoch.get(),
        };
        twist(&mut enrolment);
        let document = issuer(self.key.get()).sign(DocType::Enrolment, TENANT, enrolment.payload());
        enrolment.file(&document.unwrap())
    }

    pub fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        if path == wire::path::KEYS {
            let ask = KeysAsk::read(body).unwrap();
            let mut keys =
                Keys { roots: self.newer(ask.root), keyset: self.keyset.borrow().1.clone() };
            (self.keys.borrow())(&mut keys);
            return Ok(keys.encode());
        }
        let request = self.request(path, body);
        let mut reply = self.reply(&request.ask);
        (self.reply.borrow())(&mut reply);
        let at = UnixSeconds(self.now.get());
        let answer = Answer { device: device(), nonce: request.nonce, at, reply };
        let (payload, body) = answer.parts();
        let signed = issuer(self.key.get()).sign(DocType::Answer, TENANT, payload).unwrap();
        Ok(wire::join(&[&signed, &body]))
    }

    fn newer(&self, than: u64) -> Vec<Vec<u8>> {
        let skip = usize::try_from(than).unwrap();
        self.roots.borrow().iter().skip(skip).take(wire::MAX_ROOTS).cloned().collect()
    }

    fn request(&self, path: &str, body: &[u8]) -> Request {
        let document = if path == wire::path::ENROL {
            let [_, _, document, key] = wire::split(body).unwrap();
            let key = PublicKey::from_bytes(key.try_into().unwrap()).unwrap();
            *self.device_key.borrow_mut() = Some(key);
            document
        } else {
            let [_, _, document] = wire::split(body).unwrap();
            document
        };
        let ring = Keyring::device(self.device_key.borrow().unwrap());
        let kind = if path == wire::path::PACK { DocType::Pack } else { DocType::Request };
        Request::read(verify(&document, kind, TENANT, &ring, None).unwrap().payload).unwrap()
    }

    fn reply(&self, ask: &Ask) -> Reply {
        match ask {
            Ask::Enrol { .. } => Reply::Enrolled { epoch: self.epoch.get() },
            Ask::Hello(_) => Reply::Need(Need {
                acked: *self.acked.borrow(),
                receipts: vec![],
                status: Some(self.status()),
            }),
            Ask::Pack(pack) => {
                let acked = Position { epoch: pack.epoch, seq: pack.last(), hash: pack.hash };
                *self.acked.borrow_mut() = acked;
                self.receipts.set(self.receipts.get() + 1);
                let noted = (pack.first..=pack.last()).map(|_| wire::EntryOutcome::Noted);
                let receipt = Receipt {
                    device: device(),
                    number: self.receipts.get(),
                    first: pack.first,
                    last: pack.last(),
                    acked,
                    at: UnixSeconds(self.now.get()),
                    runs: Receipt::runs_of(noted),
                };
                let key = issuer(self.key.get());
                Reply::Receipt(key.sign(DocType::Receipt, TENANT, receipt.payload()).unwrap())
            }
            Ask::Pull(pull) => Reply::Pulled(self.pull(pull)),
            Ask::Page { .. } => Reply::Refused(wire::Refusal::Stale),
            // What goes over a medium is the real office's to answer.
            Ask::Visit(_) | Ask::File { .. } => Reply::Refused(wire::Refusal::Malformed),
            Ask::Bye { .. } => Reply::Bye { status: Some(self.status()) },
        }
    }

    fn pull(&self, pull: &Pull) -> Pulled {
        let keyset = self.keyset.borrow();
        let mut pulled = Pulled {
            tokens: vec![],
            more: false,
            withdrawn: vec![],
            settled: vec![],
            keyset: (keyset.0.version > pull.keyset).then(|| keyset.1.clone()),
            area: None,
            still_out: vec![],
            roots: self.newer(pull.root),
            grants: vec![],
            overrides: vec![],
            bundles: vec![],
            rounds: vec![],
        };
        (self.pulled.borrow())(&mut pulled);
        pulled
    }

    /// A new root of these keys in force, with a keyset and an office key of its own.
    pub fn rotate_root(&self, keys: [u8; 3], keyset_key: u8, signers: &[u8]) {
        let next = root(self.root.borrow().version + 1, keys, keyset_key);
        self.roots.borrow_mut().push(root_file(&next, signers));
        *self.root.borrow_mut() = next;
    }

    /// The next keyset.
    pub fn rotate_keyset(&self, key: u8, signer: u8) {
        let version = self.keyset.borrow().0.version + 1;
        *self.keyset.borrow_mut() = keyset(version, key, signer);
    }
}

pub fn device() -> DeviceId {
    "hh-1".parse().unwrap()
}

pub fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(NOW), boot_ms: 0, operator: "anna".to_owned() }
}

pub fn store_key() -> StoreKey {
    StoreKey::from_bytes([42; 32])
}

/// Enrols a handheld at the fake.
pub fn enrolled(fake: &Fake, dir: &Path) -> Store {
    let enrolling = Enrolling::read(&fake.file(|_| {})).unwrap();
    let post = |path: &str, body: &[u8]| fake.answer(path, body);
    enrol_over(dir, &store_key(), &enrolling, &stamp(), &post).unwrap()
}

/// One exchange with the fake.
pub fn sync(fake: &Fake, store: &Store) -> Result<SyncReport, SyncError> {
    let post = |path: &str, body: &[u8]| fake.answer(path, body);
    let key = DeviceKey::generate(store.identity().device_seed);
    let cancel = AtomicBool::new(false);
    let session = Session { store, key: &key, post: &post, stamp: &stamp, cancel: &cancel };
    session.run(&mut |_| {})
}

//! An office for tests: root, keyset and issuer keys from fixed seeds, and what it signs.

use meterkit::store::{Event, Identity};
use meterkit::units::{MeterNo, Role, TokenId, UnixSeconds, Verb, Verbs};
use meterkit_tokens::{
    Caps, DocType, Grant, Issuer, KeyRecord, Keyset, Override, Root, Signer, Status,
};

/// The tenant of every test.
pub const TENANT: &str = "test-grid";
/// The handheld of every test.
pub const DEVICE: &str = "hh-007";
/// The operator of every test.
pub const OPERATOR: &str = "test";
/// 2026-11-20T08:00:00, where simulated fleets begin; the meters' zone is UTC here.
pub const BASE: i64 = 1_795_161_600;

/// The office's keys.
pub struct Office {
    roots: [Issuer; 3],
    keyset: Issuer,
    pub issuer: Issuer,
}

impl Office {
    pub fn new() -> Self {
        let key = |seed| Issuer::from_seed([seed; 32]);
        Self { roots: [key(11), key(12), key(13)], keyset: key(14), issuer: key(2) }
    }

    fn root(&self) -> Root {
        Root {
            tenant: TENANT.to_owned(),
            version: 1,
            issued: BASE - 86_400,
            not_before: BASE - 86_400,
            expires: BASE + 365 * 86_400,
            keys: self.roots.iter().map(Issuer::public).collect(),
            threshold: 2,
            keyset_keys: vec![self.keyset.public()],
        }
    }

    /// A keyset with the one office key, to be changed where a test wants it otherwise.
    pub fn keyset(&self, version: u64, change: impl FnOnce(&mut Keyset)) -> Vec<u8> {
        let types = DocType::ALL.into_iter().filter(|doc| doc.signer() == Signer::Office);
        let record = KeyRecord {
            key: self.issuer.public(),
            not_before: BASE - 86_400,
            not_after: BASE + 10 * 365 * 86_400,
            types: types.collect(),
            max_amount: None,
        };
        let mut keyset = Keyset {
            tenant: TENANT.to_owned(),
            version,
            issued: BASE - 86_400,
            not_before: BASE - 86_400,
            expires: BASE + 300 * 86_400,
            keys: vec![record],
            revoked: Vec::new(),
        };
        change(&mut keyset);
        self.keyset.keyset(&keyset).unwrap()
    }

    /// The identity every test store is made with.
    pub fn identity(&self) -> Identity {
        let root = self.root();
        let signed: Vec<Vec<u8>> =
            self.roots[..2].iter().map(|key| key.root(&root).unwrap()).collect();
        Identity {
            tenant: TENANT.to_owned(),
            device: DEVICE.parse().unwrap(),
            device_seed: [7; 32],
            office_url: "http://127.0.0.1:9".to_owned(),
            root_hash: root.hash().unwrap(),
            roots: vec![Root::join(&signed)],
            keyset: self.keyset(1, |_| {}),
            ca: Vec::new(),
            pins: Vec::new(),
            epoch: 1,
        }
    }

    /// A status of 72 hours from `at`, with limits nobody reaches.
    pub fn status(&self, at: i64, change: impl FnOnce(&mut Status)) -> (u64, Vec<u8>) {
        let mut status = Status {
            tenant: TENANT.to_owned(),
            device: DEVICE.to_owned(),
            issued: at,
            not_before: at,
            expires: at + 72 * 3_600,
            version: u64::try_from(at).unwrap() * 1_000,
            root: 1,
            keyset: 1,
            epoch: 1,
            acked_seq: 0,
            acked_hash: [0; 32],
            leases: [0; 32],
            caps: Caps::MOST,
            revoked: Vec::new(),
            grace_s: 86_400,
            idle_s: 300,
            pins: Vec::new(),
        };
        change(&mut status);
        (status.version, self.issuer.status(&status).unwrap())
    }

    /// A grant of a year: a supervisor who may do everything everywhere, in shifts of a day.
    pub fn grant(&self, operator: &str, change: impl FnOnce(&mut Grant)) -> (Grant, Vec<u8>) {
        let mut id = [0x60; 16];
        id[..operator.len()].copy_from_slice(operator.as_bytes());
        let mut grant = Grant {
            tenant: TENANT.to_owned(),
            operator: operator.to_owned(),
            device: DEVICE.to_owned(),
            issued: BASE - 3_600,
            not_before: BASE - 3_600,
            expires: BASE + 365 * 86_400,
            id,
            name: "Test".to_owned(),
            role: Role::Supervisor.number(),
            verbs: Verbs::of(Verb::ALL).bits(),
            areas: Vec::new(),
            meters: Vec::new(),
            caps: Caps::MOST,
            shift_s: 86_400,
            activation: [0; 32],
        };
        change(&mut grant);
        let bytes = self.issuer.grant(&grant).unwrap();
        (grant, bytes)
    }

    /// Leave for a recharge of one meter, for a day from `at`.
    pub fn over_ride(
        &self,
        id: u8,
        meter: MeterNo,
        at: i64,
        change: impl FnOnce(&mut Override),
    ) -> Vec<u8> {
        let mut leave = Override {
            tenant: TENANT.to_owned(),
            operator: OPERATOR.to_owned(),
            device: DEVICE.to_owned(),
            meter: meter.bcd(),
            verbs: Verbs::of(&[Verb::Recharge]).bits(),
            issued: at,
            not_before: at,
            expires: at + 86_400,
            id: [id; 16],
            by: "boss".to_owned(),
            reason: "storm".to_owned(),
        };
        change(&mut leave);
        self.issuer.over_ride(&leave).unwrap()
    }
}

/// The journal entry that takes a grant in.
pub fn grant_taken((grant, bytes): (Grant, Vec<u8>)) -> Event {
    Event::GrantTaken {
        id: TokenId(grant.id),
        operator: grant.operator.parse().unwrap(),
        issued: UnixSeconds(grant.issued),
        expires: UnixSeconds(grant.expires),
        bytes,
    }
}

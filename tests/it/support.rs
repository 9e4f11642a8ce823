//! What several tests need: an office's desk that signs, and a handheld enrolled at it, in real
//! time.

#[cfg(feature = "serial")]
pub mod adapters;
pub mod draw;
pub mod folders;
pub mod home;
#[cfg(feature = "office")]
pub mod postgres;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use meterkit::jobs::SystemClock;
use meterkit::store::{DocKind, Event, Identity, Stamp, Store, StoreKey};
use meterkit::units::{AccountNo, MeterNo, Role, TokenId, UnixSeconds};
use meterkit_tokens::{
    Caps, DocType, Grant, Issuer, KeyRecord, Keyset, Kind, RechargeToken, Root, Status, Unit,
    activation,
};

/// Whose office it is.
pub const TENANT: &str = "test-site";
/// The handheld.
pub const DEVICE: &str = "hh-test";
/// Who works with it; may do everything.
pub const OPERATOR: &str = "test";
/// The activation code of every grant made here.
pub const CODE: &str = "TEST-CODE-TEST";

const DAY: i64 = 86_400;

/// The real time.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A mark of now.
pub fn stamp() -> Stamp {
    let (at, boot_ms) = (SystemClock::utc(), SystemClock::uptime_ms());
    Stamp { at, boot_ms, operator: OPERATOR.to_owned() }
}

/// An identity for a signed document, different for everything it is made from.
fn id(kind: u8, text: &str, number: u32) -> [u8; 16] {
    let mut id = [0u8; 16];
    for (at, byte) in text.bytes().enumerate() {
        id[at % 6] = id[at % 6].wrapping_mul(31).wrapping_add(byte);
    }
    id[6] = 0x70;
    id[7] = kind;
    id[12..].copy_from_slice(&number.to_be_bytes());
    id
}

/// An office's keys.
pub struct Desk {
    roots: [Issuer; 3],
    keysets: Issuer,
    issuer: Issuer,
    from: i64,
    to: i64,
}

impl Desk {
    pub fn new() -> Self {
        let (from, to) = (now() - 3_600, now() + 5 * DAY);
        Self {
            roots: [11, 12, 13].map(|seed| Issuer::from_seed([seed; 32])),
            keysets: Issuer::from_seed([1; 32]),
            issuer: Issuer::from_seed([2; 32]),
            from,
            to,
        }
    }

    fn root(&self) -> Root {
        Root {
            tenant: TENANT.to_owned(),
            version: 1,
            issued: self.from,
            not_before: self.from,
            expires: self.to + 300 * DAY,
            keys: self.roots.iter().map(Issuer::public).collect(),
            threshold: 2,
            keyset_keys: vec![self.keysets.public()],
        }
    }

    /// The root file, signed by two of three.
    pub fn root_file(&self) -> Vec<u8> {
        let root = self.root();
        let signed = [&self.roots[0], &self.roots[2]].map(|one| one.root(&root).unwrap());
        Root::join(&signed)
    }

    /// The keyset: one key for everything.
    pub fn keyset(&self) -> Vec<u8> {
        let types = [
            DocType::Recharge,
            DocType::Status,
            DocType::Grant,
            DocType::Override,
            DocType::Bundle,
            DocType::Answer,
            DocType::Receipt,
            DocType::Area,
            DocType::Round,
            DocType::Enrolment,
        ];
        let record = KeyRecord {
            key: self.issuer.public(),
            not_before: self.from - 30 * DAY,
            not_after: self.to + 200 * DAY,
            types: types.to_vec(),
            max_amount: None,
        };
        let keyset = Keyset {
            tenant: TENANT.to_owned(),
            version: 1,
            issued: self.from,
            not_before: self.from,
            expires: self.to + 100 * DAY,
            keys: vec![record],
            revoked: Vec::new(),
        };
        self.keysets.keyset(&keyset).unwrap()
    }

    /// Who a handheld enrolled here is.
    pub fn identity(&self) -> Identity {
        Identity {
            tenant: TENANT.to_owned(),
            device: DEVICE.parse().unwrap(),
            device_seed: [3; 32],
            // Port 9 is "discard": nobody listens there.
            office_url: "http://127.0.0.1:9".to_owned(),
            root_hash: self.root().hash().unwrap(),
            roots: vec![self.root_file()],
            keyset: self.keyset(),
            ca: Vec::new(),
            pins: Vec::new(),
            epoch: 1,
        }
    }

    /// A new store of a handheld enrolled here, sealed with a vault's key: with a fresh status, and
    /// a grant that lets [`OPERATOR`] do everything.
    pub fn enrolled_under(&self, store: &Path, key: &StoreKey) -> Store {
        let store = Store::create(store, self.identity(), &stamp(), key).unwrap();
        self.status(&store, 1);
        self.grant(&store, OPERATOR, Role::Supervisor);
        store
    }

    /// A fresh status with generous limits that acknowledges nothing.
    pub fn status_of(&self, version: u64) -> Status {
        Status {
            tenant: TENANT.to_owned(),
            device: DEVICE.to_owned(),
            issued: self.from,
            not_before: self.from,
            expires: self.from + 3 * DAY,
            version,
            root: 1,
            keyset: 1,
            epoch: 1,
            acked_seq: 0,
            acked_hash: [0; 32],
            leases: [0; 32],
            caps: Caps::MOST,
            revoked: Vec::new(),
            grace_s: DAY,
            idle_s: 600,
            pins: Vec::new(),
        }
    }

    /// The office's signature on a status.
    pub fn sign_status(&self, status: &Status) -> Vec<u8> {
        self.issuer.status(status).unwrap()
    }

    /// Takes a fresh status into a store.
    pub fn status(&self, store: &Store, version: u64) {
        let bytes = self.sign_status(&self.status_of(version));
        store.take_document(&stamp(), DocKind::Status, version, &bytes).unwrap();
    }

    /// A grant of everything a role may do, everywhere, without limits.
    pub fn grant_of(&self, operator: &str, role: Role) -> Grant {
        let id = id(b'g', operator, u32::from(role.number()));
        Grant {
            tenant: TENANT.to_owned(),
            operator: operator.to_owned(),
            device: DEVICE.to_owned(),
            issued: self.from,
            not_before: self.from,
            expires: self.to,
            id,
            name: format!("Operator {operator}"),
            role: role.number(),
            verbs: role.verbs().bits(),
            areas: Vec::new(),
            meters: Vec::new(),
            caps: Caps::MOST,
            shift_s: DAY,
            activation: activation(&id, CODE),
        }
    }

    /// The office's signature on a grant.
    pub fn sign_grant(&self, grant: &Grant) -> Vec<u8> {
        self.issuer.grant(grant).unwrap()
    }

    /// Takes a grant for a role into a store.
    pub fn grant(&self, store: &Store, operator: &str, role: Role) {
        self.take_grant(store, &self.grant_of(operator, role));
    }

    /// Takes a grant into a store.
    pub fn take_grant(&self, store: &Store, grant: &Grant) {
        let event = Event::GrantTaken {
            id: TokenId(grant.id),
            operator: grant.operator.parse().unwrap(),
            issued: UnixSeconds(grant.issued),
            expires: UnixSeconds(grant.expires),
            bytes: self.sign_grant(grant),
        };
        store.append(&stamp(), event).unwrap();
    }

    /// A token that fits, to be changed where a test wants it not to.
    pub fn token(
        &self,
        meter: MeterNo,
        account: AccountNo,
        count: u32,
        amount: i64,
    ) -> RechargeToken {
        let mut id = [0u8; 16];
        id[6] = 0x70;
        id[8..12].copy_from_slice(&count.to_be_bytes());
        id[12..].copy_from_slice(&u32::try_from(amount).unwrap().to_be_bytes());
        RechargeToken {
            tenant: TENANT.to_owned(),
            meter: meter.bcd(),
            device: DEVICE.to_owned(),
            expires: self.to,
            not_before: self.from,
            issued: self.from,
            id,
            kind: Kind::Recharge,
            amount,
            unit: Unit::Yuan,
            count,
            seq: u64::from(count) + 1,
            order: [0; 8],
            account: account.bcd(),
            caps: 0,
            max_balance: None,
            undoes: None,
        }
    }

    /// The office's signature.
    pub fn sign(&self, token: &RechargeToken) -> Vec<u8> {
        self.issuer.recharge(token).unwrap()
    }
}

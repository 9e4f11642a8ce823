//! What several tests need: an office's desk that signs, and a handheld enrolled at it, in real
//! time.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use meterkit::jobs::SystemClock;
use meterkit::store::{Identity, Stamp, Store};
use meterkit::units::{AccountNo, MeterNo};
use meterkit_tokens::{DocType, Issuer, KeyRecord, Keyset, Kind, RechargeToken, Unit};

/// Whose office it is.
pub const TENANT: &str = "test-site";
/// The handheld.
pub const DEVICE: &str = "hh-test";

/// The real time.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A mark of now.
pub fn stamp() -> Stamp {
    let (at, boot_ms) = (SystemClock::utc(), SystemClock::uptime_ms());
    Stamp { at, boot_ms, operator: "test".to_owned() }
}

/// An office's keys.
pub struct Desk {
    root: Issuer,
    issuer: Issuer,
    from: i64,
    to: i64,
}

impl Desk {
    pub fn new() -> Self {
        let (from, to) = (now() - 3_600, now() + 5 * 86_400);
        Self { root: Issuer::from_seed([1; 32]), issuer: Issuer::from_seed([2; 32]), from, to }
    }

    fn identity(&self) -> Identity {
        let record = KeyRecord {
            key: self.issuer.public(),
            not_before: self.from - 30 * 86_400,
            not_after: self.to + 30 * 86_400,
            types: vec![DocType::Recharge],
            max_amount: None,
        };
        let keyset = Keyset {
            tenant: TENANT.to_owned(),
            version: 1,
            issued: self.from,
            not_before: self.from,
            expires: self.to,
            keys: vec![record],
            revoked: Vec::new(),
        };
        Identity {
            tenant: TENANT.to_owned(),
            device: DEVICE.parse().unwrap(),
            device_seed: [3; 32],
            // Port 9 is "discard": nobody listens there.
            office_url: "http://127.0.0.1:9".to_owned(),
            root_key: self.root.public().bytes(),
            keyset: self.root.keyset(&keyset).unwrap(),
            epoch: 1,
        }
    }

    /// A new store of a handheld enrolled here.
    pub fn enrolled(&self, store: &Path) -> Store {
        Store::create(store, self.identity(), &stamp()).unwrap()
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
        }
    }

    /// The office's signature.
    pub fn sign(&self, token: &RechargeToken) -> Vec<u8> {
        self.issuer.recharge(token).unwrap()
    }
}

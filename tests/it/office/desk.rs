//! An office in memory, or on the cluster that was lent to the process; handhelds with real
//! stores, and a clock that only moves when told.

use meterkit::office::local::Local;
use meterkit::office::model::TokenState;
use meterkit::office::{
    Granted, Issued, LedgerReport, MeterShows, NewMeter, NewOperator, Offer, Office, OfficeError,
    Order, Seeds, Verdict,
};
use meterkit::store::{Bounds, Event, Stamp, Store, StoreKey};
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::{Post, Session, SyncError, SyncReport, enrol_over};
use meterkit::units::{
    AccountNo, Credit, CreditUnit, Decision, DeviceId, Evidence, Judgement, MeterNo, OperatorId,
    PurchaseCount, PurchaseRecord, Role, TokenId, UnixSeconds,
};
use meterkit_tokens::DeviceKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

pub const TENANT: &str = "tiandi";
pub const NOW: i64 = 1_790_000_000;
/// Seeds of the desk's first root key, issuer and status keys: a liar in a test may hold them too.
pub const SEEDS: [[u8; 32]; 3] = [[1; 32], [2; 32], [3; 32]];

/// All the desk's seeds.
pub fn seeds() -> Seeds {
    Seeds {
        roots: [SEEDS[0], [101; 32], [102; 32]],
        keyset: [103; 32],
        issuer: SEEDS[1],
        status: SEEDS[2],
        people: [104; 32],
        recovery: [105; 32],
    }
}

/// What every store of a test is sealed with.
pub fn store_key() -> StoreKey {
    StoreKey::from_bytes([77; 32])
}

pub const METER: &str = "000000000047";
pub const ACCOUNT: &str = "000000123456";
/// The count every meter of the desk starts with.
pub const COUNT: u32 = 5;

pub fn meter(no: &str) -> MeterNo {
    no.parse().unwrap()
}

pub fn account() -> AccountNo {
    ACCOUNT.parse().unwrap()
}

pub fn device(name: &str) -> DeviceId {
    name.parse().unwrap()
}

pub fn operator(name: &str) -> OperatorId {
    name.parse().unwrap()
}

/// An office with one meter.
pub struct Desk {
    pub local: Local,
    pub clock: Arc<AtomicI64>,
}

impl Desk {
    pub fn new() -> Self {
        Self::at(NOW)
    }

    /// The same at another time.
    pub fn at(now: i64) -> Self {
        let clock = Arc::new(AtomicI64::new(now));
        let told = Arc::clone(&clock);
        let tell = Arc::new(move || UnixSeconds(told.load(Ordering::Relaxed)));
        let lent = crate::support::postgres::fresh();
        let local = Local::start(|| async {
            match &lent {
                Some(url) => Office::in_database(url, TENANT, seeds(), tell).await,
                None => Office::in_memory(TENANT, seeds(), tell).await,
            }
        });
        let local = local.unwrap();
        let desk = Self { local, clock };
        desk.add_meter(METER);
        desk
    }

    pub fn office(&self) -> &Office {
        self.local.office()
    }

    pub fn add_meter(&self, no: &str) {
        let mut new = NewMeter::new(meter(no), account(), "Zhang San", "B2 1203");
        new.count = PurchaseCount(COUNT);
        self.local.wait(self.office().add_meters(&[new])).unwrap();
    }

    /// Settles a token; somebody has read the meter, and its record of the token's step, if it came
    /// so far, has another amount.
    pub fn settle(
        &self,
        token: TokenId,
        verdict: Verdict,
        reason: &str,
    ) -> Result<TokenState, OfficeError> {
        let other = MeterShows { count: PurchaseCount(u32::MAX), record: Some(-1) };
        self.local.wait(self.office().settle_proved(token, verdict, (reason, Some(other))))
    }

    pub fn issue_to(&self, device_name: &str, no: &str, amount: i64) -> Issued {
        let order = Order { meter: meter(no), amount, device: device(device_name), days: 3 };
        self.local.wait(self.office().issue(&order)).unwrap()
    }

    /// An enrolment file for a new handheld without operators.
    pub fn file(&self, name: &str, url: &str) -> Vec<u8> {
        self.local.wait(self.office().offer(&Offer::new(&device(name), url))).unwrap().file
    }

    pub fn offer(&self, name: &str, url: &str) -> Enrolling {
        Enrolling::read(&self.file(name, url)).unwrap()
    }

    /// A new handheld, enrolled in process.
    pub fn handheld(&self, name: &str) -> Handheld {
        self.enrol(&self.offer(name, "http://127.0.0.1:1"))
    }

    /// The same with a file that was made.
    pub fn enrol(&self, enrolling: &Enrolling) -> Handheld {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::clone(&self.clock);
        let stamp = stamp(clock.load(Ordering::Relaxed));
        let store = enrol_over(dir.path(), &store_key(), enrolling, &stamp, &self.post()).unwrap();
        Handheld { store, clock, dir }
    }

    /// Enters an operator.
    pub fn hire(&self, name: &str, role: Role) {
        let new = NewOperator::new(operator(name), "Li Na", role);
        self.local.wait(self.office().add_operator(&new)).unwrap();
    }

    pub fn grant(&self, name: &str, device_name: &str) -> Granted {
        self.local.wait(self.office().grant(&operator(name), &device(device_name))).unwrap()
    }

    /// The way to the office without a socket.
    pub fn post(&self) -> impl Post {
        |path: &str, body: &[u8]| {
            let answer = self.local.answer(path, body);
            answer.map_err(|error| SyncError::Unreachable(error.to_string()))
        }
    }

    pub fn report(&self) -> LedgerReport {
        let report = self.local.wait(self.office().report()).unwrap();
        assert!(report.sound(), "the ledger must be sound at any time: {report:?}");
        report
    }

    /// Classes of everything open for a person, sorted.
    pub fn open_classes(&self) -> Vec<String> {
        let rows = self.local.wait(self.office().reviews(false)).unwrap();
        let mut classes: Vec<_> = rows.into_iter().map(|row| row.class).collect();
        classes.sort();
        classes
    }
}

/// How many tokens are in a state, and what lies in a place.
pub fn figure(report: &LedgerReport, name: &str) -> i64 {
    let tokens = report.tokens.iter().find(|(state, _)| *state == name);
    let place = report.balances.iter().find(|b| b.place == name && b.unit == CreditUnit::Yuan);
    tokens.map(|(_, n)| *n as i64).or(place.map(|b| b.amount)).unwrap_or(0)
}

pub fn stamp(at: i64) -> Stamp {
    Stamp { at: UnixSeconds(at), boot_ms: 1000, operator: "li".to_owned() }
}

/// A handheld with a real store.
pub struct Handheld {
    pub store: Store,
    pub clock: Arc<AtomicI64>,
    pub dir: tempfile::TempDir,
}

impl Handheld {
    /// A second one with a copy of everything this one has on disk now.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        crate::support::folders::copy(self.dir.path(), dir.path());
        // The index is only a view; a copy taken while it was open is built again.
        let _ = std::fs::remove_dir_all(dir.path().join("index"));
        let (store, _) = Store::open(dir.path(), &store_key()).unwrap();
        Self { store, clock: Arc::clone(&self.clock), dir }
    }

    pub fn key(&self) -> DeviceKey {
        DeviceKey::generate(self.store.identity().device_seed)
    }

    pub fn stamp(&self) -> Stamp {
        stamp(self.clock.load(Ordering::Relaxed))
    }

    pub fn sync(&self, post: &dyn Post) -> Result<SyncReport, SyncError> {
        let cancel = AtomicBool::new(false);
        let stamp = || self.stamp();
        let session =
            Session { store: &self.store, key: &self.key(), post, stamp: &stamp, cancel: &cancel };
        session.run(&mut |_| {})
    }

    /// Writes an intent for a token into the journal.
    pub fn intent(&self, token: TokenId) {
        let facts = self.store.token(token).unwrap().facts;
        let before = evidence(facts.meter, facts.count_before.0, 0, None);
        self.store.intent(&self.stamp(), facts.intent(), before, &Bounds::NONE).unwrap();
    }

    pub fn append(&self, event: Event) {
        self.store.append(&self.stamp(), event).unwrap();
    }

    /// Writes the outcome of an open intent.
    pub fn outcome(&self, token: TokenId, decision: Decision) {
        let facts = self.store.token(token).unwrap().facts;
        let judgement = judgement(decision, facts.meter, facts.count_before.0, facts.credit.value);
        self.store.outcome(&self.stamp(), token, judgement).unwrap();
    }

    pub fn recharge(&self, token: TokenId, decision: Decision) {
        self.intent(token);
        self.outcome(token, decision);
    }
}

/// What a meter of the desk shows at a count.
pub fn evidence(no: MeterNo, count: u32, balance: i64, record: Option<PurchaseRecord>) -> Evidence {
    Evidence {
        meter: no,
        account: Some(account()),
        count: PurchaseCount(count),
        balance: Credit { value: balance, unit: CreditUnit::Yuan },
        overdraft: 0,
        last_purchase: record,
        energy: None,
        meter_clock: None,
        relay: None,
        read_at: UnixSeconds(NOW),
        frames_digest: [7; 32],
    }
}

/// A judgement as the handheld makes it, with the read-back that belongs to it.
pub fn judgement(decision: Decision, no: MeterNo, before: u32, amount: i64) -> Judgement {
    let record = |amount| PurchaseRecord {
        count: PurchaseCount(before + 1),
        amount,
        balances: Some([0, amount]),
    };
    let after = match decision {
        Decision::Confirmed => Some(evidence(no, before + 1, amount, Some(record(amount)))),
        Decision::ConfirmedWeak => Some(evidence(no, before + 1, amount, None)),
        Decision::NotApplied => Some(evidence(no, before, 0, None)),
        Decision::Raced => Some(evidence(no, before + 1, 1, Some(record(amount + 1)))),
        Decision::TornWrite => Some(evidence(no, before + 1, 0, Some(record(amount)))),
        Decision::Reset => Some(evidence(no, 0, 0, None)),
        Decision::Contradiction => Some(evidence(no, before + 2, 5, None)),
        Decision::Unreachable => None,
    };
    Judgement { decision, after, refusal_word: None }
}

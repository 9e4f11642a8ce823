//! Full circle: a real office, a real handheld's store and the real exchange make a set; it holds.

use meterkit::jobs::audit::{self, Files, Options, Reason, Verdict};
use meterkit::office::local::Local;
use meterkit::office::{
    Ended, NewMeter, NewOnline, NewOperator, Offer, Office, OnlineShown, Order, Seeds,
};
use meterkit::store::{Bounds, Event, Stamp, Store, StoreKey};
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::{Session, SyncError, enrol_over};
use meterkit::units::{
    Credit, CreditUnit, Decision, DeviceId, Energy, Evidence, Judgement, MeterNo, OperatorId,
    PurchaseCount, PurchaseRecord, Role, TokenId, UnixSeconds,
};
use meterkit_tokens::DeviceKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

const NOW: i64 = 1_790_000_000;
const METER: &str = "000000000047";
const ACCOUNT: &str = "000000123456";

/// One office, one handheld, one meter, one operator.
struct Site {
    local: Local,
    store: Store,
    clock: Arc<AtomicI64>,
    operator: OperatorId,
    _dir: tempfile::TempDir,
}

fn device() -> DeviceId {
    "hh-007".parse().unwrap()
}

fn meter() -> MeterNo {
    METER.parse().unwrap()
}

impl Site {
    fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(NOW));
        let told = Arc::clone(&clock);
        let tell = Arc::new(move || UnixSeconds(told.load(Ordering::Relaxed)));
        let seeds = Seeds::of([1; 32]);
        let local = Local::start(|| Office::in_memory("tiandi", seeds, tell)).unwrap();
        let operator: OperatorId = "op-1".parse().unwrap();
        let mut new = NewMeter::new(meter(), ACCOUNT.parse().unwrap(), "Zhang San", "B2 1203");
        new.count = PurchaseCount(5);
        let office = local.office();
        local.wait(office.add_meters(&[new])).unwrap();
        let person = NewOperator::new(operator.clone(), "Li", Role::Recharge);
        local.wait(office.add_operator(&person)).unwrap();
        let mut offer = Offer::new(&device(), "http://127.0.0.1:1");
        offer.operators.push(operator.clone());
        let offered = local.wait(office.offer(&offer)).unwrap();
        let enrolling = Enrolling::read(&offered.file).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let key = StoreKey::from_bytes([5; 32]);
        let stamp = stamp(NOW, "");
        let post = |path: &str, body: &[u8]| {
            local.answer(path, body).map_err(|error| SyncError::Unreachable(error.to_string()))
        };
        let store = enrol_over(dir.path(), &key, &enrolling, &stamp, &post).unwrap();
        let site = Self { local, store, clock, operator, _dir: dir };
        site.log_in();
        site
    }

    fn stamp(&self) -> Stamp {
        stamp(self.clock.fetch_add(1, Ordering::Relaxed), self.operator.as_str())
    }

    fn log_in(&self) {
        let software = Event::Software { version: "meterkit 0.1.0".into(), digest: [7; 32] };
        self.store.append(&self.stamp(), software).unwrap();
        let operator = self.operator.clone();
        let grant = self.store.grant(&operator).unwrap().id;
        let role = Role::Recharge;
        let log_in = Event::LoggedIn { operator, grant, role, failures: 0 };
        self.store.append(&self.stamp(), log_in).unwrap();
    }

    fn sync(&self) {
        let key = DeviceKey::generate(self.store.identity().device_seed);
        let post = |path: &str, body: &[u8]| {
            let answer = self.local.answer(path, body);
            answer.map_err(|error| SyncError::Unreachable(error.to_string()))
        };
        let (cancel, stamp) = (AtomicBool::new(false), || self.stamp());
        let session =
            Session { store: &self.store, key: &key, post: &post, stamp: &stamp, cancel: &cancel };
        session.run(&mut |_| {}).unwrap();
    }

    fn issue(&self, amount: i64) -> TokenId {
        let order = Order { meter: meter(), amount, device: device(), days: 3 };
        self.local.wait(self.local.office().issue(&order)).unwrap().id
    }

    fn show(&self, count: u32, balance: i64, record: Option<PurchaseRecord>) -> Evidence {
        Evidence {
            meter: meter(),
            account: Some(ACCOUNT.parse().unwrap()),
            count: PurchaseCount(count),
            balance: Credit { value: balance, unit: CreditUnit::Yuan },
            overdraft: 0,
            last_purchase: record,
            energy: Some(Energy(1_000)),
            meter_clock: None,
            relay: None,
            read_at: UnixSeconds(self.clock.load(Ordering::Relaxed)),
            frames_digest: [7; 32],
        }
    }

    /// A recharge that works, on a meter with a count and balance.
    fn recharge(&self, token: TokenId, count: u32, balance: i64) {
        let facts = self.store.token(token).unwrap().facts;
        let before = self.show(count, balance, None);
        self.store.intent(&self.stamp(), facts.intent(), before, &Bounds::NONE).unwrap();
        let (amount, after) = (facts.credit.value, balance + facts.credit.value);
        let record = PurchaseRecord {
            count: PurchaseCount(count + 1),
            amount,
            balances: Some([balance, after]),
        };
        let seen = Some(self.show(count + 1, after, Some(record)));
        let judgement =
            Judgement { decision: Decision::Confirmed, after: seen, refusal_word: None };
        self.store.outcome(&self.stamp(), token, judgement).unwrap();
    }

    /// The set the office writes, and what the audit says of it.
    fn audit(&self) -> (Files, Verdict) {
        let dir = tempfile::tempdir().unwrap();
        let set = dir.path().join("set");
        let report = self.local.wait(self.local.office().export_audit(&set)).unwrap();
        let files = Files::read(&set).unwrap();
        assert_eq!(report.files, files.size().0);
        let options = Options::new(self.local.office().fingerprint().parse().unwrap());
        let verdict = audit::run(&set, &options).unwrap();
        (files, verdict)
    }
}

fn stamp(at: i64, operator: &str) -> Stamp {
    Stamp { at: UnixSeconds(at), boot_ms: 1_000, operator: operator.to_owned() }
}

#[test]
fn what_an_office_exports_holds() {
    let site = Site::new();
    let (one, two) = (site.issue(3_000), site.issue(4_000));
    site.sync();
    site.recharge(one, 5, 100);
    site.sync();
    site.recharge(two, 6, 3_100);
    site.issue(5_000);
    site.sync();
    let (files, verdict) = site.audit();
    assert!(verdict.holds, "{:#?}", verdict.findings.list());
    let [sum] = verdict.examined.sums.as_slice() else { panic!("{:?}", verdict.examined.sums) };
    assert_eq!(sum.issued, (3, 12_000));
    assert_eq!((sum.parts[0], sum.parts[1]), ((2, 7_000), (1, 5_000)));
    assert_eq!(verdict.examined.journals.len(), 1);
    let missing: Vec<&str> = verdict.missing.iter().map(|missing| missing.name()).collect();
    assert_eq!(missing, ["reads", "software"]);
    // One ledger gives one set, byte for byte.
    assert_eq!(site.audit().0, files);
}

/// A recharge the office made itself is in its book, and in the list of those; without the list it
/// is a token of which nobody signed a document.
#[test]
fn recharges_from_the_office_are_part_of_the_set() {
    let site = Site::new();
    // A set without any journal shows nothing.
    site.sync();
    let new = NewOnline { meter: meter(), amount: 700, count: PurchaseCount(5) };
    let shown = OnlineShown { count: PurchaseCount(6), record: Some(700), balance: Some(800) };
    let office = site.local.office();
    let (sale, ended) = site.local.wait(office.record_online(&new, &shown)).unwrap();
    assert_eq!(ended, Ended::Applied);
    let (mut files, verdict) = site.audit();
    assert!(verdict.holds, "{:#?}", verdict.findings.list());
    let list = String::from_utf8(files.online.as_ref().unwrap().bytes.clone()).unwrap();
    assert!(list.contains(&sale.id.to_string()) && list.contains(",7.00,yuan,applied"), "{list}");
    files.online = None;
    let options = Options::new(office.fingerprint().parse().unwrap());
    let verdict = audit::audit(&files, &options).unwrap();
    assert!(!verdict.holds, "a book with more than was signed for");
}

#[test]
fn a_set_is_written_into_an_empty_folder_only() {
    let site = Site::new();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("other"), b"x").unwrap();
    assert!(site.local.wait(site.local.office().export_audit(dir.path())).is_err());
}

/// The same set with one receipt of the office gone wrong: the office cannot change what it signed.
#[test]
fn an_exported_set_that_was_altered_does_not_hold() {
    let site = Site::new();
    let one = site.issue(3_000);
    site.sync();
    site.recharge(one, 5, 100);
    site.sync();
    let (mut files, _) = site.audit();
    let bytes = &mut files.receipts[0].1[0].bytes;
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    let options = Options::new(site.local.office().fingerprint().parse().unwrap());
    let verdict = audit::audit(&files, &options).unwrap();
    assert!(!verdict.holds);
    assert_eq!(verdict.findings.count(Reason::ReceiptBad), 1);
}

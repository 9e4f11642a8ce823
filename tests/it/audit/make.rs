//! Makes audit sets: an office with its keys, handhelds with their journals, meters that are
//! recharged. Deterministic; a test changes the plan and has everything signed anew, as somebody
//! who holds the keys would.

use meterkit::store::records::encode_body;
use meterkit::store::{Event, Reading, Stamp, TokenFacts};
use meterkit::units::{
    AccountNo, Credit, CreditUnit, Decision, DeviceId, Energy, Evidence, Judgement, MeterNo,
    OperatorId, PurchaseCount, PurchaseRecord, Role, TokenId, UnixSeconds, Verb, Verbs,
};
use meterkit_tokens::{
    Caps, DeviceKey, DocType, Grant, Issuer, KeyRecord, Keyset, Kind, RechargeToken, Root, Unit,
};

/// Where every plan begins.
pub const START: i64 = 1_790_000_000;
/// Whose it is.
pub const TENANT: &str = "east-grid";
/// A grant lasts this long.
const GRANT_S: i64 = 399 * 86_400;

/// The office's keys and documents.
pub struct Office {
    /// Versions 1 and 2, each with the keys that sign it.
    pub roots: Vec<(Root, Vec<Issuer>)>,
    /// Keysets, each with the key that signs it.
    pub keysets: Vec<(Keyset, Issuer)>,
    /// Signs tokens and answers.
    pub issuer: Issuer,
}

/// A key pair by number.
pub fn key(number: u8) -> Issuer {
    Issuer::from_seed([number; 32])
}

/// A root of these keys, signed by 1 and 2.
pub fn root(version: u64, keys: &[u8]) -> (Root, Vec<Issuer>) {
    let root = Root {
        tenant: TENANT.into(),
        version,
        issued: START - 1000 + version as i64,
        not_before: START - 1000,
        expires: START + 2 * 365 * 86_400,
        keys: keys.iter().map(|number| key(*number).public()).collect(),
        threshold: 2,
        keyset_keys: vec![key(10).public()],
    };
    // Two of its own keys, and two of the keys before: 1 and 2 are in both.
    (root, vec![key(1), key(2)])
}

/// A keyset that names these keys for everything the office signs.
pub fn keyset(version: u64, keys: &[u8]) -> Keyset {
    let record = |number: &u8| KeyRecord {
        key: key(*number).public(),
        not_before: START - 1000,
        not_after: START + GRANT_S * 2,
        types: vec![
            DocType::Recharge,
            DocType::Receipt,
            DocType::Grant,
            DocType::Override,
            DocType::Bundle,
            DocType::Status,
        ],
        max_amount: Some(1_000_000),
    };
    Keyset {
        tenant: TENANT.into(),
        version,
        issued: START - 900 + version as i64,
        not_before: START - 900,
        expires: START + 90 * 86_400,
        keys: keys.iter().map(record).collect(),
        revoked: Vec::new(),
    }
}

/// One handheld and what it wrote.
pub struct Handheld {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: DeviceKey,
    /// Which life of the journal.
    pub epoch: u32,
    /// The journal: time, operator, event.
    pub entries: Vec<(i64, String, Event)>,
    /// Last entries for which there is no receipt.
    pub uncovered: usize,
}

/// A meter as it stands.
#[derive(Clone)]
pub struct Meter {
    /// Its number.
    pub no: MeterNo,
    /// Its account.
    pub account: AccountNo,
    /// Its count.
    pub count: u32,
    /// Its balance, fen.
    pub balance: i64,
    /// What it measured.
    pub energy: i64,
    /// Its last purchase.
    pub last: Option<PurchaseRecord>,
}

impl Meter {
    /// Meter number `no`, opened and never recharged.
    pub fn new(no: u64) -> Self {
        Self {
            no: no.to_string().parse().unwrap(),
            account: (no + 500_000).to_string().parse().unwrap(),
            count: 3,
            balance: 5_000,
            energy: 100_000,
            last: None,
        }
    }

    /// What it shows at a time.
    pub fn show(&self, at: i64) -> Evidence {
        Evidence {
            meter: self.no,
            account: Some(self.account),
            count: PurchaseCount(self.count),
            balance: Credit { value: self.balance, unit: CreditUnit::Yuan },
            overdraft: 0,
            last_purchase: self.last,
            energy: Some(Energy(self.energy)),
            meter_clock: Some(UnixSeconds(at + 8 * 3600 + 7)),
            relay: None,
            read_at: UnixSeconds(at),
            frames_digest: [6; 32],
        }
    }

    /// Takes a credit.
    pub fn credit(&mut self, amount: i64) {
        self.count += 1;
        let (count, before) = (PurchaseCount(self.count), self.balance);
        self.balance += amount;
        self.last = Some(PurchaseRecord { count, amount, balances: Some([before, self.balance]) });
    }

    /// A day goes by.
    pub fn consume(&mut self) {
        self.energy += 900;
        self.balance -= 500;
    }
}

/// A token for the meter's next step.
pub fn token(
    meter: &Meter,
    ahead: u32,
    seq: u64,
    device: &str,
    amount: i64,
    at: i64,
) -> RechargeToken {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    id[10..].copy_from_slice(&meter.no.bcd());
    RechargeToken {
        tenant: TENANT.into(),
        meter: meter.no.bcd(),
        device: device.into(),
        expires: at + 3 * 86_400,
        not_before: at,
        issued: at,
        id,
        kind: Kind::Recharge,
        amount,
        unit: Unit::Yuan,
        count: meter.count + ahead,
        seq,
        order: [0; 8],
        account: meter.account.bcd(),
        caps: 0,
        max_balance: None,
        undoes: None,
    }
}

/// The handheld's judgement.
pub fn judgement(decision: Decision, after: Evidence) -> Judgement {
    Judgement { decision, after: Some(after), refusal_word: None }
}

impl Handheld {
    /// A handheld with one operator logged in.
    pub fn new(number: u8, grant: &Grant, signed: Vec<u8>) -> Self {
        let name = format!("hh-{number:03}");
        let device: DeviceId = name.parse().unwrap();
        let operator: OperatorId = grant.operator.parse().unwrap();
        let mut own = Self {
            name,
            key: DeviceKey::generate([100 + number; 32]),
            epoch: 1,
            entries: Vec::new(),
            uncovered: 0,
        };
        let (tenant, office) = (TENANT.to_owned(), "https://office.example".to_owned());
        own.add(START, "", Event::Enrolled { tenant, device, office });
        let id = TokenId(grant.id);
        let (issued, expires) = (UnixSeconds(grant.issued), UnixSeconds(grant.expires));
        let taken =
            Event::GrantTaken { id, operator: operator.clone(), issued, expires, bytes: signed };
        own.add(START + 1, "", taken);
        own.add(START + 2, operator.as_str(), software());
        let role = Role::Recharge;
        let log_in = Event::LoggedIn { operator, grant: id, role, failures: 0 };
        own.add(START + 3, &grant.operator, log_in);
        own
    }

    /// Writes an entry.
    pub fn add(&mut self, at: i64, operator: &str, event: Event) {
        self.entries.push((at, operator.to_owned(), event));
    }

    /// Takes a token in.
    pub fn import(&mut self, at: i64, operator: &str, token: &RechargeToken, issuer: &Issuer) {
        let bytes = issuer.recharge(token).unwrap();
        let token = TokenFacts::of(token).unwrap();
        self.add(at, operator, Event::TokenImported { token, bytes });
    }

    /// Begins a recharge.
    pub fn intent(&mut self, at: i64, operator: &str, token: &RechargeToken, meter: &Meter) {
        let facts = TokenFacts::of(token).unwrap().intent();
        self.add(at, operator, Event::Intent { facts, before: meter.show(at) });
    }

    /// Ends one.
    pub fn outcome(&mut self, at: i64, operator: &str, token: &RechargeToken, says: Judgement) {
        let meter = MeterNo::from_bcd(token.meter).unwrap();
        let outcome = Event::Outcome { token: TokenId(token.id), meter, judgement: says };
        self.add(at, operator, outcome);
    }

    /// A whole recharge that works.
    pub fn recharge(&mut self, at: i64, operator: &str, token: &RechargeToken, meter: &mut Meter) {
        self.intent(at, operator, token, meter);
        meter.credit(token.amount);
        let says = judgement(Decision::Confirmed, meter.show(at + 5));
        self.outcome(at + 5, operator, token, says);
    }

    /// Its journal's records, chained.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let body = |(seq, (at, operator, event)): (u64, &(i64, String, Event))| {
            let (at, boot_ms) = (UnixSeconds(*at), seq * 1000);
            encode_body(seq, &Stamp { at, boot_ms, operator: operator.clone() }, event)
        };
        (1..).zip(&self.entries).map(body).collect()
    }
}

/// The program that is allowed.
pub fn software() -> Event {
    Event::Software { version: "meterkit 0.1.0".into(), digest: [0xab; 32] }
}

/// A grant for one operator on one handheld.
pub fn grant(number: u8) -> Grant {
    Grant {
        tenant: TENANT.into(),
        operator: format!("op-{number}"),
        device: format!("hh-{number:03}"),
        issued: START - 10,
        not_before: START - 10,
        expires: START + GRANT_S,
        id: [number; 16],
        name: "Ann Example".into(),
        role: Role::Recharge.number(),
        verbs: Verbs::of(&[Verb::Read, Verb::Recharge, Verb::Import]).bits(),
        areas: Vec::new(),
        meters: Vec::new(),
        caps: Caps::MOST,
        shift_s: 43_200,
        activation: [0; 32],
    }
}

/// A reading of a meter.
pub fn reading(meter: &Meter, at: i64) -> Event {
    Event::Reading(Reading {
        meter: meter.no,
        items: vec![(0x0001_0000, vec![1, 2, 3, 4]), (0x0090_0200, vec![5, 6, 7, 8])],
        evidence: Some(meter.show(at)),
        shown: None,
        read_at: UnixSeconds(at),
        took_ms: 900,
        frames_digest: [5; 32],
        profile: String::new(),
        values: Vec::new(),
    })
}

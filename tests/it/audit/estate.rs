//! A whole estate: issued tokens, handhelds, tables; everything signed and laid out as files.

use super::make::{
    Handheld, Meter, Office, START, TENANT, grant, judgement, key, keyset, reading, root, token,
};
use meterkit::jobs::audit::Files;
use meterkit::jobs::audit::files::{Raw, join};
use meterkit::store::{Event, LogOut, ShiftSummary};
use meterkit::sync::wire::{Ask, EntryOutcome, Pack, Position, Receipt, Request, chain};
use meterkit::units::{Decision, TokenId, UnixSeconds};
use meterkit_tokens::{DeviceDoc, DocType, Grant, RechargeToken, Root, SwapToken};

/// A whole estate.
pub struct Plan {
    /// The office.
    pub office: Office,
    /// What it issued.
    pub tokens: Vec<RechargeToken>,
    /// Leaves for swaps.
    pub leaves: Vec<SwapToken>,
    /// Operators' grants.
    pub grants: Vec<Grant>,
    /// The handhelds.
    pub handhelds: Vec<Handheld>,
    /// Rows of `reads/`.
    pub reads: Vec<String>,
    /// Rows of `swaps/`.
    pub swaps: Vec<String>,
    /// Rows of `ledger.csv`.
    pub ledger: Vec<String>,
    /// Rows of `software.csv`.
    pub software: Vec<String>,
    /// Entries in a pack.
    pub pack: usize,
}

impl Plan {
    /// Handhelds with `meters` meters each, each meter recharged `rounds` times, a day between. One
    /// recharge in ten needs a second try; every meter has one token that is not used.
    pub fn clean(handhelds: u8, meters: u64, rounds: u64) -> Self {
        let office = Office {
            roots: vec![root(1, &[1, 2, 3]), root(2, &[1, 2, 4])],
            keysets: vec![(keyset(1, &[20]), key(10)), (keyset(2, &[20, 21]), key(10))],
            issuer: key(20),
        };
        let mut plan = Self {
            office,
            tokens: Vec::new(),
            leaves: Vec::new(),
            grants: Vec::new(),
            handhelds: Vec::new(),
            reads: vec!["time,meter,account,count,balance,unit,record_count,record_amount".into()],
            swaps: Vec::new(),
            ledger: vec!["token,state,amount,unit,decided".into()],
            software: vec!["version,sha256".into(), format!("meterkit 0.1.0,{}", "ab".repeat(32))],
            pack: 50,
        };
        for number in 1..=handhelds {
            plan.handheld(number, meters, rounds);
        }
        plan
    }

    fn handheld(&mut self, number: u8, meters: u64, rounds: u64) {
        let grant = grant(number);
        let signed = self.office.issuer.grant(&grant).unwrap();
        let mut own = Handheld::new(number, &grant, signed);
        let first = 1_000_000 * u64::from(number);
        let mut all: Vec<Meter> = (0..meters).map(|at| Meter::new(first + at)).collect();
        let pause = (86_000 / (meters as i64 * 10).max(1)).clamp(1, 600);
        let mut at = START + 100;
        let operator = grant.operator.clone();
        for round in 0..rounds {
            at = at.max(START + 100 + 86_400 * round as i64);
            for meter in &mut all {
                at += pause;
                let ours = token(meter, 0, round + 1, &own.name, 2_000 + round as i64, at);
                own.import(at, &operator, &ours, &self.office.issuer);
                own.add(at + 1, &operator, reading(meter, at + 1));
                if (self.tokens.len() + 1).is_multiple_of(10) {
                    own.intent(at + 2, &operator, &ours, meter);
                    let says = judgement(Decision::NotApplied, meter.show(at + 3));
                    own.outcome(at + 3, &operator, &ours, says);
                }
                own.recharge(at + 4, &operator, &ours, meter);
                self.book(&ours, "applied");
                self.tokens.push(ours);
                meter.consume();
                at += 10;
            }
        }
        for meter in &all {
            at += pause;
            let spare = token(meter, 0, rounds + 1, &own.name, 7_000, at);
            own.import(at, &operator, &spare, &self.office.issuer);
            self.book(&spare, "delivered");
            self.tokens.push(spare);
            let last = meter.last.map_or((0, 0), |last| (last.count.0, last.amount));
            let amount = format!("{}.{:02}", last.1 / 100, last.1 % 100);
            let (no, account, count) = (meter.no, meter.account, meter.count);
            let row = format!("{},{no},{account},{count},,yuan,{},{amount}", at + 900, last.0);
            self.reads.push(row);
        }
        let shift = ShiftSummary::default();
        let out =
            Event::LoggedOut { operator: operator.parse().unwrap(), why: LogOut::Asked, shift };
        own.add(at + 1, &operator, out);
        self.grants.push(grant);
        self.handhelds.push(own);
    }

    /// Writes a token into the office's book.
    pub fn book(&mut self, token: &RechargeToken, state: &str) {
        let (id, amount) = (TokenId(token.id), token.amount);
        self.ledger.push(format!("{id},{state},{}.{:02},yuan,", amount / 100, amount % 100));
    }

    /// The hash of the first root document.
    pub fn root_hash(&self) -> String {
        meterkit::jobs::audit::hex(&self.office.roots[0].0.hash().unwrap())
    }

    /// Signs everything and lays it out as files.
    pub fn files(&self) -> Files {
        let mut files = Files::default();
        for (root, signers) in &self.office.roots {
            let docs: Vec<Vec<u8>> = signers.iter().map(|key| key.root(root).unwrap()).collect();
            files.roots.push(raw(format!("roots/{}.rk", root.version), Root::join(&docs)));
        }
        for (keyset, key) in &self.office.keysets {
            let name = format!("keysets/{}.ks", keyset.version);
            files.keysets.push(raw(name, key.keyset(keyset).unwrap()));
        }
        let tokens: Vec<Vec<u8>> =
            self.tokens.iter().map(|token| self.office.issuer.recharge(token).unwrap()).collect();
        files.tokens.push(raw("tokens/all.tokens".into(), joined(&tokens)));
        for (at, leave) in self.leaves.iter().enumerate() {
            let bytes = self.office.issuer.swap(leave).unwrap();
            files.tokens.push(raw(format!("tokens/{at}.sw"), bytes));
        }
        for (at, grant) in self.grants.iter().enumerate() {
            let bytes = self.office.issuer.grant(grant).unwrap();
            files.tokens.push(raw(format!("tokens/{at}.og"), bytes));
        }
        for handheld in &self.handhelds {
            self.journal(handheld, &mut files);
        }
        files.reads.push(table("reads/remote.csv", &self.reads));
        if !self.swaps.is_empty() {
            files.swaps.push(table("swaps/swaps.csv", &self.swaps));
        }
        files.ledger = Some(table("ledger.csv", &self.ledger));
        files.software = Some(table("software.csv", &self.software));
        files
    }

    fn journal(&self, handheld: &Handheld, files: &mut Files) {
        let whose = format!("{}-{}", handheld.name, handheld.epoch);
        let public = meterkit::jobs::audit::hex(&handheld.key.public().bytes());
        files.devices.push(raw(format!("devices/{whose}.key"), public.into_bytes()));
        let (mut packs, mut receipts) = (Vec::new(), Vec::new());
        let (mut hash, mut first) = ([9; 32], 1);
        let bodies = handheld.bodies();
        let covered = bodies.len() - handheld.uncovered;
        for part in bodies.chunks(self.pack) {
            let before = hash;
            hash = part.iter().fold(hash, |hash, body| chain(&hash, body));
            packs.push(pack(handheld, first, before, hash, part));
            let last = first + part.len() as u64 - 1;
            if last <= covered as u64 {
                let at = handheld.entries[last as usize - 1].0 + 60;
                let number = receipts.len() as u64 + 1;
                let acked = Position { epoch: handheld.epoch, seq: last, hash };
                receipts.push(self.receipt(&handheld.name, number, (first, last), acked, at));
            }
            first = last + 1;
        }
        let name = format!("journals/{whose}/0001.mkp");
        files.journals.push((whose, vec![raw(name, joined(&packs))]));
        let name = format!("receipts/{}/0001.rc", handheld.name);
        files.receipts.push((handheld.name.clone(), vec![raw(name, joined(&receipts))]));
    }

    /// A receipt.
    pub fn receipt(
        &self,
        device: &str,
        number: u64,
        (first, last): (u64, u64),
        acked: Position,
        at: i64,
    ) -> Vec<u8> {
        let outcomes = (first..=last).map(|_| EntryOutcome::Noted);
        let receipt = Receipt {
            device: device.parse().unwrap(),
            number,
            first,
            last,
            acked,
            at: UnixSeconds(at),
            runs: Receipt::runs_of(outcomes),
        };
        self.office.issuer.sign(DocType::Receipt, TENANT, receipt.payload()).unwrap()
    }
}

/// A pack as the handheld sends it.
pub fn pack(
    handheld: &Handheld,
    first: u64,
    before: [u8; 32],
    hash: [u8; 32],
    bodies: &[Vec<u8>],
) -> Vec<u8> {
    let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    let request = Request {
        device: handheld.name.parse().unwrap(),
        nonce: [first as u8; 16],
        at: UnixSeconds(START),
        ask: Ask::Pack(Pack::of(handheld.epoch, first, before, hash, &bodies).unwrap()),
    };
    handheld.key.sign(DeviceDoc::Pack, TENANT, request.payload()).unwrap()
}

/// A file.
pub fn raw(name: String, bytes: Vec<u8>) -> Raw {
    Raw { name, bytes }
}

/// One file of many documents.
pub fn joined(documents: &[Vec<u8>]) -> Vec<u8> {
    join(documents.iter().map(Vec::as_slice))
}

fn table(name: &str, rows: &[String]) -> Raw {
    raw(name.to_owned(), rows.join("\n").into_bytes())
}

/// Writes a set to a folder.
pub fn write(files: &Files, dir: &std::path::Path) {
    let flat = [&files.roots, &files.keysets, &files.tokens, &files.devices, &files.status];
    let flat = flat.into_iter().chain([&files.reads, &files.swaps]).flatten();
    let nested = files.journals.iter().chain(&files.receipts).flat_map(|(_, files)| files);
    let single = files.software.iter().chain(&files.ledger);
    for raw in flat.chain(nested).chain(single) {
        let path = dir.join(&raw.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &raw.bytes).unwrap();
    }
}

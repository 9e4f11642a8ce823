//! A store as a busy handheld has it after years: many meters, tokens and entries.
//!
//! Shared by the benches and tests that need one (`#[path]`). It is filled without forcing the
//! disk, which only the making may do: the result is an ordinary store.

use meterkit::store::disk::{Disk, DiskFile, DiskLock, RealDisk};
use meterkit::store::{
    AreaMeter, AreaPage, Event, Identity, Options, Reading, Stamp, Store, StoreKey, TokenFacts,
};
use meterkit::units::{Credit, CreditUnit, Evidence, MeterNo, PurchaseCount, TokenId, UnixSeconds};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    pub meters: u64,
    pub tokens: u64,
    /// Journal entries in all; the tokens' imports are among them.
    pub events: u64,
}

/// The size the start-up targets are stated for.
#[allow(dead_code, reason = "each including target picks its own size")]
pub const BIG: Population = Population { meters: 100_000, tokens: 10_000, events: 50_000 };

/// The real disk, without waiting for it.
#[derive(Debug)]
struct Unforced;

#[derive(Debug)]
struct UnforcedFile(Box<dyn DiskFile>);

impl DiskFile for UnforcedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }
    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.0.allocate(bytes)
    }
}

impl Disk for Unforced {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(UnforcedFile(RealDisk.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(UnforcedFile(RealDisk.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.make_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        RealDisk.lock(path)
    }
    fn free(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free(path)
    }
}

/// The `n`th meter.
pub fn meter(n: u64) -> MeterNo {
    format!("{:012}", 20_000_000_000 + n * 7).parse().expect("twelve digits")
}

fn reading(n: u64, meters: u64) -> Reading {
    let no = meter(n * 31 % meters.max(1));
    let evidence = Evidence {
        meter: no,
        account: no.to_string().parse().ok(),
        count: PurchaseCount((n % 40) as u32),
        balance: Credit { value: (n % 9_000) as i64, unit: CreditUnit::Yuan },
        overdraft: 0,
        last_purchase: None,
        energy: None,
        meter_clock: Some(UnixSeconds(n as i64)),
        relay: None,
        read_at: UnixSeconds(n as i64),
        frames_digest: [n as u8; 32],
    };
    Reading {
        meter: no,
        items: (0..10).map(|i| (0x0001_0000 + i, vec![n as u8; 4])).collect(),
        evidence: Some(evidence),
        read_at: UnixSeconds(n as i64),
        took_ms: 1_400,
        frames_digest: [1; 32],
        profile: String::new(),
        values: Vec::new(),
        shown: None,
    }
}

fn token(n: u64, meters: u64) -> TokenFacts {
    let no = meter(n * 3 % meters.max(1));
    let mut id = [0x70; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    TokenFacts {
        act: meterkit::units::Act::Recharge,
        id: TokenId(id),
        meter: no,
        account: no.to_string().parse().expect("twelve digits"),
        count_before: PurchaseCount(3),
        credit: Credit { value: 5_000, unit: CreditUnit::Yuan },
        seq: n,
        order: n.to_be_bytes(),
        not_before: UnixSeconds(0),
        issued: UnixSeconds(0),
        expires: UnixSeconds(i64::MAX),
        caps: 0,
        max_balance: None,
    }
}

/// Its tokens and their documents, which are as long as real ones.
pub fn tokens(size: Population) -> Vec<(TokenFacts, Vec<u8>)> {
    (0..size.tokens).map(|n| (token(n, size.meters), vec![n as u8; 229])).collect()
}

fn pages(meters: u64) -> Vec<AreaPage> {
    let line = |n: u64| AreaMeter {
        no: meter(n),
        account: meter(n).to_string().parse().ok(),
        customer: format!("Customer {n:06}"),
        location: format!("Street {}, house {}", n / 100, n % 100),
        profile: "dlt645-2007-prepaid".into(),
        area: "east".into(),
        place: Default::default(),
    };
    let all: Vec<AreaMeter> = (0..meters).map(line).collect();
    all.chunks(1_000).map(|c| AreaPage { signed: vec![0; 64], meters: c.to_vec() }).collect()
}

/// Makes the store in a folder, sealed with a key, and closes it again.
pub fn populate(dir: &Path, identity: Identity, key: &StoreKey, size: Population) {
    let options = Options { disk: Arc::new(Unforced), ..Options::default() };
    let stamp = Stamp { at: UnixSeconds(1_000), boot_ms: 0, operator: "ann".into() };
    let store = Store::create_with(dir, identity, &stamp, key, options).expect("a new store");
    store.install_area(1, &pages(size.meters)).expect("the area list");
    let taken = store.import_all(&stamp, tokens(size));
    assert!(taken.iter().all(Result::is_ok), "a token");
    // The enrolment is an entry too.
    for n in size.tokens + 1..size.events {
        store.append(&stamp, Event::Reading(reading(n, size.meters))).expect("a reading");
    }
    store.flush();
}

//! A district under load: an office's folder, its database in a cluster of PostgreSQL, several real
//! `meterkit-office serve` processes on it, and handhelds that bring their journals over loopback,
//! each from an address of its own. The suite runs a small one, `tests/bench/office.rs` a large
//! one.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use meterkit::office::local::Local;
use meterkit::office::{Cost, LedgerReport, Offer, Office, Purpose, Setup};
use meterkit::store::{Event, Position, Stamp, TokenFacts, records};
use meterkit::sync::SyncError;
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::plan::{Limits, cut};
use meterkit::sync::wire::{self, Ask, Pack, Request, chain};
use meterkit::units::{
    Act, Credit, CreditUnit, Decision, DeviceId, Evidence, Judgement, MeterNo, PurchaseCount,
    PurchaseRecord, TokenId, UnixSeconds,
};
use meterkit_tokens::DeviceKey;
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const TENANT: &str = "district";
const PASSPHRASE: &str = "a passphrase for the load";
const AMOUNT: i64 = 100;
/// Entries of one recharge: token, reading, intent, outcome, time.
pub const ENTRIES: usize = 5;
/// Recharges after which the journal shows a receipt: a handheld that hears from its office.
const BETWEEN_RECEIPTS: usize = 25;
/// Every fifth pack is sent again, to all processes at once.
const AGAIN: usize = 5;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Handhelds.
    pub devices: usize,
    /// Recharges in the journal of each.
    pub recharges: usize,
    /// Meters each of them goes to.
    pub meters: usize,
    /// Partitions of the ledger; 0 for none.
    pub partitions: u16,
}

impl Size {
    /// Recharges altogether.
    pub fn tokens(&self) -> usize {
        self.devices * self.recharges
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Numbers that do not compress, as digests and signatures do not; the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // xorshift64 (Marsaglia 2003), of 13, 7, 17.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// A journal on its way to the office.
pub struct Handheld {
    /// Where its requests come from: the office counts requests by address.
    from: Ipv4Addr,
    /// Its packs, each one signed request.
    pub packs: Vec<Vec<u8>>,
    /// How many entries are in its journal.
    pub entries: usize,
}

/// An office with its handhelds enrolled and their tokens issued.
pub struct District {
    dir: tempfile::TempDir,
    /// The office in this process.
    pub local: Local,
    /// The journals to be brought.
    pub handhelds: Arc<Vec<Handheld>>,
    size: Size,
    sent: Arc<AtomicUsize>,
}

fn meter_no(device: usize, meter: usize) -> MeterNo {
    format!("{:012}", device * 100_000 + meter + 1).parse().unwrap()
}

fn token_id(device: usize, recharge: usize) -> TokenId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&(device as u32).to_be_bytes());
    id[4..8].copy_from_slice(&(recharge as u32).to_be_bytes());
    id[6] = 0x70 | id[6] & 0x0f;
    id[8] = 0x80;
    id[12..].copy_from_slice(&(recharge as u32).to_be_bytes());
    TokenId(id)
}

impl District {
    /// Makes one in an empty place of PostgreSQL.
    pub fn found(url: &str, size: Size) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("office");
        std::fs::write(dir.path().join("pass"), format!("{PASSPHRASE}\n")).unwrap();
        let local = Local::start(|| async {
            let setup = Setup { cost: Cost::TEST, ..Setup::usual(TENANT) };
            let ask = |_: &str, _: bool| Ok(SecretString::from(PASSPHRASE));
            let office = Office::init_on(&folder, Some(url), &setup, &ask).await?;
            if size.partitions > 0 {
                office.partition(size.partitions).await?;
            }
            office.unlock(&[Purpose::Status, Purpose::People, Purpose::Recovery], &ask)?;
            Ok(office)
        });
        let local = local.unwrap();
        let start = now();
        let names: Vec<DeviceId> =
            (0..size.devices).map(|n| format!("hh-{n}").parse().unwrap()).collect();
        let mut keys = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let file = local.wait(local.office().offer(&Offer::new(name, "http://127.0.0.1:1")));
            let enrolling = Enrolling::read(&file.unwrap().file).unwrap();
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&(n as u64).to_be_bytes());
            let post = |path: &str, body: &[u8]| {
                let answer = local.answer(path, body);
                answer.map_err(|error| SyncError::Unreachable(error.to_string()))
            };
            enrolling.introduce(seed, &stamp(start), &post).unwrap();
            keys.push(DeviceKey::generate(seed));
        }
        local.wait(issue(url, size, start));
        let handhelds = (0..size.devices)
            .map(|n| journal(n, names[n].clone(), &keys[n], size, start))
            .collect();
        Self { dir, local, handhelds: Arc::new(handhelds), size, sent: Arc::default() }
    }

    /// Starts a server on the same folder and database.
    pub fn serve(&self) -> Server {
        Server::start(&self.dir.path().join("office"), &self.dir.path().join("pass"))
    }

    /// Entries in all journals.
    pub fn entries(&self) -> usize {
        self.handhelds.iter().map(|handheld| handheld.entries).sum()
    }

    /// What the office holds: sound, every recharge booked once and no more.
    pub fn check(&self) -> LedgerReport {
        let report = self.local.wait(self.local.office().report()).unwrap();
        assert!(report.sound(), "{report:?}");
        let tokens = self.size.tokens() as u64;
        let of = |state| report.tokens.iter().find(|(name, _)| *name == state).unwrap().1;
        assert_eq!(of("applied"), tokens, "every recharge is booked");
        assert_eq!(report.postings, 4 * tokens, "two legs when issued, two when applied, once");
        let reviews = self.local.wait(self.local.office().reviews(false)).unwrap();
        assert_eq!((report.reviews, reviews.first()), (0, None), "nothing for a person");
        let devices = self.local.wait(self.local.office().devices()).unwrap();
        let held: u64 = devices.iter().map(|device| device.events).sum();
        assert_eq!(held, self.entries() as u64, "every entry is here");
        report
    }

    /// Brings all journals over `lines` connections at once, every fifth pack again to all servers
    /// at once; gives how long it took and how many packs were sent.
    pub fn bring(&self, servers: &[SocketAddr], lines: usize) -> (Duration, usize) {
        self.bring_those(servers, lines, 0..self.handhelds.len(), 0..usize::MAX)
    }

    /// The same with some packs of some handhelds.
    pub fn bring_those(
        &self,
        servers: &[SocketAddr],
        lines: usize,
        those: Range<usize>,
        packs: Range<usize>,
    ) -> (Duration, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let next = Arc::new(AtomicUsize::new(those.start));
        self.sent.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        runtime.block_on(async {
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..lines {
                let (handhelds, ports) = (Arc::clone(&self.handhelds), servers.to_vec());
                let (next, sent) = (Arc::clone(&next), Arc::clone(&self.sent));
                let (those, packs) = (those.clone(), packs.clone());
                all.spawn(async move {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(handheld) = handhelds[..those.end].get(at) else { break };
                        handheld.bring(&ports, at, packs.clone(), &sent).await;
                    }
                });
            }
            all.join_all().await;
        });
        (begun.elapsed(), self.sent())
    }

    /// Packs sent since journals were last brought.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Handheld {
    async fn bring(
        &self,
        ports: &[SocketAddr],
        at: usize,
        packs: Range<usize>,
        sent: &AtomicUsize,
    ) {
        let line = |to: usize| Line { from: self.from, to: ports[to % ports.len()], open: None };
        let (mut own, mut other) = (line(at), line(at + 1));
        let these = self.packs.iter().enumerate().skip(packs.start).take(packs.len());
        for (number, pack) in these {
            if (number + at) % AGAIN == AGAIN - 1 {
                // To both at once: which of them takes it is for the database to say.
                tokio::join!(own.post(pack, ports), other.post(pack, ports));
                sent.fetch_add(2, Ordering::Relaxed);
            } else {
                own.post(pack, ports).await;
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// One connection of HTTP, kept open.
struct Line {
    from: Ipv4Addr,
    to: SocketAddr,
    open: Option<TcpStream>,
}

impl Line {
    /// Posts a pack until it is answered; to another server, if this one is gone.
    async fn post(&mut self, body: &[u8], ports: &[SocketAddr]) {
        for turn in 0..100 {
            match self.once(body).await {
                Ok(200) => return,
                Ok(503) => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(status) => panic!("HTTP status {status}"),
                Err(_) => (self.open, self.to) = (None, ports[turn % ports.len()]),
            }
        }
        panic!("no office answers");
    }

    async fn connect(&mut self) -> std::io::Result<&mut TcpStream> {
        if self.open.is_none() {
            let socket = TcpSocket::new_v4()?;
            socket.bind((self.from, 0).into())?;
            let stream = socket.connect(self.to).await?;
            stream.set_nodelay(true)?;
            self.open = Some(stream);
        }
        Ok(self.open.as_mut().expect("opened"))
    }

    async fn once(&mut self, body: &[u8]) -> std::io::Result<u16> {
        let length = body.len();
        let path = wire::path::PACK;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: office\r\ncontent-type: application/cbor\r\n\
             content-length: {length}\r\n\r\n"
        );
        let stream = self.connect().await?;
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let (mut got, mut block) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let read = stream.read(&mut block).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            got.extend_from_slice(&block[..read]);
            let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&got[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).expect("a length");
            let length: usize = length.split("\r\n").next().unwrap().trim().parse().unwrap();
            if got.len() >= end + 4 + length {
                return Ok(head.split(' ').nth(1).unwrap().parse().unwrap());
            }
        }
    }
}

fn stamp(at: i64) -> Stamp {
    Stamp { at: UnixSeconds(at), boot_ms: 1000, operator: "li".to_owned() }
}

/// Writes what issuing leaves in the tables, many tokens at a time: what is measured is not the
/// desk. The documents themselves are of no concern to a journal.
async fn issue(url: &str, size: Size, start: i64) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let (mut meters, mut tokens) = (Vec::new(), Vec::new());
    for device in 0..size.devices {
        meters.extend((0..size.meters).map(|meter| meter_no(device, meter).to_string()));
        tokens.extend((0..size.recharges).map(|recharge| (device, recharge)));
    }
    for sql in [
        "INSERT INTO meter (meter, account, unit, customer, location, profile, area)
         SELECT m, m, 'yuan', 'Zhang San', 'B2 1203', 'dlt645-2007-c', '' FROM unnest($1) AS v(m)",
        "INSERT INTO meter_state (meter, account, count, balance, seen)
         SELECT m, m, 0, 0, 0 FROM unnest($1) AS v(m)",
    ] {
        sqlx::query(sql).bind(&meters).execute(&mut conn).await.unwrap();
    }
    let sql = "INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq,
                   order_no, issued, expires, bytes, kid, state, told, act)
               SELECT id, meter, meter, step, $5, 'yuan', device, step + 1, $6, $7, $7 + 259200,
                   $8, 'load', 'reserved', 0, 'recharge'
               FROM unnest($1, $2, $3, $4) AS v(id, meter, step, device)";
    for part in tokens.chunks(10_000) {
        let of = |what: &dyn Fn(usize, usize) -> String| -> Vec<String> {
            part.iter().map(|(device, recharge)| what(*device, *recharge)).collect()
        };
        let steps: Vec<i64> =
            part.iter().map(|(_, recharge)| (recharge / size.meters) as i64).collect();
        sqlx::query(sql)
            .bind(of(&|device, recharge| token_id(device, recharge).to_string()))
            .bind(of(&|device, recharge| meter_no(device, recharge % size.meters).to_string()))
            .bind(steps)
            .bind(of(&|device, _| format!("hh-{device}")))
            .bind(AMOUNT)
            .bind(vec![1u8; 8])
            .bind(start - size.recharges as i64)
            .bind(Noise(9).bytes::<229>().to_vec())
            .execute(&mut conn)
            .await
            .unwrap();
    }
    for (leg, place, sign) in [(0i64, "customer", -1i64), (1, "in-transit", 1)] {
        let sql = "INSERT INTO posting (op, leg, token, meter, account, place, unit, amount, at)
                   SELECT 'issue:' || id, $1, id, meter, account, $2, unit, $3 * amount, issued
                   FROM token";
        let legs = sqlx::query(sql).bind(leg).bind(place).bind(sign);
        legs.execute(&mut conn).await.unwrap();
    }
    sqlx::raw_sql("ANALYZE").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Writes the journal of one handheld, of a day that is over, and cuts it into signed packs.
fn journal(n: usize, device: DeviceId, key: &DeviceKey, size: Size, start: i64) -> Handheld {
    let mut noise = Noise(n as u64 + 1);
    let first: [u8; 32] = noise.bytes();
    let (mut bodies, mut hashes): (Vec<Vec<u8>>, Vec<[u8; 32]>) = (Vec::new(), Vec::new());
    let mut write = |at: i64, event: &Event| -> Position {
        let body = records::encode_body(bodies.len() as u64 + 1, &stamp(at), event);
        let hash = chain(hashes.last().unwrap_or(&first), &body);
        bodies.push(body);
        hashes.push(hash);
        Position { epoch: 1, seq: hashes.len() as u64, hash }
    };
    let mut receipts = 0;
    for recharge in 0..size.recharges {
        let at = start - (size.recharges - recharge) as i64;
        let [token, reading, intent, outcome] = recharge_of(n, recharge, size, at, &mut noise);
        write(at, &token);
        write(at, &reading);
        write(at, &intent);
        write(at, &outcome);
        let acked = write(at, &Event::TimeAnchor { server: UnixSeconds(at) });
        if recharge % BETWEEN_RECEIPTS == BETWEEN_RECEIPTS - 1 {
            receipts += 1;
            write(at, &Event::ReceiptStored { number: receipts, acked });
        }
    }
    let sizes: Vec<usize> = bodies.iter().map(Vec::len).collect();
    let packs = cut(&sizes, Limits::default()).into_iter().map(|range| {
        let before = range.start.checked_sub(1).map_or(first, |before| hashes[before]);
        let parts: Vec<&[u8]> = bodies[range.clone()].iter().map(Vec::as_slice).collect();
        let pack = Pack::of(1, range.start as u64 + 1, before, hashes[range.end - 1], &parts);
        let (ask, nonce) = (Ask::Pack(pack.unwrap()), noise.bytes());
        let document = ask.document();
        let request = Request { device: device.clone(), nonce, at: UnixSeconds(start), ask };
        let signed = key.sign(document, TENANT, request.payload()).unwrap();
        wire::join(&[device.as_str().as_bytes(), &nonce, &signed])
    });
    let from = Ipv4Addr::new(127, 1, (n / 200) as u8 + 1, (n % 200) as u8 + 1);
    Handheld { from, packs: packs.collect(), entries: bodies.len() }
}

/// The entries of one recharge: the token, a reading, the intent, the outcome.
fn recharge_of(n: usize, recharge: usize, size: Size, at: i64, noise: &mut Noise) -> [Event; 4] {
    let meter = meter_no(n, recharge % size.meters);
    let step = u32::try_from(recharge / size.meters).unwrap();
    let token = TokenFacts {
        act: Act::Recharge,
        id: token_id(n, recharge),
        meter,
        account: meter.to_string().parse().unwrap(),
        count_before: PurchaseCount(step),
        credit: Credit { value: AMOUNT, unit: CreditUnit::Yuan },
        seq: u64::from(step) + 1,
        order: [1; 8],
        not_before: UnixSeconds(at),
        issued: UnixSeconds(at),
        expires: UnixSeconds(at + 259_200),
        caps: 0,
        max_balance: None,
    };
    let mut seen = |count: u32, record| Evidence {
        meter,
        account: Some(token.account),
        count: PurchaseCount(count),
        balance: Credit { value: AMOUNT * i64::from(count), unit: CreditUnit::Yuan },
        overdraft: 0,
        last_purchase: record,
        energy: None,
        meter_clock: None,
        relay: None,
        read_at: UnixSeconds(at),
        frames_digest: noise.bytes(),
    };
    let record =
        PurchaseRecord { count: PurchaseCount(step + 1), amount: AMOUNT, balances: Some([0, 1]) };
    let (read, before, after) = (seen(step, None), seen(step, None), seen(step + 1, Some(record)));
    let judgement =
        Judgement { decision: Decision::Confirmed, after: Some(after), refusal_word: None };
    let digest = read.frames_digest;
    let refused = Event::Refused {
        token: None,
        meter,
        code: "not-now".to_owned(),
        evidence: Some(Evidence { frames_digest: digest, ..read }),
    };
    let (facts, id) = (token.intent(), token.id);
    [
        Event::TokenImported { token, bytes: noise.bytes::<229>().to_vec() },
        refused,
        Event::Intent { facts, before },
        Event::Outcome { token: id, meter, judgement },
    ]
}

/// A `meterkit-office serve`; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    fn start(folder: &Path, pass: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meterkit-office"))
            .arg("--data")
            .arg(folder)
            .args(["--json", "--passphrase-file"])
            .arg(pass)
            .args(["serve", "--plain", "--listen", "127.0.0.1:0"])
            .env_remove("METERKIT_OFFICE_DATABASE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = said["listening"].as_str().and_then(|address| address.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("no server: {line}")) }
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The office under load: what two `meterkit-office serve` processes on one PostgreSQL take in,
//! beside plain inserts of the same rows in alternating rounds; what an entry costs from 10^4 to
//! 10^6 of them; and one handheld that brings a backlog of 10,000 entries. `docs/scaling.md` has
//! the figures.
//!
//! `cargo bench --bench office`; with `-- full` also a million entries, with `-- district` or
//! `-- backlog` only the one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench may

#[allow(dead_code)]
#[path = "../it/office/desk.rs"]
mod desk;
#[allow(dead_code)]
#[path = "../it/office/load.rs"]
mod load;
#[path = "office/worked.rs"]
mod worked;
#[path = "../it/support"]
mod support {
    #[allow(dead_code)]
    pub mod folders;
    #[allow(dead_code)]
    pub mod postgres;
}

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use desk::{Desk, METER, NOW, TENANT, device, evidence, seeds};
use load::{District, ENTRIES, Size};
use meterkit::office::local::Local;
use meterkit::office::{Office, Order, PolicyChange};
use meterkit::store::Event;
use meterkit::sync::{Http, Post, SyncError, Timeouts, Trust};
use meterkit::units::{Cap, Decision, UnixSeconds};
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use support::postgres::{Cluster, schema};
use worked::Worked;

/// Handhelds of the district; of the smallest as many as bring one full pack each.
const DEVICES: usize = 200;
const FEW: usize = 40;
/// Connections of handhelds at once.
const LINES: usize = 16;

/// Handhelds of one round, and packs of each of them: the office takes them in, then the same rows
/// are inserted.
const ROUND: usize = 40;
const PACKS: usize = 5;

fn main() {
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    let (full, only_district, only_backlog) = (asked("full"), asked("district"), asked("backlog"));
    if !only_district {
        backlog("SQLite in a file", None);
    }
    // As it comes from Debian, fsync and all; only room for a checkpoint's worth of journal.
    let Some(cluster) = Cluster::start(&["shared_buffers=512MB", "max_wal_size=4GB"]) else {
        return;
    };
    // Through its socket, as a server on the same machine does; so do the plain inserts.
    let url = cluster.socket_url();
    if !only_district {
        backlog("PostgreSQL", Some(&schema(&url, "backlog")));
    }
    if only_backlog {
        return;
    }
    let sizes: &[usize] = if full { &[10_000, 100_000, 1_000_000] } else { &[10_000, 100_000] };
    for entries in sizes {
        district(&url, *entries);
    }
}

/// A journal a day of every handheld, through two servers; each round's rows again by plain
/// inserts, so that whatever else the machine does is done to both.
fn district(url: &str, entries: usize) {
    let place = schema(url, &format!("n{entries}"));
    let devices = if entries < 100_000 { FEW } else { DEVICES };
    let recharges = entries / devices / ENTRIES;
    let size = Size { devices, recharges, meters: recharges.div_ceil(5), partitions: 0 };
    let district = District::found(&place, size);
    let servers = [district.serve(), district.serve()];
    let addresses = servers.each_ref().map(|server| server.address);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let peer = |name: &str, how, which| {
        let target = like(url, &place, &format!("{name}{entries}"));
        let lines = runtime.block_on(lines(&target));
        Peer {
            lines,
            how,
            which,
            entries: 0,
            packs: 0,
            took: Duration::ZERO,
            worked: Worked::default(),
        }
    };
    let mut peers = [
        peer("arrays", How::Table, Which::New),
        peer("values", How::Values, Which::New),
        peer("single", How::Row, Which::New),
        peer("all_arrays", How::Table, Which::All),
        peer("all_values", How::Values, Which::All),
    ];
    let (mut took, mut sent, mut rounds) = (Duration::ZERO, 0, Vec::new());
    let mut worked = Worked::default();
    let longest = district.handhelds.iter().map(|handheld| handheld.packs.len()).max().unwrap();
    for from in (0..longest).step_by(PACKS) {
        for first in (0..devices).step_by(ROUND) {
            let (those, packs) = (first..first + ROUND, from..from + PACKS);
            let before = Worked::now();
            let (round, count) =
                district.bring_those(&addresses, LINES, those.clone(), packs.clone());
            (took, sent) = (took + round, sent + count);
            worked.add(&before, &Worked::now());
            let names = those.map(|n| format!("hh-{n}")).collect();
            let rows = Arc::new(runtime.block_on(rows(&place, names, packs)));
            let here: usize = rows.iter().map(|pack| pack.events.len()).sum();
            let plain = peers.each_mut().map(|peer| runtime.block_on(peer.insert(&rows)));
            rounds.push((here, round, plain[0]));
        }
    }
    let report = district.check();
    let packs: usize = district.handhelds.iter().map(|handheld| handheld.packs.len()).sum();
    let rate = district.entries() as f64 / took.as_secs_f64();
    println!(
        "{} entries of {devices} handhelds in {packs} packs, {sent} sent, 2 servers, {LINES} \
         lines: {:.2} s, {rate:.0} entries/s, {:.1} us each; {} postings, none twice",
        district.entries(),
        took.as_secs_f64(),
        1e6 / rate,
        report.postings
    );
    println!("CPU time of a pack, ms: {}", worked.of(packs));
    for peer in &peers {
        let plain = peer.entries as f64 / peer.took.as_secs_f64();
        println!(
            "plain inserts of {}, {}: {plain:.0} entries/s, {:.1} us each (CPU time of a pack, ms: \
             {}); the office reaches {:.0} % of it",
            peer.which.name(),
            peer.how.name(),
            1e6 / plain,
            peer.worked.of(peer.packs),
            rate / plain * 100.0
        );
    }
    let each = |entries: usize, took: Duration| took.as_secs_f64() * 1e6 / entries as f64;
    println!("as the ledger grows, us an entry (of plain inserts, and their share):");
    let mut held = 0;
    for (here, office, plain) in rounds {
        let (office, plain) = (each(here, office), each(here, plain));
        println!("{held:>8}: {office:.1} ({plain:.1}, {:.0} %)", plain / office * 100.0);
        held += here;
    }
}

/// The rows of one pack as the office left them.
struct Rows {
    events: Vec<PgRow>,
    postings: Vec<PgRow>,
    pack: PgRow,
    receipt: PgRow,
    /// The rows it wrote anew: an update writes a row, too.
    tokens: Vec<PgRow>,
    states: Vec<PgRow>,
    device: PgRow,
}

/// Empty tables of the same kind, with the same indexes. What is written again and again as a
/// version of one row is inserted without an index here: more than half of those the office writes
/// need no entry in one either (PostgreSQL's HOT updates).
fn like(url: &str, place: &str, name: &str) -> String {
    let target = schema(url, name);
    let from = place.rsplit("%3D").next().unwrap();
    for table in ["event", "posting", "pack", "receipt", "token"] {
        let sql = format!("CREATE TABLE {name}.{table} (LIKE {from}.{table} INCLUDING ALL)");
        support::postgres::run(url, &sql);
    }
    for table in ["meter_state", "device"] {
        let sql = format!("CREATE TABLE {name}.{table} (LIKE {from}.{table})");
        support::postgres::run(url, &sql);
    }
    target
}

/// As many connections as the two servers have together.
async fn lines(target: &str) -> Vec<PgConnection> {
    let mut lines = Vec::new();
    for _ in 0..LINES {
        lines.push(PgConnection::connect(target).await.unwrap());
    }
    lines
}

/// How plain inserts are done; a transaction a pack either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// One statement for the rows of each table, an array for each column.
    Table,
    /// One statement for the rows of each table, each row written out: `VALUES (...), (...)`.
    Values,
    /// A statement for each row.
    Row,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Table => "a statement a table and pack, in arrays",
            Self::Values => "a statement a table and pack, in VALUES",
            Self::Row => "a statement a row",
        }
    }
}

/// Which of the rows are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that were not there before: entries, postings, packs and receipts.
    New,
    /// Beside them the tokens, last readings and handhelds that the packs wrote anew.
    All,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::New => "the new rows only",
            Self::All => "all rows the office writes",
        }
    }
}

/// Whoever inserts the same rows and does nothing else.
struct Peer {
    lines: Vec<PgConnection>,
    how: How,
    which: Which,
    entries: usize,
    packs: usize,
    worked: Worked,
    took: Duration,
}

impl Peer {
    /// Inserts the rows of a round; how long that took.
    async fn insert(&mut self, packs: &Arc<Vec<Rows>>) -> Duration {
        // A statement for each row is slow enough to be known from a part.
        let part = if self.how == How::Row { packs.len() / 5 } else { packs.len() };
        let (next, how, which) = (Arc::new(AtomicUsize::new(0)), self.how, self.which);
        let before = Worked::now();
        let begun = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for mut conn in self.lines.drain(..) {
            let (packs, next) = (Arc::clone(packs), Arc::clone(&next));
            all.spawn(async move {
                while let Some(pack) = packs[..part].get(next.fetch_add(1, Ordering::Relaxed)) {
                    insert(&mut conn, pack, (how, which)).await;
                }
                conn
            });
        }
        self.lines = all.join_all().await;
        let took = begun.elapsed();
        self.worked.add(&before, &Worked::now());
        self.took += took;
        self.packs += part;
        self.entries += packs[..part].iter().map(|pack| pack.events.len()).sum::<usize>();
        took
    }
}

/// What the office keeps of some handhelds, pack by pack.
async fn rows(place: &str, devices: Vec<String>, numbers: Range<usize>) -> Vec<Rows> {
    let mut conn = PgConnection::connect(place).await.unwrap();
    let sql = "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY device ORDER BY first) AS n
                   FROM pack WHERE device = ANY($1)) AS v
               WHERE n > $2 AND n <= $3 ORDER BY device, first";
    let [after, to] = [numbers.start, numbers.end].map(|number| number as i64);
    let packs = sqlx::query(sql).bind(devices).bind(after).bind(to).fetch_all(&mut conn);
    let mut all = Vec::new();
    for pack in packs.await.unwrap() {
        let (device, first, last): (String, i64, i64) =
            (pack.get("device"), pack.get("first"), pack.get("last"));
        let sql = "SELECT * FROM event WHERE device = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";
        let events = sqlx::query(sql).bind(&device).bind(first).bind(last);
        let events = events.fetch_all(&mut conn).await.unwrap();
        let sql = "SELECT p.* FROM event e JOIN posting p ON p.op = 'apply:' || e.token
                   WHERE e.device = $1 AND e.seq BETWEEN $2 AND $3 AND e.kind = 'outcome'";
        let postings = sqlx::query(sql).bind(&device).bind(first).bind(last);
        let postings = postings.fetch_all(&mut conn).await.unwrap();
        let sql = "SELECT * FROM receipt WHERE device = $1 AND first = $2 AND last = $3";
        let receipt = sqlx::query(sql).bind(&device).bind(first).bind(last);
        let receipt = receipt.fetch_one(&mut conn).await.unwrap();
        let sql = "SELECT t.* FROM event e JOIN token t ON t.id = e.token
                   WHERE e.device = $1 AND e.seq BETWEEN $2 AND $3 AND e.kind = 'outcome'";
        let tokens = sqlx::query(sql).bind(&device).bind(first).bind(last);
        let tokens = tokens.fetch_all(&mut conn).await.unwrap();
        let sql = "SELECT * FROM meter_state WHERE meter IN
                   (SELECT meter FROM event WHERE device = $1 AND seq BETWEEN $2 AND $3)";
        let states = sqlx::query(sql).bind(&device).bind(first).bind(last);
        let states = states.fetch_all(&mut conn).await.unwrap();
        let whose = sqlx::query("SELECT * FROM device WHERE device = $1").bind(&device);
        let device = whose.fetch_one(&mut conn).await.unwrap();
        all.push(Rows { events, postings, pack, receipt, tokens, states, device });
    }
    all
}

/// Inserts rows into a table by one statement; its columns with their kinds.
macro_rules! add {
    ($tx:expr, $rows:expr, $how:expr, $table:literal,
     $($name:literal: $kind:ty as $array:literal),+) => {{
        let columns = [$($name),+].join(", ");
        match $how {
            How::Table => {
                let arrays: Vec<String> = [$($array),+].iter().zip(1..)
                    .map(|(kind, number)| format!("unnest(${number}::{kind}[])")).collect();
                let sql = format!("INSERT INTO {} ({columns}) SELECT {}", $table,
                    arrays.join(", "));
                let query = sqlx::query(sqlx::AssertSqlSafe(sql));
                $(let query = query.bind(
                    $rows.iter().map(|row| row.get::<$kind, _>($name)).collect::<Vec<$kind>>());)+
                query.execute(&mut *$tx).await.unwrap();
            }
            How::Values | How::Row => {
                let sql = format!("INSERT INTO {} ({columns}) ", $table);
                let mut made = sqlx::QueryBuilder::new(sql);
                made.push_values($rows, |mut one, row: &PgRow| {
                    $(one.push_bind(row.get::<$kind, _>($name));)+
                });
                made.build().execute(&mut *$tx).await.unwrap();
            }
        }
    }};
}

async fn insert(conn: &mut PgConnection, rows: &Rows, (how, which): (How, Which)) {
    let mut tx = conn.begin().await.unwrap();
    let size = |rows: &[PgRow]| if how == How::Row { 1 } else { rows.len().max(1) };
    for part in rows.events.chunks(size(&rows.events)) {
        add!(tx, part, how, "event", "device": String as "text", "epoch": i64 as "bigint",
            "seq": i64 as "bigint", "hash": Vec<u8> as "bytea", "body": Vec<u8> as "bytea",
            "kind": String as "text", "at": i64 as "bigint", "operator": String as "text",
            "meter": Option<String> as "text", "token": Option<String> as "text",
            "outcome": String as "text", "reason": String as "text", "received": i64 as "bigint");
    }
    for part in rows.postings.chunks(size(&rows.postings)) {
        add!(tx, part, how, "posting", "op": String as "text", "leg": i64 as "bigint",
            "token": String as "text", "meter": String as "text", "account": String as "text",
            "place": String as "text", "unit": String as "text", "amount": i64 as "bigint",
            "at": i64 as "bigint");
    }
    add!(tx, std::slice::from_ref(&rows.pack), how, "pack", "device": String as "text",
        "epoch": i64 as "bigint", "first": i64 as "bigint", "last": i64 as "bigint",
        "hash": Vec<u8> as "bytea", "document": Vec<u8> as "bytea", "received": i64 as "bigint");
    add!(tx, std::slice::from_ref(&rows.receipt), how, "receipt", "device": String as "text",
        "number": i64 as "bigint", "epoch": i64 as "bigint", "first": i64 as "bigint",
        "last": i64 as "bigint", "hash": Vec<u8> as "bytea", "bytes": Vec<u8> as "bytea");
    if which == Which::All {
        again(&mut tx, rows, how).await;
    }
    tx.commit().await.unwrap();
}

/// Inserts what the office wrote anew of rows that were there.
async fn again(tx: &mut PgConnection, rows: &Rows, how: How) {
    for part in rows.tokens.chunks(rows.tokens.len().max(1)) {
        add!(tx, part, how, "token", "id": String as "text", "meter": String as "text",
            "account": String as "text", "count_before": i64 as "bigint",
            "amount": i64 as "bigint", "unit": String as "text", "device": String as "text",
            "seq": i64 as "bigint", "order_no": Vec<u8> as "bytea", "issued": i64 as "bigint",
            "expires": i64 as "bigint", "bytes": Vec<u8> as "bytea", "kid": String as "text",
            "state": String as "text", "intent_seq": i64 as "bigint", "told": i64 as "bigint",
            "act": String as "text");
    }
    for part in rows.states.chunks(rows.states.len().max(1)) {
        add!(tx, part, how, "meter_state", "meter": String as "text", "account": String as "text",
            "count": i64 as "bigint", "balance": i64 as "bigint", "seen": i64 as "bigint");
    }
    add!(tx, std::slice::from_ref(&rows.device), how, "device", "device": String as "text",
        "status": String as "text", "secret_hash": Vec<u8> as "bytea",
        "secret_ends": i64 as "bigint", "public_key": Vec<u8> as "bytea", "epoch": i64 as "bigint",
        "head_seq": i64 as "bigint", "head_hash": Vec<u8> as "bytea", "receipts": i64 as "bigint",
        "bye_receipt": i64 as "bigint", "last_seen": i64 as "bigint",
        "known_acked": i64 as "bigint", "status_taken": i64 as "bigint",
        "status_given": i64 as "bigint", "recovery_given": i64 as "bigint",
        "software": String as "text");
}

/// One handheld with 10,000 entries nobody has yet, over HTTP on loopback.
fn backlog(on: &str, url: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("office");
    std::fs::create_dir(&folder).unwrap();
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let told = Arc::clone(&clock);
    let tell = Arc::new(move || UnixSeconds(told.load(Ordering::Relaxed)));
    let local = Local::start(|| async {
        match url {
            Some(url) => Office::in_database(url, TENANT, seeds(), tell).await,
            None => Ok(Office::throwaway(&folder, TENANT).await?),
        }
    });
    let mut desk = Desk { local: local.unwrap(), clock };
    if url.is_none() {
        // A ledger in a file has the system's clock.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        desk.clock.store(since.as_secs() as i64, Ordering::Relaxed);
    }
    let tokens = 2_000;
    desk.add_meter(METER);
    let handheld = desk.handheld("hh-1");
    let wide = Cap { soft: 1_000_000, hard: 1_000_000 };
    let change = PolicyChange { acts: Some(wide), yuan: Some(wide), ..PolicyChange::default() };
    desk.local.wait(desk.office().set_policy(None, &change)).unwrap();
    let issued: Vec<_> = (0..tokens)
        .map(|n| {
            let no = format!("{}", 1000 + n);
            desk.add_meter(&no);
            let order =
                Order { meter: no.parse().unwrap(), amount: 100, device: device("hh-1"), days: 3 };
            desk.local.wait(desk.office().issue(&order)).unwrap()
        })
        .collect();
    handheld.sync(&desk.post()).unwrap();
    let head = || handheld.store.summary().head.seq;
    let before = head();
    for token in &issued {
        handheld.recharge(token.id, Decision::Confirmed);
    }
    while head() - before < 10_000 {
        let seen = evidence(issued[0].meter, desk::COUNT + 1, 100, None);
        let (meter, code) = (seen.meter, "not-now".to_owned());
        handheld.append(Event::Refused { token: None, meter, code, evidence: Some(seen) });
    }
    let entries = head() - before;
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let http = Http::new(&format!("http://{address}"), &Trust::none(), Timeouts::default());
    let http = http.unwrap();
    let (waited, requests) = (Cell::new(Duration::ZERO), Cell::new(0));
    let post = |path: &str, body: &[u8]| -> Result<Vec<u8>, SyncError> {
        let asked = Instant::now();
        let answer = http.post(path, body);
        waited.set(waited.get() + asked.elapsed());
        requests.set(requests.get() + 1);
        answer
    };
    let begun = Instant::now();
    let report = handheld.sync(&post).unwrap();
    let whole = begun.elapsed();
    println!(
        "{entries} entries of one handheld, {on}: {:.2} s in {} requests; the office and the line \
         {:.2} s, the handheld {:.2} s; {} for a person",
        whole.as_secs_f64(),
        requests.get(),
        waited.get().as_secs_f64(),
        (whole - waited.get()).as_secs_f64(),
        report.review()
    );
}

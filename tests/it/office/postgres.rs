//! The same office on PostgreSQL.
//!
//! One cluster a process: this test starts it and runs every test that works at a [`Desk`] again,
//! in a process of their own whose desks are on it, together with those that only make sense there
//! (they end at once where no cluster was lent to them). Those that never ask for a place in it
//! ([`APART`]) would only be run twice.
//!
//! [`Desk`]: super::desk::Desk

use super::desk::{Desk, METER, NOW, TENANT, device, seeds};
use super::load::{District, ENTRIES, Size};
use crate::support::postgres::{APART, Cluster, VARIABLE, fresh, run};
use meterkit::office::local::Local;
use meterkit::office::{Office, Order};
use meterkit::units::{Decision, UnixSeconds};
use sqlx::{Connection, PgConnection, Row};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Modules whose tests work at a desk.
const MODULES: [&str; 2] = ["office::", "sync::"];
/// Least number of tests in them that were found to pass: a filter that matches nothing passes too.
const AT_LEAST: usize = 100;

#[test]
fn every_test_of_the_desk_passes_on_postgresql() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    // What a test cluster writes need not outlive it.
    let quick = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];
    let Some(cluster) = Cluster::start(&quick) else { return };
    let own = std::env::current_exe().unwrap();
    let done = Command::new(own)
        .args(MODULES)
        .args(APART.iter().flat_map(|apart| ["--skip", apart]))
        .env(VARIABLE, cluster.url())
        .output()
        .expect("the test binary runs again");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed >= AT_LEAST, "{passed} tests are not all of them:\n{said}");
    println!("{passed} tests passed on PostgreSQL");
}

/// Two servers, forty handhelds that bring the same packs to both at once: every recharge is booked
/// once. The large size, and what it costs, is `tests/bench/office.rs`.
#[test]
fn two_servers_on_one_database_book_everything_once() {
    let Some(url) = fresh() else { return };
    let size = Size { devices: 40, recharges: 60, meters: 12, partitions: 0 };
    let district = District::found(&url, size);
    let servers = [district.serve(), district.serve()];
    let [one, two] = servers.each_ref().map(|server| server.address);
    let (_, sent) = district.bring(&[one, two], 8);
    district.check();
    assert!(sent > district.handhelds.iter().map(|handheld| handheld.packs.len()).sum::<usize>());
    assert!(district.entries() > size.tokens() * ENTRIES);
    // Everything once more, to the other server: nothing moves.
    district.bring(&[two, one], 8);
    district.check();
}

const SMALL: Size = Size { devices: 24, recharges: 60, meters: 12, partitions: 0 };

/// The same on a ledger that is spread over partitions, and one of the two servers is killed while
/// journals come in; the handhelds go to the other one.
#[test]
fn a_server_that_is_killed_half_way_loses_nothing() {
    let Some(url) = fresh() else { return };
    let district = District::found(&url, Size { partitions: 4, ..SMALL });
    let (one, two) = (district.serve(), district.serve());
    let ports = [one.address, two.address];
    let packs: usize = district.handhelds.iter().map(|handheld| handheld.packs.len()).sum();
    std::thread::scope(|scope| {
        let bringing = scope.spawn(|| district.bring(&ports, 8));
        while district.sent() < packs / 3 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        one.kill();
        bringing.join().unwrap();
    });
    district.check();
}

/// What a statement gives in a place of the cluster: a name and a number or a flag of each row.
fn ask(url: &str, sql: String) -> Vec<(String, i64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = PgConnection::connect(url).await.unwrap();
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    })
}

/// The indexes of the tables that grow, without those of their keys, and whether each is unique.
fn indexes(url: &str) -> Vec<(String, bool)> {
    let schema = url.rsplit("%3D").next().unwrap();
    let sql = format!(
        "SELECT c.relname::text, i.indisunique::int::bigint FROM pg_index i JOIN pg_class c ON \
         c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = \
         t.relnamespace WHERE n.nspname = '{schema}' AND NOT t.relispartition AND t.relname IN \
         ('event', 'token', 'posting', 'meter_state', 'pack', 'receipt') AND c.relname !~ \
         'key[0-9]*$' ORDER BY 1"
    );
    ask(url, sql).into_iter().map(|(name, unique)| (name, unique != 0)).collect()
}

/// A database that sorts as people do is told from one that sorts by bytes, before anything is in
/// it.
#[test]
fn a_database_of_another_order_is_refused() {
    if fresh().is_none() {
        return;
    }
    let base = std::env::var(VARIABLE).unwrap();
    run(&base, "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'");
    let url = format!("{}/sorted", base.rsplit_once('/').unwrap().0);
    let refused = super::cli::Place::new().run(&["--database", &url, "init", "--tenant", TENANT]).0;
    assert_eq!(refused["error"], "usage");
    assert!(refused["message"].as_str().unwrap().contains("--lc-collate=C"), "{refused}");
    assert_eq!(
        ask(&url, "SELECT relname::text, 1::bigint FROM pg_class WHERE relname = 'token'".into()),
        []
    );
}

/// From format 6 back to 5, as far as `shifts.sql` brought it up.
const AGE: &str = "
    DROP TABLE rewound, shift, shift_sum, shift_op, issue_list, issue_row, checkpoint, bundle_doc,
        bundle_file, bundle_write, round_doc, meter_closed, draft;
    ALTER TABLE review DROP COLUMN rests;
    DROP INDEX review_open;
    DROP INDEX token_step;
    ALTER TABLE token DROP COLUMN fenced_by;
    UPDATE office SET value = '5' WHERE name = 'format'";

/// The version before had no place for what was sold, so its postings are made anew: a ledger in
/// partitions has them in partitions again, with every row and every index.
#[test]
fn an_upgrade_leaves_no_table_of_a_ledger_in_partitions_whole() {
    let Some(url) = fresh() else { return };
    let place = super::cli::Place::new();
    place.good(&["--database", &url, "init", "--tenant", TENANT, "--partitions", "3"]);
    place.good(&["meter", "add", "47", "--account", "1", "--customer", "Li", "--location", "B2"]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    for _ in 0..3 {
        place.good(&["issue", "--meter", "47", "--amount", "100.00", "--device", "hh-1"]);
    }
    let (ledger, wanted) = (place.good(&["ledger"]), indexes(&url));
    let schema = url.rsplit("%3D").next().unwrap();
    let spread = || {
        let sql = format!(
            "SELECT c.relname::text, (SELECT COUNT(*) FROM pg_inherits WHERE inhparent = c.oid) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = '{schema}' AND c.relkind = 'p' ORDER BY 1"
        );
        ask(&url, sql)
    };
    let before = spread();
    assert_eq!((before.len(), before.iter().all(|(_, parts)| *parts == 3)), (6, true));
    run(&url, AGE);
    assert_eq!(place.good(&["ledger"]), ledger, "every posting is there");
    assert_eq!(spread(), before);
    assert_eq!(indexes(&url), wanted);
    let rows = |table: &str| ask(&url, format!("SELECT 'n', COUNT(*) FROM {table}"))[0].1;
    let parts: Vec<_> = (0..3).map(|part| rows(&format!("posting_{part}"))).collect();
    assert_eq!((parts.iter().sum::<i64>(), rows("posting")), (6, 6), "{parts:?}");
    // And it goes on: what is unique is.
    place.good(&["issue", "--meter", "47", "--amount", "1.00", "--device", "hh-1"]);
    assert_eq!(rows("posting"), 8);
}

/// A ledger in partitions keeps everything unique that one in whole tables keeps unique, and finds
/// its rows by the same indexes: only their keys hold the column they are spread by besides.
#[test]
fn a_ledger_in_partitions_refuses_what_a_whole_one_refuses() {
    let (Some(whole), Some(spread)) = (fresh(), fresh()) else { return };
    let (_whole_desk, spread_desk) = (desk_on(&whole, || false), desk_on(&spread, || false));
    spread_desk.local.wait(spread_desk.office().partition(3)).unwrap();
    let wanted = indexes(&whole);
    assert!(wanted.contains(&("token_credit".to_owned(), true)), "{wanted:?}");
    let mut found = indexes(&spread);
    // A primary key that holds the column it is spread by leaves the token's name to an index.
    found.retain(|(name, _)| name != "token_by_id");
    assert_eq!(found, wanted);
}

fn desk_on(url: &str, conflict: impl Fn() -> bool + Send + Sync + 'static) -> Desk {
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let told = Arc::clone(&clock);
    let tell = Arc::new(move || UnixSeconds(told.load(Ordering::Relaxed)));
    let conflict: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(conflict);
    let local = Local::start(|| async {
        let office = match url {
            "" => Office::in_memory(TENANT, seeds(), tell).await?,
            url => Office::in_database(url, TENANT, seeds(), tell).await?,
        };
        Ok(office.with_conflicts(conflict))
    });
    let desk = Desk { local: local.unwrap(), clock };
    desk.add_meter(METER);
    desk
}

/// Two of three commits fail as a distributed database lets them fail; on SQLite and, where there
/// is one, on PostgreSQL. Everything happens once.
#[test]
fn a_commit_that_fails_is_run_again_whole() {
    let places = [Some(String::new()), fresh()];
    for url in places.into_iter().flatten() {
        let failed = Arc::new(AtomicU32::new(0));
        let (count, tries) = (Arc::clone(&failed), AtomicU32::new(0));
        let desk = desk_on(&url, move || {
            let fails = tries.fetch_add(1, Ordering::Relaxed) % 3 != 2;
            count.fetch_add(u32::from(fails), Ordering::Relaxed);
            fails
        });
        let handheld = desk.handheld("hh-1");
        let issued: Vec<_> = (0..4).map(|_| desk.issue_to("hh-1", METER, 100)).collect();
        handheld.sync(&desk.post()).unwrap();
        for token in &issued {
            handheld.recharge(token.id, Decision::Confirmed);
        }
        let report = handheld.sync(&desk.post()).unwrap();
        assert_eq!(report.review(), 0, "{report:?}");
        let report = desk.report();
        let applied = report.tokens.iter().find(|(state, _)| *state == "applied").unwrap().1;
        assert_eq!((applied, report.postings), (4, 16), "{report:?}");
        let meter = &report.meters[0];
        assert_eq!((meter.recharges, meter.amount, meter.count), (4, 400, 9));
        assert!(failed.load(Ordering::Relaxed) > 10, "the failures were real");
    }
}

/// A database on which nothing ever can be committed is an error that says so, not a loop.
#[test]
fn a_database_that_always_fails_is_given_up_on() {
    let never = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let says = Arc::clone(&never);
    let desk = desk_on("", move || says.load(Ordering::Relaxed));
    let _handheld = desk.handheld("hh-1");
    let before = desk.report();
    never.store(true, Ordering::Relaxed);
    let order = Order { meter: METER.parse().unwrap(), amount: 1, device: device("hh-1"), days: 3 };
    let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
    assert!(error.is_busy(), "{error}");
    assert_eq!(desk.report(), before);
}

/// What the desk decides is decided one after the other, whichever process it is decided in: of
/// two that spend a handheld's limit at once, one is refused; two that change the list make two
/// versions.
#[test]
fn two_offices_at_once_do_not_pass_a_limit_together() {
    let Some(url) = fresh() else { return };
    let desk = desk_on(&url, || false);
    let _handheld = desk.handheld("hh-1");
    desk.add_meter("48");
    let half = 5_100_000;
    let order = |no: &str| Order {
        meter: no.parse().unwrap(),
        amount: half,
        device: device("hh-1"),
        days: 3,
    };
    for _ in 0..8 {
        let (one, two) = (order(METER), order("48"));
        let (a, b) = desk
            .local
            .wait(async { tokio::join!(desk.office().issue(&one), desk.office().issue(&two)) });
        let results = [a, b];
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(refused, 1, "10.2 million are beyond the limit of 10 million: {results:?}");
        for issued in results.into_iter().flatten() {
            let office = desk.office();
            desk.local.wait(office.revoke_token(issued.id)).unwrap();
            let verdict = meterkit::office::Verdict::NotBooked;
            desk.settle(issued.id, verdict, "test").unwrap();
        }
    }
    assert!(desk.report().sound());
}

/// PostgreSQL's own words for "try again" are understood, raised by the server itself.
#[test]
fn what_the_server_calls_a_conflict_is_tried_again() {
    let Some(url) = fresh() else { return };
    let desk = desk_on(&url, || false);
    // The database itself raises it, once, for whoever books the first posting.
    run(
        &url,
        "CREATE SEQUENCE turn;
         CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('turn') <= 2 THEN
                 RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001';
             ELSIF nextval('turn') <= 5 THEN
                 RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER stumble BEFORE INSERT ON posting
             FOR EACH ROW EXECUTE FUNCTION stumble();",
    );
    let _handheld = desk.handheld("hh-1");
    desk.issue_to("hh-1", METER, 100);
    assert_eq!(desk.report().postings, 2);
}

/// `init --database` makes the ledger there and remembers where; no later command needs to be told,
/// and no second office gets into the same database.
#[test]
fn every_command_finds_the_database_that_init_was_given() {
    use std::os::unix::fs::PermissionsExt;
    let Some(url) = fresh() else { return };
    let place = super::cli::Place::new();
    place.good(&["--database", &url, "init", "--tenant", TENANT, "--partitions", "3"]);
    let remembered = place.office().join("database");
    assert_eq!(std::fs::read_to_string(&remembered).unwrap().trim(), url);
    let mode = std::fs::metadata(&remembered).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it may hold a password");
    assert!(!place.office().join("office.db").exists(), "no ledger in the folder");
    place.good(&["meter", "add", "47", "--account", "1", "--customer", "Li", "--location", "B2"]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    let file = place.path("hh.mke");
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &file]);
    place.good(&["issue", "--meter", "47", "--amount", "100.00", "--device", "hh-1"]);
    assert_eq!(place.good(&["ledger"])["balances"][1]["amount"], "100.00");
    let audit = place.path("audit");
    let documents = place.good(&["export", "--audit", &audit])["documents"].as_u64();
    assert!(documents >= Some(3), "token, grant, status: {documents:?}");
    let other = super::cli::Place::new();
    let (json, code) = other.run(&["--database", &url, "init", "--tenant", TENANT]);
    assert_eq!((code, json["error"].as_str()), (6, Some("already-initialised")), "{json}");
    assert!(!other.office().join("keys").exists(), "nothing was left behind");
}

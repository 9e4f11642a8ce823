//! Where meters hang: from the office's CSV to the boxes of a handheld, and a ledger of the version
//! that knew no places.

use std::path::Path;

use meterkit::jobs::boxes;
use meterkit::jobs::views::Update;
use meterkit::office::NewMeter;
use meterkit::units::{BusPlace, UnixSeconds};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

use super::cli::Place;
use super::desk::{Desk, NOW};
use crate::screens::Hand;

/// A box of 12 three-phase users and one of 36 single-phase ones, as an office would write it.
fn list() -> String {
    let mut list = String::from(
        "meter,account,customer,location,unit,count,balance,area,line,box,user,address,profile\n",
    );
    let mut row = |no: u32, terminal: &str, user: u32, unit: u32, profile: &str| {
        let line = "tcp://10.0.0.7:4001";
        list.push_str(&format!(
            "{no},{},\"Flat {no}, Li\",Stairs {terminal},yuan,3,50.00,north,{line},{terminal},\
             {user},{unit},{profile}\n",
            330_100_000_000_u64 + u64::from(no)
        ));
    };
    (1..=12).for_each(|user| row(100 + user, "B7-1", user, 3 * user - 2, "adf400l-3p"));
    (1..=36).for_each(|user| row(200 + user, "B7-2", user, 36 + user, "adf400l-1p"));
    list
}

#[test]
fn the_boxes_of_the_offices_list_reach_the_handhelds_screens() {
    let desk = Desk::new();
    let rows: Vec<NewMeter> =
        list().lines().skip(1).map(|line| NewMeter::from_csv(line).unwrap()).collect();
    assert_eq!(rows.len(), 48);
    desk.local.wait(desk.office().add_meters(&rows)).unwrap();
    let hand = desk.handheld("hh-1");
    hand.sync(&desk.post()).unwrap();
    let all = boxes::all(&hand.store);
    let seen: Vec<(&str, u32)> = all.iter().map(|row| (row.name.as_str(), row.users)).collect();
    assert_eq!(seen, [("B7-1", 12), ("B7-2", 36)]);
    assert_eq!(all[0].line, "tcp://10.0.0.7:4001");
    let users = boxes::users(&hand.store, UnixSeconds(NOW), "B7-1").unwrap();
    let last = users.last().unwrap();
    assert_eq!((last.user, last.address.as_str(), last.profile.as_str()), (12, "34", "adf400l-3p"));
    let no = boxes::meter(&hand.store, "B7-2", 36).unwrap();
    assert_eq!(no, "236".parse().unwrap());
    let place = BusPlace {
        line: "tcp://10.0.0.7:4001".to_owned(),
        terminal: "B7-2".to_owned(),
        user: 36,
        address: "72".to_owned(),
    };
    assert_eq!(hand.store.meter(no).unwrap().place, place);

    // And on the screens, as the engine would tell it.
    let mut screen = Hand::small();
    screen.types("1");
    screen.press(meterkit::tui::event::Key::Right);
    screen.tell(Update::Boxes(all));
    assert!(screen.says("B7-1 12") && screen.says("B7-2 36"), "{}", screen.text());
    screen.press(meterkit::tui::event::Key::Enter);
    screen.tell(Update::Box { name: "B7-1".to_owned(), users: Ok(users) });
    assert!(screen.says("1 000000000101 Flat 101"), "{}", screen.text());

    // A user that moves to another box is there after the next sync, and no longer here.
    let moved = list().lines().last().unwrap().replace(",B7-2,36,72,", ",B7-3,1,73,");
    desk.local.wait(desk.office().add_meters(&[NewMeter::from_csv(&moved).unwrap()])).unwrap();
    hand.sync(&desk.post()).unwrap();
    assert_eq!(boxes::meter(&hand.store, "B7-3", 1).unwrap(), no);
    assert!(boxes::meter(&hand.store, "B7-2", 36).is_err());
}

/// Makes today's ledger one of format 2: that version's table of meters had no places, its table of
/// tokens no acts, and there were no swaps.
async fn age(file: &Path) {
    let url = format!("sqlite://{}", file.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    // The statement of that version, word for word.
    let sql = "CREATE TABLE meter_2 (
                   meter    TEXT NOT NULL PRIMARY KEY,
                   account  TEXT NOT NULL,
                   unit     TEXT NOT NULL CHECK (unit IN ('yuan', 'kwh')),
                   customer TEXT NOT NULL,
                   location TEXT NOT NULL,
                   profile  TEXT NOT NULL,
                   area     TEXT NOT NULL
               );
               INSERT INTO meter_2
                   SELECT meter, account, unit, customer, location, profile, area FROM meter;
               DROP TABLE meter;
               ALTER TABLE meter_2 RENAME TO meter;
               CREATE TABLE token_2 (
                   id            TEXT   NOT NULL PRIMARY KEY,
                   meter         TEXT   NOT NULL,
                   account       TEXT   NOT NULL,
                   count_before  BIGINT NOT NULL,
                   amount        BIGINT NOT NULL CHECK (amount > 0),
                   unit          TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
                   device        TEXT   NOT NULL,
                   seq           BIGINT NOT NULL,
                   order_no      BYTEA  NOT NULL,
                   issued        BIGINT NOT NULL,
                   expires       BIGINT NOT NULL,
                   bytes         BYTEA  NOT NULL,
                   kid           TEXT   NOT NULL,
                   revoked       BIGINT,
                   state         TEXT   NOT NULL CHECK (state IN
                       ('reserved', 'delivered', 'suspect', 'disputed', 'applied', 'voided')),
                   intent_seq    BIGINT,
                   superseded_by TEXT,
                   told          BIGINT NOT NULL,
                   UNIQUE (meter, seq)
               );
               INSERT INTO token_2
                   SELECT id, meter, account, count_before, amount, unit, device, seq, order_no,
                          issued, expires, bytes, kid, revoked, state, intent_seq, superseded_by,
                          told FROM token;
               DROP TABLE token;
               ALTER TABLE token_2 RENAME TO token;
               CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
                   WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied');
               CREATE INDEX token_by_device ON token (device, state);
               CREATE INDEX token_by_key ON token (kid, state);
               CREATE TABLE posting_2 (
                   op      TEXT   NOT NULL,
                   leg     BIGINT NOT NULL,
                   token   TEXT   NOT NULL,
                   meter   TEXT   NOT NULL,
                   account TEXT   NOT NULL,
                   place   TEXT   NOT NULL
                       CHECK (place IN ('customer', 'in-transit', 'meter-held')),
                   unit    TEXT   NOT NULL,
                   amount  BIGINT NOT NULL,
                   at      BIGINT NOT NULL,
                   PRIMARY KEY (op, leg)
               );
               INSERT INTO posting_2 SELECT * FROM posting;
               DROP TABLE posting;
               ALTER TABLE posting_2 RENAME TO posting;
               DROP TABLE swap;
               DROP INDEX review_open;
               DROP TABLE checkpoint;
               DROP TABLE bundle_doc;
               DROP TABLE bundle_write;
               DROP TABLE round_doc;
               DROP TABLE meter_closed;
               DROP TABLE draft;
               ALTER TABLE review DROP COLUMN rests;
               DROP TABLE bundle_file;
               DROP TABLE rewound;
               DROP TABLE shift;
               DROP TABLE shift_sum;
               DROP TABLE shift_op;
               DROP TABLE issue_list;
               DROP TABLE issue_row;";
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    let sql = "UPDATE office SET value = '2' WHERE name = 'format'";
    assert_eq!(sqlx::query(sql).execute(&mut conn).await.unwrap().rows_affected(), 1);
    conn.close().await.unwrap();
}

/// The indexes, word for word; where the words stand is of no concern.
pub async fn indexes(file: &Path) -> Vec<String> {
    let url = format!("sqlite://{}", file.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let sql =
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
    let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    rows.iter().map(|row| words(row.try_get(0).unwrap())).collect()
}

/// Every table with how many rows it has, and what its rows are.
pub async fn dump(file: &Path) -> Vec<(String, Vec<String>)> {
    let url = format!("sqlite://{}", file.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table'
               AND name NOT IN ('swap', 'checkpoint', 'bundle_doc', 'bundle_file', 'bundle_write',
                                'round_doc', 'meter_closed', 'draft',
                                'rewound',
                                'shift', 'shift_sum', 'shift_op', 'issue_list', 'issue_row')
               ORDER BY name";
    let tables = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
    let mut found = Vec::new();
    for table in tables {
        let name: String = table.try_get("name").unwrap();
        let sql = format!("SELECT name FROM pragma_table_info('{name}')");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
        let columns: Vec<String> = rows
            .iter()
            .map(|row| row.try_get::<String, _>(0).unwrap())
            .filter(|column| !column.starts_with("bus_"))
            .filter(|column| {
                !["act", "undoes", "swap", "leg", "closed", "fenced_by", "rests"]
                    .contains(&column.as_str())
            })
            .map(|column| format!("quote({column})"))
            .collect();
        let whole = columns.join(" || '|' || ");
        let sql = format!("SELECT {whole} FROM \"{name}\" ORDER BY 1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
        found.push((name, rows.iter().map(|row| row.try_get(0).unwrap()).collect()));
    }
    found
}

#[test]
fn a_ledger_of_the_version_before_is_brought_up_and_loses_nothing() {
    let place = Place::founded();
    let csv = place.path("old.csv");
    std::fs::write(&csv, "47,123456,\"Zhang, San\",B2 1203,yuan,5,0,north\n48,9,Li,B2\n").unwrap();
    let token = place.path("t.mkt");
    place.good(&["meter", "import", &csv]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    let issue = ["issue", "--meter", "47", "--amount", "10.00", "--device", "hh-1", "--out"];
    place.good(&[&issue[..], &[&token]].concat());
    let file = place.office().join("office.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(age(&file));
    let before = runtime.block_on(dump(&file));
    let rows = |dump: &[(String, Vec<String>)], name: &str| {
        dump.iter().find(|(table, _)| table == name).map_or(0, |(_, rows)| rows.len())
    };
    assert_eq!((rows(&before, "meter"), rows(&before, "token")), (2, 1), "{before:?}");

    let ledger = place.good(&["ledger"]);
    assert_eq!(ledger["sum_zero"], true);
    let mut after = runtime.block_on(dump(&file));
    let format = after.iter_mut().find(|(table, _)| table == "office").unwrap();
    let at = format.1.iter().position(|row| row == "'format'|'8'").expect("brought up");
    format.1[at] = "'format'|'2'".to_owned();
    assert_eq!(after, before, "every row of every table is as it was");
    let fresh = Place::founded();
    let wanted = runtime.block_on(indexes(&fresh.office().join("office.db")));
    assert!(wanted.iter().any(|index| index.contains("UNIQUE INDEX token_credit")), "{wanted:?}");
    assert_eq!(runtime.block_on(indexes(&file)), wanted, "what is unique is unique here, too");

    // And it takes places from now on.
    let csv = place.path("new.csv");
    let moved = "47,123456,\"Zhang, San\",B2 1203,yuan,,,north,,B7-1,4,10,adf400l-3p\n";
    std::fs::write(&csv, moved).unwrap();
    let added: Value = place.good(&["meter", "import", &csv]);
    assert_eq!(added["meters"][0]["box"], json!("B7-1"), "{added}");
    assert_eq!(place.good(&["ledger"]), ledger);
}

//! Many users in one box, as a script meets them: listed, read and recharged by box and user, 12
//! three-phase and 36 single-phase ones.

use meterkit::profile::Profiles;
use meterkit::report::Code;
use meterkit::sim::serve::{Served, served};
use meterkit::store::{AreaMeter, AreaPage};
use meterkit::transport::{Bus, Server, Station};
use meterkit::units::{AccountNo, BusPlace, MeterNo};
use serde_json::{Value, json};

use super::{fails, lines, meterkit};
use crate::support::Desk;
use crate::support::home::Home;

const COUNT: u32 = 3;

/// An operator's profile of a user: the maker's map, and the rows of a recharge that only an
/// operator's document gives; made up here.
fn profile(id: &str, of: &str, [count, balance, recharge]: [&str; 3]) -> String {
    format!(
        r#"id = "{id}"
name = "A box's user"
protocol = "modbus-rtu"
class = "C"
source = "made up for the test"
confidence = "B"
items_of = "{of}"
[line]
baud = 9600
parity = "none"
data_bits = 8
stop_bits = 1
[timing]
answer_ms = 1000
gap_ms = 100
tries = 2
money_ms = 2000
[terminal]
step = 36
wide = 3
boxes = 6
three_phase = "0903"
single_phase = "0904"
[money]
unit = "yuan"
price_fen_per_kwh = 60
power_w = 20000
identity = {{ at = "0A00", form = "bcd", words = 3 }}
account = {{ at = "0A03", form = "bcd", words = 3 }}
count = {{ at = "{count}", form = "u16" }}
balance = {{ at = "{balance}", form = "i32" }}
last_count = {{ at = "0A06", form = "u16" }}
last_amount = {{ at = "0A07", form = "u32" }}
[money.recharge]
at = "{recharge}"
parts = [{{ part = "amount", form = "u32" }}, {{ part = "count", form = "u16" }}]
"#
    )
}

/// Box `B7-1` at units 1 to 36: 12 three-phase users; box `B7-2` from 37 on: 36 single-phase ones.
const FLEET: &str = r#"
start = "2026-11-20T08:00:00"
[[box]]
first = 1
no = "000000000101"
three_phase = 12
profile_three = "shop-3p"
profile_single = "shop-1p"
account = "330100000101"
balance = "50.00"
count = 3
[[box]]
first = 37
no = "000000000201"
single_phase = 36
profile_three = "shop-3p"
profile_single = "shop-1p"
account = "330100000201"
balance = "50.00"
count = 3
"#;

fn number(user: u8, terminal: &str) -> u32 {
    u32::from(user) + if terminal == "B7-1" { 100 } else { 200 }
}

fn meter(user: u8, terminal: &str) -> MeterNo {
    number(user, terminal).to_string().parse().unwrap()
}

struct Boxes {
    home: Home,
    desk: Desk,
    port: String,
    _server: Server<Box<dyn Station>>,
}

impl Boxes {
    fn new() -> Self {
        let (desk, profiles) = (Desk::new(), Self::profiles());
        let home = Home::new(&desk);
        let folder = home.path().join("profiles");
        std::fs::create_dir(&folder).unwrap();
        for (id, text) in &profiles {
            std::fs::write(folder.join(format!("{id}.toml")), text).unwrap();
        }
        let texts = profiles.iter().map(|(id, text)| (format!("{id}.toml"), text.clone()));
        let (known, faults) = Profiles::new(texts.collect());
        assert!(faults.iter().all(|fault| !fault.what.is_fault()), "{faults:?}");
        let Served { station, .. } = served(FLEET, &known).unwrap().unwrap();
        let bus = Bus::unpaced(station);
        let server = Server::on_tcp(bus, "127.0.0.1:0".parse().unwrap()).unwrap();
        let boxes = Self { home, desk, port: server.endpoint().to_string(), _server: server };
        boxes.list();
        boxes
    }

    fn profiles() -> [(&'static str, String); 2] {
        let three = profile("shop-3p", "adf400l-3p", ["0366", "0362", "0543"]);
        let single = profile("shop-1p", "adf400l-1p", ["030E", "030A", "050D"]);
        [("shop-3p", three), ("shop-1p", single)]
    }

    /// The office's area list, with the line in it: no command needs `--port`.
    fn list(&self) {
        let one = |terminal: &str, user: u8, unit: u8, profile: &str| AreaMeter {
            no: meter(user, terminal),
            account: None,
            customer: format!("customer {user}"),
            location: "stairwell".to_owned(),
            profile: profile.to_owned(),
            area: String::new(),
            place: BusPlace {
                line: self.port.clone(),
                terminal: terminal.to_owned(),
                user,
                address: unit.to_string(),
            },
        };
        let wide = (1..=12).map(|user| one("B7-1", user, 3 * user - 2, "shop-3p"));
        let single = (1..=36).map(|user| one("B7-2", user, 36 + user, "shop-1p"));
        let pages = [AreaPage { signed: vec![1], meters: wide.chain(single).collect() }];
        self.home.store().install_area(1, &pages).unwrap();
    }

    fn good(&self, arguments: &[&str]) -> Vec<Value> {
        let mut all = vec!["--json", "--no-input"];
        all.extend(arguments);
        let output = meterkit(&self.home, &all);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        lines(&output)
    }

    fn token(&self, user: u8, terminal: &str, amount: i64) {
        let account: AccountNo = format!("330100000{}", number(user, terminal)).parse().unwrap();
        let token = self.desk.token(meter(user, terminal), account, COUNT, amount);
        let path = self.home.path().join("token.mkt");
        std::fs::write(&path, self.desk.sign(&token)).unwrap();
        self.good(&["tokens", "import", path.to_str().unwrap()]);
    }
}

/// The card among lines of progress.
fn card(said: &[Value]) -> &Value {
    said.iter().find(|line| line["meter"].is_string()).unwrap()
}

#[test]
fn forty_eight_users_of_two_boxes_are_listed_read_and_recharged_by_their_place() {
    let boxes = Boxes::new();
    let all = boxes.good(&["boxes"]);
    let seen: Vec<(&Value, &Value)> = all.iter().map(|row| (&row["box"], &row["users"])).collect();
    assert_eq!(seen, [(&json!("B7-1"), &json!(12)), (&json!("B7-2"), &json!(36))]);
    let users = boxes.good(&["boxes", "B7-1"]);
    assert_eq!((&users[11]["user"], &users[11]["address"]), (&json!(12), &json!("34")));

    // The boxes say the same of themselves as the plan of their maker.
    let said = boxes.good(&["boxes", "--scan", "--port", &boxes.port, "--profile", "shop-3p"]);
    let plan = |first: &str, kind: &str, users: &str| {
        boxes.good(&["boxes", "--plan", "--first", first, kind, users])
    };
    assert_eq!(said.len(), 48);
    assert_eq!(said[..12], plan("1", "--wide", "12"));
    assert_eq!(said[12..], plan("37", "--single", "36"));

    for (terminal, users, last) in [("B7-1", 12, "34"), ("B7-2", 36, "72")] {
        let rows = boxes.good(&["read", "--box", terminal]);
        assert_eq!(rows.len(), users + 1, "and the summary");
        assert_eq!(rows[users]["summary"]["read"], users, "{:?}", rows[users]);
        let listed = boxes.good(&["boxes", terminal]);
        assert_eq!(listed[users - 1]["address"], last);
    }
    let one = boxes.good(&["read", "--box", "B7-1", "--user", "12"]);
    assert_eq!(card(&one)["meter"], "000000000112", "{one:?}");

    // A three-phase user and the last single-phase one; nobody else's balance moves.
    for (terminal, user, digits) in [("B7-1", 12, "0112"), ("B7-2", 36, "0236")] {
        // The amount is in a test token's identity.
        boxes.token(user, terminal, 2_000 + i64::from(user));
        let user = user.to_string();
        let done =
            boxes.good(&["recharge", "--box", terminal, "--user", &user, "--confirm", digits]);
        let finished = &done.last().unwrap()["finished"];
        assert_eq!(finished["outcome"], "accepted", "{done:?}");
        assert_eq!(finished["after"]["count"], COUNT + 1);
        let neighbour = boxes.good(&["read", "--box", terminal, "--user", "1"]);
        assert_eq!(card(&neighbour)["count"], COUNT, "{neighbour:?}");
    }
}

#[test]
fn a_place_nobody_has_and_a_wrong_token_are_refused_with_what_is_wrong() {
    let boxes = Boxes::new();
    let home = &boxes.home;
    for (arguments, wrong) in [
        (&["read", "--box", "B7-1", "--user", "13"][..], "B7-1/13"),
        (&["recharge", "--box", "B9", "--user", "1", "--confirm", "0101"], "B9/1"),
        (&["boxes", "B9"], "B9"),
    ] {
        assert_eq!(fails(home, arguments, Code::TerminalUnknown), wrong);
    }
    // The neighbour's digits confirm nothing.
    boxes.token(2, "B7-1", 2_000);
    let other = ["recharge", "--box", "B7-1", "--user", "2", "--confirm", "0101"];
    fails(home, &other, Code::DigitsWrong);
    let none = ["recharge", "--box", "B7-1", "--user", "3", "--confirm", "0103"];
    fails(home, &none, Code::TokenUnknown);
}

/// What a spreadsheet's sheet says, row by row.
fn sheet(path: &std::path::Path, name: &str) -> Vec<Vec<String>> {
    use calamine::{Reader, Xlsx, open_workbook};
    let mut book: Xlsx<_> = open_workbook(path).unwrap();
    let range = book.worksheet_range(name).unwrap();
    range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn a_survey_finds_both_boxes_with_their_users_and_names_them_by_the_list() {
    let boxes = Boxes::new();
    let file = boxes.home.path().join("survey.xlsx");
    // Quick, for the line is not paced; the boxes end at 72.
    let fast = ["--baud", "19200", "--parity", "none", "--protocol", "modbus-rtu", "--to", "75"];
    let survey = ["survey", "--port", &boxes.port, "--xlsx", file.to_str().unwrap(), "--listed"];
    let said = boxes.good(&[&survey[..], &fast].concat());
    let view = said.iter().find(|row| row["meters"].is_array()).unwrap();
    assert_eq!(view["meters"].as_array().unwrap().len(), 48);
    let found = view["boxes"].as_array().unwrap();
    let named: Vec<(&Value, &Value, usize)> = found
        .iter()
        .map(|one| (&one["box"], &one["basis"], one["users"].as_array().unwrap().len()))
        .collect();
    let counted = json!("counted");
    let (first, second) = (json!("B7-1"), json!("B7-2"));
    assert_eq!(named, [(&first, &counted, 12), (&second, &counted, 36)]);
    for user in found.iter().flat_map(|one| one["users"].as_array().unwrap()) {
        assert_eq!((&user["found"], &user["listed"]), (&json!(true), &user["user"]), "{user}");
    }
    let last = &found[0]["users"][11];
    assert_eq!((&last["address"], &last["three_phase"]), (&json!("34"), &json!(true)));
    // One row a user, under heads.
    let rows = sheet(&file, "Boxes");
    assert_eq!(rows.len(), 49);
    assert_eq!(rows[0][..4], ["Box", "User", "Address", "Phases"]);
    assert_eq!(rows[12][..5], ["B7-1", "12", "34", "three-phase", "found"]);
    assert_eq!(rows[48][..4], ["B7-2", "36", "72", "single-phase"]);
}

//! The command line of the office: a day at the desk, people, keys on several machines.

use super::desk::TENANT;
use meterkit::office::local::Local;
use meterkit::office::{Cost, Office, Setup};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const PASSPHRASE: &str = "a passphrase for the desk";

/// A folder with an office to be, and a file with its passphrase.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pass"), format!("{PASSPHRASE}\n")).unwrap();
        Self { dir }
    }

    /// With an office as `init` makes it, but for what a try of a passphrase costs: a test that is
    /// not about `init` opens its keys with every command.
    pub fn founded() -> Self {
        let place = Self::new();
        drop(place.found(None));
        place
    }

    /// Makes that office, in a file or at a URL; it is given with its keys open.
    pub fn found(&self, url: Option<&str>) -> Local {
        let setup = Setup { cost: Cost::TEST, ..Setup::usual(TENANT) };
        let ask = |_: &str, _: bool| Ok(PASSPHRASE.into());
        let folder = self.office();
        Local::start(|| Office::init_on(&folder, url, &setup, &ask)).unwrap()
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    pub fn office(&self) -> PathBuf {
        self.dir.path().join("office")
    }

    /// Runs a command; gives what it printed and its exit status.
    pub fn run(&self, args: &[&str]) -> (Value, i32) {
        self.run_with(Some(&self.dir.path().join("pass")), args)
    }

    fn run_with(&self, pass: Option<&Path>, args: &[&str]) -> (Value, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit-office"));
        command.arg("--data").arg(self.office()).arg("--json").args(args);
        command.env_remove("METERKIT_OFFICE_PASSPHRASE_FILE").env_remove("CREDENTIALS_DIRECTORY");
        if let Some(pass) = pass {
            command.env("METERKIT_OFFICE_PASSPHRASE_FILE", pass);
        }
        let out = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(
            !text.contains(PASSPHRASE)
                && !String::from_utf8_lossy(&out.stderr).contains(PASSPHRASE)
        );
        (serde_json::from_str(&text).unwrap_or_default(), out.status.code().unwrap())
    }

    pub fn good(&self, args: &[&str]) -> Value {
        let (json, code) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {json}");
        json
    }
}

#[test]
fn the_command_line_does_a_day_at_the_desk() {
    let place = Place::new();
    let list = "meter,account,customer,location\n47,123456,\"Zhang, San\",B2 1203\n48,9,Li,B2\n";
    std::fs::write(place.path("meters.csv"), list).unwrap();
    let (csv, enrolment) = (place.path("meters.csv"), place.path("hh.mke"));
    let (file, status) = (place.path("t.mkt"), place.path("hh.mks"));
    let issue = ["issue", "--meter", "47", "--amount", "100.00", "--device", "hh-1", "--out"];
    let li = ["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"];
    let enrol = ["enrol", "hh-1", "--operator", "li", "--out", &enrolment];
    let limits = ["limits", "set", "--device", "hh-1", "--yuan", "100.00:150.00"];
    let steps: [(&[&str], i32, &str); 17] = [
        (&["ledger"], 6, "/error"),
        (&["init", "--tenant", TENANT], 0, "/root_key"),
        (&["init", "--tenant", TENANT], 6, "/error"),
        (&["meter", "import", &csv], 0, "/added"),
        (&[&issue[..], &[&file]].concat(), 1, "/error"),
        (&enrol, 1, "/error"),
        (&li, 0, "/operators/0/limits/yuan"),
        (&enrol, 0, "/operators/0/code"),
        (&limits, 0, "/limits/yuan"),
        (&[&issue[..], &[&file]].concat(), 0, "/code"),
        (&["issue", "--meter", "48", "--amount", "51", "--device", "hh-1"], 1, "/error"),
        (&["issue", "--meter", "47", "--amount", "0", "--device", "hh-1"], 2, ""),
        (&["status", "hh-1", "--out", &status], 0, "/file"),
        (&["review", "list"], 0, "/reviews"),
        (&["devices"], 0, "/devices/0/yuan_out"),
        (&["devices", "forks", "hh-1"], 0, "/forks"),
        (&["ledger"], 0, "/sum_zero"),
    ];
    for (args, status, pointer) in steps {
        let (json, code) = place.run(args);
        assert_eq!(code, status, "{args:?}: {json}");
        assert!(pointer.is_empty() || json.pointer(pointer).is_some(), "{args:?}: {json}");
    }
    let ledger = place.good(&["ledger"]);
    assert_eq!(ledger["sum_zero"], true);
    assert_eq!(ledger["balances"][1]["amount"], "100.00");
    let token = std::fs::read(file).unwrap();
    assert_eq!(meterkit_tokens::document_type(&token).unwrap(), meterkit_tokens::DocType::Recharge);
    let status = std::fs::read(status).unwrap();
    assert_eq!(meterkit_tokens::document_type(&status).unwrap(), meterkit_tokens::DocType::Status);
    let revoke = place.good(&["keys", "check"]);
    assert_eq!(revoke["good"], true, "{revoke}");
    assert!(place.good(&["devices", "recovery", "hh-1"])["code"].as_str().unwrap().len() == 33);
}

/// What only looks needs no passphrase; what signs says which one is missing, and asks nobody where
/// nobody is.
#[test]
fn only_what_signs_needs_the_passphrase() {
    let place = Place::founded();
    for args in [&["ledger"][..], &["devices"], &["keys", "list"], &["operator", "list"]] {
        assert_eq!(place.run_with(None, args).1, 0, "{args:?}");
    }
    place.good(&["operator", "add", "li", "--name", "Li", "--role", "auditor"]);
    let file = place.path("hh.mke");
    let enrol = ["enrol", "hh-1", "--operator", "li", "--out", &file];
    let (json, code) = place.run_with(None, &enrol);
    assert_eq!((code, json["error"].as_str().unwrap()), (6, "no-passphrase"));
    std::fs::write(place.path("other"), "another passphrase\n").unwrap();
    let (json, code) = place.run_with(Some(place.path("other").as_ref()), &enrol);
    assert_eq!((code, json["error"].as_str().unwrap()), (6, "wrong-passphrase"));
    assert!(!Path::new(&file).exists());
}

/// With TLS unless told otherwise; the line says where, for whoever started it.
#[test]
fn the_server_serves_tls() {
    use std::io::{BufRead, BufReader};
    let place = Place::founded();
    for (plain, tls) in [(&[][..], true), (&["--plain"], false)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit-office"));
        command.arg("--data").arg(place.office()).args(["--json", "--passphrase-file"]);
        command.arg(place.path("pass")).args(["serve", "--listen", "127.0.0.1:0"]).args(plain);
        let mut server = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["tls"], tls, "{line}");
    }
    let far = ["serve", "--plain", "--listen", "0.0.0.0:0"];
    assert_ne!(place.run(&far).1, 0, "without TLS for this machine only");
}

/// The root keys in a folder, but one.
fn keys_without(folder: &str, kid: &str) -> Vec<String> {
    let keys = (1..=3).map(|number| format!("{folder}/root-{number}.key"));
    let is_it = |key: &String| {
        let public = meterkit::office::read_sealed(Path::new(key)).unwrap().public;
        meterkit_tokens::PublicKey::from_bytes(public).unwrap().kid().to_string() == kid
    };
    keys.filter(|key| !is_it(key)).collect()
}

#[test]
fn a_root_ceremony_goes_from_machine_to_machine() {
    let place = Place::new();
    let stick = place.path("stick");
    let made = place.good(&["init", "--tenant", TENANT, "--root-dir", &stick]);
    assert_eq!((&made["roots"], &made["threshold"]), (&3.into(), &2.into()));
    // A holder gives his key a passphrase of his own: it is not the office's from then on.
    std::fs::write(place.path("holder"), "the third holder's own\n").unwrap();
    let (draft, fourth) = (place.path("root.draft"), place.path("root-4.key"));
    // Each holder works in a place without an office.
    let holder = Place::new();
    let own = format!("root-4={}", place.path("holder"));
    holder.good(&[
        "--key-passphrase",
        &own,
        "keys",
        "root",
        "new",
        "--name",
        "root-4",
        "--out",
        &fourth,
    ]);
    let listed = place.good(&["keys", "list"]);
    let roots = listed["keys"].as_array().unwrap().iter().filter(|key| key["purpose"] == "root");
    let kids: Vec<&str> = roots.map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), 3);
    let drafted = place.good(&[
        "keys",
        "root",
        "draft",
        "--out",
        &draft,
        "--add",
        &fourth,
        "--remove",
        kids[0],
        "--new-keyset-key",
    ]);
    assert_eq!((&drafted["version"], &drafted["signatures"]), (&2.into(), &0.into()));
    let signers = keys_without(&stick, kids[0]);
    let shown = holder.good(&["keys", "root", "show", &draft]);
    assert_eq!(shown["digest"], drafted["digest"]);
    holder.good(&["keys", "root", "sign", &draft, "--key", &signers[0]]);
    let (_, code) = place.run(&["keys", "root", "adopt", &draft]);
    assert_ne!(code, 0, "one of three is not enough");
    let signed = holder.good(&["keys", "root", "sign", &draft, "--key", &signers[1]]);
    assert_eq!(signed["signatures"], 2);
    let wrong = holder.run(&["keys", "root", "sign", &draft, "--key", &fourth]);
    assert_eq!(wrong.0["error"], "wrong-passphrase", "it is the holder's own");
    let adopted = place.good(&["keys", "root", "adopt", &draft]);
    assert_eq!((&adopted["root"], &adopted["keyset"]), (&2.into(), &2.into()));
    assert_eq!(adopted["root_key"], made["root_key"], "people compare the first root for ever");
    assert_eq!(place.good(&["keys", "check"])["faults"], serde_json::json!([]));
    place.good(&["keys", "keyset", "rotate"]);
    let listed = place.good(&["keys", "list"]);
    assert_eq!(listed["keyset"], 3);
    let new = format!("{}\n", "a better passphrase");
    std::fs::write(place.path("new"), new).unwrap();
    place.good(&["keys", "passphrase", "people-2", "--new-passphrase-file", &place.path("new")]);
    place.good(&["operator", "add", "li", "--name", "Li", "--role", "field"]);
    let file = place.path("hh.mke");
    let enrol = ["enrol", "hh-1", "--operator", "li", "--out", &file];
    assert_eq!(place.run(&enrol).0["error"], "wrong-passphrase");
    let own = format!("people-2={}", place.path("new"));
    place.good(&[&["--key-passphrase", &own][..], &enrol].concat());
}

/// The desk's own commands, over a day of sales: lists and files, a list of sales, a shift, a lost
/// handheld.
#[test]
fn every_act_of_the_desk_is_a_command() {
    let place = Place::founded();
    for (no, location) in [("47", "B2 1203"), ("48", "B2 1204")] {
        let add = ["meter", "add", no, "--account", "123456", "--customer", "Li", "--location"];
        place.good(&[&add[..], &[location]].concat());
    }
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    for device in ["hh-1", "hh-2"] {
        let file = place.path(&format!("{device}.mke"));
        place.good(&["enrol", device, "--operator", "li", "--out", &file]);
    }
    assert_eq!(place.good(&["zone", "Asia/Shanghai"])["zone"], "Asia/Shanghai");
    let list = place.path("sales.csv");
    std::fs::write(&list, "meter,amount\n47,100.00\n48,abc\n").unwrap();
    let (bad, code) = place.run(&["issue-list", &list, "--device", "hh-1"]);
    assert_eq!((code, bad["rows"][1]["error"].as_str()), (1, Some("row-amount")), "{bad}");
    std::fs::write(&list, "meter,amount\n47,100.00\n48,25.50\n").unwrap();
    let issue = ["issue-list", &list, "--device", "hh-1"];
    let dry = place.good(&[&issue[..], &["--dry-run"]].concat());
    assert_eq!((&dry["issued"], &dry["good"]), (&false.into(), &true.into()));
    let first = place.good(&issue);
    let again = place.good(&issue);
    assert_eq!((&first["issued"], &again["issued"]), (&true.into(), &false.into()));
    assert_eq!(first["rows"][0]["token"], again["rows"][0]["token"]);
    let today = place.good(&["today"]);
    assert_eq!(today["sales"][0]["issued"], "125.50", "{today}");
    assert_eq!(today["out"][0]["amount"], "125.50");
    let book = place.path("sales.xlsx");
    let sales = place.good(&["sales", "--by", "device", "--period", "year", "--out", &book]);
    assert_eq!(
        (sales["sales"][0]["of"].as_str(), sales["zone"].as_str()),
        (Some("hh-1"), Some("Asia/Shanghai"))
    );
    assert!(std::fs::read(&book).unwrap().starts_with(b"PK"));
    let table = place.path("meters.csv");
    let found = place.good(&["list", "meters", "1204", "--out", &table, "--mark"]);
    assert_eq!(found["meters"][0]["tokens_out"], 1);
    let text = std::fs::read_to_string(&table).unwrap();
    assert!(text.starts_with('\u{feff}') && text.lines().count() == 2, "{text}");
    for args in [
        &["list", "lost-contact", "--hours", "0", "--days", "0"][..],
        &["list", "keep-power"],
        &["list", "meter", "47"],
        &["list", "tokens", "--state", "reserved"],
        &["list", "bundles"],
        &["list", "devices"],
        &["list", "operators"],
        &["list", "reviews", "--all"],
        &["shift", "list"],
    ] {
        place.good(args);
    }
    assert_eq!(place.run(&["list", "tokens", "--state", "lost"]).1, 2);
    let dry = place.good(&["shift", "close", "--device", "hh-1", "--dry-run"]);
    assert_eq!((&dry["written"], &dry["sums"][0]["out"]), (&false.into(), &"125.50".into()));
    let shift = place.good(&["shift", "close", "--device", "hh-1"]);
    let shown = place.good(&["shift", "show", shift["id"].as_str().unwrap()]);
    assert_eq!(shown["lines"].as_array().unwrap().len(), 2);
    assert_eq!(place.run(&["shift", "close"]).1, 2, "whose?");
    let sheet = place.good(&["lost", "hh-1"]);
    assert_eq!(
        (&sheet["worst"][0]["amount"], &sheet["status"]),
        (&"125.50".into(), &"offered".into())
    );
    assert_eq!(place.run(&["lost", "hh-1", "--to", "hh-2"]).1, 2, "only with --fence");
    let fenced = place.good(&["lost", "hh-1", "--fence", "--to", "hh-2"]);
    assert_eq!(fenced["fenced"]["reissued"].as_array().unwrap().len(), 2, "{fenced}");
    assert_eq!(
        (&fenced["status"], &fenced["meters"][0]["fence"]),
        (&"quarantined".into(), &"waiting".into())
    );
    assert_eq!(place.good(&["ledger"])["sum_zero"], true);
}

/// A recharge over the office's own line, one entered late, how long things wait, and what there
/// is of checkpoints and bundles: on an office that has just begun.
#[test]
fn the_command_line_recharges_from_the_office() {
    let place = Place::founded();
    place.good(&[
        "meter",
        "add",
        "47",
        "--account",
        "123456",
        "--customer",
        "Zhang",
        "--location",
        "B2",
        "--count",
        "5",
    ]);
    let begin = ["online", "begin", "--meter", "47", "--amount", "100.00", "--count", "5"];
    let begun = place.good(&begin);
    assert_eq!((&begun["count_before"], &begun["fenced"]), (&5.into(), &Value::Null));
    assert_eq!(place.run(&begin).1, 2, "one at a time");
    let sale = begun["sale"].as_str().unwrap();
    let end = ["online", "end", sale, "--count-after", "6", "--record", "100.00"];
    assert_eq!(place.good(&end)["ended"], "applied");
    assert_eq!(place.run(&end).1, 1, "it has ended");
    let late = ["online", "record", "--meter", "47", "--amount", "30", "--count", "6"];
    let shown = ["--count-after", "7", "--record", "29.99"];
    let (other, status) = place.run(&[&late[..], &shown[..]].concat());
    assert_eq!((&other["ended"], status), (&"disputed".into(), 1));
    assert_eq!(place.good(&["review", "list"])["reviews"][0]["class"], "C4");
    let id = place.good(&["review", "list"])["reviews"][0]["id"].as_str().unwrap().to_owned();
    let evidence = &place.good(&["review", "show", &id])["evidence"];
    assert_eq!(evidence["readings"][0]["count"], 7, "{evidence}");
    assert_eq!(evidence["tokens"].as_array().unwrap().len(), 1);
    assert_eq!(place.run(&["review", "show", "nothing"]).1, 2);
    assert_eq!(place.good(&["review", "wait"])["wait_days"], 5);
    assert_eq!(place.good(&["review", "wait", "--days", "3"])["wait_days"], 3);
    assert_eq!(place.run(&["review", "wait", "--days", "0"]).1, 2);
    assert_eq!(place.good(&["checkpoint", "list"])["checkpoints"], serde_json::json!([]));
    assert_eq!(place.run(&["checkpoint", "take", "MK1:NOTHING"]).1, 2);
    assert_eq!(place.good(&["bundle", "list"])["bundles"], serde_json::json!([]));
    let report = place.good(&["ledger"]);
    assert_eq!(report["sum_zero"], true);
}

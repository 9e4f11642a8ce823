//! Whoever watches: metrics that can be read, readiness that asks, logs that tell no secret.

use super::raw::{self, Server, get, post, send};
use crate::office::cli::Place;
use crate::office::desk::{ACCOUNT, Desk, Handheld, METER, TENANT, store_key};
use crate::support::{now, stamp};
use meterkit::office::Office;
use meterkit::office::local::Local;
use meterkit::sync::{Http, Timeouts, Trust, enrol};
use meterkit::units::Decision;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Every series by its name and labels, as a strict reader of the text format finds them.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut kinds, mut found) = (BTreeMap::new(), BTreeMap::new());
    let mut helped = BTreeSet::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name) && !help.is_empty(), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name) && kinds.insert(name, kind).is_none(), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = name;
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(plain && labels.ends_with('}'), "{line}");
        let ending = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} not in {family}"));
        let histogram = kinds[family] == "histogram";
        assert!(ending.is_empty() != histogram, "{line}");
        assert!(found.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    found
}

#[test]
fn metrics_can_be_read_and_name_nobody() {
    let desk = Desk::new();
    let served = raw::serve(desk.office());
    let read = || parse(&send(HOST, served.watch, &get("/metrics")).unwrap().text());
    let first = read();
    assert_eq!(first["meterkit_office_receipts_total"], 0.0);
    assert_eq!(first["meterkit_office_devices_late"], 0.0);
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 2500);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(issued.id, Decision::Confirmed);
    let report = handheld.sync(&desk.post()).unwrap();
    assert_eq!(report.review(), 0);
    send(HOST, served.handhelds, &post("/v1/hello", b"nonsense")).unwrap();
    send(HOST, served.handhelds, &get("/v1/../etc/hh-1")).unwrap();
    let text = send(HOST, served.watch, &get("/metrics")).unwrap().text();
    let now = parse(&text);
    let at = |name: &str| {
        *now.get(&format!("meterkit_office_{name}")).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert_eq!(at("requests_total{path=\"/v1/hello\",status=\"400\"}"), 1.0);
    assert_eq!(at("requests_total{path=\"other\",status=\"404\"}"), 1.0);
    assert_eq!(at("rejected_total{reason=\"message\"}"), 1.0);
    assert_eq!(at("entries_total{outcome=\"applied\"}"), 3.0, "import, intent, outcome");
    let receipts = at("receipts_total");
    assert!(receipts >= 3.0 && receipts == at("packs_total{result=\"receipt\"}"));
    assert_eq!(at("requests_in_flight"), 1.0, "this one");
    assert!(at("database_connections{state=\"open\"}") >= 1.0);
    // Figures are a minute old at most: these are the first ones still.
    assert!(at("figures_age_seconds") <= 60.0);
    for (name, value) in &now {
        let Some((front, _)) = name.split_once(",le=") else { continue };
        let all = now[&format!("{front},le=\"+Inf\"}}")];
        let count = front.replace("_bucket", "_count") + "}";
        assert!(*value <= all && all == now[&count], "{name}");
    }
    for secret in ["hh-1", METER, ACCOUNT, "Zhang", "1203", TENANT, "etc"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // A process that watches from the start has the figures of now.
    let again = raw::serve(&desk.office().clone());
    let text = send(HOST, again.watch, &get("/metrics")).unwrap().text();
    assert_eq!(parse(&text)["meterkit_office_requests_in_flight"], 1.0);
}

#[test]
fn figures_are_those_of_the_ledger() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 2500);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(issued.id, Decision::TornWrite);
    handheld.sync(&desk.post()).unwrap();
    desk.clock.fetch_add(30 * 86_400, std::sync::atomic::Ordering::Relaxed);
    let served = raw::serve(desk.office());
    let text = send(HOST, served.watch, &get("/metrics")).unwrap().text();
    let now = parse(&text);
    let at = |name: &str| {
        *now.get(&format!("meterkit_office_{name}")).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert_eq!(at("ledger_sum{unit=\"yuan\"}"), 0.0);
    assert_eq!(at("reviews_open{class=\"C10\"}"), 1.0);
    assert_eq!(at("devices{state=\"enrolled\"}"), 1.0);
    assert_eq!(at("devices_late"), 1.0);
    assert_eq!(at("restored_waiting"), 0.0);
    desk.local.wait(desk.office().close());
    let served = raw::serve(&desk.office().clone());
    let text = send(HOST, served.watch, &get("/metrics")).unwrap().text();
    // Kept for a minute: no question of a watcher makes the database work again.
    assert!(parse(&text).contains_key("meterkit_office_devices_late"), "{text}");
}

#[test]
fn readiness_asks_the_database_and_the_keys() {
    let desk = Desk::new();
    let served = raw::serve(desk.office());
    let ask = |served: &raw::Served| send(HOST, served.watch, &get("/ready")).unwrap();
    assert_eq!(ask(&served).json(), serde_json::json!({ "ready": true }));
    desk.local.wait(desk.office().close());
    let got = ask(&served);
    assert_eq!((got.status, got.json()["cause"].as_str()), (503, Some("database")));
    assert_eq!(send(HOST, served.watch, &get("/health")).unwrap().status, 200, "and it lives");
    // The keys of an office that was only opened are locked.
    let place = Place::founded();
    let local = Local::open(&place.office()).unwrap();
    let got = ask(&raw::serve(local.office()));
    assert_eq!((got.status, got.json()["cause"].as_str()), (503, Some("locked")));
    // Another process renews them.
    let local = Local::start(|| async {
        let office = Office::open(&place.office()).await?;
        let pass = |_: &str, _: bool| Ok("a passphrase for the desk".to_owned().into());
        office.unlock(&[meterkit::office::Purpose::Status], &pass)?;
        Ok(office)
    });
    let local = local.unwrap();
    let served = raw::serve(local.office());
    assert_eq!(ask(&served).status, 200);
    place.good(&["keys", "keyset", "rotate"]);
    assert_eq!(ask(&served).json()["cause"], "keys-changed");
}

fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
}

/// A day of real requests by a real handheld, good and bad: every request has its line, and no line
/// has anything in it that anybody could use.
#[test]
fn the_log_tells_every_request_and_no_secret() {
    let place = Place::founded();
    place.good(&[
        "meter",
        "add",
        METER,
        "--account",
        ACCOUNT,
        "--customer",
        "Zhang San",
        "--location",
        "B2",
    ]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    let logs = place.path("logs");
    let server = Server::start(&place, 0, &["--log-dir", &logs, "--log", "json"]);
    let (url, file) = (format!("http://{}", server.handhelds), place.path("hh.mke"));
    let enrolled =
        place.good(&["enrol", "hh-1", "--operator", "li", "--url", &url, "--out", &file]);
    let issued = place.good(&[
        "issue",
        "--meter",
        METER,
        "--amount",
        "25",
        "--device",
        "hh-1",
        "--out",
        &place.path("t.mkt"),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let file = std::fs::read(&file).unwrap();
    let store = enrol(dir.path(), &store_key(), &file, &stamp()).unwrap();
    let seed = store.identity().device_seed;
    let handheld = Handheld { store, clock: Arc::new(AtomicI64::new(now())), dir };
    let http = Http::new(&url, &Trust::none(), Timeouts::default()).unwrap();
    assert_eq!(handheld.sync(&http).unwrap().tokens, 1);
    let token = std::fs::read(place.path("t.mkt")).unwrap();
    // What does not belong here is not repeated there either.
    let odd = post("/v1/hello", &[&b"\x83Ehh-77P"[..], &token].concat());
    for request in [odd, get("/secret-path?passphrase=1"), post("/v1/pack", &token)] {
        assert!(send(HOST, server.handhelds, &request).unwrap().status >= 400);
    }
    server.signal(rustix::process::Signal::TERM);
    let mut server = server;
    assert!(server.child.wait().unwrap().success());
    let files = files_of(Path::new(&logs));
    assert_eq!(files.len(), 1, "one a day: {files:?}");
    let name = files[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("meterkit-office.") && name.ends_with(".log"), "{name}");
    let bytes = std::fs::read(&files[0]).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    for line in &requests {
        for (name, is) in [
            ("timestamp", Value::is_string as fn(&Value) -> bool),
            ("level", Value::is_string),
            ("request", Value::is_string),
            ("method", Value::is_string),
            ("path", Value::is_string),
            ("status", Value::is_u64),
            ("ms", Value::is_u64),
            ("device", Value::is_string),
            ("code", Value::is_string),
        ] {
            assert!(is(&line[name]), "{name}: {line}");
        }
    }
    let names: BTreeSet<_> = requests.iter().map(|line| line["request"].as_str()).collect();
    assert_eq!(names.len(), requests.len(), "each has its own name");
    let told = |path: &str, status: u16| {
        let told = requests.iter().filter(|line| line["path"] == path && line["status"] == status);
        told.map(|line| line["device"].as_str().unwrap()).collect::<Vec<_>>()
    };
    for path in ["/v1/enrol", "/v1/hello", "/v1/pack", "/v1/pull", "/v1/bye"] {
        assert!(told(path, 200).iter().all(|name| *name == "hh-1"), "{path}: {text}");
        assert!(!told(path, 200).is_empty(), "{path}: {text}");
    }
    assert_eq!(told("/v1/pack", 400).len(), 1);
    assert_eq!(told("other", 404), [""]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let code = |value: &Value| value.as_str().unwrap().to_owned();
    let numbers = |bytes: &[u8]| format!("{:?}", &bytes[..12]).trim_matches(['[', ']']).to_owned();
    let secrets = [
        "a passphrase for the desk".to_owned(),
        code(&enrolled["operators"][0]["code"]),
        code(&issued["code"]),
        hex(&seed),
        numbers(&seed),
        hex(&token[20..40]),
        numbers(&token[20..]),
        hex(&file[40..60]),
        "secret-path".to_owned(),
        "Zhang".to_owned(),
        METER.to_owned(),
    ];
    for secret in secrets {
        assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret}:\n{text}");
    }
    assert!(!bytes.windows(16).any(|window| window == &token[20..36] || window == &seed[..16]));
}

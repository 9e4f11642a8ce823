//! `docs/openapi.json` against the server, both ways: every documented operation answers as
//! documented, in every documented status, and there is no route that the document does not have.

use super::raw::{self, Got, get, post, request, send};
use crate::office::desk::{Desk, METER, device};
use meterkit::office::Order;
use meterkit::office::http::{Door, OPERATIONS, problem};
use meterkit::sync::wire::{KeysAsk, MAX_BODY};
use meterkit::sync::{Post, SyncError};
use serde_cbor::Value as Cbor;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

/// Requests at once, as `src/office/http.rs` has it.
const SLOTS: usize = 64;

/// What cannot be brought about from outside, and why. A request that takes too long is a test
/// beside the server, with a clock of its own.
fn not_from_outside(path: &str, status: u16) -> bool {
    match status {
        // A request of 30 s: `a_body_that_does_not_come_has_its_time` in `src/office/http.rs`.
        408 => true,
        // A fault in the program; there is none that is known.
        500 => true,
        // Nothing behind the watchers' door waits for a body, so it cannot be filled.
        503 => path == "/health" || path == "/metrics",
        _ => false,
    }
}

fn document() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Follows a `$ref`.
fn real<'a>(doc: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(name) => doc.pointer(name.strip_prefix('#').unwrap()).unwrap_or(&Value::Null),
        None => value,
    }
}

/// Every operation in the document: path, method in capitals, the operation.
fn documented(doc: &Value) -> Vec<(String, String, &Value)> {
    let paths = doc["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = ["get", "post", "put", "delete", "patch", "head", "options", "trace"];
        methods.into_iter().filter_map(move |method| {
            Some((path.clone(), method.to_ascii_uppercase(), item.get(method)?))
        })
    });
    all.collect()
}

/// Whether a value is as a schema says. A word that is not known here fails: what is written in the
/// document is checked.
fn fits(doc: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = real(doc, schema);
    for (word, said) in schema.as_object().unwrap() {
        let good = match word.as_str() {
            "description" | "format" | "maxLength" | "x-cbor" => true,
            "type" => match said.as_str().unwrap() {
                "object" => value.is_object(),
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                other => return Err(format!("type {other} is not known here")),
            },
            "required" => {
                said.as_array().unwrap().iter().all(|name| !value[name.as_str().unwrap()].is_null())
            }
            "properties" => {
                for (name, schema) in said.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        fits(doc, schema, value)?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(said, false);
                let known = schema["properties"].as_object().unwrap();
                value.as_object().unwrap().keys().all(|name| known.contains_key(name))
            }
            "enum" => said.as_array().unwrap().contains(value),
            "const" => said == value,
            "minimum" => value.as_u64() >= said.as_u64(),
            "pattern" => matches(said.as_str().unwrap(), value.as_str().unwrap()),
            "allOf" => {
                for schema in said.as_array().unwrap() {
                    fits(doc, schema, value)?;
                }
                true
            }
            other => return Err(format!("{other} is not known here")),
        };
        if !good {
            return Err(format!("{word} {said}: {value}"));
        }
    }
    Ok(())
}

/// The two patterns there are.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "^[0-9a-f]{8}-[0-9]+$" {
        let (front, back) = text.split_once('-').unwrap_or_default();
        let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        return front.len() == 8
            && front.chars().all(hex)
            && !back.is_empty()
            && back.chars().all(|c| c.is_ascii_digit());
    }
    let start = pattern.strip_prefix('^').filter(|rest| !rest.contains(['[', '(', '.', '*']));
    text.starts_with(start.unwrap_or_else(|| panic!("{pattern} is not known here")))
}

/// Whether bytes are the CBOR a schema says.
fn is_cbor(schema: &Value, body: &[u8]) -> bool {
    let value: Cbor = serde_cbor::from_slice(body).unwrap();
    let said = &schema["x-cbor"];
    if let Some(many) = said["array"].as_u64() {
        let Cbor::Array(items) = value else { return false };
        return items.len() as u64 == many && items.iter().all(|i| matches!(i, Cbor::Bytes(_)));
    }
    let keys = said["map"].as_array().expect("an array or a map");
    let Cbor::Map(map) = value else { return false };
    map.keys().all(|key| keys.iter().any(|k| *key == Cbor::Integer(k.as_i64().unwrap().into())))
}

/// Checks one answer against the document; gives its status.
fn check(doc: &Value, path: &str, method: &str, got: &Got) -> u16 {
    let status = got.status.to_string();
    let what = format!("{method} {path} {status}");
    let operation = &doc["paths"][path][method.to_ascii_lowercase()];
    let said = [&operation["responses"][&status], &doc["x-elsewhere"][&status]];
    let said = said.into_iter().find(|said| !said.is_null());
    let said = real(doc, said.unwrap_or_else(|| panic!("{what} is not documented")));
    for (name, header) in said["headers"].as_object().unwrap() {
        let header = real(doc, header);
        match got.header(&name.to_ascii_lowercase()) {
            None => assert_eq!(header["required"], false, "{what}: no {name}"),
            Some(value) => {
                let number = value.parse::<u64>().map(Value::from);
                let value = match header["schema"]["type"].as_str() {
                    Some("integer") => number.unwrap(),
                    _ => Value::from(value),
                };
                fits(doc, &header["schema"], &value)
                    .unwrap_or_else(|e| panic!("{what} {name}: {e}"));
            }
        }
    }
    let kind = got.header("content-type").unwrap_or_else(|| panic!("{what}: no content type"));
    let schema = &said["content"][kind]["schema"];
    assert!(!schema.is_null(), "{what}: {kind} is not documented");
    let schema = real(doc, schema);
    match kind {
        "application/cbor" => assert!(is_cbor(schema, &got.body), "{what}"),
        kind => {
            let json = kind.ends_with("json");
            let value = if json { got.json() } else { Value::from(got.text()) };
            fits(doc, schema, &value).unwrap_or_else(|error| panic!("{what}: {error}"));
            if kind == problem::TYPE {
                assert_eq!(value["status"], got.status, "{what}");
            }
        }
    }
    got.status
}

#[test]
fn the_document_and_the_table_of_routes_say_the_same() {
    let doc = document();
    let said: BTreeSet<_> = documented(&doc).into_iter().map(|(p, m, _)| (p, m)).collect();
    let table = OPERATIONS.iter().map(|o| (o.path.to_owned(), o.method.to_owned()));
    assert_eq!(said, table.collect());
    for (path, method, operation) in documented(&doc) {
        let ours = OPERATIONS.iter().find(|o| o.path == path && o.method == method).unwrap();
        assert_eq!(doc["paths"][&path]["servers"].is_array(), ours.door == Door::Watch, "{path}");
        let body = &operation["requestBody"];
        assert_eq!(body.is_object(), ours.takes_body(), "{path}");
        if ours.takes_body() {
            assert_eq!(body["x-body-limit"], MAX_BODY, "{path}");
            assert!(body["content"]["application/cbor"].is_object(), "{path}");
        }
    }
    // Every code there is, each under its status.
    let codes: BTreeSet<_> = problem::ALL.iter().map(|p| (p.code, p.status)).collect();
    let list = doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array();
    let list: BTreeSet<_> = list.unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(list, codes.iter().map(|(code, _)| *code).collect());
    let responses = documented(&doc).into_iter().flat_map(|(_, _, operation)| {
        operation["responses"].as_object().unwrap().iter().collect::<Vec<_>>()
    });
    let mut used = BTreeSet::new();
    for (status, response) in responses.chain(doc["x-elsewhere"].as_object().unwrap()) {
        let schema = &real(&doc, response)["content"][problem::TYPE]["schema"]["allOf"];
        for code in schema[1]["properties"]["code"]["enum"].as_array().unwrap_or(&vec![]) {
            let pair = (code.as_str().unwrap(), status.parse().unwrap());
            let found = codes.iter().find(|known| **known == pair);
            used.insert(*found.unwrap_or_else(|| panic!("{pair:?}")));
        }
    }
    assert_eq!(used, codes, "every code is somebody's");
}

/// The router is built in one place, out of the table.
#[test]
fn no_route_is_made_outside_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/office");
    let mut files = vec![folder.join("http.rs")];
    files.extend(std::fs::read_dir(folder.join("http")).unwrap().map(|f| f.unwrap().path()));
    let mut makers = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let words =
            ["Router::new", ".route(", ".nest(", ".merge(", ".route_service(", ".nest_service("];
        if words.iter().any(|word| text.contains(word)) {
            makers.push(file.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(makers, ["table.rs"]);
    let table = std::fs::read_to_string(folder.join("http/table.rs")).unwrap();
    assert_eq!(table.matches(".route(").count(), 1, "one, over the table");
}

/// Bodies a real handheld sends, by path.
fn good_bodies(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let sent = RefCell::new(BTreeMap::new());
    let way = desk.post();
    let post = |path: &str, body: &[u8]| -> Result<Vec<u8>, SyncError> {
        sent.borrow_mut().insert(path.to_owned(), body.to_vec());
        way.post(path, body)
    };
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    enrolling
        .introduce(
            [9; 32],
            &crate::office::desk::stamp(desk.clock.load(std::sync::atomic::Ordering::Relaxed)),
            &post,
        )
        .unwrap();
    let handheld = desk.handheld("hh-2");
    let order =
        Order { meter: METER.parse().unwrap(), amount: 100, device: device("hh-2"), days: 3 };
    desk.local.wait(desk.office().issue(&order)).unwrap();
    handheld.sync(&post).unwrap();
    let mut sent = sent.into_inner();
    sent.insert("/v1/keys".to_owned(), KeysAsk { root: 0 }.encode());
    sent
}

/// Every documented operation, in every documented status.
#[test]
fn every_operation_answers_as_documented() {
    let (doc, desk) = (document(), Desk::new());
    let bodies = good_bodies(&desk);
    let served = raw::serve(desk.office());
    let mut seen: BTreeSet<(String, u16)> = BTreeSet::new();
    let mut note = |path: &str, method: &str, got: Option<Got>| {
        let got = got.unwrap_or_else(|| panic!("{method} {path}: no answer"));
        let status = check(&doc, path, method, &got);
        seen.insert((path.to_owned(), status));
        status
    };
    let host = Ipv4Addr::LOCALHOST;
    let to = |path: &str| match OPERATIONS.iter().find(|o| o.path == path).unwrap().door {
        Door::Handhelds => served.handhelds,
        Door::Watch => served.watch,
    };
    let good = |path: &str, method: &str| match method {
        "POST" => post(path, &bodies[path]),
        _ => get(path),
    };
    let operations = documented(&doc);
    for (path, method, _) in &operations {
        assert_eq!(note(path, method, send(host, to(path), &good(path, method))), 200, "{path}");
        let other = if method == "GET" { "POST" } else { "GET" };
        let got = send(host, to(path), &request(other, path, &[], b""));
        assert_eq!(got.as_ref().unwrap().header("allow").unwrap().contains(method), true);
        assert_eq!(note(path, method, got), 405);
        let many: Vec<(&str, &str)> = (0..40).map(|_| ("x-more", "1")).collect();
        let body: &[u8] = bodies.get(path).map_or(b"", Vec::as_slice);
        assert_eq!(
            note(path, method, send(host, to(path), &request(method, path, &many, body))),
            431
        );
        if method == "GET" {
            continue;
        }
        for body in [&b""[..], b"nonsense", &[0x9f; 3000]] {
            assert_eq!(note(path, method, send(host, to(path), &post(path, body))), 400);
        }
        let long = vec![0; MAX_BODY + 1];
        assert_eq!(note(path, method, send(host, to(path), &post(path, &long))), 413);
        for headers in [
            [("content-type", "application/json")],
            [("content-encoding", "zstd")],
            [("content-encoding", "gzip")],
        ] {
            let request = request(method, path, &headers, &bodies[path]);
            assert_eq!(note(path, method, send(host, to(path), &request)), 415, "{headers:?}");
        }
        // One that says nothing, or says it in capitals, is taken at its word.
        for headers in [&[][..], &[("content-type", "Application/CBOR; x=1")]] {
            let request = request(method, path, headers, &bodies[path]);
            assert_eq!(note(path, method, send(host, to(path), &request)), 200, "{headers:?}");
        }
    }
    for to in [served.handhelds, served.watch] {
        for path in ["/", "/v1", "/v2/hello", "/v1/hello/", "/v1/Hello", "/metrics/x"] {
            assert_eq!(note(path, "GET", send(host, to, &get(path))), 404, "{path}");
        }
    }
    assert_eq!(send(host, served.handhelds, &get("/metrics")).unwrap().status, 404, "not here");
    assert_eq!(send(host, served.watch, &get("/v1/health")).unwrap().status, 404, "not here");
    busy(served.handhelds, || {
        let handhelds = operations.iter().filter(|(path, ..)| to(path) == served.handhelds);
        for (path, method, _) in handhelds {
            assert_eq!(note(path, method, send(host, to(path), &good(path, method))), 503);
        }
    });
    // More than an address may ask, from an address that nobody else has.
    for door in [served.handhelds, served.watch] {
        let greedy = Ipv4Addr::new(127, 9, 9, 9);
        let health = if door == served.watch { get("/health") } else { get("/v1/health") };
        let mut stream = raw::line(greedy, door);
        let told = (0..3000).any(|_| {
            stream.write_all(&health).unwrap();
            raw::read(&mut stream).unwrap().status == 429
        });
        assert!(told, "no limit");
        for (path, method, _) in operations.iter().filter(|(path, ..)| to(path) == door) {
            let told = (0..200)
                .any(|_| note(path, method, send(greedy, door, &good(path, method))) == 429);
            assert!(told, "{path}");
        }
    }
    // At last the database goes away.
    desk.local.wait(desk.office().close());
    for (path, method, _) in &operations {
        let needs_it = *path != "/v1/keys" && (method == "POST" || path == "/ready");
        let expected = if needs_it { 503 } else { 200 };
        let got = send(host, to(path), &good(path, method));
        assert_eq!(note(path, method, got), expected, "{path} without a database");
    }
    let mut missing = Vec::new();
    for (path, _, operation) in &operations {
        for status in operation["responses"].as_object().unwrap().keys() {
            let status = status.parse().unwrap();
            if !not_from_outside(path, status) && !seen.contains(&(path.clone(), status)) {
                missing.push(format!("{path} {status}"));
            }
        }
    }
    assert!(missing.is_empty(), "documented and never seen: {missing:?}");
}

/// While every slot of a server is taken by a body that does not come.
fn busy(to: SocketAddr, work: impl FnOnce()) {
    let half = b"POST /v1/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n";
    let held: Vec<_> = (0..SLOTS as u8)
        .map(|n| {
            let mut stream = raw::line(Ipv4Addr::new(127, 8, 8, n + 1), to);
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    // The office takes them in their order, but begins to work on them when it can.
    let probe = Ipv4Addr::new(127, 8, 8, 200);
    let full = (0..500).any(|_| send(probe, to, &get("/v1/health")).unwrap().status == 503);
    assert!(full, "{} held and a slot is free", held.len());
    work();
}

//! Requests nobody should send: malformed, oversized, slow, replayed, forged. No panic, no memory
//! without bound, no write.
//!
//! What is sent is made from the OpenAPI document, so that an operation that is added is attacked
//! without anybody thinking of it: random bodies, good ones with a few bytes changed, cut off or
//! repeated, other methods, other heads, other framings.

use super::raw::{self, Got, Server};
use crate::office::cli::Place;
use crate::office::desk::{ACCOUNT, Desk, METER, NOW, TENANT, device};
use meterkit::office::http::{Door, OPERATIONS, problem};
use meterkit::sync::wire::{self, Ask, KeysAsk, Pack, Position, Request};
use meterkit::sync::{Post, SyncError};
use meterkit::units::UnixSeconds;
use meterkit_tokens::DeviceKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Cases of the property; each is a connection.
const CASES: u32 = 1200;
/// How much a server may grow under all of this: its own bound is 64 requests of 128 KB, 256
/// connections of 16 KB and what the database keeps.
const GROWTH_KIB: u64 = 96 * 1024;

/// Another address for each: how often one may ask is not what is tested here.
fn somebody() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, 2 + (n >> 15 & 0x3f) as u8, (n >> 8 & 0x7f) as u8, (n & 0xff) as u8 | 1)
}

/// One thing to send.
#[derive(Debug, Clone)]
struct Attack {
    operation: usize,
    body: Body,
    head: Head,
}

#[derive(Debug, Clone)]
enum Body {
    Random(Vec<u8>),
    /// A good body with bytes changed, a piece cut off or repeated.
    Changed {
        flips: Vec<(prop::sample::Index, u8)>,
        cut: Option<prop::sample::Index>,
        again: bool,
    },
    /// Arrays in arrays.
    Deep(usize),
    /// A byte string that says it is as long as this.
    Claims(u64),
    /// Somebody else's signature under a good question.
    Forged([u8; 32]),
    Long(usize),
}

#[derive(Debug, Clone)]
enum Head {
    Plain,
    Method(&'static str),
    Type(&'static str),
    /// A length that is not the body's.
    Length(&'static str),
    Twice,
    /// In chunks; and whether the last one comes.
    Chunks(bool),
    ChunkSize(&'static str),
    Many(usize),
    Wide(usize),
    Path(&'static str),
    Version(&'static str),
}

const METHOD: &[&str] = &["GET", "PUT", "DELETE", "PATCH", "TRACE", "X", "POST\0"];
const TYPE: &[&str] = &["", "text/html", "application/json", "\u{1}", "multipart/form-data"];
const LENGTH: &[&str] = &["0", "1", "-1", "x", "99999999999999999999", "131073", " 5", "0x10"];
const CHUNKSIZE: &[&str] = &["ffffffffffffffff", "-1", "g", "", "1;x=y"];
const PATH: &[&str] =
    &["*", "//", "/v1/%68ello", "/v1/hello?x", "http://x/v1/pack", "/v1/pack#", "\u{7f}"];
const VERSION: &[&str] = &["HTTP/0.9", "HTTP/1.0", "HTTP/2.0", "X", ""];

fn one_of(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list)
}

fn attacks(operations: usize) -> impl Strategy<Value = Attack> {
    use prop::collection::vec;
    let index = any::<prop::sample::Index>;
    let body = prop_oneof![
        2 => vec(any::<u8>(), 0..600).prop_map(Body::Random),
        6 => (vec((index(), any::<u8>()), 0..4), prop::option::of(index()), any::<bool>())
            .prop_map(|(flips, cut, again)| Body::Changed { flips, cut, again }),
        1 => (1usize..120_000).prop_map(Body::Deep),
        1 => any::<u64>().prop_map(Body::Claims),
        2 => any::<[u8; 32]>().prop_map(Body::Forged),
        1 => (0usize..300_000).prop_map(Body::Long),
    ];
    let head = prop_oneof![
        6 => Just(Head::Plain),
        1 => one_of(METHOD).prop_map(Head::Method),
        1 => one_of(TYPE).prop_map(Head::Type),
        1 => one_of(LENGTH).prop_map(Head::Length),
        1 => Just(Head::Twice),
        1 => any::<bool>().prop_map(Head::Chunks),
        1 => one_of(CHUNKSIZE).prop_map(Head::ChunkSize),
        1 => (1usize..200).prop_map(Head::Many),
        1 => (1usize..40_000).prop_map(Head::Wide),
        1 => one_of(PATH).prop_map(Head::Path),
        1 => one_of(VERSION).prop_map(Head::Version),
    ];
    (0..operations, body, head).prop_map(|(operation, body, head)| Attack { operation, body, head })
}

/// The operations of the document behind the handhelds' door.
fn operations() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let doc: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let paths = doc["paths"].as_object().unwrap();
    let ours = paths.iter().filter(|(_, item)| item["servers"].is_null());
    let all = ours.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| (path.clone(), method.to_ascii_uppercase()))
    });
    let all: Vec<_> = all.collect();
    let table = OPERATIONS.iter().filter(|operation| operation.door == Door::Handhelds);
    assert_eq!(all.len(), table.count());
    all
}

/// A question in the name of a handheld, signed with a key of somebody else.
fn forged(path: &str, seed: [u8; 32]) -> Vec<u8> {
    let head = Position { epoch: 1, seq: 3, hash: seed };
    let ask = match path {
        "/v1/enrol" => Ask::Enrol { secret: seed, key: seed },
        "/v1/pack" => Ask::Pack(Pack::of(1, 1, seed, seed, &[&seed]).unwrap()),
        "/v1/pull" => Ask::Page { version: 1, page: 0 },
        "/v1/bye" => Ask::Bye { receipt: u64::from(seed[0]) },
        _ => Ask::Hello(wire::Hello { head, receipt: 9, checkpoint: None }),
    };
    let (nonce, document) = ([seed[1]; 16], ask.document());
    let request = Request { device: device("hh-1"), nonce, at: UnixSeconds(NOW), ask };
    let key = DeviceKey::generate(seed);
    let signed = key.sign(document, TENANT, request.payload()).unwrap();
    if path == "/v1/enrol" {
        return wire::join(&[b"hh-1", &nonce, &signed, &seed]);
    }
    wire::join(&[b"hh-1", &nonce, &signed])
}

impl Attack {
    fn body(&self, path: &str, good: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let known = good.get(path).cloned().unwrap_or_else(|| b"x".to_vec());
        match &self.body {
            Body::Random(bytes) => bytes.clone(),
            Body::Changed { flips, cut, again } => {
                let mut body = known;
                for (at, bits) in flips {
                    let at = at.index(body.len());
                    body[at] ^= bits;
                }
                if let Some(at) = cut {
                    body.truncate(at.index(body.len()));
                }
                if *again {
                    body.extend(body.clone());
                }
                body
            }
            Body::Deep(depth) => vec![0x81; *depth],
            Body::Claims(length) => {
                let mut body = vec![0x83, 0x5b];
                body.extend(length.to_be_bytes());
                body
            }
            Body::Forged(seed) => forged(path, *seed),
            Body::Long(length) => vec![0x40; *length],
        }
    }

    fn bytes(&self, operations: &[(String, String)], good: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let (path, method) = &operations[self.operation];
        let body = self.body(path, good);
        let (mut method, mut path, mut version) = (method.as_str(), path.as_str(), "HTTP/1.1");
        let mut kind = "application/cbor";
        let mut framing = format!("content-length: {}\r\n", body.len());
        let mut more = String::new();
        let mut framed = body.clone();
        match &self.head {
            Head::Plain => {}
            Head::Method(other) => method = other,
            Head::Type(other) => kind = other,
            Head::Length(other) => framing = format!("content-length: {other}\r\n"),
            Head::Twice => framing.push_str("content-length: 7\r\n"),
            Head::Chunks(whole) => {
                framing = "transfer-encoding: chunked\r\n".to_owned();
                framed = format!("{:x}\r\n", body.len()).into_bytes();
                framed.extend([&body[..], b"\r\n"].concat());
                if *whole {
                    framed.extend(b"0\r\n\r\n");
                }
            }
            Head::ChunkSize(size) => {
                framing = "transfer-encoding: chunked\r\n".to_owned();
                framed = [size.as_bytes(), b"\r\n", &body].concat();
            }
            Head::Many(many) => more = "x: y\r\n".repeat(*many),
            Head::Wide(wide) => more = format!("x: {}\r\n", "y".repeat(*wide)),
            Head::Path(other) => path = other,
            Head::Version(other) => version = other,
        }
        let head = format!(
            "{method} {path} {version}\r\nhost: x\r\ncontent-type: {kind}\r\n{framing}{more}\r\n"
        );
        [head.as_bytes(), &framed].concat()
    }
}

/// Sends it and hangs up on this side; gives what was said before, if anything was.
fn attack(to: SocketAddr, bytes: &[u8]) -> Option<Got> {
    let mut stream = raw::line(somebody(), to);
    let _ = stream.write_all(bytes);
    // No more will come: whoever waits for it is told so.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    raw::read(&mut stream)
}

fn lives(to: SocketAddr) {
    let got = raw::send(somebody(), to, &raw::get("/v1/health")).expect("the server lives");
    assert_eq!(got.status, 200);
}

/// A desk with a handheld that has been there, and what it sent.
fn been_there() -> (Desk, BTreeMap<String, Vec<u8>>) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    desk.issue_to("hh-1", METER, 100);
    let sent = RefCell::new(BTreeMap::new());
    let way = desk.post();
    let post = |path: &str, body: &[u8]| -> Result<Vec<u8>, SyncError> {
        sent.borrow_mut().insert(path.to_owned(), body.to_vec());
        way.post(path, body)
    };
    handheld.sync(&post).unwrap();
    let enrolling = desk.offer("hh-2", "http://127.0.0.1:1");
    enrolling.introduce([9; 32], &handheld.stamp(), &post).unwrap();
    drop(way);
    let mut sent = sent.into_inner();
    sent.insert("/v1/keys".to_owned(), KeysAsk { root: 0 }.encode());
    (desk, sent)
}

/// Everything that has no good signature changes not one row of any table.
#[test]
fn nothing_that_is_not_signed_is_written() {
    let (desk, good) = been_there();
    let served = raw::serve(desk.office());
    let operations = operations();
    let before = desk.local.wait(desk.office().content()).unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    let seen = RefCell::new(&mut statuses);
    let done = TestRunner::new(config).run(&attacks(operations.len()), |attack_of| {
        let bytes = attack_of.bytes(&operations, &good);
        // A whole good request is no attack, however it is framed; it is replayed below.
        let body = attack_of.body(&operations[attack_of.operation].0, &good);
        prop_assume!(!good.values().any(|known| *known == body || bytes.ends_with(known)));
        let got = attack(served.handhelds, &bytes);
        if let Some(got) = got {
            *seen.borrow_mut().entry(got.status).or_default() += 1;
            prop_assert!(got.status != 500, "{got:?}");
            let plain = [200, 400, 404, 405, 408, 413, 415, 431, 501, 505].contains(&got.status);
            prop_assert!(plain, "{got:?}");
            // What the HTTP library itself turns away has no body.
            if got.header("content-type") == Some(problem::TYPE) {
                let code = got.json()["code"].as_str().map(str::to_owned);
                let known = problem::ALL.iter().find(|p| Some(p.code) == code.as_deref());
                prop_assert_eq!(known.map(|p| p.status), Some(got.status));
            }
        }
        Ok(())
    });
    done.unwrap();
    for status in [200, 400, 405, 413, 415, 431] {
        assert!(statuses.contains_key(&status), "{status} was never seen: {statuses:?}");
    }
    lives(served.handhelds);
    assert_eq!(desk.local.wait(desk.office().content()).unwrap(), before, "no row changed");
}

/// Good requests of yesterday, again and again, in any order: no money moves, no entry comes.
#[test]
fn what_is_replayed_moves_nothing() {
    let (desk, good) = been_there();
    let served = raw::serve(desk.office());
    let (report, receipts) = (desk.report(), desk.local.wait(desk.office().devices()).unwrap());
    for round in 0..20 {
        let mut paths: Vec<_> = good.keys().collect();
        let places = paths.len();
        paths.rotate_left(round % places);
        for path in paths {
            let got = raw::send(somebody(), served.handhelds, &raw::post(path, &good[path]));
            assert_eq!(got.unwrap().status, 200, "{path}");
        }
    }
    assert_eq!(desk.report(), report);
    let now = desk.local.wait(desk.office().devices()).unwrap();
    for (now, before) in now.iter().zip(&receipts) {
        assert_eq!(
            (now.events, now.receipts, now.forks),
            (before.events, before.receipts, before.forks)
        );
        assert_eq!((&now.status, now.epoch), (&before.status, before.epoch));
    }
}

fn server() -> (Place, Server) {
    let place = Place::founded();
    place.good(&[
        "meter",
        "add",
        METER,
        "--account",
        ACCOUNT,
        "--customer",
        "Z",
        "--location",
        "B",
    ]);
    let server = Server::start(&place, 0, &[]);
    (place, server)
}

/// The most memory a process ever had, KiB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A pack of a device that signs it, whose records are a bomb.
fn bomb(seed: [u8; 32]) -> Vec<u8> {
    // 64 MB of zeros in a few KB, where 256 KB are the limit.
    let zipped = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
    let ask = Ask::Pack(Pack::of(1, 1, seed, seed, &[b"x"]).unwrap());
    let (nonce, document) = ([5; 16], ask.document());
    let request = Request { device: device("hh-1"), nonce, at: UnixSeconds(NOW), ask };
    let meterkit_tokens::cbor::Value::Map(mut payload) = request.payload() else { panic!() };
    for (key, value) in &mut payload {
        let meterkit_tokens::cbor::Value::Map(fields) = value else { continue };
        assert_eq!(*key, 6);
        for (key, value) in fields {
            if *key == 6 {
                *value = meterkit_tokens::cbor::Value::Bytes(zipped.clone());
            }
        }
    }
    let payload = meterkit_tokens::cbor::Value::Map(payload);
    let signed = DeviceKey::generate(seed).sign(document, TENANT, payload).unwrap();
    wire::join(&[b"hh-1", &nonce, &signed])
}

/// Long bodies, bodies without end, bombs, and connections that trickle: the server keeps its size,
/// and others are served all the while.
#[test]
fn no_request_makes_the_server_grow() {
    let (_place, server) = server();
    let to = server.handhelds;
    lives(to);
    let before = peak(&server);
    // A body that is said to be short, long, and of any length; in one piece and in chunks.
    for framing in ["content-length: 100000000", "transfer-encoding: chunked"] {
        let mut stream = raw::line(somebody(), to);
        let head = format!("POST /v1/pack HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
        let sent = (0..2000).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(sent < 2000, "{framing}: 128 MB were read");
    }
    // All slots held by half a body each, all connections by half a head.
    let mut held: Vec<TcpStream> = Vec::new();
    for n in 0..60 {
        let mut stream = raw::line(somebody(), to);
        let body = vec![b'x'; 100_000 + n];
        stream
            .write_all(b"POST /v1/pack HTTP/1.1\r\nhost: x\r\ncontent-length: 131000\r\n\r\n")
            .unwrap();
        stream.write_all(&body).unwrap();
        held.push(stream);
    }
    for _ in 0..150 {
        let mut stream = raw::line(somebody(), to);
        stream.write_all(b"GET /v1/health HTTP/1.1\r\nx: ").unwrap();
        held.push(stream);
    }
    lives(to);
    drop(held);
    for depth in [10, 1000, 100_000] {
        for byte in [0x81, 0xa1, 0xc1, 0x9f, 0x5f] {
            attack(to, &raw::post("/v1/hello", &vec![byte; depth]));
        }
    }
    for n in 0..50 {
        attack(to, &raw::post("/v1/pack", &bomb([n; 32])));
    }
    lives(to);
    let grown = peak(&server).saturating_sub(before);
    println!("the server grew by {grown} KiB at most");
    assert!(grown < GROWTH_KIB, "{grown} KiB");
}

/// The bomb of a handheld that may speak: refused as malformed, and not one row is written.
#[test]
fn a_bomb_of_a_known_handheld_is_refused() {
    let desk = Desk::new();
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    let stamp = crate::office::desk::stamp(NOW);
    enrolling.introduce([7; 32], &stamp, &desk.post()).unwrap();
    let before = desk.local.wait(desk.office().content()).unwrap();
    let answer = desk.local.answer("/v1/pack", &bomb([7; 32])).unwrap();
    let [_, body] = wire::split(&answer).unwrap();
    let refused = wire::Answer {
        device: device("hh-1"),
        nonce: [5; 16],
        at: UnixSeconds(NOW),
        reply: wire::Reply::Refused(wire::Refusal::Malformed),
    };
    assert_eq!(body, refused.parts().1);
    assert_eq!(desk.local.wait(desk.office().content()).unwrap(), before);
}

/// Somebody who sends a byte now and then is not waited for longer than a head may take; that time
/// itself is tested beside the server, with a clock of its own (`watch`).
#[test]
fn a_connection_that_only_waits_keeps_nobody_from_being_served() {
    let (_place, server) = server();
    let mut slow: Vec<TcpStream> =
        (0..200).map(|_| raw::line(somebody(), server.handhelds)).collect();
    for round in 0..5 {
        for stream in &mut slow {
            let _ = stream.write_all(&b"POST "[round..=round]);
        }
        lives(server.handhelds);
    }
    let mut last = slow.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert!(last.read(&mut [0; 1]).is_err(), "nothing was answered to half a head");
}

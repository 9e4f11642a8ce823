//! Over real sockets, loopback only: the whole loop, and servers that are no office.

use crate::office::desk::{Desk, METER, NOW, device, figure, stamp, store_key};
use meterkit::office::Offer;
use meterkit::office::tls::ServerTls;
use meterkit::sync::wire::{self, Ask, MAX_BODY, Refusal, Request, path};
use meterkit::sync::{Http, Lie, Post, SyncError, Timeouts, Trust, enrol};
use meterkit::units::{Decision, UnixSeconds};
use meterkit_tokens::DeviceKey;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(200), whole: Duration::from_millis(200) };

#[test]
fn the_whole_loop_over_loopback() {
    let mut desk = Desk::new();
    let url = format!("http://{}", desk.local.serve("127.0.0.1:0").unwrap());
    let offer = Offer::new(&device("hh-1"), &url);
    let file = desk.local.wait(desk.office().offer(&offer)).unwrap().file;
    let dir = tempfile::tempdir().unwrap();
    let store = enrol(dir.path(), &store_key(), &file, &stamp(NOW)).unwrap();
    let clock = std::sync::Arc::clone(&desk.clock);
    let handheld = crate::office::desk::Handheld { store, clock, dir };
    let issued = desk.issue_to("hh-1", METER, 2500);
    let post = Http::new(&url, &Trust::none(), Timeouts::default()).unwrap();
    assert_eq!(handheld.sync(&post).unwrap().tokens, 1);
    // The network goes away; the recharge happens; the network comes back at another port.
    desk.local.stop();
    handheld.recharge(issued.id, Decision::Confirmed);
    let error = handheld.sync(&post).unwrap_err();
    assert_eq!(error.code(), "office-unreachable", "{error}");
    let url = format!("http://{}", desk.local.serve("127.0.0.1:0").unwrap());
    handheld.sync(&Http::new(&url, &Trust::none(), Timeouts::default()).unwrap()).unwrap();
    assert_eq!(figure(&desk.report(), "meter-held"), 2500);
}

/// A server that gives every connection the same bytes and closes it; none at all for `None`, and
/// then the connection stays open.
fn server(answer: Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            match &answer {
                None => held.push(stream),
                Some(answer) => {
                    read_request(&mut stream);
                    let _ = stream.write_all(answer);
                }
            }
        }
    });
    url
}

/// Reads a request to its end, so that closing does not reset the connection.
fn read_request(stream: &mut TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let Ok(n @ 1..) = stream.read(&mut buffer) else { return };
        seen.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text.split("content-length: ").nth(1).and_then(|t| t.lines().next());
        let length: usize = length.and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        if seen.len() >= end + 4 + length {
            return;
        }
    }
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

#[test]
fn servers_that_are_no_office() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let before = handheld.store.summary();
    let big = MAX_BODY + 1;
    let cases: Vec<(&str, Option<Vec<u8>>, &str)> = vec![
        ("accepts and never answers", None, "office-timeout"),
        ("closes at once", Some(vec![]), "office-unreachable"),
        ("no HTTP", Some(b"220 mail.example ESMTP\r\n".to_vec()), "office-unreachable"),
        ("a body cut short", Some(answer("200 OK", 5000, &[0x82; 20])), "office-unreachable"),
        ("a body too long", Some(answer("200 OK", big, &vec![0; big])), "office-lies"),
        ("a portal", Some(answer("200 OK", 6, b"<html>")), "office-lies"),
        ("a redirect", Some(answer("302 Found\r\nlocation: /login", 0, b"")), "office-lies"),
        ("another site", Some(answer("404 Not Found", 0, b"")), "office-lies"),
        ("too often", Some(answer("429 Too Many", 0, b"")), "office-busy"),
        ("a busy proxy", Some(answer("502 Bad Gateway", 0, b"")), "office-unreachable"),
        ("an empty answer", Some(answer("200 OK", 0, b"")), "office-lies"),
    ];
    for (name, bytes, code) in cases {
        let post = Http::new(&server(bytes), &Trust::none(), SHORT).unwrap();
        let error = handheld.sync(&post).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(handheld.store.summary(), before, "{name} changed the store");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let post = Http::new(&format!("http://{closed}"), &Trust::none(), SHORT).unwrap();
    assert_eq!(handheld.sync(&post).unwrap_err().code(), "office-unreachable");
}

/// A large area list is more requests than the office takes at once.
#[test]
fn a_short_wait_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let later = answer("429 Too Many Requests\r\nretry-after: 0\r\nconnection: close", 0, b"");
        let answers =
            [later.clone(), later.clone(), answer("200 OK\r\nconnection: close", 4, b"good")];
        for bytes in answers.iter().chain(&[later.clone(), later.clone(), later]) {
            let mut stream = listener.accept().unwrap().0;
            read_request(&mut stream);
            stream.write_all(bytes).unwrap();
        }
    });
    let post = Http::new(&url, &Trust::none(), Timeouts::default()).unwrap();
    assert_eq!(post.post(path::PULL, b"x"), Ok(b"good".to_vec()));
    let error = post.post(path::PULL, b"x").unwrap_err();
    assert_eq!(error.code(), "office-busy", "not for ever: {error}");
    asked.join().unwrap();
}

#[test]
fn the_office_keeps_its_limits() {
    let mut desk = Desk::new();
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let post =
        Http::new(&format!("http://{address}"), &Trust::none(), Timeouts::default()).unwrap();
    let refused = |path: &str, body: &[u8]| post.post(path, body).unwrap_err();
    let too_long = vec![0; MAX_BODY + 1];
    assert_eq!(refused(wire::path::PACK, &too_long), SyncError::Lies(Lie::Status(413)));
    assert_eq!(refused(wire::path::HELLO, b"nonsense"), SyncError::Lies(Lie::Status(400)));
    assert_eq!(refused("/v1/other", b""), SyncError::Lies(Lie::Status(404)));
    assert_eq!(refused(wire::path::HEALTH, b""), SyncError::Lies(Lie::Status(405)));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /v1/health HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.0 200") && text.ends_with("ok\n"), "{text}");
}

/// One connection that asks again and again.
struct Asking(TcpStream);

impl Asking {
    fn to(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // An office that never answers must not hang the test.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    /// Sends a request and gives the head of the answer; `None` once the office has hung up.
    fn ask(&mut self, request: &[u8]) -> Option<String> {
        self.0.write_all(request).ok()?;
        let (mut seen, mut byte) = (Vec::new(), [0; 1]);
        while !seen.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1..) => seen.push(byte[0]),
                _ => return None,
            }
        }
        let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|t| t.lines().next());
        let length: usize = length.and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        self.0.read_exact(&mut vec![0; length]).ok()?;
        Some(head)
    }
}

fn post_of(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A handheld that asks without end is told to come back, by name; others are not held to account.
#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    let mut desk = Desk::new();
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let greedy = post_of(path::HELLO, &wire::join(&[b"hh-1", &[0; 16], b"x"]));
    let modest = post_of(path::HELLO, &wire::join(&[b"hh-2", &[0; 16], b"x"]));
    let mut line = Asking::to(address);
    let told = (0..2000).map(|_| line.ask(&greedy).unwrap()).find(|h| h.contains(" 429 "));
    let head = told.expect("no limit in 2000 requests");
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    assert!(line.ask(&modest).unwrap().contains(" 200 "), "another handheld, same address");
}

#[test]
fn heads_are_bounded() {
    let mut desk = Desk::new();
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let many = "x: y\r\n".repeat(40);
    let many = format!("GET /v1/health HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert!(Asking::to(address).ask(many.as_bytes()).unwrap().contains(" 431 "));
    let long = format!("GET /v1/health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    assert_eq!(Asking::to(address).ask(long.as_bytes()), None, "hung up on");
    // A long body is no long head.
    let body = vec![0; 100_000];
    let head = Asking::to(address).ask(&post_of(path::HELLO, &body)).unwrap();
    assert!(head.contains(" 400 "), "{head}");
}

#[test]
fn connections_are_bounded_and_given_back() {
    let mut desk = Desk::new();
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let held: Vec<_> = (0..256).map(|_| Asking::to(address)).collect();
    let health = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n";
    // The office takes connections in their order: by now it has all of these.
    assert_eq!(Asking::to(address).ask(health), None, "one more is closed at once");
    drop(held);
    let again = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        Asking::to(address).ask(health).is_some()
    });
    assert!(again, "their places are free again");
}

#[test]
fn without_tls_the_office_serves_this_machine_only() {
    let mut desk = Desk::new();
    let error = desk.local.serve("0.0.0.0:0").unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[test]
fn the_office_serves_tls() {
    let mut desk = Desk::new();
    let tls = ServerTls::make(&["127.0.0.1".to_owned()], UnixSeconds(NOW)).unwrap();
    let address = desk.local.serve_tls("0.0.0.0:0", &tls).unwrap();
    // Somebody who never shakes hands keeps nobody waiting.
    let _half_open = TcpStream::connect(("127.0.0.1", address.port())).unwrap();
    let url = format!("https://127.0.0.1:{}", address.port());
    let trust = Trust { ca: tls.ca_der.clone(), pins: tls.pins.to_vec(), now: UnixSeconds(NOW) };
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, 2500);
    let post = Http::new(&url, &trust, Timeouts::default()).unwrap();
    assert_eq!(handheld.sync(&post).unwrap().tokens, 1);
    handheld.recharge(issued.id, Decision::Confirmed);
    handheld.sync(&post).unwrap();
    assert_eq!(figure(&desk.report(), "meter-held"), 2500);
    let plain = Asking::to(([127, 0, 0, 1], address.port()).into()).ask(b"GET / HTTP/1.1\r\n\r\n");
    assert!(plain.is_none_or(|head| !head.contains(" 200 ")), "no plain HTTP behind TLS");
}

/// Requests by somebody else, for somebody else, or to the wrong place: refused by name, with a
/// signed answer, and nothing changes.
#[test]
fn strangers_get_a_signed_refusal() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let _other = desk.handheld("hh-2");
    let summary = handheld.store.summary();
    let head = wire::Position { epoch: 1, seq: summary.head.seq, hash: summary.head.hash };
    let ask = |head| Ask::Hello(wire::Hello { head, receipt: 0, checkpoint: None });
    let send = |name: &str, key: &DeviceKey, outer: &str, path: &str, ask: Ask| {
        let (nonce, at) = ([3; 16], UnixSeconds(NOW));
        let kind = ask.document();
        let request = Request { device: device(name), nonce, at, ask };
        let signed = key.sign(kind, crate::office::desk::TENANT, request.payload()).unwrap();
        let body = wire::join(&[outer.as_bytes(), &nonce, &signed]);
        let [_, body] = wire::split(&desk.local.answer(path, &body).unwrap()).unwrap();
        body
    };
    let (own, stranger) = (handheld.key(), DeviceKey::generate([8; 32]));
    let hello = wire::path::HELLO;
    let refusal = |refusal: Refusal| {
        let reply = wire::Reply::Refused(refusal);
        let at = UnixSeconds(NOW);
        wire::Answer { device: device("hh-1"), nonce: [3; 16], at, reply }.parts().1
    };
    let cases = [
        (send("hh-1", &stranger, "hh-1", hello, ask(head)), Refusal::Signature),
        (send("hh-9", &stranger, "hh-9", hello, ask(head)), Refusal::UnknownDevice),
        (send("hh-1", &own, "hh-2", hello, ask(head)), Refusal::Signature),
        (send("hh-2", &own, "hh-1", hello, ask(head)), Refusal::Malformed),
        (send("hh-1", &own, "hh-1", wire::path::BYE, ask(head)), Refusal::Malformed),
        (send("hh-1", &own, "hh-1", wire::path::PACK, ask(head)), Refusal::Signature),
        (
            send("hh-1", &own, "hh-1", hello, ask(wire::Position { epoch: 2, ..head })),
            Refusal::Epoch,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(body, refusal(expected), "{expected:?}");
    }
    assert!(handheld.sync(&desk.post()).is_ok(), "and the real one is not held to account for it");
}

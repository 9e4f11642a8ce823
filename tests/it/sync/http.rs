//! Over real sockets, loopback only: the whole loop, and servers that are no office.

use crate::office::desk::{Desk, METER, NOW, device, figure, stamp};
use meterkit::sync::wire::{self, Ask, MAX_BODY, Refusal, Request};
use meterkit::sync::{Http, Lie, Post, SyncError, Timeouts, enrol};
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
    let file = desk.local.wait(desk.office().offer(&device("hh-1"), &url)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = enrol(dir.path(), &file, &stamp(NOW)).unwrap();
    let clock = std::sync::Arc::clone(&desk.clock);
    let handheld = crate::office::desk::Handheld { store, clock, dir };
    let issued = desk.issue_to("hh-1", METER, 2500);
    let post = Http::new(&url, Timeouts::default()).unwrap();
    assert_eq!(handheld.sync(&post).unwrap().tokens, 1);
    // The network goes away; the recharge happens; the network comes back at another port.
    desk.local.stop();
    handheld.recharge(issued.id, Decision::Confirmed);
    let error = handheld.sync(&post).unwrap_err();
    assert_eq!(error.code(), "office-unreachable", "{error}");
    let url = format!("http://{}", desk.local.serve("127.0.0.1:0").unwrap());
    handheld.sync(&Http::new(&url, Timeouts::default()).unwrap()).unwrap();
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
        ("a busy proxy", Some(answer("502 Bad Gateway", 0, b"")), "office-unreachable"),
        ("an empty answer", Some(answer("200 OK", 0, b"")), "office-lies"),
    ];
    for (name, bytes, code) in cases {
        let post = Http::new(&server(bytes), SHORT).unwrap();
        let error = handheld.sync(&post).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(handheld.store.summary(), before, "{name} changed the store");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let post = Http::new(&format!("http://{closed}"), SHORT).unwrap();
    assert_eq!(handheld.sync(&post).unwrap_err().code(), "office-unreachable");
}

#[test]
fn the_office_keeps_its_limits() {
    let mut desk = Desk::new();
    let address = desk.local.serve("127.0.0.1:0").unwrap();
    let post = Http::new(&format!("http://{address}"), Timeouts::default()).unwrap();
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

/// Requests by somebody else, for somebody else, or to the wrong place: refused by name, with a
/// signed answer, and nothing changes.
#[test]
fn strangers_get_a_signed_refusal() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let _other = desk.handheld("hh-2");
    let summary = handheld.store.summary();
    let head = wire::Position { epoch: 1, seq: summary.head.seq, hash: summary.head.hash };
    let ask = |head| Ask::Hello(wire::Hello { head, receipt: 0 });
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

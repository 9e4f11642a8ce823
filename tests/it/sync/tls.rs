//! TLS to the office: the office's own server, and everybody else who might answer at its address.

use meterkit::office::tls::ServerTls;
use meterkit::sync::error::Untrusted;
use meterkit::sync::{Http, Post, SyncError, Timeouts, Trust};
use meterkit::units::UnixSeconds;
use rustls::{ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const NOW: i64 = 1_795_000_000;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(200), whole: Duration::from_millis(300) };

fn made(host: &str) -> ServerTls {
    ServerTls::make(&[host.to_owned()], UnixSeconds(NOW)).unwrap()
}

fn trust(tls: &ServerTls) -> Trust {
    Trust { ca: tls.ca_der.clone(), pins: tls.pins.to_vec(), now: UnixSeconds(NOW) }
}

/// A server that treats every connection the same; gives its port.
fn server(treat: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(treat));
    port
}

/// A server with a certificate, which answers "good" to whatever is asked.
fn with_certificate(tls: &ServerTls) -> u16 {
    let config = tls.config().unwrap();
    server(move |stream| {
        let Ok(conn) = ServerConnection::new(config.clone()) else { return };
        let mut stream = StreamOwned::new(conn, stream);
        let mut buffer = [0; 4096];
        if let Ok(1..) = stream.read(&mut buffer) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
            stream.conn.send_close_notify();
            let _ = stream.flush();
            // Read to the end, so that closing does not reset the connection.
            let _ = stream.sock.shutdown(Shutdown::Write);
            while let Ok(1..) = stream.sock.read(&mut buffer) {}
        }
    })
}

fn ask(host: &str, port: u16, trust: &Trust, timeouts: Timeouts) -> Result<Vec<u8>, SyncError> {
    Http::new(&format!("https://{host}:{port}"), trust, timeouts)?.post("/v1/hello", b"")
}

/// The reason why a server with this certificate is not believed.
fn refused(shown: &ServerTls, trust: &Trust) -> Untrusted {
    match ask("127.0.0.1", with_certificate(shown), trust, Timeouts::default()) {
        Err(SyncError::Untrusted(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_office_itself_is_believed() {
    let tls = made("127.0.0.1");
    let port = with_certificate(&tls);
    let answer = ask("127.0.0.1", port, &trust(&tls), Timeouts::default());
    assert_eq!(answer, Ok(b"good".to_vec()));
    let named = made("localhost");
    let port = with_certificate(&named);
    let answer = ask("localhost", port, &trust(&named), Timeouts::default());
    assert_eq!(answer, Ok(b"good".to_vec()));
}

#[test]
fn another_authority() {
    let (office, other) = (made("127.0.0.1"), made("127.0.0.1"));
    assert_eq!(refused(&other, &trust(&office)), Untrusted::Authority);
}

#[test]
fn the_right_authority_but_a_key_that_is_not_pinned() {
    let office = made("127.0.0.1");
    let pins = vec![made("127.0.0.1").pins[0]];
    assert_eq!(refused(&office, &Trust { pins, ..trust(&office) }), Untrusted::Pin);
}

#[test]
fn a_pinned_key_under_another_authority() {
    let (office, other) = (made("127.0.0.1"), made("127.0.0.1"));
    let pins = other.pins.to_vec();
    assert_eq!(refused(&other, &Trust { pins, ..trust(&office) }), Untrusted::Authority);
}

#[test]
fn the_backup_key_is_believed_and_the_lost_one_is_not() {
    let office = made("127.0.0.1");
    let hosts = ["127.0.0.1".to_owned()];
    let changed = office.change_key(&hosts, UnixSeconds(NOW)).unwrap();
    let port = with_certificate(&changed);
    let answer = ask("127.0.0.1", port, &trust(&office), Timeouts::default());
    assert_eq!(answer, Ok(b"good".to_vec()), "announced before");
    assert_eq!(refused(&office, &trust(&changed)), Untrusted::Pin);
}

#[test]
fn a_certificate_out_of_its_time() {
    let office = made("127.0.0.1");
    let at = |now| Trust { now: UnixSeconds(now), ..trust(&office) };
    assert_eq!(refused(&office, &at(NOW + YEAR + DAY)), Untrusted::Expired);
    assert_eq!(refused(&office, &at(NOW - 3 * DAY)), Untrusted::NotYet);
    let hosts = ["127.0.0.1".to_owned()];
    let renewed = office.renew(&hosts, UnixSeconds(NOW + YEAR)).unwrap();
    let port = with_certificate(&renewed);
    let answer = ask("127.0.0.1", port, &at(NOW + YEAR + DAY), Timeouts::default());
    assert_eq!(answer, Ok(b"good".to_vec()));
}

#[test]
fn another_host() {
    let office = made("office.example");
    assert_eq!(refused(&office, &trust(&office)), Untrusted::Name);
}

#[test]
fn a_server_without_tls() {
    let port = server(|mut stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.shutdown(Shutdown::Write);
        while let Ok(1..) = stream.read(&mut buffer) {}
    });
    let error = ask("127.0.0.1", port, &trust(&made("127.0.0.1")), Timeouts::default());
    assert_eq!(error, Err(SyncError::Untrusted(Untrusted::NotTls)));
}

#[test]
fn a_handshake_that_stops_half_way() {
    let port = server(|stream| {
        thread::spawn(move || {
            let mut stream = stream;
            let mut buffer = [0; 4096];
            // Takes the greeting and never says a word.
            while let Ok(1..) = stream.read(&mut buffer) {}
        });
    });
    let error = ask("127.0.0.1", port, &trust(&made("127.0.0.1")), SHORT);
    assert_eq!(error, Err(SyncError::Timeout));
}

#[test]
fn a_handshake_that_is_broken_off() {
    let port = server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
    });
    let error = ask("127.0.0.1", port, &trust(&made("127.0.0.1")), Timeouts::default());
    assert_eq!(error.unwrap_err().code(), "office-unreachable");
}

/// Bytes keep coming, one at a time; the time for the whole does not begin anew with each.
#[test]
fn a_server_that_trickles() {
    let tls = made("127.0.0.1");
    let config = tls.config().unwrap();
    let port = server(move |stream| {
        let Ok(conn) = ServerConnection::new(config.clone()) else { return };
        let mut stream = StreamOwned::new(conn, stream);
        let mut buffer = [0; 4096];
        if let Ok(1..) = stream.read(&mut buffer) {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
            let mut alive = stream.write_all(head).is_ok();
            while alive {
                thread::sleep(Duration::from_millis(20));
                alive = stream.write_all(b"x").and_then(|()| stream.flush()).is_ok();
            }
        }
    });
    assert_eq!(ask("127.0.0.1", port, &trust(&tls), SHORT), Err(SyncError::Timeout));
    // The same inside the handshake: a record that grows by a byte at a time.
    let port = server(|mut stream| {
        thread::spawn(move || {
            let mut alive = stream.write_all(&[22, 3, 3, 0x20, 0]).is_ok();
            while alive {
                thread::sleep(Duration::from_millis(20));
                alive = stream.write_all(&[2]).is_ok();
            }
        });
    });
    assert_eq!(ask("127.0.0.1", port, &trust(&tls), SHORT), Err(SyncError::Timeout));
}

#[test]
fn every_reason_has_words_of_its_own() {
    let reasons = [
        Untrusted::Authority,
        Untrusted::Pin,
        Untrusted::Expired,
        Untrusted::NotYet,
        Untrusted::Name,
        Untrusted::NotTls,
        Untrusted::NoAuthority,
        Untrusted::NoPins,
    ];
    let words: std::collections::BTreeSet<_> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), reasons.len());
    assert_eq!(SyncError::from(Untrusted::Pin).code(), "office-untrusted");
}

//! A server that is stopped, killed and started again while journals come in: what was answered is
//! in the ledger, what was not can be sent again, nothing is there twice.

use super::raw::{self, Server, get};
use crate::office::cli::Place;
use crate::office::desk::{ACCOUNT, Handheld, METER, TENANT, store_key};
use crate::support::{now, stamp};
use meterkit::office::local::Local;
use meterkit::store::Event;
use meterkit::sync::{Http, Timeouts, Trust, enrol};
use meterkit::units::UnixSeconds;
use rustix::process::Signal;
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Handhelds that sync without pause.
const HANDHELDS: usize = 3;
/// How often the server is brought down, in each of three ways in turn.
const STOPS: usize = 12;
/// Exchanges between two stops, so that each comes at another moment of the work.
const BETWEEN: usize = 4;

fn office() -> Place {
    let place = Place::new();
    place.good(&["init", "--tenant", TENANT]);
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
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place
}

fn handheld(place: &Place, name: &str, url: &str) -> Handheld {
    let file = place.path(name);
    place.good(&["enrol", name, "--operator", "li", "--url", url, "--out", &file]);
    let dir = tempfile::tempdir().unwrap();
    let file = std::fs::read(&file).unwrap();
    let store = enrol(dir.path(), &store_key(), &file, &stamp()).unwrap();
    Handheld { store, clock: Arc::new(AtomicI64::new(now())), dir }
}

#[test]
fn what_was_answered_is_there_however_often_the_server_stops() {
    let place = office();
    let mut server = Server::start(&place, 0, &[]);
    let (port, url) = (server.handhelds.port(), format!("http://{}", server.handhelds));
    let names: Vec<String> = (0..HANDHELDS).map(|n| format!("hh-{n}")).collect();
    let handhelds: Vec<Handheld> = names.iter().map(|name| handheld(&place, name, &url)).collect();
    let (ended, done, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for handheld in &handhelds {
            let (url, ended, done, failed) = (&url, &ended, &done, &failed);
            scope.spawn(move || {
                let times =
                    Timeouts { connect: Duration::from_secs(2), whole: Duration::from_secs(20) };
                let http = Http::new(url, &Trust::none(), times).unwrap();
                while !ended.load(Ordering::Relaxed) {
                    for _ in 0..20 {
                        handheld.append(Event::TimeAnchor { server: UnixSeconds(now()) });
                    }
                    match handheld.sync(&http) {
                        Ok(_) => done.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            // Nothing else may happen to it, whenever the server goes.
                            let code = error.code();
                            let away = ["office-unreachable", "office-timeout", "office-busy"];
                            assert!(away.contains(&code), "{code}: {error}");
                            std::thread::sleep(Duration::from_millis(20));
                            failed.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
        for stop in 0..STOPS {
            let enough = done.load(Ordering::Relaxed) + BETWEEN + stop % 3;
            while done.load(Ordering::Relaxed) < enough {
                std::thread::sleep(Duration::from_millis(1 + stop as u64));
            }
            match stop % 3 {
                0 => server.signal(Signal::TERM),
                1 => server.signal(Signal::INT),
                // Asked, and then without patience.
                _ => {
                    server.signal(Signal::TERM);
                    server.signal(Signal::TERM);
                }
            }
            let status = server.child.wait().unwrap();
            assert!(status.success() || stop % 3 == 2, "{status}");
            server = Server::start(&place, port, &[]);
        }
        ended.store(true, Ordering::Relaxed);
    });
    let http = Http::new(&url, &Trust::none(), Timeouts::default()).unwrap();
    let told: Vec<_> = handhelds.iter().map(|h| h.store.summary().acked.unwrap().seq).collect();
    drop(server);
    let local = Local::open(&place.office()).unwrap();
    let devices = local.wait(local.office().devices()).unwrap();
    for (row, told) in devices.iter().zip(told) {
        assert!(
            row.events >= told,
            "{}: {told} were receipted, {} are here",
            row.device,
            row.events
        );
    }
    drop(local);
    let server = Server::start(&place, port, &[]);
    for handheld in &handhelds {
        handheld.sync(&http).unwrap();
        assert!(handheld.store.verify().is_ok());
    }
    drop(server);
    let local = Local::open(&place.office()).unwrap();
    assert!(local.wait(local.office().report()).unwrap().sound());
    let devices = local.wait(local.office().devices()).unwrap();
    for (row, handheld) in devices.iter().zip(&handhelds) {
        let acked = handheld.store.summary().acked.unwrap().seq;
        assert_eq!((row.forks, row.status.as_str()), (0, "enrolled"));
        assert!(row.events >= acked && row.events > 40, "{} of {acked}", row.events);
    }
    println!("{} exchanges, {} cut off", done.into_inner(), failed.into_inner());
}

/// What was begun is finished and answered; nobody new is let in; then the process ends well.
#[test]
fn a_request_that_was_begun_is_answered_before_the_server_goes() {
    let place = office();
    let mut server = Server::start(&place, 0, &[]);
    let host = Ipv4Addr::LOCALHOST;
    let mut begun = raw::line(host, server.handhelds);
    begun
        .write_all(b"POST /v1/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nnons")
        .unwrap();
    // An idle connection keeps nobody.
    let _idle = raw::line(host, server.handhelds);
    let mut other = raw::line(host, server.handhelds);
    other.write_all(&get("/v1/health")).unwrap();
    assert_eq!(raw::read(&mut other).unwrap().status, 200, "by now the first is being worked on");
    server.signal(Signal::TERM);
    let closed = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::net::TcpStream::connect(server.handhelds).is_err()
    });
    assert!(closed, "the door is shut");
    assert!(server.child.try_wait().unwrap().is_none(), "and what was begun is waited for");
    begun.write_all(b"ense").unwrap();
    assert_eq!(raw::read(&mut begun).unwrap().status, 400);
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = office();
    let mut server = Server::start(&place, 0, &[]);
    let mut begun = raw::line(Ipv4Addr::LOCALHOST, server.handhelds);
    begun
        .write_all(b"POST /v1/hello HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nnons")
        .unwrap();
    let mut other = raw::line(Ipv4Addr::LOCALHOST, server.handhelds);
    other.write_all(&get("/v1/health")).unwrap();
    raw::read(&mut other).unwrap();
    server.signal(Signal::TERM);
    let closed = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::net::TcpStream::connect(server.handhelds).is_err()
    });
    assert!(closed && server.child.try_wait().unwrap().is_none());
    server.signal(Signal::INT);
    assert_eq!(server.child.wait().unwrap().code(), Some(130));
    assert_eq!(place.good(&["ledger"])["sum_zero"], true);
}

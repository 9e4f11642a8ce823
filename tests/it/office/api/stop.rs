//! A server that is stopped, killed and started again while journals come in: what was answered is
//! in the ledger, what was not can be sent again, nothing is there twice.

use super::raw::{self, Server, get};
use crate::office::cli::Place;
use crate::office::desk::{COUNT, Handheld, account, device, figure, meter, store_key};
use crate::support::{now, stamp};
use meterkit::office::local::Local;
use meterkit::office::{NewMeter, Offer, Office, Order, Purpose};
use meterkit::store::Event;
use meterkit::sync::{Http, Timeouts, Trust, enrol};
use meterkit::units::{Decision, PurchaseCount, TokenId, UnixSeconds};
use rustix::process::Signal;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Handhelds that sync without pause.
const HANDHELDS: usize = 3;
/// Recharges each of them has to make, one step of its meter after the other.
const RECHARGES: usize = 20;
pub const AMOUNT: i64 = 100;
/// How often the server is brought down, in each of four ways in turn.
const STOPS: usize = 16;
/// Exchanges between two stops, so that each comes at another moment of the work.
const BETWEEN: usize = 3;

/// The same office in this process, beside the server.
pub fn beside(place: &Place) -> Local {
    let local = Local::start(|| async {
        let office = Office::open(&place.office()).await?;
        let pass = |_: &str, _: bool| Ok("a passphrase for the desk".to_owned().into());
        let all = [Purpose::Issuer, Purpose::Status, Purpose::People, Purpose::Recovery];
        office.unlock(&all, &pass)?;
        Ok(office)
    });
    local.unwrap()
}

/// A handheld with a meter of its own, whose tokens are issued.
pub fn handheld(local: &Local, (n, many): (usize, usize), url: &str) -> (Handheld, Vec<TokenId>) {
    let (name, no) = (device(&format!("hh-{n}")), meter(&format!("{}", 4100 + n)));
    let office = local.office();
    let mut new = NewMeter::new(no, account(), "Zhang San", "B2");
    new.count = PurchaseCount(COUNT);
    local.wait(office.add_meters(&[new])).unwrap();
    let file = local.wait(office.offer(&Offer::new(&name, url))).unwrap().file;
    let dir = tempfile::tempdir().unwrap();
    let store = enrol(dir.path(), &store_key(), &file, &stamp()).unwrap();
    let order = Order { meter: no, amount: AMOUNT, device: name, days: 3 };
    let tokens = (0..many).map(|_| local.wait(office.issue(&order)).unwrap().id).collect();
    (Handheld { store, clock: Arc::new(AtomicI64::new(now())), dir }, tokens)
}

/// Recharges and syncs until it is told to end and everything is used.
pub fn work(
    (handheld, tokens): &(Handheld, Vec<TokenId>),
    url: &str,
    ended: &AtomicBool,
    [done, failed]: [&AtomicUsize; 2],
) {
    let times = Timeouts { connect: Duration::from_secs(2), whole: Duration::from_secs(20) };
    let http = Http::new(url, &Trust::none(), times).unwrap();
    let mut rest = tokens.iter();
    while !ended.load(Ordering::Relaxed) || rest.len() > 0 {
        if let Some(token) = rest.as_slice().first()
            && handheld.store.token(*token).is_some()
        {
            handheld.recharge(*token, Decision::Confirmed);
            rest.next();
        }
        for _ in 0..10 {
            handheld.append(Event::TimeAnchor { server: UnixSeconds(now()) });
        }
        match handheld.sync(&http) {
            Ok(_) => done.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                // Nothing else may happen to it, whenever the server goes.
                let away = ["office-unreachable", "office-timeout", "office-busy"];
                assert!(away.contains(&error.code()), "{error}");
                std::thread::sleep(Duration::from_millis(20));
                failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// What was receipted is there before anybody sends anything again; after that everything is, once.
pub fn all_is_there(
    place: &Place,
    port: u16,
    handhelds: &[(Handheld, Vec<TokenId>)],
    recharges: usize,
) {
    let held = |local: &Local| -> Vec<u64> {
        let devices = local.wait(local.office().devices()).unwrap();
        devices.iter().map(|device| device.events).collect()
    };
    let told = handhelds.iter().map(|(h, _)| h.store.summary().acked.unwrap().seq);
    let here = held(&beside(place));
    for (told, here) in told.zip(here) {
        assert!(here >= told, "{told} were receipted, {here} are here");
    }
    let server = Server::start(place, port, &[]);
    let http = Http::new(&url_of(port), &Trust::none(), Timeouts::default()).unwrap();
    for (handheld, _) in handhelds {
        handheld.sync(&http).unwrap();
        assert!(handheld.store.verify().is_ok());
    }
    drop(server);
    let local = beside(place);
    let report = local.wait(local.office().report()).unwrap();
    assert!(report.sound(), "{report:?}");
    let all = handhelds.len() * recharges;
    assert_eq!(figure(&report, "applied"), all as i64, "{report:?}");
    assert_eq!(figure(&report, "meter-held"), AMOUNT * all as i64);
    assert_eq!(report.postings, 4 * all as u64, "issued once and applied once, two legs each");
}

/// Where a server at a port of this machine is.
pub fn url_of(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[test]
fn what_was_answered_is_there_however_often_the_server_stops() {
    let place = Place::founded();
    let mut server = Server::start(&place, 0, &[]);
    let port = server.handhelds.port();
    let url = url_of(port);
    let local = beside(&place);
    let handhelds: Vec<_> =
        (0..HANDHELDS).map(|n| handheld(&local, (n, RECHARGES), &url)).collect();
    drop(local);
    let (ended, done, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let counts = [&done, &failed];
        for handheld in &handhelds {
            let (url, ended) = (&url, &ended);
            scope.spawn(move || work(handheld, url, ended, counts));
        }
        for stop in 0..STOPS {
            let enough = done.load(Ordering::Relaxed) + BETWEEN + stop % 3;
            while done.load(Ordering::Relaxed) < enough {
                std::thread::sleep(Duration::from_millis(1 + stop as u64));
            }
            match stop % 4 {
                0 => server.signal(Signal::TERM),
                1 => server.signal(Signal::KILL),
                2 => server.signal(Signal::INT),
                // Asked, and then without patience.
                _ => {
                    server.signal(Signal::TERM);
                    server.signal(Signal::TERM);
                }
            }
            let status = server.child.wait().unwrap();
            assert!(status.success() || stop % 2 == 1, "{status}");
            server = Server::start(&place, port, &[]);
        }
        ended.store(true, Ordering::Relaxed);
    });
    drop(server);
    all_is_there(&place, port, &handhelds, RECHARGES);
    println!("{} exchanges, {} cut off", done.into_inner(), failed.into_inner());
}

/// A request of which half is sent. The server has asked for the rest of it, so it is at work on
/// it, however busy the machine is: one that had not been looked at yet would be hung up on.
fn begin(server: &Server) -> TcpStream {
    let mut begun = raw::line(Ipv4Addr::LOCALHOST, server.handhelds);
    let head = "POST /v1/hello HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
                content-length: 8\r\n\r\n";
    begun.write_all(head.as_bytes()).unwrap();
    assert_eq!(raw::read(&mut begun).unwrap().status, 100);
    begun.write_all(b"nons").unwrap();
    begun
}

/// What was begun is finished and answered; nobody new is let in; then the process ends well.
#[test]
fn a_request_that_was_begun_is_answered_before_the_server_goes() {
    let place = Place::founded();
    let mut server = Server::start(&place, 0, &[]);
    let host = Ipv4Addr::LOCALHOST;
    let mut begun = begin(&server);
    // An idle connection keeps nobody.
    let _idle = raw::line(host, server.handhelds);
    let mut other = raw::line(host, server.handhelds);
    other.write_all(&get("/v1/health")).unwrap();
    assert_eq!(raw::read(&mut other).unwrap().status, 200);
    server.signal(Signal::TERM);
    let closed = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        TcpStream::connect(server.handhelds).is_err()
    });
    assert!(closed, "the door is shut");
    assert!(server.child.try_wait().unwrap().is_none(), "and what was begun is waited for");
    begun.write_all(b"ense").unwrap();
    assert_eq!(raw::read(&mut begun).unwrap().status, 400);
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::founded();
    let mut server = Server::start(&place, 0, &[]);
    let _begun = begin(&server);
    server.signal(Signal::TERM);
    let closed = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        TcpStream::connect(server.handhelds).is_err()
    });
    assert!(closed && server.child.try_wait().unwrap().is_none());
    server.signal(Signal::INT);
    assert_eq!(server.child.wait().unwrap().code(), Some(130));
    assert_eq!(place.good(&["ledger"])["sum_zero"], true);
}

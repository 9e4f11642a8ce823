//! Lines over UDP, over TCP where the device server dials us, and calls that are given up.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use meterkit::transport::listen::ListenLink;
use meterkit::transport::udp::UdpLink;
use meterkit::transport::{Endpoint, LineSettings, Link, LinkError, Options, open, open_with};

const MS: Duration = Duration::from_millis(1);
/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn read(link: &mut dyn Link, count: usize) -> Result<Vec<u8>, LinkError> {
    let deadline = link.now() + PATIENCE;
    let (mut all, mut buffer) = (Vec::new(), [0; 256]);
    while all.len() < count {
        match link.recv(&mut buffer, deadline)? {
            0 => break,
            got => all.extend(&buffer[..got]),
        }
    }
    Ok(all)
}

#[test]
fn udp_takes_datagrams_of_any_split_from_its_peer_only() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("udp://127.0.0.1:{port}")).unwrap();
    let mut link = open(&endpoint, &LineSettings::default()).unwrap();
    let end = link.send(&[1, 2, 3]).unwrap();
    assert!(end >= LineSettings::default().wire(3), "the far end has its own time");
    let mut buffer = [0; 16];
    let (count, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(buffer[..count], [1, 2, 3]);
    // A stranger first; the kernel drops it.
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[9; 9], from).unwrap();
    let reply: Vec<u8> = (10..50).collect();
    for piece in [&reply[..1], &reply[1..1], &reply[1..30], &reply[30..]] {
        server.send_to(piece, from).unwrap();
    }
    assert_eq!(read(&mut *link, 40).unwrap(), reply);
    let deadline = link.now() + 20 * MS;
    assert_eq!(link.recv(&mut buffer, deadline), Ok(0));
    assert_eq!(link.tune(&LineSettings::even(9600)), Ok(false), "set at the server");
    assert!(matches!(link.send(&[0; 2000]), Err(LinkError::Io(_))));
    // Two programs on one line would take each other's answers.
    let second = open(&endpoint, &LineSettings::default()).map(|_| ());
    assert!(matches!(second, Err(LinkError::Busy(_))), "{second:?}");
}

#[test]
fn a_udp_port_nobody_listens_on_is_missing() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut link = UdpLink::connect("127.0.0.1", port, &LineSettings::default()).unwrap();
    link.send(&[1]).unwrap();
    match read(&mut link, 1) {
        Err(LinkError::Missing(why)) => assert!(why.contains("nobody listens"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Waits for the caller in a thread; the other end calls.
fn called(peer: Option<&str>) -> (ListenLink, TcpStream) {
    let port = free_port();
    let peer = peer.map(str::to_owned);
    let waiting = std::thread::spawn(move || {
        let place = ("127.0.0.1", port, peer.as_deref());
        let cancel = AtomicBool::new(false);
        ListenLink::accept(place, &LineSettings::default(), PATIENCE, &cancel).unwrap()
    });
    let server = call(port);
    (waiting.join().unwrap(), server)
}

fn call(port: u16) -> TcpStream {
    let stream = std::iter::repeat_with(|| TcpStream::connect(("127.0.0.1", port)))
        .find_map(|tried| tried.map_err(|_| std::thread::yield_now()).ok())
        .unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

#[test]
fn a_device_server_dials_in_and_comes_back() {
    let (mut link, mut server) = called(Some("localhost"));
    assert_eq!(link.caller(), Some("127.0.0.1".parse().unwrap()));
    let port = server.peer_addr().unwrap().port();
    let mut buffer = [0; 3];
    for _ in 0..2 {
        link.send(&[1, 2, 3]).unwrap();
        server.read_exact(&mut buffer).unwrap();
        assert_eq!(buffer, [1, 2, 3]);
        server.write_all(&[7, 8]).unwrap();
        assert_eq!(read(&mut link, 2).unwrap(), [7, 8]);
    }
    // It goes: that is said, until it calls again.
    drop(server);
    assert_eq!(read(&mut link, 1), Err(LinkError::Gone));
    assert_eq!(link.send(&[1]), Err(LinkError::Gone));
    let mut server = call(port);
    while link.send(&[4, 5, 6]) == Err(LinkError::Gone) {
        std::thread::yield_now();
    }
    server.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, [4, 5, 6]);
    // It lost its power and calls anew while we still hold the dead call: the newer one counts, and
    // an answer that was waited for is given up, not taken from the new one.
    let mut newer = call(port);
    newer.write_all(&[9]).unwrap();
    assert_eq!(read(&mut link, 1), Err(LinkError::Gone));
    assert_eq!(read(&mut link, 1).unwrap(), [9]);
    link.send(&[1, 2, 3]).unwrap();
    newer.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, [1, 2, 3]);
    drop(server);
}

#[test]
fn strangers_are_hung_up_on() {
    let port = free_port();
    let endpoint = Endpoint::parse(&format!("tcp-listen://127.0.0.1:{port}?peer=192.0.2.1"));
    let cancel = Arc::new(AtomicBool::new(false));
    let options = Options { wait: PATIENCE, cancel: Arc::clone(&cancel), ..Options::default() };
    let waiting = std::thread::spawn(move || {
        open_with(&endpoint.unwrap(), &LineSettings::default(), &options).map(|_| ())
    });
    let mut stranger = call(port);
    assert_eq!(stranger.read(&mut [0; 8]).unwrap_or(0), 0, "hung up, nothing said");
    cancel.store(true, Ordering::Relaxed);
    match waiting.join().unwrap() {
        Err(error @ LinkError::Cancelled(_)) => {
            let failure = meterkit::jobs::failure::link(&error, "");
            assert_eq!(failure.code, meterkit::report::Code::Cancelled);
            assert!(failure.detail.contains(&port.to_string()), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_calling_and_a_taken_port_are_told_apart() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = LineSettings::default();
    let cancel = AtomicBool::new(false);
    let at = |port| {
        ListenLink::accept(("127.0.0.1", port, None), &settings, Duration::ZERO, &cancel)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(at(taken.local_addr().unwrap().port()), LinkError::Busy(_)));
    assert!(matches!(at(free_port()), LinkError::Missing(why) if why.contains("has called")));
}

/// Whether somebody is calling this port of ours and has no answer: state 02 (`SYN_SENT`).
fn is_calling(port: u16) -> bool {
    let remote = format!(":{port:04X} 02");
    std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(|line| line.contains(&remote))
}

fn opening(text: &str, cancel: &Arc<AtomicBool>) -> JoinHandle<Result<(), LinkError>> {
    let endpoint = Endpoint::parse(text).unwrap();
    let options = Options { cancel: Arc::clone(cancel), ..Options::default() };
    std::thread::spawn(move || open_with(&endpoint, &LineSettings::default(), &options).map(|_| ()))
}

/// Without the flag both calls below would end as "missing", four seconds later.
#[test]
fn calling_a_server_that_says_nothing_can_be_stopped() {
    // One caller waits to be let in, and there is no room for a second: the kernel drops his call.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let port = full.local_addr().unwrap().port();
    let _first = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for scheme in ["tcp", "rfc2217"] {
        let cancel = Arc::new(AtomicBool::new(false));
        let calling = opening(&format!("{scheme}://127.0.0.1:{port}"), &cancel);
        while !is_calling(port) && !calling.is_finished() {
            std::thread::yield_now();
        }
        assert!(!calling.is_finished(), "{scheme}: it should still be calling");
        cancel.store(true, Ordering::Relaxed);
        match calling.join().unwrap() {
            Err(LinkError::Cancelled(place)) => assert!(place.contains(&port.to_string())),
            other => panic!("{scheme}: {other:?}"),
        }
    }
}

#[test]
fn waiting_for_a_server_that_does_not_negotiate_can_be_stopped() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let cancel = Arc::new(AtomicBool::new(false));
    let calling = opening(&format!("rfc2217://{}", server.local_addr().unwrap()), &cancel);
    let (mut ours, _) = server.accept().unwrap();
    ours.read_exact(&mut [0; 3]).unwrap();
    cancel.store(true, Ordering::Relaxed);
    assert!(matches!(calling.join().unwrap(), Err(LinkError::Cancelled(_))));
}

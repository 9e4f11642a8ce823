//! Peers that mean harm, on every kind of line: endless bytes, one byte now and then, hanging up in
//! the middle. Every call ends by its deadline or says that the line is gone, and nothing grows.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use meterkit::transport::bus::{Bus, Station};
use meterkit::transport::listen::ListenLink;
use meterkit::transport::rfc2217::Rfc2217Link;
use meterkit::transport::tcp::TcpLink;
use meterkit::transport::udp::UdpLink;
use meterkit::transport::{Faults, Line, LineSettings, Link, LinkError, VirtualLink};

const MS: Duration = Duration::from_millis(1);
/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a peer does once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Floods,
    Dribbles,
    HangsUp,
    NeverReads,
}

fn play(mut stream: TcpStream, harm: Harm, stop: &AtomicBool) {
    let block = [0x68; 4096];
    match harm {
        Harm::Floods => while !stop.load(Ordering::Relaxed) && stream.write_all(&block).is_ok() {},
        Harm::Dribbles => {
            // Answers every byte it hears with one.
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
        }
        Harm::HangsUp => {
            let _ = stream.write_all(&[0x68, 1, 2]);
        }
        Harm::NeverReads => {
            while !stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        }
    }
}

/// A TCP line of each kind to a peer that does `harm`; `rfc2217` agrees first.
fn links(harm: Harm, stop: &'static AtomicBool) -> Vec<(&'static str, Box<dyn Link>)> {
    let settings = LineSettings::even(9600);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || play(listener.accept().unwrap().0, harm, stop));
    let tcp = TcpLink::connect("127.0.0.1", port, &settings).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut chunk = [0; 15];
        stream.read_exact(&mut chunk).unwrap();
        stream.write_all(&[255, 253, 44]).unwrap();
        // Seven commands; answers before them would be answers to nothing.
        stream.read_exact(&mut [0; 52]).unwrap();
        for (command, value) in [(101, &[0, 0, 37, 128][..]), (102, &[8]), (103, &[3]), (104, &[1])]
        {
            let answer = [&[255, 250, 44, command], value, &[255, 240]].concat();
            stream.write_all(&answer).unwrap();
        }
        // DTR, RTS, purge.
        stream.read_exact(&mut [0; 21]).unwrap();
        play(stream, harm, stop);
    });
    let rfc = Rfc2217Link::connect("127.0.0.1", port, &settings).unwrap();

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::thread::spawn(move || {
        let call = || TcpStream::connect(("127.0.0.1", port)).ok();
        play(std::iter::repeat_with(call).find_map(|made| made).unwrap(), harm, stop);
    });
    let cancel = AtomicBool::new(false);
    let place = ("127.0.0.1", port, None);
    let listen = ListenLink::accept(place, &settings, PATIENCE, &cancel).unwrap();
    vec![("tcp", Box::new(tcp)), ("rfc2217", Box::new(rfc)), ("tcp-listen", Box::new(listen))]
}

#[test]
fn every_call_ends_whatever_the_peer_does() {
    static STOP: AtomicBool = AtomicBool::new(false);
    for harm in [Harm::Floods, Harm::Dribbles, Harm::HangsUp, Harm::NeverReads] {
        for (name, mut link) in links(harm, &STOP) {
            let mut buffer = [0; 64];
            let mut gone = false;
            for _ in 0..20 {
                let sent = link.send(&[1; 16]);
                let deadline = link.now() + 5 * MS;
                while link.now() < deadline && !gone {
                    gone = link.recv(&mut buffer, deadline).is_err();
                }
                gone |= sent == Err(LinkError::Gone);
                assert!(link.now() < deadline + PATIENCE, "{name} {harm:?} is late");
            }
            assert_eq!(gone, harm == Harm::HangsUp, "{name} {harm:?}");
        }
    }
    STOP.store(true, Ordering::Relaxed);
}

#[test]
fn a_peer_that_takes_no_bytes_is_given_up() {
    static STOP: AtomicBool = AtomicBool::new(false);
    for (name, mut link) in links(Harm::NeverReads, &STOP).into_iter().take(1) {
        // More than the system keeps for a peer that does not read.
        let error = (0..100_000).find_map(|_| link.send(&[1; 1024]).err());
        assert!(matches!(error, Some(LinkError::Io(_))), "{name}: {error:?}");
        assert!(link.now() < PATIENCE);
    }
    STOP.store(true, Ordering::Relaxed);
}

#[test]
fn a_flood_of_datagrams_does_not_hold_a_call() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let mut link = UdpLink::connect("127.0.0.1", port, &LineSettings::default()).unwrap();
    link.send(&[1]).unwrap();
    let (_, from) = server.recv_from(&mut [0; 8]).unwrap();
    let flood = std::thread::spawn(move || {
        while !STOP.load(Ordering::Relaxed) {
            // Empty ones are the worst: there is never anything to hand over.
            for piece in [&[][..], &[][..], &[7; 1000]] {
                let _ = server.send_to(piece, from);
            }
        }
    });
    for _ in 0..50 {
        let deadline = link.now() + 3 * MS;
        while link.now() < deadline {
            link.recv(&mut [0; 64], deadline).unwrap();
        }
        assert!(link.now() < deadline + PATIENCE);
    }
    STOP.store(true, Ordering::Relaxed);
    flood.join().unwrap();
}

/// A station that answers every byte with more than the line can carry.
struct Babbler(u64);

impl Station for Babbler {
    fn hear(&mut self, bytes: &[u8], _: Duration) {
        self.0 += bytes.len() as u64 * 1000;
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.0 = self.0.checked_sub(10)?;
        Some((Duration::ZERO, vec![0x55; 10]))
    }
}

#[test]
fn a_station_that_never_stops_does_not_grow_the_line() {
    let line = Line::new(LineSettings::even(9600), Faults::NONE);
    let mut link = VirtualLink::over(Bus::paced(line, Babbler(0)));
    for round in 0..5 {
        link.send(&[round]).unwrap();
        let deadline = link.now() + 20 * MS;
        while link.recv(&mut [0; 16], deadline).unwrap() > 0 {}
        assert!(link.now() <= deadline + 5 * MS);
        assert!(link.line_mut().unwrap().under_way() < 5_000, "round {round}");
    }
}

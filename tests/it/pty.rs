//! Real terminals and sockets: serial ports over a pty with a simulated station behind, and TCP on
//! loopback. Only totals are asserted, with room for a busy machine; gaps and exact times belong to
//! `lines.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use meterkit::transport::bus::Bus;
use meterkit::transport::pty::Follow;
use meterkit::transport::tcp::TcpLink;
use meterkit::transport::{Endpoint, Faults, Line, LineSettings, Link, LinkError, Server, open};

use super::lines::Scripted;

const MS: Duration = Duration::from_millis(1);

/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

fn request() -> Vec<u8> {
    (0..20).collect()
}

fn reply() -> Vec<u8> {
    (100..120).collect()
}

fn station() -> Scripted {
    Scripted::steady(20, 25 * MS, &reply(), 100)
}

fn paced(settings: LineSettings) -> Bus<Scripted> {
    Bus::paced(Line::new(settings, Faults::NONE), station())
}

/// Reads `count` bytes, or what came within `wait`.
fn read(link: &mut dyn Link, count: usize, wait: Duration) -> Vec<u8> {
    let deadline = link.now() + wait;
    let (mut all, mut buffer) = (Vec::new(), [0; 256]);
    while all.len() < count {
        match link.recv(&mut buffer, deadline).unwrap() {
            0 => break,
            got => all.extend(&buffer[..got]),
        }
    }
    all
}

/// One exchange; how long it took and what came.
fn exchange(link: &mut dyn Link, wait: Duration) -> (Duration, Vec<u8>) {
    let start = link.now();
    link.send(&request()).unwrap();
    let got = read(link, 20, wait);
    (link.now() - start, got)
}

/// What a link says after its far end went away.
fn is_gone(link: &mut dyn Link) -> bool {
    let deadline = link.now() + PATIENCE;
    let mut buffer = [0; 64];
    loop {
        match link.recv(&mut buffer, deadline) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error == LinkError::Gone,
        }
    }
}

#[test]
fn tcp_carries_an_exchange_one_client_at_a_time() {
    let settings = LineSettings::even(9600);
    let address = "127.0.0.1:0".parse().unwrap();
    let server = Server::on_tcp(paced(settings), address).unwrap();
    let mut link = open(server.endpoint(), &settings).unwrap();
    let (took, got) = exchange(&mut *link, PATIENCE);
    assert_eq!(got, reply());
    // 40 characters of 11 bits and 25 ms.
    assert!(took >= 70 * MS, "{took:?}");
    // A second client is told so and sees it as "busy", whether it speaks first or listens first.
    for speaks in [false, true] {
        // A second line of this user's programs does not get so far.
        let locked = open(server.endpoint(), &settings).map(|_| ());
        assert!(matches!(locked, Err(LinkError::Busy(_))), "{locked:?}");
        let Endpoint::Tcp { host, port } = server.endpoint() else { panic!("not TCP") };
        let mut second = TcpLink::connect(host, *port, &settings).unwrap();
        let deadline = second.now() + PATIENCE;
        if speaks {
            // The server may already have hung up.
            let _ = second.send(&request());
        }
        let told = loop {
            match second.recv(&mut [0; 64], deadline) {
                Ok(0) => panic!("nobody hung up"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        // A reset can overtake the text when we spoke into it; that is Gone, and a retry tells.
        let right = matches!(told, LinkError::Busy(_)) || (speaks && told == LinkError::Gone);
        assert!(right, "{told:?}");
    }
    // The first is still served, and when it leaves, another is.
    assert_eq!(exchange(&mut *link, PATIENCE).1, reply());
    drop(link);
    let served = (0..100).any(|_| {
        let mut link = open(server.endpoint(), &settings).unwrap();
        let deadline = link.now() + PATIENCE;
        link.send(&request()).is_ok() && link.recv(&mut [0; 64], deadline).is_ok()
    });
    assert!(served);
    let mut last = open(server.endpoint(), &settings).unwrap();
    let bus = server.stop().unwrap();
    assert!(bus.station().rounds().len() >= 3);
    assert!(is_gone(&mut *last));
}

#[test]
fn a_server_that_stutters_or_lies_is_taken_as_it_is() {
    // The start of the busy text and then data, in every cut: nothing is lost.
    let text = b"Port already\x68\x01\x02";
    for cut in 1..text.len() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint::parse(&format!("tcp://127.0.0.1:{port}")).unwrap();
        let mut link = open(&endpoint, &LineSettings::default()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_nodelay(true).unwrap();
        link.send(&[1, 2, 3]).unwrap();
        let mut heard = [0; 3];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(heard, [1, 2, 3]);
        server.write_all(&text[..cut]).unwrap();
        server.write_all(&text[cut..]).unwrap();
        assert_eq!(read(&mut *link, text.len(), PATIENCE), text);
        drop(server);
        assert!(is_gone(&mut *link));
    }
}

#[test]
fn a_port_nobody_listens_on_is_missing() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("tcp://127.0.0.1:{port}")).unwrap();
    match open(&endpoint, &LineSettings::default()).map(|_| ()) {
        Err(LinkError::Missing(place)) => assert!(place.starts_with(&endpoint.to_string())),
        other => panic!("{other:?}"),
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = Server::on_tcp(paced(LineSettings::default()), taken.local_addr().unwrap());
    assert!(matches!(busy.map(|_| ()), Err(LinkError::Busy(_))));
}

#[test]
fn an_echo_over_a_socket_is_learned_and_removed() {
    let faults = Faults { echo: Faults::ALWAYS, ..Faults::NONE };
    let settings = LineSettings::even(19_200);
    let bus = Bus::paced(Line::new(settings, faults), station());
    let server = Server::on_tcp(bus, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut link = open(server.endpoint(), &settings).unwrap();
    for _ in 0..3 {
        assert_eq!(exchange(&mut *link, PATIENCE).1, reply());
    }
    drop(link);
    assert_eq!(server.stop().unwrap().line().unwrap().hits().echoed, 3);
}

#[test]
fn a_client_that_talks_and_never_reads_does_not_block_the_station() {
    let bus = Bus::unpaced(Scripted::steady(1, Duration::ZERO, &[7; 64], 4096));
    let server = Server::on_tcp(bus, "127.0.0.1:0".parse().unwrap()).unwrap();
    let Endpoint::Tcp { host, port } = server.endpoint() else { panic!("not TCP") };
    let mut client = TcpStream::connect((host.as_str(), *port)).unwrap();
    client.write_all(&[1; 4096]).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    // The server sees the end of this client and is free for the next.
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert!(all.iter().all(|byte| *byte == 7));
    server.stop().unwrap();
}

#[test]
fn an_unpaced_pty_is_as_fast_as_it_can_and_keeps_every_byte() {
    let all: Vec<u8> = (0..=255).collect();
    let mut reversed = all.clone();
    reversed.reverse();
    let bus = Bus::unpaced(Scripted::steady(256, 400 * MS, &reversed, 1));
    let server = Server::on_pty(bus, Follow::Baud).unwrap();
    let mut tool = Plain::open(server.endpoint());
    tool.send(&all);
    assert_eq!(tool.read(256), reversed);
    assert_eq!(server.stop().unwrap().station().rounds(), [all]);
}

#[test]
fn a_pty_that_closes_lets_the_tool_read_first() {
    let bus = Bus::unpaced(Scripted::steady(1, Duration::ZERO, &[5; 40], 1));
    let server = Server::on_pty(bus, Follow::Nothing).unwrap();
    let mut tool = Plain::open(server.endpoint());
    tool.send(&[1]);
    assert_eq!(tool.read(1), [5]);
    // The rest is on its way when the server stops; a hangup at once would throw it away.
    let stopper = std::thread::spawn(move || server.stop().unwrap());
    assert_eq!(tool.read(39), [5; 39]);
    assert_eq!(stopper.join().unwrap().station().rounds(), [[1]]);
}

/// A tool that uses the terminal without `serialport`, so that the pty is tested without the
/// feature too.
struct Plain(std::fs::File);

impl Plain {
    fn open(endpoint: &Endpoint) -> Plain {
        let path = endpoint.to_string();
        Plain(std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut all = vec![0; count];
        self.0.read_exact(&mut all).unwrap();
        all
    }
}

#[cfg(feature = "serial")]
mod serial {
    use super::*;
    use meterkit::transport::Parity;
    use meterkit::transport::echo::Habit;
    use meterkit::transport::line::Wiring;
    use meterkit::transport::pty::Pty;
    use meterkit::transport::serial::SerialLink;

    #[test]
    fn an_exchange_at_2400_8e1_takes_the_time_of_its_bits() {
        let server = Server::on_pty(paced(LineSettings::default()), Follow::All).unwrap();
        let mut link = open(server.endpoint(), &LineSettings::default()).unwrap();
        let (took, got) = exchange(&mut *link, PATIENCE);
        assert_eq!(got, reply());
        // 208.3 ms exactly in virtual time; never faster, and not twice as slow even when busy.
        assert!(took >= 207 * MS && took < 2500 * MS, "{took:?}");
        drop(link);
        assert_eq!(server.stop().unwrap().station().rounds(), [request()]);
    }

    #[test]
    fn the_wrong_baud_or_parity_is_not_understood() {
        let meter = LineSettings::even(4800);
        let odd = LineSettings { parity: Parity::Odd, ..meter };
        let cases = [
            (LineSettings::even(9600), Follow::All, false),
            (LineSettings::even(2400), Follow::Baud, false),
            (odd, Follow::All, false),
            (LineSettings::plain(4800), Follow::All, false),
            (LineSettings::plain(4800), Follow::Baud, true),
            (odd, Follow::Nothing, true),
            (meter, Follow::All, true),
        ];
        for (tool, follow, understood) in cases {
            let server = Server::on_pty(paced(meter), follow).unwrap();
            let mut link = open(server.endpoint(), &tool).unwrap();
            let wait = if understood { PATIENCE } else { 400 * MS };
            let (_, got) = exchange(&mut *link, wait);
            assert_eq!(got == reply(), understood, "{tool} {follow:?}: {got:02X?}");
        }
    }

    #[test]
    fn the_pty_shows_what_the_tool_has_set() {
        let even = LineSettings::even;
        let cases = [
            even(300),
            even(1200),
            LineSettings::plain(9600),
            LineSettings { parity: Parity::Odd, stop_bits: 2, ..even(115_200) },
            even(123_457),
        ];
        for settings in cases {
            let pty = Pty::open().unwrap();
            let link = SerialLink::open(pty.path(), &settings).unwrap();
            assert_eq!(pty.tool(Follow::All, &even(50)).unwrap(), settings);
            assert_eq!(pty.tool(Follow::Nothing, &even(50)).unwrap(), even(50));
            assert_eq!(link.timing().character, settings.character());
        }
    }

    #[test]
    fn ports_that_cannot_be_had_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let at = |path: &std::path::Path| {
            let endpoint = Endpoint::Serial(path.to_string_lossy().into_owned());
            open(&endpoint, &LineSettings::default()).map(|_| ()).unwrap_err()
        };
        let missing = folder.path().join("ttyUSB7");
        assert_eq!(at(&missing), LinkError::Missing(missing.to_string_lossy().into_owned()));
        assert!(matches!(at(&file.join("below")), LinkError::Missing(_)));
        assert!(matches!(at(&file), LinkError::Address(_)), "{:?}", at(&file));
        assert!(matches!(at(folder.path()), LinkError::Address(_)));
        assert!(matches!(at("/dev/null".as_ref()), LinkError::Address(_)));
        if !rustix::process::geteuid().is_root() {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
            assert!(matches!(at(&file), LinkError::Denied(_)));
        }
        let odd = LineSettings { data_bits: 6, ..LineSettings::default() };
        let pty = Pty::open().unwrap();
        assert!(matches!(SerialLink::open(pty.path(), &odd), Err(LinkError::Io(_))));
    }

    #[test]
    fn a_second_opener_finds_the_port_busy_until_the_first_leaves() {
        let pty = Pty::open().unwrap();
        let settings = LineSettings::default();
        let first = SerialLink::open(pty.path(), &settings).unwrap();
        for _ in 0..2 {
            let second = SerialLink::open(pty.path(), &settings).map(|_| ());
            assert_eq!(second, Err(LinkError::Busy(pty.path().to_owned())));
        }
        drop(first);
        SerialLink::open(pty.path(), &settings).unwrap();
    }

    #[test]
    fn an_unplugged_port_is_gone_for_good() {
        let pty = Pty::open().unwrap();
        let mut link = SerialLink::open(pty.path(), &LineSettings::default()).unwrap();
        link.send(&[1, 2, 3]).unwrap();
        // While somebody waits.
        let waiter = std::thread::spawn(move || {
            let deadline = link.now() + PATIENCE;
            (link.recv(&mut [0; 16], deadline), link)
        });
        pty.unplug();
        let (result, mut link) = waiter.join().unwrap();
        assert_eq!(result, Err(LinkError::Gone));
        assert!(link.now() < PATIENCE);
        for _ in 0..3 {
            assert_eq!(link.send(&[1]), Err(LinkError::Gone));
            assert_eq!(link.recv(&mut [0; 16], Duration::ZERO), Err(LinkError::Gone));
        }
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_not_before() {
        let pty = Pty::open().unwrap();
        let mut link = SerialLink::open(pty.path(), &LineSettings::default()).unwrap();
        for wait in [Duration::ZERO, MS / 2, 5 * MS, 80 * MS] {
            let deadline = link.now() + wait;
            assert_eq!(link.recv(&mut [0; 16], deadline), Ok(0));
            assert!(link.now() >= deadline, "{wait:?}");
        }
        assert!(link.send(&[0; 2000]).is_err(), "too long for one message");
    }

    #[test]
    fn an_echoing_adapter_is_learned_and_a_silent_one_left_alone() {
        for (echo, habit) in [(0, Habit::Silent), (Faults::ALWAYS, Habit::Echoes)] {
            let settings = LineSettings::even(9600);
            let wiring = Wiring { latency: 16 * MS, ..Wiring::even(settings) };
            let line = Line::wired(wiring, Faults { echo, ..Faults::NONE });
            let server = Server::on_pty(Bus::paced(line, station()), Follow::Baud).unwrap();
            let mut link = SerialLink::open(&server.endpoint().to_string(), &settings).unwrap();
            for _ in 0..3 {
                assert_eq!(exchange(&mut link, PATIENCE).1, reply());
            }
            assert_eq!(link.echo(), habit);
        }
    }

    #[test]
    fn a_station_outlives_its_tools() {
        let server = Server::on_pty(paced(LineSettings::even(19_200)), Follow::Baud).unwrap();
        for _ in 0..4 {
            let mut link = open(server.endpoint(), &LineSettings::even(19_200)).unwrap();
            assert_eq!(exchange(&mut *link, PATIENCE).1, reply());
        }
        let bus = server.stop().unwrap();
        assert_eq!(bus.station().rounds().len(), 4);
        // Served again, its clock goes on.
        let before = bus.clock();
        let server = Server::on_pty(bus, Follow::Baud).unwrap();
        let mut link = open(server.endpoint(), &LineSettings::even(19_200)).unwrap();
        assert_eq!(exchange(&mut *link, PATIENCE).1, reply());
        drop(link);
        assert!(server.stop().unwrap().clock() > before);
    }
}

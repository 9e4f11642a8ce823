//! RFC 2217 against a server of our own, written from the RFC and not from the client. ser2net, the
//! server people really have, is in `peers.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use meterkit::transport::rfc2217::Rfc2217Link;
use meterkit::transport::{LineSettings, Link, LinkError};

const MS: Duration = Duration::from_millis(1);
/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As it should be, in one piece or byte by byte.
    Good,
    Stutters,
    /// Knows Telnet and no serial port.
    Refuses,
    /// Swallows everything.
    Silent,
    /// Sets 9600 whatever was asked.
    Stubborn,
    /// Agrees, and confirms nothing.
    Mute,
    /// Says that its port is taken, and hangs up.
    Busy,
    /// Asks for options without end.
    Endless,
}

/// A server; what it heard on the "line" and what it was told to set come out of the channel.
fn server(way: Way) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        // Ends when the client hangs up.
        let _ = serve(stream, way, &told);
    });
    (port, heard)
}

fn put(stream: &mut TcpStream, way: Way, bytes: &[u8]) -> std::io::Result<()> {
    let piece = if way == Way::Stutters { 1 } else { bytes.len().max(1) };
    bytes.chunks(piece).try_for_each(|chunk| stream.write_all(chunk))
}

fn serve(mut stream: TcpStream, way: Way, told: &Sender<Vec<u8>>) -> std::io::Result<()> {
    if way == Way::Busy {
        return stream.write_all(b"Port already in use\r\n");
    }
    if way == Way::Endless {
        for number in (0..44).cycle() {
            stream.write_all(&[255, 253, number, 255, 254, number])?;
        }
    }
    // WILL ECHO, WILL SGA, DO SGA, as ser2net greets.
    if way != Way::Silent {
        put(&mut stream, way, &[255, 251, 1, 255, 251, 3, 255, 253, 3])?;
    }
    let mut bytes = std::io::BufReader::new(stream.try_clone()?).bytes();
    let mut next = move || bytes.next().unwrap_or(Err(std::io::ErrorKind::UnexpectedEof.into()));
    let mut line = Vec::new();
    loop {
        let byte = next()?;
        if way == Way::Silent {
            continue;
        }
        if byte != 255 {
            line.push(byte);
        } else {
            match next()? {
                255 => line.push(255),
                word @ 251..=254 => {
                    if next()? == 44 && word == 251 {
                        let verb = if way == Way::Refuses { 254 } else { 253 };
                        put(&mut stream, way, &[255, verb, 44])?;
                    }
                }
                250 => {
                    let mut inside = Vec::new();
                    loop {
                        match next()? {
                            255 if next()? == 240 => break,
                            byte => inside.push(byte),
                        }
                    }
                    // The receiver of the news may be gone already.
                    let _ = told.send(inside.clone());
                    // Modem lines are not confirmed: a pty has none.
                    if way != Way::Mute && (1..=4).contains(&inside[1]) {
                        if way == Way::Stubborn && inside[1] == 1 {
                            inside[2..].copy_from_slice(&9600_u32.to_be_bytes());
                        }
                        let head = [255, 250, 44, inside[1] + 100];
                        let twice = |byte: &u8| vec![*byte; if *byte == 255 { 2 } else { 1 }];
                        let value: Vec<u8> = inside[2..].iter().flat_map(twice).collect();
                        let answer = [&head[..], &value, &[255, 240]].concat();
                        put(&mut stream, way, &answer)?;
                    }
                }
                other => panic!("not Telnet: {other}"),
            }
        }
        // A meter that answers every ten bytes, with the escape in its answer, and a notice of the
        // server in the middle of it.
        if line.len() == 10 {
            let _ = told.send(std::mem::take(&mut line));
            put(
                &mut stream,
                way,
                &[0x68, 255, 255, 255, 250, 44, 107, 48, 255, 240, 255, 255, 22],
            )?;
        }
    }
}

fn connect(
    port: u16,
    settings: &LineSettings,
    patience: Duration,
) -> Result<Rfc2217Link, LinkError> {
    Rfc2217Link::connect_within(("127.0.0.1", port), settings, patience)
}

fn exchange(link: &mut dyn Link) -> Vec<u8> {
    link.send(&[1, 255, 3, 4, 5, 255, 255, 8, 9, 10]).unwrap();
    let deadline = link.now() + PATIENCE;
    let (mut all, mut buffer) = (Vec::new(), [0; 64]);
    while all.len() < 4 {
        let count = link.recv(&mut buffer, deadline).unwrap();
        assert!(count > 0, "nothing more after {all:02X?}");
        all.extend(&buffer[..count]);
    }
    all
}

#[test]
fn the_line_is_set_and_carries_every_byte() {
    for way in [Way::Good, Way::Stutters] {
        let (port, told) = server(way);
        let settings = LineSettings { data_bits: 7, ..LineSettings::even(300) };
        let mut link = connect(port, &settings, PATIENCE).unwrap();
        assert_eq!(exchange(&mut link), [0x68, 255, 255, 22]);
        assert_eq!(link.tune(&LineSettings::plain(255)), Ok(true));
        assert_eq!(link.timing().character, LineSettings::plain(255).character());
        assert_eq!(exchange(&mut link), [0x68, 255, 255, 22]);
        drop(link);
        let told: Vec<Vec<u8>> = told.iter().collect();
        let set = |command: u8| -> Vec<Vec<u8>> {
            let of = |news: &&Vec<u8>| news.len() < 10 && news[..2] == [44, command];
            told.iter().filter(of).map(|news| news[2..].to_vec()).collect()
        };
        assert_eq!(set(1), [[0, 0, 1, 44], [0, 0, 0, 255]], "baud, most significant byte first");
        assert_eq!(set(2), [[7], [8]]);
        assert_eq!(set(3), [[3], [1]], "even is 3, none is 1");
        assert_eq!(set(4), [[1], [1]]);
        assert_eq!(set(5), [[1], [8], [11], [1]], "no flow control, DTR, RTS");
        let line: Vec<_> = told.iter().filter(|news| news.len() == 10).collect();
        assert_eq!(line, [&[1, 255, 3, 4, 5, 255, 255, 8, 9, 10]; 2]);
    }
}

#[test]
fn a_server_that_is_not_one_is_named() {
    let cases = [
        (Way::Refuses, PATIENCE, "has no RFC 2217"),
        (Way::Silent, 100 * MS, "use tcp://"),
        (Way::Stubborn, PATIENCE, "the server set 9600 baud"),
        (Way::Mute, 100 * MS, "does not confirm"),
        (Way::Endless, PATIENCE, "options only"),
    ];
    for (way, patience, words) in cases {
        let (port, _told) = server(way);
        match connect(port, &LineSettings::even(2400), patience).map(|_| ()) {
            Err(LinkError::Io(why)) => assert!(why.contains(words), "{way:?}: {why}"),
            other => panic!("{way:?}: {other:?}"),
        }
    }
    let (port, _told) = server(Way::Busy);
    let busy = connect(port, &LineSettings::even(2400), PATIENCE).map(|_| ());
    assert!(matches!(busy, Err(LinkError::Busy(_) | LinkError::Gone)), "{busy:?}");
}

#[test]
fn a_refused_setting_leaves_the_line_as_it_was() {
    let (port, _told) = server(Way::Stubborn);
    let settings = LineSettings::even(9600);
    let mut link = connect(port, &settings, PATIENCE).unwrap();
    assert!(matches!(link.tune(&LineSettings::even(1200)), Err(LinkError::Io(_))));
    assert_eq!(link.timing().character, settings.character());
    assert_eq!(exchange(&mut link), [0x68, 255, 255, 22]);
}

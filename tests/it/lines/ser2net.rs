//! ser2net of Debian, the device server people really have, between us and a simulated line: a pty
//! whose meter understands one speed only. Without ser2net the tests say "skipped: ...".

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meterkit::transport::bus::Bus;
use meterkit::transport::pty::Follow;
use meterkit::transport::rfc2217::Rfc2217Link;
use meterkit::transport::tcp::TcpLink;
use meterkit::transport::{Faults, Line, LineSettings, Link, LinkError, Server};

use super::{Scripted, ramp};

const MS: Duration = Duration::from_millis(1);
/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A meter at 2400 behind a pty, and ser2net on it.
struct Site {
    child: Child,
    server: Option<Server<Scripted>>,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `accepter` is ser2net's word for the kind of port.
fn site(accepter: &str) -> Option<Site> {
    let program = ["/usr/sbin/ser2net", "/usr/bin/ser2net", "/usr/local/sbin/ser2net"];
    let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
        println!("skipped: no ser2net");
        return None;
    };
    let meter = LineSettings::even(2400);
    let station = Scripted::steady(20, 25 * MS, &ramp(20), 100);
    let bus = Bus::paced(Line::new(meter, Faults::NONE), station);
    let server = Server::on_pty(bus, Follow::Baud).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.path().join("ser2net.yaml");
    let text = format!(
        "connection: &one\n  accepter: {accepter}tcp,127.0.0.1,{port}\n  \
         connector: serialdev,{},9600e81,local\n",
        server.endpoint()
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new(program)
        .args(["-n", "-u", "-c"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Some(Site { child, server: Some(server), port, _folder: folder })
}

/// Tries until ser2net listens.
fn connect<L>(mut attempt: impl FnMut() -> Result<L, LinkError>) -> L {
    let since = Instant::now();
    loop {
        match attempt() {
            Ok(link) => return link,
            Err(error) if since.elapsed() > PATIENCE => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}

fn exchange(link: &mut dyn Link, wait: Duration) -> Vec<u8> {
    link.send(&ramp(20)).unwrap();
    let deadline = link.now() + wait;
    let (mut all, mut buffer) = (Vec::new(), [0; 64]);
    while all.len() < 20 {
        match link.recv(&mut buffer, deadline).unwrap() {
            0 => break,
            count => all.extend(&buffer[..count]),
        }
    }
    all
}

#[test]
fn its_rfc2217_port_is_read_and_its_speed_changed() {
    let Some(mut site) = site("telnet(rfc2217),") else { return };
    let fast = LineSettings::even(9600);
    let at = ("127.0.0.1", site.port);
    let mut link = connect(|| Rfc2217Link::connect_within(at, &fast, PATIENCE));
    assert_ne!(exchange(&mut link, 600 * MS), ramp(20), "9600 into a meter at 2400");
    assert_eq!(link.tune(&LineSettings::even(2400)), Ok(true));
    assert_eq!(exchange(&mut link, PATIENCE), ramp(20), "the new speed really reached the line");
    assert_eq!(exchange(&mut link, PATIENCE), ramp(20));
    assert_eq!(link.tune(&fast), Ok(true));
    assert_ne!(exchange(&mut link, 600 * MS), ramp(20), "and so did the old one");
    drop(link);
    // The meter heard noise at 9600, the two questions at 2400, and nothing of the negotiation.
    let heard = site.server.take().unwrap().stop().unwrap().station().rounds().concat();
    let asked = heard.windows(17).filter(|window| *window == &ramp(20)[..17]).count();
    assert_eq!(asked, 2, "{heard:02X?}");
    assert!(!heard.contains(&44) || !heard.contains(&250), "{heard:02X?}");
}

#[test]
fn its_raw_port_is_read_and_is_busy_for_a_second() {
    let Some(site) = site("") else { return };
    let settings = LineSettings::even(9600);
    let mut link = connect(|| TcpLink::connect("127.0.0.1", site.port, &settings));
    // Its pty is at 9600 by its configuration, so the meter hears noise; the line is there.
    link.send(&[0]).unwrap();
    let mut second = TcpLink::connect("127.0.0.1", site.port, &settings).unwrap();
    let deadline = second.now() + PATIENCE;
    let told = loop {
        match second.recv(&mut [0; 64], deadline) {
            Ok(0) => panic!("nobody hung up"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(told, LinkError::Busy(_)), "{told:?}");
    // Asked for the negotiation, a raw port does not answer it: refused, with the hint.
    drop((link, second));
    let refused = connect(|| {
        match Rfc2217Link::connect_within(("127.0.0.1", site.port), &settings, 200 * MS) {
            Err(LinkError::Io(why)) => Ok(why),
            Err(other) => Err(other),
            Ok(_) => panic!("a raw port has no RFC 2217"),
        }
    });
    assert!(refused.contains("use tcp://"), "{refused}");
}

//! A client that sends what it is told, and servers to send it to.

use crate::office::cli::Place;
use meterkit::office::Office;
use meterkit::office::http::{self, Place as At};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// An answer.
#[derive(Debug, Clone)]
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A connection from an address of this machine: the office counts requests by address.
pub fn line(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let SocketAddr::V4(to) = to else { panic!("{to}") };
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&fd, &SocketAddrV4::new(from, 0)).unwrap();
    connect(&fd, &to).unwrap();
    let stream = TcpStream::from(fd);
    // An office that never answers must not hang the test.
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    stream
}

/// Reads one answer; `None` when the office hangs up.
pub fn read(stream: &mut TcpStream) -> Option<Got> {
    let (mut seen, mut byte) = (Vec::new(), [0; 1]);
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1..) => seen.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(seen).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Got { status, headers, body })
}

/// Sends bytes over a connection of their own; gives the answer. A server that answers before it
/// has read everything may close; what it said before counts.
pub fn send(from: Ipv4Addr, to: SocketAddr, bytes: &[u8]) -> Option<Got> {
    let mut stream = line(from, to);
    let _ = stream.write_all(bytes);
    read(&mut stream)
}

/// A whole request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: office\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" || !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A question as the handheld sends it.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    request("POST", path, &[("content-type", "application/cbor")], body)
}

pub fn get(path: &str) -> Vec<u8> {
    request("GET", path, &[], b"")
}

/// An office served in this process, with a door for who watches.
pub struct Served {
    pub handhelds: SocketAddr,
    pub watch: SocketAddr,
    _runtime: Runtime,
}

pub fn serve(office: &Office) -> Served {
    let runtime = Runtime::new().unwrap();
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (listener, watch) = (bind(), bind());
    let (handhelds, at) = (listener.local_addr().unwrap(), watch.local_addr().unwrap());
    let place = At { listener, tls: None, watch: Some(watch) };
    runtime.spawn(http::serve_at(place, office.clone(), std::future::pending()));
    Served { handhelds, watch: at, _runtime: runtime }
}

/// A `meterkit-office serve` of its own; killed when dropped.
pub struct Server {
    pub child: Child,
    pub handhelds: SocketAddr,
}

impl Server {
    /// Starts one at a port (0 for any).
    pub fn start(place: &Place, port: u16, more: &[&str]) -> Self {
        let mut child = Self::spawn(place, port, more);
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let at = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        Self { handhelds: at("listening"), child }
    }

    /// Starts the process and does not wait until it serves.
    pub fn spawn(place: &Place, port: u16, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_meterkit-office"))
            .arg("--data")
            .arg(place.office())
            .args(["--json", "--passphrase-file", &place.path("pass")])
            .args(["serve", "--plain", "--watch", "127.0.0.1:0", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .args(more)
            .env_remove("METERKIT_OFFICE_DATABASE")
            .env_remove("METERKIT_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

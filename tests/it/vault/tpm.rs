//! The device secret in a TPM: with the software TPM `swtpm` where it is installed, and with
//! answers no TPM should give.

use super::make::{FakeTpm, LI, PIN, Site, TestBoot, TestMachine, operator, pin};
use meterkit::store::vault::keystore::Keystore;
use meterkit::store::vault::tpm::TpmLine;
use meterkit::store::vault::{Machine, SecretKind, SecretPlace, Vault, VaultError};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A software TPM of its own; ended when dropped.
struct SoftTpm {
    child: Child,
    address: SocketAddr,
}

impl Drop for SoftTpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SoftTpm {
    /// `None` where it is not installed.
    fn start(state: &Path) -> Option<Self> {
        std::fs::create_dir_all(state).unwrap();
        for _ in 0..5 {
            // Nobody else is told of this port; if it is taken meanwhile, another is asked for.
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let child = Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                .arg("--tpmstate")
                .arg(format!("dir={}", state.display()))
                .arg("--server")
                .arg(format!("type=tcp,port={},bindaddr=127.0.0.1", address.port()))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            let mut tpm = Self { child, address };
            for _ in 0..500 {
                if tpm.child.try_wait().unwrap().is_some() {
                    break;
                }
                if TcpStream::connect(address).is_ok() {
                    return Some(tpm);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        None
    }
}

#[derive(Debug)]
struct SocketLine(TcpStream);

impl TpmLine for SocketLine {
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(command)?;
        let mut answer = vec![0; 10];
        self.0.read_exact(&mut answer)?;
        let size = u32::from_be_bytes([answer[2], answer[3], answer[4], answer[5]]) as usize;
        answer.resize(size.clamp(10, 4096), 0);
        self.0.read_exact(&mut answer[10..])?;
        Ok(answer)
    }
}

/// A machine with a software TPM.
#[derive(Debug)]
struct SoftMachine(SocketAddr);

impl Machine for SoftMachine {
    fn id(&self) -> Option<Vec<u8>> {
        Some(vec![b'a'; 32])
    }

    fn tpm(&self) -> io::Result<Box<dyn TpmLine>> {
        let line = TcpStream::connect(self.0)?;
        line.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Box::new(SocketLine(line)))
    }

    fn keystore(&self) -> io::Result<Box<dyn Keystore>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn skipped() {
    println!("skipped: swtpm is not installed, so no real TPM answers here");
}

fn make(site: &Site) -> SecretKind {
    let (vault, key) = site.try_create().unwrap();
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    vault.kind()
}

#[test]
fn a_software_tpm_keeps_the_secret_through_restarts_and_no_other_gives_it() {
    let (mut site, boot) = (Site::real(), TestBoot::new(1));
    let states = tempfile::tempdir().unwrap();
    let Some(tpm) = SoftTpm::start(&states.path().join("one")) else { return skipped() };
    site.ground.machine = Arc::new(SoftMachine(tpm.address));
    assert_eq!(make(&site), SecretKind::Tpm);
    assert!(!site.home.join("device-secret").exists(), "nothing lies in a file");
    let files = site.kept();
    // More rounds than a TPM has places for keys: every handle is let go.
    for _ in 0..8 {
        assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
    }
    let vault = site.open();
    vault.change_pin(&operator(LI), &pin(PIN), &pin("573920"), false, &boot).unwrap();
    drop(tpm);
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))), "no TPM, no secret");

    let tpm = SoftTpm::start(&states.path().join("one")).unwrap();
    site.ground.machine = Arc::new(SoftMachine(tpm.address));
    assert_eq!(site.try_pin(LI, "573920", &boot), Ok(0), "the machine was off and on");

    let other = SoftTpm::start(&states.path().join("two")).unwrap();
    site.ground.machine = Arc::new(SoftMachine(other.address));
    let before = site.kept();
    for _ in 0..8 {
        assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))), "another machine's TPM");
    }
    assert_eq!(site.kept(), before);
    assert_ne!(before, files, "the PIN had changed");
    // And the other one still has room, after all those refusals.
    let place = SecretPlace::Tpm;
    let dir = site.home.join("second");
    let ground = site.ground.clone();
    Vault::create_on(&dir, &super::device(), &place, super::Cost::TEST, ground).unwrap();
}

/// A TPM whose answers a hand has been laid on.
#[derive(Debug, Clone)]
struct Lying {
    tpm: FakeTpm,
    /// Which answer, and what is done to it.
    at: usize,
    how: How,
    asked: usize,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Cut(usize),
    Flip(usize),
    Long,
    Code(u32),
    Gone,
}

impl TpmLine for Lying {
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let mut answer = self.tpm.exchange(command)?;
        if self.asked == self.at {
            match self.how {
                How::Cut(size) => answer.truncate(size),
                How::Flip(at) if at < answer.len() => answer[at] ^= 0xff,
                How::Flip(_) => {}
                How::Long => answer.extend([0; 5000]),
                How::Code(code) => answer[6..10].copy_from_slice(&code.to_be_bytes()),
                How::Gone => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        self.asked += 1;
        Ok(answer)
    }
}

#[derive(Debug)]
struct LyingMachine(Lying);

impl Machine for LyingMachine {
    fn id(&self) -> Option<Vec<u8>> {
        Some(vec![b'a'; 32])
    }

    fn tpm(&self) -> io::Result<Box<dyn TpmLine>> {
        Ok(Box::new(self.0.clone()))
    }

    fn keystore(&self) -> io::Result<Box<dyn Keystore>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[test]
fn answers_no_tpm_gives_are_refused_without_harm() {
    let mut site = Site::real();
    let tpm = FakeTpm::new(0x42);
    site.machine(TestMachine { id: Some(vec![b'a'; 32]), tpm: Some(tpm) });
    make(&site);
    let mut lies: Vec<How> = vec![How::Long, How::Code(0x98e), How::Code(u32::MAX), How::Gone];
    lies.extend((0..90).map(How::Cut));
    lies.extend((0..90).map(How::Flip));
    for at in 0..5 {
        for how in &lies {
            let lying = Lying { tpm, at, how: *how, asked: 0 };
            site.ground.machine = Arc::new(LyingMachine(lying));
            // What does no harm (a flipped handle, the answer to a flush) still opens: an opened
            // vault has checked its files with the secret it got.
            let opened = site.try_open();
            let told = matches!(opened, Ok(_) | Err(VaultError::NoSecret(_)));
            assert!(told, "{at} {how:?}: {opened:?}");
        }
    }
    // A TPM that is busy once is asked again.
    let lying = Lying { tpm, at: 0, how: How::Code(0x922), asked: 0 };
    site.ground.machine = Arc::new(LyingMachine(lying));
    assert_eq!(site.try_pin(LI, PIN, &TestBoot::new(1)), Ok(0));
}

/// A TPM that is there but does not do its work is none: the file is taken, and said so.
#[test]
fn a_tpm_that_does_not_give_back_what_it_sealed_is_not_used() {
    let mut site = Site::real();
    // Answers to seal: key, blob, flush; to unseal: key, load, flush, data, flush.
    for (at, how) in [(0, How::Code(0x9a2)), (1, How::Code(0x155)), (6, How::Flip(20))] {
        let lying = Lying { tpm: FakeTpm::new(1), at, how, asked: 0 };
        site.ground.machine = Arc::new(LyingMachine(lying));
        let (vault, _) = site.try_create().unwrap();
        assert_eq!(vault.kind(), SecretKind::File, "{at} {how:?}");
    }
}

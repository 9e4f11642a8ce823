//! What the vault's tests stand on: machines, starts of machines, people.

use meterkit::store::disk::{Disk, RealDisk};
use meterkit::store::seal::StoreKey;
use meterkit::store::vault::keystore::Keystore;
use meterkit::store::vault::tpm::TpmLine;
use meterkit::store::vault::{Boot, Cost, Ground, Machine, SecretPlace, Vault, VaultError};
use meterkit::units::{DeviceId, OperatorId};
use secrecy::SecretString;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const PIN: &str = "804219";
pub const LI: &str = "li-4711";
pub const WANG: &str = "wang-0815";

/// A machine with an id and perhaps a TPM, and no keystore.
#[derive(Debug, Clone, Default)]
pub struct TestMachine {
    pub id: Option<Vec<u8>>,
    pub tpm: Option<FakeTpm>,
}

impl Machine for TestMachine {
    fn id(&self) -> Option<Vec<u8>> {
        self.id.clone()
    }

    fn tpm(&self) -> io::Result<Box<dyn TpmLine>> {
        match self.tpm {
            Some(tpm) => Ok(Box::new(tpm)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn keystore(&self) -> io::Result<Box<dyn Keystore>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Answers as a TPM does to the five commands the vault uses. `mask` is its own seed: a blob of
/// another one opens to something else.
#[derive(Debug, Clone, Copy)]
pub struct FakeTpm {
    pub mask: u8,
    pub loaded: [u8; 32],
}

impl FakeTpm {
    pub fn new(mask: u8) -> Self {
        Self { mask, loaded: [0; 32] }
    }
}

impl TpmLine for FakeTpm {
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let hidden = |bytes: &[u8], mask: u8| bytes.iter().map(|b| b ^ mask).collect::<Vec<u8>>();
        let with_params = |params: &[u8]| {
            let mut out = (params.len() as u32).to_be_bytes().to_vec();
            out.extend_from_slice(params);
            out
        };
        let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        let body = match command[9] {
            0x31 => [&[0x80, 0, 0, 1][..], &with_params(&[])].concat(),
            0x53 => {
                let private = hidden(&command[33..65], self.mask);
                with_params(&[sized(&private), sized(b"public")].concat())
            }
            0x57 => {
                let at = 10 + 4 + 13 + 2;
                self.loaded.copy_from_slice(&hidden(&command[at..at + 32], self.mask));
                [&[0x80, 0, 0, 2][..], &with_params(&[])].concat()
            }
            0x5e => with_params(&sized(&self.loaded)),
            _ => Vec::new(),
        };
        let mut out = vec![0x80, 0x02];
        out.extend_from_slice(&(10 + body.len() as u32).to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&body);
        Ok(out)
    }
}

/// A start of a machine, with a clock the test moves.
pub struct TestBoot {
    pub id: Cell<[u8; 16]>,
    pub ms: Cell<u64>,
}

impl TestBoot {
    pub fn new(id: u8) -> Self {
        Self { id: Cell::new([id; 16]), ms: Cell::new(0) }
    }

    pub fn pass(&self, seconds: u64) {
        self.ms.set(self.ms.get() + seconds * 1_000);
    }

    /// Off and on again.
    pub fn restart(&self) {
        let mut id = self.id.get();
        id[0] = id[0].wrapping_add(1);
        self.id.set(id);
        self.ms.set(0);
    }
}

impl Boot for TestBoot {
    fn id(&self) -> [u8; 16] {
        self.id.get()
    }
    fn ms(&self) -> u64 {
        self.ms.get()
    }
}

pub fn pin(text: &str) -> SecretString {
    SecretString::from(text)
}

pub fn operator(text: &str) -> OperatorId {
    text.parse().unwrap()
}

pub fn device() -> DeviceId {
    "hh-007".parse().unwrap()
}

/// A store's folder on a machine with an id and no TPM.
pub struct Site {
    pub home: PathBuf,
    pub dir: PathBuf,
    pub ground: Ground,
    _temp: Option<tempfile::TempDir>,
}

impl Site {
    pub fn real() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut site = Self::on(temp.path(), Arc::new(RealDisk));
        site._temp = Some(temp);
        site
    }

    pub fn on(home: &Path, disk: Arc<dyn Disk>) -> Self {
        let machine = TestMachine { id: Some(vec![b'a'; 32]), tpm: None };
        let ground = Ground { disk, machine: Arc::new(machine) };
        let (home, dir) = (home.to_owned(), home.join("store"));
        Self { home, dir, ground, _temp: None }
    }

    pub fn machine(&mut self, machine: TestMachine) {
        self.ground.machine = Arc::new(machine);
    }

    pub fn try_create(&self) -> Result<(Vault, StoreKey), VaultError> {
        let ground = self.ground.clone();
        Vault::create_on(&self.dir, &device(), &SecretPlace::Auto, Cost::TEST, ground)
    }

    /// A vault with a PIN for Li.
    pub fn with_li(&self) -> StoreKey {
        let (vault, key) = self.try_create().unwrap();
        vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
        key
    }

    pub fn try_open(&self) -> Result<Vault, VaultError> {
        Vault::open_on(&self.dir, &SecretPlace::Auto, self.ground.clone())
    }

    /// A fresh look at the vault, as after a restart of the program.
    pub fn open(&self) -> Vault {
        self.try_open().unwrap()
    }

    /// Tries a PIN with a vault opened anew.
    pub fn try_pin(&self, who: &str, text: &str, boot: &dyn Boot) -> Result<u32, VaultError> {
        let unlocked = self.open().unlock(&operator(who), &pin(text), boot)?;
        Ok(unlocked.failures)
    }

    /// Every file below the home folder.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![self.home.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.clone(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// As [`Site::files`], but without the lock, which names the last process.
    pub fn kept(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.files();
        files.retain(|path, _| !path.ends_with("lock"));
        files
    }
}

/// Whether two keys are the same: a vault that one belongs to takes the other.
pub fn fits(vault: &Vault, key: &StoreKey) -> bool {
    vault.free(key, &operator(LI)).is_ok()
}

//! A handheld's home folder for the real binary: an enrolled store, a log-in with a PIN, and the
//! device's secret in a folder of its own, as on removable media.

use std::path::{Path, PathBuf};
use std::process::Command;

use meterkit::store::vault::{Cost, SecretPlace, Vault};
use meterkit::store::{Store, StoreKey};
use secrecy::SecretString;

use super::{DEVICE, Desk, OPERATOR};

/// The PIN.
pub const PIN: &str = "73915846";

/// The folders.
pub struct Home {
    dir: tempfile::TempDir,
    secret: tempfile::TempDir,
    key: StoreKey,
}

impl Home {
    /// Enrolled at `desk`, with a log-in that costs little to try.
    pub fn new(desk: &Desk) -> Self {
        let (dir, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = dir.path().join("store");
        let place = SecretPlace::File(secret.path().join("device-secret"));
        let (vault, key) =
            Vault::create(&store, &DEVICE.parse().unwrap(), &place, Cost::TEST).unwrap();
        let pin = SecretString::from(PIN);
        vault.set_pin(&key, &OPERATOR.parse().unwrap(), &pin, true).unwrap();
        drop(desk.enrolled_under(&store, &key));
        let home = Self { dir, secret, key };
        let config = format!(
            "operator = \"{OPERATOR}\"\ndevice_secret = \"{}\"\n",
            home.secret.path().join("device-secret").display()
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        std::fs::write(home.pin_file(), format!("{PIN}\n")).unwrap();
        home
    }

    /// The home folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The store's folder.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Holds the PIN; outside the home folder.
    pub fn pin_file(&self) -> PathBuf {
        self.secret.path().join("pin")
    }

    /// The store, opened past the vault.
    pub fn store(&self) -> Store {
        Store::open(&self.store_dir(), &self.key).unwrap().0
    }

    /// The real binary at home here, with the PIN at hand.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit"));
        command.arg("--home").arg(self.path()).arg("--pin-file").arg(self.pin_file());
        command
    }
}

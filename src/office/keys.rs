//! The office's keys: seeds in files of their own, never in the database, never printed.
//!
//! `root` signs the keyset and enrolment files and nothing else; `issuer` signs tokens; `status`
//! signs answers, receipts and area pages. The files are readable by their owner alone; sealing
//! them, and a root of two out of three, come with key custody.

use super::error::OfficeError;
use meterkit_tokens::cbor::Value;
use meterkit_tokens::{DocType, Issuer, KeyRecord, Keyset, PublicKey, RechargeToken};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Life of a keyset and of the keys in it, seconds (`reference/tokens.md` 2.4: 90 days).
const KEYSET_LIFE: i64 = 90 * 86_400;
/// A keyset with less life left than this is replaced when the office starts, seconds. Longer than
/// the longest token, so that no token outlives its key.
const RENEW_BEFORE: i64 = 30 * 86_400;
/// The most one token may carry, hundredths.
pub(super) const MAX_TOKEN_AMOUNT: i64 = 10_000_000;
/// Where a clock may be behind ours and still find a fresh key in force, seconds.
const BACKDATE: i64 = 86_400;
const NAMES: [&str; 3] = ["root", "issuer", "status"];
const KEYSET_FILE: &str = "keyset.cbor";

/// The office's keys and the keyset that names them.
pub(super) struct Keys {
    tenant: String,
    root: Issuer,
    issuer: Issuer,
    status: Issuer,
    keyset: Keyset,
    document: Vec<u8>,
}

impl Keys {
    /// Draws new keys and writes them to `dir`.
    pub fn create(dir: &Path, tenant: &str, now: i64) -> Result<Self, OfficeError> {
        let seeds = [random()?, random()?, random()?];
        make_dir(dir)?;
        for (name, seed) in NAMES.iter().zip(&seeds) {
            write_private(&dir.join(format!("{name}.seed")), seed)?;
        }
        let keys = Self::from_seeds(seeds, tenant, 1, now)?;
        write_private(&dir.join(KEYSET_FILE), &keys.document)?;
        Ok(keys)
    }

    /// Reads the keys, and renews the keyset in time.
    pub fn open(dir: &Path, tenant: &str, now: i64) -> Result<Self, OfficeError> {
        let mut seeds = [[0; 32]; 3];
        for (name, seed) in NAMES.iter().zip(&mut seeds) {
            let path = dir.join(format!("{name}.seed"));
            let bytes = read(&path)?;
            let wrong = |_| OfficeError::KeyFile(path.display().to_string());
            *seed = bytes.try_into().map_err(wrong)?;
        }
        let document = read(&dir.join(KEYSET_FILE))?;
        let root = Issuer::from_seed(seeds[0]);
        let keyset = Keyset::verify(&document, tenant, &root.public())?;
        if keyset.expires.saturating_sub(now) < RENEW_BEFORE {
            let keys = Self::from_seeds(seeds, tenant, keyset.version + 1, now)?;
            write_private(&dir.join(KEYSET_FILE), &keys.document)?;
            return Ok(keys);
        }
        let [_, issuer, status] = seeds.map(Issuer::from_seed);
        Ok(Self { tenant: tenant.to_owned(), root, issuer, status, keyset, document })
    }

    /// Keys of given seeds: for the demo and tests, where nothing is kept.
    pub fn from_seeds(
        seeds: [[u8; 32]; 3],
        tenant: &str,
        version: u64,
        now: i64,
    ) -> Result<Self, OfficeError> {
        let [root, issuer, status] = seeds.map(Issuer::from_seed);
        let record = |key: &Issuer, types: &[DocType], max_amount| KeyRecord {
            key: key.public(),
            not_before: (now - BACKDATE).max(0),
            not_after: now + KEYSET_LIFE,
            types: types.to_vec(),
            max_amount,
        };
        let answers = [DocType::Status, DocType::Receipt, DocType::Area];
        let keyset = Keyset {
            tenant: tenant.to_owned(),
            version,
            issued: now,
            not_before: (now - BACKDATE).max(0),
            expires: now + KEYSET_LIFE,
            keys: vec![
                record(&issuer, &[DocType::Recharge], Some(MAX_TOKEN_AMOUNT)),
                record(&status, &answers, None),
            ],
            revoked: vec![],
        };
        let document = root.keyset(&keyset)?;
        Ok(Self { tenant: tenant.to_owned(), root, issuer, status, keyset, document })
    }

    /// Whose office this is.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The root public key.
    pub fn root(&self) -> PublicKey {
        self.root.public()
    }

    /// The keyset document and its version.
    pub fn keyset(&self) -> (&[u8], u64) {
        (&self.document, self.keyset.version)
    }

    /// Signs a recharge token.
    pub fn token(&self, token: &RechargeToken) -> Result<Vec<u8>, OfficeError> {
        Ok(self.issuer.recharge(token)?)
    }

    /// Signs an answer, a receipt or an area page.
    pub fn answer(&self, kind: DocType, payload: Value) -> Result<Vec<u8>, OfficeError> {
        Ok(self.status.sign(kind, &self.tenant, payload)?)
    }

    /// Signs an enrolment file.
    pub fn enrolment(&self, payload: Value) -> Result<Vec<u8>, OfficeError> {
        Ok(self.root.sign(DocType::Enrolment, &self.tenant, payload)?)
    }
}

/// 32 bytes from the system.
pub(super) fn random() -> Result<[u8; 32], OfficeError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| OfficeError::Random(error.to_string()))?;
    Ok(bytes)
}

fn read(path: &Path) -> Result<Vec<u8>, OfficeError> {
    fs::read(path).map_err(|error| OfficeError::File(path.display().to_string(), error))
}

/// Makes a folder only its owner can enter.
fn make_dir(dir: &Path) -> Result<(), OfficeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| OfficeError::File(dir.display().to_string(), error))
}

/// Writes a file only its owner can read, whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    let draft = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&draft);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| OfficeError::File(path.display().to_string(), error))
}

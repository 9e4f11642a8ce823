//! A private key as a file: what it is for in clear, the secret sealed under a passphrase.
//!
//! ```text
//! {1: version, 2: name, 3: purpose, 4: public part, 5: salt, 6: KiB, 7: passes, 8: lanes,
//!  9: nonce, 10: secret sealed with XChaCha20-Poly1305}
//! ```
//!
//! The sealing key is Argon2id of the passphrase; everything in clear is associated data, so that
//! no field can be changed and no secret be moved into another file.

use crate::office::OfficeError;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use meterkit_tokens::Cipher;
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::cbor::{self, CborError, Fields, Value};
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

const VERSION: i64 = 1;
/// First of the associated data.
const LABEL: &str = "meterkit/office-key/1";
/// Largest file of this kind.
const MAX_FILE: usize = 4096;
/// What a hostile file may make us spend: memory in KiB, passes, lanes.
const MOST: [u32; 3] = [1024 * 1024, 16, 16];
/// The shortest passphrase, characters. These files may be copied and tried at leisure.
pub const MIN_PASSPHRASE: usize = 12;

/// A secret: a seed of 32 bytes, or a TLS key in PKCS #8.
pub type Secret = Zeroizing<Vec<u8>>;

/// What one try of a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Argon2id, 64 MiB, 3 passes, 4 lanes (RFC 9106 section 4, the second recommended option).
    pub const OFFICE: Self = Self { kib: 64 * 1024, passes: 3, lanes: 4 };
    /// Next to nothing, for tests; no command reaches it.
    pub const TEST: Self = Self { kib: 8, passes: 1, lanes: 1 };
}

/// A key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its name, `issuer-1`.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The public part: a public key, or what stands for a secret that has none.
    pub public: [u8; 32],
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

impl Sealed {
    /// Seals a secret.
    pub(super) fn seal(
        name: &str,
        purpose: &str,
        public: [u8; 32],
        secret: &[u8],
        passphrase: &SecretString,
        cost: Cost,
    ) -> Result<Self, OfficeError> {
        if passphrase.expose_secret().chars().count() < MIN_PASSPHRASE {
            return Err(OfficeError::WeakPassphrase(MIN_PASSPHRASE));
        }
        let (name, purpose) = (name.to_owned(), purpose.to_owned());
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        fill(&mut salt)?;
        fill(&mut nonce)?;
        let mut file = Self { name, purpose, public, cost, salt, nonce, sealed: vec![] };
        let aad = file.aad();
        let mut out = Vec::new();
        let sealed = file.cipher(passphrase)?.seal(&nonce, &aad, secret, &mut out);
        sealed.ok_or_else(|| OfficeError::KeyFile(file.name.clone()))?;
        file.sealed = out;
        Ok(file)
    }

    /// Opens the secret.
    ///
    /// # Errors
    /// [`OfficeError::WrongPassphrase`]: the passphrase, or the file, is not the one.
    pub fn open(&self, passphrase: &SecretString) -> Result<Secret, OfficeError> {
        let aad = self.aad();
        let opened = self.cipher(passphrase)?.open(&self.nonce, &aad, &self.sealed);
        let wrong = || OfficeError::WrongPassphrase(self.name.clone());
        opened.map(Zeroizing::new).ok_or_else(wrong)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let Cost { kib, passes, lanes } = self.cost;
        cbor::encode(&Value::Map(vec![
            (1, Value::Int(VERSION)),
            (2, Value::from(self.name.as_str())),
            (3, Value::from(self.purpose.as_str())),
            (4, Value::bytes(self.public)),
            (5, Value::bytes(self.salt)),
            (6, Value::from(kib)),
            (7, Value::from(passes)),
            (8, Value::from(lanes)),
            (9, Value::bytes(self.nonce)),
            (10, Value::bytes(&self.sealed)),
        ]))
    }

    /// Reads a file; `path` is for the message.
    ///
    /// # Errors
    /// [`OfficeError::KeyFile`].
    pub fn decode(bytes: &[u8], path: &str) -> Result<Self, OfficeError> {
        Self::read(bytes).ok().flatten().ok_or_else(|| OfficeError::KeyFile(path.to_owned()))
    }

    fn read(bytes: &[u8]) -> Result<Option<Self>, CborError> {
        let mut fields = Fields::of(cbor::decode(bytes, Limits { bytes: MAX_FILE, depth: 1 })?)?;
        let version = fields.int(1)?;
        let (name, purpose, public) = (fields.text(2)?, fields.text(3)?, fields.array_bytes(4)?);
        let salt = fields.array_bytes(5)?;
        let spent = [fields.number(6)?, fields.number(7)?, fields.number(8)?];
        let (nonce, sealed) = (fields.array_bytes(9)?, fields.bytes(10)?);
        fields.finish()?;
        let sane = spent.iter().zip(MOST).all(|(one, most)| (1..=most).contains(one));
        let [kib, passes, lanes] = spent;
        let cost = Cost { kib, passes, lanes };
        let good = version == VERSION && sane;
        Ok(good.then_some(Self { name, purpose, public, cost, salt, nonce, sealed }))
    }

    /// Everything in clear that the secret is bound to.
    fn aad(&self) -> Vec<u8> {
        let Cost { kib, passes, lanes } = self.cost;
        cbor::encode(&Value::Array(vec![
            Value::from(LABEL),
            Value::from(self.name.as_str()),
            Value::from(self.purpose.as_str()),
            Value::bytes(self.public),
            Value::bytes(self.salt),
            Value::from(kib),
            Value::from(passes),
            Value::from(lanes),
        ]))
    }

    fn cipher(&self, passphrase: &SecretString) -> Result<Cipher, OfficeError> {
        let failed = |_| OfficeError::KeyFile(self.name.clone());
        let Cost { kib, passes, lanes } = self.cost;
        let params = Params::new(kib, passes, lanes, Some(32)).map_err(failed)?;
        let mut blocks = vec![Block::new(); params.block_count()];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; 32]);
        let secret = passphrase.expose_secret().as_bytes();
        let made =
            argon.hash_password_into_with_memory(secret, &self.salt, &mut *key, &mut blocks[..]);
        blocks.iter_mut().for_each(Zeroize::zeroize);
        made.map_err(failed)?;
        Ok(Cipher::new(&key))
    }
}

/// Fills with random bytes of the system.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), OfficeError> {
    getrandom::fill(bytes).map_err(|error| OfficeError::Random(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [0xA7; 32];

    fn pass(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn sealed() -> Sealed {
        let good = pass("correct horse");
        Sealed::seal("issuer-1", "issuer", [9; 32], &SECRET, &good, Cost::TEST).unwrap()
    }

    #[test]
    fn opens_with_its_passphrase_alone_and_holds_no_secret_in_clear() {
        let file = sealed();
        let bytes = file.encode();
        assert!(!bytes.windows(8).any(|window| window == &SECRET[..8]));
        let read = Sealed::decode(&bytes, "x").unwrap();
        assert_eq!(read, file);
        assert_eq!(*read.open(&pass("correct horse")).unwrap(), SECRET);
        let wrong = read.open(&pass("correct horsf")).unwrap_err();
        assert_eq!(wrong.code(), "wrong-passphrase");
        let short = Sealed::seal("a", "b", [0; 32], &SECRET, &pass("short"), Cost::TEST);
        assert_eq!(short.unwrap_err().code(), "weak-passphrase");
    }

    /// Whatever byte is changed, the secret does not come out.
    #[test]
    fn no_byte_can_be_changed() {
        let bytes = sealed().encode();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            // A flipped cost may ask for more than this test should pay; it is bounded elsewhere.
            let Ok(file) = Sealed::decode(&bad, "x") else { continue };
            if file.cost.kib > 1024 {
                continue;
            }
            assert!(file.open(&pass("correct horse")).is_err(), "byte {at}");
        }
        for cut in 0..bytes.len() {
            assert!(Sealed::decode(&bytes[..cut], "x").is_err(), "cut at {cut}");
        }
    }
}

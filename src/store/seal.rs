//! The one key the whole store is sealed with, and what is derived from it.
//!
//! Everything at rest is XChaCha20-Poly1305 under subkeys of the store's key (HKDF-SHA256), one for
//! each part of the store, with a fresh random nonce each time. What is sealed is bound to its
//! place: it opens nowhere else. Keys of the index are blinded with HMAC-SHA256, so that equal
//! meters can be found and nobody can tell which they are.

use super::error::StoreError;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use meterkit_tokens::cipher::{Cipher, NONCE, TAG};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What sealing adds: nonce and tag.
pub const SEALING: usize = NONCE + TAG;
/// Length of a blinded part of a key.
pub const BLIND: usize = 16;

/// The store's key: 32 random bytes, drawn when the vault is made, wiped when dropped. It is
/// wrapped once for every operator (`vault`); changing a PIN never changes it.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// A key from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for whoever wraps them.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// A part of the store with a subkey of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Records and headers of the journal.
    Journal,
    /// Rows of the index.
    Index,
    /// Small files.
    File,
}

/// The system gave no random bytes for a nonce.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("random source: {0}")]
pub struct NoRandom(String);

impl From<NoRandom> for StoreError {
    fn from(e: NoRandom) -> Self {
        Self::Failed(e.to_string())
    }
}

impl From<NoRandom> for std::io::Error {
    fn from(e: NoRandom) -> Self {
        Self::other(e.to_string())
    }
}

/// Fills with random bytes of the system.
///
/// # Errors
/// [`NoRandom`].
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|e| NoRandom(e.to_string()))?;
    Ok(out)
}

/// Seals and opens; its keys are wiped when it is dropped.
pub struct Sealer {
    journal: Cipher,
    index: Cipher,
    file: Cipher,
    blind: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Everything a store's key opens.
    pub fn new(key: &StoreKey) -> Self {
        let root = Hkdf::<Sha256>::new(Some(b"meterkit/store/1"), key.bytes());
        let subkey = |name: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            // Fails only for more than 255 blocks; this is one.
            let _ = root.expand(name, &mut *out);
            out
        };
        let cipher = |name: &[u8]| Cipher::new(&subkey(name));
        Self {
            journal: cipher(b"journal"),
            index: cipher(b"index"),
            file: cipher(b"file"),
            blind: subkey(b"blind"),
        }
    }

    fn cipher(&self, part: Part) -> &Cipher {
        match part {
            Part::Journal => &self.journal,
            Part::Index => &self.index,
            Part::File => &self.file,
        }
    }

    /// Seals bytes for a place: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn seal(&self, part: Part, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandom> {
        let nonce = random::<NONCE>()?;
        let mut out = Vec::with_capacity(plain.len() + SEALING);
        out.extend_from_slice(&nonce);
        // Fails only beyond 256 GiB.
        let sealed = self.cipher(part).seal(&nonce, place, plain, &mut out);
        sealed.map(|()| out).ok_or_else(|| NoRandom("too long".to_owned()))
    }

    /// Opens what was sealed for a place; `None` if it was not, or not with this key.
    pub fn open(&self, part: Part, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        self.cipher(part).open(nonce, place, rest)
    }

    /// What stands for something in a key of the index: the same for the same, and else a secret.
    pub fn blind(&self, kind: u8, parts: &[&[u8]]) -> [u8; BLIND] {
        let mut out = [0; BLIND];
        // An HMAC takes a key of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.blind) {
            mac.update(&[kind]);
            for part in parts {
                // The length first, so that no two lists of parts look alike.
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part);
            }
            out.copy_from_slice(&mac.finalize().into_bytes()[..BLIND]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(seed: u8) -> Sealer {
        Sealer::new(&StoreKey::from_bytes([seed; 32]))
    }

    #[test]
    fn opens_only_with_its_key_in_its_place_and_unchanged() {
        let (one, two) = (sealer(1), sealer(2));
        let sealed = one.seal(Part::Index, b"place", b"a secret").unwrap();
        assert_eq!(sealed.len(), 8 + SEALING);
        assert_eq!(one.open(Part::Index, b"place", &sealed), Some(b"a secret".to_vec()));
        assert_eq!(two.open(Part::Index, b"place", &sealed), None);
        assert_eq!(one.open(Part::Journal, b"place", &sealed), None);
        assert_eq!(one.open(Part::Index, b"elsewhere", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(one.open(Part::Index, b"place", &bad), None, "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(one.open(Part::Index, b"place", &sealed[..cut]), None);
        }
        assert_ne!(one.seal(Part::Index, b"place", b"a secret").unwrap(), sealed, "a new nonce");
    }

    #[test]
    fn blinding_tells_kinds_keys_and_borders_apart() {
        let one = sealer(1);
        let base = one.blind(1, &[b"ab", b"c"]);
        assert_eq!(one.blind(1, &[b"ab", b"c"]), base);
        assert_ne!(one.blind(1, &[b"a", b"bc"]), base);
        assert_ne!(one.blind(2, &[b"ab", b"c"]), base);
        assert_ne!(sealer(2).blind(1, &[b"ab", b"c"]), base);
    }

    /// Frozen: another derivation would open no store that exists.
    #[test]
    fn subkeys_are_what_they_were() {
        let blind = sealer(7).blind(0x45, &[b"123456789012"]);
        let hex: String = blind.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "73b92dd9e1dc6f9e9db679e147955d6e");
    }
}

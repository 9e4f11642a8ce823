//! Sealing bytes to one key, for media that anybody may find: HPKE (RFC 9180), base mode, with
//! X25519, HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! ```text
//! file  "MKS1" | key id (8) | encapsulated key (32) | ciphertext and tag
//! ```
//!
//! The receiver's key is the Ed25519 key it signs with anyway, in its Montgomery form: handheld and
//! office know each other's already, so that nothing new has to be distributed, rotated or revoked.
//! One key pair for Ed25519 and an X25519 KEM is sound where the two never share a message
//! (Thormarker 2021, IACR ePrint 2021/509); `age` and libsodium do the same. Sealing says nothing
//! about who sealed: what is inside is signed.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use std::convert::Infallible;
use zeroize::{Zeroize, Zeroizing};

use crate::keys::{KeyId, PublicKey};

/// What every sealed file begins with; the last digit is the version.
pub const MAGIC: [u8; 4] = *b"MKS1";
/// Bytes before the ciphertext.
const HEAD: usize = MAGIC.len() + 8 + ENCAPSULATED;
const ENCAPSULATED: usize = 32;
/// Bytes sealing adds: head and tag.
pub const OVERHEAD: usize = HEAD + 16;

/// Why sealed bytes do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a sealed file, or one of another version.
    #[error("not a sealed file of meterkit")]
    Shape,
    /// Sealed to another key.
    #[error("it is sealed to key {0}")]
    Other(KeyId),
    /// Altered, cut off, or sealed for another purpose.
    #[error("it is damaged")]
    Damaged,
}

impl SealError {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Shape => "sealed-shape",
            Self::Other(_) => "sealed-other",
            Self::Damaged => "sealed-damaged",
        }
    }
}

/// The key a sealed file is for; `None` when it is no sealed file.
pub fn sealed_to(file: &[u8]) -> Option<KeyId> {
    let kid = file.strip_prefix(&MAGIC)?.first_chunk::<8>()?;
    (file.len() >= OVERHEAD).then_some(KeyId(*kid))
}

/// Seals bytes to a key. `purpose` names what they are and must be the same when they are opened;
/// `drawn` are 32 bytes from the system's random source, never used twice.
///
/// # Errors
/// [`SealError::Shape`] for a key that leads nowhere, which no [`PublicKey`] is.
pub fn seal(
    to: &PublicKey,
    purpose: &str,
    content: &[u8],
    drawn: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    let head = [&MAGIC[..], &to.kid().0].concat();
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.montgomery());
    let sealed = key.and_then(|key| {
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            purpose.as_bytes(),
            content,
            &head,
            &mut Drawn(drawn),
        )
    });
    let (encapsulated, ciphertext) = sealed.map_err(|_| SealError::Shape)?;
    Ok([&head, encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what [`seal`] made for the key of this Ed25519 seed's scalar.
pub(crate) fn open(
    key: &ed25519_dalek::SigningKey,
    purpose: &str,
    file: &[u8],
) -> Result<Vec<u8>, SealError> {
    let ours = PublicKey::of(key).kid();
    match sealed_to(file) {
        None => return Err(SealError::Shape),
        Some(kid) if kid != ours => return Err(SealError::Other(kid)),
        Some(_) => {}
    }
    let (head, rest) = file.split_at(HEAD - ENCAPSULATED);
    let (encapsulated, ciphertext) = rest.split_at(ENCAPSULATED);
    let scalar = Zeroizing::new(key.to_scalar_bytes());
    let damaged = |_| SealError::Damaged;
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&*scalar).map_err(damaged)?;
    let encapsulated =
        <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(damaged)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        purpose.as_bytes(),
        ciphertext,
        head,
    )
    .map_err(damaged)
}

/// The random bytes of one sealing: this crate draws none itself. What is asked for beyond them
/// repeats, and nothing asks: X25519 takes 32.
struct Drawn([u8; 32]);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut word = [0; 4];
        self.try_fill_bytes(&mut word).map(|()| u32::from_le_bytes(word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = [0; 8];
        self.try_fill_bytes(&mut word).map(|()| u64::from_le_bytes(word))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in to.iter_mut().zip(self.0.iter().cycle()) {
            *to = *from;
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceKey;
    use proptest::prelude::*;

    fn key(seed: u8) -> DeviceKey {
        DeviceKey::generate([seed; 32])
    }

    #[test]
    fn only_its_key_opens_it_and_only_whole() {
        let (ours, other) = (key(1), key(2));
        let sealed = seal(&ours.public(), "pack", b"secret words", [7; 32]).unwrap();
        assert_eq!(sealed.len(), 12 + OVERHEAD);
        assert_eq!(sealed_to(&sealed), Some(ours.kid()));
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(ours.open("pack", &sealed).as_deref(), Ok(&b"secret words"[..]));
        assert_eq!(other.open("pack", &sealed), Err(SealError::Other(ours.kid())));
        assert_eq!(ours.open("reply", &sealed), Err(SealError::Damaged), "another purpose");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(ours.open("pack", &bad).is_err(), "bit of byte {at}");
            assert!(ours.open("pack", &sealed[..at]).is_err(), "cut at {at}");
        }
        let again = seal(&ours.public(), "pack", b"secret words", [8; 32]).unwrap();
        assert_ne!(again, sealed, "never the same bytes twice");
    }

    /// RFC 9180 A.2: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode; checks
    /// that the suite named here is the one linked.
    #[test]
    fn the_suite_is_the_one_of_the_rfc() {
        use hpke::aead::Aead;
        use hpke::kdf::Kdf;
        assert_eq!(<X25519HkdfSha256 as Kem>::KEM_ID, 0x0020);
        assert_eq!(<HkdfSha256 as Kdf>::KDF_ID, 0x0001);
        assert_eq!(<ChaCha20Poly1305 as Aead>::AEAD_ID, 0x0003);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(content in proptest::collection::vec(any::<u8>(), 0..500)) {
            let sealed = seal(&key(3).public(), "x", &content, [9; 32]).unwrap();
            prop_assert_eq!(key(3).open("x", &sealed), Ok(content));
        }

        #[test]
        fn garbage_never_opens(file in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(key(4).open("x", &file).is_err());
            let framed = [&MAGIC[..], &key(4).kid().0, &file].concat();
            prop_assert!(key(4).open("x", &framed).is_err());
        }
    }
}

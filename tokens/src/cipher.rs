//! XChaCha20-Poly1305, with which everything at rest is sealed: a store, a vault's slots, the
//! office's key files. It is here for its speed in tests: the cipher is generic code, which is
//! compiled as the crate that calls it is, and this one is optimised in every profile.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

/// Length of a nonce, bytes.
pub const NONCE: usize = 24;
/// Length of a tag, bytes.
pub const TAG: usize = 16;

/// The cipher under one key, which is wiped when this is dropped.
pub struct Cipher(XChaCha20Poly1305);

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher(..)")
    }
}

impl Cipher {
    /// Under a key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Appends ciphertext and tag of `plain` to `out`, bound to `place`. A nonce is used once under
    /// a key. `None` for more than 256 GiB.
    pub fn seal(
        &self,
        nonce: &[u8; NONCE],
        place: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let from = out.len();
        out.reserve(plain.len() + TAG);
        out.extend_from_slice(plain);
        let body = out.get_mut(from..)?;
        let tag = self.0.encrypt_inout_detached(&XNonce::from(*nonce), place, body.into()).ok()?;
        out.extend_from_slice(&tag);
        Some(())
    }

    /// What was sealed; `None` if key, nonce, place or bytes are not those it was sealed with.
    pub fn open(&self, nonce: &[u8; NONCE], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (body, tag) = sealed.split_last_chunk::<TAG>()?;
        let (mut out, tag) = (body.to_vec(), Tag::from(*tag));
        let body = out.as_mut_slice().into();
        self.0.decrypt_inout_detached(&XNonce::from(*nonce), place, body, &tag).ok()?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn the_drafts_own_example() {
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
                      for the future, sunscreen would be it.";
        let key = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce = std::array::from_fn(|at| 0x40 + at as u8);
        let place = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let cipher = Cipher::new(&key);
        let mut out = b"before".to_vec();
        cipher.seal(&nonce, &place, plain, &mut out).unwrap();
        let hex: String = out[6..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(out.starts_with(b"before") && out.len() == 6 + plain.len() + TAG);
        assert!(
            hex.starts_with("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb")
        );
        assert!(hex.ends_with("c0875924c1c7987947deafd8780acf49"), "{hex}");
        assert_eq!(cipher.open(&nonce, &place, &out[6..]).unwrap(), plain);
        assert_eq!(cipher.open(&nonce, &place[1..], &out[6..]), None);
        assert_eq!(cipher.open(&[0; NONCE], &place, &out[6..]), None);
        assert_eq!(Cipher::new(&[0; 32]).open(&nonce, &place, &out[6..]), None);
        assert_eq!(cipher.open(&nonce, &place, &out[6..6 + TAG - 1]), None);
        for at in 6..out.len() {
            let mut other = out.clone();
            other[at] ^= 1;
            assert_eq!(cipher.open(&nonce, &place, &other[6..]), None, "byte {at}");
        }
    }
}

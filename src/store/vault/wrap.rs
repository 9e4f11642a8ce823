//! How the store's key is wrapped for one PIN: Argon2id, then HKDF with the device secret, then
//! XChaCha20-Poly1305 over the key with every clear field of the slot as associated data.

use super::error::VaultError;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use meterkit_tokens::Cipher;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// A key or a secret of 32 bytes, wiped when dropped.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// Most memory a slot may ask for, KiB: a hostile file must not make us take the whole machine.
const MAX_KIB: u32 = 512 * 1024;
/// Most passes, and most lanes.
const MAX_PASSES: u32 = 16;
/// Most memory times passes, KiB: bounds the time as well.
const MAX_WORK: u32 = 2 * 1024 * 1024;

/// What one try of a PIN costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// What handhelds use: Argon2id, 64 MiB, 3 passes, 4 lanes (RFC 9106 section 4, the second
    /// recommended option).
    pub const FIELD: Self = Self { kib: 64 * 1024, passes: 3, lanes: 4 };
    /// Next to nothing, for tests.
    pub const TEST: Self = Self { kib: 8, passes: 1, lanes: 1 };

    /// The cost a file names, if it is one we would pay.
    pub(super) fn of_file(kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let sane = kib <= MAX_KIB
            && (1..=MAX_PASSES).contains(&passes)
            && (1..=MAX_PASSES).contains(&lanes)
            && kib >= lanes.saturating_mul(8)
            && kib.saturating_mul(passes) <= MAX_WORK;
        sane.then_some(Self { kib, passes, lanes })
    }

    /// KiB, passes and lanes, as they are stored.
    pub(super) fn parts(self) -> [u32; 3] {
        [self.kib, self.passes, self.lanes]
    }
}

/// The memory one try works in. It is taken before the try is counted, so that a machine short of
/// memory costs nobody a try; wiped when dropped.
pub(super) struct Workshop {
    argon: Argon2<'static>,
    blocks: Vec<Block>,
}

impl Workshop {
    pub(super) fn new(cost: Cost) -> Result<Self, VaultError> {
        let failed = |what: &str| VaultError::Failed(format!("argon2: {what}"));
        let params = Params::new(cost.kib, cost.passes, cost.lanes, Some(32));
        let params = params.map_err(|e| failed(&e.to_string()))?;
        let mut blocks = Vec::new();
        let count = params.block_count();
        blocks.try_reserve_exact(count).map_err(|_| failed("out of memory"))?;
        blocks.resize(count, Block::new());
        Ok(Self { argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), blocks })
    }

    /// Stretches a PIN.
    pub(super) fn stretch(&mut self, pin: &[u8], salt: &[u8]) -> Result<Secret, VaultError> {
        let mut out = Zeroizing::new([0; 32]);
        self.argon
            .hash_password_into_with_memory(pin, salt, &mut *out, &mut self.blocks[..])
            .map_err(|e| VaultError::Failed(format!("argon2: {e}")))?;
        Ok(out)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.blocks.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// HKDF-SHA256 of several inputs.
pub(super) fn derive(salt: &[u8], inputs: &[&[u8]], info: &[&[u8]]) -> Result<Secret, VaultError> {
    let ikm = Zeroizing::new(inputs.concat());
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), &ikm)
        .expand_multi_info(info, &mut *out)
        .map_err(|e| VaultError::Failed(format!("hkdf: {e}")))?;
    Ok(out)
}

/// HMAC-SHA256 over several parts, each with its length so that none can move into the next.
pub(super) fn tag(key: &Secret, parts: &[&[u8]]) -> Result<[u8; 32], VaultError> {
    Ok(keyed(key, parts)?.finalize().into_bytes().into())
}

/// Checks a tag in constant time.
pub(super) fn tag_fits(key: &Secret, parts: &[&[u8]], found: &[u8]) -> Result<bool, VaultError> {
    Ok(keyed(key, parts)?.verify_slice(found).is_ok())
}

fn keyed(key: &Secret, parts: &[&[u8]]) -> Result<Hmac<Sha256>, VaultError> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key[..])
        .map_err(|e| VaultError::Failed(format!("hmac: {e}")))?;
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Ok(mac)
}

/// Seals 32 bytes under a key; `clear` is what they are bound to.
pub(super) fn seal(
    key: &Secret,
    nonce: &[u8; 24],
    clear: &[u8],
    secret: &[u8; 32],
) -> Result<Vec<u8>, VaultError> {
    let mut out = Vec::new();
    let sealed = Cipher::new(key).seal(nonce, clear, secret, &mut out);
    sealed.map(|()| out).ok_or_else(|| VaultError::Failed("sealing".into()))
}

/// Opens what [`seal`] made; `None` if the key, the bytes or what they are bound to differ.
pub(super) fn open(key: &Secret, nonce: &[u8; 24], clear: &[u8], sealed: &[u8]) -> Option<Secret> {
    let opened = Zeroizing::new(Cipher::new(key).open(nonce, clear, sealed)?);
    let mut out = Zeroizing::new([0; 32]);
    (opened.len() == out.len()).then(|| out.copy_from_slice(&opened))?;
    Some(out)
}

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|e| VaultError::Failed(format!("random source: {e}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Cost;

    #[test]
    fn costs_nobody_would_pay_are_refused() {
        let [kib, passes, lanes] = Cost::FIELD.parts();
        assert_eq!(Cost::of_file(kib, passes, lanes), Some(Cost::FIELD));
        assert_eq!(Cost::of_file(8, 1, 1), Some(Cost::TEST));
        let absurd = [
            (u32::MAX, 1, 1),
            (100 << 20, 3, 4),
            (kib, u32::MAX, 4),
            (kib, 3, u32::MAX),
            (512 * 1024, 5, 4),
            (0, 0, 0),
            (kib, 0, 4),
            (kib, 3, 0),
            (7, 1, 1),
            (31, 1, 4),
        ];
        for (kib, passes, lanes) in absurd {
            assert_eq!(Cost::of_file(kib, passes, lanes), None, "{kib} {passes} {lanes}");
        }
    }
}

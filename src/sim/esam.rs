//! A stand-in for the security module: sessions, and a key function that everybody may know.
//!
//! Real modules use secret keys and a national cipher; only the dialogue around them is public. The
//! simulator keeps the dialogue and computes everything from SHA-256 over a published constant, so
//! that tests (and a handheld's simulated security module) can play the other side. It protects
//! nothing and must never be taken for a security module.
//!
//! With `K = SHA-256("meterkit simulated module" || D)`, where D is the 8-byte diversifier (meter
//! number low byte first, then `00 00`):
//!
//! * cipher 1 = first 8 bytes of `SHA-256(K || "auth" || random 1)`
//! * MAC = first 4 bytes of `SHA-256(K || "mac" || random 2 || bytes)`
//! * sealing = `len || plain || 80 00..` to a multiple of 16, XOR the stream of
//!   `SHA-256(K || "seal" || random 2 || block number)`; then the MAC over header and cipher.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::units::MeterNo;

/// How long an authentication lasts unless 070001FF says otherwise (one firmware: 5 minutes).
pub const SESSION_MINUTES: u64 = 5;
/// The simulated module's serial number.
pub const SERIAL: [u8; 8] = *b"SIM-ESAM";
/// The cipher's block length.
const BLOCK: usize = 16;
/// Length of a MAC.
const MAC: usize = 4;

/// A live authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub random2: [u8; 4],
    pub until_ms: u64,
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

fn key(meter: MeterNo) -> [u8; 32] {
    digest(&[b"meterkit simulated module", &diversifier(meter)])
}

/// The diversifier of 070000FF as sent: the meter number low byte first, then two zeros.
pub fn diversifier(meter: MeterNo) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..6].copy_from_slice(&meter.wire());
    bytes
}

/// The cipher that answers `random1` in 070000FF.
pub fn cipher1(meter: MeterNo, random1: [u8; 8]) -> [u8; 8] {
    let digest = digest(&[&key(meter), b"auth", &random1]);
    let mut cipher = [0; 8];
    cipher.copy_from_slice(&digest[..8]);
    cipher
}

/// The MAC over `bytes` in the session that `random2` opened.
pub fn mac(meter: MeterNo, random2: [u8; 4], bytes: &[u8]) -> [u8; MAC] {
    let digest = digest(&[&key(meter), b"mac", &random2, bytes]);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Seals `plain` (at most 254 bytes) and appends the MAC over `header` and cipher.
pub fn seal(meter: MeterNo, random2: [u8; 4], header: &[u8], plain: &[u8]) -> Vec<u8> {
    let plain = &plain[..plain.len().min(254)];
    let mut bytes = vec![plain.len() as u8];
    bytes.extend_from_slice(plain);
    bytes.push(0x80);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    // Eight bytes and their length make one block without the pad, the size 1CH has room for.
    stream(meter, random2, &mut bytes);
    let code = mac(meter, random2, &[header, &bytes].concat());
    bytes.extend(code);
    bytes
}

/// Opens what [`seal`] made; `None` if the MAC or the padding is wrong.
pub(super) fn open_sealed(
    meter: MeterNo,
    session: Session,
    header: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let (cipher, code) = sealed.split_at_checked(sealed.len().checked_sub(MAC)?)?;
    let right = mac(meter, session.random2, &[header, cipher].concat()) == code;
    if !right || cipher.is_empty() || cipher.len() % BLOCK != 0 {
        return None;
    }
    let mut plain = cipher.to_vec();
    stream(meter, session.random2, &mut plain);
    let len = usize::from(*plain.first()?);
    plain.get(1..=len).map(<[u8]>::to_vec)
}

fn stream(meter: MeterNo, random2: [u8; 4], bytes: &mut [u8]) {
    for (block, bytes) in (0u8..).zip(bytes.chunks_mut(BLOCK)) {
        let pad = digest(&[&key(meter), b"seal", &random2, &[block]]);
        bytes.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_unaltered() {
        let meter: MeterNo = "47".parse().unwrap();
        let session = Session { random2: [1, 2, 3, 4], until_ms: 0 };
        let header = [0x98, 0, 0, 1];
        let plain = [0x1A, 0, 1, 2, 3, 4, 5, 6];
        let sealed = seal(meter, session.random2, &header, &plain);
        assert_eq!(sealed.len(), 20);
        assert_eq!(open_sealed(meter, session, &header, &sealed).as_deref(), Some(&plain[..]));
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(open_sealed(meter, session, &header, &bad), None, "byte {at}");
        }
        assert_eq!(open_sealed(meter, session, &[0x98, 0, 0, 0], &sealed), None);
    }
}

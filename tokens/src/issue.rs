//! The office's signing keys. Never part of a field build (feature `issue`).

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroize;

use crate::cbor::Value;
use crate::claims::{DocType, Signer};
use crate::cose;
use crate::error::TokenError;
use crate::keys::{KeyId, PublicKey};
use crate::keyset::Keyset;
use crate::recharge::RechargeToken;

/// An office key pair: a root key or an issuer key, which differ only in what a keyset says of
/// them.
pub struct Issuer(SigningKey);

impl Issuer {
    /// The key pair of a seed: 32 bytes from the system's random source.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        seed.zeroize();
        Self(key)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.0)
    }

    /// The id of the public half.
    pub fn kid(&self) -> KeyId {
        self.public().kid()
    }

    /// Signs a recharge token.
    ///
    /// # Errors
    /// A field is out of its range: what every verifier would refuse is not signed.
    pub fn recharge(&self, token: &RechargeToken) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Recharge, &token.tenant, &token.payload()?)
    }

    /// Signs a keyset; only the root key's signature will be accepted.
    ///
    /// # Errors
    /// The keyset breaks one of its rules.
    pub fn keyset(&self, keyset: &Keyset) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Keyset, &keyset.tenant, &keyset.payload()?)
    }

    /// Signs any other office document.
    ///
    /// # Errors
    /// [`TokenError::Signer`] for a handheld's document; a payload that breaks the rules of its
    /// type (recharge tokens and keysets are read back), too deep or too large.
    pub fn sign(&self, doc: DocType, tenant: &str, payload: Value) -> Result<Vec<u8>, TokenError> {
        if doc.signer() != Signer::Office {
            return Err(TokenError::Signer(doc));
        }
        match doc {
            DocType::Recharge => drop(RechargeToken::from_payload(payload.clone())?),
            DocType::Keyset => drop(Keyset::from_payload(payload.clone())?),
            _ => {}
        }
        cose::seal(&self.0, doc, tenant, &payload)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.kid())
    }
}

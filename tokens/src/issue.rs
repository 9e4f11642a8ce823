//! The office's signing keys. Never part of a field build (feature `issue`).

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroize;

use crate::bundle::BundleToken;
use crate::cbor::Value;
use crate::claims::{DocType, Signer};
use crate::cose;
use crate::error::TokenError;
use crate::grant::Grant;
use crate::keys::{KeyId, PublicKey};
use crate::keyset::Keyset;
use crate::over::Override;
use crate::recharge::RechargeToken;
use crate::root::Root;
use crate::sealed::SealError;
use crate::status::Status;
use crate::swap::SwapToken;

/// A key pair of the office: a root key, a keyset key or an issuer key, which differ only in what
/// root and keyset say of them.
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

    /// Signs a root: one document of a root file, which [`Root::join`] makes of several.
    ///
    /// # Errors
    /// The root breaks one of its rules.
    pub fn root(&self, root: &Root) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Root, &root.tenant, &root.payload()?)
    }

    /// Signs a keyset; only a keyset key's signature will be accepted.
    ///
    /// # Errors
    /// The keyset breaks one of its rules.
    pub fn keyset(&self, keyset: &Keyset) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Keyset, &keyset.tenant, &keyset.payload()?)
    }

    /// Signs a status.
    ///
    /// # Errors
    /// The status breaks one of its rules.
    pub fn status(&self, status: &Status) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Status, &status.tenant, &status.payload()?)
    }

    /// Signs a grant.
    ///
    /// # Errors
    /// The grant breaks one of its rules.
    pub fn grant(&self, grant: &Grant) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Grant, &grant.tenant, &grant.payload()?)
    }

    /// Signs an override (which is a word of the language, hence the name).
    ///
    /// # Errors
    /// The override breaks one of its rules.
    pub fn over_ride(&self, leave: &Override) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Override, &leave.tenant, &leave.payload()?)
    }

    /// Signs a bundle.
    ///
    /// # Errors
    /// The bundle breaks one of its rules.
    pub fn bundle(&self, bundle: &BundleToken) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Bundle, &bundle.tenant, &bundle.payload()?)
    }

    /// Signs a swap.
    ///
    /// # Errors
    /// The swap breaks one of its rules.
    pub fn swap(&self, swap: &SwapToken) -> Result<Vec<u8>, TokenError> {
        cose::seal(&self.0, DocType::Swap, &swap.tenant, &swap.payload()?)
    }

    /// Signs any other office document.
    ///
    /// # Errors
    /// [`TokenError::Signer`] for a document no office key signs; a payload that breaks the rules
    /// of its type (those with a reader here are read back), too deep or too large.
    pub fn sign(&self, doc: DocType, tenant: &str, payload: Value) -> Result<Vec<u8>, TokenError> {
        if doc.signer() != Signer::Office {
            return Err(TokenError::Signer(doc));
        }
        match doc {
            DocType::Recharge => drop(RechargeToken::from_payload(payload.clone())?),
            DocType::Status => drop(Status::from_payload(payload.clone())?),
            DocType::Grant => drop(Grant::from_payload(payload.clone())?),
            DocType::Override => drop(Override::from_payload(payload.clone())?),
            DocType::Bundle => drop(BundleToken::from_payload(payload.clone())?),
            DocType::Swap => drop(SwapToken::from_payload(payload.clone())?),
            _ => {}
        }
        cose::seal(&self.0, doc, tenant, &payload)
    }
}

impl Issuer {
    /// Opens what was sealed to this key ([`crate::sealed::seal`]).
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, purpose: &str, file: &[u8]) -> Result<Vec<u8>, SealError> {
        crate::sealed::open(&self.0, purpose, file)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.kid())
    }
}

//! A handheld's own key.
//!
//! It proves which handheld wrote a journal or asks the office something. It can sign no money: the
//! signing function works on [`DeviceDoc`], which has no variant for any office document.

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroize;

use crate::cbor::Value;
use crate::claims::DocType;
use crate::cose;
use crate::error::TokenError;
use crate::keys::{KeyId, PublicKey};
use crate::sealed::SealError;

/// What a handheld may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDoc {
    /// A run of journal records.
    Pack,
    /// A journal checkpoint.
    Checkpoint,
    /// A request to the office.
    Request,
}

impl From<DeviceDoc> for DocType {
    fn from(doc: DeviceDoc) -> Self {
        match doc {
            DeviceDoc::Pack => Self::Pack,
            DeviceDoc::Checkpoint => Self::Checkpoint,
            DeviceDoc::Request => Self::Request,
        }
    }
}

impl TryFrom<DocType> for DeviceDoc {
    type Error = TokenError;

    fn try_from(doc: DocType) -> Result<Self, TokenError> {
        match doc {
            DocType::Pack => Ok(Self::Pack),
            DocType::Checkpoint => Ok(Self::Checkpoint),
            DocType::Request => Ok(Self::Request),
            DocType::Root
            | DocType::Keyset
            | DocType::Status
            | DocType::Recharge
            | DocType::Grant
            | DocType::Override
            | DocType::Bundle
            | DocType::Swap
            | DocType::Answer
            | DocType::Receipt
            | DocType::Area
            | DocType::Round
            | DocType::Enrolment => Err(TokenError::Signer(doc)),
        }
    }
}

/// The key pair of a handheld. Its secret half is wiped when it is dropped.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// The key pair of a seed: 32 bytes from the system's random source, kept in the vault.
    pub fn generate(mut seed: [u8; 32]) -> Self {
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

    /// Signs a device document: a [`DeviceDoc`], or a [`DocType`] that is one.
    ///
    /// # Errors
    /// [`TokenError::Signer`] for an office document; a payload that is no map, too deep or too
    /// large.
    pub fn sign<D>(&self, doc: D, tenant: &str, payload: Value) -> Result<Vec<u8>, TokenError>
    where
        D: TryInto<DeviceDoc>,
        TokenError: From<D::Error>,
    {
        let doc: DeviceDoc = doc.try_into()?;
        cose::seal(&self.0, doc.into(), tenant, &payload)
    }
}

impl DeviceKey {
    /// Opens what was sealed to this handheld ([`crate::sealed::seal`]).
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, purpose: &str, file: &[u8]) -> Result<Vec<u8>, SealError> {
        crate::sealed::open(&self.0, purpose, file)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({})", self.kid())
    }
}

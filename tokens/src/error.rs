//! Every reason for a refusal, one variant each.
//!
//! `code()` is the coarse, stable word a screen, an exit status or a fixture may depend on (a text
//! layer owes one sentence to each of [`TokenError::CODES`]); `reason()` names the exact rule that
//! was broken, for logs and tests. Messages never contain key material.

use crate::claims::DocType;
use crate::keys::KeyId;

mod cbor;
mod parts;

pub use cbor::CborError;
pub use parts::{KeyError, QrError, RootError, Shape};

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Larger than its document type allows; nothing was parsed.
    #[error("{len} bytes, {max} allowed")]
    Size {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not deterministic CBOR.
    #[error("not deterministic CBOR: {0}")]
    Canonical(CborError),
    /// Not the one envelope we write.
    #[error("not a signed document of ours: {0}")]
    Shape(Shape),
    /// The protected header is not exactly algorithm, key id and type.
    #[error("the signed header is not exactly algorithm, key and type: {0}")]
    Header(CborError),
    /// Another type of document.
    #[error("another type of document: {found}")]
    Typ {
        /// The media type found.
        found: String,
    },
    /// Another signature algorithm than Ed25519 (-19).
    #[error("signature algorithm {0} is not accepted")]
    Alg(i64),
    /// Signed with a key that is not in the keyring.
    #[error("key {0} is unknown")]
    Kid(KeyId),
    /// The key may not sign this type.
    #[error("key {0} may not sign this type of document")]
    KeyTyp(KeyId),
    /// The key is not valid at the time of signing, or the document would outlive it.
    #[error("key {0} is not valid for the time of this document")]
    KeyExpired(KeyId),
    /// The key was revoked before the document was signed.
    #[error("key {0} was revoked")]
    KeyRevoked(KeyId),
    /// More than the key may grant at once.
    #[error("the amount is more than key {0} may grant")]
    KeyAmount(KeyId),
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// Made for another deployment.
    #[error("made for another tenant")]
    Tenant,
    /// The claims are not those of this type.
    #[error("the claims are not those of this document: {0}")]
    Claims(CborError),
    /// One claim is out of its range.
    #[error("claim {0} is out of its range")]
    Claim(&'static str),
    /// The amount is not 1..=2^31-1.
    #[error("amount {0} is out of range")]
    Amount(i64),
    /// A condition this version does not know.
    #[error("conditions {0:#x} are not all known to this version")]
    Caps(u32),
    /// The times contradict each other.
    #[error("the times contradict each other")]
    Window,
    /// Made for another handheld.
    #[error("made for another handheld")]
    Device,
    /// Made for another meter.
    #[error("made for another meter")]
    Meter,
    /// Made for another operator.
    #[error("made for another operator")]
    Operator,
    /// Not valid yet.
    #[error("not valid yet")]
    NotYet,
    /// Expired.
    #[error("expired")]
    Expired,
    /// Valid for longer than the policy allows.
    #[error("valid for longer than allowed")]
    Life,
    /// An unacceptable public key.
    #[error("{0}")]
    Key(KeyError),
    /// This signer may not sign this type.
    #[error("this signer may not sign a document of type {0}")]
    Signer(DocType),
    /// A version older than the one already in use.
    #[error("version {offered} is older than {have}, which is in use")]
    Version {
        /// Version in use.
        have: u64,
        /// Version offered.
        offered: u64,
    },
    /// Not the text form of a token.
    #[error("{0}")]
    Qr(QrError),
    /// The root keys did not sign what they must.
    #[error("{0}")]
    Root(RootError),
}

impl TokenError {
    /// Every code there is. A text layer must have a sentence for each.
    pub const CODES: &'static [&'static str] = &[
        "size",
        "canonical",
        "shape",
        "header",
        "typ",
        "alg",
        "kid",
        "key-typ",
        "key-expired",
        "key-revoked",
        "key-amount",
        "signature",
        "tenant",
        "claims",
        "amount",
        "caps",
        "window",
        "device",
        "meter",
        "operator",
        "not-yet",
        "expired",
        "life",
        "key",
        "signer",
        "version",
        "qr",
        "root",
    ];

    /// The stable word for this kind of refusal, one of [`Self::CODES`].
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Canonical(_) => "canonical",
            Self::Shape(_) => "shape",
            Self::Header(_) => "header",
            Self::Typ { .. } => "typ",
            Self::Alg(_) => "alg",
            Self::Kid(_) => "kid",
            Self::KeyTyp(_) => "key-typ",
            Self::KeyExpired(_) => "key-expired",
            Self::KeyRevoked(_) => "key-revoked",
            Self::KeyAmount(_) => "key-amount",
            Self::Signature => "signature",
            Self::Tenant => "tenant",
            Self::Claims(_) | Self::Claim(_) => "claims",
            Self::Amount(_) => "amount",
            Self::Caps(_) => "caps",
            Self::Window => "window",
            Self::Device => "device",
            Self::Meter => "meter",
            Self::Operator => "operator",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Life => "life",
            Self::Key(_) => "key",
            Self::Signer(_) => "signer",
            Self::Version { .. } => "version",
            Self::Qr(_) => "qr",
            Self::Root(_) => "root",
        }
    }

    /// The exact rule: the inner error's name where there is one, else the same as [`Self::code`].
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Canonical(e) | Self::Header(e) | Self::Claims(e) => e.code(),
            Self::Shape(e) => e.code(),
            Self::Key(e) => e.code(),
            Self::Qr(e) => e.code(),
            Self::Root(e) => e.code(),
            Self::Claim(name) => name,
            _ => self.code(),
        }
    }
}

/// Field errors become "claims", everything else "canonical": what `?` should do in a reader.
impl From<CborError> for TokenError {
    fn from(e: CborError) -> Self {
        use CborError as C;
        match e {
            C::Size { len, max } => Self::Size { len, max },
            C::KeyType
            | C::Range
            | C::NotMap
            | C::Missing(_)
            | C::Unknown(_)
            | C::Type { .. }
            | C::Length { .. } => Self::Claims(e),
            _ => Self::Canonical(e),
        }
    }
}

impl From<KeyError> for TokenError {
    fn from(e: KeyError) -> Self {
        Self::Key(e)
    }
}

impl From<QrError> for TokenError {
    fn from(e: QrError) -> Self {
        Self::Qr(e)
    }
}

impl From<RootError> for TokenError {
    fn from(e: RootError) -> Self {
        Self::Root(e)
    }
}

/// A `DeviceDoc` is always one: lets [`crate::DeviceKey::sign`] take either type.
impl From<std::convert::Infallible> for TokenError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

//! Every reason for a refusal, one variant each.
//!
//! `code()` is the coarse, stable word a screen, an exit status or a fixture may depend on (a text
//! layer owes one sentence to each of [`TokenError::CODES`]); `reason()` names the exact rule that
//! was broken, for logs and tests. Messages never contain key material.

use crate::claims::DocType;
use crate::keys::KeyId;

/// Why bytes are not acceptable CBOR, or a map does not hold the fields asked of it.
/// `at` is a byte offset into the item that was scanned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Longer than the caller's limit; nothing was parsed.
    #[error("{len} bytes, {max} allowed")]
    Size {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The item goes on after the last byte.
    #[error("cut off at byte {at}")]
    Truncated {
        /// Offset.
        at: usize,
    },
    /// Bytes are left over after the item.
    #[error("bytes left over from byte {at}")]
    Trailing {
        /// Offset.
        at: usize,
    },
    /// A number, length or tag is not in its shortest form.
    #[error("a head at byte {at} is not in its shortest form")]
    LongHead {
        /// Offset.
        at: usize,
    },
    /// An indefinite length, or a stray "break".
    #[error("indefinite length at byte {at}")]
    Indefinite {
        /// Offset.
        at: usize,
    },
    /// Additional information 28..=30, or 31 where it means nothing.
    #[error("reserved head at byte {at}")]
    Reserved {
        /// Offset.
        at: usize,
    },
    /// A tag that is not on the list.
    #[error("tag {tag} at byte {at} is not allowed")]
    Tag {
        /// Offset.
        at: usize,
        /// Tag number.
        tag: u64,
    },
    /// A floating point number.
    #[error("floating point number at byte {at}")]
    Float {
        /// Offset.
        at: usize,
    },
    /// The value "undefined".
    #[error("undefined at byte {at}")]
    Undefined {
        /// Offset.
        at: usize,
    },
    /// A simple value other than false, true and null.
    #[error("simple value at byte {at}")]
    Simple {
        /// Offset.
        at: usize,
    },
    /// A text string that is not UTF-8.
    #[error("text at byte {at} is not UTF-8")]
    Utf8 {
        /// Offset.
        at: usize,
    },
    /// Map keys out of order (RFC 8949 4.2.1: bytewise).
    #[error("map key out of order at byte {at}")]
    KeyOrder {
        /// Offset.
        at: usize,
    },
    /// The same map key twice.
    #[error("map key repeated at byte {at}")]
    KeyTwice {
        /// Offset.
        at: usize,
    },
    /// Nested deeper than allowed.
    #[error("nested deeper than {max} at byte {at}")]
    Depth {
        /// Offset.
        at: usize,
        /// Levels allowed.
        max: usize,
    },
    /// A map key that is not an integer.
    #[error("a map key is not an integer")]
    KeyType,
    /// An integer that does not fit its field.
    #[error("an integer is out of range")]
    Range,
    /// The decoder disagrees with the scan (never seen; kept as the second belt).
    #[error("the decoder refuses what the scan accepted")]
    Codec,
    /// A map was expected.
    #[error("not a map")]
    NotMap,
    /// A required field is absent.
    #[error("field {0} is missing")]
    Missing(i64),
    /// A field nobody asked for.
    #[error("field {0} is unknown")]
    Unknown(i64),
    /// A field of another type.
    #[error("field {key} is not {want}")]
    Type {
        /// Map key.
        key: i64,
        /// What was expected.
        want: &'static str,
    },
    /// A byte string of another length.
    #[error("field {key} has {found} bytes, not {want}")]
    Length {
        /// Map key.
        key: i64,
        /// Bytes expected.
        want: usize,
        /// Bytes found.
        found: usize,
    },
}

impl CborError {
    /// The stable name of the broken rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Truncated { .. } => "truncated",
            Self::Trailing { .. } => "trailing",
            Self::LongHead { .. } => "long-head",
            Self::Indefinite { .. } => "indefinite",
            Self::Reserved { .. } => "reserved",
            Self::Tag { .. } => "tag",
            Self::Float { .. } => "float",
            Self::Undefined { .. } => "undefined",
            Self::Simple { .. } => "simple",
            Self::Utf8 { .. } => "utf8",
            Self::KeyOrder { .. } => "key-order",
            Self::KeyTwice { .. } => "key-twice",
            Self::Depth { .. } => "depth",
            Self::KeyType => "key-type",
            Self::Range => "range",
            Self::Codec => "codec",
            Self::NotMap => "not-map",
            Self::Missing(_) => "missing",
            Self::Unknown(_) => "unknown",
            Self::Type { .. } => "type",
            Self::Length { .. } => "length",
        }
    }
}

/// Why canonical CBOR is not one of our envelopes. The unprotected header must be exactly `a0`;
/// what was found in it is told apart because stock verifiers accept each of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Shape {
    /// No tag 18 in front.
    #[error("no COSE_Sign1 tag")]
    Untagged,
    /// Not an array of four.
    #[error("not an array of four")]
    Array,
    /// The protected header is not a byte string.
    #[error("the protected header is not a byte string")]
    Protected,
    /// The unprotected header is not a map.
    #[error("the unprotected header is not a map")]
    UnprotectedType,
    /// The unprotected header names an algorithm.
    #[error("an algorithm stands outside the signature")]
    UnprotectedAlg,
    /// The unprotected header names a key.
    #[error("a key id stands outside the signature")]
    UnprotectedKid,
    /// The unprotected header holds something else.
    #[error("the unprotected header is not empty")]
    UnprotectedExtra,
    /// The payload is not a byte string.
    #[error("the payload is not a byte string")]
    Payload,
    /// The signature is not a byte string of 64.
    #[error("the signature is not 64 bytes")]
    Signature,
}

impl Shape {
    /// The stable name of the broken rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Untagged => "untagged",
            Self::Array => "array",
            Self::Protected => "protected",
            Self::UnprotectedType => "unprotected-type",
            Self::UnprotectedAlg => "unprotected-alg",
            Self::UnprotectedKid => "unprotected-kid",
            Self::UnprotectedExtra => "unprotected-extra",
            Self::Payload => "payload",
            Self::Signature => "signature-length",
        }
    }
}

/// Why a public key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The coordinate is not below the field prime: a second spelling of some other key.
    #[error("the key is not in its canonical form")]
    NotCanonical,
    /// The bytes are no point of the curve.
    #[error("the key is no point of the curve")]
    NotAPoint,
    /// A point of small order: signatures under it prove nothing.
    #[error("the key is weak")]
    Weak,
}

impl KeyError {
    /// The stable name of the broken rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotCanonical => "key-not-canonical",
            Self::NotAPoint => "key-not-a-point",
            Self::Weak => "key-weak",
        }
    }
}

/// Why a scanned text is no token text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Does not begin with `MK1:`.
    #[error("the text does not begin with MK1:")]
    Prefix,
    /// Longer than any token.
    #[error("the text is too long")]
    Size,
    /// A length no encoder produces.
    #[error("the text is cut off")]
    Length,
    /// A character outside the alphabet.
    #[error("character {at} is not part of the alphabet")]
    Alphabet {
        /// Offset in bytes after the prefix.
        at: usize,
    },
    /// A group that stands for more than its bytes can hold.
    #[error("the group at character {at} is too large")]
    Overflow {
        /// Offset in bytes after the prefix.
        at: usize,
    },
}

impl QrError {
    /// The stable name of the broken rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Prefix => "qr-prefix",
            Self::Size => "qr-size",
            Self::Length => "qr-length",
            Self::Alphabet { .. } => "qr-alphabet",
            Self::Overflow { .. } => "qr-overflow",
        }
    }
}

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
    /// Leased to another handheld.
    #[error("leased to another handheld")]
    Device,
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
    /// A keyset older than the one already in use.
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
        "not-yet",
        "expired",
        "life",
        "key",
        "signer",
        "version",
        "qr",
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
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Life => "life",
            Self::Key(_) => "key",
            Self::Signer(_) => "signer",
            Self::Version { .. } => "version",
            Self::Qr(_) => "qr",
        }
    }

    /// The exact rule: the inner error's name where there is one, else the same as [`Self::code`].
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Canonical(e) | Self::Header(e) | Self::Claims(e) => e.code(),
            Self::Shape(e) => e.code(),
            Self::Key(e) => e.code(),
            Self::Qr(e) => e.code(),
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

/// A `DeviceDoc` is always one: lets [`crate::DeviceKey::sign`] take either type.
impl From<std::convert::Infallible> for TokenError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

//! What can be wrong with the parts of a document: envelope, key, text form, root file.

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
    /// A part of the text was not scanned.
    #[error("part {at} of {of} is missing")]
    Missing {
        /// The first that is missing, from 1.
        at: usize,
        /// How many there are.
        of: usize,
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
            Self::Missing { .. } => "qr-missing",
            Self::Overflow { .. } => "qr-overflow",
        }
    }
}

/// Why a root file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Not a list of 1 to 16 byte strings.
    #[error("not a list of signed root documents")]
    File,
    /// Two signatures by one key: the same key counts once, and a second document is refused.
    #[error("one key signed twice")]
    Twice,
    /// The documents are not in the order of their keys: a second spelling of a file.
    #[error("the signatures are out of order")]
    Order,
    /// The documents are not signatures of one and the same root.
    #[error("the signatures are not of one and the same root")]
    Mixed,
    /// Too few of its own keys signed.
    #[error("signed by {signed} of its own keys, {needed} needed")]
    Threshold {
        /// Keys that signed.
        signed: usize,
        /// Keys that must.
        needed: u8,
    },
    /// Too few of the keys of the root before it signed.
    #[error("signed by {signed} keys of the root before it, {needed} needed")]
    Predecessor {
        /// Keys that signed.
        signed: usize,
        /// Keys that must.
        needed: u8,
    },
    /// Not the version that comes next: each root follows the one before it.
    #[error("root version {offered}, where {want} is next")]
    Version {
        /// The version that comes next.
        want: u64,
        /// The version offered.
        offered: u64,
    },
    /// The first root is not the one this handheld was enrolled with.
    #[error("not the root this handheld was enrolled with")]
    Pin,
}

impl RootError {
    /// The stable name of the broken rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File => "root-file",
            Self::Twice => "root-twice",
            Self::Order => "root-order",
            Self::Mixed => "root-mixed",
            Self::Threshold { .. } => "root-threshold",
            Self::Predecessor { .. } => "root-predecessor",
            Self::Version { .. } => "root-version",
            Self::Pin => "root-pin",
        }
    }
}

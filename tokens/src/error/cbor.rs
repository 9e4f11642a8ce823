//! Why bytes are not acceptable CBOR, or a map not what was asked for.

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

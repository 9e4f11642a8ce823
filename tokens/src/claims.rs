//! Document types, media types, claim labels and limits: the tables of `docs/token-format.md`.
//!
//! To add a document type: one variant, one row in [`DocType::facts`], one place in
//! [`DocType::ALL`], one section in `docs/token-format.md`; a device-signed one also needs a
//! variant in [`crate::DeviceDoc`].

use std::fmt;
use std::str::FromStr;

use crate::canonical::Limits;
use crate::cbor::{CborError, Fields};
use crate::error::TokenError;

/// Issuer: the tenant (RFC 8392 3.1.1).
pub const ISS: i64 = 1;
/// Subject: the meter.
pub const SUB: i64 = 2;
/// Audience: the handheld.
pub const AUD: i64 = 3;
/// Expires, in whole seconds since 1970.
pub const EXP: i64 = 4;
/// Not valid before.
pub const NBF: i64 = 5;
/// Issued at.
pub const IAT: i64 = 6;
/// Identity of the document.
pub const CTI: i64 = 7;
/// The one private label (RFC 8392 9.1 reserves labels below -65536); holds a map with keys 1..=23.
/// No other label may be used: with these, the two map orders in use (RFC 7049 length first,
/// RFC 8949 bytewise) coincide and every library reproduces our bytes.
pub const PRIVATE: i64 = -65537;

/// Longest tenant name in characters.
pub const MAX_TENANT_CHARS: usize = 32;
/// Longest device name in bytes (ASCII).
pub const MAX_DEVICE_BYTES: usize = 16;
/// Largest amount in minor units.
pub const MAX_AMOUNT: i64 = (1 << 31) - 1;
/// Latest time accepted: 9999-12-31T23:59:59Z, so that every date stays printable.
pub const MAX_TIME: i64 = 253_402_300_799;
/// Deployment word in the external AAD; a change of the whole format changes this.
pub const DEPLOYMENT: &str = "meterkit/1";

/// Whose key signs a type of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// An office key.
    Office,
    /// A handheld's own key.
    Device,
}

/// A type of signed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocType {
    /// `rt`: one credit for one meter (recharge, refund or carry-over in).
    Recharge,
    /// `ks`: the office keys in force, signed by the root key.
    Keyset,
    /// `st`: office time, versions and the acknowledged journal head; short-lived.
    Status,
    /// `rc`: the office's answer to journal packs, event by event.
    Receipt,
    /// `ar`: one page of the area list (meters and customers).
    Area,
    /// `en`: what a handheld is told at enrolment.
    Enrolment,
    /// `jp`: a run of journal records, signed by the handheld.
    Pack,
    /// `cp`: a journal checkpoint (sequence number and hash), signed by the handheld.
    Checkpoint,
    /// `rq`: a request to the office, signed by the handheld.
    Request,
}

/// One row of the table of document types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The two letters.
    pub tag: &'static str,
    /// The `typ` header (RFC 9596); `+cwt` where the payload is a claims set, else `+cose`.
    pub media: &'static str,
    /// Whose key signs it.
    pub signer: Signer,
    /// The payload is a CWT claims set: claim 1 is the tenant.
    pub cwt: bool,
    /// Size of the whole document and depth of each part.
    pub limits: Limits,
}

/// Deepest nesting in tokens (`tokens.md` 2.7).
const SHALLOW: usize = 6;
/// Deepest nesting in documents that carry lists of records.
const DEEP: usize = 8;
const KIB: usize = 1024;

impl DocType {
    /// All types.
    pub const ALL: [Self; 9] = [
        Self::Recharge,
        Self::Keyset,
        Self::Status,
        Self::Receipt,
        Self::Area,
        Self::Enrolment,
        Self::Pack,
        Self::Checkpoint,
        Self::Request,
    ];

    /// The row of this type.
    pub const fn facts(self) -> Facts {
        use Signer::{Device, Office};
        match self {
            Self::Recharge => {
                row("rt", "application/vnd.meterkit.rt+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Keyset => {
                row("ks", "application/vnd.meterkit.ks+cwt", Office, true, 16 * KIB, SHALLOW)
            }
            Self::Status => {
                row("st", "application/vnd.meterkit.st+cose", Office, false, 16 * KIB, SHALLOW)
            }
            Self::Receipt => {
                row("rc", "application/vnd.meterkit.rc+cose", Office, false, 256 * KIB, DEEP)
            }
            Self::Area => {
                row("ar", "application/vnd.meterkit.ar+cose", Office, false, 256 * KIB, DEEP)
            }
            Self::Enrolment => {
                row("en", "application/vnd.meterkit.en+cose", Office, false, 32 * KIB, DEEP)
            }
            Self::Pack => {
                row("jp", "application/vnd.meterkit.jp+cose", Device, false, 128 * KIB, DEEP)
            }
            Self::Checkpoint => {
                row("cp", "application/vnd.meterkit.cp+cose", Device, false, 4 * KIB, SHALLOW)
            }
            Self::Request => {
                row("rq", "application/vnd.meterkit.rq+cose", Device, false, 64 * KIB, DEEP)
            }
        }
    }

    /// The two letters, as in a keyset.
    pub const fn tag(self) -> &'static str {
        self.facts().tag
    }

    /// The media type in the protected header.
    pub const fn media(self) -> &'static str {
        self.facts().media
    }

    /// Whose key signs it.
    pub const fn signer(self) -> Signer {
        self.facts().signer
    }

    /// Size and depth allowed.
    pub const fn limits(self) -> Limits {
        self.facts().limits
    }

    /// The type with these two letters.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doc| doc.tag() == tag)
    }

    /// The type with exactly this media type.
    pub fn from_media(media: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doc| doc.media() == media)
    }
}

const fn row(
    tag: &'static str,
    media: &'static str,
    signer: Signer,
    cwt: bool,
    bytes: usize,
    depth: usize,
) -> Facts {
    Facts { tag, media, signer, cwt, limits: Limits { bytes, depth } }
}

impl fmt::Display for DocType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for DocType {
    type Err = TokenError;

    fn from_str(tag: &str) -> Result<Self, TokenError> {
        Self::from_tag(tag).ok_or_else(|| TokenError::Typ { found: clip(tag) })
    }
}

/// At most 64 characters of a text that came from outside, without control characters.
pub(crate) fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Says that a tenant name is 1..=32 characters, none of them a control character.
pub(crate) fn check_tenant(tenant: &str) -> Result<(), TokenError> {
    let ok = (1..=MAX_TENANT_CHARS).contains(&tenant.chars().count())
        && !tenant.chars().any(char::is_control);
    if ok { Ok(()) } else { Err(TokenError::Claim("iss")) }
}

/// Takes a time: whole seconds, 1970..=9999.
pub(crate) fn take_time(fields: &mut Fields, key: i64) -> Result<i64, TokenError> {
    let time = fields.int(key)?;
    if (0..=MAX_TIME).contains(&time) { Ok(time) } else { Err(CborError::Range.into()) }
}

/// The three times of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) issued: i64,
    pub(crate) not_before: i64,
    pub(crate) expires: i64,
}

impl Window {
    /// All within 1970..=9999, and the document expires after it begins and after it was issued.
    pub(crate) fn check(self) -> Result<(), TokenError> {
        let ranged = [self.issued, self.not_before, self.expires]
            .into_iter()
            .all(|time| (0..=MAX_TIME).contains(&time));
        if ranged && self.expires > self.not_before && self.expires > self.issued {
            Ok(())
        } else {
            Err(TokenError::Window)
        }
    }
}

//! Document types, media types, claim labels and limits: the tables of `docs/token-format.md`.
//!
//! To add a document type: one variant, one row in [`DocType::facts`], one place in
//! [`DocType::ALL`], one section in `docs/token-format.md`; a device-signed one also needs a
//! variant in [`crate::DeviceDoc`].

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::canonical::Limits;
use crate::cbor::{CborError, Fields, Value};
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
/// Longest operator id in bytes (ASCII).
pub const MAX_OPERATOR_BYTES: usize = 16;
/// Largest amount in minor units.
pub const MAX_AMOUNT: i64 = (1 << 31) - 1;
/// Latest time accepted: 9999-12-31T23:59:59Z, so that every date stays printable.
pub const MAX_TIME: i64 = 253_402_300_799;
/// Deployment word in the external AAD; a change of the whole format changes this.
pub const DEPLOYMENT: &str = "meterkit/1";

/// Whose key signs a type of document. Each kind of key signs its own documents and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// Root keys, several of them.
    Root,
    /// A keyset key, named by the root.
    Keyset,
    /// An office key, named by the keyset.
    Office,
    /// A handheld's own key.
    Device,
}

/// A type of signed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocType {
    /// `rk`: the root keys and the keyset keys; one signature of several.
    Root,
    /// `rt`: one credit for one meter (recharge, refund or carry-over in).
    Recharge,
    /// `ks`: the office keys in force, signed by a keyset key.
    Keyset,
    /// `st`: versions, acknowledged journal head, limits and revoked ids; short-lived.
    Status,
    /// `og`: who may work with a handheld, and what that person may do.
    Grant,
    /// `ov`: a supervisor's leave for one act on one meter.
    Override,
    /// `pb`: which set of parameters may be written, to which meters.
    Bundle,
    /// `sw`: leave to take one meter out and carry its balance over to another.
    Swap,
    /// `an`: the office's answer to a request.
    Answer,
    /// `rc`: the office's answer to journal packs, event by event.
    Receipt,
    /// `ar`: one page of the area list (meters and customers).
    Area,
    /// `rd`: a list of meters to be read, for one handheld.
    Round,
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
    pub const ALL: [Self; 16] = [
        Self::Root,
        Self::Keyset,
        Self::Status,
        Self::Recharge,
        Self::Grant,
        Self::Override,
        Self::Bundle,
        Self::Swap,
        Self::Answer,
        Self::Receipt,
        Self::Area,
        Self::Round,
        Self::Enrolment,
        Self::Pack,
        Self::Checkpoint,
        Self::Request,
    ];

    /// The row of this type.
    pub const fn facts(self) -> Facts {
        use Signer::{Device, Keyset, Office, Root};
        match self {
            Self::Root => {
                row("rk", "application/vnd.meterkit.rk+cwt", Root, true, 4 * KIB, SHALLOW)
            }
            Self::Recharge => {
                row("rt", "application/vnd.meterkit.rt+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Keyset => {
                row("ks", "application/vnd.meterkit.ks+cwt", Keyset, true, 16 * KIB, SHALLOW)
            }
            Self::Status => {
                row("st", "application/vnd.meterkit.st+cwt", Office, true, 16 * KIB, SHALLOW)
            }
            Self::Grant => {
                row("og", "application/vnd.meterkit.og+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Override => {
                row("ov", "application/vnd.meterkit.ov+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Bundle => {
                row("pb", "application/vnd.meterkit.pb+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Swap => {
                row("sw", "application/vnd.meterkit.sw+cwt", Office, true, 4 * KIB, SHALLOW)
            }
            Self::Answer => {
                row("an", "application/vnd.meterkit.an+cose", Office, false, 16 * KIB, DEEP)
            }
            Self::Receipt => {
                row("rc", "application/vnd.meterkit.rc+cose", Office, false, 256 * KIB, DEEP)
            }
            Self::Area => {
                row("ar", "application/vnd.meterkit.ar+cose", Office, false, 256 * KIB, DEEP)
            }
            Self::Round => {
                row("rd", "application/vnd.meterkit.rd+cose", Office, false, 64 * KIB, DEEP)
            }
            Self::Enrolment => {
                row("en", "application/vnd.meterkit.en+cose", Office, false, 256 * KIB, DEEP)
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

/// Says that a device name is visible ASCII without spaces, and no wildcard.
pub(crate) fn check_device(name: &str) -> Result<(), TokenError> {
    let ok = (1..=MAX_DEVICE_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic())
        && name != "*";
    if ok { Ok(()) } else { Err(TokenError::Claim("aud")) }
}

/// Says that an operator's id is one; `claim` is its name in a refusal.
pub(crate) fn check_operator(id: &str, claim: &'static str) -> Result<(), TokenError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ok = (1..=MAX_OPERATOR_BYTES).contains(&id.len()) && id.bytes().all(good);
    if ok { Ok(()) } else { Err(TokenError::Claim(claim)) }
}

/// A text a person reads: 1..=`most` characters, no space at either end, none that controls a
/// terminal, cannot be seen or turns the direction of what follows.
pub(crate) fn is_plain(text: &str, most: usize) -> bool {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    (1..=most).contains(&text.chars().count()) && text.trim() == text && !text.contains(unseen)
}

/// No two are alike.
pub(crate) fn distinct<T: Ord>(items: &[T]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() == items.len()
}

/// A number of ours that must fit the signed format; `claim` is its name in a refusal.
pub(crate) fn number_value(number: u64, claim: &'static str) -> Result<Value, TokenError> {
    i64::try_from(number).map(Value::Int).map_err(|_| TokenError::Claim(claim))
}

pub(crate) fn is_bcd(bytes: &[u8; 6]) -> bool {
    bytes.iter().all(|b| b >> 4 <= 9 && b & 15 <= 9)
}

/// Twelve digits of six BCD bytes.
pub(crate) fn digits(bcd: [u8; 6]) -> String {
    bcd.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(b'0' + d)).collect()
}

/// Six BCD bytes of exactly twelve ASCII digits.
pub(crate) fn bcd(text: &str) -> Option<[u8; 6]> {
    let text: &[u8; 12] = text.as_bytes().try_into().ok()?;
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut out = [0; 6];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (pair[0] - b'0') << 4 | (pair[1] - b'0');
    }
    Some(out)
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

    /// Says that the document lives no longer than `most` seconds from its signing.
    pub(crate) fn check_life(self, most: i64) -> Result<(), TokenError> {
        if self.expires - self.issued <= most { Ok(()) } else { Err(TokenError::Life) }
    }

    /// Says that `now` is within the document's life.
    pub(crate) fn check_now(self, now: i64) -> Result<(), TokenError> {
        if now < self.not_before {
            Err(TokenError::NotYet)
        } else if now >= self.expires {
            Err(TokenError::Expired)
        } else {
            Ok(())
        }
    }
}

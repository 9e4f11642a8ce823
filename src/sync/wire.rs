//! What handheld and office say to each other: versioned types, and how they become bytes.
//!
//! Every request is one device-signed document (`DocType::Request`, packs `DocType::Pack`), every
//! answer one office-signed document (`DocType::Answer`) that repeats the request's nonce, so an
//! old answer cannot be played again, and holds the hash of the answer's body, which follows it.
//! Receipts, area pages, statuses, grants and the like are documents of their own, signed and kept
//! verbatim, and travel in the body. Nothing here opens a socket or reads a clock; nothing here is
//! used as a program type outside `sync` and `office` (`docs/sync.md` describes every field).
//!
//! Limits are named constants: a body that breaks one is refused before it is unpacked.

mod area;
mod checkpoint;
mod enrolment;
mod fields;
mod file;
mod journal;
mod keys;
pub mod media;
pub mod medium;
mod name;
mod pack;
pub mod path;
mod pull;
mod receipt;
mod round;

pub use area::{Area, MAX_AREA_NAME, MeterLine, Page};
pub use checkpoint::Checkpoint;
pub use enrolment::{Enrolment, Envelope, MAX_PINS, RECOVERY};
pub use file::{FILE_PART, FilePart, MAX_FILE};
pub use journal::{
    Entry, Event, Step, SwapFacts, SwapFixed, TokenFacts, Withdrawal, chain, kind_of, read_entry,
};
pub use keys::{Keys, KeysAsk};
pub use media::{Contents, Parcel, Visit};
pub use name::claimed_name;
pub use pack::Pack;
pub use pull::{Pull, Pulled, Settled, Withdrawn};
pub use receipt::{EntryOutcome, Receipt, Run};
pub use round::{MAX_ROUND_METERS, MAX_ROUND_NAME, MAX_ROUND_NOTE, Round, RoundLine};

use crate::units::{DeviceId, UnixSeconds};
use fields::{Reader, map};
use meterkit_tokens::DocType;
use meterkit_tokens::cbor::{self, Limits, Value};
use sha2::{Digest, Sha256};

/// Version of every message here. A peer that sees another one answers with a refusal.
pub const VERSION: i64 = 1;
/// Largest HTTP body either side accepts.
pub const MAX_BODY: usize = 128 * 1024;
/// Largest compressed journal pack (`reference/field-work.md` 3b).
pub const MAX_PACK: usize = 64 * 1024;
/// Largest pack after decompression: stops a zip bomb.
pub const MAX_PACK_RAW: usize = 256 * 1024;
/// Most journal entries in one pack; bounds a receipt and an office transaction.
pub const MAX_PACK_ENTRIES: usize = 500;
/// Most tokens in one PULL answer; 100 tokens of 229 bytes are 23 KB.
pub const MAX_TOKENS: usize = 100;
/// Most meters on one area page; 400 lines of at most 150 bytes stay under 64 KB.
pub const MAX_PAGE_LINES: usize = 400;
/// Most withdrawals and resolutions in one PULL answer; the rest comes with the next.
pub const MAX_DECISIONS: usize = 200;
/// Most receipts an answer to HELLO repeats; the newest are the ones that matter.
pub const MAX_RECEIPTS: usize = 4;
/// Most root files in one PULL answer; a handheld that misses more asks again.
pub const MAX_ROOTS: usize = 4;
/// Most operators' grants in one PULL answer or enrolment file; the rest comes with the next
/// exchange, when the journal has shown these.
pub const MAX_GRANTS: usize = 8;
/// Most bundles in one PULL; each is 4 KiB at most.
pub const MAX_BUNDLES: usize = 8;
/// Most rounds in one PULL answer, each by its hash; the rest comes with the next exchange.
pub const MAX_ROUNDS: usize = 8;
/// Most overrides in one PULL answer; the rest comes with the next exchange.
pub const MAX_OVERRIDES: usize = 32;

/// Why bytes are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Written by a version this program does not speak.
    #[error("message version {0} is not {VERSION}")]
    Version(i64),
    /// A field is missing, has another type, is out of range, or is unknown.
    #[error("not a well-formed message: {0}")]
    Shape(String),
    /// A list or a block is longer than its limit.
    #[error("{0} is over its limit")]
    Limit(&'static str),
}

/// One place in a journal: how far, and the chain hash there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The journal's life; a restored or cloned handheld gets a new one by enrolling again.
    pub epoch: u32,
    /// Sequence number of the last entry covered.
    pub seq: u64,
    /// Chain hash at that entry.
    pub hash: [u8; 32],
}

impl Position {
    fn value(&self) -> Value {
        map([
            (1, Value::Int(i64::from(self.epoch))),
            (2, fields::seq(self.seq)),
            (3, Value::Bytes(self.hash.to_vec())),
        ])
    }

    fn read(mut r: Reader) -> Result<Self, WireError> {
        let position = Self { epoch: r.u32(1)?, seq: r.u64(2)?, hash: r.array(3)? };
        r.finish()?;
        Ok(position)
    }
}

/// What a handheld asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks; the signature must be this device's.
    pub device: DeviceId,
    /// Chosen at random for this request; the answer repeats it.
    pub nonce: [u8; 16],
    /// The handheld's time.
    pub at: UnixSeconds,
    /// The question.
    pub ask: Ask,
}

/// The questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// First contact: the one-time secret of the enrolment file and the key to be known by.
    Enrol {
        /// From the enrolment file.
        secret: [u8; 32],
        /// The handheld's public key; the request is signed with it.
        key: [u8; 32],
    },
    /// Where do we stand?
    Hello(Hello),
    /// Here are journal entries.
    Pack(Pack),
    /// What is new for me?
    Pull(Pull),
    /// Give me one area page of this version.
    Page {
        /// The area version the index was given for.
        version: u64,
        /// Its place in the index, from 0.
        page: u32,
    },
    /// Done.
    Bye {
        /// Number of the last receipt stored.
        receipt: u64,
    },
    /// Over a medium: all that is new, in a parcel.
    Visit(Visit),
    /// Give me a piece of the file a document pins.
    File {
        /// SHA-256 of the file.
        digest: [u8; 32],
        /// From which byte on.
        offset: u64,
    },
}

/// HELLO: the state of the handheld's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The journal's head.
    pub head: Position,
    /// Number of the newest receipt stored, 0 for none.
    pub receipt: u64,
    /// The newest shift checkpoint, while the office may not have it.
    pub checkpoint: Option<Vec<u8>>,
}

/// What the office answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whom it is for.
    pub device: DeviceId,
    /// The nonce of the request.
    pub nonce: [u8; 16],
    /// The office's time.
    pub at: UnixSeconds,
    /// The answer.
    pub reply: Reply,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No, and why.
    Refused(Refusal),
    /// To [`Ask::Enrol`]: the key is known now; the journal's epoch to start.
    Enrolled {
        /// The epoch of the journal to start.
        epoch: u32,
    },
    /// To HELLO, and to a PACK that leaves a gap: entries are wanted from `acked` on.
    Need(Need),
    /// To PACK: one receipt document.
    Receipt(Vec<u8>),
    /// To PULL.
    Pulled(Pulled),
    /// To [`Ask::Page`]: one area page document.
    Page(Vec<u8>),
    /// To BYE.
    Bye {
        /// A status document that covers what this exchange brought.
        status: Option<Vec<u8>>,
    },
    /// To a visit: what follows in the parcel.
    Parcel(Contents),
    /// To [`Ask::File`]; in a parcel, a whole file.
    File(FilePart),
}

/// NEED: what the office has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The contiguous prefix it holds. Sequence 0 with the journal's origin hash: nothing yet.
    pub acked: Position,
    /// Receipt documents newer than the one named in HELLO, oldest first.
    pub receipts: Vec<Vec<u8>>,
    /// A fresh status document for this handheld; always there in an answer to HELLO.
    pub status: Option<Vec<u8>>,
}

/// Why the office will not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No such handheld, or not enrolled yet.
    UnknownDevice,
    /// The signature is not this device's.
    Signature,
    /// The one-time secret is wrong or was used with another key.
    Secret,
    /// Two different journals carry this device's name; the office holds both for a person.
    Quarantined,
    /// The journal is older than what was acknowledged: a restored copy.
    RolledBack,
    /// Another journal epoch than the one enrolled.
    Epoch,
    /// A version the office does not speak.
    Version,
    /// Not a well-formed request.
    Malformed,
    /// The area changed since the index was given; pull again.
    Stale,
}

impl Refusal {
    /// All of them, with their number on the wire and their stable name.
    pub const ALL: [(Self, i64, &'static str); 9] = [
        (Self::UnknownDevice, 1, "unknown-device"),
        (Self::Signature, 2, "signature"),
        (Self::Secret, 3, "secret"),
        (Self::Quarantined, 4, "quarantined"),
        (Self::RolledBack, 5, "rolled-back"),
        (Self::Epoch, 6, "epoch"),
        (Self::Version, 7, "version"),
        (Self::Malformed, 8, "malformed"),
        (Self::Stale, 9, "stale"),
    ];

    fn row(self) -> (i64, &'static str) {
        let row = Self::ALL.iter().find(|row| row.0 == self);
        row.map_or((0, "unknown"), |row| (row.1, row.2))
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        self.row().1
    }
}

const VERSION_KEY: i64 = 1;
/// Deepest nesting of any body: parts, answer, list, item, field, with room for one more.
const MAX_DEPTH: usize = 6;

impl Ask {
    /// The type of document that carries the question.
    pub fn document(&self) -> DocType {
        match self {
            Self::Pack(_) => DocType::Pack,
            _ => DocType::Request,
        }
    }

    /// Where it is asked.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Enrol { .. } => path::ENROL,
            Self::Hello(_) => path::HELLO,
            Self::Pack(_) => path::PACK,
            Self::Pull(_) | Self::Page { .. } | Self::File { .. } => path::PULL,
            Self::Bye { .. } => path::BYE,
            Self::Visit(_) => path::MEDIA,
        }
    }
}

impl Request {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        let (kind, body) = match &self.ask {
            Ask::Enrol { secret, key } => {
                let bytes = |b: &[u8; 32]| Value::Bytes(b.to_vec());
                (1, map([(1, bytes(secret)), (2, bytes(key))]))
            }
            Ask::Hello(hello) => {
                let mut entries = vec![(1, hello.head.value()), (2, fields::seq(hello.receipt))];
                let checkpoint = hello.checkpoint.iter();
                entries.extend(checkpoint.map(|bytes| (3, Value::Bytes(bytes.clone()))));
                (2, Value::Map(entries))
            }
            Ask::Pack(pack) => (3, pack.value()),
            Ask::Pull(pull) => (4, pull.value()),
            Ask::Page { version, page } => {
                (5, map([(1, fields::seq(*version)), (2, Value::Int(i64::from(*page)))]))
            }
            Ask::Bye { receipt } => (6, map([(1, fields::seq(*receipt))])),
            Ask::Visit(visit) => (7, visit.value()),
            Ask::File { digest, offset } => {
                (8, map([(1, Value::Bytes(digest.to_vec())), (2, fields::seq(*offset))]))
            }
        };
        frame(kind, &self.device, &self.nonce, self.at, body)
    }

    /// Reads a payload whose signature was checked.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut head = Reader::versioned(payload)?;
        let kind = head.int(2)?;
        let (device, nonce, at) = (head.device(3)?, head.array(4)?, UnixSeconds(head.int(5)?));
        let mut r = head.map(6)?;
        head.finish()?;
        let ask = match kind {
            1 => Ask::Enrol { secret: r.array(1)?, key: r.array(2)? },
            2 => {
                let (head, receipt) = (Position::read(r.map(1)?)?, r.u64(2)?);
                Ask::Hello(Hello { head, receipt, checkpoint: r.opt_bytes(3)? })
            }
            3 => Ask::Pack(Pack::read(&mut r)?),
            4 => Ask::Pull(Pull::read(&mut r)?),
            5 => Ask::Page { version: r.u64(1)?, page: r.u32(2)? },
            6 => Ask::Bye { receipt: r.u64(1)? },
            7 => Ask::Visit(Visit::read(&mut r)?),
            8 => Ask::File { digest: r.array(1)?, offset: r.u64(2)? },
            other => return Err(WireError::Shape(format!("request kind {other}"))),
        };
        r.finish()?;
        Ok(Self { device, nonce, at, ask })
    }
}

impl Answer {
    /// The payload to sign, and the body that goes behind the signed document.
    pub fn parts(&self) -> (Value, Vec<u8>) {
        let (kind, body) = match &self.reply {
            Reply::Refused(refusal) => (1, map([(1, Value::Int(refusal.row().0))])),
            Reply::Enrolled { epoch } => (2, map([(1, Value::Int(i64::from(*epoch)))])),
            Reply::Need(need) => {
                let mut entries =
                    vec![(1, need.acked.value()), (2, fields::byte_list(&need.receipts))];
                entries.extend(need.status.iter().map(|st| (3, Value::Bytes(st.clone()))));
                (3, Value::Map(entries))
            }
            Reply::Receipt(document) => (4, map([(1, Value::Bytes(document.clone()))])),
            Reply::Pulled(pulled) => (5, pulled.value()),
            Reply::Page(document) => (6, map([(1, Value::Bytes(document.clone()))])),
            Reply::Bye { status } => {
                let status = status.iter().map(|st| (1, Value::Bytes(st.clone())));
                (7, Value::Map(status.collect()))
            }
            Reply::Parcel(contents) => (8, contents.value()),
            Reply::File(part) => (9, part.value()),
        };
        let body = cbor::encode(&body);
        let digest = Value::Bytes(digest(&body).to_vec());
        (frame(kind, &self.device, &self.nonce, self.at, digest), body)
    }

    /// Reads a payload whose signature was checked, and the body it stands for.
    pub fn read(payload: Value, body: &[u8]) -> Result<Self, WireError> {
        let mut head = Reader::versioned(payload)?;
        let kind = head.int(2)?;
        let (device, nonce, at) = (head.device(3)?, head.array(4)?, UnixSeconds(head.int(5)?));
        let hash: [u8; 32] = head.array(6)?;
        head.finish()?;
        if hash != digest(body) {
            return Err(WireError::Shape("the body is not the one signed for".to_owned()));
        }
        let mut r = Reader::of(decode(body)?)?;
        let reply = match kind {
            1 => {
                let code = r.int(1)?;
                let row = Refusal::ALL.iter().find(|row| row.1 == code);
                Reply::Refused(row.ok_or_else(|| WireError::Shape(format!("refusal {code}")))?.0)
            }
            2 => Reply::Enrolled { epoch: r.u32(1)? },
            3 => {
                let acked = Position::read(r.map(1)?)?;
                let receipts = r.byte_strings(2, MAX_RECEIPTS, "receipts")?;
                Reply::Need(Need { acked, receipts, status: r.opt_bytes(3)? })
            }
            4 => Reply::Receipt(r.bytes(1)?),
            5 => Reply::Pulled(Pulled::read(&mut r)?),
            6 => Reply::Page(r.bytes(1)?),
            7 => Reply::Bye { status: r.opt_bytes(1)? },
            8 => Reply::Parcel(Contents::read(&mut r)?),
            9 => Reply::File(FilePart::read(&mut r)?),
            other => return Err(WireError::Shape(format!("answer kind {other}"))),
        };
        r.finish()?;
        Ok(Self { device, nonce, at, reply })
    }
}

/// The map around every request and answer: version, kind, device, nonce, time, content.
fn frame(kind: i64, device: &DeviceId, nonce: &[u8; 16], at: UnixSeconds, content: Value) -> Value {
    map([
        (VERSION_KEY, Value::Int(VERSION)),
        (2, Value::Int(kind)),
        (3, Value::Text(device.to_string())),
        (4, Value::Bytes(nonce.to_vec())),
        (5, Value::Int(at.0)),
        (6, content),
    ])
}

/// Joins the parts of an HTTP body or a file: one array of byte strings.
///
/// A request is `[device, nonce, document]` (the name says whose key to check with, the nonce what
/// to answer if that fails), the first one `[device, nonce, document, key]`; an answer `[document,
/// body]`; an enrolment file is an [`Envelope`].
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    cbor::encode(&Value::Array(parts.iter().map(|part| Value::Bytes(part.to_vec())).collect()))
}

/// As [`join`], of parts that are there already.
pub(in crate::sync) fn join_list(parts: &[Vec<u8>]) -> Vec<u8> {
    cbor::encode(&fields::byte_list(parts))
}

/// Takes apart what [`join`] wrote; exactly `N` parts.
pub fn split<const N: usize>(bytes: &[u8]) -> Result<[Vec<u8>; N], WireError> {
    let parts = split_list(bytes, N, "parts")?;
    parts.try_into().map_err(|_| fields::shape("another number of parts"))
}

/// Takes apart what [`join`] wrote; at most `most` parts.
pub(in crate::sync) fn split_list(
    bytes: &[u8],
    most: usize,
    name: &'static str,
) -> Result<Vec<Vec<u8>>, WireError> {
    split_within(bytes, MAX_BODY, most, name)
}

/// As [`split_list`], of up to so many bytes.
fn split_within(
    bytes: &[u8],
    size: usize,
    most: usize,
    name: &'static str,
) -> Result<Vec<Vec<u8>>, WireError> {
    let Value::Array(parts) = decode_within(bytes, size)? else {
        return Err(fields::shape("not a list of parts"));
    };
    if parts.len() > most {
        return Err(WireError::Limit(name));
    }
    let parts = parts.into_iter().map(|part| match part {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(fields::shape("a part is not bytes")),
    });
    parts.collect()
}

fn decode(bytes: &[u8]) -> Result<Value, WireError> {
    decode_within(bytes, MAX_BODY)
}

fn decode_within(bytes: &[u8], size: usize) -> Result<Value, WireError> {
    Ok(cbor::decode(bytes, Limits { bytes: size, depth: MAX_DEPTH })?)
}

/// SHA-256.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

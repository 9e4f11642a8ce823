//! Opening and releasing an association: AARQ, AARE, RLRQ, RLRE, in BER, with the xDLMS initiate
//! inside in A-XDR.

use std::fmt;

use super::names;
use super::reader::{Fault, Reader, put_length};

/// 2.16.756.5.8: DLMS UA; an application context (1) or mechanism (2) and its number follow.
const DLMS_UA: [u8; 5] = [0x60, 0x85, 0x74, 0x05, 0x08];
/// Logical names, not ciphered.
const CONTEXT_LN: u8 = 1;
/// Low level security: a password.
const MECHANISM_LLS: u8 = 1;
/// Version of xDLMS.
const VERSION: u8 = 6;
/// Longest message we take.
const PDU_MAX: u16 = 0xFFFF;
/// What we can do: get and set with blocks, several attributes at once, get, set, action
/// (conformance bits 11, 12, 14, 19, 20, 23; bit 0 is the highest).
const CONFORMANCE: [u8; 3] = [0x00, 0x1A, 0x19];
/// Tag of the conformance field, its length and the count of unused bits.
const CONFORMANCE_TAG: [u8; 4] = [0x5F, 0x1F, 0x04, 0x00];
/// Longest password.
pub const PASSWORD_MAX: usize = 64;

/// How a client proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    None,
    /// With a password (low level security), sent as it is.
    Password(Vec<u8>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(***)",
        })
    }
}

/// What a meter granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Association {
    /// What both sides can do; bit 0 is the highest of the first byte.
    pub conformance: [u8; 3],
    /// Longest message the meter takes; 0 is no limit.
    pub max_pdu: u16,
}

impl Association {
    /// Nothing beyond what everybody can do.
    pub(super) const NOTHING: Self = Self { conformance: [0; 3], max_pdu: 0 };

    /// Whether conformance bit `bit` is set.
    pub(super) fn can(&self, bit: usize) -> bool {
        self.conformance.get(bit / 8).is_some_and(|byte| byte << (bit % 8) & 0x80 != 0)
    }
}

/// Association request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aarq {
    /// Number of the application context.
    pub context: Option<u8>,
    /// Number of the mechanism; 0 if there is none.
    pub mechanism: u8,
    /// A system title is given.
    pub calling_ap_title: Option<Vec<u8>>,
    /// The password or challenge.
    pub secret: Option<Vec<u8>>,
    /// What the client proposes; `None` if it is ciphered or not there.
    pub initiate: Option<Association>,
}

/// Association response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aare {
    /// Number of the application context.
    pub context: Option<u8>,
    /// 0 is accepted.
    pub result: u8,
    /// Who says so, 1 the application, 2 the association service; and the number.
    pub diagnostic: (u8, u8),
    /// What the meter grants.
    pub initiate: Option<Association>,
    /// The error in place of a grant: service tag, kind, value.
    pub error: Option<[u8; 3]>,
}

impl Aare {
    /// The diagnostic's name.
    pub fn diagnostic_name(&self) -> &'static str {
        names::diagnostic(self.diagnostic.0, self.diagnostic.1)
    }
}

fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    put_length(out, content.len());
    out.extend_from_slice(content);
}

/// The request that opens an association by logical names.
pub fn aarq(auth: &Auth) -> Vec<u8> {
    let mut body = Vec::new();
    let name = |kind: u8, number: u8| [&DLMS_UA[..], &[kind, number]].concat();
    let mut context = Vec::new();
    put(&mut context, 0x06, &name(1, CONTEXT_LN));
    put(&mut body, 0xA1, &context);
    if let Auth::Password(password) = auth {
        // Sender's ACSE requirements: bit 0, authentication.
        put(&mut body, 0x8A, &[0x07, 0x80]);
        put(&mut body, 0x8B, &name(2, MECHANISM_LLS));
        let mut value = Vec::new();
        put(&mut value, 0x80, password.get(..PASSWORD_MAX).unwrap_or(password));
        put(&mut body, 0xAC, &value);
    }
    // InitiateRequest: no key of its own, answers allowed, no quality of service proposed.
    let mut initiate = vec![0x01, 0x00, 0x00, 0x00, VERSION];
    initiate.extend_from_slice(&CONFORMANCE_TAG);
    initiate.extend_from_slice(&CONFORMANCE);
    initiate.extend_from_slice(&PDU_MAX.to_be_bytes());
    let mut user = Vec::new();
    put(&mut user, 0x04, &initiate);
    put(&mut body, 0xBE, &user);
    let mut out = Vec::new();
    put(&mut out, 0x60, &body);
    out
}

/// The request that releases it: reason normal.
pub fn rlrq() -> Vec<u8> {
    vec![0x62, 0x03, 0x80, 0x01, 0x00]
}

/// The last number of an object identifier of the DLMS UA.
fn last_arc(oid: &[u8]) -> Option<u8> {
    match oid.strip_prefix(&DLMS_UA) {
        Some([_, number]) => Some(*number),
        _ => None,
    }
}

/// The content of one BER element that must have this tag.
fn element(bytes: &[u8], tag: u8) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != tag {
        return Err(Fault::Odd("bad_association"));
    }
    reader.counted()
}

/// An integer's one byte.
fn small(bytes: &[u8]) -> Result<u8, Fault> {
    match element(bytes, 0x02)? {
        [number] => Ok(*number),
        _ => Err(Fault::Odd("bad_association")),
    }
}

/// Reads what follows the tag 60H.
pub fn read_aarq(content: &[u8]) -> Result<Aarq, Fault> {
    let mut aarq =
        Aarq { context: None, mechanism: 0, calling_ap_title: None, secret: None, initiate: None };
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        let (tag, value) = (reader.byte()?, reader.counted()?);
        match tag {
            0xA1 => aarq.context = last_arc(element(value, 0x06)?),
            0xA6 => aarq.calling_ap_title = Some(element(value, 0x04)?.to_vec()),
            0x8B => aarq.mechanism = last_arc(value).ok_or(Fault::Odd("bad_association"))?,
            0xAC => aarq.secret = Some(secret(value)?.to_vec()),
            0xBE => aarq.initiate = initiate(element(value, 0x04)?, 0x01)?,
            // Titles, invocation numbers and requirements that say nothing to a reader.
            _ => {}
        }
    }
    Ok(aarq)
}

/// An authentication value: characters (80H), bits (81H) or anything else.
fn secret(value: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(value);
    reader.byte()?;
    reader.counted()
}

/// Reads what follows the tag 61H.
pub fn read_aare(content: &[u8]) -> Result<Aare, Fault> {
    let mut aare =
        Aare { context: None, result: 0xFF, diagnostic: (0, 0), initiate: None, error: None };
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        let (tag, value) = (reader.byte()?, reader.counted()?);
        match tag {
            0xA1 => aare.context = last_arc(element(value, 0x06)?),
            0xA2 => aare.result = small(value)?,
            0xA3 => {
                let mut choice = Reader::new(value);
                let source = choice.byte()?.wrapping_sub(0xA0);
                aare.diagnostic = (source, small(choice.counted()?)?);
            }
            0xBE => {
                let user = element(value, 0x04)?;
                match user {
                    [0x0E, error @ ..] => aare.error = error.try_into().ok(),
                    _ => aare.initiate = initiate(user, 0x08)?,
                }
            }
            _ => {}
        }
    }
    // Without a result it is no answer at all.
    if aare.result == 0xFF { Err(Fault::Odd("bad_association")) } else { Ok(aare) }
}

/// An InitiateRequest (01H) or InitiateResponse (08H). `None` for a ciphered one.
fn initiate(bytes: &[u8], tag: u8) -> Result<Option<Association>, Fault> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        0x21 | 0x28 | 0xDB | 0xDC | 0xDD => return Ok(None),
        own if own == tag => {}
        _ => return Err(Fault::Odd("bad_initiate")),
    }
    if tag == 0x01 {
        // The dedicated key, then whether answers are allowed.
        if reader.byte()? != 0 {
            reader.counted()?;
        }
        if reader.byte()? != 0 {
            reader.byte()?;
        }
    }
    if reader.byte()? != 0 {
        // Quality of service.
        reader.byte()?;
    }
    reader.byte()?;
    // Some meters write the tag in the old way, one byte.
    match reader.array::<2>()? {
        [0x5F, 0x1F] => {
            reader.byte()?;
        }
        [0x5F, 0x04] => {}
        _ => return Err(Fault::Odd("bad_initiate")),
    }
    reader.byte()?;
    Ok(Some(Association { conformance: reader.array()?, max_pdu: reader.word()? }))
}

/// The reason in an RLRQ or RLRE.
pub fn read_reason(content: &[u8]) -> Option<u8> {
    match content {
        [0x80, 0x01, reason, ..] => Some(*reason),
        _ => None,
    }
}

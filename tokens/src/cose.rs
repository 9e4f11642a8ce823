//! The envelope: `18([<<{1: -19, 4: kid, 16: typ}>>, {}, payload, signature])`, and nothing else.
//!
//! Opening is: size, scan of the whole, the fixed shape byte by byte, scan of the protected header
//! and of the payload as items of their own, the three header fields, the key, the signature
//! (`verify_strict`), and only then the time rules. The external AAD binds a document to this
//! format and to the tenant at no cost in bytes.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::canonical::{self, Limits, head, put_bytes, put_head};
use crate::cbor::{self, CborError, Fields, Value};
use crate::claims::{DEPLOYMENT, DocType, ISS, check_tenant, clip};
use crate::error::{Shape, TokenError};
use crate::keys::{ALG_ED25519, KeyId, KeyRecord, Keyring, PublicKey};

const TAG_SIGN1: u64 = 18;
/// Header labels (RFC 9052 3.1, RFC 9596).
const ALG: i64 = 1;
const KID: i64 = 4;
const TYP: i64 = 16;
/// An Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// A document whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub kid: KeyId,
    /// What was signed: always a map.
    pub payload: Value,
}

/// Checks a document of type `kind` for `tenant` against `keys`.
///
/// `at` is the time of signing as the document or the caller's record of it says, in Unix seconds:
/// the key must have been in force then. Without it the key's validity is not checked, but a
/// revoked key is refused. Readers of typed documents ([`crate::RechargeToken`], [`crate::Keyset`])
/// do this with the document's own times.
///
/// # Errors
/// See [`TokenError`]; nothing of a refused document is returned.
pub fn verify(
    bytes: &[u8],
    kind: DocType,
    tenant: &str,
    keys: &Keyring,
    at: Option<i64>,
) -> Result<Verified, TokenError> {
    let opened = open(bytes, kind, tenant, keys)?;
    keys.check_time(opened.record, at)?;
    Ok(Verified { kid: opened.record.key.kid(), payload: opened.payload })
}

/// The type a document claims to be. Not a check of anything: only to choose what to check.
///
/// # Errors
/// The bytes are no envelope of ours, or of an unknown type.
pub fn document_type(bytes: &[u8]) -> Result<DocType, TokenError> {
    let most = DocType::ALL.into_iter().map(DocType::limits);
    let limits = most.fold(Limits { bytes: 0, depth: 0 }, |a, b| Limits {
        bytes: a.bytes.max(b.bytes),
        depth: a.depth.max(b.depth),
    });
    let parts = Parts::of(bytes, limits)?;
    let header = Header::of(parts.protected, limits)?;
    let doc = DocType::from_media(&header.typ)
        .ok_or_else(|| TokenError::Typ { found: clip(&header.typ) })?;
    let (len, max) = (bytes.len(), doc.limits().bytes);
    if len > max { Err(TokenError::Size { len, max }) } else { Ok(doc) }
}

/// A document with a good signature, before the time rules.
pub(crate) struct Opened<'k> {
    pub(crate) record: &'k KeyRecord,
    pub(crate) payload: Value,
}

pub(crate) fn open<'k>(
    bytes: &[u8],
    kind: DocType,
    tenant: &str,
    keys: &'k Keyring,
) -> Result<Opened<'k>, TokenError> {
    let (kid, payload, parts) = read(bytes, kind, tenant)?;
    let record = keys.admit(kid, kind)?;
    record.key.verify(&to_be_signed(parts.protected, tenant, parts.payload), parts.signature)?;
    Ok(Opened { record, payload })
}

/// Everything before the key: who seems to have signed what.
fn read<'a>(
    bytes: &'a [u8],
    kind: DocType,
    tenant: &str,
) -> Result<(KeyId, Value, Parts<'a>), TokenError> {
    let limits = kind.limits();
    let parts = Parts::of(bytes, limits)?;
    let header = Header::of(parts.protected, limits)?;
    if header.typ != kind.media() {
        return Err(TokenError::Typ { found: clip(&header.typ) });
    }
    if header.alg != ALG_ED25519 {
        return Err(TokenError::Alg(header.alg));
    }
    let payload = cbor::decode(parts.payload, limits)?;
    check_payload(&payload, kind, tenant)?;
    Ok((header.kid, payload, parts))
}

/// Key and payload of a document as they stand there, the signature **not** checked: for a
/// document that names the keys it must be checked against.
pub(crate) fn unchecked(
    bytes: &[u8],
    kind: DocType,
    tenant: &str,
) -> Result<(KeyId, Value), TokenError> {
    read(bytes, kind, tenant).map(|(kid, payload, _)| (kid, payload))
}

/// The key id in a header, for sorting.
pub(crate) fn kid(bytes: &[u8], kind: DocType) -> Option<KeyId> {
    let limits = kind.limits();
    let parts = Parts::of(bytes, limits).ok()?;
    Some(Header::of(parts.protected, limits).ok()?.kid)
}

/// The payload is a map; in a claims set, the tenant is the one asked for. The signature covers the
/// tenant as well, so this only gives the refusal its proper name.
fn check_payload(payload: &Value, kind: DocType, tenant: &str) -> Result<(), TokenError> {
    let Value::Map(entries) = payload else {
        return Err(TokenError::Claims(CborError::NotMap));
    };
    if kind.facts().cwt {
        match entries.iter().find(|(key, _)| *key == ISS) {
            Some((_, Value::Text(iss))) if iss == tenant => {}
            Some((_, Value::Text(_))) => return Err(TokenError::Tenant),
            Some(_) => {
                return Err(TokenError::Claims(CborError::Type { key: ISS, want: "a text" }));
            }
            None => return Err(TokenError::Claims(CborError::Missing(ISS))),
        }
    }
    Ok(())
}

/// The four parts of an envelope, as slices of it.
struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8], limits: Limits) -> Result<Self, TokenError> {
        canonical::scan(bytes, limits, &[TAG_SIGN1])?;
        let mut at = Cursor { bytes, at: 0 };
        at.fixed(6, TAG_SIGN1, Shape::Untagged)?;
        at.fixed(4, 4, Shape::Array)?;
        let protected = at.bytes(Shape::Protected)?;
        at.empty_map()?;
        let payload = at.bytes(Shape::Payload)?;
        let signature = at.bytes(Shape::Signature)?;
        let signature = signature.try_into().map_err(|_| TokenError::Shape(Shape::Signature))?;
        Ok(Self { protected, payload, signature })
    }
}

/// Walks over an envelope that passed the scan.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn fixed(&mut self, major: u8, arg: u64, shape: Shape) -> Result<(), TokenError> {
        match head(self.bytes, self.at) {
            Ok(head) if (head.major, head.arg) == (major, arg) => {
                self.at = head.next;
                Ok(())
            }
            _ => Err(TokenError::Shape(shape)),
        }
    }

    fn bytes(&mut self, shape: Shape) -> Result<&'a [u8], TokenError> {
        let head = head(self.bytes, self.at).map_err(|_| TokenError::Shape(shape.clone()))?;
        let len = usize::try_from(head.arg).ok();
        let end = len.and_then(|len| head.next.checked_add(len));
        match end.and_then(|end| Some((end, self.bytes.get(head.next..end)?))) {
            Some((end, content)) if head.major == 2 => {
                self.at = end;
                Ok(content)
            }
            _ => Err(TokenError::Shape(shape)),
        }
    }

    /// The unprotected header: `a0`. Names what stands there otherwise.
    fn empty_map(&mut self) -> Result<(), TokenError> {
        let shape = match head(self.bytes, self.at) {
            Ok(map) if map.major == 5 && map.arg == 0 => {
                self.at = map.next;
                return Ok(());
            }
            Ok(map) if map.major == 5 => match head(self.bytes, map.next) {
                Ok(key) if key.major == 0 && key.arg == ALG.unsigned_abs() => Shape::UnprotectedAlg,
                Ok(key) if key.major == 0 && key.arg == KID.unsigned_abs() => Shape::UnprotectedKid,
                _ => Shape::UnprotectedExtra,
            },
            _ => Shape::UnprotectedType,
        };
        Err(TokenError::Shape(shape))
    }
}

/// The protected header.
struct Header {
    alg: i64,
    kid: KeyId,
    typ: String,
}

impl Header {
    fn of(bytes: &[u8], limits: Limits) -> Result<Self, TokenError> {
        let value = cbor::decode(bytes, limits).map_err(|e| match e {
            CborError::KeyType | CborError::Range => TokenError::Header(e),
            e => e.into(),
        })?;
        let read = |value| {
            let mut fields = Fields::of(value)?;
            let header = Self {
                alg: fields.int(ALG)?,
                kid: KeyId(fields.array_bytes(KID)?),
                typ: fields.text(TYP)?,
            };
            fields.finish()?;
            Ok(header)
        };
        read(value).map_err(TokenError::Header)
    }
}

/// `["Signature1", protected, << ["meterkit/1", tenant] >>, payload]` (RFC 9052 4.4).
pub(crate) fn to_be_signed(protected: &[u8], tenant: &str, payload: &[u8]) -> Vec<u8> {
    const CONTEXT: &[u8] = b"\x6aSignature1";
    let mut aad = Vec::with_capacity(2 + DEPLOYMENT.len() + 5 + tenant.len());
    put_head(&mut aad, 4, 2);
    for text in [DEPLOYMENT, tenant] {
        put_head(&mut aad, 3, text.len() as u64);
        aad.extend_from_slice(text.as_bytes());
    }
    let parts = [protected, &aad, payload];
    let len = parts.iter().map(|part| part.len() + 9).sum::<usize>();
    let mut out = Vec::with_capacity(len + 1 + CONTEXT.len());
    put_head(&mut out, 4, 4);
    out.extend_from_slice(CONTEXT);
    for part in parts {
        put_bytes(&mut out, part);
    }
    out
}

/// Signs a payload. The caller has decided that this key may sign this type.
///
/// # Errors
/// The tenant is no tenant name, the payload is not a map of that tenant, too deep or too large.
pub(crate) fn seal(
    key: &SigningKey,
    doc: DocType,
    tenant: &str,
    payload: &Value,
) -> Result<Vec<u8>, TokenError> {
    check_tenant(tenant)?;
    check_payload(payload, doc, tenant)?;
    let limits = doc.limits();
    let payload = cbor::encode(payload);
    canonical::scan(&payload, limits, &[])?;
    let protected = cbor::encode(&Value::Map(vec![
        (ALG, Value::Int(ALG_ED25519)),
        (KID, Value::bytes(PublicKey::of(key).kid().0)),
        (TYP, Value::from(doc.media())),
    ]));
    let signature = key.sign(&to_be_signed(&protected, tenant, &payload)).to_bytes();
    let mut out = Vec::with_capacity(protected.len() + payload.len() + SIGNATURE_BYTES + 16);
    put_head(&mut out, 6, TAG_SIGN1);
    put_head(&mut out, 4, 4);
    put_bytes(&mut out, &protected);
    put_head(&mut out, 5, 0);
    put_bytes(&mut out, &payload);
    put_bytes(&mut out, &signature);
    if out.len() > limits.bytes {
        return Err(TokenError::Size { len: out.len(), max: limits.bytes });
    }
    Ok(out)
}

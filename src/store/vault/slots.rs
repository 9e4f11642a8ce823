//! `vault/slots`: the clear head of the vault and the wrapped keys. `docs/vault.md` is its prose.

use super::error::VaultError;
use super::secret::{DeviceSecret, SecretKind, Trace};
use super::wrap::{Cost, Secret, Workshop, derive, open, random, seal, tag, tag_fits};
use crate::store::seal::StoreKey;
use meterkit_tokens::cbor::{CborError, Fields, Limits, Value, decode, encode};
use zeroize::Zeroizing;

/// The file's name.
pub const FILE: &str = "slots";
/// Version of the file.
pub const FORMAT: i64 = 1;
/// Most operators.
pub const MAX_OPERATORS: usize = 48;
/// Most recovery codes.
pub const MAX_RECOVERY: usize = 16;
/// Largest file, bytes.
pub(super) const MAX_FILE: usize = 64 * 1024;
/// Longest sealed blob of a TPM, bytes.
const MAX_BLOB: usize = 4 * 1024;
const TAG: usize = 32;
const CHECK: usize = 4;

/// What is true of the whole vault, readable by whoever finds the handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The handheld's name, so that a finder can return it.
    pub device: String,
    pub id: [u8; 16],
    pub trace: Trace,
    /// What a PIN costs from now on.
    pub cost: Cost,
    /// Tells whether a key is this vault's.
    pub check: [u8; 32],
}

/// Whose key a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Operator,
    Recovery,
}

/// The store's key, wrapped for one PIN or one recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub id: [u8; 16],
    pub kind: Kind,
    pub cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

/// The file's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slots {
    pub head: Head,
    pub slots: Vec<Slot>,
}

/// What opens a slot.
pub(super) enum Opener<'a> {
    Pin(&'a [u8], Workshop),
    Code(&'a [u8; 16]),
}

impl<'a> Opener<'a> {
    /// A PIN, with the memory to try it on what costs this much.
    pub(super) fn pin(pin: &'a [u8], cost: Cost) -> Result<Self, VaultError> {
        Ok(Self::Pin(pin, Workshop::new(cost)?))
    }
}

impl Head {
    pub(super) fn check_of(key: &StoreKey, id: &[u8; 16]) -> Result<[u8; 32], VaultError> {
        let key: Secret = Zeroizing::new(*key.bytes());
        tag(&key, &[b"meterkit/vault/1/key", id])
    }
}

impl Slot {
    /// Wraps a key.
    pub(super) fn make(
        head: &Head,
        secret: &DeviceSecret,
        id: [u8; 16],
        opener: &mut Opener<'_>,
        key: &StoreKey,
    ) -> Result<Self, VaultError> {
        let kind = match opener {
            Opener::Pin(..) => Kind::Operator,
            Opener::Code(_) => Kind::Recovery,
        };
        let (salt, nonce) = (*random::<16>()?, *random::<24>()?);
        let mut slot = Self { id, kind, cost: head.cost, salt, nonce, sealed: Vec::new() };
        let wrap = slot.wrapping_key(secret, opener)?;
        slot.sealed = seal(&wrap, &nonce, &slot.clear(head), key.bytes())?;
        Ok(slot)
    }

    /// A slot that nothing opens, for a name that has none: it takes the same work.
    pub(super) fn decoy(head: &Head, id: [u8; 16]) -> Self {
        let (salt, nonce) = (id, [0; 24]);
        Self { id, kind: Kind::Operator, cost: head.cost, salt, nonce, sealed: vec![0; 48] }
    }

    /// Opens the slot; `None` if the PIN or code is not its own.
    pub(super) fn open(
        &self,
        head: &Head,
        secret: &DeviceSecret,
        opener: &mut Opener<'_>,
    ) -> Result<Option<StoreKey>, VaultError> {
        let wrap = self.wrapping_key(secret, opener)?;
        let key = open(&wrap, &self.nonce, &self.clear(head), &self.sealed);
        Ok(key.map(|key| StoreKey::from_bytes(*key)))
    }

    fn wrapping_key(
        &self,
        secret: &DeviceSecret,
        opener: &mut Opener<'_>,
    ) -> Result<Secret, VaultError> {
        let info: [&[u8]; 2] = [b"meterkit/slot/1", &self.id];
        match opener {
            Opener::Pin(pin, workshop) => {
                let stretched = workshop.stretch(pin, &self.salt)?;
                derive(b"", &[&stretched[..], secret.bytes()], &info)
            }
            // 128 random bits: stretching would add nothing.
            Opener::Code(code) => derive(&self.salt, &[&code[..], secret.bytes()], &info),
        }
    }

    /// All that is not sealed: none of it can be changed without the slot failing to open.
    fn clear(&self, head: &Head) -> Vec<u8> {
        let [kib, passes, lanes] = self.cost.parts();
        encode(&Value::Array(vec![
            Value::from("meterkit/slot/1"),
            Value::bytes(head.id),
            Value::from(head.device.as_str()),
            Value::bytes(self.id),
            Value::Int(self.kind.number()),
            Value::from(kib),
            Value::from(passes),
            Value::from(lanes),
            Value::bytes(self.salt),
            Value::bytes(self.nonce),
        ]))
    }

    fn value(&self) -> Value {
        let [kib, passes, lanes] = self.cost.parts();
        Value::Map(vec![
            (0, Value::Int(self.kind.number())),
            (1, Value::bytes(self.id)),
            (2, Value::from(kib)),
            (3, Value::from(passes)),
            (4, Value::from(lanes)),
            (5, Value::bytes(self.salt)),
            (6, Value::bytes(self.nonce)),
            (7, Value::Bytes(self.sealed.clone())),
        ])
    }

    fn parse(value: Value) -> Result<Self, Fault> {
        let mut f = Fields::of(value)?;
        let kind = f.int(0)?;
        let slot = Self {
            kind: Kind::of_number(kind).ok_or_else(|| Fault::Bad(format!("slot kind {kind}")))?,
            id: f.array_bytes(1)?,
            cost: cost(&mut f, 2)?,
            salt: f.array_bytes(5)?,
            nonce: f.array_bytes(6)?,
            sealed: f.array_bytes::<48>(7)?.to_vec(),
        };
        f.finish()?;
        Ok(slot)
    }
}

impl Kind {
    fn number(self) -> i64 {
        match self {
            Self::Operator => 1,
            Self::Recovery => 2,
        }
    }

    fn of_number(number: i64) -> Option<Self> {
        [Self::Operator, Self::Recovery].into_iter().find(|kind| kind.number() == number)
    }
}

impl Slots {
    pub(super) fn find(&self, kind: Kind, id: &[u8; 16]) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.kind == kind && slot.id == *id)
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.slots.iter().filter(|slot| slot.kind == kind).count()
    }

    /// Puts a slot in the place of the one with its id, if there is one.
    pub(super) fn put(&mut self, slot: Slot) {
        self.remove(slot.kind, &slot.id);
        self.slots.push(slot);
    }

    pub(super) fn remove(&mut self, kind: Kind, id: &[u8; 16]) {
        self.slots.retain(|slot| slot.kind != kind || slot.id != *id);
    }

    /// The file: the contents, their tag under the device secret, a checksum of both.
    pub(super) fn encode(&self, secret: &DeviceSecret) -> Result<Vec<u8>, VaultError> {
        let Head { device, id, trace, cost, check } = &self.head;
        let [kib, passes, lanes] = cost.parts();
        let mut out = encode(&Value::Map(vec![
            (0, Value::Int(FORMAT)),
            (1, Value::from(device.as_str())),
            (2, Value::bytes(id)),
            (3, Value::Int(trace.kind.number())),
            (4, Value::from(trace.machine)),
            (5, Value::Bytes(trace.blob.clone())),
            (6, Value::from(kib)),
            (7, Value::from(passes)),
            (8, Value::from(lanes)),
            (9, Value::bytes(check)),
            (10, Value::Array(self.slots.iter().map(Slot::value).collect())),
        ]));
        let tag = tag(&secret.key("slots", id)?, &[&out])?;
        out.extend_from_slice(&tag);
        let check = crc32c::crc32c(&out);
        out.extend_from_slice(&check.to_be_bytes());
        Ok(out)
    }

    /// Reads the file, without knowing the device secret yet: nothing of it may be relied on before
    /// [`genuine`] said so.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let damaged = |what: &str| VaultError::Damaged(format!("{FILE}: {what}"));
        let at = bytes.len().checked_sub(TAG + CHECK).ok_or_else(|| damaged("too short"))?;
        let (all, check) = bytes.split_at(at + TAG);
        if crc32c::crc32c(all).to_be_bytes() != check {
            return Err(damaged("the checksum is wrong"));
        }
        match parse(&all[..at]) {
            Ok(slots) => Ok(slots),
            Err(Fault::Bad(what)) => Err(damaged(&what)),
            Err(Fault::Newer(found)) => {
                Err(VaultError::Newer { found, known: u32::try_from(FORMAT).unwrap_or(0) })
            }
        }
    }
}

/// Whether the file was written with this device secret.
pub(super) fn genuine(
    bytes: &[u8],
    secret: &DeviceSecret,
    id: &[u8; 16],
) -> Result<bool, VaultError> {
    let at = bytes.len().saturating_sub(TAG + CHECK);
    let Some(found) = bytes.get(at..at + TAG) else { return Ok(false) };
    tag_fits(&secret.key("slots", id)?, &[&bytes[..at]], found)
}

enum Fault {
    Newer(u32),
    Bad(String),
}

impl From<CborError> for Fault {
    fn from(e: CborError) -> Self {
        Self::Bad(e.to_string())
    }
}

fn cost(f: &mut Fields, first: i64) -> Result<Cost, Fault> {
    let cost = Cost::of_file(f.number(first)?, f.number(first + 1)?, f.number(first + 2)?);
    cost.ok_or_else(|| Fault::Bad("a cost nobody would pay".into()))
}

fn parse(bytes: &[u8]) -> Result<Slots, Fault> {
    let mut f = Fields::of(decode(bytes, Limits { bytes: MAX_FILE, depth: 4 })?)?;
    let format = f.int(0)?;
    if format > FORMAT {
        return Err(Fault::Newer(u32::try_from(format).unwrap_or(u32::MAX)));
    }
    if format != FORMAT {
        return Err(Fault::Bad(format!("format {format}")));
    }
    let device = f.text(1)?;
    let id = f.array_bytes(2)?;
    let kind = SecretKind::of_number(f.int(3)?).ok_or(Fault::Bad("kind of secret".into()))?;
    let trace = Trace { kind, machine: f.bool(4)?, blob: f.bytes(5)? };
    let cost = cost(&mut f, 6)?;
    let head = Head { device, id, trace, cost, check: f.array_bytes(9)? };
    let slots = f.array(10)?.into_iter().map(Slot::parse).collect::<Result<Vec<_>, _>>()?;
    f.finish()?;
    if head.trace.blob.len() > MAX_BLOB || slots.len() > MAX_OPERATORS + MAX_RECOVERY {
        return Err(Fault::Bad("too much of it".into()));
    }
    Ok(Slots { head, slots })
}

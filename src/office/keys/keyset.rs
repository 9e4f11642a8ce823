//! Keysets: made, rotated with overlap, cut off.
//!
//! A key that is replaced stays named until its own end, which is later than anything it signed
//! may still be used: the longest token, and the longest time a handheld may be away. Only a
//! revocation ends it before.

use super::chest::{Ask, Chest, Purpose};
use super::{Keys, MAX_TOKEN_AMOUNT, keyset_name};
use crate::office::OfficeError;
use meterkit_tokens::{DocType, KeyId, KeyRecord, Keyset, PublicKey};

const DAY: i64 = 86_400;
/// Life of a keyset, seconds (`reference/tokens.md` 2.4: 90 days).
const KEYSET_LIFE: i64 = 90 * DAY;
/// How much longer its keys are good: tokens of 7 days, and a handheld that was away for three
/// weeks, still find theirs.
const OVERLAP: i64 = 30 * DAY;
/// A keyset with less life left than this is to be renewed, seconds.
pub(super) const RENEW_BEFORE: i64 = 30 * DAY;
/// Where a clock may be behind ours and still find a fresh key in force, seconds.
pub(super) const BACKDATE: i64 = DAY;

/// Keys a keyset names.
pub(super) const NAMED: [Purpose; 3] = [Purpose::Issuer, Purpose::Status, Purpose::People];

/// What such a key may sign, and the most in one token.
fn rights(purpose: Purpose) -> (Vec<DocType>, Option<i64>) {
    match purpose {
        Purpose::Issuer => (vec![DocType::Recharge, DocType::Swap], Some(MAX_TOKEN_AMOUNT)),
        Purpose::Status => (
            vec![
                DocType::Status,
                DocType::Answer,
                DocType::Receipt,
                DocType::Area,
                DocType::Enrolment,
            ],
            None,
        ),
        Purpose::People => {
            (vec![DocType::Grant, DocType::Override, DocType::Bundle, DocType::Round], None)
        }
        _ => (vec![], None),
    }
}

fn record(purpose: Purpose, key: PublicKey, now: i64) -> KeyRecord {
    let (types, max_amount) = rights(purpose);
    let (not_before, not_after) = ((now - BACKDATE).max(0), now + KEYSET_LIFE + OVERLAP);
    KeyRecord { key, not_before, not_after, types, max_amount }
}

/// The first keyset, of the newest keys at hand.
pub(super) fn first(chest: &Chest, tenant: &str, now: i64) -> Result<Keyset, OfficeError> {
    let newest = |purpose| {
        let entry = chest.of(purpose).next_back();
        let entry = entry.ok_or_else(|| OfficeError::NoKey(purpose.name().to_owned()))?;
        let key = PublicKey::from_bytes(entry.public);
        Ok(record(purpose, key.map_err(|_| OfficeError::KeyFile(entry.name.clone()))?, now))
    };
    Ok(Keyset {
        tenant: tenant.to_owned(),
        version: 1,
        issued: now,
        not_before: (now - BACKDATE).max(0),
        expires: now + KEYSET_LIFE,
        keys: NAMED.into_iter().map(newest).collect::<Result<_, OfficeError>>()?,
        revoked: vec![],
    })
}

impl Keys {
    /// New issuer, status and people keys, which sign from now on; the old ones stay named until
    /// their own end.
    pub fn rotate(&mut self, now: i64, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let signer = self.in_use(Purpose::Keyset, now)?;
        self.chest.unlock(&signer, ask)?;
        let mut next = self.next(now)?;
        for purpose in NAMED {
            self.name_new(&mut next, purpose, now, ask)?;
        }
        self.publish(next)
    }

    /// The same keys with a new life.
    pub fn renew(&mut self, now: i64, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let signer = self.in_use(Purpose::Keyset, now)?;
        self.chest.unlock(&signer, ask)?;
        let mut next = self.next(now)?;
        for purpose in NAMED {
            let Ok(name) = self.in_use(purpose, now) else { continue };
            let in_use = self.chest.all().iter().find(|entry| entry.name == name);
            let public = in_use.map(|entry| entry.public);
            for record in next.keys.iter_mut().filter(|r| Some(r.key.bytes()) == public) {
                record.not_after = record.not_after.max(now + KEYSET_LIFE + OVERLAP);
                // A keyset of an earlier version knew fewer documents.
                (record.types, record.max_amount) = rights(purpose);
            }
        }
        self.publish(next)
    }

    /// Cuts a key off: what it signed at `from` or later is dead. A key in use is replaced.
    /// Gives what it was for.
    pub fn revoke(
        &mut self,
        kid: KeyId,
        from: i64,
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<Purpose, OfficeError> {
        let named = self.keyset().keys.iter().find(|record| record.key.kid() == kid);
        let named = named.ok_or_else(|| OfficeError::NoKey(kid.to_string()))?;
        // Of an earlier version a key has fewer documents, and never another purpose's.
        let purpose = NAMED.into_iter().find(|purpose| {
            let rights = rights(*purpose).0;
            !named.types.is_empty() && named.types.iter().all(|kind| rights.contains(kind))
        });
        let purpose = purpose.ok_or_else(|| OfficeError::NoKey(kid.to_string()))?;
        let signer = self.in_use(Purpose::Keyset, now)?;
        self.chest.unlock(&signer, ask)?;
        let name = self.in_use(purpose, now).ok();
        let in_use =
            self.chest.all().iter().any(|e| Some(&e.name) == name.as_ref() && e.kid() == kid);
        let mut next = self.next(now)?;
        match next.revoked.iter_mut().find(|(revoked, _)| *revoked == kid) {
            Some((_, cut)) => *cut = from.min(*cut),
            None => next.revoked.push((kid, from)),
        }
        if in_use {
            self.name_new(&mut next, purpose, now, ask)?;
        }
        self.publish(next)?;
        Ok(purpose)
    }

    /// Draws a key and names it in a keyset to come.
    fn name_new(
        &mut self,
        next: &mut Keyset,
        purpose: Purpose,
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        let name = self.chest.draw(purpose, ask, None)?;
        next.keys.push(record(purpose, self.chest.issuer(&name)?.public(), now));
        Ok(())
    }

    /// A keyset to follow the present one: what it names and has not ended.
    pub(super) fn next(&self, now: i64) -> Result<Keyset, OfficeError> {
        let old = self.keyset().clone();
        // A version that was written and never came into force is not used again.
        let last = self.keysets.keys().next_back().copied().unwrap_or(0).max(old.version);
        let keys: Vec<KeyRecord> = old.keys.into_iter().filter(|r| r.not_after > now).collect();
        let named = |kid: &KeyId| keys.iter().any(|record| record.key.kid() == *kid);
        Ok(Keyset {
            tenant: old.tenant,
            version: last + 1,
            issued: now,
            not_before: (now - BACKDATE).max(0),
            expires: now + KEYSET_LIFE,
            // A key that is not named any more needs no cut-off.
            revoked: old.revoked.into_iter().filter(|(kid, _)| named(kid)).collect(),
            keys,
        })
    }

    /// Signs a keyset, writes it, and puts it in force.
    pub(super) fn publish(&mut self, keyset: Keyset) -> Result<(), OfficeError> {
        let signer = self.chest.issuer(&self.in_use(Purpose::Keyset, keyset.issued)?)?;
        let document = signer.keyset(&keyset)?;
        // What is written must hold for whoever reads it.
        let keyset = Keyset::verify(&document, self.tenant(), self.root())?;
        self.write(&keyset_name(keyset.version), &document)?;
        self.keysets.insert(keyset.version, document.clone());
        (self.authority.keyset, self.document) = (keyset, document);
        Ok(())
    }
}

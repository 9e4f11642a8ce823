//! Bundles of parameters: read through, and signed for one handheld and some meters.
//!
//! What could carry money is refused here as it is on the handheld: a bundle is no way around a
//! recharge token.

use super::db::query;
use super::ledger::{self, Conn, transact};
use super::{Office, OfficeError};
use crate::profile::bundle::Bundle;
use crate::sync::wire::{FILE_PART, FilePart, MAX_BUNDLES};
use crate::units::{DeviceId, MeterNo, TokenId, UnixSeconds};
use meterkit_tokens::BundleToken;
use meterkit_tokens::bundle::{MAX_METERS, Target};
use sha2::{Digest, Sha256};

const DAY: i64 = 86_400;
/// Longest life of a bundle's signature, days: it must not outlive the key.
const MAX_DAYS: i64 = 90;

/// Why a bundle for no meters in particular is not signed: what to say instead.
const NO_TARGET: &str = "a bundle says which meters it is for: at least one of --profile, --area, \
                         --meter, --group (docs/bundle.md)";
/// What to do with more meters than can be listed one by one.
const AS_GROUP: &str = "name more of them by --group, a file of their numbers";

/// A bundle to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBundle {
    /// For which handheld.
    pub device: DeviceId,
    /// The file with the parameters.
    pub body: Vec<u8>,
    /// Only meters of this profile.
    pub profile: Option<String>,
    /// Only meters of this area.
    pub area: Option<String>,
    /// Only these meters.
    pub meters: Vec<MeterNo>,
    /// All meters of this group at once, and no others.
    pub group: Vec<MeterNo>,
    /// For how many days.
    pub days: i64,
}

/// A signed bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    /// Its identity.
    pub id: TokenId,
    /// Its name and version.
    pub name: (String, u32),
    /// Until when.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
}

/// A bundle that was signed, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleInfo {
    /// Its identity.
    pub id: TokenId,
    /// For which handheld.
    pub device: DeviceId,
    /// Its name and version.
    pub name: (String, u32),
    /// Until when.
    pub expires: UnixSeconds,
    /// Whether its handheld's journal shows it.
    pub taken: bool,
    /// Whether it was taken back.
    pub revoked: bool,
}

impl Office {
    /// The bundles that were signed, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn bundle_docs(&self) -> Result<Vec<BundleInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT id, device, name, version, expires, taken, revoked FROM bundle_doc
                   ORDER BY issued DESC, id";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let rows = rows.iter().map(|row| {
            Ok(BundleInfo {
                id: ledger::parsed(row, "id")?,
                device: ledger::parsed(row, "device")?,
                name: (row.try_get("name")?, ledger::small(row, "version")?),
                expires: UnixSeconds(row.try_get("expires")?),
                taken: row.try_get::<Option<i64>, _>("taken")?.is_some(),
                revoked: row.try_get::<Option<i64>, _>("revoked")?.is_some(),
            })
        });
        rows.collect()
    }

    /// Takes a bundle back: with its next status its handheld does not write it any more. What was
    /// written to meters stays there.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for one that is not there, or was taken back.
    pub async fn revoke_bundle(&self, id: TokenId) -> Result<(), OfficeError> {
        let now = self.now().0;
        transact!(self.ledger, |tx| {
            let sql = "UPDATE bundle_doc SET revoked = $2 WHERE id = $1 AND revoked IS NULL";
            let revoked = query(sql).bind(id.to_string()).bind(now).execute(&mut tx).await?;
            match revoked.rows_affected() {
                1 => Ok(()),
                _ => Err(OfficeError::Usage(format!("no bundle {id} that could be taken back"))),
            }
        })
    }

    /// Signs a bundle; its handheld gets it with the next exchange, over whatever medium.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] naming the line of a file that is not good, or what else is missing;
    /// for a version below one the handheld was given, or one that it was given with another
    /// content; [`OfficeError::NoDevice`], [`OfficeError::Quarantined`].
    pub async fn sign_bundle(&self, new: &NewBundle) -> Result<SignedBundle, OfficeError> {
        let usage = |why: String| OfficeError::Usage(why);
        if !(1..=MAX_DAYS).contains(&new.days) {
            return Err(usage(format!("a bundle is signed for 1 to {MAX_DAYS} days")));
        }
        let target = target(new);
        if target == Target::default() {
            return Err(usage(NO_TARGET.to_owned()));
        }
        if target.meters.len() > MAX_METERS {
            let listed = target.meters.len();
            return Err(usage(format!("{listed} meters, {MAX_METERS} can be listed: {AS_GROUP}")));
        }
        let text = std::str::from_utf8(&new.body).map_err(|error| usage(error.to_string()))?;
        let (bundle, faults) = Bundle::check(text);
        let Some(bundle) = bundle else {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(usage(faults.join("\n")));
        };
        let (id, now) = (self.new_id()?, self.now().0);
        let token = BundleToken {
            tenant: self.tenant(),
            device: new.device.to_string(),
            issued: now,
            not_before: now,
            expires: now + new.days * DAY,
            id: id.0,
            digest: Sha256::digest(&new.body).into(),
            name: bundle.name.clone(),
            version: bundle.version,
            target,
        };
        let bytes = self.keys().bundle(&token)?;
        transact!(self.ledger, |tx| keep(&mut tx, &new.device, &token, (&bytes, &new.body)).await)?;
        let (name, expires) = ((bundle.name, bundle.version), UnixSeconds(token.expires));
        Ok(SignedBundle { id, name, expires, bytes })
    }
}

/// Writes a signed bundle and its file down, for its handheld to get.
async fn keep(
    conn: &mut Conn,
    device: &DeviceId,
    token: &BundleToken,
    (bytes, body): (&[u8], &[u8]),
) -> Result<(), OfficeError> {
    super::issue::enrolled(conn, device).await?;
    let sql = "SELECT version, digest FROM bundle_doc
               WHERE device = $1 AND name = $2 AND revoked IS NULL AND version >= $3
               ORDER BY version DESC";
    let version = i64::from(token.version);
    let rows = query(sql).bind(device.as_str()).bind(&token.name).bind(version);
    for row in rows.fetch_all(&mut *conn).await? {
        let (given, digest): (i64, [u8; 32]) =
            (row.try_get("version")?, ledger::fixed(&row, "digest")?);
        if given > version || digest != token.digest {
            let (name, ours) = (&token.name, token.version);
            let why = format!("{device} was given {name} v{given}: v{ours} is not above it");
            return Err(OfficeError::Usage(why));
        }
    }
    let sql = "INSERT INTO bundle_file (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    query(sql).bind(token.digest.as_slice()).bind(body).execute(&mut *conn).await?;
    let sql = "INSERT INTO bundle_doc (id, device, name, version, digest, issued, expires, bytes)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    query(sql)
        .bind(TokenId(token.id).to_string())
        .bind(device.as_str())
        .bind(&token.name)
        .bind(version)
        .bind(token.digest.as_slice())
        .bind(token.issued)
        .bind(token.expires)
        .bind(bytes)
        .execute(conn)
        .await?;
    Ok(())
}

/// The bundles of a handheld which its journal has not shown, oldest first; only the highest
/// version of each name goes out.
pub(super) async fn waiting(
    conn: &mut Conn,
    device: &DeviceId,
    now: i64,
) -> Result<Vec<Vec<u8>>, OfficeError> {
    let sql = "SELECT b.bytes FROM bundle_doc b
               WHERE b.device = $1 AND b.taken IS NULL AND b.revoked IS NULL AND b.expires > $2
               AND NOT EXISTS (SELECT 1 FROM bundle_doc n WHERE n.device = b.device
                               AND n.name = b.name AND n.version > b.version
                               AND n.revoked IS NULL)
               ORDER BY b.issued, b.id LIMIT $3";
    let most = ledger::number(MAX_BUNDLES as u64);
    let rows = query(sql).bind(device.as_str()).bind(now).bind(most).fetch_all(conn).await?;
    let bytes = rows.iter().map(|row| row.try_get("bytes"));
    Ok(bytes.collect::<Result<_, _>>()?)
}

/// The files of the bundles that wait for a handheld, for a parcel.
pub(super) async fn files(
    conn: &mut Conn,
    device: &DeviceId,
    now: i64,
) -> Result<Vec<Vec<u8>>, OfficeError> {
    let sql = "SELECT f.body FROM bundle_file f WHERE f.digest IN
                   (SELECT digest FROM bundle_doc WHERE device = $1 AND taken IS NULL
                    AND revoked IS NULL AND expires > $2)";
    let rows = query(sql).bind(device.as_str()).bind(now).fetch_all(conn).await?;
    let bodies = rows.iter().map(|row| row.try_get("body"));
    Ok(bodies.collect::<Result<_, _>>()?)
}

/// A piece of a file, for a handheld that was given a bundle with it.
pub(super) async fn part(
    conn: &mut Conn,
    device: &DeviceId,
    (digest, offset): (&[u8; 32], u64),
) -> Result<FilePart, OfficeError> {
    let sql = "SELECT body FROM bundle_file WHERE digest = $1
               AND EXISTS (SELECT 1 FROM bundle_doc WHERE device = $2 AND digest = $1)";
    let row = query(sql).bind(digest.as_slice()).bind(device.as_str()).fetch_optional(conn).await?;
    let body: Vec<u8> = row.map(|row| row.try_get("body")).transpose()?.unwrap_or_default();
    Ok(piece(&body, offset))
}

/// A piece of a file.
pub(super) fn piece(body: &[u8], offset: u64) -> FilePart {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(body.len());
    let to = from.saturating_add(FILE_PART).min(body.len());
    let total = u64::try_from(body.len()).unwrap_or(u64::MAX);
    FilePart { total, bytes: body[from..to].to_vec() }
}

/// The journal shows a bundle; gives whether we gave it to that handheld.
pub(super) async fn shown(
    conn: &mut Conn,
    id: TokenId,
    device: &DeviceId,
    seq: u64,
) -> Result<bool, OfficeError> {
    let sql = "UPDATE bundle_doc SET taken = $3 WHERE id = $1 AND device = $2";
    let shown = query(sql).bind(id.to_string()).bind(device.as_str()).bind(ledger::number(seq));
    Ok(shown.execute(conn).await?.rows_affected() > 0)
}

fn target(new: &NewBundle) -> Target {
    let sorted = |meters: &[MeterNo]| {
        let mut all: Vec<[u8; 6]> = meters.iter().map(|meter| meter.bcd()).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let group = || Sha256::digest(sorted(&new.group).concat()).into();
    Target {
        profile: new.profile.clone(),
        meters: sorted(&new.meters),
        area: new.area.clone(),
        group: (!new.group.is_empty()).then(group),
    }
}

//! A bundle taken in and made ready: the signature, the file it pins, the meters it is for.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::jobs::failure::{self, fail};
use crate::jobs::lines::Stop;
use crate::jobs::trust::{self, Trust};
use crate::jobs::views::Failure;
use crate::jobs::{Moment, Session};
use crate::profile::bundle::{Bundle, MAX_BUNDLE};
use crate::report::Code;
use crate::store::{BundleRow, BundleTaken, Imported, Stamp, Store};
use crate::units::{MeterNo, TokenId, UnixSeconds, Verb};
use meterkit_tokens::BundleToken;

/// Longest signed document that is read, bytes.
const MAX_SIGNED: u64 = 64 * 1024;

/// A bundle that may be written now.
pub struct Ready {
    /// What the office signed.
    pub token: BundleToken,
    /// What is written.
    pub bundle: Bundle,
}

/// Takes a signed bundle in from its file; the parameters lie beside it under the same name with
/// `.toml`, or where `body` says. Gives its identity and whether it is new.
///
/// # Errors
/// The operator's rights; files that cannot be read; a signature or a file that is not good.
pub fn take(
    store: &Store,
    session: &Session,
    stamp: &Stamp,
    signed: &Path,
    body: Option<&Path>,
) -> Result<(TokenId, bool), Failure> {
    session.may(store, Verb::Import, Moment::when(stamp))?;
    let (bytes, body) = both_files(signed, body)?;
    take_bytes(store, stamp, bytes, &body)
}

/// The same without taking it in: for a plan.
///
/// # Errors
/// Files that cannot be read; a signature or a file that is not good.
pub fn look(store: &Store, now: UnixSeconds, signed: &Path) -> Result<Ready, Failure> {
    let (bytes, body) = both_files(signed, None)?;
    opened(store, now, &bytes, &body)
}

fn both_files(signed: &Path, body: Option<&Path>) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let bytes = file(signed, MAX_SIGNED)?;
    let beside = signed.with_extension("toml");
    Ok((bytes, file(body.unwrap_or(&beside), MAX_BUNDLE as u64)?))
}

/// A signature and the file it pins, both good.
fn opened(store: &Store, now: UnixSeconds, bytes: &[u8], body: &[u8]) -> Result<Ready, Failure> {
    let token = verified(&trust::read(store), bytes, now)?;
    let bundle = read(&token, body)?;
    Ok(Ready { token, bundle })
}

/// The same from memory.
///
/// # Errors
/// As [`take`].
pub fn take_bytes(
    store: &Store,
    stamp: &Stamp,
    bytes: Vec<u8>,
    body: &[u8],
) -> Result<(TokenId, bool), Failure> {
    let Ready { token, .. } = opened(store, stamp.at, &bytes, body)?;
    let id = TokenId(token.id);
    let taken = BundleTaken {
        id,
        name: token.name,
        version: token.version,
        digest: token.digest,
        expires: UnixSeconds(token.expires),
        bytes,
    };
    match store.take_bundle(stamp, taken, body) {
        Ok(Imported::New(_)) => Ok((id, true)),
        Ok(Imported::Known(_)) => Ok((id, false)),
        Err(error) => Err(failure::store(&error)),
    }
}

fn file(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unread = |error: std::io::Error| fail(Code::File, format!("{shown}: {error}"));
    let size = std::fs::metadata(path).map_err(unread)?.len();
    if size > most {
        return Err(fail(Code::File, format!("{shown}: {size} > {most} bytes")));
    }
    std::fs::read(path).map_err(unread)
}

/// Checks a signature as it must be to be taken in: ours, and not over.
fn verified(trust: &Trust, bytes: &[u8], now: UnixSeconds) -> Result<BundleToken, Failure> {
    let token = BundleToken::verify(bytes, &trust.tenant, &trust.keys);
    let token = token.map_err(|error| failure::token(&error))?;
    if token.device != trust.device.as_str() {
        return Err(fail(Code::TokenDevice, format!("{}: {}", token.name, token.device)));
    }
    if now.0 >= token.expires {
        return Err(fail(Code::TokenExpired, format!("{}: {}", token.name, token.expires)));
    }
    Ok(token)
}

/// Reads the file a signature pins.
fn read(token: &BundleToken, body: &[u8]) -> Result<Bundle, Failure> {
    let bad = |detail: String| fail(Code::BundleBad, format!("{}: {detail}", token.name));
    let digest: [u8; 32] = Sha256::digest(body).into();
    if digest != token.digest {
        return Err(bad("SHA-256".to_owned()));
    }
    let text = std::str::from_utf8(body).map_err(|error| bad(error.to_string()))?;
    let (bundle, faults) = Bundle::check(text);
    let first = || faults.first().map(ToString::to_string).unwrap_or_default();
    let bundle = bundle.ok_or_else(|| bad(first()))?;
    if (bundle.name.as_str(), bundle.version) != (token.name.as_str(), token.version) {
        return Err(bad(format!("{} v{}", bundle.name, bundle.version)));
    }
    Ok(bundle)
}

/// The bundle that is meant: by the end of its identity, or the newest version of its name.
///
/// # Errors
/// [`Code::BundleUnknown`]: none, or several that it could be.
pub fn find(store: &Store, text: &str) -> Result<BundleRow, Failure> {
    let rows = store.bundles();
    let named = rows.iter().filter(|row| row.taken.name == text);
    if let Some(row) = named.max_by_key(|row| (row.taken.version, row.seq)) {
        return Ok(row.clone());
    }
    let ends = |row: &&BundleRow| text.len() >= 4 && row.taken.id.to_string().ends_with(text);
    let fits: Vec<&BundleRow> = rows.iter().filter(ends).collect();
    match fits.as_slice() {
        [row] => Ok((*row).clone()),
        _ => Err(fail(Code::BundleUnknown, text)),
    }
}

/// A bundle verified again, for use now: signature, handheld, time, revocation, file.
///
/// # Errors
/// The first of these that does not hold.
pub fn ready(store: &Store, row: &BundleRow, now: UnixSeconds) -> Result<Ready, Failure> {
    let trust = trust::read(store);
    let token = verified(&trust, &row.taken.bytes, now)?;
    token.check_use(trust.device.as_str(), now.0).map_err(|error| failure::token(&error))?;
    if row.revoked || trust.revoked(store, row.taken.id) {
        return Err(fail(Code::TokenWithdrawn, token.name));
    }
    let lost = || fail(Code::BundleBad, format!("{}: -", token.name));
    let body = store.bundle_file(&token.digest).ok_or_else(lost)?;
    let bundle = read(&token, &body)?;
    Ok(Ready { token, bundle })
}

/// Whether the bundle is for a meter; `group` is the hash of all meters of the errand.
///
/// # Errors
/// [`Code::BundleTarget`] with what does not fit.
pub fn fits(
    store: &Store,
    token: &BundleToken,
    stop: &Stop,
    group: &[u8; 32],
) -> Result<(), Failure> {
    let target = &token.target;
    let meter = stop.meter;
    let not = |what: &str| Err(fail(Code::BundleTarget, format!("{meter}: {what}")));
    if target.profile.as_ref().is_some_and(|profile| *profile != stop.profile.id) {
        return not(&stop.profile.id);
    }
    if !target.meters.is_empty() && !target.meters.contains(&meter.bcd()) {
        return not("meters");
    }
    let area = store.meter(meter).map(|row| row.area).unwrap_or_default();
    if target.area.as_ref().is_some_and(|wanted| *wanted != area) {
        return not(&area);
    }
    if target.group.as_ref().is_some_and(|wanted| wanted != group) {
        return not("group");
    }
    Ok(())
}

/// The hash that stands for a group of meters: over their addresses, in rising order.
pub fn group_hash(meters: &[MeterNo]) -> [u8; 32] {
    let mut all: Vec<[u8; 6]> = meters.iter().map(|meter| meter.bcd()).collect();
    all.sort_unstable();
    all.dedup();
    let mut digest = Sha256::new();
    all.iter().for_each(|bcd| digest.update(bcd));
    digest.finalize().into()
}

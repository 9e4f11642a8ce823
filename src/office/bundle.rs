//! Bundles of parameters: read through, and signed for one handheld and some meters.
//!
//! What could carry money is refused here as it is on the handheld: a bundle is no way around a
//! recharge token.

use super::ledger::{self, transact};
use super::{Office, OfficeError};
use crate::profile::bundle::Bundle;
use crate::units::{DeviceId, MeterNo, TokenId, UnixSeconds};
use meterkit_tokens::BundleToken;
use meterkit_tokens::bundle::Target;
use sha2::{Digest, Sha256};

const DAY: i64 = 86_400;
/// Longest life of a bundle's signature, days: it must not outlive the key.
const MAX_DAYS: i64 = 90;

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

impl Office {
    /// Signs a bundle.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] naming the line of a file that is not good, or what else is missing;
    /// [`OfficeError::NoDevice`], [`OfficeError::Quarantined`].
    pub async fn sign_bundle(&self, new: &NewBundle) -> Result<SignedBundle, OfficeError> {
        let usage = |why: String| OfficeError::Usage(why);
        if !(1..=MAX_DAYS).contains(&new.days) {
            return Err(usage(format!("a bundle is signed for 1 to {MAX_DAYS} days")));
        }
        let text = std::str::from_utf8(&new.body).map_err(|error| usage(error.to_string()))?;
        let (bundle, faults) = Bundle::check(text);
        let Some(bundle) = bundle else {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(usage(faults.join("\n")));
        };
        let device = transact!(self.ledger, |tx| ledger::device(&mut tx, &new.device).await)?;
        let device = device.ok_or_else(|| OfficeError::NoDevice(new.device.clone()))?;
        if device.status == "quarantined" {
            return Err(OfficeError::Quarantined(new.device.clone()));
        }
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
            target: target(new),
        };
        let bytes = self.keys().bundle(&token)?;
        let (name, expires) = ((bundle.name, bundle.version), UnixSeconds(token.expires));
        Ok(SignedBundle { id, name, expires, bytes })
    }
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

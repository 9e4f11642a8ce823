//! Looking at the keys: what there is, what is in force, and whether the files hold together.

use super::chest::{Entry, Purpose};
use super::keyset::{NAMED, RENEW_BEFORE};
use super::root::REPLACE_BEFORE;
use super::{Keys, newest};
use crate::office::OfficeError;
use meterkit_tokens::{Keyset, Root};

/// A signing key older than this is to be rotated, seconds.
const ROTATE_AFTER: i64 = 90 * 86_400;

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name here; empty for a key whose file is elsewhere.
    pub name: String,
    /// What it is for.
    pub purpose: &'static str,
    /// The id of its public key.
    pub kid: String,
    /// `in-use`, `overlap`, `ended`, `revoked`, `elsewhere`, `not-named`.
    pub state: &'static str,
    /// End of its life, where it has one.
    pub not_after: Option<i64>,
}

/// What a look at all the files found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// What is wrong: do not go on before it is put right.
    pub faults: Vec<String>,
    /// What is to be done soon.
    pub warnings: Vec<String>,
}

impl Keys {
    /// Every key that is here or named.
    pub fn list(&self, now: i64) -> Vec<KeyInfo> {
        let mut list: Vec<KeyInfo> =
            self.chest.all().iter().map(|entry| self.info(entry, now)).collect();
        let here = |public: [u8; 32]| self.chest.all().iter().any(|e| e.public == public);
        let named =
            [(Purpose::Root, &self.root().keys), (Purpose::Keyset, &self.root().keyset_keys)];
        for (purpose, keys) in named {
            for key in keys.iter().filter(|key| !here(key.bytes())) {
                list.push(KeyInfo {
                    name: String::new(),
                    purpose: purpose.name(),
                    kid: key.kid().to_string(),
                    state: "elsewhere",
                    not_after: None,
                });
            }
        }
        list.sort_by_key(|info| {
            let order = Purpose::ALL.iter().position(|row| row.1 == info.purpose);
            (order, info.name.clone(), info.kid.clone())
        });
        list
    }

    fn info(&self, entry: &Entry, now: i64) -> KeyInfo {
        let record = self.keyset().keys.iter().find(|record| record.key.bytes() == entry.public);
        let revoked = self.keyset().revoked.iter().any(|(kid, _)| *kid == entry.kid());
        let in_use = match entry.purpose {
            // All of them are, at once.
            Purpose::Root => self.root().keys.iter().any(|key| key.bytes() == entry.public),
            purpose => self.in_use(purpose, now).ok().as_ref() == Some(&entry.name),
        };
        let state = match record {
            _ if revoked => "revoked",
            _ if in_use => "in-use",
            Some(record) if record.not_after > now => "overlap",
            Some(_) => "ended",
            None => "not-named",
        };
        KeyInfo {
            name: entry.name.clone(),
            purpose: entry.purpose.name(),
            kid: entry.kid().to_string(),
            state,
            not_after: record.map(|record| record.not_after),
        }
    }

    /// Checks the whole chain from the files, and what will end soon.
    pub fn check(&self, now: i64) -> Check {
        let mut check = Check { faults: vec![], warnings: self.warnings(now) };
        if let Err(error) = newest(self.tenant(), &self.roots, &self.keysets) {
            check.faults.push(format!("the chain does not hold: {error}"));
        }
        check.faults.extend(self.unvouched().into_iter().map(|version| {
            format!("keyset {version} is signed by no root that was ever in force")
        }));
        for purpose in NAMED {
            if self.in_use(purpose, now).is_err() {
                check.faults.push(format!("no {} key is in force here", purpose.name()));
            }
        }
        let roots = self.chest.of(Purpose::Root).count();
        if roots >= usize::from(self.root().threshold) {
            check.warnings.push(format!("{roots} root keys lie here: take them to their holders"));
        }
        check
    }

    /// Versions of keysets no root vouches for.
    fn unvouched(&self) -> Vec<u64> {
        let (mut roots, mut previous): (Vec<Root>, Option<Root>) = (vec![], None);
        for file in &self.roots {
            let Ok(root) = Root::verify(file, self.tenant(), previous.as_ref()) else { break };
            roots.push(root.clone());
            previous = Some(root);
        }
        let vouched = |bytes: &[u8]| {
            roots.iter().any(|root| Keyset::verify(bytes, self.tenant(), root).is_ok())
        };
        let bad = self.keysets.iter().filter(|(_, bytes)| !vouched(bytes));
        bad.map(|(version, _)| *version).collect()
    }

    /// What will end soon.
    pub fn warnings(&self, now: i64) -> Vec<String> {
        let days = |until: i64| (until - now).div_euclid(86_400);
        let mut warnings = Vec::new();
        let (root, keyset) = (self.root(), self.keyset());
        if root.expires - now < REPLACE_BEFORE {
            let left = days(root.expires);
            warnings.push(format!("the root ends in {left} days: `keys root draft`"));
        }
        if self.keyset_is_old(now) {
            let left = days(keyset.expires);
            warnings.push(format!("the keyset ends in {left} days: `keys keyset renew`"));
        }
        let newest = keyset.keys.iter().map(|record| record.not_before).max().unwrap_or(0);
        if now - newest > ROTATE_AFTER {
            let age = (now - newest) / 86_400;
            warnings.push(format!("the keys are {age} days old: `keys keyset rotate`"));
        }
        if self.tls_is_old(now) {
            warnings.push("the server's certificate ends soon: `keys tls renew`".to_owned());
        }
        warnings
    }

    /// Whether the keyset is to be renewed.
    pub fn keyset_is_old(&self, now: i64) -> bool {
        self.keyset().expires - now < RENEW_BEFORE
    }

    /// A key by its name or the start of its id.
    pub fn find(&self, wanted: &str, now: i64) -> Result<KeyInfo, OfficeError> {
        let fits = |info: &KeyInfo| info.name == wanted || info.kid == wanted;
        let none = || OfficeError::NoKey(wanted.to_owned());
        self.list(now).into_iter().find(fits).ok_or_else(none)
    }
}

//! Check 1: root chain, thresholds, keysets; and whose signature counts for what, and when.

use super::files::{self, Raw};
use super::finding::{Findings, Reason};
use meterkit_tokens::{
    DocType, KeyId, Keyring, Keyset, RechargeToken, Root, RootError, TokenError, Verified,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// The root hash as the auditor was given it: 64 hex digits, or the first 16 or more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootPin(String);

/// Fewest digits of a root hash that are taken for it.
const MIN_DIGITS: usize = 16;

impl std::str::FromStr for RootPin {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let skip = |c: &char| !c.is_whitespace() && !matches!(c, ':' | '-');
        let digits: String = text.chars().filter(skip).collect::<String>().to_lowercase();
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && (MIN_DIGITS..=64).contains(&digits.len()) {
            Ok(Self(digits))
        } else {
            Err(format!("expected {MIN_DIGITS} to 64 hex digits, got {text:?}"))
        }
    }
}

impl RootPin {
    /// Whether a hash begins with these digits.
    pub fn fits(&self, hash: &[u8; 32]) -> bool {
        super::hex(hash).starts_with(&self.0)
    }

    /// How many digits were given.
    pub fn digits(&self) -> usize {
        self.0.len()
    }
}

/// What the root documents and keysets of a set amount to.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The deployment.
    pub tenant: String,
    /// Hash of the first root document.
    pub hash: [u8; 32],
    /// Versions of the root documents that hold, in order.
    pub roots: Vec<u64>,
    /// The keysets that hold, by version.
    pub keysets: Vec<Keyset>,
    /// Every key of every keyset, the newest record of each; every revocation.
    ring: Keyring,
    /// The same without revocations: for documents whose time is known only once they are open.
    unrevoked: Keyring,
    /// Each keyset's own keys with every revocation, and the time it was the newest.
    rings: Vec<(Keyring, Range<i64>)>,
    /// The earliest cut-off of each revoked key.
    revoked: BTreeMap<KeyId, i64>,
    /// Whether two keysets give one key different rights.
    varied: bool,
}

/// Reads roots and keysets. `None` when there is no authority to check anything with.
pub fn read(roots: &[Raw], keysets: &[Raw], pin: &RootPin, found: &mut Findings) -> Option<Trust> {
    let chain = root_chain(roots, found);
    let (first, _) = chain.first()?;
    let hash = first.hash().ok()?;
    if !pin.fits(&hash) {
        found.add(Reason::RootHash, "roots", format!("v{} {}", first.version, super::hex(&hash)));
        return None;
    }
    let keysets = all_keysets(keysets, &chain, found);
    if keysets.is_empty() {
        found.add(Reason::KeysetMissing, "keysets", "");
        return None;
    }
    let tenant = first.tenant.clone();
    let roots = chain.iter().map(|(root, _)| root.version).collect();
    Some(Trust::of(tenant, hash, roots, keysets))
}

/// The root documents that hold, from the first on; each with its file.
fn root_chain(files: &[Raw], found: &mut Findings) -> Vec<(Root, String)> {
    if files.is_empty() {
        found.add(Reason::RootMissing, "roots", "v1");
    }
    let mut chain: Vec<(Root, String)> = Vec::new();
    let mut left: Vec<&Raw> = files.iter().collect();
    // Files are named as people like; what follows what is in the documents.
    loop {
        let previous = chain.last().map(|(root, _)| root);
        let (mut fitting, mut others) = (Vec::new(), Vec::new());
        for raw in left {
            match root_of(raw, previous) {
                Ok(root) => fitting.push((root, raw)),
                Err(_) => others.push(raw),
            }
        }
        left = others;
        let mut fitting = fitting.into_iter();
        let Some((root, raw)) = fitting.next() else { break };
        for (_, other) in fitting.filter(|(other, _)| *other != root) {
            found.add(Reason::RootTwice, &other.name, format!("v{}", root.version));
        }
        chain.push((root, raw.name.clone()));
    }
    for raw in left {
        left_over(raw, &chain, found);
    }
    chain
}

fn root_of(raw: &Raw, previous: Option<&Root>) -> Result<Root, TokenError> {
    let first = files::documents(raw).into_iter().next();
    let tenant = first.and_then(|doc| files::claimed_tenant(doc.bytes)).unwrap_or_default();
    Root::verify(&raw.bytes, &tenant, previous)
}

/// Says why a root document found no place in the chain.
fn left_over(raw: &Raw, chain: &[(Root, String)], found: &mut Findings) {
    let last = chain.last().map(|(root, _)| root);
    let error = match root_of(raw, last) {
        Err(TokenError::Root(RootError::Version { want, offered })) if offered > want => {
            let missing = format!("v{want} before v{offered}");
            return found.add(Reason::RootMissing, &raw.name, missing);
        }
        Err(TokenError::Root(RootError::Version { offered, .. })) => {
            // Of a version that stands in the chain: the same again, or another one.
            let at = chain.iter().position(|(root, _)| root.version == offered);
            let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| chain.get(at));
            match root_of(raw, before.map(|(root, _)| root)) {
                Ok(root) if chain.iter().any(|(known, _)| *known == root) => return,
                Ok(root) => {
                    return found.add(Reason::RootTwice, &raw.name, format!("v{}", root.version));
                }
                Err(error) => error,
            }
        }
        Err(error) => error,
        // It would have been taken.
        Ok(_) => return,
    };
    found.add(Reason::RootChain, &raw.name, super::why(&error));
}

/// The keysets some root document backs, by version.
fn all_keysets(files: &[Raw], chain: &[(Root, String)], found: &mut Findings) -> Vec<Keyset> {
    let mut keysets: BTreeMap<u64, Keyset> = BTreeMap::new();
    let tenant = chain.first().map_or("", |(root, _)| root.tenant.as_str());
    for raw in files {
        for doc in files::documents(raw) {
            let tries = chain.iter().rev();
            let mut tries = tries.map(|(root, _)| Keyset::verify(doc.bytes, tenant, root));
            let newest = tries.next().unwrap_or(Err(TokenError::Tenant));
            match newest.or_else(|error| tries.find_map(Result::ok).ok_or(error)) {
                Ok(keyset) => match keysets.get(&keyset.version) {
                    Some(known) if *known != keyset => {
                        found.add(Reason::KeysetTwice, doc.name, format!("v{}", keyset.version));
                    }
                    _ => drop(keysets.insert(keyset.version, keyset)),
                },
                Err(error) => found.add(Reason::KeysetBad, doc.name, super::why(&error)),
            }
        }
    }
    let keysets: Vec<Keyset> = keysets.into_values().collect();
    for pair in keysets.windows(2) {
        let [one, next] = pair else { continue };
        let place = format!("keyset v{}", next.version);
        if next.issued < one.issued {
            found.add(Reason::KeysetOrder, &place, format!("{} < {}", next.issued, one.issued));
        }
        if next.version > one.version + 1 {
            found.add(Reason::KeysetGap, place, format!("v{}", one.version + 1));
        }
    }
    keysets
}

/// The ring of one keyset, and from when until when it was the newest.
fn in_force(
    keysets: &[Keyset],
    at: usize,
    revoked: &BTreeMap<KeyId, i64>,
) -> (Keyring, Range<i64>) {
    let mut ring = Keyring::from(keysets[at].keys.clone());
    revoked.iter().for_each(|(kid, from)| ring.revoke(*kid, *from));
    let until = keysets.get(at + 1).map_or(i64::MAX, |next| next.issued);
    (ring, keysets[at].issued..until)
}

impl Trust {
    fn of(tenant: String, hash: [u8; 32], roots: Vec<u64>, keysets: Vec<Keyset>) -> Self {
        let newest_first = keysets.iter().rev().flat_map(|keyset| keyset.keys.iter().cloned());
        // Of two records with one id the first counts.
        let unrevoked = Keyring::from(newest_first.collect::<Vec<_>>());
        let mut revoked: BTreeMap<KeyId, i64> = BTreeMap::new();
        for (kid, from) in keysets.iter().flat_map(|keyset| &keyset.revoked) {
            revoked.entry(*kid).and_modify(|old| *old = (*old).min(*from)).or_insert(*from);
        }
        let mut ring = unrevoked.clone();
        revoked.iter().for_each(|(kid, from)| ring.revoke(*kid, *from));
        let all = keysets.iter().flat_map(|keyset| &keyset.keys);
        let varied = all.into_iter().any(|key| unrevoked.find(key.key.kid()) != Some(key));
        let rings = (0..keysets.len()).map(|at| in_force(&keysets, at, &revoked)).collect();
        Self { tenant, hash, roots, keysets, ring, unrevoked, rings, revoked, varied }
    }

    /// Checks a recharge token. What its key may do is what the keyset in force when it was signed
    /// said, as far as later ones have not revoked the key.
    ///
    /// # Errors
    /// As [`RechargeToken::verify`].
    pub fn token(&self, bytes: &[u8]) -> Result<RechargeToken, TokenError> {
        let newest = RechargeToken::verify(bytes, &self.tenant, &self.ring);
        if !self.varied {
            return newest;
        }
        let mut last = newest.as_ref().err().cloned().unwrap_or(TokenError::Tenant);
        for (ring, in_force) in &self.rings {
            match RechargeToken::verify(bytes, &self.tenant, ring) {
                Ok(token) if in_force.contains(&token.issued) => return Ok(token),
                // Signed under another keyset, which then decides.
                Ok(_) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The ring for documents that bring their time with them.
    pub fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Checks a document of another type; its time is asked of `at` once it is open.
    ///
    /// # Errors
    /// As [`meterkit_tokens::verify`].
    pub fn document(
        &self,
        bytes: &[u8],
        kind: DocType,
        at: impl FnOnce(&Verified) -> i64,
    ) -> Result<Verified, TokenError> {
        let opened = meterkit_tokens::verify(bytes, kind, &self.tenant, &self.unrevoked, None)?;
        let (at, kid) = (at(&opened), opened.kid);
        let record = self.unrevoked.find(kid).ok_or(TokenError::Kid(kid))?;
        if at < record.not_before || at > record.not_after {
            return Err(TokenError::KeyExpired(kid));
        }
        match self.revoked.get(&kid) {
            Some(from) if at >= *from => Err(TokenError::KeyRevoked(kid)),
            _ => Ok(opened),
        }
    }
}

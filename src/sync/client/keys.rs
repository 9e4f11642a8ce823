//! The office's keys as this handheld holds them, and how it gets newer ones.
//!
//! Roots and keyset prove themselves: each root is signed by the one before it, the keyset by a
//! key of the last root, and the first root's hash was compared by a person. So they can be taken
//! from anybody, and are asked for without a signature (KEYS) where the keys here are too old to
//! check the office's answers, or were lost.

use super::{Run, Session};
use crate::store::event::DocKind;
use crate::store::{Store, StoreError};
use crate::sync::error::{Lie, SyncError};
use crate::sync::wire::{self, Keys, KeysAsk, MAX_ROOTS, Pulled};
use meterkit_tokens::{Authority, Keyset, Root, TokenError};

/// Most roots a handheld follows at once; more than any office makes.
const MAX_CHAIN: usize = 64;

/// The office's keys: the newest root chain and keyset in the store, verified from the root hash of
/// the enrolment on.
///
/// # Errors
/// [`SyncError::Keys`] if they do not fit together, [`SyncError::Store`] with
/// [`StoreError::DocumentLost`]. The next exchange fetches them again.
pub fn authority(store: &Store) -> Result<Authority, SyncError> {
    let identity = store.identity();
    let keyset = match store.document(DocKind::Keyset)? {
        Some((_, bytes)) => bytes,
        None => identity.keyset.clone(),
    };
    Authority::build(&identity.tenant, identity.root_hash, &roots(store)?, &keyset)
        .map_err(SyncError::Keys)
}

/// The root files in force, from the first to the newest. In the store they are one document: a
/// root proves nothing without those before it.
///
/// # Errors
/// [`SyncError::Store`] with [`StoreError::DocumentLost`].
pub fn roots(store: &Store) -> Result<Vec<Vec<u8>>, SyncError> {
    match store.document(DocKind::Root)? {
        Some((_, bytes)) => Ok(wire::split_list(&bytes, MAX_CHAIN, "roots")?),
        None => Ok(store.identity().roots.clone()),
    }
}

/// A root chain that was verified from its first link on.
#[derive(Clone)]
pub(super) struct Chain {
    files: Vec<Vec<u8>>,
    /// The newest root.
    pub root: Root,
}

impl Chain {
    /// Verifies a chain that begins with the root of this hash.
    pub(super) fn of(files: &[Vec<u8>], tenant: &str, first: [u8; 32]) -> Result<Self, TokenError> {
        let (one, rest) = files.split_first().ok_or(TokenError::Claim("root"))?;
        let root = Root::verify(one, tenant, None)?;
        if root.hash()? != first {
            return Err(TokenError::Claim("root-hash"));
        }
        let mut chain = Self { files: vec![one.clone()], root };
        rest.iter().try_for_each(|file| chain.extend(file, tenant))?;
        Ok(chain)
    }

    fn extend(&mut self, file: &[u8], tenant: &str) -> Result<(), TokenError> {
        if self.files.len() >= MAX_CHAIN {
            return Err(TokenError::Claim("root-chain"));
        }
        self.root = Root::verify(file, tenant, Some(&self.root))?;
        self.files.push(file.to_vec());
        Ok(())
    }

    /// The document the store keeps.
    fn document(&self) -> Vec<u8> {
        wire::join_list(&self.files)
    }
}

/// The keys one exchange works with.
pub(super) struct Held {
    pub chain: Chain,
    pub keyset: Keyset,
    document: Vec<u8>,
}

impl Held {
    /// What the store holds.
    pub(super) fn of(store: &Store) -> Result<Self, SyncError> {
        let identity = store.identity();
        let (tenant, files) = (&identity.tenant, roots(store)?);
        let chain = Chain::of(&files, tenant, identity.root_hash).map_err(SyncError::Keys)?;
        let document = match store.document(DocKind::Keyset)? {
            Some((_, bytes)) => bytes,
            None => identity.keyset.clone(),
        };
        let keyset = Keyset::verify(&document, tenant, &chain.root).map_err(SyncError::Keys)?;
        Ok(Self { chain, keyset, document })
    }

    /// The keyset as it was signed.
    pub(super) fn document(&self) -> &[u8] {
        &self.document
    }
}

impl Session<'_> {
    /// Asks for roots and keyset without a signature, and verifies them from the best anchor here.
    pub(super) fn fetch_keys(&self) -> Result<Held, SyncError> {
        let identity = self.store.identity();
        let tenant = &identity.tenant;
        let verified = |files: &[Vec<u8>]| Chain::of(files, tenant, identity.root_hash);
        let newest = roots(self.store).ok().and_then(|files| verified(&files).ok());
        let mut chain = match newest {
            Some(chain) => chain,
            None => verified(&identity.roots).map_err(SyncError::Keys)?,
        };
        loop {
            self.check_cancel()?;
            let ask = KeysAsk { root: chain.root.version };
            let keys = Keys::read(&self.post.post(wire::path::KEYS, &ask.encode())?)?;
            for file in &keys.roots {
                chain.extend(file, tenant).map_err(|why| lie(DocKind::Root, why))?;
            }
            // Each round brings at least one root or is the last; a chain has an end.
            if keys.roots.len() < MAX_ROOTS {
                let document = keys.keyset;
                let keyset = Keyset::verify(&document, tenant, &chain.root)
                    .map_err(|why| lie(DocKind::Keyset, why))?;
                return Ok(Held { chain, keyset, document });
            }
        }
    }
}

impl Run<'_> {
    /// Fetches the keys anew and puts them in force.
    pub(super) fn renew_keys(&mut self) -> Result<(), SyncError> {
        let held = self.session.fetch_keys()?;
        held.keyset
            .check_follows(self.held.as_ref().map_or(0, |held| held.keyset.version))
            .map_err(|why| lie(DocKind::Keyset, why))?;
        self.put_in_force(held)
    }

    /// Takes roots and keyset out of a PULL answer; `true` when more roots wait.
    pub(super) fn take_keys(&mut self, pulled: &Pulled) -> Result<bool, SyncError> {
        if pulled.roots.is_empty() && pulled.keyset.is_none() {
            return Ok(false);
        }
        let tenant = &self.store().identity().tenant;
        let held = self.held()?;
        let mut chain = held.chain.clone();
        for file in &pulled.roots {
            chain.extend(file, tenant).map_err(|why| lie(DocKind::Root, why))?;
        }
        let (have, document) = (held.keyset.version, pulled.keyset.as_ref());
        if pulled.roots.len() == MAX_ROOTS {
            // The keyset may be signed by a root that is still to come. Nothing is stored before
            // both fit together, so that a cut here leaves the old ones in force.
            if let Some(held) = &mut self.held {
                held.chain = chain;
            }
            return Ok(true);
        }
        let document = document.unwrap_or(&held.document).clone();
        let keyset = Keyset::verify(&document, tenant, &chain.root)
            .and_then(|keyset| keyset.check_follows(have).map(|()| keyset))
            .map_err(|why| lie(DocKind::Keyset, why))?;
        self.put_in_force(Held { chain, keyset, document })?;
        Ok(false)
    }

    /// Stores what is newer than what the store has, then uses it.
    fn put_in_force(&mut self, held: Held) -> Result<(), SyncError> {
        let store = self.store();
        let identity = store.identity();
        // What came with the enrolment lies in the identity already.
        let first = |kind| matches!(store.document(kind), Ok(None));
        if !(first(DocKind::Root) && identity.roots == held.chain.files) {
            self.keep(DocKind::Root, held.chain.root.version, &held.chain.document())?;
        }
        if !(first(DocKind::Keyset) && identity.keyset == held.document) {
            self.keep(DocKind::Keyset, held.keyset.version, &held.document)?;
        }
        self.keys = held.keyset.keyring();
        self.held = Some(held);
        Ok(())
    }

    /// Stores a document. A store that takes no more entries does not stop the exchange: money is
    /// stopped there anyway, and what is in it still has to reach the office.
    pub(super) fn keep(
        &mut self,
        kind: DocKind,
        version: u64,
        bytes: &[u8],
    ) -> Result<(), SyncError> {
        match self.store().take_document(&(self.session.stamp)(), kind, version, bytes) {
            Ok(()) => Ok(()),
            Err(StoreError::OlderDocument { have, got, .. }) => {
                Err(lie(kind, TokenError::Version { have, offered: got }))
            }
            Err(error) => {
                self.report.not_recorded = Some(error);
                Ok(())
            }
        }
    }

    pub(super) fn held(&self) -> Result<&Held, SyncError> {
        let none = || SyncError::Keys(TokenError::Claim("root"));
        self.held.as_ref().ok_or_else(none)
    }
}

pub(super) fn lie(kind: DocKind, why: TokenError) -> SyncError {
    Lie::Document { kind, why }.into()
}

//! Bundles of parameters that come with an exchange: the signature first, then the file it pins,
//! where it is not here already. The file is asked for in pieces and kept between exchanges, so
//! that a line that breaks costs one piece.

use super::Run;
use crate::store::{BundleTaken, Imported, StoreError};
use crate::sync::error::{Lie, SyncError};
use crate::sync::wire::{Ask, FilePart, MAX_FILE, Reply, digest};
use crate::units::{TokenId, UnixSeconds};
use meterkit_tokens::BundleToken;

/// The snapshot the beginning of a file is kept in: its hash, then what is here of it.
const PART: &str = "file-part";
/// Bytes of the hash in front.
const HASH: usize = 32;

/// Gives a file by its hash; `None` where it cannot be had now.
pub(super) type Fetch<'f, R> =
    &'f mut dyn FnMut(&R, &[u8; 32]) -> Result<Option<Vec<u8>>, SyncError>;

impl Run<'_> {
    /// Takes bundles in, with their files.
    pub(super) fn take_bundles(
        &mut self,
        documents: &[Vec<u8>],
        file: Fetch<'_, Self>,
    ) -> Result<(), SyncError> {
        for document in documents {
            let identity = self.store().identity();
            let token = match BundleToken::verify(document, &identity.tenant, &self.keys) {
                Ok(token) => token,
                Err(error) => {
                    self.left_out(None, error.code());
                    continue;
                }
            };
            let id = TokenId(token.id);
            if token.device != identity.device.as_str() {
                self.left_out(Some(id), "device");
                continue;
            }
            if self.store().bundle(id).is_some() {
                self.report.known += 1;
                continue;
            }
            // A version never goes down: whoever replays an old set of prices changes nothing.
            let newer = |row: &crate::store::BundleRow| {
                row.taken.name == token.name && row.taken.version > token.version && !row.revoked
            };
            if self.store().bundles().iter().any(newer) {
                self.left_out(Some(id), "older");
                continue;
            }
            let here = self.store().bundle_file(&token.digest);
            let Some(body) =
                here.map_or_else(|| file(self, &token.digest), |body| Ok(Some(body)))?
            else {
                continue;
            };
            if digest(&body) != token.digest {
                return Err(Lie::Kind.into());
            }
            self.take_bundle(&token, document, &body)?;
        }
        Ok(())
    }

    fn take_bundle(
        &mut self,
        token: &BundleToken,
        document: &[u8],
        body: &[u8],
    ) -> Result<(), SyncError> {
        let taken = BundleTaken {
            id: TokenId(token.id),
            name: token.name.clone(),
            version: token.version,
            digest: token.digest,
            expires: UnixSeconds(token.expires),
            bytes: document.to_vec(),
        };
        let id = taken.id;
        match self.store().take_bundle(&(self.session.stamp)(), taken, body) {
            Ok(Imported::New(_)) => {
                self.report.bundles += 1;
                self.grown = true;
            }
            Ok(Imported::Known(_)) => self.report.known += 1,
            // Revoked before it came, or another document of this identity.
            Err(error @ (StoreError::Conflict(_) | StoreError::TokenRevoked(_))) => {
                self.left_out(Some(id), error.code());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Asks for a file, from where the last exchange was cut off.
    pub(super) fn fetch(&self, wanted: &[u8; 32]) -> Result<Option<Vec<u8>>, SyncError> {
        let mut part = self.part(wanted);
        loop {
            let offset = u64::try_from(part.len() - HASH).unwrap_or(u64::MAX);
            let answer = self.ask(Ask::File { digest: *wanted, offset })?;
            let FilePart { total, bytes } = match answer.reply {
                Reply::File(part) => part,
                other => return Err(self.unexpected(other)),
            };
            // Nothing for what is not there, or not for us: the bundle comes another time.
            if total == 0 {
                return Ok(None);
            }
            let room = total.saturating_sub(offset);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if total > MAX_FILE as u64 || bytes.is_empty() || length > room {
                return Err(Lie::Kind.into());
            }
            part.extend_from_slice(&bytes);
            if length == room {
                let body = part.split_off(HASH);
                // Pieces of two files, or of a lie: from the start, the next time.
                self.store().drop_snapshot(PART);
                return if digest(&body) == *wanted {
                    Ok(Some(body))
                } else {
                    Err(Lie::Kind.into())
                };
            }
            self.keep_part(&part)?;
        }
    }

    /// The hash of a file and what is here of it.
    fn part(&self, wanted: &[u8; 32]) -> Vec<u8> {
        let kept = self.store().snapshot(PART);
        let kept = kept.filter(|kept| kept.len() <= HASH + MAX_FILE && kept.starts_with(wanted));
        kept.unwrap_or_else(|| wanted.to_vec())
    }

    /// After all that was announced: what is here of a file belongs to none of it, its bundle or
    /// round was withdrawn.
    pub(super) fn drop_part(&self) {
        self.store().drop_snapshot(PART);
    }

    fn keep_part(&self, part: &[u8]) -> Result<(), SyncError> {
        Ok(self.store().put_snapshot(PART, part)?)
    }
}

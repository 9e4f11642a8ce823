//! Rounds that come with an exchange: announced by the hash of their signed list, which is asked
//! for as a file, in pieces, from where a broken line left off.

use super::Run;
use super::bundles::Fetch;
use crate::store::StoreError;
use crate::sync::error::{Lie, SyncError};
use crate::sync::rounds::{self, RoundFault};
use crate::sync::wire::digest;

impl Run<'_> {
    /// Takes rounds in that are not here.
    pub(super) fn take_rounds(
        &mut self,
        announced: &[[u8; 32]],
        file: Fetch<'_, Self>,
    ) -> Result<(), SyncError> {
        for wanted in announced {
            if self.store().rounds().iter().any(|row| row.taken.digest == *wanted) {
                self.report.known += 1;
                continue;
            }
            let Some(document) = file(self, wanted)? else { continue };
            if digest(&document) != *wanted {
                return Err(Lie::Kind.into());
            }
            let stamp = (self.session.stamp)();
            match rounds::take(self.store(), &self.keys, &stamp, &document) {
                Ok((_, true)) => {
                    self.report.rounds += 1;
                    self.grown = true;
                }
                Ok((_, false)) => self.report.known += 1,
                // Withdrawn before it came, or another document of this identity.
                Err(RoundFault::Store(
                    error @ (StoreError::Conflict(id) | StoreError::TokenRevoked(id)),
                )) => self.left_out(Some(id), error.code()),
                Err(RoundFault::Store(error)) => return Err(error.into()),
                Err(fault) => self.left_out(None, fault.code()),
            }
        }
        Ok(())
    }
}

//! The ceremonies: what changes the office's keys, and what must follow in the ledger.
//!
//! The ledger remembers the newest versions it has seen, so that a folder of old keys is noticed,
//! and so that a server that still runs with old keys stops answering instead of contradicting.

use super::db::query;
use super::error::OfficeError;
use super::issue::{Issued, USUAL_DAYS};
use super::keys::{Ask, Check, KeyInfo, Purpose, RootChange};
use super::ledger::{self, Conn, transact};
use super::model::Class;
use super::tls::ServerTls;
use super::{Office, meters, swap};
use crate::units::{OperatorId, TokenId};
use meterkit_tokens::KeyId;

/// What came of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRevoked {
    /// What the key was for.
    pub purpose: Purpose,
    /// Tokens that died with it, each with its replacement at the same step.
    pub replaced: Vec<(TokenId, Issued)>,
    /// Tokens that died with it and were sent before: a person settles them.
    pub in_doubt: Vec<TokenId>,
    /// Operators whose grants died with it, and on which handheld: grant again.
    pub grants: Vec<(OperatorId, String)>,
}

impl Office {
    /// Unlocks the keys in use for these purposes, each once.
    ///
    /// # Errors
    /// [`OfficeError::WrongPassphrase`], [`OfficeError::NoKey`], and as `ask`.
    pub fn unlock(&self, purposes: &[Purpose], ask: &Ask<'_>) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().unlock(purposes, now, ask)
    }

    /// What the server is run with; `None` for an office without TLS.
    ///
    /// # Errors
    /// [`OfficeError::Locked`].
    pub fn server_tls(&self) -> Result<Option<ServerTls>, OfficeError> {
        self.keys().server_tls()
    }

    /// Uses TLS material that is kept elsewhere: its authority and pins go into enrolment files and
    /// statuses.
    ///
    /// # Errors
    /// A file failed.
    pub fn use_tls(&self, tls: &ServerTls) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().use_tls(tls, now)
    }

    /// Every key that is here or named.
    pub fn key_list(&self) -> Vec<KeyInfo> {
        self.keys().list(self.now().0)
    }

    /// A key by its name or id.
    ///
    /// # Errors
    /// [`OfficeError::NoKey`].
    pub fn key(&self, wanted: &str) -> Result<KeyInfo, OfficeError> {
        self.keys().find(wanted, self.now().0)
    }

    /// Checks the whole chain from the files.
    pub fn check_chain(&self) -> Check {
        self.keys().check(self.now().0)
    }

    /// What will end soon.
    pub fn key_warnings(&self) -> Vec<String> {
        self.keys().warnings(self.now().0)
    }

    /// Root files, oldest first.
    pub fn roots(&self) -> Vec<Vec<u8>> {
        self.keys().roots().to_vec()
    }

    /// Every keyset ever issued, oldest first.
    pub fn keysets(&self) -> Vec<Vec<u8>> {
        self.keys().keysets()
    }

    /// Versions of the root and the keyset in force.
    pub fn key_versions(&self) -> (u64, u64) {
        let keys = self.keys();
        (keys.root().version, keys.keyset().version)
    }

    /// Seals a key under another passphrase; `ask` is asked for the old and the new one.
    ///
    /// # Errors
    /// [`OfficeError::WrongPassphrase`], [`OfficeError::NoKey`]; a file failed.
    pub fn change_passphrase(&self, name: &str, ask: &Ask<'_>) -> Result<(), OfficeError> {
        self.keys_mut().change_passphrase(name, ask)
    }

    /// New issuer, status and people keys; the old ones stay named until their own end.
    ///
    /// # Errors
    /// The keyset key is not here or not unlocked; a file failed.
    pub async fn rotate_keys(&self, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().rotate(now, ask)?;
        self.note_keys().await?;
        self.new_pages().await
    }

    /// The same keys with a new life.
    ///
    /// # Errors
    /// As [`Office::rotate_keys`].
    pub async fn renew_keys(&self, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().renew(now, ask)?;
        self.note_keys().await
    }

    /// Renews the keyset if it ends soon and its key can be unlocked. Gives whether it did.
    ///
    /// # Errors
    /// As [`Office::rotate_keys`]; what is due then stays due.
    pub async fn renew_if_due(&self, ask: &Ask<'_>) -> Result<bool, OfficeError> {
        let now = self.now().0;
        if !self.keys().keyset_is_old(now) {
            return Ok(false);
        }
        self.renew_keys(ask).await.map(|()| true)
    }

    /// Writes down the next root, for its holders to sign.
    ///
    /// # Errors
    /// The change makes no root.
    pub fn draft_root(&self, change: &RootChange, ask: &Ask<'_>) -> Result<Vec<u8>, OfficeError> {
        let now = self.now().0;
        self.keys_mut().draft(change, now, ask)
    }

    /// Puts a signed draft in force.
    ///
    /// # Errors
    /// Not enough holders of the root in force or of the new one have signed.
    pub async fn adopt_root(&self, draft: &[u8], ask: &Ask<'_>) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().adopt(draft, now, ask)?;
        self.note_keys().await
    }

    /// A new server certificate; with `change` under the backup key.
    ///
    /// # Errors
    /// The keys are not here or not unlocked; no good host.
    pub async fn renew_tls(
        &self,
        hosts: &[String],
        change: bool,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        let now = self.now().0;
        self.keys_mut().renew_tls(hosts, change, now, ask)?;
        // A server that runs still shows the old one.
        transact!(self.ledger, |tx| { ledger::set_note(&mut tx, "tls", &now.to_string()).await })
    }

    /// Cuts a key off: what it signed at `from` or later is dead. Tokens that die and were not sent
    /// are replaced at the same step, so that the meter takes one of the two at most.
    ///
    /// # Errors
    /// [`OfficeError::NoKey`] for a key the keyset does not name; the keyset key, or for tokens the
    /// issuer key, cannot be unlocked.
    pub async fn revoke_key(
        &self,
        kid: KeyId,
        from: i64,
        reason: &str,
        ask: &Ask<'_>,
    ) -> Result<KeyRevoked, OfficeError> {
        let now = self.now().0;
        let purpose = {
            let mut keys = self.keys_mut();
            let purpose = keys.revoke(kid, from, now, ask)?;
            if purpose == Purpose::Issuer {
                keys.unlock(&[Purpose::Issuer], now, ask)?;
            }
            purpose
        };
        self.note_keys().await?;
        self.new_pages().await?;
        let cut = (kid, from, reason, now);
        transact!(self.ledger, |tx| write_down(&mut tx, cut).await)?;
        let dead = self.dead_tokens(kid, from, now).await?;
        let mut replaced = Vec::new();
        let mut in_doubt =
            transact!(self.ledger, |tx| swap::of_dead_key(&mut tx, (kid, from), now).await)?;
        for token in dead {
            match self.replace(token, USUAL_DAYS).await {
                Ok(issued) => replaced.push((token, issued)),
                Err(
                    OfficeError::NotReplaceable(..)
                    | OfficeError::Quarantined(_)
                    | OfficeError::Restored(_),
                ) => {
                    in_doubt.push(token);
                }
                Err(error) => return Err(error),
            }
        }
        let grants = self.dead_grants(kid, from, now).await?;
        Ok(KeyRevoked { purpose, replaced, in_doubt, grants })
    }

    /// Tokens that are out and were signed by a key at `from` or later.
    async fn dead_tokens(
        &self,
        kid: KeyId,
        from: i64,
        now: i64,
    ) -> Result<Vec<TokenId>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT id FROM token WHERE kid = $1 AND issued >= $2 AND expires > $3
                   AND swap IS NULL AND state <> 'applied'
                   AND state IN ('reserved', 'delivered', 'suspect', 'disputed') ORDER BY id";
        let query = query(sql).bind(kid.to_string()).bind(from).bind(now);
        let rows = query.fetch_all(&mut conn).await?;
        rows.iter().map(|row| ledger::parsed(row, "id")).collect()
    }

    async fn dead_grants(
        &self,
        kid: KeyId,
        from: i64,
        now: i64,
    ) -> Result<Vec<(OperatorId, String)>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT operator, device FROM grant_doc WHERE kid = $1 AND issued >= $2
                   AND expires > $3 AND revoked IS NULL ORDER BY operator, device";
        let query = query(sql).bind(kid.to_string()).bind(from).bind(now);
        let rows = query.fetch_all(&mut conn).await?;
        let rows =
            rows.iter().map(|row| Ok((ledger::parsed(row, "operator")?, row.try_get("device")?)));
        rows.collect()
    }

    /// Pages are signed by the status key: under another key they have other bytes, so handhelds
    /// are told that the list changed.
    async fn new_pages(&self) -> Result<(), OfficeError> {
        transact!(self.ledger, |tx| meters::new_area(&mut tx).await)
    }

    /// Writes the newest versions into the ledger.
    pub(super) async fn note_keys(&self) -> Result<(), OfficeError> {
        let (root, keyset) = self.key_versions();
        let first = self.fingerprint();
        transact!(self.ledger, |tx| {
            ledger::set_note(&mut tx, "root", &root.to_string()).await?;
            ledger::set_note(&mut tx, "keyset", &keyset.to_string()).await?;
            ledger::set_note(&mut tx, "root_hash", &first).await
        })
    }

    /// The folder's keys must be as new as those the ledger has seen, and of the same office. What
    /// a ceremony wrote before it was cut off is noted now.
    pub(super) async fn check_not_older(&self) -> Result<(), OfficeError> {
        let (root, keyset) = self.key_versions();
        {
            let mut conn = self.ledger.read().await?;
            let (seen_root, seen_keyset) = seen(&mut conn).await?;
            let first = ledger::note(&mut conn, "root_hash").await?;
            if root < seen_root || keyset < seen_keyset || first != Some(self.fingerprint()) {
                return Err(OfficeError::KeysOlder);
            }
            if (root, keyset) == (seen_root, seen_keyset) {
                return Ok(());
            }
        }
        self.note_keys().await
    }

    /// Nothing is signed with keys that another process has replaced since.
    pub(super) async fn check_keys(&self, conn: &mut Conn) -> Result<(), OfficeError> {
        if seen(conn).await? == self.key_versions() {
            Ok(())
        } else {
            Err(OfficeError::KeysChanged)
        }
    }
}

/// Keeps the decision, as something a person has settled.
async fn write_down(
    conn: &mut Conn,
    (kid, from, reason, now): (KeyId, i64, &str, i64),
) -> Result<(), OfficeError> {
    query(
        "INSERT INTO review (id, class, why, device, epoch, seq, raised, settled, verdict, reason)
         VALUES ($1, $2, $3, '', 0, 0, $4, $4, 'revoked', $5) ON CONFLICT DO NOTHING",
    )
    .bind(format!("key:{kid}:{now}"))
    .bind(Class::C3.name())
    .bind(format!("what key {kid} signed at {from} or later is dead"))
    .bind(now)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest versions of root and keyset the ledger has seen.
async fn seen(conn: &mut Conn) -> Result<(u64, u64), OfficeError> {
    let mut versions = [0; 2];
    for (version, name) in versions.iter_mut().zip(["root", "keyset"]) {
        let note = ledger::note(conn, name).await?.unwrap_or_default();
        *version = note.parse().map_err(|_| OfficeError::Stored("keys"))?;
    }
    Ok(versions.into())
}

//! What a restored office takes back of what it forgot: its own signed documents, which lie in the
//! journals of the handhelds that took them in.
//!
//! What this office's keys signed was given by it, and is entered as it was given; money is booked
//! as it was. Nothing else is: a decision of a person is signed by nobody but the handheld that
//! heard of it, and whoever holds that could make one up (`again`).

use crate::office::Office;
use crate::office::apply::Applied;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::grants::{insert_grant, insert_override};
use crate::office::issue;
use crate::office::ledger::{self, Conn, transact};
use crate::office::model::{Move, TokenRow, TokenState};
use crate::office::swap;
use crate::sync::wire::{Event, Pack, SwapFacts, TokenFacts, read_entry};
use crate::units::{DeviceId, TokenId, UnixSeconds};
use meterkit_tokens::{
    DocType, Grant, KeyId, Keyring, Override, RechargeToken, SwapToken, TokenError, verify,
};

/// A document of ours that a journal shows.
enum Ours {
    Token(TokenRow, u64, UnixSeconds),
    Swap(SwapFacts),
    Grant(Box<Grant>),
    Override(Box<Override>),
}

impl Office {
    /// Takes in a pack; before that, what a restored office can learn from it of its own documents.
    ///
    /// # Errors
    /// As [`Office::apply_pack`].
    pub(in crate::office) async fn take_pack(
        &self,
        device: &DeviceId,
        pack: &Pack,
        document: &[u8],
    ) -> Result<Applied, OfficeError> {
        let mut applied = self.apply_after(device, pack, document, false).await?;
        if applied.is_none() {
            self.recover(device, pack).await?;
            applied = self.apply_after(device, pack, document, true).await?;
        }
        let (applied, runs) = applied.ok_or(OfficeError::Stored("rewound"))?;
        self.metrics.pack(&applied, &runs);
        Ok(applied)
    }

    /// Enters the documents of a pack that this office signed and has forgotten. Of a handheld that
    /// was heard since only what was given before: a token on paper may be taken in at any time.
    async fn recover(&self, device: &DeviceId, pack: &Pack) -> Result<(), OfficeError> {
        let (until, epoch) = {
            let mut conn = self.ledger.read().await?;
            let sql = "SELECT r.since, r.heard, d.epoch FROM rewound r
                       JOIN device d ON d.device = r.device WHERE r.device = $1";
            let row = query(sql).bind(device.as_str()).fetch_optional(&mut conn).await?;
            let Some(row) = row else { return Ok(()) };
            let heard = row.try_get::<Option<i64>, _>("heard")?.is_some();
            (if heard { row.try_get("since")? } else { i64::MAX }, ledger::small(&row, "epoch")?)
        };
        // Another journal than the one enrolled is refused with its pack.
        let Ok(bodies) = pack.bodies() else { return Ok(()) };
        for body in bodies {
            let (bytes, kind) = match read_entry(&body).map(|entry| entry.event) {
                Ok(Event::TokenImported { bytes, .. }) => (bytes, DocType::Recharge),
                Ok(Event::SwapTaken { bytes, .. }) => (bytes, DocType::Swap),
                Ok(Event::GrantTaken { bytes, .. }) => (bytes, DocType::Grant),
                Ok(Event::OverrideTaken { bytes, .. }) => (bytes, DocType::Override),
                _ => continue,
            };
            let found = {
                let keys = self.keys();
                let (tenant, ring) = (keys.tenant(), keys.keyset().keyring());
                ours(&bytes, kind, (tenant, &ring), device)
            };
            let Ok(Some((ours, kid, issued))) = found else { continue };
            if issued > until {
                continue;
            }
            let (kid, at) = (kid.to_string(), (device, epoch));
            transact!(self.ledger, |tx| enter(&mut tx, &ours, at, (&bytes, &kid)).await)?;
        }
        Ok(())
    }
}

/// A document, if this office's key signed it for this handheld; which key, and when.
fn ours(
    bytes: &[u8],
    kind: DocType,
    (tenant, ring): (&str, &Keyring),
    device: &DeviceId,
) -> Result<Option<(Ours, KeyId, i64)>, TokenError> {
    let kid = verify(bytes, kind, tenant, ring, None)?.kid;
    let found = match kind {
        DocType::Recharge => {
            let token = RechargeToken::verify(bytes, tenant, ring)?;
            let facts = TokenFacts::of(&token).filter(|_| token.device == device.as_str());
            facts.map(|facts| {
                let row = row_of(device, &facts, token.undoes);
                (Ours::Token(row, facts.seq, facts.issued), facts.issued.0)
            })
        }
        DocType::Swap => {
            let token = SwapToken::verify(bytes, tenant, ring)?;
            let facts = SwapFacts::of(&token).filter(|_| token.device == device.as_str());
            facts.map(|facts| (Ours::Swap(facts), facts.issued.0))
        }
        DocType::Grant => {
            let grant = Grant::verify(bytes, tenant, ring)?;
            let issued = grant.issued;
            (grant.device == device.as_str()).then(|| (Ours::Grant(Box::new(grant)), issued))
        }
        _ => {
            let leave = Override::verify(bytes, tenant, ring)?;
            let issued = leave.issued;
            (leave.device == device.as_str()).then(|| (Ours::Override(Box::new(leave)), issued))
        }
    };
    Ok(found.map(|(ours, issued)| (ours, kid, issued)))
}

async fn enter(
    conn: &mut Conn,
    ours: &Ours,
    (device, epoch): (&DeviceId, u32),
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    match ours {
        Ours::Token(row, seq, issued) => enter_token(conn, row, *seq, *issued, (bytes, kid)).await,
        Ours::Swap(facts) => swap::recovered(conn, (facts, device), (bytes, kid)).await,
        Ours::Grant(grant) => insert_grant(conn, (grant, epoch), (bytes, kid)).await,
        Ours::Override(leave) => insert_override(conn, (leave, epoch), (bytes, kid)).await,
    }
}

fn row_of(device: &DeviceId, facts: &TokenFacts, undoes: Option<[u8; 16]>) -> TokenRow {
    TokenRow {
        id: facts.id,
        meter: facts.meter,
        account: facts.account,
        count_before: facts.count_before,
        credit: facts.credit,
        device: device.clone(),
        order: facts.order,
        expires: facts.expires,
        intent_seen: false,
        revoked: false,
        state: TokenState::Reserved,
        act: facts.act,
        undoes: undoes.map(TokenId),
        leg: None,
    }
}

/// Enters a token as it was issued, unless it is here. One that holds its step and was not sent is
/// the one it replaced: this office never issues a step twice otherwise. Where that is not so, the
/// token stays unknown, and a person is called when its journal is judged.
async fn enter_token(
    conn: &mut Conn,
    row: &TokenRow,
    seq: u64,
    issued: UnixSeconds,
    signed: (&[u8], &str),
) -> Result<(), OfficeError> {
    ledger::meter(conn, row.meter).await?;
    if ledger::token(conn, row.id).await?.is_some() {
        return Ok(());
    }
    if row.takes_step() {
        let out = ledger::tokens_out(conn, row.meter, row.account).await?;
        let same = |held: &&TokenRow| held.takes_step() && held.count_before == row.count_before;
        if let Some(held) = out.iter().find(same) {
            if !replaced(held, row) {
                return Ok(());
            }
            ledger::set_state(conn, held.id, TokenState::Voided).await?;
            ledger::book(conn, Move::Return, held, issued).await?;
            let sql = "UPDATE token SET superseded_by = $2 WHERE id = $1";
            let query = query(sql).bind(held.id.to_string()).bind(row.id.to_string());
            query.execute(&mut *conn).await?;
        }
        let sql = "SELECT COUNT(*) AS n FROM token WHERE meter = $1 AND account = $2
                   AND count_before = $3 AND state = 'applied'
                   AND act IN ('recharge', 'carry-in', 'open') AND amount > 0";
        let applied = query(sql)
            .bind(row.meter.to_string())
            .bind(row.account.to_string())
            .bind(i64::from(row.count_before.0))
            .fetch_one(&mut *conn)
            .await?;
        if ledger::counter(&applied, "n")? > 0 {
            return Ok(());
        }
    }
    let sql = "SELECT COUNT(*) AS n FROM token WHERE meter = $1 AND seq = $2";
    let taken = query(sql).bind(row.meter.to_string()).bind(ledger::number(seq));
    let taken = ledger::counter(&taken.fetch_one(&mut *conn).await?, "n")? > 0;
    let (bytes, kid) = signed;
    issue::insert(conn, row, (!taken).then_some(seq), issued, (bytes, kid)).await?;
    ledger::book(conn, Move::Issue, row, issued).await
}

/// Whether the office issued `new` in place of `old`: the same step, credit and handheld, and `old`
/// was never sent.
fn replaced(old: &TokenRow, new: &TokenRow) -> bool {
    let free =
        matches!(old.state, TokenState::Reserved | TokenState::Delivered | TokenState::Suspect);
    free && !old.intent_seen
        && (old.credit, old.act, &old.device) == (new.credit, new.act, &new.device)
        && old.leg.is_none()
}

//! An office that was put back to an earlier time, and handhelds that were not.
//!
//! What happened after the backup is gone here, and stands in the handhelds' journals, which keep
//! everything. So a restored office
//! - **issues nothing** until every handheld it knows has brought its journal up to its head, or a
//!   person accepts that it will not: a token that was issued after the backup holds its step of
//!   the meter, and only the journal of its handheld shows it;
//! - **asks for journals from where the backup ends**, in two steps. A handheld takes "I have less
//!   than I acknowledged" for a lie, and is right to. So HELLO is answered with the handheld's own
//!   head, and the pack that follows with NEED, from the place the ledger really ends at;
//! - **takes back its own tokens** from those journals: each import holds the signed document. What
//!   this office's issuer signed was issued by it, and is entered and booked as it was;
//! - **never gives a number twice**: receipts, and versions of the area and of statuses, go on far
//!   beyond those it may have given.
//!
//! An office that was put back without `restore` (a copy of its disk) finds out when a handheld
//! shows a receipt that was not given yet, and does the same from then on.

use crate::office::Office;
use crate::office::apply::Applied;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::issue;
use crate::office::ledger::{self, Conn, DeviceRow, note_held, set_note, transact};
use crate::office::model::{Move, TokenRow, TokenState};
use crate::sync::wire::{Event, Hello, Need, Pack, TokenFacts, read_entry};
use crate::units::{DeviceId, TokenId, UnixSeconds};
use meterkit_tokens::{DocType, RechargeToken, verify};

/// How far receipts and versions of the area go on beyond those in the backup. An office gives a
/// few hundred receipts a day to a handheld, and changes its area a few times.
const BEYOND: u64 = 1_000_000;
/// How far versions of statuses go on beyond the clock, which makes them, milliseconds: more than
/// were ever given in a second. A handheld takes none that is a day ahead.
const STATUS_BEYOND: i64 = 3_600_000;
/// Stands for the handhelds that were enrolled after the backup, of which nothing is known here.
const LATER: &str = "*";

/// A handheld of a restored office that has not brought its journal since, or had not when a person
/// accepted that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its name; `*` stands for whatever was enrolled after the backup.
    pub device: String,
    /// Since when.
    pub since: UnixSeconds,
    /// When its journal was here whole.
    pub heard: Option<UnixSeconds>,
    /// When a person accepted that it is not waited for, and why.
    pub accepted: Option<(UnixSeconds, String)>,
}

impl Waiting {
    /// Whether issuing waits for it.
    pub fn holds(&self) -> bool {
        self.heard.is_none() && self.accepted.is_none()
    }
}

/// From now on every handheld is waited for.
pub(in crate::office) async fn begin(conn: &mut Conn, now: UnixSeconds) -> Result<(), OfficeError> {
    query("DELETE FROM rewound").execute(&mut *conn).await?;
    let sql = "INSERT INTO rewound (device, since) SELECT device, $1 FROM device";
    query(sql).bind(now.0).execute(&mut *conn).await?;
    let sql = "INSERT INTO rewound (device, since) VALUES ($1, $2)";
    query(sql).bind(LATER).bind(now.0).execute(&mut *conn).await?;
    let sql = "UPDATE device SET receipts = receipts + $1, status_given = $3 +
               CASE WHEN status_given > $2 THEN status_given ELSE $2 END";
    let millis = now.0.saturating_mul(1000);
    let numbers = query(sql).bind(ledger::number(BEYOND)).bind(millis).bind(STATUS_BEYOND);
    numbers.execute(&mut *conn).await?;
    let area = note_held(conn, "area").await?.and_then(|area| area.parse::<u64>().ok());
    let area = area.ok_or(OfficeError::Stored("area"))?;
    set_note(conn, "area", &(area + BEYOND).to_string()).await
}

/// Nothing is issued while a handheld is waited for.
///
/// # Errors
/// [`OfficeError::Restored`].
pub(in crate::office) async fn fence(conn: &mut Conn) -> Result<(), OfficeError> {
    match waiting(conn).await? {
        0 => Ok(()),
        many => Err(OfficeError::Restored(many)),
    }
}

/// How many are waited for.
pub(in crate::office) async fn waiting(conn: &mut Conn) -> Result<u64, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM rewound WHERE heard IS NULL AND accepted IS NULL";
    ledger::counter(&query(sql).fetch_one(conn).await?, "n")
}

/// A handheld says HELLO. While it is waited for, gives the answer that makes it send what is
/// missing here.
pub(in crate::office) async fn asked(
    conn: &mut Conn,
    row: &DeviceRow,
    hello: &Hello,
    now: UnixSeconds,
) -> Result<Option<Need>, OfficeError> {
    if hello.receipt > row.receipts && hello.receipt - row.receipts <= BEYOND {
        let (device, shown, given) = (row.device.as_str(), hello.receipt, row.receipts);
        tracing::error!(device, shown, given, "this office was put back: issuing is fenced");
        begin(conn, now).await?;
    }
    // Also one that was accepted: it may come after all.
    let sql = "UPDATE rewound SET head = $2 WHERE device = $1 AND heard IS NULL";
    let head = ledger::number(hello.head.seq);
    let done = query(sql).bind(row.device.as_str()).bind(head).execute(conn).await?;
    if done.rows_affected() == 0 || hello.head.seq <= row.head_seq {
        return Ok(None);
    }
    Ok(Some(Need { acked: hello.head, receipts: vec![], status: None }))
}

/// A handheld says BYE: its journal is here as far as it was when it said HELLO.
pub(in crate::office) async fn heard(
    conn: &mut Conn,
    row: &DeviceRow,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = "UPDATE rewound SET heard = $2 WHERE device = $1 AND heard IS NULL AND head <= $3";
    let head = ledger::number(row.head_seq);
    query(sql).bind(row.device.as_str()).bind(now.0).bind(head).execute(conn).await?;
    Ok(())
}

impl Office {
    /// Takes in a pack; before that, what a restored office can learn from it of its own tokens.
    ///
    /// # Errors
    /// As [`Office::apply_pack`].
    pub(in crate::office) async fn take_pack(
        &self,
        device: &DeviceId,
        pack: &Pack,
        document: &[u8],
    ) -> Result<Applied, OfficeError> {
        self.recover(device, pack).await?;
        let applied = self.apply_pack(device, pack, document).await?;
        self.count_pack(&applied);
        Ok(applied)
    }

    /// Enters the tokens of a pack that this office signed and has forgotten.
    async fn recover(&self, device: &DeviceId, pack: &Pack) -> Result<(), OfficeError> {
        {
            let mut conn = self.ledger.read().await?;
            let sql = "SELECT device FROM rewound WHERE device = $1 AND heard IS NULL";
            let row = query(sql).bind(device.as_str()).fetch_optional(&mut conn).await?;
            if row.is_none() {
                return Ok(());
            }
        }
        // Another journal than the one enrolled is refused with its pack.
        let Ok(bodies) = pack.bodies() else { return Ok(()) };
        for body in bodies {
            let Ok(Event::TokenImported { bytes, .. }) = read_entry(&body).map(|e| e.event) else {
                continue;
            };
            let token = {
                let keys = self.keys();
                let (tenant, ring) = (keys.tenant(), keys.keyset().keyring());
                let signed = verify(&bytes, DocType::Recharge, tenant, &ring, None);
                RechargeToken::verify(&bytes, tenant, &ring)
                    .and_then(|token| Ok((token, signed?.kid)))
            };
            let Ok((token, kid)) = token else { continue };
            let Some(facts) = TokenFacts::of(&token).filter(|_| token.device == device.as_str())
            else {
                continue;
            };
            let row = row_of(device, &facts, token.undoes);
            let (seq, at) = (facts.seq, facts.issued);
            let signed = (bytes.as_slice(), kid);
            transact!(self.ledger, |tx| enter(&mut tx, &row, seq, at, signed).await)?;
        }
        Ok(())
    }

    /// Who is waited for since this office was restored; empty for one that never was.
    ///
    /// # Errors
    /// The database failed.
    pub async fn waited_for(&self) -> Result<Vec<Waiting>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT * FROM rewound ORDER BY device";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let rows = rows.iter().map(|row| {
            let time = |name: &str| row.try_get::<Option<i64>, _>(name);
            let accepted = time("accepted")?.map(UnixSeconds);
            let reason = row.try_get::<Option<String>, _>("reason")?.unwrap_or_default();
            Ok(Waiting {
                device: row.try_get("device")?,
                since: UnixSeconds(row.try_get("since")?),
                heard: time("heard")?.map(UnixSeconds),
                accepted: accepted.map(|at| (at, reason)),
            })
        });
        rows.collect()
    }

    /// A person accepts that a handheld is not waited for any more; `*` for whatever was enrolled
    /// after the backup. Its journal is taken in all the same should it come.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] without a reason, or for one that is not waited for.
    pub async fn accept_unheard(&self, device: &str, reason: &str) -> Result<(), OfficeError> {
        if reason.trim().is_empty() {
            return Err(OfficeError::Usage("say why: whoever reads it later asks".to_owned()));
        }
        let now = self.now();
        let done = transact!(self.ledger, |tx| {
            let sql = "UPDATE rewound SET accepted = $2, reason = $3
                       WHERE device = $1 AND heard IS NULL AND accepted IS NULL";
            let query = query(sql).bind(device).bind(now.0).bind(reason).execute(&mut tx).await;
            query.map_err(OfficeError::from)
        })?;
        if done.rows_affected() == 0 {
            return Err(OfficeError::Usage(format!("nobody waits for {device}")));
        }
        Ok(())
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
async fn enter(
    conn: &mut Conn,
    row: &TokenRow,
    seq: u64,
    issued: UnixSeconds,
    signed: (&[u8], meterkit_tokens::KeyId),
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
    issue::insert(conn, row, (!taken).then_some(seq), issued, (bytes, &kid.to_string())).await?;
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

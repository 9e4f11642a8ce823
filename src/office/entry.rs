//! One journal entry: judged, followed, kept.
//!
//! Money follows the verdict of `reconcile`. What an entry says about trust (a grant or a status
//! taken, an override used, another program) is noted on the handheld, and an act beyond a limit is
//! accepted as the fact it is and flagged: the credit is in the meter.

use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::limits::{self, Act};
use super::model::{Class, Move, TokenRow, TokenState};
use super::reconcile::{Claim, Known, Observed, Setting, Verdict, judge, observe};
use super::review::{NewReview, raise};
use super::{people, status};
use crate::sync::wire::{Entry, EntryOutcome, Event, kind_of, read_entry};
use crate::units::{
    self, AccountNo, DeviceId, Evidence, Limit, MeterNo, PurchaseCount, TokenId, UnixSeconds,
};
use sqlx::Row;

/// Where an entry comes from.
pub(super) struct Source<'a> {
    pub device: &'a DeviceId,
    pub epoch: u32,
    pub seq: u64,
    pub now: UnixSeconds,
}

/// A record with its place and the chain hash computed from its body.
pub(super) struct Record {
    pub seq: u64,
    pub hash: [u8; 32],
    pub body: Vec<u8>,
}

/// Takes in one entry: judges it, follows the verdict, keeps it.
pub(super) async fn take(
    conn: &mut Conn,
    source: &Source<'_>,
    record: &Record,
) -> Result<EntryOutcome, OfficeError> {
    let entry = read_entry(&record.body).ok().filter(|entry| entry.seq == record.seq);
    let Some(entry) = entry else {
        let outcome = EntryOutcome::Parked("C8 this office cannot read the entry".to_owned());
        keep(conn, source, record, None, &outcome).await?;
        let id = format!("C8:{}:{}:{}", source.device, source.epoch, source.seq);
        let why = "an entry this office cannot read";
        flag(conn, source, (id, Class::C8, why), None, None).await?;
        return Ok(outcome);
    };
    // The reading first: it is judged against the tokens that were out when it was made.
    let seen = match entry.event.evidence() {
        Some(evidence) => see(conn, source, evidence).await?,
        None => Observed::default(),
    };
    let outcome = match claim_of(&entry.event) {
        Some((token, claim)) => settle_claim(conn, source, &entry, token, claim).await?,
        None => EntryOutcome::Noted,
    };
    let more = follow_trust(conn, source, &entry).await?;
    let outcome = match (outcome, seen.review.or(more)) {
        (EntryOutcome::Noted | EntryOutcome::Applied, Some((class, why))) => {
            EntryOutcome::Review(format!("{} {why}", class.name()))
        }
        (outcome, _) => outcome,
    };
    keep(conn, source, record, Some(&entry), &outcome).await?;
    Ok(outcome)
}

/// Calls a person.
async fn flag(
    conn: &mut Conn,
    source: &Source<'_>,
    (id, class, why): (String, Class, &str),
    meter: Option<MeterNo>,
    token: Option<TokenId>,
) -> Result<(), OfficeError> {
    let (device, epoch, seq) = (source.device, source.epoch, source.seq);
    let review = NewReview { id, class, why: why.to_owned(), device, epoch, seq, meter, token };
    raise(conn, review, source.now).await
}

/// Follows what an entry says about trust; gives what a person must look at.
async fn follow_trust(
    conn: &mut Conn,
    source: &Source<'_>,
    entry: &Entry,
) -> Result<Option<(Class, &'static str)>, OfficeError> {
    let found = match &entry.event {
        Event::GrantTaken { id, .. } | Event::OverrideTaken { id, .. } => {
            let ours = people::shown(conn, *id, source.device, source.seq).await?;
            (!ours).then_some((Class::C1, "a grant or override we never gave that handheld"))
        }
        Event::OverrideUsed { id, meter, .. } => {
            let by = (source.device, entry.operator.as_str(), *meter);
            let against = people::used(conn, *id, by, source.seq, entry.at).await?;
            against.map(|why| (Class::C3, why))
        }
        Event::DocumentTaken { kind, version, .. } if kind.snapshot() == "status" => {
            status::taken(conn, source.device, *version).await?;
            None
        }
        Event::ReceiptStored { acked, .. } => {
            let sql = "UPDATE device SET known_acked = $2
                       WHERE device = $1 AND epoch = $3 AND known_acked < $2";
            let query = sqlx::query(sql).bind(source.device.as_str());
            let query = query.bind(ledger::number(acked.seq)).bind(i64::from(acked.epoch));
            query.execute(&mut *conn).await?;
            None
        }
        Event::Software { version, .. } => {
            sqlx::query("UPDATE device SET software = $2 WHERE device = $1")
                .bind(source.device.as_str())
                .bind(version)
                .execute(&mut *conn)
                .await?;
            None
        }
        Event::Intent { facts, .. } => {
            let row = ledger::device(conn, source.device).await?;
            let (acked, status) = row.map_or((0, 0), |row| (row.known_acked, row.status_taken));
            let act = Act {
                device: source.device,
                epoch: source.epoch,
                seq: source.seq,
                operator: &entry.operator,
                at: entry.at,
                credit: facts.credit,
                acked,
                status,
            };
            limits::passed(conn, &act)
                .await?
                .map(|(operators, limit)| (Class::C3, beyond(operators, limit)))
        }
        _ => None,
    };
    if let Some((class, why)) = found {
        let (device, epoch, seq) = (source.device, source.epoch, source.seq);
        let id = format!("{}:trust:{device}:{epoch}:{seq}", class.name());
        flag(conn, source, (id, class, why), entry.event.meter(), None).await?;
    }
    Ok(found)
}

/// A person reads which limit was passed.
fn beyond(operators: bool, limit: Limit) -> &'static str {
    match (operators, limit) {
        (false, Limit::Acts) => "beyond the handheld's limit on the number of acts",
        (false, Limit::Yuan) => "beyond the handheld's limit in yuan",
        (false, Limit::Kwh) => "beyond the handheld's limit in kWh",
        (false, Limit::Age) => "beyond the handheld's limit on the age of acts",
        (true, Limit::Acts) => "beyond the operator's limit on the number of acts",
        (true, Limit::Yuan) => "beyond the operator's limit in yuan",
        (true, Limit::Kwh) => "beyond the operator's limit in kWh",
        (true, Limit::Age) => "beyond the operator's limit on the age of acts",
    }
}

/// What an entry says about a token.
fn claim_of(event: &Event) -> Option<(TokenId, Claim<'_>)> {
    match event {
        Event::TokenImported { token, .. } => Some((token.id, Claim::Imported)),
        Event::TokenWithdrawn { id, .. } => Some((*id, Claim::Withdrawn)),
        Event::Intent { facts, .. } => Some((facts.token, Claim::Intent(Some(facts)))),
        Event::Resend { token, .. } => Some((*token, Claim::Intent(None))),
        Event::Outcome { token, judgement, .. } => Some((*token, Claim::Outcome(judgement))),
        Event::Resolved { token, .. } => Some((*token, Claim::Resolved)),
        _ => None,
    }
}

/// Judges what an entry says about a token and follows the verdict.
async fn settle_claim(
    conn: &mut Conn,
    source: &Source<'_>,
    entry: &Entry,
    id: TokenId,
    claim: Claim<'_>,
) -> Result<EntryOutcome, OfficeError> {
    let token = ledger::token(conn, id).await?;
    let step_taken_by = match &token {
        Some(token) if !token.takes_step() => None,
        Some(token) => other_applied(conn, token).await?,
        None => None,
    };
    let own_device = token.as_ref().is_some_and(|token| token.device == *source.device);
    let setting = Setting { token, own_device, step_taken_by, at: entry.at };
    let verdict = judge(&setting, claim);
    let token = setting.token.filter(|_| own_device);
    if let Some(token) = &token {
        follow(conn, source, token, claim, &verdict).await?;
    }
    if let Some((class, why)) = verdict.review {
        let name =
            format!("{}:{id}:{}:{}:{}", class.name(), source.device, source.epoch, source.seq);
        let why = match (&token, claim) {
            (Some(token), Claim::Outcome(judgement)) => {
                let fell = fall(conn, source, token, judgement.after.as_ref()).await?;
                fell.map_or_else(|| why.to_owned(), |fell| format!("{why}: {fell}"))
            }
            _ => why.to_owned(),
        };
        flag(conn, source, (name, class, &why), entry.event.meter(), Some(id)).await?;
    }
    Ok(verdict.outcome)
}

/// For a debit: how far the balance fell, beside what was to be taken out, by the handheld's own
/// readings before and after. What is too much, or lacking, is money the settlement must name.
async fn fall(
    conn: &mut Conn,
    source: &Source<'_>,
    token: &TokenRow,
    after: Option<&Evidence>,
) -> Result<Option<String>, OfficeError> {
    let Some(after) = after.filter(|_| token.act.is_debit()) else { return Ok(None) };
    let sql = "SELECT body FROM event WHERE device = $1 AND epoch = $2 AND token = $3
               AND kind = 'intent' ORDER BY seq DESC LIMIT 1";
    let row = sqlx::query(sql)
        .bind(source.device.as_str())
        .bind(i64::from(source.epoch))
        .bind(token.id.to_string())
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.try_get("body")?;
    let Some(Event::Intent { before, .. }) = read_entry(&body).ok().map(|entry| entry.event) else {
        return Ok(None);
    };
    let net = |seen: &Evidence| seen.balance.value.saturating_sub(seen.overdraft);
    let fell = net(&before).saturating_sub(net(after));
    let over = fell.saturating_sub(token.credit.value);
    let [fell, over] = [fell, over].map(|value| token.credit.with(value));
    Ok(Some(format!("it fell by {fell} where {} was to go out, {over} too much", token.credit)))
}

async fn follow(
    conn: &mut Conn,
    source: &Source<'_>,
    token: &TokenRow,
    claim: Claim<'_>,
    verdict: &Verdict,
) -> Result<(), OfficeError> {
    if matches!(claim, Claim::Intent(_)) {
        sqlx::query("UPDATE token SET intent_seq = $2 WHERE id = $1 AND intent_seq IS NULL")
            .bind(token.id.to_string())
            .bind(ledger::number(source.seq))
            .execute(&mut *conn)
            .await?;
    }
    // The handheld knows: what it shows itself, and what a withdrawal or a settlement told it.
    let knows = matches!(claim, Claim::Withdrawn | Claim::Resolved)
        || verdict.movement == Some(Move::Return);
    if knows {
        for sql in [
            "UPDATE token SET told = 1 WHERE id = $1",
            "UPDATE decision SET told = 1 WHERE token = $1",
        ] {
            sqlx::query(sql).bind(token.id.to_string()).execute(&mut *conn).await?;
        }
    }
    if let Some(state) = verdict.state.filter(|state| *state != token.state) {
        ledger::set_state(conn, token.id, state).await?;
        if state == TokenState::Applied {
            ledger::step_done(conn, token).await?;
            if token.act == units::Act::Open {
                super::meters::opened(conn, token).await?;
            }
        }
    }
    if let Some(movement) = verdict.movement {
        ledger::book(conn, movement, token, source.now).await?;
    }
    Ok(())
}

/// Another token proved to have taken the same step.
async fn other_applied(conn: &mut Conn, token: &TokenRow) -> Result<Option<TokenId>, OfficeError> {
    let sql = "SELECT id FROM token WHERE meter = $1 AND account = $2 AND count_before = $3
               AND state = 'applied' AND id <> $4
               AND act IN ('recharge', 'carry-in', 'open') AND amount > 0";
    let row = sqlx::query(sql)
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .bind(i64::from(token.count_before.0))
        .bind(token.id.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| ledger::parsed(row, "id")).transpose()
}

/// Follows a reading of a meter.
async fn see(
    conn: &mut Conn,
    source: &Source<'_>,
    evidence: &Evidence,
) -> Result<Observed, OfficeError> {
    let meter = evidence.meter;
    // A meter that is not on our list can be read, and says nothing about our money.
    let Some(line) = ledger::meter(conn, meter).await? else { return Ok(Observed::default()) };
    let state = ledger::meter_state(conn, meter, line.account).await?;
    let (count, _, seen) = state.unwrap_or((PurchaseCount(0), 0, UnixSeconds(i64::MIN)));
    let sql = "SELECT COALESCE(MAX(count_before) + 1, 0) AS next FROM token
               WHERE meter = $1 AND account = $2 AND state <> 'voided'
               AND act IN ('recharge', 'carry-in', 'open') AND amount > 0";
    let row = sqlx::query(sql)
        .bind(meter.to_string())
        .bind(line.account.to_string())
        .fetch_one(&mut *conn)
        .await?;
    let next = PurchaseCount(ledger::small(&row, "next")?);
    let opening = opening(conn, meter).await?;
    let count_if_all_used = count.max(next);
    let known = Known { account: line.account, count, seen, count_if_all_used, opening };
    let observed = observe(&known, evidence);
    if observed.update {
        ledger::set_meter_state(conn, meter, line.account, evidence).await?;
    }
    if let Some((class, why)) = observed.review {
        let account = evidence.account.map(|account| account.to_string()).unwrap_or_default();
        // Once for each state of the meter, however often it is read.
        let id = format!("{}:{meter}:{account}:{}", class.name(), evidence.count);
        flag(conn, source, (id, class, why), Some(meter), None).await?;
    }
    Ok(observed)
}

/// The account that a token opens in this meter, while that may still happen.
async fn opening(conn: &mut Conn, meter: MeterNo) -> Result<Option<AccountNo>, OfficeError> {
    let sql = "SELECT account FROM token WHERE meter = $1 AND act = 'open'
               AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
               ORDER BY seq DESC LIMIT 1";
    let row = sqlx::query(sql).bind(meter.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(|row| ledger::parsed(row, "account")).transpose()
}

/// Keeps an entry for ever.
async fn keep(
    conn: &mut Conn,
    source: &Source<'_>,
    record: &Record,
    entry: Option<&Entry>,
    outcome: &EntryOutcome,
) -> Result<(), OfficeError> {
    let event = entry.map(|entry| &entry.event);
    sqlx::query(
        "INSERT INTO event (device, epoch, seq, hash, body, kind, at, operator, meter, token,
                            outcome, reason, received)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(source.device.as_str())
    .bind(i64::from(source.epoch))
    .bind(ledger::number(record.seq))
    .bind(record.hash.as_slice())
    .bind(&record.body)
    .bind(event.map_or("unknown", kind_of))
    .bind(entry.map_or(0, |entry| entry.at.0))
    .bind(entry.map_or("", |entry| entry.operator.as_str()))
    .bind(event.and_then(Event::meter).map(|meter| meter.to_string()))
    .bind(event.and_then(Event::token).map(|token| token.to_string()))
    .bind(outcome.name())
    .bind(outcome.reason())
    .bind(source.now.0)
    .execute(conn)
    .await?;
    Ok(())
}

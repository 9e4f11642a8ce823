//! What a handheld's journal says of a swap, and what follows from it.
//!
//! The legs themselves are judged like tokens (`reconcile`); here they come into being, and here is
//! what else a swap does: the debt that goes along, the list that follows the meters, the rest in
//! the old one. Whatever contradicts the list or another swap is parked for a person; the entry
//! stands all the same. Everything rests on the one journal it is in, so that it does not matter
//! when other handhelds' journals come.

use super::post;
use super::row::{self, SwapRow, SwapState};
use crate::office::book::Book;
use crate::office::db::query;
use crate::office::entry::{Source, flag};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::meters;
use crate::office::model::{Class, Place, TokenRow, TokenState, unit_name};
use crate::sync::wire::{Entry, EntryOutcome, Event, Step, SwapFacts, SwapFixed, read_entry};
use crate::units::{
    AccountNo, ErrandKind, Evidence, MeterNo, StepState, SwapLeg, TokenId, swap_step,
};

/// What a person must look at.
type Review = Option<(Class, &'static str)>;

/// How many entries of a meter are looked through for a reading.
const LOOK_BACK: i64 = 200;

/// Follows an entry that is about a swap; `None` when it is about none.
pub(in crate::office) async fn follow(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    entry: &Entry,
) -> Result<Option<EntryOutcome>, OfficeError> {
    let meter = entry.event.meter();
    let (id, outcome, review) = match &entry.event {
        Event::SwapTaken { swap, .. } => {
            let (outcome, review) = taken(conn, source, swap).await?;
            (swap.id, outcome, review)
        }
        Event::SwapFixed(fixed) => {
            book.settle(conn).await?;
            let (outcome, review) = fix(conn, book, source, (entry, fixed)).await?;
            (fixed.swap, outcome, review)
        }
        Event::TokenWithdrawn { id, .. } => {
            let Some(swap) = row::swap(conn, *id).await? else { return Ok(None) };
            if swap.device == *source.device {
                told(conn, *id).await?;
            }
            (*id, EntryOutcome::Noted, None)
        }
        Event::Revoked { ids, .. } => {
            // By the status: then it is not told again.
            for id in ids {
                let swap = row::swap(conn, *id).await?;
                if swap.is_some_and(|swap| swap.device == *source.device) {
                    told(conn, *id).await?;
                }
            }
            return Ok(None);
        }
        Event::Step(step) if step.kind == ErrandKind::Swap => {
            book.settle(conn).await?;
            let Some(swap) = swap_of(conn, source, step).await? else { return Ok(None) };
            let (outcome, review) = follow_step(conn, source, (entry, step), &swap).await?;
            (swap.facts.id, outcome, review)
        }
        _ => return Ok(None),
    };
    let Some((class, why)) = review else { return Ok(Some(outcome)) };
    let (device, epoch, seq) = (source.device, source.epoch, source.seq);
    let name = format!("{}:{id}:{device}:{epoch}:{seq}", class.name());
    flag(book, source, (name, class, why), meter, None);
    Ok(Some(EntryOutcome::Review(format!("{} {why}", class.name()))))
}

/// The handheld has the leave.
async fn taken(
    conn: &mut Conn,
    source: &Source<'_>,
    says: &SwapFacts,
) -> Result<(EntryOutcome, Review), OfficeError> {
    let Some(swap) = row::swap(conn, says.id).await? else {
        return Ok((EntryOutcome::Noted, Some((Class::C4, "no such leave for a swap was issued"))));
    };
    if swap.device != *source.device || swap.facts != *says {
        let why = "a leave for a swap that is not as we gave it";
        return Ok((EntryOutcome::Noted, Some((Class::C1, why))));
    }
    if swap.state != SwapState::Reserved {
        return Ok((EntryOutcome::Noted, None));
    }
    row::set_state(conn, says.id, SwapState::Delivered).await?;
    Ok((EntryOutcome::Applied, None))
}

/// A leg is fixed: from here on it is a token.
async fn fix(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    (entry, fixed): (&Entry, &SwapFixed),
) -> Result<(EntryOutcome, Review), OfficeError> {
    let Some(swap) = row::swap(conn, fixed.swap).await? else {
        return Ok((EntryOutcome::Noted, Some((Class::C4, "no such leave for a swap was issued"))));
    };
    if swap.device != *source.device {
        let why = "the leave for the swap was another handheld's";
        return Ok((EntryOutcome::Noted, Some((Class::C1, why))));
    }
    let id = fixed.token();
    if ledger::token(conn, id).await?.is_some() {
        let why = "one leg of a swap was fixed twice";
        return Ok((EntryOutcome::Noted, Some((Class::C1, why))));
    }
    let wrong = beyond(&swap.facts, fixed);
    begin(conn, &swap).await?;
    if matches!(fixed.leg, SwapLeg::Out | SwapLeg::Provisional) {
        row::void_attempts(conn, swap.facts.id).await?;
    }
    let state = if wrong.is_some() { TokenState::Disputed } else { TokenState::Delivered };
    insert(conn, &swap, fixed, state).await?;
    let late = (swap.state == SwapState::Voided || swap.revoked)
        .then_some((Class::C3, "a swap that was taken back was begun"));
    let over = (entry.at >= swap.facts.expires)
        .then_some((Class::C3, "a swap was begun after its time was over"));
    let review = wrong.map(|why| (Class::C10, why)).or(late).or(over);
    if let Some((class, why)) = review.filter(|_| wrong.is_some()) {
        // Of a leg that cannot be believed a person settles the money.
        let name = format!("{}:{id}:fixed", class.name());
        flag(book, source, (name, class, why), Some(fixed.meter), Some(id));
        return Ok((EntryOutcome::Review(format!("{} {why}", class.name())), None));
    }
    Ok((EntryOutcome::Applied, review))
}

/// What of a leg is not as the leave has it.
fn beyond(facts: &SwapFacts, fixed: &SwapFixed) -> Option<&'static str> {
    let (least, most) = match fixed.leg {
        SwapLeg::Out | SwapLeg::In => (1, facts.most),
        SwapLeg::Open => (0, 0),
        SwapLeg::Provisional => (1, facts.provisional),
    };
    let meter = if fixed.leg == SwapLeg::Out { facts.old } else { facts.meter };
    if fixed.meter != meter {
        Some("a leg of a swap at another meter")
    } else if !(least..=most).contains(&fixed.amount) {
        Some("a leg of a swap beyond its leave")
    } else if fixed.leg != SwapLeg::Out && fixed.count != facts.count {
        Some("a leg of a swap at another step")
    } else {
        None
    }
}

async fn insert(
    conn: &mut Conn,
    swap: &SwapRow,
    fixed: &SwapFixed,
    state: TokenState,
) -> Result<(), OfficeError> {
    let leg = swap.facts.leg(fixed);
    query(
        "INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq, order_no,
                            issued, expires, bytes, kid, state, told, act, swap, leg)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9, $10, $11, $12, $13, 0, $14, $15, $16)",
    )
    .bind(leg.id.to_string())
    .bind(leg.meter.to_string())
    .bind(leg.account.to_string())
    .bind(i64::from(leg.count_before.0))
    // Whatever it says: the table takes no amount that is none.
    .bind(leg.credit.value.max(i64::from(fixed.leg != SwapLeg::Open)))
    .bind(unit_name(leg.credit.unit))
    .bind(swap.device.as_str())
    .bind(leg.order.as_slice())
    .bind(leg.issued.0)
    .bind(leg.expires.0)
    .bind(&[][..] as &[u8])
    .bind(&swap.kid)
    .bind(state.name())
    .bind(leg.act.name())
    .bind(swap.facts.id.to_string())
    .bind(fixed.leg.name())
    .execute(conn)
    .await?;
    Ok(())
}

/// Somebody is at it. What was taken back stays so.
async fn begin(conn: &mut Conn, swap: &SwapRow) -> Result<(), OfficeError> {
    if matches!(swap.state, SwapState::Reserved | SwapState::Delivered) {
        row::set_state(conn, swap.facts.id, SwapState::Begun).await?;
    }
    Ok(())
}

/// The handheld knows that it was taken back.
async fn told(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    query("UPDATE swap SET told = 1 WHERE id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// The swap an errand's step belongs to. The entry that begins the errand names the leave.
async fn swap_of(
    conn: &mut Conn,
    source: &Source<'_>,
    step: &Step,
) -> Result<Option<SwapRow>, OfficeError> {
    let errand = step.errand.to_string();
    let named = note(step, swap_step::LEAVE).and_then(|id| id.parse::<TokenId>().ok());
    if step.name == Step::WHOLE
        && step.state == StepState::Begun
        && let Some(id) = named
    {
        query("UPDATE swap SET errand = $3 WHERE id = $1 AND device = $2")
            .bind(id.to_string())
            .bind(source.device.as_str())
            .bind(&errand)
            .execute(&mut *conn)
            .await?;
    }
    row::of_errand(conn, source.device, &errand).await
}

fn note<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    let notes = step.notes.iter().rev();
    notes.map(|(key, value)| (key, value)).find(|(key, _)| *key == name).map(|(_, v)| v.as_str())
}

async fn follow_step(
    conn: &mut Conn,
    source: &Source<'_>,
    (entry, step): (&Entry, &Step),
    swap: &SwapRow,
) -> Result<(EntryOutcome, Review), OfficeError> {
    let noted = (EntryOutcome::Noted, None);
    match (step.name.as_str(), step.state) {
        (Step::WHOLE, StepState::Begun) => {
            begin(conn, swap).await?;
            Ok((EntryOutcome::Applied, None))
        }
        (swap_step::ARREARS, StepState::Done) => {
            let says = note(step, swap_step::AMOUNT).and_then(|amount| amount.parse().ok());
            let review = debt(conn, source, swap, says.unwrap_or(0)).await?;
            Ok((EntryOutcome::Applied, review))
        }
        (swap_step::BOUND, StepState::Done) if !swap.bound => {
            let review = match stands_against(conn, swap).await? {
                Some(review) => Some(review),
                None => {
                    bind(conn, source, swap, entry.at.0).await?;
                    None
                }
            };
            Ok((EntryOutcome::Applied, review))
        }
        (Step::WHOLE, StepState::Done) => {
            let review = end(conn, swap).await?;
            Ok((EntryOutcome::Applied, review))
        }
        (Step::WHOLE, StepState::Skipped) if swap.state == SwapState::Begun => {
            // Given up before anything was sent: the leave serves again, and what was fixed too.
            row::set_state(conn, swap.facts.id, SwapState::Delivered).await?;
            Ok((EntryOutcome::Applied, None))
        }
        _ => Ok(noted),
    }
}

/// The debt that goes along: no more than the leave says, nor than the old meter showed.
async fn debt(
    conn: &mut Conn,
    source: &Source<'_>,
    swap: &SwapRow,
    says: i64,
) -> Result<Review, OfficeError> {
    let facts = &swap.facts;
    let seen = newest(conn, source, (facts.old, facts.old_account)).await?;
    let owed = seen.map_or(0, |seen| seen.overdraft.max(0));
    let debt = says.min(owed).min(facts.arrears);
    if debt > 0 && post::arrears(conn, facts).await? == 0 {
        post::post_arrears(conn, swap, debt, source.now).await?;
    }
    Ok((debt != says).then_some((Class::C10, "a swap's debt is not what the old meter showed")))
}

/// What speaks against following a swap by itself: another one was proved first, or the list knows
/// an account of another name.
async fn stands_against(conn: &mut Conn, swap: &SwapRow) -> Result<Review, OfficeError> {
    let facts = &swap.facts;
    // The meters first: where several offices write at once, their rows are what is waited for.
    let old = ledger::meter(conn, facts.old).await?;
    let new = ledger::meter(conn, facts.meter).await?;
    if row::rival(conn, facts).await? {
        let why = "two swaps claim one meter, and the other one was proved first";
        return Ok(Some((Class::C7, why)));
    }
    let closed = row::closed_at(conn, facts.old).await?.is_some() && !swap.bound;
    if closed || old.is_none_or(|line| line.account != facts.old_account) {
        return Ok(Some((Class::C8, "the old account of a swap is closed")));
    }
    let in_use = row::closed_at(conn, facts.meter).await?.is_none();
    if new.is_some_and(|line| in_use && line.account != facts.account) {
        return Ok(Some((Class::C8, "the new meter of a swap has another account")));
    }
    Ok(None)
}

/// What speaks against booking a leg by itself.
pub(in crate::office) async fn park(
    conn: &mut Conn,
    token: &TokenRow,
) -> Result<Review, OfficeError> {
    let Some(leg) = token.leg else { return Ok(None) };
    match row::swap(conn, leg.swap).await? {
        Some(swap) => stands_against(conn, &swap).await,
        None => Ok(None),
    }
}

/// A leg is in its meter, by proof: if no other swap's proof was here before, its swap is the one
/// that happened.
pub(in crate::office) async fn proved(
    conn: &mut Conn,
    token: &TokenRow,
) -> Result<(), OfficeError> {
    let Some(leg) = token.leg else { return Ok(()) };
    let Some(swap) = row::swap(conn, leg.swap).await? else { return Ok(()) };
    if !row::rival(conn, &swap.facts).await? {
        claim(conn, leg.swap).await?;
    }
    Ok(())
}

async fn claim(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    query("UPDATE swap SET claim = 1 WHERE id = $1 AND claim = 0")
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// The list follows the meters: the old line is closed, the new one gets its customer and place,
/// and what the old meter still shows is variance.
pub(super) async fn bind(
    conn: &mut Conn,
    source: &Source<'_>,
    swap: &SwapRow,
    at: i64,
) -> Result<(), OfficeError> {
    let facts = &swap.facts;
    claim(conn, facts.id).await?;
    query("UPDATE swap SET bound = 1 WHERE id = $1")
        .bind(facts.id.to_string())
        .execute(&mut *conn)
        .await?;
    meters::swapped(conn, facts, &swap.profile, at).await?;
    let old = newest(conn, source, (facts.old, facts.old_account)).await?;
    let rest = old.map_or(0, |seen| seen.balance.value.saturating_sub(seen.overdraft.max(0)));
    post::post_rest(conn, swap, rest, source.now).await?;
    if let Some(seen) = newest(conn, source, (facts.meter, facts.account)).await? {
        let known = ledger::meter_state(conn, facts.meter, facts.account).await?;
        if known.is_none_or(|(_, _, at)| at <= seen.read_at) {
            let sql = "UPDATE meter_state SET count = $3, balance = $4, seen = $5
                       WHERE meter = $1 AND account = $2";
            query(sql)
                .bind(facts.meter.to_string())
                .bind(facts.account.to_string())
                .bind(i64::from(seen.count.0))
                .bind(seen.balance.value)
                .bind(seen.read_at.0)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// The errand has ended. Whatever is left in a place where it cannot stay is for a person.
async fn end(conn: &mut Conn, swap: &SwapRow) -> Result<Review, OfficeError> {
    let facts = &swap.facts;
    if swap.state.is_out() {
        row::set_state(conn, facts.id, SwapState::Done).await?;
    }
    if post::sum(conn, facts.id, Place::InTransit.name()).await? != 0 {
        return Ok(Some((Class::C10, "a swap ended with its balance in transit")));
    }
    let legs = row::legs(conn, facts.id).await?;
    let emptied = legs.iter().any(|token| {
        token.state == TokenState::Applied && token.leg.is_some_and(|leg| leg.leg == SwapLeg::Out)
    });
    let open = post::sum(conn, facts.id, Place::Variance.name()).await? != 0;
    let why = "the old meter was not emptied: its rest is variance";
    Ok((open && !emptied).then_some((Class::C10, why)))
}

/// The newest reading of a meter account in the journal an entry is from, before that entry.
async fn newest(
    conn: &mut Conn,
    source: &Source<'_>,
    (meter, account): (MeterNo, AccountNo),
) -> Result<Option<Evidence>, OfficeError> {
    let sql = "SELECT body FROM event
               WHERE device = $1 AND epoch = $2 AND meter = $3 AND seq < $4
               AND kind IN ('reading', 'refused', 'intent', 'resend', 'outcome')
               ORDER BY seq DESC LIMIT $5";
    let rows = query(sql)
        .bind(source.device.as_str())
        .bind(i64::from(source.epoch))
        .bind(meter.to_string())
        .bind(ledger::number(source.seq))
        .bind(LOOK_BACK)
        .fetch_all(conn)
        .await?;
    for row in rows {
        let body: Vec<u8> = row.try_get("body")?;
        let seen = read_entry(&body).ok().and_then(|entry| entry.event.evidence().cloned());
        let ours = |seen: &Evidence| seen.meter == meter && seen.account == Some(account);
        if let Some(seen) = seen.filter(ours) {
            return Ok(Some(seen));
        }
    }
    Ok(None)
}

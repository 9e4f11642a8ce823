//! One journal entry: judged, followed, kept.
//!
//! Money follows the verdict of `reconcile`. What an entry says about trust (a grant or a status
//! taken, an override used, another program) is noted on the handheld, and an act beyond a limit is
//! accepted as the fact it is and flagged: the credit is in the meter.

use super::book::Book;
use super::cell::Cell;
use super::clocks::Clocks;
use super::db::query;
use super::error::OfficeError;
use super::exposure::{Act, Watch};
use super::grounds::{self, GroundReading, Grounds};
use super::ledger::{self, Conn};
use super::model::{Class, Move, TokenRow, TokenState};
use super::reconcile::{Claim, Observed, Setting, Verdict, judge, observe};
use super::review::NewReview;
use super::{bundle, closing, excess, parallel, people, round, status, swap};
use crate::sync::wire::{Entry, EntryOutcome, Event, kind_of, read_entry};
use crate::units::{self, DeviceId, Evidence, Limit, MeterNo, TokenId, UnixSeconds};
use std::collections::BTreeSet;

/// Where an entry comes from.
pub(super) struct Source<'a> {
    pub device: &'a DeviceId,
    pub epoch: u32,
    pub seq: u64,
    pub now: UnixSeconds,
    /// The reading the entry shows, if it shows one.
    pub seen: Option<&'a Evidence>,
}

/// A record with its place and the chain hash computed from its body.
pub(super) struct Record {
    pub seq: u64,
    pub hash: [u8; 32],
    pub body: Vec<u8>,
    /// What it says, if this office can read it.
    pub entry: Option<Entry>,
}

impl Record {
    /// Reads a record body.
    pub fn new(seq: u64, hash: [u8; 32], body: Vec<u8>) -> Self {
        let entry = read_entry(&body).ok().filter(|entry| entry.seq == seq);
        Self { seq, hash, body, entry }
    }
}

/// Where entries go: what the pack has changed so far, and its handheld's limits.
pub(super) struct Desk {
    pub book: Book,
    pub watch: Watch,
    pub clocks: Clocks,
}

/// The tokens and meters that entries will ask for.
pub(super) fn named(records: &[Record]) -> (BTreeSet<TokenId>, BTreeSet<MeterNo>) {
    let entries = records.iter().filter_map(|record| record.entry.as_ref());
    let (mut tokens, mut meters) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        if let Some((token, _)) = claim_of(&entry.event) {
            tokens.insert(token);
            meters.extend(entry.event.meter());
        }
        meters.extend(entry.event.evidence().map(|evidence| evidence.meter));
        meters.extend(parallel::meter_of(&entry.event));
    }
    (tokens, meters)
}

/// Takes in one entry: judges it, follows the verdict, keeps it.
pub(super) async fn take(
    conn: &mut Conn,
    desk: &mut Desk,
    source: &Source<'_>,
    record: &Record,
) -> Result<EntryOutcome, OfficeError> {
    let Some(entry) = &record.entry else {
        let outcome = EntryOutcome::Parked("C8 this office cannot read the entry".to_owned());
        keep(&mut desk.book, source, record, &outcome);
        let id = format!("C8:{}:{}:{}", source.device, source.epoch, source.seq);
        let why = "an entry this office cannot read";
        flag(&mut desk.book, source, (id, Class::C8, why), None, None);
        return Ok(outcome);
    };
    // The reading first: it is judged against the tokens that were out when it was made.
    let seen = match entry.event.evidence() {
        Some(evidence) => see(conn, &mut desk.book, source, evidence).await?,
        None => Observed::default(),
    };
    let swap = swap::follow(conn, &mut desk.book, source, entry).await?;
    let (at, clock) = time_of(desk, source, entry);
    let outcome = match (swap, claim_of(&entry.event)) {
        (Some(outcome), _) => outcome,
        (None, Some((token, claim))) => {
            settle_claim(conn, &mut desk.book, source, (entry, at), token, claim).await?
        }
        (None, None) => EntryOutcome::Noted,
    };
    let more = follow_trust(conn, desk, source, entry).await?;
    let closed = closing::follow(&mut desk.book, source, &entry.event);
    let both = parallel::follow(conn, &mut desk.book, source, entry).await?;
    let found = seen.review.or(more).or(clock).or(closed).or(both);
    let outcome = match (outcome, found) {
        (EntryOutcome::Noted | EntryOutcome::Applied, Some((class, why))) => {
            EntryOutcome::Review(format!("{} {why}", class.name()))
        }
        (outcome, _) => outcome,
    };
    keep(&mut desk.book, source, record, &outcome);
    Ok(outcome)
}

/// The time an entry is judged by: never before the office's last word that stands before it. A
/// money act whose clock was further off than a clock may be goes to a person (C9).
fn time_of(
    desk: &mut Desk,
    source: &Source<'_>,
    entry: &Entry,
) -> (UnixSeconds, Option<(Class, &'static str)>) {
    if !matches!(entry.event, Event::Intent { .. } | Event::Outcome { .. }) {
        desk.clocks.hears(&entry.event);
        return (entry.at, None);
    }
    let bounds = desk.clocks.bounds(source.now);
    let at = bounds.lower.map_or(entry.at, |lower| lower.max(entry.at));
    if !matches!(entry.event, Event::Intent { .. }) || !bounds.broken_by(entry.at) {
        return (at, None);
    }
    let why = "a money act while the handheld's clock was out of bounds";
    let when = |at: UnixSeconds| {
        jiff::Timestamp::from_second(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
    };
    let lower = bounds.lower.map_or_else(|| "?".to_owned(), when);
    let (said, upper) = (when(entry.at), when(bounds.upper));
    let says = format!("{why}: it said {said}, and it was between {lower} and {upper}");
    let id = format!("C9:{}:{}:{}", source.device, source.epoch, source.seq);
    let (meter, token) = (entry.event.meter(), entry.event.token());
    flag(&mut desk.book, source, (id, Class::C9, &says), meter, token);
    (at, Some((Class::C9, why)))
}

/// Calls a person.
pub(super) fn flag(
    book: &mut Book,
    source: &Source<'_>,
    named: (String, Class, &str),
    meter: Option<MeterNo>,
    token: Option<TokenId>,
) {
    flag_on(book, source, named, (meter, token), Grounds::default());
}

/// The same, resting on more than the entry, the reading in it, what was known of the meter, the
/// token, and the receipt that the entry's pack is given.
pub(super) fn flag_on(
    book: &mut Book,
    source: &Source<'_>,
    (id, class, why): (String, Class, &str),
    (meter, token): (Option<MeterNo>, Option<TokenId>),
    more: Grounds,
) {
    let (device, epoch, seq) = (source.device, source.epoch, source.seq);
    let mut rests = Grounds::entry(device, epoch, seq);
    rests = rests.and_receipt(device, book.device.receipts.saturating_add(1));
    let shown = source.seen.map(GroundReading::of);
    let known = meter.and_then(|meter| book.last_reading(meter));
    let known = known.filter(|known| shown.as_ref().is_none_or(|shown| !shown.same(known)));
    rests = shown.into_iter().chain(known).fold(rests, Grounds::and_reading);
    rests = token.into_iter().fold(rests, Grounds::and_token).and(more);
    let why = why.to_owned();
    let review = NewReview { id, class, why, device, epoch, seq, meter, token, rests };
    book.raise(review, source.now);
}

/// Follows what an entry says about trust; gives what a person must look at. What is rare is
/// written at once: none of it is in tables the book keeps.
async fn follow_trust(
    conn: &mut Conn,
    desk: &mut Desk,
    source: &Source<'_>,
    entry: &Entry,
) -> Result<Option<(Class, &'static str)>, OfficeError> {
    let (book, watch) = (&mut desk.book, &mut desk.watch);
    let found = match &entry.event {
        Event::GrantTaken { id, .. } | Event::OverrideTaken { id, .. } => {
            let ours = people::shown(conn, *id, source.device, source.seq).await?;
            watch.forget();
            (!ours).then_some((Class::C1, "a grant or override we never gave that handheld"))
        }
        Event::BundleTaken(taken) => {
            let ours = bundle::shown(conn, taken.id, source.device, source.seq).await?;
            (!ours).then_some((Class::C1, "a bundle we never gave that handheld"))
        }
        Event::RoundTaken(taken) => {
            let life = (source.device, source.epoch);
            let ours = round::shown(conn, taken.id, life, source.seq).await?;
            (!ours).then_some((Class::C1, "a round we never made for that handheld"))
        }
        Event::OverrideUsed { id, meter, .. } => {
            let by = (source.device, entry.operator.as_str(), *meter);
            let against = people::used(conn, *id, by, source.seq, entry.at).await?;
            against.map(|why| (Class::C3, why))
        }
        Event::DocumentTaken { kind, version, .. } if kind.snapshot() == "status" => {
            status::taken(conn, source.device, *version).await?;
            book.device.status_taken = book.device.status_taken.max(*version);
            watch.forget();
            None
        }
        Event::ReceiptStored { acked, .. } => {
            if acked.epoch == book.device.epoch {
                book.device.known_acked = book.device.known_acked.max(acked.seq);
            }
            None
        }
        Event::Software { version, .. } => {
            query("UPDATE device SET software = $2 WHERE device = $1")
                .bind(source.device.as_str())
                .bind(version)
                .execute(conn)
                .await?;
            None
        }
        Event::Intent { facts, .. } => {
            let act = Act {
                seq: source.seq,
                operator: &entry.operator,
                at: entry.at,
                credit: facts.credit,
                acked: book.device.known_acked,
                status: book.device.status_taken,
            };
            let passed = watch.passed(conn, &act).await?;
            if let Some(token) = book.token(conn, facts.token).await? {
                watch.add(&act, token.credit);
            }
            passed.map(|(operators, limit)| (Class::C3, beyond(operators, limit)))
        }
        _ => None,
    };
    if let Some((class, why)) = found {
        let (device, epoch, seq) = (source.device, source.epoch, source.seq);
        let id = format!("{}:trust:{device}:{epoch}:{seq}", class.name());
        flag(&mut desk.book, source, (id, class, why), entry.event.meter(), None);
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
    book: &mut Book,
    source: &Source<'_>,
    (entry, at): (&Entry, UnixSeconds),
    id: TokenId,
    claim: Claim<'_>,
) -> Result<EntryOutcome, OfficeError> {
    let mut token = book.token(conn, id).await?;
    let mut park = None;
    if let Some(leg) = token.take_if(|token| token.leg.is_some()) {
        // What is asked of swaps is asked of the database.
        book.settle(conn).await?;
        park = swap::park(conn, &leg).await?;
        token = book.token(conn, id).await?;
    }
    let step_taken_by = match &token {
        Some(token) if !token.takes_step() => None,
        Some(token) => book.other_applied(conn, token).await?,
        None => None,
    };
    let own_device = token.as_ref().is_some_and(|token| token.device == *source.device);
    let setting = Setting { token, own_device, step_taken_by, park, at };
    let verdict = judge(&setting, claim);
    let token = setting.token.filter(|_| own_device);
    if let Some(token) = &token {
        follow(conn, book, source, token, claim, &verdict).await?;
    }
    if let Some((class, why)) = verdict.review {
        let name =
            format!("{}:{id}:{}:{}:{}", class.name(), source.device, source.epoch, source.seq);
        let why = match (&token, claim) {
            (Some(token), Claim::Outcome(judgement)) => {
                let fell = fall(conn, book, token, judgement.after.as_ref()).await?;
                fell.map_or_else(|| why.to_owned(), |fell| format!("{why}: {fell}"))
            }
            _ => why.to_owned(),
        };
        book.write(conn).await?;
        let rests = grounds::of_token(conn, id).await?;
        let rests = setting.step_taken_by.into_iter().fold(rests, Grounds::and_token);
        flag_on(book, source, (name, class, &why), (entry.event.meter(), Some(id)), rests);
    }
    Ok(verdict.outcome)
}

/// For a debit: how far the balance fell, beside what was to be taken out, by the handheld's own
/// readings before and after. What is too much is money the settlement posts (`excess`).
async fn fall(
    conn: &mut Conn,
    book: &mut Book,
    token: &TokenRow,
    after: Option<&Evidence>,
) -> Result<Option<String>, OfficeError> {
    let Some(after) = after.filter(|_| token.act.is_debit()) else { return Ok(None) };
    // The intent may have come in this very pack.
    book.settle(conn).await?;
    let before = excess::before(conn, token).await?;
    let beyond = before.and_then(|before| excess::beyond(token, &before, after));
    Ok(beyond.map(|beyond| {
        let [fell, over] = beyond.map(|value| token.credit.with(value));
        format!("it fell by {fell} where {} was to go out, {over} too much", token.credit)
    }))
}

async fn follow(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    token: &TokenRow,
    claim: Claim<'_>,
    verdict: &Verdict,
) -> Result<(), OfficeError> {
    if matches!(claim, Claim::Intent(_)) {
        book.intent_seen(token.id, source.seq);
    }
    // The handheld knows: what it shows itself, and what a withdrawal or a settlement told it.
    let knows = matches!(claim, Claim::Withdrawn | Claim::Resolved)
        || verdict.movement == Some(Move::Return);
    if knows {
        book.told(token.id);
    }
    let state = verdict.state.filter(|state| *state != token.state);
    if let Some(state) = state {
        book.set_token_state(token.id, state);
    }
    if token.leg.is_some() {
        follow_leg(conn, book, source, token, (state, verdict.movement)).await?;
    } else if let Some(movement) = verdict.movement {
        book.book(movement, token, source.now);
    }
    match state {
        Some(TokenState::Applied) if token.act == units::Act::Open => {
            book.settle(conn).await?;
            super::meters::opened(conn, token).await
        }
        // A step is free again: what follows it is read anew.
        Some(TokenState::Voided) => book.settle(conn).await,
        _ => Ok(()),
    }
}

/// The money of a leg goes where its swap says.
async fn follow_leg(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    token: &TokenRow,
    (state, movement): (Option<TokenState>, Option<Move>),
) -> Result<(), OfficeError> {
    if state.is_none() && movement.is_none() {
        return Ok(());
    }
    book.settle(conn).await?;
    if state == Some(TokenState::Applied) {
        swap::proved(conn, token).await?;
    }
    let Some(movement) = movement else { return Ok(()) };
    ledger::book(conn, movement, token, source.now).await?;
    if swap::even(conn, movement, token, source.now).await? {
        let why = "more was credited for a swap than was taken out";
        let name = format!("C10:{}:missing", token.id);
        flag(book, source, (name, Class::C10, why), Some(token.meter), Some(token.id));
    }
    Ok(())
}

/// Follows a reading of a meter.
async fn see(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    evidence: &Evidence,
) -> Result<Observed, OfficeError> {
    let meter = evidence.meter;
    // A meter that is not on our list can be read, and says nothing about our money.
    let Some(line) = book.meter(conn, meter).await? else { return Ok(Observed::default()) };
    let mut known = book.known(&line);
    if book.swapped(meter) {
        if let Some(closed) = swap::closed_at(conn, meter).await? {
            return Ok(back_again(book, source, evidence, closed));
        }
        let next = swap::expects(conn, meter, line.account).await?;
        known.count_if_all_used = known.count_if_all_used.max(next);
        known.opening = known.opening.or(swap::opening(conn, meter).await?);
    }
    let observed = observe(&known, evidence);
    let account = evidence.account.unwrap_or(line.account);
    if let Some((class, why)) = observed.review {
        let account = evidence.account.map(|account| account.to_string()).unwrap_or_default();
        // Once for each state of the meter, however often it is read.
        let id = format!("{}:{meter}:{account}:{}", class.name(), evidence.count);
        flag(book, source, (id, class, why), Some(meter), None);
    }
    if observed.update && (account == line.account || book.newer(meter, account, evidence)) {
        book.set_state(meter, account, evidence);
    }
    Ok(observed)
}

/// A meter that was swapped out was read. Before that it was right; afterwards it hangs somewhere
/// it should not.
fn back_again(
    book: &mut Book,
    source: &Source<'_>,
    evidence: &Evidence,
    closed: UnixSeconds,
) -> Observed {
    if evidence.read_at <= closed {
        return Observed::default();
    }
    let (class, why) = (Class::C8, "a meter that was swapped out was read");
    let id = format!("C8:{}:swapped-out:{}", evidence.meter, closed.0);
    flag(book, source, (id, class, why), Some(evidence.meter), None);
    Observed { update: false, review: Some((class, why)) }
}

/// Keeps an entry for ever.
fn keep(book: &mut Book, source: &Source<'_>, record: &Record, outcome: &EntryOutcome) {
    let entry = record.entry.as_ref();
    let event = entry.map(|entry| &entry.event);
    let row: Vec<Cell> = vec![
        source.device.as_str().into(),
        i64::from(source.epoch).into(),
        ledger::number(record.seq).into(),
        record.hash.as_slice().into(),
        (&record.body).into(),
        event.map_or("unknown", kind_of).into(),
        entry.map_or(0, |entry| entry.at.0).into(),
        entry.map_or("", |entry| entry.operator.as_str()).into(),
        event.and_then(Event::meter).map(|meter| meter.to_string()).into(),
        event.and_then(Event::token).map(|token| token.to_string()).into(),
        outcome.name().into(),
        outcome.reason().into(),
        source.now.0.into(),
    ];
    book.keep(row);
}

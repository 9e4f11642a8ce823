//! Accounts at the meter: open, close, refund, reverse; all meters of a customer; the count doctor.
//!
//! Opening, refund and reversal are money acts of one signed token and go the way of a recharge
//! (`recharge`): intent on disk, one frame, read back. Closing changes nothing in the meter: it is
//! a reading that can be proved, and what it shows is the office's to pay back. A customer may have
//! several meters; every act is on exactly one, and all of them are listed.

pub mod count;
mod deed;

use super::address::BusAddress;
use super::errand::{
    self, Answer, Errand, Field, FieldKind, PASSWORD, Row, Sheet, Sign, Site, Values,
};
use super::evidence::{self, How, Seen};
use super::failure::fail;
use super::lines::Stop;
use super::recharge::CREDITS;
use super::swap::back;
use super::views::{Failure, TokenStateView};
use super::{Line, gate, tokens};
use crate::profile::Protocol;
use crate::report::Code;
use crate::store::{Reading, Shown, Step, Store, TokenRow, TokenState};
use crate::units::{
    Act, ErrandKind, Evidence, MeterNo, Money, PurchaseCount, StepState, UnixSeconds, Verb, WorkId,
};
use count::{Due, Next, State, Triple, Unfinished, Used};

/// What can be done, by stable names.
///
/// An account is not closed as a relay is: `close` alone is the relay's word.
pub const ACTS: &[&str] = &["open", "close-account", "refund", "reverse", "count-doctor", "show"];

/// The word of the form for a token's act; none for what is no errand of accounts.
pub fn word(act: Act) -> Option<&'static str> {
    match act {
        Act::Open => Some("open"),
        Act::Refund => Some("refund"),
        Act::Reversal => Some("reverse"),
        Act::Recharge | Act::CarryIn | Act::CarryOut => None,
    }
}

const FIELDS: &[Field] = &[
    Field { key: "act", kind: FieldKind::Choice(ACTS), required: true },
    Field { key: "meter", kind: FieldKind::Meter, required: true },
    Field { key: "token", kind: FieldKind::Text, required: false },
    Field { key: "reason", kind: FieldKind::Text, required: false },
];

/// The step of a closing reading.
const CLOSING: &str = "closing-reading";
/// Most meters of one customer that are listed.
const MOST_OF_CUSTOMER: usize = 100;

/// The errand.
pub struct Account;

impl Errand for Account {
    fn kind(&self) -> ErrandKind {
        ErrandKind::Account
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn asks(&self, values: &Values, key: &str) -> bool {
        match key {
            "token" => matches!(values.get("act"), Some("open" | "refund" | "reverse")),
            "reason" => values.get("act") == Some("close-account"),
            // An opening carries no password of the meter's, and the others only read.
            PASSWORD => matches!(values.get("act"), Some("refund" | "reverse")),
            _ => true,
        }
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        values.check(FIELDS)?;
        let meter = values.meter("meter")?;
        // These two only look: with what they show they have come to their end.
        let looked = |sheet: Sheet| Sheet { done: true, ..sheet };
        match values.need("act")? {
            "show" => Ok(looked(customer(site.desk.store, meter))),
            "count-doctor" => doctor(site, meter).map(looked),
            "close-account" => {
                let mut sheet = head(site.desk.store, None, values)?;
                let seen = site.on(meter, |line, stop| {
                    gate::change(site.desk, Verb::Account, meter, line.moment(), true)?;
                    closable(site.desk.store, meter)?;
                    look(line, stop, None)
                })?;
                open_account(&seen.evidence)?;
                sheet.rows.extend(closing_rows(&closing_notes(&seen.evidence)));
                Ok(sheet)
            }
            _ => deed::plan(site, values, meter),
        }
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        values.check(FIELDS)?;
        let store = site.desk.store;
        let meter = values.meter("meter")?;
        let mut values = values.clone();
        match values.need("act")? {
            "show" | "count-doctor" => return Err(fail(Code::Usage, "--dry-run")),
            "close-account" => closable(store, meter)?,
            _ => {
                let token = deed::chosen(store, &values, meter, site.moment().at)?;
                values.set("token", token.to_string());
            }
        }
        site.begin(self.kind(), &values)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let store = site.desk.store;
        let values = errand::wanted(store, work, self.kind())?;
        if ended(store, work) {
            return self.sheet(store, work);
        }
        let sheet = self.sheet(store, work)?;
        tell(&sheet);
        match values.need("act")? {
            "close-account" => {
                self.close(site, work, &values)?;
                self.sheet(store, work)
            }
            _ => deed::advance(site, work, &values, (answer, sheet), tell),
        }
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        let values = errand::wanted(store, work, self.kind())?;
        let mut sheet = head(store, Some(work), &values)?;
        let meter = values.meter("meter")?;
        if let Some(row) = store.step(work, Some(meter), CLOSING) {
            sheet.rows.extend(closing_rows(&row.step.notes));
            sheet.rows.push(Row::info("next-step", Next::Office.name()));
        }
        deed::rows(store, (work, meter), &mut sheet);
        sheet.done = ended(store, work);
        Ok(sheet)
    }
}

impl Account {
    /// Reads the meter once more and writes down what it shows, for the office to settle.
    fn close(&self, site: &Site<'_>, work: WorkId, values: &Values) -> Result<(), Failure> {
        let meter = values.meter("meter")?;
        let (desk, id) = (site.desk, (work, self.kind()));
        site.on(meter, |line, stop| {
            gate::change(desk, Verb::Account, meter, line.moment(), false)?;
            closable(desk.store, meter)?;
            let seen = look(line, stop, None)?;
            open_account(&seen.evidence)?;
            let notes = closing_notes(&seen.evidence);
            drop(keep(site, line, seen)?);
            let (stamp, done) = (desk.stamp(line), (CLOSING, StepState::Done));
            errand::step(desk.store, &stamp, id, Some(meter), done, notes)?;
            let whole = (Step::WHOLE, StepState::Done);
            errand::step(desk.store, &stamp, id, None, whole, values.notes())
        })
    }
}

/// Whether the errand came to its end.
fn ended(store: &Store, work: WorkId) -> bool {
    store.errand(work).is_some_and(|row| row.step.state != StepState::Begun)
}

/// What is wanted and whose meter it is; the other meters of the customer, so that nobody takes one
/// for the other.
fn head(store: &Store, work: Option<WorkId>, values: &Values) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new(ErrandKind::Account, work);
    let meter = values.meter("meter")?;
    sheet.rows.push(Row::info("act", values.need("act")?).at(meter));
    if let Some(row) = store.meter(meter) {
        sheet.rows.push(Row::info("customer", row.customer));
        sheet.rows.push(Row::info("location", row.location));
    }
    for other in of_customer(store, meter).into_iter().filter(|other| *other != meter) {
        sheet.rows.push(Row::info("other-meter", "").at(other));
    }
    if let Some(reason) = values.get("reason") {
        sheet.rows.push(Row::info("reason", reason));
    }
    Ok(sheet)
}

/// All meters of this meter's customer, by the office's list; at least the meter itself.
pub fn of_customer(store: &Store, meter: MeterNo) -> Vec<MeterNo> {
    let customer = store.meter(meter).map(|row| row.customer).unwrap_or_default();
    let mut all = vec![meter];
    if !customer.is_empty() {
        let rows = store.find_meters(&customer, MOST_OF_CUSTOMER).into_iter();
        let own = rows.filter(|row| row.customer == customer).map(|row| row.no);
        all.extend(own.filter(|no| *no != meter));
        all.sort_unstable();
    }
    all
}

/// The list of a customer's meters, from the store alone.
fn customer(store: &Store, meter: MeterNo) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Account, None);
    // Only looked at: there is nothing to be begun.
    sheet.done = true;
    if let Some(row) = store.meter(meter) {
        sheet.rows.push(Row::info("customer", row.customer));
    }
    for no in of_customer(store, meter) {
        let Some(row) = store.meter(no) else { continue };
        let account = row.account.map(|account| account.to_string()).unwrap_or_default();
        let seen = row.seen.map(|seen| {
            let Shown { balance, overdraft, count } = seen.shown;
            let net = balance.with(balance.value.saturating_sub(overdraft));
            format!("  {net}  n={count}")
        });
        let value = format!("{account}{}  {}", seen.unwrap_or_default(), row.location);
        let open = store.open_intent(no).is_some();
        let sign = if open { Sign::Unknown } else { Sign::Info };
        sheet.rows.push(Row::new(sign, "account-meter", value).at(no));
    }
    sheet
}

/// No account is closed over money that may be on either side.
fn closable(store: &Store, meter: MeterNo) -> Result<(), Failure> {
    match store.open_intent(meter) {
        Some(open) => Err(fail(Code::IntentOpen, format!("{meter}: {}", open.facts.token))),
        None => Ok(()),
    }
}

fn open_account(seen: &Evidence) -> Result<(), Failure> {
    let open = seen.account.is_some();
    if open { Ok(()) } else { Err(fail(Code::AccountNotOpen, seen.meter.to_string())) }
}

/// Reads the account's side of a meter; `step`: the record of which purchase is wanted.
///
/// # Errors
/// Those of the line; a meter that does not give its account.
pub(super) fn look(
    line: &mut Line<'_>,
    stop: &Stop,
    step: Option<PurchaseCount>,
) -> Result<Seen, Failure> {
    let address = BusAddress::of(line.profile, &stop.place, stop.meter)?;
    evidence::take(line, stop.meter, &address, How { step, ..How::default() })
}

/// Writes a reading down.
fn keep(site: &Site<'_>, line: &Line<'_>, seen: Seen) -> Result<Option<Failure>, Failure> {
    let plain = line.profile.protocol == Protocol::Dlt645_2007;
    let Seen { evidence, items, took_ms, .. } = seen;
    let reading = Reading {
        meter: evidence.meter,
        items,
        profile: if plain { String::new() } else { line.profile.id.clone() },
        values: Vec::new(),
        read_at: evidence.read_at,
        took_ms,
        frames_digest: evidence.frames_digest,
        evidence: Some(evidence),
        shown: None,
    };
    let (alarm, kept) = back::keep(site.desk.store, &site.desk.stamp(line), reading);
    kept.map(|()| alarm)
}

/// What a closing reading says, as notes of its step; the evidence itself is the reading's entry.
fn closing_notes(seen: &Evidence) -> Vec<(String, String)> {
    let net = seen.balance.with(seen.balance.value.saturating_sub(seen.overdraft));
    let account = seen.account.map(|account| account.to_string());
    let energy = seen.energy.map(|energy| format!("{energy} kWh"));
    let notes = [
        ("account", account),
        ("energy", energy),
        ("count", Some(seen.count.to_string())),
        ("balance", Some(seen.balance.to_string())),
        ("overdraft", Some(Money(seen.overdraft).to_string())),
        ("to-refund", Some(net.to_string())),
    ];
    let given = notes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

fn closing_rows(notes: &[(String, String)]) -> Vec<Row> {
    notes.iter().map(|(name, value)| Row::new(Sign::Good, name, value.clone())).collect()
}

/// Whether a credit could be sent now.
fn usable(row: &TokenRow, now: UnixSeconds) -> bool {
    tokens::view(row, now).state == TokenStateView::Ready
}

/// What the doctor looks at. `seen` says how to read: which step's record is wanted.
fn triple(store: &Store, meter: MeterNo, now: UnixSeconds) -> Triple {
    let mut credits = store.tokens_for(meter);
    credits.retain(|row| CREDITS.contains(&row.facts.act));
    credits.sort_by_key(|row| row.facts.count_before);
    let next = credits.iter().find(|row| usable(row, now));
    let last = credits.iter().rfind(|row| row.state == TokenState::Accepted);
    let due = next.or(last).map(|row| Due {
        count_before: row.facts.count_before,
        credit: row.facts.credit,
        account: row.facts.account,
        used: match row.state {
            TokenState::Accepted => Used::Accepted,
            TokenState::NotApplied => Used::NotApplied,
            _ => Used::No,
        },
    });
    let unfinished = match store.open_intent(meter) {
        None => Unfinished::No,
        Some(open) if open.disputed => Unfinished::Disputed,
        Some(_) => Unfinished::Readable,
    };
    let known = store.meter(meter);
    let listed = known.as_ref().and_then(|row| row.account);
    Triple {
        listed,
        due,
        has_next: false,
        unfinished,
        seen_before: None,
        account: None,
        count: PurchaseCount(0),
        record: None,
    }
}

/// Reads the meter and names its state; journals the reading, changes nothing.
fn doctor(site: &Site<'_>, meter: MeterNo) -> Result<Sheet, Failure> {
    let store = site.desk.store;
    let now = site.moment().at;
    let mut triple = triple(store, meter, now);
    let before = store.meter(meter).and_then(|row| row.last);
    let step = triple.due.and_then(|due| due.count_before.next());
    let (seen, alarm) = site.on(meter, |line, stop| {
        let seen = look(line, stop, step)?;
        let alarm = keep(site, line, seen.clone())?;
        Ok((seen, alarm))
    })?;
    let evidence = &seen.evidence;
    (triple.account, triple.count, triple.record) = (evidence.account, evidence.count, seen.record);
    triple.seen_before =
        before.filter(|seen| seen.account == evidence.account).map(|seen| seen.count);
    let credits = store.tokens_for(meter).into_iter();
    let mut credits = credits.filter(|row| CREDITS.contains(&row.facts.act));
    triple.has_next =
        credits.any(|row| row.facts.count_before == evidence.count && usable(&row, now));
    let mut sheet = diagnosis(meter, &triple, evidence);
    let back = alarm.map(|alarm| Row::new(Sign::Bad, "swapped-out", "").at(meter).because(alarm));
    sheet.rows.extend(back);
    Ok(sheet)
}

/// The doctor's sheet: the three counts, the state, the one next step.
fn diagnosis(meter: MeterNo, triple: &Triple, seen: &Evidence) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Account, None);
    sheet.done = true;
    let state = count::judge(triple);
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let due = triple.due.map(|due| format!("{} -> {}", due.count_before, due.credit));
    let last = seen.last_purchase.map(|record| {
        let credit = seen.balance.with(record.amount);
        format!("{} -> {credit}", record.count)
    });
    let listed = triple.listed.map(|account| account.to_string());
    let account = triple.account.map(|account| account.to_string());
    sheet.rows = vec![
        Row::info("count-meter", triple.count.to_string()).at(meter),
        Row::info("count-token", text(due)),
        Row::info("last-record", text(last)),
        Row::info("balance", seen.balance.to_string()),
        Row::info("account-in-meter", text(account)),
        Row::info("account-listed", text(listed)),
        Row::new(sign(state.next()), "state", state.name()),
        Row::info("next-step", state.next().name()),
    ];
    sheet.done = true;
    sheet.exit = exit(state);
    sheet
}

fn sign(next: Next) -> Sign {
    match next {
        Next::Nothing | Next::Recharge => Sign::Good,
        Next::Sync | Next::Open => Sign::Warn,
        Next::Ask => Sign::Unknown,
        Next::Office => Sign::Bad,
    }
}

/// What a command ends with.
fn exit(state: State) -> Option<Code> {
    match state {
        State::Even | State::Ready | State::Booked | State::Chain => None,
        State::Unfinished | State::Disputed | State::BookedLate => Some(Code::IntentOpen),
        State::NotOpen => Some(Code::AccountNotOpen),
        State::OtherAccount => Some(Code::AccountOther),
        State::WentBack | State::Missing => Some(Code::CountBehind),
        State::SameAmount | State::Taken | State::NoRecord | State::Ahead => Some(Code::CountAhead),
    }
}

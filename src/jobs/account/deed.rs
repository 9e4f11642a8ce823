//! The money acts of a token: opening, refund, reversal.
//!
//! Where such an act stands is in the journal twice, and the money's own entries rule: the intent
//! and its outcome say what may be in the meter, the errand's step only says that it was this
//! errand. So an interruption at any point is carried on by looking at the token first.

use super::super::errand::{self, Answer, Ask, Row, Sheet, Sign, Site, Values};
use super::super::failure::fail;
use super::super::recharge::{self, Checked, QUIET_S};
use super::super::views::{Failure, FinishedView, PreflightView};
use super::super::{check, fallen, tokens};
use super::{head, usable};
use crate::report::Code;
use crate::store::{Step, Store, TokenState};
use crate::units::{
    Act, Decision, ErrandKind, MeterNo, Money, Outcome, StepState, TokenId, UnixSeconds, WorkId,
};

/// The step.
const MONEY: &str = "account-money";
const KIND: ErrandKind = ErrandKind::Account;

/// The acts of tokens that go with a word of the form.
fn acts(word: &str) -> Result<&'static [Act], Failure> {
    match word {
        "open" => Ok(&[Act::Open]),
        "refund" => Ok(&[Act::Refund]),
        "reverse" => Ok(&[Act::Reversal]),
        other => Err(fail(Code::FieldOdd, format!("act: {other}"))),
    }
}

/// The token of the form, or the only one there is for this act.
///
/// # Errors
/// [`Code::TokenUnknown`], [`Code::TokenAmbiguous`], [`Code::FieldOdd`].
pub(super) fn chosen(
    store: &Store,
    values: &Values,
    meter: MeterNo,
    now: UnixSeconds,
) -> Result<TokenId, Failure> {
    let acts = acts(values.need("act")?)?;
    if let Some(text) = values.get("token") {
        return text.parse().map_err(|_| fail(Code::FieldOdd, format!("token: {text}")));
    }
    let mut rows = store.tokens_for(meter);
    rows.retain(|row| acts.contains(&row.facts.act) && usable(row, now));
    match rows.as_slice() {
        [] => Err(fail(Code::TokenUnknown, meter.to_string())),
        [one] => Ok(one.facts.id),
        [one, two, ..] => {
            let both = format!("{} / {}", one.facts.id, two.facts.id);
            Err(fail(Code::TokenAmbiguous, both))
        }
    }
}

/// The first half, for a person to look at.
pub(super) fn plan(site: &Site<'_>, values: &Values, meter: MeterNo) -> Result<Sheet, Failure> {
    let store = site.desk.store;
    let token = chosen(store, values, meter, site.moment().at)?;
    let acts = acts(values.need("act")?)?;
    let (checked, access) = site.on(meter, |line, _| {
        let checked = recharge::preflight_act(site.desk, line, token, acts)?;
        Ok((checked, site.access(line.profile)))
    })?;
    let mut sheet = head(store, None, values)?;
    match checked {
        Checked::Ready(ready) => {
            sheet.rows.extend(undone_rows(store, token));
            sheet.rows.extend(view_rows(&ready.view));
            // Better known before the digits are asked for; it can still be typed on this page.
            let debit = acts.iter().all(|act| act.is_debit());
            let missing = access.err().filter(|_| debit);
            sheet.rows.extend(missing.map(|failure| {
                Row::new(Sign::Warn, "warned", failure.detail.clone()).because(failure)
            }));
        }
        // A late credit was found and written down: there is nothing to be done.
        Checked::Settled(settled) => {
            sheet.rows.push(Row::new(Sign::Good, MONEY, word(settled.decision)));
            sheet.exit = Some(Code::TokenUsed);
        }
    }
    Ok(sheet)
}

/// The one recharge that a reversal undoes: its token, and what this handheld knows of it.
fn undone_rows(store: &Store, token: TokenId) -> Vec<Row> {
    let Some(undone) = store.token(token).and_then(|row| tokens::undoes(store, &row)) else {
        return Vec::new();
    };
    let mut rows = vec![Row::info("undoes", undone.to_string())];
    // One that another handheld carried is the office's word alone.
    rows.extend(store.token(undone).map(|row| {
        let before = row.facts.count_before;
        let after = before.next().unwrap_or(before);
        Row::info("undoes-what", format!("{}  {before} -> {after}", row.facts.credit))
    }));
    rows
}

fn view_rows(view: &PreflightView) -> Vec<Row> {
    let seen = &view.evidence;
    let account = seen.account.map_or_else(|| "-".to_owned(), |account| account.to_string());
    let mut rows = vec![
        Row::info("token", view.token.id.to_string()).at(view.token.meter),
        Row::info("amount", view.token.credit.to_string()),
        Row::info("account-in-meter", account),
        Row::info("count-meter", seen.count.to_string()),
        Row::info("balance", seen.balance.to_string()),
        Row::info("overdraft", Money(seen.overdraft).to_string()),
        Row::info("balance-after", view.expected_balance.to_string()),
    ];
    let warn = |failure: &Failure| {
        Row::new(Sign::Warn, "warned", failure.detail.clone()).because(failure.clone())
    };
    rows.extend(view.warnings.iter().map(warn));
    rows
}

/// Goes on from where the token stands.
pub(super) fn advance(
    site: &Site<'_>,
    work: WorkId,
    values: &Values,
    (answer, sheet): (&Answer, Sheet),
    tell: &mut dyn FnMut(&Sheet),
) -> Result<Sheet, Failure> {
    let store = site.desk.store;
    let meter = values.meter("meter")?;
    let token: TokenId =
        values.need("token")?.parse().map_err(|_| fail(Code::FieldOdd, "token"))?;
    let row = store.token(token).ok_or_else(|| fail(Code::TokenUnknown, token.to_string()))?;
    let begun = store.step(work, Some(meter), MONEY).map(|row| row.step.state);
    let sent = matches!(begun, Some(StepState::Begun | StepState::Unknown));
    let case = Case { site, work, values, meter, token };
    match row.state {
        TokenState::Intent => case.ask_meter(),
        TokenState::Disputed => case.end(Decision::Contradiction, Vec::new()),
        // It ended, and the errand's own entry is missing: a kill in between.
        TokenState::Accepted if sent => case.end(Decision::Confirmed, Vec::new()),
        TokenState::NotApplied if sent => case.end(Decision::NotApplied, Vec::new()),
        TokenState::Raced if sent => case.end(Decision::Raced, Vec::new()),
        TokenState::Withdrawn if sent => case.end(Decision::NotApplied, Vec::new()),
        TokenState::Cached | TokenState::NotApplied => match answer.text() {
            None => Ok(Sheet { ask: Ask::Digits(meter), ..sheet }),
            Some(digits) => case.send(digits, tell),
        },
        TokenState::Accepted | TokenState::Raced | TokenState::Withdrawn => {
            Err(fail(Code::TokenUsed, token.to_string()))
        }
    }
}

/// One act that is carried on.
struct Case<'a> {
    site: &'a Site<'a>,
    work: WorkId,
    values: &'a Values,
    meter: MeterNo,
    token: TokenId,
}

impl Case<'_> {
    fn step(&self, state: StepState, notes: Vec<(String, String)>) -> Result<(), Failure> {
        self.site.step((self.work, KIND), Some(self.meter), MONEY, state, notes)
    }

    /// Both halves again, with fresh evidence: what the person saw may be old.
    fn send(&self, digits: &str, tell: &mut dyn FnMut(&Sheet)) -> Result<Sheet, Failure> {
        check::digits(digits, self.meter)?;
        let desk = self.site.desk;
        let acts = acts(self.values.need("act")?)?;
        let done = self.site.on(self.meter, |line, _| {
            let ready = match recharge::preflight_act(desk, line, self.token, acts)? {
                Checked::Ready(ready) => ready,
                Checked::Settled(settled) => return Ok(*settled),
            };
            let (begun, stamp) = ((MONEY, StepState::Begun), desk.stamp(line));
            let id = (self.work, KIND);
            errand::step(desk.store, &stamp, id, Some(self.meter), begun, Vec::new())?;
            // What a person sees while it goes on: that it has begun, not how it failed before.
            tell(&self.shown()?);
            // Without a password a debit is refused before anything is sent.
            let access = self.site.access(line.profile).ok();
            recharge::commit_act(&ready, digits, desk, line, access.as_ref())
        });
        match done {
            Ok(finished) => self.end(finished.decision, notes(&finished)),
            Err(failure) => {
                let row = desk.store.token(self.token);
                let open = row.is_some_and(|row| row.state == TokenState::Intent);
                if !open && failure.code != Code::Cancelled {
                    self.step(StepState::Failed, reason(&failure))?;
                }
                Err(failure)
            }
        }
    }

    /// "What happened?"
    fn ask_meter(&self) -> Result<Sheet, Failure> {
        let desk = self.site.desk;
        let done = self.site.on(self.meter, |line, _| recharge::resolve(desk, line, self.meter));
        match done {
            Ok(finished) => self.end(finished.decision, notes(&finished)),
            // The line says nothing: as unknown as before, and asked again.
            Err(failure) if failure.code != Code::Cancelled => {
                self.step(StepState::Unknown, reason(&failure))?;
                self.waiting()
            }
            Err(failure) => Err(failure),
        }
    }

    /// Writes down what was decided.
    fn end(&self, decision: Decision, notes: Vec<(String, String)>) -> Result<Sheet, Failure> {
        let mut notes = notes;
        if decision.outcome() == Outcome::Unknown {
            notes.extend(fallen::notes(self.site, self.meter, self.token));
        }
        notes.insert(0, ("decision".to_owned(), word(decision).to_owned()));
        let (state, whole) = match decision.outcome() {
            Outcome::Accepted => (StepState::Done, Some(StepState::Done)),
            Outcome::Refused => (StepState::Refused, Some(StepState::Refused)),
            Outcome::Unknown if decision.may_resolve_by_reading() => (StepState::Unknown, None),
            Outcome::Unknown => (StepState::Unknown, Some(StepState::Unknown)),
        };
        self.step(state, notes)?;
        let Some(whole) = whole else { return self.waiting() };
        let id = (self.work, KIND);
        self.site.step(id, None, Step::WHOLE, whole, self.values.notes())?;
        let mut sheet = self.shown()?;
        sheet.exit = match whole {
            StepState::Done => None,
            StepState::Unknown => Some(Code::IntentOpen),
            _ => Some(Code::WorkPartial),
        };
        Ok(sheet)
    }

    fn shown(&self) -> Result<Sheet, Failure> {
        let store = self.site.desk.store;
        let mut sheet = head(store, Some(self.work), self.values)?;
        rows(store, (self.work, self.meter), &mut sheet);
        sheet.done = super::ended(store, self.work);
        Ok(sheet)
    }

    /// Unknown, and only reading again can tell.
    fn waiting(&self) -> Result<Sheet, Failure> {
        let mut sheet = self.shown()?;
        if let Some(open) = self.site.desk.store.open_intent(self.meter) {
            let left = open.at.0.saturating_add(QUIET_S).saturating_sub(self.site.moment().at.0);
            if open.facts.act.is_debit() && left > 0 {
                let minutes = left.saturating_add(59) / 60;
                sheet.rows.push(Row::new(Sign::Warn, "account-quiet", minutes.to_string()));
            }
        }
        sheet.ask = Ask::Go("account-ask-meter");
        sheet.exit = Some(Code::IntentOpen);
        Ok(sheet)
    }
}

/// What the journal knows of the act.
pub(super) fn rows(store: &Store, (work, meter): (WorkId, MeterNo), sheet: &mut Sheet) {
    let values = errand::wanted(store, work, KIND).unwrap_or_default();
    let token = values.get("token").and_then(|text| text.parse().ok());
    if let Some(row) = token.and_then(|token: TokenId| store.token(token)) {
        let view = tokens::view(&row, UnixSeconds(0));
        sheet.rows.push(Row::info("token", view.id.to_string()));
        sheet.rows.extend(undone_rows(store, view.id));
        sheet.rows.push(Row::info("amount", view.credit.to_string()));
    }
    let Some(row) = store.step(work, Some(meter), MONEY) else { return };
    let note = |name: &str| {
        let found = row.step.notes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    let shown = Row::new(Sign::of(row.step.state), MONEY, note("decision").unwrap_or_default());
    let code = note("code").and_then(|code| Code::named(&code));
    let shown = shown.at(meter);
    sheet.rows.push(match code {
        Some(code) => shown.because(fail(code, note("detail").unwrap_or_default())),
        None => shown,
    });
    for name in ["balance-before", "balance-after", "journal-entry"] {
        sheet.rows.extend(note(name).map(|value| Row::info(name, value)));
    }
    sheet.rows.extend(fallen::rows(&row.step.notes, meter));
    sheet.exit = match row.step.state {
        StepState::Unknown | StepState::Begun => Some(Code::IntentOpen),
        StepState::Refused | StepState::Failed => Some(Code::WorkPartial),
        StepState::Done | StepState::Skipped => None,
    };
}

/// What an act came to, as notes of its step.
fn notes(finished: &FinishedView) -> Vec<(String, String)> {
    let after = finished.after.as_ref().map(|seen| seen.balance.to_string());
    let notes = [
        ("balance-before", Some(finished.before.balance.to_string())),
        ("balance-after", after),
        ("journal-entry", Some(finished.journal_seq.to_string())),
    ];
    let given = notes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

fn reason(failure: &Failure) -> Vec<(String, String)> {
    let code = ("code".to_owned(), failure.code.as_str().to_owned());
    vec![code, ("detail".to_owned(), failure.detail.clone())]
}

/// A decision's stable word.
fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Confirmed => "act-confirmed",
        Decision::ConfirmedWeak => "act-confirmed-weak",
        Decision::NotApplied => "act-not-applied",
        Decision::Raced => "act-raced",
        Decision::TornWrite => "act-torn",
        Decision::Reset => "act-reset",
        Decision::Contradiction => "act-contradiction",
        Decision::Unreachable => "act-unknown",
    }
}

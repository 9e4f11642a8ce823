//! Check 4: every money act. An outcome is believed for its evidence alone: the decision table
//! ([`crate::jobs::judge`]) is asked again about what the journal recorded.
//!
//! On the way every token's fate is noted down, and what each operator did: the later checks work
//! on these.

use super::documents::Documents;
use super::finding::{Findings, Reason};
use super::journal::Journal;
use super::rights::{Rights, Stand};
use crate::jobs::judge::{Limits, judge};
use crate::store::Withdrawal;
use crate::sync::wire::{Entry, Event};
use crate::units::{
    Act, Decision, Evidence, IntentFacts, Judgement, MeterNo, Outcome, TokenId, UnixSeconds, Verb,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A place in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which journal of the set.
    pub journal: usize,
    /// Which entry.
    pub seq: u64,
    /// When, by the handheld's clock.
    pub at: UnixSeconds,
}

/// What became of a token, as the journals tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fate {
    /// Whether a handheld took it in.
    pub imported: bool,
    /// Where its recharge was begun first.
    pub begun: Option<Place>,
    /// Where it was accepted.
    pub accepted: Option<Place>,
    /// Where a recharge with it stands open.
    pub open: Option<Place>,
    /// The last decision.
    pub last: Option<Decision>,
    /// What the office said of an open one: booked or not.
    pub resolved: Option<bool>,
    /// Why the office took it back.
    pub withdrawn: Option<Withdrawal>,
}

/// What one operator did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Recharges begun.
    pub acts: usize,
    /// Of these accepted.
    pub accepted: usize,
    /// Of these refused: not in the meter, by read-back.
    pub refused: usize,
    /// Recharges refused before anything was sent.
    pub before: usize,
}

impl Tally {
    /// Recharges whose outcome is not known or disputed.
    pub fn unknown(&self) -> usize {
        self.acts.saturating_sub(self.accepted + self.refused)
    }
}

/// What the journals tell of tokens and operators.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Every token some journal names.
    pub fates: BTreeMap<TokenId, Fate>,
    /// Every operator who began a recharge, or had one refused.
    pub operators: BTreeMap<String, Tally>,
}

/// What money acts are measured against.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The most consumption can do to a balance.
    pub limits: Limits,
    /// How far a handheld's clock may be off, seconds.
    pub tolerance_s: i64,
}

/// Reads all journals' money acts.
pub fn read(
    journals: &[Journal],
    documents: &Documents,
    rules: Rules,
    found: &mut Findings,
) -> Story {
    let mut story = Story::default();
    let mut used = HashSet::new();
    for (at, journal) in journals.iter().enumerate() {
        let rights = Rights::new(journal, documents, rules.tolerance_s, &mut used);
        let mut walk = Walk {
            journal,
            documents,
            rules,
            found: &mut *found,
            story: &mut story,
            index: at,
            rights,
            dead: HashMap::new(),
            open: HashMap::new(),
        };
        journal.entries.iter().for_each(|entry| walk.entry(entry));
    }
    story
}

/// A recharge that is open.
struct Intent {
    facts: IntentFacts,
    before: Evidence,
    operator: String,
}

struct Walk<'a, 'f> {
    journal: &'a Journal,
    documents: &'a Documents,
    rules: Rules,
    found: &'f mut Findings,
    story: &'f mut Story,
    index: usize,
    rights: Rights<'a, 'f>,
    /// Tokens that may not be used any more, and why.
    dead: HashMap<TokenId, &'static str>,
    open: HashMap<MeterNo, Intent>,
}

impl Walk<'_, '_> {
    fn add(&mut self, reason: Reason, seq: u64, detail: impl ToString) {
        self.found.add(reason, self.journal.place(seq), detail);
    }

    fn fate(&mut self, token: TokenId) -> &mut Fate {
        self.story.fates.entry(token).or_default()
    }

    fn entry(&mut self, entry: &Entry) {
        if let Err(why) = self.rights.follow(entry) {
            self.add(Reason::OverrideBad, entry.seq, why);
        }
        match &entry.event {
            Event::TokenImported { token, .. } => self.fate(token.id).imported = true,
            Event::SwapFixed(fixed) => self.fate(fixed.token()).imported = true,
            Event::TokenWithdrawn { id, reason, .. } => {
                // A leave itself moves nothing; what may not be used any more are its legs.
                if !self.documents.swaps.contains_key(id) {
                    self.fate(*id).withdrawn = Some(*reason);
                }
                self.dead.insert(*id, "withdrawn");
            }
            Event::Revoked { ids, .. } => {
                self.dead.extend(ids.iter().map(|id| (*id, "revoked")));
            }
            Event::Refused { .. } => self.tally(&entry.operator).before += 1,
            Event::Intent { facts, before } => self.intent(entry, facts, before),
            Event::Resend { token, after_read } => self.resend(entry, *token, after_read),
            Event::Outcome { token, meter, judgement } => {
                self.outcome(entry, *token, *meter, judgement);
            }
            Event::Resolved { token, meter, booked, .. } => {
                let fate = self.fate(*token);
                fate.resolved = Some(*booked);
                fate.open = None;
                self.open.remove(meter);
                self.dead.insert(*token, "settled by the office");
            }
            _ => {}
        }
    }

    fn tally(&mut self, operator: &str) -> &mut Tally {
        if !self.story.operators.contains_key(operator) {
            self.story.operators.insert(operator.to_owned(), Tally::default());
        }
        self.story.operators.entry(operator.to_owned()).or_default()
    }

    fn intent(&mut self, entry: &Entry, facts: &IntentFacts, before: &Evidence) {
        let (seq, token) = (entry.seq, facts.token);
        self.token_fits(entry, facts);
        if let Some(wrong) = preflight(facts, before) {
            self.add(Reason::Preflight, seq, wrong);
        }
        if self.open.get(&facts.meter).is_some_and(|open| open.facts.token != token) {
            self.add(Reason::MeterBusy, seq, facts.meter);
        }
        let leave = self.documents.tokens.get(&token).and_then(|token| token.leg);
        let dead = |id: &TokenId| self.dead.get(id).copied();
        if let Some(why) = dead(&token).or_else(|| dead(&leave?.0)) {
            self.add(Reason::TakenBack, seq, why);
        }
        if !self.fate(token).imported {
            self.add(Reason::NotImported, seq, token);
        }
        // A leg of a swap, its opening too, is what the right to swap covers.
        let verb = leave.map_or(facts.act.verb(), |_| Verb::Swap);
        match self.rights.stand(entry, facts.meter, verb) {
            Stand::Good => {}
            Stand::NobodyIn => self.add(Reason::NoLogIn, seq, &entry.operator),
            Stand::NotAllowed(why) => self.add(Reason::NoGrant, seq, why),
        }
        self.tally(&entry.operator).acts += 1;
        let place = Place { journal: self.index, seq, at: entry.at };
        let fate = self.fate(token);
        fate.begun.get_or_insert(place);
        fate.open = Some(place);
        let (before, operator) = (before.clone(), entry.operator.clone());
        self.open.insert(facts.meter, Intent { facts: *facts, before, operator });
    }

    /// The intent is for what the token says, within its time.
    fn token_fits(&mut self, entry: &Entry, facts: &IntentFacts) {
        // A token nobody issued is the sums' finding.
        let Some(token) = self.documents.tokens.get(&facts.token) else { return };
        let says = &token.facts;
        if says.intent() != *facts {
            self.add(Reason::IntentFacts, entry.seq, facts.token);
        }
        // The handheld goes by the latest time it knows, which may be a little beyond its clock.
        let (early, late) = (
            entry.at.0.saturating_add(self.rules.tolerance_s) < says.not_before.0,
            entry.at.0.saturating_sub(self.rules.tolerance_s) >= says.expires.0,
        );
        if early || late {
            let times = format!("{} not in {}..{}", entry.at.0, says.not_before.0, says.expires.0);
            self.add(Reason::OutOfTime, entry.seq, times);
        }
    }

    fn resend(&mut self, entry: &Entry, token: TokenId, after: &Evidence) {
        let open = self.open.get(&after.meter).filter(|open| open.facts.token == token);
        let allowed = open.is_some_and(|open| {
            self.judged(&open.facts, &open.before, after, self.rules.limits) == Decision::NotApplied
        });
        if !allowed {
            self.add(Reason::ResendBad, entry.seq, token);
        }
    }

    fn outcome(&mut self, entry: &Entry, token: TokenId, meter: MeterNo, says: &Judgement) {
        let seq = entry.seq;
        let open = self.open.remove(&meter).filter(|open| open.facts.token == token);
        match &open {
            None => self.add(Reason::NoIntent, seq, token),
            Some(open) => {
                if let Some((reason, why)) = self.weigh(open, says) {
                    self.add(reason, seq, why);
                }
            }
        }
        let decision = says.decision;
        let place = Place { journal: self.index, seq, at: entry.at };
        let fate = self.fate(token);
        fate.last = Some(decision);
        if !decision.keeps_intent_open() {
            fate.open = None;
        }
        let operator = open.as_ref().map_or(&entry.operator, |open| &open.operator);
        match decision.outcome() {
            Outcome::Accepted => {
                fate.accepted.get_or_insert(place);
                self.dead.insert(token, "used");
                self.tally(operator).accepted += 1;
            }
            Outcome::Refused => self.tally(operator).refused += 1,
            Outcome::Unknown => self.open.extend(open.map(|open| (meter, open))),
        }
    }

    fn judged(
        &self,
        facts: &IntentFacts,
        before: &Evidence,
        after: &Evidence,
        limits: Limits,
    ) -> Decision {
        judge(facts, before, Some(after), after.last_purchase, None, limits).decision
    }

    /// What the recorded evidence says about the recorded decision.
    fn weigh(&self, open: &Intent, says: &Judgement) -> Option<(Reason, String)> {
        let recorded = says.decision;
        let Some(after) = &says.after else {
            let nothing = || "no read-back".to_owned();
            return match recorded.outcome() {
                Outcome::Accepted => Some((Reason::ReadBack, nothing())),
                Outcome::Refused => Some((Reason::Denied, nothing())),
                Outcome::Unknown => None,
            };
        };
        let judged = self.judged(&open.facts, &open.before, after, self.rules.limits);
        let pair = format!("{recorded:?}, evidence says {judged:?}");
        let before = open.facts.count_before;
        let credits = !open.facts.act.is_debit() && open.facts.credit.value > 0;
        let step = if credits { before.next() } else { Some(before) };
        // With later purchases the newest record is not ours, and ours is not in this entry.
        let record = after.last_purchase.filter(|_| credits);
        let ours = record.is_some_and(|record| Some(record.count) == step);
        let hidden = Some(after.count) > step && !ours && after.account == Some(open.facts.account);
        match (recorded.outcome(), judged.outcome()) {
            (Outcome::Accepted, Outcome::Accepted) => {
                let strong = recorded == Decision::Confirmed && judged == Decision::Confirmed;
                (!strong).then_some((Reason::Weak, pair))
            }
            (Outcome::Accepted | Outcome::Refused, _) if hidden => Some((Reason::Hidden, pair)),
            (Outcome::Accepted, _) => Some((Reason::ReadBack, pair)),
            (Outcome::Refused, Outcome::Refused) => {
                (recorded != judged).then_some((Reason::OtherDecision, pair))
            }
            (Outcome::Refused, _) => Some((Reason::Denied, pair)),
            // The handheld knew its meter's price, so its window may have been narrower than ours:
            // only evidence that leaves no room at all speaks against a doubt.
            (Outcome::Unknown, Outcome::Accepted) => {
                let tight = Limits { price_fen_per_kwh: 0, power_w: 0 };
                let sure = self.judged(&open.facts, &open.before, after, tight);
                (sure == Decision::Confirmed).then_some((Reason::Denied, pair))
            }
            (Outcome::Unknown, Outcome::Refused) => Some((Reason::OtherDecision, pair)),
            (Outcome::Unknown, Outcome::Unknown) => None,
        }
    }
}

/// What of the meter before the recharge does not fit the token.
fn preflight(facts: &IntentFacts, before: &Evidence) -> Option<&'static str> {
    if before.meter != facts.meter {
        Some("meter")
    } else if before.account != Some(facts.account) && facts.act != Act::Open {
        // What is opened belongs to nobody before, or to somebody else.
        Some("account")
    } else if before.count != facts.count_before {
        Some("count")
    } else if before.balance.unit != facts.credit.unit {
        Some("unit")
    } else {
        None
    }
}

//! Who was logged in at a money act, and whether that person was allowed to do it.

use super::documents::Documents;
use super::journal::Journal;
use crate::sync::wire::{Entry, Event};
use crate::units::{MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verb, Verbs};
use meterkit_tokens::Grant;
use std::collections::{HashMap, HashSet};

/// Whether an act was somebody's to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Yes.
    Good,
    /// Nobody was logged in, or somebody else.
    NobodyIn,
    /// The person was not allowed to; why.
    NotAllowed(&'static str),
}

/// Follows log-ins, grants and overrides through one journal.
pub struct Rights<'a, 'u> {
    journal: &'a Journal,
    documents: &'a Documents,
    tolerance_s: i64,
    session: Option<(OperatorId, TokenId)>,
    /// The newest grant of each operator the handheld took in: when it was signed, and which.
    grants: HashMap<OperatorId, (UnixSeconds, TokenId)>,
    revoked: HashSet<TokenId>,
    /// Overrides written down as used, each good for one act: by meter.
    allowed: HashMap<MeterNo, (Verb, String)>,
    /// Overrides used in any journal.
    used: &'u mut HashSet<TokenId>,
}

impl<'a, 'u> Rights<'a, 'u> {
    /// At the beginning of a journal.
    pub fn new(
        journal: &'a Journal,
        documents: &'a Documents,
        tolerance_s: i64,
        used: &'u mut HashSet<TokenId>,
    ) -> Self {
        let (session, grants) = (None, HashMap::new());
        let (revoked, allowed) = (HashSet::new(), HashMap::new());
        Self { journal, documents, tolerance_s, session, grants, revoked, allowed, used }
    }

    /// Whether a moment lies in a document's time, as far as clocks agree.
    fn within(&self, at: UnixSeconds, not_before: i64, expires: i64) -> bool {
        at.0.saturating_add(self.tolerance_s) >= not_before
            && at.0.saturating_sub(self.tolerance_s) < expires
    }

    /// Takes in the next entry. `Err` says what is wrong with an override.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), &'static str> {
        match &entry.event {
            Event::LoggedIn { operator, grant, .. } => {
                self.session = Some((operator.clone(), *grant));
            }
            Event::LoggedOut { .. } => self.session = None,
            Event::GrantTaken { id, operator, issued, .. } => {
                let newest = self.grants.entry(operator.clone()).or_insert((*issued, *id));
                *newest = (*newest).max((*issued, *id));
            }
            Event::Revoked { ids, .. } => self.revoked.extend(ids),
            Event::OverrideUsed { id, verb, meter } => {
                self.allowed.insert(*meter, (*verb, entry.operator.clone()));
                return self.over_ride(entry, *id, *verb, *meter);
            }
            _ => {}
        }
        Ok(())
    }

    fn over_ride(
        &mut self,
        entry: &Entry,
        id: TokenId,
        verb: Verb,
        meter: MeterNo,
    ) -> Result<(), &'static str> {
        if !self.used.insert(id) {
            return Err("used twice");
        }
        let over = self.documents.overrides.get(&id).ok_or("unknown")?;
        let verbs = Verbs::from_bits(over.verbs).unwrap_or_default();
        if over.meter != meter.bcd() {
            Err("another meter")
        } else if over.device != self.journal.device.as_str() {
            Err("another handheld")
        } else if over.operator != entry.operator {
            Err("another operator")
        } else if !self.within(entry.at, over.not_before, over.expires) {
            Err("not at that time")
        } else if self.revoked.contains(&id) {
            Err("revoked")
        } else if !verbs.has(verb) {
            Err("another act")
        } else {
            Ok(())
        }
    }

    /// Whether a money act of this kind at a meter is the logged-in person's to do.
    pub fn stand(&mut self, entry: &Entry, meter: MeterNo, verb: Verb) -> Stand {
        let Some((operator, at_log_in)) = &self.session else { return Stand::NobodyIn };
        if operator.as_str() != entry.operator {
            return Stand::NobodyIn;
        }
        let over = self.allowed.remove(&meter);
        let over = over.is_some_and(|(of, by)| of == verb && by == entry.operator);
        // A grant that came after the log-in counts from then on.
        let grant = self.grants.get(operator).map_or(at_log_in, |(_, grant)| grant);
        let Some(found) = self.documents.grants.get(grant) else {
            return Stand::NotAllowed("no grant");
        };
        match self.refuses(found, (operator, verb), entry, meter) {
            // An override lifts role and area, never the grant itself.
            Some("role" | "area") if over => Stand::Good,
            Some(why) => Stand::NotAllowed(why),
            None => Stand::Good,
        }
    }

    fn refuses(
        &self,
        grant: &Grant,
        (operator, verb): (&OperatorId, Verb),
        entry: &Entry,
        meter: MeterNo,
    ) -> Option<&'static str> {
        let role = Role::from_number(i64::from(grant.role));
        let verbs = Verbs::from_bits(grant.verbs).unwrap_or_default();
        let may = role.is_some_and(|role| verbs.and(role.verbs()).has(verb));
        // Which meter lies in which area is not in the set; a grant by areas is taken at its word.
        let here = grant.meters.contains(&meter.bcd()) || !grant.areas.is_empty();
        if grant.operator != operator.as_str() || grant.device != self.journal.device.as_str() {
            Some("a grant of somebody else")
        } else if !self.within(entry.at, grant.not_before, grant.expires) {
            Some("grant not in force")
        } else if self.revoked.contains(&TokenId(grant.id)) {
            Some("grant revoked")
        } else if !may {
            Some("role")
        } else if !here && !grant.meters.is_empty() {
            Some("area")
        } else {
            None
        }
    }
}

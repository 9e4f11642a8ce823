//! Whether a money act in a journal was within the limits its handheld knew then.
//!
//! One of these a pack: what was exposed before the pack is added up once, the pack's own acts on
//! top of it one by one.

use super::ahead::{Ahead, Asked};
use super::error::OfficeError;
use super::ledger::Conn;
use crate::units::{Caps, Credit, Exposure, Limit, UnixSeconds};

/// A money act as its journal shows it.
pub(super) struct Act<'a> {
    pub seq: u64,
    pub operator: &'a str,
    /// The handheld's time.
    pub at: UnixSeconds,
    pub credit: Credit,
    /// What the handheld knew: how far we hold its journal, and the status in force.
    pub acked: u64,
    pub status: u64,
}

/// A money act of this pack.
struct Done {
    seq: u64,
    operator: String,
    at: UnixSeconds,
    credit: Credit,
}

/// What one handheld's limits are judged by, for one pack.
pub(super) struct Watch {
    /// What is known, and what was asked for that; nothing once the journal shows something else.
    known: Option<Ahead>,
    asked: Asked,
    done: Vec<Done>,
}

impl Watch {
    /// For a pack of which this is known.
    pub fn new(asked: Asked, known: Ahead) -> Self {
        Self { known: Some(known), asked, done: Vec::new() }
    }

    /// The journal shows another grant or status.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Counts an act of this pack; with what its token is worth, not what the entry says.
    pub fn add(&mut self, act: &Act<'_>, credit: Credit) {
        let operator = act.operator.to_owned();
        self.done.push(Done { seq: act.seq, operator, at: act.at, credit });
    }

    /// The first hard limit that was passed with an act, as far as the handheld knew then: with
    /// what its journal shows after the last receipt it had. `true` with one of the operator's.
    pub async fn passed(
        &mut self,
        conn: &mut Conn,
        act: &Act<'_>,
    ) -> Result<Option<(bool, Limit)>, OfficeError> {
        let acked = if self.reads_before(act) { act.acked } else { self.asked.acked };
        let asked = Asked { acked, status: act.status, ..self.asked.clone() };
        let known = match self.known.take().filter(|_| asked == self.asked) {
            Some(known) => known,
            None => Ahead::read(conn, &asked).await?,
        };
        self.asked = asked;
        let passed = self.judge(&known, act);
        self.known = Some(known);
        Ok(passed)
    }

    /// Whether something that was here before the pack counts for an act: the handheld may have
    /// shown since that all of it was acknowledged.
    fn reads_before(&self, act: &Act<'_>) -> bool {
        act.acked.saturating_add(1) < self.asked.fresh
    }

    fn judge(&self, known: &Ahead, act: &Act<'_>) -> Option<(bool, Limit)> {
        // Of the operator, what his newest grant says that the journal shows before the act.
        let mut newest_first = known.grants.iter().rev();
        let grant = newest_first.find(|one| one.operator == act.operator && one.taken < act.seq);
        let over = |caps: &Caps, operator: Option<&str>| {
            let exposure = self.exposure(known, act, operator).plus(act.credit, act.at);
            Some((operator.is_some(), caps.exceeded(&exposure, act.at)?))
        };
        over(&known.caps, None)
            .or_else(|| grant.and_then(|grant| over(&grant.caps, Some(act.operator))))
    }

    /// What was not acknowledged when the act was done; of one operator, or of all.
    fn exposure(&self, known: &Ahead, act: &Act<'_>, operator: Option<&str>) -> Exposure {
        let mine = |name: &str| operator.is_none_or(|operator| operator == name);
        let mut sum = Exposure::default();
        let before = known.before.iter().filter(|(name, _)| self.reads_before(act) && mine(name));
        for (_, part) in before {
            sum.acts = sum.acts.saturating_add(part.acts);
            sum.yuan = sum.yuan.saturating_add(part.yuan);
            sum.kwh = sum.kwh.saturating_add(part.kwh);
            sum.oldest = [sum.oldest, part.oldest].into_iter().flatten().min();
        }
        let since = |done: &&Done| done.seq > act.acked && done.seq < act.seq;
        let done = self.done.iter().filter(since).filter(|done| mine(&done.operator));
        done.fold(sum, |sum, done| sum.plus(done.credit, done.at))
    }
}

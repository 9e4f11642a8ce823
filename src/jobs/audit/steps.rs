//! Check 5: every meter account's steps against what the meters themselves showed.

use super::World;
use super::acts::Place;
use super::finding::{Findings, Reason};
use crate::units::{
    AccountNo, Credit, MeterNo, PurchaseCount, PurchaseRecord, TokenId, UnixSeconds,
};
use std::collections::{BTreeMap, HashMap};

/// One meter account: one life of a meter.
pub type Purse = (MeterNo, AccountNo);

/// A settled step.
struct Settled {
    token: TokenId,
    credit: Credit,
    place: Place,
}

/// What somebody saw of a meter account.
struct Seen<'a> {
    at: UnixSeconds,
    count: PurchaseCount,
    record: Option<(PurchaseCount, i64)>,
    name: Name<'a>,
}

/// Where it was seen; the text is made only when it is needed.
enum Name<'a> {
    Entry(usize, u64),
    Row(&'a str),
}

/// Check 5.
pub fn check(world: &World, tolerance_s: i64, found: &mut Findings) {
    let settled = settled(world, found);
    gaps(world, &settled, found);
    let highest = highest(world);
    let mut seen = seen(world);
    for (purse, sights) in &mut seen {
        sights.sort_by_key(|sight| sight.at);
        let none = BTreeMap::new();
        let steps = settled.get(purse).unwrap_or(&none);
        let case = Case { world, purse: *purse, steps, tolerance_s };
        case.records(sights, found);
        case.counts(sights, highest.get(purse).copied(), found);
    }
}

/// The settled steps of every account, each once.
fn settled(world: &World, found: &mut Findings) -> HashMap<Purse, BTreeMap<u32, Settled>> {
    let mut all: HashMap<Purse, BTreeMap<u32, Settled>> = HashMap::new();
    for (id, fate) in &world.story.fates {
        let token = world.documents.tokens.get(id).filter(|token| token.takes_step());
        let Some(token) = token else { continue };
        let Some(place) = fate.accepted.filter(|_| fate.resolved != Some(false)) else { continue };
        let facts = &token.facts;
        let Some(step) = facts.count_before.next() else { continue };
        let steps = all.entry((facts.meter, facts.account)).or_default();
        let settled = Settled { token: *id, credit: facts.credit, place };
        if let Some(first) = steps.get(&step.0) {
            let subject = format!("{} {} {}", facts.meter, facts.account, step.0);
            found.add(Reason::StepTwice, subject, format!("{} {id}", first.token));
        } else {
            steps.insert(step.0, settled);
        }
    }
    all
}

/// Between two settled steps every step is settled, or at least some token's.
fn gaps(world: &World, settled: &HashMap<Purse, BTreeMap<u32, Settled>>, found: &mut Findings) {
    let mut tokens: HashMap<Purse, Vec<u32>> = HashMap::new();
    for token in world.documents.tokens.values().filter(|token| token.takes_step()) {
        let purse = (token.facts.meter, token.facts.account);
        tokens.entry(purse).or_default().extend(token.facts.count_before.next().map(|c| c.0));
    }
    for known in tokens.values_mut() {
        known.sort_unstable();
        known.dedup();
    }
    let mut purses: Vec<_> = settled.iter().collect();
    purses.sort_by_key(|(purse, _)| **purse);
    for (purse, steps) in purses {
        let known = tokens.get(purse).map_or(&[][..], Vec::as_slice);
        for (one, next) in steps.keys().zip(steps.keys().skip(1)) {
            // Counts are free numbers: a hole can be as wide as they are, so it is not walked.
            let from = known.partition_point(|step| step <= one);
            let to = known.partition_point(|step| step < next);
            if to.saturating_sub(from) < (next - one - 1) as usize {
                let subject = format!("{} {}", purse.0, purse.1);
                found.add(Reason::StepGap, subject, format!("{}..{}", one + 1, next - 1));
            }
        }
    }
}

/// The highest step any token could have taken a meter account to.
fn highest(world: &World) -> HashMap<Purse, u32> {
    let mut highest: HashMap<Purse, u32> = HashMap::new();
    for token in world.documents.tokens.values() {
        let facts = &token.facts;
        let after = facts.count_before.next().filter(|_| token.takes_step());
        let step = match after {
            Some(step) => step.0,
            None if token.takes_step() => u32::MAX,
            // A debit, or an account opened without money, leaves the count as it is.
            None => facts.count_before.0,
        };
        let most = highest.entry((facts.meter, facts.account)).or_default();
        *most = step.max(*most);
    }
    highest
}

/// Everything anybody saw, by meter account: the journals' evidence and the readings of others.
fn seen(world: &World) -> BTreeMap<Purse, Vec<Seen<'_>>> {
    let mut all: BTreeMap<Purse, Vec<Seen<'_>>> = BTreeMap::new();
    for (at, journal) in world.journals.iter().enumerate() {
        for entry in &journal.entries {
            let Some(evidence) = entry.event.evidence() else { continue };
            let Some(account) = evidence.account else { continue };
            let record = evidence.last_purchase;
            all.entry((evidence.meter, account)).or_default().push(Seen {
                at: evidence.read_at,
                count: evidence.count,
                record: record.map(|record: PurchaseRecord| (record.count, record.amount)),
                name: Name::Entry(at, entry.seq),
            });
        }
    }
    for read in &world.reads {
        let (at, count, record) = (read.at, read.count, read.record);
        let sight = Seen { at, count, record, name: Name::Row(&read.name) };
        all.entry((read.meter, read.account)).or_default().push(sight);
    }
    all
}

struct Case<'a> {
    world: &'a World,
    purse: Purse,
    steps: &'a BTreeMap<u32, Settled>,
    tolerance_s: i64,
}

impl Case<'_> {
    fn name(&self, sight: &Seen<'_>) -> String {
        match sight.name {
            Name::Row(row) => row.to_owned(),
            Name::Entry(at, seq) => {
                self.world.journals.get(at).map_or_else(String::new, |j| j.place(seq))
            }
        }
    }

    fn add(&self, found: &mut Findings, reason: Reason, sight: &Seen<'_>, detail: String) {
        let (meter, account) = self.purse;
        found.add(reason, format!("{meter} {account}"), format!("{} {detail}", self.name(sight)));
    }

    /// The meter's own record of a settled step has the token's amount.
    fn records(&self, sights: &[Seen<'_>], found: &mut Findings) {
        for sight in sights {
            let Some((count, amount)) = sight.record else { continue };
            let Some(settled) = self.steps.get(&count.0) else { continue };
            // What an outcome itself rests on is weighed with the outcome.
            let own = |place: Place| {
                matches!(sight.name, Name::Entry(at, seq)
                if (at, seq) == (place.journal, place.seq))
            };
            if settled.credit.value != amount && !own(settled.place) {
                let wanted = settled.credit.value;
                let detail = format!("count {} amount {amount} not {wanted}", count.0);
                self.add(found, Reason::RecordAmount, sight, detail);
            }
        }
    }

    /// The meter's count is never behind what was settled before, nor beyond every token.
    fn counts(&self, sights: &[Seen<'_>], highest: Option<u32>, found: &mut Findings) {
        let mut by_time: Vec<(i64, u32)> =
            self.steps.iter().map(|(step, settled)| (settled.place.at.0, *step)).collect();
        by_time.sort_unstable();
        let (mut next, mut due) = (0, 0);
        let first = sights.first().map_or(0, |sight| sight.count.0);
        let most = highest.unwrap_or(0).max(first);
        for sight in sights {
            let until = sight.at.0.saturating_sub(self.tolerance_s);
            while let Some((_, step)) = by_time.get(next).filter(|(at, _)| *at < until) {
                due = due.max(*step);
                next += 1;
            }
            let count = sight.count.0;
            if count < due {
                let detail = format!("count {count}, settled {due}");
                self.add(found, Reason::ReadBehind, sight, detail);
            } else if highest.is_some() && count > most {
                let detail = format!("count {count}, last token {most}");
                self.add(found, Reason::ReadAhead, sight, detail);
            }
        }
    }
}

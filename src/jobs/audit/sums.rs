//! Check 6: every token is in exactly one place, and the places of the credits add up to what was
//! issued. What is taken out of a meter, and what a swap carries over, is no issued credit.

use super::World;
use super::acts::Fate;
use super::finding::{Findings, Reason};
use super::tables::Booked;
use crate::store::{Event, TokenFacts, Withdrawal};
use crate::units::{AccountNo, CreditUnit, Decision, MeterNo, SwapLeg, TokenId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Where a token's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// In the meter.
    Settled,
    /// Out: not used, or begun and not known.
    Live,
    /// Another token for the same step took its place.
    Superseded,
    /// Taken back, with proof that it can never apply.
    Fenced,
    /// The evidence contradicts itself.
    Disputed,
}

impl Class {
    /// All of them, in the order of the sum.
    pub const ALL: [Self; 5] =
        [Self::Settled, Self::Live, Self::Superseded, Self::Fenced, Self::Disputed];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Live => "live",
            Self::Superseded => "superseded",
            Self::Fenced => "fenced",
            Self::Disputed => "disputed",
        }
    }
}

/// The sum of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// What is counted.
    pub unit: CreditUnit,
    /// How many tokens were issued, and their sum.
    pub issued: (usize, i64),
    /// The same of each class, in the order of [`Class::ALL`].
    pub parts: [(usize, i64); 5],
}

/// Check 6. Gives the sums, a unit each.
pub fn check(world: &World, found: &mut Findings) -> Vec<Sum> {
    unknown(world, found);
    unknown_leaves(world, found);
    numbers(world, found);
    let classes = classes(world, found);
    if let Some(ledger) = &world.ledger {
        ledger_agrees(world, ledger, &classes, found);
    }
    [CreditUnit::Yuan, CreditUnit::Kwh]
        .into_iter()
        .map(|unit| sum(world, unit, &classes))
        .filter(|sum| sum.issued.0 > 0)
        .collect()
}

/// Journals act on issued tokens only, and every one a journal took in is among the issued.
fn unknown(world: &World, found: &mut Findings) {
    for (id, fate) in &world.story.fates {
        let acted = fate.imported || fate.begun.is_some() || fate.accepted.is_some();
        let leave = |swap: &TokenId| world.documents.swaps.get(swap).is_some_and(|s| s.filed);
        let token = world.documents.tokens.get(id);
        let issued = token.is_some_and(|token| match &token.leg {
            Some((swap, _)) => leave(swap),
            None => token.filed,
        });
        if acted && !issued {
            let place = fate.accepted.or(fate.begun).or(fate.open);
            let place = place.and_then(|p| Some(world.journals.get(p.journal)?.place(p.seq)));
            found.add(Reason::TokenUnknown, id, place.unwrap_or_default());
        }
    }
}

/// A leave that only a journal holds was not issued either, as far as the set shows.
fn unknown_leaves(world: &World, found: &mut Findings) {
    for (id, leave) in world.documents.swaps.iter().filter(|(_, leave)| !leave.filed) {
        found.add(Reason::TokenUnknown, id, &leave.name);
    }
}

/// The office numbers the tokens of a meter from 1 upwards, with the leaves that put it in.
fn numbers(world: &World, found: &mut Findings) {
    let mut numbers: BTreeMap<MeterNo, Vec<(u64, TokenId)>> = BTreeMap::new();
    for (id, token) in world.documents.tokens.iter().filter(|(_, token)| token.filed) {
        numbers.entry(token.facts.meter).or_default().push((token.facts.seq, *id));
    }
    for (id, leave) in world.documents.swaps.iter().filter(|(_, leave)| leave.filed) {
        numbers.entry(leave.facts.meter).or_default().push((leave.facts.seq, *id));
    }
    for (meter, mut list) in numbers {
        list.sort_unstable();
        for pair in list.windows(2) {
            let [(one, _), (next, id)] = pair else { continue };
            if one == next {
                found.add(Reason::SeqTwice, meter, format!("{one} {id}"));
            } else if *next > one + 1 {
                found.add(Reason::SeqGap, meter, format!("{}..{}", one + 1, next - 1));
            }
        }
    }
}

type Step = (MeterNo, AccountNo, u32);

fn step(facts: &TokenFacts) -> Step {
    (facts.meter, facts.account, facts.count_before.0)
}

/// Puts every token into its class.
fn classes(world: &World, found: &mut Findings) -> BTreeMap<TokenId, Class> {
    let none = Fate::default();
    let mut settled: HashSet<Step> = HashSet::new();
    // The newest token of each step: an older one that was not used is superseded by it.
    let mut newest: HashMap<Step, (u64, TokenId)> = HashMap::new();
    let newest_debits = newest_debits(world);
    for (id, token) in world.documents.tokens.iter().filter(|(_, token)| token.takes_step()) {
        let fate = world.story.fates.get(id).unwrap_or(&none);
        let place = step(&token.facts);
        if in_meter(fate) {
            settled.insert(place);
        }
        let best = newest.entry(place).or_insert((token.facts.seq, *id));
        *best = (*best).max((token.facts.seq, *id));
    }
    let mut classes = BTreeMap::new();
    for (id, token) in &world.documents.tokens {
        let fate = world.story.fates.get(id).unwrap_or(&none);
        let place = step(&token.facts);
        // A debit takes no step: only a later attempt of its own swap takes its place.
        let (taken, latest) = match token.leg {
            Some((swap, SwapLeg::Out)) => (false, newest_debits.get(&swap) == Some(id)),
            _ if !token.takes_step() => (false, true),
            _ => {
                let latest = newest.get(&place).is_some_and(|(_, newest)| newest == id);
                (settled.contains(&place), latest)
            }
        };
        let class = class(fate, taken, latest);
        let back = matches!(fate.withdrawn, Some(Withdrawal::Voided | Withdrawal::Superseded));
        if class == Class::Settled && back {
            found.add(Reason::BothWays, id, &token.name);
        }
        classes.insert(*id, class);
    }
    classes
}

/// The last attempt at the debit of each swap; none where a credit was advanced instead.
fn newest_debits(world: &World) -> HashMap<TokenId, TokenId> {
    let mut newest = HashMap::new();
    for journal in &world.journals {
        for entry in &journal.entries {
            let Event::SwapFixed(fixed) = &entry.event else { continue };
            match fixed.leg {
                SwapLeg::Out => drop(newest.insert(fixed.swap, fixed.token())),
                SwapLeg::Provisional => drop(newest.remove(&fixed.swap)),
                SwapLeg::Open | SwapLeg::In => {}
            }
        }
    }
    newest
}

fn in_meter(fate: &Fate) -> bool {
    fate.resolved == Some(true) || (fate.accepted.is_some() && fate.resolved != Some(false))
}

fn class(fate: &Fate, step_settled: bool, latest: bool) -> Class {
    let disputed =
        matches!(fate.last, Some(Decision::TornWrite | Decision::Reset | Decision::Contradiction));
    let raced = fate.last == Some(Decision::Raced);
    if in_meter(fate) {
        Class::Settled
    } else if fate.withdrawn == Some(Withdrawal::Superseded) {
        Class::Superseded
    } else if fate.withdrawn.is_some() || fate.resolved == Some(false) {
        Class::Fenced
    } else if raced && step_settled {
        // The step is taken, and we know by which credit.
        Class::Fenced
    } else if disputed || raced {
        Class::Disputed
    } else if fate.open.is_none() && (step_settled || !latest) {
        Class::Superseded
    } else {
        Class::Live
    }
}

/// Every token is in one class, so the parts give the whole; that the whole is all there is, and
/// that no token is in two places, is what the rest of this file looks for.
fn sum(world: &World, unit: CreditUnit, classes: &BTreeMap<TokenId, Class>) -> Sum {
    let mut parts = [(0, 0); 5];
    for (id, token) in &world.documents.tokens {
        let (Some(class), credit) = (classes.get(id), token.facts.credit) else { continue };
        if credit.unit == unit && token.is_issued_credit() {
            let at = Class::ALL.iter().position(|known| known == class).unwrap_or_default();
            let (count, sum): &mut (usize, i64) = &mut parts[at];
            *count += 1;
            *sum = sum.saturating_add(credit.value);
        }
    }
    Sum { unit, issued: world.documents.issued(unit), parts }
}

/// The office's book names the same tokens with the same amounts, and its states agree.
fn ledger_agrees(
    world: &World,
    ledger: &[Booked],
    classes: &BTreeMap<TokenId, Class>,
    found: &mut Findings,
) {
    let mut booked = HashSet::new();
    for row in ledger {
        booked.insert(row.token);
        let Some(token) = world.documents.tokens.get(&row.token) else {
            if let Some(credit) = world.online.get(&row.token) {
                if *credit != row.credit {
                    let detail = format!("{} {} not {credit}", row.name, row.credit);
                    found.add(Reason::LedgerAmount, row.token, detail);
                }
                continue;
            }
            found.add(Reason::LedgerTokens, row.token, &row.name);
            continue;
        };
        if token.facts.credit != row.credit {
            let detail = format!("{} {} not {}", row.name, row.credit, token.facts.credit);
            found.add(Reason::LedgerAmount, row.token, detail);
        }
        if row.act.as_deref().is_some_and(|act| act != token.facts.act.name()) {
            let act = row.act.as_deref().unwrap_or_default();
            let detail = format!("{} {act} but {}", row.name, token.facts.act.name());
            found.add(Reason::LedgerState, row.token, detail);
        }
        let class = classes.get(&row.token).copied().unwrap_or(Class::Live);
        let begun = world.story.fates.get(&row.token).is_some_and(|fate| fate.begun.is_some());
        if !agrees(&row.state, class, begun) {
            let reason = if row.decided { Reason::LedgerDecided } else { Reason::LedgerState };
            let detail = format!("{} {} but {}", row.name, row.state, class.name());
            found.add(reason, row.token, detail);
        }
    }
    for (id, token) in &world.documents.tokens {
        if token.filed && !booked.contains(id) {
            found.add(Reason::LedgerTokens, id, &token.name);
        }
    }
}

/// Whether the office's state can stand beside what the journals show. The office may know less
/// than the journals' end, and of a token that was never used it may have voided it.
fn agrees(state: &str, class: Class, begun: bool) -> bool {
    match state {
        "applied" => class == Class::Settled,
        "voided" => matches!(class, Class::Superseded | Class::Fenced) || !begun,
        "reserved" => class != Class::Settled && !begun,
        "delivered" => !matches!(class, Class::Settled | Class::Disputed),
        "suspect" | "disputed" => class != Class::Settled,
        _ => false,
    }
}

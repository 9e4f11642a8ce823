//! Check 10: what left an old meter is what came into the new one, stayed, or was paid back.
//!
//! Swaps stand in the journals, as legs within a leave the office signed; those of other systems in
//! tables. A carried-over balance comes from one or the other.

use super::World;
use super::documents::Leave;
use super::finding::{Findings, Reason};
use super::tables::Swap;
use crate::units::{AccountNo, MeterNo, SwapLeg, TokenId, UnixSeconds};
use meterkit_tokens::Kind;
use std::collections::{BTreeMap, HashMap};

/// One meter account: one life of a meter.
type Purse = (MeterNo, AccountNo);

/// What the journals show of one swap.
#[derive(Default)]
struct Moved {
    /// Taken out of the old meter, and seen to be.
    out: i64,
    /// Credited to the new one with that.
    carried: i64,
    /// Advanced for a meter that could not be debited.
    advanced: i64,
    /// When the new meter was credited, or the old one debited: nothing more goes into the old one.
    at: Option<UnixSeconds>,
}

/// Check 10.
pub fn check(world: &World, found: &mut Findings) {
    let moved = moved(world);
    journals(world, &moved, found);
    let rows = tables(world, found);
    let mut left: HashMap<Purse, i64> = HashMap::new();
    for (id, moved) in &moved {
        let Some(leave) = world.documents.swaps.get(id) else { continue };
        let facts = &leave.facts;
        *left.entry((facts.meter, facts.account)).or_default() += moved.out - moved.carried;
    }
    for (id, token) in &world.documents.tokens {
        let purse = (token.facts.meter, token.facts.account);
        let accepted = world.story.fates.get(id).and_then(|fate| fate.accepted);
        if token.kind == Kind::CarryOver && token.leg.is_none() && !rows.contains_key(id) {
            // What a swap of the journals left in transit for this meter may be carried by a token.
            let amount = if accepted.is_some() { token.facts.credit.value } else { 0 };
            match left.get_mut(&purse) {
                Some(left) if *left >= amount => *left -= amount,
                _ => found.add(Reason::SwapMissing, &token.name, id),
            }
        }
        let Some(place) = accepted.filter(|_| !token.facts.act.is_debit()) else { continue };
        let after = rows.values().find(|swap| swap.old == purse && place.at > swap.at);
        if let Some(swap) = after {
            found.add(Reason::SwapOld, &swap.name, id);
        }
        let after = moved.iter().find_map(|(swap, moved)| {
            let leave = world.documents.swaps.get(swap)?;
            let old = (leave.facts.old, leave.facts.old_account) == purse;
            let at = moved.at.filter(|at| old && place.at > *at)?;
            // Put in again since: then it is in use.
            let again = world.documents.swaps.values().any(|later| {
                (later.facts.meter, later.facts.account) == purse && later.facts.issued >= at
            });
            (!again).then_some(leave)
        });
        if let Some(leave) = after {
            found.add(Reason::SwapOld, &leave.name, id);
        }
    }
}

/// What the legs of each swap moved, as their outcomes show it.
fn moved(world: &World) -> BTreeMap<TokenId, Moved> {
    let mut all: BTreeMap<TokenId, Moved> = BTreeMap::new();
    for (id, token) in &world.documents.tokens {
        let Some((swap, leg)) = token.leg else { continue };
        let moved = all.entry(swap).or_default();
        let fate = world.story.fates.get(id);
        let booked = fate.is_some_and(|fate| fate.resolved == Some(true));
        let accepted = fate.and_then(|fate| fate.accepted);
        let refuted = fate.is_some_and(|fate| fate.resolved == Some(false));
        if refuted || (accepted.is_none() && !booked) {
            continue;
        }
        let value = token.facts.credit.value;
        let sum = match leg {
            SwapLeg::Out => &mut moved.out,
            SwapLeg::In => &mut moved.carried,
            SwapLeg::Provisional => &mut moved.advanced,
            SwapLeg::Open => continue,
        };
        *sum = sum.saturating_add(value);
        moved.at = moved.at.max(accepted.map(|place| place.at));
    }
    all
}

/// Nothing is credited beyond what was taken out, nothing advanced on top of it, and one meter's
/// balance is taken out under one leave.
fn journals(world: &World, moved: &BTreeMap<TokenId, Moved>, found: &mut Findings) {
    let mut debited: HashMap<Purse, (&Leave, UnixSeconds)> = HashMap::new();
    for (id, moved) in moved {
        let Some(leave) = world.documents.swaps.get(id) else { continue };
        let Moved { out, carried, advanced, .. } = *moved;
        if carried > out || (advanced > 0 && out > 0) {
            let sum = format!("{out} out, {carried} in, {advanced} advanced");
            found.add(Reason::SwapSum, &leave.name, sum);
        }
        if out > carried {
            found.add(Reason::SwapTransit, &leave.name, out - carried);
        }
        if advanced > 0 {
            found.add(Reason::SwapAdvance, &leave.name, advanced);
        }
        let Some(at) = moved.at.filter(|_| out > 0) else { continue };
        let purse = (leave.facts.old, leave.facts.old_account);
        let (issued, before) = (leave.facts.issued, debited.insert(purse, (leave, at)));
        // A meter that was put in again and taken out a second time has a leave of that time.
        let both = before.filter(|(other, then)| other.facts.issued.max(issued) <= at.min(*then));
        if let Some((other, _)) = both {
            found.add(Reason::SwapTwice, &leave.name, &other.name);
        }
    }
}

/// Swaps that stand in tables: each with its token, each adding up.
fn tables<'a>(world: &'a World, found: &mut Findings) -> BTreeMap<TokenId, &'a Swap> {
    let mut rows: BTreeMap<TokenId, &Swap> = BTreeMap::new();
    for swap in &world.swaps {
        if rows.insert(swap.token, swap).is_some() {
            found.add(Reason::SwapTwice, &swap.name, swap.token);
        }
    }
    for swap in rows.values() {
        let token = world.documents.tokens.get(&swap.token);
        let fits = token.filter(|token| {
            token.kind == Kind::CarryOver
                && (token.facts.meter, token.facts.account) == swap.new
                && token.facts.credit.unit == swap.unit
        });
        let Some(token) = fits else {
            found.add(Reason::SwapToken, &swap.name, swap.token);
            continue;
        };
        let carried = token.facts.credit.value;
        let parts = swap.residual.checked_add(carried).and_then(|s| s.checked_add(swap.refunded));
        if parts != Some(swap.read) {
            let sum = format!("{} != {}+{carried}+{}", swap.read, swap.residual, swap.refunded);
            found.add(Reason::SwapSum, &swap.name, sum);
        }
    }
    rows
}

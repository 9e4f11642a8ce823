//! The gate before money: who, where, how much trust is left, how much may still happen offline.
//!
//! It stands twice in a recharge: before the meter is read, so that nobody is shown what cannot be
//! done, and again right before the intent. The hard limits are checked a third time by the store,
//! in the moment the intent is written. "What happened?", reading and syncing never come here.

use super::clock::Moment;
use super::failure::fail;
use super::rights::{self, Allowed, Place};
use super::standing::{exceeded, near, softened};
use super::trust::{self, Stand, Trust};
use super::views::{Failure, Standing};
use super::{Desk, failure};
use crate::report::Code;
use crate::store::{Bounds, Event, Store, StoreError};
use crate::units::{Act, Caps, Exposure, IntentFacts, MeterNo, TokenId, UnixSeconds, Verb};

/// That money may move, and within what.
pub struct Permit {
    /// The override that is used up by it, if one is needed.
    pub over_ride: Option<TokenId>,
    /// Soft limits reached, and whatever else a person should know before.
    pub warnings: Vec<Failure>,
    /// Acts of the handheld with this one, and its limits.
    pub device: (Exposure, Caps),
    /// The same of the operator.
    pub operator: (Exposure, Caps),
    /// The time to judge tokens by.
    pub now: UnixSeconds,
    names: [String; 2],
}

/// May a money act with these facts happen now?
///
/// # Errors
/// The first thing that speaks against it: the journal, the shift, the grant, role, area, the
/// standing, a limit.
pub fn money(
    desk: &Desk<'_>,
    trust: &Trust,
    facts: &IntentFacts,
    moment: Moment,
) -> Result<Permit, Failure> {
    let Desk { store, session, .. } = *desk;
    store.money_allowed().map_err(|why| failure::why(&why))?;
    session.lasts(moment)?;
    let stand = trust::stand(store, session, trust, moment);
    // A meter just put in is not in the list yet: it is where the old one was.
    let listed = super::swap::back::stands_for(store, facts.meter).unwrap_or(facts.meter);
    let area = store.meter(listed).map(|row| row.area).unwrap_or_default();
    let place = Place { meter: facts.meter, area: &area };
    let granted = stand.granted.counts();
    let verb = verb(store, facts);
    let allowed = rights::may(granted.as_ref().copied(), verb, Some(place), || {
        let act = (verb, facts.meter);
        trust::find_override(store, trust, session.operator(), act, stand.now)
    })?;
    let over_ride = match allowed {
        Allowed::ByGrant => None,
        Allowed::ByOverride(id) => Some(id),
    };
    within(desk, trust, facts, stand, over_ride)
}

/// What a person must be allowed for a money act. The opening leg of a swap is part of that swap:
/// whoever may change meters may open the account that the office's leave names, or its balance
/// would be left in transit half-way.
pub fn verb(store: &Store, facts: &IntentFacts) -> Verb {
    let leg = || store.swaps().iter().any(|row| row.opening() == Some(facts.token));
    if facts.act == Act::Open && leg() { Verb::Swap } else { facts.act.verb() }
}

/// The standing and the limits.
fn within(
    desk: &Desk<'_>,
    trust: &Trust,
    facts: &IntentFacts,
    stand: Stand,
    over_ride: Option<TokenId>,
) -> Result<Permit, Failure> {
    let Stand { standing, reasons, now, mut device, mut operator, .. } = stand;
    let reason = reasons.first().cloned();
    let reason = || reason.unwrap_or_else(|| fail(Code::Internal, "no reason"));
    if standing == Standing::NoMoney {
        return Err(reason());
    }
    let names = [trust.device.to_string(), desk.session.operator().to_string()];
    for ((used, caps), name) in [&mut device, &mut operator].into_iter().zip(&names) {
        *used = used.plus(facts.credit, now);
        if let Some(limit) = caps.exceeded(used, now) {
            let (value, most) = (used.value(limit, now), caps.cap(limit).hard);
            return Err(exceeded(name, limit, value, most));
        }
        if standing == Standing::ReadOnly {
            *caps = softened(caps);
            if let Some(limit) = caps.exceeded(used, now) {
                let (value, most) = (used.value(limit, now), caps.cap(limit).hard);
                let figures = exceeded(name, limit, value, most);
                return Err(Failure { detail: figures.detail, ..reason() });
            }
        }
    }
    let [handheld, own] = &names;
    let limits = |failure: &Failure| failure.code != Code::LimitNear;
    let mut warnings: Vec<Failure> = reasons.into_iter().filter(limits).collect();
    warnings.extend(near(handheld, &device.0, &device.1, now));
    warnings.extend(near(own, &operator.0, &operator.1, now));
    Ok(Permit { over_ride, warnings, device, operator, now, names })
}

/// May this person change this meter now, without moving money? Whoever has no leave by grant uses
/// up an override, which is journaled at once: it serves one act.
///
/// # Errors
/// The end of the shift, the grant, role, area; store failures.
pub fn change(
    desk: &Desk<'_>,
    verb: Verb,
    meter: MeterNo,
    moment: Moment,
    dry: bool,
) -> Result<(), Failure> {
    let Desk { store, session, .. } = *desk;
    session.lasts(moment)?;
    let trust = trust::read(store);
    let stand = trust::stand(store, session, &trust, moment);
    let area = store.meter(meter).map(|row| row.area).unwrap_or_default();
    let place = Place { meter, area: &area };
    let granted = stand.granted.counts();
    let allowed = rights::may(granted.as_ref().copied(), verb, Some(place), || {
        trust::find_override(store, &trust, session.operator(), (verb, meter), stand.now)
    })?;
    match allowed {
        Allowed::ByOverride(id) if !dry => {
            let event = Event::OverrideUsed { id, verb, meter };
            let stamp = moment.stamp(session.operator());
            store.append(&stamp, event).map(drop).map_err(|error| failure::store(&error))
        }
        Allowed::ByGrant | Allowed::ByOverride(_) => Ok(()),
    }
}

/// The same before it is known which meter it will be: role and shift alone.
///
/// # Errors
/// The end of the shift, the grant, the role.
pub fn change_some(desk: &Desk<'_>, verb: Verb, moment: Moment) -> Result<(), Failure> {
    let Desk { store, session, .. } = *desk;
    session.lasts(moment)?;
    let trust = trust::read(store);
    let stand = trust::stand(store, session, &trust, moment);
    let granted = stand.granted.counts();
    rights::may(granted.as_ref().copied(), verb, None, || None).map(drop)
}

impl Permit {
    /// The limits for the store to hold.
    pub fn bounds(&self) -> Bounds {
        Bounds { device: self.device.1, operator: self.operator.1 }
    }

    /// Uses the override up, if one is needed. Directly before the intent: a crash in between costs
    /// the override, never money.
    ///
    /// # Errors
    /// Store failures; the override was used or revoked meanwhile.
    pub fn spend(&self, desk: &Desk<'_>, facts: &IntentFacts, at: Moment) -> Result<(), Failure> {
        let Some(id) = self.over_ride else { return Ok(()) };
        let verb = verb(desk.store, facts);
        let event = Event::OverrideUsed { id, verb, meter: facts.meter };
        let stamp = at.stamp(desk.session.operator());
        desk.store.append(&stamp, event).map(drop).map_err(|error| failure::store(&error))
    }

    /// The store's refusal of the intent, with figures where it is a limit.
    pub fn refusal(&self, error: &StoreError) -> Failure {
        let StoreError::OverLimit { limit, operators } = error else {
            return failure::store(error);
        };
        let [handheld, own] = &self.names;
        let (name, (used, caps)) =
            if *operators { (own, &self.operator) } else { (handheld, &self.device) };
        exceeded(name, *limit, used.value(*limit, self.now), caps.cap(*limit).hard)
    }
}

//! The scripted day: the network goes down in the morning, the operator recharges the street over a
//! bad line, is interrupted, restarts, finds out what happened, and syncs in the evening.

use std::collections::BTreeSet;
use std::time::Duration;

use super::errands::{self, Done};
use super::ledger::Tally;
use super::site::Site;
use super::wire::Wire;
use crate::cli::context::Context;
use crate::jobs::clock::TickClock;
use crate::jobs::proven::Accepted;
use crate::jobs::recharge::{self, CREDITS, Checked};
use crate::jobs::session::Session;
use crate::jobs::views::{Failure, FinishedView, Stage};
use crate::jobs::{Cancel, Desk, Line as Errand, SystemClock, check, failure};
use crate::profile::Profile;
use crate::report::Code;
use crate::sim::Fault;
use crate::sim::serve::FleetStation;
use crate::store::Store;
use crate::transport::{Faults, Line, LineSettings, VirtualLink};
use crate::units::{MeterNo, Outcome, TokenId};

/// How often a recharge that could not begin is tried again on such a line.
const TRIES: u32 = 6;
/// Rounds of "what happened?" in the evening.
const EVENINGS: u32 = 4;
/// Every so many recharges the operator loses patience in the middle of sending.
const IMPATIENT_EVERY: usize = 7;
/// Every so many recharges the handheld is switched off and on again.
const RESTART_EVERY: usize = 9;
/// Rounds through the street: the second with tokens fetched at noon.
const ROUNDS: usize = 2;
/// How long the silent meter may need to come back, on the line's own clock.
const PAUSE: Duration = Duration::from_secs(5);

/// A handheld in the operator's hand.
struct Hand {
    store: Store,
    session: Session,
    wire: Wire,
    profiles: [Profile; 2],
    clock: TickClock,
    doubtful: bool,
}

/// Plays the day, prints its ledger; gives the exit status.
///
/// # Errors
/// What kept the day from being played at all; trouble within it is what it is about.
pub fn run(context: &Context, seed: u64) -> Result<u8, Failure> {
    let mut site = Site::build(&context.paths)?;
    site.network(false);
    let mut hand = Hand::new(&site, seed)?;
    let (mut tried, mut done) = (BTreeSet::new(), Done::default());
    for round in 0..ROUNDS {
        for (at, (meter, token)) in hand.ready().into_iter().enumerate() {
            hand.interfere(&site, at + round, meter);
            tried.insert(token);
            hand.recharge(meter, token, (at + 1) % IMPATIENT_EVERY == 0)?;
            if (at + 1) % RESTART_EVERY == 0 {
                hand = hand.restarted(&site)?;
            }
        }
        if round == 0 {
            // Between the recharges, with the network down: that is when it cannot wait.
            done = hand.errands()?;
        }
        for _ in 0..EVENINGS {
            hand.what_happened();
        }
        site.network(true);
        if round + 1 < ROUNDS {
            // Tokens already out keep their step; a meter with an open question gets no new one.
            let _ = site.issue_to_everyone(round + 1);
        }
        site.sync(&hand.store)?;
        // A second exchange changes nothing: the office has every entry already.
        site.sync(&hand.store)?;
        site.network(round + 1 == ROUNDS);
    }
    let tally = Tally::take(&site, &hand.store, &tried, done)?;
    context.out.show(tally.json(), |to| tally.print(to, context.out.lang));
    Ok(u8::from(!tally.sound()))
}

impl Hand {
    fn new(site: &Site, seed: u64) -> Result<Self, Failure> {
        let (store, session) = site.log_in()?;
        let settings = LineSettings { baud: 9600, ..LineSettings::default() };
        // A bad line, but one on which an operator would still work.
        let faults = Faults {
            lost: Faults::PERCENT,
            late: Faults::PERCENT,
            duplicated: Faults::PERCENT,
            truncated: Faults::PERCENT / 2,
            corrupted: 300,
            ..Faults { seed, ..Faults::NONE }
        };
        let station = FleetStation::sharing(site.fleet());
        let built_in = |id| Profile::built_in(id).map_err(|error| failure::profile(&error));
        Ok(Self {
            store,
            session,
            wire: Wire::new(VirtualLink::new(station, Line::new(settings, faults))),
            profiles: [built_in("dlt645-2007-c")?, built_in("dlt645-2007-c-kwh")?],
            clock: TickClock { base: SystemClock::utc(), offset_s: 0 },
            doubtful: false,
        })
    }

    /// The handheld switched off and on: the store is closed, and somebody logs in again.
    fn restarted(self, site: &Site) -> Result<Self, Failure> {
        let Self { store, session, wire, profiles, clock, .. } = self;
        drop((store, session));
        let (store, session) = site.log_in()?;
        Ok(Self { store, session, wire, profiles, clock, doubtful: true })
    }

    /// What there is to recharge: every meter with a usable token.
    fn ready(&self) -> Vec<(MeterNo, TokenId)> {
        let rows = self.store.tokens(None, usize::MAX);
        let mut ready: Vec<_> = rows
            .into_iter()
            .filter(|row| row.state.usable() && CREDITS.contains(&row.facts.act))
            .map(|row| (row.facts.meter, row.facts.id))
            .collect();
        ready.sort();
        ready
    }

    /// The swap and the bundle that the office signed for the day.
    fn errands(&mut self) -> Result<Done, Failure> {
        let (store, session) = (&self.store, &self.session);
        let accepted = &Accepted::default();
        let desk = Desk { store, session, max_life_s: check::MAX_LIFE_S, accepted };
        self.doubtful = true;
        errands::play(&desk, &self.wire, &self.clock)
    }

    /// Things meters do: lost answers, restarts before and after booking, one torn write.
    fn interfere(&self, site: &Site, at: usize, meter: MeterNo) {
        let fault = match at % 8 {
            1 => Fault::LostAck,
            3 => Fault::RebootAfter(PAUSE),
            5 => Fault::RebootBefore(PAUSE),
            6 if at == 14 => Fault::TornWrite(PAUSE),
            _ => return,
        };
        site.with_fleet(|fleet| fleet.meter_mut(meter).map(|meter| meter.arm(fault)));
    }

    fn errand<T>(
        &mut self,
        meter: MeterNo,
        impatient: bool,
        work: impl FnOnce(&Desk<'_>, &mut Errand<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let listed = self.store.meter(meter).map(|row| row.profile).unwrap_or_default();
        let known = self.profiles.iter().find(|profile| profile.id == listed);
        let profile = known.unwrap_or(&self.profiles[0]);
        let cancel = Cancel::default();
        let stop = cancel.clone();
        let mut progress = move |stage: Stage, _, _| {
            if impatient && stage == Stage::Sending {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        };
        let (store, session) = (&self.store, &self.session);
        // Every meter of the demo is of a proven model.
        let accepted = &Accepted::default();
        let desk = Desk { store, session, max_life_s: check::MAX_LIFE_S, accepted };
        let mut line = Errand {
            link: &mut self.wire,
            profile,
            clock: &self.clock,
            cancel: &cancel,
            wire: &mut |_| {},
            progress: &mut progress,
            doubtful: self.doubtful,
            secret: None,
        };
        let result = work(&desk, &mut line);
        self.doubtful = line.doubtful;
        result
    }

    /// Recharges as a person would: tries again when it could not begin, never when it began.
    fn recharge(&mut self, meter: MeterNo, token: TokenId, impatient: bool) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let ended = self.errand(meter, impatient, |desk, line| {
                match recharge::preflight(desk, line, token)? {
                    Checked::Settled(view) => Ok(*view),
                    Checked::Ready(ready) => {
                        let face = ready.view.evidence.meter.to_string();
                        recharge::commit(&ready, &face[face.len() - 4..], desk, line)
                    }
                }
            });
            match ended {
                Ok(FinishedView { decision, .. }) if decision.outcome() == Outcome::Unknown => {
                    self.wire.pass(PAUSE);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(failure) if failure.code.exit_status() == 3 => self.wire.pass(PAUSE),
                Err(Failure { code: Code::StoreFailed | Code::DiskFull, detail }) => {
                    return Err(failure::fail(Code::StoreFailed, detail));
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Asks every meter with an open question once more.
    fn what_happened(&mut self) {
        for open in self.store.open_intents() {
            self.wire.pass(PAUSE);
            // What cannot be read now stays open and is asked again.
            let _ = self.errand(open.facts.meter, false, |desk, line| {
                recharge::resolve(desk, line, open.facts.meter)
            });
        }
    }
}

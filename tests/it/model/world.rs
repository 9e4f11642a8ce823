//! The world the checker walks through: meter, handhelds, line, office.

use stateright::{Model, Property};

/// A rule left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    Sound,
    /// X0: read-back looks at the newest record's amount only, and meters are not locked.
    AmountOnly,
    /// X1: the frame does not pin the count.
    NoPin,
    /// X2: the intent is not on disk when the frame leaves.
    VolatileIntent,
    /// X3: the handheld voids what it read back as not applied.
    VoidOnTimeout,
    /// X4: the office refunds an expired token without a fence.
    RefundOnExpiry,
    /// X5: success is a balance that grew.
    ByGrowth,
    /// X6: the office settles whatever is reported.
    SettleAll,
    /// X7: the meter does not check the epoch.
    NoEpochCheck,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token {
    /// The count the meter must show before.
    pub n: u8,
    pub amount: u8,
}

pub struct World {
    pub holders: usize,
    pub tokens: &'static [Token],
    /// The office credits this much by remote, pinned to count 0.
    pub remote: Option<u8>,
    pub torn: bool,
    pub reset: bool,
    pub crash: bool,
    pub copy: bool,
    pub mutant: Mutant,
}

/// Whose frame or booking: a token by its place, or the office's remote credit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    Token(usize),
    Remote,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Record {
    amount: u8,
    before: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Booking {
    epoch: u8,
    step: u8,
    source: Source,
    amount: u8,
    torn: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    Cached,
    Intent,
    Confirmed,
    Raced,
    Disputed,
    /// Refused at preflight for good: the step is gone and no send of ours is on record.
    Refused,
    /// Mutant X3 only.
    Void,
}

/// One token on one handheld.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    phase: Phase,
    /// On disk: balance and epoch in the intent.
    before: u8,
    epoch: u8,
    sends: u8,
    /// The last read-back said "still n": another send is allowed.
    read_n: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Desk {
    Live,
    Settled,
    Flagged,
    Voided,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    epoch: u8,
    balance: u8,
    /// The records of this epoch; the count is their number.
    records: Vec<Record>,
    /// What really happened.
    ghost: Vec<Booking>,
    held: Vec<Vec<Held>>,
    /// Frames under way, sorted.
    net: Vec<Source>,
    desk: Vec<Desk>,
    remote_sent: bool,
    copies: u8,
    crashes: u8,
    torn: u8,
    resets: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    Select(usize, usize),
    Send(usize, usize),
    Read(usize, usize),
    GiveUp(usize, usize),
    Crash(usize),
    Lose(Source),
    Copy(Source),
    Deliver(Source),
    Tear(Source),
    Reset,
    Remote,
    Settle(usize, usize),
    Void(usize),
}

/// Frames under way at once, frames of one token from one handheld.
const NET: usize = 2;
const SENDS: u8 = 2;

impl World {
    fn token(&self, source: Source) -> Token {
        match source {
            Source::Token(at) => self.tokens[at],
            Source::Remote => Token { n: 0, amount: self.remote.unwrap_or(0) },
        }
    }

    /// The meter's side: accepts exactly the next step.
    fn meter(&self, state: &mut State, source: Source, torn: bool) {
        let token = self.token(source);
        let pinned = self.mutant != Mutant::NoPin;
        let fits = token.n as usize == state.records.len() || !pinned;
        // Every token here was issued for epoch 0.
        if !fits || state.epoch != 0 && self.mutant != Mutant::NoEpochCheck {
            return;
        }
        state.records.push(Record { amount: token.amount, before: state.balance });
        let (epoch, step) = (state.epoch, state.records.len() as u8);
        state.ghost.push(Booking { epoch, step, source, amount: token.amount, torn });
        if !torn {
            state.balance += token.amount;
        }
    }

    /// The read-back table.
    fn judge(&self, state: &State, token: Token, held: Held) -> Phase {
        let count = state.records.len() as u8;
        if self.mutant == Mutant::AmountOnly {
            let newest = state.records.last().map(|r| r.amount);
            return match newest {
                Some(amount) if count > token.n && amount == token.amount => Phase::Confirmed,
                _ if count > token.n => Phase::Raced,
                _ => Phase::Intent,
            };
        }
        if self.mutant == Mutant::ByGrowth && count > token.n {
            let grew = state.balance >= held.before + token.amount;
            return if grew { Phase::Confirmed } else { Phase::Raced };
        }
        let epoch_known = self.mutant != Mutant::NoEpochCheck;
        if epoch_known && state.epoch != held.epoch || count < token.n {
            return Phase::Disputed;
        }
        let Some(record) = state.records.get(token.n as usize) else { return Phase::Intent };
        if record.amount != token.amount {
            return Phase::Raced;
        }
        // The balance must have followed: shown by the next record's start, or by the balance
        // itself.
        let next = state.records.get(token.n as usize + 1).map_or(state.balance, |r| r.before);
        if next == record.before + record.amount { Phase::Confirmed } else { Phase::Disputed }
    }

    fn select(&self, state: &mut State, h: usize, t: usize) -> Option<()> {
        let (token, mut held) = (self.tokens[t], state.held[h][t]);
        let count = state.records.len() as u8;
        let fits = state.epoch == 0 || self.mutant == Mutant::NoEpochCheck;
        held.phase = if fits && count == token.n {
            held = Held { before: state.balance, epoch: state.epoch, ..held };
            Phase::Intent
        } else if held.sends > 0 {
            // Sent before and given up as "not applied": a late frame may have booked it.
            self.judge(state, token, held)
        } else if fits && count < token.n {
            return None;
        } else {
            Phase::Refused
        };
        held.read_n = false;
        state.held[h][t] = held;
        Some(())
    }

    fn read(&self, state: &mut State, h: usize, t: usize) {
        let phase = self.judge(state, self.tokens[t], state.held[h][t]);
        let held = &mut state.held[h][t];
        held.phase = phase;
        held.read_n = phase == Phase::Intent;
        if self.mutant == Mutant::VoidOnTimeout && held.read_n {
            held.phase = Phase::Void;
            state.desk[t] = Desk::Voided;
        }
    }

    fn settle(&self, state: &mut State, t: usize) {
        let step = |at: usize| self.tokens[at].n;
        let taken = (0..self.tokens.len()).any(|other| {
            other != t && step(other) == step(t) && state.desk[other] == Desk::Settled
        });
        let settle_all = self.mutant == Mutant::SettleAll;
        state.desk[t] = if taken && !settle_all { Desk::Flagged } else { Desk::Settled };
    }

    /// May the office void this token now?
    fn may_void(&self, state: &State, t: usize) -> bool {
        let token = self.tokens[t];
        // The fence: a reading that shows the step used by another credit.
        let fenced = state.epoch == 0
            && state.records.get(token.n as usize).is_some_and(|r| r.amount != token.amount);
        fenced || self.mutant == Mutant::RefundOnExpiry
    }

    fn crash(&self, state: &mut State, h: usize) {
        for held in &mut state.held[h] {
            held.read_n = false;
            if self.mutant == Mutant::VolatileIntent && held.phase == Phase::Intent {
                *held = Held { phase: Phase::Cached, sends: 0, ..*held };
            }
        }
    }
}

impl State {
    fn take(&mut self, source: Source) {
        let at = self.net.iter().position(|s| *s == source);
        at.map(|at| self.net.remove(at));
    }

    fn put(&mut self, source: Source) {
        self.net.push(source);
        self.net.sort_unstable();
    }

    fn credited(&self, t: usize) -> usize {
        self.ghost.iter().filter(|b| b.source == Source::Token(t)).count()
    }

    /// The tokens the office has put there.
    fn on_desk(&self, desk: Desk) -> impl Iterator<Item = usize> + '_ {
        (0..self.desk.len()).filter(move |t| self.desk[*t] == desk)
    }
}

impl Model for World {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        let held = Held { phase: Phase::Cached, before: 0, epoch: 0, sends: 0, read_n: false };
        vec![State {
            epoch: 0,
            balance: 0,
            records: Vec::new(),
            ghost: Vec::new(),
            held: vec![vec![held; self.tokens.len()]; self.holders],
            net: Vec::new(),
            desk: vec![Desk::Live; self.tokens.len()],
            remote_sent: false,
            copies: 0,
            crashes: 0,
            torn: 0,
            resets: 0,
        }]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        let room = state.net.len() < NET;
        for (h, held) in state.held.iter().enumerate() {
            let locked = held.iter().any(|x| matches!(x.phase, Phase::Intent | Phase::Disputed));
            for (t, x) in held.iter().enumerate() {
                match x.phase {
                    Phase::Cached if !locked || self.mutant == Mutant::AmountOnly => {
                        acts.push(Act::Select(h, t));
                    }
                    Phase::Intent => {
                        if room && x.sends < SENDS && (x.sends == 0 || x.read_n) {
                            acts.push(Act::Send(h, t));
                        }
                        acts.push(Act::Read(h, t));
                        if x.read_n {
                            acts.push(Act::GiveUp(h, t));
                        }
                    }
                    Phase::Confirmed if state.desk[t] == Desk::Live => acts.push(Act::Settle(h, t)),
                    _ => {}
                }
            }
            if self.crash && state.crashes == 0 {
                acts.push(Act::Crash(h));
            }
        }
        let mut seen = None;
        for source in state.net.iter().filter(|s| seen.replace(**s) != Some(**s)).copied() {
            acts.extend([Act::Lose(source), Act::Deliver(source)]);
            if self.copy && room && state.copies == 0 {
                acts.push(Act::Copy(source));
            }
            if self.torn && state.torn == 0 {
                acts.push(Act::Tear(source));
            }
        }
        if self.reset && state.resets == 0 {
            acts.push(Act::Reset);
        }
        if self.remote.is_some() && !state.remote_sent && room {
            acts.push(Act::Remote);
        }
        let live = (0..self.tokens.len()).filter(|t| state.desk[*t] == Desk::Live);
        acts.extend(live.filter(|t| self.may_void(state, *t)).map(Act::Void));
    }

    fn next_state(&self, last: &State, act: Act) -> Option<State> {
        let mut state = last.clone();
        match act {
            Act::Select(h, t) => self.select(&mut state, h, t)?,
            Act::Send(h, t) => {
                state.held[h][t].sends += 1;
                state.held[h][t].read_n = false;
                state.put(Source::Token(t));
            }
            Act::Read(h, t) => self.read(&mut state, h, t),
            Act::GiveUp(h, t) => state.held[h][t].phase = Phase::Cached,
            Act::Crash(h) => {
                state.crashes += 1;
                self.crash(&mut state, h);
            }
            Act::Lose(source) => state.take(source),
            Act::Copy(source) => {
                state.copies += 1;
                state.put(source);
            }
            Act::Deliver(source) | Act::Tear(source) => {
                state.take(source);
                let torn = matches!(act, Act::Tear(_));
                state.torn += u8::from(torn);
                self.meter(&mut state, source, torn);
            }
            Act::Reset => {
                state.resets += 1;
                state.epoch += 1;
                state.records.clear();
                state.balance = 0;
            }
            Act::Remote => {
                state.remote_sent = true;
                state.put(Source::Remote);
            }
            Act::Settle(_, t) => self.settle(&mut state, t),
            Act::Void(t) => state.desk[t] = Desk::Voided,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 at most one credit a token", |world: &World, state: &State| {
                (0..world.tokens.len()).all(|t| state.credited(t) <= 1)
            }),
            Property::always("I2 settled means really added", |world: &World, state: &State| {
                state.on_desk(Desk::Settled).all(|t| {
                    let Token { n, amount } = world.tokens[t];
                    state.ghost.iter().any(|b| !b.torn && b.step == n + 1 && b.amount == amount)
                })
            }),
            Property::always("I3 void means never credited", |_: &World, state: &State| {
                state.on_desk(Desk::Voided).all(|t| state.credited(t) == 0)
            }),
            Property::always("I5 one settlement a step", |world: &World, state: &State| {
                let mut steps: Vec<u8> =
                    state.on_desk(Desk::Settled).map(|t| world.tokens[t].n).collect();
                let all = steps.len();
                steps.sort_unstable();
                steps.dedup();
                steps.len() == all
            }),
            Property::always("I6 torn is never settled", |_: &World, state: &State| {
                state.on_desk(Desk::Settled).all(|t| {
                    let mine = |b: &&Booking| b.source == Source::Token(t);
                    let mut mine = state.ghost.iter().filter(mine).peekable();
                    mine.peek().is_none() || mine.any(|b| !b.torn)
                })
            }),
            Property::always("I7 no credit is given up by all", |world: &World, state: &State| {
                (0..world.tokens.len()).filter(|t| state.credited(*t) > 0).all(|t| {
                    let gone = |held: &Vec<Held>| {
                        matches!(held[t].phase, Phase::Refused | Phase::Raced | Phase::Void)
                    };
                    !state.held.iter().all(gone)
                })
            }),
        ]
    }
}

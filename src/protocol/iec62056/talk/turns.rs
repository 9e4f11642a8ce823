//! The steps of a session: saying, leaving, changing speed, listening, keeping quiet.

use super::{
    BREAK_PAUSE, Ended, Found, Framing, Phase, RATES, REACTION_MAX, Say, Step, Talk, Then, Tick,
    Trouble, WAKE_PAUSE,
};

impl Talk {
    /// What to do now.
    pub fn step(&mut self, now: Tick) -> Step<Ended> {
        loop {
            match &self.phase {
                Phase::Tune(then) => {
                    self.phase = Phase::Tuning(*then);
                    return Step::Tune(Framing::seven(self.rate));
                }
                // A driver calls `tuned` and `sent` before it steps again.
                Phase::Tuning(_) | Phase::Sending(_) => return Step::Wait(now + REACTION_MAX),
                Phase::Quiet(until, _) if now < *until => return Step::Quarantine(*until),
                Phase::Quiet(_, Then::Say(say)) => {
                    let say = *say;
                    self.write_left |= say == Say::Write;
                    self.inside |= say == Say::Choose;
                    self.repeated |= say == Say::Again;
                    self.phase = Phase::Sending(say);
                    return Step::Send(self.bytes(say));
                }
                Phase::Quiet(_, then) => self.then(now, *then),
                Phase::Settle { quiet, hard } if now < *quiet && now < *hard => {
                    return Step::Wait((*quiet).min(*hard));
                }
                Phase::Settle { quiet, .. } => {
                    if now < *quiet {
                        // Somebody never stops talking.
                        self.ended.get_or_insert(Ended::Failed(Trouble::Garbled));
                    }
                    self.settled(now);
                }
                Phase::Leaving(end, _) if now < *end => return Step::Wait(*end),
                Phase::Leaving(_, say) => self.left_line(now, *say),
                Phase::Listening(..) => {
                    if let Err(until) = self.listen(now) {
                        return Step::Wait(until);
                    }
                }
                Phase::Over => {
                    let ended = self.ended.clone();
                    return Step::Done(ended.unwrap_or(Ended::Failed(Trouble::Silent)));
                }
            }
        }
    }

    /// Our message has left.
    pub fn sent(&mut self, end: Tick) {
        let Phase::Sending(say) = self.phase else { return };
        self.left = end;
        let moves = RATES.get(self.chosen).is_some_and(|rate| *rate != self.rate);
        match say {
            Say::Wake => self.phase = Phase::Quiet(end + WAKE_PAUSE, Then::Say(Say::SignOn)),
            // Not before the last stop bit: what is still leaving would be broken.
            Say::Choose if moves => self.phase = Phase::Leaving(end, say),
            Say::Break => self.phase = Phase::Leaving(end, say),
            _ => self.hear(say, Vec::new()),
        }
    }

    /// The line was asked to change its speed.
    pub fn tuned(&mut self, changed: bool) {
        let Phase::Tuning(then) = self.phase else { return };
        self.tunable = changed;
        // A line that could be changed before, and now cannot, is lost to this try.
        let lost = !changed && matches!(then, Then::Hear(_));
        self.phase = Phase::Quiet(Tick::ZERO, if lost { Then::Lost } else { then });
    }

    /// Bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8], now: Tick) {
        match &mut self.phase {
            Phase::Listening(_, ear) => ear.feed(bytes, now),
            Phase::Settle { quiet, .. } => {
                *quiet = (*quiet).max(now + REACTION_MAX + self.timing.slack);
            }
            _ => {}
        }
    }

    fn left_line(&mut self, now: Tick, say: Say) {
        match say {
            Say::Choose => {
                let baud = RATES.get(self.chosen).copied().unwrap_or(self.rate);
                self.hear_at(baud, Vec::new());
            }
            _ => self.then(now, self.next),
        }
    }

    /// The line is quiet: out of whatever the meter may be in. A break that nobody needs does no
    /// harm; a meter that is not in a session takes it for noise.
    fn settled(&mut self, now: Tick) {
        if self.ended.is_some() && !self.inside {
            self.phase = Phase::Over;
            return;
        }
        let elsewhere = self.rate != self.setup.start && self.tunable;
        self.next = if elsewhere { Then::BreakAgain } else { Then::Again };
        self.phase = Phase::Quiet(now, Then::Say(Say::Break));
    }

    fn then(&mut self, now: Tick, then: Then) {
        match then {
            Then::Begin => self.begin(),
            Then::Start if self.setup.wake => {
                self.phase = Phase::Quiet(now, Then::Say(Say::Wake));
            }
            Then::Start => self.phase = Phase::Quiet(now, Then::Say(Say::SignOn)),
            Then::Say(say) => self.phase = Phase::Quiet(now, Then::Say(say)),
            Then::Hear(say) => self.hear(say, Vec::new()),
            Then::Lost => self.trouble(now, Trouble::Form("speed")),
            Then::BreakAgain => {
                self.next = Then::Again;
                self.rate = self.setup.start;
                self.phase = Phase::Tune(Then::Say(Say::Break));
            }
            Then::Again if self.ended.is_none() => {
                self.phase = Phase::Quiet(now + BREAK_PAUSE, Then::Begin);
            }
            Then::Again | Then::End => self.phase = Phase::Over,
        }
    }

    /// A new session; what was answered in the last one stays.
    fn begin(&mut self) {
        self.rate = self.setup.start;
        self.chosen = self.base();
        (self.inside, self.opened, self.repeated, self.doubt) = (false, false, false, false);
        (self.blocks, self.block) = (String::new(), String::new());
        self.repeats_left = self.retry.reads;
        self.found = Found {
            ident: None,
            seed: None,
            sets: Vec::new(),
            faults: Vec::new(),
            damaged: Vec::new(),
            ..std::mem::take(&mut self.found)
        };
        self.phase = Phase::Tune(Then::Start);
    }
}

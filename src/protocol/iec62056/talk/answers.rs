//! What a session makes of what it hears, and of what it does not.

use super::{
    BLOCKS_MAX, Deaf, Ended, Got, Mode, Phase, Plan, Reply, SETTLE_MAX, Say, TABLE_MAX, Talk, Work,
    data, look, named,
};
use crate::protocol::Tick;
use crate::protocol::exchange::{Refusal, Trouble};

/// The meter did not take the password.
const PASSWORD: &str = "password";
/// The meter did not understand a write, and did not do it.
const REPEAT: &str = "repeat-requested";

impl Talk {
    /// Looks at what was heard; `false`: listening goes on, until the moment given back.
    pub(super) fn listen(&mut self, now: Tick) -> Result<(), Tick> {
        let Phase::Listening(say, _) = self.phase else { return Ok(()) };
        let want = self.want(say);
        let Phase::Listening(_, ear) = &mut self.phase else { return Ok(()) };
        let last = ear.last().unwrap_or(now);
        if let Some((got, rest)) = ear.look(|heard| look(&want, heard)) {
            self.got(now, last, say, got, rest);
            return Ok(());
        }
        match ear.until(now) {
            Ok(until) => return Err(until),
            Err(deaf) => match ear.alone() {
                Some(got) if deaf == Deaf::Spoilt => self.got(now, last, say, got, Vec::new()),
                _ => self.deaf(now, last, say, deaf),
            },
        }
        Ok(())
    }

    fn got(&mut self, now: Tick, last: Tick, say: Say, got: Got, rest: Vec<u8>) {
        match (say, got) {
            (_, Got::Ident(ident)) => self.identified(now, last, ident, rest),
            (_, Got::Seed(seed)) => {
                self.found.seed = Some(seed);
                self.open(last);
            }
            (Say::Password, Got::Ack) => self.proceed(last),
            (Say::Write, Got::Ack) => {
                let found = self.done();
                self.finish(last, Ended::Done(found));
            }
            // The same password again would only bring the meter nearer to locking up.
            (Say::Password, Got::Nak | Got::Break) => self.refused(last, 0, PASSWORD),
            (Say::Password, Got::Refused(refusal)) => self.refused(last, refusal.code, PASSWORD),
            (Say::Write, Got::Nak) => self.refused(last, 0, REPEAT),
            (Say::Write, Got::Refused(refusal)) => {
                self.refused(last, refusal.code, refusal.name);
            }
            (_, Got::Data { text, more }) => self.block(now, last, text, more),
            (Say::Read | Say::Again, Got::Refused(refusal)) if self.order().is_some() => {
                self.found.answers.push(Reply::Refused(refusal));
                self.order += 1;
                self.proceed(last);
            }
            (_, Got::Refused(refusal)) => self.refused(last, refusal.code, refusal.name),
            (Say::Read, Got::Nak) if self.repeats_left > 0 => {
                self.repeats_left -= 1;
                self.reply(last, Say::Read);
            }
            (_, Got::Nak | Got::Break | Got::Ack) => self.trouble(now, Trouble::Form("break")),
        }
    }

    fn refused(&mut self, last: Tick, code: u16, name: &'static str) {
        self.finish(last, Ended::Refused(Refusal { code, name }));
    }

    /// The meter waits for a password, or for what needs none.
    fn open(&mut self, last: Tick) {
        self.opened = true;
        match &self.plan {
            Plan::Program(Work { access: Some(_), .. }) => self.reply(last, Say::Password),
            _ => self.proceed(last),
        }
    }

    fn block(&mut self, now: Tick, last: Tick, text: String, more: bool) {
        let first = self.blocks.is_empty();
        // After a request to repeat, the meter repeats the last it said: without a name that may
        // have been the answer to an earlier question, or the block before.
        let older = if first { !named(&text) } else { text == self.block };
        if std::mem::take(&mut self.repeated) && older {
            return self.trouble(now, Trouble::Form("answer without address"));
        }
        if self.blocks.len() + text.len() > BLOCKS_MAX {
            return self.failed(now, Trouble::Endless);
        }
        self.blocks.push_str(&text);
        self.block = text;
        self.repeats_left = self.retry.reads;
        if more {
            return self.reply(last, Say::More);
        }
        let (sets, fault) = data::parse(&self.blocks);
        let damaged = data::damaged(&self.blocks);
        match self.plan {
            Plan::Table => {
                self.found.sets = sets;
                self.found.faults.extend(fault);
                self.found.damaged = damaged;
                let found = self.done();
                if found.ident.as_ref().is_some_and(|ident| matches!(ident.mode(), Mode::C(_))) {
                    self.ended = Some(Ended::Done(found));
                    self.phase = Phase::Over;
                } else {
                    // A meter of mode A or B could be programmed now, and waits for it.
                    self.finish(last, Ended::Done(found));
                }
            }
            // The table that a meter of mode A or B sends before it can be programmed.
            Plan::Program(_) if !self.inside_order() => self.open(last),
            Plan::Program(_) if fault.is_some() => {
                self.trouble(now, Trouble::Form("missing bracket"));
            }
            Plan::Program(_) => {
                self.found.answers.push(Reply::Data(sets));
                self.order += 1;
                self.proceed(last);
            }
        }
    }

    /// Whether what is heard now belongs to the value asked for.
    fn inside_order(&self) -> bool {
        self.opened && self.order().is_some()
    }

    fn deaf(&mut self, now: Tick, last: Tick, say: Say, deaf: Deaf) {
        let trouble = match deaf {
            Deaf::Silent => Trouble::Silent,
            Deaf::Babble => return self.failed(now, Trouble::Endless),
            Deaf::Noise | Deaf::Broken | Deaf::Spoilt => Trouble::Garbled,
        };
        let repeats = matches!(say, Say::Read | Say::More | Say::Again) && self.inside_order();
        if deaf == Deaf::Spoilt && repeats && self.repeats_left > 0 {
            self.repeats_left -= 1;
            return self.reply(last, Say::Again);
        }
        if say == Say::Password {
            // A meter may count it as wrong: at most once more.
            self.tries_left = self.tries_left.min(1);
        }
        if say == Say::Choose && matches!(deaf, Deaf::Silent | Deaf::Noise) && self.choosing() {
            self.slower();
        }
        self.trouble(now, trouble);
    }

    /// The meter did not come to the speed chosen: one lower, and for the last try the sign-on's.
    fn slower(&mut self) {
        self.doubt = true;
        let base = self.base();
        let lower = self.chosen.saturating_sub(1).max(base.min(self.chosen));
        self.most = if self.tries_left <= 1 { base } else { lower };
    }

    /// It went wrong; from the beginning, if it may be tried again.
    pub(super) fn trouble(&mut self, now: Tick, trouble: Trouble) {
        let left = self.tries_left.checked_sub(1).filter(|_| !self.write_left);
        match left {
            Some(left) => {
                self.tries_left = left;
                self.settle(now);
            }
            None => self.failed(now, trouble),
        }
    }

    /// It went wrong for good.
    pub(super) fn failed(&mut self, now: Tick, trouble: Trouble) {
        self.ended = Some(Ended::Failed(trouble));
        self.settle(now);
    }

    /// Quiet first: a late answer, or a table at another speed, may be under way.
    fn settle(&mut self, now: Tick) {
        let most = if self.doubt { TABLE_MAX } else { SETTLE_MAX };
        let quiet = now.max(self.left + self.timing.late);
        self.phase = Phase::Settle { quiet, hard: now + most };
    }
}

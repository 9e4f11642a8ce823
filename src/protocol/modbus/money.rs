//! The frame that carries money: one 10H on the registers a profile names for it.
//!
//! [`SendCredit`] can only be made from an [`IntentProof`]: the journal has the intent on disk. It
//! sends exactly one frame, ever. Its answer is a hint, never evidence: what happened is read back.

use super::ask::{Ask, Target};
use super::frame::Unit;
use super::pdu::{MAX_WRITE, Request};
use crate::protocol::exchange::{Once, Question, Reply, Timing, Trouble};
use crate::protocol::form::Form;
use crate::protocol::{Dialogue, Step, Tick, map_done};
use crate::units::{Act, IntentFacts, IntentProof};

/// A part of a recharge block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The amount bought, hundredths.
    Amount,
    /// The purchase count after it.
    Count,
    /// The customer number.
    Account,
}

/// Where and how a recharge is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditBlock {
    /// The first register.
    pub start: u16,
    /// What is written, in order, without gaps.
    pub parts: Vec<(Part, Form)>,
}

/// Registers a part takes in this form; `None` where it cannot be written so.
pub fn part_words(part: Part, form: Form) -> Option<u16> {
    match (part, form) {
        (_, Form::U16 | Form::I16 | Form::U32 | Form::I32) => form.words(),
        (_, Form::U32Swapped | Form::I32Swapped) => form.words(),
        // Twelve digits.
        (Part::Account, Form::Bcd | Form::BcdLow) => Some(3),
        _ => None,
    }
}

impl CreditBlock {
    /// Registers it takes; `None` if a part cannot be written in its form, or it is too long.
    pub fn words(&self) -> Option<u16> {
        let words = self.parts.iter().map(|(part, form)| part_words(*part, *form));
        let sum = words.sum::<Option<u16>>()?;
        let end = self.start.checked_add(sum.checked_sub(1)?);
        (usize::from(sum) <= MAX_WRITE).then_some(sum).filter(|_| end.is_some())
    }

    /// Whether it says which purchase it is: without that, the same frame arriving twice could book
    /// twice.
    pub fn pins_count(&self) -> bool {
        self.parts.iter().any(|(part, _)| *part == Part::Count)
    }

    /// The registers' contents; `None` if the facts cannot be expressed.
    fn fill(&self, facts: &IntentFacts) -> Option<Vec<u16>> {
        if facts.act != Act::Recharge && facts.act != Act::CarryIn {
            return None;
        }
        // A block without an amount, or with two, is nothing anybody can have meant.
        let amounts = self.parts.iter().filter(|(part, _)| *part == Part::Amount).count();
        self.words().filter(|_| amounts == 1)?;
        let mut words = Vec::new();
        for (part, form) in &self.parts {
            match part {
                Part::Amount => {
                    let amount = u64::try_from(facts.credit.value).ok().filter(|a| *a > 0)?;
                    words.extend(number(amount, *form)?);
                }
                Part::Count => {
                    let count = facts.count_before.next()?;
                    words.extend(number(u64::from(count.0), *form)?);
                }
                Part::Account => match form {
                    Form::Bcd => words.extend(pairs(facts.account.bcd())),
                    Form::BcdLow => words.extend(pairs(facts.account.wire())),
                    _ => words.extend(number(digits(facts.account.bcd()), *form)?),
                },
            }
        }
        Some(words)
    }
}

/// The words of a number; `None` if it does not fit.
fn number(value: u64, form: Form) -> Option<Vec<u16>> {
    let long = |value: u32| vec![(value >> 16) as u16, (value & 0xFFFF) as u16];
    let short = |value: u32| vec![(value & 0xFFFF) as u16, (value >> 16) as u16];
    let signed = |value| i32::try_from(value).ok().map(i32::unsigned_abs);
    match form {
        Form::U16 => u16::try_from(value).ok().map(|word| vec![word]),
        Form::I16 => i16::try_from(value).ok().map(|word| vec![word.unsigned_abs()]),
        Form::U32 => u32::try_from(value).ok().map(long),
        Form::I32 => signed(value).map(long),
        Form::U32Swapped => u32::try_from(value).ok().map(short),
        Form::I32Swapped => signed(value).map(short),
        _ => None,
    }
}

fn pairs([a, b, c, d, e, f]: [u8; 6]) -> [u16; 3] {
    [[a, b], [c, d], [e, f]].map(u16::from_be_bytes)
}

fn digits(bcd: [u8; 6]) -> u64 {
    bcd.iter().fold(0, |sum, byte| sum * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15))
}

/// What a meter said to a recharge. None of it is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditAnswer {
    /// It acknowledged.
    Acknowledged,
    /// It refused with this exception.
    Refused(u16),
    /// It said nothing. It may or may not have booked.
    Silent,
    /// Something came that is not its answer. It may or may not have booked.
    Garbled,
    /// The facts do not fit the block (amount not positive or too large, count exhausted). Nothing
    /// was sent.
    NotSent,
}

/// One recharge.
#[derive(Debug)]
pub struct SendCredit {
    state: State,
    timing: Timing,
}

#[derive(Debug)]
enum State {
    Asking(Box<Once<Ask>>),
    Holding(Tick, CreditAnswer),
}

impl SendCredit {
    /// Uses up the proof. The line was last busy at `last_byte`.
    pub fn new(
        proof: IntentProof,
        target: &Target,
        block: &CreditBlock,
        timing: Timing,
        last_byte: Tick,
    ) -> Self {
        Self::from_facts(proof.facts(), target, block, timing, last_byte)
    }

    /// Private: outside this file a recharge needs a proof.
    fn from_facts(
        facts: &IntentFacts,
        target: &Target,
        block: &CreditBlock,
        timing: Timing,
        last_byte: Tick,
    ) -> Self {
        let one_meter = target.unit != Unit::BROADCAST;
        let state = match block.fill(facts).filter(|_| one_meter) {
            Some(words) => {
                let ask = Ask::new(target, Request::WriteMany { start: block.start, words });
                State::Asking(Box::new(Once::new(ask, timing, last_byte + timing.silence)))
            }
            None => State::Holding(Tick::ZERO, CreditAnswer::NotSent),
        };
        Self { state, timing }
    }
}

impl Dialogue for SendCredit {
    type Output = CreditAnswer;

    fn step(&mut self, now: Tick) -> Step<CreditAnswer> {
        if let State::Asking(once) = &mut self.state {
            let ended = match once.step(now) {
                Step::Done(ended) => ended,
                // Not `Done`, so the result named here is never made.
                step => return map_done(step, |_| CreditAnswer::Garbled),
            };
            let wire = self.timing.wire(once.question().answer_len());
            let quiet = (self.timing.turnaround + self.timing.slack + wire).max(self.timing.late);
            // After an answer come reads, of another function: even the same answer again could
            // not pass for one of theirs. After none the line is held quiet.
            let (answer, quiet) = match ended {
                Ok(Reply::Data(_)) => (CreditAnswer::Acknowledged, Tick::ZERO),
                Ok(Reply::Refused(refusal)) => (CreditAnswer::Refused(refusal.code), Tick::ZERO),
                Err(Trouble::Silent) => (CreditAnswer::Silent, quiet),
                Err(_) => (CreditAnswer::Garbled, quiet),
            };
            self.state = State::Holding(now + quiet, answer);
        }
        match &self.state {
            State::Holding(until, _) if now < *until => Step::Quarantine(*until),
            State::Holding(_, answer) => Step::Done(*answer),
            // Left above in every case.
            State::Asking(_) => Step::Wait(now + self.timing.gap),
        }
    }

    fn sent(&mut self, end: Tick) {
        if let State::Asking(once) = &mut self.state {
            once.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let State::Asking(once) = &mut self.state {
            once.feed(bytes, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::modbus::frame::rtu;
    use crate::units::{Credit, CreditUnit, PurchaseCount, TokenId};

    fn facts(value: i64, count: u32) -> IntentFacts {
        IntentFacts {
            act: crate::units::Act::Recharge,
            token: TokenId([0; 16]),
            meter: "47".parse().unwrap(),
            account: "112233445566".parse().unwrap(),
            count_before: PurchaseCount(count),
            credit: Credit { value, unit: CreditUnit::Yuan },
            order: [0; 8],
        }
    }

    fn block(parts: &[(Part, Form)]) -> CreditBlock {
        CreditBlock { start: 0x050D, parts: parts.to_vec() }
    }

    /// The block the maker prints (ADF400L 050D, 050F), and the customer behind it.
    fn whole() -> CreditBlock {
        block(&[(Part::Amount, Form::U32), (Part::Count, Form::U16), (Part::Account, Form::Bcd)])
    }

    /// Sends a credit, answers with `reply` after `after`; the answer and every frame sent.
    fn credit(
        facts: &IntentFacts,
        block: &CreditBlock,
        reply: &[u8],
        after: Duration,
    ) -> (CreditAnswer, Vec<Vec<u8>>) {
        let timing = Timing::new(Duration::from_millis(1), Duration::from_millis(10));
        let target = Target::rtu(Unit(13));
        let mut send = SendCredit::from_facts(facts, &target, block, timing, Tick::ZERO);
        let (mut now, mut sent, mut due) = (Tick::ZERO, Vec::new(), None);
        for _ in 0..1000 {
            match send.step(now) {
                Step::Send(bytes) => {
                    sent.push(bytes);
                    send.sent(now);
                    due = Some(now + after);
                }
                Step::Tune(_) => unreachable!("Modbus keeps its speed"),
                Step::Wait(until) => match due.take() {
                    Some(at) if at <= until => {
                        now = at;
                        send.feed(reply, now);
                    }
                    other => (due, now) = (other, until),
                },
                Step::Quarantine(until) => now = until,
                Step::Done(answer) => return (answer, sent),
            }
        }
        panic!("does not end");
    }

    #[test]
    fn the_frame_is_amount_count_account() {
        let ack = rtu(Unit(13), &[0x10, 5, 0x0D, 0, 6]);
        let (answer, sent) = credit(&facts(10_000, 6), &whole(), &ack, Duration::from_millis(30));
        assert_eq!(answer, CreditAnswer::Acknowledged);
        let pdu = [
            0x10, 0x05, 0x0D, 0, 6, 12, 0, 0, 0x27, 0x10, 0, 7, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
        ];
        assert_eq!(sent, [rtu(Unit(13), &pdu)]);
        let swapped = block(&[
            (Part::Count, Form::U32Swapped),
            (Part::Account, Form::BcdLow),
            (Part::Amount, Form::I32Swapped),
        ]);
        let (_, sent) = credit(&facts(0x0001_0002, 6), &swapped, &ack, Duration::ZERO);
        let data = [0, 7, 0, 0, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 2, 0, 1];
        assert_eq!(sent[0][7..21], data);
    }

    #[test]
    fn one_frame_leaves_whatever_comes_back() {
        let (soon, facts) = (Duration::from_millis(30), facts(1, 5));
        let own = credit(&facts, &whole(), &[], soon).1.remove(0);
        let ack = rtu(Unit(13), &[0x10, 5, 0x0D, 0, 6]);
        let other = rtu(Unit(13), &[0x10, 5, 0x0D, 0, 5]);
        for (reply, after, expected) in [
            (&[][..], soon, CreditAnswer::Silent),
            (&own, soon, CreditAnswer::Garbled),
            (&[own.clone(), ack.clone()].concat(), soon, CreditAnswer::Acknowledged),
            (&ack[..6], soon, CreditAnswer::Garbled),
            (&other, soon, CreditAnswer::Garbled),
            (&rtu(Unit(13), &[0x90, 3]), soon, CreditAnswer::Refused(3)),
            (&rtu(Unit(14), &[0x10, 5, 0x0D, 0, 6]), soon, CreditAnswer::Garbled),
            (&ack, Duration::from_secs(2), CreditAnswer::Silent),
        ] {
            let (answer, sent) = credit(&facts, &whole(), reply, after);
            assert_eq!((answer, sent.len()), (expected, 1), "{reply:02X?}");
        }
    }

    #[test]
    fn what_cannot_be_expressed_is_not_sent() {
        let soon = Duration::from_millis(30);
        let none = |facts: &IntentFacts, block: &CreditBlock| {
            assert_eq!(credit(facts, block, &[], soon), (CreditAnswer::NotSent, Vec::new()));
        };
        for (value, count) in
            [(0, 5), (-100, 5), (i64::from(u32::MAX) + 1, 5), (1, u32::MAX), (1, 65_535)]
        {
            none(&facts(value, count), &whole());
        }
        let amount = (Part::Amount, Form::U32);
        none(&facts(1, 5), &block(&[(Part::Count, Form::U16)]));
        none(&facts(1, 5), &block(&[amount, amount]));
        none(&facts(1, 5), &block(&[]));
        none(&facts(1, 5), &block(&[(Part::Amount, Form::Bcd)]));
        none(&facts(1, 5), &block(&[amount, (Part::Account, Form::U32)]));
        none(&facts(i64::from(i32::MAX) + 1, 5), &block(&[(Part::Amount, Form::I32)]));
        none(&facts(1, 5), &CreditBlock { start: 0xFFFF, parts: vec![amount] });
        let facts = facts(1, 5);
        let timing = Timing::new(Duration::ZERO, Duration::ZERO);
        let all = Target::rtu(Unit::BROADCAST);
        let mut send = SendCredit::from_facts(&facts, &all, &whole(), timing, Tick::ZERO);
        let step = send.step(Tick::ZERO);
        assert!(matches!(step, Step::Done(CreditAnswer::NotSent)), "{step:?}");
    }

    #[test]
    fn a_block_says_whether_it_names_the_purchase() {
        assert!(whole().pins_count());
        assert!(!block(&[(Part::Amount, Form::U32)]).pins_count());
        assert_eq!(whole().words(), Some(6));
    }
}

//! The frames that carry money, and the purse status (03H).
//!
//! [`SendCredit`] can only be made from an [`IntentProof`]: the journal has the intent on disk. It
//! sends exactly one frame, ever. Its answer is a hint, never evidence: what happened is read back.
//! The frames' layouts are in `layouts.rs`; what takes credit out is in `debit.rs`.

use super::super::frame::Address;
use super::super::words::ErrorWord;
use super::careful::Careful;
use super::exchange::{Answer, Exchange, Question, Want, request};
use super::layouts::{DI_OPEN, RechargeLayout, head, purse_tail};
use super::{ExchangeError, Retry, Timing};
use crate::protocol::map_done;
use crate::protocol::{Dialogue, Step, Tick};
use crate::units::{AccountNo, IntentFacts, IntentProof, MeterNo, PurchaseCount};

const DI_STATUS: u32 = 0x0781_02FF;
/// Identifier, money 4, MAC 4, count 4, MAC 4, customer 6, key info 4.
const STATUS_DATA: usize = 30;
/// What a meter said to a recharge. None of it is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditAnswer {
    /// It acknowledged; some vendors send more behind the identifier.
    Acknowledged(Vec<u8>),
    /// It refused with this SERR or ERR word (0 when it gave none); a maker's own code comes as
    /// the SERR bit that says the same ([`ErrorWord::as_serr`]).
    Refused(u16),
    /// It said nothing. It may or may not have booked.
    Silent,
    /// Something came that is not its answer. It may or may not have booked.
    Garbled,
    /// The facts do not fit the layout (amount not positive or too large, count exhausted). Nothing
    /// was sent.
    NotSent,
}

/// One recharge.
#[derive(Debug)]
pub struct SendCredit(MoneyFrame);

impl SendCredit {
    /// Uses up the proof. `operator` is the operator code, high byte first.
    pub fn new(
        proof: IntentProof,
        layout: RechargeLayout,
        operator: [u8; 4],
        timing: Timing,
    ) -> Self {
        Self::from_facts(proof.facts(), layout, operator, timing)
    }

    /// Private: outside this file a recharge needs a proof.
    fn from_facts(
        facts: &IntentFacts,
        layout: RechargeLayout,
        operator: [u8; 4],
        timing: Timing,
    ) -> Self {
        let question = layout.data(facts, operator).map(|(di, data)| {
            let frame = request(Address::meter(facts.meter), 0x03, data);
            Question::new(frame, Want::Di(di), 18)
        });
        Self(MoneyFrame::new(question, timing))
    }
}

impl Dialogue for SendCredit {
    type Output = CreditAnswer;

    fn step(&mut self, now: Tick) -> Step<CreditAnswer> {
        self.0.step(now)
    }

    fn sent(&mut self, end: Tick) {
        self.0.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.0.feed(bytes, now);
    }
}

/// One frame that carries money, sent once, and what the meter said to it: no evidence.
#[derive(Debug)]
pub(super) struct MoneyFrame {
    state: Credit,
    timing: Timing,
}

#[derive(Debug)]
enum Credit {
    Asking(Box<Exchange>, std::time::Duration),
    Holding(Tick, CreditAnswer),
}

impl MoneyFrame {
    /// `None` where the facts cannot be expressed: nothing is sent.
    pub(super) fn new(question: Option<Question>, timing: Timing) -> Self {
        let Some(mut question) = question else {
            let state = Credit::Holding(Tick::ZERO, CreditAnswer::NotSent);
            return Self { state, timing };
        };
        question.secure = true;
        let late = question.quiet(&timing).max(timing.late);
        Self { state: Credit::Asking(Box::new(Exchange::new(question, timing)), late), timing }
    }
}

impl Dialogue for MoneyFrame {
    type Output = CreditAnswer;

    fn step(&mut self, now: Tick) -> Step<CreditAnswer> {
        if let Credit::Asking(exchange, late) = &mut self.state {
            let step = exchange.step(now);
            let Step::Done(answer) = step else {
                return map_done(step, |_| CreditAnswer::Garbled);
            };
            // After an answer come reads, of another control code: even the same answer again
            // could not pass for one of theirs. After none the line is held quiet.
            let (answer, quiet) = match answer {
                Answer::Reply(frame) => {
                    let extra = frame.data.get(4..).unwrap_or_default().to_vec();
                    (CreditAnswer::Acknowledged(extra), Tick::ZERO)
                }
                Answer::Refused(word, _) => {
                    let word = word.map_or(0, ErrorWord::as_serr);
                    (CreditAnswer::Refused(word), Tick::ZERO)
                }
                Answer::Failed(ExchangeError::Silent) => (CreditAnswer::Silent, *late),
                Answer::Failed(_) => (CreditAnswer::Garbled, *late),
            };
            self.state = Credit::Holding(now + quiet, answer);
        }
        match &self.state {
            Credit::Holding(until, _) if now < *until => Step::Quarantine(*until),
            Credit::Holding(_, answer) => Step::Done(answer.clone()),
            // Left above in every case.
            Credit::Asking(..) => Step::Wait(now + self.timing.gap),
        }
    }

    fn sent(&mut self, end: Tick) {
        if let Credit::Asking(exchange, _) = &mut self.state {
            exchange.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let Credit::Asking(exchange, _) = &mut self.state {
            exchange.feed(bytes, now);
        }
    }
}

/// Opens an account WITHOUT money: amount 0, the count the meter has. Sets the customer number.
#[derive(Debug)]
pub struct OpenAccount {
    once: super::once::Once,
}

impl OpenAccount {
    /// `count` must be the meter's present purchase count: with it the meter books nothing and the
    /// command can be repeated safely.
    pub fn new(
        meter: MeterNo,
        account: AccountNo,
        count: PurchaseCount,
        operator: [u8; 4],
        timing: Timing,
    ) -> Self {
        let mut data = head(DI_OPEN, operator);
        data.extend([0; 4]);
        purse_tail(&mut data, count, account);
        let frame = request(Address::meter(meter), 0x03, data);
        let mut question = Question::new(frame, Want::Di(DI_OPEN), 4);
        question.secure = true;
        Self { once: super::once::Once::new(question, timing) }
    }
}

impl Dialogue for OpenAccount {
    type Output = Result<(), ExchangeError>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.once.step(now), |ended| ended.map(|_| ()))
    }

    fn sent(&mut self, end: Tick) {
        self.once.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.once.feed(bytes, now);
    }
}

/// What a meter's purse holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurseStatus {
    /// Remaining money in hundredths (or 0.01 kWh).
    pub balance: u32,
    /// Purchase count.
    pub count: PurchaseCount,
    /// Customer number; `None` when it is zero or no number.
    pub account: Option<AccountNo>,
    /// Key information, wire order.
    pub key_info: [u8; 4],
}

impl PurseStatus {
    /// Reads the body of an answer to 078102FF: money 4, MAC 4, count 4, MAC 4, customer 6, key
    /// info 4. The MACs are for a security module; they are not checked here.
    pub fn read(body: &[u8]) -> Option<Self> {
        let four = |at: usize| -> Option<[u8; 4]> { body.get(at..at + 4)?.try_into().ok() };
        let customer: [u8; 6] = body.get(16..22)?.try_into().ok()?;
        Some(Self {
            balance: u32::from_le_bytes(four(0)?),
            count: PurchaseCount(u32::from_le_bytes(four(8)?)),
            account: AccountNo::from_wire(customer).filter(|_| customer != [0; 6]),
            key_info: four(22)?,
        })
    }
}

/// Reads the purse (078102FF). Changes nothing, so it may be asked again.
#[derive(Debug)]
pub struct AccountStatus {
    careful: Careful,
}

impl AccountStatus {
    /// `operator` is the operator code, high byte first.
    pub fn new(address: Address, operator: [u8; 4], timing: Timing, retry: Retry) -> Self {
        let frame = request(address, 0x03, head(DI_STATUS, operator));
        let mut question = Question::new(frame, Want::Di(DI_STATUS), STATUS_DATA);
        question.secure = true;
        Self { careful: Careful::new(question, timing, retry, false) }
    }
}

impl Dialogue for AccountStatus {
    type Output = Result<PurseStatus, ExchangeError>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.careful.step(now), |answer| match answer {
            Answer::Reply(frame) => {
                frame.data.get(4..).and_then(PurseStatus::read).ok_or(ExchangeError::Form)
            }
            Answer::Refused(Some(word), _) => Err(ExchangeError::Refused(word)),
            Answer::Refused(None, _) => Err(ExchangeError::Form),
            Answer::Failed(error) => Err(error),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.careful.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.careful.feed(bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::frame::{Decoder, Frame};
    use super::super::layouts::DI_RECHARGE;
    use super::*;
    use crate::protocol::value::hex;
    use crate::units::{Credit as Amount, CreditUnit, TokenId};

    fn facts(value: i64, count: u32) -> IntentFacts {
        IntentFacts {
            act: crate::units::Act::Recharge,
            token: TokenId([0; 16]),
            meter: "47".parse().unwrap(),
            account: "112233445566".parse().unwrap(),
            count_before: PurchaseCount(count),
            credit: Amount { value, unit: CreditUnit::Yuan },
            order: [0x12, 0x40, 0x82, 0x62, 0x02, 0x12, 0x41, 0x38],
        }
    }

    fn timing() -> Timing {
        Timing::new(Duration::from_micros(4583), Duration::from_millis(10))
    }

    /// Sends a credit, answers with `reply` after `after`, and gives the answer and every frame
    /// sent.
    fn credit(
        facts: &IntentFacts,
        layout: RechargeLayout,
        reply: &[u8],
        after: Duration,
    ) -> (CreditAnswer, Vec<Frame>) {
        let mut send = SendCredit::from_facts(facts, layout, [0x11, 0x22, 0x33, 0x44], timing());
        let (mut now, mut sent, mut due) = (Tick::ZERO, Vec::new(), None);
        for _ in 0..1000 {
            match send.step(now) {
                Step::Send(bytes) => {
                    let mut decoder = Decoder::new();
                    decoder.push(&bytes);
                    sent.extend(decoder.flatten());
                    send.sent(now);
                    due = Some(now + after);
                }
                Step::Tune(_) => unreachable!("DL/T 645 keeps its speed"),
                Step::Wait(until) => match due.take() {
                    Some(at) if at <= until => {
                        now = at;
                        send.feed(reply, now);
                    }
                    other => {
                        due = other;
                        now = until;
                    }
                },
                Step::Quarantine(until) => now = until,
                Step::Done(answer) => return (answer, sent),
            }
        }
        panic!("does not end");
    }

    fn frame(control: u8, data: &[u8]) -> Vec<u8> {
        Frame::new(Address::meter("47".parse().unwrap()), control, data).encode(4)
    }

    #[test]
    fn the_frames_are_those_of_the_reference() {
        let ack = frame(0x83, &DI_RECHARGE.to_le_bytes());
        let soon = Duration::from_millis(30);
        let (answer, sent) = credit(&facts(10_000, 0), RechargeLayout::Sgcc, &ack, soon);
        assert_eq!(answer, CreditAnswer::Acknowledged(vec![]));
        // Vector 078 with another operator and the MACs zero.
        let data = "FF020107443322111027000001000000000000006655443322110000000 0".replace(' ', "");
        assert_eq!((sent.len(), hex(&sent[0].data)), (1, data));
        let tms = IntentFacts { meter: "260305510012".parse().unwrap(), ..facts(10_000, 0) };
        let (_, sent) = credit(&tms, RechargeLayout::Tms, &[], soon);
        // Vector 045, byte for byte.
        let data = "FF020107443322111027000038411202628240120000000012005105032600000000";
        assert_eq!((sent.len(), hex(&sent[0].data)), (1, data.to_owned()));
        assert_eq!(sent[0].address.to_string(), "260305510012");
    }

    #[test]
    fn a_refusal_is_read_by_its_length() {
        for (data, word) in [(&[0x02, 0x00][..], 0x0002), (&[0x40, 0x01], 0x0140), (&[0x01], 1)] {
            let soon = Duration::from_millis(30);
            let refusal = frame(0xC3, data);
            let (answer, _) = credit(&facts(100, 5), RechargeLayout::Sgcc, &refusal, soon);
            assert_eq!(answer, CreditAnswer::Refused(word), "{data:02X?}");
        }
    }

    #[test]
    fn a_ko_code_is_told_as_the_serr_bit_that_says_the_same() {
        let codes =
            [(0x80, 0x0020), (0x81, 0x0010), (0x82, 0x0040), (0x83, 0x8000), (0x84, 0x0001)];
        for (code, word) in codes {
            let refusal = frame(0xC3, &[code]);
            let soon = Duration::from_millis(30);
            let (answer, _) = credit(&facts(100, 5), RechargeLayout::Ko, &refusal, soon);
            assert_eq!(answer, CreditAnswer::Refused(word), "{code:02X}");
        }
    }

    #[test]
    fn a_first_purchase_through_a_tw_gateway_is_an_opening() {
        let soon = Duration::from_millis(30);
        for (count, di) in [(0, DI_OPEN), (1, DI_RECHARGE)] {
            let own = frame(0x83, &di.to_le_bytes());
            let (answer, sent) = credit(&facts(100, count), RechargeLayout::Tw, &own, soon);
            assert_eq!(answer, CreditAnswer::Acknowledged(vec![]));
            assert_eq!((sent.len(), sent[0].di()), (1, Some(di)));
            let other = frame(0x83, &(di ^ 0x0003_0000).to_le_bytes());
            let (answer, _) = credit(&facts(100, count), RechargeLayout::Tw, &other, soon);
            assert_eq!(answer, CreditAnswer::Garbled, "the answer to the other command");
        }
    }

    #[test]
    fn one_frame_leaves_whatever_comes_back() {
        let other = frame(0x83, &0x0701_01FF_u32.to_le_bytes());
        let echo = frame(0x03, &DI_RECHARGE.to_le_bytes());
        let ack = frame(0x83, &DI_RECHARGE.to_le_bytes());
        let soon = Duration::from_millis(30);
        for (reply, after, expected) in [
            (&[][..], soon, CreditAnswer::Silent),
            (&echo, soon, CreditAnswer::Silent),
            (&ack[..12], soon, CreditAnswer::Garbled),
            (&other, soon, CreditAnswer::Garbled),
            (&ack, Duration::from_secs(20), CreditAnswer::Silent),
            (&ack, Duration::from_secs(6), CreditAnswer::Acknowledged(vec![])),
        ] {
            let (answer, sent) = credit(&facts(1, 5), RechargeLayout::Sgcc, reply, after);
            assert_eq!((answer, sent.len()), (expected, 1), "{reply:02X?} after {after:?}");
        }
    }

    #[test]
    fn facts_that_do_not_fit_are_not_sent() {
        let too_much = i64::from(u32::MAX) + 1;
        for (value, count) in [(0, 5), (-100, 5), (too_much, 5), (100, u32::MAX)] {
            for layout in RechargeLayout::ALL {
                let facts = facts(value, count);
                let (answer, sent) = credit(&facts, layout, &[], Duration::ZERO);
                assert_eq!((answer, sent.len()), (CreditAnswer::NotSent, 0), "{value} {count}");
            }
        }
    }
}

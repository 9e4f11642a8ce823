//! The frame that takes credit out of a meter: refund, reversal, the debit of a swap.
//!
//! [`SendDebit`] can only be made from an [`IntentProof`], like a recharge, and sends exactly one
//! frame. A debit takes no step of the purchase count: the meter cannot tell a second copy from the
//! first, so nothing here or above ever sends one again. Its answer is a hint, never evidence.

use super::super::frame::Address;
use super::Timing;
use super::exchange::{Question, Want, request};
use super::money::{CreditAnswer, MoneyFrame};
use super::writes::{Access, DI_REFUND};
use crate::protocol::{Dialogue, Step, Tick};
use crate::units::{IntentFacts, IntentProof};

/// Highest password level; 98 and 99 are for security modules, whose MAC nobody here can make.
const PASSWORD_LEVELS: std::ops::RangeInclusive<u8> = 0x00..=0x09;

/// How a meter wants to be debited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebitLayout {
    /// The grid company's: control 14H on identifier 04001006, amount in binary, low byte first.
    /// The MAC behind it belongs to levels 98 and 99; with a password there is none (dlt645.md
    /// 6.4).
    Sgcc,
}

impl DebitLayout {
    /// The data of the frame; `None` if the facts cannot be expressed.
    fn data(self, facts: &IntentFacts, access: &Access) -> Option<Vec<u8>> {
        let Self::Sgcc = self;
        if !facts.act.is_debit() || !PASSWORD_LEVELS.contains(&access.level) {
            return None;
        }
        let amount = u32::try_from(facts.credit.value).ok().filter(|amount| *amount > 0)?;
        let mut data = DI_REFUND.to_le_bytes().to_vec();
        data.extend(access.password_wire());
        // The meter keeps this code in its programming records: the end of the token's identity, by
        // which a debit is known again (`jobs/evidence/written.rs`).
        data.extend(facts.token.tail());
        data.extend(amount.to_le_bytes());
        Some(data)
    }
}

/// One debit.
#[derive(Debug)]
pub struct SendDebit(MoneyFrame);

impl SendDebit {
    /// Uses up the proof.
    pub fn new(proof: IntentProof, layout: DebitLayout, access: &Access, timing: Timing) -> Self {
        Self::from_facts(proof.facts(), layout, access, timing)
    }

    /// Private: outside this file a debit needs a proof.
    fn from_facts(
        facts: &IntentFacts,
        layout: DebitLayout,
        access: &Access,
        timing: Timing,
    ) -> Self {
        let question = layout.data(facts, access).map(|data| {
            let frame = request(Address::meter(facts.meter), 0x14, data);
            Question::new(frame, Want::Function, 0)
        });
        Self(MoneyFrame::new(question, timing))
    }
}

impl Dialogue for SendDebit {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::frame::{Decoder, Frame};
    use super::super::PasswordOrder;
    use super::*;
    use crate::protocol::value::hex;
    use crate::units::{Act, Credit, CreditUnit, PurchaseCount, TokenId};

    const ACCESS: Access = Access {
        level: 0x02,
        password: [0x12, 0x34, 0x56],
        operator: [0x11, 0x22, 0x33, 0x44],
        order: PasswordOrder::LowFirst,
    };

    fn facts(act: Act, value: i64) -> IntentFacts {
        IntentFacts {
            act,
            token: TokenId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11]),
            meter: "47".parse().unwrap(),
            account: "112233445566".parse().unwrap(),
            count_before: PurchaseCount(3),
            credit: Credit { value, unit: CreditUnit::Yuan },
            order: [0; 8],
        }
    }

    /// Sends a debit, answers with `reply` 30 ms later; the answer and every frame that was sent.
    fn debit(facts: &IntentFacts, access: &Access, reply: &[u8]) -> (CreditAnswer, Vec<Frame>) {
        let timing = Timing::new(Duration::from_micros(4583), Duration::from_millis(10));
        let mut send = SendDebit::from_facts(facts, DebitLayout::Sgcc, access, timing);
        let (mut now, mut sent, mut due) = (Tick::ZERO, Vec::new(), None);
        for _ in 0..1000 {
            match send.step(now) {
                Step::Send(bytes) => {
                    let mut decoder = Decoder::new();
                    decoder.push(&bytes);
                    sent.extend(decoder.flatten());
                    send.sent(now);
                    due = Some(now + Duration::from_millis(30));
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
    fn the_frame_is_that_of_the_reference() {
        for act in [Act::Refund, Act::Reversal, Act::CarryOut] {
            let (answer, sent) = debit(&facts(act, 12_345), &ACCESS, &frame(0x94, &[]));
            assert_eq!((answer, sent.len()), (CreditAnswer::Acknowledged(vec![]), 1), "{act:?}");
            // Identifier, PA and password low byte first, end of the token, amount in binary; no
            // MAC.
            assert_eq!(hex(&sent[0].data), "06100004025634124433221139300000");
            assert_eq!(sent[0].control, 0x14);
        }
    }

    #[test]
    fn one_frame_leaves_whatever_comes_back() {
        let own = facts(Act::Refund, 100);
        let ack = frame(0x94, &[]);
        for (reply, expected) in [
            (&[][..], CreditAnswer::Silent),
            (&ack[..9], CreditAnswer::Garbled),
            (&frame(0xD4, &[0x04]), CreditAnswer::Refused(4)),
            // The answer to a read that came late.
            (&frame(0x91, &[0, 0, 0, 0, 1]), CreditAnswer::Garbled),
        ] {
            let (answer, sent) = debit(&own, &ACCESS, reply);
            assert_eq!((answer, sent.len()), (expected, 1), "{reply:02X?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 512, failure_persistence: None, ..Default::default()
        })]

        /// Whatever comes back, one frame left; and only the meter's own word is taken for a yes.
        #[test]
        fn no_bytes_make_a_debit_leave_twice(
            reply in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
            good in proptest::prelude::any::<bool>(),
        ) {
            let own = facts(Act::Refund, 100);
            let bytes = if good { [&reply[..], &frame(0x94, &[])].concat() } else { reply };
            let (answer, sent) = debit(&own, &ACCESS, &bytes);
            proptest::prop_assert_eq!(sent.len(), 1);
            proptest::prop_assert!(good || !matches!(answer, CreditAnswer::Acknowledged(_)));
        }
    }

    #[test]
    fn what_is_no_debit_is_not_sent() {
        let module = Access { level: 0x99, ..ACCESS };
        let too_much = i64::from(u32::MAX) + 1;
        for (facts, access) in [
            (facts(Act::Recharge, 100), &ACCESS),
            (facts(Act::Open, 100), &ACCESS),
            (facts(Act::CarryIn, 100), &ACCESS),
            (facts(Act::Refund, 0), &ACCESS),
            (facts(Act::Refund, -100), &ACCESS),
            (facts(Act::Refund, too_much), &ACCESS),
            (facts(Act::Refund, 100), &module),
        ] {
            let (answer, sent) = debit(&facts, access, &[]);
            assert_eq!((answer, sent.len()), (CreditAnswer::NotSent, 0), "{facts:?}");
        }
    }
}

//! What is said about the end of a recharge: what happened, what it means for the customer's
//! money, and what to do next. The three outcomes have one sign and one word each.

use super::{Both, Lang, both};
use crate::text::errors::Words;
use crate::units::{Act, Decision, Outcome};

messages! {
    outcome_accepted() { en: "ACCEPTED", zh: "已到账" }
    outcome_refused() { en: "REFUSED", zh: "未到账" }
    outcome_unknown() { en: "UNKNOWN", zh: "结果未知" }
    decision_confirmed() { en: "confirmed by read-back", zh: "回读已确认" }
    decision_confirmed_weak() { en: "confirmed by the balance", zh: "按剩余金额确认" }
    decision_not_applied() { en: "not in the meter", zh: "未写入电表" }
    decision_raced() { en: "step taken by another recharge", zh: "该次已被其他充值占用" }
    decision_torn_write() { en: "count moved, balance did not", zh: "次数已加，金额未加" }
    decision_reset() { en: "meter reset or replaced", zh: "电表被清零或已换表" }
    decision_contradiction() { en: "records contradict", zh: "记录互相矛盾" }
    decision_unreachable() { en: "meter not reachable", zh: "电表读不到" }
    refusal_word(word: &str) { en: "The meter said: {word}", zh: "电表应答：{word}" }
}

/// The sign of an outcome; a word always stands beside it.
pub fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "OK",
        Outcome::Refused => "X",
        Outcome::Unknown => "?",
    }
}

impl Lang {
    /// The word for an outcome.
    pub fn outcome(self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Accepted => self.outcome_accepted(),
            Outcome::Refused => self.outcome_refused(),
            Outcome::Unknown => self.outcome_unknown(),
        }
    }

    /// What a money act does, in a word.
    pub fn act(self, act: Act) -> &'static str {
        match act {
            Act::Recharge => self.act_recharge(),
            Act::Refund => self.act_refund(),
            Act::CarryIn => self.act_carry_in(),
            Act::CarryOut => self.act_carry_out(),
            Act::Open => self.act_open(),
            Act::Reversal => self.act_reversal(),
        }
    }

    /// A few words for a decision, for lists.
    pub fn decision(self, decision: Decision) -> &'static str {
        match decision {
            Decision::Confirmed => self.decision_confirmed(),
            Decision::ConfirmedWeak => self.decision_confirmed_weak(),
            Decision::NotApplied => self.decision_not_applied(),
            Decision::Raced => self.decision_raced(),
            Decision::TornWrite => self.decision_torn_write(),
            Decision::Reset => self.decision_reset(),
            Decision::Contradiction => self.decision_contradiction(),
            Decision::Unreachable => self.decision_unreachable(),
        }
    }
}

const LEFT_OPEN: Both = both(
    "Do not sell again and do not repeat. This meter takes no other recharge until it is settled.",
    "请勿再次售电，也不要重复充值。查清之前，本表不再接受其他充值。",
);

const OFFICE_DECIDES: Both = both(
    "Sync: the office decides from what was read. Reading again cannot settle it.",
    "请同步，由后台根据读数裁定。再读一次也无法确定。",
);

/// The sentences for the end of a recharge.
pub fn words(decision: Decision) -> &'static Words {
    match decision {
        Decision::Confirmed => &CONFIRMED,
        Decision::ConfirmedWeak => &CONFIRMED_WEAK,
        Decision::NotApplied => &NOT_APPLIED,
        Decision::Raced => &RACED,
        Decision::TornWrite => &TORN_WRITE,
        Decision::Reset => &RESET,
        Decision::Contradiction => &CONTRADICTION,
        Decision::Unreachable => &UNREACHABLE,
    }
}

const CONFIRMED: Words = Words {
    title: both("The credit is in the meter; it was read back.", "金额已写入电表，并已回读确认。"),
    money: both(
        "The customer has the full amount. The token is used up.",
        "客户已得到全部金额，令牌已用完。",
    ),
    next: both(
        "Nothing more to do here. It reaches the office with the next sync.",
        "此处无需再操作，下次同步时上报后台。",
    ),
};

const CONFIRMED_WEAK: Words = Words {
    title: both(
        "The balance rose by the amount; the purchase record could not be read.",
        "剩余金额已按此增加，但购电记录无法读取。",
    ),
    money: both(
        "The customer has the amount. The token is used up.",
        "客户已得到该金额，令牌已用完。",
    ),
    next: both("Sync soon: the office checks it once more.", "请尽快同步，后台会再核对一次。"),
};

const NOT_APPLIED: Words = Words {
    title: both("The meter was read back: the credit is not in it.", "已回读电表：金额没有写入。"),
    money: both(
        "The customer has received nothing and lost nothing. The token is still good.",
        "客户未得到该金额，也没有损失，令牌仍然有效。",
    ),
    next: both(
        "You may recharge again with the same token, here or later.",
        "可用同一令牌再次充值，现在或以后均可。",
    ),
};

const RACED: Words = Words {
    title: both(
        "Another recharge took this step in the meter.",
        "电表的这一次购电已被另一笔充值占用。",
    ),
    money: both(
        "This token added nothing and never can. Its value is still with the office.",
        "该令牌未写入金额，今后也无法写入，其金额仍在后台。",
    ),
    next: both(
        "Sync, so that the office settles it and issues a new token.",
        "请同步，由后台核销并重新签发令牌。",
    ),
};

const TORN_WRITE: Words = Words {
    title: both(
        "The meter counted the recharge, but its balance did not follow.",
        "电表已计购电次数，但剩余金额没有相应增加。",
    ),
    money: LEFT_OPEN,
    next: OFFICE_DECIDES,
};

const RESET: Words = Words {
    title: both(
        "The meter's count went back or its customer number changed.",
        "电表购电次数变小，或客户编号已改变。",
    ),
    money: LEFT_OPEN,
    next: OFFICE_DECIDES,
};

const CONTRADICTION: Words = Words {
    title: both("What the meter shows contradicts itself.", "电表显示的数据互相矛盾。"),
    money: LEFT_OPEN,
    next: OFFICE_DECIDES,
};

const UNREACHABLE: Words = Words {
    title: both("It was sent, but the meter could not be read back.", "已发送，但无法回读电表。"),
    money: both(
        "The credit may or may not be in the meter. Do not sell again and do not repeat.",
        "金额可能已写入，也可能没有。请勿再次售电或重复充值。",
    ),
    next: both(
        "Check cable or optical head and read again. It stays listed under \"What happened?\".",
        "检查线缆或光电头后再读一次。它会一直列在「情况查明」中。",
    ),
};

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    const DECISIONS: [Decision; 8] = [
        Decision::Confirmed,
        Decision::ConfirmedWeak,
        Decision::NotApplied,
        Decision::Raced,
        Decision::TornWrite,
        Decision::Reset,
        Decision::Contradiction,
        Decision::Unreachable,
    ];

    #[test]
    fn every_decision_is_told_in_plain_words() {
        for decision in DECISIONS {
            let words = words(decision);
            for both in [words.title, words.money, words.next] {
                assert!(both.en.is_ascii() && both.en.ends_with('.'), "{decision:?}: {}", both.en);
                assert!(both.zh.ends_with('。'), "{decision:?}: {}", both.zh);
                assert_eq!(both.zh.width(), both.zh.width_cjk(), "{decision:?}: {}", both.zh);
            }
        }
    }

    #[test]
    fn an_unknown_outcome_always_forbids_repeating() {
        for decision in DECISIONS {
            let warns = words(decision).money.en.contains("Do not sell again");
            let warns_zh = words(decision).money.zh.contains("请勿再次售电");
            assert_eq!(warns, decision.outcome() == Outcome::Unknown, "{decision:?}");
            assert_eq!(warns, warns_zh, "{decision:?}");
        }
    }

    #[test]
    fn the_signs_and_words_differ() {
        let all = [Outcome::Accepted, Outcome::Refused, Outcome::Unknown];
        let signs: std::collections::HashSet<_> = all.map(sign).into();
        assert_eq!(signs.len(), 3);
        for lang in Lang::ALL {
            let words: std::collections::HashSet<_> = all.map(|o| lang.outcome(o)).into();
            assert_eq!(words.len(), 3);
        }
    }
}

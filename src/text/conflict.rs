//! What an entry that the office gives to a person is about: its conflict class in words
//! (docs/sync.md), and what exactly, where that is known here.

use super::{Both, both};

/// A conflict class, by its code.
pub fn class(code: &str) -> Both {
    match code {
        "C1" => both("one name with two contents", "同一编号有两种内容"),
        "C3" => both("used after its time, or after it was taken back", "过期或收回后仍被使用"),
        "C4" => both("the meter is ahead of the office", "电表购电次数多于后台"),
        "C5" => both("the meter is behind the office", "电表购电次数少于后台"),
        "C7" => both(
            "two swaps claim one meter; the first proof is followed",
            "两次换表涉及同一块电表，以先证实者为准",
        ),
        "C8" => both("another account than on record, or a closed one", "户号与档案不符或已销户"),
        "C10" => both("amount and evidence do not fit together", "金额与证据不符"),
        _ => both("for a person to look at", "待人工核查"),
    }
}

/// What the office says of an entry, by its own words; figures may stand behind a colon.
pub fn why(says: &str) -> Option<Both> {
    let rest = |words: &Both| says.strip_prefix(words.en);
    let said = |words: &&Both| {
        rest(words).is_some_and(|rest| matches!(rest.chars().next(), None | Some(':' | ',')))
    };
    WHYS.iter().chain(JUDGED).find(said).copied()
}

/// The reasons of `office/swap`; a test holds the two together.
pub const WHYS: &[Both] = &[
    both("no such leave for a swap was issued", "后台未签发过此换表许可"),
    both("a leave for a swap that is not as we gave it", "换表许可与后台签发的不一致"),
    both("the leave for the swap was another handheld's", "换表许可属于另一台掌机"),
    both("one leg of a swap was fixed twice", "换表的同一笔被重复确定"),
    both("a swap that was taken back was begun", "已收回的换表许可仍被执行"),
    both("a swap was begun after its time was over", "换表在许可到期后才开始"),
    both("a leg of a swap at another meter", "换表的一笔发生在另一块电表"),
    both("a leg of a swap beyond its leave", "换表的一笔超出许可限额"),
    both("a leg of a swap at another step", "换表的一笔购电次数与许可不符"),
    both("a swap's debt is not what the old meter showed", "换表带走的欠费与旧表所示不符"),
    both(
        "two swaps claim one meter, and the other one was proved first",
        "两次换表涉及同一块电表，另一次先被证实",
    ),
    both("the old account of a swap is closed", "换表的旧户已销户"),
    both("the new meter of a swap has another account", "换表的新表已有其他户号"),
    both("a swap ended with its balance in transit", "换表结束时余额仍在途"),
    both("the old meter was not emptied: its rest is variance", "旧表余额未转出，剩余部分记为差异"),
    both("more was credited for a swap than was taken out", "换表转入多于转出"),
    both("a meter that was swapped out was read", "已换下的电表又被抄到"),
];

/// The reasons of `office/reconcile` and of journals that contradict each other; a test holds them
/// together.
pub const JUDGED: &[Both] = &[
    both("no such token was issued", "后台未签发过此令牌"),
    both("the token was issued to another handheld", "令牌签发给了另一台手持机"),
    both("sent again after it was applied", "已充入后又被发送"),
    both("sent after it was voided", "退回后又被发送"),
    both("the intent differs from the token", "充值意图与令牌不符"),
    both("the meter went back after it was applied", "已充入后电表数据倒退"),
    both("denied after it was applied", "已充入后又称未充入"),
    both("contradicted after it was applied", "已充入后又出现矛盾证据"),
    both("a voided token was accepted by the meter", "已退回的令牌被电表接受"),
    both("a voided token left contradictory evidence", "已退回的令牌留下矛盾证据"),
    both("a later reading of the dispute shows it accepted", "争议后的抄读显示已充入"),
    both("a later reading of the dispute shows it not applied", "争议后的抄读显示未充入"),
    both("a later reading of the dispute shows another credit", "争议后的抄读显示另有充值"),
    both("confirmed by the balance alone", "仅由余额证实"),
    both("the balance did not fall by the amount", "余额未按金额减少"),
    both("the count moved, the balance did not", "购电次数已变，余额未变"),
    both("the meter went back or was replaced", "电表数据倒退或已更换"),
    both("the evidence contradicts itself", "证据自相矛盾"),
    both("another token took the same step", "另一令牌占用了同一购电次数"),
    both("accepted without an intent before", "未记录充值意图即称已充入"),
    both("accepted without a read-back", "未回读即称已充入"),
    both("applied after its time was over", "过期后充入"),
    both("the read-back is of another meter", "回读的是另一块电表"),
    both("the read-back is of another account", "回读的是另一户号"),
    both("accepted, but the count did not move", "称已充入，但购电次数未变"),
    both("accepted, but a step was taken in between", "称已充入，但中间另有充值"),
    both("accepted, but the purchase record has another amount", "称已充入，但购电记录金额不同"),
    both("denied without a read-back that shows it", "称未充入，但没有回读证明"),
    both("said to be raced, but the count did not move", "称被抢先充值，但购电次数未变"),
    both("a sale the office does not know took the step", "后台未知的售电占用了该次数"),
    both("the meter holds another account", "电表内为另一户号"),
    both("the meter holds no account", "电表未开户"),
    both("the meter's count is behind", "电表购电次数落后"),
    both(
        "the meter's count is ahead: a sale the office does not know",
        "电表购电次数超前，有后台未知的售电",
    ),
    both("a grant or override we never gave that handheld", "该手持机持有后台未给过的授权"),
    both("two journals of one handheld", "同一手持机有两份日志"),
];

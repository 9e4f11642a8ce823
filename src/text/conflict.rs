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

/// What the office says of a swap, by its own words; figures may stand behind a colon.
pub fn why(says: &str) -> Option<Both> {
    let rest = |words: &Both| says.strip_prefix(words.en);
    let said = |words: &&Both| {
        rest(words).is_some_and(|rest| matches!(rest.chars().next(), None | Some(':')))
    };
    WHYS.iter().find(said).copied()
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

//! What an entry that the office gives to a person is about: its conflict class in words
//! (docs/sync.md), and what exactly, where that is known here.

use super::{Both, both};

/// A conflict class, by its code.
pub fn class(code: &str) -> Both {
    match code {
        "C1" => both("one name with two contents", "同一编号有两种内容"),
        "C0" => both("an identical duplicate", "内容相同的重复记录"),
        "C2" => both("what must come before has not come", "前置记录未按时到达"),
        "C3" => both("used after its time, or after it was taken back", "过期或收回后仍被使用"),
        "C4" => both("the meter is ahead of the office", "电表购电次数多于后台"),
        "C5" => both("the meter is behind the office", "电表购电次数少于后台"),
        "C7" => both(
            "two swaps claim one meter; the first proof is followed",
            "两次换表涉及同一块电表，以先证实者为准",
        ),
        "C6" => {
            both("two handhelds wrote one parameter differently", "两台掌机把同一参数写成不同值")
        }
        "C8" => both("another account than on record, or a closed one", "户号与档案不符或已销户"),
        "C9" => both("the handheld's clock was out of bounds", "掌机时钟超出允许范围"),
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
    WHYS.iter().chain(LEDGER).find(said).copied()
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

/// The reasons of the ledger itself: of tokens, readings, clocks, limits and journals; a test holds
/// them together with the sources that say them.
pub const LEDGER: &[Both] = &[
    both(
        "an account was closed in the field, its balance is to be paid back",
        "现场已销户，余额应退还用户",
    ),
    both("no such token was issued", "后台未签发过此令牌"),
    both("the token was issued to another handheld", "令牌签发给另一台掌机"),
    both("sent again after it was applied", "到账后又再次发送"),
    both("sent after it was voided", "作废后仍被发送"),
    both("the intent differs from the token", "充值内容与令牌不一致"),
    both("the meter went back after it was applied", "到账后电表次数倒退"),
    both("denied after it was applied", "已入账后又报未到账"),
    both("contradicted after it was applied", "已入账后又有相反证据"),
    both("a voided token was accepted by the meter", "已作废的令牌被电表接受"),
    both("a voided token left contradictory evidence", "已作废的令牌留下矛盾证据"),
    both("a later reading of the dispute shows it accepted", "争议后的抄读显示已到账"),
    both("a later reading of the dispute shows it not applied", "争议后的抄读显示未到账"),
    both("a later reading of the dispute shows another credit", "争议后的抄读显示另一笔充值"),
    both("confirmed by the balance alone", "仅凭剩余金额确认"),
    both("the balance did not fall by the amount", "剩余金额的减少与应扣金额不符"),
    both("the count moved, the balance did not", "次数已加，金额未加"),
    both("the meter went back or was replaced", "电表次数倒退或已换表"),
    both("the evidence contradicts itself", "证据互相矛盾"),
    both("another token took the same step", "另一令牌已占用同一次数"),
    both("accepted without an intent before", "未见充值记录即报到账"),
    both("accepted without a read-back", "未回读即报到账"),
    both("applied after its time was over", "过期后到账"),
    both("the read-back is of another meter", "回读的是另一块电表"),
    both("the read-back is of another account", "回读的是另一户号"),
    both("accepted, but the count did not move", "报到账，但次数未变"),
    both("accepted, but a step was taken in between", "报到账，但期间次数已变"),
    both("accepted, but the purchase record has another amount", "报到账，但购电记录的金额不同"),
    both("denied without a read-back that shows it", "报未到账，但无回读证明"),
    both("said to be raced, but the count did not move", "报被抢占，但次数未变"),
    both("a sale the office does not know took the step", "后台不知道的一笔充值占用了该次数"),
    both("the meter holds another account", "电表内是另一户号"),
    both("the meter holds no account", "电表内没有户号"),
    both("the meter's count is behind", "电表购电次数落后"),
    both(
        "the meter's count is ahead: a sale the office does not know",
        "电表购电次数超前：有后台不知道的充值",
    ),
    both("a grant or override we never gave that handheld", "后台未给过该掌机此授权"),
    both("a bundle we never gave that handheld", "后台未给过该掌机此参数包"),
    both("a round we never made for that handheld", "后台未给该掌机下发过此抄表任务"),
    both(
        "a money act while the handheld's clock was out of bounds",
        "掌机时钟超出允许范围时发生资金操作",
    ),
    both("beyond the handheld's limit on the number of acts", "超出掌机的次数限额"),
    both("beyond the handheld's limit in yuan", "超出掌机的金额限额"),
    both("beyond the handheld's limit in kWh", "超出掌机的电量限额"),
    both("beyond the handheld's limit on the age of acts", "超出掌机的未同步时限"),
    both("beyond the operator's limit on the number of acts", "超出操作员的次数限额"),
    both("beyond the operator's limit in yuan", "超出操作员的金额限额"),
    both("beyond the operator's limit in kWh", "超出操作员的电量限额"),
    both("beyond the operator's limit on the age of acts", "超出操作员的未同步时限"),
    both(
        "the meter's count went back after a recharge from the office",
        "后台直接充值后电表次数倒退",
    ),
    both("a sale the office does not know took its own step", "后台充值的次数被另一笔未知充值占用"),
    both(
        "a token is said to be in the meter, but its count did not move",
        "令牌报已到账，但电表次数未变",
    ),
    both(
        "the step was taken by the office, and a token is said to be in it",
        "该次数已由后台充值占用，又有令牌报到账",
    ),
    both("journal entries were signed for and never came", "掌机已签名确认的日志未送达"),
    both("its outcome has not come", "充值结果一直未送达"),
    both("two journals of one handheld, shown by a pack", "同一掌机有两份日志（日志包）"),
    both("two journals of one handheld, shown by its HELLO", "同一掌机有两份日志（联机）"),
    both("two journals of one handheld, shown by its letter", "同一掌机有两份日志（介质）"),
    both("two journals of one handheld, shown by a checkpoint", "同一掌机有两份日志（检查点）"),
    both("two handhelds wrote one parameter differently", "两台掌机把同一参数写成不同值"),
    both("an entry this office cannot read", "后台无法识别的日志记录"),
];

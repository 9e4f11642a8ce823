//! Words for what stands against opening, refunding and reversing (`MK-METER-16` to `-19`,
//! `MK-TOKEN-17`).

use super::{UNTOUCHED, Words, both};

pub const ACT_UNKNOWN: Words = Words {
    title: both(
        "No document says how this is done to this kind of meter.",
        "没有资料说明这种电表如何执行该操作。",
    ),
    money: UNTOUCHED,
    next: both(
        "Leave it to the office. If you have the maker's document, fill in the row of [money] in \
         a profile of your own.",
        "请交由后台处理；若有厂家资料，可在自己的表型文件 [money] 中补充该项。",
    ),
};

pub const BALANCE_SHORT: Words = Words {
    title: both(
        "The meter holds less than is to be taken out of it.",
        "电表剩余金额少于要退出的金额。",
    ),
    money: UNTOUCHED,
    next: both(
        "Tell the office what the meter holds; it issues a token for that, or none if the meter \
         is in debt.",
        "请将电表余额告知后台，按余额重新签发令牌；电表透支时不能退费。",
    ),
};

pub const DEBIT_HIDDEN: Words = Words {
    title: both(
        "So little is to be taken out that consumption would hide it.",
        "要退出的金额太小，会与正常用电混淆。",
    ),
    money: UNTOUCHED,
    next: both(
        "Leave the rest in the meter and let the office pay it back by its books.",
        "请将余额留在表内，由后台在账上退还。",
    ),
};

pub const DEBIT_KNOWN: Words = Words {
    title: both(
        "The meter's own record shows that this was taken out of it before.",
        "电表自身的记录显示该笔金额此前已退出。",
    ),
    money: both(
        "Nothing was sent now. The credit left the meter earlier, and this handheld does not know \
         of it.",
        "本次未发送。该金额此前已从表中退出，而本掌机没有这笔记录。",
    ),
    next: both(
        "Do not try again here. An old copy of the store was put back, or another handheld has \
         the same document: take this one to the office.",
        "请勿再试。可能恢复了旧的备份，或另一台掌机持有同一单据：请将本掌机送交后台。",
    ),
};

pub const TOKEN_UNDOES: Words = Words {
    title: both(
        "The recharge that this reversal names cannot be undone here.",
        "冲正令牌指定的那笔充值不能在此冲正。",
    ),
    money: UNTOUCHED,
    next: both(
        "It must be a recharge of this meter and account, of the same amount, in the meter and \
         not undone before. Tell the office what the detail says.",
        "它必须是本表本户、金额相同、已到账且未冲正过的充值。请将明细告知后台。",
    ),
};

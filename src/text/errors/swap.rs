//! Words for swaps (`MK-SWAP-*`).

use super::{KEPT, UNTOUCHED, Words, both};

pub const SWAP_UNKNOWN: Words = Words {
    title: both(
        "The office gave no leave for this swap, or more than one fits.",
        "后台没有为此次换表签发授权，或有多份授权同时符合。",
    ),
    money: UNTOUCHED,
    next: both(
        "Sync, or import the leave; name the new meter where several fit.",
        "请同步或导入换表授权；多份符合时请指明新表号。",
    ),
};

pub const SWAPPED_OUT: Words = Words {
    title: both("This meter was swapped out.", "该表已被换下。"),
    money: UNTOUCHED,
    next: both(
        "Credit the new meter. Hand this one in to the office.",
        "请给新表充值，并将此表交回后台。",
    ),
};

pub const SWAPPED_BACK: Words = Words {
    title: both(
        "A meter that was swapped out is on the line again.",
        "已换下的电表又出现在线路上。",
    ),
    money: KEPT,
    next: both(
        "Take it off the line and report it to the office with what it shows.",
        "请将其拆离线路，并把表内显示的数值报告后台。",
    ),
};

pub const NEW_IN_USE: Words = Words {
    title: both(
        "The new meter is in use, or is not as the office has it.",
        "新表已在使用，或与后台登记不符。",
    ),
    money: KEPT,
    next: both(
        "Check its number. Put in the meter the office named, or ask it for a new leave.",
        "请核对表号。请安装后台指定的表，或申请新的授权。",
    ),
};

pub const IN_TRANSIT: Words = Words {
    title: both(
        "What was taken out of the old meter cannot be credited here.",
        "从旧表转出的金额无法在此计入新表。",
    ),
    money: both(
        "The amount is in the journal, in transit. It is in neither meter and it is not lost.",
        "金额已记入日志，处于在途状态，不在任何一只表内，也没有丢失。",
    ),
    next: both(
        "Sync. The office issues a carry-over token for the new meter.",
        "请同步。后台将为新表签发余额结转令牌。",
    ),
};

pub const METER_OPENED: Words = Words {
    title: both(
        "The meter was opened or cleared since it was last seen.",
        "自上次抄读以来，该表曾被开盖或清零。",
    ),
    money: KEPT,
    next: both(
        "Look at its seals, take a photo, and send both to the office with the old meter.",
        "请检查封印并拍照，随旧表一并交后台。",
    ),
};

//! Words for how far the office's trust still reaches (`MK-TRUST-*`) and for the limits of what may
//! happen before the office hears of it (`MK-LIMIT-*`).

use super::{Both, UNTOUCHED, Words, both};

/// The way out of nearly all of it.
const SYNC: Both =
    both("Sync with the office. Reading works meanwhile.", "请与后台同步；其间仍可读表。");

const SYNC_SOON: Both = both("Sync soon; until then all works.", "请尽快同步；目前一切可用。");

const CALL: Both = both(
    "Sync; if it stays, take the handheld to the office.",
    "请同步；若仍如此，将掌机送交后台。",
);

const GOES_ON: Both =
    both("No money is touched by this; recharging still works.", "不影响任何金额，仍可充值。");

pub const CLOCK_BEHIND: Words = Words {
    title: both(
        "The handheld's clock is behind a time that has surely passed.",
        "掌机时钟落后于确已过去的时间。",
    ),
    money: UNTOUCHED,
    next: both(
        "Set the clock right, or sync. Reading works meanwhile.",
        "请校正时钟或同步；其间仍可读表。",
    ),
};

pub const STATUS_OLD: Words = Words {
    title: both(
        "The office's word on this handheld is getting old.",
        "后台对本掌机的状态确认即将到期。",
    ),
    money: GOES_ON,
    next: SYNC_SOON,
};

pub const STATUS_MISSING: Words = Words {
    title: both("The office has not confirmed this handheld yet.", "后台尚未确认本掌机的状态。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const STATUS_EXPIRED: Words = Words {
    title: both(
        "The office's word on this handheld has expired.",
        "后台对本掌机的状态确认已过期。",
    ),
    money: both(
        "No money moved. For a while recharges go on within the lower limits.",
        "没有任何金额变动。短期内仍可在较低限额内充值。",
    ),
    next: SYNC,
};

pub const KEYSET_ENDS: Words = Words {
    title: both("The office's keys end soon.", "后台密钥即将到期。"),
    money: GOES_ON,
    next: SYNC_SOON,
};

pub const KEYSET_EXPIRED: Words = Words {
    title: both("The office's keys have expired.", "后台密钥已过期。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const ROOT_ENDS: Words = Words {
    title: both("The office's root document ends soon.", "后台根文件即将到期。"),
    money: GOES_ON,
    next: SYNC_SOON,
};

pub const ROOT_EXPIRED: Words = Words {
    title: both("The office's root document has expired.", "后台根文件已过期。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const KEYS_BEHIND: Words = Words {
    title: both(
        "The keys here are older than those the office uses.",
        "本机密钥比后台正在使用的更旧。",
    ),
    money: UNTOUCHED,
    next: SYNC,
};

pub const DOCUMENT_BACK: Words = Words {
    title: both(
        "A document of the office is older than one seen before.",
        "后台文件比以前收到的更旧。",
    ),
    money: UNTOUCHED,
    next: CALL,
};

pub const DOCUMENT_LOST: Words = Words {
    title: both(
        "A document of the office is gone from here or was changed.",
        "本机的后台文件丢失或被改动。",
    ),
    money: UNTOUCHED,
    next: CALL,
};

pub const LIMIT_ACTS: Words = Words {
    title: both("The number of recharges without a sync is used up.", "未同步的充值次数已达上限。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const LIMIT_YUAN: Words = Words {
    title: both("The sum of yuan without a sync is used up.", "未同步的充值金额已达上限。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const LIMIT_KWH: Words = Words {
    title: both("The sum of kWh without a sync is used up.", "未同步的充值电量已达上限。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const LIMIT_AGE: Words = Words {
    title: both("The oldest recharge without a sync is too old.", "最早一笔未同步的充值时间过久。"),
    money: UNTOUCHED,
    next: SYNC,
};

pub const LIMIT_NEAR: Words = Words {
    title: both("A limit of what may be done without a sync is near.", "未同步操作即将达到限额。"),
    money: GOES_ON,
    next: SYNC_SOON,
};

//! Words for bundles of parameters and meters' clocks (`MK-BUNDLE-*`).

use super::{UNTOUCHED, Words, both};

pub const BUNDLE_UNKNOWN: Words = Words {
    title: both("There is no such bundle on this handheld.", "本掌机上没有这个参数包。"),
    money: UNTOUCHED,
    next: both(
        "See 'meterkit bundle show', or take it in with 'meterkit bundle take FILE'.",
        "请用 meterkit bundle show 查看，或用 meterkit bundle take 导入。",
    ),
};

pub const BUNDLE_BAD: Words = Words {
    title: both("The bundle cannot be used.", "参数包不可用。"),
    money: UNTOUCHED,
    next: both(
        "Check the file with 'meterkit bundle check FILE' and have the office sign it again.",
        "请用 meterkit bundle check 检查文件，并请后台重新签发。",
    ),
};

pub const BUNDLE_TARGET: Words = Words {
    title: both("The bundle is not for this meter.", "参数包不适用于该表。"),
    money: UNTOUCHED,
    next: both(
        "Leave this meter out, or ask the office for a bundle for it.",
        "请去掉该表，或请后台签发适用的参数包。",
    ),
};

pub const BUNDLE_SHAPE: Words = Words {
    title: both(
        "The meter's tables have other sizes than the bundle needs.",
        "电表的时段/费率数量与参数包不符。",
    ),
    money: UNTOUCHED,
    next: both(
        "Its tables were not touched. Make a bundle for meters like this one.",
        "费率表未改动，请为此类电表另做参数包。",
    ),
};

pub const BUNDLE_LATE: Words = Words {
    title: both(
        "The switch time has passed or is too near; it was not written.",
        "切换时间已过或太近，未写入。",
    ),
    money: UNTOUCHED,
    next: both(
        "The meter keeps the tariff it has. Ask for a bundle with a later switch time.",
        "电表仍用原费率，请申请切换时间更晚的参数包。",
    ),
};

pub const ITEM_REFUSED: Words = Words {
    title: both("The meter refused this item.", "电表拒绝写入该项。"),
    money: UNTOUCHED,
    next: both(
        "Its switch time was not written: it keeps its tariff. Tell the office meter and item.",
        "未写切换时间，电表仍用原费率。请将表号和该项报后台。",
    ),
};

pub const ITEM_DIFFERS: Words = Words {
    title: both("Written, but the meter still shows another value.", "已写入，但读回的值不符。"),
    money: UNTOUCHED,
    next: both(
        "Its switch time was not written. Check the line, then carry the errand on.",
        "未写切换时间。请检查线路，再继续该作业。",
    ),
};

pub const CLOCK_UNSURE: Words = Words {
    title: both(
        "This handheld is not sure enough of its own time.",
        "本掌机的时间不够可靠，不能校时。",
    ),
    money: UNTOUCHED,
    next: both("Sync with the office first.", "请先与后台同步。"),
};

pub const CLOCK_EDGE: Words = Words {
    title: both(
        "Setting the clock now would cross midnight or the edge of an interval.",
        "此刻校时会跨越零点或需量周期。",
    ),
    money: UNTOUCHED,
    next: both("Try again after the time shown.", "请在所示时间之后重试。"),
};

pub const CLOCK_FAR: Words = Words {
    title: both("The meter's clock is far off.", "电表时钟偏差过大。"),
    money: UNTOUCHED,
    next: both(
        "Look at its battery and its events; to set it all the same, say so: far off (--far).",
        "请检查时钟电池和事件记录；确认要校时请选「偏差大也校时」（--far）。",
    ),
};

//! Words for commissioning (`MK-COMM-*`).

use super::{KEPT, Words, both};

pub const WIRING_WRONG: Words = Words {
    title: both("The meter is wired wrong.", "电表接线错误。"),
    money: both(
        "No money moved. What it counts may be wrong until it is put right.",
        "没有任何金额变动；改正之前计量可能不准。",
    ),
    next: both(
        "Make it dead, put right what is named, check again.",
        "请停电后按提示改正接线，再重新检查。",
    ),
};

pub const WIRING_UNSURE: Words = Words {
    title: both("The figures do not tell how the meter is wired.", "现有数据无法判断电表接线。"),
    money: KEPT,
    next: both(
        "With load on every phase, choose to measure: one phase off at a time.",
        "请在各相均有负载时选择实测：逐相断电。",
    ),
};

pub const BARCODE_OTHER: Words = Words {
    title: both("The scanned code is not this meter's.", "扫描的条码不是这只电表的。"),
    money: KEPT,
    next: both(
        "Scan again; if it stays so, this is another meter.",
        "请重新扫描；若仍不符，说明不是这只电表。",
    ),
};

pub const OVERLOAD_UNSET: Words = Words {
    title: both("No overload limit is set in the meter.", "电表未设置过载门限。"),
    money: KEPT,
    next: both(
        "Set one by a template or 'control settings', or leave the test out.",
        "请用模板或 control settings 设置，或跳过本项。",
    ),
};

pub const OVERLOAD_NOT_SEEN: Words = Words {
    title: both("No load above the limit was seen.", "没有测到超过门限的负载。"),
    money: KEPT,
    next: both(
        "Switch on more than the limit shown, then try again.",
        "请接通超过门限的负载后重试。",
    ),
};

pub const OVERLOAD_LATE: Words = Words {
    title: both(
        "The meter did not trip, or not come back, as it should.",
        "电表未按要求跳闸或恢复。",
    ),
    money: KEPT,
    next: both(
        "Take the load off, look at limit and delay, try again or change the meter.",
        "请断开负载，核对门限和延时后重试，或更换电表。",
    ),
};

pub const NOTHING_FOUND: Words = Words {
    title: both("Nothing answered on this line.", "该总线上没有任何应答。"),
    money: KEPT,
    next: both(
        "Check that the meter has supply, wires A and B and the place of the head; look again.",
        "请检查电表是否有电、A/B线和光电头位置，然后重新巡检。",
    ),
};

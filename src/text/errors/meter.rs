//! Words for meters that do not fit the token, and for open recharges (`MK-METER-*`, `MK-MONEY-*`).

use super::{UNTOUCHED, Words, both};

pub const METER_OTHER: Words = Words {
    title: both("Another meter answered than the token's.", "应答的电表不是令牌指定的那块。"),
    money: UNTOUCHED,
    next: both(
        "Go to the meter whose number the token names, or choose this meter's token.",
        "到令牌指定表号的电表处操作，或改选本表的令牌。",
    ),
};

pub const ACCOUNT_OTHER: Words = Words {
    title: both(
        "The meter holds another customer number than the token.",
        "电表内的客户编号与令牌不一致。",
    ),
    money: UNTOUCHED,
    next: both(
        "Do not recharge: the meter may have been swapped. Sync and tell the office.",
        "请勿充值，该表可能已换表。请同步并告知后台。",
    ),
};

pub const ACCOUNT_NOT_OPEN: Words = Words {
    title: both("No account was ever opened in this meter.", "该电表尚未开户。"),
    money: UNTOUCHED,
    next: both(
        "Ask the office to open the account first, then use a new token.",
        "请后台先开户，再使用新令牌。",
    ),
};

pub const COUNT_BEHIND: Words = Words {
    title: both(
        "An earlier recharge is missing in the meter: its purchase count is too low.",
        "电表缺少此前的一次充值：购电次数偏低。",
    ),
    money: UNTOUCHED,
    next: both(
        "Use the token of the earlier step first; if you have none, sync and ask the office.",
        "请先使用前一次的令牌；若没有，请同步并询问后台。",
    ),
};

pub const COUNT_AHEAD: Words = Words {
    title: both(
        "Another recharge already took this step: the meter's purchase count is higher.",
        "这一次购电已被其他充值占用：电表购电次数偏高。",
    ),
    money: both(
        "No money moved. This token cannot be applied any more; its value stays with the office.",
        "没有任何金额变动。该令牌已无法写入，金额仍在后台。",
    ),
    next: both(
        "Sync, so that the office can settle the token and issue a new one.",
        "请同步，由后台核销该令牌并重新签发。",
    ),
};

pub const BALANCE_LIMIT: Words = Words {
    title: both(
        "With this recharge the balance would exceed the limit.",
        "充值后剩余金额将超过囤积限值。",
    ),
    money: UNTOUCHED,
    next: both(
        "Come back when some of the balance is used, or ask for a smaller token.",
        "待剩余金额用掉一部分后再充，或申请较小金额的令牌。",
    ),
};

pub const UNIT_OTHER: Words = Words {
    title: both(
        "The meter counts in another unit than the token (CNY or kWh).",
        "电表计量单位与令牌不同（元或kWh）。",
    ),
    money: UNTOUCHED,
    next: both(
        "Sync and tell the office; it must issue a token in the meter's unit.",
        "请同步并告知后台，按电表的单位重新签发令牌。",
    ),
};

pub const METER_REFUSED: Words = Words {
    title: both("The meter refused a value that the work needs.", "电表拒绝提供所需的数据。"),
    money: UNTOUCHED,
    next: both(
        "Read again; if it stays, note the detail and tell the office.",
        "再读一次；若仍被拒绝，记下明细并告知后台。",
    ),
};

pub const MODULE_MISSING: Words = Words {
    title: both(
        "This meter wants a security module that this handheld does not have.",
        "该电表需要安全模块，本掌机没有。",
    ),
    money: UNTOUCHED,
    next: both(
        "Use a handheld with the module, or let the office recharge it online.",
        "请使用带安全模块的掌机，或由后台在线充值。",
    ),
};

pub const MONEY_UNKNOWN: Words = Words {
    title: both(
        "No document says how this kind of meter is recharged.",
        "没有资料说明这种电表如何充值。",
    ),
    money: UNTOUCHED,
    next: both(
        "Fill in [money] in a profile of your own from the maker's document, then check it with \
         'meterkit profile check FILE'. Until then the office recharges it.",
        "请按厂家资料在自己的表型文件中填写 [money]，并用 meterkit profile check 文件 检查；\
         在此之前由后台充值。",
    ),
};

pub const ITEM_UNKNOWN: Words = Words {
    title: both("This kind of meter has no such value.", "这种电表没有该数据项。"),
    money: UNTOUCHED,
    next: both(
        "See 'meterkit profile show NAME' for what can be read.",
        "可读的数据项见 meterkit profile show 表型。",
    ),
};

pub const NOT_OFFERED: Words = Words {
    title: both("This is not offered by this meter's protocol.", "该表的通信规约不提供此项。"),
    money: UNTOUCHED,
    next: both(
        "Read its card; curves and freezes are read from DL/T 645-2007 meters.",
        "请抄读其当前数据；曲线和冻结只能从DL/T 645-2007电表读取。",
    ),
};

pub const NOT_PUBLISHED: Words = Words {
    title: both(
        "How parameters are written to this model is not published.",
        "该型号电表的参数写入方式未公开。",
    ),
    money: UNTOUCHED,
    next: both(
        "Set them with the maker's own tool; reading and recharging work as usual.",
        "请使用厂家工具设置；抄读和充值不受影响。",
    ),
};

pub const BUS_ADDRESS: Words = Words {
    title: both("This is no address on such a line.", "这不是该总线上的地址。"),
    money: UNTOUCHED,
    next: both(
        "Type the address as the meter shows it: a number from 1 to 247 for Modbus, digits for \
         the others.",
        "请按电表所示输入地址：Modbus 为 1 至 247，其余为数字。",
    ),
};

pub const TERMINAL_UNKNOWN: Words = Words {
    title: both(
        "There is no such box, or no such user in it.",
        "辖区内没有该多用户终端，或终端内没有该用户。",
    ),
    money: UNTOUCHED,
    next: both(
        "See 'meterkit boxes' for the boxes of your area, or sync first.",
        "辖区内的终端见 meterkit boxes，或先同步。",
    ),
};

pub const DIGITS_WRONG: Words = Words {
    title: both(
        "The digits typed are not the last four of this meter's number.",
        "输入的数字不是本表表号的后四位。",
    ),
    money: UNTOUCHED,
    next: both(
        "Read the number on the face of the meter in front of you and start again.",
        "看清面前电表铭牌上的表号，然后重新开始。",
    ),
};

pub const WRITE_UNPROVEN: Words = Words {
    title: both(
        "How this kind of meter takes what is written to it is not proven.",
        "此类电表的写入方式尚未得到证实。",
    ),
    money: UNTOUCHED,
    next: both(
        "Hold the profile against the maker's document and try it on a spare meter. If the office \
         wants it, add its id to unproven_writes in config.toml, or give --accept-unproven ID.",
        "请对照厂家资料核对表型文件，并先在备用表上试验。后台同意后，在 config.toml 的 \
         unproven_writes 中加入该表型，或使用 --accept-unproven 表型。",
    ),
};

pub const INTENT_OPEN: Words = Words {
    title: both(
        "An earlier recharge of this meter has no known outcome yet.",
        "本表此前的一次充值结果尚未确定。",
    ),
    money: both(
        "The earlier credit may or may not be in the meter. Nothing new was sent.",
        "此前的金额可能已写入，也可能没有。本次未发送任何充值。",
    ),
    next: both(
        "Open \"What happened?\" and read the meter again before anything else.",
        "先打开「情况查明」，重新读取该表。",
    ),
};

pub const NO_INTENT: Words = Words {
    title: both("This meter has no recharge with an unknown outcome.", "本表没有结果未知的充值。"),
    money: UNTOUCHED,
    next: both("Nothing needs to be done; go on with your work.", "无需处理，可继续工作。"),
};

pub const NOT_CONFIRMED: Words = Words {
    title: both(
        "The recharge was not confirmed, or what was read is too old.",
        "充值未确认，或读取的数据已过时。",
    ),
    money: UNTOUCHED,
    next: both("Read the meter again and confirm anew.", "请重新读表并再次确认。"),
};

//! Words for tokens that cannot be used (`MK-TOKEN-*`).

use super::{Both, UNTOUCHED, Words, both};

/// The customer has paid and the value is still with the office.
const WITH_OFFICE: Both = both(
    "No money moved. What the customer paid is still with the office.",
    "没有任何金额变动，客户所付金额仍在后台。",
);

const ASK_AGAIN: Both = both(
    "Sync or import it again from the office; never type a token over by hand.",
    "请同步或从后台重新导入；切勿手工抄写令牌。",
);

pub const TOKEN_MALFORMED: Words = Words {
    title: both("This is not a token, or it is cut short.", "这不是令牌，或内容不完整。"),
    money: WITH_OFFICE,
    next: ASK_AGAIN,
};

pub const TOKEN_NOT_CANONICAL: Words = Words {
    title: both(
        "The token is not written in the one allowed form.",
        "令牌的编码不是唯一允许的形式。",
    ),
    money: WITH_OFFICE,
    next: both(
        "Do not use it. Import the original again and tell the office.",
        "请勿使用。重新导入原件并告知后台。",
    ),
};

pub const TOKEN_SIGNATURE: Words = Words {
    title: both(
        "The token's signature is wrong: it was altered or forged.",
        "令牌签名错误：已被改动或伪造。",
    ),
    money: WITH_OFFICE,
    next: both(
        "Do not use it. Tell the office where it came from.",
        "请勿使用，并告知后台其来源。",
    ),
};

pub const TOKEN_KEY: Words = Words {
    title: both(
        "The token is signed with a key that this handheld does not trust for it.",
        "签发该令牌的密钥不受本掌机信任。",
    ),
    money: WITH_OFFICE,
    next: both(
        "Sync to get the present keys; if it stays, tell the office.",
        "请同步以更新密钥；若仍不行，告知后台。",
    ),
};

pub const TOKEN_TENANT: Words = Words {
    title: both("The token belongs to another company.", "该令牌属于其他单位。"),
    money: WITH_OFFICE,
    next: both("Use it with a handheld of that company.", "请用该单位的掌机操作。"),
};

pub const TOKEN_DEVICE: Words = Words {
    title: both("The token is for another handheld.", "该令牌是发给另一台掌机的。"),
    money: WITH_OFFICE,
    next: both(
        "Use that handheld, or ask the office for a token for this one.",
        "请用那台掌机，或请后台为本机重新签发。",
    ),
};

pub const TOKEN_EXPIRED: Words = Words {
    title: both("The token's time is over.", "令牌已过有效期。"),
    money: both(
        "No money moved. Expired is not void: the office still holds the value.",
        "没有任何金额变动。过期不等于作废，金额仍在后台。",
    ),
    next: both("Sync, so that the office issues a new one.", "请同步，由后台重新签发。"),
};

pub const TOKEN_NOT_YET: Words = Words {
    title: both("The token's time has not begun.", "令牌尚未生效。"),
    money: WITH_OFFICE,
    next: both(
        "Check the handheld's clock; sync sets it right. Otherwise wait.",
        "核对掌机时钟，同步可校正；否则等到生效时间。",
    ),
};

pub const TOKEN_LIFE: Words = Words {
    title: both("The token lives longer than is allowed.", "令牌有效期超过允许的长度。"),
    money: WITH_OFFICE,
    next: both("Tell the office; it must issue another one.", "请告知后台，另行签发。"),
};

pub const TOKEN_KIND: Words = Words {
    title: both("This kind of token cannot be used here.", "此处不能使用这种令牌。"),
    money: WITH_OFFICE,
    next: both(
        "Choose a recharge token, or open the screen this token is for.",
        "请选择充值令牌，或进入该令牌对应的功能。",
    ),
};

pub const TOKEN_USED: Words = Words {
    title: both("The token was used already.", "该令牌已经使用过。"),
    money: both(
        "Nothing new was credited. The journal shows when it was used.",
        "没有再次写入金额。使用记录见日志。",
    ),
    next: both(
        "Show the customer the journal entry; for more credit get a new token.",
        "向客户出示日志记录；如需再充，请取得新令牌。",
    ),
};

pub const TOKEN_WITHDRAWN: Words = Words {
    title: both("The office has withdrawn the token.", "该令牌已被后台撤回。"),
    money: WITH_OFFICE,
    next: both("Ask the office why, and for a new one.", "请询问后台原因，并申请新令牌。"),
};

pub const TOKEN_RECHARGED: Words = Words {
    title: both(
        "The meter was already recharged from the office, in place of this token.",
        "后台已直接为该电表充值，本令牌作废。",
    ),
    money: both(
        "Read the meter: its purchase record shows the office's amount, or this token's if it \
         was used before.",
        "请抄读电表：购电记录显示后台充值的金额；若令牌先用，则显示令牌金额。",
    ),
    next: both(
        "Do not use the token. Show the customer the purchase record, and sync.",
        "不要再用该令牌。请向客户出示购电记录并同步。",
    ),
};

pub const TOKEN_UNKNOWN: Words = Words {
    title: both("This token is not on this handheld.", "本掌机上没有该令牌。"),
    money: UNTOUCHED,
    next: both("Sync or import it, then try again.", "请同步或导入后重试。"),
};

pub const TOKEN_CONFLICT: Words = Words {
    title: both(
        "A token with the same id but other contents was imported before.",
        "此前导入过编号相同但内容不同的令牌。",
    ),
    money: both(
        "No money moved. The first token stays; this one was not taken.",
        "没有任何金额变动。保留先前的令牌，未接收此令牌。",
    ),
    next: both(
        "Do not use either until the office has looked at it: sync and tell them.",
        "后台核实前两者都不要使用：请同步并告知后台。",
    ),
};

pub const TOKEN_AMBIGUOUS: Words = Words {
    title: both("More than one token fits.", "有多个令牌符合条件。"),
    money: UNTOUCHED,
    next: both("Say which one by its id.", "请用令牌编号指明其中一个。"),
};

pub const TOKEN_REVOKED: Words = Words {
    title: both("The office has revoked the token.", "该令牌已被后台吊销。"),
    money: WITH_OFFICE,
    next: both(
        "Do not use it. Sync, so that the office issues a new one.",
        "请勿使用。请同步，由后台重新签发。",
    ),
};

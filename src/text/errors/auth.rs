//! Words for log-ins and rights (`MK-AUTH-*`).

use super::{Both, KEPT, UNTOUCHED, Words, both};

const ASK_SUPERVISOR: Both = both(
    "Ask a supervisor, or the office for an override of this one act.",
    "请找主管，或向后台申请仅限本次操作的授权。",
);

const SYNC_FOR_GRANT: Both = both(
    "Sync; the office issues a new grant. Reading works meanwhile.",
    "请同步，由后台签发新的授权；其间仍可读表。",
);

pub const LOGGED_OUT: Words = Words {
    title: both("Nobody is logged in.", "尚未登录。"),
    money: KEPT,
    next: both("Log in with your number and PIN.", "请输入工号和PIN登录。"),
};

pub const PIN_WRONG: Words = Words {
    title: both("The operator or the PIN is wrong.", "工号或PIN不正确。"),
    money: KEPT,
    next: both(
        "Try again with care; after ten wrong PINs the log-in is locked.",
        "请仔细重试；连续十次输错，登录将被锁定。",
    ),
};

pub const PIN_WAIT: Words = Words {
    title: both("Too many wrong PINs: the log-in has to wait.", "PIN多次输错，需等待后再登录。"),
    money: KEPT,
    next: both(
        "Wait for the time shown. A restart begins the wait anew; the clock does not matter.",
        "请等待所示时间。重新启动会重新计时，修改时钟不起作用。",
    ),
};

pub const PIN_LOCKED: Words = Words {
    title: both(
        "This log-in is locked after too many wrong PINs.",
        "PIN输错次数过多，登录已锁定。",
    ),
    money: KEPT,
    next: both(
        "A supervisor frees it here, or the office gives a recovery code.",
        "请主管在本机解锁，或向后台索取恢复码。",
    ),
};

pub const PIN_WEAK: Words = Words {
    title: both("This PIN cannot be taken.", "不能使用这个PIN。"),
    money: KEPT,
    next: both(
        "Take 6 characters or more (supervisors 8), not 111111 or 123456, twice alike.",
        "至少6位（主管8位），不要用111111或123456之类，两次输入须一致。",
    ),
};

pub const NO_GRANT: Words = Words {
    title: both(
        "The office has granted this operator nothing on this handheld.",
        "后台未授予该操作员使用本掌机的权限。",
    ),
    money: UNTOUCHED,
    next: SYNC_FOR_GRANT,
};

pub const GRANT_EXPIRED: Words = Words {
    title: both("The operator's grant has expired.", "操作员的授权已过期。"),
    money: UNTOUCHED,
    next: SYNC_FOR_GRANT,
};

pub const GRANT_NOT_YET: Words = Words {
    title: both("The operator's grant has not begun.", "操作员的授权尚未生效。"),
    money: UNTOUCHED,
    next: both(
        "Check the handheld's clock and sync; otherwise wait.",
        "核对掌机时钟并同步；否则等到生效时间。",
    ),
};

pub const GRANT_REVOKED: Words = Words {
    title: both("The office has revoked the operator's grant.", "操作员的授权已被后台吊销。"),
    money: UNTOUCHED,
    next: both(
        "Only reading is left. Ask the office why, and for a new grant.",
        "仅可读表。请询问后台原因，并申请新的授权。",
    ),
};

pub const ROLE_FORBIDS: Words = Words {
    title: both("The operator's role does not include this act.", "操作员的角色不允许此操作。"),
    money: UNTOUCHED,
    next: ASK_SUPERVISOR,
};

pub const AREA_FORBIDS: Words = Words {
    title: both("This meter is outside the operator's area.", "该电表不在操作员的辖区内。"),
    money: UNTOUCHED,
    next: ASK_SUPERVISOR,
};

pub const SHIFT_OVER: Words = Words {
    title: both("The shift is over.", "本班次已结束。"),
    money: UNTOUCHED,
    next: both("Log in again to go on.", "如需继续，请重新登录。"),
};

pub const ACTIVATION_WRONG: Words = Words {
    title: both("The activation code is wrong.", "激活码不正确。"),
    money: KEPT,
    next: both(
        "Type the 12 characters as the office gave them, for this operator.",
        "请按后台给出的12位激活码输入，并确认操作员无误。",
    ),
};

pub const RECOVERY_WRONG: Words = Words {
    title: both("The recovery code is wrong or was used before.", "恢复码不正确或已经用过。"),
    money: KEPT,
    next: both(
        "Type it as the office read it out; each code works once.",
        "请按后台告知的内容输入；每个恢复码只能用一次。",
    ),
};

pub const ERRAND_RUNNING: Words = Words {
    title: both("Something is still under way.", "仍有操作正在进行。"),
    money: KEPT,
    next: both("Wait for its end or stop it, then log out.", "请等待完成或先停止，再退出登录。"),
};

pub const PASSWORD_MISSING: Words = Words {
    title: both("The meter's own password is needed for this.", "此操作需要电表密码。"),
    money: UNTOUCHED,
    next: both(
        "Give its six digits: F2 on the errand's page, --meter-password-file FILE as a command.",
        "请提供六位密码：作业页面按F2，命令行用 --meter-password-file 文件。",
    ),
};

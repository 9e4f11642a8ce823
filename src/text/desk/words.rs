//! Names of figures, fields, states and choices at the desk, by stable names; and the sentences its
//! pages are made of, where a `%` stands for a figure.

use super::super::{Both, Lang, both};

/// The words for a stable name.
pub fn word(lang: Lang, name: &str) -> Option<&'static str> {
    let rows = LISTS.iter().flat_map(|list| list.iter());
    rows.into_iter().find(|(known, _)| *known == name).map(|(_, words)| words.get(lang))
}

/// The words for a name, or the name itself.
pub fn or_name(lang: Lang, name: &str) -> &str {
    word(lang, name).unwrap_or(name)
}

/// All lists, for the tests too.
pub const LISTS: &[&[(&str, Both)]] = &[ACTS, FIGURES, STATES, TAKES, SAYINGS];

const ACTS: &[(&str, Both)] = &[
    ("act-issue", both("Issue a token", "签发令牌")),
    ("act-issue-list", both("Issue by list", "按表签发")),
    ("act-settle", both("Settle", "处理")),
    ("act-close-review", both("Close", "关闭")),
    ("act-reissue", both("Reissue", "重签")),
    ("act-revoke-token", both("Revoke token", "收回令牌")),
    ("act-fence", both("Fence", "封锁")),
    ("act-add-operator", both("Operator", "登记操作员")),
    ("act-grant", both("Grant", "授权")),
    ("act-revoke-operator", both("Revoke operator", "收回授权")),
    ("act-count", both("Purchase count", "更正购电次数")),
    ("act-sign-bundle", both("Sign a bundle", "签署参数包")),
    ("act-close-shift", both("Close a shift", "交班结账")),
    ("act-export", both("Export", "导出")),
];

const FIGURES: &[(&str, Both)] = &[
    ("about", both("What it is about", "所涉事项")),
    ("account", both("Account", "户号")),
    ("again", both("Again", "重复签发")),
    ("amount", both("Amount", "金额")),
    ("area", both("Area", "辖区")),
    ("areas", both("Areas", "辖区")),
    ("carried-by", both("Carried by", "携带者")),
    ("class", both("Class", "类别")),
    ("code", both("Code", "代码")),
    ("code-first", both("First log-in", "首次登录码")),
    ("count", both("Count", "购电次数")),
    ("customer", both("Customer", "客户")),
    ("days", both("Days", "天数")),
    ("device", both("Handheld", "手持机")),
    ("devices", both("Handhelds", "手持机")),
    ("doubt", both("In doubt", "存疑")),
    ("entries", both("Entries", "日志条数")),
    ("entry", both("Entry", "日志序号")),
    ("file", both("File", "文件")),
    ("forks", both("Forks", "日志分叉")),
    ("grant-days", both("Grant, days", "授权天数")),
    ("granted-here", both("Granted here", "已授权人员")),
    ("grants", both("Grants", "授权")),
    ("grants-revoked", both("Taken back", "已收回")),
    ("id", both("Number", "工号")),
    ("in-transit", both("In transit", "在途")),
    ("kind", both("Kind", "类型")),
    ("last-seen", both("Last contact", "最近联系")),
    ("late", both("Late", "逾期未联系")),
    ("life", both("Life", "日志周期")),
    ("location", both("Place", "位置")),
    ("may-do", both("May do", "可执行")),
    ("meter", both("Meter", "电表")),
    ("meters-besides", both("Meters also", "另含电表")),
    ("name", both("Name", "姓名")),
    ("oldest", both("Oldest", "最早签发")),
    ("operator", both("Operator", "操作员")),
    ("operators", both("Operators", "操作员")),
    ("out", both("Out", "在外")),
    ("quarantined-n", both("Quarantined", "已停用")),
    ("raised", both("Raised", "提出时间")),
    ("reason", both("Reason", "理由")),
    ("receipts", both("Receipts", "回执")),
    ("reviews", both("Open reviews", "待核查")),
    ("role", both("Role", "角色")),
    ("settled", both("Settled", "已处理")),
    ("software", both("Software", "软件版本")),
    ("state", both("State", "状态")),
    ("status", both("Status", "状态")),
    ("step", both("Step", "购电次数")),
    ("the-meter", both("The meter", "电表")),
    ("to", both("Replace with", "改签给")),
    ("token", both("Token", "令牌")),
    ("tokens-out", both("Tokens out", "在外令牌")),
    ("undoes", both("Undoes", "冲正")),
    ("valid-until", both("Valid until", "有效期至")),
    ("verdict", both("Verdict", "结论")),
    ("what-happened", both("What", "情况")),
    ("what-to-do", both("What to do", "处理办法")),
    ("whose", both("Whose", "对象")),
];

const STATES: &[(&str, Both)] = &[
    ("active", both("active", "有效")),
    ("applied", both("in the meter", "已充入")),
    ("auditor", both("auditor", "审计")),
    ("booked", both("in the meter", "已充入电表")),
    ("carry-over", both("carry-over", "余额结转")),
    ("delivered", both("on the handheld", "已下发")),
    ("disputed", both("disputed", "有争议")),
    ("enrolled", both("enrolled", "已登记")),
    ("everywhere", both("everywhere", "全部")),
    ("field", both("field", "外勤")),
    ("finance", both("finance", "财务")),
    ("installer", both("installer", "安装")),
    ("logged-in", both("has logged in", "已登录过")),
    ("never", both("never", "从未")),
    ("no", both("no", "否")),
    ("not-booked", both("not in the meter", "未充入电表")),
    ("not-logged-in", both("not yet", "尚未登录")),
    ("offered", both("not enrolled yet", "待登记")),
    ("open", both("open account", "开户")),
    ("quarantined", both("quarantined", "已停用")),
    ("recharge", both("recharge", "充值")),
    ("refund", both("refund", "退费")),
    ("reserved", both("waiting", "待下发")),
    ("reversal", both("reversal", "冲正")),
    ("revoked", both("revoked", "已收回")),
    ("seen", both("seen", "已阅")),
    ("supervisor", both("supervisor", "主管")),
    ("suspect", both("not known", "去向不明")),
    ("voided", both("came back", "已退回")),
    ("yes", both("yes", "是")),
    ("verb-read", both("read", "抄表")),
    ("verb-recharge", both("recharge", "充值")),
    ("verb-import", both("import tokens", "导入令牌")),
    ("verb-control", both("trip, close, keep power", "拉合闸、保电")),
    ("verb-parameters", both("write parameters", "下装参数")),
    ("verb-commission", both("commission", "安装调试")),
    ("verb-swap", both("swap meters", "换表")),
    ("verb-account", both("open, close accounts", "开户销户")),
    ("verb-refund", both("refund, reverse", "退费冲正")),
    ("verb-supervise", both("supervise", "主管")),
];

const TAKES: &[(&str, Both)] = &[
    ("takes-meter", both("The meter's number, 12 digits.", "12位表号。")),
    ("takes-amount", both("An amount, up to two decimals.", "金额，最多两位小数。")),
    ("takes-number", both("A whole number.", "整数。")),
    ("takes-device", both("A handheld; Right takes the next of:", "手持机，按右键切换：")),
    ("takes-operator", both("An operator; Right takes the next of:", "操作员，按右键切换：")),
    ("takes-text", both("Text. Several with commas between them.", "文字，多项用逗号分隔。")),
    (
        "takes-file",
        both("A file's path. Right makes 1 into - . / _", "文件路径。右键可把1变为- . / _"),
    ),
    ("takes-token", both("A token's identity, from its list.", "令牌编号，见令牌列表。")),
    ("takes-choice", both("A digit chooses:", "按数字选择：")),
];

const SAYINGS: &[(&str, Both)] = &[
    (
        "say-booked",
        both(
            "The credit counts as in the meter: it is posted, and its step is used.",
            "认定金额已充入电表：将记账，并占用该购电次数。",
        ),
    ),
    (
        "say-cannot-grant",
        both(
            "X Not possible: the operator or the handheld is revoked.",
            "X 不能授权：操作员或手持机已停用。",
        ),
    ),
    (
        "say-changes-operator",
        both(
            "! There is such an operator: he is changed. Grants he has stay as they were signed.",
            "! 该操作员已存在，将被修改。已签署的授权不变。",
        ),
    ),
    (
        "say-close",
        both(
            "No money hangs on it. Close it (F2) once you have seen to it.",
            "不涉及金额。查看处理后按F2关闭。",
        ),
    ),
    ("say-closes", both("It is closed with your reason.", "将以所填理由关闭。")),
    (
        "say-code-once",
        both(
            "This code is shown once. Write it down for the first log-in.",
            "此码只显示一次，请记下用于首次登录。",
        ),
    ),
    (
        "say-device-hears",
        both("The handheld hears of it with its next sync.", "手持机下次同步时得知。"),
    ),
    (
        "say-forks",
        both(
            "X Two journals carry this name: nothing is issued to it. See `devices forks`.",
            "X 有两份日志使用此名称，不再向其签发。见devices forks。",
        ),
    ),
    ("say-grant-next", both("Grant a handheld next (F3).", "下一步：按F3授权手持机。")),
    (
        "say-grants",
        both(
            "The operator may do what he is entered for, on this handheld.",
            "操作员可在该手持机上执行登记的权限。",
        ),
    ),
    (
        "say-late",
        both(
            "! Not heard of for more than a day. What is out with it stays in transit.",
            "! 超过一天未联系，其在外金额仍为在途。",
        ),
    ),
    ("say-near-limit", both("! The handheld is near its limit.", "! 该手持机接近限额。")),
    ("say-new-operator", both("A new operator is entered.", "登记新操作员。")),
    (
        "say-next-sync",
        both(
            "The handheld gets it with its next sync, over the network or a stick.",
            "手持机下次联网或用U盘同步时收到。",
        ),
    ),
    (
        "say-not-booked",
        both(
            "The credit counts as not in the meter: the money goes back to the customer. If it is \
             in the meter after all, it was given away.",
            "认定金额未充入电表：款项退回客户。若实际已充入，则等于白送。",
        ),
    ),
    (
        "say-not-enrolled",
        both("X This handheld is not enrolled, or quarantined.", "X 该手持机未登记或已停用。"),
    ),
    (
        "say-quarantined",
        both(
            "X Quarantined: nothing is issued to it, and it is told to stop.",
            "X 已停用：不再向其签发，并通知其停止。",
        ),
    ),
    (
        "say-reissues",
        both(
            "The same amount and step, a new life. The meter takes at most one of the two.",
            "同一金额和购电次数，重新计有效期。电表至多接受其中之一。",
        ),
    ),
    (
        "say-revoked-hears",
        both(
            "! A handheld hears of it with its next status: until then he may still work.",
            "! 手持机取得下一份状态后生效，此前仍可操作。",
        ),
    ),
    (
        "say-revokes-operator",
        both(
            "Every grant of this operator is taken back, on every handheld.",
            "该操作员在所有手持机上的授权全部收回。",
        ),
    ),
    (
        "say-revokes-token",
        both(
            "The handheld stops using it with its next status. Until it is settled or replaced its \
             money stays in transit.",
            "手持机取得下一份状态后停用该令牌。处理或重签之前金额仍为在途。",
        ),
    ),
    (
        "say-settle",
        both(
            "Read the meter: its purchase count and last purchase tell whether the credit is in \
             it. Then settle (F2).",
            "请抄读电表：购电次数和最近一次购电可判断金额是否已充入，再按F2处理。",
        ),
    ),
    ("say-sum-not-zero", both("X THE LEDGER DOES NOT SUM TO ZERO", "X 账本合计不为零")),
    ("say-sum-zero", both("+ The ledger sums to zero.", "+ 账本合计为零。")),
    (
        "say-token-revoked",
        both(
            "! It stays in transit until it is settled or replaced.",
            "! 处理或重签之前仍为在途。",
        ),
    ),
];

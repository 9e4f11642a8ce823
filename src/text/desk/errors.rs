//! What the office refuses, in words: what happened, and what to do now. By the office's own codes
//! (`office/error.rs`; a test holds the two together) and the desk's.

use super::super::{Both, both};

/// A failure in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What happened.
    pub title: Both,
    /// What to do now.
    pub next: Both,
}

/// The words for a code.
pub fn words(code: &str) -> Words {
    let row = ROWS.iter().find(|(known, ..)| *known == code);
    let (_, title, next) = row.unwrap_or(&OTHER);
    Words { title: *title, next: *next }
}

/// Whether a code has words of its own.
pub fn known(code: &str) -> bool {
    ROWS.iter().any(|(known, ..)| *known == code)
}

type Row = (&'static str, Both, Both);

const OTHER: Row = (
    "",
    both("The office refused", "后台拒绝了该操作"),
    both("Nothing was changed. Read what it said above.", "未作任何更改，请看上面的说明。"),
);

const SERVICE: Both = both(
    "Nothing was changed. Try again; if it stays, leave the desk and look at the machine the \
     database is on.",
    "未作任何更改。请重试；若仍不行，退出后检查数据库所在的机器。",
);
const KEYS: Both = both(
    "Nothing was changed. Leave the desk, put the keys right (docs/custody.md) and start it again.",
    "未作任何更改。请退出，按docs/custody.md处理好密钥后重新启动。",
);
const FORM: Both =
    both("Nothing was changed. Esc leads back to the form.", "未作任何更改。按Esc返回表单修改。");

const ROWS: &[Row] = &[
    ("not-initialised", both("There is no office here", "此处没有后台数据"), KEYS),
    ("already-initialised", both("There is an office here already", "此处已有后台数据"), KEYS),
    (
        "format",
        both("The database is of a newer version", "数据库版本较新"),
        both("Use the newer meterkit-office.", "请使用新版meterkit-office。"),
    ),
    (
        "file",
        both("A file could not be read or written", "文件无法读写"),
        both(
            "Look at the path and the disk, then do it again. A file that is there already is \
             never replaced.",
            "请检查路径和磁盘后重试。已存在的文件不会被覆盖。",
        ),
    ),
    ("key-file", both("A key file is not this office's", "密钥文件不属于本后台"), KEYS),
    ("wrong-passphrase", both("The passphrase is wrong", "口令错误"), KEYS),
    ("weak-passphrase", both("The passphrase is too short", "口令太短"), KEYS),
    ("no-passphrase", both("A passphrase is missing", "缺少口令"), KEYS),
    (
        "locked",
        both("The key for this is locked", "所需密钥未解锁"),
        both(
            "Nothing was changed. Leave the desk and start it again with the passphrase of the \
             keys.",
            "未作任何更改。请退出，带上密钥口令重新启动。",
        ),
    ),
    ("no-key", both("A key that is in force is missing", "缺少有效密钥"), KEYS),
    ("keys-older", both("The keys are older than the ledger", "密钥比账本旧"), KEYS),
    ("keys-changed", both("The keys were changed meanwhile", "密钥已被更换"), KEYS),
    ("tls", both("The server's certificate is in trouble", "服务器证书有问题"), KEYS),
    ("database", both("The database failed", "数据库出错"), SERVICE),
    ("document", both("A document was refused", "文件被拒绝"), FORM),
    ("message", both("A message was refused", "报文被拒绝"), SERVICE),
    ("random", both("The machine gives no random numbers", "系统无法提供随机数"), SERVICE),
    (
        "stored",
        both("The database holds a wrong value", "数据库中有错误数据"),
        both(
            "Stop issuing. Restore a backup beside it and compare (docs/scaling.md).",
            "请停止签发，恢复备份后对比（docs/scaling.md）。",
        ),
    ),
    (
        "no-device",
        both("There is no such handheld", "没有这台掌机"),
        both(
            "Look at its name in the list of handhelds. A new one is made by `enrol`.",
            "请在掌机列表中核对名称。新机用enrol登记。",
        ),
    ),
    (
        "device-enrolled",
        both("The handheld is enrolled already", "掌机已登记"),
        both(
            "`enrol --again` begins a new life of its journal.",
            "用「enrol --again」开始其日志的新周期。",
        ),
    ),
    (
        "quarantined",
        both("The handheld is quarantined", "掌机已停用"),
        both(
            "Nothing is issued to it. Choose another handheld, or enrol it again once it is found \
             and checked.",
            "不再向其签发。请选另一台掌机；找回并检查后可重新登记。",
        ),
    ),
    (
        "no-meter",
        both("There is no such meter", "没有这块电表"),
        both(
            "Compare the number with the list of meters. A new one is added by `meter add`.",
            "请与电表列表核对表号。新表用meter add添加。",
        ),
    ),
    ("meter-other", both("The meter is listed otherwise", "电表档案不一致"), FORM),
    (
        "amount",
        both("The amount is out of range", "金额超出范围"),
        both(
            "Nothing was changed. Esc leads back to the form: choose an amount within the range \
             above.",
            "未作任何更改。按Esc返回表单，在上述范围内填写金额。",
        ),
    ),
    (
        "over-limit",
        both("The handheld would carry too much", "掌机携带金额将超限"),
        both(
            "Nothing was changed. Let it sync first, choose another handheld, or raise its limit \
             with `limits set`.",
            "未作任何更改。请先让其同步、改用另一台，或用limits set提高限额。",
        ),
    ),
    (
        "no-operator",
        both("There is no such operator", "没有该操作员"),
        both("F2 in the list of operators enters one.", "在操作员列表按F2登记。"),
    ),
    (
        "no-recovery",
        both("No recovery code is left", "恢复码已用完"),
        both("Enrol the handheld again.", "请重新登记掌机。"),
    ),
    ("days", both("A token does not live that long", "令牌有效期超出范围"), FORM),
    (
        "chain-elsewhere",
        both("Another handheld carries this meter's tokens", "该表的令牌在另一台掌机上"),
        both(
            "Issue to that handheld, or wait until its tokens are used or settled.",
            "请签发给那台掌机，或等其令牌使用完毕或处理后再签发。",
        ),
    ),
    (
        "disputed",
        both("A token of this meter is disputed", "该表有令牌存在争议"),
        both(
            "Read the meter, then settle the token in the review queue.",
            "请抄读电表，再到核查队列处理该令牌。",
        ),
    ),
    (
        "count-end",
        both("The meter's purchase count is at its end", "购电次数已到上限"),
        both("The meter must be swapped.", "须换表。"),
    ),
    (
        "step-taken",
        both("Another token holds this step", "该购电次数已有令牌"),
        both(
            "Nothing was changed. Look at the meter's tokens; settle the other one first.",
            "未作任何更改。请查看该表的令牌，先处理另一个。",
        ),
    ),
    (
        "same-amount",
        both("A token for this step and amount is out", "同次数、同金额的令牌仍在外"),
        both(
            "Nobody could tell which of the two the meter took. Recharge another amount.",
            "届时无法分辨电表接受了哪一个。请改用其他金额充值。",
        ),
    ),
    (
        "no-proof",
        both("Nothing proves that it was not used", "没有未使用的证据"),
        both(
            "Nothing was changed. Read the meter, then say what it shows: review settle with \
             --shows and --record.",
            "未作任何更改。请抄读电表，再用 review settle 的 --shows 和 --record 填报。",
        ),
    ),
    (
        "backup-file",
        both("The backup does not hold", "备份文件无效"),
        both("Use another copy of it, or an older backup.", "请使用其他副本或更早的备份。"),
    ),
    (
        "restored",
        both("The office was restored from a backup", "后台由备份恢复"),
        both(
            "Nothing is issued until its handhelds have synced: restored list shows which.",
            "掌机全部同步之前不签发。用 restored list 查看名单。",
        ),
    ),
    (
        "no-draft",
        both("There is no such draft", "没有该草稿"),
        both(
            "It was issued or dropped: the list of drafts and the meter's card show which.",
            "已签发或已删除，请查看草稿列表和电表详情。",
        ),
    ),
    (
        "no-token",
        both("There is no such token", "没有该令牌"),
        both("Compare its identity with the meter's card.", "请在电表详情中核对令牌编号。"),
    ),
    (
        "not-in-dispute",
        both("Nothing is in doubt about this token", "该令牌没有疑问"),
        both(
            "A token in the field cannot be settled by wish. Wait for the journal of its handheld, \
             or revoke it.",
            "在外令牌不能随意处理。请等待掌机日志，或先收回。",
        ),
    ),
    (
        "not-replaceable",
        both("This token cannot be replaced", "该令牌不能重签"),
        both(
            "Only one whose time is over and that was never sent can. If it may be in the meter, \
             read the meter and settle it.",
            "只有已过期且未发送过的令牌可以重签。若可能已充入电表，请抄表后处理。",
        ),
    ),
    (
        "not-undone",
        both("This recharge cannot be undone", "该笔充值不能冲正"),
        both(
            "It must be in this meter and account, of this amount, and not undone yet.",
            "须为该表该户同金额、已充入且未冲正的充值。",
        ),
    ),
    (
        "settled-before",
        both("It was settled this way before", "此前已同样处理"),
        both("Nothing is left to do.", "无须再处理。"),
    ),
    ("keyset-old", both("The keyset is too old for this", "密钥集过旧"), KEYS),
    (
        "meter-closed",
        both("The meter was swapped out or closed", "该表已换下或销户"),
        both("Use this customer's other meter.", "请使用该客户的其他电表。"),
    ),
    (
        "swap-open",
        both("A swap of this meter is under way", "该表正在换表"),
        both("Wait until it has ended.", "请等换表结束。"),
    ),
    (
        "tokens-out",
        both("Tokens of this meter are out", "该表有在外令牌"),
        both("Let them be used, or take them back first.", "请先使用或收回。"),
    ),
    ("no-swap", both("There is no such swap", "没有该换表许可"), FORM),
    ("swap-stands", both("The swap is at another step", "换表处于其他步骤"), FORM),
    (
        "paid-unsaid",
        both("Nobody said what was paid back", "未填退还金额"),
        both(
            "Nothing was changed. Esc leads back to the form: enter what was paid back and the \
             receipt's number, or 0 where nothing was.",
            "未作任何更改。按Esc返回表单，填退还金额和收据号；未退款填0。",
        ),
    ),
    ("paid-over", both("That is more than the meter held", "退还金额大于电表剩余"), FORM),
    (
        "paid-receipt",
        both("The receipt does not go with the payment", "收据号与退款不符"),
        both(
            "Nothing was changed. A payment has a receipt's number; where nothing was paid back \
             there is none.",
            "未作任何更改。有退款须填收据号，未退款则不填。",
        ),
    ),
    (
        "receipt-booked",
        both("The receipt was booked before", "该收据号已用过"),
        both(
            "Nothing was changed. Look at the number: it stands at another closed account.",
            "未作任何更改。请核对收据号，它已记在另一销户上。",
        ),
    ),
    ("usage", both("It cannot be done like this", "不能这样操作"), FORM),
    (
        "desk-busy",
        both("The desk waits for the office", "正在等待后台"),
        both("Nothing was begun. Try again in a moment.", "尚未开始，请稍后重试。"),
    ),
];

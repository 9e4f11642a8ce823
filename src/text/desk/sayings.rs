//! The sentences the desk's pages are made of, by stable names. A `%` stands for a figure.

use super::super::{Both, both};

/// The sentences, by their names.
pub const SAYINGS: &[(&str, Both)] = &[
    (
        "say-carry-bundle",
        both(
            "Carry this file to the handheld with the parameters beside it.",
            "请将此文件与参数文件一起带到掌机。",
        ),
    ),
    (
        "say-closes-meter",
        both(
            "The account is closed for good: the meter leaves the list, nothing is issued to it. \
             What was paid back leaves its balance.",
            "该户将永久销户：电表移出清单，不再签发令牌；退还金额从余额中扣除。",
        ),
    ),
    ("say-closed-meter", both("The account is closed.", "已销户。")),
    (
        "say-closed-before",
        both("It was closed before, with these figures.", "此前已按下列数据销户。"),
    ),
    (
        "say-makes-round",
        both(
            "The list goes to this handheld with its next exchange.",
            "清单将随下次交换下发到该掌机。",
        ),
    ),
    (
        "say-withdraws",
        both(
            "The handheld does not begin it any more, once it hears of it.",
            "掌机得知后不再开始该任务。",
        ),
    ),
    (
        "say-round-goes-on",
        both("It was begun: it goes on all the same.", "该任务已开始：撤回后仍会继续。"),
    ),
    (
        "say-closes-shift",
        both(
            "What moved since the last close belongs to this shift for ever. What is proved in the \
             meters becomes revenue.",
            "自上次结账以来的变动归入本班，不可更改。已证实充入的金额转为收入。",
        ),
    ),
    (
        "say-count-out",
        both(
            "X Not possible while tokens are out for this meter: their steps hang on the count.",
            "X 该表有在外令牌，不能更正：令牌与购电次数相关。",
        ),
    ),
    (
        "say-counts",
        both(
            "The next token is issued for this count. A wrong one is refused by the meter.",
            "下一令牌按此次数签发，次数不符时电表会拒绝。",
        ),
    ),
    (
        "say-file-ending",
        both("The ending says how: .xlsx or .csv.", "扩展名决定格式：.xlsx或.csv。"),
    ),
    ("say-kept", both("! In keep-power, since %.", "! 保电中，自%。")),
    (
        "say-list-bad",
        both(
            "X Nothing can be issued: all rows or none. Mend the rows below in the file.",
            "X 不能签发：须全部行正确。请在文件中改正下列行。",
        ),
    ),
    (
        "say-list-before",
        both(
            "X The same rows were issued before, %. If that is meant, fill in Again.",
            "X 相同内容已于%签发。若确需再次签发，请填写「重复签发」。",
        ),
    ),
    (
        "say-list-good",
        both("Every row can be issued. All are, or none.", "全部行均可签发，将一并签发。"),
    ),
    ("say-shift-empty", both("Nothing moved since the last close.", "自上次结账以来没有变动。")),
    ("say-shift-not-zero", both("X THIS SHIFT DOES NOT COME TO ZERO", "X 本班合计不为零")),
    ("say-shift-zero", both("+ It comes to zero: nothing is missing.", "+ 合计为零，账目相符。")),
    (
        "say-signs",
        both("The file is checked and signed for this handheld.", "将校验该文件并为此掌机签署。"),
    ),
    ("say-writes", both("The whole list is written.", "将写出整个列表。")),
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
            "X 不能授权：操作员或掌机已停用。",
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
    (
        "say-close-account",
        both(
            "The account was closed at the meter, and no money was moved. Pay the customer back \
             what is his, then close it here (F2) with the amount and the receipt's number.",
            "现场已销户，未动资金。请向用户退还应退金额，再按F2登记退还金额和收据号并销户。",
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
        both("The handheld hears of it with its next sync.", "掌机下次同步时得知。"),
    ),
    ("say-draft-dropped", both("Dropped; nothing was issued.", "已删除，未签发。")),
    (
        "say-drafted",
        both(
            "Kept. Nothing is reserved or signed until somebody issues it.",
            "已保存。签发之前不占用购电次数，不签名。",
        ),
    ),
    (
        "say-drafts",
        both("Only written down: no token, no money moves.", "只作记录：不生成令牌，款项不动。"),
    ),
    ("say-drops-draft", both("The draft goes; nothing is issued.", "删除草稿，不签发。")),
    (
        "say-fence-alone",
        both(
            "! Without another handheld nothing is issued anew: its meters stay open to the thief \
             until the dates below.",
            "! 未指定另一台掌机，不会改签：在下列日期之前，这些电表仍有风险。",
        ),
    ),
    (
        "say-fence-stops",
        both(
            "The handheld is quarantined at once: nothing more is issued to it, and it is told to \
             stop when it calls.",
            "立即停用该掌机：不再向其签发，待其联系时通知停止。",
        ),
    ),
    (
        "say-fence-to",
        both(
            "What it carries is issued again at the same step to %. A meter takes only one of the \
             two.",
            "其携带的令牌按同一购电次数改签给%。电表只接受其中之一。",
        ),
    ),
    (
        "say-fence-until",
        both(
            "A meter is safe only once its step is used. Go to them, the largest first.",
            "只有购电次数被占用后电表才安全。请按金额从大到小走访。",
        ),
    ),
    (
        "say-fenced-next",
        both(
            "Sync the other handheld, then go to the meters below, the largest first.",
            "请同步另一台掌机，再按金额从大到小走访下列电表。",
        ),
    ),
    (
        "say-forks",
        both(
            "X Two journals carry this name: nothing is issued to it. See `devices forks`.",
            "X 有两份日志使用此名称，不再向其签发。见devices forks。",
        ),
    ),
    ("say-grant-next", both("Grant a handheld next (F3).", "下一步：按F3授权掌机。")),
    (
        "say-grants",
        both(
            "The operator may do what he is entered for, on this handheld.",
            "操作员可在该掌机上执行登记的权限。",
        ),
    ),
    (
        "say-late",
        both(
            "! Not heard of for more than a day. What is out with it stays in transit.",
            "! 超过一天未联系，其在外金额仍为在途。",
        ),
    ),
    ("say-near-limit", both("! The handheld is near its limit.", "! 该掌机接近限额。")),
    (
        "say-no-loss",
        both("+ A thief could credit nothing with it.", "+ 得到该机者无法充入任何金额。"),
    ),
    ("say-new-operator", both("A new operator is entered.", "登记新操作员。")),
    (
        "say-next-sync",
        both(
            "The handheld gets it with its next sync, over the network or a stick.",
            "掌机下次联网或用U盘同步时收到。",
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
            "! 掌机取得下一份状态后生效，此前仍可操作。",
        ),
    ),
    (
        "say-revokes-operator",
        both(
            "Every grant of this operator is taken back, on every handheld.",
            "该操作员在所有掌机上的授权全部收回。",
        ),
    ),
    (
        "say-revokes-token",
        both(
            "The handheld stops using it with its next status. Until it is settled or replaced its \
             money stays in transit.",
            "掌机取得下一份状态后停用该令牌。处理或重签之前金额仍为在途。",
        ),
    ),
    (
        "say-parallel",
        both(
            "The meter has what was written last. Sign the right values as a higher version, write \
             them there with one handheld, then close this (F2).",
            "电表中为最后写入的值。请以更高版本签署正确参数，由一台掌机写入该表，再按F2关闭。",
        ),
    ),
    (
        "say-said-ask",
        both(
            "X The handheld signed another sum, and no token explains it. Keep the checkpoint and \
             call a supervisor.",
            "X 掌机签名的合计与后台不符，且无令牌可解释。请保留检查点并通知班长。",
        ),
    ),
    (
        "say-said-fork",
        both(
            "X The handheld signed another journal. A person is called (C1).",
            "X 掌机签名的是另一份日志，已转人工核查（C1）。",
        ),
    ),
    ("say-said-same", both("+ The office has the same.", "+ 与后台一致。")),
    (
        "say-said-settle",
        both(
            "X The handheld says another sum. Settle the tokens below (review queue), then look \
             again.",
            "X 掌机所报合计与后台不符。请在核查队列处理下列令牌后再看。",
        ),
    ),
    (
        "say-said-wait",
        both(
            "! Entries it signed for are not here. Have the handheld sync, then look again.",
            "! 掌机已签名的日志未送达。请先让掌机同步再看。",
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
    ("say-sum-not-zero", both("X TODAY'S MOVEMENTS DO NOT SUM TO ZERO", "X 今日分录合计不为零")),
    ("say-sum-zero", both("+ Today's movements sum to zero.", "+ 今日分录合计为零。")),
    (
        "say-token-revoked",
        both(
            "! It stays in transit until it is settled or replaced.",
            "! 处理或重签之前仍为在途。",
        ),
    ),
];

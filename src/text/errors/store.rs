//! Words for the store (`MK-STORE-*`), the office (`MK-OFFICE-*`) and the program itself
//! (`MK-PROG-*`).

use super::{Both, KEPT, Words, both};

pub const NOT_ENROLLED: Words = Words {
    title: both("This handheld is not enrolled.", "本掌机尚未注册。"),
    money: both("No money can move from here yet.", "在此之前无法进行任何金额操作。"),
    next: both(
        "Enrol it with the office: meterkit enrol. To look around: meterkit demo.",
        "请用meterkit enrol向后台注册；想先试用可运行meterkit demo。",
    ),
};

pub const ALREADY_ENROLLED: Words = Words {
    title: both("This handheld is enrolled already.", "本掌机已经注册过。"),
    money: KEPT,
    next: both(
        "Go on working, or choose another folder with --home.",
        "可继续工作，或用--home指定其他目录。",
    ),
};

pub const STORE_LOCKED: Words = Words {
    title: both(
        "Another meterkit is running on this handheld's data.",
        "另一个meterkit正在使用本掌机的数据。",
    ),
    money: KEPT,
    next: both("Close the other one, then start again.", "请关闭另一个程序，再重新启动。"),
};

pub const STORE_VERSION: Words = Words {
    title: both("The data was written by a newer meterkit.", "数据由更新版本的meterkit写入。"),
    money: KEPT,
    next: both(
        "Install the newer version; do not delete anything.",
        "请安装新版本；不要删除任何数据。",
    ),
};

const STOPPED: Both = both(
    "Recharging is stopped until this is cleared up. Reading still works.",
    "问题查清之前停止充值，仍可读表。",
);

pub const JOURNAL_DAMAGED: Words = Words {
    title: both("The journal is damaged.", "日志已损坏。"),
    money: STOPPED,
    next: both(
        "Do not delete anything. Sync if you can and take the handheld to the office.",
        "不要删除任何数据。能同步则同步，并将掌机送交后台。",
    ),
};

pub const JOURNAL_ROLLED_BACK: Words = Words {
    title: both(
        "The journal is older than what the office has acknowledged.",
        "日志比后台已确认的内容更旧。",
    ),
    money: STOPPED,
    next: both(
        "An old copy was put back. Take the handheld to the office.",
        "可能恢复了旧的备份。请将掌机送交后台。",
    ),
};

pub const DISK_FULL: Words = Words {
    title: both("The disk is full.", "磁盘已满。"),
    money: STOPPED,
    next: both(
        "Make room (old logs, other files; never the journal), then try again.",
        "清理空间（旧运行记录或其他文件，切勿删除日志），然后重试。",
    ),
};

pub const STORE_FAILED: Words = Words {
    title: both("The disk reported an error.", "磁盘读写出错。"),
    money: STOPPED,
    next: both(
        "Start again; if it stays, take the handheld to the office.",
        "请重新启动；若仍出错，将掌机送交后台。",
    ),
};

pub const STORE_SEALED: Words = Words {
    title: both("The data does not open with this key.", "此密钥无法打开数据。"),
    money: KEPT,
    next: both(
        "Do not delete anything. Take the handheld to the office.",
        "不要删除任何数据，请将掌机送交后台。",
    ),
};

pub const SECRET_MISSING: Words = Words {
    title: both(
        "The secret of this handheld is not on this machine.",
        "本机上没有该掌机的设备密钥。",
    ),
    money: KEPT,
    next: both(
        "A copied folder opens nowhere else. Use the handheld itself or enrol again.",
        "复制的数据无法在别处打开。请使用原掌机，或重新注册。",
    ),
};

pub const VAULT_DAMAGED: Words = Words {
    title: both("The file with the log-ins is damaged.", "登录信息文件已损坏。"),
    money: KEPT,
    next: both(
        "Do not delete anything. The office gives a recovery code or enrols again.",
        "不要删除任何数据。请向后台索取恢复码，或重新注册。",
    ),
};

pub const OFFICE_UNREACHABLE: Words = Words {
    title: both("The office could not be reached.", "无法连接后台。"),
    money: KEPT,
    next: both(
        "Go on working offline; sync when the network is back.",
        "可继续离线工作，网络恢复后再同步。",
    ),
};

pub const OFFICE_TIMEOUT: Words = Words {
    title: both("The office did not answer in time.", "后台未在规定时间内应答。"),
    money: KEPT,
    next: both("Sync again later; it goes on where it stopped.", "稍后再同步，会从中断处继续。"),
};

pub const OFFICE_LIES: Words = Words {
    title: both(
        "The office's answer is not signed by it, or contradicts the journal.",
        "后台应答签名不符，或与日志矛盾。",
    ),
    money: both(
        "No money moved. Nothing of the answer was taken; the journal stands.",
        "没有任何金额变动。未采纳该应答，日志保持不变。",
    ),
    next: both(
        "Do not sync again over this network. Call the office.",
        "不要再通过此网络同步，请致电后台。",
    ),
};

pub const OFFICE_REFUSED: Words = Words {
    title: both("The office refuses this handheld.", "后台拒绝了本掌机。"),
    money: KEPT,
    next: both(
        "Call the office: the handheld may be locked or must be enrolled again.",
        "请致电后台：掌机可能被停用，或需要重新注册。",
    ),
};

pub const OFFICE_VERSION: Words = Words {
    title: both(
        "The office and this program speak different versions.",
        "后台与本程序的版本不一致。",
    ),
    money: KEPT,
    next: both("Update meterkit, then sync again.", "请更新meterkit，然后再同步。"),
};

pub const OFFICE_UNTRUSTED: Words = Words {
    title: both(
        "Whoever answered is not our office: its certificate is another.",
        "应答者不是我们的后台：证书不符。",
    ),
    money: KEPT,
    next: both(
        "Try another network. If it stays, call the office.",
        "请换一个网络；若仍如此，请致电后台。",
    ),
};

pub const OFFICE_BUSY: Words = Words {
    title: both("The office has too much to do right now.", "后台当前繁忙。"),
    money: KEPT,
    next: both("Sync again in a few minutes.", "请几分钟后再同步。"),
};

pub const USAGE: Words = Words {
    title: both("The command was not written correctly.", "命令写法不正确。"),
    money: KEPT,
    next: both("Look at meterkit help for the right form.", "正确写法见meterkit help。"),
};

pub const CONFIG: Words = Words {
    title: both("The configuration has a mistake.", "配置文件有误。"),
    money: KEPT,
    next: both("Correct the line named in the detail.", "请改正明细中指出的那一行。"),
};

pub const FILE: Words = Words {
    title: both("A file could not be read or written.", "文件无法读取或写入。"),
    money: KEPT,
    next: both(
        "Check the path, the stick and the permissions, then try again.",
        "检查路径、U盘和权限，然后重试。",
    ),
};

pub const INTERNAL: Words = Words {
    title: both("meterkit made a mistake of its own.", "meterkit程序内部出错。"),
    money: both(
        "The journal is whole. If a recharge was running, \"What happened?\" shows it.",
        "日志完整。如有充值正在进行，会列在「情况查明」中。",
    ),
    next: both("Start again and send the detail to the office.", "请重新启动，并将明细发给后台。"),
};

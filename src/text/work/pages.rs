//! Words of the errands' screens: what each errand is for, what a field takes, what to do about a
//! meter in a special state.

use super::super::{Both, both};

/// What each errand is for.
pub const ABOUT: &[(&str, Both)] = &[
    (
        "swap",
        both(
            "Takes an old meter out of service and carries its balance over to the new one. Needs \
             the office's leave for these two meters.",
            "拆换旧表，并把余额结转到新表。需要后台对这两块表的授权。",
        ),
    ),
    (
        "account",
        both(
            "Opens or closes an account, pays back, undoes one recharge, finds out why a purchase \
             count does not fit.",
            "开户、销户、退费、冲正一笔充值，诊断购电次数不符的原因。",
        ),
    ),
    (
        "control",
        both(
            "Trip, close, keep-power, restore prepaid, alarm settings, price download and reading \
             export, for one meter or many.",
            "对一块或多块电表拉闸、合闸、保电、恢复预付费、下发报警参数、下装电价、导出抄表。",
        ),
    ),
    (
        "bundle",
        both(
            "Writes a signed set of prices and parameters, or sets clocks. A meter switches over \
             only when all of it is in.",
            "写入已签名的电价和参数包，或校时。全部写入后电表才切换。",
        ),
    ),
    (
        "commission",
        both(
            "Puts a meter into service step by step, checks its wiring with a drawing, tests \
             overload and relay. Without a number the line is surveyed first.",
            "逐步开通电表：核对、设参、带相量图的接线检查、过载和拉合闸试验。不填表号则先巡检总线。",
        ),
    ),
    (
        "round",
        both(
            "Reads a list of meters until all have answered, and says what is odd. Begins with \
             meters, a box, a line, an area or a file.",
            "按清单抄表直至全部抄到，并指出异常。可按表号、终端、线路、辖区或文件开始。",
        ),
    ),
];

/// What a kind of field takes.
pub const TAKES: &[(&str, Both)] = &[
    ("takes-meter", both("The number on the meter's face.", "电表铭牌上的表号。")),
    (
        "takes-meters",
        both(
            "Meter numbers, or a box, area or line of the list, or ALL; spaces or commas between.",
            "表号，或清单中的终端、辖区、线路名称，或ALL（全部）；多个以空格或逗号分隔。",
        ),
    ),
    ("takes-money", both("An amount such as 12.50.", "金额，如12.50。")),
    ("takes-number", both("A whole number.", "整数。")),
    ("takes-text", both("Any text.", "任意文字。")),
    (
        "takes-file",
        both(
            "The path of a file, such as /media/usb/list.xlsx.",
            "文件路径，如/media/usb/list.xlsx。",
        ),
    ),
    ("takes-choice", both("Digit or Right chooses:", "按数字或右键选择：")),
    ("takes-switch", both("Right changes between yes and no.", "按右键切换是或否。")),
    (
        "takes-password",
        both(
            "Six digits; needed only where the meter is written to. It is shown as stars and kept \
             nowhere.",
            "六位数字，仅在写表时需要。以星号显示，不会保存。",
        ),
    ),
];

/// What to do about a meter in a special state.
pub const UNDO: &[(&str, Both)] = &[
    (
        "keep-power",
        both(
            "Credit control is off. Restore prepaid under Control when it is not needed any more.",
            "预付费控制已停用。不再需要时请在「远控」中恢复预付费。",
        ),
    ),
    (
        "swapped-out",
        both(
            "It must not be in service any more. Hand it in with what it holds.",
            "该表不应再使用，请连同表内余额上交。",
        ),
    ),
    (
        "tariff-pending",
        both(
            "Its new tariff waits for its time, or was not written to the end: see the bundle.",
            "新费率等待生效或未写完，请查看参数包作业。",
        ),
    ),
    (
        "tripped",
        both(
            "It was cut off by a command. Close it under Control when the reason is gone.",
            "已由命令拉闸。原因消除后请在「远控」中合闸。",
        ),
    ),
];

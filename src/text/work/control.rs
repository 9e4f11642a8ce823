//! Words of relay commands and settings.

use super::super::{Both, both};

pub const WORDS: &[(&str, Both)] = &[
    ("command", both("command", "命令")),
    ("trip", both("trip", "拉闸")),
    ("close", both("close", "合闸")),
    ("allow-close", both("allow closing by the button", "允许按键合闸")),
    ("keep-power-on", both("keep-power", "进入保电")),
    ("restore-prepaid", both("restore prepaid", "恢复预付费")),
    ("settings", both("settings", "参数设置")),
    ("price-download", both("price download", "下装电价")),
    ("reading-export", both("reading export", "抄表导出")),
    ("alarm-1", both("alarm amount 1", "报警金额1")),
    ("alarm-2", both("alarm amount 2", "报警金额2")),
    ("overload-w", both("overload limit, W", "过载门限（W）")),
    ("overload-s", both("overload delay, s", "过载延时（s）")),
    (
        "check-right-meters",
        both("These are the right meters and customers.", "已核对电表与用户无误。"),
    ),
    (
        "check-people-told",
        both("The people there know, nobody depends on it.", "已告知现场人员，无人依赖供电。"),
    ),
    (
        "check-no-danger-off",
        both("No lift, pump, alarm or care device is cut.", "不会断开电梯、水泵、报警或医护设备。"),
    ),
    ("check-fault-cleared", both("The fault is found and cleared.", "故障已查明并排除。")),
    (
        "check-loads-off",
        both(
            "Loads are off or safe, nobody works on the line.",
            "负载已断开或安全，线路上无人作业。",
        ),
    ),
    ("control-now", both("now", "当前状态")),
    ("control-act", both("result", "执行结果")),
    ("relay-closed", both("closed, supplied", "合闸，供电中")),
    ("relay-open", both("open, cut off", "拉闸，已断电")),
    ("relay-will-open", both("will open after the warning time", "告警延时后拉闸")),
    ("relay-kept", both("kept on (keep-power)", "保电中")),
    ("relay-kept-open", both("open although kept on", "保电但继电器断开")),
    ("settings-same", both("as wanted", "与设定一致")),
];

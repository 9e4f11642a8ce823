//! Words for failures of the line to the meter (`MK-PORT-*`, `MK-LINK-*`).

use super::{UNTOUCHED, Words, both};

pub const PORT_MISSING: Words = Words {
    title: both("The port is not there.", "找不到该通信口。"),
    money: UNTOUCHED,
    next: both(
        "Plug the adapter in and try again; or choose the one there is under Ports.",
        "插好转换器后重试；或在「通信口」中选择现有的转换器。",
    ),
};

pub const PORT_BUSY: Words = Words {
    title: both("Another program is using the port.", "该通信口正被其他程序占用。"),
    money: UNTOUCHED,
    next: both(
        "Close the other program, then try again, or choose another port.",
        "关闭占用它的程序后重试，或选择其他通信口。",
    ),
};

pub const PORT_DENIED: Words = Words {
    title: both("You are not allowed to open the port.", "当前用户无权打开该通信口。"),
    money: UNTOUCHED,
    next: both(
        "Open Ports: it shows the command that gives you access.",
        "打开「通信口」页面，按其中显示的命令开通权限。",
    ),
};

pub const PORT_ADDRESS: Words = Words {
    title: both("The port's address makes no sense.", "通信口地址写法有误。"),
    money: UNTOUCHED,
    next: both(
        "Write /dev/NAME, COMn, tcp://HOST:PORT, tcp-listen://:PORT, udp://HOST:PORT, \
         rfc2217://HOST:PORT or ble:AA:BB:CC:DD:EE:FF.",
        "请写成 /dev/名称、COMn、tcp://主机:端口、tcp-listen://:端口、udp://主机:端口、\
         rfc2217://主机:端口 或 ble:AA:BB:CC:DD:EE:FF。",
    ),
};

pub const PORT_NOT_CHOSEN: Words = Words {
    title: both("No port is chosen.", "尚未选择通信口。"),
    money: UNTOUCHED,
    next: both(
        "Choose the adapter under Ports, then try again.",
        "在「通信口」中选择转换器，然后重试。",
    ),
};

pub const LINK_GONE: Words = Words {
    title: both("The adapter was pulled out or the line closed.", "转换器被拔出或连接已断开。"),
    money: both(
        "Nothing more was sent. If a recharge was running, \"What happened?\" shows it.",
        "之后未再发送任何数据。如有充值正在进行，会列在「情况查明」中。",
    ),
    next: both(
        "Plug the adapter in again, then repeat the reading.",
        "重新插好转换器，然后再读一次。",
    ),
};

pub const LINK_FAILED: Words = Words {
    title: both("The line to the meter failed.", "与电表的通信线路出错。"),
    money: both(
        "Nothing more was sent. If a recharge was running, \"What happened?\" shows it.",
        "之后未再发送任何数据。如有充值正在进行，会列在「情况查明」中。",
    ),
    next: both(
        "Check plug and cable, then try again; choose another port if it stays.",
        "检查插头和线缆后重试；仍不行则更换通信口。",
    ),
};

pub const METER_SILENT: Words = Words {
    title: both("The meter did not answer.", "电表没有应答。"),
    money: UNTOUCHED,
    next: both(
        "Check the number, the wiring (A and B) or the optical head, then read again.",
        "核对表号、接线（A、B）或光电头位置，然后再读一次。",
    ),
};

pub const METER_GARBLED: Words = Words {
    title: both(
        "Something answered, but no complete and correct frame came.",
        "收到应答，但没有完整正确的报文。",
    ),
    money: UNTOUCHED,
    next: both(
        "Check wiring, speed and whether two meters answer at once, then read again.",
        "检查接线、波特率以及是否有两块表同时应答，然后再读一次。",
    ),
};

pub const LINE_FIXED: Words = Words {
    title: both(
        "The speed of this line is set in the adapter and cannot be changed from here.",
        "该线路的速率由转接设备决定，无法在此更改。",
    ),
    money: UNTOUCHED,
    next: both(
        "Set the server or head to the meter's speed, or use rfc2217:// if the server has it.",
        "请在串口服务器或抄读头上设置为电表的速率；服务器支持时可用 rfc2217://。",
    ),
};

pub const TRACE_UNREADABLE: Words = Words {
    title: both(
        "The recording cannot be read, or holds another conversation.",
        "录制文件无法读取，或其中是另一次通信。",
    ),
    money: UNTOUCHED,
    next: both(
        "Look at the line named; give the profile and the meter of the recording.",
        "请查看所指的行；并指定录制时的表型和电表。",
    ),
};

pub const CANCELLED: Words = Words {
    title: both("You stopped it.", "操作已被您停止。"),
    money: both(
        "Nothing was credited by this. If a recharge had been sent, \"What happened?\" shows it.",
        "此操作未写入任何金额。如充值已发出，会列在「情况查明」中。",
    ),
    next: both("Start again when you are ready.", "准备好后可重新开始。"),
};

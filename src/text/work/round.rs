//! Words of rounds: rows, what is odd and what to do about it, columns of the tables.

use super::super::{Both, Lang, both};

pub const WORDS: &[(&str, Both)] = &[
    ("round-what", both("what is read", "抄读内容")),
    ("round-card", both("the meter's card", "电表读数")),
    ("round-curve", both("load curve", "负荷曲线")),
    ("round-days", both("daily freezes", "日冻结")),
    ("round-office", both("round of the office", "后台抄表任务")),
    ("round-note", both("the office says", "后台备注")),
    ("round-given", both("to be begun", "待开始")),
    ("round-withdrawn", both("withdrawn", "已撤回")),
    ("round-over", both("time is over", "已过期")),
    (
        "round-withdrawn-since",
        both("the office withdrew it: what was begun goes on", "后台已撤回：已开始的可以继续"),
    ),
    ("round-file", both("list (XLSX, CSV)", "清单文件")),
    ("round-all", both("whole area list", "辖区内全部电表")),
    ("round-area", both("only this area", "仅此辖区")),
    ("round-box", both("only this box", "仅此终端")),
    ("round-line", both("only this line", "仅此线路")),
    ("round-from", both("from (day, time)", "起始时间")),
    ("round-to", both("to (day, time)", "截止时间")),
    ("round-passes", both("passes", "补抄轮数")),
    ("round-pause", both("wait between, s", "补抄间隔（秒）")),
    ("round-export", both("table written to", "导出到文件")),
    ("round-bom", both("mark for Excel", "Excel中文标记")),
    ("round-reason", both("reason", "录入原因")),
    ("round-listed", both("on the list", "清单总数")),
    ("round-read", both("read from the meter", "设备抄读")),
    ("round-typed", both("typed by a person", "人工录入")),
    ("round-missing", both("missing", "未抄到")),
    ("round-odd", both("with something odd", "有异常")),
    ("round-waits", both("no answer yet", "尚未抄到")),
    ("round-read-one", both("read", "已抄读")),
    ("round-typed-one", both("typed, not read", "人工录入（非抄读）")),
    ("round-never-began", both("its list is not whole: begin it anew", "清单不完整，请重新创建")),
    ("round-left", both("meters that did not answer", "未抄到的电表")),
    ("round-again", both("try them again", "再次补抄")),
    ("round-later", both("another time", "稍后再抄")),
    ("round-finish", both("end the round without them", "不再补抄，结束任务")),
    ("round-type", both("type in what a meter's face shows", "人工录入表显电量")),
    ("round-typing", both("typed by hand", "人工录入")),
    ("round-which", both("Which meter did you read? Its number:", "目视抄读的是哪块电表？表号：")),
    ("round-figure", both("What does its face show, in kWh?", "表显电量是多少（kWh）？")),
    ("round-why", both("Why could it not be read over the line?", "为何不能通信抄读？")),
    ("row-no-meter", both("row without a meter number", "该行没有表号")),
    ("row-meter", both("not a meter number", "表号无效")),
    (
        "row-rounded",
        both(
            "number turned into a power of ten: save the column as text",
            "表号被转成科学计数法：请将该列存为文本",
        ),
    ),
    ("row-twice", both("meter is there already, in row", "电表重复，已在该行")),
    ("row-energy", both("not an energy", "读数无效")),
    ("row-date", both("not a date", "日期无效")),
    ("row-count", both("not a purchase count", "购电次数无效")),
    ("row-ratio", both("not a ratio", "变比无效")),
    ("row-power", both("not a power", "功率无效")),
    ("row-long", both("text too long", "文字过长")),
    ("register-backwards", both("register went back", "电量倒走")),
    ("register-jump", both("more than can have flowed", "电量突增，超出可能")),
    ("zero-use", both("no use", "零电量")),
    ("count-behind", both("purchase count went back", "购电次数倒退")),
    ("count-ahead", both("purchase count is ahead", "购电次数超前")),
    ("balance-mismatch", both("balance does not follow", "余额不符")),
    ("meter-cover-opened", both("meter cover was opened", "开过表盖")),
    ("terminal-cover-opened", both("terminal cover opened", "开过端钮盖")),
    ("clock-drift", both("clock is a little off", "时钟略有偏差")),
    ("clock-off", both("clock is off", "时钟偏差")),
    ("clock-wrong", both("clock is wrong", "时钟错误")),
    ("keep-power-left-on", both("keep-power is on", "保电未解除")),
    ("ct-ratio-differs", both("CT ratio differs", "CT变比不符")),
    ("reverse-energy", both("energy flows backwards", "反向电量")),
    ("battery-is-low", both("battery is low", "电池欠压")),
    ("notice", both("notice", "提示")),
    ("warning", both("warning", "警告")),
    ("alarm", both("alarm", "严重")),
];

/// What to do about something odd: one step each.
const NEXT: &[(&str, Both)] = &[
    (
        "register-backwards",
        both(
            "Check that it is the same meter; if it is, have it tested.",
            "核对是否为原表；若是，送检。",
        ),
    ),
    (
        "register-jump",
        both(
            "Read it again and compare with its display and its daily freezes.",
            "重新抄读，并与显示屏和日冻结比对。",
        ),
    ),
    (
        "zero-use",
        both(
            "See whether the place is empty; else check the wiring.",
            "确认是否空置；否则检查接线。",
        ),
    ),
    (
        "count-behind",
        both(
            "Take no money for it; let the office compare the records.",
            "暂停充值，请后台核对购电记录。",
        ),
    ),
    (
        "count-ahead",
        both(
            "Sync, and see whether the office knows the purchase.",
            "先同步，确认后台是否有这笔购电。",
        ),
    ),
    (
        "balance-mismatch",
        both(
            "Read its purchase records, and let the office compare.",
            "读取购电记录，请后台核对。",
        ),
    ),
    (
        "meter-cover-opened",
        both("Look at the seals, take a photo, report it.", "检查封印，拍照上报。"),
    ),
    (
        "terminal-cover-opened",
        both("Look at the seals and the terminals, and report it.", "检查封印和端钮，并上报。"),
    ),
    ("clock-drift", both("Let the next parameter set put it right.", "下次下发参数时校时。")),
    (
        "clock-off",
        both(
            "Set the clock, not near midnight or the end of an interval.",
            "安排校时，避开零点和时段边界。",
        ),
    ),
    (
        "clock-wrong",
        both(
            "Read the daily freezes first, then set the clock and watch the battery.",
            "先读日冻结，再校时，并检查时钟电池。",
        ),
    ),
    (
        "keep-power-left-on",
        both(
            "Ask whether it is still needed; else restore prepaid control.",
            "确认是否仍需保电；否则恢复预付费。",
        ),
    ),
    (
        "ct-ratio-differs",
        both(
            "Compare with the transformer's nameplate before anybody is billed.",
            "结算前先与互感器铭牌核对。",
        ),
    ),
    (
        "reverse-energy",
        both(
            "Check for generation at the customer, else for a reversed wire.",
            "核实用户是否有发电；否则检查接线是否反向。",
        ),
    ),
    ("battery-is-low", both("Plan to replace the battery or the meter.", "安排更换电池或电表。")),
];

/// What to do about something odd.
pub fn next(lang: Lang, name: &str) -> &'static str {
    let row = NEXT.iter().find(|(own, _)| *own == name);
    row.map(|(_, words)| words.get(lang)).unwrap_or_default()
}

/// Columns of the tables. Both languages stand in the head of every column.
const COLUMNS: &[(&str, Both)] = &[
    ("meter", both("Meter", "表号")),
    ("customer", both("Customer", "用户")),
    ("location", both("Location", "位置")),
    ("line", both("Line", "线路")),
    ("status", both("Status", "状态")),
    ("read-at", both("Read at", "抄读时间")),
    ("energy", both("Energy read (kWh)", "抄读电量 (kWh)")),
    ("typed", both("Energy typed (kWh)", "人工录入电量 (kWh)")),
    ("count", both("Purchase count", "购电次数")),
    ("net", both("Balance", "余额")),
    ("unit", both("Unit", "单位")),
    ("reverse", both("Reverse energy (kWh)", "反向电量 (kWh)")),
    ("power", both("Power (kW)", "功率 (kW)")),
    ("drift", both("Clock off (s)", "时钟偏差 (s)")),
    ("ct", both("CT ratio", "变比")),
    ("severity", both("Severity", "级别")),
    ("odd", both("What is odd", "异常")),
    ("next", both("Next step", "处理建议")),
    ("why", both("Reason", "原因")),
    ("by", both("By", "操作员")),
    ("frames", both("SHA-256 of the frames", "报文摘要")),
    ("listed", both("On the list", "清单总数")),
    ("read", both("Read", "设备抄读")),
    ("by-hand", both("Typed", "人工录入")),
    ("missing", both("Missing", "未抄到")),
    ("with-odd", both("Odd", "异常")),
    ("time", both("Time", "时间")),
    ("voltage-a", both("Voltage A", "A相电压")),
    ("voltage-b", both("Voltage B", "B相电压")),
    ("voltage-c", both("Voltage C", "C相电压")),
    ("current-a", both("Current A", "A相电流")),
    ("current-b", both("Current B", "B相电流")),
    ("current-c", both("Current C", "C相电流")),
    ("frequency", both("Frequency", "频率")),
    ("active-power", both("Power", "有功功率")),
    ("power-a", both("Power A", "A相有功功率")),
    ("power-b", both("Power B", "B相有功功率")),
    ("power-c", both("Power C", "C相有功功率")),
    ("reactive-power", both("Reactive power", "无功功率")),
    ("reactive-power-a", both("Reactive power A", "A相无功功率")),
    ("reactive-power-b", both("Reactive power B", "B相无功功率")),
    ("reactive-power-c", both("Reactive power C", "C相无功功率")),
    ("power-factor", both("Power factor", "功率因数")),
    ("power-factor-a", both("Power factor A", "A相功率因数")),
    ("power-factor-b", both("Power factor B", "B相功率因数")),
    ("power-factor-c", both("Power factor C", "C相功率因数")),
    ("forward", both("Forward active energy", "正向有功电量")),
    ("energy-reverse", both("Reverse active energy", "反向有功电量")),
    ("reactive-energy-1", both("Reactive energy 1", "组合无功1电量")),
    ("reactive-energy-2", both("Reactive energy 2", "组合无功2电量")),
    ("reactive-q1", both("Reactive energy Q1", "第一象限无功电量")),
    ("reactive-q2", both("Reactive energy Q2", "第二象限无功电量")),
    ("reactive-q3", both("Reactive energy Q3", "第三象限无功电量")),
    ("reactive-q4", both("Reactive energy Q4", "第四象限无功电量")),
    ("demand", both("Demand", "有功需量")),
    ("reactive-demand", both("Reactive demand", "无功需量")),
    ("credit", both("Remaining credit", "剩余金额/电量")),
    ("rate", both("Rate", "费率")),
    ("summary", both("Summary", "汇总")),
    ("total", both("Total", "合计")),
    ("no-line", both("no line", "未指定线路")),
];

/// A name in both languages, as the head of a column has it.
pub fn column(name: &str) -> String {
    let row = COLUMNS.iter().find(|(own, _)| *own == name);
    row.map_or_else(|| name.to_owned(), |(_, words)| format!("{} {}", words.en, words.zh))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_both_languages_once() {
        for list in [NEXT, COLUMNS] {
            let mut seen = std::collections::HashSet::new();
            for (name, words) in list {
                assert!(seen.insert(name), "{name} twice");
                assert!(words.en.is_ascii() && !words.zh.is_ascii(), "{name}");
            }
        }
        for (name, _) in NEXT {
            assert!(WORDS.iter().any(|(own, _)| own == name), "{name}");
        }
    }
}

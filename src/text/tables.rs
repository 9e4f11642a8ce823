//! Columns and sheets of the office's tables, in both languages at once: a table is read by others
//! than those who made it. And what columns of sales are called in lists that people bring.

use super::{Both, both};

/// Columns by their stable names.
const COLUMNS: &[(&str, Both)] = &[
    ("account", both("account", "户号")),
    ("act", both("act", "业务")),
    ("age-h", both("age, h", "时长（小时）")),
    ("amount", both("amount", "金额")),
    ("applied", both("in the meters", "已入表")),
    ("area", both("area", "辖区")),
    ("at", both("time (UTC)", "时间(UTC)")),
    ("balance", both("balance", "余额")),
    ("booked", both("in the meters", "已入表")),
    ("booked-n", both("how many in the meters", "入表笔数")),
    ("brought", both("brought forward", "上班结转")),
    ("class", both("class", "类别")),
    ("corrected", both("put right", "更正")),
    ("count", both("purchase count", "购电次数")),
    ("customer", both("customer", "客户")),
    ("device", both("handheld", "掌机")),
    ("energy", both("energy, kWh", "电量(kWh)")),
    ("expires", both("until (UTC)", "有效至(UTC)")),
    ("fence", both("fenced", "隔离状态")),
    ("forks", both("forks", "分叉")),
    ("from", both("from", "转出")),
    ("id", both("identity", "标识")),
    ("issued", both("issued", "已售")),
    ("issued-at", both("issued (UTC)", "签发时间(UTC)")),
    ("issued-n", both("how many issued", "售电笔数")),
    ("key", both("of", "归属")),
    ("last", both("last, kWh", "上次(kWh)")),
    ("line", both("line", "线路")),
    ("location", both("location", "位置")),
    ("meter", both("meter", "表号")),
    ("meters", both("meters", "电表数")),
    ("name", both("name", "名称")),
    ("net", both("sold", "净售电")),
    ("note", both("note", "备注")),
    ("number", both("number", "序号")),
    ("odd", both("odd", "异常")),
    ("off", both("difference", "差额")),
    ("op", both("movement", "分录")),
    ("operator", both("operator", "操作员")),
    ("out", both("still out", "在途")),
    ("out-kwh", both("out, kWh", "在途(kWh)")),
    ("out-tokens", both("tokens out", "在途令牌")),
    ("out-yuan", both("out, yuan", "在途(元)")),
    ("partial", both("in part", "部分写入")),
    ("period", both("period", "期间")),
    ("postings", both("sum of postings", "分录合计")),
    ("reason", both("reason", "原因")),
    ("refunded", both("refunded", "退费")),
    ("refunded-n", both("how many refunded", "退费笔数")),
    ("replaced-by", both("replaced by", "替代令牌")),
    ("reserved", both("reserved", "已预留")),
    ("returned", both("given back", "已退回")),
    ("returned-n", both("how many given back", "退回笔数")),
    ("revenue", both("revenue", "收入")),
    ("role", both("role", "角色")),
    ("row", both("row", "行号")),
    ("seen", both("last heard of (UTC)", "最近联系(UTC)")),
    ("since", both("since (UTC)", "起始(UTC)")),
    ("software", both("program", "程序版本")),
    ("state", both("state", "状态")),
    ("status", both("status", "状态")),
    ("steps", both("purchase count before", "购前次数")),
    ("to", both("to", "转入")),
    ("token", both("token", "令牌")),
    ("unit", both("unit", "单位")),
    ("utmost", both("could be credited", "最大损失")),
    ("version", both("version", "版本")),
    ("voided", both("given back", "已退回")),
    ("why", both("why", "原因")),
    ("worst", both("by its own program", "原程序可及")),
];

/// Sheets by their stable names.
const SHEETS: &[(&str, Both)] = &[
    ("bundles", both("bundles", "参数包")),
    ("devices", both("handhelds", "掌机")),
    ("kept", both("keep-power", "保电")),
    ("lost", both("lost handheld", "掌机丢失")),
    ("lost-meters", both("meters to visit", "须到场电表")),
    ("meters", both("meters", "电表")),
    ("operators", both("operators", "操作员")),
    ("orders", both("issue by list", "批量售电")),
    ("reviews", both("reviews", "待核")),
    ("round", both("round", "抄表任务")),
    ("sales", both("sales", "售电报表")),
    ("shift", both("shift", "班次")),
    ("shift-lines", both("movements", "分录")),
    ("shifts", both("shifts", "班次")),
    ("silent-devices", both("silent handhelds", "失联掌机")),
    ("silent-meters", both("meters not read", "未抄电表")),
    ("tokens", both("tokens", "令牌")),
];

fn of(list: &[(&str, Both)], name: &str) -> String {
    let row = list.iter().find(|(own, _)| *own == name);
    row.map_or_else(|| name.to_owned(), |(_, words)| format!("{} {}", words.en, words.zh))
}

/// A column.
pub fn column(name: &str) -> String {
    of(COLUMNS, name)
}

/// A sheet.
pub fn sheet(name: &str) -> String {
    of(SHEETS, name)
}

/// What a column of a list of sales holds, by its heading: `meter`, `amount`, `device`.
pub fn order_column(heading: &str) -> Option<&'static str> {
    let plain: String = heading.chars().filter(|c| c.is_alphanumeric()).collect();
    let plain = plain.to_lowercase();
    let names: &[(&str, &[&str])] = &[
        (
            "meter",
            &["meter", "meterno", "meternumber", "表号", "电表", "电表号", "表计号", "表地址"],
        ),
        (
            "amount",
            // Yuan or kWh is the meter's to say: a heading that names one is not guessed at.
            &["amount", "sum", "金额", "数额", "购电金额", "充值金额"],
        ),
        ("device", &["device", "handheld", "掌机", "掌机号", "手持机", "手持机号"]),
    ];
    // A column of one of our own tables has both words.
    let both = |own: &str, other: &str| {
        own.is_ascii() != other.is_ascii() && plain == format!("{own}{other}")
    };
    let named = |names: &&[&str]| {
        names.iter().any(|own| plain == *own || names.iter().any(|other| both(own, other)))
    };
    names.iter().find(|(_, names)| named(names)).map(|(column, _)| *column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_in_both_languages() {
        for list in [COLUMNS, SHEETS] {
            assert!(list.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, and none twice");
            assert!(list.iter().all(|(_, words)| words.en.is_ascii() && !words.zh.is_ascii()));
        }
    }

    #[test]
    fn headings_are_known_in_either_language_or_both() {
        for (heading, column) in [
            ("Meter", "meter"),
            (" 表 号 ", "meter"),
            ("meter 表号", "meter"),
            ("Amount (yuan)", ""),
            ("充值金额", "amount"),
            ("amount 金额", "amount"),
            ("handheld 掌机", "device"),
            ("customer", ""),
        ] {
            assert_eq!(order_column(heading).unwrap_or(""), column, "{heading}");
        }
    }
}

//! What to write into a field of a form that is empty or cannot be right.
//!
//! A failure of that kind names the field by its stable name, with what stands in it behind a
//! colon, and in front of it with a dot what makes it needed, where that changes the sentence:
//! `keep-power-on.reason`, `ct: 0`.

use super::super::{Both, Lang, both};
use super::word;
use crate::units::ErrandKind;

/// One sentence a field.
const HINTS: &[(&str, Both)] = &[
    ("command", both("Choose what is to be done.", "请选择要执行的命令。")),
    ("meter", both("Write the number of one meter.", "请填写一只电表的表号。")),
    (
        "commission.meter",
        both(
            "Write the number of one meter, or nothing: then the line is searched for it first.",
            "请填写一只电表的表号；不填则先巡检总线寻找。",
        ),
    ),
    (
        "meters",
        both(
            "Write numbers of meters, or a name of the list.",
            "请填写表号或清单中的名称，可填多个。",
        ),
    ),
    ("old", both("Write the number of the old meter.", "请填写旧表表号。")),
    ("new", both("Write the number of the new meter.", "请填写新表表号。")),
    ("reason", both("Write a reason: why is it done?", "请填写原因：为何执行？")),
    ("trip.reason", both("Write a reason: why is it cut off?", "请填写原因：为何拉闸？")),
    (
        "keep-power-on.reason",
        both("Write a reason: why is keep-power switched on?", "请填写原因：为何进入保电？"),
    ),
    ("round-reason", both("Write a reason: why is it typed in?", "请填写原因：为何人工录入？")),
    (
        "comm-skip-reason",
        both("Write a reason: why is it left out?", "请填写原因：为何跳过该步骤？"),
    ),
    (
        "settings.alarm-1",
        both("Write at least one of the amounts or limits.", "请至少填写一项金额或限值。"),
    ),
    (
        "alarm-1",
        both(
            "Write an amount with at most two decimals: 20.00.",
            "请填写金额，最多两位小数：20.00。",
        ),
    ),
    (
        "alarm-2",
        both(
            "Write an amount with at most two decimals: 10.00.",
            "请填写金额，最多两位小数：10.00。",
        ),
    ),
    ("overload-w", both("Write whole watts: 10000.", "请填写整数瓦：10000。")),
    ("overload-s", both("Write whole seconds, at most 99.", "请填写整数秒，最大99。")),
    (
        "bundle",
        both(
            "Write the name of a bundle that was taken in, or the end of its id.",
            "请填写已导入的参数包名称，或其编号末几位。",
        ),
    ),
    (
        "round-export",
        both(
            "Write the file for the table, ending in .xlsx or .csv.",
            "请填写导出文件名，以.xlsx或.csv结尾。",
        ),
    ),
    (
        "round-from",
        both("Write the first day, as in 2026-11-01.", "请填写起始日期，如2026-11-01。"),
    ),
    (
        "round-to",
        both(
            "Write the last day, as in 2026-11-19, not before the first.",
            "请填写截止日期，如2026-11-19，不早于起始日期。",
        ),
    ),
    ("round-passes", both("Write a whole number.", "请填写整数。")),
    ("round-pause", both("Write whole seconds.", "请填写整数秒。")),
    (
        "energy",
        both("Write what the meter shows, in kWh: 1234.56.", "请填写表显电量（kWh）：1234.56。"),
    ),
    ("act", both("Choose what is to be done.", "请选择要办理的业务。")),
    ("token", both("Write the token as the list shows it.", "请按列表填写令牌编号。")),
    ("ct", both("Write the ratio as one number: 150/5 is 30.", "请填写一个数：150/5写作30。")),
    (
        "comm-ct-second",
        both(
            "The two people read different ratios: look again.",
            "两人录入的变比不一致，请重新核对。",
        ),
    ),
    ("comm-failed", both("Choose to try again or to leave it out.", "请选择重试或跳过。")),
    ("comm-load", both("Choose one of the loads.", "请选择一种负载。")),
    (
        "comm-survey-which",
        both(
            "Write the place of a meter in the list, or the whole number on its label.",
            "请填写列表中的序号，或铭牌上的完整表号。",
        ),
    ),
    (
        "template",
        both("A row is ITEM = VALUE, both hexadecimal.", "每行格式为：标识=值，均为十六进制。"),
    ),
];

/// What to write into a field, where there is a sentence of its own for it.
pub fn hint(lang: Lang, key: &str) -> Option<&'static str> {
    HINTS.iter().find(|(known, _)| *known == key).map(|(_, words)| words.get(lang))
}

/// The same in the form of an errand, where some take more than others.
pub fn of(lang: Lang, kind: ErrandKind, key: &str) -> Option<&'static str> {
    hint(lang, &format!("{}.{key}", kind.name())).or_else(|| hint(lang, key))
}

/// A failure's field in a sentence: what it is called, what stands in it, what to write.
pub fn field(lang: Lang, detail: &str) -> String {
    let (whole, value) = detail.split_once(':').unwrap_or((detail, ""));
    let (whole, value) = (whole.trim(), value.trim());
    let key = whole.rsplit('.').next().unwrap_or(whole);
    let label = word(lang, key).unwrap_or(key);
    let sentence = hint(lang, whole).or_else(|| hint(lang, key));
    match (sentence, value, lang) {
        (Some(sentence), "", Lang::En) => format!("{label}: {sentence}"),
        (Some(sentence), "", Lang::Zh) => format!("{label}：{sentence}"),
        (Some(sentence), _, Lang::En) => format!("{label}, now \"{value}\": {sentence}"),
        (Some(sentence), _, Lang::Zh) => format!("{label}（现为「{value}」）：{sentence}"),
        (None, "", Lang::En) => format!("Fill in: {label}."),
        (None, "", Lang::Zh) => format!("请填写：{label}。"),
        (None, _, Lang::En) => format!("\"{value}\" cannot be: {label}."),
        (None, _, Lang::Zh) => format!("「{value}」不能作为：{label}。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_field_what_is_in_it_and_what_to_write() {
        for (detail, en) in [
            ("reason", "reason: Write a reason: why is it done?"),
            ("keep-power-on.reason", "reason: Write a reason: why is keep-power switched on?"),
            ("ct: 0", "CT ratio, now \"0\": Write the ratio as one number: 150/5 is 30."),
            ("seals", "Fill in: seals."),
            ("system: two", "\"two\" cannot be: connection."),
        ] {
            assert_eq!(field(Lang::En, detail), en);
            assert!(!field(Lang::Zh, detail).is_ascii(), "{detail}");
        }
        assert_eq!(field(Lang::Zh, "keep-power-on.reason"), "原因：请填写原因：为何进入保电？");
    }

    #[test]
    fn every_hint_is_about_a_field_that_has_a_name() {
        for (key, words) in HINTS {
            let key = key.rsplit('.').next().unwrap_or(key);
            assert!(word(Lang::Zh, key).is_some(), "{key}");
            let whole = words.en.ends_with(['.', '?']);
            assert!(words.en.is_ascii() && whole, "{key}");
        }
    }
}

//! Words for the items of a profile. Names nobody knows are shown as they are written.

use super::{Both, Lang, both};

/// Every known item, in the order of `profile::KNOWN_ITEMS`. At most twelve cells: the card's
/// column is narrow.
const ITEMS: &[(&str, Both)] = &[
    ("energy", both("Energy", "正向有功")),
    ("energy-reverse", both("Reverse en.", "反向有功")),
    ("energy-tip", both("Energy tip", "尖电量")),
    ("energy-peak", both("Energy peak", "峰电量")),
    ("energy-flat", both("Energy flat", "平电量")),
    ("energy-valley", both("Energy vall.", "谷电量")),
    ("reactive-energy", both("Reactive en.", "无功电量")),
    ("balance", both("Balance", "剩余")),
    ("overdraft", both("Overdraft", "透支")),
    ("count", both("Purch. count", "购电次数")),
    ("purchased", both("Purchased", "总购")),
    ("voltage-a", both("Voltage A", "A相电压")),
    ("voltage-b", both("Voltage B", "B相电压")),
    ("voltage-c", both("Voltage C", "C相电压")),
    ("current-a", both("Current A", "A相电流")),
    ("current-b", both("Current B", "B相电流")),
    ("current-c", both("Current C", "C相电流")),
    ("power", both("Power", "有功功率")),
    ("power-a", both("Power A", "A相功率")),
    ("power-b", both("Power B", "B相功率")),
    ("power-c", both("Power C", "C相功率")),
    ("reactive-power", both("Reactive", "无功功率")),
    ("power-factor", both("Power factor", "功率因数")),
    ("frequency", both("Frequency", "频率")),
    ("volume", both("Volume", "累计流量")),
    ("volume-settled", both("Settled vol.", "结算流量")),
    ("flow", both("Flow", "瞬时流量")),
    ("heat", both("Heat", "累计热量")),
    ("heat-settled", both("Settled heat", "结算热量")),
    ("heat-power", both("Heat power", "热功率")),
    ("temperature-in", both("Supply temp.", "供水温度")),
    ("temperature-out", both("Return temp.", "回水温度")),
    ("work-hours", both("Work hours", "工作时间")),
    ("clock", both("Clock", "电表时钟")),
    ("status", both("Status", "状态字")),
    ("price-tip", both("Price tip", "尖电价")),
    ("price-peak", both("Price peak", "峰电价")),
    ("price-flat", both("Price flat", "平电价")),
    ("price-valley", both("Price valley", "谷电价")),
    ("alarm-1", both("Alarm 1", "报警一")),
    ("alarm-2", both("Alarm 2", "报警二")),
    ("number", both("Number", "编号")),
    ("account", both("Customer no.", "客户编号")),
    ("model", both("Model", "型号")),
    ("ct", both("CT ratio", "电流变比")),
    ("pt", both("PT ratio", "电压变比")),
    // No item, but said beside them: a line of a meter's table that lacks a bracket.
    ("damaged", both("Damaged line", "残缺行")),
];

/// The words for an item; its name where there are none.
pub fn item(lang: Lang, name: &str) -> &str {
    let known = ITEMS.iter().find(|(known, _)| *known == name);
    known.map_or(name, |(_, words)| words.get(lang))
}

/// An item's value as a person reads it: profiles write the unit of money as `yuan`.
pub fn value(lang: Lang, text: &str) -> String {
    match (text.split_once(" yuan"), lang) {
        (Some((figure, rest)), Lang::En) => format!("{figure} CNY{rest}"),
        (Some((figure, rest)), Lang::Zh) => format!("{figure} 元{rest}"),
        (None, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn names_fit_their_column_in_both_languages() {
        for (name, _) in ITEMS {
            for lang in [Lang::En, Lang::Zh] {
                assert!(item(lang, name).width() <= 12, "{name} in {lang:?}");
            }
        }
        assert_eq!(item(Lang::En, "made-up"), "made-up");
    }

    #[test]
    fn money_has_its_unit_in_both_languages() {
        assert_eq!(value(Lang::Zh, "0.5283 yuan/kWh"), "0.5283 元/kWh");
        assert_eq!(value(Lang::En, "12.50 yuan"), "12.50 CNY");
        assert_eq!(value(Lang::Zh, "220.1 V"), "220.1 V");
    }
}

//! Words for what a meter says in bits: alarms of the status words and reasons of a refused
//! recharge. Keyed by the stable names of `protocol::dlt645::words`.

use super::{Both, Lang, both, items};

/// How bad an alarm is (the sources' two alarm grades; arrears and faults are the worse one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Worth knowing.
    Note,
    /// Look at it.
    Alarm,
    /// Arrears, or the meter cannot be trusted.
    Fault,
}

/// The words for one bit.
#[derive(Debug, Clone, Copy)]
pub struct Bit {
    /// The stable name.
    pub name: &'static str,
    /// The words.
    pub words: Both,
    /// How bad.
    pub grade: Grade,
    /// The bit in status words 4 to 6 if it is told per phase.
    pub phase_bit: Option<u8>,
}

const fn bit(name: &'static str, grade: Grade, en: &'static str, zh: &'static str) -> Bit {
    Bit { name, words: both(en, zh), grade, phase_bit: None }
}

const fn phase(
    name: &'static str,
    phase_bit: u8,
    grade: Grade,
    en: &'static str,
    zh: &'static str,
) -> Bit {
    Bit { name, words: both(en, zh), grade, phase_bit: Some(phase_bit) }
}

use Grade::{Alarm, Fault, Note};

/// Bits of the status words 1 to 7 worth saying (DL/T 645-2007 annex; 9 and 10 of word 7: vendor).
pub const STATUS: &[Bit] = &[
    bit("clock-battery-low", Alarm, "clock battery low", "时钟电池欠压"),
    bit("reading-battery-low", Alarm, "reading battery low", "停电抄表电池欠压"),
    bit("active-reverse", Alarm, "active power reversed", "有功功率反向"),
    bit("reactive-reverse", Note, "reactive power reversed", "无功功率反向"),
    bit("control-loop-error", Fault, "control loop error", "控制回路错误"),
    bit("esam-error", Fault, "security module error", "ESAM错误"),
    bit("program-error", Fault, "program error", "程序错误"),
    bit("memory-error", Fault, "memory error", "存储器故障"),
    bit("overdraft", Fault, "overdraft", "透支"),
    bit("clock-error", Fault, "clock error", "时钟错误"),
    bit("active-reverse-a", Alarm, "active power reversed, A", "A相有功反向"),
    bit("active-reverse-b", Alarm, "active power reversed, B", "B相有功反向"),
    bit("active-reverse-c", Alarm, "active power reversed, C", "C相有功反向"),
    bit("reactive-reverse-a", Note, "reactive power reversed, A", "A相无功反向"),
    bit("reactive-reverse-b", Note, "reactive power reversed, B", "B相无功反向"),
    bit("reactive-reverse-c", Note, "reactive power reversed, C", "C相无功反向"),
    bit("programming-enabled", Note, "programming enabled", "编程允许"),
    bit("relay-open", Fault, "load cut off", "已拉闸"),
    bit("relay-command-open", Fault, "told to cut off", "拉闸命令有效"),
    bit("pre-trip-alarm", Alarm, "about to cut off", "预跳闸报警"),
    bit("keep-power", Note, "keep-power is on", "保电状态"),
    bit("identity-authenticated", Note, "identity authenticated", "身份认证有效"),
    bit("local-account-not-opened", Alarm, "local account not opened", "本地未开户"),
    bit("remote-account-not-opened", Alarm, "remote account not opened", "远程未开户"),
    phase("loss-of-voltage", 0, Alarm, "loss of voltage", "失压"),
    phase("undervoltage", 1, Alarm, "undervoltage", "欠压"),
    phase("overvoltage", 2, Alarm, "overvoltage", "过压"),
    phase("loss-of-current", 3, Alarm, "loss of current", "失流"),
    phase("overcurrent", 4, Alarm, "overcurrent", "过流"),
    phase("overload", 5, Alarm, "overload", "过载"),
    phase("reverse-power", 6, Alarm, "power reversed", "潮流反向"),
    phase("phase-loss", 7, Fault, "phase missing", "断相"),
    phase("current-cut", 8, Alarm, "current cut", "断流"),
    phase("ct-short", 14, Fault, "CT short-circuited", "互感器短路"),
    phase("ct-open", 15, Fault, "CT open", "互感器开路"),
    bit("voltage-sequence-wrong", Alarm, "voltage sequence wrong", "电压逆相序"),
    bit("current-sequence-wrong", Alarm, "current sequence wrong", "电流逆相序"),
    bit("voltage-unbalance", Alarm, "voltage unbalance", "电压不平衡"),
    bit("current-unbalance", Alarm, "current unbalance", "电流不平衡"),
    bit("auxiliary-power-lost", Alarm, "auxiliary power lost", "辅助电源失电"),
    bit("power-down", Alarm, "power was lost", "掉电"),
    bit("demand-over-limit", Alarm, "demand over limit", "需量超限"),
    bit("power-factor-low", Note, "power factor low", "总功率因数超下限"),
    bit("severe-current-unbalance", Alarm, "severe current unbalance", "电流严重不平衡"),
    bit("cover-open", Fault, "cover open", "开表盖"),
    bit("terminal-cover-open", Alarm, "terminal cover open", "开端钮盖"),
];

/// Bits of the security error word (DL/T 645-2007 amendment, SERR), by bit number.
const SERR: &[(u8, Both)] = &[
    (0, both("other error", "其他错误")),
    (1, both("repeated recharge", "重复充值")),
    (2, both("ESAM verification failed", "ESAM验证失败")),
    (3, both("identity not authenticated", "身份认证失败")),
    (4, both("customer number does not match", "客户编号不匹配")),
    (5, both("purchase count wrong", "充值次数错误")),
    (6, both("exceeds the hoarding limit", "购电超囤积")),
    (7, both("address wrong", "地址异常")),
    (8, both("remote operation suspended", "远程操作已挂起")),
    (9, both("closing failed", "合闸复电失败")),
    (15, both("vendor's own error", "厂家自定义错误")),
];

/// An alarm ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmText {
    /// The words, with the phases it concerns.
    pub text: String,
    /// How bad.
    pub grade: Grade,
}

/// The words for the alarms a reading brought, the worst first. `status` are words 1 to 7 and give
/// the phases. A name without words here is shown as it is, as an alarm: nothing is hidden.
pub fn alarms(lang: Lang, names: &[&str], status: &[Option<u16>; 7]) -> Vec<AlarmText> {
    let mut found: Vec<AlarmText> = names
        .iter()
        .map(|name| match STATUS.iter().find(|bit| bit.name == *name) {
            None => AlarmText { text: (*name).to_owned(), grade: Alarm },
            Some(bit) => AlarmText { text: with_phases(lang, bit, status), grade: bit.grade },
        })
        .collect();
    found.dedup();
    found.sort_by_key(|alarm| std::cmp::Reverse(alarm.grade));
    found
}

fn with_phases(lang: Lang, bit: &Bit, status: &[Option<u16>; 7]) -> String {
    let words = bit.words.get(lang);
    let Some(place) = bit.phase_bit else { return words.to_owned() };
    let phases: String = ["A", "B", "C"]
        .into_iter()
        .zip(&status[3..6])
        .filter(|(_, word)| word.is_some_and(|word| word >> place & 1 == 1))
        .map(|(name, _)| name)
        .collect();
    match (phases.is_empty(), lang) {
        (true, _) => words.to_owned(),
        (false, Lang::En) => format!("{words}, {phases}"),
        (false, Lang::Zh) => format!("{phases}相{words}"),
    }
}

/// The word for a figure a meter did not give, by its stable name (`jobs/read.rs`), or an item's
/// name; one without words is shown as it is.
pub fn missing(lang: Lang, name: &str) -> &str {
    match name {
        "energy" => lang.fact_energy(),
        "balance" => lang.fact_balance_yuan(),
        "overdraft" => lang.fact_overdraft(),
        "count" => lang.fact_count(),
        "voltages" => lang.fact_voltage(),
        "currents" => lang.fact_current(),
        "power" => lang.fact_power(),
        "clock" => lang.fact_clock(),
        "status" => lang.fact_alarms(),
        other => items::item(lang, other),
    }
}

/// The words for the error word a meter gave to a recharge, with the word itself.
pub fn refusal(lang: Lang, word: u16) -> String {
    let said: Vec<&str> = SERR
        .iter()
        .filter(|(bit, _)| word >> bit & 1 == 1)
        .map(|(_, words)| words.get(lang))
        .collect();
    if said.is_empty() {
        return format!("{word:04X}");
    }
    format!("{} ({word:04X})", said.join(lang.list_comma()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn the_worst_alarm_comes_first_and_names_its_phases() {
        let mut status = [None; 7];
        status[3] = Some(1 << 1);
        status[5] = Some(1 << 1);
        let names = ["undervoltage", "memory-error", "keep-power"];
        let text = |lang| -> Vec<String> {
            alarms(lang, &names, &status).into_iter().map(|alarm| alarm.text).collect()
        };
        assert_eq!(text(Lang::En), ["memory error", "undervoltage, AC", "keep-power is on"]);
        assert_eq!(text(Lang::Zh), ["存储器故障", "AC相欠压", "保电状态"]);
    }

    #[test]
    fn an_unknown_alarm_is_shown_and_not_hidden() {
        let found = alarms(Lang::En, &["bit-11"], &[None; 7]);
        assert_eq!(found, [AlarmText { text: "bit-11".to_owned(), grade: Grade::Alarm }]);
    }

    #[test]
    fn a_refusal_names_every_bit_and_the_word() {
        assert_eq!(refusal(Lang::En, 0x0002), "repeated recharge (0002)");
        assert_eq!(refusal(Lang::Zh, 0x0030), "客户编号不匹配、充值次数错误 (0030)");
        assert_eq!(refusal(Lang::En, 0x0400), "0400");
    }

    #[test]
    fn the_words_have_one_width() {
        let status = STATUS.iter().map(|bit| bit.words);
        for words in status.chain(SERR.iter().map(|(_, words)| *words)) {
            assert!(words.en.is_ascii(), "{}", words.en);
            assert_eq!(words.zh.width(), words.zh.width_cjk(), "{}", words.zh);
        }
    }
}

//! Every word a person reads, English and Chinese side by side.
//!
//! The `messages!` macro makes a method on [`Lang`] from each message. Both languages are required
//! by its syntax and a misspelt placeholder does not compile, so a half-translated program cannot
//! be built. Log lines, `--json` keys and protocol names are not here: they stay English.
//!
//! Limits: only characters whose width every terminal agrees on (a test checks it), except inside
//! Chinese text, which uses the wide punctuation of its own script. Widths are measured in cells
//! by `tui/wrap.rs`, never in characters.

/// Makes a method on [`Lang`] per message, and a list of all of them for the tests.
macro_rules! messages {
    (@one $name:ident () $en:literal $zh:literal) => {
        #[doc = concat!("`", $en, "`")]
        pub fn $name(self) -> &'static str {
            match self {
                Self::En => $en,
                Self::Zh => $zh,
            }
        }
    };
    (@one $name:ident ($($arg:ident : $ty:ty),+) $en:literal $zh:literal) => {
        #[doc = concat!("`", $en, "`")]
        pub fn $name(self, $($arg: $ty),+) -> String {
            match self {
                Self::En => format!($en),
                Self::Zh => format!($zh),
            }
        }
    };
    ($($name:ident ( $($arg:ident : $ty:ty),* ) { en: $en:literal, zh: $zh:literal $(,)? })*) => {
        impl $crate::text::Lang {
            $(messages!(@one $name ($($arg : $ty),*) $en $zh);)*
        }
        /// Name, English and Chinese of every message of this file, for the tests.
        pub const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $zh)),*];
    };
}

pub mod audit;
pub mod commands;
pub mod conflict;
pub mod decisions;
pub mod desk;
pub mod errors;
pub mod items;
pub mod keys;
pub mod labels;
pub mod people;
pub mod profiles;
pub mod qr;
pub mod screens;
pub mod status;
pub mod survey;
pub mod tables;
pub mod trust;
pub mod work;

use crate::units::{Credit, CreditUnit, Money};

/// A language of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// The same words in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Both {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

/// Puts the two languages side by side.
pub(crate) const fn both(en: &'static str, zh: &'static str) -> Both {
    Both { en, zh }
}

impl Both {
    /// The words in one language.
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

impl Lang {
    /// Both languages, for tests and the manual.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];

    /// Reads a language tag or a locale: `zh`, `zh-Hans`, `zh_CN.UTF-8`, `en`, `C`.
    ///
    /// `None` for languages without words here. Traditional Chinese gets the simplified words.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_', '.', '@']).next().unwrap_or("");
        match language.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" | "c" | "posix" => Some(Self::En),
            _ => None,
        }
    }

    /// The first of `wishes` that is a known language (flag, configuration, `LC_ALL`,
    /// `LC_MESSAGES`, `LANG`, in this order); English if there is none.
    pub fn choose<'a>(wishes: impl IntoIterator<Item = &'a str>) -> Self {
        wishes.into_iter().find_map(Self::from_tag).unwrap_or_default()
    }

    /// The tag written to the configuration.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The other language.
    pub fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// A unit as printed behind a number.
    pub fn unit(self, unit: CreditUnit) -> &'static str {
        match (self, unit) {
            (Self::En, CreditUnit::Yuan) => "CNY",
            (Self::Zh, CreditUnit::Yuan) => "元",
            (_, CreditUnit::Kwh) => "kWh",
        }
    }

    /// An amount with its unit: `50.00 CNY`, `50.00 元`.
    pub fn credit(self, credit: Credit) -> String {
        format!("{} {}", Money(credit.value), self.unit(credit.unit))
    }

    /// A length of time, in the largest unit that fits.
    pub fn span(self, seconds: i64) -> String {
        match seconds {
            i64::MIN..=119 => self.span_seconds(seconds.max(0)),
            120..=7_199 => self.span_minutes(seconds / 60),
            7_200..=172_799 => self.span_hours(seconds / 3_600),
            _ => self.span_days(seconds / 86_400),
        }
    }

    /// How long ago something was, in the largest unit that fits.
    pub fn age(self, seconds: i64) -> String {
        match seconds {
            i64::MIN..=-60 => self.age_future().to_owned(),
            -59..=4 => self.age_now().to_owned(),
            5..=119 => self.age_seconds(seconds),
            120..=7_199 => self.age_minutes(seconds / 60),
            7_200..=172_799 => self.age_hours(seconds / 3_600),
            _ => self.age_days(seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    /// Every message of every file.
    fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let files = [
            commands::ALL,
            keys::ALL,
            labels::ALL,
            people::ALL,
            profiles::ALL,
            audit::ALL,
            screens::ALL,
            survey::ALL,
            trust::ALL,
            decisions::ALL,
            desk::ALL,
        ];
        files.into_iter().flatten().copied()
    }

    #[test]
    fn a_locale_gives_a_language() {
        let cases = [
            ("zh", Some(Lang::Zh)),
            ("zh_CN.UTF-8", Some(Lang::Zh)),
            ("zh-Hans-CN", Some(Lang::Zh)),
            ("zh_TW", Some(Lang::Zh)),
            ("en_GB.UTF-8", Some(Lang::En)),
            ("C.UTF-8", Some(Lang::En)),
            ("POSIX", Some(Lang::En)),
            ("de_DE", None),
            ("", None),
            ("zhongwen", None),
        ];
        for (tag, lang) in cases {
            assert_eq!(Lang::from_tag(tag), lang, "{tag:?}");
        }
        assert_eq!(Lang::choose(["", "de_DE", "zh_CN"]), Lang::Zh);
        assert_eq!(Lang::choose([]), Lang::En);
    }

    #[test]
    fn every_terminal_agrees_on_every_width() {
        for (name, en, zh) in all() {
            // The switch to the other language is written in the other language.
            let ascii = en.is_ascii() || name == "key_language";
            assert!(ascii, "{name}: English text must be ASCII: {en}");
            assert_eq!(zh.width(), zh.width_cjk(), "{name}: ambiguous width in {zh}");
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{name} is empty");
        }
    }

    #[test]
    fn placeholders_agree_in_both_languages() {
        let names = |text: &str| {
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split(['}', ':']).next().map(str::to_owned))
                .collect();
            found.sort();
            found
        };
        for (name, en, zh) in all() {
            assert_eq!(names(en), names(zh), "{name}: another set of values");
        }
    }

    #[test]
    fn the_glossary_is_kept() {
        // English word -> the Chinese one the design fixes, and words that must not stand for it.
        let glossary: [(&str, &str, &[&str]); 17] = [
            ("token", "令牌", &["代币", "通证", "凭证"]),
            ("recharge", "充值", &["充电"]),
            ("purchase count", "购电次数", &["购买次数", "购买计数"]),
            ("journal", "日志", &["日记"]),
            ("meter", "表", &["仪表", "计量器"]),
            ("overdraft", "透支", &[]),
            ("office", "后台", &["办公室"]),
            ("area", "辖区", &["区域"]),
            ("balance", "剩余", &["余额"]),
            ("PIN", "PIN", &["PIN码", "口令", "密码"]),
            ("operator", "操作员", &["操作者", "操作人员", "用户"]),
            ("log in", "登录", &["登陆", "登入", "签到"]),
            ("grant", "授权", &["许可"]),
            ("revoke", "吊销", &["撤销", "废除"]),
            ("limit", "限额", &["额度", "配额"]),
            ("box", "终端", &["表箱", "计量箱"]),
            ("shift", "班次", &["班组", "轮班"]),
        ];
        for (name, en, zh) in all() {
            for (_, right, wrong) in glossary {
                // The customers of one box are its users, in both languages.
                let of_a_box = ["user", "box"].iter().any(|w| en.to_lowercase().contains(w));
                // What meters have is a password; only people have a PIN.
                let of_a_meter = en.to_lowercase().contains("password");
                let wrong = wrong.iter().filter(|word| **word != "用户" || !of_a_box);
                for word in wrong.filter(|word| **word != "密码" || !of_a_meter) {
                    // "余额结转" (carry-over) is itself a fixed word.
                    let found = zh.replace("余额结转", "").contains(word);
                    assert!(!found, "{name}: {word} in {en:?} should be {right}: {zh}");
                }
            }
        }
    }

    #[test]
    fn ages_use_the_largest_unit_that_fits() {
        let cases = [
            (0, "just now", "刚刚"),
            (-3600, "in the future", "时间在未来"),
            (59, "59 s ago", "59 秒前"),
            (120, "2 min ago", "2 分钟前"),
            (7_199, "119 min ago", "119 分钟前"),
            (7_200, "2 h ago", "2 小时前"),
            (172_800, "2 days ago", "2 天前"),
        ];
        for (seconds, en, zh) in cases {
            assert_eq!(Lang::En.age(seconds), en);
            assert_eq!(Lang::Zh.age(seconds), zh);
        }
    }

    #[test]
    fn amounts_carry_their_unit() {
        let credit = Credit { value: -1205, unit: CreditUnit::Yuan };
        assert_eq!(Lang::En.credit(credit), "-12.05 CNY");
        assert_eq!(Lang::Zh.credit(credit), "-12.05 元");
    }
}

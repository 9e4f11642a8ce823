//! What is said about every failure: what happened, what it means for the customer's money, and
//! what to do next, in both languages.
//!
//! The match over [`Code`] is exhaustive: a code without words does not compile. The words stand in
//! one file per area of codes.

mod account;
mod auth;
mod bundle;
mod commission;
mod line;
mod meter;
mod store;
mod swap;
mod token;
mod trust;
mod work;

use super::{Both, Lang, both};
use crate::report::Code;

/// What is said about one failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// One sentence: what happened.
    pub title: Both,
    /// What it means for the customer's money.
    pub money: Both,
    /// What to do next.
    pub next: Both,
}

impl Words {
    /// What happened, in one language.
    pub fn title(&self, lang: Lang) -> &'static str {
        self.title.get(lang)
    }

    /// What it means for the money, in one language.
    pub fn money(&self, lang: Lang) -> &'static str {
        self.money.get(lang)
    }

    /// What to do next, in one language.
    pub fn next(&self, lang: Lang) -> &'static str {
        self.next.get(lang)
    }
}

/// What a failure is about, as a person is shown it: a field of a form in a sentence, anything else
/// as it is.
pub fn detail(lang: Lang, code: Code, detail: &str) -> String {
    match code {
        Code::FieldOdd if !detail.is_empty() => super::work::hints::field(lang, detail),
        Code::RoleForbids => lang.forbidden(detail),
        _ => detail.to_owned(),
    }
}

/// For failures before anything that can carry money was sent.
const UNTOUCHED: Both = both(
    "No money moved. The meter and the token are as before.",
    "没有任何金额变动，电表和令牌都保持原样。",
);

/// For failures that leave the journal and everything in it as it was.
const KEPT: Both = both(
    "No money moved. All work done so far is kept.",
    "没有任何金额变动，已完成的工作全部保留。",
);

/// Makes [`words`] from one row a code; the match in it is exhaustive.
macro_rules! table {
    ($($code:ident => $words:expr,)*) => {
        /// The words for a code.
        pub fn words(code: Code) -> &'static Words {
            match code {
                $(Code::$code => &$words,)*
            }
        }
    };
}

table! {
    PortMissing => line::PORT_MISSING,
    PortBusy => line::PORT_BUSY,
    PortDenied => line::PORT_DENIED,
    PortAddress => line::PORT_ADDRESS,
    PortNotChosen => line::PORT_NOT_CHOSEN,
    LinkGone => line::LINK_GONE,
    LinkFailed => line::LINK_FAILED,
    MeterSilent => line::METER_SILENT,
    MeterGarbled => line::METER_GARBLED,
    Cancelled => line::CANCELLED,
    MeterOther => meter::METER_OTHER,
    AccountOther => meter::ACCOUNT_OTHER,
    AccountNotOpen => meter::ACCOUNT_NOT_OPEN,
    CountBehind => meter::COUNT_BEHIND,
    CountAhead => meter::COUNT_AHEAD,
    BalanceLimit => meter::BALANCE_LIMIT,
    UnitOther => meter::UNIT_OTHER,
    MeterRefused => meter::METER_REFUSED,
    ModuleMissing => meter::MODULE_MISSING,
    DigitsWrong => meter::DIGITS_WRONG,
    MoneyUnknown => meter::MONEY_UNKNOWN,
    NotOffered => meter::NOT_OFFERED,
    NotPublished => meter::NOT_PUBLISHED,
    ItemUnknown => meter::ITEM_UNKNOWN,
    BusAddress => meter::BUS_ADDRESS,
    TerminalUnknown => meter::TERMINAL_UNKNOWN,
    WriteUnproven => meter::WRITE_UNPROVEN,
    ActUnknown => account::ACT_UNKNOWN,
    BalanceShort => account::BALANCE_SHORT,
    DebitHidden => account::DEBIT_HIDDEN,
    DebitKnown => account::DEBIT_KNOWN,
    LineFixed => line::LINE_FIXED,
    TraceUnreadable => line::TRACE_UNREADABLE,
    TokenMalformed => token::TOKEN_MALFORMED,
    TokenNotCanonical => token::TOKEN_NOT_CANONICAL,
    TokenSignature => token::TOKEN_SIGNATURE,
    TokenKey => token::TOKEN_KEY,
    TokenTenant => token::TOKEN_TENANT,
    TokenDevice => token::TOKEN_DEVICE,
    TokenExpired => token::TOKEN_EXPIRED,
    TokenNotYet => token::TOKEN_NOT_YET,
    TokenLife => token::TOKEN_LIFE,
    TokenKind => token::TOKEN_KIND,
    TokenUsed => token::TOKEN_USED,
    TokenWithdrawn => token::TOKEN_WITHDRAWN,
    TokenUnknown => token::TOKEN_UNKNOWN,
    TokenConflict => token::TOKEN_CONFLICT,
    TokenAmbiguous => token::TOKEN_AMBIGUOUS,
    TokenRevoked => token::TOKEN_REVOKED,
    TokenRecharged => token::TOKEN_RECHARGED,
    TokenUndoes => account::TOKEN_UNDOES,
    IntentOpen => meter::INTENT_OPEN,
    NoIntent => meter::NO_INTENT,
    NotConfirmed => meter::NOT_CONFIRMED,
    LoggedOut => auth::LOGGED_OUT,
    PinWrong => auth::PIN_WRONG,
    PinWait => auth::PIN_WAIT,
    PinLocked => auth::PIN_LOCKED,
    PinWeak => auth::PIN_WEAK,
    NoGrant => auth::NO_GRANT,
    GrantExpired => auth::GRANT_EXPIRED,
    GrantNotYet => auth::GRANT_NOT_YET,
    GrantRevoked => auth::GRANT_REVOKED,
    RoleForbids => auth::ROLE_FORBIDS,
    AreaForbids => auth::AREA_FORBIDS,
    ShiftOver => auth::SHIFT_OVER,
    ActivationWrong => auth::ACTIVATION_WRONG,
    RecoveryWrong => auth::RECOVERY_WRONG,
    ErrandRunning => auth::ERRAND_RUNNING,
    PasswordMissing => auth::PASSWORD_MISSING,
    WorkUnknown => work::WORK_UNKNOWN,
    WorkPartial => work::WORK_PARTIAL,
    WorkWaits => work::WORK_WAITS,
    WorkOpen => work::WORK_OPEN,
    FieldOdd => work::FIELD_ODD,
    ReadingStands => work::READING_STANDS,
    RoundUnknown => work::ROUND_UNKNOWN,
    RoundOver => work::ROUND_OVER,
    RoundBegun => work::ROUND_BEGUN,
    RoundBad => work::ROUND_BAD,
    BundleUnknown => bundle::BUNDLE_UNKNOWN,
    BundleBad => bundle::BUNDLE_BAD,
    BundleTarget => bundle::BUNDLE_TARGET,
    BundleShape => bundle::BUNDLE_SHAPE,
    BundleLate => bundle::BUNDLE_LATE,
    ItemRefused => bundle::ITEM_REFUSED,
    ItemDiffers => bundle::ITEM_DIFFERS,
    ClockUnsure => bundle::CLOCK_UNSURE,
    ClockEdge => bundle::CLOCK_EDGE,
    ClockFar => bundle::CLOCK_FAR,
    SwapUnknown => swap::SWAP_UNKNOWN,
    SwappedOut => swap::SWAPPED_OUT,
    SwappedBack => swap::SWAPPED_BACK,
    NewInUse => swap::NEW_IN_USE,
    InTransit => swap::IN_TRANSIT,
        MeterOpened => swap::METER_OPENED,
        WiringWrong => commission::WIRING_WRONG,
        WiringUnsure => commission::WIRING_UNSURE,
        NothingFound => commission::NOTHING_FOUND,
        BarcodeOther => commission::BARCODE_OTHER,
        OverloadUnset => commission::OVERLOAD_UNSET,
        OverloadNotSeen => commission::OVERLOAD_NOT_SEEN,
        OverloadLate => commission::OVERLOAD_LATE,
    ClockBehind => trust::CLOCK_BEHIND,
    StatusOld => trust::STATUS_OLD,
    StatusMissing => trust::STATUS_MISSING,
    StatusExpired => trust::STATUS_EXPIRED,
    KeysetEnds => trust::KEYSET_ENDS,
    KeysetExpired => trust::KEYSET_EXPIRED,
    RootEnds => trust::ROOT_ENDS,
    RootExpired => trust::ROOT_EXPIRED,
    KeysBehind => trust::KEYS_BEHIND,
    DocumentBack => trust::DOCUMENT_BACK,
    DocumentLost => trust::DOCUMENT_LOST,
    LimitActs => trust::LIMIT_ACTS,
    LimitYuan => trust::LIMIT_YUAN,
    LimitKwh => trust::LIMIT_KWH,
    LimitAge => trust::LIMIT_AGE,
    LimitNear => trust::LIMIT_NEAR,
    NotEnrolled => store::NOT_ENROLLED,
    AlreadyEnrolled => store::ALREADY_ENROLLED,
    StoreLocked => store::STORE_LOCKED,
    StoreVersion => store::STORE_VERSION,
    JournalDamaged => store::JOURNAL_DAMAGED,
    JournalRolledBack => store::JOURNAL_ROLLED_BACK,
    DiskFull => store::DISK_FULL,
    StoreFailed => store::STORE_FAILED,
    StoreSealed => store::STORE_SEALED,
    SecretMissing => store::SECRET_MISSING,
    VaultDamaged => store::VAULT_DAMAGED,
    OfficeUnreachable => store::OFFICE_UNREACHABLE,
    OfficeTimeout => store::OFFICE_TIMEOUT,
    OfficeLies => store::OFFICE_LIES,
    OfficeRefused => store::OFFICE_REFUSED,
    OfficeVersion => store::OFFICE_VERSION,
    OfficeUntrusted => store::OFFICE_UNTRUSTED,
    OfficeBusy => store::OFFICE_BUSY,
    Usage => store::USAGE,
    Config => store::CONFIG,
    File => store::FILE,
    Internal => store::INTERNAL,
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_code_has_three_sentences_in_two_languages() {
        for code in Code::ALL {
            let words = words(*code);
            for (part, both) in
                [("title", words.title), ("money", words.money), ("next", words.next)]
            {
                let (en, zh) = (both.en, both.zh);
                assert!(en.is_ascii(), "{code:?} {part}: {en}");
                assert!(en.len() >= 8 && en.ends_with('.'), "{code:?} {part}: {en}");
                assert!(zh.width() >= 8 && zh.ends_with('。'), "{code:?} {part}: {zh}");
                assert_eq!(zh.width(), zh.width_cjk(), "{code:?} {part}: ambiguous width: {zh}");
                assert!(!en.contains("  ") && !zh.contains("  "), "{code:?} {part}: spaces: {zh}");
            }
            let one_sentence = words.title.en.matches(". ").count() == 0;
            assert!(one_sentence, "{code:?}: the title is one sentence");
        }
    }

    #[test]
    fn no_two_codes_say_the_same() {
        let mut titles = std::collections::HashMap::new();
        for code in Code::ALL {
            for lang in Lang::ALL {
                if let Some(other) = titles.insert((lang, words(*code).title(lang)), code) {
                    panic!("{code:?} and {other:?} have the same title");
                }
            }
        }
    }
}

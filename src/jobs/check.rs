//! The checks before money moves: pure functions from a token and a reading to "yes" or one code.
//!
//! Order matters to a person: whether it is the right meter and account comes before what the count
//! says, and the token's own time before anything of the meter. A passing check is not proof of
//! anything; the read-back is (`judge.rs`).

use meterkit_tokens::RechargeToken;
use meterkit_tokens::recharge::{CAP_COUNTLESS, CAP_MODULE};

use super::failure::{self, fail};
use super::judge::{self, Limits};
use super::views::Failure;
use crate::profile::{Class, MoneyAt, Part, Profile};
use crate::report::Code;
use crate::units::{Act, Credit, DeviceId, Evidence, IntentFacts, MeterNo, UnixSeconds};

/// Longest life of a token that is accepted, seconds (`reference/tokens.md` 2.1: 7 days).
pub const MAX_LIFE_S: i64 = 7 * 86_400;

/// The largest balance a register can show: 8 BCD digits, hundredths.
pub const MAX_REGISTER: i64 = 99_999_999;

/// May this handheld use the token now, on a meter of this kind?
///
/// # Errors
/// A code of the token area, or [`Code::ModuleMissing`].
pub fn token(
    token: &RechargeToken,
    device: &DeviceId,
    now: UnixSeconds,
    max_life_s: i64,
    profile: &Profile,
) -> Result<(), Failure> {
    let max_life_s = max_life_s.min(MAX_LIFE_S);
    token.check_use(device.as_str(), now.0, max_life_s).map_err(|e| failure::token(&e))?;
    serves(profile, super::tokens::facts(token)?.act, token.caps)
}

/// Can this act be done to a meter of this kind, under these conditions?
///
/// # Errors
/// [`Code::ModuleMissing`], [`Code::MoneyUnknown`], [`Code::ActUnknown`], [`Code::TokenKind`].
pub fn serves(profile: &Profile, act: Act, caps: u32) -> Result<(), Failure> {
    if profile.class != Class::C || caps & CAP_MODULE != 0 {
        return Err(fail(Code::ModuleMissing, profile.id.clone()));
    }
    if profile.money.is_none() {
        return Err(money_unknown(profile));
    }
    known(profile, act)?;
    // A frame that does not pin the count: the meter does not arbitrate between two of them.
    if !act.is_debit() && !pins_count(profile) && caps & CAP_COUNTLESS == 0 {
        return Err(fail(Code::TokenKind, profile.id.clone()));
    }
    Ok(())
}

/// Does the profile say how this act is done to this kind of meter?
///
/// # Errors
/// [`Code::MoneyUnknown`], [`Code::ActUnknown`].
pub fn known(profile: &Profile, act: Act) -> Result<(), Failure> {
    let rules = profile.money.as_ref().ok_or_else(|| money_unknown(profile))?;
    let known = match &rules.at {
        MoneyAt::Dlt645(money) => match act {
            Act::Recharge | Act::CarryIn => true,
            Act::Open => money.recharge.opens(),
            Act::Refund | Act::Reversal | Act::CarryOut => money.refund.is_some(),
        },
        // Only recharge blocks are described.
        MoneyAt::Modbus(_) => matches!(act, Act::Recharge | Act::CarryIn),
    };
    let detail = || format!("{}: {}", profile.id, act.name());
    if known { Ok(()) } else { Err(fail(Code::ActUnknown, detail())) }
}

/// Whether the same frame may be sent again once a reading showed that it was not applied. Only
/// where the meter itself arbitrates between two copies: a first one may still be under way. A
/// debit takes no step of the count, so no meter can; it never is.
pub fn may_resend(profile: &Profile, act: Act) -> bool {
    !act.is_debit() && pins_count(profile)
}

/// Whether a recharge frame of this kind of meter says which purchase it is. Without that the same
/// frame arriving twice could book twice, so it is never sent again on the strength of a reading.
pub fn pins_count(profile: &Profile) -> bool {
    match profile.money.as_ref().map(|rules| &rules.at) {
        Some(MoneyAt::Dlt645(money)) => money.recharge.names_count(),
        Some(MoneyAt::Modbus(money)) => money.parts.iter().any(|(part, _)| *part == Part::Count),
        None => false,
    }
}

/// No document says where this kind of meter keeps its account; which rows are missing, where some
/// are there.
pub fn money_unknown(profile: &Profile) -> Failure {
    let detail = match profile.money_lacks.as_slice() {
        [] => profile.id.clone(),
        rows => format!("{}: {}", profile.id, rows.join(", ")),
    };
    fail(Code::MoneyUnknown, detail)
}

/// Is this the meter, the account and the step the token is for, and is there room for the credit,
/// or enough there for the debit?
///
/// `hoard` is the meter's own limit, hundredths, 0 for none.
///
/// # Errors
/// A code of the meter area; the detail shows both sides, the meter's first.
pub fn meter(
    facts: &IntentFacts,
    evidence: &Evidence,
    max_balance: Option<i64>,
    hoard: Option<i64>,
) -> Result<(), Failure> {
    if evidence.meter != facts.meter {
        let detail = format!("{} / {}", evidence.meter, facts.meter);
        return Err(fail(Code::MeterOther, detail));
    }
    match evidence.account {
        // An account that is open is opened again for its own customer only.
        None if facts.act == Act::Open => {}
        None => return Err(fail(Code::AccountNotOpen, evidence.meter.to_string())),
        Some(account) if account != facts.account => {
            return Err(fail(Code::AccountOther, format!("{account} / {}", facts.account)));
        }
        Some(_) => {}
    }
    if evidence.balance.unit != facts.credit.unit {
        let detail = format!("{} / {}", evidence.balance.unit.symbol(), facts.credit.unit.symbol());
        return Err(fail(Code::UnitOther, detail));
    }
    let counts = format!("{} / {}", evidence.count, facts.count_before);
    match evidence.count.cmp(&facts.count_before) {
        std::cmp::Ordering::Less => return Err(fail(Code::CountBehind, counts)),
        std::cmp::Ordering::Greater => return Err(fail(Code::CountAhead, counts)),
        std::cmp::Ordering::Equal => {}
    }
    if facts.act.is_debit() {
        return enough(facts, evidence);
    }
    if facts.count_before.next().is_none() {
        return Err(fail(Code::CountAhead, counts));
    }
    room(facts, evidence, max_balance, hoard)
}

/// What is taken out must be there, and nothing may be owed.
fn enough(facts: &IntentFacts, evidence: &Evidence) -> Result<(), Failure> {
    let holds = evidence.balance.value.saturating_sub(evidence.overdraft.max(0));
    if evidence.overdraft > 0 || holds < facts.credit.value {
        let detail = format!("{} < {}", facts.credit.with(holds), facts.credit);
        return Err(fail(Code::BalanceShort, detail));
    }
    Ok(())
}

/// Longest time between the reading before a debit and the one after it that is counted on where
/// the energy that flowed is not read, seconds: the evidence may be a minute old.
const DEBIT_TAKES_S: i64 = 90;

/// Whether a debit is large enough to be told from what the customer consumes while it is done:
/// two windows of consumption, one on either side.
///
/// # Errors
/// [`Code::DebitHidden`].
pub fn told_apart(facts: &IntentFacts, evidence: &Evidence, limits: Limits) -> Result<(), Failure> {
    let read_at = UnixSeconds(evidence.read_at.0.saturating_add(DEBIT_TAKES_S));
    let later = Evidence { read_at, ..evidence.clone() };
    let least = judge::window(evidence, &later, limits).saturating_mul(2);
    if facts.act.is_debit() && facts.credit.value <= least {
        let detail = format!("{} <= {}", facts.credit, facts.credit.with(least));
        return Err(fail(Code::DebitHidden, detail));
    }
    Ok(())
}

fn room(
    facts: &IntentFacts,
    evidence: &Evidence,
    max_balance: Option<i64>,
    hoard: Option<i64>,
) -> Result<(), Failure> {
    let over = |value: i64, limit: i64| {
        let limit = facts.credit.with(limit);
        Err(fail(Code::BalanceLimit, format!("{} > {limit}", facts.credit.with(value))))
    };
    let after = expected(facts, evidence).value;
    let limit = max_balance.unwrap_or(MAX_REGISTER).min(MAX_REGISTER);
    if after > limit {
        return over(after, limit);
    }
    // Meters compare before they repay the overdraft (reference/dlt645.md 6.1).
    let gross = evidence.balance.value.saturating_add(facts.credit.value);
    match hoard {
        Some(limit) if limit > 0 && gross > limit => over(gross, limit),
        _ => Ok(()),
    }
}

/// The balance after, if all goes well: overdraft is repaid first.
pub fn expected(facts: &IntentFacts, evidence: &Evidence) -> Credit {
    if facts.act.is_debit() {
        return facts.credit.with(evidence.balance.value.saturating_sub(facts.credit.value));
    }
    let repaid = evidence.overdraft.clamp(0, facts.credit.value.max(0));
    facts
        .credit
        .with(evidence.balance.value.saturating_add(facts.credit.value).saturating_sub(repaid))
}

/// Do the typed digits match the last four of the meter's number?
///
/// # Errors
/// [`Code::DigitsWrong`].
pub fn digits(typed: &str, meter: MeterNo) -> Result<(), Failure> {
    let face = meter.to_string();
    if face.get(8..) == Some(typed.trim()) {
        Ok(())
    } else {
        Err(fail(Code::DigitsWrong, typed.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::TokenFacts;
    use crate::units::{CreditUnit, PurchaseCount};
    use meterkit_tokens::{Kind, Unit};

    const NOW: i64 = 1_800_000_000;

    fn good() -> RechargeToken {
        RechargeToken {
            tenant: "t".to_owned(),
            meter: [0, 0, 0, 0, 0, 0x47],
            device: "hh-007".to_owned(),
            expires: NOW + 3600,
            not_before: NOW - 3600,
            issued: NOW - 3600,
            id: [9; 16],
            kind: Kind::Recharge,
            amount: 5_000,
            unit: Unit::Yuan,
            count: 6,
            seq: 1,
            order: [0; 8],
            account: [0x11, 0x22, 0x33, 0x44, 0x55, 0x66],
            caps: 0,
            max_balance: None,
            undoes: None,
        }
    }

    fn seen() -> Evidence {
        Evidence {
            meter: "47".parse().unwrap(),
            account: Some("112233445566".parse().unwrap()),
            count: PurchaseCount(6),
            balance: Credit { value: 1_000, unit: CreditUnit::Yuan },
            overdraft: 0,
            last_purchase: None,
            energy: None,
            meter_clock: None,
            relay: None,
            read_at: UnixSeconds(NOW),
            frames_digest: [0; 32],
        }
    }

    #[test]
    fn each_misfit_of_the_token_has_its_code() {
        type Spoil = fn(&mut RechargeToken);
        let (c, b, tms) = ("dlt645-2007-c", "dlt645-2007-b", "tms");
        let rows: &[(Spoil, &str, Option<Code>)] = &[
            (|_| {}, c, None),
            (|t| t.device = "hh-008".to_owned(), c, Some(Code::TokenDevice)),
            (|t| t.expires = NOW, c, Some(Code::TokenExpired)),
            (|t| t.not_before = NOW + 1, c, Some(Code::TokenNotYet)),
            (|t| t.expires = t.not_before + MAX_LIFE_S + 1, c, Some(Code::TokenLife)),
            (|t| t.kind = Kind::Refund, c, None),
            (|t| t.kind = Kind::CarryOver, c, None),
            (|t| t.kind = Kind::Open, c, None),
            (|t| t.kind = Kind::Refund, b, Some(Code::ModuleMissing)),
            (|t| t.kind = Kind::Refund, tms, Some(Code::ActUnknown)),
            (|t| t.kind = Kind::Refund, "kede", Some(Code::ActUnknown)),
            (|t| t.kind = Kind::Open, "kede", Some(Code::ActUnknown)),
            (|t| t.kind = Kind::Open, "ko", None),
            (|t| t.kind = Kind::Refund, "ko", Some(Code::ActUnknown)),
            (|t| t.caps = CAP_MODULE, c, Some(Code::ModuleMissing)),
            (|_| {}, b, Some(Code::ModuleMissing)),
            (|_| {}, tms, Some(Code::TokenKind)),
            (|t| t.caps = CAP_COUNTLESS, tms, None),
            (|_| {}, "adf400l-1p", Some(Code::MoneyUnknown)),
            (|t| t.caps = CAP_COUNTLESS, "dtsy1352", Some(Code::MoneyUnknown)),
        ];
        for (at, (spoil, profile, expect)) in rows.iter().enumerate() {
            let mut spoiled = good();
            spoil(&mut spoiled);
            let profile = Profile::built_in(profile).unwrap();
            let device = "hh-007".parse().unwrap();
            let checked = token(&spoiled, &device, UnixSeconds(NOW), i64::MAX, &profile);
            assert_eq!(checked.err().map(|failure| failure.code), *expect, "row {at}");
        }
        let device = "hh-007".parse().unwrap();
        let generic = Profile::built_in(c).unwrap();
        let short = token(&good(), &device, UnixSeconds(NOW), 7_199, &generic);
        assert_eq!(short.unwrap_err().code, Code::TokenLife, "the operator's own limit");
    }

    #[test]
    fn each_misfit_of_the_meter_has_its_code() {
        type Change = fn(&mut Evidence);
        // (change, token's limit, meter's limit, code)
        type Row = (Change, Option<i64>, Option<i64>, Option<Code>);
        let rows: &[Row] = &[
            (|_| {}, None, None, None),
            (|e| e.meter = "48".parse().unwrap(), None, None, Some(Code::MeterOther)),
            (|e| e.account = None, None, None, Some(Code::AccountNotOpen)),
            (|e| e.account = Some("1".parse().unwrap()), None, None, Some(Code::AccountOther)),
            (|e| e.balance.unit = CreditUnit::Kwh, None, None, Some(Code::UnitOther)),
            (|e| e.count = PurchaseCount(5), None, None, Some(Code::CountBehind)),
            (|e| e.count = PurchaseCount(7), None, None, Some(Code::CountAhead)),
            (|_| {}, Some(6_000), Some(6_000), None),
            (|_| {}, Some(5_999), None, Some(Code::BalanceLimit)),
            (|_| {}, None, Some(5_999), Some(Code::BalanceLimit)),
            (|_| {}, None, Some(0), None),
            (|e| e.balance.value = MAX_REGISTER - 4_999, None, None, Some(Code::BalanceLimit)),
            (|e| e.balance.value = i64::MAX, None, None, Some(Code::BalanceLimit)),
            // Overdraft is repaid first, but the meter's own limit is compared before that.
            (|e| (e.balance.value, e.overdraft) = (0, 2_000), Some(3_000), None, None),
            (
                |e| (e.balance.value, e.overdraft) = (0, 2_000),
                Some(2_999),
                None,
                Some(Code::BalanceLimit),
            ),
            (
                |e| (e.balance.value, e.overdraft) = (0, 2_000),
                None,
                Some(4_999),
                Some(Code::BalanceLimit),
            ),
        ];
        let facts = TokenFacts::of(&good()).unwrap().intent();
        for (at, (change, max_balance, hoard, expect)) in rows.iter().enumerate() {
            let mut evidence = seen();
            change(&mut evidence);
            let checked = meter(&facts, &evidence, *max_balance, *hoard);
            assert_eq!(checked.err().map(|failure| failure.code), *expect, "row {at}");
        }
        let both = meter(&facts, &Evidence { count: PurchaseCount(9), ..seen() }, None, None);
        assert_eq!(both.unwrap_err().detail, "9 / 6", "the meter's side first");
    }

    #[test]
    fn a_debit_wants_what_it_takes() {
        let facts = |kind, amount| {
            let token = RechargeToken { kind, amount, ..good() };
            TokenFacts::of(&token).unwrap().intent()
        };
        let check = |facts: &IntentFacts, change: fn(&mut Evidence)| {
            let mut evidence = seen();
            change(&mut evidence);
            meter(facts, &evidence, None, None).err().map(|failure| failure.code)
        };
        let (all, more) = (facts(Kind::Refund, 1_000), facts(Kind::Refund, 1_001));
        assert_eq!(check(&all, |_| {}), None);
        assert_eq!(check(&more, |_| {}), Some(Code::BalanceShort));
        assert_eq!(check(&all, |e| e.overdraft = 1), Some(Code::BalanceShort));
        assert_eq!(check(&all, |e| e.account = None), Some(Code::AccountNotOpen));
        assert_eq!(check(&all, |e| e.count = PurchaseCount(7)), Some(Code::CountAhead));
        assert_eq!(expected(&all, &seen()).value, 0);
        // 0.01 kWh of grain at 300 fen, rounded up, and the grain of the balance: twice.
        let limits = Limits { price_fen_per_kwh: 300, power_w: 66_000 };
        let evidence = Evidence { energy: Some(crate::units::Energy(5)), ..seen() };
        let hidden = |amount| told_apart(&facts(Kind::Refund, amount), &evidence, limits).is_err();
        let least = judge::window(&evidence, &evidence, limits) * 2;
        assert!(hidden(1) && hidden(least) && !hidden(least + 1), "{least}");
        assert_eq!(told_apart(&facts(Kind::Recharge, 1), &evidence, limits), Ok(()));
    }

    #[test]
    fn an_opening_takes_nobodys_account_over() {
        let token = RechargeToken { kind: Kind::Open, amount: 0, ..good() };
        let facts = TokenFacts::of(&token).unwrap().intent();
        let check = |account: Option<&str>| {
            let account = account.map(|digits| digits.parse().unwrap());
            meter(&facts, &Evidence { account, ..seen() }, None, None).err().map(|f| f.code)
        };
        assert_eq!(check(None), None);
        assert_eq!(check(Some("112233445566")), None, "its own");
        assert_eq!(check(Some("1")), Some(Code::AccountOther));
    }

    #[test]
    fn no_debit_is_ever_sent_again() {
        for id in Profile::built_in_ids() {
            let profile = Profile::built_in(&id).unwrap();
            for act in Act::ALL {
                let again = may_resend(&profile, *act);
                assert!(!(again && act.is_debit()), "{id}: {act:?}");
                assert_eq!(again, pins_count(&profile) && !act.is_debit(), "{id}: {act:?}");
            }
        }
    }

    #[test]
    fn what_will_be_there_afterwards() {
        let facts = TokenFacts::of(&good()).unwrap().intent();
        for (balance, overdraft, after) in
            [(1_000, 0, 6_000), (0, 1_200, 3_800), (0, 9_000, 0), (0, 5_000, 0), (0, -7, 5_000)]
        {
            let mut evidence = seen();
            (evidence.balance.value, evidence.overdraft) = (balance, overdraft);
            assert_eq!(expected(&facts, &evidence).value, after, "{balance} {overdraft}");
        }
    }

    #[test]
    fn only_the_last_four_digits_confirm() {
        let meter = "1234".parse().unwrap();
        assert_eq!(digits(" 1234 ", meter), Ok(()));
        for typed in ["", "234", "01234", "1235", "000000001234", "12\u{a0}34"] {
            assert_eq!(digits(typed, meter).unwrap_err().code, Code::DigitsWrong, "{typed:?}");
        }
    }
}

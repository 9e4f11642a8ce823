//! What a simulated meter is when it is switched on, and its habits: the part a TOML file gives.
//!
//! Amounts are written as decimal text (`"100.00"`), never as floats. The defaults make an ordinary
//! single-phase, money-counting meter on RS-485 without a security module.

use serde::{Deserialize, Serialize};

use super::faults::FaultRates;
use super::v1997::ProfileRow;
use super::wiring::Wiring;
use crate::units::{AccountNo, CreditUnit, MeterNo, Money};

/// A meter's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeterSetup {
    /// Communication address.
    #[serde(with = "as_text")]
    pub no: MeterNo,
    /// Which edition of the standard it speaks.
    pub edition: Edition,
    /// How many `AA` an address may have (1997 firmware HH: 3); 6 takes the wildcard of all `AA`.
    pub wildcard_bytes: u8,
    /// What stands between the values of a 1997 block.
    pub separator: Separator,
    /// Customer number, if the account is open.
    #[serde(with = "as_optional_text", skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountNo>,
    /// What the purse counts.
    #[serde(with = "as_unit")]
    pub unit: CreditUnit,
    /// Purchases booked before the simulation begins.
    pub count: u32,
    /// Balance; negative means overdraft.
    pub balance: Amount,
    /// Forward active energy, kWh.
    pub energy: Amount,
    /// First low-balance alarm (04001001 or 04000F01).
    pub alarm1: Amount,
    /// Second low-balance alarm (04001002 or 04000F02).
    pub alarm2: Amount,
    /// How far into overdraft before the relay opens (04001003 or 04000F04).
    pub overdraft_limit: Amount,
    /// Highest balance a recharge may reach (04001004 or 04000F03); 0 means no limit.
    pub hoard_limit: Amount,
    /// Balance that permits the relay to close again (04001005).
    pub reclose_balance: Amount,
    /// Prices of rates 1.. in 0.0001 yuan a kWh; a rate without one has the last.
    pub prices: Vec<u32>,
    /// Load in watts.
    pub load_w: u32,
    /// 1 or 3.
    pub phases: u8,
    /// The load's own angle, 0.1 degree; positive lags.
    pub lag: i32,
    /// How voltages and currents are led to the terminals.
    pub wiring: Wiring,
    /// How long the load stays off after an overload trip, s (a maker's habit: 3 minutes).
    pub overload_pause_s: u64,
    /// Password of every level, as typed: six digits.
    pub password: String,
    /// Password bytes are compared in typed order, as one vendor does; the usual order is low
    /// first.
    pub password_as_typed: bool,
    /// Levels that may write parameters and work the relay (3JL firmware: 02 and 04).
    pub levels: Vec<u8>,
    /// The programming button is pressed: 15H is obeyed.
    pub programming: bool,
    /// How money is protected.
    pub security: Security,
    /// Keys are test keys: the wallet may be initialised.
    pub test_keys: bool,
    /// The port the line is on.
    pub port: Port,
    /// Meter clock minus the simulation's time, seconds.
    pub clock_offset_s: i64,
    /// Speed of the port, for 17H and 04000703.
    pub baud: u32,
    /// Identifiers this model does not have: reading or writing one is refused as unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<u32>,
    /// The identifiers a meter of 1997 has, where a profile says; `None`: those of the tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<ProfileRow>>,
    /// Pause before an answer, milliseconds.
    pub delay_ms: u64,
    /// Pause before an answer to 03H.
    pub security_delay_ms: u64,
    /// Wake-up bytes before an answer.
    pub preamble: u8,
    /// Requests shorter than this, wake-up bytes included, go unheard (KO: 14).
    pub min_request: u8,
    /// Width of the error word on C3.
    pub error_word: ErrorWord,
    /// Layout of open and recharge.
    pub layout: Layout,
    /// 83 carries balance, count and customer after the identifier (KO).
    pub reply_purse: bool,
    /// Where the frame number stands in follow-up answers.
    pub seq: SeqPlace,
    /// Most data bytes in one answer, identifier included.
    pub max_data: u8,
    /// What phases B and C of a single-phase meter read as.
    pub absent_phase: Absent,
    /// How the relay closes again once the balance permits.
    pub reclose: Reclose,
    /// Answers to the wildcard address repeat it instead of the meter's own.
    pub echo_wildcard: bool,
    /// The meter has no clock: time reads are refused, status word 1 bit 15 is set.
    pub no_clock: bool,
    /// Minutes between load records; 0: it keeps none.
    pub curve_min: u16,
    /// Days it has been running before the simulation begins.
    pub history_days: u16,
    /// Never answers anything.
    pub dead: bool,
    /// How often what goes wrong.
    pub faults: FaultRates,
}

impl MeterSetup {
    /// The default meter under this address.
    pub fn new(no: MeterNo) -> Self {
        Self { no, ..Self::default() }
    }

    /// The same with an open account, a balance (hundredths) and a purchase count.
    pub fn opened(no: MeterNo, account: AccountNo, balance: i64, count: u32) -> Self {
        Self { account: Some(account), balance: Amount(balance), count, ..Self::new(no) }
    }
}

impl Default for MeterSetup {
    fn default() -> Self {
        let zero = [0u8; 6];
        Self {
            // Zero digits are decimal digits; the other arm cannot be reached.
            no: MeterNo::from_bcd(zero).unwrap_or_else(|| unreachable!("zeros are digits")),
            edition: Edition::V2007,
            wildcard_bytes: 6,
            separator: Separator::End,
            account: None,
            unit: CreditUnit::Yuan,
            count: 0,
            balance: Amount(0),
            energy: Amount(0),
            alarm1: Amount(2_000),
            alarm2: Amount(1_000),
            overdraft_limit: Amount(0),
            hoard_limit: Amount(99_999_900),
            reclose_balance: Amount(0),
            prices: vec![5_283],
            load_w: 800,
            phases: 1,
            lag: 182,
            wiring: Wiring::STRAIGHT,
            overload_pause_s: 180,
            password: "000000".to_owned(),
            password_as_typed: false,
            levels: vec![2, 4],
            programming: false,
            security: Security::Password,
            test_keys: false,
            port: Port::Rs485,
            clock_offset_s: 0,
            baud: 2400,
            lacks: Vec::new(),
            rows: None,
            delay_ms: 35,
            security_delay_ms: 90,
            preamble: 4,
            min_request: 0,
            error_word: ErrorWord::Wide,
            layout: Layout::Sgcc,
            reply_purse: false,
            seq: SeqPlace::Last,
            max_data: 200,
            absent_phase: Absent::Missing,
            reclose: Reclose::Auto,
            echo_wildcard: false,
            no_clock: false,
            curve_min: 0,
            history_days: 0,
            dead: false,
            faults: FaultRates::default(),
        }
    }
}

/// Hundredths of a yuan or a kilowatt-hour, written as decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(pub i64);

impl TryFrom<String> for Amount {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("expected an amount such as \"12.34\", got {text:?}");
        Money::parse(&text).map(|money| Self(money.0)).ok_or_else(bad)
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        Money(amount.0).to_string()
    }
}

/// How a meter protects its purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// By password and purchase count alone; MACs are ignored (class C).
    Password,
    /// By a security module: identity authentication, then MACs (class B).
    Esam,
}

/// Which of a meter's ports the line ends at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// The bus.
    Rs485,
    /// The optical port; with a security module it is silent before authentication (6.6).
    Infrared,
}

/// Width of the error word on C3 (trap 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorWord {
    /// Two bytes of SERR, low byte first.
    Wide,
    /// The low byte of SERR only.
    Narrow,
    /// One byte of ERR (TMS): 02 for a repeated order, 01 for the rest.
    Err,
}

/// Edition of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edition {
    /// DL/T 645-1997.
    #[serde(rename = "1997")]
    V1997,
    /// DL/T 645-2007.
    #[serde(rename = "2007")]
    V2007,
}

/// What stands between the values of a 1997 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// Nothing.
    None,
    /// One `AA` at the end, as captured.
    End,
    /// An `AA` behind every value.
    Each,
}

/// Layout of open and recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// amount 4, count 4, MAC 4, customer 6, MAC 4.
    Sgcc,
    /// amount 4, order number 8, MAC 4, meter 6, MAC 4 (TMS, L=22H): no count in the frame. Whether
    /// real ones notice a repeated order is not known; this one does.
    Order,
    /// KO, older: as SGCC with MACs ignored, four serial bytes behind allowed; answers with its
    /// purse, refuses with 80 to 84.
    Ko,
    /// KO 2018: meter 6, customer 6, amount 4 BCD, count 2 BCD, flag.
    #[serde(rename = "ko-2018")]
    Ko2018,
    /// Kede: amount 4 BCD (0.01 kWh), count 4 BCD, flag, 13 zeros.
    Kede,
    /// TW gateway: as SGCC; the first purchase is an opening.
    Tw,
}

/// Where the frame number stands in follow-up answers (trap 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeqPlace {
    /// As the last data byte.
    Last,
    /// Right behind the identifier.
    First,
}

/// What a phase reads as that the meter does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// All FF.
    Missing,
    /// Zero.
    Zero,
}

/// How the relay closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reclose {
    /// By itself.
    Auto,
    /// When the customer presses the button.
    Button,
}

/// Text that a type writes and reads itself.
pub(super) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The same for a value that may be absent.
pub(super) mod as_optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        // An empty text takes back what a fleet's defaults gave.
        let text = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// `"yuan"` or `"kwh"`.
mod as_unit {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::units::CreditUnit;

    pub fn serialize<S: Serializer>(unit: &CreditUnit, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match unit {
            CreditUnit::Yuan => "yuan",
            CreditUnit::Kwh => "kwh",
        })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<CreditUnit, D::Error> {
        match String::deserialize(from)?.as_str() {
            "yuan" => Ok(CreditUnit::Yuan),
            "kwh" => Ok(CreditUnit::Kwh),
            other => Err(D::Error::custom(format!("expected yuan or kwh, got {other:?}"))),
        }
    }
}

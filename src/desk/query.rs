//! What can be looked at, and the command line that prints the same.

use super::keymap::Place;
use crate::units::{DeviceId, MeterNo, OperatorId, TokenId};

/// Over what time sales are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

impl Span {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The next longer one, round and round.
    pub fn next(self) -> Self {
        match self {
            Self::Day => Self::Month,
            Self::Month => Self::Year,
            Self::Year => Self::Day,
        }
    }
}

/// A page of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// What needs somebody.
    Today,
    /// The handhelds.
    Devices,
    /// One of them.
    Device(DeviceId),
    /// What a lost one can do at most.
    Lost(DeviceId),
    /// What a person must look at.
    Reviews,
    /// One thing of it.
    Review(String),
    /// The meters whose number, account, customer or place holds a text.
    Meters(String),
    /// One of them.
    Meter(MeterNo),
    /// Tokens whose money is in doubt.
    Doubt,
    /// Sales that were prepared and not issued.
    Drafts,
    /// Who works with the handhelds.
    Operators,
    /// One of them.
    Operator(OperatorId),
    /// The prices and other bundles.
    Bundles,
    /// The rounds that were made.
    Rounds,
    /// One of them.
    Round(TokenId),
    /// What was sold.
    Sales(Span),
    /// Meters nobody has read for long.
    LostContact,
    /// Meters in keep-power.
    KeepPower,
    /// What closes the shift.
    Shift,
}

/// An argument as a shell wants it.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl Query {
    /// Whether it is a list whose rows are chosen from; else a text.
    pub fn is_list(&self) -> bool {
        !matches!(
            self,
            Self::Device(_)
                | Self::Lost(_)
                | Self::Review(_)
                | Self::Meter(_)
                | Self::Operator(_)
                | Self::Round(_)
        )
    }

    /// The keys its page has.
    pub fn place(&self) -> Place {
        match self {
            Self::Today => Place::Today,
            Self::Devices => Place::Devices,
            Self::Device(_) => Place::Device,
            Self::Lost(_) => Place::Lost,
            Self::Reviews => Place::Reviews,
            Self::Review(_) => Place::Review,
            Self::Meters(_) => Place::Meters,
            Self::Meter(_) => Place::Meter,
            Self::Doubt => Place::Doubt,
            Self::Drafts => Place::Drafts,
            Self::Operators => Place::Operators,
            Self::Operator(_) => Place::Operator,
            Self::Bundles => Place::Bundles,
            Self::Rounds => Place::Rounds,
            Self::Round(_) => Place::Round,
            Self::Sales(_) => Place::Sales,
            Self::LostContact => Place::LostContact,
            Self::KeepPower => Place::KeepPower,
            Self::Shift => Place::Shift,
        }
    }

    /// What a card is about.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Device(device) | Self::Lost(device) => Some(device.to_string()),
            Self::Review(id) => Some(id.clone()),
            Self::Meter(meter) => Some(meter.to_string()),
            Self::Operator(operator) => Some(operator.to_string()),
            _ => None,
        }
    }

    /// What stands behind `meterkit-office` to print the same.
    pub fn command(&self) -> String {
        match self {
            Self::Today => "today".to_owned(),
            Self::Devices | Self::Device(_) => "list devices".to_owned(),
            Self::Lost(device) => format!("lost {device}"),
            Self::Reviews | Self::Review(_) => "list reviews".to_owned(),
            Self::Meters(text) if text.is_empty() => "list meters".to_owned(),
            Self::Meters(text) => format!("list meters {}", quoted(text)),
            Self::Meter(meter) => format!("list meter {meter}"),
            Self::Doubt => "list tokens --doubt".to_owned(),
            Self::Drafts => "draft list".to_owned(),
            Self::Operators | Self::Operator(_) => "list operators".to_owned(),
            Self::Bundles => "list bundles".to_owned(),
            Self::Rounds => "round list".to_owned(),
            Self::Round(round) => format!("round show {round}"),
            Self::Sales(span) => format!("sales --period {}", span.name()),
            Self::LostContact => "list lost-contact".to_owned(),
            Self::KeepPower => "list keep-power".to_owned(),
            Self::Shift => "shift list".to_owned(),
        }
    }

    /// What a file with it is called, without an ending.
    pub fn file(&self) -> String {
        let name = match self {
            Self::Today => "today",
            Self::Devices | Self::Device(_) => "devices",
            Self::Lost(device) => return format!("lost-{device}"),
            Self::Reviews | Self::Review(_) => "reviews",
            Self::Meters(_) | Self::Meter(_) => "meters",
            Self::Doubt => "tokens-in-doubt",
            Self::Drafts => "drafts",
            Self::Operators | Self::Operator(_) => "operators",
            Self::Bundles => "bundles",
            Self::Rounds => "rounds",
            Self::Round(round) => return format!("round-{round}"),
            Self::Sales(span) => return format!("sales-by-{}", span.name()),
            Self::LostContact => "lost-contact",
            Self::KeepPower => "keep-power",
            Self::Shift => "shifts",
        };
        name.to_owned()
    }
}

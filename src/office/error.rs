//! Why the office did not do what was asked. Nothing has changed then, unless said otherwise.

use crate::sync::wire::WireError;
use crate::units::{DeviceId, MeterNo, TokenId};
use meterkit_tokens::TokenError;

/// Every reason, one variant each.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The folder holds no office.
    #[error("there is no office in {0}; `init` makes one")]
    NotInitialised(String),
    /// The folder already holds an office.
    #[error("there is already an office in {0}")]
    AlreadyInitialised(String),
    /// The database was made by a newer version.
    #[error("the database has format {found}, this version knows {known}")]
    Format {
        /// What it says.
        found: String,
        /// What this version writes.
        known: &'static str,
    },
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// A key file does not hold 32 bytes.
    #[error("{0} is not a key file of this office")]
    KeyFile(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Db(#[from] sqlx::Error),
    /// A document was refused or could not be made.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// A message was refused.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// A stored row cannot be right.
    #[error("the database holds a wrong value in {0}")]
    Stored(&'static str),
    /// No such handheld.
    #[error("there is no handheld {0}; `enrol` makes one")]
    NoDevice(DeviceId),
    /// The handheld was enrolled before.
    #[error("handheld {0} is enrolled already; give the new one another name")]
    DeviceEnrolled(DeviceId),
    /// The handheld's journal contradicts itself; nothing is issued to it.
    #[error("handheld {0} is quarantined: two journals carry its name")]
    Quarantined(DeviceId),
    /// No such meter.
    #[error("there is no meter {0}; `meter add` makes one")]
    NoMeter(MeterNo),
    /// The meter is there with another account or unit.
    #[error("meter {0} is there already, with another account or unit")]
    MeterOther(MeterNo),
    /// An amount is not positive, or more than one token may carry.
    #[error("the amount must be between 0.01 and {most}")]
    Amount {
        /// The most one token may carry, as people write it.
        most: String,
    },
    /// A token may not live that long.
    #[error("a token lives at least 1 and at most {0} days")]
    Days(i64),
    /// Tokens for the meter are out with another handheld.
    #[error("tokens for meter {meter} are out with handheld {device}; only it may get the next")]
    ChainElsewhere {
        /// The meter.
        meter: MeterNo,
        /// Who has them.
        device: DeviceId,
    },
    /// A token for the meter is disputed.
    #[error("token {token} for meter {meter} is disputed; settle it first (`review settle`)")]
    Disputed {
        /// The meter.
        meter: MeterNo,
        /// The token.
        token: TokenId,
    },
    /// The counter of the meter is at its end.
    #[error("the purchase count of meter {0} is at its end")]
    CountEnd(MeterNo),
    /// Another token, out or in the meter, holds the step.
    #[error("another token holds the same step of the same meter account")]
    StepTaken,
    /// No such token.
    #[error("there is no token {0}")]
    NoToken(TokenId),
    /// Nothing about the token is to be settled.
    #[error("token {0} is {1}: nothing is to be settled without proof")]
    NotInDispute(TokenId, &'static str),
    /// Only a token whose time is over, and that was not sent, can be replaced.
    #[error("token {0} cannot be replaced: {1}")]
    NotReplaceable(TokenId, &'static str),
    /// A movement was booked before.
    #[error("token {0} was settled this way before")]
    SettledBefore(TokenId),
    /// Wrong use: a line of a list, a missing reason.
    #[error("{0}")]
    Usage(String),
}

impl OfficeError {
    /// Whether the database only asks to try the whole transaction again: SQLite's BUSY and LOCKED
    /// (primary code in the low byte), PostgreSQL's serialization failure and deadlock.
    pub fn is_busy(&self) -> bool {
        let Self::Db(sqlx::Error::Database(error)) = self else { return false };
        let Some(code) = error.code() else { return false };
        let sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6));
        sqlite && code.len() < 5 || code == "40001" || code == "40P01"
    }

    /// The stable code, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInitialised(_) => "not-initialised",
            Self::AlreadyInitialised(_) => "already-initialised",
            Self::Format { .. } => "format",
            Self::File(..) => "file",
            Self::KeyFile(_) => "key-file",
            Self::Db(_) => "database",
            Self::Token(_) => "document",
            Self::Wire(_) => "message",
            Self::Random(_) => "random",
            Self::Stored(_) => "stored",
            Self::NoDevice(_) => "no-device",
            Self::DeviceEnrolled(_) => "device-enrolled",
            Self::Quarantined(_) => "quarantined",
            Self::NoMeter(_) => "no-meter",
            Self::MeterOther(_) => "meter-other",
            Self::Amount { .. } => "amount",
            Self::Days(_) => "days",
            Self::ChainElsewhere { .. } => "chain-elsewhere",
            Self::Disputed { .. } => "disputed",
            Self::CountEnd(_) => "count-end",
            Self::StepTaken => "step-taken",
            Self::NoToken(_) => "no-token",
            Self::NotInDispute(..) => "not-in-dispute",
            Self::NotReplaceable(..) => "not-replaceable",
            Self::SettledBefore(_) => "settled-before",
            Self::Usage(_) => "usage",
        }
    }
}

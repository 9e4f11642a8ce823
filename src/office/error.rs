//! Why the office did not do what was asked. Nothing has changed then, unless said otherwise.

use super::tls::TlsError;
use crate::sync::wire::WireError;
use crate::units::{Credit, DeviceId, MeterNo, OperatorId, TokenId};
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
    /// A key file that is none, or not of this office.
    #[error("{0} is not a key file of this office")]
    KeyFile(String),
    /// A passphrase that does not open its key, or a key file that was altered.
    #[error("the passphrase does not open {0}")]
    WrongPassphrase(String),
    /// A passphrase that is too short for a file that can be tried at leisure.
    #[error("a passphrase needs at least {0} characters")]
    WeakPassphrase(usize),
    /// Nobody gave the passphrase of a key.
    #[error("the passphrase of {0} is needed: `--passphrase-file`, or a terminal to ask at")]
    NoPassphrase(String),
    /// A key that was not unlocked.
    #[error("{0} is locked")]
    Locked(String),
    /// A key that is not here, or not in force.
    #[error("there is no key {0} here that is in force")]
    NoKey(String),
    /// The keys in the folder are older than the ledger has seen, or another office's.
    #[error("the keys in the folder are not the newest this ledger has seen")]
    KeysOlder,
    /// Somebody changed the keys while this process was running.
    #[error("the office's keys were changed: start it again")]
    KeysChanged,
    /// TLS material could not be made or read.
    #[error("{0}")]
    Tls(#[from] TlsError),
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
    #[error("handheld {0} is enrolled already; `--again` begins a new life of its journal")]
    DeviceEnrolled(DeviceId),
    /// The handheld's journal contradicts itself; nothing is issued to it.
    #[error("handheld {0} is quarantined: lost, or two journals carry its name")]
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
    /// With one more token the handheld would carry more than its limit.
    #[error("{device} carries {out}; with this it would be beyond its limit of {hard} {limit}")]
    OverLimit {
        /// The handheld.
        device: DeviceId,
        /// `yuan` or `kwh`.
        limit: &'static str,
        /// What is out with it, as people write it.
        out: String,
        /// The limit.
        hard: String,
    },
    /// No such operator, or one that was revoked.
    #[error("there is no operator {0}; `operator add` makes one")]
    NoOperator(OperatorId),
    /// Every recovery code of this life of the handheld was given out.
    #[error("all recovery codes of {0} were given out; enrol it again")]
    NoRecovery(DeviceId),
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
    /// A token for the same step and the same amount is out: nobody could tell which of the two the
    /// meter took.
    #[error("token {0} is out for this step with the same amount: recharge another amount")]
    SameAmount(TokenId),
    /// No such draft: it was issued or dropped.
    #[error("there is no draft {0}: it was issued or dropped")]
    NoDraft(TokenId),
    /// No such token.
    #[error("there is no token {0}")]
    NoToken(TokenId),
    /// Nothing about the token is to be settled.
    #[error("token {0} is {1}: nothing is to be settled without proof")]
    NotInDispute(TokenId, &'static str),
    /// A token in doubt is void only with a proof that it was not used.
    #[error(
        "nothing proves that token {0} was not used: read the meter, and say what it shows \
         (`--shows COUNT`, `--record AMOUNT`)"
    )]
    NoProof(TokenId),
    /// Only a token whose time is over, and that was not sent, can be replaced.
    #[error("token {0} cannot be replaced: {1}")]
    NotReplaceable(TokenId, &'static str),
    /// What a reversal names cannot be undone.
    #[error("{0} cannot be undone: {1}")]
    NotUndone(TokenId, &'static str),
    /// A movement was booked before.
    #[error("token {0} was settled this way before")]
    SettledBefore(TokenId),
    /// The newest keyset was made before its key could sign such a document.
    #[error("the keyset does not let its key sign that: `keys keyset renew` first")]
    KeysetOld,
    /// The meter was swapped out, or its account was closed.
    #[error("meter {0} is closed: it was swapped out, or its account was ended")]
    MeterClosed(MeterNo),
    /// A swap of the meter is under way.
    #[error("meter {meter} is part of swap {swap}, which has not ended")]
    SwapOpen {
        /// The meter.
        meter: MeterNo,
        /// The swap.
        swap: TokenId,
    },
    /// Tokens for a meter that is to be swapped or closed are out.
    #[error(
        "tokens for meter {0} are out: let them be used, or take them back (`revoke token`), and \
         settle each when its handheld has synced (`review settle`)"
    )]
    TokensOut(MeterNo),
    /// No such swap.
    #[error("there is no swap {0}")]
    NoSwap(TokenId),
    /// The swap is not where it would have to be for this.
    #[error("swap {0}: {1}")]
    SwapStands(TokenId, &'static str),
    /// A file that is no backup, or does not hold what it says.
    #[error("{0} cannot be restored: {1}")]
    BackupFile(String, String),
    /// The office was restored from a backup, and so many handhelds were not heard since.
    #[error(
        "the office was restored: {0} handhelds are waited for (`restored`); nothing is issued"
    )]
    Restored(u64),
    /// What a closing says was paid back does not go with what the meter held.
    #[error("the meter held {held} at its last proof: {fault}")]
    NotPayable {
        /// By its last proof.
        held: Credit,
        /// Why not.
        fault: Unpayable,
    },
    /// Wrong use: a line of a list, a missing reason.
    #[error("{0}")]
    Usage(String),
}

impl OfficeError {
    /// Whether the database only asks to try the whole transaction again: SQLite's BUSY and LOCKED
    /// (primary code in the low byte); PostgreSQL's serialization failure, deadlock and lock that
    /// could not be had in time.
    pub fn is_busy(&self) -> bool {
        let Self::Db(sqlx::Error::Database(error)) = self else { return false };
        let Some(code) = error.code() else { return false };
        let sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6));
        sqlite && code.len() < 5 || matches!(&*code, "40001" | "40P01" | "55P03")
    }

    /// The stable code, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInitialised(_) => "not-initialised",
            Self::AlreadyInitialised(_) => "already-initialised",
            Self::Format { .. } => "format",
            Self::File(..) => "file",
            Self::KeyFile(_) => "key-file",
            Self::WrongPassphrase(_) => "wrong-passphrase",
            Self::WeakPassphrase(_) => "weak-passphrase",
            Self::NoPassphrase(_) => "no-passphrase",
            Self::Locked(_) => "locked",
            Self::NoKey(_) => "no-key",
            Self::KeysOlder => "keys-older",
            Self::KeysChanged => "keys-changed",
            Self::Tls(_) => "tls",
            Self::OverLimit { .. } => "over-limit",
            Self::NoOperator(_) => "no-operator",
            Self::NoRecovery(_) => "no-recovery",
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
            Self::SameAmount(_) => "same-amount",
            Self::NoDraft(_) => "no-draft",
            Self::NoToken(_) => "no-token",
            Self::NotInDispute(..) => "not-in-dispute",
            Self::NoProof(_) => "no-proof",
            Self::NotReplaceable(..) => "not-replaceable",
            Self::NotUndone(..) => "not-undone",
            Self::SettledBefore(_) => "settled-before",
            Self::KeysetOld => "keyset-old",
            Self::MeterClosed(_) => "meter-closed",
            Self::SwapOpen { .. } => "swap-open",
            Self::TokensOut(_) => "tokens-out",
            Self::NoSwap(_) => "no-swap",
            Self::SwapStands(..) => "swap-stands",
            Self::BackupFile(..) => "backup-file",
            Self::Restored(_) => "restored",
            Self::NotPayable { fault: Unpayable::Unsaid, .. } => "paid-unsaid",
            Self::NotPayable { fault: Unpayable::Over, .. } => "paid-over",
            Self::NotPayable { fault: Unpayable::Receipt, .. } => "paid-receipt",
            Self::NotPayable { fault: Unpayable::Booked(..), .. } => "receipt-booked",
            Self::Usage(_) => "usage",
        }
    }
}

/// What is wrong with what was paid back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpayable {
    /// There is something to be paid back, and nobody said whether it was.
    #[error("say what was paid back (--paid AMOUNT --receipt NUMBER), or --paid 0")]
    Unsaid,
    /// It is more.
    #[error("no more is paid back")]
    Over,
    /// A payment without a receipt, the other way round, or a number that is too long.
    #[error("a payment has a receipt of at most 64 bytes, and nothing else has one")]
    Receipt,
    /// The receipt belongs to another closing: its number, and of which meter.
    #[error("receipt {0} was booked for meter {1}")]
    Booked(String, String),
}

/// Whether a rule of this table was broken: PostgreSQL names the table, or a partition of it, and
/// SQLite the columns.
pub(super) fn is_of(error: &dyn sqlx::error::DatabaseError, table: &str) -> bool {
    match error.table() {
        Some(named) => {
            let rest = named.strip_prefix(table);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        }
        None => error.message().contains(&format!(" {table}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of;
    use sqlx::error::{DatabaseError, ErrorKind};
    use std::error::Error;

    /// What one of the databases says of a broken rule.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, Option<&'static str>);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn table(&self) -> Option<&str> {
            self.1
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::UniqueViolation
        }
    }

    /// What a pack writes goes to the database together: only a rule of the tokens says that a step
    /// is taken.
    #[test]
    fn a_broken_rule_is_of_the_table_that_has_it() {
        let postgres = "duplicate key value violates unique constraint";
        let cases = [
            (postgres, Some("token"), true),
            (postgres, Some("token_13"), true),
            (postgres, Some("posting"), false),
            (postgres, Some("tokens"), false),
            ("UNIQUE constraint failed: token.meter, token.account", None, true),
            ("UNIQUE constraint failed: posting.op, posting.leg", None, false),
            ("UNIQUE constraint failed: event.device, event.token", None, false),
        ];
        for (message, table, want) in cases {
            assert_eq!(is_of(&Said(message, table), "token"), want, "{message} {table:?}");
        }
    }
}

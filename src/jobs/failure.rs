//! Every error of every layer becomes one [`Failure`] here, and nowhere else.
//!
//! A failure is a stable code and what it concerns; the sentences are in `text/errors`. Two layers
//! may share a code when the same act helps, and the detail tells them apart.

use meterkit_tokens::TokenError;

use super::drive::DriveError;
use super::views::Failure;
use crate::profile::ProfileError;
use crate::protocol::dlt645::dialogue::ExchangeError;
use crate::report::Code;
use crate::store::vault::VaultError;
use crate::store::{Damage, StoreError, Why};
use crate::sync::error::SyncError;
use crate::sync::rounds::RoundFault;
use crate::sync::wire::Refusal;
use crate::table::TableError;
use crate::transport::LinkError;
use crate::units::Limit;

/// A failure with its detail.
pub fn fail(code: Code, detail: impl Into<String>) -> Failure {
    Failure { code, detail: detail.into() }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        fail(error.code, error.detail)
    }
}

/// A line that cannot be opened or broke. `port` is named where the error does not name it.
pub fn link(error: &LinkError, port: &str) -> Failure {
    match error {
        LinkError::Missing(what) => fail(Code::PortMissing, what.clone()),
        LinkError::Busy(what) => fail(Code::PortBusy, what.clone()),
        LinkError::Denied(what) => fail(Code::PortDenied, what.clone()),
        LinkError::Address(what) => fail(Code::PortAddress, what.clone()),
        LinkError::Cancelled(what) => fail(Code::Cancelled, what.clone()),
        LinkError::Gone => fail(Code::LinkGone, port),
        LinkError::Io(what) => fail(Code::LinkFailed, what.clone()),
    }
}

/// A conversation that did not come to its end.
pub fn drive(error: &DriveError) -> Failure {
    match error {
        DriveError::Cancelled => fail(Code::Cancelled, ""),
        DriveError::Link(error) => link(error, ""),
        DriveError::Endless => fail(Code::Internal, error.to_string()),
    }
}

/// A meter that did not answer, or not what it was asked.
pub fn exchange(error: &ExchangeError) -> Failure {
    match error {
        ExchangeError::Silent => fail(Code::MeterSilent, ""),
        ExchangeError::WrongAddress(address) => fail(Code::MeterOther, address.to_string()),
        ExchangeError::Refused(word) => fail(Code::MeterRefused, word.to_string()),
        ExchangeError::Garbled | ExchangeError::Form | ExchangeError::Endless => {
            fail(Code::MeterGarbled, error.to_string())
        }
    }
}

/// A round of the office that is not accepted.
pub fn round(fault: &RoundFault) -> Failure {
    match fault {
        RoundFault::Token(error) => token(error),
        RoundFault::Store(StoreError::TokenRevoked(id)) => fail(Code::RoundOver, id.to_string()),
        RoundFault::Store(error) => store(error),
        RoundFault::Expired(_) => fail(Code::RoundOver, fault.to_string()),
        RoundFault::Shape(_) | RoundFault::Device(_) | RoundFault::Life(..) => {
            fail(Code::RoundBad, fault.to_string())
        }
    }
}

/// A token or another signed document that is not accepted.
pub fn token(error: &TokenError) -> Failure {
    let code = match error {
        TokenError::Size { .. }
        | TokenError::Shape(_)
        | TokenError::Claims(_)
        | TokenError::Claim(_)
        | TokenError::Amount(_)
        | TokenError::Window
        | TokenError::Qr(_) => Code::TokenMalformed,
        TokenError::Canonical(error) if error.code() == "truncated" => Code::TokenMalformed,
        TokenError::Canonical(_) | TokenError::Header(_) => Code::TokenNotCanonical,
        TokenError::Typ { .. } | TokenError::Caps(_) => Code::TokenKind,
        TokenError::Signature => Code::TokenSignature,
        TokenError::Alg(_)
        | TokenError::Kid(_)
        | TokenError::KeyTyp(_)
        | TokenError::KeyExpired(_)
        | TokenError::KeyRevoked(_)
        | TokenError::KeyAmount(_)
        | TokenError::Key(_)
        | TokenError::Signer(_)
        | TokenError::Root(_) => Code::TokenKey,
        TokenError::Version { .. } => Code::DocumentBack,
        TokenError::Tenant => Code::TokenTenant,
        TokenError::Device | TokenError::Operator => Code::TokenDevice,
        TokenError::Meter => Code::MeterOther,
        TokenError::NotYet => Code::TokenNotYet,
        TokenError::Expired => Code::TokenExpired,
        TokenError::Life => Code::TokenLife,
    };
    fail(code, error.reason())
}

/// Why money is stopped.
pub fn why(why: &Why) -> Failure {
    let code = match why {
        Why::Damaged(_) => Code::JournalDamaged,
        Why::RolledBack { .. } => Code::JournalRolledBack,
        Why::WriteFailed(_) | Why::NoIndex(_) => Code::StoreFailed,
        Why::SpaceShort { .. } => Code::DiskFull,
    };
    fail(code, why.to_string())
}

/// A journal that is not right.
pub fn damage(damage: &Damage) -> Failure {
    fail(Code::JournalDamaged, damage.to_string())
}

/// A store that did not do what was asked.
pub fn store(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::MoneyStopped(reason) => return why(reason),
        StoreError::Damaged(found) => return damage(found),
        StoreError::NotEnrolled(_) => Code::NotEnrolled,
        StoreError::AlreadyEnrolled(_) => Code::AlreadyEnrolled,
        StoreError::Locked { .. } => Code::StoreLocked,
        StoreError::Sealed => Code::StoreSealed,
        StoreError::Newer { .. } => Code::StoreVersion,
        StoreError::DiskFull => Code::DiskFull,
        StoreError::Failed(_) | StoreError::Index(_) => Code::StoreFailed,
        StoreError::Conflict(_) | StoreError::FactsDiffer(..) => Code::TokenConflict,
        StoreError::UnknownToken(_) | StoreError::UnknownOverride(_) => Code::TokenUnknown,
        StoreError::Known(_) | StoreError::TokenUsed(_) | StoreError::OverrideSpent(_) => {
            Code::TokenUsed
        }
        StoreError::TokenWithdrawn(_) => Code::TokenWithdrawn,
        StoreError::TokenRevoked(_) | StoreError::OverrideRevoked(_) => Code::TokenRevoked,
        StoreError::TokenExpired(_) | StoreError::OverrideExpired(_) => Code::TokenExpired,
        StoreError::OverrideDiffers(..) => Code::TokenKind,
        StoreError::OverLimit { limit, .. } => over(*limit),
        StoreError::OlderDocument { .. } | StoreError::OlderGrant(_) => Code::DocumentBack,
        StoreError::DocumentLost(_) => Code::DocumentLost,
        StoreError::OpenIntent { .. } | StoreError::Disputed(_) | StoreError::TooManySends(..) => {
            Code::IntentOpen
        }
        StoreError::NoOpenIntent(_) => Code::NoIntent,
        StoreError::Evidence(_) => Code::NotConfirmed,
        StoreError::ReceiptMismatch { .. } | StoreError::ReceiptOld(_) | StoreError::Area(_) => {
            Code::OfficeLies
        }
        StoreError::SwappedOut(_) => Code::SwappedOut,
        StoreError::TooBig { .. } | StoreError::NotThisWay(_) | StoreError::Name(_) => {
            Code::Internal
        }
    };
    fail(code, error.to_string())
}

/// The code of a limit that is used up.
pub fn over(limit: Limit) -> Code {
    match limit {
        Limit::Acts => Code::LimitActs,
        Limit::Yuan => Code::LimitYuan,
        Limit::Kwh => Code::LimitKwh,
        Limit::Age => Code::LimitAge,
    }
}

/// A vault that did not open or change.
pub fn vault(error: &VaultError) -> Failure {
    let seconds = |wait: &u64| format!("{} min {:02} s", wait / 60, wait % 60);
    let (code, detail) = match error {
        VaultError::NotThere(what) => (Code::NotEnrolled, what.clone()),
        VaultError::There(what) => (Code::AlreadyEnrolled, what.clone()),
        VaultError::NoSecret(what) => (Code::SecretMissing, what.clone()),
        VaultError::Wrong { left: 0, .. } => (Code::PinLocked, String::new()),
        VaultError::Wrong { wait_s: 0, .. } => (Code::PinWrong, String::new()),
        VaultError::Wrong { wait_s, .. } => (Code::PinWrong, seconds(wait_s)),
        VaultError::Wait { seconds: wait } => (Code::PinWait, seconds(wait)),
        VaultError::LockedOut => (Code::PinLocked, String::new()),
        VaultError::WeakPin(why) => (Code::PinWeak, why.to_string()),
        VaultError::BadCode | VaultError::NoRecovery => (Code::RecoveryWrong, error.to_string()),
        VaultError::WrongCode { wait_s } => (Code::RecoveryWrong, seconds(wait_s)),
        VaultError::OtherKey => (Code::StoreSealed, error.to_string()),
        VaultError::Busy => (Code::StoreLocked, error.to_string()),
        VaultError::Damaged(what) => (Code::VaultDamaged, what.clone()),
        VaultError::Newer { .. } => (Code::StoreVersion, error.to_string()),
        VaultError::DiskFull => (Code::DiskFull, String::new()),
        VaultError::Full(_) | VaultError::Failed(_) => (Code::StoreFailed, error.to_string()),
    };
    fail(code, detail)
}

/// An exchange with the office that ended early.
pub fn sync(error: &SyncError) -> Failure {
    let code = match error {
        SyncError::Store(error) => return store(error),
        SyncError::Unreachable(_) => Code::OfficeUnreachable,
        SyncError::Busy => Code::OfficeBusy,
        SyncError::Timeout => Code::OfficeTimeout,
        SyncError::Untrusted(_) => Code::OfficeUntrusted,
        SyncError::Keys(_) => Code::DocumentLost,
        SyncError::Lies(_) => Code::OfficeLies,
        // The office has entries of ours that we no longer have.
        SyncError::Refused(Refusal::RolledBack) => Code::JournalRolledBack,
        SyncError::Refused(_) if error.code() == "office-version" => Code::OfficeVersion,
        SyncError::Refused(_) => Code::OfficeRefused,
        SyncError::Version(_) => Code::OfficeVersion,
        SyncError::Cancelled | SyncError::Budget => Code::Cancelled,
        SyncError::Address(_) => Code::Config,
        SyncError::File(_) => Code::File,
        SyncError::Medium(_) => Code::File,
        SyncError::Internal(_) => Code::Internal,
    };
    fail(code, error.to_string())
}

/// A profile that cannot be used.
pub fn profile(error: &ProfileError) -> Failure {
    fail(Code::Config, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use meterkit_tokens::CborError;

    #[test]
    fn each_cause_keeps_its_own_code() {
        let cases = [
            (link(&LinkError::Gone, "/dev/ttyUSB0"), Code::LinkGone, "/dev/ttyUSB0"),
            (link(&LinkError::Denied("/dev/x".into()), ""), Code::PortDenied, "/dev/x"),
            (drive(&DriveError::Cancelled), Code::Cancelled, ""),
            (exchange(&ExchangeError::Silent), Code::MeterSilent, ""),
            (token(&TokenError::Signature), Code::TokenSignature, "signature"),
            (
                token(&TokenError::Canonical(CborError::Truncated { at: 3 })),
                Code::TokenMalformed,
                "truncated",
            ),
            (
                token(&TokenError::Canonical(CborError::LongHead { at: 3 })),
                Code::TokenNotCanonical,
                "long-head",
            ),
            (
                why(&Why::RolledBack { have: 3, known: 9, witness: "receipt" }),
                Code::JournalRolledBack,
                "the journal ends at entry 3, but the receipt has seen entry 9",
            ),
            (store(&StoreError::DiskFull), Code::DiskFull, "the disk is full"),
        ];
        for (failure, code, detail) in cases {
            assert_eq!((failure.code, failure.detail.as_str()), (code, detail));
        }
    }
}

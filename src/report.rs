//! One place that gives every failure a stable code and an exit status. Its words, in two
//! languages, are in `text/errors.rs`, an exhaustive match: a code without words does not compile.

/// What failed. The text of [`Code::as_str`] is stable: scripts and manuals name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    // The line to the meter.
    /// No such port or host.
    PortMissing,
    /// The port is in use by someone else.
    PortBusy,
    /// The port may not be opened by this user.
    PortDenied,
    /// The port's address makes no sense.
    PortAddress,
    /// No port was chosen.
    PortNotChosen,
    /// The adapter was pulled or the peer closed.
    LinkGone,
    /// Any other failure of the line.
    LinkFailed,
    /// The meter did not answer.
    MeterSilent,
    /// Something answered, but not a whole correct frame.
    MeterGarbled,
    /// The operator stopped it.
    Cancelled,
    // The meter does not fit the token.
    /// Another address than the token's answered.
    MeterOther,
    /// The meter holds another customer number than the token's.
    AccountOther,
    /// The meter was never opened.
    AccountNotOpen,
    /// The meter's count is behind the token's: an earlier sale is missing.
    CountBehind,
    /// The meter's count is ahead of the token's: the step was taken.
    CountAhead,
    /// The balance would exceed what the meter or the token allows.
    BalanceLimit,
    /// The meter is kept in another unit than the token's.
    UnitOther,
    /// The meter refused to give a value the recharge needs.
    MeterRefused,
    /// The meter wants a security module that is not there (assurance class B).
    ModuleMissing,
    /// The typed digits are not the meter's.
    DigitsWrong,
    // The token.
    /// Not a token, or cut short.
    TokenMalformed,
    /// Not in canonical form, or with extra parts.
    TokenNotCanonical,
    /// The signature is wrong: altered or forged.
    TokenSignature,
    /// Signed by a key this handheld does not trust for it.
    TokenKey,
    /// For another tenant.
    TokenTenant,
    /// For another handheld.
    TokenDevice,
    /// Its time is over.
    TokenExpired,
    /// Its time has not begun.
    TokenNotYet,
    /// Its life is longer than allowed.
    TokenLife,
    /// A kind of token this act cannot use.
    TokenKind,
    /// Already used.
    TokenUsed,
    /// Withdrawn by the office.
    TokenWithdrawn,
    /// Not in the store.
    TokenUnknown,
    /// An id that was imported before with other contents.
    TokenConflict,
    /// More than one token fits; say which.
    TokenAmbiguous,
    // The recharge.
    /// This meter has a recharge whose outcome is not known.
    IntentOpen,
    /// There is no open recharge on this meter.
    NoIntent,
    /// Nothing was confirmed, or the evidence is too old.
    NotConfirmed,
    // The store.
    /// No store here: not enrolled.
    NotEnrolled,
    /// Already enrolled.
    AlreadyEnrolled,
    /// Another meterkit has the store open.
    StoreLocked,
    /// A format this version does not know.
    StoreVersion,
    /// The journal is damaged before its end.
    JournalDamaged,
    /// The journal is older than what was acknowledged.
    JournalRolledBack,
    /// The disk is full.
    DiskFull,
    /// Any other failure of the disk.
    StoreFailed,
    // The office.
    /// The office could not be reached.
    OfficeUnreachable,
    /// The office did not answer in time.
    OfficeTimeout,
    /// The office's answer is not signed by it, or contradicts itself or the journal.
    OfficeLies,
    /// The office does not know this handheld or refuses it.
    OfficeRefused,
    /// The office and this program do not speak the same version.
    OfficeVersion,
    // The program.
    /// Wrong use of the command line.
    Usage,
    /// The configuration is wrong.
    Config,
    /// A file could not be read or written.
    File,
    /// A bug.
    Internal,
}

impl Code {
    /// Every code, in order, for tests and the manual.
    pub const ALL: &'static [Code] = {
        use Code::*;
        &[
            PortMissing,
            PortBusy,
            PortDenied,
            PortAddress,
            PortNotChosen,
            LinkGone,
            LinkFailed,
            MeterSilent,
            MeterGarbled,
            Cancelled,
            MeterOther,
            AccountOther,
            AccountNotOpen,
            CountBehind,
            CountAhead,
            BalanceLimit,
            UnitOther,
            MeterRefused,
            ModuleMissing,
            DigitsWrong,
            TokenMalformed,
            TokenNotCanonical,
            TokenSignature,
            TokenKey,
            TokenTenant,
            TokenDevice,
            TokenExpired,
            TokenNotYet,
            TokenLife,
            TokenKind,
            TokenUsed,
            TokenWithdrawn,
            TokenUnknown,
            TokenConflict,
            TokenAmbiguous,
            IntentOpen,
            NoIntent,
            NotConfirmed,
            NotEnrolled,
            AlreadyEnrolled,
            StoreLocked,
            StoreVersion,
            JournalDamaged,
            JournalRolledBack,
            DiskFull,
            StoreFailed,
            OfficeUnreachable,
            OfficeTimeout,
            OfficeLies,
            OfficeRefused,
            OfficeVersion,
            Usage,
            Config,
            File,
            Internal,
        ]
    };

    /// The stable code, area first.
    pub fn as_str(self) -> &'static str {
        use Code::*;
        match self {
            PortMissing => "MK-PORT-01",
            PortBusy => "MK-PORT-02",
            PortDenied => "MK-PORT-03",
            PortAddress => "MK-PORT-04",
            PortNotChosen => "MK-PORT-05",
            LinkGone => "MK-LINK-01",
            LinkFailed => "MK-LINK-02",
            MeterSilent => "MK-LINK-03",
            MeterGarbled => "MK-LINK-04",
            Cancelled => "MK-LINK-05",
            MeterOther => "MK-METER-01",
            AccountOther => "MK-METER-02",
            AccountNotOpen => "MK-METER-03",
            CountBehind => "MK-METER-04",
            CountAhead => "MK-METER-05",
            BalanceLimit => "MK-METER-06",
            UnitOther => "MK-METER-07",
            MeterRefused => "MK-METER-08",
            ModuleMissing => "MK-METER-09",
            DigitsWrong => "MK-METER-10",
            TokenMalformed => "MK-TOKEN-01",
            TokenNotCanonical => "MK-TOKEN-02",
            TokenSignature => "MK-TOKEN-03",
            TokenKey => "MK-TOKEN-04",
            TokenTenant => "MK-TOKEN-05",
            TokenDevice => "MK-TOKEN-06",
            TokenExpired => "MK-TOKEN-07",
            TokenNotYet => "MK-TOKEN-08",
            TokenLife => "MK-TOKEN-09",
            TokenKind => "MK-TOKEN-10",
            TokenUsed => "MK-TOKEN-11",
            TokenWithdrawn => "MK-TOKEN-12",
            TokenUnknown => "MK-TOKEN-13",
            TokenConflict => "MK-TOKEN-14",
            TokenAmbiguous => "MK-TOKEN-15",
            IntentOpen => "MK-MONEY-01",
            NoIntent => "MK-MONEY-02",
            NotConfirmed => "MK-MONEY-03",
            NotEnrolled => "MK-STORE-01",
            AlreadyEnrolled => "MK-STORE-02",
            StoreLocked => "MK-STORE-03",
            StoreVersion => "MK-STORE-04",
            JournalDamaged => "MK-STORE-05",
            JournalRolledBack => "MK-STORE-06",
            DiskFull => "MK-STORE-07",
            StoreFailed => "MK-STORE-08",
            OfficeUnreachable => "MK-OFFICE-01",
            OfficeTimeout => "MK-OFFICE-02",
            OfficeLies => "MK-OFFICE-03",
            OfficeRefused => "MK-OFFICE-04",
            OfficeVersion => "MK-OFFICE-05",
            Usage => "MK-PROG-01",
            Config => "MK-PROG-02",
            File => "MK-PROG-03",
            Internal => "MK-PROG-04",
        }
    }

    /// The exit status of a command that ended with this (`docs/architecture.md`, exit codes).
    pub fn exit_status(self) -> u8 {
        use Code::*;
        match self {
            MeterOther | AccountOther | AccountNotOpen | CountBehind | CountAhead
            | BalanceLimit | UnitOther | TokenMalformed | TokenNotCanonical | TokenSignature
            | TokenKey | TokenTenant | TokenDevice | TokenExpired | TokenNotYet | TokenLife
            | TokenKind | TokenUsed | TokenWithdrawn | TokenUnknown | TokenConflict
            | TokenAmbiguous => 5,
            Usage => 2,
            PortMissing | PortBusy | PortDenied | PortAddress | PortNotChosen | LinkGone
            | LinkFailed | MeterSilent | MeterGarbled => 3,
            IntentOpen => 4,
            Cancelled | MeterRefused | ModuleMissing | DigitsWrong | NoIntent | NotConfirmed => 1,
            NotEnrolled | AlreadyEnrolled | StoreLocked | StoreVersion | JournalDamaged
            | JournalRolledBack | DiskFull | StoreFailed | Config | File => 6,
            OfficeUnreachable | OfficeTimeout | OfficeLies | OfficeRefused | OfficeVersion => 7,
            Internal => 70,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_its_own() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}

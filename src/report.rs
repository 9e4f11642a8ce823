//! One place that gives every failure a stable code and an exit status. Its words, in two
//! languages, are in `text/errors.rs`, an exhaustive match: a code without words does not compile.

/// Makes [`Code`] from one row a code: what it means, its stable text, its exit status.
macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What failed. The text of [`Code::as_str`] is stable: scripts and manuals name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$meta])* $name,)*
        }

        impl Code {
            /// Every code, in order, for tests and the manual.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable code, area first.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }

            /// The one with this stable code.
            pub fn named(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            /// The exit status of a command that ended with this (`docs/architecture.md`, exit
            /// statuses).
            pub fn exit_status(self) -> u8 {
                match self {
                    $(Code::$name => $status,)*
                }
            }
        }
    };
}

codes! {
    // The line to the meter.
    /// No such port or host.
    PortMissing = "MK-PORT-01", 3;
    /// The port is in use by someone else.
    PortBusy = "MK-PORT-02", 3;
    /// The port may not be opened by this user.
    PortDenied = "MK-PORT-03", 3;
    /// The port's address makes no sense.
    PortAddress = "MK-PORT-04", 3;
    /// No port was chosen.
    PortNotChosen = "MK-PORT-05", 3;
    /// The adapter was pulled or the peer closed.
    LinkGone = "MK-LINK-01", 3;
    /// Any other failure of the line.
    LinkFailed = "MK-LINK-02", 3;
    /// The meter did not answer.
    MeterSilent = "MK-LINK-03", 3;
    /// Something answered, but not a whole correct frame.
    MeterGarbled = "MK-LINK-04", 3;
    /// The operator stopped it.
    Cancelled = "MK-LINK-05", 1;
    /// The speed of this line is set in the adapter, and another is needed.
    LineFixed = "MK-LINK-06", 3;
    /// A recording that cannot be read, or that another conversation is in.
    TraceUnreadable = "MK-TRACE-01", 2;
    // The meter does not fit the token.
    /// Another address than the token's answered.
    MeterOther = "MK-METER-01", 5;
    /// The meter holds another customer number than the token's.
    AccountOther = "MK-METER-02", 5;
    /// The meter was never opened.
    AccountNotOpen = "MK-METER-03", 5;
    /// The meter's count is behind the token's: an earlier sale is missing.
    CountBehind = "MK-METER-04", 5;
    /// The meter's count is ahead of the token's: the step was taken.
    CountAhead = "MK-METER-05", 5;
    /// The balance would exceed what the meter or the token allows.
    BalanceLimit = "MK-METER-06", 5;
    /// The meter is kept in another unit than the token's.
    UnitOther = "MK-METER-07", 5;
    /// The meter refused to give a value the recharge needs.
    MeterRefused = "MK-METER-08", 1;
    /// The meter wants a security module that is not there (assurance class B).
    ModuleMissing = "MK-METER-09", 1;
    /// No document says how this kind of meter is recharged.
    MoneyUnknown = "MK-METER-11", 1;
    /// The typed digits are not the meter's.
    DigitsWrong = "MK-METER-10", 1;
    /// This kind of meter has no such value, or its profile names none.
    ItemUnknown = "MK-METER-12", 2;
    /// Not an address of this protocol.
    BusAddress = "MK-METER-13", 2;
    /// No such box, or no such user in it, in the area list.
    TerminalUnknown = "MK-METER-14", 2;
    /// What would be written stands on rows of the profile that are not proven, and nobody said
    /// that it is meant; as a warning: somebody did.
    WriteUnproven = "MK-METER-15", 1;
    /// No document says how this is done to this kind of meter.
    ActUnknown = "MK-METER-16", 1;
    /// The meter holds less than is to be taken out.
    BalanceShort = "MK-METER-17", 5;
    /// So little is to be taken out that consumption would hide it.
    DebitHidden = "MK-METER-18", 5;
    /// The meter's own record shows this debit, and this journal does not.
    DebitKnown = "MK-METER-19", 5;
    /// Nothing of that kind is offered by the meter's protocol.
    NotOffered = "MK-METER-20", 2;
    /// How parameters are written to this model is not published.
    NotPublished = "MK-METER-21", 2;
    // The token.
    /// Not a token, or cut short.
    TokenMalformed = "MK-TOKEN-01", 5;
    /// Not in canonical form, or with extra parts.
    TokenNotCanonical = "MK-TOKEN-02", 5;
    /// The signature is wrong: altered or forged.
    TokenSignature = "MK-TOKEN-03", 5;
    /// Signed by a key this handheld does not trust for it.
    TokenKey = "MK-TOKEN-04", 5;
    /// For another tenant.
    TokenTenant = "MK-TOKEN-05", 5;
    /// For another handheld.
    TokenDevice = "MK-TOKEN-06", 5;
    /// Its time is over.
    TokenExpired = "MK-TOKEN-07", 5;
    /// Its time has not begun.
    TokenNotYet = "MK-TOKEN-08", 5;
    /// Its life is longer than allowed.
    TokenLife = "MK-TOKEN-09", 5;
    /// A kind of token this act cannot use.
    TokenKind = "MK-TOKEN-10", 5;
    /// Already used.
    TokenUsed = "MK-TOKEN-11", 5;
    /// Withdrawn by the office.
    TokenWithdrawn = "MK-TOKEN-12", 5;
    /// Not in the store.
    TokenUnknown = "MK-TOKEN-13", 5;
    /// An id that was imported before with other contents.
    TokenConflict = "MK-TOKEN-14", 5;
    /// More than one token fits; say which.
    TokenAmbiguous = "MK-TOKEN-15", 5;
    /// Revoked by the office before it was used.
    TokenRevoked = "MK-TOKEN-16", 5;
    /// What it is to undo is not a recharge that can be undone here.
    TokenUndoes = "MK-TOKEN-17", 5;
    /// The office recharged the meter itself, at the token's step.
    TokenRecharged = "MK-TOKEN-18", 5;
    // The recharge.
    /// This meter has a recharge whose outcome is not known.
    IntentOpen = "MK-MONEY-01", 4;
    /// There is no open recharge on this meter.
    NoIntent = "MK-MONEY-02", 1;
    /// Nothing was confirmed, or the evidence is too old.
    NotConfirmed = "MK-MONEY-03", 1;
    // Longer errands.
    /// There is no such errand in the journal.
    WorkUnknown = "MK-WORK-01", 1;
    /// Part of it is not done; its sheet says which and why.
    WorkPartial = "MK-WORK-02", 1;
    /// A person must do something before it goes on.
    WorkWaits = "MK-WORK-03", 1;
    /// Another errand of this kind is open at this meter.
    WorkOpen = "MK-WORK-04", 1;
    /// A field of its form, or an answer, is missing or holds what it cannot.
    FieldOdd = "MK-WORK-05", 2;
    /// The meter itself has answered: nothing is typed over a reading.
    ReadingStands = "MK-WORK-09", 1;
    // Rounds the office made.
    /// There is no such round of the office here.
    RoundUnknown = "MK-ROUND-01", 5;
    /// It was withdrawn, or its time is over.
    RoundOver = "MK-ROUND-02", 5;
    /// It was begun already.
    RoundBegun = "MK-ROUND-03", 1;
    /// Its list is not the one that was signed for this handheld.
    RoundBad = "MK-ROUND-04", 5;
    // Bundles of parameters, meters' clocks.
    /// There is no such bundle here.
    BundleUnknown = "MK-BUNDLE-01", 5;
    /// The bundle's file is not the signed one, is wrong, or could carry money.
    BundleBad = "MK-BUNDLE-02", 5;
    /// The bundle is for other meters.
    BundleTarget = "MK-BUNDLE-03", 5;
    /// The meter's tables have other sizes.
    BundleShape = "MK-BUNDLE-04", 1;
    /// The switch time has come, or nearly.
    BundleLate = "MK-BUNDLE-05", 1;
    /// The meter refused an item.
    ItemRefused = "MK-BUNDLE-06", 1;
    /// What was written does not read back.
    ItemDiffers = "MK-BUNDLE-07", 1;
    /// The handheld's own time is not sure enough to set another clock by.
    ClockUnsure = "MK-BUNDLE-08", 1;
    /// Setting a clock now would cross midnight or the edge of an interval.
    ClockEdge = "MK-BUNDLE-09", 1;
    /// A clock is so far off that a person must say that it is set.
    ClockFar = "MK-BUNDLE-10", 1;
    // Swaps.
    /// The office gave no leave for this swap on this handheld, or more than one fits.
    SwapUnknown = "MK-SWAP-01", 5;
    /// The meter was swapped out: it is not credited any more.
    SwappedOut = "MK-SWAP-02", 5;
    /// A meter that was swapped out is on the line again.
    SwappedBack = "MK-SWAP-03", 1;
    /// The new meter is in use, or is not as the office has it.
    NewInUse = "MK-SWAP-04", 5;
    /// What was taken out of the old meter cannot be credited here: the office settles it.
    InTransit = "MK-SWAP-05", 1;
    /// A meter was opened or cleared since it was last seen.
    MeterOpened = "MK-SWAP-06", 1;

    /// The meter is wired wrong.
    WiringWrong = "MK-COMM-01", 1;
    /// Its figures do not tell how it is wired.
    WiringUnsure = "MK-COMM-02", 1;
    /// What was scanned is another meter's, or misread.
    BarcodeOther = "MK-COMM-03", 1;
    /// No overload limit is set.
    OverloadUnset = "MK-COMM-04", 1;
    /// No load above the limit was seen.
    OverloadNotSeen = "MK-COMM-05", 1;
    /// The meter did not trip, or not come back, in time.
    OverloadLate = "MK-COMM-06", 1;
    /// Nothing answered where a meter was looked for.
    NothingFound = "MK-COMM-07", 1;
    // Who may do what.
    /// Nobody is logged in.
    LoggedOut = "MK-AUTH-01", 1;
    /// Wrong operator or PIN.
    PinWrong = "MK-AUTH-02", 1;
    /// Too many wrong PINs: wait first.
    PinWait = "MK-AUTH-03", 1;
    /// Locked after wrong PINs: a supervisor or the office helps.
    PinLocked = "MK-AUTH-04", 1;
    /// The new PIN is too easy.
    PinWeak = "MK-AUTH-05", 1;
    /// The operator has no grant on this handheld.
    NoGrant = "MK-AUTH-06", 1;
    /// The grant's time is over.
    GrantExpired = "MK-AUTH-07", 1;
    /// The grant's time has not begun.
    GrantNotYet = "MK-AUTH-08", 1;
    /// The office revoked the grant.
    GrantRevoked = "MK-AUTH-09", 1;
    /// The operator's role does not reach this act.
    RoleForbids = "MK-AUTH-10", 1;
    /// The meter is outside the operator's area.
    AreaForbids = "MK-AUTH-11", 1;
    /// The shift is over: log in again.
    ShiftOver = "MK-AUTH-12", 1;
    /// The activation code is wrong.
    ActivationWrong = "MK-AUTH-13", 1;
    /// The recovery code is wrong or used.
    RecoveryWrong = "MK-AUTH-14", 1;
    /// Not while an errand is under way.
    ErrandRunning = "MK-AUTH-15", 1;
    /// The meter's own password is needed.
    PasswordMissing = "MK-AUTH-16", 1;
    // What the trust of the office still reaches.
    /// The clock is behind a time that is known to have passed.
    ClockBehind = "MK-TRUST-01", 1;
    /// The office's status ends soon.
    StatusOld = "MK-TRUST-02", 1;
    /// There is no status of the office.
    StatusMissing = "MK-TRUST-03", 1;
    /// The office's status has expired.
    StatusExpired = "MK-TRUST-04", 1;
    /// The keyset ends soon.
    KeysetEnds = "MK-TRUST-05", 1;
    /// The keyset has expired.
    KeysetExpired = "MK-TRUST-06", 1;
    /// The root document ends soon.
    RootEnds = "MK-TRUST-07", 1;
    /// The root document has expired.
    RootExpired = "MK-TRUST-08", 1;
    /// The keyset or the root is older than the office's status says.
    KeysBehind = "MK-TRUST-09", 1;
    /// A document older than the one before was offered.
    DocumentBack = "MK-TRUST-10", 1;
    /// A document the journal knows is gone or was changed.
    DocumentLost = "MK-TRUST-11", 6;
    // How much may happen before the office hears of it.
    /// Too many recharges without a sync.
    LimitActs = "MK-LIMIT-01", 1;
    /// Too many yuan without a sync.
    LimitYuan = "MK-LIMIT-02", 1;
    /// Too many kWh without a sync.
    LimitKwh = "MK-LIMIT-03", 1;
    /// The oldest recharge without a sync is too old.
    LimitAge = "MK-LIMIT-04", 1;
    /// A limit is near: a warning, nothing is refused.
    LimitNear = "MK-LIMIT-05", 1;
    // The store.
    /// No store here: not enrolled.
    NotEnrolled = "MK-STORE-01", 6;
    /// Already enrolled.
    AlreadyEnrolled = "MK-STORE-02", 6;
    /// Another meterkit has the store open.
    StoreLocked = "MK-STORE-03", 6;
    /// A format this version does not know.
    StoreVersion = "MK-STORE-04", 6;
    /// The journal is damaged before its end.
    JournalDamaged = "MK-STORE-05", 6;
    /// The journal is older than what was acknowledged.
    JournalRolledBack = "MK-STORE-06", 6;
    /// The disk is full.
    DiskFull = "MK-STORE-07", 6;
    /// Any other failure of the disk.
    StoreFailed = "MK-STORE-08", 6;
    /// The store does not open with this key.
    StoreSealed = "MK-STORE-09", 6;
    /// The secret of this device is not there: another machine, or it was reset.
    SecretMissing = "MK-STORE-10", 6;
    /// The log-ins are damaged.
    VaultDamaged = "MK-STORE-11", 6;
    // The office.
    /// The office could not be reached.
    OfficeUnreachable = "MK-OFFICE-01", 7;
    /// The office did not answer in time.
    OfficeTimeout = "MK-OFFICE-02", 7;
    /// The office's answer is not signed by it, or contradicts itself or the journal.
    OfficeLies = "MK-OFFICE-03", 7;
    /// The office does not know this handheld or refuses it.
    OfficeRefused = "MK-OFFICE-04", 7;
    /// The office and this program do not speak the same version.
    OfficeVersion = "MK-OFFICE-05", 7;
    /// Whoever answered is not our office: another certificate or key.
    OfficeUntrusted = "MK-OFFICE-06", 7;
    /// The office has too much to do, or this handheld asks too often.
    OfficeBusy = "MK-OFFICE-07", 7;
    // The program.
    /// Wrong use of the command line.
    Usage = "MK-PROG-01", 2;
    /// The configuration is wrong.
    Config = "MK-PROG-02", 6;
    /// A file could not be read or written.
    File = "MK-PROG-03", 6;
    /// A bug.
    Internal = "MK-PROG-04", 70;
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

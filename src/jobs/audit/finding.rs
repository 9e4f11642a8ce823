//! What the audit found, in stable codes. The sentences are in `text/audit.rs`.
//!
//! A reason is `broken` when the account does not hold because of it, a `note` when a person
//! should know. That is part of the reason, not of the case: an auditor must be able to look it
//! up.

use std::collections::BTreeMap;

/// The twelve checks (`reference/tokens.md` 5.1), in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Root chain, thresholds, keysets.
    Root,
    /// Every token.
    Tokens,
    /// Every journal's chain, signatures, checkpoints.
    Chain,
    /// Every money act.
    Acts,
    /// The steps of every meter account.
    Steps,
    /// The sums.
    Sums,
    /// Two journals of one handheld.
    Forks,
    /// Time.
    Time,
    /// Open recharges.
    Open,
    /// Swaps.
    Swaps,
    /// Operators.
    People,
    /// Software.
    Software,
}

impl Check {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Root,
        Self::Tokens,
        Self::Chain,
        Self::Acts,
        Self::Steps,
        Self::Sums,
        Self::Forks,
        Self::Time,
        Self::Open,
        Self::Swaps,
        Self::People,
        Self::Software,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Root => "A01",
            Self::Tokens => "A02",
            Self::Chain => "A03",
            Self::Acts => "A04",
            Self::Steps => "A05",
            Self::Sums => "A06",
            Self::Forks => "A07",
            Self::Time => "A08",
            Self::Open => "A09",
            Self::Swaps => "A10",
            Self::People => "A11",
            Self::Software => "A12",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The account does not hold.
    Broken,
    /// A person should know.
    Note,
}

impl Severity {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Note => "note",
        }
    }
}

/// One row a reason: its check, its stable name, its weight.
macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident = $check:ident, $text:literal, $severity:ident;)*) => {
        /// What exactly is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$meta])* $name,)*
        }

        impl Reason {
            /// All of them, in the order of their checks.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The check it belongs to.
            pub fn check(self) -> Check {
                match self {
                    $(Self::$name => Check::$check,)*
                }
            }

            /// The stable name; one name may serve one check only.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// How much it weighs.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }
        }
    };
}

reasons! {
    /// The first root document is not the one the auditor was told of.
    RootHash = Root, "root-hash", Broken;
    /// No root document, or a version is missing.
    RootMissing = Root, "root-missing", Broken;
    /// A root document is not signed as its own or the last threshold asks.
    RootChain = Root, "root-chain", Broken;
    /// One version of the root document with two contents.
    RootTwice = Root, "root-twice", Broken;
    /// No keyset at all.
    KeysetMissing = Root, "keyset-missing", Broken;
    /// A keyset that no root document backs.
    KeysetBad = Root, "keyset-bad", Broken;
    /// One version of the keyset with two contents.
    KeysetTwice = Root, "keyset-twice", Broken;
    /// A higher version that was signed before a lower one.
    KeysetOrder = Root, "keyset-order", Broken;
    /// A version of the keyset is not here.
    KeysetGap = Root, "keyset-gap", Note;
    /// A handheld took in a lower version than it had.
    VersionBack = Root, "version-back", Broken;

    /// A document that does not verify.
    TokenBad = Tokens, "token-bad", Broken;
    /// One identity with two contents.
    TokenTwin = Tokens, "token-twin", Broken;
    /// The journal says something else of a token than the token.
    TokenFacts = Tokens, "token-facts", Broken;
    /// Taken in by another handheld than the one it names.
    TokenDevice = Tokens, "token-device", Broken;
    /// No token at all.
    TokenOther = Tokens, "token-other", Broken;

    /// No key to check a journal with.
    KeyMissing = Chain, "key-missing", Broken;
    /// A pack that does not verify.
    PackBad = Chain, "pack-bad", Broken;
    /// A pack of another journal.
    PackOther = Chain, "pack-other", Broken;
    /// A pack does not continue the one before it.
    ChainBroken = Chain, "chain-broken", Broken;
    /// Entries are missing.
    ChainGap = Chain, "chain-gap", Broken;
    /// An entry that cannot be read, or that gives itself another number.
    EntryBad = Chain, "entry-bad", Broken;
    /// The first entry is not the enrolment of this handheld.
    StartBad = Chain, "start-bad", Broken;
    /// A receipt or status that does not verify.
    ReceiptBad = Chain, "receipt-bad", Broken;
    /// The office countersigned another journal than this.
    Checkpoint = Chain, "checkpoint", Broken;
    /// The journal ends before what the office countersigned.
    CutShort = Chain, "cut-short", Broken;
    /// Entries the office has not countersigned.
    NotCovered = Chain, "not-covered", Note;
    /// A receipt is not here.
    ReceiptGap = Chain, "receipt-gap", Note;
    /// A torn record was cut off when the journal was opened.
    TailCut = Chain, "tail-cut", Note;

    /// An outcome without an intent before it.
    NoIntent = Acts, "no-intent", Broken;
    /// An intent for something else than its token.
    IntentFacts = Acts, "intent-facts", Broken;
    /// The meter did not stand where the token needs it.
    Preflight = Acts, "preflight", Broken;
    /// A second recharge on a meter whose first was open.
    MeterBusy = Acts, "meter-busy", Broken;
    /// A token was used that was not taken in before.
    NotImported = Acts, "not-imported", Broken;
    /// Accepted, and the read-back does not show it.
    ReadBack = Acts, "read-back", Broken;
    /// Not accepted, and the read-back shows it in the meter.
    Denied = Acts, "denied", Broken;
    /// Sent again without a read-back that allows it.
    ResendBad = Acts, "resend-bad", Broken;
    /// Used before or after its time.
    OutOfTime = Acts, "out-of-time", Broken;
    /// Used after the office took it back.
    TakenBack = Acts, "taken-back", Broken;
    /// By nobody who was logged in.
    NoLogIn = Acts, "no-log-in", Broken;
    /// By somebody who was not allowed to.
    NoGrant = Acts, "no-grant", Broken;
    /// An override that does not allow the act, or served twice.
    OverrideBad = Acts, "override-bad", Broken;
    /// Accepted on the balance alone.
    Weak = Acts, "weak", Note;
    /// Later purchases hide the record the decision rests on.
    Hidden = Acts, "hidden", Note;
    /// The evidence leads to another decision of the same outcome.
    OtherDecision = Acts, "other-decision", Note;

    /// Two settlements of one step.
    StepTwice = Steps, "step-twice", Broken;
    /// A step between settled ones that nobody knows.
    StepGap = Steps, "step-gap", Broken;
    /// The meter's record of a step has another amount.
    RecordAmount = Steps, "record-amount", Broken;
    /// The meter's count is behind what was settled.
    ReadBehind = Steps, "read-behind", Broken;
    /// The meter's count is beyond every token.
    ReadAhead = Steps, "read-ahead", Broken;

    /// A journal acts on a token that was not issued.
    TokenUnknown = Sums, "token-unknown", Broken;
    /// A meter's issue numbers have a hole.
    SeqGap = Sums, "seq-gap", Broken;
    /// A meter's issue number was given twice.
    SeqTwice = Sums, "seq-twice", Broken;
    /// In the meter, and taken back.
    BothWays = Sums, "both-ways", Broken;
    /// The office's book says something else than the journals.
    LedgerState = Sums, "ledger-state", Broken;
    /// The office's book has another amount.
    LedgerAmount = Sums, "ledger-amount", Broken;
    /// The office's book and the tokens are not the same tokens.
    LedgerTokens = Sums, "ledger-tokens", Broken;
    /// A person at the office decided otherwise than the journal.
    LedgerDecided = Sums, "ledger-decided", Note;

    /// Two entries of one handheld and number.
    Fork = Forks, "fork", Broken;
    /// Two receipts of one handheld and number.
    ReceiptTwice = Forks, "receipt-twice", Broken;

    /// The time of an entry is before that of the one before it.
    Backwards = Time, "backwards", Broken;
    /// An entry is later than the receipt that covers it.
    AheadOfOffice = Time, "ahead-of-office", Note;
    /// A meter's clock is off.
    MeterClock = Time, "meter-clock", Note;

    /// A recharge was open for too long.
    OpenOld = Open, "open-old", Broken;
    /// A recharge is open.
    OpenNew = Open, "open-new", Note;
    /// A recharge is disputed.
    Disputed = Open, "disputed", Note;

    /// What left the old meter is not what came into the new one.
    SwapSum = Swaps, "swap-sum", Broken;
    /// A carried-over balance without a reading of the old meter.
    SwapMissing = Swaps, "swap-missing", Broken;
    /// One swap stands twice.
    SwapTwice = Swaps, "swap-twice", Broken;
    /// A swap without its token, or with another one.
    SwapToken = Swaps, "swap-token", Broken;
    /// A credit into a meter that was swapped out.
    SwapOld = Swaps, "swap-old", Broken;
    /// A leg of a swap that its leave does not allow.
    SwapLeave = Swaps, "swap-leave", Broken;
    /// What was taken out of an old meter is in neither.
    SwapTransit = Swaps, "swap-transit", Note;
    /// Credited for a meter that could not be debited: the office's variance.
    SwapAdvance = Swaps, "swap-advance", Note;

    /// Too many of an operator's recharges were refused or are disputed.
    Ratio = People, "ratio", Broken;

    /// Money was moved by a program that did not name itself.
    SoftwareNone = Software, "software-none", Broken;
    /// By a program that is not on the list.
    SoftwareOther = Software, "software-other", Broken;
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub reason: Reason,
    /// Where: a file, a meter, a token, an entry.
    pub subject: String,
    /// Figures and codes, in English.
    pub detail: String,
}

/// Findings kept of one reason; all are counted.
pub const MAX_LISTED: usize = 200;

/// What was found so far. However bad a set is, the list stays short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
    counts: BTreeMap<Reason, usize>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, reason: Reason, subject: impl ToString, detail: impl ToString) {
        let count = self.counts.entry(reason).or_default();
        *count += 1;
        if *count <= MAX_LISTED {
            let (subject, detail) = (subject.to_string(), detail.to_string());
            self.list.push(Finding { reason, subject, detail });
        }
    }

    /// Adds what somebody else found.
    pub fn extend(&mut self, other: Self) {
        for (reason, more) in other.counts {
            let count = self.counts.entry(reason).or_default();
            let room = MAX_LISTED.saturating_sub(*count);
            *count += more;
            let list = other.list.iter().filter(|finding| finding.reason == reason);
            self.list.extend(list.take(room).cloned());
        }
    }

    /// Those that are listed, by check and reason; within one reason as they were found.
    pub fn list(&self) -> Vec<&Finding> {
        let mut list: Vec<&Finding> = self.list.iter().collect();
        list.sort_by_key(|finding| finding.reason);
        list
    }

    /// How many there are of a reason, listed or not.
    pub fn count(&self, reason: Reason) -> usize {
        self.counts.get(&reason).copied().unwrap_or_default()
    }

    /// How many there are of a check and weight.
    pub fn count_of(&self, check: Check, severity: Severity) -> usize {
        let of = |reason: &&Reason| reason.check() == check && reason.severity() == severity;
        self.counts.iter().filter(|(reason, _)| of(reason)).map(|(_, count)| count).sum()
    }

    /// Whether anything was found because of which the account does not hold.
    pub fn broken(&self) -> bool {
        self.counts.keys().any(|reason| reason.severity() == Severity::Broken)
    }
}

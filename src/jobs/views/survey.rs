//! A survey of a line, as the screens and the command line see it: what to search, how far it is,
//! what was found, and what is wrong with the line.

use serde::{Deserialize, Serialize};

use super::Failure;

/// A protocol the survey can look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurveyProtocol {
    /// DL/T 645-2007.
    Dlt645,
    /// DL/T 645-1997.
    Dlt645v1997,
    /// CJ/T 188: water, heat, gas.
    Cjt188,
    /// DL/T 698.45.
    Dlt698,
    /// Modbus RTU.
    Modbus,
    /// IEC 62056-21.
    Iec,
}

impl SurveyProtocol {
    /// Every protocol, in the order they are looked for.
    pub const ALL: [Self; 6] =
        [Self::Dlt645, Self::Dlt645v1997, Self::Cjt188, Self::Dlt698, Self::Modbus, Self::Iec];

    /// A stable name, as `meterkit decode --protocol` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dlt645 => "dlt645",
            Self::Dlt645v1997 => "dlt645-1997",
            Self::Cjt188 => "cjt188",
            Self::Dlt698 => "dlt698.45",
            Self::Modbus => "modbus-rtu",
            Self::Iec => "iec62056-21",
        }
    }

    /// The protocol of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }
}

/// What to search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyPlan {
    /// Which protocols; all when empty.
    pub protocols: Vec<SurveyProtocol>,
    /// Only at this speed, bits a second.
    pub baud: Option<u32>,
    /// Only with this parity: `N`, `E` or `O`.
    pub parity: Option<char>,
    /// First Modbus address.
    pub from: u8,
    /// Last Modbus address.
    pub to: u8,
    /// Goes on when meters have been found, tries rarer settings, and searches DL/T 645 addresses
    /// even where nobody answers the wildcard.
    pub all: bool,
}

impl Default for SurveyPlan {
    fn default() -> Self {
        Self { protocols: Vec::new(), baud: None, parity: None, from: 1, to: 247, all: false }
    }
}

/// Where a survey stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SurveyProgress {
    /// What is looked for now.
    pub protocol: Option<SurveyProtocol>,
    /// At which settings, `2400-8E1`.
    pub line: String,
    /// Steps done, and in all.
    pub steps: (u32, u32),
    /// Frames sent.
    pub frames: u32,
    /// Meters found.
    pub found: u32,
    /// What is left of the budget, seconds. It grows when something is found that has to be looked
    /// into.
    pub left_s: u32,
}

/// One meter found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyMeter {
    /// What it speaks.
    pub protocol: SurveyProtocol,
    /// Its address as the protocol writes it.
    pub address: String,
    /// At which settings, `2400-8E1`.
    pub line: String,
    /// From the end of a question to the first character of the answer, microseconds; the median
    /// of what was measured. `None`: heard, but never timed.
    pub turnaround_us: Option<u32>,
    /// Answers heard.
    pub answers: u32,
    /// Answers heard to one question alone that differ or ran into each other.
    pub doubled: u32,
}

/// What is wrong with a line, or that nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// Meters answer, and nothing is wrong.
    InOrder,
    /// Nobody said anything.
    Silent,
    /// Something answers, but never a whole frame.
    Garbled,
    /// The speed is right and the parity is not.
    WrongParity,
    /// Wires A and B are exchanged.
    PairSwapped,
    /// The adapter hears itself.
    Echo,
    /// The adapter hears itself, one character short.
    EchoShort,
    /// Two meters have one address.
    DuplicateAddress,
    /// Meters of two protocols on one pair.
    TwoProtocols,
    /// Somebody else asks questions on this line.
    ForeignMaster,
    /// The adapter hands bytes over late, in lumps.
    SlowAdapter,
    /// Speed and parity are set elsewhere: only one setting could be searched.
    LineFixed,
    /// This machine had too much to do to listen: what is listed as not searched may be silent or
    /// not.
    MachineBusy,
}

impl VerdictKind {
    /// Every kind, for tests and the manual.
    pub const ALL: [Self; 13] = [
        Self::InOrder,
        Self::Silent,
        Self::Garbled,
        Self::WrongParity,
        Self::PairSwapped,
        Self::Echo,
        Self::EchoShort,
        Self::DuplicateAddress,
        Self::TwoProtocols,
        Self::ForeignMaster,
        Self::SlowAdapter,
        Self::LineFixed,
        Self::MachineBusy,
    ];

    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InOrder => "in-order",
            Self::Silent => "silent",
            Self::Garbled => "garbled",
            Self::WrongParity => "wrong-parity",
            Self::PairSwapped => "pair-swapped",
            Self::Echo => "echo",
            Self::EchoShort => "echo-short",
            Self::DuplicateAddress => "duplicate-address",
            Self::TwoProtocols => "two-protocols",
            Self::ForeignMaster => "foreign-master",
            Self::SlowAdapter => "slow-adapter",
            Self::LineFixed => "line-fixed",
            Self::MachineBusy => "machine-busy",
        }
    }
}

/// A verdict with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What.
    pub kind: VerdictKind,
    /// How often it was seen, or how many there are.
    pub count: u32,
    /// A time that belongs to it, microseconds: measured latency, answering time.
    pub time_us: Option<u32>,
    /// Addresses, settings or protocols it is about; stable names.
    pub about: String,
    /// Bytes that show it, the first of them.
    pub bytes: Vec<u8>,
}

/// Why something was not searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// DL/T 645 meters that answer to their whole number only: 10^12 numbers cannot be asked.
    WholeNumberOnly,
    /// Nobody answered the wildcard; meters that know shortened addresses only were not searched.
    ShortAddresses,
    /// The most frames one search may take were sent; what is left has these low digits.
    Budget,
    /// Several answered at once, and this protocol has no way to ask for some of them.
    Together,
    /// The line keeps its settings: others were not tried.
    Settings,
    /// Meters were found and explained; later steps were not taken.
    FoundEnough,
    /// Somebody talks without a pause.
    Babble,
    /// Addresses no meter should have.
    UnusualAddress,
    /// This machine was late each time: nobody listened.
    MachineBusy,
}

impl Gap {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WholeNumberOnly => "whole-number-only",
            Self::ShortAddresses => "short-addresses",
            Self::Budget => "budget",
            Self::Together => "together",
            Self::Settings => "settings",
            Self::FoundEnough => "found-enough",
            Self::Babble => "babble",
            Self::UnusualAddress => "unusual-address",
            Self::MachineBusy => "machine-busy",
        }
    }
}

/// Something that was not searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSearched {
    /// Why.
    pub why: Gap,
    /// Which protocols, settings or digits; stable names.
    pub what: String,
}

/// How a survey ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurveyEnd {
    /// Everything planned was done.
    Whole,
    /// Meters were found and explained.
    Enough,
    /// The operator stopped it. It can be resumed.
    Stopped,
    /// The line broke. It can be resumed.
    Broken(Failure),
}

/// How a box of many users is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoxBasis {
    /// It says itself how many users it has.
    Counted,
    /// By the office's area list.
    Listed,
    /// A guess: numbers that follow one another.
    InARow,
}

impl BoxBasis {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Listed => "listed",
            Self::InARow => "in-a-row",
        }
    }
}

/// A box of many users among the meters found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyBox {
    /// How it is known.
    pub basis: BoxBasis,
    /// What its users speak.
    pub protocol: SurveyProtocol,
    /// At which settings; empty where none of them was found.
    pub line: String,
    /// Its name in the area list; empty where the list does not know it.
    pub name: String,
    /// Its users by their place.
    pub users: Vec<SurveyUser>,
}

/// One user of a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyUser {
    /// Its place in the box, from 1.
    pub user: u8,
    /// What the bus calls it.
    pub address: String,
    /// Three-phase, or measured through transformers; `None` where nobody says.
    pub wide: Option<bool>,
    /// Whether it answered.
    pub found: bool,
    /// Its place by the area list. Another than `user` means that list and box do not agree on who
    /// is who.
    pub listed: Option<u8>,
}

/// What a survey brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyView {
    /// Boxes of many users among the meters.
    pub boxes: Vec<SurveyBox>,
    /// The meters, by protocol, settings and address.
    pub meters: Vec<SurveyMeter>,
    /// What is wrong, gravest first; `InOrder` alone when nothing is.
    pub verdicts: Vec<Verdict>,
    /// What was not searched.
    pub not_searched: Vec<NotSearched>,
    /// How it ended.
    pub end: SurveyEnd,
    /// Frames sent, those of earlier parts of a resumed survey included.
    pub frames: u32,
    /// Line time, milliseconds, likewise.
    pub took_ms: u64,
    /// Settings searched, in order.
    pub searched: Vec<String>,
    /// Meters among those found that were swapped out and should not hang there; only known where
    /// somebody is logged in.
    pub swapped_back: Vec<Failure>,
}

/// A cell of a sheet: words and numbers are kept apart, so that a spreadsheet can add up.
#[derive(Debug, Clone, PartialEq)]
pub enum SheetCell {
    /// Text, also digits that are names.
    Text(String),
    /// A figure.
    Number(f64),
    /// Nothing.
    Empty,
}

/// One sheet of a spreadsheet, in a person's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Its name, 31 characters at most.
    pub name: String,
    /// The heads of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<SheetCell>>,
}

/// A spreadsheet to be written. Whoever asks for it has put it into words.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    /// File name without folder and ending.
    pub name: String,
    /// The sheets.
    pub sheets: Vec<Sheet>,
}

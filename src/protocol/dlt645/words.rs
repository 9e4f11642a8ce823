//! The words a meter says in bits: error words, status words, relay commands, line speeds.
//!
//! Every bit has a short stable English name, used in output, journals and tests; the words an
//! operator reads are in `text`. Sources: DL/T 645-2007 annex, 3JL firmware structures, the test
//! bench CLDC (`docs/protocols/dlt645.md`).

/// Which table an error word is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// One byte, DL/T 645-2007.
    Err2007,
    /// One byte, DL/T 645-1997.
    Err1997,
    /// Two bytes behind control code C3: the security error word.
    Serr,
    /// One byte behind control code C3, 80 to 84: a KO meter's own numbers.
    Ko,
    /// Two bytes behind control code DC: a relay command in its extended form (PA 98, P2 01).
    Relay,
}

/// Why a meter refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorWord {
    /// The bits; the two bytes of SERR with the low one in the low place.
    pub raw: u16,
    /// Which table applies.
    pub kind: ErrorKind,
}

/// The edition of the standard a frame follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// DL/T 645-1997: two-byte identifiers.
    V1997,
    /// DL/T 645-2007: four-byte identifiers.
    V2007,
}

impl Edition {
    /// The year as a number.
    pub fn year(self) -> u16 {
        match self {
            Self::V1997 => 1997,
            Self::V2007 => 2007,
        }
    }
}

const ERR_2007: [&str; 8] = [
    "other",
    "no-such-data",
    "not-authorised",
    "baud-not-changeable",
    "too-many-year-zones",
    "too-many-day-slots",
    "too-many-rates",
    "reserved",
];

const ERR_1997: [&str; 8] = [
    "illegal-data",
    "no-such-identifier",
    "wrong-password",
    "reserved",
    "too-many-year-zones",
    "too-many-day-slots",
    "too-many-rates",
    "reserved",
];

const SERR: [&str; 16] = [
    "other",
    "repeated-recharge",
    "esam-verification-failed",
    "identity-not-authenticated",
    "customer-number-mismatch",
    "purchase-count-wrong",
    "exceeds-hoard-limit",
    "address-wrong",
    "remote-operation-suspended",
    "close-restore-failed",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "vendor",
];

/// KO meters' codes from 80 on (dlt645.md 6.5), and the SERR bit that says the same.
const KO: [(&str, u16); 5] = [
    ("purchase-count-wrong", SERR_COUNT),
    ("customer-number-mismatch", SERR_CUSTOMER),
    ("exceeds-hoard-limit", SERR_HOARD),
    ("price-wrong", SERR_VENDOR),
    ("length-wrong", SERR_OTHER),
];
/// The first of them.
const KO_FIRST: u8 = 0x80;

/// Another reason (SERR bit 0).
const SERR_OTHER: u16 = 0x0001;
/// A maker's own reason (SERR bit 15).
const SERR_VENDOR: u16 = 0x8000;
/// Repeated recharge (SERR bit 1): the step was taken before.
pub const SERR_REPEATED: u16 = 0x0002;
/// Customer number mismatch (SERR bit 4).
pub const SERR_CUSTOMER: u16 = 0x0010;
/// Purchase count wrong (SERR bit 5).
pub const SERR_COUNT: u16 = 0x0020;
/// Would exceed the hoard limit (SERR bit 6).
pub const SERR_HOARD: u16 = 0x0040;

impl ErrorWord {
    /// Reads the data of a refusal. A security refusal (C3) of two bytes is a SERR, a relay refusal
    /// (DC) of two bytes has its own bits; everything of one byte is an ERR. `None` when there is
    /// no word.
    pub fn read(edition: Edition, function: u8, data: &[u8]) -> Option<Self> {
        match (edition, function, data) {
            (Edition::V2007, 0x03, [low, high, ..]) => {
                Some(Self { raw: u16::from_le_bytes([*low, *high]), kind: ErrorKind::Serr })
            }
            (Edition::V2007, 0x1C, [low, high, ..]) => {
                Some(Self { raw: u16::from_le_bytes([*low, *high]), kind: ErrorKind::Relay })
            }
            // Bit 7 of ERR is reserved: no meter by the book says 80 to 84.
            (Edition::V2007, 0x03, [byte]) if ko_row(*byte).is_some() => {
                Some(Self { raw: u16::from(*byte), kind: ErrorKind::Ko })
            }
            (Edition::V1997, _, [byte, ..]) => {
                Some(Self { raw: u16::from(*byte), kind: ErrorKind::Err1997 })
            }
            (Edition::V2007, _, [byte, ..]) => {
                Some(Self { raw: u16::from(*byte), kind: ErrorKind::Err2007 })
            }
            (_, _, []) => None,
        }
    }

    /// The word as a SERR: a KO code becomes the bit that says the same, everything else is passed
    /// on as it came.
    pub fn as_serr(self) -> u16 {
        match self.kind {
            ErrorKind::Ko => self.ko().map_or(self.raw, |(_, bit)| bit),
            _ => self.raw,
        }
    }

    fn ko(self) -> Option<(&'static str, u16)> {
        ko_row(u8::try_from(self.raw).ok()?)
    }

    /// The names of the bits set, lowest first; a KO code's only name.
    pub fn names(self) -> Vec<&'static str> {
        let table: &[&'static str] = match self.kind {
            ErrorKind::Ko => return self.ko().map(|(name, _)| name).into_iter().collect(),
            ErrorKind::Err2007 => &ERR_2007,
            ErrorKind::Err1997 => &ERR_1997,
            ErrorKind::Serr => &SERR,
            ErrorKind::Relay => &RELAY_REFUSED,
        };
        table
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.raw >> bit & 1 == 1)
            .map(|(_, n)| *n)
            .collect()
    }
}

fn ko_row(byte: u8) -> Option<(&'static str, u16)> {
    KO.get(usize::from(byte.checked_sub(KO_FIRST)?)).copied()
}

impl std::fmt::Display for ErrorWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.names();
        let names = if names.is_empty() { "no bit set".to_owned() } else { names.join(", ") };
        match self.kind {
            ErrorKind::Serr => write!(f, "SERR {:04X} ({names})", self.raw),
            ErrorKind::Ko => write!(f, "KO {:02X} ({names})", self.raw),
            ErrorKind::Relay => write!(f, "relay ERR {:04X} ({names})", self.raw),
            _ => write!(f, "ERR {:02X} ({names})", self.raw),
        }
    }
}

/// Bit names of one status word; an empty name is a reserved bit.
type BitNames = [&'static str; 16];

const STATUS_1: BitNames = [
    "external-switch-pulse",
    "demand-mode-interval",
    "clock-battery-low",
    "reading-battery-low",
    "active-reverse",
    "reactive-reverse",
    "output-bit-0",
    "output-bit-1",
    "control-loop-error",
    "esam-error",
    "",
    "",
    "program-error",
    "memory-error",
    "overdraft",
    "clock-error",
];

const STATUS_2: BitNames = [
    "active-reverse-a",
    "active-reverse-b",
    "active-reverse-c",
    "",
    "reactive-reverse-a",
    "reactive-reverse-b",
    "reactive-reverse-c",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
];

// Bits 1-2 (supply) and 8-9 (prepaid kind) are two-bit fields, named below.
const STATUS_3: BitNames = [
    "day-slot-set-2",
    "",
    "",
    "programming-enabled",
    "relay-open",
    "zone-set-2",
    "relay-command-open",
    "pre-trip-alarm",
    "",
    "",
    "rate-price-set-2",
    "step-set-2",
    "keep-power",
    "identity-authenticated",
    "local-account-not-opened",
    "remote-account-not-opened",
];

const STATUS_PHASE: BitNames = [
    "loss-of-voltage",
    "undervoltage",
    "overvoltage",
    "loss-of-current",
    "overcurrent",
    "overload",
    "reverse-power",
    "phase-loss",
    "current-cut",
    "",
    "",
    "",
    "",
    "",
    "ct-short",
    "ct-open",
];

const STATUS_7: BitNames = [
    "voltage-sequence-wrong",
    "current-sequence-wrong",
    "voltage-unbalance",
    "current-unbalance",
    "auxiliary-power-lost",
    "power-down",
    "demand-over-limit",
    "power-factor-low",
    "severe-current-unbalance",
    "cover-open",
    "terminal-cover-open",
    "",
    "",
    "",
    "",
    "",
];

/// Status word 3, bit 4: the relay is open.
pub const STATUS_3_RELAY_OPEN: u16 = 1 << 4;
/// Status word 3, bit 6: the relay is told to be open.
pub const STATUS_3_COMMAND_OPEN: u16 = 1 << 6;
/// Status word 3, bit 12: keep-power is on.
pub const STATUS_3_KEEP_POWER: u16 = 1 << 12;
/// Status word 3, bit 15: the remote account is not opened.
pub const STATUS_3_REMOTE_NOT_OPENED: u16 = 1 << 15;

/// Names of the bits set in status word `number` (1 to 7), lowest first; unnamed bits that are set
/// appear as `bit-N`. Empty for other numbers.
pub fn status_names(number: u8, word: u16) -> Vec<String> {
    let table = match number {
        1 => &STATUS_1,
        2 => &STATUS_2,
        3 => &STATUS_3,
        4..=6 => &STATUS_PHASE,
        7 => &STATUS_7,
        _ => return Vec::new(),
    };
    let mut names = Vec::new();
    for (bit, name) in table.iter().enumerate() {
        let field = number == 3 && matches!(bit, 1 | 2 | 8 | 9);
        if word >> bit & 1 == 1 && !field {
            names.push(if name.is_empty() { format!("bit-{bit}") } else { (*name).to_owned() });
        }
        if number == 3 && bit == 2 {
            names.extend(supply_name(word >> 1 & 3).map(str::to_owned));
        }
        if number == 3 && bit == 9 {
            names.extend(prepaid_name(word >> 8 & 3).map(str::to_owned));
        }
    }
    names
}

fn supply_name(field: u16) -> Option<&'static str> {
    match field {
        0 => None,
        1 => Some("supply-auxiliary"),
        2 => Some("supply-battery"),
        _ => Some("supply-reserved"),
    }
}

fn prepaid_name(field: u16) -> Option<&'static str> {
    match field {
        0 => None,
        1 => Some("prepaid-energy"),
        2 => Some("prepaid-money"),
        _ => Some("prepaid-reserved"),
    }
}

/// What a relay command (control code 1C) asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelayCommand {
    /// 1A: open the relay.
    Trip,
    /// 1B: the customer may close it with the button.
    CloseAllowed,
    /// 1C: close it.
    Close,
    /// 1D or 1E: open it, and close again after so many times five minutes.
    TripFor(u8),
    /// 2A.
    AlarmOn,
    /// 2B.
    AlarmOff,
    /// 3A: supply stays on whatever happens.
    KeepPower,
    /// 3B.
    ReleaseKeepPower,
}

impl RelayCommand {
    /// The bytes N1 and N2 where N2 says which relay, as it does with some makers
    /// (`reference/dlt645.md` 6.5); a command that needs N2 itself keeps it.
    pub fn wire_on(self, channel: u8) -> [u8; 2] {
        match self.wire() {
            [n1, 0] => [n1, channel],
            own => own,
        }
    }

    /// The bytes N1 and N2.
    pub fn wire(self) -> [u8; 2] {
        match self {
            Self::Trip => [0x1A, 0],
            Self::CloseAllowed => [0x1B, 0],
            Self::Close => [0x1C, 0],
            Self::TripFor(fives) => [0x1D, fives],
            Self::AlarmOn => [0x2A, 0],
            Self::AlarmOff => [0x2B, 0],
            Self::KeepPower => [0x3A, 0],
            Self::ReleaseKeepPower => [0x3B, 0],
        }
    }
}

const RELAY_REFUSED: [&str; 6] = [
    "remote-operation-suspended",
    "mac-wrong",
    "wrong-password",
    "authentication-expired",
    "deadline-passed",
    "keep-power",
];

const RELAY_RESULT: [&str; 12] = [
    "closed",
    "close-allowed",
    "open",
    "delayed",
    "auto-restore",
    "delayed-by-current",
    "reserved",
    "reserved",
    "keep-power-on",
    "keep-power-off",
    "alarm-on",
    "alarm-off",
];

/// Names of the bits a relay command's extended answer (9C with two bytes) sets.
pub fn relay_result_names(word: u16) -> Vec<&'static str> {
    let set = RELAY_RESULT.iter().enumerate().filter(|(bit, _)| word >> bit & 1 == 1);
    set.map(|(_, name)| *name).collect()
}

/// The stable name of a relay command byte N1.
pub fn relay_name(n1: u8) -> Option<&'static str> {
    Some(match n1 {
        0x1A => "trip",
        0x1B => "close-allowed",
        0x1C => "close",
        0x1D | 0x1E => "trip-with-restore",
        0x2A => "alarm-on",
        0x2B => "alarm-off",
        0x3A => "keep-power",
        0x3B => "release-keep-power",
        0x4A | 0x4C => "vendor",
        _ => return None,
    })
}

/// The line speed a feature byte names; exactly one bit may be set.
pub fn baud_of_feature(edition: Edition, feature: u8) -> Option<u32> {
    baud_table(edition).iter().find(|(bit, _)| 1 << bit == feature).map(|(_, baud)| *baud)
}

/// The feature byte for a line speed, if the edition has one.
pub fn feature_of_baud(edition: Edition, baud: u32) -> Option<u8> {
    baud_table(edition).iter().find(|(_, b)| *b == baud).map(|(bit, _)| 1 << bit)
}

fn baud_table(edition: Edition) -> &'static [(u8, u32)] {
    match edition {
        Edition::V2007 => &[(1, 600), (2, 1200), (3, 2400), (4, 4800), (5, 9600), (6, 19200)],
        // From one firmware (HH); bit 3 by elimination.
        Edition::V1997 => &[(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 4800), (6, 9600)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_three_names_fields_and_bits() {
        assert_eq!(status_names(3, 0x0210), ["relay-open", "prepaid-money"]);
        assert_eq!(status_names(3, 0x1004), ["supply-battery", "keep-power"]);
        assert_eq!(status_names(1, 0xC400), ["bit-10", "overdraft", "clock-error"]);
        assert!(status_names(9, 0xFFFF).is_empty());
    }

    #[test]
    fn refusals_are_read_by_length() {
        let serr = ErrorWord::read(Edition::V2007, 0x03, &[0x02, 0x00]).unwrap();
        assert_eq!((serr.raw, serr.kind), (2, ErrorKind::Serr));
        assert_eq!(serr.names(), ["repeated-recharge"]);
        let vendor = ErrorWord::read(Edition::V2007, 0x03, &[0x02]).unwrap();
        assert_eq!(vendor.names(), ["no-such-data"]);
        assert_eq!(ErrorWord::read(Edition::V1997, 1, &[4]).unwrap().names(), ["wrong-password"]);
        assert_eq!(ErrorWord::read(Edition::V2007, 1, &[]), None);
    }

    #[test]
    fn a_feature_byte_has_one_bit() {
        assert_eq!(baud_of_feature(Edition::V2007, 0x08), Some(2400));
        assert_eq!(baud_of_feature(Edition::V2007, 0x18), None);
        assert_eq!(baud_of_feature(Edition::V2007, 0x01), None);
        assert_eq!(feature_of_baud(Edition::V2007, 9600), Some(0x20));
    }
}

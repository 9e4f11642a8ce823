//! Load records (`06......`) and freezes (`05......`): how they are asked for, and their bytes.
//!
//! A load record is not laid out like other items: `A0 A0`, length, time, six blocks that may be
//! empty, each closed by `AA`, a sum and `E5` (DL/T 645-2007, appendix B; three public masters
//! agree). `E0 E0` in front says that the meter itself holds the record for bad. What the length
//! counts differs between meters; the blocks, the sum and the end say where a record ends.

use crate::protocol::value::{CivilTime, read_bcd, to_bcd};

/// The records at and after a given time, all classes at once.
pub const DI_SINCE: u32 = 0x0600_0001;
/// Classes of records: each is one of the six blocks, for meters that give them one by one only.
pub const CLASSES: u8 = 6;
/// Records asked for at once: 8 of 103 bytes are five frames of 200.
pub const RECORDS_MAX: u8 = 8;
/// Daily freezes a meter keeps at most (`050600nn`, nn up to 3EH).
pub const DAYS_MAX: u8 = 62;

/// Wire bytes in front of the blocks: start twice, length, time.
const HEAD: usize = 8;
const GOOD: u8 = 0xA0;
const BAD: u8 = 0xE0;
const MARK: u8 = 0xAA;
const END: u8 = 0xE5;

/// Figures of one record in the order of the record: stable name, bytes, signed, decimals, unit.
pub const FIGURES: &[(&str, usize, bool, u8, &str)] = &[
    ("voltage-a", 2, false, 1, "V"),
    ("voltage-b", 2, false, 1, "V"),
    ("voltage-c", 2, false, 1, "V"),
    ("current-a", 3, true, 3, "A"),
    ("current-b", 3, true, 3, "A"),
    ("current-c", 3, true, 3, "A"),
    ("frequency", 2, false, 2, "Hz"),
    ("power", 3, true, 4, "kW"),
    ("power-a", 3, true, 4, "kW"),
    ("power-b", 3, true, 4, "kW"),
    ("power-c", 3, true, 4, "kW"),
    ("reactive-power", 3, true, 4, "kvar"),
    ("reactive-power-a", 3, true, 4, "kvar"),
    ("reactive-power-b", 3, true, 4, "kvar"),
    ("reactive-power-c", 3, true, 4, "kvar"),
    ("power-factor", 2, true, 3, ""),
    ("power-factor-a", 2, true, 3, ""),
    ("power-factor-b", 2, true, 3, ""),
    ("power-factor-c", 2, true, 3, ""),
    ("energy", 4, false, 2, "kWh"),
    ("energy-reverse", 4, false, 2, "kWh"),
    ("reactive-energy-1", 4, true, 2, "kvarh"),
    ("reactive-energy-2", 4, true, 2, "kvarh"),
    ("reactive-q1", 4, false, 2, "kvarh"),
    ("reactive-q2", 4, false, 2, "kvarh"),
    ("reactive-q3", 4, false, 2, "kvarh"),
    ("reactive-q4", 4, false, 2, "kvarh"),
    ("demand", 3, true, 4, "kW"),
    ("reactive-demand", 3, true, 4, "kvar"),
];
/// How many of the figures each block has.
const BLOCKS: [usize; 6] = [7, 8, 4, 4, 4, 2];

impl Record {
    /// Adds what another record of the same moment has and this one lacks: one of another class.
    pub fn fill(&mut self, other: &Self) {
        for (own, more) in self.figures.iter_mut().zip(&other.figures) {
            *own = own.or(*more);
        }
    }
}

/// One record of a load curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the meter stored it, by its own clock.
    pub at: CivilTime,
    /// One for each of [`FIGURES`], in its last decimal; none where the meter does not record it.
    pub figures: Vec<Option<i64>>,
}

/// What is wrong with the bytes of load records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// No record begins where one should.
    #[error("no record at byte {0}")]
    Start(usize),
    /// The record that begins there ends too early, or its blocks have lengths they cannot have.
    #[error("the record at byte {0} is broken")]
    Blocks(usize),
    /// The sum does not match.
    #[error("the record at byte {0} has a wrong sum")]
    Sum(usize),
    /// The time is none.
    #[error("the record at byte {0} has no valid time")]
    Time(usize),
}

/// What follows the identifier in a question for `count` records at and after a time: the number,
/// then mm hh DD MM YY.
pub fn since(count: u8, from: CivilTime) -> Vec<u8> {
    let time = [from.minute, from.hour, from.day, from.month, from.year].map(to_bcd);
    [&[count.clamp(1, RECORDS_MAX)][..], &time].concat()
}

/// The identifier of one class from a time on (`06cc0001`); class 0 is all of them.
pub fn of_class(class: u8) -> u32 {
    DI_SINCE | u32::from(class.min(CLASSES)) << 16
}

/// Whether an identifier asks for records from a time on, of whatever class.
pub fn is_since(di: u32) -> bool {
    (0..=CLASSES).any(|class| of_class(class) == di)
}

/// The records in an answer, and how many the meter marked as bad (they are left out).
///
/// # Errors
/// [`CurveError`] at the first byte that does not fit; nothing behind it can be trusted.
pub fn records(data: &[u8]) -> Result<(Vec<Record>, usize), CurveError> {
    let (mut found, mut bad, mut at) = (Vec::new(), 0, 0);
    while at < data.len() {
        let rest = data.get(at..).unwrap_or_default();
        let (record, length) = one(rest, at)?;
        match record {
            Some(record) => found.push(record),
            None => bad += 1,
        }
        at += length;
    }
    Ok((found, bad))
}

/// One record (none if marked as bad) and its length.
fn one(data: &[u8], place: usize) -> Result<(Option<Record>, usize), CurveError> {
    let good = match data.first_chunk::<2>() {
        Some([GOOD, GOOD]) => true,
        Some([BAD, BAD]) => false,
        _ => return Err(CurveError::Start(place)),
    };
    let broken = || CurveError::Blocks(place);
    let time = data.get(3..HEAD).ok_or_else(broken)?;
    let (mut at, mut figures) = (HEAD, Vec::with_capacity(FIGURES.len()));
    let mut table = FIGURES.iter();
    for count in BLOCKS {
        let block: Vec<_> = table.by_ref().take(count).collect();
        // A byte of a figure is BCD or FF, never the mark.
        if data.get(at) == Some(&MARK) {
            figures.extend(block.iter().map(|_| None));
        } else {
            for (_, length, signed, ..) in block {
                let bytes = data.get(at..at + length).ok_or_else(broken)?;
                figures.push(figure(bytes, *signed));
                at += length;
            }
        }
        if data.get(at) != Some(&MARK) {
            return Err(broken());
        }
        at += 1;
    }
    let (sum, end) = (data.get(at), data.get(at + 1));
    if end != Some(&END) {
        return Err(broken());
    }
    let counted = data.iter().take(at).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if sum != Some(&counted) {
        return Err(CurveError::Sum(place));
    }
    if !good {
        return Ok((None, at + 2));
    }
    let at_time = stamp(time).ok_or(CurveError::Time(place))?;
    Ok((Some(Record { at: at_time, figures }), at + 2))
}

/// A figure; none where every byte is FF.
fn figure(bytes: &[u8], signed: bool) -> Option<i64> {
    if bytes.iter().all(|byte| *byte == 0xFF) { None } else { read_bcd(bytes, signed) }
}

/// mm hh DD MM YY as a time; none for zeros, FF and anything that is no time.
pub fn stamp(bytes: &[u8]) -> Option<CivilTime> {
    let [minute, hour, day, month, year] = *bytes.first_chunk::<5>()?;
    CivilTime::from_wire([0, minute, hour, day, month, year])
}

/// Identifiers of one daily freeze, `nth` from 1 (the newest): time, forward energies, credit left.
pub fn day(nth: u8) -> [u32; 3] {
    [0x0506_0000, 0x0506_0100, 0x0508_0200].map(|base| base | u32::from(nth))
}

/// The energies of a daily freeze, 0.01 kWh: the total first, then the rates; none that is missing.
pub fn energies(data: &[u8]) -> Vec<Option<i64>> {
    data.chunks_exact(4).map(|bytes| figure(bytes, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as a meter stores it, with the blocks given.
    fn record(start: u8, blocks: [&[u8]; 6]) -> Vec<u8> {
        let body: Vec<u8> = blocks.iter().flat_map(|b| [b, &[MARK][..]].concat()).collect();
        let time = [0x30, 0x08, 0x21, 0x11, 0x26];
        let length = u8::try_from(time.len() + body.len()).unwrap();
        let mut bytes = [&[start, start, length][..], &time, &body].concat();
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.extend([sum, END]);
        bytes
    }

    const ENERGY: &[u8] = &[0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 1, 0, 0, 0x80, 2, 0, 0, 0];

    fn value(record: &Record, name: &str) -> Option<i64> {
        let at = FIGURES.iter().position(|(own, ..)| *own == name).unwrap();
        record.figures[at]
    }

    #[test]
    fn blocks_account_for_every_figure() {
        assert_eq!(BLOCKS.iter().sum::<usize>(), FIGURES.len());
        let mut at = 0;
        let bytes = BLOCKS.map(|count| {
            at += count;
            FIGURES[at - count..at].iter().map(|figure| figure.1).sum::<usize>()
        });
        assert_eq!(bytes, [17, 24, 8, 16, 16, 6], "the lengths of the standard");
    }

    #[test]
    fn a_record_with_only_energies() {
        let bytes = record(GOOD, [&[], &[], &[], ENERGY, &[], &[]]);
        let (found, bad) = records(&bytes).unwrap();
        assert_eq!((found.len(), bad), (1, 0));
        assert_eq!(found[0].at.to_string(), "2026-11-21 08:30:00");
        assert_eq!(value(&found[0], "energy"), Some(12_345_678));
        assert_eq!(value(&found[0], "reactive-energy-1"), Some(-1));
        assert_eq!(value(&found[0], "reactive-energy-2"), Some(2));
        assert_eq!(value(&found[0], "voltage-a"), None);
    }

    #[test]
    fn a_whole_record_and_a_missing_phase() {
        let mut first = vec![0x05, 0x22, 0xFF, 0xFF, 0x00, 0x00];
        first.extend([0x34, 0x12, 0x80, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0x99, 0x49]);
        let bytes = record(GOOD, [&first, &[0; 24], &[0; 8], ENERGY, &[0; 16], &[0; 6]]);
        assert_eq!(bytes.len(), 103);
        let (found, _) = records(&[bytes.clone(), bytes].concat()).unwrap();
        assert_eq!(found.len(), 2);
        let one = &found[1];
        assert_eq!(value(one, "voltage-a"), Some(2205));
        assert_eq!(value(one, "voltage-b"), None);
        assert_eq!(value(one, "current-a"), Some(-1234));
        assert_eq!(value(one, "frequency"), Some(4999));
        assert_eq!(value(one, "demand"), Some(0));
    }

    #[test]
    fn a_record_the_meter_holds_for_bad_is_counted_and_left_out() {
        let good = record(GOOD, [&[], &[], &[], ENERGY, &[], &[]]);
        let bad = record(BAD, [&[], &[], &[], &[], &[], &[]]);
        let (found, bad) = records(&[bad, good].concat()).unwrap();
        assert_eq!((found.len(), bad), (1, 1));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let good = record(GOOD, [&[], &[], &[], ENERGY, &[], &[]]);
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x01;
            assert!(records(&bytes).is_err(), "byte {at}");
        }
        for length in 1..good.len() {
            assert!(records(&good[..length]).is_err(), "{length} bytes");
        }
        assert_eq!(records(&[]), Ok((Vec::new(), 0)));
    }

    #[test]
    fn questions_name_number_and_time() {
        let from = stamp(&[0x30, 0x08, 0x21, 0x11, 0x26]).unwrap();
        assert_eq!(since(3, from), [3, 0x30, 0x08, 0x21, 0x11, 0x26]);
        assert_eq!(since(0, from)[0], 1);
        assert_eq!(since(200, from)[0], RECORDS_MAX);
        assert_eq!((of_class(0), of_class(4)), (DI_SINCE, 0x0604_0001));
        assert!(is_since(0x0606_0001) && !is_since(0x0607_0001) && !is_since(0x0604_0002));
        assert_eq!(day(62), [0x0506_003E, 0x0506_013E, 0x0508_023E]);
        assert_eq!(stamp(&[0; 5]), None, "an empty place is no time");
        assert_eq!(stamp(&[0xFF; 5]), None);
        assert_eq!(energies(&[1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 9]), [Some(1), None]);
    }
}

//! The six bad lines of `reference/other-meters.md` 2.2: what a readout makes of each, and a
//! session.
//!
//! As in that table the meter's value grows with each answer, so that an answer to an earlier
//! question is seen at once; and one thing asked for does not exist.

use std::time::Duration;

use meterkit::protocol::exchange::{Refusal, Reply, Trouble};
use meterkit::protocol::iec62056::data::DataSet;
use meterkit::sim::bus::Bus;
use meterkit::sim::iec::{IecBus, IecFault};

use super::peer::{Bad, bus, ms, readout, reads, talk};

/// A line that counts: the value at 1.8.0 is the number of messages heard before, and what was
/// heard is written down.
struct Counting {
    bus: IecBus,
    message: Vec<u8>,
    told: Vec<Vec<u8>>,
}

impl Counting {
    /// With a fault in the answer of this number, from 0, or in that and many later ones.
    fn new(ident: &str, nameless: bool, fault: Option<(usize, IecFault, usize)>) -> Self {
        let mut bus = bus(ident);
        let meter = &mut bus.meters_mut()[0];
        meter.setup_mut().nameless = nameless;
        if let Some((place, fault, times)) = fault {
            (0..place).for_each(|_| meter.arm(IecFault::Late(ms(0))));
            (0..times).for_each(|_| meter.arm(fault));
        }
        Self { bus, message: Vec::new(), told: Vec::new() }
    }

    /// Whether a value was given to the last message that asked so, before the value `next` was
    /// given.
    fn own(&self, value: &str, asked: &[u8], next: Option<&str>) -> bool {
        let number: usize = value.parse().unwrap();
        let next = next.map_or(self.told.len(), |next| next.parse().unwrap());
        let asks = |message: &Vec<u8>| message.windows(asked.len()).any(|part| part == asked);
        let later = self.told.get(number + 1..next).unwrap_or_default().iter().any(asks);
        self.told.get(number).is_some_and(asks) && !later
    }
}

impl Bus for Counting {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        for byte in bytes {
            // A message ends with LF, with the check character behind ETX, or is one character.
            let checked = self.message.last() == Some(&3);
            self.message.push(*byte);
            if checked || *byte == b'\n' || *byte == 0x15 {
                let number = self.told.len();
                self.told.push(std::mem::take(&mut self.message));
                let meter = &mut self.bus.meters_mut()[0];
                meter.put("1.8.0", &format!("{number}*kWh"));
                meter.put("2.8.0", &format!("{number}*kWh"));
            }
            self.bus.hear(&[*byte], at);
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.bus.next()
    }

    fn speed(&self) -> Option<u32> {
        self.bus.speed()
    }
}

/// The six lines: how bad they are, and the fault of one answer.
fn cases() -> Vec<(&'static str, Bad, Option<IecFault>)> {
    let slow = Bad { pause: ms(20), ..Bad::default() };
    let echo = Bad { echo: true, ..Bad::default() };
    vec![
        ("clean", Bad::default(), None),
        ("echo", echo, None),
        ("stray", Bad::default(), Some(IecFault::Stray(0))),
        ("late", Bad::default(), Some(IecFault::Late(ms(2000)))),
        ("20 ms between bytes", slow, None),
        ("bad check character", Bad::default(), Some(IecFault::Garbled)),
    ]
}

#[test]
fn a_readout_gives_the_right_table_on_all_six() {
    for (ident, choice) in [("MTK5x", true), ("MTK x", false), ("MTKEx", false), ("mtk3x", true)] {
        for (case, bad, fault) in cases() {
            for place in 0..2 {
                let mut far = Counting::new(ident, false, fault.map(|fault| (place, fault, 1)));
                let talk = talk(&mut readout(), &mut far, &bad);
                let at = format!("{ident} {case} {place}");
                let table = talk.output.unwrap_or_else(|e| panic!("{at}: {e}"));
                assert_eq!(table.sets.len(), 16, "{at}");
                let value = &table.find("1.8.0").unwrap().value;
                let asked: &[u8] = if choice { b"\x060" } else { b"/?!" };
                assert!(far.own(value, asked, None), "{at}: {value}");
                let clean = fault.is_none() || case == "stray";
                assert_eq!(clean, talk.sent.len() == 2, "{at}: no needless question");
            }
        }
    }
}

fn value(reply: &Reply<Vec<DataSet>>) -> &str {
    let Reply::Data(sets) = reply else { panic!("{reply:?}") };
    assert_eq!(sets.len(), 1);
    &sets[0].value
}

const MISSING: Refusal = Refusal { code: 2, name: "error-answer" };

/// Four reads over a line, every answer held against the question it was given to.
fn four_reads(mut far: Counting, bad: &Bad, at: &str) {
    let mut read = reads(&["1.8.0", "2.8.0", "1.8.0", "9.9.9"]);
    let output = talk(&mut read, &mut far, bad).output;
    let Ok(Reply::Data(session)) = output else { panic!("{at}: {output:?}") };
    let [one, two, three, none] = session.answers.as_slice() else { panic!("{session:?}") };
    let [one, two, three] = [one, two, three].map(value);
    assert!(far.own(one, b"R1\x021.8.0()", Some(two)), "{at}: {session:?}");
    assert!(far.own(two, b"R1\x022.8.0()", Some(three)), "{at}: {session:?}");
    assert!(far.own(three, b"R1\x021.8.0()", None), "{at}: {session:?}");
    assert_eq!(*none, Reply::Refused(MISSING), "{at}");
    assert!(!far.bus.meters()[0].in_session(), "{at}");
}

#[test]
fn a_session_gives_right_answers_on_all_six() {
    for nameless in [false, true] {
        for (case, bad, fault) in cases() {
            // Identification, P0, the password's ACK, three reads, the read of nothing.
            for place in 0..7 {
                let fault = fault.map(|fault| (place, fault, 1));
                let far = Counting::new("MTK5x", nameless, fault);
                four_reads(far, &bad, &format!("{case} {place} nameless {nameless}"));
            }
        }
    }
}

#[test]
fn a_late_answer_is_never_taken_for_a_later_question() {
    // Every lateness up to the longest allowed for, at every place; also of meters that do not say
    // whose value it is.
    for late in (0..2800).step_by(100) {
        for place in 0..7 {
            let fault = Some((place, IecFault::Late(ms(late)), 1));
            let far = Counting::new("MTK5x", true, fault);
            four_reads(far, &Bad::default(), &format!("{late} ms {place}"));
        }
    }
}

#[test]
fn a_line_bad_for_good_gives_an_error_and_no_value() {
    for (fault, wanted) in [
        (IecFault::Garbled, Trouble::Garbled),
        (IecFault::Lost, Trouble::Silent),
        (IecFault::Late(ms(2500)), Trouble::Silent),
    ] {
        for place in 0..4 {
            let mut far = Counting::new("MTK5x", false, Some((place, fault, 99)));
            let talk = talk(&mut reads(&["1.8.0"]), &mut far, &Bad::default());
            assert_eq!(talk.output, Err(wanted.clone()), "{fault:?} {place}");
        }
        for place in 0..2 {
            let mut far = Counting::new("MTK5x", false, Some((place, fault, 99)));
            let output = talk(&mut readout(), &mut far, &Bad::default()).output;
            assert_eq!(output.map(|table| table.sets), Err(wanted.clone()), "{fault:?} {place}");
        }
    }
}

#[test]
fn a_nameless_answer_after_a_repetition_is_not_believed() {
    // Noise that looks like a spoilt answer, while the meter has heard nothing: it would repeat
    // the answer before.
    let mut far = Deaf { far: Counting::new("MTK5x", true, None), asked: 0, noise: None };
    let talk = talk(&mut reads(&["1.8.0", "2.8.0"]), &mut far, &Bad::default());
    let Ok(Reply::Data(session)) = talk.output else { panic!("{:?}", talk.output) };
    let [one, two] = session.answers.as_slice() else { panic!("{session:?}") };
    assert_ne!(value(one), value(two), "an older answer was taken");
    assert!(talk.sent.iter().any(|(_, bytes)| *bytes == [0x15]), "it was asked to repeat");
}

/// A line on which the second read never reaches the meter, and noise comes instead.
struct Deaf {
    far: Counting,
    asked: u32,
    noise: Option<Duration>,
}

impl Bus for Deaf {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.asked += u32::from(bytes == b"R");
        // From the second read's letter to its end; the SOH alone means nothing to a meter.
        if self.asked == 2 {
            if bytes == b"\x03" {
                self.asked += 1;
                self.noise = Some(at + ms(250));
            }
            return;
        }
        if self.asked == 3 {
            // Its check character.
            self.asked += 1;
            return;
        }
        self.far.hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        match self.noise.take() {
            Some(at) => Some((at, b"\x022.8.0(1\x03\x7F".to_vec())),
            None => self.far.next(),
        }
    }

    fn speed(&self) -> Option<u32> {
        self.far.speed()
    }
}

#[test]
fn one_stray_character_of_any_kind_does_no_harm_to_a_table() {
    for byte in 0..=127u8 {
        for place in 0..2 {
            let fault = Some((place, IecFault::Stray(byte), 1));
            let mut far = Counting::new("MTK5x", false, fault);
            let talk = talk(&mut readout(), &mut far, &Bad::default());
            let table = talk.output.unwrap_or_else(|e| panic!("{byte:02X} {place}: {e}"));
            assert_eq!(table.ident.maker, "MTK", "{byte:02X} {place}");
            assert_eq!(table.sets.len(), 16, "{byte:02X} {place}");
        }
    }
}

/// A line that says the last value once more in front of every new one.
struct Doubled {
    far: Counting,
    last: Vec<u8>,
}

impl Bus for Doubled {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.far.hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        let (start, bytes) = self.far.next()?;
        if bytes.first() != Some(&2) {
            return Some((start, bytes));
        }
        let before = std::mem::replace(&mut self.last, bytes.clone());
        Some((start, [before, bytes].concat()))
    }

    fn speed(&self) -> Option<u32> {
        self.far.speed()
    }
}

#[test]
fn an_answer_that_names_another_address_is_passed_over() {
    let mut far = Doubled { far: Counting::new("MTK5x", false, None), last: Vec::new() };
    let talk = talk(&mut reads(&["1.8.0", "2.8.0", "0.0.0"]), &mut far, &Bad::default());
    let Ok(Reply::Data(session)) = talk.output else { panic!("{:?}", talk.output) };
    let [one, two, three] = session.answers.as_slice() else { panic!("{session:?}") };
    assert_eq!((value(one), value(two), value(three)), ("3", "4", "000000000047"));
    assert_eq!(talk.sent.len(), 7, "no needless question");
}

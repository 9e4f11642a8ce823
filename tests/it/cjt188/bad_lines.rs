//! The six cases of `reference/other-meters.md` 2.2 and hostile meters. Always a right answer or a
//! right error, never the answer to an earlier question.

use std::cell::RefCell;
use std::time::Duration;

use meterkit::protocol::cjt188::ask::{Habits, Item, Read, Serials};
use meterkit::protocol::cjt188::data::UnitOrder;
use meterkit::protocol::cjt188::frame::{Address, Frame, find};
use meterkit::protocol::cjt188::names::DiOrder;
use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use meterkit::protocol::value::Value;

use super::line::{Burst, Line, TURNAROUND, burst, echo, hostile, ms, timing};

fn meter() -> Address {
    Address::parse("10:00000051327643").unwrap()
}

const KNOWN: Habits =
    Habits { di: Some(DiOrder::HighFirst), units: Some(UnitOrder::After), no_serial: false };

/// A meter whose volume grows by 0.01 with every answer, and that has no settled months.
#[derive(Default)]
struct Slave {
    count: u8,
    /// It answers under serial number 00 whatever it was asked under.
    own_serial: bool,
}

impl Slave {
    fn say(&mut self, question: &[u8]) -> Frame {
        let asked = find(question).remove(0).what.unwrap();
        let [a, b, serial, ..] = asked.data[..] else { panic!("{asked:?}") };
        let serial = if self.own_serial { 0 } else { serial };
        if asked.control == 0x03 {
            return Frame { address: meter(), control: 0x83, data: vec![a, b, serial] };
        }
        if [a, b] != [0x90, 0x1F] {
            let data = vec![serial, 0, 0];
            return Frame { address: meter(), control: 0xC1, data };
        }
        self.count += 1;
        let mut data = vec![a, b, serial, self.count, 0, 0, 0, 0x2C, 0, 0, 0, 0, 0x2C];
        data.extend([0, 0x30, 0x08, 0x14, 0x05, 0x26, 0x20, 0, 0]);
        Frame { address: meter(), control: 0x81, data }
    }
}

fn read(item: Item, serials: &Serials) -> Read {
    Read::new(meter(), item, KNOWN, timing(), Retry::default(), serials)
}

type Row = Result<(Vec<String>, usize), Trouble>;

/// Reads the volume twice and then what the meter does not have; the first answer is number 0.
/// Every reading must be the newest the meter gave.
fn row(line_says: impl FnMut(usize, &[u8], Vec<u8>) -> Vec<Burst>) -> Row {
    row_of(false, line_says)
}

fn row_of(own_serial: bool, mut line_says: impl FnMut(usize, &[u8], Vec<u8>) -> Vec<Burst>) -> Row {
    let mut line = Line::default();
    let slave = RefCell::new(Slave { own_serial, ..Slave::default() });
    let read = |item: Item, serials: &Serials| {
        let habits = Habits { no_serial: own_serial, ..KNOWN };
        Read::new(meter(), item, habits, timing(), Retry::default(), serials)
    };
    let serials = Serials::from(0);
    let mut seen = Vec::new();
    let mut script = |nth: usize, question: &[u8]| {
        let said = slave.borrow_mut().say(question).encode(2);
        line_says(nth, question, said)
    };
    for _ in 0..2 {
        match line.hold(read(Item::Current, &serials), &mut script)? {
            Reply::Data(told) => match told.reading.value("volume") {
                Some((Value::Number(number), "m3")) => seen.push(number.to_string()),
                other => panic!("{other:?}"),
            },
            Reply::Refused(refusal) => panic!("{refusal}"),
        }
        let newest = format!("0.{:02}", slave.borrow().count);
        assert_eq!(seen.last(), Some(&newest), "an old reading");
    }
    let last = line.hold(read(Item::Month(1), &serials), &mut script)?;
    assert!(matches!(last, Reply::Refused(_)), "{last:?}");
    Ok((seen, line.sent.len()))
}

fn seen(values: [&str; 2], asked: usize) -> Row {
    Ok((values.map(str::to_owned).to_vec(), asked))
}

#[test]
fn the_six_cases() {
    let clean = row(|_, _, said| vec![burst(TURNAROUND, said)]);
    assert_eq!(clean, seen(["0.01", "0.02"], 3), "clean");

    let echoed = row(|_, question, said| vec![echo(question), burst(ms(50), said)]);
    assert_eq!(echoed, seen(["0.01", "0.02"], 3), "echo");

    for byte in [0x00, 0x68, 0xFE, 0x16] {
        let stray = row(|_, _, said| vec![burst(TURNAROUND, [vec![byte], said].concat())]);
        assert_eq!(stray, seen(["0.01", "0.02"], 3), "stray byte {byte:02X}");
    }

    let dribble = row(|_, _, bytes| vec![Burst { after: Some(TURNAROUND), bytes, pause: ms(20) }]);
    assert_eq!(dribble, seen(["0.01", "0.02"], 3), "20 ms between bytes");

    let bad_sum = row(|nth, _, mut said| {
        if nth == 0 {
            let at = said.len() - 2;
            said[at] ^= 0x55;
        }
        vec![burst(TURNAROUND, said)]
    });
    assert_eq!(bad_sum, seen(["0.02", "0.03"], 4), "asked again");
}

#[test]
fn an_answer_that_is_late_by_anything_never_answers_the_next_question() {
    for late in (400..6000).step_by(50) {
        let (values, asked) =
            row(|nth, _, said| vec![burst(if nth == 0 { ms(late) } else { TURNAROUND }, said)])
                .unwrap();
        // In time it is the first reading, and nothing is asked again.
        assert_eq!(asked == 3, values == ["0.01", "0.02"], "{late} ms late, {asked} asked");
        assert!(asked <= 5, "{late} ms late, {asked} asked");
    }
}

/// Without a serial number the quiet and the question of another shape keep a late answer out.
#[test]
fn nor_does_it_where_the_meter_returns_no_serial_number() {
    let clean = row_of(true, |_, _, said| vec![burst(TURNAROUND, said)]);
    assert_eq!(clean, seen(["0.01", "0.02"], 3), "clean");
    for late in (400..6000).step_by(50) {
        let says =
            |nth, _: &[u8], said| vec![burst(if nth == 0 { ms(late) } else { TURNAROUND }, said)];
        let (values, asked) = row_of(true, says).unwrap();
        assert_eq!(asked == 3, values == ["0.01", "0.02"], "{late} ms late, {asked} asked");
    }
}

#[test]
fn another_meters_answer_is_named_and_not_used() {
    let other = Address::parse("10:00000051327644").unwrap();
    let ask = |address: Address| {
        let read =
            Read::new(meter(), Item::Current, KNOWN, timing(), Retry::NONE, &Serials::from(0));
        Line::default().hold(read, |_, question| {
            let frame = Frame { address, ..Slave::default().say(question) };
            vec![burst(TURNAROUND, frame.encode(2))]
        })
    };
    assert_eq!(ask(other).unwrap_err(), Trouble::Stranger("10:00000051327644".to_owned()));
    let heat = Address { kind: 0x20, ..meter() };
    assert_eq!(ask(heat).unwrap_err(), Trouble::Stranger("20:00000051327643".to_owned()));
    assert!(ask(meter()).is_ok());
}

#[test]
fn one_flipped_bit_is_never_a_reading() {
    let serials = Serials::from(9);
    let mut line = Line::default();
    let good = {
        let mut said = Vec::new();
        let ended = line.hold(read(Item::Current, &serials), |_, question| {
            said = Slave::default().say(question).encode(0);
            vec![burst(TURNAROUND, said.clone())]
        });
        assert!(ended.is_ok());
        said
    };
    for bit in 0..good.len() * 8 {
        let serials = Serials::from(9);
        let ask = Read::new(meter(), Item::Current, KNOWN, timing(), Retry::NONE, &serials);
        let ended = Line::default().hold(ask, |_, _| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            vec![burst(TURNAROUND, bad)]
        });
        assert!(ended.is_err(), "bit {bit}: {ended:?}");
    }
}

#[test]
fn hostile_meters_end_in_time() {
    for (number, script) in hostile().into_iter().enumerate() {
        let mut line = Line::default();
        let ask =
            Read::new(meter(), Item::Current, KNOWN, timing(), Retry::NONE, &Serials::from(0));
        let ended = line.hold(ask, |_, _| script.clone());
        assert!(ended.is_err(), "{number}: {ended:?}");
        assert!(line.now < Duration::from_secs(10), "{number}: {:?}", line.now);
    }
}

#[test]
fn a_dead_meter_is_asked_in_both_orders() {
    let mut line = Line::default();
    let serials = Serials::from(0);
    let (habits, retry) = (Habits::default(), Retry { reads: 1 });
    let read = Read::new(meter(), Item::Current, habits, timing(), retry, &serials);
    assert_eq!(line.hold(read, |_, _| Vec::new()).unwrap_err(), Trouble::Silent);
    let orders: Vec<[u8; 2]> =
        line.sent.iter().map(|q| find(q).remove(0).what.unwrap().di().unwrap()).collect();
    assert_eq!(orders, [[0x1F, 0x90], [0x90, 0x1F], [0x1F, 0x90], [0x90, 0x1F]]);
}

//! DL/T 698.45 on bad lines: the six cases of `reference/other-meters.md` 2.2, wildcards, lists,
//! and hostile meters. Always a right answer or a right error.

use std::cell::RefCell;
use std::time::Duration;

use meterkit::protocol::dlt698::apdu::dar_name;
use meterkit::protocol::dlt698::ask::{ADDRESS, Answer, Numbers, find_address, read};
use meterkit::protocol::dlt698::data::Data;
use meterkit::protocol::dlt698::frame::{Address, Frame, find};
use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use meterkit::protocol::value::{Decimal, Value};

use super::cjt188::line::{Burst, Line, TURNAROUND, burst, echo, hostile, ms, timing};

const ENERGY: u32 = 0x0010_0200;
const MISSING: u32 = 0xF100_0200;

fn meter() -> Address {
    Address::parse("000039200933").unwrap()
}

/// A meter whose energy grows by 0.01 kWh with every answer.
#[derive(Default)]
struct Slave {
    energy: u8,
}

impl Slave {
    fn message(&mut self, asked: &[u8]) -> Vec<u8> {
        let (kind, piid) = (asked[1], asked[2]);
        let oads = if kind == 2 { &asked[4..] } else { &asked[3..] };
        let mut said = vec![0x85, kind, piid];
        if kind == 2 {
            said.push(asked[3]);
        }
        for oad in oads.chunks_exact(4) {
            said.extend(oad);
            match u32::from_be_bytes(oad.try_into().unwrap()) {
                ENERGY => {
                    self.energy += 1;
                    said.extend([1, 1, 2, 6, 0, 0, 0, self.energy, 6, 0, 0, 0, 0]);
                }
                ADDRESS => said.extend([1, 9, 6, 0, 0, 0x39, 0x20, 9, 0x33]),
                _ => said.extend([0, 6]),
            }
        }
        said.extend([0, 0]);
        said
    }

    fn say(&mut self, question: &[u8]) -> Frame {
        let asked = find(question).remove(0).what.unwrap();
        assert_eq!(asked.control, 0x43);
        Frame { control: 0xC3, address: meter(), client: 0, message: self.message(&asked.message) }
    }
}

fn energy(answer: &Answer) -> String {
    match answer.results[0].what.as_ref().unwrap().value(2) {
        Value::Number(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn ask(
    line: &mut Line,
    oads: &[u32],
    numbers: &Numbers,
    script: impl FnMut(usize, &[u8]) -> Vec<Burst>,
) -> Result<Vec<Answer>, Trouble> {
    let series = read(&meter(), oads, timing(), Retry::default(), numbers);
    let answer = |reply| match reply {
        Reply::Data(answer) => answer,
        Reply::Refused(refusal) => panic!("{refusal}"),
    };
    Ok(line.hold(series, script)?.into_iter().map(answer).collect())
}

type Row = Result<(Vec<String>, usize), Trouble>;

/// Reads the energy twice and then what the meter does not have; the first answer is number 0.
/// Every reading must be the newest the meter gave.
fn row(mut line_says: impl FnMut(usize, &[u8], Vec<u8>) -> Vec<Burst>) -> Row {
    let (mut line, numbers) = (Line::default(), Numbers::from(60));
    let slave = RefCell::new(Slave::default());
    let mut script = |nth: usize, question: &[u8]| {
        let said = slave.borrow_mut().say(question).encode(4);
        line_says(nth, question, said)
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(energy(&ask(&mut line, &[ENERGY], &numbers, &mut script)?[0]));
        let newest = format!("0.{:02}", slave.borrow().energy);
        assert_eq!(seen.last(), Some(&newest), "an old reading");
    }
    let missing = ask(&mut line, &[MISSING], &numbers, &mut script)?;
    assert_eq!(missing[0].results[0].what, Err(6));
    assert_eq!(dar_name(6), "object_unavailable");
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

    for at in [10, 25] {
        let bad_check = row(|nth, _, mut said| {
            if nth == 0 {
                said[at] ^= 0x55;
            }
            vec![burst(TURNAROUND, said)]
        });
        assert_eq!(bad_check, seen(["0.02", "0.03"], 4), "asked again, byte {at}");
    }
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

#[test]
fn whoever_is_there_tells_its_address() {
    let mut line = Line::default();
    let find = find_address(timing(), Retry::default(), &Numbers::from(0x25));
    let replies = line
        .hold(find, |_, question| vec![burst(TURNAROUND, Slave::default().say(question).encode(4))])
        .unwrap();
    let [Reply::Data(answer)] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(answer.address, meter());
    let octets = Ok(Data::Octets(vec![0, 0, 0x39, 0x20, 0x09, 0x33]));
    assert_eq!(answer.results[0].what, octets);
    // The question is the one of annex H3, byte for byte.
    let annex = "FEFEFEFE6817004345AAAAAAAAAAAA005B4F05012540010200000A9216";
    let sent: String = line.sent[0].iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(sent, annex);
}

#[test]
fn many_attributes_go_in_several_lists_and_keep_their_order() {
    let oads: Vec<u32> = (0..20).map(|n| if n % 3 == 0 { ENERGY } else { MISSING + n }).collect();
    let (mut line, mut slave) = (Line::default(), Slave::default());
    let answers = ask(&mut line, &oads, &Numbers::from(0), |_, question| {
        vec![burst(TURNAROUND, slave.say(question).encode(0))]
    })
    .unwrap();
    let got: Vec<u32> = answers.iter().flat_map(|a| a.results.iter().map(|got| got.oad)).collect();
    assert_eq!(got, oads);
    assert_eq!(line.sent.len(), 4);
    let total = Decimal { digits: 1, decimals: 2 };
    assert_eq!(answers[0].results[0].what.as_ref().unwrap().value(2), Value::Number(total));
}

/// Asks once for the energy; `change` makes another answer of the right one.
fn once(change: impl Fn(Frame) -> Frame) -> Result<Vec<Answer>, Trouble> {
    let series = read(&meter(), &[ENERGY], timing(), Retry::NONE, &Numbers::from(7));
    let replies = Line::default().hold(series, |_, question| {
        vec![burst(TURNAROUND, change(Slave::default().say(question)).encode(0))]
    })?;
    let answer = |reply| match reply {
        Reply::Data(answer) => answer,
        Reply::Refused(refusal) => panic!("{refusal}"),
    };
    Ok(replies.into_iter().map(answer).collect())
}

#[test]
fn what_is_not_the_answer_is_not_taken_for_it() {
    assert!(once(|frame| frame).is_ok());
    let other = Address::parse("000039200934").unwrap();
    let stranger = once(|frame| Frame { address: other.clone(), ..frame });
    assert_eq!(stranger.unwrap_err(), Trouble::Stranger("000039200934".to_owned()));
    for at in [2, 3, 6] {
        // The service number, the object, the attribute's element.
        let wrong = once(|mut frame| {
            frame.message[at] ^= 0x01;
            frame
        });
        assert_eq!(wrong.unwrap_err(), Trouble::Garbled, "byte {at}");
    }
    let question = once(|frame| Frame { control: 0x43, ..frame });
    assert_eq!(question.unwrap_err(), Trouble::Garbled);
    let piece = once(|frame| Frame { control: 0xE3, ..frame });
    assert!(matches!(piece, Err(Trouble::Form(_))), "{piece:?}");
}

#[test]
fn a_meter_that_does_not_understand_says_so() {
    let series = read(&meter(), &[ENERGY], timing(), Retry::NONE, &Numbers::from(7));
    let replies = Line::default().hold(series, |_, _| {
        let message = vec![0xEE, 7, 2, 0, 0];
        let frame = Frame { control: 0xC3, address: meter(), client: 0, message };
        vec![burst(TURNAROUND, frame.encode(0))]
    });
    let [Reply::Refused(refusal)] = replies.unwrap()[..] else { panic!() };
    assert_eq!((refusal.code, refusal.name), (2, "service_not_supported"));
}

#[test]
fn one_flipped_bit_is_never_a_reading() {
    let good = {
        let mut said = Vec::new();
        let series = read(&meter(), &[ENERGY], timing(), Retry::NONE, &Numbers::from(7));
        let ended = Line::default().hold(series, |_, question| {
            said = Slave::default().say(question).encode(0);
            vec![burst(TURNAROUND, said.clone())]
        });
        assert!(ended.is_ok());
        said
    };
    for bit in 0..good.len() * 8 {
        let series = read(&meter(), &[ENERGY], timing(), Retry::NONE, &Numbers::from(7));
        let ended = Line::default().hold(series, |_, _| {
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
        let series = read(&meter(), &[ENERGY], timing(), Retry::NONE, &Numbers::from(0));
        let ended = line.hold(series, |_, _| script.clone());
        assert!(ended.is_err(), "{number}: {ended:?}");
        assert!(line.now < Duration::from_secs(10), "{number}: {:?}", line.now);
    }
}

//! M-Bus on bad lines: the six cases of `reference/other-meters.md` 2.2, selection, several
//! telegrams, hostile meters; and what pyMeterBus makes of the same frames.

mod peer;
mod slave;

use std::time::Duration;

use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use meterkit::protocol::mbus::ask::{Read, Reading};
use meterkit::protocol::mbus::frame::{Address, Frame};
use meterkit::protocol::value::Value;

use slave::{HEADER, Slave};

use super::cjt188::line::{Burst, Line, TURNAROUND, burst, echo, hostile, ms, timing};

fn volumes(reading: &Reading) -> Vec<String> {
    let records = reading.telegrams.iter().flat_map(|telegram| &telegram.records);
    records
        .map(|record| match &record.value {
            Value::Number(number) => format!("{number} {}", record.unit),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn ask(
    line: &mut Line,
    address: &str,
    script: impl FnMut(usize, &[u8]) -> Vec<Burst>,
) -> Result<Reply<Reading>, Trouble> {
    let address = Address::parse(address).unwrap();
    line.hold(Read::new(address, timing(), Retry::default()), script)
}

type Row = Result<(Vec<String>, usize), Trouble>;

/// Reads the volume twice and then meets an application error; the first answer is number 0, and
/// each reading takes a reset and a question. Every reading must be the newest the meter gave.
fn row(mut line_says: impl FnMut(usize, &[u8], Vec<u8>) -> Vec<Burst>) -> Row {
    let (mut line, mut slave) = (Line::default(), Slave::new(1));
    let mut seen = Vec::new();
    for round in 0..3 {
        slave.refuses = round == 2;
        let reply = ask(&mut line, "8", |nth, question| {
            let said = slave.say(question).unwrap().encode();
            line_says(nth, question, said)
        })?;
        match (round, reply) {
            (0 | 1, Reply::Data(reading)) => {
                let newest = format!("0.{:03} m3", slave.litres);
                assert_eq!(volumes(&reading), [newest.as_str()], "an old reading");
                seen.push(newest);
            }
            (2, Reply::Refused(refusal)) => assert_eq!(refusal.name, "busy"),
            (_, other) => panic!("{other:?}"),
        }
    }
    Ok((seen, line.sent.len()))
}

fn seen(values: [&str; 2], asked: usize) -> Row {
    Ok((values.map(str::to_owned).to_vec(), asked))
}

#[test]
fn the_six_cases() {
    let clean = row(|_, _, said| vec![burst(TURNAROUND, said)]);
    assert_eq!(clean, seen(["0.001 m3", "0.002 m3"], 6), "clean");

    let echoed = row(|_, question, said| vec![echo(question), burst(ms(50), said)]);
    assert_eq!(echoed, seen(["0.001 m3", "0.002 m3"], 6), "echo");

    for byte in [0x00, 0x68, 0x16] {
        let stray = row(|_, _, said| vec![burst(TURNAROUND, [vec![byte], said].concat())]);
        assert_eq!(stray, seen(["0.001 m3", "0.002 m3"], 6), "stray byte {byte:02X}");
    }

    let dribble = row(|_, _, bytes| vec![Burst { after: Some(TURNAROUND), bytes, pause: ms(20) }]);
    assert_eq!(dribble, seen(["0.001 m3", "0.002 m3"], 6), "20 ms between bytes");

    let bad_sum = row(|nth, _, mut said| {
        if nth == 1 {
            said[20] ^= 0x55;
        }
        vec![burst(TURNAROUND, said)]
    });
    assert_eq!(bad_sum, seen(["0.002 m3", "0.003 m3"], 8), "asked again from the beginning");
}

#[test]
fn an_answer_that_is_late_by_anything_never_answers_the_next_question() {
    for which in [0, 1] {
        for late in (400..6000).step_by(50) {
            let (values, asked) = row(|nth, _, said| {
                vec![burst(if nth == which { ms(late) } else { TURNAROUND }, said)]
            })
            .unwrap();
            // A lost acknowledgement costs nothing: the data say that there is a meter.
            let clean = values == ["0.001 m3", "0.002 m3"];
            assert!(asked != 6 || clean, "answer {which} {late} ms late, {asked} asked");
            assert!(asked <= 10, "answer {which} {late} ms late, {asked} asked");
        }
    }
}

#[test]
fn a_meter_is_selected_by_its_number_and_by_some_digits() {
    for address in ["11490378", "1149FFFF", "F1F9F3F8", "1149037877040E16"] {
        let (mut line, mut slave) = (Line::default(), Slave::new(1));
        let reply = ask(&mut line, address, |_, question| {
            slave.say(question).map(|said| burst(TURNAROUND, said.encode())).into_iter().collect()
        });
        let Ok(Reply::Data(reading)) = reply else { panic!("{address}: {reply:?}") };
        assert_eq!(reading.telegrams[0].header.as_ref().unwrap().id(), "11490378");
        assert_eq!(line.sent.len(), 2, "selected, asked");
    }
    let (mut line, mut slave) = (Line::default(), Slave::new(1));
    let reply = ask(&mut line, "2FFFFFFF", |_, question| {
        slave.say(question).map(|said| burst(TURNAROUND, said.encode())).into_iter().collect()
    });
    assert_eq!(reply, Err(Trouble::Silent));
    // Two that fit acknowledge on top of each other: noise, no meter.
    let mut line = Line::default();
    let noise = ask(&mut line, "FFFFFFFF", |_, _| vec![burst(TURNAROUND, vec![0xC1, 0xFD])]);
    assert_eq!(noise, Err(Trouble::Garbled));
}

#[test]
fn the_data_of_another_meter_are_named_and_not_used() {
    let reply = |address: &str, a: u8| {
        let read = Read::new(Address::parse(address).unwrap(), timing(), Retry::NONE);
        Line::default().hold(read, |_, question| match question {
            [0x10, _, _, _, _] if question[1] != 0x40 => {
                let data = HEADER.to_vec();
                vec![burst(TURNAROUND, Frame::Long { c: 8, a, ci: 0x72, data }.encode())]
            }
            _ => vec![burst(TURNAROUND, vec![0xE5])],
        })
    };
    assert!(matches!(reply("8", 8), Ok(Reply::Data(_))));
    assert_eq!(reply("8", 9), Err(Trouble::Stranger("9".to_owned())));
    assert_eq!(reply("22222222", 9), Err(Trouble::Stranger("11490378".to_owned())));
}

#[test]
fn telegrams_that_follow_are_read_in_turn_and_bounded() {
    let (mut line, mut slave) = (Line::default(), Slave::new(3));
    let reply = ask(&mut line, "8", |_, question| {
        vec![burst(TURNAROUND, slave.say(question).unwrap().encode())]
    });
    let Ok(Reply::Data(reading)) = reply else { panic!("{reply:?}") };
    assert_eq!(volumes(&reading), ["0.001 m3", "0.002 m3", "0.003 m3"]);
    assert_eq!(reading.record(2).unwrap().name, "volume");
    assert_eq!(reading.record(3), None);
    let bits: Vec<u8> = line.sent.iter().skip(1).map(|question| question[1]).collect();
    assert_eq!(bits, [0x7B, 0x5B, 0x7B], "the toggling bit toggles");
    // A telegram lost in the middle: everything from the beginning, nothing twice.
    let (mut line, mut slave) = (Line::default(), Slave::new(3));
    let reply = ask(&mut line, "8", |nth, question| {
        let said = slave.say(question).unwrap().encode();
        if nth == 2 { Vec::new() } else { vec![burst(TURNAROUND, said)] }
    });
    let Ok(Reply::Data(reading)) = reply else { panic!("{reply:?}") };
    assert_eq!(volumes(&reading), ["0.003 m3", "0.004 m3", "0.005 m3"]);
    // One that never ends.
    let (mut line, mut slave) = (Line::default(), Slave::new(255));
    let endless = ask(&mut line, "8", |_, question| {
        vec![burst(TURNAROUND, slave.say(question).unwrap().encode())]
    });
    assert_eq!(endless, Err(Trouble::Endless));
}

#[test]
fn one_flipped_bit_is_never_a_reading() {
    let good = Slave { litres: 1, sent: 1, ..Slave::new(1) }.telegram().encode();
    for bit in 0..good.len() * 8 {
        let read = Read::new(Address::Primary(8), timing(), Retry::NONE);
        let ended = Line::default().hold(read, |nth, _| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            vec![burst(TURNAROUND, if nth == 0 { vec![0xE5] } else { bad })]
        });
        assert!(ended.is_err(), "bit {bit}: {ended:?}");
    }
}

#[test]
fn hostile_meters_end_in_time() {
    for address in ["8", "11490378"] {
        for (number, script) in hostile().into_iter().enumerate() {
            let mut line = Line::default();
            let read = Read::new(Address::parse(address).unwrap(), timing(), Retry::NONE);
            let ended = line.hold(read, |_, _| script.clone());
            assert!(ended.is_err(), "{number}: {ended:?}");
            assert!(line.now < Duration::from_secs(20), "{number}: {:?}", line.now);
        }
    }
}

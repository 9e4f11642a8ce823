//! Conversations on a bad line: late, doubled, foreign, dribbling and endless answers.

use std::time::Duration;

use meterkit::protocol::dlt645::dialogue::{
    Access, ExchangeError, FindAddress, PasswordOrder, ReadItems, Reply, Retry, Write,
};
use meterkit::protocol::dlt645::frame::{Address, Frame};
use proptest::prelude::*;

use super::peer::{Burst, TURNAROUND, answer, burst, meter, ms, reading, talk, timing};

const ENERGY: u32 = 0x0001_0000;
const COUNT: u32 = 0x0333_0201;
const PROBES: [u32; 2] = [0x0400_0401, 0x0400_0402];
/// Longest a conversation with three tries may last at 2400 baud, whatever the meter does.
const PATIENCE: Duration = Duration::from_secs(20);

fn read(items: &[u32]) -> ReadItems {
    ReadItems::new(meter(), items.to_vec(), timing(), Retry::default())
}

fn value(number: u8) -> Vec<u8> {
    vec![number, 0]
}

#[test]
fn a_dead_meter_costs_three_tries_of_two_shapes() {
    let talk = talk(&mut read(&[ENERGY]), |_, _| Vec::new());
    assert_eq!(talk.output, Err(ExchangeError::Silent));
    let asked: Vec<u32> = talk.sent.iter().filter_map(|(_, frame)| frame.di()).collect();
    assert_eq!(asked, [ENERGY, PROBES[0], PROBES[1]]);
    assert!(talk.ended < ms(6000), "{:?}", talk.ended);
}

/// The count was 1 when it was first asked for. The answer is late by `late`; meanwhile the count
/// has become 2. Every answer but the late one comes in time, and overtakes the late one.
fn late_answer(late: Duration) -> (u8, usize) {
    let mut items = read(&[COUNT]);
    let talk = talk(&mut items, |number, question| match number {
        0 => vec![burst(late, reading(question, &value(1)).encode(4))],
        _ if question.di() == Some(COUNT) => answer(&reading(question, &value(2))),
        _ => answer(&reading(question, &[0x47, 0, 0, 0, 0, 0])),
    });
    match &talk.output.unwrap()[0].1 {
        Reply::Data(data) => (data[0], talk.sent.len()),
        Reply::Refused(word) => panic!("{word}"),
    }
}

#[test]
fn a_late_answer_is_never_taken_for_a_later_question() {
    for late in (0..2900).step_by(10) {
        let (seen, sent) = late_answer(ms(late));
        let in_time = sent == 1;
        assert_eq!(seen, if in_time { 1 } else { 2 }, "{late} ms late, {sent} questions");
        // The standard's 500 ms and the line's 10 are in time; the rest allows for more wake-up
        // bytes.
        assert!(if in_time { late < 600 } else { late > 510 }, "{late} ms");
    }
}

#[test]
fn after_trouble_elsewhere_a_question_of_another_shape_comes_first() {
    let mut items = read(&[COUNT]).after_trouble();
    let talk = talk(&mut items, |number, question| match number {
        // While the probe waits, the late answer of another dialogue comes, then the probe's.
        0 => vec![
            burst(
                ms(5),
                reading(&Frame::new(meter(), 0x11, COUNT.to_le_bytes()), &value(1)).encode(4),
            ),
            burst(ms(300), reading(question, &[0x47, 0, 0, 0, 0, 0]).encode(4)),
        ],
        _ => answer(&reading(question, &value(2))),
    });
    assert_eq!(talk.output, Ok(vec![(COUNT, Reply::Data(value(2)))]));
    assert_eq!(talk.sent[0].1.di(), Some(PROBES[0]));
}

#[test]
fn a_probe_is_never_the_question_itself() {
    let talk = talk(&mut read(&[PROBES[0]]), |_, _| Vec::new());
    let asked: Vec<u32> = talk.sent.iter().filter_map(|(_, frame)| frame.di()).collect();
    assert_eq!(asked, [PROBES[0], PROBES[1], PROBES[1]]);
}

#[test]
fn a_meter_without_the_probe_items_is_read_all_the_same() {
    let mut items = read(&[COUNT]);
    let talk = talk(&mut items, |number, question| match (number, question.di()) {
        (0, _) => Vec::new(),
        (_, Some(COUNT)) => answer(&reading(question, &value(7))),
        _ => answer(&Frame::new(meter(), 0xD1, [0x02])),
    });
    assert_eq!(talk.output, Ok(vec![(COUNT, Reply::Data(value(7)))]));
    assert_eq!(talk.sent.len(), 4, "one refusal could be a late answer, two are not");
}

#[test]
fn our_own_echo_is_passed_over() {
    let mut items = read(&[ENERGY, COUNT]);
    let talk = talk(&mut items, |_, question| {
        let echo = burst(Duration::ZERO, question.encode(4));
        vec![echo, burst(ms(200), reading(question, &value(3)).encode(4))]
    });
    assert_eq!(talk.output.unwrap().len(), 2);
    assert_eq!(talk.sent.len(), 2);
    // An echo alone is no sign of a meter.
    let mut items = ReadItems::new(meter(), vec![ENERGY], timing(), Retry::NONE);
    let deaf = super::peer::talk(&mut items, |_, q| vec![burst(Duration::ZERO, q.encode(4))]);
    assert_eq!(deaf.output, Err(ExchangeError::Silent));
}

#[test]
fn another_meters_answer_is_named_and_not_used() {
    let other = Address::meter("48".parse().unwrap());
    let mut items = ReadItems::new(meter(), vec![ENERGY], timing(), Retry::NONE);
    let talk = talk(&mut items, |_, question| {
        answer(&Frame { address: other, ..reading(question, &value(1)) })
    });
    assert_eq!(talk.output, Err(ExchangeError::WrongAddress(other)));
    // Heard before the right one, it does no harm.
    let mut items = ReadItems::new(meter(), vec![ENERGY], timing(), Retry::NONE);
    let both = super::peer::talk(&mut items, |_, question| {
        let foreign = Frame { address: other, ..reading(question, &value(1)) };
        let own = reading(question, &value(2));
        vec![burst(ms(20), foreign.encode(4)), burst(ms(250), own.encode(4))]
    });
    assert_eq!(both.output, Ok(vec![(ENERGY, Reply::Data(value(2)))]));
}

#[test]
fn a_doubled_answer_does_not_answer_the_next_question() {
    let mut items = read(&[ENERGY, COUNT, 0x0090_0200]);
    let talk = talk(&mut items, |number, question| {
        let frame = match number {
            0 => Frame::new(meter(), 0xD1, [0x02]),
            _ => reading(question, &value(number as u8)),
        };
        let twice = [frame.encode(0), frame.encode(0)].concat();
        vec![burst(TURNAROUND, twice)]
    });
    let replies = talk.output.unwrap();
    assert!(matches!(replies[0].1, Reply::Refused(_)));
    assert_eq!(replies[1].1, Reply::Data(value(1)), "not the doubled refusal");
    assert_eq!(replies[2].1, Reply::Data(value(2)), "not the doubled reading");
}

#[test]
fn a_dribbling_meter_cannot_hold_the_line() {
    for pause in [0, 100, 300, 480, 499] {
        let mut items = read(&[ENERGY]);
        let talk = talk(&mut items, |_, question| {
            let mut bytes = reading(question, &[0; 180]).encode(4);
            bytes.truncate(150);
            vec![Burst { after: TURNAROUND, bytes, pause: ms(pause) }]
        });
        assert_eq!(talk.output, Err(ExchangeError::Garbled), "{pause}");
        assert!(talk.ended < PATIENCE, "{pause}: {:?}", talk.ended);
    }
}

#[test]
fn a_pause_the_standard_allows_is_waited_for() {
    let mut items = ReadItems::new(meter(), vec![ENERGY], timing(), Retry::NONE);
    let talk = talk(&mut items, |_, question| {
        let bytes = reading(question, &[1, 2, 3, 4]).encode(4);
        let (head, tail) = bytes.split_at(17);
        vec![burst(ms(20), head.to_vec()), burst(ms(550), tail.to_vec())]
    });
    assert!(talk.output.is_ok(), "{:?}", talk.output);
}

#[test]
fn an_endless_meter_cannot_hold_the_line() {
    let babble: [fn(&Frame) -> Vec<u8>; 4] = [
        |_| vec![0x55; 20_000],
        |_| vec![0x68; 20_000],
        |_| vec![0xFE; 20_000],
        |question| Frame::new(meter(), 0x91, [9; 100]).encode(0).repeat(200 + question.data.len()),
    ];
    for (number, noise) in babble.iter().enumerate() {
        let mut items = read(&[ENERGY]);
        let talk = talk(&mut items, |_, question| vec![burst(ms(1), noise(question))]);
        assert_eq!(talk.output.err(), Some(ExchangeError::Garbled), "{number}");
        assert!(talk.ended < PATIENCE, "{number}: {:?}", talk.ended);
        assert!(talk.sent.len() <= 3);
    }
}

#[test]
fn follow_ups_come_to_an_end() {
    let mut items = read(&[ENERGY]);
    let talk = talk(&mut items, |number, question| {
        let mut frame = reading(question, &[1; 8]);
        frame.control |= 0x20;
        if number > 0 {
            frame.data.push(number as u8);
        }
        answer(&frame)
    });
    assert_eq!(talk.output, Err(ExchangeError::Endless));
    assert_eq!(talk.sent.len(), 65);
}

#[test]
fn a_lost_part_begins_the_item_again() {
    let mut items = read(&[0x0001_FF00]);
    let talk = talk(&mut items, |number, question| match question.control {
        0x11 if question.di() == Some(0x0001_FF00) => {
            let mut frame = reading(question, &[number as u8; 4]);
            frame.control |= 0x20;
            answer(&frame)
        }
        0x11 => answer(&reading(question, &[0; 6])),
        _ if number == 1 => Vec::new(),
        _ => answer(&reading(question, &[9, 9, 1])),
    });
    // Question 0 and its lost part 1, probe 2, then again from the start.
    assert_eq!(talk.output, Ok(vec![(0x0001_FF00, Reply::Data(vec![3, 3, 3, 3, 9, 9]))]));
    assert_eq!(talk.sent.len(), 5);
}

#[test]
fn a_write_is_never_repeated_by_itself() {
    let access =
        Access { level: 2, password: [0; 3], operator: [0; 4], order: PasswordOrder::LowFirst };
    let broken: [fn(&Frame) -> Vec<Burst>; 4] = [
        |_| Vec::new(),
        |_| vec![burst(ms(20), vec![0x68, 1, 2, 3])],
        |_| vec![burst(ms(20), Frame::new(meter(), 0x91, [1, 2, 3, 4, 5]).encode(0))],
        |_| vec![burst(ms(2000), Frame::new(meter(), 0x94, []).encode(4))],
    ];
    for peer in broken {
        let mut write = Write::new(meter(), 0x0409_0B01, &access, &[0, 0, 5], timing()).unwrap();
        let talk = talk(&mut write, |_, question| peer(question));
        assert!(talk.output.is_err());
        assert_eq!(talk.sent.len(), 1);
        assert!(talk.ended > ms(1000), "the line is left quiet for a late answer");
    }
}

#[test]
fn two_meters_answering_at_once_are_garble() {
    let mut find = FindAddress::new(timing(), Retry::NONE);
    let talk = talk(&mut find, |_, _| {
        let mut bytes = Frame::new(meter(), 0x93, [0x47, 0, 0, 0, 0, 0]).encode(4);
        bytes.iter_mut().skip(6).step_by(3).for_each(|byte| *byte &= 0x35);
        vec![burst(ms(20), bytes)]
    });
    assert_eq!(talk.output, Err(ExchangeError::Garbled));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_meter_sends_the_conversation_ends_and_lies_about_nothing(
        script in prop::collection::vec(
            prop::collection::vec((0u64..3000, 0usize..7, any::<u8>()), 0..4),
            1..8,
        ),
    ) {
        let mut items = read(&[ENERGY, COUNT]);
        let mut asked = Vec::new();
        let talk = talk(&mut items, |number, question| {
            asked.push(question.di());
            let good = reading(question, &[number as u8; 4]).encode(2);
            let bursts = script[number % script.len()].iter().map(|(after, kind, byte)| {
                let mut bytes = good.clone();
                match kind {
                    0 => bytes = vec![*byte; 30],
                    1 => bytes = question.encode(4),
                    2 => bytes.truncate(usize::from(*byte) % good.len()),
                    3 => bytes[usize::from(*byte) % good.len()] ^= 0x10,
                    4 => bytes = Frame::new(meter(), 0x91, [*byte; 9]).encode(0),
                    _ => {}
                }
                burst(ms(*after), bytes)
            });
            bursts.collect()
        });
        prop_assert!(talk.sent.len() <= 10, "{} questions", talk.sent.len());
        prop_assert!(talk.ended < PATIENCE * 2, "{:?}", talk.ended);
        for (di, reply) in talk.output.unwrap_or_default() {
            let Reply::Data(data) = reply else { continue };
            // The data name the question they answer: it was one about this item.
            let question = usize::from(data[0]);
            prop_assert_eq!(asked[question], Some(di));
        }
    }
}

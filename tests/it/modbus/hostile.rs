//! Hostile meters: any bytes, endless bytes, one byte a second, more than was asked for. And
//! writes, which leave once whatever comes back.

use std::time::Duration;

use meterkit::protocol::exchange::{Reply, Retry, Series, Trouble};
use meterkit::protocol::modbus::ask::{Ask, Numbers, Target, read};
use meterkit::protocol::modbus::frame::{Unit, tcp};
use meterkit::protocol::modbus::pdu::Table;
use meterkit::protocol::modbus::plan::{Want, plan};
use meterkit::protocol::modbus::write::{Guard, WriteError, many, one};
use proptest::prelude::*;

use super::peer::{Burst, TURNAROUND, burst, frame, meter, ms, talk, timing};

/// Longest a question with three tries may last, whatever the meter does.
const PATIENCE: Duration = Duration::from_secs(60);

fn two() -> Ask {
    Ask::read(&meter(), Table::Holding, 0, 2)
}

/// How a meter answers a question.
type Answer = fn(&[u8]) -> Vec<Burst>;

#[test]
fn a_dead_meter_costs_three_tries_of_two_shapes() {
    let mut series = Series::new(vec![two()], timing(), Retry::default());
    let talk = talk(&mut series, |_, _| Vec::new());
    assert_eq!(talk.output, Err(Trouble::Silent));
    let asked: Vec<u8> = talk.sent.iter().map(|(_, _, question)| question[5]).collect();
    assert_eq!(asked, [2, 1, 1], "registers asked for");
    assert!(talk.ended < ms(4000), "{:?}", talk.ended);
}

#[test]
fn babble_comes_to_an_end() {
    let babble: [(&str, Vec<u8>); 6] = [
        ("any byte", vec![0x55; 30_000]),
        ("starts", [1, 3].repeat(15_000)),
        ("heads", [1, 3, 4].repeat(10_000)),
        ("answers too long", frame(&[&[3, 250][..], &[7; 250]].concat()).repeat(100)),
        ("exceptions of others", [2, 0x83, 2, 0x30, 0xF1].repeat(6000)),
        ("bad answers", [1, 3, 4, 0, 0, 0, 1, 0xAA, 0xAA].repeat(3000)),
    ];
    for (name, noise) in babble {
        let mut series = Series::new(vec![two()], timing(), Retry::default());
        let talk = talk(&mut series, |_, _| vec![burst(ms(1), noise.clone())]);
        assert!(talk.output.is_err(), "{name}: {:?}", talk.output);
        assert!(talk.ended < PATIENCE, "{name}: {:?}", talk.ended);
        assert!(talk.sent.len() <= 3, "{name}");
    }
}

#[test]
fn a_dribbling_meter_cannot_hold_the_line() {
    let long = frame(&[&[3, 250][..], &[7; 250]].concat());
    for (pause, count) in [(1000, 2), (499, 2), (100, 125), (499, 125), (30, 125)] {
        let ask = Ask::read(&meter(), Table::Holding, 0, count);
        let mut series = Series::new(vec![ask], timing(), Retry::default());
        let talk = talk(&mut series, |_, _| {
            vec![Burst { after: TURNAROUND, bytes: long[..200].to_vec(), pause: ms(pause) }]
        });
        assert!(talk.output.is_err(), "{pause}");
        assert!(talk.ended < PATIENCE, "{pause} ms: {:?}", talk.ended);
    }
}

#[test]
fn data_that_look_like_frames_are_data() {
    // Registers that hold a whole exception frame of the same unit, and a whole request.
    let exception = frame(&[0x83, 2]);
    let request = frame(&[3, 0, 0, 0, 6]);
    for inside in [exception, request] {
        let mut data = inside;
        data.resize(12, 0);
        let answer = frame(&[&[3, 12][..], &data].concat());
        let ask = Ask::read(&meter(), Table::Holding, 0, 6);
        let mut series = Series::new(vec![ask], timing(), Retry::NONE);
        let talk = talk(&mut series, |_, _| vec![burst(TURNAROUND, answer.clone())]);
        assert_eq!(talk.output, Ok(vec![Reply::Data(data)]));
    }
}

#[test]
fn a_write_leaves_once_and_an_echo_is_no_answer_to_it() {
    let write = || many(&meter(), 0x57, &[1, 1], &Guard::default(), timing()).unwrap();
    let good = frame(&[0x10, 0, 0x57, 0, 2]);
    let done = talk(&mut write(), |_, question| {
        assert_eq!(question, [1, 0x10, 0, 0x57, 0, 2, 4, 0, 1, 0, 1, 0x27, 0x75], "the vector");
        vec![burst(Duration::ZERO, question.to_vec()), burst(TURNAROUND, good.clone())]
    });
    assert!(matches!(done.output.as_deref(), Ok([Reply::Data(_)])), "{:?}", done.output);
    let broken: [Answer; 5] = [
        |_| Vec::new(),
        |question| vec![burst(Duration::ZERO, question.to_vec())],
        |_| vec![burst(TURNAROUND, frame(&[0x10, 0, 0x57, 0, 3]))],
        |_| vec![burst(TURNAROUND, frame(&[0x03, 4, 0, 1, 0, 1]))],
        |_| vec![burst(ms(2000), frame(&[0x10, 0, 0x57, 0, 2]))],
    ];
    for (number, peer) in broken.iter().enumerate() {
        let talk = talk(&mut write(), |_, question| peer(question));
        assert!(talk.output.is_err(), "{number}: {:?}", talk.output);
        assert_eq!(talk.sent.len(), 1, "{number}");
        assert!(talk.ended > ms(1000), "{number}: the line is left quiet for a late answer");
    }
}

/// Function 06 against a register that takes what is written, or does not.
fn write_one(echo: bool, takes: bool, answers: bool) -> (Option<u16>, Option<u16>, Vec<u8>) {
    let mut value = 7u16;
    let mut one = one(&meter(), 0x38, 60, &Guard::default(), timing(), Retry::default()).unwrap();
    let talk = talk(&mut one, |_, question| {
        let reply = match question[1] {
            6 if !takes => frame(&[0x86, 3]),
            6 => {
                value = u16::from_be_bytes([question[4], question[5]]);
                question.to_vec()
            }
            _ => {
                let qty = usize::from(question[5]);
                let mut pdu = vec![3, (qty * 2) as u8];
                pdu.extend([value.to_be_bytes(), [0, 0]].concat().iter().take(qty * 2));
                frame(&pdu)
            }
        };
        let own = echo.then(|| burst(Duration::ZERO, question.to_vec()));
        let heard = question[1] != 6 || answers;
        own.into_iter().chain(heard.then(|| burst(TURNAROUND, reply))).collect()
    });
    let wrote = talk.output.unwrap();
    let functions = talk.sent.iter().map(|(_, _, question)| question[1]).collect();
    (wrote.shows.ok(), wrote.refused.map(|refusal| refusal.code), functions)
}

#[test]
fn a_single_write_is_believed_when_read_back_only() {
    assert_eq!(write_one(false, true, true).0, Some(60));
    assert_eq!(write_one(true, true, true), (Some(60), None, vec![6, 3]));
    // The echo alone looks like success; the register says otherwise.
    let (shows, refused, functions) = write_one(true, false, true);
    assert_eq!((shows, refused), (Some(7), Some(3)));
    assert_eq!(functions, [6, 3]);
    let (shows, refused, functions) = write_one(true, false, false);
    assert_eq!((shows, refused), (Some(7), None));
    assert_eq!(functions.iter().filter(|function| **function == 6).count(), 1, "written once");
    assert_eq!(write_one(false, true, false).0, Some(60), "done, and never acknowledged");
}

#[test]
fn private_functions_pass_with_the_length_declared() {
    let ask = Ask::pass(&meter(), 0x41, &[1, 2], 3, &Guard::default()).unwrap();
    let reply = frame(&[0x41, 9, 8, 7]);
    let mut series = Series::once(ask, timing());
    let talk = talk(&mut series, |_, question| {
        assert_eq!(question[..4], [1, 0x41, 1, 2]);
        vec![burst(Duration::ZERO, question.to_vec()), burst(TURNAROUND, reply.clone())]
    });
    assert_eq!(talk.output, Ok(vec![Reply::Data(vec![9, 8, 7])]));
    let refused = Ask::pass(&meter(), 0x10, &[0, 0], 4, &Guard::default()).err();
    assert_eq!(refused, Some(WriteError::Function(0x10)));
}

#[test]
fn a_gap_the_meter_does_not_serve_is_read_around() {
    let want = |start, count| Want { table: Table::Holding, start, count };
    let wants = [want(0, 2), want(4, 1), want(40, 1), want(90, 1)];
    let blocks = plan(&wants, 10, &[]);
    assert_eq!(blocks.len(), 3);
    let mut registers = read(&meter(), &wants, blocks, timing(), Retry::default());
    let talk = talk(&mut registers, |_, question| {
        let (start, qty) = (question[3], question[5]);
        let served = (start == 0 && qty <= 2) || (start == 4 && qty == 1) || start == 40;
        let mut pdu = vec![3, qty * 2];
        pdu.extend(std::iter::repeat_n(start, usize::from(qty) * 2));
        vec![burst(TURNAROUND, frame(if served { &pdu } else { &[0x83, 2] }))]
    });
    let replies = talk.output.unwrap();
    assert_eq!(replies[0], Some(Reply::Data(vec![0; 4])));
    assert_eq!(replies[1], Some(Reply::Data(vec![4; 2])));
    assert_eq!(replies[2], Some(Reply::Data(vec![40; 2])));
    assert!(matches!(replies[3], Some(Reply::Refused(refusal)) if refusal.code == 2));
    assert_eq!(talk.sent.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_meter_sends_the_conversation_ends_and_lies_about_nothing(
        script in prop::collection::vec(
            prop::collection::vec((0u64..2900, 0usize..8, any::<u8>()), 0..4),
            1..8,
        ),
    ) {
        let wants = [(0, 2), (100, 3)];
        let questions = wants.iter().map(|(start, count)| {
            Ask::read(&meter(), Table::Holding, *start, *count)
        });
        let mut series = Series::new(questions.collect(), timing(), Retry::default());
        let mut asked = Vec::new();
        let talk = talk(&mut series, |number, question| {
            let qty = question[5];
            asked.push((question[3], qty));
            // The data name the question they answer.
            let mut pdu = vec![3, qty * 2];
            pdu.extend(std::iter::repeat_n(number as u8, usize::from(qty) * 2));
            let good = frame(&pdu);
            let bursts = script[number % script.len()].iter().map(|(after, kind, byte)| {
                let mut bytes = good.clone();
                match kind {
                    0 => bytes = vec![*byte; 30],
                    1 => bytes = question.to_vec(),
                    2 => bytes.truncate(usize::from(*byte) % good.len()),
                    3 => { let at = usize::from(*byte) % good.len(); bytes[at] ^= 0x10; }
                    4 => bytes = frame(&[4, 2, *byte, 0]),
                    5 => bytes.insert(0, *byte),
                    _ => {}
                }
                burst(ms(*after), bytes)
            });
            bursts.collect()
        });
        prop_assert!(talk.sent.len() <= 10, "{} questions", talk.sent.len());
        prop_assert!(talk.ended < PATIENCE, "{:?}", talk.ended);
        for (reply, (start, count)) in talk.output.unwrap_or_default().iter().zip(wants) {
            let Reply::Data(data) = reply else { continue };
            let question = usize::from(data[0]);
            prop_assert_eq!(asked[question], (start as u8, count as u8));
            prop_assert!(data.iter().all(|byte| *byte == data[0]));
        }
    }

    #[test]
    fn any_bytes_on_tcp_end_too(noise in prop::collection::vec(any::<u8>(), 0..3000)) {
        let target = Target::tcp(Unit(1), &Numbers::from(1));
        let ask = Ask::read(&target, Table::Holding, 0, 2);
        let mut series = Series::new(vec![ask], timing(), Retry::default());
        let talk = talk(&mut series, |number, question| match number {
            0 => vec![burst(ms(1), noise.clone())],
            _ => {
                let qty = usize::from(question[11]);
                let pdu = [&[3, (qty * 2) as u8][..], &vec![1; qty * 2]].concat();
                let transaction = u16::from_be_bytes([question[0], question[1]]);
                vec![burst(ms(5), tcp(transaction, Unit(1), &pdu))]
            }
        });
        prop_assert!(talk.ended < PATIENCE);
    }
}

//! The six bad lines of `reference/other-meters.md` 2.2, and what is made of each.
//!
//! The slave is the one of that table: two registers at 0 whose count grows by one with each
//! answer, and an illegal address asked afterwards. Here also which answer belongs to which
//! question is held against what was returned: a count is right only if it was given to a question
//! about it that had not been given up.

use std::time::Duration;

use meterkit::protocol::exchange::{Refusal, Reply, Retry, Series, Trouble};
use meterkit::protocol::modbus::ask::{Ask, Numbers, Target};
use meterkit::protocol::modbus::frame::{MBAP, Unit, tcp};
use meterkit::protocol::modbus::pdu::Table;

use super::peer::{Burst, TURNAROUND, burst, frame, meter, ms, talk, timing};

const ILLEGAL: u16 = 0x6000;
const REFUSED: Reply<Vec<u8>> = Reply::Refused(Refusal { code: 2, name: "illegal-data-address" });

/// Counts its answers to reads of 0, refuses everything at [`ILLEGAL`].
#[derive(Default)]
struct Slave {
    count: u32,
    /// The questions about the count, by their number on the line, and what each was told.
    told: Vec<(usize, u32)>,
}

impl Slave {
    fn pdu(&mut self, number: usize, asked: &[u8]) -> Vec<u8> {
        let [function, start @ .., _, qty] = asked else { panic!("{asked:02X?}") };
        if start == ILLEGAL.to_be_bytes() {
            return vec![function | 0x80, 2];
        }
        self.count += 1;
        self.told.push((number, self.count));
        let mut pdu = vec![*function, qty * 2];
        pdu.extend(self.count.to_be_bytes().iter().rev().take(2 * usize::from(*qty)).rev());
        pdu
    }

    fn answer(&mut self, number: usize, question: &[u8]) -> Vec<u8> {
        frame(&self.pdu(number, &question[1..question.len() - 2]))
    }
}

fn two(target: &Target) -> Ask {
    Ask::read(target, Table::Holding, 0, 2)
}

fn illegal(target: &Target) -> Ask {
    Ask::read(target, Table::Holding, ILLEGAL, 2)
}

/// What a case came to: the counts returned, how the illegal address ended, questions sent.
struct Came {
    counts: Vec<u32>,
    refused: bool,
    sent: usize,
    took: Duration,
    slave: Slave,
}

/// Reads the count three times and the illegal address once over such a line.
fn run(mut line: impl FnMut(usize, &[u8], Vec<u8>) -> Vec<Burst>) -> Came {
    let mut slave = Slave::default();
    let questions = vec![two(&meter()), two(&meter()), two(&meter()), illegal(&meter())];
    let mut series = Series::new(questions, timing(), Retry::default());
    let talk = talk(&mut series, |number, question| {
        let answer = slave.answer(number, question);
        line(number, question, answer)
    });
    let replies = talk.output.unwrap();
    let count = |reply: &Reply<Vec<u8>>| match reply {
        Reply::Data(data) => u32::from_be_bytes(data.as_slice().try_into().unwrap()),
        Reply::Refused(refusal) => panic!("{refusal}"),
    };
    Came {
        counts: replies[..3].iter().map(count).collect(),
        refused: replies[3] == REFUSED,
        sent: talk.sent.len(),
        took: talk.ended,
        slave,
    }
}

/// (the line, the counts to come, questions sent)
type Case = (&'static str, fn(usize, &[u8], Vec<u8>) -> Vec<Burst>, [u32; 3], usize);

#[test]
fn six_bad_lines_give_right_answers() {
    let cases: [Case; 6] = [
        ("clean", |_, _, answer| vec![burst(TURNAROUND, answer)], [1, 2, 3], 4),
        (
            "local echo",
            |_, question, answer| {
                vec![burst(Duration::ZERO, question.to_vec()), burst(TURNAROUND, answer)]
            },
            [1, 2, 3],
            4,
        ),
        (
            "one 00 before the reply",
            |_, _, answer| vec![burst(TURNAROUND, [vec![0], answer].concat())],
            [1, 2, 3],
            4,
        ),
        (
            "the first answer after our timeout",
            |number, _, answer| {
                let late = if number == 0 { ms(900) } else { TURNAROUND };
                vec![burst(late, answer)]
            },
            // The first was given up, the second answered a probe.
            [3, 4, 5],
            6,
        ),
        (
            "20 ms between bytes",
            |_, _, answer| vec![Burst { after: TURNAROUND, bytes: answer, pause: ms(20) }],
            [1, 2, 3],
            4,
        ),
        (
            "the first answer with a bad CRC",
            |number, _, mut answer| {
                if number == 0 {
                    *answer.last_mut().unwrap() ^= 1;
                }
                vec![burst(TURNAROUND, answer)]
            },
            [3, 4, 5],
            6,
        ),
    ];
    println!("| case | counts | illegal address | questions | ms |");
    for (name, line, counts, sent) in cases {
        let came = run(line);
        println!(
            "| {name} | {:?} | {} | {} | {} |",
            came.counts,
            if came.refused { "refused" } else { "WRONG" },
            came.sent,
            came.took.as_millis()
        );
        assert_eq!((&came.counts[..], came.sent), (&counts[..], sent), "{name}");
        assert!(came.refused, "{name}: the exception");
    }
}

#[test]
fn every_answer_with_a_bad_crc_is_an_error_and_no_value() {
    let mut series = Series::new(vec![two(&meter())], timing(), Retry::default());
    let mut slave = Slave::default();
    let talk = talk(&mut series, |number, question| {
        let mut answer = slave.answer(number, question);
        answer[4] ^= 0x40;
        vec![burst(TURNAROUND, answer)]
    });
    assert_eq!(talk.output, Err(Trouble::Garbled));
    assert_eq!(talk.sent.len(), 3, "the question and two probes, none of them answered");
}

#[test]
fn a_late_answer_is_never_taken_for_a_later_question() {
    // Every lateness up to the longest allowed for, for the first question and for the probe.
    for late in (0..2950).step_by(10) {
        for which in [0, 1] {
            let came = run(|number, _, answer| {
                let after = if number == which { ms(late) } else { TURNAROUND };
                vec![burst(after, answer)]
            });
            let own = |count: &u32| {
                let (number, _) = came.slave.told.iter().find(|(_, told)| told == count).unwrap();
                // Only an answer in time is believed.
                *number != which || late < 600
            };
            assert!(came.counts.iter().all(own), "{late} ms, {which}: {:?}", came.counts);
            let grows = came.counts.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(grows && came.refused, "{late} ms, {which}: {:?}", came.counts);
        }
    }
}

#[test]
fn after_trouble_elsewhere_a_question_of_another_shape_comes_first() {
    let mut series = Series::new(vec![two(&meter())], timing(), Retry::default()).after_trouble();
    let talk = talk(&mut series, |number, question| match number {
        // While the probe waits, the late answer of another conversation comes.
        0 => vec![burst(ms(2), frame(&[3, 4, 0, 0, 0, 99])), burst(ms(100), frame(&[3, 2, 0, 7]))],
        _ => {
            assert_eq!(question[5], 2);
            vec![burst(TURNAROUND, frame(&[3, 4, 0, 0, 0, 1]))]
        }
    });
    assert_eq!(talk.output, Ok(vec![Reply::Data(vec![0, 0, 0, 1])]));
    assert_eq!(talk.sent[0].2[..6], [1, 3, 0, 0, 0, 1], "the same place, one register");
    assert!(talk.sent[1].0 >= ms(3000), "not before the late answer's time is over");
}

#[test]
fn an_exception_behind_an_echo_and_noise_is_heard() {
    for lead in [vec![], vec![0], vec![0xFF, 0, 1], vec![1], vec![1, 3]] {
        let mut series = Series::new(vec![illegal(&meter())], timing(), Retry::NONE);
        let talk = talk(&mut series, |_, question| {
            let reply = [lead.clone(), frame(&[0x83, 2])].concat();
            vec![burst(Duration::ZERO, question.to_vec()), burst(TURNAROUND, reply)]
        });
        assert_eq!(talk.output, Ok(vec![REFUSED]), "{lead:02X?}");
    }
}

#[test]
fn a_short_echo_and_glued_frames_do_no_harm() {
    // epevermodbus #27: an echo with a byte missing. epics-modules/modbus #39: glued frames.
    for missing in 0..8 {
        let mut series = Series::new(vec![two(&meter())], timing(), Retry::NONE);
        let talk = talk(&mut series, |_, question| {
            let mut bytes = question.to_vec();
            bytes.remove(missing);
            bytes.extend(frame(&[3, 4, 0, 0, 0, 5]));
            vec![burst(ms(1), bytes)]
        });
        assert_eq!(talk.output, Ok(vec![Reply::Data(vec![0, 0, 0, 5])]), "{missing}");
    }
}

#[test]
fn an_echo_alone_is_no_meter() {
    let mut series = Series::new(vec![two(&meter())], timing(), Retry::NONE);
    let deaf = talk(&mut series, |_, q| vec![burst(Duration::ZERO, q.to_vec())]);
    assert_eq!(deaf.output, Err(Trouble::Garbled));
}

#[test]
fn another_units_answer_is_named_and_not_used() {
    let other = meterkit::protocol::modbus::frame::rtu(Unit(2), &[3, 4, 0, 0, 0, 9]);
    let mut series = Series::new(vec![two(&meter())], timing(), Retry::NONE);
    let alone = talk(&mut series, |_, _| vec![burst(TURNAROUND, other.clone())]);
    assert_eq!(alone.output, Err(Trouble::Stranger("2".to_owned())));
    // Heard before the right one, it does no harm.
    let mut series = Series::new(vec![two(&meter())], timing(), Retry::NONE);
    let both = talk(&mut series, |_, _| {
        let own = frame(&[3, 4, 0, 0, 0, 5]);
        vec![burst(ms(10), other.clone()), burst(ms(90), own)]
    });
    assert_eq!(both.output, Ok(vec![Reply::Data(vec![0, 0, 0, 5])]));
}

#[test]
fn silence_is_kept_before_every_question() {
    let came = run(|_, _, answer| vec![burst(TURNAROUND, answer)]);
    assert_eq!(came.sent, 4);
    let mut series = Series::new(vec![two(&meter()); 3], timing(), Retry::NONE).after(ms(2));
    let mut slave = Slave::default();
    let talk = talk(&mut series, |number, question| {
        vec![burst(TURNAROUND, slave.answer(number, question))]
    });
    let reply = TURNAROUND + super::peer::CHARACTER * 9;
    let mut last_byte = ms(2);
    for (begun, over, _) in &talk.sent {
        assert!(*begun >= last_byte + timing().silence, "{begun:?} after {last_byte:?}");
        assert!(*begun <= last_byte + timing().silence + ms(1), "and not longer than needed");
        last_byte = *over + reply;
    }
}

#[test]
fn tcp_answers_are_told_by_their_number() {
    let numbers = Numbers::from(0xFFFE);
    let target = Target::tcp(Unit(1), &numbers);
    let questions = vec![two(&target), two(&target), illegal(&target)];
    let mut series = Series::new(questions, timing(), Retry::default());
    let mut slave = Slave::default();
    let mut held: Option<Vec<u8>> = None;
    let talk = talk(&mut series, |number, question| {
        let transaction = u16::from_be_bytes([question[0], question[1]]);
        let pdu = slave.pdu(number, &question[MBAP..]);
        let answer = tcp(transaction, Unit(1), &pdu);
        match number {
            // The first answer is held back and comes right before the third.
            0 => {
                held = Some(answer);
                Vec::new()
            }
            2 => vec![burst(ms(5), [held.take().unwrap(), answer].concat())],
            _ => vec![burst(ms(5), answer)],
        }
    });
    let replies = talk.output.unwrap();
    assert_eq!(replies[0], Reply::Data(vec![0, 0, 0, 3]), "not the count 1 of its first try");
    assert_eq!(replies[1], Reply::Data(vec![0, 0, 0, 4]));
    assert_eq!(replies[2], REFUSED);
    let used: Vec<[u8; 2]> = talk.sent.iter().map(|(_, _, q)| [q[0], q[1]]).collect();
    assert_eq!(used, [[0xFF, 0xFE], [0xFF, 0xFF], [0, 0], [0, 1], [0, 2]], "each its own");
}

#[test]
fn a_tcp_answer_of_the_wrong_form_is_said_so() {
    for pdu in [&[3u8, 2, 0, 1][..], &[4, 4, 0, 0, 0, 1], &[3, 4, 0, 0], &[3]] {
        let target = Target::tcp(Unit(1), &Numbers::from(7));
        let mut series = Series::new(vec![two(&target)], timing(), Retry::NONE);
        let talk = talk(&mut series, |_, _| vec![burst(ms(5), tcp(7, Unit(1), pdu))]);
        let form = matches!(talk.output, Err(Trouble::Form(_) | Trouble::Garbled));
        assert!(form, "{pdu:02X?}: {:?}", talk.output);
    }
}

/// The same six lines behind a server that speaks Modbus TCP. There is no CRC to be wrong: the
/// protocol number stands for it.
#[test]
fn six_bad_lines_over_tcp_give_right_answers() {
    type Line = fn(usize, &[u8], Vec<u8>) -> Vec<Burst>;
    let cases: [(&str, Line); 6] = [
        ("clean", |_, _, answer| vec![burst(ms(5), answer)]),
        ("local echo", |_, question, answer| {
            vec![burst(Duration::ZERO, question.to_vec()), burst(ms(5), answer)]
        }),
        ("one 00 before the reply", |_, _, answer| vec![burst(ms(5), [vec![0], answer].concat())]),
        ("the first answer after our timeout", |number, _, answer| {
            vec![burst(if number == 0 { ms(900) } else { ms(5) }, answer)]
        }),
        ("20 ms between bytes", |_, _, answer| {
            vec![Burst { after: ms(5), bytes: answer, pause: ms(20) }]
        }),
        ("the first answer with a wrong protocol number", |number, _, mut answer| {
            answer[2] ^= u8::from(number == 0);
            vec![burst(ms(5), answer)]
        }),
    ];
    println!("| case | counts | illegal address | questions | ms |");
    for (name, line) in cases {
        let numbers = Numbers::from(7);
        let target = Target::tcp(Unit(1), &numbers);
        let questions = vec![two(&target), two(&target), two(&target), illegal(&target)];
        let mut series = Series::new(questions, timing(), Retry::default());
        let mut slave = Slave::default();
        let talk = talk(&mut series, |number, question| {
            let transaction = u16::from_be_bytes([question[0], question[1]]);
            let pdu = slave.pdu(number, &question[MBAP..]);
            line(number, question, tcp(transaction, Unit(1), &pdu))
        });
        let replies = talk.output.unwrap_or_else(|error| panic!("{name}: {error}"));
        let count = |reply: &Reply<Vec<u8>>| match reply {
            Reply::Data(data) => u32::from_be_bytes(data.as_slice().try_into().unwrap()),
            Reply::Refused(refusal) => panic!("{name}: {refusal}"),
        };
        let counts: Vec<u32> = replies[..3].iter().map(count).collect();
        let refused = replies[3] == REFUSED;
        let (sent, took) = (talk.sent.len(), talk.ended.as_millis());
        println!("| {name} | {counts:?} | {refused} | {sent} | {took} |");
        // Each answer is that of the last time its question was asked: the counts go on with it.
        let told: Vec<u32> = slave.told.iter().map(|(_, told)| *told).collect();
        assert_eq!(counts[2], *told.last().unwrap(), "{name}");
        assert!(counts.windows(2).all(|pair| pair[0] < pair[1]) && refused, "{name}: {counts:?}");
    }
}

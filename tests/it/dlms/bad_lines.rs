//! Conversations on a bad line: the six cases of the reference (2.2) and more. What is asked for
//! counts itself, so that an answer to an earlier question shows.

use std::time::Duration;

use meterkit::protocol::dlms::{
    Address, Answer, Auth, Data, Ended, Entry, Failure, LinkTrouble, Request, Session,
};
use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use proptest::prelude::*;

use super::line::*;
use super::meter::{Key, Meter};

const COUNT: Key = (1, [0, 0, 96, 15, 0, 255], 2);
const UNKNOWN: Key = (1, [9; 6], 2);
/// SNRM, AARQ, four questions, RLRQ, DISC.
const FRAMES: usize = 8;

fn counting() -> Meter {
    Meter { counter: Some(COUNT), ..meter().with(COUNT, &[6, 0, 0, 0, 0]) }
}

fn questions() -> Vec<Request> {
    vec![get(COUNT), get(COUNT), get(UNKNOWN), get(COUNT)]
}

/// What came, as numbers; 0 for the refusal.
fn told(ended: &Ended) -> Vec<i64> {
    let number = |reply: &Reply<Answer>| match reply {
        Reply::Data(Answer::Value(data)) => data.whole().unwrap(),
        Reply::Refused(refusal) => {
            assert_eq!(refusal.name, "object-undefined");
            0
        }
        other => panic!("{other:?}"),
    };
    ended.replies.iter().map(number).collect()
}

/// Every answer right, or a beginning of them and a failure.
fn right(ended: &Ended, at: &str) -> bool {
    let told = told(ended);
    assert_eq!(told[..], [1, 2, 0, 3][..told.len()], "{at}");
    assert_eq!(told.len() == 4, ended.failure.is_none(), "{at}: {:?}", ended.failure);
    told.len() == 4
}

fn broken(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() - 3;
    bytes[middle] ^= 0x04;
    bytes
}

/// The table of the reference: six lines, and what this client makes of each.
#[test]
fn the_six_bad_lines() {
    type Line = fn(usize, &[u8], Option<Vec<u8>>) -> Vec<Burst>;
    let lines: [(&str, Line); 6] = [
        ("clean", |_, _, answer| answer.map(|a| burst(TURNAROUND, a)).into_iter().collect()),
        ("echo", |_, asked, answer| {
            let end = TURNAROUND + CHARACTER * asked.len() as u32;
            let echo = burst(Duration::ZERO, asked);
            [Some(echo), answer.map(|a| burst(end, a))].into_iter().flatten().collect()
        }),
        ("stray byte", |number, _, answer| {
            let noise = [0x00, 0x7E, 0xFF, 0xA0, 0x68][number % 5];
            answer.map(|a| burst(TURNAROUND, [&[noise][..], &a].concat())).into_iter().collect()
        }),
        ("late answer", |number, _, answer| {
            let after = if number == 3 { ms(900) } else { TURNAROUND };
            answer.map(|a| burst(after, a)).into_iter().collect()
        }),
        ("20 ms between bytes", |_, _, answer| {
            let slow = |bytes| Burst { pause: ms(20), ..burst(TURNAROUND, bytes) };
            answer.map(slow).into_iter().collect()
        }),
        ("bad FCS", |number, _, answer| {
            let bad = |a: Vec<u8>| if number % 2 == 1 { broken(a) } else { a };
            answer.map(|a| burst(TURNAROUND, bad(a))).into_iter().collect()
        }),
    ];
    for (name, line) in lines {
        let mut meter = counting();
        let talk = talk(&mut session(questions()), |number, bytes| {
            let answer = meter.hear(bytes);
            line(number, bytes, answer)
        });
        println!("{name:20} {:2} frames, {:?}", talk.sent.len(), talk.ended);
        assert!(right(&talk.output, name), "{name}: {:?}", talk.output.failure);
        assert!(!meter.connected, "{name}: DISC was sent");
    }
}

#[test]
fn a_late_answer_is_never_taken_for_another() {
    for frame in 0..FRAMES {
        for late in (0..3500).step_by(30) {
            let mut meter = counting();
            let talk = talk(&mut session(questions()), |number, bytes| {
                let after = if number == frame { ms(late) } else { TURNAROUND };
                meter.hear(bytes).map(|a| burst(after, a)).into_iter().collect()
            });
            assert!(right(&talk.output, &format!("{frame} late by {late}")));
            assert!(talk.sent.len() <= FRAMES + 2);
        }
    }
}

#[test]
fn a_lost_frame_is_asked_for_again() {
    for frame in 0..FRAMES {
        // Lost on the way there; on the way back; broken on the way back.
        for case in 0..3 {
            let mut meter = counting();
            let talk = talk(&mut session(questions()), |number, bytes| {
                let answer = if case == 0 && number == frame { None } else { meter.hear(bytes) };
                let answer = answer.filter(|_| case != 1 || number != frame);
                let bad = |a: Vec<u8>| if case == 2 && number == frame { broken(a) } else { a };
                answer.map(|a| burst(TURNAROUND, bad(a))).into_iter().collect()
            });
            assert!(right(&talk.output, &format!("{frame}, case {case}")));
        }
    }
}

/// The same with answers in parts: RR lost, parts lost, parts doubled.
#[test]
fn a_lost_rr_or_part_is_asked_for_again() {
    for frame in 2..16 {
        for case in 0..4 {
            let mut meter = Meter { info: 64, ..counting() };
            let talk = talk(&mut session(vec![get(LONG), get(COUNT)]), |number, bytes| {
                let hit = number == frame;
                let answer = if case == 0 && hit { None } else { meter.hear(bytes) };
                let after = if case == 3 && hit { ms(1200) } else { TURNAROUND };
                match answer.filter(|_| case != 1 || !hit) {
                    // The copy is over before the next answer begins.
                    Some(a) if case == 2 => vec![burst(ms(150), [&a[..], &a].concat())],
                    Some(a) => vec![burst(after, a)],
                    None => Vec::new(),
                }
            });
            let at = format!("{frame}, case {case}");
            assert_eq!(talk.output.failure, None, "{at}");
            let long = Reply::Data(Answer::Value(Data::Octets(long_value())));
            let one = Reply::Data(Answer::Value(Data::Uint(4, 1)));
            assert_eq!(talk.output.replies, [long, one], "{at}");
            // SNRM, AARQ, ten parts, COUNT, RLRQ, DISC; doubled answers cost nothing.
            assert!(case != 2 || talk.sent.len() == 15, "{at}: {}", talk.sent.len());
        }
    }
}

#[test]
fn doubled_answers_do_not_answer_the_next_question() {
    let mut meter = counting();
    let talk = talk(&mut session(questions()), |_, bytes| {
        // The copy is over before the next answer begins.
        let twice = |a: Vec<u8>| burst(ms(150), [&a[..], &a].concat());
        meter.hear(bytes).map(twice).into_iter().collect()
    });
    assert!(right(&talk.output, "doubled"));
    assert_eq!(talk.sent.len(), FRAMES);
}

/// A line that repeats, 400 ms late, every frame a meter ever sent.
#[test]
fn old_frames_are_known_by_their_numbers() {
    let mut meter = counting();
    let talk = talk(&mut session(questions()), |_, bytes| {
        let Some(a) = meter.hear(bytes) else { return Vec::new() };
        vec![burst(TURNAROUND, a.clone()), burst(ms(400), a)]
    });
    assert!(right(&talk.output, "repeated"));
}

/// An answer lost for a while: the poll brings it again, and the lost one comes after all, eight
/// frames later, when its numbers are those expected again.
#[test]
fn an_answer_from_the_last_round_of_numbers_is_not_taken() {
    let mut meter =
        Meter { counter: Some(COUNT), info: 16, ..meter().with(COUNT, &[6, 0, 0, 0, 0]) };
    let mut lost = None;
    let mut old = 0;
    let talk = talk(&mut session(vec![get(COUNT); 20]), |number, bytes| {
        let Some(a) = meter.hear(bytes) else { return Vec::new() };
        if number == 3 {
            lost = Some(a);
            return Vec::new();
        }
        let own = burst(ms(150), a.clone());
        match lost.as_ref().filter(|lost| number > 10 && lost[5] == a[5]) {
            // The old copy in front of the answer with the same numbers, but for the invoke id.
            Some(lost) => {
                old += 1;
                vec![burst(TURNAROUND, lost.clone()), own]
            }
            None => vec![own],
        }
    });
    // Eight frames on the numbers are the same, the invoke id is not: never taken for the answer.
    assert!(old > 0);
    let told = told(&talk.output);
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
}

/// A question asked twice may be answered twice: the next waits until that is over.
#[test]
fn after_a_repetition_the_line_is_left_quiet() {
    let mut meter = counting();
    let talk = talk(&mut session(questions()), |number, bytes| {
        heard(&mut meter, bytes).into_iter().filter(|_| number != 2).collect()
    });
    assert!(right(&talk.output, "one lost"));
    let (asked, next) = (talk.sent[2].0, talk.sent[4].0);
    assert!(next - asked >= timing().late, "{:?}", next - asked);
}

#[test]
fn a_meter_deaf_to_polls_gets_the_question_again() {
    let mut meter = counting();
    let mut dropped = false;
    let talk = talk(&mut session(questions()), |_, bytes| {
        let rr = meter.seen(bytes).is_some_and(|seen| seen.control & 0x0F == 1);
        if rr {
            return Vec::new();
        }
        let Some(a) = meter.hear(bytes) else { return Vec::new() };
        if !dropped && meter.asked.len() == 2 {
            dropped = true;
            return Vec::new();
        }
        vec![burst(TURNAROUND, a)]
    });
    assert!(right(&talk.output, "deaf to RR"));
    assert!(dropped);
}

/// Equal addresses: an echo of RR looks like the meter's word, but for being the very bytes sent.
#[test]
fn an_echo_is_no_answer_even_with_equal_addresses() {
    let mut meter = Meter { client: 3, info: 64, ..counting() };
    let address = Address::parse("1:1").unwrap();
    let requests = vec![get(LONG), get(COUNT)];
    let mut session =
        Session::new(address, Auth::None, requests, timing(), Retry::default(), Entry::Direct);
    let talk = talk(&mut session, |_, bytes| {
        let end = TURNAROUND + CHARACTER * bytes.len() as u32;
        let echo = burst(Duration::ZERO, bytes);
        let answer = meter.hear(bytes).map(|a| burst(end, a));
        [Some(echo), answer].into_iter().flatten().collect()
    });
    assert_eq!(talk.output.failure, None);
    assert_eq!(talk.output.replies.len(), 2);
    // SNRM, AARQ, ten parts, COUNT, RLRQ, DISC: nothing was asked twice.
    assert_eq!(talk.sent.len(), 2 + 10 + 3);
}

#[test]
fn an_echo_alone_is_no_meter() {
    let talk = talk(&mut session(questions()), |_, b| vec![burst(Duration::ZERO, b)]);
    let garbled = Trouble::Garbled;
    assert_eq!(talk.output.failure, Some(Failure::Link(LinkTrouble::Line(garbled))));
    // Three times SNRM, then DISC.
    assert_eq!(talk.sent.len(), 4);
}

#[test]
fn another_meters_answer_is_named() {
    let other = Meter { server: vec![0x05], ..meter() };
    let talk = talk(&mut session(questions()), |_, _| {
        vec![burst(TURNAROUND, other.reply(0x73, false, &[]))]
    });
    let stranger = Trouble::Stranger("2".to_owned());
    assert_eq!(talk.output.failure, Some(Failure::Link(LinkTrouble::Line(stranger))));
}

#[test]
fn a_wrong_invoke_id_is_no_answer() {
    for bad in 1..4 {
        let mut meter = counting();
        let mut spoiled = 0;
        let requests = vec![get(COUNT)];
        let talk = talk(&mut session(requests), |_, bytes| {
            let Some(mut answer) = meter.hear(bytes) else { return Vec::new() };
            // A GET answer: its invoke id stands behind C4 01; the checks are made anew.
            if let Some(at) =
                answer.windows(2).position(|w| w == [0xC4, 1]).filter(|_| spoiled < bad)
            {
                spoiled += 1;
                answer[at + 2] ^= 0x07;
                let end = answer.len() - 3;
                let check = super::meter::fcs(&answer[1..end]);
                answer[end..end + 2].copy_from_slice(&check);
            }
            vec![burst(TURNAROUND, answer)]
        });
        if bad < 3 {
            // Asked again under a new number: the count has gone on.
            assert_eq!(told(&talk.output), [bad + 1]);
        } else {
            let form = LinkTrouble::Line(Trouble::Form("invoke_id"));
            assert_eq!(talk.output.failure, Some(Failure::Link(form)));
        }
    }
}

/// Whatever is lost or broken: done at most once, and never called done or undone wrongly.
#[test]
fn a_write_leaves_once() {
    let write = Request::Set(at(NAME), Data::Uint(1, 7));
    for frame in 0..6 {
        for case in 0..4 {
            let mut meter = meter();
            let talk = talk(&mut session(vec![write.clone()]), |number, bytes| {
                let hit = number == frame || (case == 3 && number >= frame);
                let answer = if case == 0 && hit { None } else { meter.hear(bytes) };
                let answer = answer.filter(|_| !matches!(case, 1 | 3) || !hit);
                let bad = |a: Vec<u8>| if case == 2 && hit { broken(a) } else { a };
                answer.map(|a| burst(TURNAROUND, bad(a))).into_iter().collect()
            });
            let at = format!("{frame}, case {case}: {:?}", talk.output);
            let sets = |(_, bytes): &&(Duration, Vec<u8>)| {
                bytes.windows(5).any(|w| w == [0xE6, 0xE6, 0, 0xC1, 1])
            };
            assert!(talk.sent.iter().filter(sets).count() <= 1, "{at}");
            let claimed = talk.output.replies == [Reply::Data(Answer::Done(None))];
            assert!(!claimed || meter.done.len() == 1, "{at}");
            assert!(meter.done.len() <= 1, "{at}");
            // Done without a word, or not done though it left: then it is unknown.
            assert_eq!(claimed, talk.output.failure.is_none(), "{at}");
            assert!(claimed || meter.done.is_empty() || talk.output.unknown == Some(0), "{at}");
        }
    }
}

#[test]
fn a_lost_answer_to_a_write_is_fetched() {
    let mut meter = meter();
    let requests = vec![Request::Set(at(NAME), Data::Uint(1, 7)), get(NAME)];
    let talk = talk(&mut session(requests), |number, bytes| {
        heard(&mut meter, bytes).into_iter().filter(|_| number != 2).collect()
    });
    assert_eq!(talk.output.failure, None);
    assert_eq!(talk.output.replies[0], Reply::Data(Answer::Done(None)));
    assert_eq!(meter.done.len(), 1);
    // SNRM, AARQ, SET, RR (the answer), GET, RLRQ, DISC.
    assert_eq!(talk.sent.len(), 7);
}

#[test]
fn a_write_that_never_came_is_unknown_and_the_rest_is_not_asked() {
    let mut meter = meter();
    let requests = vec![get(ENERGY), Request::Set(at(NAME), Data::Uint(1, 7)), get(NAME)];
    let talk = talk(&mut session(requests), |number, bytes| match number {
        3 => Vec::new(),
        _ => heard(&mut meter, bytes),
    });
    assert_eq!(talk.output.failure, Some(Failure::Link(LinkTrouble::NotTaken)));
    assert_eq!((talk.output.unknown, talk.output.replies.len()), (Some(1), 1));
    assert!(meter.done.is_empty() && !meter.connected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any mixture of losses, delays, doublings, noise and broken frames.
    #[test]
    fn answers_are_right_or_there_are_none(
        faults in prop::collection::vec((0u8..9, 0u64..3400), FRAMES * 3),
    ) {
        let mut meter = Meter { info: 64, ..counting() };
        let talk = talk(&mut session(questions()), |number, bytes| {
            let (kind, late) = faults.get(number).copied().unwrap_or((9, 0));
            let answer = if kind == 0 { None } else { meter.hear(bytes) };
            let Some(a) = answer else { return Vec::new() };
            match kind {
                1 => Vec::new(),
                2 => vec![burst(ms(late), a)],
                3 => vec![burst(TURNAROUND, broken(a))],
                4 => vec![burst(TURNAROUND, a.clone()), burst(ms(late), a)],
                5 => vec![burst(Duration::ZERO, bytes), burst(ms(100), a)],
                6 => vec![burst(TURNAROUND, [&[late as u8, 0x7E, 0xA0], &a[..]].concat())],
                _ => vec![burst(TURNAROUND, a)],
            }
        });
        right(&talk.output, "mixture");
        prop_assert!(talk.sent.len() <= FRAMES * 3);
        prop_assert!(talk.ended < Duration::from_secs(60), "{:?}", talk.ended);
    }
}

//! The six cases of `reference/other-meters.md` 2.2, for both editions: clean, echo, one stray
//! byte, a late answer, 20 ms between bytes, a wrong checksum. Always a right answer or a right
//! error, never the answer to an earlier question.

use std::time::Duration;

use meterkit::protocol::dlt645::dialogue::{ExchangeError, ReadItems, Reply, Retry, Timing};
use meterkit::protocol::dlt645::frame::Frame;
use meterkit::protocol::dlt645::words::Edition;

use super::peer::{
    Burst, TURNAROUND, answer, burst, meter, ms, reading, reading_1997, talk, timing,
};

/// What is read, by edition: a count that grows with every answer, and an item no meter has.
fn items(edition: Edition) -> [u32; 2] {
    match edition {
        Edition::V2007 => [0x0333_0201, 0x1234_5678],
        Edition::V1997 => [0xB212, 0xEEEE],
    }
}

fn di(edition: Edition, question: &Frame) -> u32 {
    match edition {
        Edition::V2007 => question.di().unwrap(),
        Edition::V1997 => u32::from(u16::from_le_bytes([question.data[0], question.data[1]])),
    }
}

fn said(edition: Edition, question: &Frame, data: &[u8]) -> Frame {
    match edition {
        Edition::V2007 => reading(question, data),
        Edition::V1997 => reading_1997(question, data),
    }
}

/// What the slave of the table says: the count, a refusal for the illegal item, a number for what
/// we ask in between.
struct Slave {
    edition: Edition,
    count: u8,
}

impl Slave {
    fn say(&mut self, question: &Frame) -> Frame {
        let [count, illegal] = items(self.edition);
        match di(self.edition, question) {
            asked if asked == count => {
                self.count += 1;
                said(self.edition, question, &[self.count, 0])
            }
            asked if asked == illegal => {
                // "No such data" has the same bit in both.
                Frame::new(meter(), question.control | 0xC0, [0x02])
            }
            _ => said(self.edition, question, &[0x47, 0, 0, 0, 0, 0]),
        }
    }
}

/// Reads the count twice and the illegal item, with a bad line; the first answer is number 0.
fn row(
    edition: Edition,
    mut line: impl FnMut(usize, &Frame, Frame) -> Vec<Burst>,
) -> Result<(Vec<u8>, usize), ExchangeError> {
    let [count, illegal] = items(edition);
    let mut slave = Slave { edition, count: 0 };
    let asked = vec![count, count, illegal];
    let mut read = ReadItems::of(edition, meter(), asked, timing(), Retry::default());
    let talk = talk(&mut read, |nth, question| {
        let said = slave.say(question);
        line(nth, question, said)
    });
    let replies = talk.output?;
    let [(_, Reply::Data(one)), (_, Reply::Data(two)), (_, Reply::Refused(_))] = &replies[..]
    else {
        panic!("{replies:?}")
    };
    Ok((vec![one[0], two[0]], talk.sent.len()))
}

#[test]
fn the_six_cases_of_both_editions() {
    for edition in [Edition::V2007, Edition::V1997] {
        let clean = row(edition, |_, _, said| answer(&said));
        assert_eq!(clean, Ok((vec![1, 2], 3)), "{edition:?} clean");

        let echo = row(edition, |_, question, said| {
            vec![burst(Duration::ZERO, question.encode(4)), burst(ms(200), said.encode(4))]
        });
        assert_eq!(echo, Ok((vec![1, 2], 3)), "{edition:?} echo");

        let stray =
            row(edition, |_, _, said| vec![burst(TURNAROUND, [vec![0], said.encode(0)].concat())]);
        assert_eq!(stray, Ok((vec![1, 2], 3)), "{edition:?} stray byte");

        let mut spoilt = 0;
        let bad_sum = row(edition, |nth, _, said| {
            let mut bytes = said.encode(4);
            if nth == 0 {
                spoilt += 1;
                let at = bytes.len() - 2;
                bytes[at] ^= 0x55;
            }
            vec![burst(TURNAROUND, bytes)]
        });
        assert_eq!((bad_sum, spoilt), (Ok((vec![2, 3], 5)), 1), "{edition:?}: asked again");

        let dribble = row(edition, |_, _, said| {
            vec![Burst { after: TURNAROUND, bytes: said.encode(4), pause: ms(20) }]
        });
        assert_eq!(dribble, Ok((vec![1, 2], 3)), "{edition:?} 20 ms between bytes");
    }
}

#[test]
fn an_answer_that_is_late_by_anything_never_answers_the_next_question() {
    for edition in [Edition::V2007, Edition::V1997] {
        for late in (400..2900).step_by(50) {
            let seen = row(edition, |nth, _, said| {
                let after = if nth == 0 { ms(late) } else { TURNAROUND };
                vec![burst(after, said.encode(4))]
            });
            let (counts, asked) = seen.unwrap();
            // In time it is the first count; too late it is the count of the second asking.
            let first = if asked == 3 { 1 } else { 2 };
            assert_eq!(counts, [first, first + 1], "{edition:?} {late} ms late, {asked} asked");
        }
    }
}

#[test]
fn two_hundred_bytes_come_in_however_slowly() {
    for edition in [Edition::V2007, Edition::V1997] {
        for baud in [1200, 2400, 9600, 19_200] {
            let di = items(edition)[1];
            let timing = Timing::new(Duration::from_secs(11) / baud, ms(10));
            let mut read = ReadItems::of(edition, meter(), vec![di], timing, Retry::NONE);
            let body: Vec<u8> = (0..196).collect();
            let talk = talk(&mut read, |_, question| {
                let bytes = said(edition, question, &body).encode(4);
                vec![Burst { after: ms(450), bytes, pause: ms(20) }]
            });
            assert_eq!(talk.output, Ok(vec![(di, Reply::Data(body))]), "{edition:?} {baud}");
        }
    }
}

#[test]
fn endless_slow_bytes_end_at_a_known_time() {
    for edition in [Edition::V2007, Edition::V1997] {
        let di = items(edition)[0];
        let mut read = ReadItems::of(edition, meter(), vec![di], timing(), Retry::NONE);
        // A header that announces 255 bytes, and then one byte every 400 ms.
        let talk = talk(&mut read, |_, question| {
            let mut bytes = said(edition, question, &[0x11; 250]).encode(0);
            bytes.truncate(100);
            vec![Burst { after: TURNAROUND, bytes, pause: ms(400) }]
        });
        assert_eq!(talk.output, Err(ExchangeError::Garbled));
        assert!(talk.ended < ms(8000), "{:?}", talk.ended);
    }
}

//! Meters that want the client to crash, hang or grow.

use std::time::Duration;

use meterkit::protocol::dlms::{Ended, Failure, LinkTrouble, Request};
use meterkit::protocol::exchange::Trouble;
use proptest::prelude::*;

use super::line::*;
use super::meter::Meter;

/// Longest a conversation with one request may last, whatever the meter does: a legal answer of
/// 64 KiB in the smallest frames that are put up with takes less.
const PATIENCE: Duration = Duration::from_secs(600);

/// A good meter up to the question; then `answer` with the meter's next number.
fn against(request: Request, mut answer: impl FnMut(&mut Meter, u8, &[u8]) -> Vec<Burst>) -> Ended {
    let mut meter = meter();
    let mut number = 1u8;
    let talk = talk(&mut session(vec![request]), |count, bytes| {
        if count < 2 {
            return heard(&mut meter, bytes);
        }
        let told = answer(&mut meter, number, bytes);
        number = (number + 1) & 7;
        told
    });
    assert!(talk.ended < PATIENCE, "{:?}", talk.ended);
    let disc = talk.sent.last().unwrap();
    assert!(disc.1.windows(2).any(|w| w == [0x21, 0x53]), "DISC at the end");
    talk.output
}

/// Information from the meter: N(S), N(R) as the client expects them.
fn part(meter: &Meter, number: u8, received: u8, more: bool, info: &[u8]) -> Vec<Burst> {
    let control = (received & 7) << 5 | 0x10 | (number & 7) << 1;
    vec![burst(TURNAROUND, meter.reply(control, more, info))]
}

fn endless() -> Option<Failure> {
    Some(Failure::Link(LinkTrouble::Line(Trouble::Endless)))
}

#[test]
fn parts_without_end_are_given_up() {
    for size in [0, 1, 31, 128] {
        let mut count = 0;
        let info = vec![0xE6; size];
        let ended = against(get(LONG), |meter, number, bytes| {
            count += 1;
            match meter.seen(bytes) {
                Some(seen) if seen.control != 0x53 => part(meter, number, 2, true, &info),
                _ => Vec::new(),
            }
        });
        assert_eq!(ended.failure, endless(), "{size}");
        // At 128 bytes a part it is the message that gets too long.
        assert!(count < if size == 128 { 520 } else { 4000 }, "{size}: {count} frames");
    }
}

#[test]
fn blocks_without_end_are_given_up() {
    for size in [0u8, 1, 100] {
        let mut block = 0u32;
        let ended = against(get(LONG), |meter, number, bytes| {
            if !bytes.windows(4).any(|w| w == [0xE6, 0xE6, 0, 0xC0]) {
                return Vec::new();
            }
            block += 1;
            let mut info = vec![0xE6, 0xE7, 0, 0xC4, 2, 0xC1, 0];
            info.extend(block.to_be_bytes());
            info.extend([0, size]);
            info.extend(vec![9; usize::from(size)]);
            part(meter, number, number + 1, false, &info)
        });
        assert_eq!(ended.failure, endless(), "{size}");
        assert!(block < 3000, "{size}: {block} blocks");
    }
}

#[test]
fn blocks_out_of_order_are_not_put_together() {
    for number_sent in [0u32, 2, u32::MAX] {
        let ended = against(get(LONG), |meter, number, bytes| {
            if !bytes.windows(4).any(|w| w == [0xE6, 0xE6, 0, 0xC0]) {
                return Vec::new();
            }
            // The invoke id of the question.
            let invoke = bytes[bytes.iter().position(|b| *b == 0xC0).unwrap() + 2];
            let mut info = vec![0xE6, 0xE7, 0, 0xC4, 2, invoke, 0];
            info.extend(number_sent.to_be_bytes());
            info.extend([0, 2, 9, 0]);
            part(meter, number, number + 1, false, &info)
        });
        let form = LinkTrouble::Line(Trouble::Form("block_number"));
        assert_eq!(ended.failure, Some(Failure::Link(form)));
    }
}

#[test]
fn busy_words_without_end_are_given_up() {
    for kind in [0x11u8, 0x15] {
        let mut count = 0;
        let ended = against(get(LONG), |meter, _, bytes| {
            count += 1;
            match meter.seen(bytes) {
                Some(seen) if seen.control != 0x53 => {
                    vec![burst(TURNAROUND, meter.reply(2 << 5 | kind, false, &[]))]
                }
                _ => Vec::new(),
            }
        });
        assert_eq!(ended.failure, Some(Failure::Link(LinkTrouble::Busy)));
        assert!(count < 12);
    }
    // Always "I did not get it": asked again, but not for ever.
    let mut asked = 0;
    let ended = against(get(LONG), |meter, _, bytes| {
        asked += usize::from(bytes.windows(4).any(|w| w == [0xE6, 0xE6, 0, 0xC0]));
        vec![burst(TURNAROUND, meter.reply(1 << 5 | 0x11, false, &[]))]
    });
    assert_eq!(ended.failure, Some(Failure::Link(LinkTrouble::Busy)));
    assert!((2..12).contains(&asked), "{asked}");
}

#[test]
fn babble_and_dribble_end_in_time() {
    let noises: [Noise; 7] = [
        |_| vec![burst(ms(1), vec![0x55; 30_000])],
        |_| vec![burst(ms(1), vec![0x7E; 30_000])],
        |_| vec![burst(ms(1), [0x7E, 0xA7, 0xFF, 0x21, 0x03].repeat(5000))],
        |_| vec![burst(ms(1), [0x7E, 0xA0].repeat(9000))],
        |asked| vec![burst(ms(1), asked.repeat(500))],
        |_| vec![Burst { pause: ms(1000), ..burst(ms(1), vec![0x7E; 300]) }],
        // A sound head that promises 2000 bytes, and one byte every 490 ms.
        |_| {
            let mut bytes = super::meter::frame(&[0x21], &[3], 0x73, false, &[1; 2000]);
            bytes.truncate(900);
            vec![Burst { pause: ms(490), ..burst(ms(1), bytes) }]
        },
    ];
    for (number, noise) in noises.iter().enumerate() {
        let talk = talk(&mut session(vec![get(ENERGY)]), |_, asked| noise(asked));
        assert!(talk.output.failure.is_some(), "{number}");
        assert_eq!(talk.sent.len(), 4, "{number}: three times SNRM, then DISC");
        assert!(talk.ended < Duration::from_secs(30), "{number}: {:?}", talk.ended);
    }
}

#[test]
fn a_dead_meter_costs_three_tries_and_a_goodbye() {
    let talk = talk(&mut session(vec![get(ENERGY)]), |_, _| Vec::new());
    let silent = Failure::Link(LinkTrouble::Line(Trouble::Silent));
    assert_eq!(talk.output.failure, Some(silent));
    assert_eq!(talk.sent.len(), 4);
    assert!(talk.ended < ms(7000), "{:?}", talk.ended);
}

/// The number is the one expected, but the question has not come: an answer to what?
#[test]
fn information_that_does_not_acknowledge_is_no_answer() {
    let ended = against(get(ENERGY), |meter, number, bytes| match meter.seen(bytes) {
        Some(seen) if seen.control != 0x53 => {
            let info = [0xE6, 0xE7, 0, 0xC4, 1, 0xC1, 0, 17, 7];
            part(meter, number.min(1), 1, false, &info)
        }
        _ => Vec::new(),
    });
    assert_eq!(ended.failure, Some(Failure::Link(Trouble::Garbled.into())));
    assert!(ended.replies.is_empty());
}

#[test]
fn messages_that_lie_are_named() {
    let head = [0xE6, 0xE7, 0x00];
    let lies: [(&[u8], &str); 8] = [
        (&[0xC4, 1, 0xC1, 0, 9, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], ""),
        (&[0xC4, 1], "apdu_truncated"),
        (&[0xC4, 9, 0xC1], "bad_response_type"),
        (&[0xC4, 1, 0xC1, 7], "bad_choice"),
        (&[0xC5, 1, 0xC1, 0], "other_service"),
        (&[0xC0, 1, 0xC1], "apdu_truncated"),
        (&[0x61, 0x80], "bad_apdu_length"),
        (&[0xEE], "unknown_apdu"),
    ];
    for (lie, name) in lies {
        let ended = against(get(LONG), |meter, number, bytes| {
            if !bytes.windows(4).any(|w| w == [0xE6, 0xE6, 0, 0xC0]) {
                return Vec::new();
            }
            let mut info = [&head[..], lie].concat();
            if info.len() > 5 {
                // The invoke id of the question.
                info[5] = bytes[bytes.iter().position(|b| *b == 0xC0).unwrap() + 2];
            }
            part(meter, number, number + 1, false, &info)
        });
        match name {
            // The value is told as it came, with the reason why it is not read.
            "" => assert!(format!("{:?}", ended.replies).contains("apdu_truncated")),
            _ => {
                let form = LinkTrouble::Line(Trouble::Form(name));
                assert_eq!(ended.failure, Some(Failure::Link(form)), "{lie:X?}");
            }
        }
    }
    let no_head = against(get(LONG), |meter, number, _| part(meter, number, 2, false, &[1, 2]));
    assert_eq!(no_head.failure, Some(Failure::Link(Trouble::Form("llc").into())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_meter_sends_the_conversation_ends(
        script in prop::collection::vec(
            (0u64..2000, 0u8..7, any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)),
            1..12,
        ),
    ) {
        let mut meter = Meter { info: 40, ..meter() };
        let requests = vec![get(LONG), Request::GetList(vec![at(ENERGY), at(NAME)]), get(NAME)];
        let talk = talk(&mut session(requests), |number, bytes| {
            let (after, kind, byte, noise) = &script[number % script.len()];
            let good = meter.hear(bytes);
            let told = match kind {
                0 => noise.clone(),
                // Sound frames with any control field and any information.
                1 => meter.reply(*byte, byte & 1 == 1, noise),
                2 => meter.reply(*byte | 0x11, false, &[]),
                3 => {
                    let message = [&[0xE6, 0xE7, 0, 0xC4][..], noise].concat();
                    meter.reply(*byte & !1, false, &message)
                }
                _ => good.unwrap_or_default(),
            };
            vec![burst(ms(*after), told)]
        });
        prop_assert!(talk.sent.len() < 400, "{} frames", talk.sent.len());
        prop_assert!(talk.ended < PATIENCE, "{:?}", talk.ended);
    }
}

//! Signing on through an optical head: 300 baud, choice of mode E, switch, HDLC.

use std::time::Duration;

use meterkit::protocol::dlms::{
    Auth, Data, Ended, Entry, Failure, LinkTrouble, ModeE, Request, Session,
};
use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use meterkit::protocol::{Framing, dlms::Answer};

use super::line::*;
use super::meter::Meter;

const IDENT: &[u8] = b"/LGZ5\\2ZMD3104407.B32\r\n";

fn mode_e(mode: ModeE, requests: Vec<Request>) -> Session {
    let entry = Entry::ModeE(mode);
    Session::new(address(), Auth::None, requests, timing(), Retry::default(), entry)
}

fn with_parity(text: &[u8]) -> Vec<u8> {
    text.iter().map(|b| b | ((b.count_ones() as u8 & 1) << 7)).collect()
}

/// How the optical side behaves.
#[derive(Clone, Copy, Default)]
struct Head {
    /// The head hears itself.
    echo: bool,
    /// The adapter delivers the parity bit.
    parity: bool,
    /// The meter does not confirm the choice.
    mute: bool,
    /// The head is too slow for rates from this one on.
    fails_from: Option<u8>,
}

/// A conversation with a meter behind a head.
fn behind(session: &mut Session, head: Head, meter: &mut Meter) -> Talk<Ended> {
    let mut rate = b'0';
    talk(session, |_, bytes| {
        let plain: Vec<u8> = bytes.iter().map(|b| b & 0x7F).collect();
        let seven = |text: &[u8]| if head.parity { with_parity(text) } else { text.to_vec() };
        let echo = head.echo.then(|| burst(Duration::ZERO, bytes));
        let after = if head.echo {
            ms(250) + Duration::from_millis(40) * bytes.len() as u32
        } else {
            ms(250)
        };
        let answer = match plain.as_slice() {
            [b'/', b'?', ..] => Some(burst(after, seven(IDENT))),
            [0x06, b'2', z, b'2', b'\r', b'\n'] => {
                rate = *z;
                // At the new rate; seven bits and parity are the same ten bits as eight and none.
                let confirm = with_parity(&plain);
                (!head.mute).then(|| burst(ms(250), confirm))
            }
            _ if head.fails_from.is_some_and(|from| rate >= from) => None,
            _ => meter.hear(bytes).map(|a| burst(TURNAROUND, a)),
        };
        // Of the choice the head hears what is left when the line is switched: all of it here.
        let slow = rate == b'0' || bytes.len() == 6;
        [echo.filter(|_| slow), answer].into_iter().flatten().collect()
    })
}

fn energy(ended: &Ended) -> bool {
    ended.replies == [Reply::Data(Answer::Value(Data::Uint(4, 1_234_567)))]
}

#[test]
fn the_line_is_switched_after_the_choice() {
    let mut meter = meter();
    let talk =
        behind(&mut mode_e(ModeE::default(), vec![get(ENERGY)]), Head::default(), &mut meter);
    assert!(energy(&talk.output), "{:?}", talk.output);
    assert_eq!(talk.output.ident.as_deref(), Some("LGZ5\\2ZMD3104407.B32"));
    assert_eq!(talk.sent[0].1, b"/?!\r\n");
    assert_eq!(talk.sent[1].1, b"\x06252\r\n");
    let framings: Vec<Framing> = talk.tuned.iter().map(|(_, framing)| *framing).collect();
    assert_eq!(framings, [Framing::seven(300), Framing::plain(9600)]);
    // Six characters of ten bits at 300 baud have left before the line is switched.
    let left = talk.sent[1].0 + Duration::from_nanos(10_000_000_000 / 300) * 6;
    assert_eq!(talk.tuned[1].0, left);
    assert!(!meter.connected);
}

#[test]
fn the_reaction_time_is_kept() {
    let mut meter = meter();
    let talk = behind(&mut mode_e(ModeE::default(), vec![]), Head::default(), &mut meter);
    // The identification: 250 ms after the question's 5 characters, 23 characters, then 200 ms.
    let character = Duration::from_nanos(10_000_000_000 / 300);
    let heard = character * 5 + ms(250) + character * IDENT.len() as u32;
    assert!(talk.sent[1].0 >= heard + ms(200) && talk.sent[1].0 < heard + ms(210));
}

#[test]
fn every_kind_of_head_works() {
    for number in 0..16u8 {
        let head = Head {
            echo: number & 1 != 0,
            parity: number & 2 != 0,
            mute: number & 4 != 0,
            fails_from: None,
        };
        let software_parity = number & 8 != 0;
        let mode = ModeE { software_parity, ..ModeE::default() };
        let mut meter = meter();
        let talk = behind(&mut mode_e(mode, vec![get(ENERGY)]), head, &mut meter);
        assert!(energy(&talk.output), "{number}: {:?}", talk.output);
        // Not spoken to before the confirmation, or the time for it, is over.
        let quiet = talk.sent[2].0 - talk.tuned[1].0;
        assert!(quiet > if head.mute { ms(1700) } else { ms(450) }, "{number}: {quiet:?}");
        assert_eq!(talk.sent.len(), 2 + 5, "{number}: nothing was asked twice");
        if software_parity {
            assert_eq!(talk.tuned[0].1, Framing::plain(300));
            assert_eq!(talk.sent[0].1, with_parity(b"/?!\r\n"));
        }
    }
}

#[test]
fn an_address_and_a_limit_are_used() {
    let mode = ModeE { address: "12/34!5".into(), fastest: 5000, ..ModeE::default() };
    let mut meter = meter();
    let talk = behind(&mut mode_e(mode, vec![get(ENERGY)]), Head::default(), &mut meter);
    assert!(energy(&talk.output));
    assert_eq!(talk.sent[0].1, b"/?12345!\r\n");
    assert_eq!(talk.sent[1].1, b"\x06242\r\n");
    assert_eq!(talk.tuned[1].1, Framing::plain(4800));
}

#[test]
fn a_head_too_slow_for_the_rate_is_tried_one_lower() {
    let head = Head { fails_from: Some(b'5'), ..Head::default() };
    let mut meter = meter();
    let talk = behind(&mut mode_e(ModeE::default(), vec![get(ENERGY)]), head, &mut meter);
    assert!(energy(&talk.output), "{:?}", talk.output);
    let rates: Vec<u32> = talk.tuned.iter().map(|(_, framing)| framing.baud).collect();
    assert_eq!(rates, [300, 9600, 300, 4800]);
    // All too fast: an end.
    let head = Head { fails_from: Some(b'0'), ..Head::default() };
    let talk = behind(&mut mode_e(ModeE::default(), vec![get(ENERGY)]), head, &mut meter);
    let silent = Failure::Link(LinkTrouble::Line(Trouble::Silent));
    assert_eq!(talk.output.failure, Some(silent));
    assert!(talk.ended < Duration::from_secs(90), "{:?}", talk.ended);
}

#[test]
fn a_meter_without_mode_e_is_named() {
    for ident in [&b"/ELS5EM24\r\n"[..], b"/ISK\\2M\r\n", b"/ABCA\\2x\r\n"] {
        let mut session = mode_e(ModeE::default(), vec![get(ENERGY)]);
        let talk = talk(&mut session, |_, _| vec![burst(ms(250), ident)]);
        let name = String::from_utf8_lossy(&ident[1..ident.len() - 2]).into_owned();
        assert_eq!(talk.output.failure, Some(Failure::NoModeE(name)));
        assert_eq!(talk.sent.len(), 1, "nothing more is said to it");
    }
}

#[test]
fn silence_echo_and_noise_end_in_time() {
    let noises: [Noise; 6] = [
        |_| Vec::new(),
        |asked| vec![burst(Duration::ZERO, asked)],
        |_| vec![burst(ms(300), vec![b'/'; 20_000])],
        |_| vec![burst(ms(300), vec![0xFF; 20_000])],
        |_| vec![Burst { pause: ms(1000), ..burst(ms(300), IDENT) }],
        |_| vec![burst(ms(300), &b"/LGZ5\\2never ends"[..])],
    ];
    for (number, noise) in noises.iter().enumerate() {
        let mut session = mode_e(ModeE::default(), vec![get(ENERGY)]);
        let talk = talk(&mut session, |_, asked| noise(asked));
        assert!(matches!(talk.output.failure, Some(Failure::SignOn(_))) || number == 4, "{number}");
        assert!(talk.sent.len() <= 3 || number == 4, "{number}");
        assert!(talk.ended < Duration::from_secs(60), "{number}: {:?}", talk.ended);
    }
}

#[test]
fn a_broken_identification_is_asked_for_again() {
    let mut meter = meter();
    let mut first = true;
    let mut session = mode_e(ModeE::default(), vec![get(ENERGY)]);
    let talk = talk(&mut session, |_, bytes| {
        if std::mem::take(&mut first) {
            // One bit: the parity tells.
            let mut ident = with_parity(IDENT);
            ident[6] ^= 0x01;
            return vec![burst(ms(250), ident)];
        }
        match bytes {
            [b'/', ..] => vec![burst(ms(250), with_parity(IDENT))],
            [0x06, ..] => vec![burst(ms(250), with_parity(bytes))],
            _ => heard(&mut meter, bytes),
        }
    });
    assert!(energy(&talk.output), "{:?}", talk.output);
    assert_eq!(talk.sent[1].1, b"/?!\r\n");
}

/// A line whose rate is set elsewhere stays as it is: the meter is told 300 baud.
#[test]
fn a_line_that_cannot_be_switched_stays_slow() {
    use meterkit::protocol::{Dialogue, Step, Tick};
    let mut session = mode_e(ModeE::default(), vec![get(ENERGY)]);
    let mut now = Tick::ZERO;
    assert!(matches!(session.step(now), Step::Tune(_)));
    session.tuned(false);
    assert!(matches!(session.step(now), Step::Send(_)));
    session.sent(now);
    session.feed(IDENT, now);
    let choice = loop {
        match session.step(now) {
            Step::Quarantine(until) | Step::Wait(until) => now = until,
            Step::Send(bytes) => break bytes,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(choice, b"\x06202\r\n");
}

/// The six bad lines of `reference/other-meters.md` 2.2, at each message of the sign-on and of the
/// conversation behind it.
#[test]
fn the_six_bad_lines_behind_a_head() {
    println!("| case | message | came to |");
    for case in ["clean", "echo", "stray", "late", "20 ms", "bad check"] {
        for place in 0..6 {
            let mut meter = meter();
            let mut session = mode_e(ModeE::default(), vec![get(ENERGY)]);
            let talk = talk(&mut session, |number, bytes| {
                let head = matches!(bytes, [b'/' | 0x06, ..]);
                let answer = match bytes {
                    [b'/', ..] => with_parity(IDENT),
                    [0x06, ..] => with_parity(bytes),
                    _ => meter.hear(bytes).unwrap_or_default(),
                };
                let (after, character) = if head { (ms(250), ms(40)) } else { (TURNAROUND, ms(2)) };
                let hit = number == place && !answer.is_empty();
                match case {
                    "echo" => {
                        let own = character * u32::try_from(bytes.len()).unwrap();
                        vec![burst(Duration::ZERO, bytes), burst(after + own, answer)]
                    }
                    "stray" if hit => vec![burst(after, [&[0][..], &answer].concat())],
                    "late" if hit => vec![burst(ms(3000), answer)],
                    "20 ms" => vec![Burst { pause: ms(20), ..burst(after, answer) }],
                    "bad check" if hit => {
                        let mut spoilt = answer;
                        let last = spoilt.len() - 3;
                        spoilt[last] ^= 0x01;
                        vec![burst(after, spoilt)]
                    }
                    _ => vec![burst(after, answer)],
                }
            });
            let right = energy(&talk.output);
            let word = if right { "read".to_owned() } else { format!("{:?}", talk.output.failure) };
            println!("| {case} | {place} | {word} |");
            assert!(right || talk.output.failure.is_some(), "{case} {place}: {:?}", talk.output);
            assert!(talk.ended < Duration::from_secs(60), "{case} {place}: {:?}", talk.ended);
            // What is not lost is read; what is lost once is asked for again.
            let harmless = matches!(case, "clean" | "echo" | "stray" | "20 ms");
            assert!(right || !harmless, "{case} {place}: {word}");
        }
    }
}

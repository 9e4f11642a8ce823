//! The line model, virtual time, learned echoes and wrappers: the laws they keep.
//!
//! Nothing here sleeps or opens a device; real terminals and sockets are in `pty.rs`.

#[cfg(feature = "serial")]
mod again;
mod hostile;
mod rfc2217;
mod ser2net;
mod sockets;
mod tune;

use std::collections::VecDeque;
use std::time::Duration;

use meterkit::transport::bus::{Bus, Station};
use meterkit::transport::echo::Habit;
use meterkit::transport::line::{Hits, Side, Wiring};
use meterkit::transport::wrap::{
    Direction, Event, Faulty, Paced, Recorded, Traced, parse_recordings,
};
use meterkit::transport::{Faults, Line, LineSettings, Link, LinkError, Parity, VirtualLink};

const MS: Duration = Duration::from_millis(1);

/// Answers every `want` bytes with the next of `replies`, each piece after its own delay.
#[derive(Debug, Default)]
pub struct Scripted {
    want: usize,
    heard: Vec<u8>,
    rounds: Vec<Vec<u8>>,
    replies: VecDeque<Vec<(Duration, Vec<u8>)>>,
    out: VecDeque<(Duration, Vec<u8>)>,
}

impl Scripted {
    pub fn new(want: usize, replies: Vec<Vec<(Duration, Vec<u8>)>>) -> Scripted {
        Scripted { want, replies: replies.into(), ..Scripted::default() }
    }

    /// Answers each of `rounds` requests of `want` bytes with `reply` after `delay`.
    pub fn steady(want: usize, delay: Duration, reply: &[u8], rounds: usize) -> Scripted {
        Scripted::new(want, vec![vec![(delay, reply.to_vec())]; rounds])
    }

    pub fn rounds(&self) -> &[Vec<u8>] {
        &self.rounds
    }
}

impl Station for Scripted {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.heard.extend(bytes);
        while self.want > 0 && self.heard.len() >= self.want {
            self.rounds.push(self.heard.drain(..self.want).collect());
            let reply = self.replies.pop_front().unwrap_or_default();
            self.out.extend(reply.into_iter().map(|(delay, bytes)| (at + delay, bytes)));
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.out.pop_front()
    }
}

fn line(settings: LineSettings) -> Line {
    Line::new(settings, Faults::NONE)
}

fn ramp(count: usize) -> Vec<u8> {
    (0..count).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// Everything that arrives until `deadline`, and when the last of it did.
fn collect(link: &mut dyn Link, deadline: Duration) -> (Vec<u8>, Duration) {
    let (mut all, mut last) = (Vec::new(), Duration::ZERO);
    let mut buffer = [0; 64];
    loop {
        match link.recv(&mut buffer, deadline).unwrap() {
            0 => return (all, last),
            count => {
                all.extend(&buffer[..count]);
                last = link.now();
            }
        }
    }
}

/// What `to` hears of `bytes` sent once by the other side.
fn heard(line: &mut Line, to: Side, bytes: &[u8]) -> Vec<u8> {
    let from = if to == Side::Far { Side::Tool } else { Side::Far };
    let all = line.send(from, Duration::ZERO, bytes);
    all.into_iter().filter(|delivery| delivery.to == to).map(|delivery| delivery.byte).collect()
}

// --- time ---------------------------------------------------------------------------------------

#[test]
fn an_exchange_takes_exactly_the_time_of_its_bits() {
    // transport.md 2: 40 bytes and 25 ms at 2400 8E1 are 208.3 ms.
    let station = Scripted::steady(20, 25 * MS, &ramp(20), 1);
    let mut link = VirtualLink::new(station, line(LineSettings::default()));
    let sent = link.send(&ramp(20)).unwrap();
    assert_eq!(sent.as_micros(), 91_666);
    let (reply, last) = collect(&mut link, 1000 * MS);
    assert_eq!(reply, ramp(20));
    assert_eq!(last.as_micros(), 208_333);
    assert_eq!(link.now(), 1000 * MS, "listening goes on to the deadline and not beyond");
}

#[test]
fn asking_again_the_moment_the_answer_is_there_collides_with_nothing() {
    for baud in [300, 1200, 2400, 9600, 19_200, 115_200] {
        for echo in [0, Faults::ALWAYS] {
            let station = Scripted::steady(16, 25 * MS, &[0x68; 24], 500);
            let faults = Faults { echo, ..Faults::NONE };
            let mut link = VirtualLink::new(station, Line::new(LineSettings::even(baud), faults));
            for round in 0..500 {
                link.send(&ramp(16)).unwrap();
                let mut left = 24;
                while left > 0 {
                    let deadline = link.now() + 5000 * MS;
                    let count = link.recv(&mut [0; 24], deadline).unwrap();
                    assert!(count > 0, "{baud} baud, echo {echo}, round {round}");
                    left -= count;
                }
            }
            assert_eq!(link.hits().collided, 0);
        }
    }
}

#[test]
fn an_adapter_with_a_tick_answers_on_the_tick() {
    // transport.md 2: 9600 with a 16 ms tick takes 80.0 ms instead of 70.8.
    for (tick, expected) in [(Duration::ZERO, 70_833), (16 * MS, 80_000)] {
        let mut wiring = Wiring::even(LineSettings::even(9600));
        wiring.latency = tick;
        let station = Scripted::steady(20, 25 * MS, &ramp(20), 1);
        let mut link = VirtualLink::new(station, Line::wired(wiring, Faults::NONE));
        link.send(&ramp(20)).unwrap();
        let (reply, last) = collect(&mut link, 1000 * MS);
        assert_eq!((reply, last.as_micros()), (ramp(20), expected));
    }
}

#[test]
fn a_second_message_waits_for_the_first_to_leave() {
    let mut link = VirtualLink::new(Scripted::default(), line(LineSettings::even(1200)));
    let first = link.send(&ramp(12)).unwrap();
    assert_eq!(first.as_millis(), 110);
    assert_eq!(link.send(&ramp(12)).unwrap().as_millis(), 220);
    link.advance(500 * MS);
    assert_eq!(link.send(&ramp(12)).unwrap().as_millis(), 610);
}

#[test]
fn a_deadline_in_the_past_takes_only_what_is_there() {
    let station = Scripted::steady(1, 10 * MS, &[1, 2, 3], 1);
    let mut link = VirtualLink::new(station, line(LineSettings::default()));
    link.send(&[0]).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(link.recv(&mut buffer, Duration::ZERO).unwrap(), 0);
    assert_eq!(link.now(), Duration::ZERO);
    link.advance(20 * MS);
    assert_eq!(link.recv(&mut buffer, Duration::ZERO).unwrap(), 1, "two are still on the wire");
    assert_eq!(link.now(), 20 * MS);
}

// --- bits ---------------------------------------------------------------------------------------

#[test]
fn settings_that_do_not_fit_are_not_understood() {
    let even = LineSettings::even;
    let odd = LineSettings { parity: Parity::Odd, ..even(2400) };
    let seven = LineSettings { data_bits: 7, ..even(2400) };
    let bytes = ramp(40);
    let cases = [
        ("the same", even(2400), even(2400), true),
        ("four times as fast", even(9600), even(2400), false),
        ("four times as slow", even(2400), even(9600), false),
        ("twice as fast", even(4800), even(2400), false),
        ("odd", odd, even(2400), false),
        ("no parity bit", LineSettings::plain(2400), even(2400), false),
        ("seven bits", seven, even(2400), false),
        // A receiver samples the middle of ten bits: 2 % are nothing, 8 % are too much.
        ("2 % off", even(2448), even(2400), true),
        ("8 % off", even(2592), even(2400), false),
        // Two stop bits to one: only a longer pause.
        ("two stop bits", LineSettings { stop_bits: 2, ..even(2400) }, even(2400), true),
    ];
    for (name, tool, far, understood) in cases {
        let wiring = Wiring { tool, far, ..Wiring::even(far) };
        for to in [Side::Far, Side::Tool] {
            let got = heard(&mut Line::wired(wiring, Faults::NONE), to, &bytes);
            assert_eq!(got == bytes, understood, "{name}, heard by {to:?}: {got:02X?}");
        }
    }
}

#[test]
fn a_bad_character_reads_as_a_terminal_reads_it() {
    let faults = Faults { seed: 5, corrupted: Faults::ALWAYS, ..Faults::NONE };
    let sent = vec![0xA5; 2000];
    // With parity: one flipped bit is read as 00, two make another byte or a broken frame.
    let even = heard(&mut Line::new(LineSettings::even(9600), faults.clone()), Side::Tool, &sent);
    let nuls = even.iter().filter(|byte| **byte == 0).count();
    assert!((700..1500).contains(&nuls), "{nuls} of {} are 00", even.len());
    assert!(even.iter().any(|byte| *byte != 0 && *byte != 0xA5), "two flips give a wrong byte");
    // Without parity there is no 00: a wrong byte, or none when the stop bit is hit.
    let plain = heard(&mut Line::new(LineSettings::plain(9600), faults), Side::Tool, &sent);
    assert!(plain.iter().filter(|byte| **byte == 0).count() < 20);
    assert!(plain.len() < 2000 && plain.len() > 1000, "{} frames left", plain.len());
}

#[test]
fn two_meters_answering_at_once_spoil_each_other() {
    let reply = |byte: u8| vec![byte; 12];
    let at = |ms: u32, byte| (ms * MS, reply(byte));
    // (start of the second answer, collides)
    for (second, collides) in [(25, true), (60, true), (77, true), (90, false), (300, false)] {
        let station = Scripted::new(4, vec![vec![at(25, 0x33), at(second, 0xCA)]]);
        let mut link = VirtualLink::new(station, line(LineSettings::default()));
        link.send(&ramp(4)).unwrap();
        let (got, _) = collect(&mut link, 2000 * MS);
        let both = [reply(0x33), reply(0xCA)].concat();
        assert_eq!(got != both, collides, "second answer at {second} ms: {got:02X?}");
        assert_eq!(link.hits().collided > 0, collides);
        assert!(!got.is_empty(), "a collision is heard as something");
    }
}

#[test]
fn who_speaks_into_an_answer_loses_both() {
    // The answer is under way when the tool sends again: on one pair of wires nobody is understood.
    for half_duplex in [true, false] {
        let wiring = Wiring { half_duplex, ..Wiring::even(LineSettings::default()) };
        let station = Scripted::steady(4, 25 * MS, &REPLY, 2);
        let mut link = VirtualLink::new(station, Line::wired(wiring, Faults::NONE));
        link.send(&ramp(4)).unwrap();
        link.advance(60 * MS);
        link.send(&ramp(4)).unwrap();
        let (got, _) = collect(&mut link, 2000 * MS);
        let rounds = link.station().rounds().len();
        let understood = got == [REPLY, REPLY].concat() && rounds == 2;
        assert_eq!(understood, !half_duplex, "{rounds} rounds, {got:02X?}");
        // The start of the answer had arrived before the tool spoke; what was over stays heard.
        assert!(got.starts_with(&REPLY[..3]), "{got:02X?}");
    }
}

// --- faults -------------------------------------------------------------------------------------

fn run(seed: u64, exchanges: usize) -> (Vec<(Duration, Vec<u8>)>, Hits, usize) {
    let station = Scripted::steady(12, 25 * MS, &ramp(20), exchanges * 4);
    let mut link =
        VirtualLink::new(station, Line::new(LineSettings::default(), Faults::every_family(seed)));
    let mut log = Vec::new();
    for _ in 0..exchanges {
        link.send(&ramp(12)).unwrap();
        let deadline = link.now() + 400 * MS;
        let (got, last) = collect(&mut link, deadline);
        log.push((last, got));
    }
    let under_way = link.line_mut().unwrap().under_way();
    (log, link.hits(), under_way)
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_does_not() {
    let (first, hits, _) = run(7, 2000);
    let (again, again_hits, _) = run(7, 2000);
    let (other, ..) = run(8, 2000);
    assert_eq!(first, again);
    assert_eq!(hits, again_hits);
    assert_ne!(first, other);
}

#[test]
fn twenty_thousand_exchanges_meet_every_fault_and_leave_nothing_behind() {
    let (log, hits, under_way) = run(1, 20_000);
    for (name, count) in hits.named() {
        let wanted = if name == "overrun" { count == 0 } else { count >= 100 };
        assert!(wanted, "{name}: {count}");
    }
    let whole = log.iter().filter(|(_, got)| *got == ramp(20)).count();
    assert!((10_000..19_000).contains(&whole), "{whole} of 20 000 exchanges went well");
    assert!(under_way < 400, "{under_way} bytes and messages are still held after 20 000 rounds");
}

#[test]
fn each_fault_does_what_it_says_and_nothing_else() {
    let base = Faults { seed: 3, ..Faults::NONE };
    let sent = ramp(40);
    let all =
        |faults: Faults| heard(&mut Line::new(LineSettings::default(), faults), Side::Far, &sent);
    assert_eq!(all(base.clone()), sent);
    assert_eq!(all(Faults { lost: Faults::ALWAYS, ..base.clone() }), [0u8; 0]);
    let cut = all(Faults { truncated: Faults::ALWAYS, ..base.clone() });
    assert!(!cut.is_empty() && cut.len() < 40 && sent.starts_with(&cut), "{cut:02X?}");
    let twice = all(Faults { duplicated: Faults::ALWAYS, ..base.clone() });
    assert_eq!(twice, [sent.clone(), sent.clone()].concat());
    assert_eq!(all(Faults { dropped: Faults::ALWAYS, ..base.clone() }), [0u8; 0]);
    let noisy = all(Faults { noise: Faults::ALWAYS, ..base.clone() });
    let real: Vec<u8> = noisy.iter().skip(1).step_by(2).copied().collect();
    assert_eq!((noisy.len(), real), (80, sent.clone()));
    let only = Faults { lost: Faults::ALWAYS, only: Some(Side::Far), ..base.clone() };
    assert_eq!(all(only), sent, "the tool's messages are not struck");
    let mut late = Line::new(
        LineSettings::default(),
        Faults { late: Faults::ALWAYS, late_by: (700 * MS, 700 * MS), ..base },
    );
    let first = late.send(Side::Far, Duration::ZERO, &sent)[0];
    assert_eq!(first.at, 700 * MS + LineSettings::default().character());
}

#[test]
fn a_late_answer_arrives_in_the_middle_of_a_later_exchange() {
    let faults = Faults {
        late: Faults::ALWAYS,
        late_by: (830 * MS, 830 * MS),
        only: Some(Side::Far),
        ..Faults::NONE
    };
    let replies = vec![vec![(60 * MS, vec![0x11; 6])], vec![(60 * MS, vec![0x22; 6])]];
    let mut link =
        VirtualLink::new(Scripted::new(4, replies), Line::new(LineSettings::default(), faults));
    link.send(&ramp(4)).unwrap();
    assert_eq!(collect(&mut link, 500 * MS).0, [0u8; 0]);
    link.line_mut().unwrap().set_faults(Faults::NONE);
    link.advance(385 * MS);
    link.send(&ramp(4)).unwrap();
    let (got, _) = collect(&mut link, 1500 * MS);
    assert_eq!(got, [[0x11; 6], [0x22; 6]].concat(), "the old answer comes first");
}

#[test]
fn an_unplugged_adapter_is_gone_until_it_is_plugged_in() {
    let station = Scripted::steady(2, 5 * MS, &[9, 9], 3);
    let mut link = VirtualLink::new(station, line(LineSettings::default()));
    link.send(&[1, 2]).unwrap();
    link.unplug();
    assert_eq!(link.send(&[1, 2]), Err(LinkError::Gone));
    assert_eq!(link.recv(&mut [0; 4], 100 * MS), Err(LinkError::Gone));
    link.plug();
    link.advance(100 * MS);
    link.send(&[3, 4]).unwrap();
    collect(&mut link, 400 * MS);
    let station = link.into_station();
    assert_eq!(station.rounds(), [[1, 2], [3, 4]], "what had left the adapter arrived");
}

// --- echo ---------------------------------------------------------------------------------------

const REQUEST: [u8; 8] = [0x01, 0x03, 0x00, 0x00, 0x00, 0x02, 0xC4, 0x0B];
const REPLY: [u8; 9] = [0x01, 0x03, 0x04, 0x00, 0x00, 0x00, 0x07, 0xBB, 0xF1];

fn exchange(link: &mut dyn Link, request: &[u8], wait: Duration) -> Vec<u8> {
    let end = link.send(request).unwrap();
    collect(link, end + wait).0
}

/// The six cases of other-meters.md 2.2, each without echo and with it: what comes up must be the
/// reply with its defect and nothing of the request, and the exchange after it must be clean.
#[test]
fn the_six_bad_line_cases_come_up_as_they_are_with_and_without_echo() {
    let clean = vec![(25 * MS, REPLY.to_vec())];
    let zero_first = vec![(25 * MS, [&[0][..], &REPLY[..]].concat())];
    let too_late = vec![(900 * MS, REPLY.to_vec())];
    let apart: Vec<_> = (0..9).map(|i| ((25 + 25 * i) * MS, vec![REPLY[i as usize]])).collect();
    let mut bad = REPLY.to_vec();
    bad[8] ^= 0x10;
    let cases = [
        ("clean", clean.clone(), REPLY.to_vec()),
        ("one 00 before the reply", zero_first, [&[0][..], &REPLY[..]].concat()),
        ("after the time limit", too_late, vec![]),
        ("20 ms between bytes", apart, REPLY.to_vec()),
        ("bad checksum", vec![(25 * MS, bad.clone())], bad),
        ("no answer", vec![], vec![]),
    ];
    for echo in [0, Faults::ALWAYS] {
        for (name, reply, expected) in &cases {
            let station =
                Scripted::new(8, vec![clean.clone(), reply.clone(), clean.clone(), clean.clone()]);
            let faults = Faults { echo, ..Faults::NONE };
            let mut link = VirtualLink::new(station, Line::new(LineSettings::default(), faults));
            // The first exchange teaches.
            assert_eq!(exchange(&mut link, &REQUEST, 500 * MS), REPLY, "{name}, echo {echo}");
            let habit = if echo > 0 { Habit::Echoes } else { Habit::Silent };
            assert_eq!(link.echo(), habit, "{name}");
            let got = exchange(&mut link, &REQUEST, 500 * MS);
            assert_eq!(got, *expected, "{name}, echo {echo}");
            let quiet = link.now() + 1000 * MS;
            let late = collect(&mut link, quiet).0;
            let owed = if *name == "after the time limit" { REPLY.to_vec() } else { vec![] };
            assert_eq!(late, owed, "{name}, echo {echo}: drained");
            assert_eq!(exchange(&mut link, &REQUEST, 500 * MS), REPLY, "{name}, echo {echo}");
            assert_eq!(link.echo(), habit, "{name}");
        }
    }
}

// --- wrappers -----------------------------------------------------------------------------------

#[test]
fn a_recording_reads_back_as_it_was_and_traces_agree() {
    let station = Scripted::steady(8, 25 * MS, &REPLY, 3);
    let link = VirtualLink::new(station, line(LineSettings::default()));
    let mut seen: Vec<(Direction, Vec<u8>)> = Vec::new();
    let sink = |direction, _: Duration, bytes: &[u8]| match seen.last_mut() {
        Some((last, all)) if *last == direction => all.extend(bytes),
        _ => seen.push((direction, bytes.to_vec())),
    };
    let mut link = Recorded::new(Traced::new(link, sink), Vec::new());
    for _ in 0..3 {
        exchange(&mut link, &REQUEST, 300 * MS);
    }
    let (_, text) = link.finish().unwrap();
    let text = String::from_utf8(text).unwrap();
    let entries = parse_recordings(&text).unwrap().remove(0).entries;
    assert_eq!(entries.len(), 6, "{text}");
    let pairs = entries.iter().map(|entry| match &entry.event {
        Event::Sent(bytes) => (Direction::Sent, bytes.iter().flatten().copied().collect()),
        Event::Received(bytes) => (Direction::Received, bytes.iter().flatten().copied().collect()),
        Event::Tuned(_) => panic!("{text}"),
    });
    assert_eq!(pairs.collect::<Vec<_>>(), seen);
    // 8 characters, 25 ms, one character: the first byte of the reply.
    assert_eq!(
        (entries[1].at.as_micros(), entries[1].span.as_micros()),
        (66_249, 36_666),
        "{text}"
    );
}

#[test]
fn faults_wrapped_around_a_link_are_seeded_and_all_happen() {
    let run = |seed| {
        let station = Scripted::steady(8, 25 * MS, &REPLY, 100_000);
        let link = VirtualLink::new(station, line(LineSettings::default()));
        let mut link = Faulty::new(link, Faults::every_family(seed));
        let log: Vec<_> = (0..3000).map(|_| exchange(&mut link, &REQUEST, 300 * MS)).collect();
        (log, *link.hits())
    };
    let (log, hits) = run(4);
    assert_eq!((log.clone(), hits), run(4));
    assert_ne!(log, run(5).0);
    for (name, count) in hits.named() {
        let never = ["echoed", "collided", "overrun"].contains(&name);
        assert!(if never { count == 0 } else { count > 10 }, "{name}: {count}");
    }
    let whole = log.iter().filter(|got| got[..] == REPLY).count();
    assert!((1500..2900).contains(&whole), "{whole} of 3000 went well");
}

#[test]
fn a_paced_link_takes_the_time_of_the_line() {
    let bus = Bus::unpaced(Scripted::steady(20, Duration::ZERO, &[0xA5; 20], 1));
    let mut link = Paced::new(VirtualLink::over(bus), LineSettings::default());
    assert_eq!(link.send(&ramp(20)).unwrap().as_micros(), 91_666);
    let (reply, last) = collect(&mut link, 1000 * MS);
    assert_eq!(reply, [0xA5; 20]);
    assert_eq!(last.as_micros(), 183_333);
}

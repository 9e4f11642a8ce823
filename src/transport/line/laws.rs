//! Laws of the line model that hold whatever is set, sent and struck.

use std::time::Duration;

use proptest::prelude::*;

use super::{Faults, Line, Side, Wiring};
use crate::transport::{LineSettings, Parity};

const MS: Duration = Duration::from_millis(1);

/// What the far side hears of `bytes` sent once by the tool.
fn heard(line: &mut Line, bytes: &[u8]) -> Vec<u8> {
    let all = line.send(Side::Tool, Duration::ZERO, bytes);
    all.into_iter().filter(|d| d.to == Side::Far).map(|d| d.byte).collect()
}

fn any_settings() -> impl Strategy<Value = LineSettings> {
    let parity = prop_oneof![Just(Parity::None), Just(Parity::Even), Just(Parity::Odd)];
    (any::<u32>(), parity, any::<u8>(), any::<u8>()).prop_map(
        |(baud, parity, data_bits, stop_bits)| LineSettings {
            baud: baud % 200_000,
            parity,
            data_bits,
            stop_bits,
        },
    )
}

proptest! {
    /// Whatever is set and sent, time goes forward, nobody hears more characters than fit, and a
    /// line without faults between equal ends carries everything.
    #[test]
    fn any_line_keeps_order_and_time(
        tool in any_settings(),
        far in any_settings(),
        seed in any::<u64>(),
        half_duplex in any::<bool>(),
        messages in prop::collection::vec(
            (any::<bool>(), 0_u64..400, prop::collection::vec(any::<u8>(), 0..40)), 0..8),
    ) {
        let wiring = Wiring { tool, far, half_duplex, latency: 3 * MS };
        let mut line = Line::wired(wiring, Faults::every_family(seed));
        let (mut now, mut last) = (Duration::ZERO, [Duration::ZERO; 2]);
        let mut check = |line: &mut Line, until: Duration| -> Result<(), TestCaseError> {
            while let Some(delivery) = line.take(until) {
                let last = &mut last[usize::from(delivery.to == Side::Far)];
                prop_assert!(delivery.at >= *last && delivery.at <= until);
                *last = delivery.at;
            }
            Ok(())
        };
        for (tool_speaks, pause, bytes) in messages {
            now += Duration::from_millis(pause);
            check(&mut line, now)?;
            line.transmit(if tool_speaks { Side::Tool } else { Side::Far }, now, &bytes);
        }
        check(&mut line, Duration::MAX)?;
        prop_assert_eq!(line.next_at(), None);
    }

    #[test]
    fn equal_ends_understand_each_other_at_any_setting(
        settings in any_settings(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mask = if settings.data_bits <= 7 { 0x7F } else { 0xFF };
        let meant: Vec<u8> = bytes.iter().map(|byte| byte & mask).collect();
        prop_assert_eq!(heard(&mut Line::new(settings, Faults::NONE), &bytes), meant);
    }

    /// The bit by bit receiver and the short way agree: a message that collides with one far away
    /// in value but not in time is heard as if alone.
    #[test]
    fn sampling_agrees_with_the_short_way(
        settings in any_settings(),
        bytes in prop::collection::vec(any::<u8>(), 1..30),
    ) {
        // A baud rate one off forces sampling, and is far within what a receiver stands.
        let near = LineSettings { baud: settings.baud.max(2000) + 1, ..settings };
        let tool = LineSettings { baud: settings.baud.max(2000), ..settings };
        let wiring = Wiring { tool, far: near, ..Wiring::even(near) };
        let mask = if settings.data_bits <= 7 { 0x7F } else { 0xFF };
        let meant: Vec<u8> = bytes.iter().map(|byte| byte & mask).collect();
        prop_assert_eq!(heard(&mut Line::wired(wiring, Faults::NONE), &bytes), meant);
    }
}

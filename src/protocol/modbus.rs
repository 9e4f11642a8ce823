//! Modbus RTU on a serial line and Modbus TCP: meters of Acrel and many others.
//!
//! `frame` builds and checks frames, `pdu` what is in them; `plan` merges what is wanted into few
//! reads; `ask` holds the questions and what answers them, `money` the one frame that carries
//! money; `explain` puts recorded bytes into words. Registers are addressed from 0, as they are on
//! the wire. Sources and traps: `docs/protocols/modbus.md`.

pub mod ask;
pub mod explain;
pub mod frame;
pub mod money;
pub mod pdu;
pub mod plan;
pub mod write;

use std::time::Duration;

/// Bits of a character the silence is counted in, whatever the characters are (Modbus over serial
/// line 1.02, 2.5.1.1).
const SILENCE_BITS: u64 = 11;
/// Above this speed the silence is fixed.
const SILENCE_BAUD: u32 = 19_200;
/// The silence above it.
const SILENCE_FAST: Duration = Duration::from_micros(1750);

/// Quiet that must be on a line before a frame: 3.5 characters up to 19200 baud, then 1.75 ms; or
/// what the meter itself needs, if that is more.
pub fn silence(baud: u32, needed: Duration) -> Duration {
    let frame = match baud {
        0 => SILENCE_FAST,
        baud if baud <= SILENCE_BAUD => {
            Duration::from_nanos(7 * SILENCE_BITS * 1_000_000_000 / 2 / u64::from(baud))
        }
        _ => SILENCE_FAST,
    };
    frame.max(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_that_of_the_standard_or_more() {
        let none = Duration::ZERO;
        assert_eq!(silence(9600, none), Duration::from_nanos(4_010_416));
        assert_eq!(silence(19_200, none), Duration::from_nanos(2_005_208));
        assert_eq!(silence(38_400, none), Duration::from_micros(1750));
        assert_eq!(silence(9600, Duration::from_millis(30)), Duration::from_millis(30));
        assert_eq!(silence(0, none), Duration::from_micros(1750));
    }
}

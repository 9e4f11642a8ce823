//! What an entry holds of its meter's account: the last byte of its place in the index, so that the
//! newest evidence and the newest balance are found without reading what lies in front of them.

use super::event::Event;

/// Evidence.
pub const EVIDENCE: u8 = 1;
/// No evidence, but a balance to be shown.
pub const BALANCE: u8 = 2;

/// What this entry holds; 0: nothing of it.
pub fn holds(event: &Event) -> u8 {
    match event {
        _ if event.evidence().is_some() => EVIDENCE,
        Event::Reading(reading) if reading.shown.is_some() => BALANCE,
        _ => 0,
    }
}

//! Status words 04000501 to 507 and their block (`reference/dlt645.md` 3.6).

use super::meter::Meter;
use super::setup::Security;
use crate::units::CreditUnit;

/// Word 1.
const CLOCK_BATTERY_LOW: u16 = 1 << 2;
const READING_BATTERY_LOW: u16 = 1 << 3;
const POWER_REVERSED: u16 = 1 << 4;
const OVERDRAFT: u16 = 1 << 14;
const CLOCK_ERROR: u16 = 1 << 15;
/// Word 7 (bits 9 and 10 by makers' choice).
const TERMINAL_COVER_OPEN: u16 = 1 << 10;
/// Word 3.
const SECOND_DAY_TABLES: u16 = 1 << 0;
const PROGRAMMING: u16 = 1 << 3;
const RELAY_OPEN: u16 = 1 << 4;
const SECOND_ZONES: u16 = 1 << 5;
const ORDERED_OPEN: u16 = 1 << 6;
const PRE_TRIP_ALARM: u16 = 1 << 7;
const ENERGY_PURSE: u16 = 0b01 << 8;
const MONEY_PURSE: u16 = 0b10 << 8;
const SECOND_PRICES: u16 = 1 << 10;
const SECOND_STEPS: u16 = 1 << 11;
const KEEP_POWER: u16 = 1 << 12;
const AUTHENTICATED: u16 = 1 << 13;
const LOCAL_NOT_OPENED: u16 = 1 << 14;
const REMOTE_NOT_OPENED: u16 = 1 << 15;

impl Meter {
    /// `040005nn`: one word, or the block of seven.
    pub(super) fn status(&self, di: u32) -> Option<Vec<u8>> {
        let words = [
            self.word_1(),
            self.word_2(),
            self.word_3(),
            self.phase_word(0),
            self.phase_word(1),
            self.phase_word(2),
            self.word_7(),
        ]
        .map(u16::to_le_bytes);
        match di & 0xFF {
            0xFF => Some(words.concat()),
            0x08 if self.setup.security == Security::Esam => {
                // Key state: the low 17 bits set mean formal keys [CLDC].
                let keys: u32 = if self.setup.test_keys { 0 } else { 0x0001_FFFF };
                Some(keys.to_le_bytes().to_vec())
            }
            nth => words.get((nth as usize).wrapping_sub(1)).map(|word| word.to_vec()),
        }
    }

    fn word_1(&self) -> u16 {
        let mut word = 0;
        if self.setup.no_clock {
            word |= CLOCK_ERROR | CLOCK_BATTERY_LOW;
        }
        if self.marks.clock_battery {
            word |= CLOCK_BATTERY_LOW;
        }
        if self.marks.reading_battery {
            word |= READING_BATTERY_LOW;
        }
        if self.purse.overdraft() > 0 {
            word |= OVERDRAFT;
        }
        let total: i64 = self.elements().iter().map(|element| element.watts).sum();
        if total < 0 {
            word |= POWER_REVERSED;
        }
        word
    }

    fn word_7(&self) -> u16 {
        let cover = if self.marks.terminal_open { TERMINAL_COVER_OPEN } else { 0 };
        cover | self.sequence_bits()
    }

    fn word_3(&self) -> u16 {
        let [zones, days, prices, steps] = self.second_sets;
        let closed = self.purse.account.is_none();
        let bits = [
            (days, SECOND_DAY_TABLES),
            (zones, SECOND_ZONES),
            (prices, SECOND_PRICES),
            (steps, SECOND_STEPS),
            (self.setup.programming, PROGRAMMING),
            (!self.relay.closed, RELAY_OPEN),
            (self.relay.ordered_open, ORDERED_OPEN),
            (self.warns_of_trip(), PRE_TRIP_ALARM),
            (self.relay.keep, KEEP_POWER),
            (self.live_session().is_some(), AUTHENTICATED),
            (closed, LOCAL_NOT_OPENED | REMOTE_NOT_OPENED),
        ];
        let purse = match self.setup.unit {
            CreditUnit::Kwh => ENERGY_PURSE,
            CreditUnit::Yuan => MONEY_PURSE,
        };
        bits.iter().filter(|(on, _)| *on).fold(purse, |word, (_, bit)| word | bit)
    }

    /// A trip was ordered and waits, or the balance is at the second alarm while the load is on.
    fn warns_of_trip(&self) -> bool {
        let low = self.purse.account.is_some() && self.purse.net <= self.second_alarm();
        self.relay.trip_at_ms.is_some() || self.relay.closed && !self.relay.keep && low
    }
}

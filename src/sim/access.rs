//! Passwords (levels, lock, change) and who may write what.

use serde::{Deserialize, Serialize};

use super::answer::Act;
use super::bcd;
use super::meter::Meter;
use super::setup::{MeterSetup, Security};

/// ERR bit 2: wrong password, or not authorised.
pub(super) const NOT_AUTHORISED: u8 = 0x04;
/// Wrong passwords in a row before the meter locks, and for how long (1997 firmware HH; 2.2).
pub const PASSWORD_TRIES: u8 = 5;
const LOCK_MS: u64 = 24 * 3_600_000;
/// Password levels 00 to 09.
const LEVELS: usize = 10;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Access {
    /// P0 P1 P2 of each level, as they come on the wire.
    passwords: [[u8; 3]; LEVELS],
    wrong: u8,
    locked_until_ms: u64,
    /// MAC errors in this clock hour.
    pub mac_errors: u8,
    /// The clock hour (hours since 2000) they belong to.
    pub mac_hour: i64,
}

impl Access {
    /// Another password, `PA P0 P1 P2`. False for a level there is none of.
    pub(super) fn set_password(&mut self, key: [u8; 4]) -> bool {
        let [level, password @ ..] = key;
        let place = self.passwords.get_mut(usize::from(level));
        place.map(|place| *place = password).is_some()
    }

    pub(super) fn new(setup: &MeterSetup) -> Self {
        let digits = setup.password.parse::<u64>().unwrap_or(0);
        let low_first = bcd::encode(digits, 3);
        let mut password = [low_first[0], low_first[1], low_first[2]];
        if setup.password_as_typed {
            password.reverse();
        }
        Self {
            passwords: [password; LEVELS],
            wrong: 0,
            locked_until_ms: 0,
            mac_errors: 0,
            mac_hour: 0,
        }
    }
}

/// Identifiers that a meter with a security module takes only as "class 1": plain text with a MAC,
/// PA 99 (6.6).
const CLASS_1: &[u32] = &[
    0x0400_0108,
    0x0400_0109,
    0x0400_0306,
    0x0400_0307,
    0x0400_0402,
    0x0400_040E,
    0x0400_1001,
    0x0400_1002,
    0x0405_02FF,
    0x0406_05FF,
    0x0406_0AFF,
    0x0406_0BFF,
];

/// And as "class 2": sealed, PA 98.
const CLASS_2: &[u32] = &[0x0400_1003, 0x0400_1004, 0x0400_1005, 0x0400_0F03, 0x0400_0F04];

/// The refund command in the guise of a parameter (6.4); either form is taken.
pub(super) const REFUND: u32 = 0x0400_1006;

/// How a parameter has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Password,
    Mac,
    Sealed,
    MacOrSealed,
}

impl Meter {
    pub(super) fn guard_of(&self, di: u32) -> Guard {
        match self.setup.security {
            Security::Password => Guard::Password,
            Security::Esam if di == REFUND => Guard::MacOrSealed,
            Security::Esam if CLASS_1.contains(&di) => Guard::Mac,
            Security::Esam if CLASS_2.contains(&di) => Guard::Sealed,
            Security::Esam => Guard::Password,
        }
    }

    /// Whether `PA P0 P1 P2` may write and command. A wrong password is counted; too many lock the
    /// meter for a day, against the right one too.
    pub(super) fn password_allows(&mut self, key: [u8; 4]) -> bool {
        let may = self.setup.levels.contains(&key[0]);
        self.password_is_right(key) && may
    }

    fn password_is_right(&mut self, key: [u8; 4]) -> bool {
        if self.time.up_ms < self.access.locked_until_ms {
            return false;
        }
        let [level, password @ ..] = key;
        let right = self.access.passwords.get(usize::from(level)) == Some(&password);
        if right {
            self.access.wrong = 0;
            return true;
        }
        self.access.wrong += 1;
        if self.access.wrong >= PASSWORD_TRIES {
            self.access.wrong = 0;
            self.access.locked_until_ms = self.time.up_ms + LOCK_MS;
        }
        false
    }

    /// 18H: `DI 04000C0n | PA_old P_old(3) | PA_new P_new(3)`. A level may be changed by itself or
    /// by a higher one (a smaller number).
    pub(super) fn change_password(&mut self, data: &[u8]) -> Act {
        let Some(bytes) = data.first_chunk::<12>().filter(|_| data.len() == 12) else {
            return Act::refuse_other();
        };
        let [d0, d1, d2, d3, old_level, o0, o1, o2, new_level, new @ ..] = *bytes;
        let di = u32::from_le_bytes([d0, d1, d2, d3]);
        let level = usize::from(new_level);
        if level >= LEVELS || di != 0x0400_0C01 + u32::from(new_level) {
            return Act::Refuse(vec![super::answer::NO_SUCH_DATA]);
        }
        let right = self.password_is_right([old_level, o0, o1, o2]);
        if !right || old_level > new_level {
            return Act::Refuse(vec![NOT_AUTHORISED]);
        }
        if self.write_is_lost() {
            return Act::Silent;
        }
        self.access.passwords[level] = new;
        Act::Done([&[new_level], new.as_slice()].concat())
    }
}

//! 14H to 1EH and 08H, except the relay's: everything that stores something but money.

use super::access::{Guard, NOT_AUTHORISED, REFUND};
use super::answer::{Act, NO_SUCH_DATA};
use super::bcd;
use super::civil::Civil;
use super::esam;
use super::events::{Freeze, Kind};
use super::meter::Meter;
use super::params::WriteFault;
use super::setup::{Edition, Security};
use crate::units::{AccountNo, MeterNo};

/// ERR bit 3: the speed cannot be changed.
const BAUD_FAULT: u8 = 0x08;
/// How far a broadcast time may be off, seconds (2.1).
pub const BROADCAST_TIME_MAX_S: i64 = 5 * 60;
/// The same for a meter of 1997 (2.2), which wants the same day besides.
const BROADCAST_TIME_1997_S: i64 = 10 * 60;
const DAY_S: i64 = 86_400;

/// Speeds by feature bit (2.1): bit 1 is 600, bit 6 is 19200.
const BAUDS: [u32; 6] = [600, 1200, 2400, 4800, 9600, 19_200];

/// The feature byte of a speed; 0 for one that has none.
pub(super) fn baud_bit(baud: u32) -> u8 {
    BAUDS.iter().position(|known| *known == baud).map_or(0, |bit| 2 << bit)
}

/// A 14H request taken apart.
struct Write<'a> {
    di: u32,
    operator: [u8; 4],
    /// Identifier, key and operator as sent: what a MAC covers besides the data.
    header: &'a [u8],
    data: &'a [u8],
}

impl Meter {
    /// 14H: `DI(4) PA P0 P1 P2 C0..C3 data`.
    pub(super) fn write(&mut self, data: &[u8]) -> Act {
        let Some(header) = data.first_chunk::<12>() else { return Act::refuse_other() };
        let [d0, d1, d2, d3, level, p0, p1, p2, operator @ ..] = *header;
        let write = Write {
            di: u32::from_le_bytes([d0, d1, d2, d3]),
            operator,
            header: &data[..12],
            data: &data[12..],
        };
        let plain = match self.unlock(&write, [level, p0, p1, p2]) {
            Ok(plain) => plain,
            Err(act) => return act,
        };
        self.store(&Write { data: &plain, ..write })
    }

    /// Checks the right to write and returns the plain data.
    fn unlock(&mut self, write: &Write<'_>, key: [u8; 4]) -> Result<Vec<u8>, Act> {
        let denied = || Act::Refuse(vec![NOT_AUTHORISED]);
        let by_level = match (self.guard_of(write.di), key[0]) {
            (Guard::Password, 0x00..=0x09) => None,
            (Guard::Mac | Guard::MacOrSealed, 0x99) => Some(false),
            (Guard::Sealed | Guard::MacOrSealed, 0x98) => Some(true),
            _ => return Err(denied()),
        };
        let Some(sealed) = by_level else {
            return if self.password_allows(key) { Ok(write.data.to_vec()) } else { Err(denied()) };
        };
        if self.mac_suspended() {
            return Err(denied());
        }
        let session = self.live_session().ok_or_else(denied)?;
        let plain = if sealed {
            esam::open_sealed(self.setup.no, session, write.header, write.data)
        } else {
            write.data.split_last_chunk::<4>().and_then(|(plain, code)| {
                let covered = [write.header, plain].concat();
                let right = esam::mac(self.setup.no, session.random2, &covered) == *code;
                right.then(|| plain.to_vec())
            })
        };
        plain.ok_or_else(|| {
            self.count_mac_error();
            denied()
        })
    }

    fn store(&mut self, write: &Write<'_>) -> Act {
        match self.keep(write) {
            Ok(()) => Act::Done(Vec::new()),
            Err(WriteFault::Unknown) => Act::Refuse(vec![NO_SUCH_DATA]),
            Err(WriteFault::Content) => Act::refuse_other(),
        }
    }

    /// Stores an item whose right to be written has been checked.
    pub(super) fn store_item(
        &mut self,
        di: u32,
        operator: [u8; 4],
        data: &[u8],
    ) -> Result<(), WriteFault> {
        self.keep(&Write { di, operator, header: &[], data })
    }

    fn keep(&mut self, write: &Write<'_>) -> Result<(), WriteFault> {
        let esam = self.setup.security == Security::Esam;
        match write.di {
            di if self.setup.lacks.contains(&di) => Err(WriteFault::Unknown),
            // With a security module only the standby set can be written (3.4).
            0x0401_0000..=0x0401_FFFF if esam => Err(WriteFault::Unknown),
            0x0400_0101 | 0x0400_0102 | 0x0400_010C => self.store_clock(write),
            0x0400_0401 => self.store_address(write.data),
            0x0400_040E => self.store_customer(write.data),
            REFUND => self.refund(write.data),
            0x0400_0703 => self.store_baud(write.data),
            di => self.params.check(di, write.data).map(|()| {
                if !self.write_is_lost() {
                    self.params.store(di, write.data);
                }
            }),
        }?;
        if !self.write_is_lost() {
            self.record_programming(write);
        }
        Ok(())
    }

    /// Time 6, operator 4, ten identifiers (the unused ones FF).
    fn record_programming(&mut self, write: &Write<'_>) {
        let mut record = self.time.clock().stamp().to_vec();
        record.extend(write.operator);
        record.extend(write.di.to_le_bytes());
        record.resize(50, 0xFF);
        self.events.add(Kind::Programming, record);
    }

    fn store_clock(&mut self, write: &Write<'_>) -> Result<(), WriteFault> {
        if self.setup.no_clock {
            return Err(WriteFault::Unknown);
        }
        let now = self.time.clock();
        let [second, minute, hour, day, month, year] = now.stamp();
        let stamp = match (write.di, write.data) {
            (0x0400_0101, [_, d, m, y]) => [second, minute, hour, *d, *m, *y],
            (0x0400_0102, [s, m, h]) => [*s, *m, *h, day, month, year],
            (0x0400_010C, [s, m, h, _, d, mo, y]) => [*s, *m, *h, *d, *mo, *y],
            _ => return Err(WriteFault::Content),
        };
        let clock = Civil::from_stamp(&stamp).ok_or(WriteFault::Content)?;
        if !self.write_is_lost() {
            self.time.set(clock);
            let record = [&write.operator[..], &now.stamp(), &clock.stamp()].concat();
            self.events.add(Kind::ClockSet, record);
        }
        Ok(())
    }

    fn store_address(&mut self, data: &[u8]) -> Result<(), WriteFault> {
        let no = data.try_into().ok().and_then(MeterNo::from_wire).ok_or(WriteFault::Content)?;
        if !self.write_is_lost() {
            self.no = no;
        }
        Ok(())
    }

    fn store_customer(&mut self, data: &[u8]) -> Result<(), WriteFault> {
        let account = data.try_into().ok().and_then(AccountNo::from_wire);
        let account = account.ok_or(WriteFault::Content)?;
        if !self.write_is_lost() {
            // All zeros is how an account is closed.
            self.purse.account = (account.wire() != [0; 6]).then_some(account);
        }
        Ok(())
    }

    fn store_baud(&mut self, data: &[u8]) -> Result<(), WriteFault> {
        let baud = data.first().filter(|_| data.len() == 1).and_then(|byte| baud_of(*byte));
        let baud = baud.ok_or(WriteFault::Content)?;
        if !self.write_is_lost() {
            self.baud = baud;
        }
        Ok(())
    }

    /// The amount in binary; not more than the balance.
    fn refund(&mut self, data: &[u8]) -> Result<(), WriteFault> {
        let amount: [u8; 4] = data.try_into().map_err(|_| WriteFault::Content)?;
        let amount = i64::from(u32::from_le_bytes(amount));
        let account = self.purse.account.ok_or(WriteFault::Content)?;
        if amount == 0 || amount > self.purse.balance() || self.purse.is_full() {
            return Err(WriteFault::Content);
        }
        if !self.write_is_lost() {
            self.purse.refund(account, amount, self.time.uptime());
        }
        Ok(())
    }

    /// 15H: the new address; answered from it. Silent without the programming button, because on a
    /// bus every meter hears the wildcard.
    pub(super) fn write_address(&mut self, data: &[u8]) -> Act {
        let no = data.try_into().ok().and_then(MeterNo::from_wire);
        match no {
            Some(no) if self.setup.programming => {
                if !self.write_is_lost() {
                    self.no = no;
                }
                Act::Done(Vec::new())
            }
            _ => Act::Silent,
        }
    }

    /// 08H: ss mm hh DD MM YY. Never answered; see 2.1 for when it is ignored.
    pub(super) fn broadcast_time(&mut self, data: &[u8]) {
        let Some(clock) = Civil::from_stamp(data).filter(|_| data.len() == 6) else { return };
        let now = self.time.clock();
        let today = now.seconds() / DAY_S;
        let near = |second: i64| {
            let apart = (now.second_of_day() - second).rem_euclid(DAY_S);
            apart.min(DAY_S - apart) < BROADCAST_TIME_MAX_S
        };
        let settles = self.params.get(0x0400_0B01).unwrap_or_default();
        let settling = matches!(settles[..], [hour, day] if bcd::plain(day) == Some(now.day)
            && bcd::plain(hour).is_some_and(|hour| near(i64::from(hour) * 3600)));
        let (most, other_day) = match self.setup.edition {
            Edition::V2007 => (BROADCAST_TIME_MAX_S, false),
            Edition::V1997 => (BROADCAST_TIME_1997_S, clock.seconds() / DAY_S != today),
        };
        let off = (clock.seconds() - now.seconds()).abs() > most || other_day;
        let again = self.time.broadcast_day == Some(today);
        if self.setup.no_clock || off || near(0) || settling || again {
            return;
        }
        self.time.set(clock);
        self.time.broadcast_day = Some(today);
    }

    /// 16H: mm hh DD MM; 99 everywhere freezes now, else the pattern is kept.
    pub(super) fn freeze_command(&mut self, data: &[u8]) -> Act {
        let Ok(pattern) = <[u8; 4]>::try_from(data) else { return Act::refuse_other() };
        if self.write_is_lost() {
            return Act::Silent;
        }
        if pattern == [0x99; 4] {
            self.freeze(Freeze::Instant);
        } else if !self.events.schedule(pattern) {
            return Act::refuse_other();
        }
        Act::Done(Vec::new())
    }

    /// 17H: answered at the old speed; whoever drives the line looks at [`Meter::baud`] afterwards.
    pub(super) fn change_baud(&mut self, data: &[u8]) -> Act {
        match data {
            [byte] => match baud_of(*byte) {
                Some(baud) => {
                    if !self.write_is_lost() {
                        self.baud = baud;
                    }
                    Act::Done(vec![*byte])
                }
                None => Act::Refuse(vec![BAUD_FAULT]),
            },
            _ => Act::refuse_other(),
        }
    }

    /// 19H, 1AH, 1BH: `PA P(3) C(4)` and for 1BH an identifier; or 20 sealed bytes (L=28).
    pub(super) fn clear(&mut self, control: u8, data: &[u8]) -> Act {
        let (Some(key), Some(operator)) = (data.first_chunk::<4>(), data.get(4..8)) else {
            return Act::refuse_other();
        };
        let mut plain = data[8..].to_vec();
        if data.len() == 28 && key[0] == 0x98 {
            let session = self.live_session().filter(|_| !self.mac_suspended());
            let Some(session) = session else { return Act::Refuse(vec![NOT_AUTHORISED]) };
            match esam::open_sealed(self.setup.no, session, key, &plain) {
                Some(opened) => plain = opened,
                None => {
                    self.count_mac_error();
                    return Act::Refuse(vec![NOT_AUTHORISED]);
                }
            }
        } else if !self.password_allows(*key) {
            return Act::Refuse(vec![NOT_AUTHORISED]);
        }
        if self.write_is_lost() {
            return Act::Silent;
        }
        let mut record = self.time.clock().stamp().to_vec();
        record.extend(operator);
        match (control, plain.as_slice()) {
            (0x19, []) => {
                record.resize(202, 0);
                self.energy.clear_peak();
                self.events.add(Kind::DemandClear, record);
            }
            (0x1A, []) => {
                record.extend(self.energies(24));
                self.energy.clear();
                self.events.add(Kind::MeterClear, record);
            }
            (0x1B, &[d0, d1, d2, d3]) => {
                let di = u32::from_le_bytes([d0, d1, d2, d3]);
                if !self.events.clear(di) {
                    return Act::Refuse(vec![NO_SUCH_DATA]);
                }
                record.extend(di.to_le_bytes());
                self.events.add(Kind::EventClear, record);
            }
            _ => return Act::refuse_other(),
        }
        Act::Done(Vec::new())
    }

    /// 1DH: what the multi-function output shows; the word 1 bits are not simulated.
    pub(super) fn output(&mut self, data: &[u8]) -> Act {
        match data {
            [signal @ 0..=2] => Act::Done(vec![*signal]),
            _ => Act::refuse_other(),
        }
    }
}

/// Exactly one of the bits 1 to 6.
fn baud_of(feature: u8) -> Option<u32> {
    let one = feature.is_power_of_two() && feature & 0x7E != 0;
    one.then(|| BAUDS.get(feature.trailing_zeros() as usize - 1).copied()).flatten()
}

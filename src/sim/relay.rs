//! The relay and its commands, 1CH (`reference/dlt645.md` 5).

use serde::{Deserialize, Serialize};

use super::answer::Act;
use super::civil::Civil;
use super::esam;
use super::events::Kind;
use super::meter::Meter;
use super::setup::{Reclose, Security};

/// ERR bit 0: refused for a reason that has no bit of its own.
const OTHER: u8 = 0x01;

/// Why the load is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reason {
    Command,
    Arrears,
    Overload,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Relay {
    pub closed: bool,
    /// Status word 3 bit 6: what was last ordered, by command or by the purse.
    pub ordered_open: bool,
    pub reason: Option<Reason>,
    pub keep: bool,
    pub alarm: bool,
    /// Waiting for the customer's button.
    pub close_allowed: bool,
    /// Uptime at which an ordered trip happens (04001401).
    pub trip_at_ms: Option<u64>,
    /// Uptime at which the load comes back (1D, 1E).
    pub restore_at_ms: Option<u64>,
    /// Uptime since which the load is above its limit (04090B01).
    #[serde(default)]
    pub over_since_ms: Option<u64>,
    /// Uptime at which the load comes back after an overload trip.
    #[serde(default)]
    pub reclose_at_ms: Option<u64>,
}

impl Relay {
    /// Above the limit, or off because of it.
    pub(super) fn overloaded(&self) -> bool {
        self.over_since_ms.is_some() || self.reason == Some(Reason::Overload)
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            closed: true,
            ordered_open: false,
            reason: None,
            keep: false,
            alarm: false,
            close_allowed: false,
            trip_at_ms: None,
            restore_at_ms: None,
            over_since_ms: None,
            reclose_at_ms: None,
        }
    }
}

/// Bits of the long answers to 1CH in its extended form (PA 98, P2 01).
mod result {
    pub const CLOSED: u16 = 0x0001;
    pub const CLOSE_ALLOWED: u16 = 0x0002;
    pub const OPEN: u16 = 0x0004;
    pub const DELAYED: u16 = 0x0008;
    pub const RESTORES: u16 = 0x0010;
    pub const KEEP_ON: u16 = 0x0100;
    pub const KEEP_OFF: u16 = 0x0200;
    pub const ALARM_ON: u16 = 0x0400;
    pub const ALARM_OFF: u16 = 0x0800;
    pub const SUSPENDED: u16 = 0x0001;
    pub const MAC: u16 = 0x0002;
    pub const PASSWORD: u16 = 0x0004;
    pub const SESSION: u16 = 0x0008;
    pub const DEADLINE: u16 = 0x0010;
    pub const KEPT: u16 = 0x0020;
}

/// Why a relay command is refused: the bit of the long answer, and the ERR byte of the short one.
struct Refusal(u16, u8);

impl Meter {
    /// 1CH: `PA P0 P1 P2 | C0..C3 | N1 N2 ss mm hh DD MM YY`, or 20 bytes of cipher and MAC.
    pub(super) fn relay_command(&mut self, data: &[u8]) -> Act {
        let extended = data.first() == Some(&0x98) && data.get(3) == Some(&0x01);
        match self.try_relay(data) {
            Ok(bits) if extended => Act::Done(bits.to_le_bytes().to_vec()),
            Ok(_) => Act::Done(Vec::new()),
            Err(Refusal(bits, _)) if extended => Act::Refuse(bits.to_le_bytes().to_vec()),
            Err(Refusal(_, err)) => Act::Refuse(vec![err]),
        }
    }

    fn try_relay(&mut self, data: &[u8]) -> Result<u16, Refusal> {
        let (Some(key), Some(operator), Some(body)) =
            (data.first_chunk::<4>(), data.get(4..8), data.get(8..))
        else {
            return Err(Refusal(0, OTHER));
        };
        let operator = [operator[0], operator[1], operator[2], operator[3]];
        let plain = self.relay_body(*key, body)?;
        let [n1, n2, until @ ..] = plain;
        let Some(until) = Civil::from_stamp(&until) else {
            return Err(Refusal(result::DEADLINE, OTHER));
        };
        // A meter without a clock cannot judge the deadline and lets it pass.
        if !self.setup.no_clock && self.time.clock() > until {
            return Err(Refusal(result::DEADLINE, OTHER));
        }
        if self.write_is_lost() {
            return Ok(0);
        }
        self.act_on_relay(n1, n2, operator)
    }

    /// Checks the right to command and returns the eight command bytes.
    fn relay_body(&mut self, key: [u8; 4], body: &[u8]) -> Result<[u8; 8], Refusal> {
        let short = body.first_chunk::<8>().filter(|_| body.len() == 8).copied();
        if self.setup.security == Security::Password || key[0] != 0x98 {
            let plain = short.ok_or(Refusal(0, OTHER))?;
            if !self.password_allows(key) {
                return Err(Refusal(result::PASSWORD, super::access::NOT_AUTHORISED));
            }
            // With a security module, a password alone may only close (3JL).
            let only_closes = matches!(plain[0], 0x1B | 0x1C);
            if self.setup.security == Security::Esam && !only_closes {
                return Err(Refusal(result::SESSION, super::access::NOT_AUTHORISED));
            }
            return Ok(plain);
        }
        if self.mac_suspended() {
            return Err(Refusal(result::SUSPENDED, super::access::NOT_AUTHORISED));
        }
        let session =
            self.live_session().ok_or(Refusal(result::SESSION, super::access::NOT_AUTHORISED))?;
        let plain = esam::open_sealed(self.setup.no, session, &key, body)
            .and_then(|plain| plain.first_chunk::<8>().copied());
        plain.ok_or_else(|| {
            self.count_mac_error();
            Refusal(result::MAC, super::access::NOT_AUTHORISED)
        })
    }

    fn act_on_relay(&mut self, n1: u8, n2: u8, operator: [u8; 4]) -> Result<u16, Refusal> {
        match n1 {
            0x1A | 0x1D | 0x1E if self.relay.keep => Err(Refusal(result::KEPT, OTHER)),
            0x1A => Ok(self.order_trip(operator)),
            0x1D | 0x1E => {
                self.open_relay(Reason::Command, operator);
                let pause_ms = u64::from(n2) * 5 * 60_000;
                self.relay.restore_at_ms = Some(self.time.up_ms + pause_ms);
                Ok(result::OPEN | result::RESTORES)
            }
            // A purse meter in overdraft ignores a close: it answers, and nothing moves.
            0x1B | 0x1C if self.must_stay_open() => Ok(0),
            0x1B => {
                self.relay.ordered_open = false;
                self.relay.trip_at_ms = None;
                self.relay.close_allowed = !self.relay.closed;
                Ok(result::CLOSE_ALLOWED)
            }
            0x1C => {
                self.close_relay(operator);
                Ok(result::CLOSED)
            }
            0x2A => {
                self.relay.alarm = true;
                Ok(result::ALARM_ON)
            }
            0x2B => {
                self.relay.alarm = false;
                Ok(result::ALARM_OFF)
            }
            0x3A => {
                self.relay.keep = true;
                self.close_relay(operator);
                Ok(result::KEEP_ON)
            }
            0x3B => {
                self.relay.keep = false;
                Ok(result::KEEP_OFF)
            }
            _ => Err(Refusal(0, OTHER)),
        }
    }

    /// Trips now, or after the warning time of 04001401.
    fn order_trip(&mut self, operator: [u8; 4]) -> u16 {
        let minutes = self.params.number(0x0400_1401);
        self.relay.ordered_open = true;
        self.relay.restore_at_ms = None;
        if minutes == 0 {
            self.open_relay(Reason::Command, operator);
            return result::OPEN;
        }
        self.relay.trip_at_ms = Some(self.time.up_ms + minutes * 60_000);
        result::DELAYED
    }

    pub(super) fn open_relay(&mut self, reason: Reason, operator: [u8; 4]) {
        let was_closed = self.relay.closed;
        // A command outranks arrears: paying must not undo it.
        if self.relay.reason != Some(Reason::Command) {
            self.relay.reason = Some(reason);
        }
        self.relay.closed = false;
        self.relay.ordered_open = true;
        self.relay.close_allowed = false;
        self.relay.trip_at_ms = None;
        if was_closed {
            self.record_relay(Kind::Trip, operator);
        }
    }

    pub(super) fn close_relay(&mut self, operator: [u8; 4]) {
        let was_open = !self.relay.closed;
        self.relay.closed = true;
        self.relay.ordered_open = false;
        self.relay.reason = None;
        self.relay.close_allowed = false;
        self.relay.trip_at_ms = None;
        self.relay.restore_at_ms = None;
        self.relay.reclose_at_ms = None;
        if was_open {
            self.record_relay(Kind::Close, operator);
        }
    }

    /// Time 6, operator 4, six energies of 4 (1D0001nn, 1E0001nn).
    fn record_relay(&mut self, kind: Kind, operator: [u8; 4]) {
        let mut record = self.time.clock().stamp().to_vec();
        record.extend(operator);
        record.extend(self.energies(6));
        self.events.add(kind, record);
    }

    /// The purse is beyond its limit, so the load stays off unless power is kept.
    pub(super) fn must_stay_open(&self) -> bool {
        let open_account = self.purse.account.is_some();
        open_account
            && !self.relay.keep
            && (self.purse.net < 0 && !self.relay.closed || self.is_exhausted())
    }

    /// Credit and permitted overdraft are used up.
    pub(super) fn is_exhausted(&self) -> bool {
        self.purse.net <= -self.overdraft_limit()
    }

    /// What the purse and the clock demand of the relay.
    pub(super) fn relay_due(&mut self) {
        let up = self.time.up_ms;
        if self.relay.trip_at_ms.is_some_and(|at| at <= up) && !self.relay.keep {
            self.open_relay(Reason::Command, [0; 4]);
        }
        let exhausted = self.purse.account.is_some() && self.is_exhausted();
        if exhausted && self.relay.closed && !self.relay.keep {
            self.open_relay(Reason::Arrears, [0; 4]);
        }
        if self.relay.restore_at_ms.is_some_and(|at| at <= up) && !exhausted {
            self.close_relay([0; 4]);
        }
    }

    /// The load's power against its limit: 04090B01 (0.1 W; 0: none), for 04090B02 seconds.
    pub(super) fn overload_due(&mut self) {
        let (limit, up) = (self.params.number(0x0409_0B01), self.time.up_ms);
        let over = limit > 0 && self.power_w() * 10 > limit && !self.relay.keep;
        let since = self.relay.over_since_ms.filter(|_| over).or(over.then_some(up));
        self.relay.over_since_ms = since;
        let delay_ms = self.params.number(0x0409_0B02) * 1000;
        if since.is_some_and(|since| since + delay_ms <= up) {
            self.relay.over_since_ms = None;
            self.open_relay(Reason::Overload, [0; 4]);
            // Nobody ordered it: bit 6 is about commands.
            self.relay.ordered_open = false;
            self.relay.reclose_at_ms = Some(up + self.setup.overload_pause_s * 1000);
        }
        let stays = self.relay.reason != Some(Reason::Overload) || self.must_stay_open();
        if self.relay.reclose_at_ms.is_some_and(|at| at <= up) {
            self.relay.reclose_at_ms = None;
            if !stays {
                self.close_relay([0; 4]);
            }
        }
    }

    /// Milliseconds until the next moment at which an overload changes something.
    pub(super) fn until_overload_change(&self) -> u64 {
        let delay_ms = self.params.number(0x0409_0B02) * 1000;
        let trip = self.relay.over_since_ms.map(|since| since + delay_ms);
        let next = [trip, self.relay.reclose_at_ms].into_iter().flatten().min();
        next.map_or(u64::MAX, |at| at.saturating_sub(self.time.up_ms).max(1))
    }

    /// After a booking: enough balance permits a relay that opened for arrears to close.
    pub(super) fn permit_close(&mut self) {
        let enough = self.purse.balance() >= self.reclose_balance() && !self.is_exhausted();
        let arrears = !self.relay.closed && self.relay.reason == Some(Reason::Arrears);
        if !(enough && arrears && self.purse.net >= 0) {
            return;
        }
        match self.setup.reclose {
            Reclose::Auto => self.close_relay([0; 4]),
            Reclose::Button => {
                self.relay.ordered_open = false;
                self.relay.close_allowed = true;
            }
        }
    }
}

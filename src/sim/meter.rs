//! One simulated meter: its whole state, its clock, and the ghost truth tests ask for.
//!
//! A meter has no clock of its own: every call brings the simulation's time. What has happened
//! since the last call (consumption, alarms, trips, settlement) is caught up first (`load.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::civil::Civil;
use super::curve::Curve;
use super::esam::Session;
use super::events::Events;
use super::faults::{Fault, Faults};
use super::load::Energy;
use super::mishap::Marks;
use super::params::Params;
use super::purse::{AuditError, Booking, CounterReset, Purse};
use super::relay::Relay;
use super::setup::{MeterSetup, as_text};
use super::v1997::LastAnswer;
use super::wiring::Wiring;
use crate::units::{AccountNo, Credit, MeterNo};

/// A meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    pub(super) setup: MeterSetup,
    /// The address now; 15H and 04000401 change it.
    #[serde(with = "as_text")]
    pub(super) no: MeterNo,
    pub(super) seed: u64,
    pub(super) time: Time,
    pub(super) purse: Purse,
    pub(super) params: Params,
    pub(super) energy: Energy,
    pub(super) relay: Relay,
    pub(super) access: Access,
    pub(super) session: Option<Session>,
    pub(super) events: Events,
    /// Load records.
    #[serde(default)]
    pub(super) curve: Curve,
    /// What happened to it in the field.
    #[serde(default)]
    pub(super) marks: Marks,
    pub(super) faults: Faults,
    /// Silent until this uptime: restarting.
    pub(super) silent_until_ms: u64,
    /// The fault of the request being handled.
    pub(super) struck: Option<Fault>,
    /// The last answer to a reading by the edition of 1997, for 03H.
    #[serde(skip)]
    pub(super) last_answer: Option<LastAnswer>,
    /// A read answered in pieces, and how many of them have been sent.
    pub(super) follow_up: Option<FollowUp>,
    pub(super) baud: u32,
    /// Random numbers given out for authentication so far.
    pub(super) challenges: u64,
    /// Which sets are in force: zone, day table, price, step (status word 3).
    pub(super) second_sets: [bool; 4],
}

/// A read answered in pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FollowUp {
    pub di: u32,
    pub data: Vec<u8>,
    /// Pieces 0 to this have been sent.
    pub sent: usize,
}

/// The meter's sense of time. Uptime never goes back and survives a restart of the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Time {
    /// Simulation time of the last call. Begins anew with every run of the simulator.
    #[serde(skip)]
    pub last: Duration,
    pub up_ms: u64,
    /// The meter clock at uptime 0, milliseconds since 2000: setting the clock moves it.
    pub zero_ms: i64,
    /// Days since 2000 of the last broadcast time accepted (08H: once a day).
    pub broadcast_day: Option<i64>,
}

impl Time {
    pub(super) fn clock_ms(&self) -> i64 {
        self.zero_ms.saturating_add(i64::try_from(self.up_ms).unwrap_or(i64::MAX))
    }

    pub(super) fn clock(&self) -> Civil {
        Civil::from_seconds(self.clock_ms().div_euclid(1000))
    }

    pub(super) fn set(&mut self, clock: Civil) {
        self.zero_ms = clock.seconds() * 1000 - i64::try_from(self.up_ms).unwrap_or(i64::MAX);
    }

    pub(super) fn uptime(&self) -> Duration {
        Duration::from_millis(self.up_ms)
    }
}

impl Meter {
    /// A meter switched on at `start`. `seed` decides its noise and its chance faults.
    pub fn new(setup: MeterSetup, start: Civil, seed: u64) -> Self {
        let zero_ms = (start.seconds() + setup.clock_offset_s) * 1000;
        let time = Time { last: Duration::ZERO, up_ms: 0, zero_ms, broadcast_day: None };
        let date = time.clock().short_stamp();
        Self {
            no: setup.no,
            seed,
            purse: Purse::new(setup.account, setup.balance.0, setup.count, date),
            params: Params::new(&setup),
            energy: Energy::new(setup.energy.0),
            relay: Relay::default(),
            access: Access::new(&setup),
            session: None,
            events: Events::default(),
            curve: Curve::default(),
            marks: Marks::default(),
            faults: Faults::new(seed),
            silent_until_ms: 0,
            struck: None,
            last_answer: None,
            follow_up: None,
            baud: setup.baud,
            challenges: 0,
            second_sets: [false; 4],
            time,
            setup,
        }
    }

    /// The same, with the days behind it that its setup says.
    pub fn with_history(setup: MeterSetup, start: Civil, seed: u64) -> Self {
        let days = Duration::from_secs(u64::from(setup.history_days) * 86_400);
        let begun = start.seconds() - i64::from(setup.history_days) * 86_400;
        let mut meter = Self::new(setup, Civil::from_seconds(begun), seed);
        meter.advance(days);
        // The simulation's own time begins now.
        meter.time.last = Duration::ZERO;
        meter
    }

    /// The communication address now.
    pub fn number(&self) -> MeterNo {
        self.no
    }

    /// What it was made from.
    pub fn setup(&self) -> &MeterSetup {
        &self.setup
    }

    /// The customer number, if the account is open.
    pub fn account(&self) -> Option<AccountNo> {
        self.purse.account
    }

    /// Remaining credit as shown; 0 in overdraft.
    pub fn balance(&self) -> Credit {
        Credit { value: self.purse.balance(), unit: self.setup.unit }
    }

    /// Overdraft as shown, hundredths.
    pub fn overdraft(&self) -> i64 {
        self.purse.overdraft()
    }

    /// The purchase count.
    pub fn count(&self) -> u32 {
        self.purse.count
    }

    /// Whether the load is connected.
    pub fn is_closed(&self) -> bool {
        self.relay.closed
    }

    /// The meter's clock at the last call.
    pub fn clock(&self) -> Civil {
        self.time.clock()
    }

    /// Time since the meter was first switched on.
    pub fn uptime(&self) -> Duration {
        self.time.uptime()
    }

    /// The speed of its port (17H changes it).
    pub fn baud(&self) -> u32 {
        self.baud
    }

    /// Forward active energy in 0.01 kWh.
    pub fn energy(&self) -> u64 {
        self.energy.total()
    }

    /// Ghost truth: every credit really added, oldest first, whatever was answered.
    pub fn bookings(&self) -> &[Booking] {
        &self.purse.ledger.bookings
    }

    /// Ghost truth: purchases whose count and record moved and whose credit was never added.
    pub fn torn_writes(&self) -> &[Booking] {
        &self.purse.ledger.torn
    }

    /// Ghost truth: credit taken back on command.
    pub fn refunds(&self) -> &[Booking] {
        &self.purse.ledger.refunds
    }

    /// Ghost truth: every time the purchase count was lost.
    pub fn counter_resets(&self) -> &[CounterReset] {
        &self.purse.ledger.resets
    }

    /// Holds the purse against the ledger: initial + credits - refunds - consumption + declared
    /// shifts = balance - overdraft. Torn writes added nothing and so count for nothing.
    ///
    /// # Errors
    /// [`AuditError`] with both sums.
    pub fn audit(&self) -> Result<(), AuditError> {
        self.purse.audit()
    }

    /// Lets something go wrong at the next request it can meet. False if too many are waiting.
    pub fn arm(&mut self, fault: Fault) -> bool {
        self.faults.arm(fault)
    }

    /// The meter dies, or lives again.
    pub fn set_dead(&mut self, dead: bool) {
        self.setup.dead = dead;
    }

    /// Somebody puts the meter into keep-power, or takes it out, by whatever means.
    pub fn set_keep_power(&mut self, on: bool) {
        self.relay.keep = on;
    }

    /// Another load, in watts.
    pub fn set_load(&mut self, watts: u32) {
        self.setup.load_w = watts;
    }

    /// Another angle of the load, 0.1 degree; positive lags.
    pub fn set_lag(&mut self, lag: i32) {
        self.setup.lag = lag;
    }

    /// Other wires on its terminals.
    pub fn set_wiring(&mut self, wiring: Wiring) {
        self.setup.wiring = wiring;
    }

    /// Switches a phase (0 to 2) off ahead of it, or all on again.
    pub fn set_phase_off(&mut self, off: Option<u8>) {
        self.setup.wiring = self.setup.wiring.without(off);
    }

    /// Opens or ends the programming state (the sealed button; 15H needs it).
    pub fn set_programming(&mut self, enabled: bool) {
        self.setup.programming = enabled;
    }

    /// The customer presses the button: closes the relay if that is allowed.
    pub fn press_button(&mut self, now: Duration) {
        self.advance(now);
        if self.relay.close_allowed && !self.must_stay_open() {
            self.close_relay([0; 4]);
        }
    }

    /// Loses count and records, as a faulty meter does; the customer number is kept, or replaced.
    pub fn reset_counter(&mut self, account: Option<AccountNo>, now: Duration) {
        self.advance(now);
        let account = account.or(self.purse.account);
        self.purse.reset(account, None, self.time.uptime());
    }

    /// Prepares a meter that was read back from a state file: the simulation's time begins at zero.
    pub(super) fn wake(&mut self) {
        self.time.last = Duration::ZERO;
        self.silent_until_ms = 0;
        self.session = None;
        self.struck = None;
    }

    /// How many things the ledger names: grows with every booking, loss or refund.
    pub fn ledger_len(&self) -> usize {
        let ledger = &self.purse.ledger;
        ledger.bookings.len() + ledger.torn.len() + ledger.refunds.len() + ledger.resets.len()
    }

    /// Parameters by identifier, as bytes in wire order: for tests that look inside.
    pub fn parameters(&self, dis: &[u32]) -> BTreeMap<u32, Vec<u8>> {
        dis.iter().filter_map(|di| Some((*di, self.params.get(*di)?))).collect()
    }
}

//! One meter: what it shows, what it obeys.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::profile::{Place, Profile};
use crate::protocol::cjt188::frame::{Address, Frame};
use crate::sim::bcd;
use crate::sim::civil::Civil;
use crate::sim::faults::{Fault, FaultRates, Faults, Request};
use crate::sim::noise;

const READ: u8 = 0x01;
const READ_ADDRESS: u8 = 0x03;
const WRITE: u8 = 0x04;
const FROM_METER: u8 = 0x80;
const REFUSED: u8 = 0x40;

const CURRENT: u16 = 0x901F;
const ADDRESS: u16 = 0x810A;
const VALVE: u16 = 0xA017;
const MONTHS: std::ops::RangeInclusive<u16> = 0xD120..=0xD12B;

const OPEN: u8 = 0x55;
const CLOSE: u8 = 0x99;

const CUBIC_METRES: u8 = 0x2C;
const LITRES: u8 = 0x29;
const KILOWATT_HOURS: u8 = 0x05;
const KILOWATTS: u8 = 0x17;
const CUBIC_METRES_AN_HOUR: u8 = 0x35;

/// Which order of an identifier's bytes a meter understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiHabit {
    /// `1F 90`.
    #[default]
    LowFirst,
    /// `90 1F`.
    HighFirst,
    /// Both.
    Either,
}

/// What a meter is when it is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Cjt188Setup {
    /// Its kind and number.
    pub address: Address,
    /// The order it understands.
    pub di: DiHabit,
    /// Asked in another order it refuses; else it keeps silent.
    pub refuses: bool,
    /// It answers with the identifier the other way round.
    pub turns_di: bool,
    /// The unit byte stands before its value.
    pub units_before: bool,
    /// It answers under a serial number of its own: 00.
    pub own_serial: bool,
    /// Volumes in litres.
    pub litres: bool,
    /// Digits shown, by the names profiles use, without the point.
    pub digits: BTreeMap<String, u32>,
    /// Its clock when the simulation begins.
    pub start: Civil,
    /// The battery is weak.
    pub battery_low: bool,
    /// Wake-up bytes before an answer.
    pub preamble: usize,
    /// Pause before an answer.
    pub delay: Duration,
    /// Never answers anything.
    pub dead: bool,
    /// How often what goes wrong.
    pub faults: FaultRates,
    /// Seed of chance.
    pub seed: u64,
}

impl Cjt188Setup {
    /// A meter that shows zeros.
    pub fn new(address: Address, start: Civil) -> Self {
        Self {
            address,
            di: DiHabit::default(),
            refuses: false,
            turns_di: false,
            units_before: false,
            own_serial: false,
            litres: false,
            digits: BTreeMap::new(),
            start,
            battery_low: false,
            preamble: 2,
            delay: Duration::from_millis(50),
            dead: false,
            faults: FaultRates::default(),
            seed: 0,
        }
    }

    /// The same, with something to read in every item that `profile` names; what it is depends on
    /// the address alone.
    #[must_use]
    pub fn showing(mut self, profile: &Profile) -> Self {
        let number = u64::from_le_bytes({
            let [a, b, c, d, e, f, g] = self.address.number;
            [a, b, c, d, e, f, g, 0]
        });
        for (place, item) in profile.items.iter().enumerate() {
            let Place::Cjt188(name) = &item.at else { continue };
            let below = match name.as_str() {
                "temperature-in" | "temperature-out" => 9_000,
                "work-hours" => 50_000,
                "flow" | "heat-power" => 20_000,
                _ => 9_999_999,
            };
            let shown = noise::still(number, self.seed, place as u64, below);
            self.digits.entry(name.clone()).or_insert(u32::try_from(shown).unwrap_or_default());
        }
        self
    }
}

/// One meter.
#[derive(Debug, Clone)]
pub struct Cjt188Meter {
    setup: Cjt188Setup,
    open: bool,
    faults: Faults,
}

impl Cjt188Meter {
    /// Switched on, its valve open.
    pub fn new(setup: Cjt188Setup) -> Self {
        let faults = Faults::new(setup.seed);
        Self { setup, open: true, faults }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.setup.address
    }

    /// Whether its valve is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What it is.
    pub fn setup_mut(&mut self) -> &mut Cjt188Setup {
        &mut self.setup
    }

    /// Something goes wrong with the next request it can meet. False: too much is waiting already.
    pub fn arm(&mut self, fault: Fault) -> bool {
        self.faults.arm(fault)
    }

    /// What it sends, and how long after the question.
    pub(super) fn hear(&mut self, request: &Frame, at: Duration) -> Option<(Duration, Vec<u8>)> {
        if self.setup.dead || !self.is_meant(request.address) {
            return None;
        }
        let kind = if request.control == WRITE { Request::Write } else { Request::Read };
        let fault = self.faults.strike(kind, &self.setup.faults);
        if matches!(fault, Some(Fault::NoReply | Fault::RebootBefore(_))) {
            return None;
        }
        let (control, data) = self.answer(request, at)?;
        let mut delay = self.setup.delay;
        match fault {
            Some(Fault::LostAck | Fault::RebootAfter(_)) => return None,
            Some(Fault::Slow(by)) => delay += by,
            _ => {}
        }
        let frame = Frame { address: self.setup.address, control, data };
        let mut bytes = frame.encode(self.setup.preamble);
        if fault == Some(Fault::Garbled) {
            self.faults.garble(&mut bytes);
        }
        Some((delay, bytes))
    }

    fn is_meant(&self, to: Address) -> bool {
        let own = self.setup.address;
        let any_kind = to.kind == Address::ANY.kind;
        let any_number = to.number == Address::ANY.number;
        (any_kind || to.kind == own.kind) && (any_number || to.number == own.number)
    }

    /// Control and data of the answer; `None`: it does not understand.
    fn answer(&mut self, request: &Frame, at: Duration) -> Option<(u8, Vec<u8>)> {
        let [first, second, serial, payload @ ..] = request.data.as_slice() else { return None };
        let (low_first, high_first) =
            (u16::from_le_bytes([*first, *second]), u16::from_be_bytes([*first, *second]));
        let reply = request.control | FROM_METER;
        let serial = if self.setup.own_serial { &0 } else { serial };
        let body = match self.setup.di {
            DiHabit::LowFirst => self.serve(request, low_first, payload, at),
            DiHabit::HighFirst => self.serve(request, high_first, payload, at),
            DiHabit::Either => {
                let high = self.serve(request, high_first, payload, at);
                high.or_else(|| self.serve(request, low_first, payload, at))
            }
        };
        let Some(body) = body else {
            let mut refusal = vec![*serial];
            refusal.extend_from_slice(&self.status());
            return self.setup.refuses.then_some((reply | REFUSED, refusal));
        };
        let mut data = vec![*first, *second, *serial];
        if self.setup.turns_di {
            data = vec![*second, *first, *serial];
        }
        data.extend(body);
        Some((reply, data))
    }

    /// What follows the serial number; `None`: nothing here has that identifier.
    fn serve(&mut self, request: &Frame, di: u16, payload: &[u8], at: Duration) -> Option<Vec<u8>> {
        match (request.control, di) {
            (READ, CURRENT) => Some(self.current(at)),
            (READ, di) if MONTHS.contains(&di) => Some(self.month(di - MONTHS.start())),
            (READ_ADDRESS, ADDRESS) => Some(Vec::new()),
            (WRITE, VALVE) => {
                // Under a wildcard a valve does not move.
                if request.address.number != self.setup.address.number {
                    return None;
                }
                match *payload.first()? {
                    OPEN => self.open = true,
                    CLOSE => self.open = false,
                    _ => return None,
                }
                Some(self.status().to_vec())
            }
            _ => None,
        }
    }

    /// D1 D0 the valve (0 open, 1 closed), D2 the battery.
    fn status(&self) -> [u8; 2] {
        let valve = u8::from(!self.open);
        [valve | u8::from(self.setup.battery_low) << 2, 0]
    }

    fn digits(&self, name: &str) -> u64 {
        self.setup.digits.get(name).copied().unwrap_or_default().into()
    }

    /// Four bytes of digits and their unit.
    fn value(&self, shown: u64, unit: u8) -> Vec<u8> {
        let mut bytes = bcd::encode(shown, 4);
        if self.setup.units_before {
            bytes.insert(0, unit)
        } else {
            bytes.push(unit)
        }
        bytes
    }

    fn volume_unit(&self) -> u8 {
        if self.setup.litres { LITRES } else { CUBIC_METRES }
    }

    fn is_heat(&self) -> bool {
        matches!(self.setup.address.kind, 0x20..=0x29)
    }

    fn current(&self, at: Duration) -> Vec<u8> {
        let mut body = Vec::new();
        let mut put = |name: &str, unit: u8| body.extend(self.value(self.digits(name), unit));
        if self.is_heat() {
            put("heat-settled", KILOWATT_HOURS);
            put("heat", KILOWATT_HOURS);
            put("heat-power", KILOWATTS);
            put("flow", CUBIC_METRES_AN_HOUR);
            put("volume", self.volume_unit());
            for name in ["temperature-in", "temperature-out", "work-hours"] {
                body.extend(bcd::encode(self.digits(name), 3));
            }
        } else {
            put("volume", self.volume_unit());
            put("volume-settled", self.volume_unit());
        }
        body.extend(self.clock(at));
        body.extend(self.status());
        body
    }

    /// Settled months go back in even steps from what is settled now.
    fn month(&self, back: u16) -> Vec<u8> {
        let (name, unit) = if self.is_heat() {
            ("heat-settled", KILOWATT_HOURS)
        } else {
            ("volume-settled", self.volume_unit())
        };
        let settled = self.digits(name);
        self.value(settled - settled * u64::from(back) / 12, unit)
    }

    /// ss mm hh DD MM YY CC.
    fn clock(&self, at: Duration) -> [u8; 7] {
        let passed = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        let now = Civil::from_seconds(self.setup.start.seconds().saturating_add(passed));
        let Civil { year, month, day, hour, minute, second } = now;
        [second, minute, hour, day, month, year, 20].map(bcd::byte)
    }
}

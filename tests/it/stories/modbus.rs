//! The Modbus side of a story: a unit with an account in its registers, and how it is looked at.
//!
//! No maker publishes how a recharge block is accepted, so the profiles here are an operator's,
//! made up for the test: account, identity and last purchase at 0A00, the block at 050D.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use meterkit::profile::{MoneyAt, MoneyRules, Part, Profile};
use meterkit::protocol::modbus::frame::{Unit, rtu};
use meterkit::sim::Fault;
use meterkit::sim::bus::Bus;
use meterkit::sim::modbus::{ModbusBus, ModbusFraming, ModbusMeter, ModbusSetup};
use meterkit::sim::serve::BusStation;
use meterkit::transport::{Faults, Line, LineSettings, VirtualLink};
use meterkit::units::{AccountNo, MeterNo};

use super::site::Order;

/// The unit of the story's meter.
pub const UNIT: u8 = 47;
/// Where the recharge block is.
const BLOCK: u16 = 0x050D;

/// A bus that the line and the test both look at.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<ModbusBus>>);

impl Shared {
    pub fn of(bus: ModbusBus) -> Self {
        Self(Arc::new(Mutex::new(bus)))
    }

    pub fn lock(&self) -> MutexGuard<'_, ModbusBus> {
        self.0.lock().unwrap()
    }
}

impl Bus for Shared {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.lock().hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.lock().next()
    }

    fn speed(&self) -> Option<u32> {
        None
    }
}

/// The line to such a bus.
pub type ModbusLink = VirtualLink<BusStation<Shared>>;

/// What a story says about its Modbus meter.
pub struct Spec {
    pub meter: MeterNo,
    pub account: Option<AccountNo>,
    pub balance: i64,
    pub count: u32,
    pub load_w: u32,
    /// The adapter hands back what it sends.
    pub echo: bool,
}

/// The profile of a variant: `full`, `bare` (no last purchase), `countless` (the block names no
/// count), `accountless`, `overdraft` (kept in a register of its own).
pub fn profile(variant: &str) -> Profile {
    let (mut last, mut overdraft) = ("", "");
    let mut parts = vec![
        r#"{ part = "amount", form = "u32" }"#,
        r#"{ part = "count", form = "u16" }"#,
        r#"{ part = "account", form = "bcd" }"#,
    ];
    match variant {
        "full" => {
            last = "last_count = { at = \"0A06\", form = \"u16\" }\n\
                    last_amount = { at = \"0A07\", form = \"u32\" }\n";
        }
        "bare" => {}
        "overdraft" => overdraft = "overdraft = { at = \"0A09\", form = \"u32\" }\n",
        // No profile file may say so; the rule holds all the same.
        "countless" => {}
        "accountless" => drop(parts.remove(2)),
        other => panic!("no such Modbus variant: {other}"),
    }
    let parts = parts.join(", ");
    let text = format!(
        r#"
id = "story-modbus"
name = "An operator's Modbus meter"
protocol = "modbus-rtu"
class = "C"
source = "made up for the test"
confidence = "B"
items_of = "adf400l-1p"

[line]
baud = 9600
parity = "none"
data_bits = 8
stop_bits = 1

[timing]
answer_ms = 500
gap_ms = 100
tries = 3
money_ms = 2000

[money]
unit = "yuan"
price_fen_per_kwh = 60
power_w = 20000
identity = {{ at = "0A00", form = "bcd", words = 3 }}
account = {{ at = "0A03", form = "bcd", words = 3 }}
count = {{ at = "030E", form = "u16" }}
balance = {{ at = "030A", form = "i32" }}
{overdraft}{last}recharge = {{ at = "050D", parts = [{parts}] }}
"#
    );
    let mut profile = Profile::parse(&text).unwrap();
    if let (Some(MoneyRules { at: MoneyAt::Modbus(money), .. }), "countless") =
        (&mut profile.money, variant)
    {
        money.parts.retain(|(part, _)| *part != Part::Count);
    }
    profile
}

/// A line with the story's meter at the end, and a handle on it.
pub fn line(spec: &Spec, profile: &Profile) -> (ModbusLink, Shared) {
    let setup = ModbusSetup {
        account: spec.account,
        balance: spec.balance,
        count: spec.count,
        load_w: spec.load_w,
        energy: 123_456,
        ..ModbusSetup::new(UNIT, spec.meter)
    };
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let meter = ModbusMeter::new(setup, Arc::new(profile.clone()), start);
    let shared = Shared(Arc::new(Mutex::new(ModbusBus::new(ModbusFraming::Rtu, vec![meter]))));
    let echo = if spec.echo { 100 * Faults::PERCENT } else { 0 };
    let wires = Line::new(LineSettings::plain(9600), Faults { echo, ..Faults::NONE });
    (VirtualLink::new(BusStation(shared.clone()), wires), shared)
}

/// A recharge frame that was under way for long arrives now. Built by hand, not by the driver.
pub fn late_frame(bus: &Shared, order: &Order, now: Duration) {
    let account = order.account.to_string();
    let mut pdu = vec![0x10, 0x05, 0x0D, 0, 6, 12];
    pdu.extend((order.amount as u32).to_be_bytes());
    pdu.extend(((order.count + 1) as u16).to_be_bytes());
    pdu.extend((0..6).map(|at| u8::from_str_radix(&account[2 * at..2 * at + 2], 16).unwrap()));
    let mut bus = bus.lock();
    bus.hear(&rtu(Unit(UNIT), &pdu), now);
    while bus.next().is_some() {}
}

/// Whether these bytes are a recharge.
pub fn is_money(bytes: &[u8]) -> bool {
    bytes.len() > 4 && bytes[1] == 0x10 && bytes[2..4] == BLOCK.to_be_bytes()
}

/// Lets something go wrong in the story's meter.
pub fn arm(bus: &Shared, fault: Fault) {
    bus.lock().meters_mut()[0].arm(fault);
}

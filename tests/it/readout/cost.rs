//! What reading a line of 32 meters takes, in virtual time, beside the least it can take.
//!
//! The floor is that of `reference/other-meters.md` 6 with the meters' own turnaround; what is
//! measured is the product's own way of reading. Shared with `tests/bench/readout.rs`.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use meterkit::jobs::address::BusAddress;
use meterkit::jobs::clock::TickClock;
use meterkit::jobs::lines::{self, Crew, Stop, Summary};
use meterkit::jobs::{Cancel, Line, open, readout};
use meterkit::profile::Profile;
use meterkit::sim::modbus::{ModbusBus, ModbusFraming, ModbusMeter, ModbusSetup};
use meterkit::sim::serve::{BusStation, FleetStation};
use meterkit::sim::{Civil, DEFAULT_START, Fleet, Meter, MeterSetup};
use meterkit::transport::{Faults, Line as Wires, Link, VirtualLink};
use meterkit::units::{BusPlace, MeterNo, UnixSeconds};

/// Meters on one line.
pub const METERS: u8 = 32;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// DL/T 645-2007, eight items.
    Dlt645,
    /// Modbus, eight reads of 2, 2, 3, 3, 1, 1, 1, 4 registers.
    Reads,
    /// Modbus, 24 values side by side: one read of 48 registers.
    Block,
}

pub const CASES: [(Case, &str); 3] = [
    (Case::Dlt645, "DL/T 645, 8 items"),
    (Case::Reads, "Modbus, 8 reads"),
    (Case::Block, "Modbus, one block of 48"),
];

/// Time taken and the least it can be.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub took: Duration,
    pub floor: Duration,
}

impl Cost {
    /// Floor over measured, in hundredths of a percent.
    pub fn efficiency(&self) -> u128 {
        self.floor.as_nanos() * 10_000 / self.took.as_nanos()
    }
}

fn start() -> Civil {
    DEFAULT_START.parse().unwrap()
}

pub fn meter(nth: u8) -> MeterNo {
    u32::from(nth).to_string().parse().unwrap()
}

fn head(protocol: &str, baud: u32, parity: &str) -> String {
    format!(
        "id = \"bench\"\nname = \"bench\"\nprotocol = \"{protocol}\"\nclass = \"C\"\n\
         source = \"other-meters.md 6\"\nconfidence = \"A\"\n\
         [line]\nbaud = {baud}\nparity = \"{parity}\"\ndata_bits = 8\nstop_bits = 1\n{}\
         [timing]\nanswer_ms = 500\ngap_ms = 500\ntries = 3\n",
        if parity == "even" { "preamble = 4\n" } else { "" }
    )
}

/// The profile of a case at this speed.
pub fn profile(case: Case, baud: u32) -> Profile {
    let mut text = match case {
        Case::Dlt645 => head("dlt645-2007", baud, "even"),
        Case::Reads | Case::Block => head("modbus-rtu", baud, "none"),
    };
    let mut item = |name: &str, at: String, rest: &str| {
        text += &format!("[[item]]\nname = \"{name}\"\nat = \"{at}\"\n{rest}");
    };
    match case {
        Case::Dlt645 => {
            for (name, di) in [
                ("energy", "00010000"),
                ("balance", "00900200"),
                ("voltages", "0201FF00"),
                ("currents", "0202FF00"),
                ("power", "02030000"),
                ("status", "04000503"),
                ("count", "03330201"),
                ("date", "04000101"),
            ] {
                item(name, di.to_owned(), "");
            }
        }
        Case::Reads => {
            for (nth, words) in [2, 2, 3, 3, 1, 1, 1, 4].into_iter().enumerate() {
                let rest = format!("form = \"hex\"\nlen = {}\n", words * 2);
                item(&format!("item-{nth}"), format!("03:{:04X}", nth * 0x100), &rest);
            }
        }
        Case::Block => {
            for nth in 0..24 {
                item(&format!("item-{nth}"), format!("03:{:04X}", nth * 2), "form = \"u32\"\n");
            }
        }
    }
    Profile::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The meters' own habits: the pause before an answer, and wake-up bytes in front of it.
#[derive(Debug, Clone, Copy)]
pub struct Habit {
    pause: Duration,
    preamble: usize,
}

/// A line of such meters.
pub fn link(case: Case, profile: &Profile) -> (Box<dyn Link>, Habit) {
    let wires = Wires::new(open::settings(profile), Faults::NONE);
    let kind = Arc::new(profile.clone());
    match case {
        Case::Dlt645 => {
            let setup = |nth| MeterSetup::opened(meter(nth), account(), 1_234, 6);
            let MeterSetup { delay_ms, preamble, .. } = setup(1);
            let pause = Duration::from_millis(delay_ms);
            let habit = Habit { pause, preamble: preamble.into() };
            let one = |nth| Meter::new(setup(nth), start(), u64::from(nth));
            let fleet = Fleet::new((1..=METERS).map(one).collect());
            (Box::new(VirtualLink::new(FleetStation::new(fleet), wires)), habit)
        }
        Case::Reads | Case::Block => {
            let setup = |nth| ModbusSetup::new(nth, meter(nth));
            let habit = Habit { pause: setup(1).delay, preamble: 0 };
            let one = |nth| ModbusMeter::new(setup(nth), kind.clone(), start());
            let bus = ModbusBus::new(ModbusFraming::Rtu, (1..=METERS).map(one).collect());
            (Box::new(VirtualLink::new(BusStation(bus), wires)), habit)
        }
    }
}

fn account() -> meterkit::units::AccountNo {
    "112233445566".parse().unwrap()
}

/// Reads all meters of a line, every item of the profile, one after the other.
pub fn one_line(case: Case, baud: u32) -> Cost {
    let profile = profile(case, baud);
    let (mut link, habit) = link(case, &profile);
    let clock = TickClock { base: UnixSeconds(0), offset_s: 0 };
    let begun = link.now();
    let mut floor = Duration::ZERO;
    let mut line = Line {
        link: link.as_mut(),
        profile: &profile,
        clock: &clock,
        cancel: &Cancel::default(),
        wire: &mut |_| {},
        progress: &mut |_, _, _| {},
        doubtful: false,
        secret: None,
    };
    for nth in 1..=METERS {
        let address = BusAddress::of(&profile, &BusPlace::default(), meter(nth)).unwrap();
        let found = readout::readout(&mut line, &address, &profile.items).unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        assert_eq!(found.values.len(), profile.items.len());
        let lens: Vec<usize> = found.values.iter().map(|got| got.raw.len()).collect();
        floor += least(case, &profile, &lens, habit);
    }
    Cost { took: link.now() - begun, floor }
}

/// The formulas of section 6 for one meter, with its own habits and nothing for us.
fn least(case: Case, profile: &Profile, lens: &[usize], habit: Habit) -> Duration {
    let Habit { pause, preamble: answer } = habit;
    let baud = profile.line.framing.baud;
    let bits = |bits: u128| {
        Duration::from_nanos((bits * 1_000_000_000 / u128::from(baud)).try_into().unwrap())
    };
    match case {
        Case::Dlt645 => {
            let preamble = usize::from(profile.line.preamble) + answer;
            let one = |len: &usize| bits((preamble + 24 + 2 * 4 + len) as u128 * 11) + pause;
            lens.iter().map(one).sum()
        }
        Case::Reads | Case::Block => {
            // 3.5 characters of 11 bits after the answer; the meter's pause holds those before it.
            let silence = bits(77) / 2;
            let read = |bytes: usize| bits((13 + bytes) as u128 * 10) + silence + pause;
            match case {
                Case::Block => read(lens.iter().sum()),
                _ => lens.iter().map(|len| read(*len)).sum(),
            }
        }
    }
}

/// Reads `ports` lines of 32 meters each, as `meterkit read --all` does; and how many threads it
/// took.
pub fn many_lines(case: Case, baud: u32, ports: u8) -> (Summary, usize) {
    let profile = profile(case, baud);
    let stops = (1..=ports).flat_map(|port| {
        let profile = &profile;
        (1..=METERS).map(move |nth| Stop {
            meter: meter(nth),
            profile: profile.clone(),
            place: BusPlace { line: format!("port {port}"), ..BusPlace::default() },
        })
    });
    let routes = lines::routes(stops.collect(), None, None);
    assert_eq!(routes.len(), usize::from(ports));
    let threads: Mutex<std::collections::HashSet<ThreadId>> = Mutex::default();
    let opened = |_: Option<&str>, _: &_| {
        threads.lock().unwrap().insert(std::thread::current().id());
        Ok(link(case, &profile).0)
    };
    let crew = Crew {
        open: &opened,
        settings: None,
        clock: &TickClock { base: UnixSeconds(0), offset_s: 0 },
        cancel: &Arc::new(AtomicBool::new(false)),
        secret: None,
    };
    let summary = lines::read_all(&crew, &routes, &mut |_| {});
    let threads = threads.lock().unwrap().len();
    (summary, threads)
}

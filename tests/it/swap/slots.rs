//! One user's slot of a multi-user terminal moves to another slot; the others keep running.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::errand::{Errand, Sign};
use meterkit::jobs::swap::Swap;
use meterkit::profile::Profile;
use meterkit::report::Code;
use meterkit::sim::modbus::{ModbusBus, ModbusFraming, ModbusMeter, ModbusSetup};
use meterkit::sim::serve::BusStation;
use meterkit::sim::{DEFAULT_START, MeterSetup};
use meterkit::store::{AreaMeter, Store, TokenState};
use meterkit::transport::{Faults, Line, LineSettings, Link, VirtualLink};
use meterkit::units::{BusPlace, Mark, MeterNo};

use super::bench::{
    Bench, Leave, NEW_ACCOUNT, OLD_ACCOUNT, Person, audit, begun, follow, new, new_setup, old,
    old_setup,
};
use crate::stories::modbus::Shared;

const SHOP: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/profiles/shop-modbus.toml"));

fn neighbour(at: u8) -> MeterNo {
    format!("0000000000{}", 90 + at).parse().unwrap()
}

fn user(no: MeterNo, user: u8, profile: &str, address: &str) -> AreaMeter {
    let account = if no == old() { OLD_ACCOUNT } else { NEW_ACCOUNT };
    AreaMeter {
        no,
        account: Some(account.parse().unwrap()),
        customer: format!("user {user}"),
        location: "12-3".to_owned(),
        profile: profile.to_owned(),
        area: "north".to_owned(),
        place: BusPlace {
            terminal: "B7".to_owned(),
            user,
            address: address.to_owned(),
            ..BusPlace::default()
        },
    }
}

/// Users 1 and 3 beside the one that moves from 2 to 4.
fn listed(bench: &Bench, store: &Store, profiles: [&str; 2], addresses: [&str; 4]) {
    let [of_box, of_new] = profiles;
    let meters = [(neighbour(1), of_box), (old(), of_box), (neighbour(3), of_box), (new(), of_new)];
    let rows = (1u8..).zip(meters).zip(addresses);
    let rows = rows.map(|((at, (no, profile)), address)| user(no, at, profile, address));
    bench.list(store, 2, rows.collect());
}

#[test]
fn a_slot_of_a_box_moves_whole_and_its_neighbours_keep_running() {
    let beside = |at| MeterSetup {
        load_w: 2_000,
        ..MeterSetup::opened(neighbour(at), "330100000009".parse().unwrap(), 9_000, 3)
    };
    let setups = vec![beside(1), old_setup(12_345), beside(3), new_setup()];
    let mut bench = Bench::new(setups, Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    listed(&bench, &store, ["dlt645-2007-c"; 2], [""; 4]);
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!((sheet.exit, audit(&bench, &store, leave)), (None, vec![]), "{sheet:#?}");
    bench.pass(Duration::from_secs(1_800));
    let mut fleet = bench.fleet.lock().unwrap();
    fleet.advance(Link::now(&bench.wire));
    let moved = fleet.meter(new()).unwrap().bookings()[0].amount;
    assert!((12_340..=12_345).contains(&moved), "{moved}");
    for at in [1, 3] {
        let meter = fleet.meter(neighbour(at)).unwrap();
        assert_eq!((meter.bookings().len(), meter.refunds().len()), (0, 0), "{at}");
        assert!(meter.is_closed() && meter.balance().value < 9_000, "{at}: it stood still");
        assert_eq!((meter.count(), store.marks_of(neighbour(at))), (3, vec![]), "{at}");
    }
    drop(fleet);
    let work = begun(&store).unwrap();
    let bound = store.step(work, Some(new()), "meter-bound").unwrap();
    assert!(bound.step.notes.contains(&("box".to_owned(), "B7".to_owned())), "{bound:?}");
    assert!(store.marks_of(old()).iter().any(|row| row.mark == Mark::SwappedOut));
}

/// A box with a Modbus unit a user; the new one's account is open or not.
fn modbus(opened: bool) -> (Bench, Shared) {
    let profile = Profile::check(SHOP).0.unwrap();
    let unit = |unit: u8, no: MeterNo, account: Option<&str>, balance, count| {
        let setup = ModbusSetup {
            account: account.map(|digits| digits.parse().unwrap()),
            balance,
            count,
            ..ModbusSetup::new(unit, no)
        };
        let start = DEFAULT_START.parse().unwrap();
        ModbusMeter::new(setup, Arc::new(profile.clone()), start)
    };
    let meters = vec![
        unit(1, neighbour(1), Some("330100000001"), 9_000, 3),
        unit(2, old(), Some(OLD_ACCOUNT), 4_000, 6),
        unit(3, neighbour(3), Some("330100000003"), 9_000, 3),
        unit(4, new(), opened.then_some(NEW_ACCOUNT), 0, 0),
    ];
    let shared = Shared::of(ModbusBus::new(ModbusFraming::Rtu, meters));
    let wires = Line::new(LineSettings::plain(9600), Faults::NONE);
    let link: Arc<Mutex<dyn Link>> =
        Arc::new(Mutex::new(VirtualLink::new(BusStation(shared.clone()), wires)));
    let mut bench = Bench::new(Vec::new(), Faults::NONE);
    bench.other = Some(link);
    bench.profiles.put(profile, "shop-modbus.toml");
    (bench, shared)
}

/// What each unit holds, and how often it was credited.
fn held(shared: &Shared) -> Vec<(i64, usize)> {
    let mut bus = shared.lock();
    bus.meters_mut().iter().map(|meter| (meter.net(), meter.bookings().len())).collect()
}

#[test]
fn a_modbus_slot_cannot_be_debited_and_is_told_so_before_anything_is_changed() {
    let (mut bench, shared) = modbus(true);
    bench.take_leave(Leave::default());
    let store = bench.open();
    listed(&bench, &store, ["shop-modbus"; 2], ["1", "2", "3", "4"]);
    let plan = bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
    let row = |name: &str| plan.rows.iter().find(|row| row.name == name).unwrap();
    let failure = row("carry-out").failure.as_ref().map(|failure| failure.code);
    assert_eq!((row("carry-out").sign, failure), (Sign::Warn, Some(Code::ActUnknown)));
    assert_eq!(row("suggested").value, "40.00 CNY", "{plan:#?}");
    let before = held(&shared);

    // The dead meter's way: it is sealed with what it holds, and what was proved goes over.
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, None, "{sheet:#?}");
    let after = held(&shared);
    assert_eq!((after[0].1, after[2].1), (0, 0), "the neighbours");
    assert_eq!(after[1].1, 0);
    assert!(after[1].0 > before[1].0 - 100, "the old slot keeps what it holds: {after:?}");
    assert_eq!(after[3].1, 1);
    let swap = &store.swaps()[0];
    let credit = store.token(swap.credit().unwrap()).unwrap();
    assert_eq!((credit.state, swap.outs), (TokenState::Accepted, 0));
    assert!((3_980..=4_000).contains(&credit.facts.credit.value), "{credit:?}");
    assert!(sheet.rows.iter().any(|row| row.name == "stays-in-old"), "{sheet:#?}");
    assert!(store.marks_of(old()).iter().any(|row| row.mark == Mark::SwappedOut));
}

#[test]
fn a_slot_that_cannot_be_opened_here_is_warned_of_and_ends_with_the_office() {
    let (mut bench, shared) = modbus(false);
    bench.take_leave(Leave::default());
    let store = bench.open();
    listed(&bench, &store, ["shop-modbus"; 2], ["1", "2", "3", "4"]);
    let plan = bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
    let opening = plan.rows.iter().find(|row| row.name == "opening").unwrap();
    assert_eq!(opening.failure.as_ref().map(|failure| failure.code), Some(Code::ActUnknown));
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, Some(Code::InTransit), "{sheet:#?}");
    assert!(held(&shared).iter().all(|(_, credits)| *credits == 0));
}

#[test]
fn a_new_slot_that_nobody_can_credit_is_refused_with_nothing_begun() {
    let (mut bench, shared) = modbus(true);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    // The new slot is of a kind no document gives a recharge for.
    listed(&bench, &store, ["shop-modbus", "adf400l-1p"], ["1", "2", "3", "4"]);
    for refused in [
        bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap_err(),
        bench.work(&store, |site| Swap.begin(site, &Bench::values())).unwrap_err(),
    ] {
        assert_eq!(refused.code, Code::MoneyUnknown, "{refused:?}");
    }
    assert_eq!((begun(&store), store.swap(leave).unwrap().outs), (None, 0));
    assert!(held(&shared).iter().all(|(_, credits)| *credits == 0));
}

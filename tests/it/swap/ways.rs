//! The ways a swap goes, on a good line.

use meterkit::jobs::errand::{Errand, Sign};
use meterkit::jobs::swap::{Swap, certificate};
use meterkit::report::Code;
use meterkit::sim::{MeterSetup, Mishap};
use meterkit::store::{Event, Store, TokenState};
use meterkit::transport::Faults;
use meterkit::units::{Mark, Role, Verb};

use crate::stories::site::{OPERATOR, Office, grant_taken};

use super::bench::{Bench, Leave, Person, audit, begun, follow, new, new_setup, old, old_setup};

#[test]
fn the_whole_balance_goes_over() {
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    let plan = bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
    assert!(plan.rows.iter().any(|row| row.name == "carry-out" && row.value == "123.45 CNY"));
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    let fleet = bench.fleet.lock().unwrap();
    let (from, to) = (fleet.meter(old()).unwrap(), fleet.meter(new()).unwrap());
    assert_eq!((from.refunds().len(), to.bookings().len()), (1, 1));
    let moved = to.bookings()[0].amount;
    assert_eq!(from.refunds()[0].amount, moved);
    assert!((12_340..=12_345).contains(&moved), "{moved}");
    drop(fleet);
    let marks = store.marks_of(old());
    assert!(marks.iter().any(|row| row.mark == Mark::SwappedOut));
    let paper = certificate::read(&store, begun(&store).unwrap()).unwrap();
    let line = |name: &str| paper.lines.iter().find(|line| line.name == name).unwrap();
    assert_eq!(line("taken").value, line("credited").value);
    assert_eq!(line("journal").value.len(), 64);
    let bad = sheet.rows.iter().filter(|row| matches!(row.sign, Sign::Bad | Sign::Unknown));
    assert_eq!(bad.count(), 0);
}

#[test]
fn a_dead_meter_is_credited_within_the_leave_and_not_beyond() {
    for (net, provisional, most) in [(12_345, 5_000, 5_000), (9_000, 5_000, 5_000), (9_000, 0, 0)] {
        let mut bench = Bench::new(vec![old_setup(net), new_setup()], Faults::NONE);
        let leave = bench.take_leave(Leave { provisional, ..Leave::default() });
        let store = bench.open();
        // It is read once, then it dies.
        bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
        bench.fleet.lock().unwrap().meter_mut(old()).unwrap().set_dead(true);
        let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
        assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
        assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
        let fleet = bench.fleet.lock().unwrap();
        let credited: i64 = fleet.meter(new()).unwrap().bookings().iter().map(|b| b.amount).sum();
        assert!(credited <= most && fleet.meter(old()).unwrap().refunds().is_empty(), "{credited}");
        assert_eq!(credited == 0, provisional == 0);
    }
}

#[test]
fn a_debt_goes_along_and_no_credit() {
    let setup = meterkit::sim::MeterSetup {
        overdraft_limit: meterkit::sim::Amount(100_000),
        ..old_setup(-2_500)
    };
    let mut bench = Bench::new(vec![setup, new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave { arrears: 2_000, ..Leave::default() });
    let store = bench.open();
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    let row = sheet.rows.iter().find(|row| row.name == "arrears").unwrap();
    assert_eq!(row.value, "20.00 CNY");
    let row = store.swap(leave).unwrap();
    assert_eq!((row.outs, row.credited), (0, None));
}

#[test]
fn without_a_password_it_is_sealed_with_what_it_holds() {
    let mut bench = Bench::new(vec![old_setup(4_000), new_setup()], Faults::NONE);
    bench.password = None;
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    assert!(sheet.rows.iter().any(|row| row.name == "stays-in-old"), "{:#?}", sheet.rows);
    let credit = store.token(store.swap(leave).unwrap().credit().unwrap()).unwrap();
    assert_eq!(credit.state, TokenState::Accepted);
    assert!((3_980..=4_000).contains(&credit.facts.credit.value));
}

#[test]
fn what_was_swapped_out_takes_no_credit_and_is_not_swapped_again() {
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    bench.take_leave(Leave::default());
    let store = bench.open();
    follow(&bench, &store, None, &mut Person::default()).unwrap();
    drop(store);
    bench.take_leave(Leave::default());
    let store = bench.open();
    let found = bench.work(&store, |site| Swap.begin(site, &Bench::values()));
    assert_eq!(found.unwrap_err().code, Code::SwappedOut);
}

/// From now on the operator has what this role may do, and no more.
fn grant(bench: &Bench, store: &Store, role: Role) {
    let grant = Office::new().grant(OPERATOR, |grant| {
        (grant.role, grant.verbs) = (role.number(), role.verbs().bits());
        (grant.id, grant.issued) = ([0x77; 16], grant.issued + 1);
    });
    store.append(&bench.stamp(), grant_taken(grant)).unwrap();
}

/// Maintenance staff may change meters and not open accounts: the opening that the office's leave
/// names is a part of the swap, or the balance would be left in transit half-way.
#[test]
fn who_may_swap_brings_a_swap_to_its_end() {
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    grant(&bench, &store, Role::Field);
    assert!(!Role::Field.verbs().has(Verb::Account));
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
    let good = |name: &str| sheet.rows.iter().any(|r| r.name == name && r.sign == Sign::Good);
    assert!(good("opening") && good("carry-in"), "{:#?}", sheet.rows);
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    // Without the right to swap nothing is begun.
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    bench.take_leave(Leave::default());
    let store = bench.open();
    grant(&bench, &store, Role::Recharge);
    let refused = follow(&bench, &store, None, &mut Person::default()).unwrap_err();
    assert_eq!(refused.code, Code::RoleForbids);
    assert_eq!(begun(&store), None);
}

/// Zero would be taken for a proved balance.
#[test]
fn a_dead_meter_that_was_never_read_has_no_figures() {
    let dead = MeterSetup { dead: true, ..old_setup(12_345) };
    let mut bench = Bench::new(vec![dead, new_setup()], Faults::NONE);
    bench.take_leave(Leave::default());
    let store = bench.open();
    let plan = bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
    let row = plan.rows.iter().find(|row| row.name == "last-proved").unwrap();
    assert_eq!((row.value.as_str(), row.sign), ("never-read", Sign::Warn));
    assert!(!plan.rows.iter().any(|row| row.name == "suggested"), "{:#?}", plan.rows);
}

/// What the old meter wrote down goes into the journal, onto the sheet and onto the certificate; a
/// cover that was opened since it was last seen is told with its next step, and money goes on.
#[test]
fn what_happened_to_the_old_meter_is_on_the_papers() {
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    let suffer = |mishap| bench.fleet.lock().unwrap().meter_mut(old()).unwrap().suffer(mishap);
    suffer(Mishap::Cover);
    let plan = bench.work(&store, |site| Swap.plan(site, &Bench::values())).unwrap();
    let row = plan.rows.iter().find(|row| row.name == "event-cover").unwrap();
    assert!(row.value.starts_with("1, 20"), "{row:?}");
    assert!(!plan.rows.iter().any(|row| row.name == "events-odd"), "nobody saw it before");
    // Somebody reads it, and it is opened after that.
    let seen = |items: &[(u32, Vec<u8>)]| items.iter().any(|(di, _)| *di == 0x0330_0D01);
    let (_, mut reading) = bench
        .work(&store, |site| {
            site.on(old(), |line, stop| meterkit::jobs::read::read_at(line, old(), &stop.place))
        })
        .unwrap();
    reading.items.push((0x0330_0D00, vec![1, 0, 0]));
    store.append(&bench.stamp(), Event::Reading(reading)).unwrap();
    suffer(Mishap::Cover);
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    let odd = sheet.rows.iter().find(|row| row.name == "events-odd").unwrap();
    assert_eq!((odd.value.as_str(), odd.sign), ("event-cover", Sign::Warn));
    let why = odd.failure.as_ref().unwrap();
    assert_eq!((why.code, why.detail.as_str()), (Code::MeterOpened, "1 -> 2"));
    let paper = certificate::read(&store, begun(&store).unwrap()).unwrap();
    let lines = |name: &str| {
        let found = paper.lines.iter().filter(|line| line.name == name);
        found.map(|line| line.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(lines("events"), ["events-read"]);
    assert!(lines("event-cover")[0].starts_with("2, 20"), "{:?}", lines("event-cover"));
    assert_eq!(lines("events-odd"), ["event-cover"]);
    // The records as they came are in the journal.
    let entries = store.events_for(old(), true, 100);
    let kept = entries.iter().filter_map(|entry| match &entry.event {
        Event::Reading(reading) => Some(seen(&reading.items)),
        _ => None,
    });
    assert_eq!(kept.filter(|kept| *kept).count(), 1);
}

/// Records that a meter does not have, or stays silent on, cost a bounded time and no money.
#[test]
fn a_meter_that_serves_no_events_is_swapped_all_the_same() {
    let lacks = (0x03..=0x0E).map(|nth| 0x0330_0000 + (nth << 8)).chain([
        0x0330_0000,
        0x0330_0100,
        0x0330_0200,
        0x0311_0000,
        0x1D00_0001,
        0x1E00_0001,
    ]);
    let setup = MeterSetup { lacks: lacks.collect(), ..old_setup(12_345) };
    let mut bench = Bench::new(vec![setup, new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let store = bench.open();
    let sheet = follow(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
    assert_eq!(audit(&bench, &store, leave), Vec::<String>::new());
    let row = sheet.rows.iter().find(|row| row.name == "events").unwrap();
    assert_eq!((row.value.as_str(), row.sign), ("events-unserved", Sign::Warn));
    let paper = certificate::read(&store, begun(&store).unwrap()).unwrap();
    let line = paper.lines.iter().find(|line| line.name == "events").unwrap();
    assert_eq!(line.value, "events-unserved");
}

//! A store put back from a copy, a clock put back, a frame that arrives twice: what was done is not
//! done again, and what cannot be helped is named to the fen.

use meterkit::report::Code;
use meterkit::sim::MeterSetup;
use meterkit::store::TokenState;
use meterkit::transport::Faults;

use super::{Deed, audit, follow, issue, said};
use crate::crash::disk::Dice;
use crate::swap::bench::{Bench, Leave, Person, follow as swapped, new, new_setup, old, old_setup};

fn taken(bench: &Bench) -> (Vec<i64>, Vec<i64>) {
    let fleet = bench.fleet.lock().unwrap();
    let meter = fleet.meter(old()).unwrap();
    let amounts = |list: &[meterkit::sim::Booking]| list.iter().map(|one| one.amount).collect();
    (amounts(meter.refunds()), amounts(meter.bookings()))
}

fn bench(deed: Deed) -> Bench {
    let closed = MeterSetup { load_w: 300, no: old(), ..new_setup() };
    let setup = if deed.word == "open" { closed } else { old_setup(12_345) };
    Bench::new(vec![setup], Faults::NONE)
}

#[test]
fn a_store_put_back_from_a_copy_does_nothing_twice() {
    for (deed, want) in [
        (Deed::refund(4_000), Code::DebitKnown),
        (Deed::reversal(4_000), Code::DebitKnown),
        (Deed::opening(5_000), Code::CountAhead),
        (Deed::recharge(6, 2_000), Code::CountAhead),
    ] {
        let mut bench = bench(deed);
        let token = issue(&mut bench, deed);
        let copy = bench.disk.after_cut(&mut Dice::new(1));
        let store = bench.open();
        follow(&bench, &store, deed, token).unwrap();
        assert_eq!(said(&store, deed, token).state, TokenState::Accepted, "{deed:?}");
        let once = taken(&bench);
        drop(store);
        bench.disk = copy;
        let store = bench.open();
        assert_eq!(said(&store, deed, token).state, TokenState::Cached, "{deed:?}");
        let refused = follow(&bench, &store, deed, token).unwrap_err();
        assert_eq!(refused.code, want, "{deed:?}");
        assert_eq!(taken(&bench), once, "{deed:?}");
    }
}

#[test]
fn a_swap_put_back_from_a_copy_does_not_call_what_it_took_out_nothing() {
    let mut bench = Bench::new(vec![old_setup(12_345), new_setup()], Faults::NONE);
    let leave = bench.take_leave(Leave::default());
    let copy = bench.disk.after_cut(&mut Dice::new(1));
    let store = bench.open();
    swapped(&bench, &store, None, &mut Person::default()).unwrap();
    let once = taken(&bench);
    assert_eq!(once.0.len(), 1);
    drop(store);
    bench.disk = copy;
    let store = bench.open();
    let sheet = swapped(&bench, &store, None, &mut Person::default()).unwrap();
    assert_eq!(taken(&bench), once);
    let row = store.swap(leave).unwrap();
    assert_eq!((row.outs, row.credited), (0, None), "{sheet:#?}");
    let credits = bench.fleet.lock().unwrap().meter(new()).unwrap().bookings().len();
    assert_eq!(credits, 1);
    // It is not told as an empty meter, whose swap ends well.
    assert!(!sheet.rows.iter().any(|row| row.name == "nothing-to-carry"), "{sheet:#?}");
}

#[test]
fn a_clock_put_back_stops_every_act_and_no_question() {
    for deed in [Deed::refund(4_000), Deed::opening(5_000), Deed::recharge(6, 2_000)] {
        let mut bench = bench(deed);
        let token = issue(&mut bench, deed);
        bench.pass(std::time::Duration::from_secs(7_200));
        let store = bench.open();
        // The journal knows of this hour.
        bench
            .work(&store, |site| {
                meterkit::jobs::session::log_out(
                    site.desk.store,
                    site.desk.session,
                    meterkit::store::LogOut::Asked,
                    &bench.stamp(),
                )
            })
            .unwrap();
        let before = taken(&bench);
        bench.back_s = 7_000;
        let refused = follow(&bench, &store, deed, token);
        let state = said(&store, deed, token).state;
        assert_eq!((taken(&bench), state), (before, TokenState::Cached), "{deed:?} {refused:?}");
        // Put right, it goes on.
        bench.back_s = 0;
        follow(&bench, &store, deed, token).unwrap();
        assert_eq!(said(&store, deed, token).state, TokenState::Accepted, "{deed:?}");
    }
}

#[test]
fn a_debit_the_line_doubles_is_named_to_the_fen() {
    let deed = Deed::refund(4_000);
    let mut bench = bench(deed);
    let token = issue(&mut bench, deed);
    bench.doubles = true;
    let store = bench.open();
    let sheet = follow(&bench, &store, deed, token).unwrap();
    assert_eq!(taken(&bench).0, [4_000, 4_000]);
    let one = said(&store, deed, token);
    assert_eq!(one.state, TokenState::Disputed);
    assert_eq!(sheet.exit, Some(Code::IntentOpen));
    let value = |name: &str| sheet.rows.iter().find(|row| row.name == name).unwrap().value.clone();
    assert_eq!(value("taken-times"), "2", "{sheet:#?}");
    assert_eq!(value("taken-too-much"), "40.00 CNY");
    // What is asked later shows the same: it stands in the journal.
    drop(store);
    let store = bench.open();
    let work = store.errands()[0].step.errand;
    let shown = bench.work(&store, |site| {
        use meterkit::jobs::errand::Errand;
        meterkit::jobs::account::Account.sheet(site.desk.store, work)
    });
    let shown = shown.unwrap();
    assert!(shown.rows.iter().any(|row| row.name == "taken-too-much" && row.value == "40.00 CNY"));
    assert_eq!(audit(&bench, &[one]), Vec::<String>::new());
    // Half of the balance or more: the meter itself refuses the copy.
    let deed = Deed::refund(7_000);
    let mut large = Bench::new(vec![old_setup(12_345)], Faults::NONE);
    let token = issue(&mut large, deed);
    large.doubles = true;
    let store = large.open();
    follow(&large, &store, deed, token).unwrap();
    assert_eq!(taken(&large).0, [7_000]);
    assert_eq!(said(&store, deed, token).state, TokenState::Accepted);
}

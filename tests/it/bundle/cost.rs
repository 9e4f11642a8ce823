//! Lines go side by side: the whole takes as long as the slowest, and that little more than the
//! wire itself.

use std::time::Duration;

use meterkit::transport::Faults;

use super::yard::{SUMMER, Yard, least};

#[test]
fn eight_lines_go_at_once_and_cost_what_the_wire_costs() {
    let mut yard = Yard::new((8, 4), &Faults::NONE, |_, _| {});
    yard.take(SUMMER);
    yard.watch(SUMMER);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    let sheet = yard.advance(work).unwrap();
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:?}");
    assert_eq!(yard.threads.lock().unwrap().len(), 8);
    let times = yard.times();
    let (slowest, all) = (times.iter().max().copied().unwrap(), times.iter().sum::<Duration>());
    // Eight times the work in the time of one line.
    assert!(all * 100 >= slowest * 8 * 95, "{times:?}");
    let floor = least(4, SUMMER, true);
    println!(
        "slowest {slowest:?}, floor {floor:?}, of the wire alone {:?}",
        least(4, SUMMER, false)
    );
    assert!(slowest >= floor, "{slowest:?} < {floor:?}: the floor is none");
    assert!(slowest * 100 <= floor * 105, "{slowest:?} / {floor:?}");
    assert_eq!(yard.eye.lock().unwrap().faults, Vec::<String>::new());
}

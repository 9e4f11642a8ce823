//! The demo: a day without screens, and what lies ready for whoever opens the screens.

use super::{bare, lines, ran};

/// Recharges over a bad line, a swap and a bundle in between: nothing is doubled or lost, the swap
/// is through and the bundle whole, and the office's books close.
#[test]
fn the_scripted_day_swaps_a_meter_and_writes_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let output = ran(bare(folder.path()), &["demo", "--headless", "--json", "--seed", "1"]);
    let said = lines(&output);
    let day = said.iter().find(|line| !line["recharges"].is_null());
    let day = day.unwrap_or_else(|| panic!("{said:?} {:?}", output.stderr));
    assert_eq!(output.status.code(), Some(0), "{day}");
    for (name, wanted) in [("double_credits", 0), ("lost_credits", 0), ("bundled_meters", 3)] {
        assert_eq!(day[name], wanted, "{name}: {day}");
    }
    for name in ["swapped", "sum_zero", "ledger_matches_tokens", "meters_conserve"] {
        assert_eq!(day[name], true, "{name}: {day}");
    }
    // What is swapped or refunded gets no recharge: the rest of the street does, twice.
    assert!(day["recharges"].as_u64().unwrap() >= 40, "{day}");
}

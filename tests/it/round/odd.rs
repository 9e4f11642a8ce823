//! Everything odd, from the simulated meter to the sheet.

use std::time::Duration;

use meterkit::jobs::errand::Sheet;
use meterkit::jobs::round::plausible::Kind;
use meterkit::sim::Mishap;

use super::yard::{Yard, no};

const DAY: Duration = Duration::from_secs(86_400);

/// One line with one meter; `more` are further lines of its setup.
fn yard(more: &str) -> Yard {
    let text = format!(
        "seed = 5\n[[meter]]\nno = \"47\"\naccount = \"112233445566\"\nbalance = \"500.00\"\n\
         count = 3\nenergy = \"1000.00\"\n{more}"
    );
    Yard::new(&[("a", text)])
}

/// The names and values of what is odd.
fn odd(sheet: &Sheet) -> Vec<(String, String)> {
    let known = |name: &str| Kind::named(name).is_some();
    let rows = sheet.rows.iter().filter(|row| known(&row.name));
    rows.inspect(|row| assert_eq!(row.meter, Some(no(47))))
        .map(|row| (row.name.clone(), row.value.clone()))
        .collect()
}

fn names(sheet: &Sheet) -> Vec<String> {
    odd(sheet).into_iter().map(|(name, _)| name).collect()
}

/// A round, then something happens, then a round ten days later.
fn after(yard: &Yard, happen: impl FnOnce(&Yard)) -> Vec<(String, String)> {
    assert_eq!(odd(&yard.round("47")), [], "nothing odd at first");
    happen(yard);
    yard.pass("a", 10 * DAY);
    odd(&yard.round("47"))
}

#[test]
fn ten_plain_days_have_nothing_odd() {
    assert_eq!(after(&yard(""), |_| {}), []);
    assert_eq!(after(&yard("unit = \"kwh\"\n"), |_| {}), []);
}

#[test]
fn registers_that_cannot_be() {
    let yard_back = yard("");
    let found = after(&yard_back, |yard| yard.suffer("a", 47, Mishap::Register(10_000)));
    assert_eq!(found[0].0, Kind::Backwards.as_str());
    assert!(found[0].1.starts_with("1000.0") && found[0].1.ends_with(", 10 d"), "{found:?}");
    let found = after(&yard(""), |yard| yard.suffer("a", 47, Mishap::Register(9_000_000)));
    assert_eq!(found[0].0, Kind::Jump.as_str());
    // The register is held where it was while the load goes on.
    let still = yard("load_w = 0\n");
    assert_eq!(odd(&still.round("47")), []);
    still.suffer("a", 47, Mishap::Register(110_000));
    still.pass("a", 10 * DAY);
    still.round("47");
    still.pass("a", 10 * DAY);
    assert_eq!(names(&still.round("47")), [Kind::ZeroUse.as_str()]);
}

#[test]
fn covers_and_batteries() {
    let found = after(&yard(""), |yard| yard.suffer("a", 47, Mishap::Cover));
    assert_eq!(found, [(Kind::Cover.as_str().to_owned(), "0 -> 1, 10 d".to_owned())]);
    let found = after(&yard(""), |yard| yard.suffer("a", 47, Mishap::TerminalCover));
    assert_eq!(found[0].0, Kind::TerminalCover.as_str());
    for mishap in [Mishap::ClockBattery, Mishap::ReadingBattery] {
        let found = after(&yard(""), |yard| yard.suffer("a", 47, mishap));
        assert_eq!(found[0].0, Kind::Battery.as_str());
    }
}

#[test]
fn ratios_and_reverse_energy() {
    let found = after(&yard(""), |yard| yard.suffer("a", 47, Mishap::Ratio(30)));
    assert_eq!(found[0].0, Kind::Ratio.as_str());
    let found = after(&yard(""), |yard| yard.suffer("a", 47, Mishap::Reverse(150)));
    assert_eq!(found, [(Kind::Reverse.as_str().to_owned(), "0.00 -> 1.50, 10 d".to_owned())]);
}

#[test]
fn clocks() {
    for (offset, kind) in
        [(100, Kind::ClockDrift), (-600, Kind::ClockOff), (4_000, Kind::ClockWrong)]
    {
        let yard = yard(&format!("clock_offset_s = {offset}\n"));
        assert_eq!(names(&yard.round("47")), [kind.as_str()], "{offset}");
    }
    let found = names(&yard("no_clock = true\n").round("47"));
    assert_eq!(found, [Kind::ClockWrong.as_str(), Kind::Battery.as_str()]);
}

#[test]
fn counts_against_the_list() {
    let listed = |count: u32| {
        let yard = yard("");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.csv");
        std::fs::write(&file, format!("meter,count,ct\n47,{count},1\n")).unwrap();
        let values = meterkit::jobs::errand::Values::default()
            .with("round-file", file.display().to_string());
        let work = yard.begin(&values);
        names(&yard.advance(work, &mut |_| {}))
    };
    assert_eq!(listed(3), [""; 0]);
    assert_eq!(listed(4), [Kind::CountBehind.as_str()]);
    assert_eq!(listed(2), [Kind::CountAhead.as_str()]);
}

#[test]
fn a_balance_that_does_not_follow() {
    // Fifteen yuan for a kilowatt-hour: no tariff, whatever else took the money.
    let found = after(&yard("load_w = 50\nprices = [150000]\n"), |_| {});
    assert_eq!(found[0].0, Kind::Balance.as_str(), "{found:?}");
}

#[test]
fn keep_power_left_on() {
    use meterkit::protocol::dlt645::frame::{Address, Frame};
    let yard = yard("");
    let body = [2, 0, 0, 0, 1, 0, 0, 0, 0x3A, 0, 0, 0, 0, 0x31, 0x12, 0x99];
    let frame = Frame::new(Address::meter(no(47)), 0x1C, body.to_vec());
    assert_eq!(yard.hear("a", &frame), 0x9C, "obeyed");
    assert_eq!(names(&yard.round("47")), [Kind::KeepPower.as_str()]);
}

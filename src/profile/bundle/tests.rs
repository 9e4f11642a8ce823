//! What a bundle file comes to, and what is said about a wrong one.

use super::{Bundle, Set, carries_money};

const SUMMER: &str = include_str!("../../../fixtures/bundles/summer.toml");

fn good(text: &str) -> Bundle {
    let (bundle, faults) = Bundle::check(text);
    bundle.unwrap_or_else(|| panic!("{faults:?}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn a_bundle_comes_to_items_and_bytes() {
    let bundle = good(SUMMER);
    assert_eq!((bundle.name.as_str(), bundle.version), ("summer 2026", 3));
    assert_eq!(bundle.items.len(), 40);
    // By hand from dlt645.md 3.3 to 3.5: values low byte first.
    for (name, di, value) in [
        ("counts.zones", 0x0400_0201, "02"),
        ("limits.alarm-1", 0x0400_1001, "00300000"),
        ("limits.overload", 0x0409_0B01, "005006"),
        ("limits.power-factor", 0x0409_0E01, "0008"),
        ("calendar.holidays[2]", 0x0403_0002, "01060227"),
        ("calendar.count", 0x0400_0205, "0500"),
        ("calendar.week", 0x0400_0801, "7E"),
        ("item[1]", 0x0400_0103, "30"),
        ("prices.rates", 0x0405_02FF, "00200100009500000065000000330000"),
    ] {
        let item = bundle.items.iter().find(|item| item.name == name).expect(name);
        assert_eq!((item.di, hex(&item.value).as_str()), (di, value), "{name}");
    }
    let zones = bundle.items.iter().find(|item| item.di == 0x0402_0000).unwrap();
    assert_eq!(hex(&zones.value), format!("010101{}", "010107".repeat(13)));
    let day = bundle.items.iter().find(|item| item.di == 0x0402_0001).unwrap();
    assert!(hex(&day.value).starts_with("040000030007010010030012020018030022040023040023"));
    assert_eq!(day.value.len(), 42);
    assert!(bundle.switches.iter().all(|switch| hex(&switch.value()) == "0000011226"));
    let sets: Vec<Set> = bundle.switches.iter().map(|switch| switch.set).collect();
    assert_eq!(sets, [Set::Days, Set::Zones, Set::Prices]);
    // Nothing of the set in force is written, and its set time is no item.
    for item in &bundle.items {
        assert!(!matches!(item.di >> 16, 0x0401) && item.di & !0xFF != 0x0405_0100);
        assert!(!(0x0400_0106..=0x0400_010A).contains(&item.di));
    }
    assert!(bundle.items.iter().rev().take(3).all(|item| item.set.is_some()), "sets come last");
}

#[test]
fn steps_are_a_block_of_limits_and_one_of_prices() {
    let bundle = good(
        "name = \"s\"\nversion = 1\n[steps]\nvalues = [\"180\", \"400.5\"]\n\
         prices = [\"0\", \"0.05\", \"0.3\"]\n[switch]\nsteps = \"2026-12-01 06:30\"\n",
    );
    let items: Vec<(u32, String)> =
        bundle.items.iter().map(|item| (item.di, hex(&item.value))).collect();
    assert_eq!(items[0], (0x0406_02FF, "0080010050000400".to_owned()));
    assert_eq!(items[1], (0x0406_03FF, "000000000005000000300000".to_owned()));
    assert_eq!(hex(&bundle.switches[0].value()), "3006011226");
}

/// What is wrong with a file: line, key, kind.
fn faults(text: &str) -> Vec<(usize, String, &'static str)> {
    let (bundle, faults) = Bundle::check(text);
    assert!(bundle.is_none(), "{text}");
    faults.into_iter().map(|fault| (fault.line, fault.key, fault.what.code())).collect()
}

#[test]
fn what_can_carry_money_is_no_bundle() {
    for di in [
        "04001006", "0400040E", "070101FF", "070102FF", "070103FF", "070104FF", "07010BFF",
        "070150FF", "07A006FF", "00900200", "03330201", "03330101", "04500005",
    ] {
        let text = format!("name = \"x\"\nversion = 1\n[[item]]\ndi = \"{di}\"\nvalue = \"00\"\n");
        let found = faults(&text);
        assert!(found.contains(&(4, "item[1].di".to_owned(), "carries-money")), "{di}: {found:?}");
    }
    for di in [0x0400_1001, 0x0400_1004, 0x0409_0B01, 0x0405_02FF] {
        assert!(!carries_money(di), "{di:08X}");
    }
}

#[test]
fn what_has_its_own_section_is_no_item() {
    for di in [
        "04000101", "04000108", "04000202", "04000204", "04000207", "04000401", "04000703",
        "04000C03", "04010001", "04020001", "04050101", "04060A01", "04030001",
    ] {
        let text = format!("name = \"x\"\nversion = 1\n[[item]]\ndi = \"{di}\"\nvalue = \"00\"\n");
        let found = faults(&text);
        assert!(found.contains(&(4, "item[1].di".to_owned(), "wrong-value")), "{di}: {found:?}");
    }
}

#[test]
fn every_fault_names_its_line() {
    let head = "name = \"x\"\nversion = 1\n";
    for (rest, line, key, code) in [
        ("[limits]\nalarm-1 = 20.0\n", 4, "limits.alarm-1", "wrong-value"),
        ("[limits]\nalarm-1 = \"20.001\"\n", 4, "limits.alarm-1", "wrong-value"),
        ("[limits]\nalarm-1 = \"1000000.00\"\n", 4, "limits.alarm-1", "wrong-value"),
        ("[limits]\nalarm-1 = \"-1\"\n", 4, "limits.alarm-1", "wrong-value"),
        ("[limits]\nalarm-9 = \"1\"\n", 4, "limits.alarm-9", "unknown-key"),
        ("[prices]\nrates = [\"1.0\"]\n", 1, "switch.prices", "missing"),
        ("[prices]\nrates = []\n", 4, "prices.rates", "wrong-value"),
        ("[switch]\nsteps = \"2026-12-01 00:00\"\n", 4, "switch.steps", "wrong-value"),
        ("[switch]\nsteps = \"2026-13-01 00:00\"\n", 4, "switch.steps", "wrong-value"),
        ("[tariff]\nzones = [\"02-30 1\"]\n", 4, "tariff.zones", "wrong-value"),
        ("[tariff]\nzones = [\"07-01 1\", \"01-01 2\"]\n", 4, "tariff.zones", "wrong-value"),
        (
            "[[tariff.day]]\ntable = 2\nslots = [\"00:00 1\"]\n",
            4,
            "tariff.day[1].table",
            "wrong-value",
        ),
        (
            "[[tariff.day]]\ntable = 1\nslots = [\"24:00 1\"]\n",
            5,
            "tariff.day[1].slots",
            "wrong-value",
        ),
        ("[calendar]\nholidays = [\"2026-02-29 1\"]\n", 4, "calendar.holidays", "wrong-value"),
        (
            "[steps]\nvalues = [\"2\", \"1\"]\nprices = [\"0\", \"1\", \"2\"]\n",
            4,
            "steps.values",
            "wrong-value",
        ),
        (
            "[steps]\nvalues = [\"2\"]\nprices = [\"0\", \"1\", \"2\"]\n",
            5,
            "steps.prices",
            "wrong-value",
        ),
        ("[[item]]\ndi = \"04000103\"\nvalue = \"3000\"\n", 5, "item[1].value", "wrong-value"),
        ("[[item]]\ndi = \"04000199\"\nvalue = \"30\"\n", 4, "item[1].di", "wrong-value"),
        (
            "[[item]]\ndi = \"04001001\"\nvalue = \"00\"\n[limits]\nalarm-1 = \"1\"\n",
            5,
            "item[1].value",
            "wrong-value",
        ),
        ("", 0, "", "missing"),
    ] {
        let found = faults(&format!("{head}{rest}"));
        let want = (line, key.to_owned(), code);
        assert!(found.contains(&want), "{rest}: {found:?}");
    }
    // The same item twice, by name and by identifier.
    let twice = "[limits]\nalarm-1 = \"1\"\n[[item]]\ndi = \"04001001\"\nvalue = \"00010000\"\n";
    let found = faults(&format!("{head}{twice}"));
    assert_eq!(found, [(6, "item[1]".to_owned(), "twice")]);
    // Zones that name a day table the bundle does not bring, and sets that part company.
    let tariff = "[tariff]\nzones = [\"01-01 2\"]\n[[tariff.day]]\ntable = 1\n\
                  slots = [\"00:00 1\"]\n[switch]\nzones = \"2026-12-01 00:00\"\n\
                  days = \"2026-12-01 00:01\"\n";
    let found = faults(&format!("{head}{tariff}"));
    assert!(found.contains(&(4, "tariff.zones".to_owned(), "wrong-value")), "{found:?}");
    assert!(found.contains(&(10, "switch.days".to_owned(), "wrong-value")), "{found:?}");
}

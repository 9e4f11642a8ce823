//! Profiles that are sound, and mistakes that are named.

use super::*;

fn text(id: &str) -> &'static str {
    Profile::built_in_text(id).unwrap()
}

#[test]
fn the_built_in_profiles_are_sound_and_distinct() {
    let mut ids = Profile::built_in_ids();
    assert_eq!(ids.len(), set::COUNT, "one of the files does not parse");
    assert!(ids.contains(&DEFAULT.to_owned()));
    for id in &ids {
        assert_eq!(Profile::built_in(id).unwrap().id, *id, "the id line is written plainly");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), set::COUNT);
    let generic = Profile::built_in(DEFAULT).unwrap();
    assert_eq!(generic.class, Class::C);
    let (_, money) = generic.dlt645_money().unwrap();
    assert_eq!(money.record_row(1).unwrap()[0], money.count);
    assert_eq!(money.record_row(10).unwrap()[1], 0x0333_030A);
    assert_eq!(money.record_row(0), None);
    assert_eq!(money.record_row(11), None);
    assert_eq!(Profile::built_in("dlt645-2007-b").unwrap().class, Class::B);
    assert!(matches!(Profile::built_in("x"), Err(ProfileError::Unknown(_))));
}

#[test]
fn each_maker_has_its_layout() {
    for (id, layout, unit) in [
        ("dlt645-2007-c", Layout::Sgcc, CreditUnit::Yuan),
        ("tms", Layout::Tms, CreditUnit::Yuan),
        ("ko", Layout::Ko, CreditUnit::Yuan),
        ("ko-2018", Layout::Ko2018, CreditUnit::Yuan),
        ("kede", Layout::Kede, CreditUnit::Kwh),
        ("tw-gateway", Layout::Tw, CreditUnit::Yuan),
    ] {
        let (own, money) = Profile::built_in(id).unwrap().dlt645_money().unwrap();
        assert_eq!((money.recharge, own), (layout, unit), "{id}");
        assert_eq!(layout.names_count(), id != "tms");
    }
}

#[test]
fn a_mistake_is_named_with_its_line() {
    let good = text(DEFAULT);
    for (from, to, expect) in [
        ("id = \"dlt645-2007-c\"", "id = \"A b\"", "line 3: id = A b: expected 1 to 32"),
        ("baud = 2400", "baud = 24", "line 11: line.baud = 24: expected 300 to 115200"),
        ("data_bits = 8", "data_bits = 9", "line.data_bits = 9: expected 7 to 8"),
        ("tries = 3", "tries = 0", "timing.tries = 0"),
        ("answer_ms = 500", "answer_ms = 0", "timing.answer_ms = 0: expected 1 to 60000 ms"),
        ("level = 2", "level = 10", "password.level = 10"),
        ("balance = \"00900200\"", "balance = \"9002\"", "money.balance = 9002: expected 8 hexa"),
        ("\"033303\"", "\"03330301\"", "money.record = [033302, 03330301, 033304, 033305]"),
        ("rows = 10", "rows = 11", "money.rows = 11"),
        ("price_fen_per_kwh = 300", "price_fen_per_kwh = 0", "money.price_fen_per_kwh = 0"),
        ("confidence = \"B\"", "confidence = \"E\"", "confidence = E: expected A, B, C or D"),
        ("parity = \"even\"", "parity = \"both\"", "parity = both: expected none, even, odd"),
        ("class = \"C\"", "clas = \"C\"", "clas: unknown-key: id, name, protocol"),
        ("unit = \"yuan\"", "", "money.unit: missing: yuan or kwh"),
        ("protocol = \"dlt645-2007\"", "protocol = \"x\"", "protocol = x: expected dlt645-2007"),
        ("name = \"energy\"", "name = \"energy\"\nnaem = 1", "item[1].naem: unknown-key: name"),
        ("at = \"00010000\"", "at = \"9010\"", "item[1].at = 9010: expected 8 hexadecimal"),
        ("id = \"", "id = ", "line 3: syntax: "),
    ] {
        assert!(good.contains(from), "{from}");
        let error = Profile::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expect), "{from} -> {to}: {error}");
    }
    let long = Profile::parse(&" ".repeat(MAX_FILE + 1)).unwrap_err().to_string();
    assert_eq!(long, "profile: too-long: 65536");
}

#[test]
fn places_are_written_as_they_are_read() {
    use Protocol::*;
    for (protocol, good, bad) in [
        (Dlt645_2007, "00010000", &["0001000", "000100000", "0001000g", "+0010000"][..]),
        (Dlt645_1997, "9010", &["901", "00009010", " 9010"]),
        (ModbusRtu, "03:0362", &["0362", "3:0362", "06:0362", "03:362", "03:03621", "03:+362"]),
        (ModbusTcp, "04:FFFF", &["04:-001", "04:"]),
        (Iec62056, "1.8.0", &["", "1.8.0(", "12345678901234567"]),
        (Cjt188, "volume", &["", "Volume", "vol ume"]),
        (Dlt698, "00100200", &["0010", "0x100200"]),
        (
            Dlms,
            "3/1.0.1.8.0.255/2",
            &[
                "3/1.0.1.8.0/2",
                "3/1.0.1.8.0.256/2",
                "3/1.0.1.8.0.255/200",
                "3/1.0.1.8.0.255.1/2",
                "3/1.0.1.8.0.255/2/1",
                "70000/1.0.1.8.0.255/2",
                "/1.0.1.8.0.255/",
                "3/1.0.1.8.0.+25/2",
            ],
        ),
        (Mbus, "record 65535", &["record", "record -1", "record 65536", "Record 1", "record  1"]),
    ] {
        let place = Place::parse(protocol, good).unwrap();
        assert_eq!(place.text(protocol), good);
        for bad in bad {
            assert_eq!(Place::parse(protocol, bad), None, "{protocol:?} {bad:?}");
        }
    }
}

/// `reference/dlt645.md` 6.5, the relay's row.
#[test]
fn makers_relays_are_worked_as_published_or_not_at_all() {
    let relay = |id: &str| Profile::built_in(id).unwrap().relay;
    assert_eq!(relay("tms"), RelayRules { channel: 1, ..RelayRules::default() });
    assert!(relay("kede").refused.is_some_and(|why| why.contains("98")));
    for id in ["ko", "ko-2018", "tw-gateway", "dlt645-2007-c"] {
        assert_eq!(relay(id), RelayRules::default(), "{id}");
    }
    let with = |rows: &str| text("tms").replace("channel = 1 ", rows);
    let (own, _) = Profile::check(&with("level = 4\nchannel = 2 "));
    let rules = RelayRules { level: Some(4), channel: 2, refused: None };
    assert_eq!(own.unwrap().relay, rules);
    for (rows, key) in [
        ("level = 10\nchannel = 1 ", "relay.level"),
        ("channel = 256 ", "relay.channel"),
        ("refused = \" \"\nchannel = 1 ", "relay.refused"),
        ("chanel = 1 ", "relay.chanel"),
    ] {
        let (none, faults) = Profile::check(&with(rows));
        assert!(none.is_none(), "{rows}");
        assert!(faults.iter().any(|fault| fault.key == key), "{rows}: {faults:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text_: String, cut in 0usize..3000, put in ".{0,3}", which in 0usize..3) {
        let _ = Profile::check(&text_);
        let mut near = text([DEFAULT, "adf400l-1p", "kede"][which]).to_owned();
        let at = (0..=cut.min(near.len())).rev().find(|at| near.is_char_boundary(*at));
        near.insert_str(at.unwrap_or(0), &put);
        let (profile, faults) = Profile::check(&near);
        proptest::prop_assert_eq!(profile.is_none(), faults.iter().any(|f| f.what.is_fault()));
        let lines = near.lines().count() + 1;
        proptest::prop_assert!(faults.iter().all(|fault| fault.line <= lines));
    }
}

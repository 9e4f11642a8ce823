//! Profiles that are sound, and mistakes that are named.

use super::*;

#[test]
fn the_built_in_profiles_are_sound_and_distinct() {
    let mut ids = Profile::built_in_ids();
    assert_eq!(ids.len(), BUILT_IN.len(), "one of the files does not parse");
    assert!(ids.contains(&DEFAULT.to_owned()));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), BUILT_IN.len());
    let generic = Profile::built_in(DEFAULT).unwrap();
    assert_eq!(generic.class, Class::C);
    let (_, money) = generic.dlt645_money().unwrap();
    assert_eq!(money.record_row(1).unwrap()[0], money.count);
    assert_eq!(money.record_row(10).unwrap()[1], 0x0333_030A);
    assert_eq!(money.record_row(0), None);
    assert_eq!(money.record_row(11), None);
    assert_eq!(Profile::built_in("dlt645-2007-b").unwrap().class, Class::B);
    assert_eq!(Profile::built_in("tms").unwrap().layout(), Some(Layout::Tms));
    assert!(matches!(Profile::built_in("x"), Err(ProfileError::Unknown(_))));
}

#[test]
fn a_mistake_is_named() {
    let good = BUILT_IN[0];
    for (from, to, expect) in [
        ("id = \"dlt645-2007-c\"", "id = \"A b\"", "id = A b"),
        ("baud = 2400", "baud = 24", "line.baud = 24: expected 300 to 115200"),
        ("data_bits = 8", "data_bits = 9", "line.data_bits = 9"),
        ("tries = 3", "tries = 0", "timing.tries = 0"),
        ("answer_ms = 500", "answer_ms = 0", "timing.answer_ms = 0"),
        ("level = 2", "level = 10", "password.level = 10"),
        ("\"00900200\"", "\"9002\"", "money.balance = 9002: expected 8 hexadecimal digits"),
        ("\"033303\"", "\"03330301\"", "money.record = 03330301"),
        ("rows = 10", "rows = 11", "money.rows = 11"),
        ("price_fen_per_kwh = 300", "price_fen_per_kwh = 0", "money.price_fen_per_kwh = 0"),
        ("confidence = \"B\"", "confidence = \"E\"", "confidence = E"),
        ("parity = \"even\"", "parity = \"both\"", "unknown variant `both`"),
        ("class = \"C\"", "clas = \"C\"", "unknown field `clas`"),
        ("unit = \"yuan\"", "", "missing field `unit`"),
        ("protocol = \"dlt645-2007\"", "protocol = \"x\"", "unknown variant `x`"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = Profile::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expect), "{from} -> {to}: {error}");
    }
    assert_eq!(Profile::parse(&" ".repeat(MAX_FILE + 1)), Err(ProfileError::TooLong));
}
proptest::proptest! {
    #[test]
    fn no_text_panics(text: String, cut in 0usize..1000, put in ".{0,3}") {
        let _ = Profile::parse(&text);
        let mut near = BUILT_IN[0].to_owned();
        let at = (0..=cut.min(near.len())).rev().find(|at| near.is_char_boundary(*at));
        near.insert_str(at.unwrap_or(0), &put);
        let _ = Profile::parse(&near);
    }
}

//! Every bound from both sides.

use super::*;
use crate::units::{Energy, PurchaseCount};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn now() -> Facts {
    Facts {
        at: UnixSeconds(NOW),
        energy: Some(100_000),
        reverse: Some(0),
        count: Some(3),
        net: Some(5_000),
        unit: Some(CreditUnit::Yuan),
        power_dw: Some(8_000),
        drift_s: Some(0),
        relay_open: Some(false),
        status: [Some(0); 7],
        ct: Some(1),
        cover: Some(0),
        terminal_cover: Some(0),
        phases: 1,
        rated_v: None,
        rated_a: None,
    }
}

/// Ten days before: 1 kWh less, 0.52 yuan more.
fn past() -> Past {
    let mut past = Past::default();
    let then = UnixSeconds(NOW - 10 * DAY);
    past.add(&Facts { at: then, energy: Some(99_900), net: Some(5_052), ..now() });
    past.add(&Facts { at: UnixSeconds(NOW - 20 * DAY), energy: Some(99_800), ..Facts::default() });
    past
}

fn kinds(now: &Facts, past: &Past, expected: &Expected) -> Vec<Kind> {
    judge(now, &Against { past, expected, kept_since: None }).iter().map(|a| a.kind).collect()
}

fn found(now: &Facts, past: &Past) -> Vec<Kind> {
    kinds(now, past, &Expected::default())
}

#[test]
fn a_plain_reading_has_nothing_odd() {
    assert_eq!(found(&now(), &past()), []);
    assert_eq!(found(&now(), &Past::default()), [], "a first reading");
    assert_eq!(found(&Facts::default(), &past()), [], "nothing read, nothing odd");
}

#[test]
fn backwards_by_a_hundredth() {
    let at = |energy| Facts { energy: Some(energy), net: None, ..now() };
    assert_eq!(found(&at(99_900 - 1), &past()), [Kind::Backwards]);
    assert_eq!(found(&at(99_900 + 1), &past()), []);
    let one = judge(
        &at(99_000),
        &Against { past: &past(), expected: &Expected::default(), kept_since: None },
    );
    assert_eq!((one[0].was.as_str(), one[0].is.as_str()), ("999.00", "990.00"));
    assert_eq!(one[0].age_s, Some(10 * DAY));
}

#[test]
fn a_register_that_began_again_is_not_backwards() {
    let mut past = past();
    past.energy = past.energy.map(|seen| Seen { value: REGISTER_END - 50, ..seen });
    let at = |energy| Facts { energy: Some(energy), net: None, ..now() };
    assert_eq!(found(&at(50), &past), []);
    // 22 kW for ten days are 5280 kWh.
    let most = most(22_000, 10 * DAY);
    assert_eq!(found(&at(most - 50), &past), []);
    assert_eq!(found(&at(most - 49), &past), [Kind::Backwards]);
}

#[test]
fn jump_beyond_what_can_flow() {
    let at = |used| Facts { energy: Some(99_900 + used), net: None, ..now() };
    let most = most(22_000, 10 * DAY);
    assert_eq!(most, 528_001);
    assert_eq!(found(&at(most), &past()), []);
    assert_eq!(found(&at(most + 1), &past()), [Kind::Jump]);
    // Three phases carry three times that; the nameplate and the list know better still.
    let three = |used| Facts { phases: 3, ..at(used) };
    assert_eq!(found(&three(3 * 528_000 + 1), &past()), []);
    assert_eq!(found(&three(3 * 528_000 + 2), &past()), [Kind::Jump]);
    let plate = |used| Facts { rated_v: Some(220), rated_a: Some(60), ..at(used) };
    assert_eq!(found(&plate(316_801), &past()), []);
    assert_eq!(found(&plate(316_802), &past()), [Kind::Jump]);
    let listed = Expected { max_w: Some(1_000), ..Expected::default() };
    assert_eq!(kinds(&plate(24_001), &past(), &listed), []);
    assert_eq!(kinds(&plate(24_002), &past(), &listed), [Kind::Jump]);
}

#[test]
fn the_newer_of_list_and_journal_counts() {
    let listed = |days: i64, energy| Expected {
        energy: Some(Energy(energy)),
        energy_at: Some(UnixSeconds(NOW - days * DAY)),
        ..Expected::default()
    };
    let facts = Facts { net: None, ..now() };
    assert_eq!(kinds(&facts, &past(), &listed(5, 100_001)), [Kind::Backwards]);
    assert_eq!(kinds(&facts, &past(), &listed(15, 100_001)), [], "older than the journal's");
    assert_eq!(kinds(&facts, &Past::default(), &listed(5, 100_001)), [Kind::Backwards]);
    let undated = Expected { energy: Some(Energy(1)), ..Expected::default() };
    assert_eq!(kinds(&facts, &Past::default(), &undated), [], "no time, no jump");
}

#[test]
fn no_use_where_there_was_use() {
    let still = |power, relay| Facts {
        energy: Some(99_900),
        net: None,
        power_dw: Some(power),
        relay_open: Some(relay),
        ..now()
    };
    assert_eq!(found(&still(0, false), &past()), [Kind::ZeroUse], "there was use");
    assert_eq!(found(&still(0, true), &past()), [], "it is cut off");
    let mut quiet = past();
    quiet.energy_before = quiet.energy_before.map(|seen| Seen { value: 99_900, ..seen });
    assert_eq!(found(&still(MOVES_DW, false), &quiet), [Kind::ZeroUse], "power flows");
    assert_eq!(found(&still(MOVES_DW - 1, false), &quiet), []);
    let mut fresh = past();
    let seen = |s: i64| Seen { value: 99_900, at: UnixSeconds(NOW - s) };
    fresh.energy = Some(seen(STILL_S));
    assert_eq!(found(&still(0, false), &fresh), [Kind::ZeroUse]);
    fresh.energy = Some(seen(STILL_S - 1));
    assert_eq!(found(&still(0, false), &fresh), []);
}

#[test]
fn counts_on_either_side() {
    let at = |count| Facts { count: Some(count), net: None, ..now() };
    assert_eq!(found(&at(2), &past()), [Kind::CountBehind]);
    assert_eq!(found(&at(3), &past()), []);
    assert_eq!(found(&at(4), &past()), [Kind::CountAhead]);
    let listed = Expected { count: Some(PurchaseCount(5)), ..Expected::default() };
    assert_eq!(kinds(&at(4), &past(), &listed), [Kind::CountBehind]);
    assert_eq!(kinds(&at(5), &past(), &listed), []);
    assert_eq!(kinds(&at(6), &past(), &listed), [Kind::CountAhead]);
}

#[test]
fn money_left_follows_from_use() {
    // 1 kWh used since.
    let at = |net| Facts { net: Some(net), ..now() };
    assert_eq!(found(&at(5_052), &past()), []);
    assert_eq!(found(&at(5_053), &past()), [Kind::Balance], "it grew without a purchase");
    let dearest = DEAREST_FEN + BALANCE_SLACK_FEN;
    assert_eq!(found(&at(5_052 - dearest), &past()), []);
    assert_eq!(found(&at(5_052 - dearest - 1), &past()), [Kind::Balance]);
    let bought = Facts { count: Some(4), ..at(50_000) };
    assert_eq!(found(&bought, &past()), [Kind::CountAhead], "a purchase explains it");
    let unread = Facts { energy: None, ..at(5_053) };
    assert_eq!(found(&unread, &past()), [Kind::Balance]);
}

#[test]
fn energy_left_follows_from_use() {
    let mut past = past();
    past.unit = Some(CreditUnit::Kwh);
    past.net = past.net.map(|seen| Seen { value: 5_100, ..seen });
    let at = |net| Facts { unit: Some(CreditUnit::Kwh), net: Some(net), ..now() };
    for (net, odd) in [(5_000, false), (5_002, false), (5_003, true), (4_998, false), (4_997, true)]
    {
        assert_eq!(found(&at(net), &past), if odd { vec![Kind::Balance] } else { vec![] }, "{net}");
    }
    let unread = |net| Facts { energy: None, ..at(net) };
    assert_eq!(found(&unread(5_102), &past), []);
    assert_eq!(found(&unread(5_103), &past), [Kind::Balance]);
    let other = Facts { unit: Some(CreditUnit::Yuan), ..at(9_000) };
    assert_eq!(found(&other, &past), [], "of another unit, nothing can be said");
}

#[test]
fn covers_count_and_show() {
    let facts = Facts { cover: Some(1), ..now() };
    assert_eq!(found(&facts, &past()), [Kind::Cover]);
    assert_eq!(found(&facts, &Past::default()), [], "nothing to compare with");
    let facts = Facts { terminal_cover: Some(1), ..now() };
    assert_eq!(found(&facts, &past()), [Kind::TerminalCover]);
    let mut open = now();
    open.status[6] = Some(1 << 10);
    assert_eq!(found(&open, &Past::default()), [Kind::TerminalCover]);
    open.status[6] = Some(1 << 9);
    assert_eq!(found(&open, &Past::default()), []);
}

#[test]
fn clocks_in_three_tiers() {
    for (drift, kind) in [
        (60, None),
        (61, Some(Kind::ClockDrift)),
        (300, Some(Kind::ClockDrift)),
        (301, Some(Kind::ClockOff)),
        (900, Some(Kind::ClockOff)),
        (901, Some(Kind::ClockWrong)),
        (i64::MAX, Some(Kind::ClockWrong)),
    ] {
        for drift in [drift, -drift] {
            let facts = Facts { drift_s: Some(drift), ..now() };
            assert_eq!(found(&facts, &past()), kind.into_iter().collect::<Vec<_>>(), "{drift}");
        }
    }
    let mut dead = Facts { drift_s: None, ..now() };
    dead.status[0] = Some(1 << 15);
    assert_eq!(found(&dead, &past()), [Kind::ClockWrong]);
}

#[test]
fn keep_power_by_the_meter_and_by_memory() {
    let mut facts = now();
    facts.status[2] = Some(1 << 12);
    let since = |facts: &Facts, since| {
        let against = Against { past: &past(), expected: &Expected::default(), kept_since: since };
        let found = judge(facts, &against);
        found.first().map(|anomaly| (anomaly.kind, anomaly.age_s))
    };
    assert_eq!(since(&facts, None), Some((Kind::KeepPower, None)));
    let day = UnixSeconds(NOW - DAY);
    assert_eq!(since(&facts, Some(day)), Some((Kind::KeepPower, Some(DAY))));
    facts.status[2] = Some(0);
    assert_eq!(since(&facts, Some(day)), None, "the meter says it is undone");
    facts.status[2] = None;
    assert_eq!(since(&facts, Some(day)), Some((Kind::KeepPower, Some(DAY))));
}

#[test]
fn ratios_listed_and_seen() {
    let at = |ct| Facts { ct: Some(ct), ..now() };
    assert_eq!(found(&at(2), &past()), [Kind::Ratio]);
    assert_eq!(found(&at(0), &past()), [], "unset is one");
    let listed = Expected { ct: Some(30), ..Expected::default() };
    assert_eq!(kinds(&at(30), &Past::default(), &listed), []);
    assert_eq!(kinds(&at(29), &Past::default(), &listed), [Kind::Ratio]);
    assert_eq!(kinds(&at(30), &past(), &listed), [Kind::Ratio], "it was changed since");
}

#[test]
fn reverse_energy_and_direction() {
    assert_eq!(found(&Facts { reverse: Some(1), ..now() }, &past()), [Kind::Reverse]);
    assert_eq!(found(&Facts { reverse: Some(1), ..now() }, &Past::default()), []);
    for (word, bit, odd) in [(0, 4, true), (1, 0, true), (1, 2, true), (1, 3, false), (0, 5, false)]
    {
        let mut facts = now();
        facts.status[word] = Some(1 << bit);
        let expected = if odd { vec![Kind::Reverse] } else { vec![] };
        assert_eq!(found(&facts, &past()), expected, "word {word} bit {bit}");
    }
}

#[test]
fn batteries() {
    for (bit, odd) in [(1, false), (2, true), (3, true), (4, false)] {
        let mut facts = now();
        facts.status[0] = Some(1 << bit);
        assert_eq!(found(&facts, &past()).contains(&Kind::Battery), odd, "bit {bit}");
    }
}

#[test]
fn figures_come_back_out_of_notes() {
    let facts = Facts { status: [None; 7], phases: 0, ..now() };
    assert_eq!(Facts::of_notes(&facts.notes()), facts);
    let empty = Facts::default();
    assert_eq!(Facts::of_notes(&empty.notes()), empty);
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.as_str()), Some(*kind));
        assert_eq!(Severity::named(kind.severity().as_str()), Some(kind.severity()));
    }
}

#[test]
fn no_figure_of_a_meter_breaks_the_sums() {
    for value in [i64::MIN, -1, 0, i64::MAX] {
        let facts = Facts {
            energy: Some(value),
            net: Some(value),
            reverse: Some(value),
            count: Some(value),
            power_dw: Some(value),
            ct: Some(value),
            rated_v: Some(u64::MAX),
            rated_a: Some(u64::MAX),
            phases: u8::MAX,
            ..now()
        };
        let _ = found(&facts, &past());
        let mut past = Past::default();
        past.add(&facts);
        let _ = found(&now(), &past);
    }
}

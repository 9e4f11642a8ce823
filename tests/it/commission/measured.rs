//! The wiring check with pairs measured: one phase switched off at a time, ahead of the meter.

use meterkit::jobs::commission::wiring::{Figures, judge_paired, pair};

use super::wirings::{Chance, Drawn, STRAIGHT, Shares, Wiring, all_wirings, balanced, figures};

/// What a meter shows with one phase switched off ahead of it.
fn without(wiring: Wiring, off: usize, drawn: Drawn, noise: f64, chance: &mut Chance) -> Figures {
    let mut figures = figures(wiring, drawn, noise, chance);
    for at in 0..3 {
        // A load between phases lifts the open conductor a little.
        let lifted = |volts: i64| if wiring.volts[at] == off { volts / 3 } else { volts };
        figures.volts[at] = figures.volts[at].map(lifted);
        let flows = |amps: i64| if wiring.amps[at] == off { 0 } else { amps };
        figures.amps[at] = figures.amps[at].map(flows);
    }
    figures
}

/// Pairs as a person measures them; none where a current is too small to be seen going.
fn pairs(wiring: Wiring, drawn: Drawn, noise: f64, chance: &mut Chance) -> Option<[u8; 3]> {
    let before = figures(wiring, drawn, noise, chance);
    let mut found = [0; 3];
    for off in 0..3 {
        let (volts, amps) = pair(&before, &without(wiring, off, drawn, noise, chance))?;
        assert_eq!(wiring.volts[usize::from(volts)], wiring.amps[usize::from(amps)]);
        found[usize::from(volts)] = amps;
    }
    Some(found)
}

#[test]
fn with_one_phase_off_at_a_time_every_wiring_is_found_whatever_the_load() {
    let lags = [-85.0, -60.0, -36.9, -11.5, 0.0, 18.2, 36.9, 66.4, 85.0];
    let even: Vec<Drawn> = lags.map(|lag| balanced(5.0, lag)).into();
    let mixed = vec![
        Drawn { amps: [12.0, 0.8, 4.0], lag: [18.0, -65.0, 31.0] },
        Drawn { amps: [2.0, 25.0, 9.0], lag: [75.0, -30.0, 0.0] },
    ];
    let edge = vec![balanced(5.0, 89.0), balanced(5.0, -89.0)];
    let small = vec![Drawn { amps: [5.0, 0.1, 5.0], lag: [10.0; 3] }];
    let mut chance = Chance(7);
    for (name, loads, told) in [
        ("even", even, true),
        ("mixed", mixed, true),
        ("edge", edge, false),
        ("small", small, false),
    ] {
        for noise in [0.0, 1.5] {
            let mut shares = Shares::default();
            for drawn in &loads {
                for wiring in all_wirings() {
                    let Some(pairs) = pairs(wiring, *drawn, noise, &mut chance) else {
                        shares.cannot += 1;
                        continue;
                    };
                    let figures = figures(wiring, *drawn, noise, &mut chance);
                    shares.count(wiring, *drawn, &judge_paired(&figures, pairs));
                }
            }
            println!("{}", shares.line(&format!("{name}, noise {noise}")));
            assert_eq!((shares.wrong, shares.likely), (0, 0), "{name}");
            assert!(!told || shares.right == shares.all(), "{name}: {shares:?}");
        }
    }
}

#[test]
fn a_pair_is_seen_only_where_one_voltage_and_one_current_went() {
    let drawn = balanced(5.0, 10.0);
    let before = figures(STRAIGHT, drawn, 0.0, &mut Chance(3));
    let off = without(STRAIGHT, 1, drawn, 0.0, &mut Chance(3));
    assert_eq!(pair(&before, &off), Some((1, 1)));
    assert_eq!(pair(&before, &before), None, "nothing was switched off");
    // A load that was switched off instead, behind the meter.
    let behind = Figures { volts: before.volts, ..off.clone() };
    assert_eq!(pair(&before, &behind), None);
    // Two phases, and a load that went at the same moment.
    let mut both = off.clone();
    both.volts[0] = Some(0);
    assert_eq!(pair(&before, &both), None);
    let mut less = off.clone();
    less.amps[2] = Some(1_000);
    assert_eq!(pair(&before, &less), None);
    // A motor that holds the open conductor's voltage up.
    let mut held = off;
    held.volts[1] = before.volts[1].map(|volts| volts * 8 / 10);
    assert_eq!(pair(&before, &held), None);
}

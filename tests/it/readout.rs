//! Reading meters of any family: how near to what the wire allows, many lines at once, and what a
//! meter that is not there costs the others.

mod cost;
mod families;
mod many;

use cost::{CASES, METERS};

/// Floor over measured must be at least this, in hundredths of a percent.
const LEAST: u128 = 9_700;

#[test]
fn a_line_of_32_is_read_at_97_percent_of_the_wire() {
    for baud in [2400, 9600, 19_200] {
        for (case, name) in CASES {
            let cost = cost::one_line(case, baud);
            let (took, floor) = (cost.took.as_secs_f64(), cost.floor.as_secs_f64());
            let part = cost.efficiency();
            println!("{name:<26} {baud:>6} {took:>9.3} s {floor:>9.3} s {part:>6}");
            assert!(part >= LEAST, "{name} at {baud}: {cost:?}");
            assert!(part <= 10_000, "{name} at {baud}: faster than the wire, {cost:?}");
        }
    }
}

#[test]
fn ports_multiply() {
    for (case, name) in CASES {
        for (ports, least) in [(2u8, 1.95), (8, 7.6)] {
            let (summary, threads) = cost::many_lines(case, 9600, ports);
            assert_eq!(summary.read, u32::from(ports) * u32::from(METERS), "{name}: {summary:?}");
            assert_eq!(threads, usize::from(ports), "a thread a port");
            let gain = summary.altogether().as_secs_f64() / summary.slowest().as_secs_f64();
            println!("{name:<26} {ports} ports: {gain:.2}");
            assert!(gain >= least, "{name}, {ports} ports: {gain}");
        }
    }
}

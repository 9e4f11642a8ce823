//! Orders to simulated meters while they are served, one a line on standard input: what somebody
//! standing before the real ones would do.
//!
//! `load NUMBER WATTS`, `dead NUMBER`, `alive NUMBER`, `cover NUMBER` (opened), `wiring NUMBER abc
//! a-bc` (with a third word the phase that is switched off ahead of it: `wiring NUMBER abc abc b`),
//! `programming NUMBER on|off` and `button NUMBER`. Each line is said again with `+` when it was
//! carried out and with `X` when it was not understood or names no meter here.

use std::io::BufRead;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use super::output::Output;
use crate::sim::serve::SharedFleet;
use crate::sim::{Meter, Mishap, Wiring};
use crate::units::MeterNo;

/// Longest line that is read, bytes.
const MAX_LINE: u64 = 200;

/// Carries out one order; `None` where it says nothing that can be done.
fn order(fleet: &SharedFleet, line: &str) -> Option<()> {
    let mut words = line.split_whitespace();
    let (what, number) = (words.next()?, words.next()?.parse::<MeterNo>().ok()?);
    let rest: Vec<&str> = words.collect();
    let act: Box<dyn FnOnce(&mut Meter)> = match (what, rest.as_slice()) {
        ("load", [watts]) => {
            let watts = watts.parse().ok()?;
            Box::new(move |meter| meter.set_load(watts))
        }
        ("cover", []) => Box::new(|meter| meter.suffer(Mishap::Cover)),
        ("dead", []) => Box::new(|meter| meter.set_dead(true)),
        ("alive", []) => Box::new(|meter| meter.set_dead(false)),
        ("wiring", words @ ([_, _] | [_, _, _])) => {
            let wiring = Wiring::try_from(words.join(" ")).ok()?;
            Box::new(move |meter| meter.set_wiring(wiring))
        }
        ("programming", ["on"]) => Box::new(|meter| meter.set_programming(true)),
        ("programming", ["off"]) => Box::new(|meter| meter.set_programming(false)),
        // The meter's own time stands where it was last looked at.
        ("button", []) => Box::new(|meter| meter.press_button(Duration::ZERO)),
        _ => return None,
    };
    let mut fleet = fleet.lock().unwrap_or_else(PoisonError::into_inner);
    fleet.meter_mut(number).map(act)
}

/// Reads orders to the end of `from`; tells `out` what became of each.
pub fn take(fleet: &SharedFleet, from: &mut dyn BufRead, out: &Output) {
    let mut line = String::new();
    loop {
        line.clear();
        match std::io::Read::take(&mut *from, MAX_LINE).read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim().is_empty() => {}
            Ok(_) => {
                let done = order(fleet, &line).is_some();
                let said = line.trim();
                let sign = if done { '+' } else { 'X' };
                let object = json!({ "event": "order", "order": said, "done": done });
                out.show(object, |to| writeln!(to, "{sign} {said}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{DEFAULT_START, Fleet, MeterSetup};
    use std::sync::{Arc, Mutex};

    #[test]
    fn orders_reach_the_meter_they_name_and_nothing_else() {
        let numbers = ["47", "48"].map(|no| no.parse::<MeterNo>().unwrap());
        let meters =
            numbers.map(|no| Meter::new(MeterSetup::new(no), DEFAULT_START.parse().unwrap(), 1));
        let fleet: SharedFleet = Arc::new(Mutex::new(Fleet::new(meters.into())));
        let wired = ["wiring 47 abc abc c", "wiring 47 abc a-bc"];
        for good in
            ["load 47 12000", "dead 48", wired[0], wired[1], "programming 47 on", "cover 47"]
        {
            assert!(order(&fleet, good).is_some(), "{good}");
        }
        for bad in [
            "load 47",
            "load 47 much",
            "load 49 1",
            "wiring 47 abc",
            "wiring 47 abc abc bc",
            "stop 47",
            "",
        ] {
            assert!(order(&fleet, bad).is_none(), "{bad}");
        }
        let fleet = fleet.lock().unwrap();
        let setup = |no: MeterNo| fleet.meter(no).unwrap().setup().clone();
        assert_eq!((setup(numbers[0]).load_w, setup(numbers[0]).dead), (12_000, false));
        assert_eq!((setup(numbers[1]).load_w, setup(numbers[1]).dead), (800, true));
        assert_eq!(String::from(setup(numbers[0]).wiring), "abc a-bc");
    }
}

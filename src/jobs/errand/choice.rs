//! Which meters an errand is about: numbers, and names that stand for several of the area list.
//!
//! A form's field takes both, so that a whole terminal, area or line is chosen on a keypad without
//! typing each number. What is written down are the numbers: an errand is carried on with the
//! meters it was begun with, whatever the list says by then.

use std::collections::BTreeSet;

use super::Values;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{AreaMeter, Store};
use crate::units::MeterNo;

/// The word for every meter of the list.
const ALL: &str = "all";

/// The meters of a field, each once, in the order given: numbers; `all`; names of terminals, areas
/// and lines, in capitals or not. A name that is a number is one.
///
/// # Errors
/// [`Code::FieldOdd`]: there is none, or a word is neither a number nor on the list.
pub fn meters(store: &Store, values: &Values, key: &str) -> Result<Vec<MeterNo>, Failure> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for word in values.words(key)? {
        let named = match word.parse() {
            Ok(number) => vec![number],
            Err(_) => of_name(store, word),
        };
        if named.is_empty() {
            return Err(fail(Code::FieldOdd, format!("{key}: {word}")));
        }
        found.extend(named.into_iter().filter(|meter| seen.insert(*meter)));
    }
    Ok(found)
}

/// A form with the numbers in place of the names.
///
/// # Errors
/// As [`meters`].
pub fn numbered(store: &Store, values: &Values, key: &str) -> Result<Values, Failure> {
    if values.get(key).is_none() {
        return Ok(values.clone());
    }
    let numbers: Vec<String> = meters(store, values, key)?.iter().map(MeterNo::to_string).collect();
    Ok(values.clone().with(key, numbers.join(" ")))
}

/// What a name stands for on the list, in its order.
fn of_name(store: &Store, name: &str) -> Vec<MeterNo> {
    let same = |other: &str| !other.is_empty() && other.to_lowercase() == name.to_lowercase();
    let all = name.eq_ignore_ascii_case(ALL);
    let fits = |meter: &AreaMeter| {
        let places = [&meter.place.terminal, &meter.area, &meter.place.line];
        all || places.into_iter().any(|place| same(place))
    };
    let pages = (0..).map_while(|number| store.area_page(number));
    pages.flat_map(|page| page.meters).filter(fits).map(|meter| meter.no).collect()
}

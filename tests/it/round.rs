//! Rounds at simulated meters: nothing is lost, nothing is read twice, nothing typed becomes a
//! reading, and what is odd is found with its evidence.

mod curve;
mod export;
mod odd;
mod passes;
mod seen;
mod yard;

use meterkit::jobs::round::list::Fault;
use meterkit::jobs::round::plausible::Kind;
use meterkit::text::Lang;
use meterkit::text::work;

#[test]
fn everything_odd_has_words_and_one_next_step() {
    for lang in [Lang::En, Lang::Zh] {
        for kind in Kind::ALL {
            let name = kind.as_str();
            assert!(work::word(lang, name).is_some(), "{name}");
            assert!(!work::round::next(lang, name).is_empty(), "{name}");
            assert!(work::word(lang, kind.severity().as_str()).is_some(), "{name}");
        }
        for name in Fault::NAMES {
            assert!(work::word(lang, name).is_some(), "{name}");
        }
    }
}

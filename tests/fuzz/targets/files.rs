//! Files that people bring: templates of parameters, lists to read, bundles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit::jobs::commission::template;
use meterkit::jobs::round::list;
use meterkit::table::read as table;
use meterkit::profile::bundle::{Bundle, carries_money};

fuzz_target!(|data: &[u8]| {
    if let Ok(rows) = table::rows(data) {
        let found = list::list(&rows);
        assert!(found.meters.len() + found.bad.len() <= rows.len());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(rows) = template::parse(text) {
        assert!(rows.iter().all(|row| !carries_money(row.di)));
        assert_eq!(template::parse(&template::text(&rows)), Ok(rows));
    }
    if let (Some(bundle), _) = Bundle::check(text) {
        assert!(bundle.items.iter().all(|item| !carries_money(item.di)));
    }
});

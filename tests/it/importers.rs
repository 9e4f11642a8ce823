//! What is read from files that people bring: templates, lists to read, bundles. Whatever is in
//! them, nothing panics, nothing is taken that is not told, and nothing that carries money gets in.

use meterkit::jobs::commission::template;
use meterkit::jobs::round::list;
use meterkit::profile::bundle::{Bundle, carries_money};
use meterkit::table::read as table;
use proptest::prelude::*;

const SUMMER: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bundles/summer.toml"));

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// One edit of a text: a stretch taken out, doubled, or something put in.
fn edited(text: &str, edits: &[(prop::sample::Index, u8, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, what, with) in edits {
        let at = at.index(chars.len() + 1);
        let end = (at + usize::from(what % 12)).min(chars.len());
        let stretch: Vec<char> = chars[at..end].to_vec();
        match what % 3 {
            0 => drop(chars.splice(at..end, with.chars())),
            1 => drop(chars.splice(at..at, stretch)),
            _ => drop(chars.splice(at..at, with.chars())),
        }
    }
    chars.into_iter().collect()
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, String)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), "[ -~\u{8868}\n]{0,6}"), 1..5)
}

/// Rows that look like a template's, good and bad ones.
fn template_text() -> impl Strategy<Value = String> {
    let di = prop_oneof!["04[0-9A-F]{6}", "0[0-9a-f]{7}", "[0-9A-G]{7,9}", Just("04001006".into())];
    let row = (di, "[0-9A-F]{0,12}", "[ =#;\n]{1,3}")
        .prop_map(|(di, value, end)| format!("{di} = {value}{end}"));
    prop::collection::vec(row, 0..50).prop_map(|rows| rows.concat())
}

/// Cells that look like a list's, good and bad ones.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,14}",
        "[0-9]{1,6}\\.[0-9]{1,3}",
        "[0-9]{1,3}/[0-9]{1,2}",
        "20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}",
        "[0-9]\\.[0-9]{2}E\\+[0-9]{2}",
        "[A-Za-z\u{738b}\",;\t ]{0,8}",
    ]
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_template_is_written_as_it_was_read_and_carries_no_money(text in template_text()) {
        if let Ok(rows) = template::parse(&text) {
            prop_assert!(rows.len() <= template::ROWS_MAX);
            for row in &rows {
                prop_assert!(!carries_money(row.di), "{:08X}", row.di);
            }
            prop_assert_eq!(template::parse(&template::text(&rows)), Ok(rows));
        }
    }

    #[test]
    fn every_row_of_a_list_is_taken_or_told(
        rows in prop::collection::vec(prop::collection::vec(cell(), 1..7), 0..20),
    ) {
        let head = "Meter No.,Customer,Last reading (kWh),Date,Purchase count,CT ratio\n";
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
        let body: Vec<String> = rows.iter().map(line).collect();
        let table = table::rows(format!("{head}{}", body.join("\n")).as_bytes()).unwrap();
        let list = list::list(&table);
        prop_assert_eq!(list.header, Some(1));
        prop_assert_eq!(list.meters.len() + list.bad.len(), table.len() - 1);
        let mut numbers: Vec<_> = list.meters.iter().map(|(meter, _)| *meter).collect();
        numbers.sort_unstable();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), list.meters.len(), "one meter twice");
    }

    #[test]
    fn no_bytes_stop_the_reader_of_tables(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        mark in prop::sample::select(vec![
            &b""[..], b"PK\x03\x04", b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF",
        ]),
    ) {
        let bytes = [mark, &bytes].concat();
        if let Ok(rows) = table::rows(&bytes) {
            let list = list::list(&rows);
            prop_assert!(list.meters.len() + list.bad.len() <= rows.len());
        }
    }

    #[test]
    fn a_bundle_that_is_taken_carries_no_money(edits in edits()) {
        let text = edited(SUMMER, &edits);
        let (bundle, faults) = Bundle::check(&text);
        prop_assert!(bundle.is_some() || !faults.is_empty(), "refused without a word");
        if let Some(bundle) = bundle {
            for item in &bundle.items {
                prop_assert!(!carries_money(item.di), "{:08X}", item.di);
            }
        }
    }
}

/// A workbook with flipped bytes: read, or refused.
#[test]
fn a_spoilt_workbook_is_read_or_refused() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in ["Meter No.", "Customer", "Last reading (kWh)"].iter().enumerate() {
        sheet.write(0, column as u16, *name).unwrap();
    }
    for row in 1..40u32 {
        sheet.write(row, 0, format!("{row:012}")).unwrap();
        sheet.write(row, 1, "Wang").unwrap();
        sheet.write(row, 2, f64::from(row) * 10.5).unwrap();
    }
    let good = book.save_to_buffer().unwrap();
    assert_eq!(list::list(&table::rows(&good).unwrap()).meters.len(), 39);
    let (mut read, mut refused) = (0, 0);
    for at in (0..good.len()).step_by(31) {
        for with in [0x00, 0xFF, good[at] ^ 0x10] {
            let mut bytes = good.clone();
            bytes[at] = with;
            match table::rows(&bytes) {
                Ok(rows) => read += u32::from(!list::list(&rows).meters.is_empty()),
                Err(_) => refused += 1,
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 0 && refused > 0);
}

//! Tables of all kinds as lists to read.

use super::*;
use crate::table::read as table;

fn of(text: &str) -> List {
    list(&table::rows(text.as_bytes()).unwrap())
}

fn faults(text: &str) -> Vec<(usize, Fault)> {
    of(text).bad.iter().map(|bad| (bad.row, bad.fault)).collect()
}

#[test]
fn columns_in_any_order_under_a_title() {
    let list = of("Round of October\n\nPurchase count,Last reading (kWh),Customer,Meter No.\n\
                   3,\"1,234.50\",Wang,47\n,,,48\n");
    assert_eq!(list.header, Some(3));
    assert_eq!(list.bad, []);
    let (meter, wanted) = &list.meters[0];
    assert_eq!(meter.to_string(), "000000000047");
    assert_eq!(wanted.customer, "Wang");
    assert_eq!(wanted.expected.energy, Some(Energy(123_450)));
    assert_eq!(wanted.expected.count, Some(PurchaseCount(3)));
    assert_eq!(list.meters[1].1, Wanted::default());
}

#[test]
fn columns_in_chinese_and_in_two_languages() {
    let header = "\u{8868}\u{53f7},\u{5ba2}\u{6237},\u{4f4d}\u{7f6e},\u{53d8}\u{6bd4},\
                  \u{4e0a}\u{6b21}\u{8bfb}\u{6570}\u{ff08}kWh\u{ff09},\
                  \u{4e0a}\u{6b21}\u{65e5}\u{671f}";
    let list = of(&format!("{header}\n47,\u{738b},A-1,150/5,10.5,2026/10/31\n"));
    assert_eq!(list.bad, []);
    let wanted = &list.meters[0].1;
    assert_eq!((wanted.customer.as_str(), wanted.location.as_str()), ("\u{738b}", "A-1"));
    assert_eq!(wanted.expected.ct, Some(30));
    assert_eq!(wanted.expected.energy, Some(Energy(1_050)));
    assert_eq!(wanted.expected.energy_at, Some(UnixSeconds(1_793_404_800)));
    let both = of("Meter \u{8868}\u{53f7}\tCT ratio \u{53d8}\u{6bd4}\n47\t20\n");
    assert_eq!(both.meters[0].1.expected.ct, Some(20));
}

#[test]
fn every_bad_row_is_named_with_its_reason() {
    let text = "meter,last reading,last date,count,ct,max kw,location\n\
                ,1,,,,,\n12x,,,,,,\n1.2E+11,,,,,,\n47,,,,,,\n0047,,,,,,\n48,1.234,,,,,\n\
                49,,31.10,,,,\n50,,,-1,,,\n51,,,,150/7,,\n52,,,,,0,\n53,,,,0,,\n";
    let long = format!("{text}54,,,,,,{}\n", "x".repeat(MAX_TEXT + 1));
    assert_eq!(
        faults(&long),
        [
            (2, Fault::NoMeter),
            (3, Fault::Meter),
            (4, Fault::Rounded),
            (6, Fault::Twice(5)),
            (7, Fault::Energy),
            (8, Fault::Date),
            (9, Fault::Count),
            (10, Fault::Ratio),
            (11, Fault::Power),
            (12, Fault::Ratio),
            (13, Fault::Long),
        ]
    );
    assert_eq!(of(&long).meters.len(), 1);
}

#[test]
fn a_table_without_a_meter_column_has_no_list() {
    let list = of("a,b\n1,2\n");
    assert_eq!((list.header, list.meters.len(), list.bad.len()), (None, 0, 0));
    let late = format!("{}meter\n47\n", "x\n".repeat(HEADER_ROWS));
    assert_eq!(of(&late).header, None, "not looked for for ever");
    assert_eq!(of(&late[2..]).header, Some(HEADER_ROWS));
}

#[test]
fn numbers_as_spreadsheets_keep_them() {
    for cell in ["'000000000047", "47", "0000 0000 0047", "0000-0000-0047"] {
        assert_eq!(number(cell).unwrap().to_string(), "000000000047", "{cell}");
    }
    assert_eq!(number("1234567890123").unwrap_err().0, Fault::Meter);
    for (text, places, expected) in [
        ("12", 2, Some(1_200)),
        ("12.30", 1, Some(123)),
        ("1,234,567.8", 2, Some(123_456_780)),
        ("1,23", 2, None),
        ("1.234", 2, None),
        ("", 2, None),
        (".5", 2, None),
        ("99999999999999999999", 0, None),
        ("-3", 0, Some(-3)),
    ] {
        assert_eq!(decimal(text, places), expected, "{text}");
    }
    assert_eq!(date("20261031"), date("2026-10-31 00:00"));
    assert_eq!(date("2026-10-31 08:30:00").map(|at| at.0), Some(1_793_404_800 + 30_600));
    assert_eq!(date("2026-13-01"), None);
}

#[test]
fn names_of_faults_are_all_listed() {
    let faults = [
        Fault::NoMeter,
        Fault::Meter,
        Fault::Rounded,
        Fault::Twice(1),
        Fault::Energy,
        Fault::Date,
        Fault::Count,
        Fault::Ratio,
        Fault::Power,
        Fault::Long,
    ];
    assert_eq!(faults.map(Fault::as_str), Fault::NAMES);
}

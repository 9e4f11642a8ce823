//! The command on real folders: what it prints, its exit status, and files meant to harm it.

use super::estate::{Plan, raw, write};
use super::judge;
use clap::Parser;
use meterkit::cli::audit::{AuditArgs, run};
use meterkit::cli::{Common, output::Output};
use meterkit::jobs::audit::files::{documents, join};
use meterkit::jobs::audit::{AuditError, Files, Options, Reason, RootPin, Status};
use meterkit::text::Lang;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    audit: AuditArgs,
}

/// The exit status of the command.
fn status(arguments: &[&str]) -> u8 {
    let arguments = std::iter::once("audit").chain(arguments.iter().copied());
    let line = Line::try_parse_from(arguments).unwrap();
    let out = Output { lang: Lang::Zh, json: line.common.json, interactive: false };
    run(&line.common, &line.audit, &out).unwrap_or(99)
}

fn on_disk(files: &Files) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    write(files, dir.path());
    let path = dir.path().to_string_lossy().into_owned();
    let back = Files::read(dir.path()).unwrap();
    assert_eq!(back.size(), files.size(), "read back as it was written");
    (dir, path)
}

#[test]
fn the_exit_status_is_the_verdict() {
    let mut plan = Plan::clean(1, 2, 2);
    let root = plan.root_hash();
    let (_one, good) = on_disk(&plan.files());
    assert_eq!(status(&[&good, "--root", &root]), 0);
    assert_eq!(status(&[&good, "--root", &root[..16], "--json"]), 0);
    assert_eq!(status(&[&good, "--root", &"0".repeat(64)]), 1);
    assert_eq!(status(&["/nowhere", "--root", &root]), 6);
    plan.handhelds[0].entries.swap(6, 7);
    let (_two, bad) = on_disk(&plan.files());
    assert_eq!(status(&[&bad, "--root", &root]), 1);
    for wrong in ["", "12", "not-hexadecimal-x", &"0".repeat(65)] {
        let arguments = ["audit", &good, "--root", wrong];
        assert!(Line::try_parse_from(arguments).is_err(), "{wrong:?}");
    }
}

#[test]
fn single_files_and_one_large_one_are_the_same_set() {
    let plan = Plan::clean(1, 2, 2);
    let mut files = plan.files();
    let whole = judge(&plan, &files);
    let all = files.tokens.remove(0);
    for (at, doc) in documents(&all).into_iter().enumerate() {
        files.tokens.push(raw(format!("tokens/{at}.rt"), doc.bytes.to_vec()));
    }
    let apart = judge(&plan, &files);
    assert_eq!(apart.examined.sums, whole.examined.sums);
    assert_eq!(apart.holds, whole.holds);
}

#[test]
fn an_empty_set_does_not_hold() {
    let plan = Plan::clean(1, 1, 1);
    let files = plan.files();
    let verdict = judge(&plan, &Files::default());
    assert!(!verdict.holds);
    assert!(verdict.checks[1..].iter().all(|(_, status)| *status == Status::NotExamined));
    let keys = Files { roots: files.roots, keysets: files.keysets, ..Files::default() };
    let verdict = judge(&plan, &keys);
    assert!(!verdict.holds, "nothing examined is nothing proved");
    assert!(!verdict.findings.broken());
}

/// What is not there is said, not passed over.
#[test]
fn missing_input_is_named() {
    let plan = Plan::clean(1, 2, 2);
    let mut files = plan.files();
    (files.ledger, files.software) = (None, None);
    files.reads[0].bytes.extend(b"\nthis,is,no,row");
    files.receipts.clear();
    let verdict = judge(&plan, &files);
    assert!(verdict.holds, "{:#?}", verdict.findings.list());
    let names: Vec<&str> = verdict.missing.iter().map(|missing| missing.name()).collect();
    assert_eq!(names, ["receipts", "ledger", "software", "rows"]);
    assert_eq!(verdict.missing[3].detail(), "reads/remote.csv:4");
}

/// Each file cut short, extended and with each of many bits flipped: never a panic, and where what
/// was signed is not what is there, never a verdict that holds.
#[test]
fn no_bytes_make_it_panic_or_believe() {
    let plan = Plan::clean(1, 1, 1);
    let clean = plan.files();
    let options = Options::new(plan.root_hash().parse::<RootPin>().unwrap());
    let options = Options { threads: 1, ..options };
    let flat = |files: &mut Files, at: usize, change: &mut dyn FnMut(&mut Vec<u8>)| {
        let first = [&mut files.roots, &mut files.keysets, &mut files.tokens, &mut files.devices];
        let nested = files.journals.iter_mut().chain(&mut files.receipts);
        let nested = nested.flat_map(|(_, files)| files);
        if let Some(raw) = first.into_iter().flatten().chain(nested).nth(at) {
            change(&mut raw.bytes);
            true
        } else {
            false
        }
    };
    let mut at = 0;
    let mut tried = 0;
    while flat(&mut clean.clone(), at, &mut |_| {}) {
        let mut len = 0;
        flat(&mut clean.clone(), at, &mut |bytes| len = bytes.len());
        for place in (0..len).step_by((len / 40).max(1)) {
            type Change<'a> = &'a mut dyn FnMut(&mut Vec<u8>);
            let changes: [Change<'_>; 3] = [
                &mut |bytes| bytes[place] ^= 1 << (place % 8),
                &mut |bytes| bytes.truncate(place),
                &mut |bytes| bytes.insert(place, 0x5a),
            ];
            for change in changes {
                let mut files = clean.clone();
                flat(&mut files, at, change);
                let verdict = meterkit::jobs::audit::audit(&files, &options).unwrap();
                assert!(!verdict.holds, "file {at}, byte {place}");
                tried += 1;
            }
        }
        at += 1;
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn a_list_that_lies_about_its_length_is_no_list() {
    for bytes in
        [&[0x9a, 0xff, 0xff, 0xff, 0xff][..], &[0x81, 0x5a, 0xff, 0xff, 0xff, 0xff], &[0x81]]
    {
        let raw = raw("x".into(), bytes.to_vec());
        let docs = documents(&raw);
        assert_eq!((docs.len(), docs[0].bytes), (1, bytes));
    }
    let parts: Vec<Vec<u8>> = [0, 23, 24, 255, 256, 70_000].map(|len| vec![7; len]).to_vec();
    let raw = raw("x".into(), join(parts.iter().map(Vec::as_slice)));
    let back: Vec<Vec<u8>> = documents(&raw).iter().map(|doc| doc.bytes.to_vec()).collect();
    assert_eq!(back, parts);
}

/// A pipe would keep the audit waiting for ever; a file beyond the limit is not read to its end.
#[cfg(unix)]
#[test]
fn only_regular_files_of_a_bounded_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("roots")).unwrap();
    let place = dir.path().join("roots/1.rk");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &place, kind, mode, 0).unwrap();
    assert!(matches!(Files::read(dir.path()), Err(AuditError::Unreadable(..))));
    std::fs::remove_file(&place).unwrap();
    let sparse = std::fs::File::create(&place).unwrap();
    sparse.set_len(meterkit::jobs::audit::files::MAX_FILE + 1).unwrap();
    assert!(matches!(Files::read(dir.path()), Err(AuditError::TooLarge(_))));
}

/// However much is wrong, the list stays short and the count is right.
#[test]
fn a_thousand_findings_are_counted_and_some_are_listed() {
    let plan = Plan::clean(1, 1, 1);
    let files = plan.files();
    let token = files.tokens[0].clone();
    let mut files = files;
    for at in 0..1_000 {
        let mut bytes = documents(&token)[0].bytes.to_vec();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        bytes[end - 1] ^= (at % 251) as u8;
        bytes[end - 2] ^= (at / 251) as u8;
        files.tokens.push(raw(format!("tokens/{at}.rt"), bytes));
    }
    let verdict = judge(&plan, &files);
    assert_eq!(verdict.findings.count(Reason::TokenBad), 1_000);
    assert_eq!(verdict.findings.list().len(), meterkit::jobs::audit::finding::MAX_LISTED);
}

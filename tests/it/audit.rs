//! `meterkit audit`: a clean set holds; twelve sets with one defect each do not, each for its
//! defect alone.

mod cases_files;
mod cases_money;
mod circle;
mod command;
mod defects;
mod estate;
mod make;
mod more;
mod swaps;

use estate::Plan;
use meterkit::jobs::audit::{self, Check, Files, Options, Reason, Severity, Status, Verdict};

/// Audits files against the plan's own root.
fn judge(plan: &Plan, files: &Files) -> Verdict {
    audit::audit(files, &Options::new(plan.root_hash().parse().unwrap())).unwrap()
}

/// Everything that breaks the account: reason and count.
fn broken(verdict: &Verdict) -> Vec<(Reason, usize)> {
    let broken = |reason: &&Reason| reason.severity() == Severity::Broken;
    let all = Reason::ALL.iter().filter(broken);
    let counted = all.map(|reason| (*reason, verdict.findings.count(*reason)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// The set does not hold, for these reasons and no other.
#[track_caller]
fn only(plan: &Plan, files: &Files, reasons: &[Reason]) {
    let verdict = judge(plan, files);
    let found: Vec<Reason> = broken(&verdict).into_iter().map(|(reason, _)| reason).collect();
    let list = verdict.findings.list();
    assert_eq!(found, reasons, "{list:#?}");
    assert_eq!(verdict.holds, reasons.is_empty());
    for (check, status) in &verdict.checks {
        let wanted = reasons.iter().any(|reason| reason.check() == *check);
        assert_eq!(*status == Status::Broken, wanted, "{check:?} {status:?}");
    }
}

#[test]
fn a_clean_set_holds() {
    let plan = Plan::clean(2, 6, 5);
    let verdict = judge(&plan, &plan.files());
    assert!(verdict.holds, "{:#?}", verdict.findings.list());
    assert!(verdict.findings.list().is_empty(), "{:#?}", verdict.findings.list());
    assert!(verdict.missing.is_empty(), "{:?}", verdict.missing);
    let seen = &verdict.examined;
    assert_eq!((seen.roots, seen.keysets, seen.tokens), (2, 2, 72));
    let [sum] = seen.sums.as_slice() else { panic!("{:?}", seen.sums) };
    let issued: i64 = plan.tokens.iter().map(|token| token.amount).sum();
    assert_eq!(sum.issued, (72, issued));
    assert_eq!(sum.parts[0].0, 60);
    assert_eq!(sum.parts[1], (12, 12 * 7_000));
    for (check, status) in &verdict.checks {
        let wanted = if *check == Check::Swaps { Status::None } else { Status::Holds };
        assert_eq!(*status, wanted, "{check:?}");
    }
}

/// Every reason has its sentence, and no sentence is left without a reason.
#[test]
fn every_reason_has_words() {
    use meterkit::text::{Lang, audit};
    for reason in Reason::ALL {
        let words = audit::reason(reason.name());
        assert!(words.is_some(), "no words for {}", reason.name());
    }
    let mut names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Reason::ALL.len(), "one name for two reasons");
    for check in Check::ALL {
        for lang in Lang::ALL {
            assert_ne!(audit::check(check.code()).get(lang), "?");
        }
    }
}

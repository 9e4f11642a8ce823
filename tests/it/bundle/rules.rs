//! What is taken in, for which meters, what a plan shows, and tables that must not change places.

use std::time::Duration;

use meterkit::jobs::Failure;
use meterkit::jobs::bundle::{self, Bundles};
use meterkit::jobs::control::Control;
use meterkit::jobs::errand::{Answer, Errand as _, Sheet, Sign, Site};
use meterkit::profile::bundle::Bundle;
use meterkit::report::Code;
use meterkit::store::{AreaMeter, AreaPage, Stamp};
use meterkit::text::{Lang, work as names};
use meterkit::transport::Faults;
use meterkit::units::{ErrandKind, Mark, TokenId, UnixSeconds};
use meterkit_tokens::BundleToken;
use meterkit_tokens::bundle::Target;

use super::yard::{BASE, PROFILE, SUMMER, Yard, area_row, in_force, number, operator, rows};

fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: operator().to_string() }
}

fn take(
    yard: &mut Yard,
    body: &str,
    change: impl FnOnce(&mut BundleToken),
) -> Result<TokenId, Failure> {
    let signed = yard.sign(body, change);
    bundle::take_bytes(yard.store(), &stamp(), signed, body.as_bytes()).map(|(id, _)| id)
}

fn code<T>(result: Result<T, Failure>) -> Option<Code> {
    result.err().map(|failure| failure.code)
}

#[test]
fn only_what_the_office_signed_for_this_handheld_is_taken_in() {
    let mut yard = Yard::new((1, 1), &Faults::NONE, |_, _| {});
    assert_eq!(
        code(take(&mut yard, SUMMER, |t| t.device = "hh-008".into())),
        Some(Code::TokenDevice)
    );
    assert_eq!(code(take(&mut yard, SUMMER, |t| t.expires = BASE)), Some(Code::TokenExpired));
    assert_eq!(code(take(&mut yard, SUMMER, |t| t.digest = [0; 32])), Some(Code::BundleBad));
    assert_eq!(code(take(&mut yard, SUMMER, |t| t.version = 4)), Some(Code::BundleBad));
    let other = code(take(&mut yard, SUMMER, |t| t.tenant = "x".into()));
    assert!(matches!(other, Some(Code::TokenTenant | Code::TokenSignature)), "{other:?}");
    // A file that could carry money is refused even if somebody signed it.
    let money =
        "name = \"m\"\nversion = 1\n[[item]]\ndi = \"04001006\"\nvalue = \"0000000000000000\"\n";
    let money_token = |t: &mut BundleToken| t.name = "m".into();
    let failure = take(&mut yard, money, money_token).unwrap_err();
    assert_eq!(failure.code, Code::BundleBad);
    assert!(failure.detail.contains("line 4") && failure.detail.contains("money"), "{failure:?}");
    // Nothing of all this is there; the good one is, also after the index is built anew.
    assert_eq!(yard.store().bundles(), []);
    let id = take(&mut yard, SUMMER, |_| {}).unwrap();
    assert_eq!(code(yard.begin(&yard.form("winter"))), Some(Code::BundleUnknown));
    yard.restart(&mut super::yard::disk::Dice::new(1));
    let row = yard.store().bundle(id).unwrap();
    assert_eq!((row.taken.name.as_str(), row.taken.version), ("summer 2026", 3));
    assert_eq!(yard.store().bundle_file(&row.taken.digest).unwrap(), SUMMER.as_bytes());
    // Revoked: it may not be used any more.
    assert_eq!(code(yard.begin(&yard.form("summer 2026"))), None);
    yard.store().revoke(&stamp(), 1, &[id]).unwrap();
    assert_eq!(code(yard.plan(&yard.form("summer 2026"))), Some(Code::TokenWithdrawn));
}

#[test]
fn a_bundle_is_for_its_meters_only() {
    type Change = fn(&mut BundleToken);
    let rows: [(Change, Option<Code>); 7] = [
        (|_| {}, None),
        (|t| t.target.profile = Some("dlt645-2007-b".into()), Some(Code::BundleTarget)),
        (|t| t.target.area = Some("east".into()), None),
        (|t| t.target.area = Some("west".into()), Some(Code::BundleTarget)),
        (|t| t.target.meters = vec![number(1).bcd()], Some(Code::BundleTarget)),
        (|t| t.target.meters = vec![number(2).bcd(), number(1).bcd()], None),
        (|t| t.target.group = Some([1; 32]), Some(Code::BundleTarget)),
    ];
    for (nth, (change, want)) in rows.into_iter().enumerate() {
        let mut yard = Yard::new((1, 2), &Faults::NONE, |_, _| {});
        take(&mut yard, SUMMER, change).unwrap();
        assert_eq!(code(yard.begin(&yard.form("summer 2026"))), want, "row {nth}");
    }
    // The hash of a group stands for exactly these meters.
    let mut yard = Yard::new((1, 2), &Faults::NONE, |_, _| {});
    let group = bundle::group_hash(&[number(2), number(1)]);
    take(&mut yard, SUMMER, |t| t.target.group = Some(group)).unwrap();
    let mut form = yard.form("summer 2026");
    assert_eq!(code(yard.begin(&form)), None);
    form.set("instead", "yes");
    form.set("meters", number(1).to_string());
    assert_eq!(code(yard.begin(&form)), Some(Code::BundleTarget));
}

#[test]
fn a_plan_changes_nothing_and_tells_everything() {
    let mut yard = Yard::new((1, 2), &Faults::NONE, |_, _| {});
    yard.take(SUMMER);
    let form = yard.form("summer 2026");
    let (before, sheet, after) = yard.run(|site| {
        let head = || site.desk.store.summary().head;
        (head(), Bundles.plan(site, &form).unwrap(), head())
    });
    assert_eq!(after, before, "nothing is journaled");
    let told = rows(&sheet, number(1));
    let named = |name: &str| told.iter().find(|row| row.name == name).map(|row| row.value.clone());
    assert_eq!(named("limits.alarm-1").as_deref(), Some("20.00 yuan -> 30.00 yuan"));
    let prices = "0.6000 0.5000 0.4000 0.3000 -> 1.2000 0.9500 0.6500 0.3300";
    assert_eq!(named("prices.rates").as_deref(), Some(prices));
    assert!(named("tariff.zones").is_some() && named("switch.zones").is_some(), "{told:?}");
    // What the meter has already is not among the changes.
    yard.begin(&yard.form("summer 2026")).unwrap();
    let work = yard.store().errands()[0].step.errand;
    assert_eq!(yard.advance(work).unwrap().exit, None);
    let sheet = yard.plan(&yard.form("summer 2026")).unwrap();
    assert_eq!(rows(&sheet, number(1)).len(), 1);
    assert_eq!(rows(&sheet, number(1))[0].sign, Sign::Good);
}

#[test]
fn two_bundles_are_not_written_into_each_other() {
    let mut yard = Yard::new((1, 2), &Faults::NONE, |nth, setup| setup.dead = nth == 2);
    yard.take(SUMMER);
    let form = yard.form("summer 2026");
    let first = yard.begin(&form).unwrap();
    let sheet = yard.advance(first).unwrap();
    assert!(!sheet.done && sheet.exit == Some(Code::WorkPartial), "{sheet:?}");
    assert_eq!(rows(&sheet, number(2))[0].failure.as_ref().unwrap().code, Code::MeterSilent);
    let failure = yard.begin(&form).unwrap_err();
    assert_eq!((failure.code, failure.detail), (Code::WorkOpen, first.to_string()));
    let instead = form.clone().with("instead", "yes");
    let second = yard.begin(&instead).unwrap();
    assert_eq!(code(yard.advance(first)), Some(Code::WorkOpen));
    yard.meter(number(2), |meter| meter.set_dead(false));
    assert_eq!(yard.advance(second).unwrap().exit, None);
}

#[test]
fn a_switch_time_that_has_come_is_not_written() {
    for early in [60, 0, 86_400] {
        let mut yard = Yard::new((1, 1), &Faults::NONE, |_, _| {});
        yard.take(SUMMER);
        yard.watch(SUMMER);
        // 2026-12-01 00:00 is 10 days and 16 hours from the start.
        let to_switch = (10 * 86_400 + 16 * 3_600) as i64;
        let pass = if early == 0 { to_switch + 5 } else { to_switch - early };
        yard.pass(Duration::from_secs(u64::try_from(pass).unwrap()));
        let work = yard.begin(&yard.form("summer 2026")).unwrap();
        let sheet = yard.advance(work).unwrap();
        let late = early < 120;
        assert_eq!(sheet.exit, late.then_some(Code::WorkPartial), "{early}");
        if late {
            let row = rows(&sheet, number(1))[1].clone();
            assert_eq!(row.failure.unwrap().code, Code::BundleLate, "{early}");
        }
        yard.pass(Duration::from_secs(2 * 86_400));
        let eye = yard.eye.lock().unwrap();
        assert_eq!(eye.faults, Vec::<String>::new());
        let now = yard.meter(number(1), |meter| in_force(meter));
        assert!(now == eye.allowed[&number(1)][usize::from(!late)], "{early}");
    }
}

/// A switch of an earlier bundle is still to come when the next one is written: it must not fall
/// into the writing.
#[test]
fn a_switch_that_is_still_to_come_is_put_off_first() {
    let soon = SUMMER.replace("2026-12-01 00:00", "2026-11-20 08:10");
    let later = SUMMER.replace("version = 3", "version = 4").replace("0.9500", "0.9900");
    let mut yard = Yard::new((1, 1), &Faults { seed: 1, ..Faults::NONE }, |_, _| {});
    yard.take(&soon);
    yard.watch(&soon);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    assert_eq!(yard.advance(work).unwrap().exit, None);
    yard.pass(Duration::from_secs(480));
    // Its switch is a minute or so away; what the meter may run on is still whole sets only.
    yard.watch(&later);
    yard.take(&later);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    // The process dies in the middle of the tables, and the old switch time comes.
    yard.cut_after(15);
    assert_eq!(code(yard.advance(work)), Some(Code::StoreFailed));
    yard.restart(&mut super::yard::disk::Dice::new(3));
    yard.pass(Duration::from_secs(3_600));
    assert_eq!(yard.eye.lock().unwrap().faults, Vec::<String>::new());
    assert!(yard.store().marks().iter().any(|row| row.mark == Mark::TariffPending));
    assert_eq!(yard.advance(work).unwrap().exit, None);
    assert_eq!(yard.store().marks(), []);
    yard.pass(Duration::from_secs(11 * 86_400));
    assert_eq!(yard.eye.lock().unwrap().faults, Vec::<String>::new());
}

#[test]
fn tables_of_another_size_are_left_alone() {
    let mut yard = Yard::new((1, 1), &Faults::NONE, |_, setup| setup.prices = vec![5_000, 4_000]);
    yard.take(SUMMER);
    yard.watch(SUMMER);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    let sheet = yard.advance(work).unwrap();
    let told = rows(&sheet, number(1));
    assert_eq!(told[1].failure.as_ref().unwrap().code, Code::BundleShape, "{told:?}");
    yard.pass(Duration::from_secs(11 * 86_400));
    let eye = yard.eye.lock().unwrap();
    let now = yard.meter(number(1), |meter| in_force(meter));
    assert!(now == eye.allowed[&number(1)][0]);
}

#[test]
fn a_new_password_comes_last_and_is_proved() {
    let body = "name = \"p\"\nversion = 1\n[limits]\nalarm-1 = \"31.00\"\n[password]\nlevel = 4\n";
    let faults = Faults { seed: 9, lost: 20 * Faults::PERCENT, ..Faults::NONE };
    let mut yard = Yard::new((1, 3), &faults, |_, _| {});
    yard.take(body);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new");
    std::fs::write(&file, "123456\n").unwrap();
    assert_eq!(code(yard.begin(&yard.form("p"))), Some(Code::PasswordMissing));
    let form = yard.form("p").with("new-password", file.display().to_string());
    let work = yard.begin(&form).unwrap();
    let mut sheet = yard.advance(work).unwrap();
    for _ in 0..5 {
        if sheet.exit.is_none() {
            break;
        }
        sheet = yard.advance(work).unwrap();
    }
    assert_eq!(sheet.exit, None, "{sheet:?}");
    let events = yard.store().events(1, 10_000);
    let all = format!("{events:?}");
    assert!(!all.contains("123456"), "no password in the journal");
}

#[test]
fn price_download_is_the_bundles_own_errand() {
    let mut yard = Yard::new((2, 2), &Faults::NONE, |_, _| {});
    yard.take(SUMMER);
    let own = yard.form("summer 2026");
    let form = own.clone().with("command", "price-download");
    let plan = yard.run(|site| Control.plan(site, &form)).unwrap();
    assert_eq!(plan.rows[0].value, "price-download");
    assert_eq!(plan.rows[1..], yard.plan(&own).unwrap().rows[..]);
    let work = yard.run(|site| Control.begin(site, &form)).unwrap();
    assert_eq!(yard.store().errand(work).unwrap().step.kind, ErrandKind::Bundle);
    assert!(Control.carries(ErrandKind::Bundle), "--resume finds it");
    // The rules of bundles hold: no second one at these meters.
    assert_eq!(code(yard.run(|site| Control.begin(site, &form))), Some(Code::WorkOpen));
    yard.restart(&mut super::yard::disk::Dice::new(1));
    let go = |site: &Site<'_>| Control.advance(site, work, &Answer::None, &mut |_| {});
    let sheet = yard.run(go).unwrap();
    assert_eq!((sheet.done, sheet.exit), (true, None), "{sheet:?}");
    let after = yard.plan(&own).unwrap();
    for nth in 1..=4 {
        assert_eq!(rows(&after, number(nth))[0].sign, Sign::Good, "{nth}");
    }
}

/// A maker who says nothing of how parameters are written gets none: its meter is told apart with
/// that reason, in the plan and in the writing, and the others are written.
#[test]
fn a_maker_who_publishes_nothing_gets_no_parameters() {
    for profile in ["tms", "ko", "ko-2018", "tw-gateway"] {
        let mut yard = Yard::new((1, 2), &Faults::NONE, |_, _| {});
        let east = || Target { area: Some("east".to_owned()), ..Target::default() };
        take(&mut yard, SUMMER, |token| token.target = east()).unwrap();
        let listed = |nth| yard.store().meter(number(nth)).unwrap();
        let row = |nth: u32, profile: &str| AreaMeter {
            profile: profile.to_owned(),
            ..area_row(number(nth), &listed(nth).place.line)
        };
        let meters = vec![row(1, PROFILE), row(2, profile)];
        yard.store().install_area(2, &[AreaPage { signed: Vec::new(), meters }]).unwrap();
        let before = yard.meter(number(2), |meter| in_force(meter));
        let form = yard.form("summer 2026");
        let why = |sheet: &Sheet| rows(sheet, number(2))[0].failure.clone().unwrap();
        let told = why(&yard.plan(&form).unwrap());
        assert_eq!(told.code, Code::NotPublished, "{profile}");
        assert!(told.detail.contains("[parameters]"), "{told:?}");
        let work = yard.begin(&form).unwrap();
        let sheet = yard.advance(work).unwrap();
        assert_eq!(why(&sheet).code, Code::NotPublished, "{profile}");
        assert_eq!(rows(&sheet, number(1))[0].sign, Sign::Good, "{profile}");
        assert_eq!(sheet.exit, Some(Code::WorkPartial));
        assert_eq!(yard.meter(number(2), |meter| in_force(meter)), before);
    }
}

/// Carried on after a restart the password is asked for; no meter ends as refused for want of it.
#[test]
fn without_the_password_nothing_ends() {
    let mut yard = Yard::new((1, 2), &Faults::NONE, |_, _| {});
    yard.take(SUMMER);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    let go = |site: &Site<'_>| Bundles.advance(site, work, &Answer::None, &mut |_| {});
    assert_eq!(code(yard.run_with(None, go)), Some(Code::PasswordMissing));
    let state = yard.store().errand(work).unwrap().step.state;
    assert_eq!(state, meterkit::units::StepState::Begun);
    assert_eq!(yard.advance(work).unwrap().exit, None);
}

/// Whoever reads a plan reads words, not keys of a file and not the bytes of a table.
#[test]
fn every_item_has_a_name_in_both_languages() {
    let bundle = Bundle::check(SUMMER).0.unwrap();
    for (name, value) in bundle::listed(&bundle) {
        for lang in Lang::ALL {
            let words = names::placed(lang, &name);
            assert!(!words.contains(['.', '[', ']']), "{name}: {words}");
        }
        let bytes = value.len() > 20 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(!bytes, "{name}: {value}");
    }
    let listed = bundle::listed(&bundle);
    let value = |key: &str| listed.iter().find(|(name, _)| name == key).unwrap().1.clone();
    assert_eq!(value("tariff.day[1]").matches(", ").count(), 6, "{}", value("tariff.day[1]"));
}

//! Steps that another errand does: a signed bundle as the template, the account opened by the
//! office's token; and a kill after every entry of both.

use meterkit::jobs::bundle::Bundles;
use meterkit::jobs::commission::Commission;
use meterkit::jobs::commission::certificate::{Certificate, certificate};
use meterkit::jobs::commission::steps::of;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Sign, Values, wanted};
use meterkit::jobs::tokens;
use meterkit::profile::bundle::Bundle;
use meterkit::report::Code;
use meterkit::store::{Event, Stamp};
use meterkit::units::{Act, ErrandKind, StepState, UnixSeconds, WorkId};
use meterkit_tokens::bundle::Target;
use meterkit_tokens::{BundleToken, Kind, RechargeToken, Unit};
use sha2::{Digest, Sha256};

use super::person::Person;
use crate::stories::site::{BASE, DEVICE, OPERATOR, Office, TENANT};

/// A meter without an account.
const FLEET: &str = "seed = 31\nstart = \"2026-11-20T08:00:00\"\n[[meter]]\nno = \"000000000504\"\n\
                     balance = \"50.00\"\nphases = 3\nload_w = 2400\nlag = 40\n\
                     wiring = \"abc abc\"\n";
const METER: &str = "000000000504";
const ACCOUNT: &str = "330100000504";
/// The first credit, fen.
const FIRST: i64 = 10_000;
const HOUSE: &str = "name = \"house\"\nversion = 2\n[limits]\nalarm-1 = \"20.00\"\n\
                     overload = \"10.0000\"\noverload-delay = \"5\"\n";

fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: OPERATOR.to_owned() }
}

/// The office's token that opens the account.
fn opening() -> Vec<u8> {
    let account: meterkit::units::AccountNo = ACCOUNT.parse().unwrap();
    let meter: meterkit::units::MeterNo = METER.parse().unwrap();
    let token = RechargeToken {
        tenant: TENANT.to_owned(),
        meter: meter.bcd(),
        device: DEVICE.to_owned(),
        expires: BASE + 6 * 86_400,
        not_before: BASE - 3_600,
        issued: BASE - 3_600,
        id: [9; 16],
        kind: Kind::Open,
        amount: FIRST,
        unit: Unit::Yuan,
        count: 0,
        seq: 1,
        order: [9; 8],
        account: account.bcd(),
        caps: 0,
        max_balance: None,
        undoes: None,
    };
    Office::new().issuer.recharge(&token).unwrap()
}

fn import(person: &Person) {
    let done = tokens::import_bytes(&person.store, &stamp(), &opening());
    assert_eq!(done.taken.len(), 1, "{:?}", done.refused);
}

/// Lays a signed bundle into the person's folder; the file's path.
fn bundle(person: &Person, body: &str, target: Target) -> String {
    let name = Bundle::check(body).0.map_or("house".to_owned(), |bundle| bundle.name);
    let token = BundleToken {
        tenant: TENANT.to_owned(),
        device: DEVICE.to_owned(),
        issued: BASE - 60,
        not_before: BASE - 60,
        expires: BASE + 30 * 86_400,
        id: [8; 16],
        digest: Sha256::digest(body.as_bytes()).into(),
        name,
        version: 2,
        target,
    };
    let signed = Office::new().issuer.bundle(&token).unwrap();
    let file = person.folder.path().join("house.pb");
    std::fs::write(&file, signed).unwrap();
    std::fs::write(file.with_extension("toml"), body).unwrap();
    file.display().to_string()
}

/// A form with the bundle as its template.
fn form(person: &Person) -> Values {
    let target = Target { meters: vec![person.meter.bcd()], ..Target::default() };
    person.values().with("template", bundle(person, HOUSE, target))
}

fn note<'a>(certificate: &'a Certificate, step: &str, name: &str) -> &'a str {
    let entry = certificate.entries.iter().find(|entry| entry.name == step).unwrap();
    of(&entry.notes, name)
}

/// Intents and outcomes in the journal, by act.
fn money(person: &Person) -> Vec<(Act, bool)> {
    let entries = person.store.events(1, 100_000);
    let acts = entries.iter().filter_map(|entry| match &entry.event {
        Event::Intent { facts, .. } => Some((facts.act, false)),
        Event::Outcome { .. } => Some((Act::Open, true)),
        _ => None,
    });
    acts.collect()
}

/// What the meter has in the end, whatever happened on the way.
fn assert_commissioned(person: &Person, work: WorkId, why: &str) {
    let certificate = certificate(&person.store, work).unwrap();
    assert!(certificate.whole, "{why}: {certificate:#?}");
    assert_eq!(note(&certificate, "comm-bundle", "items"), "3/3", "{why}");
    assert_eq!(note(&certificate, "comm-account", "account"), ACCOUNT, "{why}");
    person.on_meter(|meter| {
        assert_eq!(meter.account().map(|account| account.to_string()), Some(ACCOUNT.to_owned()));
        assert_eq!((meter.count(), meter.bookings().len()), (1, 1), "{why}: opened once");
        let params = meter.parameters(&[0x0409_0B01, 0x0409_0B02, 0x0400_1001]);
        assert_eq!(params[&0x0409_0B01], [0, 0, 0x10], "{why}");
        assert_eq!(params[&0x0400_1001], [0, 0x20, 0, 0], "{why}");
        meter.audit().unwrap();
    });
    assert_eq!(person.store.open_intents(), [], "{why}");
    let inner = person.store.errands();
    let ended = |kind| {
        let rows = inner.iter().filter(|row| row.step.kind == kind);
        rows.map(|row| row.step.state).collect::<Vec<_>>()
    };
    // Openings whose frame never left are refused, with proof; exactly one is done.
    let mut openings = ended(ErrandKind::Account);
    openings.retain(|state| *state != StepState::Refused);
    assert_eq!(openings, [StepState::Done], "{why}");
    assert!(ended(ErrandKind::Bundle).contains(&StepState::Done), "{why}");
    assert!(!ended(ErrandKind::Bundle).contains(&StepState::Begun), "{why}");
}

#[test]
fn a_signed_bundle_is_the_template_and_the_account_is_opened_on_the_way() {
    let mut person = Person::new(FLEET, METER);
    import(&person);
    let values = form(&person);
    let plan = person.at(None, |site| Commission.plan(site, &values)).unwrap().unwrap();
    assert!(plan.rows.iter().any(|row| row.name == "bundle" && row.value == "house v2"));
    assert!(plan.rows.iter().any(|row| row.name == "comm-bundle" && row.sign == Sign::Todo));
    assert_eq!(person.store.bundles(), [], "a plan takes nothing in");
    let work = person.begin(&values);
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!((sheet.exit, &sheet.ask), (None, &Ask::Nothing), "{sheet:#?}");
    assert_commissioned(&person, work, "plain");
    assert_eq!(money(&person), [(Act::Open, false), (Act::Open, true)]);
    let digits = person.asked.iter().filter(|asked| *asked == "digits").count();
    assert_eq!(digits, 1, "{:?}", person.asked);
    assert_eq!(
        note(&certificate(&person.store, work).unwrap(), "comm-account", "amount"),
        "100.00 CNY"
    );
}

#[test]
fn a_bundle_that_is_for_others_or_could_carry_money_begins_nothing() {
    let person = Person::new(FLEET, METER);
    let refused = |file: String| {
        let values = person.values().with("template", file);
        let plan = person.at(None, |site| Commission.plan(site, &values)).unwrap();
        let begin = person.at(None, |site| Commission.begin(site, &values)).unwrap();
        let codes = [plan.unwrap_err().code, begin.unwrap_err().code];
        assert_eq!(codes[0], codes[1]);
        codes[0]
    };
    let other = Target { meters: vec![[1, 0, 0, 0, 0, 0]], ..Target::default() };
    assert_eq!(refused(bundle(&person, HOUSE, other)), Code::BundleTarget);
    let own = Target { meters: vec![person.meter.bcd()], ..Target::default() };
    let money = "name = \"house\"\nversion = 2\n[[item]]\ndi = \"04001006\"\n\
                 value = \"0000000000000000\"\n";
    assert_eq!(refused(bundle(&person, money, own)), Code::BundleBad);
    // The same row in a template of its own needs a token as well.
    let file = person.folder.path().join("rows");
    std::fs::write(&file, "04001006 = 00000000\n").unwrap();
    assert_eq!(refused(file.display().to_string()), Code::TokenKind);
    assert_eq!(person.store.errands(), []);
}

/// Goes on until a question that is no check is asked.
fn until_asked(person: &Person, work: WorkId) -> Sheet {
    let go = |site: &meterkit::jobs::errand::Site<'_>| {
        Commission.advance(site, work, &Answer::None, &mut |_| {})
    };
    person.at(None, go).unwrap().unwrap()
}

#[test]
fn without_a_token_it_says_which_one_to_ask_for() {
    let mut person = Person::new(FLEET, METER);
    let work = person.begin(&person.values());
    let sheet = until_asked(&person, work);
    assert!(matches!(sheet.ask, Ask::Choice("comm-no-token", _)), "{sheet:#?}");
    let row = sheet.rows.iter().find(|row| row.name == "comm-account").unwrap();
    assert_eq!(row.failure.as_ref().map(|failure| failure.code), Some(Code::AccountNotOpen));
    let asked = sheet.rows.iter().find(|row| row.name == "comm-ask-office").unwrap();
    assert_eq!(asked.value, "000000000504, 0, -");
    // Left out: it goes on without a typed reason, and the certificate says what is missing.
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    assert!(!person.asked.contains(&"comm-skip-reason".to_owned()), "{:?}", person.asked);
    let paper = certificate(&person.store, work).unwrap();
    assert!(paper.ended && !paper.whole);
    assert_eq!(note(&paper, "comm-account", "reason"), "comm-not-opened");
    assert_eq!(note(&paper, "comm-account", "ask-office"), "000000000504, 0, -");
    assert_eq!(money(&person), []);
    // With the token at hand, trying again opens the account.
    let mut person = Person::new(FLEET, METER);
    let work = person.begin(&form(&person));
    until_asked(&person, work);
    import(&person);
    person.tries = vec!["comm-again"];
    assert_eq!(person.go_on(work, None).unwrap().exit, None);
    assert_commissioned(&person, work, "again");
}

#[test]
fn a_bundles_errand_that_was_begun_before_a_kill_is_carried_on() {
    let mut person = Person::new(FLEET, METER);
    import(&person);
    let work = person.begin(&form(&person));
    // As if the program had died between the entry of the bundle's errand and the step's own.
    let pinned = wanted(&person.store, work, ErrandKind::Commission).unwrap();
    let inner = Values::default()
        .with("bundle", pinned.get("bundle").unwrap())
        .with("meters", person.meter.to_string());
    let inner = person.at(None, |site| Bundles.begin(site, &inner)).unwrap().unwrap();
    person.restart();
    person.go_on(work, None).unwrap();
    assert_commissioned(&person, work, "carried on");
    let paper = certificate(&person.store, work).unwrap();
    assert_eq!(note(&paper, "comm-bundle", "errand"), inner.to_string());
    let bundles = person.store.errands();
    let bundles = bundles.iter().filter(|row| row.step.kind == ErrandKind::Bundle);
    assert_eq!(bundles.count(), 1, "no second one beside it");
}

#[test]
fn a_kill_after_any_entry_opens_the_account_once() {
    let mut whole = Person::new(FLEET, METER);
    import(&whole);
    let work = whole.begin(&form(&whole));
    whole.go_on(work, None).unwrap();
    // What is killed within a bundle is its own test's; the steps behind have one, too.
    let seq = |step: &str| whole.store.step(work, Some(whole.meter), step).unwrap().seq;
    let (first, last) = (seq("comm-bundle"), seq("comm-account") + 1);
    let (mut kills, mut again) = (0, 0);
    for entry in first..=last {
        let mut person = Person::new(FLEET, METER);
        import(&person);
        person.tries = vec!["comm-again"; 4];
        let work = person.begin(&form(&person));
        if person.go_on(work, Some(entry)).is_none() {
            kills += 1;
            person.restart();
            person.go_on(work, None).unwrap();
        }
        assert_commissioned(&person, work, &format!("entry {entry}"));
        // Another intent only after a read-back that proved the one before not applied.
        let (intents, outcomes): (Vec<_>, Vec<_>) =
            money(&person).into_iter().partition(|(_, outcome)| !outcome);
        assert_eq!(intents.len(), outcomes.len(), "entry {entry}");
        let errands = person.store.errands();
        let of_account = errands.iter().filter(|row| row.step.kind == ErrandKind::Account);
        assert_eq!(intents.len(), of_account.count(), "entry {entry}");
        again += usize::from(intents.len() > 1);
    }
    println!("{kills} kills at {} entries, {again} sent anew", last + 1 - first);
    assert!(kills >= 5 && again <= 2, "{kills} {again}");
}

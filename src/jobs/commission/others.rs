//! Steps that another errand does: the parameters of a signed bundle, and the opening of the
//! account. Each has its own errand with its own journal; the step says which, and takes its end.
//!
//! Nothing of theirs is done again here. After an interruption the errand is looked for in the
//! journal, not in the step's notes: it may have been begun when the step knew nothing of it yet.

use std::path::Path;

use super::identity;
use super::steps::{Came, DIGITS, Here, NO_TOKEN, Notes, with};
use crate::jobs::account::{self, Account};
use crate::jobs::bundle::{self, Bundles, Ready};
use crate::jobs::errand::{Answer, Ask, Errand, Sheet, Site, Values};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::Store;
use crate::units::{ErrandKind, MeterNo, StepState, TokenId, WorkId};

/// What the bundle is called, beside its identity.
pub const BUNDLE_NAME: &str = "bundle-name";

/// Whether a template file is a signed bundle, by its ending (`docs/bundle.md`).
pub fn is_bundle(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end.eq_ignore_ascii_case("pb"))
}

/// The file of a bundle that is given as the template; there is one bundle at most.
fn file_of(values: &Values) -> Result<Option<&str>, Failure> {
    let file = values.get("template").filter(|file| is_bundle(file));
    match values.get("bundle").filter(|_| file.is_some()) {
        Some(other) => Err(fail(Code::FieldOdd, format!("bundle: {other}"))),
        None => Ok(file),
    }
}

/// Checks the bundle of a plan, and names it; nothing is taken in.
///
/// # Errors
/// As [`bundle::ready`], [`bundle::fits`]; a bundle with a new password.
pub fn planned(site: &Site<'_>, meter: MeterNo, values: &mut Values) -> Result<(), Failure> {
    let store = site.desk.store;
    let file = file_of(values)?;
    let ready = match (file, values.get("bundle")) {
        (Some(file), _) => bundle::look(store, site.moment().at, Path::new(file))?,
        (None, Some(name)) => bundle::ready(store, &bundle::find(store, name)?, site.moment().at)?,
        (None, None) => return Ok(()),
    };
    named(site, meter, &ready, values)
}

/// The same when the commissioning begins: a bundle given as a file is taken in, and it is this
/// one to the end, whatever comes under its name later.
///
/// # Errors
/// As [`planned`]; the operator's right to take files in.
pub fn pinned(site: &Site<'_>, meter: MeterNo, values: &mut Values) -> Result<(), Failure> {
    let desk = site.desk;
    if let Some(file) = file_of(values)? {
        let file = Path::new(file);
        let (id, _) = bundle::take(desk.store, desk.session, &site.stamp(), file, None)?;
        values.set("template", "");
        values.set("bundle", id.to_string());
    }
    planned(site, meter, values)
}

fn named(
    site: &Site<'_>,
    meter: MeterNo,
    ready: &Ready,
    values: &mut Values,
) -> Result<(), Failure> {
    let Ready { token, bundle } = ready;
    let group = bundle::group_hash(&[meter]);
    bundle::fits(site.desk.store, token, &site.stop(meter)?, &group)?;
    if bundle.password.is_some() {
        // Its new password comes from a file that commissioning does not ask for.
        return Err(fail(Code::PasswordMissing, "new-password"));
    }
    values.set("bundle", TokenId(token.id).to_string());
    values.set(BUNDLE_NAME, format!("{} v{}", token.name, token.version));
    Ok(())
}

/// The newest errand of a kind, not yet at its end, whose form fits.
fn under_way(
    store: &Store,
    kind: ErrandKind,
    states: &[StepState],
    fits: impl Fn(&Values) -> bool,
) -> Option<WorkId> {
    let rows = store.errands().into_iter().filter(|row| row.step.kind == kind);
    let mut open = rows
        .filter(|row| states.contains(&row.step.state) && fits(&Values::of_notes(&row.step.notes)));
    open.next().map(|row| row.step.errand)
}

/// Writes the bundle as `bundle write` does: standby sets, switch times last.
///
/// # Errors
/// What keeps the bundle's errand from going on.
pub fn bundle(here: &Here<'_>) -> Result<Came, Failure> {
    let (site, meter) = (here.site, here.meter);
    let name = here.values.need("bundle")?;
    let wanted = Values::default().with("bundle", name).with("meters", meter.to_string());
    // One that ended in part is open as well: it goes on where it stopped.
    let open = [StepState::Begun, StepState::Failed];
    let mine = |form: &Values| {
        form.get("bundle") == Some(name) && form.meters("meters") == Ok(vec![meter])
    };
    let known = under_way(site.desk.store, ErrandKind::Bundle, &open, mine);
    let work = match known {
        Some(work) => work,
        None => Bundles.begin(site, &wanted)?,
    };
    here.doing(with(&[("errand", &work.to_string())]))?;
    let sheet = Bundles.advance(site, work, &Answer::None, &mut |_| {})?;
    let items = sheet.rows.iter().find(|row| row.name == "bundle-meter");
    let items = items.map(|row| row.value.clone()).unwrap_or_default();
    let notes = with(&[("errand", &work.to_string()), ("items", &items)]);
    match refusal(&sheet) {
        None if sheet.done => Ok(Came::Done(notes)),
        refusal => {
            let why = refusal.unwrap_or_else(|| fail(Code::WorkPartial, work.to_string()));
            Ok(Came::Failed(why, notes))
        }
    }
}

/// The first thing that is not good, with the name of its row.
fn refusal(sheet: &Sheet) -> Option<Failure> {
    sheet.rows.iter().find_map(|row| {
        let failure = row.failure.as_ref()?;
        Some(fail(failure.code, format!("{}: {}", row.name, failure.detail)))
    })
}

/// Opens the account by the office's token for this meter, unless it is open.
///
/// # Errors
/// Those of the line and of the account's errand.
pub fn account(here: &Here<'_>, answer: Option<&Answer>) -> Result<Came, Failure> {
    let (site, meter) = (here.site, here.meter);
    let store = site.desk.store;
    let mine = |form: &Values| form.get("act") == Some("open") && form.meter("meter") == Ok(meter);
    let open = under_way(store, ErrandKind::Account, &[StepState::Begun], mine);
    let work = match open {
        // Its outcome comes first, whatever the meter shows by now.
        Some(work) => work,
        None => match here.on(identity::account) {
            Err(failure) if failure.code == Code::AccountNotOpen => {
                let wanted = Values::default().with("act", "open").with("meter", meter.to_string());
                match Account.begin(site, &wanted) {
                    Err(failure) if failure.code == Code::TokenUnknown => return no_token(here),
                    begun => begun?,
                }
            }
            shown => return shown.map(Came::Done),
        },
    };
    let own = shown(store, work, meter);
    let said = answer.cloned().unwrap_or(Answer::None);
    let sheet = Account.advance(site, work, &said, &mut |_| {})?;
    match sheet.ask {
        Ask::Digits(_) => Ok(Came::Wait(DIGITS, own)),
        _ if sheet.done && sheet.exit.is_none() => {
            // By the meter itself, once more: that is what the certificate stands on.
            let mut notes = here.on(identity::account)?;
            notes.extend(own);
            Ok(Came::Done(notes))
        }
        _ if sheet.done => {
            let why = refusal(&sheet).or(sheet.exit.map(|code| fail(code, work.to_string())));
            let why = why.unwrap_or_else(|| fail(Code::AccountNotOpen, meter.to_string()));
            Ok(Came::Failed(why, own))
        }
        // The outcome is not known: trying again asks the meter, and sends nothing.
        _ => Ok(Came::Unknown(fail(Code::IntentOpen, work.to_string()), own)),
    }
}

/// What a person sees before he confirms with the digits: whose account, by which token.
fn shown(store: &Store, work: WorkId, meter: MeterNo) -> Notes {
    let form = crate::jobs::errand::wanted(store, work, ErrandKind::Account).unwrap_or_default();
    let token = form.get("token").and_then(|text| text.parse::<TokenId>().ok());
    let facts = token.and_then(|token| store.token(token)).map(|row| row.facts);
    let text = |value: Option<String>| value.unwrap_or_default();
    let customer = store.meter(meter).map(|row| row.customer);
    with(&[
        ("errand", &work.to_string()),
        ("token", &text(facts.map(|facts| facts.id.to_string()))),
        ("amount", &text(facts.map(|facts| facts.credit.to_string()))),
        ("customer", &text(customer)),
    ])
}

/// There is no token: says which one the office has to issue, by what the meter itself shows.
fn no_token(here: &Here<'_>) -> Result<Came, Failure> {
    let meter = here.meter;
    let seen = here.on(|line, stop| account::look(line, stop, None))?;
    let listed = here.site.desk.store.meter(meter).and_then(|row| row.account);
    let listed = listed.map_or_else(|| "-".to_owned(), |account| account.to_string());
    let asked = format!("{meter}, {}, {listed}", seen.evidence.count);
    let why = fail(Code::AccountNotOpen, meter.to_string());
    Ok(Came::FailedAsking(why, NO_TOKEN, with(&[("ask-office", &asked)])))
}

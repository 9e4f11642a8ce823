//! What waits on this handheld to be begun: leaves for swaps, tokens of accounts, bundles, rounds.
//! Whoever opens an errand's page picks one instead of typing what the office has signed already.
//!
//! What his role or area forbids him is not offered to him, unless an override opens the way: it
//! would be refused as soon as it was begun.

use std::collections::BTreeSet;

use crate::jobs::clock::Moment;
use crate::jobs::control::PRICES;
use crate::jobs::rights::{self, Place};
use crate::jobs::round::given::{self, Stands};
use crate::jobs::session::Session;
use crate::jobs::views::OfferView;
use crate::jobs::{account, gate, trust};
use crate::report::Code;
use crate::store::{RoundTaken, Step, Store, TokenRow};
use crate::units::swap_step::LEAVE;
use crate::units::{Act, ErrandKind, Mark, MeterNo, StepState, UnixSeconds, Verb};

/// Most of one kind that are listed.
const MOST: usize = 50;

/// One, and what whoever begins it must be allowed, where that is one meter's.
struct Waiting {
    view: OfferView,
    verb: Verb,
    meter: Option<MeterNo>,
}

/// Those the person who is logged in may begin at this moment, by kind.
pub fn offers(store: &Store, session: &Session, now: Moment) -> Vec<OfferView> {
    let allowed = allowed(store, session, now);
    let own = |all: Vec<Waiting>, most: usize| {
        let own = all.into_iter().filter(|one| allowed(one)).map(|one| one.view);
        own.take(most).collect::<Vec<_>>()
    };
    let tokens = store.tokens(None, usize::MAX);
    let waits =
        |row: &&TokenRow| row.state.usable() && !row.withdrawn && now.at < row.facts.expires;
    let tokens: Vec<&TokenRow> = tokens.iter().filter(waits).collect();
    let of_account = tokens.iter().filter_map(|row| of_account(store, row)).collect();
    let commission = tokens.iter().filter_map(|row| commission(store, row)).collect();
    let mut all = own(swaps(store, now.at), MOST);
    all.extend(own(of_account, MOST));
    all.extend(own(rounds(store, now.at), MOST));
    all.extend(own(bundles(store, now.at), 2 * MOST));
    all.extend(own(commission, MOST));
    all
}

/// Whether neither role nor area forbids one, or an override allows it all the same. What else may
/// stand against it, a grant that has ended, say, a person learns when he begins it.
fn allowed<'a>(
    store: &'a Store,
    session: &'a Session,
    now: Moment,
) -> impl Fn(&Waiting) -> bool + 'a {
    let trust = trust::read(store);
    let stand = trust::stand(store, session, &trust, now);
    move |one| {
        // Reading is never kept from anybody.
        if one.verb == Verb::Read {
            return true;
        }
        let area = one.meter.and_then(|meter| store.meter(meter)).map(|row| row.area);
        let area = area.unwrap_or_default();
        let place = one.meter.map(|meter| Place { meter, area: &area });
        let granted = stand.granted.counts();
        let may = rights::may(granted.as_ref().copied(), one.verb, place, || {
            let act = (one.verb, one.meter?);
            trust::find_override(store, &trust, session.operator(), act, stand.now)
        });
        let forbids = |code: Code| matches!(code, Code::RoleForbids | Code::AreaForbids);
        !may.is_err_and(|failure| forbids(failure.code))
    }
}

fn offer(
    (kind, verb, meter): (ErrandKind, Verb, Option<MeterNo>),
    values: &[(&str, String)],
    what: &[String],
    note: String,
) -> Waiting {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    let (values, what) = (values.collect(), what.to_vec());
    Waiting { view: OfferView { kind, values, what, note, due: None }, verb, meter }
}

/// Whose meter it is, by the list.
fn whose(store: &Store, meter: MeterNo) -> String {
    let row = store.meter(meter);
    row.map(|row| format!("{}  {}", row.customer, row.location)).unwrap_or_default()
}

/// The leaves that can still be begun, and are not.
fn swaps(store: &Store, now: UnixSeconds) -> Vec<Waiting> {
    let begun: BTreeSet<String> = store
        .errands()
        .into_iter()
        .filter(|row| row.step.name == Step::WHOLE && row.step.state == StepState::Begun)
        .flat_map(|row| row.step.notes)
        .filter_map(|(key, value)| (key == LEAVE).then_some(value))
        .collect();
    let out = |meter| store.marks_of(meter).iter().any(|row| row.mark == Mark::SwappedOut);
    let rows = store.swaps().into_iter().filter(|row| {
        let facts = &row.facts;
        let over = row.withdrawn || row.credited.is_some() || now >= facts.expires;
        !over && !out(facts.old) && !begun.contains(&facts.id.to_string())
    });
    let one = |facts: &crate::store::SwapFacts| {
        let (old, new) = (facts.old.to_string(), facts.meter.to_string());
        let values = [("old", old.clone()), ("new", new.clone())];
        let of = (ErrandKind::Swap, Verb::Swap, Some(facts.old));
        offer(of, &values, &[old, new], whose(store, facts.old))
    };
    rows.map(|row| one(&row.facts)).collect()
}

/// An opening, a refund or a reversal whose token is here.
fn of_account(store: &Store, row: &TokenRow) -> Option<Waiting> {
    let act = account::word(row.facts.act)?;
    let (meter, id) = (row.facts.meter.to_string(), row.facts.id.to_string());
    let values = [("act", act.to_owned()), ("meter", meter.clone()), ("token", id)];
    let credit = row.facts.credit.to_string();
    let what = [act.to_owned(), meter, credit];
    let verb = gate::verb(store, &row.facts.intent());
    let of = (ErrandKind::Account, verb, Some(row.facts.meter));
    Some(offer(of, &values, &what, whose(store, row.facts.meter)))
}

/// A meter whose account waits to be opened may wait to be put into service.
fn commission(store: &Store, row: &TokenRow) -> Option<Waiting> {
    let meter = row.facts.meter.to_string();
    let open = row.facts.act == Act::Open;
    let values = [("meter", meter.clone())];
    let note = whose(store, row.facts.meter);
    let of = (ErrandKind::Commission, Verb::Commission, Some(row.facts.meter));
    open.then(|| offer(of, &values, &[meter], note))
}

/// The rounds of the office that can be begun, the one due first in front.
fn rounds(store: &Store, now: UnixSeconds) -> Vec<Waiting> {
    let rows = given::all(store, now).into_iter();
    let one = |taken: &RoundTaken| {
        let values = [(given::OFFICE, taken.id.to_string())];
        let what = [taken.name.clone(), format!("({})", taken.meters)];
        let of = (ErrandKind::Round, Verb::Read, None);
        let mut offer = offer(of, &values, &what, String::new());
        offer.view.due = taken.due;
        offer
    };
    rows.filter(|(_, stands)| *stands == Stands::Waits).map(|(row, _)| one(&row.taken)).collect()
}

/// The bundles that were taken in, the newest of each name: each can be written as a whole errand
/// of its own, or as the price download of the batch commands.
fn bundles(store: &Store, now: UnixSeconds) -> Vec<Waiting> {
    let mut names = BTreeSet::new();
    let mut rows = store.bundles();
    rows.sort_by_key(|row| std::cmp::Reverse((row.taken.version, row.seq)));
    rows.retain(|row| {
        let serves = !row.revoked && now < row.taken.expires;
        serves && names.insert(row.taken.name.clone())
    });
    let two = |name: &str, version| {
        let (bundle, what) = (("bundle", name.to_owned()), format!("{name} v{version}"));
        let command = ("command", PRICES.to_owned());
        let prices = [PRICES.to_owned(), what.clone()];
        let of = |kind| (kind, Verb::Parameters, None);
        let one = std::slice::from_ref(&bundle);
        [
            offer(of(ErrandKind::Bundle), one, &[what], String::new()),
            offer(of(ErrandKind::Control), &[command, bundle.clone()], &prices, String::new()),
        ]
    };
    rows.iter().flat_map(|row| two(&row.taken.name, row.taken.version)).collect()
}

//! What waits on this handheld to be begun: leaves for swaps, tokens of accounts, bundles. Whoever
//! opens an errand's page picks one instead of typing what the office has signed already.

use std::collections::BTreeSet;

use crate::jobs::account;
use crate::jobs::control::PRICES;
use crate::jobs::round::given::{self, Stands};
use crate::jobs::views::OfferView;
use crate::store::{RoundTaken, Step, Store, TokenRow};
use crate::units::swap_step::LEAVE;
use crate::units::{Act, ErrandKind, Mark, MeterNo, StepState, UnixSeconds};

/// Most of one kind that are listed.
const MOST: usize = 50;

/// All of them at this moment, by kind.
pub fn offers(store: &Store, now: UnixSeconds) -> Vec<OfferView> {
    let tokens = store.tokens(None, usize::MAX);
    let waits = |row: &&TokenRow| row.state.usable() && !row.withdrawn && now < row.facts.expires;
    let tokens: Vec<&TokenRow> = tokens.iter().filter(waits).collect();
    let mut all: Vec<OfferView> = swaps(store, now).into_iter().take(MOST).collect();
    all.extend(tokens.iter().filter_map(|row| of_account(store, row)).take(MOST));
    all.extend(rounds(store, now).into_iter().take(MOST));
    all.extend(bundles(store, now).into_iter().take(2 * MOST));
    all.extend(tokens.iter().filter_map(|row| commission(store, row)).take(MOST));
    all
}

fn offer(kind: ErrandKind, values: &[(&str, String)], what: &[String], note: String) -> OfferView {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    OfferView { kind, values: values.collect(), what: what.to_vec(), note, due: None }
}

/// Whose meter it is, by the list.
fn whose(store: &Store, meter: MeterNo) -> String {
    let row = store.meter(meter);
    row.map(|row| format!("{}  {}", row.customer, row.location)).unwrap_or_default()
}

/// The leaves that can still be begun, and are not.
fn swaps(store: &Store, now: UnixSeconds) -> Vec<OfferView> {
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
        offer(ErrandKind::Swap, &values, &[old, new], whose(store, facts.old))
    };
    rows.map(|row| one(&row.facts)).collect()
}

/// An opening, a refund or a reversal whose token is here.
fn of_account(store: &Store, row: &TokenRow) -> Option<OfferView> {
    let act = account::word(row.facts.act)?;
    let (meter, id) = (row.facts.meter.to_string(), row.facts.id.to_string());
    let values = [("act", act.to_owned()), ("meter", meter.clone()), ("token", id)];
    let credit = row.facts.credit.to_string();
    let what = [act.to_owned(), meter, credit];
    Some(offer(ErrandKind::Account, &values, &what, whose(store, row.facts.meter)))
}

/// A meter whose account waits to be opened may wait to be put into service.
fn commission(store: &Store, row: &TokenRow) -> Option<OfferView> {
    let meter = row.facts.meter.to_string();
    let open = row.facts.act == Act::Open;
    let values = [("meter", meter.clone())];
    let note = whose(store, row.facts.meter);
    open.then(|| offer(ErrandKind::Commission, &values, &[meter], note))
}

/// The rounds of the office that can be begun, the one due first in front.
fn rounds(store: &Store, now: UnixSeconds) -> Vec<OfferView> {
    let rows = given::all(store, now).into_iter();
    let one = |taken: &RoundTaken| {
        let values = [(given::OFFICE, taken.id.to_string())];
        let what = [taken.name.clone(), format!("({})", taken.meters)];
        let offer = offer(ErrandKind::Round, &values, &what, String::new());
        OfferView { due: taken.due, ..offer }
    };
    rows.filter(|(_, stands)| *stands == Stands::Waits).map(|(row, _)| one(&row.taken)).collect()
}

/// The bundles that were taken in, the newest of each name: each can be written as a whole errand
/// of its own, or as the price download of the batch commands.
fn bundles(store: &Store, now: UnixSeconds) -> Vec<OfferView> {
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
        [
            offer(ErrandKind::Bundle, std::slice::from_ref(&bundle), &[what], String::new()),
            offer(ErrandKind::Control, &[command, bundle.clone()], &prices, String::new()),
        ]
    };
    rows.iter().flat_map(|row| two(&row.taken.name, row.taken.version)).collect()
}

//! Meters for lists and cards, and the figures of the home screen, from the store alone.

use super::views::{
    Failure, HomeView, MarkView, MeterRowView, MeterView, Network, OpenIntentView, Standing,
    TokenStateView,
};
use super::{Moment, Session, errand, failure, journal, tokens, trust};
use crate::store::{Event, MarkRow, MeterRow, OpenIntent, Store};
use crate::units::{BusPlace, MeterNo, UnixSeconds};

/// Journal entries on a meter's card.
const CARD_JOURNAL: usize = 20;
/// Open recharges shown at home; more than this is a matter for the office.
const HOME_INTENTS: usize = 50;
/// Unsynced entries looked at one by one; with more there is something to sync anyway.
const BOOKKEEPING_MAX: u64 = 64;

/// The figures of the home screen. What the store does not know stays as in `from`.
pub fn home(store: &Store, session: &Session, now: Moment, from: &HomeView) -> HomeView {
    let summary = store.summary();
    let trust = trust::view(store, session, now);
    let no_trust = || trust.reasons.first().filter(|_| trust.standing == Standing::NoMoney);
    let stopped = store.money_allowed().err().map(|why| failure::why(&why));
    let open: Vec<_> = if summary.open_intents == 0 {
        Vec::new()
    } else {
        store.open_intents().iter().take(HOME_INTENTS).map(|open| open_view(store, open)).collect()
    };
    HomeView {
        device: store.identity().device.to_string(),
        operator: session.operator().to_string(),
        meters: summary.meters,
        tokens: summary.tokens_live,
        open_intents: open,
        open_works: errand::open(store).count(),
        unsynced: waiting(store),
        last_sync: summary.last_sync,
        sync_again: super::sync::again(store),
        money_stopped: stopped.or_else(|| no_trust().cloned()),
        trust: Some(trust),
        ..from.clone()
    }
}

/// Entries the office still wants. An exchange itself leaves a few behind (its receipt, the time
/// and the word of the office), and so does a log-in; those alone are no reason to sync again.
pub(super) fn waiting(store: &Store) -> u64 {
    let summary = store.summary();
    if summary.unsynced > BOOKKEEPING_MAX {
        return summary.unsynced;
    }
    let from = summary.head.seq.saturating_sub(summary.unsynced).saturating_add(1);
    let kept = |event: &Event| {
        matches!(
            event,
            Event::ReceiptStored { .. }
                | Event::TimeAnchor { .. }
                | Event::DocumentTaken { .. }
                | Event::LoggedIn { .. }
                | Event::LoggedOut { .. }
                | Event::Software { .. }
        )
    };
    let entries = store.events(from, BOOKKEEPING_MAX as usize);
    entries.iter().filter(|entry| !kept(&entry.event)).count() as u64
}

/// A page of meters after `after`, or those found by `search`; and whether there are more.
pub fn page(
    store: &Store,
    now: UnixSeconds,
    after: Option<MeterNo>,
    search: &str,
    limit: usize,
) -> (Vec<MeterRowView>, bool) {
    let ask = limit.saturating_add(1);
    let mut rows = match search.trim() {
        "" => store.meters(after, ask),
        text => store.find_meters(text, ask),
    };
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows.iter().map(|row| row_view(store, now, row)).collect(), more)
}

/// A meter's row; `None` when nothing is known of it.
pub fn row(store: &Store, now: UnixSeconds, no: MeterNo) -> Option<MeterRowView> {
    Some(row_view(store, now, &store.meter(no)?))
}

/// Everything known about one meter; `None` when nothing is.
pub fn card(store: &Store, now: UnixSeconds, no: MeterNo) -> Option<MeterView> {
    let row = store.meter(no)?;
    let tokens = store.tokens_for(no);
    Some(MeterView {
        account: row.account,
        profile: row.profile.clone(),
        place: row.place.clone(),
        tokens: tokens.iter().map(|token| tokens::view(token, now)).collect(),
        journal: journal::of_meter(store, no, CARD_JOURNAL),
        open: store.open_intent(no).as_ref().map(|open| open_view(store, open)),
        last: row.last.clone(),
        row: row_view(store, now, &row),
    })
}

/// The card of a meter nobody listed: a number, nothing else.
pub fn unknown(no: MeterNo) -> MeterView {
    let row = MeterRowView {
        no,
        customer: String::new(),
        location: String::new(),
        balance: None,
        overdraft: 0,
        tokens: 0,
        open_intent: false,
        own_line: false,
    };
    MeterView {
        row,
        account: None,
        profile: String::new(),
        place: BusPlace::default(),
        tokens: Vec::new(),
        journal: Vec::new(),
        open: None,
        last: None,
    }
}

fn row_view(store: &Store, now: UnixSeconds, row: &MeterRow) -> MeterRowView {
    let ready =
        |token: &crate::store::TokenRow| tokens::view(token, now).state == TokenStateView::Ready;
    let ready = store.tokens_for(row.no).into_iter().filter(ready).count();
    MeterRowView {
        no: row.no,
        customer: row.customer.clone(),
        location: row.location.clone(),
        balance: row.seen.map(|seen| (seen.shown.balance, seen.read_at)),
        overdraft: row.seen.map_or(0, |seen| seen.shown.overdraft),
        tokens: u32::try_from(ready).unwrap_or(u32::MAX),
        open_intent: store.open_intent(row.no).is_some(),
        own_line: own_line(&row.place),
    }
}

/// What is remembered of meters, oldest first.
pub fn marks(store: &Store) -> Vec<MarkView> {
    let view = |row: MarkRow| MarkView {
        meter: row.meter,
        mark: row.mark,
        since: row.since,
        note: row.note,
    };
    store.marks().into_iter().map(view).collect()
}

/// Whether the area list says on which line a meter hangs.
pub fn own_line(place: &BusPlace) -> bool {
    !place.line.trim().is_empty()
}

/// An open recharge for a list.
pub fn open_view(store: &Store, open: &OpenIntent) -> OpenIntentView {
    OpenIntentView {
        own_line: store.meter(open.facts.meter).is_some_and(|row| own_line(&row.place)),
        meter: open.facts.meter,
        token: open.facts.token,
        credit: open.facts.credit,
        act: open.facts.act,
        decision: open.last_judgement.as_ref().map(|judgement| judgement.decision),
        readable: !open.disputed,
    }
}

/// The network as an attempt left it.
pub fn network<T>(attempt: &Result<T, Failure>) -> Network {
    use crate::report::Code;
    match attempt {
        Ok(_) => Network::Up,
        Err(failure) => match failure.code {
            Code::OfficeLies | Code::OfficeRefused | Code::OfficeVersion => Network::Up,
            _ => Network::Down,
        },
    }
}

//! Who asks the office for the screens: one thread, one request after the other.
//!
//! A request is never lost without a word: it is answered, or the worker says that it died over it
//! and goes on with the next. An act that was begun is finished even when the screens are left.

mod devices;
mod drafts;
mod files;
mod lists;
mod lost;
mod meters;
mod orders;
mod people;
mod reviews;
mod rounds;
mod shift;
mod today;
mod tokens;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use tokio::runtime::Handle;

pub use reviews::CLOSED;

use super::act::Act;
use super::page::{Failure, Page};
use super::query::Query;
use crate::office::{Office, OfficeError};

/// What the screens ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Show a page.
    See(Query),
    /// Say what an act would do.
    Check(Act),
    /// Do it.
    Do(Act),
}

/// What they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// A page.
    Seen(Query, Result<Page, Failure>),
    /// What an act would do.
    Checked(Act, Result<Page, Failure>),
    /// What it did.
    Done(Act, Result<Page, Failure>),
    /// Whom a form can name.
    Names {
        /// Handhelds that are not quarantined.
        devices: Vec<String>,
        /// Operators who may be granted something.
        operators: Vec<String>,
    },
    /// The worker panicked over a request; how it ended is not known.
    Died(String),
}

/// Starts the worker. It ends when the screens have dropped their end of the requests.
///
/// # Errors
/// When no thread can be had.
pub fn start(
    office: Office,
    handle: Handle,
    asked: Receiver<Request>,
    tell: Sender<Update>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("desk-office".to_owned()).spawn(move || {
        let mut heard = tell_names(&office, &handle, &tell);
        while heard && let Ok(request) = asked.recv() {
            let answer = || handle.block_on(answer(&office, &request));
            let update = catch_unwind(AssertUnwindSafe(answer))
                .unwrap_or_else(|panic| Update::Died(said(&*panic)));
            let acted = matches!(request, Request::Do(_));
            heard = tell.send(update).is_ok();
            heard = heard && (!acted || tell_names(&office, &handle, &tell));
        }
    })
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Tells whom a form can name; `false` when nobody listens any more.
fn tell_names(office: &Office, handle: &Handle, tell: &Sender<Update>) -> bool {
    match handle.block_on(names(office)) {
        Ok(update) => tell.send(update).is_ok(),
        // The page that is asked for will say what is wrong.
        Err(error) => {
            tracing::warn!(%error, "no names for the forms");
            true
        }
    }
}

/// Whom a form can name.
///
/// # Errors
/// The database failed.
pub async fn names(office: &Office) -> Result<Update, OfficeError> {
    let devices = office.devices().await?;
    let devices = devices.iter().filter(|row| row.status != "quarantined");
    let devices = devices.map(|row| row.device.to_string()).collect();
    let operators = office.operators().await?;
    let operators = operators.iter().filter(|row| row.active);
    let operators = operators.map(|row| row.entry.id.to_string()).collect();
    Ok(Update::Names { devices, operators })
}

/// A failure as the screens show it.
fn failure(error: &OfficeError) -> Failure {
    Failure { code: error.code(), detail: error.to_string() }
}

/// The answer to a request.
pub async fn answer(office: &Office, request: &Request) -> Update {
    let told = |result: Result<Page, OfficeError>| result.map_err(|error| failure(&error));
    match request {
        Request::See(query) => Update::Seen(query.clone(), told(see(office, query).await)),
        Request::Check(act) => Update::Checked(act.clone(), told(check(office, act).await)),
        Request::Do(act) => Update::Done(act.clone(), told(carry_out(office, act).await)),
    }
}

async fn see(office: &Office, query: &Query) -> Result<Page, OfficeError> {
    match query {
        Query::Today => today::page(office).await,
        Query::Devices => devices::list(office).await,
        Query::Device(device) => devices::card(office, device).await,
        Query::Lost(device) => lost::card(office, device).await,
        Query::Reviews => reviews::list(office).await,
        Query::Review(id) => reviews::card(office, id).await,
        Query::Operators => people::list(office).await,
        Query::Operator(operator) => people::card(office, operator).await,
        Query::Meters(text) => meters::list(office, text).await,
        Query::Meter(meter) => meters::card(office, *meter).await,
        Query::Doubt => lists::doubt(office).await,
        Query::Drafts => drafts::list(office).await,
        Query::Bundles => lists::bundles(office).await,
        Query::Rounds => rounds::list(office).await,
        Query::Round(round) => rounds::card(office, *round).await,
        Query::Sales(span) => lists::sales(office, *span).await,
        Query::LostContact => lists::lost_contact(office).await,
        Query::KeepPower => lists::kept(office).await,
        Query::Shift => shift::list(office).await,
    }
}

async fn check(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Issue { .. } => {
            let (order, deed) = tokens::wanted(act)?;
            tokens::check_issue(office, (&order, deed)).await
        }
        Act::Draft(_) | Act::IssueDraft { .. } | Act::DropDraft { .. } => {
            drafts::check(office, act).await
        }
        Act::Fence { device, to, days } => lost::check(office, device, to.as_ref(), *days).await,
        Act::Settle { .. } | Act::CloseReview { .. } => reviews::check(office, act).await,
        Act::Reissue { token, .. } | Act::RevokeToken { token } => {
            tokens::check_old(office, *token, act).await
        }
        Act::AddOperator { .. } | Act::Grant { .. } | Act::RevokeOperator { .. } => {
            people::check(office, act).await
        }
        Act::IssueList { file, device, days, again } => {
            let how = orders::How { file, device: device.as_ref(), days: *days, again: *again };
            orders::check(office, how).await
        }
        Act::Count { meter, count, reason } => {
            meters::check_count(office, *meter, *count, reason).await
        }
        Act::SignBundle { file, device, area, days, out } => {
            let how = files::Signing { file, device, area: area.as_ref(), days: *days, out };
            files::check_bundle(office, how).await
        }
        Act::NewRound { .. } | Act::WithdrawRound { .. } => rounds::check(office, act).await,
        Act::CloseMeter { .. } => meters::check_close(office, act).await,
        Act::CloseShift(whose) => shift::check(office, whose).await,
        Act::Export { query, file } => files::check_export(office, query, file).await,
    }
}

async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Issue { .. } | Act::Reissue { .. } | Act::RevokeToken { .. } => {
            tokens::carry_out(office, act).await
        }
        Act::Draft(_) | Act::IssueDraft { .. } | Act::DropDraft { .. } => {
            drafts::carry_out(office, act).await
        }
        Act::Fence { device, to, days } => {
            lost::carry_out(office, device, to.as_ref(), *days).await
        }
        Act::Settle { .. } | Act::CloseReview { .. } => reviews::carry_out(office, act).await,
        Act::AddOperator { .. } | Act::Grant { .. } | Act::RevokeOperator { .. } => {
            people::carry_out(office, act).await
        }
        Act::IssueList { file, device, days, again } => {
            let how = orders::How { file, device: device.as_ref(), days: *days, again: *again };
            orders::carry_out(office, how).await
        }
        Act::Count { meter, count, reason } => meters::count(office, *meter, *count, reason).await,
        Act::SignBundle { file, device, area, days, out } => {
            let how = files::Signing { file, device, area: area.as_ref(), days: *days, out };
            files::sign_bundle(office, how).await
        }
        Act::NewRound { .. } | Act::WithdrawRound { .. } => rounds::carry_out(office, act).await,
        Act::CloseMeter { .. } => meters::close(office, act).await,
        Act::CloseShift(whose) => shift::carry_out(office, whose).await,
        Act::Export { query, file } => files::export(office, query, file).await,
    }
}

//! The shift checkpoint: what this handheld's journal is now, signed, with what the shift came to.
//! On paper or in a photograph it proves what existed, should the handheld be lost.

use meterkit_tokens::{DeviceKey, qr_text};

pub use meterkit_tokens::qr_parts as parts;

use super::failure;
use super::session::Session;
use super::views::{Failure, ShiftView};
use crate::report::Code;
use crate::store::{Stamp, Store, TokenState};
use crate::sync::checkpoint;
use crate::sync::wire;
use crate::units::{CreditUnit, UnixSeconds};

/// Tokens read from the store at a time.
const PAGE: usize = 500;

/// A checkpoint that was just signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub what: wire::Checkpoint,
    /// The signed document.
    pub bytes: Vec<u8>,
}

impl Signed {
    /// As text for a QR code.
    pub fn text(&self) -> String {
        qr_text(&self.bytes)
    }
}

/// Signs a checkpoint of the journal as it is now, for a shift that came to `shift`, and keeps it:
/// the next exchange takes it along.
///
/// # Errors
/// [`Code::Internal`] for a journal without an entry; the store's.
pub fn make(
    store: &Store,
    session: &Session,
    shift: &ShiftView,
    stamp: &Stamp,
) -> Result<Signed, Failure> {
    let at = checkpoint::head(store);
    let at = at.ok_or_else(|| failure::fail(Code::Internal, "an empty journal"))?;
    let identity = store.identity();
    let what = wire::Checkpoint {
        device: identity.device.clone(),
        at,
        time: stamp.at,
        operator: session.operator().clone(),
        since: session.since(),
        counts: [shift.accepted, shift.refused, shift.unknown],
        applied: [shift.yuan, shift.kwh],
        out: still_out(store, stamp.at),
    };
    let key = DeviceKey::generate(identity.device_seed);
    let bytes = checkpoint::sign(store, &key, &what).map_err(|error| failure::sync(&error))?;
    Ok(Signed { what, bytes })
}

/// What is out with this handheld: tokens that may still be used, and acts whose outcome is not
/// known; hundredths of yuan and of kWh. A token whose time is over is no longer carried, one that
/// was sent is out however old it is.
fn still_out(store: &Store, now: UnixSeconds) -> [i64; 2] {
    let mut sums = [0i64; 2];
    let mut after = None;
    loop {
        let page = store.tokens(after, PAGE);
        let Some(last) = page.last() else { return sums };
        after = Some(last.facts.id);
        for row in page {
            let open = matches!(row.state, TokenState::Intent | TokenState::Disputed);
            let cached = row.state.usable() && !row.withdrawn && now < row.facts.expires;
            if row.facts.act.is_debit() || !(open || cached) {
                continue;
            }
            let at = usize::from(row.facts.credit.unit == CreditUnit::Kwh);
            sums[at] = sums[at].saturating_add(row.facts.credit.value);
        }
    }
}

//! What takes long and needs no line: exchanges with the office, checking the journal.

use crossbeam_channel::Receiver;
use std::path::{Path, PathBuf};

use super::Shared;
use crate::jobs::views::{ErrandId, Update};
use crate::jobs::{Cancel, journal, media, meters, sync};

/// What to do.
pub(super) enum Errand {
    Sync(ErrandId, Cancel),
    Carry(ErrandId, PathBuf, Cancel),
    Media,
    Verify,
}

/// One errand after the other, until the log-out.
pub(super) fn work(shared: &Shared, inbox: &Receiver<Errand>) {
    for errand in inbox {
        match errand {
            Errand::Verify => {
                shared.guard(None, || {
                    shared.tell(Update::JournalVerified(journal::verify(&shared.store)));
                });
            }
            Errand::Sync(errand, cancel) => {
                shared.guard(Some(errand), || exchange(shared, errand, &cancel));
            }
            Errand::Carry(errand, dir, cancel) => {
                shared.guard(Some(errand), || carry(shared, errand, &dir, &cancel));
            }
            // A stick that hangs must not hold up the screen: it is looked at from here.
            Errand::Media => {
                shared.guard(None, || shared.tell(Update::Media(media::places())));
            }
        }
        shared.tell_home();
    }
}

fn exchange(shared: &Shared, errand: ErrandId, cancel: &Cancel) {
    let mut progress = |stage, done, of| shared.hint(Update::Progress { errand, stage, done, of });
    let operator = shared.session.operator().as_str();
    let report = sync::exchange(&shared.store, operator, shared.link, cancel, &mut progress);
    shared.set_network(meters::network(&report));
    let result = report.map(|report| sync::view(&report));
    shared.tell(Update::Synced { errand, result });
}

fn carry(shared: &Shared, errand: ErrandId, dir: &Path, cancel: &Cancel) {
    let mut progress = |stage, done, of| shared.hint(Update::Progress { errand, stage, done, of });
    let operator = shared.session.operator().as_str();
    let done = sync::carry(&shared.store, operator, dir, cancel, &mut progress);
    let result = done.map(|done| sync::carried_view(dir, &done));
    shared.tell(Update::Synced { errand, result });
}

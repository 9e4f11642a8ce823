//! Looks at the adapters: when asked, and once a second for as long as somebody keeps looking.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::Shared;
use crate::jobs::ports;
use crate::jobs::views::{PortView, Update};

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);
/// How long after the last question to go on looking; an open list asks again every few seconds.
const WATCH: Duration = Duration::from_secs(10);

/// Looks until the log-out.
pub(super) fn work(shared: &Shared, inbox: &Receiver<()>) {
    let mut watched: Option<(Instant, Vec<PortView>)> = None;
    loop {
        let asked = match &watched {
            Some((since, _)) if since.elapsed() < WATCH => inbox.recv_timeout(EVERY),
            _ => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let asked = match asked {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        shared.guard(None, || {
            let rows = ports::list();
            let known = watched.as_ref().is_some_and(|(_, known)| *known == rows);
            if asked || !known {
                shared.tell(Update::Ports { rows: rows.clone(), chosen: shared.port() });
            }
            let since = match &watched {
                Some((since, _)) if !asked => *since,
                _ => Instant::now(),
            };
            watched = Some((since, rows));
        });
    }
}

//! Looks at the adapters: when asked, and once a second for as long as somebody keeps looking.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::Shared;
use crate::jobs::opener::Opener;
use crate::jobs::ports::{SYSFS, Watch};
use crate::jobs::views::{PortView, Update};
use crate::transport::discover;

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);
/// How long after the last question to go on looking: somebody stands there and plugs adapters.
const WATCHED: Duration = Duration::from_secs(300);

/// Looks until the log-out.
pub(super) fn work(shared: &Shared, inbox: &Receiver<()>) {
    let mut watched: Option<(Instant, Vec<PortView>)> = None;
    let mut watch = Watch::default();
    loop {
        let asked = match &watched {
            Some((since, _)) if since.elapsed() < WATCHED => inbox.recv_timeout(EVERY),
            _ => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let asked = match asked {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        shared.guard(None, || {
            let rows = rows(shared.opener.as_deref(), &mut watch);
            let known = watched.as_ref().is_some_and(|(_, known)| *known == rows);
            if asked || !known {
                let opener = shared.opener.as_deref();
                let chosen =
                    shared.port().map(|port| opener.map_or(port.clone(), |o| o.now(&port)));
                shared.tell(Update::Ports { rows: rows.clone(), chosen });
            }
            let since = match &watched {
                Some((since, _)) if !asked => *since,
                _ => Instant::now(),
            };
            watched = Some((since, rows));
        });
    }
}

/// The adapters with those that something took away, then the device servers and heads used before.
fn rows(opener: Option<&Opener>, watch: &mut Watch) -> Vec<PortView> {
    let ports = opener.map_or_else(|| discover::ports(Path::new(SYSFS)), Opener::ports);
    let mut rows = watch.look_at(ports, Instant::now());
    rows.extend(opener.map(Opener::saved).unwrap_or_default());
    rows
}

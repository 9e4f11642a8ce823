//! The door: locked until somebody logs in, locked again when the session ends.
//!
//! Everything slow about a PIN happens in this thread. While it is open it is the desk, too
//! (`desk.rs`). A session ends by itself at the end of the shift, but never under a running errand:
//! then right after it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use secrecy::SecretString;

use super::works::Works;
use super::{Common, lock};
use crate::jobs::failure::fail;
use crate::jobs::session::{self, Denied, LogIn, Session};
use crate::jobs::views::{Failure, LockedView, LogOutWhy, LoggedOutWhy, Request, Update};
use crate::report::Code;
use crate::store::vault::{SecretKind, Vault};
use crate::store::{LogOut, Store};
use crate::units::OperatorId;

/// Longest wait without a look at the shift's end.
const LOOK: Duration = Duration::from_secs(15);
/// The same while the shift is over and an errand still runs.
const SOON: Duration = Duration::from_millis(100);

/// Serves requests until the engine is dropped, then logs out.
pub(super) fn work(
    common: &Arc<Common>,
    inbox: &Receiver<Request>,
    begun: Option<(Store, Session)>,
) {
    let mut door = Door { common, open: None, network_up: false, face: None };
    match begun {
        Some((store, session)) => door.open(store, session),
        None => door.locked(None),
    }
    loop {
        match inbox.recv_timeout(door.patience()) {
            Ok(request) => {
                common.guard(None, || door.serve(request));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if door.over() && !common.busy() {
            door.close(LogOut::ShiftEnd);
        }
    }
    door.close(LogOut::Ended);
}

/// The state of the door.
pub(super) struct Door<'a> {
    pub common: &'a Arc<Common>,
    pub open: Option<Works>,
    pub network_up: bool,
    /// The handheld's name, and whether its secret lies in a plain file: asked for once, for a
    /// secret in a chip takes its time.
    face: Option<(String, bool)>,
}

impl Door<'_> {
    fn serve(&mut self, request: Request) {
        match (request, &self.open) {
            (Request::LogIn { operator, pin }, None) => self.log_in(&operator, &pin),
            (Request::Recover { operator, code, pin }, None) => {
                self.recover(&operator, &code, &pin);
            }
            (_, None) => self.locked(None),
            (Request::LogOut(why), Some(_)) => self.log_out(why),
            (request, Some(_)) => self.at_desk(request),
        }
    }

    /// Whether the session has come to its end.
    fn over(&self) -> bool {
        let session = self.open.as_ref().map(|works| &works.shared.session);
        session.is_some_and(|session| session.lasts(self.common.moment()).is_err())
    }

    fn patience(&self) -> Duration {
        let Some(works) = &self.open else { return LOOK };
        let left = works.shared.session.ends().0.saturating_sub(self.common.now().0);
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        left.clamp(SOON, LOOK)
    }

    fn log_in(&mut self, operator: &str, pin: &SecretString) {
        let who = operator.trim().parse::<OperatorId>();
        // No vault has a name that is none: said like a wrong PIN, and not counted.
        let who = who.map_err(|_| Denied::from(fail(Code::PinWrong, "")));
        let begun = who.and_then(|who| {
            session::log_in(&LogIn {
                dir: &self.common.dir,
                place: &self.common.place,
                operator: &who,
                pin,
                clock: self.common.clock.as_ref(),
            })
        });
        match begun {
            Ok((store, opened, session)) => {
                if let Some(why) = &opened.read_only {
                    tracing::warn!(%why, "money is stopped");
                }
                self.open(store, session);
            }
            Err(denied) => self.locked(Some(denied)),
        }
    }

    fn open(&mut self, store: Store, session: Session) {
        *lock(&self.common.default_operator) = session.operator().to_string();
        let view = session.view();
        match Works::begin(self.common, store, session) {
            Ok(works) => {
                self.common.tell(Update::LoggedIn(Box::new(view)));
                works.shared.tell_home();
                works.verify();
                self.open = Some(works);
            }
            Err(failure) => self.locked(Some(failure.into())),
        }
    }

    /// A new PIN by a recovery code; then logged in with it.
    fn recover(&mut self, operator: &str, code: &SecretString, pin: &SecretString) {
        let Common { dir, place, clock, .. } = &**self.common;
        let who = operator.trim().parse::<OperatorId>();
        let who = who.map_err(|_| fail(Code::RecoveryWrong, operator.trim()));
        let done = who.and_then(|who| {
            session::recover(dir, place, &who, code, pin, clock.as_ref()).map_err(Failure::from)
        });
        match done {
            Ok(()) => self.log_in(operator, pin),
            Err(failure) => self.common.tell(Update::PinDone(Err(failure))),
        }
    }

    /// Tells that nobody is logged in.
    fn locked(&mut self, denied: Option<Denied>) {
        let common = self.common;
        let (device, plain_secret) = self.face.get_or_insert_with(|| face(common)).clone();
        let (wait_s, left, locked_out) = denied
            .as_ref()
            .map_or((0, None, false), |denied| (denied.wait_s, denied.left, denied.locked_out));
        common.tell(Update::Locked(LockedView {
            device,
            operator: lock(&common.default_operator).clone(),
            failure: denied.map(Failure::from),
            wait_s,
            left,
            locked_out,
            plain_secret,
            hint: common.hint.clone(),
        }));
    }

    fn log_out(&mut self, why: LogOutWhy) {
        if self.common.busy() {
            self.common.tell(Update::PinDone(Err(fail(Code::ErrandRunning, ""))));
            return;
        }
        self.close(match why {
            LogOutWhy::Asked => LogOut::Asked,
            LogOutWhy::Idle => LogOut::Idle,
        });
    }

    /// Ends the session: workers, journal, store, key.
    fn close(&mut self, why: LogOut) {
        let Some(works) = self.open.take() else { return };
        let shared = works.end();
        let operator = shared.session.operator().clone();
        let stamp = shared.moment().stamp(&operator);
        let done = session::log_out(&shared.store, &shared.session, why, &stamp);
        let shift = done.unwrap_or_else(|failure| {
            tracing::warn!(code = failure.code.as_str(), "log-out not journaled");
            session::so_far(&shared.store, &shared.session)
        });
        drop(shared);
        let why = match why {
            LogOut::Asked | LogOut::Ended => LoggedOutWhy::Asked,
            LogOut::Idle => LoggedOutWhy::Idle,
            LogOut::ShiftEnd => LoggedOutWhy::ShiftEnd,
        };
        self.common.tell(Update::LoggedOut { operator, why, shift });
        self.locked(None);
    }
}

/// What the door shows of the handheld before anybody logs in.
fn face(common: &Common) -> (String, bool) {
    let plain = match Vault::open(&common.dir, &common.place) {
        Ok(vault) => vault.kind() == SecretKind::File,
        Err(error) => {
            tracing::warn!(%error, "no vault");
            false
        }
    };
    (Vault::device_of(&common.dir).unwrap_or_default(), plain)
}

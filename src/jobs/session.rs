//! Who works with the handheld: log-in, log-out, and the shift in between.
//!
//! A PIN opens the vault, the vault's key opens the store, and the grant in the store says what may
//! be done. A log-in without a grant that counts is still possible, for reading. Nothing of a
//! session is stored but its journal entries; when it ends, the store is closed and the key wiped.

mod people;
mod shift;
mod software;

pub use people::{activate, change_own_pin, change_pin, operators, recover, supervise};
pub use shift::{log_out, so_far};

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::Line;
use super::clock::{Clock, Moment, Witnesses};
use super::failure::{self, fail};
use super::trust::{self, Granted};
use super::views::{Failure, SessionView, TrustView};
use crate::report::Code;
use crate::store::seal::StoreKey;
use crate::store::vault::{SecretPlace, SystemBoot, Unlocked, Vault, VaultError};
use crate::store::{Event, Opened, Stamp, Store};
use crate::units::{MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verb, Verbs};

/// How long a log-in without a grant that counts lasts, seconds.
pub const READER_SHIFT_S: i64 = 8 * 3_600;
/// Seconds without a key until the screen locks, where the office did not say.
pub const IDLE_S: u32 = 300;

/// Somebody is logged in.
pub struct Session {
    operator: OperatorId,
    since: Moment,
    /// The journal entry that comes after the log-in's own.
    from_seq: u64,
    ends: UnixSeconds,
    idle_s: u32,
    granted: Granted,
    /// The office's time as it was known at the log-in.
    anchor: Option<(UnixSeconds, u64)>,
    witnesses: Mutex<Witnesses>,
    /// The store's key, for log-ins of others; none where the store was opened without a vault.
    key: Option<StoreKey>,
}

impl Session {
    /// Begins a session on an open store and journals it. `failures` is how many wrong PINs came
    /// before. A journal that takes no entry does not keep anybody from reading and syncing.
    pub fn begin(store: &Store, operator: OperatorId, failures: u32, now: Moment) -> Self {
        let known = trust::read(store);
        let time = now.at.max(trust::floor(store, &known, now.boot_ms));
        let granted = trust::granted(store, &known, &operator, time);
        let counts = granted.counts().ok();
        let event = Event::LoggedIn {
            operator: operator.clone(),
            grant: counts.map_or(TokenId([0; 16]), |rights| rights.grant),
            role: granted.said.as_ref().map_or(Role::Auditor, |rights| rights.role),
            failures,
        };
        if let Err(error) = store.append(&now.stamp(&operator), event) {
            tracing::warn!(%error, "log-in not journaled");
        }
        let shift_s = counts.map_or(READER_SHIFT_S, |rights| rights.shift_s.max(0));
        let by_shift = UnixSeconds(now.at.0.saturating_add(shift_s));
        let ends = counts.map_or(by_shift, |rights| by_shift.min(rights.expires));
        let idle_s = known.status.as_ref().and_then(|status| u32::try_from(status.idle_s).ok());
        Self {
            since: now,
            from_seq: store.summary().head.seq.saturating_add(1),
            ends,
            idle_s: idle_s.filter(|seconds| *seconds > 0).unwrap_or(IDLE_S),
            granted,
            anchor: store.clock().anchor,
            witnesses: Mutex::default(),
            key: None,
            operator,
        }
    }

    /// The same with the store's key, for log-ins of others, and with the program that writes.
    pub(super) fn with_key(
        store: &Store,
        operator: OperatorId,
        key: StoreKey,
        failures: u32,
        now: Moment,
    ) -> Self {
        let digest = software::digest();
        let mut session = Self::begin(store, operator, failures, now);
        session.key = Some(key);
        software::note(store, &now.stamp(&session.operator), digest);
        session
    }

    /// Who.
    pub fn operator(&self) -> &OperatorId {
        &self.operator
    }

    /// When the log-in was, by the handheld's clock.
    pub fn since(&self) -> UnixSeconds {
        self.since.at
    }

    /// When the log-in ends by itself.
    pub fn ends(&self) -> UnixSeconds {
        self.ends
    }

    /// Whether the log-in still lasts; a clock that is set back does not make it longer.
    ///
    /// # Errors
    /// [`Code::ShiftOver`].
    pub fn lasts(&self, now: Moment) -> Result<(), Failure> {
        let passed = now.boot_ms.saturating_sub(self.since.boot_ms) / 1_000;
        let whole = self.ends.0.saturating_sub(self.since.at.0);
        let worked_off = i64::try_from(passed).unwrap_or(i64::MAX) >= whole;
        if now.at >= self.ends || worked_off {
            return Err(fail(Code::ShiftOver, self.operator.as_str()));
        }
        Ok(())
    }

    /// May something be done that is not tied to a meter?
    ///
    /// # Errors
    /// The shift's, the grant's, [`Code::RoleForbids`].
    pub fn may(&self, store: &Store, verb: Verb, now: Moment) -> Result<(), Failure> {
        self.lasts(now)?;
        let stand = trust::stand(store, self, &trust::read(store), now);
        let rights = stand.granted.counts();
        super::rights::may(rights.as_ref().copied(), verb, None, || None).map(drop)
    }

    /// For a screen.
    pub fn view(&self) -> SessionView {
        let said = self.granted.said.as_ref();
        let fault = self.granted.counts().err();
        let verbs = self.granted.counts().map_or(Verbs::of(&[Verb::Read]), |rights| rights.verbs);
        SessionView {
            operator: self.operator.clone(),
            name: said.map(|rights| rights.name.clone()).unwrap_or_default(),
            role: said.map_or(Role::Auditor, |rights| rights.role),
            verbs,
            areas: said.map(|rights| rights.areas.clone()).unwrap_or_default(),
            ends: self.ends,
            idle_s: self.idle_s,
            grant: fault,
        }
    }

    /// Notes what a meter's clock showed, in its civil time: a witness of the time.
    pub fn heard(&self, line: &Line<'_>, meter: MeterNo, civil: Option<UnixSeconds>) {
        let Some(civil) = civil else { return };
        let tick = line.link.now();
        let offset = line.clock.offset_s(line.clock.now(tick));
        let shown = UnixSeconds(civil.0.saturating_sub(offset));
        let mut witnesses = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner);
        witnesses.hear(meter, shown, line.clock.boot_ms(tick));
    }

    /// Whether the office told its time in this session: a better witness than any meter.
    pub(super) fn told(&self, store: &Store) -> bool {
        store.clock().anchor != self.anchor
    }

    /// The time beyond the floor that meters agree on.
    pub(super) fn witnessed(&self, floor: UnixSeconds, boot_ms: u64) -> Option<UnixSeconds> {
        let witnesses = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner);
        witnesses.beyond(floor, boot_ms)
    }
}

/// A log-in.
pub struct LogIn<'a> {
    /// The store's folder.
    pub dir: &'a Path,
    /// Where the device's secret is.
    pub place: &'a SecretPlace,
    /// Who.
    pub operator: &'a OperatorId,
    /// The PIN.
    pub pin: &'a SecretString,
    /// What time it is.
    pub clock: &'a dyn Clock,
}

/// A log-in that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub failure: Failure,
    /// Seconds until the next attempt is looked at.
    pub wait_s: u32,
    /// Attempts left before the log-in is locked, where that is known.
    pub left: Option<u32>,
    /// Only a supervisor or a recovery code helps.
    pub locked_out: bool,
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        let locked_out = failure.code == Code::PinLocked;
        Self { failure, wait_s: 0, left: None, locked_out }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        denied.failure
    }
}

impl From<VaultError> for Denied {
    fn from(error: VaultError) -> Self {
        let (left, wait) = match &error {
            VaultError::Wrong { left, wait_s } => (Some(*left), *wait_s),
            VaultError::Wait { seconds } => (None, *seconds),
            VaultError::WrongCode { wait_s } => (None, *wait_s),
            _ => (None, 0),
        };
        let wait_s = u32::try_from(wait).unwrap_or(u32::MAX);
        Self { left, wait_s, ..failure::vault(&error).into() }
    }
}

/// Logs in: PIN, vault, store, grant, in that order; journaled.
///
/// # Errors
/// [`Denied`]: wrong PIN, a wait, a lock-out, no device secret; codes of the store area.
pub fn log_in(ask: &LogIn<'_>) -> Result<(Store, Opened, Session), Denied> {
    // The program's digest is made while the PIN is being worked on; once in a process.
    let _digest = software::digest();
    let vault = Vault::open(ask.dir, ask.place)?;
    let unlocked = vault.unlock(ask.operator, ask.pin, &SystemBoot)?;
    let opened = Store::open(ask.dir, &unlocked.key);
    let (store, opened) = opened.map_err(|error| failure::store(&error))?;
    let now = Moment::of(ask.clock);
    let Unlocked { key, failures } = unlocked;
    let session = Session::with_key(&store, ask.operator.clone(), key, failures, now);
    Ok((store, opened, session))
}

/// Trust and limits, for a screen or a command.
pub fn trust(store: &Store, session: &Session, stamp: &Stamp) -> TrustView {
    trust::view(store, session, Moment::when(stamp))
}

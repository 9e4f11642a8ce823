//! What the store holds of the office's trust, read and verified: keys, status, grants, time; and
//! what [`standing`] makes of it.
//!
//! Everything here is verified anew from signed documents each time it is asked for: a file that
//! was changed under a running program, a grant revoked by the last sync, count at once.

use std::cmp::max;

use meterkit_tokens::{Authority, Grant, Keyring, Override, Status, TokenError};

use super::clock::{self, Moment};
use super::failure::{self, fail};
use super::rights::Rights;
use super::session::Session;
use super::standing::{self, Ground, Term, Word};
use super::views::{Failure, Standing, TrustView};
use crate::report::Code;
use crate::store::event::DocKind;
use crate::store::{OverrideRow, Store};
use crate::sync::client;
use crate::units::{
    Cap, Caps, DeviceId, Exposure, MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verb, Verbs,
};

/// Whom this handheld trusts, as far as its documents hold.
pub struct Trust {
    /// Whose handheld it is.
    pub tenant: String,
    /// Its name.
    pub device: DeviceId,
    /// The keys of the office; none at all when the documents do not hold.
    pub keys: Keyring,
    /// The newest status, if it is there and holds.
    pub status: Option<Status>,
    pub(super) root: Term,
    pub(super) keyset: Term,
    broken: Vec<Failure>,
}

/// Reads whom this handheld trusts. What does not hold is missing in it, and money stops.
pub fn read(store: &Store) -> Trust {
    let identity = store.identity();
    let mut trust = Trust {
        tenant: identity.tenant.clone(),
        device: identity.device.clone(),
        keys: Keyring::default(),
        status: None,
        // Without documents there is nothing to expire; `broken` says what is the matter.
        root: Term { version: u64::MAX, expires: UnixSeconds(i64::MAX) },
        keyset: Term { version: u64::MAX, expires: UnixSeconds(i64::MAX) },
        broken: Vec::new(),
    };
    match client::authority(store) {
        Ok(authority) => trust.take(&authority),
        Err(error) => trust.broken.push(failure::sync(&error)),
    }
    match store.document(DocKind::Status) {
        Ok(Some((version, bytes))) => trust.take_status(version, &bytes),
        Ok(None) => {}
        Err(error) => trust.broken.push(failure::store(&error)),
    }
    trust
}

impl Trust {
    fn take(&mut self, authority: &Authority) {
        let (root, keyset) = (&authority.root, &authority.keyset);
        self.root = Term { version: root.version, expires: UnixSeconds(root.expires) };
        self.keyset = Term { version: keyset.version, expires: UnixSeconds(keyset.expires) };
        self.keys = authority.keyring();
    }

    fn take_status(&mut self, version: u64, bytes: &[u8]) {
        let device = self.device.as_str();
        match Status::verify(bytes, &self.tenant, device, &self.keys) {
            Ok(status) if status.version == version => self.status = Some(status),
            Ok(status) => {
                let detail = format!("status v{} < v{version}", status.version);
                self.broken.push(fail(Code::DocumentBack, detail));
            }
            // Its key was revoked or rotated away: as if there were none. The next sync brings one.
            Err(error) => {
                tracing::warn!(reason = error.reason(), "the status does not hold any more");
            }
        }
    }

    /// The limits of this handheld by the office's policy; without one nothing is allowed.
    pub fn caps(&self) -> Caps {
        self.status.as_ref().map_or(NOTHING, |status| caps(&status.caps))
    }

    /// Whether the office revoked something, by the newest status.
    pub fn revoked(&self, store: &Store, id: TokenId) -> bool {
        let said = self.status.as_ref().is_some_and(|status| status.revoked.contains(&id.0));
        said || store.revoked(id)
    }
}

/// No limit is met by any act.
const NOTHING: Caps = {
    let cap = Cap { soft: 0, hard: 0 };
    Caps { acts: cap, yuan: cap, kwh: cap, age_s: cap }
};

/// Limits of a signed document.
fn caps(signed: &meterkit_tokens::Caps) -> Caps {
    let cap = |[soft, hard]: [i64; 2]| Cap { soft, hard };
    Caps {
        acts: cap(signed.acts),
        yuan: cap(signed.yuan),
        kwh: cap(signed.kwh),
        age_s: cap(signed.age_s),
    }
}

/// The time that has surely come, by what the journal and the documents know.
pub fn floor(store: &Store, trust: &Trust, boot_ms: u64) -> UnixSeconds {
    let issued = trust.status.as_ref().map_or(UnixSeconds(0), |status| UnixSeconds(status.issued));
    max(clock::floor(&store.clock(), boot_ms), issued)
}

/// What the clock shows, set right by what the office told in this session, and the trusted floor
/// with the meters read in it. A clock that was behind when the office told its time stays as far
/// behind; one that is set back afterwards is found out all the same.
fn times(
    store: &Store,
    session: &Session,
    trust: &Trust,
    now: Moment,
) -> (UnixSeconds, UnixSeconds) {
    let floor = floor(store, trust, now.boot_ms);
    if session.told(store) {
        let slow =
            |(server, at, _): (UnixSeconds, UnixSeconds, u64)| server.0.saturating_sub(at.0).max(0);
        let slow = store.summary().anchor.map_or(0, slow);
        return (UnixSeconds(now.at.0.saturating_add(slow)), floor);
    }
    (now.at, session.witnessed(floor, now.boot_ms).unwrap_or(floor))
}

/// All that the standing depends on, at a moment. `used` is the exposure of the handheld and of
/// the operator.
fn ground(
    store: &Store,
    session: &Session,
    trust: &Trust,
    now: Moment,
    used: &[(Exposure, Caps); 2],
) -> Ground {
    let (shown, floor) = times(store, session, trust, now);
    let time = max(shown, floor);
    let [(device, caps), (own, own_caps)] = used;
    let mut near = standing::near(trust.device.as_str(), device, caps, time);
    near.extend(standing::near(session.operator().as_str(), own, own_caps, time));
    Ground {
        now: time,
        behind_s: clock::behind(shown, floor),
        root: trust.root,
        keyset: trust.keyset,
        status: trust.status.as_ref().map(|status| Word {
            not_before: UnixSeconds(status.not_before),
            expires: UnixSeconds(status.expires),
            grace_s: status.grace_s,
            root: status.root,
            keyset: status.keyset,
        }),
        broken: trust.broken.clone(),
        near,
    }
}

/// How things stand at a moment.
pub struct Stand {
    /// The step.
    pub standing: Standing,
    /// Why it is not better, gravest first.
    pub reasons: Vec<Failure>,
    /// The time to judge by: the later of the clock and the trusted floor.
    pub now: UnixSeconds,
    /// The operator's grant.
    pub granted: Granted,
    /// Unacknowledged acts of the handheld, and its limits.
    pub device: (Exposure, Caps),
    /// The same of the operator.
    pub operator: (Exposure, Caps),
}

/// Judges how things stand.
pub fn stand(store: &Store, session: &Session, trust: &Trust, now: Moment) -> Stand {
    let (shown, floor) = times(store, session, trust, now);
    let time = max(shown, floor);
    let operator = session.operator();
    let granted = granted(store, trust, operator, time);
    let own_caps = granted.counts().map_or(NOTHING, |rights| rights.caps);
    let used =
        [(store.exposure(None), trust.caps()), (store.exposure(Some(operator.as_str())), own_caps)];
    let (standing, reasons) = standing::standing(&ground(store, session, trust, now, &used));
    let [device, operator] = used;
    Stand { standing, reasons, now: time, granted, device, operator }
}

/// Trust and limits for a screen.
pub fn view(store: &Store, session: &Session, now: Moment) -> TrustView {
    let trust = read(store);
    let stand = stand(store, session, &trust, now);
    TrustView {
        standing: stand.standing,
        reasons: stand.reasons,
        status_until: trust.status.map(|status| UnixSeconds(status.expires)),
        device: stand.device,
        operator: stand.operator,
    }
}

/// An operator's grant, and whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What it says, if there is one that the office signed for this handheld.
    pub said: Option<Rights>,
    /// Why it does not count.
    pub fault: Option<Failure>,
}

impl Granted {
    /// The rights that count.
    ///
    /// # Errors
    /// Why there are none.
    pub fn counts(&self) -> Result<&Rights, Failure> {
        match (&self.said, &self.fault) {
            (Some(rights), None) => Ok(rights),
            (_, Some(fault)) => Err(fault.clone()),
            (None, None) => Err(fail(Code::NoGrant, "")),
        }
    }
}

/// Looks an operator's grant up and verifies it, at a moment.
pub fn granted(store: &Store, trust: &Trust, operator: &OperatorId, now: UnixSeconds) -> Granted {
    let none = |fault| Granted { said: None, fault: Some(fault) };
    let Some(row) = store.grant(operator) else {
        return none(fail(Code::NoGrant, operator.as_str()));
    };
    let grant = match Grant::verify(&row.bytes, &trust.tenant, &trust.keys) {
        Ok(grant) => grant,
        Err(error) => return none(misfit(&error)),
    };
    let fits = grant.operator == operator.as_str() && grant.id == row.id.0;
    let Some(said) = rights(&grant, operator).filter(|_| fits) else {
        return none(fail(Code::NoGrant, operator.as_str()));
    };
    let fault = if row.revoked || trust.revoked(store, row.id) {
        Some(fail(Code::GrantRevoked, row.id.to_string()))
    } else {
        grant.check_use(trust.device.as_str(), now.0).err().map(|error| misfit(&error))
    };
    Granted { said: Some(said), fault }
}

/// Why a grant does not count.
fn misfit(error: &TokenError) -> Failure {
    let code = match error {
        TokenError::Expired => Code::GrantExpired,
        TokenError::NotYet => Code::GrantNotYet,
        TokenError::KeyRevoked(_) => Code::GrantRevoked,
        _ => Code::NoGrant,
    };
    fail(code, error.reason())
}

/// What a grant gives; `None` where it speaks of a role or an act this program does not know.
fn rights(grant: &Grant, operator: &OperatorId) -> Option<Rights> {
    let role = Role::from_number(i64::from(grant.role))?;
    let meters: Option<Vec<MeterNo>> =
        grant.meters.iter().map(|bcd| MeterNo::from_bcd(*bcd)).collect();
    Some(Rights {
        grant: TokenId(grant.id),
        operator: operator.clone(),
        name: grant.name.clone(),
        role,
        verbs: Verbs::from_bits(grant.verbs)?.and(role.verbs()),
        areas: grant.areas.clone(),
        meters: meters?,
        caps: caps(&grant.caps),
        shift_s: grant.shift_s,
        expires: UnixSeconds(grant.expires),
    })
}

/// An override that is good for one act of this operator on this meter now.
pub fn find_override(
    store: &Store,
    trust: &Trust,
    operator: &OperatorId,
    (verb, meter): (Verb, MeterNo),
    now: UnixSeconds,
) -> Option<TokenId> {
    let good = |row: &OverrideRow| {
        let Ok(held) = Override::verify(&row.bytes, &trust.tenant, &trust.keys) else {
            return false;
        };
        let (device, who) = (trust.device.as_str(), operator.as_str());
        let fits = held.id == row.id.0 && held.verbs & Verbs::of(&[verb]).bits() != 0;
        fits && held.check_use(device, who, meter.bcd(), now.0).is_ok()
    };
    let unspent = |row: &OverrideRow| !row.used && !row.revoked && !trust.revoked(store, row.id);
    let rows = store.overrides(operator, meter);
    rows.into_iter().find(|row| unspent(row) && good(row)).map(|row| row.id)
}

//! Enrolling this handheld at its office.
//!
//! The order makes it resumable: first the vault with the PIN of one operator and the office's
//! recovery codes, then the office, then the store. Cut short anywhere, the same file, operator and
//! PIN go on where it stopped.

use std::path::Path;

use meterkit_tokens::Grant;
use secrecy::SecretString;

use super::clock::{Clock, Moment};
use super::failure::{self, fail};
use super::session::Session;
use super::views::Failure;
use crate::report::Code;
use crate::store::vault::{Cost, SecretPlace, SystemBoot, Vault};
use crate::store::{Event, Store, StoreKey};
use crate::sync::enrol::{self, Enrolling};
use crate::sync::post::{Http, Post, Timeouts};
use crate::units::{OperatorId, Role};

/// An enrolment.
pub struct Enrol<'a> {
    /// The store's folder.
    pub dir: &'a Path,
    /// Where the device's secret shall be.
    pub place: &'a SecretPlace,
    /// What a PIN costs to try: [`Cost::FIELD`].
    pub cost: Cost,
    /// The office's file, read with [`read`]; a person has compared its fingerprint.
    pub file: &'a Enrolling,
    /// Which of the operators it names is here.
    pub operator: &'a OperatorId,
    /// The PIN this operator chooses.
    pub pin: &'a SecretString,
    /// What time it is.
    pub clock: &'a dyn Clock,
}

/// Reads an enrolment file and checks all of it.
///
/// # Errors
/// [`Code::File`] with what does not hold.
pub fn read(bytes: &[u8]) -> Result<Enrolling, Failure> {
    Enrolling::read(bytes).map_err(|error| failure::sync(&error))
}

/// Enrols over the network.
///
/// # Errors
/// [`Code::NoGrant`], [`Code::PinWeak`], [`Code::AlreadyEnrolled`]; codes of vault, store, office.
pub fn enrol(ask: &Enrol<'_>) -> Result<(Store, Session), Failure> {
    let trust = ask.file.trust(Moment::of(ask.clock).at);
    let post = Http::new(&ask.file.file.url, &trust, Timeouts::default())
        .map_err(|error| failure::sync(&error))?;
    enrol_over(ask, &post)
}

/// The same over any way to the office: the demo has it in the same process.
///
/// # Errors
/// As [`enrol()`].
pub fn enrol_over(ask: &Enrol<'_>, post: &dyn Post) -> Result<(Store, Session), Failure> {
    let now = Moment::of(ask.clock);
    let stamp = now.stamp(ask.operator);
    let grant = granted(ask, now)?;
    enrol::make_way(ask.dir, ask.file, life(ask)).map_err(|error| failure::sync(&error))?;
    let (vault, key) = vault(ask, grant)?;
    let recovery = &ask.file.file.recovery;
    vault.add_recovery(&key, recovery).map_err(|error| failure::vault(&error))?;
    let store = enrol::enrol_over(ask.dir, &key, ask.file, &stamp, post)
        .map_err(|error| failure::sync(&error))?;
    let event = Event::PinSet { operator: ask.operator.clone(), how: "set".to_owned() };
    store.append(&stamp, event).map_err(|error| failure::store(&error))?;
    let session = Session::with_key(&store, ask.operator.clone(), key, 0, now);
    Ok((store, session))
}

/// The grant of the operator who is here.
fn granted<'a>(ask: &Enrol<'a>, now: Moment) -> Result<&'a Grant, Failure> {
    let none = |detail: &str| fail(Code::NoGrant, format!("{}{detail}", ask.operator));
    let grants = ask.file.grants().iter();
    let mut grants = grants.filter(|grant| grant.operator == ask.operator.as_str());
    let grant = grants.next().ok_or_else(|| none(""))?;
    let (device, time) = (ask.file.file.device.as_str(), ask.file.trust(now.at).now);
    grant.check_use(device, time.0).map_err(|error| none(&format!(": {}", error.reason())))?;
    Ok(grant)
}

/// The journal epoch of the store that lies here already, if this PIN opens it.
fn life(ask: &Enrol<'_>) -> Option<u32> {
    if !Store::exists(ask.dir) {
        return None;
    }
    let vault = Vault::open(ask.dir, ask.place).ok()?;
    let unlocked = vault.unlock(ask.operator, ask.pin, &SystemBoot).ok()?;
    let (store, _) = Store::open(ask.dir, &unlocked.key).ok()?;
    Some(store.identity().epoch)
}

/// The vault of an enrolment that was cut short, or a new one with the first PIN.
fn vault(ask: &Enrol<'_>, grant: &Grant) -> Result<(Vault, StoreKey), Failure> {
    let failed = |error| failure::vault(&error);
    if Vault::exists(ask.dir) {
        let vault = Vault::open(ask.dir, ask.place).map_err(failed)?;
        let unlocked = vault.unlock(ask.operator, ask.pin, &SystemBoot).map_err(failed)?;
        return Ok((vault, unlocked.key));
    }
    let device = &ask.file.file.device;
    let (vault, key) = Vault::create(ask.dir, device, ask.place, ask.cost).map_err(failed)?;
    let strict = grant.role == Role::Supervisor.number();
    vault.set_pin(&key, ask.operator, ask.pin, strict).map_err(failed)?;
    Ok((vault, key))
}

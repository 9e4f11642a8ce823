//! Log-ins of people: the first one with the office's code, new PINs, lost PINs, and what a
//! supervisor does. Each is journaled.

use std::path::Path;

use meterkit_tokens::{Grant, activation};
use secrecy::{ExposeSecret, SecretString};

use super::{Denied, Session};
use crate::jobs::clock::{Clock, Moment};
use crate::jobs::failure::{self, fail};
use crate::jobs::trust;
use crate::jobs::views::{Failure, OperatorView, SuperviseAct};
use crate::report::Code;
use crate::store::seal::StoreKey;
use crate::store::vault::{SecretPlace, SystemBoot, Vault, VaultError, pin};
use crate::store::{Event, GrantRow, Stamp, Store};
use crate::units::{OperatorId, Role, Verb};

/// Who has a grant on this handheld, and who can log in.
///
/// # Errors
/// The vault's.
pub fn operators(
    store: &Store,
    dir: &Path,
    place: &SecretPlace,
) -> Result<Vec<OperatorView>, Failure> {
    let vault = Vault::open(dir, place).map_err(|error| failure::vault(&error))?;
    let known = trust::read(store);
    let told = |said: Result<bool, _>| said.map_err(|error| failure::vault(&error));
    let row = |(operator, row): (OperatorId, GrantRow)| {
        let granted = trust::granted(store, &known, &operator, row.issued);
        let said = granted.said;
        Ok(OperatorView {
            name: said.as_ref().map(|rights| rights.name.clone()).unwrap_or_default(),
            role: said.map_or(Role::Auditor, |rights| rights.role),
            expires: row.expires,
            active: told(vault.has(&operator))?,
            locked: told(vault.locked(&operator))?,
            operator,
        })
    };
    store.grants().into_iter().map(row).collect()
}

/// Somebody's first log-in: the code the office gave with the grant, and a PIN of the person's own.
/// Somebody else is logged in, for the key of the store.
///
/// # Errors
/// [`Code::NoGrant`] and its kin; [`Code::ActivationWrong`]; [`Code::PinWeak`]; the vault's.
#[allow(clippy::too_many_arguments, reason = "each is needed and none belongs to another")]
pub fn activate(
    store: &Store,
    session: &Session,
    dir: &Path,
    place: &SecretPlace,
    operator: &OperatorId,
    code: &SecretString,
    pin: &SecretString,
    stamp: &Stamp,
) -> Result<(), Failure> {
    let now = Moment::when(stamp);
    session.lasts(now)?;
    let known = trust::read(store);
    let time = trust::stand(store, session, &known, now).now;
    let granted = trust::granted(store, &known, operator, time);
    let rights = granted.counts()?;
    let row = store.grant(operator).ok_or_else(|| fail(Code::NoGrant, operator.as_str()))?;
    let grant = Grant::verify(&row.bytes, &known.tenant, &known.keys)
        .map_err(|error| failure::token(&error))?;
    let vault = Vault::open(dir, place).map_err(|error| failure::vault(&error))?;
    // A code that was used once does not set a second PIN: a supervisor removes the first.
    let right = activation(&grant.id, code.expose_secret()) == grant.activation;
    if !right || has(&vault, operator)? {
        return Err(fail(Code::ActivationWrong, operator.as_str()));
    }
    set(&vault, key(session)?, operator, pin, rights.role)?;
    journal(store, stamp, operator, "set")
}

/// Changes the PIN of whoever is logged in.
///
/// # Errors
/// A wrong old PIN counts as a wrong try; [`Code::PinWeak`]; the vault's.
pub fn change_own_pin(
    store: &Store,
    session: &Session,
    (dir, place): (&Path, &SecretPlace),
    old: &SecretString,
    new: &SecretString,
    stamp: &Stamp,
) -> Result<(), Failure> {
    let vault = Vault::open(dir, place).map_err(|error| failure::vault(&error))?;
    let (operator, strict) = (session.operator(), session.view().role == Role::Supervisor);
    vault
        .change_pin(operator, old, new, strict, &SystemBoot)
        .map_err(|error| failure::vault(&error))?;
    journal(store, stamp, operator, "changed")
}

/// Changes somebody's own PIN while nobody is logged in.
///
/// # Errors
/// As a log-in; [`Code::PinWeak`].
pub fn change_pin(
    dir: &Path,
    place: &SecretPlace,
    operator: &OperatorId,
    old: &SecretString,
    new: &SecretString,
    clock: &dyn Clock,
) -> Result<(), Denied> {
    let vault = Vault::open(dir, place)?;
    let unlocked = vault.unlock(operator, old, &SystemBoot)?;
    let (store, _) = Store::open(dir, &unlocked.key).map_err(|error| failure::store(&error))?;
    let now = Moment::of(clock);
    set(&vault, &unlocked.key, operator, new, role(&store, operator, now))?;
    Ok(journal(&store, &now.stamp(operator), operator, "changed")?)
}

/// A new PIN with a recovery code of the office; each code serves once. It ends a lock-out too. The
/// PIN must be good enough for a supervisor, whoever it is: that is checked before the code is used
/// up, and only then the store tells roles.
///
/// # Errors
/// [`Code::RecoveryWrong`], for somebody who never could log in here too: before a log-in nobody
/// learns who has one; [`Code::PinWeak`]; the vault's and the store's.
pub fn recover(
    dir: &Path,
    place: &SecretPlace,
    operator: &OperatorId,
    code: &SecretString,
    new: &SecretString,
    clock: &dyn Clock,
) -> Result<(), Denied> {
    let vault = Vault::open(dir, place)?;
    if !has(&vault, operator)? {
        return Err(fail(Code::RecoveryWrong, "").into());
    }
    pin::check(operator, new, true).map_err(VaultError::WeakPin)?;
    let key = vault.recover(code, &SystemBoot)?;
    let (store, _) = Store::open(dir, &key).map_err(|error| failure::store(&error))?;
    let now = Moment::of(clock);
    set(&vault, &key, operator, new, Role::Supervisor)?;
    Ok(journal(&store, &now.stamp(operator), operator, "recovered")?)
}

/// What a supervisor does with somebody's log-in.
///
/// # Errors
/// [`Code::RoleForbids`], for one's own log-in too; [`Code::NoGrant`] for somebody who has none.
pub fn supervise(
    store: &Store,
    session: &Session,
    dir: &Path,
    place: &SecretPlace,
    operator: &OperatorId,
    act: SuperviseAct,
    stamp: &Stamp,
) -> Result<(), Failure> {
    session.may(store, Verb::Supervise, Moment::when(stamp))?;
    if operator == session.operator() {
        return Err(fail(Code::RoleForbids, operator.as_str()));
    }
    let vault = Vault::open(dir, place).map_err(|error| failure::vault(&error))?;
    let key = key(session)?;
    if !has(&vault, operator)? {
        return Err(fail(Code::NoGrant, operator.as_str()));
    }
    let (done, how) = match act {
        SuperviseAct::Remove => (vault.remove(key, operator), "removed"),
        SuperviseAct::Free => (vault.free(key, operator), "freed"),
    };
    done.map_err(|error| failure::vault(&error))?;
    journal(store, stamp, operator, how)
}

fn key(session: &Session) -> Result<&StoreKey, Failure> {
    session.key.as_ref().ok_or_else(|| fail(Code::StoreSealed, "no vault"))
}

/// The role somebody's PIN must be good enough for; the strictest where no grant tells.
fn role(store: &Store, operator: &OperatorId, now: Moment) -> Role {
    let granted = trust::granted(store, &trust::read(store), operator, now.at);
    granted.said.map_or(Role::Supervisor, |rights| rights.role)
}

fn has(vault: &Vault, operator: &OperatorId) -> Result<bool, Failure> {
    vault.has(operator).map_err(|error| failure::vault(&error))
}

/// Sets a PIN; supervisors need a longer one.
fn set(
    vault: &Vault,
    key: &StoreKey,
    operator: &OperatorId,
    pin: &SecretString,
    role: Role,
) -> Result<(), Failure> {
    let strict = role == Role::Supervisor;
    vault.set_pin(key, operator, pin, strict).map_err(|error| failure::vault(&error))
}

/// The log-in is as it is; an entry that cannot be written does not undo it.
fn journal(store: &Store, stamp: &Stamp, operator: &OperatorId, how: &str) -> Result<(), Failure> {
    let event = Event::PinSet { operator: operator.clone(), how: how.to_owned() };
    store.append(stamp, event).map(drop).map_err(|error| failure::store(&error))
}

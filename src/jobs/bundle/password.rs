//! A new password for a level of a meter: last of all, because what comes before needs the old one.
//!
//! A password cannot be read back. Whether the new one is in force is found out by changing it to
//! itself with itself, which a meter that has the old one refuses and which changes nothing.

use super::Problem;
use super::visit::Visit;
use crate::jobs::access;
use crate::jobs::ask;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::protocol::dlt645::dialogue::{Access, ChangePassword, ExchangeError};
use crate::protocol::dlt645::frame::Address;
use crate::report::Code;
use crate::units::StepState;

/// The step's name.
pub(super) const NAME: &str = "password";

/// Changes it, or finds that it is changed already.
///
/// # Errors
/// Line and journal failures; the new password is missing.
pub(super) fn change(visit: &mut Visit<'_, '_>, level: u8) -> Result<Option<Problem>, Failure> {
    let task = visit.task;
    let (Some(work), desk) = (task.work, task.site.desk) else { return Ok(None) };
    let step = desk.store.step(work, Some(visit.meter), NAME).map(|row| row.step.state);
    if step == Some(StepState::Done) {
        return Ok(None);
    }
    let profile = visit.line.profile;
    let new = access::access(profile, task.new_password, desk.session.operator().as_str())
        .map_err(|failure| fail(failure.code, NAME))?;
    let new = Access { level, ..new };
    // It may have been changed before the journal could say so.
    if step.is_some() && try_it(visit, &new, &new)? == Some(true) {
        visit.step(NAME, StepState::Done, Vec::new())?;
        return Ok(None);
    }
    visit.step(NAME, StepState::Begun, vec![("level".to_owned(), level.to_string())])?;
    let old = visit.access;
    let mut changed = try_it(visit, &old, &new)?;
    if changed.is_none() {
        changed = try_it(visit, &new, &new)?;
    }
    let (state, problem) = match changed {
        Some(true) => (StepState::Done, None),
        Some(false) => (StepState::Refused, Some(Code::ItemRefused)),
        None => (StepState::Unknown, Some(Code::ItemDiffers)),
    };
    visit.step(NAME, state, Vec::new())?;
    Ok(problem.map(|code| Problem::new(NAME, code, format!("PA {level:02}"))))
}

/// Sends one change; whether the meter took it, if it said.
fn try_it(visit: &mut Visit<'_, '_>, with: &Access, new: &Access) -> Result<Option<bool>, Failure> {
    let (address, timing) = (Address::meter(visit.meter), ask::timing(visit.line));
    let mut dialogue = ChangePassword::new(address, with, new.level, new.password, timing);
    Ok(match visit.send(&mut dialogue)? {
        Ok(_) => Some(true),
        Err(ExchangeError::Refused(_)) => Some(false),
        Err(_) => None,
    })
}

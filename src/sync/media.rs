//! A USB stick or a shared folder instead of a line to the office: take what is for us, leave what
//! the office has not acknowledged, and clear away what it has. Safe to repeat, to cut off at any
//! point, and with any number of sticks at once.

use super::client::{Letter, Progress, Session, SyncReport};
use super::error::SyncError;
use super::wire::media::{MAX_PARCEL, letter_of, parcel_of};
use super::wire::medium::{Medium, Way};
use crate::store::event::DocKind;
use std::io;
use std::path::Path;

/// What one exchange over a medium did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// What the newest parcel brought; `None` where there was none, or none that is news.
    pub taken: Option<SyncReport>,
    /// Parcels for this handheld that could not be used, and why.
    pub unread: Vec<(String, SyncError)>,
    /// Letters on the medium now.
    pub letters: u32,
    /// Journal entries in them, all that the office has not acknowledged.
    pub entries: u64,
    /// Letters that were cleared away because the office has what is in them.
    pub cleared: u32,
}

/// Exchanges files with the medium at `dir`.
///
/// # Errors
/// [`SyncError::Medium`] if it cannot be read or written (what was written is whole);
/// [`SyncError::Lies`] and [`SyncError::Refused`] for a parcel that says our journal is not what
/// the office knows: the letters were written all the same.
pub fn carry(
    session: &Session<'_>,
    dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Carried, SyncError> {
    let medium = Medium::at(dir).map_err(|error| failed(dir, &error))?;
    let mut done = Carried::default();
    progress(Progress::Hello);
    take(session, &medium, &mut done, progress).map_err(|error| in_dir(dir, error))?;
    leave(session, &medium, &mut done, progress).map_err(|error| in_dir(dir, error))?;
    Ok(done)
}

/// Why a step of it ended.
enum Failed {
    Io(io::Error),
    Sync(SyncError),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SyncError> for Failed {
    fn from(error: SyncError) -> Self {
        Self::Sync(error)
    }
}

/// The newest parcel that holds; those before it say nothing more.
fn take(
    session: &Session<'_>,
    medium: &Medium,
    done: &mut Carried,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failed> {
    let device = &session.store.identity().device;
    let names = medium.list(Way::ToDevice)?;
    let mut ours: Vec<_> =
        names.iter().filter_map(|name| Some((parcel_of(name, device)?, name))).collect();
    ours.sort();
    let have = session.store.document(DocKind::Status).ok().flatten();
    // Its name is a hint at most: it saves opening what is older.
    let known = have.map_or(0, |(version, _)| version);
    for (_, name) in ours.into_iter().rev().filter(|(version, _)| *version >= known) {
        let taken = medium.read(Way::ToDevice, name, MAX_PARCEL).map_err(|error| in_file(&error));
        match taken.and_then(|file| session.take_parcel(&file, progress)) {
            Ok(Some(report)) => {
                done.taken = Some(report);
                return Ok(());
            }
            Ok(None) => {}
            Err(error @ (SyncError::Cancelled | SyncError::Store(_))) => return Err(error.into()),
            Err(error) => done.unread.push((name.clone(), error)),
        }
    }
    Ok(())
}

/// Writes letters, and then clears away those of ours the office has no use for any more.
fn leave(
    session: &Session<'_>,
    medium: &Medium,
    done: &mut Carried,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failed> {
    let (device, unsynced) = (&session.store.identity().device, session.store.summary().unsynced);
    let mut written = Vec::new();
    let again = done.taken.as_ref().and_then(|report| report.again);
    session.letters(again, &mut |Letter { name, bytes, entries }| {
        medium.write(Way::ToOffice, &name, &bytes).map_err(|error| in_file(&error))?;
        done.letters += 1;
        done.entries += entries;
        written.push(name);
        progress(Progress::Packs(done.entries, unsynced.max(done.entries)));
        Ok(())
    })?;
    let epoch = session.store.summary().head.epoch;
    for name in medium.list(Way::ToOffice)? {
        // A letter of an earlier life may hold what nobody else has.
        let stale = letter_of(&name, device).is_some_and(|(life, ..)| life == epoch);
        if stale && !written.contains(&name) {
            medium.remove(Way::ToOffice, &name)?;
            done.cleared += 1;
        }
    }
    Ok(())
}

fn failed(dir: &Path, error: &io::Error) -> SyncError {
    SyncError::Medium(format!("{}: {error}", dir.display()))
}

fn in_file(error: &io::Error) -> SyncError {
    SyncError::Medium(error.to_string())
}

fn in_dir(dir: &Path, error: Failed) -> SyncError {
    match error {
        Failed::Io(error) => failed(dir, &error),
        Failed::Sync(SyncError::Medium(why)) => {
            SyncError::Medium(format!("{}: {why}", dir.display()))
        }
        Failed::Sync(error) => error,
    }
}

//! One program at a time on a line that the system does not lock for us: a device server may let
//! two clients in, and a Bluetooth head may be shared without a word.
//!
//! A file per line in a folder of this user, locked as long as the line is open; the system lets go
//! of it with the process. The file itself stays and means nothing.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::echo::Habit;
use super::{LineSettings, Link, LinkError, Timing};

/// A lock on one line; dropping it gives the line free.
#[derive(Debug)]
pub struct LineLock {
    _file: File,
}

impl LineLock {
    /// Locks the line that `key` names, for this user's programs. `None` where there is no folder
    /// to keep locks in: that must not keep anybody from reading a meter.
    ///
    /// # Errors
    /// [`LinkError::Busy`] when another program, or another line of this one, has it.
    pub fn take(key: &str) -> Result<Option<LineLock>, LinkError> {
        match folder() {
            Some(folder) => LineLock::take_in(&folder, key),
            None => Ok(None),
        }
    }

    /// [`LineLock::take`] with a folder of your own.
    ///
    /// # Errors
    /// As there.
    pub fn take_in(folder: &Path, key: &str) -> Result<Option<LineLock>, LinkError> {
        let path = folder.join(format!("{:016x}.lock", hash(key)));
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags)
            .open(path);
        let Ok(file) = file else { return Ok(None) };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(LineLock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LinkError::Busy(key.to_owned())),
            // A file system without locks.
            Err(_) => Ok(None),
        }
    }
}

/// A link that keeps its lock as long as it lives.
#[derive(Debug)]
struct Locked<L> {
    link: L,
    _lock: LineLock,
}

/// `link` with its lock, if there is one.
pub(super) fn locked<L: Link + 'static>(link: L, lock: Option<LineLock>) -> Box<dyn Link> {
    match lock {
        Some(_lock) => Box::new(Locked { link, _lock }),
        None => Box::new(link),
    }
}

impl<L: Link> Link for Locked<L> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.link.send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.link.recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        self.link.tune(settings)
    }

    fn echo(&self) -> Habit {
        self.link.echo()
    }
}

/// The folder of this user's locks, made if need be. One that somebody else could write to is not
/// used.
fn folder() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let path = match runtime.filter(|path| path.is_absolute()) {
        Some(runtime) => runtime.join("meterkit"),
        None => std::env::temp_dir().join(format!("meterkit-{user}")),
    };
    // There already, mostly.
    let _ = DirBuilder::new().mode(0o700).create(&path);
    let about = std::fs::symlink_metadata(&path).ok()?;
    (about.is_dir() && about.uid() == user && about.mode() & 0o022 == 0).then_some(path)
}

/// FNV-1a, 64 bits: the same in every version of the program.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_had_once_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let take = |key: &str| LineLock::take_in(folder.path(), key);
        let first = take("10.0.0.7:4001").unwrap();
        assert!(first.is_some());
        assert_eq!(take("10.0.0.7:4001").map(|_| ()), Err(LinkError::Busy("10.0.0.7:4001".into())));
        assert!(take("10.0.0.7:4002").unwrap().is_some());
        drop(first);
        assert!(take("10.0.0.7:4001").unwrap().is_some());
    }

    #[test]
    fn without_a_folder_there_is_no_lock_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("gone");
        assert!(LineLock::take_in(&nowhere, "x").unwrap().is_none());
        // A link planted where the lock should be is not followed.
        let target = folder.path().join("target");
        let planted = folder.path().join(format!("{:016x}.lock", hash("x")));
        std::os::unix::fs::symlink(&target, planted).unwrap();
        assert!(LineLock::take_in(folder.path(), "x").unwrap().is_none());
        assert!(!target.exists());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash("foobar"), 0x8594_4171_F739_67E8);
    }
}

//! The narrow door to the file system: everything durable goes through it.
//!
//! There is one real disk. The door exists so that a test can stand behind it and cut the power,
//! fill the disk or fail a flush at every single step (`tests/it/crash.rs`); the index is not
//! behind it, because nothing depends on the index being durable.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// An open file. Positions are given with every call: nothing has a cursor, any thread may read.
pub trait DiskFile: Send + Sync + Debug {
    /// Reads up to `buffer.len()` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Whatever the system says; part of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Forces contents and length through every cache (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the system says. After an error nothing is known about what is on the disk.
    fn sync(&self) -> io::Result<()>;
    /// The file's length.
    ///
    /// # Errors
    /// Whatever the system says.
    fn size(&self) -> io::Result<u64>;
    /// Makes the file `bytes` long, zeros, with its space taken, as far as the file system can.
    ///
    /// # Errors
    /// `StorageFull` when there is no room.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
}

/// A file system.
pub trait Disk: Send + Sync + Debug {
    /// Makes a new, empty file, readable by its owner alone; replaces one that is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file, for writing too where the system allows it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Renames over whatever is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Forces a folder's entries to disk.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it; fine if it is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Names of the files in a folder, sorted.
    ///
    /// # Errors
    /// Whatever the system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Takes a lock that goes with the process, writing its id into the file. `None` if another
    /// has it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;
    /// Bytes this user may still write to the file system of a folder.
    ///
    /// # Errors
    /// Whatever the system says.
    fn free(&self, path: &Path) -> io::Result<u64>;
}

/// A lock; let go when dropped.
pub type DiskLock = Box<dyn Send + Sync>;

/// Reads a whole file, refusing more than `limit` bytes.
///
/// # Errors
/// Whatever the system says; `FileTooLarge` beyond the limit.
pub fn read_all(disk: &dyn Disk, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
    if size > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; size];
    let got = read_full(&*file, &mut bytes, 0)?;
    bytes.truncate(got);
    Ok(bytes)
}

/// Reads until the buffer is full or the file ends; returns how much.
///
/// # Errors
/// Whatever the system says.
pub fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// Replaces a file so that after a crash either the old or the new contents are there, whole.
///
/// # Errors
/// Whatever the system says; the old contents are then still there.
pub fn replace(disk: &dyn Disk, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temp = folder.join(format!("{name}.tmp"));
    let written = (|| {
        let file = disk.create(&temp)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        disk.rename(&temp, &folder.join(name))
    })();
    if let Err(e) = written {
        // The leftover is only a temporary file; it is overwritten by the next attempt.
        let _ = disk.remove(&temp);
        return Err(e);
    }
    disk.sync_dir(folder)
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let wrote = std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)?;
            bytes = &bytes[wrote..];
            offset += wrote as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            match fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
                Ok(()) => {}
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
                Err(e) => return Err(e.into()),
            }
        }
        // Zeros are written as well: a first write into space that is only reserved changes the
        // file's extents, so that a later fdatasync would have to force those out too.
        let block = [0u8; 64 * 1024];
        let mut at = 0;
        while at < bytes {
            let size = usize::try_from(bytes - at).unwrap_or(block.len()).min(block.len());
            self.write_at(&block[..size], at)?;
            at += size as u64;
        }
        Ok(())
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            // A read-only file system must not stop anybody from reading the journal.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                File::open(path)?
            }
            other => other?,
        };
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Windows cannot open a folder as a file; there a rename is durable by itself.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The number is for the message to the next one only; the lock holds without it.
        let _ = file.set_len(0);
        let file = RealFile(file);
        let _ = file.write_at(std::process::id().to_string().as_bytes(), 0);
        Ok(Some(Box::new(Held(file))))
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        #[cfg(unix)]
        {
            let info = rustix::fs::statvfs(path)?;
            Ok(info.f_bavail.saturating_mul(info.f_frsize))
        }
        #[cfg(not(unix))]
        {
            let _ = path;
            Ok(u64::MAX)
        }
    }
}

/// A lock that is held. Given up by a word of its own and not by closing the file: a child that is
/// just being started has a copy of it until it runs its program, and would keep the lock so long.
struct Held(RealFile);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.0.unlock();
    }
}

/// Whether an error means that there is no room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_given_up_whoever_has_a_copy_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = || RealDisk.lock(&path).unwrap();
        let held = RealFile(File::create(&path).unwrap());
        held.0.lock().unwrap();
        let copy = held.0.try_clone().unwrap();
        assert!(lock().is_none(), "held");
        drop(Held(held));
        assert!(lock().is_some(), "and given up, though there is a copy");
        drop(copy);
    }
}

//! The folders and files of a medium, for both who write and who read it. Every file is written
//! whole or not at all; sealed files need no secrecy of their own, and a shared folder must let
//! the other side's user read them.

use super::media::{FOLDER, LETTER, PARCEL, README, TO_DEVICE, TO_OFFICE};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Most files of one folder that are looked at: a stick of a province's handhelds has fewer.
const MAX_FILES: usize = 100_000;

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Letters.
    ToOffice,
    /// Parcels.
    ToDevice,
}

impl Way {
    fn folder(self) -> &'static str {
        match self {
            Self::ToOffice => TO_OFFICE,
            Self::ToDevice => TO_DEVICE,
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::ToOffice => LETTER,
            Self::ToDevice => PARCEL,
        }
    }
}

/// A medium in reach.
#[derive(Debug, Clone)]
pub struct Medium {
    root: PathBuf,
}

impl Medium {
    /// The medium at a folder that is there. The folder itself is not made: where a stick is not
    /// mounted, its mount point would take the files, and they would never travel.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    pub fn at(dir: &Path) -> io::Result<Self> {
        if !fs::metadata(dir)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { root: dir.join(FOLDER) })
    }

    /// Names of the files that go one way, sorted; none if nothing was ever written.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn list(&self, way: Way) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(way.folder())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries.take(MAX_FILES) {
            let path = PathBuf::from(entry?.file_name());
            let ours = path.extension().is_some_and(|ending| ending == way.ending());
            // What other systems leave beside copied files: `._hh-1-....mkp`.
            let name = path.to_str().filter(|name| ours && !name.starts_with('.'));
            names.extend(name.map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Reads a file, refusing more than `limit` bytes.
    ///
    /// # Errors
    /// Whatever the system says; `FileTooLarge` beyond the limit.
    pub fn read(&self, way: Way, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.root.join(way.folder()).join(name))?;
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes)?;
        if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    /// Writes a file, forced to the medium: whoever pulls the stick after this has it.
    ///
    /// # Errors
    /// Whatever the system says (`StorageFull`, `ReadOnlyFilesystem`); nothing is left half then.
    pub fn write(&self, way: Way, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (title, text) = README;
        if !self.root.join(title).exists() {
            fs::create_dir_all(&self.root)?;
            replace(&self.root, title, text.as_bytes())?;
        }
        let folder = self.root.join(way.folder());
        fs::create_dir_all(&folder)?;
        replace(&folder, name, bytes)
    }

    /// Removes a file that is done with.
    ///
    /// # Errors
    /// Whatever the system says; that it is gone already is none.
    pub fn remove(&self, way: Way, name: &str) -> io::Result<()> {
        match fs::remove_file(self.root.join(way.folder()).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("{name}.tmp"));
    let written = (|| {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, folder.join(name))
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written?;
    // Not every file system of a stick can force a folder; the files themselves are there.
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_and_only_ours() {
        let dir = tempfile::tempdir().unwrap();
        let medium = Medium::at(dir.path()).unwrap();
        assert!(medium.list(Way::ToOffice).unwrap().is_empty(), "an empty stick");
        medium.write(Way::ToOffice, "b.mkp", b"two").unwrap();
        medium.write(Way::ToOffice, "a.mkp", b"one").unwrap();
        medium.write(Way::ToOffice, "a.mkp", b"new").unwrap();
        let folder = dir.path().join(FOLDER).join(TO_OFFICE);
        for stray in ["x.mkr", "c.mkp.tmp", "._a.mkp", "a.txt"] {
            fs::write(folder.join(stray), b"").unwrap();
        }
        assert_eq!(medium.list(Way::ToOffice).unwrap(), ["a.mkp", "b.mkp"]);
        assert_eq!(medium.read(Way::ToOffice, "a.mkp", 3).unwrap(), b"new");
        let long = medium.read(Way::ToOffice, "a.mkp", 2).unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::FileTooLarge);
        medium.remove(Way::ToOffice, "a.mkp").unwrap();
        medium.remove(Way::ToOffice, "a.mkp").unwrap();
        assert!(fs::read_to_string(dir.path().join(FOLDER).join("README.txt")).is_ok());
        let gone = Medium::at(&dir.path().join("not-mounted")).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
}

//! Small sealed files: each replaced whole, each bound to its name and to the journal's life.
//!
//! ```text
//! "MKSEAL\r\n" 8 | format 4 | nonce 24 | ciphertext | tag 16 | crc32c 4 over all before
//! ```
//!
//! The checksum tells damage from another key: a file that is whole and does not open was sealed
//! with another key, or put here from elsewhere.

use super::disk::{Disk, read_all, replace};
use super::schema::FILE_FORMAT;
use super::seal::{Part, SEALING, Sealer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"MKSEAL\r\n";
/// Length of what comes before the sealed part.
const HEAD: usize = 12;
/// What a file has beyond its contents.
pub const AROUND: usize = HEAD + SEALING + 4;

/// Why a file has nothing to say.
#[derive(Debug)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is not whole.
    Damaged(&'static str),
    /// It is of a newer version.
    Newer(u32),
    /// It was sealed with another key, or for another place.
    Sealed,
    /// The system could not read it.
    Io(io::Error),
}

/// The small files of one store.
#[derive(Debug, Clone)]
pub struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    seal: Arc<Sealer>,
    life: [u8; 16],
}

impl Files {
    /// Those of a journal's life.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, seal: Arc<Sealer>, life: [u8; 16]) -> Self {
        Self { disk, dir, seal, life }
    }

    /// The one file that tells the life, and can therefore not be bound to it.
    pub fn before_life(disk: Arc<dyn Disk>, dir: PathBuf, seal: Arc<Sealer>) -> Self {
        Self::new(disk, dir, seal, [0; 16])
    }

    /// The disk they lie on.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// A folder of theirs.
    pub fn folder(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.dir.clone() } else { self.dir.join(name) }
    }

    fn place(&self, folder: &str, name: &str) -> Vec<u8> {
        let parts: [&[u8]; 5] =
            [b"meterkit/file/1\0", &self.life, folder.as_bytes(), b"\0", name.as_bytes()];
        parts.concat()
    }

    /// Replaces a file whole.
    ///
    /// # Errors
    /// Whatever the system says; the older contents are then still there.
    pub fn put(&self, folder: &str, name: &str, plain: &[u8]) -> io::Result<()> {
        let sealed = self.seal.seal(Part::File, &self.place(folder, name), plain)?;
        let mut out = Vec::with_capacity(sealed.len() + HEAD + 4);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FILE_FORMAT.to_be_bytes());
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        replace(&*self.disk, &self.folder(folder), name, &out)
    }

    /// The contents of a file, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn get(&self, folder: &str, name: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        let path = self.folder(folder).join(name);
        let bytes = read_all(&*self.disk, &path, limit + AROUND).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Missing,
            io::ErrorKind::FileTooLarge => Fault::Damaged("too large"),
            _ => Fault::Io(e),
        })?;
        let sealed = unwrap(&bytes)?;
        self.seal.open(Part::File, &self.place(folder, name), sealed).ok_or(Fault::Sealed)
    }

    /// Removes a file; one that stays costs only space.
    pub fn remove(&self, folder: &str, name: &str) {
        let path: &Path = &self.folder(folder).join(name);
        let _ = self.disk.remove(path);
    }
}

/// The sealed part of a whole file.
fn unwrap(bytes: &[u8]) -> Result<&[u8], Fault> {
    let short = || Fault::Damaged("cut short");
    let (rest, crc) = bytes.split_last_chunk::<4>().ok_or_else(short)?;
    let (magic, body) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (format, sealed) = body.split_first_chunk::<4>().ok_or_else(short)?;
    if magic != MAGIC {
        return Err(Fault::Damaged("not a sealed file"));
    }
    if crc32c::crc32c(rest).to_be_bytes() != *crc {
        return Err(Fault::Damaged("the checksum is wrong"));
    }
    match u32::from_be_bytes(*format) {
        FILE_FORMAT => Ok(sealed),
        newer if newer > FILE_FORMAT => Err(Fault::Newer(newer)),
        _ => Err(Fault::Damaged("of no known format")),
    }
}

//! The backup file: a mark, a SHA-256 over all that follows, and zstd over a run of parts.
//!
//! ```text
//! "MKBACKUP1\n" | SHA-256 (32) | zstd ( part ... )
//! part = kind (1) | length (4, little-endian) | bytes
//! T  a table: its name and its columns, separated by commas; rows follow
//! R  a row of the last table (`tables`)
//! K  a file of the keys' folder: name, 0, bytes
//! M  the manifest, JSON; always the last
//! ```
//!
//! It is written beside its place and renamed, so that half a backup never has a backup's name.

use crate::office::OfficeError;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The mark, with the version of this form.
const MARK: &[u8; 10] = b"MKBACKUP1\n";
/// Longest part: a pack of 128 KB and its row are far below; a file of keys, too.
const MAX_PART: usize = 4 * 1024 * 1024;
/// zstd's own default: what is in a journal is compressed or random already.
const LEVEL: i32 = 3;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table = b'T' as isize,
    Row = b'R' as isize,
    Key = b'K' as isize,
    Manifest = b'M' as isize,
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> OfficeError + '_ {
    move |error| OfficeError::File(path.display().to_string(), error)
}

/// Hashes what goes through it.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// A backup being written. Dropped before [`Writer::finish`], it leaves nothing behind.
pub(super) struct Writer {
    path: PathBuf,
    draft: PathBuf,
    out: Option<zstd::stream::write::Encoder<'static, Hashed<BufWriter<File>>>>,
}

impl Writer {
    /// Begins one at a place where there is nothing yet.
    pub fn create(path: &Path) -> Result<Self, OfficeError> {
        if path.exists() {
            let why = format!("{} exists: a backup is never written over", path.display());
            return Err(OfficeError::Usage(why));
        }
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let _ = std::fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let begin = || {
            let mut file = BufWriter::new(options.open(&draft)?);
            file.write_all(MARK)?;
            file.write_all(&[0; 32])?;
            zstd::stream::write::Encoder::new(Hashed { inner: file, hash: Sha256::new() }, LEVEL)
        };
        let out = Some(begin().map_err(failed(&draft))?);
        Ok(Self { path: path.to_owned(), draft, out })
    }

    /// Writes a part.
    pub fn part(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), OfficeError> {
        let too_long = || OfficeError::Stored("a row longer than a backup takes");
        let length = u32::try_from(bytes.len()).ok().filter(|n| *n as usize <= MAX_PART);
        let length = length.ok_or_else(too_long)?;
        let Some(out) = &mut self.out else { return Ok(()) };
        let mut write = || {
            out.write_all(&[kind as isize as u8])?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(bytes)
        };
        write().map_err(failed(&self.draft))
    }

    /// Ends it: on disk and in its place.
    pub fn finish(mut self) -> Result<(), OfficeError> {
        let Some(out) = self.out.take() else { return Ok(()) };
        let write = || {
            let Hashed { inner, hash } = out.finish()?;
            let mut file = inner.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(MARK.len() as u64))?;
            file.write_all(&hash.finalize())?;
            file.sync_all()?;
            std::fs::rename(&self.draft, &self.path)?;
            #[cfg(unix)]
            if let Some(dir) = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                File::open(dir)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(failed(&self.path))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.draft);
    }
}

/// A backup whose hash was checked, read part by part.
pub(super) struct Reader {
    path: PathBuf,
    parts: zstd::stream::read::Decoder<'static, BufReader<File>>,
}

impl Reader {
    /// Opens one: its mark and its hash, over all of it, before anything in it is looked at.
    pub fn open(path: &Path) -> Result<Self, OfficeError> {
        let bad = |why: &str| OfficeError::BackupFile(path.display().to_string(), why.to_owned());
        let mut file = File::open(path).map_err(failed(path))?;
        let mut head = [0; MARK.len() + 32];
        file.read_exact(&mut head).map_err(|_| bad("it is no backup"))?;
        let (mark, wanted) = head.split_at(MARK.len());
        if mark != MARK {
            return Err(bad("it is no backup, or of another version"));
        }
        let (mut hash, mut block) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut block).map_err(failed(path))? {
                0 => break,
                n => hash.update(&block[..n]),
            }
        }
        if hash.finalize().as_slice() != wanted {
            return Err(bad("its hash is another: it was cut short or changed"));
        }
        file.seek(SeekFrom::Start(head.len() as u64)).map_err(failed(path))?;
        let parts = zstd::stream::read::Decoder::new(file).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), parts })
    }

    /// What is wrong with it.
    pub fn bad(&self, why: &str) -> OfficeError {
        OfficeError::BackupFile(self.path.display().to_string(), why.to_owned())
    }

    /// The next part; `None` at the end.
    pub fn part(&mut self) -> Result<Option<(Kind, Vec<u8>)>, OfficeError> {
        let mut head = [0; 5];
        let mut got = 0;
        while got < head.len() {
            match self.parts.read(&mut head[got..]).map_err(failed(&self.path))? {
                0 if got == 0 => return Ok(None),
                0 => return Err(self.bad("a part is cut short")),
                n => got += n,
            }
        }
        let kind = match head[0] {
            b'T' => Kind::Table,
            b'R' => Kind::Row,
            b'K' => Kind::Key,
            b'M' => Kind::Manifest,
            _ => return Err(self.bad("a part of a kind this version does not know")),
        };
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > MAX_PART {
            return Err(self.bad("a part that is too long"));
        }
        let mut bytes = vec![0; length];
        self.parts.read_exact(&mut bytes).map_err(|_| self.bad("a part is cut short"))?;
        Ok(Some((kind, bytes)))
    }
}

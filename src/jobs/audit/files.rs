//! The files of an audit set: what is where, how much of it is taken in.
//!
//! Nothing is trusted here, not even sizes: only regular files are opened, each against a limit,
//! and all together against another. A file holds one document, or a CBOR array of them as byte
//! strings, so that a year is not a hundred thousand files.

use meterkit_tokens::cbor::{Fields, Limits, decode};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes of one file.
pub const MAX_FILE: u64 = 256 << 20;
/// Most bytes of a set.
pub const MAX_SET: u64 = 1 << 30;
/// Most files of a set.
pub const MAX_FILES: usize = 200_000;

/// Most root documents, and most keysets: each is tried against each.
pub const MAX_AUTHORITY: usize = 500;

/// Why a set cannot be audited at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A file or folder cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
    /// The set is larger than this program takes in.
    #[error("{0} is over the limit of an audit set")]
    TooLarge(String),
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Its path in the set, for findings.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Everything in a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// `roots/`.
    pub roots: Vec<Raw>,
    /// `keysets/`.
    pub keysets: Vec<Raw>,
    /// `tokens/`.
    pub tokens: Vec<Raw>,
    /// `journals/DEVICE-EPOCH/`, with the folder's name.
    pub journals: Vec<(String, Vec<Raw>)>,
    /// `devices/`.
    pub devices: Vec<Raw>,
    /// `receipts/DEVICE/`, with the folder's name.
    pub receipts: Vec<(String, Vec<Raw>)>,
    /// `status/`.
    pub status: Vec<Raw>,
    /// `reads/`.
    pub reads: Vec<Raw>,
    /// `swaps/`.
    pub swaps: Vec<Raw>,
    /// `software.csv`.
    pub software: Option<Raw>,
    /// `ledger.csv`.
    pub ledger: Option<Raw>,
    /// `online.csv`.
    pub online: Option<Raw>,
}

impl Files {
    /// Reads a set from disk.
    ///
    /// # Errors
    /// The folder or one of its files cannot be read, or it is too large.
    pub fn read(dir: &Path) -> Result<Self, AuditError> {
        let mut reader = Reader { root: dir, bytes: MAX_SET, files: MAX_FILES };
        if !dir.is_dir() {
            let name = dir.display().to_string();
            return Err(AuditError::Unreadable(name, "no such folder".to_owned()));
        }
        let (roots, keysets) =
            (reader.folder("roots", &["rk"])?, reader.folder("keysets", &["ks"])?);
        if roots.len().max(keysets.len()) > MAX_AUTHORITY {
            return Err(AuditError::TooLarge("roots, keysets".to_owned()));
        }
        Ok(Self {
            roots,
            keysets,
            tokens: reader.folder("tokens", &["rt", "og", "ov", "pb", "sw", "tokens"])?,
            journals: reader.folders("journals", &["mkp"])?,
            devices: reader.folder("devices", &["key"])?,
            receipts: reader.folders("receipts", &["rc"])?,
            status: reader.folder("status", &["st"])?,
            reads: reader.folder("reads", &["csv"])?,
            swaps: reader.folder("swaps", &["csv"])?,
            software: reader.single("software.csv")?,
            ledger: reader.single("ledger.csv")?,
            online: reader.single("online.csv")?,
        })
    }

    /// How many files, and how many bytes.
    pub fn size(&self) -> (usize, usize) {
        let flat = [&self.roots, &self.keysets, &self.tokens, &self.devices, &self.status];
        let more = [&self.reads, &self.swaps];
        let nested = self.journals.iter().chain(&self.receipts).map(|(_, files)| files);
        let single = self.software.iter().chain(&self.ledger).chain(&self.online);
        let all = flat.into_iter().chain(more).chain(nested).flatten().chain(single);
        all.fold((0, 0), |(files, bytes), raw| (files + 1, bytes + raw.bytes.len()))
    }
}

/// Reads within what is left of the limits.
struct Reader<'a> {
    root: &'a Path,
    bytes: u64,
    files: usize,
}

impl Reader<'_> {
    fn folder(&mut self, name: &str, endings: &[&str]) -> Result<Vec<Raw>, AuditError> {
        let mut files = Vec::new();
        for path in self.entries(&self.root.join(name))? {
            let ending = path.extension().and_then(|ending| ending.to_str());
            if ending.is_some_and(|ending| endings.contains(&ending)) {
                files.push(self.file(&path)?);
            }
        }
        Ok(files)
    }

    fn folders(
        &mut self,
        name: &str,
        endings: &[&str],
    ) -> Result<Vec<(String, Vec<Raw>)>, AuditError> {
        let mut folders = Vec::new();
        for path in self.entries(&self.root.join(name))? {
            if path.is_dir() {
                let inner = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                folders.push((inner.clone(), self.folder(&format!("{name}/{inner}"), endings)?));
            }
        }
        Ok(folders)
    }

    fn single(&mut self, name: &str) -> Result<Option<Raw>, AuditError> {
        let path = self.root.join(name);
        if path.exists() { self.file(&path).map(Some) } else { Ok(None) }
    }

    /// The entries of a folder, sorted; none when there is no such folder.
    fn entries(&mut self, folder: &Path) -> Result<Vec<PathBuf>, AuditError> {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut paths = Vec::new();
        let failed = |error: std::io::Error| self.unreadable(folder, &error);
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
            if paths.len() > MAX_FILES {
                return Err(AuditError::TooLarge(self.name(folder)));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// One regular file. A pipe or a device would keep the audit waiting or never end.
    fn file(&mut self, path: &Path) -> Result<Raw, AuditError> {
        let name = self.name(path);
        let about = std::fs::metadata(path).map_err(|error| self.unreadable(path, &error))?;
        if !about.is_file() {
            return Err(AuditError::Unreadable(name, "no regular file".to_owned()));
        }
        let most = MAX_FILE.min(self.bytes);
        let file = File::open(path).map_err(|error| self.unreadable(path, &error))?;
        let mut bytes = Vec::new();
        let read = file.take(most + 1).read_to_end(&mut bytes);
        let len = read.map_err(|error| self.unreadable(path, &error))? as u64;
        if len > most || self.files == 0 {
            return Err(AuditError::TooLarge(name));
        }
        self.bytes -= len;
        self.files -= 1;
        Ok(Raw { name, bytes })
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    fn unreadable(&self, path: &Path, error: &std::io::Error) -> AuditError {
        AuditError::Unreadable(self.name(path), error.to_string())
    }
}

/// One document and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc<'a> {
    /// File and, in a file of many, the place in it.
    pub name: String,
    /// The document, as a rule a tagged `COSE_Sign1`.
    pub bytes: &'a [u8],
}

/// The documents of a file: itself, or what its array holds. A file that is neither is given as
/// one document, which will not verify.
pub fn documents(raw: &Raw) -> Vec<Doc<'_>> {
    match list(&raw.bytes) {
        Some(parts) => {
            let name = |at: usize| format!("{}#{at}", raw.name);
            (1..).zip(parts).map(|(at, bytes)| Doc { name: name(at), bytes }).collect()
        }
        None => vec![Doc { name: raw.name.clone(), bytes: &raw.bytes }],
    }
}

/// Writes what [`documents`] takes apart.
pub fn join<'a>(documents: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(&mut out, 4, documents.len());
    for document in documents {
        put_head(&mut out, 2, document.len());
        out.extend_from_slice(document);
    }
    out
}

fn put_head(out: &mut Vec<u8>, major: u8, len: usize) {
    let major = major << 5;
    match len {
        0..=23 => out.push(major | len as u8),
        24..=0xff => out.extend([major | 24, len as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(major | 26);
            out.extend((len as u32).to_be_bytes());
        }
    }
}

/// The byte strings of an array of byte strings, and nothing behind it.
fn list(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = head(bytes, 4)?;
    // Each takes a byte at least: no count makes room for more than there is.
    let mut parts = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let (len, tail) = head(rest, 2)?;
        let (part, behind) = tail.split_at_checked(len)?;
        parts.push(part);
        rest = behind;
    }
    rest.is_empty().then_some(parts)
}

/// A head of this major type, and what stands behind it.
fn head(bytes: &[u8], major: u8) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first >> 5 != major {
        return None;
    }
    let extra = match first & 31 {
        small @ 0..=23 => return Some((usize::from(small), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(extra)?;
    let value = number.iter().fold(0, |value: usize, byte| value << 8 | usize::from(*byte));
    Some((value, rest))
}

/// The tenant a document claims, from its payload. Only to know what to verify it with.
pub fn claimed_tenant(document: &[u8]) -> Option<String> {
    claimed_text(document, 1)
}

/// A text a document's payload claims, unverified.
pub fn claimed_text(document: &[u8], key: i64) -> Option<String> {
    let envelope = document.strip_prefix(&[0xd2, 0x84])?;
    let (len, rest) = head(envelope, 2)?;
    let rest = rest.get(len..)?.strip_prefix(&[0xa0])?;
    let (len, rest) = head(rest, 2)?;
    let payload = decode(rest.get(..len)?, Limits { bytes: 64 << 10, depth: 8 }).ok()?;
    Fields::of(payload).ok()?.text(key).ok()
}

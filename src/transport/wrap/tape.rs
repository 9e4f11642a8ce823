//! A file for recordings: written at its end, line by line, and never longer than it may be.
//!
//! A file that is full becomes `NAME.1` (the one before is dropped) and a new one is begun, with
//! the header again. Others cannot read it: a recording tells much about a site.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes of a file: a day of reading at 2400 baud.
pub const LENGTH_MAX: u64 = 16 * 1024 * 1024;

/// A recording on disk.
#[derive(Debug)]
pub struct Tape {
    path: PathBuf,
    file: File,
    header: String,
    length: u64,
    most: u64,
}

impl Tape {
    /// Goes on at the end of the file, with `header` in front.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub fn open(path: &Path, header: &str, most: u64) -> io::Result<Tape> {
        let file = append(path)?;
        let length = file.metadata()?.len();
        let mut tape =
            Tape { path: path.to_owned(), file, header: header.to_owned(), length, most };
        tape.put(header.as_bytes())?;
        Ok(tape)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        std::fs::rename(&self.path, old)?;
        self.file = append(&self.path)?;
        self.length = 0;
        let header = std::mem::take(&mut self.header);
        let put = self.put(header.as_bytes());
        self.header = header;
        put
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Write for Tape {
    /// Takes whole lines: what is handed over in one call is never split between two files.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let header = self.header.len() as u64;
        if self.length > header && self.length + bytes.len() as u64 > self.most {
            self.turn()?;
        }
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::wrap::parse_recordings;

    #[test]
    fn a_tape_goes_on_turns_and_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("line.rec"), folder.path().join("line.rec.1"));
        let header = "# meterkit recording\n# profile: tms\n";
        for _ in 0..2 {
            let mut tape = Tape::open(&path, header, 400).unwrap();
            tape.write_all(b"@1 > 68\n").unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{header}@1 > 68\n").repeat(2));
        let mut tape = Tape::open(&path, header, 400).unwrap();
        for at in 0..1000 {
            tape.write_all(format!("@{at} > 68\n").as_bytes()).unwrap();
            assert!(std::fs::metadata(&path).unwrap().len() <= 400);
        }
        for path in [&path, &old] {
            let all = parse_recordings(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!(all.last().unwrap().about("profile"), Some("tms"));
        }
        let all = parse_recordings(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(all[0].entries.last().unwrap().at.as_millis(), 999, "the newest is here");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
}

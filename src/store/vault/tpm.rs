//! As much of a TPM 2.0 as it takes to seal 32 bytes to this machine: make the primary key from its
//! template, seal, load, unseal, flush. No C library and no resource daemon: `/dev/tpmrm0` keeps
//! users apart and cleans up after us.
//!
//! The primary key is made anew each time from the TPM's own seed: it is the same every time, and
//! nothing is left in the TPM. Sealed objects carry no PIN (the PIN is stretched outside, where its
//! tries are counted) and no platform state, so that an update of the firmware locks nobody out.

use super::wrap::Secret;
use std::io;
use zeroize::Zeroizing;

/// A way to a TPM: one command out, its response back.
pub trait TpmLine {
    /// Sends a whole command and waits for the whole response.
    ///
    /// # Errors
    /// Whatever the system says.
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

/// What a TPM did not do.
#[derive(Debug, thiserror::Error)]
pub enum TpmError {
    /// The line to it failed.
    #[error("tpm: {0}")]
    Line(#[from] io::Error),
    /// It answered with an error code.
    #[error("tpm: {step} gives {code:#x}")]
    Refused {
        /// What was asked.
        step: &'static str,
        /// Its code (TPM 2.0 part 2, TPM_RC).
        code: u32,
    },
    /// Its answer, or the sealed blob, is not what it must be.
    #[error("tpm: {0} is malformed")]
    Malformed(&'static str),
}

const ST_NO_SESSIONS: u16 = 0x8001;
const ST_SESSIONS: u16 = 0x8002;
const RH_OWNER: u32 = 0x4000_0001;
const RS_PW: u32 = 0x4000_0009;
const CC_CREATE_PRIMARY: u32 = 0x131;
const CC_CREATE: u32 = 0x153;
const CC_LOAD: u32 = 0x157;
const CC_UNSEAL: u32 = 0x15E;
const CC_FLUSH: u32 = 0x165;
/// `YIELDED`, `TESTING`, `RETRY`: the TPM is busy, ask again.
const BUSY: [u32; 3] = [0x908, 0x90A, 0x922];
const ASKS: u32 = 20;
/// Longest response a TPM may give.
const MAX_RESPONSE: usize = 4096;

/// The storage key's template (TCG EK profile, ECC P-256 storage): restricted decryption key,
/// fixed to this TPM, no password, not subject to the TPM's own lock-out.
const PRIMARY: &[u8] = &[
    0x00, 0x23, // ECC
    0x00, 0x0B, // name: SHA-256
    // fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA restricted decrypt
    0x00, 0x03, 0x04, 0x72, 0x00, 0x00, // no policy
    0x00, 0x06, 0x00, 0x80, 0x00, 0x43, // children under AES-128-CFB
    0x00, 0x10, // no scheme
    0x00, 0x03, // P-256
    0x00, 0x10, // no KDF
    0x00, 0x00, 0x00, 0x00, // x, y: the TPM's
];

/// A sealed object's template: data, fixed to this TPM and to that parent, no password.
const SEALED: &[u8] = &[
    0x00, 0x08, // keyed hash: data
    0x00, 0x0B, // name: SHA-256
    0x00, 0x00, 0x04, 0x52, // fixedTPM fixedParent userWithAuth noDA
    0x00, 0x00, // no policy
    0x00, 0x10, // no scheme
    0x00, 0x00, // unique: the TPM's
];

/// A TPM at the end of a line.
pub(super) struct Tpm {
    line: Box<dyn TpmLine>,
}

impl Tpm {
    pub(super) fn new(line: Box<dyn TpmLine>) -> Self {
        Self { line }
    }

    /// Seals 32 bytes; only this TPM opens the blob again.
    pub(super) fn seal(&mut self, secret: &Secret) -> Result<Vec<u8>, TpmError> {
        let parent = self.primary()?;
        let made = self.create(parent, secret);
        self.flush(parent);
        made
    }

    /// Opens what [`Tpm::seal`] made.
    pub(super) fn unseal(&mut self, blob: &[u8]) -> Result<Secret, TpmError> {
        let parent = self.primary()?;
        let object = self.load(parent, blob);
        self.flush(parent);
        let object = object?;
        let data = self.command("unseal", CC_UNSEAL, &[object], &[]);
        self.flush(object);
        let data = data?;
        let mut at = Parts(&data);
        let bytes = at.sized("unsealed data")?;
        let mut out = Zeroizing::new([0; 32]);
        if bytes.len() != out.len() {
            return Err(TpmError::Malformed("unsealed data"));
        }
        out.copy_from_slice(bytes);
        Ok(out)
    }

    /// The storage key; returns its handle.
    fn primary(&mut self) -> Result<u32, TpmError> {
        let mut params = sized(&[0, 0, 0, 0]);
        params.extend(sized(PRIMARY));
        params.extend([0, 0]); // nothing from outside
        params.extend([0, 0, 0, 0]); // no platform state
        self.handle("primary key", CC_CREATE_PRIMARY, &[RH_OWNER], &params)
    }

    /// Makes the sealed object; the blob is its private and public part.
    fn create(&mut self, parent: u32, secret: &Secret) -> Result<Vec<u8>, TpmError> {
        let mut sensitive = Zeroizing::new(vec![0, 0]);
        sensitive.extend_from_slice(&32u16.to_be_bytes());
        sensitive.extend_from_slice(&secret[..]);
        let mut params = Zeroizing::new(sized(&sensitive));
        params.extend_from_slice(&sized(SEALED));
        params.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
        let answer = self.command("seal", CC_CREATE, &[parent], &params)?;
        let mut at = Parts(&answer);
        let mut blob = sized(at.sized("private part")?);
        blob.extend(sized(at.sized("public part")?));
        Ok(blob)
    }

    fn load(&mut self, parent: u32, blob: &[u8]) -> Result<u32, TpmError> {
        // The blob comes from a file: its two parts must be all there is.
        let mut at = Parts(blob);
        at.sized("blob")?;
        at.sized("blob")?;
        if !at.0.is_empty() {
            return Err(TpmError::Malformed("blob"));
        }
        self.handle("load", CC_LOAD, &[parent], blob)
    }

    /// Lets a handle go. The kernel does it too when the line closes; a TPM has few places.
    fn flush(&mut self, handle: u32) {
        let command = command(ST_NO_SESSIONS, CC_FLUSH, &handle.to_be_bytes());
        let _ = self.line.exchange(&command);
    }

    /// A command that gives a handle.
    fn handle(
        &mut self,
        step: &'static str,
        code: u32,
        handles: &[u32],
        params: &[u8],
    ) -> Result<u32, TpmError> {
        let answer = self.ask(step, code, handles, params)?;
        Parts(&answer).u32(step)
    }

    /// A command that gives parameters.
    fn command(
        &mut self,
        step: &'static str,
        code: u32,
        handles: &[u32],
        params: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let answer = self.ask(step, code, handles, params)?;
        let mut at = Parts(&answer);
        let size = at.u32(step)?;
        let size = usize::try_from(size).map_err(|_| TpmError::Malformed(step))?;
        Ok(Zeroizing::new(at.take(size, step)?.to_vec()))
    }

    /// Asks with an empty password for the first handle, again while the TPM is busy; the answer
    /// without its head.
    fn ask(
        &mut self,
        step: &'static str,
        code: u32,
        handles: &[u32],
        params: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let mut body = Zeroizing::new(Vec::with_capacity(params.len() + 32));
        handles.iter().for_each(|handle| body.extend_from_slice(&handle.to_be_bytes()));
        body.extend_from_slice(&9u32.to_be_bytes());
        body.extend_from_slice(&RS_PW.to_be_bytes());
        body.extend_from_slice(&[0, 0, 0, 0, 0]); // no nonce, no attributes, empty password
        body.extend_from_slice(params);
        let command = command(ST_SESSIONS, code, &body);
        let mut asked = 1;
        loop {
            let answer = Zeroizing::new(self.line.exchange(&command)?);
            match parse(&answer, step) {
                Err(TpmError::Refused { code, .. }) if BUSY.contains(&code) && asked < ASKS => {
                    asked += 1;
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                Ok(rest) => return Ok(Zeroizing::new(rest.to_vec())),
                Err(other) => return Err(other),
            }
        }
    }
}

fn command(tag: u16, code: u32, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let size = u32::try_from(10 + body.len()).unwrap_or(u32::MAX);
    let mut out = Zeroizing::new(Vec::with_capacity(10 + body.len()));
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// Checks a response's head and gives what follows it.
fn parse<'a>(answer: &'a [u8], step: &'static str) -> Result<&'a [u8], TpmError> {
    let mut at = Parts(answer);
    let tag = at.u16(step)?;
    let size = at.u32(step)?;
    let code = at.u32(step)?;
    if usize::try_from(size).ok() != Some(answer.len()) || answer.len() > MAX_RESPONSE {
        return Err(TpmError::Malformed(step));
    }
    if code != 0 {
        return Err(TpmError::Refused { step, code });
    }
    if tag != ST_SESSIONS {
        return Err(TpmError::Malformed(step));
    }
    Ok(at.0)
}

/// Bytes with their length before them.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let size = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(2 + bytes.len());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(bytes);
    out
}

/// What is left of an answer to read.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, size: usize, step: &'static str) -> Result<&'a [u8], TpmError> {
        let (head, rest) = self.0.split_at_checked(size).ok_or(TpmError::Malformed(step))?;
        self.0 = rest;
        Ok(head)
    }

    fn u16(&mut self, step: &'static str) -> Result<u16, TpmError> {
        let bytes = self.take(2, step)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
    }

    fn u32(&mut self, step: &'static str) -> Result<u32, TpmError> {
        let bytes = self.take(4, step)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn sized(&mut self, step: &'static str) -> Result<&'a [u8], TpmError> {
        let size = self.u16(step)?;
        self.take(size.into(), step)
    }
}

/// The kernel's resource-managed TPM.
#[cfg(target_os = "linux")]
pub(super) fn system_line() -> io::Result<Box<dyn TpmLine>> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tpmrm0")?;
    Ok(Box::new(DeviceLine(file)))
}

/// No TPM is spoken to on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn system_line() -> io::Result<Box<dyn TpmLine>> {
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(target_os = "linux")]
struct DeviceLine(std::fs::File);

#[cfg(target_os = "linux")]
impl TpmLine for DeviceLine {
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        use std::io::{Read, Write};
        // One write is one command and one read one response; the driver keeps them whole.
        if self.0.write(command)? != command.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut answer = Zeroizing::new([0; MAX_RESPONSE]);
        let size = self.0.read(&mut answer[..])?;
        Ok(answer[..size].to_vec())
    }
}

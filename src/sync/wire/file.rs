//! A file that a signed document pins by its hash: asked for by that hash, in pieces.

use super::WireError;
use super::fields::{self, Reader, map};
use meterkit_tokens::cbor::Value;

/// Largest file: a bundle of parameters, or a signed round.
pub const MAX_FILE: usize = 64 * 1024;
/// Bytes of one piece: at 3 KB/s six seconds, which a line that breaks may cost.
pub const FILE_PART: usize = 16 * 1024;

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// How long the whole file is; 0 if there is no such file for this handheld.
    pub total: u64,
    /// The piece, from the offset asked for on.
    pub bytes: Vec<u8>,
}

impl FilePart {
    pub(super) fn value(&self) -> Value {
        map([(1, fields::seq(self.total)), (2, Value::Bytes(self.bytes.clone()))])
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { total: r.u64(1)?, bytes: r.bytes(2)? })
    }
}

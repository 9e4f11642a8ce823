//! Arguments of `keys`.

use clap::Subcommand;
use meterkit_tokens::KeyId;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum KeysAct {
    /// Every key that is here or named.
    List,
    /// One key.
    Show {
        /// Its name or its id.
        key: String,
    },
    /// The root: who may name keysets.
    #[command(subcommand)]
    Root(RootAct),
    /// The keyset: which keys sign what.
    #[command(subcommand)]
    Keyset(KeysetAct),
    /// Cut a key off: what it signed from a time on is dead. Tokens that die with it and were not
    /// sent are replaced at the same step.
    Revoke {
        /// Its id.
        #[arg(value_parser = kid)]
        kid: KeyId,
        /// From when on, Unix seconds: when it may have been stolen.
        #[arg(long)]
        from: i64,
        /// Why, for whoever reads this later.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Give a key another passphrase.
    Passphrase {
        /// Its name.
        key: String,
        /// File with the new passphrase; without one it is asked for.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// The server's certificate.
    #[command(subcommand)]
    Tls(TlsAct),
    /// Check the whole chain from the files (exit 1 if it does not hold).
    Check,
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum RootAct {
    /// Make a root key for a new holder, on his own machine. Needs no office.
    New {
        /// Its name, `root-4`.
        #[arg(long)]
        name: String,
        /// The key file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Write down the next root, for its holders to sign.
    Draft {
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
        /// Public key of a holder to add: 64 hexadecimal digits, or his key file. May be given
        /// again.
        #[arg(long, value_parser = public)]
        add: Vec<Public>,
        /// Id of a root key to take away. May be given again.
        #[arg(long, value_parser = kid)]
        remove: Vec<KeyId>,
        /// How many must sign from then on.
        #[arg(long)]
        threshold: Option<u8>,
        /// Draw a new keyset key and name it in place of the old.
        #[arg(long)]
        new_keyset_key: bool,
    },
    /// Print what a draft says, and its digest for the holders to compare. Needs no office.
    Show {
        /// The draft.
        file: PathBuf,
    },
    /// Add one holder's signature to a draft, with nothing but his key file. Needs no office.
    Sign {
        /// The draft; the signature is added to it.
        file: PathBuf,
        /// The holder's key file.
        #[arg(long)]
        key: PathBuf,
    },
    /// Put a signed draft in force.
    Adopt {
        /// The draft.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum KeysetAct {
    /// New issuer, status and people keys; the old ones stay named until their own end.
    Rotate,
    /// The same keys with a new life.
    Renew,
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum TlsAct {
    /// A new certificate under the same key.
    Renew {
        /// Name or address of the server; without one, as before. May be given again.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// Change to the backup key, which handhelds know already, and make a new backup.
    Change {
        /// As with `renew`.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
}

/// A public key: its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::office::command) struct Public(pub [u8; 32]);

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (byte, at) in out.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(out)
}

fn kid(text: &str) -> Result<KeyId, String> {
    bytes(text).map(KeyId).ok_or_else(|| "the id of a key has 16 hexadecimal digits".to_owned())
}

fn public(text: &str) -> Result<Public, String> {
    if let Some(key) = bytes(text) {
        return Ok(Public(key));
    }
    let file = crate::office::read_sealed(text.as_ref()).map_err(|error| error.to_string())?;
    Ok(Public(file.public))
}

pub(super) fn key_file(text: &str) -> Result<(String, PathBuf), String> {
    let (key, file) = text.split_once('=').ok_or("KEY=FILE")?;
    Ok((key.to_owned(), PathBuf::from(file)))
}

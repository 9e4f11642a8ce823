//! Why the vault did not open or did not change, one variant per reason a person can act on.

use super::pin::Weak;
use crate::store::disk::is_full;

/// Why the vault did not do what was asked. Unless said otherwise nothing has changed, but for the
/// try that was counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no vault in this folder.
    #[error("no vault: {0}")]
    NotThere(String),
    /// There is a vault already, with an enrolled handheld behind it.
    #[error("there is a vault already: {0}")]
    There(String),
    /// The device secret is not to be had: another machine, another TPM, a file that was moved. No
    /// PIN opens the vault then, and no try is counted.
    #[error("the device secret is not there: {0}")]
    NoSecret(String),
    /// The PIN is wrong, or nobody of that name has one; the two cannot be told apart.
    #[error("wrong operator or PIN; {left} tries left, next in {wait_s} s")]
    Wrong {
        /// Tries left before this log-in is locked.
        left: u32,
        /// Seconds before the next one.
        wait_s: u64,
    },
    /// It is too early for another try. This one was not looked at.
    #[error("wait {seconds} s before the next try")]
    Wait {
        /// Seconds left, as the running machine counts them.
        seconds: u64,
    },
    /// Too many wrong PINs: a supervisor or a recovery code must free this log-in.
    #[error("this log-in is locked after too many wrong PINs")]
    LockedOut,
    /// The new PIN may not be used.
    #[error("the PIN is too weak: {0}")]
    WeakPin(Weak),
    /// The text is no recovery code: too short, too long, or mistyped. No try was counted.
    #[error("not a recovery code, or mistyped")]
    BadCode,
    /// A well-formed recovery code that is not one of this vault's, or was used before.
    #[error("wrong recovery code; next try in {wait_s} s")]
    WrongCode {
        /// Seconds before the next one.
        wait_s: u64,
    },
    /// No recovery code is left.
    #[error("no recovery code is left")]
    NoRecovery,
    /// The key that was given does not belong to this vault.
    #[error("the key is not this vault's")]
    OtherKey,
    /// No room for another operator or recovery code.
    #[error("the vault is full: at most {0}")]
    Full(usize),
    /// Another process is at the vault.
    #[error("the vault is in use")]
    Busy,
    /// A file of the vault cannot be right.
    #[error("the vault is damaged: {0}")]
    Damaged(String),
    /// The vault was written by a newer version.
    #[error("the vault's format {found} is newer than {known}")]
    Newer {
        /// Its format.
        found: u32,
        /// What this version reads.
        known: u32,
    },
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The disk, the memory or the random source failed.
    #[error("the vault failed: {0}")]
    Failed(String),
}

impl VaultError {
    /// An error of the file system, while working on `what`.
    pub(super) fn of_io(what: &str, error: &std::io::Error) -> Self {
        if is_full(error) { Self::DiskFull } else { Self::Failed(format!("{what}: {error}")) }
    }

    /// The stable code, for words and exit status.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotThere(_) => "not-enrolled",
            Self::There(_) => "already-enrolled",
            Self::NoSecret(_) => "secret-missing",
            Self::Wrong { .. } => "pin-wrong",
            Self::Wait { .. } => "pin-wait",
            Self::LockedOut => "pin-locked",
            Self::WeakPin(_) => "pin-weak",
            Self::BadCode => "code-bad",
            Self::WrongCode { .. } => "code-wrong",
            Self::NoRecovery => "recovery-none",
            Self::OtherKey => "key-other",
            Self::Full(_) => "vault-full",
            Self::Busy => "store-locked",
            Self::Damaged(_) => "vault-damaged",
            Self::Newer { .. } => "store-newer",
            Self::DiskFull => "disk-full",
            Self::Failed(_) => "disk-failed",
        }
    }
}

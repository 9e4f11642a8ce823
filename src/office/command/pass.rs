//! Where passphrases come from: files named on the command line, a credential of the service
//! manager, or a person at the terminal. Root keys are not opened with the passphrase of the daily
//! keys if somebody is there to be asked.

use super::args::Cli;
use crate::office::OfficeError;
use secrecy::{ExposeSecret, SecretString};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Name of the credential (systemd `LoadCredential=`).
const CREDENTIAL: &str = "meterkit-office";

/// Answers the question for a passphrase.
pub(super) struct Pass {
    file: Option<PathBuf>,
    own: Vec<(String, PathBuf)>,
    asked: RefCell<Option<SecretString>>,
}

impl Pass {
    pub fn new(cli: &Cli) -> Self {
        let credential = || {
            let dir = std::env::var_os("CREDENTIALS_DIRECTORY")?;
            Some(Path::new(&dir).join(CREDENTIAL)).filter(|path| path.exists())
        };
        let file = cli.passphrase_file.clone().or_else(credential);
        Self { file, own: cli.key_passphrase.clone(), asked: RefCell::new(None) }
    }

    /// The passphrase of a key; with `new`, one to seal it with.
    pub fn get(&self, key: &str, new: bool) -> Result<SecretString, OfficeError> {
        let root = key.starts_with("root");
        let there = std::io::stdin().is_terminal();
        if let Some(passphrase) = self.of_file(key, root && there)? {
            return Ok(passphrase);
        }
        if !there {
            return Err(OfficeError::NoPassphrase(key.to_owned()));
        }
        if root {
            return ask(&format!("passphrase of {key}"), new);
        }
        if let Some(passphrase) = &*self.asked.borrow() {
            return Ok(passphrase.clone());
        }
        let passphrase = ask("passphrase of the office's keys", new)?;
        *self.asked.borrow_mut() = Some(passphrase.clone());
        Ok(passphrase)
    }

    /// The same without asking anybody.
    pub fn quiet(&self, key: &str) -> Result<SecretString, OfficeError> {
        let asked = self.asked.borrow().clone();
        let found = self.of_file(key, false)?.or(asked);
        found.ok_or_else(|| OfficeError::NoPassphrase(key.to_owned()))
    }

    /// Whether every key would get one and the same passphrase.
    pub fn one_for_all(&self) -> bool {
        self.file.is_some() && self.own.is_empty() && !std::io::stdin().is_terminal()
    }

    fn of_file(&self, key: &str, own_only: bool) -> Result<Option<SecretString>, OfficeError> {
        let own = self.own.iter().find(|(name, _)| name == key).map(|(_, file)| file);
        let file = own.or(self.file.as_ref().filter(|_| !own_only));
        file.map(|file| of_file(file)).transpose()
    }
}

/// The first line of a file.
pub(super) fn of_file(file: &Path) -> Result<SecretString, OfficeError> {
    let failed = |error| OfficeError::File(file.display().to_string(), error);
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(failed)?);
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

/// Asks at the terminal; for a new one twice.
pub(super) fn ask(what: &str, new: bool) -> Result<SecretString, OfficeError> {
    let prompt = |text: String| {
        let answer = rpassword::prompt_password(text);
        let failed = |error| OfficeError::File("terminal".to_owned(), error);
        Ok::<_, OfficeError>(SecretString::from(answer.map_err(failed)?))
    };
    let one = prompt(format!("{}{what}: ", if new { "new " } else { "" }))?;
    if new && prompt(format!("{what}, again: "))?.expose_secret() != one.expose_secret() {
        return Err(OfficeError::Usage("the two are not the same".to_owned()));
    }
    Ok(one)
}

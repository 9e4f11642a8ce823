//! Commands about keys: the ceremonies.

use super::args::{KeysAct, KeysetAct, RootAct, TlsAct};
use super::pass::{self, Pass};
use super::{Shown, show};
use crate::office::keys::{read, write_private};
use crate::office::{
    Cost, Office, OfficeError, RootChange, new_root_key, read_draft, read_sealed, sign_draft,
};
use std::io::Write;
use std::path::Path;

/// What a holder does on his own machine, without an office; the rest is given back.
pub(super) fn alone(act: RootAct, pass: &Pass) -> Result<Result<Shown, RootAct>, OfficeError> {
    Ok(Ok(match act {
        RootAct::New { name, out } => {
            if out.exists() {
                let there = std::io::ErrorKind::AlreadyExists.into();
                return Err(OfficeError::File(out.display().to_string(), there));
            }
            let key = new_root_key(&name, &pass.get(&root_name(&name), true)?, Cost::OFFICE)?;
            write_private(&out, &key.encode())?;
            show::root_key(&key, &out)
        }
        RootAct::Show { file } => {
            let (root, signatures) = read_draft(&read(&file)?)?;
            show::draft(&root, signatures)
        }
        RootAct::Sign { file, key } => sign(&file, &key, pass)?,
        act => return Ok(Err(act)),
    }))
}

/// A root key is never opened with the passphrase of other keys, whatever it is called.
fn root_name(name: &str) -> String {
    if name.starts_with("root") { name.to_owned() } else { format!("root {name}") }
}

fn sign(file: &Path, key: &Path, pass: &Pass) -> Result<Shown, OfficeError> {
    let draft = read(file)?;
    let key = read_sealed(key)?;
    let (root, signatures) = read_draft(&draft)?;
    // He sees what he signs before he gives his passphrase.
    let _ = std::io::stderr().write_all(show::draft(&root, signatures).text.as_bytes());
    let passphrase = pass.get(&root_name(&key.name), false)?;
    let signed = sign_draft(&draft, &key, &passphrase)?;
    write_private(file, &signed)?;
    let (root, signatures) = read_draft(&signed)?;
    Ok(show::drafted(&root, signatures, file))
}

pub(super) async fn act(office: &Office, act: KeysAct, pass: &Pass) -> Result<Shown, OfficeError> {
    let ask = |key: &str, new: bool| pass.get(key, new);
    match act {
        KeysAct::List => Ok(show::keys(office)),
        KeysAct::Show { key } => Ok(show::key(&office.key(&key)?)),
        KeysAct::Root(RootAct::Draft { out, add, remove, threshold, new_keyset_key }) => {
            let add = add.into_iter().map(|key| key.0).collect();
            let change = RootChange { add, remove, threshold, new_keyset_key };
            let draft = office.draft_root(&change, &ask)?;
            write_private(&out, &draft)?;
            let (root, signatures) = read_draft(&draft)?;
            Ok(show::drafted(&root, signatures, &out))
        }
        KeysAct::Root(RootAct::Adopt { file }) => {
            office.adopt_root(&read(&file)?, &ask).await?;
            Ok(show::renewed(office))
        }
        KeysAct::Root(act) => match alone(act, pass)? {
            Ok(shown) => Ok(shown),
            Err(_) => Ok(show::keys(office)),
        },
        KeysAct::Keyset(KeysetAct::Rotate) => {
            office.rotate_keys(&ask).await?;
            Ok(show::renewed(office))
        }
        KeysAct::Keyset(KeysetAct::Renew) => {
            office.renew_keys(&ask).await?;
            Ok(show::renewed(office))
        }
        KeysAct::Revoke { kid, from, reason } => {
            let done = office.revoke_key(kid, from, &reason, &ask).await?;
            Ok(show::key_revoked(office, &done))
        }
        KeysAct::Passphrase { key, new_passphrase_file } => {
            let ask = |name: &str, new: bool| match &new_passphrase_file {
                Some(file) if new => pass::of_file(file),
                None if new => pass::ask(&format!("passphrase of {name}"), true),
                _ => pass.get(name, false),
            };
            office.change_passphrase(&key, &ask)?;
            Ok(show::passphrase(&key))
        }
        KeysAct::Tls(TlsAct::Renew { hosts }) => {
            office.renew_tls(&hosts, false, &ask).await?;
            Ok(show::renewed(office))
        }
        KeysAct::Tls(TlsAct::Change { hosts }) => {
            office.renew_tls(&hosts, true, &ask).await?;
            Ok(show::renewed(office))
        }
        KeysAct::Check => Ok(show::check(&office.check_chain())),
    }
}

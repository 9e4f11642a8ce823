//! The server's TLS material: the keys are sealed like all others, the rest lies beside them.

use super::chest::{Ask, Purpose};
use super::{Keys, read};
use crate::office::OfficeError;
use crate::office::tls::ServerTls;
use crate::units::UnixSeconds;
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::cbor::{self, CborError, Fields, Value};
use sha2::{Digest, Sha256};
use std::path::Path;
use zeroize::Zeroizing;

const FILE: &str = "tls.cbor";
const VERSION: i64 = 1;
/// How old a certificate may grow before it is to be renewed, seconds; it lasts a year.
const RENEW_AFTER: i64 = 335 * 86_400;

/// What of it everybody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsPublic {
    pub ca: Vec<u8>,
    pub chain: Vec<Vec<u8>>,
    pub pins: Vec<[u8; 32]>,
    pub made: i64,
    pub hosts: Vec<String>,
}

impl TlsPublic {
    /// Reads it, if there is any.
    pub fn read(dir: &Path) -> Result<Option<Self>, OfficeError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let wrong = |_: CborError| OfficeError::KeyFile(path.display().to_string());
        Self::decode(&read(&path)?).map(Some).map_err(wrong)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let limits = Limits { bytes: 64 * 1024, depth: 3 };
        let mut fields = Fields::of(cbor::decode(bytes, limits)?)?;
        if fields.int(1)? != VERSION {
            return Err(CborError::Range);
        }
        let chain = fields.array(3)?.into_iter().map(|value| match value {
            Value::Bytes(der) => Ok(der),
            _ => Err(CborError::Codec),
        });
        let chain = chain.collect::<Result<_, _>>()?;
        let hosts = fields.array(6)?.into_iter().map(|value| match value {
            Value::Text(host) => Ok(host),
            _ => Err(CborError::Codec),
        });
        let hosts = hosts.collect::<Result<_, _>>()?;
        let (ca, pins, made) = (fields.bytes(2)?, fields.list_bytes(4)?, fields.int(5)?);
        fields.finish()?;
        Ok(Self { ca, chain, pins, made, hosts })
    }

    fn encode(&self) -> Vec<u8> {
        let texts = self.hosts.iter().map(|host| Value::from(host.as_str())).collect();
        cbor::encode(&Value::Map(vec![
            (1, Value::Int(VERSION)),
            (2, Value::bytes(&self.ca)),
            (3, Value::Array(self.chain.iter().map(Value::bytes).collect())),
            (4, Value::Array(self.pins.iter().map(Value::bytes).collect())),
            (5, Value::Int(self.made)),
            (6, Value::Array(texts)),
        ]))
    }
}

impl Keys {
    /// Makes authority, server key and backup key.
    pub(super) fn make_tls(
        &mut self,
        hosts: &[String],
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        let tls = ServerTls::make(hosts, UnixSeconds(now))?;
        let ca: [u8; 32] = Sha256::digest(&tls.ca_der).into();
        self.chest.keep("tls-ca", Purpose::TlsCa, ca, &tls.ca_key, ask, None)?;
        self.keep_tls(&tls, hosts, now, ask)
    }

    /// Keeps the server's keys and certificate.
    fn keep_tls(
        &mut self,
        tls: &ServerTls,
        hosts: &[String],
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        let [pin, backup] = tls.pins;
        let same = |name: &str, public| {
            self.chest.all().iter().any(|e| e.name == name && e.public == public)
        };
        let (key_there, backup_there) = (same("tls", pin), same("tls-backup", backup));
        if !key_there {
            self.chest.keep("tls", Purpose::Tls, pin, &tls.key, ask, None)?;
        }
        if !backup_there {
            let (name, purpose) = ("tls-backup", Purpose::TlsBackup);
            self.chest.keep(name, purpose, backup, &tls.backup_key, ask, None)?;
        }
        self.show_tls(tls, hosts, now)
    }

    /// What everybody may see of it, in force from now on.
    pub(super) fn show_tls(
        &mut self,
        tls: &ServerTls,
        hosts: &[String],
        now: i64,
    ) -> Result<(), OfficeError> {
        let public = TlsPublic {
            ca: tls.ca_der.clone(),
            chain: tls.cert_chain.clone(),
            pins: tls.pins.to_vec(),
            made: now,
            hosts: hosts.to_vec(),
        };
        self.write(FILE, &public.encode())?;
        self.tls = Some(public);
        Ok(())
    }

    /// Uses TLS material that is kept elsewhere.
    pub fn use_tls(&mut self, tls: &ServerTls, now: i64) -> Result<(), OfficeError> {
        self.show_tls(tls, &[], now)
    }

    /// A new certificate under the same key; with `change`, under the backup key, and a new backup.
    pub fn renew_tls(
        &mut self,
        hosts: &[String],
        change: bool,
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        let purposes = [Purpose::TlsCa, Purpose::Tls, Purpose::TlsBackup];
        let needed = if change { &purposes[..] } else { &purposes[..2] };
        self.unlock(needed, now, ask)?;
        let old = self.tls.clone().ok_or_else(|| OfficeError::NoKey("tls".to_owned()))?;
        let hosts = if hosts.is_empty() { &old.hosts } else { hosts };
        let tls = self.material(&old)?;
        let at = UnixSeconds(now);
        let tls = if change { tls.change_key(hosts, at)? } else { tls.renew(hosts, at)? };
        self.keep_tls(&tls, hosts, now, ask)
    }

    /// What the server is run with; its key must be unlocked.
    pub fn server_tls(&self) -> Result<Option<ServerTls>, OfficeError> {
        let Some(public) = &self.tls else { return Ok(None) };
        self.chest.secret("tls")?;
        self.material(public).map(Some)
    }

    /// Puts it together; keys that are not unlocked stay empty.
    fn material(&self, public: &TlsPublic) -> Result<ServerTls, OfficeError> {
        let key =
            |name| self.chest.secret(name).cloned().unwrap_or_else(|_| Zeroizing::new(vec![]));
        let pins = public.pins.as_slice().try_into();
        Ok(ServerTls {
            ca_der: public.ca.clone(),
            ca_key: key("tls-ca"),
            cert_chain: public.chain.clone(),
            key: key("tls"),
            backup_key: key("tls-backup"),
            pins: pins.map_err(|_| OfficeError::KeyFile(FILE.to_owned()))?,
        })
    }

    /// The authority's certificate and the pins of the server's keys; empty without TLS.
    pub fn trust(&self) -> (Vec<u8>, Vec<[u8; 32]>) {
        self.tls.as_ref().map_or_else(Default::default, |tls| (tls.ca.clone(), tls.pins.clone()))
    }

    /// Whether the certificate is to be renewed.
    pub(super) fn tls_is_old(&self, now: i64) -> bool {
        self.tls.as_ref().is_some_and(|tls| now > tls.made.saturating_add(RENEW_AFTER))
    }
}

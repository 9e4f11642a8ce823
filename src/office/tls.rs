//! The server's certificate, from an authority of the office's own.
//!
//! ```text
//! authority   10 years, signs nothing but server certificates; its certificate goes into every
//!             enrolment file and is the only root a handheld knows
//! server      1 year, renewed under the same key; its key's hash is the first pin
//! backup      a key made ahead of time and kept apart; its hash is the second pin, so that the
//!             server's key can be replaced the day it is lost
//! ```
//!
//! Certificates prove who answers; they are never what makes a document believed. Where these
//! bytes lie, and under which seal, is the business of whoever calls.

use crate::units::UnixSeconds;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const DAY: u64 = 86_400;
/// How long the authority lasts: longer than a handheld.
const AUTHORITY_DAYS: u64 = 3653;
/// How long the server's certificate lasts.
const SERVER_DAYS: u64 = 365;
/// A handheld's clock may be this far behind on the day a certificate is made.
const HEAD_START_DAYS: u64 = 2;
/// What the authority calls itself. Handhelds know it by its key; the name is for people.
const AUTHORITY_NAME: &str = "meterkit office authority";

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// No host name or address to make a certificate for.
    #[error("not a host name or address: {0:?}")]
    Host(String),
    /// A key or certificate cannot be made or read.
    #[error("TLS material: {0}")]
    Material(String),
}

/// All the office needs to serve `https://`. The keys are PKCS #8, DER; whoever stores them seals
/// them.
#[derive(Clone)]
pub struct ServerTls {
    /// The authority's certificate, DER: for enrolment files.
    pub ca_der: Vec<u8>,
    /// The authority's key; needed only to renew.
    pub ca_key: Zeroizing<Vec<u8>>,
    /// The server's certificate and what leads to the authority, DER.
    pub cert_chain: Vec<Vec<u8>>,
    /// The server's key.
    pub key: Zeroizing<Vec<u8>>,
    /// The key to change to.
    pub backup_key: Zeroizing<Vec<u8>>,
    /// SHA-256 of the public keys (SPKI): the server's, and the backup's.
    pub pins: [[u8; 32]; 2],
}

impl ServerTls {
    /// Makes an authority, a server certificate for these hosts (names or addresses), and a backup
    /// key.
    ///
    /// # Errors
    /// [`TlsError::Host`] without a good host.
    pub fn make(hosts: &[String], now: UnixSeconds) -> Result<Self, TlsError> {
        let ca_key = new_key()?;
        let ca = authority(now)?.self_signed(&ca_key).map_err(material)?;
        let (key, backup) = (new_key()?, new_key()?);
        let leaf = leaf(hosts, now, &key, &ca_key)?;
        Ok(Self {
            ca_der: ca.der().to_vec(),
            ca_key: secret(&ca_key),
            cert_chain: vec![leaf],
            pins: [pin(&key), pin(&backup)],
            key: secret(&key),
            backup_key: secret(&backup),
        })
    }

    /// A new server certificate under the same authority and the same key: the pins stay.
    ///
    /// # Errors
    /// [`TlsError`]: no good host, or the keys cannot be read.
    pub fn renew(&self, hosts: &[String], now: UnixSeconds) -> Result<Self, TlsError> {
        let leaf = leaf(hosts, now, &read_key(&self.key)?, &read_key(&self.ca_key)?)?;
        Ok(Self { cert_chain: vec![leaf], ..self.clone() })
    }

    /// Changes to the backup key, which every handheld knows already, and makes a new backup to be
    /// announced with the next status documents.
    ///
    /// # Errors
    /// As [`ServerTls::renew`].
    pub fn change_key(&self, hosts: &[String], now: UnixSeconds) -> Result<Self, TlsError> {
        let (key, backup) = (read_key(&self.backup_key)?, new_key()?);
        let leaf = leaf(hosts, now, &key, &read_key(&self.ca_key)?)?;
        Ok(Self {
            cert_chain: vec![leaf],
            pins: [pin(&key), pin(&backup)],
            key: self.backup_key.clone(),
            backup_key: secret(&backup),
            ..self.clone()
        })
    }

    /// What the server is run with: TLS 1.3 and 1.2, no client certificates (handhelds sign every
    /// request).
    ///
    /// # Errors
    /// [`TlsError::Material`]: key and certificate are unreadable or do not belong together.
    pub fn config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = self.cert_chain.iter().cloned().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.to_vec()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(material)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(material)?;
        Ok(Arc::new(config))
    }
}

fn authority(now: UnixSeconds) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(vec![]).map_err(material)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    live(&mut params, now, AUTHORITY_DAYS);
    Ok(params)
}

/// A certificate for the server, DER.
fn leaf(
    hosts: &[String],
    now: UnixSeconds,
    key: &KeyPair,
    ca_key: &KeyPair,
) -> Result<Vec<u8>, TlsError> {
    let Some(first) = hosts.first().filter(|host| !host.is_empty()) else {
        return Err(TlsError::Host(String::new()));
    };
    let bad = |_| TlsError::Host(hosts.join(" "));
    let mut params = CertificateParams::new(hosts.to_vec()).map_err(bad)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, first.as_str());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    live(&mut params, now, SERVER_DAYS);
    let issuer = Issuer::new(authority(now)?, ca_key);
    Ok(params.signed_by(key, &issuer).map_err(material)?.der().to_vec())
}

fn live(params: &mut CertificateParams, now: UnixSeconds, days: u64) {
    let now = u64::try_from(now.0).unwrap_or(0);
    let at = |seconds: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = at(now.saturating_sub(HEAD_START_DAYS * DAY));
    params.not_after = at(now.saturating_add(days * DAY));
}

fn new_key() -> Result<KeyPair, TlsError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(material)
}

fn read_key(der: &[u8]) -> Result<KeyPair, TlsError> {
    let der = PrivatePkcs8KeyDer::from(der);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256).map_err(material)
}

fn secret(key: &KeyPair) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.serialize_der())
}

fn pin(key: &KeyPair) -> [u8; 32] {
    Sha256::digest(key.subject_public_key_info()).into()
}

fn material(error: impl std::fmt::Display) -> TlsError {
    TlsError::Material(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_795_000_000);

    fn hosts() -> Vec<String> {
        vec!["office.example".to_owned(), "192.0.2.7".to_owned()]
    }

    #[test]
    fn a_renewed_certificate_keeps_its_pins_and_a_changed_key_was_announced() {
        let made = ServerTls::make(&hosts(), NOW).unwrap();
        assert!(made.config().is_ok());
        let renewed = made.renew(&hosts(), UnixSeconds(NOW.0 + 300 * 86_400)).unwrap();
        assert_eq!((renewed.pins, &renewed.ca_der), (made.pins, &made.ca_der));
        assert_ne!(renewed.cert_chain, made.cert_chain);
        let changed = renewed.change_key(&hosts(), NOW).unwrap();
        assert_eq!(changed.pins[0], made.pins[1], "handhelds knew the new key");
        assert_ne!(changed.pins[1], made.pins[0], "the old key is out");
        assert!(changed.config().is_ok());
    }

    #[test]
    fn key_and_certificate_must_belong_together() {
        let made = ServerTls::make(&hosts(), NOW).unwrap();
        let mixed = ServerTls { key: made.backup_key.clone(), ..made };
        assert!(mixed.config().is_err());
    }

    #[test]
    fn no_certificate_without_a_host() {
        assert_eq!(ServerTls::make(&[], NOW).err(), Some(TlsError::Host(String::new())));
    }
}

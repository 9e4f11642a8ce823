//! Whom the handheld takes for its office's server: the normal certificate check with the office's
//! own authority as the only root, and around it a set of pinned keys.
//!
//! Both must hold. The authority alone would let whoever gets a certificate out of it in; a pin
//! alone would accept an expired certificate, or one for another host. The time for the check is
//! an argument: the later of the handheld's clock and its trusted floor.

use super::super::error::Untrusted;
use crate::units::UnixSeconds;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError};
use rustls::{RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What the server must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The certificate (DER) of the office's own authority. Empty: no `https://` at all.
    pub ca: Vec<u8>,
    /// SHA-256 of the public keys (SPKI) the server may have.
    pub pins: Vec<[u8; 32]>,
    /// The time to judge certificates by: the later of the handheld's clock and its trusted floor.
    pub now: UnixSeconds,
}

impl Trust {
    /// For an office on this very machine, without TLS.
    pub fn none() -> Self {
        Self { ca: vec![], pins: vec![], now: UnixSeconds(0) }
    }
}

/// The TLS side of a connection to one office.
pub(super) fn config(trust: &Trust) -> Result<Arc<ClientConfig>, Untrusted> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from(trust.ca.clone());
    roots.add(ca).map_err(|_| Untrusted::NoAuthority)?;
    if trust.pins.is_empty() {
        return Err(Untrusted::NoPins);
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let inner = inner.build().map_err(|_| Untrusted::NoAuthority)?;
    let verifier = Pinned { inner, pins: trust.pins.clone() };
    let seconds = u64::try_from(trust.now.0).unwrap_or(0);
    let clock = Fixed(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    let config = builder(provider, clock)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder(provider: Arc<CryptoProvider>, clock: Fixed) -> Result<Builder, Untrusted> {
    ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Untrusted::Handshake(error.to_string()))
}

/// One exchange takes minutes at most; its time does not move.
#[derive(Debug)]
struct Fixed(UnixTime);

impl TimeProvider for Fixed {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// The normal verifier, and then the pins.
#[derive(Debug)]
struct Pinned {
    inner: Arc<WebPkiServerVerifier>,
    pins: Vec<[u8; 32]>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let inner = &self.inner;
        let checked =
            inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let key: [u8; 32] = Sha256::digest(&key).into();
        if self.pins.contains(&key) { Ok(checked) } else { Err(not_pinned()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Carries our own reason through the TLS library.
#[derive(Debug)]
struct NotPinned;

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's key is not pinned")
    }
}

impl std::error::Error for NotPinned {}

fn not_pinned() -> Error {
    let reason = OtherError(Arc::new(NotPinned));
    Error::InvalidCertificate(CertificateError::Other(reason))
}

/// What the TLS library's refusal means to a person.
pub(super) fn reason(error: &Error) -> Untrusted {
    use CertificateError as C;
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        Error::InvalidMessage(_) => return Untrusted::NotTls,
        other => return Untrusted::Handshake(other.to_string()),
    };
    match certificate {
        C::Other(other) if other.0.is::<NotPinned>() => Untrusted::Pin,
        C::UnknownIssuer | C::BadSignature => Untrusted::Authority,
        C::Expired | C::ExpiredContext { .. } => Untrusted::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => Untrusted::NotYet,
        C::NotValidForName | C::NotValidForNameContext { .. } => Untrusted::Name,
        other => Untrusted::Certificate(other.to_string()),
    }
}

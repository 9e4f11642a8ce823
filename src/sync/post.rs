//! One request and its answer: over HTTP, or over anything else that carries bytes.
//!
//! Plain HTTP without TLS for now: everything that matters is signed, so whoever listens in learns
//! names and amounts but can change nothing. Redirects are not followed, proxies from the
//! environment are not used, and an answer is cut off at its limit.

use super::error::{Lie, SyncError};
use super::wire::MAX_BODY;
use std::time::Duration;
use ureq::Agent;

/// Carries one request to the office and brings its answer.
pub trait Post {
    /// Sends `body` to `path` and gives the body of the answer, whatever it is.
    ///
    /// # Errors
    /// [`SyncError::Unreachable`], [`SyncError::Timeout`], or [`SyncError::Lies`] for an answer no
    /// office gives.
    fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, SyncError>;
}

/// Any function that carries bytes: an office in the same process, a test.
impl<F> Post for F
where
    F: Fn(&str, &[u8]) -> Result<Vec<u8>, SyncError>,
{
    fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        self(path, body)
    }
}

/// How long to wait for an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole request and its answer. At 3 KB/s a full pack takes 22 s.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), whole: Duration::from_secs(60) }
    }
}

/// An office behind an `http://` address.
#[derive(Debug)]
pub struct Http {
    base: String,
    agent: Agent,
}

impl Http {
    /// An office at `http://host[:port]`.
    ///
    /// # Errors
    /// [`SyncError::Address`] for anything else, `https` included: this build carries no TLS.
    pub fn new(url: &str, timeouts: Timeouts) -> Result<Self, SyncError> {
        let bad = || SyncError::Address(url.to_owned());
        let base = url.trim().trim_end_matches('/');
        let host = base.strip_prefix("http://").ok_or_else(bad)?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad());
        }
        let config = Agent::config_builder()
            .timeout_global(Some(timeouts.whole))
            .timeout_connect(Some(timeouts.connect))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("meterkit/", env!("CARGO_PKG_VERSION")));
        Ok(Self { base: base.to_owned(), agent: config.build().into() })
    }
}

impl Post for Http {
    fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).content_type("application/cbor");
        let mut response = request.send(body).map_err(failed)?;
        match response.status().as_u16() {
            200 => {}
            // A busy or restarting office, or the proxy in front of it.
            status @ (408 | 429 | 500..=599) => {
                return Err(SyncError::Unreachable(format!("HTTP status {status}")));
            }
            status => return Err(Lie::Status(status).into()),
        }
        let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
        response.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)
    }
}

fn failed(error: ureq::Error) -> SyncError {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(_) => SyncError::Timeout,
        ureq::Error::Io(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            SyncError::Timeout
        }
        ureq::Error::BodyExceedsLimit(_) => Lie::TooLong.into(),
        ureq::Error::BadUri(what) => SyncError::Address(what),
        other => SyncError::Unreachable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses() {
        for good in ["http://127.0.0.1:8080", "http://office.example/", " http://[::1]:80 "] {
            assert!(Http::new(good, Timeouts::default()).is_ok(), "{good}");
        }
        for bad in ["", "https://office", "office:8080", "http://", "http://a b", "ftp://x"] {
            let error = Http::new(bad, Timeouts::default()).unwrap_err();
            assert_eq!(error.code(), "office-address", "{bad}");
        }
    }
}

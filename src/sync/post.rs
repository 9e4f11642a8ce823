//! One request and its answer: over HTTP, or over anything else that carries bytes.
//!
//! `https://` with the office's own authority and pinned keys ([`Trust`]); `http://` only to this
//! very machine. Everything that matters is signed all the same: whoever breaks the line open can
//! change nothing. Redirects are not followed, proxies from the environment are not used, and an
//! answer is cut off at its limit.

mod tls;
mod verify;

use super::error::{Lie, SyncError, Untrusted};
use super::wire::MAX_BODY;
use std::net::IpAddr;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

pub use verify::Trust;

/// Longest wait an office can ask for inside one request, and how often it can. A large area list
/// is more requests than the office takes at once; whoever asks for more is come back to later.
const MAX_WAIT: Duration = Duration::from_secs(2);
const MAX_WAITS: u32 = 2;

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

/// An office behind an `https://` address, or behind an `http://` one on this machine.
#[derive(Debug)]
pub struct Http {
    base: String,
    agent: Agent,
}

impl Http {
    /// An office at `https://host[:port]`, whose server must be as `trust` says; or at
    /// `http://127.0.0.1[:port]`, `[::1]` or `localhost`, where `trust` says nothing.
    ///
    /// # Errors
    /// [`SyncError::Address`] for anything else; [`SyncError::Untrusted`] without an authority or
    /// pins to check an `https://` server by.
    pub fn new(url: &str, trust: &Trust, timeouts: Timeouts) -> Result<Self, SyncError> {
        let base = url.trim().trim_end_matches('/');
        let secure = secure(base).ok_or_else(|| SyncError::Address(url.to_owned()))?;
        let config = Agent::config_builder()
            .timeout_global(Some(timeouts.whole))
            .timeout_connect(Some(timeouts.connect))
            .http_status_as_error(false)
            .https_only(secure)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("meterkit/", env!("CARGO_PKG_VERSION")))
            .build();
        let tcp = TcpConnector::default();
        let resolver = DefaultResolver::default();
        let agent = if secure {
            let tls = tls::TlsConnector(verify::config(trust)?);
            Agent::with_parts(config, tcp.chain(tls), resolver)
        } else {
            Agent::with_parts(config, tcp, resolver)
        };
        Ok(Self { base: base.to_owned(), agent })
    }
}

/// Whether an address is one with TLS; `None` when it is none an office may have. Without TLS
/// nothing leaves this machine.
fn secure(base: &str) -> Option<bool> {
    let uri: Uri = base.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let plain = uri.path() == "/" && uri.query().is_none();
    // No user names: what stands before an `@` looks like a host to whoever reads in haste.
    if !plain || uri.authority()?.as_str().contains('@') {
        return None;
    }
    match uri.scheme_str()? {
        "https" => Some(true),
        "http" if is_loopback(host) => Some(false),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    address || host.eq_ignore_ascii_case("localhost")
}

impl Post for Http {
    fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        let mut waits = 0;
        loop {
            match self.once(path, body)? {
                Got::Answer(answer) => return Ok(answer),
                Got::Later(wait) if wait <= MAX_WAIT && waits < MAX_WAITS => {
                    std::thread::sleep(wait);
                    waits += 1;
                }
                Got::Later(_) => return Err(SyncError::Busy),
            }
        }
    }
}

/// What one request brought.
enum Got {
    /// An answer.
    Answer(Vec<u8>),
    /// "Too many requests", and how long to wait.
    Later(Duration),
}

impl Http {
    fn once(&self, path: &str, body: &[u8]) -> Result<Got, SyncError> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).content_type("application/cbor");
        let mut response = request.send(body).map_err(failed)?;
        match response.status().as_u16() {
            200 => {}
            429 => {
                let wait = response.headers().get("retry-after");
                let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
                return Ok(Got::Later(Duration::from_secs(wait.unwrap_or(u64::MAX))));
            }
            // A busy or restarting office, or the proxy in front of it.
            status @ (408 | 500..=599) => {
                return Err(SyncError::Unreachable(format!("HTTP status {status}")));
            }
            status => return Err(Lie::Status(status).into()),
        }
        // The client's limit is the first length it refuses.
        let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX).saturating_add(1);
        let answer = response.body_mut().with_config().limit(limit).read_to_vec();
        answer.map(Got::Answer).map_err(failed)
    }
}

fn failed(error: ureq::Error) -> SyncError {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(_) => SyncError::Timeout,
        ureq::Error::Io(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            SyncError::Timeout
        }
        ureq::Error::Io(error) => match error.get_ref().and_then(|e| e.downcast_ref()) {
            Some(refusal) => verify::reason(refusal).into(),
            None => SyncError::Unreachable(error.to_string()),
        },
        ureq::Error::BodyExceedsLimit(_) => Lie::TooLong.into(),
        ureq::Error::BadUri(what) => SyncError::Address(what),
        ureq::Error::TlsRequired => Untrusted::NotTls.into(),
        other => SyncError::Unreachable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str) -> &'static str {
        let built = Http::new(url, &Trust::none(), Timeouts::default());
        built.map_or_else(|error| error.code(), |_| "good")
    }

    #[test]
    fn without_tls_only_this_machine() {
        for good in
            ["http://127.0.0.1:8080", " http://[::1]:80 ", "http://localhost/", "http://127.9.9.9"]
        {
            assert_eq!(code(good), "good", "{good}");
        }
        let bad = [
            "",
            "office:8080",
            "http://",
            "http://a b",
            "ftp://x",
            "http://office.example",
            "http://192.168.1.10:8080",
            "http://127.0.0.1.office.example",
            "http://localhost@office.example",
            "http://[::2]",
            "http://0.0.0.0",
            "http://127.0.0.1/path",
            "https://",
            "https://office.example/a?b",
        ];
        for bad in bad {
            assert_eq!(code(bad), "office-address", "{bad}");
        }
    }

    #[test]
    fn with_tls_only_with_an_authority_and_pins() {
        assert_eq!(code("https://office.example"), "office-untrusted");
    }
}

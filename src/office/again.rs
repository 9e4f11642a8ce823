//! Transactions that are run again, whole, when the database was busy; and the conflicts that tests
//! let happen.

use std::sync::Arc;
use std::time::Duration;

/// How often a transaction is tried before "busy" is reported.
pub(super) const MAX_ATTEMPTS: u32 = 12;
/// The first pause before another attempt; each is twice the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Runs a whole transaction; again from the start when the database was busy. A macro, because an
/// async closure over a borrowed transaction cannot yet be required to be `Send`.
macro_rules! transact {
    ($ledger:expr, |$tx:ident| $body:expr) => {{
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = async {
                let mut $tx = $ledger.begin().await?;
                let value = $body?;
                $tx.commit().await?;
                Ok::<_, $crate::office::OfficeError>(value)
            };
            match result.await {
                Err(error) if error.is_busy() && attempt < $crate::office::again::MAX_ATTEMPTS => {
                    $ledger.count_retry();
                    tokio::time::sleep($crate::office::again::pause(attempt)).await;
                }
                result => break result,
            }
        }
    }};
}
pub(super) use transact;

/// How long to wait before another attempt: longer each time, and between half and the whole of it
/// by chance, so that two who met do not meet again.
pub(super) fn pause(attempt: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
    let chance = super::keys::random().map_or(128, |bytes| u32::from(bytes[0]));
    doubled / 2 + doubled / 2 * chance / 255
}

/// Says before each commit whether it is to fail as a distributed database may let it: for tests.
#[derive(Clone)]
pub(super) struct Conflicts(pub Arc<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Conflicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conflicts")
    }
}

/// A serialization failure nobody else is to blame for.
#[derive(Debug, thiserror::Error)]
#[error("could not serialize access (injected)")]
pub(super) struct Injected;

impl sqlx::error::DatabaseError for Injected {
    fn message(&self) -> &str {
        "could not serialize access (injected)"
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some("40001".into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}

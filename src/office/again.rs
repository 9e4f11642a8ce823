//! Transactions that are run again, whole, when the database was busy.

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

//! Looking for heads in reach, for a list. Only on request: it takes radio time and power.

use std::time::Duration;

use btleplug::api::{Central, Peripheral as _, ScanFilter};
use tokio::time::timeout;

use super::choose::HEADS;
use super::worker::{adapters, failed};
use crate::transport::{HeadRow, LinkError};

/// Devices listed at most; a market hall has hundreds.
const FOUND_MAX: usize = 256;

/// What every step besides the listening may take.
const STEP_MAX: Duration = Duration::from_secs(5);

/// A device in reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What to connect to.
    pub address: String,
    /// What it calls itself; it may change after the first connection.
    pub name: Option<String>,
    /// The kind of head, if it announces a service of one.
    pub kind: Option<String>,
    /// How well it is heard, dBm.
    pub rssi: Option<i16>,
}

/// Listens for `time` on every adapter; heads first, the best heard first.
///
/// # Errors
/// [`LinkError::Missing`] without an adapter; [`LinkError::Denied`]; [`LinkError::Io`].
pub fn scan(time: Duration, rows: &[HeadRow]) -> Result<Vec<Found>, LinkError> {
    let rows = rows.to_vec();
    // Streams of btleplug must be dropped inside its runtime, which ends with this thread.
    let thread = std::thread::Builder::new().name("ble scan".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| LinkError::Io(format!("ble runtime: {error}")))?;
        runtime.block_on(async {
            let limit = time + 3 * STEP_MAX;
            let stuck = |_| LinkError::Io("Bluetooth does not react".to_owned());
            timeout(limit, listen(time, &rows)).await.map_err(stuck)?
        })
    });
    let thread = thread.map_err(|error| LinkError::Io(format!("ble thread: {error}")))?;
    // A panic has been reported by the hook already.
    thread.join().unwrap_or(Err(LinkError::Gone))
}

async fn listen(time: Duration, rows: &[HeadRow]) -> Result<Vec<Found>, LinkError> {
    let wrong = |error: btleplug::Error| failed("ble", &error);
    let adapters = adapters("ble").await?;
    for adapter in &adapters {
        adapter.start_scan(ScanFilter::default()).await.map_err(wrong)?;
    }
    tokio::time::sleep(time).await;
    let mut all: Vec<Found> = Vec::new();
    for adapter in &adapters {
        for head in adapter.peripherals().await.map_err(wrong)?.into_iter().take(FOUND_MAX) {
            let about = head.properties().await.ok().flatten().unwrap_or_default();
            let kind = about.services.iter().find_map(|service| kind(service.as_u128(), rows));
            // Names come off the air: no control characters on a screen.
            let clean = |name: String| name.chars().filter(|c| !c.is_control()).take(64).collect();
            all.push(Found {
                address: head.address().to_string(),
                name: about.local_name.map(clean),
                kind,
                rssi: about.rssi,
            });
        }
        // One that cannot stop says so when we connect.
        let _ = timeout(STEP_MAX, adapter.stop_scan()).await;
    }
    all.sort_by(|left, right| {
        let weak = |found: &Found| -found.rssi.map_or(-200, i32::from);
        let key = |found: &Found| (found.kind.is_none(), weak(found));
        key(left).cmp(&key(right)).then_with(|| left.address.cmp(&right.address))
    });
    all.dedup_by(|left, right| left.address == right.address);
    Ok(all)
}

fn kind(service: u128, rows: &[HeadRow]) -> Option<String> {
    let added = rows.iter().find(|row| row.service == service).map(|row| row.name.clone());
    let known = || HEADS.iter().find(|head| head.service.as_u128() == service);
    added.or_else(|| known().map(|head| head.name.to_owned()))
}

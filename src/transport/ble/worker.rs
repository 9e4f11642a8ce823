//! The thread behind a [`super::BleLink`]: finds the head, connects, carries bytes, closes.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use btleplug::api::{
    Central, CentralEvent, CharPropFlags, Characteristic, Manager as _, Peripheral as _,
    ScanFilter, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures_util::StreamExt;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::Patience;
use super::choose::{Chosen, choose};
use crate::transport::LinkError;

/// How long one write, and each step of closing, may take.
const STEP_MAX: Duration = Duration::from_secs(3);

/// The smallest and largest piece written at once: the default MTU less its header, and the longest
/// attribute there is (Bluetooth Core, Vol 3 Part F 3.2.9).
const PIECE: (usize, usize) = (20, 512);

/// What the thread tells.
#[derive(Debug)]
pub enum Event {
    /// Connected, subscribed.
    Open,
    /// Could not be opened; the last event.
    Failed(LinkError),
    /// Bytes from the head.
    Data(Vec<u8>),
    /// The head went away; the last event.
    Gone,
}

/// The whole life of a connection. Returns when the other end of `inbox` is dropped or the head is
/// gone.
pub fn run(address: &str, patience: Patience, inbox: Receiver<Vec<u8>>, out: &SyncSender<Event>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listening means nobody to tell.
            let _ = out.send(Event::Failed(LinkError::Io(format!("ble runtime: {error}"))));
            return;
        }
    };
    runtime.block_on(async {
        match open(address, patience).await {
            Err(error) => {
                let _ = out.send(Event::Failed(error));
            }
            Ok((adapter, head, chosen)) => {
                if let Err(error) = carry(&adapter, &head, &chosen, inbox, out).await {
                    let _ = out.try_send(Event::Failed(error));
                } else {
                    let _ = out.try_send(Event::Gone);
                }
                close(&head, &chosen.notify).await;
            }
        }
    });
}

/// Finds the head and its line, connected.
async fn open(
    address: &str,
    patience: Patience,
) -> Result<(Adapter, Peripheral, Chosen), LinkError> {
    let place = format!("ble:{address}");
    let manager = Manager::new().await.map_err(|error| failed(&place, &error))?;
    let adapters = manager.adapters().await.map_err(|error| failed(&place, &error))?;
    if adapters.is_empty() {
        return Err(LinkError::Missing(format!("{place} (no Bluetooth adapter)")));
    }
    // The order BlueZ lists adapters in is random; hci0 first.
    let mut named = Vec::new();
    for adapter in adapters {
        named.push((adapter.adapter_info().await.unwrap_or_default(), adapter));
    }
    named.sort_by(|left, right| left.0.cmp(&right.0));
    let mut last = LinkError::Missing(format!("{place} (not in reach)"));
    for (_, adapter) in named {
        match find(&adapter, address, patience.scan).await {
            Ok(Some(head)) => {
                let chosen = connect(&head, &place, patience).await?;
                return Ok((adapter, head, chosen));
            }
            Ok(None) => {}
            Err(error) => last = failed(&place, &error),
        }
    }
    Err(last)
}

/// The head with this address, known already or after looking for it.
async fn find(
    adapter: &Adapter,
    address: &str,
    scan: Duration,
) -> btleplug::Result<Option<Peripheral>> {
    if let Some(head) = known(adapter, address).await? {
        return Ok(Some(head));
    }
    let mut events = adapter.events().await?;
    adapter.start_scan(ScanFilter::default()).await?;
    let search = async {
        while let Some(event) = events.next().await {
            let seen =
                matches!(event, CentralEvent::DeviceDiscovered(_) | CentralEvent::DeviceUpdated(_));
            if seen && let Some(head) = known(adapter, address).await? {
                return Ok(Some(head));
            }
        }
        Ok(None)
    };
    let found: btleplug::Result<_> = timeout(scan, search).await.unwrap_or(Ok(None));
    // Scanning and connecting at once fails on many adapters; one that cannot stop says so when we
    // connect.
    let _ = adapter.stop_scan().await;
    match found? {
        Some(head) => Ok(Some(head)),
        None => known(adapter, address).await,
    }
}

async fn known(adapter: &Adapter, address: &str) -> btleplug::Result<Option<Peripheral>> {
    let heads = adapter.peripherals().await?;
    Ok(heads.into_iter().find(|head| head.address().to_string().eq_ignore_ascii_case(address)))
}

/// Connects and chooses the line; leaves nothing connected when it fails.
async fn connect(head: &Peripheral, place: &str, patience: Patience) -> Result<Chosen, LinkError> {
    let result = connect_inner(head, place, patience).await;
    if result.is_err() {
        let _ = timeout(STEP_MAX, head.disconnect()).await;
    }
    result
}

async fn connect_inner(
    head: &Peripheral,
    place: &str,
    patience: Patience,
) -> Result<Chosen, LinkError> {
    let silent = |_| LinkError::Missing(format!("{place} (does not answer)"));
    if !head.is_connected().await.unwrap_or(false) {
        let connected = timeout(patience.connect, head.connect()).await.map_err(silent)?;
        connected.map_err(|error| failed(place, &error))?;
    }
    let found = timeout(patience.services, head.discover_services()).await.map_err(silent)?;
    found.map_err(|error| failed(place, &error))?;
    choose(&head.services())
        .ok_or_else(|| LinkError::Io(format!("{place}: the device has no serial service")))
}

/// Carries bytes both ways until one end is gone.
async fn carry(
    adapter: &Adapter,
    head: &Peripheral,
    chosen: &Chosen,
    mut inbox: Receiver<Vec<u8>>,
    out: &SyncSender<Event>,
) -> Result<(), LinkError> {
    let io = |error: btleplug::Error| failed(chosen.name, &error);
    // Both before the subscription, so that nothing can be missed in between.
    let mut events = adapter.events().await.map_err(io)?;
    let mut data = head.notifications().await.map_err(io)?;
    head.subscribe(&chosen.notify).await.map_err(io)?;
    if out.send(Event::Open).is_err() {
        return Ok(());
    }
    let ours = head.id();
    loop {
        tokio::select! {
            // What arrived before the link was lost still counts.
            biased;
            value = data.next() => match value {
                Some(value) if value.uuid == chosen.notify.uuid => {
                    if out.try_send(Event::Data(value.value)).is_err() {
                        return Ok(());
                    }
                }
                Some(_) => {}
                None => return Ok(()),
            },
            event = events.next() => match event {
                Some(CentralEvent::DeviceDisconnected(id)) if id == ours => return Ok(()),
                Some(_) => {}
                None => return Ok(()),
            },
            bytes = inbox.recv() => match bytes {
                Some(bytes) => write(head, &chosen.write, &bytes).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Writes in pieces that fit.
async fn write(head: &Peripheral, line: &Characteristic, bytes: &[u8]) -> Result<(), LinkError> {
    let quiet = line.properties.contains(CharPropFlags::WRITE_WITHOUT_RESPONSE);
    let how = if quiet { WriteType::WithoutResponse } else { WriteType::WithResponse };
    let piece = usize::from(head.mtu()).saturating_sub(3).clamp(PIECE.0, PIECE.1);
    for part in bytes.chunks(piece) {
        match timeout(STEP_MAX, head.write(line, part, how)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(LinkError::Gone),
        }
    }
    Ok(())
}

/// Lets go of the head. It takes up to two seconds and nobody waits for it; a head that is away
/// already answers nothing, hence the limits and no errors.
async fn close(head: &Peripheral, notify: &Characteristic) {
    let _ = timeout(STEP_MAX, head.unsubscribe(notify)).await;
    let _ = timeout(STEP_MAX, head.disconnect()).await;
}

fn failed(place: &str, error: &btleplug::Error) -> LinkError {
    match error {
        btleplug::Error::PermissionDenied => LinkError::Denied(place.to_owned()),
        btleplug::Error::NotConnected | btleplug::Error::DeviceNotFound => LinkError::Gone,
        btleplug::Error::NoAdapterAvailable => {
            LinkError::Missing(format!("{place} (no Bluetooth adapter)"))
        }
        other => LinkError::Io(format!("{place}: {other}")),
    }
}

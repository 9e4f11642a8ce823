//! The thread behind a [`super::BleLink`]: finds the head, connects, carries bytes, closes.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, PoisonError};
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
use crate::transport::{HeadRow, LinkError};

/// How long one write, and each step of closing, may take.
const STEP_MAX: Duration = Duration::from_secs(3);

/// The smallest and largest piece written at once: the default MTU less its header, and the longest
/// attribute there is (Bluetooth Core, Vol 3 Part F 3.2.9).
const PIECE: (usize, usize) = (20, 512);

/// How often connecting is tried, and the pause before it is tried again.
const CONNECT_TRIES: u32 = 3;
const CONNECT_PAUSE: Duration = Duration::from_millis(300);

/// How long an earlier connection may take to close (1.8-2.0 s with `BlueZ`, transport.md 3.3).
const CLOSING_MAX: Duration = Duration::from_secs(7);

/// What to connect to.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The head's address.
    pub address: String,
    /// How long to try.
    pub patience: Patience,
    /// Kinds of heads the user has added.
    pub rows: Vec<HeadRow>,
}

/// Heads this process is connected to, or still letting go of.
static HEADS_IN_USE: (Mutex<BTreeSet<String>>, Condvar) =
    (Mutex::new(BTreeSet::new()), Condvar::new());

/// The right to be the only one at a head.
struct Alone(String);

impl Alone {
    fn with(address: &str, wait: Duration) -> Option<Alone> {
        let (heads, freed) = &HEADS_IN_USE;
        let heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |heads: &mut BTreeSet<String>| heads.contains(address);
        let (mut heads, _) =
            freed.wait_timeout_while(heads, wait, taken).unwrap_or_else(PoisonError::into_inner);
        heads.insert(address.to_owned()).then(|| Alone(address.to_owned()))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let (heads, freed) = &HEADS_IN_USE;
        heads.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        freed.notify_all();
    }
}

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
pub fn run(wanted: &Wanted, inbox: Receiver<Vec<u8>>, out: &SyncSender<Event>) {
    // An earlier connection to the same head may still be closing; it would take this one along.
    let Some(_alone) = Alone::with(&wanted.address, CLOSING_MAX) else {
        let _ = out.send(Event::Failed(LinkError::Busy(format!("ble:{}", wanted.address))));
        return;
    };
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
        match open(wanted).await {
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
async fn open(wanted: &Wanted) -> Result<(Adapter, Peripheral, Chosen), LinkError> {
    let place = format!("ble:{}", wanted.address);
    let mut last = LinkError::Missing(format!("{place} (not in reach)"));
    for adapter in adapters(&place).await? {
        match find(&adapter, &wanted.address, wanted.patience.scan).await {
            Ok(Some(head)) => {
                let chosen = connect(&head, &place, wanted).await?;
                return Ok((adapter, head, chosen));
            }
            Ok(None) => {}
            Err(error) => last = failed(&place, &error),
        }
    }
    Err(last)
}

/// The adapters of this machine, at least one.
pub(super) async fn adapters(place: &str) -> Result<Vec<Adapter>, LinkError> {
    let manager = Manager::new().await.map_err(|error| failed(place, &error))?;
    let adapters = manager.adapters().await.map_err(|error| failed(place, &error))?;
    if adapters.is_empty() {
        return Err(LinkError::Missing(format!("{place} (no Bluetooth adapter)")));
    }
    // The order BlueZ lists adapters in is random; hci0 first.
    let mut named = Vec::new();
    for adapter in adapters {
        named.push((adapter.adapter_info().await.unwrap_or_default(), adapter));
    }
    named.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(named.into_iter().map(|(_, adapter)| adapter).collect())
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

/// Connects and chooses the line; leaves nothing connected when it fails. A first try often breaks
/// off on a busy radio, so one that failed at once is made again; silence is not, it takes too
/// long.
async fn connect(head: &Peripheral, place: &str, wanted: &Wanted) -> Result<Chosen, LinkError> {
    let mut tries = CONNECT_TRIES;
    loop {
        tries -= 1;
        let (again, error) = match connect_once(head, place, wanted).await {
            Ok(chosen) => return Ok(chosen),
            Err(refused) => refused,
        };
        let _ = timeout(STEP_MAX, head.disconnect()).await;
        if !again || tries == 0 {
            return Err(error);
        }
        tokio::time::sleep(CONNECT_PAUSE).await;
    }
}

/// One try; why it failed, and whether another makes sense.
async fn connect_once(
    head: &Peripheral,
    place: &str,
    wanted: &Wanted,
) -> Result<Chosen, (bool, LinkError)> {
    let Patience { connect, services, .. } = wanted.patience;
    let silent = |_| (false, LinkError::Missing(format!("{place} (does not answer)")));
    let broke = |error| match failed(place, &error) {
        LinkError::Denied(place) => (false, LinkError::Denied(place)),
        LinkError::Gone => (true, LinkError::Missing(format!("{place} (does not stay connected)"))),
        other => (true, other),
    };
    if !head.is_connected().await.unwrap_or(false) {
        timeout(connect, head.connect()).await.map_err(silent)?.map_err(broke)?;
    }
    timeout(services, head.discover_services()).await.map_err(silent)?.map_err(broke)?;
    let nothing = || LinkError::Io(format!("{place}: the device has no serial service"));
    choose(&head.services(), &wanted.rows).ok_or_else(|| (false, nothing()))
}

/// Carries bytes both ways until one end is gone.
async fn carry(
    adapter: &Adapter,
    head: &Peripheral,
    chosen: &Chosen,
    mut inbox: Receiver<Vec<u8>>,
    out: &SyncSender<Event>,
) -> Result<(), LinkError> {
    let io = |error: btleplug::Error| failed(&chosen.name, &error);
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

pub(super) fn failed(place: &str, error: &btleplug::Error) -> LinkError {
    match error {
        btleplug::Error::PermissionDenied => LinkError::Denied(place.to_owned()),
        btleplug::Error::NotConnected | btleplug::Error::DeviceNotFound => LinkError::Gone,
        btleplug::Error::NoAdapterAvailable => {
            LinkError::Missing(format!("{place} (no Bluetooth adapter)"))
        }
        other => LinkError::Io(format!("{place}: {other}")),
    }
}

//! Bluetooth LE heads: a serial line behind two GATT characteristics, one written, one notifying.
//!
//! A thread of its own turns a current-thread tokio runtime for as long as the link lives, because
//! btleplug runs tasks that starve when the runtime turns only inside calls, and panics when its
//! streams are dropped outside it. Outside the face is blocking, like every [`Link`].
//!
//! What a head does with the line behind it (baud, parity) cannot be set from here: it is fixed,
//! automatic or a vendor's command. A link that is lost shows as an event of the adapter only; the
//! notifications just stop (transport.md 3.3). Classic Bluetooth heads are `/dev/rfcomm0`.

mod choose;
mod scan;
mod worker;

pub use choose::{HEADS, Head};
pub use scan::{Found, scan};

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender, channel, error::TrySendError};

use super::echo::{Echo, Habit, Raw};
use super::{HeadRow, LineSettings, Link, LinkError, Timing};
use worker::{Event, Wanted};

/// What radio and head may add to an answer (transport.md 6).
const SLACK: Duration = Duration::from_millis(400);

/// Messages waiting for the radio at most.
const COMMANDS_MAX: usize = 16;

/// Notifications waiting to be read at most; the link is given up beyond, rather than losing bytes
/// unnoticed.
const EVENTS_MAX: usize = 4096;

/// What connecting may take beyond [`Patience`] before the thread is given up: Bluetooth hangs.
const OPEN_EXTRA: Duration = Duration::from_secs(20);

/// How often connecting looks at the cancel flag.
const SLICE: Duration = Duration::from_millis(50);

/// How long each part of connecting may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Looking for the head.
    pub scan: Duration,
    /// Connecting. `BlueZ` itself gives up after 30 s (transport.md 3.3).
    pub connect: Duration,
    /// Learning its services.
    pub services: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let [scan, connect, services] = [10, 6, 6].map(Duration::from_secs);
        Patience { scan, connect, services }
    }
}

/// A connection to a Bluetooth LE head.
#[derive(Debug)]
pub struct BleLink {
    raw: BleRaw,
    echo: Echo,
    /// Dropping it ends the thread, which then closes the connection in the background.
    commands: Sender<Vec<u8>>,
    settings: LineSettings,
    free: Duration,
}

#[derive(Debug)]
struct BleRaw {
    opened: Instant,
    events: Receiver<Event>,
    rest: VecDeque<u8>,
    gone: bool,
}

impl BleLink {
    /// Looks for the head with `address` and connects to it. `settings` say how long characters
    /// take on the line behind it.
    ///
    /// # Errors
    /// [`LinkError::Missing`] when there is no adapter, no such head, or it does not answer;
    /// [`LinkError::Denied`]; [`LinkError::Io`] when it is no serial head, or Bluetooth is off.
    pub fn connect(address: &str, settings: &LineSettings) -> Result<BleLink, LinkError> {
        BleLink::connect_within(address, settings, Patience::default(), &[])
    }

    /// [`BleLink::connect`] with limits of your own and kinds of heads besides the ones built in.
    ///
    /// # Errors
    /// As there.
    pub fn connect_within(
        address: &str,
        settings: &LineSettings,
        patience: Patience,
        rows: &[HeadRow],
    ) -> Result<BleLink, LinkError> {
        BleLink::connect_until(address, settings, patience, rows, &AtomicBool::new(false))
    }

    /// [`BleLink::connect_within`], given up as soon as `cancel` is set.
    ///
    /// # Errors
    /// As there; [`LinkError::Cancelled`].
    pub fn connect_until(
        address: &str,
        settings: &LineSettings,
        patience: Patience,
        rows: &[HeadRow],
        cancel: &AtomicBool,
    ) -> Result<BleLink, LinkError> {
        let (commands, inbox) = channel(COMMANDS_MAX);
        let (out, events) = sync_channel(EVENTS_MAX);
        let wanted = Wanted { address: address.to_owned(), patience, rows: rows.to_vec() };
        std::thread::Builder::new()
            .name("ble".to_owned())
            .spawn(move || worker::run(&wanted, inbox, &out))
            .map_err(|error| LinkError::Io(format!("ble thread: {error}")))?;
        let limit = patience.scan + patience.connect * 3 + patience.services + OPEN_EXTRA;
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            match events.recv_timeout(left.min(SLICE)) {
                Ok(Event::Open) => break,
                Ok(Event::Failed(error)) => return Err(error),
                Ok(Event::Data(_) | Event::Gone) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(LinkError::Gone);
                }
                // The thread finds nobody to tell and lets go of the head by itself.
                Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                    return Err(LinkError::Cancelled(format!("ble:{address}")));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(LinkError::Io(format!("ble:{address}: Bluetooth does not react")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(BleLink {
            raw: BleRaw { opened: Instant::now(), events, rest: VecDeque::new(), gone: false },
            echo: Echo::default(),
            commands,
            settings: *settings,
            free: Duration::ZERO,
        })
    }
}

impl Link for BleLink {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if self.raw.gone {
            return Err(LinkError::Gone);
        }
        let start = self.raw.now().max(self.free);
        match self.commands.try_send(bytes.to_vec()) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Err(LinkError::Gone),
            Err(TrySendError::Full(_)) => {
                return Err(LinkError::Io("the Bluetooth head does not take bytes".to_owned()));
            }
        }
        self.free = start + self.settings.wire(bytes.len());
        self.echo.sent(bytes, self.raw.now(), self.free + SLACK);
        Ok(self.free)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.echo.recv(&mut self.raw, buffer, deadline)
    }

    fn timing(&self) -> Timing {
        Timing { character: self.settings.character(), slack: SLACK }
    }

    fn echo(&self) -> Habit {
        self.echo.habit()
    }
}

impl Raw for BleRaw {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        while self.rest.is_empty() {
            if self.gone {
                return Err(LinkError::Gone);
            }
            match self.events.recv_timeout(until.saturating_sub(self.now())) {
                Ok(Event::Data(bytes)) => self.rest.extend(bytes),
                Ok(Event::Open) => {}
                Ok(Event::Gone | Event::Failed(_)) | Err(RecvTimeoutError::Disconnected) => {
                    self.gone = true;
                }
                Err(RecvTimeoutError::Timeout) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.rest.len());
        for (slot, byte) in buffer.iter_mut().zip(self.rest.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }
}

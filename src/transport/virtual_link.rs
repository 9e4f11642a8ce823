//! A [`Link`] in virtual time: the clock jumps to whatever happens next.
//!
//! Twenty thousand exchanges on a 2400 baud bus, an hour of line time, take a fraction of a second,
//! and the same seed gives the same run. Late bytes stay under way and arrive in the middle of a
//! later exchange, as they do on a real line.

use std::time::Duration;

use super::bus::{Bus, Station};
use super::echo::{Echo, Habit, Raw};
use super::line::{Hits, Line, Side};
use super::{LineSettings, Link, LinkError, Timing};

/// What may come on top of the answer time on a simulated line: nothing but an adapter's tick,
/// which is added, and rounding.
const SLACK: Duration = Duration::from_millis(2);

/// A line to a simulated [`Station`], in virtual time.
#[derive(Debug)]
pub struct VirtualLink<S> {
    raw: VirtualPort<S>,
    echo: Echo,
}

#[derive(Debug)]
struct VirtualPort<S> {
    bus: Bus<S>,
    now: Duration,
    plugged: bool,
}

impl<S: Station> VirtualLink<S> {
    /// A tool on `line`, with `station` at the far end.
    pub fn new(station: S, line: Line) -> VirtualLink<S> {
        VirtualLink::over(Bus::paced(line, station))
    }

    /// A tool on a bus made elsewhere.
    pub fn over(bus: Bus<S>) -> VirtualLink<S> {
        let raw = VirtualPort { now: bus.clock(), bus, plugged: true };
        VirtualLink { raw, echo: Echo::default() }
    }

    /// The station, to look at what it really did.
    pub fn station(&self) -> &S {
        self.raw.bus.station()
    }

    /// The station, to change it between exchanges.
    pub fn station_mut(&mut self) -> &mut S {
        self.raw.bus.station_mut()
    }

    /// The line, to change its faults or settings; `None` on an unpaced bus.
    pub fn line_mut(&mut self) -> Option<&mut Line> {
        self.raw.bus.line_mut()
    }

    /// How often each fault has really struck; zeros on an unpaced bus.
    pub fn hits(&self) -> Hits {
        self.raw.bus.line().map(|line| *line.hits()).unwrap_or_default()
    }

    /// Lets time pass without listening: what arrives meanwhile waits to be read.
    pub fn advance(&mut self, by: Duration) {
        self.raw.now += by;
        self.raw.bus.settle(self.raw.now);
    }

    /// Pulls the adapter out: every call says [`LinkError::Gone`] until [`VirtualLink::plug`]. What
    /// is under way still reaches the station.
    pub fn unplug(&mut self) {
        self.raw.plugged = false;
    }

    /// Plugs the adapter in again, its memory of echoes gone.
    pub fn plug(&mut self) {
        self.raw.discard();
        self.raw.plugged = true;
        self.echo = Echo::default();
    }

    /// Takes the line apart and gives the station back; what was still on its way to the station
    /// arrives there, what was on its way to the tool is lost.
    pub fn into_station(mut self) -> S {
        self.raw.now = Duration::MAX;
        self.raw.discard();
        self.raw.bus.into_station()
    }
}

impl<S: Station> Link for VirtualLink<S> {
    fn now(&self) -> Duration {
        self.raw.now
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if !self.raw.plugged {
            return Err(LinkError::Gone);
        }
        let end = self.raw.bus.send(bytes, self.raw.now);
        self.echo.sent(bytes, self.raw.now, end + self.timing().slack);
        Ok(end)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.echo.recv(&mut self.raw, buffer, deadline)
    }

    fn timing(&self) -> Timing {
        let Some(line) = self.raw.bus.line() else {
            return Timing { character: LineSettings::default().character(), slack: SLACK };
        };
        let wiring = line.wiring();
        Timing { character: wiring.tool.character(), slack: SLACK + 2 * wiring.latency }
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        if !self.raw.plugged {
            return Err(LinkError::Gone);
        }
        // On an unpaced bus everybody understands everything.
        let Some(line) = self.raw.bus.line() else { return Ok(true) };
        self.raw.now = self.raw.now.max(line.free());
        let now = self.raw.now;
        self.raw.bus.settle(now);
        if let Some(line) = self.raw.bus.line_mut() {
            line.retune(Side::Tool, now, *settings);
        }
        Ok(true)
    }

    fn echo(&self) -> Habit {
        self.echo.habit()
    }
}

impl<S: Station> Raw for VirtualPort<S> {
    fn now(&self) -> Duration {
        self.now
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        if !self.plugged {
            return Err(LinkError::Gone);
        }
        let mut count = 0;
        // Wait for the first byte, then take what is there by that moment, as a read of a tty does.
        let mut limit = until.max(self.now);
        while count < buffer.len() {
            let Some((at, byte)) = self.bus.step(limit) else { break };
            self.now = self.now.max(at);
            limit = self.now;
            buffer[count] = byte;
            count += 1;
        }
        if count == 0 {
            self.now = limit;
        }
        Ok(count)
    }
}

impl<S: Station> VirtualPort<S> {
    /// Lets everything due happen and throws away what comes for the tool.
    fn discard(&mut self) {
        while self.bus.step(self.now).is_some() {}
    }
}

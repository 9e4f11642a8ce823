//! The pure model of a wire: who puts which bits on it when, and what each end makes of them.
//!
//! No clock, no sleeping, no hidden randomness: time is passed in, faults come from a seed. The
//! same model runs in virtual time ([`super::VirtualLink`]) and behind a real pty or socket
//! ([`super::pty::serve`]), so a fault found in one can be replayed in the other.
//!
//! ```text
//! tool  --start d0 .. d7 parity stop-->  wire (0 wins)  --sampled at the reader's own rate-->  far
//! ```
//!
//! Equal settings, nobody interrupting and no flipped bit take the short way: the byte arrives when
//! its stop bit ends. Everything else (wrong baud, wrong parity, collisions, noise) is sampled bit
//! by bit ([`uart`]).
//!
//! Limits: the far end is heard as one receiver even when many meters sit there, so two meters
//! answering at once collide at the tool but not at a third meter; line lengths and reflections
//! are not modelled; an adapter's latency is a tick, not its packet size.

mod faults;
#[cfg(test)]
mod laws;
pub mod uart;

pub use faults::{Faults, Hits};

use std::collections::VecDeque;
use std::time::Duration;

use super::{LineSettings, Parity, Random};
use uart::{Cell, Received};

/// Bytes waiting for one side at most; a Linux tty buffers as many. Later ones are lost.
const PENDING_MAX: usize = 4096;

/// Messages that touch by less do not collide: times are rounded to nanoseconds, and a stop bit cut
/// by a microsecond is still a stop bit at every rate there is.
const TOUCH_MAX: Duration = Duration::from_micros(1);

/// The two ends of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Our adapter.
    Tool,
    /// The meters.
    Far,
}

impl Side {
    fn index(self) -> usize {
        match self {
            Side::Tool => 0,
            Side::Far => 1,
        }
    }
}

/// A byte that reaches one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Who receives it.
    pub to: Side,
    /// When it can be read.
    pub at: Duration,
    /// What the receiver made of the bits.
    pub byte: u8,
}

/// How the two ends are set and joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wiring {
    /// Our adapter's settings.
    pub tool: LineSettings,
    /// The meters' settings.
    pub far: LineSettings,
    /// One pair of wires for both directions (RS-485): who sends is deaf meanwhile, unless the
    /// adapter echoes.
    pub half_duplex: bool,
    /// The adapter hands over what it has received once every so often; 16 ms for an FTDI chip as
    /// it comes, zero for none.
    pub latency: Duration,
}

impl Wiring {
    /// Both ends alike on an RS-485 pair, no latency.
    pub fn even(settings: LineSettings) -> Wiring {
        Wiring { tool: settings, far: settings, half_duplex: true, latency: Duration::ZERO }
    }
}

/// One burst of characters.
#[derive(Debug)]
struct Message {
    from: Side,
    start: Duration,
    end: Duration,
    cells: Vec<Cell>,
    /// Whether [tool, far] can hear it.
    audible: [bool; 2],
    /// Some bit was flipped on the way.
    flipped: bool,
}

/// A line between our adapter and the meters.
#[derive(Debug)]
pub struct Line {
    wiring: Wiring,
    faults: Faults,
    random: Random,
    hits: Hits,
    /// No caller will speak of a time before this one.
    clock: Duration,
    /// When the tool's transmitter has finished what it was given.
    free: Duration,
    /// Messages that can still be collided with.
    air: Vec<Message>,
    /// What will arrive at [tool, far], by time, the adapter's latency not yet added.
    pending: [VecDeque<Delivery>; 2],
}

impl Line {
    /// Both ends with `settings`, on an RS-485 pair.
    pub fn new(settings: LineSettings, faults: Faults) -> Line {
        Line::wired(Wiring::even(settings), faults)
    }

    /// A line with ends of its own.
    pub fn wired(mut wiring: Wiring, faults: Faults) -> Line {
        wiring.tool = possible(wiring.tool);
        wiring.far = possible(wiring.far);
        Line {
            wiring,
            random: Random::new(faults.seed),
            faults,
            hits: Hits::default(),
            clock: Duration::ZERO,
            free: Duration::ZERO,
            air: Vec::new(),
            pending: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// How the ends are set now.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Sets one end anew, for what is sent from now on.
    pub fn set(&mut self, side: Side, settings: LineSettings) {
        let settings = possible(settings);
        match side {
            Side::Tool => self.wiring.tool = settings,
            Side::Far => self.wiring.far = settings,
        }
    }

    /// Sets one end anew at `at`: characters that begin later are heard with the new settings, also
    /// those of messages already put on the line.
    pub fn retune(&mut self, side: Side, at: Duration, settings: LineSettings) {
        let old = self.settings(side);
        self.set(side, settings);
        let settings = self.settings(side);
        if settings == old {
            return;
        }
        let at = at.max(self.clock);
        let group: Vec<usize> = (0..self.air.len()).collect();
        let mut cells = self.audible_cells(&group, side);
        cells.retain(|cell| cell.start() >= at);
        let heard = uart::receive(&cells, &settings);
        let queue = &mut self.pending[side.index()];
        // What had begun by then stays as it was heard.
        queue.retain(|delivery| delivery.at < at + old.character());
        for (at, what) in heard {
            if let Some(byte) = reading(what, side, &settings) {
                queue.push_back(Delivery { to: side, at, byte });
            }
        }
        queue.make_contiguous().sort_by_key(|delivery| delivery.at);
    }

    /// When the tool's transmitter will have finished what it was given.
    pub fn free(&self) -> Duration {
        self.free
    }

    /// How often each fault has really struck.
    pub fn hits(&self) -> &Hits {
        &self.hits
    }

    /// Changes the faults of what is sent from now on. The random sequence goes on where it was.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Puts `bytes` on the line and returns everything that will arrive because of it. For lines
    /// where the two ends may speak at once use [`Line::transmit`] and [`Line::take`]: a later
    /// message can spoil an earlier one only while that is still under way.
    pub fn send(&mut self, side: Side, at: Duration, bytes: &[u8]) -> Vec<Delivery> {
        self.transmit(side, at, bytes);
        let mut all = Vec::new();
        while let Some(delivery) = self.take(Duration::MAX) {
            all.push(delivery);
        }
        all
    }

    /// Puts `bytes` on the line at `at`, or when the tool's transmitter is free; the far side does
    /// not wait, for there may be many meters. Returns when the sender thinks its last stop bit
    /// ends.
    pub fn transmit(&mut self, side: Side, at: Duration, bytes: &[u8]) -> Duration {
        let settings = self.settings(side);
        let mut start = at.max(self.clock);
        if side == Side::Tool {
            start = start.max(self.free);
        }
        let claimed = start + settings.wire(bytes.len());
        if bytes.is_empty() {
            return claimed;
        }
        self.hits.messages += 1;
        if side == Side::Tool {
            self.clock = at.max(self.clock);
            self.free = claimed;
        }
        self.forget();
        let mut audible = [true, true];
        audible[side.index()] = side == Side::Tool && self.random.chance(self.faults.echo);
        self.hits.echoed += u64::from(audible[side.index()]);
        let struck = self.faults.only.is_none_or(|only| only == side);
        if !struck {
            self.put(side, start, bytes, audible, false);
            return claimed;
        }
        if self.random.chance(self.faults.lost) {
            self.hits.lost += 1;
            audible[1 - side.index()] = false;
        }
        let mut bytes = bytes;
        if bytes.len() > 1 && self.random.chance(self.faults.truncated) {
            self.hits.truncated += 1;
            let keep = 1 + self.random.below(bytes.len() as u64 - 1);
            bytes = &bytes[..usize::try_from(keep).unwrap_or(1)];
        }
        if self.random.chance(self.faults.late) {
            self.hits.late += 1;
            let (least, most) = self.faults.late_by;
            start += self.random.between(least, most);
        }
        let end = self.put(side, start, bytes, audible, true);
        if self.random.chance(self.faults.duplicated) {
            self.hits.duplicated += 1;
            let (least, most) = self.faults.again_after;
            let again = end + self.random.between(least, most);
            self.put(side, again, bytes, audible, true);
        }
        claimed
    }

    /// When the next byte arrives anywhere.
    pub fn next_at(&self) -> Option<Duration> {
        [Side::Far, Side::Tool].into_iter().filter_map(|side| self.next_for(side)).min()
    }

    /// When the next byte arrives at `side`.
    pub fn next_for(&self, side: Side) -> Option<Duration> {
        self.pending[side.index()].front().map(|first| self.due(side, first.at))
    }

    /// The next byte that arrives not later than `until`; the far side first when both are due.
    pub fn take(&mut self, until: Duration) -> Option<Delivery> {
        let tool = self.next_for(Side::Tool).filter(|at| *at <= until);
        let far = self.next_for(Side::Far).filter(|at| *at <= until);
        let (side, at) = match (tool, far) {
            (Some(tool), Some(far)) if tool < far => (Side::Tool, tool),
            (_, Some(far)) => (Side::Far, far),
            (Some(tool), None) => (Side::Tool, tool),
            (None, None) => return None,
        };
        let delivery = self.pending[side.index()].pop_front()?;
        self.clock = self.clock.max(delivery.at);
        Some(Delivery { at, ..delivery })
    }

    /// Messages and bytes held at the moment: what a test of endless running looks at.
    pub fn under_way(&self) -> usize {
        self.air.len() + self.pending.iter().map(VecDeque::len).sum::<usize>()
    }

    fn settings(&self, side: Side) -> LineSettings {
        match side {
            Side::Tool => self.wiring.tool,
            Side::Far => self.wiring.far,
        }
    }

    /// When a byte that is over at `at` can be read: the adapter's next tick.
    fn due(&self, side: Side, at: Duration) -> Duration {
        let tick = self.wiring.latency.as_nanos();
        if side == Side::Far || tick == 0 {
            return at;
        }
        let ticks = at.as_nanos().div_ceil(tick);
        Duration::from_nanos(u64::try_from(ticks * tick).unwrap_or(u64::MAX))
    }

    /// Drops messages nothing new can touch.
    fn forget(&mut self) {
        let clock = self.clock;
        self.air.retain(|message| message.end > clock);
    }

    /// Puts one message into the air, byte faults included. Returns when it is over.
    fn put(
        &mut self,
        from: Side,
        start: Duration,
        bytes: &[u8],
        audible: [bool; 2],
        struck: bool,
    ) -> Duration {
        let settings = self.settings(from);
        let mut cells = Vec::with_capacity(bytes.len());
        let mut flipped = false;
        let mut slot = 0;
        for &byte in bytes {
            if struck && self.random.chance(self.faults.noise) {
                self.hits.noise += 1;
                let noise = self.random.bits().to_le_bytes()[0];
                cells.push(Cell::in_row(noise, start, slot, &settings));
                slot += 1;
            }
            if struck && self.random.chance(self.faults.dropped) {
                self.hits.dropped += 1;
                slot += 1;
                continue;
            }
            let mut cell = Cell::in_row(byte, start, slot, &settings);
            slot += 1;
            if struck && self.random.chance(self.faults.corrupted) {
                self.hits.corrupted += 1;
                cell.flip(&mut self.random);
                flipped = true;
            }
            cells.push(cell);
        }
        let end = start + settings.wire(slot);
        if from == Side::Tool {
            self.free = self.free.max(end);
        }
        self.air.push(Message { from, start, end, cells, audible, flipped });
        self.arrive(Side::Tool);
        self.arrive(Side::Far);
        end
    }

    /// Works out what `to` makes of the newest message and of all those it runs into.
    fn arrive(&mut self, to: Side) {
        let Some(newest) = self.air.last() else { return };
        let settings = self.settings(to);
        let group = self.collided(to);
        let alone = group.len() == 1;
        if alone && !newest.audible[to.index()] {
            return;
        }
        let heard: Vec<(Duration, u8)> =
            if alone && !newest.flipped && self.settings(newest.from) == settings {
                newest.cells.iter().map(|cell| (cell.end(), cell.byte())).collect()
            } else {
                let cells = self.audible_cells(&group, to);
                let seen = uart::receive(&cells, &settings);
                seen.into_iter()
                    .filter_map(|(at, what)| Some((at, reading(what, to, &settings)?)))
                    .collect()
            };
        let (from, until) = (newest.start, group.iter().map(|i| self.air[*i].end).max());
        // The last bit of a misread character may be sampled after the last stop bit.
        let until = until.unwrap_or(from) + settings.character();
        if !alone {
            self.hits.collided += 1;
            // What was to come of the others has to be heard again, together with the newest.
            self.pending[to.index()].retain(|d| d.at <= from || d.at >= until);
        }
        let queue = &mut self.pending[to.index()];
        for (at, byte) in heard {
            if alone || at > from {
                if queue.len() < PENDING_MAX {
                    queue.push_back(Delivery { to, at, byte });
                } else {
                    self.hits.overrun += 1;
                }
            }
        }
        queue.make_contiguous().sort_by_key(|delivery| delivery.at);
    }

    /// The newest message and everything it overlaps at `to`, directly or through others.
    fn collided(&self, to: Side) -> Vec<usize> {
        let newest = self.air.len() - 1;
        let mut group = vec![newest];
        let mut next = 0;
        while let Some(&member) = group.get(next) {
            next += 1;
            let one = &self.air[member];
            for (index, other) in self.air.iter().enumerate() {
                // On separate wires only what can be heard at this end can be in the way.
                let together = self.wiring.half_duplex
                    || (one.audible[to.index()] && other.audible[to.index()]);
                let overlaps =
                    one.start + TOUCH_MAX < other.end && other.start + TOUCH_MAX < one.end;
                if together && overlaps && !group.contains(&index) {
                    group.push(index);
                }
            }
        }
        group
    }

    /// The characters `to` can hear of these messages: not those that come while it sends itself.
    fn audible_cells(&self, group: &[usize], to: Side) -> Vec<Cell> {
        let members = || group.iter().map(|index| &self.air[*index]);
        let deaf = |cell: &Cell| {
            self.wiring.half_duplex
                && members().any(|own| {
                    let sends = own.from == to && !own.audible[to.index()];
                    sends
                        && cell.start() + TOUCH_MAX < own.end
                        && own.start + TOUCH_MAX < cell.end()
                })
        };
        let mut cells: Vec<Cell> = members()
            .filter(|message| message.audible[to.index()])
            .flat_map(|message| message.cells.iter().copied())
            .filter(|cell| !deaf(cell))
            .collect();
        cells.sort_by_key(Cell::start);
        cells
    }
}

/// Settings nobody can make become the nearest that exist; the arithmetic of bits relies on it.
fn possible(settings: LineSettings) -> LineSettings {
    LineSettings {
        baud: settings.baud.clamp(*LineSettings::BAUD.start(), *LineSettings::BAUD.end()),
        data_bits: settings.data_bits.clamp(7, 8),
        stop_bits: settings.stop_bits.clamp(1, 2),
        ..settings
    }
}

/// The byte a program reads for a character, if any. The tool is a Linux terminal as `serialport`
/// sets it: with parity on (INPCK, no IGNPAR) a bad character is read as 00, with parity off
/// (IGNPAR) a bad frame is dropped (linux `n_tty_receive_parity_error`). A meter's firmware throws
/// bad characters away.
fn reading(what: Received, to: Side, settings: &LineSettings) -> Option<u8> {
    match what {
        Received::Good(byte) => Some(byte),
        Received::Bad if to == Side::Tool && settings.parity != Parity::None => Some(0),
        Received::Bad => None,
    }
}

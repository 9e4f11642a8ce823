//! A serial device server whose line we set: Telnet with the serial port option (RFC 2217).
//!
//! Only by its own scheme: asked of a raw port, the bytes of the negotiation would go to the
//! meters. A peer that does not take up the option within `NEGOTIATION_MAX` is no such server.
//! Speed and characters must be confirmed; modem lines are asked for and not waited for, since a
//! server may have none (transport.md 4).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::echo::{Echo, Habit, Raw};
use super::tcp::{SLACK, TcpRaw};
use super::telnet::{Heard, Options, Telnet, Verb, escape, option, subnegotiation};
use super::{Endpoint, LineSettings, Link, LinkError, Parity, Timing, dial};

/// Telnet options: eight bits through (RFC 856), no "go ahead" (RFC 858), the serial port.
const BINARY: u8 = 0;
const NO_GO_AHEAD: u8 = 3;
const COM_PORT: u8 = 44;

/// Commands of the serial port option; the server's answers are 100 higher.
const SET_BAUD: u8 = 1;
const SET_DATA_BITS: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOP_BITS: u8 = 4;
const SET_CONTROL: u8 = 5;
const LINE_STATE_MASK: u8 = 10;
const MODEM_STATE_MASK: u8 = 11;
const PURGE: u8 = 12;
const ANSWER: u8 = 100;

/// Values of `SET_CONTROL` and `PURGE`.
const NO_FLOW_CONTROL: u8 = 1;
const DTR_ON: u8 = 8;
const RTS_ON: u8 = 11;
const PURGE_RECEIVED: u8 = 1;

/// How long the server may take to agree, and to confirm settings.
const NEGOTIATION_MAX: Duration = Duration::from_secs(2);

/// How often waiting for the server looks at the cancel flag.
const SLICE: Duration = Duration::from_millis(50);

/// What the way to the server may add before the last byte has really left it.
const WAY: Duration = Duration::from_millis(30);

/// By how much the real baud rate may differ, in percent; see `serial`.
const BAUD_OFF_PERCENT_MAX: u64 = 3;

/// Bytes of the line kept while something else is waited for.
const DATA_MAX: usize = 4096;

/// A line behind a device server with RFC 2217.
#[derive(Debug)]
pub struct Rfc2217Link {
    raw: Port,
    echo: Echo,
    settings: LineSettings,
    free: Duration,
}

#[derive(Debug)]
struct Port {
    tcp: TcpRaw,
    telnet: Telnet,
    options: Options,
    data: VecDeque<u8>,
    /// The server's word about the serial port option.
    agreed: Option<bool>,
    /// The value last confirmed for each of the four settings.
    confirmed: [Option<u32>; 4],
    /// How long the server may take for an answer.
    patience: Duration,
}

impl Rfc2217Link {
    /// Connects to `host`:`port`, negotiates and sets the line.
    ///
    /// # Errors
    /// Those of TCP; [`LinkError::Busy`] when another client has it; [`LinkError::Io`] when the
    /// peer does not know RFC 2217 or cannot set the line as asked.
    pub fn connect(
        host: &str,
        port: u16,
        settings: &LineSettings,
    ) -> Result<Rfc2217Link, LinkError> {
        Rfc2217Link::connect_until((host, port), settings, &dial::NEVER)
    }

    /// [`Rfc2217Link::connect`] that stops when `cancel` is set.
    ///
    /// # Errors
    /// As there; [`LinkError::Cancelled`].
    pub fn connect_until(
        at: (&str, u16),
        settings: &LineSettings,
        cancel: &AtomicBool,
    ) -> Result<Rfc2217Link, LinkError> {
        Rfc2217Link::negotiated(at, settings, NEGOTIATION_MAX, cancel)
    }

    /// [`Rfc2217Link::connect`] with a limit of your own for each answer of the server.
    ///
    /// # Errors
    /// As there.
    pub fn connect_within(
        at: (&str, u16),
        settings: &LineSettings,
        patience: Duration,
    ) -> Result<Rfc2217Link, LinkError> {
        Rfc2217Link::negotiated(at, settings, patience, &dial::NEVER)
    }

    fn negotiated(
        (host, port): (&str, u16),
        settings: &LineSettings,
        patience: Duration,
        cancel: &AtomicBool,
    ) -> Result<Rfc2217Link, LinkError> {
        let place = Endpoint::Rfc2217 { host: host.to_owned(), port }.to_string();
        let mut raw = Port {
            tcp: TcpRaw::connect((host, port), place, cancel)?,
            telnet: Telnet::default(),
            options: Options::default(),
            data: VecDeque::new(),
            agreed: None,
            confirmed: [None; 4],
            patience,
        };
        raw.negotiate(cancel)?;
        raw.set(settings, cancel)?;
        raw.command(SET_CONTROL, &[DTR_ON])?;
        raw.command(SET_CONTROL, &[RTS_ON])?;
        raw.command(PURGE, &[PURGE_RECEIVED])?;
        // What came before is no answer to us.
        raw.data.clear();
        Ok(Rfc2217Link { raw, echo: Echo::default(), settings: *settings, free: Duration::ZERO })
    }
}

impl Link for Rfc2217Link {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let start = self.raw.now().max(self.free);
        self.raw.tcp.write(&escape(bytes))?;
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

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        if !self.free.is_zero() {
            std::thread::sleep((self.free + WAY).saturating_sub(self.raw.now()));
        }
        if let Err(error) = self.raw.set(settings, &dial::NEVER) {
            // A port half set would be worse than one that stays as it was.
            return Err(self.raw.set(&self.settings, &dial::NEVER).err().unwrap_or(error));
        }
        self.settings = *settings;
        Ok(true)
    }
}

impl Raw for Port {
    fn now(&self) -> Duration {
        self.tcp.now()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        while self.data.is_empty() {
            // Commands without a byte of the line must not hold us beyond the deadline.
            if !self.pump(until)? || (self.data.is_empty() && self.now() >= until) {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.data.len());
        for (slot, byte) in buffer.iter_mut().zip(self.data.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }
}

impl Port {
    /// Reads once and sorts what came; `false` when nothing came by `until`.
    fn pump(&mut self, until: Duration) -> Result<bool, LinkError> {
        let mut chunk = [0; 256];
        let count = self.tcp.read(&mut chunk, until)?;
        for &byte in chunk.iter().take(count) {
            match self.telnet.feed(byte) {
                Some(Heard::Data(byte)) if self.data.len() < DATA_MAX => self.data.push_back(byte),
                Some(Heard::Data(_)) | None => {}
                Some(Heard::Option(verb, number)) => self.option(verb, number)?,
                Some(Heard::Sub(inside)) => self.answered(&inside),
            }
        }
        Ok(count > 0)
    }

    /// Takes in what comes, until `limit` at most and not long after `cancel` is set.
    fn wait(&mut self, limit: Duration, cancel: &AtomicBool) -> Result<(), LinkError> {
        if cancel.load(Ordering::Relaxed) {
            return Err(LinkError::Cancelled(self.tcp.place().to_owned()));
        }
        let until = limit.min(self.now() + SLICE);
        self.pump(until).map(|_| ())
    }

    fn option(&mut self, verb: Verb, number: u8) -> Result<(), LinkError> {
        if number == COM_PORT {
            self.agreed = match verb {
                Verb::Do => Some(true),
                Verb::Dont => Some(false),
                Verb::Will | Verb::Wont => self.agreed,
            };
        }
        match self.options.answer(verb, number, &[BINARY, NO_GO_AHEAD])? {
            Some(reply) => self.tcp.write(&reply),
            None => Ok(()),
        }
    }

    /// Notes a confirmed setting; states of modem and line are of no use here.
    fn answered(&mut self, inside: &[u8]) {
        let [COM_PORT, command, value @ ..] = inside else { return };
        let Some(which) = command.checked_sub(ANSWER + SET_BAUD) else { return };
        if let Some(slot) = self.confirmed.get_mut(usize::from(which)) {
            let number = value.iter().take(4).fold(0, |all, byte| (all << 8) | u32::from(*byte));
            *slot = Some(number);
        }
    }

    fn command(&mut self, command: u8, value: &[u8]) -> Result<(), LinkError> {
        let inside = [&[COM_PORT, command], value].concat();
        self.tcp.write(&subnegotiation(&inside))
    }

    fn refused(&self, why: &str) -> LinkError {
        LinkError::Io(format!("{}: {why}", self.tcp.place()))
    }

    /// Asks for the options and waits until the server agrees to be a serial port.
    fn negotiate(&mut self, cancel: &AtomicBool) -> Result<(), LinkError> {
        let mut hello = Vec::new();
        for number in [BINARY, NO_GO_AHEAD, COM_PORT] {
            hello.extend(option(Verb::Will, number));
            self.options.asked(true, number);
        }
        for number in [BINARY, NO_GO_AHEAD] {
            hello.extend(option(Verb::Do, number));
            self.options.asked(false, number);
        }
        self.tcp.write(&hello)?;
        let limit = self.now() + self.patience;
        loop {
            match self.agreed {
                Some(true) => return Ok(()),
                Some(false) => return Err(self.refused("the server has no RFC 2217")),
                None if self.now() < limit => self.wait(limit, cancel)?,
                None => {
                    let why = "nobody answers RFC 2217 there; for a raw port use tcp://";
                    return Err(self.refused(why));
                }
            }
        }
    }

    /// Sets speed and characters, and waits until all four are confirmed.
    fn set(&mut self, settings: &LineSettings, cancel: &AtomicBool) -> Result<(), LinkError> {
        let parity = match settings.parity {
            Parity::None => 1,
            Parity::Odd => 2,
            Parity::Even => 3,
        };
        self.confirmed = [None; 4];
        self.command(SET_CONTROL, &[NO_FLOW_CONTROL])?;
        self.command(LINE_STATE_MASK, &[0])?;
        self.command(MODEM_STATE_MASK, &[0])?;
        self.command(SET_BAUD, &settings.baud.to_be_bytes())?;
        self.command(SET_DATA_BITS, &[settings.data_bits])?;
        self.command(SET_PARITY, &[parity])?;
        self.command(SET_STOP_BITS, &[settings.stop_bits])?;
        let limit = self.now() + self.patience;
        loop {
            if let [Some(baud), Some(data), Some(real_parity), Some(stop)] = self.confirmed {
                let off = u64::from(baud.abs_diff(settings.baud)) * 100;
                let near = off <= u64::from(settings.baud) * BAUD_OFF_PERCENT_MAX;
                let asked = [settings.data_bits, parity, settings.stop_bits].map(u32::from);
                if near && [data, real_parity, stop] == asked {
                    return Ok(());
                }
                let words = format!(
                    "asked for {settings}, the server set {baud} baud, {data} data \
                                     bits, parity {real_parity}, {stop} stop bits"
                );
                return Err(self.refused(&words));
            }
            if self.now() >= limit {
                return Err(self.refused("the server does not confirm the line settings"));
            }
            self.wait(limit, cancel)?;
        }
    }
}

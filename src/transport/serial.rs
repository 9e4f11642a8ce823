//! Serial ports: USB adapters, optical heads, on-board UARTs, `/dev/rfcomm0`, ptys.
//!
//! One owner, opened exclusively (TIOCEXCL and flock), never cloned: dropping a clone would unlock
//! the port for everybody. DTR and RTS are raised, because optical heads live on them. Time on the
//! wire is reckoned, not asked of `tcdrain`, which has no time limit and tells nothing on a pty.
//!
//! An adapter that was pulled out says "broken pipe" on every call from then on; drop the link and
//! find the adapter again by [`super::discover::Identity`], for it may come back by another name.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, DataBits, FlowControl, SerialPort, StopBits};

use super::echo::{Echo, Habit, Raw};
use super::latency;
use super::{LineSettings, Link, LinkError, ModemLines, Parity, Timing};

/// What a USB adapter may add to an answer: 16 ms for an FTDI chip as it comes, three times that.
const SLACK_USB: Duration = Duration::from_millis(50);

/// What a simulator behind a pty may add on a busy machine.
const SLACK_PTY: Duration = Duration::from_millis(300);

/// How long a port may take to accept a message; longer means its driver is stuck.
const WRITE_TIME_MAX: Duration = Duration::from_secs(2);

/// The longest message a port is given at once: a larger write can block for ever whatever the
/// time limit (transport.md 1.1).
const WRITE_MAX: usize = 1024;

/// Where the kernel tells about ports.
const SYSFS: &str = "/sys";

/// By how much a port's real baud rate may differ, in percent: an asynchronous receiver drifts
/// half a bit over ten bits at 5.
const BAUD_OFF_PERCENT_MAX: u64 = 3;

/// What may still be in the adapter when the last character should have left: one USB frame, and
/// what a polled UART holds (transport.md 5).
const ADAPTER_BUFFER: Duration = Duration::from_millis(3);

/// An open serial port.
#[derive(Debug)]
pub struct SerialLink {
    raw: SerialRaw,
    echo: Echo,
    settings: LineSettings,
    slack: Duration,
    latency: Option<Duration>,
    /// When the last character given to the port will have left.
    free: Duration,
}

#[derive(Debug)]
struct SerialRaw {
    port: Box<dyn SerialPort>,
    opened: Instant,
    /// A pseudo terminal, which keeps neither parity nor data bits.
    pty: bool,
}

impl SerialLink {
    /// Opens `path` for this process alone.
    ///
    /// # Errors
    /// [`LinkError::Missing`], [`LinkError::Busy`], [`LinkError::Denied`]; [`LinkError::Address`]
    /// when it is there and no serial port; [`LinkError::Io`] when it cannot be set as asked.
    pub fn open(path: &str, settings: &LineSettings) -> Result<SerialLink, LinkError> {
        SerialLink::open_with(path, settings, &ModemLines::default())
    }

    /// [`SerialLink::open`] with the modem lines as a head needs them.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(
        path: &str,
        settings: &LineSettings,
        lines: &ModemLines,
    ) -> Result<SerialLink, LinkError> {
        let (data_bits, parity, stop_bits) = characters(settings)?;
        let latency = latency::lower(Path::new(SYSFS), Path::new(path));
        let mut port = serialport::new(path, settings.baud)
            .data_bits(data_bits)
            .parity(parity)
            .stop_bits(stop_bits)
            .flow_control(FlowControl::None)
            .timeout(WRITE_TIME_MAX)
            .open()
            .map_err(|error| not_opened(path, &error))?;
        // Heads and isolated adapters take their power from these. Ptys and many on-board ports
        // have no such lines and say so; a port that is really broken shows at the first write.
        let _ = port.write_data_terminal_ready(lines.dtr);
        let _ = port.write_request_to_send(lines.rts);
        std::thread::sleep(lines.settle);
        // What came before, at whatever rate the port had, is no answer to us.
        let _ = port.clear(ClearBuffer::Input);
        let pty = std::fs::canonicalize(path).is_ok_and(|real| real.starts_with("/dev/pts"));
        check(port.as_ref(), settings, pty)?;
        let usb = SLACK_USB.max(latency.unwrap_or_default() * 3);
        Ok(SerialLink {
            raw: SerialRaw { port, opened: Instant::now(), pty },
            echo: Echo::default(),
            settings: *settings,
            slack: if pty { SLACK_PTY } else { usb },
            latency,
            free: Duration::ZERO,
        })
    }

    /// How long the adapter holds received bytes back, where its driver says: one millisecond if we
    /// may set it (or `setserial` is installed), 16 for an FTDI chip as it comes.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }
}

impl Link for SerialLink {
    fn now(&self) -> Duration {
        self.raw.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if bytes.len() > WRITE_MAX {
            return Err(LinkError::Io(format!("message of {} bytes is too long", bytes.len())));
        }
        let start = self.raw.now().max(self.free);
        self.raw.write_all(bytes)?;
        self.free = start + self.settings.wire(bytes.len());
        self.echo.sent(bytes, self.raw.now(), self.free + self.slack);
        Ok(self.free)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.echo.recv(&mut self.raw, buffer, deadline)
    }

    fn timing(&self) -> Timing {
        Timing { character: self.settings.character(), slack: self.slack }
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        characters(settings)?;
        // Reckoned, not `tcdrain`: an adapter's own buffer is beyond what that can tell.
        let left = (self.free + ADAPTER_BUFFER).saturating_sub(self.now());
        std::thread::sleep(if self.free.is_zero() { Duration::ZERO } else { left });
        let before = self.settings;
        if let Err(error) = self.raw.set(settings) {
            // A port half set would be worse than one that stays as it was.
            return Err(self.raw.set(&before).err().unwrap_or(error));
        }
        self.settings = *settings;
        Ok(true)
    }

    fn echo(&self) -> Habit {
        self.echo.habit()
    }
}

impl SerialRaw {
    /// Sets speed and characters of the open port.
    fn set(&mut self, settings: &LineSettings) -> Result<(), LinkError> {
        let (data_bits, parity, stop_bits) = characters(settings)?;
        let port = &mut self.port;
        port.set_data_bits(data_bits)
            .and_then(|()| port.set_parity(parity))
            .and_then(|()| port.set_stop_bits(stop_bits))
            .and_then(|()| port.set_baud_rate(settings.baud))
            .map_err(|error| gone_or(&error.into()))?;
        check(port.as_ref(), settings, self.pty)
    }

    /// Writes everything or fails; a short write is taken up again until the time is over.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let limit = self.now() + WRITE_TIME_MAX;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = limit.saturating_sub(self.now());
            self.port.set_timeout(left).map_err(|error| gone_or(&error.into()))?;
            match self.port.write(rest) {
                Ok(0) => return Err(LinkError::Gone),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if passing(error.kind()) && !left.is_zero() => {}
                Err(error) => return Err(gone_or(&error)),
            }
        }
        Ok(())
    }
}

impl Raw for SerialRaw {
    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
        loop {
            let left = until.saturating_sub(self.now());
            self.port.set_timeout(left).map_err(|error| gone_or(&error.into()))?;
            match self.port.read(buffer) {
                // A terminal that reads "end of file" has hung up; trying again would spin.
                Ok(0) => return Err(LinkError::Gone),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(0),
                Err(error) if passing(error.kind()) && !left.is_zero() => {}
                Err(error) if passing(error.kind()) => return Ok(0),
                Err(error) => return Err(gone_or(&error)),
            }
        }
    }
}

/// Characters in the words of `serialport`.
fn characters(
    settings: &LineSettings,
) -> Result<(DataBits, serialport::Parity, StopBits), LinkError> {
    let data_bits = match settings.data_bits {
        8 => DataBits::Eight,
        7 => DataBits::Seven,
        _ => return Err(LinkError::Io(format!("{settings}: only 7 or 8 data bits"))),
    };
    let parity = match settings.parity {
        Parity::None => serialport::Parity::None,
        Parity::Even => serialport::Parity::Even,
        Parity::Odd => serialport::Parity::Odd,
    };
    let stop_bits = match settings.stop_bits {
        1 => StopBits::One,
        2 => StopBits::Two,
        _ => return Err(LinkError::Io(format!("{settings}: only 1 or 2 stop bits"))),
    };
    Ok((data_bits, parity, stop_bits))
}

/// Drivers accept what they cannot make and set something else: `ftdi_sio` makes 9600 of 12 000
/// 000, old CH340 drivers leave the parity out. So what was set is read back.
fn check(port: &dyn SerialPort, asked: &LineSettings, pty: bool) -> Result<(), LinkError> {
    let real = port.baud_rate().map_err(|error| gone_or(&error.into()))?;
    let off = u64::from(real.abs_diff(asked.baud));
    if off * 100 > u64::from(asked.baud) * BAUD_OFF_PERCENT_MAX {
        let baud = asked.baud;
        return Err(LinkError::Io(format!("asked for {baud} baud, the adapter set {real}")));
    }
    let (data_bits, parity, _) = characters(asked)?;
    // A driver that does not say is believed.
    let as_asked = port.data_bits().map_or(true, |real| real == data_bits)
        && port.parity().map_or(true, |real| real == parity);
    if !pty && !as_asked {
        return Err(LinkError::Io(format!("the adapter cannot do {asked}")));
    }
    Ok(())
}

/// Errors after which the same call is simply made again.
fn passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// What an error on an open port means. `serialport` gives a vanished device as "broken pipe" from
/// reads and writes and as an unnamed "I/O error" from settings.
fn gone_or(error: &std::io::Error) -> LinkError {
    let text = error.to_string();
    let vanished = matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof | ErrorKind::NotConnected
    );
    let named = ["I/O error", "Input/output error", "No such device"];
    if vanished || named.iter().any(|name| text.contains(name)) {
        LinkError::Gone
    } else {
        LinkError::Io(format!("serial port: {text}"))
    }
}

/// What an error while opening means. `serialport` has kinds for few errors; the rest is told by
/// the texts of its `nix` (glibc) and of musl.
fn not_opened(path: &str, error: &serialport::Error) -> LinkError {
    use serialport::ErrorKind as Kind;
    let path = path.to_owned();
    match error.kind() {
        // EBUSY, and "Unable to acquire exclusive lock" from flock.
        Kind::NoDevice => LinkError::Busy(path),
        Kind::Io(ErrorKind::NotFound) => LinkError::Missing(path),
        Kind::Io(ErrorKind::PermissionDenied) => LinkError::Denied(path),
        Kind::Io(_) | Kind::InvalidInput | Kind::Unknown => {
            let text = &error.description;
            let says = |names: &[&str]| names.iter().any(|name| text.contains(name));
            if says(&["typewriter", "Not a tty", "Inappropriate ioctl", "Is a directory"]) {
                LinkError::Address(format!("{path} is not a serial port"))
            } else if says(&["Operation not permitted"]) {
                LinkError::Denied(path)
            } else if says(&["No such device", "I/O error", "Not a directory"]) {
                // Also the ttyS lines without hardware behind them.
                LinkError::Missing(path)
            } else {
                LinkError::Io(format!("{path}: {text}"))
            }
        }
    }
}

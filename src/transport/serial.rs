//! Serial ports: USB adapters, optical heads, on-board UARTs, `/dev/rfcomm0`, ptys.
//!
//! One owner, opened exclusively (TIOCEXCL and flock), never cloned: dropping a clone would unlock
//! the port for everybody. DTR and RTS are raised, because optical heads live on them. Time on the
//! wire is reckoned, not asked of `tcdrain`, which has no time limit and tells nothing on a pty.
//!
//! An adapter that was pulled out says "broken pipe" on every call from then on; drop the link and
//! find the adapter again by [`super::discover::Identity`], for it may come back by another name.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, DataBits, FlowControl, SerialPort, StopBits};

use super::echo::{Echo, Habit, Raw};
use super::{LineSettings, Link, LinkError, Parity, Timing};

/// What a USB adapter may add to an answer: 16 ms for an FTDI chip as it comes, three times that.
const SLACK_USB: Duration = Duration::from_millis(50);

/// What a simulator behind a pty may add on a busy machine.
const SLACK_PTY: Duration = Duration::from_millis(300);

/// How long a port may take to accept a message; longer means its driver is stuck.
const WRITE_TIME_MAX: Duration = Duration::from_secs(2);

/// The longest message a port is given at once: a larger write can block for ever whatever the
/// time limit (transport.md 1.1).
const WRITE_MAX: usize = 1024;

/// By how much a port's real baud rate may differ, in percent: an asynchronous receiver drifts
/// half a bit over ten bits at 5.
const BAUD_OFF_PERCENT_MAX: u64 = 3;

/// An open serial port.
#[derive(Debug)]
pub struct SerialLink {
    raw: SerialRaw,
    echo: Echo,
    settings: LineSettings,
    slack: Duration,
    /// When the last character given to the port will have left.
    free: Duration,
}

#[derive(Debug)]
struct SerialRaw {
    port: Box<dyn SerialPort>,
    opened: Instant,
}

impl SerialLink {
    /// Opens `path` for this process alone.
    ///
    /// # Errors
    /// [`LinkError::Missing`], [`LinkError::Busy`], [`LinkError::Denied`]; [`LinkError::Address`]
    /// when it is there and no serial port; [`LinkError::Io`] when it cannot be set as asked.
    pub fn open(path: &str, settings: &LineSettings) -> Result<SerialLink, LinkError> {
        let wrong = |what: &str| LinkError::Io(format!("{path}: {what}"));
        let data_bits = match settings.data_bits {
            8 => DataBits::Eight,
            7 => DataBits::Seven,
            _ => return Err(wrong("only 7 or 8 data bits")),
        };
        let stop_bits = match settings.stop_bits {
            1 => StopBits::One,
            2 => StopBits::Two,
            _ => return Err(wrong("only 1 or 2 stop bits")),
        };
        let parity = match settings.parity {
            Parity::None => serialport::Parity::None,
            Parity::Even => serialport::Parity::Even,
            Parity::Odd => serialport::Parity::Odd,
        };
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
        let _ = port.write_data_terminal_ready(true);
        let _ = port.write_request_to_send(true);
        // What came before, at whatever rate the port had, is no answer to us.
        let _ = port.clear(ClearBuffer::Input);
        // Drivers accept rates they cannot make and set another (ftdi_sio: 12 000 000 gives 9600).
        let real = port.baud_rate().map_err(|error| not_opened(path, &error))?;
        let (asked, off) = (settings.baud, u64::from(real.abs_diff(settings.baud)));
        if off * 100 > u64::from(asked) * BAUD_OFF_PERCENT_MAX {
            return Err(wrong(&format!("asked for {asked} baud, the adapter set {real}")));
        }
        let pty = std::fs::canonicalize(path).is_ok_and(|real| real.starts_with("/dev/pts"));
        Ok(SerialLink {
            raw: SerialRaw { port, opened: Instant::now() },
            echo: Echo::default(),
            settings: *settings,
            slack: if pty { SLACK_PTY } else { SLACK_USB },
            free: Duration::ZERO,
        })
    }

    /// What has been learned about this port's echo.
    pub fn echo(&self) -> Habit {
        self.echo.habit()
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
}

impl SerialRaw {
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

//! A pseudo terminal as a serial port that programs can open, with a simulated station behind it.
//!
//! The pty layer itself knows neither speed nor parity: bytes are paced here, on an absolute
//! schedule made by the [`super::Line`] model, and the tool's baud rate is read from the terminal
//! before each of its messages. Closing the master is the same path in the kernel as pulling out a
//! USB adapter.
//!
//! Limits: data bits cannot be seen on a pty; parity only of programs that set INPCK with it, as
//! `serialport` does and others do not, hence [`Follow`]. Totals are kept to a few percent on a
//! busy machine, single gaps are not.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, InputModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::bus::{Bus, Station};
use super::line::Side;
use super::tcp::timespec;
use super::{LineSettings, LinkError, Parity};

/// How often a server looks at its stop flag.
pub(super) const SLICE: Duration = Duration::from_millis(20);

/// How often a server looks at the tool's settings while something is on the line: well below the
/// 20 ms a meter waits before it answers at a new speed (IEC 62056-21, 6.3.14).
const LOOK: Duration = Duration::from_millis(4);

/// How long closing waits for the tool to read what it was sent: a hangup throws it away.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// How often closing looks.
const LINGER_STEP: Duration = Duration::from_millis(2);

/// A pseudo terminal, held open.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    /// Held, or the master would see errors until a tool opens the port and after it closes it.
    slave: OwnedFd,
    path: String,
    /// Closing waits for the tool to read.
    lingers: bool,
}

/// What of the tool's settings a server follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Follow {
    /// Nothing: any tool is understood.
    Nothing,
    /// The baud rate: a tool with the wrong one is not understood.
    #[default]
    Baud,
    /// Baud rate, stop bits and parity; for tools that use `serialport`.
    All,
}

impl Pty {
    /// Makes a new one, raw and silent.
    ///
    /// # Errors
    /// [`LinkError::Io`] when the system gives none.
    pub fn open() -> Result<Pty, LinkError> {
        let io = |error: Errno| LinkError::Io(format!("pseudo terminal: {error}"));
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).map_err(io)?;
        grantpt(&master).map_err(io)?;
        unlockpt(&master).map_err(io)?;
        let path = ptsname(&master, Vec::new()).map_err(io)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK).map_err(io)?;
        let slave = rustix::fs::open(path.as_c_str(), flags, Mode::empty()).map_err(io)?;
        // Without this the terminal itself would echo and turn line ends until a tool sets it.
        let mut raw = tcgetattr(&slave).map_err(io)?;
        raw.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &raw).map_err(io)?;
        Ok(Pty { master, slave, path: path.to_string_lossy().into_owned(), lingers: true })
    }

    /// The name a tool opens.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The settings of the tool that has it open, as far as a pty shows them; `base` for the rest.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when the terminal cannot be asked.
    pub fn tool(&self, follow: Follow, base: &LineSettings) -> Result<LineSettings, LinkError> {
        let termios = tcgetattr(&self.master).map_err(|_| LinkError::Gone)?;
        Ok(seen(&termios, follow, base))
    }

    /// Lets others open the port again after a tool died with it: the mark of exclusive use lives
    /// as long as anybody, here we, has the port open.
    ///
    /// # Errors
    /// [`LinkError::Gone`] when the terminal is closed.
    pub fn release(&self) -> Result<(), LinkError> {
        rustix::termios::ioctl_tiocnxcl(&self.slave).map_err(|_| LinkError::Gone)
    }

    /// Closes at once, as if the adapter were pulled out; what the tool has not read is lost.
    pub fn unplug(mut self) {
        self.lingers = false;
    }

    /// Bytes the tool has not read yet.
    fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.slave).unwrap_or(0)
    }

    /// Hands bytes to the tool. A tool that does not read loses what its buffer cannot take.
    fn write(&self, bytes: &[u8]) -> Result<(), LinkError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.master, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(_) => return Err(LinkError::Gone),
            }
        }
        Ok(())
    }

    /// What the tool has sent; 0 when nothing is there.
    fn read(&self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        match rustix::io::read(&self.master, buffer) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(_) => Err(LinkError::Gone),
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let since = Instant::now();
        while self.lingers && self.unread() > 0 && since.elapsed() < LINGER_MAX {
            std::thread::sleep(LINGER_STEP);
        }
    }
}

/// The settings a terminal shows. The kernel takes parity and data bits out of a pty's control
/// modes (`pty_set_termios`); what is left is `serialport`'s habit of INPCK with parity, IGNPAR
/// without, and PARODD, which the kernel leaves in.
fn seen(termios: &Termios, follow: Follow, base: &LineSettings) -> LineSettings {
    let mut settings = *base;
    if follow == Follow::Nothing {
        return settings;
    }
    let baud = termios.output_speed();
    if LineSettings::BAUD.contains(&baud) {
        settings.baud = baud;
    }
    if follow == Follow::All {
        let control = termios.control_modes;
        settings.stop_bits = if control.contains(ControlModes::CSTOPB) { 2 } else { 1 };
        settings.parity = match termios.input_modes.contains(InputModes::INPCK) {
            false => Parity::None,
            true if control.contains(ControlModes::PARODD) => Parity::Odd,
            true => Parity::Even,
        };
    }
    settings
}

/// Serves `bus` behind `pty` until `stop`.
///
/// # Errors
/// [`LinkError::Gone`] when the terminal breaks.
pub fn serve<S: Station>(
    pty: &Pty,
    bus: &mut Bus<S>,
    follow: Follow,
    stop: &AtomicBool,
) -> Result<(), LinkError> {
    // A bus that was served before goes on where it was.
    let (epoch, before) = (Instant::now(), bus.clock());
    let now = || before + epoch.elapsed();
    while !stop.load(Ordering::Relaxed) {
        follow_tool(pty, bus, follow, now())?;
        let mut ready = Vec::new();
        while let Some((_, byte)) = bus.step(now()) {
            ready.push(byte);
        }
        pty.write(&ready)?;
        let wait = bus.next_at().map_or(SLICE, |at| at.saturating_sub(now()).min(LOOK));
        let mut fds = [PollFd::new(&pty.master, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(wait))) {
            // Nobody has spoken for a while: if the tool was killed, its mark of exclusive use has
            // outlived it. Between programs that lock properly flock still decides.
            Ok(0) => pty.release()?,
            Ok(_) => {
                let mut chunk = [0; 512];
                let count = pty.read(&mut chunk)?;
                follow_tool(pty, bus, follow, now())?;
                bus.send(chunk.get(..count).unwrap_or_default(), now());
            }
            Err(Errno::INTR) => {}
            Err(_) => return Err(LinkError::Gone),
        }
    }
    Ok(())
}

/// Sets the tool's end as the terminal shows it: before its bytes go out, and while it listens, for
/// a tool may change its speed to hear an answer.
fn follow_tool<S: Station>(
    pty: &Pty,
    bus: &mut Bus<S>,
    follow: Follow,
    now: Duration,
) -> Result<(), LinkError> {
    if let Some(line) = bus.line_mut() {
        let tool = pty.tool(follow, &line.wiring().far)?;
        line.retune(Side::Tool, now, tool);
    }
    Ok(())
}

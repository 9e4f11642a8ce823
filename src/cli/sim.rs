//! `meterkit sim`: simulated meters behind a pty or TCP port, for anyone's client.
//!
//! The first line on stdout says where they are; then one line for everything that happens to a
//! meter's money, whatever the meter answered: ghost truth, for demos and for tests that kill the
//! other side.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::output::Output;
use super::{Common, sim_orders};
use crate::jobs::failure::{fail, link};
use crate::jobs::open;
use crate::jobs::views::Failure;
use crate::profile::Profiles;
use crate::report::Code;
use crate::sim::serve::{self, FleetStation, MoneyEvent, Served};
use crate::sim::{Civil, Fleet, Port};
use crate::transport::pty::Follow;
use crate::transport::{Bus, Endpoint, Faults, Line, LineSettings, Server, Station};
use crate::units::{CreditUnit, Money};

/// How often the stop signal is looked at.
const SLICE: Duration = Duration::from_millis(100);
/// 2000-01-01T00:00:00Z in seconds since 1970.
const YEAR_2000: u64 = 946_684_800;
/// Events waiting to be printed at most; the meters wait for a reader that is slower.
const EVENTS_MAX: usize = 1024;

/// Simulated meters.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// What to do.
    #[command(subcommand)]
    command: SimCommand,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    /// Put a fleet of simulated meters behind a pty or TCP port.
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The fleet, a TOML file (examples in fixtures/meters).
    fleet: PathBuf,
    /// Simulate meters of this profile file, too; again for more. Those of the profiles folder are
    /// known anyway.
    #[arg(long, value_name = "FILE")]
    profile: Vec<PathBuf>,
    /// Listen on this TCP address instead of a pty; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<SocketAddr>,
    /// Make this symbolic link to the pty, and remove it at the end.
    #[arg(long, value_name = "PATH", conflicts_with = "tcp")]
    link: Option<PathBuf>,
    /// Bytes take no time, and meters answer at once.
    #[arg(long)]
    unpaced: bool,
    /// Understand clients at any speed (a pty shows their speed; wrong ones see garbage).
    #[arg(long)]
    any_speed: bool,
    /// Keep the meters' state in this file across restarts; it wins over the fleet file.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The line ends at the meters' optical port.
    #[arg(long)]
    infrared: bool,
    /// Take orders to the meters from standard input: load NUMBER WATTS, dead NUMBER, alive NUMBER,
    /// cover NUMBER (opened), wiring NUMBER abc a-bc, wiring NUMBER abc abc b (phase B off ahead of
    /// it), programming NUMBER on, button NUMBER.
    #[arg(long)]
    orders: bool,
}

/// Runs `meterkit sim`.
///
/// # Errors
/// [`Code::File`] for a fleet, state or profile file, [`Code::Config`] for what is in it, and the
/// line's own.
pub fn run(common: &Common, args: &SimArgs, out: &Output) -> Result<u8, Failure> {
    let SimCommand::Serve(args) = &args.command;
    serve(common, args, out)
}

fn serve(common: &Common, args: &ServeArgs, out: &Output) -> Result<u8, Failure> {
    let json = common.json;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| fail(Code::Internal, error.to_string()))?;
    }
    let profiles = profiles(common, args, out)?;
    if let Some(served) = other(args, &profiles)? {
        return serve_bus(args, served, &stop, json, out);
    }
    let mut fleet = load(args, &profiles)?;
    if args.infrared {
        fleet.set_port(Port::Infrared);
    }
    let meters = fleet.meters().len();
    let unit = fleet.meters().first().map_or(CreditUnit::Yuan, |meter| meter.balance().unit);
    let baud = fleet.meters().first().map_or(2400, |meter| meter.baud());
    let settings = fleet.framing().map_or_else(|| LineSettings::even(baud), open::framing);
    let (news, events) = mpsc::sync_channel::<MoneyEvent>(EVENTS_MAX);
    let mut station = FleetStation::new(fleet).tell(move |event| {
        // At the end nobody prints any more; the meters go on.
        let _ = news.send(*event);
    });
    if let Some(path) = &args.state {
        station = station.keep_state(path).map_err(|error| file(path, &error))?;
    }
    let fleet = station.fleet();
    let bus = if args.unpaced {
        Bus::unpaced(station)
    } else {
        Bus::paced(Line::new(settings, Faults::NONE), station)
    };
    let server = start(args, bus)?;
    let symlink = args.link.as_deref().map(|path| Symlink::make(path, server.endpoint()));
    let _symlink = symlink.transpose()?;
    announce(out, server.endpoint(), meters, json);
    if args.orders {
        let out = out.speaking(out.lang);
        // It ends with the input, or with the program.
        std::thread::spawn(move || sim_orders::take(&fleet, &mut std::io::stdin().lock(), &out));
    }
    while !stop.load(Ordering::Relaxed) {
        match events.recv_timeout(SLICE) {
            Ok(event) => print(out, &event, unit),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    events.try_iter().for_each(|event| print(out, &event, unit));
    // A meter that waits for room to tell something must not wait while we wait for it.
    drop(events);
    let bus = server.stop().map_err(|error| link(&error, ""))?;
    let saved = bus.station().save();
    saved.map_err(|error| file(args.state.as_deref().unwrap_or(Path::new("")), &error))?;
    Ok(0)
}

/// Puts a bus behind the pty or TCP port asked for.
fn start<S: Station + 'static>(args: &ServeArgs, bus: Bus<S>) -> Result<Server<S>, Failure> {
    let follow = if args.any_speed { Follow::Nothing } else { Follow::Baud };
    let server = match args.tcp {
        Some(address) => Server::on_tcp(bus, address),
        None => Server::on_pty(bus, follow),
    };
    server.map_err(|error| link(&error, ""))
}

/// The built-in profiles, those of the profiles folder, and the files named.
fn profiles(common: &Common, args: &ServeArgs, out: &Output) -> Result<Profiles, Failure> {
    // Only a home that is not there or a configuration that is broken keeps the folder away.
    let at_hand = match Context::load(common, out) {
        Ok(context) => context.profiles(),
        Err(_) => Profiles::built_in(),
    };
    open::with_files(at_hand, &args.profile)
}

/// The fleet file, if its meters are not DL/T 645 ones.
fn other(args: &ServeArgs, profiles: &Profiles) -> Result<Option<Served>, Failure> {
    if args.state.as_deref().is_some_and(Path::exists) {
        return Ok(None);
    }
    let read = std::fs::read_to_string(&args.fleet);
    let text = read.map_err(|error| file(&args.fleet, &error))?;
    serve::served(&text, profiles)
        .map_err(|error| fail(Code::Config, format!("{}: {error}", args.fleet.display())))
}

/// Serves meters without a ghost ledger until the stop signal.
fn serve_bus(
    args: &ServeArgs,
    served: Served,
    stop: &AtomicBool,
    json: bool,
    out: &Output,
) -> Result<u8, Failure> {
    if args.state.is_some() || args.infrared || args.orders {
        return Err(fail(Code::Usage, "--state, --infrared, --orders"));
    }
    let Served { station, meters, framing } = served;
    let bus = if args.unpaced {
        Bus::unpaced(station)
    } else {
        Bus::paced(Line::new(open::framing(framing), Faults::NONE), station)
    };
    let server = start(args, bus)?;
    let symlink = args.link.as_deref().map(|path| Symlink::make(path, server.endpoint()));
    let _symlink = symlink.transpose()?;
    announce(out, server.endpoint(), meters, json);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(SLICE);
    }
    server.stop().map_err(|error| link(&error, ""))?;
    Ok(0)
}

/// The state file if there is one, else the fleet file.
fn load(args: &ServeArgs, profiles: &Profiles) -> Result<Fleet, Failure> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| file(path, &error));
    let wrong = |path: &Path, error: crate::sim::FleetError| {
        fail(Code::Config, format!("{}: {error}", path.display()))
    };
    if let Some(path) = args.state.as_deref().filter(|path| path.exists()) {
        return Fleet::from_state(&read(path)?).map_err(|error| wrong(path, error));
    }
    let text = read(&args.fleet)?;
    let find = |name: &str| profiles.get(name).cloned();
    Fleet::from_toml_with(&text, now(), &find).map_err(|error| wrong(&args.fleet, error))
}

/// The start of a fleet that names none: this machine's time, UTC.
fn now() -> Civil {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Civil::from_seconds(i64::try_from(since.saturating_sub(YEAR_2000)).unwrap_or(0))
}

fn file(path: &Path, error: &std::io::Error) -> Failure {
    fail(Code::File, format!("{}: {error}", path.display()))
}

fn announce(out: &Output, endpoint: &Endpoint, meters: usize, json: bool) {
    let object = json!({ "event": "serving", "endpoint": endpoint.to_string(), "meters": meters });
    out.show(object, |to| writeln!(to, "{endpoint}"));
    if !json {
        out.say(&format!("{meters} simulated meters at {endpoint}; Ctrl-C ends"));
    }
}

fn print(out: &Output, event: &MoneyEvent, unit: CreditUnit) {
    let account = event.account.map(|account| account.to_string());
    let object = json!({
        "event": event.kind.as_str(),
        "meter": event.meter.to_string(),
        "account": account,
        "count": event.count,
        "amount": event.amount,
        "unit": unit.symbol(),
        "uptime_ms": u64::try_from(event.at.as_millis()).unwrap_or(u64::MAX),
    });
    out.show(object, |to| {
        let MoneyEvent { kind, meter, count, amount, .. } = event;
        let (kind, amount) = (kind.as_str(), Money(*amount));
        writeln!(to, "{kind} {meter} count {count} {amount} {}", unit.symbol())
    });
}

/// A symbolic link that goes when this goes.
struct Symlink(PathBuf);

impl Symlink {
    /// Replaces an old link, but nothing that is not a link.
    fn make(path: &Path, endpoint: &Endpoint) -> Result<Self, Failure> {
        let Endpoint::Serial(target) = endpoint else {
            return Err(fail(Code::Usage, "--link needs a pty"));
        };
        if path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_symlink()) {
            std::fs::remove_file(path).map_err(|error| file(path, &error))?;
        }
        std::os::unix::fs::symlink(target, path).map_err(|error| file(path, &error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Symlink {
    fn drop(&mut self) {
        // Best effort: a link left behind is replaced next time.
        let _ = std::fs::remove_file(&self.0);
    }
}

//! `meterkit ports`: the lines there are, what keeps one from being used, and which one is used.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::config;
use crate::jobs::views::{Failure, PortTrouble, PortView};
use crate::jobs::{failure, ports};
use crate::report::Code;
use crate::transport::Endpoint;
use crate::tui::wrap::pad;

/// How long `--scan` listens.
const SCAN: Duration = Duration::from_secs(6);

/// Arguments of `ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Look for Bluetooth heads in reach, too.
    #[arg(long)]
    scan: bool,
    #[command(subcommand)]
    command: Option<PortsCommand>,
}

#[derive(Debug, Subcommand)]
enum PortsCommand {
    /// List the adapters, and the device servers used before.
    List,
    /// Remember a port: every command uses it until another one is named.
    Choose {
        /// /dev/NAME, COMn, tcp://host:port, tcp-listen://:port, udp://host:port,
        /// rfc2217://host:port, ble:ADDRESS
        endpoint: String,
    },
    /// Print the rules for udev that let everybody who is logged in use the adapters.
    Rules,
}

/// Lists, or remembers.
///
/// # Errors
/// `PortAddress` for a port that makes no sense, `Config` when it cannot be remembered; of a scan
/// that there is no Bluetooth.
pub fn run(common: &Common, args: &PortsArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let mut memory = ports::Memory::beside(&context.paths.config);
    match &args.command {
        Some(PortsCommand::Choose { endpoint }) => return choose(&context, &mut memory, endpoint),
        Some(PortsCommand::Rules) => {
            context.out.show(json!({ "rules": ports::RULES }), |to| write!(to, "{}", ports::RULES));
            return Ok(0);
        }
        Some(PortsCommand::List) | None => {}
    }
    let chosen = context.port(common).map(|port| context.opener.now(&port));
    let mut rows = ports::list();
    rows.extend(memory.saved());
    show(&context.out, &rows, chosen.as_deref());
    if args.scan {
        let found = ports::scan(SCAN, context.opener.heads())?;
        let new = |row: &PortView| rows.iter().all(|known| known.endpoint != row.endpoint);
        let found: Vec<PortView> = found.into_iter().filter(new).collect();
        show(&context.out, &found, chosen.as_deref());
        rows.extend(found);
    }
    if rows.is_empty() {
        context.out.say(context.out.lang.no_ports());
    }
    Ok(0)
}

fn choose(context: &Context, memory: &mut ports::Memory, text: &str) -> Result<u8, Failure> {
    let out = &context.out;
    Endpoint::parse(text).map_err(|error| failure::link(&error, text))?;
    config::remember(&context.paths.config, "port", text)
        .map_err(|error| failure::fail(Code::Config, error.to_string()))?;
    memory.remember(text, ("", ""), &context.opener.ports())?;
    out.show(json!({ "chosen": text }), |to| writeln!(to, "{}", out.lang.port_chosen(text)));
    Ok(0)
}

fn show(out: &Output, rows: &[PortView], chosen: Option<&str>) {
    for row in rows {
        let used = chosen.is_some_and(|chosen| row.is(chosen));
        let object = json!({
            "endpoint": row.endpoint, "name": row.name, "identity": row.identity,
            "usable": row.trouble.is_none(), "trouble": row.trouble.map(PortTrouble::as_str),
            "fix": row.fix, "chosen": used,
            "held_ms": row.held.as_ref().map(|(ms, _)| ms),
        });
        out.show(object, |to| {
            let mark = if used { "*" } else { " " };
            let name = pad(&row.name, 28);
            writeln!(to, "{mark} {} {name} {}", pad(&row.endpoint, 22), row.identity)?;
            if let Some((ms, fix)) = &row.held {
                writeln!(to, "    - {}\n      {fix}", out.lang.port_held(*ms))?;
            }
            let Some(trouble) = row.trouble else { return Ok(()) };
            let (_, why) = out.lang.port_trouble(trouble);
            writeln!(to, "    ! {why}\n      {}", row.fix.as_deref().unwrap_or_default())
        });
    }
}

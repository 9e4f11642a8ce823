//! `meterkit ports`: the lines there are, what keeps one from being used, and which one is used.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::config;
use crate::jobs::views::{Failure, PortView};
use crate::jobs::{failure, ports};
use crate::report::Code;
use crate::transport::{Endpoint, discover};
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
        /// /dev/ttyUSB0, tcp://host:port, tcp-listen://:port, udp://host:port,
        /// rfc2217://host:port, ble:ADDRESS
        endpoint: String,
    },
}

/// Lists, or remembers.
///
/// # Errors
/// `PortAddress` for a port that makes no sense, `Config` when it cannot be remembered; of a scan
/// that there is no Bluetooth.
pub fn run(common: &Common, args: &PortsArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let mut memory = ports::Memory::beside(&context.paths.config);
    if let Some(PortsCommand::Choose { endpoint }) = &args.command {
        return choose(&context, &mut memory, endpoint);
    }
    let chosen = context.port(common);
    let mut rows = ports::list();
    rows.extend(memory.saved());
    show(&context.out, &rows, chosen.as_deref());
    if args.scan {
        let found = ports::scan(SCAN, &[])?;
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
    memory.remember(text, ("", ""), &discover::ports(Path::new(ports::SYSFS)))?;
    out.show(json!({ "chosen": text }), |to| writeln!(to, "{}", out.lang.port_chosen(text)));
    Ok(0)
}

fn show(out: &Output, rows: &[PortView], chosen: Option<&str>) {
    for row in rows {
        let used = chosen == Some(row.endpoint.as_str());
        let object = json!({
            "endpoint": row.endpoint, "name": row.name, "identity": row.identity,
            "usable": row.fix.is_none(), "fix": row.fix, "chosen": used,
        });
        out.show(object, |to| {
            let mark = if used { "*" } else { " " };
            let name = pad(&row.name, 28);
            writeln!(to, "{mark} {} {name} {}", pad(&row.endpoint, 22), row.identity)?;
            row.fix.as_ref().map_or(Ok(()), |fix| writeln!(to, "    ! {fix}"))
        });
    }
}

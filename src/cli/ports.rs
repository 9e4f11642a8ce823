//! `meterkit ports`: the adapters there are, what keeps one from being used, and which one is used.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::config;
use crate::jobs::views::Failure;
use crate::jobs::{failure, ports};
use crate::report::Code;
use crate::transport::Endpoint;
use crate::tui::wrap::pad;

/// Arguments of `ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    #[command(subcommand)]
    command: Option<PortsCommand>,
}

#[derive(Debug, Subcommand)]
enum PortsCommand {
    /// List the adapters.
    List,
    /// Remember a port: every command uses it until another one is named.
    Choose {
        /// /dev/ttyUSB0, tcp://host:port, ble:ADDRESS
        endpoint: String,
    },
}

/// Lists, or remembers.
///
/// # Errors
/// `PortAddress` for a port that makes no sense, `Config` when it cannot be remembered.
pub fn run(common: &Common, args: &PortsArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let out = &context.out;
    if let Some(PortsCommand::Choose { endpoint }) = &args.command {
        Endpoint::parse(endpoint).map_err(|error| failure::link(&error, endpoint))?;
        config::remember(&context.paths.config, "port", endpoint)
            .map_err(|error| failure::fail(Code::Config, error.to_string()))?;
        out.show(json!({ "chosen": endpoint }), |to| {
            writeln!(to, "{}", out.lang.port_chosen(endpoint))
        });
        return Ok(0);
    }
    let chosen = context.port(common);
    let rows = ports::list();
    for row in &rows {
        let used = chosen.as_deref() == Some(row.endpoint.as_str());
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
    if rows.is_empty() {
        out.say(out.lang.no_ports());
    }
    Ok(0)
}

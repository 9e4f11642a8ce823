//! `meterkit operators`: who may log in on this handheld.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::{Context, Work};
use super::output::Output;
use crate::jobs::session;
use crate::jobs::views::{Failure, OperatorView, SuperviseAct};
use crate::tui::wrap::pad;
use crate::units::OperatorId;

/// Arguments of `operators`.
#[derive(Debug, Args)]
pub struct OperatorsArgs {
    /// What to do; without a word: list.
    #[command(subcommand)]
    command: Option<OperatorsCommand>,
}

#[derive(Debug, Subcommand)]
enum OperatorsCommand {
    /// List who has a grant here, and who can log in.
    List,
    /// Let somebody with a grant log in: asks for the office's code and the person's own PIN.
    Activate {
        /// Who.
        // A name of its own: `--operator` says who does it.
        #[arg(id = "who", value_name = "OPERATOR")]
        operator: OperatorId,
        /// Take the code from the first line of this file instead of asking.
        #[arg(long, value_name = "FILE")]
        code_file: Option<std::path::PathBuf>,
        /// Take the person's PIN from the first line of this file instead of asking twice.
        #[arg(long, value_name = "FILE")]
        new_pin_file: Option<std::path::PathBuf>,
    },
    /// Take somebody's log-in away. For supervisors.
    Remove {
        /// Whose.
        // A name of its own: `--operator` says who does it.
        #[arg(id = "who", value_name = "OPERATOR")]
        operator: OperatorId,
    },
    /// End somebody's lock-out; the PIN stays. For supervisors.
    Free {
        /// Whose.
        // A name of its own: `--operator` says who does it.
        #[arg(id = "who", value_name = "OPERATOR")]
        operator: OperatorId,
    },
}

/// Lists or changes.
///
/// # Errors
/// The log-in's, the role's, those of the store.
pub fn run(common: &Common, args: &OperatorsArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let (place, dir) = (context.place(), &context.paths.store);
    let Work { store, session, .. } = &work;
    let stamp = context.stamp(session);
    match &args.command {
        None | Some(OperatorsCommand::List) => {
            list(&context, &session::operators(store, dir, &place)?);
            return Ok(0);
        }
        Some(OperatorsCommand::Activate { operator, code_file, new_pin_file }) => {
            let question = context.out.lang.ask_activation(operator.as_str());
            let code = context.secret(code_file.as_deref(), &question)?;
            let pin = context.new_pin(new_pin_file.as_deref())?;
            session::activate(store, session, dir, &place, operator, &code, &pin, &stamp)?;
        }
        Some(OperatorsCommand::Remove { operator }) => {
            let act = SuperviseAct::Remove;
            session::supervise(store, session, dir, &place, operator, act, &stamp)?;
        }
        Some(OperatorsCommand::Free { operator }) => {
            let act = SuperviseAct::Free;
            session::supervise(store, session, dir, &place, operator, act, &stamp)?;
        }
    }
    list(&context, &session::operators(store, dir, &place)?);
    Ok(0)
}

fn list(context: &Context, rows: &[OperatorView]) {
    let out = &context.out;
    for row in rows {
        let object = json!({
            "operator": row.operator.as_str(), "name": row.name, "role": row.role.name(),
            "expires_unix": row.expires.0, "active": row.active, "locked": row.locked,
        });
        let state = match (row.locked, row.active) {
            (true, _) => out.lang.people_locked(),
            (false, true) => out.lang.people_active(),
            (false, false) => out.lang.people_inactive(),
        };
        let until = context.moment(row.expires);
        out.show(object, |to| {
            let id = pad(row.operator.as_str(), 16);
            let (name, role) = (pad(&row.name, 16), pad(out.lang.role(row.role), 12));
            writeln!(to, "{id} {name} {role} {until}  {state}")
        });
    }
}

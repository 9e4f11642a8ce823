//! `meterkit enrol`: makes this handheld known to an office.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Common;
use super::context::{Context, Work};
use super::output::Output;
use crate::config;
use crate::jobs::enrol::{self, Enrol};
use crate::jobs::failure;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::Opened;
use crate::store::vault::{Cost, SecretKind, Vault};
use crate::sync::enrol::Enrolling;
use crate::units::OperatorId;

/// Arguments of `enrol`.
#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// The file the office wrote (`meterkit-office enrol`).
    pub file: PathBuf,
    /// Check the file and print the office's fingerprint; change nothing.
    #[arg(long)]
    pub check: bool,
}

/// Draws this handheld's key, introduces it to the office, and starts the store with the first
/// operator's PIN.
///
/// # Errors
/// `File`, a PIN that is too easy, the office's codes, `AlreadyEnrolled`. Trying again with the
/// same file, operator and PIN is safe.
pub fn run(common: &Common, args: &EnrolArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let unread = |error: std::io::Error| {
        failure::fail(Code::File, format!("{}: {error}", args.file.display()))
    };
    let file = enrol::read(&std::fs::read(&args.file).map_err(unread)?)?;
    let fingerprint = file.fingerprint();
    let device = file.file.device.to_string();
    let object = json!({ "device": device, "office_key": fingerprint });
    let out = &context.out;
    if args.check {
        out.show(object, |to| writeln!(to, "{}", out.lang.enrol_check(&device, &fingerprint)));
        return Ok(0);
    }
    // Before the PIN: whoever sees another fingerprint than the office's stops here.
    out.say(&out.lang.enrol_check(&device, &fingerprint));
    let operator = operator(&context, common, &file)?;
    let pin = match &common.pin_file {
        Some(path) => context.secret(Some(path), "")?,
        None => context.new_pin(None)?,
    };
    let place = context.place();
    let (store, session) = enrol::enrol(&Enrol {
        dir: &context.paths.store,
        place: &place,
        cost: Cost::FIELD,
        file: &file,
        operator: &operator,
        pin: &pin,
        clock: &context.clock,
    })?;
    let _work = Work { store, session, opened: Opened::default() };
    if context.file.operator.is_none() {
        // Only a convenience: without it the id is typed at every log-in.
        let _ = config::remember(&context.paths.config, "operator", operator.as_str());
    }
    out.show(object, |to| writeln!(to, "{}", out.lang.enrolled(&device, &fingerprint)));
    if Vault::open(&context.paths.store, &place).is_ok_and(|v| v.kind() == SecretKind::File) {
        out.say(out.lang.plain_secret());
    }
    Ok(0)
}

/// Who of those the file names is here: the only one, or the one named.
fn operator(context: &Context, common: &Common, file: &Enrolling) -> Result<OperatorId, Failure> {
    match (&common.operator, file.grants()) {
        (None, [only]) => {
            only.operator.parse().map_err(|error| failure::fail(Code::File, format!("{error}")))
        }
        (None, grants) if !context.out.interactive => {
            let names: Vec<&str> = grants.iter().map(|grant| grant.operator.as_str()).collect();
            let detail = context.out.lang.enrol_operator(&names.join(", "));
            Err(failure::fail(Code::Usage, detail))
        }
        _ => context.operator_id(common),
    }
}

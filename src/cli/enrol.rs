//! `meterkit enrol`: makes this handheld known to an office.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::failure;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::sync::enrol::{self, Enrolling};

/// Arguments of `enrol`.
#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// The file the office wrote (`meterkit-office enrol`).
    pub file: PathBuf,
}

/// Draws this handheld's key, introduces it to the office, and starts the store.
///
/// # Errors
/// `File`, the office's codes, `AlreadyEnrolled`. Trying again with the same file is safe.
pub fn run(common: &Common, args: &EnrolArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let unread = |error: std::io::Error| {
        failure::fail(Code::File, format!("{}: {error}", args.file.display()))
    };
    let bytes = std::fs::read(&args.file).map_err(unread)?;
    let enrolling = Enrolling::read(&bytes).map_err(|error| failure::sync(&error))?;
    let fingerprint = enrolling.fingerprint();
    let store = enrol::enrol(&context.paths.store, &bytes, &context.stamp(common))
        .map_err(|error| failure::sync(&error))?;
    let device = store.identity().device.to_string();
    let object = json!({ "device": device, "office_key": fingerprint });
    let out = &context.out;
    out.show(object, |to| writeln!(to, "{}", out.lang.enrolled(&device, &fingerprint)));
    Ok(0)
}

//! `meterkit replay`: a recording of a line (`--trace`) played back to the driver, in virtual time.
//!
//! The same reading as `meterkit read` runs; what the driver sends must be what was recorded. What
//! does not fit is shown with its line and byte, so a recording from the field tells whether a
//! change of the program still speaks to that meter.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::context::Context;
use super::meter_password::MeterPassword;
use super::output::Output;
use super::read::write_card;
use super::{Common, json};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, Line, open, read, trace};
use crate::profile;
use crate::units::{BusPlace, MeterNo};

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The meter's number, up to 12 digits.
    #[arg(long, value_name = "NUMBER")]
    pub meter: MeterNo,
    /// The meter's profile, where the recording does not name it.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// What its bus calls the meter, where that is not its number.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// The first line of the file to play, where it holds more than one reading.
    #[arg(long, value_name = "LINE")]
    pub from: Option<usize>,
    /// The last line to play.
    #[arg(long, value_name = "LINE")]
    pub to: Option<usize>,
    /// The meter's own password, if one was sent then.
    #[command(flatten)]
    pub password: MeterPassword,
}

/// Plays the recording and shows what was read.
///
/// # Errors
/// [`TraceUnreadable`](crate::report::Code::TraceUnreadable) for a file that is no recording or
/// that the driver does not follow; the reading's own.
pub fn run(common: &Common, args: &ReplayArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let part = trace::Part { from: args.from, to: args.to };
    let recording = trace::load(&args.file, part)?;
    let name = args.profile.as_deref().or(recording.about("profile"));
    let profile = open::named(&context.profiles(), name.unwrap_or(profile::DEFAULT))?;
    let secret = args.password.of(&context, [&profile])?;
    let (mut replay, clock) =
        trace::play(recording, open::settings(&profile), context.clock.clone())?;
    let place =
        BusPlace { address: args.address.clone().unwrap_or_default(), ..BusPlace::default() };
    let read = read::read_at(
        &mut Line {
            link: &mut replay,
            profile: &profile,
            clock: &clock,
            cancel: &Cancel::default(),
            wire: &mut |_| {},
            progress: &mut |_, _, _| {},
            doubtful: false,
            secret: secret.as_ref(),
        },
        args.meter,
        &place,
    );
    // A question that was never recorded says more than the silence after it.
    if let (Err(_), Some(failure)) = (&read, trace::difference(&replay)) {
        return Err(failure);
    }
    let (card, _) = read?;
    let (mut object, lang) = (json::quick_read(&card), context.out.lang);
    if let Value::Object(fields) = &mut object {
        fields.insert("whole".to_owned(), trace::difference(&replay).is_none().into());
    }
    context.out.show(object, |to| write_card(to, lang, &card));
    trace::difference(&replay).map_or(Ok(0), Err)
}

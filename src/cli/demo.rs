//! `meterkit demo`: a street of simulated meters and an office, in one process.
//!
//! The screens start enrolled, with tokens cached and the network down; a key brings it back. With
//! `--headless` a scripted day is played instead, with faults on the line and in the meters, and
//! its ledger is printed. Everything but the wire is the real thing: store, jobs, office, HTTP.

mod day;
mod errands;
mod ledger;
mod papers;
mod site;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::context::Context;
use super::output::Output;
use super::screens::{self, TuiArgs};
use super::{Common, round_book};
use crate::config::Paths;
use crate::jobs::engine::{Engine, EngineConfig};
use crate::jobs::failure::{fail, link};
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::sim::serve::FleetStation;
use crate::transport::pty::Follow;
use crate::transport::{Bus, Faults, Line, LineSettings, Server};
use site::Site;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Play a scripted day without screens and print its ledger.
    #[arg(long)]
    pub headless: bool,
    /// Where the faults of the scripted day start; the same seed gives the same day.
    #[arg(long, default_value_t = 1, requires = "headless")]
    pub seed: u64,
    /// How the screens look.
    #[command(flatten)]
    pub look: TuiArgs,
}

/// Runs the demo.
///
/// # Errors
/// What kept it from starting. Headless, the exit status is 0 only if no credit was doubled or lost
/// and the ledger sums to zero.
pub fn run(common: &Common, args: &DemoArgs, out: &Output) -> Result<u8, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("meterkit-demo-")
        .tempdir()
        .map_err(|error| fail(Code::File, error.to_string()))?;
    let mut context = Context::load(common, out)?;
    context.paths = Paths::under(folder.path());
    if args.headless {
        return day::run(&context, args.seed);
    }
    interactive(common, args, &context)
}

fn interactive(common: &Common, args: &DemoArgs, context: &Context) -> Result<u8, Failure> {
    let mut site = Site::build(&context.paths)?;
    site.network(false);
    let settings = LineSettings::default();
    let bus = Bus::paced(Line::new(settings, Faults::NONE), FleetStation::sharing(site.fleet()));
    let server = Server::on_pty(bus, Follow::Baud).map_err(|error| link(&error, "pty"))?;
    let mut config = EngineConfig::new(context.paths.store.clone(), site::OPERATOR.to_owned())?;
    config.place = site.place();
    config.session = Some(site.log_in()?);
    config.hint = site.hint();
    config.port = Some(server.endpoint().to_string());
    config.clock = Arc::new(context.clock.clone());
    config.tables = Some(round_book::tables(context.out.lang, context.clock.clone()));
    let site = Arc::new(Mutex::new(site));
    let switch = Arc::clone(&site);
    config.network = Some(Box::new(move |up| {
        switch.lock().unwrap_or_else(PoisonError::into_inner).network(up);
    }));
    let engine = Engine::start(config)?;
    let mut common = common.clone();
    common.operator = Some(site::OPERATOR.to_owned());
    let shown = screens::show(context, &common, &args.look, &engine);
    drop(engine);
    // The meters' side ends after the tool's; its result is of no more interest.
    let _ = server.stop();
    shown.map(|()| 0)
}

//! `meterkit tui`, and `meterkit` alone: the screens over the engine.

use std::sync::Arc;

use clap::Args;

use super::Common;
use super::context::Context;
use super::output::Output;
use super::round_book;
use crate::jobs::engine::{Engine, EngineConfig};
use crate::jobs::views::Failure;
use crate::jobs::{failure, open, trace};
use crate::logging;
use crate::profile;
use crate::report::Code;
use crate::tui::theme::Palette;
use crate::tui::{self, TuiOptions};

/// Arguments of `tui`.
#[derive(Debug, Default, Args)]
pub struct TuiArgs {
    /// Colours: mono, 16, 256.
    #[arg(long, value_name = "PALETTE")]
    pub palette: Option<String>,
    /// Draw lines with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
}

/// Opens the screens.
///
/// # Errors
/// The store's; `Internal` when the terminal cannot be taken.
pub fn run(common: &Common, args: &TuiArgs) -> Result<u8, Failure> {
    let context = Context::load(common, &Output::new(common))?;
    let _log = logging::start(&context.paths.logs);
    let engine = Engine::start(engine_config(&context, common)?)?;
    show(&context, common, args, &engine)?;
    Ok(0)
}

/// The engine's configuration from the command line and the file.
///
/// # Errors
/// `Config` for line settings that make no sense.
pub fn engine_config(context: &Context, common: &Common) -> Result<EngineConfig, Failure> {
    let named = context.file.profile.as_deref().unwrap_or(profile::DEFAULT);
    let profiles = context.profiles();
    let own = open::settings(&open::named(&profiles, named)?);
    let wanted = context.line_settings(common, own)?;
    let usual = context.usual_operator(common).unwrap_or_default();
    let mut config = EngineConfig::new(context.paths.store.clone(), usual)?;
    config.place = context.place();
    config.port = context.port(common).or_else(|| context.opener.last());
    config.port_forced = common.port.is_some();
    config.profiles = profiles;
    config.opener = Some(Arc::clone(&context.opener));
    let (opener, trace_to) = (Arc::clone(&context.opener), common.trace.clone());
    let (kind, usual) = (named.to_owned(), config.port.clone());
    config.open_line = Box::new(move |port, settings, cancel| {
        let link = opener.open(port, settings, cancel)?;
        let Some(trace_to) = &trace_to else { return Ok(link) };
        let file = trace::file_of(trace_to, port, usual.as_deref());
        let endpoint = port.unwrap_or_default();
        trace::record(link, &file, &trace::About { profile: &kind, settings, endpoint })
    });
    // Without a word of the user's each meter's profile sets its own line.
    config.settings = Some(wanted).filter(|wanted| *wanted != own);
    config.profile = context.file.profile.clone();
    config.accepted = context.accepted.clone();
    config.max_life_s = context.token_life_s();
    config.link.day_kb = context.sync_budget_kb();
    config.clock = Arc::new(context.clock.clone());
    config.tables = Some(round_book::tables(context.out.lang, context.clock.clone()));
    Ok(config)
}

/// Shows the screens over a running engine until the operator leaves.
///
/// # Errors
/// `Config` for an unknown palette, `Internal` when the terminal cannot be taken.
pub fn show(
    context: &Context,
    common: &Common,
    args: &TuiArgs,
    engine: &Engine,
) -> Result<(), Failure> {
    let term = std::env::var("TERM").unwrap_or_default();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let over_network = std::env::var_os("SSH_CONNECTION").is_some();
    let mut options = TuiOptions::for_terminal(context.out.lang, no_color, &term, over_network);
    options.ascii |= args.ascii || context.file.ascii.unwrap_or(false);
    options.operator = context.usual_operator(common).unwrap_or_default();
    options.zone = context.clock.zone();
    options.import_from =
        std::env::current_dir().map(|folder| format!("{}/", folder.display())).unwrap_or_default();
    if let Some(name) = args.palette.as_deref().or(context.file.palette.as_deref()) {
        options.palette = Palette::named(name).ok_or_else(|| {
            let detail = format!("palette = {name:?}; one of: mono, 16, 256");
            failure::fail(Code::Config, detail)
        })?;
    }
    tui::run(engine.requests.clone(), engine.updates.clone(), options)
        .map_err(|error| failure::fail(Code::Internal, format!("terminal: {error}")))
}

//! `meterkit swap`: an old meter out, a new one in, its balance carried over; and the certificate.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Map, Value, json};

use super::Common;
use super::context::{Context, Work};
use super::errand::{self, ErrandArgs};
use super::output::Output;
use crate::jobs::errand::Values;
use crate::jobs::swap::certificate::{self, Certificate};
use crate::jobs::swap::{NEW, OLD, Swap};
use crate::jobs::views::Failure;
use crate::text::work as names;
use crate::tui::wrap::pad;
use crate::units::{ErrandKind, MeterNo};

/// Cells of a certificate's names.
const NAME_CELLS: usize = 28;

/// Arguments of `swap`.
#[derive(Debug, Args)]
pub struct SwapArgs {
    /// The meter that goes.
    #[arg(value_name = "OLD")]
    old: Option<MeterNo>,
    /// The meter that comes; needed only where the office gave leave for several.
    #[arg(value_name = "NEW")]
    new: Option<MeterNo>,
    /// Print the certificate of a swap: its id, or the end of it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["old", "resume"])]
    certificate: Option<String>,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &SwapArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    if let Some(id) = &args.certificate {
        return print(&context, &work, id);
    }
    let mut values = Values::default();
    let text = |no: Option<MeterNo>| no.map(|no| no.to_string()).unwrap_or_default();
    values.set(OLD, text(args.old));
    values.set(NEW, text(args.new));
    errand::run(&context, common, &work, &Swap, (&args.errand, &values))
}

/// Prints a certificate.
fn print(context: &Context, work: &Work, text: &str) -> Result<u8, Failure> {
    let id = errand::found(&work.store, ErrandKind::Swap, text)?;
    let paper = certificate::read(&work.store, id)?;
    context.out.show(json!({ "certificate": object(&paper) }), |to| write(to, context, &paper));
    Ok(0)
}

fn object(paper: &Certificate) -> Value {
    let lines = paper.lines.iter().map(|line| (line.name.clone(), json!(line.value)));
    json!({
        "work": paper.work.to_string(),
        "at": paper.at.0,
        "operator": paper.operator,
        "seq": paper.seq,
        "lines": lines.collect::<Map<String, Value>>(),
    })
}

fn write(to: &mut dyn Write, context: &Context, paper: &Certificate) -> io::Result<()> {
    let lang = context.out.lang;
    let title = names::or_name(lang, "swap-certificate");
    writeln!(to, "{title}  {}", paper.work)?;
    writeln!(to, "{}  {}", context.moment(paper.at), paper.operator)?;
    for line in &paper.lines {
        let name = pad(names::or_name(lang, &line.name), NAME_CELLS);
        writeln!(to, "{name}{}", names::or_name(lang, &line.value))?;
    }
    Ok(())
}

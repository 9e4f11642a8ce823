//! The command line: one file a command, over the same jobs as the screens.
//!
//! Data goes to stdout, talk to stderr. With `--json` stdout holds one object a line with stable
//! English keys and `"schema":"meterkit/1"`. The exit status is the failure's own
//! ([`crate::report::Code::exit_status`]); 4 always means: outcome unknown, do not repeat blindly.

pub mod account;
pub mod audit;
mod bar;
pub mod boxes;
pub mod bundle;
pub mod checkpoint;
pub mod commission;
pub mod context;
pub mod control;
pub mod decode;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod enrol;
pub mod errand;
pub mod journal;
mod json;
mod many;
mod meter_password;
pub mod operators;
pub mod output;
pub mod pin;
pub mod ports;
pub mod profile;
pub mod read;
pub mod recharge;
pub mod replay;
pub mod round;
pub mod round_book;
pub mod screens;
pub mod sim;
mod sim_orders;
pub mod survey;
mod survey_boxes;
pub mod swap;
pub mod sync;
pub mod tokens;
pub mod trust;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// Read and recharge electricity meters, with or without a network.
#[derive(Debug, Parser)]
#[command(name = "meterkit", version, propagate_version = true)]
pub struct Cli {
    /// Settings every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do; without a command the screens open.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Keep configuration, store and logs in this folder.
    #[arg(long, global = true, value_name = "DIR", env = "METERKIT_HOME")]
    pub home: Option<PathBuf>,
    /// The line to the meters: /dev/NAME, COMn, tcp://host:port, tcp-listen://:port,
    /// udp://host:port, rfc2217://host:port, ble:ADDRESS.
    #[arg(long, global = true, value_name = "PORT", env = "METERKIT_PORT")]
    pub port: Option<String>,
    /// Speed of the line.
    #[arg(long, global = true, value_name = "BAUD")]
    pub baud: Option<u32>,
    /// Parity of the line: even, odd, none.
    #[arg(long, global = true, value_name = "PARITY")]
    pub parity: Option<String>,
    /// Language of people's words: en, zh.
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<String>,
    /// Who works: the operator's id, to log in with.
    #[arg(long, global = true, value_name = "ID", env = "METERKIT_OPERATOR")]
    pub operator: Option<String>,
    /// Take the PIN from the first line of this file ('-' for standard input) instead of asking.
    #[arg(long, global = true, value_name = "FILE", env = "METERKIT_PIN_FILE")]
    pub pin_file: Option<PathBuf>,
    /// Record everything on the line into this file; 'meterkit replay' plays it back. Of several
    /// lines each has its own file, named after it.
    #[arg(long, global = true, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask; a missing answer is an error that names the flag to give.
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the screens.
    Tui(screens::TuiArgs),
    /// Make this handheld known to an office, from the file the office wrote.
    Enrol(enrol::EnrolArgs),
    /// Read meters: energy, balance, count, voltages, currents, power, clock, relay, status.
    Read(read::ReadArgs),
    /// List the multi-user terminals and their users.
    Boxes(boxes::BoxesArgs),
    /// Recharge a meter from a cached token, or find out what happened to a recharge.
    Recharge(recharge::RechargeArgs),
    /// List the cached tokens, or import some.
    Tokens(tokens::TokensArgs),
    /// Show or verify the journal.
    Journal(journal::JournalArgs),
    /// Sign what the journal is now, with what the shift came to: for a photograph or the office.
    Checkpoint(checkpoint::CheckpointArgs),
    /// Exchange journal, receipts and tokens with the office.
    Sync(sync::SyncArgs),
    /// What may be done now, and how much: rights, limits, how fresh the office's word is.
    Trust(trust::TrustArgs),
    /// Change one's own PIN, or set a new one with a recovery code of the office.
    Pin(pin::PinArgs),
    /// Who may log in here: list, activate, remove, free after a lock-out.
    Operators(operators::OperatorsArgs),
    /// Check from files alone that an estate's money is accounted for.
    Audit(audit::AuditArgs),
    /// Accounts: open, close, refund, reverse; a customer's meters; the count doctor.
    Account(account::AccountArgs),
    /// Trip, close, keep-power, restore prepaid, settings: over any choice of meters.
    Control(control::ControlArgs),
    /// Read a list of meters until all have answered; load curves; daily freezes.
    Round(round::RoundArgs),
    /// Signed sets of parameters, and clocks: check, take in, plan, write to many meters.
    Bundle(bundle::BundleArgs),
    /// Swap a meter and carry its balance over, or print the certificate of a swap.
    Swap(swap::SwapArgs),
    /// Put a meter into service, check its wiring, print its certificate.
    Commission(commission::CommissionArgs),
    /// Find what hangs on a line and what is wrong with it. Sends, and changes nothing.
    Survey(survey::SurveyArgs),
    /// List the adapters, with what keeps one from being used.
    Ports(ports::PortsArgs),
    /// Meter models: list, show, check a file of one's own.
    Profile(profile::ProfileArgs),
    /// Play a recording of a line back to the driver.
    Replay(replay::ReplayArgs),
    /// Explain frames given as hex.
    Decode(decode::DecodeArgs),
    /// Check this installation and print a report that can be shared.
    Doctor(doctor::DoctorArgs),
    /// Simulated meters behind a pty or TCP port.
    Sim(sim::SimArgs),
    /// A simulated site and an office in one process.
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the program on the process's own arguments.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// Runs the program on the given arguments; returns the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to stdout; a closed pipe there is no news.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let out = output::Output::new(&cli.common);
    match dispatch(cli, &out) {
        Ok(status) => status,
        Err(failure) => {
            out.failure(&failure);
            failure.code.exit_status()
        }
    }
}

fn dispatch(cli: Cli, out: &output::Output) -> Result<u8, crate::jobs::views::Failure> {
    let common = &cli.common;
    let Some(command) = cli.command else {
        return screens::run(common, &screens::TuiArgs::default());
    };
    match command {
        Command::Tui(args) => screens::run(common, &args),
        Command::Enrol(args) => enrol::run(common, &args, out),
        Command::Read(args) => read::run(common, &args, out),
        Command::Boxes(args) => boxes::run(common, &args, out),
        Command::Recharge(args) => recharge::run(common, &args, out),
        Command::Tokens(args) => tokens::run(common, &args, out),
        Command::Journal(args) => journal::run(common, &args, out),
        Command::Checkpoint(args) => checkpoint::run(common, &args, out),
        Command::Sync(args) => sync::run(common, &args, out),
        Command::Trust(args) => trust::run(common, &args, out),
        Command::Pin(args) => pin::run(common, &args, out),
        Command::Operators(args) => operators::run(common, &args, out),
        Command::Audit(args) => audit::run(common, &args, out),
        Command::Account(args) => account::run(common, &args, out),
        Command::Control(args) => control::run(common, &args, out),
        Command::Round(args) => round::run(common, &args, out),
        Command::Bundle(args) => bundle::run(common, &args, out),
        Command::Swap(args) => swap::run(common, &args, out),
        Command::Commission(args) => commission::run(common, &args, out),
        Command::Survey(args) => survey::run(common, &args, out),
        Command::Ports(args) => ports::run(common, &args, out),
        Command::Profile(args) => profile::run(common, &args, out),
        Command::Replay(args) => replay::run(common, &args, out),
        Command::Decode(mut args) => {
            args.json |= common.json;
            let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
            Ok(decode::run(&args, &mut stdin.lock(), &mut stdout.lock()))
        }
        Command::Doctor(args) => doctor::run(common, &args, out),
        Command::Sim(args) => sim::run(common, &args, out),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(common, &args, out),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "meterkit",
                &mut std::io::stdout().lock(),
            );
            Ok(0)
        }
    }
}

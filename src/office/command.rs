//! The command line of `meterkit-office`: one command, one act, one object with `--json`.

mod args;
mod backup;
mod bundle;
mod checkpoint;
mod desk;
mod keys;
mod media;
mod online;
mod pass;
mod people;
mod qr;
mod round;
mod serve;
mod show;
mod swap;

use super::meters::NewMeter;
use super::{
    CloseMeter, Deed, MeterShows, Offer, Office, OfficeError, Order, Purpose, Setup, Verdict,
};
use crate::units::PurchaseCount;
use args::{Act, Cli, DeskArgs, DeviceAct, DraftAct, KeysAct, MeterAct, ReviewAct, RevokeAct};
use clap::Parser;
use pass::Pass;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tokio::runtime::Handle;

/// What a command found: the object of `--json`, the text, and whether all is well.
struct Shown {
    json: Value,
    text: String,
    good: bool,
}

/// For the desk, which reads the same files.
pub(crate) use bundle::read as read_bundle;
pub(crate) use round::read as read_list_file;

/// Writes a file that only this user can read.
///
/// # Errors
/// [`OfficeError::File`].
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    super::keys::write_private(path, bytes)
}

/// How the desk is to be opened.
#[derive(Debug, Clone)]
pub struct DeskStart {
    /// The language asked for: `en` or `zh`.
    pub lang: Option<String>,
    /// The colours asked for: `mono`, `16` or `256`.
    pub palette: Option<String>,
    /// Lines from ASCII characters only.
    pub ascii: bool,
    /// The options that lead a command to this office.
    pub place: String,
}

/// Shows the desk until somebody leaves it. The screens are a layer above the office, so that who
/// runs the command line hands them in.
pub type Desk = dyn Fn(&Office, &Handle, DeskStart) -> std::io::Result<()>;

/// Whether a line is one this program takes: what the desk shows people to type.
pub fn takes(line: &[&str]) -> bool {
    Cli::try_parse_from(std::iter::once(&"meterkit-office").chain(line)).is_ok()
}

/// Runs the command line of this process. Exit status: 0 done, 1 refused or not sound, 2 wrong use,
/// 6 files or the database failed.
pub fn run(desk: &Desk) -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let pass = Pass::new(&cli);
            let place = (cli.data.as_path(), cli.database.as_deref());
            runtime.block_on(act(place, cli.act, cli.json, &pass, desk))
        }
        Err(error) => Err(OfficeError::File("runtime".to_owned(), error)),
    };
    let mut out = std::io::stdout().lock();
    // A reader that went away is no failure of the office.
    match result {
        Ok(shown) => {
            let text = if cli.json { format!("{}\n", shown.json) } else { shown.text };
            let _ = out.write_all(text.as_bytes());
            if shown.good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            if cli.json {
                let _ = writeln!(out, "{}", show::error(&error));
            }
            let _ = writeln!(std::io::stderr(), "meterkit-office: {error}");
            ExitCode::from(exit_status(&error))
        }
    }
}

fn exit_status(error: &OfficeError) -> u8 {
    match error {
        OfficeError::Usage(_)
        | OfficeError::NotPayable { .. }
        | OfficeError::Amount { .. }
        | OfficeError::Days(_)
        | OfficeError::WeakPassphrase(_) => 2,
        OfficeError::NotInitialised(_)
        | OfficeError::AlreadyInitialised(_)
        | OfficeError::Format { .. }
        | OfficeError::File(..)
        | OfficeError::KeyFile(_)
        | OfficeError::WrongPassphrase(_)
        | OfficeError::NoPassphrase(_)
        | OfficeError::NoKey(_)
        | OfficeError::KeysOlder
        | OfficeError::KeysChanged
        | OfficeError::BackupFile(..)
        | OfficeError::Tls(_)
        | OfficeError::Db(_)
        | OfficeError::Random(_)
        | OfficeError::Stored(_) => 6,
        _ => 1,
    }
}

/// The keys a command signs with. What only looks needs none.
fn needed(act: &Act) -> &'static [Purpose] {
    use Purpose::{Issuer, People, Recovery, Status, Tls};
    match act {
        Act::Desk(_) => &[Issuer, People],
        Act::Enrol { .. } => &[Status, People, Recovery],
        Act::Issue { .. } | Act::Reissue { .. } | Act::IssueList(_) => &[Issuer],
        Act::Draft(DraftAct::Issue { .. }) => &[Issuer],
        Act::Lost(lost) if lost.to.is_some() => &[Issuer],
        Act::Swap(swap::SwapAct::Issue(_)) => &[Issuer],
        Act::Serve { plain: false, .. } => &[Status, Tls],
        Act::Serve { .. } | Act::Status { .. } | Act::Media(_) => &[Status],
        Act::Operator(args::OperatorAct::Grant { .. }) | Act::Override(_) | Act::Bundle(_) => {
            &[People]
        }
        Act::Round(round::RoundAct::New(_)) => &[People],
        Act::Qr(args) if args.signs() => &[Status],
        Act::Devices { act: Some(DeviceAct::Recovery { .. }), .. } => &[Recovery],
        _ => &[],
    }
}

async fn act(
    (data, database): (&Path, Option<&str>),
    act: Act,
    json: bool,
    pass: &Pass,
    desk: &Desk,
) -> Result<Shown, OfficeError> {
    let act = match act {
        Act::Init { tenant, roots, threshold, root_dir, hosts, partitions } => {
            if partitions.is_some() && database.is_none() {
                let why = "--partitions needs --database";
                return Err(OfficeError::Usage(why.to_owned()));
            }
            let mut setup = Setup { roots, threshold, root_dir, ..Setup::usual(&tenant) };
            if !hosts.is_empty() {
                setup.hosts = hosts;
            }
            let ask = |key: &str, new| pass.get(key, new);
            let office = Office::init_on(data, database, &setup, &ask).await?;
            if let Some(parts) = partitions {
                office.partition(parts).await?;
            }
            return Ok(show::init(&office, data, &setup, pass.one_for_all()));
        }
        // What a holder does on a machine of his own.
        Act::Keys(KeysAct::Root(root)) => match keys::alone(root, pass)? {
            Ok(shown) => return Ok(shown),
            Err(root) => Act::Keys(KeysAct::Root(root)),
        },
        Act::Restore(args) => return backup::restore((data, database), &args).await,
        act => act,
    };
    let office = Office::open_on(data, database).await?;
    let purposes = needed(&act);
    office.unlock(purposes, &|key, new| pass.get(key, new))?;
    if !purposes.is_empty() {
        look_after(&office, pass).await;
    }
    let shown = match act {
        Act::Backup(args) => backup::backup(&office, data, &args).await,
        Act::Desk(args) => open_desk(&office, args, data, desk),
        act => do_act(&office, act, json, pass).await,
    };
    office.close().await;
    shown
}

/// Gives the terminal to the desk; this thread is then the screens'.
fn open_desk(
    office: &Office,
    args: DeskArgs,
    data: &Path,
    desk: &Desk,
) -> Result<Shown, OfficeError> {
    let DeskArgs { lang, palette, ascii } = args;
    let usual = data == Path::new(args::USUAL_DATA);
    let place = if usual { String::new() } else { format!("--data {}", data.display()) };
    let start = DeskStart { lang, palette, ascii, place };
    let handle = Handle::current();
    let shown = tokio::task::block_in_place(|| desk(office, &handle, start));
    shown.map_err(|error| OfficeError::File("terminal".to_owned(), error))?;
    Ok(Shown { json: Value::Null, text: String::new(), good: true })
}

/// Renews what is due, if that can be done without asking, and says what will be.
async fn look_after(office: &Office, pass: &Pass) {
    if let Err(error) = office.renew_if_due(&|key, _| pass.quiet(key)).await {
        let _ = writeln!(std::io::stderr(), "meterkit-office: WARNING: not renewed: {error}");
    }
    for warning in office.key_warnings() {
        let _ = writeln!(std::io::stderr(), "meterkit-office: WARNING: {warning}");
    }
}

async fn do_act(office: &Office, act: Act, json: bool, pass: &Pass) -> Result<Shown, OfficeError> {
    match act {
        // Done before this.
        Act::Init { .. } | Act::Backup(_) | Act::Restore(_) | Act::Desk(_) => {
            Err(OfficeError::AlreadyInitialised(office.tenant()))
        }
        Act::Restored(act) => backup::restored(office, act).await,
        Act::Enrol { device, operators, again, url, out } => {
            let offer = Offer { device, url, operators, again };
            let offered = office.offer(&offer).await?;
            super::keys::write_private(&out, &offered.file)?;
            Ok(show::enrol(office, &offer, &offered, &out))
        }
        Act::Meter(meter) => self::meter(office, meter).await,
        Act::Issue {
            meter,
            amount,
            kind: act,
            undoes,
            account,
            device,
            days,
            out,
            draft,
            note,
        } => {
            let (order, deed) =
                (Order { meter, amount, device, days }, Deed { act, account, undoes });
            if draft {
                return Ok(show::draft_kept(&office.draft(&order, deed, &note).await?));
            }
            let issued = office.issue_for(&order, deed).await?;
            if let Some(out) = &out {
                super::keys::write_private(out, &issued.bytes)?;
            }
            Ok(show::issued(&issued))
        }
        Act::Draft(DraftAct::List) => Ok(show::drafts(&office.drafts().await?)),
        Act::Draft(DraftAct::Issue { draft }) => {
            Ok(show::issued(&office.issue_draft(draft).await?))
        }
        Act::Draft(DraftAct::Drop { draft }) => {
            office.drop_draft(draft).await?;
            Ok(show::draft_dropped(draft))
        }
        Act::Reissue { token, days } => Ok(show::issued(&office.reissue(token, days).await?)),
        Act::IssueList(args) => desk::orders(office, args).await,
        Act::Lost(args) => desk::lost(office, args).await,
        Act::Shift(act) => desk::shift(office, act).await,
        Act::Sales(args) => desk::sales(office, args).await,
        Act::Zone { name } => desk::zone(office, name).await,
        Act::Today => desk::today(office).await,
        Act::List(act) => desk::list(office, act).await,
        Act::Revoke(RevokeAct::Token { token }) => {
            office.revoke_token(token).await?;
            Ok(show::revoked(token))
        }
        Act::Serve { listen, plain, watch } => {
            serve::serve(office, (listen, plain), &watch, json).await
        }
        Act::Media(args) => media::act(office, args, pass).await,
        Act::Qr(args) => qr::act(office, args).await,
        Act::Online(act) => online::act(office, act).await,
        Act::Checkpoint(act) => checkpoint::act(office, act).await,
        Act::Ledger => Ok(show::ledger(&office.report().await?)),
        Act::Review(review) => self::review(office, review).await,
        Act::Devices { quarantine, act } => match act {
            Some(DeviceAct::Forks { device }) => Ok(show::forks(&office.forks(&device).await?)),
            Some(DeviceAct::Recovery { device }) => {
                let (left, code) = office.recovery_code(&device).await?;
                Ok(show::recovery(&device, &code, left))
            }
            None => {
                if let Some(device) = quarantine {
                    office.quarantine(&device).await?;
                }
                Ok(show::devices(&office.devices().await?, office.now()))
            }
        },
        Act::Status { device, out } => {
            super::keys::write_private(&out, &office.status(&device).await?)?;
            Ok(show::status(&device, &out))
        }
        Act::Operator(operator) => people::operator(office, operator).await,
        Act::Override(args) => people::over_ride(office, args).await,
        Act::Bundle(act) => bundle::act(office, act).await,
        Act::Round(act) => round::act(office, act).await,
        Act::Swap(act) => swap::act(office, act).await,
        Act::Limits(limits) => people::limits(office, limits).await,
        Act::Keys(act) => keys::act(office, act, pass).await,
        Act::Export { audit } => {
            let report = office.export_audit(&audit).await?;
            Ok(show::exported(&report, &audit))
        }
    }
}

async fn meter(office: &Office, act: MeterAct) -> Result<Shown, OfficeError> {
    match act {
        MeterAct::Close { meter, reason, paid, receipt, revoke, dry_run } => {
            if revoke {
                let revoked = office.revoke_tokens_of(meter).await?;
                return Ok(show::closing(&meter.to_string(), &revoked));
            }
            let close = CloseMeter { meter, reason, paid, receipt };
            Ok(show::closed(&match dry_run {
                true => office.close_meter_would(&close).await?,
                false => office.close_meter(&close).await?,
            }))
        }
        MeterAct::Count { meter, count, reason } => {
            office.set_count(meter, PurchaseCount(count), &reason).await?;
            Ok(show::counted(meter, count))
        }
        MeterAct::Add {
            meter,
            account,
            customer,
            location,
            unit,
            count,
            balance,
            profile,
            area,
            place,
        } => {
            let mut new = NewMeter::new(meter, account, &customer, &location);
            new.line.unit = unit;
            (new.line.profile, new.line.area) = (profile, area);
            new.line.place = place.into();
            new.count = PurchaseCount(count);
            new.balance = balance;
            add_meters(office, &[new]).await
        }
        MeterAct::Import { csv } => add_meters(office, &read_list(&csv)?).await,
    }
}

fn read_list(csv: &Path) -> Result<Vec<NewMeter>, OfficeError> {
    let text = fs::read_to_string(csv)
        .map_err(|error| OfficeError::File(csv.display().to_string(), error))?;
    let heading = |at: usize, line: &str| at == 0 && line.starts_with("meter,");
    // Spreadsheets put a mark in front of UTF-8.
    let lines = text.trim_start_matches('\u{feff}').lines();
    let lines =
        lines.enumerate().filter(|(at, line)| !line.trim().is_empty() && !heading(*at, line));
    lines.map(|(_, line)| NewMeter::from_csv(line)).collect()
}

async fn add_meters(office: &Office, meters: &[NewMeter]) -> Result<Shown, OfficeError> {
    office.add_meters(meters).await?;
    Ok(show::meters(meters))
}

async fn review(office: &Office, act: ReviewAct) -> Result<Shown, OfficeError> {
    match act {
        ReviewAct::List { all } => {
            office.call_overdue().await?;
            Ok(show::reviews(&office.reviews(all).await?))
        }
        ReviewAct::Show { id } => Ok(show::review(&office.review(&id).await?)),
        ReviewAct::Wait { days } => {
            if let Some(days) = days {
                office.set_wait_days(days).await?;
            }
            Ok(show::waits(office.wait_days().await?))
        }
        ReviewAct::Settle { token, verdict, reason, shows, record } => {
            let verdict = if verdict.booked { Verdict::Booked } else { Verdict::NotBooked };
            let shows = shows.map(|count| MeterShows { count: PurchaseCount(count), record });
            let settled = office.settle_proved(token, verdict, (&reason, shows)).await?;
            Ok(show::settled(token, settled))
        }
        ReviewAct::Close { id, reason } => {
            office.close_review(&id, &reason).await?;
            Ok(show::reviews(&office.reviews(false).await?))
        }
    }
}

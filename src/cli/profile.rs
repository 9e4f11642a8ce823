//! `meterkit profile`: the meter models known here, what one says, and what is wrong with a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::failure::fail;
use crate::jobs::open;
use crate::jobs::proven::{self, Accepted};
use crate::jobs::views::Failure;
use crate::profile::{MAX_FILE, MoneyAt, Profile, ProfileFault, Profiles, RelayRules, What};
use crate::report::Code;
use crate::text::Lang;
use crate::tui::wrap::pad;

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// List the meter models: the built-in ones and those of the profiles folder.
    List,
    /// Show one: its line, its items, where its money is.
    Show {
        /// Its id.
        name: String,
        /// Print the file itself, to begin one's own with. Built-in ones only.
        #[arg(long)]
        toml: bool,
    },
    /// Explain every fault of a profile file, with lines.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Lists, shows or checks.
///
/// # Errors
/// `Config` for a name nobody knows, `File` for a file that cannot be read.
pub fn run(common: &Common, args: &ProfileArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    match &args.command {
        ProfileCommand::List => {
            list(&context.out, &at_hand(&context));
            Ok(0)
        }
        ProfileCommand::Show { name, toml } => show(&context, name, *toml),
        ProfileCommand::Check { file } => check(&context.out, file),
    }
}

/// The built-in profiles and those of the folder; says which files cannot be used.
fn at_hand(context: &Context) -> Profiles {
    let folder = open::profile_folder(&context.paths.store);
    let (profiles, faults) = open::profiles(&folder);
    let mut told = "";
    for fault in faults.iter().filter(|fault| fault.what.is_fault()) {
        if fault.file != told {
            let file = folder.join(&fault.file);
            context.out.say(&context.out.lang.profile_skipped(&file.display().to_string()));
        }
        told = &fault.file;
    }
    profiles
}

/// A file's text; one longer than a profile may be is cut there, and found too long by the check.
fn text_of(file: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let most = MAX_FILE as u64 + 4;
    let read = std::fs::File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes));
    read.map_err(|error| fail(Code::File, format!("{}: {error}", file.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn list(out: &Output, profiles: &Profiles) {
    for (profile, file) in profiles.iter() {
        let lang = out.lang;
        let money = match proven::money(profile, &Accepted::default()) {
            _ if profile.money.is_none() => lang.profile_read_only(),
            Ok(_) => lang.profile_recharge(),
            Err(_) => lang.profile_unproven(),
        };
        let object = json!({
            "id": profile.id, "name": profile.name, "protocol": profile.protocol.name(),
            "class": format!("{:?}", profile.class), "items": profile.items.len(),
            "recharge": profile.money.is_some(), "confidence": profile.confidence.to_string(),
            "money_confidence": profile.money.as_ref().map(|rules| rules.confidence.to_string()),
            "needs_acceptance": proven::money(profile, &Accepted::default()).is_err(),
            "file": file,
        });
        out.show(object, |to| {
            let id = pad(&profile.id, 18);
            let protocol = pad(profile.protocol.name(), 12);
            writeln!(to, "{id} {protocol} {}  {}", pad(money, 9), profile.name)?;
            file.map_or(Ok(()), |file| writeln!(to, "    {file}"))
        });
    }
}

fn show(context: &Context, name: &str, toml: bool) -> Result<u8, Failure> {
    let out = &context.out;
    let unknown = || fail(Code::Config, format!("no profile named {name:?}"));
    if toml {
        let text = Profile::built_in_text(name).ok_or_else(unknown)?;
        out.show(json!({ "id": name, "toml": text }), |to| to.write_all(text.as_bytes()));
        return Ok(0);
    }
    let profiles = at_hand(context);
    let profile = profiles.get(name).ok_or_else(unknown)?;
    out.show(object(profile), |to| describe(to, out.lang, profile));
    Ok(0)
}

fn object(profile: &Profile) -> Value {
    let items = profile.items.iter().map(|item| {
        json!({
            "name": item.name, "at": item.at.text(profile.protocol),
            "form": item.form.map(|form| format!("{form:?}")), "decimals": item.decimals,
            "unit": item.unit, "source": item.source, "confidence": item.confidence.to_string(),
        })
    });
    let bits = profile
        .status
        .iter()
        .map(|bit| json!({ "item": bit.item, "bit": bit.bit, "name": bit.name }));
    json!({
        "id": profile.id, "name": profile.name, "protocol": profile.protocol.name(),
        "class": format!("{:?}", profile.class), "source": profile.source,
        "confidence": profile.confidence.to_string(),
        "line": profile.line.framing.to_string(), "preamble": profile.line.preamble,
        "items": items.collect::<Vec<_>>(), "status": bits.collect::<Vec<_>>(),
        "terminal": profile.terminal.map(|box_| json!({
            "step": box_.step, "wide": box_.wide, "boxes": box_.boxes,
        })),
        "relay": {
            "level": profile.relay.level, "channel": profile.relay.channel,
            "refused": profile.relay.refused,
        },
        "recharge": profile.money.is_some(), "money_lacks": profile.money_lacks,
        "money_confidence": profile.money.as_ref().map(|rules| rules.confidence.to_string()),
        "money_source": profile.money.as_ref().map(|rules| rules.source.as_str()),
        "needs_acceptance": proven::money(profile, &Accepted::default()).is_err(),
    })
}

fn describe(to: &mut dyn Write, lang: Lang, profile: &Profile) -> io::Result<()> {
    writeln!(to, "{}  {}", profile.id, profile.name)?;
    let class = profile.class;
    let framing = profile.line.framing;
    writeln!(to, "{}  {framing}  class {class:?}", profile.protocol.name())?;
    writeln!(to, "[{}] {}", profile.confidence, profile.source)?;
    for item in &profile.items {
        let at = pad(&item.at.text(profile.protocol), 22);
        let unit = pad(&item.unit, 8);
        writeln!(
            to,
            "  {} {at} {unit} [{}] {}",
            pad(&item.name, 18),
            item.confidence,
            item.source
        )?;
    }
    for bit in &profile.status {
        writeln!(to, "  {} bit {:2} {}", pad(&bit.item, 18), bit.bit, bit.name)?;
    }
    if let Some(place) = profile.terminal {
        writeln!(
            to,
            "  [terminal] step {}, wide {}, boxes {}",
            place.step, place.wide, place.boxes
        )?;
    }
    if let Some(why) = &profile.relay.refused {
        writeln!(to, "  [relay] {}", lang.profile_relay_refused(why))?;
    } else if profile.relay != RelayRules::default() {
        let RelayRules { level, channel, .. } = &profile.relay;
        let level = level.unwrap_or(profile.password_level);
        writeln!(to, "  [relay] PA {level:02} N2 {channel:02X}")?;
    }
    match &profile.money {
        Some(money) => {
            let how = match &money.at {
                MoneyAt::Dlt645(at) => format!("{:?}", at.recharge),
                MoneyAt::Modbus(at) => format!("{:04X}", at.write),
            };
            let (unit, sure, source) = (money.unit.symbol(), money.confidence, &money.source);
            writeln!(to, "  [money] {unit} {how} [{sure}] {source}")?;
            if proven::money(profile, &Accepted::default()).is_err() {
                let code = Code::WriteUnproven.as_str();
                writeln!(to, "  [money] {}", lang.profile_unsure(&sure.to_string(), code))?;
            }
            Ok(())
        }
        None if profile.money_lacks.is_empty() => writeln!(to, "  {}", lang.profile_read_only()),
        None => {
            let code = Code::MoneyUnknown.as_str();
            let words = lang.profile_money_incomplete(&profile.money_lacks.join(", "), code);
            writeln!(to, "  [money] {words}")
        }
    }
}

/// Every fault of a file. The exit status is 0 for a good one, 6 for one that cannot be used.
fn check(out: &Output, file: &Path) -> Result<u8, Failure> {
    let text = text_of(file)?;
    // As it would be loaded: beside the built-in ones, which have names of their own.
    let (_, faults) = Profiles::new(vec![(file.display().to_string(), text.clone())]);
    let usable = !faults.iter().any(|fault| fault.what.is_fault());
    let profile = Profile::check(&text).0.filter(|_| usable);
    let lang = out.lang;
    show_faults(out, file, &faults);
    let bad = faults.iter().filter(|fault| fault.what.is_fault()).count();
    let doubts = faults.len() - bad;
    let id = profile.as_ref().map(|profile| profile.id.clone());
    let object = json!({
        "file": file.display().to_string(), "good": profile.is_some(), "id": id,
        "faults": bad, "notes": doubts,
        "items": profile.as_ref().map(|profile| profile.items.len()),
    });
    let last = match &profile {
        Some(profile) => lang.profile_good(&profile.id, profile.items.len(), doubts),
        None => lang.profile_bad(bad, doubts),
    };
    out.show(object, |to| writeln!(to, "{last}"));
    Ok(if profile.is_some() { 0 } else { Code::Config.exit_status() })
}

/// Prints what is wrong with a file, with its lines.
pub(super) fn show_faults(out: &Output, file: &Path, faults: &[ProfileFault]) {
    let lang = out.lang;
    for fault in faults {
        let object = json!({
            "file": file.display().to_string(), "line": fault.line, "key": fault.key,
            "value": fault.value, "fault": fault.what.is_fault(), "code": fault.what.code(),
            "expected": fault.what.expected(), "words": words(lang, fault),
        });
        out.show(object, |to| {
            let sign =
                if fault.what.is_fault() { lang.profile_fault() } else { lang.profile_doubt() };
            let place = if fault.line == 0 { String::new() } else { lang.profile_line(fault.line) };
            let value =
                if fault.value.is_empty() { String::new() } else { format!(" = {}", fault.value) };
            writeln!(to, "{} {} {}{value}", pad(sign, 5), pad(&place, 9), fault.key)?;
            writeln!(to, "      {}", words(lang, fault))
        });
    }
}

/// What is the matter, in a person's words.
fn words(lang: Lang, fault: &ProfileFault) -> String {
    let expected = fault.what.expected();
    let refused = Code::MoneyUnknown.as_str();
    match fault.what {
        What::Syntax(_) => lang.profile_syntax(&expected),
        What::TooLong => lang.profile_too_long(&expected),
        What::Missing { .. } => lang.profile_missing(&expected),
        What::Unknown { .. } => lang.profile_unknown_key(&expected),
        What::Wrong { .. } => lang.profile_wrong(&expected),
        What::NotHere { .. } => lang.profile_not_here(&expected),
        What::Twice { .. } => lang.profile_twice(&expected),
        What::Money => lang.profile_money().to_owned(),
        What::NoSuchItem => lang.profile_no_such_item().to_owned(),
        What::IdTaken => lang.profile_id_taken().to_owned(),
        What::UnknownName => lang.profile_unknown_name().to_owned(),
        What::SamePlace { .. } => lang.profile_same_place(&expected),
        What::Overlap { .. } => lang.profile_overlap(&expected),
        What::NotInTables => lang.profile_not_in_tables().to_owned(),
        What::Unsure { .. } => lang.profile_unsure(&expected, Code::WriteUnproven.as_str()),
        What::MoneyIncomplete { .. } => lang.profile_money_incomplete(&expected, refused),
        What::NoMoney => lang.profile_no_money(refused),
    }
}

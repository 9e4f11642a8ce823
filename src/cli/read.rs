//! `meterkit read`: the quick-read card of one meter, or of many. Needs no store; with one, the
//! reading is journaled.

use std::io::{self, Write};

use clap::Args;

use super::context::{Context, Work, civil};
use super::meter_password::MeterPassword;
use super::output::Output;
use super::{Common, json, many};
use crate::jobs::lines::Stop;
use crate::jobs::views::{Failure, QuickRead};
use crate::jobs::{open, read, swap};
use crate::profile::{self, Profiles};
use crate::report::Code;
use crate::text::{Lang, items, status};
use crate::tui::wrap::pad;
use crate::units::{CreditUnit, MeterNo, RelayState};

/// Cells of the names in front of the values.
const NAME_CELLS: usize = 14;

/// Arguments of `read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// A meter's number, up to 12 digits; give it again for more meters.
    #[arg(long = "meter", value_name = "NUMBER", required_unless_present_any = ["box", "all"])]
    pub meters: Vec<MeterNo>,
    /// Every user of this multi-user terminal of the area list.
    #[arg(id = "box", long = "box", value_name = "BOX", conflicts_with_all = ["meters", "all"])]
    pub terminal: Option<String>,
    /// Only this user of the box.
    #[arg(long, value_name = "N", requires = "box")]
    pub user: Option<u8>,
    /// Every meter of the area list.
    #[arg(long, conflicts_with = "meters")]
    pub all: bool,
    /// With --all: only those of this area.
    #[arg(long, value_name = "AREA", requires = "all")]
    pub area: Option<String>,
    /// The meter's profile, where the area list names none.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Everything the profile lists, not only the card.
    #[arg(long, conflicts_with_all = ["box", "all"])]
    pub everything: bool,
    /// What its bus calls the meter, where the area list does not say and it is not its number.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// The meter's own password.
    #[command(flatten)]
    pub password: MeterPassword,
}

/// Reads one meter, or many.
///
/// # Errors
/// The line's, the meter's, the configuration's. Of many meters the failures are told one by one;
/// the exit status is that of the first.
pub fn run(common: &Common, args: &ReadArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = match context.log_in(common) {
        Ok(work) => Some(work),
        Err(none) if none.code == Code::NotEnrolled => None,
        Err(other) => return Err(other),
    };
    let store = work.as_ref().map(|work| &work.store);
    match many::chosen(store, args)?.as_slice() {
        [one] => one_meter(&context, common, work.as_ref(), args, *one),
        meters => many::run(&context, common, work.as_ref(), args, meters),
    }
}

/// The meter's profile and place, by the area list and what was asked for.
///
/// # Errors
/// [`Code::Config`] for a profile nobody knows.
pub fn known(
    context: &Context,
    profiles: &Profiles,
    work: Option<&Work>,
    args: &ReadArgs,
    meter: MeterNo,
) -> Result<Stop, Failure> {
    let wished = args.profile.as_deref().or(context.file.profile.as_deref());
    let profile = match work {
        Some(work) => open::profile(profiles, &work.store, meter, wished)?,
        None => open::named(profiles, wished.unwrap_or(profile::DEFAULT))?,
    };
    let row = work.and_then(|work| work.store.meter(meter));
    let mut place = row.map(|row| row.place).unwrap_or_default();
    if let Some(address) = &args.address {
        place.address.clone_from(address);
    }
    Ok(Stop { meter, profile, place })
}

fn one_meter(
    context: &Context,
    common: &Common,
    work: Option<&Work>,
    args: &ReadArgs,
    meter: MeterNo,
) -> Result<u8, Failure> {
    let Stop { profile, place, .. } = known(context, &context.profiles(), work, args, meter)?;
    let secret = args.password.of(context, [&profile])?;
    let at = (&place, secret.as_ref());
    let (card, reading) =
        context.on_line_of(common, &profile, at, |line| match args.everything {
            true => read::whole(line, meter, &place),
            false => read::read_at(line, meter, &place),
        })?;
    if let Some(work) = work {
        let stamp = context.stamp(&work.session);
        let (alarm, kept) = swap::back::keep(&work.store, &stamp, reading);
        if let Some(alarm) = alarm {
            context.out.failure(&alarm);
        }
        kept?;
    }
    let lang = context.out.lang;
    context.out.show(json::quick_read(&card), |to| write_card(to, lang, &card));
    Ok(0)
}

/// Writes one name and its value, the names in one column whatever their script.
pub fn write_fact(to: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(to, "{} {value}", pad(name, NAME_CELLS))
}

/// Writes the card as text.
///
/// # Errors
/// The writer's.
pub fn write_card(to: &mut dyn Write, lang: Lang, card: &QuickRead) -> io::Result<()> {
    write_fact(to, lang.fact_number(), &card.meter.to_string())?;
    if let Some(energy) = card.energy {
        write_fact(to, lang.fact_energy(), &format!("{energy} kWh"))?;
    }
    if let Some(balance) = card.balance {
        let name = match balance.unit {
            CreditUnit::Yuan => lang.fact_balance_yuan(),
            CreditUnit::Kwh => lang.fact_balance_kwh(),
        };
        write_fact(to, name, &lang.credit(balance))?;
        if let Some(overdraft) = card.overdraft.filter(|value| *value != 0) {
            write_fact(to, lang.fact_overdraft(), &lang.credit(balance.with(overdraft)))?;
        }
    }
    if let Some(count) = card.count {
        write_fact(to, lang.fact_count(), &lang.count_times(count.0))?;
    }
    let dlt645 = card.others.is_empty();
    if dlt645 || card.voltage_dv != [None; 3] {
        write_fact(to, lang.fact_voltage(), &phases(&card.voltage_dv, 10, "V"))?;
    }
    if dlt645 || card.current_ma != [None; 3] {
        write_fact(to, lang.fact_current(), &phases(&card.current_ma, 1000, "A"))?;
    }
    if let Some(power) = card.power_dw {
        write_fact(to, lang.fact_power(), &format!("{} kW", decimal(power, 10_000)))?;
    }
    write_state(to, lang, card)
}

fn write_state(to: &mut dyn Write, lang: Lang, card: &QuickRead) -> io::Result<()> {
    if let Some(clock) = card.clock {
        write_fact(to, lang.fact_clock(), &civil(clock))?;
    }
    if let Some(drift) = card.drift_s {
        let said = match drift {
            0 => lang.drift_none().to_owned(),
            ahead @ 1.. => lang.drift_ahead(ahead),
            behind => lang.drift_behind(-behind),
        };
        write_fact(to, lang.fact_drift(), &said)?;
    }
    if let Some(relay) = card.relay {
        let said = match relay {
            RelayState::Closed => lang.relay_closed(),
            RelayState::Open => lang.relay_open(),
        };
        write_fact(to, lang.fact_load(), said)?;
    }
    for (name, value) in &card.others {
        write_fact(to, items::item(lang, name), &items::value(lang, value))?;
    }
    let alarms = status::alarms(lang, &card.alarms, &card.status);
    let mut name = lang.fact_alarms();
    for alarm in &alarms {
        write_fact(to, name, &alarm.text)?;
        name = "";
    }
    if alarms.is_empty() {
        write_fact(to, name, lang.alarms_none())?;
    }
    if !card.missing.is_empty() {
        let names = card.missing.iter().map(|name| status::missing(lang, name));
        write_fact(to, lang.fact_missing(), &names.collect::<Vec<_>>().join(lang.list_comma()))?;
    }
    write_fact(to, lang.fact_read(), &lang.fact_took(card.took_ms))
}

/// `value` divided by `scale`, with as many decimals as the scale has zeros.
fn decimal(value: i64, scale: u64) -> String {
    let decimals = scale.ilog10() as usize;
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:0decimals$}", size / scale, size % scale)
}

fn phases(values: &[Option<i64>; 3], scale: u64, unit: &str) -> String {
    let known: Vec<String> = values
        .iter()
        .map(|value| value.map_or_else(|| "-".to_owned(), |value| decimal(value, scale)))
        .collect();
    format!("{} {unit}", known.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_keep_their_zeros() {
        assert_eq!(decimal(2200, 10), "220.0");
        assert_eq!(decimal(-38, 1000), "-0.038");
        assert_eq!(decimal(2716, 10_000), "0.2716");
    }
}

//! `meterkit read`: the quick-read card of one meter. Needs no store; with one, the reading is
//! journaled.

use std::io::{self, Write};

use clap::Args;

use super::context::{Context, civil};
use super::output::Output;
use super::{Common, json};
use crate::jobs::views::{Failure, QuickRead};
use crate::jobs::{failure, open, read};
use crate::profile::{self, Profile};
use crate::report::Code;
use crate::store::Event;
use crate::text::{Lang, status};
use crate::tui::wrap::pad;
use crate::units::{CreditUnit, MeterNo, RelayState};

/// Cells of the names in front of the values.
const NAME_CELLS: usize = 14;

/// Arguments of `read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// The meter's number, up to 12 digits.
    #[arg(long, value_name = "NUMBER")]
    pub meter: MeterNo,
    /// The meter's profile, where the area list names none.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Reads the meter.
///
/// # Errors
/// The line's, the meter's, the configuration's.
pub fn run(common: &Common, args: &ReadArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = match context.log_in(common) {
        Ok(work) => Some(work),
        Err(none) if none.code == Code::NotEnrolled => None,
        Err(other) => return Err(other),
    };
    let wished = args.profile.as_deref().or(context.file.profile.as_deref());
    let profile = match &work {
        Some(work) => open::profile(&work.store, args.meter, wished)?,
        None => Profile::built_in(wished.unwrap_or(profile::DEFAULT))
            .map_err(|error| failure::profile(&error))?,
    };
    let (card, reading) =
        context.on_line(common, &profile, |line| read::quick_read(line, args.meter))?;
    if let Some(work) = &work {
        work.store
            .append(&context.stamp(&work.session), Event::Reading(reading))
            .map_err(|error| failure::store(&error))?;
    }
    let lang = context.out.lang;
    context.out.show(json::quick_read(&card), |to| write_card(to, lang, &card));
    Ok(0)
}

/// Writes one name and its value, the names in one column whatever their script.
pub fn write_fact(to: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(to, "{} {value}", pad(name, NAME_CELLS))
}

fn write_card(to: &mut dyn Write, lang: Lang, card: &QuickRead) -> io::Result<()> {
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
    write_fact(to, lang.fact_voltage(), &phases(&card.voltage_dv, 10, "V"))?;
    write_fact(to, lang.fact_current(), &phases(&card.current_ma, 1000, "A"))?;
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
        write_fact(to, lang.fact_missing(), &card.missing.join(", "))?;
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

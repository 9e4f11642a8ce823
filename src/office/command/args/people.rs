//! Arguments about people and limits.

use super::hundredths;
use crate::office::{NewOperator, PolicyChange};
use crate::units::{Cap, DeviceId, MeterNo, OperatorId, Role, Verb, Verbs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum OperatorAct {
    /// Enter an operator, or change one; grants he has stay as they were signed.
    Add(OperatorArgs),
    /// Grant an operator what he is entered for, on one handheld. Prints the code for his first
    /// log-in there, once.
    Grant {
        /// Who.
        operator: OperatorId,
        /// On which handheld.
        device: DeviceId,
    },
    /// All operators.
    List,
    /// Take everything from an operator, on every handheld.
    Revoke {
        /// Who.
        operator: OperatorId,
    },
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct OperatorArgs {
    /// Number or short name: 1 to 16 of a-z, 0-9 and '-'.
    id: OperatorId,
    /// His name.
    #[arg(long)]
    name: String,
    /// recharge, finance, field, installer, auditor, supervisor.
    #[arg(long)]
    role: Role,
    /// Areas he may work in; without areas and meters: everywhere.
    #[arg(long, value_delimiter = ',')]
    areas: Vec<String>,
    /// Meters besides.
    #[arg(long, value_delimiter = ',')]
    meters: Vec<MeterNo>,
    /// What he may do; without: what his role may. Never more than that.
    #[arg(long, value_delimiter = ',')]
    verbs: Vec<Verb>,
    #[command(flatten)]
    caps: CapArgs,
    /// How long a grant of his lasts.
    #[arg(long, default_value_t = 90)]
    days: i64,
    /// How long a log-in lasts, hours.
    #[arg(long, default_value_t = 12)]
    shift: i64,
}

impl OperatorArgs {
    pub(in crate::office::command) fn operator(self) -> NewOperator {
        let mut new = NewOperator::new(self.id, &self.name, self.role);
        (new.areas, new.meters) = (self.areas, self.meters);
        if !self.verbs.is_empty() {
            new.verbs = Verbs::of(&self.verbs);
        }
        let caps = self.caps.change();
        new.caps.acts = caps.acts.unwrap_or(new.caps.acts);
        new.caps.yuan = caps.yuan.unwrap_or(new.caps.yuan);
        new.caps.kwh = caps.kwh.unwrap_or(new.caps.kwh);
        new.caps.age_s = caps.age_s.unwrap_or(new.caps.age_s);
        (new.days, new.shift_s) = (self.days, self.shift.saturating_mul(3_600));
        new
    }
}

/// Limits as people write them.
#[derive(Debug, Args)]
pub(in crate::office::command) struct CapArgs {
    /// Number of recharges: a warning at the first, no more beyond the second.
    #[arg(long, value_name = "SOFT:HARD", value_parser = number)]
    acts: Option<Cap>,
    /// Their sum in yuan.
    #[arg(long, value_name = "SOFT:HARD", value_parser = sum)]
    yuan: Option<Cap>,
    /// Their sum in kWh.
    #[arg(long, value_name = "SOFT:HARD", value_parser = sum)]
    kwh: Option<Cap>,
    /// Age of the oldest, hours.
    #[arg(long, value_name = "SOFT:HARD", value_parser = hours)]
    age: Option<Cap>,
}

impl CapArgs {
    fn change(&self) -> PolicyChange {
        let (acts, yuan, kwh, age_s) = (self.acts, self.yuan, self.kwh, self.age);
        PolicyChange { acts, yuan, kwh, age_s, ..PolicyChange::default() }
    }
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct OverrideArgs {
    /// On which handheld.
    #[arg(long)]
    pub device: DeviceId,
    /// For whom.
    #[arg(long)]
    pub operator: OperatorId,
    /// On which meter.
    #[arg(long)]
    pub meter: MeterNo,
    /// For what.
    #[arg(long)]
    pub verb: Verb,
    /// For how many hours.
    #[arg(long, default_value_t = 24)]
    pub hours: i64,
    /// Which supervisor gives it; not the operator himself.
    #[arg(long)]
    pub by: OperatorId,
    /// Why, for whoever reads this later.
    #[arg(long)]
    pub reason: String,
    /// Also write it to a file, to be carried by hand.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum LimitsAct {
    /// Print the limits in force.
    Show {
        /// Of one handheld; without: of all that have none of their own.
        #[arg(long)]
        device: Option<DeviceId>,
    },
    /// Change them; a handheld hears of it with its next status.
    Set(LimitArgs),
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct LimitArgs {
    /// Of one handheld; without: of all that have none of their own.
    #[arg(long)]
    pub device: Option<DeviceId>,
    #[command(flatten)]
    caps: CapArgs,
    /// How long a status counts, hours (at most 72).
    #[arg(long)]
    life: Option<i64>,
    /// How long after that recharges within the soft limits still go, hours.
    #[arg(long)]
    grace: Option<i64>,
    /// Seconds without a key until the handheld locks itself.
    #[arg(long)]
    idle: Option<i64>,
}

impl LimitArgs {
    pub(in crate::office::command) fn change(&self) -> PolicyChange {
        PolicyChange {
            life_s: self.life.map(|hours| hours.saturating_mul(3_600)),
            grace_s: self.grace.map(|hours| hours.saturating_mul(3_600)),
            idle_s: self.idle,
            ..self.caps.change()
        }
    }
}

fn cap(text: &str, read: impl Fn(&str) -> Option<i64>) -> Result<Cap, String> {
    let cap = text
        .split_once(':')
        .and_then(|(soft, hard)| Some(Cap { soft: read(soft)?, hard: read(hard)? }));
    cap.filter(|cap| 0 <= cap.soft && cap.soft <= cap.hard)
        .ok_or_else(|| "SOFT:HARD, with 0 <= SOFT <= HARD".to_owned())
}

fn number(text: &str) -> Result<Cap, String> {
    cap(text, |text| text.parse().ok())
}

fn sum(text: &str) -> Result<Cap, String> {
    cap(text, |text| hundredths(text).ok())
}

fn hours(text: &str) -> Result<Cap, String> {
    cap(text, |text| text.parse::<i64>().ok()?.checked_mul(3_600))
}

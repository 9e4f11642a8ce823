//! What stands in a story of a longer errand (`errands.rs`), and how a sheet and a meter are
//! compared with it.

use std::collections::BTreeMap;

use meterkit::jobs::errand::{Row, Sheet, Sign};
use meterkit::sim::{Meter, Wiring};
use meterkit::units::{ErrandKind, MeterNo, Money};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub name: String,
    pub meter: Vec<MeterSpec>,
    #[serde(default)]
    pub paper: Vec<Paper>,
    pub step: Vec<Step>,
    pub end: End,
}

/// A meter: what the office's list says of it; the rest is as in a fleet file.
#[derive(Deserialize)]
pub struct MeterSpec {
    #[serde(default)]
    pub customer: String,
    /// A meter out of its box is on no list.
    #[serde(default = "yes")]
    pub listed: bool,
    #[serde(flatten)]
    pub own: toml::Table,
}

fn yes() -> bool {
    true
}

/// A signed document that is taken in before the story begins.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Paper {
    /// The leave for a swap of the bench's two meters.
    Swap {
        provisional: Option<String>,
    },
    /// A bundle of `fixtures/bundles`.
    Bundle {
        file: String,
    },
    /// An opening, a refund or a reversal.
    Open {
        id: String,
        meter: String,
        account: String,
        count: u32,
        amount: String,
    },
    Refund {
        meter: String,
        account: String,
        count: u32,
        amount: String,
    },
    Reversal {
        meter: String,
        account: String,
        count: u32,
        amount: String,
        undoes: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    Errand(Box<Go>),
    /// Somebody does something at a meter.
    Meter {
        no: String,
        dead: Option<bool>,
        load_w: Option<u32>,
        wiring: Option<Wiring>,
    },
    /// A person's figure in a round.
    TypeIn {
        meter: String,
        energy: String,
        reason: String,
        code: Option<String>,
    },
    Pass {
        seconds: u64,
    },
    Restart,
}

/// Begins an errand, or carries on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Go {
    /// Begins one of this kind; without it the one that was begun is carried on.
    pub kind: Option<ErrandName>,
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Only the plan.
    #[serde(default)]
    pub plan: bool,
    /// Answers to what is asked, in order; `yes` where something has to be done or understood.
    #[serde(default)]
    pub answers: Vec<String>,
    /// The power goes as soon as the sheet has such a row, before anything else is sent.
    pub cut: Option<RowSpec>,
    /// What it asks in the end, by its stable name; `digits` for the digits of a meter.
    pub asks: Option<String>,
    #[serde(default)]
    pub done: bool,
    /// What stands against it as a whole.
    pub exit: Option<String>,
    /// What keeps it from going on.
    pub code: Option<String>,
    #[serde(default)]
    pub rows: Vec<RowSpec>,
}

/// A kind by its stable name.
#[derive(Clone, Copy)]
pub struct ErrandName(pub ErrandKind);

impl<'de> Deserialize<'de> for ErrandName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let kind = ErrandKind::ALL.iter().find(|kind| kind.name() == name);
        kind.map(|kind| Self(*kind)).ok_or_else(|| serde::de::Error::custom(name))
    }
}

/// A row of a sheet; what is not said may be anything.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowSpec {
    pub name: String,
    pub sign: Option<String>,
    pub value: Option<String>,
    pub meter: Option<String>,
    pub code: Option<String>,
    /// How many there are; at least one if not said.
    pub times: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct End {
    pub meter: Vec<MeterEnd>,
    /// Steps in the journal, `NAME STATE`, in this order; others may stand between them.
    pub journal: Vec<String>,
    /// All marks, `METER MARK`.
    pub marks: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterEnd {
    pub no: String,
    /// Least and most of its balance.
    pub balance: Option<[String; 2]>,
    pub count: Option<u32>,
    pub bookings: Option<usize>,
    pub refunds: Option<usize>,
    pub closed: Option<bool>,
    /// Parameters by identifier, both in hexadecimal.
    #[serde(default)]
    pub holds: BTreeMap<String, String>,
}

pub fn fen(text: &str) -> i64 {
    Money::parse(text).unwrap_or_else(|| panic!("not an amount: {text}")).0
}

pub fn no(text: &str) -> MeterNo {
    text.parse().unwrap()
}

fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Todo => "todo",
        Sign::Doing => "doing",
        Sign::Good => "good",
        Sign::Warn => "warn",
        Sign::Bad => "bad",
        Sign::Unknown => "unknown",
        Sign::Info => "info",
    }
}

impl RowSpec {
    pub fn fits(&self, row: &Row) -> bool {
        let is = |wanted: &Option<String>, got: &str| wanted.as_deref().is_none_or(|w| w == got);
        let meter = self.meter.as_deref().map(no);
        let code = row.failure.as_ref().map(|failure| failure.code.as_str());
        self.name == row.name
            && is(&self.sign, sign(row.sign))
            && is(&self.value, &row.value)
            && meter.is_none_or(|meter| row.meter == Some(meter))
            && self.code.as_deref().is_none_or(|wanted| code == Some(wanted))
    }

    pub fn check(&self, sheet: &Sheet, at: &str) {
        let found = sheet.rows.iter().filter(|row| self.fits(row)).count();
        let right = self.times.map_or(found > 0, |times| found == times);
        assert!(right, "{at}: {} is there {found} times in {:#?}", self.name, sheet.rows);
    }
}

impl MeterEnd {
    pub fn check(&self, meter: &Meter) {
        let name = &self.no;
        let net = meter.balance().value - meter.overdraft();
        if let Some([least, most]) = &self.balance {
            assert!((fen(least)..=fen(most)).contains(&net), "{name}: balance {net}");
        }
        let same = |wanted: Option<usize>, got: usize, what: &str| {
            assert_eq!(wanted.unwrap_or(got), got, "{name}: {what}");
        };
        same(self.count.map(|count| count as usize), meter.count() as usize, "count");
        same(self.bookings, meter.bookings().len(), "credits");
        same(self.refunds, meter.refunds().len(), "debits");
        same(self.closed.map(usize::from), usize::from(meter.is_closed()), "relay closed");
        for (di, wanted) in &self.holds {
            let key = u32::from_str_radix(di, 16).unwrap();
            let held = meter.parameters(&[key]);
            let held: String = held[&key].iter().map(|byte| format!("{byte:02X}")).collect();
            assert_eq!(held, *wanted, "{name}: {di}");
        }
    }
}

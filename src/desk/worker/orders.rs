//! Sales by list: the report of every row before anything is signed, then all or none.

use std::path::Path;

use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use crate::office::{Office, OfficeError, OrderList, OrderReport, OrderRow};
use crate::tui::theme::Meaning;
use crate::units::{Credit, CreditUnit, DeviceId};

/// Line, meter, amount, handheld.
const COLUMNS: &[Column] = &[right(4), left(12), right(10), left(0)];

/// How a list is to be issued.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// The file.
    pub file: &'a Path,
    /// For rows that name no handheld.
    pub device: Option<&'a DeviceId>,
    /// For how many days.
    pub days: i64,
    /// How often the same list was issued on purpose.
    pub again: u32,
}

async fn run(office: &Office, how: How<'_>, dry: bool) -> Result<OrderReport, OfficeError> {
    let name = how.file.display().to_string();
    let bytes = tokio::fs::read(how.file).await;
    let bytes = bytes.map_err(|error| OfficeError::File(name.clone(), error))?;
    let (device, days, again) = (how.device.cloned(), how.days, how.again);
    office.issue_list(&OrderList { name, bytes, device, days, dry, again }).await
}

fn line(row: &OrderRow) -> Line {
    let faults = row.fault.iter().flat_map(|(code, said)| {
        let code = Fact::new("fault", Cell::Code(code)).meant(Meaning::Fault);
        [code, Fact::new("detail", Cell::text(said)).meant(Meaning::Faint)]
    });
    Line {
        key: row.line.to_string(),
        sign: match row.fault {
            Some(_) => ('X', Meaning::Fault),
            None => ('+', Meaning::Good),
        },
        cells: vec![
            Cell::Number(row.line as u64),
            Cell::text(&row.meter),
            Cell::text(&row.amount),
            Cell::text(&row.device),
        ],
        facts: faults.collect(),
        leads: None,
    }
}

/// The sums of the rows that are known, a fact each unit.
fn sums(report: &OrderReport) -> Vec<Fact> {
    let units = [CreditUnit::Yuan, CreditUnit::Kwh].into_iter();
    let sums = units.map(|unit| {
        let own = report.rows.iter().filter_map(|row| row.credit).filter(|sum| sum.unit == unit);
        Credit { value: own.fold(0_i64, |sum, one| sum.saturating_add(one.value)), unit }
    });
    let sums = sums.filter(|sum| sum.value != 0);
    sums.map(|sum| Fact::new("sum", Cell::Credit(sum)).strong()).collect()
}

fn parts(report: &OrderReport) -> Vec<Part> {
    let bad = report.rows.iter().filter(|row| row.fault.is_some()).count() as u64;
    let meaning = if bad > 0 { Meaning::Fault } else { Meaning::Good };
    let mut facts = vec![
        Fact::new("rows", Cell::Number(report.rows.len() as u64)).strong(),
        Fact::new("rows-bad", Cell::Number(bad)).meant(meaning),
    ];
    facts.extend(sums(report));
    // What is wrong is looked for first.
    let (bad, good): (Vec<_>, Vec<_>) = report.rows.iter().partition(|row| row.fault.is_some());
    let lines = bad.into_iter().chain(good).map(line).collect();
    vec![Part::Facts(facts), Part::Table(Table { name: "list-rows", columns: COLUMNS, lines })]
}

/// The report of every row; nothing is issued.
pub async fn check(office: &Office, how: How<'_>) -> Result<Page, OfficeError> {
    let report = run(office, how, true).await?;
    let mut all = Vec::new();
    if let Some(at) = report.before {
        all.push(Part::Tell(Meaning::Fault, "say-list-before", Cell::At(at)));
    } else if !report.good() {
        all.push(Part::Say(Meaning::Fault, "say-list-bad"));
    } else {
        all.push(Part::Say(Meaning::Strong, "say-list-good"));
    }
    all.extend(parts(&report));
    let refused = report.before.is_some() || !report.good() || report.rows.is_empty();
    Ok(Page { refused, proof: Some(report.rows.len().to_string()), ..Page::of(all) })
}

/// Issues it, all or none.
///
/// # Errors
/// As [`Office::issue_list`]; [`OfficeError::Usage`] when it was issued meanwhile, or a row does
/// not go any more.
pub async fn carry_out(office: &Office, how: How<'_>) -> Result<Page, OfficeError> {
    let report = run(office, how, false).await?;
    if !report.issued {
        return Err(OfficeError::Usage("nothing was issued: check the list again".to_owned()));
    }
    let mut all = parts(&report);
    all.push(Part::Say(Meaning::Plain, "say-next-sync"));
    Ok(Page::of(all))
}

//! Files: lists written out, bundles signed. A file that is there is never replaced by a list.

use std::path::Path;

use super::super::page::{Cell, Fact, Page, Part};
use super::super::query::Query;
use super::lists;
use crate::office::command::{read_bundle, write_private};
use crate::office::tables::{Table, for_file};
use crate::office::{Ages, NewBundle, Office, OfficeError, SalesAsk, SalesBy, TokenAsk};
use crate::table::write::{Page as Sheet, save};
use crate::tui::theme::Meaning;
use crate::units::DeviceId;

/// Everything on a list, however long, as sheets for a file.
async fn sheets(office: &Office, query: &Query, file: &Path) -> Result<Vec<Sheet>, OfficeError> {
    let sheets = |table: &Table<'_>| for_file(table, file);
    Ok(match query {
        Query::Devices | Query::Device(_) => sheets(&Table::Devices(&office.devices().await?)),
        Query::Lost(device) => sheets(&Table::Lost(&office.lost(device).await?)),
        Query::Reviews | Query::Review(_) => sheets(&Table::Reviews(&office.reviews(false).await?)),
        Query::Meters(text) => sheets(&Table::Meters(&office.find_meters(text, 0).await?)),
        Query::Doubt => {
            sheets(&Table::Tokens(&office.tokens_in_doubt(&TokenAsk::default()).await?))
        }
        Query::Operators | Query::Operator(_) => {
            sheets(&Table::Operators(&office.operators().await?))
        }
        Query::Bundles => sheets(&Table::Bundles(&office.bundles().await?)),
        Query::Sales(span) => {
            let period = lists::period(*span);
            let ask = SalesAsk { period, by: SalesBy::All, from: None, to: None };
            sheets(&Table::Sales(&office.sales(&ask).await?))
        }
        Query::LostContact => {
            let ages = Ages { limit: 0, ..lists::ages() };
            sheets(&Table::LostContact(&office.lost_contact(&ages).await?))
        }
        Query::KeepPower => sheets(&Table::Kept(&office.kept().await?)),
        Query::Shift => sheets(&Table::Shifts(&office.shifts(None).await?)),
        Query::Round(round) => sheets(&Table::Round(&office.round(*round).await?)),
        Query::Today | Query::Meter(_) | Query::Rounds | Query::Drafts => {
            return Err(OfficeError::Usage("this page is no list".to_owned()));
        }
    })
}

fn there(file: &Path) -> Option<OfficeError> {
    let name = file.display().to_string();
    let error = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    file.exists().then_some(OfficeError::File(name, error))
}

/// What would be written.
pub async fn check_export(
    office: &Office,
    query: &Query,
    file: &Path,
) -> Result<Page, OfficeError> {
    if let Some(error) = there(file) {
        return Err(error);
    }
    let sheets = sheets(office, query, file).await?;
    let rows: usize = sheets.iter().map(|sheet| sheet.rows.len()).sum();
    Ok(Page::of(vec![
        Part::Say(Meaning::Plain, "say-writes"),
        Part::Facts(vec![
            Fact::new("file", Cell::text(file.display())).strong(),
            Fact::new("sheets", Cell::Number(sheets.len() as u64)),
            Fact::new("rows", Cell::Number(rows as u64)),
        ]),
        Part::Say(Meaning::Faint, "say-file-ending"),
    ]))
}

/// Writes it. Chinese spreadsheet programs want the mark in front of a CSV.
pub async fn export(office: &Office, query: &Query, file: &Path) -> Result<Page, OfficeError> {
    if let Some(error) = there(file) {
        return Err(error);
    }
    let sheets = sheets(office, query, file).await?;
    let rows: usize = sheets.iter().map(|sheet| sheet.rows.len()).sum();
    save(file, &sheets, true).map_err(|error| {
        OfficeError::File(file.display().to_string(), std::io::Error::other(error.detail))
    })?;
    Ok(Page::of(vec![Part::Facts(vec![
        Fact::new("file", Cell::text(file.display())).strong(),
        Fact::new("rows", Cell::Number(rows as u64)),
    ])]))
}

/// How a bundle is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// The parameters.
    pub file: &'a Path,
    /// For which handheld.
    pub device: &'a DeviceId,
    /// Only meters of this area.
    pub area: Option<&'a String>,
    /// For how many days.
    pub days: i64,
    /// The signed file to write.
    pub out: &'a Path,
}

/// What would be signed.
pub async fn check_bundle(office: &Office, how: Signing<'_>) -> Result<Page, OfficeError> {
    if let Some(error) = there(how.out) {
        return Err(error);
    }
    let body = read_bundle(how.file)?;
    let device = super::devices::find(office, how.device).await?;
    let days = u64::try_from(how.days).unwrap_or(0);
    let everywhere = || Cell::word("everywhere");
    Ok(Page::of(vec![
        Part::Say(Meaning::Strong, "say-signs"),
        Part::Facts(vec![
            Fact::new("file", Cell::text(how.file.display())).strong(),
            Fact::new("bytes", Cell::Number(body.len() as u64)),
            Fact::new("device", Cell::text(&device.device)),
            Fact::new("status", Cell::word(&device.status)),
            Fact::new("area", how.area.map_or_else(everywhere, Cell::text)),
            Fact::new("days", Cell::Number(days)),
            Fact::new("out-file", Cell::text(how.out.display())).strong(),
        ]),
    ]))
}

/// Signs it.
pub async fn sign_bundle(office: &Office, how: Signing<'_>) -> Result<Page, OfficeError> {
    if let Some(error) = there(how.out) {
        return Err(error);
    }
    let new = NewBundle {
        device: how.device.clone(),
        body: read_bundle(how.file)?,
        profile: None,
        area: how.area.cloned(),
        meters: Vec::new(),
        group: Vec::new(),
        days: how.days,
    };
    let signed = office.sign_bundle(&new).await?;
    write_private(how.out, &signed.bytes)?;
    let (name, version) = signed.name;
    Ok(Page::of(vec![
        Part::Facts(vec![
            Fact::new("bundle", Cell::text(name)).strong(),
            Fact::new("version", Cell::Number(u64::from(version))),
            Fact::new("valid-until", Cell::At(signed.expires)),
            Fact::new("out-file", Cell::text(how.out.display())).strong(),
        ]),
        Part::Say(Meaning::Plain, "say-carry-bundle"),
    ]))
}

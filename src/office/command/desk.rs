//! Commands of the desk: a lost handheld, shifts, sales, lists, sales by list.

use super::args::{ByArg, FileArgs, ListAct, LostArgs, OrdersArgs, PeriodArg, SalesArgs, ShiftAct};
use super::{Shown, show};
use crate::office::model::TokenState;
use crate::office::tables::{Table, for_file};
use crate::office::{
    Ages, Fencing, Office, OfficeError, OrderList, Period, SalesAsk, SalesBy, TokenAsk,
};
use crate::table::write::save;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Writes a list to the file somebody asked for.
pub(super) fn written(file: &FileArgs, table: &Table<'_>) -> Result<(), OfficeError> {
    let Some(out) = &file.out else { return Ok(()) };
    let pages = for_file(table, out);
    save(out, &pages, file.mark)
        .map_err(|error| OfficeError::File(out.display().to_string(), std::io::Error::other(error)))
}

pub(super) async fn lost(office: &Office, args: LostArgs) -> Result<Shown, OfficeError> {
    if !args.fence {
        let sheet = office.lost(&args.device).await?;
        written(&args.file, &Table::Lost(&sheet))?;
        return Ok(show::lost(&sheet, None));
    }
    let how = Fencing { to: args.to, days: args.days };
    let done = office.fence(&args.device, &how).await?;
    written(&args.file, &Table::Lost(&done.sheet))?;
    Ok(show::lost(&done.sheet, Some(&done)))
}

pub(super) async fn shift(office: &Office, act: ShiftAct) -> Result<Shown, OfficeError> {
    match act {
        ShiftAct::Close { whose, dry_run } => {
            let none = || OfficeError::Usage("whose shift: --device or --operator".to_owned());
            let of = whose.of().ok_or_else(none)?;
            let shift = match dry_run {
                true => office.shift_now(&of).await?,
                false => office.close_shift(&of).await?,
            };
            Ok(show::shift(&shift, !dry_run))
        }
        ShiftAct::List { whose, file } => {
            let rows = office.shifts(whose.of().as_ref()).await?;
            written(&file, &Table::Shifts(&rows))?;
            Ok(show::shifts(&rows))
        }
        ShiftAct::Show { id, file } => {
            let detail = office.shift(&id).await?;
            written(&file, &Table::Shift(&detail))?;
            Ok(show::shift_detail(&detail))
        }
    }
}

pub(super) async fn sales(office: &Office, args: SalesArgs) -> Result<Shown, OfficeError> {
    let mut ask = SalesAsk {
        period: match args.period {
            PeriodArg::Day => Period::Day,
            PeriodArg::Month => Period::Month,
            PeriodArg::Year => Period::Year,
        },
        by: match args.by {
            ByArg::All => SalesBy::All,
            ByArg::Area => SalesBy::Area,
            ByArg::Operator => SalesBy::Operator,
            ByArg::Device => SalesBy::Device,
        },
        from: None,
        to: None,
    };
    if let Some(day) = &args.from {
        ask.from = Some(office.day(day).await?);
    }
    if let Some(day) = &args.to {
        ask.to = Some(office.day(day).await?);
    }
    let rows = office.sales(&ask).await?;
    written(&args.file, &Table::Sales(&rows))?;
    Ok(show::sales(&rows, &office.zone().await?))
}

pub(super) async fn zone(office: &Office, name: Option<String>) -> Result<Shown, OfficeError> {
    if let Some(name) = &name {
        office.set_zone(name).await?;
    }
    Ok(show::zone(&office.zone().await?))
}

pub(super) async fn today(office: &Office) -> Result<Shown, OfficeError> {
    Ok(show::today(&office.today().await?))
}

pub(super) async fn orders(office: &Office, args: OrdersArgs) -> Result<Shown, OfficeError> {
    let path = args.list.display().to_string();
    let bytes =
        std::fs::read(&args.list).map_err(|error| OfficeError::File(path.clone(), error))?;
    let name = args.list.file_name().map(|name| name.to_string_lossy().into_owned());
    let list = OrderList {
        name: name.unwrap_or(path),
        bytes,
        device: args.device,
        days: args.days,
        dry: args.dry_run,
        again: args.again,
    };
    let report = office.issue_list(&list).await?;
    written(&args.file, &Table::Orders(&report))?;
    Ok(show::orders(&report))
}

pub(super) async fn list(office: &Office, act: ListAct) -> Result<Shown, OfficeError> {
    match act {
        ListAct::LostContact { hours, days, file } => {
            let ages = Ages {
                device_s: hours.saturating_mul(HOUR),
                meter_s: days.saturating_mul(DAY),
                limit: 0,
            };
            let found = office.lost_contact(&ages).await?;
            written(&file, &Table::LostContact(&found))?;
            Ok(show::lost_contact(&found))
        }
        ListAct::KeepPower { file } => {
            let rows = office.kept().await?;
            written(&file, &Table::Kept(&rows))?;
            Ok(show::kept(&rows))
        }
        ListAct::Meters { text, limit, file } => {
            let rows = office.find_meters(&text, limit).await?;
            written(&file, &Table::Meters(&rows))?;
            Ok(show::found(&rows))
        }
        ListAct::Meter { meter } => Ok(show::meter_sheet(&office.meter_sheet(meter).await?)),
        ListAct::Tokens { meter, device, state, doubt, limit, file } => {
            let bad = |name: &String| OfficeError::Usage(format!("no state of a token: {name:?}"));
            let state = state.as_ref().map(|name| TokenState::parse(name).ok_or_else(|| bad(name)));
            let ask = TokenAsk { meter, device, state: state.transpose()?, limit };
            let rows = match doubt {
                true => office.tokens_in_doubt(&ask).await?,
                false => office.tokens(&ask).await?,
            };
            written(&file, &Table::Tokens(&rows))?;
            Ok(show::tokens(&rows))
        }
        ListAct::Bundles { meters_of: Some(name), .. } => {
            Ok(show::meter_bundles(&office.meter_bundles(Some(&name)).await?))
        }
        ListAct::Bundles { meters_of: None, file } => {
            let rows = office.bundles().await?;
            written(&file, &Table::Bundles(&rows))?;
            Ok(show::bundles(&rows))
        }
        ListAct::Devices { file } => {
            let rows = office.devices().await?;
            written(&file, &Table::Devices(&rows))?;
            Ok(show::devices(&rows, office.now()))
        }
        ListAct::Operators { file } => {
            let rows = office.operators().await?;
            written(&file, &Table::Operators(&rows))?;
            Ok(show::operators(&rows))
        }
        ListAct::Reviews { all, file } => {
            let rows = office.reviews(all).await?;
            written(&file, &Table::Reviews(&rows))?;
            Ok(show::reviews(&rows))
        }
    }
}

//! What the office of the demo has signed beside recharges, so that each errand can be tried: a
//! leave for a swap, an opening, a refund, and a bundle for a few meters.

use super::site::{DAYS, Site, YEAR_2000, office_failed};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::jobs::{Clock, SystemClock};
use crate::office::{Deed, NewBundle, NewMeter, NewSwap, Order};
use crate::report::Code;
use crate::sim::Civil;
use crate::units::{Act, DeviceId, MeterNo};

/// The meter that is swapped, and the one that takes its place.
pub const SWAPPED: [&str; 2] = ["000000000132", "000000000133"];
/// The meter whose account waits to be opened: it hangs there, never opened.
const NEW: &str = "000000000120";
/// The meter that gives something back.
const REFUNDED: &str = "000000000131";
/// The meters of the bundle.
pub const BUNDLED: [&str; 3] = ["000000000101", "000000000102", "000000000104"];
/// What the bundle is called.
pub const BUNDLE: &str = "winter prices";
/// The meter from the store: on the line like the others, so that the swap can be played.
pub const SPARE: &str = include_str!("../../../fixtures/meters/spare.toml");
/// How the two that have no customer yet are listed.
const LISTED: &str = include_str!("../../../fixtures/meters/spare.csv");
/// The bundle, and the day in it that is put off to one still to come.
const PARAMETERS: &str = include_str!("../../../fixtures/bundles/winter.toml");
const DAY: &str = "2026-12-01";
/// First credit of the opening, and what is given back, hundredths.
const FIRST: i64 = 3_000;
const BACK: i64 = 1_000;
/// Advanced for a dead meter, and debt that may go along, at most, hundredths.
const PROVISIONAL: i64 = 2_000;
const ARREARS: i64 = 2_000;
/// The new prices come into force so many days from now.
const PRICES_IN: i64 = 10;
/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// Whether a meter gets no recharge token: one under a swap may have none.
pub fn none_for(meter: MeterNo) -> bool {
    let text = meter.to_string();
    SWAPPED.contains(&text.as_str()) || text == REFUNDED
}

/// Has all of them signed.
///
/// # Errors
/// The office's.
pub fn sign(site: &Site, device: &DeviceId) -> Result<(), Failure> {
    let office = site.office();
    let listed = LISTED.lines().map(NewMeter::from_csv);
    let listed: Vec<NewMeter> = listed.collect::<Result<_, _>>().map_err(office_failed)?;
    site.wait(office.add_meters(&listed)).map_err(office_failed)?;
    let [old, new] = SWAPPED.map(meter);
    let leave = NewSwap {
        provisional: PROVISIONAL,
        arrears: ARREARS,
        ..NewSwap::new(old?, new?, device.clone())
    };
    site.wait(office.issue_swap(&leave)).map_err(office_failed)?;
    for (no, amount, act) in [(NEW, FIRST, Act::Open), (REFUNDED, BACK, Act::Refund)] {
        let order = Order { meter: meter(no)?, amount, device: device.clone(), days: DAYS };
        site.wait(office.issue_for(&order, Deed::of(act))).map_err(office_failed)?;
    }
    let bundle = NewBundle {
        device: device.clone(),
        body: bundle()?.into_bytes(),
        profile: None,
        area: None,
        meters: BUNDLED.into_iter().map(meter).collect::<Result<_, _>>()?,
        group: Vec::new(),
        days: DAYS,
    };
    site.wait(office.sign_bundle(&bundle)).map_err(office_failed)?;
    Ok(())
}

/// A number of this file.
pub fn meter(no: &str) -> Result<MeterNo, Failure> {
    no.parse().map_err(|error| fail(Code::Internal, format!("{no}: {error}")))
}

/// The bundle's file: two alarms at once, prices from a day that is still to come.
fn bundle() -> Result<String, Failure> {
    let clock = SystemClock::new(None).map_err(|detail| fail(Code::Config, detail))?;
    let now = SystemClock::utc();
    let local = now.0 + clock.offset_s(now);
    let from = Civil::from_seconds(local - YEAR_2000 + PRICES_IN * DAY_S);
    let day = format!("20{:02}-{:02}-{:02}", from.year, from.month, from.day);
    Ok(PARAMETERS.replace(DAY, &day))
}

//! The longer errands of the scripted day: a swap that carries a balance over, and a bundle, both
//! as a person would do them, over the same bad line as the recharges.

use std::time::Duration;

use secrecy::SecretString;

use super::papers::{BUNDLE, BUNDLED, SWAPPED};
use super::wire::Wire;
use crate::jobs::access::MeterPassword;
use crate::jobs::bundle::Bundles;
use crate::jobs::errand::{Answer, Ask, Errand, Row, Sheet, Sign, Site, Values};
use crate::jobs::lines::Crew;
use crate::jobs::swap::{NEW, OLD, Swap};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, Clock, Desk};
use crate::profile::Profiles;
use crate::transport::{LineSettings, Link};

/// The simulated meters' own password.
const PASSWORD: &str = "000000";
/// How often the person answers or goes on before he leaves an errand open.
const PATIENCE: u32 = 60;
/// How often a choice is answered with "again" before the way on is taken.
const AGAIN: u32 = 12;
/// How long he waits before he tries again.
const PAUSE: Duration = Duration::from_secs(60);

/// What the errands came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// The swap came to its end with nothing left in transit.
    pub swapped: bool,
    /// Meters of the bundle on which all of it is.
    pub bundled: usize,
}

/// Does both; an errand that stays open is not an error, the figures say so.
///
/// # Errors
/// What kept one from being begun at all.
pub fn play(desk: &Desk<'_>, wire: &Wire, clock: &dyn Clock) -> Result<Done, Failure> {
    let open = |_: Option<&str>, _: &LineSettings| {
        let link: Box<dyn Link> = Box::new(wire.clone());
        Ok(link)
    };
    let (cancel, password) = (Cancel::default(), MeterPassword::parse(PASSWORD)?);
    let secret: Option<&SecretString> = None;
    let crew = Crew { open: &open, settings: None, clock, cancel: &cancel, secret };
    let profiles = Profiles::built_in();
    let site = Site {
        desk,
        crew: &crew,
        profiles: &profiles,
        wished: None,
        chosen: Some("demo"),
        forced: None,
        password: Some(&password),
    };
    let [old, new] = SWAPPED;
    let wanted = Values::default().with(OLD, old).with(NEW, new);
    let swapped = person(wire, &site, &Swap, &wanted)?;
    let wanted = Values::default().with("bundle", BUNDLE).with("meters", BUNDLED.join(" "));
    let bundled = person(wire, &site, &Bundles, &wanted)?;
    let whole = |row: &&Row| row.meter.is_some() && row.sign == Sign::Good;
    Ok(Done {
        swapped: swapped.done && swapped.exit.is_none(),
        bundled: bundled.rows.iter().filter(whole).count(),
    })
}

/// Begins an errand and follows its sheet.
fn person(
    wire: &Wire,
    site: &Site<'_>,
    errand: &dyn Errand,
    wanted: &Values,
) -> Result<Sheet, Failure> {
    let work = errand.begin(site, wanted)?;
    let (mut answer, mut again) = (Answer::None, 0);
    let mut last = errand.sheet(site.desk.store, work)?;
    for _ in 0..PATIENCE {
        last = match errand.advance(site, work, &answer, &mut |_| {}) {
            Ok(sheet) => sheet,
            Err(failure) if failure.code.exit_status() == 6 => return Err(failure),
            Err(_) => {
                wire.pass(PAUSE);
                answer = Answer::None;
                continue;
            }
        };
        if last.done {
            break;
        }
        answer = match last.ask {
            Ask::Nothing => Answer::None,
            Ask::Go(_) | Ask::Enter(..) => Answer::Yes,
            Ask::Digits(meter) => {
                let face = meter.to_string();
                Answer::Text(face.chars().skip(face.len() - 4).collect())
            }
            Ask::Choice(_, choices) => {
                wire.pass(PAUSE);
                again += 1;
                let way_on = choices.iter().find(|choice| **choice != "again");
                match choices.contains(&"again") && again < AGAIN {
                    true => Answer::Text("again".to_owned()),
                    false => way_on.map_or(Answer::None, |way| Answer::Text((*way).to_owned())),
                }
            }
        };
    }
    Ok(last)
}

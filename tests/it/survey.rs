//! The survey on simulated lines, in virtual time: what it finds, how long it takes, what it says
//! is wrong.

mod addresses;
mod bus;
mod doctor;
mod many_users;
mod numbers;
mod order;
mod starved;
mod wild698;

use meterkit::jobs::Cancel;
use meterkit::jobs::survey::{self, Saved, Site, Survey, terminals};
use meterkit::jobs::views::{SurveyPlan, SurveyProtocol, SurveyView, Verdict, VerdictKind};
use meterkit::profile::Profiles;
use meterkit::transport::{LineSettings, Link};

/// Runs a survey to its end.
fn run(link: &mut dyn Link, opened: LineSettings, plan: &SurveyPlan) -> Survey {
    resumed(link, opened, plan, None)
}

fn resumed(
    link: &mut dyn Link,
    opened: LineSettings,
    plan: &SurveyPlan,
    saved: Option<Saved>,
) -> Survey {
    let cancel = Cancel::default();
    let terminals = terminals::layouts(&Profiles::built_in());
    let site = Site { link, opened, terminals: &terminals, cancel: &cancel, wire: &mut |_| {} };
    survey::run(site, plan, &mut |_| {}, saved).unwrap()
}

/// One protocol at one setting.
fn only(protocol: SurveyProtocol, settings: LineSettings) -> SurveyPlan {
    let parity = settings.to_string().chars().rev().nth(1);
    SurveyPlan {
        protocols: vec![protocol],
        baud: Some(settings.baud),
        parity,
        ..SurveyPlan::default()
    }
}

fn addresses(view: &SurveyView) -> Vec<&str> {
    view.meters.iter().map(|meter| meter.address.as_str()).collect()
}

fn verdict(view: &SurveyView, kind: VerdictKind) -> Option<&Verdict> {
    view.verdicts.iter().find(|verdict| verdict.kind == kind)
}

fn kinds(view: &SurveyView) -> Vec<VerdictKind> {
    view.verdicts.iter().map(|verdict| verdict.kind).collect()
}

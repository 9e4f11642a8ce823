//! `meterkit trust`: what may be done now, and how much of it.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use super::context::Context;
use super::output::Output;
use super::read::write_fact;
use crate::jobs::session;
use crate::jobs::views::{Failure, SessionView, Standing, TrustView};
use crate::units::{Caps, Exposure, Limit, Money, UnixSeconds};

/// Arguments of `trust`.
#[derive(Debug, Args)]
pub struct TrustArgs {}

/// Shows who is logged in, with which rights, and what is left of the limits.
///
/// # Errors
/// The log-in's and the store's. The exit status is 0 even when money is stopped: looking is no
/// failure.
pub fn run(common: &Common, _args: &TrustArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let stamp = context.stamp(&work.session);
    let trust = session::trust(&work.store, &work.session, &stamp);
    let view = work.session.view();
    let out = &context.out;
    let object = json!({
        "session": session_json(&view), "trust": trust_json(out, &trust, stamp.at),
    });
    out.show(object, |to| write_trust(to, &context, &view, &trust, stamp.at));
    Ok(0)
}

/// Stable name of a standing.
fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Fresh => "fresh",
        Standing::Warn => "warn",
        Standing::ReadOnly => "read-only",
        Standing::NoMoney => "no-money",
    }
}

fn session_json(view: &SessionView) -> Value {
    json!({
        "operator": view.operator.as_str(),
        "name": view.name,
        "role": view.role.name(),
        "verbs": view.verbs.list().map(|verb| verb.name()).collect::<Vec<_>>(),
        "areas": view.areas,
        "ends_unix": view.ends.0,
        "grant": view.grant.as_ref().map(|failure| failure.code.as_str()),
    })
}

fn trust_json(out: &Output, trust: &TrustView, now: UnixSeconds) -> Value {
    let reasons: Vec<Value> = trust.reasons.iter().map(|why| out.failure_json(why)).collect();
    json!({
        "standing": standing(trust.standing),
        "reasons": reasons,
        "status_until_unix": trust.status_until.map(|at| at.0),
        "device": limits_json(&trust.device, now),
        "operator": limits_json(&trust.operator, now),
    })
}

const LIMITS: [(Limit, &str); 4] = [
    (Limit::Acts, "acts"),
    (Limit::Yuan, "yuan_hundredths"),
    (Limit::Kwh, "kwh_hundredths"),
    (Limit::Age, "age_s"),
];

fn limits_json((used, caps): &(Exposure, Caps), now: UnixSeconds) -> Value {
    let limits = LIMITS.iter().map(|(limit, name)| {
        let cap = caps.cap(*limit);
        let row = json!({
            "used": used.value(*limit, now), "soft": known(cap.soft), "hard": known(cap.hard),
        });
        ((*name).to_owned(), row)
    });
    Value::Object(limits.collect())
}

/// No limit is `null`.
fn known(cap: i64) -> Option<i64> {
    (cap != i64::MAX).then_some(cap)
}

fn write_trust(
    to: &mut dyn Write,
    context: &Context,
    view: &SessionView,
    trust: &TrustView,
    now: UnixSeconds,
) -> io::Result<()> {
    let lang = context.out.lang;
    let who = format!("{} {} ({})", view.operator, view.name, lang.role(view.role));
    write_fact(to, lang.trust_you(), &who)?;
    write_fact(to, lang.trust_ends(), &context.moment(view.ends))?;
    write_fact(to, lang.trust_standing(), lang.standing(trust.standing).0)?;
    for why in view.grant.iter().chain(&trust.reasons) {
        let say = crate::text::errors::words(why.code);
        writeln!(to, "  {}: {} {}", why.code.as_str(), say.title(lang), why.detail)?;
        writeln!(to, "  {}", say.next(lang))?;
    }
    for (name, (used, caps)) in
        [(lang.trust_device(), &trust.device), (lang.trust_operator(), &trust.operator)]
    {
        writeln!(to, "{name}")?;
        for (limit, _) in LIMITS {
            let said = |value: i64| match (value, limit) {
                (i64::MAX, _) => lang.limit_none().to_owned(),
                (value, Limit::Acts) => value.to_string(),
                (value, Limit::Yuan | Limit::Kwh) => Money(value).to_string(),
                (value, Limit::Age) => lang.span(value),
            };
            let cap = caps.cap(limit);
            let figures = format!(
                "{} / {} / {}",
                said(used.value(limit, now)),
                said(cap.soft),
                said(cap.hard)
            );
            write_fact(to, lang.limit(limit), &figures)?;
        }
    }
    Ok(())
}

//! What commands about people and limits print.

use super::{money, shown};
use crate::office::command::Shown;
use crate::office::{Granted, OperatorInfo, Overridden, Policy};
use crate::units::{Cap, Caps, OperatorId, Verb};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::fmt::Write;

fn pair(cap: Cap, form: impl Fn(i64) -> String) -> String {
    format!("{}:{}", form(cap.soft), form(cap.hard))
}

fn caps_json(caps: &Caps) -> Value {
    json!({
        "acts": pair(caps.acts, |n| n.to_string()),
        "yuan": pair(caps.yuan, money),
        "kwh": pair(caps.kwh, money),
        "age_h": pair(caps.age_s, |s| (s / 3_600).to_string()),
    })
}

fn caps_text(caps: &Caps) -> String {
    format!(
        "acts {}, yuan {}, kWh {}, age {} h",
        pair(caps.acts, |n| n.to_string()),
        pair(caps.yuan, money),
        pair(caps.kwh, money),
        pair(caps.age_s, |s| (s / 3_600).to_string())
    )
}

pub(in crate::office::command) fn operators(rows: &[OperatorInfo]) -> Shown {
    let json = rows.iter().map(|row| {
        let entry = &row.entry;
        let grants =
            row.grants.iter().map(|(device, taken)| json!({ "device": device, "taken": taken }));
        let meters = entry.meters.iter().map(|meter| meter.to_string());
        json!({
            "operator": entry.id.as_str(),
            "name": entry.name,
            "role": entry.role.name(),
            "active": row.active,
            "areas": entry.areas,
            "meters": meters.collect::<Vec<_>>(),
            "verbs": entry.verbs.list().map(Verb::name).collect::<Vec<_>>(),
            "limits": caps_json(&entry.caps),
            "days": entry.days,
            "shift_h": entry.shift_s / 3_600,
            "grants": grants.collect::<Vec<_>>(),
        })
    });
    let json = json!({ "operators": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let entry = &row.entry;
        let state = if row.active { "" } else { " (revoked)" };
        let _ = writeln!(text, "{:<17}{:<11}{}{state}", entry.id, entry.role.name(), entry.name);
        let _ = writeln!(text, "    {}", caps_text(&entry.caps));
        for (device, taken) in &row.grants {
            let word = if *taken { "taken in" } else { "waiting" };
            let _ = writeln!(text, "    granted on {device}: {word}");
        }
    }
    if rows.is_empty() {
        text.push_str("no operators\n");
    }
    shown(json, text)
}

pub(in crate::office::command) fn granted(granted: &Granted) -> Shown {
    let code = granted.code.expose_secret();
    let json = json!({
        "grant": granted.id.to_string(),
        "operator": granted.operator.as_str(),
        "device": granted.device.as_str(),
        "expires": granted.expires.0,
        "code": code,
    });
    let text = format!(
        "{} may work with {} after its next exchange, until {}.\n\
         Code for the first log-in there, shown once: {code}\n",
        granted.operator, granted.device, granted.expires.0
    );
    shown(json, text)
}

pub(in crate::office::command) fn operator_gone(operator: &OperatorId, documents: u64) -> Shown {
    let json = json!({ "operator": operator.as_str(), "revoked": documents });
    let text = format!(
        "{operator} is revoked; {documents} grants and overrides end with each handheld's next \
         status\n"
    );
    shown(json, text)
}

pub(in crate::office::command) fn overridden(given: &Overridden) -> Shown {
    let json = json!({ "override": given.id.to_string(), "expires": given.expires.0 });
    shown(json, format!("override {} until {}\n", given.id, given.expires.0))
}

pub(in crate::office::command) fn limits(policy: &Policy) -> Shown {
    let json = json!({
        "limits": caps_json(&policy.caps),
        "life_h": policy.life_s / 3_600,
        "grace_h": policy.grace_s / 3_600,
        "idle_s": policy.idle_s,
    });
    let text = format!(
        "{}\na status counts {} h, then {} h of grace; locks itself after {} s\n",
        caps_text(&policy.caps),
        policy.life_s / 3_600,
        policy.grace_s / 3_600,
        policy.idle_s
    );
    shown(json, text)
}

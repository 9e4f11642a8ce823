//! Operators: who may work with which handheld.

use secrecy::ExposeSecret;

use super::super::act::Act;
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left};
use super::super::query::Query;
use crate::office::{NewOperator, Office, OfficeError, OperatorInfo};
use crate::tui::theme::Meaning;
use crate::units::OperatorId;

/// Number, name, role.
const COLUMNS: &[Column] = &[left(8), left(0), left(12)];

/// What he may do.
const VERBS: &[Column] = &[left(0)];
/// Handheld, and whether he has logged in there.
const GRANTS: &[Column] = &[left(17), left(0)];

fn facts(row: &OperatorInfo) -> Vec<Fact> {
    let entry = &row.entry;
    let (state, meaning) = match row.active {
        true => ("active", Meaning::Plain),
        false => ("revoked", Meaning::Fault),
    };
    let grants: Vec<&str> = row.grants.iter().map(|(device, _)| device.as_str()).collect();
    let areas = entry.areas.join(", ");
    let meters = u64::try_from(entry.meters.len()).unwrap_or(u64::MAX);
    let mut facts = vec![
        Fact::new("name", Cell::text(&entry.name)).strong(),
        Fact::new("role", Cell::word(entry.role.name())),
        Fact::new("state", Cell::word(state)).meant(meaning),
        Fact::new("grants", Cell::known(Some(grants.join(", ")).filter(|list| !list.is_empty()))),
    ];
    match (entry.areas.is_empty(), meters) {
        (true, 0) => facts.push(Fact::new("areas", Cell::word("everywhere"))),
        (false, _) => facts.push(Fact::new("areas", Cell::text(areas))),
        (true, _) => {}
    }
    if meters > 0 {
        facts.push(Fact::new("meters-besides", Cell::Number(meters)));
    }
    facts
}

/// All of them.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    let rows = office.operators().await?;
    let lines = rows.iter().map(|row| Line {
        key: row.entry.id.to_string(),
        sign: if row.active { (' ', Meaning::Plain) } else { ('X', Meaning::Fault) },
        cells: vec![
            Cell::text(&row.entry.id),
            Cell::text(&row.entry.name),
            Cell::word(row.entry.role.name()),
        ],
        facts: facts(row),
        leads: Some(Query::Operator(row.entry.id.clone())),
    });
    let lines = lines.collect();
    Ok(Page::of(vec![Part::Table(Table { name: "operators", columns: COLUMNS, lines })]))
}

async fn find(office: &Office, who: &OperatorId) -> Result<OperatorInfo, OfficeError> {
    let found = office.operators().await?.into_iter().find(|row| row.entry.id == *who);
    found.ok_or_else(|| OfficeError::NoOperator(who.clone()))
}

/// One of them.
pub async fn card(office: &Office, who: &OperatorId) -> Result<Page, OfficeError> {
    let row = find(office, who).await?;
    let days = u64::try_from(row.entry.days).unwrap_or(0);
    let mut parts = vec![
        Part::Facts(facts(&row)),
        Part::Facts(vec![Fact::new("grant-days", Cell::Number(days))]),
    ];
    let verbs = row.entry.verbs.list().map(|verb| Line {
        key: verb.name().to_owned(),
        sign: ('+', Meaning::Plain),
        cells: vec![Cell::word(format!("verb-{}", verb.name()))],
        facts: Vec::new(),
        leads: None,
    });
    let lines = verbs.collect();
    parts.push(Part::Table(Table { name: "may-do", columns: VERBS, lines }));
    let grants = row.grants.iter().map(|(device, shown)| Line {
        key: device.clone(),
        sign: (if *shown { '+' } else { '.' }, Meaning::Plain),
        cells: vec![
            Cell::text(device),
            Cell::word(if *shown { "logged-in" } else { "not-logged-in" }),
        ],
        facts: Vec::new(),
        leads: None,
    });
    let lines = grants.collect();
    parts.push(Part::Table(Table { name: "grants", columns: GRANTS, lines }));
    Ok(Page::of(parts))
}

/// What an act about somebody means.
pub async fn check(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::AddOperator { id, name, role, areas, days } => {
            let known = find(office, id).await.is_ok();
            let says = if known { "say-changes-operator" } else { "say-new-operator" };
            let everywhere = || Cell::word("everywhere");
            let areas = Some(areas.join(", ")).filter(|areas| !areas.is_empty());
            Ok(Page::of(vec![
                Part::Say(if known { Meaning::Alarm } else { Meaning::Plain }, says),
                Part::Facts(vec![
                    Fact::new("operator", Cell::text(id)).strong(),
                    Fact::new("name", Cell::text(name)).strong(),
                    Fact::new("role", Cell::word(role.name())),
                    Fact::new("areas", areas.map_or_else(everywhere, Cell::text)),
                    Fact::new("grant-days", Cell::Number(u64::try_from(*days).unwrap_or(0))),
                ]),
            ]))
        }
        Act::Grant { operator, device } => {
            let row = find(office, operator).await?;
            let on = super::devices::find(office, device).await?;
            let refused = !row.active || on.status == "quarantined";
            let mut parts = vec![
                Part::Say(Meaning::Plain, "say-grants"),
                Part::Facts(facts(&row)),
                Part::Facts(vec![
                    Fact::new("device", Cell::text(device)).strong(),
                    Fact::new("status", Cell::word(&on.status)),
                ]),
            ];
            if refused {
                parts.insert(0, Part::Say(Meaning::Fault, "say-cannot-grant"));
            }
            Ok(Page { refused, ..Page::of(parts) })
        }
        Act::RevokeOperator { operator } => {
            let row = find(office, operator).await?;
            let page = Page::of(vec![
                Part::Say(Meaning::Strong, "say-revokes-operator"),
                Part::Facts(vec![Fact::new("operator", Cell::text(operator)).strong()]),
                Part::Facts(facts(&row)),
            ]);
            Ok(Page { proof: Some(operator.to_string()), ..page })
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

/// Does it.
pub async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::AddOperator { id, name, role, areas, days } => {
            let mut new = NewOperator::new(id.clone(), name, *role);
            (new.areas, new.days) = (areas.clone(), *days);
            office.add_operator(&new).await?;
            let row = find(office, id).await?;
            Ok(Page::of(vec![
                Part::Facts(facts(&row)),
                Part::Say(Meaning::Plain, "say-grant-next"),
            ]))
        }
        Act::Grant { operator, device } => {
            let granted = office.grant(operator, device).await?;
            Ok(Page::of(vec![
                Part::Say(Meaning::Strong, "say-code-once"),
                Part::Facts(vec![
                    Fact::new("code-first", Cell::text(granted.code.expose_secret())).strong(),
                    Fact::new("operator", Cell::text(&granted.operator)),
                    Fact::new("device", Cell::text(&granted.device)),
                    Fact::new("valid-until", Cell::At(granted.expires)),
                ]),
                Part::Say(Meaning::Plain, "say-next-sync"),
            ]))
        }
        Act::RevokeOperator { operator } => {
            let documents = office.revoke_operator(operator).await?;
            Ok(Page::of(vec![
                Part::Facts(vec![
                    Fact::new("operator", Cell::text(operator)),
                    Fact::new("grants-revoked", Cell::Number(documents)),
                ]),
                Part::Say(Meaning::Alarm, "say-revoked-hears"),
            ]))
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

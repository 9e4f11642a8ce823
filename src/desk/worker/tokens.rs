//! Tokens: issued one by one, replaced, taken back.

use super::super::act::{Act, kind_name};
use super::super::page::{Cell, Column, Fact, Line, Name, Page, Part, Table, left, right};
use super::devices::{credit, find};
use crate::office::model::TokenState;
use crate::office::{Deed, Issued, Office, OfficeError, Order, TokenInfo};
use crate::tui::theme::Meaning;
use crate::units::TokenId;

/// Meter, amount, state.
const COLUMNS: &[Column] = &[left(12), right(0), left(10)];

/// Digits that are typed to confirm.
const TAIL: usize = 4;

/// The last digits of a number, to be typed over.
pub fn tail(text: &str) -> String {
    let bare: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    bare[bare.len().saturating_sub(TAIL)..].iter().collect()
}

/// What an act issues.
pub fn wanted(act: &Act) -> Result<(Order, Deed), OfficeError> {
    let Act::Issue { meter, kind, amount, device, days, undoes } = act else {
        return Err(OfficeError::Usage(act.name().to_owned()));
    };
    let order = Order { meter: *meter, amount: *amount, device: device.clone(), days: *days };
    Ok((order, Deed { act: *kind, account: None, undoes: *undoes }))
}

/// What a token would be, for whom, and through whom.
pub async fn check_issue(
    office: &Office,
    (order, deed): (&Order, Deed),
) -> Result<Page, OfficeError> {
    let Order { meter, amount, device, days } = order;
    let listed = office.meter(*meter).await?;
    let carrier = find(office, device).await?;
    let refused = carrier.status == "quarantined";
    let mut parts = Vec::new();
    if refused {
        parts.push(Part::Say(Meaning::Fault, "say-quarantined"));
    }
    let name = kind_name(deed.act);
    parts.push(Part::Facts(vec![
        Fact::new("kind", Cell::word(name)).strong(),
        Fact::new("amount", credit(*amount, listed.unit)).strong(),
        Fact::new("meter", Cell::text(meter)).strong(),
        Fact::new("customer", Cell::text(&listed.customer)).strong(),
        Fact::new("location", Cell::text(&listed.location)),
        Fact::new("account", Cell::text(deed.account.unwrap_or(listed.account))),
    ]));
    if let Some(undoes) = deed.undoes {
        parts.push(Part::Facts(vec![Fact::new("undoes", Cell::text(undoes))]));
    }
    parts.push(Part::Head("carried-by"));
    parts.push(Part::Facts(vec![
        Fact::new("device", Cell::text(device)),
        Fact::new("out", credit(carrier.carried.sum(listed.unit), listed.unit)),
        Fact::new("last-seen", Cell::age(carrier.last_seen)),
        Fact::new("days", Cell::Number(u64::try_from(*days).unwrap_or(0))),
    ]));
    Ok(Page { refused, proof: Some(tail(&meter.to_string())), ..Page::of(parts) })
}

/// What replacing a token, or taking it back, means.
pub async fn check_old(_office: &Office, token: TokenId, act: &Act) -> Result<Page, OfficeError> {
    let says = match act {
        Act::Reissue { .. } => "say-reissues",
        _ => "say-revokes-token",
    };
    let page = Page::of(vec![
        Part::Say(Meaning::Strong, says),
        Part::Facts(vec![Fact::new("token", Cell::text(token)).strong()]),
    ]);
    Ok(Page { proof: Some(tail(&token.to_string())), ..page })
}

/// A list of tokens.
pub fn table(name: Name, rows: &[TokenInfo]) -> Table {
    let lines = rows.iter().map(|info| {
        let row = &info.row;
        let state = row.state.name();
        let sign = match row.state {
            TokenState::Applied => ('+', Meaning::Good),
            TokenState::Disputed => ('X', Meaning::Fault),
            TokenState::Suspect => ('!', Meaning::Alarm),
            TokenState::Voided => ('.', Meaning::Faint),
            TokenState::Reserved | TokenState::Delivered => (' ', Meaning::Plain),
        };
        Line {
            key: row.id.to_string(),
            sign,
            cells: vec![Cell::text(row.meter), Cell::Credit(row.credit), Cell::word(state)],
            facts: vec![
                Fact::new("state", Cell::word(state)).meant(sign.1),
                Fact::new("kind", Cell::word(kind_name(row.act))),
                Fact::new("step", Cell::Step(row.count_before.0)),
                Fact::new("meter", Cell::text(row.meter)),
                Fact::new("device", Cell::text(&row.device)),
                Fact::new("issued", Cell::At(info.issued)),
                Fact::new("valid-until", Cell::At(row.expires)),
                Fact::new("token", Cell::text(row.id)),
            ],
            leads: None,
        }
    });
    Table { name, columns: COLUMNS, lines: lines.collect() }
}

/// A token that was just issued.
pub fn issued(issued: &Issued) -> Vec<Part> {
    let mut parts = vec![Part::Facts(vec![
        Fact::new("amount", Cell::Credit(issued.credit)).strong(),
        Fact::new("meter", Cell::text(issued.meter)).strong(),
        Fact::new("step", Cell::Step(issued.count_before.0)),
        Fact::new("device", Cell::text(&issued.device)),
        Fact::new("valid-until", Cell::At(issued.expires)),
        Fact::new("token", Cell::text(issued.id)),
    ])];
    if issued.near_limit {
        parts.push(Part::Say(Meaning::Alarm, "say-near-limit"));
    }
    parts
}

/// Does it.
pub async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Issue { .. } => {
            let (order, deed) = wanted(act)?;
            let mut parts = issued(&office.issue_for(&order, deed).await?);
            parts.push(Part::Say(Meaning::Plain, "say-next-sync"));
            Ok(Page::of(parts))
        }
        Act::Reissue { token, days } => {
            let mut parts = issued(&office.reissue(*token, *days).await?);
            parts.push(Part::Say(Meaning::Plain, "say-next-sync"));
            Ok(Page::of(parts))
        }
        Act::RevokeToken { token } => {
            office.revoke_token(*token).await?;
            Ok(Page::of(vec![
                Part::Facts(vec![Fact::new("token", Cell::text(token))]),
                Part::Say(Meaning::Alarm, "say-token-revoked"),
            ]))
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

//! Drafts: sales that were prepared and not issued; issued from here, or dropped.

use super::super::act::{Act, kind_name};
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::tokens;
use crate::office::{Draft, Office, OfficeError};
use crate::tui::theme::Meaning;

/// Meter, customer, amount.
const COLUMNS: &[Column] = &[left(12), left(0), right(13)];

fn facts(draft: &Draft) -> Vec<Fact> {
    let note = Some(&draft.note).filter(|note| !note.is_empty());
    vec![
        Fact::new("kind", Cell::word(kind_name(draft.deed.act))),
        Fact::new("amount", Cell::Credit(draft.credit)).strong(),
        Fact::new("meter", Cell::text(draft.order.meter)).strong(),
        Fact::new("customer", Cell::text(&draft.customer)),
        Fact::new("device", Cell::text(&draft.order.device)),
        Fact::new("days", Cell::Number(u64::try_from(draft.order.days).unwrap_or(0))),
        Fact::new("drafted", Cell::At(draft.made)),
        Fact::new("draft-note", Cell::known(note)),
        Fact::new("draft", Cell::text(draft.id)).meant(Meaning::Faint),
    ]
}

/// Those there are, the oldest first.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    let drafts = office.drafts().await?;
    let lines = drafts.iter().map(|draft| Line {
        key: draft.id.to_string(),
        sign: (' ', Meaning::Plain),
        cells: vec![
            Cell::text(draft.order.meter),
            Cell::text(&draft.customer),
            Cell::Credit(draft.credit),
        ],
        facts: facts(draft),
        leads: None,
    });
    Ok(Page::of(vec![Part::Table(Table {
        name: "drafts",
        columns: COLUMNS,
        lines: lines.collect(),
    })]))
}

/// What writing one down, issuing or dropping it means.
pub async fn check(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Draft(issue) => {
            let (order, deed) = tokens::wanted(issue)?;
            let page = tokens::check_issue(office, (&order, deed)).await?;
            let mut parts = vec![Part::Say(Meaning::Strong, "say-drafts")];
            parts.extend(page.parts);
            Ok(Page { refused: page.refused, ..Page::of(parts) })
        }
        Act::IssueDraft { draft } => {
            let draft = office.draft_shown(*draft).await?;
            let page = tokens::check_issue(office, (&draft.order, draft.deed)).await?;
            let mut parts = page.parts;
            parts.push(Part::Facts(facts(&draft).split_off(6)));
            Ok(Page { refused: page.refused, proof: page.proof, ..Page::of(parts) })
        }
        Act::DropDraft { draft } => Ok(Page::of(vec![
            Part::Say(Meaning::Strong, "say-drops-draft"),
            Part::Facts(facts(&office.draft_shown(*draft).await?)),
        ])),
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

/// Does it.
pub async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Draft(issue) => {
            let (order, deed) = tokens::wanted(issue)?;
            let draft = office.draft(&order, deed, "").await?;
            Ok(Page::of(vec![Part::Facts(facts(&draft)), Part::Say(Meaning::Plain, "say-drafted")]))
        }
        Act::IssueDraft { draft } => {
            let mut parts = tokens::issued(&office.issue_draft(*draft).await?);
            parts.push(Part::Say(Meaning::Plain, "say-next-sync"));
            Ok(Page::of(parts))
        }
        Act::DropDraft { draft } => {
            let was = office.draft_shown(*draft).await?;
            office.drop_draft(*draft).await?;
            Ok(Page::of(vec![
                Part::Facts(facts(&was)),
                Part::Say(Meaning::Plain, "say-draft-dropped"),
            ]))
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

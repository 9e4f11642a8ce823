//! What the commands about drafts print.

use super::lost::time;
use super::{money, shown};
use crate::office::Draft;
use crate::office::command::Shown;
use crate::office::model::unit_name;
use crate::units::TokenId;
use serde_json::{Value, json};

fn draft_json(draft: &Draft) -> Value {
    json!({
        "draft": draft.id.to_string(), "kind": draft.deed.act.name(),
        "meter": draft.order.meter.to_string(), "customer": draft.customer,
        "amount": money(draft.credit.value), "unit": unit_name(draft.credit.unit),
        "device": draft.order.device.as_str(), "days": draft.order.days,
        "account": draft.deed.account.map(|account| account.to_string()),
        "undoes": draft.deed.undoes.map(|token| token.to_string()),
        "note": draft.note, "made": draft.made.0,
    })
}

fn draft_text(draft: &Draft) -> String {
    let note = if draft.note.is_empty() { String::new() } else { format!(": {}", draft.note) };
    format!(
        "draft {}  {}  {} of {} for meter {} ({}), to {}{note}\n",
        draft.id,
        time(draft.made),
        draft.deed.act.name(),
        draft.credit,
        draft.order.meter,
        draft.customer,
        draft.order.device
    )
}

pub(in crate::office::command) fn draft_kept(draft: &Draft) -> Shown {
    let text = format!(
        "{}nothing is reserved or signed: `draft issue {}` does that\n",
        draft_text(draft),
        draft.id
    );
    shown(draft_json(draft), text)
}

pub(in crate::office::command) fn drafts(drafts: &[Draft]) -> Shown {
    let json = json!({ "drafts": drafts.iter().map(draft_json).collect::<Vec<_>>() });
    let mut text: String = drafts.iter().map(draft_text).collect();
    if drafts.is_empty() {
        text.push_str("no draft\n");
    }
    shown(json, text)
}

pub(in crate::office::command) fn draft_dropped(draft: TokenId) -> Shown {
    let json = json!({ "draft": draft.to_string(), "dropped": true });
    shown(json, format!("draft {draft} is dropped; nothing was issued\n"))
}

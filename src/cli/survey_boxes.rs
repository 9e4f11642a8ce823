//! The boxes of many users that a survey found: in words and as an object.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::jobs::views::{SurveyBox, SurveyUser, SurveyView};
use crate::text::Lang;
use crate::tui::survey_boxes::{kind, note, summary};
use crate::tui::wrap::pad;

/// Writes the boxes; nothing where there is none.
///
/// # Errors
/// The writer's.
pub fn write(to: &mut dyn Write, lang: Lang, view: &SurveyView) -> io::Result<()> {
    if view.boxes.is_empty() {
        return Ok(());
    }
    writeln!(to, "{}", lang.survey_boxes(view.boxes.len()))?;
    for one in &view.boxes {
        writeln!(to, "  {}", summary(lang, one))?;
        for user in &one.users {
            let (address, kind) = (pad(&user.address, 14), kind(lang, user));
            let line = format!("    {:>3}  {address}  {kind} {}", user.user, note(lang, user));
            writeln!(to, "{}", line.trim_end())?;
        }
    }
    Ok(())
}

/// Boxes as JSON.
pub fn object(view: &SurveyView) -> Value {
    let user = |user: &SurveyUser| {
        json!({
            "user": user.user, "address": user.address, "three_phase": user.wide,
            "found": user.found, "listed": user.listed,
        })
    };
    let one = |one: &SurveyBox| {
        json!({
            "box": one.name, "basis": one.basis.as_str(), "protocol": one.protocol.as_str(),
            "line": one.line, "users": one.users.iter().map(user).collect::<Vec<_>>(),
        })
    };
    view.boxes.iter().map(one).collect()
}

//! The key table as a document: `docs/keys.md`.

use super::{Place, of};
use crate::text::Lang;

/// The whole table as Markdown, in both languages: the contents of `docs/keys.md`.
pub fn manual() -> String {
    let mut text = String::from(
        "# Keys\n\nMade from `src/tui/keymap/table.rs`; `UPDATE_DOCS=1 cargo test keys_manual` \
         writes it anew.\n\nDigits, arrows, Enter, Esc and F1 to F4 are enough for everything. \
         No single key moves money.\n",
    );
    for lang in Lang::ALL {
        for place in Place::ALL {
            text.push_str(&format!("\n## {}\n\n", lang.place(place)));
            text.push_str(&format!(
                "| {} | {} | {} |\n|---|---|---|\n",
                lang.help_column_key(),
                lang.help_column_does(),
                lang.help_column_needs()
            ));
            for binding in of(place) {
                let needs: Vec<&str> = binding.needs.iter().map(|n| lang.need_short(*n)).collect();
                text.push_str(&format!(
                    "| {} | {} | {} |\n",
                    lang.key(binding.key),
                    lang.action_help(binding.action),
                    needs.join(lang.list_comma())
                ));
            }
        }
    }
    text
}

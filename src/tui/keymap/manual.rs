//! The key table as a document: `docs/keys.md`.

use super::{Pattern, Place, of};
use crate::text::Lang;

/// One key as the document tells it: which, what it does, what it needs.
pub type Told = (Pattern, &'static str, Vec<&'static str>);

/// The whole table as Markdown, in both languages: the contents of `docs/keys.md`.
pub fn manual() -> String {
    let mut text = String::from(
        "# Keys\n\nMade from `src/tui/keymap/table.rs`; `UPDATE_DOCS=1 cargo test keys_manual` \
         writes it anew.\n\nDigits, arrows, Enter, Esc and F1 to F4 are enough for everything. \
         No single key moves money.\n",
    );
    for lang in Lang::ALL {
        for place in Place::ALL {
            let keys = of(place).map(|binding| {
                let needs = binding.needs.iter().map(|need| lang.need_short(*need)).collect();
                (binding.key, lang.action_help(binding.action), needs)
            });
            text.push_str(&section(lang, lang.place(place), keys));
        }
    }
    text
}

/// The keys of one place as Markdown.
pub fn section(lang: Lang, title: &str, keys: impl Iterator<Item = Told>) -> String {
    let mut text = format!(
        "\n## {title}\n\n| {} | {} | {} |\n|---|---|---|\n",
        lang.help_column_key(),
        lang.help_column_does(),
        lang.help_column_needs()
    );
    for (key, does, needs) in keys {
        let needs = needs.join(lang.list_comma());
        text.push_str(&format!("| {} | {does} | {needs} |\n", lang.key(key)));
    }
    text
}

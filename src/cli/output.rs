//! What a command prints: data to stdout, talk to stderr, one JSON object a line with `--json`.

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};

use super::Common;
use crate::jobs::views::{Failure, Stage};
use crate::text::Lang;
use crate::text::errors::{detail, words};

/// The version of everything printed with `--json`.
pub const SCHEMA: &str = "meterkit/1";

/// Where and how a command prints.
pub struct Output {
    /// The language of people's words.
    pub lang: Lang,
    /// Whether stdout takes JSON.
    pub json: bool,
    /// Whether questions may be asked.
    pub interactive: bool,
}

impl Output {
    /// For the given settings and the environment's locale.
    pub fn new(common: &Common) -> Self {
        Self {
            lang: language(common.lang.as_deref(), None),
            json: common.json,
            interactive: !common.no_input && !common.json && io::stdin().is_terminal(),
        }
    }

    /// The same in another language, once the configuration is known.
    pub fn speaking(&self, lang: Lang) -> Self {
        Self { lang, json: self.json, interactive: self.interactive }
    }

    /// Prints one object (with `--json`) or what `human` writes.
    pub fn show(&self, object: Value, human: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut stdout = io::stdout().lock();
        // A reader that went away is no failure of ours; everything worth keeping is on disk.
        let _ =
            if self.json { writeln!(stdout, "{}", stamped(object)) } else { human(&mut stdout) };
        let _ = stdout.flush();
    }

    /// Prints a failure: its code, what happened, what it means for money, what to do next.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            self.show(json!({ "error": self.failure_json(failure) }), |_| Ok(()));
        }
        let _ = self.write_failure(&mut io::stderr().lock(), failure);
    }

    /// A failure as an object.
    pub fn failure_json(&self, failure: &Failure) -> Value {
        let say = words(failure.code);
        json!({
            "code": failure.code.as_str(),
            "title": say.title(self.lang),
            "money": say.money(self.lang),
            "next": say.next(self.lang),
            "detail": failure.detail,
            "about": detail(self.lang, failure.code, &failure.detail),
        })
    }

    fn write_failure(&self, to: &mut dyn Write, failure: &Failure) -> io::Result<()> {
        let say = words(failure.code);
        writeln!(to, "{}: {}", failure.code.as_str(), say.title(self.lang))?;
        if !failure.detail.is_empty() {
            writeln!(to, "  ({})", detail(self.lang, failure.code, &failure.detail))?;
        }
        writeln!(to, "  {}", say.money(self.lang))?;
        writeln!(to, "  {}", say.next(self.lang))
    }

    /// Says something to a person; silent where nobody looks.
    pub fn say(&self, line: &str) {
        if !self.json {
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// Tells where an errand stands: an object a step with `--json`, so that whoever watches knows
    /// what was already certain when the process ended.
    pub fn stage(&self, stage: Stage, done: u32, of: u32) {
        if self.json {
            self.show(json!({ "stage": stage_name(stage), "done": done, "of": of }), |_| Ok(()));
        }
    }

    /// Asks a question on the terminal. `None` when nobody can be asked.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !self.interactive {
            return None;
        }
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} ").and_then(|()| stderr.flush()).ok()?;
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

/// Stable name of a stage.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "opening",
        Stage::Reading => "reading",
        Stage::Sending => "sending",
        Stage::ReadingBack => "reading-back",
        Stage::Syncing => "syncing",
    }
}

/// The language: flag, configuration, then the locale.
pub fn language(flag: Option<&str>, file: Option<&str>) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok());
    // The kernel's own console has no Chinese glyphs (at most 512 in its font).
    let plain_console = std::env::var("TERM").is_ok_and(|term| term == "linux");
    if plain_console && flag.is_none() {
        return Lang::En;
    }
    let wishes = [flag, file].into_iter().flatten().map(str::to_owned);
    let set = locale.into_iter().flatten().filter(|value| !value.is_empty());
    let wishes: Vec<String> = wishes.chain(set).collect();
    Lang::choose(wishes.iter().map(String::as_str))
}

/// Puts the schema in front of an object.
fn stamped(object: Value) -> Value {
    let mut stamped = Map::new();
    stamped.insert("schema".to_owned(), SCHEMA.into());
    match object {
        Value::Object(fields) => stamped.extend(fields),
        other => {
            stamped.insert("value".to_owned(), other);
        }
    }
    Value::Object(stamped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_comes_first() {
        let text = stamped(json!({ "a": 1 })).to_string();
        assert_eq!(text, r#"{"schema":"meterkit/1","a":1}"#);
    }

    #[test]
    fn the_flag_beats_the_file() {
        assert_eq!(language(Some("zh"), Some("en")), Lang::Zh);
        assert_eq!(language(Some("en"), Some("zh")), Lang::En);
    }
}

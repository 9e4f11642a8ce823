//! The tree's own rules, read off the sources: who imports whom, sizes, headers, words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each layer may name of the others (`docs/architecture.md`). A layer may always name itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("report", &[]),
    ("text", &["units", "report"]),
    ("config", &[]),
    ("table", &["report", "units"]),
    ("logging", &[]),
    ("protocol", &["units"]),
    ("profile", &["protocol", "units"]),
    ("transport", &[]),
    ("sim", &["protocol", "profile", "units"]),
    ("store", &["units"]),
    ("sync", &["store", "units"]),
    ("jobs", &["protocol", "profile", "transport", "store", "sync", "table", "units", "report"]),
    ("tui", &["jobs", "text", "units", "report", "config"]),
    ("office", &["sync", "profile", "table", "text", "units", "logging"]),
    ("desk", &["office", "tui", "table", "text", "units"]),
];

/// Layers that may name `meterkit_tokens`.
const MAY_USE_TOKENS: &[&str] = &["sim", "store", "sync", "jobs", "office", "cli"];

const LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 100;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                files_below(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// Every Rust source under `folders`, with its path from the root and its text.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in folders {
        files_below(&root().join(folder), &mut files);
    }
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            (name, text)
        })
        .collect()
}

/// The layer a file belongs to: `src/jobs/read.rs` -> `jobs`.
fn layer_of(file: &str) -> &str {
    let inside = file.strip_prefix("src/").unwrap_or(file);
    inside.split(['/', '.']).next().unwrap_or(inside)
}

/// The part of a source before its tests; in-file tests may reach further.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// Layers named by `crate::...` paths in code (not in comments), grouped imports included.
fn layers_named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        for (start, _) in code.match_indices("crate::") {
            let rest = &code[start + "crate::".len()..];
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !name.is_empty() {
                named.push((at + 1, name));
            }
        }
    }
    named
}

#[test]
fn layers_import_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut faults = Vec::new();
    for (file, text) in sources(&["src"]) {
        let layer = layer_of(&file).to_owned();
        let Some(allowed) = table.get(layer.as_str()) else { continue };
        let code = without_tests(&text);
        for (line, used) in layers_named(code) {
            let serve = file == "src/sim/serve.rs" && used == "transport";
            if used != layer && !serve && !allowed.contains(&used.as_str()) {
                faults.push(format!("{file}:{line}: {layer} must not use {used}"));
            }
        }
        if code.contains("meterkit_tokens") && !MAY_USE_TOKENS.contains(&layer.as_str()) {
            faults.push(format!("{file}: {layer} must not use meterkit_tokens"));
        }
        let sync = code.matches("crate::sync::").count();
        if layer == "office" && sync > code.matches("crate::sync::wire").count() {
            faults.push(format!("{file}: of sync, the office may use only sync::wire"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn grouped_imports_cannot_hide_from_the_table() {
    for (file, text) in sources(&["src"]) {
        assert!(!text.contains("use crate::{"), "{file}: write one `use crate::layer` per layer");
    }
}

#[test]
fn pure_layers_read_no_clock_file_or_random_source() {
    let forbidden = ["std::fs", "std::net", "SystemTime", "Instant::now", "getrandom", "std::env"];
    let mut faults = Vec::new();
    for (file, text) in sources(&["src/protocol", "src/sim", "src/text", "tokens/src"]) {
        if file == "src/sim/serve.rs" {
            continue;
        }
        let code = without_tests(&text);
        for word in forbidden {
            if code.lines().any(|l| l.split("//").next().is_some_and(|c| c.contains(word))) {
                faults.push(format!("{file}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_journal_makes_intent_proofs() {
    for (file, text) in sources(&["src"]) {
        let may = file.starts_with("src/store") || file == "src/units/evidence.rs";
        let names = without_tests(&text).contains("IntentProof::from_journal");
        assert!(may || !names, "{file} must not make an IntentProof");
    }
}

#[test]
fn only_drive_joins_a_dialogue_to_a_link() {
    for (file, text) in sources(&["src/jobs"]) {
        let code = without_tests(&text);
        let joins = code.contains(".recv(") && code.contains(".feed(");
        assert!(!joins || file == "src/jobs/drive.rs", "{file} must leave that to jobs/drive.rs");
    }
}

#[test]
fn files_are_small_narrow_and_say_what_they_are() {
    let mut faults = Vec::new();
    for (file, text) in sources(&["src", "tokens/src", "tokens/tests", "tests"]) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{file}: {lines} lines"));
        }
        for (at, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                faults.push(format!("{file}:{}: {} columns", at + 1, line.chars().count()));
            }
        }
        if !text.starts_with("//!") {
            faults.push(format!("{file}: no header that says what it is"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn words_for_people_stay_in_text() {
    let mut faults = Vec::new();
    for (file, text) in sources(&["src", "tokens/src"]) {
        if file.starts_with("src/text") {
            continue;
        }
        for (at, line) in without_tests(&text).lines().enumerate() {
            if !line.is_ascii() {
                faults.push(format!("{file}:{}: not ASCII", at + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_left_open() {
    let marks = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME")];
    for (file, text) in sources(&["src", "tokens", "tests"]) {
        for mark in marks {
            assert!(!text.contains(mark), "{file}: {mark}");
        }
        assert!(!text.contains(concat!("#[ig", "nore")), "{file}: an ignored test");
    }
}

/// Documentation is not compiled as tests (`doctest = false`: to look for some takes as long as to
/// check everything), so there is no code in it that would look as if it were.
#[test]
fn nothing_in_documentation_would_be_a_test() {
    for (file, text) in sources(&["src", "tokens/src"]) {
        let fences = text.lines().filter_map(|line| {
            let line = line.trim_start();
            let said = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
            said.trim_start().strip_prefix("```")
        });
        // Every second one closes.
        for language in fences.step_by(2) {
            assert!(["text", "toml", "json"].contains(&language), "{file}: ```{language}");
        }
    }
}

/// `foo.rs` and the files of `foo/` together make a module: three at least, or it needs no folder.
#[test]
fn folders_hold_three_files_or_more() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    for file in files {
        *folders.entry(file.parent().unwrap().to_owned()).or_default() += 1;
    }
    for (folder, count) in folders {
        let whole = count + usize::from(folder.with_extension("rs").exists());
        // The compiler wants `src/bin`; a folder of folders sorts them.
        let good = folder.ends_with("bin") || whole >= 3 || has_subfolders(&folder);
        assert!(good, "{}: {count} files", folder.display());
    }
}

fn has_subfolders(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| entry.unwrap().path().is_dir())
}

#[test]
fn the_top_level_is_as_agreed() {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Ok(listed) = listed else {
        println!("skipped: git is not there");
        return;
    };
    let agreed = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md"];
    let folders = ["src", "tokens", "fixtures", "tests", "docs"];
    for file in String::from_utf8(listed.stdout).unwrap().lines() {
        let top = file.split('/').next().unwrap();
        let good = top.starts_with('.')
            || agreed.contains(&top)
            || (folders.contains(&top) && file.contains('/'));
        assert!(good, "{file} is outside the agreed top level");
    }
}

/// The handheld's build holds no way to sign a token and no server.
#[test]
fn the_field_build_cannot_issue_or_serve() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,features", "--package", "meterkit"])
        .args(["--no-default-features", "--features", "serial,ble"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("serialport"), "not the tree of the field build:\n{tree}");
    for word in ["feature \"issue\"", "axum", "sqlx", "hyper", "feature \"office\""] {
        assert!(!tree.contains(word), "the field build holds {word}");
    }
}

#[test]
fn every_fixture_is_used_by_a_test() {
    let tests: String =
        sources(&["tests", "tokens/tests", "src"]).into_iter().map(|(_, text)| text).collect();
    let mut files = Vec::new();
    files_below(&root().join("fixtures"), &mut files);
    for file in files {
        let name = file.strip_prefix(root().join("fixtures")).unwrap();
        let folder = name.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        assert!(tests.contains(&folder), "no test names fixtures/{folder}");
    }
}

/// Each test the threat model points to is there, under that name, in that file.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let text = std::fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let mut named = 0;
    for (file, test) in text.split('`').filter_map(|part| part.split_once(".rs::")) {
        let folder = if file.starts_with("tokens/") { "" } else { "tests/it/" };
        let path = root().join(format!("{folder}{file}.rs"));
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}(")), "{}: {test}", path.display());
        named += 1;
    }
    assert!(named > 40, "{named} tests named");
}

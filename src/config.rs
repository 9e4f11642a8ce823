//! Settings: built-in defaults, then the file, then the environment, then the command line.
//!
//! One file, `config.toml`, in the configuration directory; an unknown key is an error that names
//! the nearest known one. Paths follow the XDG directories unless `--home` moves all of them into
//! one folder (a USB stick, a test).

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where meterkit keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config: PathBuf,
    /// The store: journal, index, snapshots, identity.
    pub store: PathBuf,
    /// Log files.
    pub logs: PathBuf,
}

impl Paths {
    /// All three under one folder.
    pub fn under(home: &Path) -> Self {
        Self {
            config: home.join("config.toml"),
            store: home.join("store"),
            logs: home.join("logs"),
        }
    }

    /// The XDG directories of this user.
    ///
    /// # Errors
    /// When the home directory is not known.
    pub fn of_user() -> Result<Self, ConfigError> {
        use etcetera::base_strategy::{BaseStrategy, Xdg};
        let xdg = Xdg::new().map_err(|_| ConfigError::NoHome)?;
        let data = xdg.data_dir().join("meterkit");
        Ok(Self {
            config: xdg.config_dir().join("meterkit").join("config.toml"),
            logs: xdg.state_dir().unwrap_or_else(|| data.clone()).join("meterkit").join("logs"),
            store: data.join("store"),
        })
    }
}

/// What the file may say. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Who usually works with this handheld: the id offered at log-in.
    pub operator: Option<String>,
    /// `en` or `zh`.
    pub lang: Option<String>,
    /// The line, in one of the forms of docs/protocols/lines.md: `/dev/ttyUSB0`,
    /// `tcp://host:port`, `ble:ADDRESS`.
    pub port: Option<String>,
    /// Speed of the line, baud.
    pub baud: Option<u32>,
    /// `even`, `odd` or `none`.
    pub parity: Option<String>,
    /// Names the meter profile used where the area list names none.
    pub profile: Option<String>,
    /// Time zone of the meters' clocks, such as `Asia/Shanghai`.
    pub timezone: Option<String>,
    /// `mono`, `16` or `256`.
    pub palette: Option<String>,
    /// Draw borders with ASCII only.
    pub ascii: Option<bool>,
    /// Longest life of a token this handheld uses, in hours.
    pub token_life_h: Option<u32>,
    /// Most KB a day over the line to the office, up and down.
    pub sync_budget_kb: Option<u32>,
    /// Where the device's secret is: `auto`, `tpm`, `keystore`, or the path of a file.
    pub device_secret: Option<String>,
    /// Profiles whose rows may be written by although they are below confidence B.
    pub unproven_writes: Vec<String>,
    /// Kinds of Bluetooth heads besides the ones built in, a row each: `NAME SERVICE WRITE NOTIFY`.
    pub ble_heads: Vec<String>,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no home directory to look in.
    #[error("the home directory is not known; name one with --home")]
    NoHome,
    /// The file is there but cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {detail}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What and where.
        detail: String,
    },
}

/// The known keys, for the "did you mean" of an unknown one.
const KEYS: [&str; 14] = [
    "operator",
    "lang",
    "port",
    "baud",
    "parity",
    "profile",
    "timezone",
    "palette",
    "ascii",
    "token_life_h",
    "sync_budget_kb",
    "device_secret",
    "unproven_writes",
    "ble_heads",
];

/// Reads the file; a missing one is an empty one.
///
/// # Errors
/// When it cannot be read, is not TOML, or has a key or value that means nothing.
pub fn load(path: &Path) -> Result<File, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(cause) => return Err(ConfigError::Unreadable { path: path.to_owned(), cause }),
    };
    let wrong = |detail| ConfigError::Wrong { path: path.to_owned(), detail };
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let near = KEYS.iter().min_by_key(|known| distance(known, key)).unwrap_or(&"operator");
        return Err(wrong(format!("unknown key '{key}'; did you mean '{near}'?")));
    }
    toml::from_str(&text).map_err(|e| wrong(e.to_string()))
}

/// Levenshtein distance, for short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

/// Sets one key of the file, keeping everything else, comments included.
///
/// # Errors
/// When the file cannot be read or written.
pub fn remember(path: &Path, key: &str, value: &str) -> Result<(), ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    let old = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(cause) => return Err(unreadable(cause)),
    };
    let line = format!("{key} = {}", toml::Value::String(value.to_owned()));
    let is_key = |text: &str| text.split('=').next().is_some_and(|name| name.trim() == key);
    let mut lines: Vec<&str> = old.lines().collect();
    match lines.iter().position(|text| is_key(text)) {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unreadable)?;
    }
    let temp = path.with_extension("toml.new");
    std::fs::write(&temp, lines.join("\n") + "\n").map_err(unreadable)?;
    std::fs::rename(&temp, path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<File, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        load(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn a_missing_file_is_empty() {
        assert_eq!(load(Path::new("/nonexistent/config.toml")).unwrap(), File::default());
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let error = loaded("oprator = \"li\"").unwrap_err();
        assert!(error.contains("did you mean 'operator'"), "{error}");
        assert!(loaded("baud = \"fast\"").is_err());
        assert_eq!(loaded("baud = 9600").unwrap().baud, Some(9600));
        let heads = loaded("ble_heads = [\"Yard FFF0 FFF2 FFF1\"]").unwrap().ble_heads;
        assert_eq!(heads, ["Yard FFF0 FFF2 FFF1"]);
        assert!(loaded("ble_heads = \"Yard FFF0 FFF2 FFF1\"").is_err(), "a list");
    }

    #[test]
    fn every_key_is_known_and_explained() {
        let manual = include_str!("../docs/configuration.md");
        for key in KEYS {
            assert!(manual.contains(&format!("\n| `{key}` |")), "{key}");
            let taken = ["\"x\"", "7", "true", "[\"x\"]"].iter();
            let taken = taken.filter(|value| loaded(&format!("{key} = {value}")).is_ok());
            assert_eq!(taken.count(), 1, "{key} is a field of the file");
        }
    }

    #[test]
    fn remembering_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meterkit/config.toml");
        remember(&path, "port", "/dev/ttyUSB0").unwrap();
        std::fs::write(&path, "# mine\noperator = \"li\"\nport = \"x\"\n").unwrap();
        remember(&path, "port", "tcp://10.0.0.1:1").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# mine\noperator = \"li\"\nport = \"tcp://10.0.0.1:1\"\n");
    }
}

//! Opening a line, and the profile of a meter; every error as a code.

use std::path::{Path, PathBuf};

use super::failure::{self, fail};
use super::views::Failure;
use crate::profile::{self, MAX_FILE, Profile, ProfileError, ProfileFault, Profiles};
use crate::protocol::{self, Framing};
use crate::report::Code;
use crate::store::Store;
use crate::transport::wrap::Seven;
use crate::transport::{self, Endpoint, LineSettings, Link, LinkError, Options, Parity};
use crate::units::MeterNo;

/// The folder of an operator's own profiles: beside the store.
pub fn profile_folder(store: &Path) -> PathBuf {
    store.with_file_name("profiles")
}

/// Every profile there is: the built-in ones and the `.toml` files of the folder, in the order of
/// their names; and what is wrong with those. A broken file is left out and stops nothing; a folder
/// that is not there is an empty one.
pub fn profiles(folder: &Path) -> (Profiles, Vec<ProfileFault>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return Profiles::new(Vec::new()) };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let toml = |path: &PathBuf| path.extension().is_some_and(|end| end == "toml");
    let mut paths: Vec<PathBuf> = paths.filter(toml).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut texts, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        match text(&path) {
            Ok(text) => texts.push((name(&path), text)),
            Err(error) => unread.push(ProfileFault {
                file: name(&path),
                what: profile::What::Syntax(error.to_string()),
                ..ProfileFault::default()
            }),
        }
    }
    let (profiles, mut faults) = Profiles::new(texts);
    faults.extend(unread);
    (profiles, faults)
}

/// The profiles of single files besides those at hand. One with the id of a profile at hand takes
/// its place: whoever names a file means that one.
///
/// # Errors
/// [`Code::File`] for one that cannot be read, [`Code::Config`] for one with a fault, named with
/// its line.
pub fn with_files(profiles: Profiles, files: &[PathBuf]) -> Result<Profiles, Failure> {
    files.iter().try_fold(profiles, |mut profiles, file| {
        let wrong = |code, why: String| fail(code, format!("{}: {why}", file.display()));
        let text = text(file).map_err(|error| wrong(Code::File, error.to_string()))?;
        let profile = Profile::parse(&text).map_err(|error| wrong(Code::Config, error.to_string()));
        profiles.put(profile?, &file.display().to_string());
        Ok(profiles)
    })
}

/// A file's text, but no more of it than shows that it is too long.
fn text(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let most = MAX_FILE as u64 + 1;
    std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}

/// The profile of that name.
///
/// # Errors
/// [`Code::Config`] for a name nobody knows.
pub fn named(profiles: &Profiles, name: &str) -> Result<Profile, Failure> {
    let unknown = || failure::profile(&ProfileError::Unknown(name.to_owned()));
    profiles.get(name).cloned().ok_or_else(unknown)
}

/// The profile to use for a meter: the area list's, else the one asked for, else the generic one.
///
/// # Errors
/// [`Code::Config`] for a name nobody knows.
pub fn profile(
    profiles: &Profiles,
    store: &Store,
    meter: MeterNo,
    otherwise: Option<&str>,
) -> Result<Profile, Failure> {
    let listed = store.meter(meter).map(|row| row.profile).filter(|name| !name.is_empty());
    named(profiles, listed.as_deref().or(otherwise).unwrap_or(profile::DEFAULT))
}

/// The line settings a profile asks for.
pub fn settings(profile: &Profile) -> LineSettings {
    framing(profile.line.framing)
}

/// Characters of a line in the transport's words.
pub fn framing(framing: Framing) -> LineSettings {
    LineSettings {
        baud: framing.baud,
        parity: match framing.parity {
            protocol::Parity::None => Parity::None,
            protocol::Parity::Even => Parity::Even,
            protocol::Parity::Odd => Parity::Odd,
        },
        data_bits: framing.data_bits,
        stop_bits: framing.stop_bits,
    }
}

/// Opens the line written as `endpoint`.
///
/// # Errors
/// Codes of the port area; [`Code::PortNotChosen`] for none.
pub fn line(endpoint: Option<&str>, settings: &LineSettings) -> Result<Box<dyn Link>, Failure> {
    line_with(endpoint, settings, &Options::default())
}

/// [`fn@line`] with the user's own Bluetooth heads, and a way to stop waiting.
///
/// # Errors
/// As there; [`Code::Cancelled`].
pub fn line_with(
    endpoint: Option<&str>,
    settings: &LineSettings,
    options: &Options,
) -> Result<Box<dyn Link>, Failure> {
    let Some(text) = endpoint.filter(|text| !text.trim().is_empty()) else {
        return Err(fail(Code::PortNotChosen, ""));
    };
    let place = Endpoint::parse(text).map_err(|error| failure::link(&error, text))?;
    let below = Seven::<Box<dyn Link>>::below(settings);
    let opened = match transport::open_with(&place, settings, options) {
        // An adapter that cannot do seven bits and parity: worked out here instead.
        Err(LinkError::Io(_)) if below != *settings => {
            let link = transport::open_with(&place, &below, options);
            link.map(|link| Box::new(Seven::new(link, settings)) as Box<dyn Link>)
        }
        opened => opened,
    };
    opened.map_err(|error| failure::link(&error, text))
}

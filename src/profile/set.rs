//! The profiles at hand: the built-in ones, and those of the operator's folder.

use super::fault::{ProfileFault, What};
use super::{Profile, check};

const BUILT_IN: &[&str] = &[
    include_str!("dlt645-2007-c.toml"),
    include_str!("dlt645-2007-c-kwh.toml"),
    include_str!("dlt645-2007-b.toml"),
    include_str!("tms.toml"),
    include_str!("ko.toml"),
    include_str!("ko-2018.toml"),
    include_str!("kede.toml"),
    include_str!("tw-gateway.toml"),
    include_str!("dlt645-1997.toml"),
    include_str!("adf400l-1p.toml"),
    include_str!("adf400l-3p.toml"),
    include_str!("dtsy1352.toml"),
    include_str!("ddsy1352.toml"),
    include_str!("iec-generic.toml"),
    include_str!("cjt188-water.toml"),
    include_str!("cjt188-heat.toml"),
    include_str!("cjt188-gas.toml"),
    include_str!("dlt698-generic.toml"),
    include_str!("dlms-generic.toml"),
    include_str!("mbus-generic.toml"),
];

#[cfg(test)]
pub(super) const COUNT: usize = BUILT_IN.len();

/// The built-in profiles, in the order of the list.
pub(super) fn built_in() -> impl Iterator<Item = Profile> {
    BUILT_IN.iter().filter_map(|text| Profile::parse(text).ok())
}

/// The built-in file of that id; only that one need be read.
pub(super) fn text_of(id: &str) -> Option<&'static str> {
    let line = format!("id = \"{id}\"");
    BUILT_IN.iter().find(|text| text.lines().any(|l| l == line)).copied()
}

/// The profiles at hand. Reading the files is the caller's business.
#[derive(Debug, Clone)]
pub struct Profiles {
    list: Vec<(Profile, Option<String>)>,
}

impl Profiles {
    /// The built-in profiles and those in `texts` (a file's name and what it says). A file that
    /// cannot be used is left out; everything wrong or doubtful is told. One that has the id of a
    /// built-in profile takes its place if it says `replaces` with that id; of two files with one
    /// id the first stays.
    pub fn new(texts: Vec<(String, String)>) -> (Self, Vec<ProfileFault>) {
        let mut this = Self { list: built_in().map(|profile| (profile, None)).collect() };
        let mut told = Vec::new();
        for (file, text) in texts {
            let (profile, faults) = Profile::check(&text);
            told.extend(
                faults.into_iter().map(|fault| ProfileFault { file: file.clone(), ..fault }),
            );
            if let Some(profile) = profile {
                let taken = this.take(profile, &file, check::says_replaces(&text));
                told.extend(taken);
            }
        }
        (this, told)
    }

    fn take(&mut self, profile: Profile, file: &str, replaces: bool) -> Option<ProfileFault> {
        let known = self.list.iter_mut().find(|(known, _)| known.id == profile.id);
        match known {
            None => self.list.push((profile, Some(file.to_owned()))),
            Some(place) if place.1.is_none() && replaces => {
                *place = (profile, Some(file.to_owned()));
            }
            Some(_) => {
                return Some(ProfileFault {
                    file: file.to_owned(),
                    line: 0,
                    key: "id".to_owned(),
                    value: profile.id,
                    what: What::IdTaken,
                });
            }
        }
        None
    }

    /// Takes in a profile from `file`, in place of one of its id.
    pub fn put(&mut self, profile: Profile, file: &str) {
        self.list.retain(|(known, _)| known.id != profile.id);
        self.list.push((profile, Some(file.to_owned())));
    }

    /// The built-in profiles alone.
    pub fn built_in() -> Self {
        Self::new(Vec::new()).0
    }

    /// The profile of that id.
    pub fn get(&self, id: &str) -> Option<&Profile> {
        self.iter().map(|(profile, _)| profile).find(|profile| profile.id == id)
    }

    /// Every id, the built-in ones first.
    pub fn ids(&self) -> Vec<&str> {
        self.iter().map(|(profile, _)| profile.id.as_str()).collect()
    }

    /// Every profile, with the file it comes from; `None` for a built-in one.
    pub fn iter(&self) -> impl Iterator<Item = (&Profile, Option<&str>)> {
        self.list.iter().map(|(profile, file)| (profile, file.as_deref()))
    }
}

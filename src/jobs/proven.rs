//! Writing by rows of a profile that are not proven: only on somebody's explicit word.
//!
//! A profile says of its rows how sure they are. A wrong row that is read is a wrong figure on a
//! screen; a wrong row that is written may be money gone, or a meter that has to go back to its
//! maker. So a write by rows below [`NEEDED`] is refused before anything is sent, until somebody
//! says for that model that it is meant. The word is shown before the confirmation ([`Waiver::
//! warning`]) and stands in the journal before the act ([`Waiver::event`]).
//!
//! Every errand that writes to a meter asks [`proven`] of the rows it writes by.

use super::failure::fail;
use super::views::Failure;
use crate::profile::Profile;
use crate::report::Code;
use crate::store::{Acceptance, Event};
use crate::units::{MeterNo, Verb};

/// How sure rows must be to be written by without a further word: B is two sources, or one that
/// was tried (`reference/other-meters.md` 1.6).
pub const NEEDED: char = 'B';

/// Rows that are to be written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows<'a> {
    /// The section of the profile, as it is written there: `money`.
    pub section: &'a str,
    /// How sure they are: A to D.
    pub confidence: char,
    /// Where they come from.
    pub source: &'a str,
}

/// The models for which somebody said that writing by unproven rows is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    configured: Vec<String>,
    asked: Vec<String>,
}

/// That unproven rows may be written by, because somebody said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    profile: String,
    confidence: char,
    by: Acceptance,
    detail: String,
}

impl Accepted {
    /// Profiles the configuration names, and those the command names.
    pub fn new(configured: &[String], asked: &[String]) -> Self {
        Self { configured: configured.to_vec(), asked: asked.to_vec() }
    }

    /// Who said so for this profile. The command comes first: it was said for this very act.
    fn by(&self, id: &str) -> Option<Acceptance> {
        let names = |list: &[String]| list.iter().any(|name| name == id);
        let asked = names(&self.asked).then_some(Acceptance::Asked);
        asked.or_else(|| names(&self.configured).then_some(Acceptance::Configured))
    }
}

/// May these rows of the profile be written by? `None`: they are proven. A waiver: they are not,
/// and it is meant; show its warning, and journal its event before the act.
///
/// # Errors
/// [`Code::WriteUnproven`], naming profile, section, confidence and source.
pub fn proven(
    profile: &Profile,
    rows: Rows<'_>,
    accepted: &Accepted,
) -> Result<Option<Waiver>, Failure> {
    let Rows { section, confidence, source } = rows;
    if confidence <= NEEDED {
        return Ok(None);
    }
    let detail = format!("{}: [{section}] {confidence} < {NEEDED} ({source})", profile.id);
    match accepted.by(&profile.id) {
        None => Err(fail(Code::WriteUnproven, detail)),
        Some(by) => Ok(Some(Waiver { profile: profile.id.clone(), confidence, by, detail })),
    }
}

/// The same for the rows of the account: what a recharge, a refund or an opening writes by. A
/// profile without them has nothing to write by, and is refused elsewhere.
///
/// # Errors
/// [`Code::WriteUnproven`].
pub fn money(profile: &Profile, accepted: &Accepted) -> Result<Option<Waiver>, Failure> {
    let Some(rules) = &profile.money else { return Ok(None) };
    let (confidence, source) = (rules.confidence, rules.source.as_str());
    proven(profile, Rows { section: "money", confidence, source }, accepted)
}

impl Waiver {
    /// What a person reads before confirming: the same code as the refusal, and whose word it is.
    pub fn warning(&self) -> Failure {
        let by = match self.by {
            Acceptance::Configured => "unproven_writes",
            Acceptance::Asked => "--accept-unproven",
        };
        fail(Code::WriteUnproven, format!("{}, {by}", self.detail))
    }

    /// The entry that goes into the journal before the act.
    pub fn event(&self, meter: MeterNo, verb: Verb) -> Event {
        let Self { profile, confidence, by, .. } = self;
        let (profile, confidence, by) = (profile.clone(), *confidence, *by);
        Event::UnprovenAccepted { meter, verb, profile, confidence, by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_below_b_need_a_word_for_that_very_model() {
        let words = |configured: &[&str], asked: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|id| id.to_string()).collect::<Vec<_>>();
            Accepted::new(&owned(configured), &owned(asked))
        };
        let (nobody, of_kede) = (Accepted::default(), words(&["kede"], &["ko-2018"]));
        let ko = Profile::built_in("ko").unwrap();
        let said = |confidence, accepted: &Accepted| {
            let rows = Rows { section: "parameter", confidence, source: "a forum" };
            proven(&ko, rows, accepted).map(|waiver| waiver.map(|waiver| waiver.by))
        };
        for sure in ['A', 'B'] {
            assert_eq!(said(sure, &nobody), Ok(None));
            assert_eq!(said(sure, &words(&["ko"], &[])), Ok(None), "nothing to waive");
        }
        for unsure in ['C', 'D'] {
            for accepted in [&nobody, &of_kede] {
                let refused = said(unsure, accepted).unwrap_err();
                assert_eq!(refused.code, Code::WriteUnproven);
                let detail = format!("ko: [parameter] {unsure} < B (a forum)");
                assert_eq!(refused.detail, detail);
            }
            let configured = said(unsure, &words(&["tms", "ko"], &[]));
            assert_eq!(configured, Ok(Some(Acceptance::Configured)));
            let both = said(unsure, &words(&["ko"], &["ko"]));
            assert_eq!(both, Ok(Some(Acceptance::Asked)));
        }
    }

    #[test]
    fn the_makers_of_the_reference_are_unproven_and_the_standard_is_not() {
        let nobody = Accepted::default();
        for id in Profile::built_in_ids() {
            let unsure = ["tms", "ko", "ko-2018", "kede", "tw-gateway"].contains(&id.as_str());
            let said = money(&Profile::built_in(&id).unwrap(), &nobody);
            assert_eq!(said.is_err(), unsure, "{id}: {said:?}");
        }
        let ko = Profile::built_in("ko").unwrap();
        let accepted = Accepted::new(&["ko".to_owned()], &[]);
        let waiver = money(&ko, &accepted).unwrap().unwrap();
        let said = waiver.warning();
        assert_eq!(said.code, Code::WriteUnproven);
        assert!(said.detail.starts_with("ko: [money] C < B (reference"), "{said:?}");
        assert!(said.detail.ends_with(", unproven_writes"), "{said:?}");
    }
}

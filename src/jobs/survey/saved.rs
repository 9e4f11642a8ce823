//! A survey that was stopped, as a file: what was found stays, and it goes on where it was.
//!
//! Its own versioned type; nothing else of the program is stored here.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::search::Cursor;
use super::tally::{Found, Tally};
use crate::jobs::failure::fail;
use crate::jobs::views::{Failure, NotSearched, SurveyBox, SurveyPlan, SurveyProtocol};
use crate::report::Code;

/// The version written.
const VERSION: u32 = 1;
/// Longest file read: 1000 meters take some 300 KB.
const BYTES_MAX: u64 = 8 << 20;

/// Everything a survey needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    /// What was asked for.
    pub plan: SurveyPlan,
    /// How the line was set before, `2400-8E1`.
    pub opened: String,
    /// The line keeps its settings.
    pub fixed: bool,
    /// Steps done.
    pub steps: usize,
    /// Where the next step is.
    pub cursor: Cursor,
    /// The meters so far.
    pub found: Vec<Found>,
    /// What was not searched.
    pub gaps: Vec<NotSearched>,
    /// The boxes that said how many users they have.
    #[serde(default)]
    pub boxes: Vec<SurveyBox>,
    /// Steps to be done once more, for this machine was too busy to judge them.
    #[serde(default)]
    pub again: Vec<(SurveyProtocol, String)>,
    /// Settings searched.
    pub searched: Vec<String>,
    /// What was noticed.
    pub tally: Tally,
    /// Line time so far, milliseconds.
    pub took_ms: u64,
}

impl Saved {
    /// A survey that has not begun.
    pub fn new(plan: &SurveyPlan, opened: String) -> Self {
        Self {
            version: VERSION,
            plan: plan.clone(),
            opened,
            fixed: false,
            steps: 0,
            cursor: Cursor::Start,
            found: Vec::new(),
            gaps: Vec::new(),
            boxes: Vec::new(),
            again: Vec::new(),
            searched: Vec::new(),
            tally: Tally::default(),
            took_ms: 0,
        }
    }

    /// As text.
    ///
    /// # Errors
    /// [`Code::Internal`]: none in practice.
    pub fn to_text(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| fail(Code::Internal, error.to_string()))
    }

    /// From text.
    ///
    /// # Errors
    /// [`Code::File`] for anything that is not such a file of this version.
    pub fn from_text(text: &str) -> Result<Self, Failure> {
        let saved: Self =
            serde_json::from_str(text).map_err(|error| fail(Code::File, error.to_string()))?;
        if saved.version != VERSION {
            return Err(fail(Code::File, format!("survey file version {}", saved.version)));
        }
        Ok(saved)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Code::File`].
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |why: String| fail(Code::File, format!("{}: {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > BYTES_MAX {
            return Err(wrong(format!("{size} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::from_text(&text).map_err(|failure| wrong(failure.detail))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// [`Code::File`].
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = self.to_text()?;
        std::fs::write(path, text)
            .map_err(|error| fail(Code::File, format!("{}: {error}", path.display())))
    }

    /// Line time so far.
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}

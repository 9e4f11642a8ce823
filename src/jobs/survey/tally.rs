//! What was noticed on a line while it was searched: the evidence the verdicts rest on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ear::Heard;
use super::spot::{self, Spotted};
use crate::jobs::views::{SurveyMeter, SurveyProtocol};

/// Bytes kept as a sample.
const SAMPLE_MAX: usize = 32;
/// Times kept of one kind.
const TIMES_MAX: usize = 64;
/// Characters of an answer from which it can be told whether it came in lumps.
const LUMP_LEAST: usize = 5;
/// A pause between two arrivals from which on the bytes before it count as a lump.
const LUMP_PAUSE: Duration = Duration::from_millis(4);

/// Something seen a number of times, with the bytes of the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// How often.
    pub count: u32,
    /// The bytes, cut.
    pub bytes: Vec<u8>,
}

impl Sight {
    /// Sees it once more.
    pub fn add(&mut self, bytes: &[u8]) {
        self.count += 1;
        if self.bytes.is_empty() {
            self.bytes = bytes.iter().copied().take(SAMPLE_MAX).collect();
        }
    }
}

/// The evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Frames sent.
    pub frames: u32,
    /// Whole answers heard.
    pub answers: u32,
    /// Copies of our own frames that came back.
    pub echoes: u32,
    /// Copies that came back one character short.
    pub short_echoes: u32,
    /// The link takes our echo out by itself.
    pub hears_itself: bool,
    /// Questions followed by bytes of no frame.
    pub noise: Sight,
    /// Questions followed by a single 00 or FF: the line falls back to the wrong level when our
    /// transmitter lets go.
    pub edges: Sight,
    /// Whole frames once every bit is turned round.
    pub inverted: Sight,
    /// Questions somebody else asked.
    pub foreign: Sight,
    /// Frames that could be read at another parity only, and at which settings.
    pub other_parity: Option<(Sight, String)>,
    /// Answers long enough to tell, and those of them that came in lumps.
    pub lumped: (u32, u32),
    /// Pauses between lumps, microseconds.
    pub pauses_us: Vec<u32>,
    /// Questions to one meter alone, and those of them not answered properly.
    pub checked: (u32, u32),
    /// This machine is late: what is noticed now proves nothing about the line.
    #[serde(skip)]
    pub unsure: bool,
    /// The most time that was stolen from one question, microseconds; 0 for none worth counting.
    #[serde(default)]
    pub late_us: u32,
}

impl Tally {
    /// Bytes of no frame were heard.
    pub fn noise(&mut self, bytes: &[u8]) {
        if self.unsure {
            return;
        }
        let turned: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        if !spot::spot(&turned, &|_| false).spots.is_empty() {
            self.inverted.add(bytes);
            return;
        }
        if !bytes.is_empty() {
            self.noise.add(bytes);
        }
    }

    /// What came after a question, taken apart.
    pub fn spotted(&mut self, spotted: &Spotted) {
        for spot in &spotted.spots {
            if spot.question {
                self.foreign.add(&spot.body);
            } else {
                self.answers += 1;
            }
        }
    }

    /// Looks at the times of an answer: did it come as it lay on the wire?
    pub fn lumps(&mut self, heard: &Heard, character: Duration) {
        if heard.chars.len() < LUMP_LEAST {
            return;
        }
        let mut lumps: Vec<(Duration, usize)> = Vec::new();
        for (at, _) in &heard.chars {
            match lumps.last_mut() {
                Some((last, count)) if last == at => *count += 1,
                _ => lumps.push((*at, 1)),
            }
        }
        self.lumped.0 += 1;
        let wire = character * u32::try_from(heard.chars.len()).unwrap_or(u32::MAX);
        let pauses: Vec<Duration> = lumps
            .windows(2)
            .filter_map(|pair| match pair {
                [(first, _), (second, _)] => Some(second.saturating_sub(*first)),
                _ => None,
            })
            .collect();
        let single = lumps.len() == 1 && wire >= LUMP_PAUSE;
        let many = pauses.iter().filter(|pause| **pause >= LUMP_PAUSE).count();
        // A meter that waits between its characters delivers them one by one: no lump.
        let together = lumps.iter().filter(|(_, count)| *count > 1).count();
        let spaced = !pauses.is_empty() && many * 2 > pauses.len() && together * 2 >= lumps.len();
        if single || spaced {
            self.lumped.1 += 1;
            for pause in pauses.into_iter().filter(|pause| *pause >= LUMP_PAUSE) {
                if self.pauses_us.len() < TIMES_MAX {
                    self.pauses_us.push(micros(pause));
                }
            }
        }
    }
}

/// Microseconds, as far as they go.
pub fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// The middle one.
pub fn median(times: &[u32]) -> Option<u32> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// A meter as it is being found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it speaks.
    pub protocol: SurveyProtocol,
    /// Its address.
    pub address: String,
    /// At which settings.
    pub line: String,
    /// Measured answering times, microseconds.
    pub times_us: Vec<u32>,
    /// Answers heard.
    pub answers: u32,
    /// Two answers to one question, or answers that ran into each other.
    pub doubled: u32,
    /// Bytes that show it.
    pub sample: Vec<u8>,
}

impl Found {
    /// As the screens see it.
    pub fn view(&self) -> SurveyMeter {
        SurveyMeter {
            protocol: self.protocol,
            address: self.address.clone(),
            line: self.line.clone(),
            turnaround_us: median(&self.times_us),
            answers: self.answers,
            doubled: self.doubled,
        }
    }

    /// Notes an answer, and how long it took where that is known.
    pub fn answered(&mut self, time: Option<Duration>) {
        self.answers += 1;
        if let Some(time) = time
            && self.times_us.len() < TIMES_MAX
        {
            self.times_us.push(micros(time));
        }
    }
}

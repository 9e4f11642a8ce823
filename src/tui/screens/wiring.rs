//! The drawing of a wiring check: voltages and currents as they were measured, in which order they
//! come, what was found and how sure that is.

use super::facts;
use crate::jobs::errand::{Sheet, Sign, Vectors};
use crate::text::{Lang, work as names};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::tui::widgets::phasor::Phasor;

/// Half and whole turn, 0.1 degree.
const HALF: i64 = 1_800;
const TURN: i64 = 3_600;

/// The page.
#[derive(Debug)]
pub struct Wiring {
    vectors: Vectors,
    /// What was found and how sure that is, by stable names.
    finding: String,
    confidence: String,
    /// What the verdict stands on, by its stable name; nothing where there is none.
    basis: String,
    /// On which word about the load what would be likely, by stable names.
    likely: Option<(String, Vec<String>)>,
    /// What is wrong, or what stands against a verdict, by stable names.
    reasons: Vec<String>,
}

impl Wiring {
    /// Of a sheet that has something to draw.
    pub fn of(sheet: &Sheet) -> Option<Self> {
        let vectors = sheet.vectors?;
        let values = |name: &str| {
            let rows = sheet.rows.iter().filter(|row| row.name == name);
            rows.map(|row| row.value.clone()).collect::<Vec<_>>()
        };
        let one = |name: &str| values(name).into_iter().next().unwrap_or_default();
        let (finding, confidence) = (one("comm-finding"), one("comm-confidence"));
        let reasons = [values("comm-faults"), values("comm-doubts")].concat();
        let (basis, on) = (one("comm-basis"), one("comm-likely-if"));
        let likely = Some((on, values("comm-likely"))).filter(|(on, _)| !on.is_empty());
        Some(Self { vectors, finding, confidence, basis, likely, reasons })
    }

    fn drawing(&self) -> Phasor {
        let Vectors { volts, amps, angles, backwards } = self.vectors;
        Phasor::of(volts, amps, angles, backwards)
    }

    /// One phase in figures; none where the meter has none.
    fn phase(&self, lang: Lang, at: usize) -> Option<Row> {
        let of = |values: &[Option<i64>; 3]| values.get(at).copied().flatten();
        let volts = of(&self.vectors.volts)?;
        let dash = || "-".to_owned();
        let amps = of(&self.vectors.amps);
        let amps = amps.map_or_else(dash, |ma| format!("{}.{:03}", ma / 1_000, ma % 1_000));
        let angle = of(&self.vectors.angles).map_or_else(dash, angle);
        let name = ["A", "B", "C"].get(at).copied().unwrap_or_default();
        let volts = format!("{}.{}", volts / 10, volts % 10);
        Some(Row::plain(lang.wiring_phase(name, &volts, &amps, &angle)))
    }

    /// The facts beside the drawing; on a small screen no more than five rows of them are seen.
    fn facts(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let (sign, meaning) = match self.finding.as_str() {
            "wiring-right" => (Sign::Good, Meaning::Good),
            "wiring-wrong" => (Sign::Bad, Meaning::Fault),
            _ => (Sign::Unknown, Meaning::Alarm),
        };
        let mark = match sign {
            Sign::Good => "OK",
            Sign::Bad => "X",
            _ => "?",
        };
        let found = names::or_name(lang, &self.finding);
        let sure = names::or_name(lang, "comm-confidence");
        let how = names::or_name(lang, &self.confidence);
        // A verdict on somebody's word is longer than a line, and never cut.
        let mut rows = match self.confidence.as_str() {
            "confidence-word" => facts::say(meaning, &format!("{mark} {found}"), width),
            _ => vec![Row::of(meaning, format!("{mark} {found}  {sure} {how}"))],
        };
        if let Some((on, what)) = &self.likely {
            // One sentence: the wiring never stands on a line without its condition.
            let word = |name: &str| names::or_name(lang, name).to_owned();
            let what: Vec<String> = what.iter().map(|one| names::value(lang, one)).collect();
            let (on, what) = (word(on), what.join("; "));
            let (only_if, likely) = (word("comm-likely-if"), word("comm-likely"));
            let text = format!("{only_if} {on}: {likely}: {what}");
            rows.extend(facts::say(Meaning::Plain, &text, width));
        } else if !self.basis.is_empty() {
            rows.extend(facts::say(Meaning::Faint, names::or_name(lang, &self.basis), width));
        }
        let three = self.vectors.volts.iter().flatten().count() > 1;
        if three {
            let (meaning, text) = match self.vectors.backwards {
                false => (Meaning::Plain, lang.wiring_order_right()),
                true => (Meaning::Alarm, lang.wiring_order_reversed()),
            };
            rows.extend(facts::say(meaning, text, width));
        }
        rows.extend((0..3).filter_map(|at| self.phase(lang, at)));
        rows.push(Row::blank());
        for reason in &self.reasons {
            rows.extend(facts::say(meaning, names::or_name(lang, reason), width));
        }
        rows.push(Row::blank());
        rows.extend(facts::say(Meaning::Faint, lang.wiring_angles(), width));
        rows.extend(facts::say(Meaning::Faint, lang.wiring_legend(), width));
        rows
    }
}

/// From current to voltage in degrees, leading ones with a minus.
fn angle(tenths: i64) -> String {
    let own = (tenths + HALF).rem_euclid(TURN) - HALF;
    let sign = if own < 0 { "-" } else { "" };
    format!("{sign}{}.{}", own.abs() / 10, own.abs() % 10)
}

impl Screen for Wiring {
    fn place(&self) -> Place {
        Place::Wiring
    }

    fn view(&self, shared: &Shared) -> View {
        let area = shared.size.split(0, true).list;
        let lines = self.drawing().lines(area.width, area.height, shared.ascii);
        let list = lines.into_iter().map(Row::plain).collect();
        let title = shared.lang.title_wiring().to_owned();
        View { title, list, detail: Some(self.facts(shared)), ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        if action == Action::Back {
            shared.back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_lead_with_a_minus() {
        let said = [0, 182, 1_800, 3_418, 1_982].map(angle);
        assert_eq!(said, ["0.0", "18.2", "-180.0", "-18.2", "-161.8"]);
    }
}

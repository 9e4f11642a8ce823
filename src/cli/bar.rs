//! How far a longer errand is, on a terminal: one line on stderr that is written anew and is gone
//! when the errand stops. Nothing where nobody looks, nor with `--json`, which tells every step.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::jobs::errand::{Row, Sheet, Sign};
use crate::text::{Lang, work as names};

/// How often the sign of life turns.
const TURN: Duration = Duration::from_millis(250);

/// The line.
pub struct Bar(ProgressBar);

impl Bar {
    /// A line that shows that something goes on, until it is known how far it is.
    pub fn waiting(out: &Output, what: &str) -> Self {
        if out.json || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style.tick_chars("-\\|/ "));
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TURN);
        Self(bar)
    }

    /// Shows how far the errand is, and the row that ended last.
    pub fn tell(&mut self, lang: Lang, sheet: &Sheet) {
        let Some((done, of)) = far(sheet) else { return };
        if self.0.length() != Some(of) {
            self.0.set_length(of);
            let style = ProgressStyle::with_template("{spinner} [{bar:20}] {pos}/{len} {msg}");
            if let Ok(style) = style {
                self.0.set_style(style.progress_chars("#>-").tick_chars("-\\|/ "));
            }
        }
        self.0.set_position(done);
        if let Some(row) = last(sheet) {
            let meter = row.meter.map(|meter| format!("{meter} ")).unwrap_or_default();
            self.0.set_message(format!("{meter}{}", names::or_name(lang, &row.name)));
        }
    }

    /// Takes the line away.
    pub fn close(&self) {
        self.0.finish_and_clear();
    }
}

/// Whether a row is a piece of work: what only says something is none.
fn is_work(row: &&Row) -> bool {
    row.sign != Sign::Info
}

fn is_open(row: &Row) -> bool {
    matches!(row.sign, Sign::Todo | Sign::Doing)
}

/// How many pieces are done, and of how many: by a round's counts, else by the rows.
pub fn far(sheet: &Sheet) -> Option<(u64, u64)> {
    let count = |name: &str| -> Option<u64> {
        sheet.rows.iter().find(|row| row.name == name)?.value.parse().ok()
    };
    if let (Some(listed), Some(missing)) = (count("round-listed"), count("round-missing")) {
        return Some((listed.saturating_sub(missing), listed));
    }
    let all = sheet.rows.iter().filter(is_work);
    let (open, done): (Vec<&Row>, Vec<&Row>) = all.partition(|row| is_open(row));
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let of = number(open.len() + done.len());
    Some((number(done.len()), of)).filter(|_| of > 0)
}

/// The piece that ended last, as far as the rows tell: the one in front of the first open one.
fn last(sheet: &Sheet) -> Option<&Row> {
    let work: Vec<&Row> = sheet.rows.iter().filter(is_work).collect();
    let open = work.iter().position(|row| is_open(row)).unwrap_or(work.len());
    work.get(open.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ErrandKind;

    #[test]
    fn how_far_it_is_counts_pieces_and_not_what_is_only_said() {
        let mut sheet = Sheet::new(ErrandKind::Control, None);
        sheet.rows.push(Row::info("command", "trip"));
        assert_eq!(far(&sheet), None);
        for sign in [Sign::Good, Sign::Bad, Sign::Unknown, Sign::Doing, Sign::Todo] {
            sheet.rows.push(Row::new(sign, "control-act", ""));
        }
        assert_eq!(far(&sheet), Some((3, 5)));
        assert_eq!(last(&sheet).map(|row| row.sign), Some(Sign::Unknown));
    }

    #[test]
    fn a_round_says_its_counts_itself() {
        let mut sheet = Sheet::new(ErrandKind::Round, None);
        for (name, value) in [("round-listed", "32"), ("round-missing", "5")] {
            sheet.rows.push(Row::info(name, value));
        }
        assert_eq!(far(&sheet), Some((27, 32)));
    }
}

//! What a handheld's clock may have said (R10, C9).
//!
//! A journal is in the order of its numbers, whatever its times say. Between the office's last word
//! that stands before an entry, and the moment the entry arrived, lies the true time of it. A
//! claimed time outside of that is kept as it was claimed; the judgement uses the nearest time that
//! can be.

use crate::sync::wire::Event;
use crate::units::UnixSeconds;

/// How far outside a clock may be before anybody is called, seconds. Beyond this a meter's clock,
/// too, is a matter for an alarm and no longer for a correction (`reference/field-work.md` 6, P3).
const TOLERANCE_S: i64 = 900;

/// What the office's own word says about the times of one pack, entry by entry.
#[derive(Debug)]
pub(super) struct Clocks {
    /// The office's last word in what is here of the journal.
    before: Option<UnixSeconds>,
    /// Its last word before the entry.
    anchor: Option<Option<UnixSeconds>>,
}

/// The true time of an entry, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub lower: Option<UnixSeconds>,
    pub upper: UnixSeconds,
}

impl Bounds {
    /// The nearest time to a claimed one that can be.
    pub fn nearest(self, at: UnixSeconds) -> UnixSeconds {
        let lower = self.lower.unwrap_or(UnixSeconds(i64::MIN));
        UnixSeconds(at.0.min(self.upper.0).max(lower.0.min(self.upper.0)))
    }

    /// Whether a claimed time is outside by more than a clock may be.
    pub fn broken_by(self, at: UnixSeconds) -> bool {
        self.nearest(at).0.abs_diff(at.0) > TOLERANCE_S.unsigned_abs()
    }
}

impl Clocks {
    /// For a pack that follows a journal in which the office's last word was this.
    pub fn after(before: Option<UnixSeconds>) -> Self {
        Self { before, anchor: None }
    }

    /// The office's word, as it stands in the journal.
    pub fn hears(&mut self, event: &Event) {
        if let Event::TimeAnchor { server } = event {
            let before = self.anchor.flatten().unwrap_or(UnixSeconds(i64::MIN));
            self.anchor = Some(Some(before.max(*server)));
        }
    }

    /// When an entry that arrived at `now` can have been written.
    pub fn bounds(&mut self, now: UnixSeconds) -> Bounds {
        let anchor = *self.anchor.get_or_insert(self.before);
        // A word of ours that is later than now is no bound: somebody set the office's clock back.
        let lower = anchor.filter(|anchor| *anchor <= now);
        Bounds { lower, upper: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_moved_no_further_than_it_must() {
        let bounds = |lower: Option<i64>, upper| Bounds {
            lower: lower.map(UnixSeconds),
            upper: UnixSeconds(upper),
        };
        let cases = [
            (bounds(Some(1000), 5000), 2000, 2000, false),
            (bounds(Some(1000), 5000), 999, 1000, false),
            (bounds(Some(1000), 5000), 100, 1000, false),
            (bounds(Some(1000), 5000), 99, 1000, true),
            (bounds(Some(1000), 5000), 5900, 5000, false),
            (bounds(Some(1000), 5000), 5901, 5000, true),
            (bounds(None, 5000), -9_000_000, -9_000_000, false),
            (bounds(Some(9000), 5000), 4000, 5000, true),
        ];
        for (bounds, at, nearest, broken) in cases {
            let at = UnixSeconds(at);
            assert_eq!(bounds.nearest(at), UnixSeconds(nearest), "{bounds:?} {at:?}");
            assert_eq!(bounds.broken_by(at), broken, "{bounds:?} {at:?}");
        }
    }
}

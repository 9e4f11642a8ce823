//! How much trust is left: pure rules from what the handheld holds to a [`Standing`] and its
//! reasons.
//!
//! Documents of the office grow old on handhelds that are offline on purpose. So trust goes in
//! steps, and reading and syncing are in none of them: fresh, warn, read-only (recharges within the
//! soft limits), no money.

use super::failure::fail;
use super::views::{Failure, Standing};
use crate::report::Code;
use crate::units::{Caps, Credit, CreditUnit, Exposure, Limit, UnixSeconds};

/// Keyset or root end within this: time to sync, seconds (14 days).
pub const ENDS_SOON_S: i64 = 14 * 86_400;
/// Part of a status's life after which there is a warning, percent.
pub const OLD_PERCENT: i64 = 80;

/// A version in force and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The version.
    pub version: u64,
    /// Its end.
    pub expires: UnixSeconds,
}

/// What is needed of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Begin of its life.
    pub not_before: UnixSeconds,
    /// End of its life.
    pub expires: UnixSeconds,
    /// How long after its end recharges go on within the soft limits, seconds.
    pub grace_s: i64,
    /// The root version the office uses.
    pub root: u64,
    /// The keyset version the office uses.
    pub keyset: u64,
}

/// All that trust depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The time: the later of the clock and the trusted floor.
    pub now: UnixSeconds,
    /// How far the clock is behind the floor, seconds, when that is too much.
    pub behind_s: Option<i64>,
    /// The root in force.
    pub root: Term,
    /// The keyset in force.
    pub keyset: Term,
    /// The newest status.
    pub status: Option<Word>,
    /// Documents that are gone, changed or went back.
    pub broken: Vec<Failure>,
    /// Soft limits that are reached.
    pub near: Vec<Failure>,
}

/// The step, and why it is not better, gravest first.
pub fn standing(ground: &Ground) -> (Standing, Vec<Failure>) {
    let mut found: Vec<(Standing, Failure)> = Vec::new();
    let mut note = |standing, failure| found.push((standing, failure));
    let now = ground.now;
    if let Some(behind) = ground.behind_s {
        note(Standing::NoMoney, fail(Code::ClockBehind, format!("{behind} s")));
    }
    for broken in &ground.broken {
        note(Standing::NoMoney, broken.clone());
    }
    let terms = [
        (ground.root, Code::RootExpired, Code::RootEnds),
        (ground.keyset, Code::KeysetExpired, Code::KeysetEnds),
    ];
    for (term, expired, ends) in terms {
        let left = term.expires.0.saturating_sub(now.0);
        if left <= 0 {
            note(Standing::NoMoney, fail(expired, format!("v{}", term.version)));
        } else if left <= ENDS_SOON_S {
            note(Standing::Warn, fail(ends, days(left)));
        }
    }
    match &ground.status {
        None => note(Standing::NoMoney, fail(Code::StatusMissing, "")),
        Some(status) => word(ground, status, &mut note),
    }
    for near in &ground.near {
        note(Standing::Warn, near.clone());
    }
    // Gravest first; among equals as found.
    found.sort_by_key(|(standing, _)| std::cmp::Reverse(*standing));
    let worst = found.first().map_or(Standing::Fresh, |(standing, _)| *standing);
    (worst, found.into_iter().map(|(_, failure)| failure).collect())
}

fn word(ground: &Ground, status: &Word, note: &mut impl FnMut(Standing, Failure)) {
    let pairs = [("root", ground.root, status.root), ("keyset", ground.keyset, status.keyset)];
    for (what, term, wanted) in pairs {
        if term.version < wanted {
            let detail = format!("{what} v{} < v{wanted}", term.version);
            note(Standing::NoMoney, fail(Code::KeysBehind, detail));
        }
    }
    let now = ground.now.0;
    let over = now.saturating_sub(status.expires.0);
    let life = status.expires.0.saturating_sub(status.not_before.0);
    let lived = now.saturating_sub(status.not_before.0);
    if over > status.grace_s.max(0) {
        note(Standing::NoMoney, fail(Code::StatusExpired, hours(over)));
    } else if over >= 0 {
        note(Standing::ReadOnly, fail(Code::StatusExpired, hours(over)));
    } else if lived.saturating_mul(100) >= life.saturating_mul(OLD_PERCENT) {
        note(Standing::Warn, fail(Code::StatusOld, hours(over.saturating_neg())));
    }
}

/// The soft limits that are reached, as warnings. `who` is the handheld or the operator.
pub fn near(who: &str, used: &Exposure, caps: &Caps, now: UnixSeconds) -> Vec<Failure> {
    let reached = |limit: &Limit| {
        let cap = caps.cap(*limit);
        // Where nothing is allowed at all, nothing is near.
        cap.hard > 0 && cap.hard != i64::MAX && used.value(*limit, now) >= cap.soft
    };
    let all = [Limit::Acts, Limit::Yuan, Limit::Kwh, Limit::Age].into_iter();
    let warn = |limit| Failure {
        code: Code::LimitNear,
        ..exceeded(who, limit, used.value(limit, now), caps.cap(limit).hard)
    };
    // With nothing done there is nothing to warn of, whatever the limits are.
    all.filter(|_| used.acts > 0).filter(reached).map(warn).collect()
}

/// The refusal beyond a hard limit, with its figures.
pub fn exceeded(who: &str, limit: Limit, value: i64, most: i64) -> Failure {
    let credit = |unit| {
        let show = |value| Credit { value, unit };
        format!("{} / {}", show(value), show(most))
    };
    let (code, figures) = match limit {
        Limit::Acts => (Code::LimitActs, format!("{value} / {most}")),
        Limit::Yuan => (Code::LimitYuan, credit(CreditUnit::Yuan)),
        Limit::Kwh => (Code::LimitKwh, credit(CreditUnit::Kwh)),
        Limit::Age => (Code::LimitAge, format!("{} / {}", hours(value), hours(most))),
    };
    fail(code, format!("{who}: {figures}"))
}

/// Limits as they stand when only the soft ones may be used.
pub fn softened(caps: &Caps) -> Caps {
    let soft = |limit| {
        let mut cap = caps.cap(limit);
        cap.hard = cap.hard.min(cap.soft);
        cap
    };
    Caps {
        acts: soft(Limit::Acts),
        yuan: soft(Limit::Yuan),
        kwh: soft(Limit::Kwh),
        age_s: soft(Limit::Age),
    }
}

fn hours(seconds: i64) -> String {
    format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60)
}

fn days(seconds: i64) -> String {
    format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600)
}

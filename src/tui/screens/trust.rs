//! How much trust is left and why, what may still happen before the office hears of it, and who is
//! logged in with which rights.

use super::{People, Sync, facts, moved, movement};
use crate::jobs::views::{Request, SessionView, Standing};
use crate::text::Lang;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::Row;
use crate::units::{Caps, Credit, CreditUnit, Exposure, Limit, Money, UnixSeconds};

/// Cells of a figure; ten million yuan fit.
const FIGURE_CELLS: usize = 9;

/// The trust screen.
#[derive(Debug, Default)]
pub struct Trust {
    top: usize,
}

impl Screen for Trust {
    fn place(&self) -> Place {
        Place::Trust
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Home);
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = standing(shared, width);
        if let Some(trust) = shared.trust() {
            let now = shared.now.wall;
            list.extend(exposure(lang, lang.trust_device(), &trust.device, now));
            list.extend(exposure(lang, lang.trust_operator(), &trust.operator, now));
        }
        if let Some(session) = &shared.session {
            list.push(Row::blank());
            list.extend(person(shared, session, width));
        }
        View { title: lang.title_trust().to_owned(), list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::GoSync => shared.go(Sync::default()),
            Action::GoPeople => shared.go(People::default()),
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}

/// The step, what it means, and every reason with its way out.
fn standing(shared: &Shared, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let Some(standing) = shared.standing() else {
        return vec![Row::of(Meaning::Faint, lang.waiting())];
    };
    let (word, meaning) = lang.standing(standing);
    let mut rows = vec![Row::of(meaning, word)];
    rows.extend(facts::say(Meaning::Plain, lang.standing_means(standing), width));
    let until = shared.trust().and_then(|trust| trust.status_until);
    rows.push(match until {
        Some(at) => {
            let meaning = if at <= shared.now.wall { Meaning::Fault } else { Meaning::Plain };
            facts::fact(lang.trust_until(), meaning, when::minute(&shared.zone, at))
        }
        None => facts::fact(lang.trust_until(), Meaning::Alarm, lang.trust_unknown()),
    });
    let reasons = shared.reasons();
    if !reasons.is_empty() {
        rows.push(Row::of(Meaning::Faint, lang.trust_why()));
    }
    for reason in reasons {
        let meaning = if standing > Standing::Warn { Meaning::Fault } else { Meaning::Alarm };
        rows.extend(facts::warned(shared, reason, meaning, width));
    }
    rows
}

/// Unacknowledged acts beside what is allowed.
fn exposure(
    lang: Lang,
    title: &str,
    (used, caps): &(Exposure, Caps),
    now: UnixSeconds,
) -> Vec<Row> {
    let head = Row::blank()
        .column(Meaning::Plain, "", facts::NAME_CELLS)
        .number(Meaning::Faint, lang.trust_columns_now(), FIGURE_CELLS)
        .number(Meaning::Faint, lang.trust_columns_soft(), FIGURE_CELLS)
        .number(Meaning::Faint, lang.trust_columns_hard(), FIGURE_CELLS);
    let mut rows = vec![Row::of(Meaning::Strong, title), head];
    for limit in [Limit::Acts, Limit::Yuan, Limit::Kwh, Limit::Age] {
        let (value, cap) = (used.value(limit, now), caps.cap(limit));
        let meaning = match value {
            value if value >= cap.hard => Meaning::Fault,
            value if value >= cap.soft => Meaning::Alarm,
            _ => Meaning::Plain,
        };
        let figure = |value| figure(lang, limit, value);
        let row = Row::blank()
            .column(Meaning::Faint, lang.limit(limit), facts::NAME_CELLS)
            .number(meaning, &figure(value), FIGURE_CELLS)
            .number(Meaning::Plain, round(&figure(cap.soft)), FIGURE_CELLS)
            .number(Meaning::Plain, round(&figure(cap.hard)), FIGURE_CELLS);
        rows.push(row);
    }
    rows
}

/// A round sum without its zeros: two limits side by side must not run into each other.
fn round(figure: &str) -> &str {
    figure.strip_suffix(".00").unwrap_or(figure)
}

/// The figure of a limit, without its unit where the row names it.
fn figure(lang: Lang, limit: Limit, value: i64) -> String {
    match limit {
        _ if value == i64::MAX => lang.limit_none().to_owned(),
        Limit::Acts => value.to_string(),
        Limit::Yuan | Limit::Kwh => Money(value).to_string(),
        Limit::Age => lang.span(value),
    }
}

/// Who is logged in, and what that person may do.
fn person(shared: &Shared, session: &SessionView, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let who = format!("{} {}", session.operator, session.name);
    let verbs: Vec<&str> = session.verbs.list().map(|verb| lang.verb(verb)).collect();
    let areas = match session.areas.as_slice() {
        [] => lang.trust_all_areas().to_owned(),
        areas => areas.join(lang.list_comma()),
    };
    let mut rows = facts::long_fact(lang.trust_you(), Meaning::Strong, &who, width);
    rows.push(facts::fact(lang.trust_role(), Meaning::Plain, lang.role(session.role)));
    let verbs = verbs.join(lang.list_comma());
    rows.extend(facts::long_fact(lang.trust_may(), Meaning::Plain, &verbs, width));
    rows.extend(facts::long_fact(lang.trust_areas(), Meaning::Plain, &areas, width));
    let ends = when::minute(&shared.zone, session.ends);
    rows.push(facts::fact(lang.trust_ends(), Meaning::Plain, ends));
    rows
}

/// What may still happen offline, on one or two lines: of the handheld or of the operator, whoever
/// has less left.
pub fn offline(shared: &Shared, width: usize) -> Vec<Row> {
    let Some(trust) = shared.trust() else { return Vec::new() };
    let (lang, now) = (shared.lang, shared.now.wall);
    let used_up = |of: &(Exposure, Caps)| share(of, now);
    let mine = used_up(&trust.operator) > used_up(&trust.device);
    let (used, caps) = if mine { &trust.operator } else { &trust.device };
    let mut parts = vec![match caps.acts.hard {
        i64::MAX => lang.left_acts_free(used.acts),
        most => lang.left_acts(used.acts, most),
    }];
    for (unit, value, cap) in
        [(CreditUnit::Yuan, used.yuan, caps.yuan), (CreditUnit::Kwh, used.kwh, caps.kwh)]
    {
        // Where nothing is sold in a unit, nothing is said of it.
        if cap.hard != i64::MAX && (value > 0 || unit == CreditUnit::Yuan) {
            let (value, most) = (Money(value).to_string(), Money(cap.hard).to_string());
            parts.push(lang.left_sum(&value, &most, lang.unit(unit)));
        }
    }
    if used.oldest.is_some() {
        parts.push(lang.left_oldest(&lang.span(used.value(Limit::Age, now))));
    }
    let meaning = if caps.exceeded(used, now).is_some() || used_up(&(*used, *caps)) >= FULL {
        Meaning::Fault
    } else if caps.warned(used, now).is_some() {
        Meaning::Alarm
    } else {
        Meaning::Plain
    };
    facts::say(meaning, &parts.join(lang.list_comma()), width)
}

/// A limit that is reached, in thousandths.
const FULL: i128 = 1000;

/// The limit that is nearest, in thousandths of what is allowed.
fn share((used, caps): &(Exposure, Caps), now: UnixSeconds) -> i128 {
    let all = [Limit::Acts, Limit::Yuan, Limit::Kwh, Limit::Age];
    let shares = all.map(|limit| {
        let (value, most) = (used.value(limit, now), caps.cap(limit).hard);
        i128::from(value) * FULL / i128::from(most.max(1))
    });
    shares.into_iter().max().unwrap_or(0)
}

/// What is left once a credit has been sent, for the page before a recharge. The exposures hold it
/// already.
pub fn left_after(lang: Lang, credit: Credit, with: [&(Exposure, Caps); 2]) -> Option<Left> {
    let sum = match credit.unit {
        CreditUnit::Yuan => Limit::Yuan,
        CreditUnit::Kwh => Limit::Kwh,
    };
    let left = |limit| {
        let each = with.map(|(used, caps)| {
            let most = caps.cap(limit).hard;
            // An age is no matter of this act.
            (most != i64::MAX).then(|| most.saturating_sub(used.value(limit, UnixSeconds(0))))
        });
        each.into_iter().flatten().min()
    };
    let (acts, sum) = (left(Limit::Acts), left(sum));
    if acts.is_some_and(|left| left < 0) || sum.is_some_and(|left| left < 0) {
        return Some((Meaning::Fault, lang.after_none().to_owned()));
    }
    let sum = sum.map(|value| lang.credit(credit.with(value)));
    let parts: Vec<String> =
        [acts.map(|n| lang.after_acts(n)), sum].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| (Meaning::Plain, parts.join(lang.list_comma())))
}

/// A figure and how it is meant.
type Left = (Meaning, String);

//! The survey: what will be sent, how far it is, what hangs on the line and what is wrong with it.
//!
//! Nothing is sent before Enter. While it runs, Esc stops it; what was found until then stays.

use super::{facts, moved, movement};
use crate::jobs::views::{
    Failure, Request, SurveyEnd, SurveyMeter, SurveyPlan, SurveyProgress, SurveyView, Update,
    Verdict, VerdictKind,
};
use crate::text::Lang;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::{ErrandKind, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::tui::{survey_boxes, survey_table, when, wrap};

/// Cells of a meter's protocol and settings, and of its time.
const PROTOCOL_CELLS: usize = 12;
const TIME_CELLS: usize = 12;

/// The survey screen.
#[derive(Debug, Default)]
pub struct Survey {
    thorough: bool,
    progress: Option<Box<SurveyProgress>>,
    running: bool,
    result: Option<Result<Box<SurveyView>, Failure>>,
    top: usize,
}

impl Survey {
    fn plan(&self) -> SurveyPlan {
        SurveyPlan { all: self.thorough, ..SurveyPlan::default() }
    }

    fn before(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let port = shared.port().unwrap_or(lang.menu_no_port());
        let mut rows = facts::say(Meaning::Alarm, &lang.survey_warning(port), width);
        rows.push(Row::blank());
        rows.extend(facts::say(Meaning::Plain, lang.survey_order(), width));
        let minutes = lang.survey_span(self.plan().budget_s());
        rows.extend(facts::say(Meaning::Plain, &lang.survey_budget(&minutes), width));
        let which = if self.thorough { lang.survey_thorough() } else { lang.survey_usual() };
        rows.push(Row::of(Meaning::Strong, which));
        rows
    }

    fn during(shared: &Shared, progress: &SurveyProgress, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let protocol = progress.protocol.map_or("", |protocol| protocol.as_str());
        let what = format!("{protocol} {}", progress.line);
        let step = (progress.steps.0 + 1).min(progress.steps.1.max(1));
        let text = lang.survey_step(step, progress.steps.1.max(1), what.trim());
        let mut rows = facts::say(Meaning::Strong, &text, width);
        let left = lang.survey_span(progress.left_s);
        rows.extend(facts::say(Meaning::Plain, &lang.survey_left(&left), width));
        rows.push(Row::plain(lang.survey_frames(progress.frames)));
        rows.push(Row::of(Meaning::Good, lang.survey_found(progress.found)));
        rows
    }

    fn after(shared: &Shared, view: &SurveyView, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = facts::say(Meaning::Plain, lang.survey_end(&view.end), width);
        if let SurveyEnd::Broken(failure) = &view.end {
            rows.extend(facts::failure(shared, failure, width));
        }
        rows.push(Row::blank());
        rows.push(Row::of(Meaning::Faint, lang.survey_line()));
        let back = view.swapped_back.iter();
        rows.extend(back.flat_map(|alarm| facts::warned(shared, alarm, Meaning::Fault, width)));
        rows.extend(view.verdicts.iter().flat_map(|v| Self::verdict(shared, v, width)));
        rows.push(Row::blank());
        rows.push(Row::of(Meaning::Faint, lang.survey_meters(view.meters.len())));
        rows.extend(view.meters.iter().map(|meter| Self::meter(shared, meter, width)));
        rows.extend(Self::boxes(lang, view, width));
        if !view.not_searched.is_empty() {
            rows.push(Row::blank());
            rows.push(Row::of(Meaning::Faint, lang.survey_not_searched()));
        }
        for gap in &view.not_searched {
            rows.extend(facts::say(Meaning::Plain, lang.survey_gap(gap), width));
            let what = facts::say(Meaning::Faint, &gap.what, width.saturating_sub(1));
            rows.extend(what.into_iter().map(Row::indented));
        }
        rows
    }

    fn verdict(shared: &Shared, verdict: &Verdict, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let (sign, meaning) = match verdict.kind {
            VerdictKind::InOrder => ("OK", Meaning::Good),
            VerdictKind::Echo | VerdictKind::EchoShort | VerdictKind::LineFixed => {
                ("!", Meaning::Alarm)
            }
            VerdictKind::SlowAdapter | VerdictKind::TwoProtocols | VerdictKind::MachineBusy => {
                ("!", Meaning::Alarm)
            }
            _ => ("X", Meaning::Fault),
        };
        let text = format!("{sign} {}", lang.verdict(verdict.kind));
        let mut rows = facts::say(meaning, &text, width);
        let inner = width.saturating_sub(1);
        let evidence = facts::say(Meaning::Faint, &lang.evidence(verdict), inner);
        let next = facts::say(Meaning::Plain, lang.verdict_next(verdict.kind), inner);
        rows.extend(evidence.into_iter().chain(next).map(Row::indented));
        rows
    }

    /// The boxes of many users, and of each what is odd about its users.
    fn boxes(lang: Lang, view: &SurveyView, width: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        if !view.boxes.is_empty() {
            rows.push(Row::blank());
            rows.push(Row::of(Meaning::Faint, lang.survey_boxes(view.boxes.len())));
        }
        for one in &view.boxes {
            rows.extend(facts::say(Meaning::Strong, &survey_boxes::summary(lang, one), width));
            let odd = one.users.iter().map(|user| (user, survey_boxes::note(lang, user)));
            for (user, note) in odd.filter(|(_, note)| !note.is_empty()) {
                let text = format!("! {} {} {note}", user.user, user.address);
                let said = facts::say(Meaning::Alarm, &text, width.saturating_sub(1));
                rows.extend(said.into_iter().map(Row::indented));
            }
        }
        rows
    }

    /// A meter on one line: protocol, address, time; the settings where there is room.
    fn meter(shared: &Shared, meter: &SurveyMeter, width: usize) -> Row {
        let lang = shared.lang;
        let note = lang.meter_note(meter);
        let meaning = if meter.doubled > 1 { Meaning::Fault } else { Meaning::Strong };
        let time = match (note, meter.turnaround_us) {
            ("", Some(us)) => lang.evidence_time(&survey_table::millis(us)),
            (note, _) => note.to_owned(),
        };
        let settings = if width >= 60 { 12 } else { 0 };
        let address = width.saturating_sub(PROTOCOL_CELLS + settings + TIME_CELLS + 2);
        let row = Row::blank().column(Meaning::Faint, meter.protocol.as_str(), PROTOCOL_CELLS);
        if wrap::width(&meter.address) > address {
            // A long address is worth more than a time.
            return row.and(meaning, meter.address.as_str());
        }
        row.column(meaning, &meter.address, address)
            .column(Meaning::Faint, &meter.line, settings)
            .and(Meaning::Plain, format!(" {time}"))
    }

    fn save(&self, shared: &mut Shared) {
        let Some(Ok(view)) = &self.result else { return };
        let at = when::minute(&shared.zone, shared.now.wall);
        let digits: String = at.chars().filter(char::is_ascii_digit).collect();
        let book = survey_table::book(shared.lang, view, format!("survey-{digits}"));
        shared.ask(Request::SaveBook(Box::new(book)));
    }
}

impl Screen for Survey {
    fn place(&self) -> Place {
        if self.running { Place::Surveying } else { Place::Survey }
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        need == Need::Result && matches!(self.result, Some(Ok(_)))
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let list = match (&self.progress, &self.result) {
            (Some(progress), _) if self.running => Self::during(shared, progress, width),
            _ if self.running => vec![Row::of(Meaning::Faint, lang.waiting())],
            (_, Some(Ok(view))) => Self::after(shared, view, width),
            (_, Some(Err(failure))) => facts::told(shared, failure, width),
            (_, None) => self.before(shared, width),
        };
        View { title: lang.title_survey().to_owned(), list, top: self.top, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::SurveyProgress { errand, progress }
                if shared.line.is_some_and(|running| running.id == *errand) =>
            {
                self.progress = Some(progress.clone());
            }
            Update::Surveyed { result, .. } => {
                (self.running, self.progress, self.top) = (false, None, 0);
                self.result = Some(result.clone());
            }
            Update::WorkerDied { .. } if shared.line.is_none() => {
                (self.running, self.progress) = (false, None);
            }
            Update::BookSaved(Ok(path)) => {
                shared.say(Meaning::Good, shared.lang.survey_saved(path));
            }
            Update::BookSaved(Err(failure)) => {
                let text = format!("{} {}", failure.code.as_str(), shared.sentence(failure.code));
                shared.say(Meaning::Fault, text);
            }
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Survey => {
                let errand = shared.begin(ErrandKind::Survey, None);
                (self.running, self.progress, self.result) = (true, None, None);
                self.top = 0;
                shared.ask(Request::Survey { errand, plan: self.plan() });
            }
            Action::Stop => {
                shared.stop_line();
                shared.say(Meaning::Plain, shared.lang.stopping());
            }
            Action::Save => self.save(shared),
            Action::Thorough => {
                self.thorough = !self.thorough;
                self.result = None;
                self.top = 0;
            }
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}

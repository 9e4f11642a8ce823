//! A longer errand as it stands: the plan to be confirmed, progress, what it asks, how it ended.
//!
//! Esc leaves it where it is: everything done is in the journal, and it is carried on from the
//! list.

use super::{facts, moved, movement, picked};
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{Answer, Ask, Row as Line, Sheet, Sign, Values};
use crate::jobs::views::{Failure, Request, Update};
use crate::text::{Lang, errors, work as names};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::{ErrandKind as Errand, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row};
use crate::units::{ErrandKind, WorkId};

/// Characters an answer takes.
const ANSWER_MAX: usize = 200;
/// Cells of a row's name.
const NAME_CELLS: usize = 18;

/// The sheet.
#[derive(Debug)]
pub struct WorkSheet {
    kind: ErrandKind,
    /// What is planned; none for an errand that was begun before.
    values: Option<Values>,
    work: Option<WorkId>,
    password: Option<MeterPassword>,
    sheet: Option<Box<Sheet>>,
    failure: Option<Failure>,
    answer: Field,
    running: bool,
    begun: bool,
    top: usize,
}

impl WorkSheet {
    fn new(kind: ErrandKind) -> Self {
        Self {
            kind,
            values: None,
            work: None,
            password: None,
            sheet: None,
            failure: None,
            answer: Field::new(ANSWER_MAX),
            running: false,
            begun: false,
            top: 0,
        }
    }

    /// A new errand: its plan first.
    pub fn plan(kind: ErrandKind, values: Values, password: Option<MeterPassword>) -> Self {
        Self { values: Some(values), password, ..Self::new(kind) }
    }

    /// One that was begun before.
    pub fn resume(kind: ErrandKind, work: WorkId) -> Self {
        Self { work: Some(work), ..Self::new(kind) }
    }

    fn ask(&self) -> Ask {
        self.sheet.as_ref().map_or(Ask::Nothing, |sheet| sheet.ask)
    }

    fn go(&mut self, shared: &mut Shared, answer: Answer) {
        let errand = shared.begin(Errand::Work, None);
        let password = self.password.clone();
        let request = match (self.work, &self.values) {
            (Some(work), _) => Request::WorkGo { errand, work, answer, password },
            (None, Some(values)) => {
                let (kind, values) = (self.kind, values.clone());
                Request::WorkBegin { errand, kind, values, password }
            }
            (None, None) => return,
        };
        (self.running, self.failure, self.begun) = (true, None, true);
        self.answer.clear();
        shared.ask(request);
    }

    /// Enter: begins, answers, carries on; leaves what has come to its end.
    fn enter(&mut self, shared: &mut Shared) {
        if self.sheet.as_ref().is_some_and(|sheet| sheet.done) {
            return shared.back();
        }
        let answer = match self.ask() {
            Ask::Go(_) => Answer::Yes,
            Ask::Nothing => Answer::None,
            Ask::Digits(_) | Ask::Enter(..) | Ask::Choice(..) if self.answer.is_empty() => {
                return shared.say(Meaning::Alarm, shared.lang.work_answer_missing());
            }
            Ask::Digits(_) | Ask::Enter(..) | Ask::Choice(..) => {
                Answer::Text(self.answer.text().to_owned())
            }
        };
        self.go(shared, answer);
    }

    fn line(lang: Lang, row: &Line, width: usize) -> Vec<Row> {
        let (sign, meaning) = match row.sign {
            Sign::Todo => (". ", Meaning::Faint),
            Sign::Doing => ("> ", Meaning::Strong),
            Sign::Good => ("OK", Meaning::Good),
            Sign::Warn => ("! ", Meaning::Alarm),
            Sign::Bad => ("X ", Meaning::Fault),
            Sign::Unknown => ("? ", Meaning::Alarm),
            Sign::Info => ("  ", Meaning::Plain),
        };
        let name = names::or_name(lang, &row.name);
        let value = names::or_name(lang, &row.value);
        let meter = row.meter.map(|meter| format!("{meter} ")).unwrap_or_default();
        let text = match (meter.is_empty(), value.is_empty()) {
            (true, true) => name.to_owned(),
            (true, false) => format!("{} {value}", crate::tui::wrap::pad(name, NAME_CELLS)),
            (false, _) => format!("{meter}{name} {value}"),
        };
        let inner = width.saturating_sub(3);
        let mut rows: Vec<Row> = Vec::new();
        for (at, piece) in crate::tui::wrap::wrap(text.trim_end(), inner).into_iter().enumerate() {
            let sign = if at == 0 { sign } else { "  " };
            rows.push(Row::of(meaning, format!("{sign} ")).and(meaning, piece));
        }
        if let Some(failure) = &row.failure {
            let told = errors::words(failure.code);
            let code = failure.code.as_str();
            let about = errors::detail(lang, failure.code, &failure.detail);
            let text = format!("{code} {} {about}", told.title(lang));
            let why = facts::say(Meaning::Plain, text.trim_end(), inner);
            let next = facts::say(Meaning::Faint, told.next(lang), inner);
            rows.extend(why.into_iter().chain(next).map(|row| row.indented().indented()));
        }
        rows
    }

    /// What Enter will do, or what has to be typed.
    fn prompt(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        if self.running {
            return vec![Row::of(Meaning::Strong, lang.work_running())];
        }
        let Some(sheet) = &self.sheet else { return Vec::new() };
        match sheet.ask {
            _ if sheet.done => facts::say(Meaning::Faint, lang.work_done_enter(), width),
            Ask::Nothing if self.work.is_none() => {
                facts::say(Meaning::Strong, lang.work_begin_enter(), width)
            }
            Ask::Nothing => facts::say(Meaning::Strong, lang.work_go_enter(), width),
            Ask::Go(name) => {
                let mut rows = facts::say(Meaning::Alarm, names::or_name(lang, name), width);
                rows.extend(facts::say(Meaning::Strong, lang.work_yes_enter(), width));
                rows
            }
            Ask::Digits(meter) => {
                let text = lang.ask_digits_of(&meter.to_string());
                let mut rows = facts::say(Meaning::Alarm, &text, width);
                rows.push(self.answer.row("", width));
                rows
            }
            Ask::Choice(name, choices) => {
                let mut rows = facts::say(Meaning::Alarm, names::or_name(lang, name), width);
                let choices = choices.iter().enumerate();
                rows.extend(choices.map(|(at, choice)| {
                    Row::plain(format!(" {} {}", at + 1, names::or_name(lang, choice)))
                }));
                rows
            }
            Ask::Enter(name, _) => {
                let mut rows = facts::say(Meaning::Alarm, names::or_name(lang, name), width);
                rows.push(self.answer.row("", width));
                rows
            }
        }
    }
}

impl Screen for WorkSheet {
    fn place(&self) -> Place {
        if self.running { Place::WorkRunning } else { Place::WorkSheet }
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        need != Need::Result || self.sheet.is_some()
    }

    fn shown(&mut self, shared: &mut Shared) {
        if self.sheet.is_some() || self.running || self.failure.is_some() {
            return;
        }
        if shared.line.is_some() {
            return shared.say(Meaning::Alarm, shared.lang.need(Need::LineFree));
        }
        match (&self.values, self.work) {
            (Some(values), None) => {
                let (kind, values) = (self.kind, values.clone());
                let errand = shared.begin(Errand::Work, None);
                self.running = true;
                shared.ask(Request::WorkPlan { errand, kind, values });
            }
            _ => self.go(shared, Answer::None),
        }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::WorkProgress { errand, sheet }
                if shared.line.is_some_and(|running| running.id == *errand) =>
            {
                self.sheet = Some(sheet.clone());
            }
            Update::WorkSheet { result, .. } if self.running => {
                self.running = false;
                match result {
                    Ok(sheet) => {
                        self.work = sheet.work.or(self.work);
                        self.sheet = Some(sheet.clone());
                        self.top = 0;
                    }
                    Err(failure) => self.failure = Some(failure.clone()),
                }
            }
            Update::WorkerDied { .. } if shared.line.is_none() => self.running = false,
            _ => {}
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = Vec::new();
        if let Some(failure) = &self.failure {
            list.extend(facts::told(shared, failure, width));
            list.push(Row::blank());
        }
        let prompt = self.prompt(shared, width);
        let asks = !prompt.is_empty();
        list.extend(prompt);
        if asks {
            list.push(Row::blank());
        }
        if let Some(sheet) = &self.sheet {
            list.extend(sheet.rows.iter().flat_map(|row| Self::line(lang, row, width)));
        }
        let title = names::kind(lang, self.kind).to_owned();
        View { title, list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Submit => self.enter(shared),
            Action::Type => match (self.ask(), key) {
                (Ask::Choice(_, choices), key) => {
                    if let Some(choice) = picked(key).and_then(|at| choices.get(at)) {
                        self.go(shared, Answer::Text((*choice).to_owned()));
                    }
                }
                (_, Key::Char(c)) => self.answer.push(c),
                _ => {}
            },
            Action::Erase => self.answer.erase(),
            Action::Clear => self.answer.clear(),
            Action::Stop => {
                shared.stop_line();
                shared.say(Meaning::Plain, shared.lang.stopping());
            }
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        self.answer.push_all(text.trim());
    }
}

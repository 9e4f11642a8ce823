//! A longer errand as it stands: the plan to be confirmed, progress, what it asks, how it ended.
//!
//! Opened from the list it shows what the journal says, and nothing is sent before Enter. Esc
//! leaves it where it is: everything done is in the journal, and it is carried on from the list.

use secrecy::ExposeSecret;

use super::works::titled;
use super::{Certificate, Wiring, WorkForm, facts, moved, movement, picked, work_rows};
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{Answer, Ask, Sheet, Sign, Values};
use crate::jobs::views::{Failure, Request, Update};
use crate::text::{errors, work as names};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::{ErrandKind as Errand, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row, SecretField};
use crate::tui::wrap;
use crate::units::{ErrandKind, MeterNo, WorkId};

/// Characters an answer takes.
const ANSWER_MAX: usize = 200;
/// Digits of a meter's password.
const PASSWORD_MAX: usize = 6;
/// Rows of the sheet that are seen below a question, however long it is.
const ROWS_LEFT: usize = 4;

/// The sheet.
#[derive(Debug)]
pub struct WorkSheet {
    kind: ErrandKind,
    /// What is planned; none for an errand that was begun before.
    values: Option<Values>,
    /// Where back leads to until it is begun.
    form: Option<Box<WorkForm>>,
    work: Option<WorkId>,
    password: Option<MeterPassword>,
    /// The password while it is typed.
    typing: Option<SecretField>,
    sheet: Option<Box<Sheet>>,
    failure: Option<Failure>,
    answer: Field,
    /// The choice taken last, by its place.
    choice: Option<usize>,
    running: bool,
    /// The plan is being made: nothing can change.
    planning: bool,
    top: usize,
    /// The person has scrolled: the rows do not move by themselves any more.
    scrolled: bool,
}

impl WorkSheet {
    fn new(kind: ErrandKind) -> Self {
        Self {
            kind,
            values: None,
            form: None,
            work: None,
            password: None,
            typing: None,
            sheet: None,
            failure: None,
            answer: Field::new(ANSWER_MAX),
            choice: None,
            running: false,
            planning: false,
            top: 0,
            scrolled: false,
        }
    }

    /// A new errand: its plan first.
    pub fn plan(
        kind: ErrandKind,
        values: Values,
        password: Option<MeterPassword>,
        form: WorkForm,
    ) -> Self {
        let form = Some(Box::new(form));
        Self { values: Some(values), password, form, ..Self::new(kind) }
    }

    /// One that was begun before.
    pub fn resume(kind: ErrandKind, work: WorkId) -> Self {
        Self { work: Some(work), ..Self::new(kind) }
    }

    fn ask(&self) -> Ask {
        self.sheet.as_ref().map_or(Ask::Nothing, |sheet| sheet.ask)
    }

    /// The meter whose digits are asked for: they are to be read off the meter.
    fn asked(&self) -> Option<MeterNo> {
        match self.ask() {
            Ask::Digits(meter) if !self.running => Some(meter),
            _ => None,
        }
    }

    fn done(&self) -> bool {
        self.sheet.as_ref().is_some_and(|sheet| sheet.done)
    }

    /// Asks for the plan; nothing can be begun before there is one.
    fn make_plan(&mut self, shared: &mut Shared) {
        let Some(values) = self.values.clone() else { return };
        if shared.line.is_some() {
            return shared.say(Meaning::Alarm, shared.lang.need(Need::LineFree));
        }
        let errand = shared.begin(Errand::Work, None);
        (self.running, self.planning, self.failure) = (true, true, None);
        shared.ask(Request::WorkPlan { errand, kind: self.kind, values });
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
        (self.running, self.failure, self.scrolled) = (true, None, false);
        self.forget_answer();
        shared.ask(request);
    }

    /// To the form while nothing was begun, else to where the errand was opened.
    fn back(&mut self, shared: &mut Shared, fault: Option<Failure>) {
        match self.form.take() {
            Some(mut form) => {
                fault.into_iter().for_each(|fault| form.fault(fault));
                shared.go_instead(*form);
            }
            None => shared.back(),
        }
    }

    fn forget_answer(&mut self) {
        self.answer.clear();
        self.choice = None;
    }

    /// Enter: plans, begins, answers, carries on.
    fn enter(&mut self, shared: &mut Shared) {
        if let Some(typed) = self.typing.take() {
            return self.take_password(shared, typed);
        }
        if self.sheet.is_none() {
            return match self.work {
                Some(work) => shared.ask(Request::WorkShow(work)),
                None => self.make_plan(shared),
            };
        }
        let missing = shared.lang.work_answer_missing();
        let answer = match self.ask() {
            Ask::Go(_) => Answer::Yes,
            Ask::Nothing => Answer::None,
            Ask::Choice(_, choices) => match self.choice.and_then(|at| choices.get(at)) {
                Some(choice) => Answer::Text((*choice).to_owned()),
                None => return shared.say(Meaning::Alarm, missing),
            },
            Ask::Digits(_) | Ask::Enter(..) if self.answer.is_empty() => {
                return shared.say(Meaning::Alarm, missing);
            }
            Ask::Digits(_) | Ask::Enter(..) => Answer::Text(self.answer.text().to_owned()),
        };
        self.go(shared, answer);
    }

    fn take_password(&mut self, shared: &mut Shared, mut typed: SecretField) {
        match MeterPassword::parse(typed.take().expose_secret()) {
            Ok(password) => {
                self.password = Some(password);
                shared.say(Meaning::Good, shared.lang.work_password_set());
            }
            Err(failure) => {
                shared.say(Meaning::Alarm, errors::words(failure.code).next(shared.lang));
            }
        }
    }

    /// Scrolls to the row that the errand is about now: what is under way, what did not work, what
    /// comes next; where a person is asked and none of these is, to the last. As long as it is seen
    /// from the beginning, that is where the rows stand.
    fn follow(&mut self, shared: &Shared) {
        let Some(sheet) = self.sheet.as_ref().filter(|_| !self.scrolled) else { return };
        let (lang, width) = (shared.lang, shared.size.page_width());
        let lines: Vec<usize> = sheet
            .rows
            .iter()
            .map(|row| work_rows::row(lang, row, self.asked(), width).len())
            .collect();
        let at = |wanted: &[Sign]| sheet.rows.iter().position(|row| wanted.contains(&row.sign));
        let now = at(&[Sign::Doing, Sign::Bad, Sign::Unknown]).or_else(|| at(&[Sign::Todo]));
        // The rows of a round are in the order of their weight, those of the others in time.
        let asks = sheet.ask != Ask::Nothing && sheet.kind != ErrandKind::Round;
        let now = now.or_else(|| sheet.rows.len().checked_sub(1).filter(|_| asks));
        let view = self.view(shared);
        let before = view.list.len().saturating_sub(lines.iter().sum());
        self.top = now.map_or(0, |now| {
            let begin = before + lines.iter().take(now).sum::<usize>();
            let end = begin + lines.get(now).copied().unwrap_or(0);
            let visible = usize::from(shared.size.body_rows()).saturating_sub(view.head.len());
            if end <= visible { 0 } else { begin.min(view.max_top(shared.size)) }
        });
    }

    /// A new sheet; a figure it suggests is filled in.
    fn take(&mut self, shared: &Shared, sheet: &Sheet) {
        self.work = sheet.work.or(self.work);
        self.form.take_if(|_| self.work.is_some());
        self.scrolled = false;
        self.forget_answer();
        if let Ask::Enter(..) = sheet.ask {
            let suggested = sheet.rows.iter().find(|row| row.name == "suggested");
            let figure = suggested.and_then(|row| row.value.split(' ').next());
            figure.into_iter().for_each(|figure| self.answer.push_all(figure));
        }
        self.sheet = Some(Box::new(sheet.clone()));
        self.follow(shared);
    }

    /// The step that is under way, by its stable name, where the errand is about one meter.
    fn step_now(&self) -> Option<&str> {
        let sheet = self.sheet.as_ref().filter(|sheet| work_rows::bar(sheet).is_none())?;
        let row = sheet.rows.iter().find(|row| row.sign == Sign::Doing)?;
        Some(row.name.as_str())
    }

    fn waiting(&self, shared: &Shared) -> Vec<Row> {
        let lang = shared.lang;
        let since = shared.line.map(|errand| errand.since);
        let seconds = since.map_or(0, |since| shared.now.up.saturating_sub(since).as_secs());
        let mut rows = vec![Row::of(Meaning::Strong, lang.work_seconds(seconds))];
        if self.planning {
            rows.push(Row::of(Meaning::Faint, lang.work_reading()));
        } else if let Some(step) = self.step_now() {
            // Some take minutes: which one it is must be seen without scrolling.
            rows.push(Row::of(Meaning::Faint, names::placed(lang, step)));
        }
        rows.extend(self.sheet.as_ref().and_then(|sheet| work_rows::bar(sheet)));
        rows
    }

    /// What Enter will do, or what has to be typed.
    fn prompt(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let strong = |text: &str| facts::say(Meaning::Strong, text, width);
        if self.running {
            return self.waiting(shared);
        }
        if let Some(typed) = &self.typing {
            let mut rows = strong(lang.work_password_enter());
            let stars = format!("{} {}_", lang.work_password(), "*".repeat(typed.len()));
            rows.push(Row::plain(stars));
            return rows;
        }
        let Some(sheet) = &self.sheet else {
            return match (&self.failure, shared.line) {
                (Some(_), _) => strong(lang.work_again_enter()),
                (None, Some(_)) => strong(lang.work_line_busy()),
                (None, None) => vec![Row::of(Meaning::Faint, lang.waiting())],
            };
        };
        let asked = |name: &str| facts::say(Meaning::Alarm, names::or_name(lang, name), width);
        match sheet.ask {
            _ if sheet.done => facts::say(Meaning::Faint, lang.work_done_enter(), width),
            Ask::Nothing if self.work.is_none() => strong(lang.work_begin_enter()),
            Ask::Nothing => strong(lang.work_go_enter()),
            Ask::Go(name) => [asked(name), strong(lang.work_yes_enter())].concat(),
            Ask::Digits(meter) => {
                let text = lang.ask_digits_of(&work_rows::masked(meter));
                let mut rows = facts::say(Meaning::Alarm, &text, width);
                rows.push(self.answer.row(" >", width));
                rows.extend(facts::say(Meaning::Faint, lang.work_type_enter(), width));
                rows
            }
            Ask::Choice(name, choices) => {
                let mut rows = asked(name);
                for (at, choice) in choices.iter().enumerate() {
                    let here = self.choice == Some(at);
                    let (sign, meaning) =
                        if here { (">", Meaning::Strong) } else { (" ", Meaning::Plain) };
                    let words = wrap::wrap(names::or_name(lang, choice), width.saturating_sub(3));
                    rows.extend(words.into_iter().enumerate().map(|(line, text)| match line {
                        0 => Row::of(meaning, format!("{sign}{} {text}", at + 1)),
                        _ => Row::of(meaning, format!("   {text}")),
                    }));
                }
                rows.extend(facts::say(Meaning::Faint, lang.work_pick_enter(), width));
                rows
            }
            Ask::Enter(name, _) => {
                let mut rows = asked(name);
                rows.push(self.answer.row(" >", width));
                rows.extend(facts::say(Meaning::Faint, lang.work_type_enter(), width));
                rows
            }
        }
    }
}

impl Screen for WorkSheet {
    fn place(&self) -> Place {
        match (self.running, self.done()) {
            (true, _) => Place::WorkRunning,
            (false, true) => Place::WorkDone,
            (false, false) => Place::WorkSheet,
        }
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        let has = |what: fn(&Sheet) -> bool| self.sheet.as_ref().is_some_and(|sheet| what(sheet));
        match need {
            Need::Drawing => has(|sheet| sheet.vectors.is_some()),
            Need::Certificate => has(|sheet| !sheet.certificate.is_empty()),
            _ => true,
        }
    }

    fn shown(&mut self, shared: &mut Shared) {
        if self.sheet.is_some() || self.running || self.failure.is_some() {
            return;
        }
        match self.work {
            Some(work) => shared.ask(Request::WorkShow(work)),
            None => self.make_plan(shared),
        }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::WorkProgress { errand, sheet }
                if shared.line.is_some_and(|running| running.id == *errand) =>
            {
                self.sheet = Some(sheet.clone());
                self.follow(shared);
            }
            Update::WorkShown { work, result } if self.work == Some(*work) && !self.running => {
                match result {
                    Ok(sheet) => self.take(shared, sheet),
                    Err(failure) => self.failure = Some(failure.clone()),
                }
            }
            Update::WorkSheet { result, .. } if self.running => {
                self.running = false;
                // What is said of stopping is over.
                shared.message = None;
                let planned = std::mem::take(&mut self.planning);
                match result {
                    Ok(sheet) => self.take(shared, sheet),
                    // What is wrong with the form is told on the form, at its field.
                    Err(failure) if planned && WorkForm::tells(failure) => {
                        self.back(shared, Some(failure.clone()));
                    }
                    Err(failure) => self.failure = Some(failure.clone()),
                }
            }
            Update::WorkerDied { .. } if shared.line.is_none() => {
                (self.running, self.planning) = (false, false);
            }
            _ => {}
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut head = self.prompt(shared, width);
        let mut list = Vec::new();
        if let Some(failure) = &self.failure {
            list.extend(facts::told(shared, failure, width));
            list.push(Row::blank());
        }
        if let Some(sheet) = &self.sheet {
            list.extend(
                sheet.rows.iter().flat_map(|row| work_rows::row(lang, row, self.asked(), width)),
            );
        }
        if !list.is_empty() {
            let rule = shared.rule().level.repeat(width);
            head.push(Row::of(Meaning::Faint, rule));
        }
        // A question that leaves no room for what it is about scrolls with it.
        if head.len() + ROWS_LEFT > usize::from(shared.size.body_rows()) {
            list = [std::mem::take(&mut head), list].concat();
        }
        View { title: titled(lang, self.kind), head, list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, &mut self.typing) {
            (Action::GoOn, _) => self.enter(shared),
            (Action::Done, _) => {
                self.form = None;
                shared.back();
            }
            (Action::Certificate, _) => {
                let page = self.sheet.as_ref().and_then(|sheet| Certificate::of(sheet));
                page.into_iter().for_each(|page| shared.go(page));
            }
            (Action::Back, Some(_)) => self.typing = None,
            (Action::Type, Some(typed)) => {
                if let Key::Char(c) = key {
                    typed.push(c);
                }
            }
            (Action::Erase, Some(typed)) => typed.erase(),
            (Action::Clear, Some(typed)) => typed.clear(),
            (Action::Password, _) => self.typing = Some(SecretField::new(PASSWORD_MAX)),
            (Action::Draw, _) => {
                if let Some(page) = self.sheet.as_ref().and_then(|sheet| Wiring::of(sheet)) {
                    shared.go(page);
                }
            }
            (Action::Type, None) => match (self.ask(), key) {
                (Ask::Choice(_, choices), key) => {
                    self.choice = picked(key).filter(|at| *at < choices.len()).or(self.choice);
                }
                (Ask::Digits(_) | Ask::Enter(..), Key::Char(c)) => self.answer.push(c),
                _ => {}
            },
            (Action::Erase, None) => self.answer.erase(),
            (Action::Clear, None) => self.forget_answer(),
            (Action::Stop, _) => {
                shared.stop_line();
                shared.say(Meaning::Plain, shared.lang.stopping());
            }
            (Action::Back, None) => self.back(shared, None),
            (action, _) => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
                self.scrolled = true;
            }
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        if matches!(self.ask(), Ask::Digits(_) | Ask::Enter(..)) {
            self.answer.push_all(text.trim());
        }
    }
}

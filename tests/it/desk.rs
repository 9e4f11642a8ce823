//! The desk over a real office: every page, every act, from the keys to the ledger.
//!
//! The worker's answers are those of an office in memory with a clock that stands still. Only the
//! identities of tokens are random; snapshots show them as `x`.

mod drafts;
mod keys;
mod pty;
mod scenes;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use crate::office::desk::{self as site, Desk, METER, device, meter, operator};
use crate::support::draw::screen_text;
use meterkit::desk::app::{self, App};
use meterkit::desk::page::{Cell, Part};
use meterkit::desk::query::Query;
use meterkit::desk::worker::{self, Request, Update};
use meterkit::desk::{DeskOptions, keymap::Place};
use meterkit::office::{NewMeter, NewOperator, Offer};
use meterkit::text::Lang;
use meterkit::tui::effect::Effect;
use meterkit::tui::event::{Event, Key};
use meterkit::tui::layout::Size;
use meterkit::tui::run::How;
use meterkit::tui::shared::Moment;
use meterkit::tui::theme::Palette;
use meterkit::units::{Decision, ErrandKind, Role, StepState, UnixSeconds, WorkId};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The time at the desk: the handhelds were last heard of some hours before.
pub const AT: i64 = site::NOW + 7_200;

/// A site with something of everything: five meters, two handhelds with tokens, a third that is
/// not enrolled yet, a dispute, operators.
pub struct Site {
    pub desk: Desk,
}

impl Site {
    pub fn new() -> Self {
        let desk = Desk::new();
        let people = [
            ("48", "李娜 Li Na", "A1 0302"),
            ("49", "Wang Wei", "A1 0401"),
            ("50", "张伟", "B2 1204"),
            ("51", "Chen Mei", "B2 1301"),
        ];
        let meters = people.map(|(no, customer, place)| {
            let mut new = NewMeter::new(meter(no), site::account(), customer, place);
            new.count = meterkit::units::PurchaseCount(site::COUNT);
            new.line.area = "east".to_owned();
            new
        });
        desk.local.wait(desk.office().add_meters(&meters)).unwrap();
        for (id, name, role) in
            [("1001", "Zhao Min", Role::Supervisor), ("1002", "孙丽", Role::Recharge)]
        {
            let new = NewOperator::new(operator(id), name, role);
            desk.local.wait(desk.office().add_operator(&new)).unwrap();
        }
        let hands = ["hh-1", "hh-2"].map(|name| desk.handheld(name));
        desk.local.wait(desk.office().offer(&Offer::new(&device("hh-3"), "http://x"))).unwrap();
        for name in ["hh-1", "hh-2"] {
            desk.grant("1001", name);
        }
        // hh-1: one recharge in its meter, one torn; hh-2 carries three.
        let done = desk.issue_to("hh-1", METER, 5_000);
        let torn = desk.issue_to("hh-1", "48", 10_000);
        for (no, amount) in [("49", 20_000), ("50", 3_050), ("51", 12_000)] {
            desk.issue_to("hh-2", no, amount);
        }
        for hand in &hands {
            hand.sync(&desk.post()).unwrap();
        }
        hands[0].recharge(done.id, Decision::Confirmed);
        hands[0].recharge(torn.id, Decision::TornWrite);
        hands[0].sync(&desk.post()).unwrap();
        desk.clock.store(AT, std::sync::atomic::Ordering::Relaxed);
        Self { desk }
    }

    /// And an account that was closed in the field.
    pub fn closed_in_the_field(self) -> Self {
        let handheld = self.desk.handheld("hh-4");
        let notes = [
            ("to-refund", "50.00 CNY"),
            ("account", site::ACCOUNT),
            ("energy", "1234.56 kWh"),
            ("count", "6"),
        ];
        handheld.append(meterkit::store::Event::Step(meterkit::store::Step {
            errand: WorkId([9; 16]),
            kind: ErrandKind::Account,
            meter: Some(meter(METER)),
            name: "closing-reading".to_owned(),
            state: StepState::Done,
            notes: notes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }));
        handheld.sync(&self.desk.post()).unwrap();
        self
    }

    /// And a handheld nobody has heard of for a day.
    pub fn silent(self) -> Self {
        let clock = |at| self.desk.clock.store(at, std::sync::atomic::Ordering::Relaxed);
        clock(AT - 25 * 3_600);
        self.desk.handheld("hh-9").sync(&self.desk.post()).unwrap();
        clock(AT);
        self
    }
}

/// The desk with a hand on its keys and the office behind it.
pub struct Hand<'a> {
    pub app: App,
    pub desk: &'a Desk,
    asks: VecDeque<Request>,
    /// What was asked so far, oldest first.
    pub asked: Vec<Request>,
    pub quits: bool,
    /// Identities that were shown.
    pub ids: Vec<String>,
}

impl<'a> Hand<'a> {
    /// The desk before the office has told anything.
    pub fn waiting(desk: &'a Desk, lang: Lang, palette: Palette, width: u16, height: u16) -> Self {
        let options = DeskOptions {
            lang,
            palette,
            ascii: lang == Lang::Zh,
            zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(8)),
            place: String::new(),
            how: How { term: "xterm".to_owned(), max_fps: 10 },
        };
        let (app, effects) = App::new(options, Size { width, height }, Self::now());
        let mut hand = Self {
            app,
            desk,
            asks: VecDeque::new(),
            asked: Vec::new(),
            quits: false,
            ids: Vec::new(),
        };
        hand.take(effects);
        hand
    }

    /// The desk once it is answered.
    pub fn new(desk: &'a Desk, lang: Lang, palette: Palette, width: u16, height: u16) -> Self {
        let mut hand = Self::waiting(desk, lang, palette, width, height);
        let names = desk.local.wait(worker::names(desk.office())).unwrap();
        hand.event(Event::Update(names));
        hand.answer();
        hand
    }

    /// A small English desk in black and white.
    pub fn small(desk: &'a Desk) -> Self {
        Self::new(desk, Lang::En, Palette::Mono, 40, 20)
    }

    fn now() -> Moment {
        Moment { wall: UnixSeconds(AT), up: Duration::ZERO }
    }

    fn take(&mut self, effects: Vec<Effect<Request>>) {
        for effect in effects {
            match effect {
                Effect::Ask(request) => {
                    self.asked.push(request.clone());
                    self.asks.push_back(request);
                }
                Effect::Quit => self.quits = true,
                Effect::Repaint => {}
            }
        }
    }

    pub fn event(&mut self, event: Event<Request, Update>) {
        let effects = self.app.update(event, Self::now());
        self.take(effects);
    }

    /// Lets the office answer everything that was asked.
    pub fn answer(&mut self) {
        while let Some(request) = self.asks.pop_front() {
            let update = self.desk.local.wait(worker::answer(self.desk.office(), &request));
            self.note(&update);
            self.event(Event::Update(update));
        }
    }

    /// Presses a key without an answer.
    pub fn key(&mut self, key: Key) {
        self.event(Event::Key(key));
    }

    pub fn press(&mut self, key: Key) {
        self.key(key);
        self.answer();
    }

    pub fn presses(&mut self, keys: &[Key]) {
        keys.iter().for_each(|key| self.press(*key));
    }

    /// Types digits or letters.
    pub fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(Key::Char(c)));
    }

    pub fn place(&self) -> Place {
        self.app.place()
    }

    pub fn buffer(&self) -> Buffer {
        let Size { width, height } = self.app.shared().size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        app::draw(&self.app, &mut buffer);
        buffer
    }

    pub fn text(&self) -> String {
        screen_text(&self.buffer())
    }

    /// Whether a text stands on the screen, however it is wrapped.
    pub fn says(&self, text: &str) -> bool {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        flat(&self.text()).contains(&flat(text))
    }

    /// Remembers the identities of a page: they are drawn at random.
    fn note(&mut self, update: &Update) {
        let (Update::Seen(_, Ok(page)) | Update::Checked(_, Ok(page)) | Update::Done(_, Ok(page))) =
            update
        else {
            return;
        };
        if let Update::Seen(Query::Round(id), _) = update {
            self.ids.push(id.to_string());
        }
        let mut cells = Vec::new();
        for part in &page.parts {
            match part {
                Part::Facts(facts) => cells.extend(facts.iter().map(|fact| &fact.cell)),
                Part::Table(table) => {
                    for line in &table.lines {
                        cells.extend(&line.cells);
                        cells.extend(line.facts.iter().map(|fact| &fact.cell));
                    }
                }
                _ => {}
            }
        }
        for cell in cells {
            let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
            if let Cell::Text(text) = cell
                && (text.len() == 36 && text.matches('-').count() == 4
                    || text.len() == 16 && hex(text))
            {
                self.ids.push(text.clone());
            }
        }
    }
}

/// A screen's text with every piece of the identities, however they are wrapped, as `x`.
pub fn steady(ids: &[String], text: String) -> String {
    let hidden = |piece: &str| piece.replace(|c: char| c.is_ascii_alphanumeric(), "x");
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    // A few letters that were carried over to the next row are known by what stands before them.
    for at in 1..rows.len() {
        for (id, cut) in ids.iter().flat_map(|id| (1..5).map(move |cut| (id, id.len() - cut))) {
            let (before, rest) = id.split_at(cut);
            let bar = rows[at].rmatch_indices(['\u{2502}', '|']).next();
            let begin = bar.map_or(0, |(at, bar)| at + bar.len());
            let begin = begin + rows[at][begin..].len() - rows[at][begin..].trim_start().len();
            if rows[at - 1].ends_with(&before[before.len() - 5..])
                && rows[at][begin..].starts_with(rest)
            {
                rows[at].replace_range(begin..begin + rest.len(), &hidden(rest));
            }
        }
    }
    let mut text: String = rows.iter().flat_map(|row| [row, "\n"]).collect();
    // The longest pieces of all first: identities of one moment begin alike.
    let longest = ids.iter().map(String::len).max().unwrap_or(0);
    for length in (5..=longest).rev() {
        for id in ids.iter().filter(|id| id.len() >= length) {
            for piece in [&id[..length], &id[id.len() - length..]] {
                text = text.replace(piece, &hidden(piece));
            }
        }
    }
    text
}

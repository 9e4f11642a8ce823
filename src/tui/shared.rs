//! What all screens know: settings, the engine's last words, the running errands, the message.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::app::Screen;
use super::effect::Effect;
use super::keymap::{Binding, Need};
use super::layout::Size;
use super::theme::{Meaning, Palette};
use crate::jobs::views::{
    ErrandId, Failure, HomeView, LockedView, PortView, QuickRead, Request, SessionView, Stage,
    Standing, SyncView, TrustView, Update, WireView,
};
use crate::report::Code;
use crate::text::Lang;
use crate::text::errors;
use crate::units::{MeterNo, UnixSeconds, Verb};

/// Traffic kept for the frames screen: about ten minutes of a busy 2400 baud line.
const WIRE_MAX: usize = 400;

/// Effects one event may cause; more means a loop in a screen.
const EFFECTS_MAX: usize = 64;

/// A moment by two clocks: the wall's, to print, and the running one, for durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Handheld time.
    pub wall: UnixSeconds,
    /// Time since the program started; never set back.
    pub up: Duration,
}

/// What an errand is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrandKind {
    /// Quick read.
    Read,
    /// First half of a recharge: reading only.
    Preflight,
    /// Second half: money.
    Commit,
    /// "What happened?"
    Resolve,
    /// Exchange with the office.
    Sync,
    /// Survey of the line.
    Survey,
    /// A longer errand.
    Work,
}

/// A running errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errand {
    /// Its name towards the engine.
    pub id: ErrandId,
    /// What it is for.
    pub kind: ErrandKind,
    /// The meter it works on.
    pub meter: Option<MeterNo>,
    /// Where it stands.
    pub stage: Option<Stage>,
    /// Steps done.
    pub done: u32,
    /// Steps in all, 0 if not known.
    pub of: u32,
    /// When it began.
    pub since: Duration,
    /// Whether stopping was asked for.
    pub stopping: bool,
}

impl Errand {
    /// Whether money may be on its way: stopping then stops only the waiting.
    pub fn sent(&self) -> bool {
        let stage = matches!(self.stage, Some(Stage::Sending | Stage::ReadingBack));
        self.kind == ErrandKind::Commit && stage
    }
}

/// The message line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What is said.
    pub text: String,
    /// How it is meant.
    pub meaning: Meaning,
}

/// Traffic of the line, newest last.
#[derive(Debug, Default)]
pub struct Wire {
    seen: VecDeque<WireView>,
    held: Option<Vec<WireView>>,
}

impl Wire {
    /// Takes a piece of traffic; the oldest leaves when it is full.
    pub fn push(&mut self, piece: WireView) {
        if self.seen.len() == WIRE_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(piece);
    }

    /// What is to be shown: the present, or the picture held.
    pub fn shown(&self) -> Vec<&WireView> {
        match &self.held {
            Some(held) => held.iter().collect(),
            None => self.seen.iter().collect(),
        }
    }

    /// Whether the picture is held.
    pub fn paused(&self) -> bool {
        self.held.is_some()
    }

    /// Holds the picture or goes on.
    pub fn pause(&mut self) {
        self.held = match self.held {
            None => Some(self.seen.iter().cloned().collect()),
            Some(_) => None,
        };
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Characters that lines are drawn with.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// A level line.
    pub level: &'static str,
    /// An upright line.
    pub upright: &'static str,
}

impl Rule {
    /// Those of any terminal, or of ASCII alone.
    pub fn of(ascii: bool) -> Self {
        match ascii {
            true => Self { level: "-", upright: "|" },
            false => Self { level: "\u{2500}", upright: "\u{2502}" },
        }
    }
}

/// Where to go.
pub enum Go {
    /// Onto another screen.
    To(Box<dyn Screen>),
    /// To another screen in place of this one.
    Instead(Box<dyn Screen>),
    /// One screen back.
    Back,
}

/// What all screens know and may change.
pub struct Shared {
    /// The language.
    pub lang: Lang,
    /// The colours.
    pub palette: Palette,
    /// Lines from ASCII characters only.
    pub ascii: bool,
    /// Whether this is the demo.
    pub demo: bool,
    /// Who worked with it last, to be typed over at the log-in.
    pub operator: String,
    /// Where token files are expected.
    pub import_from: String,
    /// The zone times are printed in.
    pub zone: TimeZone,
    /// The moment of the last event.
    pub now: Moment,
    /// The terminal's size.
    pub size: Size,
    /// Who is logged in.
    pub session: Option<Box<SessionView>>,
    /// What the log-in screen was told last.
    pub locked: Option<LockedView>,
    /// Whether the engine has still to say that the store is locked.
    pub locking: bool,
    /// Until when the engine looks at no other PIN, by the running clock.
    pub wait_until: Duration,
    /// The figures of the home screen.
    pub home: Option<HomeView>,
    /// The adapters.
    pub ports: Option<Vec<PortView>>,
    /// The chosen port, as the list of adapters told it.
    pub chosen: Option<String>,
    /// The errand on the line.
    pub line: Option<Errand>,
    /// The exchange with the office.
    pub sync: Option<Errand>,
    /// The last quick read.
    pub read: Option<Box<QuickRead>>,
    /// The sticks and folders there are.
    pub media: Vec<PathBuf>,
    /// How the last exchange with the office went.
    pub synced: Option<Result<SyncView, Failure>>,
    /// Traffic.
    pub wire: Wire,
    /// The message line.
    pub message: Option<Message>,
    next_errand: u64,
    pub(super) effects: Vec<Effect>,
    pub(super) moves: Vec<Go>,
}

impl Shared {
    /// The state before anything was told.
    pub fn new(options: super::TuiOptions, size: Size, now: Moment) -> Self {
        Self {
            lang: options.lang,
            palette: options.palette,
            ascii: options.ascii,
            demo: options.demo,
            operator: options.operator,
            import_from: options.import_from,
            zone: options.zone,
            now,
            size,
            session: None,
            locked: None,
            locking: false,
            wait_until: Duration::ZERO,
            home: None,
            ports: None,
            media: Vec::new(),
            chosen: None,
            line: None,
            sync: None,
            read: None,
            synced: None,
            wire: Wire::default(),
            message: None,
            next_errand: 1,
            effects: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Forgets whatever came out of the store, and every errand and move that goes with it: nobody
    /// is logged in any more.
    pub(super) fn forget(&mut self) {
        self.session = None;
        self.locked = None;
        self.locking = false;
        self.wait_until = Duration::ZERO;
        self.home = None;
        self.ports = None;
        self.chosen = None;
        self.line = None;
        self.sync = None;
        self.read = None;
        self.synced = None;
        self.wire.clear();
        self.message = None;
        self.moves.clear();
    }

    /// Asks the engine.
    pub fn ask(&mut self, request: Request) {
        debug_assert!(self.effects.len() < EFFECTS_MAX);
        self.effects.push(Effect::Ask(request));
    }

    /// Goes to another screen.
    pub fn go(&mut self, to: impl Screen + 'static) {
        self.moves.push(Go::To(Box::new(to)));
    }

    /// Goes to another screen in place of this one.
    pub fn go_instead(&mut self, to: impl Screen + 'static) {
        self.moves.push(Go::Instead(Box::new(to)));
    }

    /// Goes one screen back.
    pub fn back(&mut self) {
        self.moves.push(Go::Back);
    }

    /// Ends the program.
    pub fn quit(&mut self) {
        self.effects.push(Effect::Quit);
    }

    /// Draws every cell anew.
    pub fn repaint(&mut self) {
        self.effects.push(Effect::Repaint);
    }

    /// Says something on the message line.
    pub fn say(&mut self, meaning: Meaning, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), meaning });
    }

    /// Names a new errand and notes it as running.
    pub fn begin(&mut self, kind: ErrandKind, meter: Option<MeterNo>) -> ErrandId {
        let id = ErrandId(self.next_errand);
        self.next_errand += 1;
        self.resume(id, kind, meter);
        id
    }

    /// Notes an errand as running again under the name it has: the second half of a recharge.
    pub fn resume(&mut self, id: ErrandId, kind: ErrandKind, meter: Option<MeterNo>) {
        let errand = Errand {
            id,
            kind,
            meter,
            stage: None,
            done: 0,
            of: 0,
            since: self.now.up,
            stopping: false,
        };
        match kind {
            ErrandKind::Sync => self.sync = Some(errand),
            _ => self.line = Some(errand),
        }
    }

    /// Asks the errand on the line to stop.
    pub fn stop_line(&mut self) {
        if let Some(errand) = &mut self.line {
            errand.stopping = true;
            let id = errand.id;
            self.ask(Request::Cancel(id));
        }
    }

    /// Notes that an errand ended. `false` if it is none of the running ones: an old answer.
    pub(super) fn end(&mut self, id: ErrandId) -> bool {
        let known = self.errand(id).is_some();
        self.line.take_if(|errand| errand.id == id);
        self.sync.take_if(|errand| errand.id == id);
        known
    }

    /// A running errand by name.
    pub(super) fn errand(&mut self, id: ErrandId) -> Option<&mut Errand> {
        [&mut self.line, &mut self.sync].into_iter().flatten().find(|errand| errand.id == id)
    }

    /// Takes what concerns all screens out of an update.
    pub(super) fn learn(&mut self, update: &Update) {
        match update {
            Update::Home(home) => {
                self.demo |= home.demo;
                self.home = Some(home.clone());
            }
            Update::Ports { rows, chosen } => {
                self.ports = Some(rows.clone());
                self.chosen.clone_from(chosen);
            }
            Update::Progress { errand, stage, done, of } => {
                if let Some(running) = self.errand(*errand) {
                    (running.stage, running.done, running.of) = (Some(*stage), *done, *of);
                }
            }
            Update::Read { result: Ok(read), .. } => self.read = Some(read.clone()),
            Update::Media(media) => self.media.clone_from(media),
            Update::Synced { result, .. } => self.synced = Some(result.clone()),
            Update::Wire(piece) => self.wire.push(piece.clone()),
            Update::Locked(locked) => {
                self.wait_until = self.now.up + Duration::from_secs(u64::from(locked.wait_s));
                self.locked = Some(locked.clone());
                self.locking = false;
            }
            Update::LoggedIn(session) => self.session = Some(session.clone()),
            _ => {}
        }
    }

    /// Whether a need that concerns no single screen is met; `None` if the screen must say.
    pub fn met(&self, need: Need) -> Option<bool> {
        match need {
            // Before the engine has told, the key works and the engine answers. Without a port
            // the screen must say whether its meter has a line of its own.
            Need::Port if self.home.is_none() || self.port().is_some() => Some(true),
            Need::Port => None,
            Need::LineFree => Some(self.line.is_none()),
            Need::Money => Some(!self.money_stopped()),
            Need::SyncFree => Some(self.sync.is_none()),
            Need::Demo => Some(self.demo),
            Need::Supervisor => {
                let verbs = self.session.as_ref().map(|session| session.verbs);
                Some(verbs.is_some_and(|verbs| verbs.has(Verb::Supervise)))
            }
            _ => None,
        }
    }

    /// Whether a key is not shown at all: what it needs is nothing the operator could bring about.
    pub fn hides(&self, binding: &Binding) -> bool {
        binding.needs.iter().any(|need| need.hides() && self.met(*need) == Some(false))
    }

    /// The port in use.
    pub fn port(&self) -> Option<&str> {
        self.chosen.as_deref().or(self.home.as_ref()?.port.as_deref())
    }

    /// How much trust is left, once that is known.
    pub fn trust(&self) -> Option<&TrustView> {
        self.home.as_ref()?.trust.as_ref()
    }

    /// The step in which money stands: what the store stops is stopped, whatever trust is left,
    /// and without a grant that counts only reading is possible.
    pub fn standing(&self) -> Option<Standing> {
        let home = self.home.as_ref()?;
        let granted = self.session.as_ref().is_none_or(|session| session.grant.is_none());
        match &home.trust {
            _ if home.money_stopped.is_some() || !granted => Some(Standing::NoMoney),
            trust => trust.as_ref().map(|trust| trust.standing),
        }
    }

    /// Why the standing is not better, gravest first, each reason once: the store's own, the
    /// grant's, and those of trust and limits.
    pub fn reasons(&self) -> Vec<&Failure> {
        let stopped = self.home.as_ref().and_then(|home| home.money_stopped.as_ref());
        let grant = self.session.as_ref().and_then(|session| session.grant.as_ref());
        let trust = self.trust().into_iter().flat_map(|trust| &trust.reasons);
        let mut reasons: Vec<&Failure> = Vec::new();
        for reason in stopped.into_iter().chain(grant).chain(trust) {
            if reasons.iter().all(|known| known.code != reason.code) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// Whether no money moves at all.
    pub fn money_stopped(&self) -> bool {
        self.standing() == Some(Standing::NoMoney)
    }

    /// Seconds until another PIN is looked at.
    pub fn wait_left(&self) -> u64 {
        let left = self.wait_until.saturating_sub(self.now.up);
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }

    /// The sentence of a code.
    pub fn sentence(&self, code: Code) -> &'static str {
        errors::words(code).title(self.lang)
    }

    /// How long ago a time was.
    pub fn age(&self, at: UnixSeconds) -> String {
        self.lang.age(self.now.wall.0.saturating_sub(at.0))
    }

    /// The characters lines are drawn with.
    pub fn rule(&self) -> Rule {
        Rule::of(self.ascii)
    }
}

//! Many meters at once: those on one line one after the other, the lines side by side.
//!
//! One worker a port, because a line carries one conversation at a time; ports are independent, so
//! eight of them take the time of the slowest. Results come in the order they end. A meter that
//! fails stops nobody, a port that fails stops its own meters only, and one cancel stops all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use super::clock::Moment;
use super::views::{Failure, QuickRead};
use super::{Cancel, Clock, Line, failure, open, read};
use crate::profile::Profile;
use crate::report::Code;
use crate::store::Reading;
use crate::transport::{LineSettings, Link};
use crate::units::{BusPlace, MeterNo};

/// How often in a row a port is opened in vain before its meters are given up.
const OPEN_TRIES: u32 = 2;

/// A meter to be read.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Its number.
    pub meter: MeterNo,
    /// What kind it is.
    pub profile: Profile,
    /// Where it hangs.
    pub place: BusPlace,
}

/// The meters on one line.
#[derive(Debug, Clone)]
pub struct Route {
    /// The port, as it is written; `None` where none was chosen.
    pub port: Option<String>,
    /// Its meters, in the order they are read.
    pub stops: Vec<Stop>,
}

/// How one meter ended.
#[derive(Debug)]
pub struct Ended<T = (Box<QuickRead>, Reading)> {
    /// Which.
    pub meter: MeterNo,
    /// On which port.
    pub port: Option<String>,
    /// What came of it (of a reading the card and what goes into the journal), or why not.
    pub result: Result<T, Failure>,
    /// When, by the line's clock.
    pub at: Moment,
}

/// How all of them ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Meters read, or dealt with.
    pub read: u32,
    /// Meters that said nothing.
    pub silent: u32,
    /// Meters of whom only broken frames came, or another meter's.
    pub garbled: u32,
    /// Meters that failed otherwise, those not reached included.
    pub failed: u32,
    /// Time on the line, a port.
    pub ports: Vec<(Option<String>, Duration)>,
    /// The first failure, for the exit status.
    pub first: Option<Code>,
}

impl Summary {
    /// Adds what another reading came to.
    pub fn add(&mut self, more: Self) {
        self.read = self.read.saturating_add(more.read);
        self.silent = self.silent.saturating_add(more.silent);
        self.garbled = self.garbled.saturating_add(more.garbled);
        self.failed = self.failed.saturating_add(more.failed);
        self.ports.extend(more.ports);
        self.first = self.first.or(more.first);
    }

    /// Counts a meter.
    pub fn count(&mut self, result: Result<(), Code>) {
        let counter = match result {
            Ok(()) => &mut self.read,
            Err(Code::MeterSilent) => &mut self.silent,
            Err(Code::MeterGarbled | Code::MeterOther) => &mut self.garbled,
            Err(_) => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
        self.first = self.first.or(result.err());
    }

    /// Time of the slowest port.
    pub fn slowest(&self) -> Duration {
        self.ports.iter().map(|(_, took)| *took).max().unwrap_or_default()
    }

    /// What it would have taken one after the other.
    pub fn altogether(&self) -> Duration {
        self.ports.iter().map(|(_, took)| *took).sum()
    }
}

/// How a line is opened: its name, and the settings wanted.
pub type Opener<'a> =
    &'a (dyn Fn(Option<&str>, &LineSettings) -> Result<Box<dyn Link>, Failure> + Sync);

/// What the workers of all lines share.
pub struct Crew<'a> {
    /// How a line is opened.
    pub open: Opener<'a>,
    /// Line settings, where they are not the profile's own.
    pub settings: Option<LineSettings>,
    /// The clock and the meters' time zone.
    pub clock: &'a dyn Clock,
    /// Set to stop everything.
    pub cancel: &'a Cancel,
    /// The meters' own password, where their protocol takes one.
    pub secret: Option<&'a secrecy::SecretString>,
}

/// Sorts meters by line: that of the area list, else the chosen port. `forced`: a port that stands
/// above the list.
pub fn routes(stops: Vec<Stop>, chosen: Option<&str>, forced: Option<&str>) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for stop in stops {
        let port = port(&stop.place, chosen, forced);
        match routes.iter_mut().find(|route| route.port == port) {
            Some(route) => route.stops.push(stop),
            None => routes.push(Route { port, stops: vec![stop] }),
        }
    }
    // Meters with the same characters behind each other: a line is retuned as seldom as can be.
    for route in &mut routes {
        let mut seen: Vec<LineSettings> = Vec::new();
        for stop in &route.stops {
            let own = open::settings(&stop.profile);
            if !seen.contains(&own) {
                seen.push(own);
            }
        }
        let rank = |stop: &Stop| {
            let own = open::settings(&stop.profile);
            seen.iter().position(|settings| *settings == own)
        };
        route.stops.sort_by_key(rank);
    }
    routes
}

/// The port of a meter: the one asked for above all, else its place's, else the usual one.
pub fn port(place: &BusPlace, chosen: Option<&str>, forced: Option<&str>) -> Option<String> {
    let listed = Some(place.line.as_str()).filter(|line| !line.is_empty());
    forced.or(listed).or(chosen).map(|port| port.trim().to_owned())
}

/// What a worker sends.
enum News<T> {
    Ended(Box<Ended<T>>),
    /// The port is done; how long its line was busy.
    Port(Option<String>, Duration),
}

/// Reads every meter of every route; `each` hears of each in the order they end, in this thread.
pub fn read_all(crew: &Crew<'_>, routes: &[Route], each: &mut dyn FnMut(Ended)) -> Summary {
    let read = |line: &mut Line<'_>, stop: &Stop| {
        let (card, reading) = read::read_at(line, stop.meter, &stop.place)?;
        Ok((Box::new(card), reading))
    };
    visit(crew, routes, &read, each)
}

/// What is done at each meter, in its line's worker.
pub type Visit<'a, T> = &'a (dyn Fn(&mut Line<'_>, &Stop) -> Result<T, Failure> + Sync);

/// Goes to every meter of every route; `each` hears of each in the order they end, in this thread.
pub fn visit<T: Send>(
    crew: &Crew<'_>,
    routes: &[Route],
    act: Visit<'_, T>,
    each: &mut dyn FnMut(Ended<T>),
) -> Summary {
    let mut summary = Summary::default();
    let (tell, news) = mpsc::channel();
    let mut missing: Vec<(MeterNo, Option<String>)> = routes
        .iter()
        .flat_map(|route| route.stops.iter().map(|stop| (stop.meter, route.port.clone())))
        .collect();
    std::thread::scope(|scope| {
        for route in routes {
            let tell = tell.clone();
            // A worker that dies leaves its meters without a word; they are told of below.
            let worker = move || {
                let ended = catch_unwind(AssertUnwindSafe(|| work(crew, route, act, &tell)));
                if ended.is_err() {
                    tracing::error!(port = route.port, "a line worker died");
                }
            };
            let named = std::thread::Builder::new().name("line".to_owned());
            if let Err(error) = named.spawn_scoped(scope, worker) {
                tracing::error!(%error, "no thread for a line");
            }
        }
        drop(tell);
        for news in news {
            match news {
                News::Port(port, took) => summary.ports.push((port, took)),
                News::Ended(ended) => {
                    let known = |(meter, port): &(MeterNo, Option<String>)| {
                        *meter == ended.meter && *port == ended.port
                    };
                    if let Some(at) = missing.iter().position(known) {
                        missing.swap_remove(at);
                    }
                    summary.count(ended.result.as_ref().map(|_| ()).map_err(|why| why.code));
                    each(*ended);
                }
            }
        }
    });
    for (meter, port) in missing {
        let result = Err(failure::fail(Code::Internal, "line worker"));
        summary.count(Err(Code::Internal));
        each(Ended { meter, port, result, at: Moment::of(crew.clock) });
    }
    summary
}

/// One line, its meters one after the other.
fn work<T>(crew: &Crew<'_>, route: &Route, act: Visit<'_, T>, tell: &Sender<News<T>>) {
    let mut worker =
        Worker { crew, route, link: None, begun: None, doubtful: false, closed: None, shut: 0 };
    for stop in &route.stops {
        let result = worker.at(stop, act);
        let at = match &worker.link {
            Some((link, _)) => {
                let tick = link.now();
                Moment { at: crew.clock.now(tick), boot_ms: crew.clock.boot_ms(tick) }
            }
            None => Moment::of(crew.clock),
        };
        let ended = Ended { meter: stop.meter, port: route.port.clone(), result, at };
        // Nobody listens only when nobody wants to know any more.
        let _ = tell.send(News::Ended(Box::new(ended)));
    }
    let now = worker.link.as_ref().map(|(link, _)| link.now());
    let took = now.zip(worker.begun).map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
    let _ = tell.send(News::Port(route.port.clone(), took));
}

struct Worker<'a> {
    crew: &'a Crew<'a>,
    route: &'a Route,
    /// The open line, and how it is set.
    link: Option<(Box<dyn Link>, LineSettings)>,
    begun: Option<Duration>,
    doubtful: bool,
    /// Why the port did not open, the last time, and how often in a row.
    closed: Option<Failure>,
    shut: u32,
}

impl Worker<'_> {
    fn at<T>(&mut self, stop: &Stop, act: Visit<'_, T>) -> Result<T, Failure> {
        if self.crew.cancel.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(failure::fail(Code::Cancelled, ""));
        }
        self.ready(stop)?;
        let Some((link, _)) = &mut self.link else {
            return Err(failure::fail(Code::PortNotChosen, ""));
        };
        self.begun.get_or_insert_with(|| link.now());
        let mut line = Line {
            link: link.as_mut(),
            profile: &stop.profile,
            clock: self.crew.clock,
            cancel: self.crew.cancel,
            wire: &mut |_| {},
            progress: &mut |_, _, _| {},
            doubtful: self.doubtful,
            secret: self.crew.secret,
        };
        let result = act(&mut line, stop);
        self.doubtful = line.doubtful;
        if let Err(Failure { code: Code::LinkGone | Code::LinkFailed, .. }) = result {
            // The next meter opens the port anew; what comes from it may be old.
            self.link = None;
            self.doubtful = true;
        }
        result
    }

    /// Opens the line if it is not, and sets it as this meter needs it.
    fn ready(&mut self, stop: &Stop) -> Result<(), Failure> {
        let wanted = self.crew.settings.unwrap_or_else(|| open::settings(&stop.profile));
        let port = self.route.port.as_deref();
        match &mut self.link {
            Some((_, set)) if *set == wanted => {}
            Some((link, set)) => {
                // `false`: set elsewhere, and only whoever set it knows how.
                let tuned = link.tune(&wanted);
                tuned.map_err(|error| failure::link(&error, port.unwrap_or_default()))?;
                *set = wanted;
            }
            None => self.open(wanted)?,
        }
        Ok(())
    }

    /// A port that does not open is not tried for every meter: some take long to say so.
    fn open(&mut self, wanted: LineSettings) -> Result<(), Failure> {
        if let Some(why) = self.closed.as_ref().filter(|_| self.shut >= OPEN_TRIES) {
            return Err(why.clone());
        }
        match (self.crew.open)(self.route.port.as_deref(), &wanted) {
            Ok(link) => {
                (self.link, self.shut) = (Some((link, wanted)), 0);
                Ok(())
            }
            Err(why) => {
                self.shut += 1;
                self.closed = Some(why.clone());
                Err(why)
            }
        }
    }
}

//! The engine as the screens use it: requests in, updates out, over simulated meters in virtual
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::engine::{Engine, EngineConfig, UPDATES};
use meterkit::jobs::views::{ErrandId, Failure, LogOutWhy, LoggedOutWhy, Request, Update};
use meterkit::report::Code;
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::transport::{Faults, Line, LineSettings, LinkError, VirtualLink};
use meterkit::units::{Decision, MeterNo, TokenId, UnixSeconds};

use super::site::{BASE, OPERATOR, Order, Site};

/// Nothing here takes as long; a test that hangs says so.
const PATIENCE: Duration = Duration::from_secs(60);

const METER: &str = "000000000047";

/// What opening the line does, one after the other; the last one again and again.
#[derive(Clone, Copy)]
enum Opens {
    Well,
    Busy,
    Panics,
}

struct Rig {
    engine: Option<Engine>,
    token: TokenId,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new(opens: &'static [Opens]) -> Self {
        Self::opening(|call| opens[call.min(opens.len() - 1)])
    }

    fn opening(opens: impl Fn(usize) -> Opens + Send + Sync + 'static) -> Self {
        let clock = TickClock { base: UnixSeconds(BASE), offset_s: 0 };
        Self::at(Self::site(), clock, opens)
    }

    fn fleet() -> Fleet {
        let (meter, account) = (METER.parse().unwrap(), "112233445566".parse().unwrap());
        let setup = MeterSetup::opened(meter, account, 1_234, 6);
        let start = meterkit::sim::DEFAULT_START.parse().unwrap();
        Fleet::new(vec![Meter::new(setup, start, 1)])
    }

    fn wires() -> Line {
        Line::new(LineSettings::even(2400), Faults::NONE)
    }

    /// A site with one token.
    fn site() -> (Site, TokenId) {
        let mut site = Site::new(Self::fleet(), Self::wires());
        let (meter, account) = (METER.parse().unwrap(), "112233445566".parse().unwrap());
        let token = site.issue(&Order::new(meter, account, 6, 5_000));
        (site, token)
    }

    fn at(
        (site, token): (Site, TokenId),
        clock: TickClock,
        opens: impl Fn(usize) -> Opens + Send + Sync + 'static,
    ) -> Self {
        let (store, session, folder) = site.into_parts();
        // The meter stays the same, however often the line is opened.
        let station = Arc::new(std::sync::Mutex::new(Self::fleet()));
        let calls = AtomicU32::new(0);
        let config = EngineConfig {
            port: Some("sim".to_owned()),
            clock: Arc::new(clock),
            open_line: Box::new(move |_, _, _| {
                match opens(calls.fetch_add(1, Ordering::Relaxed) as usize) {
                    Opens::Well => {
                        let station = FleetStation::sharing(Arc::clone(&station));
                        Ok(Box::new(VirtualLink::new(station, Self::wires())))
                    }
                    Opens::Busy => {
                        let error = LinkError::Busy("sim".to_owned());
                        Err(meterkit::jobs::failure::link(&error, "sim"))
                    }
                    Opens::Panics => panic!("the driver of this adapter is mad"),
                }
            }),
            session: Some((store, session)),
            ..EngineConfig::new(folder.path().join("store"), String::new()).unwrap()
        };
        Self { engine: Some(Engine::start(config).unwrap()), token, _folder: folder }
    }

    fn ask(&self, request: Request) {
        self.engine.as_ref().unwrap().requests.send(request).unwrap();
    }

    /// The next update that `pick` takes.
    fn wait<T>(&self, mut pick: impl FnMut(Update) -> Option<T>) -> T {
        let updates = &self.engine.as_ref().unwrap().updates;
        loop {
            let update = updates.recv_timeout(PATIENCE).expect("an update");
            if let Some(picked) = pick(update) {
                return picked;
            }
        }
    }

    fn preflight(&self, number: u64) -> Result<(), Failure> {
        let errand = ErrandId(number);
        self.ask(Request::Preflight { errand, token: self.token });
        self.wait(|update| match update {
            Update::Preflight { errand: of, result } if of == errand => Some(result.map(drop)),
            _ => None,
        })
    }

    fn commit(&self, number: u64, digits: &str) -> Result<Decision, Failure> {
        let errand = ErrandId(number);
        self.ask(Request::Commit { errand, digits: digits.to_owned() });
        self.finished(errand)
    }

    fn finished(&self, errand: ErrandId) -> Result<Decision, Failure> {
        self.wait(|update| match update {
            Update::Finished { errand: of, result } if of == errand => {
                Some(result.map(|view| view.decision))
            }
            _ => None,
        })
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> Code {
    result.unwrap_err().code
}

#[test]
fn a_recharge_through_the_engine() {
    let rig = Rig::new(&[Opens::Well]);
    let next = || rig.engine.as_ref().unwrap().updates.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(next(), Update::LoggedIn(view) if view.operator.as_str() == OPERATOR));
    assert!(matches!(next(), Update::Home(home) if home.tokens == 1 && home.operator == OPERATOR));
    assert_eq!(code(rig.commit(1, "0047")), Code::NotConfirmed, "nothing was shown yet");
    rig.preflight(2).unwrap();
    assert_eq!(code(rig.commit(3, "0048")), Code::DigitsWrong);
    assert_eq!(
        rig.commit(4, "0047"),
        Ok(Decision::Confirmed),
        "a slip of the finger costs nothing"
    );
    assert_eq!(code(rig.commit(5, "0047")), Code::NotConfirmed, "one look, one recharge");
    assert_eq!(code(rig.preflight(6)), Code::TokenUsed);
    let meter: MeterNo = METER.parse().unwrap();
    rig.ask(Request::Resolve { errand: ErrandId(7), meter });
    assert_eq!(code(rig.finished(ErrandId(7))), Code::NoIntent);
    rig.ask(Request::Meter(meter));
    let card = rig.wait(|update| match update {
        Update::Meter(card) => Some(card),
        _ => None,
    });
    let newest = &card.journal.first().unwrap().detail;
    assert_eq!(newest, "MK-TOKEN-11");
    assert_eq!(card.last.unwrap().balance.value, 6_234);
}

#[test]
fn traffic_is_shown_as_frames() {
    let rig = Rig::new(&[Opens::Well]);
    rig.ask(Request::Read { errand: ErrandId(1), meter: METER.parse().unwrap() });
    let (mut sent, mut received) = (0, 0);
    let read = rig.wait(|update| match update {
        Update::Wire(view) => {
            *(if view.received { &mut received } else { &mut sent }) += 1;
            assert!(!view.meaning.is_empty(), "{view:?}");
            None
        }
        Update::Read { result, .. } => Some(result),
        _ => None,
    });
    assert_eq!(read.unwrap().missing, Vec::<&str>::new());
    assert_eq!((sent, received), (9, 9));
}

#[test]
fn a_worker_that_dies_says_so_and_goes_on() {
    let rig = Rig::new(&[Opens::Panics, Opens::Busy, Opens::Well]);
    rig.ask(Request::Preflight { errand: ErrandId(1), token: rig.token });
    let died = rig.wait(|update| match update {
        Update::WorkerDied { errand, detail } => Some((errand, detail)),
        _ => None,
    });
    assert_eq!(died, (Some(ErrandId(1)), "the driver of this adapter is mad".to_owned()));
    assert_eq!(code(rig.preflight(2)), Code::PortBusy);
    rig.preflight(3).unwrap();
    assert_eq!(rig.commit(4, "0047"), Ok(Decision::Confirmed));
}

#[test]
fn screens_that_stopped_reading_do_not_hold_the_engine() {
    let mut rig = Rig::new(&[Opens::Well]);
    // More results than the channel has room for, none of them taken.
    for _ in 0..UPDATES {
        rig.ask(Request::Home);
    }
    rig.ask(Request::Read { errand: ErrandId(1), meter: METER.parse().unwrap() });
    let engine = rig.engine.take().unwrap();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(engine);
        let _ = done.send(());
    });
    ended.recv_timeout(PATIENCE).expect("the engine ends");
}

#[test]
fn no_log_out_under_an_errand() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let rig = Rig::opening(move |_| {
        // The line takes its time to open: the errand is under way.
        gate.lock().unwrap().recv().unwrap();
        Opens::Well
    });
    rig.ask(Request::Read { errand: ErrandId(1), meter: METER.parse().unwrap() });
    rig.ask(Request::LogOut(LogOutWhy::Idle));
    let refused = rig.wait(|update| match update {
        Update::PinDone(result) => Some(result),
        Update::LoggedOut { .. } => panic!("logged out under an errand"),
        _ => None,
    });
    assert_eq!(code(refused), Code::ErrandRunning);
    go.send(()).unwrap();
    let read = rig.wait(|update| match update {
        Update::Read { result, .. } => Some(result),
        _ => None,
    });
    assert!(read.is_ok());
    // Whoever is told of the result may ask again before the errand is off the books.
    rig.wait(|update| matches!(update, Update::Home(_)).then_some(()));
    let shift = loop {
        rig.ask(Request::LogOut(LogOutWhy::Asked));
        let ended = rig.wait(|update| match update {
            Update::PinDone(_) => Some(None),
            Update::LoggedOut { why, shift, .. } => Some(Some((why, shift))),
            _ => None,
        });
        if let Some(ended) = ended {
            break ended;
        }
    };
    assert_eq!((shift.0, shift.1.reads), (LoggedOutWhy::Asked, 1));
    rig.wait(|update| matches!(update, Update::Locked(_)).then_some(()));
    // Nothing is answered from a closed store.
    rig.ask(Request::Home);
    rig.wait(|update| match update {
        Update::Locked(_) => Some(()),
        other => panic!("{other:?}"),
    });
}

#[test]
fn a_shift_that_is_over_ends_by_itself() {
    let mut site = Rig::site();
    site.0.take_grant(|grant| grant.shift_s = 900);
    site.0.clock.base.0 += 900;
    let clock = site.0.clock;
    let rig = Rig::at(site, clock, |_| Opens::Well);
    let ended = rig.wait(|update| match update {
        Update::LoggedOut { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(ended, LoggedOutWhy::ShiftEnd);
    rig.wait(|update| matches!(update, Update::Locked(_)).then_some(()));
}

/// Two meters on two lines of the area list; the first line does not open before the second meter
/// has been read.
#[test]
fn an_errand_on_another_port_does_not_wait() {
    use meterkit::store::{AreaMeter, AreaPage};
    use meterkit::units::BusPlace;
    const OTHER: &str = "000000000048";
    let (site, _) = Rig::site();
    let clock = site.clock;
    let (store, session, folder) = site.into_parts();
    let listed = |no: &str, line: &str| AreaMeter {
        no: no.parse().unwrap(),
        account: None,
        customer: String::new(),
        location: String::new(),
        profile: String::new(),
        area: String::new(),
        place: BusPlace { line: line.to_owned(), ..BusPlace::default() },
    };
    let meters = vec![listed(METER, "slow"), listed(OTHER, "quick")];
    store.install_area(1, &[AreaPage { signed: vec![1], meters }]).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let config = EngineConfig {
        port: Some("usual".to_owned()),
        clock: Arc::new(clock),
        open_line: Box::new(move |port, _, _| {
            let no = match port {
                Some("slow") => {
                    wait.lock().unwrap().recv_timeout(PATIENCE).expect("the other was read");
                    METER
                }
                Some("quick") => OTHER,
                other => panic!("{other:?}"),
            };
            let account = "112233445566".parse().unwrap();
            let setup = MeterSetup::opened(no.parse().unwrap(), account, 1_234, 6);
            let start = meterkit::sim::DEFAULT_START.parse().unwrap();
            let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
            Ok(Box::new(VirtualLink::new(FleetStation::new(fleet), Rig::wires())))
        }),
        session: Some((store, session)),
        ..EngineConfig::new(folder.path().join("store"), String::new()).unwrap()
    };
    let engine = Some(Engine::start(config).unwrap());
    let rig = Rig { engine, token: TokenId([0; 16]), _folder: folder };
    for (errand, no) in [(1, METER), (2, OTHER)] {
        let (errand, meter) = (ErrandId(errand), no.parse().unwrap());
        rig.ask(Request::Read { errand, meter });
    }
    let ended = |update| match update {
        Update::Read { errand, result } => Some((errand, result.is_ok())),
        _ => None,
    };
    assert_eq!(rig.wait(ended), (ErrandId(2), true));
    go.send(()).unwrap();
    assert_eq!(rig.wait(ended), (ErrandId(1), true));
}

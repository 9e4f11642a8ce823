//! The account errand as screens and commands use it: plan, begin, carry on; cut off at every frame
//! and carried on again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::account::{Account, count, of_customer};
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Sign, Site as Where, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::proven::Accepted;
use meterkit::jobs::recharge::QUIET_S;
use meterkit::jobs::{Cancel, Clock, Desk, Failure, Moment, check};
use meterkit::profile::Profiles;
use meterkit::protocol::Tick;
use meterkit::report::Code;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fault, MeterSetup};
use meterkit::store::{AreaMeter, AreaPage, Event, Step, Store, TokenState};
use meterkit::transport::{Faults, Line, LineSettings, Link, LinkError, Timing, VirtualLink};
use meterkit::units::{BusPlace, MeterNo, TokenId, UnixSeconds, WorkId};
use meterkit_tokens::Kind;

use super::{account, no, order, reversal, site, site_with};
use crate::stories::site::{BASE, Site};

/// The street's time: that of the line in use, or of the last one.
#[derive(Default)]
struct Street {
    seconds: AtomicU64,
}

impl Street {
    fn at(&self, tick: Tick) -> u64 {
        self.seconds.fetch_max(tick.as_secs(), Ordering::Relaxed).max(tick.as_secs())
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Street {
    fn now(&self, tick: Tick) -> UnixSeconds {
        UnixSeconds(BASE + self.at(tick) as i64)
    }

    fn boot_ms(&self, tick: Tick) -> u64 {
        self.at(tick) * 1_000
    }

    fn offset_s(&self, _at: UnixSeconds) -> i64 {
        0
    }
}

/// A line that is cut before its n-th frame.
struct Cut {
    link: VirtualLink<FleetStation>,
    left: Arc<Mutex<u32>>,
}

impl Link for Cut {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(LinkError::Gone)?;
        self.link.send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        // The frame has left; whether it was obeyed nobody hears.
        if *self.left.lock().unwrap() == 0 {
            let _ = self.link.recv(buffer, deadline);
            return Err(LinkError::Gone);
        }
        self.link.recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }
}

/// A handheld in the street.
struct Rig {
    site: Site,
    fleet: SharedFleet,
    street: Street,
    left: Arc<Mutex<u32>>,
}

const NEVER: u32 = u32::MAX;

impl Rig {
    fn new(site: Site) -> Self {
        let fleet = Arc::clone(&site.fleet);
        let left = Arc::new(Mutex::new(NEVER));
        Self { site, fleet, street: Street::default(), left }
    }

    /// Does something at the errand's site.
    fn at<T>(&self, work: impl FnOnce(&Where<'_>) -> T) -> T {
        self.given(true, work)
    }

    /// The same with the meter's password, or without.
    fn given<T>(&self, known: bool, work: impl FnOnce(&Where<'_>) -> T) -> T {
        let (store, session) = (&self.site.store, &self.site.session);
        let accepted = Accepted::default();
        let desk = Desk { store, session, max_life_s: check::MAX_LIFE_S, accepted: &accepted };
        // Only what lines need: the rest of the rig stays on this thread.
        let (fleet, street, left) = (&self.fleet, &self.street, &self.left);
        let open = |_: Option<&str>, settings: &LineSettings| {
            let station = FleetStation::sharing(Arc::clone(fleet));
            let mut link = VirtualLink::new(station, Line::new(*settings, Faults::NONE));
            link.advance(Duration::from_secs(street.at(Tick::ZERO) + 1));
            let left = Arc::clone(left);
            Ok::<Box<dyn Link>, Failure>(Box::new(Cut { link, left }))
        };
        let (profiles, cancel) = (Profiles::built_in(), Cancel::default());
        let crew = Crew {
            open: &open,
            settings: None,
            clock: &self.street,
            cancel: &cancel,
            secret: None,
        };
        let password = MeterPassword::parse("000000").unwrap();
        work(&Where {
            desk: &desk,
            crew: &crew,
            profiles: &profiles,
            wished: None,
            chosen: None,
            forced: None,
            password: known.then_some(&password),
        })
    }

    fn plan(&self, values: &Values) -> Result<Sheet, Failure> {
        self.at(|site| Account.plan(site, values))
    }

    fn begin(&self, values: &Values) -> Result<WorkId, Failure> {
        self.at(|site| Account.begin(site, values))
    }

    fn advance(&self, work: WorkId, answer: &Answer) -> Result<Sheet, Failure> {
        self.at(|site| Account.advance(site, work, answer, &mut |_| {}))
    }

    /// Begins and goes on to the end, answering what is asked.
    fn whole(&self, values: &Values) -> Result<Sheet, Failure> {
        let work = self.begin(values)?;
        self.to_end(work)
    }

    fn to_end(&self, work: WorkId) -> Result<Sheet, Failure> {
        let mut answer = Answer::None;
        for _ in 0..8 {
            let sheet = self.advance(work, &answer)?;
            answer = match sheet.ask {
                Ask::Digits(meter) => Answer::Text(meter.to_string()[8..].to_owned()),
                Ask::Go(_) => {
                    self.street.pass(QUIET_S as u64);
                    Answer::Yes
                }
                _ => return Ok(sheet),
            };
        }
        panic!("does not come to its end");
    }

    /// The handheld is switched off and on again, on a line that is whole.
    fn restart(&mut self) {
        *self.left.lock().unwrap() = NEVER;
        let moment = Moment::of(&self.street);
        self.site.restart();
        self.site.session = meterkit::jobs::Session::begin(
            &self.site.store,
            crate::stories::site::operator(),
            0,
            moment,
        );
    }

    fn truth(&self) -> (i64, u32, usize, usize) {
        let fleet = self.fleet.lock().unwrap();
        let meter = fleet.meter(no()).unwrap();
        let (taken, given) = (meter.bookings().len(), meter.refunds().len());
        (meter.balance().value, meter.count(), taken, given)
    }
}

fn wanted(act: &str) -> Values {
    Values::default().with("act", act).with("meter", no().to_string())
}

fn value<'a>(sheet: &'a Sheet, name: &str) -> &'a str {
    let row = sheet.rows.iter().find(|row| row.name == name);
    row.map_or_else(|| panic!("no {name} in {sheet:#?}"), |row| row.value.as_str())
}

fn list(store: &Store, meters: &[(MeterNo, &str)]) {
    let meters = meters.iter().map(|(no, customer)| AreaMeter {
        no: *no,
        account: Some(account()),
        customer: (*customer).to_owned(),
        location: "street".to_owned(),
        profile: String::new(),
        area: String::new(),
        place: BusPlace::default(),
    });
    let page = AreaPage { signed: vec![1], meters: meters.collect() };
    store.install_area(1, &[page]).unwrap();
}

#[test]
fn a_refund_is_planned_confirmed_and_done() {
    let mut rig = Rig::new(site());
    assert_eq!(rig.plan(&wanted("refund")).unwrap_err().code, Code::TokenUnknown);
    let token = rig.site.issue(&order(Kind::Refund, 6, 4_000));
    let plan = rig.plan(&wanted("refund")).unwrap();
    assert_eq!((plan.work, plan.exit), (None, None));
    assert_eq!(value(&plan, "balance-after"), "60.00 CNY");
    assert_eq!(rig.truth(), (10_000, 6, 0, 0), "a plan changes nothing");
    // A recharge is none of its acts.
    assert_eq!(rig.plan(&wanted("open")).unwrap_err().code, Code::TokenUnknown);
    let named = wanted("open").with("token", token.to_string());
    assert_eq!(rig.plan(&named).unwrap_err().code, Code::TokenKind);

    let work = rig.begin(&wanted("refund")).unwrap();
    assert_eq!(rig.advance(work, &Answer::None).unwrap().ask, Ask::Digits(no()));
    let wrong = rig.advance(work, &Answer::Text("0048".to_owned()));
    assert_eq!(wrong.unwrap_err().code, Code::DigitsWrong);
    let sheet = rig.to_end(work).unwrap();
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:#?}");
    assert_eq!(value(&sheet, "account-money"), "act-confirmed");
    assert_eq!(value(&sheet, "balance-after"), "60.00 CNY");
    assert_eq!(rig.truth(), (6_000, 6, 0, 1));
    assert_eq!(rig.at(|site| Account.sheet(site.desk.store, work)).unwrap(), sheet);
    assert_eq!(rig.advance(work, &Answer::Yes).unwrap(), sheet, "the end stays the end");
}

#[test]
fn openings_and_reversals_go_the_same_way() {
    let mut rig = Rig::new(site_with(MeterSetup { load_w: 0, ..MeterSetup::new(no()) }));
    let opened = rig.site.issue(&order(Kind::Open, 0, 5_000));
    assert!(rig.whole(&wanted("open")).unwrap().done);
    assert_eq!(rig.truth(), (5_000, 1, 1, 0));
    rig.site.issue(&reversal(1, 5_000, opened));
    // The plan and the end name the one operation that is undone.
    let undone = opened.to_string();
    for sheet in [rig.plan(&wanted("reverse")).unwrap(), rig.whole(&wanted("reverse")).unwrap()] {
        assert_eq!(value(&sheet, "undoes"), undone);
        assert_eq!(value(&sheet, "undoes-what"), "50.00 CNY  0 -> 1");
    }
    let works = rig.site.store.errands();
    let last = works.iter().find(|row| row.step.name == Step::WHOLE).unwrap();
    let sheet = rig.at(|site| Account.sheet(site.desk.store, last.step.errand)).unwrap();
    assert_eq!(value(&sheet, "account-money"), "act-confirmed");
    assert_eq!(rig.truth(), (0, 1, 1, 1));
}

/// A missing password is known before the digits are asked for; an opening needs none.
#[test]
fn a_plan_says_that_the_password_is_missing() {
    let mut rig = Rig::new(site());
    rig.site.issue(&order(Kind::Refund, 6, 4_000));
    let missing = |rig: &Rig, act: &str, given: bool| {
        let plan = rig.given(given, |site| Account.plan(site, &wanted(act))).unwrap();
        let missing = |row: &&meterkit::jobs::errand::Row| {
            row.failure.as_ref().is_some_and(|why| why.code == Code::PasswordMissing)
        };
        plan.rows.iter().filter(missing).count()
    };
    assert_eq!(missing(&rig, "refund", false), 1);
    assert_eq!(missing(&rig, "refund", true), 0);
    let mut rig = Rig::new(site_with(MeterSetup::new(no())));
    rig.site.issue(&order(Kind::Open, 0, 5_000));
    assert_eq!(missing(&rig, "open", false), 0);
    assert!(rig.truth() == (0, 0, 0, 0));
}

/// While the money goes out, the page says that it has begun.
#[test]
fn what_is_under_way_is_told() {
    let mut rig = Rig::new(site());
    rig.site.issue(&order(Kind::Refund, 6, 4_000));
    let work = rig.begin(&wanted("refund")).unwrap();
    let mut told = Vec::new();
    let digits = Answer::Text("0047".to_owned());
    rig.at(|site| Account.advance(site, work, &digits, &mut |sheet| told.push(sheet.clone())))
        .unwrap();
    let doing = |sheet: &Sheet| {
        sheet.rows.iter().any(|row| row.name == "account-money" && row.sign == Sign::Doing)
    };
    assert!(told.iter().any(doing), "{told:#?}");
    // The number that was typed by its end stands whole in the list.
    let short = Values::default().with("act", "close-account").with("meter", "47");
    let work = rig.begin(&short).unwrap();
    let begun = rig.site.store.errand(work).unwrap();
    assert_eq!(Values::of_notes(&begun.step.notes).get("meter"), Some("000000000047"));
}

/// A refund, the line cut before every frame in turn, the handheld switched off, and carried on.
#[test]
fn an_errand_cut_off_at_any_frame_is_brought_to_its_end() {
    let (mut ends, mut frames) = (std::collections::BTreeMap::new(), 0);
    for cut in 0.. {
        let mut rig = Rig::new(site());
        let token = rig.site.issue(&order(Kind::Refund, 6, 4_000));
        let work = rig.begin(&wanted("refund")).unwrap();
        let digits = Answer::Text("0047".to_owned());
        *rig.left.lock().unwrap() = cut;
        let first = rig.advance(work, &digits);
        if first.as_ref().is_ok_and(|sheet| sheet.done) {
            frames = cut;
            break;
        }
        let unknown = rig.site.store.open_intent(no()).is_some();
        if let Ok(sheet) = &first {
            assert!(unknown && sheet.exit == Some(Code::IntentOpen), "{cut}: {sheet:#?}");
        }
        rig.restart();
        let sheet = rig.to_end(work).unwrap();
        assert!(sheet.done, "{cut}: {sheet:#?}");
        let state = rig.site.store.token(token).unwrap().state;
        let (balance, _, _, given) = rig.truth();
        // The journal, the sheet and the meter say the same.
        let good =
            sheet.rows.iter().any(|row| row.name == "account-money" && row.sign == Sign::Good);
        assert_eq!((good, given, balance), (given == 1, given, 10_000 - 4_000 * given as i64));
        assert_eq!(state == TokenState::Accepted, given == 1, "{cut}: {state:?}");
        assert!(given <= 1);
        *ends.entry(value(&sheet, "account-money").to_owned()).or_insert(0) += 1;
    }
    println!("{frames} frames, cut before each: {ends:?}");
    assert!(frames > 20 && ends.contains_key("act-confirmed"), "{ends:?}");
}

#[test]
fn an_unanswered_debit_says_how_long_it_must_wait() {
    let mut rig = Rig::new(site());
    rig.site.issue(&order(Kind::Refund, 6, 4_000));
    let work = rig.begin(&wanted("refund")).unwrap();
    // Heard by nobody: the preflight's questions are not money.
    let fault = Fault::RebootBefore(Duration::from_secs(1));
    rig.fleet.lock().unwrap().meter_mut(no()).unwrap().arm(fault);
    let sheet = rig.advance(work, &Answer::Text("0047".to_owned())).unwrap();
    assert_eq!((sheet.ask, sheet.exit), (Ask::Go("account-ask-meter"), Some(Code::IntentOpen)));
    assert_eq!(value(&sheet, "account-quiet"), "10");
    let again = rig.begin(&wanted("close-account"));
    assert_eq!(again.unwrap_err().code, Code::IntentOpen, "not over money that is unknown");
    rig.street.pass(QUIET_S as u64);
    let sheet = rig.advance(work, &Answer::Yes).unwrap();
    assert_eq!(value(&sheet, "account-money"), "act-not-applied");
    assert!(sheet.done && sheet.exit == Some(Code::WorkPartial));
    assert!(rig.whole(&wanted("refund")).unwrap().exit.is_none());
    assert_eq!(rig.truth(), (6_000, 6, 0, 1));
}

#[test]
fn a_closing_reading_can_be_proved_and_changes_nothing() {
    let rig = Rig::new(site());
    let plan = rig.plan(&wanted("close-account")).unwrap();
    assert_eq!(value(&plan, "to-refund"), "100.00 CNY");
    let sheet = rig.whole(&wanted("close-account").with("reason", "moved out")).unwrap();
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:#?}");
    assert_eq!(value(&sheet, "to-refund"), "100.00 CNY");
    assert_eq!(value(&sheet, "next-step"), "next-office");
    assert_eq!(rig.truth(), (10_000, 6, 0, 0));
    let kept = rig.site.store.events_for(no(), true, 10);
    let reading = kept.into_iter().find_map(|entry| match entry.event {
        Event::Reading(reading) => reading.evidence.map(|seen| (seen, reading.items.len())),
        _ => None,
    });
    let (seen, items) = reading.unwrap();
    assert_eq!((seen.balance.value, seen.account), (10_000, Some(account())));
    assert!(items > 5, "{items}");

    let rig = Rig::new(site_with(MeterSetup::new(no())));
    assert_eq!(rig.plan(&wanted("close-account")).unwrap_err().code, Code::AccountNotOpen);
}

#[test]
fn a_customers_meters_are_all_listed_and_only_one_is_meant() {
    let rig = Rig::new(site());
    let (second, third): (MeterNo, MeterNo) = ("48".parse().unwrap(), "49".parse().unwrap());
    list(&rig.site.store, &[(no(), "Zhang"), (second, "Zhang"), (third, "Zhang Wei")]);
    assert_eq!(of_customer(&rig.site.store, second), [no(), second]);
    let sheet = rig.plan(&wanted("show")).unwrap();
    let meters: Vec<MeterNo> = sheet.rows.iter().filter_map(|row| row.meter).collect();
    assert_eq!(meters, [no(), second]);
    let plan = rig.plan(&wanted("close-account")).unwrap();
    let others = plan.rows.iter().filter(|row| row.name == "other-meter");
    assert_eq!(others.map(|row| row.meter).collect::<Vec<_>>(), [Some(second)]);
}

#[test]
fn the_count_doctor_reads_and_names_one_next_step() {
    let mut rig = Rig::new(site());
    list(&rig.site.store, &[(no(), "Zhang")]);
    let state = |rig: &Rig| {
        let sheet = rig.plan(&wanted("count-doctor")).unwrap();
        (value(&sheet, "state").to_owned(), value(&sheet, "next-step").to_owned(), sheet.exit)
    };
    let named =
        |state: count::State, code| (state.name().to_owned(), state.next().name().to_owned(), code);
    assert_eq!(state(&rig), named(count::State::Even, None));
    let late = rig.site.issue(&order(Kind::Recharge, 7, 2_000));
    assert_eq!(state(&rig), named(count::State::Missing, Some(Code::CountBehind)));
    let next = rig.site.issue(&order(Kind::Recharge, 6, 3_000));
    assert_eq!(state(&rig), named(count::State::Ready, None));
    let _: [TokenId; 2] = [late, next];
    rig.site.late_frame(&order(Kind::Recharge, 6, 700));
    assert_eq!(state(&rig), named(count::State::Taken, Some(Code::CountAhead)));
    rig.fleet
        .lock()
        .unwrap()
        .meter_mut(no())
        .unwrap()
        .reset_counter(Some(account()), Duration::ZERO);
    assert_eq!(state(&rig), named(count::State::WentBack, Some(Code::CountBehind)));
}

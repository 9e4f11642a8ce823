//! A thief with a stolen handheld: its store as it was, its PIN, copies of it, a clock he sets as
//! he likes, a start of the machine whenever he wants one, meters of his own making, and all the
//! time in the world. He uses the real jobs at simulated meters ([`rob`]), or a program of his own
//! that keeps no rule at all ([`forge`]): only the meters and the documents bind that one.

use std::path::Path;
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::account::Account;
use meterkit::jobs::errand::{Answer, Ask, Errand, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::proven::Accepted;
use meterkit::jobs::recharge::{self, Checked};
use meterkit::jobs::swap::{self, Swap};
use meterkit::jobs::{Cancel, Clock, Desk, Failure, Moment, Session, check};
use meterkit::profile::Profiles;
use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::sim::serve::SharedFleet;
use meterkit::sim::{DEFAULT_START, Meter, MeterSetup};
use meterkit::store::{Bounds, IndexKind, Options, Store, TokenState};
use meterkit::transport::{LineSettings, Link};
use meterkit::units::{Act, MeterNo, Money, TokenId, UnixSeconds, WorkId};

use crate::office::desk::{COUNT, account, store_key};
use crate::stories::site::operator;
use crate::support::folders::copy;
use crate::swap::bench::Wire;

/// A clock that was set to a time when the machine was started.
struct SetClock {
    at: i64,
    started: Duration,
}

impl Clock for SetClock {
    fn now(&self, tick: Duration) -> UnixSeconds {
        UnixSeconds(self.at + i64::try_from(tick.saturating_sub(self.started).as_secs()).unwrap())
    }

    fn boot_ms(&self, tick: Duration) -> u64 {
        u64::try_from(tick.saturating_sub(self.started).as_millis()).unwrap()
    }

    fn offset_s(&self, _at: UnixSeconds) -> i64 {
        0
    }
}

/// How the old meter of a swap is, for whoever wants the most out of a leave.
#[derive(Clone, Copy)]
pub enum Old {
    /// It is read, and then has its plug pulled: that makes it a dead one.
    Dead,
    /// One of his own making hangs in its place and holds this much.
    Own(i64),
    /// As it is.
    Real,
}

/// A handheld at the meters: whoever holds it.
pub struct Hands {
    pub wire: Wire,
    pub fleet: SharedFleet,
    /// What is said of a dead meter's balance.
    pub claim: Money,
}

impl Hands {
    /// Somebody starts the machine with this time on its clock, logs in and works.
    pub fn work<T>(&self, store: &Store, at: i64, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let clock = SetClock { at, started: Link::now(&self.wire) };
        let now = Moment { at: UnixSeconds(at), boot_ms: 0 };
        let session = Session::begin(store, operator(), 0, now);
        let accepted = Accepted::default();
        let desk =
            Desk { store, session: &session, max_life_s: check::MAX_LIFE_S, accepted: &accepted };
        let cancel = Cancel::default();
        let wire = self.wire.clone();
        let opened = |_: Option<&str>, _: &LineSettings| {
            Ok::<Box<dyn Link>, Failure>(Box::new(wire.clone()))
        };
        let crew =
            Crew { open: &opened, settings: None, clock: &clock, cancel: &cancel, secret: None };
        let (profiles, password) =
            (Profiles::new(Vec::new()).0, MeterPassword::parse("000000").unwrap());
        let site = Site {
            desk: &desk,
            crew: &crew,
            profiles: &profiles,
            wished: None,
            chosen: None,
            forced: None,
            password: Some(&password),
        };
        work(&site)
    }

    /// One credit with one token, to its end or its refusal.
    pub fn recharge(&self, store: &Store, at: i64, token: TokenId) {
        let Some(row) = store.token(token) else { return };
        let meter = row.facts.meter;
        if row.facts.act.is_debit() {
            return self.take_out(store, at, token, meter);
        }
        self.work(store, at, |site| {
            let desk = site.desk;
            if row.state == TokenState::Intent {
                // It was begun, and nobody knows: he looks, and what is not there he sends.
                let _ = site.on(meter, |line, _| recharge::resolve(desk, line, meter));
            }
            let _ = site.on(meter, |line, _| {
                match recharge::preflight_act(desk, line, token, Act::ALL)? {
                    Checked::Settled(_) => Ok(()),
                    Checked::Ready(ready) => {
                        let face = meter.to_string();
                        recharge::commit_act(&ready, &face[8..], desk, line, None).map(drop)
                    }
                }
            });
        });
    }

    /// The meter is read, the intent is on disk, and the program dies before a byte leaves.
    pub fn begin(&self, store: &Store, at: i64, token: TokenId) {
        let facts = store.token(token).unwrap().facts;
        let ready = self.work(store, at, |site| {
            let checked = site.on(facts.meter, |line, _| {
                recharge::preflight_act(site.desk, line, token, Act::ALL)
            });
            let Ok(Checked::Ready(ready)) = checked else { panic!("not ready") };
            ready.view.evidence
        });
        let stamp = Moment { at: UnixSeconds(at), boot_ms: 9_000 }.stamp(&operator());
        store.intent(&stamp, facts.intent(), ready, &Bounds::NONE).unwrap();
    }

    /// A refund, as the account errand does it.
    fn take_out(&self, store: &Store, at: i64, token: TokenId, meter: MeterNo) {
        self.work(store, at, |site| {
            let values = Values::default().with("act", "refund").with("meter", meter.to_string());
            let begun = Account.begin(site, &values.with("token", token.to_string()));
            let Ok(work) = begun else { return };
            let mut answer = Answer::None;
            for _ in 0..40 {
                answer = match Account.advance(site, work, &answer, &mut |_| {}) {
                    Ok(sheet) if sheet.done => return,
                    Ok(sheet) => match sheet.ask {
                        Ask::Digits(meter) => Answer::Text(meter.to_string()[8..].to_owned()),
                        _ => {
                            self.pass(200);
                            Answer::Yes
                        }
                    },
                    Err(_) => return,
                };
            }
        });
    }

    /// A swap by the real program; `between` is done while it waits for the meters to be changed.
    /// Whatever is asked, nothing is tried twice.
    pub fn swap(
        &self,
        store: &Store,
        at: i64,
        ([old, new], how): ([MeterNo; 2], Old),
        between: &mut dyn FnMut() -> bool,
    ) {
        let values =
            Values::default().with(swap::OLD, old.to_string()).with(swap::NEW, new.to_string());
        let real = match how {
            Old::Dead => {
                // In a log-in of its own: two meters whose clocks agree would give his away.
                let _ = self.work(store, at, |site| Swap.plan(site, &values));
                self.fleet.lock().unwrap().meter_mut(old).unwrap().set_dead(true);
                None
            }
            Old::Own(holds) => {
                let setup = MeterSetup::opened(old, account(), holds, COUNT);
                let setup = MeterSetup { load_w: 0, ..setup };
                let own = Meter::new(setup, DEFAULT_START.parse().unwrap(), 9);
                let mut fleet = self.fleet.lock().unwrap();
                Some(std::mem::replace(fleet.meter_mut(old).unwrap(), own))
            }
            Old::Real => None,
        };
        self.work(store, at, |site| {
            if let Ok(work) = Swap.begin(site, &values) {
                self.walk(site, work, matches!(how, Old::Dead), between);
            }
        });
        let mut fleet = self.fleet.lock().unwrap();
        let old = fleet.meter_mut(old).unwrap();
        old.set_dead(false);
        if let Some(real) = real {
            *old = real;
        }
    }

    /// Goes on with a swap that was begun.
    pub fn go_on(&self, store: &Store, at: i64) {
        let work = store.errands()[0].step.errand;
        self.work(store, at, |site| self.walk(site, work, false, &mut || true));
    }

    fn walk(&self, site: &Site<'_>, work: WorkId, dead: bool, between: &mut dyn FnMut() -> bool) {
        let mut answer = Answer::None;
        for _ in 0..80 {
            answer = match Swap.advance(site, work, &answer, &mut |_| {}) {
                Ok(sheet) if sheet.done => return,
                Ok(sheet) => match &sheet.ask {
                    Ask::Digits(meter) => Answer::Text(meter.to_string()[8..].to_owned()),
                    Ask::Choice(_, choices) => {
                        self.pass(200);
                        // One who can do better does not spend the leave on an advance.
                        let stop = choices.iter().find(|choice| **choice == "stop" && !dead);
                        let other = choices.iter().find(|choice| **choice != "again");
                        let other = stop.or(other);
                        Answer::Text((*other.unwrap_or(&choices[0])).to_owned())
                    }
                    Ask::Nothing => return,
                    Ask::Go(_) if !between() => return,
                    // He says what it held; the leave's most is what he is believed.
                    Ask::Enter(..) => Answer::Text(self.claim.to_string()),
                    _ => Answer::Yes,
                },
                Err(_) => return,
            };
        }
    }

    pub fn pass(&self, seconds: u64) {
        self.wire.0.lock().unwrap().advance(Duration::from_secs(seconds));
    }

    /// What really came into the meters, and what really left them, fen.
    pub fn truth(&self) -> (i64, i64) {
        let fleet = self.fleet.lock().unwrap();
        let sum = |of: fn(&meterkit::sim::Meter) -> &[meterkit::sim::Booking]| -> i64 {
            fleet.meters().iter().flat_map(of).map(|one| one.amount).sum()
        };
        (sum(|meter| meter.bookings()), sum(|meter| meter.refunds()))
    }
}

/// A copy of a store, and the folder it lies in.
pub fn copied(from: &Path) -> (Store, tempfile::TempDir) {
    let memory = Path::new("/dev/shm");
    let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
    copy(from, folder.path());
    let options = Options { index: IndexKind::Memory, ..Options::default() };
    let (store, _) = Store::open_with(folder.path(), &store_key(), options).unwrap();
    (store, folder)
}

/// Tries everything there is to try until nothing gives any more: every document in a fresh copy of
/// the store, with the clock at each of these times, the largest first. Of a leave for a swap: with
/// an old meter of his own that holds each of these sums, with a dead one, and with the real one.
pub fn rob(hands: &Hands, stolen: &Path, clocks: &[i64], swaps: &[([MeterNo; 2], &[i64])]) {
    let (store, _folder) = copied(stolen);
    let mut tokens = store.tokens(None, 1_000);
    drop(store);
    tokens.sort_by_key(|row| std::cmp::Reverse(row.facts.credit.value));
    loop {
        let before = hands.truth();
        // Credits first, and what is taken out last: a thief is no fool.
        for debit in [false, true] {
            for row in tokens.iter().filter(|row| row.facts.act.is_debit() == debit) {
                for at in clocks {
                    let (store, _folder) = copied(stolen);
                    hands.recharge(&store, *at, row.facts.id);
                }
            }
        }
        for (pair, holds) in swaps {
            let made = holds.iter().map(|holds| Old::Own(*holds));
            for how in made.chain([Old::Dead]) {
                for at in clocks {
                    let (store, _folder) = copied(stolen);
                    hands.swap(&store, *at, (*pair, how), &mut || true);
                }
            }
            // What is in the old meter itself is taken out, and he goes no further.
            for at in clocks {
                let (store, _folder) = copied(stolen);
                hands.swap(&store, *at, (*pair, Old::Real), &mut || false);
            }
        }
        if hands.truth() == before {
            break;
        }
    }
    // And all of it in one store, as one who makes no copies.
    let (store, _folder) = copied(stolen);
    for row in &tokens {
        hands.recharge(&store, clocks[0], row.facts.id);
    }
}

/// A program that keeps no rule: every document there is, at its step, without a look at its life,
/// at limits, at rights, at what was taken back; the largest first, until nothing gives any more.
pub fn forge(hands: &Hands, stolen: &Path) {
    let (store, _folder) = copied(stolen);
    let tokens = store.tokens(None, 1_000).into_iter().map(|row| row.facts);
    let credits = tokens.filter(|facts| !facts.act.is_debit());
    let mut credits: Vec<_> = credits
        .map(|facts| (facts.credit.value, facts.meter, facts.account, facts.count_before))
        .collect();
    credits.extend(store.swaps().into_iter().map(|row| {
        let facts = row.facts;
        (facts.most.max(facts.provisional), facts.meter, facts.account, facts.count)
    }));
    credits.sort_by_key(|(amount, ..)| std::cmp::Reverse(*amount));
    loop {
        let before = hands.truth();
        for (amount, meter, account, count) in &credits {
            let parts = |amount: i64, count: u32| -> [Vec<u8>; 2] {
                let amount = u32::try_from(amount).unwrap();
                [amount.to_le_bytes().to_vec(), count.to_le_bytes().to_vec()]
            };
            for (item, [amount, count]) in
                [(0x0701_01FF_u32, parts(0, 0)), (0x0701_02FF, parts(*amount, count.0 + 1))]
            {
                let head = [item.to_le_bytes(), [0x44, 0x33, 0x22, 0x11]].concat();
                let body = [amount, count, vec![0; 4], account.wire().to_vec(), vec![0; 4]];
                let data = [head, body.concat()].concat();
                let frame = Frame::new(Address::meter(*meter), 0x03, data).encode(4);
                let now = Link::now(&hands.wire);
                let mut fleet = hands.fleet.lock().unwrap();
                let _ = meterkit::sim::answer(fleet.meter_mut(*meter).unwrap(), &frame, now);
            }
        }
        if hands.truth() == before {
            return;
        }
    }
}

//! A thief with a stolen handheld: its store as it was, its PIN, copies of it, a clock he sets as
//! he likes, a start of the machine whenever he wants one, and all the time in the world. He uses
//! the real jobs at simulated meters.

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
use meterkit::sim::serve::SharedFleet;
use meterkit::store::{Bounds, IndexKind, Options, Store, TokenState};
use meterkit::transport::{LineSettings, Link};
use meterkit::units::{Act, MeterNo, Money, TokenId, UnixSeconds};

use crate::office::desk::store_key;
use crate::stories::site::operator;
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

    /// A swap whose old meter is read, and then has its plug pulled: whoever wants the advance for
    /// a dead meter makes it one. Whatever is asked, nothing is tried twice.
    pub fn swap(&self, store: &Store, at: i64, [old, new]: [MeterNo; 2]) {
        let dead = |dead| self.fleet.lock().unwrap().meter_mut(old).unwrap().set_dead(dead);
        dead(false);
        let values =
            Values::default().with(swap::OLD, old.to_string()).with(swap::NEW, new.to_string());
        // In a log-in of its own: two meters whose clocks agree would give his away.
        let _ = self.work(store, at, |site| Swap.plan(site, &values));
        dead(true);
        self.work(store, at, |site| {
            let Ok(work) = Swap.begin(site, &values) else { return };
            let mut answer = Answer::None;
            for _ in 0..80 {
                answer = match Swap.advance(site, work, &answer, &mut |_| {}) {
                    Ok(sheet) if sheet.done => return,
                    Ok(sheet) => match &sheet.ask {
                        Ask::Digits(meter) => Answer::Text(meter.to_string()[8..].to_owned()),
                        Ask::Choice(_, choices) => {
                            self.pass(200);
                            let other = choices.iter().find(|choice| **choice != "again");
                            Answer::Text((*other.unwrap_or(&choices[0])).to_owned())
                        }
                        Ask::Nothing => return,
                        // He says what it held; the leave's most is what he is believed.
                        Ask::Enter(..) => Answer::Text(self.claim.to_string()),
                        _ => Answer::Yes,
                    },
                    Err(_) => return,
                };
            }
        });
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

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Tries everything there is to try until nothing gives any more: every document in a fresh copy of
/// the store, with the clock at each of these times, the largest first.
pub fn rob(hands: &Hands, stolen: &Path, clocks: &[i64], swaps: &[[MeterNo; 2]]) {
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
        for pair in swaps {
            for at in clocks {
                let (store, _folder) = copied(stolen);
                hands.swap(&store, *at, *pair);
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

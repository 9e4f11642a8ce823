//! The acts of money from the hostile side: two handhelds with documents for one meter, stores put
//! back from a copy, clocks put back, frames doubled, the power cut at every step of the disk.
//!
//! The judge is the ledger of the simulated meter beside the journals: what left the meter, what
//! came into it, what the journals call done, and what they openly do not know.

mod acts;
mod again;
mod between;

use std::time::Duration;

use meterkit::jobs::account::Account;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Values};
use meterkit::jobs::recharge::{self, Checked};
use meterkit::jobs::{Failure, tokens};
use meterkit::report::Code;
use meterkit::store::{Store, TokenState};
use meterkit::transport::Link;
use meterkit::units::{Act, ErrandKind, StepState, TokenId};
use meterkit_tokens::{Kind, RechargeToken, Unit};

use crate::stories::site::{BASE, TENANT};
use crate::swap::bench::{Bench, OLD, OLD_ACCOUNT, old};

/// What is done at the meter, by the form's own word; a recharge has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    pub word: &'static str,
    pub kind: Kind,
    pub count: u32,
    pub amount: i64,
    pub undoes: Option<[u8; 16]>,
}

impl Deed {
    pub const fn refund(amount: i64) -> Self {
        Self { word: "refund", kind: Kind::Refund, count: 6, amount, undoes: None }
    }

    /// Of a recharge that another handheld carried.
    pub const fn reversal(amount: i64) -> Self {
        Self { word: "reverse", undoes: Some([9; 16]), ..Self::refund(amount) }
    }

    pub const fn opening(amount: i64) -> Self {
        Self { word: "open", kind: Kind::Open, count: 0, amount, undoes: None }
    }

    pub const fn recharge(count: u32, amount: i64) -> Self {
        Self { word: "", kind: Kind::Recharge, count, amount, undoes: None }
    }

    fn is_debit(self) -> bool {
        self.kind == Kind::Refund
    }
}

/// The office's document for a handheld, taken in by it.
pub fn issue(bench: &mut Bench, deed: Deed) -> TokenId {
    bench.serial += 1;
    let account: meterkit::units::AccountNo = OLD_ACCOUNT.parse().unwrap();
    let token = RechargeToken {
        tenant: TENANT.to_owned(),
        meter: old().bcd(),
        device: bench.device.clone(),
        expires: BASE + 5 * 86_400,
        not_before: BASE - 3_600,
        issued: BASE - 3_600,
        id: [bench.serial; 16],
        kind: deed.kind,
        amount: deed.amount,
        unit: Unit::Yuan,
        count: deed.count,
        seq: u64::from(bench.serial),
        order: [bench.serial; 8],
        account: account.bcd(),
        caps: 0,
        max_balance: None,
        undoes: deed.undoes,
    };
    let bytes = bench.office.issuer.recharge(&token).unwrap();
    let store = bench.open();
    let done = tokens::import_bytes(&store, &bench.stamp(), &bytes);
    assert_eq!((done.taken.len(), done.refused), (1, vec![]));
    TokenId(token.id)
}

/// Whether only another start of the program helps.
fn broken(failure: &Failure) -> bool {
    matches!(failure.code, Code::StoreFailed | Code::JournalDamaged | Code::DiskFull)
}

/// Does a deed and follows what is asked to the end, however often it is begun. An error is the
/// last word: what stands against it, or a disk that broke.
pub fn follow(bench: &Bench, store: &Store, deed: Deed, token: TokenId) -> Result<Sheet, Failure> {
    if deed.word.is_empty() {
        return recharged(bench, store, token);
    }
    bench.work(store, |site| {
        let open = store
            .errands()
            .into_iter()
            .find(|row| row.step.kind == ErrandKind::Account && row.step.state == StepState::Begun);
        let values = Values::default().with("act", deed.word).with("meter", OLD);
        let work = match open {
            Some(row) => row.step.errand,
            None => Account.begin(site, &values.with("token", token.to_string()))?,
        };
        let (mut answer, mut tries) = (Answer::None, 0);
        for _ in 0..80 {
            answer = match Account.advance(site, work, &answer, &mut |_| {}) {
                Ok(sheet) if sheet.done => return Ok(sheet),
                Ok(sheet) => match sheet.ask {
                    Ask::Digits(meter) => Answer::Text(meter.to_string()[8..].to_owned()),
                    Ask::Go(_) => {
                        bench.pass(Duration::from_secs(200));
                        Answer::Yes
                    }
                    other => panic!("{other:?}"),
                },
                Err(failure) if broken(&failure) || tries > 5 => return Err(failure),
                Err(_) => {
                    tries += 1;
                    bench.pass(Duration::from_secs(20));
                    Answer::None
                }
            };
        }
        panic!("it never ends");
    })
}

/// The same for a recharge, which is no errand.
fn recharged(bench: &Bench, store: &Store, token: TokenId) -> Result<Sheet, Failure> {
    bench.work(store, |site| {
        let desk = site.desk;
        for _ in 0..8 {
            let state = store.token(token).unwrap().state;
            let done = match state {
                TokenState::Intent => {
                    site.on(old(), |line, _| recharge::resolve(desk, line, old()).map(drop))
                }
                TokenState::Cached | TokenState::NotApplied => site.on(old(), |line, _| {
                    match recharge::preflight_act(desk, line, token, &[Act::Recharge])? {
                        Checked::Settled(_) => Ok(()),
                        Checked::Ready(ready) => {
                            recharge::commit_act(&ready, &OLD[8..], desk, line, None).map(drop)
                        }
                    }
                }),
                _ => return Ok(Sheet::new(ErrandKind::Account, None)),
            };
            match done {
                Err(failure) if broken(&failure) => return Err(failure),
                Err(failure) if failure.code == Code::CountAhead => return Err(failure),
                _ => bench.pass(Duration::from_secs(200)),
            }
        }
        Ok(Sheet::new(ErrandKind::Account, None))
    })
}

/// What one handheld's journal says of its document.
pub struct Said {
    pub deed: Deed,
    pub state: TokenState,
}

pub fn said(store: &Store, deed: Deed, token: TokenId) -> Said {
    Said { deed, state: store.token(token).unwrap().state }
}

/// Sums of a direction that the meter's ledger may show, by what the journals say: what is done
/// counts once, what is openly unknown may be there or not, or twice where the line doubled it.
fn sums(said: &[Said], debits: bool) -> Vec<i64> {
    let mut sums = vec![0i64];
    for one in said.iter().filter(|one| one.deed.is_debit() == debits) {
        let times: &[i64] = match one.state {
            TokenState::Accepted => &[1],
            TokenState::Intent | TokenState::Disputed => &[0, 1, 2],
            _ => &[0],
        };
        sums = sums
            .iter()
            .flat_map(|sum| times.iter().map(move |times| sum + times * one.deed.amount))
            .collect();
    }
    sums
}

/// The meter's ledger beside what the journals say; what does not meet.
pub fn audit(bench: &Bench, said: &[Said]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut fleet = bench.fleet.lock().unwrap();
    fleet.advance(Link::now(&bench.wire));
    if let Err(error) = fleet.audit() {
        wrong.push(format!("{error:?}"));
    }
    let meter = fleet.meter(old()).unwrap();
    let sum = |list: &[meterkit::sim::Booking]| list.iter().map(|one| one.amount).sum::<i64>();
    for (debits, real) in [(true, sum(meter.refunds())), (false, sum(meter.bookings()))] {
        if !sums(said, debits).contains(&real) {
            let states: Vec<_> = said.iter().map(|one| (one.deed, one.state)).collect();
            wrong.push(format!("debits {debits}: {real} in the meter, by journal {states:?}"));
        }
    }
    wrong
}

//! The count doctor: what the office's token, the meter's purchase count and its last record say
//! together, as one named state with exactly one safe next step (`reference/field-work.md` P8).
//!
//! Pure: the same triple always gives the same answer. It is careful in one direction only: a state
//! that says "recharge" is one in which the meter itself takes exactly this step and no other.

use std::cmp::Ordering;

use crate::units::{AccountNo, Credit, PurchaseCount, PurchaseRecord};

/// How far the token came on this handheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// Never sent.
    No,
    /// Sent, and read back as not applied: a late frame of it may still arrive.
    NotApplied,
    /// In the meter, by its own read-back.
    Accepted,
}

/// The next credit by the office's word: the step it is for, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The count the meter must show before; the step is the next one.
    pub count_before: PurchaseCount,
    /// How much.
    pub credit: Credit,
    /// The account it is for.
    pub account: AccountNo,
    /// How far it came.
    pub used: Used,
}

/// A money act that is not finished on this handheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// None.
    No,
    /// Reading can tell.
    Readable,
    /// Only the office can tell.
    Disputed,
}

/// Everything the doctor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triple {
    /// The account by the office's list.
    pub listed: Option<AccountNo>,
    /// The lowest step this handheld has a credit for.
    pub due: Option<Due>,
    /// Whether this handheld has a credit for exactly the meter's next step.
    pub has_next: bool,
    /// Whether a money act is not finished.
    pub unfinished: Unfinished,
    /// The count this handheld saw last under the same account.
    pub seen_before: Option<PurchaseCount>,
    /// The account in the meter.
    pub account: Option<AccountNo>,
    /// The count in the meter.
    pub count: PurchaseCount,
    /// The meter's record of the step that is due, where it has one.
    pub record: Option<PurchaseRecord>,
}

macro_rules! states {
    ($($(#[$meta:meta])* $name:ident = $text:literal => $next:ident;)*) => {
        /// What the triple is called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum State {
            $($(#[$meta])* $name,)*
        }

        impl State {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The one safe next step.
            pub fn next(self) -> Next {
                match self {
                    $(Self::$name => Next::$next,)*
                }
            }
        }
    };
}

states! {
    /// A money act here has no known outcome.
    Unfinished = "count-unfinished" => Ask;
    /// The evidence of one contradicts itself.
    Disputed = "count-disputed" => Office;
    /// The meter has no account.
    NotOpen = "count-not-open" => Open;
    /// The meter has another customer's.
    OtherAccount = "count-other-account" => Office;
    /// The count is lower than it was: the meter was reset or replaced.
    WentBack = "count-went-back" => Office;
    /// Nothing is to be credited.
    Even = "count-even" => Nothing;
    /// The meter waits for exactly the step that is due.
    Ready = "count-ready" => Recharge;
    /// The step is in the meter, as it should be.
    Booked = "count-booked" => Sync;
    /// The step is in the meter with our amount, and it was our frame that was sent.
    BookedLate = "count-booked-late" => Ask;
    /// The step is in the meter with our amount, and we never sent it.
    SameAmount = "count-same-amount" => Office;
    /// Another credit took the step.
    Taken = "count-taken" => Sync;
    /// The step is taken, and nobody can tell by what.
    NoRecord = "count-no-record" => Office;
    /// The meter is further than the office and this handheld know of: an unknown sale.
    Ahead = "doctor-ahead" => Office;
    /// Earlier steps are missing, and this handheld has the next of them.
    Chain = "count-chain" => Recharge;
    /// Earlier steps are missing, and this handheld has not the next of them.
    Missing = "count-missing" => Sync;
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Ask the meter what happened.
    Ask,
    /// Open the account.
    Open,
    /// Recharge with the token of the meter's next step.
    Recharge,
    /// Exchange with the office, and use no token before.
    Sync,
    /// Move no money; tell the office what the meter shows.
    Office,
}

impl Next {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "next-nothing",
            Self::Ask => "next-ask",
            Self::Open => "next-open",
            Self::Recharge => "next-recharge",
            Self::Sync => "next-sync",
            Self::Office => "next-office",
        }
    }
}

/// Names the state of a meter's count.
pub fn judge(triple: &Triple) -> State {
    match triple.unfinished {
        Unfinished::Readable => return State::Unfinished,
        Unfinished::Disputed => return State::Disputed,
        Unfinished::No => {}
    }
    let Some(account) = triple.account else { return State::NotOpen };
    let stranger = |own: Option<AccountNo>| own.is_some_and(|own| own != account);
    if stranger(triple.listed) || stranger(triple.due.map(|due| due.account)) {
        return State::OtherAccount;
    }
    if triple.seen_before.is_some_and(|seen| triple.count < seen) {
        return State::WentBack;
    }
    let Some(due) = triple.due else { return State::Even };
    let step = due.count_before.next();
    match triple.count.cmp(&due.count_before) {
        // A count behind what was accepted before went back, whoever saw it.
        Ordering::Less | Ordering::Equal if due.used == Used::Accepted => State::WentBack,
        Ordering::Less if triple.has_next => State::Chain,
        Ordering::Less => State::Missing,
        Ordering::Equal => State::Ready,
        Ordering::Greater => passed(triple, due, step == Some(triple.count)),
    }
}

/// The count is past the step that is due; `just`: by one.
fn passed(triple: &Triple, due: Due, just: bool) -> State {
    let record = triple.record.filter(|record| Some(record.count) == due.count_before.next());
    let ours = record.map(|record| record.amount == due.credit.value);
    match (due.used, ours) {
        (Used::Accepted, Some(false)) => State::NoRecord,
        (Used::Accepted, _) if just => State::Booked,
        (_, Some(false)) if just => State::Taken,
        (Used::NotApplied, Some(true)) => State::BookedLate,
        (Used::No, Some(true)) => State::SameAmount,
        (_, None) if just => State::NoRecord,
        _ => State::Ahead,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::units::CreditUnit;

    fn credit(value: i64) -> Credit {
        Credit { value, unit: CreditUnit::Yuan }
    }

    /// Every triple over small numbers.
    fn all(mut see: impl FnMut(&Triple)) {
        let own: AccountNo = "1".parse().unwrap();
        let other: AccountNo = "2".parse().unwrap();
        let accounts = [None, Some(own), Some(other)];
        let uses = [Used::No, Used::NotApplied, Used::Accepted];
        let works = [Unfinished::No, Unfinished::Readable, Unfinished::Disputed];
        let mut dues = vec![None];
        for count in 0..4 {
            dues.extend(uses.map(|used| {
                let count_before = PurchaseCount(count);
                Some(Due { count_before, credit: credit(500), account: own, used })
            }));
        }
        let mut seen = vec![None];
        seen.extend((0..4).map(|count| Some(PurchaseCount(count))));
        for count in 0..5 {
            let mut records = vec![None];
            for (at, amount) in (0..=count).flat_map(|at| [(at, 500), (at, 700)]) {
                records.push(Some(PurchaseRecord {
                    count: PurchaseCount(at),
                    amount,
                    balances: None,
                }));
            }
            for (listed, account, unfinished) in accounts.iter().flat_map(|listed| {
                let pair = move |account| works.map(|work| (*listed, account, work));
                accounts.into_iter().flat_map(pair)
            }) {
                for due in &dues {
                    for seen_before in &seen {
                        for record in &records {
                            for has_next in [false, true] {
                                see(&Triple {
                                    listed,
                                    due: *due,
                                    has_next,
                                    unfinished,
                                    seen_before: *seen_before,
                                    account,
                                    count: PurchaseCount(count),
                                    record: *record,
                                });
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_recharge_is_only_named_where_the_meter_takes_exactly_that_step() {
        let (mut number, mut states) = (0_u32, HashSet::new());
        all(|triple| {
            number += 1;
            let state = judge(triple);
            states.insert(state);
            let what = format!("{triple:?}: {state:?}");
            let whole = triple.unfinished == Unfinished::No
                && triple.account.is_some()
                && triple.listed.is_none_or(|own| triple.account == Some(own))
                && triple.due.is_none_or(|due| triple.account == Some(due.account))
                && triple.seen_before.is_none_or(|seen| triple.count >= seen);
            match state.next() {
                Next::Recharge => {
                    let due = triple.due.unwrap();
                    assert!(whole && due.used != Used::Accepted, "{what}");
                    let own = due.count_before == triple.count;
                    assert!(own || triple.has_next && triple.count < due.count_before, "{what}");
                }
                Next::Nothing => assert!(whole && triple.due.is_none(), "{what}"),
                Next::Open => assert_eq!(triple.account, None, "{what}"),
                Next::Ask => {
                    let late = state == State::BookedLate;
                    assert!(late || triple.unfinished == Unfinished::Readable, "{what}");
                }
                Next::Sync => assert!(whole, "{what}"),
                Next::Office => {}
            }
            // Whatever is not whole never ends in a credit or in "all is well".
            if !whole {
                assert!(!matches!(state.next(), Next::Recharge | Next::Nothing | Next::Sync));
            }
        });
        assert!(number > 50_000, "{number}");
        // No state is there for nothing.
        assert_eq!(states.len(), State::ALL.len(), "{states:?}");
    }

    /// The table of field-work.md P8, N = 4 being the step that is due.
    #[test]
    fn the_table_of_the_reference() {
        let own: AccountNo = "1".parse().unwrap();
        let record = |count, amount| {
            Some(PurchaseRecord { count: PurchaseCount(count), amount, balances: None })
        };
        let triple = |count, used, record, has_next| Triple {
            listed: Some(own),
            due: Some(Due {
                count_before: PurchaseCount(3),
                credit: credit(500),
                account: own,
                used,
            }),
            has_next,
            unfinished: Unfinished::No,
            seen_before: None,
            account: Some(own),
            count: PurchaseCount(count),
            record,
        };
        for (count, used, record, has_next, state) in [
            (3, Used::No, None, true, State::Ready),
            (3, Used::NotApplied, None, true, State::Ready),
            (4, Used::Accepted, record(4, 500), false, State::Booked),
            (4, Used::NotApplied, record(4, 500), false, State::BookedLate),
            (4, Used::No, record(4, 500), false, State::SameAmount),
            (4, Used::No, record(4, 700), false, State::Taken),
            (4, Used::No, None, false, State::NoRecord),
            (5, Used::No, None, false, State::Ahead),
            (5, Used::No, record(4, 700), false, State::Ahead),
            (9, Used::No, record(9, 500), false, State::Ahead),
            (2, Used::No, None, false, State::Missing),
            (1, Used::No, None, true, State::Chain),
            (3, Used::Accepted, None, false, State::WentBack),
        ] {
            let triple = triple(count, used, record, has_next);
            assert_eq!(judge(&triple), state, "{triple:?}");
        }
    }
}

//! The journal of a swap in pieces: cut anywhere, repeated, out of order, from an office that dies
//! in between. The books are those of the whole journal at once, and sum to zero after every piece.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use meterkit::office::{Applied, SwapIssued};
use proptest::prelude::*;

use super::yard::{Books, Old, Yard};
use crate::office::desk::device;
use crate::support::postgres::cases;

const OLDS: [Old; 4] = [Old::Alive, Old::Dead, Old::InDebt, Old::Refused];

/// A swap that was done at the meters, and of which the office has heard nothing since its leave.
fn done(old_is: Old) -> (Yard, SwapIssued) {
    let (yard, issued) = Yard::ready(old_is);
    yard.swap();
    (yard, issued)
}

fn at_once(old_is: Old) -> Books {
    let (yard, issued) = done(old_is);
    let (head, have) = yard.heads();
    assert!(matches!(yard.apply(have + 1, head), Applied::Receipt(_)));
    yard.books(&issued)
}

#[test]
fn one_entry_at_a_time_and_each_of_them_twice() {
    for old_is in OLDS {
        let (yard, issued) = done(old_is);
        let (head, have) = yard.heads();
        assert!(head > have + 15, "there is something to cut: {have}..{head}");
        for seq in have + 1..=head {
            let first = yard.apply(seq, seq);
            assert!(matches!(first, Applied::Receipt(_)));
            assert_eq!(yard.apply(seq, seq), first, "the same receipt");
            let before = yard.books(&issued);
            // With what was there before once more in front of it.
            let from = seq.saturating_sub(3).max(have + 1);
            if from < seq {
                assert!(matches!(yard.apply(from, seq), Applied::Receipt(_)));
            }
            assert_eq!(yard.books(&issued), before, "{old_is:?} {seq}");
        }
        assert_eq!(yard.books(&issued), at_once(old_is), "{old_is:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    #[test]
    fn any_cut_and_order_gives_the_same_books(
        which in 0usize..4,
        deliveries in proptest::collection::vec((0u64..60, 0u64..12), 0..24),
    ) {
        let (yard, issued) = done(OLDS[which]);
        let (head, have) = yard.heads();
        let mut acked = have;
        for (from, more) in deliveries {
            let first = (have + 1 + from).min(head);
            let last = (first + more).min(head);
            match yard.apply(first, last) {
                Applied::Receipt(_) => {
                    prop_assert!(first <= acked + 1);
                    acked = acked.max(last);
                }
                Applied::Need(need) => prop_assert_eq!(need.seq, acked),
                Applied::Refused(refusal) => prop_assert!(false, "refused: {refusal:?}"),
            }
            yard.desk.report();
        }
        if acked < head {
            yard.apply(acked + 1, head);
        }
        prop_assert_eq!(yard.books(&issued), at_once(OLDS[which]));
    }
}

/// The office dies between any two steps of taking in the whole journal of a swap.
#[test]
fn an_office_that_dies_half_way_has_all_of_it_or_nothing() {
    let wanted = at_once(Old::Alive);
    let (yard, issued) = done(Old::Alive);
    let (head, have) = yard.heads();
    let before = yard.books(&issued);
    let pack = yard.pack(have + 1, head);
    let mut died = 0;
    for steps in 0.. {
        let done = yard.desk.local.wait(async {
            let name = device("hh-1");
            let mut work = pin!(yard.desk.office().apply_pack(&name, &pack, b"signed"));
            let mut polls = 0;
            std::future::poll_fn(move |context| {
                if polls == steps {
                    return Poll::Ready(false);
                }
                polls += 1;
                work.as_mut().poll(context).map(|result| result.is_ok())
            })
            .await
        });
        let now = yard.books(&issued);
        assert!(now == before || now == wanted, "after {steps} steps: {now:#?}");
        if done || now == wanted {
            break;
        }
        died += 1;
    }
    // Several statements may be answered within one poll: about seventy on an idle machine.
    assert!(died > 10, "it was stopped at many places, {died}");
    yard.apply(have + 1, head);
    assert_eq!(yard.books(&issued), wanted);
}

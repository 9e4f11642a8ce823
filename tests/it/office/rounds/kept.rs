//! What a handheld keeps of the office's rounds: in a store that is put back to an earlier day, and
//! beside the journal when a round can no longer be begun.

use std::sync::atomic::Ordering;

use meterkit::jobs::errand::{Answer, Errand};
use meterkit::jobs::round::given::{self, OFFICE, Stands};
use meterkit::jobs::round::{Round, type_in};
use meterkit::jobs::tokens::import_bytes;
use meterkit::office::{NewRound, PlaceState, RoundOf, RoundState};
use meterkit::report::Code;
use meterkit::store::{Event, Step};
use meterkit::sync::SyncError;
use meterkit::sync::wire::Refusal;
use meterkit::units::{Energy, ErrandKind, StepState, UnixSeconds, WorkId};

use super::{DAY, at, begin, code, make, new, sheet, stands};
use crate::office::desk::{Desk, METER, NOW, meter};

/// A handheld whose store is put back to before it took a round in: the office does not give it the
/// round, or anything, a second time in that life of its journal, and shows what it showed.
#[test]
fn a_store_put_back_to_before_a_round_came_does_not_get_it_again() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let before = handheld.copy();
    let made = make(&desk, &new("May", RoundOf::All)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let document = handheld.store.round(made.id).unwrap().taken.digest;
    let document = handheld.store.round_document(&document).unwrap();
    let work = begin(&handheld, "May").unwrap();
    handheld.sync(&desk.post()).unwrap();
    let shown = sheet(&desk, made.id);
    assert_eq!(shown.state, RoundState::Begun);
    assert_eq!(stands(&before), [], "it knows of none");
    assert_eq!(before.sync(&desk.post()).unwrap_err(), SyncError::Refused(Refusal::RolledBack));
    // Carried to it by hand, too: nothing is recorded in this life any more.
    let done = import_bytes(&before.store, &before.stamp(), &document);
    assert_eq!((done.taken.len(), done.refused[0].code), (0, Code::JournalRolledBack), "{done:?}");
    assert_eq!(stands(&before), []);
    assert_eq!(code(begin(&before, "May")), Some(Code::RoundUnknown));
    assert_eq!(sheet(&desk, made.id), shown);
    // The handheld that has it goes on.
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, made.id);
    assert_eq!((told.state, told.count(PlaceState::Read)), (RoundState::Ended, 1), "{told:?}");
    assert!(desk.open_classes().is_empty());
}

/// Put back to before it began a round, which the office saw: after an exchange it begins nothing;
/// without one it does, and that beginning never counts.
#[test]
fn a_store_put_back_to_before_a_round_was_begun_does_not_begin_it_again() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let made = make(&desk, &new("May", RoundOf::All)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let (told_first, begun_first) = (handheld.copy(), handheld.copy());
    let work = begin(&handheld, "May").unwrap();
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let shown = sheet(&desk, made.id);
    assert_eq!((shown.state, shown.count(PlaceState::Read)), (RoundState::Ended, 1), "{shown:?}");
    assert_eq!(stands(&told_first), [("May".to_owned(), Stands::Waits)]);
    let refused = told_first.sync(&desk.post()).unwrap_err();
    assert_eq!(refused, SyncError::Refused(Refusal::RolledBack));
    assert_eq!(code(begin(&told_first, "May")), Some(Code::JournalRolledBack));
    assert_eq!(stands(&told_first), [("May".to_owned(), Stands::Waits)], "nothing was recorded");
    assert!(desk.open_classes().is_empty(), "an old copy proves nothing against the real one");
    // In the field, with no office to tell it so, and with another figure typed.
    let again = begin(&begun_first, "May").unwrap();
    assert_ne!(again, work);
    assert_eq!(code(begin(&begun_first, "May")), Some(Code::RoundBegun), "once here, too");
    let typed = (meter(METER), Energy(1));
    type_in(&begun_first.store, &begun_first.stamp(), again, typed, "dark").unwrap();
    for n in 1..=20 {
        begun_first.append(Event::TimeAnchor { server: UnixSeconds(NOW + n) });
    }
    assert!(begun_first.sync(&desk.post()).is_err());
    assert_eq!(sheet(&desk, made.id), shown, "what came first stands");
    assert_eq!(desk.open_classes(), ["C1"], "two journals of one life call a person");
    let june = make(&desk, &new("June", RoundOf::All)).unwrap_err();
    assert_eq!(june.code(), "quarantined", "nothing more for that life");
}

/// What lies on the handheld of a round is let go of when nothing can be begun with it any more: by
/// the journal, and by the office's own word alone. The journal loses nothing.
#[test]
fn the_list_of_a_round_lies_there_no_longer_than_it_can_be_begun() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let days = |name: &str, days| make(&desk, &NewRound { days, ..new(name, RoundOf::All) });
    let [begun, withdrawn, short, long] =
        [("begun", 9), ("withdrawn", 9), ("short", 1), ("long", 9)]
            .map(|(name, for_days)| days(name, for_days).unwrap().id);
    handheld.sync(&desk.post()).unwrap();
    let digest = |id| handheld.store.round(id).unwrap().taken.digest;
    let lie = || {
        given::let_go(&handheld.store);
        let rounds = [begun, withdrawn, short, long];
        rounds.map(|id| handheld.store.round_document(&digest(id)).is_some())
    };
    assert_eq!(lie(), [true; 4]);
    // The power failed between the entries that begin it: it is still to be begun.
    handheld.append(Event::Step(Step {
        errand: WorkId([7; 16]),
        kind: ErrandKind::Round,
        meter: None,
        name: Step::WHOLE.to_owned(),
        state: StepState::Begun,
        notes: vec![(OFFICE.to_owned(), begun.to_string())],
    }));
    assert_eq!(lie(), [true; 4]);
    let work = begin(&handheld, "begun").unwrap();
    assert!(handheld.store.round_document(&digest(begun)).is_none(), "with its beginning");
    desk.local.wait(desk.office().withdraw_round(withdrawn)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(lie(), [false, false, true, true]);
    // A clock that runs ahead takes nothing away; the office's time does.
    desk.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    assert!(stands(&handheld).contains(&("short".to_owned(), Stands::Over)));
    assert_eq!(lie(), [false, false, true, true]);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(lie(), [false, false, false, true]);
    let before: Vec<_> = handheld.store.rounds();
    assert_eq!(before.len(), 4, "the journal knows all of them");
    at(&handheld, |site| Round.advance(site, work, &Answer::None, &mut |_| {})).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let told = sheet(&desk, begun);
    assert_eq!((told.state, told.count(PlaceState::Read)), (RoundState::Ended, 1), "{told:?}");
    for (name, why) in
        [("begun", Code::RoundBegun), ("withdrawn", Code::RoundOver), ("short", Code::RoundOver)]
    {
        assert_eq!(code(begin(&handheld, name)), Some(why), "{name}");
    }
    begin(&handheld, "long").unwrap();
    assert_eq!(lie(), [false; 4]);
    handheld.store.verify().unwrap();
}

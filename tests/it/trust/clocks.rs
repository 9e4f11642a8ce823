//! Time: a status that ages, clocks that are set, meters that bear witness, keys that end.

use std::time::Duration;

use meterkit::jobs::views::Standing;
use meterkit::report::Code;
use meterkit::store::DocKind;
use meterkit::units::Decision;

use super::{
    HOUR, leave_open, meter, office_tells, recharge, shown, site, site_off, standing,
    still_reads_and_resolves, token, use_token,
};
use crate::stories::site::{BASE, Site};

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// Sets the handheld's clock.
fn set(site: &mut Site, seconds: i64) {
    site.clock.base.0 += seconds;
}

#[test]
fn a_status_ages_through_four_steps() {
    let mut site = site();
    // A status of 50 hours with a grace of a day, and limits of which the soft ones are small.
    site.take_status(|status| {
        status.expires = status.issued + 50 * HOUR;
        status.caps.acts = [3, 100];
    });
    leave_open(&mut site, 3);
    assert_eq!(standing(&site), (Standing::Fresh, None));
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    site.pass(hours(40));
    site.log_in();
    assert_eq!(standing(&site), (Standing::Warn, Some(Code::StatusOld)));
    let id = token(&mut site, 1, 100);
    let codes: Vec<Code> = shown(&mut site, id).warnings.iter().map(|w| w.code).collect();
    assert_eq!(codes, [Code::StatusOld, Code::LimitNear]);
    site.pass(hours(10));
    // Expired: within the soft limits recharges go on. One is open and one done, so one is left.
    assert_eq!(standing(&site), (Standing::ReadOnly, Some(Code::StatusExpired)));
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
    let id = token(&mut site, 1, 100);
    let failure = use_token(&mut site, id).unwrap_err();
    assert_eq!(failure.code, Code::StatusExpired);
    assert_eq!(failure.detail, "hh-007: 4 / 3");
    site.pass(hours(24));
    site.log_in();
    assert_eq!(standing(&site), (Standing::NoMoney, Some(Code::StatusExpired)));
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::StatusExpired);
    still_reads_and_resolves(&mut site, 3);
    site.take_status(|_| {});
    assert_eq!(standing(&site), (Standing::Fresh, None));
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
}

#[test]
fn a_clock_set_back_stops_money_until_it_is_right_or_the_office_told() {
    let mut site = site();
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    leave_open(&mut site, 2);
    // Two minutes may happen to any clock.
    set(&mut site, -120);
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    set(&mut site, -HOUR);
    let id = token(&mut site, 1, 100);
    let failure = use_token(&mut site, id).unwrap_err();
    assert_eq!(failure.code, Code::ClockBehind);
    assert_eq!(standing(&site), (Standing::NoMoney, Some(Code::ClockBehind)));
    still_reads_and_resolves(&mut site, 2);
    // Set right again, all is well.
    set(&mut site, HOUR + 120);
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
    // The office tells its time: the clock is slow, and it is known how much.
    set(&mut site, -HOUR);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::ClockBehind));
    let right = site.now().0 + HOUR;
    office_tells(&mut site, right);
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    // Set back once more after that: found out.
    set(&mut site, -HOUR);
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::ClockBehind));
    set(&mut site, HOUR);
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
    // Whoever logs in anew has a clock that is an hour behind the office's.
    site.log_in();
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::ClockBehind));
    set(&mut site, HOUR);
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed));
}

#[test]
fn a_clock_set_back_does_not_bring_a_status_or_a_token_back_to_life() {
    let mut site = site();
    let id = token(&mut site, 1, 100);
    site.take_status(|status| {
        status.expires = status.issued + HOUR;
        status.grace_s = 0;
    });
    site.pass(hours(2));
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::StatusExpired);
    // Nothing was journaled since but that refusal; its stamp is enough.
    set(&mut site, -2 * HOUR);
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::ClockBehind);
    set(&mut site, 2 * HOUR - 100);
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::StatusExpired);
}

#[test]
fn a_clock_that_was_ahead_is_healed_by_the_office() {
    let mut site = site();
    // The office signs at the right time: its word would be a lower bound of the time for ever.
    let ids = [1, 2, 3].map(|at| token(&mut site, at, 100));
    let use_one = |site: &mut Site, at: usize| {
        use_token(site, ids[at]).map(|done| done.decision).map_err(|failure| failure.code)
    };
    set(&mut site, 10 * HOUR);
    assert_eq!(use_one(&mut site, 0), Ok(Decision::Confirmed), "ahead costs only life");
    set(&mut site, -10 * HOUR);
    assert_eq!(use_one(&mut site, 1), Err(Code::ClockBehind));
    let now = site.now().0;
    office_tells(&mut site, now);
    assert_eq!(use_one(&mut site, 1), Ok(Decision::Confirmed));
    site.restart();
    assert_eq!(use_one(&mut site, 2), Ok(Decision::Confirmed), "and after a restart");
}

#[test]
fn time_that_passed_since_the_office_told_cannot_be_taken_back() {
    let mut site = site();
    let now = site.now().0;
    office_tells(&mut site, now);
    site.log_in();
    site.pass(hours(3));
    set(&mut site, -3 * HOUR);
    // No entry was written in those three hours: only the machine's own clock knows of them.
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::ClockBehind));
}

#[test]
fn two_meters_that_agree_bear_witness_and_one_alone_does_not() {
    let read = |site: &mut Site, at: u64| {
        use meterkit::jobs::read;
        site.errand(|desk, line| {
            let (card, _) = read::quick_read(line, meter(at)).unwrap();
            desk.session.heard(line, card.meter, card.clock);
        });
    };
    // Two meters are a day ahead: our clock is a day behind.
    let mut site = site_off([24 * HOUR, 24 * HOUR + 100, 0]);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed));
    read(&mut site, 1);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed), "one meter");
    read(&mut site, 1);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed), "the same one again");
    read(&mut site, 2);
    assert_eq!(recharge(&mut site, 3, 100), Err(Code::ClockBehind), "two that agree");
    // The office knows better: then it is the meters that are wrong.
    let now = site.now().0;
    office_tells(&mut site, now + 1);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed));
    read(&mut site, 1);
    read(&mut site, 2);
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed));

    // A liar, and another liar with another story.
    let mut site = site_off([24 * HOUR, 30 * HOUR, 0]);
    (1..=3).for_each(|at| read(&mut site, at));
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed), "a lying meter is recharged");
    assert_eq!(recharge(&mut site, 3, 100), Ok(Decision::Confirmed));
}

#[test]
fn keys_that_are_older_than_the_status_says_stop_money() {
    let mut site = site();
    let id = token(&mut site, 1, 100);
    let stamp = site.stamp();
    site.take_status(|status| {
        status.keyset = 2;
    });
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::KeysBehind);
    let keyset = site.office.keyset(2, |_| {});
    site.store.take_document(&stamp, DocKind::Keyset, 2, &keyset).unwrap();
    assert_eq!(use_token(&mut site, id).unwrap().decision, Decision::Confirmed);
}

#[test]
fn a_keyset_ends_in_steps() {
    let mut site = site();
    let stamp = site.stamp();
    let keyset = site.office.keyset(2, |keyset| keyset.expires = BASE + 15 * 86_400);
    site.store.take_document(&stamp, DocKind::Keyset, 2, &keyset).unwrap();
    assert_eq!(standing(&site), (Standing::Fresh, None));
    site.pass(hours(25));
    assert_eq!(standing(&site), (Standing::Warn, Some(Code::KeysetEnds)));
    site.pass(hours(14 * 24));
    site.take_status(|status| status.keyset = 2);
    site.log_in();
    assert_eq!(standing(&site), (Standing::NoMoney, Some(Code::KeysetExpired)));
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::KeysetExpired));
}

#[test]
fn a_revoked_key_takes_everything_it_signed_with_it() {
    let mut site = site();
    let id = token(&mut site, 1, 100);
    let (stamp, kid) = (site.stamp(), site.office.issuer.kid());
    let keyset = site.office.keyset(2, |keyset| keyset.revoked = vec![(kid, BASE - 86_400)]);
    site.store.take_document(&stamp, DocKind::Keyset, 2, &keyset).unwrap();
    // Its grant goes first, its status and its tokens with it.
    assert_eq!(use_token(&mut site, id).unwrap_err().code, Code::GrantRevoked);
    assert_eq!(standing(&site), (Standing::NoMoney, Some(Code::StatusMissing)));
}

#[test]
fn a_document_that_is_gone_stops_money_and_an_older_one_is_refused() {
    let mut site = site();
    let older = site.office.status(BASE - 1, |_| {}).1;
    let done = meterkit::jobs::tokens::import_bytes(&site.store, &site.stamp(), &older);
    assert_eq!(done.refused.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::DocumentBack]);
    leave_open(&mut site, 2);
    let folder = site.folder.path().join("store/snapshots");
    let mut gone = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("status") {
            std::fs::remove_file(path).unwrap();
            gone += 1;
        }
    }
    assert!(gone > 0, "the status is a file");
    assert_eq!(recharge(&mut site, 1, 100), Err(Code::DocumentLost));
    still_reads_and_resolves(&mut site, 2);
    site.take_status(|_| {});
    assert_eq!(recharge(&mut site, 1, 100), Ok(Decision::Confirmed), "the next one heals it");
}

#[test]
fn a_status_that_knows_more_of_us_than_we_do_stops_money_for_good() {
    let site = site();
    let head = site.store.summary().head;
    let (_, bytes) = site.office.status(BASE, |status| {
        status.version += 1;
        (status.acked_seq, status.acked_hash) = (head.seq + 5, [9; 32]);
    });
    let take = |site: &Site| {
        let done = meterkit::jobs::tokens::import_bytes(&site.store, &site.stamp(), &bytes);
        done.refused.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(take(&site), [Code::JournalRolledBack]);
    assert_eq!(
        meterkit::jobs::failure::why(&site.store.money_allowed().unwrap_err()).code,
        Code::JournalRolledBack
    );
}

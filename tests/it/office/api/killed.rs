//! The real server, killed with SIGKILL again and again at moments nobody chose, and again while it
//! comes up from the last time, while handhelds bring their journals; on SQLite, and on PostgreSQL
//! where a cluster was lent. Nothing is lost, nothing is booked twice, all sums are zero.

use super::raw::Server;
use super::stop::{all_is_there, beside, handheld, url_of, work};
use crate::crash::disk::Dice;
use crate::office::cli::Place;
use crate::support::postgres;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often it is killed while it serves; `METERKIT_OFFICE_KILLS` says otherwise.
const KILLS: usize = 12;
/// How often at most it is killed on its way up, each time.
const RISING: u64 = 3;
const HANDHELDS: usize = 2;
/// The longest it is left at work, microseconds: a few exchanges.
const AT_WORK_US: u64 = 120_000;

fn kills() -> usize {
    let said = std::env::var("METERKIT_OFFICE_KILLS");
    said.map_or(KILLS, |kills| kills.parse().expect("METERKIT_OFFICE_KILLS is a number"))
}

/// An office whose keys open quickly: it is opened often here.
fn office() -> Place {
    let place = Place::new();
    drop(place.found(postgres::fresh().as_deref()));
    place
}

#[test]
fn a_server_killed_again_and_again_loses_nothing_and_books_nothing_twice() {
    let (place, kills) = (office(), kills());
    let begun = Instant::now();
    let mut server = Server::start(&place, 0, &[]);
    // Within this time it comes up here: the moments to kill it on its way are out of it.
    let rising = u64::try_from(begun.elapsed().as_micros()).unwrap().max(1);
    let port = server.handhelds.port();
    let url = url_of(port);
    let local = beside(&place);
    let recharges = 2 * kills;
    let hands: Vec<_> = (0..HANDHELDS).map(|n| handheld(&local, (n, recharges), &url)).collect();
    drop(local);
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let (ended, done, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut fallen = 0;
    std::thread::scope(|scope| {
        for hand in &hands {
            let (url, ended, counts) = (&url, &ended, [&done, &failed]);
            scope.spawn(move || work(hand, url, ended, counts));
        }
        for _ in 0..kills {
            std::thread::sleep(Duration::from_micros(dice.below(AT_WORK_US)));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            for _ in 0..dice.below(RISING + 1) {
                let mut child = Server::spawn(&place, port, &[]);
                std::thread::sleep(Duration::from_micros(dice.below(rising)));
                child.kill().unwrap();
                child.wait().unwrap();
                fallen += 1;
            }
            server = Server::start(&place, port, &[]);
        }
        ended.store(true, Ordering::Relaxed);
    });
    drop(server);
    all_is_there(&place, port, &hands, recharges);
    let (done, failed) = (done.into_inner(), failed.into_inner());
    println!("{kills} kills at work, {fallen} on the way up; {done} exchanges, {failed} cut off");
    assert!(failed > 0, "no kill was heard of: {done} exchanges went through");
}

//! The recharge protocol, checked in every order of events (stateright, breadth first).
//!
//! The model is small and says nothing of bytes: one meter with a purchase count and records,
//! handhelds that follow the state machine, a line that loses, delays and duplicates frames,
//! crashes, torn writes, a meter reset, an office that credits by remote and settles. The
//! configurations C1 to C6 must hold every invariant. The mutants X0 to X7 each leave out one rule,
//! and must break the invariant that rule is for: a mutant that stops failing means the model no
//! longer checks anything (`docs/architecture.md`, "Money").

mod world;

use stateright::{Checker, Model};
use world::{Mutant, Token, World};

const SERIES: &[Token] = &[Token { n: 0, amount: 2 }, Token { n: 1, amount: 3 }];
const ONE: &[Token] = &[Token { n: 0, amount: 2 }];
/// Two tokens for one step; the second pair cannot be told apart by amount.
const TWINS: &[Token] = &[Token { n: 0, amount: 2 }, Token { n: 0, amount: 2 }];

const BASE: World = World {
    holders: 1,
    tokens: SERIES,
    remote: None,
    torn: false,
    reset: false,
    crash: true,
    copy: true,
    mutant: Mutant::Sound,
};

/// Checks a world; returns the states seen and the invariants broken, by their number.
fn broken(world: World) -> (usize, Vec<String>) {
    let checker = world.checker().spawn_bfs().join();
    let mut names: Vec<String> = checker.discoveries().keys().map(|n| n[..2].to_owned()).collect();
    names.sort();
    (checker.unique_state_count(), names)
}

#[test]
fn the_protocol_holds() {
    // Two of everything multiply: without crashes and copies they stay below 100,000 states.
    let small = || World { holders: 2, crash: false, copy: false, ..BASE };
    let configurations = [
        ("C1 one handheld, two steps", BASE),
        ("C2 cloned handheld", small()),
        ("C2b cloned handheld, crashes", World { holders: 2, tokens: ONE, ..BASE }),
        (
            "C3 remote credit, other amount",
            World { holders: 2, tokens: ONE, remote: Some(1), ..BASE },
        ),
        (
            "C4 remote credit, same amount",
            World { holders: 2, tokens: ONE, remote: Some(2), ..BASE },
        ),
        ("C4b two tokens for one step", World { tokens: TWINS, ..small() }),
        ("C5 torn write", World { torn: true, ..BASE }),
        ("C5b torn write, cloned", World { holders: 2, torn: true, tokens: ONE, ..BASE }),
        ("C6 meter reset", World { reset: true, tokens: ONE, ..BASE }),
    ];
    for (name, world) in configurations {
        let (states, broken) = broken(world);
        println!("{name}: {states} states");
        assert!(states > 100, "{name}: only {states} states, the model does not move");
        assert!(broken.is_empty(), "{name} breaks {broken:?}");
    }
}

#[test]
fn every_rule_is_needed() {
    let x = |mutant, world: World| World { mutant, ..world };
    let clones = || World { holders: 2, ..BASE };
    let mutants = [
        ("X0", x(Mutant::AmountOnly, World { torn: true, ..BASE }), &["I2", "I6"][..]),
        ("X1", x(Mutant::NoPin, BASE), &["I1"]),
        ("X2", x(Mutant::VolatileIntent, BASE), &["I7"]),
        ("X3", x(Mutant::VoidOnTimeout, BASE), &["I3"]),
        ("X4", x(Mutant::RefundOnExpiry, World { tokens: ONE, ..clones() }), &["I3"]),
        ("X5", x(Mutant::ByGrowth, World { tokens: ONE, remote: Some(3), ..BASE }), &["I2"]),
        (
            "X6",
            x(Mutant::SettleAll, World { tokens: TWINS, crash: false, copy: false, ..clones() }),
            &["I5"],
        ),
        ("X7", x(Mutant::NoEpochCheck, World { tokens: ONE, reset: true, ..BASE }), &["I1"]),
    ];
    for (name, world, expect) in mutants {
        let (states, broken) = broken(world);
        println!("{name}: {states} states, breaks {broken:?}");
        for invariant in expect {
            assert!(broken.iter().any(|b| b == invariant), "{name} no longer breaks {invariant}");
        }
    }
}

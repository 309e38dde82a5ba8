//! The design's invariants in worlds of all kinds: the real machines of both sides over a network that does what it likes.
//!
//! `FLEETMARK_WORLDS=200000 cargo test -p fleetmark-tests --test simulation` tries a million of them.

use fleetmark_tests::simulation::disk::Disk;
use fleetmark_tests::simulation::fault::Family;
use fleetmark_tests::simulation::search::{events, search, story, try_worlds};

#[test]
fn everything_holds_while_nothing_goes_wrong() {
    try_worlds("everything_holds_while_nothing_goes_wrong", Family::Calm);
}

#[test]
fn everything_holds_on_a_network_that_breaks() {
    try_worlds("everything_holds_on_a_network_that_breaks", Family::Network);
}

#[test]
fn everything_holds_while_the_coordinator_crashes() {
    try_worlds("everything_holds_while_the_coordinator_crashes", Family::CoordinatorCrashes);
}

#[test]
fn everything_holds_while_agents_crash() {
    try_worlds("everything_holds_while_agents_crash", Family::AgentCrashes);
}

#[test]
fn everything_holds_while_everything_goes_wrong() {
    try_worlds("everything_holds_while_everything_goes_wrong", Family::Everything);
}

/// A planted mutation: the simulator is worth something only if it finds what is wrong.
#[test]
fn a_disk_that_lies_about_flushing_is_found() {
    let found =
        search(Family::CoordinatorCrashes, 0..200, Disk::lying).expect("acknowledged intervals are lost");
    assert_eq!(found.violation.invariant, "acked_is_durable", "{}", found.violation);
}

#[test]
fn a_world_is_the_same_each_time() {
    for seed in 0..20 {
        let once = story(Family::Everything, seed);
        assert!(once.len() > 20, "hardly anything happened in world {seed}");
        assert!(once == story(Family::Everything, seed), "world {seed} was another one the second time");
    }
}

#[test]
fn something_of_everything_happens() {
    let events = events(Family::Everything, 0..300);
    assert!(events.are_all_there(), "{events:?}");
}

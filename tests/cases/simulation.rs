//! The design's invariants in worlds of all kinds: the real machines of both sides over a network that does what it likes.
//!
//! `FLEETMARK_WORLDS=200000 cargo test -p fleetmark-tests --test simulation` tries a million of them.

use fleetmark_tests::simulation::fault::Family;
use fleetmark_tests::simulation::search::try_worlds;

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

//! Deadlines that are not the defaults.

use std::time::Duration;

use super::super::Command;
use super::simulated_agent::Stage;
use super::world::World;
use super::{bound, job};

const TARGET: &str = "target = { start = [\"serve\"] }\n";
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(50);
/// A deadline is noticed a tick late at most, in each of the two runs.
const TICKS: Duration = Duration::from_secs(2);

/// How long a run takes in which something never comes, with this deadline set.
fn run_length(name: &str, deadline: Duration, more: &str, disturb: impl FnOnce(&mut World)) -> Duration {
    let job = job(more);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    *world.schedule.deadlines.named_mut(name).expect("a deadline of this name") = deadline;
    world.submit(1, &job);
    disturb(&mut world);
    world.settle(bound(&job));
    world.now
}

/// A run that waits in vain, so many times, waits for as long as was set, and not for the default.
fn assert_is_kept(name: &str, times: u32, more: &str, disturb: impl Fn(&mut World)) {
    let [short, long] = [SHORT, LONG].map(|deadline| run_length(name, deadline, more, &disturb));
    assert!((long - short).abs_diff(times * (LONG - SHORT)) <= TICKS, "{name}: {short:?} and {long:?}");
}

#[test]
fn every_step_keeps_the_deadline_that_was_set() {
    for (name, times, more, stage) in [
        ("reserve_port", 1, TARGET, Stage::Port),
        ("start_target", 1, TARGET, Stage::StartTarget),
        ("prepare", 1, "", Stage::Prepare),
        ("arm", 1, "", Stage::Start),
        ("iterations", 1, "load.warmup = { iterations = 3 }", Stage::Measure),
        ("collect", 1, "", Stage::Store),
        // After the trial, and once more before the run ends.
        ("stop_target", 2, TARGET, Stage::StopTarget),
    ] {
        assert_is_kept(name, times, more, |world| {
            for number in [1, 2] {
                world.agent(number).is_silent_at.insert(stage);
            }
        });
    }
    assert_is_kept("judge", 1, "", |world| world.judges = false);
    assert_is_kept("link_margin", 1, "hooks = { before_run = [[\"hang\"]] }", |_| ());
    assert_is_kept("collect_cancelled", 1, "", |world| {
        world.agent(2).is_silent_at.insert(Stage::Store);
        world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
        // By now they have measured, and their intervals are awaited.
        world.pass(Duration::from_secs(10));
        world.cancel(1);
    });
}

#[test]
fn a_target_is_told_how_long_it_may_take() {
    let mut world = World::new(&[(1, "h1")]);
    world.schedule.deadlines.start_target = SHORT;
    world.submit(1, &job(TARGET));
    world.pass_until_sent(
        |command| matches!(command, Command::StartTarget { timeout, .. } if *timeout == SHORT),
    );
}

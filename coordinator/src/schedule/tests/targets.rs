//! Targets: started, stopped, and what happens when they are not.

use std::net::IpAddr;
use std::time::Duration;

use shared::finding::FindingCode;
use shared::run_record::{RunRecord, RunState};

use super::super::Command;
use super::simulated_agent::{Deed, Stage};
use super::world::World;
use super::{bound, codes, ended, job, run_id};

const SECOND: Duration = Duration::from_secs(1);
const ONE_TARGET: &str = "load.trials = 3\ntarget = { start = [\"serve\"], restart = \"run\" }\n";

fn is_start(command: &Command) -> bool {
    matches!(command, Command::StartTarget { .. })
}

fn is_stop(command: &Command) -> bool {
    matches!(command, Command::StopTarget(_))
}

fn completeness(record: &RunRecord) -> Vec<bool> {
    record.trials.iter().map(|trial| trial.is_complete).collect()
}

#[test]
fn a_target_that_does_not_get_ready_breaks_the_trial_and_is_stopped() {
    for (program, message) in
        [("fail", "it ended"), ("hang", "it ended"), ("serve", "a1 did not start the target in time")]
    {
        let (mut world, record) = ended(&format!("target = {{ start = [\"{program}\"] }}"), |world| {
            world.agent(1).is_silent_at.extend((program == "serve").then_some(Stage::StartTarget));
        });
        assert_eq!(codes(&record.trials[0]), [FindingCode::TargetFailed]);
        assert_eq!(record.trials[0].findings[0].message, message);
        assert!(!world.has_sent(|command| matches!(command, Command::Prepare(_))));
        assert_eq!(world.sent_to(1, is_stop), 1);
        world.pass(SECOND);
        world.assert_nothing_is_held();
    }
}

#[test]
fn a_target_without_a_port_breaks_the_trial() {
    for is_silent in [false, true] {
        let (world, record) = ended("target = { start = [\"serve\"] }", |world| {
            let agent = world.agent(1);
            let stages = if is_silent { &mut agent.is_silent_at } else { &mut agent.fails_at };
            stages.insert(Stage::Port);
        });
        assert_eq!(codes(&record.trials[0]), [FindingCode::TargetFailed]);
        assert!(!world.has_sent(is_start) && !world.has_sent(is_stop));
    }
}

#[test]
fn a_target_that_no_leased_agent_may_start_breaks_the_trial() {
    let (world, record) = ended("target = { start = [\"serve\"], where = \"role=target\" }", |_| ());
    assert_eq!(codes(&record.trials[0]), [FindingCode::TargetFailed]);
    assert!(!world.has_sent(is_start));
}

#[test]
fn one_target_serves_the_whole_run_and_is_then_stopped() {
    let (mut world, record) = ended(ONE_TARGET, |_| ());
    assert_eq!((record.state, completeness(&record)), (RunState::Finished, vec![true; 3]));
    assert_eq!((world.sent_to(1, is_start), world.sent_to(1, is_stop)), (1, 1));
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_target_that_ends_in_a_later_trial_breaks_that_trial_and_is_replaced() {
    let job = job(ONE_TARGET);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { trial, .. } if trial.trial.0 == 1));
    let (started, _) = world.agent(1).targets[&run_id(1)];
    world.befall(1, Deed::TargetDown(started));
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(completeness(record), [true, false, true]);
    assert_eq!(codes(&record.trials[1]), [FindingCode::TargetFailed]);
    assert_eq!(world.sent_to(1, is_start), 2);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_target_that_ends_between_trials_breaks_neither_and_is_replaced() {
    let job = job(ONE_TARGET);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_judging();
    let (started, _) = world.agent(1).targets[&run_id(1)];
    world.befall(1, Deed::TargetDown(started));
    world.settle(bound(&job));
    assert_eq!(completeness(&world.finished[&run_id(1)]), [true; 3]);
    assert_eq!(world.sent_to(1, is_start), 2);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_target_that_was_to_serve_further_trials_is_stopped_when_the_run_ends_between_them() {
    let job = job(ONE_TARGET);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_judging();
    assert_eq!(world.sent_to(1, is_stop), 0);
    world.cancel(1);
    world.settle(5 * SECOND);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_target_that_does_not_stop_ends_the_run_and_keeps_what_was_measured() {
    let (_, record) = ended("load.trials = 2\ntarget = { start = [\"serve\"] }", |world| {
        world.agent(1).is_silent_at.insert(Stage::StopTarget);
    });
    assert_eq!((record.state, completeness(&record)), (RunState::Failed, vec![true]));
    assert_eq!(record.reason.as_deref(), Some("a1 did not stop the target in time"));
}

#[test]
fn a_target_is_at_loopback_only_for_agents_that_share_its_network() {
    let first = IpAddr::from([10, 0, 0, 1]);
    let second = IpAddr::from([10, 0, 0, 2]);
    for (hosts, addresses, target_host) in [
        (["h1", "h1"], [first, first], "127.0.0.1"),
        // Two containers of one machine.
        (["h1", "h1"], [first, second], "10.0.0.1"),
        (["h1", "h2"], [first, second], "10.0.0.1"),
        // Two machines behind one translated address.
        (["h1", "h2"], [first, first], "10.0.0.1"),
    ] {
        let mut world = World::new(&[(1, hosts[0]), (2, hosts[1])]);
        for (number, address) in [1, 2].into_iter().zip(addresses) {
            world.agent(number).introduction.address = address;
            world.attach(number);
        }
        world.submit(1, &job("target = { start = [\"serve\", \"{{target.host}}\"] }"));
        world.pass_until_sent(
            |command| matches!(command, Command::StartTarget { command, .. } if command[1] == target_host),
        );
    }
}

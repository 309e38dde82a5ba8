//! Agents that make no load: whom a run waits for, what they are told, and that losing one spoils nothing.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::fleet::AgentState;
use shared::run_record::RunState;

use super::super::Command;
use super::world::World;
use super::{bound, codes, job, run_id};

const SECOND: Duration = Duration::from_secs(1);
const HOSTS: [(u8, &str); 3] = [(1, "h1"), (2, "h2"), (3, "h3")];

fn is_observing(command: &Command) -> bool {
    matches!(command, Command::Prepare(assignment) if assignment.is_observer)
}

#[test]
fn an_observer_hears_when_to_begin_and_takes_no_load_and_no_slot() {
    let job = job("fleet.observe = \"name=a3\"");
    let mut world = World::new(&HOSTS);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    let states: Vec<AgentState> =
        world.schedule.fleet.statuses(world.now).into_iter().map(|status| status.state).collect();
    assert_eq!(states, [AgentState::Leased, AgentState::Leased, AgentState::Idle]);
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    let [trial] = &record.trials[..] else { panic!("{:#?}", record.trials) };
    assert!(trial.is_complete && trial.findings.is_empty(), "{trial:#?}");
    assert_eq!((trial.agents.len(), trial.agents_planned), (2, Some(2)), "the others make all of the load");
    assert_eq!(trial.observers[0].name.as_str(), "a3");
    assert_eq!(trial.observers[0].intervals_reported, Some(4));
    assert_eq!((world.sent_to(3, is_observing), world.sent_to(1, is_observing)), (1, 0));
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn losing_an_observer_is_told_and_spoils_nothing() {
    let job = job("fleet.observe = \"name=a3\"\nload.trials = 2");
    let mut world = World::new(&HOSTS);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.kill(3);
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 2));
    assert!(record.trials.iter().all(|trial| trial.is_complete));
    assert_eq!(codes(&record.trials[1]), [FindingCode::ObserverLost]);
    assert!(world.finished_at[&run_id(1)] < 30 * SECOND, "nobody waits for it");
}

#[test]
fn an_observer_that_says_nothing_holds_nobody_up_for_long() {
    let job = job("fleet.observe = \"name=a3\"");
    let mut world = World::new(&HOSTS);
    world
        .agent(3)
        .is_silent_at
        .extend([super::simulated_agent::Stage::Prepare, super::simulated_agent::Stage::Store]);
    world.submit(1, &job);
    world.settle(30 * SECOND);
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn an_agent_observes_several_runs_at_once() {
    let jobs =
        ["a1", "a2"].map(|name| job(&format!("fleet.where = \"name={name}\"\nfleet.observe = \"name=a3\"")));
    let mut world = World::new(&HOSTS);
    world.submit(1, &jobs[0]);
    world.submit(2, &jobs[1]);
    world.pass_until(10 * SECOND, |world| world.sent_to(3, is_observing) == 2);
    assert!(world.schedule.is_active(run_id(1)) && world.schedule.is_active(run_id(2)));
    world.settle(bound(&jobs[0]));
    for run in [1, 2] {
        let trial = &world.finished[&run_id(run)].trials[0];
        assert!(trial.is_complete && trial.observers[0].intervals_reported == Some(4), "{trial:#?}");
    }
}

#[test]
fn a_run_waits_for_an_observer_and_says_so() {
    let job = job("fleet.observe = \"role=target\"\nfleet.start_timeout = \"5s\"");
    let mut world = World::new(&HOSTS);
    world.submit(1, &job);
    world.settle(10 * SECOND);
    let record = &world.finished[&run_id(1)];
    assert!(record.found_no_agents);
    let reason = record.reason.as_deref().unwrap_or_default();
    let expected = "waits for an agent to observe (fleet.observe) where role=target; does not match: a1: role=target does not hold (role is not set)";
    assert!(reason.contains(expected), "{reason}");
}

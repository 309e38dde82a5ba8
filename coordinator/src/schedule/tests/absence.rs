//! Agents that go away: for a moment, for long, for good.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::run_record::RunState;

use super::super::Command;
use super::simulated_agent::Stage;
use super::world::World;
use super::{COMMANDS, bound, codes, job, run_id};
use crate::fleet::LOST_AFTER;

const SECOND: Duration = Duration::from_secs(1);
const EVERYTHING: &str = "load.trials = 2\ntarget = { start = [\"serve\"] }\n[hooks]\nbefore_run = [[\"one\"]]\n\
    before_trial = [[\"two\"]]\nafter_trial = [[\"three\"]]\nafter_run = [[\"four\"]]\n";

/// Where the start stands among them.
const START: usize = 4;

#[test]
fn a_link_that_breaks_for_a_moment_in_any_step_costs_nothing() {
    for (place, is_meant) in COMMANDS.into_iter().enumerate() {
        // Before the command arrives, before the answer does, and after both. A start that does not arrive is missed: what
        // that costs is told by `starts`.
        for after_ms in [5, 30, 100].into_iter().skip(usize::from(place == START)) {
            for agent in [1, 2] {
                let job = job(EVERYTHING);
                let mut world = World::new(&[(1, "h1"), (2, "h2")]);
                world.submit(1, &job);
                world.pass_until_sent(is_meant);
                world.pass(Duration::from_millis(after_ms));
                world.detach(agent);
                world.pass(5 * SECOND);
                world.attach(agent);
                world.settle(bound(&job));
                let record = &world.finished[&run_id(1)];
                let what = format!("command {place} after {after_ms} ms, agent {agent}");
                assert_eq!(record.state, RunState::Finished, "{what}: {:?}", record.reason);
                assert!(record.trials.iter().all(|trial| trial.is_complete), "{what}: {:#?}", record.trials);
                world.pass(SECOND);
                world.assert_nothing_is_held();
            }
        }
    }
}

#[test]
fn an_agent_that_was_armed_and_done_while_away_counts() {
    let job = job("");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.pass(Duration::from_millis(25));
    // It has the start, and its word that it is armed is lost.
    world.detach(2);
    world.pass(4 * SECOND);
    world.attach(2);
    world.settle(bound(&job));
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn an_agent_that_was_away_is_told_again_to_abort() {
    let job = job("load.warmup = \"600s\"");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(2).is_silent_at.insert(Stage::Measure);
    world.submit(1, &job);
    world.pass(SECOND);
    world.detach(2);
    world.cancel(1);
    world.pass(2 * SECOND);
    assert!(world.schedule.is_active(run_id(1)), "it waits for the agent that is away");
    world.attach(2);
    world.settle(SECOND);
    assert_eq!(world.sent_to(2, |command| matches!(command, Command::Abort { .. })), 1);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_lost_agent_fails_the_run_and_is_named() {
    let job = job("load.trials = 2\nload.warmup = \"100s\"");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agents.values_mut().for_each(|agent| agent.is_silent_at.extend([Stage::Measure]));
    world.submit(1, &job);
    world.pass(SECOND);
    world.kill(2);
    world.settle(LOST_AFTER + 3 * SECOND);
    let record = &world.finished[&run_id(1)];
    assert_eq!((record.state, record.trials.len()), (RunState::Failed, 1));
    assert_eq!(codes(&record.trials[0]), [FindingCode::AgentLost]);
    assert!(record.reason.as_deref().is_some_and(|reason| reason.starts_with("agent a2 was lost")));
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn an_agent_that_is_lost_while_its_trial_is_judged_does_not_break_it() {
    let job = job("");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.judges = false;
    world.submit(1, &job);
    world.pass_until_judging();
    world.kill(2);
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert!(record.trials[0].is_complete && record.trials[0].findings.is_empty());
    assert_eq!(record.state, RunState::Failed);
}

#[test]
fn an_agent_that_comes_back_too_late_is_told_to_let_go_of_everything() {
    let job = job("target = { start = [\"serve\"] }\nload.warmup = \"100s\"");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(1).is_silent_at.insert(Stage::Measure);
    world.submit(1, &job);
    world.pass(SECOND);
    world.detach(1);
    world.settle(bound(&job));
    assert!(!world.agent(1).trials.is_empty() && !world.agent(1).targets.is_empty());
    world.attach(1);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_trial_whose_release_was_missed_is_released_when_the_run_goes_on() {
    let job = job("load.trials = 2\ntarget = { start = [\"serve\"] }");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::StopTarget(_)));
    world.detach(2);
    world.pass_until_sent(
        |command| matches!(command, Command::StartTarget { trial, .. } if trial.trial.0 == 1),
    );
    world.attach(2);
    world.pass(Duration::from_millis(45));
    assert!(
        world.sent_to(2, |command| matches!(command, Command::Release(trial) if trial.trial.0 == 0)) >= 1
    );
    world.settle(bound(&job));
    assert!(world.finished[&run_id(1)].trials.iter().all(|trial| trial.is_complete));
}

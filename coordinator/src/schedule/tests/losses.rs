//! What becomes of a run that loses an agent, as its job wants it.

use std::time::Duration;

use shared::finding::{FindingCode, Severity};
use shared::run_record::{RunRecord, RunState};

use super::super::Command;
use super::simulated_agent::Stage;
use super::world::World;
use super::{bound, codes, job, run_id};
use crate::fleet::LOST_AFTER;

const SECOND: Duration = Duration::from_secs(1);

/// A run over three agents, to whom something happens while the first trial is measured.
fn after(more: &str, disaster: impl FnOnce(&mut World)) -> (World, RunRecord) {
    let job = job(&format!("load.warmup = \"100s\"\n{more}"));
    let mut world = World::new(&[(1, "h1"), (2, "h2"), (3, "h3")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.pass(SECOND);
    disaster(&mut world);
    world.settle(3 * bound(&job) + LOST_AFTER);
    let record = world.finished[&run_id(1)].clone();
    (world, record)
}

/// The place and the number of agents that each was told when a trial was prepared, in the order of the telling.
fn places(world: &World, trial: u32, attempt: u32) -> Vec<(u32, u32)> {
    let is_meant = |command: &Command| match command {
        Command::Prepare(assignment)
            if (assignment.trial.trial.0, assignment.trial.attempt) == (trial, attempt) =>
        {
            Some((assignment.agent_index, assignment.agent_count))
        }
        _ => None,
    };
    world.sent.iter().filter_map(|(_, _, command)| is_meant(command)).collect()
}

#[test]
fn who_goes_on_keeps_its_own_share_and_nobody_takes_over_the_lost_ones() {
    let (world, record) =
        after("load.trials = 2\nfleet.on_agent_loss = \"continue\"", |world| world.start_anew(2, 4));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    let [first, second] = &record.trials[..] else { panic!("{:#?}", record.trials) };
    assert!(first.is_complete && second.is_complete, "{:#?}", record.trials);
    assert_eq!((first.agents.len(), first.agents_planned), (3, Some(3)));
    assert_eq!((codes(first), first.findings[0].severity), (vec![FindingCode::AgentLost], Severity::Suspect));
    assert_eq!((second.agents.len(), second.agents_planned), (2, Some(3)));
    assert_eq!(places(&world, 1, 0), [(0, 3), (2, 3)]);
}

#[test]
fn a_run_that_may_not_go_on_fails_and_keeps_what_it_has() {
    let (_, record) = after("load.trials = 2", |world| world.kill(2));
    assert_eq!((record.state, record.trials.len()), (RunState::Failed, 1));
    assert_eq!(
        (codes(&record.trials[0]), record.trials[0].is_complete),
        (vec![FindingCode::AgentLost], false)
    );
}

#[test]
fn a_lost_trial_is_repeated_once_the_agent_was_started_anew() {
    let more = "load.trials = 2\nfleet.retries = 1\nfleet.agents = 3\nhooks.before_run = [[\"ok\"]]";
    let (world, record) = after(more, |world| world.start_anew(2, 4));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    let attempts: Vec<(u32, u32, bool, usize)> = record
        .trials
        .iter()
        .map(|trial| (trial.trial.0, trial.attempt, trial.is_complete, trial.agents.len()))
        .collect();
    assert_eq!(attempts, [(0, 0, false, 3), (0, 1, true, 3), (1, 0, true, 3)]);
    assert_eq!(places(&world, 0, 1), [(0, 3), (1, 3), (2, 3)]);
    let hooks = world.sent_to(4, |command| matches!(command, Command::RunHook { .. }));
    assert_eq!(hooks, 1, "who joins later runs the hooks that came before");
}

#[test]
fn a_lost_trial_is_repeated_without_the_agent_when_any_number_will_do() {
    let (world, record) = after("fleet.retries = 2\nfleet.start_timeout = \"5s\"", |world| world.kill(2));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    let last = record.trials.last().unwrap();
    assert_eq!((last.attempt, last.is_complete, last.agents_planned), (1, true, Some(2)));
    assert_eq!((codes(last), last.findings[0].severity), (vec![FindingCode::AgentLost], Severity::Note));
    assert_eq!(places(&world, 0, 1), [(0, 2), (1, 2)]);
}

#[test]
fn a_run_that_needs_so_many_agents_fails_when_nobody_replaces_the_lost_one() {
    let more = "fleet.retries = 2\nfleet.agents = 3\nfleet.start_timeout = \"5s\"";
    let (mut world, record) = after(more, |world| world.kill(2));
    assert_eq!(record.state, RunState::Failed);
    assert!(
        record.reason.as_deref().is_some_and(|reason| reason.contains("waits for 3 agents")),
        "{:?}",
        record.reason
    );
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_run_that_waits_for_a_replacement_can_be_cancelled() {
    let more = "fleet.retries = 2\nfleet.agents = 3\nfleet.start_timeout = \"600s\"";
    let (_, record) = after(more, |world| {
        world.kill(2);
        world.pass(LOST_AFTER + 120 * SECOND);
        assert!(world.schedule.is_active(run_id(1)));
        world.cancel(1);
    });
    assert_eq!(record.state, RunState::Cancelled);
}

#[test]
fn an_invalid_trial_is_repeated_as_often_as_the_job_says() {
    let job = job("fleet.retries = 2\nload.trials = 2");
    let mut world = World::new(&[(1, "h1")]);
    world.agent(1).fails_at.insert(Stage::Measure);
    world.submit(1, &job);
    world.settle(6 * bound(&job));
    let record = &world.finished[&run_id(1)];
    let attempts: Vec<(u32, u32)> =
        record.trials.iter().map(|trial| (trial.trial.0, trial.attempt)).collect();
    assert_eq!(attempts, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
}

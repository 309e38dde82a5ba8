//! Runs that outlive their coordinator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::{LeaseEpoch, TrialIndex, TrialKey};
use shared::job::Job;
use shared::run_record::RunState;

use super::super::{Answer, Command};
use super::simulated_agent::Stage;
use super::world::World;
use super::{COMMANDS, bound, job, run_id};
use crate::fleet::LOST_AFTER;

const SECOND: Duration = Duration::from_secs(1);
const EVERYTHING: &str = "load.trials = 2\nfleet.retries = 1\ntarget = { start = [\"serve\"] }\n[hooks]\nbefore_run = [[\"one\"]]\n\
    before_trial = [[\"two\"]]\nafter_trial = [[\"three\"]]\nafter_run = [[\"four\"]]\n";

/// Whether the last attempt at each trial of a run ran to its end.
fn is_whole(world: &World) -> bool {
    let record = &world.finished[&run_id(1)];
    let last: BTreeMap<u32, bool> =
        record.trials.iter().map(|trial| (trial.trial.0, trial.is_complete)).collect();
    record.state == RunState::Finished && last.len() == 2 && last.values().all(|is_complete| *is_complete)
}

/// A run over two agents, the first of which never says that it is done; the coordinator was restarted meanwhile.
fn restarted_while_one_is_silent(job: &Arc<Job>) -> World {
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(1).is_silent_at.insert(Stage::Measure);
    world.submit(1, job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.pass(SECOND);
    world.restart(0);
    world
}

#[test]
fn agents_survive_the_coordinator() {
    for (place, is_meant) in COMMANDS.into_iter().enumerate() {
        // Before the command arrives, before the answer does, after both, and while it is measured.
        for after_ms in [5, 30, 100, 1_500] {
            for lost_saves in 0..3 {
                let job = job(EVERYTHING);
                let mut world = World::new(&[(1, "h1"), (2, "h2")]);
                world.submit(1, &job);
                world.pass_until_sent(is_meant);
                world.pass(Duration::from_millis(after_ms));
                world.restart(lost_saves);
                world.pass(5 * SECOND);
                world.attach(1);
                world.pass(SECOND);
                world.attach(2);
                world.settle(2 * bound(&job));
                let what = format!("command {place} after {after_ms} ms, {lost_saves} saves lost");
                assert!(is_whole(&world), "{what}: {:#?}", world.finished[&run_id(1)]);
                world.pass(SECOND);
                world.assert_nothing_is_held();
            }
        }
    }
}

#[test]
fn what_was_measured_while_the_coordinator_was_away_counts() {
    let job = job("");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.pass(SECOND);
    world.restart(0);
    world.pass(10 * SECOND);
    world.attach(1);
    world.attach(2);
    world.settle(bound(&job));
    let [trial] = &world.finished[&run_id(1)].trials[..] else { panic!("one attempt") };
    assert!(trial.is_complete && trial.findings.is_empty(), "{trial:#?}");
    assert!(trial.agents.iter().all(|part| part.intervals_reported.is_some()));
}

#[test]
fn agents_let_a_trial_go_only_when_its_end_is_durable() {
    // Without retries: a trial that is asked for once more would be one that counts.
    let job = job("load.trials = 2\ntarget = { start = [\"serve\"] }\n");
    for after_ms in [0, 5, 30, 100] {
        for lost_saves in 0..4 {
            let mut world = World::new(&[(1, "h1"), (2, "h2")]);
            world.submit(1, &job);
            world.pass_until_sent(|command| matches!(command, Command::Release(_)));
            world.pass(Duration::from_millis(after_ms));
            world.restart(lost_saves);
            world.attach(1);
            world.attach(2);
            world.settle(2 * bound(&job));
            let record = &world.finished[&run_id(1)];
            let attempts: Vec<(u32, u32, bool)> = record
                .trials
                .iter()
                .map(|attempt| (attempt.trial.0, attempt.attempt, attempt.is_complete))
                .collect();
            let what = format!("after {after_ms} ms, {lost_saves} saves lost: {:#?}", record.trials);
            assert_eq!(attempts, [(0, 0, true), (1, 0, true)], "{what}");
        }
    }
}

#[test]
fn what_an_agent_says_under_another_lease_counts_for_nothing() {
    let job = job("load.trials = 1\n");
    let trial = TrialKey { run: run_id(1), trial: TrialIndex(0), attempt: 0 };
    let mut world = World::new(&[(1, "h1")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Prepare(_)));
    // It measured for a coordinator that ended before it could note so: nobody takes those intervals any more.
    world.hear_under(1, trial, Some(LeaseEpoch(u64::MAX)), Answer::Done { intervals: 1_000 });
    world.settle(2 * bound(&job));
    let [attempt] = world.finished[&run_id(1)].trials.as_slice() else { panic!("one attempt") };
    let reported = attempt.agents[0].intervals_reported;
    assert!(attempt.is_complete && reported.is_some_and(|intervals| intervals < 1_000), "{attempt:#?}");
}

#[test]
fn an_agent_that_is_not_found_again_is_lost_by_name() {
    let job = job("");
    let mut world = restarted_while_one_is_silent(&job);
    world.attach(1);
    world.pass(LOST_AFTER - SECOND);
    assert!(world.schedule.is_active(run_id(1)), "it is waited for");
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(record.state, RunState::Failed);
    assert!(record.reason.as_deref().is_some_and(|reason| reason.starts_with("agent a2 was lost")));
}

#[test]
fn a_run_that_waited_goes_on_waiting() {
    let job = job("fleet.agents = 2\nfleet.start_timeout = \"60s\"");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.detach(2);
    world.submit(1, &job);
    world.pass(SECOND);
    world.restart(0);
    world.attach(1);
    world.pass(SECOND);
    world.attach(2);
    world.settle(bound(&job));
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn a_run_can_be_cancelled_while_its_agents_are_awaited() {
    let job = job("load.warmup = \"100s\"");
    let mut world = restarted_while_one_is_silent(&job);
    world.cancel(1);
    world.settle(15 * SECOND);
    assert_eq!(world.finished[&run_id(1)].state, RunState::Cancelled);
    world.attach(1);
    world.attach(2);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn an_agent_that_was_lost_before_the_restart_is_not_leased_again() {
    let job = job("fleet.on_agent_loss = \"continue\"\nload.drain = \"300s\"\n");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    for agent in [1, 2] {
        world.agent(agent).is_silent_at.insert(Stage::Measure);
    }
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    world.pass(SECOND);
    world.detach(2);
    world.pass(LOST_AFTER + 2 * SECOND);
    world.restart(0);
    let leased: Vec<_> = world.schedule.fleet.leases().map(|(agent, _)| agent.id).collect();
    assert_eq!(leased, [super::agent_id(1)], "another run may hold the other's slot by now");
}

#[test]
fn an_agent_that_is_lost_while_others_are_awaited_stays_lost_for_the_next_coordinator() {
    let mut world = restarted_while_one_is_silent(&job("fleet.agents = 2\n"));
    // One comes back as another process, whose place is free: the next run gets it while the first still awaits the other.
    world.start_anew(1, 3);
    world.submit(2, &job("fleet.agents = 1\n"));
    world.pass(2 * SECOND);
    assert!(world.sent_to(3, |command| matches!(command, Command::Prepare(_))) > 0);
    world.restart(0);
    world.attach(3);
    world.attach(2);
    world.settle(3 * bound(&job("")));
    assert_eq!(world.finished[&run_id(2)].state, RunState::Finished);
    let reason = world.finished[&run_id(1)].reason.clone().unwrap_or_default();
    assert!(reason.contains("agent a1 was lost"), "{reason}");
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

//! The straight way, and what a run waits for before it sets out.

use std::time::Duration;

use shared::event::RunEvent;
use shared::run_record::RunState;

use super::super::Command;
use super::simulated_agent::INTERVALS;
use super::world::World;
use super::{agent_id, bound, ended, job, run_id};

const SECOND: Duration = Duration::from_secs(1);

const EVERYTHING: &str = "load.trials = 3\ntarget = { start = [\"serve\", \"{{target.port}}\"] }\n\
    [hooks]\nbefore_run = [[\"one\"], [\"two\"]]\nbefore_trial = [[\"three\"]]\nafter_trial = [[\"four\"]]\nafter_run = [[\"five\"]]\n";

#[test]
fn a_clean_run_has_all_its_trials_complete() {
    let (mut world, record) = ended(EVERYTHING, |_| ());
    assert_eq!((record.state, record.reason, record.trials.len()), (RunState::Finished, None, 3));
    for trial in &record.trials {
        assert!(trial.is_complete && trial.findings.is_empty(), "{trial:?}");
        assert!(trial.started_at_ms.is_some());
        assert_eq!((trial.start_skew_us, trial.start_skew_error_us), (Some(1.0), Some(2.0)));
        assert!(trial.agents.iter().all(|part| part.intervals_reported == Some(INTERVALS)));
    }
    for agent in [1, 2] {
        assert_eq!(world.sent_to(agent, |command| matches!(command, Command::RunHook { .. })), 2 + 3 + 3 + 1);
        assert_eq!(world.sent_to(agent, |command| matches!(command, Command::Release(_))), 3);
    }
    assert_eq!(world.sent_to(1, |command| matches!(command, Command::StartTarget { .. })), 3);
    assert_eq!(world.sent_to(1, |command| matches!(command, Command::StopTarget(_))), 3);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn every_answer_twice_changes_nothing() {
    let (_, once) = ended(EVERYTHING, |_| ());
    let (mut world, twice) = ended(EVERYTHING, |world| {
        world.agents.values_mut().for_each(|agent| agent.says_everything_twice = true);
    });
    assert_eq!(twice.trials, once.trials);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_quick_agent_may_be_done_before_a_slow_one_is_armed() {
    let (_, record) = ended("", |world| {
        world.agent(2).delay = Duration::from_secs(4);
        world.measure_round_trips();
    });
    assert!(record.trials[0].is_complete, "{:?}", record.trials[0]);
}

#[test]
fn runs_that_share_a_host_run_one_after_the_other() {
    let job = job("");
    let mut world = World::new(&[(1, "shared"), (2, "shared")]);
    world.submit(1, &job);
    world.submit(2, &job);
    assert_eq!(world.schedule.record(run_id(2)).unwrap().state, RunState::Queued);
    world.settle(2 * bound(&job));
    assert!(world.finished.values().all(|record| record.trials[0].is_complete));
    assert!(world.finished_at[&run_id(1)] <= world.finished_at[&run_id(2)] - Duration::from_secs(3));
}

#[test]
fn a_busy_host_is_waited_for_longer_than_the_start_timeout() {
    let (long, patient) = (job("load.warmup = \"120s\""), job("fleet.start_timeout = \"1s\""));
    let mut world = World::new(&[(1, "h")]);
    world.agent(1).is_silent_at.insert(super::simulated_agent::Stage::Measure);
    world.submit(1, &long);
    world.submit(2, &patient);
    world.pass(60 * SECOND);
    assert!(world.schedule.is_active(run_id(2)));
    world.agent(1).is_silent_at.clear();
    world.settle(bound(&long) + bound(&patient));
    assert_eq!(world.finished[&run_id(2)].state, RunState::Finished);
}

#[test]
fn runs_wait_in_the_order_of_their_priority_and_then_of_their_age() {
    let job = job("");
    let mut world = World::new(&[(1, "h1")]);
    for (number, priority) in [(1, 0), (2, 0), (3, 5), (4, 0)] {
        world.submit_with_priority(number, &job, priority);
    }
    world.settle(4 * bound(&job));
    let mut ended: Vec<(Duration, u8)> =
        (1..=4).map(|number| (world.finished_at[&run_id(number)], number)).collect();
    ended.sort_unstable();
    assert_eq!(ended.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 3, 2, 4]);
}

#[test]
fn a_run_that_needs_many_agents_is_not_overtaken_for_ever_by_runs_that_need_one() {
    let (large, small) = (job("fleet.agents = 2"), job("fleet.agents = 1"));
    let mut world = World::new(&[(1, "h1"), (2, "h2"), (3, "h3")]);
    for number in 1..=3 {
        world.submit(number, &small);
    }
    world.submit(4, &large);
    for number in 5..=10 {
        world.submit(number, &small);
    }
    world.settle(10 * bound(&large));
    let large_ended = world.finished_at[&run_id(4)];
    let sooner = (5..=10).filter(|number| world.finished_at[&run_id(*number)] < large_ended).count();
    assert!(sooner <= 1, "{sooner} runs that came later ended sooner; only the third host was free for them");
}

#[test]
fn a_run_without_agents_fails_when_its_start_timeout_passes() {
    let mut world = World::new(&[]);
    world.submit(1, &job("fleet = { agents = 2, start_timeout = \"5s\" }"));
    world.pass(4 * SECOND);
    assert!(world.schedule.is_active(run_id(1)));
    world.settle(3 * SECOND);
    let record = &world.finished[&run_id(1)];
    assert!(record.state == RunState::Failed && record.found_no_agents && record.trials.is_empty());
    let told = world.told.iter().filter(|(_, event)| matches!(event, RunEvent::Waiting { .. })).count();
    assert_eq!(told, 1, "what it waits for is told when it changes, not at every tick");
}

#[test]
fn an_agent_that_comes_in_time_is_taken() {
    let job = job("fleet.start_timeout = \"30s\"");
    let mut world = World::new(&[(1, "h")]);
    world.detach(1);
    world.submit(1, &job);
    world.pass(20 * SECOND);
    world.attach(1);
    world.settle(bound(&job));
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_ends_at_once() {
    let mut world = World::new(&[]);
    world.submit(1, &job(""));
    world.cancel(1);
    let record = &world.finished[&run_id(1)];
    assert_eq!((record.state, record.reason.as_deref()), (RunState::Cancelled, Some("enough")));
    assert!(world.sent.is_empty() && record.started_at_ms.is_none());
}

#[test]
fn a_wall_clock_that_is_set_moves_the_dates_of_later_runs_and_of_no_other() {
    const SET_MS: u64 = 1_900_000_000_000;
    let job = job("");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
    let set_at = world.now;
    world.schedule.note_wall_clock(set_at, SET_MS);
    world.settle(bound(&job));
    world.submit(2, &job);
    world.settle(bound(&job));
    let [(first_ms, first_end_ms), (second_ms, second_end_ms)] = [1, 2].map(|number| {
        let record = &world.finished[&run_id(number)];
        (record.started_at_ms.unwrap(), record.finished_at_ms.unwrap())
    });
    assert!(first_ms <= first_end_ms && first_end_ms < SET_MS, "{first_ms} to {first_end_ms}");
    let end_ms = SET_MS + (world.now - set_at).as_millis() as u64;
    assert!(SET_MS < second_ms && second_end_ms == end_ms, "{second_ms} to {second_end_ms}");
}

#[test]
fn amounts_that_cannot_be_split_fail_the_run_with_a_reason() {
    let (world, record) = ended("load.workers = 1", |_| ());
    assert_eq!(record.state, RunState::Failed);
    let reason = record.reason.unwrap();
    assert!(reason.starts_with("1 workers cannot be split over 2 agents"), "{reason}");
    assert!(!world.has_sent(|command| matches!(command, Command::Prepare(_))));
}

#[test]
fn late_answers_of_an_earlier_trial_change_nothing_and_are_released() {
    let job = job("load.trials = 2");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { trial, .. } if trial.trial.0 == 1));
    let now = world.sent.iter().find_map(|(_, _, command)| match command {
        Command::Start { trial, .. } => Some(*trial),
        _ => None,
    });
    let earlier = now.unwrap();
    let before = world.schedule.record(run_id(1)).cloned();
    use super::super::Answer;
    for answer in [
        Answer::Ready,
        Answer::Armed { arming: 0, skew_us: Some((1e9, 1.0)) },
        Answer::StartTooLate { arming: 0, late: Duration::from_secs(1) },
        Answer::Done { intervals: 9 },
        Answer::Failed { reason: "late".to_owned(), intervals: 9 },
        Answer::TargetFailed("late".to_owned()),
        Answer::HookDone { hook: 0, failure: Some("late".to_owned()) },
        Answer::PortReserved(None),
    ] {
        let sent = world.sent.len();
        world.hear(1, earlier, answer.clone());
        let released = world.sent[sent..]
            .iter()
            .all(|(agent, _, command)| (*agent, command) == (agent_id(1), &Command::Release(earlier)));
        assert!(released, "{answer:?}: {:?}", &world.sent[sent..]);
    }
    assert_eq!(world.schedule.record(run_id(1)).cloned(), before);
    world.settle(bound(&job));
    assert!(world.finished[&run_id(1)].trials.iter().all(|trial| trial.is_complete));
}

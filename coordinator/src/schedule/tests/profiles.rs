//! Trials with a profiler: nothing that goes wrong in them says anything about what was measured.

use std::sync::Arc;
use std::time::Duration;

use shared::ids::TrialKey;
use shared::job::Job;
use shared::run_record::{AttachedFile, RunRecord, RunState};

use super::super::{Answer, Command};
use super::simulated_agent::Stage;
use super::world::World;
use super::{agent_id, bound, ended, job, run_id};
use crate::fleet::LOST_AFTER;

const SECOND: Duration = Duration::from_secs(1);
const PROFILED: &str = "load.trials = 2\nsweep.\"load.workers\" = [2, 4]\n[profile]\ncommand = [\"perf\"]\n";

fn is_profile(command: &Command) -> bool {
    matches!(command, Command::Profile { .. })
}

fn problems(record: &RunRecord) -> Vec<&str> {
    let outputs = record.profiles.iter().flat_map(|profiled| &profiled.outputs);
    outputs.map(|output| output.problem.as_deref().unwrap_or("")).collect()
}

/// A run over two agents in whose first profiled trial something happens once the profiler was told to start.
fn profiled(job: &Arc<Job>, disturb: impl FnOnce(&mut World)) -> (World, RunRecord) {
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, job);
    world.pass_until_sent(is_profile);
    world.pass(Duration::from_millis(100));
    disturb(&mut world);
    world.settle(3 * bound(job) + LOST_AFTER);
    let record = world.finished[&run_id(1)].clone();
    (world, record)
}

#[test]
fn one_more_trial_of_each_variant_comes_last_and_is_none_of_the_run_s() {
    let (mut world, record) = ended(PROFILED, |_| ());
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 4));
    let variants: Vec<u32> = record.profiles.iter().map(|profiled| profiled.variant.0).collect();
    assert_eq!(variants, [0, 1]);
    assert!(record.profiles.iter().all(|profiled| profiled.trial.is_complete && profiled.trial.trial.0 >= 4));
    // Without a target the profiler runs where the load is made.
    assert_eq!((world.sent_to(1, is_profile), world.sent_to(2, is_profile)), (2, 2));
    assert!(problems(&record).iter().all(|problem| problem.contains("did not arrive")), "{record:#?}");
    assert_eq!(record.measurements_needed(), 4);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn the_profiler_runs_where_the_target_does() {
    let (world, record) = ended(&format!("{PROFILED}[target]\nstart = [\"serve\"]\n"), |_| ());
    assert_eq!((record.state, record.profiles.len()), (RunState::Finished, 2));
    assert_eq!((world.sent_to(1, is_profile) > 0, world.sent_to(2, is_profile)), (true, 0));
}

#[test]
fn a_profiler_that_fails_or_hangs_is_told_of_and_the_run_is_what_it_was() {
    for (program, told) in [("fail", "exit status 1"), ("hang", "did not end in time")] {
        let (mut world, record) = ended(&PROFILED.replace("perf", program), |_| ());
        assert_eq!((record.state, record.reason.as_deref()), (RunState::Finished, None));
        assert!(problems(&record).iter().all(|problem| problem.contains(told)), "{:?}", problems(&record));
        world.pass(SECOND);
        world.assert_nothing_is_held();
    }
}

#[test]
fn what_a_profiler_wrote_is_taken_once_its_trial_is_under_way_and_within_bounds() {
    let job = job(PROFILED);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(is_profile);
    let trial = world.sent.iter().find_map(|(_, _, command)| match command {
        Command::Profile { trial, .. } => Some(*trial),
        _ => None,
    });
    let trial = trial.unwrap();
    let file = |size_bytes| AttachedFile { sha256: "ab".repeat(32), size_bytes };
    let schedule = &mut world.schedule;
    let too_large = schedule.reserve_profile(agent_id(1), trial, 17 * 1024 * 1024).unwrap_err();
    assert!(too_large.contains("profile.size"), "{too_large}");
    assert!(schedule.reserve_profile(agent_id(3), trial, 1).is_err(), "nobody asked that agent");
    let earlier = TrialKey { trial: shared::ids::TrialIndex(0), ..trial };
    assert!(schedule.reserve_profile(agent_id(1), earlier, 1).is_err(), "a trial that is measured");
    schedule.note_profile(agent_id(1), trial, file(5)).unwrap();
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    let outputs = &record.profiles[0].outputs;
    let of_first = outputs.iter().find(|output| output.agent == agent_id(1)).unwrap();
    assert_eq!((of_first.file.as_ref(), of_first.problem.as_ref()), (Some(&file(5)), None));
    assert_eq!(record.stored_files().count(), 1);
}

#[test]
fn a_lost_agent_leaves_out_the_profiles_and_not_what_was_measured() {
    let (mut world, record) = profiled(&job(PROFILED), |world| world.kill(2));
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 4), "{:?}", record.reason);
    assert_eq!(record.profiles.len(), 1);
    assert!(!record.profiles[0].trial.is_complete);
    assert!(record.trials.iter().all(|trial| trial.is_complete));
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_lost_agent_that_is_replaced_has_the_trial_repeated() {
    let job = job(&format!("fleet.retries = 1\n{PROFILED}"));
    let (_, record) = profiled(&job, |world| world.start_anew(2, 4));
    assert_eq!((record.state, record.profiles.len()), (RunState::Finished, 3), "{:?}", record.reason);
    let complete: Vec<bool> = record.profiles.iter().map(|profiled| profiled.trial.is_complete).collect();
    assert_eq!(complete, [false, true, true]);
}

#[test]
fn a_coordinator_that_is_restarted_waits_for_the_profiler_again() {
    for after_ms in [10, 1_500, 4_000] {
        let (_, record) = profiled(&job(PROFILED), |world| {
            world.pass(Duration::from_millis(after_ms));
            world.restart(0);
            world.pass(5 * SECOND);
            world.attach(1);
            world.attach(2);
        });
        assert_eq!((record.state, record.trials.len()), (RunState::Finished, 4), "{:?}", record.reason);
        assert!(record.profiles.iter().all(|profiled| profiled.trial.is_complete), "{:#?}", record.profiles);
    }
}

#[test]
fn a_cancelled_run_waits_for_no_profiler() {
    let (mut world, record) = profiled(&job(&PROFILED.replace("perf", "hang")), |world| world.cancel(1));
    assert_eq!(record.state, RunState::Cancelled);
    assert!(world.finished_at[&run_id(1)] < 60 * SECOND, "{:?}", world.finished_at[&run_id(1)]);
    assert!(!record.profiles[0].trial.is_complete && record.profiles.len() == 1);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn an_order_that_a_link_lost_is_repeated_while_the_load_runs() {
    let job = job(PROFILED);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(is_profile);
    world.detach(1);
    world.attach(1);
    world.settle(3 * bound(&job));
    let record = &world.finished[&run_id(1)];
    assert!(problems(record).iter().all(|problem| problem.contains("did not arrive")), "{record:#?}");
    assert_eq!(world.sent_to(1, is_profile), 3);
}

#[test]
fn a_profiler_whose_order_comes_after_the_load_is_not_started() {
    let job = job(PROFILED);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(is_profile);
    world.detach(1);
    world.pass(10 * SECOND);
    world.attach(1);
    world.settle(3 * bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(record.state, RunState::Finished);
    let told = record.profiles[0].outputs.iter().find(|output| output.agent == agent_id(1));
    let problem = told.and_then(|output| output.problem.as_deref()).unwrap_or_default();
    assert!(problem.contains("not started while the load ran"), "{record:#?}");
}

#[test]
fn a_target_that_does_not_stop_at_the_end_is_told_of_beside_profiles_too() {
    let (_, record) =
        ended(&format!("{PROFILED}[target]\nstart = [\"serve\"]\nrestart = \"run\"\n"), |world| {
            for agent in [1, 2] {
                world.agent(agent).is_silent_at.insert(Stage::StopTarget);
            }
        });
    assert_eq!(record.state, RunState::Failed);
    assert!(record.reason.as_deref().is_some_and(|reason| reason.contains("did not stop")), "{record:#?}");
}

#[test]
fn a_newcomer_whose_hook_fails_leaves_out_the_profiles_and_not_what_was_measured() {
    fn hook_of(world: &World, number: u8) -> Option<TrialKey> {
        world.sent.iter().find_map(|(agent, _, command)| match command {
            Command::RunHook { trial, .. } if *agent == agent_id(number) => Some(*trial),
            _ => None,
        })
    }
    for is_refused in [false, true] {
        let job = job(&format!("fleet.retries = 1\n{PROFILED}[hooks]\nbefore_run = [[\"hang\"]]\n"));
        let mut world = World::new(&[(1, "h1"), (2, "h2")]);
        world.submit(1, &job);
        for number in [1, 2] {
            world.pass_until(60 * SECOND, |world| hook_of(world, number).is_some());
            let trial = hook_of(&world, number).unwrap();
            world.hear(number, trial, Answer::HookDone { hook: 0, failure: None });
        }
        world.pass_until_sent(is_profile);
        world.start_anew(2, 4);
        world.pass_until(LOST_AFTER + bound(&job), |world| hook_of(world, 4).is_some());
        let trial = hook_of(&world, 4).unwrap();
        let failed = Answer::HookDone { hook: 0, failure: Some("exit status 1".to_owned()) };
        world.hear(4, trial, if is_refused { Answer::Refused(Box::new(failed)) } else { failed });
        world.settle(3 * bound(&job));
        let record = &world.finished[&run_id(1)];
        assert_eq!((record.state, record.reason.as_deref()), (RunState::Finished, None));
        assert!(!record.was_refused && record.trials.iter().all(|trial| trial.is_complete));
        let last = &record.profiles.last().unwrap().trial;
        let is_told = last.findings.iter().any(|finding| finding.message.contains("exit status 1"));
        assert!(is_told && !last.is_complete, "{record:#?}");
    }
}

#[test]
fn room_is_kept_for_what_is_announced_and_not_twice_for_the_same_agent() {
    const MOST: u64 = 64 * 1024 * 1024;
    let job = job("load.workers = 8\n[profile]\ncommand = [\"perf\"]\nsize = \"64MiB\"\n");
    let mut world = World::new(&[(1, "h1"), (2, "h2"), (3, "h3"), (4, "h4"), (5, "h5")]);
    world.submit(1, &job);
    world.pass_until_sent(is_profile);
    let trial = world.sent.iter().find_map(|(_, _, command)| match command {
        Command::Profile { trial, .. } => Some(*trial),
        _ => None,
    });
    let (trial, schedule) = (trial.unwrap(), &mut world.schedule);
    for number in [1, 2, 3, 4, 4, 1] {
        schedule.reserve_profile(agent_id(number), trial, MOST).unwrap();
    }
    assert!(schedule.reserve_profile(agent_id(5), trial, 1).is_err(), "the others have all the room");
    let file = AttachedFile { sha256: "ab".repeat(32), size_bytes: MOST };
    schedule.note_profile(agent_id(1), trial, file.clone()).unwrap();
    schedule.note_profile(agent_id(1), trial, file).unwrap();
    assert!(schedule.reserve_profile(agent_id(5), trial, 1).is_err());
}

#[test]
fn a_profile_of_operations_that_failed_says_so() {
    let job = job(PROFILED);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(is_profile);
    let trial = world.sent.iter().find_map(|(_, _, command)| match command {
        Command::Profile { trial, .. } => Some(*trial),
        _ => None,
    });
    let trial = trial.unwrap();
    let file = AttachedFile { sha256: "ab".repeat(32), size_bytes: 5 };
    world.schedule.note_profile(agent_id(1), trial, file).unwrap();
    world.schedule.note_ended(trial, (10, 9));
    world.settle(bound(&job));
    let told = problems(&world.finished[&run_id(1)]);
    assert!(told.contains(&"of the 10 operations beside it 9 failed"), "{told:?}");
}

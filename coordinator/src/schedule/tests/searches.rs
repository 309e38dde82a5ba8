//! Runs that search: a trial at a time, each where the last look said, also when the coordinator is restarted.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::run_record::{LookOutcome, RunRecord, RunState};

use super::super::Command;
use super::world::World;
use super::{bound, job, run_id};

const SECOND: Duration = Duration::from_secs(1);
/// Rates of 10, 20, 40, 80 and 160.
const SEARCH: &str = "load.model = \"open\"\nload.rate = 1\nload.trials = 3\n\
    search = { vary = \"load.rate\", between = [10, 160], keep = \"latency.p50 < 1s\", resolution = 1.0 }\n";
/// What is said after so many trials: two of 10, one of 40, and once more one of 10.
const LOOKS: [(u32, LookOutcome); 4] =
    [(1, LookOutcome::Try(0)), (2, LookOutcome::Try(2)), (3, LookOutcome::Try(0)), (4, LookOutcome::Found)];

/// A run over two agents.
fn searched(
    looks: &[(u32, LookOutcome)],
    more: &str,
    disturb: impl FnOnce(&mut World),
) -> (World, RunRecord) {
    let job = job(&format!("{SEARCH}{more}"));
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.looks = looks.iter().cloned().collect();
    world.submit(1, &job);
    disturb(&mut world);
    world.settle(2 * bound(&job));
    world.pass(SECOND);
    world.assert_nothing_is_held();
    let record = world.finished[&run_id(1)].clone();
    (world, record)
}

/// The variant and block of each attempt, by the names of the variants.
fn tried(record: &RunRecord) -> Vec<(&str, u32)> {
    let planned = record.trials.iter().map(|attempt| &record.plan.trials[attempt.trial.0 as usize]);
    planned.map(|it| (record.plan.variants[it.variant.0 as usize].name.as_str(), it.block)).collect()
}

const AS_SAID: [(&str, u32); 4] =
    [("load.rate=10", 0), ("load.rate=10", 1), ("load.rate=40", 0), ("load.rate=10", 2)];

#[test]
fn a_search_runs_what_each_look_says_and_nothing_else() {
    let (world, record) = searched(&LOOKS, "", |_| ());
    assert_eq!((record.state, tried(&record)), (RunState::Finished, AS_SAID.to_vec()));
    assert_eq!((record.plan.trials.len(), record.looks.len()), (4, 0), "the plan is all that is kept of it");
    let rate = |command: &Command| match command {
        Command::Prepare(told) => told.load.arrivals.as_ref().map(|plan| plan.stretches[0].from_per_s),
        _ => None,
    };
    let rates: Vec<f64> = world.sent.iter().filter_map(|(_, _, command)| rate(command)).collect();
    assert_eq!(
        rates,
        [10.0, 10.0, 10.0, 10.0, 40.0, 40.0, 10.0, 10.0],
        "each agent is told each trial's own"
    );
}

#[test]
fn a_search_survives_the_coordinator() {
    for lost_saves in 0..3 {
        let (_, record) = searched(&LOOKS, "", |world| {
            world.answers_looks = false;
            for asked in 1..4 {
                world.pass_until(600 * SECOND, |world| world.looks_asked >= asked);
                world.answers_looks = asked > 1;
                world.restart(lost_saves);
                world.attach(1);
                world.attach(2);
            }
        });
        assert_eq!((record.state, tried(&record)), (RunState::Finished, AS_SAID.to_vec()), "{lost_saves}");
    }
}

#[test]
fn an_attempt_that_does_not_count_is_repeated_before_it_is_looked_at() {
    let looks = [(1, LookOutcome::Found)];
    let (world, record) =
        searched(&looks, "fleet.retries = 1\nfleet.on_agent_loss = \"continue\"\n", |world| {
            world.pass_until_sent(|command| matches!(command, Command::Start { .. }));
            world.kill(2);
        });
    assert_eq!(tried(&record), [("load.rate=10", 0), ("load.rate=10", 0)]);
    assert_eq!((record.state, world.looks_asked), (RunState::Finished, 1));
}

#[test]
fn what_a_target_did_to_a_value_is_not_measured_until_it_goes_well() {
    let attempts = |finds: FindingCode| {
        let looks = [(1, LookOutcome::Found)];
        let (_, record) = searched(&looks, "fleet.retries = 2\n", |world| world.finds = Some(finds));
        tried(&record).len()
    };
    assert_eq!(attempts(FindingCode::ErrorRatioHigh), 1, "the target answered with errors");
    assert_eq!(attempts(FindingCode::AgentStalled), 3, "that was not the target");
}

#[test]
fn a_search_that_does_not_know_where_to_go_fails() {
    let damaged = LookOutcome::Failed("damaged".to_owned());
    let (_, record) = searched(&[(1, damaged)], "", |_| ());
    assert_eq!(record.state, RunState::Failed);
    let why = "it is not known which value the search is to try next: damaged";
    assert_eq!(record.reason.as_deref(), Some(why));
    let (_, record) = searched(&[], "", |world| world.answers_looks = false);
    assert_eq!((record.state, record.trials.len()), (RunState::Failed, 1));
}

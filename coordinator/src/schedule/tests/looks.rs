//! Runs that end once enough is known: when they are looked at, what is left out then, and that a restart changes nothing.

use std::time::Duration;

use shared::run_record::{LookOutcome, RunRecord, RunState};

use super::world::World;
use super::{bound, job, run_id};

const SECOND: Duration = Duration::from_secs(1);
const BOUND: &str = "claims = [{ metric = \"latency.p50\", below = \"1s\" }]\n";
const ABORT: &str = "claims = [{ metric = \"latency.p50\", below = \"1s\", abort = true }]\n";
const VARIANTS: &str = "variants = [{ name = \"a\" }, { name = \"b\", set = { \"load.workers\" = 4 } }]\n";

/// A run of a job over two agents, in which looks after so many blocks say this.
fn looked(more: &str, looks: &[(u32, LookOutcome)], disturb: impl FnOnce(&mut World)) -> RunRecord {
    let job = job(more);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.looks = looks.iter().cloned().collect();
    world.submit(1, &job);
    disturb(&mut world);
    world.settle(2 * bound(&job));
    world.pass(SECOND);
    world.assert_nothing_is_held();
    world.finished[&run_id(1)].clone()
}

fn blocks_of_looks(record: &RunRecord) -> Vec<u32> {
    record.looks.iter().map(|looked| looked.look.blocks).collect()
}

#[test]
fn a_run_ends_at_the_look_that_settles_it() {
    let text = format!("load.trials = {{ until = \"settled\", at_most = 30 }}\n{BOUND}{VARIANTS}");
    let record = looked(&text, &[(15, LookOutcome::Settled)], |_| ());
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 30));
    assert_eq!(blocks_of_looks(&record), [10, 15]);
    assert_eq!((record.blocks_needed(), record.trials_needed().count()), (15, 30));
    assert_eq!(record.plan.trials.len(), 60, "what was planned stays written down");
}

#[test]
fn a_run_that_nothing_settles_runs_all_its_blocks() {
    let text = format!("load.trials = {{ until = \"settled\", at_most = 12 }}\n{BOUND}");
    let record = looked(&text, &[(10, LookOutcome::Failed("damaged".to_owned()))], |_| ());
    assert_eq!((record.trials.len(), blocks_of_looks(&record)), (12, vec![10]));
    assert_eq!(record.blocks_needed(), u32::MAX);
}

#[test]
fn a_claim_that_is_refuted_beyond_doubt_ends_the_run() {
    let record = looked(&format!("load.trials = 9\n{ABORT}"), &[(6, LookOutcome::Refuted)], |_| ());
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 6));
    assert_eq!(blocks_of_looks(&record), [5, 6]);
}

#[test]
fn a_run_without_claims_that_could_end_it_is_never_looked_at() {
    let record = looked(&format!("load.trials = 12\n{BOUND}"), &[(10, LookOutcome::Settled)], |_| ());
    assert_eq!((record.trials.len(), record.looks.len()), (12, 0));
}

#[test]
fn looks_survive_the_coordinator() {
    for lost_saves in 0..3 {
        let record = looked(&format!("load.trials = 8\n{ABORT}"), &[(6, LookOutcome::Refuted)], |world| {
            world.answers_looks = false;
            for asked in 1..4 {
                world.pass_until(600 * SECOND, |world| world.looks_asked >= asked);
                world.answers_looks = asked > 1;
                world.restart(lost_saves);
                world.attach(1);
                world.attach(2);
            }
        });
        assert_eq!((record.state, blocks_of_looks(&record)), (RunState::Finished, vec![5, 6]));
        assert_eq!(record.trials.last().map(|attempt| attempt.trial.0), Some(5));
    }
}

#[test]
fn a_look_that_nobody_answers_shows_nothing() {
    let record = looked(&format!("load.trials = 6\n{ABORT}"), &[], |world| world.answers_looks = false);
    assert_eq!((record.state, record.trials.len()), (RunState::Finished, 6));
    let [looked] = &record.looks[..] else { panic!("one look: {:?}", record.looks) };
    assert_eq!(looked.outcome, LookOutcome::Failed("what was stored could not be read in time".to_owned()));
}

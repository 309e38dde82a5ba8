//! Variants: each trial is its variant's own, and a block stays together whatever happens in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::event::RunEvent;
use shared::ids::{AgentId, TrialKey};
use shared::run_record::{RunRecord, RunState};

use super::super::Command;
use super::simulated_agent::Stage;
use super::world::World;
use super::{agent_id, bound, ended, job, run_id};

const SECOND: Duration = Duration::from_secs(1);
/// Two variants that differ in load and target.
const TWO: &str = "target = { start = [\"serve\", \"{{build}}\"] }\nparams = { build = \"old\" }\nload.workers = 2\nload.trials = 3\n\
    variants = [{ name = \"old\" }, { name = \"new\", set = { \"params.build\" = \"new\", \"load.workers\" = 6, \"load.duration\" = \"5s\" } }]\n";

/// Names of the variants in the order of the attempts, with the block of each.
fn turns(record: &RunRecord) -> Vec<(u32, &str)> {
    let of_attempt = |attempt: &shared::run_record::TrialRecord| {
        let planned = &record.plan.trials[attempt.trial.0 as usize];
        (planned.block, record.plan.variants[planned.variant.0 as usize].name.as_str())
    };
    record.trials.iter().map(of_attempt).collect()
}

/// The variant of a trial.
fn variant(record: &RunRecord, trial: TrialKey) -> &str {
    let planned = &record.plan.trials[trial.trial.0 as usize];
    &record.plan.variants[planned.variant.0 as usize].name
}

#[test]
fn every_trial_has_the_load_and_the_target_of_its_variant() {
    let (world, record) = ended(TWO, |_| ());
    assert_eq!(record.state, RunState::Finished);
    assert_eq!(record.trials.len(), 6);
    let mut seen = BTreeSet::new();
    for (_, _, command) in &world.sent {
        match command {
            Command::Prepare(told) => {
                let variant = variant(&record, told.trial);
                let expected = if variant == "old" { (1, 3) } else { (3, 5) };
                assert_eq!((told.load.workers, told.load.window), (expected.0, window_of(expected.1)));
                seen.insert(("prepare", variant.to_owned()));
            }
            Command::StartTarget { trial, command, .. } => {
                let variant = variant(&record, *trial);
                assert_eq!(command[1], variant);
                seen.insert(("start", variant.to_owned()));
            }
            _ => {}
        }
    }
    assert_eq!(seen.len(), 4);
    let told = world.told.iter().filter_map(|(_, event)| match event {
        RunEvent::TrialStarted { variant, duration, .. } => Some((variant.as_str(), *duration)),
        _ => None,
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), [("old", Some(3 * SECOND)), ("new", Some(5 * SECOND))].into());
}

fn window_of(seconds: u64) -> shared::job::Window {
    shared::job::Window::For(Duration::from_secs(seconds))
}

#[test]
fn what_is_compared_in_a_block_meets_the_same_random_values() {
    let (world, record) = ended(TWO, |_| ());
    let mut seeds: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for (_, _, command) in &world.sent {
        if let Command::Prepare(told) = command {
            let block = record.plan.trials[told.trial.trial.0 as usize].block;
            seeds.entry(block).or_default().insert(told.load.seed);
        }
    }
    assert_eq!(seeds.len(), 3);
    assert!(seeds.values().all(|of_block| of_block.len() == 1), "{seeds:?}");
    assert_eq!(seeds.values().flatten().collect::<BTreeSet<_>>().len(), 3, "another block, other values");
}

#[test]
fn a_repeated_trial_stays_in_its_block() {
    let job = job(&format!("{TWO}fleet.retries = 1\n"));
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    // The second trial of the first block fails once.
    world.pass_until_sent(|command| matches!(command, Command::Prepare(told) if told.trial.trial.0 == 1));
    world.agent(1).fails_at.insert(Stage::Measure);
    world.pass_until_sent(|command| matches!(command, Command::Release(trial) if trial.trial.0 == 1));
    world.agent(1).fails_at.clear();
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    let blocks: Vec<u32> = turns(record).iter().map(|(block, _)| *block).collect();
    assert_eq!(blocks, [0, 0, 0, 1, 1, 2, 2]);
    assert_eq!((record.trials[1].attempt, record.trials[2].attempt), (0, 1));
    assert_eq!(record.trials[1].trial, record.trials[2].trial);
    for block in 0..3 {
        let names: BTreeSet<&str> =
            turns(record).into_iter().filter(|turn| turn.0 == block).map(|turn| turn.1).collect();
        assert_eq!(names, ["new", "old"].into());
    }
}

#[test]
fn targets_of_variants_may_be_on_different_agents() {
    let text = "target = { start = [\"serve\"], where = \"name=a1\" }\nload.trials = 2\n\
        variants = [{ name = \"one\" }, { name = \"two\", set = { \"target.where\" = \"name=a2\" } }]\n";
    let (world, record) = ended(text, |_| ());
    let starts: Vec<(AgentId, &str)> = world
        .sent
        .iter()
        .filter_map(|(agent, _, command)| match command {
            Command::StartTarget { trial, .. } => Some((*agent, variant(&record, *trial))),
            _ => None,
        })
        .collect();
    assert_eq!(starts.len(), 4);
    for (agent, variant) in starts {
        assert_eq!(agent, agent_id(if variant == "one" { 1 } else { 2 }));
    }
    assert!(record.trials.iter().all(|trial| trial.is_complete));
}

#[test]
fn a_variant_that_cannot_be_split_ends_the_run_before_anything_is_measured() {
    let text = "load.workers = 2\nvariants = [{ name = \"fits\" }, { name = \"small\", set = { \"load.workers\" = 1 } }]\n";
    let (world, record) = ended(text, |_| ());
    assert_eq!(record.state, RunState::Failed);
    let reason = record.reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("variant small: 1 workers cannot be split over 2 agents"), "{reason}");
    assert!(!world.has_sent(|command| matches!(command, Command::Prepare(_))));
}

#[test]
fn a_restarted_coordinator_goes_on_in_the_middle_of_a_block() {
    let job = job(TWO);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(|command| matches!(command, Command::Start { trial, .. } if trial.trial.0 == 3));
    world.pass(SECOND);
    world.restart(1);
    world.pass(2 * SECOND);
    world.attach(1);
    world.attach(2);
    world.settle(2 * bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(record.state, RunState::Finished);
    let blocks: Vec<u32> = turns(record).iter().map(|(block, _)| *block).collect();
    assert_eq!(blocks, [0, 0, 1, 1, 2, 2]);
    assert!(record.trials.iter().all(|trial| trial.is_complete));
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn agents_that_stand_apart_measure_all_variants_before_it_is_the_next_ones_turn() {
    let text = "fleet.placement = \"each\"\nload.trials = 2\nvariants = [{ name = \"a\" }, { name = \"b\", set = { \"load.workers\" = 2 } }]\n";
    let (_, record) = ended(text, |_| ());
    let measured: Vec<(u32, u32, &str)> = record
        .trials
        .iter()
        .map(|trial| {
            let planned = &record.plan.trials[trial.trial.0 as usize];
            (planned.block, planned.order, trial.cells[0].name.as_str())
        })
        .collect();
    let expected = [
        (0, 0, "a1"),
        (0, 1, "a1"),
        (0, 2, "a2"),
        (0, 3, "a2"),
        (1, 0, "a2"),
        (1, 1, "a2"),
        (1, 2, "a1"),
        (1, 3, "a1"),
    ];
    assert_eq!(measured, expected);
}

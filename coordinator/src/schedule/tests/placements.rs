//! Agents that stand apart: whose turn it is, whom each meets, and what becomes of the others when one is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::HostAddress;
use shared::run_record::{RunRecord, RunState};

use super::super::Command;
use super::simulated_agent::Stage;
use super::world::World;
use super::{bound, codes, job, run_id};
use crate::fleet::LOST_AFTER;

const SECOND: Duration = Duration::from_secs(1);
const EACH: &str = "fleet.placement = \"each\"\n";
const OWN_TARGETS: &str = "target = { start = [\"serve\", \"{{target.host}}:{{target.port}}\"] }\n";
/// Longer than it takes for an agent to be lost.
const LONG: &str = "load.warmup = \"100s\"\n";
const PAIRS: &str = "fleet.placement = \"pairs\"\n";

/// A run over agents on hosts of their own, to which something happens once the trial of a number was started.
fn disturbed(
    more: &str,
    agents: &[(u8, &str)],
    trial: u32,
    disaster: impl FnOnce(&mut World),
) -> (World, RunRecord) {
    let job = job(more);
    let mut world = World::new(agents);
    world.submit(1, &job);
    world.pass_until_sent(
        |command| matches!(command, Command::Start { trial: key, .. } if key.trial.0 == trial),
    );
    world.pass(SECOND);
    disaster(&mut world);
    world.settle(bound(&job) + LOST_AFTER);
    world.pass(SECOND);
    world.assert_nothing_is_held();
    let record = world.finished[&run_id(1)].clone();
    (world, record)
}

fn ended(more: &str, agents: &[(u8, &str)]) -> (World, RunRecord) {
    disturbed(more, agents, 0, |_| ())
}

/// Who measured in each attempt, with the one that it met.
fn measured(record: &RunRecord) -> Vec<Vec<String>> {
    let word = |cell: &shared::run_record::CellPart| match &cell.peer {
        Some(peer) => format!("{}>{}", cell.name, peer.name),
        None => cell.name.to_string(),
    };
    record.trials.iter().map(|trial| trial.cells.iter().map(word).collect()).collect()
}

/// The load that each agent was told to make, with the whole fleet's as it was told.
fn loads(world: &World) -> BTreeSet<(u32, u32, u32)> {
    let prepared = world.sent.iter().filter_map(|(_, _, command)| match command {
        Command::Prepare(told) => Some((told.load.workers, told.agent_index, told.agent_count)),
        _ => None,
    });
    prepared.collect()
}

#[test]
fn agents_that_share_a_target_take_turns_with_the_whole_load() {
    let (world, record) = ended(&format!("{EACH}load.trials = 2\nload.workers = 4"), &[(1, "h1"), (2, "h2")]);
    assert_eq!((record.state, record.plan.trials.len()), (RunState::Finished, 4));
    assert_eq!(measured(&record), [["a1"], ["a2"], ["a2"], ["a1"]]);
    assert!(record.trials.iter().all(|trial| trial.is_complete && trial.agents.len() == 1));
    assert_eq!(loads(&world), [(4, 0, 1)].into(), "each makes all of it");
}

#[test]
fn agents_with_their_own_targets_measure_at_once_and_reach_only_those() {
    let (world, record) = ended(&format!("{EACH}{OWN_TARGETS}"), &[(1, "h1"), (2, "h2")]);
    assert_eq!(measured(&record), [["a1", "a2"]]);
    for agent in [1, 2] {
        let is_own = |command: &Command| matches!(command, Command::StartTarget { command, .. } if command[1] == "127.0.0.1:4000");
        assert_eq!(world.sent_to(agent, is_own), 1);
        assert_eq!(world.sent_to(agent, |command| matches!(command, Command::StopTarget(_))), 1);
    }
}

#[test]
fn a_shared_target_stands_on_one_agent_for_all() {
    let target = "target = { start = [\"serve\", \"{{target.host}}\"], where = \"name=a2\" }\n";
    let (world, record) = ended(&format!("{EACH}{target}"), &[(1, "h1"), (2, "h2")]);
    assert_eq!(measured(&record), [["a1"], ["a2"]]);
    let starts = |agent| world.sent_to(agent, |command| matches!(command, Command::StartTarget { .. }));
    assert_eq!((starts(1), starts(2)), (0, 2), "fresh for each turn");
}

#[test]
fn every_agent_meets_every_other_there_and_back() {
    let (world, record) = ended(&format!("{PAIRS}{OWN_TARGETS}"), &[(1, "h1"), (2, "h2"), (3, "h3")]);
    let met = measured(&record);
    assert_eq!(met, [["a2>a3"], ["a3>a2"], ["a1>a2"], ["a2>a1"], ["a1>a3"], ["a3>a1"]]);
    assert!(record.trials.iter().all(|trial| trial.is_complete), "{:#?}", record.trials);
    for agent in [1, 2, 3] {
        let count = |is_meant: fn(&Command) -> bool| world.sent_to(agent, is_meant);
        assert_eq!(count(|command| matches!(command, Command::Prepare(_))), 2);
        assert_eq!(count(|command| matches!(command, Command::StartTarget { .. })), 2);
    }
}

#[test]
fn both_of_a_pair_hear_where_the_other_is() {
    let job = job(&format!(
        "{PAIRS}{OWN_TARGETS}hooks.before_trial = [[\"note\", \"{{{{peer.host}}}}\", \"{{{{target.host}}}}\"]]\n"
    ));
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    for number in [1, 2] {
        world.agent(number).introduction.advertise = HostAddress::new(format!("host-{number}")).ok();
        world.attach(number);
    }
    world.submit(1, &job);
    world.settle(bound(&job));
    let noted = |agent: u8, words: [&str; 3]| {
        world.sent_to(
            agent,
            |command| matches!(command, Command::RunHook { command, .. } if *command == words),
        )
    };
    for (agent, peer) in [(1, "host-2"), (2, "host-1")] {
        assert_eq!(noted(agent, ["note", peer, "host-1"]), 1);
        assert_eq!(noted(agent, ["note", peer, "host-2"]), 1);
    }
}

#[test]
fn a_lost_agent_takes_only_its_own_cells_along() {
    let more = format!("{LONG}{EACH}{OWN_TARGETS}load.trials = 2\nfleet.on_agent_loss = \"continue\"");
    let (_, record) = disturbed(&more, &[(1, "h1"), (2, "h2"), (3, "h3")], 0, |world| world.kill(2));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    assert_eq!(measured(&record), [vec!["a1", "a2", "a3"], vec!["a1", "a3"]]);
    assert_eq!(codes(&record.trials[0]), [FindingCode::AgentLost]);
    let complete = |trial: usize| {
        let trial = &record.trials[trial];
        trial.cells.iter().map(|cell| trial.of_cell(cell).is_complete).collect::<Vec<_>>()
    };
    assert_eq!((complete(0), complete(1)), (vec![true, false, true], vec![true, true]));
}

#[test]
fn a_lost_agent_is_met_by_nobody_any_more() {
    let agents = [(1, "h1"), (2, "h2"), (3, "h3"), (4, "h4")];
    let more = format!("{LONG}{PAIRS}fleet.on_agent_loss = \"continue\"");
    let (_, record) = disturbed(&more, &agents, 0, |world| world.kill(1));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    let later: Vec<String> = measured(&record)[1..].concat();
    assert!(later.iter().all(|met| !met.contains("a1")), "{later:?}");
    let planned: usize = record.plan.trials.iter().map(|trial| trial.cells.len()).sum();
    assert_eq!(planned, 12, "what is missing stays in the plan");
}

#[test]
fn a_turn_that_is_lost_is_taken_by_nobody_else() {
    let more = format!("{EACH}load.trials = 2\nfleet.on_agent_loss = \"continue\"");
    let (_, record) = disturbed(&more, &[(1, "h1"), (2, "h2")], 1, |world| world.kill(2));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    assert_eq!(measured(&record), [["a1"], ["a2"], ["a1"]]);
}

#[test]
fn only_what_did_not_count_is_repeated() {
    let more = format!("{EACH}{OWN_TARGETS}fleet.retries = 1");
    let job = job(&more);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(2).fails_at.insert(Stage::Measure);
    world.submit(1, &job);
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(measured(record), [vec!["a1", "a2"], vec!["a2"]]);
    assert_eq!(codes(&record.trials[1]), [FindingCode::AgentFailed]);
}

#[test]
fn a_lost_host_is_replaced_by_its_namesake_only() {
    let more = format!("{EACH}fleet.agents = 2\nfleet.retries = 1\nfleet.start_timeout = \"30s\"");
    let (_, record) = disturbed(&more, &[(1, "h1"), (2, "h2"), (3, "h3")], 0, |world| world.start_anew(1, 4));
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    assert_eq!(measured(&record), [["a1"], ["a1"], ["a2"]]);
    let (_, record) = disturbed(&more, &[(1, "h1"), (2, "h2"), (3, "h3")], 0, |world| world.kill(1));
    assert_eq!(record.state, RunState::Failed);
    let reason = record.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("a3: the run measures other agents"), "{reason}");
}

#[test]
fn a_target_that_fails_breaks_its_own_cell() {
    let job = job(&format!("{EACH}{OWN_TARGETS}"));
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(1).fails_at.insert(Stage::Port);
    world.submit(1, &job);
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(codes(&record.trials[0]), [FindingCode::TargetFailed]);
    let whole: Vec<bool> =
        record.trials[0].cells.iter().map(|cell| record.trials[0].of_cell(cell).is_complete).collect();
    assert_eq!(whole, [false, true]);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn who_says_nothing_breaks_its_own_cell() {
    for stage in [Stage::StartTarget, Stage::Prepare, Stage::Measure] {
        let job = job(&format!("{EACH}{OWN_TARGETS}"));
        let mut world = World::new(&[(1, "h1"), (2, "h2")]);
        world.agent(1).is_silent_at.insert(stage);
        world.submit(1, &job);
        world.settle(bound(&job));
        let trial = &world.finished[&run_id(1)].trials[0];
        let whole: Vec<bool> = trial.cells.iter().map(|cell| trial.of_cell(cell).is_complete).collect();
        assert_eq!(whole, [false, true], "{stage:?}: {trial:#?}");
    }
}

#[test]
fn pairs_wait_for_somebody_to_meet() {
    let job = job(&format!("{PAIRS}fleet.start_timeout = \"5s\""));
    let mut world = World::new(&[(1, "h1")]);
    world.submit(1, &job);
    world.settle(10 * SECOND);
    let record = &world.finished[&run_id(1)];
    assert!(record.found_no_agents);
    let reason = record.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("waits for 2 agents") && reason.contains("1 of them here"), "{reason}");
}

#[test]
fn a_restarted_coordinator_goes_on_with_the_round() {
    let more = format!("{EACH}{OWN_TARGETS}load.trials = 2");
    let (_, record) = disturbed(&more, &[(1, "h1"), (2, "h2")], 0, |world| {
        world.restart(0);
        world.pass(SECOND);
        (1..=2).for_each(|agent| world.attach(agent));
    });
    assert_eq!(record.state, RunState::Finished, "{:?}", record.reason);
    assert_eq!(measured(&record), [["a1", "a2"], ["a1", "a2"]]);
    assert!(
        record.trials.iter().all(|trial| trial.is_complete && trial.findings.is_empty()),
        "{:#?}",
        record.trials
    );
}

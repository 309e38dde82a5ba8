//! Agents and pairs that stand apart: nothing of theirs is merged, and each must have what was planned for it.

use shared::finding::{Finding, FindingCode};
use shared::host::{HostMetric, HostSample};
use shared::ids::AgentName;
use shared::plan::{Plan, PlannedCell};
use shared::run_record::{CellPart, CellPeer, RunRecord};
use shared::run_report::{Pair, TrialReport, Verdict};

use super::super::*;
use super::fixture::*;

fn name(number: usize) -> AgentName {
    AgentName::new(format!("a{number}")).unwrap()
}

/// Two trials over two agents, who both measure in each of them; apart, or each the other.
fn apart(has_peers: bool) -> RunRecord {
    apart_over(2, 1, has_peers)
}

/// The same over so many trials, each of so many seconds.
fn apart_over(trials: u32, seconds: u64, has_peers: bool) -> RunRecord {
    let mut record = record(trials, 2, seconds);
    let peer = |number: usize| has_peers.then(|| 1 - number);
    for planned in &mut record.plan.trials {
        let cell = |number| PlannedCell { agent: name(number), peer: peer(number).map(name) };
        planned.cells = (0..2).map(cell).collect();
    }
    for attempt in &mut record.trials {
        let cell = |number| CellPart {
            agent: agent_id(number),
            name: name(number),
            peer: peer(number).map(|other| CellPeer { id: agent_id(other), name: name(other) }),
        };
        attempt.cells = (0..2).map(cell).collect();
    }
    record
}

/// One second of each agent in each trial; the second agent is twice as slow, and no two trials are the same to the last.
fn measured() -> Vec<Interval> {
    let of = |trial: u32, agent: usize| {
        let mut latencies = vec![100 * (agent as u64 + 1); 299];
        latencies.push(50 + u64::from(trial));
        Interval { is_last: true, ..interval(trial, agent, 0, vec![operation(0, &latencies, 0)]) }
    };
    (0..2).flat_map(|trial| (0..2).map(move |agent| of(trial, agent))).collect()
}

#[test]
fn nothing_is_merged_across_agents() {
    let Assembled { report, latencies, .. } = assemble(&apart(false), &job(&["read"], 1), measured(), NOW_MS);
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::None, 0));
    let variant = &report.variants[0];
    let cells: Vec<_> = variant
        .trials
        .iter()
        .map(|trial| (trial.block, trial.agent.clone(), trial.operations[0].count))
        .collect();
    let [one, two] = [Some(name(0)), Some(name(1))];
    assert_eq!(
        cells,
        [(0, one.clone(), 300), (0, two.clone(), 300), (1, one.clone(), 300), (1, two.clone(), 300)]
    );
    assert!(variant.operations.is_empty(), "agents that do it alone have no common number");
    let totals: Vec<_> =
        variant.agents.iter().map(|agent| (&agent.name, agent.operations[0].count)).collect();
    assert_eq!(totals, [(&name(0), 600), (&name(1), 600)]);
    let total = Place { variant: 0, trial: None, agent: Some(1), operation: 0 };
    assert_eq!(latencies[&total].count(), 600);
    let medians = variant.estimates.iter().filter(|estimate| estimate.metric == "read.latency.p50");
    let medians: Vec<_> = medians.map(|it| (it.agent.clone(), it.n, it.mean.unwrap().round())).collect();
    assert_eq!(medians, [(one, 2, 100.0), (two, 2, 200.0)]);
}

#[test]
fn how_the_seconds_of_each_agent_depend_on_each_other_is_known_where_one_trial_must_do() {
    const SECONDS: u64 = 40;
    // The first agent's latency goes up and down in a slow wave, the second one's hops to and fro.
    let latency = |agent: usize, second: u64| match agent {
        0 => 1_000 + (500.0 * (second as f64 / 4.0).sin()) as u64,
        _ => 1_000 + 100 * (second % 2),
    };
    let measured = |trials: u32| {
        let second = move |trial: u32, agent: usize, second: u64| {
            let latencies = [latency(agent, second) + u64::from(trial); 10];
            let operations = vec![operation(0, &latencies, 0)];
            Interval { is_last: second + 1 == SECONDS, ..interval(trial, agent, second, operations) }
        };
        let of_trial =
            move |trial| (0..2).flat_map(move |agent| (0..SECONDS).map(move |at| second(trial, agent, at)));
        (0..trials).flat_map(of_trial).collect::<Vec<_>>()
    };
    let of = |trials: u32| {
        let job = job(&["read"], SECONDS);
        assemble(&apart_over(trials, SECONDS, false), &job, measured(trials), NOW_MS).dependences
    };
    let values: Vec<(Option<usize>, bool)> =
        of(1).into_iter().map(|(place, found)| (place.trial, found.value() > 0.8)).collect();
    assert_eq!(values, [(Some(0), true), (Some(1), false)], "each agent's trial has its own");
    assert!(of(2).is_empty(), "with two trials or more nobody asks");
}

#[test]
fn a_pair_has_a_name_in_each_direction() {
    let report = assemble(&apart(true), &job(&["read"], 1), measured(), NOW_MS).report;
    assert_eq!(report.run.verdict, Verdict::None);
    let there = Pair { from: name(0), to: name(1) };
    let back = Pair { from: name(1), to: name(0) };
    let pairs: Vec<_> = report.variants[0].trials.iter().map(|trial| trial.pair.clone().unwrap()).collect();
    assert_eq!(pairs, [there.clone(), back.clone(), there.clone(), back]);
    assert!(report.variants[0].agents.iter().any(|totals| totals.pair == Some(there.clone())));
    assert!(report.variants[0].estimates.iter().all(|it| it.agent.is_none() && it.pair.is_some()));
    assert_eq!(there.to_string(), "a0 → a1");
}

#[test]
fn what_is_wrong_with_one_leaves_the_others_as_they_are() {
    let mut record = apart(false);
    let lost = Finding::of_agent(FindingCode::AgentLost, agent_id(1), "agent a1 was lost");
    record.trials[1].findings.push(lost);
    let unobserved = Finding::of_agent(FindingCode::ObserverLost, agent_id(7), "observer a7 is here no more");
    record.trials[1].findings.push(unobserved);
    let report = assemble(&record, &job(&["read"], 1), measured(), NOW_MS).report;
    let valid: Vec<bool> = report.variants[0].trials.iter().map(|trial| trial.valid).collect();
    assert_eq!(valid, [true, true, true, false]);
    let is_told = |trial: &TrialReport| trial.findings.iter().any(|it| it.code == FindingCode::ObserverLost);
    let told: Vec<bool> = report.variants[0].trials.iter().map(is_told).collect();
    assert_eq!(told, [false, false, true, true], "who is of no cell concerns all of them");
    assert_eq!(report.run.verdict, Verdict::Invalid, "a run is worth what its worst cell is");
    assert_eq!(report.variants[0].agents[1].operations[0].count, 300);
}

#[test]
fn missing_is_named_by_cell() {
    let mut record = apart(false);
    record.trials[1].cells.pop();
    record.trials[1].agents.pop();
    let intervals = measured().into_iter().take(3);
    let report = assemble(&record, &job(&["read"], 1), intervals, NOW_MS).report;
    let missing = report.variants[0].trials.iter().find(|trial| trial.operations.is_empty()).unwrap();
    assert_eq!((missing.block, missing.agent.clone(), missing.valid), (1, Some(name(1)), false));
    assert_eq!(missing.findings[0].code, FindingCode::TrialNotRun);
    assert_eq!(report.run.verdict, Verdict::Invalid);
}

#[test]
fn an_observer_tells_of_its_host_and_makes_nothing_invalid() {
    let mut record = record(1, 2, 1);
    let observer = record.trials[0].agents.pop().unwrap();
    record.trials[0].observers.push(observer);
    let host = HostSample::of([(HostMetric::CpuBusy, 0.5)]);
    let told = Interval { host: Some(host), ..interval(0, 1, 0, vec![]) };
    let one = interval(0, 0, 0, vec![operation(0, &[100; 300], 0)]);
    let (record, job) =
        (RunRecord { plan: Plan { agents: Some(1), ..record.plan.clone() }, ..record }, job(&["read"], 1));
    for (intervals, findings) in [(vec![one.clone(), told], 0), (vec![one], 1)] {
        let report = assemble(&record, &job, intervals, NOW_MS).report;
        let trial = &report.variants[0].trials[0];
        assert!(trial.valid, "{:?}", trial.findings);
        let lost = trial.findings.iter().filter(|finding| finding.code == FindingCode::ObserverLost);
        assert_eq!(lost.count(), findings);
        assert_eq!((trial.agents.len(), trial.observers[0].name.clone()), (1, name(1)));
        assert_eq!(trial.observers[0].host.len(), 1 - findings);
        assert_eq!((report.hosts[0].observer, report.hosts[1].observer), (false, true));
    }
}

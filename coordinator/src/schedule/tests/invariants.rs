//! The design's invariants under any schedule of faults, each under its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use shared::job::Job;

use super::super::Deadlines;
use super::simulated_agent::{Deed, Stage};
use super::world::World;
use super::{AGENTS_MAX, bound, job, run_id};
use crate::fleet::LOST_AFTER;

/// Agents of the world: the first two share a host.
const AGENTS: [(u8, &str); 4] = [(1, "shared"), (2, "shared"), (3, "own"), (4, "other")];
/// How long a run waits for agents.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// When faults happen.
const FAULTS_WITHIN_MS: u64 = 60_000;

/// Something that goes wrong.
#[derive(Debug, Clone)]
enum Fault {
    /// An agent's link breaks and stands again after a time.
    Away(u8, Duration),
    /// It dies for good.
    Dies(u8),
    /// From now on it fails at something.
    Fails(u8, Stage),
    /// From now on it does not answer about something.
    FallsSilent(u8, Stage),
    /// Its targets end.
    TargetsEnd(u8),
    /// A run is cancelled.
    Cancel(u8),
    /// The store stops answering.
    JudgesNoMore,
    /// The coordinator dies, with saves that were not on disk yet, and another takes its place; the agents find it after
    /// a time.
    Restart(usize, Duration),
}

fn stage() -> impl Strategy<Value = Stage> {
    prop::sample::select(vec![
        Stage::Port,
        Stage::StartTarget,
        Stage::Prepare,
        Stage::Start,
        Stage::Measure,
        Stage::Store,
        Stage::StopTarget,
    ])
}

fn fault() -> impl Strategy<Value = Fault> {
    let agent = || 1..=AGENTS.len() as u8;
    prop_oneof![
        6 => (agent(), 10..90_000_u64).prop_map(|(agent, ms)| Fault::Away(agent, Duration::from_millis(ms))),
        2 => agent().prop_map(Fault::Dies),
        2 => (agent(), stage()).prop_map(|(agent, stage)| Fault::Fails(agent, stage)),
        2 => (agent(), stage()).prop_map(|(agent, stage)| Fault::FallsSilent(agent, stage)),
        1 => agent().prop_map(Fault::TargetsEnd),
        2 => (1..=3_u8).prop_map(Fault::Cancel),
        1 => Just(Fault::JudgesNoMore),
        3 => (0..4_usize, 10..10_000_u64).prop_map(|(saves, ms)| Fault::Restart(saves, Duration::from_millis(ms))),
    ]
}

fn any_job() -> impl Strategy<Value = Arc<Job>> {
    let agents = prop::option::of(1..=3_u32);
    let target = prop::sample::select(vec!["", "trial", "run"]);
    let programs = || prop::sample::select(vec!["ok", "ok", "ok", "fail", "hang"]);
    let losses = (prop::sample::select(vec!["fail", "continue"]), 0..=2_u32);
    let placement = prop::sample::select(vec!["together", "together", "each", "pairs"]);
    let placement = (placement, prop::bool::weighted(0.3));
    (agents, target, programs(), programs(), any::<bool>(), 1..=3_u32, losses, placement).prop_map(
        |(agents, restart, program, hook, has_hooks, trials, (policy, retries), (placement, is_observed))| {
            let agents = agents.map(|agents| if placement == "pairs" { agents.max(2) } else { agents });
            let mut text = format!(
                "load.trials = {trials}\nfleet.placement = \"{placement}\"\nfleet.start_timeout = \"{}s\"\nfleet.retries = {retries}\nfleet.on_agent_loss = \"{policy}\"\n",
                START_TIMEOUT.as_secs()
            );
            if is_observed {
                text.push_str("fleet.observe = \"name=a4\"\n");
            }
            if let Some(agents) = agents {
                text.push_str(&format!("fleet.agents = {agents}\n"));
            }
            if !restart.is_empty() {
                text.push_str(&format!(
                    "target = {{ start = [\"{program}\"], restart = \"{restart}\" }}\n"
                ));
            }
            if has_hooks {
                text.push_str(&format!(
                    "[hooks]\nbefore_run = [[\"ok\"]]\nbefore_trial = [[\"ok\"], [\"{hook}\"]]\nafter_trial = [[\"ok\"]]\nafter_run = [[\"ok\"]]\n"
                ));
            }
            job(&text)
        },
    )
}

/// Lets the faults happen at their times.
fn suffer(world: &mut World, mut faults: Vec<(u64, Fault)>) {
    let mut returns: Vec<(Duration, u8)> = Vec::new();
    faults.sort_by_key(|(at_ms, _)| *at_ms);
    for (at_ms, fault) in faults {
        let at = Duration::from_millis(at_ms);
        come_back(world, &mut returns, at);
        world.pass(at.saturating_sub(world.now));
        match fault {
            Fault::Away(agent, time) => {
                world.detach(agent);
                returns.push((world.now + time, agent));
            }
            Fault::Dies(agent) => world.kill(agent),
            Fault::Fails(agent, stage) => with_agent(world, agent, |agent| agent.fails_at.extend([stage])),
            Fault::FallsSilent(agent, stage) => {
                with_agent(world, agent, |agent| agent.is_silent_at.extend([stage]));
            }
            Fault::TargetsEnd(agent) => {
                let mut started = Vec::new();
                with_agent(world, agent, |agent| {
                    started.extend(agent.targets.values().map(|(trial, _)| *trial))
                });
                started.into_iter().for_each(|trial| world.befall(agent, Deed::TargetDown(trial)));
            }
            Fault::Cancel(run) => world.cancel(run),
            Fault::JudgesNoMore => world.judges = false,
            Fault::Restart(lost_saves, time) => {
                world.restart(lost_saves);
                let attached =
                    (1..=AGENTS_MAX).filter(|agent| !returns.iter().any(|(_, away)| away == agent));
                let attached: Vec<u8> = attached.collect();
                returns.extend(attached.into_iter().map(|agent| (world.now + time, agent)));
            }
        }
    }
    come_back(world, &mut returns, Duration::MAX);
}

fn come_back(world: &mut World, returns: &mut Vec<(Duration, u8)>, until: Duration) {
    returns.sort_unstable();
    while returns.first().is_some_and(|(at, _)| *at <= until) {
        let (at, agent) = returns.remove(0);
        world.pass(at.saturating_sub(world.now));
        world.attach(agent);
    }
}

fn with_agent(
    world: &mut World,
    number: u8,
    change: impl FnOnce(&mut super::simulated_agent::SimulatedAgent),
) {
    if let Some(agent) = world.agents.get_mut(&super::agent_id(number)) {
        change(agent);
    }
}

/// How many worlds each invariant is tried on: `FLEETMARK_WORLDS`, or what tests can take the time for.
fn cases() -> u32 {
    std::env::var("FLEETMARK_WORLDS").ok().and_then(|worlds| worlds.parse().ok()).unwrap_or(5_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// And whoever lives then holds nothing. The world itself asserts at every step that nothing is done twice.
    #[test]
    fn every_run_ends(
        jobs in prop::collection::vec((0..5_000_u64, any_job()), 1..=3),
        faults in prop::collection::vec((0..FAULTS_WITHIN_MS, fault()), 0..8),
        delays_ms in prop::collection::vec(1..1_500_u64, AGENTS.len()),
        is_twice in any::<bool>(),
    ) {
        let mut world = World::new(&AGENTS);
        for ((number, _), delay_ms) in AGENTS.iter().zip(delays_ms) {
            world.agent(*number).delay = Duration::from_millis(delay_ms);
            world.agent(*number).says_everything_twice = is_twice;
        }
        for (number, (_, job)) in (1_u8..).zip(&jobs) {
            world.submit(number, job);
        }
        let lives = 1 + faults.iter().filter(|(_, fault)| matches!(fault, Fault::Restart(..))).count() as u32;
        suffer(&mut world, faults);
        // However the faults fell: each run has its own bound, and those before it theirs.
        let within: Duration = jobs.iter().map(|(_, job)| START_TIMEOUT + LOST_AFTER + bound(job)).sum();
        world.settle(within * lives);
        prop_assert!((1_u8..).zip(&jobs).all(|(number, _)| world.finished.contains_key(&run_id(number))));
        for record in world.finished.values() {
            for trial in &record.trials {
                prop_assert!(trial.is_complete || !trial.findings.is_empty(), "{trial:?} is broken for no reason");
            }
        }
        // Whoever lives is well again, is heard of once more, and then holds nothing.
        for (number, _) in AGENTS {
            with_agent(&mut world, number, |agent| agent.is_silent_at.clear());
            world.attach(number);
        }
        // A target that hangs while it starts is given up by its agent, of which nobody is told that was away.
        world.pass(Deadlines::default().start_target + Duration::from_secs(20));
        world.assert_nothing_is_held();
    }

    /// The world itself asserts at every step that no host has more runs than slots.
    #[test]
    fn leases_exclude(
        wanted in prop::collection::vec(prop::option::of(1..=4_u32), 2..=6),
        faults in prop::collection::vec((0..FAULTS_WITHIN_MS, fault()), 0..6),
        slots in 1..=3_u32,
    ) {
        let hosts = [(1, "one"), (2, "one"), (3, "two"), (4, "two"), (5, "two"), (6, "three")];
        let mut world = World::with_slots(&hosts, &BTreeMap::from([("two", slots)]));
        let jobs: Vec<Arc<Job>> = wanted.iter().map(|agents| {
            let agents = agents.map_or(String::new(), |agents| format!("agents = {agents}, "));
            job(&format!("fleet = {{ {agents}start_timeout = \"{}s\" }}", START_TIMEOUT.as_secs()))
        }).collect();
        for (number, job) in (1_u8..).zip(&jobs) {
            world.submit(number, job);
        }
        let lives = 1 + faults.iter().filter(|(_, fault)| matches!(fault, Fault::Restart(..))).count() as u32;
        suffer(&mut world, faults);
        world.settle(lives * jobs.iter().map(|job| START_TIMEOUT + LOST_AFTER + bound(job)).sum::<Duration>());
        prop_assert_eq!(world.finished.len(), jobs.len());
    }
}

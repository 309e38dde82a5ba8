//! Facts about placements: who meets whom, and that nobody is left out or busy twice.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::job::{Kinds, parse};

fn job(placement: &str, more: &str) -> Job {
    let text = format!(
        "name = \"plan\"\nworkload = {{ kind = \"http\" }}\nload.trials = 3\nfleet.placement = \"{placement}\"\n{more}"
    );
    parse(&text, Kinds::Unchecked).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

fn names(count: usize) -> Vec<AgentName> {
    (0..count).map(|number| AgentName::new(format!("a{number:03}")).unwrap()).collect()
}

fn placed(job: &Job, agents: usize) -> Plan {
    let mut plan = Plan::of(job, 7);
    plan.place(job, &names(agents)).unwrap();
    plan
}

fn cells(plan: &Plan) -> Vec<Vec<String>> {
    let word = |cell: &PlannedCell| match &cell.peer {
        Some(peer) => format!("{}>{peer}", cell.agent),
        None => cell.agent.to_string(),
    };
    plan.trials.iter().map(|trial| trial.cells.iter().map(word).collect()).collect()
}

#[test]
fn agents_that_share_a_target_take_turns_and_another_one_begins_each_block() {
    let plan = placed(&job("each", ""), 2);
    let places: Vec<_> = plan.trials.iter().map(|trial| (trial.index.0, trial.block, trial.order)).collect();
    assert_eq!(places, [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 2, 0), (5, 2, 1)]);
    assert_eq!(cells(&plan), [["a000"], ["a001"], ["a001"], ["a000"], ["a000"], ["a001"]]);
}

#[test]
fn agents_that_start_their_own_targets_measure_at_once() {
    let own = "target = { start = [\"serve\"] }\n";
    assert_eq!(cells(&placed(&job("each", own), 3)), vec![["a000", "a001", "a002"]; 3]);
    let shared = "target = { start = [\"serve\"], where = \"role=target\" }\n";
    assert_eq!(placed(&job("each", shared), 3).trials.len(), 9);
    assert_eq!(placed(&job("each", own), 3).measurements(), 9, "however they are spread over rounds");
}

#[test]
fn a_pair_meets_in_both_directions_one_after_the_other() {
    let plan = placed(&job("pairs", ""), 3);
    assert_eq!(
        cells(&plan)[..6],
        [["a001>a002"], ["a002>a001"], ["a000>a001"], ["a001>a000"], ["a000>a002"], ["a002>a000"]]
            .map(|round| round.map(str::to_owned).to_vec())
    );
}

#[test]
fn nobody_to_meet_and_too_many_to_meet_are_refused() {
    let (job, refused) =
        (job("pairs", ""), |agents| Plan::of(&job("pairs", ""), 7).place(&job("pairs", ""), &names(agents)));
    assert_eq!(refused(1), Err(PlacementError::TooFew(1)));
    assert_eq!(refused(60), Err(PlacementError::TooMany { agents: 60, cells: 60 * 59 * 3 }));
    assert_eq!(rounds(&job, &names(60)).iter().map(Vec::len).sum::<usize>(), 60 * 59);
}

#[test]
fn together_stays_as_it_is_and_nothing_is_placed_twice() {
    let together = job("together", "");
    assert_eq!(placed(&together, 4), Plan::of(&together, 7));
    let each = job("each", "");
    let mut plan = placed(&each, 2);
    plan.place(&each, &names(5)).unwrap();
    assert_eq!(plan, placed(&each, 2));
}

proptest! {
    #[test]
    fn a_tournament_is_complete_and_nobody_plays_twice_in_a_round(players in 2_usize..60) {
        let rounds = rounds(&job("pairs", ""), &names(players));
        let mut met = BTreeSet::new();
        for round in &rounds {
            let mut busy = BTreeSet::new();
            for cell in round {
                let peer = cell.peer.clone().unwrap();
                prop_assert!(busy.insert(cell.agent.clone()) && busy.insert(peer.clone()), "{round:?}");
                prop_assert!(met.insert((cell.agent.clone(), peer)), "{cell:?} meet twice");
            }
            prop_assert_eq!(busy.len(), players - players % 2, "at most one has a bye");
        }
        prop_assert_eq!(met.len(), players * (players - 1), "everybody meets everybody, there and back");
    }

    #[test]
    fn each_agent_measures_once_a_trial(agents in 1_usize..60, has_own_target in any::<bool>()) {
        let more = if has_own_target { "target = { start = [\"serve\"] }\n" } else { "" };
        let plan = placed(&job("each", more), agents);
        for block in 0..3 {
            let of_block = plan.trials.iter().filter(|trial| trial.block == block);
            let mut measured: Vec<AgentName> = of_block.flat_map(|trial| &trial.cells).map(|cell| cell.agent.clone()).collect();
            measured.sort();
            prop_assert_eq!(measured, names(agents));
        }
    }
}

//! All agents of a trial begin at one moment, or none does.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::{TrialIndex, TrialKey};
use shared::run_record::RunState;

use super::super::run::ARMINGS_MAX;
use super::super::{Answer, Command};
use super::world::World;
use super::{bound, codes, job, run_id};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const TRIAL: fn() -> TrialKey = || TrialKey { run: run_id(1), trial: TrialIndex(0), attempt: 0 };

fn is_start(command: &Command) -> bool {
    matches!(command, Command::Start { .. })
}

/// A world whose last agent's link becomes slow once all agents prepare: slower than its round trips said.
fn slowed(agents: &[(u8, &str)], delay: Duration) -> World {
    let mut world = World::new(agents);
    world.submit(1, &job(""));
    world.pass_until_sent(|command| matches!(command, Command::Prepare(_)));
    let last = agents.last().expect("there are some").0;
    world.agent(last).delay = delay;
    world.pass_until_sent(is_start);
    world
}

#[test]
fn a_start_that_is_not_confirmed_is_moved_for_all_before_anybody_begins() {
    let mut world = slowed(&[(1, "h1"), (2, "h2")], 500 * MS);
    // The first agent has confirmed; the second one will get the start after it has passed.
    world.pass(200 * MS);
    world.tick();
    world.settle(bound(&job("")));
    assert_eq!((world.sent_to(1, is_start), world.sent_to(2, is_start)), (2, 2));
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn a_start_that_came_too_late_is_given_again_with_more_room() {
    let mut world = slowed(&[(1, "h1")], SECOND);
    world.settle(bound(&job("")));
    assert_eq!(world.sent_to(1, is_start), 2);
    assert!(world.finished[&run_id(1)].trials[0].is_complete);
}

#[test]
fn an_agent_that_began_before_the_start_was_moved_breaks_the_trial() {
    let mut world = slowed(&[(1, "h1"), (2, "h2")], 600 * MS);
    // Nobody looked in time: the refusal itself is the first that is heard of it.
    world.settle(bound(&job("")));
    let record = &world.finished[&run_id(1)];
    assert_eq!(record.state, RunState::Finished);
    assert_eq!(codes(&record.trials[0]), [FindingCode::AgentFailed], "{:?}", record.trials[0].findings);
    world.pass(3 * SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_start_that_is_lost_with_its_link_breaks_that_trial_alone() {
    let job = job("load.trials = 2");
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.submit(1, &job);
    world.pass_until_sent(is_start);
    world.pass(5 * MS);
    world.detach(2);
    world.pass(5 * SECOND);
    world.attach(2);
    world.settle(bound(&job));
    let trials = &world.finished[&run_id(1)].trials;
    assert_eq!(codes(&trials[0]), [FindingCode::AgentFailed], "{:?}", trials[0].findings);
    assert!(trials[1].is_complete);
}

#[test]
fn a_start_that_always_comes_too_late_breaks_the_trial_after_a_few() {
    let mut world = slowed(&[(1, "h1")], SECOND);
    for arming in 0..ARMINGS_MAX {
        assert_eq!(world.sent_to(1, is_start), arming as usize + 1);
        world.hear(1, TRIAL(), Answer::StartTooLate { arming, late: SECOND });
    }
    world.settle(bound(&job("")));
    let findings = &world.finished[&run_id(1)].trials[0].findings;
    assert!(
        matches!(&findings[..], [finding] if finding.message.contains("5 times in a row")),
        "{findings:?}"
    );
}

#[test]
fn an_answer_to_an_earlier_start_is_no_answer_to_the_last() {
    let mut world = slowed(&[(1, "h1")], SECOND);
    world.hear(1, TRIAL(), Answer::StartTooLate { arming: 0, late: SECOND });
    world.hear(1, TRIAL(), Answer::Armed { arming: 0, skew_us: Some((1e9, 1.0)) });
    world.settle(bound(&job("")));
    assert_eq!(world.finished[&run_id(1)].trials[0].start_skew_us, Some(1.0));
}

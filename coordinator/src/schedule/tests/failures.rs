//! What becomes of a run when a step of it fails.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::{TrialIndex, TrialKey};
use shared::run_record::RunState;

use super::super::{Answer, Command};
use super::simulated_agent::Stage;
use super::world::World;
use super::{bound, codes, ended, job, run_id};

const SECOND: Duration = Duration::from_secs(1);

/// The first trial of two breaks with one finding whose message ends like this; the second one is whole.
fn assert_first_trial_breaks(stage: Stage, is_silent: bool, message: &str) {
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    let job = job("load.trials = 2");
    let agent = world.agent(2);
    let stages = if is_silent { &mut agent.is_silent_at } else { &mut agent.fails_at };
    stages.insert(stage);
    world.submit(1, &job);
    world.pass_until(bound(&job), |world| world.has_sent(|command| matches!(command, Command::Abort { .. })));
    world.agent(2).is_silent_at.clear();
    world.agent(2).fails_at.clear();
    world.settle(bound(&job));
    let record = &world.finished[&run_id(1)];
    assert_eq!(record.state, RunState::Finished, "{stage:?}");
    assert_eq!(codes(&record.trials[0]), [FindingCode::AgentFailed], "{:?}", record.trials[0].findings);
    assert!(record.trials[0].findings[0].message.ends_with(message), "{:?}", record.trials[0].findings);
    assert!(!record.trials[0].is_complete && record.trials[1].is_complete, "{stage:?}");
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn an_agent_that_cannot_do_its_part_breaks_its_trial_alone() {
    assert_first_trial_breaks(Stage::Prepare, false, "nobody answers there");
    assert_first_trial_breaks(Stage::Start, false, "the start has passed");
    assert_first_trial_breaks(Stage::Measure, false, "out of sockets");
}

#[test]
fn a_refusal_ends_the_run_and_leaves_no_agent_running() {
    for stage in [Stage::Prepare, Stage::Measure] {
        let (mut world, record) = ended("load.trials = 2\nfleet.retries = 3", |world| {
            let agent = world.agent(2);
            agent.refuses = true;
            agent.fails_at.insert(stage);
        });
        assert!(record.state == RunState::Failed && record.was_refused, "{stage:?}");
        let reason = record.reason.unwrap_or_default();
        assert!(reason.starts_with("agent a2 refuses: "), "{reason}");
        assert_eq!(record.trials.len(), 1, "{stage:?}");
        world.pass(SECOND);
        world.assert_nothing_is_held();
    }
}

#[test]
fn an_agent_that_does_not_answer_in_time_breaks_its_trial_alone() {
    assert_first_trial_breaks(Stage::Prepare, true, "a2 did not get ready in time");
    assert_first_trial_breaks(Stage::Start, true, "a2 did not confirm the start in time");
    assert_first_trial_breaks(Stage::Measure, true, "a2 did not finish in time");
}

#[test]
fn intervals_that_an_agent_cannot_deliver_any_more_are_not_waited_for() {
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    world.agent(2).is_silent_at.insert(Stage::Store);
    world.submit(1, &job(""));
    // Both are done by then, and what the second one numbered is not there.
    world.pass(20 * SECOND);
    let trial = TrialKey { run: run_id(1), trial: TrialIndex(0), attempt: 0 };
    let reason = "what it kept is damaged".to_owned();
    world.hear(2, trial, Answer::Failed { reason, intervals: 0 });
    world.settle(5 * SECOND);
    let record = &world.finished[&run_id(1)];
    assert_eq!(codes(&record.trials[0]), [FindingCode::AgentFailed], "{:?}", record.trials[0].findings);
    let of_two = record.trials[0].agents.iter().find(|part| part.name.as_str() == "a2").unwrap();
    assert!(of_two.intervals_reported > Some(0), "what it numbered is still what it numbered: {of_two:?}");
}

#[test]
fn intervals_that_never_come_are_waited_for_up_to_a_deadline() {
    let (mut world, record) = ended("", |world| {
        world.agent(2).is_silent_at.insert(Stage::Store);
    });
    // That they are missing is for the report to say, which counts what is stored against what was numbered.
    assert!(record.state == RunState::Finished && record.trials[0].is_complete);
    assert!(world.now > 60 * SECOND && world.now < 120 * SECOND, "{:?}", world.now);
    world.pass(SECOND);
    world.assert_nothing_is_held();
}

#[test]
fn a_judgement_that_never_comes_fails_the_run() {
    let (_, record) = ended("load.trials = 2", |world| world.judges = false);
    assert_eq!((record.state, record.trials.len()), (RunState::Failed, 1));
    assert_eq!(record.reason.as_deref(), Some("what was stored could not be read in time"));
}

#[test]
fn a_hook_that_fails_before_the_run_lets_no_trial_begin() {
    for (program, message) in
        [("fail", "hook \"fail\" failed: exit status 1"), ("hang", "hooks did not end in time on a1, a2")]
    {
        let hooks =
            format!("[hooks]\nbefore_run = [[\"{program}\"], [\"never\"]]\nafter_run = [[\"tidy\"]]\n");
        let (world, record) = ended(&hooks, |_| ());
        assert_eq!((record.state, record.reason.as_deref()), (RunState::Failed, Some(message)));
        assert!(record.trials.is_empty());
        let runs = |word: &str| {
            world.sent_to(
                1,
                |command| matches!(command, Command::RunHook { command, .. } if command[0] == word),
            )
        };
        assert_eq!((runs("never"), runs("tidy")), (0, 1));
    }
}

#[test]
fn a_hook_that_fails_before_a_trial_breaks_that_trial_and_the_hooks_after_it_still_run() {
    for program in ["fail", "hang"] {
        let hooks = format!(
            "load.trials = 2\n[hooks]\nbefore_trial = [[\"{program}\"]]\nafter_trial = [[\"tidy\"]]\n"
        );
        let (world, record) = ended(&hooks, |_| ());
        assert_eq!(record.state, RunState::Finished);
        assert!(record.trials.iter().all(|trial| !trial.is_complete));
        assert!(
            record
                .trials
                .iter()
                .all(|trial| codes(trial).iter().all(|code| *code == FindingCode::HookFailed))
        );
        assert!(!world.has_sent(|command| matches!(command, Command::Prepare(_))));
        let tidied = world.sent_to(
            1,
            |command| matches!(command, Command::RunHook { command, .. } if command[0] == "tidy"),
        );
        assert_eq!(tidied, 2);
    }
}

#[test]
fn a_hook_that_fails_after_a_trial_breaks_that_trial() {
    let (_, record) = ended("[hooks]\nafter_trial = [[\"fail\"]]\n", |_| ());
    assert_eq!(record.state, RunState::Finished);
    assert_eq!(codes(&record.trials[0]), [FindingCode::HookFailed; 2]);
    assert!(!record.trials[0].is_complete);
}

#[test]
fn a_hook_that_fails_after_the_run_fails_the_run_and_keeps_its_trials() {
    let (_, record) = ended("[hooks]\nafter_run = [[\"fail\"]]\n", |_| ());
    assert_eq!(record.state, RunState::Failed);
    assert!(record.trials[0].is_complete);
}

#[test]
fn a_run_that_is_cancelled_in_any_step_ends_soon_and_leaves_nothing_behind() {
    type IsMeant = fn(&Command) -> bool;
    let moments: [(&str, Option<IsMeant>, bool); 8] = [
        ("before the run", Some(|command| matches!(command, Command::RunHook { .. })), false),
        ("at the port", Some(|command| matches!(command, Command::ReservePort(_))), false),
        ("at the target", Some(|command| matches!(command, Command::StartTarget { .. })), false),
        ("preparing", Some(|command| matches!(command, Command::Prepare(_))), false),
        ("arming", Some(|command| matches!(command, Command::Start { .. })), false),
        ("stopping the target", Some(|command| matches!(command, Command::StopTarget(_))), true),
        ("judging", None, true),
        (
            "after the run",
            Some(|command| matches!(command, Command::RunHook { command, .. } if command[0] == "last")),
            true,
        ),
    ];
    for (when, is_meant, is_complete) in moments {
        let job = job(
            "target = { start = [\"serve\"] }\n[hooks]\nbefore_run = [[\"first\"]]\nafter_run = [[\"last\"]]\n",
        );
        let mut world = World::new(&[(1, "h1"), (2, "h2")]);
        world.submit(1, &job);
        match is_meant {
            Some(is_meant) => world.pass_until_sent(is_meant),
            None => world.pass_until_judging(),
        }
        world.cancel(1);
        world.settle(15 * SECOND);
        let record = &world.finished[&run_id(1)];
        assert_eq!((record.state, record.reason.as_deref()), (RunState::Cancelled, Some("enough")), "{when}");
        assert_eq!(record.trials.last().is_some_and(|trial| trial.is_complete), is_complete, "{when}");
        let found: Vec<_> = record.trials.iter().flat_map(codes).collect();
        let expected =
            if is_complete || record.trials.is_empty() { vec![] } else { vec![FindingCode::TrialNotRun] };
        assert_eq!(found, expected, "{when}");
        world.pass(SECOND);
        world.assert_nothing_is_held();
    }
}

#[test]
fn a_run_that_is_cancelled_while_it_measures_or_collects_ends_soon() {
    for (passes, stage) in [(SECOND, None), (8 * SECOND, Some(Stage::Store))] {
        let mut world = World::new(&[(1, "h1"), (2, "h2")]);
        world.agent(2).is_silent_at.extend(stage);
        world.submit(1, &job(""));
        world.pass(passes);
        world.cancel(1);
        world.settle(12 * SECOND);
        assert_eq!(world.finished[&run_id(1)].state, RunState::Cancelled);
        world.pass(SECOND);
        world.assert_nothing_is_held();
    }
}

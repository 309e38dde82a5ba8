//! Facts about what an agent holds and says.

use shared::ids::{AgentName, Name, TrialIndex};
use shared::job::{LoadModel, OperationSpec, Warmup, Window};
use shared::plan::LoadShare;
use shared::secret::Confidential;
use std::time::Duration;

use super::*;
use crate::session::outbox::spill::{SpillOrder, SpillReport};

fn trial(number: u32) -> TrialKey {
    TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(number), attempt: 0 }
}

fn assignment(number: u32, epoch: u64) -> Box<Assignment> {
    Box::new(Assignment {
        trial: trial(number),
        epoch: LeaseEpoch(epoch),
        kind: "http".to_owned(),
        settings: serde_json::Map::new(),
        operations: vec![OperationSpec {
            name: Name::new("read").unwrap(),
            weight: 1.0,
            settings: serde_json::Map::new(),
        }],
        is_scenario: false,
        mix: shared::plan::Mix::Alone,
        data: BTreeMap::new(),
        files: BTreeMap::new(),
        load: LoadShare {
            model: LoadModel::Closed,
            arrivals: None,
            workers: 1,
            workers_max: 1,
            warmup: Warmup::For(Duration::ZERO),
            window: Window::Iterations(1),
            drain: Duration::ZERO,
            threads: None,
            pins_threads: false,
            think: None,
            pace: None,
            connect_rate: None,
            connections_per_worker: 1,
            streams_per_connection: 1,
            new_connection_every: None,
            seed: 0,
        },
        agent_name: AgentName::new("a1").unwrap(),
        agent_index: 0,
        agent_count: 1,
        is_observer: false,
        observe: shared::job::Observe::default(),
        confidential: Confidential::default(),
    })
}

fn numbered(sequence: u64) -> Numbered {
    Numbered { trial: trial(0), sequence, bytes: vec![1] }
}

fn prepared() -> Machine {
    let mut machine = Machine::new(true);
    machine.step(Event::Ordered(Order::Prepare(assignment(0, 1))));
    machine.step(Event::EngineReady(trial(0)));
    machine
}

fn start(arming: u32, at_ns: u64) -> Event {
    Event::Ordered(Order::Start { trial: trial(0), epoch: LeaseEpoch(1), arming, at_ns })
}

fn armed(arming: u32, at_ns: u64) -> Statement {
    Statement::Armed { trial: trial(0), arming, at_ns }
}

#[test]
fn an_order_that_comes_twice_is_done_once_and_answered_twice() {
    let mut machine = prepared();
    let again = machine.step(Event::Ordered(Order::Prepare(assignment(0, 1))));
    assert_eq!(again, [Action::Say(Statement::Ready(trial(0)))]);
    assert_eq!(machine.step(start(0, 7)), [Action::Arm(trial(0), 0, 7)]);
    machine.step(Event::EngineArmed(trial(0), 0, 7));
    assert_eq!(machine.step(start(0, 7)), [Action::Say(armed(0, 7))]);
}

#[test]
fn a_start_that_came_too_late_leaves_the_trial_ready_for_another() {
    let mut machine = prepared();
    assert_eq!(machine.step(start(0, 7)), [Action::Arm(trial(0), 0, 7)]);
    let refusal = Statement::StartTooLate { trial: trial(0), arming: 0, late_ns: 3 };
    assert_eq!(machine.step(Event::EngineLate(trial(0), 0, 3)), [Action::Say(refusal)]);
    assert_eq!(machine.step(Event::Linked), [Action::Say(Statement::Ready(trial(0)))]);
    assert_eq!(machine.step(start(1, 70)), [Action::Arm(trial(0), 1, 70)]);
}

#[test]
fn an_armed_start_is_moved_by_a_later_one_and_never_by_an_earlier() {
    let mut machine = prepared();
    machine.step(start(0, 7));
    machine.step(Event::EngineArmed(trial(0), 0, 7));
    assert_eq!(machine.step(start(2, 70)), [Action::Arm(trial(0), 2, 70)]);
    machine.step(Event::EngineArmed(trial(0), 2, 70));
    for stale in [start(1, 30), start(2, 99)] {
        assert_eq!(machine.step(stale), [Action::Say(armed(2, 70))]);
    }
}

#[test]
fn a_start_under_another_lease_is_refused() {
    let order = Order::Start { trial: trial(0), epoch: LeaseEpoch(9), arming: 0, at_ns: 7 };
    let actions = prepared().step(Event::Ordered(order));
    assert!(matches!(&actions[..], [Action::Say(Statement::Failed(..))]), "{actions:?}");
}

#[test]
fn a_newer_lease_of_the_run_drops_the_older_trial() {
    let actions = prepared().step(Event::Ordered(Order::Prepare(assignment(1, 2))));
    assert_eq!(actions, [Action::DropEngine(trial(0)), Action::Prepare(assignment(1, 2))]);
}

#[test]
fn after_a_reconnect_the_last_word_and_what_was_not_acknowledged_are_repeated() {
    let mut machine = prepared();
    machine.step(Event::Linked);
    machine.step(Event::Credit(8));
    machine.step(Event::EngineInterval(numbered(0)));
    machine.step(Event::EngineInterval(numbered(1)));
    machine.step(Event::EngineDone(trial(0), 2));
    machine.step(Event::Acknowledged(trial(0), 0));
    let again = machine.step(Event::Linked);
    assert_eq!(
        again,
        [Action::Say(Statement::Done(trial(0), 2)), Action::Report(vec![(LeaseEpoch(1), numbered(1))])]
    );
}

#[test]
fn after_a_reconnect_a_trial_that_is_done_says_which_start_it_followed() {
    let mut machine = prepared();
    machine.step(start(3, 7));
    machine.step(Event::EngineArmed(trial(0), 3, 7));
    machine.step(Event::EngineDone(trial(0), 0));
    let again = machine.step(Event::Linked);
    assert_eq!(again, [Action::Say(armed(3, 7)), Action::Say(Statement::Done(trial(0), 0))]);
}

#[test]
fn an_aborted_trial_says_how_much_it_numbered_and_numbers_no_more() {
    let mut machine = prepared();
    machine.step(Event::EngineInterval(numbered(0)));
    let actions = machine.step(Event::Ordered(Order::Abort { trial: trial(0), reason: "enough".to_owned() }));
    let failed = Statement::Failed(trial(0), "stopped: enough".to_owned(), 1);
    assert_eq!(actions, [Action::DropEngine(trial(0)), Action::Say(failed.clone())]);
    assert!(machine.step(Event::EngineInterval(numbered(1))).is_empty());
    assert_eq!(machine.step(Event::EngineDone(trial(0), 2)), [Action::Say(failed)]);
}

#[test]
fn a_refused_trial_stops_at_once_and_says_so_again_after_a_reconnect() {
    let mut machine = prepared();
    machine.step(Event::EngineInterval(numbered(0)));
    let failed = Statement::Failed(trial(0), "not there".to_owned(), 1);
    let refused = Action::Say(Statement::Refused(Box::new(failed)));
    let actions = machine.step(Event::EngineRefused(trial(0), "not there".to_owned()));
    assert_eq!(actions, [Action::DropEngine(trial(0)), refused.clone()]);
    assert!(machine.step(Event::Linked).contains(&refused));
}

#[test]
fn a_released_trial_is_forgotten() {
    let mut machine = prepared();
    assert_eq!(machine.step(Event::Ordered(Order::Release(trial(0)))), [Action::DropEngine(trial(0))]);
    assert!(machine.leases().is_empty());
    assert!(machine.step(Event::Linked).is_empty());
}

#[test]
fn an_agent_that_may_not_run_programs_says_so_and_runs_none() {
    let mut machine = Machine::new(false);
    let hook = Order::RunHook {
        trial: trial(0),
        hook: 3,
        command: vec!["true".to_owned()],
        confidential: Confidential::default(),
        timeout: Duration::from_secs(1),
    };
    let actions = machine.step(Event::Ordered(hook));
    assert!(
        matches!(&actions[..], [Action::Say(Statement::Refused(failure))] if matches!(&**failure, Statement::HookDone(_, 3, Some(reason)) if reason.contains("--allow command")))
    );
}

#[test]
fn a_hook_that_is_asked_for_twice_runs_once() {
    let mut machine = Machine::new(true);
    let hook = Order::RunHook {
        trial: trial(0),
        hook: 3,
        command: vec!["true".to_owned()],
        confidential: Confidential::default(),
        timeout: Duration::from_secs(1),
    };
    assert_eq!(machine.step(Event::Ordered(hook.clone())), [Action::Program(hook.clone())]);
    assert!(machine.step(Event::Ordered(hook.clone())).is_empty());
    let done = Statement::HookDone(trial(0), 3, None);
    machine.step(Event::Program(done.clone()));
    assert_eq!(machine.step(Event::Ordered(hook)), [Action::Say(done)]);
}

#[test]
fn a_target_that_runs_is_told_again_to_a_coordinator_that_may_not_know_it() {
    let mut machine = Machine::new(true);
    let start = Order::StartTarget {
        trial: trial(0),
        command: Vec::new(),
        confidential: Confidential::default(),
        ready: None,
        timeout: Duration::from_secs(1),
    };
    machine.step(Event::Ordered(start));
    assert!(machine.step(Event::Linked).is_empty());
    machine.step(Event::Program(Statement::TargetReady(trial(0))));
    assert_eq!(machine.step(Event::Linked), [Action::Say(Statement::TargetReady(trial(0)))]);
    machine.step(Event::Ordered(Order::StopTarget(trial(0))));
    machine.step(Event::Program(Statement::TargetStopped(trial(0))));
    assert!(machine.step(Event::Linked).is_empty());
}

#[test]
fn a_target_that_failed_while_nobody_listened_is_told_again_until_it_is_stopped() {
    let mut machine = Machine::new(true);
    let failed = Statement::TargetFailed(trial(0), "it ended".to_owned());
    machine.step(Event::Program(failed.clone()));
    assert_eq!(machine.step(Event::Linked), [Action::Say(failed)]);
    let stop = Order::StopTarget(trial(0));
    assert_eq!(machine.step(Event::Ordered(stop.clone())), [Action::Program(stop)]);
    assert!(machine.step(Event::Linked).is_empty());
}

#[test]
fn a_trial_whose_intervals_have_no_room_left_fails_and_delivers_those_before() {
    let mut machine = prepared().bounded(Bounds { memory_bytes: 1, disk_bytes: 0 });
    machine.step(Event::Linked);
    assert_eq!(
        machine.step(Event::EngineInterval(numbered(0))),
        [Action::Report(vec![(LeaseEpoch(1), numbered(0))])]
    );
    let actions = machine.step(Event::EngineInterval(numbered(1)));
    let [Action::DropEngine(_), Action::Say(Statement::Failed(_, reason, 1))] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert!(reason.contains("outbox is full"), "{reason}");
    assert!(machine.step(Event::EngineInterval(numbered(2))).is_empty());
}

#[test]
fn a_trial_that_was_done_has_failed_when_what_it_kept_on_disk_is_damaged() {
    let mut machine = prepared().bounded(Bounds { memory_bytes: 1, ..Bounds::default() });
    machine.step(Event::EngineInterval(numbered(0)));
    let kept = machine.step(Event::EngineInterval(numbered(1)));
    let [Action::Spill(SpillOrder::Write { spill, .. })] = kept[..] else { panic!("{kept:?}") };
    machine.step(Event::EngineDone(trial(0), 2));
    let read = machine.step(Event::Acknowledged(trial(0), 0));
    assert_eq!(read, [Action::Spill(SpillOrder::Recall { spill, count: 1 })]);
    let reason = "damaged".to_owned();
    let report = SpillReport::Unreadable { spill, sequence: 1, reason: reason.clone() };
    let failed = Action::Say(Statement::Failed(trial(0), reason, 1));
    let discard = Action::Spill(SpillOrder::Discard(spill));
    assert_eq!(machine.step(Event::Spilled(report)), [Action::DropEngine(trial(0)), failed, discard]);
}

#[test]
fn an_engine_of_an_older_lease_of_the_same_trial_is_not_taken() {
    let mut machine = Machine::new(true);
    machine.step(Event::Ordered(Order::Prepare(assignment(0, 1))));
    // A coordinator that was restarted leases the same trial anew, while the first engine is still being made ready.
    machine.step(Event::Ordered(Order::Release(trial(0))));
    machine.step(Event::Ordered(Order::Prepare(assignment(0, 2))));
    assert!(!machine.is_preparing(trial(0), LeaseEpoch(1)) && !machine.holds(trial(0), LeaseEpoch(1)));
    assert!(machine.is_preparing(trial(0), LeaseEpoch(2)) && machine.holds(trial(0), LeaseEpoch(2)));
}

#[test]
fn an_engine_that_cannot_follow_its_start_is_stopped() {
    let actions = prepared().step(Event::EngineFailed(trial(0), "it had begun".to_owned()));
    let failed = Statement::Failed(trial(0), "it had begun".to_owned(), 0);
    assert_eq!(actions, [Action::DropEngine(trial(0)), Action::Say(failed)]);
}

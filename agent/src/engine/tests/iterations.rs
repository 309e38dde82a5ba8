//! Iterations on real threads: scenarios, think time, pace, and connections that come one by one.

use shared::arrivals::{ArrivalPlan, Spread};
use shared::delay::Delay;

use super::*;

fn scenario(workers: u32, window: Window) -> Assignment {
    Assignment { is_scenario: true, ..assignment(workers, Warmup::For(Duration::ZERO), window) }
}

/// Operations that ended, by their place.
fn ended(intervals: &[Interval], place: u16) -> u64 {
    let of_place = |one: &OperationInterval| if one.operation.0 == place { one.count() } else { 0 };
    sum(intervals, of_place)
}

#[tokio::test]
async fn an_iteration_of_a_scenario_is_a_whole_pass() {
    let (engine, mut receiver, did) = prepare(Act::Succeed, scenario(3, Window::Iterations(10)));
    let (intervals, _) = play(&engine, &mut receiver).await;
    assert_eq!((ended(&intervals, 0), ended(&intervals, 1)), (10, 10));
    assert_eq!(did.ended.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_step_that_fails_ends_its_pass() {
    // Every fifth operation fails: with one worker those are steps 0 and 1 in turn.
    let (engine, mut receiver, did) = prepare(Act::Wait(Duration::ZERO), scenario(1, Window::Iterations(9)));
    let (intervals, _) = play(&engine, &mut receiver).await;
    let (first, second) = (ended(&intervals, 0), ended(&intervals, 1));
    assert_eq!(first, 9);
    assert!(second < first, "{second} second steps after {first} first ones");
    assert_eq!(first + second, did.ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_arrival_is_a_pass_whose_first_step_was_due() {
    let mut assignment = scenario(2, Window::For(ms(400)));
    assignment.load.model = LoadModel::Open;
    assignment.load.arrivals = Some(ArrivalPlan::constant(50.0, ms(400), Spread::Uniform));
    let (engine, mut receiver, _) = prepare(Act::Succeed, assignment);
    let (intervals, _) = play(&engine, &mut receiver).await;
    assert_eq!(ended(&intervals, 0), 20);
    // The last pass may reach over the end of the window, behind which no step is scheduled.
    assert!((19..=20).contains(&ended(&intervals, 1)), "{}", ended(&intervals, 1));
}

#[tokio::test]
async fn a_worker_that_thinks_does_no_more_than_its_pauses_allow() {
    let mut assignment = assignment(2, Warmup::For(Duration::ZERO), Window::For(ms(300)));
    assignment.load.think = Some(Delay::Fixed(ms(20)));
    let (engine, mut receiver, _) = prepare(Act::Succeed, assignment);
    let (intervals, _) = play(&engine, &mut receiver).await;
    let count = sum(&intervals, OperationInterval::count);
    // Two workers, each at 0, 20, 40 … 280 ms; a busy machine may make it fewer.
    assert!((2..=30).contains(&count), "{count}");
}

#[tokio::test]
async fn a_pace_is_kept_from_beginning_to_beginning() {
    let mut assignment = assignment(1, Warmup::For(Duration::ZERO), Window::For(ms(300)));
    assignment.load.pace = Some(ms(50));
    let (engine, mut receiver, _) = prepare(Act::Wait(ms(5)), assignment);
    let (intervals, _) = play(&engine, &mut receiver).await;
    let count = sum(&intervals, OperationInterval::count);
    assert!((1..=6).contains(&count), "{count}");
}

#[tokio::test]
async fn workers_that_think_for_an_hour_do_not_hold_a_trial_up() {
    let mut assignment = assignment(4, Warmup::For(Duration::ZERO), Window::Iterations(4));
    assignment.load.think = Some(Delay::Fixed(Duration::from_secs(3600)));
    let (engine, mut receiver, did) = prepare(Act::Succeed, assignment);
    let (_, last) = play(&engine, &mut receiver).await;
    assert!(matches!(last, Some(EngineEvent::Finished { .. })), "{last:?}");
    assert_eq!(did.ended.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn workers_get_ready_at_the_rate_that_connections_may_be_opened() {
    let mut assignment = assignment(5, Warmup::For(Duration::ZERO), Window::Iterations(5));
    assignment.load.connect_rate = Some(50.0);
    let begun_ns = clock::now_ns();
    let (engine, mut receiver, _) = prepare(Act::Succeed, assignment);
    play(&engine, &mut receiver).await;
    assert!(clock::now_ns() - begun_ns >= 80_000_000, "the fifth worker comes after 80 ms");
}

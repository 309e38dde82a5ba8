//! The loops of a load thread's workers, closed and open, and their life from getting ready to the end.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, coop};
use tokio::time::{Instant, timeout_at};

use super::choice::{Choice, Shares};
use super::clock::{now_ns, wait_until};
use super::collector::Message;
use super::gate::Admission;
use super::load_thread::LoadThread;
use super::orders::started;
use super::pacer::{Bed, Due, Next, Pacer};
use super::threads::{Growth, ThreadTask};
use super::timeline::whole_ns;
use super::timer::Timer;
use crate::workload::{Outcome, Worker, Workload};

/// How long workers may take to get ready. One that is not ready then begins as it is: what is wrong with it
/// is seen, and counted, at its first operation.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// What an operation may take beyond twice its own timeout before the engine gives it up: room for a host that
/// was suspended for a moment.
const GIVE_UP_GRACE: Duration = Duration::from_secs(1);

/// The open model of one thread.
struct Open {
    pacer: Rc<Pacer>,
    timer: Timer,
    requests: mpsc::UnboundedReceiver<Due>,
    growth: Growth,
    shares: Shares,
    /// When the measured window ends, ns since T.
    window_end_ns: u64,
}

/// Runs one thread's share of the trial to its end.
pub(super) async fn drive<W: Workload>(workload: &W, mut task: ThreadTask) {
    let desk = workload.desk();
    let workers = ready_workers(workload, &desk, &task).await;
    task.lane.send(Message::Ready, &task.orders);
    let ready_ns = now_ns();
    let mut orders = task.orders.follow();
    let Some(start_ns) = started(&mut orders).await else {
        return;
    };
    if ready_ns > start_ns {
        let late = Duration::from_nanos(ready_ns - start_ns);
        task.orders.fail(&format!("the workers were ready {late:?} after the start: it must await Ready"));
        return;
    }
    wait_until(start_ns).await;
    let overrun = workload.operation_timeout_max().saturating_mul(2).saturating_add(GIVE_UP_GRACE);
    let give_up_after = overrun.max(task.drain);
    let choices: Vec<Choice> =
        task.seats.iter().map(|seat| Choice::new(task.shares.clone(), *seat)).collect();
    let mut open = match open(&mut task, start_ns) {
        Ok(open) => open,
        Err(error) => {
            return task.orders.fail(&format!("the timer of a load thread cannot be made: {error}"));
        }
    };
    let thread = Rc::new(LoadThread::new(task, start_ns));
    let mut loops = JoinSet::new();
    for (worker, choice) in workers.into_iter().zip(choices) {
        let place = thread.seat();
        let handle = match &open {
            Some(open) => loops.spawn_local(open_loop(
                worker,
                Rc::clone(&thread),
                Rc::clone(&open.pacer),
                place,
                choice,
                None,
            )),
            None => loops.spawn_local(closed_loop(worker, Rc::clone(&thread), place, choice)),
        };
        thread.seated(place, handle);
    }
    let ended = async {
        match &mut open {
            Some(open) => run_open((workload, &desk), open, &thread, &mut loops).await,
            None => join_all(&mut loops, &thread).await,
        }
    };
    tokio::select! {
        biased;
        () = ended => thread.finish(open.map_or(0, |open| open.pacer.count_unsent())),
        never = thread.watch(give_up_after) => match never {},
    }
}

/// The open model of a thread, if that is its model.
fn open(task: &mut ThreadTask, start_ns: u64) -> std::io::Result<Option<Open>> {
    let Some(arrivals) = task.arrivals.take() else { return Ok(None) };
    let window_end_ns = task.timeline.window_end_ns().unwrap_or(u64::MAX);
    let give_up_ns = window_end_ns.saturating_add(whole_ns(task.drain));
    let (pacer, requests) = Pacer::new(start_ns, give_up_ns, arrivals, task.growth.workers_left);
    let growth = std::mem::take(&mut task.growth);
    Ok(Some(Open {
        pacer: Rc::new(pacer),
        timer: Timer::new()?,
        requests,
        growth,
        shares: task.shares.clone(),
        window_end_ns: task.timeline.window_end_ns().unwrap_or(0),
    }))
}

/// Makes the workers and gets them ready side by side, in the order of their seats.
async fn ready_workers<W: Workload>(workload: &W, desk: &W::Desk, task: &ThreadTask) -> Vec<W::Worker> {
    let deadline = Instant::now() + READY_TIMEOUT;
    let mut joins = Vec::with_capacity(task.seats.len());
    for seat in &task.seats {
        let mut worker = workload.worker(desk, *seat);
        joins.push(tokio::task::spawn_local(async move {
            // What was not ready in time begins as it is.
            let _ = timeout_at(deadline, worker.ready()).await;
            worker
        }));
    }
    let mut workers = Vec::with_capacity(joins.len());
    for join in joins {
        match join.await {
            Ok(worker) => workers.push(worker),
            Err(error) => resume(error),
        }
    }
    workers
}

/// Paces, adds workers as the pacer asks for them, and waits until all is begun and ended.
async fn run_open<W: Workload>(
    (workload, desk): (&W, &W::Desk),
    open: &mut Open,
    thread: &Rc<LoadThread>,
    loops: &mut JoinSet<()>,
) {
    let pacer = Rc::clone(&open.pacer);
    let pacing = pacer.pace(&open.timer);
    tokio::pin!(pacing);
    let mut is_pacing = true;
    while is_pacing || !loops.is_empty() {
        tokio::select! {
            biased;
            Some(first) = open.requests.recv() => {
                let seat = open.growth.seat();
                let (place, choice) = (thread.seat(), Choice::new(open.shares.clone(), seat));
                let worker = workload.worker(desk, seat);
                let (shared, pacer) = (Rc::clone(thread), Rc::clone(&open.pacer));
                let handle = loops.spawn_local(open_loop(worker, shared, pacer, place, choice, Some(first)));
                thread.seated(place, handle);
            }
            () = &mut pacing, if is_pacing => is_pacing = false,
            Some(result) = loops.join_next(), if !loops.is_empty() => ended(result, thread),
        }
    }
    // The last operation may end well before the window does, which is as long as it was asked for.
    open.timer.wait_until(thread.start_ns.saturating_add(open.window_end_ns)).await;
}

async fn join_all(loops: &mut JoinSet<()>, thread: &LoadThread) {
    while let Some(result) = loops.join_next().await {
        ended(result, thread);
    }
}

/// Sends, waits for the end, sends again, until the gate says that it is over.
async fn closed_loop<W: Worker>(mut worker: W, thread: Rc<LoadThread>, place: usize, mut choice: Choice) {
    let mut outcome = Outcome::default();
    loop {
        // An operation that never has to wait must not keep the thread from its other tasks.
        coop::consume_budget().await;
        match thread.admit() {
            Admission::Over => return,
            Admission::AwaitWindow => {
                let opened_ns = thread.gate.window_opened().await;
                thread.open_window(opened_ns);
            }
            Admission::Begin(part) => {
                let operation = choice.next();
                thread.begin(place, operation, (part, None), &mut outcome);
                worker.run(operation, &mut outcome).await;
                thread.end(place, &mut outcome);
            }
        }
    }
}

/// Does what is due, rests when nothing is, until the pacer says that it is over.
async fn open_loop<W: Worker>(
    mut worker: W,
    thread: Rc<LoadThread>,
    pacer: Rc<Pacer>,
    place: usize,
    mut choice: Choice,
    mut first: Option<Due>,
) {
    let bed = Rc::new(Bed::default());
    let mut outcome = Outcome::default();
    let mut freed_ns = thread.elapsed_ns();
    loop {
        // An operation that never has to wait must not keep the thread from its pacer.
        coop::consume_budget().await;
        let due = match first.take() {
            Some(due) => due,
            None => match pacer.next(&bed, freed_ns).await {
                Next::Begin(due) => due,
                Next::Over => return,
            },
        };
        let operation = choice.next();
        thread.begin(place, operation, (due.arrival.part, Some(due)), &mut outcome);
        worker.run(operation, &mut outcome).await;
        freed_ns = thread.end(place, &mut outcome);
    }
}

fn ended(result: Result<(), JoinError>, thread: &LoadThread) {
    thread.left();
    if let Err(error) = result
        && error.is_panic()
    {
        resume(error);
    }
}

/// Goes on with a task's panic on this thread, whose outermost frame turns it into a failure of the trial.
fn resume(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

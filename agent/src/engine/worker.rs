//! The closed loop of one worker, and what a load thread does around its workers: getting ready, the start,
//! the hand-over each second, and the end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use tokio::task::{AbortHandle, JoinError, JoinSet, coop};
use tokio::time::{Instant, timeout_at};

use super::choice::Choice;
use super::clock::{now_ns, thread_cpu_ns, wait_until};
use super::collector::Message;
use super::gate::{Admission, Gate, Part};
use super::orders::{Orders, started};
use super::recorder::{Batch, Recorder};
use super::threads::{Lane, ThreadTask};
use super::timeline::whole_ns;
use crate::workload::{Outcome, Worker, Workload};

/// How long workers may take to get ready. One that is not ready then begins as it is: what is wrong with it
/// is seen, and counted, at its first operation.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// What an operation may take beyond twice its own timeout before the engine gives it up: room for a host that
/// was suspended for a moment.
const GIVE_UP_GRACE: Duration = Duration::from_secs(1);
/// Shortest stretch over which a thread's CPU share is told: below, one scheduling decision makes all of it.
pub(super) const SHARE_STRETCH_NS_MIN: u64 = 100_000_000;

/// What the workers of one thread share. Never leaves the thread.
struct LoadThread {
    start_ns: u64,
    gate: Arc<Gate>,
    orders: Arc<Orders>,
    lane: Lane,
    recorder: RefCell<Recorder>,
    /// What each worker is doing.
    running: Vec<Cell<Option<Running>>>,
    /// When the CPU share was last told: (wall, CPU) in ns.
    told: Cell<(u64, u64)>,
    workers: Cell<u32>,
}

/// An operation that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct Running {
    operation: OperationIndex,
    part: Part,
    begun_ns: u64,
}

/// Runs one thread's share of the trial to its end.
pub(super) async fn drive<W: Workload>(workload: &W, task: ThreadTask) {
    let workers = ready_workers(workload, &task).await;
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
    let thread = Rc::new(LoadThread::new(task, start_ns));
    let mut loops = JoinSet::new();
    let mut handles = Vec::with_capacity(workers.len());
    for (place, (worker, choice)) in workers.into_iter().zip(choices).enumerate() {
        handles.push(loops.spawn_local(closed_loop(worker, Rc::clone(&thread), place, choice)));
    }
    let ended = async {
        while let Some(result) = loops.join_next().await {
            thread.worker_ended(result);
        }
    };
    tokio::select! {
        biased;
        () = ended => thread.finish(),
        never = thread.watch(&handles, give_up_after) => match never {},
    }
}

/// Makes the workers and gets them ready side by side, in the order of their seats.
async fn ready_workers<W: Workload>(workload: &W, task: &ThreadTask) -> Vec<W::Worker> {
    let deadline = Instant::now() + READY_TIMEOUT;
    let mut joins = Vec::with_capacity(task.seats.len());
    for seat in &task.seats {
        let mut worker = workload.worker(*seat);
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
                thread.begin(place, operation, part, &mut outcome);
                worker.run(operation, &mut outcome).await;
                thread.end(place, &mut outcome);
            }
        }
    }
}

impl LoadThread {
    fn new(task: ThreadTask, start_ns: u64) -> Self {
        let recorder = Recorder::new(task.index, task.timeline, task.lane.spare());
        Self {
            start_ns,
            gate: task.gate,
            orders: task.orders,
            recorder: RefCell::new(recorder),
            lane: task.lane,
            running: task.seats.iter().map(|_| Cell::new(None)).collect(),
            told: Cell::new((now_ns(), thread_cpu_ns())),
            workers: Cell::new(task.seats.len() as u32),
        }
    }

    /// What a worker does that is free now.
    #[inline]
    fn admit(&self) -> Admission {
        let at_ns = self.elapsed_ns();
        self.roll(at_ns);
        self.gate.admit(at_ns, self.recorder.borrow().timeline())
    }

    #[inline]
    fn begin(&self, place: usize, operation: OperationIndex, part: Part, outcome: &mut Outcome) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.begin(operation, part);
        outcome.clear(part == Part::Measured && recorder.wants_sample(operation));
        self.running[place].set(Some(Running { operation, part, begun_ns: now_ns() }));
    }

    #[inline]
    fn end(&self, place: usize, outcome: &mut Outcome) {
        // Empty when the engine gave the operation up in the meantime: it is counted already.
        let Some(running) = self.running[place].take() else {
            return;
        };
        let sent_ns = if outcome.sent_ns == 0 { running.begun_ns } else { outcome.sent_ns };
        let ended_ns = if outcome.ended_ns == 0 { now_ns() } else { outcome.ended_ns };
        let at_ns = ended_ns.saturating_sub(self.start_ns);
        self.roll(at_ns);
        let at_ns = {
            let mut recorder = self.recorder.borrow_mut();
            recorder.end(running.operation, running.part, at_ns, ended_ns.saturating_sub(sent_ns), outcome);
            recorder.not_before_start(at_ns)
        };
        if let Some(opened_ns) = self.gate.ended(running.part, at_ns) {
            self.open_window(opened_ns);
        }
    }

    /// Hands over what is due.
    #[inline]
    fn roll(&self, at_ns: u64) {
        if self.recorder.borrow().is_due(at_ns) {
            let batch = self.recorder.borrow_mut().cut(at_ns, self.lane.spare());
            self.hand_over(batch);
        }
    }

    fn open_window(&self, at_ns: u64) {
        let batch = self.recorder.borrow_mut().open_window(at_ns, || self.lane.spare());
        if let Some(batch) = batch {
            self.hand_over(batch);
        }
    }

    /// Hands over on time even while all workers wait, and gives up operations that overran all bounds.
    async fn watch(&self, handles: &[AbortHandle], give_up_after: Duration) -> std::convert::Infallible {
        loop {
            let due_ns = self.recorder.borrow().ends_ns().saturating_sub(self.elapsed_ns());
            tokio::time::sleep(Duration::from_nanos(due_ns)).await;
            self.roll(self.elapsed_ns());
            for (place, handle) in handles.iter().enumerate() {
                self.give_up_if_stuck(place, handle, give_up_after);
            }
        }
    }

    /// An operation that overran twice its own timeout (and the drain) will never end: it is counted as
    /// `other`, and its worker is retired, so that a trial ends whatever a workload does.
    fn give_up_if_stuck(&self, place: usize, handle: &AbortHandle, after: Duration) {
        let Some(running) = self.running[place].get() else {
            return;
        };
        let taken_ns = now_ns().saturating_sub(running.begun_ns);
        if taken_ns <= whole_ns(after) {
            return;
        }
        handle.abort();
        let mut outcome = Outcome { wants_sample: true, ..Outcome::default() };
        outcome.sent_ns = running.begun_ns;
        outcome.ended_ns = now_ns();
        outcome.fail(ErrorKind::Other, || {
            format!(
                "still running after {after:?}, far beyond its own timeout: given up, and its worker with it"
            )
        });
        self.end(place, &mut outcome);
    }

    fn worker_ended(&self, result: Result<(), JoinError>) {
        self.workers.set(self.workers.get().saturating_sub(1));
        if let Err(error) = result
            && error.is_panic()
        {
            resume(error);
        }
    }

    fn finish(&self) {
        let at_ns = self.elapsed_ns();
        self.roll(at_ns);
        let batch = self.recorder.borrow_mut().finish(at_ns, self.lane.spare());
        self.hand_over(batch);
    }

    fn hand_over(&self, batch: Batch) {
        let (busy, workers) = (self.cpu_share(), self.workers.get());
        self.lane.send(Message::Batch(Batch { busy, workers, ..batch }), &self.orders);
    }

    /// This thread's CPU share since it was last told.
    fn cpu_share(&self) -> Option<f64> {
        let (wall_ns, cpu_ns) = (now_ns(), thread_cpu_ns());
        let (told_wall_ns, told_cpu_ns) = self.told.get();
        let stretch_ns = wall_ns.saturating_sub(told_wall_ns);
        if stretch_ns < SHARE_STRETCH_NS_MIN {
            return None;
        }
        self.told.set((wall_ns, cpu_ns));
        Some((cpu_ns.saturating_sub(told_cpu_ns) as f64 / stretch_ns as f64).min(1.0))
    }

    #[inline]
    fn elapsed_ns(&self) -> u64 {
        now_ns().saturating_sub(self.start_ns)
    }
}

/// Goes on with a task's panic on this thread, whose outermost frame turns it into a failure of the trial.
fn resume(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

//! The loops of a load thread's workers, closed and open, and their life from getting ready to the end.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, coop};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::alarms::Alarms;
use super::choice::{Choice, Shares};
use super::clock::now_ns;
use super::collector::Message;
use super::gate::Admission;
use super::load_thread::{Beginning, LoadThread};
use super::orders::begun;
use super::pacer::{Bed, Due, Next, Pacer};
use super::pause::{Pause, Pauses};
use super::ramp::Growth;
use super::slow::Witness;
use super::threads::ThreadTask;
use super::timeline::whole_ns;
use super::timer::Timer;
use crate::workload::{Outcome, Seat, Worker, Workload};

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
    /// When the measured window ends, ns since T.
    window_end_ns: u64,
}

/// How the workers of one thread go about it.
struct Crew {
    shares: Shares,
    pauses: Option<Pauses>,
}

/// Runs one thread's share of the trial to its end.
pub(super) async fn drive<W: Workload>(workload: &W, mut task: ThreadTask) {
    let desk = workload.desk();
    let workers = ready_workers(workload, &desk, &task).await;
    task.lane.send(Message::Ready, &task.orders);
    let ready_ns = now_ns();
    let mut orders = task.orders.follow();
    let Some(start_ns) = begun(&mut orders).await else {
        return;
    };
    if ready_ns > start_ns {
        let late = Duration::from_nanos(ready_ns - start_ns);
        task.orders.fail(&format!("the workers were ready {late:?} after the start: it must await Ready"));
        return;
    }
    let overrun = workload.operation_timeout_max().saturating_mul(2).saturating_add(GIVE_UP_GRACE);
    let give_up_after = overrun.max(task.drain);
    let crew = Crew { shares: task.shares.clone(), pauses: task.pauses };
    let seats = std::mem::take(&mut task.seats);
    let mut open = match open(&mut task, start_ns) {
        Ok(open) => open,
        Err(error) => {
            return task.orders.fail(&format!("the timer of a load thread cannot be made: {error}"));
        }
    };
    let alarms = match Alarms::new() {
        Ok(alarms) => alarms,
        Err(error) => {
            return task.orders.fail(&format!("the alarms of a load thread cannot be made: {error}"));
        }
    };
    let thread = Rc::new(LoadThread::new(task, alarms, start_ns));
    let mut loops = JoinSet::new();
    for (worker, seat) in workers.into_iter().zip(seats) {
        let looped = crew.seat(worker, seat, &thread);
        let place = looped.place;
        let handle = match &open {
            Some(open) => loops.spawn_local(looped.run_open(Rc::clone(&open.pacer), None)),
            None => loops.spawn_local(looped.run_closed()),
        };
        thread.seated(place, handle);
    }
    let ended = async {
        match &mut open {
            Some(open) => run_open((workload, &desk, &crew), open, &thread, &mut loops).await,
            None => join_all(&mut loops, &thread).await,
        }
    };
    tokio::select! {
        biased;
        () = ended => thread.finish(open.map_or(0, |open| open.pacer.count_unsent())),
        never = thread.watch(give_up_after) => match never {},
        never = thread.alarms.ring() => match never {},
    }
}

/// The open model of a thread, if that is its model.
fn open(task: &mut ThreadTask, start_ns: u64) -> std::io::Result<Option<Open>> {
    let Some(arrivals) = task.arrivals.take() else { return Ok(None) };
    let window_end_ns = task.timeline.window_end_ns().unwrap_or(u64::MAX);
    let give_up_ns = window_end_ns.saturating_add(whole_ns(task.drain));
    let (pacer, requests) = Pacer::new(start_ns, give_up_ns, arrivals, &task.growth);
    let growth = std::mem::take(&mut task.growth);
    Ok(Some(Open {
        pacer: Rc::new(pacer),
        timer: Timer::new()?,
        requests,
        growth,
        window_end_ns: task.timeline.window_end_ns().unwrap_or(0),
    }))
}

/// Makes the workers and gets them ready side by side, in the order of their seats.
async fn ready_workers<W: Workload>(workload: &W, desk: &W::Desk, task: &ThreadTask) -> Vec<W::Worker> {
    let first = Instant::now();
    let mut joins = Vec::with_capacity(task.seats.len());
    for (number, seat) in task.seats.iter().enumerate() {
        let mut worker = workload.worker(desk, *seat);
        let begins = task.ramp.begins(number);
        joins.push(tokio::task::spawn_local(async move {
            if !begins.is_zero() {
                sleep_until(first + begins).await;
            }
            // What was not ready in time begins as it is.
            let _ = timeout_at(first + begins + READY_TIMEOUT, worker.ready()).await;
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
    (workload, desk, crew): (&W, &W::Desk, &Crew),
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
                let looped = crew.seat(workload.worker(desk, seat), seat, thread);
                let place = looped.place;
                let handle = loops.spawn_local(looped.run_open(Rc::clone(&open.pacer), Some(first)));
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

impl Crew {
    /// Gives a worker its place.
    fn seat<W: Worker>(&self, worker: W, seat: Seat, thread: &Rc<LoadThread>) -> Loop<W> {
        Loop {
            worker,
            thread: Rc::clone(thread),
            place: thread.seat(),
            number: seat.worker,
            choice: Choice::new(self.shares.clone(), seat),
            pause: self.pauses.map(|pauses| pauses.of_worker(seat)),
            outcome: Outcome::default(),
        }
    }
}

/// What one worker's loop owns.
struct Loop<W> {
    worker: W,
    thread: Rc<LoadThread>,
    place: usize,
    /// Its number among the agent's workers.
    number: u32,
    choice: Choice,
    pause: Option<Pause>,
    outcome: Outcome,
}

impl<W: Worker> Loop<W> {
    /// Sends, waits for the end, sends again, until the gate says that it is over.
    async fn run_closed(mut self) {
        loop {
            // An operation that never has to wait must not keep the thread from its other tasks.
            coop::consume_budget().await;
            let at_ns = self.thread.elapsed_ns();
            match self.thread.admit(at_ns) {
                Admission::Over => return,
                Admission::AwaitWindow => {
                    let opened_ns = self.thread.gate.window_opened().await;
                    self.thread.open_window(opened_ns);
                }
                Admission::Begin(part) => {
                    if let Some(pause) = &mut self.pause {
                        pause.begin(at_ns);
                    }
                    let ended_ns = self.iterate(Beginning { at_ns, part, due: None }).await;
                    if let Some(pause) = &mut self.pause {
                        self.thread.pause(pause.after_iteration(ended_ns)).await;
                    }
                }
            }
        }
    }

    /// Does what is due, rests when nothing is, until the pacer says that it is over.
    async fn run_open(mut self, pacer: Rc<Pacer>, mut first: Option<Due>) {
        let bed = Rc::new(Bed::default());
        let mut freed_ns = self.thread.elapsed_ns();
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
            let at_ns = self.thread.elapsed_ns();
            freed_ns = self.iterate(Beginning { at_ns, part: due.arrival.part, due: Some(due) }).await;
        }
    }

    /// Does one iteration: an operation, or a pass of a scenario, whose first step may have been due by an arrival. Returns
    /// when the last one ended, ns since T.
    async fn iterate(&mut self, mut beginning: Beginning) -> u64 {
        loop {
            let operation = self.choice.next();
            self.thread.begin(self.place, operation, beginning, &mut self.outcome);
            self.worker.run(operation, &mut self.outcome).await;
            let goes_on = self.choice.goes_on(self.outcome.error.is_some());
            let ended_ns = self.thread.end(self.place, goes_on, &mut self.outcome, |is_wanted| Witness {
                worker: self.number,
                request: is_wanted.then(|| self.worker.describe(operation)).flatten(),
            });
            if !goes_on {
                return ended_ns;
            }
            if let Some(pause) = &mut self.pause {
                self.thread.pause(pause.after_step(ended_ns)).await;
            }
            let at_ns = self.thread.elapsed_ns();
            match self.thread.admit_step(beginning.part, at_ns) {
                Some(part) => beginning = Beginning { at_ns, part, due: None },
                None => {
                    self.choice.restart();
                    return ended_ns;
                }
            }
        }
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

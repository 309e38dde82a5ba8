//! The engine's OS threads: one runtime each, so that the load never waits for anything else of the agent.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::Duration;

use shared::ids::{AgentId, OperationIndex};
use shared::interval::OPERATIONS_MAX;
use shared::job::OperationSpec;
use shared::metric::MetricSpec;
use shared::plan::Assignment;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::arrivals::Arrivals;
use super::assembly::Assembly;
use super::choice::{Shares, seat_of};
use super::collector::{Collector, Message};
use super::gate::Gate;
use super::orders::{Orders, stopped};
use super::pause::Pauses;
use super::ramp::{Growth, Ramp};
use super::tally::{OperationShape, Shape, Tally};
use super::timeline::Timeline;
use super::{Drive, EngineEvent, Probe, cores, open_files};
use crate::workload::{OUTCOME_MEASURES_MAX, PrepareError, Seat, TABLE};

/// Batches that one thread may have on their way to the collector. It takes each within milliseconds, so
/// this many seconds of them mean that it does not run at all.
const BATCHES_PER_THREAD_MAX: usize = 60;
/// Tallies made in advance for each thread beside the one in use: one is filled while one is merged.
const SPARE_TALLIES: usize = 2;

/// What one load thread has to do, and with what.
#[derive(Debug)]
pub struct ThreadTask {
    /// Its number, from 0.
    pub(super) index: usize,
    /// Its workers.
    pub(super) seats: Vec<Seat>,
    /// How operations are chosen.
    pub(super) shares: Shares,
    /// How workers pause between them; `None`: not at all.
    pub(super) pauses: Option<Pauses>,
    /// How fast they connect.
    pub(super) ramp: Ramp,
    /// The core that it is bound to; `None`: any.
    pub(super) core: Option<usize>,
    /// Which operations may begin.
    pub(super) gate: Arc<Gate>,
    /// When operations are due; `None`: the closed model.
    pub(super) arrivals: Option<Arrivals>,
    /// Workers that may be added.
    pub(super) growth: Growth,
    /// The phases as far as they are known.
    pub(super) timeline: Timeline,
    /// Whether the workload does its work itself on this thread, whose use of a core is then not told.
    pub(super) works_itself: bool,
    /// How long the job lets running operations be awaited, at least.
    pub(super) drain: Duration,
    /// Where it is told to start, and where it tells that it failed.
    pub(super) orders: Arc<Orders>,
    /// Its way to the collector and back.
    pub(super) lane: Lane,
}

/// One thread's way to the collector: full tallies go, cleared ones come back.
#[derive(Debug)]
pub(super) struct Lane {
    messages: mpsc::Sender<Message>,
    spares: blocking::Receiver<Tally>,
    /// Spares at hand; the one that was used last lies on top.
    at_hand: RefCell<Vec<Tally>>,
    shape: Shape,
}

/// Starts the load threads and the collector's.
pub(super) fn spawn(
    agent: AgentId,
    mut assignment: Assignment,
    workload: Arc<dyn Drive>,
    probe: Probe,
    events: mpsc::Sender<EngineEvent>,
) -> Result<Arc<Orders>, PrepareError> {
    check(&assignment)?;
    let own_threads = workload.own_threads().map(NonZeroU32::get);
    if let Some(threads) = own_threads {
        let load = &mut assignment.load;
        (load.workers, load.workers_max, load.threads) = (threads, threads, Some(threads));
    }
    open_files::make_room_for(
        assignment.load.workers_max.max(assignment.load.workers),
        assignment.kinds().count(),
    )?;
    let shares = Shares::new(&assignment)?;
    let timeline = Timeline::new(&assignment.load);
    let gate = Arc::new(Gate::new(&assignment.load));
    let orders = Orders::new();
    let shape = shape_of(&assignment, &*workload)?;
    let threads = thread_count(&assignment);
    let cores = if assignment.load.pins_threads { cores::for_threads(threads)? } else { Vec::new() };
    let (messages, inbox) = mpsc::channel(threads * BATCHES_PER_THREAD_MAX);
    let mut spares = Vec::with_capacity(threads);
    let mut tasks = Vec::with_capacity(threads);
    for (index, seats) in seats_by_thread(&assignment, threads).into_iter().enumerate() {
        let (lane, spare) = Lane::new(messages.clone(), shape.clone());
        let arrivals = Arrivals::of(&assignment, index, threads);
        let ramp = Ramp::of(&assignment, index, threads);
        let growth = Growth::new(&assignment, (index, threads), seats.len(), ramp);
        spares.push(spare);
        let (shares, gate, orders) = (shares.clone(), Arc::clone(&gate), Arc::clone(&orders));
        let drain = assignment.load.drain;
        tasks.push(ThreadTask {
            index,
            seats,
            shares,
            pauses: Pauses::of(&assignment.load),
            ramp,
            core: cores.get(index).copied(),
            gate,
            arrivals,
            growth,
            timeline,
            works_itself: own_threads.is_some(),
            drain,
            orders,
            lane,
        });
    }
    drop(messages);
    let assembly = Assembly::new(assignment.trial, agent, shape, timeline, threads);
    let collector =
        Collector::new(assembly, Arc::clone(&workload), spares, Arc::clone(&orders), probe, events);
    let spawned = spawn_collector(collector, inbox)
        .and_then(|()| tasks.into_iter().try_for_each(|task| spawn_load_thread(task, Arc::clone(&workload))));
    spawned.inspect_err(|_| orders.abort()).map(|()| orders)
}

/// What this version of the engine cannot do, and what nothing could.
fn check(assignment: &Assignment) -> Result<(), PrepareError> {
    if assignment.operations.is_empty() || assignment.operations.len() > OPERATIONS_MAX {
        let count = assignment.operations.len();
        return Err(PrepareError(format!("a workload has 1 to {OPERATIONS_MAX} operations, not {count}")));
    }
    if assignment.load.workers == 0 {
        return Err(PrepareError(
            "load.workers gives this agent no worker: it must be at least 1".to_owned(),
        ));
    }
    Ok(())
}

/// What the threads have to count.
fn shape_of(assignment: &Assignment, workload: &dyn Drive) -> Result<Shape, PrepareError> {
    let kinds = kinds_by_operation(assignment);
    let of_operation = |((spec, index), kind): ((&OperationSpec, u16), &str)| {
        let metrics = workload.metrics(OperationIndex(index)).to_vec();
        MetricSpec::check_all(&metrics)
            .map_err(|error| PrepareError(format!("operation {}: {error}", spec.name)))?;
        Ok(OperationShape { measures: measures_of(kind), metrics })
    };
    let operations = assignment.operations.iter().zip(0_u16..).zip(kinds).map(of_operation);
    Ok(Shape {
        operations: operations.collect::<Result<_, PrepareError>>()?,
        is_open: assignment.load.arrivals.is_some(),
    })
}

/// The kind of each operation, in their order.
fn kinds_by_operation(assignment: &Assignment) -> Vec<&str> {
    match assignment.mixed() {
        [] => vec![assignment.kind.as_str(); assignment.operations.len()],
        mixed => mixed.iter().flat_map(|part| vec![part.kind.as_str(); part.operations]).collect(),
    }
}

/// The further measures of a kind, as the table has them; a kind that is not in it has none.
fn measures_of(kind: &str) -> &'static [(&'static str, &'static str)] {
    let measures =
        TABLE.iter().find(|line| line.schema.kind == kind).map_or(&[][..], |line| line.schema.measures);
    &measures[..measures.len().min(OUTCOME_MEASURES_MAX)]
}

/// As many as the job says, or one for every core but one, which is left to the agent and the kernel; never
/// more than workers.
fn thread_count(assignment: &Assignment) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let wanted = assignment.load.threads.map_or(cores - 1, |threads| threads as usize);
    wanted.clamp(1, assignment.load.workers as usize)
}

/// Workers are dealt out one by one, so that threads differ by one worker at most.
fn seats_by_thread(assignment: &Assignment, threads: usize) -> Vec<Vec<Seat>> {
    let mut seats = vec![Vec::new(); threads];
    for worker in 0..assignment.load.workers {
        seats[worker as usize % threads].push(seat_of(worker, assignment));
    }
    seats
}

fn spawn_collector(collector: Collector, inbox: mpsc::Receiver<Message>) -> Result<(), PrepareError> {
    let runtime = runtime("fleetmark-collect")?;
    spawn_thread("fleetmark-collect".to_owned(), move || {
        let (orders, events) = collector.outlets();
        let run = AssertUnwindSafe(|| runtime.block_on(collector.run(inbox)));
        if let Err(panic) = catch_unwind(run) {
            orders.fail_by_panic("the collector's thread", &*panic);
            // Nothing else is left that could tell; whoever consumes events still does, or is gone.
            let _ = events.blocking_send(EngineEvent::Failed("the collector's thread panicked".to_owned()));
        }
    })
}

fn spawn_load_thread(task: ThreadTask, workload: Arc<dyn Drive>) -> Result<(), PrepareError> {
    let name = format!("fleetmark-load-{}", task.index);
    let runtime = runtime(&name)?;
    spawn_thread(name.clone(), move || {
        let orders = Arc::clone(&task.orders);
        if let Some(core) = task.core
            && let Err(error) = cores::bind_to(core)
        {
            return orders.fail(&format!("the load thread {name} cannot be bound to core {core}: {error}"));
        }
        // Kept until a panic is told, so that the collector does not first see its inbox close.
        let lane_open = task.lane.messages.clone();
        let run = AssertUnwindSafe(|| {
            let local = LocalSet::new();
            let mut stop = orders.follow();
            local.block_on(&runtime, async {
                tokio::select! {
                    biased;
                    () = stopped(&mut stop) => {}
                    () = workload.drive(task) => {}
                }
            });
        });
        if let Err(panic) = catch_unwind(run) {
            orders.fail_by_panic(&name, &*panic);
        }
        drop(lane_open);
        // A blocking call of the runtime's own (there should be none) must not keep the thread.
        runtime.shutdown_background();
    })
}

fn runtime(thread: &str) -> Result<Runtime, PrepareError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| PrepareError(format!("the runtime of {thread} could not be made: {error}")))
}

fn spawn_thread(name: String, body: impl FnOnce() + Send + 'static) -> Result<(), PrepareError> {
    let spawned = thread::Builder::new().name(name.clone()).spawn(body);
    spawned
        .map(drop)
        .map_err(|error| PrepareError(format!("the thread {name} could not be started: {error}")))
}

impl Lane {
    fn new(messages: mpsc::Sender<Message>, shape: Shape) -> (Self, blocking::Sender<Tally>) {
        let (spare, spares) = blocking::channel();
        for _ in 0..SPARE_TALLIES {
            // The receiver is right here, so this cannot fail.
            let _ = spare.send(Tally::new(&shape));
        }
        (Self { messages, spares, at_hand: RefCell::default(), shape }, spare)
    }

    /// An empty tally: the one that came back last, whose memory is there already, or a new one while the collector is
    /// behind. So the others are never touched where two suffice.
    pub(super) fn spare(&self) -> Tally {
        let mut at_hand = self.at_hand.borrow_mut();
        at_hand.extend(self.spares.try_iter());
        at_hand.pop().unwrap_or_else(|| Tally::new(&self.shape))
    }

    /// Sends a message without ever waiting. A full lane is a failure of the engine; a closed one means
    /// that everything stops already.
    pub(super) fn send(&self, message: Message, orders: &Orders) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.messages.try_send(message) {
            orders.fail("the collector did not run for a minute: the host is overloaded, so nothing it measures counts");
        }
    }
}

#[cfg(test)]
mod tests;

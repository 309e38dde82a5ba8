//! The collector: takes batches from the load threads, and tells the engine's story to its one consumer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc as blocking;

use shared::ids::OperationIndex;
use shared::interval::{Interval, OperationInterval, REMARKS_MAX, Remark};

use tokio::sync::{mpsc, watch};

use super::assembly::Assembly;
use super::clock::now_ns;
use super::load_thread::SHARE_STRETCH_NS_MIN;
use super::orders::{Order, Orders};
use super::recorder::Batch;
use super::tally::Tally;
use super::{Drive, EngineEvent, Probe, Watch};

/// Intervals kept for a consumer that is slow: an hour of them. Beyond that the trial fails and says so,
/// rather than losing counts or growing without end.
const INTERVALS_QUEUED_MAX: usize = 3_600;

/// What a load thread sends.
#[derive(Debug)]
pub(super) enum Message {
    /// All its workers are ready.
    Ready,
    /// Counts of one interval.
    Batch(Batch),
}

/// Everything that the collector's thread owns.
pub(super) struct Collector {
    assembly: Assembly,
    workload: Arc<dyn Drive>,
    spares: Vec<blocking::Sender<Tally>>,
    orders: Arc<Orders>,
    probe: Probe,
    probed_ns: u64,
    events: mpsc::Sender<EngineEvent>,
    outgoing: VecDeque<EngineEvent>,
    threads_not_ready: usize,
    is_closing: bool,
}

impl Collector {
    /// A collector for as many threads as there are lanes for spare tallies.
    pub(super) fn new(
        assembly: Assembly,
        workload: Arc<dyn Drive>,
        spares: Vec<blocking::Sender<Tally>>,
        orders: Arc<Orders>,
        probe: Probe,
        events: mpsc::Sender<EngineEvent>,
    ) -> Self {
        Self {
            assembly,
            workload,
            threads_not_ready: spares.len(),
            spares,
            orders,
            probe,
            probed_ns: 0,
            events,
            outgoing: VecDeque::new(),
            is_closing: false,
        }
    }

    /// Where a failure of the collector itself is told.
    pub(super) fn outlets(&self) -> (Arc<Orders>, mpsc::Sender<EngineEvent>) {
        (Arc::clone(&self.orders), self.events.clone())
    }

    /// Runs until the last event is delivered, or until nobody wants any.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut orders = self.orders.follow();
        let events = self.events.clone();
        while !(self.is_closing && self.outgoing.is_empty()) {
            tokio::select! {
                biased;
                _ = orders.changed() => {
                    if !self.obey(&mut orders) {
                        return;
                    }
                }
                permit = events.reserve(), if !self.outgoing.is_empty() => match permit {
                    Ok(permit) => permit.send(self.outgoing.pop_front().expect("the branch asks for one")),
                    // Nobody listens any more, so nothing more needs doing.
                    Err(_) => return self.orders.abort(),
                },
                message = inbox.recv(), if !self.is_closing => self.take(message),
            }
        }
    }

    /// Follows the newest order; tells whether to go on.
    fn obey(&mut self, orders: &mut watch::Receiver<Order>) -> bool {
        match &*orders.borrow_and_update() {
            Order::Prepare => {}
            // Shares of CPU time need something to compare with: the first look is for that.
            Order::Start(_) => {
                let _ = self.probe.sample();
                self.probed_ns = now_ns();
            }
            Order::Fail(reason) if !self.is_closing => {
                self.outgoing.push_back(EngineEvent::Failed(reason.to_string()));
                self.is_closing = true;
            }
            Order::Fail(_) => {}
            Order::Abort => return false,
        }
        true
    }

    fn take(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Ready) => {
                self.threads_not_ready = self.threads_not_ready.saturating_sub(1);
                if self.threads_not_ready == 0 {
                    self.outgoing.push_back(EngineEvent::Ready);
                }
            }
            Some(Message::Batch(batch)) => self.merge(batch),
            None => self.orders.fail("the load threads ended before the trial did"),
        }
    }

    fn merge(&mut self, batch: Batch) {
        self.assembly.accept(batch);
        while let Some(mut interval) = self.assembly.next() {
            if now_ns().saturating_sub(self.probed_ns) >= SHARE_STRETCH_NS_MIN {
                interval.host = self.probe.sample();
                self.probed_ns = now_ns();
            }
            tell_of_host(&mut *self.probe, &mut interval);
            if interval.is_last {
                // All operations are over, and so nothing that is done now is measured.
                tell_remarks(self.workload.conclude(), &mut interval);
            }
            self.outgoing.push_back(EngineEvent::Interval(interval));
        }
        for (thread, mut tally) in self.assembly.drain_used() {
            tally.clear();
            // A thread that has ended needs no spare any more.
            let _ = self.spares[thread].send(tally);
        }
        if self.assembly.is_complete() {
            self.outgoing.push_back(EngineEvent::Finished { intervals: self.assembly.intervals() });
            self.is_closing = true;
        } else if self.outgoing.len() > INTERVALS_QUEUED_MAX {
            self.orders.fail(&format!(
                "{INTERVALS_QUEUED_MAX} intervals wait to be sent and none was taken: the way to the coordinator is stuck"
            ));
        }
    }
}

/// Adds what the workload says at the end.
fn tell_remarks(remarks: Vec<(OperationIndex, Remark)>, interval: &mut Interval) {
    for (operation, remark) in remarks {
        let told = interval.operations.iter_mut().find(|told| told.operation == operation);
        match told {
            Some(told) if told.remarks.len() < REMARKS_MAX => told.remarks.push(remark),
            // What is said last is said of everything: it takes the place of what was said before.
            Some(told) => told.remarks[REMARKS_MAX - 1] = remark,
            None => interval.operations.push(OperationInterval {
                operation,
                remarks: vec![remark],
                ..OperationInterval::default()
            }),
        }
    }
    interval.operations.sort_by_key(|told| told.operation);
}

/// Adds what is known of the host beside how it fares.
pub(super) fn tell_of_host(probe: &mut dyn Watch, interval: &mut Interval) {
    interval.observed = probe.observed();
    let before = if interval.sequence.0 == 0 { probe.before() } else { None };
    let after = if interval.is_last { probe.after() } else { None };
    interval.fingerprint = after.or(before);
}

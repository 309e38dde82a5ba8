//! An observer: makes no load, and reports each second how its host fares, from the trial's start to the end of its window or
//! until it is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::ids::{AgentId, IntervalSequence, TrialKey};
use shared::interval::{EngineSample, Interval};
use shared::plan::Assignment;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::collector::tell_of_host;
use super::timeline::{Timeline, whole_ns};
use super::{EngineEvent, Probe, clock};

/// Longest that it reports when the window is counted in operations, of which it sees none: as long as a coordinator waits for
/// their end.
const OBSERVES_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One trial seen from a host that takes no part in it. Dropping it ends it.
#[derive(Debug)]
pub struct Observer {
    start: watch::Sender<Option<u64>>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Ready at once; nothing is reported before [`Observer::start`].
    ///
    /// `agent` is who the intervals say they come from. `probe` is asked once at the start, and then for every interval.
    pub fn prepare(
        agent: AgentId,
        assignment: &Assignment,
        probe: Probe,
        events: mpsc::Sender<EngineEvent>,
    ) -> Self {
        let (start, started) = watch::channel(None);
        let mut timeline = Timeline::new(&assignment.load);
        // Operations end a warm-up that is counted in them, and there are none here.
        timeline.open_window(0);
        let watcher = Watcher { trial: assignment.trial, agent, timeline, probe, events };
        let task = tokio::spawn(async move {
            // Whoever listened may be gone, and then nobody wants to know.
            let _nobody_listens_any_more = watcher.run(started).await;
        });
        Self { start, task }
    }

    /// The trial begins at this moment on `CLOCK_MONOTONIC`. Until it has begun it can be moved by starting it again; one that
    /// has passed makes the first interval begin later.
    pub fn start(&self, at_monotonic_ns: u64) {
        self.start.send_replace(Some(at_monotonic_ns));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Nobody listens any more.
struct Unheard;

struct Watcher {
    trial: TrialKey,
    agent: AgentId,
    timeline: Timeline,
    probe: Probe,
    events: mpsc::Sender<EngineEvent>,
}

impl Watcher {
    async fn run(mut self, mut started: watch::Receiver<Option<u64>>) -> Result<(), Unheard> {
        let at_ns = begun(&mut started).await?;
        let end_ns = self.timeline.window_end_ns().unwrap_or(whole_ns(OBSERVES_MAX));
        let mut from_ns = clock::now_ns().saturating_sub(at_ns);
        let mut sequence = 0;
        // The first look is what the next one is compared with.
        self.probe.sample();
        while from_ns < end_ns {
            let cut_ns = self.timeline.cut_after(from_ns).min(end_ns);
            until(at_ns.saturating_add(cut_ns)).await;
            let interval = self.interval(sequence, from_ns, cut_ns, cut_ns == end_ns);
            self.tell(EngineEvent::Interval(interval)).await?;
            (from_ns, sequence) = (cut_ns, sequence + 1);
        }
        self.tell(EngineEvent::Finished { intervals: sequence }).await
    }

    fn interval(&mut self, sequence: u64, start_ns: u64, end_ns: u64, is_last: bool) -> Interval {
        let mut interval = Interval {
            trial: self.trial,
            agent: self.agent,
            sequence: IntervalSequence(sequence),
            phase: self.timeline.phase_at(start_ns),
            start_ns,
            duration_ns: end_ns - start_ns,
            is_last,
            operations: Vec::new(),
            engine: EngineSample::default(),
            host: self.probe.sample(),
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        };
        tell_of_host(&mut *self.probe, &mut interval);
        interval
    }

    async fn tell(&mut self, event: EngineEvent) -> Result<(), Unheard> {
        self.events.send(event).await.map_err(|_| Unheard)
    }
}

/// Waits for the start, wherever it is moved; returns when that was.
async fn begun(started: &mut watch::Receiver<Option<u64>>) -> Result<u64, Unheard> {
    loop {
        let at_ns = *started.borrow_and_update();
        tokio::select! {
            changed = started.changed() => changed.map_err(|_| Unheard)?,
            () = until(at_ns.unwrap_or(u64::MAX)), if at_ns.is_some() => return Ok(at_ns.unwrap_or_default()),
        }
    }
}

/// Waits until a moment on `CLOCK_MONOTONIC`.
async fn until(moment_ns: u64) {
    tokio::time::sleep(Duration::from_nanos(moment_ns.saturating_sub(clock::now_ns()))).await;
}

#[cfg(test)]
mod tests {
    use shared::host::{HostMetric, HostSample};
    use shared::interval::Phase;
    use shared::job::{Warmup, Window};

    use super::super::tests::assignment;
    use super::*;

    async fn told(warmup: Warmup, window: Window, late: Duration) -> Vec<EngineEvent> {
        let (sender, mut events) = mpsc::channel(16);
        let assignment = Assignment { is_observer: true, ..assignment(1, warmup, window) };
        let probe = || Some(HostSample::of([(HostMetric::CpuBusy, 0.5)]));
        let observer = Observer::prepare(AgentId::new([1; 16]), &assignment, Box::new(probe), sender);
        observer.start(clock::now_ns() + 3_600_000_000_000);
        observer.start(clock::now_ns().saturating_sub(whole_ns(late)));
        let mut told = Vec::new();
        while let Some(event) = events.recv().await {
            told.push(event);
        }
        told
    }

    fn phases(told: &[EngineEvent]) -> Vec<(u64, Phase, bool)> {
        let interval = |event: &EngineEvent| match event {
            EngineEvent::Interval(it) => Some((it.sequence.0, it.phase, it.is_last)),
            _ => None,
        };
        told.iter().filter_map(interval).collect()
    }

    #[tokio::test]
    async fn it_reports_warm_up_and_window_from_wherever_the_start_was_moved_to() {
        let ms = |ms| Duration::from_millis(ms);
        let told = told(Warmup::For(ms(20)), Window::For(ms(30)), Duration::ZERO).await;
        assert_eq!(phases(&told), [(0, Phase::Warmup, false), (1, Phase::Measured, true)]);
        assert_eq!(told.last(), Some(&EngineEvent::Finished { intervals: 2 }));
    }

    #[tokio::test]
    async fn one_that_is_told_late_reports_what_is_left() {
        let (hour, window) = (Duration::from_secs(3_600), Window::For(Duration::from_secs(1)));
        let told = told(Warmup::For(Duration::ZERO), window, hour).await;
        assert_eq!(told, [EngineEvent::Finished { intervals: 0 }]);
    }
}

//! One run that somebody looks at: its frames, of which the newest are kept, and its charts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use report::series::rolling::Rolling;
use shared::event::RunEvent;
use shared::ids::RunId;
use shared::interval::Interval;
use shared::run_record::RunRecord;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::ending::Ending;
use super::frame::Frame;
use super::seed::{self, Seed};
use crate::control::Control;
use crate::web::pages;

/// How often something is told at most.
const EVERY: Duration = Duration::from_secs(1);
/// Frames that are kept for those who come back: two minutes. Whoever was away longer is skipped ahead.
const FRAMES_KEPT: usize = 120;
/// Seconds without anybody who looks, after which a run is not followed any more: a page that is loaded anew finds it still.
const UNSEEN_MAX: u32 = 30;
/// Intervals of trials that the record does not know yet; it does a second later.
const UNPLACED_MAX: usize = 4_096;
/// Charts are drawn anew after so many times as long as drawing took: it must not keep a core from what is measured.
const DRAWING_RESTS: u32 = 10;
/// Who holds a run that nobody looks at: the list of all, and whoever follows it.
const HOLDERS: usize = 2;

/// One run, and where it stood.
#[derive(Debug)]
pub(in crate::web) struct Followed {
    run: RunId,
    frames: Mutex<Frames>,
    newest: watch::Sender<u64>,
    record: Mutex<Arc<RunRecord>>,
    rolling: Arc<tokio::sync::Mutex<Rolling>>,
    drawn: tokio::sync::Mutex<Option<Drawn>>,
    /// Whether what was stored before anybody looked stands in the charts.
    is_seeded: watch::Sender<bool>,
}

#[derive(Debug)]
struct Frames {
    now: Frame,
    told: VecDeque<(u64, Bytes)>,
    /// Whether the last of them is the last of all.
    is_ended: bool,
}

impl Frames {
    /// Keeps the frame as it stands now, with a place of its own.
    fn push(&mut self) -> u64 {
        self.now.sequence += 1;
        let json = serde_json::to_vec(&self.now).expect("a frame has text keys and finite numbers only");
        self.told.push_back((self.now.sequence, Bytes::from(json)));
        if self.told.len() > FRAMES_KEPT {
            self.told.pop_front();
        }
        self.now.sequence
    }
}

/// Charts as they were drawn last.
#[derive(Debug)]
struct Drawn {
    sequence: u64,
    charts: Arc<str>,
    until: Instant,
}

/// What is told next.
pub(in crate::web) enum Next {
    /// A frame: its place, and its JSON.
    Frame(u64, Bytes),
    /// Nothing new yet.
    Nothing,
    /// Nothing will be told any more.
    End,
}

impl Followed {
    /// A run as it stands.
    pub(super) fn new(record: RunRecord, so_far: &[RunEvent]) -> Self {
        let mut now = Frame::of_record(&record);
        so_far.iter().for_each(|event| now.take(event));
        let followed = Self {
            run: record.id,
            frames: Mutex::new(Frames { now, told: VecDeque::new(), is_ended: false }),
            newest: watch::Sender::new(0),
            record: Mutex::new(Arc::new(record)),
            rolling: Arc::default(),
            drawn: tokio::sync::Mutex::default(),
            is_seeded: watch::Sender::new(false),
        };
        followed.tell();
        followed
    }

    /// Where it stands.
    pub(in crate::web) fn now(&self) -> Frame {
        lock(&self.frames).now.clone()
    }

    /// Whether nothing more will be told.
    pub(super) fn is_ended(&self) -> bool {
        lock(&self.frames).is_ended
    }

    /// What comes after a frame; whoever lags too far behind is skipped ahead to the newest.
    pub(in crate::web) fn after(&self, sequence: u64) -> Next {
        let frames = lock(&self.frames);
        let newest = frames.now.sequence;
        if sequence == newest {
            return if frames.is_ended { Next::End } else { Next::Nothing };
        }
        // A place that was never given comes from an earlier coordinator.
        let is_kept = |oldest: &(u64, Bytes)| sequence < newest && oldest.0 <= sequence + 1;
        let wanted = if frames.told.front().is_some_and(is_kept) { sequence + 1 } else { newest };
        let frame = frames.told.iter().find(|(told, _)| *told == wanted);
        frame.map_or(Next::Nothing, |(told, json)| Next::Frame(*told, json.clone()))
    }

    /// Changes with each frame.
    pub(in crate::web) fn changes(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Where it stands and its charts, as a part of its page.
    pub(in crate::web) async fn fragment(&self) -> String {
        let mut seeded = self.is_seeded.subscribe();
        // An error only says that nobody seeds any more.
        drop(seeded.wait_for(|is_seeded| *is_seeded).await);
        let frame = self.now();
        let mut drawn = self.drawn.lock().await;
        let is_fresh = |drawn: &Drawn| drawn.sequence == frame.sequence || Instant::now() < drawn.until;
        let charts = match drawn.as_ref().filter(|drawn| is_fresh(drawn)) {
            Some(drawn) => drawn.charts.clone(),
            None => {
                let began = Instant::now();
                let charts = self.draw().await;
                let until = Instant::now() + began.elapsed() * DRAWING_RESTS;
                *drawn = Some(Drawn { sequence: frame.sequence, charts: charts.clone(), until });
                charts
            }
        };
        pages::run::fragment(&frame, &charts).into_string()
    }

    /// Follows it until it is over, or nobody looks any more: then `leave` says whether that is so still, and lets nobody come after.
    pub(super) async fn follow(
        self: &Arc<Self>,
        control: &Control,
        mut events: broadcast::Receiver<RunEvent>,
        mut stored: broadcast::Receiver<Arc<Interval>>,
        leave: impl Fn() -> bool,
    ) {
        let mut seed = self.sow(control).await;
        self.is_seeded.send_replace(true);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut unseen, mut has_news, mut unplaced) = (0, false, Vec::new());
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => {
                        lock(&self.frames).now.take(&event);
                        has_news = true;
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                interval = stored.recv() => match interval {
                    Ok(interval) if interval.trial.run == self.run => unplaced.push(interval),
                    Ok(_) => {}
                    // What was missed is stored; of a run that is too large it stays a gap.
                    Err(RecvError::Lagged(_)) => {
                        if seed == Seed::Fits {
                            seed = self.sow(control).await;
                        }
                    }
                    Err(RecvError::Closed) => break,
                },
                _ = ticks.tick() => {
                    if self.now().state.is_over() {
                        break;
                    }
                    self.refresh(control).await;
                    has_news |= self.place(&mut unplaced).await;
                    if std::mem::take(&mut has_news) {
                        self.tell();
                    }
                    unseen = if self.is_seen() { 0 } else { unseen + 1 };
                    if unseen >= UNSEEN_MAX && leave() {
                        return;
                    }
                }
            }
        }
        self.end(self.untold_ending(control).await);
    }

    /// Whether anybody looks.
    pub(super) fn is_seen(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > HOLDERS
    }

    /// How it ended, if nobody said so; `None`: it was said, or the run is not over but the coordinator stops.
    async fn untold_ending(&self, control: &Control) -> Option<Ending> {
        if self.now().state.is_over() {
            return None;
        }
        let ending = Ending::read(control, self.run).await;
        let ending =
            ending.inspect_err(|error| tracing::warn!(run = %self.run, %error, "the end is not told"));
        ending.ok().filter(|ending| ending.record.state.is_over())
    }

    async fn sow(&self, control: &Control) -> Seed {
        seed::sow(&control.store, self.run, RunRecord::clone(&self.record()), &self.rolling).await
    }

    /// Asks how the run's record stands now.
    async fn refresh(&self, control: &Control) {
        if let Ok(Some(record)) = control.record_if_active(self.run).await {
            lock(&self.frames).now.take_record(&record);
            *lock(&self.record) = Arc::new(record);
        }
    }

    /// Adds what was stored to the series; says whether there was any. What cannot be placed yet stays.
    async fn place(&self, unplaced: &mut Vec<Arc<Interval>>) -> bool {
        let had_some = !unplaced.is_empty();
        let record = self.record();
        let mut rolling = self.rolling.lock().await;
        unplaced.retain(|interval| !rolling.add(&record, interval));
        let beyond = unplaced.len().saturating_sub(UNPLACED_MAX);
        unplaced.drain(..beyond);
        had_some
    }

    async fn draw(&self) -> Arc<str> {
        let (rolling, record) = (self.rolling.clone(), self.record());
        let drawing =
            tokio::task::spawn_blocking(move || rolling.blocking_lock().charts(&record).into_string());
        drawing.await.map_or_else(|_| Arc::from(""), Arc::from)
    }

    /// Tells where it stands now.
    fn tell(&self) {
        let sequence = lock(&self.frames).push();
        self.newest.send_replace(sequence);
    }

    /// Tells the end, with what is stored of it if nobody said so. Without one, the coordinator stops, and whoever looks comes back to
    /// the next one.
    fn end(&self, untold: Option<Ending>) {
        let mut frames = lock(&self.frames);
        if let Some(ending) = untold {
            frames.now.take_record(&ending.record);
            frames.now.take(&ending.event);
        }
        frames.is_ended = true;
        let sequence = frames.push();
        drop(frames);
        self.newest.send_replace(sequence);
    }

    fn record(&self) -> Arc<RunRecord> {
        lock(&self.record).clone()
    }
}

/// Nothing that is held here can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use shared::run_record::RunState;

    use super::*;
    use crate::store::samples;

    fn sequence(next: Next) -> Option<u64> {
        match next {
            Next::Frame(sequence, _) => Some(sequence),
            Next::Nothing | Next::End => None,
        }
    }

    #[test]
    fn whoever_comes_back_goes_on_where_they_were_and_whoever_is_slow_is_skipped_ahead() {
        let followed = Followed::new(samples::record(1), &[]);
        assert_eq!(sequence(followed.after(0)), Some(1));
        (0..10).for_each(|_| followed.tell());
        assert_eq!(sequence(followed.after(4)), Some(5));
        assert_eq!(sequence(followed.after(11)), None);
        assert_eq!(sequence(followed.after(900)), Some(11), "a place of an earlier coordinator");
        (0..1_000).for_each(|_| followed.tell());
        assert_eq!(sequence(followed.after(4)), Some(1_011));
        assert_eq!(lock(&followed.frames).told.len(), FRAMES_KEPT);
    }

    fn cancelled() -> RunEvent {
        RunEvent::Ended {
            state: RunState::Cancelled,
            verdict: shared::run_report::Verdict::Invalid,
            exit_code: 3,
            reason: Some("cancelled".to_owned()),
        }
    }

    #[test]
    fn after_the_end_nothing_is_told() {
        let followed = Followed::new(samples::record(1), &[]);
        lock(&followed.frames).now.take(&cancelled());
        assert!(matches!(followed.after(1), Next::Nothing), "the end is still to be told");
        followed.end(None);
        assert_eq!(sequence(followed.after(1)), Some(2));
        assert!(matches!(followed.after(2), Next::End));
    }

    #[test]
    fn an_end_that_nobody_told_is_told_as_it_is_stored() {
        let followed = Followed::new(samples::record(1), &[]);
        assert!(!followed.now().state.is_over());
        followed.end(Some(Ending { record: samples::finished_record(1), event: cancelled() }));
        assert_eq!((followed.now().state, followed.now().exit_code), (RunState::Cancelled, Some(3)));
        assert_eq!(sequence(followed.after(1)), Some(2));
        assert!(matches!(followed.after(2), Next::End));
    }

    #[test]
    fn whoever_looks_when_a_coordinator_stops_is_let_go() {
        let followed = Followed::new(samples::record(1), &[]);
        followed.end(None);
        assert_eq!(sequence(followed.after(1)), Some(2));
        assert!(matches!(followed.after(2), Next::End));
    }
}

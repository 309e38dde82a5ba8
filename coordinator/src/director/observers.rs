//! Who watches which run. A slow watcher misses the oldest events, never the newest.

use std::collections::HashMap;

use shared::event::RunEvent;
use shared::ids::RunId;
use tokio::sync::broadcast;

/// Events that a slow watcher may lag behind before it misses the oldest: some minutes of progress.
const EVENTS_KEPT: usize = 256;

/// What a new watcher gets: what it needs to know now, and what will happen.
#[derive(Debug)]
pub struct Watching {
    /// The last event of each kind that still says something, oldest first.
    pub so_far: Vec<RunEvent>,
    /// What happens from now on.
    pub events: broadcast::Receiver<RunEvent>,
}

/// The watchers of all runs that are not over.
#[derive(Debug, Default)]
pub(super) struct Observers {
    runs: HashMap<RunId, Channel>,
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<RunEvent>,
    so_far: Vec<RunEvent>,
}

impl Observers {
    /// A run begins to be watchable.
    pub(super) fn begin(&mut self, run: RunId) {
        let (sender, _) = broadcast::channel(EVENTS_KEPT);
        self.runs.insert(run, Channel { sender, so_far: Vec::new() });
    }

    /// Tells the watchers of a run.
    pub(super) fn tell(&mut self, run: RunId, event: RunEvent) {
        if let Some(channel) = self.runs.get_mut(&run) {
            let outdated = |old: &RunEvent| std::mem::discriminant(old) == std::mem::discriminant(&event);
            channel.so_far.retain(|old| !outdated(old));
            channel.so_far.push(event.clone());
            // An error only says that nobody watches now.
            let _nobody_needs_to_watch = channel.sender.send(event);
        }
    }

    /// Starts to watch; `None`: the run is over or unknown.
    pub(super) fn watch(&self, run: RunId) -> Option<Watching> {
        let channel = self.runs.get(&run)?;
        Some(Watching { so_far: channel.so_far.clone(), events: channel.sender.subscribe() })
    }

    /// A run is over: its watchers have been told, and the streams end.
    pub(super) fn end(&mut self, run: RunId) {
        self.runs.remove(&run);
    }

    /// Whether no run is watchable.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use shared::event::Progress;

    use super::*;

    #[test]
    fn a_late_watcher_gets_the_newest_of_each_kind_and_then_the_rest() {
        let mut observers = Observers::default();
        let run = RunId::new(1, [0; 10]);
        observers.begin(run);
        let progress = |count| RunEvent::Progress(Progress { count, ..Progress::default() });
        observers.tell(run, RunEvent::Waiting { message: "waits".to_owned() });
        observers.tell(run, progress(1));
        observers.tell(run, progress(2));
        let mut watching = observers.watch(run).unwrap();
        assert_eq!(watching.so_far, [RunEvent::Waiting { message: "waits".to_owned() }, progress(2)]);
        observers.tell(run, progress(3));
        observers.end(run);
        assert_eq!(watching.events.try_recv(), Ok(progress(3)));
        assert_eq!(watching.events.try_recv(), Err(broadcast::error::TryRecvError::Closed));
    }
}

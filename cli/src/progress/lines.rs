//! Plain lines, for logs: one when something changes, and one every five seconds.

use std::time::{Duration, Instant};

use shared::event::RunEvent;

use super::Display;
use super::words::{Trial, figures, line};

/// Shortest time between lines of progress. Events come about once a second, so that a line is at most five seconds old.
const LINE_EVERY: Duration = Duration::from_secs(4);

/// Lines on standard error.
#[derive(Default)]
pub(super) struct Lines {
    trial: Trial,
    last: Option<Instant>,
    hint: Option<String>,
}

impl Display for Lines {
    fn show(&mut self, event: &RunEvent) {
        if let Some(line) = line(event) {
            self.say(&line);
        }
        match event {
            RunEvent::TrialStarted { .. } => {
                self.trial = Trial::of(event).unwrap_or_default();
                self.last = Some(Instant::now());
                self.say(&format!("{}: started", self.trial.title()));
            }
            RunEvent::Progress(progress) => {
                let is_due = self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
                if is_due {
                    self.last = Some(Instant::now());
                    let left = self.trial.done(progress).1;
                    let left = left.map_or_else(String::new, |left| {
                        format!("{:.0} s left, ", left.as_secs_f64().ceil())
                    });
                    self.say(&format!("{}: {left}{}", self.trial.title(), figures(progress)));
                }
                if let Some(hint) = progress.hint.clone().filter(|hint| self.hint.as_ref() != Some(hint)) {
                    self.say(&hint);
                    self.hint = Some(hint);
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, message: &str) {
        eprintln!("{message}");
    }
}

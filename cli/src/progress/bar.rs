//! A progress bar on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use shared::event::RunEvent;

use super::Display;
use super::words::{Trial, figures, line};

/// Steps of the bar: finer than any terminal is wide.
const STEPS: u64 = 1_000;

/// A bar with time left, rate, errors and latency so far; gone when the run is over.
#[derive(Default)]
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    trial: Trial,
    hint: Option<String>,
}

impl Bar {
    fn bar(&mut self) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(STEPS);
            let style = ProgressStyle::with_template("{spinner:.cyan} {prefix} {bar:24.cyan/dim} {wide_msg}");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        })
    }
}

impl Display for Bar {
    fn show(&mut self, event: &RunEvent) {
        if let Some(line) = line(event) {
            self.bar().println(line);
        }
        match event {
            RunEvent::Waiting { .. } => self.bar().set_message("waiting for agents"),
            RunEvent::TrialPreparing { .. } => self.bar().set_message("preparing"),
            RunEvent::TrialStarted { .. } => {
                self.trial = Trial::of(event).unwrap_or_default();
                let title = self.trial.title();
                self.bar().set_position(0);
                self.bar().set_prefix(title);
                self.bar().set_message("started");
            }
            RunEvent::Progress(progress) => {
                let (share, left) = self.trial.done(progress);
                let left = left
                    .map_or_else(String::new, |left| format!("{:.0} s left, ", left.as_secs_f64().ceil()));
                self.bar().set_position((share * STEPS as f64) as u64);
                self.bar().set_message(format!("{left}{}", figures(progress)));
                if let Some(hint) = progress.hint.clone().filter(|hint| self.hint.as_ref() != Some(hint)) {
                    self.bar().println(&hint);
                    self.hint = Some(hint);
                }
            }
            RunEvent::TrialFinished { .. } => self.bar().set_message("collected"),
            RunEvent::Ended { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }

    fn say(&mut self, message: &str) {
        self.bar().println(message);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

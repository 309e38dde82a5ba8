//! What is shown while a run goes on: a pure consumer of its events. A bar on a terminal, a line every five seconds
//! elsewhere, nothing when quiet.

mod bar;
mod lines;
pub(crate) mod words;

use std::io::IsTerminal;

use shared::event::RunEvent;

/// Shows a run's events.
pub(crate) trait Display {
    /// Something happened.
    fn show(&mut self, event: &RunEvent);

    /// Something to say beside the run's own events.
    fn say(&mut self, message: &str);
}

/// The display that fits: on standard error, so that data can be piped.
pub(crate) fn display(is_quiet: bool) -> Box<dyn Display> {
    if is_quiet {
        Box::new(Quiet)
    } else if std::io::stderr().is_terminal() {
        Box::new(bar::Bar::default())
    } else {
        Box::new(lines::Lines::default())
    }
}

/// Shows nothing.
struct Quiet;

impl Display for Quiet {
    fn show(&mut self, _event: &RunEvent) {}

    fn say(&mut self, _message: &str) {}
}

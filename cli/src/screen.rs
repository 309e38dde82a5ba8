//! The full-screen view of a run. Rooms: [`model`] (what is known of the run), [`drawing`] (how that looks).
//!
//! Whatever ends it, the terminal is left as it was found: [`Screen`] puts it back when it is dropped, and before a panic says
//! why.

mod drawing;
mod model;

use std::io::{self, IsTerminal, Stdout};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::execute;
use futures_util::StreamExt;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use self::drawing::ink::Ink;
pub(crate) use self::model::{Model, Question};
use crate::exit_code::{Failure, OUTPUT, USAGE};

/// How often the screen is drawn when nothing is pressed: events come about once a second.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(250);

/// A terminal of which we have the whole.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    keys: EventStream,
    /// Whether whoever could press a key is gone.
    is_left: bool,
    ink: Ink,
}

/// What somebody pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// They want to go.
    Quit,
    /// The run is to go on without them.
    Leave,
    /// The run is to be cancelled.
    Cancel,
    /// They want to go on watching.
    Stay,
    /// Nobody is there to press one.
    Gone,
    /// Nothing to us, or the terminal's size changed.
    Other,
}

/// Whether both ends of a person's terminal are ours.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Makes sure that there is a terminal to draw on, before something is begun that is to be shown there.
///
/// # Errors
/// 64 when there is none.
pub(crate) fn check() -> anyhow::Result<()> {
    if is_possible() {
        return Ok(());
    }
    Err(Failure::with_code(
        USAGE,
        "--tui draws on a terminal, and standard input and output are not both one: leave it out, or do not redirect them",
    ))
}

impl Screen {
    /// Takes the whole terminal.
    ///
    /// # Errors
    /// 64 when there is none; 73 when it cannot be drawn on.
    pub(crate) fn open() -> anyhow::Result<Self> {
        check()?;
        let is_coloured = std::env::var_os("NO_COLOR").is_none();
        match ratatui::try_init() {
            Ok(terminal) => {
                Ok(Self { terminal, keys: EventStream::new(), is_left: false, ink: Ink { is_coloured } })
            }
            Err(error) => {
                ratatui::restore();
                Err(undrawable(&error))
            }
        }
    }

    /// Draws a run as it stands, at the terminal's present size.
    ///
    /// # Errors
    /// 73 when the terminal cannot be drawn on.
    pub(crate) fn draw(&mut self, model: &Model) -> anyhow::Result<()> {
        let ink = self.ink;
        let drawn = self.terminal.draw(|frame| drawing::draw(frame, model, ink));
        drawn.map(drop).map_err(|error| undrawable(&error))
    }

    /// Waits for the next key. A terminal that can no longer be read is one that somebody left, which is told once.
    pub(crate) async fn key(&mut self) -> Key {
        if self.is_left {
            return std::future::pending().await;
        }
        match self.keys.next().await {
            Some(Ok(Event::Key(key))) => meaning(key),
            Some(Ok(_)) => Key::Other,
            Some(Err(_)) | None => {
                self.is_left = true;
                Key::Gone
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Before a panic told why it came the terminal was put back; once more would overwrite what it said.
        if !std::thread::panicking() {
            ratatui::restore();
        }
        let _nobody_may_be_there_to_see_it = execute!(io::stdout(), Show);
    }
}

fn meaning(key: KeyEvent) -> Key {
    if key.kind == KeyEventKind::Release {
        return Key::Other;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if is_control => Key::Quit,
        KeyCode::Char('q' | 'Q') => Key::Quit,
        KeyCode::Char('l' | 'L') => Key::Leave,
        KeyCode::Char('c' | 'C') => Key::Cancel,
        KeyCode::Esc => Key::Stay,
        _ => Key::Other,
    }
}

fn undrawable(error: &io::Error) -> anyhow::Error {
    Failure::with_code(OUTPUT, format!("the terminal cannot be drawn on: {error}"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A shell on a terminal of its own runs the test below; the terminal must be as it was.
    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let commands = format!(
            "stty cols 80 rows 24; stty -a > before; \
             \"{}\" --exact screen::tests::drawing_panics --ignored --nocapture; echo $? > code; stty -a > after",
            program.display()
        );
        let mut shell = Command::new("script");
        shell.args(["--quiet", "--flush", "--command", &commands, "screen"]).current_dir(&folder);
        shell.env("TERM", "xterm-256color").env("RUST_BACKTRACE", "0");
        let status = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success());
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let screen = String::from_utf8_lossy(&read("screen")).into_owned();
        let last = |text: &str| screen.rfind(text).unwrap_or_else(|| panic!("{text:?} stands in {screen:?}"));
        assert!(last("\u{1b}[?1049h") < last("Throughput"), "it was drawn on the other screen");
        assert!(last("Throughput") < last("\u{1b}[?1049l"), "the other screen is left");
        assert!(last("\u{1b}[?1049l") < last(WHY), "what it says stands on the screen that stays");
        assert!(last("\u{1b}[?25l") < last("\u{1b}[?25h"), "the cursor is shown again");
        assert_ne!(read("before"), b"", "the terminal told how it was");
        assert_eq!(read("before"), read("after"), "the terminal's settings are as they were");
        assert_eq!(read("code").trim_ascii(), b"101", "the test below did fail");
    }

    /// Why it panics.
    const WHY: &str = "a view that cannot be drawn";

    #[test]
    #[ignore = "the test above plays it, on a terminal of its own"]
    fn drawing_panics() {
        let mut screen = Screen::open().unwrap();
        screen.draw(&Model::of("a-run")).unwrap();
        panic!("{WHY}");
    }

    #[test]
    fn control_c_asks_and_a_plain_c_answers() {
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        let plain = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE);
        assert_eq!((meaning(control), meaning(plain)), (Key::Quit, Key::Cancel));
    }
}

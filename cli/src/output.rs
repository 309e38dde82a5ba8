//! Where data goes: standard output, or a file; talk goes to standard error.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use report::Reporter;
use report::suite::SuiteReport;
use report::terminal::Terminal;
use shared::job::JobErrors;
use shared::run_report::RunReport;

use crate::exit_code::{Failure, OUTPUT};

/// Columns of a page that is not shown on a terminal.
const WIDTH_DEFAULT: u16 = 100;
/// Widest page: longer lines are not read well.
const WIDTH_MAX: u16 = 120;

/// Writes to standard output.
///
/// # Errors
/// 73 when it cannot be written; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::with_code(OUTPUT, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Makes sure that a file can be written, before something takes long for it. `-` is standard output.
///
/// # Errors
/// 73 when it cannot.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map(drop)
        .map_err(|error| unwritable(path, &error))
}

/// Writes a file, or standard output for `-`.
///
/// # Errors
/// 73 when it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_bytes(path, text.as_bytes())
}

/// As [`write()`], for what is bytes already.
///
/// # Errors
/// 73 when it cannot be written.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return print_bytes(bytes);
    }
    std::fs::write(path, bytes).map_err(|error| unwritable(path, &error))
}

/// Where GitHub runs us it reads annotations off either output; they are talk, so that data stays whole.
pub(crate) fn annotate(report: &RunReport) {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|set| set == "true") {
        eprint!("{}", report::annotations::annotations(report));
    }
}

/// A report as people read it, as wide as the terminal.
///
/// # Errors
/// When it cannot be rendered.
pub(crate) fn page(report: &RunReport) -> anyhow::Result<String> {
    let Page { width, is_coloured } = Page::of_standard_output();
    Ok(Terminal { width, is_coloured }.render(report)?)
}

/// A suite as people read it, as wide as the terminal.
///
/// # Errors
/// When it cannot be rendered.
pub(crate) fn suite_page(suite: &SuiteReport) -> anyhow::Result<String> {
    let Page { width, is_coloured } = Page::of_standard_output();
    Ok(Terminal { width, is_coloured }.render_suite(suite)?)
}

/// How a page is to look.
pub(crate) struct Page {
    /// Columns that fit.
    pub(crate) width: u16,
    /// Whether to colour.
    pub(crate) is_coloured: bool,
}

impl Page {
    /// As standard output takes it.
    pub(crate) fn of_standard_output() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            width: if is_terminal { terminal_width() } else { WIDTH_DEFAULT },
            is_coloured: is_terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }
}

/// A text of strangers on one line: what it holds must not move the cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// All errors of a job or a configuration, each with its place, for standard error.
pub(crate) fn job_errors(file: &str, text: &str, errors: &JobErrors) -> String {
    let is_coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    report::caret::render(file, text, errors, is_coloured)
}

fn terminal_width() -> u16 {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| size.ws_col);
    size.ok().filter(|width| *width > 0).unwrap_or(WIDTH_DEFAULT).min(WIDTH_MAX)
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", path.display()))
}

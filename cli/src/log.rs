//! What servers say while they run, on standard error. `FLEETMARK_LOG` chooses how much (`debug`, `info`, `warn`).
//!
//! Nothing of it, nor of what a server says when it breaks, shows what its veil covers.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use shared::secret::veil::Veil;
use tracing_subscriber::EnvFilter;

/// The environment variable that chooses how much is said.
const VARIABLE: &str = "FLEETMARK_LOG";

/// Starts to say things: by default what a server says (`info`), or only what a client should know (`error`).
pub(crate) fn start(default: &str, veil: &Arc<Veil>) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let veil = Arc::clone(veil);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Veiled { veil: Arc::clone(&veil), out: io::stderr() })
        .with_ansi(io::stderr().is_terminal());
    // A second start, in tests, changes nothing.
    let _it_may_have_been_started = subscriber.try_init();
}

/// Has what a panic says go through the veil as well.
pub(crate) fn veil_last_words(veil: &Arc<Veil>) {
    let veil = Arc::clone(veil);
    std::panic::set_hook(Box::new(move |panic| {
        let mut words = format!("fleetmark: {panic}\n");
        let way = Backtrace::capture();
        if way.status() == BacktraceStatus::Captured {
            words.push_str(&way.to_string());
        }
        let _nobody_may_be_listening =
            Veiled { veil: Arc::clone(&veil), out: io::stderr() }.write_all(words.as_bytes());
    }));
}

/// Writes without what the veil covers. Each write is looked at alone: a line of the log is one.
struct Veiled<W> {
    veil: Arc<Veil>,
    out: W,
}

impl<W: Write> Write for Veiled<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.write_all(self.veil.hide(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use shared::secret::mask::Mask;

    use super::*;

    #[test]
    fn a_line_of_the_log_shows_nothing_that_is_covered() {
        let (veil, mut out) = (Arc::new(Veil::default()), Vec::new());
        let mask = Arc::new(Mask::over([("<key>".to_owned(), "correct horse")]));
        veil.cover(&mask);
        Veiled { veil, out: &mut out }.write_all(b"WARN url=/?k=correct%20horse refused\n").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "WARN url=/?k=<key> refused\n");
    }
}

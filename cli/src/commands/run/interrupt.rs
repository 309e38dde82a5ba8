//! Ctrl-C and SIGTERM: the first cancels the run in order, the second leaves at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit_code::{Failure, INTERNAL};

/// Interruptions by whoever started the command.
pub(in crate::commands) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(in crate::commands) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::with_code(INTERNAL, format!("signals cannot be listened for: {error}"))
            })
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(in crate::commands) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

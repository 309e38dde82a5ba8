//! Writing a request: at once as far as the socket takes it, which is nearly always all of it, and waiting only for the rest.

use std::io;

use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::stream::Stream;

/// Writes a part of the request.
pub(super) async fn send(
    stream: &mut Stream,
    bytes: &[u8],
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let rest = send_at_once(stream, bytes, outcome, progress)?;
    send_waiting(stream, rest, outcome).await?;
    sent(progress);
    Ok(())
}

/// Writes what the socket takes without waiting; gives what is left.
#[inline]
pub(super) fn send_at_once<'a>(
    stream: &Stream,
    bytes: &'a [u8],
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<&'a [u8], Failure> {
    progress.stage = Stage::Sending;
    stream.send_at_once(bytes, &mut outcome.bytes_sent).map_err(|error| unsent(&error))
}

/// Writes what was left, waiting for room.
pub(super) async fn send_waiting(
    stream: &mut Stream,
    rest: &[u8],
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    stream.send_waiting(rest, &mut outcome.bytes_sent).await.map_err(|error| unsent(&error))
}

/// All that was to be sent is.
#[inline]
pub(super) fn sent(progress: &mut Progress) {
    progress.stage = Stage::Waiting;
    progress.sent();
}

/// The connection ended before the request was sent.
fn unsent(error: &io::Error) -> Failure {
    Failure::ended("the connection ended before the request was sent", error).unanswered()
}

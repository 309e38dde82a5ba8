//! What came out of a run as a whole, and the exit code that the contract gives it.

use shared::run_record::{RunRecord, RunState};
use shared::run_report::Verdict;

/// The contract's exit code for a run that somebody cancelled.
const EXIT_INTERRUPTED: u8 = 130;
/// The contract's exit code for a run that found no agents.
const EXIT_NOT_REACHABLE: u8 = 69;
/// The contract's exit code for a run that an agent refused.
const EXIT_REFUSED: u8 = 77;

/// The verdict and exit code of a run.
///
/// `is_whole`: every planned trial has a valid attempt and nothing stored was left out. A run that is not
/// over cannot be told yet.
pub fn verdict(record: &RunRecord, is_whole: bool) -> (Verdict, u8) {
    let verdict = match record.state {
        RunState::Finished if is_whole => Verdict::None,
        RunState::Finished | RunState::Failed | RunState::Cancelled => Verdict::Invalid,
        RunState::Queued | RunState::Running => Verdict::Inconclusive,
    };
    let exit_code = match record.state {
        RunState::Cancelled => EXIT_INTERRUPTED,
        RunState::Failed if record.found_no_agents => EXIT_NOT_REACHABLE,
        RunState::Failed if record.was_refused => EXIT_REFUSED,
        _ => verdict.exit_code(),
    };
    (verdict, exit_code)
}

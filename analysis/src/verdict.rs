//! What came out of a run as a whole, and the exit code that the contract gives it.

use shared::claim::ClaimSeverity;
use shared::run_record::{RunRecord, RunState};
use shared::run_report::{ClaimReport, Verdict};

/// The contract's exit code for a run that somebody cancelled.
const EXIT_INTERRUPTED: u8 = 130;
/// The contract's exit code for a run that found no agents.
const EXIT_NOT_REACHABLE: u8 = 69;
/// The contract's exit code for a run that an agent refused.
const EXIT_REFUSED: u8 = 77;

/// The verdict and exit code of a run.
///
/// `is_whole`: every planned trial has a valid attempt and nothing stored was left out. A run that is not
/// over cannot be told yet; of one that is whole the worst of its gating claims counts.
pub fn verdict(record: &RunRecord, is_whole: bool, claims: &[ClaimReport]) -> (Verdict, u8) {
    ended(record, if is_whole { worst(claims) } else { Verdict::Invalid })
}

/// The verdict and exit code of a run that searched, by its answer, which trials that do not count are part of.
///
/// `is_whole`: nothing stored was left out.
pub fn of_search(record: &RunRecord, is_whole: bool, answer: Verdict) -> (Verdict, u8) {
    ended(record, if is_whole { answer } else { Verdict::Invalid })
}

/// What a run that is finished says, and what one says that is not.
fn ended(record: &RunRecord, finished: Verdict) -> (Verdict, u8) {
    let verdict = match record.state {
        RunState::Finished => finished,
        RunState::Failed | RunState::Cancelled => Verdict::Invalid,
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

/// The worst verdict of the claims that gate, 3 over 1 over 2 over 0; none without such a claim.
fn worst(claims: &[ClaimReport]) -> Verdict {
    /// The contract's order.
    const WORST_FIRST: [Verdict; 4] =
        [Verdict::Invalid, Verdict::Refuted, Verdict::Inconclusive, Verdict::Supported];
    let gating = |claim: &&ClaimReport| claim.severity == ClaimSeverity::Gate;
    let is_among = |verdict: &&Verdict| claims.iter().filter(gating).any(|claim| claim.verdict == **verdict);
    WORST_FIRST.iter().find(is_among).copied().unwrap_or(Verdict::None)
}

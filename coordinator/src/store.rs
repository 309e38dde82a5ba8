//! Where runs and their intervals are kept. One trait, one conformance suite, several providers.

use shared::ids::{AgentId, IntervalSequence, RunId, TrialKey};
use shared::run_record::{RunRecord, RunSummary};

/// An interval as it came over the wire: its address and its bytes, kept as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInterval {
    /// Which attempt at which trial.
    pub trial: TrialKey,
    /// Who reported it.
    pub agent: AgentId,
    /// Its number.
    pub sequence: IntervalSequence,
    /// Its bytes, as received.
    pub bytes: Vec<u8>,
}

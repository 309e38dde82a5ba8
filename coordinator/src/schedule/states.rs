//! Where the runs of a schedule stand, for whoever counts them.

use shared::run_record::RunState;

use super::Schedule;

impl Schedule {
    /// Where each run stands that waits or runs.
    pub fn states(&self) -> impl Iterator<Item = RunState> {
        self.runs.values().map(|run| run.record.state)
    }
}

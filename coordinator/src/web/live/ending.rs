//! How a run ended, as it is stored: for those who were not told.

use shared::event::RunEvent;
use shared::ids::RunId;
use shared::run_record::RunRecord;
use shared::run_report::RunReport;

use crate::control::{Control, ControlError};
use crate::reporting::ReportingError;

/// What is stored of a run, and its last event, made of its report.
#[derive(Debug, Clone)]
pub(in crate::web) struct Ending {
    /// Its record.
    pub(in crate::web) record: RunRecord,
    /// How it ended.
    pub(in crate::web) event: RunEvent,
}

impl Ending {
    /// Reads it.
    ///
    /// # Errors
    /// When there is no such run, what is stored of it is damaged, or the coordinator is going down.
    pub(in crate::web) async fn read(control: &Control, run: RunId) -> Result<Self, ControlError> {
        let report: RunReport = serde_json::from_slice(&control.show(run).await?)
            .map_err(|error| ReportingError::Report { run, problem: error.to_string() })?;
        let record = control.store.read(move |store| store.run(run)).await??;
        let record = record.ok_or(ReportingError::UnknownRun(run))?;
        let event = RunEvent::Ended {
            state: report.run.state,
            verdict: report.run.verdict,
            exit_code: report.run.exit_code,
            reason: report.run.reason,
        };
        Ok(Self { record, event })
    }
}

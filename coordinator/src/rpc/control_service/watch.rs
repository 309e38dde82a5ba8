//! Watching a run, from its present state to its end.

use futures_util::StreamExt;
use shared::event::RunEvent;
use shared::ids::RunId;
use shared::run_record::RunState;
use shared::run_report::{RunReport, Verdict};
use tokio_stream::wrappers::BroadcastStream;
use tonic::Status;

use super::super::Answers;
use super::{ControlRpc, reporting_status};
use crate::director::Message;
use crate::reporting;

impl ControlRpc {
    /// The events of a run. Of one that is over: its end.
    pub(super) async fn events(&self, run: RunId) -> Result<Answers<proto::RunEvent>, Status> {
        if let Some(watching) = self.ask(|reply| Message::Watch { run, reply }).await? {
            let so_far = futures_util::stream::iter(watching.so_far);
            // What a slow watcher missed is gone; what follows says where the run stands now.
            let later = BroadcastStream::new(watching.events).filter_map(|event| async { event.ok() });
            return Ok(Box::pin(so_far.chain(later).map(|event| Ok((&event).into()))));
        }
        let ended = self.ended(run).await?;
        Ok(Box::pin(futures_util::stream::once(async move { Ok((&ended).into()) })))
    }

    async fn ended(&self, run: RunId) -> Result<RunEvent, Status> {
        let json = reporting::show(&self.store, run, None).await.map_err(reporting_status)?;
        let report: RunReport = serde_json::from_slice(&json)
            .map_err(|error| Status::data_loss(format!("the report of run {run}: {error}")))?;
        if !report.run.state.is_over() {
            return Ok(RunEvent::Ended {
                state: RunState::Failed,
                verdict: Verdict::Invalid,
                exit_code: Verdict::Invalid.exit_code(),
                reason: Some("its end could not be stored".to_owned()),
            });
        }
        let reason = report.run.reason;
        Ok(RunEvent::Ended {
            state: report.run.state,
            verdict: report.run.verdict,
            exit_code: report.run.exit_code,
            reason,
        })
    }
}

//! What a profiler of a run wrote, part by part.

use shared::ids::RunId;
use tonic::Status;

use super::super::Answers;
use super::{ControlRpc, control_status};

impl ControlRpc {
    /// The parts of a profile.
    pub(super) async fn profile_parts(
        &self,
        run: RunId,
        number: u32,
    ) -> Result<Answers<proto::ProfilePart>, Status> {
        let profile = self.control.profile(run, number).await.map_err(control_status)?;
        let parts = profile.into_parts().map(|part| Ok(proto::ProfilePart { content: part.into() }));
        Ok(Box::pin(tokio_stream::iter(parts)))
    }
}

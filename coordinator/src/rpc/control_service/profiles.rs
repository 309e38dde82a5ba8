//! What a profiler of a run wrote, part by part.

use shared::ids::RunId;
use tonic::Status;

use super::super::Answers;
use super::{ControlRpc, control_status};

/// Bytes of one part.
const PART_BYTES: usize = 1024 * 1024;

impl ControlRpc {
    /// The parts of a profile.
    pub(super) async fn profile_parts(
        &self,
        run: RunId,
        number: u32,
    ) -> Result<Answers<proto::ProfilePart>, Status> {
        let profile = self.control.profile(run, number).await.map_err(control_status)?;
        let mut rest = profile.content;
        let parts = std::iter::from_fn(move || {
            let after = rest.split_off(rest.len().min(PART_BYTES));
            let part = std::mem::replace(&mut rest, after);
            (!part.is_empty()).then_some(Ok(proto::ProfilePart { content: part }))
        });
        Ok(Box::pin(tokio_stream::iter(parts)))
    }
}

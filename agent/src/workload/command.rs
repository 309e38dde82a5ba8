//! The command workload.

use shared::job::schema::KindSchema;

use super::{PrepareError, WorkloadKind};

/// The command workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema { kind: "command", doc: "", workload_keys: &[], operation_keys: &[], measures: &[] },
    needs_permission: false,
    prepare: |_| Err(PrepareError("not built".to_owned())),
};

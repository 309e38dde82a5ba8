//! What the job's own files tell of a call, before anything runs: whether its method exists, and whether its message fits.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MethodDescriptor};
use serde_json::{Map, Value};
use shared::job::OperationSpec;

use super::{descriptors, message};
use crate::workload::PrepareError;
use crate::workload::settings::{Wrong, text, wrong};

/// What stands around a name that is filled in later.
const NAME: &str = "{{";

/// Looks at the operations of a job as far as its files go.
///
/// # Errors
/// The first call that cannot be made.
pub(in crate::workload) fn examine(
    operations: &[OperationSpec],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), PrepareError> {
    for spec in operations {
        let named = |key: &str| spec.settings.get(key).is_some_and(|value| value.to_string().contains(NAME));
        if ["method", "proto", "descriptor_set"].into_iter().any(named) {
            // Which method it is shows only when the job runs.
            continue;
        }
        let pool = given(&spec.settings, files).map_err(|(key, what)| wrong(spec, key, what))?;
        if let Some(pool) = pool {
            let (method, written) =
                call(&spec.settings, &pool).map_err(|(key, what)| wrong(spec, key, what))?;
            message::check(&written, &method.input()).map_err(|error| wrong(spec, "message", error))?;
        }
    }
    Ok(())
}

/// The descriptors that an operation's own files give; `None`: it names none.
pub(super) fn given(
    settings: &Map<String, Value>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<DescriptorPool>, Wrong> {
    let set = text(settings, "descriptor_set").map_err(|what| ("descriptor_set", what))?;
    match (settings.get("proto"), set) {
        (Some(_), Some(_)) => Err(("descriptor_set", "stands beside proto: give one of them".to_owned())),
        (Some(paths), None) => {
            let wrong = || ("proto", format!("must be a list of files, not {paths}"));
            let listed = paths.as_array().filter(|paths| !paths.is_empty()).ok_or_else(wrong)?;
            let paths: Option<Vec<String>> =
                listed.iter().map(|path| path.as_str().map(ToOwned::to_owned)).collect();
            let pool = descriptors::of_sources(&paths.ok_or_else(wrong)?, files);
            pool.map(Some).map_err(|error| ("proto", error.to_string()))
        }
        (None, Some(path)) => {
            let content = files
                .get(path)
                .ok_or_else(|| ("descriptor_set", format!("{path:?} did not come with the job")))?;
            descriptors::of_set(content).map(Some).map_err(|error| ("descriptor_set", error.to_string()))
        }
        (None, None) => Ok(None),
    }
}

/// The method that an operation calls, and its message as written; says what of it makes no sense together.
pub(super) fn call(
    settings: &Map<String, Value>,
    pool: &DescriptorPool,
) -> Result<(MethodDescriptor, Value), Wrong> {
    let name = text(settings, "method").map_err(|what| ("method", what))?.unwrap_or_default();
    let method = descriptors::method(pool, name).map_err(|error| ("method", error.to_string()))?;
    let written =
        message::written(settings.get("message")).map_err(|error| ("message", error.to_string()))?;
    if settings.contains_key("messages") && !method.is_client_streaming() {
        return Err(("messages", format!("has no meaning: {name} takes one message, and no stream")));
    }
    let is_in_turn = settings.get("in_turn").and_then(Value::as_bool) == Some(true);
    if is_in_turn && !(method.is_client_streaming() && method.is_server_streaming()) {
        return Err(("in_turn", format!("has no meaning: {name} does not stream both ways")));
    }
    Ok((method, written))
}

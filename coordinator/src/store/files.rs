//! Files that are stored with a run: those that came with its job, and what profilers wrote.

use std::collections::BTreeMap;

use shared::run_record::{AttachedFile, RunRecord};

use super::envelope::PAYLOAD_BYTES_MAX;
use super::error::StoreError;
use super::manifest::Digest;
use super::within;

/// Refuses files that are not the ones that the record names. Those of the job must all be there; what profilers wrote may follow.
pub(super) fn check_files(record: &RunRecord, files: &BTreeMap<String, Vec<u8>>) -> Result<(), StoreError> {
    let differs = |path: &String| StoreError::FileDiffers { run: record.id, path: path.clone() };
    if let Some(path) = record.files.keys().find(|path| !files.contains_key(*path)) {
        return Err(differs(path));
    }
    for (path, content) in files {
        within(content, PAYLOAD_BYTES_MAX, &format!("file {path:?}"))?;
        let is_named = |named: &AttachedFile| named.sha256 == Digest::of(content).to_string();
        if !record.stored_file(path).is_some_and(is_named) {
            return Err(differs(path));
        }
    }
    Ok(())
}

//! `fleetmark workloads` and `schema job`: the kinds of workloads and the keys of job files, from the agent's own table.

use agent::workload::TABLE;
use shared::job::schema::Key;

use crate::exit_code::DONE;
use crate::output;

pub(super) fn run(json: bool) -> anyhow::Result<u8> {
    if json {
        let keys = |keys: &[Key]| -> Vec<_> {
            keys.iter().map(|key| serde_json::json!({ "name": key.name, "doc": key.doc, "required": key.is_required, "supported": key.is_supported })).collect()
        };
        let kinds: Vec<_> = TABLE
            .iter()
            .map(|kind| {
                serde_json::json!({
                    "kind": kind.schema.kind,
                    "doc": kind.schema.doc,
                    "needs_permission": kind.needs_permission,
                    "workload_keys": keys(kind.schema.workload_keys),
                    "operation_keys": keys(kind.schema.operation_keys),
                    "measures": kind.schema.measures.iter().map(|(name, unit)| serde_json::json!({ "name": name, "unit": unit })).collect::<Vec<_>>(),
                })
            })
            .collect();
        output::print(&format!("{:#}\n", serde_json::Value::Array(kinds)))?;
        return Ok(DONE);
    }
    let mut text = String::new();
    for kind in TABLE {
        text.push_str(&format!("{}: {}\n", kind.schema.kind, kind.schema.doc));
        for key in
            kind.schema.operation_keys.iter().chain(kind.schema.workload_keys).filter(|key| key.is_supported)
        {
            text.push_str(&format!(
                "  {:<14}{}{}\n",
                key.name,
                key.doc,
                if key.is_required { " (required)" } else { "" }
            ));
        }
        for (name, unit) in kind.schema.measures {
            text.push_str(&format!("  measures {name} ({unit})\n"));
        }
        text.push('\n');
    }
    output::print(&text)?;
    Ok(DONE)
}

/// `fleetmark schema job`: the JSON Schema of job files.
pub(super) fn job_schema() -> anyhow::Result<u8> {
    let kinds: Vec<_> = TABLE.iter().map(|kind| kind.schema).collect();
    output::print(&format!("{:#}\n", shared::job::json_schema::json_schema(&kinds)))?;
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Set to write the reference anew instead of comparing it.
    const REWRITE: &str = "FLEETMARK_REWRITE_DOCS";

    #[test]
    fn the_reference_of_job_files_is_fresh() {
        let kinds: Vec<_> = TABLE.iter().map(|kind| kind.schema).collect();
        let wanted = shared::job::reference::reference(&kinds);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/job-keys.md");
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, wanted, "docs/job-keys.md is stale: run this test with {REWRITE}=1");
    }

    #[test]
    fn the_reference_of_findings_is_fresh() {
        let wanted = shared::finding::reference();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/findings.md");
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, wanted, "docs/findings.md is stale: run this test with {REWRITE}=1");
    }

    #[test]
    fn the_reference_of_hosts_is_fresh() {
        let wanted = shared::host::reference::reference();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/host-facts.md");
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, wanted, "docs/host-facts.md is stale: run this test with {REWRITE}=1");
    }
}

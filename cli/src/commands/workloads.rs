//! `fleetmark workloads`: the kinds of workloads and their keys, from the agent's own table.

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

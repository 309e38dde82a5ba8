//! What answers look like, as far as programs may rely on it: fields are only ever added.

use serde_json::{Value, json};

use super::super::api::query::{STATES, VERDICTS};

/// A reference to one of [`all`].
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All of them, by name.
pub(super) fn all() -> Value {
    json!({
        "Problem": problem(),
        "Accepted": object(&["run"], json!({ "run": { "type": "string" } })),
        "Runs": object(&["runs", "next"], json!({
            "runs": { "type": "array", "items": reference("Run") },
            "next": { "type": ["string", "null"], "description": "What `before` is to be for the next page; `null`: there is none." },
        })),
        "Run": run(),
        "Report": object(&["schema", "run", "variants", "claims", "comparisons", "hosts"], json!({
            "schema": { "const": "fleetmark.run/1" },
            "run": object(&["id", "name", "state", "verdict", "exit_code", "job"], json!({})),
            "variants": list(),
            "claims": list(),
            "comparisons": list(),
            "hosts": list(),
        })),
        "Comparison": object(&["schema", "a", "b", "margin", "invalid", "comparisons", "exit_code"], json!({
            "schema": { "const": "fleetmark.compare/1" },
            "margin": { "type": "number" },
            "invalid": { "type": "array", "items": { "type": "string" } },
            "comparisons": list(),
            "exit_code": { "type": "integer" },
        })),
        "Trend": object(&["schema", "metric", "job", "series"], json!({
            "schema": { "const": "fleetmark.trend/1" },
            "series": list(),
        })),
        "Agents": object(&["agents"], json!({ "agents": { "type": "array", "items": agent() } })),
    })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list() -> Value {
    json!({ "type": "array", "items": { "type": "object" } })
}

fn problem() -> Value {
    object(
        &["type", "title", "status", "detail", "error"],
        json!({
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "error": object(&["code", "message", "help"], json!({
                "code": { "type": "string", "description": "A word that never changes." },
                "message": { "type": "string" },
                "help": { "type": ["string", "null"] },
                "errors": list(),
            })),
        }),
    )
}

fn run() -> Value {
    object(
        &[
            "id",
            "name",
            "state",
            "verdict",
            "exit_code",
            "submitted_at_ms",
            "tags",
            "trials_complete",
            "trials_planned",
        ],
        json!({
            "id": { "type": "string" },
            "name": { "type": "string" },
            "state": { "enum": STATES.map(|state| state.as_str()) },
            "verdict": { "enum": VERDICTS.map(|verdict| verdict.as_str()) },
            "exit_code": { "type": ["integer", "null"] },
            "submitted_at_ms": { "type": "integer" },
            "finished_at_ms": { "type": ["integer", "null"] },
            "tags": { "type": "object", "additionalProperties": { "type": "string" } },
            "trials_complete": { "type": "integer" },
            "trials_planned": { "type": "integer" },
            "damage": { "type": ["string", "null"] },
        }),
    )
}

fn agent() -> Value {
    object(
        &["id", "name", "state", "labels", "facts", "kinds", "slots", "last_seen_ms_ago"],
        json!({
            "id": { "type": "string" },
            "name": { "type": "string" },
            "state": { "enum": ["idle", "leased", "draining", "lost"] },
            "labels": { "type": "object" },
            "facts": { "type": "object" },
            "kinds": { "type": "array", "items": { "type": "string" } },
            "slots": { "type": "integer" },
            "lease": { "type": ["string", "null"] },
        }),
    )
}

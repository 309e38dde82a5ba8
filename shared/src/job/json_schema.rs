//! A JSON Schema (draft 2020-12) of job files, from the tables that check them, for editors that complete and underline.
//!
//! It is looser than `fleetmark check`: what depends on several keys together, and the spelling of durations and sizes, is left
//! to that. Keys that this version refuses are left out.

use serde_json::{Map, Value, json};

use super::grammar::{OPERATION, ROOT, WORKLOAD, WORKLOADS};
use super::schema::{Key, KindSchema, Shape};

/// Text that holds a template, whose value has the right type only once it is filled in.
const TEMPLATE: &str = "\\{\\{.*\\}\\}";

/// The schema of a job file whose workload is of one of these kinds.
pub fn json_schema(kinds: &[KindSchema]) -> Value {
    let mut root = table(ROOT);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("fleetmark job file");
    root["properties"]["workload"] = json!({
        "description": "What is done: a kind and its operations.",
        "anyOf": kinds.iter().map(|kind| workload(kind, &[])).collect::<Vec<_>>(),
    });
    root["properties"]["workloads"]["type"] = json!("array");
    root["properties"]["workloads"]["items"] =
        json!({ "anyOf": kinds.iter().map(|kind| workload(kind, WORKLOADS)).collect::<Vec<_>>() });
    root
}

fn workload(kind: &KindSchema, further: &[Key]) -> Value {
    let mut workload = table_of(WORKLOAD.iter().chain(further).chain(kind.workload_keys));
    workload["description"] = json!(kind.doc);
    workload["properties"]["kind"] = json!({ "const": kind.kind, "description": kind.doc });
    let operation = table_of(OPERATION.iter().chain(kind.operation_keys));
    for key in ["operations", "scenario"] {
        workload["properties"][key]["type"] = json!("array");
        workload["properties"][key]["items"] = operation.clone();
    }
    workload
}

fn table(keys: &[Key]) -> Value {
    table_of(keys.iter())
}

fn table_of<'a>(keys: impl Iterator<Item = &'a Key>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys.filter(|key| key.is_supported) {
        let mut schema = shape(&key.shape);
        schema["description"] = json!(key.doc);
        properties.insert(key.name.to_owned(), schema);
        if key.is_required {
            required.push(key.name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn shape(shape: &Shape) -> Value {
    let templated = |schema: Value| json!({ "anyOf": [schema, { "type": "string", "pattern": TEMPLATE }] });
    match shape {
        Shape::Text | Shape::Template | Shape::File | Shape::Parsed { .. } | Shape::Confidential { .. } => {
            json!({ "type": "string" })
        }
        Shape::Name => json!({ "type": "string", "pattern": "^[a-z0-9_-]{1,64}$" }),
        Shape::Boolean => templated(json!({ "type": "boolean" })),
        Shape::Integer { min, max } => {
            templated(json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Shape::Number { min, max } => templated(json!({ "type": "number", "minimum": min, "maximum": max })),
        Shape::Share => json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "examples": ["5%"] },
        ] }),
        Shape::Duration => json!({ "type": "string", "examples": ["5s", "1m30s", "250us"] }),
        Shape::Delay => {
            json!({ "type": "string", "examples": ["5ms", "uniform(1ms,9ms)", "lognormal(5ms,0.5)"] })
        }
        Shape::Size => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "examples": ["1KiB", "16MiB"] },
        ] }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::List(of) => json!({ "type": "array", "items": self::shape(of) }),
        Shape::Map(of) => json!({ "type": "object", "additionalProperties": self::shape(of) }),
        Shape::Table(keys) => table(keys),
        Shape::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
        Shape::Any(shapes) => json!({ "anyOf": shapes.iter().map(self::shape).collect::<Vec<_>>() }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Free => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: KindSchema = KindSchema {
        kind: "sleep",
        doc: "Sleeps.",
        workload_keys: &[],
        operation_keys: &[
            Key::required("for", Shape::Duration, "How long."),
            Key::unsupported("dream", Shape::Boolean, "Whether to."),
        ],
        measures: &[],
    };

    #[test]
    fn a_kind_brings_its_keys_and_what_is_not_built_is_left_out() {
        let schema = json_schema(&[KIND]);
        let sleep = &schema["properties"]["workload"]["anyOf"][0];
        assert_eq!(sleep["properties"]["kind"]["const"], "sleep");
        let operation = &sleep["properties"]["operations"]["items"];
        assert_eq!(operation["required"], json!(["for"]));
        assert_eq!(operation["properties"]["for"]["description"], "How long.");
        assert!(operation["properties"].get("dream").is_none() && operation["additionalProperties"] == false);
        assert_eq!(schema["required"], json!(["name"]));
    }

    #[test]
    fn every_supported_key_at_the_top_is_there_with_its_description() {
        let schema = json_schema(&[KIND]);
        let listed = schema["properties"].as_object().unwrap();
        let supported: Vec<&str> = ROOT.iter().filter(|key| key.is_supported).map(|key| key.name).collect();
        assert!(
            supported.iter().all(|name| listed.get(*name).is_some_and(|key| key["description"].is_string()))
        );
        assert_eq!(listed.len(), supported.len());
    }
}

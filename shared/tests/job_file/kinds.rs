//! Workload kinds that stand in for the agents' tables.

use crate::shared::job::schema::{Key, KindSchema, Shape};

const STATUS: &[Key] = &[
    Key::optional(
        "status",
        Shape::List(&Shape::Integer { min: 100, max: 599 }),
        "Statuses that count as a success.",
    ),
    Key::optional("body_contains", Shape::Template, "Text that the body must hold."),
];

/// Two kinds, with keys of every shape.
pub(crate) const KINDS: &[KindSchema] = &[
    KindSchema {
        kind: "http",
        doc: "Requests over HTTP.",
        workload_keys: &[],
        operation_keys: &[
            Key::optional("method", Shape::Template, "Method."),
            Key::required("url", Shape::Template, "Address."),
            Key::optional("headers", Shape::Map(&Shape::Template), "Headers."),
            Key::optional("body", Shape::Template, "Body."),
            Key::optional("body_file", Shape::File, "File with the body."),
            Key::optional("timeout", Shape::Duration, "Longest wait for the whole answer."),
            Key::optional("expect", Shape::Table(STATUS), "What counts as a success."),
            Key::unsupported("extract", Shape::Map(&Shape::Text), "Values taken out of answers."),
        ],
        measures: &[],
    },
    KindSchema {
        kind: "command",
        doc: "Runs a program.",
        workload_keys: &[],
        operation_keys: &[Key::required(
            "command",
            Shape::Any(&[Shape::Template, Shape::List(&Shape::Template)]),
            "The program.",
        )],
        measures: &[],
    },
];

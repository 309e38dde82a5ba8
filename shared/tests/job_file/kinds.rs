//! Workload kinds that stand in for the agents' tables.

use crate::shared::job::schema::{Key, KindSchema, Shape};

const STATUS: &[Key] = &[
    Key::optional(
        "status",
        Shape::List(&Shape::Integer { min: 100, max: 599 }),
        "Statuses that count as a success.",
    ),
    Key::optional("body_contains", Shape::Template, "Text that the body must hold."),
    Key::optional("header", Shape::Map(&Shape::Template), "Headers with their values."),
    Key::optional(
        "json",
        Shape::Map(&Shape::Any(&[Shape::Template, ANY_NUMBER, Shape::Boolean])),
        "Values of the body by JSON pointer.",
    ),
];

const ANY_NUMBER: Shape = Shape::Number { min: f64::MIN, max: f64::MAX };

const METRIC: &[Key] = &[
    Key::required("from", Shape::Text, "Where it is read."),
    Key::required("kind", Shape::OneOf(&["gauge", "ratio", "histogram"]), "What it is."),
    Key::optional("equals", Shape::Text, "What counts as 1."),
    Key::optional("unit", Shape::Text, "Its unit."),
    Key::optional("better", Shape::OneOf(&["lower", "higher"]), "Which way it is better."),
];

const TLS: &[Key] = &[
    Key::optional("ca_file", Shape::File, "Authorities."),
    Key::optional("cert_file", Shape::File, "Certificate."),
    Key::optional("key_file", Shape::Text, "Key, a path on the agent."),
];

/// Two kinds, with keys of every shape.
pub(crate) const KINDS: &[KindSchema] = &[
    KindSchema {
        kind: "http",
        doc: "Requests over HTTP.",
        workload_keys: &[Key::optional("base", Shape::Template, "Address before every url.")],
        operation_keys: &[
            Key::optional("method", Shape::Template, "Method."),
            Key::required("url", Shape::Template, "Address."),
            Key::optional("headers", Shape::Map(&Shape::Template), "Headers."),
            Key::optional("body", Shape::Template, "Body."),
            Key::optional("body_file", Shape::File, "File with the body."),
            Key::optional("timeout", Shape::Duration, "Longest wait for the whole answer."),
            Key::optional("expect", Shape::Table(STATUS), "What counts as a success."),
            Key::optional("extract", Shape::Map(&Shape::Text), "Values taken out of answers."),
            Key::optional("metrics", Shape::Map(&Shape::Table(METRIC)), "Metrics taken out of answers."),
            Key::optional("tls", Shape::Table(TLS), "Certificates."),
            Key::unsupported("phases", Shape::Boolean, "Whether connecting is told apart."),
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

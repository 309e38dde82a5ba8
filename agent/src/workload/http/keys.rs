//! The keys of the http workload, as a job's check, the help and the reference know them.

use shared::job::schema::{Key, Shape};

use crate::workload::connection::tls::TLS_KEYS;

/// Most redirects that may be followed: as many as browsers and curl do, several times over.
pub(super) const REDIRECTS_MAX: u32 = 100;

/// Kinds of metrics that are read out of answers.
pub(super) const METRIC_KINDS: &[&str] = &["gauge", "ratio", "histogram"];

/// Keys of the workload.
pub(in crate::workload) const WORKLOAD_KEYS: &[Key] = &[Key::optional(
    "resolve",
    Shape::OneOf(&["start", "connect"]),
    "When hosts are looked up: once before the start, or anew for each connection; default start.",
)];

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::optional("method", Shape::Text, "The request's method; default GET."),
    Key::required(
        "url",
        Shape::Template,
        "Where the request goes: http://host[:port][/path][?query], https://… or unix:/run/app.sock:/path.",
    ),
    Key::optional(
        "headers",
        Shape::Map(&Shape::Template),
        "Further headers by name; they replace fleetmark's own host, user-agent and accept.",
    ),
    Key::optional("body", Shape::Template, "The request's body; default none."),
    Key::optional("body_file", Shape::File, "A file whose content is the request's body."),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long an operation may take, connecting included, before it counts as the error timeout; default 10s.",
    ),
    Key::optional(
        "expect",
        Shape::Table(EXPECT_KEYS),
        "What counts as a success; default any status 2xx or 3xx.",
    ),
    Key::optional(
        "version",
        Shape::OneOf(&["1.1", "2"]),
        "HTTP's version; default 1.1. Version 2 is agreed on by ALPN over TLS, and taken for granted without.",
    ),
    Key::optional("tls", Shape::Table(TLS_KEYS), "Certificates and names for https."),
    Key::optional(
        "phases",
        Shape::Boolean,
        "Whether dns, connect, tls, first_byte and body are measured as well; default false.",
    ),
    Key::optional(
        "redirects",
        Shape::Integer { min: 0, max: REDIRECTS_MAX as i64 },
        "How many redirects are followed within an operation; default 0: the redirect is the answer.",
    ),
    Key::optional(
        "extract",
        Shape::Map(&Shape::Text),
        "Values for later requests of the same worker, by name: json:/pointer, header:Name or regex:expression.",
    ),
    Key::optional(
        "metrics",
        Shape::Map(&Shape::Table(METRIC_KEYS)),
        "Further metrics read out of answers, by name; those of successes count.",
    ),
];

/// Keys of `expect`.
pub(super) const EXPECT_KEYS: &[Key] = &[
    Key::optional(
        "status",
        Shape::List(&Shape::Integer { min: 200, max: 599 }),
        "The statuses that count as a success; default any 2xx or 3xx.",
    ),
    Key::optional("body_contains", Shape::Template, "A text that the body must contain, up to 4096 bytes."),
    Key::optional("body_equals", Shape::Template, "The text that the body must be, up to 1 MiB."),
    Key::optional(
        "body_length",
        Shape::Integer { min: 0, max: i64::MAX },
        "How long the body must be, bytes.",
    ),
    Key::optional("header", Shape::Map(&Shape::Template), "What headers must be, by name."),
    Key::optional(
        "json",
        Shape::Map(&Shape::Any(&[Shape::Template, Shape::Scalar])),
        "What scalars of a JSON body must be, by JSON pointer.",
    ),
];

/// Keys of one of `metrics`.
pub(super) const METRIC_KEYS: &[Key] = &[
    Key::required("from", Shape::Text, "Where it stands: json:/pointer, header:Name or regex:expression."),
    Key::optional(
        "kind",
        Shape::OneOf(METRIC_KINDS),
        "A number (gauge), a yes or no (ratio), or a number with percentiles (histogram); default gauge.",
    ),
    Key::optional(
        "equals",
        Shape::Scalar,
        "What counts as yes in a ratio; default: 1 and true are yes, 0 and false are no.",
    ),
    Key::optional("unit", Shape::Text, "ns, us, ms, s, B, KiB, MiB or a word of your own; default none."),
    Key::optional(
        "better",
        Shape::OneOf(&["lower", "higher"]),
        "Which way it is better, for claims that do not say.",
    ),
];

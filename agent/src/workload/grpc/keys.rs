//! The keys of the grpc workload.

use shared::job::schema::{Key, Shape};

use super::code;
use crate::workload::connection::tls::TLS_KEYS;

/// Most messages that one call can send.
pub(super) const MESSAGES_MAX: u32 = 1_000_000;

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::required(
        "url",
        Shape::Template,
        "The server: http://host:port, https://host:port for TLS, or unix:/run/app.sock.",
    ),
    Key::required("method", Shape::Text, "What is called: package.Service/Method."),
    Key::optional(
        "message",
        Shape::Any(&[Shape::Template, Shape::Free]),
        "The message in JSON's form of its type, as a table or as a text in JSON; default an empty one.",
    ),
    Key::optional(
        "messages",
        Shape::Integer { min: 0, max: MESSAGES_MAX as i64 },
        "How many messages a call sends, each filled in anew, where the client streams; default 1.",
    ),
    Key::optional(
        "in_turn",
        Shape::Boolean,
        "Whether each message waits for the answer to the one before, where both sides stream; default false.",
    ),
    Key::optional(
        "proto",
        Shape::List(&Shape::File),
        "The .proto files that define the method, imports included; default: the server's reflection is asked.",
    ),
    Key::optional(
        "descriptor_set",
        Shape::File,
        "The same as a compiler wrote it: protoc --include_imports --descriptor_set_out.",
    ),
    Key::optional(
        "metadata",
        Shape::Map(&Shape::Template),
        "Headers of the call; what ends with -bin is sent in base64.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        "The deadline, connecting included, which the server is told too; default 10s.",
    ),
    Key::optional("expect", Shape::Table(EXPECT_KEYS), "What counts as a success; default the code OK."),
    Key::optional("tls", Shape::Table(TLS_KEYS), "Certificates and names for https."),
];

/// Keys of `expect`.
pub(super) const EXPECT_KEYS: &[Key] = &[
    Key::optional("code", Shape::OneOf(code::WORDS), "The status that a call must end with; default OK."),
    Key::optional(
        "messages",
        Shape::Integer { min: 0, max: i64::MAX },
        "How many messages the answer must have.",
    ),
];

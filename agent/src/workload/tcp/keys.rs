//! The keys of the tcp workload.

use shared::job::schema::{Key, Shape};

use crate::workload::bytes::expectation::EXPECT_KEYS;
use crate::workload::connection::tls::TLS_KEYS;

/// Most bytes that can be awaited: what a link of 10 Gbit/s carries in a second, nearly.
pub(super) const AWAITED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::required(
        "url",
        Shape::Template,
        "Where the connection goes: tcp://host:port, tls://host:port or unix:/run/app.sock.",
    ),
    Key::optional("send", Shape::Template, "A text that is sent; default nothing."),
    Key::optional("send_hex", Shape::Template, "Bytes that are sent, as hexadecimal digits."),
    Key::optional(
        "await",
        Shape::Table(AWAIT_KEYS),
        "What ends the operation; default nothing: it ends when all is sent. Those that await nothing have connections of their own, but for the steps of a scenario.",
    ),
    Key::optional("expect", Shape::Table(EXPECT_KEYS), "What the answer must be; default anything."),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long an operation may take, connecting included, before it counts as the error timeout; default 10s.",
    ),
    Key::optional("tls", Shape::Table(TLS_KEYS), "Certificates and names for tls://."),
];

/// Keys of `await`.
pub(super) const AWAIT_KEYS: &[Key] = &[
    Key::optional(
        "bytes",
        Shape::Integer { min: 1, max: AWAITED_BYTES_MAX as i64 },
        "The answer is so many bytes.",
    ),
    Key::optional("until", Shape::Text, "The answer ends with this text, up to 4096 bytes."),
    Key::optional("until_hex", Shape::Text, "The same in hexadecimal digits."),
    Key::optional("end", Shape::Boolean, "The answer ends when the server closes the connection."),
];

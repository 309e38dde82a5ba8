//! The keys of the udp workload.

use shared::job::schema::{Key, Shape};

use crate::workload::bytes::expectation::EXPECT_KEYS;

/// Most datagrams that one operation can await: they come back to back, and each is looked at.
pub(super) const DATAGRAMS_MAX: u32 = 65_536;

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::required("url", Shape::Template, "Where the datagram goes: udp://host:port."),
    Key::optional("send", Shape::Template, "The datagram as a text; default an empty one."),
    Key::optional("send_hex", Shape::Template, "The datagram in hexadecimal digits."),
    Key::optional(
        "await",
        Shape::Table(AWAIT_KEYS),
        "What ends the operation; default one datagram of the server's.",
    ),
    Key::optional("expect", Shape::Table(EXPECT_KEYS), "What each answer must be; default anything."),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long the answer may take before it counts as lost, and as the error timeout; default 10s.",
    ),
];

/// Keys of `await`.
pub(super) const AWAIT_KEYS: &[Key] = &[
    Key::optional(
        "datagrams",
        Shape::Integer { min: 0, max: DATAGRAMS_MAX as i64 },
        "The answer is so many datagrams; default 1. With 0 the operation ends when it is sent, from a port of those that await nothing.",
    ),
    Key::optional(
        "matching",
        Shape::Template,
        "Only datagrams that hold this text are answers, as in \"{{sequence}}\"; others are passed over.",
    ),
    Key::optional("matching_hex", Shape::Template, "The same in hexadecimal digits."),
];

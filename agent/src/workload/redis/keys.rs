//! The keys of the redis workload, as a job's check, the help and the reference know them.

use shared::job::schema::{Key, Shape};
use shared::secret::in_url::check_password;

use crate::workload::connection::tls::TLS_KEYS;

/// Most commands of one pipeline: what a server and we hold for one worker at a time stays small.
pub(super) const PIPELINE_MAX: u64 = 10_000;

/// A word of a command.
const WORD: Shape = Shape::Any(&[Shape::Template, Shape::Scalar]);

const URL: Shape =
    Shape::Confidential { what: "a URL as redis://:{{env:PASSWORD}}@host:6379/0", check: check_password };
const URL_DOC: &str = "Where the server is: redis://user:password@host:port/database, rediss:// over TLS, redis-cluster:// and \
                       rediss-cluster:// for a cluster by one of its servers. A password is {{env:NAME}} or {{secret:NAME}}.";
const TLS_DOC: &str = "Certificates and names for rediss://.";

/// Keys of the workload: what all operations have in common.
pub(super) const WORKLOAD_KEYS: &[Key] =
    &[Key::optional("url", URL, URL_DOC), Key::optional("tls", Shape::Table(TLS_KEYS), TLS_DOC)];

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::optional("url", URL, "The same for this operation alone; default the workload's."),
    Key::optional(
        "tls",
        Shape::Table(TLS_KEYS),
        "The same for this operation alone; default the workload's.",
    ),
    Key::optional(
        "command",
        Shape::List(&WORD),
        "The command and its arguments: [\"GET\", \"key:{{id}}\"]. Those that read keys tell metric.hit: the share of values that \
         were there.",
    ),
    Key::optional(
        "commands",
        Shape::List(&Shape::List(&WORD)),
        "Several commands instead, in one pipeline: all are written at once, and all replies awaited.",
    ),
    Key::optional(
        "pipeline",
        Shape::Integer { min: 1, max: PIPELINE_MAX as i64 },
        "How many times they are written at once, each time with values of its own; the operation ends with the last reply; \
         default 1.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long an operation may take, connecting included, before it counts as the error timeout; default 10s.",
    ),
];

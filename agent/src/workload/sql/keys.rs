//! The keys of the sql workload, as a job's check, the help and the reference know them.

use shared::job::schema::{Key, Shape};
use shared::secret::in_url::check_password;

use crate::workload::connection::tls::TLS_KEYS;

/// Most connections of a pool: more than a database lets in.
pub(super) const POOL_MAX: u64 = 10_000;
/// Most statements of one transaction.
pub(super) const STATEMENTS_MAX: usize = 1_000;
/// Most times that a transaction is tried again.
pub(super) const RETRIES_MAX: u64 = 1_000;
/// How far transactions see each other's changes.
pub(super) const ISOLATIONS: &[&str] =
    &["read uncommitted", "read committed", "repeatable read", "serializable"];

/// What set-up belongs to.
pub(super) const SETUP_PER: &[&str] = &["trial", "run"];

const URL: Shape = Shape::Confidential {
    what: "a URL as postgres://user:{{env:PASSWORD}}@host:5432/database or sqlite:/path/file.db",
    check: check_password,
};

/// Keys of the workload.
pub(super) const WORKLOAD_KEYS: &[Key] = &[
    Key::required(
        "url",
        URL,
        "The database: postgres://user:password@host:port/database, mysql:// or mariadb:// the same, or sqlite:/path/file.db on \
         the agent. A password is {{env:NAME}} or {{secret:NAME}}; ?sslmode=require asks PostgreSQL for TLS, \
         ?ssl-mode=required MySQL; ?mode=ro opens a file for reading.",
    ),
    Key::optional("tls", Shape::Table(TLS_KEYS), "Certificates and names; the connection is then encrypted."),
    Key::optional(
        "setup",
        Shape::List(&Shape::Template),
        "Statements that the first agent runs in order before each trial, or once in the run; one that fails makes the trial invalid. \
         What they take is not measured. Default none.",
    ),
    Key::optional(
        "teardown",
        Shape::List(&Shape::Template),
        "Statements that the same agent runs in order when what `setup` is for is over, however it ended, within ten seconds; one that \
         fails does not keep the others from being run, and is told: of a trial as the finding teardown_failed, of the run as \
         its failure. Default none.",
    ),
    Key::optional(
        "setup_per",
        Shape::OneOf(SETUP_PER),
        "Whether setup and teardown belong to each trial or, once, to the run; default trial.",
    ),
    Key::optional(
        "explain",
        Shape::Boolean,
        "Whether the plan of each statement (EXPLAIN, which does not run it) is stored once in the run, after set-up and outside of what \
         is measured; default false.",
    ),
    Key::optional(
        "pool_size",
        Shape::Integer { min: 1, max: POOL_MAX as i64 },
        "How many connections the workers of each load thread share; waiting for one is the measure pool_wait, and counts as \
         latency. Default: each worker has its own.",
    ),
];

/// A value of a statement.
const VALUE: Shape = Shape::Any(&[Shape::Template, Shape::Scalar]);

/// Keys of an operation.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key::optional(
        "statement",
        Shape::Template,
        "The statement, with $1, $2, … where values belong; ? in MySQL and MariaDB.",
    ),
    Key::optional(
        "params",
        Shape::List(&VALUE),
        "The values of the statement: [\"{{id}}\"]. The server turns them into the types that it wants.",
    ),
    Key::optional(
        "statements",
        Shape::List(&Shape::Any(&[Shape::Template, Shape::Table(STATEMENT_KEYS)])),
        "Several statements instead, in one transaction.",
    ),
    Key::optional(
        "isolation",
        Shape::OneOf(ISOLATIONS),
        "How the transaction is isolated; default the database's.",
    ),
    Key::optional(
        "retries",
        Shape::Integer { min: 0, max: RETRIES_MAX as i64 },
        "How often the operation is tried again after a serialization failure or a deadlock; default 0.",
    ),
    Key::optional(
        "connect",
        Shape::Boolean,
        "Whether the operation is to open a connection, and to close it; default false.",
    ),
    Key::optional(
        "prepared",
        Shape::Boolean,
        "Whether statements are prepared once on each connection; default true.",
    ),
    Key::optional(
        "expect",
        Shape::Table(EXPECT_KEYS),
        "What makes it a success; default any number of rows.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long an operation may take, connecting included, before it is cancelled and counts as the error timeout; \
         default 10s.",
    ),
];

/// Keys of one of `statements`.
pub(super) const STATEMENT_KEYS: &[Key] = &[
    Key::required("statement", Shape::Template, "The statement."),
    Key::optional("params", Shape::List(&VALUE), "Its values."),
];

/// Keys of `expect`.
pub(super) const EXPECT_KEYS: &[Key] = &[Key::optional(
    "rows",
    Shape::Integer { min: 0, max: i64::MAX },
    "How many rows the operation must read, over all of its statements.",
)];

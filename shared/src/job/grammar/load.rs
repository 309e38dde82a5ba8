//! The grammar of `[load]`.

use std::time::Duration;

use crate::job::WORKERS_MAX;
use crate::job::schema::{Key, Shape};
use crate::plan::TRIALS_MAX;

/// Most load threads of one agent: far above the cores of any host of today.
pub const THREADS_MAX: u32 = 1024;
/// Most arrivals per second of a whole fleet; above it the distance between two is below a nanosecond.
pub const RATE_MAX: f64 = 1e9;
/// Fewest connections per second that may be asked for: one in 17 minutes; a trial cannot begin before they are open.
pub const CONNECT_RATE_MIN: f64 = 0.001;
/// Longest that opening the connections of a trial may take at their rate: a longer wait is a mistyped rate.
pub const CONNECTING_MAX: Duration = Duration::from_secs(3600);
/// Most connections of a fleet's workers together.
pub const CONNECTIONS_MAX: u64 = 1_000_000;
/// Most stages of one job.
pub const STRETCHES_MAX: usize = 1024;
/// Most iterations: a million a second for a year, so that sums stay within 64 bits.
pub const ITERATIONS_MAX: i64 = 31_622_400_000_000;

const ITERATIONS: Shape = Shape::Integer { min: 1, max: ITERATIONS_MAX };
const RATE: Shape = Shape::Number { min: 0.0, max: RATE_MAX };
const PER_WORKER: Shape = Shape::Integer { min: 1, max: WORKERS_MAX as i64 };
const TRIALS: Shape = Shape::Integer { min: 1, max: TRIALS_MAX as i64 };

/// `[load]`.
pub const LOAD: &[Key] = &[
    Key::optional(
        "model",
        Shape::OneOf(&["closed", "open"]),
        "Back to back (closed, the default) or by arrivals (open).",
    ),
    Key::optional(
        "rate",
        RATE,
        "Arrivals per second over the fleet, for the open model; in a scenario each is one whole pass.",
    ),
    Key::optional("stages", Shape::Tables(STAGE), "Linear ramps of the rate, instead of rate and duration."),
    Key::optional(
        "arrivals",
        Shape::OneOf(&["uniform", "poisson"]),
        "How arrivals are spread: evenly (uniform, the default) or as strangers come (poisson).",
    ),
    Key::optional(
        "workers",
        Shape::Any(&[Shape::Integer { min: 1, max: WORKERS_MAX as i64 }, Shape::OneOf(&["auto"])]),
        "Connections or loops over the fleet; closed: default one per agent; open: default \"auto\", grown when all are busy.",
    ),
    Key::optional(
        "think",
        Shape::Delay,
        "Pause of a worker after each operation, in a scenario after each step; closed model or scenario only; default none.",
    ),
    Key::optional(
        "pace",
        Shape::Duration,
        "Least time from one beginning of a worker's iteration to its next, closed model only; default none.",
    ),
    Key::optional(
        "warmup",
        Shape::Any(&[Shape::Duration, Shape::Table(WARMUP)]),
        "Time or iterations before the measured window; default 0s.",
    ),
    Key::optional("duration", Shape::Duration, "Length of the measured window; default 10s."),
    Key::optional(
        "iterations",
        ITERATIONS,
        "Operations of a trial over the fleet, instead of duration; in a scenario whole passes.",
    ),
    Key::optional(
        "trials",
        Shape::Any(&[TRIALS, Shape::Table(TRIALS_UNTIL)]),
        "Trials of each variant; default 1, and 10 where variants are compared. With a search the most of each value; default 8.",
    ),
    Key::optional(
        "seed",
        Shape::Integer { min: 0, max: i64::MAX },
        "Seed of everything random; default: chosen and stored.",
    ),
    Key::optional(
        "drain",
        Shape::Duration,
        "How long operations may still begin and are awaited after the window; default 5s.",
    ),
    Key::optional(
        "threads",
        Shape::Integer { min: 1, max: THREADS_MAX as i64 },
        "Load threads of each agent; default: the agent decides.",
    ),
    Key::optional(
        "pin",
        Shape::Boolean,
        "Whether each load thread is bound to a core of its own; default false.",
    ),
    Key::optional(
        "connect_rate",
        Shape::Number { min: CONNECT_RATE_MIN, max: RATE_MAX },
        "Most connections opened per second over the fleet, split evenly over agents; default: as many as can be.",
    ),
    Key::optional(
        "connections_per_worker",
        PER_WORKER,
        "http, grpc, tcp: connections of each worker; default 1.",
    ),
    Key::optional(
        "streams_per_connection",
        PER_WORKER,
        "http, grpc: requests at once on each connection; default 1.",
    ),
    Key::optional(
        "new_connection_every",
        ITERATIONS,
        "Operations after which a connection is opened anew; default never.",
    ),
];

const WARMUP: &[Key] = &[Key::required(
    "iterations",
    ITERATIONS,
    "Operations before the window over the fleet; in a scenario whole passes.",
)];

const STAGE: &[Key] = &[
    Key::required("for", Shape::Duration, "Length of the ramp."),
    Key::required("rate", RATE, "Arrivals per second at its end."),
];

const TRIALS_UNTIL: &[Key] = &[
    Key::required("until", Shape::OneOf(&["settled"]), "Stops once every claim is decided."),
    Key::optional("at_most", TRIALS, "Stops there at the latest; default 30."),
];

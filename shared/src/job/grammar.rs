//! The grammar of job files: every section of the contract as a table of keys, built or not.
//!
//! The reference, the checks and the messages all come from here. Rooms: [`load`], [`surroundings`] (fleet,
//! target, hooks), [`evidence`] (what is varied, observed, claimed and tolerated). The keys of a workload kind
//! stand with the kind.

pub mod evidence;
pub mod load;
pub mod surroundings;

use super::schema::{Key, Shape};

/// The kinds of workload that the contract knows, built or not.
pub const KINDS: &[&str] =
    &["http", "command", "cpu", "memory", "disk", "network", "sql", "redis", "grpc", "tcp", "udp", "process"];

/// Largest weight of an operation, and 1 / the smallest: beyond a million to one the rarer would never be seen.
pub const WEIGHT_MAX: f64 = 1_000_000.0;

const WEIGHT: Shape = Shape::Number { min: 1.0 / WEIGHT_MAX, max: WEIGHT_MAX };

/// The sections and keys at the top of a file.
pub const ROOT: &[Key] = &[
    Key::required("name", Shape::Name, "Name of the job."),
    Key::optional("description", Shape::Text, "What a person wants to say about it."),
    Key::optional("tags", Shape::Map(&Shape::Text), "Words stored with each run."),
    Key::optional("workload", Shape::Free, "What is done: a kind and its operations."),
    Key::optional(
        "workloads",
        Shape::Free,
        "Several workloads at once, instead of one: each with a kind, operations and a weight.",
    ),
    Key::optional("params", Shape::Map(&Shape::Scalar), "Values for {{name}} in any text."),
    Key::optional(
        "data",
        Shape::Map(&Shape::Table(evidence::DATA)),
        "Columns of values for {{NAME}}; agents and workers take disjoint, interleaved shares, and begin again at the end.",
    ),
    Key::optional("load", Shape::Table(load::LOAD), "How much load, how fast, how long."),
    Key::optional("fleet", Shape::Table(surroundings::FLEET), "On which agents."),
    Key::optional(
        "target",
        Shape::Table(surroundings::TARGET),
        "What is measured, when fleetmark starts it.",
    ),
    Key::optional("hooks", Shape::Table(surroundings::HOOKS), "Programs that run around trials and the run."),
    Key::optional(
        "profile",
        Shape::Table(surroundings::PROFILE),
        "A profiler that runs in one more trial of each variant, which is not measured; not beside search.",
    ),
    Key::optional(
        "observe",
        Shape::Table(evidence::OBSERVE),
        "What else is watched while a trial runs, on every host of it.",
    ),
    Key::optional(
        "sweep",
        Shape::Map(&Shape::List(&Shape::Scalar)),
        "Values to try, by path: \"load.workers\" = [1, 2, 4]; every combination is a variant of its own.",
    ),
    Key::optional(
        "variants",
        Shape::Tables(evidence::VARIANT),
        "Named sets of values to compare: each block of trials measures every variant once, in a random order.",
    ),
    Key::optional("claims", Shape::Tables(evidence::CLAIM), "What is said to hold."),
    Key::optional(
        "search",
        Shape::Table(evidence::SEARCH),
        "Finds the highest value at which a bound holds; not beside sweep, variants or claims.",
    ),
    Key::optional("expect", Shape::Table(evidence::EXPECT), "What must be reported."),
    Key::optional("limits", Shape::Table(evidence::LIMITS), "What still counts as valid."),
];

/// Keys that a workload of any kind has.
pub const WORKLOAD: &[Key] = &[
    Key::required("kind", Shape::Text, "The kind of workload."),
    Key::optional(
        "operations",
        Shape::Free,
        "The operations; at least one where the kind has keys that it needs.",
    ),
    Key::optional(
        "scenario",
        Shape::Free,
        "Steps with the same keys, instead of operations: one worker runs them all in order, and begins again. An iteration is one whole pass.",
    ),
];

/// Keys that an element of `[[workloads]]` has beside [`WORKLOAD`].
pub const WORKLOADS: &[Key] = &[
    Key::optional(
        "name",
        Shape::Name,
        "What paths call it (`workloads.NAME.operations…`); default its kind, so two of one kind need names.",
    ),
    Key::optional(
        "weight",
        WEIGHT,
        "Share of the load among the workloads, whatever they have of operations; default 1. A pass of a scenario counts as one.",
    ),
];

/// Keys that an operation of any kind has.
pub const OPERATION: &[Key] = &[
    Key::optional("name", Shape::Name, "Name of the operation; default: the kind's name."),
    Key::optional("weight", WEIGHT, "Share of operations; default 1. Steps of a scenario have none."),
];

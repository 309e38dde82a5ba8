//! The grammar of `[fleet]`, `[target]`, `[hooks]` and `[profile]`: where and around what a job runs.

use crate::job::AGENTS_MAX;
use crate::job::schema::{Key, Shape};
use crate::profile::ProfileName;

/// Most repetitions of an invalid or lost trial: one that fails a hundred times will not heal.
pub const RETRIES_MAX: u32 = 100;

/// `[fleet]`.
pub const FLEET: &[Key] = &[
    Key::optional(
        "placement",
        Shape::OneOf(&["together", "each", "pairs"]),
        "Agents share one load (together, the default), do all of it alone (each), or meet each other (pairs).",
    ),
    Key::optional(
        "agents",
        Shape::Integer { min: 1, max: AGENTS_MAX as i64 },
        "How many agents; default: every match.",
    ),
    Key::optional(
        "where",
        Shape::Text,
        "Which agents, by labels and facts: role=load cores>=4; default: all.",
    ),
    Key::optional(
        "observe",
        Shape::Text,
        "Agents that take no load and only report how their hosts fare, by labels and facts: role=target.",
    ),
    Key::optional(
        "on_agent_loss",
        Shape::OneOf(&["fail", "continue"]),
        "What becomes of a run that loses an agent; default fail.",
    ),
    Key::optional("start_timeout", Shape::Duration, "How long to wait for agents; default 60s."),
    Key::optional(
        "retries",
        Shape::Integer { min: 0, max: RETRIES_MAX as i64 },
        "Repetitions of an invalid or lost trial; default 0.",
    ),
];

/// `[target]`.
pub const TARGET: &[Key] = &[
    Key::required(
        "start",
        Shape::List(&Shape::Template),
        "The program and its arguments; \"fleetmark\" is this program.",
    ),
    Key::optional(
        "ready",
        Shape::Template,
        "http:// or tcp:// address that answers once it is ready; default: ready when started.",
    ),
    Key::optional(
        "restart",
        Shape::OneOf(&["trial", "run"]),
        "Fresh for every trial (the default) or once for the run.",
    ),
    Key::optional(
        "where",
        Shape::Text,
        "Which agent starts it for all; default: the first leased one, under placement each every agent for itself, under pairs the one that is met.",
    ),
];

/// `[hooks]`.
pub const HOOKS: &[Key] = &[
    Key::optional("before_run", PROGRAMS, "Programs before the first trial."),
    Key::optional("before_trial", PROGRAMS, "Programs before each trial."),
    Key::optional("after_trial", PROGRAMS, "Programs after each trial."),
    Key::optional("after_run", PROGRAMS, "Programs after the last trial."),
];

/// `[profile]`.
pub const PROFILE: &[Key] = &[
    Key::required(
        "command",
        Shape::Any(&[Shape::Template, Shape::List(&Shape::Template)]),
        "The profiler and its arguments; it runs where the target does, without a target on every agent that makes load. \
         {{target.pid}} is the target's process, {{profile.output}} the file that it is to write; what it prints is kept \
         where it is not told of that file.",
    ),
    Key::optional(
        "output",
        Shape::Parsed {
            what: "a file's name such as \"perf.data\"",
            check: |text| ProfileName::new(text).map(drop).map_err(|error| error.to_string()),
        },
        "How the file is called that is kept; default profile.",
    ),
    Key::optional(
        "delay",
        Shape::Duration,
        "When the profiler starts, from the end of the trial's warm-up if that is a time, at most 1h; default 0s.",
    ),
    Key::optional(
        "duration",
        Shape::Duration,
        "How long it may run, at most 1h: it is then interrupted, as by Ctrl-C, and ended if that does not end it; default 30s.",
    ),
    Key::optional("size", Shape::Size, "Most that it may write, at most 64MiB; default 16MiB."),
];

const PROGRAMS: Shape = Shape::List(&Shape::Any(&[
    Shape::Template,
    Shape::List(&Shape::Template),
    Shape::Table(&[
        Key::required(
            "command",
            Shape::Any(&[Shape::Template, Shape::List(&Shape::Template)]),
            "The program and its arguments.",
        ),
        Key::optional("timeout", Shape::Duration, "How long it may take; default 60s."),
    ]),
]));

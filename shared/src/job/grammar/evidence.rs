//! The grammar of what is varied, observed, claimed and tolerated.

use crate::job::data::DataOrder;
use crate::job::schema::{Key, Shape};

const ANY_NUMBER: Shape = Shape::Number { min: f64::MIN, max: f64::MAX };
const ANY_INTEGER: Shape = Shape::Integer { min: i64::MIN, max: i64::MAX };
const AMOUNT: Shape = Shape::Any(&[ANY_NUMBER, Shape::Text]);
const RATIO: Shape = Shape::Number { min: 0.0, max: f64::MAX };

/// `[data.NAME]`.
pub const DATA: &[Key] = &[
    Key::optional("range", Shape::List(&ANY_INTEGER), "First and last of whole numbers, both included."),
    Key::optional("values", Shape::List(&Shape::Scalar), "The values themselves, at least one."),
    Key::optional(
        "csv",
        Shape::File,
        "A file of at most 16 MiB whose first line names its columns, relative to the job file.",
    ),
    Key::optional("column", Shape::Text, "Which column of the file: its name in the first line."),
    Key::optional(
        "order",
        Shape::Parsed {
            what: "sequential, random or zipf(s)",
            check: |text| DataOrder::parse(text).map(drop).map_err(|error| error.to_string()),
        },
        "In turn as they stand (sequential, the default) or in a seeded order (random); zipf(1.1) draws each by itself, the k-th value with a probability that goes as 1/k^1.1.",
    ),
];

/// `[observe]`.
pub const OBSERVE: &[Key] = &[
    Key::optional(
        "process",
        Shape::Any(&[
            Shape::Text,
            Shape::Table(&[Key::required(
                "pid_file",
                Shape::Text,
                "File on the agent that holds the process id.",
            )]),
        ]),
        "A process to watch with its children, by the name of its program or a file with its number.",
    ),
    Key::optional(
        "prometheus",
        Shape::Table(&[
            Key::required("url", Shape::Text, "Address of the figures: http://host:port/path."),
            Key::required(
                "series",
                Shape::List(&Shape::Text),
                "Series to keep: with labels as written, or the sum over all labels; at most 32.",
            ),
        ]),
        "Figures of the target to fetch each second, as metric.NAME of all operations: by the first agent, and by every observer.",
    ),
];

/// `[[variants]]`.
pub const VARIANT: &[Key] = &[
    Key::required(
        "name",
        Shape::Name,
        "Name of the variant; where there is a sweep too, what it sweeps is added: new,load.workers=8.",
    ),
    Key::optional(
        "set",
        Shape::Map(&Shape::Free),
        "What it sets, by path: { \"load.workers\" = 8 }, of workload, load, data, params, target and observe.",
    ),
];

/// `[[claims]]`.
pub const CLAIM: &[Key] = &[
    Key::optional("text", Shape::Text, "The claim in a person's words."),
    Key::required("metric", Shape::Text, "What is measured: [operation.]measure[.statistic]."),
    Key::optional("below", AMOUNT, "The metric stays below this."),
    Key::optional("above", AMOUNT, "The metric stays above this."),
    Key::optional(
        "variant",
        Shape::Text,
        "The variant that the claim is about; default: each variant, with a verdict apiece.",
    ),
    Key::optional("than", Shape::Text, "The variant that it is compared with."),
    Key::optional("baseline", Shape::Text, "The stored baseline that it is compared with."),
    Key::optional("at_least", RATIO, "The ratio to the other side is at least this."),
    Key::optional("at_most", RATIO, "The ratio to the other side is at most this."),
    Key::optional("no_regression", Shape::Share, "Worse than the other side by no more than this share."),
    Key::optional("scales_over", Shape::Text, "The swept path over which the metric scales."),
    Key::optional("efficiency", Shape::Share, "Least efficiency of every step of the sweep."),
    Key::optional("better", Shape::OneOf(&["lower", "higher"]), "Which way a metric.* or host.* is better."),
    Key::optional(
        "severity",
        Shape::OneOf(&["gate", "warn"]),
        "Counts in the exit code (gate, the default) or is only printed.",
    ),
    Key::optional(
        "abort",
        Shape::Boolean,
        "Ends the run early once it is refuted beyond doubt: looked at after every block from 5 on; default false.",
    ),
];

/// `[search]`.
pub const SEARCH: &[Key] = &[
    Key::required(
        "vary",
        Shape::Text,
        "The path whose value is searched: a number of workload, load, data, params or target, such as load.rate.",
    ),
    Key::required("between", Shape::List(&ANY_NUMBER), "Lowest and highest value, above zero."),
    Key::required("keep", Shape::Text, "The bound that must be supported: a metric, < or >, and a limit."),
    Key::optional(
        "resolution",
        Shape::Share,
        "How far apart neighbouring values are at most, as a share; default 10 %.",
    ),
];

/// `[expect]`.
pub const EXPECT: &[Key] = &[
    Key::optional("metrics", Shape::List(&Shape::Text), "Metrics that must be reported."),
    Key::optional(
        "count",
        Shape::Integer { min: 0, max: i64::MAX },
        "Number of distinct metric.NAME reported, over all operations.",
    ),
];

/// `[limits]`.
pub const LIMITS: &[Key] = &[
    Key::optional("error_ratio", Shape::Share, "Most errors of all operations that ended; default 0.01."),
    Key::optional(
        "send_lag",
        Shape::Share,
        "Most send lag, as a share of the latency at the claimed quantile; default 5%.",
    ),
    Key::optional("generator_cpu", Shape::Share, "Most CPU share of the busiest load thread; default 0.8."),
    Key::optional("steal", Shape::Share, "Most CPU time taken by the hypervisor; default 0.01."),
    Key::optional(
        "foreign_cpu",
        Shape::Share,
        "Most CPU share of programs that have nothing to do with the run; default 0.05.",
    ),
    Key::optional(
        "throttled",
        Shape::Boolean,
        "Whether a host that is throttled, by a quota or by heat, is tolerated; default false.",
    ),
    Key::optional(
        "frequency_drop",
        Shape::Share,
        "Most that the frequency of a host's cores may fall from its median; default 10%.",
    ),
    Key::optional(
        "swapping",
        Shape::Boolean,
        "Whether a host that swaps memory is tolerated; default false.",
    ),
    Key::optional("margin", Shape::Share, "Differences up to this share do not count; default 5%."),
    Key::optional(
        "across_machines",
        Shape::Boolean,
        "Whether comparing differing machines is meant; default false.",
    ),
    Key::optional("aa", Shape::Boolean, "Whether both sides are meant to be the same; default false."),
];

//! How keys of a job file are described: one description drives checks, error messages, and the reference.

/// A key of a table in a job file.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as written.
    pub name: &'static str,
    /// What values it takes.
    pub shape: Shape,
    /// One sentence for the reference: what it does, its unit and its default.
    pub doc: &'static str,
    /// Whether its behaviour is built. A key that is not is refused as "not supported by this version".
    pub is_supported: bool,
    /// Whether it must be there.
    pub is_required: bool,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any text. Params can stand in it, but nothing whose value is known only while operations run.
    Text,
    /// A text that may hold any `{{name}}`; in a workload the agents fill in what they alone know.
    Template,
    /// A name, `[a-z0-9_-]{1,64}`.
    Name,
    /// True or false.
    Boolean,
    /// A whole number within bounds.
    Integer {
        /// Lowest allowed.
        min: i64,
        /// Highest allowed.
        max: i64,
    },
    /// A number (whole or not) within bounds.
    Number {
        /// Lowest allowed.
        min: f64,
        /// Highest allowed.
        max: f64,
    },
    /// A share: a number from 0 to 1, or a text like `"5%"`.
    Share,
    /// A time like `"5s"`, `"1m30s"`, `"250us"`.
    Duration,
    /// A delay like `"5ms"`, `"uniform(1ms,9ms)"`, `"lognormal(5ms,0.5)"`, `"exponential(10ms)"`.
    Delay,
    /// A size like `"1KiB"`, `"16MiB"`, or whole bytes as a number.
    Size,
    /// A text that something else reads.
    Parsed {
        /// What it is, as the object of "expected …".
        what: &'static str,
        /// Reads it; an error says what is wrong with it.
        check: fn(&str) -> Result<(), String>,
    },
    /// A [`Shape::Template`] in which a password may stand. It is looked at as written, before any name in it has a value, and what
    /// is wrong is told without the line that it stands in.
    Confidential {
        /// What it is, as the object of "expected …".
        what: &'static str,
        /// Reads it; an error says what is wrong, and shows nothing of it.
        check: fn(&str) -> Result<(), String>,
    },
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A file that comes with the job, as a path relative to it.
    File,
    /// A list of a shape.
    List(&'static Shape),
    /// A table with free keys and values of one shape.
    Map(&'static Shape),
    /// A table with these keys.
    Table(&'static [Key]),
    /// An array of tables with these keys.
    Tables(&'static [Key]),
    /// Any one of several shapes, tried in order.
    Any(&'static [Shape]),
    /// Any scalar: text, number or boolean.
    Scalar,
    /// Anything at all; looked at elsewhere.
    Free,
}

/// How a workload kind is described; agents advertise theirs.
#[derive(Debug, Clone, Copy)]
pub struct KindSchema {
    /// The kind as written: `http`.
    pub kind: &'static str,
    /// One sentence for `fleetmark workloads`.
    pub doc: &'static str,
    /// Keys of the workload beside `kind` and `operations`.
    pub workload_keys: &'static [Key],
    /// Keys of an operation beside `name` and `weight`.
    pub operation_keys: &'static [Key],
    /// Measures beside the latencies, by name and unit (`cpu_time` in `ns`, `max_memory` in `bytes`).
    pub measures: &'static [(&'static str, &'static str)],
}

impl Key {
    /// An optional, supported key.
    pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, is_supported: true, is_required: false }
    }

    /// A required, supported key.
    pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, is_supported: true, is_required: true }
    }

    /// A key of the contract whose behaviour is not built yet.
    pub const fn unsupported(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, is_supported: false, is_required: false }
    }
}

//! What a tool reported: benchmarks with their values and figures, and figures of the whole.

use shared::histogram::Histogram;
use shared::metric::Summary;

/// What a tool reported.
#[derive(Debug, Default, PartialEq)]
pub(in crate::workload::command) struct Reading {
    /// What it measured, each under a name of its own.
    pub(in crate::workload::command) benchmarks: Vec<Benchmark>,
    /// What it says of all together: they become `suite.<name>`.
    pub(in crate::workload::command) totals: Vec<Figure>,
    /// The machine that it says it ran on.
    pub(in crate::workload::command) machine: Option<Machine>,
}

/// One thing that was measured.
#[derive(Debug, PartialEq)]
pub(in crate::workload::command) struct Benchmark {
    /// What the tool calls it.
    pub(in crate::workload::command) label: String,
    /// What it calls it in full, with file, class or package; the same where there is nothing to add.
    pub(in crate::workload::command) full_label: String,
    /// The unit of its values: `ns`, `bytes`, `per_s`, empty or a word of the tool's own.
    pub(in crate::workload::command) unit: String,
    /// What was measured of it.
    pub(in crate::workload::command) values: Values,
    /// What else the tool says of it: they become `<metric>.<name>`.
    pub(in crate::workload::command) figures: Vec<Figure>,
}

/// What was measured, as far as it was told.
#[derive(Debug, PartialEq)]
pub(in crate::workload::command) enum Values {
    /// How many, how large, how spread.
    Summary(Summary),
    /// Each of them, and the same exactly.
    Each(Summary, Box<Histogram>),
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::workload::command) struct Figure {
    /// Its name: letters, digits and `_`.
    pub(in crate::workload::command) name: String,
    /// Its unit.
    pub(in crate::workload::command) unit: &'static str,
    /// Its value.
    pub(in crate::workload::command) value: f64,
}

/// What a tool knows of the machine that it ran on; `None`: it does not say.
#[derive(Debug, Default, Clone, PartialEq)]
pub(in crate::workload::command) struct Machine {
    /// Its name.
    pub(in crate::workload::command) node: Option<String>,
    /// Its architecture, as `uname -m`.
    pub(in crate::workload::command) architecture: Option<String>,
    /// Its kernel's release.
    pub(in crate::workload::command) kernel: Option<String>,
    /// Its CPU's model.
    pub(in crate::workload::command) cpu_model: Option<String>,
    /// How many CPUs it has.
    pub(in crate::workload::command) cpus: Option<u32>,
}

impl Figure {
    /// A figure of a fixed name.
    pub(super) fn new(name: &str, unit: &'static str, value: f64) -> Self {
        Self { name: name.to_owned(), unit, value }
    }
}

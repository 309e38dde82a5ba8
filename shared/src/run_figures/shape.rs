//! The shape of a job: what must be alike in two runs for their figures to be about the same thing.

use serde::{Deserialize, Serialize};

use crate::arrivals::{ArrivalPlan, Spread};
use crate::job::{Job, LoadModel, OperationSpec, Placement};

/// What must be alike in two runs before a difference between them means anything. How long they measured is no part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobShape {
    /// The workload's kind; of a mix all of them.
    pub kind: String,
    /// Whether its operations, or some of a mix, are the steps of a scenario.
    pub is_scenario: bool,
    /// The operations by name, each with its share.
    pub operations: Vec<(String, f64)>,
    /// What those do that measure the host itself, by operation, each with the version of its definition; empty for other
    /// kinds, and in figures of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<String>,
    /// Open or closed.
    pub model: LoadModel,
    /// Arrivals per second, as words; `None`: the closed model.
    pub arrivals: Option<String>,
    /// Workers over the whole fleet; `None`: the default of the model.
    pub workers: Option<u32>,
    /// How agents and targets meet.
    pub placement: Placement,
    /// Agents that made load.
    pub agents: u32,
}

impl JobShape {
    /// The shape of a job that so many agents ran.
    pub fn of(job: &Job, agents: u32) -> Self {
        let operations = &job.workload.operations;
        Self {
            kind: job.workload.kind.clone(),
            is_scenario: job.workload.has_scenario(),
            operations: operations.iter().map(|one| (one.name.to_string(), one.weight)).collect(),
            kernels: operations.iter().filter_map(kernel_of).collect(),
            model: job.load.model,
            arrivals: job.load.arrivals.as_ref().map(described),
            workers: job.load.workers,
            placement: job.fleet.placement,
            agents,
        }
    }

    /// In what it differs from another, each as a sentence's part with both values; empty: both are alike.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let model = |model: LoadModel| if model == LoadModel::Open { "open" } else { "closed" };
        let placement = |placement: Placement| match placement {
            Placement::Together => "together",
            Placement::Each => "each",
            Placement::Pairs => "pairs",
        };
        let workers = |workers: Option<u32>| workers.map_or("the default".to_owned(), |it| it.to_string());
        let rate = |arrivals: &Option<String>| arrivals.clone().unwrap_or_else(|| "none".to_owned());
        let told = [
            ("kind", self.kind.clone(), other.kind.clone()),
            ("operations", self.operation_words(), other.operation_words()),
            ("kernels", self.kernels.join(", "), other.kernels.join(", ")),
            ("model", model(self.model).to_owned(), model(other.model).to_owned()),
            ("rate", rate(&self.arrivals), rate(&other.arrivals)),
            ("workers", workers(self.workers), workers(other.workers)),
            ("placement", placement(self.placement).to_owned(), placement(other.placement).to_owned()),
            ("agents", self.agents.to_string(), other.agents.to_string()),
        ];
        let differing = told.into_iter().filter(|(_, one, another)| one != another);
        differing.map(|(what, one, another)| format!("{what} ({one} and {another})")).collect()
    }

    fn operation_words(&self) -> String {
        let one = |(name, weight): &(String, f64)| {
            if *weight == 1.0 { name.clone() } else { format!("{name}×{weight}") }
        };
        let separator = if self.is_scenario { " → " } else { ", " };
        self.operations.iter().map(one).collect::<Vec<_>>().join(separator)
    }
}

/// The kernel that an operation names, with its version, and how much it works on: another size is another measurement.
fn kernel_of(operation: &OperationSpec) -> Option<String> {
    let told = |key: &str| operation.settings.get(key);
    let kernel = told("kernel")?.as_str()?;
    let size = told("size").map(|size| size.as_str().map_or_else(|| size.to_string(), str::to_owned));
    Some(size.map_or_else(|| kernel.to_owned(), |size| format!("{kernel} of {size}")))
}

/// A plan of arrivals by its rates.
fn described(plan: &ArrivalPlan) -> String {
    let stretch = |stretch: &crate::arrivals::Stretch| {
        let (from, to) = (stretch.from_per_s, stretch.to_per_s);
        if from == to { format!("{from}/s") } else { format!("{from}/s to {to}/s") }
    };
    let rates: Vec<String> = plan.stretches.iter().map(stretch).collect();
    let spread = if plan.spread == Spread::Poisson { " poisson" } else { "" };
    format!("{}{spread}", rates.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Kinds, parse};

    fn shape(load: &str, agents: u32) -> JobShape {
        let text = format!("name = \"j\"\nworkload = {{ kind = \"http\" }}\n[load]\n{load}\n");
        JobShape::of(&parse(&text, Kinds::Unchecked).unwrap(), agents)
    }

    #[test]
    fn jobs_of_one_shape_may_measure_for_different_times() {
        let short = shape("model = \"open\"\nrate = 100\nduration = \"1s\"", 2);
        let long = shape("model = \"open\"\nrate = 100\nduration = \"9s\"", 2);
        assert_eq!(short.differences(&long), [""; 0]);
    }

    #[test]
    fn a_changed_kernel_is_another_shape() {
        let of = |kernel: &str| {
            let operations = format!("[[workload.operations]]\nname = \"it\"\n{kernel}\n");
            let text = format!("name = \"j\"\n[workload]\nkind = \"cpu\"\n{operations}");
            JobShape::of(&parse(&text, Kinds::Unchecked).unwrap(), 1)
        };
        let (one, other) = (of("kernel = \"integer/1\""), of("kernel = \"integer/2\"\nsize = \"1MiB\""));
        assert_eq!(one.differences(&other), ["kernels (integer/1 and integer/2 of 1MiB)"]);
        assert_eq!(one.differences(&one), [""; 0]);
    }

    #[test]
    fn what_differs_is_told_with_both_values() {
        let one = shape("model = \"open\"\nrate = 100\nworkers = 4", 2);
        let other = shape("model = \"open\"\nrate = 200", 3);
        let told = ["rate (100/s and 200/s)", "workers (4 and the default)", "agents (2 and 3)"];
        assert_eq!(one.differences(&other), told);
        let closed = shape("workers = 4", 2);
        assert_eq!(one.differences(&closed), ["model (open and closed)", "rate (100/s and none)"]);
    }
}

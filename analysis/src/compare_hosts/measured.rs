//! What groups read in one metric, block by block, and what that says against the reference.

use std::collections::BTreeMap;

use shared::claim::Better;
use shared::host_comparison::GroupValue;
use shared::metric::MetricName;
use shared::run_report::{RunReport, Says};

use super::groups::Group;
use crate::assemble::subject::Subject;
use crate::claims::series::Series;
use crate::comparisons::{margin, mean_ratio, p};
use crate::estimate::{Scale, mean_with_interval};
use crate::level::Level;
use crate::paired::{self, Differences};
use crate::student::mean;

/// Units whose values are amounts, so that ratios mean something, and which way is better.
const AMOUNTS: [(&str, Better); 4] =
    [("ns", Better::Lower), ("bytes", Better::Lower), ("per_s", Better::Higher), ("MB/s", Better::Higher)];

/// One metric of all groups.
pub(super) struct Measured {
    /// Its unit.
    pub(super) unit: String,
    /// Which way it is better; `None`: nobody knows.
    pub(super) better: Option<Better>,
    scale: Scale,
    /// Of each group its value in every block in which all its agents have one.
    blocks: Vec<BTreeMap<u32, f64>>,
}

/// A group's value, and the level at which its word would just be said.
pub(super) struct Compared {
    /// The value.
    pub(super) value: GroupValue,
    /// The level.
    pub(super) p: f64,
}

impl Measured {
    /// What the groups read in a metric of the variant at a place.
    pub(super) fn of(report: &RunReport, place: usize, metric: &MetricName, groups: &[Group]) -> Self {
        let variant = &report.variants[place];
        let series: Vec<Vec<Series<'_>>> = groups
            .iter()
            .map(|group| {
                let subjects = group.agents.iter().cloned().map(Subject::Agent);
                subjects.map(|subject| Series::of(place, variant, &subject, metric)).collect()
            })
            .collect();
        let unit =
            series.iter().flatten().map(Series::unit).find(|unit| !unit.is_empty()).unwrap_or_default();
        let amount = AMOUNTS.iter().find(|(amount, _)| *amount == unit);
        let is_positive = series.iter().flatten().flat_map(Series::values).all(|value| value > 0.0);
        let scale = match (amount, series.iter().flatten().next().map(Series::scale)) {
            (Some(_), Some(Scale::Bucketed)) if is_positive => Scale::Bucketed,
            (Some(_), _) if is_positive => Scale::Logarithmic,
            _ => Scale::Linear,
        };
        Self {
            better: Better::of_metric(metric).or(amount.map(|(_, better)| *better)),
            unit: unit.to_owned(),
            scale,
            blocks: series.iter().map(|agents| of_group(agents, scale)).collect(),
        }
    }

    /// Each group's value, in their order, compared with the reference's.
    pub(super) fn compared(&self, groups: &[Group], reference: usize, margin_share: f64) -> Vec<Compared> {
        let compared =
            (0..groups.len()).map(|place| self.one(&groups[place], place, reference, margin_share));
        let mut compared: Vec<Compared> = compared.collect();
        let per_cost = compared[reference].value.per_cost;
        for compared in &mut compared {
            compared.value.per_cost_ratio =
                compared.value.per_cost.zip(per_cost).map(|(own, other)| own / other);
        }
        compared
    }

    fn one(&self, group: &Group, place: usize, reference: usize, margin_share: f64) -> Compared {
        let values: Vec<f64> = self.blocks[place].values().copied().collect();
        let (mean, ci95) = mean_with_interval(&values, self.scale);
        let both = self.blocks[reference].iter();
        let (firsts, seconds): (Vec<f64>, Vec<f64>) =
            both.filter_map(|(block, first)| Some((*first, *self.blocks[place].get(block)?))).unzip();
        let (ratio, ratio_ci95) =
            if place == reference { (None, None) } else { mean_ratio(&firsts, &seconds, self.scale) };
        let (says, p) = match self.better.filter(|_| place != reference) {
            Some(better) => {
                let (says, p) = self.word(&firsts, &seconds, better, margin_share);
                (Some(says), p)
            }
            None => (None, 1.0),
        };
        let value = GroupValue {
            group: group.name.clone(),
            n: values.len() as u64,
            mean,
            ci95,
            ratio,
            ratio_ci95,
            says,
            per_cost: self.per_cost(mean, group.cost_per_hour),
            per_cost_ratio: None,
        };
        Compared { value, p }
    }

    fn word(&self, firsts: &[f64], seconds: &[f64], better: Better, margin_share: f64) -> (Says, f64) {
        let Ok(differences) = Differences::between(firsts, seconds, better, self.scale) else {
            return (Says::Inconclusive, 1.0);
        };
        let rule =
            paired::Rule { margin: margin(firsts, self.scale, margin_share), level: Level::FIVE_PERCENT };
        let says: Says = paired::compare(&differences, rule).says.into();
        (says, p(&differences, rule, says))
    }

    fn per_cost(&self, mean: Option<f64>, cost_per_hour: Option<f64>) -> Option<f64> {
        let (mean, cost) = (mean?, cost_per_hour?);
        self.better.map(|better| if better == Better::Higher { mean / cost } else { mean * cost })
    }
}

/// The mean of a group's agents on the metric's scale, in every block in which all of them have a value.
fn of_group(agents: &[Series<'_>], scale: Scale) -> BTreeMap<u32, f64> {
    let Some((first, others)) = agents.split_first() else { return BTreeMap::new() };
    let in_block = |block: &u32| {
        let all = std::iter::once(first).chain(others);
        let values: Vec<f64> = all.map(|agent| agent.valid.get(block)?.value).collect::<Option<_>>()?;
        Some((*block, scale.back(mean(&scale.apply(&values)?)?)))
    };
    first.valid.keys().filter_map(in_block).collect()
}

//! Links between hosts that met in pairs: a matrix a metric, how unlike its two directions are, and which links lie apart.

use std::collections::BTreeMap;

use shared::host_comparison::{LinkMatrix, LinkValue};
use shared::ids::AgentName;
use shared::metric::MetricName;
use shared::run_report::{Pair, RunReport};

use super::groups::Group;
use crate::assemble::subject::Subject;
use crate::claims::series::Series;
use crate::estimate::{Scale, mean_with_interval};

/// Fewer links have no middle that one could lie apart from.
const LINKS_MIN: usize = 6;
/// A link lies apart when it is further from the median than so many times the median distance from it, scaled to the standard
/// deviation of a normal sample (Iglewicz and Hoaglin 1993: 3.5 of 1.4826 times the median absolute deviation).
const DEVIATIONS: f64 = 3.5 * 1.4826;
/// Whatever lies this near is like the others, however alike those are: the usual margin of comparisons.
const ALIKE: f64 = 0.05;

/// A matrix of one metric of the variant at a place. Every pair of hosts has a cell in both directions; one without a valid trial
/// stays empty.
pub(super) fn matrix(report: &RunReport, place: usize, metric: &MetricName, hosts: &[Group]) -> LinkMatrix {
    let variant = &report.variants[place];
    let agents: Vec<&AgentName> = hosts.iter().flat_map(|host| &host.agents).collect();
    let mut unit = String::new();
    let mut links: Vec<LinkValue> = Vec::new();
    for from in &agents {
        for to in agents.iter().filter(|to| *to != from) {
            let pair = Pair { from: (*from).clone(), to: (*to).clone() };
            let series_subject = Subject::Pair(pair);
            let series = Series::of(place, variant, &series_subject, metric);
            if unit.is_empty() {
                unit = series.unit().to_owned();
            }
            let values = series.values();
            let scale = if values.iter().all(|value| *value > 0.0) { series.scale() } else { Scale::Linear };
            let (mean, ci95) = mean_with_interval(&values, scale);
            let n = values.len() as u64;
            let (from, to) = ((*from).clone(), (*to).clone());
            let (asymmetry, by_median) = (None, None);
            links.push(LinkValue { from, to, n, mean, ci95, asymmetry, by_median, is_outlier: false });
        }
    }
    let median = compare(&mut links);
    LinkMatrix { variant: variant.name.clone(), metric: metric.to_string(), unit, median, links }
}

/// Holds each link against its way back and against all others; returns their median.
fn compare(links: &mut [LinkValue]) -> Option<f64> {
    let means: BTreeMap<(AgentName, AgentName), f64> = links
        .iter()
        .filter_map(|link| {
            Some(((link.from.clone(), link.to.clone()), link.mean.filter(|mean| *mean > 0.0)?))
        })
        .collect();
    let median = middle(means.values().copied().collect())?;
    let distances = means.values().map(|mean| (mean / median).ln().abs()).collect();
    let limit = (DEVIATIONS * middle(distances)?).max(ALIKE.ln_1p());
    for link in links {
        let Some(mean) = link.mean.filter(|mean| *mean > 0.0) else { continue };
        let back = means.get(&(link.to.clone(), link.from.clone()));
        link.asymmetry = back.map(|back| mean / back);
        link.by_median = Some(mean / median);
        link.is_outlier = means.len() >= LINKS_MIN && (mean / median).ln().abs() > limit;
    }
    Some(median)
}

/// The median; `None` of nothing.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[half - 1] + upper) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(from: &str, to: &str, mean: Option<f64>) -> LinkValue {
        LinkValue {
            from: AgentName::new(from).unwrap(),
            to: AgentName::new(to).unwrap(),
            n: u64::from(mean.is_some()),
            mean,
            ci95: None,
            asymmetry: None,
            by_median: None,
            is_outlier: false,
        }
    }

    #[test]
    fn a_link_that_lies_apart_is_found_and_so_is_its_direction() {
        let mut links = vec![
            link("a", "b", Some(100.0)),
            link("b", "a", Some(102.0)),
            link("a", "c", Some(99.0)),
            link("c", "a", Some(101.0)),
            link("b", "c", Some(100.0)),
            link("c", "b", Some(300.0)),
        ];
        assert_eq!(compare(&mut links), Some(100.5));
        let apart: Vec<&str> =
            links.iter().filter(|link| link.is_outlier).map(|link| link.from.as_str()).collect();
        assert_eq!((apart, links[5].asymmetry), (vec!["c"], Some(3.0)));
    }

    #[test]
    fn a_missing_cell_stays_missing_and_few_links_have_no_middle() {
        let mut links = vec![link("a", "b", Some(100.0)), link("b", "a", None)];
        assert_eq!(compare(&mut links), Some(100.0));
        assert_eq!((links[0].asymmetry, links[0].by_median, links[0].is_outlier), (None, Some(1.0), false));
        assert_eq!((links[1].mean, links[1].by_median), (None, None));
        assert_eq!(compare(&mut [link("a", "b", None)]), None);
    }
}

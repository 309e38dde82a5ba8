//! The hosts of a run against each other, for people: in what they differ and what was found, then a table a metric with a row a
//! host or group.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;
use shared::host_comparison::{GroupValue, HostComparison, HostGroup, HostMetricRow, LinkMatrix};
use shared::run_report::Says;
use shared::units::{human_count, human_share};

use super::Page;
use super::comparison::sentence;
use super::ink::{Ink, Weight, cut, printable};
use super::operations::{ABSENT, plain_table};
use crate::figures::{figure, with_interval};

/// Most metrics listed: more make screenfuls that nobody reads.
const METRICS_LISTED_MAX: usize = 60;
/// Most hosts or groups listed of each.
const GROUPS_LISTED_MAX: usize = 40;
/// Most differences of fingerprints listed.
const DIFFERENCES_LISTED_MAX: usize = 30;
/// Most hosts that stand beside each other in a matrix.
const HOSTS_ACROSS_MAX: usize = 12;
/// Longest name of a host or group, in letters.
const NAME_LETTERS_MAX: usize = 32;

/// A comparison of hosts as text, so many columns wide.
pub fn render(comparison: &HostComparison, width: u16, is_coloured: bool) -> String {
    let mut page = Page { ink: Ink { is_coloured }, width: usize::from(width), text: String::new() };
    let what = match &comparison.grouped_by {
        Some(label) => format!("hosts by label {}", printable(label)),
        None => "hosts".to_owned(),
    };
    let title = format!(
        "{} ({}): {what} against {}",
        printable(&comparison.job),
        comparison.run,
        name(&comparison.reference)
    );
    let title = page.ink.bold(&title);
    page.line(&title);
    differences(&mut page, comparison);
    comparison.groups.iter().for_each(|group| doubts(&mut page, group));
    let has_variants = comparison.metrics.iter().any(|row| row.variant != comparison.metrics[0].variant);
    for row in comparison.metrics.iter().take(METRICS_LISTED_MAX) {
        table(&mut page, row, comparison, has_variants);
    }
    for matrix in comparison.matrices.iter().take(METRICS_LISTED_MAX) {
        links(&mut page, matrix, comparison);
    }
    if comparison.metrics.len() > METRICS_LISTED_MAX {
        page.line(&format!(
            " … and {} more: --json tells all",
            comparison.metrics.len() - METRICS_LISTED_MAX
        ));
    }
    page.line("");
    comparison.notes.iter().for_each(|note| page.aside(&sentence(note)));
    page.text
}

/// A field, the reference's value and another host's.
type Difference<'a> = (&'a str, &'a Option<String>, &'a Option<String>);

/// In what hosts differ from the reference's first, a line a difference: those that differ alike stand together.
fn differences(page: &mut Page, comparison: &HostComparison) {
    let mut alike: BTreeMap<Difference<'_>, Vec<&str>> = BTreeMap::new();
    for difference in &comparison.fingerprint_differences {
        let key = (difference.field.as_str(), &difference.a, &difference.b);
        alike.entry(key).or_default().push(&difference.agent);
    }
    for ((field, a, b), agents) in alike.iter().take(DIFFERENCES_LISTED_MAX) {
        let value = |value: &Option<String>| value.as_deref().map_or("not readable".to_owned(), printable);
        let told = format!(
            ": {field}: {} in {}; {} in {}",
            value(a),
            name(&comparison.reference),
            value(b),
            agents.join(", ")
        );
        let weight = page.ink.weighed(Weight::Doubtful, "the hosts differ");
        page.line(&format!("{weight}{}", cut(&told, page.width)));
    }
    if alike.len() > DIFFERENCES_LISTED_MAX {
        page.line(&format!(" … and {} more: --json tells all", alike.len() - DIFFERENCES_LISTED_MAX));
    }
}

fn doubts(page: &mut Page, group: &HostGroup) {
    for finding in &group.findings {
        let weight = page.ink.weighed(Weight::Doubtful, &finding.code);
        page.line(&format!(
            "{weight}: {}, in {} of {} trials",
            name(&group.name),
            finding.trials,
            finding.of
        ));
    }
}

fn table(page: &mut Page, row: &HostMetricRow, comparison: &HostComparison, has_variants: bool) {
    let better = row.better.as_deref().map_or(String::new(), |better| format!(", {better} is better"));
    let variant = if has_variants { format!("{}: ", printable(&row.variant)) } else { String::new() };
    page.title(&format!("{variant}{}{better}", printable(&row.metric)));
    let has_costs = row.values.iter().any(|value| value.per_cost.is_some());
    let mut table = plain_table();
    let first = if comparison.grouped_by.is_some() { "group" } else { "host" };
    let costs = ["by cost", "ratio"].into_iter().filter(|_| has_costs);
    table
        .set_header([first, "mean and 95 % interval", "ratio", "95 % interval", ""].into_iter().chain(costs));
    for value in row.values.iter().take(GROUPS_LISTED_MAX) {
        let costs = [
            value.per_cost.map(|per_cost| figure(per_cost, &row.unit)),
            value.per_cost_ratio.map(human_count),
        ];
        let costs = costs.map(|cost| cost.unwrap_or_else(|| ABSENT.to_owned())).into_iter();
        let cells = [
            name(&value.group),
            with_interval(value.mean, value.ci95, &row.unit),
            value.ratio.map_or_else(|| ABSENT.to_owned(), human_count),
            value.ratio_ci95.map_or_else(
                || ABSENT.to_owned(),
                |[low, high]| format!("{} to {}", human_count(low), human_count(high)),
            ),
            word(value, comparison),
        ];
        table.add_row(cells.into_iter().chain(costs.filter(|_| has_costs)));
    }
    table
        .column_iter_mut()
        .skip(2)
        .take(1)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
    if row.values.len() > GROUPS_LISTED_MAX {
        page.line(&format!(" … and {} more: --json tells all", row.values.len() - GROUPS_LISTED_MAX));
    }
}

/// A row for each host that made load, a column for each that was measured; what lies apart is marked, and told below.
fn links(page: &mut Page, matrix: &LinkMatrix, comparison: &HostComparison) {
    let has_variants = comparison.matrices.iter().any(|other| other.variant != matrix.variant);
    let variant = if has_variants { format!("{}: ", printable(&matrix.variant)) } else { String::new() };
    page.title(&format!("{variant}{}, from row to column", printable(&matrix.metric)));
    let hosts: Vec<&str> =
        comparison.groups.iter().map(|group| group.name.as_str()).take(HOSTS_ACROSS_MAX).collect();
    let mut table = plain_table();
    table.set_header(std::iter::once("from".to_owned()).chain(hosts.iter().map(|host| name(host))));
    for from in &hosts {
        let cell = |to: &&str| {
            let link =
                matrix.links.iter().find(|link| link.from.as_str() == *from && link.to.as_str() == *to);
            let mean = link.and_then(|link| link.mean).map(|mean| figure(mean, &matrix.unit));
            let mark = if link.is_some_and(|link| link.is_outlier) { " !" } else { "" };
            format!("{}{mark}", mean.unwrap_or_else(|| ABSENT.to_owned()))
        };
        table.add_row(std::iter::once(name(from)).chain(hosts.iter().map(cell)));
    }
    page.table(&table);
    if comparison.groups.len() > hosts.len() {
        page.line(&format!(" … of {} hosts: --json tells all links", comparison.groups.len()));
    }
    for link in matrix.links.iter().filter(|link| link.is_outlier).take(GROUPS_LISTED_MAX) {
        let ratio = link.by_median.map_or_else(|| ABSENT.to_owned(), human_count);
        let weight = page.ink.weighed(Weight::Doubtful, "apart");
        page.line(&format!("{weight}: {} → {} is {ratio} of the median link", link.from, link.to));
    }
    let widest =
        matrix.links.iter().filter_map(|link| Some((link, link.asymmetry.filter(|ratio| *ratio > 1.0)?)));
    if let Some((link, ratio)) = widest.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
        let ratio = human_count(ratio);
        page.line(&format!("most unlike its way back: {} → {}, {ratio} of it", link.from, link.to));
    }
}

fn word(value: &GroupValue, comparison: &HostComparison) -> String {
    match value.says {
        None if value.group == comparison.reference => "reference".to_owned(),
        None => String::new(),
        Some(Says::Same) => format!("same within {}", human_share(comparison.margin)),
        Some(says) => says.as_str().to_owned(),
    }
}

fn name(name: &str) -> String {
    cut(&printable(name), NAME_LETTERS_MAX)
}

#[cfg(test)]
mod tests {
    use shared::fingerprint_comparison::FingerprintDifference;
    use shared::host_comparison::{GroupFinding, SCHEMA};
    use shared::ids::{AgentName, RunId};

    use super::*;

    fn group(name: &str, agents: &[&str], findings: Vec<GroupFinding>) -> HostGroup {
        HostGroup {
            name: name.to_owned(),
            agents: agents.iter().map(|agent| AgentName::new(*agent).unwrap()).collect(),
            cost_per_hour: Some(0.5),
            findings,
        }
    }

    #[test]
    fn what_differs_stands_above_a_row_for_each_group() {
        let value = |group: &str, mean: f64, ratio: Option<f64>| GroupValue {
            group: group.to_owned(),
            n: 6,
            mean: Some(mean),
            ci95: Some([mean * 0.99, mean * 1.01]),
            ratio,
            ratio_ci95: ratio.map(|ratio| [ratio * 0.98, ratio * 1.02]),
            says: ratio.map(|_| Says::Slower),
            per_cost: Some(mean / 0.5),
            per_cost_ratio: ratio.or(Some(1.0)),
        };
        let difference = |agent: &str| FingerprintDifference {
            agent: agent.to_owned(),
            field: "cpu_limit_cores".to_owned(),
            a: Some("none".to_owned()),
            b: Some("0.5".to_owned()),
        };
        let throttled = GroupFinding { code: "throttled".to_owned(), trials: 12, of: 12 };
        let comparison = HostComparison {
            schema: SCHEMA.to_owned(),
            run: RunId::new(1, [1; 10]),
            job: "hardware".to_owned(),
            grouped_by: Some("size".to_owned()),
            reference: "large".to_owned(),
            margin: 0.05,
            groups: vec![group("large", &["a"], Vec::new()), group("small", &["b", "c"], vec![throttled])],
            fingerprint_differences: vec![difference("b"), difference("c")],
            metrics: vec![HostMetricRow {
                variant: "default".to_owned(),
                metric: "integer.metric.rate.mean".to_owned(),
                unit: "per_s".to_owned(),
                better: Some("higher".to_owned()),
                values: vec![value("large", 4_000.0, None), value("small", 2_000.0, Some(0.5))],
            }],
            matrices: Vec::new(),
            notes: vec!["these hosts alone".to_owned()],
            exit_code: 1,
        };
        let page = render(&comparison, 120, false);
        let line =
            |words: &[&str]| page.lines().position(|line| words.iter().all(|word| line.contains(word)));
        let differs = line(&["the hosts differ: cpu_limit_cores: none in large; 0.5 in b, c"])
            .expect("it is told once");
        let found = line(&["throttled: small, in 12 of 12 trials"]).expect("it is told");
        let metric = line(&["integer.metric.rate.mean, higher is better"]).expect("it has a table");
        let reference = line(&["large", "4.00k/s (3.96k/s to 4.04k/s)", "reference"]).expect("it has a row");
        let other = line(&["small", "2.00k/s", "0.500", "0.490 to 0.510", "slower", "4.00k/s"])
            .expect("it has a row");
        assert!(differs < found && found < metric && metric < reference && reference < other, "{page}");
    }
}

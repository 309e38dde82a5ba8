//! What sweeps over one number answer: a table of the values, and the answer in words.

use comfy_table::CellAlignment;
use shared::plan::DEFAULT_VARIANT;
use shared::run_report::{ContrastReport, Direction, RunReport, Says, SweepReport, SweptReport};
use shared::units::{human_bytes, human_count, human_ns};

use super::ink::printable;
use super::operations::{ABSENT, plain_table};
use super::{Page, more};

/// Most sweeps that are shown; more make screenfuls that nobody reads.
const SWEEPS_LISTED_MAX: usize = 6;
/// Columns that it takes to show each value beside the smallest one too.
const WIDTH_WITH_LEAST: usize = 110;

/// Adds a table and an answer for each sweep and metric.
pub(super) fn tables(page: &mut Page, report: &RunReport) {
    for sweep in report.sweeps.iter().take(SWEEPS_LISTED_MAX) {
        page.title(&format!("Sweep of {}: {}{}", printable(&sweep.path), sweep.metric, whose(sweep)));
        table(page, sweep);
        page.sentence("", str::to_owned, &printable(&sweep.answer));
    }
    more(page, report.sweeps.len(), SWEEPS_LISTED_MAX, "sweeps");
}

/// Within which variant and of whom, where there are several.
fn whose(sweep: &SweepReport) -> String {
    let pair = sweep.pair.as_ref().map(ToString::to_string);
    let subject = pair.or_else(|| sweep.agent.as_ref().map(ToString::to_string));
    let variant = Some(sweep.variant.clone()).filter(|variant| variant != DEFAULT_VARIANT);
    let parts: Vec<String> = variant.into_iter().chain(subject).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", printable(&parts.join(", "))) }
}

fn table(page: &mut Page, sweep: &SweepReport) {
    let has_least = page.width >= WIDTH_WITH_LEAST;
    let mut table = plain_table();
    let mut header = vec!["value", "trials", "mean", "95 % interval", "beside the best"];
    header.extend(has_least.then_some("beside the smallest"));
    table.set_header(header);
    for value in &sweep.values {
        let mut cells = vec![
            value.value.to_string(),
            value.n.to_string(),
            value.mean.map_or_else(|| ABSENT.to_owned(), |mean| figure(sweep, mean)),
            interval(sweep, value),
            beside(value.against_best.as_ref(), "best"),
        ];
        cells.extend(has_least.then(|| beside(value.against_least.as_ref(), "")));
        table.add_row(cells);
    }
    table.column_iter_mut().take(3).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
}

fn interval(sweep: &SweepReport, value: &SweptReport) -> String {
    match value.ci95 {
        Some([low, high]) => format!("{} to {}", figure(sweep, low), figure(sweep, high)),
        None => ABSENT.to_owned(),
    }
}

/// The ratio to another value with its interval and the word for it. `itself` is what stands there for the other one.
fn beside(contrast: Option<&ContrastReport>, itself: &str) -> String {
    let Some(contrast) = contrast else { return itself.to_owned() };
    let word = match (contrast.says, contrast.direction) {
        (_, Some(Direction::Worse)) => "worse",
        (_, Some(Direction::Better)) => "better",
        (Says::Same, None) => "the same",
        (_, None) => "not told apart",
    };
    let ratio = contrast.ratio.map(|ratio| format!("×{ratio:.3} "));
    let interval = contrast.interval.map(|[low, high]| format!("({low:.3} to {high:.3}) "));
    format!("{}{}{word}", ratio.unwrap_or_default(), interval.unwrap_or_default())
}

fn figure(sweep: &SweepReport, value: f64) -> String {
    match sweep.unit.as_str() {
        "ns" => human_ns(value),
        "bytes" => human_bytes(value),
        "per_s" => format!("{}/s", human_count(value)),
        _ => human_count(value),
    }
}

#[cfg(test)]
mod tests {
    use shared::run_report::LawReport;

    use super::*;
    use crate::fixture;
    use crate::terminal::ink::Ink;

    fn contrast(ratio: f64, interval: Option<[f64; 2]>, direction: Option<Direction>) -> ContrastReport {
        let says = if direction.is_some() { Says::Slower } else { Says::Inconclusive };
        ContrastReport { n: 10, ratio: Some(ratio), interval, says, direction, more_trials_needed: None }
    }

    fn swept(value: f64, mean: f64, against_best: Option<ContrastReport>) -> SweptReport {
        SweptReport {
            value,
            variant: format!("load.workers={value}"),
            n: 10,
            mean: Some(mean),
            ci95: Some([mean * 0.99, mean * 1.01]),
            against_least: (value > 1.0)
                .then(|| contrast(mean / 8.243e9, Some([0.8, 0.9]), Some(Direction::Better))),
            against_best,
        }
    }

    fn rendered(width: usize, sweeps: Vec<SweepReport>) -> String {
        let report = RunReport { sweeps, ..fixture::assembled().report };
        let mut page = Page { ink: Ink { is_coloured: false }, width, text: String::new() };
        tables(&mut page, &report);
        page.text
    }

    fn sweep() -> SweepReport {
        SweepReport {
            path: "load.workers".to_owned(),
            variant: "new".to_owned(),
            metric: "latency.mean".to_owned(),
            unit: "ns".to_owned(),
            agent: None,
            pair: None,
            values: vec![
                swept(1.0, 8.243e9, Some(contrast(1.144, Some([1.11, 1.18]), Some(Direction::Worse)))),
                swept(2.0, 7.207e9, None),
                swept(4.0, 7.3e9, Some(contrast(1.013, Some([0.98, 1.04]), None))),
            ],
            best: Some(2.0),
            not_told_apart: vec![4.0],
            worse_than_least: Vec::new(),
            more_trials_needed: Some(6),
            spread_assumed: false,
            law: None::<LawReport>,
            answer: "Inconclusive: load.workers = 2 has the best mean, but 4 cannot be told apart from it; about 6 more \
                     trials of each would likely settle it. More was never worse than 1."
                .to_owned(),
        }
    }

    #[test]
    fn a_sweep_is_a_table_of_its_values_and_an_answer() {
        insta::assert_snapshot!(rendered(80, vec![sweep()]), @"

        Sweep of load.workers: latency.mean (new)
         value  trials    mean  95 % interval     beside the best
             1      10  8.24 s  8.16 s to 8.33 s  ×1.144 (1.110 to 1.180) worse
             2      10  7.21 s  7.13 s to 7.28 s  best
             4      10  7.30 s  7.23 s to 7.37 s  ×1.013 (0.980 to 1.040) not told apart
        Inconclusive: load.workers = 2 has the best mean, but 4 cannot be told apart
        from it; about 6 more trials of each would likely settle it. More was never
        worse than 1.
        ");
    }

    #[test]
    fn a_wide_page_has_room_for_the_smallest_value_too() {
        let text = rendered(120, vec![sweep()]);
        assert!(
            text.contains("beside the smallest") && text.contains("×0.874 (0.800 to 0.900) better"),
            "{text}"
        );
    }

    #[test]
    fn only_some_sweeps_are_listed() {
        assert!(rendered(80, vec![sweep(); 8]).contains("… and 2 more sweeps"));
        assert_eq!(rendered(80, Vec::new()), "");
    }
}

//! What a search found: the answer, a table of the values that were tried, and which of them are worth a closer look.

use comfy_table::CellAlignment;
use shared::run_report::{RunReport, SearchReport, VariantReport};
use shared::units::human_share;

use super::Page;
use super::ink::printable;
use super::operations::{ABSENT, plain_table};
use crate::figures;

/// Adds the table and how it is to be read.
pub(super) fn table(page: &mut Page, report: &RunReport) {
    let Some(search) = &report.search else { return };
    page.title(&printable(&format!("Search over {} for {}", search.vary, search.keep)));
    let mut table = plain_table();
    table.set_header(["value", "verdict", "trials", &search.metric, "95 % interval"]);
    for step in &search.steps {
        let interval = step.ci95.map(|[low, high]| {
            format!("{} to {}", figures::figure(low, &search.unit), figures::figure(high, &search.unit))
        });
        table.add_row([
            step.value.to_string(),
            step.verdict.as_str().to_owned(),
            step.n.to_string(),
            step.measured.map_or_else(|| ABSENT.to_owned(), |value| figures::figure(value, &search.unit)),
            interval.unwrap_or_else(|| ABSENT.to_owned()),
        ]);
    }
    for number in [0, 2, 3] {
        table.column_mut(number).into_iter().for_each(|it| it.set_cell_alignment(CellAlignment::Right));
    }
    page.table(&table);
    page.aside(&format!(
        "values at most {} apart; every decision at {} so that all of them together are wrong no more often than 5 %",
        human_share(search.resolution),
        human_share(search.alpha)
    ));
}

/// Whether a variant is worth tables of its own: of a search only the two values that its answer lies between.
pub(super) fn is_shown(report: &RunReport, variant: &VariantReport) -> bool {
    let Some(search) = &report.search else { return true };
    value_of(search, variant)
        .is_some_and(|value| [search.answer.at_least, search.answer.below].contains(&Some(value)))
}

fn value_of(search: &SearchReport, variant: &VariantReport) -> Option<f64> {
    search.steps.iter().find(|step| step.variant == variant.name).map(|step| step.value)
}

#[cfg(test)]
mod tests {
    use crate::fixture;
    use crate::{Reporter, terminal::Terminal};

    #[test]
    fn a_search_is_a_table_of_what_was_tried() {
        let report = fixture::search::with_search();
        let text = Terminal { width: 80, is_coloured: false }.render(&report).unwrap();
        let (_, from) = text.split_once("\nSearch over").expect("its title");
        let (section, _) = from.split_once("\n\n").expect("what follows");
        insta::assert_snapshot!(section, @"
         load.rate for read.latency.p99 < 50ms
         value  verdict       trials  read.latency.p99  95 % interval
           100  supported          3           12.0 ms  10.8 ms to 13.2 ms
           400  supported          3           19.0 ms  17.1 ms to 20.9 ms
           420  inconclusive       3                 –  –
           440  refuted            3            140 ms  126 ms to 154 ms
        values at most 10 % apart; every decision at 0.150 % so that all of them
        together are wrong no more often than 5 %
        ");
    }

    #[test]
    fn the_answer_is_what_came_out() {
        let report = fixture::search::with_search();
        let text = Terminal { width: 80, is_coloured: false }.render(&report).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains(
                "Supported: read.latency.p99 < 50ms holds at load.rate = 400 and no longer at 440."
            ),
            "{text}"
        );
    }
}

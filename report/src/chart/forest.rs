//! Comparisons as a forest plot: the ratio of each metric with its interval, beside the band in which both sides count as the same.

use maud::Markup;
use shared::run_report::ComparisonReport;

use super::scale::{Scale, Spread};
use super::sheet::{Anchor, LINE_HEIGHT, Panel, Sheet};
use super::{Table, Width, figure};
use crate::figures;

/// Rows that are drawn; all stand in the table.
const ROWS_MAX: usize = 40;
const ROW: f64 = 2.0 * LINE_HEIGHT + 6.0;
/// How far the axis reaches at least: beyond the band by its own width.
const REACH: f64 = 2.0;
const SQUARE: f64 = 4.0;

/// Draws those that have a ratio; `None`: there is none. `margin` is δ, as a share.
pub fn chart(comparisons: &[ComparisonReport], margin: f64) -> Option<Markup> {
    let with_ratio: Vec<&ComparisonReport> =
        comparisons.iter().filter(|it| it.ratio.is_some_and(|ratio| ratio > 0.0)).collect();
    if with_ratio.is_empty() {
        return None;
    }
    let mut description =
        "Second side divided by first, with its 95 % interval. Within the shaded band both count as the \
        same; an interval that reaches over an edge of it leaves the question open."
            .to_owned();
    if with_ratio.len() > ROWS_MAX {
        description += &format!(" The first {ROWS_MAX} are drawn; the table has all.");
    }
    let shown = &with_ratio[..with_ratio.len().min(ROWS_MAX)];
    Some(figure("Ratios with their intervals", &description, &[], &table(comparisons), |width| {
        draw(shown, margin, width)
    }))
}

fn draw(comparisons: &[&ComparisonReport], margin: f64, width: Width) -> Option<Sheet> {
    let mut sheet = Sheet::new(width);
    let whole = sheet.panel(ROW * comparisons.len() as f64);
    let panel = Panel { across: (12.0, whole.across.1), up: whole.up };
    let reaches = comparisons.iter().flat_map(|it| it.ratio.into_iter().chain(it.ci95.into_iter().flatten()));
    let at_least = [(1.0 + margin).powf(REACH), (1.0 + margin).powf(-REACH), 1.0];
    let across = Scale::over(Spread::Logarithmic, reaches.chain(at_least), panel.across)?;
    let (bottom, top) = panel.up;
    // The verdict's band is symmetric in logarithms, as ratios are.
    let band = (across.at(1.0 / (1.0 + margin)), across.at(1.0 + margin));
    sheet.rectangle(
        "same",
        (band.0, top),
        (band.1, bottom),
        &format!("the same within {}", shared::units::human_share(margin)),
    );
    sheet.line("one", [Some((across.at(1.0), top)), Some((across.at(1.0), bottom))]);
    for (place, comparison) in comparisons.iter().enumerate() {
        row(&mut sheet, comparison, top + ROW * place as f64, &across);
    }
    let about = if width == Width::Wide { 6 } else { 3 };
    let marks = across.marks(about).into_iter().map(|mark| {
        (across.at(mark), format!("{mark:.3}").trim_end_matches('0').trim_end_matches('.').to_owned())
    });
    sheet.axis_across(&panel, "ratio, logarithmic", marks);
    Some(sheet)
}

/// What is compared on one line, the interval below it.
fn row(sheet: &mut Sheet, comparison: &ComparisonReport, top: f64, across: &Scale) {
    let says = format!("{}: {}", figures::comparison(comparison), figures::says(comparison));
    let class = format!("says-{}", comparison.says);
    sheet.text((12.0, top + LINE_HEIGHT), Anchor::Start, "row", &says);
    let middle = top + ROW - LINE_HEIGHT / 2.0 - 3.0;
    if let Some([low, high]) = comparison.ci95 {
        sheet.line(&class, [Some((across.at(low), middle)), Some((across.at(high), middle))]);
        for end in [low, high] {
            let x = across.at(end);
            sheet.line(&class, [Some((x, middle - SQUARE)), Some((x, middle + SQUARE))]);
        }
    }
    if let Some(ratio) = comparison.ratio {
        let told = figures::with_interval(comparison.ratio, comparison.ci95, "");
        sheet.point(&class, (across.at(ratio), middle), &format!("{says}: {told}"));
    }
}

fn table(comparisons: &[ComparisonReport]) -> Table {
    let header = ["what", "ratio (95 % interval)", "says", "named by a claim"].map(str::to_owned).to_vec();
    let row = |it: &ComparisonReport| {
        let named = if it.primary { "yes" } else { "no: exploratory" };
        let ratio = figures::with_interval(it.ratio, it.ci95, "");
        vec![figures::comparison(it), ratio, figures::says(it), named.to_owned()]
    };
    Table { header, rows: comparisons.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use shared::run_report::Says;

    use super::*;

    fn comparison(ratio: Option<f64>, ci95: Option<[f64; 2]>) -> ComparisonReport {
        ComparisonReport {
            metric: "read.latency.p99".to_owned(),
            a: "old".to_owned(),
            b: "new <b>".to_owned(),
            agent: None,
            pair: None,
            n: 10,
            ratio,
            ci95,
            says: Says::Same,
            primary: true,
            more_trials_needed: None,
            fingerprint_differences: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_ratio_stands_with_its_interval_and_the_band() {
        let text = chart(&[comparison(Some(1.02), Some([0.98, 1.06]))], 0.05).unwrap().into_string();
        assert!(text.contains("class=\"same\"") && text.contains("the same within 5 %"), "{text}");
        assert!(text.contains("says-same") && text.contains("1.02 (0.980 to 1.06)"), "{text}");
        assert!(!text.contains("<b>"), "names are escaped: {text}");
    }

    #[test]
    fn without_a_ratio_there_is_nothing_to_draw() {
        assert!(chart(&[], 0.05).is_none());
        assert!(chart(&[comparison(None, None), comparison(Some(0.0), None)], 0.05).is_none());
    }
}

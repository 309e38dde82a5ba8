//! The curve of a sweep: each value's mean with its interval, the best one marked, and the law that was fitted, which is a model.

use maud::Markup;
use shared::run_report::{LawReport, SweepReport};

use super::scale::{Scale, Spread};
use super::sheet::Sheet;
use super::{Table, Width, figure};
use crate::figures;

const HEIGHT: f64 = 200.0;
/// Swept values so many times apart need a logarithmic axis.
const WIDE_RANGE: f64 = 8.0;
/// Points of the law's curve.
const STEPS: u32 = 60;
const WHISKER: f64 = 4.0;

/// Draws it.
pub fn chart(sweep: &SweepReport) -> Markup {
    let mut legend = vec![format!("mean over trials, with its 95 % interval ({})", sweep.metric)];
    if sweep.law.is_some() {
        legend.push("Universal Scalability Law, a model".to_owned());
    }
    let title = format!("{} by {}{}", sweep.metric, sweep.path, whose(sweep));
    figure(&title, &sweep.answer, &legend, &table(sweep), |width| draw(sweep, width))
}

fn whose(sweep: &SweepReport) -> String {
    let variant = (sweep.variant != "default").then(|| sweep.variant.clone());
    let agent = sweep.agent.as_ref().map(ToString::to_string);
    let pair = sweep.pair.as_ref().map(ToString::to_string);
    let named: Vec<String> = [variant, agent, pair].into_iter().flatten().collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

fn draw(sweep: &SweepReport, width: Width) -> Option<Sheet> {
    let measured: Vec<_> =
        sweep.values.iter().filter_map(|swept| Some((swept.value, swept.mean?, swept.ci95))).collect();
    let (least, most) = (measured.first()?.0, measured.last()?.0);
    let mut sheet = Sheet::new(width);
    let panel = sheet.panel(HEIGHT);
    let is_wide = least > 0.0 && most / least >= WIDE_RANGE;
    let spread = if is_wide { Spread::Logarithmic } else { Spread::Linear };
    let across = Scale::over(spread, measured.iter().map(|(value, ..)| *value), panel.across)?;
    let law =
        sweep.law.as_ref().filter(|_| least > 0.0).map(|law| curve(law, least, most)).unwrap_or_default();
    let reaches =
        measured.iter().flat_map(|(_, mean, ci95)| [*mean].into_iter().chain(ci95.iter().flatten().copied()));
    let up =
        Scale::over(Spread::Linear, reaches.chain(law.iter().map(|point| point.1)).chain([0.0]), panel.up)?;
    let up = up.to_marks(panel.marks());
    sheet.axis_up(&panel, &up, &sweep.metric, |value| figures::figure(value, &sweep.unit));
    let labels = measured.iter().map(|(value, ..)| (across.at(*value), figures::figure(*value, "")));
    sheet.axis_across(&panel, &sweep.path, labels);
    sheet.line("s1", law.iter().map(|(value, model)| Some((across.at(*value), up.at(*model)))));
    sheet.line("s0", measured.iter().map(|(value, mean, _)| Some((across.at(*value), up.at(*mean)))));
    for (value, mean, ci95) in &measured {
        let x = across.at(*value);
        if let Some([low, high]) = ci95 {
            sheet.line("s0 solid", [Some((x, up.at(*low))), Some((x, up.at(*high)))]);
            for end in [low, high] {
                sheet.line("s0 solid", [Some((x - WHISKER, up.at(*end))), Some((x + WHISKER, up.at(*end)))]);
            }
        }
        let is_best = sweep.best == Some(*value);
        let told = figures::with_interval(Some(*mean), *ci95, &sweep.unit);
        let says =
            format!("{} = {}: {told}{}", sweep.path, value, if is_best { ", the best mean" } else { "" });
        sheet.point(if is_best { "s0 best" } else { "s0" }, (x, up.at(*mean)), &says);
    }
    Some(sheet)
}

/// The law between the smallest and the largest value.
fn curve(law: &LawReport, least: f64, most: f64) -> Vec<(f64, f64)> {
    let at = |step: u32| least * (most / least).powf(f64::from(step) / f64::from(STEPS));
    let model = |n: f64| law.of_one * n / (1.0 + law.contention * (n - 1.0) + law.coherence * n * (n - 1.0));
    (0..=STEPS).map(|step| (at(step), model(at(step)))).filter(|point| point.1.is_finite()).collect()
}

fn table(sweep: &SweepReport) -> Table {
    let header =
        [sweep.path.as_str(), "trials", "mean (95 % interval)", "beside the best", "beside the smallest"];
    let rows = sweep.values.iter().map(|swept| {
        let beside = |contrast: &Option<shared::run_report::ContrastReport>| match contrast {
            Some(contrast) => format!(
                "{}: {}",
                figures::with_interval(contrast.ratio, contrast.interval, ""),
                contrast.says
            ),
            None => figures::ABSENT.to_owned(),
        };
        vec![
            figures::figure(swept.value, ""),
            swept.n.to_string(),
            figures::with_interval(swept.mean, swept.ci95, &sweep.unit),
            beside(&swept.against_best),
            beside(&swept.against_least),
        ]
    });
    Table { header: header.map(str::to_owned).to_vec(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use shared::run_report::SweptReport;

    use super::*;

    fn sweep(values: &[(f64, Option<f64>)], law: Option<LawReport>) -> SweepReport {
        let swept = |(value, mean): &(f64, Option<f64>)| SweptReport {
            value: *value,
            variant: format!("load.workers={value}"),
            n: 5,
            mean: *mean,
            ci95: mean.map(|mean| [mean * 0.9, mean * 1.1]),
            against_best: None,
            against_least: None,
        };
        SweepReport {
            path: "load.workers".to_owned(),
            variant: "default".to_owned(),
            metric: "throughput".to_owned(),
            unit: "per_s".to_owned(),
            agent: None,
            pair: None,
            values: values.iter().map(swept).collect(),
            best: Some(4.0),
            not_told_apart: vec![4.0, 8.0],
            worse_than_least: Vec::new(),
            more_trials_needed: None,
            spread_assumed: false,
            law,
            answer: "4 is best.".to_owned(),
        }
    }

    #[test]
    fn the_best_value_is_marked_and_every_value_stands_on_the_axis() {
        let law =
            LawReport { of_one: 100.0, contention: 0.1, coherence: 0.001, peak: Some(30.0), misfit: 0.02 };
        let values = [(1.0, Some(100.0)), (2.0, Some(180.0)), (4.0, Some(300.0)), (8.0, Some(290.0))];
        let text = chart(&sweep(&values, Some(law))).into_string();
        assert_eq!(text.matches("s0 best").count(), 2, "once for each width");
        assert!(text.contains("the best mean") && text.contains("a model"), "{text}");
    }

    #[test]
    fn values_without_a_mean_are_left_out_and_none_says_so() {
        let text = chart(&sweep(&[(1.0, None)], None)).into_string();
        assert!(text.contains("Nothing was measured"), "{text}");
    }
}

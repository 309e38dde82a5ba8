//! Latency by percentile: a line for each variant on HdrHistogram's axis, which gives every further nine the same room, with the
//! interval of each percentile between trials.

use analysis::assemble::{Assembled, Place};
use analysis::estimate::{Scale as Averaging, mean_with_interval};
use analysis::quantile;
use maud::Markup;
use shared::histogram::Histogram;
use shared::units::human_ns;

use super::scale::{Scale, Spread};
use super::sheet::Sheet;
use super::{LINES_MAX, Table, Width, figure};

/// Where the curve is read off; between them it is drawn straight.
const LEVELS: [f64; 17] =
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];
/// Those of them that are marked on the axis and stand in the table.
const MARKED: [f64; 8] = [0.0, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999];
/// Times so many times apart need a logarithmic axis.
const WIDE_RANGE: f64 = 20.0;
const HEIGHT: f64 = 240.0;

/// One variant's curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The variant's name, and the agent's where they stand apart.
    pub name: String,
    /// The points that the sample can carry.
    pub points: Vec<Point>,
}

/// One percentile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Which, 0 to 1.
    pub level: f64,
    /// Its value over all valid trials, ns.
    pub value_ns: f64,
    /// 95 % interval of its geometric mean between trials, ns; `None` below two trials.
    pub interval_ns: Option<[f64; 2]>,
}

/// The curves of a run: all operations of each variant together, or of each agent where they stand apart.
pub fn curves(assembled: &Assembled) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (variant, report) in assembled.report.variants.iter().enumerate() {
        if let Some(operation) = report.operations.len().checked_sub(1) {
            let place = Place { variant, trial: None, agent: None, operation };
            curves.extend(curve(assembled, report.name.clone(), place));
        } else {
            for (agent, totals) in report.agents.iter().enumerate() {
                let whose = totals.pair.as_ref().map_or_else(|| totals.name.to_string(), ToString::to_string);
                let operation = totals.operations.len().saturating_sub(1);
                let place = Place { variant, trial: None, agent: Some(agent), operation };
                let is_alone = assembled.report.variants.len() == 1;
                let name = if is_alone { whose } else { format!("{}, {whose}", report.name) };
                curves.extend(curve(assembled, name, place));
            }
        }
    }
    curves
}

/// The curve of what was measured so far of one line, without an interval between trials.
pub fn curve_so_far(name: String, latency: &Histogram) -> Curve {
    Curve { name, points: LEVELS.iter().filter_map(|level| point(*level, latency, &[])).collect() }
}

fn curve(assembled: &Assembled, name: String, place: Place) -> Option<Curve> {
    let whole = assembled.latencies.get(&place)?.decode();
    let trials = &assembled.report.variants[place.variant].trials;
    let of_trials: Vec<Histogram> = trials
        .iter()
        .enumerate()
        .filter(|(_, trial)| trial.valid && place.agent.is_none())
        .filter_map(|(trial, _)| {
            let place = Place { trial: Some(trial), ..place };
            assembled.latencies.get(&place).map(|encoded| encoded.decode())
        })
        .collect();
    let points = LEVELS.iter().filter_map(|level| point(*level, &whole, &of_trials)).collect();
    Some(Curve { name, points })
}

fn point(level: f64, whole: &Histogram, trials: &[Histogram]) -> Option<Point> {
    let value_ns = at(whole, level)?;
    let of_trials: Vec<f64> = trials.iter().filter_map(|trial| at(trial, level)).collect();
    let is_carried_by_all = of_trials.len() == trials.len();
    let interval = is_carried_by_all.then(|| mean_with_interval(&of_trials, Averaging::Bucketed).1).flatten();
    Some(Point { level, value_ns, interval_ns: interval })
}

/// A quantile that the sample can carry; the lowest value of any sample.
fn at(histogram: &Histogram, level: f64) -> Option<f64> {
    let value = if level == 0.0 { histogram.min() } else { quantile::quantile(histogram, level) };
    value.map(|value| value as f64)
}

/// Draws them.
pub fn chart(curves: &[Curve]) -> Markup {
    let shown = &curves[..curves.len().min(LINES_MAX)];
    let legend: Vec<String> = shown.iter().map(|curve| curve.name.clone()).collect();
    let description = "Latency of successes by percentile, all valid trials together; shaded: 95 % interval \
        of each percentile between trials. Percentiles that the sample cannot carry are left out.";
    figure("Latency by percentile", description, &legend, &table(curves), |width| draw(shown, width))
}

fn draw(curves: &[Curve], width: Width) -> Option<Sheet> {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let reach = |point: &Point| [point.value_ns].into_iter().chain(point.interval_ns.into_iter().flatten());
    let (least, most) = all()
        .flat_map(reach)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    if least > most {
        return None;
    }
    let mut sheet = Sheet::new(width);
    let panel = sheet.panel(HEIGHT);
    let is_wide = least > 0.0 && most / least > WIDE_RANGE;
    let spread = if is_wide { Spread::Logarithmic } else { Spread::Linear };
    let from_zero = (!is_wide).then_some(0.0);
    let up = Scale::over(spread, all().flat_map(reach).chain(from_zero), panel.up)?.to_marks(panel.marks());
    let across = Scale::over(
        Spread::Logarithmic,
        all().map(|point| nines(point.level)).chain([1.0, nines(0.9)]),
        panel.across,
    )?;
    sheet.axis_up(&panel, &up, if is_wide { "latency, logarithmic" } else { "latency" }, human_ns);
    let last = all().map(|point| point.level).fold(0.0, f64::max);
    let marked = MARKED.iter().filter(|level| **level <= last);
    sheet.axis_across(&panel, "percentile", marked.map(|level| (across.at(nines(*level)), per_cent(*level))));
    for (place, curve) in curves.iter().enumerate() {
        let spanned: Vec<(f64, [f64; 2])> = curve
            .points
            .iter()
            .filter_map(|point| Some((across.at(nines(point.level)), point.interval_ns?)))
            .collect();
        let edge = |side: usize| -> Vec<(f64, f64)> {
            spanned.iter().map(|(x, interval)| (*x, up.at(interval[side]))).collect()
        };
        sheet.band(&format!("s{place}"), &edge(0), &edge(1));
    }
    for (place, curve) in curves.iter().enumerate() {
        let at = |point: &Point| (across.at(nines(point.level)), up.at(point.value_ns));
        sheet.line(&format!("s{place}"), curve.points.iter().map(|point| Some(at(point))));
        for point in curve.points.iter().filter(|point| MARKED.contains(&point.level)) {
            let says = format!("{}, {}: {}", curve.name, per_cent(point.level), said(point));
            sheet.point(&format!("s{place}"), at(point), &says);
        }
    }
    Some(sheet)
}

/// HdrHistogram's axis: 1 for the lowest value, 2 for the median, 10 for the 90th percentile, 100 for the 99th.
fn nines(level: f64) -> f64 {
    1.0 / (1.0 - level)
}

fn per_cent(level: f64) -> String {
    let text = format!("{:.3}", level * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn said(point: &Point) -> String {
    match point.interval_ns {
        Some([low, high]) => {
            format!("{} (between trials {} to {})", human_ns(point.value_ns), human_ns(low), human_ns(high))
        }
        None => human_ns(point.value_ns),
    }
}

fn table(curves: &[Curve]) -> Table {
    let header =
        std::iter::once("percentile".to_owned()).chain(curves.iter().map(|curve| curve.name.clone()));
    let of_level = |curve: &Curve, level: f64| {
        let found = curve.points.iter().find(|point| point.level == level);
        found.map_or_else(|| crate::figures::ABSENT.to_owned(), said)
    };
    let rows = MARKED.iter().map(|level| {
        std::iter::once(per_cent(*level)).chain(curves.iter().map(|curve| of_level(curve, *level))).collect()
    });
    Table { header: header.collect(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_curve_passes_through_the_report_s_percentiles() {
        let assembled = fixture::assembled();
        let curves = curves(&assembled);
        let [Curve { points, .. }] = curves.as_slice() else { panic!("one variant, one curve") };
        let latency = &assembled.report.variants[0].operations.last().unwrap().latency_ns;
        let read =
            |level: f64| points.iter().find(|point| point.level == level).map(|point| point.value_ns as u64);
        assert_eq!((read(0.5), read(0.99), read(0.99999)), (latency.p50, latency.p99, None));
        assert!(points.iter().all(|point| point.interval_ns.is_some()), "two valid trials give intervals");
    }

    #[test]
    fn nothing_measured_draws_nothing_and_says_so() {
        let text = chart(&[]).into_string();
        assert!(text.contains("Nothing was measured") && !text.contains("<svg"), "{text}");
    }

    #[test]
    fn percentiles_are_told_without_needless_zeros() {
        assert_eq!([0.0, 0.5, 0.999, 0.99999].map(per_cent), ["0 %", "50 %", "99.9 %", "99.999 %"]);
    }
}

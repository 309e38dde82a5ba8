//! A metric's history with its change points, series by series.

use jiff::Timestamp;
use shared::history::{History, HistoryPoint, SCHEMA, Trend, TrendChange, TrendPoint, TrendSeries};

use crate::change_point::{PERMUTATIONS_MIN, Search, change_points};
use crate::level::Level;

/// Smaller changes are not told, as a share of what was before: the usual margin of comparisons.
const SMALLEST_EFFECT: f64 = 0.05;
/// Seed of the permutations: the same history gives the same answer.
const SEED: u64 = 0x0074_7265_6e64;

/// The trend of a metric: a series for each variant, and for each agent or pair that stands alone, in the order in which they
/// first appear, with the places where each changed.
pub fn trend(metric: &str, history: History) -> Trend {
    let mut series: Vec<TrendSeries> = Vec::new();
    for point in history.points {
        let subject = Some(point.subject.as_str()).filter(|subject| !subject.is_empty());
        let is_its = |known: &TrendSeries| {
            (known.variant.as_str(), known.subject.as_deref(), known.unit.as_str())
                == (point.variant.as_str(), subject, point.unit.as_str())
        };
        let place = series.iter().position(is_its).unwrap_or_else(|| {
            series.push(TrendSeries {
                variant: point.variant.clone(),
                subject: subject.map(str::to_owned),
                unit: point.unit.clone(),
                points: Vec::new(),
                change_points: Vec::new(),
            });
            series.len() - 1
        });
        series[place].points.push(told(point));
    }
    series.iter_mut().for_each(|one| one.change_points = changes(&one.points));
    Trend {
        schema: SCHEMA.to_owned(),
        metric: metric.to_owned(),
        job: history.job,
        series,
        runs_left_out: history.runs_left_out,
        has_older: history.has_older,
    }
}

fn changes(points: &[TrendPoint]) -> Vec<TrendChange> {
    let means: Vec<f64> = points.iter().map(|point| point.mean).collect();
    let search = Search {
        level: Level::FIVE_PERCENT,
        permutations: PERMUTATIONS_MIN,
        smallest_effect: SMALLEST_EFFECT,
        seed: SEED,
    };
    let found = change_points(&means, &search).into_iter();
    let change = found.map(|change| TrendChange {
        at: change.at,
        run: points[change.at].run,
        before: change.before,
        after: change.after,
        ratio: Some(change.after / change.before).filter(|ratio| ratio.is_finite()),
        p_value: change.p,
    });
    change.collect()
}

fn told(point: HistoryPoint) -> TrendPoint {
    let submitted =
        i64::try_from(point.submitted_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    TrendPoint {
        run: point.run,
        submitted_at: submitted.unwrap_or(Timestamp::MAX).to_string(),
        tags: point.tags,
        trials: point.trials,
        mean: point.mean,
        ci95: point.ci95,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::ids::RunId;

    use super::*;

    fn point(number: u64, variant: &str, mean: f64) -> HistoryPoint {
        HistoryPoint {
            run: RunId::new(number, [1; 10]),
            submitted_at_ms: number * 86_400_000,
            tags: BTreeMap::new(),
            variant: variant.to_owned(),
            subject: String::new(),
            unit: "ns".to_owned(),
            trials: 3,
            mean,
            ci95: None,
        }
    }

    fn history(points: Vec<HistoryPoint>) -> History {
        History { job: "nightly".to_owned(), points, ..History::default() }
    }

    #[test]
    fn a_step_is_told_with_the_first_run_behind_it() {
        let noise = |number: u64| (number * 7 % 5) as f64;
        let mean = |number: u64| if number < 20 { 100.0 + noise(number) } else { 120.0 + noise(number) };
        let points = (0..40).map(|number| point(number, "default", mean(number))).collect();
        let told = trend("latency.p50", history(points));
        let [series] = told.series.as_slice() else { panic!("{told:?}") };
        let [change] = series.change_points.as_slice() else { panic!("{series:?}") };
        assert_eq!((change.at, change.run), (20, RunId::new(20, [1; 10])));
        let ratio = change.ratio.unwrap();
        assert!((ratio - 122.0 / 102.0).abs() < 0.01, "{ratio}");
        assert_eq!(series.points[1].submitted_at, "1970-01-02T00:00:00Z");
    }

    #[test]
    fn variants_are_series_of_their_own() {
        let points = (0..6).map(|number| point(number, ["old", "new"][number as usize % 2], 1.0)).collect();
        let told = trend("latency.p50", history(points));
        let variants: Vec<_> =
            told.series.iter().map(|one| (one.variant.as_str(), one.points.len())).collect();
        assert_eq!(variants, [("old", 3), ("new", 3)]);
        assert!(told.series.iter().all(|one| one.change_points.is_empty()));
    }
}

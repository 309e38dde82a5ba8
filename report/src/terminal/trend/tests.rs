//! Facts about trends on a terminal.

use std::collections::BTreeMap;

use shared::history::{SCHEMA, TrendChange};
use shared::ids::RunId;

use super::*;

fn point(number: u64, mean: f64) -> TrendPoint {
    TrendPoint {
        run: RunId::new(number, [number as u8; 10]),
        submitted_at: "2026-11-21T10:06:24Z".to_owned(),
        tags: BTreeMap::from([("commit".to_owned(), format!("{number:040x}"))]),
        trials: 10,
        mean,
        ci95: Some([mean * 0.98, mean * 1.02]),
    }
}

fn trend(means: &[f64], change_at: Option<usize>) -> Trend {
    let points: Vec<TrendPoint> = (1..).zip(means).map(|(number, mean)| point(number, *mean)).collect();
    let change = change_at.map(|at| TrendChange {
        at,
        run: points[at].run,
        before: 1e6,
        after: 1.2e6,
        ratio: Some(1.2),
        p_value: 0.0005,
    });
    let series = TrendSeries {
        variant: "default".to_owned(),
        subject: None,
        unit: "ns".to_owned(),
        points,
        change_points: change.into_iter().collect(),
    };
    Trend {
        schema: SCHEMA.to_owned(),
        metric: "read.latency.p95".to_owned(),
        job: "nightly".to_owned(),
        series: vec![series],
        runs_left_out: 2,
        has_older: false,
    }
}

#[test]
fn a_trend_shows_its_values_and_where_they_changed() {
    let means = [1.0e6, 1.02e6, 0.99e6, 1.21e6, 1.19e6, 1.2e6];
    insta::assert_snapshot!(render(&trend(&means, Some(3)), 100, false));
}

#[test]
fn more_runs_than_columns_share_them() {
    let means: Vec<f64> = (0..500).map(|number| 1e6 + f64::from(number)).collect();
    let page = render(&trend(&means, None), 60, false);
    let plot = page.lines().find(|line| line.contains('▁')).unwrap();
    assert_eq!(plot.trim().chars().count(), 59);
    assert!(plot.ends_with('█') && page.contains("480 older runs"), "{page}");
}

#[test]
fn values_that_are_all_the_same_lie_in_the_middle() {
    let page = render(&trend(&[1e6; 3], None), 60, false);
    assert!(page.contains("▅▅▅"), "{page}");
}

#[test]
fn what_strangers_wrote_moves_no_cursor() {
    let mut hostile = trend(&[1e6], None);
    hostile.series[0].points[0].tags.insert("describe".to_owned(), "v1\u{1b}[2J\nx".to_owned());
    let page = render(&hostile, 100, false);
    assert!(!page.contains('\u{1b}') && page.contains("v1 [2J x"), "{page}");
}

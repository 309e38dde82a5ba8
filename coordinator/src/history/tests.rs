//! Facts about histories.

use shared::job::{Kinds, parse};
use shared::run_figures::{JobShape, VariantFigures};
use shared::run_report::Estimate;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};

fn estimate(metric: &str, mean: Option<f64>) -> Estimate {
    let (metric, unit) = (metric.to_owned(), "ns".to_owned());
    Estimate { metric, unit, agent: None, pair: None, n: 3, mean, ci95: None }
}

/// Figures with one operation, `read`, whose median is the run's number.
fn figures(number: u64, job: &str) -> RunFigures {
    let text = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\n";
    let variant = VariantFigures {
        name: "default".to_owned(),
        shape: JobShape::of(&parse(text, Kinds::Unchecked).unwrap(), 1),
        target_sha256: None,
        command_sha256: None,
        trials_valid: 1,
        trials_planned: 1,
        estimates: vec![
            estimate("read.latency.p50", Some(number as f64)),
            estimate("read.latency.p99", None),
        ],
    };
    RunFigures { job: job.parse().unwrap(), variants: vec![variant], ..samples::figures(number) }
}

/// A store whose runs are of these jobs, oldest first.
fn store_of(jobs: &[&str]) -> StoreHandle {
    let mut store = MemoryStore::new();
    for (number, job) in (1..).zip(jobs) {
        let mut summary = samples::summary(number);
        summary.name = job.parse().unwrap();
        samples::create(&mut store, number);
        store.finish_run(&samples::finished_record(number), &summary, &samples::report(number)).unwrap();
        store.save_figures(&figures(number, job)).unwrap();
    }
    StoreHandle::start(Box::new(store)).unwrap()
}

async fn asked(store: &StoreHandle, metric: &str, job: Option<&str>, runs_max: usize) -> History {
    let job = job.map(|job| job.parse().unwrap());
    read(store, HistoryQuestion { metric: metric.to_owned(), job, runs_max }).await.unwrap()
}

fn means(history: &History) -> Vec<f64> {
    history.points.iter().map(|point| point.mean).collect()
}

#[tokio::test]
async fn a_history_goes_from_the_oldest_run_to_the_newest() {
    let store = store_of(&["a", "a", "b", "a"]);
    let history = asked(&store, "read.latency.p50", Some("a"), 10).await;
    assert_eq!((means(&history), history.has_older), (vec![1.0, 2.0, 4.0], false));
    assert_eq!(history.points[0].run, run_id(1));
    let newest = asked(&store, "read.latency.p50", Some("a"), 2).await;
    assert_eq!((means(&newest), newest.has_older), (vec![2.0, 4.0], true));
}

#[tokio::test]
async fn without_a_job_it_is_the_newest_runs_own() {
    let store = store_of(&["a", "b", "a", "b"]);
    let history = asked(&store, "read.latency.p50", None, 10).await;
    assert_eq!((history.job, history.points.len()), ("b".to_owned(), 2));
}

#[tokio::test]
async fn one_operation_alone_may_go_without_its_name() {
    let store = store_of(&["a"]);
    assert_eq!(means(&asked(&store, "latency.p50", None, 10).await), [1.0]);
    assert_eq!(means(&asked(&store, "*.latency.p50", None, 10).await), [1.0]);
}

#[tokio::test]
async fn runs_without_a_value_are_counted_and_left_out() {
    let store = store_of(&["a", "a"]);
    let history = asked(&store, "read.latency.p99", Some("a"), 10).await;
    assert_eq!((history.job, history.runs_left_out), (String::new(), 2));
}

#[tokio::test]
async fn a_long_history_is_read_page_by_page() {
    let jobs = vec!["a"; PAGE_RUNS * 2 + 3];
    let store = store_of(&jobs);
    let history = asked(&store, "read.latency.p50", None, RUNS_MAX).await;
    let expected: Vec<f64> = (1..=jobs.len()).map(|number| number as f64).collect();
    assert_eq!((means(&history), history.has_older), (expected, false));
}

//! Claims and expectations, read.

use crate::shared::claim::{Against, Amount, Better, ClaimSeverity, Rule, Side};
use crate::shared::metric::Unit;
use crate::{job_with, read};

#[test]
fn a_bound_reads_with_the_unit_of_its_metric() {
    let job = read(&job_with(
        "[[claims]]\ntext = \"quick\"\nmetric = \"http.latency.p95\"\nbelow = \"100ms\"\nseverity = \"warn\"\n\
         [[claims]]\nmetric = \"throughput\"\nabove = \"1000/s\"\n\
         [[claims]]\nmetric = \"error_ratio\"\nbelow = \"1%\"\n\
         [[claims]]\nmetric = \"metric.hits.mean\"\nabove = \"2MiB\"\n\
         [[claims]]\nmetric = \"metric.hits.mean\"\nabove = 0.5\n",
    ))
    .unwrap();
    let [first, ..] = job.claims.as_slice() else { panic!("five claims") };
    assert_eq!(first.text.as_deref(), Some("quick"));
    assert_eq!((first.metric.to_string().as_str(), first.better), ("http.latency.p95", Better::Lower));
    assert_eq!((first.severity, &first.variant, first.ends_run), (ClaimSeverity::Warn, &None, false));
    let limits: Vec<(Side, Amount)> = job
        .claims
        .iter()
        .filter_map(|claim| match claim.rule {
            Rule::Bound { side, limit } => Some((side, limit)),
            _ => None,
        })
        .collect();
    let amount = |value, unit| Amount { value, unit };
    assert_eq!(
        limits,
        [
            (Side::Below, amount(1e8, Unit::Time)),
            (Side::Above, amount(1000.0, Unit::Rate)),
            (Side::Below, amount(0.01, Unit::Share)),
            (Side::Above, amount(2.0 * 1024.0 * 1024.0, Unit::Size)),
            (Side::Above, amount(0.5, Unit::Unknown)),
        ]
    );
}

#[test]
fn a_comparison_reads_with_its_other_side_and_its_better_way() {
    let job = read(&job_with(
        "[[claims]]\nmetric = \"latency.p99\"\nbaseline = \"main\"\nno_regression = \"5%\"\n\
         [[claims]]\nmetric = \"metric.hits.mean\"\nbetter = \"higher\"\nbaseline = \"main\"\nat_least = 1.3\n",
    ))
    .unwrap();
    let against = Against::Baseline("main".to_owned());
    assert_eq!(job.claims[0].rule, Rule::NoRegression { tolerance: 0.05, against: against.clone() });
    assert_eq!(job.claims[1].rule, Rule::Ratio { side: Side::Above, factor: 1.3, against });
    assert_eq!((job.claims[0].better, job.claims[1].better), (Better::Lower, Better::Higher));
}

#[test]
fn a_metric_is_better_the_way_that_its_operation_says() {
    let claim = "[[claims]]\nmetric = \"http.metric.hits.mean\"\nbaseline = \"main\"\nat_least = 1.3\n";
    let defined = |better: &str| {
        let metrics = format!(
            "metrics = {{ hits = {{ from = \"header:x\", kind = \"gauge\", better = \"{better}\" }} }}\n"
        );
        let job = job_with(claim);
        let operation = job.find("url").expect("the job has an operation with a url");
        read(&format!("{}{metrics}{}", &job[..operation], &job[operation..]))
    };
    assert_eq!(defined("higher").unwrap().claims[0].better, Better::Higher);
    assert_eq!(defined("lower").unwrap().claims[0].better, Better::Lower);
    let unsaid = read(&job_with(claim)).unwrap_err();
    assert!(unsaid.to_string().contains("nothing says which way"), "{unsaid}");
}

#[test]
fn what_must_be_reported_reads() {
    let job = read(&job_with("[expect]\nmetrics = [\"metric.a.mean\", \"http.latency.p50\"]\ncount = 32\n"))
        .unwrap();
    let names: Vec<String> = job.expect.metrics.iter().map(ToString::to_string).collect();
    assert_eq!(
        (names, job.expect.count),
        (vec!["metric.a.mean".to_owned(), "http.latency.p50".to_owned()], Some(32))
    );
}

//! Parsers over what the real tools wrote (`tests/reports`, made anew by `tests/reports/make`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::metric::MetricKind;

use super::naming::named;
use super::output::Before;
use super::request::RequestKeys;
use super::*;
use crate::workload::ReportedMetric;

fn report(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reports").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn request(parser: &str, keys: RequestKeys) -> Request {
    keys.read(super::parser(parser).unwrap()).unwrap()
}

fn read(parser: &str, content: &[u8], keys: RequestKeys) -> Result<Vec<ReportedMetric>, String> {
    read_documents(parser, &[Document::alone(content.to_vec())], keys)
}

fn read_documents(
    parser: &str,
    documents: &[Document],
    keys: RequestKeys,
) -> Result<Vec<ReportedMetric>, String> {
    let reading = (super::parser(parser).unwrap().read)(documents, &request(parser, keys));
    let metrics = reading.and_then(|reading| named(reading, false, &|label| label));
    metrics.map_err(|error| error.to_string())
}

fn plain(parser: &str, content: &[u8]) -> Result<Vec<ReportedMetric>, String> {
    read(parser, content, RequestKeys::default())
}

fn metric<'a>(metrics: &'a [ReportedMetric], name: &str) -> &'a ReportedMetric {
    let names = || metrics.iter().map(|it| it.spec().name.as_str()).collect::<Vec<_>>();
    metrics.iter().find(|it| it.spec().name == name).unwrap_or_else(|| panic!("{name} in {:?}", names()))
}

fn mean(metrics: &[ReportedMetric], name: &str) -> f64 {
    metric(metrics, name).summary().mean().unwrap()
}

/// Names without a point: what [expect] counts.
fn counted(metrics: &[ReportedMetric]) -> Vec<&str> {
    metrics.iter().map(|it| it.spec().name.as_str()).filter(|name| !name.contains('.')).collect()
}

fn is_near(one: f64, other: f64, relative: f64) -> bool {
    (one - other).abs() <= relative * other.abs()
}

#[test]
fn the_parsers_are_those_of_the_contract() {
    let contract = "pytest-benchmark hyperfine fio criterion go-bench json regex junit hdr-log";
    assert_eq!(NAMES.join(" "), contract);
}

#[test]
fn pytest_benchmarks_means_are_ours_to_nine_digits() {
    for (name, kind) in
        [("pytest-benchmark.json", MetricKind::Histogram), ("pytest-benchmark-saved.json", MetricKind::Gauge)]
    {
        let content = report(name);
        let metrics = plain("pytest-benchmark", &content).unwrap();
        assert_eq!(counted(&metrics), ["test_sort_of_10", "test_sort_of_100", "test_join"], "{name}");
        let told: Value = serde_json::from_slice(&content).unwrap();
        for benchmark in told["benchmarks"].as_array().unwrap() {
            let label = naming::metric_name(benchmark["name"].as_str().unwrap()).unwrap();
            let stats = |key: &str| benchmark["stats"][key].as_f64().unwrap();
            let ours = metric(&metrics, &label);
            assert_eq!((ours.spec().kind, ours.spec().unit.as_str()), (kind, "ns"));
            let summary = ours.summary();
            assert_eq!(summary.count() as f64, stats("rounds"));
            for (ours, theirs) in [
                (summary.mean().unwrap(), stats("mean")),
                (summary.min().unwrap(), stats("min")),
                (summary.max().unwrap(), stats("max")),
                (mean(&metrics, &format!("{label}.median")), stats("median")),
                (mean(&metrics, &format!("{label}.stddev")), stats("stddev")),
                (mean(&metrics, &format!("{label}.iqr")), stats("iqr")),
            ] {
                assert!(is_near(ours, theirs * 1e9, 1e-9), "{label}: {ours} against {theirs} s");
            }
            // Theirs is divided by n - 1, ours by n.
            let deviation = summary.stdev().unwrap() * (stats("rounds") / (stats("rounds") - 1.0)).sqrt();
            assert!(is_near(deviation, stats("stddev") * 1e9, 1e-6), "{label}: {deviation}");
            assert_eq!(mean(&metrics, &format!("{label}.iterations")), stats("iterations"));
            assert_eq!(mean(&metrics, &format!("{label}.outliers_iqr")), stats("iqr_outliers"));
        }
    }
}

#[test]
fn pytest_benchmark_says_which_machine_it_ran_on() {
    let document = Document::alone(report("pytest-benchmark.json"));
    let read = super::parser("pytest-benchmark").unwrap().read;
    let machine = read(&[document], &Request::default()).unwrap().machine.unwrap();
    assert!(machine.node.is_some() && machine.kernel.is_some() && machine.cpu_model.is_some(), "{machine:?}");
    assert_eq!(machine.architecture.as_deref(), Some("x86_64"));
}

#[test]
fn hyperfine_tells_the_time_of_every_run() {
    let metrics = plain("hyperfine", &report("hyperfine.json")).unwrap();
    assert_eq!(counted(&metrics), ["sleep_0_002", "true"]);
    let sleep = metric(&metrics, "sleep_0_002");
    assert_eq!(sleep.histogram().map(|histogram| histogram.count()), Some(20));
    assert!(sleep.summary().min().unwrap() >= 2e6, "{sleep:?}");
    assert!(mean(&metrics, "sleep_0_002.user") > 0.0);
}

#[test]
fn fios_own_percentiles_and_ours_agree_within_one_of_its_bins() {
    let told: Value = serde_json::from_slice(&report("fio.json")).unwrap();
    for job in told["jobs"].as_array().unwrap() {
        let metrics = plain("fio", &serde_json::to_vec(&json!({ "jobs": [job] })).unwrap()).unwrap();
        for direction in ["read", "write"] {
            let theirs = &job[direction];
            let ours = metric(&metrics, &format!("mixed_{direction}"));
            assert_eq!(ours.summary().count(), theirs["total_ios"].as_u64().unwrap());
            assert!(is_near(
                ours.summary().mean().unwrap(),
                theirs["clat_ns"]["mean"].as_f64().unwrap(),
                1e-9
            ));
            for percentile in [50.0, 90.0, 99.0, 99.9] {
                let told = theirs["clat_ns"]["percentile"][format!("{percentile:.6}")].as_f64().unwrap();
                let value = ours.histogram().unwrap().value_at_quantile(percentile / 100.0).unwrap() as f64;
                // fio keeps 64 bins to a doubling.
                assert!((value - told).abs() <= told / 64.0 + 1.0, "p{percentile}: {value} against {told}");
            }
            assert_eq!(mean(&metrics, &format!("mixed_{direction}.iops")), theirs["iops"].as_f64().unwrap());
            let bandwidth = mean(&metrics, &format!("mixed_{direction}.bandwidth"));
            assert_eq!(bandwidth, theirs["bw_bytes"].as_f64().unwrap());
        }
    }
}

#[test]
fn jobs_of_fio_with_one_name_are_added_up() {
    let content = report("fio.json");
    let told: Value = serde_json::from_slice(&content).unwrap();
    let jobs = told["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2);
    let sum = |key: &str| jobs.iter().map(|job| job["read"][key].as_f64().unwrap()).sum::<f64>();
    let metrics = plain("fio", &[b"note: both iodepth >= 1\n", &content[..]].concat()).unwrap();
    assert_eq!(counted(&metrics), ["mixed_read", "mixed_write"]);
    assert_eq!(metric(&metrics, "mixed_read").summary().count() as f64, sum("total_ios"));
    assert!(is_near(mean(&metrics, "mixed_read.iops"), sum("iops"), 1e-9));
}

#[test]
fn fio_without_bins_says_what_to_write() {
    let error = plain("fio", &report("fio-plain.json")).unwrap_err();
    assert!(error.contains("--output-format=json+"), "{error}");
}

#[test]
fn criterions_folder_tells_samples_and_estimates() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reports/criterion-files");
    let scene = tempfile::tempdir().unwrap();
    let criterion = super::parser("criterion").unwrap();
    let before = Before::look(scene.path().to_owned(), criterion);
    copy_folder(&folder, scene.path());
    let documents = before.read(criterion).unwrap();
    let metrics = read_documents("criterion", &documents, RequestKeys::default()).unwrap();
    assert_eq!(counted(&metrics), ["sums_empty", "sums_of_100"]);
    let estimates: Value =
        serde_json::from_slice(&report("criterion-files/sums/empty/new/estimates.json")).unwrap();
    let theirs = |estimate: &str| estimates[estimate]["point_estimate"].as_f64().unwrap();
    assert!(is_near(mean(&metrics, "sums_empty"), theirs("mean"), 1e-9));
    assert_eq!(metric(&metrics, "sums_empty").summary().count(), 10);
    assert_eq!(mean(&metrics, "sums_empty.median"), theirs("median"));
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&place).unwrap();
            copy_folder(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn criterions_messages_are_read_line_by_line() {
    let text = r#"   Compiling it
{"reason":"benchmark-complete","id":"sums/a b","report_directory":"/x","iteration_count":[10,20],"measured_values":[50.0,120.0],"unit":"ns","throughput":[],"typical":{"estimate":5.5,"lower_bound":1.0,"upper_bound":9.0,"unit":"ns"},"mean":{"estimate":5.5,"lower_bound":1.0,"upper_bound":9.0,"unit":"ns"},"median":{"estimate":5.4,"lower_bound":1.0,"upper_bound":9.0,"unit":"ns"},"median_abs_dev":{"estimate":0.1,"lower_bound":0.0,"upper_bound":1.0,"unit":"ns"},"slope":null,"change":null}
{"reason":"group-complete","group_name":"sums","benchmarks":["sums/a b"],"report_directory":"/x"}
"#;
    let metrics = plain("criterion", text.as_bytes()).unwrap();
    assert_eq!(counted(&metrics), ["sums_a_b"]);
    assert_eq!((mean(&metrics, "sums_a_b"), mean(&metrics, "sums_a_b.median")), (5.5, 5.4));
}

#[test]
fn gos_benchmarks_have_a_value_for_every_line_and_units_of_their_own() {
    let text = report("go-bench.txt");
    let metrics = plain("go-bench", &text).unwrap();
    assert_eq!(counted(&metrics), ["BenchmarkEmpty", "BenchmarkRepeat_size_10", "BenchmarkRepeat_size_1000"]);
    assert_eq!(metric(&metrics, "BenchmarkRepeat_size_10").summary().count(), 3);
    assert_eq!(mean(&metrics, "BenchmarkRepeat_size_10.bytes"), 208.0);
    assert_eq!(mean(&metrics, "BenchmarkRepeat_size_1000.allocs"), 1.0);
    assert_eq!(mean(&metrics, "BenchmarkRepeat_size_1000.digits_op"), 2.0);
    assert!(mean(&metrics, "BenchmarkRepeat_size_10.throughput") > 1e6);
    let half = &text[..text.len() / 2];
    assert!(plain("go-bench", half).is_err_and(|error| error.contains("ends before")));
    let failed = plain("go-bench", b"BenchmarkX-2 10 5 ns/op\n--- FAIL: BenchmarkY\nFAIL\n").unwrap_err();
    assert!(failed.contains("--- FAIL: BenchmarkY"), "{failed}");
}

#[test]
fn numbers_of_any_json_come_by_pointer_with_their_units() {
    let keys = || {
        let metrics = json!({
            "p99": { "from": "/latency/p99", "unit": "ms", "better": "lower" },
            "times": { "from": "/times", "unit": "us", "kind": "histogram" },
        });
        RequestKeys { metrics: serde_json::from_value(metrics).unwrap(), ..RequestKeys::default() }
    };
    let text = br#"warming up
{"latency": {"p99": 1.5}, "times": [10, 20.25]}"#;
    let metrics = read("json", text, keys()).unwrap();
    assert_eq!((mean(&metrics, "p99"), metric(&metrics, "p99").spec().unit.as_str()), (1.5e6, "ns"));
    assert_eq!(metric(&metrics, "times").histogram().map(|it| it.count()), Some(2));
    let missing = read("json", br#"{"times": [1]}"#, keys()).unwrap_err();
    assert_eq!(missing, "\"/latency/p99\", which metrics.p99 names, is missing");
    let text = read("json", br#"{"latency": {"p99": "fast"}, "times": [1]}"#, keys()).unwrap_err();
    assert_eq!(text, "metrics.p99 is \"fast\", which is no number");
}

#[test]
fn each_match_is_a_value_of_each_named_group() {
    let keys = || RequestKeys {
        pattern: Some(r"took (?P<took>\S+) ms(?:, (?P<rows>\d+) rows)?".to_owned()),
        metrics: serde_json::from_value(json!({ "took": { "unit": "ms" } })).unwrap(),
        ..RequestKeys::default()
    };
    let metrics = read("regex", b"a took 1.5 ms\nb took 2.5 ms, 7 rows\n", keys()).unwrap();
    assert_eq!((mean(&metrics, "took"), metric(&metrics, "took").summary().count()), (2e6, 2));
    assert_eq!(mean(&metrics, "rows"), 7.0);
    let missing = read("regex", b"a took 1.5 ms\n", keys()).unwrap_err();
    assert_eq!(missing, "any match of the pattern's group \"rows\" is missing");
    let odd = read("regex", b"took ages ms, 1 rows", keys()).unwrap_err();
    assert_eq!(odd, "what the group \"took\" matches is \"ages\", which is no number");
}

#[test]
fn tests_that_passed_have_their_times_and_the_suite_its_counts() {
    for name in ["pytest-junit.xml", "pytest-xdist-junit.xml"] {
        let metrics = plain("junit", &report(name)).unwrap();
        let sleeps =
            ["test_sleep_0", "test_sleep_1", "test_sleep_2", "test_sleep_3", "test_sleep_4", "test_sleep"];
        assert_eq!(counted(&metrics).len(), sleeps.len(), "{name}");
        assert!(
            sleeps.iter().all(|test| counted(&metrics).contains(test)),
            "{name}: {:?}",
            counted(&metrics)
        );
        assert!(mean(&metrics, "test_sleep_4") >= 4e6);
        let suite = ["tests", "failed", "skipped"].map(|figure| mean(&metrics, &format!("suite.{figure}")));
        assert_eq!(suite, [8.0, 1.0, 1.0], "{name}");
    }
}

#[test]
fn half_a_report_is_none() {
    let xml = report("pytest-junit.xml");
    assert!(plain("junit", &xml[..xml.len() - 30]).is_err());
    for (parser, name) in
        [("pytest-benchmark", "pytest-benchmark.json"), ("hyperfine", "hyperfine.json"), ("fio", "fio.json")]
    {
        let whole = report(name);
        let error = plain(parser, &whole[..whole.len() / 2]).unwrap_err();
        assert!(error.starts_with("it is no whole JSON of this tool: "), "{parser}: {error}");
        assert_eq!(plain(parser, b" \n").unwrap_err(), "it is empty");
        assert_eq!(plain(parser, b"Segmentation fault\n").unwrap_err(), "no line of it begins a JSON object");
    }
}

#[test]
fn a_log_of_the_java_library_comes_through_with_its_tags() {
    let metrics = plain("hdr-log", &report("java.hlog")).unwrap();
    assert_eq!(counted(&metrics), ["values", "write"]);
    for (name, largest, digits) in [("values", 1e6, 0.001), ("write", 1e7, 0.01)] {
        let values = metric(&metrics, name);
        assert_eq!(values.summary().count(), 3_000);
        let histogram = values.histogram().unwrap();
        assert!(is_near(histogram.value_at_quantile(0.99).unwrap() as f64, 0.99 * largest, 2.0 * digits));
        assert!(is_near(values.summary().mean().unwrap(), 0.5005 * largest, 2.0 * digits));
    }
    let unit = RequestKeys { unit: Some("us".to_owned()), ..RequestKeys::default() };
    let micros = read("hdr-log", &report("java.hlog"), unit).unwrap();
    assert!(is_near(mean(&micros, "values"), mean(&metrics, "values") * 1e3, 0.002));
}

#[test]
fn a_name_that_cannot_be_told_apart_says_so() {
    let line = |name: &str| format!("<testcase classname=\"c\" name=\"{name}\" time=\"1\"/>");
    let text = format!("<testsuite>{}{}</testsuite>", line("t[1.5]"), line("t[1_5]"));
    let error = plain("junit", text.as_bytes()).unwrap_err();
    assert!(error.contains("would both be metric.t_1_5"), "{error}");
}

#[test]
fn what_the_job_is_checked_by_is_what_parsers_take() {
    for key in super::super::KIND.schema.operation_keys {
        let Some(companion) = key.companion.filter(|companion| !companion.words.is_empty()) else { continue };
        let named = |has: fn(&Parser) -> &[&'static str]| -> Vec<&str> {
            TABLE.iter().filter(|parser| has(parser).contains(&key.name)).map(|parser| parser.name).collect()
        };
        assert_eq!(companion.words, named(|parser| parser.keys), "{}", key.name);
        assert_eq!(companion.needed_by, named(|parser| parser.required), "{}", key.name);
    }
}

//! Reports of tools that people already use, from end to end: real pytest, pytest-benchmark and fio, and tools that break off.

use std::fs;
use std::time::Duration;

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{list, only_trial, operation, text, trials, whole};
use fleetmark_tests::suites::{measured, scene_with};
use serde_json::{Value, json};

/// Forty runs of a suite of forty tests, with up to eight workers on a machine of two cores.
const SUITE_WITHIN: Duration = Duration::from_secs(420);

fn run(scene: &Scene, job: &str) -> (Said, Value) {
    let said = scene.run_within(SUITE_WITHIN, &["run", job, "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

/// A job that runs a shell script whose report is read so.
fn script(scene: &Scene, script: &str, keys: &str, more: &str) -> (Said, Value) {
    let job = format!(
        "name = \"brought\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\n\
         command = [\"sh\", \"-c\", '''{script}''']\n{keys}\n[load]\nworkers = 1\niterations = 1\n[limits]\nsteal = 1.0\n{more}\n"
    );
    scene.write("job.toml", &job);
    run(scene, "job.toml")
}

fn messages<'a>(trial: &'a Value, code: &str) -> Vec<&'a str> {
    let findings = list(&trial["findings"]).iter().filter(|finding| finding["code"] == json!(code));
    findings.map(|finding| text(&finding["message"])).collect()
}

#[test]
fn a_suite_of_forty_tests_is_swept_over_its_workers() {
    let (said, report) = run(&scene_with("suites"), "tests-over-workers.toml");
    assert_eq!(said.code, 0, "{said:?}");
    let variants: Vec<&str> =
        list(&report["variants"]).iter().map(|variant| text(&variant["name"])).collect();
    assert_eq!(variants, ["params.w=1", "params.w=2", "params.w=4", "params.w=8"]);
    for trial in list(&report["variants"]).iter().flat_map(|variant| list(&variant["trials"])) {
        assert_eq!(trial["valid"], json!(true), "{trial:#}");
        let suite = operation(trial, "suite");
        assert_eq!(measured(suite).len(), 40);
        assert_eq!(suite["metrics"]["suite.tests"]["mean"], json!(40.0));
        assert_eq!(suite["metrics"]["suite.failed"]["mean"], json!(0.0));
    }
    assert!(list(&report["variants"]).iter().all(|variant| list(&variant["trials"]).len() == 10));
}

#[test]
fn eleven_broken_benchmarks_make_the_suite_invalid_and_are_named() {
    let (said, report) = run(&scene_with("suites"), "broken-benchmarks.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(measured(operation(trial, "suite")).len(), 9, "those that work have their results");
    let missed = messages(trial, "expectation_missed");
    let [absent, miscounted] = missed.as_slice() else { panic!("two findings: {missed:?}") };
    for number in 0..20 {
        let name = format!("metric.test_number_{number:02}.mean");
        assert_eq!(absent.contains(&name), number < 11, "{name}: {absent}");
    }
    assert!(miscounted.starts_with("9 distinct metrics were reported; [expect] says 20"), "{miscounted}");
    assert!(absent.contains("11 failed, 9 passed"), "the program's last words: {absent}");
    let sample = text(&operation(trial, "suite")["error_samples"][0]["message"]);
    assert!(sample.contains("exit status 1"), "{sample}");
}

#[test]
fn fios_own_p99_and_the_reports_agree_within_one_of_its_bins() {
    let scene = Scene::new();
    let command = "fio --name=mixed --filename=fio.data --size=4m --rw=randrw --bs=4k --runtime=1 --time_based \
                   --ioengine=psync --output-format=json+ --output=fio.json";
    let (said, report) = script(&scene, command, "parse = \"fio\"\noutput = \"fio.json\"", "");
    assert_eq!(said.code, 0, "{said:?}");
    let told = &scene.json("fio.json")["jobs"][0];
    let metrics = &operation(only_trial(&report), "it")["metrics"];
    for direction in ["read", "write"] {
        let ours = &metrics[format!("mixed_{direction}")];
        let theirs = &told[direction];
        assert_eq!(whole(ours, "count"), whole(theirs, "total_ios"));
        let p99 = theirs["clat_ns"]["percentile"]["99.000000"].as_f64().unwrap();
        let reported = ours["p99"].as_f64().unwrap();
        assert!((reported - p99).abs() <= p99 / 64.0 + 1.0, "{direction}: {reported} against fio's {p99}");
        assert_eq!(metrics[format!("mixed_{direction}.iops")]["mean"], theirs["iops"]);
    }
}

#[test]
fn pytest_benchmarks_mean_and_the_reports_agree_to_nine_digits() {
    let scene = scene_with("suites");
    let command = "/usr/bin/python3 -m pytest -q -p no:cacheprovider -k \"11 or 12\" --benchmark-json=own.json test_benchmarks.py";
    let keys = "parse = \"pytest-benchmark\"\noutput = \"own.json\"\ntimeout = \"60s\"";
    let (said, report) = script(&scene, command, keys, "");
    assert_eq!(said.code, 0, "{said:?}");
    let metrics = &operation(only_trial(&report), "it")["metrics"];
    let own = scene.json("own.json");
    assert_eq!(list(&own["benchmarks"]).len(), 2);
    for (benchmark, name) in list(&own["benchmarks"]).iter().zip(["test_number_11", "test_number_12"]) {
        let theirs = benchmark["stats"]["mean"].as_f64().unwrap() * 1e9;
        let ours = metrics[name]["mean"].as_f64().unwrap();
        assert!((ours - theirs).abs() <= 1e-9 * theirs, "{name}: {ours} against {theirs}");
    }
    assert_eq!(messages(only_trial(&report), "other_machine"), [""; 0], "it ran here");
}

#[test]
fn a_tool_that_breaks_off_makes_the_trial_invalid_with_its_last_words() {
    let parse = "parse = \"hyperfine\"";
    for (breaks, keys, error, said) in [
        ("echo going; kill -SEGV $$", parse, "exit", "SIGSEGV"),
        ("echo trouble >&2", parse, "body", "its report cannot be used: it is empty: trouble"),
        ("echo '{\"results\": [{\"command\": \"x\", \"ti'", parse, "body", "no whole JSON of this tool"),
        ("true", "parse = \"fio\"\noutput = \"nowhere.json\"", "body", "nowhere.json cannot be read"),
        ("true", "parse = \"fio\"\noutput = \"/etc/passwd\"", "body", "was not written by this run"),
    ] {
        let (ended, report) = script(&Scene::new(), breaks, keys, "");
        assert_eq!((ended.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{breaks}: {ended:?}");
        let it = operation(only_trial(&report), "it");
        assert_eq!(it["errors"], json!({ error: 1 }), "{breaks}");
        let message = text(&it["error_samples"][0]["message"]);
        assert!(message.contains(said), "{breaks}: {message}");
        assert!(ended.out.contains("invalid"), "{ended:?}");
    }
}

#[test]
fn a_tool_that_reports_less_than_was_expected_is_quoted() {
    let script_text = "echo only one; echo '{\"a\": 1}'; echo 'two were skipped' >&2";
    let keys = "parse = \"json\"\nmetrics = { a = { from = \"/a\", unit = \"ms\", better = \"lower\" } }";
    let (said, report) = script(&Scene::new(), script_text, keys, "[expect]\ncount = 3");
    assert_eq!(said.code, 3, "{said:?}");
    let missed = messages(only_trial(&report), "expectation_missed");
    assert_eq!(
        missed,
        ["1 distinct metrics were reported; [expect] says 3; the program's last words: two were skipped"]
    );
    assert_eq!(operation(only_trial(&report), "it")["metrics"]["a"]["mean"], json!(1e6));
}

#[test]
fn a_report_from_another_machine_is_noted() {
    let scene = scene_with("suites");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/pytest-benchmark.json");
    let theirs = fs::read_to_string(golden).unwrap().replace("\"node\": \"vm\"", "\"node\": \"elsewhere\"");
    scene.write("theirs.json", &theirs);
    let keys = "parse = \"pytest-benchmark\"\noutput = \"copied.json\"";
    let (said, report) = script(&scene, "cp theirs.json copied.json", keys, "");
    assert_eq!(said.code, 0, "a note changes nothing: {said:?}");
    let noted = messages(only_trial(&report), "other_machine");
    assert!(noted.len() == 1 && noted[0].contains("its host name is elsewhere"), "{noted:?}");
    assert_eq!(trials(&report).len(), 1);
}
